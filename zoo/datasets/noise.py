"""ESC-10: 400 five-second environmental sounds in ten classes, for noise augmentation (no speech but baby cries).

Split by ESC's own folds, the first number of a file's name: folds 1-4 are train, 5 is test. Any re-encoding is
accepted (the manifest fixes the identifiers, not the bytes). A damaged clip is used as far as it can be decoded.

Source: K. J. Piczak, "ESC: dataset for environmental sound classification", ACM Multimedia 2015;
https://github.com/karolpiczak/ESC-10, CC BY 3.0 (credits of each clip inside).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.audio import load_audio
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source, manifest, recordings
from zoo.errors import AudioError, DataError, unknown_name

COMMIT = "553c8f1"
RATE = 16000  # Hz
SOURCE = Source(
    name="noise",
    url=f"https://github.com/karolpiczak/ESC-10/archive/{COMMIT}.zip",
    archives=("esc10-noise-opus.zip", "ESC-10-*.zip", "ESC-10.zip", "esc10.zip"),
    markers=("dog_bark", "001 - Dog bark"),
    patterns=("*/*-*-?.*",),
)
FOLDS = {"train": {"1", "2", "3", "4"}, "test": {"5"}}


def load_noise_by_class(split: str = "train", source: str | Path | None = None) -> dict[str, list[np.ndarray]]:
    """Loads the recordings of a split, "train" or "test", by class, each (samples,) float32 at 16 kHz.

    >>> rain = load_noise_by_class("test")["rain"]  # doctest: +SKIP
    """
    if split not in FOLDS:
        raise unknown_name("split of noise", split, FOLDS)
    files = recordings(SOURCE, find(SOURCE, source))
    classes, unreadable = {}, []
    rows = [row for row in manifest("noise") if row["fold"] in FOLDS[split]]
    for row in rows:
        try:
            classes.setdefault(row["class"], []).append(load_audio(files[row["id"]], RATE))
        except AudioError as error:
            unreadable.append(error)
    if 2 * len(unreadable) > len(rows):
        raise DataError(f"{len(unreadable)} of {len(rows)} recordings of ESC-10 cannot be read: {unreadable[0]}")
    return classes


def load_noise(split: str = "train", source: str | Path | None = None) -> list[np.ndarray]:
    """Loads all recordings of a split, as `load_noise_by_class` does.

    >>> noises = load_noise("train")  # doctest: +SKIP
    """
    return [clip for clips in load_noise_by_class(split, source).values() for clip in clips]


def excerpt(noise: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Cuts `length` samples from a random place of a recording (samples,), which is repeated where it is too short.

    >>> excerpt(np.arange(5), 7, np.random.default_rng(0)).tolist()
    [4, 0, 1, 2, 3, 4, 0]
    """
    return np.resize(np.roll(noise, -rng.integers(len(noise))), length)


def random_noise(noises: Sequence[np.ndarray], length: int, rng: np.random.Generator) -> np.ndarray:
    """Returns `length` samples of a random one of the recordings; white noise where there are none."""
    if not len(noises):
        return rng.standard_normal(length, dtype="float32")
    return excerpt(noises[rng.integers(len(noises))], length, rng)


def add_noise(samples: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Adds noise (samples,) at a signal-to-noise ratio in dB, that of the mean powers over the whole clip.

    >>> tone, noise = np.sin(np.arange(8000) / 5), np.random.default_rng(0).normal(size=8000)
    >>> added = add_noise(tone, noise, snr_db=10) - tone
    >>> round(10 * np.log10(np.mean(tone**2) / np.mean(added**2)))
    10
    """
    speech_power, noise_power = np.mean(np.square(samples)), np.mean(np.square(noise))
    if noise_power <= 1e-12 or speech_power <= 1e-12:
        return samples
    return samples + noise * np.sqrt(speech_power / noise_power / 10 ** (snr_db / 10)).astype("float32")
