"""Text to label ids and back. Id 0 is the CTC blank (Graves et al. 2006), so padding and blank are one value."""

import re
from collections.abc import Iterable

from zoo.errors import DataError

BLANK = 0


class Labels:
    """The output symbols of a model: id 0 is the blank, ids 1..n are `symbols` in order.

    Args:
        symbols: the n distinct characters (or words) that a model may write.
    Raises: DataError where there are none, or one of them twice.
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


CHARACTERS = Labels(" 'abcdefghijklmnopqrstuvwxyz")


def normalise(text: str) -> str:
    """Lower case, one space between words, none at the ends: the form in which transcripts are compared."""
    return re.sub(r"\s+", " ", text).strip().lower()
