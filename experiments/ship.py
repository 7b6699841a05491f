"""Puts the weights of a finished run into the package: `python -m experiments.ship runs/mine [--preset ds_cnn.commands]`.

The weights go to zoo/weights/, and their sha256, size, training time and commands to the card, whose texts are written by
people first. The figures of the old weights are removed from it; measure the new ones with `python -m experiments.evaluate`.
"""

import csv
import shlex
import shutil
from dataclasses import fields
from pathlib import Path

import zoo
from experiments._common import main
from zoo.errors import ZooError
from zoo.files import atomic_write, read_json
from zoo.loading import save_weights
from zoo.presets import CARDS, WEIGHTS, Result, card, read_toml, resolve, sha256
from zoo.registry import architecture, language_models


def ship(run: str, preset: str = "") -> None:
    """Copies the best weights of a run into the package and writes what made them on the card.

    Args:
        run: Folder of the run.
        preset: Name of a card; the default preset of the architecture, unless given.

    Raises:
        ZooError: If the run's config is not that of the card.
    """
    run = Path(run)
    request = read_json(run / "run.json", "A run's settings")
    name = resolve(preset or request["name"])
    if request["name"] in language_models():
        from zoo import language

        (source,) = [path for path in run.iterdir() if path.name.endswith(tuple(language.SUFFIXES))]
        path = WEIGHTS / f"{name}{''.join(source.suffixes)}"
        shutil.copy(source, path)
        update_card(name, weights=_about(path, run))
        return
    changes = request["model_config"]
    model = zoo.load(request["name"], weights=run / "best.weights.h5", **changes)
    config, expected = model.config, architecture(request["name"]).configure(**card(name).changes)
    differ = [
        f.name for f in fields(config) if f.name != "labels" and getattr(config, f.name) != getattr(expected, f.name)
    ]
    if differ:
        raise ZooError(f"`run` must have the config of {name}. Received: {run}, which differs in {', '.join(differ)}.")
    path, more = WEIGHTS / f"{name}.weights.h5", {}
    save_weights(model, path)
    labels = getattr(config, "labels", None)
    if labels != getattr(expected, "labels", None):
        more["labels_file"] = f"{name}.labels.txt"
        (WEIGHTS / more["labels_file"]).write_text("\n".join(labels) + "\n", encoding="utf-8")
    with open(run / "curves.csv", newline="") as file:
        minutes = round(sum(float(row["seconds"]) for row in csv.DictReader(file)) / 60, 1)
    update_card(name, weights=_about(path, run) | {"minutes": minutes}, parameters=int(model.count_params()), **more)


def _about(path: Path, run: Path) -> dict:
    return {"file": path.name, "sha256": sha256(path), "bytes": path.stat().st_size, "commands": commands(run)}


def commands(run: str | Path) -> list[str]:
    """The command lines that repeat a run: those of the runs it started from, oldest first, then its own."""
    request = read_json(Path(run) / "run.json", "A run's settings")
    init = Path(request["init"]) if request.get("init") else None
    before = commands(init.parent) if init and (init.parent / "run.json").exists() else []
    return [*before, shlex.join(["zoo", *(_portable(word) for word in request["argv"][1:])])]


def _portable(word: str) -> str:
    """An absolute path of a run, or of a file in one, as a path below runs/."""
    path = Path(word)
    if not path.is_absolute():
        return word
    return f"runs/{path.parent.name}/{path.name}" if path.suffix else f"runs/{path.name}"


def update_card(name: str, *, results: list[Result] = (), **changes) -> None:
    """Writes measured results and other fields to a preset's card.

    New `weights` make the old figures untrue, so those are removed, and with them the prior, its scale and the doubt.

    Args:
        name: Name of the preset.
        results: Replace those of the same data, split, metric and decoder, whose note they keep if they have none.
        **changes: Fields of the card.
    """
    import tomli_w

    path = CARDS / f"{resolve(name)}.toml"
    values = read_toml(path) | changes
    if "weights" in changes:
        for field in {"results", "prior", "prior_data", "doubt", "litert", "reference"} - set(changes):
            values.pop(field, None)
        if "prior" not in changes:
            for tuned in values.get("decoding", {}).values():
                tuned.pop("prior_scale", None)
    kept = values.setdefault("results", [])
    for result in results:
        place = next((i for i, old in enumerate(kept) if Result(**old).key == result.key), len(kept))
        note = result.note or (kept[place].get("note", "") if place < len(kept) else "")
        values_of = {key: value for key, value in vars(result).items() if value != {}}
        kept[place : place + 1] = [values_of | {"note": note}]
    if not kept:
        del values["results"]
    with atomic_write(path) as partial:
        partial.write_text(tomli_w.dumps(values, multiline_strings=True), encoding="utf-8")


if __name__ == "__main__":
    main(ship)
