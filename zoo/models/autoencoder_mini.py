"""`autoencoder_mini`: 100 numbers of five spliced frames through 32; without its ReLU, principal component analysis.

    log-mel (batch, frames, 20)              8 kHz, dB below the clip's peak
      -> spliced (batch, frames / 5, 100)    five frames side by side, 50 ms
      -> dense, ReLU (batch, frames / 5, 32)
      -> dense (batch, frames / 5, 32)       the code
      -> dense, ReLU (batch, frames / 5, 32)
      -> dense (batch, frames / 5, 100)
      -> frames again (batch, frames, 20)    the reconstruction

Source: P. Baldi, K. Hornik, "Neural networks and principal component analysis: learning from examples without local
minima", Neural Networks 2, 1989 (doi.org/10.1016/0893-6080(89)90014-2).

A linear autoencoder's error has one minimum, where the code spans the first principal components. So `relu=False` must
reach the error of PCA with 32 components and cannot go below: a check of the training. A ReLU adds little (see the
card): with 32 units on either side of the code, each unit that it switches off is a direction lost.

What tutorials get wrong: they splice frames across the end of one clip and the start of the next, or with padding.

Departures: the hidden layers are as wide as the code, 32, which the comparison with PCA needs.

Try: `units=128` (the ReLU begins to pay), `relu=False` beside `sklearn.decomposition.PCA(32)`.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import CutFrames, Rescale, Splice
from zoo.models._front_ends import TelephoneConfig, frames_below_peak
from zoo.registry import register


@dataclass(frozen=True)
class Config(TelephoneConfig):
    n_mels: int = 20  # bands
    range_db: float = 80.0  # dB below the clip's peak at which levels are cut off
    splice: int = 5  # frames side by side: 5 * 20 = 100 numbers
    units: int = 32  # of the layers on either side of the code
    code: int = 32  # numbers for five frames
    relu: bool = True  # False makes the network linear


@register("autoencoder_mini", Config(), task="Autoencoder")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> log-mel, its reconstruction, and the code of each group of frames."""
    inputs, log_mel, frames, peak = frames_below_peak(config)  # (batch, frames, n_mels) in dB
    activation = "relu" if config.relu else None
    x = Rescale(4 / config.range_db, 2.0, name="scale")(log_mel)  # -2 ... 2
    x, groups = Splice(config.splice, name="splice")(x, frames)  # (batch, frames / splice, splice * n_mels)
    x = layers.Dense(config.units, activation=activation, name="encoder_0")(x)
    code = layers.Dense(config.code, name="encoder_1")(x)  # (batch, frames / splice, code)
    x = layers.Dense(config.units, activation=activation, name="decoder_0")(code)
    x = layers.Dense(config.splice * config.n_mels, dtype="float32", name="decoder_1")(x)
    x = layers.Reshape((-1, config.n_mels), dtype="float32", name="frames")(x)  # (batch, groups * splice, n_mels)
    x = Rescale(config.range_db / 4, -config.range_db / 2, name="decibel")(CutFrames(name="cut")(x, log_mel))
    outputs = {"log_mel": log_mel, "reconstruction": x, "lengths": frames, "code": code, "code_lengths": groups}
    return keras.Model(inputs, outputs | {"peak": peak}, name="autoencoder_mini")
