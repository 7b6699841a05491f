"""The command line: what it prints, and that whatever is wrong ends as one sentence with exit code 1."""

import csv
import json
import os
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import zoo
from zoo import cli, training

ROOT = Path(__file__).parent.parent
RATE = 16000


def run(*arguments, code: int = 0):
    """Run `zoo arguments` in this process; returns the result of click's runner."""
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    unexpected = result.exception if not isinstance(result.exception, SystemExit) else None
    assert unexpected is None, repr(unexpected)
    assert result.exit_code == code, result.output
    return result


def sentence(*arguments) -> str:
    """The one sentence with which `zoo arguments` fails."""
    lines = run(*arguments, code=1).stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: ")
    return lines[0].removeprefix("Error: ")


def process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli", *map(str, arguments)], capture_output=True, text=True, **options
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A small untrained model as a .keras file."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    zoo.load("lstm_ctc", weights=None, units=8, layers=1).save(path)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """A folder of three recordings, one of them a FLAC file, and a text."""
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for name, rate, seconds in (("b.wav", 8000, 1.0), ("a.flac", 44100, 0.7), ("c.WAV", RATE, 1.6)):
        soundfile.write(folder / name, 0.1 * rng.standard_normal(int(rate * seconds)), rate)
    (folder / "notes.txt").write_text("not a recording")
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """A data set of one's own: two words, six tones each."""
    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    for word, hertz in (("yes", 300), ("no", 800)):
        (folder / word).mkdir()
        for take in range(6):
            tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(12000) / RATE) + 0.01 * rng.standard_normal(12000)
            soundfile.write(folder / word / f"{take}.wav", tone, RATE)
    return folder


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory) -> Path:
    """A small untrained autoencoder as a .keras file."""
    path = tmp_path_factory.mktemp("model") / "autoencoder.keras"
    zoo.load("autoencoder_mini", weights=None).save(path)
    return path


# --- all commands


def test_every_command_has_an_example():
    for name in cli.main.commands:
        text = run(name, "--help").stdout
        assert "Example:" in text and f"zoo {name}" in text
    assert "Example:" in run("--help").stdout
    assert zoo.__version__ in run("--version").stdout


def test_list_is_quick_and_light():
    code = (
        "import sys; from zoo.cli import main; main(['list'], standalone_mode=False);"
        "print([m for m in ('numpy', 'keras', 'tensorflow', 'jax', 'librosa', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        assert "lstm_ctc" in process("list", check=True).stdout
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_full_disk_behind_stdout():
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "zoo.cli", "list"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "Error: No space left on device.\n"


# --- list, info, data


def test_list():
    assert "lstm_ctc" in run("list").stdout
    models = json.loads(run("list", "*ctc", "--json").stdout)
    assert [model["name"] for model in models] == zoo.list_models("*ctc")
    assert models[0]["task"] == "transcription"
    assert "no model named 'lstn_ctc': did you mean lstm_" in sentence("list", "lstn_ctc")


def test_info():
    about = json.loads(run("info", "lstm_ctc", "--json").stdout)
    assert about["name"] == "lstm_ctc" and about["sample_rate"] == RATE
    text = run("info", "lstm_ctc").stdout
    assert "16,000 Hz" in text and about["sources"][0]["url"] in text
    assert "did you mean lstm_" in sentence("info", "lstm_ct")


def test_data(words):
    names = [entry["name"] for entry in json.loads(run("data", "--json").stdout)]
    assert {"an4", "connected_digits", "fsdd", "synthetic", "folder"} <= set(names)
    text = run("data").stdout
    assert all(name in text for name in names)

    about = json.loads(run("data", "folder", "--split", "all", "--source", words, "--minutes", "--json").stdout)
    assert about["utterances"] == 12 and about["words"] == 12 and len(about["first"]) == 5
    assert about["minutes"] == pytest.approx(12 * 12000 / RATE / 60, abs=0.01)
    assert about["first"][0] == {"id": "no/0.wav", "speaker": "", "text": "no"}
    assert "no/0.wav" in run("data", "folder", "--split", "all", "--source", words).stdout

    assert "did you mean an4?" in sentence("data", "an5")
    assert "did you mean test?" in sentence("data", "an4", "--split", "tset")
    assert "is written NAME=VALUE" in sentence("data", "synthetic", "--option", "count")
    assert "there is no" in sentence("data", "folder", "--source", words / "none")
    assert "for one data set; received no name" in sentence("data", "--split", "test", "--source", "nowhere")
    assert "--source have places of their own" in sentence("data", "folder", "--option", f"source={words}")


# --- transcribe


def test_transcribe_a_file(saved, clips):
    model = zoo.load(str(saved))
    wanted = model.transcribe(clips / "c.WAV")
    assert run("transcribe", clips / "c.WAV", "--weights", saved).stdout == wanted.text + "\n"
    (found,) = json.loads(run("transcribe", clips / "c.WAV", "--weights", saved, "--json").stdout)
    assert found["file"] == str(clips / "c.WAV") and found["text"] == wanted.text
    assert [word["text"] for word in found["words"]] == [word.text for word in wanted.words]
    assert all(0 <= word["start"] < word["end"] <= found["duration"] for word in found["words"])


def test_transcribe_a_folder_in_order(saved, clips):
    found = json.loads(run("transcribe", clips, "--weights", saved, "--json").stdout)
    assert [Path(entry["file"]).name for entry in found] == ["a.flac", "b.wav", "c.WAV"]
    model = zoo.load(str(saved))
    assert [entry["text"] for entry in found] == [model.transcribe(entry["file"]).text for entry in found]
    lines = run("transcribe", clips, "--weights", saved).stdout.splitlines()
    assert lines == [f"{entry['file']}\t{entry['text']}" for entry in found]


def test_transcribe_draws(saved, clips, tmp_path):
    run("transcribe", clips / "b.wav", "--weights", saved, "--plot", tmp_path / "one.png")
    assert os.listdir(tmp_path) == ["one.png"]
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    run("transcribe", clips, "--weights", saved, "--plot", tmp_path / "all.svg")
    assert sorted(os.listdir(tmp_path)) == ["all-1-a.svg", "all-2-b.svg", "all-3-c.svg", "one.png"]


def bad_recordings(folder: Path) -> dict[str, str]:
    """File name -> part of the sentence about it."""
    soundfile.write(folder / "good.wav", 0.1 * np.ones(RATE), RATE)
    whole = (folder / "good.wav").read_bytes()
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("hello, hello")
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    for name, samples, rate in (("none.wav", [], RATE), ("one.wav", [0.5], RATE), ("slow.wav", np.zeros(9), 1),
                                ("fast.wav", np.zeros(9000), 10_000_000)):  # fmt: skip
        soundfile.write(folder / name, np.asarray(samples, "float32"), rate)
    soundfile.write(folder / "nan.wav", np.full(RATE, np.nan, "float32"), RATE, subtype="FLOAT")
    os.remove(folder / "good.wav")
    return {
        "missing.wav": "there is none at", "empty.wav": "is an empty file", "text.wav": "not readable",
        "cut.wav": "holds what its headers promise", "none.wav": "has 0 samples", "one.wav": "has 1 samples",
        "slow.wav": "is 1.", "fast.wav": "is 10000000.", "nan.wav": "NaN or infinite",
    }  # fmt: skip


def test_listen(clips, saved, tmp_path, monkeypatch):
    path = tmp_path / "stream.keras"
    zoo.load("lstm_ctc_stream", weights=None, units=8, layers=1).save(path)
    said = run("listen", clips / "b.wav", "--weights", path, "--json").stdout
    heard = [json.loads(line) for line in said.splitlines()]
    assert heard[-1]["last"] and not any(one["last"] for one in heard[:-1])
    assert heard[-1]["seconds"] == pytest.approx(soundfile.info(clips / "b.wav").duration, abs=1e-3)
    lines = run("listen", clips / "b.wav", "--weights", path, "--chunk", 0.05).stdout.splitlines()
    assert [line.split("\t")[1] for line in lines] == heard[-1]["text"].split()
    assert "needs the whole recording" in sentence("listen", clips / "b.wav", "--model", "lstm_ctc", "--weights", saved)
    assert "there is none at" in sentence("listen", tmp_path / "none.wav")
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert "microphone" in sentence("listen", "--weights", path)


def test_decoders(saved, clips, words, tmp_path):
    heard = ("transcribe", clips / "b.wav", "--weights", saved)
    (found,) = json.loads(run(*heard, "--allow", "yes,no", "--beam-width", 4, "--json").stdout)
    assert set(found["text"].split()) <= {"yes", "no"}
    assert run(*heard, "--language-model", "ngram_lm").exit_code == 0
    assert run(*heard, "--language-model", "ngram_lm", "--gamma", 0.3).exit_code == 0
    assert "finite numbers; received" in sentence(*heard, "--gamma", "nan")
    data = f"folder:all,source={words}"
    run("train", "ngram_lm", "--data", data, "--out", tmp_path / "lm", "--set", "order=2")
    assert run(*heard, "--language-model", tmp_path / "lm" / "model.arpa.gz").exit_code == 0
    about = json.loads(
        run("evaluate", "ngram_lm", "--weights", tmp_path / "lm" / "model.arpa.gz", "--data", data, "--json").stdout
    )
    assert about[0]["metric"] == "perplexity" and 1 < about[0]["value"] < 5 and about[0]["utterances"] == 12
    assert "did you mean ngram_lm?" in sentence(*heard, "--language-model", "ngram")
    assert "decodes nothing" in sentence("evaluate", "ngram_lm", "--data", data, "--allow", "yes")
    assert "model that hears" in sentence("transcribe", clips / "b.wav", "--model", "ngram_lm")
    assert "no setting of ngram_lm named 'seed'" in sentence(
        "train", "ngram_lm", "--data", data, "--out", tmp_path / "x", "--seed", 1
    )
    assert "learns in a moment" in sentence("train", "ngram_lm", "--data", data, "--out", tmp_path / "x", "--resume")
    (tmp_path / "book.txt").write_text("Oh yes,\nno.")
    book = f"text,source={tmp_path / 'book.txt'},wrapped=true"
    run("train", "ngram_lm", "--data", data, "--background", book, "--out", tmp_path / "with")
    assert json.loads((tmp_path / "with" / "run.json").read_text())["background"] == [
        book.replace("text,", "text:all,")
    ]
    assert "is of texts" in sentence("train", "conv2d", "--data", data, "--background", book, "--out", tmp_path / "x")
    run("train", "lstm_lm", "--data", data, "--out", tmp_path / "net", "--set", "units=4", "--epochs", 2)
    assert run(*heard, "--language-model", tmp_path / "net" / "model.weights.h5").exit_code == 0


def test_weights_of_a_search_are_tuned_with_and_without_a_prior(saved, words, monkeypatch, capsys):
    """benchmarks/decoding.py: other weights than the bundled ones have no prior on the card, so no gamma."""
    tune = runpy.run_path(str(ROOT / "benchmarks" / "decoding.py"))["main"]
    asked = ["decoding.py", "tune", "--data", f"folder:all,source={words}", "--language-model", "ngram_lm"]
    for more, gammas in ((["--weights", str(saved)], {"0"}), ([], {"0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"})):
        monkeypatch.setattr(sys, "argv", asked + more)
        assert tune() == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  alpha")]
        errors = [float(line.split()[-1]) for line in lines]
        assert {line.split()[5] for line in lines} == gammas and np.isfinite(errors).all()
        assert len(set(lines)) == len(lines) >= len(gammas) + 4 + 5  # the other betas and alphas, if none moves


def test_align(saved, clips, tmp_path):
    found = json.loads(
        run("align", clips / "b.wav", "A b", "--weights", saved, "--plot", tmp_path / "x.png", "--json").stdout
    )
    assert [word["text"] for word in found["words"]] == ["a", "b"] and (tmp_path / "x.png").stat().st_size > 10_000
    assert "confidence" in run("align", clips / "b.wav", "a b", "--weights", saved).stdout
    assert "has words in it" in sentence("align", clips / "b.wav", " ", "--weights", saved)
    assert "b.wav has" in sentence("align", clips / "b.wav", "ab" * 99, "--weights", saved)


def test_bad_recordings_are_a_sentence_each(tmp_path):
    for name, part in bad_recordings(tmp_path).items():
        # Said without loading a model: there is no such file of weights.
        assert part in sentence("transcribe", tmp_path / name)


def test_an_empty_folder_is_a_sentence(tmp_path):
    assert "must hold .wav" in sentence("transcribe", tmp_path)


def test_a_bad_recording_stops_no_good_one(saved, clips, tmp_path):
    bad = bad_recordings(tmp_path)
    shutil.copy(clips / "b.wav", tmp_path / "good.wav")
    result = run("transcribe", tmp_path, tmp_path / "missing.wav", clips / "c.WAV", "--weights", saved, code=1)
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [str(tmp_path / "good.wav"), str(clips / "c.WAV")]  # fmt: skip
    complaints = result.stderr.splitlines()
    assert len(complaints) == len(bad) and all(line.startswith("Error: ") for line in complaints)


def test_silence_is_no_error(tmp_path, saved):
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    (found,) = json.loads(run("transcribe", tmp_path / "silence.wav", "--weights", saved, "--json").stdout)
    assert np.isfinite(found["confidence"])


def test_models_that_must_not_be_loaded(clips, saved, tmp_path):
    clip = clips / "b.wav"
    assert "did you mean lstm_" in sentence("transcribe", clip, "--model", "lstm_ctd")
    assert "there is no file" in sentence("transcribe", clip, "--weights", tmp_path / "none.keras")
    (tmp_path / "text.weights.h5").write_text("no weights")
    assert "does not fit lstm_ctc" in sentence("transcribe", clip, "--weights", tmp_path / "text.weights.h5")
    (tmp_path / "half.keras").write_bytes(saved.read_bytes()[:1000])
    assert "half.keras is damaged" in sentence("transcribe", clip, "--weights", tmp_path / "half.keras")

    import keras

    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2)]).save(tmp_path / "code.keras")
    assert "code.keras was refused" in sentence("transcribe", clip, "--weights", tmp_path / "code.keras")
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    assert "must hold a zoo model" in sentence("transcribe", clip, "--weights", tmp_path / "other.keras")


def test_pictures_that_cannot_be_written(clips, tmp_path):
    assert "must end in .png, .svg, .pdf" in sentence("transcribe", clips, "--plot", tmp_path / "x.gif")
    assert "there is no" in sentence("transcribe", clips, "--plot", tmp_path / "none" / "x.png")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="file sizes are limited by POSIX")
def test_full_disk_leaves_no_half_picture(saved, clips, tmp_path):
    import resource

    done = process(
        "transcribe", clips / "b.wav", "--weights", saved, "--plot", tmp_path / "x.png",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: ") and "Traceback" not in done.stderr
    assert not os.listdir(tmp_path)


# --- classify


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """name -> an untrained model of that name for the two words, as a .keras file."""
    folder = tmp_path_factory.mktemp("classifiers")

    def get(name, **changes) -> Path:
        path = folder / f"{name}.keras"
        if not path.exists():
            zoo.load(name, weights=None, **{"labels": ("yes", "no", "go")} | changes).save(path)
        return path

    return get


def test_classify(classifier, clips):
    weights = classifier("conv2d_mini")
    given = ("classify", clips, "--model", "conv2d_mini", "--weights", weights)
    found = json.loads(run(*given, "--json").stdout)
    assert [Path(entry["file"]).name for entry in found] == ["a.flac", "b.wav", "c.WAV"]
    model = zoo.load(weights)
    for entry in found:
        wanted = model.classify(entry["file"])
        assert entry["label"] == wanted.label and list(entry["probabilities"]) == ["yes", "no", "go"]
        assert entry["confidence"] == pytest.approx(wanted.confidence, abs=1e-3)
    text = run(*given, "--top", 1).stdout
    assert "conv2d_mini heard" in text and text.count("%") == 3
    assert all(
        entry["file"] in text and f"{entry['label']} {100 * entry['confidence']:.0f} %" in text for entry in found
    )
    assert run(*given, "--top", 9).stdout.count("%") == 9


@pytest.mark.parametrize("name", ["conv2d", "attention"])
def test_classify_draws(name, classifier, clips, tmp_path):
    given = ("classify", clips / "b.wav", clips / "a.flac", "--model", name, "--weights", classifier(name))
    run(*given, "--plot", tmp_path / "x.png")
    assert sorted(os.listdir(tmp_path)) == ["x-2-a.png", "x.png"]
    assert all((tmp_path / file).read_bytes().startswith(b"\x89PNG") for file in os.listdir(tmp_path))


def test_classify_goes_on_after_what_it_cannot_hear(classifier, clips, tmp_path):
    soundfile.write(tmp_path / "speech.wav", 0.1 * np.ones(5 * 8000), 8000)
    (tmp_path / "text.wav").write_text("hello")
    given = ("classify", tmp_path, clips / "b.wav", "--model", "conv2d_mini", "--weights", classifier("conv2d_mini"))
    result = run(*given, "--json", code=1)
    assert [entry["file"] for entry in json.loads(result.stdout)] == [str(clips / "b.wav")]
    complaints = sorted(result.stderr.splitlines())
    assert len(complaints) == 2 and all(line.startswith("Error: ") for line in complaints)
    assert "speech.wav" in complaints[0] and "hears one word, in clips of at most 4 s" in complaints[0]
    assert "text.wav" in complaints[1]
    assert "b.wav" in run(*given, code=1).stdout
    assert run(*given[:2], *given[3:], "--json", code=1).stdout.strip() == "[]"


def test_classify_refuses_in_a_sentence(classifier, clips, saved, tmp_path):
    clip = clips / "b.wav"
    assert "lstm_ctc does transcription (try zoo transcribe)" in sentence("classify", clip, "--model", "lstm_ctc")
    assert "ngram_lm does language." in sentence("classify", clip, "--model", "ngram_lm")
    assert "did you mean conv2d" in sentence("classify", clip, "--model", "conv2")
    assert "must end in .png" in sentence("classify", clip, "--plot", tmp_path / "x.gif")
    weights = classifier("conv2d_mini")
    assert "holds conv2d_mini, not conv2d" in sentence("classify", clip, "--model", "conv2d", "--weights", weights)
    assert "transcribe needs a model for transcription" in sentence(
        "transcribe", clip, "--model", "conv2d_mini", "--weights", weights
    )


def test_evaluate_a_classifier(classifier, words, tmp_path):
    data, weights = f"folder:all,source={words}", classifier("conv2d_mini")
    given = ("evaluate", "conv2d_mini", "--weights", weights, "--data", data)
    (found,) = json.loads(run(*given, "--confusion", tmp_path / "errors.png", "--json").stdout)
    model = zoo.load(weights)
    right = sum(model.classify(path).label == path.parent.name for path in words.rglob("*.wav"))
    assert found["metric"] == "accuracy" and found["value"] == pytest.approx(100 * right / 12, abs=1e-3)
    assert found["low"] <= found["value"] <= found["high"] and found["utterances"] == found["reference_length"] == 12
    assert found["split"] == "all" and found["command"].startswith(f"zoo evaluate conv2d_mini --data {data} --weights ")
    assert os.listdir(tmp_path) == ["errors.png"] and (tmp_path / "errors.png").stat().st_size > 10_000
    text = run(*given).stdout
    assert "accuracy" in text and "95 % interval" in text and "correct" in text


def test_evaluate_a_classifier_refuses_in_a_sentence(classifier, words, saved, tmp_path):
    data = f"folder:all,source={words}"
    given = ("evaluate", "conv2d_mini", "--weights", classifier("conv2d_mini"))
    assert "such as speaker_id; conv2d_mini has none" in sentence(*given, "--data", data, "--verify")
    assert "the options of a beam search are not for it" in sentence(*given, "--data", data, "--allow", "yes")
    assert "must end in .png" in sentence(*given, "--data", data, "--confusion", tmp_path / "x.gif")
    shutil.copytree(words / "no", tmp_path / "words" / "noo")
    unknown = f"folder:all,source={tmp_path / 'words'}"
    assert "no class of conv2d_mini named 'noo': did you mean no? It is the label of noo/" in sentence(
        *given, "--data", unknown
    )
    writer = ("evaluate", "lstm_ctc", "--weights", saved, "--data", data)
    assert "are for models that tell classes apart; lstm_ctc writes text" in sentence(*writer, "--verify")


def test_verify_voices(classifier, tmp_path):
    rng, rows = np.random.default_rng(0), ["path,text,speaker"]
    for speaker, hertz in (("ann", 200), ("ben", 900), ("cy", 2000)):
        for take in range(3):
            tone = 0.3 * np.sin(np.arange(8000) * 2 * np.pi * hertz / RATE) + 0.01 * rng.standard_normal(8000)
            soundfile.write(tmp_path / f"{speaker}{take}.wav", tone, RATE)
            rows.append(f"{speaker}{take}.wav,yes,{speaker}")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    data = f"folder:all,source={tmp_path / 'clips.csv'}"
    given = ("evaluate", "speaker_id", "--weights", classifier("speaker_id", labels=("ann", "ben")), "--data", data)
    (found,) = json.loads(run(*given, "--verify", "--json").stdout)
    assert found["metric"] == "EER" and 0 <= found["low"] <= found["value"] <= found["high"] <= 100
    assert found["command"] == f"zoo evaluate speaker_id --data {data} --weights {given[3]} --verify"
    text = run(*given, "--verify").stdout
    assert "same voice" in text and " 9 " in text and " 27 " in text  # pairs of one voice, of two
    assert "no class of speaker_id named 'cy'" in sentence(*given)
    (tmp_path / "clips.csv").write_text("\n".join([*rows[:-1], "cy2.wav,yes,"]))
    assert "needs to know who speaks; of cy2.wav that is not said" in sentence(*given, "--verify")


def test_evaluate_writes_the_card_of_a_classifier(classifier, words, tmp_path, monkeypatch):
    pytest.importorskip("tomli_w")
    module = sys.modules["zoo.card"]  # `zoo.card` is the function
    shutil.copytree(module.CARDS, tmp_path / "cards")
    monkeypatch.setattr(module, "CARDS", tmp_path / "cards")
    monkeypatch.setattr(cli, "_load", lambda name, weights: zoo.load(classifier("conv2d_mini")))
    run("evaluate", "conv2d_mini", "--data", f"folder:all,source={words}", "--write-card", "--note", "two tones")
    (result,) = (r for r in zoo.card("conv2d_mini").results if r.note == "two tones")
    assert result.metric == "accuracy" and result.utterances == 12
    assert "two tones" in run("info", "conv2d_mini").stdout


def test_train_and_use_a_classifier(words, tmp_path):
    data, out = f"folder:all,source={words}", tmp_path / "run"
    sizes = ("--set", "filters=4", "--batch-size", 4, "--epochs", 2, "--no-augment")
    lines = run("train", "conv2d_mini", "--data", data, "--validation", data, "--out", out, *sizes).stdout.splitlines()
    assert lines[-1] == f"Done: zoo classify clip.wav --model conv2d_mini --weights {out / 'model.keras'}"
    clip = words / "yes" / "0.wav"
    (found,) = json.loads(
        run("classify", clip, "--model", "conv2d_mini", "--weights", out / "model.keras", "--json").stdout
    )
    assert list(found["probabilities"]) == ["no", "yes"]


def test_crossval_refuses_in_a_sentence(tmp_path):
    out = ("--out", tmp_path / "runs")
    assert "lstm_ctc does transcription (try zoo transcribe)" in sentence("crossval", "lstm_ctc", *out)
    assert "did you mean gmm_hmm" in sentence("crossval", "gmm_hm", *out)
    assert "fsdd, which must be among the data once; received an4" in sentence(
        "crossval", "lstm", "--data", "an4", *out
    )
    assert "received fsdd, fsdd:test" in sentence("crossval", "lstm", "--data", "fsdd", "--data", "fsdd:test", *out)
    assert "A baseline has no epochs; svm is one" in sentence("crossval", "svm", "--epochs", 3, *out)
    assert not (tmp_path / "runs").exists()


def test_crossval_of_a_model_without_weights_wants_data(tmp_path, monkeypatch):
    about = zoo.card("conv2d")
    monkeypatch.setattr(zoo, "card", lambda name: replace(about, weights={}))
    assert "ships no weights whose recipe" in sentence("crossval", "conv2d", "--out", tmp_path / "runs")


def test_compare_refuses_in_a_sentence(tmp_path):
    assert "no classifier to compare named 'svn': did you mean svm" in sentence("compare", "svn")
    assert "no classifier to compare named 'lstm_ctc'" in sentence("compare", "lstm_ctc")
    assert "must end in .png" in sentence("compare", "svm", "--plot", tmp_path / "x.gif")
    assert "written into a file" in sentence("compare", "svm", "--out", tmp_path)


# --- train, evaluate, export, demo

SMALL = ("--set", "units=8", "--set", "layers=1", "--batch-size", 4)


def test_train_evaluate_and_use(words, tmp_path):
    data, out = f"folder:all,source={words}", tmp_path / "run"
    command = ("train", "lstm_ctc", "--data", data, "--validation", data, "--out", out, "--epochs", 2, *SMALL, "--no-augment")  # fmt: skip
    assert "lasts --epochs or --minutes" in sentence(*command, "--minutes", 1)
    assert "Widths are seconds with commas between" in sentence(*command, "--widths", "3 s")
    assert "Widths are seconds above 0" in sentence(*command, "--widths", "3,2")
    lines = run(*command).stdout.splitlines()
    assert lines[0].startswith(data) and lines[-1].startswith("Done: zoo transcribe")
    assert {"run.json", "state.npz", "curves.csv", "curves.png", "best.weights.h5", "model.keras"} == set(
        os.listdir(out)
    )
    assert json.loads((out / "run.json").read_text())["augmentation"] is None
    command = (*command[:3], f"folder,source={words}", "--subset", "all", *command[4:])  # the same run
    assert "already holds a run" in sentence(*command)
    assert run(*command, "--resume").stdout.splitlines()[-1] == lines[-1]
    about = json.loads(run(*command, "--resume", "--json").stdout)
    assert about["model"] == str(out / "model.keras") and [row["epoch"] for row in about["epochs"]] == [1, 2]
    assert "has seed 0, not 7" in sentence(*command, "--resume", "--seed", 7)
    assert f"--init {out / 'model.keras'})" in sentence(*command, "--resume", "--epochs", 3)

    weights = out / "model.keras"
    scores = json.loads(run("evaluate", "lstm_ctc", "--weights", weights, "--data", data, "--json").stdout)
    assert [(score["data"], score["split"], score["metric"]) for score in scores] == [
        (f"folder,source={words}", "all", metric) for metric in ("WER", "CER")
    ]
    for score in scores:
        errors = score["substitutions"] + score["deletions"] + score["insertions"]
        assert score["value"] == pytest.approx(100 * errors / score["reference_length"], abs=1e-3)
        assert score["low"] <= score["value"] <= score["high"] and score["utterances"] == 12
    assert "95 % interval" in run("evaluate", "lstm_ctc", "--weights", weights, "--data", data).stdout
    assert "figures of the bundled weights" in sentence(
        "evaluate", "lstm_ctc", "--weights", weights, "--data", data, "--write-card"
    )
    assert "weight is for training" in sentence("evaluate", "lstm_ctc", "--weights", weights, "--data", "an4=2")


def test_train_refuses_in_a_sentence(words, tmp_path):
    out = tmp_path / "run"
    assert "did you mean lstm_" in sentence("train", "lstm_ct", "--data", "an4", "--out", out)
    assert "Data is named NAME" in sentence("train", "lstm_ctc", "--data", "an4::", "--out", out)
    assert "FIELD" in run("train", "--help").stdout
    assert "is written NAME=VALUE" in sentence("train", "lstm_ctc", "--data", "an4", "--out", out, "--set", "units")
    assert not out.exists()
    (tmp_path / "file").touch()
    folder = f"folder:all,source={words}"
    assert str(tmp_path) in sentence("train", "lstm_ctc", "--data", folder, "--out", tmp_path / "file" / "run")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_says_how_to_resume(words, tmp_path):
    command = ["train", "lstm_ctc", "--data", f"folder:all,source={words}", "--out", tmp_path / "run", "--epochs", 3000]
    command = [sys.executable, "-m", "zoo.cli", *map(str, [*command, *SMALL, "--no-augment"])]

    def listen():  # a shell that runs these tests in the background has told its children to ignore Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipe = subprocess.PIPE
    running = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=listen)
    try:
        for line in running.stdout:
            if line.startswith("epoch 2"):
                running.send_signal(signal.SIGINT)
                break
        _, errors = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "Traceback" not in errors
    said = errors.strip().splitlines()[-1]
    assert said.startswith("Stopped; ") and said.endswith("--resume") and f"--out {tmp_path / 'run'}" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_that_an_import_drops_is_not_lost(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), cli._importing():
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_that_python_drops_is_not_lost(words, tmp_path, monkeypatch):
    """Within a callback of the garbage collector its exception is printed and ignored."""
    said = []

    def train(*arguments, say, **settings):
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        for epoch in (1, 2):
            said.append(epoch)
            say(f"epoch {epoch}")

    monkeypatch.setattr(training, "train", train)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = run("train", "lstm_ctc", "--data", f"folder:all,source={words}", "--out", tmp_path / "run", code=130)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert "Stopped; every whole epoch is kept" in done.stderr and said == [1]


def test_evaluate_writes_the_card(words, saved, tmp_path, monkeypatch):
    pytest.importorskip("tomli_w")
    module = sys.modules["zoo.card"]  # `zoo.card` is the function
    shutil.copytree(module.CARDS, tmp_path / "cards")
    monkeypatch.setattr(module, "CARDS", tmp_path / "cards")
    monkeypatch.setattr(cli, "_load", lambda name, weights: zoo.load(str(saved)))
    spec = f"folder:all,source={words}"
    for _ in range(2):  # a second time replaces the first
        run("evaluate", "lstm_ctc", "--data", spec, "--write-card", "--note", "two tones")
    results = [r for r in zoo.card("lstm_ctc").results if r.data == f"folder,source={words}"]
    assert [r.metric for r in results] == ["WER", "CER"]
    assert results[0].note == "two tones" and results[0].reference_length == 12
    assert results[0].command == f"zoo evaluate lstm_ctc --data {spec}"
    assert "two tones" in run("info", "lstm_ctc").stdout


def test_export_refuses_in_a_sentence(saved, tmp_path):
    out = tmp_path / "two.tflite"
    assert "one at a time" in sentence("export", "conv2d_mini+lstm", "--format", "litert", "--out", out)
    assert "did you mean onnx?" in sentence("export", "lstm_ctc", "--format", "onxx", "--out", tmp_path / "m.onnx")
    assert "must end in .onnx" in sentence(
        "export", "lstm_ctc", "--format", "onnx", "--out", tmp_path / "m.tflite", "--weights", saved
    )
    assert not os.listdir(tmp_path)


@pytest.mark.slow
def test_export(saved, here, tmp_path):
    command = ("export", "lstm_ctc", "--format", "savedmodel", "--out", tmp_path / "m", "--weights", saved)
    assert json.loads(run(*command, "--json").stdout)["bytes"] > 10_000
    result = run(*command)
    assert result.stdout.startswith(f"Wrote {tmp_path / 'm'} (") and (tmp_path / "m" / "saved_model.pb").exists()


def test_demo(saved, clips, tmp_path, monkeypatch):
    """Without recordings of AN4 and FSDD: says so in a line each, downloads nothing."""
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cli, "_load", lambda name, weights: zoo.load(str(saved)))
    monkeypatch.setattr(cli, "_samples", lambda: [(clips / "a.flac", "one two")])
    result = run("demo", clips / "b.wav", "--picture", tmp_path / "x.png")
    assert "a.flac" in result.stdout and "one two" in result.stdout and "b.wav" in result.stdout
    assert "an4 is not shown" in result.stderr and "connected_digits is not shown" in result.stderr
    assert os.listdir(tmp_path) == ["x.png"]
    about = json.loads(run("demo", clips / "b.wav", "--picture", tmp_path / "x.png", "--json").stdout)
    assert [clip["clip"] for clip in about["clips"]] == ["a.flac", "b.wav"] and about["pictured"] == "b.wav"
    result = run("demo", tmp_path / "none.wav", "--picture", tmp_path / "x.png", code=1)
    assert "there is none at" in result.stderr and "a.flac" in result.stdout


def test_demo_opens_the_page(monkeypatch, tmp_path):
    """Without a WAV, --picture and --json; what is then served is tests/test_demo.py's."""
    from zoo import page

    asked = []
    monkeypatch.setattr(page, "serve", lambda *given, **more: asked.append(given))
    monkeypatch.setattr(cli, "_load", lambda *_: pytest.fail("no model is loaded before somebody needs it"))
    run("demo")
    run("demo", "--port", 8000, "--host", "::1", "--browser", "--data-folder", tmp_path)
    assert asked == [(page.HOST, page.PORT, Path(page.FOLDER), False), ("::1", 8000, tmp_path, True)]


def test_demo_page_ends_in_a_sentence(monkeypatch, tmp_path):
    from zoo import page

    monkeypatch.chdir(tmp_path)
    for option in (("--port", 8000), ("--host", "::1"), ("--browser",), ("--no-browser",), ("--data-folder", "x")):
        said = sentence("demo", "--picture", tmp_path / "x.png", *option)
        assert said.startswith(f"--{option[0].removeprefix('--no-').removeprefix('--')} is for the page")
    for given in (("mine.wav", "--port", 0), ("--json", "--port", 0)):
        assert "is for the page" in sentence("demo", *given)
    assert "a file" in sentence("demo", "--data-folder", Path(__file__))
    with page.bind(page.HOST, 0) as taken:
        assert "Choose a port with --port" in sentence("demo", "--port", taken.getsockname()[1])
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    assert 'pip install "speech-zoo[demo]"' in sentence("demo")
    assert not os.listdir(tmp_path)


def test_demo_of_the_shipped_model(shipped, data_folder, tmp_path):
    result = run("demo", "--picture", tmp_path / "demo.png")
    assert result.stdout.count("an4 ") == 3 and result.stdout.count("connected_digits ") == 3
    assert (tmp_path / "demo.png").stat().st_size > 10_000


# --- autoencoders and what they are for


def test_reconstruct(autoencoder, clips, tmp_path):
    use = ("--model", "autoencoder_mini", "--weights", autoencoder)
    said = run("reconstruct", clips / "b.wav", *use).stdout
    assert said.startswith("101 frames of 20 bands -> 21 x 32 numbers -> error ") and said.endswith(" dB\n")
    options = ("--plot", tmp_path / "both.png", "--sound", tmp_path / "back.wav", "--json")
    about = json.loads(run("reconstruct", clips / "b.wav", *use, *options).stdout)
    assert about["code"] == [21, 32] and len(about["band_error_db"]) == 20 and about["error_db"] > 0
    assert (tmp_path / "both.png").stat().st_size > 3000
    assert soundfile.info(tmp_path / "back.wav").duration == pytest.approx(1.0, abs=0.02)


def test_denoise(clips, tmp_path):
    zoo.load("denoising_autoencoder", weights=None, units=8).save(tmp_path / "small.keras")
    use, out = ("--weights", tmp_path / "small.keras"), tmp_path / "clean.wav"
    said = run("denoise", clips / "a.flac", *use, "--out", out, "--plot", tmp_path / "both.png").stdout
    assert said == f"Wrote {out} (0.70 s at 16,000 Hz).\n"
    assert soundfile.info(out).samplerate == RATE and (tmp_path / "both.png").stat().st_size > 3000
    about = json.loads(run("denoise", clips / "a.flac", *use, "--out", out, "--strength", 0, "--json").stdout)
    assert about["strength"] == 0
    before = zoo.audio.load_audio(clips / "a.flac", RATE)
    np.testing.assert_allclose(zoo.audio.load_audio(out, RATE), before, atol=1e-3)


def test_nothing_is_written_over_what_it_is_made_of(words, tmp_path):
    clip = shutil.copy(words / "yes" / "0.wav", tmp_path / "mine.wav")
    before = clip.read_bytes()
    assert "not written over the recording" in sentence("denoise", clip, "--out", clip)
    assert "not written over the recording" in sentence("reconstruct", clip, "--sound", tmp_path / "." / "mine.wav")
    assert clip.read_bytes() == before


def test_places_are_checked_before_the_work(words, tmp_path):
    (tmp_path / "a.png").mkdir()
    (tmp_path / "a.wav").mkdir()
    assert "a.png is a folder" in sentence("classify", words / "yes" / "0.wav", "--plot", tmp_path / "a.png")
    assert "a.wav is a folder" in sentence("denoise", words / "yes" / "0.wav", "--out", tmp_path / "a.wav")


def test_names_in_capitals_suggest_the_nearest():
    assert "did you mean lstm_ctc" in sentence("info", "LSTM_CTC")
    assert "did you mean an4" in sentence("data", "AN4")
    assert "mfcc" in sentence("search", "a.wav", "b.wav", "--model", "mfc")


def test_numbers_that_are_none(clips):
    for arguments in (("listen", clips / "a.flac", "--chunk", "nan"), ("listen", clips / "a.flac", "--seconds", "inf")):
        assert "not a finite number" in run(*arguments, code=2).stderr


def test_an_empty_path_is_not_the_folder_one_is_in():
    assert "a path or name is not empty" in run("transcribe", "", code=2).stderr


def test_an_empty_name_is_not_left_out(clips):
    """As with `--weights "$WEIGHTS"` where no such variable is set."""
    clip = clips / "b.wav"
    for arguments in (
        ("classify", clip, "--weights", ""),
        ("transcribe", clip, "--language-model", ""),
        ("evaluate", "ngram_lm", "--data", "an4", "--weights", ""),
        ("train", "lstm_ctc", "--data", "an4", "--out", "run", "--init", ""),
        ("data", "folder", "--source", ""),
    ):
        assert "a path or name is not empty" in run(*arguments, code=2).stderr


def test_hidden_files_are_no_recordings(words, tmp_path):
    """A Mac leaves ._0.wav, which is no sound, beside 0.wav on other machines' disks."""
    shutil.copytree(words, tmp_path / "words")
    (tmp_path / "words" / "yes" / "._0.wav").write_text("no sound")
    given = ("few-shot", tmp_path / "words", tmp_path / "words" / "yes", "--shots", 6, "--json")
    assert len(json.loads(run(*given).stdout)) == 6


def test_folders_are_looked_through_for_all_kinds_of_recordings(tmp_path):
    for name in ("a.aiff", "b.AIF", "c.wav"):
        soundfile.write(tmp_path / name, np.zeros(100), RATE, format="WAV" if name == "c.wav" else "AIFF")
    assert [path.name for path in cli._recordings([tmp_path])] == ["a.aiff", "b.AIF", "c.wav"]


def test_a_folder_that_is_closed_stops_no_other_recording(saved, clips, tmp_path, monkeypatch):
    """Root, as whom tests may run, can look into every folder."""
    access, iterdir = os.access, Path.iterdir

    def closed(path):
        if path == tmp_path:
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(os, "access", lambda path, mode, **more: path != str(tmp_path) and access(path, mode, **more))
    monkeypatch.setattr(Path, "iterdir", closed)
    done = run("transcribe", tmp_path, clips / "b.wav", "--weights", saved, code=1)
    assert done.stderr == f"Error: {tmp_path}: Permission denied.\n" and str(clips / "b.wav") in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
def test_names_that_are_no_utf8_stop_no_other_recording(classifier, clips, tmp_path):
    other = os.fsdecode(bytes(tmp_path) + b"/m\xfcller.wav")
    shutil.copy(clips / "b.wav", other)
    found = json.loads(run("classify", tmp_path, "--model", "conv2d_mini", "--weights", classifier("conv2d_mini"), "--json").stdout)  # fmt: skip
    assert [entry["file"] for entry in found] == [other]


def test_commands_that_are_shown_can_be_run(words, tmp_path, monkeypatch):
    out, asked = tmp_path / "r \u00fc 6", []

    def stop(name, data, out, **settings):
        asked.append((data, out, settings["widths"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stop)
    given = ("train", "conv2d", "--data", f"folder:all,source={words}", "--out", out, "--widths", "1,2.5")
    again = shlex.split(run(*given, code=130).stderr.strip().splitlines()[-1].partition("Go on with: zoo ")[2])
    run(*again, code=130)
    assert len(asked) == 2 and asked[0] == asked[1] and asked[0][2] == [1, 2.5]

    (tmp_path / "a.txt").write_text("one two\n")
    done = run("train", "ngram_lm", "--data", f"text:all,source={tmp_path / 'a.txt'}", "--out", out).stdout
    assert shlex.split(done)[-1] == str(out / "model.arpa.gz")


def test_what_cannot_be_shipped_is_not_trained(words, tmp_path):
    pytest.importorskip("tomli_w")
    given = ("train", "conv2d_mini", "--data", f"folder:all,source={words}", "--out", tmp_path / "run", "--ship")
    assert "have the default config; " in sentence(*given) and not (tmp_path / "run").exists()
    said = sentence(*given, "--set", "dropout=0.4")
    assert "dropout" in said and "labels" in said


def test_a_backend_that_is_not_there(clips, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jacks")
    assert "no Keras backend named 'jacks': did you mean jax" in sentence("transcribe", clips / "a.flac")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    assert "a backend that is installed; jax is not" in sentence("transcribe", clips / "a.flac")


def test_what_nobody_expected_is_a_sentence_too(monkeypatch):
    def card(name):
        raise KeyError("units")

    monkeypatch.setattr(zoo, "card", card)
    monkeypatch.delenv("ZOO_TRACEBACK")
    assert sentence("info", "lstm_ctc").startswith("The zoo did not expect this; please report it (ZOO_TRACEBACK=1")
    monkeypatch.setattr(zoo, "card", lambda name: np.zeros(10**18))
    assert "does not fit into the memory" in sentence("info", "lstm_ctc")


def test_options_of_classifiers_are_not_for_language_models(tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("One two.\n")
    data = f"text:all,source={text}"
    assert "tell classes apart" in sentence("evaluate", "ngram_lm", "--data", data, "--verify")
    assert "a weight is for training" in sentence("evaluate", "ngram_lm", "--data", f"text:all=2,source={text}")


def test_few_shot_passes_over_hidden_folders(words, tmp_path):
    shutil.copytree(words, tmp_path / "words")
    (tmp_path / "words" / ".ipynb_checkpoints").mkdir()
    found = json.loads(run("few-shot", tmp_path / "words", words / "yes" / "0.wav", "--json").stdout)
    assert set(found[0]["probabilities"]) == {"yes", "no"}


def test_few_shot(words, clips, tmp_path):
    found = json.loads(run("few-shot", words, words / "yes", words / "no" / "0.wav", "--shots", 2, "--json").stdout)
    assert [one["label"] for one in found] == ["yes"] * 6 + ["no"]
    assert "nearest" in run("few-shot", words, words / "no" / "3.wav").stdout
    (tmp_path / "bad.wav").write_text("no sound")
    result = run("few-shot", words, words / "no" / "3.wav", tmp_path / "bad.wav", code=1)
    assert "no" in result.stdout and "bad.wav is not readable" in result.stderr


def test_search(words):
    found = json.loads(run("search", words / "yes" / "0.wav", words / "yes", "--model", "mfcc", "--json").stdout)
    assert len(found) == 6 and all(len(one["matches"]) >= 1 for one in found)
    assert found[0]["matches"][0]["score"] == pytest.approx(1, abs=1e-3)  # the word itself
    assert "likeness" in run("search", words / "yes" / "0.wav", words / "no" / "1.wav", "--model", "autoencoder").stdout


def test_map(words, tmp_path):
    about = json.loads(
        run(
            "map", "word_embedding", "--data", f"folder:all,source={words}", "--plot", tmp_path / "map.png", "--json"
        ).stdout
    )
    assert about["clips"] == 12 and about["numbers"] == 96 and (tmp_path / "map.png").stat().st_size > 3000
    said = sentence("map", "conv2d_mini", "--data", f"folder:all,source={words}", "--plot", tmp_path / "no.png")
    assert "conv2d_mini has none" in said and not (tmp_path / "no.png").exists()


def test_what_autoencoders_refuse_is_a_sentence(autoencoder, clips, words, tmp_path):
    clip = clips / "b.wav"
    (tmp_path / "examples" / "one").mkdir(parents=True)
    for arguments, said in (
        (("reconstruct", clip, "--model", "conv2d"), "This needs an autoencoder, such as autoencoder; conv2d does"),
        (("reconstruct", clip, "--model", "autoencodr"), "did you mean autoencoder"),
        (("reconstruct", clip, "--sound", tmp_path / "a.mp3"), "must end in .wav; received a.mp3"),
        (("reconstruct", clip, "--sound", tmp_path / "no" / "a.wav"), "a folder that exists"),
        (("reconstruct", clip, "--plot", tmp_path / "a.txt"), "received a.txt"),
        (("reconstruct", tmp_path / "none.wav"), "there is none at"),
        (("denoise", clip, "--out", tmp_path / "a.wav", "--model", "vae"), "such as denoising_autoencoder; vae does"),
        (("few-shot", tmp_path / "none", clip), "there is no folder"),
        (("few-shot", words / "yes", clip), "holds none"),
        (("few-shot", words, clip, "--shots", 7), "--shots 7 needs as many examples of each word; "),
        (("few-shot", tmp_path / "examples", clip), "at least two labels"),
        (("few-shot", words, clip, "--model", "conv2d_mini"), "conv2d_mini has none"),
        (("search", clip, clip, "--model", "mfc"), "no model named 'mfc'"),
        (("search", clip, clip, "--model", "mfcc", "--weights", autoencoder), "mfcc is no model"),
        (("search", clips / "c.WAV", clips / "a.flac", "--model", "mfcc"), "is searched for in a longer recording"),
        (("study", "fewshot"), "did you mean few-shot"),
        (("study", "search", "--fast", "--keep"), "mean nothing"),
        (
            ("evaluate", "autoencoder_mini", "--weights", autoencoder, "--data", "folder:all", "--verify"),
            "its error in dB",
        ),
        (("transcribe", clip, "--model", "autoencoder_mini", "--weights", autoencoder), "does reconstruction"),
    ):
        assert said in sentence(*arguments), arguments
    assert not (tmp_path / "a.wav").exists()


def test_train_and_evaluate_an_autoencoder(words, tmp_path):
    out, data = tmp_path / "run", f"folder,source={words}"
    said = run("train", "autoencoder_mini", "--data", data, "--validation", data.replace("folder", "folder:all"), "--epochs", 3,
               "--batch-size", 4, "--learning-rate", 0.01, "--out", out).stdout  # fmt: skip
    assert "zoo reconstruct clip.wav --model autoencoder_mini" in said
    with open(out / "curves.csv", newline="") as file:
        epochs = list(csv.reader(file))
    assert epochs[0][2].startswith("dB folder:all") and float(epochs[3][1]) < float(epochs[1][1])
    use = ("--weights", out / "model.keras")
    scores = json.loads(
        run("evaluate", "autoencoder_mini", "--data", f"folder:all,source={words}", *use, "--json").stdout
    )
    assert scores[0]["metric"] == "dB" and scores[0]["low"] <= scores[0]["value"] <= scores[0]["high"]
    # The last epoch's validation, but for the half precision of the kept weights.
    assert scores[0]["value"] == pytest.approx(float(epochs[3][2]), rel=0.05)
    assert "error dB" in run("evaluate", "autoencoder_mini", "--data", f"folder:all,source={words}", *use).stdout
