"""Finds the weights of a beam search for the [decoding] table of a recognizer's card, and measures its prior.

    python -m experiments.tune_decoder --weights runs/base3/best.weights.h5 --text an4:train --data an4:validation
    python -m experiments.tune_decoder --model conv_lstm_ctc --data sentences:validation,count=150 \\
        --data speechocean762:validation --language-model ngram_lm.sentences
    python -m experiments.tune_decoder --model conv_lstm_ctc --data speechocean762:train --prior

Use utterances that neither the acoustic weights nor the text of the language model know. alpha, word_bonus and, for bundled
weights whose card has a prior, prior_scale take turns, each at the best value of its grid while the others stay, until none
moves. Of several sets of data the mean error rate counts. `--prior` writes the mean posterior of each symbol to the card instead.
"""

import argparse
from collections.abc import Callable
from functools import partial

import zoo
from experiments._common import exit_on_error
from experiments.ship import update_card
from zoo.datasets.spec import DataSpec
from zoo.decoding import beam_search, label_prior
from zoo.language import Mixture, load, lstm_lm, ngram_lm
from zoo.metrics import wer

GRIDS = {
    "prior_scale": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    "word_bonus": (0.0, 0.5, 1.0, 2.0, 3.0),
    "alpha": (0.2, 0.3, 0.4, 0.5, 0.7, 1.0),
}
START = {"alpha": 0.5, "word_bonus": 1.0, "prior_scale": 0.0}  # where the card says nothing
NGRAMS = (("word", 2), ("word", 3), ("word", 4), ("character", 4), ("character", 6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lstm_ctc")
    parser.add_argument("--weights", default="bundled")
    parser.add_argument("--data", action="append", required=True, help="sets of utterances")
    parser.add_argument("--text", default="an4:train", help="what language models are trained on")
    parser.add_argument("--language-model", action="append", help="a preset or a file, instead of --text")
    parser.add_argument("--prior", action="store_true", help="measure the prior and write it to the card")
    args = parser.parse_args()
    model = zoo.load(args.model, weights=args.weights)
    sets = {data: logits_of(model, data) for data in args.data}
    if args.prior:
        prior = label_prior([logits for _, found in sets.values() for logits in found])
        for symbol, value in sorted(
            zip(("blank", *model.vocabulary.tokens), prior, strict=True), key=lambda pair: -pair[1]
        ):
            print(f"{symbol!r:>8}{100 * value:10.3f} %")
        update_card(args.model, prior=[float(f"{value:.3g}") for value in prior], prior_data=", ".join(args.data))
        return
    greedy = model.decoder("greedy")
    print(f"WER %, greedy: {error_rates(sets, lambda x: greedy(x, 0.0).text)}", flush=True)
    language_models = {name: load(name) for name in args.language_model or ()} or trained_on(args.text)
    for name, language_model in language_models.items():
        start = START | (model.tuned(name) if args.language_model else {})
        best, error = tune(model, sets, language_model, start)
        print(
            f"{name}: {', '.join(f'{weight} {value:g}' for weight, value in best.items())}, {error:.2f} % on average",
            flush=True,
        )


def logits_of(model, data: str) -> tuple[list[str], list]:
    """(texts, logits) of a set."""
    utterances = DataSpec.parse(data, "validation").load()
    return [u.text for u in utterances], model.logits(
        [u.audio(model.config.sample_rate) for u in utterances], model.config.sample_rate
    )


def trained_on(text: str) -> dict:
    """Language models of several kinds, trained on the texts of a set."""
    texts = [utterance.text for utterance in DataSpec.parse(text, "train").load()]
    found = {f"{unit} {order}-grams": ngram_lm.train(texts, order, unit) for unit, order in NGRAMS}
    found["lstm_lm"] = lstm_lm.train(texts)
    return found | {"word 3-grams + lstm_lm": Mixture([found["word 3-grams"], found["lstm_lm"]])}


def error_rates(sets: dict, decode: Callable) -> dict[str, float]:
    """Word error rate in percent of each set."""
    return {data: round(100 * wer(texts, list(map(decode, logits))).value, 2) for data, (texts, logits) in sets.items()}


def tune(model, sets: dict, language_model, start: dict) -> tuple[dict, float]:
    """(the best weights, their mean word error rate in percent)."""
    prior = model.prior or None
    search = partial(beam_search, vocabulary=model.vocabulary, language_model=language_model, prior=prior)
    known, best, before = {}, start, None
    while best != before:
        before = best
        for weight, grid in GRIDS.items():
            for value in grid if weight != "prior_scale" or prior else (0.0,):
                weights = best | {weight: value}
                if (key := tuple(weights.values())) not in known:
                    rates = error_rates(sets, lambda x, weights=weights: search(x, **weights)[0].text)
                    known[key] = sum(rates.values()) / len(rates)
                    print(f"  {weights} {rates}", flush=True)
            best = dict(zip(START, min(known, key=known.get), strict=True))
    return best, min(known.values())


if __name__ == "__main__":
    exit_on_error(main)
