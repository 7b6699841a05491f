"""Several hosts, which are processes on this machine: they end with the weights of one, and refuse what they cannot do."""

import importlib.util
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from conftest import refused

from zoo.errors import ZooError
from zoo.training.callbacks import read_curves
from zoo.training.config import TrainConfig
from zoo.training.hosts import Hosts

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs pip install jax")


@pytest.fixture
def words(tmp_path) -> str:
    """Eight clips of two words: two batches of four."""
    rng = np.random.default_rng(0)
    for word, hertz in (("ja", 400), ("nein", 1200)):
        (tmp_path / "words" / word).mkdir(parents=True)
        for take in range(4):
            tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(3000 + 400 * take) / 8000)
            noisy = tone + 0.02 * rng.standard_normal(len(tone))
            soundfile.write(tmp_path / "words" / word / f"a{take}_1.wav", noisy, 8000)
    return f"folder:all,source={tmp_path / 'words'}"


def start(words, out, *options):
    """The command, as a host of its own."""
    command = [
        sys.executable,
        "-m",
        "zoo.cli",
        "train",
        "simple_rnn",
        "--data",
        words,
        "--validation",
        words,
        "--out",
        out,
    ]
    command += ["--init", "none", "--no-augment", "--batch-size", "4", "--seed", "3", "--set", "units=4", *options]
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    return subprocess.Popen(
        [*map(str, command)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def start_two(words, out, *options):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    together = ("--hosts", 2, "--coordinator", address)
    return [start(words, out, *options, *together, "--host-index", i) for i in (0, 1)]


def finish(*processes) -> None:
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output[-2000:]


def weights(out) -> list[np.ndarray]:
    with np.load(out / "state.npz") as state:
        return [state[name] for name in sorted(state.files) if name.startswith("v")]


@pytest.mark.slow
@needs_jax
def test_two_hosts_end_with_the_weights_of_one_and_go_on_where_they_were(words, tmp_path):
    finish(start(words, tmp_path / "one", "--epochs", 10))  # 20 steps
    finish(*start_two(words, tmp_path / "two", "--epochs", 10))
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert len(one) == len(two) > 4
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert [row["error"] for row in read_curves(tmp_path / "one")] == [
        row["error"] for row in read_curves(tmp_path / "two")
    ]
    assert (tmp_path / "two" / "model.keras").exists()


@pytest.mark.slow
@needs_jax
def test_a_lost_host_ends_all_with_one_sentence_and_the_run_goes_on(words, tmp_path):
    out = tmp_path / "run"
    first, second = start_two(words, out, "--epochs", 12)
    while len(read_curves(out)) < 2:
        assert first.poll() is None and second.poll() is None
        time.sleep(0.1)
    second.kill()
    began = time.monotonic()
    output, _ = first.communicate(timeout=120)
    assert time.monotonic() - began < 60 and first.returncode != 0
    assert "Error: `hosts`" in output and "Traceback" not in output
    before = read_curves(out)
    assert len(before) < 12
    finish(*start_two(words, out, "--epochs", 12, "--resume"))
    after = read_curves(out)
    assert len(after) == 12 and after[: len(before) - 1] == before[:-1]


@pytest.mark.parametrize(
    "argument, values",
    [
        ("hosts", (0, 0, None)),
        ("host_index", (2, 2, "a:1")),
        ("coordinator", (2, 0, None)),
        ("coordinator", (2, 1, "a")),
        ("coordinator", (2, 1, "a:")),
    ],
)
def test_what_cannot_be_is_refused(argument, values):
    with refused(argument, ZooError):
        Hosts(*values)


@pytest.mark.parametrize(
    "argument, config, teacher",
    [("minutes", TrainConfig(minutes=3), None), ("batch_size", TrainConfig(batch_size=33), None), ("teacher", TrainConfig(), "lstm")],
)  # fmt: skip
def test_runs_that_need_one_host_are_refused(argument, config, teacher, monkeypatch):
    two = Hosts(2, 0, "a:1")
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with refused(argument, ZooError):
        two.check(config, teacher)
    Hosts().check(config, teacher)


def test_hosts_need_jax(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "tensorflow")
    with refused("hosts", ZooError):
        Hosts(2, 0, "a:1").check(TrainConfig())


def test_hosts_share_every_row():
    parts = [Hosts(4, i, "a:1").rows(8) for i in range(4)]
    assert [row for part in parts for row in range(8)[part]] == [*range(8)]
