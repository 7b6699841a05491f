"""What the notebooks share: a microphone (`zoo.record`), a player (`zoo.play`), expected errors, tables, shorter runs in tests."""

import base64
import html
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from numbers import Integral, Real
from typing import Any, TypeVar
from unicodedata import east_asian_width

import numpy as np

from zoo.audio import bundled, load_audio, resample
from zoo.errors import ZooError
from zoo.words import language, say, shown, speaking, translate_outputs  # noqa: F401

translate_outputs()

MAX_SECONDS = 60.0  # of a recording
TIMEOUT = 60  # seconds that Colab's page waits for an answer before the bundled clip is taken
JAVASCRIPT = (files("zoo") / "notebook.js").read_text(encoding="utf-8").strip()

T = TypeVar("T")


def record(seconds: float = 3.0, sample_rate: int = 16000) -> np.ndarray:
    """Records at most 60 s, (samples,) in [-1, 1], from the microphone: the browser's on Colab, the computer's elsewhere.

    Without a microphone, Colab offers to upload a file. Elsewhere, and after a minute without an answer, a bundled clip is
    returned and a line says so. A notebook thus runs from top to bottom on any machine.

    >>> samples = record(2)  # on a machine without a microphone
    No microphone was found: this is the bundled clip seven.wav. A file of yours does as well: model.transcribe("my.wav").
    >>> samples.shape, samples.dtype
    ((23134,), dtype('float32'))
    """
    if not (isinstance(seconds, Real) and 0 < seconds <= MAX_SECONDS):
        raise ZooError(f"`seconds` must be a number in (0, {MAX_SECONDS:g}]. Received: seconds={seconds!r}.")
    if not (isinstance(sample_rate, Integral) and 1000 <= sample_rate <= 192000):
        raise ZooError(f"`sample_rate` must be a whole number of hertz in [1000, 192000]. Received: {sample_rate!r}.")
    samples = (_from_browser if "google.colab" in sys.modules else _from_device)(seconds, sample_rate)
    if samples is None:
        print("No microphone was found: this is the bundled clip seven.wav.", end=" ")
        print('A file of yours does as well: model.transcribe("my.wav").')
        samples = load_audio(bundled("seven"), sample_rate)
    return samples


def _from_browser(seconds: float, sample_rate: int) -> np.ndarray | None:
    from google.colab import output

    try:
        answer = output.eval_js(f"({JAVASCRIPT})({seconds}, {sample_rate}, {TIMEOUT})")
    except Exception as error:  # the page was closed, or its scripts are not allowed
        print(f"The browser gave no sound: {error}")
        return None
    return np.frombuffer(base64.b64decode(answer), "<i2").astype("float32") / 32768 if answer else None


def _from_device(seconds: float, sample_rate: int) -> np.ndarray | None:
    if os.environ.get("ZOO_NO_MICROPHONE"):  # as when notebooks are run by a program
        return None
    try:
        import sounddevice

        rate = int(sounddevice.query_devices(kind="input")["default_samplerate"])
        print(f"Recording for {seconds:g} s ...", flush=True)
        samples = sounddevice.rec(round(seconds * rate), samplerate=rate, channels=1, dtype="float32", blocking=True)
    except Exception:  # sounddevice or PortAudio is not installed, or there is no device: each has its own error
        return None
    return resample(np.clip(samples[:, 0], -1, 1), rate, sample_rate)


class Player:
    """A player for a clip, a path or an array (samples,), as the last line of a cell or for `display`; the title stands above.

    >>> import numpy as np
    >>> play(np.sin(np.arange(8000) / 3), 8000, "a tone")
    a tone: 1.00 s at 8000 Hz
    """

    def __init__(self, audio: Any, sample_rate: int | None = None, title: str = ""):
        self.sample_rate, self.title = sample_rate or 16000, shown(str(title or ""))
        samples = load_audio(audio, self.sample_rate, sample_rate=sample_rate)
        self.samples = samples / max(1.0, float(np.abs(samples).max(initial=0)))

    def __repr__(self) -> str:
        seconds = len(self.samples) / self.sample_rate
        return shown(f"{self.title or 'sound'}: {seconds:.2f} s at {self.sample_rate} Hz")

    def _repr_html_(self) -> str:
        title = html.escape(self.title)
        sound = base64.b64encode(_mp3(self.samples, self.sample_rate)).decode()
        return (
            f'<figure style="margin:0 0 8px"><figcaption>{title}</figcaption><audio controls preload="metadata" '
            f'aria-label="{title}" src="data:audio/mpeg;base64,{sound}"></audio></figure>'
        )


play = Player  # what it is called as a function: zoo.play("clip.wav")


def _mp3(samples: np.ndarray, sample_rate: int) -> bytes:
    """The sound as MP3, so that a notebook with ten of them stays small."""
    import soundfile

    rate = min((8000, 16000, 22050, 44100), key=lambda known: abs(known - sample_rate))  # MP3 knows few rates
    data = io.BytesIO()
    soundfile.write(data, resample(samples, sample_rate, rate), rate, format="MP3", subtype="MPEG_LAYER_III")
    return data.getvalue()


@contextmanager
def caught(*kinds: type[BaseException], lines: int = 3) -> Iterator[None]:
    """Runs code that fails on purpose and prints its error, `lines` at most; AssertionError where it does not fail.

    >>> with caught(ZeroDivisionError):
    ...     1 / 0
    ZeroDivisionError: division by zero
    """
    kinds = kinds or (Exception,)
    try:
        yield
    except kinds as error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # Keras prints some of its words bold
        message = [line[:300] for line in plain.splitlines() if line.strip()]
        more = " ..." if len(message) > lines else ""
        print(f"{type(error).__name__}: " + "\n".join(message[:lines]) + more)
    else:
        raise AssertionError("This was to fail, and did not.")


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Returns lines of cells as a text with columns; a Chinese character is as wide as two letters.

    >>> print(aligned([["model", "WER"], ["conv2d", "5"]]))
    model   WER
    conv2d  5
    """
    wide = [[len(cell) + sum(east_asian_width(letter) in "WF" for letter in cell) for cell in line] for line in lines]
    widths = [max(column) for column in zip(*wide, strict=True)]
    padded = (
        [c + " " * (w - n) for c, n, w in zip(*row, widths, strict=True)] for row in zip(lines, wide, strict=True)
    )
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


class Table:
    """Rows, each a dict of cells by heading: text in a terminal, HTML in a notebook. Numbers are rounded to four digits.

    >>> table([{"model": "conv2d", "accuracy": 0.98765}, {"model": "lstm", "accuracy": 0.9}])
    model   accuracy
    conv2d  0.9877
    lstm    0.9
    """

    def __init__(self, rows: Sequence[Mapping]):
        heads = list(dict.fromkeys(key for row in rows for key in row))
        self.heads, cells = (
            [shown(str(head)) for head in heads],
            [[row.get(head, "") for head in heads] for row in rows],
        )
        self.rows = [
            [f"{c:.4g}" if isinstance(c, float | np.floating) else shown(str(c)) for c in row] for row in cells
        ]

    def __repr__(self) -> str:
        return aligned([self.heads, *self.rows])

    def _repr_html_(self) -> str:
        def line(cells, tag):
            return "<tr>" + "".join(f'<{tag} style="text-align:left">{html.escape(c)}</{tag}>' for c in cells) + "</tr>"

        return f"<table>{line(self.heads, 'th')}{''.join(line(row, 'td') for row in self.rows)}</table>"


table = Table  # zoo.notebook.table(rows)


class Recordings:
    """Data sets of a notebook: the real recordings where they can be had, else bundled synthetic digits. Prints which.

    ZOO_DATA, the cache and the network are tried in this order, as `zoo.datasets.load` does.

    >>> corpora = recordings("an4")  # doctest: +SKIP
    Data: CMU AN4, the census database (1991): spelled names, digits, numbers, dates and commands, 16 kHz.
    >>> clips = corpora.load("an4", "test")  # doctest: +SKIP
    """

    def __init__(self, *names: str):
        from zoo import datasets
        from zoo.errors import DownloadError

        self.lacking, reason = set(), ""
        for name in names:
            try:
                datasets.load(name, datasets.describe(name).splits[0])
                print(f"Data: {datasets.describe(name).about}.")
            except DownloadError as error:
                self.lacking.add(name)
                reason = str(error).partition(":")[0]
        if self.lacking:
            print(
                f"Data: bundled digits by synthetic voices stand in for {' and '.join(sorted(self.lacking))} ({reason}). "
                "Figures in the text are of the real recordings; yours will differ."
            )

    def load(self, name: str, split: str, **options: Any) -> list:
        """Returns the utterances of a split, which the stand-in has too."""
        from zoo import datasets
        from zoo.datasets import stand_in

        return (stand_in if name in self.lacking else datasets).load(name, split, **options)

    def spec(self, name: str, split: str) -> str:
        """Returns what `zoo train --data` takes."""
        if name not in self.lacking:
            return f"{name}:{split}"
        return f"bundled_digits:{split if split in ('validation', 'test') else 'train'}"

    def credit(self, name: str, real: str) -> str:
        """Returns whose recordings these are and their licence; `real` where they are the real ones."""
        return "synthetic voices of Kokoro-82M, Apache-2.0" if name in self.lacking else real


recordings = Recordings  # zoo.notebook.recordings("fsdd")


def full_or_fast(full: T, fast: T) -> T:
    """Returns `full`, or `fast` where the environment variable ZOO_FAST is 1: tests train for moments only.

    >>> epochs = full_or_fast(5, fast=1)
    """
    return fast if os.environ.get("ZOO_FAST") == "1" else full
