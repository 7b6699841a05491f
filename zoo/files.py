"""Files that are written whole or not at all, and JSON that may be damaged."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import DataError


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it replaces `path`, on an error `path` stays as it was."""
    path = Path(path)
    partial = path.with_name("partial-" + path.name)
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if error.filename in (None, str(partial), partial):  # name the caller's file, not the temporary one
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_wav(path: str | os.PathLike, samples, sample_rate: int) -> None:
    """Write (samples,) as 16-bit WAV; whole or not at all."""
    import soundfile

    made = io.BytesIO()  # libsndfile has no word for a full disk; Python has
    soundfile.write(made, samples, sample_rate, subtype="PCM_16", format="WAV")
    with atomic_write(path) as partial:
        partial.write_bytes(made.getvalue())


def read_json(path: str | os.PathLike, what: str, kind: type = dict) -> dict | list:
    """Read a JSON file that holds a `kind`, dict or list; `what` names it in errors, such as "A run's settings"."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # UnicodeDecodeError, too
        raise DataError(f"{what} must be the JSON that was written; {path} is damaged: {error}.") from None
    if not isinstance(value, kind):
        raise DataError(f"{what} must be a JSON {kind.__name__}; {path} holds a {type(value).__name__}.")
    return value


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hide what C++ libraries write to stderr, such as TensorFlow while it is imported; exceptions pass as ever."""
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all
        yield
        return
    try:
        if sys.stderr:
            sys.stderr.flush()
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def leave(code: int) -> None:
    """End the process without waiting for the threads of libraries, once its own work is done."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
