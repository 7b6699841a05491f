"""The reader's language for what a notebook draws and prints: one switch, and two dictionaries of English phrases.

words_zh.json has what the zoo itself writes, lines_zh.json what the notebooks print. A phrase may have values in braces.

>>> say("seconds")
'seconds'
>>> translated("the loudest frame is number 77 at 0.77 s")
'最响的是第 77 帧，在 0.77 秒处'
"""

import html
import os
import re
import sys
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib.resources import files
from json import loads
from typing import Any

LANGUAGES = ("en", "zh")
VALUE = re.compile(r"\{(\w*)([^{}]*)\}")  # {}, {n} or {n:.2f} of a phrase
NUMBER = r"[-+]?[\d.,]+(?:e[-+]\d+)?"  # what {:g} stands for
QUOTED = re.compile(r"'([^']+ [^']+)'")  # a key of several words in a printed dictionary
ERROR = re.compile(r"\w+(Error|Warning|Interrupt): ")  # stays as Python says it, so that it can be searched for
LONGEST = 400  # characters of a line; what is longer is data
CELL = re.compile(r"(<(?:th|td|figcaption|pre)\b[^>]*>|aria-label=\")([^<>\"]+)")  # of a table, a player or a text


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
    texts = [(files("zoo") / f"{name}_zh.json").read_text(encoding="utf-8") for name in ("lines", "words")]
    return loads(texts[0]) | loads(texts[1])


@cache
def _templates() -> list[tuple[re.Pattern, str]]:
    """The phrases with values, as patterns; those with most words of their own come first."""
    found = []
    for phrase, chinese in sorted(_chinese().items(), key=lambda pair: -len(VALUE.sub("", pair[0]))):
        literals, names, formats = (VALUE.split(phrase)[start::3] for start in range(3))
        if names:
            names = [name if name and not name.isdigit() else f"v{i}" for i, name in enumerate(names)]
            kinds = [NUMBER if spec == ":g" else ".*?" for spec in formats]
            groups = [f"(?P<{name}>{kind})" for name, kind in zip(names, kinds, strict=True)]
            pattern = "".join(a + b for a, b in zip(map(re.escape, literals), [*groups, ""], strict=True))
            order = iter(names)
            chinese = VALUE.sub(
                lambda v, order=order: f"{{v{v[1]}}}" if v[1].isdigit() else f"{{{v[1] or next(order)}}}", chinese
            )
            found.append((re.compile(pattern), chinese))
    return found


def say(text: str, /, **values: object) -> str:
    """Returns a phrase in the reader's language, with `values` in its braces. A phrase that is not known stays English.

    >>> say("{n} clips", n=3)
    '3 clips'
    """
    phrase = _chinese().get(text, text) if language() == "zh" else text
    return phrase.format(**values) if values else phrase


@lru_cache(4096)
def _line(line: str) -> str:
    text = line.strip()
    if not text or len(text) > LONGEST or ERROR.match(text):
        return _chinese().get(text, line)
    found = _chinese().get(text)
    for pattern, chinese in () if found else _templates():
        if values := pattern.fullmatch(text):
            found = chinese.format(**{name: _line(value) for name, value in values.groupdict().items()})
            break
    found = found or QUOTED.sub(lambda quoted: f"'{_chinese().get(quoted[1], quoted[1])}'", text)
    return line.replace(text, found, 1)


def translated(text: str) -> str:
    """Returns a text in Chinese, line by line; figures and names are kept, and so is a line that is not known.

    >>> translated("no such line: 12 %")
    'no such line: 12 %'
    """
    return "\n".join(map(_line, text.split("\n")))


def translated_print(text: str) -> str:
    """Returns a printed text in Chinese. A line of one word is an answer, of a model or a person, and stays.

    >>> translated_print("noise")
    'noise'
    """
    return "\n".join(line if line.strip().isalpha() else _line(line) for line in text.split("\n"))


def shown(text: str) -> str:
    """Returns a label, a title or a cell of a table in the reader's language.

    >>> shown("three clips")
    'three clips'
    """
    return translated(text) if language() == "zh" else text


def translated_html(text: str) -> str:
    """Returns a table or a player as a notebook shows it, its cells and titles in Chinese.

    >>> translated_html("<td>noise</td>")
    '<td>噪声</td>'
    """
    return CELL.sub(lambda found: found[1] + html.escape(translated(html.unescape(found[2]))), text)


class Lines:
    """A text stream whose lines are shown in the reader's language: what a notebook's kernel prints to.

    In Chinese, a line is held back until it is whole or the stream is flushed.
    """

    def __init__(self, stream: Any):
        self.stream, self.begun = stream, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Writes the whole lines; returns the number of characters."""
        waiting = self.begun + text
        end = waiting.rfind("\n") + 1 if language() == "zh" else len(waiting)
        if end:
            self.stream.write(translated_print(waiting[:end]) if language() == "zh" else waiting[:end])
        self.begun = waiting[end:]
        return len(text)

    def flush(self) -> None:
        """Writes what there is of a line."""
        begun, self.begun = self.begun, ""
        if begun:
            self.stream.write(translated_print(begun) if language() == "zh" else begun)
        self.stream.flush()


def translate_outputs() -> None:
    """In a notebook's kernel, printed lines and pyplot's labels follow the reader's language from now on."""
    ipython = sys.modules.get("IPython")
    if ipython and hasattr(ipython.get_ipython(), "kernel") and not isinstance(sys.stdout, Lines):
        from matplotlib import rcParams

        sys.stdout, sys.stderr = Lines(sys.stdout), Lines(sys.stderr)
        rcParams["figure.hooks"] = [*rcParams["figure.hooks"], "zoo.plots.figure:follow"]
