"""Recordings longer than those learnt from: `python -m experiments.long_recordings an4.zip [--json FILE]`."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import groupby

import numpy as np

import zoo
from experiments._common import main, percent
from zoo import datasets
from zoo.datasets.noise import add_noise, excerpt, load_noise
from zoo.metrics import wer

RATE = 16000  # Hz
SNR_DB = 10
NOISE_SECONDS = 5  # of one sound before the next
COSTS = (  # recognizer, language model, minutes, what is heard
    ("lstm_ctc", "", 0, "speech"),
    ("lstm_ctc", "", 60, "speech"),
    ("lstm_ctc", "ngram_lm", 60, "speech"),
    ("lstm_ctc", "", 60, "silence"),
    ("lstm_ctc", "", 60, "chords"),
    ("attention_ctc", "", 10, "speech"),
)


def long_recordings(source: str, fast: bool = False, split: str = "test", log: Callable = print) -> dict:
    """Word error rate of every recognizer on the clips of AN4's speakers, one by one and joined to one recording a speaker, in quiet and
    under ESC-10's held-out sounds at 10 dB; and time and memory for an hour. `source` is AN4's archive.
    """
    utterances = datasets.load("an4", split, source or None)
    speakers = [[*group] for _, group in groupby(utterances, key=lambda utterance: utterance.speaker)]
    speakers = speakers[: 2 if fast else None]
    noises, rows = load_noise("test" if split == "test" else "train"), []
    for name in zoo.list_models(task="transcription")[: 1 if fast else None]:
        model = zoo.load(name)
        for condition in ("as recorded", f"sounds of ESC-10 at {SNR_DB} dB SNR"):
            clips = [[utterance.audio(RATE) for utterance in speaker] for speaker in speakers]
            if condition != "as recorded":
                clips = [under_noise(group, noises, seed) for seed, group in enumerate(clips)]
            rows.append({"model": name, "condition": condition, **errors(model, clips, speakers)})
            figures = ", ".join(f"{key} {rows[-1][key]['value']:.1f}" for key in ("single", "whole", "cut"))
            log(f"{name}, {condition}: WER % {figures}")
    costs = []
    for name, language_model, minutes, sound in COSTS[: 1 if fast else None]:
        call = f"cost({name!r}, {language_model!r}, {minutes}, {sound!r}, {source!r})"
        code = f"import json; from experiments.long_recordings import cost; print(json.dumps({call}))"
        child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
        costs.append(json.loads(child.stdout.splitlines()[-1]))
        log(costs[-1])
    return {"errors": rows, "costs": costs}


def under_noise(clips: list[np.ndarray], noises: list[np.ndarray], seed: int) -> list[np.ndarray]:
    """Clips of one speaker under sounds that follow one another; the same sounds, whether they are joined or not."""
    rng, lengths = np.random.default_rng(seed), [len(clip) for clip in clips]
    chosen = [noises[rng.integers(len(noises))] for _ in range(0, sum(lengths), NOISE_SECONDS * RATE)]
    sounds = [excerpt(noise / (np.std(noise) + 1e-9), NOISE_SECONDS * RATE, rng) for noise in chosen]
    mixed = add_noise(np.concatenate(clips), np.concatenate(sounds)[: sum(lengths)], SNR_DB).astype("float32")
    return np.split(mixed, np.cumsum(lengths)[:-1])


def errors(model, clips: list[list[np.ndarray]], speakers: list) -> dict:
    """WER of clips one by one, of joined ones as the network hears them whole, and cut at pauses. Intervals are over speakers."""
    texts = [" ".join(utterance.text for utterance in speaker) for speaker in speakers]
    joined, decode = [np.concatenate(group) for group in clips], model.decoder()
    found = {
        "single": [" ".join(found.text for found in model.transcribe(group, RATE)) for group in clips],
        "whole": [decode(model.logits([clip], RATE)[0], len(clip) / RATE).text for clip in joined],
        "cut": [found.text for found in model.transcribe(joined, RATE)],
    }
    words, seconds = len(" ".join(texts).split()), max(map(len, joined)) / RATE
    return {"words": words, "longest": seconds} | {key: percent(wer(texts, value)) for key, value in found.items()}


def cost(name: str, language_model: str, minutes: int, sound: str, source: str) -> dict:
    """Seconds and peak memory of this process for so many minutes of a sound; of 0 minutes, for one clip."""
    model, count = zoo.load(name), max(1, minutes * 60 * RATE)
    clips = [utterance.audio(RATE) for utterance in datasets.load("an4", "test", source or None)]
    match sound:
        case "speech":
            samples = np.resize(np.concatenate(clips), count) if minutes else clips[0]
        case "silence":
            samples = np.zeros(count, "float32")
        case "chords":
            samples = chords(count)
    model.transcribe(clips[0], RATE)
    options, start = {"language_model": language_model} if language_model else {}, time.perf_counter()
    found = model.transcribe(samples, RATE, **options)
    seconds, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    decoder = f"beam 16, {language_model}" if language_model else "greedy"
    about = {"model": name, "decoder": decoder, "sound": sound, "minutes": minutes, "seconds": round(seconds, 1)}
    return about | {
        "times_real_time": round(len(samples) / RATE / seconds),
        "gb": round(peak, 2),
        "words": len(found.words),
    }


def chords(count: int) -> np.ndarray:
    """Chords of four decaying tones with overtones, two a second: (count,) at RATE."""
    rng, step = np.random.default_rng(0), RATE // 2
    times, notes = np.arange(step) / RATE, 220 * 2 ** (np.arange(24) / 12)
    bars = []
    for _ in range(64):
        tones = rng.choice(notes, 4, replace=False)
        waves = [np.sin(2 * np.pi * k * tone * times) / k for tone in tones for k in (1, 2, 3)]
        bars.append(0.05 * np.sum(waves, axis=0) * np.exp(-3 * times))
    return np.resize(np.concatenate(bars).astype("float32"), count)


if __name__ == "__main__":
    main(long_recordings)
