"""What stands in for recordings that are not at hand: the bundled synthetic digits, under the names of the other sets.

Six of the bundled voices take the parts of FSDD's six speakers. A voice has one or two recordings of a digit; the fifty
takes are variations of them in speed, level, timbre and noise. So a lesson runs offline; its figures are not FSDD's.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo.audio import load_audio, resample
from zoo.datasets import Utterance, bundled_digits, connected_digits, fsdd
from zoo.datasets.archives import find
from zoo.datasets.manifests import manifest

VOICES = dict(
    zip(fsdd.SPEAKERS, ("bm_george", "am_michael", "am_echo", "bm_fable", "am_fenrir", "bf_emma"), strict=True)
)
TRIM = -35.0  # dB below the loudest 10 ms: FSDD's takes have no silence at their ends either
SPEED = (0.85, 1.18)
GAIN = (-6.0, 6.0)  # dB
NOISE = (-50.0, -30.0)  # dB relative to the clip
WORD_SECONDS, READINGS = 0.7, 4  # of each voice, where voices are compared
TILT = (-0.2, 0.2)  # of a filter of first order: another microphone


@dataclass(frozen=True)
class VariedRecording:
    """A take: a recording without its quiet ends, varied unless it is the first one."""

    path: str
    take: int

    def read(self, sample_rate: int) -> np.ndarray:
        samples = _word(self.path, sample_rate)
        if not self.take:
            return samples.copy()
        rng = np.random.default_rng(zlib.crc32(f"{Path(self.path).stem}/{self.take}".encode()))
        samples = resample(samples, sample_rate * rng.uniform(*SPEED), sample_rate)
        samples = samples + rng.uniform(*TILT) * np.append(0, samples[:-1])
        level = np.sqrt(np.mean(np.square(samples))) * 10 ** (rng.uniform(*NOISE) / 20)
        noise = np.random.default_rng(self.take).standard_normal(len(samples))
        samples = (samples + level * noise) * 10 ** (rng.uniform(*GAIN) / 20)
        return (samples / max(1.0, float(np.abs(samples).max()))).astype("float32")


@lru_cache(maxsize=256)
def _word(path: str, sample_rate: int) -> np.ndarray:
    return connected_digits.without_quiet_ends(load_audio(path, sample_rate), sample_rate, TRIM)


def _take_of(speaker: str) -> Callable[[str, str], VariedRecording]:
    """Returns the function (digit, take) -> recording of one of FSDD's speakers."""
    root, voice = find(bundled_digits.SOURCE, bundled_digits.archive()), VOICES[speaker]
    paths: dict[str, list[str]] = {}
    for row in manifest("bundled_digits"):
        if row["speaker"] == voice:
            paths.setdefault(row["id"][0], []).append(str(root / row["path"]))

    def take_of(digit: str, take: str) -> VariedRecording:
        turn, which = divmod(int(take), len(paths[digit]))
        return VariedRecording(paths[digit][which], turn)

    return take_of


def _fsdd(split: str) -> list[Utterance]:
    takes = {speaker: _take_of(speaker) for speaker in fsdd.SPEAKERS}
    return [
        Utterance(row["id"], row["text"], row["speaker"], takes[row["speaker"]](row["id"][0], row["take"]))
        for row in fsdd.rows(split)
    ]


def _connected_digits(split: str, count: int = 2000, seed: int = 0) -> list[Utterance]:
    takes = {speaker: _take_of(speaker) for speaker in fsdd.SPEAKERS}
    return [
        connected_digits.joined(row, row["speaker"], takes[row["speaker"]])
        for row in connected_digits.rows(split, count, seed)
    ]


def _an4(split: str) -> list[Utterance]:
    parts = ("train", "validation") if split == "train_all" else (split,)
    return [utterance for part in parts for utterance in bundled_digits.utterances(part)]


def _librispeech_speakers(split: str, seconds: float = 3.0) -> list[Utterance]:
    """Four readings of digits by each voice, in pieces of about `seconds`."""
    root, paths = find(bundled_digits.SOURCE, bundled_digits.archive()), {}
    for row in manifest("bundled_digits"):
        if (row["split"] == "train") == (split == "train"):
            paths.setdefault(row["speaker"], []).append(str(root / row["path"]))
    words, found = max(1, round(seconds / WORD_SECONDS)), []
    for voice, reading in ((voice, reading) for voice in sorted(paths) for reading in range(READINGS)):
        takes = [VariedRecording(path, reading) for path in paths[voice]]
        for i in range(len(takes) // words):
            gaps, part = (50.0, *[100.0] * (words - 1), 50.0), tuple(takes[i * words : (i + 1) * words])
            piece = connected_digits.JoinedRecording(f"{voice}/{reading}/{i}", part, gaps, (0.0,) * words)
            found.append(Utterance(piece.id, "", voice, piece))
    return found


SETS = {
    "fsdd": _fsdd,
    "connected_digits": _connected_digits,
    "an4": _an4,
    "librispeech_speakers": _librispeech_speakers,
}


def load(name: str, split: str, **options: int) -> list[Utterance]:
    """Loads the stand-in for one of SETS; splits and options are those of the real set.

    >>> {clip.speaker for clip in load("fsdd", "loso-theo-test")}
    {'theo'}
    """
    return SETS[name](split, **options)
