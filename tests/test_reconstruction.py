"""What came back, how far off it is, and both as sound."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.audio import bundled, griffin_lim, load_audio
from zoo.augment import speed
from zoo.errors import AudioError, ZooError
from zoo.features import LogMel
from zoo.model import pad
from zoo.reconstruction import Frames, Reconstruction, apply_gain, between

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
    "values, sizes, said",
    [
        (np.zeros((0, 40)), {}, r"received \(0, 40\)\."),
        (np.zeros(40), {}, "received"),
        (np.full((4, 40), np.nan), {}, "received 160 values that are not"),
        (np.zeros((4, 40)), {"hop_length": 0}, "hop_length=0"),
        (np.zeros((4, 40)), {"win_length": 600}, "win_length=600"),
        (np.zeros((4, 40)), {"iterations": 0}, "iterations=0"),
        (np.zeros((4, 40)), {"sample_rate": 3}, "is 3"),
    ],
)
def test_griffin_lim_refuses(values, sizes, said):
    with pytest.raises(AudioError, match=said):
        griffin_lim(values, **({"sample_rate": 16000} | sizes))


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


def test_between():
    a, b = np.array([0.0, 2.0]), np.array([1.0, 0.0])
    np.testing.assert_allclose(between(a, b, 3), [[0, 2], [0.5, 1], [1, 0]])
    with pytest.raises(ZooError, match="received steps=1"):
        between(a, b, 1)
    with pytest.raises(ZooError, match="received steps=2.5"):
        between(a, b, 2.5)


def test_what_vae_samples_are_words_to_a_recogniser():
    """The shipped vae; without a notion of words its samples would be taken for anything, with little confidence."""
    vae, heard = zoo.load("vae"), zoo.load("ds_cnn")
    f = Frames.of(vae.config)
    sounds = [griffin_lim(word, f.sample_rate, f.n_fft, f.hop_length, f.win_length) for word in vae.sample(20, seed=3)]
    found = heard.classify(sounds, f.sample_rate)
    assert np.mean([one.confidence > 0.5 for one in found]) > 0.6 and len({one.label for one in found}) >= 5


def test_every_look_and_every_step_of_vae_brings_a_word_nearer():
    """The shipped vae: at its first code the decoder is further from what was said than at the second, and so on."""
    vae = zoo.load("vae")
    assert vae.config.looks > 1 and vae.config.newton_steps > 1
    layer = vae.network.get_layer
    names = ["mean", *(f"mean_{look}" for look in range(1, vae.config.looks))]
    names += [f"newton_{step}" for step in range(1, vae.config.newton_steps + 1)]
    looks = keras.Model(vae.network.inputs, [layer("word").output, *(layer(name).output for name in names)])
    seven = load_audio(bundled("seven"), 8000)
    waveform, lengths = pad([speed(seven, factor) for factor in (0.8, 0.9, 1.0, 1.1, 1.25)], 8000)
    word, *codes = (np.asarray(x) for x in looks({"waveform": waveform, "lengths": lengths}))
    errors = [float(np.mean(np.square(np.asarray(layer("decoder")(code)) - word))) for code in codes]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.9 * errors[0], errors


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_vae_finds_as_good_a_code_in_half_precision(policy):
    """Least squares over differences of two pictures, of which the network in between knows eight or eleven bits."""
    whole = zoo.load("vae").reconstruct(bundled("seven")).error_db
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        half = zoo.load("vae").reconstruct(bundled("seven")).error_db
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert half == pytest.approx(whole, abs=0.05)


def test_one_step_finds_the_code_of_a_linear_decoder(rng):
    """Against the minimum that NumPy finds, damping and all."""
    from zoo.models.vae import DAMPING, GaussNewton, Nudges

    frames, bands, n, pull = 7, 5, 3, 2.0
    ways, code = rng.standard_normal((n, frames * bands)), rng.standard_normal((2, n))
    picture = rng.standard_normal((2, frames * bands)) * 4

    def decode(codes):
        return (np.asarray(codes) @ ways - 30).reshape(-1, frames, bands).astype("float32")

    word, brought = (picture - 30).reshape(-1, frames, bands).astype("float32"), decode(code)
    found = GaussNewton(pull)(code, word - brought, brought, decode(Nudges()(code)))
    curvature = ways @ ways.T
    damping = DAMPING * np.trace(curvature) / n
    # What is still missed, what pulls the code to 0, and what holds it where it is, all squared: least squares.
    rows = np.concatenate([ways.T, np.sqrt(pull) * np.eye(n), np.sqrt(damping) * np.eye(n)])
    for one, start, said in zip(np.asarray(found), code, picture, strict=True):
        wanted, *_ = np.linalg.lstsq(rows, np.concatenate([said, np.zeros(n), np.sqrt(damping) * start]), rcond=None)
        np.testing.assert_allclose(one, wanted, atol=1e-3)
