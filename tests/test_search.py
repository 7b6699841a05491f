"""Where a word is, by example."""

import numpy as np
import pytest
from conftest import refused

import zoo
from zoo.datasets import load as load_data
from zoo.errors import AudioError
from zoo.tasks.search import Match, Searcher, find

RATE = 8000
MODELS = ["mfcc", "autoencoder_mini", "word_embedding"]  # lstm_ctc hears no tones


def tone(hertz, seconds=0.4):
    time = np.arange(int(seconds * RATE)) / RATE
    envelope = np.minimum(1, 20 * np.minimum(time, time[::-1]))
    return (0.4 * np.sin(2 * np.pi * hertz * time * (1 + 0.3 * time)) * envelope).astype("float32")


@pytest.fixture(scope="module")
def load():
    made = {"mfcc": "mfcc"}
    return lambda name: made.setdefault(name, None if name in made else zoo.load(name))


@pytest.mark.parametrize("name", MODELS)
def test_a_tone_is_found_where_it_is(name, load):
    recording = np.concatenate([tone(300), tone(700, 0.6), tone(1500), np.zeros(1600, "float32"), tone(2600)])
    (match,) = find(load(name), tone(1500), recording, RATE, best=1)
    middle = (match.start + match.end) / 2
    assert 1.0 < middle < 1.4 and 0.1 < match.end - match.start < 0.9 and match.score <= 1.0001


@pytest.mark.parametrize("name", MODELS)
def test_matches_are_best_first_and_of_different_places(name, load):
    recording = np.concatenate([tone(1500), tone(300, 0.8), tone(1500, 0.5), tone(700)])
    matches = find(load(name), tone(1500), recording, RATE, best=3)
    scores = [match.score for match in matches]
    assert 2 <= len(matches) <= 3 and scores == sorted(scores, reverse=True)
    for i, a in enumerate(matches):
        for b in matches[i + 1 :]:
            shared = min(a.end, b.end) - max(a.start, b.start)
            assert shared <= 0.5 * min(a.end - a.start, b.end - b.start) + 1e-9
    # Both takes of the tone are among them.
    middles = [(match.start + match.end) / 2 for match in matches]
    assert any(middle < 0.4 for middle in middles) and any(1.2 < middle < 1.75 for middle in middles)


def test_the_best_path_is_that_of_a_plain_loop(rng):
    """Subsequence dynamic time warping against the textbook's three lines."""
    searcher = Searcher("mfcc")
    word = {"seconds": 0.1, "frames": rng.standard_normal((7, 4))}
    frames = rng.standard_normal((40, 4))
    a, b = ((f - frames.mean(0)) / (frames.std(0) + 1e-3) for f in (word["frames"], frames))
    a, b = (f / np.linalg.norm(f, axis=1, keepdims=True) for f in (a, b))
    cost = 1 - a @ b.T
    sums, begin = np.full(cost.shape, np.inf), np.zeros(cost.shape, int)
    for i in range(7):
        for j in range(40):
            if i == 0:
                sums[i, j], begin[i, j] = cost[i, j], j
                continue
            ways = [(sums[i - 1, j], begin[i - 1, j])]
            if j:
                ways += [(sums[i - 1, j - 1], begin[i - 1, j - 1]), (sums[i, j - 1], begin[i, j - 1])]
            best = min(ways)
            sums[i, j], begin[i, j] = best[0] + cost[i, j], best[1]
    end = int(sums[-1].argmin())
    (match,) = searcher.find(word, {"seconds": 1.0, "frames": frames}, best=1)
    hop = searcher.seconds
    assert (match.start, match.end) == pytest.approx((begin[-1, end] * hop, (end + 1) * hop))


@pytest.mark.parametrize("seconds", [0.41, 0.445, 0.47])
def test_a_match_ends_where_the_recording_does(seconds):
    (match,) = find("mfcc", tone(1500), tone(1500, seconds), RATE, best=1)
    assert 0 <= match.start < match.end <= round(seconds * RATE) / RATE


def test_bad_input(load):
    with refused("recording", AudioError):
        find("mfcc", tone(300, 0.6), tone(300, 0.2), RATE)
    with refused("query", AudioError):
        find("mfcc", np.zeros(4000), tone(300), RATE)
    for best in (0, 1.5):
        with refused("best"):
            find("mfcc", tone(300), tone(300), RATE, best=best)
    for model in ("mfc", load("ngram_lm"), load("conv2d_mini"), load("vae"), None):
        with refused("model"):
            find(model, tone(300), tone(300), RATE)
    assert Match(0.0, 1.0, 0.5).to_dict() == {"start": 0.0, "end": 1.0, "score": 0.5}


def test_the_shortest_word_is_searched_for_in_windows_that_a_model_takes(load):
    assert find(load("word_embedding"), tone(1000, 0.011), tone(1000), RATE, best=np.int64(1))


def test_a_long_word_is_searched_for_in_windows_that_a_model_takes(load):
    """1.25 times 3.5 s would be more than word_embedding hears at once."""
    word = np.concatenate([tone(hertz, 0.5) for hertz in (300, 500, 700, 900, 1100, 1300, 1500)])
    (match,) = find(load("word_embedding"), word, np.concatenate([word, tone(400, 1.5)]), RATE, best=1)
    assert match.end - match.start <= 4


def test_frames_of_a_recognizer(small_model):
    searcher = Searcher(small_model)
    assert searcher.seconds == pytest.approx(small_model.config.frame_seconds)
    assert searcher.prepare(tone(1000))["frames"].shape[1] == small_model.get_layer("logits").input.shape[-1]


@pytest.mark.slow
def test_a_spoken_word_is_found_in_a_string_of_digits(load, data_folder):
    strings = [
        u
        for u in load_data("connected_digits", "test")
        if u.text.split().count("seven") == 1 and len(u.text.split()) > 4
    ]
    query = next(u for u in load_data("fsdd", "validation") if u.text == "seven" and u.speaker == strings[0].speaker)
    searcher, right = Searcher(load("lstm_ctc")), 0
    word = searcher.prepare(query.audio(16000))
    for utterance in strings[:6]:
        (match,) = searcher.find(word, searcher.listen(utterance.audio(16000)), best=1)
        spans, at = {}, utterance.recording.gaps_ms[0] / 1000
        for said, take, gap in zip(
            utterance.text.split(), utterance.recording.pieces(), utterance.recording.gaps_ms[1:], strict=True
        ):
            spans[said] = (at, at + len(take) / RATE)
            at += len(take) / RATE + gap / 1000
        right += spans["seven"][0] <= (match.start + match.end) / 2 <= spans["seven"][1]
    assert right >= 4
