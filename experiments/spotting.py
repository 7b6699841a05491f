"""Words in a stream: `python -m experiments.spotting [--model ds_cnn.commands] [--json FILE]`.

How many words of the official test are missed, and how often an hour of other speech and noise is taken for one, by threshold.
"""

from collections.abc import Callable

import numpy as np

import zoo
from experiments import _sounds
from experiments._common import main
from zoo import datasets
from zoo.datasets.noise import load_noise
from zoo.decoding import log_softmax
from zoo.tasks.spotting import HOP, OTHER, WINDOW, Smoother

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.94, 0.97, 0.99)
SECONDS = {"speech": 3000, "noise": 600}  # of what holds none of the words
AROUND = 1.0  # seconds of a quiet room before and after a word


def windows(model, samples: np.ndarray) -> np.ndarray:
    """Probabilities (windows, classes), ten a second, as `spot` sees them."""
    rate = model.config.sample_rate
    window, hop = round(WINDOW * rate), round(HOP * rate)
    samples = np.concatenate([np.zeros(window - hop, "float32"), samples])
    found = []
    for first in range(0, len(samples) - window + 1, 640 * hop):
        starts = range(first, min(first + 640 * hop, len(samples) - window + 1), hop)
        found += model.logits([samples[start : start + window] for start in starts], rate, batch_size=64)
    return np.exp(log_softmax(np.array(found)))


def heard(probabilities: np.ndarray, model, words, threshold: float) -> list[str]:
    """The words that are reported."""
    smoother = Smoother(model.labels, words, threshold)
    found = (smoother.hear(row, i * HOP) for i, row in enumerate(probabilities))
    return [one.word for one in found if one]


def other_sound(rate: int, words, seconds: dict[str, float]) -> dict[str, np.ndarray]:
    """Speech without the words (sentences by one reader, and by learners), and the held-out sounds of ESC-10."""
    clips = [c.samples for c in _sounds.kathleen(2000) if not set(c.text.split()) & set(words)]
    learners = datasets.load("speechocean762", "validation")
    clips += [u.audio(_sounds.RATE) for u in learners if not set(u.text.split()) & set(words)]
    found = {"speech": clips, "noise": load_noise("test")}
    return {
        kind: zoo.audio.resample(np.concatenate(some)[: round(seconds[kind] * _sounds.RATE)], _sounds.RATE, rate)
        for kind, some in found.items()
    }


def spotting(model: str = "ds_cnn.commands", fast: bool = False, log: Callable = print) -> dict:
    """Misses and false accepts an hour of a classifier of commands at each threshold; and at the one where a tenth is missed."""
    loaded, rng = zoo.load(model), np.random.default_rng(0)
    rate, words = loaded.config.sample_rate, [label for label in loaded.labels if label not in OTHER]
    test = [u for u in datasets.load("commands", "test") if u.text in words][:: 200 if fast else 4]
    quiet = [1e-4 * rng.standard_normal((2, round(AROUND * rate))).astype("float32") for _ in test]
    clips = [np.concatenate([a, u.audio(rate), b]) for u, (a, b) in zip(test, quiet, strict=True)]
    said = [windows(loaded, clip) for clip in clips]
    seconds = {kind: 20 if fast else value for kind, value in SECONDS.items()}
    other = {kind: windows(loaded, samples) for kind, samples in other_sound(rate, words, seconds).items()}
    rows = []
    for threshold in THRESHOLDS:
        answers = [heard(p, loaded, words, threshold) for p in said]
        right = [u.text in found for u, found in zip(test, answers, strict=True)]
        wrong = [any(word != u.text for word in found) for u, found in zip(test, answers, strict=True)]
        hours = sum(map(len, other.values())) * HOP / 3600
        accepts = {kind: len(heard(p, loaded, words, threshold)) for kind, p in other.items()}
        rows.append({"threshold": threshold, "missed": 100 * (1 - np.mean(right)), "another word": 100 * np.mean(wrong),
                     "an hour": sum(accepts.values()) / hours, **accepts})  # fmt: skip
        log({key: round(float(value), 2) for key, value in rows[-1].items()})
    tenth = np.interp(10.0, *zip(*sorted((row["missed"], row["an hour"]) for row in rows), strict=True))
    log(f"{model}: {tenth:.1f} false accepts an hour where 10 % are missed")
    return {"model": model, "words": len(test), "rows": rows, "at_ten_percent": float(tenth)}


if __name__ == "__main__":
    main(spotting)
