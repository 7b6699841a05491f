"""`attention`: self-attention over frames, then a score for each frame that decides how much it counts in the answer.

    log-mel of the word (batch, frames, 40)
      -> convolution over time, stride 2, and positions (batch, frames / 2, 96)
      -> 2 blocks of self-attention and dense layers (batch, frames / 2, 96)
      -> score of each frame (batch, frames / 2)
      -> softmax over the real frames: weights that sum to 1
      -> weighted sum of the frames (batch, 96)
      -> dense (batch, 10)                       logits

Source: D. Bahdanau, K. Cho, Y. Bengio, ICLR 2015 (arxiv.org/abs/1409.0473) for score, softmax and weighted sum;
A. Vaswani et al., "Attention is all you need", NeurIPS 2017 (arxiv.org/abs/1706.03762) for the blocks before it.

What tutorials get wrong: the softmax. They leave it out, so that long clips give larger sums than short ones. Or they
take it over all frames, so that padding gets weight, or over the wrong axis. And self-attention alone does not know
which frame came first ("no" backwards is the same set of frames), so positions are added.

Departures: one trained query, since there is one word to write. Layer normalisation before each part (Xiong et
al. 2020), which needs no warm-up. A convolution first, since half the frames cost a quarter of the attention.

The weights are an output, to be drawn over the spectrogram (`zoo classify --plot`):

    zoo.load("attention").infer(["clip.wav"])[0]["attention"]   # (frames / 2,), sums to 1

Try: one head, no positions, no softmax; a clip beside a longer one in a batch, without the mask.
"""

from dataclasses import dataclass

import keras
from keras import layers, ops

from zoo.layers import FrameMask, Layer, Positions, StridedConv1D, Tensor, frame_mask
from zoo.models._front_ends import WordConfig, word_frames, word_logits
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    units: int = 96  # numbers for each frame
    kernel_size: int = 7  # frames, 70 ms
    stride: int = 2  # frames, 20 ms
    layers: int = 2  # blocks of self-attention
    heads: int = 4
    dropout: float = 0.2


class AttentionPooling(Layer):
    """Scores each frame by a hidden layer of `units`: (weighted sum (batch, n), weights (batch, frames) that sum to 1).

    >>> import numpy as np
    >>> _, weights = AttentionPooling(4)(np.ones((1, 3, 2), "float32"), np.array([2]))
    >>> np.asarray(weights).round(2).tolist()
    [[0.5, 0.5, 0.0]]
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = layers.Dense(units, activation="tanh", name="hidden")
        # No bias: a number added to every score does not change the softmax.
        self.score = layers.Dense(1, use_bias=False, name="score", dtype="float32")

    def build(self, frames_shape, lengths_shape=None):
        self.hidden.build(frames_shape)
        self.score.build((*frames_shape[:-1], self.units))

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.score(self.hidden(frames))[..., 0]  # (batch, frames)
        scores = ops.where(frame_mask(lengths, ops.shape(frames)[1]), scores, -1e9)
        weights = ops.softmax(scores, axis=1)
        return ops.sum(ops.cast(weights, frames.dtype)[:, :, None] * frames, axis=1), weights


def block(x: Tensor, mask: Tensor, config: Config, name: str) -> Tensor:
    """Self-attention, then two dense layers, each added to its input: (batch, frames, units) -> the same."""
    y = layers.LayerNormalization(name=f"{name}_norm_0")(x)
    attend = layers.MultiHeadAttention(config.heads, config.units // config.heads, name=f"{name}_attend")
    y = attend(y, y, attention_mask=mask)
    x = x + layers.Dropout(config.dropout, name=f"{name}_dropout_0")(y)
    y = layers.LayerNormalization(name=f"{name}_norm_1")(x)
    y = layers.Dense(2 * config.units, activation="relu", name=f"{name}_dense_0")(y)
    y = layers.Dense(config.units, name=f"{name}_dense_1")(y)
    return x + layers.Dropout(config.dropout, name=f"{name}_dropout_1")(y)


@register("attention", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes; attention (batch, frames) and its lengths."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    x, frames = StridedConv1D(config.units, config.kernel_size, config.stride, name="conv")(x, frames)
    x = Positions(name="positions")(layers.ReLU(name="relu")(x))  # (batch, frames / stride, units)
    mask = FrameMask(name="mask")(x, frames)
    for i in range(config.layers):
        x = block(x, mask, config, f"block_{i}")
    x = layers.LayerNormalization(name="norm")(x)
    x, weights = AttentionPooling(config.units, name="pool")(x, frames)  # (batch, units), (batch, frames / stride)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    logits = word_logits(config, x)
    return keras.Model(inputs, {"logits": logits, "attention": weights, "lengths": frames}, name="attention")
