"""Several hosts, which are processes on this machine: they end with the weights of one, and refuse what they cannot do."""

import importlib.util
import os
import socket
import subprocess
import sys
import threading
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
    """The command, as a host of its own. What was compiled for a host before is not compiled again."""
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
    environment |= {"JAX_COMPILATION_CACHE_DIR": f"{out.parent}/jax", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    return subprocess.Popen(
        [*map(str, command)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def start_two(words, out, *options):
    together = ("--hosts", 2, "--coordinator", address())
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
def test_two_hosts_of_which_one_is_lost_end_with_the_weights_of_one(words, tmp_path):
    """The other host ends with a sentence at once; started again, both go on, and all 20 steps are as if nothing had been."""
    alone, out = start(words, tmp_path / "alone", "--epochs", 10), tmp_path / "run"
    first, second = start_two(words, out, "--epochs", 10)
    while len(read_curves(out)) < 2:
        assert first.poll() is None and second.poll() is None
        time.sleep(0.1)
    second.kill()
    output, _ = first.communicate(timeout=60)
    assert first.returncode != 0 and "Error: `hosts`" in output and "Traceback" not in output, output
    assert len(read_curves(out)) < 10
    finish(alone, *start_two(words, out, "--epochs", 10, "--resume"))
    for one, two in zip(weights(tmp_path / "alone"), weights(out), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
    curves = [[(row["epoch"], row["error"]) for row in read_curves(folder)] for folder in (tmp_path / "alone", out)]
    assert curves[0] == curves[1] and len(curves[0]) == 10
    assert (out / "model.keras").exists()


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


def address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


def test_all_must_come_and_each_once(monkeypatch):
    monkeypatch.setattr("zoo.training.hosts.PATIENCE", 0.2)
    for index in (0, 1):
        with refused("coordinator", ZooError):
            Hosts(2, index, address())._meet()
    monkeypatch.setattr("zoo.training.hosts.PATIENCE", 20)
    place, ends = address(), []

    def come(index):
        try:
            ends.append((index, Hosts(3, index, place)._meet()))
        except ZooError as error:
            ends.append((index, error.argument))

    hosts = [threading.Thread(target=come, args=(index,)) for index in (0, 1, 1, 2)]
    for host in hosts:
        host.start()
        time.sleep(0.1)
    for host in hosts:
        host.join()
    assert sorted(ends, key=str) == [(0, None), (1, "host_index"), (1, None), (2, None)]


def test_hosts_need_jax(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "tensorflow")
    with refused("hosts", ZooError):
        Hosts(2, 0, "a:1").check(TrainConfig())


def test_hosts_share_every_row():
    parts = [Hosts(4, i, "a:1").rows(8) for i in range(4)]
    assert [row for part in parts for row in range(8)[part]] == [*range(8)]
