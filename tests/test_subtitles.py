"""Subtitles: every word once and in order, lines that can be read, times that do not overlap."""

import re

import numpy as np
import pytest
from cli_runner import run

import zoo
from zoo import subtitles
from zoo.decoding.transcripts import Transcript, Word


def transcript(words: list[tuple[str, float, float]]) -> Transcript:
    """Words (text, seconds of quiet before, seconds) as a transcript."""
    found, time = [], 0.0
    for text, pause, seconds in words:
        found.append(Word(text, time + pause, time + pause + seconds, 0.9))
        time += pause + seconds
    return Transcript(" ".join(word.text for word in found), tuple(found), 0.9, time + 0.5)


def random_transcript(seed: int) -> Transcript:
    rng = np.random.default_rng(seed)
    longest = int(rng.choice((3, 12, 60)))
    pauses = rng.choice((0.0, 0.03, 0.3, 0.8, 2.0), rng.integers(0, 120))
    return transcript([("x" * rng.integers(1, longest), pause, rng.uniform(0, 0.9)) for pause in pauses])


@pytest.mark.parametrize("seed", range(40))
def test_whatever_was_said_is_written_once_in_readable_lines(seed):
    given = random_transcript(seed)
    found = subtitles.segments(given)
    assert "".join(one.text for one in found).replace(" ", "").replace("\n", "") == given.text.replace(" ", "")
    for one in found:
        lines = one.text.split("\n")
        assert len(lines) <= subtitles.LINES and all(0 < len(line) <= subtitles.WIDTH for line in lines)
        assert 0 <= one.start < one.end <= one.start + subtitles.MOST_SECONDS + 1e-9
    assert all(a.end <= b.start + 1e-9 for a, b in zip(found, found[1:], strict=False))


def test_segments_begin_and_end_with_their_words():
    given = transcript([("one", 1.0, 0.5), ("two", 0.1, 1.0), ("three", 3.0, 1.5)])
    one, two = subtitles.segments(given)
    assert (one.text, one.start, one.end) == ("one two", 1.0, pytest.approx(2.6))
    assert (two.text, two.start, two.end) == ("three", pytest.approx(5.6), pytest.approx(7.1))


def test_a_short_word_stays_to_be_read_but_not_into_the_next():
    first, second = subtitles.segments(transcript([("a", 0.0, 0.1), ("b", 1.2, 0.1)]))
    assert first.end == pytest.approx(subtitles.LEAST_SECONDS) and second.end - second.start < 0.7  # the recording ends


def test_a_break_falls_on_the_longest_pause():
    words = [("word", 0.05, 0.3)] * 26
    words[11] = ("word", 0.6, 0.3)
    assert len(subtitles.segments(transcript(words))[0].text.split()) == 11


def test_formats():
    given = transcript([("a&b", 3661.0, 1.5), ("c", 2.0, 1.2)])
    assert subtitles.srt(given) == ("1\n01:01:01,000 --> 01:01:02,500\na&b\n\n2\n01:01:04,500 --> 01:01:05,700\nc\n")
    assert subtitles.vtt(given).startswith("WEBVTT\n\n01:01:01.000 --> 01:01:02.500\na&amp;b\n\n01:01:04.500")
    nothing = Transcript("", (), 1.0, 3600.0)
    assert subtitles.srt(nothing) == "" and subtitles.vtt(nothing) == "WEBVTT\n"


@pytest.mark.parametrize("suffix", ("srt", "vtt"))
def test_the_command_writes_them(suffix, monkeypatch):
    given = transcript([("seven", 0.2, 0.5)])
    model = type("Model", (), {"transcribe": lambda self, clips, rate, **options: [given] * len(clips)})()
    monkeypatch.setattr("zoo.cli._loading.load_model", lambda *about: model)
    clip = zoo.audio.bundled("seven")
    assert run("transcribe", clip, "--format", suffix).stdout.rstrip() == subtitles.FORMATS[suffix](given).rstrip()


def test_the_command_writes_a_file_beside_each_of_several(monkeypatch, tmp_path):
    given = transcript([("seven", 0.2, 0.5)])
    model = type("Model", (), {"transcribe": lambda self, clips, rate, **options: [given] * len(clips)})()
    monkeypatch.setattr("zoo.cli._loading.load_model", lambda *about: model)
    for name in ("seven.wav", "seven.mp3.wav", "other.wav"):
        (tmp_path / name).write_bytes(zoo.audio.bundled("seven").read_bytes())
    result = run("transcribe", tmp_path, "--format", "srt", "--out", tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.glob("*.srt")}
    assert (
        set(written)
        == {"seven.srt", "seven.mp3.srt", "other.srt"}
        == {re.split(r"[/\\]", line)[-1] for line in result.stdout.split()}
    )
    assert set(written.values()) == {subtitles.srt(given)}
