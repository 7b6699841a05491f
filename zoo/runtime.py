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
        self.about = read_metadata(path)
        with self._explained():
            self._call = {"litert": _litert, "onnx": _onnx, "savedmodel": _savedmodel}[format](self.path)
        self._alone = format == "litert" or "stream" in self.about  # one clip at a time

    def __call__(self, waveform: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        waveform, lengths = np.asarray(waveform, "float32"), np.asarray(lengths, "int32")
        if waveform.ndim != 2 or lengths.shape != waveform.shape[:1]:
            raise ZooError(
                f"`waveform` and `lengths` must be of one batch. Received: {waveform.shape}, {lengths.shape}."
            )
        if not self._alone:
            outputs = self.call(waveform=waveform, lengths=lengths)
        else:
            one = self._whole if "stream" in self.about else self.call
            rows = [one(waveform=w[None], lengths=n[None]) for w, n in zip(waveform, lengths, strict=True)]
            outputs = {name: np.concatenate(_wide([row[name] for row in rows])) for name in rows[0]}
        return {"lengths" if name == "frames" else name: np.asarray(value) for name, value in outputs.items()}

    def call(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The file's outputs for its inputs, all by the names that it gives them."""
        with self._explained():
            return self._call(**inputs)

    def stream(self) -> "SessionStream":
        """A recording that comes bit by bit. Raises ZooError for a file that was not exported to stream."""
        if "stream" not in self.about:
            raise ZooError(f"`path` must be a file of `zoo export --stream`. Received: {self.path}.")
        return SessionStream(self)

    def _whole(self, waveform: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        logits = self.stream().advance(waveform[0, : lengths[0]], last=True)
        return {"logits": logits[None], "frames": np.array([len(logits)], "int32")}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            reason = first_line(error, 300)
            raise ZooError(f"`path` must be what `export` wrote. Received: {self.path} ({reason}).") from error


class SessionStream:
    """One recording that a file of `zoo export --stream` hears bit by bit.

    Args:
        session: The file.
    """

    def __init__(self, session: Session):
        self.call, about = session.call, session.about["stream"]
        self.chunk, self.rows, self.goes_on = about["chunk"], about["rows"], about["goes_on"]
        self.state, self.start = np.zeros((1, about["state"]), "float32"), 0
        self.waiting, self.given = np.zeros(0, "float32"), -about["delay"]  # samples; rows of logits that came out
        self.nothing = np.zeros((0, len(session.about["vocabulary"]) + 1), "float32")

    def advance(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
        """Take the next samples (n,) at the model's rate and return the logits (k, symbols) that are final now."""
        self.waiting, found = np.concatenate([self.waiting, np.asarray(samples, "float32")]), [self.nothing]
        while len(self.waiting) >= self.chunk:
            found.append(self._step(self.goes_on)[0])
        if last:
            length, frames = self.start + len(self.waiting), self.given + 1
            while self.given < frames:
                logits, frames = self._step(length)
                found.append(logits[: len(logits) + min(0, frames - self.given)])
        return np.concatenate(found)

    def _step(self, length: int) -> tuple[np.ndarray, int]:
        """Logits of real rows, and the rows of the recording."""
        waveform = np.zeros((1, self.chunk), "float32")
        part, self.waiting = self.waiting[: self.chunk], self.waiting[self.chunk :]
        waveform[0, : len(part)] = part
        start, lengths = np.array([self.start], "int32"), np.array([length], "int32")
        outputs = self.call(waveform=waveform, start=start, lengths=lengths, state=self.state)
        logits = outputs["logits"][0, max(0, -self.given) :]
        self.state, self.start, self.given = outputs["next_state"], self.start + self.chunk, self.given + self.rows
        return logits, int(outputs["frames"][0])


def _wide(rows: list[np.ndarray]) -> list[np.ndarray]:
    """Arrays (1, frames, ...) padded with zeros to the most frames of any."""
    if rows[0].ndim < 3:
        return rows
    most = max(row.shape[1] for row in rows)
    return [np.pad(row, ((0, 0), (0, most - row.shape[1]), *((0, 0),) * (row.ndim - 2))) for row in rows]


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
    return interpreter.get_signature_runner()


def _onnx(path: Path) -> Callable:
    session = _onnx_session(path)
    names = [output.name for output in session.get_outputs()]
    return lambda **inputs: dict(zip(names, session.run(names, inputs), strict=True))


def _savedmodel(path: Path) -> Callable:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # kept: its signatures live as long as it does
    return lambda **inputs: loaded.signatures["serving_default"](
        **{name: tf.constant(value) for name, value in inputs.items()}
    )


def read_metadata(path: str | os.PathLike) -> dict:
    """Read what an exported file says of itself: name, task, sample_rate, labels or vocabulary, card, ...; {} for nothing.

    >>> read_metadata("mini.tflite")["labels"][:2]  # doctest: +SKIP
    ['zero', 'one']
    """
    path, format = _existing(path)
    if format == "onnx":
        need(FORMATS[format].runs, f"Reading {path.name}")
    try:
        if format == "litert":
            if not zipfile.is_zipfile(path):
                return {}
            with zipfile.ZipFile(path) as archive:
                text = archive.read(METADATA).decode()
        elif format == "onnx":
            text = _onnx_session(path).get_modelmeta().custom_metadata_map.get(METADATA, "{}")
        else:
            extra = path / "assets.extra" / METADATA
            text = extra.read_text(encoding="utf-8") if extra.exists() else "{}"
        about = json.loads(text)
    except Exception as error:  # those of onnxruntime have no class of their own
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
