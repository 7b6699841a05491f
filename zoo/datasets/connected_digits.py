"""Connected digits: takes of one FSDD speaker joined into strings of 1 to 7 digits, 8 kHz.

The strings of `validation`, `test` and `loso-SPEAKER-test` are a published list (data/manifests/connected_digits.csv),
so that a word error rate can be compared next year; those of the training splits are drawn from a seed.

A string is: lead silence, takes with a level change each and a gap between them, trailing silence, short fades at
the joins, and a noise floor of -60 dBFS drawn from the string's id, so that a gap is no digital zero.
Derived from FSDD and under its licence, CC BY-SA 4.0.
"""

import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo.audio import load_audio, resample
from zoo.datasets import Utterance, fsdd, register
from zoo.datasets.archives import find, manifest
from zoo.errors import DataError

RATE = 8000  # Hz, the recordings' own
FADE = int(0.005 * RATE)  # samples at each end of a take
FLOOR = 10 ** (-60 / 20)  # RMS of the noise floor, full scale = 1
LONGEST = 7  # digits
MOST = 200_000  # strings
LEVEL = 3.0  # dB, each take is changed by at most this
NEAR_ZERO = 0.15  # share of the gaps that are shorter than the shortest natural one
GAP = (20, 350)  # milliseconds between takes (near-zero ones: 0 to 20)
ENDS = (50, 300)  # milliseconds before the first take and after the last
VALIDATION_TAKES = range(5, 10)


@dataclass(frozen=True)
class JoinedRecording:
    """Takes of one speaker, joined when they are read."""

    id: str  # seeds the noise floor
    folder: str  # FSDD's top folder
    speaker: str
    takes: tuple[str, ...]  # digit_take, such as 7_12
    gaps_ms: tuple[float, ...]  # before the first take, between the takes, after the last
    gains_db: tuple[float, ...]  # of each take

    def read(self, sample_rate: int) -> np.ndarray:
        return join(self.pieces(), self.gaps_ms, self.gains_db, self.id, sample_rate)

    def pieces(self) -> list[np.ndarray]:
        """The takes, each (samples,) at RATE."""
        names = (take.split("_") for take in self.takes)
        paths = (fsdd.recording_path(Path(self.folder), digit, self.speaker, number) for digit, number in names)
        return [_take(path) for path in paths]


def join(takes, gaps_ms, gains_db, name: str, sample_rate: int) -> np.ndarray:
    """One string of digits, (samples,) float32 in [-1, 1] at `sample_rate` Hz.

    Args:
        takes: (samples,) at RATE, faded at both ends, one for each digit. gains_db: of each of them.
        gaps_ms: before the first take, between the takes, after the last.
        name: seeds the noise floor.
    """
    pieces = [np.zeros(_samples(gaps_ms[0]), np.float32)]
    for take, gain, gap in zip(takes, gains_db, gaps_ms[1:], strict=True):
        pieces += [take * 10 ** (gain / 20), np.zeros(_samples(gap), np.float32)]
    joined = np.concatenate(pieces)
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(len(joined))
    joined = resample(joined + FLOOR * noise, RATE, sample_rate)
    return joined / max(1.0, float(np.abs(joined).max()))


def _samples(milliseconds: float) -> int:
    return round(milliseconds * RATE / 1000)


@lru_cache(maxsize=4096)  # all of FSDD is 42 MB as float32
def _take(path: str) -> np.ndarray:
    return fade(load_audio(path, RATE))


def fade(samples: np.ndarray) -> np.ndarray:
    """One take with faded ends, (samples,) at RATE."""
    samples = samples.copy()
    length = min(FADE, len(samples) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    samples[:length] *= ramp
    samples[len(samples) - length :] *= ramp[::-1]
    return samples


class Deck:
    """Cards dealt in random order and shuffled anew when all are dealt: every take is used equally often."""

    def __init__(self, cards, rng: np.random.Generator):
        self.cards, self.rng, self.left = list(cards), rng, []

    def deal(self, count: int) -> list:
        dealt = []
        for _ in range(count):
            if not self.left:
                self.left = [self.cards[i] for i in self.rng.permutation(len(self.cards))]
            dealt.append(self.left.pop())
        return dealt


def draw_strings(prefix: str, speakers, takes, count: int, seed: int, longest: int = LONGEST) -> list[dict[str, str]]:
    """Random strings as rows of the published list: speakers and lengths in turn, takes and joins at random."""
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
        rows.append({
            "id": f"{prefix}-{speaker}-{i:04d}",
            "speaker": speaker,
            "takes": " ".join(decks[speaker].deal(length)),
            "gaps_ms": " ".join(f"{gap:.0f}" for gap in (ends[0], *gaps, ends[1])),
            "gains_db": " ".join(f"{gain:.1f}" for gain in rng.uniform(-LEVEL, LEVEL, length)),
        })  # fmt: skip
    return rows


@register(
    "connected_digits",
    splits=("train", "train_all", "validation", "test", *fsdd.LOSO_SPLITS),
    count="number of strings of a training split (2000)",
    seed="of a training split (0)",
)
def utterances(split, source=None, count: int = 2000, seed: int = 0) -> list[Utterance]:
    """Digit strings: training splits drawn from `seed`, the others from the published list."""
    if not 0 < count <= MOST or seed < 0:
        raise DataError(f"A training split has 1 to {MOST} strings and a seed of at least 0; got {count} and {seed}.")
    root = find(fsdd.SOURCE, source)
    if split in ("validation", "test") or split.endswith("-test"):
        protocol = split.removesuffix("-test")
        rows = [row for row in manifest("connected_digits") if row["protocol"] == protocol]
    elif split in fsdd.LOSO_SPLITS:
        rows = draw_strings(f"{split}-{seed}", fsdd.loso(split)[0], range(fsdd.TAKES), count, seed)
    else:
        first = VALIDATION_TAKES.start if split == "train_all" else VALIDATION_TAKES.stop
        rows = draw_strings(f"{split}-{seed}", fsdd.SPEAKERS, range(first, fsdd.TAKES), count, seed)
    return [_utterance(row, root) for row in rows]


def _utterance(row: dict[str, str], root) -> Utterance:
    takes = tuple(row["takes"].split())
    text = " ".join(fsdd.DIGITS[int(take.split("_")[0])] for take in takes)
    gaps = tuple(map(float, row["gaps_ms"].split()))
    gains = tuple(map(float, row["gains_db"].split()))
    return Utterance(
        row["id"], text, row["speaker"], JoinedRecording(row["id"], str(root), row["speaker"], takes, gaps, gains)
    )
