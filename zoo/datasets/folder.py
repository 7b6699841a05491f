"""A class's own recordings: a folder of `label/*.wav` (or M4A, MP3, WebM ...), or a CSV with the columns path and text.

    words/yes/anna.wav  words/yes/ben.wav  words/no/anna.wav      -> load("folder", "all", source="words")
    path,text,speaker (paths relative to the CSV; speaker optional) -> load("folder", "all", source="clips.csv")

`train`, `validation` and `test` are about 80, 10 and 10 % of `all`, chosen by a hash of the speaker (or the file, where
speakers are not known), so that adding recordings moves none to another split.
"""

import csv
import os
from pathlib import Path

from zoo.datasets import FileRecording, Utterance, register, split_of
from zoo.datasets.manifests import label_folders
from zoo.errors import DataError, MissingFileError
from zoo.text import CHARACTERS, normalise


@register("folder", splits=("train", "validation", "test", "all"))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """Recordings of your own: a folder of `label/*.wav`, or a CSV with the columns path and text (and speaker)."""
    if source is None:
        raise DataError("`source` must be a folder of label/*.wav or a CSV of path,text. Received: source=None.")
    place = Path(source).expanduser()
    if not place.exists():
        raise MissingFileError(f"`source` must be a folder or a CSV file. Received: {place}, which does not exist.")
    found = _from_folder(place) if place.is_dir() else _from_csv(place)
    if not found:
        raise DataError(f"`source` must hold recordings, in a folder for each label. Received: {place} without one.")
    return [u for u in found if split in ("all", split_of(u.speaker or u.id))]


def _from_folder(folder: Path) -> list[Utterance]:
    labels: dict[str, Path] = {}
    found = []
    for child, clips in label_folders(folder).items():
        text = _text(child.name.replace("_", " "), f"the folder {child}")
        if text in labels:
            raise DataError(f"{labels[text]} and {child} are folders of the same label, {text!r}.")
        labels[text] = child
        found += [Utterance(path.relative_to(folder).as_posix(), text, "", FileRecording(str(path))) for path in clips]
    return found


def _from_csv(table: Path) -> list[Utterance]:
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:  # -sig: spreadsheets write a byte order mark
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames or [], [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"`source` must be a folder or a CSV file in UTF-8. Received: {table} ({error}).") from None
    if not {"path", "text"} <= set(columns):
        raise DataError(f"{table} must have the columns path and text; its first line is {','.join(columns)[:80]!r}.")
    found: dict[str, Utterance] = {}
    for number, row in rows:  # the line in which a row ends: rows may be of several, and between them empty ones
        where = f"line {number} of {table}"
        name = (row["path"] or "").strip()
        path = table.parent / name
        if not name or not path.is_file():
            raise MissingFileError(f"The recording {name!r} in {where} does not exist.")
        place = os.path.normpath(name)  # a.wav is ./a.wav
        if place in found:
            raise DataError(f"The recording {name!r} in {where} is listed twice.")
        text = _text(row["text"] or "", where)
        found[place] = Utterance(name, text, (row.get("speaker") or "").strip(), FileRecording(str(path)))
    return list(found.values())


def _text(text: str, where: str) -> str:
    """Returns the normalised text, if it is one of a-z, space and apostrophe."""
    text = normalise(text)
    wrong = "".join(sorted(set(text) - set(CHARACTERS.tokens)))
    if wrong or not text:
        rule = "must be letters a-z, spaces and apostrophes (numbers as words)"
        raise DataError(f"The transcript in {where} {rule}. Received: {text!r} with {wrong!r}.")
    return text
