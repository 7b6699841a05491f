"""`lstm_ctc`: stacked bidirectional LSTM over log-mel frames, trained with CTC to write characters.

    waveform (batch, samples)            16 kHz
      -> log-mel (batch, frames, 80)     a 25 ms window every 10 ms, normalised for each utterance
      -> strided convolution (batch, frames / 3, 192)    90 ms of context every 30 ms
      -> 3 bidirectional LSTMs (batch, frames / 3, 2 * 192)
      -> dense (batch, frames / 3, 29)   logits of blank, space, apostrophe, a-z

Source: A. Graves, A. Mohamed, G. Hinton, "Speech recognition with deep recurrent neural networks", ICASSP 2013
(arxiv.org/abs/1303.5778), with the CTC objective of A. Graves et al., ICML 2006.

Departures: characters instead of phonemes, since no pronouncing dictionary is needed then; log-mel frames normalised
for each utterance instead of filter banks with deltas; a convolution with stride 3 first, so that the LSTMs take a
third of the steps (tutorials feed an LSTM 16,000 raw samples: it cannot learn across so many); SpecAugment and
dropout instead of weight noise.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.augment import SpecAugment
from zoo.features import LogMel, Normalise
from zoo.layers import BidirectionalLSTM, StridedConv1D
from zoo.registry import register
from zoo.text import CHARACTERS


@dataclass(frozen=True)
class Config:
    sample_rate: int = 16000  # Hz
    n_fft: int = 512  # points
    win_length: int = 400  # samples, 25 ms
    hop_length: int = 160  # samples, 10 ms
    n_mels: int = 80  # bands
    kernel_size: int = 9  # frames, 90 ms
    stride: int = 3  # frames, 30 ms: the shortest spoken digits still have more frames than letters
    units: int = 192  # LSTM units in each direction: three layers fit a 5 MB file in half precision
    layers: int = 3
    dropout: float = 0.25  # share of each layer's inputs
    vocabulary: str = "".join(CHARACTERS.tokens)  # output characters; id 0, the blank, comes before them

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame of logits to the next."""
        return self.hop_length * self.stride / self.sample_rate


@register("lstm_ctc", Config())
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
    x, frames = StridedConv1D(config.units, config.kernel_size, config.stride, name="stack")(x, frames)
    x = layers.ReLU(name="relu")(x)  # (batch, frames / stride, units)
    for i in range(config.layers):
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
        x = BidirectionalLSTM(config.units, name=f"lstm_{i}")(x, frames)  # (batch, frames / stride, 2 * units)
    x = layers.Dropout(config.dropout, seed=config.layers, name="dropout")(x)
    # In single precision, also where the rest computes in half: CTC sums thousands of small probabilities.
    logits = layers.Dense(len(config.vocabulary) + 1, dtype="float32", name="logits")(
        x
    )  # (batch, frames / stride, symbols + blank)
    return keras.Model(
        {"waveform": waveform, "lengths": lengths}, {"logits": logits, "lengths": frames}, name="lstm_ctc"
    )
