"""`lstm_ctc`: stacked bidirectional LSTMs over log-mel frames, trained with CTC to write characters.

    waveform (batch, samples)            16 kHz
      -> log-mel (batch, frames, 80)     a 25 ms window every 10 ms, normalised for each utterance
      -> strided convolution (batch, frames / 3, 192)    90 ms of context every 30 ms
      -> 3 bidirectional LSTMs (batch, frames / 3, 2 * 192)
      -> dense (batch, frames / 3, 29)   logits of blank, space, apostrophe, a-z

Source: A. Graves, A. Mohamed, G. Hinton, "Speech recognition with deep recurrent neural networks", ICASSP 2013
(arxiv.org/abs/1303.5778), with the CTC objective of A. Graves et al., ICML 2006.

Departures: characters instead of phonemes, which need no pronouncing dictionary. Log-mel frames normalised for each
utterance instead of filter banks with deltas. A convolution with stride 3 first, so that the LSTMs take a third of
the steps. SpecAugment and dropout instead of weight noise.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import BidirectionalLSTM, StridedConv1D
from zoo.models._front_ends import CTCConfig, ctc_model, sentence_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(CTCConfig):
    kernel_size: int = 9  # frames, 90 ms
    units: int = 192  # LSTM units in each direction: three layers fit a 5 MB file in half precision
    layers: int = 3
    dropout: float = 0.25  # share of each layer's inputs


@register("lstm_ctc", Config(), task="Recognizer")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> (logits, lengths in frames)."""
    inputs, x, frames = sentence_frames(config)  # (batch, frames, n_mels)
    x, frames = StridedConv1D(config.units, config.kernel_size, config.stride, name="stack")(x, frames)
    x = layers.ReLU(name="relu")(x)  # (batch, frames / stride, units)
    for i in range(config.layers):
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
        x = BidirectionalLSTM(config.units, name=f"lstm_{i}")(x, frames)  # (batch, frames / stride, 2 * units)
    x = layers.Dropout(config.dropout, seed=config.layers, name="dropout")(x)
    return ctc_model(config, inputs, x, frames, "lstm_ctc")
