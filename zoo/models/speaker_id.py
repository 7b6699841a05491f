"""`speaker_id`: who said it? Convolutions over frames, statistics over time, and a speaker embedding.

    log-mel of the word (batch, frames, 40), relative to the clip's mean
      -> 3 convolutions over time (batch, frames, 128)     5, 9 and 15 frames of context
      -> dense (batch, frames, 256)
      -> mean and standard deviation over the real frames (batch, 512)
      -> dense (batch, 96), of length 1                    the embedding
      -> 16 times its cosine with each known speaker's direction (batch, speakers)     logits

Source: D. Snyder et al., "X-vectors: robust DNN embeddings for speaker recognition", ICASSP 2018
(doi.org/10.1109/ICASSP.2018.8461375); the cosine classifier is that of Wang et al., "NormFace", 2017.

What tutorials get wrong: they report accuracy on the speakers they trained on and call it verification. An embedding
is worth what it tells of unseen speakers: see the equal error rate on held-out speakers, on the card. And
tutorials average frames with the padding included, so that short clips of all speakers look alike.

Departures: three narrow layers instead of five, since a word has some forty frames. No per-clip normalisation of the
bands, which would remove much of the voice (and the microphone; the card has the price).

    a, b = zoo.load("speaker_id").embed(["anna.wav", "ben.wav"])  # (96,) each, of length 1
    a @ b                                                  # cosine: near 1 for one voice
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import CosineLogits, MaskFrames, StatisticsPooling, StridedConv1D
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    target: str = "speaker"
    filters: int = 128  # of each convolution
    kernel_sizes: tuple = (5, 5, 7)  # frames
    units: int = 96  # numbers in an embedding
    scale: float = 16.0  # of the cosines
    dropout: float = 0.2


@register("speaker_id", Config(), task="Embedder")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of speakers; embedding (batch, units) of length 1."""
    # No warp along frequency: it would make one speaker into another.
    inputs, x, frames = word_frames(
        config, freq_width=6, time_masks=2, time_width=8, warp=0.0
    )  # (batch, frames, n_mels)
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
