"""How commands end: one sentence on stderr and exit code 1 on bad input, 130 after Ctrl-C, never a traceback."""

import atexit
import errno
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from zoo.errors import AudioWarning, ZooError, first_line
from zoo.files import leave

OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError")  # Python's and TensorFlow's


class Group(click.Group):
    """A group whose commands turn errors into one sentence."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # As of a shell variable that is not set: neither the current folder nor an option left out.
        if any(not argument or re.fullmatch("--[a-z-]+=", argument) for argument in args):
            raise click.UsageError("An argument or the value of an option must not be empty.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", AudioWarning)
                warnings.showwarning = _say(warnings.showwarning)
                result = super().invoke(ctx)
            sys.stdout.flush()  # a full disk behind `> file` shows here, not while Python shuts down
            return result
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            number = getattr(error, "errno", None)
            expected = (
                isinstance(error, ZooError | OSError | ModuleNotFoundError) or type(error).__name__ in OUT_OF_MEMORY
            )
            if number == errno.EPIPE or (os.environ.get("ZOO_TRACEBACK") and not expected):
                raise  # `zoo list | head -1` is no error; click knows it
            if number == errno.ENOSPC:
                with suppress(OSError):
                    sys.stdout = open(os.devnull, "w")
            raise click.ClickException(sentence(error)) from error


def _say(usual: Callable) -> Callable:
    """`warnings.showwarning` that prints what is odd about a recording as one line, and all else as `usual`."""

    def show(message, category, *others, **more):
        if issubclass(category, AudioWarning):
            click.echo(f"Warning: {message}", err=True)
        else:
            usual(message, category, *others, **more)

    return show


def sentence(error: Exception) -> str:
    """Returns what to tell the user about an error."""
    if isinstance(error, ZooError):
        return " ".join(str(error).split())
    if isinstance(error, OSError):
        reason = (error.strerror or str(error) or type(error).__name__).rstrip(".")
        return f"{error.filename}: {reason}." if error.filename else f"{reason}."
    if type(error).__name__ in OUT_OF_MEMORY:
        return "This does not fit into the memory of this machine."
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("zoo"):
        return f"This command needs the package {error.name}: pip install {error.name.partition('.')[0]}."
    about = f"{type(error).__name__}: {first_line(error)}"
    return f"The zoo did not expect this; please report it (ZOO_TRACEBACK=1 shows where it happened). {about}"


@contextmanager
def interruptible() -> Iterator[list]:
    """Lets Ctrl-C end the block, at its end if not before; yields the list of those that came.

    Python drops an exception within a callback of its garbage collector or of an import lock, so each one is remembered.
    """
    pressed: list[int] = []

    def press(number, frame):
        pressed.append(number)
        raise KeyboardInterrupt

    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.SIG_IGN:  # a shell has background jobs ignore Ctrl-C, and that stays so
        yield pressed
        return
    signal.signal(signal.SIGINT, press)
    try:
        yield pressed
        if pressed:
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, usual)


@contextmanager
def progress(stopped: str) -> Iterator[Callable[[str], None]]:
    """Yields a function that prints a line of progress; Ctrl-C prints `stopped` and ends with exit code 130."""
    try:
        with interruptible() as pressed:

            def log(line: str) -> None:
                click.echo(line)
                if pressed:
                    raise KeyboardInterrupt

            yield log
    except KeyboardInterrupt:
        click.echo(f"\n{stopped}", err=True)
        program = sys.modules["__main__"]
        if program.__package__ == "zoo.cli" or Path(sys.argv[0]).stem == "zoo":  # and not called from a program
            atexit.register(leave, 130)  # threads of TensorFlow that are still at work would crash a Python that ends
        sys.exit(130)
