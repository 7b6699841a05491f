"""`conv2d`: two convolutions and two dense layers over a log-mel image of a word.

    log-mel of the word (batch, frames, 40)
      -> image (batch, 48, 40, 1)                   48 frames of time, 40 bands, one channel
      -> 3x3 convolution, pool (batch, 24, 20, 32)
      -> 3x3 convolution, pool (batch, 12, 10, 64)
      -> flatten (batch, 7680)
      -> dense (batch, 64)
      -> dense (batch, 10)                          logits

Source: T. Sainath, C. Parada, "Convolutional neural networks for small-footprint keyword spotting", Interspeech 2015
(isca-archive.org/interspeech_2015/sainath15b_interspeech.html); the layer sizes are those of many tutorials.

What tutorials get wrong: they give Conv2D the samples themselves, as (16000, 1) or reshaped into a square. A 3x3
kernel looks for what is near in both directions, so the second must mean something, as frequency does.

Weights, by hand: 32 * (3*3*1 + 1) = 320, then 64 * (3*3*32 + 1) = 18,496, then 64 * (7680 + 1) = 491,584, then
10 * (64 + 1) = 650. Nineteen in twenty lie between `flatten` and the dense layer; `ds_cnn` takes a mean instead.

Departures: `padding="same"`, so that each size is half of the one before. Dropout. Images of 48 frames.

    zoo.load("conv2d").saliency("clip.wav")                # (frames, 40): what the answer depended on

Try: `width=12` (where does it begin to fail?), `filters=4`, or no pooling (what happens to the number of weights?).
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import TimeResize
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    width: int = 48  # frames of the image; most digits last 35 to 60
    filters: int = 32  # of the first convolution; the second has twice as many
    units: int = 64  # of the dense layer
    dropout: float = 0.15  # share of the dense layers' inputs


@register("conv2d", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    x = TimeResize(config.width, name="picture")(x, frames)  # (batch, width, n_mels, 1)
    for i, filters in enumerate((config.filters, 2 * config.filters)):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv_{i}")(x)
        x = layers.MaxPooling2D(2, name=f"pool_{i}")(x)  # half the frames, half the bands
    x = layers.Flatten(name="flatten")(x)  # (batch, width / 4 * n_mels / 4 * 2 * filters)
    x = layers.Dropout(config.dropout, seed=0, name="dropout_0")(x)
    x = layers.Dense(config.units, activation="relu", name="dense")(x)
    x = layers.Dropout(config.dropout, seed=1, name="dropout_1")(x)
    logits = layers.Dense(len(config.labels), dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits}, name="conv2d")
