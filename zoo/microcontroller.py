"""A convolutional classifier as a C header for microcontrollers: `zoo export ds_cnn --format c --calibration fsdd --out ds_cnn.h`.

    picture (1, width, n_mels, 1) int8 -> convolutions in 8-bit integers -> logits (1, classes) int8

The array is a LiteRT file of integers throughout, without the front end, for TensorFlow Lite for Microcontrollers (R. David et al., MLSys
2021, arxiv.org/abs/2010.08678). Features are computed on the device, by code of its own; the header says which, and how they become
integers. What a device is short of is flash, for the array, and RAM, for the arena in which the layers' outputs lie:
`python -m experiments.microcontroller` measures both.
"""

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo import export as exports
from zoo.errors import WeightsError, ZooError
from zoo.files import atomic_write

if TYPE_CHECKING:
    from zoo.tasks import SpeechModel

PICTURE = "picture"  # layer whose output the device computes
LAYERS = {"Conv2D", "DepthwiseConv2D", "BatchNormalization", "ReLU", "MaxPooling2D", "GlobalAveragePooling2D", "Flatten", "Dropout", "Dense", "Activation"}  # fmt: skip
CLIPS, CHILD = "pictures.npy", "import sys; from zoo.microcontroller import _convert; _convert(*sys.argv[1:])"


def export_c(model: "SpeechModel", path: str | os.PathLike, calibration: Sequence) -> Path:
    """Write a classifier as a C header that holds its network in 8-bit integers.

    Args:
        model: A convolutional Classifier, such as ds_cnn.
        path: A file that ends in .h; its absolute path is returned.
        calibration: Clips, arrays at the model's rate or files, on which the ranges of activations are measured, some 100.

    Raises:
        ZooError: For a model with other layers, or where the converter fails.

    >>> import zoo
    >>> export_c(zoo.load("ds_cnn"), "ds_cnn.h", [zoo.audio.bundled("seven")])  # doctest: +SKIP
    """
    path = Path(path).expanduser().absolute()
    if path.suffix != ".h":
        raise ZooError(f"`path` must be a file that ends in .h for the format c. Received: {path}.")
    _check_layers(model)
    if not len(calibration):
        raise ZooError("`calibration` must be clips on which ranges are measured, some 100. Received none.")
    exports.need(("tensorflow",), "Export to c")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "model.keras", Path(folder) / "made.tflite"
        model.save(source)
        np.save(source.with_name(CLIPS), pictures(model, calibration, model.config.sample_rate))
        exports._convert_in_child("c", source, made, "", CHILD)
        scales = json.loads(made.with_suffix(".json").read_text("utf-8"))
        text = header(model, path.stem, made.read_bytes(), scales)
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def pictures(model: "SpeechModel", audio: Sequence, sample_rate: int | None = None) -> np.ndarray:
    """What the network sees of clips: (clips, width, n_mels, 1) float32, of which the device makes integers."""
    import keras

    front_end = keras.Model(model.input, {"logits": model.get_layer(PICTURE).output})
    front_end.compile(jit_compile=False)
    return np.array([found["logits"] for found in model.infer(audio, sample_rate, network=front_end)], "float32")


def header(model: "SpeechModel", name: str, content: bytes, scales: dict) -> str:
    """The text of a header: the array, and in comments and macros how to feed it and what comes out."""
    c, name, low = model.config, re.sub(r"\W", "_", name), model.get_layer("log_mel").fmin
    width, *rest = model.get_layer(PICTURE).output.shape[1:]
    shape = ", ".join(map(str, (width, *rest)))
    macros = {
        "SAMPLE_RATE": f"{c.sample_rate}  // Hz", "N_FFT": f"{c.n_fft}  // points of the Fourier transform",
        "WINDOW": f"{c.win_length}  // samples: periodic Hann, zeros on both sides up to N_FFT", "HOP": f"{c.hop_length}  // samples",
        "N_MELS": f"{c.n_mels}  // triangles of Slaney's scale with equal areas, {low:g} to {c.sample_rate / 2:g} Hz",
        "TOP_DB": f"{c.top_db:g}  // frames whose loudest band is quieter, below the loudest, are cut off at both ends, all but 3",
        "WIDTH": f"{width}  // frames of the picture, interpolated linearly between those that are left",
        "INPUT_SCALE": f"{scales['input'][0]!r}f", "INPUT_ZERO": str(scales["input"][1]),
        "OUTPUT_SCALE": f"{scales['output'][0]!r}f", "OUTPUT_ZERO": str(scales["output"][1]),
    }  # fmt: skip
    rows = (content[i : i + 16] for i in range(0, len(content), 16))
    quoted = ", ".join(json.dumps(label, ensure_ascii=False) for label in model.labels)
    guard = f"{name.upper()}_H"
    return "\n".join([
        f"// {model.display_name}, in 8-bit integers for TensorFlow Lite for Microcontrollers. Written by `zoo export --format c`.",
        f"// Input: int8 (1, {shape}), round(x / INPUT_SCALE) + INPUT_ZERO, at least -128 and at most 127.",
        "//   x: 10 log10 of the mel power (at least 1e-10) of each centred frame, quiet ends cut off, less the mean of all that is left,",
        f"//   resized to {width} frames. zoo/models/{model.architecture.name}.py is the reference.",
        f"// Output: int8 (1, {len(model.labels)}), the logits: (q - OUTPUT_ZERO) * OUTPUT_SCALE.",
        f"#ifndef {guard}", f"#define {guard}", "", *(f"#define {name.upper()}_{key} {value}" for key, value in macros.items()), "",
        f"static const char *const {name}_labels[] = {{{quoted}}};",
        f"static const unsigned int {name}_length = {len(content)};  // bytes of flash",
        f"__attribute__((aligned(16))) static const unsigned char {name}_model[] = {{",
        *("  " + " ".join(f"0x{byte:02x}," for byte in row) for row in rows), "};", "", f"#endif  // {guard}", "",
    ])  # fmt: skip


def array_in(path: str | os.PathLike) -> bytes:
    """The LiteRT file in a header, for an interpreter on this machine."""
    found = re.search(r"_model\[\] = \{(.*?)\};", Path(path).read_text("utf-8"), re.DOTALL)
    if not found:
        raise WeightsError(f"`path` must be a header that `zoo export --format c` wrote. Received: {path}.")
    return bytes(int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})", found[1]))


def _check_layers(model: "SpeechModel") -> None:
    """Raises ZooError where something behind the picture cannot be computed in integers."""
    names = [layer.name for layer in model.layers]
    behind = model.layers[names.index(PICTURE) + 1 :] if PICTURE in names and hasattr(model, "labels") else []
    wrong = [layer.name for layer in behind if type(layer).__name__ not in LAYERS]
    if wrong or not behind:
        what = wrong[0] if wrong else f"no layer `{PICTURE}`"
        rule = "must be a convolutional classifier, such as ds_cnn, for the format c"
        raise ZooError(f"`model` {rule}. Received: {model.display_name}, with {what}.")


def _convert(format: str, source: str, made: str, quantize: str) -> None:
    """In the child: the layers behind the picture as a LiteRT file of integers, and the scales of its input and output."""
    import keras
    import tensorflow as tf

    import zoo

    model, seen = zoo.load(source), np.load(Path(source).with_name(CLIPS))
    rest = keras.Model(model.get_layer(PICTURE).output, model.output["logits"])
    arrays = [[np.asarray(v) for v in group] for group in (rest.trainable_variables, rest.non_trainable_variables)]

    def forward(picture):
        weights = [[tf.constant(array) for array in group] for group in arrays]  # LiteRT's integers know no variables
        return rest.stateless_call(*weights, picture, training=False)[0]

    function = tf.function(forward, input_signature=[tf.TensorSpec([1, *seen.shape[1:]], tf.float32, PICTURE)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[None]] for picture in seen)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    Path(made).write_bytes(converter.convert())
    interpreter = tf.lite.Interpreter(made)
    details = {"input": interpreter.get_input_details()[0], "output": interpreter.get_output_details()[0]}
    scales = {name: [float(value["quantization"][0]), int(value["quantization"][1])] for name, value in details.items()}
    Path(made).with_suffix(".json").write_text(json.dumps(scales), encoding="utf-8")
