"""A file or an array in, (samples,) float32 in [-1, 1] at the model's rate out.

What is not sound is refused here with one sentence, so that later stages need not check again.
"""

import importlib
import io
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zoo import audio_files
from zoo.errors import AudioError, AudioWarning, MissingFileError, first_line, unknown_name

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # hertz; beyond them a number is a mistake, not a sample rate
SHORTEST = 0.01  # seconds: less holds not one period of a voice
MOST_CHANNELS = 8
LOUDEST = 2.0**32  # floats may be integers of 32 bits; larger values are not sound
CANCELLED = 0.01  # of the energy of its channels: an average with less has them in opposite phase
RUMBLE = 0.05  # of the energy below the voice: less has every clip, and models have learnt from such
RUMBLE_RATE = 140  # hertz, twice the highest frequency of rumble: mains hum lies at 50 and 60, a low voice above 75
# What `load_audio` reads; (rate, array) and {"array": ..., "sampling_rate": ...} too.
Audio = str | os.PathLike | BinaryIO | bytes | np.ndarray | tuple | Mapping


def load_audio(
    audio: Audio, target_rate: float = 16000, *, sample_rate: float | None = None, strict: bool = False
) -> np.ndarray:
    """Load any recording as mono at one rate, `(samples,)` float32 in [-1, 1].

    Channels are averaged; where that leaves nothing, as of opposite phases, one is taken. An offset and hum are taken away where
    they are strong. Floats beyond [-1, 1] are scaled down as a whole, not clipped. A file that is cut or damaged is read as far
    as it goes, with an `AudioWarning`.

    Args:
        audio: Path, bytes or binary file object (WAV, FLAC, Ogg, MP3, M4A, WebM, and what else FFmpeg decodes), or array or
            tensor `(samples,)`, `(samples, channels)` or `(channels, samples)` of integers at full scale or of floats. An
            array may bring its rate: `(rate, array)` or `{"array": array, "sampling_rate": rate}`.
        target_rate: Rate of the result in hertz.
        sample_rate: Rate of an array in hertz; files and pairs carry their own.
        strict: Refuse a file that is cut or damaged.

    Raises:
        AudioError: If `audio` is not audio, empty, not finite, or of an impossible rate or shape.

    >>> load_audio(bundled("seven"), 8000).shape  # 1.4 s
    (11567,)
    >>> load_audio((8000, np.zeros(8000)), 16000).shape
    (16000,)
    """
    check_rate(target_rate, "`target_rate`")
    audio, sample_rate = _with_rate(audio, sample_rate)
    pieces, name = _from_tensor(audio, sample_rate) if _is_array(audio) else _from_file(audio, strict)
    for _, rate in pieces:
        check_rate(rate, "`sample_rate`" if name == "`audio`" else f"The sample rate of {name}")
    if sum(len(samples) / rate for samples, rate in pieces) < SHORTEST:
        received = " and ".join(f"{len(samples)} samples at {rate:g} Hz" for samples, rate in pieces)
        raise AudioError(f"{name} must last at least {SHORTEST * 1000:g} ms. Received: {received}.")
    for samples, _ in pieces:
        if bad := int(np.sum(~np.isfinite(samples))):
            raise AudioError(f"{name} must hold finite samples. Received: {bad} that are NaN or infinite.")
        if (peak := float(np.abs(samples).max(initial=0))) > LOUDEST:
            raise AudioError(f"{name} must hold samples in [-1, 1]. Received: one of {peak:.3g}.")
    pieces = [resample(samples, rate, target_rate) for samples, rate in pieces]
    samples = without_rumble(pieces[0] if len(pieces) == 1 else np.concatenate(pieces), target_rate)
    return samples / max(1.0, float(np.abs(samples).max()))


def is_pair(audio: object) -> bool:
    """Return whether `audio` is one clip, an array with its rate beside it, and not two clips.

    >>> is_pair((16000, np.zeros(9))), is_pair((np.zeros(9), np.zeros(9)))
    (True, False)
    """
    if not (isinstance(audio, tuple) and len(audio) == 2):
        return False
    rate, array = audio if isinstance(audio[0], Real) else audio[::-1]
    return isinstance(rate, Real) and (_is_array(array) or isinstance(array, list)) and not isinstance(array, Real)


def _is_array(audio: object) -> bool:
    return hasattr(audio, "__array__")


def _with_rate(audio: Any, sample_rate: float | None) -> tuple[Any, float | None]:
    """A clip that brings its rate, as other packages hand it over, as the sound alone and the rate."""
    if hasattr(audio, "get_all_samples"):  # torchcodec's decoder, which data sets of Hugging Face give
        decoded = audio.get_all_samples()
        return decoded.data, decoded.sample_rate
    if is_pair(audio):
        rate, array = audio if isinstance(audio[0], Real) else audio[::-1]
        return (np.asarray(array) if isinstance(array, list) else array), rate
    if not isinstance(audio, Mapping):
        return audio, sample_rate
    for key in ("array", "raw", "bytes", "path"):
        if (found := audio.get(key)) is not None:
            is_list = isinstance(found, list)
            return (np.asarray(found) if is_list else found), audio.get("sampling_rate", sample_rate)
    raise AudioError(f'`audio` must have an "array" and a "sampling_rate". Received: a dict of {[*audio]!r:.80}.')


def _from_tensor(audio: Any, sample_rate: float | None) -> tuple[list[tuple[np.ndarray, float]], str]:
    """An array or tensor as [((samples,) float32, hertz)], and its name for errors."""
    if sample_rate is None:
        raise AudioError("`sample_rate` in hertz must be given with an array. Received: sample_rate=None.")
    if hasattr(audio, "detach"):  # PyTorch's tensors, on whatever device
        audio = audio.detach().cpu()
    try:
        array = np.asarray(audio)
    except (TypeError, ValueError, RuntimeError) as error:  # of bfloat16, for example
        raise AudioError(f"`audio` must be an array that NumPy can read ({first_line(error)}).") from None
    if array.dtype == "int32":  # often holds samples of 16 bits
        array = array.astype("int64")
    if array.ndim > 2:  # (1, channels, samples), as of a batch of one
        array = array.squeeze()
    return [(mono(from_array(array), "`audio`"), sample_rate)], "`audio`"


def _from_file(audio: Any, strict: bool) -> tuple[list[tuple[np.ndarray, float]], str]:
    """A file as [((samples,) float32, hertz)], one for each rate in it, and its name for errors. Warns of what is missing."""
    if isinstance(audio, str | os.PathLike):
        name, file = display_name(audio), open(_existing(audio, "audio"), "rb")
    elif isinstance(audio, bytes | bytearray | memoryview):
        name, file = "`audio`", io.BytesIO(audio)
    elif hasattr(audio, "read"):
        data, name = contents(audio)
        file = io.BytesIO(data)
    else:
        rule = "`audio` must be a path, bytes, a binary file or an array"
        raise AudioError(f"{rule}. Received: a {type(audio).__name__}.")
    with file:
        sound = audio_files.read(file, name, lambda block: mono(from_array(block), name, 64))
    if sound.warning and strict:
        raise AudioError(sound.warning)
    if sound.warning:
        warnings.warn(sound.warning, AudioWarning, stacklevel=3)
    return sound.pieces, name


def contents(file: BinaryIO) -> tuple[bytes, str]:
    """Read a binary file object from its position to its end: its bytes, and its name for errors. Raises AudioError."""
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


def samples_folder() -> Path:
    """Return the folder of the bundled recordings: beside the code in a wheel, in data/ in a checkout."""
    package = Path(__file__).parent
    return next(folder for folder in (package / "samples", package.parent / "data" / "samples") if folder.is_dir())


def bundled(name: str) -> Path:
    """Return the path of a clip that comes with the package, such as "seven".

    >>> bundled("woman-us").name
    'woman-us.wav'
    """
    clips = {path.stem: path for path in sorted(samples_folder().glob("*.wav"))}
    if name.removesuffix(".wav") not in clips:
        raise unknown_name("bundled clip", name, clips)
    return clips[name.removesuffix(".wav")]


def duration(path: str | os.PathLike) -> float:
    """Return the seconds of an audio file, without decoding it where its packets tell. Raises AudioError, MissingFileError."""
    path = _existing(path, "path")
    with open(path, "rb") as file:
        return audio_files.read(file, display_name(path), None).seconds


def resample(samples: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Resample `(samples,)` without aliasing (soxr's high quality). Only the ratio of both rates counts.

    >>> resample(np.zeros(44100), 44100, 16000).shape
    (16000,)
    """
    if not (from_rate > 0 and to_rate > 0):
        raise AudioError(f"`from_rate` and `to_rate` must be above 0. Received: {from_rate!r} and {to_rate!r}.")
    if from_rate == to_rate:
        return np.asarray(samples, "float32")
    import soxr

    return soxr.resample(np.asarray(samples, "float32"), from_rate, to_rate, quality="HQ")


def without_rumble(samples: np.ndarray, rate: float) -> np.ndarray:
    """Take away the offset and all below 70 Hz, without delay, of `(samples,)` in which that has over a twentieth of the energy.

    >>> x = np.sin(np.arange(8000) / 5).astype("float32")
    >>> bool(without_rumble(x, 8000) is x), bool(abs(without_rumble(x + 0.5, 8000).mean()) < 0.01)
    (True, True)
    """
    offset = samples.mean(dtype="float64").astype("float32")
    step = max(1, int(rate / 1400))  # means of a few samples tell as well how much there is, and are ten times as quick
    means = samples[: len(samples) // step * step].reshape(-1, step).mean(axis=1) - offset
    energy = np.square(offset) + np.square(resample(means, rate / step, RUMBLE_RATE)).sum() / RUMBLE_RATE * rate / len(
        samples
    )
    if energy <= RUMBLE * np.square(samples).mean():
        return samples
    below = resample(resample(samples - offset, rate, RUMBLE_RATE), RUMBLE_RATE, rate)[: len(samples)]
    return samples - offset - np.pad(below, (0, len(samples) - len(below)))


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
    """Raise AudioError, which leads with `what`, unless `rate` is a sample rate in hertz."""
    if not isinstance(rate, int | float | np.number) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(f"{what} must lie between {LOWEST_RATE:,} and {HIGHEST_RATE:,} Hz. Received: {rate!r}.")


def from_array(array: np.ndarray) -> np.ndarray:
    """Convert integers at full scale to floats in [-1, 1]; leave floats as they are. Raises AudioError.

    Signed integers of 64 bits are Python's, of samples that had fewer: of 16 or 32, whichever holds them.
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
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(path), re.IGNORECASE):
        how = 'urllib.request.urlretrieve(url, "clip.wav") downloads it'
        raise AudioError(f"`{argument}` must be a file on this machine, no URL: {how}. Received: {str(path)[:200]}.")
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


def mono(samples: np.ndarray, name: str, most: int = MOST_CHANNELS) -> np.ndarray:
    """Average (samples, channels) or (channels, samples) to (samples,). Raises AudioError, which leads with `name`.

    Where the average cancels, because channels are in opposite phase, the loudest channel is taken.

    >>> mono(np.array([[0.5, -0.5], [0.25, -0.25]]), "`audio`")
    array([0.5 , 0.25])
    """
    if samples.ndim == 1:
        return samples
    if samples.ndim == 2 and not 0 < samples.shape[1] <= most and 0 < samples.shape[0] <= most:
        samples = samples.T
    if samples.ndim != 2 or not 0 < samples.shape[1] <= most:
        rule = f"must be (samples,) or (samples, channels), of at most {most} channels"
        raise AudioError(f"{name} {rule}. Received: shape {samples.shape}.")
    if samples.shape[1] == 1:
        return samples[:, 0]
    mean = samples.mean(axis=1)
    with np.errstate(all="ignore"):  # samples that are not finite are refused later
        energies = np.square(samples).sum(axis=0)
        cancelled = np.square(mean).sum() < CANCELLED * energies.mean()
    return samples[:, energies.argmax()] if cancelled else mean


def __getattr__(name: str):
    if name == "griffin_lim":  # the notebooks' path; a later stage, so not imported above
        return importlib.import_module("zoo.tasks.reconstruction").griffin_lim
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
