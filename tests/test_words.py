"""synthetic_words and spoken_words: no number among them, the list keeps its promises, voices say them."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo import datasets
from zoo.datasets import spoken_digits, spoken_words, synthetic_words
from zoo.datasets.archives import manifest
from zoo.errors import DataError
from zoo.models.word_embedding import WORDS

needs_voices = pytest.mark.skipif(
    not shutil.which("espeak-ng"), reason="espeak-ng, which speaks them, is not installed"
)
ROWS = manifest("spoken_words")


def test_no_number_is_among_the_words_nor_what_sounds_like_one():
    words = synthetic_words.vocabulary()
    assert words == tuple(sorted(set(words))) and len(words) > 700
    forbidden = {*synthetic_words.DIGITS, "oh", "to", "too", "for", "ate", "won"}
    assert not set(words) & forbidden
    assert not [word for word in words if word.startswith(("six", "seven", "eight", "nine"))]


def test_word_embedding_knows_these_words():
    assert synthetic_words.vocabulary() == WORDS


def test_every_cut_is_of_a_known_word_and_lasts_as_long_as_one():
    assert len(ROWS) == len({(row["corpus"], row["id"], row["word"]) for row in ROWS}) > 4000
    for row in ROWS:
        assert row["text"] in WORDS
        start, end = float(row["start"]), float(row["end"])
        assert start >= 0 and spoken_digits.SHORTEST <= round(end - start, 2) <= spoken_digits.LONGEST


def test_no_speaker_is_in_two_splits_and_each_is_of_its_corpus():
    known = {(corpus, row["id"]): row for corpus in spoken_digits.CORPORA for row in manifest(corpus)}
    split_of = {}
    for row in ROWS:
        source = known[row["corpus"], row["id"]]
        assert (row["split"], row["speaker"]) == (source["split"], source["speaker"])
        assert source["text"].split()[int(row["word"])] == row["text"]
        assert split_of.setdefault((row["corpus"], row["speaker"]), row["split"]) == row["split"]


def test_bad_options_are_a_sentence():
    for options in ({"count": -1}, {"seed": -1}, {"count": 10**7}):
        with pytest.raises(DataError, match="A set of words has"):
            synthetic_words.utterances("train", **options)


@needs_voices
def test_voices_say_each_word_in_turn(tmp_path):
    found = datasets.load("synthetic_words", "validation", tmp_path, count=4)
    assert [utterance.text for utterance in found] == list(WORDS[:4])
    assert all(0.15 < len(utterance.audio(8000)) / 8000 < 3 for utterance in found)
    assert datasets.load("synthetic_words", "validation", tmp_path, count=3) == found[:3]
    apart = [
        {line.speaker for line in datasets.load("synthetic_words", split, tmp_path, count=6)}
        for split in ("validation", "test")
    ]
    assert not apart[0] & apart[1]


def test_real_spoken_words(data_folder):
    found = datasets.load("spoken_words", "test", data_folder)
    assert len(found) == sum(row["split"] == "test" for row in ROWS)
    for utterance in found[::20]:
        piece = utterance.audio(16000)
        assert abs(len(piece) / 16000 - utterance.recording.seconds()) < 1e-3 and np.abs(piece).max() > 0.003


@pytest.mark.slow
def test_list_is_the_scripts(data_folder, monkeypatch):
    """data/make_manifests.py finds AN4's validation words again, most within 50 ms: the list was made with earlier weights."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "data"))
    sys.modules.pop("make_manifests", None)
    import make_manifests

    real = datasets.load
    monkeypatch.setattr(
        datasets, "load", lambda name, split: real(name, split) if (name, split) == ("an4", "validation") else []
    )
    made = make_manifests.spoken_words_rows(set(WORDS), spoken_words.LEAST_CONFIDENCE)

    def cuts(found):
        return {(row["corpus"], row["id"], str(row["word"])): (float(row["start"]), float(row["end"])) for row in found}

    made, published = cuts(made), cuts(row for row in ROWS if (row["corpus"], row["split"]) == ("an4", "validation"))
    both = made.keys() & published.keys()
    assert published and len(both) > 0.9 * len(made.keys() | published.keys())
    apart = np.abs([np.subtract(made[key], published[key]) for key in both])  # seconds
    assert np.mean(apart.max(axis=1) <= 0.05) > 0.9 and np.median(apart) == 0
