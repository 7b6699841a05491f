"""The command `zoo`: each command parses what was typed, calls one function of the package, and prints what it gives.

    zoo.cli.models      list, info, export, benchmark, data
    zoo.cli.transcribe  transcribe
    zoo.cli.recognise   listen, classify, align, few-shot, search
    zoo.cli.spot        spot, verify, detect
    zoo.cli.autoencode  reconstruct, denoise, map
    zoo.cli.train       train, evaluate
    zoo.cli.demo        demo
    zoo.cli.web         web
    zoo.cli.serve       serve
    zoo.cli.hub         push
    zoo.cli.monitor     monitor

Keras is imported when a model is needed.
"""

import os
import sys
from contextlib import suppress

import click

import zoo
from zoo.cli import autoencode, demo, hub, models, monitor, recognise, serve, spot, train, transcribe, web
from zoo.cli._errors import Group

MODULES = (models, transcribe, recognise, spot, autoencode, train, demo, web, serve, hub, monitor)
COMMANDS = {item.name: item for module in MODULES for item in vars(module).values() if isinstance(item, click.Command)}


@click.group(cls=Group, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
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
