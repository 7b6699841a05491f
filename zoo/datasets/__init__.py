"""Data sets: a manifest in, utterances out. A module in this package that calls `register` holds one or several.

for utterance in zoo.datasets.load("an4", split="test", source="an4.zip"):
    print(utterance.id, utterance.text, utterance.audio(16000).shape)
"""

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol, get_type_hints

import numpy as np

from zoo.audio import duration, load_audio
from zoo.errors import DataError, ZooError, unknown_name


class Recording(Protocol):
    """Where the sound of an utterance comes from: small, picklable, and read only on request."""

    def read(self, sample_rate: int) -> np.ndarray:
        """Returns (samples,) float32 in [-1, 1] at `sample_rate` Hz."""


@dataclass(frozen=True)
class FileRecording:
    """A recording that is one audio file."""

    path: str

    def read(self, sample_rate: int) -> np.ndarray:
        return load_audio(self.path, sample_rate)

    def seconds(self) -> float:
        """The duration by the file's header, so that training knows what fits into memory."""
        return duration(self.path)


@dataclass(frozen=True)
class CutRecording:
    """A piece of an audio file."""

    path: str
    start: float  # seconds
    end: float  # seconds

    def read(self, sample_rate: int) -> np.ndarray:
        piece = _whole(self.path, sample_rate)[round(self.start * sample_rate) : round(self.end * sample_rate)]
        if len(piece) < (self.end - self.start - 0.01) * sample_rate:
            raise DataError(f"{self.path} is shorter than {self.end:.2f} s, where one of its pieces ends.")
        return piece.copy()


@lru_cache(maxsize=8)  # many pieces are cut from each file
def _whole(path: str, sample_rate: int) -> np.ndarray:
    return load_audio(path, sample_rate)


@dataclass(frozen=True)
class Utterance:
    """One labelled piece of speech; creating one reads no audio."""

    id: str  # unique in its split, the same in every run
    text: str  # normalised transcript: a-z, space, apostrophe
    speaker: str  # "" where it is not known
    recording: Recording

    def audio(self, sample_rate: int = 16000) -> np.ndarray:
        """Returns the sound, (samples,) float32 in [-1, 1] at `sample_rate` Hz."""
        return self.recording.read(sample_rate)


@dataclass(frozen=True)
class DataSet:
    """A registered data set."""

    name: str
    splits: tuple[str, ...]
    options: dict[str, str]  # option -> meaning
    # (split, source, **options) -> utterances. An option accepts what its type hint says, pydantic's `Field` included.
    utterances: Callable[..., list[Utterance]]

    @property
    def about(self) -> str:
        """The first paragraph of the function's docstring, on one line."""
        return " ".join((self.utterances.__doc__ or "").split("\n\n")[0].split()).rstrip(".")


_REGISTRY: dict[str, DataSet] = {}


def register(name: str, splits: Sequence[str], **options: str) -> Callable:
    """Registers the decorated function as a data set; arguments are those of `DataSet`."""

    def add(function: Callable) -> Callable:
        _REGISTRY[name] = DataSet(name, tuple(splits), options, function)
        return function

    return add


@cache
def _discover() -> dict[str, DataSet]:
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__name__}.{module.name}")
    return _REGISTRY


def names() -> list[str]:
    """Returns the names of all data sets, sorted."""
    return sorted(_discover())


def describe(name: str) -> DataSet:
    """Returns the splits and options of one of `names()`."""
    sets = _discover()
    if name not in sets:
        raise unknown_name("data set", name, sets)
    return sets[name]


def load(name: str, split: str = "train", source: str | Path | None = None, **options: Any) -> list[Utterance]:
    """Loads one split of a data set, in the same order in every run.

    Args:
        name: One of `names()`.
        split: One of `describe(name).splits`.
        source: An archive, an unpacked folder or a folder that holds either. Without it the folder ZOO_DATA, the
            cache (ZOO_CACHE) and the network are tried, in this order.
        **options: Options of this data set, such as `count` and `seed`.

    Raises:
        DataError: The data are incomplete, or differ from the manifest.

    >>> from zoo.audio import bundled
    >>> load("folder", "all", source=bundled("seven").parent / "samples.csv")[0].text
    'three four zero one two seven one'
    """
    dataset = describe(name)
    if split not in dataset.splits:
        raise unknown_name(f"split of {name}", split, dataset.splits)
    if source is not None and not isinstance(source, str | os.PathLike):
        raise DataError(f"`source` must be the path of a file or folder. Received: source={source!r}.")
    for option in options:
        if not dataset.options:
            raise ZooError(f"`{option}` is not an option of {name}, which has none.")
        if option not in dataset.options:
            raise unknown_name(f"option of {name}", option, dataset.options)
    typed = {option: _typed(dataset, option, value) for option, value in options.items()}
    return dataset.utterances(split, source, **typed)


def _typed(dataset: DataSet, option: str, value: Any) -> Any:
    """Returns an option in the type of its hint; the command line gives words. Raises ZooError."""
    from pydantic import TypeAdapter, ValidationError

    hint = get_type_hints(dataset.utterances, include_extras=True)[option]
    try:
        return TypeAdapter(hint).validate_strings(str(value))
    except ValidationError as error:
        rule = error.errors()[0]["msg"].replace("Input should be", "must be").partition(",")[0]
        raise ZooError(f"`{option}` of {dataset.name} {rule}. Received: {option}={value!r}.") from None


def split_of(key: str) -> str:
    """Assigns about 80, 10 and 10 % of all keys to train, validation and test, by a hash: additions move nothing."""
    return {8: "validation", 9: "test"}.get(zlib.crc32(key.encode()) % 10, "train")
