"""Commands that recognise speech: what they print and draw, and that one bad recording stops no other."""

import json
import os
import shutil
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_runner import process, refusal, run, run_json

import zoo
from zoo.cli import _loading
from zoo.cli._recordings import Recordings

RATE = 16000
pytestmark = pytest.mark.usefixtures("eager")
load_once = cache(_loading.load_model)


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch):
    """The commands of this file load each small model once."""
    monkeypatch.setattr(_loading, "load_model", load_once)


@pytest.fixture(scope="module")
def saved(tmp_path_factory, small_model) -> Path:
    """A small untrained recognizer as a .keras file."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    small_model.save(path)
    return path


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Path:
    """A small untrained classifier of three words as a .keras file."""
    path = tmp_path_factory.mktemp("model") / "classifier.keras"
    zoo.load("conv2d_mini", weights=None, labels=("yes", "no", "go")).save(path)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """A folder of three recordings of three formats and rates, and a text."""
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for name, rate, seconds in (("b.wav", 8000, 1.0), ("a.flac", 44100, 0.7), ("c.WAV", RATE, 1.6)):
        soundfile.write(folder / name, 0.1 * rng.standard_normal(int(rate * seconds)), rate)
    (folder / "notes.txt").write_text("not a recording")
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """Examples of two words, three tones each."""
    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    for word, hertz in (("yes", 300), ("no", 800)):
        (folder / word).mkdir()
        for take in range(3):
            tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(12000) / RATE) + 0.01 * rng.standard_normal(12000)
            soundfile.write(folder / word / f"{take}.wav", tone, RATE)
    return folder


def bad_recordings(folder: Path) -> list[Path]:
    """Files that are no recordings, made in `folder`."""
    (folder / "page.wav").write_text("<html>404</html>")
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("hello, hello")
    soundfile.write(folder / "none.wav", np.zeros(0, "float32"), RATE)
    soundfile.write(folder / "nan.wav", np.full(RATE, np.nan, "float32"), RATE, subtype="FLOAT")
    return [folder / f"{name}.wav" for name in ("page", "empty", "text", "none", "nan")]


# --- transcribe


def test_transcribe_a_file(saved, clips):
    wanted = zoo.load(saved).transcribe(clips / "c.WAV")
    assert run("transcribe", clips / "c.WAV", "--weights", saved).stdout == wanted.text + "\n"
    (found,) = run_json("transcribe", clips / "c.WAV", "--weights", saved)
    assert found["file"] == str(clips / "c.WAV") and found["text"] == wanted.text
    assert [word["text"] for word in found["words"]] == [word.text for word in wanted.words]


def test_transcribe_a_folder_in_order(saved, clips):
    found = run_json("transcribe", clips, "--weights", saved)
    assert [Path(entry["file"]).name for entry in found] == ["a.flac", "b.wav", "c.WAV"]
    lines = run("transcribe", clips, "--weights", saved).stdout.splitlines()
    assert lines == [f"{entry['file']}\t{entry['text']}" for entry in found]


def test_decoder_options_arrive(saved, clips, monkeypatch):
    from zoo.decoding import Transcript
    from zoo.tasks import Recognizer

    (found,) = run_json("transcribe", clips / "b.wav", "--weights", saved, "--lexicon", "yes,no", "--beam-width", 4)
    assert set(found["text"].split()) <= {"yes", "no"}
    given = {}

    def transcribe(self, clips, rate, **options):
        given.update(options)
        return [Transcript("", (), 1.0, 1.0)]

    monkeypatch.setattr(Recognizer, "transcribe", transcribe)
    options = "--language-model ngram_lm --alpha 0.5 --word-bonus 1 --prior-scale 0.3 --token-min-logp -5 --lexicon a --lexicon b"
    run("transcribe", clips / "b.wav", "--weights", saved, *options.split())
    assert given.pop("log") is None  # stderr is no terminal
    assert given == {
        "language_model": "ngram_lm", "alpha": 0.5, "word_bonus": 1, "prior_scale": 0.3, "token_min_logp": -5, "lexicon": ["a", "b"],
    }  # fmt: skip


@pytest.mark.slow
def test_a_language_model(clips):
    assert run("transcribe", clips / "b.wav", "--language-model", "ngram_lm").exit_code == 0
    assert "ngram_lm" in str(refusal("transcribe", clips / "b.wav", "--language-model", "ngram"))


@pytest.mark.slow
def test_pictures(saved, classifier, clips, tmp_path):
    run("transcribe", clips / "b.wav", "--weights", saved, "--plot", tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    run("transcribe", clips, "--weights", saved, "--plot", tmp_path / "all.svg")
    use = ("--model", "conv2d_mini", "--weights", classifier)
    run("classify", clips / "b.wav", clips / "a.flac", *use, "--plot", tmp_path / "two.png")
    run("align", clips / "b.wav", "a b", "--weights", saved, "--plot", tmp_path / "words.png")
    assert sorted(os.listdir(tmp_path)) == [
        *("all-1-a.svg", "all-2-b.svg", "all-3-c.svg", "one.png", "two-1-b.png", "two-2-a.png", "words.png")
    ]


def test_bad_recordings_are_refused_without_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.cli._loading.load_model", lambda *given: pytest.fail("a model is loaded"))
    for path in [*bad_recordings(tmp_path), tmp_path / "missing.wav"]:
        assert path.name in str(refusal("transcribe", path))
    (tmp_path / "nothing").mkdir()
    assert str(tmp_path / "nothing") in str(refusal("transcribe", tmp_path / "nothing"))


def test_a_bad_recording_stops_no_good_one(saved, classifier, clips, tmp_path):
    bad = bad_recordings(tmp_path)
    shutil.copy(clips / "b.wav", tmp_path / "good.wav")
    for command in (
        ("transcribe", "--weights", saved),
        ("classify", "--model", "conv2d_mini", "--weights", classifier),
    ):
        result = run(*command, tmp_path, tmp_path / "missing.wav", clips / "c.WAV", "--json", code=1)
        assert [entry["file"] for entry in json.loads(result.stdout)] == [
            str(tmp_path / "good.wav"),
            str(clips / "c.WAV"),
        ]
        complaints = result.stderr.splitlines()
        assert len(complaints) == len(bad) + 1 and all(line.startswith("Error: ") for line in complaints)


def test_what_is_missing_is_one_line_on_stderr(saved, clips, tmp_path):
    for _ in range(2):  # Python itself would say it once
        cut = tmp_path / "cut.wav"
        cut.write_bytes((Path(clips) / "c.WAV").read_bytes()[:-5000])
        (tmp_path / "notes.txt").touch()
        (cut_said,) = run("transcribe", cut, "--weights", saved).stderr.splitlines()
        (left_out,) = [
            line for line in run("transcribe", tmp_path, "--weights", saved).stderr.splitlines() if "notes.txt" in line
        ]
        assert cut_said.startswith("Warning: ") and "cut.wav" in cut_said and left_out.startswith("Warning: ")
    assert refusal("transcribe", "https://example.org/a.wav", "--weights", saved).argument == "audio"


def test_silence_is_no_error(tmp_path, saved):
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    (found,) = run_json("transcribe", tmp_path / "silence.wav", "--weights", saved)
    assert np.isfinite(found["confidence"])


def test_folders_are_looked_through_for_recordings(tmp_path):
    for name in ("a.aiff", "b.AIF", "c.wav"):
        soundfile.write(tmp_path / name, np.zeros(100), RATE, format="WAV" if name == "c.wav" else "AIFF")
    (tmp_path / "._c.wav").write_text("what a Mac leaves beside c.wav on other machines' disks")
    assert [path.name for path in Recordings((tmp_path,)).files] == ["a.aiff", "b.AIF", "c.wav"]


def test_a_folder_that_is_closed_stops_no_other_recording(clips, tmp_path, monkeypatch):
    """Root, as whom tests may run, can look into every folder."""
    iterdir = Path.iterdir

    def closed(path):
        if path == tmp_path:
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    recordings = Recordings((tmp_path, clips / "b.wav"))
    assert [path for [(path, _)] in recordings.batches(RATE)] == [clips / "b.wav"] and recordings.failed


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
def test_names_that_are_no_utf8_stop_no_other_recording(classifier, clips, tmp_path):
    other = os.fsdecode(bytes(tmp_path) + b"/m\xfcller.wav")
    shutil.copy(clips / "b.wav", other)
    assert [
        entry["file"] for entry in run_json("classify", tmp_path, "--model", "conv2d_mini", "--weights", classifier)
    ] == [other]


def test_weights_that_must_not_be_loaded(clips, saved, classifier, tmp_path):
    use = ("transcribe", clips / "b.wav", "--weights")
    (tmp_path / "text.weights.h5").write_text("no weights")
    assert refusal(*use, tmp_path / "text.weights.h5").argument == "weights"
    assert refusal(*use, classifier).argument == "weights"
    (tmp_path / "half.keras").write_bytes(saved.read_bytes()[:1000])
    assert "half.keras" in str(refusal(*use, tmp_path / "half.keras"))


def test_an_exported_file_is_refused_where_keras_is_needed(clips, tmp_path):
    (exported := tmp_path / "mine.tflite").write_bytes(b"")
    for command in (("align", clips / "b.wav", "a b"), ("detect", clips / "b.wav"), ("search", clips / "b.wav", clips)):
        assert refusal(*command, "--weights", exported).argument == "weights"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="file sizes are limited by POSIX")
def test_full_disk_leaves_no_half_picture(saved, clips, tmp_path):
    import resource

    done = process(
        "transcribe", clips / "b.wav", "--weights", saved, "--plot", tmp_path / "x.png",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)),
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ") and not os.listdir(tmp_path)


# --- the others


def test_listen(clips, saved, tmp_path, monkeypatch):
    path = tmp_path / "stream.keras"
    zoo.load("lstm_ctc_stream", weights=None, units=8, layers=1).save(path)
    heard = [
        json.loads(line) for line in run("listen", clips / "b.wav", "--weights", path, "--json").stdout.splitlines()
    ]
    assert heard[-1]["last"] and not any(one["last"] for one in heard[:-1])
    assert heard[-1]["seconds"] == pytest.approx(1.0, abs=1e-3)
    lines = run("listen", clips / "b.wav", "--weights", path).stdout.splitlines()
    assert [line.split("\t")[1] for line in lines] == heard[-1]["text"].split()
    assert refusal("listen", clips / "b.wav", "--model", "lstm_ctc", "--weights", saved).argument == "model"
    refusal("listen", tmp_path / "none.wav")
    if find_spec("ai_edge_litert"):
        lines = run("listen", zoo.audio.bundled("woman-us"), "--runtime", "litert").stdout.splitlines()
        assert [line.split("\t")[1] for line in lines] == "three four zero one two seven one".split()
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    refusal("listen", "--weights", path)


def test_classify(classifier, clips):
    given, model = ("classify", clips, "--model", "conv2d_mini", "--weights", classifier), zoo.load(classifier)
    for entry in run_json(*given):
        wanted = model.classify(entry["file"])
        assert entry["label"] == wanted.label and list(entry["probabilities"]) == ["yes", "no", "go"]
        assert entry["confidence"] == pytest.approx(wanted.confidence, abs=1e-3)
    text = run(*given, "--top", 1).stdout
    assert text.count("%") == 3 and all(name in text for name in ("a.flac", "b.wav", "c.WAV", "conv2d_mini"))
    assert run(*given, "--top", 9).stdout.count("%") == 9


def test_classify_goes_on_after_what_it_cannot_take(classifier, clips, tmp_path):
    soundfile.write(tmp_path / "speech.wav", 0.1 * np.ones(5 * 8000), 8000)
    given = ("classify", "--model", "conv2d_mini", "--weights", classifier, "--json", tmp_path)
    result = run(*given, clips / "b.wav", code=1)
    assert [entry["file"] for entry in json.loads(result.stdout)] == [str(clips / "b.wav")]
    assert "speech.wav" in result.stderr and len(result.stderr.splitlines()) == 1
    assert run(*given, code=1).stdout.strip() == "[]"


def test_align(saved, clips):
    found = run_json("align", clips / "b.wav", "A b", "--weights", saved)
    assert [word["text"] for word in found["words"]] == ["a", "b"]
    assert "confidence" in run("align", clips / "b.wav", "a b", "--weights", saved).stdout
    assert refusal("align", clips / "b.wav", " ", "--weights", saved).argument == "text"
    assert "b.wav" in str(refusal("align", clips / "b.wav", "ab" * 99, "--weights", saved))


def test_few_shot(words, tmp_path):
    shutil.copytree(words, tmp_path / "words")
    (tmp_path / "words" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "words" / "yes" / "._0.wav").write_text("no sound")
    (tmp_path / "bad.wav").write_text("no sound")
    given = ("few-shot", tmp_path / "words", words / "yes", words / "no" / "0.wav", tmp_path / "bad.wav", "--shots", 2)
    result = run(*given, "--json", code=1)
    assert [one["label"] for one in json.loads(result.stdout)] == ["yes"] * 3 + ["no"] and "bad.wav" in result.stderr
    clip = words / "no" / "0.wav"
    assert refusal("few-shot", tmp_path / "none", clip).argument == "folder"
    assert refusal("few-shot", words, clip, "--shots", 7).argument == "shots"
    assert refusal("few-shot", words / "yes", clip).argument == "examples"
    assert refusal("few-shot", words, clip, "--model", "conv2d_mini").argument == "model"


def test_search(words, clips, tmp_path):
    clip = words / "yes" / "0.wav"
    found = run_json("search", clip, words / "yes", "--model", "mfcc", "--top", 1)
    assert len(found) == 3 and all(len(one["matches"]) == 1 for one in found)
    assert found[0]["matches"][0]["score"] == pytest.approx(1, abs=1e-3)  # the word itself
    assert refusal("search", clip, clip, "--model", "mfcc", "--weights", clip).argument == "weights"
    assert "a.flac" in str(refusal("search", clips / "c.WAV", clips / "a.flac", "--model", "mfcc"))
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    assert refusal("search", tmp_path / "silence.wav", clip, "--model", "mfcc").argument == "query"
