"""Where models begin that share a beginning, and where those with CTC end.

A classifier's short clip becomes level-free log-mel frames of the word alone:

    waveform (batch, samples)             8 kHz
      -> log-mel (batch, frames, n_mels)  a 25 ms window every 10 ms
      -> silence at both ends cut off, mean level subtracted, bands and spans masked while training

Tutorials feed a network the 16,000 raw samples of a second. But a word is told by which bands are loud in some forty
frames, not by the distance from the microphone or the time since the button was pressed.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.errors import UnknownNameError, ZooError
from zoo.layers import (
    LogMel,
    MaskedConv2D,
    MeanSubtraction,
    Normalise,
    PeakNormalise,
    SpecAugment,
    SumClasses,
    Tensor,
    TrimSilence,
)
from zoo.text import CHARACTERS

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class LogMelConfig:
    """Sizes of the log-mel front end; each model's Config adds its own fields."""

    sample_rate: int = 16000  # Hz
    n_fft: int = 512  # points
    win_length: int = 400  # samples, 25 ms
    hop_length: int = 160  # samples, 10 ms
    n_mels: int = 80  # bands

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame of the output to the next."""
        return self.hop_length * getattr(self, "stride", 1) / self.sample_rate


@dataclass(frozen=True)
class TelephoneConfig(LogMelConfig):
    """A phone line's band: the sample rate of the Free Spoken Digit Dataset."""

    sample_rate: int = 8000  # Hz
    n_fft: int = 256  # points
    win_length: int = 200  # samples, 25 ms
    hop_length: int = 80  # samples, 10 ms
    n_mels: int = 40  # bands


@dataclass(frozen=True)
class WordConfig(TelephoneConfig):
    """What all classifiers of short clips have in common."""

    labels: tuple = DIGITS  # classes, in the order of the logits
    others: int = 0  # words besides, which are learnt apart and answered as the last label
    target: str = "text"  # what the classes are: the "text" of an utterance, or its "speaker"
    top_db: float = 22.0  # dB below the loudest frame at which the ends of a clip are silence; 35 kept too much
    max_seconds: float = 4.0  # of a clip: longer ones hold more than a word

    def __post_init__(self):
        if self.target not in ("text", "speaker"):
            raise UnknownNameError(f"`target` must be 'text' or 'speaker'. Received: target={self.target!r}.")
        if not self.max_seconds > 0:
            raise ZooError(f"`max_seconds` must be above 0. Received: max_seconds={self.max_seconds}.")
        if not all(isinstance(label, str) and label for label in self.labels):
            raise ZooError(f"`labels` must be words. Received: labels={self.labels!r}.")


@dataclass(frozen=True)
class CTCConfig(LogMelConfig):
    """What all models with CTC have in common."""

    stride: int = 3  # frames, 30 ms: the shortest spoken digits still have more frames than letters
    segment_seconds: float = 7.0  # longest recording that is processed at once; longer ones are cut at pauses
    vocabulary: str = "".join(CHARACTERS.tokens)  # output characters; id 0, the blank, comes before them


def log_mel_frames(config: LogMelConfig, top_db: float | None = 80.0) -> tuple[dict, Tensor, Tensor]:
    """Makes the {"waveform", "lengths"} inputs of a network, its log-mel (batch, frames, n_mels) in dB, and lengths."""
    waveform = keras.Input((None,), name="waveform")  # (batch, samples)
    lengths = keras.Input((), dtype="int32", name="lengths")  # (batch,)
    sizes = (config.sample_rate, config.n_fft, config.hop_length, config.win_length, config.n_mels)
    log_mel = LogMel(*sizes, top_db=top_db, name="log_mel")
    return {"waveform": waveform, "lengths": lengths}, *log_mel(waveform, lengths)


def word_frames(config: WordConfig, **augment: float) -> tuple[dict, Tensor, Tensor]:
    """Makes the inputs of a classifier, its frames (batch, frames, n_mels) with 0 in the padding, and lengths."""
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, frames = TrimSilence(config.top_db, name="trim")(x, frames)
    x = MeanSubtraction(name="level")(x, frames)
    # A word is short: narrow masks, unless `augment` says otherwise.
    augment = {"freq_width": config.n_mels // 8, "time_masks": 1, "time_width": 6} | augment
    return inputs, SpecAugment(**augment, name="spec_augment")(x, frames), frames


def word_logits(config: WordConfig, x: Tensor) -> Tensor:
    """Ends a classifier that may have `others`: logits (batch, labels)."""
    logits = layers.Dense(len(config.labels) + config.others, dtype="float32", name="logits")(x)
    return SumClasses(len(config.labels) - 1, dtype="float32", name="other")(logits) if config.others else logits


def frames_below_peak(config: LogMelConfig) -> tuple[dict, Tensor, Tensor, Tensor]:
    """Makes the inputs of an autoencoder, the frames to reconstruct, in dB below the clip's peak, lengths, and peaks."""
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, peak = PeakNormalise(config.range_db, name="below_peak")(x, frames)
    return inputs, x, frames, peak


def sentence_frames(config: CTCConfig) -> tuple[dict, Tensor, Tensor]:
    """Makes the inputs of a recognizer of whole utterances, its normalised frames (batch, frames, n_mels), lengths."""
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, frames = Normalise(name="normalise")(x, frames)
    return inputs, SpecAugment(name="spec_augment")(x, frames), frames


def conv_frames(config: CTCConfig, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Convolves over time and frequency twice; a frame of the result is one row of n_mels / 4 * channels numbers."""
    x = layers.Reshape((-1, config.n_mels, 1), name="picture")(x)  # (batch, frames, n_mels, 1)
    x, frames = MaskedConv2D(config.channels, (9, 7), (config.stride, 2), name="conv_0")(x, frames)
    x = layers.ReLU(name="relu_0")(x)  # (batch, frames / stride, n_mels / 2, channels)
    x, frames = MaskedConv2D(config.channels, (3, 5), (1, 2), name="conv_1")(x, frames)
    x = layers.ReLU(name="relu_1")(x)  # (batch, frames / stride, n_mels / 4, channels)
    return layers.Reshape((-1, x.shape[2] * x.shape[3]), name="rows")(x), frames


def ctc_model(config: CTCConfig, inputs: dict, x: Tensor, frames: Tensor, name: str) -> keras.Model:
    """Ends a recognizer: logits (batch, frames, characters + 1) of the blank and every character, and lengths."""
    # In single precision, even where the rest computes in half: CTC sums thousands of small probabilities.
    logits = layers.Dense(len(config.vocabulary) + 1, dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits, "lengths": frames}, name=name)
