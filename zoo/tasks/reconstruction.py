"""What an autoencoder gave back, how far it is from what went in, and both as sound. NumPy; no model is known here."""

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from zoo.audio import check_rate
from zoo.errors import AudioError, check_whole
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
        """Seconds from one frame to the next."""
        return self.hop_length / self.sample_rate


@dataclass(frozen=True)
class Reconstruction:
    """A clip's log-mel beside its reconstruction."""

    log_mel: np.ndarray = field(repr=False)  # (frames, bands) in dB below the clip's loudest point
    reconstruction: np.ndarray = field(repr=False)  # the same, decoded from the code
    code: np.ndarray = field(repr=False)  # (frames of the code, n), or (n,) where one code is of the whole word
    peak: float  # level of the loudest point in dB
    framing: Frames  # how the frames were cut

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
        samples = griffin_lim(self.reconstruction + self.peak, **asdict(self.framing), iterations=iterations)
        return samples, self.framing.sample_rate

    def original_sound(self, iterations: int = 32) -> tuple[np.ndarray, int]:
        """Return the log-mel as sound by the same way: what is lost here is not the autoencoder's fault."""
        return replace(self, reconstruction=self.log_mel).sound(iterations)


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
    """Estimate the sound that has these log-mel frames: `((frames - 1) * hop_length,)` float32 in [-1, 1], at least one hop.

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

    >>> griffin_lim(np.full((21, 40), -30.0), 8000, 256, 80, 200).shape
    (1600,)
    """
    import librosa

    win_length = n_fft if win_length is None else win_length
    check_rate(sample_rate)
    log_mel = np.asarray(log_mel, "float64")
    if log_mel.ndim != 2 or not log_mel.size or not np.isfinite(log_mel).all():
        raise AudioError(f"`log_mel` must be finite and (frames, bands), not empty. Received: shape {log_mel.shape}.")
    if not 0 < hop_length <= win_length <= n_fft:
        sizes = f"{hop_length}, {win_length}, {n_fft}"
        raise AudioError(f"`hop_length` must be in 0 < hop_length <= win_length <= n_fft. Received: {sizes}.")
    check_whole("iterations", iterations)
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
    """Turn each mel band of each frame of `(samples,)` up or down, by `(frames, n_mels)` in dB, and keep its phase."""
    import librosa

    filters = mel_filters(framing.sample_rate, framing.n_fft, n_mels)  # (bins, n_mels)
    # The gain of a bin is the mean of those of its bands, weighted by their filters. Bins below the first band and above
    # the last take the gain of the nearest bin that has one.
    weights = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)
    covered = np.flatnonzero(filters.sum(axis=1) > 0)
    nearest = covered[np.abs(np.arange(len(filters))[:, None] - covered[None, :]).argmin(axis=1)]
    frame, length = {"hop_length": framing.hop_length, "win_length": framing.win_length}, len(samples)
    samples = np.pad(samples, (0, max(0, framing.n_fft - length)))  # librosa wants a whole window
    spectrum = librosa.stft(samples, n_fft=framing.n_fft, pad_mode="constant", **frame)  # (bins, frames)
    gain_db = gain_db @ weights[nearest].T  # (frames, bins)
    gain_db = np.pad(gain_db, ((0, spectrum.shape[1] - len(gain_db)), (0, 0)), mode="edge")
    spectrum *= 10 ** (gain_db.T / 20)
    return librosa.istft(spectrum, n_fft=framing.n_fft, length=len(samples), **frame)[:length].astype("float32")


def lerp(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Interpolate linearly between two codes (n,): (steps, n), both ends included."""
    check_whole("steps", steps, least=2)
    return np.linspace(a, b, steps, dtype="float32")
