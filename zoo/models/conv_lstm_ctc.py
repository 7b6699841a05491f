"""`conv_lstm_ctc`: convolutions over time and frequency, then bidirectional LSTMs, then a dense layer; CTC writes characters.

    waveform (batch, samples)                16 kHz
      -> log-mel (batch, frames, 80)         a 25 ms window every 10 ms, normalised for each utterance
      -> Conv2D, stride (3, 2)   (batch, frames / 3, 40, 32)
      -> Conv2D, stride (1, 2)   (batch, frames / 3, 20, 32)
      -> dense (batch, frames / 3, 192)      the 20 x 32 numbers of a frame as one row
      -> 3 bidirectional LSTMs (batch, frames / 3, 2 * 192)
      -> dense (batch, frames / 3, 29)       logits of blank, space, apostrophe, a-z

Source: D. Amodei et al., "Deep Speech 2", ICML 2016 (arxiv.org/abs/1512.02595), section 3: convolutions, recurrent layers,
dense, CTC; T. Sainath et al., "Convolutional, long short-term memory, fully connected deep neural networks", ICASSP 2015,
for the dense layer that makes the convolutions' output small before the LSTMs read it.

A filter that moves over frequency as well as time finds a formant wherever a voice has it, a child's or a man's; the dense
matrix of `lstm_ctc` must learn each place anew. Tutorials give a Conv2D the shape (samples, 1), which has no frequencies.

Departures: layer normalisation of each frame instead of batch normalisation, whose statistics would take in the padding and
the clips beside; LSTMs instead of plain recurrent layers; a stride of 30 ms, since characters need more frames than phonemes.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.augment import SpecAugment
from zoo.features import LogMel, Normalise
from zoo.layers import BidirectionalLSTM, MaskedConv2D
from zoo.registry import register
from zoo.text import CHARACTERS


@dataclass(frozen=True)
class Config:
    sample_rate: int = 16000  # Hz
    n_fft: int = 512  # points
    win_length: int = 400  # samples, 25 ms
    hop_length: int = 160  # samples, 10 ms
    n_mels: int = 80  # bands
    channels: int = 32  # filters of each convolution
    stride: int = 3  # frames, 30 ms: the shortest spoken digits still have more frames than letters
    units: int = 192  # LSTM units in each direction: three layers fit a 5 MB file in half precision
    layers: int = 3
    dropout: float = 0.2  # share of each layer's inputs
    vocabulary: str = "".join(CHARACTERS.tokens)  # output characters; id 0, the blank, comes before them

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame of logits to the next."""
        return self.hop_length * self.stride / self.sample_rate


def convolutions(x, frames, config: Config):
    """(batch, frames, n_mels) -> (batch, frames / stride, units), and the lengths."""
    x = layers.Reshape((-1, config.n_mels, 1), name="picture")(x)  # (batch, frames, n_mels, 1)
    x, frames = MaskedConv2D(config.channels, (9, 7), (config.stride, 2), name="conv_0")(x, frames)
    x = layers.ReLU(name="relu_0")(x)  # (batch, frames / stride, n_mels / 2, channels)
    x, frames = MaskedConv2D(config.channels, (3, 5), (1, 2), name="conv_1")(x, frames)
    x = layers.ReLU(name="relu_1")(x)  # (batch, frames / stride, n_mels / 4, channels)
    x = layers.Reshape((-1, x.shape[2] * x.shape[3]), name="rows")(x)
    x = layers.Dense(config.units, name="small")(x)  # (batch, frames / stride, units)
    return layers.LayerNormalization(name="norm")(x), frames


@register("conv_lstm_ctc", Config())
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
    x, frames = convolutions(x, frames, config)  # (batch, frames / stride, units)
    for i in range(config.layers):
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
        x = BidirectionalLSTM(config.units, name=f"lstm_{i}")(x, frames)  # (batch, frames / stride, 2 * units)
    x = layers.Dropout(config.dropout, seed=config.layers, name="dropout")(x)
    # In single precision, also where the rest computes in half: CTC sums thousands of small probabilities.
    logits = layers.Dense(len(config.vocabulary) + 1, dtype="float32", name="logits")(x)
    return keras.Model(
        {"waveform": waveform, "lengths": lengths}, {"logits": logits, "lengths": frames}, name="conv_lstm_ctc"
    )
