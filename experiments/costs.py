"""What each preset costs, and how it does in noise, for `zoo.recommend`: `python -m experiments.costs [--names ds_cnn] [--missing]`.

Milliseconds are those of one core's computing time (not the clock's, so other programs do not count) for a clip of the package:
one word for classifiers, four seconds for the others; Keras under its present backend; the least of several calls. Figures in noise
come from `experiments.compare` and `experiments.long_recordings`; `--noise` measures them for the named classifiers, on up to 600 clips of
the first set on their cards. All go to zoo/cards/figures.json.
"""

import json
import os
import time
from collections.abc import Callable

import zoo
from experiments._common import RESULTS, main, noisy, write_json
from experiments._sounds import spread
from zoo.audio import resample
from zoo.datasets.noise import RATE as NOISE_RATE
from zoo.datasets.noise import load_noise
from zoo.datasets.spec import DataSpec
from zoo.presets import CARDS, card
from zoo.recommendation import FIGURES

CALLS, SECONDS = 30, 4.0  # of each preset, at most
MOST = 600  # clips
TASKS = ("transcription", "classification", "reconstruction", "denoising", "detection")


def milliseconds(name: str) -> tuple[float, float]:
    """Computing time of one clip, and its seconds."""
    model, is_word = zoo.load(name), card(name).task == "classification"
    clip = zoo.audio.load_audio(zoo.audio.bundled("seven" if is_word else "woman-us"), model.config.sample_rate)
    times = []
    while len(times) < 3 or (len(times) < CALLS and sum(times) < SECONDS):
        start = time.process_time()
        model.infer([clip], model.config.sample_rate)
        times.append(time.process_time() - start)
    return round(1000 * min(times), 2), round(len(clip) / model.config.sample_rate, 2)


def in_noise() -> dict[str, dict]:
    """Preset -> its errors in percent by dB of SNR, under sounds of ESC-10's test fold."""
    found = {}
    for row in json.loads((RESULTS / "compare.json").read_text()):
        if row["kind"] == "network" and "+" not in row["name"]:
            errors = {snr: round(100 - row["noise"][snr]["value"], 2) for snr in ("20", "10", "0")}
            found[row["name"]] = {"data": "fsdd:test", "errors": errors}
    for row in json.loads((RESULTS / "long_recordings.json").read_text())["errors"]:
        if row["condition"] != "as recorded":
            found[row["model"]] = {"data": "an4:test", "errors": {"10": row["single"]["value"]}}
    return found


def measured_in_noise(name: str) -> dict:
    """Errors in percent of a classifier on its first set, under sounds of ESC-10's test fold; without sounds where there is no speech."""
    model, first = zoo.load(name), card(name).results[0]
    utterances = [u for u in DataSpec.parse(first.data, first.split).load() if u.text != "silence"]
    utterances, rate = spread(utterances, MOST), model.config.sample_rate
    clips, sounds = (
        [u.audio(rate) for u in utterances],
        [resample(noise, NOISE_RATE, rate) for noise in load_noise("test")],
    )
    errors = {}
    for snr in (20, 10, 0):
        found = model.classify(noisy(clips, sounds, snr), rate)
        wrong = sum(answer.label != u.text for answer, u in zip(found, utterances, strict=True))
        errors[str(snr)] = round(100 * wrong / len(utterances), 2)
    return {"data": f"{first.data}:{first.split}", "errors": errors}


def costs(names: tuple = (), missing: bool = False, noise: bool = False, log: Callable = print) -> None:
    """Measure presets one after the other; `--missing` leaves out those that have figures."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    path = CARDS / FIGURES
    figures = json.loads(path.read_text()) if path.exists() else {}
    for name, errors in in_noise().items():
        figures.setdefault(name, {})["noise"] = errors
    for name in names or [name for task in TASKS for name in zoo.list_models(task=task)]:
        if not (missing and "ms" in figures.get(name, {})):
            ms, seconds = milliseconds(name)
            figures.setdefault(name, {}).update(ms=ms, seconds=seconds)
        if noise and name in names:
            figures[name]["noise"] = measured_in_noise(name)
        log(name, figures[name])
        write_json(path, dict(sorted(figures.items())))


if __name__ == "__main__":
    main(costs)
