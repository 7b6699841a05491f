"""Connected digits: takes of one FSDD speaker joined into strings of 1 to 7 digits, 8 kHz.

The strings of `validation`, `test` and `loso-SPEAKER-test` are a published list (data/manifests/connected_digits.csv),
so that a word error rate can be compared next year; those of the training splits are drawn from a seed.

A string is: leading silence, takes with a level change each and a gap between them, trailing silence, short fades at
the joins, and a noise floor of -60 dBFS drawn from the string's id, so that a gap is not digital zero.
Derived from FSDD and under its licence, CC BY-SA 4.0.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from zoo.audio import load_audio, resample
from zoo.datasets import Utterance, fsdd, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import manifest

RATE = 8000  # Hz, the recordings' own
FADE = int(0.005 * RATE)  # samples at each end of a take
WINDOW = int(0.01 * RATE)  # samples over which the level of a take is measured
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
    """Takes of one speaker, joined when they are read.

    Attributes:
        id: Identifier of the string, which seeds the noise floor.
        takes: Files of the takes.
        gaps_ms: Milliseconds before the first take, between the takes, and after the last.
        gains_db: Level change of each take in dB.
        trim_db: Level relative to the loudest 10 ms of a take; quieter ends are cut away. None keeps them.
    """

    id: str
    takes: tuple[str, ...]
    gaps_ms: tuple[float, ...]
    gains_db: tuple[float, ...]
    trim_db: float | None = None

    def read(self, sample_rate: int) -> np.ndarray:
        """Returns (samples,) float32 in [-1, 1] at `sample_rate` Hz."""
        return join(self.pieces(), self.gaps_ms, self.gains_db, self.id, sample_rate)

    def pieces(self) -> list[np.ndarray]:
        """Returns the takes, each (samples,) at RATE."""
        return [_take(path, self.trim_db) for path in self.takes]


def join(
    takes: Sequence[np.ndarray], gaps_ms: Sequence[float], gains_db: Sequence[float], name: str, sample_rate: int
) -> np.ndarray:
    """Joins takes to a string of digits.

    Args:
        takes: (samples,) at RATE, faded at both ends, one for each digit.
        gaps_ms: Milliseconds before the first take, between the takes, and after the last.
        gains_db: Level change of each take in dB.
        name: Seeds the noise floor.
        sample_rate: Hz of the result.

    Returns:
        (samples,) float32 in [-1, 1].
    """
    pieces = [_silence(gaps_ms[0])]
    for take, gain, gap in zip(takes, gains_db, gaps_ms[1:], strict=True):
        pieces += [take * 10 ** (gain / 20), _silence(gap)]
    joined = np.concatenate(pieces)
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(len(joined))
    joined = resample(joined + FLOOR * noise, RATE, sample_rate)
    return joined / max(1.0, float(np.abs(joined).max()))


def _silence(milliseconds: float) -> np.ndarray:
    return np.zeros(round(milliseconds * RATE / 1000), np.float32)


@lru_cache(maxsize=8192)  # all of FSDD is 42 MB as float32
def _take(path: str, trim_db: float | None) -> np.ndarray:
    """Returns one take, (samples,) at RATE, trimmed and with faded ends."""
    samples = load_audio(path, RATE).copy()
    if trim_db is not None:
        power = np.convolve(np.square(samples), np.full(WINDOW, 1 / WINDOW), "same")
        loud = np.flatnonzero(power > power.max() * 10 ** (trim_db / 10))
        samples = samples[loud[0] : loud[-1] + 1] if len(loud) else samples
    length = min(FADE, len(samples) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    samples[:length] *= ramp
    samples[len(samples) - length :] *= ramp[::-1]
    return samples


class Deck:
    """Cards dealt in random order and shuffled again when all are dealt, so that each is used equally often.

    Args:
        cards: The cards.
        rng: Source of randomness.
    """

    def __init__(self, cards: Iterable, rng: np.random.Generator):
        self.cards, self.rng, self.left = list(cards), rng, []

    def deal(self, count: int) -> list:
        """Returns the next `count` cards."""
        dealt = []
        for _ in range(count):
            if not self.left:
                self.left = [self.cards[i] for i in self.rng.permutation(len(self.cards))]
            dealt.append(self.left.pop())
        return dealt


def draw_strings(
    prefix: str, speakers: Sequence[str], takes: Iterable[int], count: int, seed: int, longest: int = LONGEST
) -> list[dict[str, str]]:
    """Draws random strings: speakers and lengths in turn, takes and joins at random.

    Args:
        prefix: Start of the identifiers.
        speakers: Names of the speakers.
        takes: Numbers of the takes of each digit.
        count: Number of strings.
        seed: Seed of the draws.
        longest: Digits of the longest strings.

    Returns:
        Rows as in the published list.
    """
    rng = np.random.default_rng(seed)
    cards = [f"{digit}_{take}" for digit in range(10) for take in takes]
    decks = {speaker: Deck(cards, rng) for speaker in speakers}
    rows = []
    for i in range(count):
        speaker = speakers[i % len(speakers)]
        length = 1 + i // len(speakers) % longest
        near = rng.random(length - 1) < NEAR_ZERO
        gaps = np.where(near, rng.uniform(0, GAP[0], length - 1), rng.uniform(*GAP, length - 1))
        ends = rng.uniform(*ENDS, 2)
        row = {"id": f"{prefix}-{speaker}-{i:04d}", "speaker": speaker, "takes": " ".join(decks[speaker].deal(length))}
        row["gaps_ms"] = " ".join(f"{gap:.0f}" for gap in (ends[0], *gaps, ends[1]))
        row["gains_db"] = " ".join(f"{gain:.1f}" for gain in rng.uniform(-LEVEL, LEVEL, length))
        rows.append(row)
    return rows


def joined(
    row: dict[str, str], speaker: str, path_of: Callable[[str, str], str], trim_db: float | None = None
) -> Utterance:
    """Returns the utterance of one row of `draw_strings`.

    Args:
        row: The row.
        speaker: Name of the speaker.
        path_of: Function (digit, take) -> file of a take.
        trim_db: As for `JoinedRecording`.
    """
    takes = [take.split("_") for take in row["takes"].split()]
    gaps, gains = (tuple(map(float, row[key].split())) for key in ("gaps_ms", "gains_db"))
    text = " ".join(fsdd.DIGITS[int(digit)] for digit, _ in takes)
    paths = tuple(path_of(digit, take) for digit, take in takes)
    return Utterance(row["id"], text, speaker, JoinedRecording(row["id"], paths, gaps, gains, trim_db))


@register(
    "connected_digits",
    splits=("train", "train_all", "validation", "test", *fsdd.LOSO_SPLITS),
    count="number of strings of a training split (2000)",
    seed="of a training split (0)",
)
def utterances(split: str, source: str | Path | None = None, count: Count = 2000, seed: Seed = 0) -> list[Utterance]:
    """Connected digits: takes of one FSDD speaker joined into strings of 1 to 7 digits, 8 kHz."""
    root = find(fsdd.SOURCE, source)
    if split in ("validation", "test") or split.endswith("-test"):
        protocol = split.removesuffix("-test")
        rows = [row for row in manifest("connected_digits") if row["protocol"] == protocol]
    elif split in fsdd.LOSO_SPLITS:
        rows = draw_strings(f"{split}-{seed}", fsdd.loso(split)[0], range(fsdd.TAKES), count, seed)
    else:
        first = VALIDATION_TAKES.start if split == "train_all" else VALIDATION_TAKES.stop
        rows = draw_strings(f"{split}-{seed}", fsdd.SPEAKERS, range(first, fsdd.TAKES), count, seed)
    return [
        joined(row, who := row["speaker"], lambda digit, take, who=who: fsdd.recording_path(root, digit, who, take))
        for row in rows
    ]
