"""The front end equals librosa's, whatever the settings, the clip and the clips beside it.

tests/test_backends.py runs this file again under JAX, without TensorFlow.
"""

import warnings

import keras
import librosa
import numpy as np
import pytest
from conftest import refused
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from zoo import layers as features

TOLERANCE = 1e-4  # of the largest value of the reference
JAX = keras.backend.backend() == "jax"
# JAX compiles for every shape anew, so it sees fewer of the same examples.
quick = settings(max_examples=6 if JAX else 15, deadline=None, derandomize=True)


def assert_close(found, reference) -> None:
    found, reference = np.asarray(found), np.asarray(reference)
    assert found.shape == reference.shape
    assert found.dtype == "float32"  # twice the digits would take twice the time
    assert np.abs(found - reference).max() <= TOLERANCE * np.abs(reference).max()


def run(layer, *clips, width: int = 0, rng=None):
    """Features of clips in one batch, each cut to its own frames; the padding is loud noise, and must not matter."""
    rng = rng or np.random.default_rng(1)
    lengths = [len(clip) for clip in clips]
    waveform = rng.standard_normal((len(clips), max([*lengths, width]))).astype("float32") * 3
    for row, clip in zip(waveform, clips, strict=True):
        row[: len(clip)] = clip
    frames, n_frames = compiled(layer)(waveform, np.array(lengths, "int32"))
    frames, n_frames = keras.ops.convert_to_numpy(frames), keras.ops.convert_to_numpy(n_frames)
    return [row[:n] for row, n in zip(frames, n_frames, strict=True)]


def compiled(layer):
    """One program for each shape; JAX would otherwise compile each operation by itself."""
    if not JAX:
        return layer
    import jax

    return jax.jit(lambda waveform, lengths: layer(waveform, lengths))


def sound(seed: int, length: int, level: float = 0.3) -> np.ndarray:
    """Noise whose spectrum falls and whose level rises and falls, as a voice's do, with two tones: float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(length)
    noise = np.convolve(rng.standard_normal(length), [1, 0.9, 0.7, 0.4])[:length]
    tones = sum(np.sin(rng.uniform(0.01, 2.5) * time) for _ in range(2))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * time / (1500 + 3000 * rng.random()))
    return (level * swell * (0.2 * noise + 0.3 * tones)).astype("float32")


@st.composite
def spectra(draw):
    """Settings of LogMel that librosa accepts too."""
    rate = draw(st.sampled_from([8000, 16000, 22050]))
    n_fft = draw(st.sampled_from([256, 400, 401, 512, 999, 1000, 1024]))
    win_length = draw(st.one_of(st.none(), st.integers(n_fft // 3, n_fft)))
    return {
        "sample_rate": rate,
        "n_fft": n_fft,
        "win_length": win_length,
        "hop_length": draw(st.integers(40, win_length or n_fft)),
        "n_mels": draw(st.integers(13, 128)),
        "fmin": draw(st.sampled_from([0.0, 20.0, 133.3])),
        "fmax": draw(st.sampled_from([None, 0.45 * rate, 3600.0])),
    }


# One sample, shorter than a hop, shorter than a window, and about half a second.
LENGTHS = st.one_of(st.integers(1, 300), st.integers(300, 12000))


def librosa_power(clip, n_fft, hop_length, win_length, **_):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "n_fft is too large for input signal": it is meant to be
        stft = librosa.stft(clip, n_fft=n_fft, hop_length=hop_length, win_length=win_length, pad_mode="constant")
    return np.square(np.abs(stft)).T


def librosa_mel(clip, n_mels, sample_rate, fmin=0.0, fmax=None, top_db=80.0, **frame):
    power = librosa_power(clip, **frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "Empty filters": 128 bands of 129 bins have some
        mel = librosa.feature.melspectrogram(
            S=power.T, sr=sample_rate, n_fft=frame["n_fft"], n_mels=n_mels, fmin=fmin, fmax=fmax
        )
    return librosa.power_to_db(mel, top_db=top_db).T


# --- equal to librosa


@quick
@given(spectra(), LENGTHS, st.integers(0, 99))
@example({"n_fft": 512, "win_length": 400, "hop_length": 160}, 16000, 0)
@example({"n_fft": 512, "win_length": 400, "hop_length": 160}, 1, 0)
@example({"n_fft": 401, "win_length": 400, "hop_length": 160}, 1600, 0)  # an odd one has a frame less here
@example({"n_fft": 256, "win_length": 100, "hop_length": 200}, 3000, 0)  # some samples lie in no window
def test_power_is_librosas(spec, length, seed):
    frame = {key: spec[key] for key in ("n_fft", "win_length", "hop_length")}
    clip = sound(seed, length)
    assert_close(run(features.PowerSpectrum(**frame), clip)[0], librosa_power(clip, **frame))


@quick
@given(spectra(), LENGTHS, st.integers(0, 99))
def test_log_mel_is_librosas(spec, length, seed):
    clip = sound(seed, length)
    assert_close(run(features.LogMel(**spec), clip, width=length + 700)[0], librosa_mel(clip, **spec))


@quick
@given(spectra(), LENGTHS, st.integers(0, 99), st.data())
def test_mfcc_is_librosas(spec, length, seed, data):
    n_mfcc = data.draw(st.integers(1, spec["n_mels"]))
    clip = sound(seed, length)
    reference = librosa.feature.mfcc(S=librosa_mel(clip, **spec).T, n_mfcc=n_mfcc).T
    assert_close(run(features.MFCC(n_mfcc, **spec), clip)[0], reference)


@quick
@given(st.integers(8000, 48000), st.sampled_from([255, 256, 400, 512, 1024, 2048]), st.integers(1, 128), st.data())
def test_mel_filters_are_librosas(rate, n_fft, n_mels, data):
    fmin = data.draw(st.floats(0, rate / 4))
    fmax = data.draw(st.floats(fmin + 100, rate / 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        reference = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax).T
    assume(reference.max() > 0)  # a band so narrow that it holds no bin
    assert_close(features.mel_filters(rate, n_fft, n_mels, fmin, fmax), reference)


@quick
@given(st.floats(0, 24000))
def test_mel_scale_is_librosas_and_inverts(hertz):
    assert features.hz_to_mel(hertz) == pytest.approx(librosa.hz_to_mel(hertz))
    assert features.mel_to_hz(features.hz_to_mel(hertz)) == pytest.approx(hertz, abs=1e-6)


@quick
@given(st.integers(1, 60), st.sampled_from([3, 5, 9]), st.integers(1, 2), st.integers(0, 99))
def test_deltas_are_librosas(n_frames, width, order, seed):
    rng = np.random.default_rng(seed)
    frames = rng.standard_normal((2, n_frames + 5, 4)).astype("float32")  # five frames of padding
    found, lengths = features.Deltas(width, order)(frames, np.array([n_frames, n_frames + 5], "int32"))
    found = keras.ops.convert_to_numpy(found)
    assert found.shape == (2, n_frames + 5, 4 * (1 + order))
    assert list(keras.ops.convert_to_numpy(lengths)) == [n_frames, n_frames + 5]
    for row, n in ((0, n_frames), (1, n_frames + 5)):
        parts = [frames[row, :n]]
        for _ in range(order):
            parts.append(librosa.feature.delta(parts[-1], width=width, mode="nearest", axis=0))
        assert_close(found[row, :n], np.concatenate(parts, axis=1))


@pytest.mark.parametrize("top_db", [None, 30.0, 80.0])
def test_top_db_is_librosas(top_db):
    frame = {"n_fft": 512, "hop_length": 160, "win_length": 400, "n_mels": 40, "sample_rate": 16000}
    clip = sound(3, 9000)
    clip[3000:5000] *= 1e-4
    assert_close(run(features.LogMel(top_db=top_db, **frame), clip)[0], librosa_mel(clip, top_db=top_db, **frame))


@pytest.mark.parametrize("level", [1.0, 1e-2, 1e-4, 0.0])
def test_every_level_is_librosas(level):
    frame = {"n_fft": 512, "hop_length": 160, "win_length": 400, "n_mels": 80, "sample_rate": 16000}
    clip = level * sound(4, 8000)
    assert_close(run(features.LogMel(**frame), clip)[0], librosa_mel(clip, **frame))


# --- a clip does not depend on its neighbours

LAYERS = [
    features.PowerSpectrum(512, 160, 400),
    features.LogMel(16000, 512, 160, 400, 80),
    features.LogMel(8000, 256, 100, None, 40, fmin=60, fmax=3500, top_db=None),
    features.MFCC(20, sample_rate=22050, n_fft=1024, hop_length=221, n_mels=64),
]


class Chain(keras.layers.Layer):
    """log-mel, then what needs frames: deltas and normalisation."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def call(self, x, lengths):
        for part in self.parts:
            x, lengths = part(x, lengths)
        return x, lengths


LAYERS += [
    Chain(features.LogMel(), features.Normalise()),
    Chain(features.MFCC(13), features.Deltas(), features.Normalise()),
]


@pytest.mark.parametrize(
    "layer", [*LAYERS[:-1], pytest.param(LAYERS[-1], marks=pytest.mark.slow)], ids=lambda layer: layer.name
)
@settings(max_examples=2 if JAX else 4, deadline=None, derandomize=True)
@given(st.lists(LENGTHS, min_size=2, max_size=4), st.integers(0, 99))
def test_a_batch_equals_single_calls(layer, lengths, seed):
    if isinstance(layer, Chain):
        # Divided by the deviation of two frames that hardly differ, rounding errors grow without limit.
        lengths = [n + 1600 for n in lengths]
    # Levels 80 dB apart: a limit taken over the whole batch would show.
    levels = np.logspace(0, -4, len(lengths))
    clips = [sound(seed + i, n, level) for i, (n, level) in enumerate(zip(lengths, levels, strict=True))]
    for clip, found in zip(clips, run(layer, *clips), strict=True):
        assert_close(found, run(layer, clip)[0])


@pytest.mark.parametrize(
    "layer",
    [LAYERS[1], *(pytest.param(layer, marks=pytest.mark.slow) for layer in (LAYERS[0], *LAYERS[2:]))],
    ids=lambda layer: layer.name,
)
def test_compiled_equals_eager_for_any_length(layer):
    waveform, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
    model = keras.Model([waveform, lengths], layer(waveform, lengths))
    for n in (1, 4000, 9999):
        clip = sound(5, n)
        frames, _ = model.predict([clip[None], np.array([n], "int32")], verbose=0)
        assert_close(frames[0], run(layer, clip)[0])


def test_normalised_frames_have_mean_0_and_a_variance_below_1():
    rng = np.random.default_rng(0)
    frames = (rng.standard_normal((2, 50, 6)) * 7 + 30).astype("float32")
    found, lengths = features.Normalise()(frames, np.array([50, 20], "int32"))
    found = keras.ops.convert_to_numpy(found)
    for row, n in ((0, 50), (1, 20)):
        assert np.abs(found[row, :n].mean(axis=0)).max() < 1e-4
        deviation = frames[row, :n].std(axis=0)
        expected = deviation / np.sqrt(deviation**2 + features.Normalise.EPSILON**2)
        np.testing.assert_allclose(found[row, :n].std(axis=0), expected, rtol=1e-4)
        assert not found[row, n:].any()
    constant, _ = features.Normalise()(np.full((1, 9, 2), -40, "float32"), np.array([9], "int32"))
    assert np.abs(keras.ops.convert_to_numpy(constant)).max() < 1e-3  # a silent clip is 0, not 0 / 0


def test_silence_around_speech_changes_no_normalised_frame_of_it():
    rng = np.random.default_rng(0)
    speech = (rng.standard_normal((1, 40, 6)) * 7 - 20).astype("float32")
    silence = np.full((1, 15, 6), -95, "float32") + rng.uniform(0, 5, (1, 15, 6)).astype("float32")
    alone, _ = features.Normalise()(speech, np.array([40], "int32"))
    around, _ = features.Normalise()(np.concatenate([silence, speech, silence], axis=1), np.array([70], "int32"))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(around)[:, 15:55], keras.ops.convert_to_numpy(alone), rtol=1e-4, atol=1e-4
    )


# --- words: level, silence, images


def padded(*clips, width=0, seed=3):
    """Frames of several clips side by side; the padding is loud noise, and must not matter."""
    lengths = np.array([len(clip) for clip in clips], "int32")
    frames = np.random.default_rng(seed).standard_normal((len(clips), max(*lengths, width), clips[0].shape[1]))
    for row, clip in zip(frames, clips, strict=True):
        row[: len(clip)] = clip
    return frames.astype("float32"), lengths


def decibels(*lengths, bands=4, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((n, bands)) * 7 - 20).astype("float32") for n in lengths]


def test_level_takes_one_number_from_all_frames_and_bands():
    clips = decibels(9, 1, 30)
    found = keras.ops.convert_to_numpy(features.MeanSubtraction()(*padded(*clips, width=40)))
    for row, clip in zip(found, clips, strict=True):
        np.testing.assert_allclose(row[: len(clip)], (clip - clip.mean()) / 20, atol=1e-5)
        assert not row[len(clip) :].any()


def trimmed(*clips, width=0, **options):
    frames, lengths = features.TrimSilence(**options)(*padded(*clips, width=width))
    frames, lengths = keras.ops.convert_to_numpy(frames), keras.ops.convert_to_numpy(lengths)
    for row, n in zip(frames, lengths, strict=True):
        assert n >= 1 and not row[n:].any()
    return [row[:n] for row, n in zip(frames, lengths, strict=True)]


def quiet_around(before, word, after, bands=4):
    silence = decibels(before + after, bands=bands, seed=1)[0] - 60
    return np.concatenate([silence[:before], word, silence[before:]])


@pytest.mark.parametrize(("before", "after"), [(20, 11), (0, 9), (2, 0), (0, 0), (3, 3)])
def test_silence_is_cut_off_but_for_a_margin(before, after):
    (word,) = decibels(25)
    clip = quiet_around(before, word, after)
    (found,) = trimmed(clip, margin=3, top_db=35)
    np.testing.assert_array_equal(found, clip[max(0, before - 3) : before + 25 + min(3, after)])


def test_pauses_within_a_word_stay():
    clip = quiet_around(10, np.concatenate([decibels(8)[0], np.full((30, 4), -90, "float32"), decibels(5)[0]]), 10)
    (found,) = trimmed(clip, margin=2)
    np.testing.assert_array_equal(found, clip[8:55])


def test_silence_is_where_librosa_finds_it():
    """Its ends are samples and its loudness is that of whole frames; the tone lies within a frame or two of it."""
    rate, hop = 8000, 80
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(3200) / rate)
    clip = 1e-4 * np.random.default_rng(0).standard_normal(12000)
    clip[4000:7200] += tone
    _, (first, end) = librosa.effects.trim(clip, top_db=35, frame_length=200, hop_length=hop)
    decibel, lengths = features.LogMel(rate, 256, hop, 200, 40)(clip[None].astype("float32"), np.array([12000]))
    found, kept = features.TrimSilence(35.0, margin=0)(decibel, lengths)
    decibel, found = keras.ops.convert_to_numpy(decibel)[0], keras.ops.convert_to_numpy(found)[0]
    kept = int(kept[0])
    start = int(np.abs(decibel[:, None] - found[0]).sum(axis=-1).argmin())
    assert abs(start - first / hop) <= 2 and abs(start + kept - end / hop) <= 2
    np.testing.assert_array_equal(found[:kept], decibel[start : start + kept])


def test_trimming_does_not_see_padding_or_neighbours():
    clips = [
        quiet_around(12, decibels(20)[0], 9),
        decibels(1)[0] - 40,
        quiet_around(0, decibels(7, seed=5)[0] + 30, 15),
    ]
    together = trimmed(*clips, width=90)
    for found, clip in zip(together, clips, strict=True):
        np.testing.assert_array_equal(found, trimmed(clip)[0])


def test_of_silence_nothing_is_cut():
    np.testing.assert_array_equal(trimmed(np.full((30, 4), -100, "float32"))[0], np.full((30, 4), -100))


def resized(width, *clips, padding=0):
    found = keras.ops.convert_to_numpy(features.TimeResize(width)(*padded(*clips, width=padding)))
    assert found.shape == (len(clips), width, clips[0].shape[1], 1)
    return found[..., 0]


def test_an_image_as_wide_as_its_clip_is_the_clip():
    (clip,) = decibels(12)
    np.testing.assert_allclose(resized(12, clip, padding=30)[0], clip, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 7, 24, 60])
def test_an_image_is_stretched_or_squeezed_along_time(frames):
    ramp = np.repeat(np.arange(frames, dtype="float32")[:, None], 3, axis=1)
    (found,) = resized(24, ramp)
    wanted = (np.arange(24) + 0.5) / 24 * frames - 0.5  # centres of the new frames, in frames of the clip
    np.testing.assert_allclose(found, np.clip(wanted, 0, frames - 1)[:, None].repeat(3, axis=1), atol=1e-4)


def test_an_image_twice_as_wide_is_halfway_between_frames():
    (clip,) = decibels(10)
    (found,) = resized(20, clip)
    np.testing.assert_allclose(found[1:-1:2], 0.75 * clip[:-1] + 0.25 * clip[1:], atol=1e-4)


def test_images_do_not_see_padding_or_neighbours():
    clips = decibels(30, 1, 9, 48)
    together = resized(16, *clips, padding=70)
    for found, clip in zip(together, clips, strict=True):
        np.testing.assert_allclose(found, resized(16, clip)[0], atol=1e-5)


# --- saving, and what is refused


@pytest.mark.parametrize(
    "layer",
    [
        features.PowerSpectrum(400, 100, 300),
        features.LogMel(8000, 256, 80, 200, 33, 100.0, 3000.0, None),
        features.MFCC(7, n_mels=26, sample_rate=22050),
        features.Deltas(5, 1),
        features.Normalise(),
        features.MeanSubtraction(),
        features.TrimSilence(20.0, 1),
        features.TimeResize(31),
        features.PeakNormalise(55.0),
        features.Splice(3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_config_round_trip(layer, tmp_path):
    config = layer.get_config()
    again = type(layer).from_config(dict(config))
    assert again.get_config() == config
    assert config["trainable"] is False or isinstance(layer, features.Normalise)

    is_frames = not isinstance(layer, features.PowerSpectrum)
    x = np.random.default_rng(0).standard_normal((2, 60, 5) if is_frames else (2, 3000)).astype("float32")
    lengths = np.array([x.shape[1], x.shape[1] // 2], "int32")
    inputs = keras.Input((None, 5) if is_frames else (None,)), keras.Input((), dtype="int32")
    model = keras.Model(inputs, layer(*inputs))
    model.save(tmp_path / "features.keras")
    loaded = keras.saving.load_model(tmp_path / "features.keras", safe_mode=True)
    for a, b in zip(*(keras.tree.flatten(made([x, lengths])) for made in (model, loaded)), strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))
    assert not model.weights  # nothing of the front end is learnt or can get lost


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("win_length", lambda: features.PowerSpectrum(512, 160, 600)),
        ("hop_length", lambda: features.PowerSpectrum(512, 0)),
        ("fmax", lambda: features.LogMel(16000, fmax=9000.0)),
        ("fmin", lambda: features.LogMel(16000, fmin=-1.0)),
        ("n_mels", lambda: features.LogMel(n_mels=0)),
        ("n_mfcc", lambda: features.MFCC(90, n_mels=80)),
        ("width", lambda: features.Deltas(4)),
        ("order", lambda: features.Deltas(9, 3)),
        ("silence_db", lambda: features.Normalise(silence_db=0)),
        ("top_db", lambda: features.TrimSilence(0.0)),
        ("width", lambda: features.TimeResize(0)),
        ("range_db", lambda: features.PeakNormalise(0.0)),
        ("size", lambda: features.Splice(0)),
    ],
)
def test_impossible_settings_are_refused(argument, make):
    with refused(argument):
        make()


def test_below_the_peak_of_each_clip_and_no_further_than_its_range(rng):
    frames = rng.uniform(-100, 10, (2, 9, 4)).astype("float32")
    lengths = np.array([9, 5], "int32")
    frames[1, 5:] = 99.0  # padding, louder than the clip
    layer = features.PeakNormalise(50.0)
    below, peak = map(keras.ops.convert_to_numpy, layer(frames, lengths))
    for row, n in enumerate(lengths):
        real = frames[row, :n]
        assert peak[row] == real.max() and below[row, :n].max() == 0
        np.testing.assert_allclose(below[row, :n], np.maximum(real - real.max(), -50), atol=1e-5)
        assert (below[row, n:] == -50).all()
    other = keras.ops.convert_to_numpy(layer.below(frames - 7, lengths, keras.ops.convert_to_tensor(peak)))
    np.testing.assert_allclose(other[0], np.clip(frames[0] - 7 - peak[0], -50, 0), atol=1e-5)


def test_spliced_frames_are_side_by_side_and_the_last_group_is_filled_with_the_last_real_frame():
    frames = np.arange(14, dtype="float32").reshape(1, 7, 2)
    frames = np.concatenate([frames, frames])
    spliced, groups = map(keras.ops.convert_to_numpy, features.Splice(3)(frames, np.array([7, 4], "int32")))
    assert spliced.shape == (2, 3, 6) and list(groups) == [3, 2]
    np.testing.assert_array_equal(spliced[0, :2], frames[0, :6].reshape(2, 6))
    np.testing.assert_array_equal(spliced[0, 2], np.tile(frames[0, 6], 3))
    np.testing.assert_array_equal(spliced[1, 1], np.tile(frames[1, 3], 3))
