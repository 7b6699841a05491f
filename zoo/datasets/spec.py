"""How the command line names data: `NAME[:SPLIT][=WEIGHT][,OPTION=VALUE...]`, as in "an4=2" or "synthetic=0.5,count=6000"."""

import re
from dataclasses import dataclass

from zoo.datasets import Utterance, load
from zoo.errors import DataError


@dataclass(frozen=True)
class DataSpec:
    """One data set to train on or to evaluate on.

    >>> DataSpec.parse("synthetic=0.5,count=6000", "train")
    DataSpec(name='synthetic', split='train', weight=0.5, options=(('count', '6000'),))
    """

    name: str
    split: str
    weight: float = 1.0  # how many times an epoch shows each utterance, on average
    options: tuple[tuple[str, str], ...] = ()  # as written; the data set knows their types

    @classmethod
    def parse(cls, text: str, default_split: str) -> "DataSpec":
        """Parses `NAME[:SPLIT][=WEIGHT][,OPTION=VALUE...]`."""
        option = r",(?!name=|split=)\w+=[^,=]+"  # NAME and SPLIT have places of their own
        match = re.fullmatch(rf"([^:=,]+)(?::([\w-]+))?(?:=(\d+(?:\.\d+)?|\.\d+))?((?:{option})*)", text)
        if not match or (match[3] and not 0 < float(match[3]) <= 100):
            rule = "NAME[:SPLIT][=WEIGHT][,OPTION=VALUE...] with a weight in (0, 100]"
            raise DataError(f"`data` must be {rule}. Received: {text!r}.")
        options = tuple(tuple(item.split("=")) for item in match[4].split(",")[1:])
        return cls(match[1], match[2] or default_split, float(match[3] or 1), options)

    def __str__(self) -> str:
        weight = f"={self.weight:g}" if self.weight != 1 else ""
        return f"{self.name}:{self.split}{weight}" + "".join(f",{key}={value}" for key, value in self.options)

    def load(self) -> list[Utterance]:
        """Loads the utterances."""
        return load(self.name, split=self.split, **dict(self.options))
