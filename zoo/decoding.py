"""Logits to text. NumPy only: nothing here knows which model the logits come from.

Greedy CTC decoding (Graves et al. 2006, section 3.2, "best path"): the best symbol of each frame, repeats merged,
blanks removed. A blank between two equal symbols keeps both.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from zoo.text import BLANK, Labels


@dataclass(frozen=True)
class Word:
    """A word, where it was heard, and how sure the model was."""

    text: str
    start: float  # seconds
    end: float  # seconds
    confidence: float  # geometric mean of its characters' probabilities, 0 to 1


@dataclass(frozen=True)
class Transcript:
    """What was said. `str(transcript)` is its text."""

    text: str
    words: tuple[Word, ...]
    confidence: float  # geometric mean over all characters; of an empty transcript, over the blanks
    duration: float  # seconds

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict:
        """Plain values, ready for JSON."""
        return asdict(self)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log probabilities over the last axis, computed without overflow."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def greedy(
    logits: np.ndarray,
    lengths: Sequence[int],
    labels: Labels,
    frame_seconds: float,
    durations: Sequence[float] | None = None,
) -> list[Transcript]:
    """The best path of each utterance.

    Args:
        logits: (batch, frames, symbols). lengths: (batch,) true frames; what lies beyond is not looked at.
        labels: one symbol is a character; words are separated by the label " ".
        frame_seconds: seconds from one frame to the next.
        durations: (batch,) seconds of the clips, which may end within their last frames; no word ends later.
    Returns: a Transcript of each utterance.
    """
    durations = [length * frame_seconds for length in lengths] if durations is None else durations
    return [
        _best_path(log_softmax(np.asarray(rows[:length], "float64")), labels, frame_seconds, duration)
        for rows, length, duration in zip(logits, lengths, durations, strict=True)
    ]


def _best_path(log_probabilities: np.ndarray, labels: Labels, frame_seconds: float, duration: float) -> Transcript:
    """(frames, symbols) -> Transcript."""
    n_frames = len(log_probabilities)
    if not n_frames:
        return Transcript("", (), 1.0, duration)
    best = log_probabilities.argmax(axis=1)  # (frames,)
    score = log_probabilities.max(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))  # where a run of one symbol begins
    ends = np.append(starts[1:], n_frames)
    # Each character: its symbol, the frames [start, end) of its run, and its best log probability.
    characters = [
        (labels.decode([best[start]]), start, end, score[start:end].max())
        for start, end in zip(starts, ends, strict=True)
        if best[start] != BLANK
    ]
    words, run = [], []
    for character in [*characters, (" ", n_frames, n_frames, 0.0)]:
        if character[0] != " ":
            run.append(character)
        elif run:
            # Frame t is centred on t * frame_seconds and stands for half a frame on either side.
            start, end = (run[0][1] - 0.5) * frame_seconds, (run[-1][2] - 0.5) * frame_seconds
            words.append(
                Word(
                    "".join(c[0] for c in run),
                    float(min(max(0.0, start), duration)),
                    float(min(end, duration)),
                    _confidence([c[3] for c in run]),
                )
            )
            run = []
    spoken = [character[3] for character in characters if character[0] != " "]
    return Transcript(" ".join(word.text for word in words), tuple(words), _confidence(spoken or list(score)), duration)


def _confidence(log_probabilities: Sequence[float]) -> float:
    """Geometric mean; 1 of nothing."""
    return float(np.exp(np.mean(log_probabilities))) if len(log_probabilities) else 1.0
