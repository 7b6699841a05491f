"""`vae`: a variational autoencoder of spoken words, which can also say words that nobody said.

    log-mel of the word (batch, frames, 40)       8 kHz, dB below its loudest point, silence cut away
      -> picture (batch, 48, 40, 1)               every word stretched to 48 frames
      -> 3 convolutions of 3x3, stride 2 (batch, 6, 5, 64)
      -> dense (batch, 256)
      -> mean and log variance (batch, 24) each   the code: not a point but a small cloud
      -> twice: what does this code fail to bring back? convolutions as above, dense: the mean is corrected
      -> twice, not while training: one Gauss-Newton step towards the best code for this word
      -> a point of the cloud while training, its mean otherwise (batch, 24)
      -> dense, 3 transposed convolutions, 3x3 convolution (batch, 48, 40, 1)
      -> the reconstruction (batch, 48, 40)

Source: D. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014 (arxiv.org/abs/1312.6114); beta is that of
I. Higgins et al., "beta-VAE", ICLR 2017; several looks are those of J. Marino et al., "Iterative amortized inference", ICML
2018 (arxiv.org/abs/1807.09356); the last steps are those of Gauss and Newton with Levenberg's damping (Nocedal and Wright,
"Numerical optimization", 2006, sections 10.2 and 10.3).

An ordinary autoencoder's codes may lie anywhere, and between two of them may be nothing that decodes to a sound. Here
every code is blurred while training, and the divergence of the blur from a standard normal distribution is a part of the
loss (in nats; the file's only term besides the error): so the codes of all words lie close together around 0, a random
normal vector is a code, and the way from one to another leads through words.

Principal component analysis finds the best code for its decoder by a projection. An encoder only guesses one, in a single
look, and falls short of the best ("amortization gap", C. Cremer et al., ICML 2018), the more so on voices that it has never
heard. So it looks again: it is shown what its code brings back, and what not, and corrects the code. Near the best code
the decoder is almost a linear map, and there one can do what PCA does: change each of the 24 numbers a little, see what that
does to the picture, and solve the least squares problem for what is still missing. That learns nothing, so it treats every
voice alike; what the decoder can draw is still the limit.

What tutorials get wrong: they weigh the two terms by accident, as a *mean* error over 1,920 points against a *sum* over
the code, so that the code is blurred to nothing and every word comes back as the average of all. Here both are per
point, and `beta` says how much blur.

Departures: `beta` below 1, sharper than the theory's; a decoder without a variance of its own; further looks see errors, not
gradients, and correct the mean alone. While training the steps are left out: each decodes 24 times.

    model = zoo.load("vae")
    model.sample(5, seed=0)                                # (5, 48, 40): words that nobody said
    model.interpolate("anna_seven.wav", "ben_seven.wav")   # (9, 48, 40): from one voice to another

Try: `beta=0` (an ordinary autoencoder; listen to its samples), `beta=2.0`, `looks=1`.
"""

from dataclasses import dataclass, field

import keras
from keras import layers, ops

from zoo.features import BelowPeak, Picture, TrimSilence
from zoo.frontend import TelephoneConfig, log_mel_frames
from zoo.layers import FixedLayer, Rescale
from zoo.losses import ERROR_DB
from zoo.registry import register

FOLDS = 3  # strides of 2 in time and in frequency
NUDGE = 0.3  # of a number of the code: enough to be seen in single precision, little beside its deviation of about 1
DAMPING = 0.1  # of the mean curvature, added to every one: the decoder is not quite linear, and a bold step may miss


@dataclass(frozen=True)
class Config(TelephoneConfig):
    n_mels: int = 40  # bands, a multiple of 8
    range_db: float = 60.0
    top_db: float = 22.0  # dB below the loudest frame at which the ends of a clip are silence
    max_seconds: float = 4.0  # of a clip: longer ones hold more than a word
    width: int = 48  # frames of the picture, a multiple of 8
    filters: int = 32  # of the first convolution; the others have twice as many
    units: int = 256  # of the dense layers
    code: int = 24  # dimensions
    beta: float = 0.1  # weight of the divergence
    looks: int = 3  # at the word; each after the first sees what the code so far fails to bring back
    newton_steps: int = field(default=2, metadata={"least": 0})  # of least squares, after the looks


@keras.saving.register_keras_serializable("zoo")
class Blur(FixedLayer):
    """While training a random point of each cloud, otherwise its middle: (mean, log variance) (batch, n) -> (batch, n).

    Written as mean + deviation * noise, so that a gradient reaches both ("reparametrisation", section 2.4).
    """

    def __init__(self, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, mean, log_variance, training=False):
        if not training:
            return mean
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.generator)

    def get_config(self):
        return super().get_config() | {"seed": self.seed}


@keras.saving.register_keras_serializable("zoo")
class Divergence(FixedLayer):
    """Kullback-Leibler divergence of each cloud from the standard normal: (mean, log variance) (batch, n) -> (batch,) nats.

    Args: weight: factor of the result.
    """

    def __init__(self, weight: float, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, mean, log_variance):
        each = 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance)
        return self.weight * ops.sum(each, axis=-1)

    def get_config(self):
        return super().get_config() | {"weight": self.weight}


@keras.saving.register_keras_serializable("zoo")
class Nudges(FixedLayer):
    """Each code again and again, every time another of its numbers larger by NUDGE: (batch, n) -> (batch * n, n).

    While training no step is made, and one code stands for all, (1, n): decoding it costs next to nothing.
    """

    def call(self, code, training=False):
        if training:
            return code[:1]
        n = code.shape[-1]
        return ops.reshape(code[:, None, :] + NUDGE * ops.eye(n, dtype=code.dtype), (-1, n))


@keras.saving.register_keras_serializable("zoo")
class GaussNewton(FixedLayer):
    """One step from a code towards the one that brings a picture back best; while training, none.

    (code (batch, n), missed, brought (batch, width, bands), pictures of its `Nudges` (batch * n, width, bands)) -> (batch, n)

    Were the decoder linear, a step without damping would reach the minimum of |missed|^2 + pull * |code|^2 at once.

    Args: pull: of the code towards 0, in dB squared.
    """

    def __init__(self, pull: float, **kwargs):
        super().__init__(**kwargs)
        self.pull = pull

    def call(self, code, missed, brought, nudged, training=False):
        if training:
            return code
        batch, n = ops.shape(code)[0], code.shape[-1]
        slopes = (ops.reshape(nudged, (batch, n, -1)) - ops.reshape(brought, (batch, 1, -1))) / NUDGE
        curvature = ops.matmul(slopes, ops.transpose(slopes, (0, 2, 1)))  # (batch, n, n)
        eye = ops.eye(n, dtype=code.dtype)
        mean = ops.sum(curvature * eye, axis=(1, 2), keepdims=True) / n
        downhill = ops.matmul(slopes, ops.reshape(missed, (batch, -1, 1))) - self.pull * code[:, :, None]
        return code + solve(curvature + (self.pull + DAMPING * mean) * eye, downhill)[:, :, 0]

    def compute_output_spec(self, code, missed, brought, nudged, training=False):
        # Keras under JAX would find it by trying, with one size for every batch; that of `nudged` is another.
        return keras.KerasTensor(code.shape, code.dtype)

    def get_config(self):
        return super().get_config() | {"pull": self.pull}


def solve(a, b, iterations: int = 8):
    """x of a x = b by conjugate gradients, for positive definite a: (batch, n, n), (batch, n, 1) -> (batch, n, 1).

    Multiplications alone, which every backend and every exported file knows; `ops.solve` is not among them. After
    eight at most a twentieth of the error is left (in the norm of a) where the largest eigenvalue is 20 times the smallest, and
    usually far less (Nocedal and Wright, section 5.1).
    """
    x, rest = ops.zeros_like(b), b
    way, size = rest, ops.sum(rest * rest, axis=1, keepdims=True)
    for _ in range(iterations):
        ahead = ops.matmul(a, way)
        far = size / ops.maximum(ops.sum(way * ahead, axis=1, keepdims=True), 1e-12)
        x, rest, before = x + far * way, rest - far * ahead, size
        size = ops.sum(rest * rest, axis=1, keepdims=True)
        way = rest + size / ops.maximum(before, 1e-12) * way
    return x


def convolutions(x, config: Config, name: str):
    """Picture (batch, width, n_mels, channels) -> (batch, units), by strides of 2 and a dense layer."""
    for i, filters in enumerate((config.filters, 2 * config.filters, 2 * config.filters)):
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu", name=f"{name}_{i}")(x)
    x = layers.Flatten(name="flatten")(x)  # (batch, width / 8 * n_mels / 8 * 2 * filters)
    return layers.Dense(config.units, activation="relu", name="dense")(x)


def correction(config: Config) -> keras.Model:
    """What a code failed to bring back of a word, and what it brought, (batch, width, n_mels) dB -> change of the code."""
    quarter, size = config.range_db / 4, (config.width, config.n_mels)
    missed, brought = keras.Input(size, name="missed"), keras.Input(size, name="brought")
    channels = [
        layers.Reshape((*size, 1), name=f"{name}_channel")(Rescale(1 / quarter, level, name=f"{name}_scale")(x))
        for name, x, level in (("missed", missed, 0.0), ("brought", brought, 2.0))
    ]
    x = convolutions(layers.Concatenate(name="channels")(channels), config, "look")
    x = layers.Dense(config.code, kernel_initializer="zeros", dtype="float32", name="change")(x)  # at first, none
    return keras.Model([missed, brought], x, name="correction")


def decoder(config: Config) -> keras.Model:
    """code (batch, code) -> picture (batch, width, n_mels) in dB below the peak; a model, for `sample` and `interpolate`."""
    code = keras.Input((config.code,), name="code")
    frames, bands = config.width // 2**FOLDS, config.n_mels // 2**FOLDS
    x = layers.Dense(config.units, activation="relu", name="dense_0")(code)
    x = layers.Dense(frames * bands * 2 * config.filters, activation="relu", name="dense_1")(x)
    x = layers.Reshape((frames, bands, 2 * config.filters), name="picture")(x)
    for i in range(FOLDS):
        x = layers.Conv2DTranspose(config.filters, 4, 2, padding="same", activation="relu", name=f"transposed_{i}")(x)
    x = layers.Conv2D(1, 3, padding="same", dtype="float32", name="conv")(x)
    x = layers.Reshape((config.width, config.n_mels), dtype="float32", name="frames")(x)
    quarter = config.range_db / 4
    x = Rescale(quarter, -2.0 * quarter, name="decibel")(x)
    return keras.Model(code, x, name="decoder")


@register("vae", Config(), task="reconstruction")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> picture of the word, its reconstruction, its code, and the code's divergence."""
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, frames = TrimSilence(config.top_db, name="trim")(x, frames)
    x, peak = BelowPeak(config.range_db, name="below_peak")(x, frames)
    picture = Picture(config.width, name="picture")(x, frames)  # (batch, width, n_mels, 1)
    quarter = config.range_db / 4
    x = Rescale(1 / quarter, 2.0, name="scale")(picture)  # -2 ... 2
    x = convolutions(x, config, "encoder")
    mean = layers.Dense(config.code, dtype="float32", name="mean")(x)  # (batch, code)
    log_variance = layers.Dense(config.code, dtype="float32", name="log_variance")(x)
    word = layers.Reshape((config.width, config.n_mels), dtype="float32", name="word")(picture)
    decode, correct = decoder(config), correction(config) if config.looks > 1 else None
    for look in range(1, config.looks):
        brought = decode(mean)
        missed = layers.Subtract(dtype="float32", name=f"missed_{look}")([word, brought])
        mean = layers.Add(dtype="float32", name=f"mean_{look}")([mean, correct([missed, brought])])
    for step in range(1, config.newton_steps + 1):
        brought, nudged = decode(mean), decode(Nudges(name=f"nudges_{step}")(mean))
        missed = layers.Subtract(dtype="float32", name=f"still_missed_{step}")([word, brought])
        # The balance of the loss, which holds beta * |code|^2 / 2 and |missed|^2 / (2 * ERROR_DB^2).
        pull = config.beta * ERROR_DB**2
        mean = GaussNewton(pull, name=f"newton_{step}")(mean, missed, brought, nudged)
    points = config.width * config.n_mels
    outputs = {
        "log_mel": word,
        "reconstruction": decode(Blur(name="blur")(mean, log_variance)),
        "code": mean,
        "divergence": Divergence(config.beta / points, name="divergence")(mean, log_variance),
        "peak": peak,
    }
    return keras.Model(inputs, outputs, name="vae")
