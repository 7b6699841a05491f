"""Where models begin that share a beginning: classifiers of words, and autoencoders.

A classifier's short clip becomes normalised log-mel frames of the word alone:

    waveform (batch, samples)             8 kHz
      -> log-mel (batch, frames, n_mels)  a 25 ms window every 10 ms
      -> silence at both ends cut away, level set to 0, bands and stretches hidden while training

Tutorials feed a network the 16,000 raw samples of a second. A word is told by some forty frames, by which bands are
loud when, and not by how far from the microphone or how long after the button it was said; so that is what comes out
here. Recognisers of sentences take each band's mean away as well (`Normalise`), which in a word is half of the word.

An autoencoder's clip becomes log-mel frames in dB below its loudest point, which is also what it gives back.
"""

from dataclasses import dataclass

import keras

from zoo.augment import SpecAugment
from zoo.errors import ZooError, unknown_name
from zoo.features import BelowPeak, Level, LogMel, TrimSilence

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class WordConfig:
    """What all classifiers of short clips have in common; each model's Config adds its own fields."""

    labels: tuple = DIGITS  # classes, in the order of the logits
    target: str = "text"  # what of an utterance is the class: its text, or its speaker
    sample_rate: int = 8000  # Hz, a telephone line's: the rate of the Free Spoken Digit Dataset
    n_fft: int = 256  # points
    win_length: int = 200  # samples, 25 ms
    hop_length: int = 80  # samples, 10 ms
    n_mels: int = 40  # bands
    top_db: float = 22.0  # dB below the loudest frame at which the ends of a clip are silence; 35 kept too much
    max_seconds: float = 4.0  # of a clip: longer ones hold more than a word

    def __post_init__(self):
        if self.target not in ("text", "speaker"):
            raise unknown_name("target of a classifier", self.target, ("text", "speaker"))
        if not self.max_seconds > 0:
            raise ZooError(f"A clip may last some seconds; received max_seconds={self.max_seconds}.")
        if not all(isinstance(label, str) and label for label in self.labels):
            raise ZooError(f"Labels are words; received {self.labels!r}.")

    @property
    def frame_seconds(self) -> float:
        """Seconds from one log-mel frame to the next."""
        return self.hop_length / self.sample_rate


def log_mel_frames(config):
    """The inputs of a network and its log-mel.

    Returns: ({"waveform", "lengths"} inputs, frames (batch, frames, n_mels) in dB, lengths in frames).
    """
    waveform = keras.Input((None,), name="waveform")  # (batch, samples)
    lengths = keras.Input((), dtype="int32", name="lengths")  # (batch,)
    log_mel = LogMel(
        config.sample_rate, config.n_fft, config.hop_length, config.win_length, config.n_mels, name="log_mel"
    )
    return {"waveform": waveform, "lengths": lengths}, *log_mel(waveform, lengths)


def word_frames(config: WordConfig):
    """The inputs of a classifier and its first layers.

    Returns: ({"waveform", "lengths"} inputs, frames (batch, frames, n_mels) that are 0 beyond their lengths, lengths).
    """
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, frames = TrimSilence(config.top_db, name="trim")(x, frames)
    x = Level(name="level")(x, frames)
    x = SpecAugment(band_bins=config.n_mels // 8, stretches=1, stretch_frames=6, name="spec_augment")(x, frames)
    return inputs, x, frames


@dataclass(frozen=True)
class FrameConfig:
    """What all autoencoders have in common; each model's Config adds its own fields."""

    sample_rate: int = 16000  # Hz
    n_fft: int = 512  # points
    win_length: int = 400  # samples, 25 ms
    hop_length: int = 160  # samples, 10 ms
    n_mels: int = 80  # bands
    range_db: float = 80.0  # dB below the loudest point of the clip, from which on everything counts as silence


@dataclass(frozen=True)
class TelephoneConfig(FrameConfig):
    """Those of them that hear what a telephone lets through, as the classifiers of words do."""

    sample_rate: int = 8000  # Hz
    n_fft: int = 256  # points
    win_length: int = 200  # samples, 25 ms
    hop_length: int = 80  # samples, 10 ms
    n_mels: int = 40  # bands


def frames_below_peak(config):
    """The inputs of an autoencoder and what it is to give back.

    Returns: ({"waveform", "lengths"} inputs, frames (batch, frames, n_mels) in dB below the clip's loudest point, lengths,
        that point's level (batch,) in dB).
    """
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, peak = BelowPeak(config.range_db, name="below_peak")(x, frames)
    return inputs, x, frames, peak
