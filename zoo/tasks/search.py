"""Find where a spoken word occurs in a longer recording, by a recording of the word: query by example.

No text, no list of words: it works for a name, or in a language that no model here was trained on. Two ways:

    frames     the word's frames are laid along the recording's at the best pace and from any start: dynamic time warping with
               both ends of the recording free (M. Müller, "Information retrieval for music and motion", 2007, section 4.4).
               A frame is 26 numbers of MFCC ("mfcc"), an autoencoder's code, or what a recognizer has computed before
               its last layer (T. Hazen et al., ASRU 2009, who used its probabilities).
    windows    the recording is cut into windows of about the word's length, each becomes one embedding, and the nearest
               to the word's wins (K. Levin et al., ICASSP 2015).
"""

from dataclasses import asdict, dataclass
from math import ceil

import keras
import numpy as np

from zoo import baselines
from zoo.audio import SHORTEST, Audio, load_audio
from zoo.clips import pad
from zoo.errors import AudioError, ZooError, check_whole
from zoo.tasks.base import SpeechModel
from zoo.tasks.few_shot import TRIM_DB, check_not_silent

STRETCHES = (0.8, 1.0, 1.25)  # lengths of windows, times that of the word
HOP = 0.04  # seconds from one window to the next
WINDOWS = 640  # clips that are embedded together: an hour has hundreds of thousands
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


def find(
    model: SpeechModel | str, query: Audio, recording: Audio, sample_rate: float | None = None, best: int = 5
) -> list[Match]:
    """Find the places of a recording that are most like the word in `query`.

    Args:
        model: Embedder, Recognizer, or Autoencoder with codes of frames; or "mfcc", for no model at all.
        query: Recording of the word: a path, a binary file or an array.
        recording: The longer recording.
        sample_rate: Rate of the arrays in hertz.
        best: Matches at most, best first; no two are of the same place.

    >>> import numpy as np, zoo
    >>> tone = lambda hz: np.sin(2 * np.pi * hz * np.arange(4000) / 8000) * np.hanning(4000)
    >>> recording = np.concatenate([tone(300), tone(1500), tone(700)])
    >>> match = find("mfcc", tone(1500), recording, sample_rate=8000)[0]
    >>> 0.4 < match.start < match.end < 1.1
    True
    """
    searcher = Searcher(model)
    word, samples = (load_audio(audio, searcher.rate, sample_rate=sample_rate) for audio in (query, recording))
    return searcher.find(searcher.prepare(word), samples, best)


class Searcher:
    """`find` for many words and recordings: prepare each once, and find the one in the other as often as there are pairs.

    Args:
        model: As for `find`. Words and recordings are to have its `rate` in hertz.
    """

    def __init__(self, model: SpeechModel | str):
        self.model = model
        self.by_window = hasattr(model, "embed")
        if isinstance(model, str) and model == "mfcc":
            self.rate, self.seconds = baselines.RATE, baselines.HOP / baselines.RATE
            self._compute = lambda samples: baselines.features(samples, trim=False)
            return
        if not self.by_window:
            self._compute, self.seconds = _frames_of(model)
        self.rate = model.config.sample_rate

    def prepare(self, samples: np.ndarray) -> dict:
        """Prepare a word (samples,) at `rate` for `find`; its silent ends are cut off."""
        from librosa.effects import trim

        check_not_silent(samples, "`query`")
        word = trim(samples, top_db=TRIM_DB, frame_length=512, hop_length=128)[0]
        about = {"vector": self.model.embed(word, self.rate)} if self.by_window else {"frames": self._compute(word)}
        return about | {"seconds": len(word) / self.rate}

    def listen(self, samples: np.ndarray) -> dict:
        """Prepare a recording `(samples,)` at `rate`."""
        about = {"samples": samples} if self.by_window else {"frames": self._compute(samples)}
        return about | {"seconds": len(samples) / self.rate}

    def find(self, word: dict, recording: dict | np.ndarray, best: int = 5) -> list[Match]:
        """Find a prepared word in what `listen` gave, or in samples (samples,) at `rate`: matches, best first."""
        check_whole("best", best)
        recording = recording if isinstance(recording, dict) else self.listen(recording)
        if word["seconds"] > recording["seconds"]:
            seconds = f"{recording['seconds']:.2f} s for a word of {word['seconds']:.2f} s"
            raise AudioError(f"`recording` must be longer than the word. Received: {seconds}.")
        matches = self._windows(word, recording) if self.by_window else self._warped(word, recording)
        kept: list[Match] = []
        for match in sorted(matches, key=lambda match: -match.score):
            if len(kept) < best and all(_shared(match, other) <= OVERLAP for other in kept):
                kept.append(match)
        return kept

    def _warped(self, word: dict, recording: dict) -> list[Match]:
        from librosa.sequence import dtw

        # What is constant in the recording, a voice or a microphone, is taken from both as the recording has it.
        middle, spread = recording["frames"].mean(axis=0), recording["frames"].std(axis=0) + 1e-3
        a, b = ((prepared["frames"] - middle) / spread for prepared in (word, recording))
        a, b = (frames / (np.linalg.norm(frames, axis=1, keepdims=True) + 1e-6) for frames in (a, b))
        sums, steps = dtw(C=1 - a @ b.T, subseq=True, backtrack=False, return_steps=True)
        matches, last = [], sums[-1]
        # An end whose sum is not the least of its surroundings belongs to another's match.
        for end in np.flatnonzero((last <= np.append(last[1:], np.inf)) & (last <= np.append(np.inf, last[:-1]))):
            row, column, length = len(a) - 1, int(end), 1
            while row > 0:
                back = ((1, 1), (0, 1), (1, 0))[steps[row, column]]
                row, column, length = row - back[0], column - back[1], length + 1
            score = 1 - float(last[end]) / length
            stop = min((int(end) + 1) * self.seconds, recording["seconds"])  # the last frame reaches over the end
            matches.append(Match(min(column * self.seconds, stop), stop, score))
        return matches

    def _windows(self, word: dict, recording: dict) -> list[Match]:
        samples, places = recording["samples"], []
        longest = min(len(samples), int(self.model.config.max_seconds * self.rate))
        for stretch in STRETCHES:
            length = min(max(round(stretch * word["seconds"] * self.rate), ceil(SHORTEST * self.rate)), longest)
            places += [(start, start + length) for start in range(0, len(samples) - length + 1, round(HOP * self.rate))]
        scores: list[float] = []
        for i in range(0, len(places), WINDOWS):
            clips = [samples[start:end] for start, end in places[i : i + WINDOWS]]
            scores += (self.model.embed(clips, self.rate) @ word["vector"]).tolist()
        seconds = [(start / self.rate, end / self.rate) for start, end in places]
        return [Match(*span, float(score)) for span, score in zip(seconds, scores, strict=True)]


def _frames_of(model: SpeechModel) -> tuple:
    """(A function of (samples,) that gives frames (frames, n), seconds from one frame to the next)."""
    if hasattr(model, "encode") and "code_lengths" in getattr(model, "output", ()):
        outputs = model.output["code"], model.output["code_lengths"]
    elif hasattr(model, "transcribe"):
        outputs = model.get_layer("logits").input, model.output["lengths"]
    else:
        name = getattr(model, "name", repr(model))
        raise ZooError(f'`model` must be "mfcc", or have embeddings, codes of frames or transcripts. Received: {name}.')
    network, rate = keras.Model(model.input, outputs), model.config.sample_rate

    def compute(samples: np.ndarray) -> np.ndarray:
        waveform, lengths = pad([samples], rate)
        frames, ends = network.predict_on_batch({"waveform": waveform, "lengths": lengths})
        return np.asarray(frames)[0, : int(ends[0])]

    # The first and the last frame reach over the ends, so a difference is exact where a ratio is not.
    counts = [len(compute(np.zeros(seconds * rate, "float32"))) for seconds in (12, 24)]
    return compute, 12 / (counts[1] - counts[0])


def _shared(a: Match, b: Match) -> float:
    """How much of the shorter of two matches the other one covers."""
    both = min(a.end, b.end) - max(a.start, b.start)
    return both / max(min(a.end - a.start, b.end - b.start), 1e-9)
