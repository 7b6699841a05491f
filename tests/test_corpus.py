"""Over 250 inputs, ordinary, odd and bad, made by tests/corpus/make.py: each is heard, warned of or refused as it should be."""

import io
import warnings

import numpy as np
import pytest
from corpus.make import CASES, RATE, SPEECH, TEXT

from zoo.audio import duration, load_audio
from zoo.errors import AudioError, AudioWarning

# One of each kind is enough for the fast tests.
FAST = set(
    "pcm_24.wav pcm_16.w64 voice_memo.m4a recorder.webm no_xing.mp3 gsm.wav data_minus_1.wav two_data.wav chained.ogg "
    "cut_50_pcm.wav cut_75_vorbis.ogg samples_2_36.flac hole_opus.ogg opposite_phase.wav offset_0.2.wav lfs.wav page.mp3 ._clip.wav "
    "noise.bin 1e38.wav silence_bomb.flac index_bomb.m4a".split()
)


def cases(*answers: str):
    slow = pytest.mark.slow
    chosen = [case for case in CASES if case.answer in answers]
    return [pytest.param(case, id=case.name, marks=() if case.name in FAST else slow) for case in chosen]


def heard(case) -> np.ndarray:
    """What `load_audio` makes of a case; it warns where it should, and is then refused if one is strict."""
    data = case.make()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        samples = load_audio(data, RATE)
    assert samples.dtype == np.float32 and np.isfinite(samples).all() and np.abs(samples).max() <= 1
    assert [warning.category for warning in said] == [AudioWarning] * bool(case.warns), [str(w.message) for w in said]
    if case.warns:
        assert case.warns in str(said[0].message)
        with pytest.raises(AudioError):
            load_audio(data, RATE, strict=True)
    else:
        np.testing.assert_array_equal(load_audio(data, RATE, strict=True), samples)
    assert abs(measured(data) - len(samples) / RATE) < 0.25 or case.warns
    return samples


def measured(data: bytes) -> float:
    """`duration` of a file."""
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(data)
        file.flush()
        return duration(file.name)


def likeness(samples: np.ndarray, wanted: np.ndarray = SPEECH) -> float:
    """The correlation with what was recorded, at the delay of the codec."""
    size = len(samples) + len(wanted)
    cross = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(wanted, size)), size)
    return float(np.abs(cross).max() / (np.linalg.norm(samples) * np.linalg.norm(wanted) + 1e-9))


@pytest.mark.parametrize("case", cases("same"))
def test_what_loses_nothing(case):
    samples = heard(case)
    assert abs(len(samples) - len(SPEECH)) <= 256  # of the formats that count in blocks
    n = min(len(samples), len(SPEECH))
    assert np.abs(samples[:n] - SPEECH[:n]).max() < (0.01 if "8" in case.name.split(".")[0] else 1e-4)


@pytest.mark.parametrize("case", cases("like"))
def test_what_loses_little(case):
    samples = heard(case)
    assert len(samples) == pytest.approx(len(SPEECH), abs=0.25 * RATE)
    assert likeness(samples) > case.likeness


@pytest.mark.parametrize("case", cases("cut"))
def test_what_is_cut_is_heard_as_far_as_it_goes(case):
    samples = heard(case)
    assert 0.1 * len(SPEECH) < len(samples) <= len(SPEECH) + 2000
    assert likeness(samples, SPEECH[: len(samples)]) > 0.8


@pytest.mark.parametrize("case", cases("heard"))
def test_what_is_damaged_is_heard_in_part(case):
    samples = heard(case)
    assert len(samples) > 0.5 * len(SPEECH) and likeness(samples) > 0.4


@pytest.mark.parametrize("case", cases("refused"))
def test_what_is_no_sound_is_named(case):
    for audio in (case.make(), io.BytesIO(case.make())):
        with pytest.raises(AudioError) as caught:
            load_audio(audio)
        message = str(caught.value)
        assert case.warns in message and "\n" not in message and len(message) < 250


@pytest.mark.slow
def test_the_words_are_heard(shipped):
    chosen = [case for case in CASES if case.text]
    found = shipped.transcribe([load_audio(case.make(), RATE) for case in chosen], RATE)
    assert {case.name: t.text for case, t in zip(chosen, found, strict=True)} == dict.fromkeys(
        (c.name for c in chosen), TEXT
    )
