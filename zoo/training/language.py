"""Train a language model on the texts of data sets."""

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path

from zoo import datasets
from zoo.datasets.spec import DataSpec
from zoo.errors import DataError, ZooError, unknown_name
from zoo.files import atomic_write
from zoo.registry import language_models


def train_language_model(
    name: str,
    data: Sequence[str],
    out: str | Path,
    settings: dict | None = None,
    out_of_domain: Sequence[str] = (),
    log: Callable[[str], None] = print,
) -> Path:
    """Train "ngram_lm" or "lstm_lm" on the texts of data sets, such as "an4:train"; return its file in the new folder `out`.

    `settings` are what the architecture's own `train` takes besides texts, such as {"order": 4}; that also says how it uses
    `out_of_domain`, data sets of another kind of text: all of each that has such a split, else what is to train on.
    """
    if name not in language_models():
        raise unknown_name("language model", name, language_models())
    module, out, settings = import_module(f"zoo.language.{name}"), Path(out), dict(settings or {})
    parameters = set(signature(module.train).parameters)
    valid = parameters - {"texts", "out_of_domain", "log"}
    for setting in settings:
        if setting not in valid:
            raise unknown_name(f"setting of {name}", setting, valid)
        if setting in module.OUT_OF_DOMAIN_SETTINGS and not out_of_domain:
            raise ZooError(f"`{setting}` of {name} is for out-of-domain texts. Received none.")
    if existing := [file for file in ("run.json", module.FILE) if (out / file).exists()]:
        raise ZooError(f"`out` must be a new folder. Received: {out}, which holds {', '.join(existing)}.")
    specs, others = [DataSpec.parse(text, "train") for text in data], [_whole_set(text) for text in out_of_domain]
    for spec in (*specs, *others):
        if spec.weight != 1:
            raise ZooError(f"`data` of a language model has no weights, for each text is read once. Received: {spec}.")
    texts, more = ([utterance.text for spec in group for utterance in spec.load()] for group in (specs, others))
    if others and not more:
        raise DataError(f"`out_of_domain` must hold texts. Received: {', '.join(map(str, others))}, which has none.")
    out.mkdir(parents=True, exist_ok=True)  # before the work: a folder that cannot be made is known at once
    progress = {"log": log} if "log" in parameters else {}
    model = module.train(texts, out_of_domain=more, **settings, **progress)
    model.save(out / module.FILE)
    sets = {"data": list(map(str, specs)), "out_of_domain": list(map(str, others))}
    with atomic_write(out / "run.json") as partial:
        partial.write_text(json.dumps({"name": name, **sets, "settings": settings}, indent=2))
    return out / module.FILE


def _whole_set(text: str) -> DataSpec:
    """The split "all" of a data set that has one, else "train"; a split in `text` has precedence."""
    name = DataSpec.parse(text, "train").name
    return DataSpec.parse(text, "all" if "all" in datasets.describe(name).splits else "train")
