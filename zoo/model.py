"""Older path of what is in `zoo.loading` and `zoo.tasks`."""

from zoo.loading import load, save_weights, transfer
from zoo.tasks import SpeechModel, compile_model, pad

__all__ = ["SpeechModel", "compile_model", "load", "pad", "save_weights", "transfer"]
