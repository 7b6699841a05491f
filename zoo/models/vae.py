"""`vae`: a variational autoencoder of spoken words, which can also sample new ones.

    log-mel of the word (batch, frames, 40)       8 kHz, dB below its peak, silence cut off
      -> image (batch, 48, 40, 1)                 every word stretched to 48 frames
      -> 3 convolutions of 3x3, stride 2 (batch, 6, 5, 64)
      -> dense (batch, 256)
      -> mean and log variance (batch, 24) each   the code: not a point but a Gaussian
      -> a sample of it while training, its mean otherwise (batch, 24)
      -> dense, 3 transposed convolutions, 3x3 convolution (batch, 48, 40, 1)
      -> the reconstruction (batch, 48, 40)

Source: D. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014 (arxiv.org/abs/1312.6114). The factor beta
is that of I. Higgins et al., "beta-VAE", ICLR 2017.

The codes of an ordinary autoencoder may lie anywhere, and a point between two of them may decode to no sound at all.
Here every code is sampled while training, and the loss includes its Kullback-Leibler divergence from a standard
normal distribution. So all codes lie close together around 0, and the path from one to another leads through words.

What tutorials get wrong: they weigh a *mean* error over 1,920 points against a *sum* over the code. The divergence
then wins, and every word comes back as the average of all. Here both are per point, and `beta` weighs them.

Departures: `beta` below 1, which is sharper. A decoder without a variance of its own.

    zoo.load("vae").sample(5, seed=0)                      # (5, 48, 40): new words

Try: `beta=0` (an ordinary autoencoder; listen to its samples), `beta=2.0`.
"""

from dataclasses import dataclass

import keras
from keras import layers, ops

from zoo.layers import FixedLayer, PeakNormalise, Rescale, Tensor, TimeResize, TrimSilence
from zoo.models._front_ends import TelephoneConfig, log_mel_frames
from zoo.registry import register

FOLDS = 3  # strides of 2 in time and in frequency


@dataclass(frozen=True)
class Config(TelephoneConfig):
    n_mels: int = 40  # bands, a multiple of 8
    range_db: float = 60.0
    top_db: float = 22.0  # dB below the loudest frame at which the ends of a clip are silence
    max_seconds: float = 4.0  # of a clip: longer ones hold more than a word
    width: int = 48  # frames of the image, a multiple of 8
    filters: int = 32  # of the first convolution; the others have twice as many
    units: int = 256  # of the dense layers
    code: int = 24  # dimensions
    beta: float = 0.1  # weight of the divergence


class Sampling(FixedLayer):
    """Samples each Gaussian while training, as mean + deviation * noise (section 2.4); otherwise takes its mean."""

    def __init__(self, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, mean: Tensor, log_variance: Tensor, training: bool = False) -> Tensor:
        if not training:
            return mean
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.generator)


class KLDivergence(FixedLayer):
    """`weight` times the divergence of each clip's Gaussians from the standard normal, (batch,) nats (appendix B)."""

    def __init__(self, weight: float, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        divergence = 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance)  # (batch, n)
        return self.weight * ops.sum(divergence, axis=-1)


def decoder(config: Config) -> keras.Model:
    """code (batch, code) -> image (batch, width, n_mels) in dB below the peak. A model, for `sample`, `interpolate`."""
    code = keras.Input((config.code,), name="code")
    frames, bands = config.width // 2**FOLDS, config.n_mels // 2**FOLDS
    x = layers.Dense(config.units, activation="relu", name="dense_0")(code)
    x = layers.Dense(frames * bands * 2 * config.filters, activation="relu", name="dense_1")(x)
    x = layers.Reshape((frames, bands, 2 * config.filters), name="picture")(x)
    for i in range(FOLDS):
        x = layers.Conv2DTranspose(config.filters, 4, 2, padding="same", activation="relu", name=f"transposed_{i}")(x)
    x = layers.Conv2D(1, 3, padding="same", dtype="float32", name="conv")(x)
    x = layers.Reshape((config.width, config.n_mels), dtype="float32", name="frames")(x)
    x = Rescale(config.range_db / 4, -config.range_db / 2, name="decibel")(x)
    return keras.Model(code, x, name="decoder")


@register("vae", Config(), task="VariationalAutoencoder")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> image of the word, its reconstruction, its code, and the code's divergence."""
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, frames = TrimSilence(config.top_db, name="trim")(x, frames)
    x, peak = PeakNormalise(config.range_db, name="below_peak")(x, frames)
    image = TimeResize(config.width, name="picture")(x, frames)  # (batch, width, n_mels, 1)
    x = Rescale(4 / config.range_db, 2.0, name="scale")(image)  # -2 ... 2
    for i, filters in enumerate((config.filters, 2 * config.filters, 2 * config.filters)):
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu", name=f"encoder_{i}")(x)
    x = layers.Flatten(name="flatten")(x)  # (batch, width / 8 * n_mels / 8 * 2 * filters)
    x = layers.Dense(config.units, activation="relu", name="dense")(x)
    mean = layers.Dense(config.code, dtype="float32", name="mean")(x)  # (batch, code)
    log_variance = layers.Dense(config.code, dtype="float32", name="log_variance")(x)
    outputs = {
        "log_mel": layers.Reshape((config.width, config.n_mels), dtype="float32", name="word")(image),
        "reconstruction": decoder(config)(Sampling(name="sampling")(mean, log_variance)),
        "code": mean,
        "divergence": KLDivergence(config.beta / (config.width * config.n_mels), name="divergence")(mean, log_variance),
        "peak": peak,
    }
    return keras.Model(inputs, outputs, name="vae")
