"""Commands: 12 classes from small archives; no speaker is in two splits, and other words are `unknown`."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLES, refused

import zoo
from zoo import datasets
from zoo.audio import bundled
from zoo.datasets import commands, manifests, speech_commands, spoken_digits
from zoo.errors import DataError, UnknownNameError

LISTS = {
    "commands_test": [
        {"id": "yes/0000aaaa_nohash_0"}, {"id": "yes/0000bbbb_nohash_0"}, {"id": "_unknown_/tree_0000aaaa_nohash_1"},
    ],
    "commands_learn": [
        {"id": "left/0000cccc_nohash_0", "split": "train"}, {"id": "left/0000cccc_nohash_1", "split": "train"},
        {"id": "bed/0000cccc_nohash_0", "split": "train"}, {"id": "left/0000dddd_nohash_0", "split": "validation"},
    ],
}  # fmt: skip


@pytest.fixture
def folders(tmp_path, monkeypatch) -> dict[str, Path]:
    """Both archives, small: one as published, the other with the suffixes that re-encoding leaves."""
    datasets.names()  # sets that read their manifests as they are imported
    for module in (commands, manifests):
        monkeypatch.setattr(module, "manifest", LISTS.__getitem__)
    monkeypatch.setattr(commands, "SILENCES", 2)
    clip = Path(bundled("seven"))
    for name, suffix in (("commands_test", ".wav.wav"), ("commands_learn", ".wav")):
        ids = [row["id"] for row in LISTS[name]]
        for key in ids + (["_silence_/1024", "_silence_/running_tap"] if name == "commands_test" else ["happy/x"]):
            path = tmp_path / name / (key + suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, path)
    return {name: tmp_path / name for name in LISTS}


def test_other_words_are_unknown_and_silences_have_no_speaker(folders):
    found = datasets.load("commands", "test", folders["commands_test"])
    assert Counter(u.text for u in found) == {"yes": 2, "unknown": 1, "silence": 2}
    assert [u.speaker for u in found] == ["0000aaaa", "0000bbbb", "0000aaaa", "", ""]
    assert all(u.audio(16000).size for u in found) and {u.text for u in found} <= set(commands.LABELS)


def test_words_and_takes_are_chosen(folders):
    source = folders["commands_learn"]
    assert [u.text for u in datasets.load("commands", "train", source)] == ["left", "left", "unknown"]
    assert len(datasets.load("commands", "train", source, words="left")) == 2
    assert len(datasets.load("commands", "train", source, words="left+bed", most="1")) == 2
    assert [u.speaker for u in datasets.load("commands", "validation", source)] == ["0000dddd"]
    with refused("", UnknownNameError):
        datasets.load("commands", "train", source, words="lefd")


def test_what_is_not_whole_is_refused(folders):
    next((folders["commands_test"] / "_silence_").iterdir()).unlink()
    with refused("", DataError):
        datasets.load("commands", "test", folders["commands_test"])
    shutil.rmtree(folders["commands_learn"] / "bed")
    with refused("", DataError):
        datasets.load("commands", "train", folders["commands_learn"])


def test_the_published_lists_share_no_speaker():
    learn, test = manifests.manifest("commands_learn"), manifests.manifest("commands_test")
    of = {
        split: {r["id"].split("/")[1].split("_")[0] for r in learn if r["split"] == split}
        for split in ("train", "validation")
    }
    of["test"] = {row["id"].split("_nohash_")[0][-8:] for row in test}
    assert not of["train"] & of["validation"] and not (of["train"] | of["validation"]) & of["test"]
    assert len(test) + commands.SILENCES == 4890
    words = Counter(row["id"].split("/")[0] for row in learn)
    assert set(words) <= set(speech_commands.WORDS) and min(words[word] for word in ("left", "go", "down")) > 500


def test_background_is_cut_and_made(monkeypatch):
    clip = str(SAMPLES / "no-such.wav")
    monkeypatch.setattr(commands, "find", lambda source, given: SAMPLES)
    rows = [row["id"] for row in manifests.manifest("noise")]
    monkeypatch.setattr(commands, "recordings", lambda source, root: dict.fromkeys(rows, clip))
    found = datasets.load("background", "train", count=8)
    assert {u.text for u in found} == {"silence"} and found[:4] == datasets.load("background", "train", count=4)
    for hiss in (u.recording for u in found[1::2]):
        samples = hiss.read(16000)
        assert samples.shape == (16000,) and 0 < np.abs(samples).max() < 1 and hiss.read(8000).shape == (8000,)
    mixed = [u.recording for u in datasets.load("background", "train", count=100, tones="0.4")]
    tones = [recording for recording in mixed if isinstance(recording, commands.Tones)]
    assert 35 <= len(tones) <= 45 and all(np.isfinite(t.read(16000)).all() and t.read(8000).any() for t in tones[:5])


def test_cut_words_as_commands(monkeypatch):
    words = [datasets.Utterance(text, text, "a", None) for text in ("stop", "mother")]
    monkeypatch.setattr(spoken_digits, "_cut_words", lambda *_: words)
    assert [u.text for u in datasets.load("spoken_words", task="12")] == ["stop", "unknown"]
    assert datasets.load("spoken_words") == words


@pytest.mark.slow
def test_the_official_test_is_read(data_folder):
    found = datasets.load("commands", "test")
    assert len(found) == 4890 and min(Counter(u.text for u in found).values()) == 396
    assert all(abs(len(u.audio(16000)) - 16000) < 700 for u in found[::500])


@pytest.mark.slow
def test_voices_of_words_are_in_one_split_each(data_folder):
    for language, words in (("english", 36), ("mandarin", 30)):
        sets = [datasets.load("kokoro_words", split, language=language) for split in ("train", "validation", "test")]
        voices = [{u.speaker for u in found} for found in sets]
        assert sum(map(len, voices)) == len(set().union(*voices)) and all(
            len({u.text for u in s}) == words for s in sets
        )
    assert {u.text for u in datasets.load("kokoro_words", "test", task="12")} == {*speech_commands.COMMANDS, "unknown"}


@pytest.mark.slow
def test_mandarin_by_two_people(data_folder):
    found = datasets.load("audio_cmn", "test")
    known = {u.text for u in datasets.load("kokoro_words", "train", language="mandarin")}
    assert len(found) == 40 and {u.text for u in found} < known and len({u.speaker for u in found}) == 2
    assert len(datasets.load("audio_cmn", "test", words="digits")) == 22
    syllables = {u.text for u in datasets.load("audio_cmn", "test", words="syllables")}
    assert len(syllables) == 1660 and {"ma1", "ma2", "ma3", "ma4"} < syllables


@pytest.mark.slow
def test_running_speech_has_no_command_in_it(data_folder):
    found = {split: datasets.load("running_speech", split, count=60) for split in ("train", "validation")}
    assert all(u.text == "unknown" and u.audio(16000).shape == (16000,) for clips in found.values() for u in clips)
    assert not {u.speaker for u in found["train"]} & {u.speaker for u in found["validation"]}
    paths = {u.recording.path for clips in found.values() for u in clips}
    said = {u.recording.path: u.text for corpus in ("an4", "speechocean762") for u in datasets.load(corpus, "train")}
    assert not any({*said.get(path, "").split()} & {*speech_commands.COMMANDS} for path in paths)


# --- other words, learnt apart


@pytest.mark.parametrize("name", ["ds_cnn", "attention"])
def test_other_words_are_one_class_in_the_end(name):
    apart = zoo.load(name, weights=None, labels=("yes", "no", "bed", "cat", "unknown"))
    made = zoo.load(name, weights=None, labels=("yes", "no", "unknown"), others=2)
    made.set_weights(apart.get_weights())
    clip = bundled("seven")
    each, summed = (model.classify(clip).probabilities for model in (apart, made))
    assert list(summed) == ["yes", "no", "unknown"] and sum(summed.values()) == pytest.approx(1, abs=1e-5)
    assert summed["yes"] == pytest.approx(each["yes"], abs=1e-5)
    assert summed["unknown"] == pytest.approx(each["bed"] + each["cat"] + each["unknown"], abs=1e-5)


def test_new_labels_have_no_others(tmp_path):
    path = tmp_path / "made.keras"
    zoo.load("ds_cnn", weights=None, labels=("yes", "no", "unknown"), others=2, filters=8).save(path)
    assert zoo.load(path).config.others == 2
    renewed = zoo.load("ds_cnn", weights=path, labels=["ja", "nein"])
    assert renewed.config.others == 0 and renewed.output["logits"].shape[-1] == 2


@pytest.mark.slow
def test_voices_without_words_are_cut_and_share_nobody(data_folder):
    train, test = (datasets.load("librispeech_speakers", split) for split in ("train", "test"))
    assert len({u.speaker for u in train}) == 243 and len({u.speaker for u in test}) == 10
    assert not {u.speaker for u in train} & {u.speaker for u in test} and len({u.id for u in train}) == len(train)
    assert train[-1].audio(16000).shape == (48000,)
