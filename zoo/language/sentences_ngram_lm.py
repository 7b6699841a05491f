"""`sentences_ngram_lm`: the model of `ngram_lm.py`, counted on everyday sentences instead of AN4's transcripts."""

from zoo.language.ngram_lm import FILE, read, train

__all__ = ["FILE", "read", "train"]
