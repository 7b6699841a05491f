"""The y of `fit` and `evaluate`, checked before Keras sees it: ids, or the names and texts that they stand for."""

import warnings
from collections.abc import Sequence

import numpy as np

from zoo.errors import DataError
from zoo.losses import frames_needed
from zoo.text import LabelEncoder, Vocabulary


def class_ids(y, encoder: LabelEncoder) -> np.ndarray:
    """Class ids (clips,) of names, of ids (clips,) or (clips, 1), or of one-hot rows (clips, classes). Raises DataError.

    >>> class_ids(["yes", "no"], LabelEncoder(["no", "yes"]))
    array([1, 0], dtype=int32)
    """
    values, classes = np.asarray(y), len(encoder)
    if values.dtype.kind in "OU":
        return np.array([encoder.encode(str(name))[0] for name in values.reshape(-1)], "int32")
    if values.ndim == 2 and values.shape[1] == classes > 1 and set(np.unique(values)) <= {0, 1}:
        if (values.sum(axis=1) == 1).all():
            return values.argmax(axis=1).astype("int32")
    ids = values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values
    if ids.ndim != 1 or not np.array_equal(ids, np.round(ids)):
        raise DataError(f"`y` must be class ids (clips,), or names. Received: shape {values.shape}, {values.dtype}.")
    if wrong := sorted({int(i) for i in ids if not 0 <= i < classes}):
        raise DataError(f"`y` must hold ids from 0 to {classes - 1}, of {classes} classes. Received: {wrong[:5]}.")
    return ids.astype("int32")


def label_ids(y, vocabulary: Vocabulary, frames: Sequence[int]) -> np.ndarray:
    """Label ids (utterances, labels) of texts, or of ids that are padded on the right with 0, the blank.

    Args:
        y: Texts, or (utterances, labels) ids.
        vocabulary: What the model writes.
        frames: Frames of the output of each utterance, () where they are not known.

    Raises:
        DataError: For ids that are no symbols, or where no utterance has as many frames as its labels need.

    >>> label_ids(["ab", "a"], Vocabulary("ab"), [9, 9])
    array([[1, 2],
           [1, 0]], dtype=int32)
    """
    if isinstance(y, list | tuple | np.ndarray) and len(y) and all(isinstance(text, str) for text in y):
        encoded = [vocabulary.encode(text) for text in y]
        ids = np.zeros((len(encoded), max(1, *map(len, encoded))), "int32")
        for row, labels in zip(ids, encoded, strict=True):
            row[: len(labels)] = labels
    else:
        ids = np.asarray(y)
    if ids.ndim != 2 or ids.dtype.kind not in "iuf" or not np.array_equal(ids, np.round(ids)):
        raise DataError(
            f"`y` must be label ids (utterances, labels), or texts. Received: shape {ids.shape}, {ids.dtype}."
        )
    if wrong := sorted({int(i) for i in np.unique(ids) if not 0 <= i < len(vocabulary)}):
        rule = f"must hold ids from 1 to {len(vocabulary) - 1}, padded on the right with 0"
        raise DataError(f"`y` {rule}. Received: {wrong[:5]}.")
    needed = [frames_needed(row[row > 0]) for row in ids]
    if late := [i for i, (most, least) in enumerate(zip(frames, needed, strict=False)) if least > most]:
        first = f"utterance {late[0]} has {frames[late[0]]} frames and labels that need {needed[late[0]]}"
        if len(late) == len(ids):
            raise DataError(
                f"`y` must fit into the frames of its utterance: CTC emits a label a frame. Received: {first}."
            )
        warnings.warn(f"{len(late)} of {len(ids)} utterances teach nothing: {first}.", stacklevel=4)
    return ids.astype("int32")
