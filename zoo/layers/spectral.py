"""From waveform to spectral frames: the front end that travels inside every model.

    waveform (batch, samples) --PowerSpectrum--> (batch, frames, n_fft // 2 + 1)
                              --LogMel---------> (batch, frames, n_mels)   dB
                              --MFCC-----------> (batch, frames, n_mfcc)

Every layer takes true lengths and returns true lengths. Clips are padded on the right, and padding has no effect.
The numbers equal librosa's (McFee et al. 2015: Slaney mel, centred frames, Hann window) to 1e-4.
"""

import math

import keras
import numpy as np
from keras import ops

from zoo.errors import ZooError
from zoo.layers._base import FixedLayer, Tensor, check_positive
from zoo.layers.masking import frame_mask

# Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
_HZ_PER_MEL = 200.0 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: np.ndarray) -> np.ndarray:
    """Converts frequencies in hertz to Slaney mels.

    >>> hz_to_mel([0, 500, 1000, 4000]).round(1)
    array([ 0. ,  7.5, 15. , 35.2])
    """
    hz = np.asarray(hz, dtype=float)
    above = _BREAK_HZ / _HZ_PER_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _HZ_PER_MEL, above)


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """Converts Slaney mels to frequencies in hertz."""
    mel = np.asarray(mel, dtype=float)
    break_mel = _BREAK_HZ / _HZ_PER_MEL
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, break_mel) - break_mel))
    return np.where(mel < break_mel, mel * _HZ_PER_MEL, above)


def mel_filters(sample_rate: int, n_fft: int, n_mels: int, fmin: float = 0.0, fmax: float | None = None) -> np.ndarray:
    """Returns triangular filters of equal area, (n_fft // 2 + 1, n_mels) float32, as `librosa.filters.mel`.

    >>> mel_filters(16000, 512, 80).shape
    (257, 80)
    """
    fmax = sample_rate / 2 if fmax is None else fmax
    bins = (np.arange(n_fft // 2 + 1) * sample_rate / n_fft)[:, None]
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin), hz_to_mel(fmax), n_mels + 2))
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return (np.maximum(0.0, triangles) * 2.0 / (high - low)).astype("float32")


class PowerSpectrum(FixedLayer):
    """Framed power spectrum |STFT|^2, as `np.abs(librosa.stft(..., pad_mode="constant")) ** 2`.

    Args:
        n_fft: Points of the Fourier transform.
        hop_length: Samples from the start of one frame to the next.
        win_length: Samples of the Hann window, centred in `n_fft`. Defaults to `n_fft`.

    Call:
        (waveform (batch, samples), lengths (batch,) in samples) ->
        (power (batch, 1 + samples // hop_length, n_fft // 2 + 1), lengths in frames).

    >>> power, frames = PowerSpectrum(512, 160)(np.zeros((2, 16000), "float32"), np.array([16000, 9000]))
    >>> tuple(power.shape), [int(n) for n in frames]
    ((2, 101, 257), [101, 57])
    """

    def __init__(self, n_fft: int = 512, hop_length: int = 160, win_length: int | None = None, **kwargs):
        super().__init__(**kwargs)
        win_length = n_fft if win_length is None else win_length
        check_positive(hop_length=hop_length)
        if not 0 < win_length <= n_fft:
            raise ZooError(f"`win_length` must be between 1 and n_fft={n_fft}. Received: win_length={win_length}.")
        self.n_fft, self.hop_length, self.win_length = n_fft, hop_length, win_length
        # A periodic Hann window: its last zero belongs to the next period.
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)).astype("float32")

    def _n_frames(self, samples):
        return 1 + (samples - self.n_fft % 2) // self.hop_length  # half an FFT of zeros lies on either side

    @property
    def bins(self) -> int:
        """Values in a frame of the result."""
        return self.n_fft // 2 + 1

    def compute_output_spec(self, waveform, lengths):
        # Under PyTorch, Keras would take the frames of a made-up number of samples for those of every clip.
        batch, samples = waveform.shape
        frames = None if samples is None else self._n_frames(samples)
        return keras.KerasTensor((batch, frames, self.bins)), keras.KerasTensor(lengths.shape, lengths.dtype)

    def call(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        hop, samples = self.hop_length, ops.shape(waveform)[1]
        waveform = ops.where(frame_mask(lengths, samples), waveform, 0.0)
        n_frames = self._n_frames(samples)
        # Cut the padded waveform into blocks of one hop. Frame t is the blocks t, t + 1, ... side by side, so no
        # sample is gathered.
        lead = self.n_fft // 2 - (self.n_fft - self.win_length) // 2  # centres the window on its frame's time
        hops = -(-self.win_length // hop)  # blocks that one window touches
        padded = ops.pad(waveform, ((0, 0), (lead, (hops + 1) * hop)))[:, : (n_frames + hops - 1) * hop]
        blocks = ops.reshape(padded, (-1, n_frames + hops - 1, hop))
        windows = [self._window[i * hop : (i + 1) * hop] for i in range(hops)]
        parts = [blocks[:, i : i + n_frames, : len(window)] * window for i, window in enumerate(windows)]
        parts[-1] = ops.pad(parts[-1], ((0, 0), (0, 0), (0, self.n_fft - self.win_length)))
        frames = ops.concatenate(parts, axis=-1)
        # The window's place within the n_fft points changes the phase alone, which the power does not keep.
        cosine, sine = ops.rfft(frames, self.n_fft)
        return ops.square(cosine) + ops.square(sine), self._n_frames(lengths)


class LogMel(PowerSpectrum):
    """Log-mel spectrum in dB, as `librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=top_db)`.

    Args:
        sample_rate: Hertz.
        n_fft, hop_length, win_length: As for `PowerSpectrum`.
        n_mels: Number of bands.
        fmin: Lower edge of the lowest band in hertz.
        fmax: Upper edge of the highest band in hertz. Defaults to half the sample rate.
        top_db: Values this many dB below the clip's own (not the batch's) maximum are cut off there; None cuts none.

    Call:
        (waveform, lengths) -> (log-mel (batch, frames, n_mels), lengths in frames); padding holds the floor.

    >>> tuple(LogMel(16000, n_mels=80)(np.zeros((2, 16000), "float32"), np.array([16000, 9000]))[0].shape)
    (2, 101, 80)
    """

    AMIN = 1e-10  # floor of the power; librosa's value

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 512,
        hop_length: int = 160,
        win_length: int | None = None,
        n_mels: int = 80,
        fmin: float = 0.0,
        fmax: float | None = None,
        top_db: float | None = 80.0,
        **kwargs,
    ):
        super().__init__(n_fft=n_fft, hop_length=hop_length, win_length=win_length, **kwargs)
        fmax = sample_rate / 2 if fmax is None else fmax
        if not 0 <= fmin < fmax <= sample_rate / 2:
            name = "fmin" if 0 < fmax <= sample_rate / 2 else "fmax"
            received = f"fmin={fmin}, fmax={fmax}, sample_rate={sample_rate}"
            raise ZooError(f"`{name}` must satisfy 0 <= fmin < fmax <= sample_rate / 2. Received: {received}.")
        check_positive(n_mels=n_mels)
        self.sample_rate, self.n_mels, self.fmin, self.fmax, self.top_db = sample_rate, n_mels, fmin, fmax, top_db
        self._filters = mel_filters(sample_rate, n_fft, n_mels, fmin, fmax)

    @property
    def bins(self) -> int:
        return self.n_mels

    def call(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        power, lengths = super().call(waveform, lengths)
        mel = ops.maximum(ops.matmul(power, self._filters), self.AMIN)
        decibels = ops.log(mel) * (10.0 / math.log(10.0))
        if self.top_db is not None:
            valid = frame_mask(lengths, ops.shape(decibels)[1])[:, :, None]
            peak = ops.max(ops.where(valid, decibels, 10 * math.log10(self.AMIN)), axis=(1, 2), keepdims=True)
            decibels = ops.maximum(decibels, peak - self.top_db)
        return decibels, lengths


class MFCC(LogMel):
    """Mel-frequency cepstral coefficients (Davis & Mermelstein 1980), as `librosa.feature.mfcc`: orthonormal DCT-II.

    Call:
        (waveform, lengths) -> (coefficients (batch, frames, n_mfcc), lengths in frames).

    >>> tuple(MFCC(13, sample_rate=16000)(np.zeros((2, 16000), "float32"), np.array([16000, 9000]))[0].shape)
    (2, 101, 13)
    """

    def __init__(self, n_mfcc: int = 13, **kwargs):
        super().__init__(**kwargs)
        if not 0 < n_mfcc <= self.n_mels:
            raise ZooError(f"`n_mfcc` must be between 1 and n_mels={self.n_mels}. Received: n_mfcc={n_mfcc}.")
        self.n_mfcc = n_mfcc
        band, order = np.arange(self.n_mels)[:, None], np.arange(n_mfcc)[None, :]
        dct = np.cos(np.pi * order * (2 * band + 1) / (2 * self.n_mels)) * np.sqrt(2.0 / self.n_mels)
        dct[:, 0] /= np.sqrt(2.0)
        self._dct = dct.astype("float32")

    @property
    def bins(self) -> int:
        return self.n_mfcc

    def call(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        log_mel, lengths = super().call(waveform, lengths)
        return ops.matmul(log_mel, self._dct), lengths


class Deltas(FixedLayer):
    """Appends the slope of each coefficient over `width` frames, as `librosa.feature.delta(order=1, mode="nearest")`.

    The second order is the slope of the slope, as in HTK and Kaldi; librosa's `order=2` is the second derivative of a
    parabola. The first and last real frames are repeated outwards, so padding has no effect.

    Call:
        (frames (batch, frames, n), lengths) -> (frames (batch, frames, n * (1 + order)), lengths).

    >>> frames = np.arange(20, dtype="float32").reshape(1, 20, 1)  # a straight line: its slope is 1, the slope of that 0
    >>> np.asarray(Deltas()(frames, np.array([20]))[0])[0, 10].round(4).tolist()
    [10.0, 1.0, 0.0]
    """

    def __init__(self, width: int = 9, order: int = 2, **kwargs):
        super().__init__(**kwargs)
        if width < 3 or width % 2 == 0:
            raise ZooError(f"`width` must be odd and at least 3. Received: width={width}.")
        if order not in (1, 2):
            raise ZooError(f"`order` must be 1 or 2. Received: order={order}.")
        self.width, self.order = width, order

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        parts = [frames]
        for _ in range(self.order):
            parts.append(self._slope(parts[-1], lengths))
        return ops.concatenate(parts, axis=-1), lengths

    def _slope(self, frames, lengths):
        half = self.width // 2
        time = ops.arange(ops.shape(frames)[1], dtype="int32")[None, :]
        last = ops.cast(lengths, "int32")[:, None] - 1
        slope = 0.0
        for k in range(1, half + 1):
            later = ops.minimum(time + k, ops.maximum(last, 0))
            earlier = ops.maximum(ops.minimum(time - k, last), 0)
            ahead = ops.take_along_axis(frames, later[:, :, None], axis=1)
            behind = ops.take_along_axis(frames, earlier[:, :, None], axis=1)
            slope = slope + k * (ahead - behind)
        return slope / (2.0 * sum(k * k for k in range(1, half + 1)))
