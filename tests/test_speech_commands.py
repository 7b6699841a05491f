"""Speech Commands on a miniature in the official layout: split, drawn, found, refused."""

import hashlib
import io
import os
import shutil
import tarfile
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from conftest import refused

from zoo import datasets
from zoo.datasets import speech_commands
from zoo.datasets.spec import DataSpec
from zoo.errors import DataError, MissingFileError

SPLITS = ("train", "validation", "test")
SPEAKERS = {
    "train": ("0a7c2a8d", "0b40aa8e", "1a2b3c4d"),
    "validation": ("c0ffee00",),
    "test": ("deadbeef", "feedface"),
}
NOISES = ("doing_the_dishes", "dude_miaowing", "exercise_bike", "pink_noise", "running_tap", "white_noise")
NOISE_SECONDS = 12


def wav(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The archive's files: one take of each word by each of six speakers, the lists, the noises, the notes."""
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("made")
    clips = {speaker: wav(0.1 * rng.standard_normal(8000)) for part in SPEAKERS.values() for speaker in part}
    lists = {"validation": [], "test": []}
    for word in speech_commands.WORDS:
        (root / word).mkdir()
        for split, speakers in SPEAKERS.items():
            for speaker in speakers:
                (root / word / f"{speaker}_nohash_0.wav").write_bytes(clips[speaker])
                lists.get(split, []).append(f"{word}/{speaker}_nohash_0.wav\n")
    for split, lines in lists.items():
        (root / speech_commands.LISTS[split]).write_text("".join(lines))
    (root / "_background_noise_").mkdir()
    for name in NOISES:
        ramp = np.linspace(0.1, 0.9, NOISE_SECONDS * 16000)  # of a tone: how loud it is tells where a piece was cut
        ramp[::2] *= -1
        (root / "_background_noise_" / f"{name}.wav").write_bytes(wav(ramp))
    for note in ("README.md", "LICENSE", "_background_noise_/README.md"):
        (root / note).write_text("A note.\n")
    (root / "yes" / "._0a7c2a8d_nohash_0.wav").write_bytes(b"of a Macintosh")
    return root


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """The miniature's size is the expected one; the cache is empty."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setattr(speech_commands, "COUNTS", {split: 35 * len(SPEAKERS[split]) for split in SPLITS})


@pytest.fixture
def folder(made, tmp_path):
    """An unpacked copy that a test may change."""
    shutil.copytree(made, tmp_path / "speech_commands_v0.02", copy_function=os.link)
    return tmp_path / "speech_commands_v0.02"


def load(split="train", source=None, **options):
    return datasets.load("speech_commands", split, source, **options)


# --- the splits and tasks


def test_splits_are_disjoint_and_complete(made):
    found = {split: load(split, made) for split in SPLITS}
    ids = [u.id for split in SPLITS for u in found[split]]
    assert len(ids) == len(set(ids)) == 35 * 6
    for split in SPLITS:
        assert {u.speaker for u in found[split]} == set(SPEAKERS[split])
        assert Counter(u.text for u in found[split]) == dict.fromkeys(speech_commands.WORDS, len(SPEAKERS[split]))
        assert [u.id for u in found[split]] == sorted(u.id for u in found[split])
        assert all(u.id == f"{u.text}/{u.speaker}_nohash_0" for u in found[split])
    assert found["test"][0].audio(16000).shape == (8000,) and found["test"][0].audio(8000).shape == (4000,)
    assert len(speech_commands.WORDS) == len(set(speech_commands.WORDS)) == 35


@pytest.mark.parametrize("split", SPLITS)
def test_twelve_classes_have_equal_shares(split, made):
    found = load(split, made, task="12")
    each = len(SPEAKERS[split])
    assert Counter(u.text for u in found) == dict.fromkeys((*speech_commands.COMMANDS, "unknown", "silence"), each)
    assert len({u.id for u in found}) == len(found)
    unknown = [u for u in found if u.text == "unknown"]
    assert all(u.id.split("/")[0] in speech_commands.OTHERS and u.speaker in SPEAKERS[split] for u in unknown)
    silence = [u for u in found if u.text == "silence"]
    assert all(u.speaker == "" for u in silence)
    assert all(u.audio(rate).shape == (rate,) for u in silence for rate in (8000, 16000, 44100))
    assert [u.text for u in found if u.id.split("/")[0] in speech_commands.COMMANDS] == [
        u.id.split("/")[0] for u in found if u.id.split("/")[0] in speech_commands.COMMANDS
    ]


def test_draws_are_the_same_everywhere(made, folder):
    here, there = load("train", made, task="12"), load("train", folder, task=12)
    assert here == load("train", made, task="12")
    assert [(u.id, u.text, u.speaker) for u in here] == [(u.id, u.text, u.speaker) for u in there]
    assert [u.recording.start for u in here[-3:]] == [u.recording.start for u in there[-3:]]
    # pinned: a figure of next year is measured on the same items
    digest = hashlib.sha256(" ".join(u.id for u in here).encode()).hexdigest()
    assert digest[:8] == "26941973"
    assert [round(16000 * u.recording.start) for u in here[-3:]] == [129019, 115447, 98484]


def test_no_piece_of_noise_is_learned_from_and_scored(made):
    """The miniature's noise is a ramp, so that a sample says when it was recorded."""
    edges = {"train": (0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1)}
    for split in SPLITS:
        first, end = edges[split]
        for silence in speech_commands._silences(made, split, 60):
            when = (np.abs(silence.audio()) - 0.1) / 0.8  # share of the file
            assert first - 1e-3 <= when.min() and when.max() <= end + 1e-3
    cut = speech_commands._silences(made, "train", 1)[0]
    cut.audio()[:] = 0  # what a caller does to his copy stays there
    assert cut.audio().any()


def test_no_audio_is_read_to_make_utterances(made, monkeypatch):
    monkeypatch.setattr(soundfile.SoundFile, "read", None)
    assert len(load("train", made)) == 105 and len(load("train", made, task="12")) == 36


def test_as_the_command_line_names_it(made):
    assert len(DataSpec.parse(f"speech_commands:test,task=12,source={made}", "train").load()) == 24


# --- found, or refused


def test_an_unpacked_folder_is_used_where_it_lies(folder, tmp_path, monkeypatch):
    assert load("test", tmp_path) == load("test", folder)
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    assert load("test") == load("test", folder)
    assert not (tmp_path / "cache").exists()


def test_archive_and_folder_give_the_same(made, tmp_path, monkeypatch):
    archive = tmp_path / "there" / speech_commands.ARCHIVE
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        file.add(made, ".")  # as the publisher packs it
    with refused("", DataError):  # the miniature is not what the publisher's MD5 says
        load("test", archive)
    known = "md5:" + hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(speech_commands, "SOURCE", replace(speech_commands.SOURCE, known_hash=known))
    packed, unpacked = load("test", archive, task="12"), load("test", made, task="12")
    assert [(u.id, u.text, u.speaker) for u in packed] == [(u.id, u.text, u.speaker) for u in unpacked]
    np.testing.assert_array_equal(packed[-1].audio(), unpacked[-1].audio())
    assert archive.exists()  # it is the user's
    assert load("test", task="12") == load("test", archive.parent, task="12") == packed  # from the cache


def test_wrong_places(tmp_path):
    with refused("source", MissingFileError):
        load("train", tmp_path / "none")
    with refused("source", DataError):
        load("train", tmp_path)


def test_a_folder_without_its_lists(folder):
    (folder / "testing_list.txt").unlink()
    with refused("", DataError):
        load("train", folder)
    (folder / "validation_list.txt").unlink()
    with refused("source", DataError):
        load("train", folder)


@pytest.mark.parametrize("fault", ["no class", "no listed file", "no training file", "outside", "in both"])
def test_a_set_that_is_not_whole_is_refused(fault, folder):
    path = folder / "testing_list.txt"
    lines = path.read_text()
    path.unlink()  # linked to the shared one
    if fault == "no class":
        shutil.rmtree(folder / "marvin")
    elif fault == "no listed file":
        (folder / "up" / "deadbeef_nohash_0.wav").unlink()
    elif fault == "no training file":
        (folder / "up" / "0a7c2a8d_nohash_0.wav").unlink()
    elif fault == "outside":
        lines = lines.replace("up/deadbeef_nohash_0.wav", "../../etc/passwd")
    else:
        lines = lines.replace("up/deadbeef_nohash_0.wav", "up/c0ffee00_nohash_0.wav")
    path.write_text(lines)
    with refused("", DataError) as caught:
        load("train", folder)
    named = {"no class": "marvin/", "no listed file": "up/deadbeef_nohash_0.wav", "outside": "../../etc/passwd"}
    assert named.get(fault, "") in str(caught.value)


def test_noise_that_is_missing_or_short(folder):
    path = folder / "_background_noise_" / "pink_noise.wav"
    path.unlink()
    path.write_bytes(wav(np.zeros(9 * 16000)))
    with refused("", DataError) as caught:
        load("test", folder, task="12")
    assert "pink_noise.wav" in str(caught.value)
    shutil.rmtree(folder / "_background_noise_")
    with refused("", DataError):
        load("test", folder, task="12")
    assert len(load("train", folder)) == 105  # the words need no noise
