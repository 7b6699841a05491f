"""Words while somebody speaks: logits that come in pieces to words, as soon as they are final. Neither Keras nor a model is imported.

chunks of samples -> `Listener` -> a model's stream: logits that are final -> StreamingGreedyDecoder -> PartialTranscript
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from math import ceil

import numpy as np

from zoo.audio import check_rate, from_array, mono
from zoo.decoding.transcripts import Word, log_softmax
from zoo.errors import AudioError, ZooError
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


class StreamingGreedyDecoder:
    """Greedy decoding of logits that come in pieces: the same words, times and confidences as `decoding.greedy`.

    A word is final when the space after it was heard; the one that is being said is `partial`. `frame_seconds` is the time
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


class Listener:
    """Transcribes one recording that is going on, chunk by chunk.

    Args:
        stream: What maps (samples (n,) at the model's rate, whether they are the last) to logits (k, symbols) that are final.
        vocabulary: Characters that the model writes.
        frame_seconds: Time from one frame of logits to the next.
        rate: Hz that the model takes.
        sample_rate: Hz of the chunks.
    """

    def __init__(self, stream, vocabulary: Vocabulary, frame_seconds: float, rate: int, sample_rate: float):
        self.stream, self.sample_rate, self.samples = stream, sample_rate, 0
        self.decoder, self.resample = StreamingGreedyDecoder(vocabulary, frame_seconds), resampler(sample_rate, rate)
        self.text, self.shown = "", ("", "")

    def hear(self, chunk: np.ndarray, last: bool = False) -> PartialTranscript | None:
        """Take the next chunk, (samples,) or (samples, channels); return what is known now, or None where nothing is new."""
        chunk = check_chunk(chunk)
        self.samples += len(chunk)
        seconds = self.samples / self.sample_rate
        new = self.decoder.hear(self.stream(self.resample(chunk, last), last)) if self.samples else []
        new += self.decoder.end(seconds) if last else []
        self.text = " ".join([self.text, *(word.text for word in new)]).strip()
        before, self.shown = self.shown, (self.text, self.decoder.partial)
        return PartialTranscript(tuple(new), *self.shown, seconds, last) if last or self.shown != before else None


def listen(listener: Listener, chunks: Iterable[np.ndarray]) -> Iterator[PartialTranscript]:
    """Transcribe sound that is going on: chunks, arrays (samples,) or (samples, channels), to what is new after each."""
    check_chunks(chunks)
    for chunk in chunks:
        if heard := listener.hear(chunk):
            yield heard
    if listener.samples:
        yield listener.hear(np.zeros(0, "float32"), last=True)


def check_chunks(chunks) -> None:
    """Raise AudioError unless `chunks` may be a stream of arrays."""
    if not isinstance(chunks, Iterable) or hasattr(chunks, "__array__"):
        raise AudioError(f"`chunks` must be arrays; put a single one into [ ]. Received: a {type(chunks).__name__}.")


def check_chunk(chunk) -> np.ndarray:
    """A chunk as (samples,) float32 in [-1, 1]. One that is too loud is not scaled down: the next would not be."""
    if not hasattr(chunk, "__array__"):
        raise AudioError(f"`chunks` must be arrays. Received: a {type(chunk).__name__}.")
    samples = mono(from_array(np.asarray(chunk)), "`chunks`")
    peak = np.abs(samples).max(initial=0.0)
    if not peak <= LOUDEST:  # nor NaN
        raise AudioError(f"`chunks` must be floats in [-1, 1] or integers at full scale. Received: one with {peak:g}.")
    return np.clip(samples, -1.0, 1.0).astype("float32")


def resampler(from_rate: float, to_rate: float) -> Callable[[np.ndarray, bool], np.ndarray]:
    """A function (samples, last) -> samples at another rate, that remembers what came before."""
    check_rate(from_rate)
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
