"""Training losses. They take logits and true lengths, and give one value for each utterance."""

from collections.abc import Mapping, Sequence

import numpy as np
from keras import ops

from zoo.layers import Tensor, frame_mask, reverse_frames
from zoo.text import BLANK, LOG_ZERO

ERROR_DB = 10.0  # deviation of the Gaussian around a reconstruction: an error of this many dB costs half a nat


def ctc_loss(labels: Tensor, logits: Tensor, lengths: Tensor) -> Tensor:
    """Connectionist temporal classification (Graves et al. 2006).

    `keras.losses.CTC` counts padded frames as real; this loss uses the true lengths. Labels that need more frames than there
    are have a loss and a gradient of 0 (Keras': a finite loss and a wrong gradient). The gradient is the paper's (equation 15),
    from the sums over paths from the left and from the right, which one loop over the frames computes; `keras.ops.ctc_loss`
    differentiates each step and takes several times as long.

    Args:
        labels: (batch, label) int ids, padded on the right with 0, the blank.
        logits: (batch, frames, symbols), before the softmax.
        lengths: (batch,) true frames.

    Returns:
        (batch,) negative log likelihood in nats; NaN where a label is not a symbol (for example padding with -1).

    >>> logits = np.zeros((1, 3, 2), "float32")  # blank and one letter, equally likely in three frames
    >>> round(float(ctc_loss(np.array([[1]]), logits, np.array([3]))[0]), 4)  # six of the eight paths spell it
    0.2877
    """
    labels, lengths = ops.cast(labels, "int32"), ops.cast(lengths, "int32")
    logits = ops.cast(logits, "float32")
    n_frames, symbols = ops.shape(logits)[1], logits.shape[2]
    # The states of a path: blank, first label, blank, second label, ..., blank.
    count = 2 * ops.sum(ops.cast(labels != BLANK, "int32"), axis=1) + 1  # states of each utterance
    states = ops.reshape(ops.stack([ops.zeros_like(labels), labels], axis=2), (ops.shape(labels)[0], -1))
    states = ops.pad(states, ((0, 0), (0, 1)))  # (batch, states)
    backwards = reverse_frames(states[:, :, None], count)[:, :, 0]
    one_hot = ops.one_hot(states, symbols)  # (batch, states, symbols)
    known = ops.all(ops.logical_and(labels >= 0, labels < symbols), axis=1)

    def reverse_states(values):
        return ops.transpose(reverse_frames(ops.transpose(values, (0, 2, 1)), count), (0, 2, 1))

    def loss_and_gradient(logits):
        log_probabilities = ops.log_softmax(logits, axis=-1)
        emitted = ops.matmul(log_probabilities, ops.transpose(one_hot, (0, 2, 1)))  # (batch, frames, states)
        # Sums over the paths that end in a state, and over those that begin in it: the same with all reversed.
        both = ops.concatenate([emitted, reverse_states(reverse_frames(emitted, lengths))], axis=0)
        sums = _path_sums(both, ops.concatenate([states, backwards], axis=0))  # (2 * batch, frames, states)
        left, right = ops.split(sums, 2, axis=0)
        right = reverse_frames(reverse_states(right), lengths)
        real = ops.logical_and(
            frame_mask(lengths, n_frames)[:, :, None], frame_mask(count, ops.shape(states)[1])[:, None, :]
        )
        through = ops.where(real, left + right - emitted, LOG_ZERO)  # log P of all paths through a state at a frame
        total = ops.logsumexp(through[:, 0], axis=1)  # every path is in some state at the first frame
        possible = total > LOG_ZERO / 2
        # Normalised by the frame's own total, equal to `total` but for rounding: so each frame's posteriors sum to 1.
        posterior = ops.softmax(through, axis=2)
        counted = ops.logical_and(real, possible[:, None, None])
        expected = ops.matmul(ops.where(counted, posterior, 0.0), one_hot)  # (batch, frames, symbols)
        active = ops.logical_and(frame_mask(lengths, n_frames), possible[:, None])[:, :, None]
        slope = ops.where(active, ops.exp(log_probabilities) - expected, 0.0)

        def gradient(*args, upstream=None):
            (upstream,) = args if upstream is None else (upstream,)
            return upstream[:, None, None] * slope

        return ops.where(known, ops.where(possible, -total, 0.0), np.nan), gradient

    return ops.custom_gradient(loss_and_gradient)(logits)


def _path_sums(emitted, states):
    """log P of all paths to a state at a frame (equation 6), shaped as `emitted`, the log P of each state's symbol."""
    # From each state a path may stay, advance by one, or by two where that skips a blank between different labels.
    skips = ops.logical_and(states[:, 2:] != BLANK, states[:, 2:] != states[:, :-2])
    bar = ops.pad(ops.where(skips, 0.0, LOG_ZERO), ((0, 0), (2, 0)), constant_values=LOG_ZERO)
    n_states = ops.shape(states)[1]
    start = ops.where(ops.arange(n_states)[None, :] < 1, 0.0, LOG_ZERO) + ops.zeros_like(bar)  # before the first frame

    def step(sums, emitted):
        one = ops.pad(sums, ((0, 0), (1, 0)), constant_values=LOG_ZERO)[:, :n_states]
        two = ops.pad(sums, ((0, 0), (2, 0)), constant_values=LOG_ZERO)[:, :n_states] + bar
        most = ops.maximum(ops.maximum(sums, one), two)
        total = ops.exp(sums - most) + ops.exp(one - most) + ops.exp(two - most)
        sums = ops.maximum(most + ops.log(total) + emitted, LOG_ZERO)
        return sums, sums

    _, sums = ops.scan(step, start, ops.transpose(emitted, (1, 0, 2)))
    return ops.transpose(sums, (1, 0, 2))


def frames_needed(labels: Sequence[int]) -> int:
    """Counts the fewest frames in which CTC can emit `labels`: one each, and a blank between two that are equal.

    >>> frames_needed([1, 2, 2])
    4
    """
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))


def distillation(
    teacher_logits: Tensor, logits: Tensor, lengths: Tensor | None = None, temperature: float = 1.0
) -> Tensor:
    """Kullback-Leibler divergence of a network from its teacher, (batch,) nats (Hinton et al. 2015, section 2).

    Both softmaxes are at a temperature T, at which what the teacher holds for unlikely counts as well. The gradients shrink with
    1 / T^2, so the divergence is multiplied by T^2.

    Args:
        teacher_logits: (batch, classes), or (batch, frames, symbols).
        logits: Of the network, of the same shape.
        lengths: (batch,) true frames, over which the divergence is summed; None without frames.
        temperature: T; 1 compares the probabilities as they are.

    >>> logits = np.zeros((1, 3, 2), "float32")
    >>> float(distillation(logits, logits + 1, np.array([3]))[0])
    0.0
    """
    teacher, student = (ops.log_softmax(x / temperature, axis=-1) for x in (teacher_logits, logits))
    # (batch,) or (batch, frames)
    divergence = temperature**2 * ops.sum(ops.exp(teacher) * (teacher - student), axis=-1)
    if lengths is None:
        return divergence
    return ops.sum(ops.where(frame_mask(lengths, ops.shape(divergence)[1]), divergence, 0.0), axis=1)


def cross_entropy(labels: Tensor, logits: Tensor, margin: float = 0.0) -> Tensor:
    """Cross-entropy of one class for each clip, (batch,) nats, from ids (batch,) or (batch, 1) and logits (batch, classes).

    With a margin, the logit of the right class counts for so much less (Wang et al., "CosFace", CVPR 2018).

    >>> round(float(cross_entropy(np.array([3]), np.zeros((1, 10), "float32"))[0]), 3)  # log 10
    2.303
    """
    labels = ops.reshape(ops.cast(labels, "int32"), (-1,))
    if margin:
        logits = logits - margin * ops.one_hot(labels, logits.shape[-1])
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def squared_error(target: Tensor, outputs: Mapping[str, Tensor], lengths: Tensor | None = None) -> Tensor:
    """The loss of an autoencoder: mean squared error over the real frames, plus its code's divergence.

    The error is the negative log likelihood of a Gaussian with a deviation of ERROR_DB around each point of the target
    (batch, frames, bands) in dB, so both are nats (Kingma & Welling 2014, equation 10). Without lengths all frames are real.

    >>> frames = np.zeros((1, 5, 3), "float32")
    >>> float(squared_error(frames + 10, {"reconstruction": frames})[0])  # 10 dB off everywhere
    0.5
    """
    error = (
        ops.mean(ops.square(ops.subtract(outputs["reconstruction"], target) / ERROR_DB), axis=2) / 2
    )  # (batch, frames)
    real = ops.ones_like(error)
    if lengths is not None:
        real = ops.cast(frame_mask(lengths, ops.shape(error)[1]), error.dtype)
    return ops.sum(error * real, axis=1) / ops.sum(real, axis=1) + outputs.get("divergence", 0.0)
