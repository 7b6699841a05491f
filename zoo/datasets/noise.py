"""ESC-10: 400 five-second environmental sounds in ten classes, for noise augmentation (no speech but baby cries).

Split by ESC's own folds, the first number of a file's name: folds 1-4 are train, 5 is test, so that no source
recording is in both. Any re-encoding is accepted (the manifest fixes the identifiers, not the bytes).

Source: K. J. Piczak, "ESC: dataset for environmental sound classification", ACM Multimedia 2015;
https://github.com/karolpiczak/ESC-10, CC BY 3.0 (credits of each clip inside).
"""

import re
from pathlib import Path

import numpy as np

from zoo.datasets.archives import Source, find, manifest
from zoo.errors import DataError, unknown_name

COMMIT = "553c8f1"
RATE = 16000  # Hz
SOURCE = Source(
    name="noise",
    url=f"https://github.com/karolpiczak/ESC-10/archive/{COMMIT}.zip",
    archives=("esc10-noise-opus.zip", "ESC-10-*.zip", "ESC-10.zip", "esc10.zip"),
    markers=("dog_bark", "001 - Dog bark"),
    check_sums=False,
)
FOLDS = {"train": {"1", "2", "3", "4"}, "test": {"5"}}


def load_noise_by_class(split: str = "train", source=None) -> dict[str, list[np.ndarray]]:
    """Class name (such as dog_bark) -> recordings, each (samples,) float32 at 16 kHz.

    Raises:
        UnknownNameError: no such split. DataError: a recording of the manifest is missing.
    """
    if split not in FOLDS:
        raise unknown_name("split of noise", split, FOLDS)
    root = find(SOURCE, source)
    files = {path.stem: path for path in sorted(root.glob("*/*")) if path.suffix in (".opus", ".ogg", ".wav", ".flac")}
    classes: dict[str, list[np.ndarray]] = {}
    for row in manifest("noise"):
        if row["fold"] not in FOLDS[split]:
            continue
        path = files.get(row["id"])
        if path is None or class_name(path.parent.name) != row["class"]:
            raise DataError(f"The folder {root} is not the whole of ESC-10: {row['class']}/{row['id']} is missing.")
        classes.setdefault(row["class"], []).append(_read(path))
    return classes


def _read(path: Path) -> np.ndarray:
    """A recording, or the part of it that can be read (noise may be any length).

    libsndfile 1.2.2 calls the last page of some Opus files malformed that other decoders read (48 of the 400 of the
    re-encoded copy); the three to five seconds before it are good.
    """
    import soundfile

    from zoo.datasets._sound import load_audio
    from zoo.errors import AudioError

    try:
        return load_audio(path, RATE)
    except (AudioError, soundfile.LibsndfileError):
        pieces = []
        with soundfile.SoundFile(path) as file:
            try:
                while len(piece := file.read(file.samplerate // 100, dtype="float32", always_2d=True)):
                    pieces.append(piece.mean(axis=1))
            except soundfile.LibsndfileError:
                pass
            rate = file.samplerate
        if sum(map(len, pieces)) < rate:
            raise
        return load_audio(np.concatenate(pieces), RATE, sample_rate=rate)


def class_name(folder: str) -> str:
    """`001 - Dog bark` and `dog_bark` are both dog_bark."""
    return re.sub(r"^\d+ - ", "", folder).lower().replace(" ", "_")


def load_noise(split: str = "train", source=None) -> list[np.ndarray]:
    """All recordings of a split, each (samples,) float32 at 16 kHz."""
    return [clip for clips in load_noise_by_class(split, source).values() for clip in clips]
