"""Weights files: Keras' HDF5 in half precision, with the labels; and whether a saved model is as large as it says."""

import io
import json
import os
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.errors import WeightsError

NAMES = ("labels", "vocabulary")  # fields of a Config that say what the logits mean
_LOADING = threading.RLock()  # one file at a time: Keras has one add_weight for all threads
LARGEST = (
    4096  # field of a Config, but the sample rate, that a saved model may have: more fills the memory before any weight
)


def stored_names(path: Path) -> dict:
    """What a weights file says of the meaning of the logits: the value of each field of NAMES that it has."""
    import h5py

    try:
        with h5py.File(path) as file:
            found = {field: json.loads(file.attrs[field]) for field in NAMES if field in file.attrs}
    except (OSError, ValueError):  # no such file, which is said later
        return {}
    return {field: tuple(names) if isinstance(names, list) else names for field, names in found.items()}


def stored_size(path: Path) -> int:
    """Numbers in a weights file. Keras loads what it finds and leaves the rest unread."""
    return sum(_sizes_of_arrays(path))


def _sizes_of_arrays(file: Path | io.BytesIO) -> list[int]:
    """The size of every array in an HDF5 file, the optimizer's left out."""
    import h5py

    sizes = []

    def add(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            sizes.append(item.size)

    with h5py.File(file) as opened:
        opened.visititems(add)
    return sizes


def save_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Saves weights in half precision, compressed: half the size, and no word changes. Written whole or not at all.

    The optimizer's state is left out: it is three times as large and of no use to who transcribes.
    """
    path = Path(path)
    for variable in model.weights:
        if not np.abs(np.asarray(variable)).max(initial=0) <= np.finfo("float16").max:
            raise WeightsError(f"Weights must be finite and below 65,504; {variable.path} holds others.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        # HDF5 crashes the process where a disk is full, so its files are made in memory; zip files and bytes do not.
        whole, made = Path(folder) / "whole.keras", Path(folder) / "half.weights.h5"
        model.save(whole)
        with zipfile.ZipFile(whole) as archive:
            made.write_bytes(half_precision(archive.read("model.weights.h5"), asdict(model.config)))
        os.replace(made, path)


def half_precision(content: bytes, config: dict) -> bytes:
    """An HDF5 file of weights as one in half precision, with the labels of a config and without the optimizer."""
    import h5py

    made = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(made, "w", libver="v110") as target:
        target.attrs.update(source.attrs)
        target.attrs.update({field: json.dumps(config[field]) for field in NAMES if field in config})

        def copy(name, item):
            if name.startswith("optimizer"):
                return
            if isinstance(item, h5py.Group):
                target.require_group(name).attrs.update(item.attrs)
            elif item.dtype == "float32" and item.ndim:
                # Shuffled bytes compress better: the exponents come to lie side by side.
                target.create_dataset(name, data=item[()].astype("float16"), compression=9, shuffle=True)
            else:
                target.create_dataset(name, data=item[()])

        source.visititems(copy)
    return made.getvalue()


@contextmanager
def built_as_stored(path: Path) -> Iterator[None]:
    """While a .keras file is loaded, no more weights can be made than it may hold. Raises WeightsError.

    A config of a few bytes can ask for layers of any size, and Keras makes them before it looks at the weights.
    """
    with zipfile.ZipFile(path) as archive:
        sizes = {file.filename: file.file_size for file in archive.infolist()}
        if sum(sizes.values()) > 100 * path.stat().st_size:
            raise WeightsError(f"{path.name} must not unpack to a hundred times its size.")
        for field, value in _sizes(json.loads(archive.read("config.json"))):
            if value > LARGEST and field != "sample_rate":
                raise WeightsError(f"`{field}` of a saved model must be at most {LARGEST}. Received: {value}.")
        stored = len(_sizes_of_arrays(io.BytesIO(archive.read("model.weights.h5"))))
    # Of numbers the smallest take half a byte; a quantized layer has arrays for a moment that it does not store.
    left = {"numbers": 2 * sizes["model.weights.h5"], "arrays": 10 + 3 * stored}
    loader = threading.get_ident()
    with _LOADING:
        add_weight = keras.layers.Layer.add_weight

        def counted(layer, shape=None, *args, **kwargs):
            if threading.get_ident() == loader:
                left["numbers"] -= np.prod(shape or (), dtype="float64")
                left["arrays"] -= 1
            if min(left.values()) < 0:
                raise WeightsError(f"The config in {path.name} asks for more weights than the file holds.")
            return add_weight(layer, shape, *args, **kwargs)

        keras.layers.Layer.add_weight = counted
        try:
            yield
        finally:
            keras.layers.Layer.add_weight = add_weight


def _sizes(config: Any) -> Iterator[tuple[str, int]]:
    """The whole numbers in each Config within the config of a saved model."""
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from _sizes(value)
    if isinstance(config, dict) and "architecture_name" in config and isinstance(config.get("config"), dict):
        yield from ((field, value) for field, value in config["config"].items() if isinstance(value, int))
