"""Autoencoders: a clip through a code and back."""

from collections.abc import Sequence

import keras
import numpy as np

from zoo.clips import one_or_many
from zoo.errors import check_whole
from zoo.losses import squared_error
from zoo.tasks.base import SpeechModel
from zoo.tasks.reconstruction import Frames, Reconstruction, lerp

# The input of an autoencoder is its target, so it should be speech without noise.
CLEAN = {"noise_prob": 0.0, "telephone_prob": 0.0, "reverb_prob": 0.0, "silence_prob": 0.0, "spare_prob": 0.0}


@keras.saving.register_keras_serializable("zoo")
class Autoencoder(SpeechModel):
    """Encodes log-mel frames and reconstructs them from the code. `fit` needs no y.

    Outputs: {"log_mel", "reconstruction": (batch, frames, bands) in dB below the clip's peak, "code", "peak"} and lengths.

    >>> import zoo
    >>> zoo.load("conv_autoencoder").encode(zoo.audio.bundled("seven")).shape  # (frames of the code, numbers)
    (19, 16)
    """

    task = "reconstruction"
    metric = "dB"
    frames = {"log_mel": "lengths", "reconstruction": "lengths", "code": "code_lengths"}

    def utterance_losses(self, x, y, outputs):
        return squared_error(self._target(outputs, y, x["lengths"]), outputs, outputs.get("lengths"))

    @classmethod
    def default_augmentation(cls, config) -> dict:
        return CLEAN

    def batch_target(self, label_ids, clean) -> None:
        return None

    def utterance_errors(self, outputs, targets, clean) -> list[float]:
        """Mean squared errors in dB^2 over the real frames."""
        error = outputs["reconstruction"] - np.asarray(self._target(outputs, *clean))
        squared = np.square(error).mean(axis=2)  # (batch, frames)
        ends = outputs.get("lengths", [squared.shape[1]] * len(squared))
        return [float(row[:end].mean()) for row, end in zip(squared, ends, strict=True)]

    def _target(self, outputs: dict, clean, lengths):
        """Frames to reconstruct; `clean` (batch, samples) are the waveforms without noise."""
        return outputs["log_mel"]

    @staticmethod
    def mean_error(errors) -> float:
        return float(np.sqrt(np.mean(errors)))

    @one_or_many
    def reconstruct(self, audio, sample_rate: int | None = None, batch_size: int = 16):
        """Encodes a clip and reconstructs it: a `Reconstruction`, or a list. Arguments are those of `infer`."""
        framing = Frames.of(self.config)
        return [
            Reconstruction(found["log_mel"], found["reconstruction"], found["code"], float(found["peak"]), framing)
            for found in self.infer(audio, sample_rate, batch_size)
        ]

    @one_or_many
    def encode(self, audio, sample_rate: int | None = None, batch_size: int = 16):
        """The code of a clip: (frames of the code, n), or (n,) of the whole word; or a list. Arguments are those of `infer`."""
        return [found["code"] for found in self.infer(audio, sample_rate, batch_size)]


@keras.saving.register_keras_serializable("zoo")
class VariationalAutoencoder(Autoencoder):
    """An autoencoder of words whose codes follow a prior, so that random codes and points between two codes decode too."""

    def sample(self, count: int = 1, seed: int = 0) -> np.ndarray:
        """New words, decoded from random codes: (count, frames, bands) in dB below the peak."""
        check_whole("count", count)
        check_whole("seed", seed, least=0)
        codes = np.random.default_rng(seed).standard_normal((count, self.config.code)).astype("float32")
        return self.decode(codes)

    def interpolate(self, a, b, steps: int = 9, sample_rate: int | None = None) -> np.ndarray:
        """Decodes at least two points between the codes of two clips, ends included: (steps, frames, bands) in dB."""
        return self.decode(lerp(*self.encode([a, b], sample_rate), steps))

    def decode(self, codes: Sequence) -> np.ndarray:
        """Decodes codes (count, n) to (count, frames, bands) in dB below the peak."""
        return keras.ops.convert_to_numpy(self.get_layer("decoder")(np.asarray(codes, "float32")))
