"""Masks and reversal by true lengths: they keep padding out of the frames that are real."""

from keras import ops

from zoo.layers._base import FixedLayer, Tensor


def frame_mask(lengths: Tensor, n_frames: int) -> Tensor:
    """Returns which frames of a batch are real, by true lengths (batch,): (batch, n_frames) booleans, False in the padding.

    >>> import numpy as np
    >>> np.asarray(frame_mask(np.array([1, 3]), 3)).astype(int).tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    return ops.arange(n_frames, dtype="int32")[None, :] < ops.cast(lengths, "int32")[:, None]


def reverse_frames(frames: Tensor, lengths: Tensor) -> Tensor:
    """Reverses each sequence (batch, frames, n) within its own length; padding stays on the right. Its own inverse.

    >>> import numpy as np
    >>> np.asarray(reverse_frames(np.array([[[1.0], [2.0], [0.0]]]), np.array([2]))).ravel().tolist()
    [2.0, 1.0, 0.0]
    """
    time = ops.arange(ops.shape(frames)[1], dtype="int32")[None, :]
    last = ops.cast(lengths, "int32")[:, None] - 1
    index = ops.where(time <= last, last - time, time)
    return ops.take_along_axis(frames, index[:, :, None], axis=1)


class MaskFrames(FixedLayer):
    """Sets padded frames (batch, frames, n) to 0, as a convolution over time needs them.

    >>> import numpy as np
    >>> np.asarray(MaskFrames()(np.array([[[1.0], [2.0], [9.0]]], "float32"), np.array([2]))).ravel().tolist()
    [1.0, 2.0, 0.0]
    """

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return frames * ops.cast(frame_mask(lengths, ops.shape(frames)[1]), frames.dtype)[:, :, None]


class FrameMask(FixedLayer):
    """The attention mask of frames and lengths, (batch, 1, frames) booleans: each may attend to every real frame."""

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return frame_mask(lengths, ops.shape(frames)[1])[:, None, :]


class Positions(FixedLayer):
    """Adds sines and cosines of the frame's number to frames (batch, frames, n) (Vaswani et al. 2017, section 3.5)."""

    def call(self, frames: Tensor) -> Tensor:
        n = frames.shape[2]
        time = ops.arange(ops.shape(frames)[1], dtype="float32")[:, None]
        rate = ops.exp(ops.arange(0, n, 2, dtype="float32") * (-9.21 / n))[None, :]  # 1 to 1 / 10,000
        return frames + ops.concatenate([ops.sin(time * rate), ops.cos(time * rate)], axis=1)[None, :, :n]
