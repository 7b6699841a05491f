"""Denoisers: noisy speech in, clean speech out."""

import keras
import numpy as np

from zoo.errors import ZooError
from zoo.losses import squared_error
from zoo.tasks.autoencoder import CLEAN, Autoencoder
from zoo.tasks.reconstruction import Frames, apply_gain


@keras.saving.register_keras_serializable("zoo")
class Denoiser(Autoencoder):
    """An autoencoder that is taught the clean frames of noisy clips. `fit` takes the clean waveforms (batch, samples) as y."""

    task = "denoising"
    noisy_input = True

    def utterance_losses(self, x, y, outputs):
        if y is None:
            raise ZooError(
                f"`y` must be the clean waveforms for {self.display_name}, which learns from pairs. Received none."
            )
        return squared_error(self.target_frames(y, x["lengths"], outputs["peak"]), outputs, outputs["lengths"])

    @classmethod
    def default_augmentation(cls, config) -> dict:
        return CLEAN | {"noise_prob": 0.9, "snr_db": (-3.0, 20.0), "telephone_prob": 0.2, "silence_prob": 0.2}

    def batch_target(self, label_ids, clean) -> np.ndarray:
        return clean

    def target_frames(self, clean, lengths, peak):
        """Log-mel of clean waveforms (batch, samples) in dB below the `peak` (batch,) of the noisy ones."""
        frames, lengths = self.get_layer("log_mel")(clean, lengths)
        return self.get_layer("below_peak").below(frames, lengths, peak)

    def _target(self, outputs, clean):
        return np.asarray(self.target_frames(*clean, outputs["peak"]))

    def denoise(self, audio, sample_rate: int | None = None, strength: float | None = None):
        """Turns the noise of a clip down, for listening or for a recognizer. Phase, level and length stay.

        Args:
            audio: Path, binary file or array (samples,) or (samples, channels); or a list of such.
            sample_rate: Hz of the arrays; files carry their own.
            strength: Factor of what is turned down in dB, 0 to 1; the config's, unless given.

        Returns:
            (samples,) float32 at the model's rate, or a list.

        Raises:
            AudioError: For what is not audio.
        """
        strength = self.config.strength if strength is None else strength
        if not isinstance(strength, int | float | np.number) or not 0 <= strength <= 1:
            raise ZooError(f"`strength` must be a share from 0 to 1. Received: strength={strength!r}.")
        if not isinstance(audio, list | tuple):
            return self.denoise([audio], sample_rate, strength)[0]
        rate, framing = self.config.sample_rate, Frames.of(self.config)
        clips = self.load_clips(audio, sample_rate)
        return [
            apply_gain(clip, strength * (found.reconstruction - found.log_mel), framing, self.config.n_mels)
            for clip, found in zip(clips, self.reconstruct(clips, rate), strict=True)
        ]
