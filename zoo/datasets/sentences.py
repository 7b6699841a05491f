"""Sentences: 4,000 everyday English sentences from a small grammar, spoken by synthetic voices, 16 kHz.

Some 700 words in a hundred patterns ("the bus leaves at nine in the morning"), written for this project
(data/make_sentences.py); the list is data/manifests/sentences.csv. Training, validation and test have neither a sentence
nor a voice in common, but words and patterns: it is the easiest step from digits and letters to open vocabulary.

Programs and voices are those of `synthetic`.
"""

import zlib
from pathlib import Path

import numpy as np

from zoo.datasets import Utterance, register
from zoo.datasets.archives import cache_folder, manifest
from zoo.datasets.synthetic import MOST, VERSION, available, line, programs_for, spoken
from zoo.errors import DataError

PAUSING = [0.8, 0.2, 0.0, 0.0]  # sentences are said in one breath, nearly


def texts(split: str) -> list[str]:
    """The sentences of a split, in the list's order."""
    return [row["text"] for row in manifest("sentences") if row["split"] == split]


@register(
    "sentences",
    splits=("train", "validation", "test"),
    count="number of utterances (each sentence of the split once)",
    seed="of voices (0)",
)
def utterances(split, source=None, count: int = 0, seed: int = 0) -> list[Utterance]:
    """Sentences in synthetic voices, again from the first where `count` is larger; what the cache lacks is spoken first."""
    if not 0 <= count <= MOST or seed < 0:
        raise DataError(
            f"A set of sentences has at most {MOST} utterances and a seed of at least 0; got {count} and {seed}."
        )
    said, programs = texts(split), programs_for(split)
    rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
    lines = [
        line(f"{split}-{seed}-{i:05d}", said[i % len(said)], split, rng, programs, PAUSING)
        for i in range(count or len(said))
    ]
    listed = zlib.crc32("\n".join(said).encode())
    recipe = f"{VERSION} sentences {listed} {split} {seed} {[available(program) for program in programs]}"
    return spoken(lines, Path(source or cache_folder() / "sentences"), split, recipe)
