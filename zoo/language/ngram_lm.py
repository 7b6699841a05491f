"""`ngram_lm`: counts of n tokens in a row, smoothed; what recognizers used for forty years and still use beside a network.

    P(w | u v) = max(c(u v w) - D, 0) / c(u v .) + gamma(u v) P(w | v),   and so on down to single words

Every count c gives away a discount D (one for counts of 1, of 2, and of 3 or more), and the shorter history shares out
what was given away. A shorter history does not count how often a word came but after how many different words
(Kneser-Ney): "francisco" is frequent, but only after "san".

Source: S. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling", Harvard TR-10-98, 1998,
section 4.1 (interpolated modified Kneser-Ney). As in KenLM, single words are mixed with the uniform distribution, of which
<unk> has a part.
"""

import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from zoo.errors import DataError, ZooError
from zoo.language import arpa
from zoo.language.arpa import LOG10_ZERO, Grams, NGram
from zoo.language.base import END, START, UNKNOWN, LanguageModel, Mixture

LOG_10 = math.log(10)
TINY = 1e-12  # probability left where all that can follow was seen, but for rounding
FALLBACK = (0.5, 1.0, 1.5)  # KenLM's discounts where there are too few counts to estimate them
FILE = "model.arpa.gz"  # of a run
MAX_ORDER = 100
OUT_OF_DOMAIN_SETTINGS = ("interpolation_weight", "min_count")  # of `train`


class NGramModel(LanguageModel):
    """A back-off n-gram model. `unit` is "word" or "character"."""

    def __init__(self, unit: str, grams: Grams):
        super().__init__(unit, {gram[0] for gram in grams if len(gram) == 1} - {START, END, UNKNOWN})
        self.grams = grams
        self.order = max(map(len, grams))
        self._cache: dict[tuple[NGram, str], tuple[float, NGram]] = {}

    def start(self) -> NGram:
        return (START,)[: self.order - 1]

    def advance(self, state: NGram, token: str) -> tuple[float, NGram]:
        key = (state, token)
        if key not in self._cache:
            known = token if (token,) in self.grams else UNKNOWN
            history = (*state, known)[1 - self.order :] if self.order > 1 else ()
            while history and history not in self.grams:  # an unseen history adds nothing: equal states stay equal
                history = history[1:]
            self._cache[key] = LOG_10 * self._log10(state, known), history
        return self._cache[key]

    def end(self, state: NGram) -> float:
        return LOG_10 * self._log10(state, END)

    def _log10(self, history: NGram, token: str) -> float:
        """Katz' recursion: the longest n-gram that was seen, and the weights of the histories that were not."""
        weight = 0.0
        while True:
            found = self.grams.get((*history, token))
            if found:
                return weight + found[0]
            if not history:
                return weight + self.grams.get((UNKNOWN,), (LOG10_ZERO, 0.0))[0]
            weight += self.grams.get(history, (0.0, 0.0))[1]
            history = history[1:]

    def save(self, path: str | os.PathLike) -> None:
        """Write an ARPA file, gzipped where `path` ends in .gz."""
        arpa.write(path, self.unit, self.grams)


def read(path: str | os.PathLike, unit: str | None = None) -> NGramModel:
    """Read an ARPA file, as `arpa.read` does."""
    return NGramModel(*arpa.read(path, unit))


def train(
    texts: Iterable[str],
    order: int = 3,
    unit: str = "word",
    out_of_domain: Iterable[str] = (),
    interpolation_weight: float = 0.4,
    min_count: int = 1,
) -> NGramModel:
    """Train an n-gram model, interpolated modified Kneser-Ney.

    Args:
        texts: One utterance each.
        order: Tokens in the longest n-gram, 1 to 100.
        unit: "word" or "character".
        out_of_domain: Texts of another kind, each counted once; the vocabulary stays that of `texts`.
        interpolation_weight: Weight of the out-of-domain model, between 0 and 1; see `interpolate`.
        min_count: Least count of an out-of-domain n-gram of the full order.

    >>> model = train(["one two", "one three", "two three"], order=2)
    >>> model.score("one", "two") > model.score("one", "one")  # seen, and never seen
    True
    """
    for name, value, most in (("order", order, MAX_ORDER), ("min_count", min_count, math.inf)):
        if not (type(value) is int and 1 <= value <= most):
            raise ZooError(f"`{name}` must be a whole number from 1 to {most}. Received: {name}={value!r}.")
    weight = interpolation_weight
    if not (isinstance(weight, int | float) and 0 < weight < 1):
        raise ZooError(f"`interpolation_weight` must be above 0 and below 1. Received: {weight!r}.")
    model = _kneser_ney(texts, order, unit)
    others = [model.tokens(text) for text in dict.fromkeys(out_of_domain)]
    if not others:
        return model
    known = [[token if token in model.vocabulary else UNKNOWN for token in tokens] for tokens in others]
    known = [tokens for tokens in known if set(tokens) - {UNKNOWN}]
    if not known:
        raise DataError(f"`out_of_domain` must share {unit}s with `texts`. Received: {len(others)} texts without any.")
    return interpolate([model, _without_unknown(_kneser_ney(known, order, unit, min_count))], [1 - weight, weight])


def interpolate(models: Sequence[NGramModel], weights: Sequence[float]) -> NGramModel:
    """Interpolate n-gram models statically (Stolcke 2002): a `Mixture` worked out beforehand, as one file.

    An n-gram that any model holds gets the average itself, to which a model without the token adds nothing
    (`Mixture` takes its <unk>). Elsewhere the new model backs off, with weights by which every history sums to 1.
    Arguments are those of `Mixture`.

    >>> both = interpolate([train(["one two"] * 3), train(["one three"] * 3)], [0.75, 0.25])
    >>> both.score("one", "two") > both.score("one", "three") > both.score("one", "one")
    True
    """
    Mixture(models, weights)  # raises where they do not go together
    if not all(isinstance(model, NGramModel) for model in models):
        raise ZooError(f"`models` must be n-gram models. Received: {[type(model).__name__ for model in models]}.")

    def average(gram: NGram) -> float:
        return sum(
            weight * 10 ** model._log10(gram[:-1], gram[-1])
            for model, weight in zip(models, weights, strict=True)
            if gram[-1:] in model.grams
        )

    # With each n-gram those within it, which files of pruned models may lack.
    seen = {gram[i:j] for model in models for gram in model.grams for j in range(len(gram) + 1) for i in range(j)}
    seen = {gram for gram in seen if gram[-1] != START}
    return _backing_off(models[0].unit, {gram: average(gram) for gram in seen})


def _without_unknown(model: NGramModel) -> NGramModel:
    """The model given that no token is <unk>: the others share its probability."""
    seen = {gram for gram in model.grams if UNKNOWN not in gram} - {(START,)}
    known = {history: 1 - 10 ** model._log10(history, UNKNOWN) for history in {gram[:-1] for gram in seen}}
    return _backing_off(model.unit, {gram: 10 ** model._log10(gram[:-1], gram[-1]) / known[gram[:-1]] for gram in seen})


def _backing_off(unit: str, probability: dict[NGram, float]) -> NGramModel:
    """The model of P(last token | those before) with back-off weights by which every history sums to 1.

    `probability` holds all n-grams that were seen and, with each, those without its first tokens.
    """
    longer: dict[NGram, float] = defaultdict(float)  # history -> P of all that was seen after it
    shorter: dict[NGram, float] = defaultdict(float)  # and P of the same after the history without its first token
    for gram, value in probability.items():
        if len(gram) > 1:
            longer[gram[:-1]] += value
            shorter[gram[:-1]] += probability[gram[1:]]
    grams = {gram: (math.log10(max(value, 10**LOG10_ZERO)), 0.0) for gram, value in probability.items()}
    grams[(START,)] = LOG10_ZERO, 0.0
    for history in longer:
        left = max(1 - longer[history], TINY) / max(1 - shorter[history], TINY)
        grams[history] = grams[history][0], math.log10(left)
    return NGramModel(unit, grams)


def _kneser_ney(texts: Iterable[str | list[str]], order: int, unit: str, min_count: int = 1) -> NGramModel:
    """A model of texts. N-grams of the full order that came less often than `min_count` give away their whole count."""
    cut = NGramModel(unit, {(UNKNOWN,): (0.0, 0.0)}).tokens
    # A literal <s> or </s> within a text marks no beginning or end.
    sentences = [[START, *(UNKNOWN if t in (START, END) else t for t in cut(text)), END] for text in texts]
    if not any(len(sentence) > 2 for sentence in sentences):
        raise DataError(f"`texts` must hold {unit}s to learn from. Received none.")
    counts = _counts(sentences, order)
    # From the shortest to the longest: P of a shorter history is needed by the longer ones.
    probability: dict[NGram, float] = {(UNKNOWN,): 0.0} | {gram: 0.0 for gram in counts[0]}
    uniform = 1 / len(probability)
    backoff: dict[NGram, float] = {}
    for level in counts:
        discounts = _discounts(level.values())
        least = min_count if level is counts[-1] else 1
        totals: dict[NGram, int] = defaultdict(int)
        freed: dict[NGram, float] = defaultdict(float)
        for gram, count in level.items():
            totals[gram[:-1]] += count
            freed[gram[:-1]] += discounts[min(count, 3) - 1] if count >= least else count
        gamma = {history: freed[history] / totals[history] for history in totals}
        if () in gamma:
            probability = {gram: gamma[()] * uniform for gram in probability}
        for gram, count in level.items():
            if count >= least:
                shorter = probability[gram] if len(gram) == 1 else gamma[gram[:-1]] * probability[gram[1:]]
                probability[gram] = (count - discounts[min(count, 3) - 1]) / totals[gram[:-1]] + shorter
        backoff |= {history: value for history, value in gamma.items() if history}
    logs = {(START,): LOG10_ZERO} | {gram: math.log10(value) for gram, value in probability.items()}
    return NGramModel(unit, {gram: (value, math.log10(backoff.get(gram, 1.0))) for gram, value in logs.items()})


def _counts(sentences: list[list[str]], order: int) -> list[Counter]:
    """Counts of the n-grams of each length: how often they came; shorter ones, after how many different tokens."""
    levels = [Counter(tuple(s[i : i + order]) for s in sentences for i in range(len(s) - order + 1))]
    del levels[0][(START,)]  # of single tokens: nothing predicts <s>
    for n in range(order - 1, 0, -1):
        level = Counter(gram[1:] for gram in levels[-1])
        # Nothing comes before <s>, so n-grams that begin with it count as they came.
        level.update(tuple(s[:n]) for s in sentences if 1 < n <= len(s))
        levels.append(level)
    return levels[::-1]


def _discounts(counts: Iterable[int]) -> tuple[float, float, float]:
    """D1, D2, D3+ (Chen & Goodman, equation 26) from how many n-grams were counted once, twice, ..., four times."""
    of = Counter(count for count in counts if count <= 4)
    if not all(of[k] for k in (1, 2, 3, 4)):
        return FALLBACK
    y = of[1] / (of[1] + 2 * of[2])
    found = tuple(k - (k + 1) * y * of[k + 1] / of[k] for k in (1, 2, 3))
    return found if all(0 <= d <= k for k, d in enumerate(found, start=1)) else FALLBACK
