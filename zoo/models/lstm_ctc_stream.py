"""`lstm_ctc_stream`: LSTMs that read forwards only, a short look-ahead, and CTC: it writes while somebody speaks.

    waveform (batch, samples)            16 kHz
      -> log-mel (batch, frames, 80)     a 25 ms window every 10 ms, in units of 20 dB
      -> strided convolution (batch, frames / 3, 256)    90 ms of context every 30 ms
      -> 3 times: LSTM, then 3 frames of look-ahead (batch, frames / 3, 256)
      -> dense (batch, frames / 3, 29)   logits of blank, space, apostrophe, a-z

Source: D. Amodei et al., "Deep Speech 2", ICML 2016 (arxiv.org/abs/1512.02595), section 3.7: LSTMs in one direction
and a row convolution, which gives every channel a weight for each of the next few frames.

The bidirectional LSTM of `lstm_ctc` has no output before the end of the recording. Here a frame's logits are final 0.32 s
later: 3 x 3 frames of 30 ms, half the convolution's kernel (40 ms) and half a window (12.5 ms). A stream cannot know
the peak or the mean of the whole clip, so fixed numbers normalise it, and recordings at all levels teach the rest.

    for partial in zoo.load("lstm_ctc_stream").stream(chunks, sample_rate=16000):  # chunks of any length
        print(partial.text, partial.partial)

Departures: a look-ahead after each LSTM instead of one at the top, so that the layers above can use it. Layer
normalisation of each frame, which a stream has, instead of batch normalisation. Try `look_ahead=1`, and what it costs.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import ForwardLSTM, LookAhead, MaskFrames, Rescale, SpecAugment, StridedConv1D
from zoo.models._front_ends import CTCConfig, ctc_model, log_mel_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(CTCConfig):
    quiet_db: float = 60.0  # dB below full scale that become 0: as loud as a quiet room
    kernel_size: int = 9  # frames, 90 ms
    units: int = 256
    layers: int = 3
    look_ahead: int = 3  # frames of 30 ms after each LSTM
    dropout: float = 0.15  # share of each layer's inputs

    @property
    def latency_seconds(self) -> float:
        """Seconds of sound after a frame's time without which its logits are not final."""
        window = (self.kernel_size // 2) * self.hop_length + self.win_length / 2
        return self.layers * self.look_ahead * self.frame_seconds + window / self.sample_rate


@register("lstm_ctc_stream", Config(), task="StreamingRecognizer")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> (logits, lengths in frames)."""
    inputs, x, frames = log_mel_frames(config, top_db=None)  # (batch, frames, n_mels)
    x = Rescale(1 / 20, config.quiet_db / 20, name="rescale")(x)
    x = SpecAugment(name="spec_augment")(x, frames)
    x = MaskFrames(name="mask")(x, frames)
    x, frames = StridedConv1D(config.units, config.kernel_size, config.stride, name="stack")(x, frames)
    x = layers.ReLU(name="relu")(layers.LayerNormalization(name="norm")(x))  # (batch, frames / stride, units)
    for i in range(config.layers):
        x = layers.Dropout(config.dropout, seed=i, name=f"dropout_{i}")(x)
        x = ForwardLSTM(config.units, name=f"lstm_{i}")(x)  # (batch, frames / stride, units)
        x = LookAhead(config.look_ahead, name=f"ahead_{i}")(x, frames)
    x = layers.Dropout(config.dropout, seed=config.layers, name="dropout")(x)
    return ctc_model(config, inputs, x, frames, "lstm_ctc_stream")
