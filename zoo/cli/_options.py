"""The options that commands share, each defined once, and the types of their values."""

import json
import math
import os
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from zoo.cli._loading import Asked, check_can
from zoo.cli._output import PICTURES, check_file
from zoo.errors import ZooError


class _NotEmpty:
    """Refuses "", as of a shell variable that is not set: it is neither the current folder nor an option left out."""

    def convert(self, value, param, ctx):
        if not os.fspath(value):
            self.fail("a path or name must not be empty.", param, ctx)
        return super().convert(value, param, ctx)


class PathType(_NotEmpty, click.Path):
    """A path that is not empty."""


class NameType(_NotEmpty, type(click.STRING)):
    """A string that is not empty."""


class Real(click.FloatRange):
    """A finite number of a range; click's own lets NaN and infinity pass."""

    def convert(self, value, param, ctx):
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


PATH = PathType(path_type=Path, readable=False)  # what cannot be read is reported when it is read, and the rest goes on
NAME = NameType()
POSITIVE = Real(0, min_open=True)
COUNT = click.IntRange(1)

file_argument = click.argument("path", metavar="FILE", type=PATH)
recordings_argument = click.argument("paths", metavar="FILE_OR_FOLDER...", nargs=-1, required=True, type=PATH)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
plot_option = click.option(
    "--plot", type=PATH, metavar="FILE", help="Draw a picture (.png, .svg, .pdf).",
    callback=lambda ctx, param, path: path and check_file("plot", path, PICTURES),  # before the work, not after it
)  # fmt: skip
data_option = click.option(
    "--data", multiple=True, required=True, type=NAME, metavar="SPEC",
    help="Data set, NAME[:SPLIT][,OPTION=VALUE...]; may be repeated.",
)  # fmt: skip


def model_option(default: str, tasks: tuple[str, ...], what: str, others: tuple[str, ...] = ()) -> Callable:
    """Adds --model and --weights to a command about recordings, which gets both as one `asked`, checked by `check_can`."""
    about = {"default": default, "show_default": True, "metavar": "NAME", "help": f"Name of {what}."}
    return lambda command: click.option("--model", "name", type=NAME, **about)(_asked(command, tasks, what, others))


def model_argument(tasks: tuple[str, ...], what: str) -> Callable:
    """Adds NAME and --weights to a command about one model; otherwise as `model_option`."""
    return lambda command: click.argument("name", type=NAME)(_asked(command, tasks, what, ()))


def _asked(command: Callable, tasks: tuple[str, ...], what: str, others: tuple[str, ...]) -> Callable:
    @click.option("--weights", type=NAME, metavar="FILE", help="A .keras or .weights.h5 file for the bundled weights.")
    @wraps(command)
    def with_model(name, weights, **values):
        if name not in others:
            check_can(name, tasks, what)
        return command(asked=Asked(name, weights), **values)

    return with_model


def out_option(metavar: str, help: str, required: bool = True) -> Callable:
    """Returns the option --out, the main product of a command."""
    return click.option("--out", required=required, type=PATH, metavar=metavar, help=help)


def top_option(help: str) -> Callable:
    """Returns the option --top, how many answers a command shows of each recording."""
    return click.option("--top", type=COUNT, default=3, show_default=True, help=help)


DECODER = (
    click.option("--beam-width", type=COUNT, help="Prefixes that a beam search keeps (16)."),
    click.option("--language-model", type=NAME, metavar="NAME", help="ngram_lm, lstm_lm, both with a + between, or a file."),
    click.option("--alpha", type=Real(), help="Weight of the language model (the card's)."),
    click.option("--word-bonus", type=Real(), help="Reward of each word (the card's)."),
    click.option("--prior-scale", type=Real(), help="Weight of the label priors that are divided out (the card's)."),
    click.option("--token-min-logp", type=Real(), help="Least log probability of a token that is tried."),
    click.option("--lexicon", multiple=True, metavar="WORDS", help="The only words that may be written: `yes,no`."),
)  # fmt: skip
DECODER_NAMES = ("beam_width", "language_model", "alpha", "word_bonus", "prior_scale", "token_min_logp", "lexicon")


def decoder_options(command: Callable) -> Callable:
    """Adds the options of a beam search; the command gets those that were given as one dict `decoder`."""

    @wraps(command)
    def with_decoder(**values):
        given = {name: values.pop(name) for name in DECODER_NAMES}
        given["lexicon"] = [word for words in given["lexicon"] for word in words.replace(",", " ").split()] or None
        return command(**values, decoder={name: value for name, value in given.items() if value is not None})

    for option in reversed(DECODER):
        with_decoder = option(with_decoder)
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
