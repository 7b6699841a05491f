"""The command evaluate: how good a model is on data sets."""

import sys
from dataclasses import asdict
from functools import partial

import click

import zoo
from zoo.cli import _options as options
from zoo.cli._loading import SOUND, check_can
from zoo.cli._output import print_json, print_results, save_picture


@click.command()
@options.model((*SOUND, "language"), "a model")
@options.data_option
@options.decoder_options
@click.option("--verify", is_flag=True, help="Equal error rate of an embedder: is it the same speaker, or another?")
@options.plot_option
@options.json_option
def evaluate(asked, data, decoder, verify, plot, as_json):
    """Measure the model NAME: error rates, accuracy, error in dB, or perplexity, with 95 % intervals.

    The split of a SPEC is test unless given. Decoding is greedy unless an option asks for a beam search. --plot draws what a
    classifier took for what.

    \b
    Example:
      zoo evaluate lstm_ctc --data folder:all,source=mine.csv --weights runs/mine/model.keras --json
      zoo evaluate conv2d --data fsdd --plot errors.png
      zoo evaluate speaker_id --data spoken_digits --verify
      zoo evaluate conv_lstm_ctc --data an4 --language-model ngram_lm
    """
    if plot or verify:
        check_can(asked.name, ("classification",), "a classifier")
    show = partial(click.echo, err=True) if sys.stderr.isatty() else None
    results = zoo.evaluate(asked.model, *data, log=show, **decoder, **({"verify": True} if verify else {}))
    if plot:
        from zoo.evaluation import confusions
        from zoo.plots import confusion

        pairs = confusions(asked.model, *data)
        seen = set().union(*pairs)
        save_picture(confusion(*pairs, [label for label in asked.model.labels if label in seen]).figure, plot)
    if as_json:
        print_json([asdict(result) for result in results])
    else:
        print_results(results)
