"""Find where a spoken word occurs in a longer recording, by a recording of the word: query by example.

No text, no list of words: it works for a name, or in a language that no model here was trained on. Two ways:

    frames     the word's frames are laid along the recording's at the best pace and from any start: dynamic time warping with
               both ends of the recording free (M. Müller, "Information retrieval for music and motion", 2007, section 4.4).
               A frame is 26 numbers of MFCC ("mfcc"), an autoencoder's code, or what an acoustic model has computed
               before its last layer (T. Hazen et al., ASRU 2009, who used its probabilities).
    windows    the recording is cut into windows of about the word's length, each becomes one embedding, and the nearest
               to the word's wins (K. Levin et al., ICASSP 2015).
"""

from dataclasses import asdict, dataclass
from math import ceil
from numbers import Integral

import keras
import numpy as np

from zoo import baselines
from zoo.audio import SHORTEST, load_audio
from zoo.errors import AudioError, ZooError
from zoo.fewshot import TRIM_DB, sounding
from zoo.model import pad

STRETCHES = (0.8, 1.0, 1.25)  # lengths of windows, times that of the word
HOP = 0.04  # seconds from one window to the next
OVERLAP = 0.5  # of the shorter of two matches, beyond which the worse one is left out


@dataclass(frozen=True)
class Match:
    """Where a word may be, and how well it fits: 1 is the same recording, 0 no likeness."""

    start: float  # seconds
    end: float  # seconds
    score: float

    def to_dict(self) -> dict:
        """Plain values, ready for JSON."""
        return asdict(self)


def find(model, query, recording, sample_rate: int | None = None, best: int = 5) -> list[Match]:
    """The places of a recording that are most like the word in `query`, best first.

    Args:
        model: a SpeechModel with an embedding, codes or frames of logits; or "mfcc", for no model at all.
        query, recording: a path, a binary file or an array each. sample_rate: hertz of the arrays.
        best: how many matches at most; no two are of the same place.
    Raises: AudioError for what is not audio, a silent query, or a query longer than the recording; ZooError where the model
        has nothing to compare.

    >>> import numpy as np, zoo
    >>> tone = lambda hz: np.sin(2 * np.pi * hz * np.arange(4000) / 8000) * np.hanning(4000)
    >>> recording = np.concatenate([tone(300), tone(1500), tone(700)])
    >>> match = zoo.search.find("mfcc", tone(1500), recording, sample_rate=8000)[0]
    >>> 0.4 < match.start < match.end < 1.1
    True
    """
    if not isinstance(best, Integral) or best < 1:
        raise ZooError(f"Matches are counted, and at least one can be asked for; received best={best!r}.")
    if isinstance(model, str) and model != "mfcc":
        raise ZooError(f'Search is by a loaded model or by "mfcc"; received {model!r} (try zoo.load({model!r})).')
    if not (model == "mfcc" or hasattr(model, "network")):
        raise ZooError(
            f'Search is by "mfcc" or by one model that hears; {getattr(model, "name", type(model).__name__)} is none.'
        )
    rate = baselines.RATE if model == "mfcc" else model.config.sample_rate
    word, sound = (load_audio(audio, rate, sample_rate=sample_rate) for audio in (query, recording))
    searcher = Searcher(model)
    return searcher.find(searcher.prepare(word), sound, best)


class Searcher:
    """`find` for many words and recordings at `rate` hertz: `prepare` a word and `listen` to a recording once, and `find`
    the one in the other as often as there are pairs.
    """

    def __init__(self, model):
        self.model = model
        self.by_window = model != "mfcc" and "embedding" in model.network.output
        self.rate = baselines.RATE if model == "mfcc" else model.config.sample_rate
        if model == "mfcc":
            self.seconds = baselines.HOP / baselines.RATE
        elif not self.by_window:
            self._frames, self.seconds = _frame_network(model)

    def prepare(self, samples: np.ndarray) -> dict:
        """A word, (samples,) at the model's rate, its silent ends cut off. Raises AudioError where it is silence."""
        from librosa.effects import trim

        word = trim(sounding(samples, "the query"), top_db=TRIM_DB, frame_length=512, hop_length=128)[0]
        about = {"seconds": len(word) / self.rate}
        if self.by_window:
            return about | {"vector": self.model.embed(word, self.rate)}
        return about | {"frames": self._compute([word])[0]}

    def listen(self, samples: np.ndarray) -> dict:
        """A recording, (samples,) at the model's rate."""
        about = {"seconds": len(samples) / self.rate, "samples": samples}
        return about if self.by_window else about | {"frames": self._compute([samples])[0]}

    def find(self, word: dict, recording, best: int = 5) -> list[Match]:
        """See the function `find`."""
        heard = recording if isinstance(recording, dict) else self.listen(recording)
        if word["seconds"] > heard["seconds"]:
            raise AudioError(
                f"A word is searched for in a longer recording; the word lasts {word['seconds']:.2f} s and the recording "
                f"{heard['seconds']:.2f} s."
            )
        matches = self._windows(word, heard) if self.by_window else self._warped(word, heard)
        kept: list[Match] = []
        for match in sorted(matches, key=lambda match: -match.score):
            if len(kept) == best:
                break
            if all(_shared(match, other) <= OVERLAP for other in kept):
                kept.append(match)
        return kept

    def _warped(self, word: dict, heard: dict) -> list[Match]:
        from librosa.sequence import dtw

        # What is constant in the recording, a voice or a microphone, is taken from both as the recording has it.
        middle, spread = heard["frames"].mean(axis=0), heard["frames"].std(axis=0) + 1e-3
        a, b = ((frames - middle) / spread for frames in (word["frames"], heard["frames"]))
        a, b = (frames / (np.linalg.norm(frames, axis=1, keepdims=True) + 1e-6) for frames in (a, b))
        sums, steps = dtw(C=1 - a @ b.T, subseq=True, backtrack=False, return_steps=True)
        matches = []
        # Ends, best first; those whose sum is not the least of its surroundings belong to another's match.
        last = sums[-1]
        for end in np.flatnonzero((last <= np.append(last[1:], np.inf)) & (last <= np.append(np.inf, last[:-1]))):
            row, column, length = len(a) - 1, int(end), 1
            while row > 0:
                back = ((1, 1), (0, 1), (1, 0))[steps[row, column]]
                row, column, length = row - back[0], column - back[1], length + 1
            score = 1 - float(last[end]) / length
            stop = min((int(end) + 1) * self.seconds, heard["seconds"])  # the last frame reaches over the end
            matches.append(Match(min(column * self.seconds, stop), stop, score))
        return matches

    def _windows(self, word: dict, heard: dict) -> list[Match]:
        samples, places = heard["samples"], []
        longest = min(len(samples), int(self.model.config.max_seconds * self.rate))
        for stretch in STRETCHES:
            length = min(max(round(stretch * word["seconds"] * self.rate), ceil(SHORTEST * self.rate)), longest)
            for start in range(0, len(samples) - length + 1, round(HOP * self.rate)):
                places.append((start, start + length))
        cut = [samples[start:end] for start, end in places]
        scores = self.model.embed(cut, self.rate) @ word["vector"]
        return [
            Match(start / self.rate, end / self.rate, float(score))
            for (start, end), score in zip(places, scores, strict=True)
        ]

    def _compute(self, clips: list[np.ndarray]) -> list[np.ndarray]:
        """(frames, n) of each clip."""
        if self.model == "mfcc":
            return [baselines.features(clip, trim=False) for clip in clips]
        waveform, lengths = pad(clips, self.rate)
        frames, ends = self._frames.predict_on_batch({"waveform": waveform, "lengths": lengths})
        return [row[:end] for row, end in zip(np.asarray(frames), np.asarray(ends), strict=True)]


def _frame_network(model) -> tuple[keras.Model, float]:
    """(a network that gives frames and their number, seconds from one to the next)."""
    network, config = model.network, model.config
    if "code_lengths" in network.output:
        frames, ends = network.output["code"], network.output["code_lengths"]
    elif model.architecture.task == "transcription":
        frames, ends = network.get_layer("logits").input, network.output["lengths"]
    else:
        raise ZooError(
            f"Search needs a model with an embedding, codes of frames, or text; {model.architecture.name} has none of them."
        )
    made = keras.Model(network.input, [frames, ends])

    def count(seconds: int) -> int:
        samples = seconds * config.sample_rate
        inputs = {"waveform": np.zeros((1, samples), "float32"), "lengths": np.array([samples], "int32")}
        return int(np.asarray(made.predict_on_batch(inputs)[1])[0])

    # The first and the last frame reach over the ends, so a difference is exact where a ratio is not.
    return made, 12 / (count(24) - count(12))


def _shared(a: Match, b: Match) -> float:
    """How much of the shorter of two matches the other one covers."""
    both = min(a.end, b.end) - max(a.start, b.start)
    return both / max(min(a.end - a.start, b.end - b.start), 1e-9)
