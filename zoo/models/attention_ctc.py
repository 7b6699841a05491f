"""`attention_ctc`: convolutions make the frames fewer, then every frame looks at every other one; CTC writes characters.

    waveform (batch, samples)                16 kHz
      -> log-mel (batch, frames, 80)         a 25 ms window every 10 ms, normalised for each utterance
      -> Conv2D, stride (3, 2), and again (1, 2)   (batch, frames / 3, 20, 32)
      -> dense, and positions (batch, frames / 3, 144)
      -> 4 blocks (batch, frames / 3, 144)   half a dense part, self-attention, convolution over time, half a dense part
      -> dense (batch, frames / 3, 29)       logits of blank, space, apostrophe, a-z

Source: A. Gulati et al., "Conformer: convolution-augmented transformer for speech recognition", Interspeech 2020
(arxiv.org/abs/2005.08100), the blocks; A. Vaswani et al., NeurIPS 2017 (arxiv.org/abs/1706.03762), attention and positions.

An LSTM carries what it heard from step to step; attention fetches it from wherever it was, at a cost that grows with the
square of the length. What lies next to a frame matters most in speech, and a convolution says so with few weights: it is what
lets attention learn from hours of speech instead of thousands of hours.

Departures: sines added once instead of relative positions; layer normalisation within the convolution part instead of batch
normalisation, whose statistics would take in the padding and the clips beside; a stride of 30 ms instead of 40.

What goes wrong elsewhere: no mask, so that padding is looked at; a mask over the wrong axis; the softmax left out.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.augment import SpecAugment
from zoo.features import LogMel, Normalise
from zoo.layers import FrameMask, MaskedConv2D, MaskFrames, Positions, Rescale
from zoo.registry import register
from zoo.text import CHARACTERS


@dataclass(frozen=True)
class Config:
    sample_rate: int = 16000  # Hz
    n_fft: int = 512  # points
    win_length: int = 400  # samples, 25 ms
    hop_length: int = 160  # samples, 10 ms
    n_mels: int = 80  # bands
    channels: int = 32  # filters of each strided convolution
    stride: int = 3  # frames, 30 ms: the shortest spoken digits still have more frames than letters
    units: int = 144  # numbers for each frame between the blocks
    layers: int = 4  # blocks
    heads: int = 4
    kernel_size: int = 15  # frames of 30 ms that a block's convolution sees
    dropout: float = 0.1
    vocabulary: str = "".join(CHARACTERS.tokens)  # output characters; id 0, the blank, comes before them

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame of logits to the next."""
        return self.hop_length * self.stride / self.sample_rate


def dense_part(x, config: Config, name: str):
    """Two dense layers, of which half is added to what came in."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    y = layers.Dense(4 * config.units, activation="silu", name=f"{name}_wide")(y)
    y = layers.Dense(config.units, name=f"{name}_narrow")(layers.Dropout(config.dropout, name=f"{name}_dropout_0")(y))
    return x + Rescale(0.5, name=f"{name}_half")(layers.Dropout(config.dropout, name=f"{name}_dropout_1")(y))


def attention_part(x, mask, config: Config, name: str):
    """Every frame fetches from all real ones."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    heads = layers.MultiHeadAttention(config.heads, config.units // config.heads, name=f"{name}_heads")
    return x + layers.Dropout(config.dropout, name=f"{name}_dropout")(heads(y, y, attention_mask=mask))


def convolution_part(x, frames, config: Config, name: str):
    """A gate, a filter over time for each channel, and a mixture of the channels."""
    y = layers.LayerNormalization(name=f"{name}_norm_0")(x)
    gate = layers.Dense(config.units, activation="sigmoid", name=f"{name}_gate")(y)
    y = layers.Dense(config.units, name=f"{name}_value")(y) * gate
    y = MaskFrames(name=f"{name}_mask")(y, frames)
    # In single precision: in half, TensorFlow's depthwise convolution of clips of any length never returns on a CPU.
    y = layers.DepthwiseConv1D(config.kernel_size, padding="same", dtype="float32", name=f"{name}_filter")(y)
    y = layers.Activation("silu", name=f"{name}_silu")(layers.LayerNormalization(name=f"{name}_norm_1")(y))
    return x + layers.Dropout(config.dropout, name=f"{name}_dropout")(layers.Dense(config.units, name=f"{name}_mix")(y))


@register("attention_ctc", Config())
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> (logits, lengths in frames)."""
    waveform = keras.Input((None,), name="waveform")  # (batch, samples)
    lengths = keras.Input((), dtype="int32", name="lengths")  # (batch,)
    log_mel = LogMel(
        config.sample_rate, config.n_fft, config.hop_length, config.win_length, config.n_mels, name="log_mel"
    )

    x, frames = log_mel(waveform, lengths)  # (batch, frames, n_mels)
    x, frames = Normalise(name="normalise")(x, frames)
    x = SpecAugment(name="spec_augment")(x, frames)
    x = layers.Reshape((-1, config.n_mels, 1), name="picture")(x)  # (batch, frames, n_mels, 1)
    x, frames = MaskedConv2D(config.channels, (9, 7), (config.stride, 2), name="conv_0")(x, frames)
    x = layers.ReLU(name="relu_0")(x)  # (batch, frames / stride, n_mels / 2, channels)
    x, frames = MaskedConv2D(config.channels, (3, 5), (1, 2), name="conv_1")(x, frames)
    x = layers.ReLU(name="relu_1")(x)  # (batch, frames / stride, n_mels / 4, channels)
    x = layers.Reshape((-1, x.shape[2] * x.shape[3]), name="rows")(x)
    x = Positions(name="positions")(layers.Dense(config.units, name="small")(x))  # (batch, frames / stride, units)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    mask = FrameMask(name="mask")(x, frames)
    for i in range(config.layers):
        x = dense_part(x, config, f"block_{i}_first")
        x = attention_part(x, mask, config, f"block_{i}_attend")
        x = convolution_part(x, frames, config, f"block_{i}_convolve")
        x = dense_part(x, config, f"block_{i}_last")
        x = layers.LayerNormalization(name=f"block_{i}_norm")(x)
    # In single precision, also where the rest computes in half: CTC sums thousands of small probabilities.
    logits = layers.Dense(len(config.vocabulary) + 1, dtype="float32", name="logits")(x)
    return keras.Model(
        {"waveform": waveform, "lengths": lengths}, {"logits": logits, "lengths": frames}, name="attention_ctc"
    )
