"""Errors that a user can cause. Each is a sentence that leads with the argument and says what is valid and what was received."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral


class ZooError(ValueError):
    """Base of all errors caused by input; the command line prints it as one sentence and exits with 1.

    >>> ZooError("`widths` must be increasing seconds in (0, 3600]. Received: widths=(3, 1).").argument
    'widths'
    """

    @property
    def argument(self) -> str:
        """Name of the argument that was wrong; "" where the sentence leads with none."""
        found = re.match(r"`([^`]+)`", str(self))
        return found[1] if found else ""


class AudioError(ZooError):
    """A recording or array that is not usable audio."""


class TooLongError(AudioError):
    """A recording that lasts longer than it may."""


class AudioWarning(UserWarning):
    """A recording is cut off or damaged, and what could be read of it is used. The message is one sentence."""


class DataError(ZooError):
    """A data set, archive, manifest or transcript that is not as it should be."""


class DownloadError(DataError):
    """Data that could not be fetched: there is no connection, or the server refused."""


class WeightsError(ZooError):
    """Weights or a saved model that must not be loaded."""


class DivergedError(ZooError):
    """A loss that did not stay finite."""


class UnknownNameError(ZooError):
    """A model, data set or field that does not exist."""


class MissingBackendError(ZooError, ImportError):
    """Keras has none of its backends, or is not installed: only exported files can be run."""


class MissingFileError(ZooError, FileNotFoundError):
    """A path that leads nowhere."""

    def __str__(self) -> str:  # OSError would print its own format
        return str(self.args[0])


def unknown_name(kind: str, name: object, valid: Iterable[str]) -> UnknownNameError:
    """Return the error for an unknown `name`, which offers the nearest of the `valid` names."""
    valid = sorted(valid)
    lower = {known.lower(): known for known in valid}
    near = [lower[known] for known in get_close_matches(str(name).lower(), lower, n=3, cutoff=0.5)]
    some = valid if len(valid) <= 60 else [*valid[:20], f"and {len(valid) - 20} more"]
    hint = f"did you mean {' or '.join(near)}?" if near else f"valid are {', '.join(some)}."
    return UnknownNameError(f"There is no {kind} named {name!r}: {hint}")


def check_whole(name: str, value: object, least: int = 1) -> None:
    """Raise ZooError unless the argument `name` is a whole number of at least `least`, NumPy's included."""
    if not isinstance(value, Integral) or value < least:
        raise ZooError(f"`{name}` must be a whole number of at least {least}. Received: {name}={value!r}.")


def first_line(error: Exception, length: int = 120) -> str:
    """Return the first line with text of an error of another library, to end a sentence of ours."""
    return next((line.strip()[:length] for line in str(error).splitlines() if line.strip()), type(error).__name__)
