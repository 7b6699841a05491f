"""Sentences: the published list is the script's, its parts are apart, and voices say it."""

import importlib.util
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from zoo import datasets
from zoo.datasets import sentences
from zoo.datasets.archives import manifest
from zoo.errors import DataError
from zoo.language import ngram_lm
from zoo.text import CHARACTERS

SCRIPT = Path(__file__).parent.parent / "data" / "make_sentences.py"
SPLITS = ("train", "validation", "test")
needs_voices = pytest.mark.skipif(
    not shutil.which("espeak-ng"), reason="espeak-ng, which speaks them, is not installed"
)


def script():
    spec = importlib.util.spec_from_file_location("make_sentences", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_is_the_script_s(tmp_path):
    script().main(tmp_path / "sentences.csv")
    listed = SCRIPT.parent / "manifests" / "sentences.csv"
    assert (tmp_path / "sentences.csv").read_bytes() == listed.read_bytes()


def test_every_pattern_can_be_filled():
    module, rng = script(), np.random.default_rng(1)
    for pattern in module.PATTERNS:
        for _ in range(20):
            text = module.fill(pattern, rng)
            assert not set(text) - set(CHARACTERS.tokens) and "{" not in text and 2 <= len(text.split()) <= 16, text


def test_splits_share_no_sentence_and_most_words():
    said = {split: sentences.texts(split) for split in SPLITS}
    every = [text for texts in said.values() for text in texts]
    assert len(every) == len(set(every)) == len(manifest("sentences")) == 4000
    assert all(len(texts) > 300 for texts in said.values())
    known = {word for text in said["train"] for word in text.split()}
    words = [word for text in said["test"] for word in text.split()]
    assert len(known) > 600 and sum(word in known for word in words) > 0.98 * len(words)


def test_a_language_model_learns_the_grammar():
    """Half the perplexity of counting words, on sentences that it has not read."""
    train, test = sentences.texts("train"), sentences.texts("test")
    single, trigrams = (ngram_lm.train(train, order=order).perplexity(test) for order in (1, 3))
    assert trigrams < 0.5 * single


@needs_voices
def test_voices_say_them(tmp_path):
    found = datasets.load("sentences", "test", tmp_path, count=5)
    again = datasets.load("sentences", "test", tmp_path, count=3)
    assert [u.id for u in found[:3]] == [u.id for u in again] and found[0].text == sentences.texts("test")[0]
    for utterance in found:
        samples = utterance.audio(16000)
        assert 0.5 < len(samples) / 16000 < 20 and 0.1 < np.abs(samples).max() <= 1
    with pytest.raises(DataError, match="at most .* got -1"):
        datasets.load("sentences", "test", tmp_path, count=-1)


@needs_voices
def test_more_than_there_are_begins_again_in_other_voices(monkeypatch, tmp_path):
    monkeypatch.setattr(sentences, "texts", lambda split: ["one two", "three four"])
    found = datasets.load("sentences", "train", tmp_path, count=6)
    assert Counter(u.text for u in found) == {"one two": 3, "three four": 3}
    assert len({u.speaker for u in found}) > 1 and len({u.id for u in found}) == 6
