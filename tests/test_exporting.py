"""An exported file gives what the Keras model gives; a failed export leaves nothing and says why in a sentence."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from conftest import refused, small, without_graphs

import zoo
from zoo import export as exporting
from zoo import exported, runtime
from zoo.audio import bundled, load_audio
from zoo.errors import MissingFileError, UnknownNameError, WeightsError, ZooError
from zoo.examples import check_example, write_example
from zoo.export import FORMATS, export
from zoo.files import write_wav
from zoo.metrics import word_errors
from zoo.runtime import read_metadata, run_exported

# One preset of each architecture: others are the same graph. Other tests here have a LiteRT file of these four.
ELSEWHERE = ("conv2d_mini", "lstm_ctc", "ds_cnn", "attention")
MODELS = [
    name
    for name in zoo.list_models()
    if zoo.card(name).task != "language" and name == zoo.card(name).architecture and name not in ELSEWHERE
]
NAMES = {"litert": "model.tflite", "onnx": "model.onnx", "savedmodel": "model"}
SAMPLES = (800, 7_000, 16_000, 33_333, 50_000)  # 50 ms to 3 s


def needs(format: str) -> None:
    for package in (*FORMATS[format].converts, *FORMATS[format].runs):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f'{package} is not installed: pip install "speech-zoo[export]"')


@pytest.fixture(scope="module")
def model():
    """Untrained: its logits are as hard to reproduce as any."""
    return zoo.load("lstm_ctc", weights=None, units=24, layers=2)


def assert_same(found, wanted):
    """Two sets of outputs of one batch: equal lengths, and numbers that differ by rounding up to the true frames."""
    wanted = {name: np.asarray(value) for name, value in wanted.items()}
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        assert value.dtype == (np.int32 if name.endswith("lengths") else np.float32) and value.shape[0] == len(
            wanted[name]
        )
        size = max(1.0, float(np.abs(wanted[name]).max()))  # decibels are tens
        for row, other in zip(value, wanted[name], strict=True):
            np.testing.assert_allclose(row, other[: len(row)] if row.ndim else other, atol=1e-3 * size, err_msg=name)


def assert_file_equals_model(path, model, clips):
    """The file gives what the model gives for each clip alone; of classes and symbols, the same ones are the most probable."""
    for clip in clips:
        inputs = {"waveform": clip[None], "lengths": np.array([len(clip)], "int32")}
        found, wanted = run_exported(path, **inputs), model.predict_on_batch(inputs)
        found.pop("known", None)  # the doubt of a classifier, which the model computes elsewhere
        assert_same(found, wanted)
        if "logits" in found:
            logits = np.asarray(wanted["logits"])[:, : found["logits"].shape[1]]
            np.testing.assert_array_equal(found["logits"].argmax(axis=-1), logits.argmax(axis=-1))


def noise(*lengths):
    rng = np.random.default_rng(0)
    return [0.1 * rng.standard_normal(n).astype("float32") for n in lengths]


def names(format, path) -> tuple[set[str], set[str]]:
    """What the file itself calls its inputs and outputs."""
    if format == "onnx":
        from onnxruntime import InferenceSession

        session = InferenceSession(str(path))
        return {i.name for i in session.get_inputs()}, {o.name for o in session.get_outputs()}
    if format == "litert":
        from ai_edge_litert.interpreter import Interpreter

        signature = Interpreter(str(path)).get_signature_list()["serving_default"]
        return set(signature["inputs"]), set(signature["outputs"])
    import tensorflow as tf

    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    return set(signature.structured_input_signature[1]), set(signature.structured_outputs)


def test_the_smallest_classifier_runs_on_a_phone(here, samples, tmp_path):
    needs("litert")
    model = zoo.load("conv2d_mini")
    path = export(model, "litert", tmp_path / NAMES["litert"])
    assert os.listdir(tmp_path) == [NAMES["litert"]]  # and no partial file
    assert names("litert", path) == ({"waveform", "lengths"}, {"logits", "known"})
    assert_file_equals_model(path, model, [load_audio(zoo.audio.bundled("seven"), 8000), *noise(300, 20_000)])
    about = read_metadata(path)
    assert about["name"] == "conv2d_mini" and about["sample_rate"] == 8000 and tuple(about["labels"]) == model.labels
    assert about["card"]["licence"] == zoo.card("conv2d_mini").licence
    seven = zoo.audio.bundled("seven")
    assert zoo.load(path).classify(seven).label == "seven" and len(zoo.load(path).classify([seven, seven])) == 2
    assert "seven" in run_example(path, "litert", about, seven, tmp_path)
    assert_doubts_as(model, path)
    with refused("sample_rate"):
        run_exported(path, np.zeros((1, 16000)), [16000], sample_rate=16000)
    with refused("waveform"):
        run_exported(path, np.zeros(8000), [8000])


def run_example(path, format, about, clip, place) -> str:
    """What the script beside a file prints of a clip, in a Python that knows no zoo."""
    write_wav(place / "clip.wav", load_audio(clip, about["sample_rate"]), about["sample_rate"])
    script = write_example(path, format, about)
    command = [sys.executable, "-I", script.name, "clip.wav"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("format", ["litert", "onnx"])
def test_a_file_that_streams_writes_the_words_of_the_model(format, here, tmp_path):
    needs(format)
    model, clip = zoo.load("lstm_ctc_stream"), bundled("woman-us")
    path = export(model, format, tmp_path / NAMES[format], stream=True)
    assert names(format, path) == ({"waveform", "start", "lengths", "state"}, {"logits", "frames", "next_state"})
    found, rate = zoo.load(path), 16000
    clips = [load_audio(clip, rate), *noise(161, 1919, 1920, 1921, 20_000)]
    for ours, keras_s in zip(found.logits(clips, rate), model.logits(clips, rate), strict=True):
        assert ours.shape == keras_s.shape
        np.testing.assert_allclose(ours, keras_s, atol=1e-3)
    assert found.transcribe(clips[0], rate).text == model.transcribe(clips[0], rate).text
    chunks = [clips[0][i : i + 1601] for i in range(0, len(clips[0]), 1601)]
    *some, end = found.stream(chunks, rate)
    assert end.last and end.text == model.transcribe(clips[0], rate).text and any(one.new for one in some)
    assert run_example(path, format, read_metadata(path), clip, tmp_path) == end.text


def test_what_cannot_stream(model, tmp_path):
    with refused("model"):
        export(model, "onnx", tmp_path / "m.onnx", stream=True)
    with refused("stream"):
        export(model, "savedmodel", tmp_path / "m", stream=True)
    with refused("example"):
        check_example("savedmodel", "transcription")


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_exported_file_equals_keras(format, model, tmp_path, rng, monkeypatch):
    needs(format)
    path = export(model, format, tmp_path / NAMES[format])
    assert os.listdir(tmp_path) == [NAMES[format]]  # and no partial file
    assert names(format, path) == ({"waveform", "lengths"}, {"logits", "frames"})
    assert_file_equals_model(path, model, noise(*SAMPLES))
    about = read_metadata(path)
    assert (about["task"], about["vocabulary"]) == ("transcription", model.config.vocabulary)

    # Clips side by side, padded with what must not matter.
    waveform = rng.standard_normal((2, 20_000)).astype("float32")
    inputs = {"waveform": waveform, "lengths": np.array([20_000, 9_000], "int32")}
    assert_same(run_exported(path, **inputs), model.predict_on_batch(inputs))

    # Again over itself, as after more training; this time it is not converted, which takes seconds.
    copy = shutil.copytree if path.is_dir() else shutil.copy
    monkeypatch.setattr(exporting, "_convert_in_child", lambda format, source, made, quantize: copy(path, made))
    assert export(model, format, path) == path
    assert os.listdir(tmp_path) == [NAMES[format]]


@pytest.mark.slow
def test_a_shipped_recognizer_writes_the_same(shipped, samples, here, tmp_path):
    needs("onnx")  # as LiteRT below, where it is quantized too
    path = export(shipped, "onnx", tmp_path / NAMES["onnx"])
    clips = sorted((load_audio(sample, shipped.config.sample_rate) for sample in samples), key=len)
    assert_file_equals_model(path, shipped, clips[:: max(1, len(clips) // 5)][:5])


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_model_runs_on_a_phone(name, here, samples, tmp_path):
    """In small, since more layers are more of the same graph."""
    needs("litert")
    model = small(name)
    most = getattr(model.config, "max_seconds", 10) * model.config.sample_rate
    clips = [clip for clip in (load_audio(sample, model.config.sample_rate) for sample in samples) if len(clip) <= most]
    clips = sorted(clips, key=len)[:2]
    path = export(model, "litert", tmp_path / NAMES["litert"])
    with without_graphs():
        assert_file_equals_model(path, model, [*clips, *noise(300, 7_000)])
        wanted = model.logits(clips, model.config.sample_rate) if model.task in exported.TASKS else []
    if model.task in exported.TASKS:
        found = zoo.load(path).logits(clips, model.config.sample_rate)
        for ours, keras_s in zip(found, wanted, strict=True):
            np.testing.assert_allclose(ours, keras_s, atol=1e-3 * max(1.0, np.abs(keras_s).max()))


@pytest.mark.slow
@pytest.mark.parametrize(("format", "name"), [("onnx", "attention"), ("savedmodel", "speaker_id")])
def test_exported_classifiers(format, name, here, tmp_path, rng):
    """Those with outputs of their own; a batch has clips of any length side by side."""
    needs(format)
    model = small(name)
    path = export(model, format, tmp_path / NAMES[format])
    assert_file_equals_model(path, model, noise(300, 7_000))
    waveform = rng.standard_normal((2, 9_000)).astype("float32")
    inputs = {"waveform": waveform, "lengths": np.array([9_000, 2_000], "int32")}
    assert_same(run_exported(path, **inputs), model.predict_on_batch(inputs))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "share"), [("ds_cnn", "full_int8", 0.7), ("lstm_ctc", "int8", 0.3), ("attention", "float16", 0.6)]
)
def test_quantized_files_are_smaller_and_answer_the_same(name, kind, share, samples, here, tmp_path):
    needs("litert")
    pytest.importorskip("ai_edge_quantizer", reason="ai-edge-quantizer is not installed (speech-zoo[export])")
    model = zoo.load(name)
    most = min(model.max_seconds, 10) * model.config.sample_rate
    clips = [clip for clip in (load_audio(sample, model.config.sample_rate) for sample in samples) if len(clip) <= most]
    whole = export(model, "litert", tmp_path / "whole.tflite")
    with without_graphs():
        assert_file_equals_model(whole, model, [min(clips, key=len)])
    calibration = clips if kind == "full_int8" else ()
    less = export(model, "litert", tmp_path / "less.tflite", quantize=kind, calibration=calibration)
    assert less.stat().st_size < share * whole.stat().st_size and read_metadata(less)["quantized"] == kind
    for clip in clips:
        inputs = {"waveform": clip[None], "lengths": np.array([len(clip)], "int32")}
        found, wanted = (run_exported(path, **inputs)["logits"] for path in (less, whole))
        if kind != "full_int8":  # ranges of a few clips are no ranges of speech
            assert np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()
        assert (found.argmax(axis=-1) == wanted.argmax(axis=-1)).mean() > 0.97  # of clips, or of frames


WOMAN_US = "three four zero one two seven one"
WITHOUT_KERAS = """
    import sys
    sys.modules["tensorflow"] = sys.modules["keras"] = None  # as where they are not installed
    import zoo
    from zoo.audio import bundled
    model = zoo.load("lstm_ctc", runtime="litert")
    print(model.transcribe(bundled("woman-us")).text)
    print(model.transcribe([bundled("woman-us")], language_model="ngram_lm", lexicon="zero one two three four seven")[0].text)
    print(zoo.load("ds_cnn", runtime="litert").classify(bundled("seven")).label)
    clip = zoo.audio.load_audio(bundled("woman-us"), 16000)
    *_, end = zoo.load("lstm_ctc_stream", runtime="litert").stream([clip[:9999], clip[9999:]], 16000)
    print(end)
"""


def test_bundled_files_answer_without_keras(tmp_path, monkeypatch):
    needs("litert")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(WITHOUT_KERAS)], capture_output=True, text=True)
    assert done.stdout.splitlines() == [*[WOMAN_US] * 2, "seven", WOMAN_US], done.stderr[-2000:]
    assert not done.stderr
    for name, more in (("conv2d", {}), ("ds_cnn", {"labels": ["a", "b"]}), ("ds_cnn", {"weights": None})):
        with refused("name" if not more else next(iter(more))):
            zoo.load(name, runtime="litert", **more)
    with pytest.raises(UnknownNameError):
        zoo.load("ds_cnn", runtime="lite")
    with refused("path", MissingFileError):
        zoo.load(tmp_path / "none.tflite")
    monkeypatch.setattr("zoo.exported.WEIGHTS", tmp_path)
    (tmp_path / "ds_cnn.tflite").write_bytes(b"another model")
    with pytest.raises(WeightsError):
        zoo.load("ds_cnn", runtime="litert")
    (tmp_path / "other.tflite").write_bytes(b"no model of the zoo")
    with refused("name", WeightsError):
        zoo.load(tmp_path / "other.tflite")


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.stem for path in sorted(zoo.presets.WEIGHTS.glob("*.tflite"))])
def test_bundled_files_are_those_of_the_weights(name, samples):
    """In 8 bits: the same words and classes, logits within a few percent."""
    needs("litert")
    exported, model = zoo.load(name, runtime="litert"), zoo.load(name)
    assert {key: exported.about[key] for key in ("card", "prior", "decoding")} == {
        key: json.loads(json.dumps(value))
        for key, value in exporting.describe(model).items()
        if key in ("card", "prior", "decoding")
    }
    rate, most = model.config.sample_rate, model.max_seconds
    clips = [clip for clip in (load_audio(sample, rate) for sample in samples) if len(clip) <= most * rate]
    for found, wanted in zip(exported.logits(clips, rate), model.logits(clips, rate), strict=True):
        assert found.shape == wanted.shape and np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()
    answer = "transcribe" if hasattr(model, "transcribe") else "classify"
    found, wanted = ([str(a) for a in getattr(one, answer)(clips, rate)] for one in (exported, model))
    assert sum(map(word_errors, wanted, found)) <= (
        answer == "transcribe"
    )  # a word that is misheard is misheard otherwise
    source = zoo.audio.bundled("seven").parent / "samples.csv"
    if answer == "transcribe":
        assert zoo.evaluate(exported, f"folder:all,source={source}")[0].metric == "WER"


@pytest.mark.slow
def test_benchmark_compares_runtimes(here):
    needs("litert")
    from zoo.benchmark import BATCHES, benchmark

    rows = benchmark("conv2d_mini", ["keras-tensorflow", "litert"])
    assert [row["runtime"] for row in rows] == ["keras-tensorflow", "litert"]
    assert all(row[f"ms_{batch}"] > 0 for row in rows for batch in BATCHES)
    assert rows[1]["peak_mb"] < rows[0]["peak_mb"] / 2 and rows[1]["cold_s"] < rows[0]["cold_s"]
    with pytest.raises(UnknownNameError):
        benchmark("conv2d_mini", ["litert8"])


def test_quantizations_that_cannot_be(model, tmp_path):
    path = tmp_path / "m.tflite"
    with pytest.raises(UnknownNameError):
        export(model, "litert", path, quantize="int4")
    with refused("quantize"):
        export(model, "onnx", tmp_path / "m.onnx", quantize="int8")
    with refused("quantize"):  # loops in 8-bit integers crash the interpreter
        export(model, "litert", path, quantize="full_int8", calibration=noise(8000))
    with refused("calibration"):
        export(zoo.load("conv2d_mini"), "litert", path, quantize="full_int8")


def test_unknown_format_offers_the_nearest(model, tmp_path):
    with pytest.raises(UnknownNameError) as caught:
        export(model, "onxx", tmp_path / "m.onnx")
    assert "onnx" in str(caught.value)


@pytest.mark.parametrize(
    ("format", "name"),
    [("litert", "m.onnx"), ("onnx", "m"), ("savedmodel", "m.onnx"), ("savedmodel", "mine"), ("onnx", "mine.onnx")],
)
def test_path_must_fit_the_format(format, name, model, tmp_path):
    for folder in ("mine", "mine.onnx"):  # a user's own
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "diary.txt").write_text("dear diary")
    with refused("path"):
        export(model, format, tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["mine", "mine.onnx"]


def test_missing_packages_are_named(model, tmp_path, monkeypatch):
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else True)
    with refused("") as caught:
        export(model, "onnx", tmp_path / "m.onnx")
    assert "tf2onnx" in str(caught.value) and "speech-zoo[export]" in str(caught.value)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import sys; print('no such operation', file=sys.stderr); sys.exit(1)", "no such operation"),
        ("pass", ""),
        ("import sys; open(sys.argv[3], 'w').write('half'); sys.exit('out of memory')", "out of memory"),
    ],
)
def test_a_converter_that_dies_leaves_what_was(code, reason, model, tmp_path, monkeypatch):
    needs("onnx")
    (tmp_path / "m.onnx").write_bytes(b"the one before")
    monkeypatch.setattr(exporting, "CHILD", code)
    with refused("") as caught:
        export(model, "onnx", tmp_path / "m.onnx")
    assert reason in str(caught.value)
    assert os.listdir(tmp_path) == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_bytes() == b"the one before"


def test_run_exported_refuses(tmp_path):
    waveform, lengths = np.zeros((1, 16000), "float32"), np.array([16000])
    with refused("path", MissingFileError):
        run_exported(tmp_path / "none.onnx", waveform, lengths)
    (tmp_path / "folder").mkdir()
    with refused("path", ZooError):
        run_exported(tmp_path / "folder", waveform, lengths)
    needs("onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with refused("path"):
        run_exported(tmp_path / "text.onnx", waveform, lengths)
    with refused("path", WeightsError):
        zoo.load(tmp_path / "text.onnx")


def test_a_bundled_file_says_where_it_is_in_doubt():
    needs("litert")
    model = zoo.load("lstm_ctc", runtime="litert")
    assert model.transcribe(zoo.audio.bundled("woman-us")).doubtful is False
    noise = model.transcribe(0.1 * np.random.default_rng(0).standard_normal(16000).astype("float32"), 16000)
    assert noise.doubtful and noise.doubt.startswith("lstm_ctc")


def assert_doubts_as(model, path):
    """The file knows a digit, and of noise says what the model says."""
    exported, noise = zoo.load(path), 0.1 * np.random.default_rng(0).standard_normal(8000).astype("float32")
    said, heard = exported.classify(zoo.audio.bundled("seven")), exported.classify(noise, 8000)
    assert said.doubtful is False and heard.doubtful is True
    assert heard.doubt == model.classify(noise, 8000).doubt


@pytest.mark.slow
def test_an_exported_classifier_doubts_as_the_keras_model_does(here, tmp_path):
    needs("onnx")  # LiteRT's file is above, among the fast tests
    model = zoo.load("conv2d_mini")
    assert_doubts_as(model, export(model, "onnx", tmp_path / NAMES["onnx"]))
