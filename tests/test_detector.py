"""Speech or not: what is taught follows the level of clean speech, and what is found has honest times."""

import numpy as np
import pytest
from conftest import refused, small

import zoo
from zoo.errors import ZooError
from zoo.tasks.detector import SHORTEST, runs, speech_frames

RATE = 16000


@pytest.fixture(scope="module")
def model():
    return small("vad")


def bursts(*spans: tuple[float, float], seconds: float) -> np.ndarray:
    """Noise that is loud in spans and faint elsewhere."""
    rng = np.random.default_rng(0)
    samples = 1e-4 * rng.standard_normal(round(seconds * RATE))
    for start, end in spans:
        samples[round(start * RATE) : round(end * RATE)] += 0.2 * rng.standard_normal(
            round(end * RATE) - round(start * RATE)
        )
    return samples.astype("float32")


def test_frames_are_taught_where_the_clean_clip_is_loud(model):
    clip = bursts((0.5, 1.2), (2.0, 2.6), seconds=3.5)
    found = runs(speech_frames(clip, model.config) > 0, 0.01)
    np.testing.assert_allclose(found, [(0.5, 1.2), (2.0, 2.6)], atol=0.06)
    assert len(speech_frames(clip, model.config)) == model.n_frames(len(clip))


def test_no_speech_is_taught_without_a_label_or_without_sound(model):
    clip = bursts((0.5, 1.2), seconds=2)
    y = model.batch_target(np.array([[1], [0]]), np.stack([clip, clip]))
    assert y[0].sum() > 50 and not y[1].any()
    assert not speech_frames(np.zeros(RATE, "float32"), model.config).any()
    assert model.encode_target("silence") == model.encode_target("") == [] and model.encode_target("yes") == [1]


def test_short_gaps_are_filled_and_clicks_left_out():
    frames = np.zeros(200, bool)
    frames[10:50] = frames[55:90] = frames[150:155] = True
    assert runs(frames, 0.01) == [(0.1, 0.9)]
    assert runs(np.ones(30, bool), 0.01) == [(0.0, 0.3)] and runs(np.zeros(5, bool), 0.01) == []
    assert all(end - start >= SHORTEST for start, end in runs(np.random.default_rng(0).random(1000) > 0.5, 0.01))


def test_answers_of_one_and_of_many(model):
    clips = [bursts((0.2, 0.6), seconds=n) for n in (1.0, 1.7)]
    many = model.detect(clips, RATE, threshold=0.4)
    assert many == [model.detect(clip, RATE, threshold=0.4) for clip in clips]
    probabilities = model.probabilities(clips[0], RATE)
    assert probabilities.shape == (101,) and (probabilities >= 0).all() and (probabilities <= 1).all()
    for threshold in (0, 1):
        with refused("threshold", ZooError):
            model.detect(clips[0], RATE, threshold=threshold)


@pytest.mark.slow
def test_the_bundled_one_finds_speech_and_leaves_noise_alone():
    vad = zoo.load("vad")
    clip = zoo.audio.load_audio(zoo.audio.bundled("woman-us"), RATE)
    spans = vad.detect(np.pad(clip, RATE), RATE)
    assert 0.7 < spans[0][0] < 1.6 and sum(end - start for start, end in spans) > 1.5
    rng = np.random.default_rng(0)
    hum = 0.1 * np.sin(2 * np.pi * 100 * np.arange(4 * RATE) / RATE)
    for noise in (0.05 * rng.standard_normal(4 * RATE), hum, np.zeros(2 * RATE)):
        assert sum(end - start for start, end in vad.detect(noise.astype("float32"), RATE)) < 0.5
