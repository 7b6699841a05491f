"""Text without sound, for language models: what people write, as many words of it as there are.

    zoo train ngram_lm --data text,source=lines.txt --out runs/mine            one text a line
    zoo train sentences_ngram_lm --data sentences --background text:all,source=books,wrapped=true --out runs/more

Texts become what a recognizer writes: small letters a to z and apostrophes, cut at full stops, commas and other marks
where a reader pauses. What holds digits, other letters or signs is left out, since its pronunciation is unknown.
`train`, `validation` and `test` are about 80, 10 and 10 % of `all`, chosen by a hash of the text.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from zoo.datasets import Utterance, register, split_of
from zoo.errors import DataError, MissingFileError
from zoo.text import CHARACTERS, normalise

PAUSES = re.compile(r"[.!?;:,()\[\]{}\"“”«»…|/–—]|--+")
SPOKEN = {"mr.": "mister", "mrs.": "missus", "dr.": "doctor"}  # abbreviations whose full stop ends no sentence


@dataclass(frozen=True)
class Silence:
    """The recording of a text without sound."""

    where: str

    def read(self, sample_rate: int) -> NoReturn:
        raise DataError(f"{self.where} is text without sound; the data set text is for language models only.")


@register(
    "text",
    splits=("train", "validation", "test", "all"),
    wrapped="whether sentences go on in the next line and an empty one ends a paragraph, as in books (false)",
)
def utterances(split: str, source: str | Path | None = None, wrapped: bool = False) -> list[Utterance]:
    """Text without sound, for language models: a .txt file, or all in a folder."""
    if source is None:
        raise DataError("`source` must be a .txt file in UTF-8 or a folder of such files. Received: source=None.")
    place = Path(source).expanduser()
    if not place.exists():
        raise MissingFileError(f"`source` must be a .txt file or a folder that exists. Received: {place}.")
    files = [place]
    if place.is_dir():  # without hidden files, such as ._name.txt of a Mac
        files = sorted(f for f in place.rglob("[!.]*") if f.suffix.lower() == ".txt" and f.is_file())
    found = []
    for file in files:
        try:
            lines = texts(file.read_text(encoding="utf-8-sig"), wrapped)
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"The text file {file} cannot be read as UTF-8 ({error}).") from None
        name = file.relative_to(place).as_posix() if place.is_dir() else file.name
        found += [Utterance(f"{name}/{i}", text, "", Silence(str(file))) for i, text in enumerate(lines)]
    if not found:
        raise DataError(f"`source` must hold words of letters a to z. Received: {place}, {len(files)} files with none.")
    return [u for u in found if split in ("all", split_of(u.text))]


def texts(writing: str, wrapped: bool = False) -> list[str]:
    """Splits writing into what a reader says between two pauses, in the letters that recognizers write.

    >>> texts("“Oh, the well-known café!” he cried.\\nIt was 1815.\\nWhy?")
    ['oh', 'the well known cafe', 'he cried', 'why']
    >>> texts("It was\\nlate.\\n\\nWhy?", wrapped=True)
    ['it was late', 'why']
    """
    plain = unicodedata.normalize("NFKD", writing.replace("’", "'").replace("‘", "'")).replace("_", "").replace("*", "")
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = re.sub(r"\b(mr|mrs|dr)\.", lambda found: SPOKEN[found[0].lower()] + " ", plain, flags=re.IGNORECASE)
    found = []
    for paragraph in re.split(r"\n\s*\n", plain) if wrapped else plain.splitlines():
        for piece in PAUSES.split(paragraph):
            words = (word.strip("'") for word in normalise(piece.replace("-", " ")).split())
            text = " ".join(word for word in words if word)
            if text and set(text) <= set(CHARACTERS.tokens):
                found.append(text)
    return found
