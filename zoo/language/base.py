"""The interface of language models, and mixtures of them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from zoo.errors import DataError, ZooError

UNITS = ("word", "character")
START, END, UNKNOWN = "<s>", "</s>", "<unk>"
MAX_SAMPLE = 1000  # tokens of a sampled text


class LanguageModel(ABC):
    """A distribution over texts, by `unit` "word" or "character"; <s>, </s> and <unk> are not in its vocabulary."""

    def __init__(self, unit: str, vocabulary: Iterable[str]):
        if unit not in UNITS:
            raise ZooError(f"`unit` must be one of {UNITS}. Received: unit={unit!r}.")
        self.unit, self.vocabulary = unit, frozenset(vocabulary)

    @abstractmethod
    def start(self) -> Any:
        """Return the state before the first token."""

    @abstractmethod
    def advance(self, state: Any, token: str) -> tuple[float, Any]:
        """Return (log P(token | state), the state after it); a token that is not in the vocabulary is <unk>."""

    @abstractmethod
    def end(self, state: Any) -> float:
        """Return log P(the text ends | state)."""

    def tokens(self, text: str | Sequence[str]) -> list[str]:
        """Return the tokens of a text; a list is taken to be tokens already."""
        if not isinstance(text, str):
            return list(text)
        return text.split() if self.unit == "word" else list(" ".join(text.split()))

    def score(self, prefix: str | Sequence[str], next: str) -> float:
        """Return log P(next | prefix), natural logarithm; `next` is a token, or "</s>" for the end."""
        state = self.start()
        for token in self.tokens(prefix):
            _, state = self.advance(state, token)
        return self.end(state) if next == END else self.advance(state, next)[0]

    def log_probability(self, text: str | Sequence[str]) -> float:
        """Return log P(text), its end included."""
        total, state = 0.0, self.start()
        for token in self.tokens(text):
            value, state = self.advance(state, token)
            total += value
        return total + self.end(state)

    def perplexity(self, texts: str | Sequence[str]) -> float:
        """Return exp(-mean log probability of a token), ends counted as tokens: among how many tokens it hesitates."""
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts:
            raise DataError("`texts` must hold at least one text. Received none.")
        total = sum(self.log_probability(text) for text in texts)
        try:
            return math.exp(-total / sum(len(self.tokens(text)) + 1 for text in texts))
        except OverflowError:  # a text that it takes for all but impossible
            return math.inf

    def sample(self, seed: int = 0, temperature: float = 1.0) -> str:
        """Draw a text token by token; a low temperature prefers likely tokens."""
        if not temperature > 0:
            raise ZooError(f"`temperature` must be above 0. Received: temperature={temperature!r}.")
        rng, state, drawn = np.random.default_rng(seed), self.start(), []
        choices = sorted(self.vocabulary)
        while len(drawn) < MAX_SAMPLE:
            steps = [self.advance(state, token) for token in choices]
            logs = np.array([*(value for value, _ in steps), self.end(state)]) / temperature
            probabilities = np.exp(logs - logs.max())
            i = rng.choice(len(logs), p=probabilities / probabilities.sum())
            if i == len(choices):  # the end
                break
            drawn.append(choices[i])
            state = steps[i][1]
        return (" " if self.unit == "word" else "").join(drawn)


class Mixture(LanguageModel):
    """Linear interpolation of models, all of words or all of characters, by weights that sum to 1; equal by default.

    N-grams and a network err differently (Mikolov et al. 2010).

    >>> from zoo.language import load
    >>> mixture = Mixture([load("ngram_lm"), load("lstm_lm")])
    >>> mixture.score("three", "four") > mixture.score("three", "january")
    True
    """

    def __init__(self, models: Sequence[LanguageModel], weights: Sequence[float] | None = None):
        if len({model.unit for model in models}) != 1:
            units = [model.unit for model in models]
            raise ZooError(f"`models` must be all of words or all of characters, at least one. Received: {units}.")
        weights = [1 / len(models)] * len(models) if weights is None else list(weights)
        if len(weights) != len(models) or not min(weights) > 0 or not abs(sum(weights) - 1) <= 1e-6:
            raise ZooError(f"`weights` must be positive, one for each model, and sum to 1. Received: {weights}.")
        super().__init__(models[0].unit, frozenset().union(*(model.vocabulary for model in models)))
        self.models, self.log_weights = tuple(models), np.log(weights)

    def start(self) -> tuple:
        return tuple(model.start() for model in self.models)

    def advance(self, state: tuple, token: str) -> tuple[float, tuple]:
        steps = [model.advance(part, token) for model, part in zip(self.models, state, strict=True)]
        return self._average([value for value, _ in steps]), tuple(part for _, part in steps)

    def end(self, state: tuple) -> float:
        return self._average([model.end(part) for model, part in zip(self.models, state, strict=True)])

    def _average(self, values: list[float]) -> float:
        return float(np.logaddexp.reduce(self.log_weights + values))
