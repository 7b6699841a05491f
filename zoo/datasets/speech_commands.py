"""Speech Commands v0.02: 105,829 takes of 35 words by 2,618 speakers, one second or less each, 16 kHz.

Task "35" tells all words apart. Task "12" is the paper's benchmark: ten commands, `unknown` drawn from the other 25
words, and `silence`, one second of background noise; each has a tenth of the commands' total, in every split.
Validation and test are the archive's own lists, which share no speaker; train is the rest. The archive is 2.4 GB, is
checked against its MD5 before it is unpacked, and a download that broke off goes on where it stopped.

Departure from the paper's scripts: each noise file is divided by time (80 % train, 10 % validation, 10 % test), so that
no piece of noise is both learned from and scored. Draws are by hash: the same items everywhere, in every run.

Source: P. Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", 2018,
https://arxiv.org/abs/1804.03209; http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz, CC BY 4.0.
"""

import hashlib
import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo.audio import duration, load_audio, resample
from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import cache_folder, data_folders, extract, fetch, md5, sentences, swap
from zoo.errors import DataError, MissingFileError, unknown_name

NAME = "speech_commands_v0.02"
ARCHIVE = f"{NAME}.tar.gz"
URL = f"http://download.tensorflow.org/data/{ARCHIVE}"
MD5 = "6b74f3901214cb2c2934e98196829835"
COUNTS = {"train": 84_843, "validation": 9_981, "test": 11_005}  # recordings of words; what tells a part from the whole
LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
NOISE = "_background_noise_"  # folder of long recordings, not a class
RATE = 16000  # Hz, the recordings' own

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
OTHERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("bed", "bird", "cat", "dog", "happy", "house", "marvin", "sheila", "tree", "wow"),
    *("backward", "follow", "forward", "learn", "visual"),
)
WORDS = (*COMMANDS, *OTHERS)
TASKS = {"35": WORDS, "12": (*COMMANDS, "unknown", "silence")}  # task -> its classes, the utterances' texts
STRETCHES = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}  # of each noise file


@dataclass(frozen=True)
class NoiseRecording:
    """One second of a background noise file, cut out when it is read."""

    path: str
    start: int  # samples at RATE

    def read(self, sample_rate: int) -> np.ndarray:
        cut = resample(_noise(self.path)[self.start : self.start + RATE], RATE, sample_rate)
        return cut / max(1.0, float(np.abs(cut).max()))  # resampling may overshoot; a copy, what is cached stays

    def seconds(self) -> float:
        return 1.0


@lru_cache(maxsize=8)  # six files, 26 MB; a thousand cuts are made from each
def _noise(path: str) -> np.ndarray:
    return load_audio(path, RATE)


@register("speech_commands", splits=tuple(COUNTS), task="35: all words; 12: ten commands, unknown and silence (35)")
def utterances(split, source=None, task: str = "35") -> list[Utterance]:
    """The utterances of a split, sorted by identifier, such as yes/0a7c2a8d_nohash_0; silences come last.

    Raises: UnknownNameError (no such task); DataError (the set is not whole).
    """
    if task not in TASKS:
        raise unknown_name("task of speech_commands", task, TASKS)
    root = find(source)
    names = _splits(root)[split]
    if task == "35":
        return [_utterance(root, name, name.split("/")[0]) for name in names]
    commands = [name for name in names if name.split("/")[0] in COMMANDS]
    count = math.ceil(len(commands) / len(COMMANDS))  # of unknown and of silence: the mean of the ten, 408 in test
    others = sorted(set(names) - set(commands), key=_hash)[:count]
    texts = {name: name.split("/")[0] for name in commands} | dict.fromkeys(others, "unknown")
    return [_utterance(root, name, texts[name]) for name in sorted(texts)] + _silences(root, split, count)


def background_noise(split: str = "train", source=None) -> list[np.ndarray]:
    """The part of each of the six noise files that belongs to a split, each (samples,) float32 at 16 kHz.

    Raises: UnknownNameError (no such split); MissingFileError, DataError, AudioError (not there, not whole).
    """
    if split not in STRETCHES:
        raise unknown_name("split of speech_commands", split, STRETCHES)
    clips = [_noise(str(path)) for path in _noise_files(find(source))]
    return [clip[slice(*_stretch(len(clip), split))].copy() for clip in clips]


def _utterance(root: Path, name: str, text: str) -> Utterance:
    speaker = name.split("/")[1].split("_nohash_")[0]
    return Utterance(name.removesuffix(".wav"), text, speaker, FileRecording(str(root / name)))


def _silences(root: Path, split: str, count: int) -> list[Utterance]:
    """`count` seconds of noise, the files in turn."""
    files = [(path, _stretch(round(duration(path) * RATE), split)) for path in _noise_files(root)]
    short = [path for path, (first, end) in files if end - first < RATE]
    if short:
        raise DataError(f"A background noise must last ten seconds, to be cut for three splits; {short[0]} is shorter.")
    found = []
    for i in range(count):
        path, (first, end) = files[i % len(files)]
        start = first + _hash(f"{split}/{path.stem}/{i}") % (end - first - RATE + 1)
        found.append(Utterance(f"silence/{path.stem}_{i:04d}", "silence", "", NoiseRecording(str(path), start)))
    return found


def _stretch(length: int, split: str) -> tuple[int, int]:
    """First sample and end of a split's part of a noise file of `length` samples."""
    first, end = STRETCHES[split]
    return round(first * length), round(end * length)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def _noise_files(root: Path) -> list[Path]:
    files = sorted(path for path in (root / NOISE).glob("*.wav") if not path.name.startswith("."))
    if not files:
        raise DataError(f"Speech Commands has the background noises in {NOISE}; {root} has none: unpack it again.")
    return files


# --- whole or not


def _splits(root: Path) -> dict[str, list[str]]:
    """Split -> sorted names such as yes/0a7c2a8d_nohash_0.wav. Raises DataError where the set is not whole."""
    there = set()
    for word in WORDS:  # names only: 105,829 files are not opened
        files = os.listdir(root / word) if (root / word).is_dir() else []
        names = {f"{word}/{file}" for file in files if file.endswith(".wav") and not file.startswith(".")}
        if not names:
            raise DataError(f"Each of the 35 words has recordings; {root / word} has none: unpack {ARCHIVE} again.")
        there |= names
    found = {split: _listed(root / name, there) for split, name in LISTS.items()}
    if twice := sorted(found["validation"] & found["test"]):
        raise DataError(f"No recording is both in validation and in test; {root} lists {twice[0]} in both.")
    found = {"train": there - found["validation"] - found["test"]} | found
    for split, count in COUNTS.items():
        if len(found[split]) != count:
            raise DataError(
                f"Speech Commands v0.02 has {count:,} recordings in {split}; {root} has {len(found[split]):,}: delete "
                f"that folder and unpack {ARCHIVE} again."
            )
    return {split: sorted(names) for split, names in found.items()}


def _listed(path: Path, there: set[str]) -> set[str]:
    """The names in a list of the archive's, all of which must be `there`."""
    if not path.is_file():
        raise DataError(f"Speech Commands has {' and '.join(LISTS.values())}; there is no {path}: unpack it again.")
    names = set(path.read_text(encoding="utf-8", errors="replace").split())
    if missing := sorted(names - there):
        raise DataError(
            f"Every line of a list names a recording; {len(missing)} of {len(names)} in {path} are not there, the "
            f"first is {missing[0]}: unpack {ARCHIVE} again."
        )
    return names


# --- finding


def find(source: str | os.PathLike | None = None) -> Path:
    """The folder with the two lists and a folder for each word.

    Args: source: the archive, its unpacked folder, or a folder that holds either. Without it: ZOO_DATA, the cache, the
        network. Raises: MissingFileError; DataError (not there, damaged, the wrong archive, a full disk).
    """
    if source is not None:
        place = Path(source).expanduser().absolute()
        if not place.exists():
            raise MissingFileError(
                f"The source of speech_commands must be an archive or a folder; there is no {place}."
            )
        found = _search(place)
        if found is None:
            raise DataError(
                f"The source of speech_commands must hold {ARCHIVE} or a folder with {' and '.join(LISTS.values())}; "
                f"{place} holds neither."
            )
        return found
    for place in (*data_folders(), _cache()):
        if place.is_dir() and (found := _search(place)):
            return found
    return _unpack(fetch(URL, _cache() / ARCHIVE, "speech_commands"))


def _cache() -> Path:
    return cache_folder() / "speech_commands"


def _search(place: Path) -> Path | None:
    if place.is_file():
        return _unpack(place)
    inside = (
        "",
        NAME,
        "speech_commands",
        f"speech_commands/{NAME}",
        f"SpeechCommands/{NAME}",
    )  # the last: torchaudio's
    for folder in (place / name for name in inside):
        if any((folder / name).is_file() for name in LISTS.values()):
            return folder
    for archive in (place / ARCHIVE, place / "speech_commands" / ARCHIVE):
        if archive.is_file():
            return _unpack(archive)
    return None


def _unpack(archive: Path) -> Path:
    """Check an archive and unpack it into the cache; the set appears there whole, by one rename, or not at all."""
    target = _cache() / NAME
    status = archive.stat()
    stamp = f".checked-{status.st_size}-{status.st_mtime_ns}"  # 2.4 GB need not be hashed at every start
    if (target / stamp).is_file():
        return target
    with sentences(f"{archive} could not be unpacked into {target.parent}"):
        if md5(archive) != MD5:
            if archive.parent == target.parent:
                archive.unlink()  # else the next try would find it again
            raise DataError(
                f"An archive must have its publisher's MD5; {archive} is not {ARCHIVE} whole: fetch it again."
            )
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{NAME}-", dir=target.parent))
            try:
                extract(archive, temporary)
                if not target.is_dir():  # another process may have been quicker, and may be reading
                    swap(temporary, target)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        (target / stamp).touch()
        if archive.parent == target.parent:  # fetched by `find`; the set need not lie there twice
            archive.unlink()
    return target
