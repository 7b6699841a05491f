"""What a training run starts from: random weights, the bundled ones, or somebody's file."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from zoo.errors import ZooError
from zoo.loading import HEAD, NAMES, class_and_config, load, transfer
from zoo.presets import find_card, resolve
from zoo.tasks import SpeechModel


def default_init(name: str, model_config: dict) -> str:
    """ "bundled" where the preset ships weights and no layer but the head changes its shape, else "none".

    >>> default_init("ds_cnn", {}), default_init("ds_cnn", {"filters": 8})
    ('bundled', 'none')
    """
    card = find_card(name)
    return "bundled" if card and card.weights and set(model_config) <= set(NAMES) else "none"


def starting_model(
    name: str,
    init: str,
    targets: Sequence[str],
    model_config: dict | None = None,
    freeze: bool = False,
    log: Callable[[str], None] = print,
) -> SpeechModel:
    """A model to train: layers of the same name have the weights of `init`, the others are random. ZooError for another shape.

    The arguments are those of `train`, but for `targets`: what the model is to say of the data. A classifier that does not
    know exactly these labels gets a new head, unless `model_config` names its labels.
    """
    given = dict(model_config or {})
    source = _source(name, init, given)
    changes = dict(given)
    cls, config = class_and_config(name, **changes)
    card = find_card(name)
    if init.endswith((".h5", ".keras")) and source.architecture.name == (card.architecture if card else resolve(name)):
        changes = asdict(source.config) | given  # a file brings its config and its labels
        cls, config = class_and_config(name, **changes)
    if not set(given) & set(NAMES):
        changes |= cls.config_changes(targets, config)
    model = load(name, weights=None, **changes)
    if source is None:
        log(f"{name} starts from random weights")
    else:
        kept = set(transfer(source, model))
        new = [layer.name for layer in model.layers if layer.weights and layer.name not in kept]
        start = "its bundled weights" if init == "bundled" else init
        log(f"{name} starts from {start}, {len(kept)} layers" + (f"; new: {', '.join(new)}" if new else ""))
    if freeze:
        if source is None or HEAD not in {layer.name for layer in model.layers}:
            received = f"freeze=True for {name} from {init}"
            raise ZooError(f"`freeze` needs trained weights and a layer `{HEAD}`. Received: {received}.")
        for layer in model.layers:
            layer.trainable = layer.name == HEAD
    return model


def _source(name: str, init: str, model_config: dict) -> SpeechModel | None:
    if init == "none":
        return None
    if init == "bundled":
        return load(name)
    if init.endswith(".h5"):  # which holds weights and labels, but no config
        return load(name, weights=init, **{field: value for field, value in model_config.items() if field not in NAMES})
    model = load(init)
    if not isinstance(model, SpeechModel):
        raise ZooError(f"`init` must be a model that takes sound. Received: {init}, a language model.")
    return model
