"""Exported files, run by their own runtimes: LiteRT, ONNX, TensorFlow. Keras is not imported.

zoo.export.export --> file --> `run_exported`: arrays in, arrays out
                           --> `read_metadata`: what the file says of itself
"""

import importlib.util
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.errors import MissingFileError, WeightsError, ZooError, first_line
from zoo.files import quiet_stderr

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


class Session:
    """An exported file that is loaded once and called often; Keras is not imported.

    Args:
        path: File or folder that `zoo.export.export` wrote.

    Call:
        (waveform `(batch, samples)` float32 at the model's rate, lengths `(batch,)` true samples) -> outputs by name, as
        the model gives them: "logits", and "lengths", the true frames, where there are some.

    >>> Session("mini.tflite")(np.zeros((1, 8000)), [8000])["logits"].shape  # doctest: +SKIP
    (1, 10)
    """

    def __init__(self, path: str | os.PathLike):
        self.path, format = _existing(path)
        need(FORMATS[format].runs, f"Running {self.path.name}")
        with self._explained():
            self._run = {"litert": _litert, "onnx": _onnx, "savedmodel": _savedmodel}[format](self.path)

    def __call__(self, waveform: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        waveform, lengths = np.asarray(waveform, "float32"), np.asarray(lengths, "int32")
        if waveform.ndim != 2 or lengths.shape != waveform.shape[:1]:
            raise ZooError(
                f"`waveform` and `lengths` must be of one batch. Received: {waveform.shape}, {lengths.shape}."
            )
        with self._explained():
            outputs = self._run(waveform, lengths)
        return {"lengths" if name == "frames" else name: np.asarray(value) for name, value in outputs.items()}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            reason = first_line(error, 300)
            raise ZooError(f"`path` must be what `export` wrote. Received: {self.path} ({reason}).") from error


def run_exported(
    path: str | os.PathLike, waveform: np.ndarray, lengths: np.ndarray, sample_rate: int | None = None
) -> dict[str, np.ndarray]:
    """Run an exported file once; arguments and result are those of `Session`.

    Args:
        path: File or folder that `export` wrote.
        waveform: `(batch, samples)` float32.
        lengths: `(batch,)` true samples.
        sample_rate: Hz of the waveform; where it is given, a file that takes another one refuses.

    >>> run_exported("mini.tflite", np.zeros((1, 8000)), [8000])["logits"].shape  # doctest: +SKIP
    (1, 10)
    """
    if sample_rate and (own := read_metadata(path).get("sample_rate", sample_rate)) != sample_rate:
        raise ZooError(f"`sample_rate` must be {own} Hz for {Path(path).name}. Received: {sample_rate}.")
    return Session(path)(waveform, lengths)


def _litert(path: Path) -> Callable:
    from ai_edge_litert.interpreter import Interpreter

    with quiet_stderr():  # an INFO line about its own CPU kernels
        interpreter = Interpreter(str(path))
        interpreter.allocate_tensors()
    one_clip = interpreter.get_signature_runner()

    def run(waveform, lengths):
        rows = [one_clip(waveform=w[None], lengths=n[None]) for w, n in zip(waveform, lengths, strict=True)]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    return run


def _onnx(path: Path) -> Callable:
    session = _onnx_session(path)
    names = [output.name for output in session.get_outputs()]
    return lambda waveform, lengths: dict(
        zip(names, session.run(names, {"waveform": waveform, "lengths": lengths}), strict=True)
    )


def _savedmodel(path: Path) -> Callable:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # kept: its signatures live as long as it does
    return lambda waveform, lengths: loaded.signatures["serving_default"](
        waveform=tf.constant(waveform), lengths=tf.constant(lengths)
    )


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
