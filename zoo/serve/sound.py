"""The bytes of an upload as samples, in memory: neither their name nor their type is looked at."""

import io
from dataclasses import dataclass

import numpy as np

from zoo import audio_files
from zoo.audio import from_array, load_audio, mono, resample
from zoo.errors import AudioError, TooLongError
from zoo.serve.limits import Refusal

NAME = "`file`"  # what errors call it
MOST_CHANNELS = 64


@dataclass(frozen=True)
class Heard:
    """A recording that came in."""

    samples: np.ndarray  # (samples,) float32 in [-1, 1] at the model's rate
    seconds: float  # that the file lasts
    warning: str  # what is missing of it, in a sentence


def hear(data: bytes, rate: int, max_seconds: float) -> Heard:
    """Decode an upload as far as `max_seconds`.

    Args:
        data: A file of any kind that `zoo.audio.load_audio` reads.
        rate: Hz of the result.
        max_seconds: Decoding stops there, whatever the file says of its length.

    Raises:
        Refusal: 413 for a longer recording, 415 for what is not sound.
    """
    try:
        sound = audio_files.read(io.BytesIO(data), NAME, _mixed, max_seconds)
        pieces = [(rate, resample(*piece, rate)) for piece in sound.pieces] if len(sound.pieces) > 1 else []
        joined = (rate, np.concatenate([samples for _, samples in pieces])) if pieces else sound.pieces[0][::-1]
        return Heard(load_audio(joined, rate), sound.seconds, sound.warning)
    except TooLongError as error:
        raise Refusal(413, str(error), "audio_too_long", "file") from None
    except AudioError as error:
        raise Refusal(415, str(error).replace("`audio`", NAME), "unsupported_audio", "file") from None


def _mixed(block: np.ndarray) -> np.ndarray:
    return mono(from_array(block), NAME, MOST_CHANNELS)
