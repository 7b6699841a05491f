"""`conv_lstm`: convolution, then LSTM, then dense: the three-layer acoustic model in its smallest form.

    log-mel of the word (batch, frames, 40)
      -> convolution over time, stride 2 (batch, frames / 2, 96)   70 ms of context every 20 ms
      -> LSTM (batch, frames / 2, 128)
      -> state of the last real frame (batch, 128)
      -> dense (batch, 10)                                         logits

Source: T. Sainath, O. Vinyals, A. Senior, H. Sak, "Convolutional, long short-term memory, fully connected deep neural
networks", ICASSP 2015 (doi.org/10.1109/ICASSP.2015.7178838).

What tutorials get wrong: the order. The convolution sees what is near (an onset, a formant that moves), the LSTM
keeps what came before, and the dense layer decides. With the LSTM first, it would have to take twice as many steps.

Frames, by hand: half a kernel of zeros lies on either side, so output t is centred on frame 2 t, and there are
ceil(frames / 2) of them. Keras' own `padding="same"` with a stride places its zeros by the padded length, so a clip
beside a longer one gets other numbers than alone (`zoo.layers.StridedConv1D`).

Departures: one layer of each. The convolution runs over time alone. Try `stride=1`, `stride=4`, `kernel_size=1`.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import LastFrame, StridedConv1D
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    filters: int = 96  # of the convolution
    kernel_size: int = 7  # frames, 70 ms
    stride: int = 2  # frames, 20 ms
    units: int = 128  # cells of the LSTM
    dropout: float = 0.3  # share of the inputs of the LSTM and of the dense layer


@register("conv_lstm", Config(), task="Classifier")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of classes."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    x, frames = StridedConv1D(config.filters, config.kernel_size, config.stride, name="conv")(x, frames)
    x = layers.ReLU(name="relu")(x)  # (batch, frames / stride, filters)
    x = layers.Dropout(config.dropout, seed=0, name="dropout_0")(x)
    x = layers.LSTM(config.units, return_sequences=True, name="lstm")(x)  # (batch, frames / stride, units)
    x = LastFrame(name="last")(x, frames)  # (batch, units)
    x = layers.Dropout(config.dropout, seed=1, name="dropout_1")(x)
    logits = layers.Dense(len(config.labels), dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits}, name="conv_lstm")
