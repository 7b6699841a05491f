"""The old path of zoo.plots.pictures."""

from zoo.plots.pictures import classification, transcription

__all__ = ["classification", "transcription"]
