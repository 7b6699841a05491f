"""What an autoencoder gave back, how far it is from what went in, and both as sound. NumPy; no model is known here."""

from dataclasses import dataclass, field

import numpy as np

from zoo.audio import check_rate
from zoo.errors import AudioError, ZooError
from zoo.layers import mel_filters


@dataclass(frozen=True)
class Frames:
    """How sound was cut into log-mel frames, which is what it takes to go back."""

    sample_rate: int  # Hz
    n_fft: int  # points
    hop_length: int  # samples
    win_length: int  # samples

    @classmethod
    def of(cls, config: object) -> "Frames":
        """Those of a model's config."""
        return cls(config.sample_rate, config.n_fft, config.hop_length, config.win_length)

    @property
    def hop_seconds(self) -> float:
        return self.hop_length / self.sample_rate


@dataclass(frozen=True)
class Reconstruction:
    """A clip's log-mel beside its reconstruction.

    Attributes:
        log_mel: `(frames, bands)` in dB below the clip's loudest point.
        reconstruction: The same, decoded from the code.
        code: `(frames of the code, n)`, or `(n,)` where one code is of the whole word.
        peak: Level of the loudest point in dB.
        framing: How the frames were cut.
    """

    log_mel: np.ndarray = field(repr=False)
    reconstruction: np.ndarray = field(repr=False)
    code: np.ndarray = field(repr=False)
    peak: float
    framing: Frames

    @property
    def error_db(self) -> float:
        """Root mean square error in dB over all frames and bands."""
        return float(np.sqrt(np.mean(np.square(self.reconstruction - self.log_mel))))

    @property
    def band_error_db(self) -> np.ndarray:
        """Root mean square error in dB of each mel band, `(bands,)`."""
        return np.sqrt(np.mean(np.square(self.reconstruction - self.log_mel), axis=0))

    def sound(self, iterations: int = 32) -> tuple[np.ndarray, int]:
        """Return the reconstruction as sound, samples `(samples,)` and their rate, by `griffin_lim`."""
        return self._sound(self.reconstruction, iterations)

    def original_sound(self, iterations: int = 32) -> tuple[np.ndarray, int]:
        """Return the log-mel as sound by the same way: what is lost here is not the autoencoder's fault."""
        return self._sound(self.log_mel, iterations)

    def _sound(self, log_mel: np.ndarray, iterations: int) -> tuple[np.ndarray, int]:
        f = self.framing
        samples = griffin_lim(
            log_mel + self.peak, f.sample_rate, f.n_fft, f.hop_length, f.win_length, iterations=iterations
        )
        return samples, f.sample_rate


def griffin_lim(
    log_mel: np.ndarray,
    sample_rate: int,
    n_fft: int = 512,
    hop_length: int = 160,
    win_length: int | None = None,
    *,
    iterations: int = 32,
    seed: int = 0,
) -> np.ndarray:
    """Estimate the sound that has these log-mel frames.

    A log-mel frame has lost the phase of each frequency and the frequencies inside each band. The second is estimated by
    least squares without negative power, the first by going back and forth between sound and spectrum until both agree
    (D. Griffin, J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE ASSP 32, 1984; with the
    momentum of Perraudin et al. 2013). It sounds hollow; words stay intelligible.

    Args:
        log_mel: `(frames, bands)` in dB, as `LogMel` and `librosa.power_to_db` give it.
        sample_rate: Rate in hertz.
        n_fft: Points of the Fourier transform.
        hop_length: Samples from one frame to the next.
        win_length: Samples of a window, by default `n_fft`.
        iterations: Times back and forth.
        seed: Seed of the phases that it begins with.

    Returns:
        `(samples,)` float32 in [-1, 1]: `(frames - 1) * hop_length` samples, at least one hop.

    Raises:
        AudioError: If `log_mel` is no matrix of finite numbers, or the sizes do not fit each other.

    >>> griffin_lim(np.full((21, 40), -30.0), 8000, 256, 80, 200).shape
    (1600,)
    """
    import librosa

    win_length = n_fft if win_length is None else win_length
    check_rate(sample_rate)
    log_mel = np.asarray(log_mel, "float64")
    if log_mel.ndim != 2 or 0 in log_mel.shape:
        raise AudioError(f"`log_mel` must have the shape (frames, bands), not empty. Received: {log_mel.shape}.")
    if bad := int(np.sum(~np.isfinite(log_mel))):
        raise AudioError(f"`log_mel` must be finite. Received: {bad} values that are NaN or infinite.")
    if not 0 < hop_length <= win_length <= n_fft:
        raise AudioError(
            f"`hop_length` must be in 0 < hop_length <= win_length <= n_fft. Received: hop_length={hop_length}, "
            f"win_length={win_length}, n_fft={n_fft}."
        )
    if iterations < 1:
        raise AudioError(f"`iterations` must be at least 1. Received: iterations={iterations}.")
    if len(log_mel) == 1:
        log_mel = np.repeat(log_mel, 2, axis=0)  # a single frame has no neighbour to agree with
    power = 10.0 ** (np.minimum(log_mel, 60.0).T / 10)  # 60 dB is beyond full scale
    magnitude = librosa.feature.inverse.mel_to_stft(power, sr=sample_rate, n_fft=n_fft, power=2.0)
    length = max((len(log_mel) - 1) * hop_length, hop_length)
    samples = librosa.griffinlim(
        magnitude.astype("float32"), n_iter=iterations, hop_length=hop_length, win_length=win_length, n_fft=n_fft,
        length=length, pad_mode="constant", random_state=seed,
    )  # fmt: skip
    return (samples / max(1.0, float(np.abs(samples).max()))).astype("float32")


def apply_gain(samples: np.ndarray, gain_db: np.ndarray, framing: Frames, n_mels: int) -> np.ndarray:
    """Turn each mel band of each frame of a clip up or down and keep its phase.

    Args:
        samples: `(samples,)` at the framing's rate.
        gain_db: `(frames, n_mels)`.
        framing: How the frames were cut.
        n_mels: Mel bands.
    """
    import librosa

    filters = mel_filters(framing.sample_rate, framing.n_fft, n_mels)  # (bins, n_mels)
    # The gain of a bin is the mean of those of its bands, weighted by their filters. Bins below the first band and above
    # the last take the gain of the nearest bin that has one.
    weights = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)
    covered = np.flatnonzero(filters.sum(axis=1) > 0)
    nearest = covered[np.abs(np.arange(len(filters))[:, None] - covered[None, :]).argmin(axis=1)]
    frame = dict(hop_length=framing.hop_length, win_length=framing.win_length, center=True)
    length = len(samples)
    samples = np.pad(samples, (0, max(0, framing.n_fft - length)))  # librosa wants a whole window
    spectrum = librosa.stft(samples, n_fft=framing.n_fft, pad_mode="constant", **frame)  # (bins, frames)
    gain_db = gain_db @ weights[nearest].T  # (frames, bins)
    gain_db = np.pad(gain_db, ((0, spectrum.shape[1] - len(gain_db)), (0, 0)), mode="edge")
    spectrum *= 10 ** (gain_db.T / 20)
    return librosa.istft(spectrum, n_fft=framing.n_fft, length=len(samples), **frame)[:length].astype("float32")


def lerp(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Interpolate linearly between two codes (n,): (steps, n), both ends included."""
    if not isinstance(steps, int | np.integer) or steps < 2:
        raise ZooError(f"`steps` must be a whole number, at least 2. Received: steps={steps!r}.")
    weight = np.linspace(0.0, 1.0, steps, dtype="float32")[:, None]
    return (1 - weight) * a[None] + weight * b[None]
