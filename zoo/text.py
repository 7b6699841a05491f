"""Text to label ids and back. Id 0 is the CTC blank (Graves et al. 2006), so padding and blank are one value."""

import re
from collections.abc import Iterable

from zoo.errors import DataError, unknown_name

BLANK = 0


class Labels:
    """The output symbols of a model: id 0 is the blank, ids 1..n are `symbols` in order.

    Args:
        symbols: the n distinct characters (or words) that a model may write.
    Raises: DataError where there are none, or one of them twice.

    >>> Labels("abc").encode("cab")
    [3, 1, 2]
    """

    def __init__(self, symbols: Iterable[str]):
        self.symbols = tuple(symbols)
        if not self.symbols or len(set(self.symbols)) < len(self.symbols):
            raise DataError(f"Labels are distinct symbols, at least one; received {''.join(self.symbols)!r}.")
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols, start=1)}

    def __len__(self) -> int:
        """Number of output units: the symbols and the blank."""
        return len(self.symbols) + 1

    def encode(self, text: Iterable[str]) -> list[int]:
        """Ids of the symbols of `text`. Raises DataError where one is not among the labels."""
        text = list(text) if not isinstance(text, str) else text
        for place, symbol in enumerate(text, start=1):
            if symbol not in self._ids:
                raise DataError(
                    f"A transcript may hold only the labels {''.join(self.symbols)!r}; {symbol!r}, number {place} in "
                    f"{text!r}, is not one (write numbers as words)."
                )
        return [self._ids[symbol] for symbol in text]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; blanks are left out, repeats kept (collapsing them is decoding's job)."""
        return "".join(self.symbols[i - 1] for i in ids if i != BLANK)


class Classes:
    """The classes that a classifier tells apart: ids 0..n-1 are `names` in order, and there is no blank.

    Args: names: the n distinct words or speakers. Raises: DataError for fewer than two, or one of them twice.

    >>> Classes(["no", "yes"]).encode("yes")
    [1]
    """

    def __init__(self, names: Iterable[str]):
        self.names = tuple(names)
        if len(set(self.names)) < max(2, len(self.names)):
            raise DataError(f"Classes are distinct names, at least two; received {', '.join(self.names) or 'none'}.")
        self._ids = {name: i for i, name in enumerate(self.names)}

    def __len__(self) -> int:
        """Number of output units."""
        return len(self.names)

    def encode(self, name: str) -> list[int]:
        """[id] of a class, a list as that of `Labels.encode`. Raises UnknownNameError."""
        if name not in self._ids:
            raise unknown_name("class of this model", name, self.names)
        return [self._ids[name]]


CHARACTERS = Labels(" 'abcdefghijklmnopqrstuvwxyz")


def normalise(text: str) -> str:
    """Lower case, one space between words, none at the ends: the form in which transcripts are compared.

    >>> normalise("  Hello   World ")
    'hello world'
    """
    return re.sub(r"\s+", " ", text).strip().lower()
