"""The options that commands share, each defined once, and the types of their values."""

import json
import math
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from zoo.cli._loading import Asked, check_can
from zoo.cli._output import PICTURES, check_file
from zoo.entry import SUFFIXES
from zoo.errors import ZooError


class Real(click.FloatRange):
    """A finite number of a range; click's own lets NaN and infinity pass."""

    def convert(self, value, param, ctx):
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


# What cannot be read is reported when it is read, and the rest goes on.
PATH = click.Path(path_type=Path, readable=False)
POSITIVE = Real(0, min_open=True)
COUNT = click.IntRange(1)

file_argument = click.argument("path", metavar="FILE", type=PATH)
recordings_argument = click.argument("paths", metavar="FILE_OR_FOLDER...", nargs=-1, required=True, type=PATH)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
top_option = click.option("--top", type=COUNT, default=3, help="Number of answers to show for each recording (3).")
plot_option = click.option(
    "--plot", type=PATH, metavar="FILE", help="Draw a picture (.png, .svg, .pdf).",
    callback=lambda ctx, param, path: path and check_file("plot", path, PICTURES),  # before the work, not after it
)  # fmt: skip
data_option = click.option(
    "--data", multiple=True, required=True, metavar="SPEC", help="NAME[:SPLIT][,OPTION=VALUE...]; may be repeated."
)


def out_option(metavar: str, help: str, required: bool = True) -> Callable:
    """Returns the option --out, the main product of a command."""
    return click.option("--out", required=required, type=PATH, metavar=metavar, help=help)


RUNTIME = click.option(
    "--runtime",
    type=click.Choice(["keras", "litert"]),
    help="Runtime; litert starts in a tenth of the time of keras (keras).",
)


def model(
    tasks: tuple[str, ...], what: str, default: str = "", others: tuple[str, ...] = (), runtimes: bool = False
) -> Callable:
    """Adds --model, or NAME where there is no default, and --weights to a command, which gets both as one `asked`.

    The model must be for one of `tasks`, in words `what`; `others` are names of no preset that may be given too. With `runtimes`
    it may run without Keras.
    """

    def decorate(command: Callable) -> Callable:
        @click.option(
            "--weights",
            metavar="FILE",
            help=f"A .keras{', .weights.h5 or .tflite' if runtimes else ' or .weights.h5'} file to use instead of the bundled weights.",
        )
        @wraps(command)
        def with_model(name, weights, runtime=None, **values):
            if name not in others:
                check_can(name, tasks, what)
            if weights and weights.endswith(SUFFIXES) and not runtimes:
                raise ZooError(f"`weights` must be a .keras or .weights.h5 file for this command. Received: {weights}.")
            return command(asked=Asked(name, weights, None if runtime == "keras" else runtime), **values)

        with_model = RUNTIME(with_model) if runtimes else with_model
        if not default:
            return click.argument("name")(with_model)
        about = {"default": default, "metavar": "NAME", "help": f"Name of {what} ({default})."}
        return click.option("--model", "name", **about)(with_model)

    return decorate


DECODER = {
    "beam_width": {"type": COUNT, "help": "Prefixes that a beam search keeps (16)."},
    "language_model": {"metavar": "NAME", "help": "ngram_lm, lstm_lm, both with a + between, or a file."},
    "alpha": {"type": Real(), "help": "Weight of the language model (the card's)."},
    "word_bonus": {"type": Real(), "help": "Reward of each word (the card's)."},
    "prior_scale": {"type": Real(), "help": "Weight of the label priors that are divided out (the card's)."},
    "token_min_logp": {"type": Real(), "help": "Least log probability of a token that is tried."},
    "lexicon": {"multiple": True, "metavar": "WORDS", "help": "The only words that may be written: `yes,no`."},
}


def decoder_options(command: Callable) -> Callable:
    """Adds the options of a beam search; the command gets those that were given as one dict `decoder`."""

    @wraps(command)
    def with_decoder(**values):
        given = {name: values.pop(name) for name in DECODER}
        given["lexicon"] = [word for words in given["lexicon"] for word in words.replace(",", " ").split()] or None
        return command(**values, decoder={name: value for name, value in given.items() if value is not None})

    for name, about in reversed(DECODER.items()):
        with_decoder = click.option(f"--{name.replace('_', '-')}", **about)(with_decoder)
    return with_decoder


def pairs(items: Iterable[str]) -> dict[str, Any]:
    """Parses items such as "count=20" or 'labels=["yes", "no"]'; a value that is not JSON stays a string.

    >>> pairs(["count=20", "unit=character"])
    {'count': 20, 'unit': 'character'}
    """
    found = {}
    for item in items:
        field, equals, value = item.partition("=")
        if not (field and equals and value):
            raise ZooError(f"`set` must be FIELD=VALUE. Received: {item!r}.")
        try:
            found[field] = json.loads(value)
        except ValueError:
            found[field] = value
    return found


def space(items: Iterable[str]) -> dict[str, Any]:
    """Parses what is to be searched: "units=32..256", a range, or "kernel_size=5|9", choices.

    >>> space(["training.learning_rate=1e-4..1e-2", "units=64|128"])
    {'training.learning_rate': (0.0001, 0.01), 'units': [64, 128]}
    """
    found = {}
    for item in items:
        field, equals, text = item.partition("=")
        low, dots, high = text.partition("..")
        try:
            values = [json.loads(value) for value in ((low, high) if dots else text.split("|"))]
        except ValueError:
            values = []
        if not (field and equals and values):
            raise ZooError(f"`search` must be FIELD=LOW..HIGH or FIELD=A|B|C. Received: {item!r}.")
        found[field] = tuple(values) if dots else values
    return found
