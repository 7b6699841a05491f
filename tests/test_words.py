"""synthetic_words and spoken_words: no number among them, and the list of cuts keeps its promises."""

import numpy as np
import pytest

from scripts import make_manifests
from zoo import datasets
from zoo.datasets import spoken_digits
from zoo.datasets.manifests import manifest
from zoo.datasets.speech_synthesis import grammar
from zoo.datasets.speech_synthesis.synthetic import word_list

WORDS = word_list()
ROWS = manifest("spoken_words")


def test_no_number_is_among_the_words_nor_what_sounds_like_one():
    assert WORDS == tuple(sorted(set(WORDS))) and len(WORDS) == 747
    assert not set(WORDS) & {*grammar.DIGITS, "oh", "to", "too", "for", "ate", "won"}
    assert not [word for word in WORDS if word.startswith(("six", "seven", "eight", "nine"))]


def test_every_cut_is_of_a_known_word_and_lasts_as_long_as_one():
    assert len(ROWS) == len({(row["corpus"], row["id"], row["word"]) for row in ROWS}) > 4000
    for row in ROWS:
        assert row["text"] in WORDS
        start, end = float(row["start"]), float(row["end"])
        assert start >= 0 and make_manifests.SHORTEST <= round(end - start, 2) <= make_manifests.LONGEST


def test_no_speaker_is_in_two_splits_and_each_is_of_its_corpus():
    known = {(corpus, row["id"]): row for corpus in spoken_digits.CORPORA for row in manifest(corpus)}
    split_of = {}
    for row in ROWS:
        source = known[row["corpus"], row["id"]]
        assert (row["split"], row["speaker"]) == (source["split"], source["speaker"])
        assert source["text"].split()[int(row["word"])] == row["text"]
        assert split_of.setdefault((row["corpus"], row["speaker"]), row["split"]) == row["split"]


@pytest.mark.slow
def test_real_spoken_words(data_folder):
    found = datasets.load("spoken_words", "test", data_folder)
    assert len(found) == sum(row["split"] == "test" for row in ROWS)
    for utterance in found[::20]:
        piece, cut = utterance.audio(16000), utterance.recording
        assert abs(len(piece) / 16000 - (cut.end - cut.start)) < 1e-3 and np.abs(piece).max() > 0.003


@pytest.mark.slow
def test_list_is_the_scripts(data_folder, monkeypatch):
    """scripts/make_manifests.py finds AN4's validation words again, most within 50 ms: the list was made with earlier weights."""
    real = datasets.load
    monkeypatch.setattr(
        datasets, "load", lambda name, split: real(name, split) if (name, split) == ("an4", "validation") else []
    )
    made = make_manifests.spoken_words_rows(set(WORDS), make_manifests.MIN_CONFIDENCE["spoken_words"])

    def cuts(found):
        return {(row["corpus"], row["id"], str(row["word"])): (float(row["start"]), float(row["end"])) for row in found}

    made, published = cuts(made), cuts(row for row in ROWS if (row["corpus"], row["split"]) == ("an4", "validation"))
    both = made.keys() & published.keys()
    assert published and len(both) > 0.9 * len(made.keys() | published.keys())
    apart = np.abs([np.subtract(made[key], published[key]) for key in both])  # seconds
    assert np.mean(apart.max(axis=1) <= 0.05) > 0.9 and np.median(apart) == 0
