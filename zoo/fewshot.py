"""A classifier from a few recordings of each word, in under a second: no training, one mean for each word.

    examples (a few clips of each word) -> the model's embeddings -> one prototype for each word, their mean
    a clip -> its embedding -> the word whose prototype is nearest

Source: J. Snell, K. Swersky, R. Zemel, "Prototypical networks for few-shot learning", NeurIPS 2017
(arxiv.org/abs/1703.05175), section 2.2; the network stays as it was trained.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from zoo.audio import load_audio, shown
from zoo.decoding import Classification, log_softmax
from zoo.errors import AudioError, DataError, ZooError

STEPS = 8  # places in time at which the codes of a word are read, where it has a code for every frame
SILENT = 1e-4  # greatest sample below which a clip holds no sound: 80 dB below full scale
TRIM_DB = 30.0  # dB below the loudest frame at which the ends of an example are silence
SHARPNESS = 8.0  # of the probabilities: a clip as far from a prototype as prototypes are from their middle has e^-8


class FewShot:
    """Words known by a few examples. `classify` is what it does; `labels` and `prototypes` (labels, n) are what it knows.

    Args:
        model: a SpeechModel with an embedding (`word_embedding`), or one with codes (the autoencoders).
        examples: label -> clips, each a path, a binary file or an array; or pairs of a label and its clips.
        sample_rate: hertz of the arrays.
    Raises: DataError for fewer than two labels, a label twice or without clips; AudioError for clips that are no audio or
        hold silence; ZooError where the model has neither embedding nor codes.

    >>> import numpy as np, zoo
    >>> tone = lambda hz: np.sin(2 * np.pi * hz * np.arange(4000) / 8000) * np.hanning(4000)
    >>> words = zoo.few_shot(zoo.load("word_embedding"), {"low": [tone(300)], "high": [tone(1500)]}, sample_rate=8000)
    >>> words.classify(tone(320), sample_rate=8000).label
    'low'
    """

    def __init__(self, model, examples: Mapping | Iterable[tuple], sample_rate: int | None = None):
        _check_model(model)
        try:
            pairs = [
                (label, clips) for label, clips in (examples.items() if isinstance(examples, Mapping) else examples)
            ]
        except (TypeError, ValueError):
            raise DataError(
                f'Examples are {{"label": [clips]}} or pairs of both; received {str(examples)[:60]!r}.'
            ) from None
        self.labels = tuple(str(label).strip() for label, _ in pairs)
        if len(set(self.labels)) < len(self.labels):
            twice = next(label for label in self.labels if self.labels.count(label) > 1)
            raise DataError(f"Each label has its examples in one place; {twice!r} is there twice.")
        if len(self.labels) < 2 or not all(self.labels):
            raise DataError(
                f"Examples are of at least two labels, each with a name; received {', '.join(self.labels) or 'none'}."
            )
        clips = []
        for label, given in zip(self.labels, (clips for _, clips in pairs), strict=True):
            if isinstance(given, str) or not isinstance(given, Sequence):
                raise DataError(f"The examples of {label!r} are a list of clips; received a {type(given).__name__}.")
            if not given:
                raise DataError(f"Each label needs at least one example; {label!r} has none.")
            clips.append(given)
        self.model = model
        self.shots = tuple(map(len, clips))
        found = vectors(model, [clip for group in clips for clip in group], sample_rate)
        groups = np.split(found, np.cumsum(self.shots)[:-1])
        self.prototypes = np.stack([group.mean(axis=0) for group in groups])  # (labels, n)
        spread = np.square(self.prototypes - self.prototypes.mean(axis=0)).sum(axis=1).mean()
        self._scale = SHARPNESS / max(float(spread), 1e-9)

    def classify(self, audio, sample_rate: int | None = None):
        """Which of the labels a clip is nearest to: a Classification, or a list. Raises AudioError."""
        if not isinstance(audio, list | tuple):
            return self.classify([audio], sample_rate)[0]
        return [self._nearest(vector) for vector in vectors(self.model, audio, sample_rate)]

    def _nearest(self, vector: np.ndarray) -> Classification:
        distance = np.square(self.prototypes - vector).sum(axis=1)
        probabilities = np.exp(log_softmax(-self._scale * distance[None]))[0]
        best = int(distance.argmin())
        named = {label: float(p) for label, p in zip(self.labels, probabilities, strict=True)}
        return Classification(self.labels[best], named, named[self.labels[best]])


def few_shot(model, examples, sample_rate: int | None = None) -> FewShot:
    """A classifier from a few examples of each word; see `FewShot`, whose arguments these are.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> words = few_shot(zoo.load("word_embedding"), {"seven": [bundled("seven")], "five": [bundled("woman-scotland")]})
    >>> words.classify(bundled("seven")).label
    'seven'
    """
    return FewShot(model, examples, sample_rate)


def vectors(model, clips: Sequence, sample_rate: int | None = None) -> np.ndarray:
    """One vector for each clip of a word, (clips, n): its embedding, or its codes at STEPS places in time, one after the
    other.

    Raises: AudioError for what is not audio or holds silence; ZooError where the model has neither.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> vectors(zoo.load("word_embedding"), [bundled("seven")]).shape
    (1, 96)
    """
    _check_model(model)
    rate = model.config.sample_rate
    names = [shown(clip) if isinstance(clip, str | os.PathLike) else f"clip {i}" for i, clip in enumerate(clips, 1)]
    heard = [
        sounding(load_audio(clip, rate, sample_rate=sample_rate), name) for clip, name in zip(clips, names, strict=True)
    ]
    if not heard:
        return np.zeros((0, 0), "float32")
    if "embedding" in model.network.output:
        return model.embed(heard, rate)
    from librosa.effects import trim

    codes = model.encode([trim(clip, top_db=TRIM_DB, frame_length=512, hop_length=128)[0] for clip in heard], rate)
    return np.stack([code if code.ndim == 1 else stretched(code, STEPS).ravel() for code in codes])


def sounding(clip: np.ndarray, name: str) -> np.ndarray:
    """The clip itself, (samples,). Raises AudioError where there is only silence in it."""
    if np.abs(clip).max() < SILENT:
        raise AudioError(f"An example must hold sound; {name} is silence.")
    return clip


def stretched(frames: np.ndarray, steps: int) -> np.ndarray:
    """(frames, n) read at `steps` places that divide the time evenly, between the frames where they lie there."""
    place = np.clip((np.arange(steps) + 0.5) / steps * len(frames) - 0.5, 0, len(frames) - 1)
    below = np.floor(place).astype(int)
    above, part = np.minimum(below + 1, len(frames) - 1), (place - below)[:, None]
    return frames[below] * (1 - part) + frames[above] * part


def _check_model(model) -> None:
    output = getattr(getattr(model, "network", None), "output", {})
    if not ("embedding" in output or "code" in output):
        name = getattr(getattr(model, "architecture", None), "name", type(model).__name__)
        raise ZooError(
            f"Few examples need a model with an embedding or codes, such as word_embedding or vae; {name} has none."
        )
