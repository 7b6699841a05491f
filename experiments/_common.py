"""What the experiments share: their command line, intervals, noise, notes of finished runs, FSDD in memory, and a small trainer."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from inspect import getdoc, signature
from pathlib import Path

import keras
import numpy as np
from scipy import stats

import zoo
from zoo import datasets
from zoo.datasets.fsdd import SPEAKERS
from zoo.datasets.noise import add_noise, excerpt
from zoo.errors import DataError
from zoo.files import atomic_write, read_json
from zoo.tasks import pad

RESULTS = Path(__file__).parents[1] / "data" / "results"
BATCH_SIZE = 32  # clips
LEARNING_RATE = 1e-3
SHARES = (0.01, 0.05, 0.2, 1.0)  # of FSDD's labels
STEPS = {0.01: 150, 0.05: 200, 0.2: 300, 1.0: 500}  # of training conv2d, by share of the labels


# --- command line and files


def main(function: Callable) -> None:
    """Runs a function as a command: its parameters are the arguments, its docstring the help, `--json FILE` keeps what it returns."""
    name = Path(sys.modules[function.__module__].__file__).stem
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(f"python -m experiments.{name}", description=getdoc(function), formatter_class=raw)
    for option, parameter in signature(function).parameters.items():
        default, flag = parameter.default, f"--{option.replace('_', '-')}"
        if default is parameter.empty:
            parser.add_argument(option)
        elif default is False:
            parser.add_argument(flag, action="store_true")
        elif isinstance(default, tuple):
            parser.add_argument(flag, action="extend", nargs="+", default=[])
        elif option != "log":
            parser.add_argument(flag, type=type(default), default=default)
    parser.add_argument("--json", help="file for the rows, from which `make results` makes tables")
    options = vars(parser.parse_args())
    path = options.pop("json")
    found = function(**options)
    if path:
        write_json(path, found)


def write_json(path: str | Path, content) -> None:
    """Writes JSON, whole or not at all."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(Path(path)) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


class Notes:
    """Scores of finished runs in a JSON file, so that a stopped study goes on where it was.

    Args:
        path: The file, made when the first run is done; "" keeps nothing.

    Raises:
        DataError: If the file holds something else.
    """

    def __init__(self, path: str = ""):
        self.path = Path(path) if path else None
        self.scores = read_json(self.path, "Notes of a study") if self.path and self.path.exists() else {}
        if not all(isinstance(score, int | float) for score in self.scores.values()):
            raise DataError(f"Notes of a study must be numbers by name; {path} holds something else.")

    def score(self, *key, run: Callable[[], float]) -> float:
        """The noted score of a run, or that of `run()`, which is then noted."""
        name = " ".join(map(str, key))
        if name not in self.scores:
            self.scores[name] = run()
            if self.path:
                write_json(self.path, self.scores)
        return self.scores[name]


# --- figures


def bootstrap(statistic: Callable, *samples: np.ndarray) -> dict[str, float]:
    """A statistic of paired samples with its 95 % interval: {"value", "low", "high"}."""
    value = float(statistic(*samples))
    interval = stats.bootstrap(
        samples, statistic, paired=True, vectorized=False, method="percentile", n_resamples=1000, rng=0
    ).confidence_interval
    return {"value": value, "low": float(interval.low), "high": float(interval.high)}


def mean_of_speakers(values: np.ndarray) -> dict[str, float]:
    """The mean of one value for each speaker, its 95 % interval by Student's t: new voices are what it speaks of."""
    values = np.asarray(values, "float64")
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return {"value": float(values.mean()), "low": float(values.mean() - half), "high": float(values.mean() + half)}


def percent(estimate) -> dict[str, float]:
    """A metric's value and interval in percent."""
    return {key: round(100 * getattr(estimate, key), 2) for key in ("value", "low", "high")}


# --- sound


def noisy(clips: Sequence[np.ndarray], noises: Sequence[np.ndarray], snr_db: float, seed: int = 0) -> list[np.ndarray]:
    """Each clip under a random stretch of a random noise of the same rate; the same seed gives the same noise."""
    rng = np.random.default_rng(seed)
    return [add_noise(clip, excerpt(noises[rng.integers(len(noises))], len(clip), rng), snr_db) for clip in clips]


# --- classifiers that are trained many times


def head(model) -> keras.Model:
    """The layers of a classifier behind its images."""
    return keras.Model(model.get_layer("picture").output, model.output["logits"])


def images(model, clips: Sequence[np.ndarray]) -> np.ndarray:
    """What a classifier makes of clips at its rate before its first convolution: (clips, width, bands, 1)."""
    front_end, found = keras.Model(model.input, model.get_layer("picture").output), []
    for start in range(0, len(clips), 64):
        waveform, lengths = pad(clips[start : start + 64], model.config.sample_rate)
        found.append(np.asarray(front_end.predict_on_batch({"waveform": waveform, "lengths": lengths})))
    return np.concatenate(found)


class Trainer:
    """Trains one network again and again from other weights. It is compiled once, so a run costs no more than its steps."""

    def __init__(self, network: keras.Model):
        self.network = network
        self.optimizer = keras.optimizers.AdamW(LEARNING_RATE, weight_decay=1e-4, global_clipnorm=5.0)
        network.compile(self.optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
        self.optimizer.build(network.trainable_variables)
        self._start = [np.array(variable) for variable in self.optimizer.variables]

    def fit(self, weights, x: np.ndarray, ids: np.ndarray, steps: int, seed: int) -> None:
        """Takes `steps` steps from `weights`, each with a batch of random images."""
        self.network.set_weights(weights)
        for variable, value in zip(self.optimizer.variables, self._start, strict=True):
            variable.assign(value)
        order = np.resize(np.random.default_rng(seed).permutation(len(ids)), steps * BATCH_SIZE)
        self.network.fit(x[order], ids[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0)

    def accuracy(self, x: np.ndarray, ids: np.ndarray) -> float:
        """Percent of the images that are recognised."""
        return 100 * float(np.mean(self.network.predict(x, batch_size=256, verbose=0).argmax(axis=1) == ids))


class Digits:
    """FSDD in memory, as images for conv2d; `fast` has every tenth clip and two speakers to leave out."""

    def __init__(self, fast: bool = False):
        self.model = zoo.load("conv2d", weights=None)
        self.left_out = SPEAKERS[: 2 if fast else None]
        utterances = [u for s in SPEAKERS for u in datasets.load("fsdd", f"loso-{s}-test")][:: 10 if fast else 1]
        self.clips = [u.audio(self.model.config.sample_rate) for u in utterances]
        self.images = images(self.model, self.clips)
        self.ids = np.array([self.model.labels.index(u.text) for u in utterances])
        self.speakers = np.array([u.speaker for u in utterances])

    def labelled(self, speaker: str, share: float, seed: int) -> np.ndarray:
        """Indices of a share of the other speakers' clips, each digit as often."""
        rng = np.random.default_rng((seed, SPEAKERS.index(speaker)))
        others = self.speakers != speaker
        each = max(1, round(share * others.sum() / 10))
        return np.concatenate([rng.permutation(np.flatnonzero(others & (self.ids == i)))[:each] for i in range(10)])


def fresh_head(seed: int):
    """Weights of the head of a fresh conv2d."""
    keras.utils.set_random_seed(seed)
    return head(zoo.load("conv2d", weights=None)).get_weights()


def parse_settings(texts: Sequence[str]) -> dict:
    """SETTING=VALUE as keyword arguments; a value is JSON."""
    pairs = (text.split("=", 1) for text in texts)
    return {name: json.loads(value) for name, value in pairs}
