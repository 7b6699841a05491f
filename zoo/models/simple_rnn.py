"""`simple_rnn`: a recurrent network without gates, the plain recursion of Elman, over log-mel frames.

    log-mel of the word (batch, frames, 40)
      -> h_t = tanh(W_xh x_t + W_hh h_(t-1) + b) (batch, frames, 128)
      -> the same again (batch, frames, 128)
      -> mean of h over the real frames (batch, 128)
      -> dense (batch, 10)                       logits

Source: J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990 (doi.org/10.1207/s15516709cog1402_1).

What tutorials get wrong: the section is called RNN and its code is an LSTM. Or the code is a SimpleRNN and its input
the 16,000 samples of a second: the gradient then passes W_hh 16,000 times and comes to nothing (Bengio et al. 1994).
Over the forty frames of a word it does learn, under three conditions. Gradients are clipped. W_hh begins as an
orthogonal matrix, which neither shrinks nor stretches. And the answer depends on every frame, since a plain recursion
has forgotten the first sound at the last frame. Keras' own pooling would count the padding into the mean.

Why it forgets: the gradient from frame t back to frame s is a product of t - s matrices, diag(1 - h^2) W_hh each. If
the largest singular value of W_hh is 0.9, forty of them leave at most 0.9^40 = 1.5 %, and 16,000 nothing. At 1.1 they
can grow up to 4,500 %, and without end, which is why gradients are clipped. The LSTM's cell is a sum instead.

Departures: two layers; the mean; an orthogonal start (Saxe et al. 2014, Keras' default); clipped gradients; dropout.

Try: `LastFrame` in place of `MeanFrames`; a `RandomNormal` start of the recurrent weights; `hop_length=40`.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import MeanFrames
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    units: int = 128  # numbers in the state h
    layers: int = 2
    dropout: float = 0.1  # share of each layer's inputs, but the first's


@register("simple_rnn", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    for i in range(config.layers):
        x = layers.SimpleRNN(config.units, return_sequences=True, name=f"rnn_{i}")(x)  # (batch, frames, units)
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
    x = MeanFrames(name="mean")(x, frames)  # (batch, units)
    logits = layers.Dense(len(config.labels), dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits}, name="simple_rnn")
