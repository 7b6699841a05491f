"""Waveform to spectral frames, as Keras layers: the front end that travels inside every model.

    waveform (batch, samples) --PowerSpectrum--> (batch, frames, n_fft // 2 + 1)
                              --LogMel---------> (batch, frames, n_mels)   dB
                              --MFCC-----------> (batch, frames, n_mfcc)

Every layer takes the true lengths and returns the true lengths: clips are padded on the right, and what lies beyond
a clip's length changes nothing. The numbers equal librosa's (McFee et al. 2015: Slaney mel, centred frames, Hann
window) to 1e-4.
"""

import math

import keras
import numpy as np
from keras import ops

from zoo.errors import ZooError
from zoo.layers import FixedLayer, frame_mask

# Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
_HZ_PER_MEL = 200.0 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: np.ndarray) -> np.ndarray:
    """Frequencies in hertz as Slaney mels.

    >>> hz_to_mel([0, 500, 1000, 4000]).round(1)
    array([ 0. ,  7.5, 15. , 35.2])
    """
    hz = np.asarray(hz, dtype=float)
    above = _BREAK_HZ / _HZ_PER_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _HZ_PER_MEL, above)


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """Slaney mels as frequencies in hertz.

    >>> mel_to_hz([0, 7.5, 15]).round()
    array([   0.,  500., 1000.])
    """
    mel = np.asarray(mel, dtype=float)
    break_mel = _BREAK_HZ / _HZ_PER_MEL
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, break_mel) - break_mel))
    return np.where(mel < break_mel, mel * _HZ_PER_MEL, above)


def mel_filters(sample_rate: int, n_fft: int, n_mels: int, fmin: float = 0.0, fmax: float | None = None) -> np.ndarray:
    """Triangular filters of equal area, (n_fft // 2 + 1, n_mels); see `librosa.filters.mel`.

    >>> mel_filters(16000, 512, 80).shape
    (257, 80)
    """
    fmax = sample_rate / 2 if fmax is None else fmax
    bins = (np.arange(n_fft // 2 + 1) * sample_rate / n_fft)[:, None]
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin), hz_to_mel(fmax), n_mels + 2))
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return (np.maximum(0.0, triangles) * 2.0 / (high - low)).astype("float32")


@keras.saving.register_keras_serializable("zoo")
class PowerSpectrum(FixedLayer):
    """Framed power spectrum |STFT|^2, as `np.abs(librosa.stft(..., pad_mode="constant")) ** 2`.

    Args:
        n_fft: points of the Fourier transform.
        hop_length: samples from one frame's start to the next.
        win_length: samples of the Hann window, centred in `n_fft` (default: n_fft).

    Call: (waveform (batch, samples), lengths (batch,) in samples) ->
        (power (batch, frames, n_fft // 2 + 1), lengths (batch,) in frames); frames = 1 + samples // hop_length, for an
        odd n_fft 1 + (samples - 1) // hop_length.
    Raises: ZooError where win_length exceeds n_fft or a size is not positive.

    >>> waveform, lengths = np.random.default_rng(0).normal(size=(2, 16000)).astype("float32"), np.array([16000, 9000])
    >>> power, frames = PowerSpectrum(n_fft=512, hop_length=160)(waveform, lengths)
    >>> tuple(power.shape), [int(n) for n in frames]
    ((2, 101, 257), [101, 57])
    """

    def __init__(self, n_fft: int = 512, hop_length: int = 160, win_length: int | None = None, **kwargs):
        super().__init__(**kwargs)
        win_length = n_fft if win_length is None else win_length
        if not (0 < win_length <= n_fft and hop_length > 0):
            raise ZooError(
                f"A frame needs 0 < win_length <= n_fft and hop_length > 0; "
                f"received win_length={win_length}, n_fft={n_fft}, hop_length={hop_length}."
            )
        self.n_fft, self.hop_length, self.win_length = n_fft, hop_length, win_length
        # Hann's window for spectral analysis: one period, so its last zero belongs to the next.
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)).astype("float32")

    def _n_frames(self, samples):
        return 1 + (samples - self.n_fft % 2) // self.hop_length  # half an FFT of zeros lies on either side

    def call(self, waveform, lengths):
        hop, samples = self.hop_length, ops.shape(waveform)[1]
        waveform = ops.where(frame_mask(lengths, samples), waveform, 0.0)
        n_frames = self._n_frames(samples)
        # Cut the padded waveform into blocks of one hop: frame t is the blocks t, t + 1, ... side by side, so no sample is
        # gathered.
        lead = self.n_fft // 2 - (self.n_fft - self.win_length) // 2  # a window's middle lies on its frame's time
        hops = -(-self.win_length // hop)  # blocks that one window touches
        padded = ops.pad(waveform, ((0, 0), (lead, (hops + 1) * hop)))[:, : (n_frames + hops - 1) * hop]
        blocks = ops.reshape(padded, (-1, n_frames + hops - 1, hop))
        windows = [self._window[i * hop : (i + 1) * hop] for i in range(hops)]
        parts = [blocks[:, i : i + n_frames, : len(window)] * window for i, window in enumerate(windows)]
        parts[-1] = ops.pad(parts[-1], ((0, 0), (0, 0), (0, self.n_fft - self.win_length)))
        frames = ops.concatenate(parts, axis=-1)
        # Where in the n_fft points the window lies would change the phase alone, which the power does not keep.
        cosine, sine = ops.rfft(frames, self.n_fft)
        return ops.square(cosine) + ops.square(sine), self._n_frames(lengths)

    def get_config(self):
        return super().get_config() | {
            "n_fft": self.n_fft,
            "hop_length": self.hop_length,
            "win_length": self.win_length,
        }


@keras.saving.register_keras_serializable("zoo")
class LogMel(PowerSpectrum):
    """Log-mel spectrum in dB, as `librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=top_db)`.

    Args (besides PowerSpectrum's):
        sample_rate: hertz.
        n_mels: bands. fmin, fmax: hertz, the outer edges of the bands (fmax default: half the rate).
        top_db: dB below the clip's own maximum at which values are cut off; None cuts nothing. Each clip has its own
            maximum (a quiet clip beside a loud one is left as it is), so features do not depend on recording level.

    Call: (waveform, lengths) -> (log-mel (batch, frames, n_mels), lengths in frames); padded frames hold the floor.

    >>> waveform, lengths = np.random.default_rng(0).normal(size=(2, 16000)).astype("float32"), np.array([16000, 9000])
    >>> log_mel, frames = LogMel(16000, n_fft=512, hop_length=160, n_mels=80)(waveform, lengths)
    >>> tuple(log_mel.shape)
    (2, 101, 80)
    """

    AMIN = 1e-10  # power below which nothing is told apart; librosa's value

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
            raise ZooError(
                f"Mel bands need 0 <= fmin < fmax <= half the sample rate; "
                f"received fmin={fmin}, fmax={fmax} at {sample_rate} Hz."
            )
        if not n_mels > 0:
            raise ZooError(f"A log-mel spectrum has at least one band; received n_mels={n_mels}.")
        self.sample_rate, self.n_mels, self.fmin, self.fmax, self.top_db = sample_rate, n_mels, fmin, fmax, top_db
        self._filters = mel_filters(sample_rate, n_fft, n_mels, fmin, fmax)

    def call(self, waveform, lengths):
        power, lengths = super().call(waveform, lengths)
        mel = ops.maximum(ops.matmul(power, self._filters), self.AMIN)
        decibel = ops.log(mel) * (10.0 / math.log(10.0))
        if self.top_db is not None:
            valid = frame_mask(lengths, ops.shape(decibel)[1])[:, :, None]
            loudest = ops.max(ops.where(valid, decibel, 10 * math.log10(self.AMIN)), axis=(1, 2), keepdims=True)
            decibel = ops.maximum(decibel, loudest - self.top_db)
        return decibel, lengths

    def get_config(self):
        names = ("sample_rate", "n_mels", "fmin", "fmax", "top_db")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("zoo")
class MFCC(LogMel):
    """Mel-frequency cepstral coefficients (Davis & Mermelstein 1980), as `librosa.feature.mfcc` (DCT-II, orthonormal).

    Args (besides LogMel's): n_mfcc: coefficients kept, at most n_mels.
    Call: (waveform, lengths) -> (coefficients (batch, frames, n_mfcc), lengths in frames).

    >>> waveform, lengths = np.random.default_rng(0).normal(size=(2, 16000)).astype("float32"), np.array([16000, 9000])
    >>> tuple(MFCC(13, sample_rate=16000)(waveform, lengths)[0].shape)
    (2, 101, 13)
    """

    def __init__(self, n_mfcc: int = 13, **kwargs):
        super().__init__(**kwargs)
        if not 0 < n_mfcc <= self.n_mels:
            raise ZooError(f"n_mfcc must lie between 1 and n_mels={self.n_mels}; received {n_mfcc}.")
        self.n_mfcc = n_mfcc
        band, order = np.arange(self.n_mels)[:, None], np.arange(n_mfcc)[None, :]
        dct = np.cos(np.pi * order * (2 * band + 1) / (2 * self.n_mels)) * np.sqrt(2.0 / self.n_mels)
        dct[:, 0] /= np.sqrt(2.0)
        self._dct = dct.astype("float32")

    def call(self, waveform, lengths):
        log_mel, lengths = super().call(waveform, lengths)
        return ops.matmul(log_mel, self._dct), lengths

    def get_config(self):
        return super().get_config() | {"n_mfcc": self.n_mfcc}


@keras.saving.register_keras_serializable("zoo")
class Deltas(FixedLayer):
    """Slope of each coefficient over time, appended: as `librosa.feature.delta(order=1, mode="nearest")`, then its own.

    The second is the slope of the slope, as recognisers have it (HTK, Kaldi); librosa's `order=2` is another one, the
    second derivative of a parabola fitted to the frames.

    Args: width: frames of the fit (odd, at least 3). order: 1 appends deltas, 2 also their deltas.
    Call: (frames (batch, frames, n), lengths) -> (frames (batch, frames, n * (1 + order)), lengths).
    The first and last valid frames are repeated outwards, so padding is never looked at.

    >>> frames = np.arange(20, dtype="float32").reshape(1, 20, 1)  # a straight line: its slope is 1, the slope of that 0
    >>> np.asarray(Deltas()(frames, np.array([20]))[0])[0, 10].round(4).tolist()
    [10.0, 1.0, 0.0]
    """

    def __init__(self, width: int = 9, order: int = 2, **kwargs):
        super().__init__(**kwargs)
        if width < 3 or width % 2 == 0 or order not in (1, 2):
            raise ZooError(f"Deltas need an odd width >= 3 and order 1 or 2; received width={width}, order={order}.")
        self.width, self.order = width, order

    def call(self, frames, lengths):
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

    def get_config(self):
        return super().get_config() | {"width": self.width, "order": self.order}


@keras.saving.register_keras_serializable("zoo")
class Normalise(FixedLayer):
    """Per-utterance mean and variance normalisation of each bin over the valid frames; padded frames become 0.

    It removes what is constant in a recording: level, microphone, telephone line (Viikki & Laurila 1998). Silence is
    normalised, but not counted: seconds of it before the first word would move the mean of every bin.

    Args: silence_db: a frame whose loudest bin is so many dB below that of the clip's loudest frame is silence.
    Call: (frames (batch, frames, n) in dB, lengths) -> (frames (batch, frames, n), lengths).

    >>> frames = np.random.default_rng(0).normal(5, 2, (1, 50, 3)).astype("float32")
    >>> found, _ = Normalise()(frames, np.array([50]))
    >>> bool(np.allclose(np.mean(found, axis=1), 0, atol=1e-3))
    True
    """

    # dB, added to the deviation in quadrature. Speech moves every bin by more than this; a bin that hardly moves, such
    # as those above a telephone's band, must not have its rounding errors blown up to the size of speech.
    EPSILON = 4.0

    def __init__(self, silence_db: float = 60.0, **kwargs):
        super().__init__(**kwargs)
        if not silence_db > 0:
            raise ZooError(f"Silence lies a positive number of dB below speech; received silence_db={silence_db}.")
        self.silence_db = silence_db

    def call(self, frames, lengths):
        valid = frame_mask(lengths, ops.shape(frames)[1])[:, :, None]
        loudness = ops.max(ops.where(valid, frames, -1e9), axis=2, keepdims=True)  # (batch, frames, 1)
        spoken = loudness > ops.max(loudness, axis=1, keepdims=True) - self.silence_db
        counted = ops.cast(ops.logical_and(valid, spoken), frames.dtype)
        count = ops.maximum(ops.sum(counted, axis=1, keepdims=True), 1.0)
        centred = (frames - ops.sum(frames * counted, axis=1, keepdims=True) / count) * ops.cast(valid, frames.dtype)
        variance = ops.sum(ops.square(centred) * counted, axis=1, keepdims=True) / count
        return centred / ops.sqrt(variance + self.EPSILON**2), lengths

    def get_config(self):
        return super().get_config() | {"silence_db": self.silence_db}


@keras.saving.register_keras_serializable("zoo")
class Level(FixedLayer):
    """Takes one number, the clip's mean level over all frames and bands, from all of them; the result is in units of 20 dB.

    The gentle alternative to `Normalise`: what is constant in a short word is the word and the voice as well as the
    microphone, and here it is kept.

    Call: (frames (batch, frames, n) in dB, lengths) -> frames of the same shape, 0 beyond their lengths.

    >>> frames = np.full((1, 4, 2), -30, "float32")
    >>> tuple(Level()(frames, np.array([4])).shape)
    (1, 4, 2)
    """

    def call(self, frames, lengths):
        valid = ops.cast(frame_mask(lengths, ops.shape(frames)[1]), frames.dtype)[:, :, None]
        count = ops.cast(lengths, frames.dtype)[:, None, None] * frames.shape[2]
        mean = ops.sum(frames * valid, axis=(1, 2), keepdims=True) / count
        return (frames - mean) * valid / 20.0


@keras.saving.register_keras_serializable("zoo")
class BelowPeak(FixedLayer):
    """dB below the loudest point of the clip, from -range_db to 0: how loud a recording is says nothing about what it holds.

    A target of known range is what a network can be built to hit: a sigmoid gives numbers between 0 and 1 and nothing
    else, and a tutorial that asks one for -37 dB waits for ever.

    Args: range_db: what is quieter counts as so quiet.
    Call: (frames (batch, frames, n) in dB, lengths) -> (frames of the same shape, -range_db beyond their lengths; the
        peak (batch,) in dB).
    """

    def __init__(self, range_db: float = 80.0, **kwargs):
        super().__init__(**kwargs)
        if not range_db > 0:
            raise ZooError(f"A range is a positive number of dB; received range_db={range_db}.")
        self.range_db = range_db

    def call(self, frames, lengths):
        valid = frame_mask(lengths, ops.shape(frames)[1])[:, :, None]
        peak = ops.max(ops.where(valid, frames, -1e9), axis=(1, 2))
        return self.below(frames, lengths, peak), peak

    def below(self, frames, lengths, peak):
        """The same below another clip's `peak` (batch,): a clean recording beside the noisy one that was made of it."""
        valid = frame_mask(lengths, ops.shape(frames)[1])[:, :, None]
        return ops.where(valid, ops.clip(frames - peak[:, None, None], -self.range_db, 0.0), -self.range_db)

    def get_config(self):
        return super().get_config() | {"range_db": self.range_db}


@keras.saving.register_keras_serializable("zoo")
class Splice(FixedLayer):
    """Groups of neighbouring frames as one long frame each; no frame is in two groups.

    The last group is filled up with the last real frame, so that padding is in none.

    Args: size: frames of a group.
    Call: (frames (batch, frames, n), lengths) -> (batch, ceil(frames / size), size * n), lengths in groups).

    >>> frames = np.arange(6, dtype="float32").reshape(1, 6, 1)
    >>> tuple(Splice(3)(frames, np.array([6]))[0].shape)
    (1, 2, 3)
    """

    def __init__(self, size: int = 5, **kwargs):
        super().__init__(**kwargs)
        if not size > 0:
            raise ZooError(f"A group has at least one frame; received size={size}.")
        self.size = size

    def call(self, frames, lengths):
        size, n_frames = self.size, ops.shape(frames)[1]
        lengths = ops.cast(lengths, "int32")
        groups = (n_frames + size - 1) // size
        time = ops.arange(groups * size, dtype="int32")[None, :]
        index = ops.minimum(time, lengths[:, None] - 1)
        spliced = ops.take_along_axis(frames, index[:, :, None], axis=1)
        return ops.reshape(spliced, (-1, groups, size * frames.shape[2])), (lengths + size - 1) // size

    def get_config(self):
        return super().get_config() | {"size": self.size}


@keras.saving.register_keras_serializable("zoo")
class TrimSilence(FixedLayer):
    """Cuts quiet frames off both ends of each clip, as `librosa.effects.trim` cuts samples; the rest moves to the left.

    Args:
        top_db: dB below the clip's loudest frame from which a frame is quiet. A frame is as loud as its loudest band.
        margin: quiet frames kept at either end, where there are some: words begin and end softly.
    Call: (frames (batch, frames, n) in dB, lengths) -> (frames of the same shape, 0 beyond the new lengths, lengths).

    >>> frames = np.array([-80, -80, -5, 0, -5, -80], "float32").reshape(1, 6, 1)
    >>> [int(n) for n in TrimSilence(40, margin=1)(frames, np.array([6]))[1]]
    [5]
    """

    def __init__(self, top_db: float = 22.0, margin: int = 3, **kwargs):
        super().__init__(**kwargs)
        if not top_db > 0:
            raise ZooError(f"Silence lies a positive number of dB below speech; received top_db={top_db}.")
        self.top_db, self.margin = top_db, margin

    def call(self, frames, lengths):
        n_frames = ops.shape(frames)[1]
        lengths = ops.cast(lengths, "int32")
        time = ops.arange(n_frames, dtype="int32")[None, :]
        loudness = ops.where(frame_mask(lengths, n_frames), ops.max(frames, axis=2), -1e9)  # (batch, frames)
        loud = loudness > ops.max(loudness, axis=1, keepdims=True) - self.top_db
        first = ops.maximum(ops.min(ops.where(loud, time, n_frames), axis=1) - self.margin, 0)
        last = ops.minimum(ops.max(ops.where(loud, time, 0), axis=1) + self.margin, lengths - 1)
        index = ops.minimum(time + first[:, None], n_frames - 1)
        kept = last - first + 1
        moved = ops.take_along_axis(frames, index[:, :, None], axis=1)
        return ops.where(frame_mask(kept, n_frames)[:, :, None], moved, 0.0), kept

    def get_config(self):
        return super().get_config() | {"top_db": self.top_db, "margin": self.margin}


@keras.saving.register_keras_serializable("zoo")
class Picture(FixedLayer):
    """Clips of any length as pictures of one size: each is stretched or squeezed along time to `width` frames.

    Linear time normalisation: what recognisers of words did before dynamic time warping (Sakoe & Chiba 1978). A
    convolutional network with a dense layer on top needs pictures of one size, and a word said slowly is then no
    other word. Every frame of the picture lies between two real ones, so padding is never looked at.

    Args: width: frames of the picture.
    Call: (frames (batch, frames, n), lengths) -> (batch, width, n, 1), an image of one channel.

    >>> frames = np.zeros((2, 70, 40), "float32")
    >>> tuple(Picture(32)(frames, np.array([70, 41])).shape)
    (2, 32, 40, 1)
    """

    def __init__(self, width: int = 48, **kwargs):
        super().__init__(**kwargs)
        if not width > 0:
            raise ZooError(f"A picture has at least one frame; received width={width}.")
        self.width = width

    def call(self, frames, lengths):
        last = ops.cast(lengths, "float32")[:, None] - 1.0
        share = (np.arange(self.width, dtype="float32") + 0.5) / self.width  # centres of the picture's frames
        position = ops.clip(share[None, :] * (last + 1.0) - 0.5, 0.0, last)  # (batch, width)
        below = ops.floor(position)
        part = (position - below)[:, :, None]
        above = ops.minimum(below + 1.0, last)
        low, high = (
            ops.take_along_axis(frames, ops.cast(index, "int32")[:, :, None], axis=1) for index in (below, above)
        )
        return (low * (1.0 - part) + high * part)[..., None]

    def get_config(self):
        return super().get_config() | {"width": self.width}
