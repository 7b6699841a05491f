"""`word_embedding`: spoken words as points, with recordings of one word near each other, even for words outside its training data.

    log-mel of the word (batch, frames, 40)
      -> image (batch, 48, 40, 1)                           every word stretched to 48 frames
      -> 3x3 convolution, pool (batch, 24, 20, 32)
      -> 3x3 convolution, pool (batch, 12, 10, 64)
      -> 3x3 convolution, pool over frequency (batch, 12, 5, 64)
      -> dense (batch, 96), of length 1                     the embedding
      -> 16 times its cosine with each known word's direction (batch, words)     logits

Source: H. Kamper, W. Wang, K. Livescu, "Deep convolutional acoustic word embeddings using word-pair side information",
ICASSP 2016 (doi.org/10.1109/ICASSP.2016.7472619), its word classification network. The cosine classifier is that of
F. Wang et al., "NormFace", 2017 (arxiv.org/abs/1704.06369). `zoo.few_shot` then replaces each trained direction by the
mean of some examples: J. Snell et al., "Prototypical networks for few-shot learning", NeurIPS 2017.

What tutorials get wrong: they call a network few-shot although it was trained on the very words of which it is then
shown five examples. Here no number, and nothing that sounds like one, was among the words, and none of FSDD's
speakers among the voices: digits are new words to it.

Departures: the characters of a word are not used. Most of the words were said by synthetic voices only.

    words = zoo.few_shot(zoo.load("word_embedding"), {"yes": ["y1.wav", "y2.wav"], "no": ["n1.wav", "n2.wav"]})
    words.classify("clip.wav").label
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.layers import CosineLogits, TimeResize
from zoo.models._front_ends import WordConfig, word_frames
from zoo.registry import register


@dataclass(frozen=True)
class Config(WordConfig):
    width: int = 48  # frames of the image
    filters: int = 32  # of the first convolution; the others have twice as many
    units: int = 96  # numbers in an embedding
    scale: float = 16.0  # of the cosines
    margin: float = 0.0  # by which the cosine with the right direction has to be the largest, while training
    dropout: float = 0.2  # share of the embedding layer's inputs


@register("word_embedding", Config(), task="Embedder")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of words; embedding (batch, units) of length 1."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    x = TimeResize(config.width, name="picture")(x, frames)  # (batch, width, n_mels, 1)
    for i, (filters, pool) in enumerate(((config.filters, 2), (2 * config.filters, 2), (2 * config.filters, (1, 2)))):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(layers.BatchNormalization(momentum=0.97, name=f"norm_{i}")(x))
        x = layers.MaxPooling2D(pool, name=f"pool_{i}")(x)
    x = layers.Flatten(name="flatten")(x)  # (batch, width / 4 * n_mels / 8 * 2 * filters)
    x = layers.Dropout(config.dropout, seed=0, name="dropout")(x)
    x = layers.Dense(config.units, name="embedding")(x)
    x = layers.UnitNormalization(dtype="float32", name="unit")(x)  # (batch, units)
    logits = CosineLogits(len(config.labels), config.scale, dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits, "embedding": x}, name="word_embedding")
