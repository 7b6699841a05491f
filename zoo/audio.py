"""A file or an array in, (samples,) float32 in [-1, 1] at the model's rate out.

Whatever is not sound is refused here with one sentence, so that no later stage has to look again.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from zoo.errors import AudioError, MissingFileError, unknown_name

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # hertz; beyond them a number is a mistake, not a sample rate
SHORTEST = 0.01  # seconds: less holds not one period of a voice
MOST_CHANNELS = 8
UNKNOWN = 2**40  # a stream whose length nobody knew (FLAC, OGG or MP3 from a pipe) declares more samples than this
FORMATS = ("WAV", "WAVEX", "FLAC", "OGG", "MP3", "AIFF")  # those whose loss of samples is noticed


def load_audio(
    source: str | os.PathLike | BinaryIO | np.ndarray, target_rate: int = 16000, *, sample_rate: int | None = None
) -> np.ndarray:
    """Any recording as mono at one rate.

    Args:
        source: a path or a binary file object (WAV, FLAC, OGG, Opus, MP3, AIFF), or an array (samples,) or
            (samples, channels) of integers at full scale or of floats; (channels, samples) is understood too.
        target_rate: hertz of the result.
        sample_rate: hertz of an array; files carry their own.
    Returns: (samples,) float32. Channels are averaged. Floats beyond [-1, 1] are scaled down as a whole, not clipped.
    Raises: MissingFileError, AudioError (not audio, cut short, empty, not finite, impossible rate or shape).

    >>> load_audio(bundled("seven"), 8000).shape  # 1.4 s
    (11567,)
    """
    check_rate(target_rate, "target rate")
    if isinstance(source, str | os.PathLike):
        samples, rate, name = *_read(Path(source)), shown(source)
    elif hasattr(source, "read"):
        data, name = contents(source)
        samples, rate = _decode(data, name)
    elif hasattr(source, "__array__"):
        name = "the array"
        if sample_rate is None:
            raise AudioError("An array needs its sample rate in hertz; received none (pass sample_rate=16000, say).")
        samples, rate = from_array(np.asarray(source)), sample_rate
    else:
        raise AudioError(f"Audio is a path, a binary file object or an array; received {type(source).__name__}.")
    check_rate(rate, f"sample rate of {name}")
    samples = _mono(samples, name)
    if len(samples) < SHORTEST * rate:
        raise AudioError(
            f"Audio must last at least {SHORTEST * 1000:g} ms; {name} has {len(samples)} samples at {rate:g} Hz."
        )
    if not np.isfinite(samples).all():
        bad = int(np.sum(~np.isfinite(samples)))
        raise AudioError(f"Samples must be finite numbers; {name} has {bad} that are NaN or infinite.")
    samples = resample(samples, rate, target_rate)
    return samples / max(1.0, float(np.abs(samples).max()))


def contents(file: BinaryIO) -> tuple[bytes, str]:
    """(what a binary file object holds from its place on, its name). Raises AudioError.

    >>> contents(io.BytesIO(b"RIFF"))
    (b'RIFF', 'the file object')
    """
    name = Path(str(getattr(file, "name", "the file object"))).name
    try:
        data = file.read()
    except UnicodeDecodeError:  # opened as text
        data = ""
    if not isinstance(data, bytes):
        raise AudioError(f"A file object must be opened in binary mode; {name} gave {type(data).__name__}.")
    if not data:
        raise AudioError(f"Audio must hold samples; {name} is empty, or was read to its end before.")
    return data, name


def bundled(name: str) -> Path:
    """Path of a clip that comes with the package: inside it in an installed one, in data/ in a checkout.

    Raises: UnknownNameError.

    >>> bundled("woman-us").name
    'woman-us.wav'
    """
    package = Path(__file__).parent
    folders = (package / "samples", package.parent / "data" / "samples")
    clips = {path.stem: path for folder in folders for path in sorted(folder.glob("*.wav"))}
    if name.removesuffix(".wav") not in clips:
        raise unknown_name("bundled clip", name, clips)
    return clips[name.removesuffix(".wav")]


def duration(path: str | os.PathLike) -> float:
    """Seconds of an audio file as its header has them. Raises MissingFileError, AudioError."""
    import soundfile

    path = Path(path)
    if not _exists(path) or not path.is_file():
        raise MissingFileError(f"Audio must be a file that exists; there is none at {str(path)[:200]}.")
    try:
        with soundfile.SoundFile(str(path)) as file:
            frames = file.frames if file.frames < UNKNOWN else sum(map(len, _blocks(file)))
            return frames / file.samplerate
    except soundfile.LibsndfileError as error:
        raise AudioError(f"Audio must be WAV, FLAC, OGG or MP3; {path.name} is not ({error.error_string}).") from None


def resample(samples: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """(samples,) at another rate, band-limited (soxr's high quality); float32.

    >>> resample(np.zeros(44100), 44100, 16000).shape
    (16000,)
    """
    if not (from_rate > 0 and to_rate > 0):  # their ratio is what counts, and may be that of a speed
        raise AudioError(f"Rates are numbers above 0; received {from_rate!r} and {to_rate!r}.")
    if from_rate == to_rate:
        return np.asarray(samples, "float32")
    import soxr

    return soxr.resample(np.asarray(samples, "float32"), from_rate, to_rate, quality="HQ")


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
    """Sound whose log-mel frames are those given, as nearly as can be found.

    A log-mel frame has lost the phase of each frequency and the frequencies inside each band. The second is estimated by
    least squares without negative power, the first by going back and forth between sound and spectrum until both agree
    (D. Griffin, J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE ASSP 32, 1984; with the
    momentum of Perraudin et al. 2013). It sounds hollow; words stay intelligible.

    Args:
        log_mel: (frames, bands) in dB, as `zoo.features.LogMel` and `librosa.power_to_db` give it.
        sample_rate: hertz. n_fft: points. hop_length, win_length: samples (win_length default: n_fft).
        iterations: rounds. seed: of the phases that it begins with.
    Returns: (samples,) float32 in [-1, 1], (frames - 1) * hop_length samples, at least one hop.
    Raises: AudioError where log_mel is no picture of finite numbers, or the sizes cannot be.

    >>> import numpy as np, zoo
    >>> zoo.audio.griffin_lim(np.full((21, 40), -30.0), 8000, 256, 80, 200).shape
    (1600,)
    """
    import librosa

    win_length = n_fft if win_length is None else win_length
    check_rate(sample_rate, "sample rate of the frames")
    log_mel = np.asarray(log_mel, "float64")
    if log_mel.ndim != 2 or 0 in log_mel.shape:
        raise AudioError(
            f"Log-mel frames have the shape (frames, bands), at least one of both; received {log_mel.shape}."
        )
    if not np.isfinite(log_mel).all():
        raise AudioError(
            f"Log-mel frames are finite; received {int(np.sum(~np.isfinite(log_mel)))} values that are not."
        )
    if not (0 < hop_length <= win_length <= n_fft and iterations >= 1):
        raise AudioError(
            f"Sound comes from 0 < hop_length <= win_length <= n_fft and at least one iteration; received hop_length={hop_length}, "
            f"win_length={win_length}, n_fft={n_fft}, iterations={iterations}."
        )
    if len(log_mel) == 1:
        log_mel = np.repeat(log_mel, 2, axis=0)  # a single frame has no neighbour to agree with
    power = 10.0 ** (np.minimum(log_mel, 60.0).T / 10)  # 60 dB is beyond full scale
    magnitude = librosa.feature.inverse.mel_to_stft(power, sr=sample_rate, n_fft=n_fft, power=2.0)
    length = (len(log_mel) - 1) * hop_length
    samples = librosa.griffinlim(
        magnitude.astype("float32"), n_iter=iterations, hop_length=hop_length, win_length=win_length, n_fft=n_fft,
        length=max(length, hop_length), pad_mode="constant", random_state=seed,
    )  # fmt: skip
    return (samples / max(1.0, float(np.abs(samples).max()))).astype("float32")


def shown(path: str | os.PathLike) -> str:
    """A file as errors name it, with the folder that it lies in: a data set has many a 1.wav.

    >>> shown("words/yes/1.wav")
    'yes/1.wav'
    """
    return "/".join(Path(path).parts[-2:])


def check_rate(rate, what: str) -> None:
    """Raises AudioError for what is no sample rate in hertz.

    >>> check_rate(16000, "rate of the clip")
    """
    if not isinstance(rate, int | float | np.number) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(f"A sample rate lies between {LOWEST_RATE:,} and {HIGHEST_RATE:,} Hz; the {what} is {rate!r}.")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a text in place of a path is too long for a name
        return False


def _read(path: Path) -> tuple[np.ndarray, int]:
    if not _exists(path):
        raise MissingFileError(f"Audio must be a file that exists; there is none at {str(path)[:200]}.")
    if not path.is_file():
        raise AudioError(f"Audio must be a file; {path} is a folder or device.")
    return _decode(path.read_bytes(), shown(path))


def _decode(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """File contents -> ((samples, channels) float32, hertz)."""
    import soundfile

    if not data:
        raise AudioError(f"Audio must hold samples; {name} is an empty file.")
    _check_whole(data, name)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            format, declared, rate = file.format, file.frames, file.samplerate
            samples = None
            if format in FORMATS:
                known = declared < UNKNOWN
                samples = file.read(dtype="float32", always_2d=True) if known else np.concatenate([*_blocks(file)])
    except soundfile.LibsndfileError as error:
        reason = str(error.error_string).rstrip(".")
        raise AudioError(
            f"Audio must be WAV, FLAC, OGG or MP3, whole; {name} is not readable as such ({reason})."
        ) from None
    if samples is None:
        raise AudioError(f"Audio must be WAV, FLAC, OGG, MP3 or AIFF; {name} is {format}: convert it first.")
    if len(samples) < declared < UNKNOWN:
        raise AudioError(f"Audio must be whole; {name} declares {declared} samples and holds {len(samples)}.")
    return samples, rate


def _blocks(file) -> Iterator[np.ndarray]:
    """A soundfile.SoundFile of unknown length, (samples, channels) float32 at a time; the last one is empty."""
    file.seekable = lambda: False  # soundfile seeks after each read, which fails past the end that nobody knows
    while True:
        yield (block := file.read(65536, dtype="float32", always_2d=True))
        if not len(block):
            return


def _check_whole(data: bytes, name: str) -> None:
    """libsndfile shortens a file whose headers promise more than it holds without a word; say it."""
    if data[:4] == b"OggS":
        page = data[data.rfind(b"OggS") :]
        sizes = page[27 : 27 + page[26]] if len(page) > 26 else b""
        promised, held = 27 + len(sizes) + sum(sizes), len(page) if sizes else 0
    else:
        order = {b"RIFFWAVE": "little", b"FORMAIFF": "big", b"FORMAIFC": "big"}.get(data[:4] + data[8:12])
        promised, held = _sound_chunk(data, order) if order else (0, 0)
    if promised > held:
        raise AudioError(
            f"Audio must be whole: a file holds what its headers promise; {name} promises {promised} bytes of sound "
            f"and holds {held}."
        )


def _sound_chunk(data: bytes, order: str) -> tuple[int, int]:
    """(bytes promised, bytes held) of the sound in a WAV or AIFF file, a list of (name, size, contents)."""
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], order)
        if data[place : place + 4] in (b"data", b"SSND"):
            return size, len(data) - place - 8
        place += 8 + size + size % 2
    return 0, 0


def from_array(array: np.ndarray) -> np.ndarray:
    """Integers at full scale -> floats in [-1, 1]; floats as they are.

    Signed integers of 64 bits are Python's, of samples that had fewer: of 16 or 32, whichever holds them. Raises AudioError.
    """
    kind = array.dtype.kind
    if kind == "f":
        return array.astype("float32")
    if kind in "iu":
        if kind == "i" and array.dtype.itemsize == 8 and array.size:
            limits = map(np.iinfo, ("int16", "int32", "int64"))
            array = array.astype(next(t.dtype for t in limits if t.min <= array.min() and array.max() <= t.max))
        info = np.iinfo(array.dtype)
        middle = 0 if kind == "i" else (info.max + 1) // 2
        return ((array.astype("float64") - middle) / (info.max + 1 - middle)).astype("float32")
    raise AudioError(f"An array of audio holds integers or floats; received {array.dtype}.")


def _mono(samples: np.ndarray, name: str) -> np.ndarray:
    if samples.ndim == 1:
        return samples
    if samples.ndim == 2:
        if 0 < samples.shape[1] <= MOST_CHANNELS:
            return samples.mean(axis=1)
        if 0 < samples.shape[0] <= MOST_CHANNELS:
            return samples.mean(axis=0)
    raise AudioError(
        f"Audio has the shape (samples,) or (samples, channels) with at most {MOST_CHANNELS} channels; "
        f"{name} has {samples.shape}."
    )
