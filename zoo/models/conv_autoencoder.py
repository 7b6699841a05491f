"""`conv_autoencoder`: strided convolutions fold a log-mel image of any length, transposed ones unfold it.

    log-mel (batch, frames, 40)                        8 kHz, dB below the clip's peak
      -> image (batch, frames, 40, 1)
      -> 3x3 convolution, stride 2 (batch, frames / 2, 20, 32)
      -> 3x3 convolution, stride 2 (batch, frames / 4, 10, 64)
      -> 3x3 convolution, stride 2 (batch, frames / 8, 5, 64)
      -> dense over all 5 * 64 (batch, frames / 8, 16)  the code: 16 numbers for 320, 80 ms
      -> dense (batch, frames / 8, 5, 64)
      -> 3 transposed convolutions, stride 2 (batch, frames, 40, 64 -> 32 -> 32)
      -> 3x3 convolution (batch, frames, 40, 1)        the reconstruction

Source: J. Masci et al., "Stacked convolutional auto-encoders for hierarchical feature extraction", ICANN 2011
(doi.org/10.1007/978-3-642-21735-7_7).

What tutorials get wrong: Keras' padding="same" with a stride places its zeros by the padded length, so a clip beside
a longer one gives other numbers than alone. And the loss counts the padding, which is easy to reconstruct. Here padded
frames are zeros before every layer and no part of the loss.

Departures: strides instead of pooling, since a transposed convolution undoes a stride. Kernels of 4 on the way back,
against chessboard patterns. GELU. `conv2d` can start from the first two convolutions.

Try: `code=5` (which words can still be told apart?), `filters=8`.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import CutFrames, MaskedConv2D, MaskedConv2DTranspose, Rescale
from zoo.models._front_ends import TelephoneConfig, frames_below_peak
from zoo.registry import register


@dataclass(frozen=True)
class Config(TelephoneConfig):
    n_mels: int = 40  # bands, a multiple of 8
    range_db: float = 80.0  # dB below the clip's peak at which levels are cut off
    filters: int = 32  # of the first convolution; the others have twice as many
    code: int = 16  # numbers for eight frames


@register("conv_autoencoder", Config(), task="Autoencoder")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> log-mel, its reconstruction, and a code for every eight frames."""
    inputs, log_mel, frames, peak = frames_below_peak(config)  # (batch, frames, n_mels) in dB
    x = Rescale(4 / config.range_db, 2.0, name="scale")(log_mel)  # -2 ... 2
    x, folded = layers.Reshape((-1, config.n_mels, 1), name="picture")(x), frames
    for i, filters in enumerate((config.filters, 2 * config.filters, 2 * config.filters)):
        x, folded = MaskedConv2D(filters, (3, 3), (2, 2), name=f"encoder_{i}")(x, folded)
        x = layers.Activation("gelu", name=f"encoder_gelu_{i}")(x)  # half the frames, half the bands
    bands, channels = x.shape[2:]
    x = layers.Reshape((-1, bands * channels), name="code_frames")(x)
    code = layers.Dense(config.code, name="code")(x)  # (batch, frames / 8, code)
    x = layers.Dense(bands * channels, activation="gelu", name="uncode")(code)
    x, unfolded = layers.Reshape((-1, bands, channels), name="uncode_picture")(x), folded
    for i, filters in enumerate((2 * config.filters, config.filters, config.filters)):
        x, unfolded = MaskedConv2DTranspose(filters, name=f"decoder_{i}")(x, unfolded)
        x = layers.Activation("gelu", name=f"decoder_gelu_{i}")(x)  # twice the frames, twice the bands
    x, _ = MaskedConv2D(1, (3, 3), dtype="float32", name="decoder_3")(x, unfolded)
    x = CutFrames(name="cut")(layers.Reshape((-1, config.n_mels), dtype="float32", name="frames")(x), log_mel)
    x = Rescale(config.range_db / 4, -config.range_db / 2, name="decibel")(x)  # (batch, frames, n_mels)
    outputs = {"log_mel": log_mel, "reconstruction": x, "lengths": frames, "code": code, "code_lengths": folded}
    return keras.Model(inputs, outputs | {"peak": peak}, name="conv_autoencoder")
