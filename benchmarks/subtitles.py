"""Subtitles of a long recording on one core: how much faster than real time, and whether times are right across the cuts.

    python benchmarks/subtitles.py [--minutes 60] [--runtime litert|keras] [--model lstm_ctc] [--sound speech silence chords]

Speech is AN4's test clips joined, again and again. Seconds are the computing time of this process, bound to one core, so other
programs do not count. "drift" is how much later the first word of a clip is than where the clip lies and than its word alone;
"without vad" repeats the run with every span heard, and says what `zoo.decoding.voices` costs and saves.
"""

import argparse
import json
import os
import time

import numpy as np

import zoo
from zoo import datasets, subtitles
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


def measured(model, samples: np.ndarray) -> tuple[dict, object]:
    """Figures of one recording, and its transcript."""
    start = time.process_time()
    found = model.transcribe(samples, RATE)
    cues = subtitles.segments(found)
    seconds = time.process_time() - start
    about = {"cpu_seconds": round(seconds, 1), "times_real_time": round(len(samples) / RATE / seconds, 1)}
    return about | {"words": len(found.words), "subtitles": len(cues)}, found


def against_clips(model, clips: list[np.ndarray], texts: list[str], found) -> dict:
    """Word error rate, and how the times of words differ from those of the clips alone."""
    alone, starts = model.transcribe(clips, RATE), np.cumsum([0, *map(len, clips)]) / RATE
    differences = []
    for start, clip in zip(starts, alone, strict=False):
        near = [abs(a.start - start - b.start) for b in clip.words[:1] for a in found.words if a.text == b.text]
        differences += [min(near)] if near else []
    return {
        "wer": round(100 * zoo.metrics.wer([" ".join(texts)], [found.text]).value, 2),
        "wer_of_clips_alone": round(100 * zoo.metrics.wer(texts, [t.text for t in alone]).value, 2),
        "drift_median_s": round(float(np.median(differences)), 3),
        "drift_95_percent_s": round(float(np.percentile(differences, 95)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--model", default="lstm_ctc")
    parser.add_argument("--runtime", default="litert", choices=("litert", "keras"))
    parser.add_argument("--sound", nargs="+", default=["speech", "silence", "chords"])
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model = zoo.load(options.model, runtime=None if options.runtime == "keras" else options.runtime)
    utterances = datasets.load("an4", "test")
    clips, count = [utterance.audio(RATE) for utterance in utterances], round(options.minutes * 60 * RATE)
    joined, rows = np.concatenate(clips), []
    for sound in options.sound:
        samples = {"speech": np.resize(joined, count), "silence": np.zeros(count, "float32"), "chords": chords(count)}[
            sound
        ]
        about = {"model": options.model, "runtime": options.runtime, "sound": sound, "minutes": options.minutes}
        figures, found = measured(model, samples)
        if sound == "speech" and count >= len(joined):
            whole = found if count == len(joined) else model.transcribe(joined, RATE)
            figures |= against_clips(model, clips, [u.text for u in utterances], whole)
        usual, voices.spoken = voices.spoken, lambda parts, rate: [True] * len(parts)
        figures["without_vad"], _ = measured(model, samples)
        voices.spoken = usual
        rows.append(about | figures)
        print(json.dumps(rows[-1]), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
