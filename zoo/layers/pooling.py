"""From the frames of a clip to one vector, and from that to logits by cosine."""

from keras import ops

from zoo.layers._base import FixedLayer, Layer, Tensor
from zoo.layers.masking import frame_mask


class LastFrame(FixedLayer):
    """The last real frame of each clip (batch, n): the state of a recurrent layer that has read it and no padding.

    >>> import numpy as np
    >>> np.asarray(LastFrame()(np.array([[[1.0], [2.0], [0.0]]], "float32"), np.array([2]))).tolist()
    [[2.0]]
    """

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        last = ops.maximum(ops.cast(lengths, "int32") - 1, 0)[:, None, None]
        return ops.take_along_axis(frames, last, axis=1)[:, 0]


class MeanFrames(FixedLayer):
    """The mean of the real frames of each clip, (batch, n).

    >>> import numpy as np
    >>> np.asarray(MeanFrames()(np.array([[[1.0], [2.0], [9.0]]], "float32"), np.array([2]))).tolist()
    [[1.5]]
    """

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        real = ops.cast(frame_mask(lengths, ops.shape(frames)[1]), frames.dtype)[:, :, None]
        return ops.sum(frames * real, axis=1) / ops.sum(real, axis=1)


class StatisticsPooling(FixedLayer):
    """Mean and standard deviation of the real frames of each clip, (batch, 2 * n) (Snyder et al. 2018)."""

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        real = ops.cast(frame_mask(lengths, ops.shape(frames)[1]), "float32")[:, :, None]
        count = ops.cast(lengths, "float32")[:, None, None]
        mean = ops.sum(frames * real, axis=1, keepdims=True) / count
        variance = ops.sum(ops.square(frames - mean) * real, axis=1, keepdims=True) / count
        # The square root has no finite slope at 0, where a unit is silent throughout.
        return ops.concatenate([mean, ops.sqrt(variance + 1e-5)], axis=-1)[:, 0]


class CosineLogits(Layer):
    """Scaled cosine between an embedding and a trained direction for each class (Wang et al., "NormFace", 2017).

    The embeddings (batch, n) have length 1. They are scaled, since no softmax of logits within -1 and 1 nears certainty.
    """

    def __init__(self, classes: int, scale: float, **kwargs):
        super().__init__(**kwargs)
        self.classes, self.scale = classes, scale

    def build(self, shape):
        self.directions = self.add_weight((shape[-1], self.classes), "glorot_uniform", name="directions")

    def call(self, embedding: Tensor) -> Tensor:
        return self.scale * ops.matmul(embedding, ops.normalize(self.directions, axis=0))
