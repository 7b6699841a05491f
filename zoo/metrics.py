"""Error rates, accuracy and tests with 95 % intervals. Words are aligned by jiwer; scipy.stats gives the intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.decoding import Transcript
from zoo.errors import DataError


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval: 0.05 is 5 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} % [{100 * self.low:.2f}, {100 * self.high:.2f}]"


@dataclass(frozen=True)
class ErrorRate(Estimate):
    """(substitutions + deletions + insertions) / reference_length; bootstrap over utterances (Bisani & Ney 2004)."""

    substitutions: int
    deletions: int
    insertions: int
    hits: int
    reference_length: int  # words or characters in the references
    utterances: int


@dataclass(frozen=True)
class Accuracy(Estimate):
    """correct / clips, with Wilson's interval (1927), which is right also where nearly all clips are correct."""

    correct: int
    clips: int


@dataclass(frozen=True)
class EqualErrorRate(Estimate):
    """Errors of "is this the same speaker?" where both kinds are equally frequent; bootstrap over speakers."""

    threshold: float  # cosine
    same: int  # pairs of clips of one speaker, of different recordings
    different: int  # pairs of clips of two speakers


@dataclass(frozen=True)
class PairedTest:
    """Two classifiers on the same clips, and whether their difference may be chance. See `mcnemar`."""

    difference: float  # accuracy of the first less that of the second, as a share: 0.05 is five points
    low: float  # 95 % interval (Agresti & Min 2005, doi.org/10.1002/sim.1781), right for few clips too
    high: float
    only_first: int  # clips that the first got right and the second wrong
    only_second: int
    p: float  # two-sided: how often a fair coin, thrown for each of these clips, divides them at least as unevenly
    clips: int

    def __str__(self) -> str:
        return f"{100 * self.difference:+.2f} points [{100 * self.low:+.2f}, {100 * self.high:+.2f}], p = {self.p:.2g}"


def accuracy(references: Sequence, hypotheses: Sequence) -> Accuracy:
    """Compute the share of clips whose class was recognized. Hypotheses are labels, or what `classify` returns.

    >>> accuracy(["yes", "no", "no", "yes"], ["yes", "no", "yes", "yes"]).value
    0.75
    """
    from scipy.stats import binomtest

    right = _right(references, hypotheses)
    n, correct = len(right), int(right.sum())
    interval = binomtest(correct, n).proportion_ci(method="wilson")
    return Accuracy(correct / n, float(interval.low), float(interval.high), correct, n)


def mcnemar(references: Sequence, first: Sequence, second: Sequence) -> PairedTest:
    """Test whether one classifier is better than another on the same clips: McNemar's test, exact.

    Clips that both get right, or both wrong, say nothing about which is better. If neither is, the others are divided
    between the two as by a fair coin (McNemar 1947; Gillick & Cox 1989). Overlapping intervals of accuracy prove nothing:
    they count the difficulty of the clips, which both share. With few speakers the test is too sure.

    >>> found = mcnemar(["yes"] * 10, ["yes"] * 9 + ["no"], ["yes"] * 3 + ["no"] * 7)
    >>> found.only_first, found.only_second, found.p
    (6, 0, 0.03125)
    """
    from scipy.stats import binomtest

    first, second = _right(references, first), _right(references, second)
    n, b, c = len(first), int((first & ~second).sum()), int((second & ~first).sum())
    p = float(binomtest(b, b + c).pvalue) if b + c else 1.0
    middle = (b - c) / (n + 2)
    half = 1.96 * math.sqrt(b + c + 1 - (b - c) ** 2 / (n + 2)) / (n + 2)
    return PairedTest((b - c) / n, max(-1.0, middle - half), min(1.0, middle + half), b, c, p, n)


def equal_error_rate(
    embeddings: np.ndarray, speakers: Sequence[str], recordings: Sequence[str], seed: int = 0
) -> EqualErrorRate:
    """Compute the equal error rate of speaker verification over all pairs of clips, by embeddings (clips, units) of length 1.

    Two clips of one of the `recordings` that they were cut from share its noise, so they make no pair.

    >>> embeddings = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> equal_error_rate(embeddings, ["anna", "anna", "ben", "ben"], ["a", "b", "c", "d"]).value
    0.0
    """
    names, speaker = np.unique(speakers, return_inverse=True)
    _, recording = np.unique(recordings, return_inverse=True)
    first, second = np.triu_indices(len(speaker), 1)
    apart = recording[first] != recording[second]
    first, second = first[apart], second[apart]
    same = speaker[first] == speaker[second]
    if not same.any() or same.all():
        raise DataError("`speakers` must hold one with two recordings, and two different ones. Received no such pairs.")
    cosine = np.einsum("pu,pu->p", embeddings[first], embeddings[second])
    order = np.argsort(cosine)
    first, second, same, cosine = speaker[first[order]], speaker[second[order]], same[order], cosine[order]

    def rate(weight):
        rejected = np.cumsum(np.append(0, weight * same))
        accepted = np.cumsum(np.append(0, (weight * ~same)[::-1]))[::-1]
        rejected, accepted = rejected / rejected[-1], accepted / accepted[0]
        i = int(np.searchsorted(rejected - accepted, 0.0))  # both curves are monotone
        return (rejected[i] + accepted[i]) / 2, float(cosine[i])

    rng, drawn = np.random.default_rng(seed), []
    for _ in range(200):
        times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names)).astype(float)
        weight = times[first] * np.where(same, 1.0, times[second])
        if weight[same].any() and weight[~same].any():
            drawn.append(rate(weight)[0])
    value, threshold = rate(np.ones(len(cosine)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return EqualErrorRate(float(value), float(low), float(high), threshold, int(same.sum()), int((~same).sum()))


def wer(references: Sequence | str, hypotheses: Sequence | str, seed: int = 0) -> ErrorRate:
    """Compute the word error rate of a text or a list of texts. Hypotheses are texts, or what `transcribe` returns.

    >>> wer(["one two three"], ["one three"]).value  # one word is missing
    0.3333333333333333
    """
    return _error_rate(references, hypotheses, str.split, "words", seed)


def cer(references: Sequence | str, hypotheses: Sequence | str, seed: int = 0) -> ErrorRate:
    """Compute the character error rate, as `wer` does; a space counts as a character.

    >>> cer(["one"], ["won"]).value
    0.6666666666666666
    """
    return _error_rate(references, hypotheses, list, "characters", seed)


def word_errors(reference: str, hypothesis: str) -> int:
    """Count the substitutions, deletions and insertions of words.

    >>> word_errors("one two three", "one too three four")
    2
    """
    return sum(_counts(reference.split(), hypothesis.split())[:3])


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Compute the scale-invariant signal-to-distortion ratio of two signals (samples,) in dB (Le Roux et al., ICASSP 2019).

    >>> clean, noise = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    >>> round(si_sdr(clean, 3 * clean + 0.3 * noise))  # a tenth of it is noise
    20
    """
    target = np.dot(estimate, reference) / max(float(np.dot(reference, reference)), 1e-12) * reference
    return float(10 * np.log10((np.dot(target, target) + 1e-12) / (np.sum(np.square(estimate - target)) + 1e-12)))


def _pairs(references: Sequence, hypotheses: Sequence) -> tuple[list[str], list[str]]:
    """Both lists as strings: a Classification or a Transcript counts as its text."""
    for name, values in {"references": references, "hypotheses": hypotheses}.items():
        if isinstance(values, str):
            raise DataError(f"`{name}` must be a list with an entry for each clip. Received: {values[:60]!r}.")
    references, hypotheses = list(map(str, references)), list(map(str, hypotheses))
    if len(references) != len(hypotheses) or not references:
        n = f"{len(hypotheses)} for {len(references)}"
        raise DataError(f"`hypotheses` must be one for each reference, at least one. Received: {n}.")
    return references, hypotheses


def _right(references: Sequence, hypotheses: Sequence) -> np.ndarray:
    """(clips,) where the hypothesis is the reference."""
    return np.equal(*map(np.array, _pairs(references, hypotheses)))


def _error_rate(references, hypotheses, split: Callable, unit: str, seed: int) -> ErrorRate:
    references, hypotheses = _pairs(*([x] if isinstance(x, str | Transcript) else x for x in (references, hypotheses)))
    # One row for each utterance: substitutions, deletions, insertions, hits.
    counts = np.array([_counts(split(r), split(h)) for r, h in zip(references, hypotheses, strict=True)])
    errors, lengths = counts[:, :3].sum(axis=1), counts[:, [0, 1, 3]].sum(axis=1)
    total = int(lengths.sum())
    if not total:
        raise DataError(f"`references` must hold {unit}. Received: {len(references)} empty ones.")
    value = low = high = float(errors.sum() / total)
    if len(counts) > 1:  # of one utterance, each resample is the same
        from scipy.stats import bootstrap

        low, high = bootstrap(
            (errors, lengths),
            lambda errors, lengths, axis: errors.sum(axis) / np.maximum(1, lengths.sum(axis)),
            paired=True, vectorized=True, method="percentile", n_resamples=2000, rng=seed,
        ).confidence_interval  # fmt: skip
    return ErrorRate(value, float(low), float(high), *counts.sum(axis=0).tolist(), total, len(counts))


def _counts(reference: list[str], hypothesis: list[str]) -> tuple[int, int, int, int]:
    if not reference or not hypothesis:
        return 0, len(reference), len(hypothesis), 0
    import jiwer

    keep = jiwer.Compose([])  # tokens as they are: the same code counts characters and words
    aligned = jiwer.process_words([reference], [hypothesis], keep, keep)
    return aligned.substitutions, aligned.deletions, aligned.insertions, aligned.hits
