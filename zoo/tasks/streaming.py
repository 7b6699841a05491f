"""Sound that is still going on: chunks of samples in, logits and words out, as soon as they are final.

    samples (n,) -> FrameBuffer (log-mel) -> fixed scale -> FrameBuffer (convolution)
                 -> [LSTM step by step -> FrameBuffer (look-ahead)] -> dense -> logits (k, symbols)
                 -> StreamingGreedyDecoder -> words

Every layer that looks at neighbours keeps the few rows that its next window still needs, every LSTM its state. So what
comes out is what the model gives for the whole recording, however it is cut into chunks, and memory grows by the text alone.

The layers are NumPy's (`_numpy_layers`): on one core they keep up with speech many times over (benchmarks/streaming.py).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count, repeat
from math import ceil

import keras
import numpy as np

from zoo import layers
from zoo.audio import from_array, mono
from zoo.decoding import Word, log_softmax
from zoo.errors import AudioError, ZooError
from zoo.tasks import _numpy_layers as numpy_layers
from zoo.text import BLANK, Vocabulary

LOUDEST = 2.0  # a sample may overshoot full scale, as MP3s do; one beyond that was never scaled to it


@dataclass(frozen=True)
class PartialTranscript:
    """What is known after a chunk."""

    new: tuple[Word, ...]  # words that became final with this chunk: nothing changes them any more
    text: str  # all final words
    partial: str  # the letters so far of the word that is being said
    seconds: float  # of sound that came in
    last: bool  # whether the sound has ended

    def __str__(self) -> str:
        return " ".join(part for part in (self.text, self.partial) if part)


class Stream:
    """A model that gets one recording piece by piece.

    Args:
        model: Functional model whose layers are a chain; ZooError names one that needs the whole recording.

    >>> import zoo
    >>> stream = Stream(zoo.load("lstm_ctc_stream", weights=None, units=8))
    >>> sum(len(stream.advance(np.zeros(1600))) for _ in range(10)), len(stream.finish())  # the look-ahead comes last
    (23, 11)
    """

    def __init__(self, model: keras.Model):
        self.stages = [stage for layer in model.layers if (stage := _stage(layer, model.name))]

    def advance(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
        """Take the next samples (n,) at the model's rate and return the logits (k, symbols) that are final now."""
        rows = np.asarray(samples, "float32")
        for stage in self.stages:
            rows = stage(rows, last)
        return rows

    def finish(self) -> np.ndarray:
        """Return the logits that waited for sound that does not follow."""
        return self.advance(np.zeros(0, "float32"), last=True)


def _stage(layer: keras.layers.Layer, model_name: str) -> numpy_layers.Stage | None:
    """The NumPy copy of a layer; None for one that does nothing to a single clip outside training."""
    match layer:
        case layers.LogMel(top_db=None) if type(layer) is layers.LogMel:  # and no MFCC
            return numpy_layers.log_mel(layer._window, layer._filters, layer.n_fft, layer.hop_length, layer.AMIN)
        case layers.Rescale():
            return lambda frames, last: frames * layer.scale + layer.offset
        case layers.StridedConv1D():
            return numpy_layers.convolution(*layer.conv.get_weights(), layer.stride)
        case keras.layers.LayerNormalization(center=True, scale=True):
            return numpy_layers.layer_norm(*layer.get_weights(), layer.epsilon)
        case keras.layers.ReLU(max_value=None, negative_slope=0.0, threshold=0.0):
            return lambda frames, last: np.maximum(frames, 0)
        case layers.ForwardLSTM():
            return numpy_layers.lstm(*layer.lstm.get_weights())
        case layers.LookAhead():
            return numpy_layers.look_ahead(*layer.get_weights())
        case keras.layers.Dense(activation=keras.activations.linear, use_bias=True, quantization_mode=None):
            kernel, bias = layer.get_weights()
            return lambda frames, last: frames @ kernel + bias
        case keras.layers.InputLayer() | layers.SpecAugment() | layers.MaskFrames() | keras.layers.Dropout():
            return None
    wrong = f"{layer.name} ({type(layer).__name__}) of {model_name}"
    raise ZooError(f"`model` must be one that streams, as lstm_ctc_stream is; {wrong} cannot.")


class StreamingGreedyDecoder:
    """Greedy decoding of logits that come in pieces: the same words, times and confidences as `decoding.greedy`.

    A word is final when the space after it was recognized; the word in progress is `partial`. `frame_seconds` is the time
    from one frame of logits to the next.

    >>> decoder = StreamingGreedyDecoder(Vocabulary("ab "), frame_seconds=0.03)
    >>> decoder.hear(np.log([[0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1]])), decoder.partial
    ([], 'ab')
    >>> [word.text for word in decoder.hear(np.log([[0.1, 0.1, 0.1, 0.7]]))], decoder.partial
    (['ab'], '')
    """

    def __init__(self, vocabulary: Vocabulary, frame_seconds: float):
        self.vocabulary, self.frame_seconds = vocabulary, frame_seconds
        self.frame, self.before = 0, BLANK  # frames heard, and the symbol of the last one
        self.run: list[list] = []  # letters of the word: [letter, first frame, frame after the last, log probability]

    @property
    def partial(self) -> str:
        """The letters so far of the word that is being said."""
        return "".join(letter for letter, *_ in self.run)

    def hear(self, logits: np.ndarray) -> list[Word]:
        """Take the next logits `(k, symbols)` and return the words that became final."""
        words = []
        for row in log_softmax(np.asarray(logits, "float64")):
            best = int(row.argmax())
            repeated, self.before, self.frame = best == self.before, best, self.frame + 1
            if best != BLANK and repeated and self.run:
                self.run[-1][2:] = [self.frame, max(self.run[-1][3], row[best])]
            elif best != BLANK and not repeated and (letter := self.vocabulary.decode([best])) == " ":
                words += self.end()
            elif best != BLANK and not repeated:
                self.run.append([letter, self.frame - 1, self.frame, row[best]])
        return words

    def end(self, duration: float = np.inf) -> list[Word]:
        """Return the word that is being said, if any, as if a space had followed; it ends before `duration` seconds."""
        if not self.run:
            return []
        start, end = (self.run[0][1] - 0.5) * self.frame_seconds, (self.run[-1][2] - 0.5) * self.frame_seconds
        confidence = float(np.exp(np.mean([value for *_, value in self.run])))
        word = Word(self.partial, float(min(max(0.0, start), duration)), float(min(end, duration)), confidence)
        self.run = []
        return [word]


def listen(model: keras.Model, chunks: Iterable[np.ndarray], sample_rate: float) -> Iterator[PartialTranscript]:
    """Transcribe sound that is going on: `StreamingRecognizer.stream`, which says what the arguments are."""
    if not isinstance(chunks, Iterable) or hasattr(chunks, "__array__"):
        raise AudioError(f"`chunks` must be arrays; put a single one into [ ]. Received: a {type(chunks).__name__}.")
    stream = Stream(model)
    decoder = StreamingGreedyDecoder(model.vocabulary, model.config.frame_seconds)
    resample = _resampler(sample_rate, model.config.sample_rate)
    text, samples, before = "", 0, ("", "")
    end = (np.zeros(0, "float32"), True)
    for chunk, last in chain(zip(map(_check, chunks), repeat(False)), [end]):
        samples += len(chunk)
        if last and not samples:
            return
        new = decoder.hear(stream.advance(resample(chunk, last), last))
        new += decoder.end(samples / sample_rate) if last else []
        text = " ".join([text, *(word.text for word in new)]).strip()
        if last or (text, decoder.partial) != before:
            before = text, decoder.partial
            yield PartialTranscript(tuple(new), text, decoder.partial, samples / sample_rate, last)


def _check(chunk) -> np.ndarray:
    """A chunk as (samples,) float32 in [-1, 1]. One that is too loud is not scaled down: the next would not be."""
    if not hasattr(chunk, "__array__"):
        raise AudioError(f"`chunks` must be arrays. Received: a {type(chunk).__name__}.")
    samples = mono(from_array(np.asarray(chunk)), "`chunks`")
    peak = np.abs(samples).max(initial=0.0)
    if not peak <= LOUDEST:  # nor NaN
        raise AudioError(f"`chunks` must be floats in [-1, 1] or integers at full scale. Received: one with {peak:g}.")
    return np.clip(samples, -1.0, 1.0).astype("float32")


def _resampler(from_rate: float, to_rate: float) -> Callable[[np.ndarray, bool], np.ndarray]:
    """A function (samples, last) -> samples at another rate, that remembers what came before."""
    if from_rate == to_rate:
        return lambda samples, last: samples
    import soxr

    resampler = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")
    return lambda samples, last: resampler.resample_chunk(samples, last=last)


def microphone(
    seconds: float | None = None, chunk_seconds: float = 0.1, sample_rate: int = 16000
) -> Iterator[np.ndarray]:
    """Record chunks (samples,) float32 from this machine's microphone, for so many `seconds` or for ever.

    >>> for transcript in model.stream(microphone(10), sample_rate=16000):  # doctest: +SKIP
    ...     print(transcript)
    """
    try:
        import sounddevice

        source = sounddevice.InputStream(samplerate=sample_rate, channels=1, dtype="float32")
    except Exception as error:
        raise ZooError(f"A microphone and the package sounddevice are needed to record ({error}).") from None
    chunks = count() if seconds is None else range(ceil(seconds / chunk_seconds))
    with source:
        for _ in chunks:
            yield source.read(round(chunk_seconds * sample_rate))[0][:, 0]
