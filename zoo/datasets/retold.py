"""Retold: what people read in a recorded data set, said again by synthetic voices, 16 kHz.

A few hours of recordings show each word to a recogniser in a few mouths only; here a hundred voices say the same words.
In a share of the lines the words are drawn anew from all that the split has, so that the order of words gives nothing away
and each must be heard: what follows what is the language model's to know.

The texts are those of the set's manifest (its recordings are not needed), split by split; programs and voices are those
of `synthetic`, and no voice is in two splits.
"""

import zlib
from pathlib import Path

import numpy as np

from zoo.datasets import Utterance, register
from zoo.datasets.archives import cache_folder, manifest
from zoo.datasets.synthetic import MOST, VERSION, available, line, programs_for, spoken
from zoo.errors import DataError, unknown_name

OF = ("speechocean762", "an4")
PAUSING = [0.5, 0.3, 0.1, 0.1]  # who reads a foreign language aloud stops now and then


def texts(of: str, split: str) -> list[str]:
    """What people said, in the manifest's order."""
    return [row["text"] for row in manifest(of) if row["split"] == split]


def retell(said: str, words: np.ndarray, shuffled: float, rng: np.random.Generator) -> str:
    """A text as it is or, with the chance `shuffled`, as many words drawn from `words`."""
    return " ".join(rng.choice(words, len(said.split()))) if rng.random() < shuffled else said


@register(
    "retold",
    splits=("train", "validation"),
    of=f"the set whose words are said: {' or '.join(OF)} (speechocean762)",
    count="number of utterances (each text of the split once)",
    shuffled="share of lines whose words are drawn anew (0.5)",
    seed="of words and voices (0)",
)
def utterances(
    split, source=None, of: str = OF[0], count: int = 0, shuffled: float = 0.5, seed: int = 0
) -> list[Utterance]:
    """Lines in synthetic voices; what the cache lacks is spoken first."""
    if of not in OF:
        raise unknown_name("set to retell", of, OF)
    if not 0 <= count <= MOST or seed < 0 or not 0 <= shuffled <= 1:
        raise DataError(
            f"Retold lines are at most {MOST}, with a seed of at least 0 and a share of shuffled ones between 0 and 1; got "
            f"{count}, {seed} and {shuffled}."
        )
    said, programs = texts(of, split), programs_for(split)
    words = np.array([word for text in said for word in text.split()])  # a frequent word is drawn often
    lines = []
    for i in range(count or len(said)):
        rng = np.random.default_rng(
            [seed, zlib.crc32(f"{of} {split}".encode()), i]
        )  # no line hangs on how many there are
        text = retell(said[i % len(said)], words, shuffled, rng)
        # AN4 spells: its "a" is a letter.
        lines.append(line(f"{of}-{split}-{seed}-{i:05d}", text, split, rng, programs, PAUSING, spelled=of == "an4"))
    listed = zlib.crc32("\n".join(said).encode())
    recipe = f"{VERSION} retold {of} {listed} {split} {seed} {shuffled} {[available(program) for program in programs]}"
    return spoken(lines, Path(source or cache_folder() / "retold"), split, recipe)
