"""LibriSpeech on a miniature in the official layout."""

import hashlib
import tarfile

import numpy as np
import pytest
import soundfile
from conftest import refused

from zoo import datasets
from zoo.datasets import librispeech
from zoo.errors import DataError, MissingFileError, UnknownNameError

SUBSET = "dev-clean"
TEXTS = {"84-121-0000": "GO DO YOU HEAR", "84-121-0001": "IT'S A TEST", "84-122-0000": "YES", "97-5-0000": "NO NO"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """LibriSpeech/dev-clean with four recordings by two speakers; the cache is empty."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    rng = np.random.default_rng(0)
    for key, text in TEXTS.items():
        speaker, chapter, _ = key.split("-")
        place = tmp_path / "LibriSpeech" / SUBSET / speaker / chapter
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{key}.flac", 0.1 * rng.standard_normal(9000 + 1000 * len(text)), 16000)
        with open(place / f"{speaker}-{chapter}.trans.txt", "a") as file:
            file.write(f"{key} {text}\n")
    return tmp_path / "LibriSpeech" / SUBSET


def check(utterances):
    assert [u.id for u in utterances] == sorted(TEXTS)
    assert {u.id: u.text.upper() for u in utterances} == TEXTS
    assert {u.speaker for u in utterances} == {"84", "97"}
    assert utterances[2].audio(16000).shape == (9000 + 1000 * len("YES"),)


def test_an_unpacked_folder_is_used_where_it_lies(root, tmp_path, monkeypatch):
    for source in (root, root.parent, tmp_path):
        check(datasets.load("librispeech", SUBSET, source))
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    check(datasets.load("librispeech", SUBSET))
    assert not (tmp_path / "cache").exists()


def test_an_archive_is_checked_and_unpacked(root, tmp_path, monkeypatch):
    archive = tmp_path / "there" / f"{SUBSET}.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as file:
        file.add(root.parent, "LibriSpeech")
    with refused("", DataError):  # the miniature is not what the publisher's MD5 says
        datasets.load("librispeech", SUBSET, archive)
    monkeypatch.setitem(librispeech.MD5, SUBSET, hashlib.md5(archive.read_bytes()).hexdigest())
    for source in (archive, archive.parent, None):
        check(datasets.load("librispeech", SUBSET, source))
    assert archive.exists()  # it is the user's


def test_a_missing_recording_is_named(root):
    (root / "84" / "122" / "84-122-0000.flac").unlink()
    with refused("", DataError) as caught:
        datasets.load("librispeech", SUBSET, root)
    assert "84-122-0000" in str(caught.value)


def test_wrong_places(root, tmp_path):
    with refused("source", MissingFileError):
        datasets.load("librispeech", SUBSET, tmp_path / "none")
    with refused("source", DataError):
        datasets.load("librispeech", SUBSET, root / "84" / "121")
    with refused("", UnknownNameError):
        datasets.load("librispeech", "train-clean-10")
