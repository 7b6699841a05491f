"""Training losses. They take logits and true lengths, and say no to what cannot be learnt."""

import numpy as np
from keras import ops

from zoo.errors import DataError
from zoo.text import BLANK


def ctc_loss(labels, logits, lengths):
    """Connectionist temporal classification (Graves et al. 2006), one value for each utterance.

    `keras.losses.CTC` takes every padded frame for a real one; this one uses the true lengths.

    Args:
        labels: (batch, label) int ids, padded on the right with 0, the blank.
        logits: (batch, frames, symbols), before the softmax.
        lengths: (batch,) true frames.
    Returns: (batch,) negative log likelihood in nats, summed over each utterance's labels.
    """
    labels = ops.cast(labels, "int32")
    label_lengths = ops.sum(ops.cast(ops.not_equal(labels, BLANK), "int32"), axis=1)
    return ops.ctc_loss(labels, logits, label_lengths, ops.cast(lengths, "int32"), mask_index=BLANK)


def frames_needed(labels) -> int:
    """Fewest frames in which CTC can emit `labels`: one each, and a blank between two that are equal."""
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))


def check_feasible(labels, n_frames: int, name: str = "utterance") -> None:
    """Raises DataError where `n_frames` cannot hold `labels`: CTC's loss would be infinite, or silently wrong."""
    needed = frames_needed(labels)
    if n_frames < needed:
        raise DataError(
            f"CTC needs a frame for each label and one between repeats: {name} has {len(labels)} labels "
            f"that need {needed} frames, and {n_frames} frames of audio; check its transcript or its recording."
        )
