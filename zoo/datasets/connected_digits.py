"""Connected digits: takes of one FSDD speaker joined into strings of 1 to 7 digits, 8 kHz.

The strings of `validation`, `test` and `loso-SPEAKER-test` are a published list (data/manifests/connected_digits.csv),
so that a word error rate can be compared next year; those of the training splits are drawn from a seed.

A string is silence, takes with a level change each and a gap between them, silence, short fades at the joins, and a
noise floor of -60 dBFS, so that a gap is not digital zero. Derived from FSDD and under its licence, CC BY-SA 4.0.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from zoo.audio import load_audio, resample
from zoo.datasets import Recording, Utterance, fsdd, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import manifest

RATE = 8000  # Hz, the recordings' own
FADE = int(0.005 * RATE)  # samples at each end of a take
FLOOR = 10 ** (-60 / 20)  # RMS of the noise floor, full scale = 1
LONGEST = 7  # digits
LEVEL = 3.0  # dB, each take is changed by at most this
NEAR_ZERO = 0.15  # share of the gaps that are shorter than the shortest natural one
GAP = (20, 350)  # milliseconds between takes (near-zero ones: 0 to 20)
ENDS = (50, 300)  # milliseconds before the first take and after the last
VALIDATION_TAKES = range(5, 10)

Count = Annotated[int, Field(ge=1, le=200_000)]
Seed = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class JoinedRecording:
    """Takes of one speaker, joined when they are read."""

    id: str  # of the string; it seeds the noise floor
    takes: tuple[str | Recording, ...]  # files, or what reads them
    gaps_ms: tuple[float, ...]  # before the first take, between the takes, and after the last
    gains_db: tuple[float, ...]  # level change of each take
    trim_db: float | None = None  # relative to a take's loudest 10 ms; quieter ends are cut away, None keeps them

    def read(self, sample_rate: int) -> np.ndarray:
        silences = [np.zeros(round(gap * RATE / 1000), np.float32) for gap in self.gaps_ms]
        pieces = silences[:1]
        for take, gain, silence in zip(self.pieces(), self.gains_db, silences[1:], strict=True):
            pieces += [take * 10 ** (gain / 20), silence]
        joined = np.concatenate(pieces)
        noise = np.random.default_rng(zlib.crc32(self.id.encode())).standard_normal(len(joined))
        joined = resample(joined + FLOOR * noise, RATE, sample_rate)
        return joined / max(1.0, float(np.abs(joined).max()))

    def pieces(self) -> list[np.ndarray]:
        """Returns the takes, each (samples,) at RATE."""
        return [_take(path, self.trim_db) for path in self.takes]


@lru_cache(maxsize=8192)  # all of FSDD is 42 MB as float32
def _take(take: str | Recording, trim_db: float | None) -> np.ndarray:
    """Returns one take, (samples,) at RATE, trimmed and with faded ends."""
    samples = (load_audio(take, RATE) if isinstance(take, str) else take.read(RATE)).copy()
    samples = samples if trim_db is None else without_quiet_ends(samples, RATE, trim_db)
    length = min(FADE, len(samples) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    samples[:length] *= ramp
    samples[len(samples) - length :] *= ramp[::-1]
    return samples


def without_quiet_ends(samples: np.ndarray, rate: int, trim_db: float) -> np.ndarray:
    """Cuts off the ends (samples,) that are quieter than `trim_db` relative to the loudest 10 ms.

    >>> word = np.concatenate([np.zeros(800), np.sin(np.arange(4000)), np.zeros(800)])
    >>> 4000 <= len(without_quiet_ends(word, 8000, -30.0)) < 4200
    True
    """
    window = round(0.01 * rate)
    power = np.convolve(np.square(samples), np.full(window, 1 / window), "same")
    loud = np.flatnonzero(power > power.max() * 10 ** (trim_db / 10))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


def _dealt(cards: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    """Yields cards in random order, shuffled again when all are dealt, so that each is used equally often."""
    while True:
        yield from (cards[i] for i in rng.permutation(len(cards))[::-1])


def draw_strings(
    prefix: str, speakers: Sequence[str], takes: Iterable[int], count: int, seed: int, longest: int = LONGEST
) -> list[dict[str, str]]:
    """Draws random strings, rows as in the published list: speakers and lengths in turn, takes and joins at random."""
    rng = np.random.default_rng(seed)
    cards = [f"{digit}_{take}" for digit in range(10) for take in takes]
    decks = {speaker: _dealt(cards, rng) for speaker in speakers}
    rows = []
    for i in range(count):
        speaker = speakers[i % len(speakers)]
        length = 1 + i // len(speakers) % longest
        near = rng.random(length - 1) < NEAR_ZERO
        gaps = np.where(near, rng.uniform(0, GAP[0], length - 1), rng.uniform(*GAP, length - 1))
        ends = rng.uniform(*ENDS, 2)
        row = {"id": f"{prefix}-{speaker}-{i:04d}", "speaker": speaker}
        row["takes"] = " ".join(islice(decks[speaker], length))
        row["gaps_ms"] = " ".join(f"{gap:.0f}" for gap in (ends[0], *gaps, ends[1]))
        row["gains_db"] = " ".join(f"{gain:.1f}" for gain in rng.uniform(-LEVEL, LEVEL, length))
        rows.append(row)
    return rows


def joined(
    row: dict[str, str],
    speaker: str,
    take_of: Callable[[str, str], str | Recording],
    trim_db: float | None = None,
    names: Sequence[str] = fsdd.DIGITS,
) -> Utterance:
    """Returns the utterance of one row of `draw_strings`; `take_of` finds the file or recording of a digit's take."""
    takes = [take.split("_") for take in row["takes"].split()]
    gaps, gains = (tuple(map(float, row[key].split())) for key in ("gaps_ms", "gains_db"))
    text = " ".join(names[int(digit)] for digit, _ in takes)
    recordings = tuple(take_of(digit, take) for digit, take in takes)
    return Utterance(row["id"], text, speaker, JoinedRecording(row["id"], recordings, gaps, gains, trim_db))


def rows(split: str, count: int, seed: int) -> list[dict[str, str]]:
    """Returns the rows of a split: published ones, or `count` drawn from `seed`."""
    if split in ("validation", "test") or split.endswith("-test"):
        protocol = split.removesuffix("-test")
        return [row for row in manifest("connected_digits") if row["protocol"] == protocol]
    if split in fsdd.LOSO_SPLITS:
        return draw_strings(f"{split}-{seed}", fsdd.loso(split), range(fsdd.TAKES), count, seed)
    first = VALIDATION_TAKES.start if split == "train_all" else VALIDATION_TAKES.stop
    return draw_strings(f"{split}-{seed}", fsdd.SPEAKERS, range(first, fsdd.TAKES), count, seed)


@register(
    "connected_digits",
    splits=("train", "train_all", "validation", "test", *fsdd.LOSO_SPLITS),
    count="number of strings of a training split (2000)",
    seed="of a training split (0)",
)
def utterances(split: str, source: str | Path | None = None, count: Count = 2000, seed: Seed = 0) -> list[Utterance]:
    """Connected digits: takes of one FSDD speaker joined into strings of 1 to 7 digits, 8 kHz."""
    root = find(fsdd.SOURCE, source)
    return [
        joined(row, who := row["speaker"], lambda digit, take, who=who: fsdd.recording_path(root, digit, who, take))
        for row in rows(split, count, seed)
    ]
