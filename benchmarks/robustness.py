"""How a model holds up on clips it was not made for: noise, telephone lines, silence, levels, rates, accents.

    python benchmarks/robustness.py [--model lstm_ctc] [--weights FILE] [--count 65] [--json data/results/robustness.json]

Each condition changes the same recordings in one way; the first line of each set is the recordings as they are.
Needs the data sets (data/README.md says how to get them). Prints WER in percent with 95 % intervals.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

import zoo
from zoo import datasets
from zoo.augment import add_noise, excerpt, reverberate, speed, telephone
from zoo.datasets.noise import load_noise
from zoo.metrics import wer

RATE = 16000  # Hz
DIGITS = frozenset("oh zero one two three four five six seven eight nine".split())


def seconds_of(level_db: float, seconds: float, rng) -> np.ndarray:
    """White noise at a level in dB of full scale; -inf is digital silence."""
    return (rng.standard_normal(int(seconds * RATE)) * 10 ** (level_db / 20)).astype("float32")


def with_silence(samples, rng, level_db: float):
    """Three seconds before, two after."""
    return np.concatenate([seconds_of(level_db, 3, rng), samples, seconds_of(level_db, 2, rng)])


def conditions(noises):
    """Name -> function (samples, rng) -> samples."""
    return {
        "as recorded": lambda x, rng: x,
        "telephone band (8 kHz)": lambda x, rng: telephone(x, RATE),
        "30 dB quieter": lambda x, rng: x * 10 ** (-30 / 20),
        "16-bit after 30 dB quieter": lambda x, rng: np.round(x * 10 ** (-30 / 20) * 32768) / 32768,
        "digital silence, 3 s before and 2 s after": lambda x, rng: with_silence(x, rng, -np.inf),
        "room noise at -60 dB, 3 s before and 2 s after": lambda x, rng: with_silence(x, rng, -60),
        "white noise, 20 dB SNR": lambda x, rng: add_noise(x, rng.standard_normal(len(x)).astype("float32"), 20),
        "recorded noise (held out), 20 dB SNR": lambda x, rng: add_noise(x, _noise(noises, x, rng), 20),
        "recorded noise (held out), 10 dB SNR": lambda x, rng: add_noise(x, _noise(noises, x, rng), 10),
        "small room, T60 0.4 s": lambda x, rng: reverberate(x, RATE, 0.4, rng),
        "played 10 % faster": lambda x, rng: speed(x, 1.1),
        "played 10 % slower": lambda x, rng: speed(x, 0.9),
    }


def _noise(noises, samples, rng):
    return excerpt(noises[rng.integers(len(noises))], len(samples), rng)


def score(model, utterances, change):
    """(ErrorRate, mean confidence) of utterances changed by `change`."""
    clips = [np.asarray(change(u.audio(RATE), np.random.default_rng(i)), "float32") for i, u in enumerate(utterances)]
    transcripts = model.transcribe(clips, sample_rate=RATE)
    return wer([u.text for u in utterances], [t.text for t in transcripts])


def spread(utterances, count: int):
    """At most `count` utterances, evenly spaced, so that every speaker is among them."""
    step = max(1, len(utterances) // count)
    return utterances[::step][:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lstm_ctc")
    parser.add_argument("--weights", help="a .weights.h5 file (default: the bundled one)")
    parser.add_argument("--count", type=int, default=65, help="utterances of each set under each condition")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args()

    model = zoo.load(args.model, weights=args.weights or "bundled")
    an4 = datasets.load("an4", split="test")
    changes = conditions(load_noise("test"))
    sets = {
        "an4:test": spread(an4, args.count),
        "connected_digits:test": spread(datasets.load("connected_digits", split="test"), args.count),
    }
    whole = {
        "an4:test, strings of digits only": [u for u in an4 if set(u.text.split()) <= DIGITS],
        "speechocean762 digit strings by learners not heard (children)": datasets.load(
            "speechocean762", split="validation", digits_only=True
        ),
        "synthetic:test, unheard voices and sentences": datasets.load("synthetic", split="test", count=200),
    }
    rows = []

    def line(name, condition, rate):
        rows.append({"data": name, "condition": condition, "metric": "WER", **asdict(rate)})
        print(f"{name:<52} {condition:<48} {rate}  ({rate.utterances} utterances)", flush=True)

    for name, utterances in whole.items():
        line(name, "as recorded", score(model, utterances, changes["as recorded"]))
    for name, utterances in sets.items():
        for condition, change in changes.items():
            line(name, condition, score(model, utterances, change))
    rng = np.random.default_rng(0)
    nothing = [seconds_of(level, 3, rng) for level in (-np.inf, -80, -60, -40, -20) for _ in range(4)]
    written = [t.text for t in model.transcribe(nothing, sample_rate=RATE) if t.text]
    print(
        f"silence and white noise: {len(nothing) - len(written)} of {len(nothing)} clips gave an empty transcript {written}"
    )
    noise = [clip[: 5 * RATE] for clip in load_noise("test")]
    heard = [t.text for t in model.transcribe(noise, sample_rate=RATE) if t.text]
    print(
        f"sounds without speech (ESC-10, held out): {len(noise) - len(heard)} of {len(noise)} gave an empty transcript"
    )
    rows.append({"data": "silence", "clips": len(nothing), "empty": len(nothing) - len(written)})
    rows.append({"data": "esc10:test", "clips": len(noise), "empty": len(noise) - len(heard)})
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
