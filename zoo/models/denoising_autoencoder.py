"""`denoising_autoencoder`: predicts for speech in noise how far to attenuate each band of each frame.

    log-mel of the noisy clip (batch, frames, 80)       16 kHz, dB below its peak
      -> each band normalised over the clip
      -> strided convolution (batch, frames / 3, 192)   90 ms of context every 30 ms
      -> bidirectional LSTM (batch, frames / 3, 2 * 192)   what is noise shows over time   the code
      -> dense (batch, frames / 3, 3 * 80), frames again (batch, frames, 80)
      -> softplus: attenuation in dB, 0 or more
      -> noisy log-mel - that                           the reconstruction of the clean clip

Source: P. Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML 2008
(doi.org/10.1145/1390156.1390294). The predicted gain is the "mask" of A. Narayanan, D. Wang, ICASSP 2013.

What tutorials get wrong: they add noise to the target as well, or to the features, where sounds do not add: their
powers add, their decibels do not. Here noise is mixed into the waveform, and `fit` takes the clean waveform as y. And
they judge by ear or by the loss. A front end is worth what a recognizer behind it gains, less its loss on clean speech.

Departures: it predicts the attenuation instead of the clean frames, so that clean speech stays as it is. A range
of 50 dB, so that silence is not most of the loss. `lstm_ctc` can start from the convolution and the LSTM.

    samples = zoo.load("denoising_autoencoder").denoise("noisy.wav")  # (samples,) at 16 kHz, for any recognizer
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import BidirectionalLSTM, CutFrames, Normalise, Rescale, SpecAugment, StridedConv1D
from zoo.models._front_ends import LogMelConfig, frames_below_peak
from zoo.registry import register


@dataclass(frozen=True)
class Config(LogMelConfig):
    range_db: float = 50.0
    kernel_size: int = 9  # frames, 90 ms
    stride: int = 3  # frames, 30 ms
    units: int = 192  # LSTM units in each direction
    dropout: float = 0.1  # share of the LSTM's inputs
    strength: float = 0.7  # of `denoise`: factor of what is turned down in dB


@register("denoising_autoencoder", Config(), task="Denoiser")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> noisy log-mel, its estimate of the clean one, and a code of the frames."""
    inputs, log_mel, frames, peak = frames_below_peak(config)  # (batch, frames, n_mels) in dB
    x, _ = Normalise(name="normalise")(log_mel, frames)
    x = SpecAugment(freq_masks=1, time_masks=0, warp=0.0, name="spec_augment")(x, frames)
    x, steps = StridedConv1D(config.units, config.kernel_size, config.stride, name="stack")(x, frames)
    x = layers.ReLU(name="relu")(x)  # (batch, frames / stride, units)
    x = layers.Dropout(config.dropout, seed=0, name="dropout_0")(x)
    code = BidirectionalLSTM(config.units, name="lstm_0")(x, steps)  # (batch, frames / stride, 2 * units)
    nothing = keras.initializers.Constant(-3.0)  # untrained it turns down by 0.5 dB
    x = layers.Dense(config.stride * config.n_mels, bias_initializer=nothing, dtype="float32", name="down")(code)
    x = layers.Activation("softplus", dtype="float32", name="softplus")(x)
    x = layers.Reshape((-1, config.n_mels), dtype="float32", name="frames")(x)  # up to two frames too many
    down = Rescale(10.0, name="decibel")(CutFrames(name="cut")(x, log_mel))
    x = log_mel - down  # (batch, frames, n_mels) in dB
    outputs = {"log_mel": log_mel, "reconstruction": x, "lengths": frames, "code": code, "code_lengths": steps}
    return keras.Model(inputs, outputs | {"peak": peak}, name="denoising_autoencoder")
