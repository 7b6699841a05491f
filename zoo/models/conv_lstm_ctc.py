"""`conv_lstm_ctc`: convolutions over time and frequency, then bidirectional LSTMs; CTC writes characters.

    waveform (batch, samples)                16 kHz
      -> log-mel (batch, frames, 80)         a 25 ms window every 10 ms, normalised for each utterance
      -> Conv2D, stride (3, 2)   (batch, frames / 3, 40, 32)
      -> Conv2D, stride (1, 2)   (batch, frames / 3, 20, 32)
      -> dense (batch, frames / 3, 192)      the 20 x 32 numbers of a frame as one row
      -> 3 bidirectional LSTMs (batch, frames / 3, 2 * 192)
      -> dense (batch, frames / 3, 29)       logits of blank, space, apostrophe, a-z

Source: D. Amodei et al., "Deep Speech 2", ICML 2016 (arxiv.org/abs/1512.02595), section 3. The dense layer that
reduces the convolutions' output before the LSTMs read it is that of T. Sainath et al., ICASSP 2015 (see `conv_lstm`).

A filter that moves over frequency finds a formant wherever a voice has it, a child's or a man's. The dense matrix of
`lstm_ctc` must learn each place anew. Tutorials give a Conv2D the shape (samples, 1), which has no frequencies.

Departures: layer normalisation of each frame instead of batch normalisation, whose statistics would include padding.
LSTMs instead of plain recurrent layers. A stride of 30 ms.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import BidirectionalLSTM
from zoo.models._front_ends import CTCConfig, conv_frames, ctc_model, sentence_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(CTCConfig):
    channels: int = 32  # filters of each convolution
    units: int = 192  # LSTM units in each direction: three layers fit a 5 MB file in half precision
    dropout: float = 0.2  # share of each LSTM's inputs
    layers: int = 3


@register("conv_lstm_ctc", Config(), task="Recognizer")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> (logits, lengths in frames)."""
    inputs, x, frames = sentence_frames(config)  # (batch, frames, n_mels)
    x, frames = conv_frames(config, x, frames)  # (batch, frames / stride, n_mels / 4 * channels)
    x = layers.Dense(config.units, name="small")(x)  # (batch, frames / stride, units)
    x = layers.LayerNormalization(name="norm")(x)
    for i in range(config.layers):
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
        x = BidirectionalLSTM(config.units, name=f"lstm_{i}")(x, frames)  # (batch, frames / stride, 2 * units)
    x = layers.Dropout(config.dropout, seed=config.layers, name="dropout")(x)
    return ctc_model(config, inputs, x, frames, "conv_lstm_ctc")
