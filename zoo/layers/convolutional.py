"""Convolutions whose result does not depend on how far a clip was padded.

Keras' padding="same" with a stride puts its zeros where the padded length requires them, so a clip in a batch
would differ from the same clip alone. Here half a kernel of zeros lies on either side, always.
"""

import keras
from keras import ops

from zoo.layers._base import Layer, Tensor
from zoo.layers.masking import frame_mask


def _zero_padding(frames, lengths):
    """Frames (batch, frames, bins, channels) with 0 in the padding."""
    return ops.where(frame_mask(lengths, ops.shape(frames)[1])[:, :, None, None], frames, 0.0)


class _Convolution(Layer):
    """What the three have in common: a Keras convolution `conv`, built for the shape of its frames."""

    def build(self, frames_shape, lengths_shape=None):
        self.conv.build(frames_shape)


class StridedConv1D(_Convolution):
    """A convolution over time that keeps every `stride`-th frame: frame t is centred on frame t * stride of the input.

    Call:
        (frames (batch, frames, n), 0 in the padding; lengths) ->
        (frames (batch, ceil(frames / stride), filters), lengths).

    >>> import numpy as np
    >>> frames, lengths = StridedConv1D(8, kernel_size=3, stride=2)(np.zeros((2, 7, 4), "float32"), np.array([7, 4]))
    >>> tuple(frames.shape), [int(n) for n in lengths]
    ((2, 4, 8), [4, 2])
    """

    def __init__(self, filters: int, kernel_size: int, stride: int, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.stride = filters, kernel_size, stride
        self.conv = keras.layers.Conv1D(filters, kernel_size, strides=stride, padding="valid", name="conv")

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        half = self.kernel_size // 2
        padded = ops.pad(frames, ((0, 0), (half, self.kernel_size - 1 - half), (0, 0)))
        return self.conv(padded), (lengths + self.stride - 1) // self.stride


class MaskedConv2D(_Convolution):
    """A convolution over time and frequency that sets padded frames to 0 first. Sizes and strides are (frames, bins).

    Call:
        (frames (batch, frames, bins, channels), lengths) ->
        (frames (batch, ceil(frames / stride), ceil(bins / stride), filters), lengths).
    """

    def __init__(self, filters: int, kernel_size: tuple[int, int], strides: tuple[int, int] = (1, 1), **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides = filters, tuple(kernel_size), tuple(strides)
        self.conv = keras.layers.Conv2D(filters, self.kernel_size, self.strides, padding="valid", name="conv")

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        around = [(size // 2, size - 1 - size // 2) for size in self.kernel_size]
        padded = ops.pad(_zero_padding(frames, lengths), ((0, 0), *around, (0, 0)))
        return self.conv(padded), (lengths + self.strides[0] - 1) // self.strides[0]


class MaskedConv2DTranspose(_Convolution):
    """Undoes a MaskedConv2D with a stride of 2: every frame and every bin becomes two (Dumoulin & Visin 2016).

    The kernel's size should be a multiple of the stride: others draw a chessboard (Odena et al. 2016).

    Call:
        (frames (batch, frames, bins, channels), lengths) -> (frames (batch, 2 * frames, 2 * bins, filters), lengths).
    """

    def __init__(self, filters: int, kernel_size: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.conv = keras.layers.Conv2DTranspose(filters, kernel_size, 2, padding="same", name="conv")

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return self.conv(_zero_padding(frames, lengths)), 2 * lengths
