"""Greedy decoding: the best symbol of each frame (Graves et al. 2006, section 3.2)."""

from collections.abc import Sequence

import numpy as np

from zoo.decoding.transcripts import Transcript, log_softmax, transcript_of_runs, utterance_logits
from zoo.text import BLANK, Vocabulary


def greedy(
    logits: np.ndarray,
    lengths: Sequence[int],
    vocabulary: Vocabulary,
    frame_seconds: float,
    durations: Sequence[float] | None = None,
) -> list[Transcript]:
    """Decode the best path of each utterance.

    Args:
        logits: (batch, frames, symbols).
        lengths: (batch,) true frames; later ones are ignored.
        vocabulary: Characters that the model writes; " " separates words.
        frame_seconds: Time from one frame to the next.
        durations: (batch,) seconds of the clips, which may end within their last frames; no word ends later.

    >>> vocabulary = Vocabulary("ab")
    >>> logits = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # columns: blank, a, b
    >>> greedy(logits[None], [4], vocabulary, frame_seconds=0.03)[0].text
    'aab'
    """
    durations = [length * frame_seconds for length in lengths] if durations is None else durations
    return [
        _best_path(log_softmax(utterance_logits(rows, vocabulary)[:length]), vocabulary, frame_seconds, duration)
        for rows, length, duration in zip(logits, lengths, durations, strict=True)
    ]


def _best_path(log_probabilities: np.ndarray, vocabulary: Vocabulary, frame_seconds: float, duration: float):
    best = log_probabilities.argmax(axis=1)  # (frames,)
    starts = np.flatnonzero(np.diff(best, prepend=-1))  # where a run of one symbol begins
    ends = np.append(starts, len(best))[1:]
    runs = [(best[a], a, b) for a, b in zip(starts, ends, strict=True) if best[a] != BLANK]
    return transcript_of_runs(log_probabilities, runs, vocabulary, frame_seconds, duration)
