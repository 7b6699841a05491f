"""zoo train and zoo evaluate: what they ask of the package, and a run from nothing to a transcript."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_runner import refusal, run, run_json

import zoo
from zoo.presets import Result

RATE = 16000


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """A data set of two words, six tones each."""
    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    for word, hertz in (("yes", 300), ("no", 800)):
        (folder / word).mkdir()
        for take in range(6):
            tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(12000) / RATE) + 0.01 * rng.standard_normal(12000)
            soundfile.write(folder / word / f"{take}.wav", tone, RATE)
    return folder


@pytest.fixture(scope="module")
def data(words) -> str:
    return f"folder:all,source={words}"


@pytest.fixture
def asked(monkeypatch) -> list:
    """What zoo.training.train is asked for; it is stopped by Ctrl-C at once."""
    from zoo import training

    calls = []

    def train(name, data, out, **settings):
        settings.pop("log")("epoch 1")
        calls.append((name, tuple(data), out, settings))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", train)
    return calls


def test_options_of_train_arrive(asked, tmp_path, monkeypatch):
    out = tmp_path / "r \u00fc 6"
    given = [
        "train",
        "conv2d",
        "--data",
        "fsdd",
        "--data",
        "spoken_digits=2",
        "--validation",
        "fsdd",
        "--out",
        str(out),
    ]
    given += [
        "--epochs",
        "3",
        "--batch-size",
        "8",
        "--learning-rate",
        "0.01",
        "--seed",
        "7",
        "--init",
        "none",
        "--freeze",
    ]
    given += [
        "--teacher",
        "lstm_ctc",
        "--no-augment",
        "--tensorboard",
        "--set",
        'labels=["ja", "nein"]',
        "--set",
        "dropout=0.4",
    ]
    given += ["--set", "training.warmup=0.1", "--set", "training.bucket_boundaries=[1, 2.5]"]
    monkeypatch.setattr(sys, "argv", ["zoo", *given])
    done = run(*given, code=130)
    settings = {
        "epochs": 3,
        "batch_size": 8,
        "learning_rate": 0.01,
        "seed": 7,
        "init": "none",
        "freeze": True,
        "resume": False,
    }
    settings |= {
        "validation": ("fsdd",),
        "teacher": "lstm_ctc",
        "augmentation": None,
        "tensorboard": True,
        "warmup": 0.1,
    }
    settings |= {"bucket_boundaries": [1, 2.5], "model_config": {"labels": ["ja", "nein"], "dropout": 0.4}}
    assert asked == [("conv2d", ("fsdd", "spoken_digits=2"), out, settings)] and "epoch 1" in done.stdout
    again = shlex.split(done.stderr.strip().splitlines()[-1].partition("zoo ")[2])
    assert again == [*given, "--resume"]
    run(*again, code=130)
    assert asked[1] == (*asked[0][:3], settings | {"resume": True})


def test_what_is_left_out_is_the_default_of_train(asked):
    run("train", "conv2d", "--data", "fsdd", "--out", "run", "--minutes", 2, code=130)
    assert asked == [
        ("conv2d", ("fsdd",), Path("run"), {"validation": (), "resume": False, "model_config": {}, "minutes": 2})
    ]


def test_train_a_language_model(data, tmp_path):
    (tmp_path / "book.txt").write_text("Oh yes,\nno.")
    book, out = f"text,source={tmp_path / 'book.txt'},wrapped=true", tmp_path / "lm"
    done = run(
        "train", "ngram_lm", "--data", data, "--out", out, "--set", "order=2", "--set", f"out_of_domain={book}"
    ).stdout
    assert shlex.split(done)[-1] == str(out / "model.arpa.gz") and (out / "model.arpa.gz").exists()
    request = json.loads((out / "run.json").read_text())
    assert request["settings"] == {"order": 2} and len(request["out_of_domain"]) == 1
    new = ("train", "ngram_lm", "--data", data, "--out", tmp_path / "new")
    for option in (("--resume",), ("--validation", data), ("--init", "none"), ("--freeze",), ("--no-augment",)):
        assert refusal(*new, *option).argument == "name"
    assert "seed" in str(refusal(*new, "--seed", 1)) and not (tmp_path / "new").exists()
    (found,) = run_json("evaluate", "ngram_lm", "--weights", out / "model.arpa.gz", "--data", data)
    assert found["metric"] == "perplexity" and 1 < found["value"] < 5 and found["utterances"] == 12
    assert refusal("evaluate", "ngram_lm", "--data", data, "--lexicon", "yes").argument == "lexicon"


def test_train_refuses_in_a_sentence(words, tmp_path):
    out, data = tmp_path / "run", f"folder:all,source={words}"
    assert "lstm_ctc" in str(refusal("train", "lstm_ctd", "--data", "an4", "--out", out))
    assert refusal("train", "lstm_ctc", "--data", "an4::", "--out", out).argument == "data"
    assert (
        refusal("train", "lstm_ctc", "--data", data, "--out", out, "--minutes", 1, "--epochs", 1).argument == "minutes"
    )
    assert "units" in str(refusal("train", "lstm_ctc", "--data", data, "--out", out, "--set", "unit=8"))
    assert "warmup" in str(refusal("train", "lstm_ctc", "--data", data, "--out", out, "--set", "training.warmups=0.1"))
    assert not out.exists()


@pytest.mark.slow
def test_train_evaluate_and_use(words, data, tmp_path, eager):
    out = tmp_path / "run"
    given = (
        "train",
        "conv2d_mini",
        "--data",
        data,
        "--validation",
        data,
        "--out",
        out,
        "--epochs",
        2,
        "--batch-size",
        4,
        "--no-augment",
    )
    line = run(*given).stdout.splitlines()[-1]
    assert shlex.split(line.partition("zoo ")[2])[-1] == str(out / "model.keras")
    assert {"run.json", "curves.csv", "curves.png", "best.weights.h5", "model.keras"} <= set(os.listdir(out))
    assert refusal(*given).argument == "out"
    assert run(*given, "--resume").stdout.splitlines()[-1] == line
    use = ("--weights", out / "model.keras")
    (found,) = run_json("classify", words / "yes" / "0.wav", "--model", "conv2d_mini", *use)
    assert set(found["probabilities"]) == {"no", "yes"}
    (score,) = run_json("evaluate", "conv2d_mini", "--data", data, *use, "--plot", tmp_path / "errors.png")
    model = zoo.load(out / "model.keras")
    right = sum(model.classify(path).label == path.parent.name for path in words.rglob("*.wav"))
    assert score["value"] == pytest.approx(100 * right / 12, abs=1e-3) and score["counts"] == {
        "correct": right,
        "clips": 12,
    }
    assert (tmp_path / "errors.png").stat().st_size > 10_000
    assert "accuracy" in run("evaluate", "conv2d_mini", "--data", data, *use).stdout


def test_evaluate_prints_one_schema(monkeypatch):
    calls, result = [], Result("an4", "test", "WER", 5.0, 4.0, 6.0, 130, 773, counts={"hits": 700})
    monkeypatch.setattr("zoo.cli._loading.load_model", lambda name, weights, runtime: name)
    monkeypatch.setattr(
        zoo, "evaluate", lambda model, *data, log, **options: calls.append((model, data, options)) or [result]
    )
    (found,) = run_json("evaluate", "lstm_ctc", "--data", "an4", "--data", "fsdd", "--alpha", 0.5, "--lexicon", "a b")
    assert calls == [("lstm_ctc", ("an4", "fsdd"), {"alpha": 0.5, "lexicon": ["a", "b"]})]
    assert found["metric"] == "WER" and found["counts"] == {"hits": 700} and found["value"] == 5
    assert "4.00 to 6.00" in run("evaluate", "lstm_ctc", "--data", "an4").stdout
    run("evaluate", "speaker_id", "--data", "fsdd", "--verify")
    assert calls[-1][2] == {"verify": True}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_says_how_to_resume(data, tmp_path):
    command = [
        "train",
        "conv2d_mini",
        "--data",
        data,
        "--out",
        str(tmp_path / "run"),
        "--epochs",
        "3000",
        "--no-augment",
    ]

    def listen():  # a shell that runs these tests in the background has told its children to ignore Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipe = subprocess.PIPE
    running = subprocess.Popen(
        [sys.executable, "-m", "zoo.cli", *command], stdout=pipe, stderr=pipe, text=True, preexec_fn=listen
    )
    try:
        for line in running.stdout:
            if line.startswith("epoch 2"):
                running.send_signal(signal.SIGINT)
                break
        _, errors = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 130 and "Traceback" not in errors
    assert shlex.split(errors.strip().splitlines()[-1].partition("zoo ")[2]) == [*command, "--resume"]
