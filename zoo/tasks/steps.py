"""A model that streams as one function for other runtimes: the next chunk of sound and a state in, logits and a state out.

    waveform (1, chunk), start (1,), lengths (1,), state (1, size) -> logits (1, rows, symbols), frames (1,), next_state (1, size)

It computes what `streaming.Stream` does, with fixed shapes and without loops, which every converter can read. Rows come out `delay`
rows after their sound went in: row j of a step is row start / row_samples - delay + j of the recording. Rows before the first and
from `frames` on hold no meaning.
"""

import keras
import numpy as np
from keras import ops

from zoo import layers
from zoo.layers import Tensor
from zoo.tasks.streaming import Stream

GOES_ON = 2**31 - 1  # `lengths` of a recording whose end is not known yet
ROWS = 4  # of logits a step: 120 ms of sound, which is short to wait for and long enough for a matrix product


class StreamStep:
    """One step of a model that streams.

    Args:
        model: A `StreamingRecognizer`; ZooError names a layer that needs the whole recording.
        log_mel: If True, the frames that the network hears are a further output, (1, frames, bands) in dB.

    Call:
        waveform: (1, chunk) float32, the next samples, zeros after the last one.
        start: (1,) int32, samples before this chunk.
        lengths: (1,) int32, samples of the whole recording, or GOES_ON.
        state: (1, size) float32, zeros at first, and then the last step's next_state.

    >>> import zoo
    >>> step = StreamStep(zoo.load("lstm_ctc_stream", weights=None, units=8))
    >>> step.chunk, step.delay
    (1920, 10)
    """

    def __init__(self, model: keras.Model, log_mel: bool = False):
        Stream(model)  # which says what cannot stream
        self.log_mel = log_mel
        self.layers = [
            (layer, layer.get_weights()) for layer in model.layers
        ]  # inside a graph weights are not to be had
        self.row_samples = model.config.hop_length * getattr(model.config, "stride", 1)
        self.chunk = ROWS * self.row_samples
        first = self._run(
            np.zeros((1, self.chunk), "float32"), np.zeros(1, "int32"), np.full(1, GOES_ON, "int32"), None
        )
        self.delay, self.log_mel_delay = first.delay, first.log_mel_delay
        self.size = sum(int(np.prod(part.shape)) for part in first.kept)

    def describe(self) -> dict:
        """What a runtime must know to make the steps."""
        return {
            "chunk": self.chunk,
            "goes_on": GOES_ON,
            "rows": ROWS,
            "row_samples": self.row_samples,
            "delay": self.delay,
            "state": self.size,
            "log_mel_delay": self.log_mel_delay,
        }

    def __call__(self, waveform: Tensor, start: Tensor, lengths: Tensor, state: Tensor) -> dict[str, Tensor]:
        made = self._run(waveform, start, lengths, state)
        state = ops.concatenate([ops.reshape(part, (1, -1)) for part in made.kept], axis=1)
        outputs = {"logits": made.rows, "frames": made.count, "next_state": state}
        return outputs | ({"log_mel": made.log_mel} if self.log_mel else {})

    def _run(self, *inputs) -> "_Run":
        run = _Run(*inputs)
        for layer, weights in self.layers:
            match layer:
                case layers.LogMel():
                    run.hear(layer)
                case layers.MaskFrames():
                    run.rows = run.rows * run.real()
                case layers.StridedConv1D():
                    run.convolve(layer, *weights)
                case layers.ForwardLSTM():
                    run.read(*weights)
                case layers.LookAhead():
                    run.look_ahead(*weights)
                case keras.layers.LayerNormalization():
                    run.normalise(layer.epsilon, *weights)
                case keras.layers.Dense():
                    run.rows = ops.matmul(run.rows, weights[0]) + weights[1]
                case layers.Rescale() | keras.layers.ReLU():
                    run.rows = layer(run.rows)
        return run


class _Run:
    """The rows of one step on their way through the layers, and what each layer keeps for the next step."""

    def __init__(self, waveform, start, lengths, state):
        self.rows, self.start, self.state = waveform, start, state  # a state of None is that before the first step
        self.samples, self.delay, self.count = 1, 0, lengths  # of a row; rows that it comes late; rows of the recording
        self.kept, self.at = [], 0  # at: where in the state the next layer's part begins

    def keep(self, *shape):
        """What a layer kept of the step before."""
        first, self.at = self.at, self.at + int(np.prod(shape))
        if self.state is None:
            return np.zeros((1, *shape), "float32")
        return ops.reshape(self.state[:, first : self.at], (1, *shape))

    def before(self, n):
        """The rows with the last n of the step before in front; the next step will get the last n of this one."""
        rows = ops.concatenate([self.keep(n, *self.rows.shape[2:]), self.rows], axis=1)
        self.kept.append(rows[:, self.rows.shape[1] :])
        return rows

    def real(self):
        """Which rows are real, (1, n, 1): 1.0 or 0.0."""
        rows = self.start[:, None] // self.samples - self.delay + np.arange(self.rows.shape[1], dtype="int32")[None]
        return ops.cast(ops.logical_and(rows >= 0, rows < self.count[:, None]), "float32")[:, :, None]

    def hear(self, layer):
        hop, n = layer.hop_length, self.rows.shape[1] // layer.hop_length
        before = layer.n_fft // 2 - (layer.n_fft - layer.win_length) // 2  # samples of a window before its frame's time
        self.delay, lead = -(-(layer.win_length - before) // hop) - 1, -(-before // hop)
        # The layer itself, on sound that begins early enough for the windows that are wanted.
        sound = self.before((self.delay + lead) * hop)
        self.rows = layer(sound, np.array([sound.shape[1]], "int32"))[0][:, lead : lead + n]
        self.samples, self.count = hop, 1 + (self.count - layer.n_fft % 2) // hop
        self.log_mel, self.log_mel_delay = self.rows, self.delay

    def convolve(self, layer, kernel, bias):
        half, size, stride, n = layer.kernel_size // 2, layer.kernel_size, layer.stride, self.rows.shape[1]
        late = -(-(size - half - stride + self.delay) // stride)
        rows = self.before(stride * late + half - self.delay)
        self.rows = ops.conv(rows[:, : n - stride + size], kernel, stride, "valid", "channels_last") + bias
        self.samples, self.delay, self.count = self.samples * stride, late, (self.count + stride - 1) // stride

    def read(self, kernel, recurrent_kernel, bias):
        units, real, out = len(recurrent_kernel), self.real(), []
        hidden, cell = self.keep(units), self.keep(units)
        projected = ops.matmul(self.rows, kernel) + bias
        for t in range(self.rows.shape[1]):
            i, f, g, o = ops.split(
                projected[:, t] + ops.matmul(hidden, recurrent_kernel), 4, axis=-1
            )  # in Keras' order
            cell = (ops.sigmoid(f) * cell + ops.sigmoid(i) * ops.tanh(g)) * real[:, t]  # nothing was heard before row 0
            hidden = ops.sigmoid(o) * ops.tanh(cell)
            out.append(hidden)
        self.rows = ops.stack(out, axis=1)
        self.kept += [hidden, cell]

    def look_ahead(self, kernel):
        self.rows = self.rows * self.real()
        n, ahead = self.rows.shape[1], len(kernel) - 1
        rows = self.before(ahead)
        self.rows = sum(rows[:, i : i + n] * kernel[i] for i in range(ahead + 1))
        self.delay += ahead

    def normalise(self, epsilon, gamma, beta):
        centred = self.rows - ops.mean(self.rows, axis=-1, keepdims=True)
        self.rows = gamma * centred * ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon) + beta
