"""A whole model, waveform in and logits out, as one file for another runtime: LiteRT, ONNX or SavedModel.

    model --(.keras file, child process)--> TensorFlow function --(converter)--> file of the format

Every format has the inputs `waveform` (batch, samples) float32 and `lengths` (batch,) int32 samples, and the outputs of
the model by their names; only the true frames of each clip are called `frames` and not `lengths`, because ONNX wants every
name in a graph to be another. A LiteRT file takes one clip at a time, since its recurrent loops need to know the batch.

Inside each file lies what else one must know to use it, as JSON (`describe`): the rate, labels or vocabulary, the decoder's
settings, the card and its licence. `zoo.runtime` reads it. In a LiteRT file it is zoo.json in a zip archive at the end, where
LiteRT keeps associated files (`unzip -p mini.tflite zoo.json`); in ONNX a metadata entry; in a SavedModel an extra asset.

Converters can crash the process that calls them, so they run in a child, under TensorFlow whatever Keras' backend is here.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo import quantization
from zoo.errors import ZooError, first_line, unknown_name
from zoo.presets import find_card
from zoo.runtime import FORMATS, METADATA, need, run_exported  # noqa: F401

if TYPE_CHECKING:
    from zoo.tasks import SpeechModel

ONNX_OPSET = 17  # the oldest that has a Fourier transform; runtimes since 2022 read it
FLOAT = 1  # ONNX' number for float32
LIMIT = 900  # seconds; a conversion takes a few
CLIPS = "calibration.npz"
CHILD = "import sys; from zoo.export import _convert; _convert(*sys.argv[1:])"


def export(
    model: "SpeechModel",
    format: str,
    path: str | os.PathLike,
    quantize: str | None = None,
    calibration: Sequence = (),
    stream: bool = False,
    extras: bool = False,
) -> Path:
    """Write a model for another runtime: a file or, of a SavedModel, a folder. It appears complete or not at all.

    Args:
        model: SpeechModel.
        format: "litert", "onnx" or "savedmodel".
        path: Path that ends in .tflite or .onnx, or of a folder; its absolute path is returned.
        quantize: None, or for LiteRT "float16", "int8" or "full_int8" (see `zoo.quantization`).
        calibration: Clips, as `model.load_clips` takes them, on which full_int8 measures the ranges of activations.
        stream: If True, the file hears a recording chunk by chunk, as `zoo.tasks.steps.StreamStep` does, so that
            `zoo.load(path).stream` can write while somebody speaks. For a StreamingRecognizer, LiteRT or ONNX.
        extras: If True, a further output `log_mel`, the frames in dB that the network sees. (A classifier with a doubt always has one,
            `known` (batch, classes): the log odds of each class against everything outside the training data.)

    Raises:
        ZooError: For a format or quantization that the model cannot have, or where the converter fails.

    >>> import zoo
    >>> path = export(zoo.load("conv2d_mini"), "litert", "mini.tflite")  # doctest: +SKIP
    """
    if not hasattr(model, "output"):
        raise ZooError(f"`model` must be one network; export its parts. Received: {model.display_name}, which votes.")
    if format not in FORMATS:
        raise unknown_name("export format", format, FORMATS)
    path = Path(path).expanduser().absolute()
    _check_path(format, path)
    quantization.check(quantize, format, model._flatten_layers(include_self=False), calibration)
    if stream and format == "savedmodel":
        raise ZooError(
            "`stream` must be False for savedmodel; LiteRT and ONNX files can stream. Received: stream=True."
        )
    about = json.dumps(describe(model, quantize, stream, extras))
    need((*FORMATS[format].converts, *(["ai_edge_quantizer"] if quantize else [])), f"Export to {format}")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that a rename inside one file system puts the finished file in its place.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        source, made = Path(folder) / "model.keras", Path(folder) / ("made" + FORMATS[format].suffix)
        model.save(source)
        if len(calibration):
            np.savez(source.with_name(CLIPS), *model.load_clips(list(calibration), model.config.sample_rate))
        source.with_name(METADATA).write_text(about, encoding="utf-8")
        _convert_in_child(format, source, made, quantize or "")
        if path.is_dir():
            os.replace(path, Path(folder) / "old")
        os.replace(made, path)
    return path


def _check_path(format: str, path: Path) -> None:
    if suffix := FORMATS[format].suffix:
        fits, rule = path.suffix == suffix and not path.is_dir(), f"a file that ends in {suffix}"
    else:
        new = not path.exists() or (path / "saved_model.pb").is_file()  # an older SavedModel is replaced as a file is
        fits, rule = new and path.suffix not in (".tflite", ".onnx"), "a new folder, or one with an older SavedModel,"
    if not fits:
        raise ZooError(f"`path` must be {rule} for the format {format}. Received: {path}.")


def describe(model: "SpeechModel", quantize: str | None = None, stream: bool = False, extras: bool = False) -> dict:
    """Return what an exported file says of itself: how to feed it, what its outputs mean, and the card."""
    from zoo.tasks import doubt, steps

    config, about = model.config, {"name": model.display_name, "task": model.task, "class": type(model).__name__}
    about |= {"sample_rate": config.sample_rate, "quantized": quantize, "frames": model.frames}
    if hasattr(model, "part_weights"):  # of an ensemble
        about |= {"networks": model.part_weights, "decoding": getattr(model, "card_decoding", {})}
    if np.isfinite(model.max_seconds):
        about["max_seconds"] = model.max_seconds
    for field in ("labels", "vocabulary", "frame_seconds", "segment_seconds", "target"):
        if hasattr(config, field):
            about[field] = getattr(config, field)
    if stream:
        about["stream"] = steps.StreamStep(model).describe()
    if extras:
        about |= {"extras": True, "hop_seconds": config.hop_length / config.sample_rate}
    if known := doubt.of(model):
        about["doubt"] = {"threshold": known.threshold, "knows": known.knows}
    if card := model.preset and find_card(model.preset):
        about |= {"prior": card.prior, "decoding": card.decoding, "sources": card.sources}
        about["card"] = {field: getattr(card, field) for field in ("summary", "labels", "limits", "licence")}
    return about


def _convert_in_child(format: str, source: Path, made: Path, quantize: str, child: str = "") -> None:
    """Run `_convert` in a process of its own. Raises ZooError if it does not end well."""
    # The child sees the packages that this process sees, and Keras' converters want TensorFlow.
    environment = os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",  # so that recurrent layers are loops, not a GPU's own kernels
    }
    command = [sys.executable, "-c", child or CHILD, format, str(source), str(made), quantize]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise ZooError(f"Export to {format} must end within {LIMIT} s and did not.") from None
    reason = (done.stderr.strip().splitlines() or ["it wrote no file"])[-1].strip()[:300]
    if done.returncode < 0:
        reason = f"it crashed ({signal.Signals(-done.returncode).name})"
    if done.returncode or not made.exists():
        raise ZooError(f"Export to {format} failed in the converter and wrote nothing: {reason}")


def _convert(format: str, source: str, made: str, quantize: str) -> None:
    """In the child: a .keras file to a file of `format`. Its last line on stderr is the reason where it fails."""
    try:
        import zoo

        model = zoo.load(source)
        text = Path(source).with_name(METADATA).read_text(encoding="utf-8")
        about = json.loads(text)
        network = _network(model, "extras" in about)
        if format == "savedmodel":
            network.export(made, format="tf_saved_model", verbose=False)
            (Path(made) / "assets.extra").mkdir(exist_ok=True)
            (Path(made) / "assets.extra" / METADATA).write_text(text, encoding="utf-8")
        elif format == "onnx":
            _to_onnx(_step(model, "extras" in about) if "stream" in about else _with_constants(network), made, text)
        else:
            _to_litert(_step(model, "extras" in about) if "stream" in about else _one_clip(network), made)
            if quantize:
                clips = Path(source).with_name(CLIPS)
                quantization.quantize(Path(made), quantize, [*np.load(clips).values()] if clips.exists() else ())
            with zipfile.ZipFile(made, "a") as archive:
                archive.writestr(METADATA, text)
    except Exception as error:
        print(first_line(error, 300), file=sys.stderr)
        sys.exit(1)


def _network(model, extras: bool):
    """The model with the outputs of the file."""
    import keras
    from keras import ops

    from zoo.tasks import doubt

    outputs = {"frames" if name == "lengths" else name: value for name, value in model.output.items()}
    if extras:
        outputs["log_mel"] = model.get_layer("log_mel").output[0]
    if (known := doubt.of(model)) and known.file:
        kernel, bias = doubt.head(known.file, known.sha256)
        others = ops.log_softmax(ops.matmul(model.get_layer("logits").input, kernel) + bias, axis=-1)
        n = outputs["logits"].shape[-1]
        outputs["known"] = others[:, :n] - ops.logsumexp(others[:, n:], axis=-1, keepdims=True)
    return keras.Model(model.input, outputs)


def _with_constants(network, batch: int | None = None):
    """The network as a TensorFlow function whose weights are constants: LiteRT's loops read no variables, ONNX has none."""
    import tensorflow as tf

    arrays = [[np.asarray(v) for v in g] for g in (network.trainable_variables, network.non_trainable_variables)]
    signature = tf.TensorSpec([batch, None], tf.float32, "waveform"), tf.TensorSpec([batch], tf.int32, "lengths")

    def forward(waveform, lengths):
        # Constants are made in here; from outside they would become inputs of the function.
        weights = [[tf.constant(array) for array in group] for group in arrays]
        return network.stateless_call(*weights, {"waveform": waveform, "lengths": lengths}, training=False)[0]

    return tf.function(forward, input_signature=signature)


def _step(model, extras: bool):
    """A step of a model that streams as a TensorFlow function."""
    import tensorflow as tf

    from zoo.tasks.steps import StreamStep

    step = StreamStep(model, log_mel=extras)
    shapes = {"waveform": (1, step.chunk), "start": (1,), "lengths": (1,), "state": (1, step.size)}
    signature = [
        tf.TensorSpec(shape, tf.float32 if len(shape) == 2 else tf.int32, name) for name, shape in shapes.items()
    ]

    def forward(waveform, start, lengths, state):
        return step(waveform, start, lengths, state)

    return tf.function(forward, input_signature=signature, autograph=False)


def _one_clip(network):
    """The network as a TensorFlow function of one clip: LiteRT's tensor lists, of which loops are made, want a static shape."""
    import keras

    def one_clip(layer, *inputs, **keywords):
        """Call a layer with the batch fixed to 1."""

        if isinstance(layer, keras.Model):  # a part of an ensemble
            layer = keras.models.clone_model(layer, clone_function=lambda layer: layer, call_function=one_clip)

        def fix(x):
            shape = getattr(x, "shape", ())  # a number has none
            return keras.ops.reshape(x, (1, -1, shape[-1])) if len(shape) == 3 and shape[-1] else x

        return layer(*keras.tree.map_structure(fix, inputs), **keywords)  # a layer such as Add takes a list

    return _with_constants(
        keras.models.clone_model(network, clone_function=lambda layer: layer, call_function=one_clip), batch=1
    )


def _to_litert(function, made: str) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.forward = function
    functions = [function.get_concrete_function()]
    # LiteRT's own operations only, so that the file runs without TensorFlow's.
    Path(made).write_bytes(tf.lite.TFLiteConverter.from_concrete_functions(functions, module).convert())


def _to_onnx(function, made: str, about: str) -> None:
    import onnx
    import tf2onnx
    from tf2onnx.handler import tf_op

    # tf2onnx has a spectrum's magnitude only; ONNX itself has the Fourier transform.
    tf_op("RFFT")(_Dft)
    tf_op("Real", part=0)(_Part)
    tf_op("Imag", part=1)(_Part)
    graph, _ = tf2onnx.convert.from_function(function, function.input_signature, opset=ONNX_OPSET)
    onnx.helper.set_model_props(graph, {METADATA: about})
    onnx.save(graph, made)


class _Dft:
    """For tf2onnx: RFFT, (..., n) real -> ONNX' DFT, (..., n // 2 + 1, 2), real and imaginary parts side by side."""

    @classmethod
    def version_17(cls, graph, node, **_):
        frames, outputs, shape = node.input[0], node.output, graph.get_shape(node.output[0])
        graph.remove_node(node.name)
        last = graph.make_const(node.name + "_last", np.array([len(shape)]))
        frames = graph.make_node("Unsqueeze", [frames, last.output[0]])
        options = {"axis": len(shape) - 1, "onesided": 1}
        graph.make_node("DFT", frames.output, options, outputs=outputs, shapes=[[*shape, 2]], dtypes=[FLOAT])


class _Part:
    """For tf2onnx: Real and Imag, one of the two parts of what `_Dft` made."""

    @classmethod
    def version_17(cls, graph, node, part, **_):
        spectrum, outputs, shape = node.input[0], node.output, graph.get_shape(node.output[0])
        graph.remove_node(node.name)
        which = graph.make_const(node.name + "_which", np.array(part)).output[0]
        graph.make_node("Gather", [spectrum, which], {"axis": -1}, outputs=outputs, shapes=[shape], dtypes=[FLOAT])
