"""Data sets of synthetic speech: what is said (grammar), who says it and how (voices), and the sets made of both."""

from zoo.datasets.speech_synthesis import mandarin, synthetic  # noqa: F401  (registers the sets)
