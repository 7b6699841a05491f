"""Language models: which words, or which letters, follow which.

All have one interface. A text is cut into tokens, words or characters; a state is what a model remembers of the tokens
so far, and can be kept, compared and gone back to, as a beam search does:

    state = model.start()
    log_probability, state = model.advance(state, "one")    # natural logarithm of P(one | nothing yet)
    log_probability = model.end(state)                      # of the text ending here
"""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from zoo.card import card, check_weights
from zoo.errors import DataError, ZooError, unknown_name
from zoo.registry import language_models

UNITS = ("word", "character")
START, END, UNKNOWN = "<s>", "</s>", "<unk>"
LONGEST = 1000  # tokens of a sampled text
FILES = {".arpa": "ngram_lm", ".arpa.gz": "ngram_lm", ".h5": "lstm_lm"}  # ending of a file -> what reads it


class LanguageModel(ABC):
    """What decoders and users may ask of any language model.

    Args: unit: "word" or "character". vocabulary: the tokens it knows, without <s>, </s> and <unk>.
    """

    def __init__(self, unit: str, vocabulary: Iterable[str]):
        if unit not in UNITS:
            raise ZooError(
                f"A language model's tokens are words or characters: unit must be one of {UNITS}, not {unit!r}."
            )
        self.unit, self.vocabulary = unit, frozenset(vocabulary)

    @abstractmethod
    def start(self):
        """The state before the first token."""

    @abstractmethod
    def advance(self, state, token: str) -> tuple[float, object]:
        """(log P(token | state), the state after it); a token that is not in the vocabulary is <unk>."""

    @abstractmethod
    def end(self, state) -> float:
        """log P(the text ends | state)."""

    def tokens(self, text: str | Sequence[str]) -> list[str]:
        """The tokens of a text; a list is taken to be tokens already."""
        if not isinstance(text, str):
            return list(text)
        return text.split() if self.unit == "word" else list(" ".join(text.split()))

    def score(self, prefix: str | Sequence[str], next: str) -> float:
        """log P(next | prefix), natural logarithm; `next` is a token, or "</s>" for the end."""
        state = self.start()
        for token in self.tokens(prefix):
            _, state = self.advance(state, token)
        return self.end(state) if next == END else self.advance(state, next)[0]

    def log_probability(self, text: str | Sequence[str]) -> float:
        """log P(text), its end included."""
        total, state = 0.0, self.start()
        for token in self.tokens(text):
            value, state = self.advance(state, token)
            total += value
        return total + self.end(state)

    def perplexity(self, texts: str | Sequence[str]) -> float:
        """exp of minus the mean log probability of a token, ends counted as tokens: how many tokens it doubts between.

        Args: texts: a text or a list of texts. Raises: DataError where there is none.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts:
            raise DataError("Perplexity needs at least one text; received none.")
        total = sum(self.log_probability(text) for text in texts)
        try:
            return math.exp(-total / sum(len(self.tokens(text)) + 1 for text in texts))
        except OverflowError:  # what it takes for all but impossible
            return math.inf

    def sample(self, seed: int = 0, temperature: float = 1.0) -> str:
        """A text drawn token by token; a low temperature keeps to the likely ones."""
        if not temperature > 0:
            raise ZooError(f"A temperature is above 0; received {temperature}.")
        rng, state, words = np.random.default_rng(seed), self.start(), []
        choices = [*sorted(self.vocabulary), END]
        while len(words) < LONGEST:
            steps = [self.advance(state, token) for token in choices[:-1]]
            logs = np.array([*(value for value, _ in steps), self.end(state)]) / temperature
            chances = np.exp(logs - logs.max())
            chosen = rng.choice(len(choices), p=chances / chances.sum())
            if choices[chosen] == END:
                break
            words.append(choices[chosen])
            state = steps[chosen][1]
        return (" " if self.unit == "word" else "").join(words)


class Mixture(LanguageModel):
    """Several models of one unit, their probabilities averaged (Mikolov et al. 2010: n-grams and a network err differently).

    Args: models: of words or of characters. shares: their weights, which sum to 1; equal if not given.
    Raises: ZooError for models of different units, or shares that are none.

    >>> mixture = Mixture([load("ngram_lm"), load("lstm_lm")])
    >>> mixture.score("three", "four") > mixture.score("three", "january")
    True
    """

    def __init__(self, models: Sequence[LanguageModel], shares: Sequence[float] | None = None):
        if not models:
            raise ZooError("A mixture is of at least one model; received none.")
        shares = [1 / len(models)] * len(models) if shares is None else list(shares)
        if len({model.unit for model in models}) != 1:
            raise ZooError(
                f"Models are mixed if all are of words or all of characters; received {[m.unit for m in models]}."
            )
        if len(shares) != len(models) or not min(shares) > 0 or not abs(sum(shares) - 1) <= 1e-6:
            raise ZooError(f"Each model of a mixture has a positive share and all sum to 1; received {shares}.")
        super().__init__(models[0].unit, frozenset().union(*(model.vocabulary for model in models)))
        self.models, self.log_shares = tuple(models), np.log(shares)

    def start(self):
        return tuple(model.start() for model in self.models)

    def advance(self, state, token):
        steps = [model.advance(part, token) for model, part in zip(self.models, state, strict=True)]
        return self._average([value for value, _ in steps]), tuple(part for _, part in steps)

    def end(self, state):
        return self._average([model.end(part) for model, part in zip(self.models, state, strict=True)])

    def _average(self, values) -> float:
        return float(np.logaddexp.reduce(self.log_shares + values))


def load(name: str, weights: str | os.PathLike = "bundled") -> LanguageModel:
    """A language model by registered name, with its bundled weights or those of a file; "a+b" is the mixture of two.

    Args:
        name: a registered name, or a file that training wrote (.arpa, .arpa.gz, .h5).
        weights: "bundled" (checked against the card's sha256) or a file such as the model's `save` writes.
    Raises: UnknownNameError, MissingFileError, WeightsError, DataError.

    >>> model = load("ngram_lm")
    >>> round(model.perplexity("three four five"), 1) < round(model.perplexity("five banana"), 1)
    True
    """
    name = str(name)
    if "+" in name and weights == "bundled" and not Path(name).is_file():
        return Mixture([load(part) for part in name.split("+")])
    for ending, reader in FILES.items():
        if name.endswith(ending) and weights == "bundled":
            return import_module(f"zoo.language.{reader}").read(name)
    if name not in language_models():
        if Path(name).is_file():
            raise DataError(f"A file with a language model ends in {', '.join(FILES)}; received {name}.")
        raise unknown_name("language model", name, language_models())
    read = import_module(f"zoo.language.{name}").read
    if weights != "bundled":
        return read(weights)
    about = card(name)
    check_weights(about.weights_path, about.weights["sha256"])
    return read(about.weights_path)
