"""Data sets: a manifest in, utterances out.

Each file beside this one that calls `register` is a data set; adding one is adding one file, nothing is listed here.

    import zoo.datasets
    for utterance in zoo.datasets.load("an4", split="test", source="an4.zip"):
        print(utterance.id, utterance.text, utterance.audio(16000).shape)
"""

import math
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol

import numpy as np

from zoo.audio import duration, load_audio
from zoo.errors import DataError, ZooError, unknown_name


class Recording(Protocol):
    """Where the sound of an utterance comes from; small and picklable, it reads only when it is asked to."""

    def read(self, sample_rate: int) -> np.ndarray:
        """(samples,) float32 in [-1, 1] at `sample_rate` Hz."""


@dataclass(frozen=True)
class FileRecording:
    """A recording that is one audio file."""

    path: str

    def read(self, sample_rate: int) -> np.ndarray:
        return load_audio(self.path, sample_rate)

    def seconds(self) -> float:
        """Duration, from the file's header; the sound is not read."""
        return duration(self.path)


@dataclass(frozen=True)
class Utterance:
    """One labelled piece of speech; making one reads no audio."""

    id: str  # unique in its split, the same in every run
    text: str  # normalised: a-z, space, apostrophe
    speaker: str  # "" where it is not known
    recording: Recording

    def audio(self, sample_rate: int = 16000) -> np.ndarray:
        """The sound, (samples,) float32 in [-1, 1] at `sample_rate` Hz."""
        return self.recording.read(sample_rate)


@dataclass(frozen=True)
class DataSet:
    """A registered data set."""

    name: str
    splits: tuple[str, ...]
    options: dict[str, str]  # option -> what it means, for `--help` and for the error about an unknown one
    utterances: Callable  # (split, source, **options) -> list[Utterance]


_REGISTRY: dict[str, DataSet] = {}


def register(name: str, splits: Sequence[str], **options: str):
    """Decorator: the function `(split, source, **options) -> list[Utterance]` is the data set `name`."""

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
    """The names of all data sets, sorted.

    >>> "fsdd" in names()
    True
    """
    return sorted(_discover())


def describe(name: str) -> DataSet:
    """The splits and options of a data set. Raises UnknownNameError.

    >>> describe("fsdd").splits[:2]
    ('train', 'test')
    """
    sets = _discover()
    if name not in sets:
        raise unknown_name("data set", name, sets)
    return sets[name]


def load(name: str, split: str = "train", source: str | Path | None = None, **options) -> list[Utterance]:
    """The utterances of one split of a data set.

    Args:
        name: one of `names()`.
        split: one of `describe(name).splits`.
        source: an archive, an unpacked folder or a folder that holds either; without it the folder named by the
            environment variable ZOO_DATA is searched, then the cache (ZOO_CACHE), then the set is downloaded.
        options: what the set's own file offers, such as `count` and `seed`.

    Raises:
        UnknownNameError: no such set, split or option. ZooError: an option that is no number where it must be one.
        MissingFileError: `source` leads nowhere.
        DataError: the data are not whole, or not what the manifest says.

    >>> from zoo.audio import bundled
    >>> load("folder", "all", source=bundled("seven").parent / "samples.csv")[0].text
    'three four zero one two seven one'
    """
    dataset = describe(name)
    if split not in dataset.splits:
        raise unknown_name(f"split of {name}", split, dataset.splits)
    if source is not None and not isinstance(source, str | os.PathLike):
        raise DataError(f"The source of {name} must be a path, of a file or a folder; received {source!r}.")
    for option in options:
        if option not in dataset.options:
            if not dataset.options:
                raise ZooError(f"The data set {name} takes no options, but was given {option!r}.")
            raise unknown_name(f"option of {name}", option, dataset.options)
    typed = {option: _typed(dataset, option, value) for option, value in options.items()}
    return dataset.utterances(split, source, **typed)


def split_of(key: str) -> str:
    """train, validation or test, about 80, 10 and 10 % of all keys, by a hash: what is added moves nothing.

    >>> split_of("anna") == split_of("anna")
    True
    """
    return {8: "validation", 9: "test"}.get(zlib.crc32(key.encode()) % 10, "train")


_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _typed(dataset: DataSet, option: str, value):
    """An option of the type of its default; the command line gives words. Raises ZooError."""
    kind = type(signature(dataset.utterances).parameters[option].default)
    try:
        typed = _TRUTH[str(value).lower()] if kind is bool else kind(str(value))
        if kind is float and not math.isfinite(typed):
            raise ValueError
        return typed
    except (KeyError, ValueError):
        must = {bool: "true or false", int: "a whole number", float: "a finite number"}[kind]
        raise ZooError(f"The option {option} of {dataset.name} must be {must}; received {value!r}.") from None
