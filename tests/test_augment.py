"""Augmentation changes what it should, by how much it should, and is repeated by its seed."""

import keras
import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from zoo.datasets.noise import add_noise, excerpt
from zoo.layers import SpecAugment
from zoo.training.augment import augment, reverberate, speed, telephone
from zoo.training.config import AugmentConfig

RATE = 16000


def tone(hertz=440.0, seconds=1.0, level=0.3):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype("float32")


def loudest_hertz(samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE)[spectrum.argmax()])


def power(samples) -> float:
    return float(np.mean(np.square(samples, dtype="float64")))


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.18])
def test_speed_moves_length_and_pitch(factor):
    fast = speed(tone(), factor)
    assert fast.dtype == "float32"
    assert len(fast) == pytest.approx(RATE / factor, abs=2)
    assert loudest_hertz(fast) == pytest.approx(440 * factor, abs=3)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_noise_has_the_asked_level(snr_db, rng):
    noise = rng.standard_normal(RATE).astype("float32") * 5
    noisy = add_noise(tone(), noise, snr_db)
    added = noisy - tone()
    assert 10 * np.log10(power(tone()) / power(added)) == pytest.approx(snr_db, abs=0.05)
    assert noisy.dtype == "float32"


def test_noise_for_silence_or_of_silence_changes_nothing():
    silence = np.zeros(RATE, "float32")
    np.testing.assert_array_equal(add_noise(silence, tone(), 10), silence)
    np.testing.assert_array_equal(add_noise(tone(), silence, 10), tone())


@given(st.integers(1, 50), st.integers(1, 120), st.integers(0, 99))
def test_excerpt_has_the_asked_length_and_repeats(n_noise, length, seed):
    noise = np.arange(n_noise)
    found = excerpt(noise, length, np.random.default_rng(seed))
    assert len(found) == length
    np.testing.assert_array_equal((found - found[0]) % n_noise, np.arange(length) % n_noise)


def test_telephone_keeps_nothing_above_4_khz():
    low, high = telephone(tone(1000), RATE), telephone(tone(6000), RATE)
    assert len(low) == len(high) == RATE
    assert power(low) == pytest.approx(power(tone(1000)), rel=0.02)
    assert power(high) < 1e-4 * power(tone(6000))


@pytest.mark.parametrize("n", [159, 160, 161, 16001])
def test_telephone_keeps_the_length(n, rng):
    assert len(telephone(rng.standard_normal(n).astype("float32"), RATE)) == n


def test_reverberation_comes_after_the_sound(rng):
    click = np.zeros(RATE, "float32")
    click[4000] = 0.5
    with refused("t60"):
        reverberate(click, RATE, 0, rng)
    echo = reverberate(click, RATE, 0.3, rng)
    assert echo.dtype == "float32" and len(echo) == RATE
    assert np.abs(echo[:4000]).max() < 1e-5 and echo[4000] == pytest.approx(0.5, rel=1e-3)
    early, late = power(echo[4001:5000]), power(echo[7400:8400])
    assert early > 100 * late > 0  # 60 dB in 0.3 s: some 43 dB in the 0.21 s between the two


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(400, 20_000), st.integers(0, 30_000))
def test_augment_is_finite_and_within_full_scale(seed, n, room):
    samples = np.random.default_rng(seed).uniform(-1, 1, n).astype("float32")
    noises = [tone(100), tone(50, 0.02)]
    found = augment(samples, RATE, np.random.default_rng(seed), noises, room=room)
    assert found.dtype == "float32" and found.ndim == 1
    assert np.isfinite(found).all() and np.abs(found).max() <= 1.000001
    assert len(found) <= max(room, int(n / 0.84) + 2)
    np.testing.assert_array_equal(found, augment(samples, RATE, np.random.default_rng(seed), noises, room=room))


def test_augment_varies():
    found = [augment(tone(), RATE, np.random.default_rng(i)) for i in range(8)]
    assert len({samples.tobytes() for samples in found}) == 8


def test_nothing_is_changed_where_no_chance_is_given():
    never = AugmentConfig(speed_prob=0, noise_prob=0, telephone_prob=0, reverb_prob=0, silence_prob=0, gain_db=(0, 0))  # fmt: skip
    np.testing.assert_array_equal(augment(tone(), RATE, np.random.default_rng(0), config=never, room=99_999), tone())


def test_silence_stays_usable():
    assert np.isfinite(augment(np.zeros(RATE, "float32"), RATE, np.random.default_rng(1))).all()


# --- SpecAugment


def spec_augment(frames, lengths, training=True, **options):
    keras.utils.set_random_seed(0)
    return ops.convert_to_numpy(SpecAugment(**options)(frames, np.array(lengths, "int32"), training=training))


def test_spec_augment_rests_outside_training(rng):
    frames = rng.standard_normal((2, 30, 40)).astype("float32")
    np.testing.assert_array_equal(spec_augment(frames, [30, 20], training=False), frames)


@pytest.mark.parametrize("seed", range(5))
def test_spec_augment_hides_no_more_than_it_may(seed):
    frames = np.ones((4, 200, 80), "float32")
    hidden = spec_augment(frames, [200] * 4, seed=seed, warp=0.0) == 0
    assert 0 < hidden.mean() < 0.6
    bins, times = hidden.all(axis=1), hidden.all(axis=2)  # (batch, bins), (batch, frames)
    np.testing.assert_array_equal(hidden, bins[:, None, :] | times[:, :, None])
    assert bins.sum(axis=1).max() <= 2 * 17
    assert times.sum(axis=1).max() <= 3 * 25
    assert len({row.tobytes() for row in hidden}) == 4  # each clip its own


def test_spec_augment_hides_a_share_of_short_clips():
    hidden = spec_augment(np.ones((16, 200, 80), "float32"), [20] * 16, freq_masks=0, warp=0.0)[:, :, 0] == 0
    assert not hidden[:, 20:].any()  # what is drawn, is drawn within the clip
    assert hidden[:, :20].sum(axis=1).max() <= 3 * np.ceil(0.12 * 20)


def test_warp_moves_frequencies_and_nothing_else():
    frames = np.zeros((8, 5, 80), "float32")
    frames[:, :, 40] = 1.0
    found = spec_augment(frames, [5] * 8, freq_masks=0, time_masks=0, warp=0.1)
    centre = (found * np.arange(80)).sum(axis=2) / found.sum(axis=2)
    assert np.all(np.abs(centre / 40 - 1) < 0.12) and centre.std() > 0.3
    np.testing.assert_allclose(centre, centre[:, :1].repeat(5, axis=1), rtol=1e-4)
    flat = spec_augment(np.full((2, 5, 80), 0.7, "float32"), [5, 5], freq_masks=0, time_masks=0)
    np.testing.assert_allclose(flat, 0.7, rtol=1e-5)


def test_spec_augment_is_saved_with_its_settings(tmp_path):
    layer = SpecAugment(1, 4, 2, 9, 0.3, 0.05, 7)
    assert SpecAugment.from_config(layer.get_config()).get_config() == layer.get_config()
    frames, lengths = keras.Input((None, 8)), keras.Input((), dtype="int32")
    keras.Model([frames, lengths], layer(frames, lengths)).save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras", safe_mode=True)
    assert loaded.layers[-1].get_config() == layer.get_config()


def test_the_clean_one_of_a_pair_is_the_noisy_one_without_its_noise(rng):
    config = AugmentConfig(noise_prob=1.0, snr_db=(0.0, 0.0), telephone_prob=0.5, silence_prob=0.0)
    noises = [rng.standard_normal(RATE).astype("float32")]
    for seed in range(6):
        alone = augment(tone(), RATE, np.random.default_rng(seed), noises, config)
        noisy, clean = augment(tone(), RATE, np.random.default_rng(seed), noises, config, with_clean=True)
        np.testing.assert_array_equal(noisy, alone)  # asking for both changes nothing
        assert clean.shape == noisy.shape and clean.dtype == "float32"
        assert 0.3 < power(noisy - clean) / power(clean) < 3  # a line takes more of white noise than of a tone
    quiet = AugmentConfig(noise_prob=0.0)
    np.testing.assert_array_equal(*augment(tone(), RATE, np.random.default_rng(0), noises, quiet, with_clean=True))
