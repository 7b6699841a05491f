"""Leaving a speaker out: each of the six once, a run that goes on, and a folder that holds another run is refused."""

import json

import numpy as np
import pytest

from zoo import crossval as module
from zoo import datasets
from zoo.crossval import crossval, scores
from zoo.datasets import Utterance
from zoo.datasets.fsdd import DIGITS, SPEAKERS
from zoo.errors import DataError, ZooError


@pytest.fixture
def said(monkeypatch):
    """Twenty clips by each speaker, without sound; returns their words."""
    words = [DIGITS[i % 10] for i in range(20)]
    clips = [Utterance(f"{i}", word, "", None) for i, word in enumerate(words)]
    monkeypatch.setattr(module.datasets, "load", lambda name, split, *more: clips)
    return words


def test_the_mean_is_of_speakers_and_so_is_its_interval(said):
    wrong = dict(zip(SPEAKERS, (0, 2, 4, 6, 8, 10), strict=True))
    heard = {speaker: ["none"] * n + said[n:] for speaker, n in wrong.items()}
    found = scores(heard)
    shares = [1 - n / 20 for n in wrong.values()]
    assert [found[speaker].value for speaker in SPEAKERS] == pytest.approx(shares)
    assert found["mean"].value == pytest.approx(np.mean(shares)) and found["mean"].clips == 120
    half = 2.571 * np.std(shares, ddof=1) / np.sqrt(6)  # Student's t, five degrees of freedom
    assert found["mean"].high - found["mean"].value == pytest.approx(half)
    assert scores({speaker: said for speaker in SPEAKERS})["mean"].low == 1.0


def test_folds_that_are_there_are_not_heard_again(said, tmp_path):
    """What was asked for is in crossval.json; folds of something else do not pass for it."""
    (tmp_path / "cv").mkdir()
    asked = {"name": "conv2d", "data": ["fsdd:train"], "settings": {"epochs": 2}}
    (tmp_path / "cv" / "crossval.json").write_text(json.dumps(asked))
    for speaker in SPEAKERS:
        (tmp_path / "cv" / speaker).mkdir()
        (tmp_path / "cv" / speaker / "heard.json").write_text(json.dumps(said))
    assert crossval("conv2d", ["fsdd"], tmp_path / "cv", epochs=2) == {speaker: said for speaker in SPEAKERS}
    for name, data, settings, differs in (
        ("lstm", ["fsdd"], {"epochs": 2}, "name conv2d, not lstm"),
        ("conv2d", ["fsdd", "an4"], {"epochs": 2}, r"data \['fsdd:train'\], not \['fsdd:train', 'an4:train'\]"),
        ("conv2d", ["fsdd"], {"epochs": 3}, "epochs 2, not 3"),
    ):
        with pytest.raises(ZooError, match=f"has {differs}: choose another"):
            crossval(name, data, tmp_path / "cv", **settings)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(ZooError, match="new or empty; .*other holds something else"):
        crossval("conv2d", ["fsdd"], tmp_path / "other")


def test_settings_that_cannot_be_leave_no_folder(tmp_path):
    with pytest.raises(ZooError, match="learning_rate of a run"):
        crossval("conv2d", ["fsdd"], tmp_path / "cv", learning_rate=float("nan"))
    assert not (tmp_path / "cv").exists()


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_folder_is_a_sentence(text, tmp_path):
    (tmp_path / "crossval.json").write_text(text)
    with pytest.raises(ZooError, match="What a cross-validation was asked for must be"):
        crossval("conv2d", ["fsdd"], tmp_path)


def test_what_cannot_be_left_out(tmp_path):
    for data in (["an4"], ["fsdd", "fsdd:test"]):
        with pytest.raises(DataError, match="must be among the data once"):
            crossval("conv2d", data, tmp_path / "cv")
    with pytest.raises(ZooError, match="speaker_id names speakers"):
        crossval("speaker_id", ["fsdd"], tmp_path / "cv")
    assert not (tmp_path / "cv").exists()


@pytest.mark.slow
def test_a_baseline_on_real_recordings(data_folder, tmp_path, monkeypatch):
    """Two speakers instead of six: each fold is a process that starts Keras."""
    monkeypatch.setenv("ZOO_DATA", str(data_folder))
    monkeypatch.setattr("zoo.crossval.SPEAKERS", ("theo", "lucas"))
    try:
        datasets.load("fsdd", "test")
    except ZooError as error:
        pytest.skip(str(error))
    lines = []
    heard = crossval("majority", ["fsdd"], tmp_path / "cv", jobs=2, say=lines.append)
    assert scores(heard)["mean"].value == pytest.approx(0.1) and len(lines) == 2
    assert crossval("majority", ["fsdd"], tmp_path / "cv", say=lines.append) == heard and len(lines) == 2
