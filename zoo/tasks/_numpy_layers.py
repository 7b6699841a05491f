"""NumPy copies of layers, for one clip that comes in pieces: no batch, no gradient, nothing to compile, no Keras.

Each function takes a layer's weights and returns a stage, which maps rows that are new to those that are final:
stage(rows (k, n), whether they are the last) -> rows (m, n').
"""

from collections.abc import Callable

import numpy as np

Stage = Callable[[np.ndarray, bool], np.ndarray]


class FrameBuffer:
    """Cuts rows that come in pieces, each of shape `width`, into windows of `size` rows, every `step` rows one.

    There are `before` rows of zeros before the first row, and `after` rows of zeros after the last one.
    """

    def __init__(self, size: int, step: int, before: int, after: int, width: tuple = ()):
        self.size, self.step, self.after = size, step, after
        self.kept = np.zeros((before, *width), "float32")
        self.skip = 0  # rows still to come that no window needs, where the step is longer than a window

    def __call__(self, rows: np.ndarray, last: bool) -> np.ndarray:
        """Return the windows that are complete, `(windows, size, *width)`."""
        after = np.zeros((self.after if last else 0, *rows.shape[1:]), "float32")
        rows = np.concatenate([self.kept, rows, after])
        rows, self.skip = rows[self.skip :], max(0, self.skip - len(rows))
        count = max(0, (len(rows) - self.size) // self.step + 1)
        windows = rows[np.arange(count)[:, None] * self.step + np.arange(self.size)]
        self.skip += max(0, count * self.step - len(rows))
        self.kept = rows[count * self.step :].copy()  # not a view, which would keep all that came before alive
        return windows


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def log_mel(window: np.ndarray, filters: np.ndarray, n_fft: int, hop_length: int, floor: float) -> Stage:
    """Stage of `zoo.layers.LogMel`: samples `(k,)` -> frames `(m, bands)` in dB; `filters` are `(bins, bands)`."""
    size = len(window)
    before = n_fft // 2 - (n_fft - size) // 2  # a window's middle lies on its frame's time
    buffer = FrameBuffer(size, hop_length, before, size - before - n_fft % 2)

    def stage(samples, last):
        power = np.abs(np.fft.rfft(buffer(samples, last) * window, n_fft)) ** 2
        return 10 * np.log10(np.maximum(power @ filters, floor)).astype("float32")

    return stage


def convolution(kernel: np.ndarray, bias: np.ndarray, stride: int) -> Stage:
    """Stage of `zoo.layers.StridedConv1D`; the kernel is `(size, n, filters)`."""
    size, n, filters = kernel.shape
    buffer = FrameBuffer(size, stride, size // 2, size - 1 - size // 2, (n,))
    return lambda frames, last: buffer(frames, last).reshape(-1, size * n) @ kernel.reshape(-1, filters) + bias


def lstm(kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray) -> Stage:
    """Stage of `zoo.layers.ForwardLSTM`."""
    units = len(recurrent_kernel)
    hidden = cell = np.zeros(units, "float32")

    def stage(frames, last):
        nonlocal hidden, cell
        out = np.empty((len(frames), units), "float32")
        for t, projected in enumerate(frames @ kernel + bias):
            i, f, g, o = np.split(projected + hidden @ recurrent_kernel, 4)  # in Keras' order
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            out[t] = hidden = sigmoid(o) * np.tanh(cell)
        return out

    return stage


def look_ahead(kernel: np.ndarray) -> Stage:
    """Stage of `zoo.layers.LookAhead`; the kernel is `(frames, n)`."""
    buffer = FrameBuffer(len(kernel), 1, 0, len(kernel) - 1, kernel.shape[1:])
    return lambda frames, last: (buffer(frames, last) * kernel).sum(axis=1)


def layer_norm(gamma: np.ndarray, beta: np.ndarray, epsilon: float) -> Stage:
    """Stage of `keras.layers.LayerNormalization` over the last axis."""

    def stage(frames, last):
        centred = frames - frames.mean(axis=1, keepdims=True)
        return gamma * centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + epsilon) + beta

    return stage
