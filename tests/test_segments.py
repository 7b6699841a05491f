"""Long recordings: cut where nobody speaks, heard span by span, and joined with the times of the whole."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import refused, small
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.decoding import Transcript, Word, align, pauses, segments, voices
from zoo.errors import DataError
from zoo.tasks import Recognizer
from zoo.text import CHARACTERS

RATE = 16000
MOST = 6.0


def recording(lengths, noise_db=-60.0, level_db=-20.0, rate=RATE, seed=0):
    """Bursts of sound between pauses: ((samples,), the spans of the bursts). `lengths` is pause, burst, pause, burst, ..., pause."""
    rng, parts, spans, at = np.random.default_rng(seed), [], [], 0.0
    for i, seconds in enumerate(lengths):
        count = round(seconds * rate)
        times = np.arange(count) / rate
        voice = np.sin(2 * np.pi * 500 * times) * (0.7 + 0.3 * np.sin(2 * np.pi * 4 * times))
        parts.append(10 ** (level_db / 20) * voice * (i % 2))
        if i % 2:
            spans.append((at, at + count / rate))
        at += count / rate
    samples = np.concatenate(parts)
    return (samples + 10 ** (noise_db / 20) * rng.standard_normal(len(samples))).astype("float32"), spans


def check(found, samples, bursts, most=MOST, rate=RATE):
    end = len(samples) / rate
    whole = [places[0] for places in found]
    for places in found:
        assert len(places) != 2  # no part is the whole again
        for start, stop in places:
            assert 0 <= start < stop <= end + 1e-9 and stop - start <= most + 1e-6
        for parts in (places[1:], whole):
            assert all(a < c and b <= d for (a, b), (c, d) in pairwise(parts))  # in order
    for spans in (whole, [place for places in found for place in places[1:] or places]):
        covered = np.zeros(round(end * 100) + 1, bool)
        for start, stop in spans:
            covered[round(start * 100) : round(stop * 100) + 1] = True
        for a, b in bursts:
            assert covered[round(a * 100) : round(b * 100)].all(), (a, b)


seconds = st.floats(0.2, 3.0)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(seconds, st.floats(0.2, 9.0)), min_size=2, max_size=8),
    seconds,
    st.sampled_from([-90.0, -60.0, -35.0]),
    st.integers(0, 9),
)
def test_all_speech_lies_in_spans_that_are_short_enough(pairs, last, noise_db, seed):
    samples, bursts = recording([*(x for pair in pairs for x in pair), last], noise_db, seed=seed)
    check(pauses.cut(samples, RATE, MOST), samples, bursts if len(samples) > MOST * RATE else [])


@pytest.mark.parametrize("rate", (8000, 22050))
def test_rates_and_levels(rate):
    for level in (-50.0, -3.0):
        samples, bursts = recording([1, 2, 1, 2, 1, 2, 1], level - 40, level, rate)
        found = pauses.cut(samples, rate, MOST)
        check(found, samples, bursts, rate=rate)
        assert len(found) == 3


def test_a_soft_speaker_between_loud_ones_is_heard():
    samples, bursts = recording([1, 2, 1, 2, 1, 2, 1], noise_db=-50)
    a, b = (round(second * RATE) for second in bursts[1])
    samples[a:b] *= 10 ** (-14 / 20)
    check(pauses.cut(samples, RATE, MOST), samples, bursts)


def test_pauses_end_spans_and_are_heard_in_part():
    samples, bursts = recording([2, 1.5, 1, 1.5, 3, 1.5, 2])
    spans = [places[0] for places in pauses.cut(samples, RATE, MOST)]
    for (start, end), (a, b) in zip(spans, bursts, strict=True):
        assert a - start == pytest.approx(pauses.LEAD, abs=0.05) and end - b == pytest.approx(pauses.TAIL, abs=0.05)


def test_a_short_recording_is_whole():
    samples, _ = recording([1, 1, 1, 1, 1])
    assert pauses.cut(samples, RATE, 5.0) == [[(0.0, 5.0)]] == pauses.cut(0 * samples, RATE, 5.0)


def test_a_shorter_pause_separates_parts():
    samples, _ = recording([1, 1.5, 0.4, 1.5, 1, 2, 1])  # above SHORT_PAUSE, below PAUSE
    assert [len(places) for places in pauses.cut(samples, RATE, MOST)] == [3, 1]


def test_where_nobody_pauses_spans_overlap():
    samples, bursts = recording([0, 60, 0])
    spans = [places[0] for places in pauses.cut(samples, RATE, MOST)]
    check([[span] for span in spans], samples, bursts)
    assert all(b - c == pytest.approx(pauses.OVERLAP, abs=0.1) for (_, b), (c, _) in pairwise(spans))


@pytest.mark.parametrize("noise_db", (-np.inf, -80, -30))
def test_nothing_is_heard_of_silence_and_hiss(noise_db):
    assert pauses.cut(recording([60], noise_db)[0], RATE, MOST) == []


def test_levels_do_not_depend_on_blocks():
    samples, _ = recording([1, 44, 1])  # two blocks
    whole, part = pauses.levels(samples, RATE), pauses.levels(samples[: 30 * RATE], RATE)
    assert len(whole) == 4600
    np.testing.assert_allclose(whole[:2990], part[:2990], atol=1e-3)


# --- together again


def test_the_surer_hearing_counts():
    sure, unsure = (np.log([[p, 1 - p]] * 8) for p in (0.95, 0.6))
    assert segments.surest([unsure]) == segments.surest([sure, unsure[:4], unsure[:4]]) == slice(0, 1)
    assert segments.surest([unsure, sure[:4], sure[:4]]) == slice(1, None)
    assert segments.surest([sure, *[sure[:1]] * 8]) == slice(0, 1)  # cuts cost a little


def transcript(text, *spans, confidence=0.9, duration=4.0):
    words = [Word(word, *span, confidence) for word, span in zip(text.split(), spans, strict=True)]
    return Transcript(text, tuple(words), confidence, duration)


def test_words_have_times_of_the_whole():
    parts = [transcript("one", (0.5, 1.0), confidence=0.5), transcript("three four", (0.1, 0.4), (0.6, 1.0))]
    found = segments.join(parts, [(0.0, 4.0), (10.0, 14.0)], 20.0)
    assert found.text == "one three four" and found.duration == 20.0
    assert [w.start for w in found.words] == pytest.approx([0.5, 10.1, 10.6])
    assert [w.end for w in found.words] == pytest.approx([1.0, 10.4, 11.0])
    assert found.confidence == pytest.approx(np.exp((3 * np.log(0.5) + 9 * np.log(0.9)) / 12))  # over characters


@pytest.mark.parametrize("late", (-0.05, 0.0, 0.05))
def test_no_word_of_an_overlap_is_lost_or_doubled(late):
    # Four words lie in the overlap, 3 to 5 s; at its ends each span has torn one.
    words, times = "a b c d e f".split(), [(t, t + 0.25) for t in (2.5, 3.1, 3.5, 4.0, 4.5, 5.2)]
    one = transcript("a b c d xx", *times[:4], (4.8, 5.0), duration=5.0)
    two = transcript("yy c d e f", (0.0, 0.2), *((a - 3 + late, b - 3 + late) for a, b in times[2:]), duration=4.0)
    found = segments.join([one, two], [(0.0, 5.0), (3.0, 7.0)], 7.0)
    assert found.text.split() == words
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(found.words))


def test_nothing_and_one_span():
    assert segments.join([], [], 9.0) == Transcript("", (), 1.0, 9.0)
    one = transcript("one", (0.5, 1.0))
    assert segments.join([one], [(0.0, 4.0)], 4.0) is one
    empty = segments.join([Transcript("", (), c, 1.0) for c in (0.9, 0.4)], [(0, 1), (2, 5)], 9.0)
    assert empty.text == "" and empty.confidence == pytest.approx((0.9 * 0.4**3) ** 0.25)


# --- a recognizer


@pytest.fixture
def model(monkeypatch):
    """A recognizer that writes "a" as long as it is loud: a quick network, of which one knows what it should say."""
    model = small("lstm_ctc", segment_seconds=4.0)
    step = model.config.hop_length * model.config.stride

    def logits(self, clips, sample_rate, batch_size=16):
        assert sum(map(len, clips)) < 100 * RATE  # never all at once
        found = [np.zeros((self.n_frames(len(clip)), len(self.vocabulary)), "float32") for clip in clips]
        for rows, clip in zip(found, clips, strict=True):
            padded = np.pad(np.abs(clip), (step // 2, 2 * step))
            loud = padded[: len(rows) * step].reshape(len(rows), step).mean(axis=1) > 0.02
            rows[np.arange(len(rows)), np.where(loud, self.vocabulary.encode("a")[0], 0)] = 9.0
        return found

    monkeypatch.setattr(Recognizer, "logits", logits)
    monkeypatch.setattr(voices, "spoken", lambda clips, rate: [True] * len(clips))  # a tone is a voice here
    return model


def test_a_long_recording_has_the_words_and_times_of_the_whole(model):
    samples, bursts = recording([1, 1.5, 0.5, 1, 1, 2, 1, 1, 30, 1, 2])
    found, short = model.transcribe(
        [samples, samples[:RATE]], RATE, log=lambda line: pytest.fail("few spans are quick")
    )
    assert found.text == "a a a a a" and found.duration == len(samples) / RATE
    for word, (start, end) in zip(found.words, bursts, strict=True):
        assert (word.start, word.end) == pytest.approx((start, end), abs=0.04)
    assert short.text == "" and short.duration == 1.0
    beam = model.transcribe(samples, RATE, lexicon=["a", "b"], n_best=3)
    assert [w.start for w in beam.words] == pytest.approx([w.start for w in found.words], abs=0.04)
    assert beam.alternatives == ()


def test_what_is_very_long_is_heard_in_groups(model, monkeypatch):
    monkeypatch.setattr(segments, "SPANS", 10)
    samples, _ = recording([2, 1, 3, 2, 22])
    lines, long = [], np.resize(samples, 300 * RATE)
    found = model.transcribe(long, RATE, log=lines.append)
    assert len(found.words) == 20 and len(lines) == 2 and lines[0] and not lines[-1]
    assert found.words[-1].start == pytest.approx(300 - 24, abs=0.04)
    assert model.transcribe(0 * long, RATE) == Transcript("", (), 1.0, 300.0)


def test_logits_of_spans_are_those_of_the_whole(model):
    samples, _ = recording([1, 1.5, 1, 2, 1, 30, 2])
    (whole,), found = model.logits([samples], RATE), model.frame_logits(samples)
    np.testing.assert_array_equal(found.argmax(axis=1), whole.argmax(axis=1))
    spans = [places[0] for places in pauses.cut(samples, RATE, 4.0)]
    quiet = [t for t in range(len(found)) if not any(a - 0.05 < t * 0.03 < b + 0.05 for a, b in spans)]
    assert quiet and (found[quiet, 0] == segments.BLANK_LOGIT).all() and (found[quiet, 1:] == 0).all()
    short = samples[: 2 * RATE]
    np.testing.assert_array_equal(model.frame_logits(short), model.logits([short], RATE)[0])


# --- only voices


def clip(name):
    return zoo.audio.load_audio(zoo.audio.bundled(name), RATE)


def chords(seconds):
    times = np.arange(round(seconds * RATE)) / RATE
    tones = sum(np.sin(2 * np.pi * 220 * 2 ** (n / 12) * k * times) / k for n in (0, 4, 7) for k in (1, 2, 3))
    return (0.05 * tones * np.exp(-3 * (times % 0.5))).astype("float32")


def test_a_voice_is_told_from_music_and_noise():
    rng = np.random.default_rng(0)
    hiss = (0.1 * rng.standard_normal(4 * RATE)).astype("float32")
    names = ("woman-us", "man-gb", "telephone", "seven")
    assert voices.spoken([*map(clip, names), chords(4), hiss, 0 * hiss], RATE) == [True] * 4 + [False] * 3
    assert voices.spoken([], RATE) == []


def test_a_batch_gives_what_single_clips_give():
    clips = [clip("woman-us"), clip("seven"), chords(3)]
    for one, found in zip(clips, voices.probabilities(clips, RATE), strict=True):
        np.testing.assert_allclose(found, voices.probabilities([one], RATE)[0], atol=1e-5)
    assert len(voices.probabilities(clips[:1], 8000)[0]) == 2 * len(clips[0]) // 160 + 1


def test_music_within_a_long_recording_is_not_transcribed():
    samples = np.concatenate([clip("woman-us"), chords(20), clip("man-gb")])
    calls = []

    def logits_of(parts):
        calls.extend(len(part) / RATE for part in parts)
        return [np.zeros((2, 2))] * len(parts)

    def decode(logits, seconds):
        return Transcript("a", (Word("a", 0.0, seconds, 0.9),), 0.9, seconds)

    (found,) = segments.transcribe([samples], RATE, 6.0, logits_of, decode)
    assert all(word.end < 5 or word.start > 22 for word in found.words) and len(found.words) >= 2
    (alone,) = segments.transcribe([chords(4)], RATE, 6.0, logits_of, decode)  # a short one is always heard
    assert alone.text == "a"
    calls.clear()
    assert segments.transcribe([chords(60)], RATE, 6.0, logits_of, decode)[0].words == () and not calls


@pytest.mark.slow
def test_it_is_the_preset():
    model = zoo.load("vad")
    for one in (clip("woman-us"), chords(3)):
        np.testing.assert_allclose(voices.probabilities([one], RATE)[0], model.probabilities(one, RATE), atol=2e-3)


def test_what_is_too_long_to_align_is_refused():
    with refused("ids", DataError):
        align(np.zeros((120_000, len(CHARACTERS)), "float32"), [1, 2] * 15_000, CHARACTERS, 0.03)


@pytest.mark.slow
@pytest.mark.parametrize("name", ("lstm_ctc", "attention_ctc", "conv_lstm_ctc", "lstm_ctc_stream"))
def test_joined_clips_have_the_words_of_each(name):
    """The bundled clips one after the other: the texts that each gives alone, within a word, at the times that they have."""
    model = zoo.load(name)
    clips = [
        zoo.audio.load_audio(zoo.audio.bundled(clip), RATE)
        for clip in ("woman-us", "man-gb", "telephone", "woman-scotland") * 3
    ]
    gap = np.zeros(round(0.3 * RATE), "float32")
    samples = np.concatenate([part for clip in clips for part in (clip, gap)])
    whole, single = model.transcribe(samples, RATE), model.transcribe(clips, RATE)
    assert zoo.metrics.word_errors(" ".join(found.text for found in single), whole.text) <= 4
    starts = np.cumsum([0, *(len(clip) + len(gap) for clip in clips)]) / RATE
    for start, found in zip(starts, single, strict=False):
        near = [w for w in whole.words if w.text == found.words[0].text]
        assert min(abs(w.start - start - found.words[0].start) for w in near) < 0.2
    text = whole.text
    aligned = model.align(samples, text, RATE)
    assert [w.text for w in aligned.words] == [w.text for w in whole.words]
    assert np.median([abs(a.start - b.start) for a, b in zip(aligned.words, whole.words, strict=True)]) < 0.1
