"""Old path of `zoo.tasks.search`."""

from zoo.tasks.search import Match, Searcher, find  # noqa: F401
