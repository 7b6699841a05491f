"""What an autoencoder gave back, how far it is from what went in, and both as sound. NumPy; no model is known here."""

from dataclasses import dataclass, field

import numpy as np

from zoo.audio import griffin_lim
from zoo.errors import ZooError
from zoo.features import mel_filters


@dataclass(frozen=True)
class Frames:
    """How sound was cut into log-mel frames, which is what it takes to go back."""

    sample_rate: int  # Hz
    n_fft: int  # points
    hop_length: int  # samples
    win_length: int  # samples

    @classmethod
    def of(cls, config) -> "Frames":
        """Those of a model's config."""
        return cls(config.sample_rate, config.n_fft, config.hop_length, config.win_length)

    @property
    def hop_seconds(self) -> float:
        return self.hop_length / self.sample_rate


@dataclass(frozen=True)
class Reconstruction:
    """A clip's log-mel beside what came back of it.

    Attributes:
        log_mel, reconstruction: (frames, bands) in dB below the clip's loudest point.
        code: (frames of the code, n), or (n,) where one code is of the whole word.
        peak: level of the loudest point in dB. framing: how the frames were cut.
    """

    log_mel: np.ndarray = field(repr=False)
    reconstruction: np.ndarray = field(repr=False)
    code: np.ndarray = field(repr=False)
    peak: float
    framing: Frames

    @property
    def error_db(self) -> float:
        """Root mean square difference in dB over all frames and bands."""
        return float(np.sqrt(np.mean(np.square(self.reconstruction - self.log_mel))))

    @property
    def band_error_db(self) -> np.ndarray:
        """The same for each mel band, (bands,)."""
        return np.sqrt(np.mean(np.square(self.reconstruction - self.log_mel), axis=0))

    def sound(self, iterations: int = 32) -> tuple[np.ndarray, int]:
        """The reconstruction as sound: ((samples,) float32, sample rate); see `zoo.audio.griffin_lim`."""
        return self._sound(self.reconstruction, iterations)

    def original_sound(self, iterations: int = 32) -> tuple[np.ndarray, int]:
        """What went in, through the same way back: what is lost here is not the autoencoder's fault."""
        return self._sound(self.log_mel, iterations)

    def _sound(self, decibel, iterations):
        f = self.framing
        samples = griffin_lim(
            decibel + self.peak, f.sample_rate, f.n_fft, f.hop_length, f.win_length, iterations=iterations
        )
        return samples, f.sample_rate


def apply_gain(samples: np.ndarray, gain_db: np.ndarray, framing: Frames, n_mels: int) -> np.ndarray:
    """Turn each band of each frame of a clip down (or up), and keep its phase.

    Args: samples: (samples,) at the framing's rate. gain_db: (frames, n_mels).
    Returns: (samples,) float32.
    """
    import librosa

    filters = mel_filters(framing.sample_rate, framing.n_fft, n_mels)  # (bins, n_mels)
    # A bin's gain is the mean of those of the bands that it lies in, by how much it lies in them. Below the first band and
    # above the last there is none: the nearest is taken.
    shares = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)
    covered = np.flatnonzero(filters.sum(axis=1) > 0)
    nearest = covered[np.abs(np.arange(len(filters))[:, None] - covered[None, :]).argmin(axis=1)]
    frame = dict(hop_length=framing.hop_length, win_length=framing.win_length, center=True)
    short = len(samples)
    samples = np.pad(samples, (0, max(0, framing.n_fft - short)))  # librosa wants a whole window
    spectrum = librosa.stft(samples, n_fft=framing.n_fft, pad_mode="constant", **frame)  # (bins, frames)
    gain_db = gain_db @ shares[nearest].T  # (frames, bins)
    gain_db = np.pad(gain_db, ((0, spectrum.shape[1] - len(gain_db)), (0, 0)), mode="edge")
    spectrum *= 10 ** (gain_db.T / 20)
    return librosa.istft(spectrum, n_fft=framing.n_fft, length=len(samples), **frame)[:short].astype("float32")


def between(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Points on the straight way from a (n,) to b (n,), both ends among them: (steps, n). Raises ZooError."""
    if not isinstance(steps, int | np.integer) or steps < 2:
        raise ZooError(f"A way has a number of steps, at least its two ends; received steps={steps!r}.")
    share = np.linspace(0.0, 1.0, steps, dtype="float32")[:, None]
    return (1 - share) * a[None] + share * b[None]
