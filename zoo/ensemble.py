"""Several small classifiers that answer together: the mean of their probabilities.

    zoo.load("attention+ds_cnn+lstm").classify("clip.wav")

Models that err on different clips correct each other; three of one kind, trained on the same data, err together and
gain little. So the parts should differ: a network that looks at a picture, one that reads frames, one that weighs them.

Source: L. K. Hansen, P. Salamon, "Neural network ensembles", IEEE PAMI 12, 1990 (doi.org/10.1109/34.58871).
"""

import io
from collections.abc import Sequence

import numpy as np

from zoo.audio import contents
from zoo.decoding import Classification
from zoo.errors import ZooError


class EnsembleError(ZooError, AttributeError):
    """What one model can do and several cannot; an AttributeError too, so that `hasattr` works."""


class Ensemble:
    """Classifiers with one list of labels, as one. It has what a classifier is asked for: classify, labels, config.

    Args: models: two or more SpeechModels for classification.
    Raises: ZooError where they are fewer, do something else, or tell other classes apart.

    >>> import zoo
    >>> zoo.load("ds_cnn+conv2d_mini").name
    'ds_cnn+conv2d_mini'
    """

    def __init__(self, models: Sequence):
        self.models = tuple(models)
        for model in self.models:
            if not hasattr(model, "architecture"):
                raise ZooError(f"An ensemble is of classifiers; {type(model).__name__} is none.")
        self.name = "+".join(model.architecture.name for model in self.models)
        if len(set(map(id, self.models))) < max(2, len(self.models)):
            raise ZooError(f"An ensemble has at least two models, each once; received {self.name or 'none'}.")
        for model in self.models:
            if model.architecture.task != "classification":
                raise ZooError(
                    f"An ensemble is of classifiers; {model.architecture.name} does {model.architecture.task}."
                )
            if model.labels.class_names != self.models[0].labels.class_names:
                raise ZooError(
                    f"The models of an ensemble tell the same classes apart; {model.architecture.name} has others than "
                    f"{self.models[0].architecture.name}."
                )
        self.architecture, self.labels = self.models[0].architecture, self.models[0].labels
        self.config = self.models[0].config  # of the first; each part resamples for itself

    def classify(self, audio, sample_rate: int | None = None, batch_size: int = 64):
        """As `SpeechModel.classify`, by the mean of the parts' probabilities."""
        if not isinstance(audio, list | tuple):
            return self.classify([audio], sample_rate, batch_size)[0]
        # A file object can be read once, so each part is given one of its own.
        held = [contents(clip) if hasattr(clip, "read") else None for clip in audio]
        opinions = [
            model.classify(
                [_file(*h) if h else clip for clip, h in zip(audio, held, strict=True)], sample_rate, batch_size
            )
            for model in self.models
        ]
        return [_mean(found) for found in zip(*opinions, strict=True)]

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise EnsembleError(f"An ensemble can classify; for {name} take one of its models, such as .models[0].")

    def count_params(self) -> int:
        """Weights of all parts together."""
        return sum(model.count_params() for model in self.models)


def _file(data: bytes, name: str) -> io.BytesIO:
    """A file object of that name."""
    file = io.BytesIO(data)
    file.name = name
    return file


def _mean(found: Sequence[Classification]) -> Classification:
    probabilities = {
        label: float(np.mean([one.probabilities[label] for one in found])) for label in found[0].probabilities
    }
    best = max(probabilities, key=probabilities.get)
    return Classification(best, probabilities, probabilities[best])
