"""Settings of a training run, checked as they are made."""

from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import Field

from zoo.errors import ZooError

# Seconds to which batches are padded: few shapes, few compilations.
BUCKET_BOUNDARIES = (0.5, 0.75, 1.0, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.5, 5.5, 6.5, 8.0, 10.0, 13.0, 16.0)

Cls = TypeVar("Cls", bound=type)
Probability = Annotated[float, Field(ge=0, le=1)]
Range = Annotated[tuple[float, float], Field(strict=False)]  # JSON has lists
Seconds = Annotated[float, Field(gt=0, le=3600)]


def _checked(cls: Cls) -> Cls:
    """A frozen pydantic dataclass whose errors are the zoo's."""
    settings = pydantic.ConfigDict(strict=True, allow_inf_nan=False)
    made = pydantic.dataclasses.dataclass(frozen=True, config=settings)(cls)
    check = made.__init__

    def __init__(self, *args: Any, **fields: Any) -> None:
        try:
            check(self, *args, **fields)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            name, value = first["loc"][0], first["input"]
            rule = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
            raise ZooError(f"`{name}` {rule}. Received: {name}={fields.get(name, value)!r:.100}.") from None

    made.__init__ = __init__
    return made


@_checked
class TrainConfig:
    """Settings of a run, as kept in its run.json. ZooError for a value of the wrong type or out of range.

    >>> TrainConfig(epochs=5).learning_rate
    0.001
    """

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 60  # times through the data
    minutes: Annotated[float, Field(ge=0, le=100_000)] = 0.0  # in place of `epochs`; the rate follows the time. 0: none
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32  # utterances at a time
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = (
        1e-3  # peak: it rises linearly, then falls as a cosine to 1 %
    )
    warmup: Probability = 0.05  # share of all steps, or of the minutes, in which it rises
    weight_decay: Annotated[float, Field(ge=0, le=1000)] = 1e-4  # of AdamW
    silence_prob: Probability = 0.01  # how often noise takes the place of an utterance, for models that can learn that
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0  # of a teacher's probabilities and those compared to them
    teacher_share: Probability = 0.5  # of the teacher in the loss, where there is one
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0  # of everything random
    # Seconds to which batches are padded; longer ones are padded to whole seconds.
    bucket_boundaries: Annotated[tuple[Seconds, ...], Field(strict=False, min_length=1)] = BUCKET_BOUNDARIES

    @pydantic.field_validator("bucket_boundaries")
    @classmethod
    def _increase(cls, seconds: tuple[float, ...]) -> tuple[float, ...]:
        if list(seconds) != sorted(set(seconds)):
            raise ValueError("must be increasing")
        return seconds


@_checked
class AugmentConfig:
    """How often and how far recordings are varied: shares of the clips, and ranges that are drawn from uniformly."""

    speed: Range = (0.85, 1.18)  # factor of tempo, pitch and formants together (Ko et al. 2015)
    speed_prob: Probability = 0.8
    noise_prob: Probability = 0.45  # recorded noise, or white for one clip in four of them
    snr_db: Range = (3.0, 30.0)  # level of speech over noise in dB
    telephone_prob: Probability = 0.3  # no frequencies above 4 kHz
    reverb_prob: Probability = 0.25  # an echo
    reverb_seconds: Range = (0.1, 0.6)  # time in which the echo decays by 60 dB
    gain_db: Range = (-25.0, 6.0)  # change of level in dB
    silence_prob: Probability = 0.3  # near-silence before and after, as long as the batch has room for
    spare_prob: Probability = 0.08  # share of batches with room to spare, so that long silence is in the data too
    spare_seconds: Range = (1.0, 5.0)  # duration of that room
