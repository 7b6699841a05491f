"""How wrong transcripts and classifications are: error rates and accuracy with 95 % intervals. Words are aligned by jiwer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.decoding import Transcript
from zoo.errors import DataError

RESAMPLES = 2000  # bootstrap samples: the ends of the interval move by less than a tenth of its width


@dataclass(frozen=True)
class ErrorRate:
    """(substitutions + deletions + insertions) / reference_length, as a share: 0.05 is 5 %."""

    value: float
    low: float  # 95 % interval, bootstrap over utterances (Bisani & Ney 2004)
    high: float
    substitutions: int
    deletions: int
    insertions: int
    hits: int
    reference_length: int  # words or characters in the references
    utterances: int

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} % [{100 * self.low:.2f}, {100 * self.high:.2f}]"


@dataclass(frozen=True)
class Accuracy:
    """correct / clips, as a share: 0.95 is 95 %."""

    value: float
    low: float  # 95 % interval (Wilson 1927): right also where nearly all clips are correct
    high: float
    correct: int
    clips: int

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} % [{100 * self.low:.2f}, {100 * self.high:.2f}]"


def _answers(*lists) -> list[list[str]]:
    """Each list as strings: a Classification or a Transcript counts as its text. Raises DataError for a mere string."""
    for one in lists:
        if isinstance(one, str):
            raise DataError(
                f"What was said and heard are lists, an entry for each clip; received the string {one[:60]!r}."
            )
    return [[str(answer) for answer in one] for one in lists]


def accuracy(said: Sequence, heard: Sequence) -> Accuracy:
    """Share of clips whose class was heard as it was said.

    Args: said, heard: (clips,) labels, or what `classify` returns. Raises: DataError where the numbers differ or are 0.

    >>> accuracy(["yes", "no", "no", "yes"], ["yes", "no", "yes", "yes"]).value
    0.75
    """
    said, heard = _answers(said, heard)
    if len(said) != len(heard) or not said:
        raise DataError(f"Each clip said is heard once; received {len(said)} said and {len(heard)} heard.")
    n, correct = len(said), sum(a == b for a, b in zip(said, heard, strict=True))
    share, z = correct / n, 1.96  # z: standard deviations that hold 95 % of a normal distribution
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return Accuracy(share, max(0.0, middle - half), min(1.0, middle + half), correct, n)


@dataclass(frozen=True)
class PairedTest:
    """Two classifiers on the same clips, and whether what sets them apart may be chance. See `mcnemar`."""

    difference: float  # accuracy of the first less that of the second, as a share: 0.05 is five points
    low: float  # 95 % interval (Agresti & Min 2005)
    high: float
    only_first: int  # clips that the first heard right and the second wrong
    only_second: int
    p: float  # two-sided: how often a fair coin, thrown for each of these clips, divides them at least as unevenly
    clips: int

    def __str__(self) -> str:
        return f"{100 * self.difference:+.2f} points [{100 * self.low:+.2f}, {100 * self.high:+.2f}], p = {self.p:.2g}"


def mcnemar(said: Sequence, first: Sequence, second: Sequence) -> PairedTest:
    """Is one classifier better than another, on the same clips? McNemar's test, exact.

    Clips that both hear right, or both wrong, say nothing about which is better. If neither is, the others are divided
    between the two as by a fair coin (McNemar 1947; for recognisers of words Gillick & Cox 1989). Two intervals of accuracy
    that overlap prove nothing: they count the difficulty of the clips, which is the same for both. Clips of one speaker
    are alike, and the test takes each for a new one: with few speakers it is too sure.

    Source of the interval: A. Agresti, Y. Min, "Simple improved confidence intervals for comparing matched proportions",
    Statistics in Medicine 24, 2005 (doi.org/10.1002/sim.1781): half a clip is added to each of the four counts, so that it
    is right for few clips too.

    Args: said: (clips,) the true label of each clip. first, second: (clips,) what each of the two heard.
    Raises: DataError where the numbers differ or are 0.

    >>> said = ["yes"] * 10
    >>> found = mcnemar(said, ["yes"] * 9 + ["no"], ["yes"] * 3 + ["no"] * 7)
    >>> found.only_first, found.only_second, found.p
    (6, 0, 0.03125)
    """
    said, first, second = _answers(said, first, second)
    if not len(said) == len(first) == len(second) or not said:
        raise DataError(
            f"Each clip said is heard once by either; received {len(said)} said, {len(first)} and {len(second)} heard."
        )
    right = np.array([(a == b, a == c) for a, b, c in zip(said, first, second, strict=True)])
    n, b, c = len(right), int((right[:, 0] & ~right[:, 1]).sum()), int((right[:, 1] & ~right[:, 0]).sum())
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    middle = (b - c) / (n + 2)
    half = 1.96 * math.sqrt(b + c + 1 - (b - c) ** 2 / (n + 2)) / (n + 2)
    return PairedTest((b - c) / n, max(-1.0, middle - half), min(1.0, middle + half), b, c, min(1.0, 2 * tail), n)


def word_errors(said: str, heard: str) -> int:
    """Substitutions, deletions and insertions that make one text of the other.

    >>> word_errors("five one four", "nine one four two")
    2
    """
    return sum(_counts(said.split(), heard.split())[:3])


@dataclass(frozen=True)
class EqualErrorRate:
    """The share of wrong answers to "is this one voice?", at the threshold where both kinds are equally frequent."""

    value: float
    low: float  # 95 % interval, bootstrap over speakers
    high: float
    threshold: float  # cosine
    same: int  # pairs of clips of one speaker, of different recordings
    different: int  # pairs of clips of two speakers

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} % [{100 * self.low:.2f}, {100 * self.high:.2f}]"


def equal_error_rate(
    embeddings: np.ndarray, speakers: Sequence[str], recordings: Sequence[str], seed: int = 0
) -> EqualErrorRate:
    """Equal error rate over all pairs of clips.

    Args:
        embeddings: (clips, units) of length 1. speakers: of each clip.
        recordings: what each clip was cut from; two clips of one recording share its noise, so they are no pair.
        seed: of the bootstrap.
    Raises: DataError where there are not both kinds of pairs.
    """
    names, speaker = np.unique(speakers, return_inverse=True)
    _, recording = np.unique(recordings, return_inverse=True)
    first, second = np.triu_indices(len(speaker), 1)
    apart = recording[first] != recording[second]
    first, second = first[apart], second[apart]
    same = speaker[first] == speaker[second]
    if not same.any() or same.all():
        raise DataError("An equal error rate needs two recordings of one speaker, and two speakers.")
    cosine = np.einsum("pu,pu->p", embeddings[first], embeddings[second])
    order = np.argsort(cosine)
    first, second, same, cosine = speaker[first[order]], speaker[second[order]], same[order], cosine[order]

    def rate(weight):
        rejected, accepted = (
            np.cumsum(np.append(0, weight * same)),
            np.cumsum(np.append(0, (weight * ~same)[::-1]))[::-1],
        )
        gap = rejected / rejected[-1] - accepted / accepted[0]
        place = int(np.searchsorted(gap, 0.0))  # both curves are monotone
        return (rejected[place] / rejected[-1] + accepted[place] / accepted[0]) / 2, float(cosine[place])

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
    """Word error rate of hypotheses against references, in pairs.

    Args: references, hypotheses: texts, or what `transcribe` returns; one, or a list. seed: of the bootstrap.
        Raises: DataError where the numbers differ or no reference has a word.

    >>> wer(["one two three"], ["one three"]).value  # one word is missing
    0.3333333333333333
    """
    return _error_rate(references, hypotheses, str.split, "words", seed)


def cer(references: Sequence | str, hypotheses: Sequence | str, seed: int = 0) -> ErrorRate:
    """Character error rate; a space counts as a character. See `wer`.

    >>> cer(["one"], ["won"]).value
    0.6666666666666666
    """
    return _error_rate(references, hypotheses, list, "characters", seed)


def _error_rate(references, hypotheses, split, unit: str, seed: int) -> ErrorRate:
    single = (str, Transcript)
    references, hypotheses = _answers(*([x] if isinstance(x, single) else x for x in (references, hypotheses)))
    if len(references) != len(hypotheses):
        raise DataError(
            f"Each reference needs one hypothesis; received {len(references)} references and {len(hypotheses)} hypotheses."
        )
    # One row for each utterance: substitutions, deletions, insertions, hits.
    counts = np.array([_counts(split(r), split(h)) for r, h in zip(references, hypotheses, strict=True)]).reshape(-1, 4)
    errors, lengths = counts[:, :3].sum(axis=1), counts[:, [0, 1, 3]].sum(axis=1)
    if not lengths.sum():
        raise DataError(f"An error rate needs references that hold {unit}; all {len(references)} are empty.")
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(errors), size=(RESAMPLES, len(errors)))
    rates = errors[drawn].sum(axis=1) / np.maximum(1, lengths[drawn].sum(axis=1))
    low, high = np.quantile(rates, [0.025, 0.975])
    substitutions, deletions, insertions, hits = (int(n) for n in counts.sum(axis=0))
    total = int(lengths.sum())
    return ErrorRate(
        float(errors.sum() / total), float(low), float(high),
        substitutions, deletions, insertions, hits, total, len(counts),
    )  # fmt: skip


def _counts(reference: list[str], hypothesis: list[str]) -> tuple[int, int, int, int]:
    if not reference or not hypothesis:
        return 0, len(reference), len(hypothesis), 0
    if reference == hypothesis:
        return 0, 0, 0, len(reference)
    import jiwer

    # Tokens are passed to jiwer as they are, so that a character and a word are counted by the same code.
    keep = jiwer.Compose([])
    aligned = jiwer.process_words([reference], [hypothesis], keep, keep)
    return aligned.substitutions, aligned.deletions, aligned.insertions, aligned.hits
