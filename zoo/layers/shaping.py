"""Layers that change how many frames there are, or rescale their values."""

import numpy as np
from keras import ops

from zoo.layers._base import FixedLayer, Tensor, check_positive
from zoo.layers.masking import frame_mask


class Rescale(FixedLayer):
    """scale * x + offset. (Keras' own `Rescaling` needs TensorFlow under every backend.)"""

    def __init__(self, scale: float, offset: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, x: Tensor) -> Tensor:
        return self.scale * x + self.offset


class CutFrames(FixedLayer):
    """Cuts frames (batch, n, bins) to as many as another tensor has."""

    def call(self, frames: Tensor, like: Tensor) -> Tensor:
        return frames[:, : ops.shape(like)[1]]


class Splice(FixedLayer):
    """Joins each group of `size` neighbouring frames into one long frame; the last real frame fills up the last group.

    Call:
        (frames (batch, frames, n), lengths) -> ((batch, ceil(frames / size), size * n), lengths in groups).
    """

    def __init__(self, size: int = 5, **kwargs):
        super().__init__(**kwargs)
        check_positive(size=size)
        self.size = size

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        size, n_frames = self.size, ops.shape(frames)[1]
        lengths = ops.cast(lengths, "int32")
        groups = (n_frames + size - 1) // size
        time = ops.arange(groups * size, dtype="int32")[None, :]
        index = ops.minimum(time, lengths[:, None] - 1)
        spliced = ops.take_along_axis(frames, index[:, :, None], axis=1)
        return ops.reshape(spliced, (-1, groups, size * frames.shape[2])), (lengths + size - 1) // size


class TrimSilence(FixedLayer):
    """Cuts quiet frames off both ends of each clip, as `librosa.effects.trim` cuts samples.

    Args:
        top_db: A frame is quiet where its loudest band is this many dB below the clip's loudest frame.
        margin: Quiet frames to keep at either end where there are any: words begin and end softly.

    Call:
        (frames (batch, frames, n) in dB, lengths) -> (frames moved to the left, 0 in the padding; new lengths).

    >>> frames = np.array([-80, -80, -5, 0, -5, -80], "float32").reshape(1, 6, 1)
    >>> [int(n) for n in TrimSilence(40, margin=1)(frames, np.array([6]))[1]]
    [5]
    """

    def __init__(self, top_db: float = 22.0, margin: int = 3, **kwargs):
        super().__init__(**kwargs)
        check_positive(top_db=top_db)
        self.top_db, self.margin = top_db, margin

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        n_frames = ops.shape(frames)[1]
        lengths = ops.cast(lengths, "int32")
        time = ops.arange(n_frames, dtype="int32")[None, :]
        loudness = ops.where(frame_mask(lengths, n_frames), ops.max(frames, axis=2), -1e9)  # (batch, frames)
        loud = loudness > ops.max(loudness, axis=1, keepdims=True) - self.top_db
        first = ops.maximum(ops.min(ops.where(loud, time, n_frames), axis=1) - self.margin, 0)
        last = ops.minimum(ops.max(ops.where(loud, time, 0), axis=1) + self.margin, lengths - 1)
        index = ops.minimum(time + first[:, None], n_frames - 1)
        kept = last - first + 1
        moved = ops.take_along_axis(frames, index[:, :, None], axis=1)
        return ops.where(frame_mask(kept, n_frames)[:, :, None], moved, 0.0), kept


class TimeResize(FixedLayer):
    """Stretches or compresses each clip along time to `width` frames, an image of one channel.

    This is linear time normalisation, which word recognizers used before dynamic time warping (Sakoe & Chiba 1978).
    Every new frame is interpolated between two real ones, so padding has no effect.

    Call:
        (frames (batch, frames, n), lengths) -> (batch, width, n, 1).

    >>> tuple(TimeResize(32)(np.zeros((2, 70, 40), "float32"), np.array([70, 41])).shape)
    (2, 32, 40, 1)
    """

    def __init__(self, width: int = 48, **kwargs):
        super().__init__(**kwargs)
        check_positive(width=width)
        self.width = width

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        last = ops.cast(lengths, "float32")[:, None] - 1.0
        centre = (np.arange(self.width, dtype="float32") + 0.5) / self.width  # of each new frame, from 0 to 1
        position = ops.clip((last + 1.0) * centre[None, :] - 0.5, 0.0, last)  # (batch, width), in old frames
        below = ops.floor(position)
        part = (position - below)[:, :, None]
        above = ops.minimum(below + 1.0, last)
        low, high = (
            ops.take_along_axis(frames, ops.cast(index, "int32")[:, :, None], axis=1) for index in (below, above)
        )
        return (low * (1.0 - part) + high * part)[..., None]


class SumClasses(FixedLayer):
    """Makes one class of all but the first `keep`: its logit is the log of the sum of their exponentials.

    Softmax then gives that class the sum of their probabilities: "another word" is any of many words, which a network
    tells apart more easily than it learns what they have in common.

    Call:
        (batch, classes) -> (batch, keep + 1).

    >>> np.exp(SumClasses(1)(np.log([[0.5, 0.2, 0.3]]))).round(3).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, keep: int, **kwargs):
        super().__init__(**kwargs)
        check_positive(keep=keep)
        self.keep = keep

    def call(self, logits: Tensor) -> Tensor:
        rest = ops.logsumexp(logits[:, self.keep :], axis=1, keepdims=True)
        return ops.concatenate([logits[:, : self.keep], rest], axis=1)
