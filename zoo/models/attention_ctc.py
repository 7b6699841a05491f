"""`attention_ctc`: convolutions shorten the sequence, then every frame attends to every other; CTC writes characters.

    waveform (batch, samples)                16 kHz
      -> log-mel (batch, frames, 80)         a 25 ms window every 10 ms, normalised for each utterance
      -> Conv2D, stride (3, 2), and again (1, 2)   (batch, frames / 3, 20, 32)
      -> dense, and positions (batch, frames / 3, 144)
      -> 4 blocks (batch, frames / 3, 144)   half a dense part, self-attention, convolution over time, half a dense part
      -> dense (batch, frames / 3, 29)       logits of blank, space, apostrophe, a-z

Source: A. Gulati et al., "Conformer: convolution-augmented transformer for speech recognition", Interspeech 2020
(arxiv.org/abs/2005.08100); A. Vaswani et al., NeurIPS 2017 (arxiv.org/abs/1706.03762), for attention and positions.

An LSTM passes information from step to step. Attention takes it from any frame directly, at a cost that grows with
the square of the length. The neighbours of a frame matter most, and a convolution says so with few weights, so that
hours of speech are enough instead of thousands of hours.

Departures: sines added once instead of relative positions. Layer normalisation within the convolution part instead of
batch normalisation, whose statistics would include the padding. A stride of 30 ms instead of 40.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import FrameMask, MaskFrames, Positions, Rescale, Tensor
from zoo.models._front_ends import CTCConfig, conv_frames, ctc_model, sentence_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(CTCConfig):
    channels: int = 32  # filters of each strided convolution
    units: int = 144  # numbers for each frame between the blocks
    layers: int = 4  # blocks
    heads: int = 4
    kernel_size: int = 15  # frames of 30 ms that a block's convolution sees
    dropout: float = 0.1


def dense_part(x: Tensor, config: Config, name: str) -> Tensor:
    """Two dense layers; half of their result is added to the input."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    y = layers.Dense(4 * config.units, activation="silu", name=f"{name}_wide")(y)
    y = layers.Dense(config.units, name=f"{name}_narrow")(layers.Dropout(config.dropout, name=f"{name}_dropout_0")(y))
    return x + Rescale(0.5, name=f"{name}_half")(layers.Dropout(config.dropout, name=f"{name}_dropout_1")(y))


def attention_part(x: Tensor, mask: Tensor, config: Config, name: str) -> Tensor:
    """Every frame attends to all real ones."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    heads = layers.MultiHeadAttention(config.heads, config.units // config.heads, name=f"{name}_heads")
    return x + layers.Dropout(config.dropout, name=f"{name}_dropout")(heads(y, y, attention_mask=mask))


def convolution_part(x: Tensor, frames: Tensor, config: Config, name: str) -> Tensor:
    """A gate, a filter over time for each channel, and a mixture of the channels."""
    y = layers.LayerNormalization(name=f"{name}_norm_0")(x)
    gate = layers.Dense(config.units, activation="sigmoid", name=f"{name}_gate")(y)
    y = layers.Dense(config.units, name=f"{name}_value")(y) * gate
    y = MaskFrames(name=f"{name}_mask")(y, frames)
    # In single precision: in half, TensorFlow's depthwise convolution of clips of any length never returns on a CPU.
    y = layers.DepthwiseConv1D(config.kernel_size, padding="same", dtype="float32", name=f"{name}_filter")(y)
    y = layers.Activation("silu", name=f"{name}_silu")(layers.LayerNormalization(name=f"{name}_norm_1")(y))
    return x + layers.Dropout(config.dropout, name=f"{name}_dropout")(layers.Dense(config.units, name=f"{name}_mix")(y))


@register("attention_ctc", Config(), task="Recognizer")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> (logits, lengths in frames)."""
    inputs, x, frames = sentence_frames(config)  # (batch, frames, n_mels)
    x, frames = conv_frames(config, x, frames)  # (batch, frames / stride, n_mels / 4 * channels)
    x = Positions(name="positions")(layers.Dense(config.units, name="small")(x))  # (batch, frames / stride, units)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    mask = FrameMask(name="mask")(x, frames)
    for i in range(config.layers):
        x = dense_part(x, config, f"block_{i}_first")
        x = attention_part(x, mask, config, f"block_{i}_attend")
        x = convolution_part(x, frames, config, f"block_{i}_convolve")
        x = dense_part(x, config, f"block_{i}_last")
        x = layers.LayerNormalization(name=f"block_{i}_norm")(x)
    return ctc_model(config, inputs, x, frames, "attention_ctc")
