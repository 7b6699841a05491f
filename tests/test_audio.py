"""Every file and array becomes mono float32 at the model's rate, or one sentence."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.audio import HIGHEST_RATE, LOWEST_RATE, bundled, duration, load_audio, resample
from zoo.errors import AudioError, MissingFileError

RATE = 16000


def tone(rate=RATE, seconds=0.5, hertz=440.0, level=0.4):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype("float32")


def wav(samples, rate=RATE, format="WAV", **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, **options)
    return file.getvalue()


# --- what is audio


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        ("wav", {"subtype": "PCM_16"}, 1e-3), ("wav", {"subtype": "PCM_U8"}, 2e-2), ("wav", {"subtype": "PCM_24"}, 1e-3),
        ("wav", {"subtype": "FLOAT"}, 1e-3), ("wav", {"subtype": "DOUBLE"}, 1e-3), ("wav", {"subtype": "ULAW"}, 4e-2),
        ("flac", {}, 1e-3), ("ogg", {}, 6e-2), ("mp3", {}, 6e-2),
    ],
)  # fmt: skip
def test_formats_and_rates(suffix, options, tolerance, rate, tmp_path):
    if suffix == "mp3" and rate > 48000:
        pytest.skip("MP3 goes up to 48 kHz")
    path = tmp_path / f"clip.{suffix}"
    soundfile.write(path, tone(rate), rate, **options)
    found = load_audio(path)
    assert found.dtype == "float32" and found.ndim == 1
    assert len(found) == pytest.approx(RATE / 2, abs=3 if suffix != "mp3" else 2500)  # MP3 pads its frames
    middle = slice(1000, 6000)
    if suffix == "mp3":
        assert np.sqrt(np.mean(found[middle] ** 2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.05)
    else:
        assert np.abs(found[middle] - tone()[middle]).max() < tolerance


def test_paths_file_objects_and_arrays_agree(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(wav(tone(), subtype="FLOAT"))
    expected = load_audio(tone(), sample_rate=RATE)
    np.testing.assert_array_equal(load_audio(path), expected)
    np.testing.assert_array_equal(load_audio(str(path)), expected)
    np.testing.assert_array_equal(load_audio(io.BytesIO(path.read_bytes())), expected)
    with open(path, "rb") as file:
        np.testing.assert_array_equal(load_audio(file), expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16", "int32", "int64", "uint8"])
def test_arrays_of_integers_and_floats(dtype):
    kind, info = np.dtype(dtype).kind, np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    samples = tone().astype("float64")
    if info:
        samples = samples * (float(info.max) / (1 if kind == "i" else 2)) * 0.999999 + (128 if kind == "u" else 0)
    found = load_audio(samples.astype(dtype), sample_rate=RATE)
    assert np.abs(found - tone()).max() < {"uint8": 1e-2, "float16": 1e-3}.get(dtype, 1e-4)


def test_integers_of_python_are_samples_of_16_bits():
    samples = (2**15 * 0.9 * tone()).astype("int16")
    samples[100] = -(2**15)  # there is one more below 0 than above
    np.testing.assert_array_equal(
        load_audio(samples.astype(int), sample_rate=RATE), load_audio(samples, sample_rate=RATE)
    )


def test_flac_of_unknown_length_is_whole(tmp_path):
    """As a program writes it into a pipe: the number of samples, 36 bits behind the rate, is 0."""
    soundfile.write(tmp_path / "known.flac", np.tile(tone(), 5), RATE)
    data = bytearray((tmp_path / "known.flac").read_bytes())
    data[21], data[22:26] = data[21] & 0xF0, bytes(4)
    (tmp_path / "pipe.flac").write_bytes(data)
    for name in ("known.flac", "pipe.flac"):
        assert duration(tmp_path / name) == 5 * len(tone()) / RATE
    np.testing.assert_array_equal(*(load_audio(tmp_path / name, RATE) for name in ("known.flac", "pipe.flac")))


def test_a_text_is_no_path():
    for read in (load_audio, duration):
        with pytest.raises(MissingFileError, match="there is none at seven seven"):
            read("seven " * 100)


def test_a_file_object_at_its_end_is_said(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    with open(tmp_path / "a.wav", "rb") as file:
        load_audio(file)
        with pytest.raises(AudioError, match="a.wav is empty, or was read to its end before"):
            load_audio(file)


def test_full_scale_integers_are_within_1():
    for dtype in ("int16", "int32", "uint8"):
        info = np.iinfo(dtype)
        found = load_audio(np.tile(np.array([info.min, info.max], dtype), 500), sample_rate=RATE)
        assert found.min() == -1.0 and 0.99 < found.max() <= 1.0


def test_channels_are_averaged():
    left, right = tone(hertz=300), tone(hertz=500)
    expected = (left + right) / 2
    for both in (np.stack([left, right], axis=1), np.stack([left, right])):
        np.testing.assert_allclose(load_audio(both, sample_rate=RATE), expected, atol=1e-6)
    stereo = io.BytesIO(wav(np.stack([left, right], axis=1), subtype="FLOAT"))
    np.testing.assert_allclose(load_audio(stereo), expected, atol=1e-6)
    np.testing.assert_array_equal(load_audio(left[:, None], sample_rate=RATE), left)


def test_too_loud_floats_are_scaled_not_clipped():
    loud = 10 * tone()
    found = load_audio(loud, sample_rate=RATE)
    np.testing.assert_allclose(found, loud / np.abs(loud).max(), atol=1e-6)
    np.testing.assert_array_equal(load_audio(tone(), sample_rate=RATE), tone())  # others keep their level


@settings(deadline=None, max_examples=40)
@given(st.integers(4000, 96000), st.integers(8000, 48000), st.integers(1, 4000))
def test_resampling_keeps_the_duration(from_rate, to_rate, n):
    found = resample(np.ones(n, "float32"), from_rate, to_rate)
    assert found.dtype == "float32"
    assert len(found) == pytest.approx(n * to_rate / from_rate, abs=1.5)


def test_resampling_lets_nothing_fold_back():
    assert np.abs(resample(tone(48000, hertz=12000), 48000, 16000)[500:-500]).max() < 1e-3
    np.testing.assert_allclose(
        resample(tone(48000, hertz=1000), 48000, 16000)[500:-500], tone(hertz=1000)[500:-500], atol=1e-3
    )


def test_silence_is_audio():
    assert not load_audio(np.zeros(RATE), sample_rate=RATE).any()


def test_the_input_is_left_as_it_was():
    for samples in (5 * tone(), tone(), np.stack([tone(), tone()], axis=1)):
        before = samples.copy()
        load_audio(samples, sample_rate=RATE)
        np.testing.assert_array_equal(samples, before)


# --- what is not


def refused(match, source, **options):
    with pytest.raises(AudioError, match=match) as caught:
        load_audio(source, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith((".", ")."))


def test_no_such_file(tmp_path):
    with pytest.raises(MissingFileError, match="there is none at .*none.wav"):
        load_audio(tmp_path / "none.wav")
    with pytest.raises(FileNotFoundError):  # whoever expects Python's own gets it
        load_audio(tmp_path / "none.wav")
    refused("is a folder", tmp_path)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "empty file"),
        (b"hello, hello, " * 100, "not readable"),
        (wav(tone())[:100], "promises 16000 bytes of sound and holds 56"),
        (wav(tone())[:8000], "promises"),
        (wav(tone(), format="FLAC")[:3000], "clip.wav"),
        (wav(tone(), format="OGG")[:40], "clip.wav"),
        (wav(tone(), format="OGG")[:-100], "promises"),
        (wav(tone(), format="AIFF")[:8000], "promises"),
        (wav(tone(), format="W64"), "is W64: convert it"),
        (wav(tone(), format="RF64")[:8000], "is RF64: convert it"),
        (wav(np.zeros(0)), "has 0 samples"),
        (wav(np.zeros(1)), "has 1 samples"),
        (wav(np.full(800, np.nan), subtype="FLOAT"), "800 that are NaN or infinite"),
        (wav(np.full(800, np.inf), subtype="FLOAT"), "NaN or infinite"),
        (wav(np.zeros(800), 1), "clip.wav is 1"),
        (wav(np.zeros(800), 10_000_000), "clip.wav is 10000000"),
    ],
    ids=[
        "empty", "text", "cut in the header", "cut wav", "cut flac", "cut ogg", "cut end of ogg", "cut aiff",
        "w64", "cut rf64", "zero samples", "one sample", "nan",
        "inf", "1 Hz", "10 MHz",
    ],
)  # fmt: skip
def test_bad_files(data, match, tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(data)
    refused(match, path)


def test_a_header_that_promises_4_gigabytes():
    data = bytearray(wav(tone()))
    place = data.index(b"data")
    data[place + 4 : place + 8] = (2**32 - 10).to_bytes(4, "little")
    refused("promises 4294967286 bytes of sound and holds 16000", io.BytesIO(bytes(data)))


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros(0), "has 0 samples"),
        (np.zeros(1), "has 1 samples"),
        (np.r_[tone(), np.nan], "1 that are NaN or infinite"),
        (np.r_[tone(), -np.inf], "NaN or infinite"),
        (np.zeros((100, 100)), r"has \(100, 100\)"),
        (np.zeros((0, 5)), "samples"),
        (np.zeros((3, 4, 5)), r"has \(3, 4, 5\)"),
        (np.array(0.5), r"has \(\)"),
        (np.array(["a", "b"]), "integers or floats"),
        (tone().astype(complex), "integers or floats"),
        (np.zeros(100, bool), "integers or floats"),
        (np.array([None, 1.0]), "integers or floats"),
    ],
)
def test_bad_arrays(array, match):
    refused(match, array, sample_rate=RATE)


@pytest.mark.parametrize("rate", [1, 0, -16000, 10_000_000, float("nan"), float("inf"), "16000", 16000j])
def test_impossible_rates(rate):
    refused("sample rate lies between", tone(), sample_rate=rate)
    refused("sample rate lies between", tone(), target_rate=rate, sample_rate=RATE)


def test_the_ends_of_the_range_are_possible():
    assert len(load_audio(np.zeros(LOWEST_RATE), sample_rate=LOWEST_RATE)) == RATE
    assert len(load_audio(np.zeros(HIGHEST_RATE // 10), sample_rate=HIGHEST_RATE)) == RATE // 10


def test_missing_rate_and_wrong_types():
    refused("needs its sample rate", tone())
    refused("received list", [0.1, 0.2], sample_rate=RATE)
    refused("received NoneType", None)
    refused("binary mode", io.StringIO("RIFF"))
    with open(bundled("seven"), encoding="utf-8") as file:
        refused("binary mode", file)


def test_errors_name_the_folder_of_a_file_too(tmp_path):
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes" / "1.wav").write_bytes(b"RIFF")
    refused(r" yes/1\.wav is not", tmp_path / "yes" / "1.wav")


def test_rates_that_have_no_ratio():
    for rates in ((0, 16000), (16000, -1), (float("nan"), 16000)):
        with pytest.raises(AudioError, match="above 0"):
            resample(tone(), *rates)
