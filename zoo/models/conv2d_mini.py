"""`conv2d_mini`: two small convolutions and one dense layer over a square image of a word; every number by hand.

    log-mel of the word (batch, frames, 32)
      -> image (batch, 32, 32, 1)
      -> 3x3 convolution, 20 channels (batch, 32, 32, 20)      20 * (3*3*1 + 1)  =    200 weights
      -> pool (batch, 16, 16, 20)
      -> 3x3 convolution, 20 channels (batch, 16, 16, 20)      20 * (3*3*20 + 1) =  3,620 weights
      -> pool (batch, 8, 8, 20)
      -> flatten (batch, 20*8*8 = 1280)
      -> dense (batch, 10)                                     10 * (1280 + 1)   = 12,810 weights

Source: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998 (doi.org/10.1109/5.726791).

What tutorials get wrong: their dense layer takes 20*4*4, which belongs to 16x16 images or to three poolings. 32 is
halved twice: 8, so it takes 20*8*8. In Keras, `Flatten` counts for you; in other libraries nothing does until it runs.

An odd kernel with `padding="same"` keeps 32 as 32; a pool of 2 keeps the largest of each 2x2. There are as many
channels as kernels, whatever came in. That makes 16,630 weights in all, 33 kB in half precision.

Departures: 3x3 kernels instead of 5x5, one dense layer instead of three, ReLU, the maximum in pooling, dropout.

    zoo.load("conv2d_mini").get_layer("conv_0").kernel     # (3, 3, 1, 20): twenty images to look at

Try: `n_mels=64`, which makes the image 64x64: which of the numbers above change? Then `filters=5`.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import TimeResize
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    n_mels: int = 32  # bands, and as many frames: the image is square
    filters: int = 20  # channels of both convolutions
    dropout: float = 0.3  # share of the dense layer's inputs


@register("conv2d_mini", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes."""
    inputs, x, frames = word_frames(config)  # (batch, frames, 32)
    x = TimeResize(config.n_mels, name="picture")(x, frames)  # (batch, 32, 32, 1)
    for i in range(2):
        x = layers.Conv2D(config.filters, 3, padding="same", activation="relu", name=f"conv_{i}")(x)
        x = layers.MaxPooling2D(2, name=f"pool_{i}")(x)
    x = layers.Flatten(name="flatten")(x)  # (batch, filters * 8 * 8)
    x = layers.Dropout(config.dropout, seed=0, name="dropout")(x)
    logits = layers.Dense(len(config.labels), dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits}, name="conv2d_mini")
