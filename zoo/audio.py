"""A file or an array in, (samples,) float32 in [-1, 1] at the model's rate out.

Whatever is not sound is refused here with one sentence, so that no later stage has to look again.
"""

import importlib
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from zoo.audio_integrity import check_container
from zoo.errors import AudioError, MissingFileError, unknown_name

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # hertz; beyond them a number is a mistake, not a sample rate
SHORTEST = 0.01  # seconds: less holds not one period of a voice
MOST_CHANNELS = 8
UNKNOWN = 2**40  # a stream of unknown length (FLAC, OGG or MP3 from a pipe) declares more samples than this
Audio = str | os.PathLike | BinaryIO | np.ndarray  # what `load_audio` reads
FORMATS = ("WAV", "WAVEX", "FLAC", "OGG", "MP3", "AIFF")  # those whose loss of samples is noticed


def load_audio(audio: Audio, target_rate: float = 16000, *, sample_rate: float | None = None) -> np.ndarray:
    """Load any recording as mono at one rate.

    Channels are averaged. Floats beyond [-1, 1] are scaled down as a whole, not clipped.

    Args:
        audio: Path or binary file object (WAV, FLAC, OGG, Opus, MP3, AIFF), or array `(samples,)`,
            `(samples, channels)` or `(channels, samples)` of integers at full scale or of floats.
        target_rate: Rate of the result in hertz.
        sample_rate: Rate of an array in hertz; files carry their own.

    Returns:
        Samples `(samples,)`, float32 in [-1, 1].

    Raises:
        MissingFileError: If the path leads nowhere.
        AudioError: If `audio` is not audio, cut short, empty, not finite, or of an impossible rate or shape.

    >>> load_audio(bundled("seven"), 8000).shape  # 1.4 s
    (11567,)
    """
    check_rate(target_rate, "`target_rate`")
    if isinstance(audio, str | os.PathLike):
        name = display_name(audio)
        samples, rate = _decode(_existing(audio, "audio").read_bytes(), name)
    elif hasattr(audio, "read"):
        data, name = contents(audio)
        samples, rate = _decode(data, name)
    elif hasattr(audio, "__array__"):
        if sample_rate is None:
            raise AudioError("`sample_rate` in hertz must be given with an array. Received: sample_rate=None.")
        samples, rate, name = from_array(np.asarray(audio)), sample_rate, "`audio`"
    else:
        raise AudioError(
            f"`audio` must be a path, a binary file object or an array. Received: a {type(audio).__name__}."
        )
    check_rate(rate, "`sample_rate`" if name == "`audio`" else f"The sample rate of {name}")
    samples = mono(samples, name)
    if len(samples) < SHORTEST * rate:
        raise AudioError(
            f"{name} must last at least {SHORTEST * 1000:g} ms. Received: {len(samples)} samples at {rate:g} Hz."
        )
    if bad := int(np.sum(~np.isfinite(samples))):
        raise AudioError(f"{name} must hold finite samples. Received: {bad} that are NaN or infinite.")
    samples = resample(samples, rate, target_rate)
    return samples / max(1.0, float(np.abs(samples).max()))


def contents(file: BinaryIO) -> tuple[bytes, str]:
    """Read a binary file object from its position to its end: its bytes, and its name for errors. Raises AudioError.

    >>> contents(io.BytesIO(b"RIFF"))
    (b'RIFF', 'the file object')
    """
    name = Path(str(getattr(file, "name", "the file object"))).name
    try:
        data = file.read()
    except UnicodeDecodeError:  # opened as text
        data = ""
    if not isinstance(data, bytes):
        raise AudioError(f"`audio` must be opened in binary mode. Received: {name}, which gave {type(data).__name__}.")
    if not data:
        raise AudioError(f"`audio` must hold samples. Received: {name}, which is empty or was read to its end before.")
    return data, name


def bundled(name: str) -> Path:
    """Return the path of a clip that comes with the package, such as "seven".

    Raises:
        UnknownNameError: If there is no such clip; it offers the nearest names.

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
    """Return the seconds of an audio file, as its header has them. Raises AudioError, MissingFileError."""
    import soundfile

    path = _existing(path, "path")
    try:
        with soundfile.SoundFile(str(path)) as file:
            frames = file.frames if file.frames < UNKNOWN else sum(map(len, _blocks(file)))
            return frames / file.samplerate
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path.name} must be WAV, FLAC, OGG or MP3 and is not ({error.error_string}).") from None


def resample(samples: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Resample `(samples,)` without aliasing (soxr's high quality).

    Args:
        samples: Samples `(samples,)`.
        from_rate: Their rate in hertz.
        to_rate: Rate of the result. Only the ratio of both counts, so it may be that of a speed.

    >>> resample(np.zeros(44100), 44100, 16000).shape
    (16000,)
    """
    if not (from_rate > 0 and to_rate > 0):
        raise AudioError(f"`from_rate` and `to_rate` must be above 0. Received: {from_rate!r} and {to_rate!r}.")
    if from_rate == to_rate:
        return np.asarray(samples, "float32")
    import soxr

    return soxr.resample(np.asarray(samples, "float32"), from_rate, to_rate, quality="HQ")


def display_name(path: str | os.PathLike) -> str:
    """Return the name of a file with its folder, for errors: a data set has many a 1.wav.

    >>> display_name("words/yes/1.wav")
    'yes/1.wav'
    """
    return "/".join(Path(path).parts[-2:])


def clip_name(clips: Sequence[Audio], i: int) -> str:
    """Return what to call one of several clips in an error: the name of its file, else its number."""
    return display_name(clips[i]) if isinstance(clips[i], str | os.PathLike) else f"clip {i + 1}"


def check_rate(rate: float, what: str = "`sample_rate`") -> None:
    """Raise AudioError, which leads with `what`, unless `rate` is a sample rate in hertz.

    >>> check_rate(16000)
    """
    if not isinstance(rate, int | float | np.number) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(f"{what} must lie between {LOWEST_RATE:,} and {HIGHEST_RATE:,} Hz. Received: {rate!r}.")


def from_array(array: np.ndarray) -> np.ndarray:
    """Convert integers at full scale to floats in [-1, 1]; leave floats as they are.

    Signed integers of 64 bits are Python's, of samples that had fewer: of 16 or 32, whichever holds them. Raises AudioError
    for what is neither.
    """
    kind = array.dtype.kind
    if kind == "f":
        return array.astype("float32")
    if kind not in "iu":
        raise AudioError(f"`audio` must be an array of integers or floats. Received: {array.dtype}.")
    if kind == "i" and array.dtype.itemsize == 8 and array.size:
        limits = map(np.iinfo, ("int16", "int32", "int64"))
        array = array.astype(next(t.dtype for t in limits if t.min <= array.min() and array.max() <= t.max))
    info = np.iinfo(array.dtype)
    middle = 0 if kind == "i" else (info.max + 1) // 2
    return ((array.astype("float64") - middle) / (info.max + 1 - middle)).astype("float32")


def _existing(path: str | os.PathLike, argument: str) -> Path:
    path = Path(path)
    try:
        exists = path.exists()
    except OSError:  # a text in place of a path is too long for a name
        exists = False
    if not exists:
        raise MissingFileError(f"`{argument}` must be a file that exists. Received: {str(path)[:200]}.")
    if not path.is_file():
        raise AudioError(f"`{argument}` must be a file. Received: {path}, a folder or device.")
    return path


def _decode(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """File contents -> ((samples, channels) float32, hertz)."""
    import soundfile

    if not data:
        raise AudioError(f"{name} must hold samples and is an empty file.")
    check_container(data, name)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            format, declared, rate = file.format, file.frames, file.samplerate
            if format not in FORMATS:
                raise AudioError(f"{name} must be WAV, FLAC, OGG, MP3 or AIFF and is {format}: convert it first.")
            known = declared < UNKNOWN
            samples = file.read(dtype="float32", always_2d=True) if known else np.concatenate([*_blocks(file)])
    except soundfile.LibsndfileError as error:
        reason = str(error.error_string).rstrip(".")
        raise AudioError(f"{name} must be WAV, FLAC, OGG or MP3 and is damaged or something else ({reason}).") from None
    if len(samples) < declared < UNKNOWN:
        raise AudioError(f"{name} must be complete: it declares {declared} samples and holds {len(samples)}.")
    return samples, rate


def _blocks(file) -> Iterator[np.ndarray]:
    """Blocks (samples, channels) float32 of a soundfile.SoundFile of unknown length; the last one is empty."""
    file.seekable = lambda: False  # soundfile seeks after each read, which fails past an end that nobody knows
    while True:
        yield (block := file.read(65536, dtype="float32", always_2d=True))
        if not len(block):
            return


def mono(samples: np.ndarray, name: str) -> np.ndarray:
    """Average (samples, channels) or (channels, samples) to (samples,). Raises AudioError, which leads with `name`."""
    if samples.ndim == 1:
        return samples
    if samples.ndim == 2:
        if 0 < samples.shape[1] <= MOST_CHANNELS:
            return samples.mean(axis=1)
        if 0 < samples.shape[0] <= MOST_CHANNELS:
            return samples.mean(axis=0)
    raise AudioError(
        f"{name} must have the shape (samples,) or (samples, channels) with at most {MOST_CHANNELS} channels. "
        f"Received: {samples.shape}."
    )


def __getattr__(name: str):
    if name == "griffin_lim":  # the notebooks' path; a later stage, so not imported above
        return importlib.import_module("zoo.tasks.reconstruction").griffin_lim
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
