"""Language models: which words, or which letters, follow which.

All have one interface. A text is cut into tokens, words or characters; a state is what a model remembers of the tokens
so far, and can be kept, compared and gone back to, as a beam search does:

    state = model.start()
    log_probability, state = model.advance(state, "one")    # natural logarithm of P(one | nothing yet)
    log_probability = model.end(state)                      # of the text ending here
"""

import os
from importlib import import_module
from pathlib import Path

from zoo.errors import DataError, unknown_name
from zoo.language.base import END, START, UNITS, UNKNOWN, LanguageModel, Mixture  # noqa: F401
from zoo.registry import language_models

SUFFIXES = {".arpa": "ngram_lm", ".arpa.gz": "ngram_lm", ".h5": "lstm_lm"}  # suffix of a file -> what reads it


def load(name: str | os.PathLike, weights: str | os.PathLike = "bundled") -> LanguageModel:
    """Load a language model.

    Args:
        name: A preset; "a+b" for the mixture of two; or a file that training wrote (.arpa, .arpa.gz, .h5).
        weights: "bundled" (checked against the card's sha256) or a file such as the model's `save` writes.

    >>> model = load("ngram_lm")
    >>> round(model.perplexity("three four five"), 1) < round(model.perplexity("five banana"), 1)
    True
    """
    from zoo.presets import card, check_weights, list_models

    name = str(name)
    is_file, bundled = Path(name).is_file(), weights == "bundled"
    if bundled and "+" in name and not is_file:
        return Mixture([load(part) for part in name.split("+")])
    architecture = next((reader for suffix, reader in SUFFIXES.items() if name.endswith(suffix)), None)
    if bundled and architecture:
        return import_module(f"zoo.language.{architecture}").read(name)
    if is_file:
        raise DataError(f"`name` of a file must end in {', '.join(SUFFIXES)}. Received: {name!r}.")
    preset = card(name)
    if preset.architecture not in language_models():
        raise unknown_name("language model", name, list_models(task="language"))
    if bundled:
        weights = preset.weights_path
        check_weights(weights, preset.weights["sha256"])
    return import_module(f"zoo.language.{preset.architecture}").read(weights)
