"""SpeechModel: an architecture as a functional `keras.Model` that takes recordings; the other files of this folder add what each task does."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from zoo.audio import is_pair
from zoo.clips import load_clips, outputs_of
from zoo.errors import ZooError, check_whole
from zoo.registry import architecture
from zoo.tasks.processes import check_process


class SpeechModel(keras.Model):
    """A registered architecture as a functional `keras.Model`. Subclasses say what it does with its outputs.

    Args:
        architecture_name: Name of a file in zoo/models/.
        config: Fields of the architecture's Config to change.
        preset: Name of the preset whose weights it has; "" for weights of one's own.
        quantized: Layer paths -> quantization mode, as a saved model has them.
        frozen: Names of layers that are not trained.
        name: Name of the Keras model.

    Call:
        {"waveform": (batch, samples) float32, "lengths": (batch,) int32 samples} -> outputs by name. An array
        (batch, samples) alone means that every sample is real.

    >>> import zoo
    >>> model = zoo.load("lstm_ctc", weights=None, units=8, layers=1)
    >>> model.logits([np.zeros(16000)], 16000)[0].shape  # frames of 30 ms, 28 characters and the blank
    (34, 29)
    """

    task: ClassVar[str]  # what the card calls it
    metric: ClassVar[str]  # the figure that validation gives, the lower the better: "wer", "error" (both in %) or "dB"
    frames: ClassVar[dict[str, str]] = {}  # output -> output with its true number of frames
    noisy_input: ClassVar[bool] = False  # whether it is trained on pairs of noisy and clean clips
    learns_silence: ClassVar[bool] = False  # whether noise without speech has a target, the empty text

    def __init__(
        self,
        architecture_name: str,
        config: dict | None = None,
        preset: str = "",
        quantized: dict | None = None,
        frozen: Sequence[str] = (),
        name: str | None = None,
    ):
        chosen = architecture(architecture_name)
        values = chosen.configure(**(config or {}))
        self.check_config(values)
        network = chosen.build(values)
        super().__init__(network.input, network.output, name=name or architecture_name)
        self.architecture, self.config, self.preset = chosen, values, preset
        for layer in self._flatten_layers():
            if mode := (quantized or {}).get(layer.path):
                layer.quantize(mode)
        for layer_name in frozen:
            self.get_layer(layer_name).trainable = False

    @property
    def display_name(self) -> str:
        """The name of the preset, or of the architecture."""
        return self.preset or self.architecture.name

    # --- Keras

    def get_config(self) -> dict:
        layers = [layer for layer in self._flatten_layers(include_self=False) if not layer._layers]
        modes = {layer.path: getattr(layer, "quantization_mode", None) for layer in layers}
        return {
            "architecture_name": self.architecture.name,
            "config": asdict(self.config),
            "preset": self.preset,
            "quantized": {path: mode for path, mode in modes.items() if mode},
            # Layers without weights may say what they like.
            "frozen": [layer.name for layer in self.layers if layer.weights and not layer.trainable],
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "SpeechModel":
        return cls(**config)

    @property
    def input_spec(self):
        return None  # the inputs may be an array alone; `call` knows

    def call(self, inputs, training=None, mask=None):
        return super().call(_with_lengths(inputs), training=training, mask=mask)

    def compile(self, optimizer="adamw", loss=None, *, metrics=None, jit_compile="auto", **kwargs) -> None:
        """As `keras.Model.compile`; the loss is the task's where none is given. ZooError if the task cannot use it."""
        self._check_compile(loss, metrics or kwargs.get("weighted_metrics"))
        # TensorFlow's graphs take any length; XLA under TensorFlow would compile again for each.
        jit_compile = keras.backend.backend() == "jax" if jit_compile == "auto" else jit_compile
        super().compile(optimizer, loss=loss, metrics=metrics, jit_compile=jit_compile, **kwargs)
        self._own_loss = loss is None

    def _check_compile(self, loss, metrics) -> None:
        for argument, value in (("loss", loss), ("metrics", metrics)):
            if value is not None:
                rule = f"must be None for a {type(self).__name__}, which needs the true lengths"
                raise ZooError(f"`{argument}` {rule}. Received: {argument}={value!r:.100}.")

    def get_compile_config(self) -> dict:
        return self._compile_config.serialize() if self.compiled else {}

    def compile_from_config(self, config: dict) -> None:
        # The file remembers how the backend under which it was saved compiles.
        self.compile(**(keras.saving.deserialize_keras_object(config) | {"jit_compile": "auto"}))
        self.optimizer.build(self.trainable_variables)

    def make_train_function(self, force: bool = False):
        # Else the first step makes the optimizer's variables, and TensorFlow traces a step that made some a second time.
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def fit(self, x=None, y=None, *args, validation_data=None, **kwargs):
        """As `keras.Model.fit`; y may hold what ids stand for: names of classes, texts. Raises DataError for a wrong y."""
        if isinstance(validation_data, list | tuple) and len(validation_data) > 1:
            held_out, target, *weights = validation_data
            validation_data = (held_out, self._checked(held_out, target), *weights)
        return super().fit(x, self._checked(x, y), *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """As `keras.Model.evaluate`; y as for `fit`."""
        return super().evaluate(x, self._checked(x, y), *args, **kwargs)

    def _checked(self, x, y):
        check_process()
        return y if y is None or callable(getattr(y, "__next__", None)) else self.check_target(x, y)

    def save(self, filepath, *args, **kwargs) -> None:
        """As `keras.Model.save`, into a .keras file: older formats would lose what the model is made from."""
        if not str(filepath).endswith(".keras"):
            raise ZooError(f"`filepath` must end in .keras. Received: {filepath}.")
        super().save(filepath, *args, **kwargs)

    def load_weights(self, *args, **kwargs) -> None:
        with warnings.catch_warnings():
            # Weights travel without the state of the optimizer that made them; there is nothing to miss.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            super().load_weights(*args, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses = self.utterance_losses(_with_lengths(x), y, y_pred)
        losses = losses if sample_weight is None else losses * sample_weight
        return ops.mean(losses) + sum(self.losses)  # what regularizers and `add_loss` add

    def compute_metrics(self, x, y, y_pred, sample_weight=None) -> dict:
        return self.get_metrics_result()  # the loss alone

    # --- what a task says

    @classmethod
    def check_config(cls, config) -> None:
        """Raises ZooError for a config that no model of this task can have."""

    def utterance_losses(self, x: dict, y, outputs: dict):
        """The task's loss, one value for each utterance, (batch,)."""
        raise NotImplementedError

    @classmethod
    def default_augmentation(cls, config) -> dict:
        """Fields of `zoo.training.AugmentConfig` that suit the task."""
        return {}

    @classmethod
    def targets(cls, utterances: Sequence, config) -> list[str]:
        """What a model should say of each utterance. Raises DataError where that is not known."""
        return [utterance.text for utterance in utterances]

    @classmethod
    def config_changes(cls, targets: Sequence[str], config) -> dict:
        """Fields of the Config that must change to learn these targets."""
        return {}

    def encode_target(self, target: str) -> list[int]:
        """Label ids of a target; [] where the sound itself is the target."""
        return []

    def check_target(self, x, y):
        """The y of `fit`, as the loss takes it. Raises DataError where it cannot be trained on."""
        return y

    def min_frames(self, label_ids: Sequence[int]) -> int:
        """The fewest frames in which the labels of a target can be emitted."""
        return 0

    def n_frames(self, samples: int) -> int:
        """Frames of the output for a clip of so many samples."""
        return -(-(1 + samples // self.config.hop_length) // getattr(self.config, "stride", 1))

    @property
    def max_seconds(self) -> float:
        """Longest clip that the model takes, or infinity."""
        return getattr(self.config, "max_seconds", float("inf"))

    def batch_target(self, label_ids: np.ndarray, clean: np.ndarray) -> np.ndarray | None:
        """The y of `fit` for a batch, from (batch, label) ids and the (batch, samples) waveforms without noise; None for no y."""
        return label_ids

    def utterance_errors(self, outputs: dict, targets: Sequence[str], clean: tuple[np.ndarray, np.ndarray]) -> list:
        """What validation counts of each utterance, for `mean_error`; `clean` is (waveform, lengths) without noise."""
        raise NotImplementedError

    @staticmethod
    def mean_error(errors: Sequence) -> float:
        """The figure called `metric` of all that `utterance_errors` gave."""
        raise NotImplementedError

    # --- recordings

    def load_clips(self, audio: Sequence, sample_rate: int | None = None) -> list[np.ndarray]:
        """Clips (samples,) float32 at the model's rate. Raises AudioError where one is not audio, or longer than max_seconds."""
        return load_clips(audio, self.config.sample_rate, self.max_seconds, self.display_name, sample_rate)

    def infer(
        self, audio: Sequence, sample_rate: int | None = None, batch_size: int = 16, network: keras.Model | None = None
    ) -> list[dict[str, np.ndarray]]:
        """All that the network gives for each clip, by name, cut to the clip's true frames.

        A clip's outputs do not depend on the clips beside it.

        Args:
            audio: List of clips, each whatever `zoo.audio.load_audio` reads.
            sample_rate: Hz of arrays; files and pairs carry their own.
            batch_size: Clips at a time.
            network: What to ask in place of this model, where it has more outputs.
        """
        check_process()
        check_whole("batch_size", batch_size)
        if not isinstance(audio, list | tuple) or is_pair(audio):
            raise ZooError(f"`audio` must be a list of clips, even of one. Received: a {type(audio).__name__}.")
        clips = self.load_clips(audio, sample_rate)

        def run(waveform, lengths):
            return (network or self).predict_on_batch({"waveform": waveform, "lengths": lengths})

        return outputs_of(clips, self.config.sample_rate, batch_size, run, self.frames)

    def logits(self, audio: Sequence, sample_rate: int | None = None, batch_size: int = 16) -> list[np.ndarray]:
        """Logits of each clip: (frames, symbols) of a recognizer, (classes,) of a classifier. Arguments as for `infer`."""
        return [outputs["logits"] for outputs in self.infer(audio, sample_rate, batch_size)]


def _with_lengths(inputs):
    """Inputs as a dict; of an array alone every sample is real."""
    if isinstance(inputs, list | tuple):  # flat, as Keras has them within a graph
        return inputs
    if not isinstance(inputs, dict):
        inputs = {"waveform": inputs}
    if "lengths" not in inputs:
        batch, samples = ops.shape(inputs["waveform"])[:2]
        inputs = inputs | {"lengths": ops.zeros((batch,), "int32") + samples}
    return inputs


def compile_model(model: SpeechModel, optimizer: keras.optimizers.Optimizer | None = None) -> None:
    """Compiles a model with an optimizer, AdamW with gradients clipped to norm 5 unless given, so that `fit` can follow.

    >>> import zoo
    >>> model = zoo.load("simple_rnn", weights=None)
    >>> compile_model(model, keras.optimizers.SGD(0.1))
    >>> model.optimizer.name
    'sgd'
    """
    model.compile(optimizer or keras.optimizers.AdamW(3e-4, weight_decay=1e-4, global_clipnorm=5.0))
