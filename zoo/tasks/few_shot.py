"""A classifier from a few recordings of each word, in under a second: no training, one mean for each word.

    examples (a few clips of each word) -> the model's embeddings -> one prototype for each word, their mean
    a clip -> its embedding -> the word whose prototype is nearest

Source: J. Snell, K. Swersky, R. Zemel, "Prototypical networks for few-shot learning", NeurIPS 2017
(arxiv.org/abs/1703.05175), section 2.2; the network stays as it was trained.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from zoo import decoding
from zoo.audio import Audio, clip_name, is_pair, load_audio
from zoo.clips import one_or_many
from zoo.decoding import Classification
from zoo.errors import AudioError, DataError, ZooError
from zoo.tasks.base import SpeechModel

STEPS = 8  # places in time at which the codes of a word are read, where it has a code for every frame
SILENT = 1e-4  # greatest sample below which a clip holds no sound: 80 dB below full scale
TRIM_DB = 30.0  # dB below the loudest frame at which the ends of an example are silence
SHARPNESS = 8.0  # of the probabilities: a clip as far from a prototype as prototypes are from their middle has e^-8


class FewShot:
    """A classifier of words that are known by a few examples.

    Args:
        model: Embedder, such as `word_embedding`, or an Autoencoder.
        examples: Clips by label, or pairs of a label and its clips; a clip is a path, a binary file or an array.
        sample_rate: Rate of the arrays in hertz.

    >>> import numpy as np, zoo
    >>> tone = lambda hz: np.sin(2 * np.pi * hz * np.arange(4000) / 8000) * np.hanning(4000)
    >>> words = zoo.few_shot(zoo.load("word_embedding"), {"low": [tone(300)], "high": [tone(1500)]}, sample_rate=8000)
    >>> words.classify(tone(320), sample_rate=8000).label
    'low'
    """

    def __init__(self, model: SpeechModel, examples: Mapping | Iterable[tuple], sample_rate: float | None = None):
        groups = _grouped(examples)
        self.model, self.labels = model, tuple(groups)
        self.shots = tuple(map(len, groups.values()))  # examples of each label
        embedded = vectors(model, [clip for clips in groups.values() for clip in clips], sample_rate)
        each = np.split(embedded, np.cumsum(self.shots)[:-1])
        self.prototypes = np.stack([rows.mean(axis=0) for rows in each])
        spread = np.square(self.prototypes - self.prototypes.mean(axis=0)).sum(axis=1).mean()
        self._scale = SHARPNESS / max(float(spread), 1e-9)

    @one_or_many
    def classify(self, audio, sample_rate: float | None = None) -> Classification | list[Classification]:
        """Find the label whose prototype is nearest; arguments and answers are those of `Classifier.classify`."""
        embedded = vectors(self.model, audio, sample_rate)
        distances = [np.square(self.prototypes - vector).sum(axis=1) for vector in embedded]
        return [decoding.classify(-self._scale * distance, self.labels) for distance in distances]


def _grouped(examples: Mapping | Iterable[tuple]) -> dict[str, Sequence]:
    """Label -> clips. Raises DataError."""
    try:
        pairs = [(str(label).strip(), clips) for label, clips in getattr(examples, "items", lambda: examples)()]
    except (TypeError, ValueError):
        rule = '`examples` must be {"label": [clips]} or pairs of both'
        raise DataError(f"{rule}. Received: {str(examples)[:60]!r}.") from None
    groups = dict(pairs)
    if len(groups) < max(2, len(pairs)) or not all(groups):
        names = ", ".join(label for label, _ in pairs) or "none"
        raise DataError(f"`examples` must be of at least two labels, each named and there once. Received: {names}.")
    for label, clips in groups.items():
        if isinstance(clips, str | bytes) or is_pair(clips) or not isinstance(clips, Sequence) or not clips:
            received = f"{type(clips).__name__} for {label!r}"
            raise DataError(f"`examples` must be lists of clips, none of them empty. Received: a {received}.")
    return groups


few_shot = FewShot  # what it is called as a function: zoo.few_shot(model, examples)


def vectors(model: SpeechModel, clips: Sequence[Audio], sample_rate: float | None = None) -> np.ndarray:
    """Compute one vector for each clip of a word, `(clips, n)`: its embedding, or its codes at STEPS places, side by side.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> vectors(zoo.load("word_embedding"), [bundled("seven")]).shape
    (1, 96)
    """
    if isinstance(model, str) or not (hasattr(model, "embed") or hasattr(model, "encode")):
        name = getattr(model, "name", type(model).__name__)
        raise ZooError(f"`model` must have an embedding or codes, as word_embedding and vae have. Received: {name}.")
    rate = model.config.sample_rate
    samples = [load_audio(clip, rate, sample_rate=sample_rate) for clip in clips]
    for i, loaded in enumerate(samples):
        check_not_silent(loaded, clip_name(clips, i))
    if not samples:
        return np.zeros((0, 0), "float32")
    if hasattr(model, "embed"):
        return model.embed(samples, rate)
    from librosa.effects import trim

    codes = model.encode([trim(clip, top_db=TRIM_DB, frame_length=512, hop_length=128)[0] for clip in samples], rate)
    return np.stack([code if code.ndim == 1 else resample_frames(code, STEPS).ravel() for code in codes])


def check_not_silent(samples: np.ndarray, name: str) -> None:
    """Raise AudioError, which leads with `name`, if there is only silence in `(samples,)`."""
    if np.abs(samples).max() < SILENT:
        raise AudioError(f"{name} must hold sound and is silence.")


def resample_frames(frames: np.ndarray, steps: int) -> np.ndarray:
    """Read frames (frames, n) at evenly spaced places in time, by linear interpolation: (steps, n)."""
    place = (np.arange(steps) + 0.5) / steps * len(frames) - 0.5
    return np.stack([np.interp(place, np.arange(len(frames)), column) for column in frames.T], axis=1)
