"""Parts that several models share. All take true lengths; none lets padding leak into valid frames."""

import keras
from keras import ops


def frame_mask(lengths, n_frames):
    """True where a frame is real: (batch,) lengths -> (batch, n_frames) booleans.

    >>> import numpy as np
    >>> np.asarray(frame_mask(np.array([1, 3]), 3)).astype(int).tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    return ops.arange(n_frames, dtype="int32")[None, :] < ops.cast(lengths, "int32")[:, None]


def real_frames(pictures, lengths):
    """Pictures (batch, frames, bins, channels) with their padded frames set to 0."""
    return ops.where(frame_mask(lengths, ops.shape(pictures)[1])[:, :, None, None], pictures, 0.0)


def reverse_frames(frames, lengths):
    """Each sequence backwards within its own length; the padding stays on the right. Its own inverse.

    >>> import numpy as np
    >>> np.asarray(reverse_frames(np.array([[[1.0], [2.0], [0.0]]]), np.array([2]))).ravel().tolist()
    [2.0, 1.0, 0.0]
    """
    time = ops.arange(ops.shape(frames)[1], dtype="int32")[None, :]
    last = ops.cast(lengths, "int32")[:, None] - 1
    index = ops.where(time <= last, last - time, time)
    return ops.take_along_axis(frames, index[:, :, None], axis=1)


class FixedLayer(keras.layers.Layer):
    """A layer that learns nothing and computes in single precision, also where the network computes in half: the power of
    speech spans more decades than float16 has."""

    def __init__(self, **kwargs):
        super().__init__(**({"trainable": False, "dtype": "float32"} | kwargs))


@keras.saving.register_keras_serializable("zoo")
class Rescale(FixedLayer):
    """scale * x + offset. Keras' own `Rescaling` does it with TensorFlow under every backend, so it fails without."""

    def __init__(self, scale: float, offset: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, x):
        return self.scale * x + self.offset

    def get_config(self):
        return super().get_config() | {"scale": self.scale, "offset": self.offset}


@keras.saving.register_keras_serializable("zoo")
class MaskFrames(FixedLayer):
    """Sets padded frames to 0, as a convolution over time wants them: (frames (batch, frames, n), lengths) -> the same.

    >>> import numpy as np
    >>> np.asarray(MaskFrames()(np.array([[[1.0], [2.0], [9.0]]], "float32"), np.array([2]))).ravel().tolist()
    [1.0, 2.0, 0.0]
    """

    def call(self, frames, lengths):
        return frames * ops.cast(frame_mask(lengths, ops.shape(frames)[1]), frames.dtype)[:, :, None]


@keras.saving.register_keras_serializable("zoo")
class LastFrame(FixedLayer):
    """The last real frame of each clip: (frames (batch, frames, n), lengths) -> (batch, n).

    Of a recurrent layer's states it is the one that has read the whole clip and no padding.

    >>> import numpy as np
    >>> np.asarray(LastFrame()(np.array([[[1.0], [2.0], [0.0]]], "float32"), np.array([2]))).tolist()
    [[2.0]]
    """

    def call(self, frames, lengths):
        last = ops.maximum(ops.cast(lengths, "int32") - 1, 0)[:, None, None]
        return ops.take_along_axis(frames, last, axis=1)[:, 0]


@keras.saving.register_keras_serializable("zoo")
class MeanFrames(FixedLayer):
    """The mean of the real frames of each clip: (frames (batch, frames, n), lengths) -> (batch, n).

    >>> import numpy as np
    >>> np.asarray(MeanFrames()(np.array([[[1.0], [2.0], [9.0]]], "float32"), np.array([2]))).tolist()
    [[1.5]]
    """

    def call(self, frames, lengths):
        real = ops.cast(frame_mask(lengths, ops.shape(frames)[1]), frames.dtype)[:, :, None]
        return ops.sum(frames * real, axis=1) / ops.sum(real, axis=1)


@keras.saving.register_keras_serializable("zoo")
class Positions(FixedLayer):
    """Adds sines and cosines of the frame's number (Vaswani et al. 2017, section 3.5): (batch, frames, n) -> the same."""

    def call(self, frames):
        n = frames.shape[2]
        time = ops.arange(ops.shape(frames)[1], dtype="float32")[:, None]
        rate = ops.exp(ops.arange(0, n, 2, dtype="float32") * (-9.21 / n))[None, :]  # 1 to 1 / 10,000
        return frames + ops.concatenate([ops.sin(time * rate), ops.cos(time * rate)], axis=1)[None, :, :n]


@keras.saving.register_keras_serializable("zoo")
class FrameMask(FixedLayer):
    """(frames, lengths) -> (batch, 1, frames) booleans: which frames any frame may look at."""

    def call(self, frames, lengths):
        return frame_mask(lengths, ops.shape(frames)[1])[:, None, :]


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
    # Keras' loop multiplies each frame by the kernel as it comes to it; one product for all is a fifth quicker.
    cell = lstm.cell
    steps = keras.layers.RNN(_LSTMSteps(cell.recurrent_kernel), return_sequences=True)
    return steps(ops.matmul(frames, cell.kernel) + cell.bias)


@keras.saving.register_keras_serializable("zoo")
class ForwardLSTM(keras.layers.Layer):
    """An LSTM read forwards: of a frame it knows what came before it, so padding on the right changes nothing.

    Call: frames (batch, frames, n) -> (batch, frames, units); padded frames hold no meaning.

    >>> import numpy as np
    >>> tuple(ForwardLSTM(4)(np.zeros((2, 7, 3), "float32")).shape)
    (2, 7, 4)
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.lstm = keras.layers.LSTM(units, return_sequences=True, name="lstm")

    def build(self, frames_shape):
        self.lstm.build(frames_shape)
        self.built = True

    def call(self, frames):
        return _read(self.lstm, frames)

    def get_config(self):
        return super().get_config() | {"units": self.units}


@keras.saving.register_keras_serializable("zoo")
class LookAhead(keras.layers.Layer):
    """A weighted sum of a frame and the next few, each channel on its own (row convolution). What lies after the end is 0.

    Args: frames: how many of the next ones.
    Call: (frames (batch, frames, n), lengths) -> the same shape.

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
        def itself(shape, dtype=None):  # at first a frame is passed on as it is
            return ops.concatenate([ops.ones((1, shape[1]), dtype), ops.zeros((shape[0] - 1, shape[1]), dtype)])

        self.kernel = self.add_weight((self.frames + 1, frames_shape[-1]), initializer=itself, name="kernel")

    def call(self, frames, lengths):
        n_frames = ops.shape(frames)[1]
        real = ops.cast(frame_mask(lengths, n_frames), frames.dtype)[:, :, None]
        later = ops.pad(frames * real, ((0, 0), (0, self.frames), (0, 0)))
        return sum(later[:, i : i + n_frames] * self.kernel[i] for i in range(self.frames + 1))

    def get_config(self):
        return super().get_config() | {"frames": self.frames}


@keras.saving.register_keras_serializable("zoo")
class BidirectionalLSTM(keras.layers.Layer):
    """An LSTM read forwards and one read backwards, side by side (Schuster & Paliwal 1997; Graves et al. 2013).

    `keras.layers.Bidirectional` starts its backward pass in the padding. Here every sequence is reversed within its
    own length, so both passes start at a real frame and padding can only follow: no mask is needed, the result is
    exact, and a GPU may use cuDNN's LSTM, which masks would turn off.

    Call: (frames (batch, frames, n), lengths) -> (batch, frames, 2 * units); padded frames hold no meaning.

    >>> import numpy as np
    >>> tuple(BidirectionalLSTM(4)(np.zeros((2, 7, 3), "float32"), np.array([7, 5])).shape)
    (2, 7, 8)
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.forward = keras.layers.LSTM(units, return_sequences=True, name="forward")
        self.backward = keras.layers.LSTM(units, return_sequences=True, name="backward")

    def build(self, frames_shape, lengths_shape=None):
        self.forward.build(frames_shape)
        self.backward.build(frames_shape)
        self.built = True

    def call(self, frames, lengths):
        ahead = _read(self.forward, frames)
        behind = reverse_frames(_read(self.backward, reverse_frames(frames, lengths)), lengths)
        return ops.concatenate([ahead, behind], axis=-1)

    def get_config(self):
        return super().get_config() | {"units": self.units}


@keras.saving.register_keras_serializable("zoo")
class StridedConv1D(keras.layers.Layer):
    """A convolution over time that keeps every `stride`-th frame: frame stacking whose weights are learnt.

    Keras' padding="same" depends on the padded length when there is a stride, so a clip in a batch would not equal
    the clip alone. Here half a kernel of zeros lies on either side, always: frame t of the output is centred on frame
    t * stride of the input.

    Call: (frames (batch, frames, n), zero beyond their lengths; lengths) ->
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

    def build(self, frames_shape, lengths_shape=None):
        self.conv.build(frames_shape)
        self.built = True

    def call(self, frames, lengths):
        half = self.kernel_size // 2
        padded = ops.pad(frames, ((0, 0), (half, self.kernel_size - 1 - half), (0, 0)))
        return self.conv(padded), (lengths + self.stride - 1) // self.stride

    def get_config(self):
        names = ("filters", "kernel_size", "stride")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("zoo")
class MaskedConv2D(keras.layers.Layer):
    """A convolution over time and frequency in which padded frames are 0, whatever the layer before left there.

    As in StridedConv1D half a kernel of zeros lies on every side, so the padded length does not move the frames.

    Args: kernel_size, strides: (frames, bins).
    Call: (pictures (batch, frames, bins, channels), lengths) ->
        (pictures (batch, ceil(frames / stride), ceil(bins / stride), filters), lengths).
    """

    def __init__(self, filters: int, kernel_size: tuple[int, int], strides: tuple[int, int] = (1, 1), **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides = filters, tuple(kernel_size), tuple(strides)
        self.conv = keras.layers.Conv2D(filters, self.kernel_size, self.strides, padding="valid", name="conv")

    def build(self, pictures_shape, lengths_shape=None):
        self.conv.build(pictures_shape)
        self.built = True

    def call(self, pictures, lengths):
        around = [(size // 2, size - 1 - size // 2) for size in self.kernel_size]
        padded = ops.pad(real_frames(pictures, lengths), ((0, 0), *around, (0, 0)))
        stride = self.strides[0]
        return self.conv(padded), (lengths + stride - 1) // stride

    def get_config(self):
        names = ("filters", "kernel_size", "strides")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("zoo")
class MaskedConv2DTranspose(keras.layers.Layer):
    """The way back from a MaskedConv2D with a stride of 2: every frame and every bin becomes two (Dumoulin & Visin 2016).

    The kernel must be a multiple of the stride, or some outputs lie under more of it than others and the picture gets the
    pattern of a chessboard (Odena et al. 2016).

    Args: kernel_size: frames and bins, even.
    Call: (pictures (batch, frames, bins, channels), lengths) -> (pictures (batch, 2 * frames, 2 * bins, filters), lengths).
    """

    def __init__(self, filters: int, kernel_size: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.conv = keras.layers.Conv2DTranspose(filters, kernel_size, 2, padding="same", name="conv")

    def build(self, pictures_shape, lengths_shape=None):
        self.conv.build(pictures_shape)
        self.built = True

    def call(self, pictures, lengths):
        return self.conv(real_frames(pictures, lengths)), 2 * lengths

    def get_config(self):
        return super().get_config() | {"filters": self.filters, "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable("zoo")
class CutFrames(FixedLayer):
    """As many frames as another picture has: (frames (batch, n, bins), like (batch, frames, ...)) -> (batch, frames, bins)."""

    def call(self, frames, like):
        return frames[:, : ops.shape(like)[1]]
