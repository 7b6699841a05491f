"""Several recognizers, one text: the mean of their log probabilities, or a vote on each word.

    joint_search   networks with one vocabulary: every text that one of them proposes is scored by all of them
    rover          any recognizers: their words are laid side by side, and each place votes

The mean is taken of log P(text | recording), not of what each frame says. Networks trained with CTC emit a letter in one frame, early
or late as each happened to learn it; the mean of two frames, one with the letter and one with a blank, is neither
(`python -m experiments.ensembles` measures it; G. Kurata & K. Audhkhasi, Interspeech 2019, arxiv.org/abs/1904.08311).

Source: J. Fiscus, "A post-processing system to yield reduced word error rates: recognizer output voting error reduction (ROVER)",
ASRU 1997 (doi.org/10.1109/ASRU.1997.659110).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from zoo.decoding.alignment import align
from zoo.decoding.beam_search import Hypothesis, beam_search
from zoo.decoding.transcripts import Transcript, Word, log_softmax
from zoo.text import BLANK, LOG_ZERO, Vocabulary

Places = list[dict[str, dict[int, Word | None]]]  # of an alignment: word, or "" for none -> model -> its word


def text_log_probabilities(logits: np.ndarray, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """Log P(text | frames) of several texts, (texts,) nats, each summed over its alignments: the negative CTC loss of each.

    Args:
        logits: (frames, symbols) of one utterance.
        texts: Label ids of each.

    >>> logits = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # columns: blank, a, b
    >>> text_log_probabilities(logits, [[1, 1, 2], [1, 2]]).round(2).tolist()
    [-0.89, -1.42]
    """
    frames = log_softmax(np.asarray(logits, "float64"))
    # States of a path: blank, first label, blank, second label, ..., blank. What lies behind the end of a text changes nothing.
    states = np.full((len(texts), 2 * max(map(len, texts), default=0) + 1), BLANK)
    for row, ids in zip(states, texts, strict=True):
        row[1 : 2 * len(ids) : 2] = ids
    bar = np.full(states.shape, LOG_ZERO)  # a blank may be skipped between two different labels
    bar[:, 2:][(states[:, 2:] != BLANK) & (states[:, 2:] != states[:, :-2])] = 0.0
    sums = np.full(states.shape, LOG_ZERO)
    sums[:, :2] = frames[0, states[:, :2]]
    for frame in frames[1:]:
        one = np.pad(sums, ((0, 0), (1, 0)), constant_values=LOG_ZERO)[:, :-1]
        two = np.pad(sums, ((0, 0), (2, 0)), constant_values=LOG_ZERO)[:, :-2] + bar
        sums = np.logaddexp(np.logaddexp(sums, one), two) + frame[states]
    each, last = np.arange(len(texts)), np.array([2 * len(ids) for ids in texts], int)
    return np.where(last > 0, np.logaddexp(sums[each, last], sums[each, last - 1]), sums[each, last])


def proposals(
    logits: Sequence[np.ndarray], vocabulary: Vocabulary, beam_width: int = 16, **options
) -> tuple[list[Hypothesis], np.ndarray]:
    """What a beam search finds with one network or another, and how likely each network holds it.

    Args:
        logits: Those of each network, (frames, symbols), true frames only.
        vocabulary: Characters that all of them write.
        beam_width: Texts of each network, and as for `beam_search`.
        **options: Others of `beam_search`.

    Returns:
        Hypotheses, each text once, and log P(text | frames) by each network, (networks, texts).
    """
    found: dict[str, Hypothesis] = {}
    for rows in logits:
        for one in beam_search(rows, vocabulary, **options | {"beam_width": beam_width, "n_best": beam_width}):
            found.setdefault(one.text, one)
    ids = [one.ids for one in found.values()]
    return [*found.values()], np.array([text_log_probabilities(rows, ids) for rows in logits])


def joint_search(
    logits: Sequence[np.ndarray], vocabulary: Vocabulary, weights: Sequence[float], *, n_best: int = 1, **options
) -> list[Hypothesis]:
    """Find the texts with the highest weighted mean of the log probabilities of several networks.

    Args:
        logits: Those of each network, (frames, symbols), true frames only.
        vocabulary: Characters that all of them write.
        weights: Of each network, with sum 1.
        n_best: Most hypotheses returned, best first.
        **options: Others of `beam_search`.

    >>> early = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.8, 0.1, 0.1]])  # columns: blank, a, b
    >>> late = early[::-1]  # each frame's mean would be more of a blank
    >>> joint_search([early, late], Vocabulary("ab"), [0.5, 0.5])[0].text
    'a'
    """
    found, each = proposals(logits, vocabulary, **options)
    scored = []
    for one, acoustic in zip(found, np.dot(weights, each), strict=True):
        # What the language model and the words add is the same for all networks.
        scored.append(one._replace(score=float(acoustic + one.score - one.acoustic), acoustic=float(acoustic)))
    return sorted(scored, key=lambda hypothesis: -hypothesis.score)[:n_best]


def mean_transcript(transcripts: Sequence[Transcript], weights: Sequence[float]) -> Transcript:
    """One transcript of several with the same words: the mean of their times, the geometric mean of their confidences."""

    def mean(values):
        return float(np.dot(weights, list(values)))

    def geometric(values):
        return float(np.exp(mean(np.log(np.maximum(list(values), 1e-300)))))

    words = []
    for same in zip(*(transcript.words for transcript in transcripts), strict=True):
        times = mean(word.start for word in same), mean(word.end for word in same)
        words.append(Word(same[0].text, *times, geometric(word.confidence for word in same)))
    confidence = geometric(transcript.confidence for transcript in transcripts)
    return replace(transcripts[0], words=tuple(words), confidence=confidence)


def joint_decoder(
    vocabulary: Vocabulary, frame_seconds: float, weights: Sequence[float], search: dict
) -> Callable[[np.ndarray, float], Transcript]:
    """A function (logits of all networks side by side (frames, networks * symbols), seconds) -> Transcript."""

    def decode(logits, seconds):
        parts = np.split(np.asarray(logits), len(weights), axis=1)
        best, *others = joint_search(parts, vocabulary, weights, **search)
        aligned = [align(part, best.ids, vocabulary, frame_seconds, seconds) for part in parts]
        alternatives = tuple((other.text, other.score) for other in others)
        return replace(mean_transcript(aligned, weights), alternatives=alternatives)

    return decode


def in_a_row(logits_of: Callable, decode: Callable, networks: int) -> tuple[Callable, Callable]:
    """Both functions for `segments.transcribe`, which compares paths of (frames, symbols): the networks after each other."""

    def one_after_another(clips):
        return [np.concatenate(np.split(rows, networks, axis=1)) for rows in logits_of(clips)]

    return one_after_another, lambda rows, seconds: decode(np.concatenate(np.split(rows, networks), axis=1), seconds)


def rover(
    transcripts: Sequence[Transcript],
    weights: Sequence[float] | None = None,
    alpha: float = 0.5,
    no_word: float = 0.7,
) -> Transcript:
    """Combine transcripts of one recording by a vote on each word (Fiscus 1997).

    The words are aligned, one transcript after the other, into places where each transcript has a word or none. In each place
    the word with the most votes counts; a transcript votes with alpha + (1 - alpha) * its confidence, times its weight.

    Args:
        transcripts: At least one; those before win ties.
        weights: Of each, with sum 1; equal by default.
        alpha: How much a vote counts, against the confidence in it; 1 counts heads.
        no_word: Confidence of a transcript that has no word in a place.

    >>> def said(text):
    ...     words = [Word(word, i, i + 1, 0.9) for i, word in enumerate(text.split())]
    ...     return Transcript(text, tuple(words), 0.9, 4.0)
    >>> rover([said("call five four"), said("call nine four"), said("call nine for me")]).text
    'call nine four'
    """
    weights = [1 / len(transcripts)] * len(transcripts) if weights is None else weights
    places: Places = []
    for i, transcript in enumerate(transcripts):
        places = _aligned(places, transcript.words, i)
    words = []
    for place in places:
        scores = {}
        for text, votes in place.items():
            confidences = ((weights[i], word.confidence if word else no_word) for i, word in votes.items())
            scores[text] = sum(weight * (alpha + (1 - alpha) * sure) for weight, sure in confidences)
        if best := max(scores, key=scores.get):
            voters = place[best]
            share = np.array([weights[i] for i in voters])
            start, end, sure = share @ [(word.start, word.end, word.confidence) for word in voters.values()]
            words.append(Word(best, float(start / share.sum()), float(end / share.sum()), float(sure)))
    lengths = [len(word.text) for word in words]
    sure = np.log([max(word.confidence, 1e-300) for word in words])
    silence = np.dot(weights, [transcript.confidence for transcript in transcripts])
    confidence = np.exp(np.average(sure, weights=lengths)) if words else silence
    duration = max(transcript.duration for transcript in transcripts)
    return Transcript(" ".join(word.text for word in words), tuple(words), float(confidence), duration)


def _aligned(places: Places, words: Sequence[Word], model: int) -> Places:
    """The places with the words of one more model, at the least cost: 0 for a word that is there, 1 for any other."""
    rows, columns = len(places) + 1, len(words) + 1
    skip = [0.0 if "" in place else 1.0 for place in places]  # that the model has no word there
    cost = np.zeros((rows, columns))
    cost[1:, 0], cost[0, 1:] = np.cumsum(skip), np.arange(1, columns)
    for i in range(1, rows):
        for j in range(1, columns):
            same = cost[i - 1, j - 1] + (words[j - 1].text not in places[i - 1])
            cost[i, j] = min(same, cost[i - 1, j] + skip[i - 1], cost[i, j - 1] + 1)
    found: Places = []
    i, j = rows - 1, columns - 1
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (words[j - 1].text not in places[i - 1]):
            i, j, place, word = i - 1, j - 1, places[i - 1], words[j - 1]
        elif i and cost[i, j] == cost[i - 1, j] + skip[i - 1]:
            i, place, word = i - 1, places[i - 1], None
        else:
            j, place, word = j - 1, {"": dict.fromkeys(range(model))}, words[j - 1]
        text = word.text if word else ""
        found.append(place | {text: place.get(text, {}) | {model: word}})
    return found[::-1]
