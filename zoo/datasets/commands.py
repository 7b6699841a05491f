"""Commands: the 12-class task of Speech Commands from small archives: ten commands, `unknown` words, and `silence`.

`test` is the publishers' own archive of it, 4,890 clips, the words by 239 speakers of v0.02. To learn from, v0.01 has 64,727 takes
of 30 words; the manifest chooses 9,882: some 550 of nine words (five of them commands), 4,686 of bed, cat and happy,
and ten of every other word, so that what few real takes and many synthetic ones are worth can be shown. Speakers of
the test are left out, a tenth of the others is `validation`, by a hash. Neither has silence: `background` is that.

`speech_commands` is the whole of v0.02, of which `test` is a part.

Source: P. Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", 2018,
https://arxiv.org/abs/1804.03209; http://download.tensorflow.org/data/speech_commands_v0.01.tar.gz, CC BY 4.0.
"""

import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from zoo.audio import duration, load_audio, resample
from zoo.audio_files import SUFFIXES
from zoo.datasets import FileRecording, Utterance, an4, noise, register, speech_commands, speechocean762
from zoo.datasets.archives import find
from zoo.datasets.connected_digits import Count, Seed
from zoo.datasets.manifests import Source, manifest, recordings
from zoo.errors import DataError, unknown_name

HOST = "http://download.tensorflow.org/data"
LEARN = Source(
    name="commands_learn",
    url=f"{HOST}/speech_commands_v0.01.tar.gz",
    archives=("speech_commands_v0.01.tar.gz", "speech_commands_v0.01_part-opus.zip"),
    markers=("happy",),
    patterns=("[a-z]*/*_nohash_*",),
)
TEST = Source(
    name="commands_test",
    url=f"{HOST}/speech_commands_test_set_v0.02.tar.gz",
    archives=("speech_commands_test_set_v0.02.tar.gz", "speech_commands_v0.02_test-opus.zip"),
    markers=("_unknown_",),
    patterns=("*/*",),
)
SILENCES = 408  # in the test
LABELS = (*speech_commands.COMMANDS, "silence", "unknown")


Task = Literal["12", "35"]


def label(word: str, task: Task = "12") -> str:
    """Returns the class of a word: itself, or "unknown" where only commands (12) or words of Speech Commands (35) count.

    >>> label("stop"), label("happy"), label("happy", "35"), label("mother", "35")
    ('stop', 'unknown', 'happy', 'unknown')
    """
    return word if word in (speech_commands.COMMANDS if task == "12" else speech_commands.WORDS) else "unknown"


@register(
    "commands",
    splits=("train", "validation", "test"),
    words="only these of the words, joined by + (all)",
    most="takes of a word at most (all of them)",
    task="12: ten commands, unknown and silence; 35: other words, too (12)",
)
def utterances(
    split: str,
    source: str | Path | None = None,
    words: str = "",
    most: Annotated[int, Field(ge=0)] = 0,
    task: Task = "12",
) -> list[Utterance]:
    """Speech Commands, 12 classes, from small archives: ten commands, other words, and silence in the test, 16 kHz."""
    part = TEST if split == "test" else LEARN
    root = find(part, source)
    files = recordings(part, root)
    chosen = words.split("+") if words else ["silence", *speech_commands.WORDS]
    for word in chosen:
        if word not in ("silence", *speech_commands.WORDS):
            raise unknown_name("word of Speech Commands", word, ("silence", *speech_commands.WORDS))
    found, taken = [], Counter()
    for row in manifest(part.name):
        folder, _, name = row["id"].partition("/")
        word = name.split("_")[0] if folder == "_unknown_" else folder
        if row.get("split", split) != split or word not in chosen:
            continue
        taken[word] += 1
        if not most or taken[word] <= most:
            speaker = name.split("_nohash_")[0].split("_")[-1]
            found.append(Utterance(row["id"], label(word, task), speaker, FileRecording(str(files[row["id"]]))))
    return found + (_silences(root) if split == "test" and "silence" in chosen else [])


def _silences(root: Path) -> list[Utterance]:
    """Returns the seconds of background noise of the test; their names tell nothing."""
    paths = sorted(path for path in (root / "_silence_").glob("[!.]*") if path.suffix.lower() in SUFFIXES)
    if len(paths) != SILENCES:
        raise DataError(f"{root} must have {SILENCES} clips in _silence_. Received: {len(paths)}. Unpack it again.")
    return [Utterance(f"silence/{i:04d}", "silence", "", FileRecording(str(path))) for i, path in enumerate(paths)]


@dataclass(frozen=True)
class Second:
    """A second of a recording from `start` on, which goes round where it ends too soon."""

    path: str
    start: float  # seconds

    def read(self, sample_rate: int) -> np.ndarray:
        samples = load_audio(self.path, sample_rate)
        return np.resize(np.roll(samples, -round(self.start * sample_rate)), sample_rate)


@dataclass(frozen=True)
class Hiss:
    """A second of noise whose amplitude falls with frequency to the power of `slope`: 0 is white, 0.5 pink, 1 brown."""

    seed: int
    slope: float
    level_db: float  # of its peak, below full scale

    def read(self, sample_rate: int) -> np.ndarray:
        spectrum = np.fft.rfft(np.random.default_rng(self.seed).standard_normal(noise.RATE))
        samples = np.fft.irfft(spectrum * np.maximum(1, np.arange(len(spectrum))) ** -self.slope)
        samples *= 10 ** (self.level_db / 20) / np.abs(samples).max()
        return resample(samples.astype("float32"), noise.RATE, sample_rate)


@dataclass(frozen=True)
class Tones:
    """A second of hum, beeps or chords: notes with overtones, held or plucked, a new chord on each beat."""

    seed: int
    level_db: float  # of its peak, below full scale

    def read(self, sample_rate: int) -> np.ndarray:
        rng, time = np.random.default_rng(self.seed), np.arange(noise.RATE) / noise.RATE
        beat, overtones = rng.choice((0.15, 0.25, 0.5, 1.0)), int(rng.integers(1, 12))
        decay, roots = rng.choice((0.0, 3.0, 10.0)), np.exp(rng.uniform(np.log(45), np.log(1500), 8))  # Hz
        samples = np.zeros(noise.RATE)
        for root, start in zip(roots, np.arange(0, 1, beat), strict=False):
            held = (time >= start) & (time < start + beat)
            shape = held * np.exp(-decay * np.maximum(time - start, 0))
            for step in ((0,), (0, 7), (0, 4, 7), (0, 3, 7, 12))[rng.integers(4)]:
                note = root * 2 ** (step / 12) * np.arange(1, overtones + 1)
                note = note[note < noise.RATE / 2, None]
                samples += shape * (np.sin(2 * np.pi * note * time) / (note / root)).sum(axis=0)
        samples *= 10 ** (self.level_db / 20) / max(np.abs(samples).max(), 1e-9)
        return resample(samples.astype("float32"), noise.RATE, sample_rate)


@register(
    "background",
    splits=("train", "test"),
    count="number of clips (1000)",
    seed="of the cuts (0)",
    tones="share of hum, beeps and chords (0)",
)
def background(
    split: str,
    source: str | Path | None = None,
    count: Count = 1000,
    seed: Seed = 0,
    tones: Annotated[float, Field(ge=0, le=1)] = 0.0,
) -> list[Utterance]:
    """Background: seconds without speech, whose text is "silence": sounds of ESC-10, and hiss of every colour, 16 kHz."""
    files = recordings(noise.SOURCE, find(noise.SOURCE, source))
    folds = noise.FOLDS[split]
    paths = [str(files[row["id"]]) for row in manifest("noise") if row["fold"] in folds]
    rng, found = np.random.default_rng((seed, split == "test")), []
    for i in range(count):
        start, slope, level = rng.uniform(0, 3.9), rng.uniform(0, 1), rng.uniform(-50, -1)
        cut = Second(paths[rng.integers(len(paths))], round(start, 2))
        sound = Hiss(int(rng.integers(2**31)), slope, level) if i % 2 else cut
        if (i * 0.618) % 1 < tones:  # evenly among the others
            sound = Tones(zlib.crc32(f"{split}-{seed}-{i}".encode()), level)
        found.append(Utterance(f"{split}-{seed}-{i:05d}", "silence", "", sound))
    return found


@register(
    "running_speech",
    splits=("train", "validation"),
    count="number of clips (2000)",
    seed="of the cuts (0)",
)
def running_speech(
    split: str, source: str | Path | None = None, count: Count = 2000, seed: Seed = 0
) -> list[Utterance]:
    """Running speech: seconds cut at random from sentences without a command, whose text is "unknown", 16 kHz.

    In a stream, a spotter mostly sees pieces of words. The sentences are those of AN4 and of the learners of speechocean762.
    """
    whole = [*an4.utterances(split, source), *speechocean762.utterances(split, source)]
    whole = [one for one in whole if not {*one.text.split()} & {*speech_commands.COMMANDS}]
    rng, found = np.random.default_rng((seed, split == "train")), []
    for i in range(count):
        one = whole[rng.integers(len(whole))]
        start = round(rng.uniform(0, max(0.0, duration(one.recording.path) - 1)), 2)
        found.append(Utterance(f"{split}-{seed}-{i:05d}", "unknown", one.speaker, Second(one.recording.path, start)))
    return found
