"""Digits that synthetic voices say one at a time, joined into strings as `connected_digits` joins those of people, 8 kHz.

A voice that says a whole string runs its words together; takes that were cut out and joined sound different, and six
people are too few voices to learn that from. Here are as many as espeak-ng and flite have, each in a few accents.
Training, validation and test have no voice in common; the voices are those of `synthetic`.
"""

import hashlib
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo.audio import load_audio
from zoo.datasets import Utterance, register
from zoo.datasets.archives import cache_folder
from zoo.datasets.connected_digits import MOST, RATE, draw_strings, fade, join
from zoo.datasets.synthetic import (
    ACCENTS,
    DIGITS,
    FLITE_PITCH,
    VERSION,
    Line,
    available,
    installed,
    make,
    voices,
)  # fmt: skip
from zoo.errors import DataError

TAKES = 2  # of each digit by each speaker
QUIET = 10 ** (-35 / 20)  # of a take's peak: what is below at its ends is cut away, as from FSDD's takes
STRETCH = (0.7, 1.15)  # shortest and longest, of the durations of an unhurried take
PITCH = 0.25  # octaves, a flite voice is moved by at most this


@dataclass(frozen=True)
class JoinedTakes:
    """Takes of one synthetic voice, joined when they are read."""

    id: str  # seeds the noise floor
    paths: tuple[str, ...]
    gaps_ms: tuple[float, ...]
    gains_db: tuple[float, ...]

    def read(self, sample_rate: int) -> np.ndarray:
        return join([_take(path) for path in self.paths], self.gaps_ms, self.gains_db, self.id, sample_rate)


@lru_cache(maxsize=8192)
def _take(path: str) -> np.ndarray:
    """One take, (samples,) at RATE, its quiet ends cut away."""
    samples = load_audio(path, RATE)
    loud = np.flatnonzero(np.abs(samples) > QUIET * np.abs(samples).max())
    return fade(samples[loud[0] : loud[-1] + 1] if len(loud) else samples)


def speakers(split: str, programs, accents: int, rng: np.random.Generator) -> list[tuple[str, str, float]]:
    """(program, voice, pitch) of every speaker: espeak-ng's variants in some accents each, flite's voices."""
    found = []
    for program in programs:
        for voice in voices(split, program):
            for _ in range(accents):
                if program == "flite":
                    found.append((program, voice, FLITE_PITCH[voice] * 2 ** rng.uniform(-PITCH, PITCH)))
                else:
                    found.append((program, f"{rng.choice(ACCENTS)}+{voice}", rng.uniform(20, 80)))
    return found


def plan(split: str, programs, accents: int, seed: int) -> dict[str, list[Line]]:
    """Speaker -> its takes, in the order of digits, then takes; alike on every machine with the same programs."""
    rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
    lines = {}
    for number, (program, voice, pitch) in enumerate(speakers(split, programs, accents, rng)):
        name = f"{number:03d}"
        lines[name] = []
        for digit, word in enumerate(DIGITS):
            for take in range(TAKES):
                stretch = rng.uniform(*STRETCH)
                rate = stretch if program == "flite" else 170 / stretch
                lines[name].append(
                    Line(f"{name}-{digit}-{take}", word, program, voice, round(rate, 2), round(pitch), 0, "", 0.0, 0.0)
                )
    return lines


@register(
    "synthetic_digits",
    splits=("train", "validation", "test"),
    count="number of strings (2000)",
    seed="of voices and strings (0)",
    accents="speakers made of each voice (4)",
)
def utterances(split, source=None, count: int = 2000, seed: int = 0, accents: int = 4) -> list[Utterance]:
    """Digit strings of synthetic voices; takes that the cache lacks are spoken first (a minute or two)."""
    if not (0 < count <= MOST and seed >= 0 and 0 < accents <= 20):
        raise DataError(
            f"Synthetic digits are 1 to {MOST} strings of 1 to 20 accents with a seed of at least 0; "
            f"got count={count}, accents={accents}, seed={seed}."
        )
    programs = tuple(program for program in installed() if voices(split, program))
    if not programs:
        raise DataError(f"The {split} split has voices of its own, and the installed programs have none of them.")
    lines = plan(split, programs, accents, seed)
    recipe = f"{VERSION} {split} {seed} {accents} {[available(program) for program in programs]}"
    name = f"{split}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    folder = Path(source or cache_folder() / "synthetic_digits") / name
    make([line for own in lines.values() for line in own], folder)
    return [
        _utterance(row, folder, lines[row["speaker"]][0].speaker)
        for row in draw_strings(f"{split}-{seed}", list(lines), range(TAKES), count, seed)
    ]


def _utterance(row: dict[str, str], folder: Path, voice: str) -> Utterance:
    takes = row["takes"].split()
    paths = tuple(str(folder / f"{row['speaker']}-{take.replace('_', '-')}.wav") for take in takes)
    gaps, gains = (tuple(map(float, row[key].split())) for key in ("gaps_ms", "gains_db"))
    text = " ".join(DIGITS[int(take.split("_")[0])] for take in takes)
    return Utterance(row["id"], text, voice, JoinedTakes(row["id"], paths, gaps, gains))
