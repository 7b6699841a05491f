"""Before neural networks: four ways to tell isolated words apart, from a guess to what was used until about 2010.

    majority   the most frequent label: what every other recogniser has to beat
    dtw        the nearest recorded example, time being stretched to fit (Sakoe & Chiba 1978)
    gmm_hmm    a hidden Markov model of each word, the likeliest wins (Rabiner 1989)
    svm        a word's sound from start to end, and boundaries between the words (Cortes & Vapnik 1995)

All but the first hear the same `features`, 26 numbers every 10 ms, and all have one interface:

    recogniser = baseline("dtw", templates=10).fit(clips, labels)
    recogniser.predict(clips)  # a label for each clip

The defaults were chosen on FSDD's training takes, by accuracy on a speaker who was left out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from zoo.errors import ZooError, unknown_name

RATE = 8000  # hertz of every clip: FSDD's, a telephone's
WINDOW = RATE * 25 // 1000  # samples; in 25 ms the mouth hardly moves
HOP = RATE * 10 // 1000  # samples from one frame to the next
N_FFT = 256  # points: the next power of two
N_MELS = 26  # bands, as in the HTK Book (Young et al. 2006)
N_MFCC = 13  # coefficients: the envelope of the spectrum, without the harmonics of the voice
TRIM_DB = 20.0  # dB: what is so far below the loudest frame, before and after the word, is no part of it


def features(clip: np.ndarray, trim: bool = True) -> np.ndarray:
    """The frames of one clip: 13 MFCC (Davis & Mermelstein 1980) and their slopes (Furui 1986), (frames, 26).

    Quiet before and after the word is cut off, and the mean of the first coefficient, the level, is taken away. The
    other means stay: in a sentence they are the microphone (cepstral mean normalisation, Atal 1974), but in a single
    word they are the word as well: on FSDD's training takes the recognisers here did worse without them.

    Args: clip: (samples,) in [-1, 1] at RATE hertz. trim: False keeps silence, and with it the time of each frame.
    Raises: ZooError where it is empty or not finite.

    >>> features(np.sin(np.arange(4000) / 3)).shape[1]  # 13 cepstra and their slopes
    26
    """
    import librosa

    clip = np.asarray(clip, "float32")
    if clip.ndim != 1 or not len(clip) or not np.isfinite(clip).all():
        raise ZooError(f"A clip is a row of finite samples, at least one; received an array of shape {clip.shape}.")
    word = librosa.effects.trim(clip, top_db=TRIM_DB, frame_length=WINDOW, hop_length=HOP)[0] if trim else clip
    word = np.pad(word, (0, max(0, N_FFT - len(word))))
    frame = dict(sr=RATE, n_fft=N_FFT, win_length=WINDOW, hop_length=HOP)
    mfcc = librosa.feature.mfcc(y=word, n_mfcc=N_MFCC, n_mels=N_MELS, **frame)  # (13, frames)
    mfcc[0] -= mfcc[0].mean()
    return np.vstack([mfcc, librosa.feature.delta(mfcc, mode="nearest")]).T


@dataclass
class Baseline:
    """What all have in common: `fit`, then `predict`. A subclass brings `_fit`, `_predict` and its settings."""

    name: ClassVar[str]

    def __post_init__(self):
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name != "seed" and not value > 0:
                raise ZooError(f"The setting {setting.name} of {self.name} must be above 0; received {value}.")

    def fit(self, clips: Sequence[np.ndarray], labels: Sequence[str]) -> "Baseline":
        """Learn from clips, each (samples,) float32 at RATE hertz, and their labels. Returns itself; raises ZooError."""
        if not len(clips) or len(clips) != len(labels):
            raise ZooError(
                f"Each clip needs one label, and there must be at least one of both; "
                f"received {len(clips)} clips and {len(labels)} labels."
            )
        self.labels = sorted(set(labels))
        self._fit(clips, list(labels))
        return self

    def predict(self, clips: Sequence[np.ndarray]) -> list[str]:
        """The label of each clip. Raises ZooError where nothing was learnt."""
        if not hasattr(self, "labels"):
            raise ZooError(f"The baseline {self.name} must learn before it predicts: call fit(clips, labels) first.")
        return [self._predict(clip) for clip in clips]


@dataclass
class Majority(Baseline):
    """The most frequent label, whatever is said; of equally frequent ones the first in the alphabet.

    >>> Majority().fit([np.ones(4000)] * 3, ["a", "b", "b"]).predict([np.ones(4000)])
    ['b']
    """

    name = "majority"

    def _fit(self, clips, labels):
        self.label = max(self.labels, key=Counter(labels).get)

    def _predict(self, clip):
        return self.label


@dataclass
class DTW(Baseline):
    """The label of the nearest example under dynamic time warping (Sakoe & Chiba 1978).

    >>> low, high = np.sin(0.2 * np.arange(4000)), np.sin(2.0 * np.arange(4000))
    >>> DTW().fit([low, high], ["low", "high"]).predict([high[:3000]])
    ['high']
    """

    name = "dtw"
    templates: int = 30  # examples kept of each label; the time to predict grows with them
    seed: int = 0  # of drawing them

    def _fit(self, clips, labels):
        rng = np.random.default_rng(self.seed)
        kept = []
        for label in self.labels:
            own = np.flatnonzero(np.array(labels) == label)
            kept.extend(rng.choice(own, min(self.templates, len(own)), replace=False))
        frames = [features(clips[i]) for i in kept]
        # The first coefficients are tens of times larger than the last: divided by its spread, each counts alike.
        self.spread = np.concatenate(frames).std(axis=0) + 1e-6  # (26,)
        self.examples = [(self._direction(take), labels[i]) for take, i in zip(frames, kept, strict=True)]

    def _direction(self, frames):
        """Each frame with length 1: only the shape of the spectrum counts, not how far it is from the average one."""
        frames = frames / self.spread
        return frames / (np.linalg.norm(frames, axis=1, keepdims=True) + 1e-6)

    def _predict(self, clip):
        frames = self._direction(features(clip))
        return min(self.examples, key=lambda example: dtw_distance(frames, example[0]))[1]


def dtw_distance(a: np.ndarray, b: np.ndarray) -> float:
    """How far a (frames, n) is from b (other frames, n), when both are walked through at the best pace.

    Two takes of a word are never equally fast. A step moves on by a frame in a, in b, or in both, and costs the
    squared distance of the frames it arrives at, twice where both move on: so each walk weighs len(a) + len(b), by which the
    least sum is divided. It is Sakoe and Chiba's symmetric form without a limit on the slope; librosa counts the first
    pair of frames once, not twice, so that the weight is one less.

    >>> slow = np.repeat(np.eye(3), 2, axis=0)
    >>> float(dtw_distance(np.eye(3), slow))  # the same, at half the speed
    0.0
    """
    from librosa.sequence import dtw

    sums = dtw(a.T, b.T, weights_mul=np.array([2.0, 1.0, 1.0]), metric="sqeuclidean", backtrack=False)
    return sums[-1, -1] / (len(a) + len(b))


@dataclass
class GMMHMM(Baseline):
    """For each word a chain of states, each with its mixture of Gaussians; the word likeliest to sound like this wins.

    A state is a stretch of the word, and the chain runs left to right. It is learnt by segmental k-means (Juang &
    Rabiner 1990): cut each take into equal stretches, fit a mixture to each state's frames, move the cuts to where the
    model finds the takes likeliest, and repeat. Needs hmmlearn.

    >>> GMMHMM(states=4).states
    4
    """

    name = "gmm_hmm"
    states: int = 6  # about two for each sound of a word
    mixtures: int = 2  # Gaussians in a state, with diagonal covariance
    rounds: int = 2  # of fitting
    floor: float = 1.0  # least variance, added to each: few frames must not make a spike
    seed: int = 0  # of the mixtures' first means

    def _fit(self, clips, labels):
        try:
            import hmmlearn  # noqa: F401
        except ImportError:
            raise ZooError('The baseline gmm_hmm needs hmmlearn: pip install "speech-zoo[baselines]".') from None
        takes = {label: [] for label in self.labels}
        for clip, label in zip(clips, labels, strict=True):
            takes[label].append(features(clip))
        self.words = {label: self._learn(own) for label, own in takes.items()}

    def _learn(self, takes):
        lengths = [len(take) for take in takes]
        n_states = min(self.states, max(lengths) // 2)  # so that each has two frames at least
        frames = np.concatenate(takes)
        path = np.concatenate([np.arange(length) * n_states // length for length in lengths])  # a state for each frame
        for _ in range(self.rounds):
            model = self._model([frames[path == state] for state in range(n_states)], len(takes))
            path = model.decode(frames, lengths)[1]
            if np.bincount(path, minlength=n_states).min() < 2:
                break  # a state went unused: the cuts before were the better ones
        return model

    def _model(self, stretches, n_takes):
        from hmmlearn import hmm
        from sklearn.mixture import GaussianMixture

        counts = np.array([len(stretch) for stretch in stretches])
        n_mix = min(self.mixtures, counts.min())
        gaussians = GaussianMixture(n_mix, covariance_type="diag", reg_covar=self.floor, random_state=self.seed)
        model = hmm.GMMHMM(len(counts), n_mix)
        fitted = [(fit.weights_, fit.means_, fit.covariances_) for fit in map(gaussians.fit, stretches)]
        model.weights_, model.means_, model.covars_ = map(np.stack, zip(*fitted, strict=True))
        model.startprob_ = np.eye(len(counts))[0]
        leave = np.clip(n_takes / counts, 0.05, 0.95)  # a state is left once in each take
        leave[-1] = 0
        model.transmat_ = np.diag(1 - leave) + np.diag(leave[:-1], 1)
        return model

    def _predict(self, clip):
        frames = features(clip)
        return max(self.labels, key=lambda label: self.words[label].score(frames))


@dataclass
class SVM(Baseline):
    """A support vector machine (Cortes & Vapnik 1995) on the mean and spread of each fifth of the word.

    It knows no time: to make all words equally long, they are cut into as many parts, and their length is told apart.

    >>> low, high = np.sin(0.2 * np.arange(4000)), np.sin(2.0 * np.arange(4000))
    >>> SVM().fit([low, high], ["low", "high"]).predict([high[:3900]])
    ['high']
    """

    name = "svm"
    parts: int = 5  # of equal length, in which the frames are averaged
    cost: float = 5.0  # of an example on the wrong side of a boundary
    gamma: float = 0.4  # of the RBF kernel, over the number of values: the larger, the more a boundary bends

    def _fit(self, clips, labels):
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        pooled = np.stack([self._pool(features(clip)) for clip in clips])
        # The solver's answer does not depend on its seed, but without one it draws from NumPy's global numbers.
        svc = SVC(C=self.cost, gamma=self.gamma / pooled.shape[1], random_state=0)
        machine = make_pipeline(StandardScaler(), svc)
        self.machine = machine.fit(pooled, labels) if len(self.labels) > 1 else None  # one side needs no boundary

    def _predict(self, clip):
        return str(self.machine.predict([self._pool(features(clip))])[0]) if self.machine else self.labels[0]

    def _pool(self, frames):
        cuts = np.arange(self.parts + 1) * len(frames) // self.parts
        parts = [frames[start : max(start + 1, end)] for start, end in zip(cuts, cuts[1:], strict=False)]
        pooled = [statistic(part, axis=0) for part in parts for statistic in (np.mean, np.std)]
        return np.concatenate([*pooled, [np.log(len(frames))]])  # (parts * 2 * 26 + 1,)


BASELINES = {kind.name: kind for kind in (Majority, DTW, GMMHMM, SVM)}


def baseline(name: str, **settings) -> Baseline:
    """A fresh baseline of BASELINES, its settings changed where given. Raises UnknownNameError, ZooError.

    >>> baseline("dtw", templates=5).templates
    5
    """
    if name not in BASELINES:
        raise unknown_name("baseline", name, BASELINES)
    valid = [setting.name for setting in fields(BASELINES[name])]
    for setting in settings:
        if setting not in valid:
            raise unknown_name(f"setting of {name}", setting, valid) if valid else ZooError(f"{name} has no settings.")
    return BASELINES[name](**settings)
