"""Forced alignment: the frames in which the words of a known text lie."""

from collections.abc import Sequence

import numpy as np

from zoo.decoding.transcripts import Transcript, log_softmax, transcript_of_runs, utterance_logits
from zoo.errors import DataError
from zoo.text import BLANK, LOG_ZERO, Vocabulary

MOST_BYTES = 2_000_000_000  # of the search, a byte for each frame and state


def align(
    logits: np.ndarray,
    ids: Sequence[int],
    vocabulary: Vocabulary,
    frame_seconds: float,
    duration: float | None = None,
    name: str = "the clip",
) -> Transcript:
    """Find the best single CTC alignment of a known text (Viterbi).

    Args:
        logits: (frames, symbols) of one utterance.
        ids: Label ids of its text, `vocabulary.encode(text)`; DataError where the frames are too few for them.
        vocabulary: Characters that the model writes; " " separates words.
        frame_seconds: Time from one frame to the next.
        duration: Seconds of the clip; no word ends later.
        name: Name of the clip, for the error.

    >>> vocabulary = Vocabulary("ab")
    >>> logits = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # columns: blank, a, b
    >>> align(logits, vocabulary.encode("ab"), vocabulary, frame_seconds=0.03).text
    'ab'
    """
    # A probability of 0 must not be worse than an impossible path.
    log_probabilities = np.maximum(log_softmax(utterance_logits(logits, vocabulary)), LOG_ZERO / 1e6)
    n_frames, ids = len(log_probabilities), list(ids)
    duration = n_frames * frame_seconds if duration is None else duration
    needed = len(ids) + sum(a == b for a, b in zip(ids, ids[1:], strict=False))
    if needed > n_frames:
        given = f"{len(ids)} letters that need {needed} frames; {name} has {n_frames}"
        raise DataError(f"`ids` must fit into the frames, with one between equal letters. Received: {given}.")
    if (n_bytes := n_frames * (2 * len(ids) + 1)) > MOST_BYTES:
        given = f"{len(ids)} letters and {n_frames} frames of {name}, which need {n_bytes / 1e9:.1f} GB"
        raise DataError(f"`ids` and frames must be so few that the search fits: cut text and clip. Received: {given}.")
    path = _viterbi(log_probabilities, ids)
    frames = [np.flatnonzero(path == 2 * i + 1) for i in range(len(ids))]  # of each label
    runs = [(label, int(own[0]), int(own[-1]) + 1) for label, own in zip(ids, frames, strict=True)]
    return transcript_of_runs(log_probabilities, runs, vocabulary, frame_seconds, duration)


def _viterbi(log_probabilities: np.ndarray, ids: list[int]) -> np.ndarray:
    """Return the state of each frame; label i is state 2 * i + 1, blanks are the even states."""
    # States: blank, first label, blank, second label, ..., blank. From each one may stay, go on, or, between two
    # different labels, leave out the blank.
    n_frames = len(log_probabilities)
    states = np.full(2 * len(ids) + 1, BLANK)
    states[1::2] = ids
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), LOG_ZERO)
    score[:2] = log_probabilities[0, states[:2]] if n_frames else 0.0
    back = np.zeros((n_frames, len(states)), np.int8)  # a byte each: ten minutes of speech have 20,000 x 12,000
    for t in range(1, n_frames):
        from_before = np.concatenate([[LOG_ZERO], score[:-1]])
        from_label = np.where(skips, np.concatenate([[LOG_ZERO, LOG_ZERO], score[:-2]])[: len(states)], LOG_ZERO)
        options = np.stack([score, from_before, from_label])
        back[t] = options.argmax(axis=0)
        score = options.max(axis=0) + log_probabilities[t, states]
    state = len(states) - 1 - int(len(states) > 1 and score[-2] > score[-1])
    path = np.zeros(n_frames, int)
    for t in range(n_frames - 1, -1, -1):
        path[t] = state
        state -= int(back[t, state])
    return path
