"""Before neural networks: four ways to tell isolated words apart, from a guess to what was used until about 2010.

    majority   the most frequent label: what every other recognizer has to beat
    dtw        the nearest recorded example, time being stretched to fit (Sakoe & Chiba 1978)
    gmm_hmm    a hidden Markov model of each word, the likeliest wins (Rabiner 1989)
    svm        a word's sound from start to end, and boundaries between the words (Cortes & Vapnik 1995)

All but the first use the same `features`, 26 numbers every 10 ms. All are scikit-learn classifiers whose X is a list of
clips, each (samples,) float32 at RATE hertz, and y their labels:

    baseline("dtw", templates=10).fit(clips, labels).predict(more)
    cross_val_score(baseline("svm"), clips, labels, groups=speakers, cv=LeaveOneGroupOut())

The defaults were chosen on FSDD's training takes, by accuracy on a speaker who was left out.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.utils.validation import check_is_fitted

from zoo.errors import ZooError, unknown_name

RATE = 8000  # hertz of every clip: FSDD's, a telephone's
WINDOW = RATE * 25 // 1000  # samples; in 25 ms the mouth hardly moves
HOP = RATE * 10 // 1000  # samples from one frame to the next
N_FFT = 256  # points: the next power of two
N_MELS = 26  # bands, as in the HTK Book (Young et al. 2006)
N_MFCC = 13  # coefficients: the envelope of the spectrum, without the harmonics of the voice
TRIM_DB = 20.0  # dB: frames so far below the loudest, before and after the word, are no part of it


def features(clip: np.ndarray, trim: bool = True) -> np.ndarray:
    """Compute the frames of one clip: 13 MFCC (Davis & Mermelstein 1980) and their slopes (Furui 1986), (frames, 26).

    Quiet before and after the word is cut off, and the mean of the first coefficient, the level, is subtracted. The other
    means stay: in a sentence they are the microphone (Atal 1974), but in a single word they are the word as well.
    The clip is (samples,) in [-1, 1] at RATE hertz; trim=False keeps silence, and with it the time of each frame.

    >>> features(np.sin(np.arange(4000) / 3)).shape[1]  # 13 cepstra and their slopes
    26
    """
    import librosa

    clip = np.asarray(clip, "float32")
    if clip.ndim != 1 or not len(clip) or not np.isfinite(clip).all():
        raise ZooError(f"`clip` must be (samples,), finite, at least one sample. Received: shape {clip.shape}.")
    word = librosa.effects.trim(clip, top_db=TRIM_DB, frame_length=WINDOW, hop_length=HOP)[0] if trim else clip
    word = np.pad(word, (0, max(0, N_FFT - len(word))))
    frame = dict(sr=RATE, n_fft=N_FFT, win_length=WINDOW, hop_length=HOP)
    mfcc = librosa.feature.mfcc(y=word, n_mfcc=N_MFCC, n_mels=N_MELS, **frame)  # (13, frames)
    mfcc[0] -= mfcc[0].mean()
    return np.vstack([mfcc, librosa.feature.delta(mfcc, mode="nearest")]).T


class Majority(DummyClassifier):
    """The most frequent label, whatever is said; of equally frequent ones the first in the alphabet.

    >>> Majority().fit([np.ones(4000)] * 3, ["a", "b", "b"]).predict([np.ones(4000)]).tolist()
    ['b']
    """

    def __init__(self):
        super().__init__(strategy="most_frequent")


class Baseline(ClassifierMixin, BaseEstimator):
    """A classifier of clips. A subclass defines `_fit(clips, labels)` and `_predict(clip)`."""

    def fit(self, X: Sequence[np.ndarray], y: Sequence[str]) -> "Baseline":
        """Learn from clips X, each (samples,) float32 at RATE hertz, and their labels y; return self."""
        if not len(X) or len(X) != len(y):
            raise ZooError(f"`y` must be a label for each clip, at least one. Received: {len(y)} for {len(X)} clips.")
        for name, value in self.get_params().items():
            if name != "seed" and not value > 0:
                raise ZooError(f"`{name}` must be above 0. Received: {name}={value!r}.")
        self.classes_ = np.unique(y)
        self._fit(X, np.asarray(y))
        return self

    def predict(self, X: Sequence[np.ndarray]) -> np.ndarray:
        """Return the label of each clip."""
        check_is_fitted(self)
        return np.array([self._predict(clip) for clip in X], self.classes_.dtype)


class DTW(Baseline):
    """The label of the nearest example under dynamic time warping (Sakoe & Chiba 1978).

    Args:
        templates: Examples kept of each label; the time to predict grows with them.
        seed: Seed of drawing them.

    >>> low, high = np.sin(0.2 * np.arange(4000)), np.sin(2.0 * np.arange(4000))
    >>> DTW().fit([low, high], ["low", "high"]).predict([high[:3000]]).tolist()
    ['high']
    """

    def __init__(self, templates: int = 30, seed: int = 0):
        self.templates, self.seed = templates, seed

    def _fit(self, clips, labels):
        rng = np.random.default_rng(self.seed)
        kept = []
        for label in self.classes_:
            own = np.flatnonzero(labels == label)
            kept.extend(rng.choice(own, min(self.templates, len(own)), replace=False))
        frames = [features(clips[i]) for i in kept]
        # The first coefficients are tens of times larger than the last: divided by its spread, each counts alike.
        self.spread = np.concatenate(frames).std(axis=0) + 1e-6  # (26,)
        self.examples = [(self._direction(take), str(labels[i])) for take, i in zip(frames, kept, strict=True)]

    def _direction(self, frames):
        """Each frame with length 1: only the shape of the spectrum counts, not how far it is from the average one."""
        frames = frames / self.spread
        return frames / (np.linalg.norm(frames, axis=1, keepdims=True) + 1e-6)

    def _predict(self, clip):
        frames = self._direction(features(clip))
        return min(self.examples, key=lambda example: dtw_distance(frames, example[0]))[1]


def dtw_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Compute the dynamic time warping distance of a (frames, n) and b (other frames, n).

    Two takes of a word are never equally fast. A step of the warping path moves on by a frame in a, in b, or in both, and
    costs the squared distance of the frames it arrives at, twice where both move on: so each path weighs len(a) + len(b),
    by which the least sum is divided (Sakoe and Chiba's symmetric form; librosa counts the first pair once, not twice).

    >>> slow = np.repeat(np.eye(3), 2, axis=0)
    >>> float(dtw_distance(np.eye(3), slow))  # the same, at half the speed
    0.0
    """
    from librosa.sequence import dtw

    sums = dtw(a.T, b.T, weights_mul=np.array([2.0, 1.0, 1.0]), metric="sqeuclidean", backtrack=False)
    return sums[-1, -1] / (len(a) + len(b))


class GMMHMM(Baseline):
    """For each word a chain of states, each with its mixture of Gaussians; the likeliest word wins. Needs hmmlearn.

    A state is a stretch of the word, and the chain runs left to right. It is trained by segmental k-means (Juang & Rabiner
    1990): cut each take into equal stretches, fit a mixture to each, move the cuts to where the model likes them, repeat.

    Args:
        states: States of a word, about two for each sound.
        mixtures: Gaussians in a state, with diagonal covariance.
        rounds: Rounds of fitting.
        floor: Variance added to each, so that few frames make no spike.
        seed: Seed of the mixtures' first means.
    """

    def __init__(self, states: int = 6, mixtures: int = 2, rounds: int = 2, floor: float = 1.0, seed: int = 0):
        self.states, self.mixtures, self.rounds, self.floor, self.seed = states, mixtures, rounds, floor, seed

    def _fit(self, clips, labels):
        try:
            import hmmlearn  # noqa: F401
        except ImportError:
            raise ZooError('The baseline gmm_hmm needs hmmlearn: pip install "speech-zoo[baselines]".') from None
        takes = [features(clip) for clip in clips]
        self.words = {str(c): self._learn([takes[i] for i in np.flatnonzero(labels == c)]) for c in self.classes_}

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
        return max(self.words, key=lambda label: self.words[label].score(frames))


class SVM(Baseline):
    """A support vector machine (Cortes & Vapnik 1995) on the mean and spread of each fifth of the word, and its length.

    Args:
        parts: Parts of equal length, in which the frames are averaged.
        cost: Cost of an example on the wrong side of a boundary.
        gamma: Width of the RBF kernel, over the number of values: the larger, the more a boundary bends.

    >>> low, high = np.sin(0.2 * np.arange(4000)), np.sin(2.0 * np.arange(4000))
    >>> SVM().fit([low, high], ["low", "high"]).predict([high[:3900]]).tolist()
    ['high']
    """

    def __init__(self, parts: int = 5, cost: float = 5.0, gamma: float = 0.4):
        self.parts, self.cost, self.gamma = parts, cost, gamma

    def _fit(self, clips, labels):
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        pooled = np.stack([self._pool(features(clip)) for clip in clips])
        # The solver's answer does not depend on its seed, but without one it draws from NumPy's global numbers.
        svc = SVC(C=self.cost, gamma=self.gamma / pooled.shape[1], random_state=0)
        machine = make_pipeline(StandardScaler(), svc)
        self.machine = machine.fit(pooled, labels) if len(self.classes_) > 1 else None  # one side needs no boundary

    def _predict(self, clip):
        return self.machine.predict([self._pool(features(clip))])[0] if self.machine else self.classes_[0]

    def _pool(self, frames):
        cuts = np.arange(self.parts + 1) * len(frames) // self.parts
        parts = [frames[start : max(start + 1, end)] for start, end in zip(cuts, cuts[1:], strict=False)]
        pooled = [statistic(part, axis=0) for part in parts for statistic in (np.mean, np.std)]
        return np.concatenate([*pooled, [np.log(len(frames))]])  # (parts * 2 * 26 + 1,)


BASELINES = {"majority": Majority, "dtw": DTW, "gmm_hmm": GMMHMM, "svm": SVM}


def baseline(name: str, **settings: float) -> BaseEstimator:
    """Make one of BASELINES, with some settings changed.

    >>> baseline("dtw", templates=5).templates
    5
    """
    if name not in BASELINES:
        raise unknown_name("baseline", name, BASELINES)
    valid = BASELINES[name]().get_params()
    for setting in settings:
        if setting not in valid:
            raise unknown_name(f"setting of {name}", setting, valid) if valid else ZooError(f"{name} has no settings.")
    return BASELINES[name](**settings)
