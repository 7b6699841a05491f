"""Commands that teach a model and measure how good it is: train, tune, evaluate."""

import shlex
import sys
from dataclasses import asdict

import click

import zoo
from zoo.cli import _options as options
from zoo.cli._errors import progress
from zoo.cli._loading import SOUND, check_can, importing
from zoo.cli._output import print_json, print_results, save_picture
from zoo.errors import ZooError
from zoo.files import atomic_write
from zoo.presets import is_language_model


@click.command()
@click.argument("name")
@options.data_option
@click.option("--validation", multiple=True, metavar="SPEC", help="Data set on which the best epoch is chosen; may be repeated.")  # fmt: skip
@options.out_option("DIR", "Folder of the run.")
@click.option("--epochs", type=options.COUNT, help="Passes over the data (60).")
@click.option("--minutes", type=options.POSITIVE, help="Time limit in minutes, instead of --epochs.")
@click.option("--batch-size", type=options.COUNT, help="Utterances in a batch (32).")
@click.option("--learning-rate", type=options.POSITIVE, help="Peak learning rate (0.001).")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Random seed of weights, order and augmentation (0).")
@click.option("--init", metavar="WEIGHTS", help="Weights to start from: a file, a model's name, or none (the bundled ones).")  # fmt: skip
@click.option("--freeze", is_flag=True, help="Train the last layer only.")
@click.option("--teacher", metavar="NAME", help="Model, or classifiers (a+b), whose probabilities are a second target (distillation).")  # fmt: skip
@click.option("--no-augment", is_flag=True, help="Train without augmentation.")
@click.option("--resume", is_flag=True, help="Continue the run in DIR.")
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard into DIR.")
@click.option("--hosts", type=options.COUNT, default=1, help="Number of hosts that train together, under JAX (1).")
@click.option("--host-index", type=click.IntRange(0), default=0, help="Which of them this is (0).")
@click.option("--coordinator", metavar="HOST:PORT", help="Address of host 0.")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="A field of the model's Config, or training.FIELD.")  # fmt: skip
def train(name, data, out, validation, no_augment, changes, resume, hosts, host_index, coordinator, **given):
    """Train the model NAME.

    It starts from the bundled layers, the last one apart where the labels are others; --init none starts from nothing.
    Ctrl-C and even a power cut lose at most one epoch; --resume goes on.

    In a SPEC, =WEIGHT repeats: `an4=2` shows each utterance of AN4 twice an epoch. --set changes fields of the model's
    Config and, after `training.`, those settings that have no option: warmup, weight_decay, silence_prob, temperature, teacher_share,
    bucket_boundaries. A language model has the settings of its `train`, and out_of_domain=SPEC for texts of another kind.
    DIR receives the learning curves (curves.csv, curves.png), best.weights.h5, and at the end model.keras.

    \b
    Example:
      zoo train ds_cnn --data folder,source=words --out runs/mine
      zoo train lstm_ctc --init none --data an4 --data connected_digits --data synthetic=0.5 \\
                         --validation an4 --set units=256 --set training.warmup=0.1 --out runs/first
      zoo train ngram_lm --data an4 --set order=4 --out runs/words
      KERAS_BACKEND=jax zoo train lstm_ctc --data an4 --out runs/two --hosts 2 --host-index 0 --coordinator 10.0.0.1:8476
    """
    given = {option: value for option, value in given.items() if value not in (None, False)}
    changes = options.pairs(changes)
    if is_language_model(name):
        _train_language_model(name, data, out, changes, given, validation or resume or no_augment)
        return
    for field in [field for field in changes if field.startswith("training.")]:
        given[field.removeprefix("training.")] = changes.pop(field)
    if no_augment:
        given["augmentation"] = None
    again = shlex.join(["zoo", *sys.argv[1:], *([] if resume else ["--resume"])])
    with progress(f"Stopped; every whole epoch is kept. Go on with: {again}") as log:
        with importing():
            from zoo import training
            from zoo.training.hosts import Hosts
        given |= {"validation": validation, "resume": resume, "model_config": changes}
        if (this := Hosts(hosts, host_index, coordinator)).several:
            given["hosts"] = this
        model = training.train(name, data, out, log=log, **given)
    if not this.leads:
        return
    zoo.tasks.compile_model(model)  # without the optimizer's state the file is a third as large
    with atomic_write(out / "model.keras") as partial:
        model.save(partial)
    verb = next(verb for verb in ("transcribe", "classify", "reconstruct", "detect") if hasattr(model, verb))
    words = ["zoo", verb, "clip.wav", "--model", name, "--weights", str(out / "model.keras")]
    click.echo(f"Done: {shlex.join(words)}")


@click.command()
@click.argument("name")
@options.data_option
@click.option("--validation", multiple=True, required=True, metavar="SPEC", help="Data set on which trials are compared; may be repeated.")  # fmt: skip
@options.out_option("DIR", "Folder of the search.")
@click.option("--trials", type=options.COUNT, default=30, help="Number of trials (30).")
@click.option("--epochs", type=options.COUNT, default=10, help="Epochs in each trial (10).")
@click.option(
    "--search", multiple=True, metavar="FIELD=RANGE", help="Field to search: a range LOW..HIGH, or choices A|B|C."
)
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Setting of all trials, as for zoo train.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Seed of the search (0).")
@click.option(
    "--cluster",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="local",
    help="Run trials on the nodes of a Ray cluster, which share DIR.",
)
@options.json_option
def tune(name, data, validation, out, trials, epochs, search, changes, seed, cluster, as_json):
    """Search for the settings of a training run with which the model NAME does best on validation data.

    A FIELD is one of the model's Config or, after `training.`, one of the training's settings; without --search the learning
    rate, weight decay and batch size are searched. Trials start from random weights; those that are worse than the median end
    early. Call it again to go on after Ctrl-C, or for more trials. DIR receives trials.csv, importance.png, and best/, the
    best trial.

    \b
    Example:
      zoo tune ds_cnn --data fsdd:fit --validation fsdd:validation --out tuned --trials 20
      zoo tune simple_rnn --data fsdd:fit --validation fsdd:validation --out tuned --set dropout=0.1 \\
                          --search units=32..128 --search "training.batch_size=16|32"
    """
    shared = options.pairs(changes)
    settings = {f.removeprefix("training."): shared.pop(f) for f in [f for f in shared if f.startswith("training.")]}
    with progress("Stopped; whole trials are kept. The same command goes on.") as log:
        with importing():
            from zoo.training.tune import command
            from zoo.training.tune import tune as search_for
        space = options.space(search) or None
        settings |= {"epochs": epochs, "model_config": shared}
        say = (lambda line: None) if as_json else log
        found = search_for(
            name,
            data,
            out,
            validation=validation,
            trials=trials,
            space=space,
            seed=seed,
            cluster=cluster,
            log=say,
            **settings,
        )
    more = ["--init", "none", *(word for change in changes for word in ("--set", change))]
    found["command"] = shlex.join(command(name, data, validation, found, [*more, "--epochs", str(epochs)]))
    if as_json:
        print_json(found)
    else:
        click.echo(f"Best: trial {found['trial'] + 1}, {found['value']:.2f}. Train with it: {found['command']}")


def _train_language_model(name: str, data, out, changes: dict, given: dict, others: bool) -> None:
    if others or {"init", "freeze", "teacher", "tensorboard"} & set(given):
        options = "--validation, --init, --freeze, --teacher, --no-augment, --resume and --tensorboard"
        raise ZooError(f"`name` must be a model of sound for {options}. Received: {name}.")
    texts = changes.pop("out_of_domain", [])
    texts = [texts] if isinstance(texts, str) else texts
    with progress("Stopped; nothing was kept.") as log:
        with importing():
            from zoo.training.language import train_language_model
        path = train_language_model(name, data, out, given | changes, texts, log)
    click.echo(f"Done: {shlex.join(['zoo', 'transcribe', 'clip.wav', '--language-model', str(path)])}")


@click.command()
@options.model((*SOUND, "language"), "a model", runtimes=True)
@options.data_option
@options.decoder_options
@click.option("--verify", is_flag=True, help="Measure the equal error rate of speaker verification.")
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
    log = (lambda line: click.echo(line, err=True)) if sys.stderr.isatty() else None
    results = zoo.evaluate(asked.model, *data, log=log, **decoder, **({"verify": True} if verify else {}))
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
