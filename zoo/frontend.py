"""The old path of `zoo.models._front_ends`."""

from zoo.models._front_ends import (  # noqa: F401
    DIGITS,
    FrameConfig,
    TelephoneConfig,
    WordConfig,
    frames_below_peak,
    log_mel_frames,
    word_frames,
)
