"""The recordings that a command is given, read one after the other."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

import zoo
from zoo.cli._errors import sentence
from zoo.cli._output import print_json, print_table, save_picture
from zoo.errors import AudioError, ZooError

BATCH_SECONDS = 240  # of audio at a time, so that a folder of lectures need not fit in memory


class Recordings:
    """Files, and those in folders: what is wrong with one is reported, and the others go on."""

    def __init__(self, paths: tuple[Path, ...]):
        self.files = list(self._files(paths))
        self.failed = False
        self.results: list[dict] = []  # what --json prints of each
        self.rows: list[tuple] = []  # and what a table has

    @staticmethod
    def _files(paths: tuple[Path, ...]) -> Iterator[Path | Exception]:
        from zoo.datasets.manifests import recordings_in

        for path in paths:
            try:
                files = recordings_in(path) if path.is_dir() else [path]
            except OSError as error:  # a folder that we may not look into
                files = [error]
            yield from files or [
                AudioError(f"A folder must hold recordings (.wav, .m4a, .mp3 ...); {path} holds none.")
            ]

    def report(self, error: Exception) -> None:
        """Prints an error that stops one recording and not the others."""
        self.failed = True
        click.echo(f"Error: {sentence(error)}", err=True)

    def batches(self, sample_rate: int, size: int = 1) -> Iterator[list[tuple[Path, Any]]]:
        """Yields lists of (path, samples `(samples,)`) of at most `size` recordings."""
        batch, seconds = [], 0.0
        for path in self.files:
            try:
                if isinstance(path, Exception):
                    raise path
                samples = zoo.audio.load_audio(path, sample_rate)
            except (ZooError, OSError) as error:
                self.report(error)
                continue
            batch.append((path, samples))
            seconds += len(samples) / sample_rate
            if len(batch) == size or seconds > BATCH_SECONDS:
                yield batch
                batch, seconds = [], 0.0
        if batch:
            yield batch

    def answers(self, sample_rate: int, answer: Callable) -> Iterator[tuple[Path, Any, Any]]:
        """Yields (path, samples, answer(samples)) of one recording after the other."""
        for [(path, samples)] in self.batches(sample_rate):
            try:
                found = answer(samples)
            except AudioError as error:
                self.report(AudioError(f"{path}: {error}"))
                continue
            yield path, samples, found

    def add(self, path: Path, answer: dict, *rows: tuple) -> None:
        """Keeps an answer for --json, and its rows of a table."""
        self.results.append({"file": str(path), **answer})
        self.rows += rows

    def draw(self, figure, plot: Path, path: Path) -> None:
        """Writes the picture of the latest answer: to `plot` of a single one, else to NAME-1-CLIP.png and so on."""
        numbered = plot.with_stem(f"{plot.stem}-{len(self.results)}-{path.stem}")
        save_picture(figure, plot if len(self.files) == 1 else numbered)

    def finish(self, as_json: bool, *columns: str) -> None:
        """Prints all answers and ends the command, with exit code 1 if a recording failed."""
        if as_json:
            print_json(self.results)
        elif self.rows:
            print_table(*columns, rows=self.rows)
        if self.failed:
            sys.exit(1)
