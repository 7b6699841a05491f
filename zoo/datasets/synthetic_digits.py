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
from zoo.datasets.connected_digits import LONGEST, MOST, RATE, draw_strings, fade, join
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
# dB below a take's loudest 10 ms: what is quieter at its ends is cut away. FSDD's takes were cut by loudness too, and of
# some speakers the vowels alone are left of "six" and "two"; each speaker here has a threshold of their own.
CUT = (-40, -10)
WINDOW = int(0.01 * RATE)  # samples
STRETCH = (0.7, 1.15)  # shortest and longest, of the durations of an unhurried take
PITCH = 0.25  # octaves, a flite voice is moved by at most this


@dataclass(frozen=True)
class JoinedTakes:
    """Takes of one synthetic voice, joined when they are read."""

    id: str  # seeds the noise floor
    paths: tuple[str, ...]
    cut_db: float
    gaps_ms: tuple[float, ...]
    gains_db: tuple[float, ...]

    def read(self, sample_rate: int) -> np.ndarray:
        takes = [_take(path, self.cut_db) for path in self.paths]
        return join(takes, self.gaps_ms, self.gains_db, self.id, sample_rate)


@lru_cache(maxsize=8192)
def _take(path: str, cut_db: float) -> np.ndarray:
    """One take, (samples,) at RATE, its quiet ends cut away."""
    samples = load_audio(path, RATE)
    power = np.convolve(np.square(samples), np.full(WINDOW, 1 / WINDOW), "same")
    loud = np.flatnonzero(power > power.max() * 10 ** (cut_db / 10))
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


def plan(split: str, programs, accents: int, seed: int) -> dict[str, tuple[list[Line], float]]:
    """Speaker -> (takes in the order of digits, where they are cut); alike on every machine with the same programs."""
    rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
    lines = {}
    for number, (program, voice, pitch) in enumerate(speakers(split, programs, accents, rng)):
        name = f"{number:03d}"
        takes = []
        for digit, word in enumerate(DIGITS):
            for take in range(TAKES):
                stretch = rng.uniform(*STRETCH)
                rate = stretch if program == "flite" else 170 / stretch
                takes.append(
                    Line(f"{name}-{digit}-{take}", word, program, voice, round(rate, 2), round(pitch), 0, "", 0.0, 0.0)
                )
        lines[name] = (takes, round(rng.uniform(*CUT), 1))
    return lines


@register(
    "synthetic_digits",
    splits=("train", "validation", "test"),
    count="number of strings (2000)",
    seed="of voices and strings (0)",
    accents="speakers made of each voice (4)",
    longest="digits of the longest strings (7); 1 makes single words",
)
def utterances(
    split, source=None, count: int = 2000, seed: int = 0, accents: int = 4, longest: int = LONGEST
) -> list[Utterance]:
    """Digit strings of synthetic voices; takes that the cache lacks are spoken first (a minute or two)."""
    if not (0 < count <= MOST and seed >= 0 and 0 < accents <= 20 and 0 < longest <= LONGEST):
        raise DataError(
            f"Synthetic digits are 1 to {MOST} strings of 1 to {LONGEST} digits and 1 to 20 accents with a seed of at least 0; "
            f"got count={count}, longest={longest}, accents={accents}, seed={seed}."
        )
    programs = tuple(program for program in installed() if voices(split, program))
    if not programs:
        raise DataError(f"The {split} split has voices of its own, and the installed programs have none of them.")
    people = plan(split, programs, accents, seed)
    recipe = f"{VERSION} {split} {seed} {accents} {[available(program) for program in programs]}"
    name = f"{split}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    folder = Path(source or cache_folder() / "synthetic_digits") / name
    make([line for lines, _ in people.values() for line in lines], folder)
    return [
        _utterance(row, folder, *people[row["speaker"]])
        for row in draw_strings(f"{split}-{seed}", list(people), range(TAKES), count, seed, longest)
    ]


def _utterance(row: dict[str, str], folder: Path, lines: list[Line], cut_db: float) -> Utterance:
    takes = row["takes"].split()
    paths = tuple(str(folder / f"{row['speaker']}-{take.replace('_', '-')}.wav") for take in takes)
    gaps, gains = (tuple(map(float, row[key].split())) for key in ("gaps_ms", "gains_db"))
    text = " ".join(DIGITS[int(take.split("_")[0])] for take in takes)
    return Utterance(row["id"], text, lines[0].speaker, JoinedTakes(row["id"], paths, cut_db, gaps, gains))
