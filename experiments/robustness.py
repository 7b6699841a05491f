"""A recognizer on clips that it was not made for: noise, telephone lines, silence, levels, rates, accents.

    python -m experiments.robustness [--model lstm_ctc] [--weights FILE] [--count 65] [--json FILE]

Each condition changes the same recordings in one way; the first is the recordings as they are. Word error rates with 95 %
intervals.
"""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

import zoo
from experiments._common import main, noisy
from zoo import datasets
from zoo.datasets.noise import add_noise, load_noise
from zoo.metrics import wer
from zoo.training.augment import reverberate, speed, telephone

RATE = 16000  # Hz
DIGITS = frozenset("oh zero one two three four five six seven eight nine".split())


def hiss(level_db: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """White noise at a level in dB of full scale; -inf is digital silence."""
    return (rng.standard_normal(int(seconds * RATE)) * 10 ** (level_db / 20)).astype("float32")


def within(x: np.ndarray, level_db: float, rng: np.random.Generator) -> np.ndarray:
    """A clip after three seconds of hiss and before two."""
    return np.concatenate([hiss(level_db, 3, rng), x, hiss(level_db, 2, rng)])


def conditions(noises: list[np.ndarray]) -> dict[str, Callable]:
    """Name -> function of samples and a random generator."""
    return {
        "as recorded": lambda x, rng: x,
        "telephone band (8 kHz)": lambda x, rng: telephone(x, RATE),
        "30 dB quieter": lambda x, rng: x * 10 ** (-30 / 20),
        "16-bit after 30 dB quieter": lambda x, rng: np.round(x * 10 ** (-30 / 20) * 32768) / 32768,
        "digital silence, 3 s before and 2 s after": lambda x, rng: within(x, -np.inf, rng),
        "room noise at -60 dB, 3 s before and 2 s after": lambda x, rng: within(x, -60, rng),
        "white noise, 20 dB SNR": lambda x, rng: add_noise(x, hiss(0, len(x) / RATE, rng), 20),
        "recorded noise (held out), 20 dB SNR": lambda x, rng: noisy([x], noises, 20, rng)[0],
        "recorded noise (held out), 10 dB SNR": lambda x, rng: noisy([x], noises, 10, rng)[0],
        "small room, T60 0.4 s": lambda x, rng: reverberate(x, RATE, 0.4, rng),
        "played 10 % faster": lambda x, rng: speed(x, 1.1),
        "played 10 % slower": lambda x, rng: speed(x, 0.9),
    }


def spread(utterances: list, count: int) -> list:
    """At most `count` utterances, evenly spaced, so that every speaker is among them."""
    return utterances[:: max(1, len(utterances) // count)][:count]


def robustness(model: str = "lstm_ctc", weights: str = "bundled", count: int = 65, log: Callable = print) -> list[dict]:
    """Word error rate of a recognizer on `count` utterances of each set under each condition, and on clips without speech how many
    gave no text.
    """
    model = zoo.load(model, weights=weights)
    rows, changes, an4 = [], conditions(load_noise("test")), datasets.load("an4", "test")

    def measure(data: str, utterances: list, condition: str) -> None:
        rngs = (np.random.default_rng(i) for i in range(len(utterances)))
        clips = [
            np.asarray(changes[condition](u.audio(RATE), rng), "float32")
            for u, rng in zip(utterances, rngs, strict=False)
        ]
        rate = wer([u.text for u in utterances], model.transcribe(clips, RATE))
        rows.append({"data": data, "condition": condition, "metric": "WER", **asdict(rate)})
        log(f"{data:<52} {condition:<48} {rate}")

    learners = datasets.load("speechocean762", "validation", digits_only=True)
    for data, utterances in {
        "an4:test, strings of digits only": [u for u in an4 if set(u.text.split()) <= DIGITS],
        "speechocean762 digit strings by learners not heard (children)": learners,
        "synthetic:test, unheard voices and sentences": datasets.load("synthetic", "test", count=200),
    }.items():
        measure(data, utterances, "as recorded")
    for data, utterances in {
        "an4:test": an4,
        "connected_digits:test": datasets.load("connected_digits", "test"),
    }.items():
        for condition in changes:
            measure(data, spread(utterances, count), condition)
    rng = np.random.default_rng(0)
    silence = [hiss(level, 3, rng) for level in (-np.inf, -80, -60, -40, -20) for _ in range(4)]
    for data, clips in {"silence": silence, "esc10:test": [clip[: 5 * RATE] for clip in load_noise("test")]}.items():
        empty = sum(not found.text for found in model.transcribe(clips, RATE))
        rows.append({"data": data, "clips": len(clips), "empty": empty})
        log(f"{data}: {empty} of {len(clips)} gave no text")
    return rows


if __name__ == "__main__":
    main(robustness)
