"""The experiments: their arithmetic, and each study in its fast form on the real recordings."""

import importlib
import runpy
import shutil
import sys
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from conftest import refused

from zoo.datasets import noise
from zoo.datasets.manifests import manifest
from zoo.errors import DataError, ZooError

pytest.importorskip("zoo.training.augment")
from experiments import _common as common  # noqa: E402
from experiments import pretraining, reconstruction, search  # noqa: E402

ROOT = Path(__file__).parent.parent
STUDIES = ("reconstruction", "denoising", "few_shot", "search", "pretraining", "pretraining_ctc", "augmentation")
COMMANDS = sorted(path.stem for path in (ROOT / "experiments").glob("[a-z]*.py"))


def test_blocks_are_frames_side_by_side():
    frames = np.arange(14.0).reshape(7, 2)
    np.testing.assert_array_equal(reconstruction.blocks(frames, 1), frames)
    np.testing.assert_array_equal(reconstruction.blocks(frames, 3)[:2], frames[:6].reshape(2, 6))
    np.testing.assert_array_equal(reconstruction.blocks(frames, 3)[2], [12, 13, 12, 13, 12, 13])
    assert reconstruction.blocks(frames, None).shape == (1, 14)


def test_intervals(rng):
    values = rng.standard_normal(400)
    found = common.bootstrap(np.mean, values)
    assert found["value"] == values.mean()
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.15)
    six = np.array([70.0, 80, 90, 75, 85, 95])
    found = common.mean_of_speakers(six)  # Student's t with five degrees of freedom
    assert found["high"] - found["value"] == pytest.approx(2.5706 * six.std(ddof=1) / np.sqrt(6), rel=1e-4)


def test_gain_is_in_points_and_its_interval_over_speakers():
    fresh = np.array([[50.0, 52], [60, 62], [70, 72], [50, 52], [60, 62], [70, 72]])
    row = pretraining.gain("m", "WER", 0.05, 100, {"fresh": fresh, "pretrained": fresh - 3}, -1)
    assert row["gain"] == pytest.approx(3) and row["low"] == pytest.approx(3) and row["runs"] == 12
    assert row["fresh"] == pytest.approx(61) and row["fresh_seeds"] == pytest.approx(np.sqrt(2))


def test_precision_counts_what_was_never_found():
    scores, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert search.precision_at(scores, right, 2, 0.5) == pytest.approx((1.0, (1 + 2 / 3) / 2))
    assert search.precision_at(scores, right, 4, 0.5) == pytest.approx((2 / 3, (1 + 2 / 3) / 4))
    assert search.precision_at(scores, right, 8, 0.5)[0] == 0  # half of eight is never reached


def test_noted_runs_are_not_done_again(tmp_path):
    path, done = tmp_path / "notes.json", []

    def run():
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt
        return 50.0 + len(done)

    notes = common.Notes(path)
    assert notes.score("conv2d", 0.05, "theo", run=run) == 51
    with pytest.raises(KeyboardInterrupt):
        notes.score("conv2d", 0.2, "theo", run=run)
    again = common.Notes(path)
    assert again.score("conv2d", 0.05, "theo", run=run) == 51 and len(done) == 2
    assert again.score("conv2d", 0.2, "theo", run=run) == 53
    for text in ("{", "[1]", '{"mine": "keep"}'):
        path.write_text(text)
        with pytest.raises(DataError):
            common.Notes(path)
        assert path.read_text() == text


@pytest.mark.slow
@pytest.mark.parametrize("name, changes", [("conv2d", {}), ("lstm_ctc", {"layers": 1})])
def test_copied_layers_have_the_autoencoder_s_weights(name, changes):
    import zoo

    autoencoder, layers = pretraining.ENCODERS[name]
    model, source = zoo.load(name, weights=None, **changes), zoo.load(autoencoder)
    assert pretraining.copy_encoder(name, model) == list(layers)
    for layer, encoder in layers.items():
        pairs = zip(model.get_layer(layer).get_weights(), source.get_layer(encoder).get_weights(), strict=True)
        assert all((a == b).all() for a, b in pairs)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"experiments.{name}", run_name="__main__", alter_sys=True)
    assert ended.value.code == 0 and f"experiments.{name}" in capsys.readouterr().out
    assert f"`{name}`" in (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs(name, data_folder, monkeypatch):
    if name == "reconstruction" and not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng, whose voices vae has learnt from, is not installed")
    monkeypatch.setattr(noise, "manifest", lambda name: manifest(name)[::7])  # to decode all of it takes seconds
    module, said = importlib.import_module(f"experiments.{name}"), []
    if name == "pretraining_ctc":  # of its four runs of ten seconds each, one is enough
        run = module.word_error_rate
        real = module.SPEAKERS[0], "pretrained"
        monkeypatch.setattr(module, "word_error_rate", lambda *a: run(*a) if (a[0], a[2]) == real else 90.0)
    study = getattr(module, name)
    seeds = {"seeds": 1} if "seeds" in signature(study).parameters else {}
    rows = study(fast=True, log=said.append, **seeds)
    assert rows and said and len({tuple(row) for row in rows}) == 1  # the same columns
    for row in rows:
        assert all(np.isfinite(value) for value in row.values() if isinstance(value, float))
        # The interval is that of the gain, where there is one.
        figure = next(row[key] for key in ("gain", "gain_db", "precision", "value") if key in row)
        assert row["low"] <= figure + 1e-9 and figure <= row["high"] + 1e-9


def test_a_broken_microphone_changes_one_thing():
    from experiments import drift
    from zoo.monitoring import measure, reference

    rng, times = np.random.default_rng(0), np.arange(2 * drift.RATE) / drift.RATE
    clip = (
        0.3 * np.sin(2 * np.pi * 700 * times) * (times % 0.5 > 0.2) + 1e-3 * rng.standard_normal(len(times))
    ).astype("float32")
    before, broken = measure(clip, drift.RATE), measure(drift.clipped(clip), drift.RATE)
    assert broken["clipped"] > 0.1 > before["clipped"] and abs(broken["level"] - before["level"]) < 1
    assert measure(drift.hum(clip), drift.RATE)["snr"] < before["snr"] - 10
    lost = drift.dropouts(clip, rng)
    assert len(lost) == len(clip) and 0.05 < np.mean((lost == 0) & (clip != 0)) < 0.25
    rows = [{"snr": 30.0 + i % 10} for i in range(100)]
    usual = reference(rows, [i % 20 for i in range(100)], "a test")
    assert drift.orders(rows, usual, rng)["alarmed"] == 0 and drift.alarms([{"snr": 3.0}] * 60, usual) == ["snr"]


def test_the_interval_of_speakers_left_out_is_over_speakers():
    from types import SimpleNamespace

    from experiments import leave_one_out

    rates = {str(i): SimpleNamespace(value=value) for i, value in enumerate((0.19, 0.1, 0.057, 0.307, 0.079, 0.124))}
    found = leave_one_out.mean_result("", rates, SimpleNamespace(utterances=630, reference_length=2520))
    assert found.value == pytest.approx(14.28, abs=0.01) and found.high - found.low > 15


def test_weights_that_heard_the_speakers_are_refused(tmp_path):
    import json

    from experiments import leave_one_out

    (tmp_path / "run.json").write_text(json.dumps({"data": ["an4:train"], "name": "lstm_ctc", "init": "bundled"}))
    for init in (tmp_path / "best.weights.h5", "lstm_ctc"):
        with refused("init", ZooError):
            leave_one_out.check_unheard(init)
    (tmp_path / "run.json").write_text(json.dumps({"data": ["an4:train"], "name": "lstm_ctc", "init": "none"}))
    leave_one_out.check_unheard(tmp_path / "best.weights.h5")
