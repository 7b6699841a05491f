"""Speech Commands v0.02: 105,829 takes of 35 words by 2,618 speakers, one second or less each, 16 kHz.

Task "35" tells all words apart. Task "12" is the paper's benchmark: ten commands, `unknown` drawn from the other 25
words, and `silence`, one second of background noise; each has a tenth of the commands' total, in every split.
Validation and test are the archive's own lists, which share no speaker; train is the rest. The archive is 2.4 GB.

Departure from the paper's scripts: each noise file is divided by time (80 % train, 10 % validation, 10 % test). Draws
are by hash: the same items everywhere, in every run.

Source: P. Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", 2018,
https://arxiv.org/abs/1804.03209; http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz, CC BY 4.0.
"""

import hashlib
import math
from pathlib import Path
from typing import Literal

from zoo.audio import duration
from zoo.datasets import CutRecording, FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source
from zoo.errors import DataError

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
ARCHIVE = "speech_commands_v0.02.tar.gz"
SOURCE = Source(
    name="speech_commands",
    url=f"http://download.tensorflow.org/data/{ARCHIVE}",
    archives=(ARCHIVE, f"speech_commands/{ARCHIVE}"),
    markers=tuple(LISTS.values()),
    known_hash="md5:6b74f3901214cb2c2934e98196829835",
)
COUNTS = {"train": 84_843, "validation": 9_981, "test": 11_005}  # recordings of words, in the whole set
NOISE = "_background_noise_"  # folder of long recordings, not a class
RATE = 16000  # Hz, the recordings' own

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
OTHERS = tuple(
    "zero one two three four five six seven eight nine bed bird cat dog happy house marvin sheila tree wow "
    "backward follow forward learn visual".split()
)
WORDS = (*COMMANDS, *OTHERS)
NOISE_SHARES = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}  # of each noise file


@register("speech_commands", splits=tuple(COUNTS), task="35: all words; 12: ten commands, unknown and silence (35)")
def utterances(split: str, source: str | Path | None = None, task: Literal["35", "12"] = "35") -> list[Utterance]:
    """Speech Commands v0.02: 105,829 takes of 35 words by 2,618 speakers, one second or less each, 16 kHz.

    Sorted by identifier, such as yes/0a7c2a8d_nohash_0; silences come last.
    """
    root = find(SOURCE, source)
    names = _splits(root)[split]
    texts = {name: name.split("/")[0] for name in names}
    silences = []
    if task == "12":
        commands = [name for name in names if texts[name] in COMMANDS]
        count = math.ceil(len(commands) / len(COMMANDS))  # of unknown and of silence: the mean of the ten, 408 in test
        others = sorted(set(names) - set(commands), key=_hash)[:count]
        texts = {name: texts[name] for name in commands} | dict.fromkeys(others, "unknown")
        silences = _silences(root, split, count)
    found = []
    for name in sorted(texts):
        speaker = name.split("/")[1].split("_nohash_")[0]
        found.append(Utterance(name.removesuffix(".wav"), texts[name], speaker, FileRecording(str(root / name))))
    return found + silences


def _silences(root: Path, split: str, count: int) -> list[Utterance]:
    """Returns `count` seconds of the split's part of each noise file in turn."""
    files = []
    for path in sorted((root / NOISE).glob("[!.]*.wav")):
        first, end = (round(share * round(duration(path) * RATE)) for share in NOISE_SHARES[split])
        if end - first < RATE:
            raise DataError(f"{path} is shorter than the ten seconds that three splits need.")
        files.append((path, first, end))
    if not files:
        raise DataError(f"{root} has no background noises in {NOISE}. Unpack {ARCHIVE} again.")
    found = []
    for i in range(count):
        path, first, end = files[i % len(files)]
        start = first + _hash(f"{split}/{path.stem}/{i}") % (end - first - RATE + 1)
        second = CutRecording(str(path), start / RATE, start / RATE + 1)
        found.append(Utterance(f"silence/{path.stem}_{i:04d}", "silence", "", second))
    return found


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def _splits(root: Path) -> dict[str, list[str]]:
    """Returns split -> sorted names such as yes/0a7c2a8d_nohash_0.wav, if the set is whole."""
    there = {f"{word}/{path.name}" for word in WORDS for path in (root / word).glob("[!.]*.wav")}
    found = {split: _listed(root / name) for split, name in LISTS.items()}
    found["train"] = there - found["validation"] - found["test"]
    listed = found["validation"] | found["test"]
    counts = {split: len(found[split]) for split in COUNTS}
    if counts != COUNTS or not listed <= there or found["validation"] & found["test"]:
        absent = sorted(listed - there)
        found = f"{counts} recordings and should have {COUNTS}" + (f", {absent[0]} is missing" if absent else "")
        raise DataError(f"{root} is not the whole of {SOURCE.name}: it has {found}. Unpack {ARCHIVE} again.")
    return {split: sorted(names) for split, names in found.items()}


def _listed(path: Path) -> set[str]:
    """Returns the names in one of the archive's lists; none where it is missing."""
    return set(path.read_text(encoding="utf-8", errors="replace").split()) if path.is_file() else set()
