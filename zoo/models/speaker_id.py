"""`speaker_id`: who said it? A network over frames, statistics over time, and an embedding that is a voiceprint.

    log-mel of the word (batch, frames, 40), relative to the clip's mean
      -> 3 convolutions over time (batch, frames, 128)     5, 9 and 15 frames of context
      -> dense (batch, frames, 256)
      -> mean and standard deviation over the real frames (batch, 512)
      -> dense (batch, 96), of length 1                    the embedding
      -> 16 times its cosine with each known speaker's direction (batch, speakers)     logits

Source: D. Snyder et al., "X-vectors: robust DNN embeddings for speaker recognition", ICASSP 2018
(doi.org/10.1109/ICASSP.2018.8461375); the cosine classifier is that of Wang et al., "NormFace", 2017.

What tutorials get wrong: they report accuracy on the speakers they trained on and call it verification. A voiceprint is
worth what it tells of people it never heard: equal error rate on held-out speakers, on the card. And they average frames
with the padding included, so that short clips of all speakers look alike.

Departures: three narrow layers instead of five, as a word has some forty frames; per-clip normalisation of the bands
is left out, for it would remove much of the voice (and of the microphone, which is the price: see the card).

    model = zoo.load("speaker_id")
    a, b = model.embed(["anna.wav", "ben.wav"])            # (96,) each, of length 1
    a @ b                                                  # cosine: near 1 for one voice
"""

from dataclasses import dataclass

import keras
from keras import layers, ops

from zoo.augment import SpecAugment
from zoo.features import Level, TrimSilence
from zoo.frontend import WordConfig, log_mel_frames
from zoo.layers import FixedLayer, MaskFrames, StridedConv1D, frame_mask
from zoo.registry import register

# Whom the shipped weights know: all of FSDD, and the training speakers of spoken_digits, who have a digit or more each.
FSDD = "george jackson lucas nicolas theo yweweler".split()
AN4 = (
    "fash fbbh fejs ffmm fjam fjdn fjmd fkdo flmm2 flrp fmjc fmjd fnsv fsaf2 ftal ftmj fwxs mblw mbmg mcel mcen mcfl "
    "mcrt mcsc mdcs mdcs2 mdxn mdxs meab meht mema mewl mfaa mgah mjbh mjda mjdr mjes mjgk mjjs2 mkdb mkem mmaf mmal "
    "mmap mmdg mmkw mmsh mmtm mnfe mnjl mrab mrcb mrjc2 mrmg mscg2 msct msjm msjr mskh msmn msrb mtcv mtos mtxj mwhw"
).split()
LEARNERS = (
    "0001 0006 0036 0048 0053 0054 0056 0070 0075 0103 0104 0145 0482 0813 0960 1012 1029 1033 1042 1044 1064 1092 "
    "1197 1203 1362 1372 1418 1419 1435 1439 2034 2061 2208 2242 2380 2402 3002 3021 3023 3049 3636 4005 5195 5408 "
    "5414 5424 6048 6121 7551 8585 9070 9556 9604 9606 9611 9614 9616 9619 9630 9639 9645 9646"
).split()
KNOWN = (*FSDD, *(f"an4-{name}" for name in AN4), *(f"speechocean762-{name}" for name in LEARNERS))


@dataclass(frozen=True)
class Config(WordConfig):
    labels: tuple = KNOWN
    target: str = "speaker"
    filters: int = 128  # of each convolution
    kernel_sizes: tuple = (5, 5, 7)  # frames
    units: int = 96  # numbers in an embedding
    scale: float = 16.0  # of the cosines, which are at most 1: without it no softmax comes near to certainty
    dropout: float = 0.2


@keras.saving.register_keras_serializable("zoo")
class StatisticsPooling(FixedLayer):
    """Mean and standard deviation over the real frames: (frames (batch, frames, n), lengths) -> (batch, 2 * n)."""

    def call(self, frames, lengths):
        valid = ops.cast(frame_mask(lengths, ops.shape(frames)[1]), "float32")[:, :, None]
        count = ops.cast(lengths, "float32")[:, None, None]
        mean = ops.sum(frames * valid, axis=1, keepdims=True) / count
        variance = ops.sum(ops.square(frames - mean) * valid, axis=1, keepdims=True) / count
        # The square root has no finite slope at 0, where a unit is silent throughout.
        return ops.concatenate([mean, ops.sqrt(variance + 1e-5)], axis=-1)[:, 0]


@keras.saving.register_keras_serializable("zoo")
class CosineLogits(keras.layers.Layer):
    """scale * cosine between an embedding and a direction for each class: (batch, n) -> (batch, classes)."""

    def __init__(self, classes: int, scale: float, **kwargs):
        super().__init__(**kwargs)
        self.classes, self.scale = classes, scale

    def build(self, shape):
        self.directions = self.add_weight((shape[-1], self.classes), "glorot_uniform", name="directions")
        self.built = True

    def call(self, embedding):
        return self.scale * ops.matmul(embedding, ops.normalize(self.directions, axis=0))

    def get_config(self):
        return super().get_config() | {"classes": self.classes, "scale": self.scale}


@register("speaker_id", Config(), task="classification")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of speakers; embedding (batch, units) of length 1."""
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, frames = TrimSilence(config.top_db, name="trim")(x, frames)
    x = Level(name="level")(x, frames)
    # No warp along frequency: it would make one speaker into another.
    x = SpecAugment(band_bins=6, stretches=2, stretch_frames=8, warp=0.0, name="spec_augment")(x, frames)
    for i, kernel_size in enumerate(config.kernel_sizes):
        x, _ = StridedConv1D(config.filters, kernel_size, 1, name=f"conv_{i}")(x, frames)
        x = MaskFrames(name=f"mask_{i}")(layers.ReLU(name=f"relu_{i}")(x), frames)  # (batch, frames, filters)
    x = layers.Dense(2 * config.filters, activation="relu", name="dense")(x)
    x = StatisticsPooling(name="pool")(x, frames)  # (batch, 4 * filters)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    x = layers.Dense(config.units, name="embedding")(x)
    x = layers.UnitNormalization(dtype="float32", name="unit")(x)  # (batch, units)
    logits = CosineLogits(len(config.labels), config.scale, dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits, "embedding": x}, name="speaker_id")
