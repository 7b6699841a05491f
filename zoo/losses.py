"""Training losses. They take logits and true lengths."""

import numpy as np
from keras import ops

from zoo.layers import frame_mask
from zoo.text import BLANK


def ctc_loss(labels, logits, lengths):
    """Connectionist temporal classification (Graves et al. 2006), one value for each utterance.

    `keras.losses.CTC` takes every padded frame for a real one; this one uses the true lengths. Labels that need more
    frames than there are cannot be emitted at all; Keras gives them a finite loss and a wrong gradient, here they
    have none: the loss is 0 (`zoo train` names and leaves out such utterances before).

    Args:
        labels: (batch, label) int ids, padded on the right with 0, the blank.
        logits: (batch, frames, symbols), before the softmax.
        lengths: (batch,) true frames.
    Returns: (batch,) negative log likelihood in nats, summed over each utterance's labels.

    >>> logits = np.zeros((1, 3, 2), "float32")  # blank and one letter, equally likely in three frames
    >>> round(float(ctc_loss(np.array([[1]]), logits, np.array([3]))[0]), 4)  # six of the eight paths spell it
    0.2877
    """
    labels = ops.cast(labels, "int32")
    label_lengths = ops.sum(ops.cast(ops.not_equal(labels, BLANK), "int32"), axis=1)
    lengths = ops.cast(lengths, "int32")
    losses = ops.ctc_loss(labels, logits, label_lengths, lengths, mask_index=BLANK)
    repeats = ops.logical_and(ops.equal(labels[:, 1:], labels[:, :-1]), ops.not_equal(labels[:, 1:], BLANK))
    needed = label_lengths + ops.sum(ops.cast(repeats, "int32"), axis=1)
    return ops.where(needed <= lengths, losses, 0.0)


def frames_needed(labels) -> int:
    """Fewest frames in which CTC can emit `labels`: one each, and a blank between two that are equal.

    >>> frames_needed([1, 2, 2])
    4
    """
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))


def cross_entropy(labels, logits):
    """Cross-entropy of one class for each clip.

    Args:
        labels: (batch,) or (batch, 1) int ids of classes. logits: (batch, classes), before the softmax.
    Returns: (batch,) negative log likelihood in nats.

    >>> round(float(cross_entropy(np.array([3]), np.zeros((1, 10), "float32"))[0]), 3)  # log 10
    2.303
    """
    labels = ops.reshape(ops.cast(labels, "int32"), (-1,))
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


ERROR_DB = 10.0  # an error of so many dB costs half a nat: the deviation of a Gaussian around the reconstruction


def squared_error(target, outputs, lengths=None):
    """What an autoencoder is to make small: the mean squared error in dB over the real frames, and its code's divergence.

    As the negative log likelihood of a Gaussian with a deviation of ERROR_DB around each reconstructed point, without its
    constant; so the divergence of a variational autoencoder, in nats, can be added to it (Kingma & Welling 2014, eq. 10).

    Args:
        target: (batch, frames, bands) in dB. outputs: a network's "reconstruction", and "divergence" where it has one.
        lengths: (batch,) real frames; all of them, unless given.
    Returns: (batch,) nats a point.

    >>> picture = np.zeros((1, 5, 3), "float32")
    >>> float(squared_error(picture + 10, {"reconstruction": picture})[0])  # 10 dB off everywhere
    0.5
    """
    error = ops.mean(ops.square((outputs["reconstruction"] - target) / ERROR_DB), axis=2) / 2  # (batch, frames)
    if lengths is not None:
        real = ops.cast(frame_mask(lengths, ops.shape(error)[1]), error.dtype)
        loss = ops.sum(error * real, axis=1) / ops.sum(real, axis=1)
    else:
        loss = ops.mean(error, axis=1)
    return loss + outputs["divergence"] if "divergence" in outputs else loss
