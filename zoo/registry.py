"""Name -> architecture. A file in zoo/models/ that calls `register` is a model, and zoo/language/*_lm.py are models of
text; nothing else lists them."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from math import isfinite
from pathlib import Path

from zoo.errors import ZooError, unknown_name


@dataclass(frozen=True)
class Architecture:
    """What a model file declares: its name, task ("transcription", ...), default Config and `build(config)`."""

    name: str
    task: str
    config: object
    build: Callable

    def configure(self, **changes):
        """The default config with some fields changed; unknown fields are refused with the nearest names."""
        valid = [field.name for field in fields(self.config)]
        for name in changes:
            if name not in valid:
                raise unknown_name(f"config field of {self.name}", name, valid)
        # A config that went through JSON has lists where tuples were.
        changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
        # NumPy's numbers are as good as Python's, but no JSON.
        changes = {k: v.item() if getattr(v, "shape", None) == () else v for k, v in changes.items()}
        for name, value in changes.items():
            self._check(name, value, getattr(self.config, name))
        return replace(self.config, **changes)

    def _check(self, name: str, value, default) -> None:
        """A field keeps the type of its default, and counts are positive, or 0 where the field says `least=0`. Raises ZooError."""
        least = next(field.metadata.get("least", 1) for field in fields(self.config) if field.name == name)
        if type(default) is int and not (type(value) is int and value >= least):
            rule = "a whole number above 0" if least == 1 else f"a whole number from {least} on"
        elif type(default) is float and not (type(value) in (int, float) and isfinite(value) and value >= 0):
            rule = "a number of at least 0"
        elif type(default) is tuple and type(value) is not tuple:
            rule = f"""a list (on the command line --set '{name}=["a", "b"]')"""
        elif type(default) in (str, bool) and type(value) is not type(default):
            rule = f"a {type(default).__name__}"
        else:
            return
        shown = f"{default!r:.60}"
        raise ZooError(f"The field {name} of {self.name} must be {rule}, as {shown} is; received {value!r}.")


_ARCHITECTURES: dict[str, Architecture] = {}


def register(name: str, config, task: str):
    """Decorate a model file's `build(config)`: `@register("lstm_ctc", Config(), task="Recognizer")`."""

    def decorate(build):
        _ARCHITECTURES[name] = Architecture(name, task, config, build)
        return build

    return decorate


def list_models(pattern: str = "*") -> list[str]:
    """Names of all models that match a shell wildcard, sorted. Reads no model file, so it is quick.

    >>> list_models("*ctc")
    ['attention_ctc', 'conv_lstm_ctc', 'lstm_ctc']
    """
    return sorted(name for name in (*_files("models"), *language_models()) if fnmatchcase(name, pattern))


def language_models() -> list[str]:
    """Names of the models of text alone: the files zoo/language/*_lm.py."""
    return [name for name in _files("language") if name.endswith("_lm")]


def _files(package: str) -> list[str]:
    modules = pkgutil.iter_modules([str(Path(__file__).parent / package)])
    return [module.name for module in modules if not module.name.startswith("_")]


def architecture(name: str) -> Architecture:
    """The architecture called `name`. Raises UnknownNameError, which offers the nearest names."""
    if name not in _files("models"):
        raise unknown_name("model", name, _files("models"))
    importlib.import_module(f"zoo.models.{name}")
    return _ARCHITECTURES[name]
