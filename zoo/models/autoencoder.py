"""`autoencoder`: a dense network that encodes each log-mel frame in 32 numbers and reconstructs it.

    log-mel (batch, frames, 80)         dB below the clip's peak, -80 to 0
      -> scaled to -2 ... 2
      -> dense, GELU (batch, frames, 64)
      -> dense (batch, frames, 32)      the code
      -> dense, GELU (batch, frames, 64)
      -> dense (batch, frames, 80)
      -> scaled back to decibels        the reconstruction

Source: G. Hinton, R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 313, 2006
(doi.org/10.1126/science.1127647).

What tutorials get wrong: they ask a sigmoid, which gives numbers between 0 and 1, for decibels, or for samples between
-1 and 1. Half of the targets are out of reach, and the loss stops falling at a high value. Here the
target is scaled to what the output unit can produce. (With targets from 0 to 1 a sigmoid learns, but slowly: its slope
vanishes at both ends, where silence and vowels are.) And they report the loss alone. The question is what 32 numbers
of *principal component analysis* would have kept: see `autoencoder_mini`, and the card.

Departures: trained end to end, not layer by layer as restricted Boltzmann machines. GELU, since some ReLUs would die.

    zoo.load("autoencoder").reconstruct("clip.wav").error_db    # root mean square error in dB

Try: `code=8` and `code=2` (what is lost first?), or a code of 80 (why is the error not 0?).
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import Rescale
from zoo.models._front_ends import LogMelConfig, frames_below_peak
from zoo.registry import register


@dataclass(frozen=True)
class Config(LogMelConfig):
    range_db: float = 80.0  # dB below the clip's peak at which levels are cut off
    units: int = 64  # of the layers on either side of the code
    code: int = 32  # numbers that a frame is encoded in


@register("autoencoder", Config(), task="Autoencoder")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> log-mel, its reconstruction, and the code of each frame."""
    inputs, log_mel, frames, peak = frames_below_peak(config)  # (batch, frames, n_mels) in dB
    x = Rescale(4 / config.range_db, 2.0, name="scale")(log_mel)  # -2 ... 2
    x = layers.Dense(config.units, activation="gelu", name="encoder_0")(x)  # (batch, frames, units)
    code = layers.Dense(config.code, name="encoder_1")(x)  # (batch, frames, code)
    x = layers.Dense(config.units, activation="gelu", name="decoder_0")(code)
    x = layers.Dense(config.n_mels, dtype="float32", name="decoder_1")(x)
    x = Rescale(config.range_db / 4, -config.range_db / 2, name="decibel")(x)
    outputs = {"log_mel": log_mel, "reconstruction": x, "lengths": frames, "code": code, "code_lengths": frames}
    return keras.Model(inputs, outputs | {"peak": peak}, name="autoencoder")
