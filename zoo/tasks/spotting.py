"""Keyword spotting: a classifier of single words looks at the last second of a stream, ten times a second.

A word is in sight of some ten windows, and in some of them only in part, so one answer means little: probabilities are
averaged over the last few windows (Chen et al. 2014), and a word is reported when its mean passes a threshold, once in
`PAUSE` seconds. A model for this has classes for other words and for silence, as `ds_cnn.commands` has.

Source: G. Chen, C. Parada, G. Heigold, "Small-footprint keyword spotting using deep neural networks", ICASSP 2014
(doi.org/10.1109/ICASSP.2014.6854370).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, repeat

import numpy as np

from zoo.decoding import log_softmax
from zoo.decoding.live import check_chunk, check_chunks, resampler
from zoo.errors import ZooError, unknown_name

WINDOW = 1.0  # seconds, what a classifier of commands learnt from
HOP = 0.1  # seconds from one window to the next
SMOOTHING = 4  # windows over which probabilities are averaged
PAUSE = 0.8  # seconds after a word in which no other is reported
OTHER = ("silence", "unknown")  # classes that are no word


@dataclass(frozen=True)
class Spotted:
    """A word that was heard in a stream."""

    word: str
    time: float  # seconds, the end of the window in which it was recognized
    confidence: float  # mean probability over the last windows

    def __str__(self) -> str:
        return f"{self.time:.1f} s: {self.word}"

    def to_dict(self) -> dict:
        """The fields, as JSON has them."""
        return asdict(self)


class Smoother:
    """Turns the probabilities of window after window into words.

    >>> smoother, row = Smoother(("yes", "silence"), ("yes",), threshold=0.6), np.array([0.9, 0.1])
    >>> [smoother.hear(row, time) for time in (0.1, 0.2, 0.3)]
    [None, None, Spotted(word='yes', time=0.3, confidence=0.675)]
    """

    def __init__(self, labels: Sequence[str], words: Sequence[str], threshold: float):
        self.words, self.threshold = list(words), threshold
        self.ids = [list(labels).index(word) for word in words]
        self.last = deque([np.zeros(len(words))] * SMOOTHING, SMOOTHING)
        self.quiet_until = 0.0

    def hear(self, probabilities: np.ndarray, time: float) -> Spotted | None:
        """Takes (classes,) of the window that ends at `time`; returns the word that it completes, if any."""
        self.last.append(probabilities[self.ids])
        means = np.mean(self.last, axis=0)
        best = int(means.argmax())
        if means[best] < self.threshold or time < self.quiet_until:
            return None
        self.quiet_until = time + PAUSE
        return Spotted(self.words[best], round(time, 3), round(float(means[best]), 4))


def spot(
    model, chunks: Iterable[np.ndarray], sample_rate: float, words: Sequence[str] | None, threshold: float
) -> Iterator[Spotted]:
    """`Classifier.spot`, which says what the arguments are."""
    smoother = Smoother(model.labels, *_checked(model, chunks, words, threshold))
    rate, convert = model.config.sample_rate, resampler(sample_rate, model.config.sample_rate)
    window, hop = round(WINDOW * rate), round(HOP * rate)
    held = np.zeros(window - hop, "float32")  # before the first sample lies silence
    ended = 0  # windows so far
    for chunk, last in chain(zip(map(check_chunk, chunks), repeat(False)), [(np.zeros(0, "float32"), True)]):
        held = np.concatenate([held, convert(chunk, last)])
        starts = range(0, len(held) - window + 1, hop)
        windows = [held[start : start + window] for start in starts]
        held = held[len(starts) * hop :]
        for logits in model.logits(windows, rate, batch_size=64) if windows else ():
            ended += 1
            if found := smoother.hear(np.exp(log_softmax(logits)), ended * HOP):
                yield found


def _checked(model, chunks, words, threshold) -> tuple[list[str], float]:
    """The words to listen for and the threshold. Raises ZooError, AudioError."""
    check_chunks(chunks)
    words = [words] if isinstance(words, str) else words
    words = [label for label in model.labels if label not in OTHER] if words is None else list(words)
    for word in words:
        if word not in model.labels:
            raise unknown_name(f"word of {model.display_name}", word, model.labels)
    if not words:
        raise ZooError("`words` must name at least one word. Received none.")
    if not 0 < threshold < 1:
        raise ZooError(f"`threshold` must be between 0 and 1. Received: threshold={threshold!r}.")
    return words, threshold
