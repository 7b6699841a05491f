"""`lstm_ctc_stream`: LSTMs that read forwards only, a little of what follows, and CTC: it writes while somebody speaks.

    waveform (batch, samples)            16 kHz
      -> log-mel (batch, frames, 80)     a 25 ms window every 10 ms, in units of 20 dB
      -> strided convolution (batch, frames / 3, 256)    90 ms of context every 30 ms
      -> 3 times: LSTM, then 3 frames of look-ahead (batch, frames / 3, 256)
      -> dense (batch, frames / 3, 29)   logits of blank, space, apostrophe, a-z

Source: D. Amodei et al., "Deep Speech 2", ICML 2016 (arxiv.org/abs/1512.02595), section 3.7: LSTMs in one direction and a row
convolution, which gives every channel a weight for each of the next few frames; A. Graves et al., ICML 2006, for CTC.

The bidirectional LSTM of `lstm_ctc` says nothing before it has heard the end. Here a frame's logits are final once the sound
has gone on for 0.32 s: 3 x 3 frames of 30 ms, half the convolution's kernel (40 ms) and half a window (12.5 ms). How loud the
whole clip will be, or what the mean of its bands, cannot be known either: nothing is normalised but by fixed numbers, and
recordings at all levels teach the rest.

    for heard in zoo.load("lstm_ctc_stream").stream(chunks, sample_rate=16000):  # chunks of any length, from anywhere
        print(heard.text, heard.partial)

Departures: a look-ahead after each LSTM instead of one at the top, since the layers above can then make something of it;
layer normalisation of each frame, which a stream has, instead of batch normalisation.

Try: look_ahead=1, and what it costs; lstm_ctc's weights beside these on a clip that is cut off in the middle of a word.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.augment import SpecAugment
from zoo.features import LogMel
from zoo.layers import ForwardLSTM, LookAhead, MaskFrames, Rescale, StridedConv1D
from zoo.registry import register
from zoo.text import CHARACTERS


@dataclass(frozen=True)
class Config:
    sample_rate: int = 16000  # Hz
    n_fft: int = 512  # points
    win_length: int = 400  # samples, 25 ms
    hop_length: int = 160  # samples, 10 ms
    n_mels: int = 80  # bands
    quiet_db: float = 60.0  # dB below full scale that become 0: as loud as a quiet room
    kernel_size: int = 9  # frames, 90 ms
    stride: int = 3  # frames, 30 ms: the shortest spoken digits still have more frames than letters
    units: int = 256
    layers: int = 3
    look_ahead: int = 3  # frames of 30 ms after each LSTM
    dropout: float = 0.15  # share of each layer's inputs
    vocabulary: str = "".join(CHARACTERS.tokens)  # output characters; id 0, the blank, comes before them

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame of logits to the next."""
        return self.hop_length * self.stride / self.sample_rate

    @property
    def latency_seconds(self) -> float:
        """Seconds of sound after a frame's time without which its logits are not final."""
        window = (self.kernel_size // 2) * self.hop_length + self.win_length / 2
        return self.layers * self.look_ahead * self.frame_seconds + window / self.sample_rate


@register("lstm_ctc_stream", Config())
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> (logits, lengths in frames)."""
    waveform = keras.Input((None,), name="waveform")  # (batch, samples)
    lengths = keras.Input((), dtype="int32", name="lengths")  # (batch,)
    log_mel = LogMel(
        config.sample_rate,
        config.n_fft,
        config.hop_length,
        config.win_length,
        config.n_mels,
        top_db=None,
        name="log_mel",
    )

    x, frames = log_mel(waveform, lengths)  # (batch, frames, n_mels)
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
    # In single precision, also where the rest computes in half: CTC sums thousands of small probabilities.
    logits = layers.Dense(len(config.vocabulary) + 1, dtype="float32", name="logits")(x)
    return keras.Model(
        {"waveform": waveform, "lengths": lengths}, {"logits": logits, "lengths": frames}, name="lstm_ctc_stream"
    )
