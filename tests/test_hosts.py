"""Several hosts, which are processes on this machine: they end with the weights of one, and refuse what they cannot do."""

import importlib.util
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import refused

from zoo.errors import ZooError
from zoo.training.config import TrainConfig
from zoo.training.hosts import Hosts

TRAIN = """
import sys
from zoo.training import train
from zoo.training.hosts import Hosts
data, out, count, index, address, epochs, resume = sys.argv[1:]
hosts = Hosts(int(count), int(index), address)
train("simple_rnn", [data], out, init="none", model_config={"units": 4}, augmentation=None, hosts=hosts, resume=resume == "resume",
      log=lambda line: None, epochs=int(epochs), batch_size=4, seed=3, silence_prob=0.0, bucket_boundaries=(1.0,))
"""


@pytest.fixture
def words(tmp_path) -> str:
    """Eight clips of two words: two batches of four."""
    rng = np.random.default_rng(0)
    for word, hertz in (("ja", 400), ("nein", 1200)):
        (tmp_path / "words" / word).mkdir(parents=True)
        for take in range(4):
            tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(3000 + 400 * take) / 8000)
            soundfile.write(
                tmp_path / "words" / word / f"a{take}_1.wav", tone + 0.02 * rng.standard_normal(len(tone)), 8000
            )
    return f"folder:all,source={tmp_path / 'words'}"


def start(words, out, count, index, address, epochs, resume=""):
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", TRAIN, *map(str, (words, out, count, index, address, epochs, resume))]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(*processes) -> None:
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output[-2000:]


def free_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


def weights(out) -> list[np.ndarray]:
    with np.load(out / "state.npz") as state:
        return [state[name] for name in sorted(state.files) if name.startswith("v")]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs pip install jax")
def test_two_hosts_end_with_the_weights_of_one(words, tmp_path):
    finish(start(words, tmp_path / "one", 1, 0, "", 10))  # 20 steps
    address = free_address()
    finish(*(start(words, tmp_path / "two", 2, i, address, 10) for i in (0, 1)))
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert len(one) == len(two) > 4
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
    "argument, values",
    [
        ("hosts", (0, 0, None)),
        ("host_index", (2, 2, "a:1")),
        ("coordinator", (2, 0, None)),
        ("coordinator", (2, 1, "a")),
    ],
)
def test_what_cannot_be_is_refused(argument, values):
    with refused(argument, ZooError):
        Hosts(*values)


@pytest.mark.parametrize("argument, config, validation", [
    ("validation", TrainConfig(), ["an4"]), ("minutes", TrainConfig(minutes=3), []), ("batch_size", TrainConfig(batch_size=33), []),
])  # fmt: skip
def test_runs_that_need_one_host_are_refused(argument, config, validation, monkeypatch):
    two = Hosts(2, 0, "a:1")
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with refused(argument, ZooError):
        two.check(config, validation)
    Hosts().check(config, validation)
    monkeypatch.setattr("keras.backend.backend", lambda: "tensorflow")
    with refused("hosts", ZooError):
        two.check(config, validation)


def test_hosts_share_every_row():
    parts = [Hosts(4, i, "a:1").rows(8) for i in range(4)]
    assert [row for part in parts for row in range(8)[part]] == [*range(8)]
