"""Results of decoding: transcripts with words, times and confidences, and classifications."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby

import numpy as np

from zoo.errors import ZooError
from zoo.text import LOG_ZERO, Vocabulary


@dataclass(frozen=True)
class Word:
    """A word, its time in the clip, and its confidence."""

    text: str
    start: float  # seconds
    end: float  # seconds
    confidence: float  # geometric mean of its characters' probabilities, 0 to 1


@dataclass(frozen=True)
class Transcript:
    """A transcribed clip. `str(transcript)` is its text."""

    text: str
    words: tuple[Word, ...]
    confidence: float  # geometric mean over all characters; for an empty transcript, over the blanks
    duration: float  # seconds
    alternatives: tuple[tuple[str, float], ...] = ()  # of a beam search, the next best texts and their scores
    doubtful: bool | None = None  # whether the input is unlike the training data; None where the model cannot tell
    doubt: str = ""  # why it is doubtful, in a sentence

    def __str__(self) -> str:
        return self.text

    to_dict = asdict  # plain values, ready for JSON


@dataclass(frozen=True)
class Classification:
    """The class of a clip. `str(classification)` is its label."""

    label: str
    probabilities: dict[str, float]  # class -> probability, in the order of the logits
    confidence: float  # the label's probability
    doubtful: bool | None = None  # whether it sounds like none of the classes; None where the model cannot say
    doubt: str = ""  # why it is doubtful, in a sentence

    def __str__(self) -> str:
        return self.label

    to_dict = asdict


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log probabilities over the last axis, computed without overflow.

    >>> np.exp(log_softmax(np.array([0.0, 0.0]))).tolist()
    [0.5, 0.5]
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def classify(logits: np.ndarray, class_names: Sequence[str]) -> Classification:
    """Return the most probable class of one clip by its logits (classes,), named in the same order.

    >>> classify(np.array([0.0, 2.0]), ["no", "yes"]).label
    'yes'
    """
    probabilities = np.exp(log_softmax(np.asarray(logits)))
    best = int(probabilities.argmax())
    named = dict(zip(class_names, map(float, probabilities), strict=True))
    return Classification(class_names[best], named, float(probabilities[best]))


def with_doubt(
    answer: "Transcript | Classification", name: str, threshold: float, knows: str, score: float | None = None
) -> "Transcript | Classification":
    """Return the answer with `.doubtful` and `.doubt`, which a score below the threshold of the model `name` raises.

    The score of a transcript is its confidence; that of a classification must be given.

    >>> with_doubt(Transcript("one", (), 0.4, 1.0), "lstm_ctc", 0.8, "digits").doubtful
    True
    """
    text = getattr(answer, "text", None)
    if text == "":
        return replace(answer, doubtful=True, doubt=f"{name} hears no words in this.")
    if (answer.confidence if score is None else score) >= threshold:
        return replace(answer, doubtful=False)
    what = "none of them" if text is None else "something else"
    return replace(answer, doubtful=True, doubt=f"{name} knows {knows}; this sounds like {what}.")


def utterance_logits(logits: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Return logits of one utterance, (frames, symbols), in double precision."""
    logits = np.asarray(logits, "float64")
    if logits.ndim != 2 or logits.shape[1] != len(vocabulary):
        raise ZooError(f"`logits` must be (frames, {len(vocabulary)}) of one clip. Received: shape {logits.shape}.")
    return logits


def transcript_of_runs(
    log_probabilities: np.ndarray,
    runs: Sequence[tuple[int, int, int]],
    vocabulary: Vocabulary,
    frame_seconds: float,
    duration: float,
) -> Transcript:
    """Make a Transcript of runs of frames, each (label id, first frame, frame after the last)."""
    # Each character: its symbol, its frames, and its best log probability.
    characters = [(vocabulary.decode([i]), a, b, log_probabilities[a:b, i].max()) for i, a, b in runs]
    words = []
    for is_word, run in groupby(characters, key=lambda character: character[0] != " "):
        if is_word:
            letters, starts, ends, logs = zip(*run, strict=True)
            # Frame t is centred on t * frame_seconds and stands for half a frame on either side.
            start, end = (starts[0] - 0.5) * frame_seconds, (ends[-1] - 0.5) * frame_seconds
            times = float(min(max(0.0, start), duration)), float(min(end, duration))
            words.append(Word("".join(letters), *times, _confidence(logs)))
    spoken = [character[3] for character in characters if character[0] != " "]
    confidence = _confidence(spoken or list(log_probabilities.max(axis=1, initial=LOG_ZERO)))
    return Transcript(" ".join(word.text for word in words), tuple(words), confidence, duration)


def _confidence(log_probabilities: Sequence[float]) -> float:
    """Geometric mean; 1 of nothing."""
    return float(np.exp(np.mean(log_probabilities))) if len(log_probabilities) else 1.0
