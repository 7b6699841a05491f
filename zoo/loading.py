"""From a name to a model, and from a model to a file."""

import os
import sys
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from zoo import language, tasks
from zoo.errors import MissingFileError, WeightsError, ZooError, first_line
from zoo.presets import card, check_weights, find_card, is_language_model, resolve
from zoo.registry import Architecture, architecture
from zoo.tasks.base import SpeechModel, compile_model
from zoo.weights_files import NAMES, built_as_stored, save_weights, stored_names, stored_size  # noqa: F401

HEAD = "logits"  # name of the layer that depends on them


def load(
    name: str | os.PathLike,
    weights: str | os.PathLike | None = "bundled",
    labels: Sequence[str] | None = None,
    freeze: bool = False,
    **config,
):
    """As `zoo.load` under Keras."""
    if labels is not None:
        config["labels"] = tuple(labels) if isinstance(labels, Iterable) and not isinstance(labels, str) else labels
    fixed = config | ({"freeze": True} if freeze else {})  # what a model that is whole does not take
    if str(name).endswith(".keras"):
        _refuse_changes(Path(name).name, weights, fixed)
        return _load_saved(Path(name))
    if Path(name).is_file():
        raise ZooError(f"`name` must be a preset or a .keras file, as `model.save` writes. Received: {name}.")
    parts = [resolve(part) for part in str(name).split("+")]
    if all(is_language_model(part) for part in parts):
        if fixed or not isinstance(weights, str | os.PathLike):
            raise ZooError(f"`{next(iter(fixed), 'weights')}` must be left out for {name}, a language model.")
        return language.load("+".join(parts), weights)
    if len(parts) > 1:
        _refuse_changes(str(name), weights, fixed)
        ensemble = tasks.Ensemble([load(part) for part in parts])
        if isinstance(ensemble, SpeechModel):
            compile_model(ensemble)
        return ensemble
    if not (weights is None or isinstance(weights, str | os.PathLike)):
        raise ZooError(f"`weights` must be 'bundled', None or a file. Received: weights={weights!r}.")
    model = _fresh(parts[0], config) if weights is None else _trained(parts[0], weights, config)
    if freeze:
        if HEAD not in model.output:
            raise ZooError(f"`freeze` must be False for {name}, which has no labels and so no head of its own.")
        for layer in model.layers:
            layer.trainable = layer.name == HEAD
    compile_model(model)
    return model


def _refuse_changes(name: str, weights, config: dict) -> None:
    if weights != "bundled" or config:
        wrong = next(iter(config), "weights")
        raise ZooError(f"`{wrong}` must be left out for {name}, which brings its weights and its config.")


def _preset(name: str) -> tuple[Architecture, dict]:
    """(architecture, fields of its Config in which a preset differs)."""
    found = find_card(name)
    return architecture(found.architecture if found else name), found.changes if found else {}


def class_and_config(name: str, **changes) -> tuple[type[SpeechModel], object]:
    """The class and the Config of the model that `load(name, weights=None, **changes)` gives, without building it."""
    found, preset = _preset(resolve(name))
    return getattr(tasks, found.task), found.configure(**preset | changes)


def _fresh(name: str, config: dict, preset: str = "") -> SpeechModel:
    """A model with random weights. Raises ZooError where the config cannot be built."""
    found, changes = _preset(name)
    try:
        return getattr(tasks, found.task)(found.name, changes | config, preset, name=name)
    except ZooError:
        raise
    except (TypeError, ValueError) as error:
        raise ZooError(f"{name} cannot be built with {config}: {first_line(error)}") from error


def _trained(name: str, weights: str | os.PathLike, config: dict) -> SpeechModel:
    """A model with weights: all of them, or all but the head where `config` changes what the logits mean."""
    found, changes = _preset(name)
    body = {field: value for field, value in config.items() if field not in NAMES}  # what is not the head's
    if str(weights).endswith(".keras"):
        model = load(weights)
        if model.architecture.name != found.name or body:
            wanted = " with ".join([name, *body])
            raise WeightsError(f"`weights` must be of {wanted}; {Path(weights).name} holds {model.architecture.name}.")
        own = asdict(model.config)
    else:
        path = _weights_path(name, weights)
        if weights == "bundled" and body:
            raise WeightsError(f"`{next(iter(body))}` must be left out with bundled weights (or pass weights=None).")
        own = asdict(found.configure(**changes)) | stored_names(path) | body
        model = _fresh(name, own, preset=name if weights == "bundled" else "")
        _fill(model, path)
    head = {field: config[field] for field in NAMES if field in config and _differ(config[field], own.get(field, ()))}
    if not head:
        return model
    if "labels" in head and own.get("others"):
        own["others"] = 0  # other words than these labels'
    renewed = _fresh(name, own | head)
    kept, new = transfer(model, renewed), ", ".join(next(iter(head.values())))
    text = f"{len(kept)} layers keep their weights; the last one, `{HEAD}`, is new, for {new:.80}: fit it."
    print(f"{name}: {text}", file=sys.stderr)
    return renewed


def _differ(a, b) -> bool:
    return tuple(a) != tuple(b) if isinstance(a, list | tuple) else a != b


def _weights_path(name: str, weights: str | os.PathLike) -> Path:
    """The file with the weights, which exists and, where it is bundled, is that of the card."""
    if weights == "bundled":
        about = card(name)
        check_weights(about.weights_path, about.weights["sha256"])
        return about.weights_path
    if not Path(weights).is_file():
        raise MissingFileError(f"`weights` must be 'bundled', None or a file. There is no file {weights}.")
    return Path(weights)


def _fill(model: SpeechModel, path: Path) -> None:
    """Load a weights file that must fit exactly. Raises WeightsError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Keras finds odd about a file, the error below says in a sentence
            model.load_weights(path)
        fits = stored_size(path) == sum(int(np.prod(weight.shape)) for weight in model.weights)
    except Exception:
        fits = False
    if not fits:
        name = model.architecture.name
        raise WeightsError(f"`weights` must be of the same architecture and config; {path.name} does not fit {name}.")


def transfer(source, model: SpeechModel) -> list[str]:
    """Copies the weights of layers with the same name and shapes from another model, and gives the names of these layers.

    The last layer is left out where the two models have other labels.

    Args:
        source: A SpeechModel, the name of a preset, or a .keras file.
        model: Is changed; its other layers stay as they are.

    >>> transfer("lstm_ctc", load("conv_lstm_ctc", weights=None))
    ['lstm_0', 'lstm_1', 'lstm_2', 'logits']
    """
    giver = source if isinstance(source, keras.Model) else load(source)
    if not isinstance(giver, SpeechModel):
        raise ZooError(f"`source` must be a model that takes sound; {source} is one of text alone.")
    same_head = all(not _differ(getattr(giver.config, f, ""), getattr(model.config, f, "")) for f in NAMES)
    known = {layer.name: layer for layer in giver.layers if layer.weights and (same_head or layer.name != HEAD)}
    shared = [layer for layer in model.layers if layer.weights and layer.name in known]
    if not any(layer.trainable_weights for layer in shared):
        raise ZooError(f"`source` must have layers of the same names; {giver.display_name} has none.")
    for layer in shared:
        theirs, ours = ([tuple(w.shape) for w in one.weights] for one in (known[layer.name], layer))
        if theirs != ours:
            raise ZooError(f"`source` must have layers of the same shapes; {layer.name} has {theirs}, not {ours}.")
    for layer in shared:
        layer.set_weights(known[layer.name].get_weights())
    return [layer.name for layer in shared]


def _load_saved(path: Path) -> SpeechModel:
    if not path.is_file():
        raise MissingFileError(f"`name` must be a preset or a .keras file that exists. There is no file {path}.")
    if not zipfile.is_zipfile(path):
        raise WeightsError(f"A .keras file is an archive that is whole; {path.name} is damaged or something else.")
    try:
        with warnings.catch_warnings(), built_as_stored(path):
            # A model saved before it was fitted has an optimizer without state; there is nothing to miss.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            model = keras.saving.load_model(path, safe_mode=True)
    except Exception as error:
        rule = "A .keras file must hold a zoo model without code of its own (no Lambda layers)"
        raise WeightsError(f"{rule}; {path.name} was refused: {first_line(error)}") from error
    if not isinstance(model, SpeechModel):
        raise WeightsError(f"A .keras file must hold a zoo model; {path.name} holds a {type(model).__name__}.")
    return model
