"""`sentences_lstm_lm`: the model of `lstm_lm.py`, taught everyday sentences instead of AN4's transcripts."""

from zoo.language.lstm_lm import FILE, read, train

__all__ = ["FILE", "read", "train"]
