"""Denoisers: noisy speech in, clean speech out."""

import keras
import numpy as np

from zoo.clips import one_or_many
from zoo.errors import ZooError
from zoo.tasks.autoencoder import CLEAN, Autoencoder
from zoo.tasks.reconstruction import Frames, apply_gain


@keras.saving.register_keras_serializable("zoo")
class Denoiser(Autoencoder):
    """An autoencoder that is taught the clean frames of noisy clips. `fit` takes the clean waveforms (batch, samples) as y."""

    task = "denoising"
    noisy_input = True

    @classmethod
    def default_augmentation(cls, config) -> dict:
        return CLEAN | {"noise_prob": 0.9, "snr_db": (-3.0, 20.0), "telephone_prob": 0.2, "silence_prob": 0.2}

    def batch_target(self, label_ids, clean) -> np.ndarray:
        return clean

    def _target(self, outputs, clean, lengths):
        if clean is None:
            raise ZooError(f"`y` must be the clean waveforms for {self.display_name}. Received none.")
        frames, lengths = self.get_layer("log_mel")(clean, lengths)
        return self.get_layer("below_peak").below(frames, lengths, outputs["peak"])  # the peak of the noisy clip

    @one_or_many
    def denoise(self, audio, sample_rate: int | None = None, strength: float | None = None):
        """Attenuates the noise of a clip: (samples,) float32 at the model's rate, or a list. Phase, level and length stay.

        Args:
            audio: One clip as `zoo.audio.load_audio` reads it, or a list of clips.
            sample_rate: Hz of the arrays; files carry their own.
            strength: Factor of the attenuation in dB, 0 to 1; the config's, unless given.
        """
        strength = self.config.strength if strength is None else strength
        if not isinstance(strength, int | float | np.number) or not 0 <= strength <= 1:
            raise ZooError(f"`strength` must be a share from 0 to 1. Received: strength={strength!r}.")
        rate, framing = self.config.sample_rate, Frames.of(self.config)
        clips = self.load_clips(audio, sample_rate)
        return [
            apply_gain(clip, strength * (found.reconstruction - found.log_mel), framing, self.config.n_mels)
            for clip, found in zip(clips, self.reconstruct(clips, rate), strict=True)
        ]
