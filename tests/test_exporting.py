"""An exported file gives what the Keras model gives; a failed export leaves nothing and says why in a sentence."""

import importlib.util
import os

import numpy as np
import pytest

import zoo
from zoo import exporting
from zoo.audio import load_audio
from zoo.decoding import classify, greedy
from zoo.errors import MissingFileError, UnknownNameError, ZooError
from zoo.exporting import FORMATS, export, run_exported
from zoo.registry import architecture, language_models

MODELS = [name for name in zoo.list_models() if name not in language_models()]
CLASSIFIERS = [name for name in MODELS if architecture(name).task == "classification"]
SHIPPED = [name for name in CLASSIFIERS if zoo.card(name).weights]
NAMES = {"litert": "model.tflite", "onnx": "model.onnx", "savedmodel": "model"}
SAMPLES = (800, 7_000, 16_000, 33_333, 50_000)  # 50 ms to 3 s


def needs(format: str) -> None:
    for package in (*FORMATS[format].converts, *FORMATS[format].runs):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f'{package} is not installed: pip install "speech-zoo[export]"')


@pytest.fixture(scope="module")
def model():
    """Untrained: its logits are as hard to reproduce as any, and its text is long."""
    return zoo.load("lstm_ctc", weights=None, units=24, layers=2)


def text_of(model, logits, length) -> str:
    return greedy(logits, [length], model.labels, model.config.frame_seconds)[0].text


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


def same(model, path, clips) -> list[str]:
    """Assert that the file at `path` gives what the model gives for each clip; returns what was heard."""
    heard = []
    for clip in clips:
        inputs = {"waveform": clip[None], "lengths": np.array([len(clip)], "int32")}
        found, wanted = run_exported(path, **inputs), model.predict_on_batch(inputs)
        assert_same(found, wanted)
        if model.architecture.task in ("reconstruction", "denoising"):
            a, b = (str(out["reconstruction"].shape) for out in (found, wanted))
        elif model.architecture.task == "transcription":
            a, b = (text_of(model, np.asarray(out["logits"]), int(out["lengths"][0])) for out in (found, wanted))
        else:
            a, b = (classify(np.asarray(out["logits"])[0], model.labels).label for out in (found, wanted))
        assert a == b
        heard.append(a)
    return heard


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


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_exported_file_equals_keras(format, model, tmp_path, rng, request):
    needs(format)
    path = export(model, format, tmp_path / NAMES[format])
    assert os.listdir(tmp_path) == [NAMES[format]]  # and no partial file
    assert names(format, path) == ({"waveform", "lengths"}, {"logits", "frames"})
    clips = [0.1 * rng.standard_normal(n).astype("float32") for n in SAMPLES]
    assert len(set(same(model, path, clips))) > 1

    # Clips side by side, padded with what must not matter.
    waveform = rng.standard_normal((2, 20_000)).astype("float32")
    lengths = np.array([20_000, 9_000], "int32")
    inputs = {"waveform": waveform, "lengths": lengths}
    assert_same(run_exported(path, **inputs), model.predict_on_batch(inputs))

    # Again over itself, as after more training.
    request.getfixturevalue("here")
    assert export(model, format, path) == path
    assert os.listdir(tmp_path) == [NAMES[format]]


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_shipped_model_exported_says_the_same(format, shipped, samples, here, tmp_path):
    needs(format)
    path = export(shipped, format, tmp_path / NAMES[format])
    clips = sorted((load_audio(sample, shipped.config.sample_rate) for sample in samples), key=len)
    assert len({len(clip) for clip in clips}) >= 5
    texts = same(shipped, path, clips[:: max(1, len(clips) // 5)][:5])
    assert all(texts)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if name not in SHIPPED])  # those are exported below
def test_every_model_runs_on_a_phone(name, fresh, here, tmp_path, rng):
    needs("litert")
    model = fresh(name)
    path = export(model, "litert", tmp_path / "model.tflite")
    same(model, path, [0.1 * rng.standard_normal(n).astype("float32") for n in (300, 7_000, 20_000)])


@pytest.mark.slow
@pytest.mark.parametrize(("format", "name"), [("onnx", "attention"), ("onnx", "ds_cnn"), ("savedmodel", "speaker_id")])
def test_exported_classifiers(format, name, fresh, here, tmp_path, rng):
    """A convolutional one and those with outputs of their own; a batch has clips of any length side by side."""
    needs(format)
    model = fresh(name)
    path = export(model, format, tmp_path / NAMES[format])
    same(model, path, [0.1 * rng.standard_normal(n).astype("float32") for n in (300, 7_000)])
    inputs = {
        "waveform": rng.standard_normal((2, 9_000)).astype("float32"),
        "lengths": np.array([9_000, 2_000], "int32"),
    }
    assert_same(run_exported(path, **inputs), model.predict_on_batch(inputs))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_classifiers_exported_hear_the_same(name, samples, here, tmp_path, rng):
    needs("litert")
    model = zoo.load(name)
    clips = [load_audio(sample, model.config.sample_rate) for sample in samples]
    clips = [clip for clip in clips if len(clip) <= model.config.max_seconds * model.config.sample_rate][:5]
    assert clips
    noise = [0.1 * rng.standard_normal(n).astype("float32") for n in (300, 7_000, 20_000)]
    same(model, export(model, "litert", tmp_path / "model.tflite"), [*clips, *noise])


def test_unknown_format_offers_the_nearest(model, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean onnx"):
        export(model, "onxx", tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("format", "name", "why"),
    [
        ("litert", "m.onnx", "must end in .tflite"),
        ("onnx", "m", "must end in .onnx"),
        ("savedmodel", "m.onnx", "is a folder"),
        ("savedmodel", "mine", "is neither"),
        ("onnx", "mine.onnx", "cannot take the place of a folder"),
    ],
)
def test_path_must_fit_the_format(format, name, why, model, tmp_path):
    for folder in ("mine", "mine.onnx"):  # a user's own
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "diary.txt").write_text("dear diary")
    with pytest.raises(ZooError, match=why):
        export(model, format, tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["mine", "mine.onnx"]


def test_missing_packages_are_named(model, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting.importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else True)
    with pytest.raises(ZooError, match=r'needs tf2onnx, .*pip install "speech-zoo\[export\]"'):
        export(model, "onnx", tmp_path / "m.onnx")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"the converter crashed \(SIGSEGV\)"),
        ("import sys; print('no such operation', file=sys.stderr); sys.exit(1)", "no such operation"),
        ("pass", "it wrote no file"),
        ("import sys; open(sys.argv[3], 'w').write('half'); sys.exit('out of memory')", "out of memory"),
    ],
)
def test_a_converter_that_dies_is_a_sentence_and_leaves_what_was(code, why, model, tmp_path, monkeypatch):
    needs("onnx")
    (tmp_path / "m.onnx").write_bytes(b"the one before")
    monkeypatch.setattr(exporting, "CHILD", code)
    with pytest.raises(ZooError, match=why) as caught:
        export(model, "onnx", tmp_path / "m.onnx")
    assert len(str(caught.value).splitlines()) == 1
    assert os.listdir(tmp_path) == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_bytes() == b"the one before"


def test_run_exported_refuses_in_a_sentence(tmp_path):
    waveform, lengths = np.zeros((1, 16000), "float32"), np.array([16000])
    with pytest.raises(MissingFileError, match="there is no"):
        run_exported(tmp_path / "none.onnx", waveform, lengths)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ZooError, match="is neither"):
        run_exported(tmp_path / "folder", waveform, lengths)
    needs("onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ZooError, match="text.onnx cannot be run"):
        run_exported(tmp_path / "text.onnx", waveform, lengths)
    with pytest.raises(ZooError, match=r"received the shapes \(16000,\)"):
        run_exported(tmp_path / "text.onnx", waveform[0], lengths)
