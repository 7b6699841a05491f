"""Several small classifiers that answer together: the mean of their probabilities.

    zoo.load("attention+ds_cnn+lstm").classify("clip.wav")

Models that err on different clips correct each other; three of one kind, trained on the same data, err together and
gain little. So the parts should differ: a network that looks at a picture, one that reads frames, one that weighs them.

Source: L. K. Hansen, P. Salamon, "Neural network ensembles", IEEE PAMI 12, 1990 (doi.org/10.1109/34.58871).
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from zoo import decoding
from zoo.clips import one_or_many
from zoo.errors import ZooError
from zoo.tasks import doubt
from zoo.tasks.base import SpeechModel
from zoo.tasks.classifier import Classifier

FRAMES = ("n_fft", "win_length", "hop_length", "n_mels", "top_db")  # fields of a Config: how a word is cut into frames


@keras.saving.register_keras_serializable("zoo")
class Ensemble(Classifier):
    """Classifiers with the same labels as one, whose logits are the log of the mean of their probabilities.

    Args:
        models: Two or more Classifiers with the same labels at the same sample rate.
        name: Name of the Keras model.

    >>> import zoo
    >>> zoo.load("ds_cnn+conv2d_mini").display_name
    'ds_cnn+conv2d_mini'
    """

    def __init__(self, models: Sequence[Classifier], name: str = "ensemble"):
        models = tuple(models)
        _check_parts(models)
        inputs = {
            "waveform": keras.Input((None,), name="waveform"),
            "lengths": keras.Input((), dtype="int32", name="lengths"),
        }
        probabilities = [ops.softmax(part(inputs)["logits"]) for part in _with_own_names(models)]
        logits = ops.log(ops.maximum(ops.mean(ops.stack(probabilities), axis=0), 1e-30))
        super(SpeechModel, self).__init__(inputs, {"logits": logits}, name=name)  # as any functional model
        self.models = models
        # What all parts have in common: the labels, the sample rate, the front end.
        self.architecture, self.config, self.preset = models[0].architecture, models[0].config, ""

    @property
    def display_name(self) -> str:
        return "+".join(model.display_name for model in self.models)

    @one_or_many
    def classify(self, audio, sample_rate: int | None = None, batch_size: int = 64):
        clips, rate = self.load_clips(audio, sample_rate), self.config.sample_rate
        parts = [model.classify(clips, rate, batch_size) for model in self.models]
        answers = []
        for found in zip(*parts, strict=True):
            mean = np.mean([list(part.probabilities.values()) for part in found], axis=0)
            answer = decoding.classify(np.log(np.maximum(mean, 1e-30)), self.labels)
            answers.append(doubt.vote(self.display_name, answer, found))
        return answers

    def get_config(self) -> dict:
        return {"models": [keras.saving.serialize_keras_object(model) for model in self.models], "name": self.name}

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "Ensemble":
        return cls([keras.saving.deserialize_keras_object(model) for model in config["models"]], config["name"])

    def word_frames(self, audio, sample_rate: int | None = None) -> np.ndarray:
        if len({tuple(getattr(model.config, field) for field in FRAMES) for model in self.models}) > 1:
            raise ZooError(f"The models of an ensemble must cut a word alike; those of {self.display_name} do not.")
        return self.models[0].word_frames(audio, sample_rate)

    def log_probabilities_of_frames(self, frames: np.ndarray) -> np.ndarray:
        return np.log(np.mean([np.exp(model.log_probabilities_of_frames(frames)) for model in self.models], axis=0))


def _with_own_names(models: tuple) -> list[keras.Model]:
    """The models, those with the name of an earlier one under another: Keras wants one name a layer."""
    taken = [model.name for model in models]
    return [
        keras.Model(model.input, model.output, name=f"{model.name}_{i}") if model.name in taken[:i] else model
        for i, model in enumerate(models)
    ]


def _check_parts(models: tuple) -> None:
    """Raises ZooError where the parts do not belong together."""
    names = [getattr(model, "display_name", type(model).__name__) for model in models]
    if len(set(map(id, models))) < max(2, len(models)):
        raise ZooError(f"`models` must be at least two classifiers, each once. Received: {', '.join(names) or 'none'}.")
    for model, name in zip(models, names, strict=True):
        if not isinstance(model, Classifier):
            raise ZooError(f"`models` must be classifiers; {name} is a {type(model).__name__}.")
        for field in ("labels", "sample_rate"):
            if getattr(model.config, field) != getattr(models[0].config, field):
                raise ZooError(f"`models` must have the same {field}; {name} has others than {names[0]}.")
