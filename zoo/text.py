"""Text to label ids and back. Id 0 is the CTC blank (Graves et al. 2006), so padding and blank are one value."""

import re
from collections.abc import Iterable

from zoo.errors import DataError, unknown_name

BLANK = 0  # id of the CTC blank
LOG_ZERO = -1e30  # log probability of what is impossible: finite, so that differences of two are finite


class Vocabulary:
    """The output symbols of a model: id 0 is the blank, ids 1..n are `tokens` in order.

    Args:
        tokens: the n distinct characters (or words) that a model may write.
    Raises: DataError where there are none, or one of them twice.

    >>> Vocabulary("abc").encode("cab")
    [3, 1, 2]
    """

    def __init__(self, tokens: Iterable[str]):
        self.tokens = tuple(tokens)
        if not self.tokens or len(set(self.tokens)) < len(self.tokens):
            raise DataError(f"Labels are distinct symbols, at least one; received {''.join(self.tokens)!r}.")
        self._ids = {symbol: i for i, symbol in enumerate(self.tokens, start=1)}

    def __len__(self) -> int:
        """Number of output units: the symbols and the blank."""
        return len(self.tokens) + 1

    def encode(self, text: Iterable[str]) -> list[int]:
        """Ids of the symbols of `text`. Raises DataError where one is not among the labels."""
        text = list(text) if not isinstance(text, str) else text
        for place, symbol in enumerate(text, start=1):
            if symbol not in self._ids:
                raise DataError(
                    f"A transcript may hold only the labels {''.join(self.tokens)!r}; {symbol!r}, number {place} in "
                    f"{text!r}, is not one (write numbers as words)."
                )
        return [self._ids[symbol] for symbol in text]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; blanks are left out, repeats kept (collapsing them is decoding's job)."""
        return "".join(self.tokens[i - 1] for i in ids if i != BLANK)


class LabelEncoder:
    """The classes that a classifier tells apart: ids 0..n-1 are `class_names` in order, and there is no blank.

    Args: class_names: the n distinct words or speakers. Raises: DataError for fewer than two, or one of them twice.

    >>> LabelEncoder(["no", "yes"]).encode("yes")
    [1]
    """

    def __init__(self, class_names: Iterable[str]):
        self.class_names = tuple(class_names)
        if len(set(self.class_names)) < max(2, len(self.class_names)):
            raise DataError(
                f"Classes are distinct names, at least two; received {', '.join(self.class_names) or 'none'}."
            )
        self._ids = {name: i for i, name in enumerate(self.class_names)}

    def __len__(self) -> int:
        """Number of output units."""
        return len(self.class_names)

    def encode(self, name: str) -> list[int]:
        """[id] of a class, a list as that of `Vocabulary.encode`. Raises UnknownNameError."""
        if name not in self._ids:
            raise unknown_name("class of this model", name, self.class_names)
        return [self._ids[name]]


CHARACTERS = Vocabulary(" 'abcdefghijklmnopqrstuvwxyz")


def normalise(text: str) -> str:
    """Lower case, one space between words, none at the ends: the form in which transcripts are compared.

    >>> normalise("  Hello   World ")
    'hello world'
    """
    return re.sub(r"\s+", " ", text).strip().lower()
