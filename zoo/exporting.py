"""Old path of `zoo.export`."""

from zoo.export import FORMATS, _convert, export, run_exported  # noqa: F401
