"""Many recordings on a cluster: each file once, whatever stops in between. Two nodes are two sets of processes on this machine."""

import importlib.util
import json
import os
import shutil
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_runner import refusal, run_json
from conftest import refused

import zoo
from zoo import cluster
from zoo.cli.transcribe import named_in
from zoo.errors import DataError, MissingFileError, TooLongError, ZooError

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


@contextmanager
def made_of_two():
    """A cluster of two nodes with a core each: (it, the second node). A node takes seconds, so tests share one."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_log_monitor": False}
    made = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False, "no_monitor": True})
    second = made.add_node(**node)
    made.wait_for_nodes()
    yield made, second
    made.shutdown()


@pytest.fixture(scope="module")
def nodes():
    """Connected once, since workers start anew for each connection."""
    with made_of_two() as made, cluster.connected(made[0].address):
        yield made


def rows(path) -> list[dict]:
    """What was written, read as others read it."""
    if path.suffix == ".parquet":
        return pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- without Ray


def test_lines_that_are_there_are_known_and_a_torn_one_is_taken_away(tmp_path):
    out = tmp_path / "words.jsonl"
    with closing(cluster.Lines(out)) as table:
        assert table.known == set()
    out.write_text('{"file": "/a.wav", "text": "one"}\n{"file": "/b.wav", "error": "no"}\n{"file": "/c.w')
    with closing(cluster.Lines(out)) as table:
        assert table.known == {"/a.wav", "/b.wav"} and out.read_text().endswith('"no"}\n')
    with closing(cluster.Lines(out)) as table:
        table.add([{"file": "/caf\udce9.wav"}])  # a name that is no UTF-8
    with closing(cluster.Lines(out)) as table:
        assert "/caf\udce9.wav" in table.known
    (tmp_path / "other").write_text("hello\n")
    with refused("out", ZooError):
        cluster.Lines(tmp_path / "other")


def test_parts_are_one_table_of_which_nothing_is_written_twice(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(cluster, "ROWS", 4)
    out = tmp_path / "words.parquet"
    word = {"text": "one", "start": 0.1, "end": 0.4, "confidence": 0.9}
    whole = {"text": "one", "words": [word], "confidence": 0.9, "duration": 1.0, "alternatives": [], "doubtful": False}
    with closing(cluster.Parts(out)) as table:
        for i in range(3):
            table.add([{"file": f"/{i}a", **whole}, {"file": f"/{i}b", "error": "no sound"}])
    (out / "_partial").write_bytes(b"PAR1")  # of a process that was killed
    with closing(cluster.Parts(out)) as table:
        assert table.known == {f"/{i}{kind}" for i in range(3) for kind in "ab"}
        table.add([{"file": "/3a", **whole, "words": []}])
    assert sorted(path.name for path in out.glob("part*")) == [f"part-0000{i}.parquet" for i in range(3)]
    found = parquet.read_table(out).to_pylist()
    assert [row["file"] for row in found] == [f"/{i}{kind}" for i in range(3) for kind in "ab"] + ["/3a"]
    assert found[0]["words"] == [word] and found[0]["error"] is None and found[1]["error"] == "no sound"
    (tmp_path / "file.parquet").write_text("hello")
    (tmp_path / "notes.parquet").mkdir()
    (tmp_path / "notes.parquet" / "notes.txt").write_text("hello")
    for other in ("file", "notes"):
        with refused("out", ZooError):
            cluster.Parts(tmp_path / f"{other}.parquet")


def test_lists_name_recordings(tmp_path):
    table, lines = tmp_path / "all.csv", tmp_path / "all.txt"
    table.write_text('speaker,path\nanna,a.wav\nben,"b, c.wav"\ncleo, \ndora,/d.wav\n', encoding="utf-8-sig")
    assert named_in(table) == [tmp_path / "a.wav", tmp_path / "b, c.wav", Path("/d.wav")]
    lines.write_text("a.wav\n\n/d.wav\n")
    assert named_in(lines) == [Path("a.wav"), Path("/d.wav")]
    for content in (b"", b"name\na.wav\n", b"path\n\xff\n"):
        table.write_bytes(content)
        with pytest.raises(DataError):
            named_in(table)


def test_a_node_answers_for_each_of_its_files(recordings, monkeypatch):
    from zoo.decoding import Transcript

    class Model:
        config = type("Config", (), {"sample_rate": 16000})

        def transcribe(self, clips, rate):
            if any(len(clip) > 2 * rate for clip in clips):
                raise TooLongError("`audio` must last at most 2 s.")
            return [Transcript("seven", (), 0.9, len(clip) / rate) for clip in clips]

    monkeypatch.setattr(cluster, "_loaded", lambda model, runtime: Model())
    found = {row["file"]: row for row in cluster.answers([str(path) for path in recordings], "lstm_ctc", None, {})}
    assert set(found) == {str(path) for path in recordings}
    bad = {os.path.basename(name) for name, row in found.items() if "error" in row}
    assert bad == {
        "bad.wav",
        "missing.wav",
        *(f"{i:02}.wav" for i in range(24) if i % 3),
    }  # one is too long, others not
    assert cluster.answers([str(recordings[-1])], "lstm_ctc", None, {})[0]["error"]


def test_a_batch_that_kills_is_done_file_by_file(monkeypatch):
    def in_any_order(function, calls, lost):
        for call in calls:
            if "killer" in call[0]:
                lost.append(call)
            else:
                yield [{"file": file} for file in call[0]]

    monkeypatch.setattr(cluster, "in_any_order", in_any_order)
    batches = [(["a", "killer", "b"], "model", None, {}), (["c", "d"], "model", None, {})]
    found = {row["file"]: "error" in row for rows in cluster._answered(batches) for row in rows}
    assert found == {"a": False, "b": False, "c": False, "d": False, "killer": True}


def test_the_command_refuses_what_does_not_go_together(recordings, tmp_path):
    assert refusal("transcribe", recordings[0], "--cluster").argument == "out", MissingFileError
    clip, out = recordings[0], ("--out", tmp_path / "words.jsonl")
    assert refusal("transcribe", clip, *out, "--format", "srt", "--cluster").argument == "cluster"


@needs_ray
def test_a_cluster_of_this_machine_has_no_dashboard(monkeypatch):
    import ray

    asked = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **how: asked.append((how["address"], how["include_dashboard"])))
    monkeypatch.setattr(ray, "shutdown", lambda: asked.append("end"))
    with cluster.connected():
        assert asked == [("local", False)]
    assert asked[1:] == ["end"]


@needs_ray
@pytest.mark.parametrize("address", ("here", "host:", "http://host:80"))
def test_bad_addresses_are_refused(address):
    with refused("cluster", ZooError), cluster.connected(address):
        pass


# --- two nodes


@needs_ray
@pytest.mark.slow
def test_what_kills_its_process_is_told_apart_from_an_error(nodes, monkeypatch):
    monkeypatch.setattr(cluster, "RETRIES", 0)

    def risky(number):
        if number == 3:
            os._exit(1)
        if number == 4:
            raise ZooError("`number` must be right.")
        return number

    lost = []
    assert sorted(cluster.in_any_order(risky, [(n,) for n in range(4)], lost)) == [0, 1, 2] and lost == [(3,)]
    with refused("cluster"):
        list(cluster.in_any_order(risky, [(3,)]))
    with refused("number"):
        list(cluster.in_any_order(risky, [(4,)], lost))


@needs_ray
@pytest.mark.slow
def test_the_command_reads_lists_and_goes_on(recordings, nodes, tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "list.txt").write_text("\n".join(map(str, recordings[:3])))
    (tmp_path / "list.csv").write_text("\n".join(["path", *(path.name for path in recordings[:3])]))
    for table, out in (("list.txt", "words.jsonl"), ("list.csv", "words.parquet")):
        out = tmp_path / out
        command = ("transcribe", tmp_path / table, recordings[4], "--runtime", "litert", "--out", out, "--cluster")
        assert run_json(*command)["answered"] == 4
        assert run_json(*command)["before"] == 4
        found = {row["file"]: row["text"] for row in rows(out)}
        assert len(rows(out)) == 4 and found[str(recordings[0])] == "seven"


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
def test_folds_and_trials_run_on_nodes(words, nodes, tmp_path):
    pytest.importorskip("optuna")
    from experiments import crossval
    from zoo.training.tune import tune

    address, lines = nodes[0].address, []
    here = crossval.crossval("majority", tmp_path / "here", [words], log=lines.append)
    assert crossval.crossval("majority", tmp_path / "there", [words], cluster=address, log=lines.append) == here
    about = {"epochs": 1, "init": "none", "augmentation": None, "model_config": {"units": 4}}
    space = {"training.learning_rate": (1e-4, 1e-1)}
    options = {"validation": [words], "space": space, "cluster": address, "log": lines.append, **about}
    first = tune("simple_rnn", [words], tmp_path / "tuned", trials=1, **options)
    found = tune("simple_rnn", [words], tmp_path / "tuned", trials=2, **options)
    assert found["value"] <= first["value"] and (tmp_path / "tuned" / "best" / "best.weights.h5").exists()
    with open(tmp_path / "tuned" / "trials.csv") as file:
        assert len(file.readlines()) == 3


@needs_ray
@pytest.mark.slow
def test_nothing_is_lost_or_doubled_where_a_node_dies(recordings, nodes, tmp_path):
    made, second = nodes
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
