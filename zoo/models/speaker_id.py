"""`speaker_id`: who said it? Residual convolutions over time and frequency, statistics over time, and a speaker embedding.

    log-mel (batch, frames, 40), silence at both ends cut off, each frame without its mean level
      -> 5x5 convolution, stride (1, 2) (batch, frames, 20, 16)
      -> residual block (batch, frames, 20, 16)            two 3x3 convolutions, added to their input
      -> residual block, stride 2 (batch, frames / 2, 10, 32)
      -> residual block, stride 2 (batch, frames / 4, 5, 64)
      -> mean and standard deviation over the real frames (batch, 640)
      -> dense (batch, 96), of length 1                    the embedding
      -> 30 times its cosine with each known speaker's direction (batch, speakers)     logits

Sources: D. Snyder et al., "X-vectors: robust DNN embeddings for speaker recognition", ICASSP 2018
(doi.org/10.1109/ICASSP.2018.8461375), for the statistics and the embedding; J. S. Chung et al., "In defence of metric
learning for speaker recognition", Interspeech 2020 (arxiv.org/abs/2003.11982), for a narrow residual network; H. Wang et
al., "CosFace", CVPR 2018 (arxiv.org/abs/1801.09414), for the margin.

What tutorials get wrong: they report accuracy on the speakers they trained on and call it verification. An embedding
is worth what it tells of unseen speakers: see the equal error rate on held-out speakers, on the card. And
tutorials average frames with the padding included, so that short clips of all speakers look alike.

Departures: three blocks instead of sixteen, since two thousand people said a second each. Each frame loses its level, which
says how loudly somebody spoke and not who; the mean spectrum of the clip stays, with the microphone in it.

    a, b = zoo.load("speaker_id").embed(["anna.wav", "ben.wav"])  # (96,) each, of length 1
    a @ b                                                  # cosine: larger for one voice than for two
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import (
    CosineLogits,
    FrameMeanSubtraction,
    MaskedConv2D,
    SpecAugment,
    StatisticsPooling,
    Tensor,
    TrimSilence,
)
from zoo.models._front_ends import WordConfig, log_mel_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    target: str = "speaker"
    max_seconds: float = 20.0  # of a clip: sentences say more about a voice than words
    filters: int = 16  # of the first convolution; the last ones have four times as many
    units: int = 96  # numbers in an embedding
    scale: float = 30.0  # of the cosines
    margin: float = 0.2  # by which the cosine with the right direction has to be the largest, while training
    dropout: float = 0.2  # share of the embedding layer's inputs


def convolve(x: Tensor, frames: Tensor, filters: int, size: int, strides: tuple, name: str) -> tuple[Tensor, Tensor]:
    """A convolution over the real frames, and batch normalisation."""
    x, frames = MaskedConv2D(filters, (size, size), strides, name=name)(x, frames)
    return layers.BatchNormalization(momentum=0.97, name=f"{name}_norm")(x), frames


def residual(x: Tensor, frames: Tensor, filters: int, stride: int, name: str) -> tuple[Tensor, Tensor]:
    """Two convolutions, added to their input; where that has another shape, to a projection of it."""
    y, fewer = convolve(x, frames, filters, 3, (stride, stride), f"{name}_0")
    y, _ = convolve(layers.ReLU(name=f"{name}_relu_0")(y), fewer, filters, 3, (1, 1), f"{name}_1")
    if stride > 1:
        x, _ = convolve(x, frames, filters, 1, (stride, stride), f"{name}_skip")
    return layers.ReLU(name=f"{name}_relu_1")(x + y), fewer


@register("speaker_id", Config(), task="Embedder")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of speakers; embedding (batch, units) of length 1."""
    inputs, x, frames = log_mel_frames(config)  # (batch, frames, n_mels)
    x, frames = TrimSilence(config.top_db, name="trim")(x, frames)
    x = FrameMeanSubtraction(name="level")(x, frames)
    # No warp along frequency: it would make one speaker into another.
    x = SpecAugment(freq_width=6, time_masks=2, time_width=8, warp=0.0, name="spec_augment")(x, frames)
    x = layers.Reshape((-1, config.n_mels, 1), name="picture")(x)  # (batch, frames, n_mels, 1)
    x, frames = convolve(x, frames, config.filters, 5, (1, 2), "conv")
    x = layers.ReLU(name="relu")(x)  # (batch, frames, n_mels / 2, filters)
    for i in range(3):
        x, frames = residual(x, frames, config.filters * 2**i, 1 if i == 0 else 2, f"block_{i}")
    x = layers.Reshape((-1, x.shape[2] * x.shape[3]), name="rows")(x)  # (batch, frames / 4, n_mels / 8 * 4 * filters)
    x = StatisticsPooling(name="pool")(x, frames)
    x = layers.BatchNormalization(momentum=0.97, name="pool_norm")(x)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    x = layers.Dense(config.units, use_bias=False, name="embedding")(x)
    x = layers.BatchNormalization(momentum=0.97, name="embedding_norm")(x)
    x = layers.UnitNormalization(dtype="float32", name="unit")(x)  # (batch, units)
    logits = CosineLogits(len(config.labels), config.scale, dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits, "embedding": x}, name="speaker_id")
