"""`vad`: is anybody speaking? A convolution and a GRU answer for every frame of 10 ms.

    log-mel of the recording (batch, frames, 40), relative to its mean level
      -> convolution over time, 9 frames (batch, frames, 32)   90 ms of context, so that a click is no vowel
      -> GRU (batch, frames, 32)                               what went on before
      -> dense (batch, frames, 1)                              logits: the log odds of speech

Source: T. Hughes, K. Mierle, "Recurrent neural networks for voice activity detection", ICASSP 2013
(doi.org/10.1109/ICASSP.2013.6639096), which has a recurrent network over frames.

What tutorials get wrong: they call every loud frame speech. A door is loud, and an "f" is not. And they report accuracy
on recordings of which nine tenths are speech, where "always" would score 90 %.

Departures: a GRU with gates in place of quadratic units. Log-mel in place of PLP. The taught answer comes from the level of
the clean recording, before noise was added; nobody marked frames by hand.

    zoo.load("vad").detect("meeting.wav")                  # [(0.32, 2.15), (3.4, 4.02)]  seconds

Try: `units=8` (how small can it be?), or no noise in training: what does it then take for speech?
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import MaskFrames, MeanSubtraction, Rescale, StridedConv1D
from zoo.models._front_ends import LogMelConfig, log_mel_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(LogMelConfig):
    n_mels: int = 40  # bands
    filters: int = 32  # of the convolution
    kernel_size: int = 9  # frames
    units: int = 32  # numbers in the GRU's state
    dropout: float = 0.1


@register("vad", Config(), task="SpeechDetector")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits (batch, frames) of speech, and lengths in frames."""
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x = MeanSubtraction(name="level")(x, frames)
    x = Rescale(1 / 20, name="scale")(x)  # 20 dB are about one standard deviation
    x, _ = StridedConv1D(config.filters, config.kernel_size, 1, name="conv")(x, frames)
    x = MaskFrames(name="mask")(layers.ReLU(name="relu")(x), frames)  # (batch, frames, filters)
    x = layers.GRU(config.units, return_sequences=True, name="gru")(x)  # (batch, frames, units)
    x = layers.Dropout(config.dropout, seed=0, name="dropout")(x)
    x = layers.Dense(1, dtype="float32", name="logits")(x)  # (batch, frames, 1)
    logits = layers.Reshape((-1,), dtype="float32", name="log_odds")(x)
    return keras.Model(inputs, {"logits": logits, "lengths": frames}, name="vad")
