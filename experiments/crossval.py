"""Cross-validation that leaves out one speaker at a time, for any set:

    python -m experiments.crossval conv2d --out runs/crossval/conv2d [--also spoken_digits] [--settings epochs=20] [--keep]
    python -m experiments.crossval svm --data folder:all,source=words --out runs/words

NAME is a preset of a classifier of words, a baseline, or several presets joined by +, which take the folds of their parts from
the folders beside `--out`. A fold is a training run of its own; what is finished is not done again.
"""

import csv
import json
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import soundfile
from sklearn.model_selection import LeaveOneGroupOut

import zoo
from experiments._common import RESULTS, main, mean_of_speakers, parse_settings, write_json
from experiments.ship import update_card
from zoo import baselines
from zoo.cluster import connected, in_any_order
from zoo.datasets.spec import DataSpec
from zoo.errors import ZooError
from zoo.files import read_json
from zoo.metrics import accuracy
from zoo.presets import Result, card
from zoo.tasks import Ensemble
from zoo.training import train

DATA = ("fsdd:train", "fsdd:test")  # all of FSDD
BEST = "best.weights.h5"


def crossval(
    name: str,
    out: str | Path,
    data: Sequence[str] = DATA,
    also: Sequence[str] = (),
    group: str = "speaker",
    cluster: str = "",
    log: Callable = print,
    **settings,
) -> dict[str, dict[str, list[str]]]:
    """Trains without one group at a time and recognises that group.

    Args:
        name: As on the command line.
        out: Folder of the folds.
        data: Sets from which groups are left out.
        also: Sets from which every fold learns too.
        group: Attribute of an utterance.
        cluster: Address of a Ray cluster whose nodes, which share `out`, train folds at the same time; "" trains one by one here.
        log: Called with each line of progress.
        **settings: Settings of training.

    Returns:
        For each group {"references": [...], "hypotheses": [...]}.

    Raises:
        ZooError: If there are fewer than two groups, or `out` holds the folds of something else.
    """
    out, asked = Path(out), {"name": name, "data": [*data], "also": [*also], "group": group, "settings": settings}
    utterances = [u for spec in data for u in DataSpec.parse(spec, "train").load()]
    labels, groups = np.array([u.text for u in utterances]), np.array([getattr(u, group) for u in utterances])
    if len(set(groups)) < 2 or "" in groups:
        raise ZooError(f"`group` must be known of all clips and differ between them. Received: group={group!r}.")
    begin(out, asked)
    found, calls = {}, []
    for learn, test in LeaveOneGroupOut().split(labels, groups=groups):
        left_out = str(groups[test[0]])
        fold = Fold(name, [utterances[i] for i in learn], also, out.absolute() / left_out, settings)
        found[left_out] = fold.out / "fold.json"
        if not found[left_out].exists():
            calls.append((fold, [utterances[i] for i in test]))
    with connected(cluster) if cluster else nullcontext():
        for path in in_any_order(run, calls) if cluster else (run(*call) for call in calls):
            log(f"{path.parent.name} is done")
    found = {left_out: read_json(path, "A fold") for left_out, path in found.items()}
    for left_out, fold in found.items():
        log(f"{left_out}: {accuracy(fold['references'], fold['hypotheses'])}")
    return found


def run(fold: "Fold", utterances: list) -> Path:
    """Trains a fold and writes down what it makes of the clips left out."""
    hypotheses = fold.hypotheses(utterances)
    write_json(
        fold.out / "fold.json", {"references": [u.text for u in utterances], "hypotheses": list(map(str, hypotheses))}
    )
    return fold.out / "fold.json"


def begin(out: Path, asked: dict) -> None:
    """Writes down what was asked for. Raises ZooError where a folder holds something else."""
    path = out / "crossval.json"
    if path.exists():
        if read_json(path, "The request of a cross-validation") != json.loads(json.dumps(asked)):
            raise ZooError(
                f"`out` must be new or hold the same cross-validation. Received: {out}, which holds another one."
            )
    elif out.exists() and any(out.iterdir()):
        raise ZooError(f"`out` must be a new or empty folder. Received: {out}.")
    else:
        write_json(path, asked)


class Fold:
    """One fold: what learns from `utterances` and the sets in `also`."""

    def __init__(self, name: str, utterances: list, also: Sequence[str], out: Path, settings: dict):
        self.name, self.utterances, self.also, self.out, self.settings = name, utterances, also, out, settings

    def hypotheses(self, utterances: list) -> list[str]:
        """Labels of the clips left out."""
        model = self._baseline() if self.name in baselines.BASELINES else self._network()
        if self.name in baselines.BASELINES:
            return list(model.predict([u.audio(baselines.RATE) for u in utterances]))
        rate = model.config.sample_rate
        return [found.label for found in model.classify([u.audio(rate) for u in utterances], rate)]

    def _baseline(self):
        utterances = [*self.utterances, *(u for spec in self.also for u in DataSpec.parse(spec, "train").load())]
        return baselines.baseline(self.name).fit(
            [u.audio(baselines.RATE) for u in utterances], [u.text for u in utterances]
        )

    def _network(self):
        if "+" in self.name:
            parts = {part: self.out.parents[1] / part / self.out.name / BEST for part in self.name.split("+")}
            return Ensemble([zoo.load(part, weights=path) for part, path in parts.items()])
        table = self._table(card(self.name).sample_rate)
        data = [f"folder:all,source={table}", *self.also]
        # From fresh weights: the bundled ones have heard everybody.
        return train(self.name, data, self.out, init="none", resume=True, **self.settings)

    def _table(self, sample_rate: int) -> Path:
        """The clips of the fold as WAV files, and a CSV of them: a data set that `train` can read."""
        clips, table = self.out.parent / "clips", self.out.parent / f"{self.out.name}.csv"
        clips.mkdir(exist_ok=True)
        with open(table, "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("path", "text", "speaker"))
            for utterance in self.utterances:
                path = clips / f"{utterance.id.replace('/', '-')}.wav"
                if not path.exists():  # by another name first, since another fold may be at it
                    partial = path.with_suffix(f".{os.getpid()}.wav")
                    soundfile.write(partial, utterance.audio(sample_rate), sample_rate, subtype="FLOAT")
                    os.replace(partial, path)
                rows.writerow((f"clips/{path.name}", utterance.text, utterance.speaker))
        return table


def scores(folds: dict[str, dict[str, list[str]]]) -> tuple[dict[str, float], dict[str, float]]:
    """Percent of each group's clips that are right, and their mean with its 95 % interval over groups."""
    each = {group: 100 * accuracy(fold["references"], fold["hypotheses"]).value for group, fold in folds.items()}
    mean = {key: min(100.0, max(0.0, value)) for key, value in mean_of_speakers(list(each.values())).items()}
    return each, mean


def write_results(name: str, folds: dict, request: dict) -> None:
    """Writes the folds to data/results/crossval/ and the mean to the model's card."""
    packed = {group: {key: " ".join(words) for key, words in fold.items()} for group, fold in folds.items()}
    write_json(RESULTS / "crossval" / f"{name}.json", request | {"folds": packed})
    if name in baselines.BASELINES or "+" in name:
        return
    each, mean = scores(folds)
    result = Result(
        data="fsdd", split="leave one speaker out", metric="accuracy", **{key: round(value, 3) for key, value in mean.items()},
        utterances=sum(len(fold["references"]) for fold in folds.values()), reference_length=0,
        note=f"unseen speakers, interval over the {len(each)}: " + ", ".join(f"{g} {value:.1f}" for g, value in each.items()),
        command=f"python -m experiments.crossval {name} --out runs/crossval/{name}",
    )  # fmt: skip
    update_card(name, results=[result])


def command(
    name: str,
    out: str = "runs/crossval",
    data: Sequence[str] = (),
    also: Sequence[str] = (),
    group: str = "speaker",
    settings: Sequence[str] = (),
    cluster: str = "",
    keep: bool = False,
) -> dict:
    """Leaves out one speaker (or other attribute of an utterance) of `data` at a time; all of FSDD unless given.

    Every fold learns from the sets in `also` too, with `settings` SETTING=VALUE of the training. `cluster` is the address of a Ray
    cluster that trains folds at the same time. `keep` writes the figures to
    data/results/ and the card, for FSDD.
    """
    folds = crossval(name, out, data or DATA, also, group, cluster, **parse_settings(settings))
    each, mean = scores(folds)
    print(f"mean of {len(folds)}: {mean['value']:.2f} % [{mean['low']:.2f}, {mean['high']:.2f}]")
    if keep and not data:
        write_results(name, folds, read_json(Path(out) / "crossval.json", "The request of a cross-validation"))
    return {"each": each, "mean": mean}


if __name__ == "__main__":
    main(command)
