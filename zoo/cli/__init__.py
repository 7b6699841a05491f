"""The command `zoo`: each command parses what was typed, calls one function of the package, and prints what it gives.

    zoo.cli.models      list, info, export, data
    zoo.cli.recognise   transcribe, listen, classify, align, few-shot, search
    zoo.cli.autoencode  reconstruct, denoise, map
    zoo.cli.train       train, evaluate
    zoo.cli.demo        demo

A file is imported when one of its commands is needed, and Keras when a model is.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module

import click

import zoo
from zoo.cli._errors import Group

MODULES = {
    **dict.fromkeys(("list", "info", "export", "data"), "models"),
    **dict.fromkeys(("transcribe", "listen", "classify", "align", "few-shot", "search"), "recognise"),
    **dict.fromkeys(("reconstruct", "denoise", "map"), "autoencode"),
    **dict.fromkeys(("train", "evaluate"), "train"),
    "demo": "demo",
}


class Commands(Mapping):
    """Commands by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        module = import_module(f"{__name__}.{MODULES[name]}")
        return next(item for item in vars(module).values() if isinstance(item, click.Command) and item.name == name)

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


@click.group(cls=Group, commands=Commands(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, prog_name="zoo")
def main() -> None:
    """A teaching zoo of small speech models in Keras.

    \b
    Example:
      zoo list                        which models there are
      zoo transcribe clip.wav         what is said in a recording
      zoo evaluate lstm_ctc --data an4
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with suppress(AttributeError):  # no stdout at all, or that of a notebook
        # File names need not be UTF-8; one that is not must not stop what is printed about the others.
        sys.stdout.reconfigure(errors="backslashreplace")
