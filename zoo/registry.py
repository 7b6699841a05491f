"""Architectures by name: a file in zoo/models/ that calls `register` is one, and so is each zoo/language/*_lm.py."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from math import isfinite
from pathlib import Path

from zoo.errors import ZooError, unknown_name


@dataclass(frozen=True)
class Architecture:
    """What a model file declares."""

    name: str  # of the file
    task: str  # name of the class in `zoo.tasks` that its models are instances of
    config: object  # the default Config, a frozen dataclass
    build: Callable  # function (config) -> functional keras.Model

    def configure(self, **changes):
        """The default config with some fields changed. Raises UnknownNameError, or ZooError for a wrong type or range."""
        valid = [field.name for field in fields(self.config)]
        for name in changes:
            if name not in valid:
                raise unknown_name(f"config field of {self.name}", name, valid)
        # A config that went through JSON has lists where tuples were.
        changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
        # NumPy scalars become Python numbers, which JSON can hold.
        changes = {k: v.item() if getattr(v, "shape", None) == () else v for k, v in changes.items()}
        for name, value in changes.items():
            _check_field(self.name, name, value, getattr(self.config, name))
        return replace(self.config, **changes)


def _check_field(model: str, name: str, value, default) -> None:
    """Check that a field keeps the type of its default and that counts are positive. Raises ZooError."""
    least = min(default, 1) if type(default) is int else None
    if type(default) is int and not (type(value) is int and value >= least):
        rule = f"a whole number of at least {least}"
    elif type(default) is float and not (type(value) in (int, float) and isfinite(value) and value >= 0):
        rule = "a number of at least 0"
    elif type(default) is tuple and type(value) is not tuple:
        rule = f"""a list (on the command line --set '{name}=["a", "b"]')"""
    elif type(default) in (str, bool) and type(value) is not type(default):
        rule = f"a {type(default).__name__}"
    else:
        return
    raise ZooError(f"`{name}` of {model} must be {rule}, as {default!r:.60} is. Received: {name}={value!r}.")


_ARCHITECTURES: dict[str, Architecture] = {}


def register(name: str, config, task: str) -> Callable:
    """Decorates a model file's `build(config)`: `@register("lstm_ctc", Config(), task="Recognizer")`."""

    def decorate(build: Callable) -> Callable:
        _ARCHITECTURES[name] = Architecture(name, task, config, build)
        return build

    return decorate


def architectures() -> list[str]:
    """Names of the files in zoo/models/, sorted. Reads none of them, so it is quick."""
    return [name for name in _files("models") if not name.startswith("_")]


def language_models() -> list[str]:
    """Names of the architectures of text alone: the files zoo/language/*_lm.py."""
    return [name for name in _files("language") if name.endswith("_lm")]


def _files(package: str) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / package)]))


def architecture(name: str) -> Architecture:
    """The architecture called `name`.

    >>> architecture("conv2d").config.width
    48
    """
    if name not in architectures():
        raise unknown_name("architecture", name, architectures())
    importlib.import_module(f"zoo.models.{name}")
    return _ARCHITECTURES[name]
