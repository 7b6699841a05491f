"""Files that are written whole or not at all, and JSON that may have been damaged since."""

import json
import os
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import DataError


@contextmanager
def whole(path: str | os.PathLike):
    """A name to write to; what was written becomes `path` whole, or not at all.

    Raises: OSError, which names `path`.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with whole(place) as partial:
    ...     _ = partial.write_text("all of it")
    >>> place.read_text(), partial.exists()
    ('all of it', False)
    """
    path = Path(path)
    partial = path.with_name("partial-" + path.name)
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if error.filename is None or str(error.filename) == str(partial):  # nobody knows that name
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        partial.unlink(missing_ok=True)


def read_json(path: str | os.PathLike, what: str, kind: type = dict):
    """The dict (or list) in a JSON file of ours.

    Args: what: what the file is, for the error, such as "A run's settings".
    Raises: DataError where it is damaged or something else.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # UnicodeDecodeError, too
        raise DataError(f"{what} must be the JSON that was written; {path} is damaged: {error}.") from None
    if not isinstance(value, kind):
        raise DataError(f"{what} must be a JSON {_name(kind)}; {path} holds a {_name(type(value))}.")
    return value


def _name(kind: type) -> str:
    return {dict: "object", list: "list", str: "string"}.get(kind, kind.__name__)
