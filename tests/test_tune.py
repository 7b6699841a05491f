"""The search for settings: it learns from its trials, goes on after a stop, and keeps the best run."""

import csv
import sys

import numpy as np
import pytest
import soundfile
from cli_runner import refusal, run_json
from conftest import refused

from zoo.errors import UnknownNameError, ZooError
from zoo.training.tune import tune

pytest.importorskip("optuna", reason="optuna is not installed (speech-zoo[tune])")


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> str:
    """Two words that are two tones."""
    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    for word, hertz in (("ja", 400), ("nein", 1200)):
        (folder / word).mkdir()
        for take in range(4):
            tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000) + 0.02 * rng.standard_normal(4000)
            soundfile.write(folder / word / f"a{take}_1.wav", tone, 8000)
    return f"folder:all,source={folder}"


@pytest.fixture(autouse=True)
def no_recorded_noise(monkeypatch):
    monkeypatch.setattr("zoo.datasets.noise.load_noise", lambda split: [])


@pytest.mark.slow
def test_a_search_keeps_the_best_run_and_goes_on(words, tmp_path, eager):
    out, lines = tmp_path / "tuned", []
    shared = {"epochs": 1, "init": "none", "model_config": {"units": 4}}
    space = {"training.learning_rate": (1e-4, 1e-1), "training.batch_size": [2, 4]}
    arguments = {"validation": [words], "space": space, "log": lines.append, **shared}
    first = tune("simple_rnn", [words], out, trials=1, **arguments)
    assert set(first["settings"]) == set(space) and (out / "best" / "best.weights.h5").exists()
    assert not list(out.glob("trial-*"))
    found = tune("simple_rnn", [words], out, trials=3, **arguments)
    assert found["value"] <= first["value"] and len(lines) == 3  # one trial was there
    with open(out / "trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and min(float(row["value"]) for row in rows if row["value"]) == found["value"]
    assert tune("simple_rnn", [words], out, trials=3, **arguments) == found and len(lines) == 3  # nothing is left to do
    with refused("out", ZooError):
        tune("simple_rnn", [words], out, trials=3, **arguments | {"epochs": 2})
    assert (out / "best" / "best.weights.h5").exists()


def test_a_search_that_goes_on_draws_anew_and_survives_a_trial_that_diverges(tmp_path, monkeypatch):
    values, drawn = iter([None, 3.0, 2.0, 4.0]), []

    def trial(folder, metric, arguments):
        folder.mkdir()
        drawn.append(arguments["learning_rate"])
        return next(values)

    monkeypatch.setattr(sys.modules[tune.__module__], "_trial", trial)
    (tmp_path / "trial-99").mkdir()  # of another process
    arguments = {"validation": ["fsdd:validation"], "log": lambda line: None}
    tune("simple_rnn", ["fsdd:fit"], tmp_path, trials=2, **arguments)
    assert tune("simple_rnn", ["fsdd:fit"], tmp_path, trials=4, **arguments)["value"] == 2.0
    assert len(set(drawn)) == 4 and (tmp_path / "trial-99").exists()


@pytest.mark.slow
def test_the_command_prints_one_that_trains(words, tmp_path, eager):
    found = run_json(
        "tune", "simple_rnn", "--data", words, "--validation", words, "--out", tmp_path, "--trials", 1, "--epochs", 1,
        "--search", "units=4|8", "--set", "training.batch_size=4",
    )  # fmt: skip
    assert found["settings"]["units"] in (4, 8) and f"--set units={found['settings']['units']}" in found["command"]
    assert "--set training.batch_size=4" in found["command"]


@pytest.mark.parametrize(
    ("space", "argument"),
    [
        ({"units": (8, 4)}, "space"),
        ({"units": 4}, "space"),
        ({"units": []}, "space"),
        ({"units": (0, 4)}, "units"),
        ({"training.learning_rate": (-1.0, 1.0)}, "learning_rate"),
    ],
)
def test_spaces_that_cannot_be(space, argument, tmp_path):
    with refused(argument):
        tune("simple_rnn", ["fsdd"], tmp_path, validation=["fsdd:validation"], space=space)


def test_requests_that_cannot_be(tmp_path):
    with refused("trials"):
        tune("simple_rnn", ["fsdd"], tmp_path, validation=["fsdd:validation"], trials=0)
    with refused("validation"):
        tune("simple_rnn", ["fsdd"], tmp_path, validation=[])
    with pytest.raises(UnknownNameError):
        tune("simple_rnn", ["fsdd"], tmp_path, validation=["fsdd:validation"], space={"unit": [4]})
    assert refusal("tune", "gru", "--data", "fsdd", "--validation", "fsdd", "--out", tmp_path, "--search", "units").argument == "search"  # fmt: skip
