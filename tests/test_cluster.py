"""Many recordings on a cluster: each file once, whatever stops in between. Two nodes are two sets of processes on this machine."""

import importlib.util
import json
import os
import shutil
import threading
import time

import numpy as np
import pytest
import soundfile
from cli_runner import refusal, run_json
from conftest import refused

import zoo
from zoo import cluster
from zoo.errors import MissingFileError, ZooError

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason='needs pip install "speech-zoo[cluster]"'
)
CLIPS = ("seven", "woman-us", "man-gb")


@pytest.fixture
def recordings(tmp_path):
    """Twenty-four recordings, and two files that are none."""
    for i in range(24):
        shutil.copy(zoo.audio.bundled(CLIPS[i % len(CLIPS)]), tmp_path / f"{i:02}.wav")
    (tmp_path / "bad.wav").write_text("no sound")
    return [*sorted(tmp_path.glob("*.wav")), tmp_path / "missing.wav"]


@pytest.fixture
def two_nodes():
    """A cluster of two nodes with a core each: (it, the second node)."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=node)
    second = made.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    made.wait_for_nodes()
    yield made, second
    made.shutdown()


def rows(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- without Ray


def test_what_is_listed_is_read_and_a_torn_line_is_taken_away(tmp_path):
    out = tmp_path / "words.jsonl"
    assert cluster.listed(out) == set()
    out.write_text('{"file": "/a.wav", "text": "one"}\n{"file": "/b.wav", "error": "no"}\n{"file": "/c.w')
    assert cluster.listed(out) == {"/a.wav", "/b.wav"} and out.read_text().endswith('"no"}\n')
    (tmp_path / "other").write_text("hello\n")
    with refused("out", ZooError):
        cluster.listed(tmp_path / "other")


def test_a_node_answers_for_each_of_its_files(recordings, monkeypatch):
    from zoo.decoding import Transcript

    class Model:
        config = type("Config", (), {"sample_rate": 16000})

        def transcribe(self, clips, rate):
            return [Transcript("seven", (), 0.9, len(clip) / rate) for clip in clips]

    monkeypatch.setattr(cluster, "_loaded", lambda model, runtime: Model())
    found = {row["file"]: row for row in cluster.answers([str(path) for path in recordings], "lstm_ctc", None, {})}
    assert set(found) == {str(path) for path in recordings}
    assert {os.path.basename(name) for name, row in found.items() if "error" in row} == {"bad.wav", "missing.wav"}
    assert cluster.answers([str(recordings[-1])], "lstm_ctc", None, {})[0]["error"]


def test_the_command_refuses_what_does_not_go_together(recordings, tmp_path):
    assert refusal("transcribe", recordings[0], "--cluster").argument == "out", MissingFileError
    clip, out = recordings[0], ("--out", tmp_path / "words.jsonl")
    assert refusal("transcribe", clip, *out, "--format", "srt", "--cluster").argument == "cluster"


@needs_ray
@pytest.mark.parametrize("address", ("here", "host:", "http://host:80"))
def test_bad_addresses_are_refused(address):
    with refused("cluster", ZooError), cluster.connected(address):
        pass


# --- two nodes


@needs_ray
@pytest.mark.slow
def test_nothing_is_lost_or_doubled_where_a_node_dies(recordings, two_nodes, tmp_path):
    made, second = two_nodes
    out = tmp_path / "words.jsonl"

    def kill():
        while not out.exists() or len(out.read_bytes().splitlines()) < 4:
            time.sleep(0.1)
        made.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    done = cluster.transcribe(recordings, out, runtime="litert", address=made.address, batch=2)
    killer.join(60)
    assert not killer.is_alive() and done.before == 0
    assert sorted(row["file"] for row in rows(out)) == sorted(map(str, recordings))
    assert {os.path.basename(name) for name in done.failed} == {"bad.wav", "missing.wav"}
    texts = {row["file"]: row["text"] for row in rows(out) if "text" in row}
    assert {texts[str(path)] for path in recordings[:24:3]} == {"seven"} and len(texts) == 24
    # A call that was stopped goes on: half of the lines are lost, the last in part.
    lines = out.read_text(encoding="utf-8").splitlines(keepends=True)
    out.write_text("".join(lines[:10]) + lines[10][:20], encoding="utf-8")
    done = cluster.transcribe(recordings, out, runtime="litert", address=made.address, batch=2)
    assert done.before == 10 and sorted(row["file"] for row in rows(out)) == sorted(map(str, recordings))


@needs_ray
@pytest.mark.slow
def test_the_command_on_this_machine(recordings, tmp_path):
    (tmp_path / "list.txt").write_text("\n".join(map(str, recordings[:3])))
    out = tmp_path / "words.jsonl"
    command = ("transcribe", tmp_path / "list.txt", recordings[4], "--runtime", "litert", "--out", out, "--cluster")
    assert run_json(*command)["answered"] == 4
    assert run_json(*command)["before"] == 4 and len(rows(out)) == 4


@pytest.fixture
def words(tmp_path) -> str:
    """Two words, tones, by three speakers."""
    lines = ["path,text,speaker"]
    for speaker in ("anna", "ben", "cleo"):
        for take, (word, hertz) in enumerate((("yes", 300), ("no", 800), ("yes", 320))):
            soundfile.write(tmp_path / f"{speaker}{take}.wav", np.sin(hertz * np.arange(4000) / 1300) / 3, 8000)
            lines.append(f"{speaker}{take}.wav,{word},{speaker}")
    (tmp_path / "words.csv").write_text("\n".join(lines) + "\n")
    return f"folder:all,source={tmp_path}/words.csv"


@needs_ray
@pytest.mark.slow
def test_folds_and_trials_run_on_nodes(words, two_nodes, tmp_path):
    pytest.importorskip("optuna")
    from experiments import crossval
    from zoo.training.tune import tune

    address, lines = two_nodes[0].address, []
    here = crossval.crossval("majority", tmp_path / "here", [words], log=lines.append)
    assert crossval.crossval("majority", tmp_path / "there", [words], cluster=address, log=lines.append) == here
    about = {"epochs": 1, "init": "none", "augmentation": None, "model_config": {"units": 4}}
    space = {"training.learning_rate": (1e-4, 1e-1)}
    options = {"validation": [words], "space": space, "cluster": address, "log": lines.append, **about}
    first = tune("simple_rnn", [words], tmp_path / "tuned", trials=2, **options)
    found = tune("simple_rnn", [words], tmp_path / "tuned", trials=4, **options)
    assert found["value"] <= first["value"] and (tmp_path / "tuned" / "best" / "best.weights.h5").exists()
    with open(tmp_path / "tuned" / "trials.csv") as file:
        assert len(file.readlines()) == 5
