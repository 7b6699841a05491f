"""Name -> architecture. A file in zoo/models/ that calls `register` is a model; nothing else lists it."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase

from zoo.errors import unknown_name


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
        return replace(self.config, **{k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()})


_ARCHITECTURES: dict[str, Architecture] = {}


def register(name: str, config, task: str):
    """Decorate a model file's `build(config)`: `@register("lstm_ctc", Config(), task="transcription")`."""

    def decorate(build):
        _ARCHITECTURES[name] = Architecture(name, task, config, build)
        return build

    return decorate


def list_models(pattern: str = "*") -> list[str]:
    """Names of all models that match a shell wildcard, sorted. Reads no model file, so it is quick."""
    import zoo.models

    names = (module.name for module in pkgutil.iter_modules(zoo.models.__path__))
    return sorted(name for name in names if fnmatchcase(name, pattern))


def architecture(name: str) -> Architecture:
    """The architecture called `name`. Raises UnknownNameError, which offers the nearest names."""
    if name not in list_models():
        raise unknown_name("model", name, list_models())
    importlib.import_module(f"zoo.models.{name}")
    return _ARCHITECTURES[name]
