"""Subtitles of a long recording on one core: how much faster than real time, and whether times are right across the cuts.

    python benchmarks/subtitles.py [--minutes 60] [--runtime litert|keras] [--model lstm_ctc] [--sound speech noise silence chords]

Speech is AN4's test clips joined, again and again; "noise" is the same under sounds of ESC-10's test fold at 10 dB SNR, five seconds each. Seconds are the computing time of this process, bound to one core, so other
programs do not count. "off" is how far the first word of a clip lies from where it is in the clip alone, the median and 95 % of clips;
"without_vad" repeats the run with every span heard, and says what `zoo.decoding.voices` costs and saves.
"""

import argparse
import json
import os
import time

import numpy as np

import zoo
from zoo import datasets, subtitles
from zoo.datasets.noise import add_noise, excerpt, load_noise
from zoo.decoding import voices

RATE = 16000  # Hz


def chords(count: int) -> np.ndarray:
    """Chords of four decaying tones with overtones, two a second: (count,)."""
    rng, times = np.random.default_rng(0), np.arange(RATE // 2) / RATE
    notes, bars = 220 * 2 ** (np.arange(24) / 12), []
    for _ in range(64):
        waves = [np.sin(2 * np.pi * k * f * times) / k for f in rng.choice(notes, 4, replace=False) for k in (1, 2, 3)]
        bars.append(0.05 * np.sum(waves, axis=0) * np.exp(-3 * times))
    return np.resize(np.concatenate(bars).astype("float32"), count)


def under_noise(speech: np.ndarray) -> np.ndarray:
    """Speech (samples,) under sounds that follow one another."""
    noises, rng, step = load_noise("test"), np.random.default_rng(0), 5 * RATE
    sounds = [excerpt(noises[rng.integers(len(noises))], step, rng) for _ in range(0, len(speech), step)]
    whole = np.concatenate([sound / (np.std(sound) + 1e-9) for sound in sounds])[: len(speech)]
    return add_noise(speech, whole, 10).astype("float32")


def measured(model, samples: np.ndarray) -> tuple[dict, object]:
    """Figures of one recording, and its transcript."""
    start = time.process_time()
    found = model.transcribe(samples, RATE)
    cues = subtitles.segments(found)
    seconds = time.process_time() - start
    about = {"cpu_seconds": round(seconds, 1), "times_real_time": round(len(samples) / RATE / seconds, 1)}
    return about | {"words": len(found.words), "subtitles": len(cues)}, found


def times(model, clips: list[np.ndarray], found) -> dict:
    """How far the first word of each clip lies from where it is in the clip alone, in seconds."""
    starts, differences = np.cumsum([0, *map(len, clips)]) / RATE, []
    for start, clip in zip(starts, model.transcribe(clips, RATE), strict=False):
        near = [abs(a.start - start - b.start) for b in clip.words[:1] for a in found.words if a.text == b.text]
        differences += [min(near)] if near and start < found.duration - 10 else []
    return {f"off_{share}_s": round(float(np.percentile(differences, share)), 3) for share in (50, 95)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--model", default="lstm_ctc")
    parser.add_argument("--runtime", default="litert", choices=("litert", "keras"))
    parser.add_argument("--sound", nargs="+", default=["speech", "noise", "silence", "chords"])
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model = zoo.load(options.model, runtime=None if options.runtime == "keras" else options.runtime)
    utterances = datasets.load("an4", "test")
    clips, rows = [utterance.audio(RATE) for utterance in utterances], []
    joined = np.concatenate(clips)
    repeats = max(1, round(options.minutes * 60 * RATE / len(joined)))  # whole, so that the text is known
    count, minutes = repeats * len(joined), round(repeats * len(joined) / RATE / 60, 1)
    words = " ".join(" ".join(utterance.text for utterance in utterances) for _ in range(repeats))
    model.transcribe(clips[0], RATE), voices.spoken(clips[:1], RATE)  # the first call reads files
    made = {
        "speech": lambda: np.resize(joined, count), "noise": lambda: under_noise(np.resize(joined, count)),
        "silence": lambda: np.zeros(count, "float32"), "chords": lambda: chords(count),
    }  # fmt: skip
    for sound in options.sound:
        samples = made[sound]()
        row = {"model": options.model, "runtime": options.runtime, "sound": sound, "minutes": minutes}
        figures, found = measured(model, samples)
        usual, voices.spoken = voices.spoken, lambda parts, rate: [True] * len(parts)
        without, all_heard = measured(model, samples)
        voices.spoken = usual
        if sound in ("speech", "noise"):
            for about, transcript in ((figures, found), (without, all_heard)):
                about["wer"] = round(100 * zoo.metrics.wer([words], [transcript.text]).value, 2)
        if sound == "speech":
            figures |= times(model, clips, found)
        rows.append(row | figures | {"without_vad": without})
        print(json.dumps(rows[-1]), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
