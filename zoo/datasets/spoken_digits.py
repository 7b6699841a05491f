"""Spoken digits: the words zero to nine, cut out of the utterances of AN4 and speechocean762, 16 kHz.

Real digits by 156 speakers whom FSDD does not have: adults (AN4), and learners of English, many of them children
(speechocean762). Most were said in running speech ("sixty eight", "pittsburgh one five two"), so a cut begins and ends
as its neighbours left it. The splits are those of the two corpora; `test` is AN4's official test half. No speaker is
in two.

The cuts are a published list (data/manifests/spoken_digits.csv), made by forced alignment with the shipped `lstm_ctc`
and `cut_times` below, and verified by no listener.
Of 2,295 digit words 2,202 are in the list. Left out are 91 to whose letters the alignment gave a confidence below 0.3
(6 of AN4, 85 of the 411 of speechocean762) and 2 of AN4 whose cuts would be shorter than 0.15 s or longer than 1.2 s.
So the set is easier than the corpora, above all for learners' accents.
Where the truth is known (connected_digits, validation, 930 words) half of the starts are within 42 ms of it and half
of the ends within 35 ms; 6.3 % of the cuts lose more than 80 ms of a take and 0.5 % hold more than 80 ms of a
neighbour. `lstm_ctc`, with a lexicon of ten words, recognises 93 % of the cuts of AN4 and 83 % of speechocean762's.

Licences are those of an4 and speechocean762: both free for any use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.audio import load_audio
from zoo.datasets import Utterance, an4, register, speechocean762
from zoo.datasets.manifests import manifest
from zoo.decoding import Word
from zoo.errors import DataError

CORPORA = {"an4": an4, "speechocean762": speechocean762}
RATE = 16000  # Hz, at which the cuts were found
STEP = 0.01  # seconds, a frame of the level and the grid of the cuts
REACH = (0.30, 0.35)  # seconds that a cut may begin before a word's own frames, and end after them
QUIET = 40.0  # dB below the loudest frame of a cut: quieter ends are left out
MARGIN = 0.03  # seconds of them that stay
MIN_CONFIDENCE = 0.3  # of a word's letters in the alignment
SHORTEST, LONGEST = 0.15, 1.2  # seconds


@dataclass(frozen=True)
class CutRecording:
    """A piece of an audio file."""

    path: str
    start: float  # seconds
    end: float  # seconds

    def read(self, sample_rate: int) -> np.ndarray:
        """Returns (samples,) float32 in [-1, 1] at `sample_rate` Hz."""
        piece = load_audio(self.path, sample_rate)[round(self.start * sample_rate) : round(self.end * sample_rate)]
        if len(piece) < (self.seconds() - STEP) * sample_rate:
            raise DataError(f"{self.path} is shorter than {self.end:.2f} s, where one of its words ends.")
        return piece

    def seconds(self) -> float:
        """Returns the duration."""
        return self.end - self.start


@register("spoken_digits", splits=("train", "validation", "test"))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """Spoken digits: the words zero to nine, cut out of the utterances of AN4 and speechocean762, 16 kHz.

    `source` is a folder that holds both corpora.
    """
    return cut_words("spoken_digits", split, source)


def cut_words(name: str, split: str, source: str | Path | None = None) -> list[Utterance]:
    """Returns the words of one split of a published list of cuts.

    Args:
        name: Name of the list in data/manifests.
        split: Name of the split.
        source: A folder that holds both corpora.
    """
    rows = [row for row in manifest(name) if row["split"] == split]
    whole = {
        (corpus, utterance.id): utterance
        for corpus in CORPORA
        if any(row["corpus"] == corpus for row in rows)  # nothing is fetched for a split that has none of it
        for utterance in CORPORA[corpus].utterances(split, source)
    }
    return [
        Utterance(
            f"{row['corpus']}/{row['id']}/{row['word']}",
            row["text"],
            f"{row['corpus']}-{row['speaker']}",
            CutRecording(whole[row["corpus"], row["id"]].recording.path, float(row["start"]), float(row["end"])),
        )
        for row in rows
    ]


def cut_times(samples: np.ndarray, words: Sequence[Word], number: int) -> tuple[float, float]:
    """Finds where to cut a word out of an aligned utterance (for scripts/make_manifests.py).

    The spikes of CTC begin after a word has begun and end well before it ends (50 and 160 ms in the median on
    connected_digits). So a cut is extended from the word's own frames to the quietest point before its neighbour's,
    at most REACH, and then trimmed where it is quieter than QUIET. Cutting midway between the spikes instead made
    14 % of the cuts on connected_digits wrong by more than 80 ms, against 7 %.

    Args:
        samples: (samples,) at RATE, the whole utterance.
        words: The words that `decoding.align` found.
        number: Index of the word to cut.

    Returns:
        Start and end in seconds, on a grid of 10 ms, inside the utterance.
    """
    hop = round(STEP * RATE)
    frames = len(samples) // hop
    power = (
        np.mean(np.square(samples[: frames * hop], dtype="float64").reshape(frames, hop), axis=1) + 1e-12
    )  # (frames,)
    smooth = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, "valid")  # (frames,)

    def quietest(after: float, before: float) -> int:
        first = min(int(after / STEP), frames - 1)
        gap = smooth[first : max(int(np.ceil(before / STEP)), first + 1)]
        # a pause is quiet throughout: its middle, not the frame that happens to be lowest
        return first + int(np.median(np.flatnonzero(gap <= 2 * gap.min())))

    word = words[number]
    start = max(round((word.start - REACH[0]) / STEP), 0)
    end = min(round((word.end + REACH[1]) / STEP), frames)
    if number > 0:
        start = max(start, quietest(words[number - 1].end, word.start))
    if number < len(words) - 1:
        end = min(end, quietest(word.end, words[number + 1].start) + 1)
    end = max(end, start + 1)
    piece = power[start:end]
    loud = start + np.flatnonzero(piece >= piece.max() * 10 ** (-QUIET / 10))
    margin = round(MARGIN / STEP)
    start, end = max(start, int(loud[0]) - margin), min(end, int(loud[-1]) + 1 + margin)
    return round(start * STEP, 2), round(end * STEP, 2)
