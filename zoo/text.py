"""Text to label ids and back. Id 0 is the CTC blank (Graves et al. 2006), so padding and blank are one value."""

import re
from collections.abc import Iterable

from zoo.errors import DataError, unknown_name

BLANK = 0  # id of the CTC blank
LOG_ZERO = -1e30  # log probability of what is impossible: finite, so that differences of two are finite


class Vocabulary:
    """The output symbols of a model: id 0 is the blank, ids 1..n are `tokens` in order.

    Args:
        tokens: The n distinct characters (or words) that a model may write.

    >>> Vocabulary("abc").encode("cab")
    [3, 1, 2]
    """

    def __init__(self, tokens: Iterable[str]):
        self.tokens = tuple(tokens)
        if not self.tokens or len(set(self.tokens)) < len(self.tokens):
            raise DataError(f"`tokens` must be distinct symbols, at least one. Received: {''.join(self.tokens)!r}.")
        self._ids = {token: i for i, token in enumerate(self.tokens, start=1)}
        self._has_capitals = any(token != token.lower() for token in self.tokens)

    def __len__(self) -> int:
        """Number of output units: the tokens and the blank."""
        return len(self.tokens) + 1

    def encode(self, text: Iterable[str]) -> list[int]:
        """Return the ids of the symbols of `text`, capitals as small letters where the vocabulary has no others.

        Raises:
            DataError: Where a symbol is not in the vocabulary.
        """
        try:
            return [self._ids[symbol if self._has_capitals else symbol.lower()] for symbol in text]
        except KeyError as error:
            symbols = f"{''.join(self.tokens)!r} (write numbers as words)"
            raise DataError(
                f"`text` may hold only the symbols {symbols}. Received: {error} in {text!r:.200}."
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; blanks are left out, repeats kept (collapsing them is decoding's job)."""
        return "".join(self.tokens[i - 1] for i in ids if i != BLANK)


class LabelEncoder:
    """The classes of a classifier: ids 0..n-1 are `class_names` in order, and there is no blank.

    Args:
        class_names: The n distinct words or speakers.

    >>> LabelEncoder(["no", "yes"]).encode("yes")
    [1]
    """

    def __init__(self, class_names: Iterable[str]):
        self.class_names = tuple(class_names)
        if len(set(self.class_names)) < max(2, len(self.class_names)):
            raise DataError(f"`class_names` must be distinct, at least two. Received: {', '.join(self.class_names)!r}.")
        self._ids = {name: i for i, name in enumerate(self.class_names)}

    def __len__(self) -> int:
        """Number of output units."""
        return len(self.class_names)

    def encode(self, name: str) -> list[int]:
        """Return [id] of a class, a list as of `Vocabulary.encode`; raise UnknownNameError for another name."""
        if name not in self._ids:
            raise unknown_name("class of this model", name, self.class_names)
        return [self._ids[name]]


CHARACTERS = Vocabulary(" 'abcdefghijklmnopqrstuvwxyz")


def normalise(text: str) -> str:
    """Return the form in which transcripts are compared: lower case, one space between words, none at the ends.

    >>> normalise("  Hello   World ")
    'hello world'
    """
    return re.sub(r"\s+", " ", text).strip().lower()
