"""Batches that follow from (seed, epoch, index) alone, so that a run that was killed goes on as if nothing had been."""

import os
import threading
import time
from collections.abc import Sequence

import keras
import numpy as np

from zoo.datasets.noise import random_noise
from zoo.errors import DataError
from zoo.tasks import SpeechModel, pad
from zoo.training.augment import augment
from zoo.training.config import AugmentConfig, TrainConfig
from zoo.training.corpus import Corpus
from zoo.training.hosts import ONE, Hosts


class EpochBatches(keras.utils.PyDataset):
    """Batches for `fit`. Each epoch has its own order and variations; all epochs have as many batches.

    Args:
        model: The model that learns; it says what the y of a batch is.
        corpora: (Corpus, weight) pairs; an epoch shows each utterance `weight` times on average.
        config: Batch size, seed, share of silence and bucket boundaries.
        augmentation: How recordings are varied; None shows them as they are.
        noises: As for `augment`.
        hosts: Of several hosts, each gets its rows of every batch.

    >>> import zoo
    >>> model = zoo.load("lstm_ctc", weights=None, units=4, layers=1)
    >>> clips = zoo.datasets.load("folder", "all", source=zoo.audio.bundled("seven").parent / "samples.csv")
    >>> batches = EpochBatches(model, [(Corpus(clips, model), 1.0)], TrainConfig(batch_size=2))
    >>> history = model.fit(batches, epochs=1, verbose=0)
    """

    def __init__(
        self,
        model: SpeechModel,
        corpora: Sequence[tuple[Corpus, float]],
        config: TrainConfig,
        augmentation: AugmentConfig | None = None,
        noises: Sequence[np.ndarray] = (),
        hosts: Hosts = ONE,
    ):
        # Threads suffice, since resampling and FFTs release Python's lock; a GPU waits for whoever makes its batches.
        workers = min(16, max(2, os.cpu_count() or 2))
        super().__init__(workers=workers, max_queue_size=workers + 4)  # a batch may be a hundred megabytes
        self._working: set[int] = set()  # threads within `__getitem__`
        self.model, self.corpora, self.config = model, list(corpora), config
        self.augmentation, self.noises, self.hosts = augmentation, noises, hosts
        self.sample_rate = model.config.sample_rate
        shown = sum(len(corpus) * weight for corpus, weight in self.corpora)
        self.count = max(1, round(shown / config.batch_size))
        longest = max((len(ids) for corpus, _ in self.corpora for ids in corpus.ids), default=0)
        self.n_labels = -(-longest // 16) * 16 if longest > 1 else 1  # one for each clip is a class
        self.start(0)

    def start(self, epoch: int) -> None:
        """Goes to an epoch, as `fit` does by itself for those that follow."""
        self.epoch, self._within_epoch = epoch, False
        self.plan = self._plan()

    def _plan(self) -> list[list[tuple[Corpus, int]]]:
        """The utterances of each batch of this epoch."""
        rng = np.random.default_rng((self.config.seed, self.epoch))
        chosen, size = [], self.config.batch_size
        for corpus, weight in self.corpora:
            times = np.floor(weight + rng.random(len(corpus))).astype(int)  # 0.3 takes three in ten, 2.5 two or three
            chosen += [(corpus, i) for i, n in enumerate(times) for _ in range(n)]
        if not chosen:
            raise DataError("`data` must have weights that leave at least one utterance for an epoch.")
        order = np.resize(rng.permutation(len(chosen)), self.count * size)
        # Clips of like length share a batch, but not always the same ones: sort within pools of eight batches.
        pools = [order[i : i + 8 * size] for i in range(0, len(order), 8 * size)]
        pools = [sorted(pool, key=lambda i: chosen[i][0].lengths[chosen[i][1]]) for pool in pools]
        rows = rng.permutation(np.concatenate(pools).reshape(-1, size))
        return [[chosen[i] for i in row] for row in rows]

    def __len__(self) -> int:
        return self.count

    def on_epoch_begin(self) -> None:
        self._within_epoch = True

    def on_epoch_end(self) -> None:
        # Keras also calls this before the first epoch. Its workers are at rest, so that none is half way through the plan.
        if self._within_epoch and self.plan:
            self.start(self.epoch + 1)

    def close(self, patience: float = 5.0) -> None:
        """Drops references so that the sound can be freed: TensorFlow keeps what it had batches from.

        Waits until Keras' worker threads have ended their batches: after Ctrl-C, Python would end under one that is in C code.
        """
        self.plan, deadline = [], time.monotonic() + patience
        while self._working and time.monotonic() < deadline:
            time.sleep(0.01)
        self.corpora, self.model, self.noises = [], None, ()

    def __getitem__(self, index: int) -> tuple | None:
        self._working.add(threading.get_ident())
        try:
            return self._batch(index) if self.plan else None  # None after `close`
        finally:
            self._working.discard(threading.get_ident())

    def _batch(self, index: int) -> tuple:
        batch, model = self.plan[index], self.model
        rng = np.random.default_rng((self.config.seed, self.epoch, index))
        room = max(corpus.lengths[i] for corpus, i in batch)
        if self.augmentation and rng.random() < self.augmentation.spare_prob:
            room += int(rng.uniform(*self.augmentation.spare_seconds) * self.sample_rate)
        labels = np.zeros((len(batch), self.n_labels), "int32")
        examples = [self._example(corpus[i], corpus.ids[i], rng, room) for corpus, i in batch]
        clips, clean, label_ids = zip(*examples, strict=True)
        for row, ids in zip(labels, label_ids, strict=True):
            row[: len(ids)] = ids
        waveform, lengths = pad(clips, self.sample_rate, self.config.bucket_boundaries)
        if index == 0 and keras.backend.backend() == "tensorflow":
            # Keras expects of all batches the width that the first two have in common; so they have none in common.
            waveform = np.pad(waveform, ((0, 0), (0, 1)))
        target = np.zeros_like(waveform)
        for row, samples in zip(target, clean, strict=True):
            row[: len(samples)] = samples
        rows = self.hosts.rows(len(batch))
        x = {"waveform": waveform[rows], "lengths": lengths[rows]}
        y = model.batch_target(labels[rows], target[rows])
        return (x,) if y is None else (x, y)

    def _example(self, samples: np.ndarray, ids: list[int], rng: np.random.Generator, room: int) -> tuple:
        """(input, the same without noise, label ids) of an utterance, augmented."""
        if not self.augmentation:
            return samples, samples, ids
        if rng.random() < self.config.silence_prob:
            samples, ids = self._silence(len(samples), rng), []
        varied = augment(samples, self.sample_rate, rng, self.noises, self.augmentation, room, self.model.noisy_input)
        noisy, clean = varied if self.model.noisy_input else (varied, varied)
        # Played too fast, a clip may have fewer frames than letters; then it stays as it was.
        if self.model.n_frames(len(noisy)) < self.model.min_frames(ids):
            return samples, samples, ids
        return noisy, clean, ids

    def _silence(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """Recorded sounds, room noise at any level, or digital silence: nothing must be written."""
        if len(self.noises) and rng.random() < 0.6:
            return random_noise(self.noises, length, rng)
        level = 0.0 if rng.random() < 0.2 else 10 ** rng.uniform(-4, -1)
        return rng.standard_normal(length, dtype="float32") * level
