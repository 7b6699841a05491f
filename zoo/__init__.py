"""A teaching zoo of speech models in Keras 3. Read it in the order in which a recording flows through it:

    zoo.audio -> zoo.features -> zoo.models.<name> -> zoo.decoding -> zoo.metrics
    zoo.reconstruction, zoo.fewshot, zoo.search: what autoencoders give back, and what their codes are good for
    zoo.streaming: the same while the recording is still going on
    zoo.language: which words are likely, for the beam search in zoo.decoding
    zoo.text, zoo.losses, zoo.augment, zoo.datasets, zoo.training: how a model learns
    zoo.registry, zoo.card, zoo.model: how a name becomes a model
    zoo.plots, zoo.pictures: what a model saw and answered, drawn
    zoo.notebook: a microphone, a player and tables for the notebooks
    zoo.demo, zoo.recordings, zoo.page: what the page of `zoo demo` answers and keeps, and the page

>>> import zoo
>>> model = zoo.load("lstm_ctc")
>>> model.transcribe(zoo.audio.bundled("woman-us")).text
'three four zero one two seven one'
"""

# Imported at once because the function must win over the module of the same name; both are light.
from zoo.card import card
from zoo.registry import list_models

__version__ = "0.1.0"
__all__ = ["card", "few_shot", "list_models", "load", "play", "record"]

# Keras, TensorFlow and librosa take seconds to import, so nothing heavy is imported before it is needed.
_HOMES = {
    "load": "zoo.model",
    "SpeechModel": "zoo.model",
    "few_shot": "zoo.fewshot",
    "play": "zoo.notebook",
    "record": "zoo.notebook",
}


def __getattr__(name: str):
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    try:
        return importlib.import_module(f"zoo.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"zoo.{name}":
            raise
        raise AttributeError(f"module 'zoo' has no attribute {name!r}") from None


def __dir__():
    return sorted([*globals(), *_HOMES])
