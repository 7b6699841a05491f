"""A whole model, waveform in and logits out, as one file for another runtime: LiteRT, ONNX or SavedModel.

    model --(.keras file, child process)--> TensorFlow function --(converter)--> file of the format

Every format has the inputs `waveform` (batch, samples) float32 and `lengths` (batch,) int32 samples, and the outputs of
the model by their names; only the true frames of each clip are called `frames` and not `lengths`, because ONNX wants every
name in a graph to be another. A LiteRT file takes one clip at a time, since its recurrent loops need to know the batch.

Converters can crash the process that calls them, so they run in a child, under TensorFlow whatever Keras' backend is here.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoo.errors import MissingFileError, ZooError, first_line, unknown_name

if TYPE_CHECKING:
    from zoo.tasks import SpeechModel

ONNX_OPSET = 17  # the oldest that has a Fourier transform; runtimes since 2022 read it
FLOAT = 1  # ONNX' number for float32
LIMIT = 900  # seconds; a conversion takes a few
CHILD = "import sys; from zoo.export import _convert; _convert(*sys.argv[1:])"


class Format(NamedTuple):
    """A file format."""

    suffix: str  # of its path; "" for a folder
    converts: tuple[str, ...]  # packages that are needed to write it
    runs: tuple[str, ...]  # and to run it


FORMATS = {
    "litert": Format(".tflite", ("tensorflow",), ("ai_edge_litert",)),
    "onnx": Format(".onnx", ("tensorflow", "tf2onnx", "onnx"), ("onnxruntime",)),
    "savedmodel": Format("", ("tensorflow",), ("tensorflow",)),
}


def export(model: "SpeechModel", format: str, path: str | os.PathLike) -> Path:
    """Write a model for another runtime, complete or not at all, and return the absolute path.

    Formats are "litert", a file that ends in .tflite, "onnx", one in .onnx, and "savedmodel", a folder.

    >>> import zoo
    >>> path = export(zoo.load("conv2d_mini"), "litert", "mini.tflite")  # doctest: +SKIP
    """
    if format not in FORMATS:
        raise unknown_name("export format", format, FORMATS)
    path = Path(path).expanduser().absolute()
    _check_path(format, path)
    _need(FORMATS[format].converts, f"Export to {format}")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that a rename inside one file system puts the finished file in its place.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        source, made = Path(folder) / "model.keras", Path(folder) / ("made" + FORMATS[format].suffix)
        model.save(source)
        _convert_in_child(format, source, made)
        if path.is_dir():
            os.replace(path, Path(folder) / "old")
        os.replace(made, path)
    return path


def run_exported(path: str | os.PathLike, waveform: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
    """Run what `export` wrote with its own runtime; Keras is not imported.

    Takes (batch, samples) float32 at the model's rate and (batch,) true samples, and gives all outputs by name, as the
    model does: "logits", and "lengths", the true frames, where there are some.

    >>> run_exported("mini.tflite", np.zeros((1, 8000)), [8000])["logits"].shape  # doctest: +SKIP
    (1, 10)
    """
    path = Path(path).expanduser()
    format = next((name for name, f in FORMATS.items() if f.suffix and path.suffix == f.suffix), "savedmodel")
    if not (path if FORMATS[format].suffix else path / "saved_model.pb").is_file():
        error = ZooError if path.exists() else MissingFileError
        raise error(f"`path` must be a .tflite or .onnx file or a SavedModel folder that exists. Received: {path}.")
    _need(FORMATS[format].runs, f"Running {path.name}")
    waveform, lengths = np.asarray(waveform, "float32"), np.asarray(lengths, "int32")
    if waveform.ndim != 2 or lengths.shape != waveform.shape[:1]:
        raise ZooError(f"`waveform` and `lengths` must be of one batch. Received: {waveform.shape}, {lengths.shape}.")
    run = {"litert": _run_litert, "onnx": _run_onnx, "savedmodel": _run_savedmodel}[format]
    try:
        outputs = run(path, waveform, lengths)
    except Exception as error:
        raise ZooError(f"`path` must be what `export` wrote. Received: {path} ({first_line(error, 300)}).") from error
    return {"lengths" if name == "frames" else name: np.asarray(value) for name, value in outputs.items()}


def _run_litert(path: Path, waveform, lengths) -> dict:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path)).get_signature_runner()
    rows = [run(waveform=w[None], lengths=n[None]) for w, n in zip(waveform, lengths, strict=True)]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _run_onnx(path: Path, waveform, lengths) -> dict:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"waveform": waveform, "lengths": lengths}), strict=True))


def _run_savedmodel(path: Path, waveform, lengths) -> dict:
    import tensorflow as tf

    run = tf.saved_model.load(str(path)).signatures["serving_default"]
    return run(waveform=tf.constant(waveform), lengths=tf.constant(lengths))


def _check_path(format: str, path: Path) -> None:
    if suffix := FORMATS[format].suffix:
        fits, rule = path.suffix == suffix and not path.is_dir(), f"a file that ends in {suffix}"
    else:
        new = not path.exists() or (path / "saved_model.pb").is_file()  # an older SavedModel is replaced as a file is
        fits, rule = new and path.suffix not in (".tflite", ".onnx"), "a new folder, or one with an older SavedModel,"
    if not fits:
        raise ZooError(f"`path` must be {rule} for the format {format}. Received: {path}.")


def _need(packages: tuple[str, ...], what: str) -> None:
    if missing := [name.replace("_", "-") for name in packages if importlib.util.find_spec(name) is None]:
        raise ZooError(f'{what} needs {" and ".join(missing)}: pip install "speech-zoo[export]".')


def _convert_in_child(format: str, source: Path, made: Path) -> None:
    """Run `_convert` in a process of its own. Raises ZooError if it does not end well."""
    # The child sees the packages that this process sees, and Keras' converters want TensorFlow.
    environment = os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",  # so that recurrent layers are loops, not a GPU's own kernels
    }
    command = [sys.executable, "-c", CHILD, format, str(source), str(made)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise ZooError(f"Export to {format} must end within {LIMIT} s and did not.") from None
    reason = (done.stderr.strip().splitlines() or ["it wrote no file"])[-1].strip()[:300]
    if done.returncode < 0:
        reason = f"it crashed ({signal.Signals(-done.returncode).name})"
    if done.returncode or not made.exists():
        raise ZooError(f"Export to {format} failed in the converter and wrote nothing: {reason}")


def _convert(format: str, source: str, made: str) -> None:
    """In the child: a .keras file to a file of `format`. Its last line on stderr is the reason where it fails."""
    try:
        import keras

        import zoo

        model = zoo.load(source)
        outputs = {"frames" if name == "lengths" else name: value for name, value in model.output.items()}
        network = keras.Model(model.input, outputs)
        if format == "savedmodel":
            network.export(made, format="tf_saved_model", verbose=False)
        else:
            {"litert": _to_litert, "onnx": _to_onnx}[format](network, made)
    except Exception as error:
        print(first_line(error, 300), file=sys.stderr)
        sys.exit(1)


def _with_constants(network, batch: int | None):
    """The network as a TensorFlow function whose weights are constants: LiteRT's loops read no variables, ONNX has none."""
    import tensorflow as tf

    arrays = [[np.asarray(v) for v in g] for g in (network.trainable_variables, network.non_trainable_variables)]
    signature = tf.TensorSpec([batch, None], tf.float32, "waveform"), tf.TensorSpec([batch], tf.int32, "lengths")

    def forward(waveform, lengths):
        # Constants are made in here; from outside they would become inputs of the function.
        weights = [[tf.constant(array) for array in group] for group in arrays]
        return network.stateless_call(*weights, {"waveform": waveform, "lengths": lengths}, training=False)[0]

    return tf.function(forward, input_signature=signature)


def _to_litert(network, made: str) -> None:
    import keras
    import tensorflow as tf

    def one_clip(layer, *inputs, **keywords):
        """Call a layer with the batch fixed to 1: LiteRT's tensor lists, of which loops are made, want a static shape."""

        def fix(x):
            return keras.ops.reshape(x, (1, -1, x.shape[-1])) if len(x.shape) == 3 and x.shape[-1] else x

        return layer(*keras.tree.map_structure(fix, inputs), **keywords)  # a layer such as Add takes a list

    network = keras.models.clone_model(network, clone_function=lambda layer: layer, call_function=one_clip)
    module = tf.Module()
    module.forward = _with_constants(network, batch=1)
    functions = [module.forward.get_concrete_function()]
    # LiteRT's own operations only, so that the file runs without TensorFlow's.
    Path(made).write_bytes(tf.lite.TFLiteConverter.from_concrete_functions(functions, module).convert())


def _to_onnx(network, made: str) -> None:
    import tf2onnx
    from tf2onnx.handler import tf_op

    # tf2onnx has a spectrum's magnitude only; ONNX itself has the Fourier transform.
    tf_op("RFFT")(_Dft)
    tf_op("Real", part=0)(_Part)
    tf_op("Imag", part=1)(_Part)
    function = _with_constants(network, batch=None)
    tf2onnx.convert.from_function(function, function.input_signature, opset=ONNX_OPSET, output_path=made)


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
