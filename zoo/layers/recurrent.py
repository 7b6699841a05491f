"""Recurrent layers in which padding never reaches a real frame, without masks, so that a GPU may use cuDNN."""

import keras
from keras import ops

from zoo.layers._base import Layer, Tensor
from zoo.layers.masking import frame_mask, reverse_frames


def _has_fast_lstm() -> bool:
    """Whether Keras' LSTM is cuDNN's here: on a GPU. (Under PyTorch, Keras cannot list the devices.)"""
    if keras.backend.backend() == "torch":
        return True
    return any("gpu" in device.lower() for device in keras.distribution.list_devices())


class _LSTMSteps(keras.layers.Layer):
    """One step of an LSTM whose input was multiplied by its kernel beforehand: z_t = W x_t + b, (batch, 4 * units)."""

    def __init__(self, recurrent_kernel, **kwargs):
        super().__init__(**kwargs)
        self.recurrent_kernel = recurrent_kernel  # (units, 4 * units); belongs to the layer that makes the steps
        self.state_size = [recurrent_kernel.shape[0]] * 2
        self.built = True

    def call(self, projected, states, training=False):
        hidden, memory = states
        i, f, g, o = ops.split(projected + ops.matmul(hidden, self.recurrent_kernel), 4, axis=-1)
        memory = ops.sigmoid(f) * memory + ops.sigmoid(i) * ops.tanh(g)
        hidden = ops.sigmoid(o) * ops.tanh(memory)
        return hidden, [hidden, memory]


def _read(lstm, frames):
    """What a built `keras.layers.LSTM` makes of frames, (batch, frames, units)."""
    if _has_fast_lstm():
        return lstm(frames)
    # Keras' loop multiplies each frame by the kernel in its turn; one product for all frames is a fifth faster.
    cell = lstm.cell
    steps = keras.layers.RNN(_LSTMSteps(cell.recurrent_kernel), return_sequences=True)
    return steps(ops.matmul(frames, cell.kernel) + cell.bias)


class ForwardLSTM(Layer):
    """An LSTM that reads frames (batch, frames, n) forwards; its result is (batch, frames, units).

    A frame depends only on the frames before it, so padding on the right has no effect.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.lstm = keras.layers.LSTM(units, return_sequences=True, name="lstm")

    def build(self, frames_shape):
        self.lstm.build(frames_shape)

    def call(self, frames: Tensor) -> Tensor:
        return _read(self.lstm, frames)


class BidirectionalLSTM(Layer):
    """An LSTM read forwards and one read backwards, side by side (Schuster & Paliwal 1997; Graves et al. 2013).

    `keras.layers.Bidirectional` starts its backward pass in the padding. Here every sequence is reversed within its
    own length, so both passes start at a real frame. No mask is needed, and a GPU may use cuDNN's LSTM.

    Call:
        (frames (batch, frames, n), lengths) -> (batch, frames, 2 * units); padded frames hold no meaning.

    >>> import numpy as np
    >>> tuple(BidirectionalLSTM(4)(np.zeros((2, 7, 3), "float32"), np.array([7, 5])).shape)
    (2, 7, 8)
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.forwards = keras.layers.LSTM(units, return_sequences=True, name="forwards")
        self.backwards = keras.layers.LSTM(units, return_sequences=True, name="backwards")

    def build(self, frames_shape, lengths_shape=None):
        self.forwards.build(frames_shape)
        self.backwards.build(frames_shape)

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        ahead = _read(self.forwards, frames)
        behind = reverse_frames(_read(self.backwards, reverse_frames(frames, lengths)), lengths)
        return ops.concatenate([ahead, behind], axis=-1)


class LookAhead(Layer):
    """A weighted sum of a frame and the next few, each channel on its own: row convolution (Amodei et al. 2016).

    Frames (batch, frames, n) keep their shape; those after the end count as 0.

    >>> import numpy as np
    >>> layer = LookAhead(1)
    >>> _ = layer(np.zeros((1, 3, 1), "float32"), np.array([3]))
    >>> _ = layer.kernel.assign([[1.0], [10.0]])
    >>> np.asarray(layer(np.array([[[1.0], [2.0], [3.0]]], "float32"), np.array([2]))).ravel()[:2].tolist()
    [21.0, 2.0]
    """

    def __init__(self, frames: int, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames

    def build(self, frames_shape, lengths_shape=None):
        def identity(shape, dtype=None):  # an untrained layer passes each frame on as it is
            return ops.concatenate([ops.ones((1, shape[1]), dtype), ops.zeros((shape[0] - 1, shape[1]), dtype)])

        self.kernel = self.add_weight((self.frames + 1, frames_shape[-1]), initializer=identity, name="kernel")

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        n_frames = ops.shape(frames)[1]
        real = ops.cast(frame_mask(lengths, n_frames), frames.dtype)[:, :, None]
        later = ops.pad(frames * real, ((0, 0), (0, self.frames), (0, 0)))
        return sum(later[:, i : i + n_frames] * self.kernel[i] for i in range(self.frames + 1))
