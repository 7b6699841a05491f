"""Retold: the words of people's texts, no other split's, in voices that no other split has."""

import shutil
from collections import Counter

import numpy as np
import pytest

from zoo import datasets
from zoo.datasets import retold
from zoo.datasets.archives import manifest
from zoo.errors import DataError, ZooError

needs_voices = pytest.mark.skipif(
    not shutil.which("espeak-ng"), reason="espeak-ng, which speaks them, is not installed"
)


def said(of: str, split: str) -> list[str]:
    return [row["text"] for row in manifest(of) if row["split"] == split]


@pytest.mark.parametrize("of", retold.OF)
def test_unshuffled_lines_are_the_set_s_own_again_and_again(of, rng):
    own = said(of, "train")
    assert retold.texts(of, "train", 0.0, 0, rng) == own
    assert retold.texts(of, "train", 0.0, len(own) + 7, rng)[-7:] == own[:7]


def test_shuffled_lines_keep_their_lengths_and_the_frequencies_of_words(rng):
    own, drawn = said("speechocean762", "train"), retold.texts("speechocean762", "train", 1.0, 0, rng)
    assert [len(text.split()) for text in drawn] == [len(text.split()) for text in own]
    assert sum(a == b for a, b in zip(own, drawn, strict=True)) < 0.02 * len(own)
    counts = [Counter(word for text in texts for word in text.split()) for texts in (own, drawn)]
    assert set(counts[1]) <= set(counts[0])
    for word, n in counts[0].most_common(20):
        assert n / 1.5 < counts[1][word] < n * 1.5


def test_half_of_the_lines_are_shuffled(rng):
    own, found = said("speechocean762", "train"), retold.texts("speechocean762", "train", 0.5, 0, rng)
    assert 0.45 < np.mean([a == b for a, b in zip(own, found, strict=True)]) < 0.55


def test_bad_options_are_sentences(tmp_path):
    for options in ({"count": -1}, {"seed": -1}, {"shuffled": 1.5}):
        with pytest.raises(DataError, match="share of shuffled ones between 0 and 1"):
            retold.utterances("train", tmp_path, **options)
    with pytest.raises(ZooError, match="speechocean762"):
        retold.utterances("train", tmp_path, of="speechocean")


@needs_voices
def test_voices_say_them(tmp_path):
    found = datasets.load("retold", "validation", tmp_path, count=6)
    assert {word for u in found for word in u.text.split()} <= {
        word for text in said("speechocean762", "validation") for word in text.split()
    }
    for utterance in found:
        samples = utterance.audio(16000)
        assert 0.2 < len(samples) / 16000 < 30 and 0.1 < np.abs(samples).max() <= 1
    others = datasets.load("retold", "train", tmp_path, count=6)
    assert not {u.speaker for u in found} & {u.speaker for u in others}
    assert datasets.load("retold", "validation", tmp_path, count=6) == found
