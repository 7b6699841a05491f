"""ARPA files of n-gram models, as SRILM (Stolcke 2002) and KenLM (Heafield et al. 2013) read and write them."""

import gzip
import math
import os
import zlib
from collections import Counter
from pathlib import Path

from zoo.errors import DataError, MissingFileError
from zoo.files import atomic_write
from zoo.language.base import END, START, UNITS, UNKNOWN

NGram = tuple[str, ...]
Grams = dict[NGram, tuple[float, float]]  # n-gram -> (log10 P(last token | those before), log10 back-off weight)

LOG10_ZERO = -99.0  # the log10 probability that ARPA files give <s>, which never follows anything
SPACE = "<space>"  # a space as a token: in the file, spaces separate tokens
UNIT = "# unit="  # begins the first line of our files


def write(path: str | os.PathLike, unit: str, grams: Grams) -> None:
    """Write n-grams as ARPA text, gzipped where `path` ends in .gz; whole or not at all."""
    levels: list[list[str]] = [[] for _ in range(max(map(len, grams)))]
    for gram, (value, backoff) in sorted(grams.items()):
        line = f"{value:.7g}\t{' '.join(SPACE if token == ' ' else token for token in gram)}"
        levels[len(gram) - 1].append(line + (f"\t{backoff:.7g}" if backoff and len(gram) < len(levels) else ""))
    # What stands before \data\ is a comment, for KenLM if it begins with #; words of one letter look like characters.
    lines = [UNIT + unit, "\\data\\", *(f"ngram {n}={len(level)}" for n, level in enumerate(levels, start=1))]
    for n, level in enumerate(levels, start=1):
        lines += ["", f"\\{n}-grams:", *level]
    data = "\n".join([*lines, "", "\\end\\", ""]).encode()
    with atomic_write(path) as partial:
        partial.write_bytes(gzip.compress(data, mtime=0) if Path(path).suffix == ".gz" else data)


def read(path: str | os.PathLike, unit: str | None = None) -> tuple[str, Grams]:
    """Return the unit and the n-grams of ARPA text, gzipped or not.

    By default the unit is what the file says, else "character" where no token is longer than one, and "word".
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"`path` must be an ARPA file that exists. Received: {path}.")
    try:
        data = path.read_bytes()
        lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig").splitlines()
        grams = _parse(lines)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"The ARPA file {path.name} is damaged: {error}.") from None
    unit = unit or next((known for known in UNITS if lines[0] == UNIT + known), None)
    tokens = {gram[0] for gram in grams if len(gram) == 1} - {START, END, UNKNOWN}
    return unit or ("word" if any(len(token) > 1 for token in tokens) else "character"), grams


def _parse(lines: list[str]) -> Grams:
    """The n-grams of all sections; raises ValueError where lines are damaged or missing."""
    grams: Grams = {}
    expected, found = Counter(), Counter()  # n-grams of each length
    section = None  # None before \data\, 0 within it, n within the n-grams
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or (section is None and line != "\\data\\"):
            continue
        if line == "\\end\\":
            break
        try:
            if line == "\\data\\":
                section = 0
            elif line.startswith("\\"):
                section = int(line[1:].removesuffix("-grams:"))
            elif section == 0:
                n, count = line.removeprefix("ngram ").split("=")
                expected[int(n)] = int(count)
            else:
                gram, *values = _parse_gram(line, section)
                grams[gram] = tuple(values)
                found[section] += 1
        except ValueError:
            raise ValueError(f"line {number} is {line[:60]!r}") from None
    else:
        raise ValueError("it does not end with \\end\\")
    if not grams or found != expected:
        raise ValueError(f"it promises {dict(expected)} n-grams of each length and holds {dict(found)}")
    return grams


def _parse_gram(line: str, n: int) -> tuple[NGram, float, float]:
    value, *tokens = line.split()
    backoff = float(tokens.pop()) if len(tokens) == n + 1 else 0.0
    if len(tokens) != n or not math.isfinite(float(value) + backoff) or float(value) > 0:
        raise ValueError(line)
    return tuple(" " if token == SPACE else token for token in tokens), float(value), backoff
