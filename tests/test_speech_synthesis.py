"""Synthetic speech: splits share no voice, draws are the same everywhere, and the lists keep their promises."""

import errno
import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import refused

from scripts import make_sentences
from zoo import datasets
from zoo.datasets.manifests import manifest, manifest_path
from zoo.datasets.speech_synthesis import grammar, kokoro, mandarin, synthetic, voices
from zoo.errors import DataError
from zoo.text import CHARACTERS

SPLITS = ("train", "validation", "test")
PROGRAMS = ("espeak-ng", "flite")
speaks = pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason="needs espeak-ng and flite")


@pytest.fixture
def every_voice(monkeypatch):
    """All voices, whether or not the programs are installed."""
    monkeypatch.setattr(voices, "available", lambda program: voices.FLITE if program == "flite" else voices.VARIANTS)
    monkeypatch.setattr(voices, "installed", lambda: PROGRAMS)


# --- what is said


def test_numbers_in_words():
    assert grammar.number_words(0) == ["zero"] and grammar.number_words(40) == ["forty"]
    assert grammar.number_words(9215) == "nine thousand two hundred fifteen".split()
    assert grammar.number_words(205, joined=True) == "two hundred and five".split()


def test_the_list_is_the_script_s(tmp_path):
    make_sentences.main(tmp_path / "sentences.csv")
    assert (tmp_path / "sentences.csv").read_bytes() == manifest_path("sentences").read_bytes()


def test_every_pattern_can_be_filled():
    rng = np.random.default_rng(1)
    for pattern in make_sentences.PATTERNS:
        for _ in range(20):
            text = make_sentences.fill(pattern, rng)
            assert not set(text) - set(CHARACTERS.tokens) and 2 <= len(text.split()) <= 16, text


def test_sentences_of_the_splits_share_words_but_no_sentence():
    texts = {split: synthetic.texts(split) for split in SPLITS}
    every = [text for found in texts.values() for text in found]
    assert len(every) == len(set(every)) == len(manifest("sentences")) == 4000
    assert all(len(found) > 300 for found in texts.values())
    known = {word for text in texts["train"] for word in text.split()}
    words = [word for text in texts["test"] for word in text.split()]
    assert len(known) > 600 and sum(word in known for word in words) > 0.98 * len(words)


# --- who says it


def test_synthetic_splits_share_no_voice_and_no_sentence(every_voice):
    plans = {split: synthetic.plan(split, 400, 0, 0.4, 0.3) for split in SPLITS}
    for what in ("text", "speaker", "id", "file"):
        found = [{getattr(line, what) for line in plans[split]} for split in SPLITS]
        assert sum(map(len, found)) == len(set.union(*found)), what
    assert all(set(line.text) <= set(CHARACTERS.tokens) for line in plans["train"])
    assert plans["train"][:50] == synthetic.plan("train", 50, 0, 0.4, 0.3)  # a larger count only adds
    assert plans["train"] != synthetic.plan("train", 400, 1, 0.4, 0.3)


def test_synthetic_digits_splits_share_no_voice(every_voice):
    speakers = []
    for split in SPLITS:
        people = synthetic.digit_speakers(split, 3, 0)
        speakers.append({line.speaker for takes, _ in people.values() for line in takes})
        assert len({trim for _, trim in people.values()}) > len(people) / 3
        for takes, _ in people.values():
            assert [line.text for line in takes[:: synthetic.TAKES]] == grammar.DIGITS
            assert len({(line.speaker, line.voice, line.pitch) for line in takes}) == 1  # one person
            assert len({line.rate for line in takes}) > 10  # who never says a word twice alike
    assert sum(map(len, speakers)) == len(set.union(*speakers))


def test_what_is_said_differently_has_another_file(every_voice):
    one = synthetic.plan("test", 1, 0, 0.4, 0.3)[0]
    assert (
        len({one.file, *(replace(one, **{k: v}).file for k, v in (("text", "x"), ("rate", 1.0), ("lead", 9.0)))}) == 4
    )


def test_more_than_there_are_begins_again_in_other_voices(every_voice, monkeypatch):
    monkeypatch.setattr(synthetic, "speak_all", lambda lines, folder: [line.file for line in lines])
    monkeypatch.setattr(synthetic, "texts", lambda split: ["one two", "three four"])
    found = datasets.load("sentences", "train", count=6)
    assert Counter(u.text for u in found) == {"one two": 3, "three four": 3}
    assert len({u.speaker for u in found}) > 1 and len({u.id for u in found}) == 6
    assert datasets.load("sentences", "train", count=3) == found[:3] and len(datasets.load("sentences", "train")) == 2


def test_a_program_is_needed(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with refused("", DataError) as caught:
        datasets.load("synthetic", "train", count=1)
    assert "apt-get install" in str(caught.value)


def test_any_text_is_read_but_what_nobody_could_spell(every_voice, tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "speak_all", lambda lines, folder: [line.file for line in lines])
    path = tmp_path / "texts.txt"
    path.write_text(
        "\u201cYes,\u201d she said.\nIn 1984\nDon't   stop now!\n\nDon't stop now!\n"
        + "\n".join(f"word {a}b" for a in "abcdefghijklmnopqrst")
    )
    found = [u for split in SPLITS for u in datasets.load("read_aloud", split, texts=str(path))]
    texts = [u.text for u in found]
    assert len(texts) == 22 and {"yes she said", "don't stop now"} < set(texts)
    assert len(set(texts)) == len(texts)
    for wrong in ("", str(tmp_path / "none.txt")):
        with refused("texts", DataError):
            datasets.load("read_aloud", "train", texts=wrong)


def test_commands_are_half_of_the_synthetic_ones(every_voice, monkeypatch):
    monkeypatch.setattr(synthetic, "speak_all", lambda lines, folder: [line.file for line in lines])
    texts = Counter(u.text for u in datasets.load("synthetic_commands", "train", count=400))
    assert texts["unknown"] == 200 and len(texts) == 11


def test_mandarin_words_are_spoken_as_pinyin_by_voices_that_no_two_splits_share(every_voice, monkeypatch):
    monkeypatch.setattr(mandarin, "speak_all", lambda lines, folder: [line.text for line in lines])
    found = {split: datasets.load("synthetic_mandarin", split, count=90) for split in ("train", "validation")}
    assert all(u.recording.path == mandarin.WORDS[u.text] for clips in found.values() for u in clips)
    assert {u.text for u in found["train"]} == set(mandarin.WORDS) and len(mandarin.WORDS) == 30
    assert not {u.speaker for u in found["train"]} & {u.speaker for u in found["validation"]}


def test_strings_of_mandarin_digits_are_by_real_people_in_the_test():
    try:
        found = datasets.load("mandarin_digits", "test", count=20)
    except DataError:
        pytest.skip("audio_cmn is not here")
    assert {u.speaker for u in found} == {"yue-tan", "chen-wang"} and len(found) == 20
    assert all(set(u.text.split()) <= set(mandarin.DIGITS) for u in found)
    assert found[0].audio(16000).size > 1600
    with refused("source"):
        datasets.load("mandarin_digits", "test", source="nowhere")


def test_mandarin_needs_espeak_and_says_so(monkeypatch):
    monkeypatch.setattr(voices, "available", lambda program: voices.FLITE if program == "flite" else ())
    monkeypatch.setattr(voices, "installed", lambda: ("flite",))
    with pytest.raises(DataError, match="espeak-ng"):
        datasets.load("synthetic_mandarin", "train", count=3)


def test_kokoro_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_KOKORO", str(tmp_path))
    kokoro.voices.cache_clear()
    with refused("", DataError) as caught:
        datasets.load("synthetic_words", "train", count=1, engine="kokoro")
    assert "voices" in str(caught.value)
    kokoro.voices.cache_clear()
    assert not {*kokoro.HELD_OUT["test"]} & {*kokoro.HELD_OUT["validation"]}
    assert {voice for some in kokoro.HELD_OUT.values() for voice in some} < {*kokoro.AMERICAN, *kokoro.BRITISH}


@speaks
def test_phonemes_are_of_the_network_s_alphabet():
    for british in (False, True):
        for text in (
            "The quick brown fox jumps over the lazy dog?",
            "Which choice of beige judge, here or there, bird?",
        ):
            found = kokoro.phonemes(text, british)
            assert not set(found) - set(kokoro._SYMBOLS) and found.endswith("?")
    assert kokoro.phonemes("day") == "d\u02c8A."


# --- speaking


@speaks
@pytest.mark.slow
def test_speech_is_the_same_twice_and_continues(tmp_path):
    first = datasets.load("synthetic", "test", tmp_path / "a", count=4, seed=3)
    clips = [u.audio(16000) for u in first]
    assert all(0.4 < np.abs(clip).max() <= 1 and 0.3 < len(clip) / 16000 < 30 for clip in clips)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*.wav")}
    more = datasets.load("synthetic", "test", tmp_path / "a", count=6, seed=3)
    assert more[:4] == first and all(path.stat().st_mtime_ns == made for path, made in files.items())
    again = datasets.load("synthetic", "test", tmp_path / "b", count=4, seed=3)
    for one, other in zip(clips, again, strict=True):
        np.testing.assert_array_equal(one, other.audio(16000))
    assert not list(tmp_path.rglob("*.part"))


@speaks
@pytest.mark.slow
def test_digits_are_trimmed_and_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "voices", lambda split, program: voices.voices(split, program)[:1])
    strings = datasets.load("synthetic_digits", "test", tmp_path, count=21, accents=1)
    assert len({u.speaker for u in strings}) == 2
    assert {len(u.text.split()) for u in strings} == set(range(1, 8))
    for utterance in strings:
        clip = utterance.audio(8000)
        # leading silence is floor only; words follow one another closely, as in connected_digits
        assert np.abs(clip[:300]).max() < 0.01 < np.abs(clip).max() <= 1
        assert 0.1 < len(clip) / 8000 / len(utterance.text.split()) < 1.7
    assert datasets.load("synthetic_digits", "test", tmp_path, count=3, accents=1) == strings[:3]


@speaks
@pytest.mark.slow
@pytest.mark.parametrize("name", ["sentences", "synthetic_words"])
def test_voices_say_each_text_in_turn(name, tmp_path):
    found = datasets.load(name, "test", tmp_path, count=4)
    texts = synthetic.texts("test") if name == "sentences" else synthetic.word_list()
    assert [u.text for u in found] == list(texts[:4])
    assert all(0.15 < len(u.audio(16000)) / 16000 < 20 for u in found)
    assert datasets.load(name, "test", tmp_path, count=3) == found[:3]


@speaks
def test_a_disk_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with refused("", DataError) as caught:
        datasets.load("synthetic", "test", tmp_path / "file", count=1)
    assert "ZOO_CACHE" in str(caught.value)

    def full(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with refused("", DataError):
        datasets.load("synthetic", "test", tmp_path / "cache", count=1)
    assert not list((tmp_path / "cache").rglob("*.wav*"))
