"""Keras callbacks of a training run, which work in anybody's own `fit` as well.

    held_out = zoo.training.load_corpora(model, ["an4:validation"])
    model.fit(x, y, epochs=9, callbacks=[Validation(held_out), LearningCurves("run"), Checkpoint("run")])

They add what they measure to the epoch's logs, for those that come after them: `keras.callbacks.EarlyStopping(monitor="wer")`.
"""

import csv
import json
import math
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from zoo.errors import DataError, DivergedError
from zoo.evaluation import clip_errors
from zoo.files import atomic_write
from zoo.loading import save_weights
from zoo.tasks import SpeechModel
from zoo.training.config import BUCKET_BOUNDARIES
from zoo.training.corpus import Corpus
from zoo.training.hosts import ONE, Hosts

STATE, BEST, CURVES, PICTURE = "state.npz", "best.weights.h5", "curves.csv", "curves.png"


class Validation(keras.callbacks.Callback):
    """Measures the model after each epoch: "wer" or "error" in %, or "dB", by the model's task; the lower the better.

    The corpora are what `zoo.training.load_corpora` gives. For a denoiser noises are mixed in, recordings at the model's rate.
    Where several hosts train, each measures its own copy.

    >>> held_out = zoo.training.load_corpora(model, ["fsdd:test"])  # doctest: +SKIP
    >>> history = model.fit(clips, labels, callbacks=[Validation(held_out)])  # doctest: +SKIP
    """

    def __init__(self, corpora: Mapping[str, Corpus], noises: Sequence[np.ndarray] = (), hosts: Hosts = ONE):
        super().__init__()
        self.corpora, self.noises, self.hosts, self.copy = dict(corpora), noises, hosts, None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not self.corpora:
            return
        found = {}
        with self.hosts.own(self.model, self.copy) as self.copy:
            model = self.copy
            for name, corpus in self.corpora.items():
                errors = clip_errors(model, corpus, corpus.lengths, corpus.targets, self.noises, BUCKET_BOUNDARIES)
                found[f"{model.metric} {name}"] = model.mean_error(errors)
        if logs is not None:
            logs.update(found, **{model.metric: float(np.mean(list(found.values())))})


class LearningCurves(keras.callbacks.Callback):
    """Writes curves.csv and curves.png after each epoch, and goes on in those of a resumed run: loss, validation, seconds.

    The first epoch counts from `began`, a `time.monotonic()`, if what came before `fit` belongs to it.

    >>> model.fit(x, y, callbacks=[LearningCurves("run")])  # doctest: +SKIP
    """

    def __init__(self, out: str | Path, began: float | None = None):
        super().__init__()
        self.out, self.rows, self.start = Path(out), [], began

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self.rows, self.start = read_curves(self.out), time.monotonic() if self.start is None else self.start

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        from zoo.plots import learning_curves

        logs, now = logs if logs is not None else {}, time.monotonic()
        logs["seconds"], self.start = now - self.start, now
        # An epoch that was killed before its checkpoint comes twice.
        self.rows = [row for row in self.rows if row["epoch"] <= epoch] + [{"epoch": epoch + 1, **logs}]
        with atomic_write(self.out / CURVES) as partial, open(partial, "w", newline="") as file:
            writer = csv.DictWriter(file, self.rows[-1], restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self.rows)
        columns = {key: [row.get(key, math.nan) for row in self.rows] for key in self.rows[-1]}
        with atomic_write(self.out / PICTURE) as partial:
            learning_curves(columns).figure.savefig(partial)


def read_curves(out: str | Path) -> list[dict[str, float]]:
    """The rows of curves.csv in a folder; [] without one. Raises DataError where it is damaged."""
    path = Path(out) / CURVES
    if not path.exists():
        return []
    try:
        with open(path, newline="") as file:
            rows = [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(file)]
        return [row | {"epoch": int(row["epoch"])} for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"Learning curves must be whole; {path} is damaged: {error}.") from None


class Checkpoint(keras.callbacks.Callback):
    """Keeps the last whole epoch, to go on from, and the best weights. Each file is written whole or not at all.

    state.npz holds weights, optimizer, random state and the history of the logs; best.weights.h5 the weights of the epoch
    with the lowest `metric` of the model, or of the last epoch where that is not in the logs. A loss that is not a number ends
    `fit` with a ZooError before anything is kept. `log` is called with a line about each epoch. Where several hosts train, host 0 has it.

    >>> checkpoint = Checkpoint("run")  # doctest: +SKIP
    >>> model.fit(x, y, epochs=9, initial_epoch=checkpoint.restore(model), callbacks=[checkpoint])  # doctest: +SKIP
    """

    def __init__(self, out: str | Path, log: Callable[[str], None] | None = None, hosts: Hosts = ONE):
        super().__init__()
        self.out, self.log, self.hosts, self.copy, self.history = Path(out), log, hosts, None, []

    def restore(self, model: SpeechModel) -> int:
        """Loads the last whole epoch into a compiled model and returns how many there were; 0 without a checkpoint.

        Raises DataError where the checkpoint is damaged or of another model.
        """
        path = self.out / STATE
        if not path.exists():
            return 0
        try:
            with np.load(path, allow_pickle=False) as state:
                for i, variable in enumerate(_variables(model)):
                    variable.assign(state[f"v{i}"])
                self.history = json.loads(str(state["history"]))
        except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"A checkpoint must be whole and of the same model; {path} is not: {error}") from error
        return len(self.history)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        model, row = self.model, {"epoch": epoch + 1, **(logs or {})}
        if not math.isfinite(loss := row.get("loss", 0.0)):
            rule = "`learning_rate` must be low enough for the loss to stay finite"
            raise DivergedError(f"{rule}; epoch {epoch + 1} gave {loss}.")
        self.out.mkdir(parents=True, exist_ok=True)
        lowest = min((old[model.metric] for old in self.history if model.metric in old), default=math.inf)
        best = not row.get(model.metric, -math.inf) > lowest
        self.history.append(row)
        if best:
            with self.hosts.own(model, self.copy) as self.copy:
                save_weights(self.copy, self.out / BEST)
        # The state comes last: what it names is then on disk.
        arrays = {f"v{i}": np.asarray(variable) for i, variable in enumerate(_variables(model))}
        with atomic_write(self.out / STATE) as partial:
            np.savez(partial, history=json.dumps(self.history), **arrays)
        if self.log:
            self.log("  ".join(f"{key} {value:.3g}" for key, value in row.items()) + ("  *" if best else ""))


def _variables(model: SpeechModel) -> list:
    """Weights, the random generators of dropout and SpecAugment, and the optimizer's state."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def rise_and_fall(learning_rate: float, warmup: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate rises linearly in a share `warmup` of the steps, then falls as a cosine to 1 %."""
    rising = max(1, int(warmup * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=learning_rate / 100, decay_steps=max(1, steps - rising), alpha=0.01,
        warmup_target=learning_rate, warmup_steps=rising,
    )  # fmt: skip


class TimeBudget(keras.callbacks.Callback):
    """Ends `fit` when the minutes are over, and makes the learning rate rise and fall with them: linearly, then as a cosine.

    The last epoch is cut short, so that validating and saving it ends with the minutes as well. It comes last among the
    callbacks, and the optimizer has a plain number for its learning rate, which rises to its peak in a share `warmup` of
    the minutes. `spent` are seconds of the budget that are gone already.

    >>> model.compile(keras.optimizers.AdamW(1e-3))  # doctest: +SKIP
    >>> model.fit(x, y, epochs=10**6, callbacks=[TimeBudget(minutes=5)])  # doctest: +SKIP
    """

    ENOUGH = 0.98  # of the minutes: what is left then is worth no other epoch
    STEPS = 10_000  # into which the minutes are divided
    AT_FIRST = 100  # steps before the rate may be at its peak: compiling takes minutes without training

    def __init__(self, minutes: float, learning_rate: float = 1e-3, warmup: float = 0.05, spent: float = 0.0):
        super().__init__()
        self.minutes, self.learning_rate = minutes, learning_rate
        self.schedule = rise_and_fall(learning_rate, warmup, self.STEPS)
        self.start, self.changed, self.learnt, self.reserve = time.monotonic() - spent, -math.inf, 0.0, 0.0

    @property
    def gone(self) -> float:
        """The share of the minutes that is gone."""
        return (time.monotonic() - self.start) / max(1e-9, 60 * self.minutes - self.reserve)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        now, gone = time.monotonic(), self.gone
        if now - self.changed >= 1 or gone >= 1:  # seldom: under JAX, `self.model` fetches the state
            self.changed = now
            optimizer = self.model.optimizer
            ready = (int(optimizer.iterations) + 1) / self.AT_FIRST
            optimizer.learning_rate = min(self.rate(gone), self.learning_rate * ready)
            if gone >= 1:
                self.model.stop_training = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.learnt = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        # The next epoch must leave time for what the other callbacks did after the last batch of this one.
        self.reserve = max(self.reserve, time.monotonic() - self.learnt)
        if self.gone >= self.ENOUGH:
            self.model.stop_training = True

    def rate(self, gone: float) -> float:
        """The learning rate when a share of the minutes is gone."""
        return float(self.schedule(min(1.0, gone) * self.STEPS))
