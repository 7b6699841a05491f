"""The command line as a whole, and its commands about models, data sets and the page."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_runner import process, refusal, run, run_json

import zoo
from zoo import backend
from zoo.cli import _loading, _options, main
from zoo.cli._errors import progress

RATE = 16000
HEAVY = ("numpy", "keras", "tensorflow", "jax", "librosa", "matplotlib", "pydantic")


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """A data set of two words, two tones each."""
    folder = tmp_path_factory.mktemp("words")
    for word, hertz in (("yes", 300), ("no", 800)):
        (folder / word).mkdir()
        for take in range(2):
            soundfile.write(folder / word / f"{take}.wav", 0.3 * np.sin(hertz / 2500 * np.arange(12000)), RATE)
    return folder


# --- all commands


def test_every_command_has_an_example():
    for name, command in main.commands.items():
        assert command.name == name
        text = run(name, "--help").stdout
        assert "Example:" in text and f"zoo {name}" in text
    assert zoo.__version__ in run("--version").stdout
    assert all(name in run("--help").stdout for name in main.commands)


def test_options_mean_one_thing():
    """An option has the same type and the same kind of value in every command that has it."""
    kinds = {}
    for command in main.commands.values():
        for option in command.params:
            kinds.setdefault(option.name, set()).add(
                (type(option.type), option.is_flag if hasattr(option, "is_flag") else 0)
            )
    assert not {name: kind for name, kind in kinds.items() if len(kind) > 1}
    assert sum(option.opts[0].startswith("--") for option in main.commands["train"].params) <= 18


def test_help_and_list_are_light():
    for arguments in (["list"], ["--help"], ["transcribe", "--help"], ["train", "--help"]):
        code = f"import sys; from zoo.cli import main; main({arguments}, standalone_mode=False); print([m for m in {HEAVY} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]", arguments


@pytest.mark.slow
def test_transcribe_imports_no_more_than_it_needs():
    code = (
        "import sys, keras, tensorflow; before = set(sys.modules)\n"
        "from zoo.cli import main\n"
        "main(['transcribe', str(__import__('zoo').audio.bundled('seven'))], standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new = json.loads(done.stdout.splitlines()[-1].replace("'", '"'))
    assert not {"librosa", "sklearn", "pandas", "pydantic", "matplotlib", "gradio", "jiwer", "rich"} & set(new)


@pytest.mark.slow
def test_an_answer_comes_without_what_tensorflow_logs():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    command = [sys.executable, "-m", "zoo.cli", "classify", str(zoo.audio.bundled("seven")), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert json.loads(done.stdout) and not done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_full_disk_behind_stdout():
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "zoo.cli", "list"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("Error: ")


def test_own_mistakes_are_a_sentence_unless_a_traceback_is_asked_for(monkeypatch):
    def card(name):
        raise KeyError("units")

    monkeypatch.setattr(zoo, "card", card)
    with pytest.raises(KeyError):
        main(["info", "lstm_ctc"], standalone_mode=False)
    monkeypatch.delenv("ZOO_TRACEBACK")
    assert "ZOO_TRACEBACK" in str(refusal("info", "lstm_ctc")) and "KeyError" in str(refusal("info", "lstm_ctc"))
    monkeypatch.setattr(zoo, "card", lambda name: np.zeros(10**18))
    assert "memory" in str(refusal("info", "lstm_ctc"))


def test_a_backend_that_is_not_there(monkeypatch):
    clip = zoo.audio.bundled("seven")
    monkeypatch.setenv("KERAS_BACKEND", "jacks")
    assert "jax" in str(refusal("transcribe", clip))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    assert refusal("transcribe", clip).argument == "KERAS_BACKEND"
    monkeypatch.delenv("KERAS_BACKEND")
    assert refusal("transcribe", clip).argument == "runtime"


def test_what_is_empty_or_no_number_is_a_usage_error():
    """As with `--weights "$WEIGHTS"` where no such variable is set."""
    clip = zoo.audio.bundled("seven")
    for arguments in (
        ("transcribe", ""),
        ("classify", clip, "--weights", ""),
        ("transcribe", clip, "--language-model", ""),
        ("train", "lstm_ctc", "--data", "an4", "--out", "run", "--init", ""),
        ("data", ""),
        ("listen", clip, "--seconds", "inf"),
        ("transcribe", clip, "--alpha", "nan"),
        ("map", "vae", "--data", "fsdd"),
        ("nothing",),
    ):
        run(*arguments, code=2)


def test_files_are_checked_before_the_work(tmp_path):
    clip = zoo.audio.bundled("seven")
    (tmp_path / "a.png").mkdir()
    for path in (tmp_path / "x.gif", tmp_path / "none" / "x.png", tmp_path / "a.png"):
        for command in (("transcribe", clip), ("classify", clip), ("align", clip, "seven"), ("reconstruct", clip)):
            assert refusal(*command, "--plot", path).argument == "plot"
        assert refusal("evaluate", "conv2d", "--data", "fsdd", "--plot", path).argument == "plot"
    assert os.listdir(tmp_path) == ["a.png"]


def test_models_are_checked_by_their_cards(monkeypatch):
    """Before Keras is imported."""
    clip = zoo.audio.bundled("seven")
    monkeypatch.setattr(_loading, "importing", lambda: pytest.fail("a model is loaded"))
    for arguments in (
        ("transcribe", clip, "--model", "conv2d"),
        ("listen", clip, "--model", "ds_cnn.fsdd"),
        ("align", clip, "seven", "--model", "ngram_lm"),
        ("classify", clip, "--model", "lstm_ctc"),
        ("classify", clip, "--model", "lstm+lstm_ctc"),
        ("few-shot", clip.parent, clip, "--model", "lstm_ctc"),
        ("search", clip, clip, "--model", "lstm_lm"),
        ("reconstruct", clip, "--model", "conv2d"),
        ("denoise", clip, "--out", "x.wav", "--model", "vae"),
        ("map", "lstm_ctc", "--data", "fsdd", "--plot", "x.png"),
        ("evaluate", "lstm_ctc", "--data", "an4", "--verify"),
        ("evaluate", "lstm_ctc", "--data", "an4", "--plot", "x.png"),
        ("export", "ngram_lm", "--format", "onnx", "--out", "x.onnx"),
    ):
        assert refusal(*arguments).argument == "model", arguments
    for arguments in (("info", "LSTM_CTC"), ("list", "lstn_ctc"), ("transcribe", clip, "--model", "lstm_ctd")):
        assert "lstm_ctc" in str(refusal(*arguments))
    assert refusal("classify", clip, "--weights", "none.keras").argument == "weights"
    run("export", "lstm", "--format", "onxx", "--out", "x.onnx", code=2)


def test_pairs():
    assert _options.pairs(["a=2", "b=x=y", 'c=["d"]']) == {"a": 2, "b": "x=y", "c": ["d"]}
    assert refusal("train", "lstm", "--data", "fsdd", "--out", "run", "--set", "units").argument == "set"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_that_python_drops_is_not_lost(capsys):
    """Within an import or a callback of the garbage collector its exception is printed and ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), _loading.importing(), suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(SystemExit) as stopped, progress("Stopped.") as log:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            log("one line")
            pytest.fail("not stopped")
        assert stopped.value.code == 130 and "Stopped." in capsys.readouterr().err
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


# --- list, info, data, export


def test_a_detector_is_a_model_of_sound():
    assert [about["name"] for about in run_json("list", "--task", "detection")] == ["vad"]
    _loading.check_can("vad", _loading.SOUND, "a model of sound")


def test_list_and_info():
    found = run_json("list", "*ctc*")
    assert [item["name"] for item in found] == zoo.list_models("*ctc*")
    assert {item["task"] for item in run_json("list", "--task", "classification")} == {"classification"}
    run("list", "--task", "langage", code=2)
    assert run_json("info", "conv2d.fsdd") == run_json("list", "conv2d")[0]  # one schema
    assert run_json("info", "conv2d")["full_name"] == "conv2d.fsdd" and run_json("info", "conv2d")["size"] > 0
    text = run("list").stdout
    assert all(name in text for name in zoo.list_models()) and "lstm_ctc.an4" in text and "% WER an4:test" in text
    assert zoo.card("lstm_ctc").sources[0]["url"] in run("info", "lstm_ctc").stdout


def test_list_shows_an_architecture_without_a_card(monkeypatch):
    monkeypatch.setattr("zoo.presets.architectures", lambda: ["newest"])
    assert "newest" in run("list").stdout and {"name": "newest", "full_name": "newest"} in run_json("list", "newest")


def test_data(words):
    names = [entry["name"] for entry in run_json("data")]
    assert {"an4", "connected_digits", "fsdd", "synthetic", "folder"} <= set(names)
    assert all(name in run("data").stdout for name in names)
    spec = f"folder:all,source={words}"
    about = run_json("data", spec)
    assert about["utterances"] == about["words"] == 4
    assert about["first"][0] == {"id": "no/0.wav", "speaker": "", "text": "no"}
    assert "no/0.wav" in run("data", spec).stdout
    assert "an4" in str(refusal("data", "AN5")) and "test" in str(refusal("data", "an4:tset"))
    assert refusal("data", "an4::").argument == "data"


@pytest.mark.slow
def test_export(small_model, here, tmp_path):
    small_model.save(tmp_path / "small.keras")
    given = (
        "export",
        "lstm_ctc",
        "--format",
        "savedmodel",
        "--out",
        tmp_path / "m",
        "--weights",
        tmp_path / "small.keras",
    )
    assert run_json(*given)["bytes"] > 10_000
    assert (tmp_path / "m" / "saved_model.pb").exists() and str(tmp_path / "m") in run(*given).stdout


# --- demo


def test_demo_opens_the_page(monkeypatch, tmp_path):
    """What is then served is tests/test_demo.py's."""
    pytest.importorskip("gradio")
    from zoo.demo.page import FOLDER, HOST, PORT

    page, asked = sys.modules["zoo.demo.page"], []
    monkeypatch.setattr(page, "serve", lambda *given, **more: asked.append(given))
    monkeypatch.setattr(page, "check_address", lambda *given: socket.socket())
    run("demo")
    run("demo", "--port", 8000, "--host", "::1", "--browser", "--data-folder", tmp_path)
    assert asked == [(HOST, PORT, Path(FOLDER), False), ("::1", 8000, tmp_path, True)]


def test_demo_refuses_before_keras_is_loaded(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zoo.cli.demo.importing", lambda: pytest.fail("Keras is loaded"))
    assert refusal("demo", "--data-folder", Path(__file__)).argument == "folder"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "speech-zoo[demo]" in str(refusal("demo"))
    assert not os.listdir(tmp_path)


@pytest.mark.slow
def test_python_m():
    assert process("list", "--json", check=True).stdout.startswith("[")
