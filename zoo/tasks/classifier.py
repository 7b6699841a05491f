"""Classifiers of short clips: which word it is, or who speaks."""

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral

import keras
import numpy as np

from zoo import decoding
from zoo.clips import one_or_many
from zoo.errors import DataError, ZooError
from zoo.losses import cross_entropy
from zoo.tasks import doubt, spotting
from zoo.tasks.base import SpeechModel
from zoo.tasks.targets import class_ids
from zoo.text import LabelEncoder

# What a training run varies. Words have short silences around them.
WORDS = {
    "speed": (0.8, 1.25), "noise_prob": 0.65, "snr_db": (-8.0, 20.0), "telephone_prob": 0.1, "reverb_prob": 0.15,
    "silence_prob": 0.15, "spare_prob": 0.15, "spare_seconds": (0.2, 1.0),
}  # fmt: skip
# A voice played faster is another voice.
VOICES = WORDS | {"speed_prob": 0.0, "telephone_prob": 0.0, "noise_prob": 0.4, "snr_db": (5.0, 25.0)}


@keras.saving.register_keras_serializable("zoo")
class Classifier(SpeechModel):
    """Tells apart the classes in `labels`. `fit` takes class ids (batch,) as y.

    Outputs: {"logits": (batch, classes)} and what else the model's file names, such as "attention". A loss and metrics
    given to `compile` see ids and logits; without any, they are cross-entropy and accuracy.

    >>> import zoo
    >>> zoo.load("conv2d_mini").classify(zoo.audio.bundled("seven")).label
    'seven'
    """

    task = "classification"
    metric = "error"
    frames = {"attention": "lengths"}

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the logits."""
        return self.config.labels

    @property
    def encoder(self) -> LabelEncoder:
        """Class names to ids."""
        return LabelEncoder(self.labels)

    def compile(self, optimizer="adamw", loss=None, *, metrics=None, **kwargs) -> None:
        # The other outputs (attention, embedding) have no target, so what is named after one is meant for the logits.
        loss, metrics = (given.get("logits") if isinstance(given, dict) else given for given in (loss, metrics))
        super().compile(optimizer, loss, metrics=["accuracy"] if metrics is None else metrics, **kwargs)

    @classmethod
    def check_config(cls, config) -> None:
        if len(set(config.labels)) < max(2, len(config.labels)):
            raise ZooError(f"`labels` must be distinct names, at least two. Received: labels={config.labels!r:.100}.")

    def _check_compile(self, loss, metrics) -> None:
        pass  # any loss and metric of class ids and logits

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if self._own_loss:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        return keras.Model.compute_loss(self, x, y, y_pred["logits"], sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None) -> dict:
        return keras.Model.compute_metrics(self, x, y, y_pred["logits"], sample_weight)

    def utterance_losses(self, x, y, outputs):
        return cross_entropy(y, outputs["logits"])

    @classmethod
    def default_augmentation(cls, config) -> dict:
        return VOICES if config.target == "speaker" else WORDS

    @classmethod
    def targets(cls, utterances: Sequence, config) -> list[str]:
        found = [getattr(utterance, config.target) for utterance in utterances]
        if "" in found:
            name = utterances[found.index("")].id
            raise DataError(f"Utterances must have a {config.target} (a column of a CSV); {name} has none.")
        return found

    @classmethod
    def config_changes(cls, targets, config) -> dict:
        if (found := set(targets)) == set(config.labels):
            return {}
        return {"labels": tuple(sorted(found))} | ({"others": 0} if config.others else {})

    def encode_target(self, target: str) -> list[int]:
        return self.encoder.encode(target)

    def check_target(self, x, y):
        return class_ids(y, self.encoder) if self._own_loss else y

    def utterance_errors(self, outputs, targets, clean) -> list[bool]:
        return [self.labels[i] != target for i, target in zip(outputs["logits"].argmax(axis=-1), targets, strict=True)]

    @staticmethod
    def mean_error(errors) -> float:
        return 100 * float(np.mean(errors))

    @one_or_many
    def classify(self, audio, sample_rate: int | None = None, batch_size: int = 64):
        """Says which of the classes a clip is: a `Classification` (.label, .probabilities, .confidence, .doubtful), or a list.

        Args:
            audio: One clip as `zoo.audio.load_audio` reads it, or a list of clips.
            sample_rate: Hz of the arrays; files carry their own.
            batch_size: Clips at a time.
        """
        judge = doubt.of(self)
        found = self.infer(audio, sample_rate, batch_size, judge and doubt.network(self))
        answers = [decoding.classify(outputs["logits"], self.labels) for outputs in found]
        if not judge:
            return answers
        return [judge.of_classification(*pair) for pair in zip(answers, (o[doubt.HEARD] for o in found), strict=True)]

    def spot(
        self,
        chunks: Iterable[np.ndarray],
        sample_rate: float,
        words: Sequence[str] | str | None = None,
        threshold: float = 0.9,
    ) -> Iterator[spotting.Spotted]:
        """Listens for words in a stream, and gives a `Spotted` (.word, .time, .confidence) for each.

        The model should have classes for other words and for silence, as `ds_cnn.commands` has; any other takes what it
        hears for one of its words.

        Args:
            chunks: Arrays of samples as they come, such as `zoo.tasks.streaming.microphone()`.
            sample_rate: Hz of the chunks.
            words: Those of the labels to listen for; None for all.
            threshold: Least mean probability of a word, between 0 and 1. Higher ones miss more and err less.

        >>> for word in model.spot(microphone(60), 16000, words=["yes", "stop"]):  # doctest: +SKIP
        ...     print(word)
        """
        return spotting.spot(self, chunks, sample_rate, words, threshold)

    def word_frames(self, audio, sample_rate: int | None = None) -> np.ndarray:
        """The log-mel frames (frames, bands) in dB of one clip, silence cut away, over which attention and saliency lie."""
        clip = self.load_clips([audio], sample_rate)[0]
        trimmed = keras.Model(self.input, self.get_layer("trim").output)
        frames, lengths = trimmed({"waveform": clip[None], "lengths": np.array([len(clip)], "int32")})
        return keras.ops.convert_to_numpy(frames)[0, : int(lengths[0])]

    def log_probabilities_of_frames(self, frames: np.ndarray) -> np.ndarray:
        """Log probabilities (batch, classes) of log-mel frames (batch, frames, bands) as `word_frames` gives them."""
        rest = keras.Model(self.get_layer("trim").output, self.output["logits"])
        lengths = np.full(len(frames), frames.shape[1], "int32")
        return decoding.log_softmax(keras.ops.convert_to_numpy(rest([frames, lengths])))

    def saliency(self, audio, sample_rate: int | None = None, patch: tuple[int, int] = (6, 6)) -> np.ndarray:
        """What a classification depends on, by occlusion (Zeiler & Fergus 2014): hide a patch of the log-mel and classify again.

        Gives (frames, bands) over `word_frames`: the mean fall of the label's log probability (nats) where a patch lay over
        that point; 0 for a rise.

        Args:
            audio: One clip, as for `classify`.
            sample_rate: Hz of an array.
            patch: Frames and bands that are hidden at a time.
        """
        sizes = patch if isinstance(patch, tuple | list) else ()
        if len(sizes) != 2 or not all(isinstance(n, Integral) and n > 0 for n in sizes):
            raise ZooError(f"`patch` must be (frames, bands), at least one of each. Received: patch={patch!r}.")
        frames = self.word_frames(audio, sample_rate)
        (n_frames, bands), (long, wide) = frames.shape, patch
        # Patches overlap by two thirds, so that the picture is smooth; the last ones reach over the edge.
        corners = [(t, b) for t in range(0, n_frames, max(1, long // 3)) for b in range(0, bands, max(1, wide // 3))]

        def occluded(corners):
            pictures = np.repeat(frames[None], len(corners), axis=0)
            for picture, (t, b) in zip(pictures, corners, strict=True):
                picture[t : t + long, b : b + wide] = frames[:, b : b + wide].mean(axis=0)
            return self.log_probabilities_of_frames(pictures)

        # A hundred at a time: all patches of a long clip would fill the memory. The last one hides nothing.
        every = [*corners, (n_frames, 0)]
        scores = np.concatenate([occluded(every[i : i + 100]) for i in range(0, len(every), 100)])
        scores = scores[:, scores[-1].argmax()]
        fall, count = np.zeros(frames.shape), np.zeros(frames.shape)
        for score, (t, b) in zip(scores[:-1], corners, strict=True):
            fall[t : t + long, b : b + wide] += scores[-1] - score
            count[t : t + long, b : b + wide] += 1
        return np.maximum(fall / count, 0.0)


@keras.saving.register_keras_serializable("zoo")
class Embedder(Classifier):
    """A classifier with an embedding before its last layer, which can be used for new classes too.

    Outputs: {"logits": (batch, classes), "embedding": (batch, units) of length 1}.

    >>> import zoo
    >>> zoo.load("speaker_id").embed(zoo.audio.bundled("seven")).shape
    (96,)
    """

    def utterance_losses(self, x, y, outputs):
        return cross_entropy(y, outputs["logits"], self.config.scale * self.config.margin)

    @one_or_many
    def embed(self, audio, sample_rate: int | None = None, batch_size: int = 64) -> np.ndarray:
        """Embeds a clip or a list, as `classify` takes them, as points of a sphere: (units,), or (clips, units)."""
        found = self.infer(audio, sample_rate, batch_size)
        return np.reshape([outputs["embedding"] for outputs in found], (len(found), self.output["embedding"].shape[-1]))

    def verify(self, a, b, sample_rate: int | None = None) -> float:
        """Cosine of the embeddings of two clips: near 1 for one speaker (or word), near 0 for two."""
        return float(np.dot(*self.embed([a, b], sample_rate)))
