"""Several small models that answer together.

    zoo.load("attention+ds_cnn+lstm").classify("clip.wav")                  the mean of their probabilities
    zoo.load("conv_lstm_ctc+lstm_ctc+attention_ctc").transcribe("clip.wav")     the mean of their log probabilities of a text
    zoo.Ensemble([one, two], weights=[0.7, 0.3])                            of any models

Models that err on different clips correct each other; three of one kind, trained on the same data, err together and
gain little. So the parts should differ: a network that looks at a picture, one that reads frames, one that weighs them.

Recognizers with other vocabularies or frames than the first vote on each word (`zoo.decoding.rover`).

Source: L. K. Hansen, P. Salamon, "Neural network ensembles", IEEE PAMI 12, 1990 (doi.org/10.1109/34.58871).
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from zoo import decoding
from zoo.audio import load_audio
from zoo.clips import one_or_many
from zoo.decoding import segments
from zoo.decoding.combination import in_a_row, mean_transcript, proposals
from zoo.decoding.decoder import search_options
from zoo.errors import ZooError
from zoo.losses import ctc_loss
from zoo.metrics import word_errors
from zoo.tasks import doubt
from zoo.tasks.base import SpeechModel
from zoo.tasks.classifier import Classifier
from zoo.tasks.recognizer import Recognizer
from zoo.tasks.rover import Parts, Rover, checked_weights

FRAMES = ("n_fft", "win_length", "hop_length", "n_mels", "top_db")  # fields of a Config: how a word is cut into frames
SAME = ("sample_rate", "vocabulary", "frame_seconds", "segment_seconds")  # of recognizers whose logits can be compared


@keras.saving.register_keras_serializable("zoo")
class Ensemble(Parts, SpeechModel):
    """Classifiers, or recognizers, as one: a `ClassifierEnsemble`, a `RecognizerEnsemble` or a `Rover`, by what they are.

    Args:
        models: Two or more classifiers with the same labels at the same sample rate, or two or more recognizers.
        weights: How much each counts; divided by their sum. Equal by default; `tune_weights` finds others.
        decoding: Of recognizers, name of a language model -> {"alpha": ..., "word_bonus": ...}, as on a card; the mean of the
            models' cards by default.
        name: Name of the Keras model.

    >>> import zoo
    >>> zoo.load("ds_cnn+conv2d_mini").display_name
    'ds_cnn+conv2d_mini'
    >>> both = Ensemble([zoo.load("ds_cnn"), zoo.load("conv2d_mini")], weights=[3, 1])
    >>> both.classify(zoo.audio.bundled("seven")).label, both.part_weights
    ('seven', (0.75, 0.25))
    """

    def __new__(cls, models: Sequence = (), *args, **kwargs):
        models = tuple(models)
        if cls is Ensemble:
            cls = _class_for(models)
        return Rover(models, *args, **kwargs) if cls is Rover else super().__new__(cls)

    def __init__(
        self,
        models: Sequence[SpeechModel],
        weights: Sequence[float] | None = None,
        decoding: dict | None = None,
        name: str = "ensemble",
    ):
        models = tuple(models)
        weights = checked_weights(models, weights)
        inputs = {
            "waveform": keras.Input((None,), name="waveform"),
            "lengths": keras.Input((), dtype="int32", name="lengths"),
        }
        outputs = self._combined([part(inputs) for part in _with_own_names(models)], weights)
        super(SpeechModel, self).__init__(inputs, outputs, name=name)  # as any functional model
        self.models, self.part_weights, self._decoding = models, weights, decoding
        # What all parts have in common: the labels or letters, the sample rate, the front end.
        self.architecture, self.config, self.preset = models[0].architecture, models[0].config, ""

    def _combined(self, outputs: list[dict], weights: tuple[float, ...]) -> dict:
        """The outputs of the ensemble by those of its parts."""
        raise NotImplementedError

    def get_config(self) -> dict:
        models = [keras.saving.serialize_keras_object(model) for model in self.models]
        return {"models": models, "weights": self.part_weights, "decoding": self._decoding, "name": self.name}

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "Ensemble":
        return cls(**config | {"models": [keras.saving.deserialize_keras_object(model) for model in config["models"]]})

    def _with_weights(self, weights):
        tuned = Ensemble(self.models, weights, self._decoding)
        tuned.compile()
        return tuned


@keras.saving.register_keras_serializable("zoo")
class ClassifierEnsemble(Ensemble, Classifier):
    """Classifiers with the same labels, whose logits are the log of the mean of their probabilities."""

    def _combined(self, outputs, weights):
        mean = sum(weight * ops.softmax(found["logits"]) for weight, found in zip(weights, outputs, strict=True))
        return {"logits": ops.log(ops.maximum(mean, 1e-30))}

    @one_or_many
    def classify(self, audio, sample_rate: int | None = None, batch_size: int = 64):
        clips, rate = self.load_clips(audio, sample_rate), self.config.sample_rate
        parts = [model.classify(clips, rate, batch_size) for model in self.models]
        answers = []
        for found in zip(*parts, strict=True):
            mean = np.dot(self.part_weights, [list(part.probabilities.values()) for part in found])
            answer = decoding.classify(np.log(np.maximum(mean, 1e-30)), self.labels)
            answers.append(doubt.vote(self.display_name, answer, found))
        return answers

    def _errors_by_weights(self, clips, targets):
        logits = np.array([model.logits(clips, self.config.sample_rate) for model in self.models])
        each, ids = np.exp(decoding.log_softmax(logits)), np.ravel([*map(self.encode_target, targets)])
        return lambda weights: int((np.tensordot(weights, each, 1).argmax(axis=1) != ids).sum())

    def word_frames(self, audio, sample_rate: int | None = None) -> np.ndarray:
        if len({tuple(getattr(model.config, field) for field in FRAMES) for model in self.models}) > 1:
            raise ZooError(f"The models of an ensemble must cut a word alike; those of {self.display_name} do not.")
        return self.models[0].word_frames(audio, sample_rate)

    def log_probabilities_of_frames(self, frames: np.ndarray) -> np.ndarray:
        each = [np.exp(model.log_probabilities_of_frames(frames)) for model in self.models]
        return np.log(np.tensordot(self.part_weights, each, 1))


@keras.saving.register_keras_serializable("zoo")
class RecognizerEnsemble(Ensemble, Recognizer):
    """Recognizers with one vocabulary and one frame rate: the text with the highest mean of their log probabilities.

    Outputs: {"logits": (batch, frames, models * symbols), the log probabilities of the models side by side, "lengths"}. They are
    decoded together by `zoo.decoding.joint_search`; the loss is the mean of the CTC losses.
    """

    def _combined(self, outputs, weights):
        logits = [ops.log_softmax(found["logits"], axis=-1) for found in outputs]
        return {"logits": ops.concatenate(logits, axis=-1), "lengths": outputs[0]["lengths"]}

    def utterance_losses(self, x, y, outputs):
        parts = ops.split(outputs["logits"], len(self.models), axis=-1)
        losses = [ctc_loss(y, part, outputs["lengths"]) for part in parts]
        return sum(weight * loss for weight, loss in zip(self.part_weights, losses, strict=True))

    @property
    def card_decoding(self) -> dict:
        if self._decoding is not None:
            return self._decoding
        return _means([model.card_decoding for model in self.models])

    def decoder(self, decoder: str | None = None, language_model=None, **options) -> Callable:
        """As `Recognizer.decoder`, for logits (frames, models * symbols); it always searches."""
        return decoding.make_decoder(
            self.vocabulary, self.config.frame_seconds, decoder, language_model, (), self.card_decoding, self.part_weights,
            **options,
        )  # fmt: skip

    @one_or_many
    def transcribe(
        self,
        audio,
        sample_rate: int | None = None,
        batch_size: int = 16,
        log: Callable[[str], None] | None = None,
        **decoder,
    ):
        """As `Recognizer.transcribe`. It is doubtful where half of the models doubt what they write alone."""
        decode, clips, rate = self.decoder(**decoder), self.load_clips(audio, sample_rate), self.config.sample_rate
        most, heard = self.config.segment_seconds, []

        def side_by_side(parts):
            heard.append([model.logits(parts, rate, batch_size) for model in self.models])
            rows = zip(*([decoding.log_softmax(x) for x in own] for own in heard[-1]), strict=True)
            return [np.concatenate(row, axis=1) for row in rows]

        logits_of, decode = in_a_row(side_by_side, decode, len(self.models))
        found = segments.transcribe(clips, rate, most, logits_of, decode, log)
        judges = [doubt.of(model) for model in self.models]
        if None in judges:
            return found
        votes = []
        for i, (model, judge) in enumerate(zip(self.models, judges, strict=True)):
            again = iter(heard)  # the same spans in the same order: no network computes twice
            own = lambda parts, again=again, i=i: next(again)[i]  # noqa: E731
            alone = segments.transcribe(clips, rate, most, own, model.decoder())
            votes.append([judge.of_transcript(transcript) for transcript in alone])
        return [doubt.vote(self.display_name, *pair) for pair in zip(found, zip(*votes, strict=True), strict=True)]

    def align(self, audio, text: str, sample_rate: int | None = None, name: str = "the clip"):
        """As `Recognizer.align`: the mean of the models' times."""
        samples = load_audio(audio, self.config.sample_rate, sample_rate=sample_rate)
        found = [model.align(samples, text, self.config.sample_rate, name) for model in self.models]
        return mean_transcript(found, self.part_weights)

    def utterance_errors(self, outputs, targets, clean):
        decode = self.decoder()
        rows = zip(targets, outputs["logits"], outputs["lengths"], strict=True)
        return [(word_errors(text, decode(x[:end], 1.0).text), len(text.split())) for text, x, end in rows]

    def _errors_by_weights(self, clips, targets, **options):
        decoding_options = search_options(**{"prior": (), "tuned": self.card_decoding} | options)
        each = zip(*(model.logits(clips, self.config.sample_rate) for model in self.models), strict=True)
        found = []
        for target, parts in zip(targets, each, strict=True):
            hypotheses, acoustic = proposals(parts, self.vocabulary, **decoding_options)
            rest = np.array([one.score - one.acoustic for one in hypotheses])
            found.append((acoustic, rest, [word_errors(target, one.text) for one in hypotheses]))
        return lambda weights: sum(wrong[np.argmax(np.dot(weights, each) + rest)] for each, rest, wrong in found)


def _class_for(models: tuple) -> type:
    """Ensemble's subclass for these models, or Rover. Raises ZooError where they do not belong together."""
    names = [getattr(model, "display_name", type(model).__name__) for model in models]
    if len(set(map(id, models))) < max(2, len(models)):
        rule = "at least two classifiers or recognizers, each once"
        raise ZooError(f"`models` must be {rule}. Received: {', '.join(names) or 'none'}.")
    if hasattr(models[0], "transcribe"):
        if wrong := [name for model, name in zip(models, names, strict=True) if not hasattr(model, "transcribe")]:
            raise ZooError(f"`models` must all be recognizers where the first is one. Received: {wrong[0]}.")
        same = all(getattr(m.config, field) == getattr(models[0].config, field) for m in models for field in SAME)
        return RecognizerEnsemble if same and all(isinstance(model, Recognizer) for model in models) else Rover
    for model, name in zip(models, names, strict=True):
        if not isinstance(model, Classifier):
            raise ZooError(f"`models` must be classifiers, or all recognizers; {name} is a {type(model).__name__}.")
        for field in ("labels", "sample_rate"):
            if getattr(model.config, field) != getattr(models[0].config, field):
                raise ZooError(f"`models` must have the same {field}; {name} has others than {names[0]}.")
    return ClassifierEnsemble


def _with_own_names(models: tuple) -> list[keras.Model]:
    """The models, those with the name of an earlier one under another: Keras wants one name a layer."""
    taken = [model.name for model in models]
    return [
        keras.Model(model.input, model.output, name=f"{model.name}_{i}") if model.name in taken[:i] else model
        for i, model in enumerate(models)
    ]


def _means(tables: Sequence[dict]) -> dict:
    """The means of the numbers that all of some tables, or tables of tables, have."""
    shared = [key for key in tables[0] if all(key in table for table in tables)]
    columns = {key: [table[key] for table in tables] for key in shared}
    return {k: _means(v) if isinstance(v[0], dict) else float(np.mean(v)) for k, v in columns.items()}
