"""Leave one speaker out: train on five of FSDD's speakers, test on the sixth, six times: the honest figure for a voice
that a model has never heard.

A run is a folder with a training run for each speaker, named after who was left out. `crossval.json` in it says what was
asked for, and each fold's `heard.json` what was heard, so that a run that was stopped goes on where it was.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo import baselines, datasets
from zoo.datasets.fsdd import SPEAKERS
from zoo.ensemble import Ensemble
from zoo.errors import DataError, ZooError
from zoo.files import read_json, whole
from zoo.metrics import Accuracy, accuracy
from zoo.model import load
from zoo.registry import architecture
from zoo.training import DataSpec, TrainConfig, differences, train

T_95 = 2.571  # standard errors that hold 95 % of Student's t with five degrees of freedom: six speakers
CHILD = "import json, sys; from zoo.crossval import _fold; _fold(**json.loads(sys.argv[1]))"


def crossval(
    name: str, data: Sequence[str], out: str | Path, *, jobs: int = 0, say=print, **settings
) -> dict[str, list[str]]:
    """What a model or baseline hears of each speaker when it has learnt from the others.

    Args:
        name: a registered classifier, or one of baselines.BASELINES, or several classifiers with + between them, which
            learn nothing: they take the folds of their parts, which must lie beside `out`, each in a folder of its name.
        data: sets to learn from; one of them must be fsdd, whose split is replaced by that of the fold.
        out: folder of the runs; what is there already is not done again.
        jobs: folds at a time, each on its share of the cores (as many as there are cores, at most 6).
        settings: fields of TrainConfig.
    Returns: {speaker left out: class heard of each clip, in the order of `datasets.load("fsdd", "loso-...-test")`}.
    Raises: DataError, ZooError (a model that names speakers; a folder that was begun with other data or settings; a fold
        that failed, with its reason).
    """
    for part in name.split("+"):
        if part not in baselines.BASELINES and architecture(part).config.target != "text":
            raise ZooError(
                f"Leaving a speaker out needs a model of words; {part} names speakers (try zoo evaluate {part} --verify)."
            )
    specs = [DataSpec.parse(text, "train") for text in data]
    if sum(spec.name == "fsdd" for spec in specs) != 1:
        raise DataError(
            f"Cross-validation leaves out speakers of fsdd, which must be among the data once; received {', '.join(data)}."
        )
    if name not in baselines.BASELINES:
        TrainConfig(**settings)  # raises before there is a folder
    out, asked = Path(out), {"name": name, "data": [str(spec) for spec in specs], "settings": settings}
    _check_run(out, asked)
    jobs = jobs or min(len(SPEAKERS), os.cpu_count() or 1)

    def run(speaker: str) -> list[str]:
        heard = out / speaker / "heard.json"
        if heard.exists():
            return read_json(heard, "What a fold heard", list)
        fold = [str(replace(s, split=f"loso-{speaker}-train")) if s.name == "fsdd" else str(s) for s in specs]
        arguments = {"name": name, "data": fold, "out": str(out / speaker), "speaker": speaker, **settings}
        threads = str(max(1, (os.cpu_count() or 1) // jobs))
        limits = {key: threads for key in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")}
        path = os.pathsep.join(p for p in sys.path if p)
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path} | limits
        command = [sys.executable, "-c", CHILD, json.dumps(arguments)]
        log = []
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as child:
            for line in child.stdout:
                log.append(line.rstrip())
                if line.startswith("> "):  # what the fold says; the rest is noise of libraries
                    say(f"{speaker}: {line[2:].rstrip()}")
        if child.returncode:
            raise ZooError(
                f"The fold without {speaker} failed: {next((line for line in reversed(log) if line), 'it said nothing')}"
            )
        return read_json(heard, "What a fold heard", list)

    with ThreadPoolExecutor(jobs) as pool:  # threads that wait for processes
        return dict(zip(SPEAKERS, pool.map(run, SPEAKERS), strict=True))


def _check_run(out: Path, asked: dict) -> None:
    """Folds of another model, of other data or settings must not pass for those asked for. Raises ZooError."""
    path = out / "crossval.json"
    if path.exists():
        before = read_json(path, "What a cross-validation was asked for")
        if different := differences(before, json.loads(json.dumps(asked))):
            raise ZooError(
                f"A cross-validation goes on with what it began with; {out} has {different}: choose another --out."
            )
        return
    if out.exists() and any(out.iterdir()):
        raise ZooError(f"A cross-validation begins in a folder that is new or empty; {out} holds something else.")
    out.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_text(json.dumps(asked, indent=1))


def _fold(name: str, data: list[str], out: str, speaker: str, **settings) -> None:
    """In the child: train, hear the speaker left out, and write down what was heard."""

    def say(line):
        print(f"> {line}", flush=True)

    test = datasets.load("fsdd", f"loso-{speaker}-test")
    if name in baselines.BASELINES:
        utterances = [u for text in data for u in DataSpec.parse(text, "train").load()]
        rate = baselines.RATE
        model = baselines.baseline(name).fit([u.audio(rate) for u in utterances], [u.text for u in utterances])
        heard = model.predict([u.audio(rate) for u in test])
    else:
        if "+" in name:
            files = {part: Path(out).parents[1] / part / speaker / "best.weights.h5" for part in name.split("+")}
            model = Ensemble([load(part, weights=file) for part, file in files.items()])
        else:
            model = train(name, data, out, resume=True, say=say, **settings)
        rate = model.config.sample_rate
        heard = [c.label for c in model.classify([u.audio(rate) for u in test], rate)]
    say(str(accuracy([u.text for u in test], heard)))
    Path(out).mkdir(parents=True, exist_ok=True)
    with whole(Path(out) / "heard.json") as partial:
        partial.write_text(json.dumps(heard))


def scores(heard: dict[str, list[str]]) -> dict[str, Accuracy]:
    """Accuracy on each speaker, and under "mean" their mean.

    Its interval is over speakers (Student's t): 3,000 clips are only six voices, and it is new voices that it speaks of.
    """
    said = {speaker: [u.text for u in datasets.load("fsdd", f"loso-{speaker}-test")] for speaker in heard}
    every = {speaker: accuracy(said[speaker], heard[speaker]) for speaker in heard}
    shares, clips = np.array([score.value for score in every.values()]), sum(score.clips for score in every.values())
    mean, half = float(shares.mean()), T_95 * float(shares.std(ddof=1)) / len(shares) ** 0.5
    correct = sum(score.correct for score in every.values())
    return every | {"mean": Accuracy(mean, max(0.0, mean - half), min(1.0, mean + half), correct, clips)}
