"""What came back, how far off it is, and both as sound."""

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.layers import LogMel
from zoo.tasks.reconstruction import Frames, Reconstruction, apply_gain, griffin_lim, lerp

FRAMES = Frames(8000, 256, 80, 200)


def log_mel(samples, bands=40):
    layer = LogMel(FRAMES.sample_rate, FRAMES.n_fft, FRAMES.hop_length, FRAMES.win_length, bands)
    return np.asarray(layer(samples[None].astype("float32"), np.array([len(samples)], "int32"))[0])[0]


def chirp(seconds=0.6, rate=8000):
    time = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (300 * time + 900 * time**2)) * np.hanning(len(time))).astype("float32")


def test_the_error_is_that_of_all_bands_together(rng):
    a, b = rng.standard_normal((2, 30, 7))
    found = Reconstruction(a, b, np.zeros(3), -10.0, FRAMES)
    assert found.error_db == pytest.approx(np.sqrt(np.mean((a - b) ** 2)))
    assert found.band_error_db == pytest.approx(np.sqrt(((a - b) ** 2).mean(axis=0)))
    assert "array" not in repr(found)


def test_griffin_lim_finds_a_sound_with_these_frames():
    samples = chirp()
    wanted = log_mel(samples)
    back = griffin_lim(wanted, 8000, 256, 80, 200)
    assert len(back) == (len(wanted) - 1) * 80 and back.dtype == "float32"
    found = log_mel(back)
    loud = wanted > wanted.max() - 30
    assert np.sqrt(np.mean((found - wanted)[loud] ** 2)) < 5.0  # dB; noise would be off by ten
    # More rounds come nearer, the same seed gives the same sound.
    rough = log_mel(griffin_lim(wanted, 8000, 256, 80, 200, iterations=1))
    assert np.mean((rough - wanted)[loud] ** 2) > np.mean((found - wanted)[loud] ** 2)
    np.testing.assert_array_equal(back, griffin_lim(wanted, 8000, 256, 80, 200))


def test_griffin_lim_keeps_the_level():
    wanted = log_mel(chirp())
    loud, quiet = (griffin_lim(wanted + level, 8000, 256, 80, 200) for level in (0, -20))
    assert np.abs(quiet).max() == pytest.approx(0.1 * np.abs(loud).max(), rel=0.1)
    assert np.abs(griffin_lim(np.full((5, 40), -100.0), 8000, 256, 80, 200)).max() < 1e-3
    assert np.abs(griffin_lim(np.full((9, 40), 50.0), 8000, 256, 80, 200)).max() <= 1.0


@pytest.mark.parametrize(
    ("log_mel", "sizes", "argument"),
    [
        (np.zeros((0, 40)), {}, "log_mel"),
        (np.zeros(40), {}, "log_mel"),
        (np.full((4, 40), np.nan), {}, "log_mel"),
        (np.zeros((4, 40)), {"hop_length": 0}, "hop_length"),
        (np.zeros((4, 40)), {"win_length": 600}, "hop_length"),
        (np.zeros((4, 40)), {"iterations": 0}, "iterations"),
        (np.zeros((4, 40)), {"sample_rate": 3}, "sample_rate"),
    ],
)
def test_griffin_lim_refuses(log_mel, sizes, argument):
    with refused(argument):
        griffin_lim(log_mel, **({"sample_rate": 16000} | sizes))


def test_griffin_lim_has_its_old_path():
    assert zoo.audio.griffin_lim is griffin_lim and not hasattr(zoo.audio, "griffin_lam")


def test_a_single_frame_is_a_sound():
    assert len(griffin_lim(np.zeros((1, 40)), 8000, 256, 80, 200)) == 80


@settings(max_examples=15, deadline=None)
@given(length=st.integers(90, 5000), gain=st.floats(-40, 10), seed=st.integers(0, 99))
def test_one_gain_for_all_is_that_gain(length, gain, seed):
    samples = np.random.default_rng(seed).standard_normal(length).astype("float32")
    made = apply_gain(samples, np.full((1 + length // 80, 40), gain), FRAMES, 40)
    assert made.shape == samples.shape
    np.testing.assert_allclose(made, samples * 10 ** (gain / 20), atol=2e-5 * 10 ** (gain / 20) + 1e-6)


def test_a_band_that_is_turned_down_is_silent_and_the_others_are_not():
    time = np.arange(8000) / 8000
    low, high = np.sin(2 * np.pi * 250 * time), np.sin(2 * np.pi * 2500 * time)
    gain = np.zeros((101, 40))
    gain[:, 20:] = -60.0  # above about 1.3 kHz
    made = apply_gain((low + high).astype("float32"), gain, FRAMES, 40)[1000:-1000]
    assert np.abs(made - low[1000:-1000]).max() < 0.02


def test_lerp():
    a, b = np.array([0.0, 2.0]), np.array([1.0, 0.0])
    np.testing.assert_allclose(lerp(a, b, 3), [[0, 2], [0.5, 1], [1, 0]])
    for steps in (1, 2.5):
        with refused("steps"):
            lerp(a, b, steps)


@pytest.mark.slow
def test_what_vae_samples_are_words_to_a_recogniser():
    """The shipped vae; without a notion of words its samples would be taken for anything, with little confidence."""
    vae, classifier = zoo.load("vae"), zoo.load("ds_cnn")
    f = Frames.of(vae.config)
    sounds = [griffin_lim(word, f.sample_rate, f.n_fft, f.hop_length, f.win_length) for word in vae.sample(20, seed=3)]
    words = classifier.classify(sounds, f.sample_rate)
    assert np.mean([word.confidence > 0.5 for word in words]) > 0.6 and len({word.label for word in words}) >= 5
