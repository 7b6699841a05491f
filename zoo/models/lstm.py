"""`lstm`: two stacked LSTMs over log-mel frames, and the state after the last frame.

    log-mel of the word (batch, frames, 40)
      -> LSTM (batch, frames, 128)
      -> LSTM (batch, frames, 128)
      -> state of the last real frame (batch, 128)
      -> dense (batch, 10)                       logits

Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997
(doi.org/10.1162/neco.1997.9.8.1735), with the forget gate of Gers et al. 2000; stacked as by Graves et al. 2013.

What tutorials get wrong: an LSTM over raw samples takes 16,000 steps for a second, far more than it can remember;
frames every 10 ms make it 100. Others pad all clips to one length and take the state after the padding, when the word
is long past. Here the state of the last real frame is taken.

One step, * elementwise; the gates i, f, o lie between 0 (closed) and 1 (open):

    i_t = sigmoid(W_xi x_t + W_hi h_(t-1) + b_i)                      what is let in
    f_t = sigmoid(W_xf x_t + W_hf h_(t-1) + b_f)                      what is kept
    o_t = sigmoid(W_xo x_t + W_ho h_(t-1) + b_o)                      what is let out
    c_t = f_t * c_(t-1) + i_t * tanh(W_xc x_t + W_hc h_(t-1) + b_c)   a sum, so its gradient does not fade as that of
    h_t = o_t * tanh(c_t)                                             a product of many matrices does

Weights of the first layer, by hand: four gates of 128, each with a weight for every input and every state, and a
bias: 4 * 128 * (40 + 128 + 1) = 86,528.

Departures: dropout between the layers (Zaremba et al. 2014).

Try: `layers=1`; reading the word backwards (what should change?); `simple_rnn`, which has no gates; `peephole_lstm`.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import LastFrame
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    units: int = 128  # cells of each layer
    layers: int = 2
    dropout: float = 0.3  # share of each layer's inputs, but the first's


@register("lstm", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    for i in range(config.layers):
        x = layers.LSTM(config.units, return_sequences=True, name=f"lstm_{i}")(x)  # (batch, frames, units)
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
    x = LastFrame(name="last")(x, frames)  # (batch, units)
    logits = layers.Dense(len(config.labels), dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits}, name="lstm")
