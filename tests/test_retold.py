"""Retold: the words of people's texts, no other split's, in voices that no other split has."""

import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from zoo import datasets
from zoo.datasets import retold
from zoo.datasets.synthetic import Line
from zoo.errors import DataError, ZooError

needs_voices = pytest.mark.skipif(
    not shutil.which("espeak-ng"), reason="espeak-ng, which speaks them, is not installed"
)


WORDS = np.array([word for text in retold.texts("speechocean762", "train") for word in text.split()])


def test_texts_are_those_of_the_split():
    parts = {split: retold.texts("speechocean762", split) for split in ("train", "validation")}
    assert [len(texts) for texts in parts.values()] == [2260, 240]
    assert retold.texts("an4", "validation")


def test_a_share_of_the_lines_keeps_only_its_length(rng):
    own = retold.texts("speechocean762", "train")
    assert [retold.retell(text, WORDS, 0.0, rng) for text in own] == own
    drawn = [retold.retell(text, WORDS, 1.0, rng) for text in own]
    assert [len(text.split()) for text in drawn] == [len(text.split()) for text in own]
    assert sum(a == b for a, b in zip(own, drawn, strict=True)) < 0.02 * len(own)
    half = [retold.retell(text, WORDS, 0.5, rng) for text in own]
    assert 0.45 < np.mean([a == b for a, b in zip(own, half, strict=True)]) < 0.55


def test_drawn_words_are_as_frequent_as_said_ones(rng):
    counts = [Counter(WORDS), Counter(word for text in retold.texts("speechocean762", "train") for word in retold.retell(text, WORDS, 1.0, rng).split())]  # fmt: skip
    assert set(counts[1]) <= set(counts[0])
    for word, n in counts[0].most_common(20):
        assert n / 1.5 < counts[1][word] < n * 1.5


@pytest.mark.parametrize(("program", "letter"), [("espeak-ng", "[['eI]]"), ("flite", "eigh")])
def test_a_is_a_letter_or_an_article(program, letter):
    spelled = Line("x", "a cat", program, "slt", 1.0, 50, 0, "", 0.0, 0.0)
    assert spelled.spoken() == f"{letter} cat." and replace(spelled, spelled=False).spoken() == "a cat."
    assert "rub out" in replace(spelled, text="rubout", program="espeak-ng", spelled=False).spoken()


def test_bad_options_are_sentences(tmp_path):
    for options in ({"count": -1}, {"seed": -1}, {"shuffled": 1.5}):
        with pytest.raises(DataError, match="share of shuffled ones between 0 and 1"):
            retold.utterances("train", tmp_path, **options)
    with pytest.raises(ZooError, match="speechocean762"):
        retold.utterances("train", tmp_path, of="speechocean")


@needs_voices
def test_voices_say_them(tmp_path):
    found = datasets.load("retold", "validation", tmp_path, count=6)
    known = {word for text in retold.texts("speechocean762", "validation") for word in text.split()}
    assert {word for u in found for word in u.text.split()} <= known
    for utterance in found:
        samples = utterance.audio(16000)
        assert 0.2 < len(samples) / 16000 < 30 and 0.1 < np.abs(samples).max() <= 1
    others = datasets.load("retold", "train", tmp_path, count=6)
    assert not {u.speaker for u in found} & {u.speaker for u in others}
    assert datasets.load("retold", "validation", tmp_path, count=4) == found[:4]
