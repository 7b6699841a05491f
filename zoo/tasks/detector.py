"""Detectors of speech: where in a recording somebody speaks."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from zoo.clips import one_or_many
from zoo.decoding import pauses
from zoo.errors import ZooError
from zoo.layers import frame_mask
from zoo.tasks.base import SpeechModel

NO_SPEECH = ("", "silence")  # texts of recordings without speech
SHORTEST = 0.1  # seconds: shorter speech is left out, shorter silence is filled
WORST_DB = 45.0  # below the loudest frame of a clean recording, at which nobody speaks


@keras.saving.register_keras_serializable("zoo")
class SpeechDetector(SpeechModel):
    """Says of every frame whether somebody speaks. `fit` takes (batch, frames) of 0 and 1 as y.

    Outputs: {"logits": (batch, frames) log odds of speech, "lengths": (batch,) int32 frames}.

    >>> import zoo
    >>> [(start, end)] = zoo.load("vad").detect(zoo.audio.bundled("seven"))
    >>> 0 <= start < end < 2
    True
    """

    task = "detection"
    metric = "error"
    frames = {"logits": "lengths"}
    noisy_input = True
    learns_silence = True

    @classmethod
    def default_augmentation(cls, config) -> dict:
        return {
            "noise_prob": 0.85, "snr_db": (-5.0, 25.0), "silence_prob": 0.6, "spare_prob": 0.6, "spare_seconds": (0.5, 4.0),
        }  # fmt: skip

    def encode_target(self, target: str) -> list[int]:
        return [] if target in NO_SPEECH else [1]

    def batch_target(self, label_ids, clean) -> np.ndarray:
        """1 where a frame of the clean waveforms is speech; a clip without a label has none."""
        labels = np.ones(len(clean)) if label_ids is None else np.reshape(label_ids, (len(clean), -1))[:, 0]
        rows = zip(labels, clean, strict=True)
        return np.stack([speech_frames(clip, self.config) * np.float32(label > 0) for label, clip in rows])

    def utterance_losses(self, x, y, outputs):
        logits, real = outputs["logits"], frame_mask(outputs["lengths"], ops.shape(outputs["logits"])[1])
        real = ops.cast(real, "float32")
        wanted = ops.cast(y, "float32")[:, : ops.shape(logits)[1]]
        losses = ops.softplus(logits) - wanted * logits  # the cross-entropy of a sigmoid
        return ops.sum(losses * real, axis=1) / ops.sum(real, axis=1)

    def utterance_errors(self, outputs, targets, clean) -> list[float]:
        rows = zip(outputs["logits"], outputs["lengths"], targets, clean[0], strict=True)
        return [
            float(np.mean((logits[:n] > 0) != (speech_frames(clip, self.config)[:n] * (target not in NO_SPEECH) > 0)))
            for logits, n, target, clip in rows
        ]

    @staticmethod
    def mean_error(errors: Sequence[float]) -> float:
        return 100 * float(np.mean(errors))

    @one_or_many
    def probabilities(self, audio, sample_rate: int | None = None, batch_size: int = 16) -> np.ndarray:
        """Probability of speech in each frame of 10 ms, (frames,), or a list of such. Arguments as for `detect`."""
        return [1 / (1 + np.exp(-logits)) for logits in self.logits(audio, sample_rate, batch_size)]

    @one_or_many
    def detect(
        self, audio, sample_rate: int | None = None, threshold: float = 0.5, batch_size: int = 16
    ) -> list[tuple[float, float]]:
        """Finds where somebody speaks: (start, end) in seconds, in order; for a list of recordings, a list of such lists.

        Args:
            audio: One recording as `zoo.audio.load_audio` reads it, or a list.
            sample_rate: Hz of the arrays; files carry their own.
            threshold: Least probability of speech, between 0 and 1.
            batch_size: Recordings at a time.
        """
        if not 0 < threshold < 1:
            raise ZooError(f"`threshold` must be between 0 and 1. Received: threshold={threshold!r}.")
        step = self.config.hop_length / self.config.sample_rate
        return [runs(found > threshold, step) for found in self.probabilities(audio, sample_rate, batch_size)]


def speech_frames(clean: np.ndarray, config) -> np.ndarray:
    """(frames,) float32: 1 where a recording without noise, (samples,), is speech, by its level."""
    found = np.zeros(1 + len(clean) // config.hop_length, "float32")
    loud = np.flatnonzero(np.abs(clean) > 0)
    if len(loud) < config.win_length:  # nothing, or a click
        return found
    samples = clean[: loud[-1] + 1]
    db = pauses.levels(samples, config.sample_rate)
    is_speech = pauses.speech(db) & (db > db.max() - WORST_DB)
    n = min(len(found), len(is_speech))
    found[:n] = is_speech[:n]
    return found


def runs(frames: np.ndarray, step: float) -> list[tuple[float, float]]:
    """(start, end) in seconds of what is true in (frames,), `step` seconds each; gaps and runs below SHORTEST do not count.

    >>> runs(np.array([0] * 20 + [1] * 30 + [0] * 5 + [1] * 20 + [0] * 30 + [1] * 3) > 0, 0.01)
    [(0.2, 0.75)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(int), [0]])))
    found: list[list[float]] = []
    for start, end in edges.reshape(-1, 2) * step:
        if found and start - found[-1][1] < SHORTEST:
            found[-1][1] = end
        else:
            found.append([start, end])
    return [(round(float(start), 3), round(float(end), 3)) for start, end in found if end - start >= SHORTEST]
