"""Weights files: Keras' HDF5 in half precision, with the labels."""

import io
import json
import os
import tempfile
import zipfile
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from zoo.errors import WeightsError

NAMES = ("labels", "vocabulary")  # fields of a Config that say what the logits mean


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
    """Numbers in a weights file, the optimizer's left out. Keras loads what it finds and leaves the rest unread."""
    import h5py

    sizes = []

    def add(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            sizes.append(item.size)

    with h5py.File(path) as file:
        file.visititems(add)
    return sum(sizes)


def save_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Saves weights in half precision, compressed: half the size, and no word changes. Written whole or not at all.

    The optimizer's state is left out: it is three times as large and of no use to who transcribes.

    Raises:
        WeightsError: If a weight is not a number that half precision holds.
    """
    path = Path(path)
    for variable in model.weights:
        if not np.abs(np.asarray(variable)).max(initial=0) <= np.finfo("float16").max:
            raise WeightsError(
                f"Weights are finite and below 65,504; {variable.path} holds others: nothing was saved (a lower learning rate "
                f"keeps them small)."
            )
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
