"""`peephole_lstm`: the LSTM whose equations tutorials print, in which the gates also get the cell state.

    log-mel of the word (batch, frames, 40)
      -> peephole LSTM (batch, frames, 128)
      -> peephole LSTM (batch, frames, 128)
      -> state of the last real frame (batch, 128)
      -> dense (batch, 10)                       logits

One step, * elementwise. The weights p from cell to gate are vectors: each gate gets its own cell only.

    i_t = sigmoid(W_xi x_t + W_hi h_(t-1) + p_i * c_(t-1) + b_i)      input gate
    f_t = sigmoid(W_xf x_t + W_hf h_(t-1) + p_f * c_(t-1) + b_f)      forget gate
    c_t = f_t * c_(t-1) + i_t * tanh(W_xc x_t + W_hc h_(t-1) + b_c)   cell
    o_t = sigmoid(W_xo x_t + W_ho h_(t-1) + p_o * c_t     + b_o)      output gate: it sees the new cell
    h_t = o_t * tanh(c_t)

Source: F. Gers, N. Schraudolph, J. Schmidhuber, "Learning precise timing with LSTM recurrent networks", JMLR 3, 2002
(jmlr.org/papers/v3/gers02a.html); A. Graves, A. Mohamed, G. Hinton, ICASSP 2013 (arxiv.org/abs/1303.5778).

What tutorials get wrong: they print these equations and then call `keras.layers.LSTM`, which has no p. They often
print the output gate with c_(t-1), too. On words this short the peepholes change little (as for Greff et al. 2017):
compare the card with that of `lstm`.

Departures: the forget gate's bias begins at 1 (Jozefowicz et al. 2015); dropout between the layers.
Try: `peep` set to 0, which leaves the plain LSTM; the output gate looking at the old cell.
"""

from dataclasses import dataclass

import keras
from keras import layers, ops

from zoo.layers import LastFrame, Layer, Tensor
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    units: int = 128  # cells of each layer
    layers: int = 2
    dropout: float = 0.3  # share of each layer's inputs, but the first's


class PeepholeCell(Layer):
    """One step of the equations above, for `keras.layers.RNN`: (x (batch, n), [h, c]) -> (h (batch, units), [h, c])."""

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units, self.state_size = units, [units, units]

    def build(self, shape):
        # The columns of W are those of i, f, c, o side by side: one product instead of four.
        self.w_x = self.add_weight((shape[-1], 4 * self.units), "glorot_uniform", name="w_x")
        self.w_h = self.add_weight((self.units, 4 * self.units), "orthogonal", name="w_h")
        self.bias = self.add_weight((4, self.units), "zeros", name="bias")
        self.bias.assign(ops.convert_to_tensor([[0.0], [1.0], [0.0], [0.0]]) * ops.ones((4, self.units)))
        self.peep = self.add_weight((3, self.units), "zeros", name="peep")  # p_i, p_f, p_o

    def call(self, x: Tensor, states: list[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        h, c = states
        z = ops.matmul(x, self.w_x) + ops.matmul(h, self.w_h) + ops.reshape(self.bias, (-1,))
        i, f, g, o = ops.split(z, 4, axis=-1)  # (batch, units) each
        i = ops.sigmoid(i + self.peep[0] * c)
        f = ops.sigmoid(f + self.peep[1] * c)
        c = f * c + i * ops.tanh(g)
        o = ops.sigmoid(o + self.peep[2] * c)
        h = o * ops.tanh(c)
        return h, [h, c]


@register("peephole_lstm", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    for i in range(config.layers):
        cell = PeepholeCell(config.units, name=f"cell_{i}")
        x = layers.RNN(cell, return_sequences=True, name=f"lstm_{i}")(x)  # (batch, frames, units)
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
    x = LastFrame(name="last")(x, frames)  # (batch, units)
    logits = layers.Dense(len(config.labels), dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits}, name="peephole_lstm")
