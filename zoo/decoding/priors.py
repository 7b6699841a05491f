"""Label priors: how frequent each symbol is for a recognizer, measured so that decoding can divide by it."""

from collections.abc import Iterable, Sequence

import numpy as np

from zoo.decoding.transcripts import log_softmax
from zoo.errors import ZooError


def label_prior(logits: Iterable[np.ndarray]) -> np.ndarray:
    """Estimate the prior of each symbol: a recognizer's mean posterior over all frames of much speech.

    A recognizer's outputs are posteriors, P(symbol | sound), and depend on its training transcripts: that an e is
    likelier than a q. A language model says that too, and better. So that no evidence counts twice, `beam_search`
    subtracts prior_scale times the log prior: by Bayes' rule, P(sound | symbol) is left, but for a factor that all symbols
    share. That lifts every letter over the blank, so the best word_bonus is smaller with priors.

    The logits are (frames, symbols) of each utterance, true frames only, of the kind that was trained on. None of the
    (symbols,) probabilities is below 1e-5, for a symbol that is never written would win by its prior alone.

    Source: H. Bourlard, N. Morgan, "Connectionist speech recognition: a hybrid approach", 1994. With CTC: Y. Miao et al.,
    "EESEN", ASRU 2015 (arxiv.org/abs/1507.08240), who count the labels of transcripts with blanks between them instead.

    >>> label_prior([np.log([[0.8, 0.2], [0.6, 0.4]]), np.log([[0.1, 0.9]])]).round(2).tolist()
    [0.5, 0.5]
    """
    probabilities = [np.exp(log_softmax(np.asarray(rows, "float64"))) for rows in logits]
    if not sum(map(len, probabilities)):
        raise ZooError("`logits` must hold at least one frame of speech. Received none.")
    return np.maximum(np.concatenate(probabilities).mean(axis=0), 1e-5)


def log_prior(prior: Sequence[float] | None, n_symbols: int) -> np.ndarray:
    """Return (symbols,) logarithms of a prior."""
    if prior is None:
        raise ZooError("`prior` must be given with prior_scale: measure it with zoo.decoding.label_prior.")
    values = np.asarray(prior, "float64")
    if values.shape != (n_symbols,) or not (np.isfinite(values) & (values > 0)).all():
        rule = f"one probability above 0 for each of {n_symbols} symbols"
        raise ZooError(f"`prior` must be {rule}. Received: {prior!r:.100}.")
    return np.log(values)
