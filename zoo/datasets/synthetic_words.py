"""Words said one at a time by synthetic voices, 16 kHz: what the sentences are made of, letters and commands, no numbers.

Numbers are left out, and what sounds like one ("to", "for", "ate"), so that a model that learnt these words has never heard
a digit: with FSDD it shows what few examples of a new word are worth. Training, validation and test have the same words
and no voice in common; the voices are those of `synthetic`.
"""

import zlib
from functools import cache
from pathlib import Path

import numpy as np

from zoo.datasets import Utterance, register
from zoo.datasets.archives import cache_folder, manifest
from zoo.datasets.synthetic import (
    COMMANDS,
    DIGITS,
    LETTERS,
    MONTHS,
    MOST,
    ORDINALS,
    TEENS,
    TENS,
    VERSION,
    available,
    line,
    programs_for,
    spoken,
)
from zoo.errors import DataError

NUMBERS = frozenset([*DIGITS, *TEENS, *TENS, *ORDINALS, "oh", "o", "hundred", "thousand", "half", "once", "twice"])
LIKE_NUMBERS = frozenset("to too for fore won ate tree free sex fife".split())


@cache
def vocabulary() -> tuple[str, ...]:
    """The words, sorted."""
    said = {word for row in manifest("sentences") for word in row["text"].split()}
    return tuple(sorted({*said, *LETTERS, *COMMANDS, *MONTHS} - NUMBERS - LIKE_NUMBERS))


@register(
    "synthetic_words",
    splits=("train", "validation", "test"),
    count="number of takes (each word once)",
    seed="of voices (0)",
)
def utterances(split, source=None, count: int = 0, seed: int = 0) -> list[Utterance]:
    """Takes of single words, from the first word again where `count` is larger; what the cache lacks is spoken first."""
    if not 0 <= count <= MOST or seed < 0:
        raise DataError(f"A set of words has at most {MOST} takes and a seed of at least 0; got {count} and {seed}.")
    words, programs = vocabulary(), programs_for(split)
    rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
    lines = [
        line(f"{split}-{seed}-{i:05d}", words[i % len(words)], split, rng, programs, [1.0, 0.0, 0.0, 0.0])
        for i in range(count or len(words))
    ]
    listed = zlib.crc32("\n".join(words).encode())
    recipe = f"{VERSION} words {listed} {split} {seed} {[available(program) for program in programs]}"
    return spoken(lines, Path(source or cache_folder() / "synthetic_words"), split, recipe)
