"""The reader's language for what a notebook draws and prints: one switch, and a dictionary of English phrases.

>>> say("seconds")
'seconds'
"""

import os
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from json import loads

LANGUAGES = ("en", "zh")


def language() -> str:
    """Returns "zh" where ZOO_LANGUAGE says so or Jupyter has opened a notebook from a folder `zh`, else "en"."""
    chosen = os.environ.get("ZOO_LANGUAGE", "")
    if chosen in LANGUAGES:
        return chosen
    # Jupyter's server tells a kernel which notebook it runs; Colab and Kaggle do not: there, %env ZOO_LANGUAGE=zh.
    return "zh" if "zh" in os.environ.get("JPY_SESSION_NAME", "").split("/") else "en"


@contextmanager
def speaking(name: str):
    """The block speaks a language.

    >>> with speaking("zh"):
    ...     say("seconds")
    '秒'
    """
    before = os.environ.get("ZOO_LANGUAGE")
    os.environ["ZOO_LANGUAGE"] = name
    try:
        yield
    finally:
        os.environ.pop("ZOO_LANGUAGE")
        if before is not None:
            os.environ["ZOO_LANGUAGE"] = before


@cache
def _chinese() -> dict[str, str]:
    return loads((files("zoo") / "words_zh.json").read_text(encoding="utf-8"))


def say(text: str, /, **values: object) -> str:
    """Returns a phrase in the reader's language, with `values` in its braces. A phrase that is not known stays English.

    >>> say("{n} clips", n=3)
    '3 clips'
    """
    phrase = _chinese().get(text, text) if language() == "zh" else text
    return phrase.format(**values) if values else phrase
