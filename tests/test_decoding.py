"""Greedy decoding is the best path, told with times and confidences. NumPy only."""

import json
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.decoding import Transcript, greedy, log_softmax
from zoo.text import CHARACTERS, Labels

STEP = 0.03  # seconds


def logits_of(text: str, sure: float = 20.0, labels=CHARACTERS) -> np.ndarray:
    """Logits whose best path is `text`, one frame a character; "_" is the blank."""
    ids = [0 if c == "_" else labels.encode(c)[0] for c in text]
    logits = np.zeros((len(ids), len(labels)), "float32")
    logits[np.arange(len(ids)), ids] = sure
    return logits


def decode(path: str, **options) -> Transcript:
    return greedy(logits_of(path, **options)[None], [len(path)], CHARACTERS, STEP)[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("__oo_nn_e__", "one"),
        ("thr_e_ee", "three"),  # a blank between two equal symbols keeps both
        ("three", "thre"),  # without one they are one
        ("a b", "a b"),
        ("a_  _ _b", "a b"),  # spaces in a row are one
        ("  a  ", "a"),
        ("____", ""),
        ("   ", ""),
        ("it's", "it's"),
    ],
)
def test_repeats_and_blanks(path, text):
    found = decode(path)
    assert found.text == str(found) == text
    assert [word.text for word in found.words] == text.split()


def test_no_frames_are_an_empty_transcript():
    assert decode("").text == "" and decode("").words == () and decode("").duration == 0


def test_word_times():
    found = decode("__oo_n__ __twwo_")
    one, two = found.words
    # A frame stands for half a step on either side of its centre.
    assert (one.start, one.end) == pytest.approx((1.5 * STEP, 5.5 * STEP))
    assert (two.start, two.end) == pytest.approx((10.5 * STEP, 14.5 * STEP))
    assert found.duration == pytest.approx(16 * STEP)
    (first,) = decode("a").words
    assert first.start == 0.0  # nothing starts before the clip does


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**31), st.floats(0.1, 30))
def test_properties(n_frames, seed, scale):
    labels = Labels(" ab")
    logits = scale * np.random.default_rng(seed).standard_normal((n_frames, 4)).astype("float32")
    (found,) = greedy(logits[None], [n_frames], labels, STEP)
    path = [symbol for symbol, _ in groupby(logits.argmax(axis=1)) if symbol]
    assert found.text.split() == labels.decode(path).split()
    assert found.text == " ".join(word.text for word in found.words)
    assert 0 <= found.confidence <= 1 and found.duration == pytest.approx(n_frames * STEP)
    ends = 0.0
    for word in found.words:
        assert ends <= word.start < word.end <= found.duration + 1e-9
        assert 0 <= word.confidence <= 1 and " " not in word.text and word.text
        ends = word.end
    assert json.loads(json.dumps(found.to_dict()))["text"] == found.text


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 2**31))
def test_a_batch_is_its_clips(lengths, seed):
    rng = np.random.default_rng(seed)
    logits = 5 * rng.standard_normal((len(lengths), max(lengths) + 3, len(CHARACTERS))).astype("float32")
    together = greedy(logits, lengths, CHARACTERS, STEP)
    for row, n, found in zip(logits, lengths, together, strict=True):
        assert found == greedy(row[None, :n], [n], CHARACTERS, STEP)[0]


def test_confidence_is_the_models():
    sure, unsure = decode("__one__", sure=20.0), decode("__one__", sure=1.0)
    assert sure.confidence > 0.99 and sure.words[0].confidence > 0.99
    expected = np.exp(1) / (np.exp(1) + 28)
    assert unsure.confidence == pytest.approx(expected) and unsure.words[0].confidence == pytest.approx(expected)
    # The geometric mean of characters, each as sure as its best frame.
    logits = np.concatenate([logits_of("a", 20.0), logits_of("a", 1.0), logits_of("b", 1.0)])
    (found,) = greedy(logits[None], [3], CHARACTERS, STEP)
    assert found.confidence == pytest.approx(np.sqrt(expected), rel=1e-6)
    assert decode("____", sure=1.0).confidence == pytest.approx(expected)  # how sure it is that nothing was said


def test_logits_need_not_be_normalised():
    logits = logits_of("_one_ two_")
    a, b = greedy(np.stack([logits, logits + 1000]), [10, 10], CHARACTERS, STEP)
    assert a.words == b.words and np.isfinite(a.confidence)
    huge = greedy(logits[None] * 1e4, [10], CHARACTERS, STEP)[0]
    assert huge.text == "one two" and huge.confidence == pytest.approx(1)


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=8))
def test_log_softmax(values):
    found = log_softmax(np.array([values]))
    assert np.exp(found).sum() == pytest.approx(1) and found.max() <= 0
    np.testing.assert_allclose(found[0] - found[0, 0], np.array(values) - values[0], atol=1e-6)
