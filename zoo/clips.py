"""Recordings to clips at a model's rate, and clips of any lengths to padded batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps

import numpy as np

from zoo.audio import clip_name, is_pair, load_audio
from zoo.errors import AudioError


def one_or_many(method: Callable) -> Callable:
    """Lets a method (self, list of clips, ...) -> list of answers take a single clip too, and give its answer alone."""

    @wraps(method)
    def answer(self, audio, *args, **kwargs):
        if isinstance(audio, list | tuple) and not is_pair(audio):
            return method(self, audio, *args, **kwargs)
        return method(self, [audio], *args, **kwargs)[0]

    return answer


def load_clips(
    audio: Sequence, rate: float, most: float, model: str, sample_rate: float | None = None
) -> list[np.ndarray]:
    """Loads recordings as clips (samples,) float32 at `rate` Hz.

    Args:
        audio: What `zoo.audio.load_audio` takes, several.
        rate: Hz of the result.
        most: Seconds of the longest clip that the model takes, or infinity.
        model: Its name, for errors.
        sample_rate: Hz of arrays; files carry their own.

    Raises:
        AudioError: Where one is not audio, or too long.
    """
    clips = [load_audio(clip, rate, sample_rate=sample_rate) for clip in audio]
    for i, clip in enumerate(clips):
        if len(clip) > most * rate:
            raise AudioError(
                f"`audio` must be clips of one word, at most {most:g} s, for {model}; {clip_name(audio, i)} lasts "
                f"{len(clip) / rate:.1f} s (lstm_ctc writes whole sentences)."
            )
    return clips


def pad(
    clips: Sequence[np.ndarray], sample_rate: int, bucket_boundaries: Sequence[float] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Pads clips with zeros on the right: ((batch, samples) float32 waveform, (batch,) int32 lengths).

    The width is rounded up, to the next of `bucket_boundaries`; beyond them to a whole second, and past ten seconds to about a
    tenth more. So a compiler which makes one program for each shape, as XLA does, makes few.

    Args:
        clips: Arrays (samples,), at least one.
        sample_rate: Hz.
        bucket_boundaries: Widths in seconds, increasing.

    >>> waveform, lengths = pad([np.ones(5000, "float32"), np.ones(9000, "float32")], 8000)
    >>> waveform.shape, lengths.tolist()  # whole seconds
    ((2, 16000), [5000, 9000])
    """
    if not len(clips):
        raise AudioError("`clips` must hold at least one clip. Received none.")
    longest = max(len(clip) for clip in clips)
    widths = (seconds * sample_rate for seconds in bucket_boundaries)
    width = next((int(width) for width in widths if width >= longest), sample_rate)
    while width < longest:
        width += sample_rate * max(1, width // (10 * sample_rate))
    waveform = np.zeros((len(clips), width), "float32")
    for row, clip in zip(waveform, clips, strict=True):
        row[: len(clip)] = clip
    return waveform, np.array([len(clip) for clip in clips], "int32")


def batches(lengths: list[int], batch_size: int, sample_rate: int, seconds: int = 240) -> Iterator[list[int]]:
    """Indices of clips of like length, at most `batch_size` and `seconds` of padded audio together."""
    group: list[int] = []
    for i in np.argsort(lengths, kind="stable")[::-1]:
        if group and (len(group) == batch_size or lengths[group[0]] * (len(group) + 1) > seconds * sample_rate):
            yield group
            group = []
        group.append(int(i))
    if group:
        yield group


def outputs_of(
    clips: Sequence[np.ndarray], sample_rate: int, batch_size: int, network: Callable, frames: Mapping[str, str]
) -> list[dict[str, np.ndarray]]:
    """Runs a network and gives its outputs for each clip, by name, cut to the true frames.

    Args:
        clips: Arrays (samples,) at `sample_rate` Hz.
        sample_rate: Hz.
        batch_size: Clips at a time.
        network: What maps (waveform, lengths) to outputs by name.
        frames: Name of an output -> name of the output with its number of frames.
    """
    results: list[dict] = [{}] * len(clips)
    for group in batches([len(clip) for clip in clips], batch_size, sample_rate):
        given = network(*pad([clips[i] for i in group], sample_rate))
        outputs = {name: np.asarray(value) for name, value in given.items()}
        ends = {name: outputs[end] for name, end in frames.items() if name in outputs and end in outputs}
        for row, i in enumerate(group):
            results[i] = {n: v[row][: ends[n][row]] if n in ends else v[row] for n, v in outputs.items()}
    return results
