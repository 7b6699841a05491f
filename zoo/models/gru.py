"""`gru`: two stacked GRUs over log-mel frames, and the state after the last frame.

    log-mel of the word (batch, frames, 40)
      -> GRU (batch, frames, 128)
      -> GRU (batch, frames, 128)
      -> state of the last real frame (batch, 128)
      -> dense (batch, 10)                       logits

Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
EMNLP 2014 (arxiv.org/abs/1406.1078); compared with LSTMs by J. Chung et al., 2014 (arxiv.org/abs/1412.3555).

A GRU has two gates where an LSTM has three, and no cell beside its state. One step, * elementwise:

    r_t = sigmoid(W_xr x_t + W_hr h_(t-1) + b_r)                      how much of the state the candidate sees
    z_t = sigmoid(W_xz x_t + W_hz h_(t-1) + b_z)                      how much of the state is kept
    g_t = tanh(W_xg x_t + r_t * (W_hg h_(t-1) + b_h) + b_g)           the candidate
    h_t = z_t * h_(t-1) + (1 - z_t) * g_t                             a weighted mean, so its gradient does not fade

What tutorials get wrong: they say that a GRU has three quarters of an LSTM's weights because it lacks a gate. It does, but
Keras' GRU also has a second bias for each gate (`reset_after=True`, which cuDNN needs).

Weights of the first layer, by hand: three blocks of 128, each with a weight for every input and every state, and two
biases: 3 * 128 * (40 + 128 + 2) = 65,280.

Departures: the reset gate acts after the matrix product, as in cuDNN, and not before it, as in the paper; dropout between
the layers (Zaremba et al. 2014).

    model = zoo.load("gru")
    model.classify("clip.wav").confidence                  # 0 to 1

Try: `layers=1`; the same number of weights as `lstm` (`units=149`); z_t drawn over the frames of a word.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import LastFrame
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    units: int = 128  # numbers in the state of each layer
    layers: int = 2
    dropout: float = 0.3  # share of each layer's inputs, but the first's


@register("gru", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    for i in range(config.layers):
        x = layers.GRU(config.units, return_sequences=True, name=f"gru_{i}")(x)  # (batch, frames, units)
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
    x = LastFrame(name="last")(x, frames)  # (batch, units)
    logits = layers.Dense(len(config.labels), dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits}, name="gru")
