"""Sound that is still going on: chunks of samples in, logits and words out, as soon as they are final.

    samples (n,) -> Windows (log-mel) -> fixed scale -> Windows (convolution) -> [LSTM step by step -> Windows (look-ahead)]
                 -> dense -> logits (k, symbols) -> Listener -> words

Every layer that looks at neighbours keeps the few rows that its next window still needs, every LSTM its state; so what comes
out is what the network gives for the whole recording, whatever the chunks are, and memory grows by nothing but the text.

There is no batch here, no gradient and nothing to compile, so it is NumPy: a step of an LSTM is six lines, and on one core
it keeps up with speech many times over (benchmarks/streaming.py). A phone would do the same.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np

from zoo.audio import MOST_CHANNELS, from_array
from zoo.decoding import Word, log_softmax
from zoo.errors import AudioError, ZooError
from zoo.features import LogMel
from zoo.layers import ForwardLSTM, LookAhead, Rescale, StridedConv1D
from zoo.text import BLANK, Vocabulary

LOUDEST = 2.0  # a sample may overshoot full scale, as MP3s do; one beyond that was never scaled to it


@dataclass(frozen=True)
class Heard:
    """What is known after a chunk."""

    new: tuple[Word, ...]  # words that became final with this chunk: nothing changes them any more
    text: str  # all final words
    partial: str  # the letters so far of the word that is being said
    seconds: float  # of sound that came in
    last: bool  # whether the sound has ended

    def __str__(self) -> str:
        return " ".join(part for part in (self.text, self.partial) if part)


class Windows:
    """Cuts rows that come in pieces into windows of `size` rows, one every `step`, with zeros before and after all of them."""

    def __init__(self, size: int, step: int, before: int, after: int, width: tuple = ()):
        self.size, self.step, self.after = size, step, after
        self.kept = np.zeros((before, *width), "float32")
        self.skip = 0  # rows still to come that no window needs, where the step is longer than a window

    def __call__(self, rows: np.ndarray, last: bool) -> np.ndarray:
        """(n, *width) -> (windows, size, *width), those that are complete."""
        parts = [self.kept, rows]
        if last:
            parts.append(np.zeros((self.after, *rows.shape[1:]), "float32"))
        rows = np.concatenate(parts)[self.skip :]
        self.skip = max(0, self.skip - sum(map(len, parts)))
        count = max(0, (len(rows) - self.size) // self.step + 1)
        starts = np.arange(count)[:, None] * self.step
        windows = rows[starts + np.arange(self.size)]
        self.skip += max(0, count * self.step - len(rows))
        self.kept = rows[count * self.step :].copy()  # not a view, which would keep all that came before alive
        return windows


Stage = Callable[
    [np.ndarray, bool], np.ndarray
]  # (rows that are new, whether they are the last) -> rows that are final


def _sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


def _log_mel(layer: LogMel) -> Stage:
    size, odd = layer.win_length, layer.n_fft % 2
    half = layer.n_fft // 2 - (layer.n_fft - size) // 2  # a window's middle lies on its frame's time
    windows = Windows(size, layer.hop_length, half, size - half - odd)

    def stage(samples, last):
        power = np.abs(np.fft.rfft(windows(samples, last) * layer._window, layer.n_fft)) ** 2
        return 10 * np.log10(np.maximum(power @ layer._filters, layer.AMIN)).astype("float32")  # (frames, n_mels)

    return stage


def _convolution(layer: StridedConv1D) -> Stage:
    kernel, bias = layer.conv.get_weights()  # (size, n, filters), (filters,)
    half = layer.kernel_size // 2
    windows = Windows(layer.kernel_size, layer.stride, half, layer.kernel_size - 1 - half, (kernel.shape[1],))

    def stage(frames, last):
        found = windows(frames, last)
        return found.reshape(len(found), kernel[..., 0].size) @ kernel.reshape(-1, kernel.shape[2]) + bias

    return stage


def _lstm(layer: ForwardLSTM) -> Stage:
    kernel, recurrent, bias = layer.lstm.get_weights()
    state = [np.zeros(layer.units, "float32"), np.zeros(layer.units, "float32")]

    def stage(frames, last):
        projected, out = frames @ kernel + bias, np.empty((len(frames), layer.units), "float32")
        hidden, memory = state
        for t, row in enumerate(projected):
            i, f, g, o = np.split(row + hidden @ recurrent, 4)
            memory = _sigmoid(f) * memory + _sigmoid(i) * np.tanh(g)
            out[t] = hidden = _sigmoid(o) * np.tanh(memory)
        state[:] = hidden, memory
        return out

    return stage


def _look_ahead(layer: LookAhead) -> Stage:
    (kernel,) = layer.get_weights()  # (frames + 1, n)
    windows = Windows(layer.frames + 1, 1, 0, layer.frames, (kernel.shape[1],))
    return lambda frames, last: (windows(frames, last) * kernel).sum(axis=1)


def _layer_norm(layer) -> Stage:
    gamma, beta = layer.get_weights()

    def stage(frames, last):
        centred = frames - frames.mean(axis=1, keepdims=True)
        return gamma * centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + layer.epsilon) + beta

    return stage


def _dense(layer) -> Stage:
    kernel, bias = layer.get_weights()
    return lambda frames, last: frames @ kernel + bias


_STAGES = {
    LogMel: _log_mel,
    Rescale: lambda layer: lambda frames, last: frames * layer.scale + layer.offset,
    StridedConv1D: _convolution,
    keras.layers.LayerNormalization: _layer_norm,
    keras.layers.ReLU: lambda layer: lambda frames, last: np.maximum(frames, 0),
    ForwardLSTM: _lstm,
    LookAhead: _look_ahead,
    keras.layers.Dense: _dense,
}
_PLAIN = {  # settings of layers without which they do something else than what is written above
    LogMel: {"top_db": None},
    keras.layers.Dense: {"activation": keras.activations.linear, "use_bias": True},
    keras.layers.ReLU: {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    keras.layers.LayerNormalization: {"center": True, "scale": True},
}
_NOTHING = ("InputLayer", "SpecAugment", "MaskFrames", "Dropout")  # do nothing to a single clip that is not learnt from


class Stream:
    """A network that hears one recording bit by bit.

    Args: network: of a model whose layers are a chain of those that a stream can have. name: of the model, for errors.
    Raises: ZooError, naming the layer, where one needs the whole recording.

    >>> import zoo
    >>> model = zoo.load("lstm_ctc_stream", weights=None, units=8)
    >>> stream = Stream(model.network)
    >>> sum(len(stream.advance(np.zeros(1600))) for _ in range(10)), len(stream.finish())  # the look-ahead is still to come
    (23, 11)
    """

    def __init__(self, network: keras.Model, name: str = "the model"):
        self.stages: list[Stage] = []
        for layer in network.layers:
            kind = type(layer)
            plain = all(getattr(layer, name) == value for name, value in _PLAIN.get(kind, {}).items())
            if kind in _STAGES and plain:
                self.stages.append(_STAGES[kind](layer))
            elif kind.__name__ not in _NOTHING:
                raise ZooError(
                    f"A stream needs a model that looks a few frames ahead at most, such as lstm_ctc_stream; layer {layer.name} "
                    f"({kind.__name__}) of {name} needs the whole recording, or is set as no stream knows it."
                )

    def advance(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
        """Samples (n,) at the model's rate, any number -> logits (k, symbols) that are final now."""
        rows = np.asarray(samples, "float32")
        for stage in self.stages:
            rows = stage(rows, last)
        return rows

    def finish(self) -> np.ndarray:
        """The logits that waited for what follows; nothing follows."""
        return self.advance(np.zeros(0, "float32"), last=True)


class Listener:
    """Greedy decoding of logits that come in pieces: the same words, times and confidences as `decoding.greedy`.

    A word is final when the space after it was heard; the one that is being said is `partial`.

    >>> listener = Listener(Vocabulary("ab "), frame_seconds=0.03)
    >>> listener.hear(np.log([[0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1]])), listener.partial
    ([], 'ab')
    >>> [word.text for word in listener.hear(np.log([[0.1, 0.1, 0.1, 0.7]]))], listener.partial
    (['ab'], '')
    """

    def __init__(self, labels: Vocabulary, frame_seconds: float):
        self.labels, self.frame_seconds = labels, frame_seconds
        self.frame, self.before = 0, BLANK  # frames heard, and the symbol of the last one
        self.run: list[
            list
        ] = []  # of each letter of the word: letter, first frame, frame after the last, log probability

    @property
    def partial(self) -> str:
        return "".join(letter for letter, *_ in self.run)

    def hear(self, logits: np.ndarray) -> list[Word]:
        """Logits (k, symbols) -> the words that became final."""
        words = []
        for row in log_softmax(np.asarray(logits, "float64")):
            best = int(row.argmax())
            if best != BLANK and best == self.before and self.run:
                self.run[-1][2] = self.frame + 1
                self.run[-1][3] = max(self.run[-1][3], row[best])
            elif best != BLANK and best != self.before:
                letter = self.labels.decode([best])
                if letter == " ":
                    words += self.end()
                else:
                    self.run.append([letter, self.frame, self.frame + 1, row[best]])
            self.before, self.frame = best, self.frame + 1
        return words

    def end(self, duration: float = np.inf) -> list[Word]:
        """The word that is being said, as if a space had followed; a list of none or one."""
        if not self.run:
            return []
        start, end = (self.run[0][1] - 0.5) * self.frame_seconds, (self.run[-1][2] - 0.5) * self.frame_seconds
        confidence = float(np.exp(np.mean([value for *_, value in self.run])))
        word = Word(self.partial, float(min(max(0.0, start), duration)), float(min(end, duration)), confidence)
        self.run = []
        return [word]


def listen(model, chunks: Iterable[np.ndarray], sample_rate: int) -> Iterator[Heard]:
    """What a model hears in sound that is going on; see `SpeechModel.stream`."""
    rate = model.config.sample_rate
    stream, listener = (
        Stream(model.network, model.architecture.name),
        Listener(model.labels, model.config.frame_seconds),
    )
    through = _resampler(sample_rate, rate)
    text, samples, before = "", 0, ("", "")
    if not isinstance(chunks, Iterable) or hasattr(chunks, "__array__"):
        raise AudioError(
            f"A stream is made of chunks, arrays (samples,) one after the other; received a {type(chunks).__name__} (put a single "
            "array into [ ])."
        )
    for chunk in chunks:
        heard = _check(chunk)
        samples += len(heard)
        new = listener.hear(stream.advance(through(heard, False)))
        text = " ".join([*([text] if text else []), *(word.text for word in new)])
        if (text, listener.partial) != before:
            before = text, listener.partial
            yield Heard(tuple(new), text, listener.partial, samples / sample_rate, False)
    if samples:
        seconds = samples / sample_rate
        new = listener.hear(stream.advance(through(np.zeros(0, "float32"), True), last=True)) + listener.end(seconds)
        text = " ".join([*([text] if text else []), *(word.text for word in new)])
        yield Heard(tuple(new), text, "", seconds, True)


def _check(chunk) -> np.ndarray:
    """A chunk, one sample or more, as (samples,) float32 in [-1, 1]. Raises AudioError.

    Unlike a whole recording it is not scaled down where it is too loud: the next chunk would not be.
    """
    if not hasattr(chunk, "__array__") or np.ndim(chunk) not in (1, 2):
        raise AudioError(
            "A stream is made of chunks, arrays (samples,) or (samples, channels); received one of "
            f"{f'shape {np.shape(chunk)}' if hasattr(chunk, '__array__') else f'type {type(chunk).__name__}'} (put a single array "
            "into [ ])."
        )
    chunk = np.asarray(chunk)
    samples = from_array(chunk)
    if samples.ndim == 2:
        if not 0 < samples.shape[1] <= MOST_CHANNELS:
            raise AudioError(
                f"A chunk has the shape (samples,) or (samples, channels) with at most {MOST_CHANNELS} channels; received "
                f"{chunk.shape}."
            )
        samples = samples.mean(axis=1)
    if not np.isfinite(samples).all():
        raise AudioError("Samples must be finite numbers; a chunk of the stream has some that are NaN or infinite.")
    if np.abs(samples).max(initial=0.0) > LOUDEST:
        raise AudioError(
            f"Samples of a stream are floats from -1 to 1 or integers at full scale; a chunk reaches {np.abs(samples).max():g}."
        )
    return np.clip(samples, -1.0, 1.0).astype("float32")


def _resampler(from_rate: float, to_rate: float):
    """A function (samples, last) -> samples at another rate, that remembers what came before."""
    if from_rate == to_rate:
        return lambda samples, last: samples
    import soxr

    resampler = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")
    return lambda samples, last: resampler.resample_chunk(samples, last=last)


def microphone(seconds: float | None = None, chunk_seconds: float = 0.1, sample_rate: int = 16000):
    """Chunks (samples,) float32 from this machine's microphone, for `SpeechModel.stream`, until `seconds` are over or for ever.

    Raises: ZooError where there is no microphone, or no package sounddevice.

    >>> for heard in model.stream(microphone(10), sample_rate=16000):  # doctest: +SKIP
    ...     print(heard)
    """
    try:
        import sounddevice

        source = sounddevice.InputStream(samplerate=sample_rate, channels=1, dtype="float32")
    except Exception as error:
        raise ZooError(
            f"A microphone and the package sounddevice are needed to listen; there is none here ({error})."
        ) from None
    left = float("inf") if seconds is None else seconds
    with source:
        while left > 0:
            samples, _ = source.read(round(chunk_seconds * sample_rate))
            left -= chunk_seconds
            yield samples[:, 0]
