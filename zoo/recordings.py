"""The class's recordings as the data set `folder`: folder/label/speaker_take.wav, and folder/clips.csv on who speaks.

hear_word   a recording of a single word -> samples
save_clip   a recording, a label and a speaker -> a file of the data set
recorded    how many there are; next_step, train_command: what to do with them
"""

import csv
import io
import os
import re
import shlex
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np

from zoo.demo import RATE, classifiers, hear, longest_word, note, table_html
from zoo.errors import ZooError

_lock = threading.Lock()


def label_name(text: str) -> str:
    """A label as the data set `folder` reads it: small letters a to z, _ between words. Raises ZooError."""
    label = "_".join((text or "").lower().replace("_", " ").split())
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", label) or len(label) > 40:
        raise ZooError(
            "A label is the word that is said, in at most 40 letters a to z, with _ or a space between words (write "
            f"numbers as words); received {(text or '')[:60]!r}."
        )
    return label


def speaker_name(text: str) -> str:
    """Who speaks: letters, digits, - and _. Raises ZooError."""
    name = (text or "").strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise ZooError(
            "A speaker is named by at most 40 letters a to z, digits, - and _, a letter or digit first; received "
            f"{(text or '')[:60]!r}."
        )
    return name


def hear_word(path) -> np.ndarray:
    """A recording of a word as (samples,) at RATE.

    Raises: ZooError where there is none yet; AudioError for what is no audio, silent, or longer than a word may be.
    """
    if not path:
        raise ZooError("There is no clip yet: record the word or choose a file, and wait until the page has it.")
    return hear(path, min(map(longest_word, classifiers())))


def save_clip(folder: str | Path, label: str, speaker: str, path) -> Path:
    """Keep a recording as folder/label/speaker_take.wav, 16 kHz and 16 bit, under a take that is free.

    Raises: ZooError for names that cannot be; what hear_word raises.
    """
    folder, label, speaker = Path(folder), label_name(label), speaker_name(speaker)
    samples = hear_word(path)
    with _lock:  # two users may save at once
        place = folder / label
        place.mkdir(parents=True, exist_ok=True)
        try:
            taken = _write_new(place, speaker, samples)
        except BaseException:
            with suppress(OSError):  # an empty folder would be a label without clips, which no training takes
                place.rmdir()
            raise
        _write_list(folder)
    return taken


def _write_new(place: Path, speaker: str, samples: np.ndarray) -> Path:
    """A file under the first free take; whole, or not at all."""
    import soundfile

    made = io.BytesIO()  # libsndfile has no word for a full disk; Python has
    soundfile.write(made, samples, RATE, subtype="PCM_16", format="WAV")
    take = 1 + max((number for name, number in map(_said_by, place.glob("*.wav")) if name == speaker), default=0)
    handle, partial = tempfile.mkstemp(dir=place.parent, prefix=".clip-")  # no .wav: training does not look at it
    try:
        with open(handle, "wb") as file:
            file.write(made.getvalue())
        os.chmod(partial, 0o644)  # as other files are; temporary ones are their owner's alone
        while True:
            path = place / f"{speaker}_{take}.wav"
            with suppress(FileExistsError):  # on disks that tell no capitals apart, or by a second server
                open(path, "xb").close()
                break
            take += 1
        try:
            os.replace(partial, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    finally:
        Path(partial).unlink(missing_ok=True)
    return path


def _said_by(path: Path) -> tuple[str, int]:
    """(speaker, take) of anna_3.wav; ("", 0) of a file that was named in another way."""
    match = re.fullmatch(r"(.+)_(\d{1,9})", path.stem)
    return (match[1], int(match[2])) if match else ("", 0)


def _clips(folder: Path) -> list[tuple[str, str, str]]:
    """(path below the folder, label, speaker) of every clip."""
    paths = sorted(path for path in folder.glob("[!.]*/[!.]*.wav") if path.is_file())
    return [(f"{p.parent.name}/{p.name}", p.parent.name, _said_by(p)[0]) for p in paths]


def _write_list(folder: Path) -> None:
    """folder/clips.csv, from which the data set `folder` learns who speaks: a split then shares no speaker."""
    handle, partial = tempfile.mkstemp(dir=folder, prefix=".clips-")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            rows = [(path, label.replace("_", " "), speaker) for path, label, speaker in _clips(folder)]
            csv.writer(file).writerows([("path", "text", "speaker"), *rows])
        os.chmod(partial, 0o644)
        os.replace(partial, folder / "clips.csv")
    finally:
        Path(partial).unlink(missing_ok=True)


def recorded(folder: str | Path) -> str:
    """How many clips there are of each label, by speaker, as an HTML table."""
    counts = Counter((label, speaker or "?") for _, label, speaker in _clips(Path(folder)))
    speakers = sorted({speaker for _, speaker in counts})
    rows = []
    for label in sorted({label for label, _ in counts}):
        by = [counts[label, speaker] for speaker in speakers]
        rows.append((label, sum(by), *by))
    if not rows:
        return note("No clips yet.")
    return table_html("Clips of each label, by speaker", ("label", "clips#", *(f"{s}#" for s in speakers)), rows)


def next_step(folder: str | Path) -> str:
    """What to do with the clips, as Markdown: the command that trains on them, or what is missing for that."""
    folder = Path(folder)
    labels = {label for _, label, _ in _clips(folder)}
    if len(labels) < 2:
        return f"Training needs clips of at least two labels; there are {len(labels)} so far."
    try:
        command = train_command(folder)
    except ZooError as error:  # what somebody else put into the folder
        return f"These clips cannot be trained on: {error}"
    return (
        "Train a classifier on them, in a terminal:\n\n"
        f"```\n{command}\n```\n\n"
        "With few clips of each word, without training, in Python:\n\n"
        "```\n"
        "import zoo\n"
        "from pathlib import Path\n"
        f"folders = [f for f in Path({str(folder)!r}).iterdir() if f.is_dir() and f.name[0] != '.']\n"
        'words = zoo.few_shot(zoo.load("word_embedding"), {f.name: sorted(f.glob("[!.]*.wav")) for f in folders})\n'
        "```"
    )


def train_command(folder: str | Path) -> str:
    """The `zoo train` line for the clips of a folder; with enough people, some are held out to choose the epoch by."""
    from zoo import datasets

    folder = Path(folder)
    source = f"source={folder / 'clips.csv'}"
    words = ["zoo", "train", "ds_cnn", "--data"]
    said = {
        split: {u.text for u in datasets.load("folder", split, folder / "clips.csv")}
        for split in ("train", "validation")
    }
    if len(said["train"]) > 1 and said["validation"] and said["validation"] <= said["train"]:
        words += [f"folder,{source}", "--validation", f"folder,{source}"]
    else:
        words += [f"folder:all,{source}"]
    return shlex.join([*words, "--out", "runs/mine"])


def check_folder(folder: str | Path) -> Path:
    """Where clips are kept. Raises ZooError where that is a file, or what `--data` cannot name."""
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ZooError(f"Clips are kept in a folder; {folder} is a file.")
    if set(",=") & set(str(folder)):
        raise ZooError(
            f"The folder of clips has no , or = in its name, since --data could not name it; received {folder}."
        )
    return folder
