"""What commands print and write: JSON, tables and pictures; files appear whole or not at all."""

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from zoo.errors import MissingFileError, ZooError
from zoo.files import atomic_write
from zoo.presets import Result

PICTURES = (".png", ".svg", ".pdf")
PIPE_WIDTH = 160  # columns of a table that does not go to a terminal


def rounded(value: Any) -> Any:
    """Returns a value with its floats at four decimals: no digits that mean nothing."""
    return json.loads(json.dumps(value), parse_float=lambda number: round(float(number), 4))


def print_json(value: Any) -> None:
    """Prints a value as JSON."""
    click.echo(json.dumps(rounded(value), indent=2, ensure_ascii=False))


def tell(about: dict, sentence: str, as_json: bool) -> None:
    """Prints what a command did: as JSON, or as a sentence."""
    if as_json:
        print_json(about)
    else:
        click.echo(sentence)


def status_line() -> Callable[[str], None] | None:
    """A function that shows a line on stderr in place of the one before; None where stderr is not a terminal."""
    if not (sys.stderr and sys.stderr.isatty()):
        return None
    return lambda line: click.echo(f"\r\x1b[K{line}", err=True, nl=False)


def print_table(*columns: str, rows: Iterable[tuple]) -> None:
    """Prints rows of cells as a table; a column whose name ends in # holds numbers, which are right-aligned."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name.rstrip("#"), justify="right" if name.endswith("#") else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    width = None if sys.stdout and sys.stdout.isatty() else PIPE_WIDTH
    # Brackets in a text are brackets, so markup is off.
    Console(width=width, markup=False, highlight=False, emoji=False).print(table)


def print_results(results: Iterable[Result]) -> None:
    """Prints measured figures as a table."""
    rows = []
    for r in results:
        note = r.note or ", ".join(f"{number} {count}" for count, number in r.counts.items())
        interval = f"{r.low:.2f} to {r.high:.2f}"
        rows.append((r.data, r.split, r.metric, f"{r.value:.2f}", interval, r.utterances, r.decoder, note))
    columns = ("measured on", "split", "metric", "value#", "95 % interval#", "utterances#", "decoder", "")
    print_table(*columns, rows=rows)


def check_file(option: str, path: Path, suffixes: tuple[str, ...], source: Path | None = None) -> Path:
    """Returns `path` if a file can be written there, one that does not replace the recording `source` that it is made of."""
    folder = path.absolute().parent
    if path.suffix.lower() not in suffixes or path.is_dir():
        raise ZooError(f"`{option}` must be a file that ends in {', '.join(suffixes)}. Received: {path}.")
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise MissingFileError(f"`{option}` must be in a folder in which files can be made. Received: {path}.")
    if source and path.exists() and source.exists() and path.samefile(source):
        raise ZooError(f"`{option}` must be another file than the recording. Received: {path} for both.")
    return path


def save_picture(figure, path: Path) -> None:
    """Writes a matplotlib figure."""
    with atomic_write(path) as partial:
        figure.savefig(partial)
