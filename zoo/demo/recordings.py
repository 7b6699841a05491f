"""Collects recordings of a class as the data set `folder`: folder/label/speaker_take.wav, and folder/clips.csv on who speaks."""

import csv
import re
import shlex
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from zoo.demo.answers import RATE, WORD_SECONDS, hear
from zoo.errors import ZooError
from zoo.files import atomic_write, write_wav

_lock = threading.Lock()


def label_name(text: str) -> str:
    """The label of a word as the data set `folder` reads it: small letters a to z, _ between words."""
    label = "_".join((text or "").lower().replace("_", " ").split())
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", label) or len(label) > 40:
        raise ZooError(f"`label` must be words in at most 40 letters a to z. Received: {text!r:.60}.")
    return label


def speaker_name(text: str) -> str:
    """The name of a speaker: letters, digits, - and _."""
    name = (text or "").strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        rule = "at most 40 letters a to z, digits, - and _, a letter or digit first"
        raise ZooError(f"`speaker` must be {rule}. Received: {text!r:.60}.")
    return name


def check_folder(folder: str | Path) -> Path:
    """The folder where clips are kept, which need not exist yet; `--data` must be able to name it."""
    folder = Path(folder).expanduser()
    if (folder.exists() and not folder.is_dir()) or set(",=") & set(str(folder)):
        raise ZooError(f"`folder` must be a folder without , or = in its name. Received: {str(folder)!r}.")
    return folder


def hear_word(path: Any) -> np.ndarray:
    """Reads a recording of one word, as `hear` does."""
    if not path:
        raise ZooError("There is no clip yet: record the word or choose a file, and wait until the page has it.")
    return hear(path, WORD_SECONDS)


def save_clip(folder: str | Path, label: str, speaker: str, path: Any) -> Path:
    """Keeps the recording at `path` as folder/label/speaker_take.wav, 16 kHz and 16 bit, under a take that is free."""
    folder, label, speaker = Path(folder), label_name(label), speaker_name(speaker)
    samples = hear_word(path)
    with _lock:  # two users may save at once
        place = folder / label
        place.mkdir(parents=True, exist_ok=True)
        try:
            clip = _write_new(place, speaker, samples)
        except OSError:
            with suppress(OSError):  # an empty folder would be a label without clips, which no training takes
                place.rmdir()
            raise
        rows = [(path, label.replace("_", " "), speaker) for path, label, speaker in _clips(folder)]
        with atomic_write(folder / "clips.csv") as partial, partial.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("path", "text", "speaker"), *rows])
    return clip


def _write_new(place: Path, speaker: str, samples: np.ndarray) -> Path:
    """Writes a file under the next take that is free."""
    take = 1 + max((number for name, number in map(_speaker_of, place.glob("*.wav")) if name == speaker), default=0)
    while (path := place / f"{speaker}_{take}.wav").exists():  # on disks that tell no capitals apart
        take += 1
    write_wav(path, samples, RATE)
    return path


def _speaker_of(path: Path) -> tuple[str, int]:
    """(speaker, take) of anna_3.wav; ("", 0) of a file that was named in another way."""
    match = re.fullmatch(r"(.+)_(\d{1,9})", path.stem)
    return (match[1], int(match[2])) if match else ("", 0)


def _clips(folder: Path) -> list[tuple[str, str, str]]:
    """(path below the folder, label, speaker) of every clip."""
    paths = sorted(path for path in folder.glob("[!.]*/[!.]*.wav") if path.is_file())
    return [(f"{p.parent.name}/{p.name}", p.parent.name, _speaker_of(p)[0]) for p in paths]


def counts(folder: str | Path) -> tuple[list[str], list[list]]:
    """Counts the clips of each label by speaker, as headings and rows of a table."""
    found = Counter((label, speaker or "?") for _, label, speaker in _clips(Path(folder)))
    speakers = sorted({speaker for _, speaker in found})
    rows = {label: [found[label, speaker] for speaker in speakers] for label in sorted({label for label, _ in found})}
    return ["label", "clips", *speakers], [[label, sum(row), *row] for label, row in rows.items()]


def next_step(folder: str | Path) -> str:
    """The commands that learn from the clips, or what is missing for that, as Markdown."""
    folder = Path(folder)
    labels = {label for _, label, _ in _clips(folder)}
    if len(labels) < 2:
        return f"Training needs clips of at least two labels; there are {len(labels)} so far."
    try:
        command = train_command(folder)
    except ZooError as error:  # what somebody else put into the folder
        return f"These clips cannot be trained on: {error}"
    return f"""Train a classifier on them, in a terminal:

```
{command}
```

With few clips of each word, without training, in Python:

```
import zoo
from pathlib import Path
folders = [f for f in Path({str(folder)!r}).iterdir() if f.is_dir() and f.name[0] != '.']
words = zoo.few_shot(zoo.load("word_embedding"), {{f.name: sorted(f.glob("[!.]*.wav")) for f in folders}})
```"""


def train_command(folder: str | Path) -> str:
    """The `zoo train` line for the clips; with enough speakers, some are held out to choose the epoch by."""
    from zoo import datasets

    clips = Path(folder) / "clips.csv"
    train, held_out = ({u.text for u in datasets.load("folder", split, clips)} for split in ("train", "validation"))
    data = [f"folder:all,source={clips}"]
    if len(train) > 1 and held_out and held_out <= train:
        data = [f"folder,source={clips}", "--validation", f"folder,source={clips}"]
    return shlex.join(["zoo", "train", "ds_cnn", "--data", *data, "--out", "runs/mine"])
