"""What commands print and write: JSON, tables, pictures and sound; files appear whole or not at all."""

import io
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from zoo.errors import MissingFileError, ZooError
from zoo.files import atomic_write

PICTURES = (".png", ".svg", ".pdf")
PIPE_WIDTH = 160  # columns of a table that does not go to a terminal


def rounded(value: Any) -> Any:
    """Returns a value with its floats at four decimals: no digits that mean nothing."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def print_json(value: Any) -> None:
    """Prints a value as JSON."""
    click.echo(json.dumps(rounded(value), indent=2, ensure_ascii=False))


def print_table(*columns: str, rows: Iterable[tuple], title: str = "") -> None:
    """Prints rows of cells as a table; a column whose name ends in # holds numbers, which are right-aligned."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for name in columns:
        table.add_column(name.rstrip("#"), justify="right" if name.endswith("#") else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    width = None if sys.stdout and sys.stdout.isatty() else PIPE_WIDTH
    # Brackets in a text are brackets, so markup is off.
    Console(width=width, markup=False, highlight=False, emoji=False).print(table)


def check_file(option: str, path: Path, suffixes: tuple[str, ...], source: Path | None = None) -> Path:
    """Returns `path` if a file can be written there, one that does not replace the recording `source` that it is made of."""
    folder = path.absolute().parent
    if path.suffix.lower() not in suffixes:
        raise ZooError(f"`{option}` must end in {', '.join(suffixes)}. Received: {path.name}.")
    if not folder.is_dir():
        raise MissingFileError(f"`{option}` must be in a folder that exists. There is no {folder}.")
    if path.is_dir():
        raise ZooError(f"`{option}` must be a file. Received: {path}, which is a folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ZooError(f"`{option}` must be in a folder in which files can be made. Received: {folder}.")
    if source and path.exists() and source.exists() and path.samefile(source):
        raise ZooError(f"`{option}` must be another file than the recording that is read. Received: {path} for both.")
    return path


def save_picture(figure, path: Path) -> None:
    """Writes a matplotlib figure."""
    with atomic_write(path) as partial:
        figure.savefig(partial)


def save_sound(samples, sample_rate: int, path: Path) -> None:
    """Writes samples `(samples,)` as 16-bit WAV."""
    import soundfile

    made = io.BytesIO()  # libsndfile has no word for a full disk; Python has
    soundfile.write(made, samples, sample_rate, subtype="PCM_16", format="WAV")
    with atomic_write(path) as partial:
        partial.write_bytes(made.getvalue())
