"""How wrong a transcript is: word and character error rates with 95 % intervals. The alignment is jiwer's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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


def wer(references: Sequence[str], hypotheses: Sequence[str], seed: int = 0) -> ErrorRate:
    """Word error rate of hypotheses against references, in pairs.

    Args: seed: of the bootstrap. Raises: DataError where the numbers differ or no reference has a word.
    """
    return _error_rate(references, hypotheses, str.split, "words", seed)


def cer(references: Sequence[str], hypotheses: Sequence[str], seed: int = 0) -> ErrorRate:
    """Character error rate; a space counts as a character. See `wer`."""
    return _error_rate(references, hypotheses, list, "characters", seed)


def _error_rate(references, hypotheses, split, unit: str, seed: int) -> ErrorRate:
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
