"""The old path of zoo.plots.pictures."""

from zoo.plots.pictures import classification, focus, transcription

__all__ = ["classification", "focus", "transcription"]
