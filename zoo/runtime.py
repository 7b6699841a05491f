"""Exported files, run by their own runtimes: LiteRT, ONNX, TensorFlow. Keras is not imported.

zoo.export.export --> file --> `run_exported`: arrays in, arrays out
                           --> `read_metadata`: what the file says of itself
"""

import importlib.util
import json
import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.errors import MissingFileError, WeightsError, ZooError, first_line

METADATA = "zoo.json"  # name under which a file keeps what it says of itself


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


def run_exported(
    path: str | os.PathLike, waveform: np.ndarray, lengths: np.ndarray, sample_rate: int | None = None
) -> dict[str, np.ndarray]:
    """Run an exported file with its own runtime; Keras is not imported.

    It gives all outputs by name, as the model does: "logits", and "lengths", the true frames, where there are some.

    Args:
        path: File or folder that `export` wrote.
        waveform: `(batch, samples)` float32 at the model's rate.
        lengths: `(batch,)` true samples.
        sample_rate: Hz of the waveform; where it is given, a file that takes another one refuses.

    >>> run_exported("mini.tflite", np.zeros((1, 8000)), [8000])["logits"].shape  # doctest: +SKIP
    (1, 10)
    """
    path, format = _existing(path)
    need(FORMATS[format].runs, f"Running {path.name}")
    waveform, lengths = np.asarray(waveform, "float32"), np.asarray(lengths, "int32")
    if waveform.ndim != 2 or lengths.shape != waveform.shape[:1]:
        raise ZooError(f"`waveform` and `lengths` must be of one batch. Received: {waveform.shape}, {lengths.shape}.")
    if sample_rate and (own := read_metadata(path).get("sample_rate", sample_rate)) != sample_rate:
        raise ZooError(f"`sample_rate` must be {own} Hz for {path.name}. Received: {sample_rate}.")
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
    session = _onnx_session(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"waveform": waveform, "lengths": lengths}), strict=True))


def _run_savedmodel(path: Path, waveform, lengths) -> dict:
    import tensorflow as tf

    run = tf.saved_model.load(str(path)).signatures["serving_default"]
    return run(waveform=tf.constant(waveform), lengths=tf.constant(lengths))


def read_metadata(path: str | os.PathLike) -> dict:
    """Read what an exported file says of itself: name, task, sample_rate, labels or vocabulary, card, ...; {} for nothing.

    >>> read_metadata("mini.tflite")["labels"][:2]  # doctest: +SKIP
    ['zero', 'one']
    """
    path, format = _existing(path)
    try:
        if format == "litert":
            if not zipfile.is_zipfile(path):
                return {}
            with zipfile.ZipFile(path) as archive:
                text = archive.read(METADATA).decode()
        elif format == "onnx":
            need(FORMATS[format].runs, f"Reading {path.name}")
            text = _onnx_session(path).get_modelmeta().custom_metadata_map.get(METADATA, "{}")
        else:
            extra = path / "assets.extra" / METADATA
            text = extra.read_text(encoding="utf-8") if extra.exists() else "{}"
        about = json.loads(text)
    except (KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise WeightsError(f"`path` must be what `export` wrote. Received: {path} ({first_line(error)}).") from None
    return about if isinstance(about, dict) else {}


def _existing(path: str | os.PathLike) -> tuple[Path, str]:
    """(path, format) of an exported file. Raises ZooError."""
    path = Path(path).expanduser()
    format = next((name for name, f in FORMATS.items() if f.suffix and path.suffix == f.suffix), "savedmodel")
    if not (path if FORMATS[format].suffix else path / "saved_model.pb").is_file():
        error = ZooError if path.exists() else MissingFileError
        raise error(f"`path` must be a .tflite or .onnx file or a SavedModel folder that exists. Received: {path}.")
    return path, format


def need(packages: tuple[str, ...], what: str) -> None:
    """Raise ZooError, which begins with `what`, where one of some packages is not installed."""
    if missing := [name.replace("_", "-") for name in packages if importlib.util.find_spec(name) is None]:
        raise ZooError(f'{what} needs {" and ".join(missing)}: pip install "speech-zoo[export]".')


def _onnx_session(path: Path):
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
