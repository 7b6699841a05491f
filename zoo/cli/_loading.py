"""From the name of a model, as typed, to the model: checked by its card before seconds of importing Keras."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import zoo
from zoo.backend import choose
from zoo.cli._errors import interruptible
from zoo.entry import HUB, SUFFIXES
from zoo.errors import MissingFileError, ZooError
from zoo.presets import find_card

# Tasks of models that take recordings, and of those that may have an embedding or codes.
SOUND = ("transcription", "classification", "reconstruction", "denoising", "detection")
CODES = ("classification", "reconstruction", "denoising")


def check_can(name: str, tasks: tuple[str, ...], what: str) -> None:
    """Checks that models, one or several with + between, are for one of some tasks; `what` says in words what is needed."""
    for part in () if name.startswith(HUB) else name.split("+"):
        card = find_card(part)  # a new architecture has none yet
        if card and card.task not in tasks:
            example = next(known for task in tasks for known in zoo.list_models(task=task))
            raise ZooError(f"`model` must be {what}, such as {example}. Received: {part}, which is for {card.task}.")


@contextmanager
def importing() -> Iterator[None]:
    """Surrounds the import of Keras: checks that it has a backend; Ctrl-C ends it."""
    choose()
    with interruptible():
        yield


def load_model(name: str, weights: str | None, runtime: str | None = None) -> Any:
    """Loads a model with its bundled weights, or with a .weights.h5 or .keras file."""
    if weights and not Path(weights).is_file():
        raise MissingFileError(f"`weights` must be a .keras or .weights.h5 file. There is no file {weights}.")
    if weights and weights.endswith(SUFFIXES):
        return zoo.load(weights)
    if not runtime:
        with importing():
            from zoo import loading  # noqa: F401
    return zoo.load(name, weights=weights or "bundled", runtime=runtime)


@dataclass
class Asked:
    """The model that a command was asked for; recordings are read, and what is wrong with them said, before it is loaded."""

    name: str  # of a preset, or several with + between them
    weights: str | None = None  # a file; None for the bundled ones
    runtime: str | None = None  # "litert", or None for Keras

    @cached_property
    def model(self) -> Any:
        return load_model(self.name, self.weights, self.runtime)

    @cached_property
    def sample_rate(self) -> int:
        """Hertz of the recordings that it takes."""
        card = None if self.name.startswith(HUB) else find_card(self.name.split("+")[0])
        if self.weights or card is None:  # weights of one's own may have been trained at another rate
            return self.model.config.sample_rate
        return card.sample_rate
