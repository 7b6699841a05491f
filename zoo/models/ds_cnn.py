"""`ds_cnn`: depthwise-separable convolutions over a log-mel image of a word: small, quick and accurate.

    log-mel of the word (batch, frames, 40)
      -> image (batch, 48, 40, 1)
      -> 8x4 convolution, stride 2 (batch, 24, 20, 64)
      -> 4 blocks (batch, 12, 10, 64), the first with stride 2, each
             depthwise 3x3: every channel on its own          9 * 64 weights
             pointwise 1x1: every point on its own           64 * 64 weights
      -> mean over the image (batch, 64)
      -> dense (batch, 10)                                    logits

Source: Y. Zhang, N. Suda, L. Lai, V. Chandra, "Hello Edge: keyword spotting on microcontrollers", 2017
(arxiv.org/abs/1711.07128), the small DS-CNN; the block is MobileNet's (Howard et al. 2017).

What tutorials get wrong: they say that a separable convolution costs accuracy. It needs 9 + 64 weights for a channel
where a full one needs 9 * 64, which pays for more layers: on words it does as well as `conv2d` with a twentieth of the
weights. And they leave batch normalisation in training mode, so that an answer depends on the clips beside it.

Departures: an 8x4 kernel first, where the paper has 10x4. A second stride, which halves the time. Log-mel instead of
ten MFCC, whose neighbours along frequency mean nothing to a 3x3 kernel. The word itself, not a second of recording.
Try: `blocks=1` and `blocks=8`; plain convolutions in place of the pairs (how many weights are those?).
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import Tensor, TimeResize
from zoo.models._front_ends import WordConfig, word_frames, word_logits
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    width: int = 48  # frames of the image
    filters: int = 64  # channels throughout
    blocks: int = 4
    dropout: float = 0.2  # share of the dense layer's inputs


def convolve(x: Tensor, layer: keras.layers.Layer) -> Tensor:
    """A convolution without bias, batch normalisation (which has one), ReLU."""
    x = layers.BatchNormalization(momentum=0.97, name=f"{layer.name}_norm")(layer(x))
    return layers.ReLU(name=f"{layer.name}_relu")(x)


@register("ds_cnn", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    x = TimeResize(config.width, name="picture")(x, frames)  # (batch, width, n_mels, 1)
    first = layers.Conv2D(config.filters, (8, 4), strides=2, padding="same", use_bias=False, name="conv")
    x = convolve(x, first)  # (batch, width / 2, n_mels / 2, filters)
    for i in range(config.blocks):
        stride = 2 if i == 0 else 1
        each = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"depthwise_{i}")
        x = convolve(x, each)  # (batch, width / 4, n_mels / 4, filters)
        x = convolve(x, layers.Conv2D(config.filters, 1, use_bias=False, name=f"pointwise_{i}"))
    x = layers.GlobalAveragePooling2D(name="mean")(x)  # (batch, filters)
    x = layers.Dropout(config.dropout, seed=0, name="dropout")(x)
    logits = word_logits(config, x)
    return keras.Model(inputs, {"logits": logits}, name="ds_cnn")
