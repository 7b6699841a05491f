"""Every file and array becomes mono float32 at the model's rate, or is refused."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.audio import HIGHEST_RATE, LOWEST_RATE, bundled, check_rate, duration, load_audio, resample
from zoo.errors import AudioError, MissingFileError, UnknownNameError

RATE = 16000


def tone(rate=RATE, seconds=0.5, hertz=440.0, level=0.4):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype("float32")


def wav(samples, rate=RATE, format="WAV", **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, **options)
    return file.getvalue()


# --- what is audio


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000])
@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        ("wav", {"subtype": "PCM_16"}, 1e-3), ("wav", {"subtype": "PCM_U8"}, 2e-2), ("wav", {"subtype": "PCM_24"}, 1e-3),
        ("wav", {"subtype": "FLOAT"}, 1e-3), ("wav", {"subtype": "DOUBLE"}, 1e-3), ("wav", {"subtype": "ULAW"}, 4e-2),
        ("aiff", {}, 1e-3), ("flac", {}, 1e-3), ("ogg", {}, 6e-2), ("mp3", {}, 6e-2),
    ],
)  # fmt: skip
def test_formats_and_rates(suffix, options, tolerance, rate, tmp_path):
    if suffix == "mp3" and rate > 48000:
        pytest.skip("MP3 goes up to 48 kHz")
    path = tmp_path / f"clip.{suffix}"
    soundfile.write(path, tone(rate), rate, **options)
    samples = load_audio(path)
    assert samples.dtype == "float32" and samples.ndim == 1
    assert len(samples) == pytest.approx(RATE / 2, abs=3 if suffix != "mp3" else 2500)  # MP3 pads its frames
    middle = slice(1000, 6000)
    if suffix == "mp3":
        assert np.sqrt(np.mean(samples[middle] ** 2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.05)
    else:
        assert np.abs(samples[middle] - tone()[middle]).max() < tolerance


class Tensor:
    """What a PyTorch tensor on a graphics card with a gradient is to us."""

    def __init__(self, array, ready=False):
        self.array, self.ready = array, ready

    def detach(self):
        return self

    def cpu(self):
        return Tensor(self.array, True)

    def __array__(self, dtype=None, copy=None):
        if not self.ready:
            raise TypeError("can't convert a tensor on a device")
        return self.array


class Decoder:
    """What torchcodec's AudioDecoder is."""

    def get_all_samples(self):
        return type("AudioSamples", (), {"data": Tensor(tone()[None]), "sample_rate": RATE})()


def test_paths_file_objects_and_arrays_agree(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(wav(tone(), subtype="FLOAT"))
    data, expected = path.read_bytes(), load_audio(tone(), sample_rate=RATE)
    files = (path, str(path), io.BytesIO(data), data, bytearray(data), memoryview(data))
    hugging_face = ({"bytes": data, "path": None}, {"bytes": None, "path": str(path)}, Decoder())
    for source in files + hugging_face:
        np.testing.assert_array_equal(load_audio(source), expected)
    with open(path, "rb") as file:
        np.testing.assert_array_equal(load_audio(file), expected)
        with refused("audio", AudioError):  # it is at its end
            load_audio(file)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16", "int32", "int64", "uint8"])
def test_arrays_of_integers_and_floats(dtype):
    kind, info = np.dtype(dtype).kind, np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    samples = tone().astype("float64")
    if info:
        samples = samples * (float(info.max) / (1 if kind == "i" else 2)) * 0.999999 + (128 if kind == "u" else 0)
    loaded = load_audio(samples.astype(dtype), sample_rate=RATE)
    assert np.abs(loaded - tone()).max() < {"uint8": 1e-2, "float16": 1e-3}.get(dtype, 1e-4)


def test_integers_of_python_are_samples_of_16_bits():
    samples = (2**15 * 0.9 * tone()).astype("int16")
    samples[100] = -(2**15)  # there is one more below 0 than above
    np.testing.assert_array_equal(
        load_audio(samples.astype(int), sample_rate=RATE), load_audio(samples, sample_rate=RATE)
    )


def test_full_scale_integers_are_within_1():
    for dtype in ("int16", "int32", "uint8"):
        info = np.iinfo(dtype)
        samples = load_audio(np.tile(np.array([info.min, info.max], dtype), 500), sample_rate=RATE)
        assert samples.min() == -1.0 and 0.99 < samples.max() <= 1.0


def test_flac_of_unknown_length_is_read_to_its_end(tmp_path):
    """As a program writes it into a pipe: the number of samples, 36 bits behind the rate, is 0."""
    soundfile.write(tmp_path / "known.flac", np.tile(tone(), 5), RATE)
    data = bytearray((tmp_path / "known.flac").read_bytes())
    data[21], data[22:26] = data[21] & 0xF0, bytes(4)
    (tmp_path / "pipe.flac").write_bytes(data)
    for name in ("known.flac", "pipe.flac"):
        assert duration(tmp_path / name) == pytest.approx(5 * len(tone()) / RATE)
    np.testing.assert_array_equal(*(load_audio(tmp_path / name, RATE) for name in ("known.flac", "pipe.flac")))


def test_channels_are_averaged():
    left, right = tone(hertz=300), tone(hertz=500)
    expected = (left + right) / 2
    for both in (np.stack([left, right], axis=1), np.stack([left, right])):
        np.testing.assert_allclose(load_audio(both, sample_rate=RATE), expected, atol=1e-6)
    stereo = io.BytesIO(wav(np.stack([left, right], axis=1), subtype="FLOAT"))
    np.testing.assert_allclose(load_audio(stereo), expected, atol=1e-6)
    np.testing.assert_array_equal(load_audio(left[:, None], sample_rate=RATE), left)


@pytest.mark.parametrize(
    "audio",
    [
        (RATE, tone()), (tone(), RATE), (np.int64(RATE), tone()), (tone(), float(RATE)), (RATE, tone().tolist()), (RATE, Tensor(tone())),
        {"array": tone(), "sampling_rate": RATE}, {"raw": tone(), "sampling_rate": RATE, "path": None},
        {"array": tone().tolist(), "sampling_rate": RATE}, {"array": Tensor(tone()), "sampling_rate": RATE},
        (RATE, tone()[None, :, None]), (RATE, tone()[None, None]), (RATE, tone()[None]), (RATE, tone()[:, None]),
        (RATE, np.stack([tone(), -tone()])), (RATE, np.stack([tone(), -tone()], 1)),
    ],
)  # fmt: skip
def test_what_the_ecosystem_hands_over(audio):
    """Pairs of gradio, scipy, soundfile and torchaudio, dicts of Hugging Face, tensors, batches of one, opposite phases."""
    np.testing.assert_allclose(load_audio(audio, RATE), tone(), atol=1e-6)
    np.testing.assert_allclose(load_audio(audio, RATE, sample_rate=8000), tone(), atol=1e-6)  # its own rate


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_samples_of_16_bits_in_wider_arrays(dtype):
    samples = (2**15 * tone()).astype("int16")
    for array in (samples, samples // 100):
        np.testing.assert_array_equal(load_audio((RATE, array.astype(dtype))), load_audio((RATE, array)))


def test_too_loud_floats_are_scaled_not_clipped():
    loud = 10 * tone()
    np.testing.assert_allclose(load_audio(loud, sample_rate=RATE), loud / np.abs(loud).max(), atol=1e-6)
    np.testing.assert_array_equal(load_audio(tone(), sample_rate=RATE), tone())  # others keep their level


@settings(deadline=None, max_examples=40)
@given(st.integers(4000, 96000), st.integers(8000, 48000), st.integers(1, 4000))
def test_resampling_keeps_the_duration(from_rate, to_rate, n):
    samples = resample(np.ones(n, "float32"), from_rate, to_rate)
    assert samples.dtype == "float32"
    assert len(samples) == pytest.approx(n * to_rate / from_rate, abs=1.5)


def test_resampling_does_not_alias():
    assert np.abs(resample(tone(48000, hertz=12000), 48000, 16000)[500:-500]).max() < 1e-3
    np.testing.assert_allclose(
        resample(tone(48000, hertz=1000), 48000, 16000)[500:-500], tone(hertz=1000)[500:-500], atol=1e-3
    )


def test_an_offset_and_hum_are_taken_away():
    voice = tone(seconds=1, hertz=150, level=0.1)
    for rate in (8000, 16000):
        for disturbance in (
            0.3,
            -0.05,
            tone(seconds=1, hertz=50, level=0.1),
            0.2 + tone(seconds=1, hertz=55, level=0.1),
        ):
            heard = load_audio(voice + disturbance, rate, sample_rate=RATE)
            assert np.abs(heard - load_audio(voice, rate, sample_rate=RATE))[rate // 10 : -rate // 10].max() < 3e-3
    for same in (voice, tone(hertz=80), voice + 0.01):  # no clip that models learnt from is changed
        np.testing.assert_array_equal(load_audio(same, sample_rate=RATE), same)


def test_silence_is_audio():
    assert not load_audio(np.zeros(RATE), sample_rate=RATE).any()


def test_the_input_is_left_as_it_was():
    for samples in (5 * tone(), tone(), np.stack([tone(), tone()], axis=1)):
        before = samples.copy()
        load_audio(samples, sample_rate=RATE)
        np.testing.assert_array_equal(samples, before)


# --- what is not


def test_no_such_file(tmp_path):
    for path in (tmp_path / "none.wav", "seven seven " * 100):
        with refused("audio", MissingFileError):
            load_audio(path)
        with refused("path", MissingFileError):
            duration(path)
    for url in ("https://example.org/clip.wav", Path("s3://bucket/clip.wav"), "hf://datasets/clip.wav"):
        with refused("audio", AudioError) as caught:
            load_audio(url)
        assert "download" in str(caught.value)
    with pytest.raises(FileNotFoundError):  # whoever expects Python's own gets it
        load_audio(tmp_path / "none.wav")
    with refused("audio", AudioError):
        load_audio(tmp_path)
    with refused("path", AudioError):
        duration(tmp_path)
    with pytest.raises(UnknownNameError):
        bundled("sevne")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"hello, hello, " * 100, wav(tone())[:100], wav(tone(), format="OGG")[:40], wav(np.zeros(0)), wav(np.zeros(1)),
        wav(np.full(800, np.nan), subtype="FLOAT"), wav(np.full(800, np.inf), subtype="FLOAT"), wav(np.zeros(800), 1),
        wav(np.zeros(800), 10_000_000),
    ],
    ids=[
        "empty", "text", "cut in the header", "cut ogg", "zero samples", "one sample", "nan", "inf", "1 Hz", "10 MHz",
    ],
)  # fmt: skip
def test_bad_files_are_named_with_their_folder(data, tmp_path):
    path = tmp_path / "yes" / "1.wav"
    path.parent.mkdir()
    path.write_bytes(data)
    with refused("", AudioError) as caught:
        load_audio(path)
    assert "yes/1.wav" in str(caught.value)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(0), np.zeros(1), np.r_[tone(), np.nan], np.r_[tone(), -np.inf], np.zeros((100, 100)), np.zeros((0, 5)),
        np.zeros((3, 4, 5)), np.array(0.5), np.array(["a", "b"]), tone().astype(complex), np.zeros(100, bool),
        np.array([None, 1.0]), [0.1, 0.2], None, io.StringIO("RIFF"), {}, {"text": "one"}, (RATE, "clip.wav"), (1, 2), 16000,
    ],
)  # fmt: skip
def test_what_is_no_audio(array):
    with refused("audio", AudioError):
        load_audio(array, sample_rate=RATE)


def test_a_file_opened_as_text():
    with open(bundled("seven"), encoding="utf-8") as file, refused("audio", AudioError):
        load_audio(file)


@pytest.mark.parametrize("rate", [1, 0, -16000, 10_000_000, float("nan"), float("inf"), "16000", 16000j])
def test_impossible_rates(rate):
    with refused("sample_rate", AudioError):
        load_audio(tone(), sample_rate=rate)
    with refused("target_rate", AudioError):
        load_audio(tone(), target_rate=rate, sample_rate=RATE)
    with refused("sample_rate", AudioError):
        check_rate(rate)


def test_an_array_needs_its_rate():
    with refused("sample_rate", AudioError):
        load_audio(tone())


def test_the_ends_of_the_range_are_possible():
    assert len(load_audio(np.zeros(LOWEST_RATE), sample_rate=LOWEST_RATE)) == RATE
    assert len(load_audio(np.zeros(HIGHEST_RATE // 10), sample_rate=HIGHEST_RATE)) == RATE // 10


def test_rates_that_have_no_ratio():
    for rates in ((0, 16000), (16000, -1), (float("nan"), 16000)):
        with refused("from_rate", AudioError):
            resample(tone(), *rates)
