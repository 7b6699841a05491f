"""A class's own recordings: a folder of `label/*.wav`, or a CSV with the columns path and text.

    words/yes/anna.wav  words/yes/ben.wav  words/no/anna.wav      -> load("folder", "all", source="words")
    path,text,speaker (paths relative to the CSV; speaker optional) -> load("folder", "all", source="clips.csv")

`all` is everything; `train`, `validation` and `test` are about 80, 10 and 10 % of it, chosen by a hash of the speaker
(or the file, where speakers are not known), so that adding recordings moves none from one split to another.
"""

import csv
import os
from pathlib import Path

from zoo.datasets import FileRecording, Utterance, register, split_of
from zoo.datasets.archives import SUFFIXES, recordings_in
from zoo.errors import DataError, MissingFileError
from zoo.text import CHARACTERS, normalise


@register("folder", splits=("train", "validation", "test", "all"))
def utterances(split, source=None) -> list[Utterance]:
    """The utterances of a folder or CSV. Raises MissingFileError and DataError, each naming the culprit."""
    if source is None:
        raise DataError("The data set folder needs source=, a folder of label/*.wav or a CSV of path,text.")
    place = Path(source).expanduser()
    if not place.exists():
        raise MissingFileError(f"The source of a folder set must be a folder or a CSV file; there is no {place}.")
    found = _from_folder(place) if place.is_dir() else _from_csv(place)
    return [u for u in found if split in ("all", split_of(u.speaker or u.id))]


def _from_folder(folder: Path) -> list[Utterance]:
    labels: dict[str, Path] = {}
    found = []
    for child in sorted(folder.iterdir()):
        if not child.is_dir() or child.name.startswith("."):
            continue
        clips = recordings_in(child)
        if not clips:
            raise DataError(f"Each folder of a label must hold recordings ({', '.join(SUFFIXES)}); {child} holds none.")
        text = _text(child.name.replace("_", " "), f"the folder {child}")
        if text in labels:
            raise DataError(f"Each label must have one folder; {labels[text]} and {child} are both {text!r}.")
        labels[text] = child
        found += [Utterance(f"{child.name}/{path.name}", text, "", FileRecording(str(path))) for path in clips]
    if not found:
        raise DataError(
            f"A folder set must hold audio as label/*.wav (or {', '.join(SUFFIXES)}); {folder} has none in it."
        )
    return found


def _from_csv(table: Path) -> list[Utterance]:
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:  # -sig: spreadsheets write a byte order mark
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames or [], [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"A folder set must be a folder or a CSV file in UTF-8; {table} is not ({error}).") from None
    for column in ("path", "text"):
        if column not in columns:
            raise DataError(
                f"The CSV must have the columns path and text; {table} has no {column} (its first line is "
                f"{','.join(columns)[:80]!r})."
            )
    if not rows:
        raise DataError(f"The CSV must have a line for each recording; {table} has none.")
    found: dict[str, Utterance] = {}
    for number, row in rows:  # the line in which a row ends: rows may be of several, and between them empty ones
        where = f"line {number} of {table}"
        name = (row["path"] or "").strip()
        path = table.parent / name
        if not name or not path.is_file():
            raise MissingFileError(f"Each path in a CSV must lead to a recording; {where} names {name!r}, not a file.")
        place = os.path.normpath(name)  # a.wav is ./a.wav
        if place in found:
            raise DataError(f"Each recording may be listed once; {where} lists {name} again.")
        text = _text(row["text"] or "", where)
        found[place] = Utterance(name, text, (row.get("speaker") or "").strip(), FileRecording(str(path)))
    return list(found.values())


def _text(text: str, where: str) -> str:
    """The normalised text, or DataError where it holds other than a-z, space and apostrophe."""
    text = normalise(text)
    wrong = sorted(set(text) - set(CHARACTERS.tokens))
    if wrong or not text:
        got = f"{text!r} has {''.join(wrong)!r}" if wrong else "it is empty"
        raise DataError(
            f"A transcript may hold only letters a-z, spaces and apostrophes (write numbers as words); in {where} {got}."
        )
    return text
