"""Train a model: sets of utterances in, weights, learning curves and checkpoints out.

A run is a folder: `run.json` (what was asked for), `state.npz` (the last whole epoch: weights, optimizer, random
state), `best.weights.h5` (the epoch with the lowest validation error), `curves.csv` and `curves.png`. Each batch's
randomness follows from (seed, epoch, batch) alone, so a run that was killed and resumed ends with the weights of one
that was not; unless it goes by the clock (`minutes`), which no two machines agree on.
"""

import csv
import json
import math
import os
import re
import shlex
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from inspect import signature
from pathlib import Path

import keras
import numpy as np

from zoo import datasets, language
from zoo.audio import resample
from zoo.augment import AugmentConfig, add_noise, augment, excerpt
from zoo.card import WEIGHTS, card, sha256, update_card
from zoo.datasets.noise import RATE as NOISE_RATE
from zoo.datasets.noise import load_noise
from zoo.decoding import beam_search, greedy, log_prior
from zoo.errors import DataError, ZooError, first_line, unknown_name
from zoo.files import read_json, whole
from zoo.losses import NEVER, distillation, frames_needed
from zoo.metrics import accuracy, wer, word_errors
from zoo.model import SpeechModel, compile_model, load, pad, save_weights, transfer
from zoo.optimizers import SOAP
from zoo.registry import architecture, list_models
from zoo.text import LabelEncoder

# Seconds of a set that are kept in memory, 2.3 GB at 16 kHz; what is more is read from disk when a batch needs it.
IN_MEMORY = 20 * 3600
# Seconds to which batches are padded: few shapes, few compilations.
WIDTHS = (0.5, 0.75, 1.0, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.5, 5.5, 6.5, 8.0, 10.0, 13.0, 16.0)

OBJECTIVES = ("ctc", "mwer")
REAL = int | float
RANGES = {  # field of TrainConfig -> what it may be
    "epochs": (int, 1, 1_000_000), "batch_size": (int, 1, 65_536), "seed": (int, 0, 2**32 - 1),
    "minutes": (REAL, 0, 100_000), "learning_rate": (REAL, 1e-12, 1000), "warmup": (REAL, 0, 1),
    "weight_decay": (REAL, 0, 1000), "silence_share": (REAL, 0, 1), "ctc_share": (REAL, 0, 1000),
}  # fmt: skip
WRITTEN = ("state.npz", "best.weights.h5", "curves.csv", "curves.png", "model.keras")  # by a run into its folder
OPTIMIZERS = {"adamw": keras.optimizers.AdamW, "soap": SOAP}

# task -> what validation measures: in percent, or the root mean square error in dB
METRIC = {"transcription": "wer", "classification": "error", "reconstruction": "dB", "denoising": "dB"}
# What a run of each kind varies, unless told otherwise. Words have short silences around them; a voice played faster is
# another voice.
WORDS = AugmentConfig(
    speed=(0.8, 1.25), noise_chance=0.65, snr_db=(-8.0, 20.0), telephone_chance=0.1, reverb_chance=0.15,
    silence_chance=0.15, spare_chance=0.15, spare_seconds=(0.2, 1.0),
)  # fmt: skip
VOICES = replace(WORDS, speed_chance=0.0, telephone_chance=0.0, noise_chance=0.4, snr_db=(5.0, 25.0))
# An autoencoder gives back what it hears, so what it hears should be speech; one that denoises must hear noise.
SOUNDS = AugmentConfig(noise_chance=0.0, telephone_chance=0.0, reverb_chance=0.0, silence_chance=0.0, spare_chance=0.0)
NOISES = replace(SOUNDS, noise_chance=0.9, snr_db=(-3.0, 20.0), telephone_chance=0.2, silence_chance=0.2)
USUAL = {"transcription": AugmentConfig(), "reconstruction": SOUNDS, "denoising": NOISES}


@dataclass(frozen=True)
class DataSpec:
    """One set to learn from or to score, NAME[:SPLIT][=WEIGHT][,OPTION=VALUE...]: "an4=2", "synthetic=0.5,count=6000"."""

    name: str
    split: str
    weight: float = 1.0  # how many times an epoch shows each utterance, on average
    options: tuple[tuple[str, str], ...] = ()  # of the data set, which knows their types

    @classmethod
    def parse(cls, text: str, default_split: str) -> "DataSpec":
        """Raises DataError for what is not of the form."""
        match = re.fullmatch(r"([^:=,]+)(?::([\w-]+))?(?:=(\d+(?:\.\d+)?|\.\d+))?((?:,\w+=[^,=]+)*)", text)
        if not match or (match[3] and not 0 < float(match[3]) <= 100):
            raise DataError(
                f"Data is named NAME[:SPLIT][=WEIGHT][,OPTION=VALUE...] with a weight between 0 and 100; received {text!r}."
            )
        options = tuple(tuple(item.split("=")) for item in match[4].split(",")[1:])
        for option in ("name", "split"):
            if option in dict(options):
                raise DataError(f"The name comes first and the split after a colon, as in an4:test; received {text!r}.")
        return cls(match[1], match[2] or default_split, float(match[3] or 1), options)

    def __str__(self) -> str:
        weight = f"={self.weight:g}" if self.weight != 1 else ""
        return f"{self.name}:{self.split}{weight}" + "".join(f",{key}={value}" for key, value in self.options)

    def load(self) -> list[datasets.Utterance]:
        return datasets.load(self.name, split=self.split, **dict(self.options))


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run, as kept in its run.json."""

    epochs: int = 60
    minutes: float = 0.0  # in place of `epochs`, from loading the data on; the learning rate goes by the clock, too
    batch_size: int = 32
    frames: int = 0  # in place of `batch_size` clips: so many single frames, of all clips mixed
    learning_rate: float = 1e-3  # the peak; a linear rise over `warmup`, then a cosine down to 1 %
    warmup: float = 0.05  # share of all steps, or of the minutes
    weight_decay: float = 1e-4
    optimizer: str = "adamw"  # or "soap" (`zoo.optimizers`)
    silence_share: float = 0.01  # utterances of noise with nothing said, beside the data
    seed: int = 0
    widths: tuple[float, ...] = WIDTHS  # seconds to which batches are padded, longer ones to whole seconds
    objective: str = "ctc"  # or "mwer", the expected word errors of what a beam search would write
    language_model: str = ""  # of that beam search: a registered name or a file; none if empty
    n_best: int = 4  # hypotheses of an utterance that are weighed against each other
    ctc_share: float = 0.02  # weight of the CTC loss (nats) beside the expected errors (words)

    def __post_init__(self):
        if self.objective not in OBJECTIVES:
            raise unknown_name("objective", self.objective, OBJECTIVES)
        if self.optimizer not in OPTIMIZERS:
            raise unknown_name("optimizer", self.optimizer, OPTIMIZERS)
        if self.language_model and self.objective == "ctc":
            raise ZooError("CTC learns without a language model; --language-model goes with --objective mwer.")
        if self.n_best < 2:
            raise ZooError(
                f"Hypotheses are weighed against each other, so n_best is at least 2; received {self.n_best}."
            )
        try:
            widths = tuple(float(width) for width in self.widths)
        except (TypeError, ValueError):
            widths = ()
        if not widths or not all(0 < width <= 3600 for width in widths) or list(widths) != sorted(set(widths)):
            raise ZooError(
                f"Widths are seconds above 0, an hour at most, from the least to the most; received {self.widths!r}."
            )
        object.__setattr__(self, "widths", widths)
        if self.minutes and self.objective != "ctc":
            raise ZooError("Word errors are learnt in epochs; --minutes goes with --objective ctc.")
        if not isinstance(self.frames, int) or self.frames < 0:
            raise ZooError(f"A batch has a number of single frames or, at 0, clips; received frames={self.frames!r}.")
        for name, (kind, least, most) in RANGES.items():
            value = getattr(self, name)
            # NaN is between no two numbers.
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
                rule = "a whole number" if kind is int else "a number"
                raise ZooError(f"{name} of a run is {rule} from {least:,} to {most:,}; received {value!r}.")


def answers(utterances: Sequence[datasets.Utterance], target: str) -> list[str]:
    """What a model should say of each utterance: its text, or who speaks. Raises DataError where nobody knows that."""
    found = [getattr(utterance, target) for utterance in utterances]
    if target == "speaker" and "" in found:
        raise DataError(
            f"A model of speakers needs to know who speaks; of {utterances[found.index('')].id} that is not said (a CSV says it "
            f"in a column speaker)."
        )
    return found


class Corpus:
    """Utterances ready to learn from: texts, label ids, and their sound, in memory as far as IN_MEMORY allows.

    Args: labels: of the model; None where the sound itself is what is learnt. target: what of an utterance they name, its
        text or its speaker.
    """

    def __init__(self, utterances: Sequence[datasets.Utterance], labels, sample_rate: int, target: str = "text"):
        self.texts = answers(utterances, target)
        self.names, self.ids, self.lengths, self._sounds = [], [], [], []
        self.sample_rate, held = sample_rate, 0
        for utterance, answer in zip(utterances, self.texts, strict=True):
            self.names.append(utterance.id)
            self.ids.append(labels.encode(answer) if labels else [])
            seconds = getattr(utterance.recording, "seconds", None)
            if seconds is None or held < IN_MEMORY * sample_rate:
                sound = _to_int16(utterance.audio(sample_rate))
                length = len(sound)
                held += length
            else:
                sound, length = utterance, int(seconds() * sample_rate)
            self.lengths.append(length)  # samples
            self._sounds.append(sound)

    def __len__(self) -> int:
        return len(self.texts)

    def audio(self, i: int) -> np.ndarray:
        """(samples,) float32 of utterance i."""
        sound = self._sounds[i]
        if isinstance(sound, np.ndarray):
            return sound.astype("float32") / 32767
        return sound.audio(self.sample_rate)[: self.lengths[i]]  # not longer than the batch was made for

    def keep(self, kept: Sequence[int]) -> None:
        """Forget all utterances but those."""
        for field in ("names", "texts", "ids", "lengths", "_sounds"):
            setattr(self, field, [getattr(self, field)[i] for i in kept])


def _to_int16(samples: np.ndarray) -> np.ndarray:
    return np.round(samples * 32767).astype("int16")  # a quarter of the memory of a training set in double precision


def frames_of(config) -> Callable[[int], int]:
    """A function (samples) -> frames of logits, which knows numbers and not the model: batches may outlive that.

    >>> from zoo.models.lstm_ctc import Config
    >>> frames_of(Config(hop_length=160, stride=3))(16000)
    34
    """
    hop, stride = config.hop_length, getattr(config, "stride", 1)
    return lambda samples: -(-(1 + samples // hop) // stride)


class EpochBatches(keras.utils.PyDataset):
    """The batches of one epoch: which utterances, in which order and varied how follows from (seed, epoch).

    Args:
        corpora: [(Corpus, weight), ...]. noises: recordings for augmentation.
        needed: a function (samples) -> frames of logits, to keep CTC feasible.
        augmentation: None shows the recordings as they are.
        task: of the model; for denoising a batch is (noisy, clean), for reconstruction it has no y.
    """

    def __init__(
        self,
        corpora,
        epoch: int,
        config: TrainConfig,
        sample_rate: int,
        n_frames,
        noises=(),
        augmentation=None,
        task: str = "transcription",
    ):
        # Threads suffice, since resampling and FFTs let go of Python's lock; a GPU waits for whoever makes its batches.
        workers = min(16, max(2, os.cpu_count() or 2))
        super().__init__(workers=workers, max_queue_size=workers + 4)  # a batch may be a hundred megabytes
        self.task = task
        self.sample_rate, self.n_frames, self.noises, self.augmentation = sample_rate, n_frames, noises, augmentation
        self.seed, self.widths, self.over = (config.seed, epoch), config.widths, False
        rng = np.random.default_rng(self.seed)
        chosen = []
        for corpus, weight in corpora:
            times = np.floor(weight + rng.random(len(corpus))).astype(int)  # 0.3 takes three in ten, 2.5 two or three
            chosen += [(corpus, i) for i, n in enumerate(times) for _ in range(n)]
        if not chosen:
            raise DataError("An epoch must show at least one utterance; the weights of the data leave none.")
        total = max(1, round(len(chosen) / config.batch_size)) * config.batch_size
        order = np.resize(rng.permutation(len(chosen)), total)
        # Clips of like length share a batch, but not always the same ones: sort within pools of eight batches.
        pools = [order[i : i + 8 * config.batch_size] for i in range(0, total, 8 * config.batch_size)]
        pools = [sorted(pool, key=lambda i: chosen[i][0].lengths[chosen[i][1]]) for pool in pools]
        order = np.concatenate(pools).reshape(-1, config.batch_size)
        self.batches = [[chosen[i] for i in row] for row in rng.permutation(order)]
        longest = max(len(ids) for corpus, _ in corpora for ids in corpus.ids)
        self.n_labels = -(-longest // 16) * 16 if longest > 1 else 1  # one for each clip is a class
        self.silence_share = config.silence_share

    def __len__(self) -> int:
        return len(self.batches)

    def end(self) -> None:
        """Make no more batches, and let go of the clips: TensorFlow keeps what it had batches from as long as it runs.

        (Whoever stopped an epoch cannot stop Keras' threads either; what they would still make is nothing.)
        """
        self.over, self.batches = True, [()] * len(self.batches)

    def __getitem__(self, index):
        batch = self.batches[index]
        if self.over:
            return None
        rng = np.random.default_rng((*self.seed, index))
        clips, clean, labels = [], [], np.zeros((len(batch), self.n_labels), "int32")
        longest = max(corpus.lengths[i] for corpus, i in batch)
        # Now and then a batch has seconds to spare, so that long silence is heard as well.
        room = longest
        if self.augmentation is not None and rng.random() < self.augmentation.spare_chance:
            room += int(rng.uniform(*self.augmentation.spare_seconds) * self.sample_rate)
        for row, (corpus, i) in enumerate(batch):
            samples = corpus.audio(i)
            ids = corpus.ids[i]
            if self.augmentation is not None:
                if rng.random() < self.silence_share:
                    samples, ids = self._nothing_said(len(samples), rng), []
                pair = self.task == "denoising"
                found = augment(samples, self.sample_rate, rng, self.noises, self.augmentation, room, pair)
                varied, quiet = found if pair else (found, found)
                # Played too fast, a clip may have fewer frames than letters; then it stays as it was.
                fits = self.n_frames(len(varied)) >= frames_needed(ids)
                samples, reference = (varied, quiet) if fits else (samples, samples)
            else:
                reference = samples
            clips.append(samples)
            clean.append(reference)
            labels[row, : len(ids)] = ids
        waveform, lengths = pad(clips, self.sample_rate, self.widths)
        if index == 0 and keras.backend.backend() == "tensorflow":
            # Keras expects of all batches the width that the first two have in common; so they have none in common.
            waveform = np.pad(waveform, ((0, 0), (0, 1)))
        x = {"waveform": waveform, "lengths": lengths}
        if self.task == "reconstruction":
            return (x,)
        if self.task == "denoising":
            labels = np.zeros_like(waveform)
            for row, samples in zip(labels, clean, strict=True):
                row[: len(samples)] = samples
        return x, labels

    def _nothing_said(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """Recorded sounds, room noise at any level, or digital silence: nothing must be written."""
        if len(self.noises) and rng.random() < 0.6:
            return excerpt(self.noises[rng.integers(len(self.noises))], length, rng)
        level = 0.0 if rng.random() < 0.2 else 10 ** rng.uniform(-4, -1)
        return rng.standard_normal(length, dtype="float32") * level


class FrameBatches(keras.utils.PyDataset):
    """The batches of one epoch of single frames, of all recordings mixed; (seed, epoch) says which and in which order.

    Neighbouring frames are nearly the same, so of a thousand frames a batch learns more if they come from a thousand places;
    and where nothing is varied, frames are made once instead of in every epoch.

    Args: corpora: [((frames, bands) log-mel of all clips in hundredths of a dB, int16, weight), ...]. Whole numbers, since mixed
        precision would round others.
    """

    def __init__(self, corpora, epoch: int, config: TrainConfig):
        super().__init__(workers=1)
        self.corpora, self.over = corpora, False
        rng = np.random.default_rng((config.seed, epoch))
        chosen = []
        for which, (frames, weight) in enumerate(corpora):
            times = np.floor(weight + rng.random(len(frames))).astype(int)
            places = np.repeat(np.arange(len(frames)), times)
            chosen.append(np.stack([np.full(len(places), which), places]))
        order = np.concatenate(chosen, axis=1)
        if not order.size:
            raise DataError("An epoch must show at least one frame; the weights of the data leave none.")
        order = order[:, rng.permutation(order.shape[1])]
        count = max(1, round(order.shape[1] / config.frames))
        self.order = np.resize(order.T, (count * config.frames, 2)).reshape(count, config.frames, 2)

    def __len__(self) -> int:
        return len(self.order)

    def end(self) -> None:
        """As that of `EpochBatches`."""
        self.over, self.corpora, self.order = True, (), [()] * len(self.order)

    def __getitem__(self, index):
        corpora, order = self.corpora, self.order[index]
        if self.over:
            return None
        which, places = order.T
        batch = np.empty((len(places), 1, corpora[0][0].shape[1]), "int16")
        for i, (frames, _) in enumerate(corpora):
            batch[which == i, 0] = frames[places[which == i]]
        return ({"log_mel": batch},)


def _frames_of(model: SpeechModel, corpora, widths) -> list[tuple[np.ndarray, float]]:
    """The log-mel frames of all clips as `FrameBatches` takes them; the model can learn from these then."""
    hours = sum(sum(corpus.lengths) for corpus, _ in corpora) / model.config.sample_rate / 3600
    if hours * 3600 > IN_MEMORY:
        raise ZooError(
            f"Single frames are learnt from memory, so there are at most {IN_MEMORY / 3600:g} hours; received {hours:.1f}."
        )
    begin = model.network.get_layer("below_peak").output[0]
    behind = keras.Model(begin, model.network.output["reconstruction"])

    def behind_frames(hundredths):
        log_mel = keras.ops.cast(hundredths, "float32") / 100
        return {"log_mel": log_mel, "reconstruction": behind(log_mel)}

    model.behind_frames = behind_frames
    found = []
    for corpus, weight in corpora:
        frames = []
        for group, outputs in _predictions(model, corpus, corpus.audio, widths):
            log_mel, lengths = np.asarray(outputs["log_mel"]), np.asarray(outputs["lengths"])
            frames += [np.int16(np.round(100 * log_mel[row, : lengths[row]])) for row in range(len(group))]
        found.append((np.concatenate(frames), weight))
    return found


def train(
    name: str,
    data: Sequence[str],
    out: str | Path,
    *,
    validation: Sequence[str] = (),
    init: str | Path | None = None,
    teacher: str | None = None,
    resume: bool = False,
    augmentation: AugmentConfig | None | str = "usual",
    model_config: dict | None = None,
    shipped: bool = False,
    say=print,
    **settings,
) -> SpeechModel:
    """Train architecture `name` and return the model with the weights of its best epoch.

    Args:
        data: sets to learn from, "name[:split][=weight]" (split "train" unless given).
        out: folder of the run.
        validation: sets to choose the epoch by (split "validation" unless given); without any, the last epoch is kept.
        init: weights to start from: a file, "bundled", or the name of another model whose layers of the same names are
            taken over (`zoo.model.transfer`), as are those of a .keras file where `model_config` changes the model.
        teacher: name of a trained recogniser with the same frames, whose probabilities are learnt too (`losses.distillation`).
        resume: go on from out/state.npz where there is one.
        augmentation: "usual" is what suits the task; None trains on the recordings as they are.
        model_config: fields of the architecture's Config to change. A fresh classifier takes its labels from the
            data, unless they are named here.
        shipped: whether the weights are for the package (`ship`), which has only those of default Configs.
        say: called with each line of progress.
        settings: fields of TrainConfig.
    Raises: DataError, ZooError (a run that exists and is not resumed, or was asked for differently).

    >>> model = train("lstm_ctc", ["an4:train"], "runs/small", validation=["an4:validation"], epochs=5)  # doctest: +SKIP
    """
    for setting in settings:
        if setting not in (known := [field.name for field in fields(TrainConfig)]):
            raise unknown_name("setting of a run", setting, known)
    config, clock = TrainConfig(**settings), None
    if config.minutes:
        if "epochs" in settings:
            raise ZooError("A run lasts a number of epochs or of minutes, not both.")
        clock = Clock(config)
    specs = [DataSpec.parse(text, "train") for text in data]
    held_out = [DataSpec.parse(text, "validation") for text in validation]
    if not specs:
        raise DataError("Training needs at least one data set; received none (try --data an4).")
    out, model_config = Path(out), dict(model_config or {})
    chosen = architecture(name).configure(**model_config)
    task = architecture(name).task
    classifies = task == "classification"
    target = chosen.target if classifies else "text"
    if config.frames:
        if not getattr(chosen, "framewise", False):
            raise ZooError(
                f"Single frames teach a network that knows no neighbours of a frame, such as autoencoder; {name} knows them."
            )
        if augmentation not in ("usual", None):
            raise ZooError(
                f"Single frames are those of the recordings as they are; received frames={config.frames} and an augmentation."
            )
        augmentation = None
    if augmentation == "usual":
        augmentation = {"text": WORDS, "speaker": VOICES}[target] if classifies else USUAL[task]
    idle = {"silence_share"} if task != "transcription" else set()
    idle |= {"n_best", "ctc_share"} if config.objective == "ctc" else set()
    if idle := sorted(idle & set(settings)):
        raise ZooError(
            f"silence_share is for recognisers, n_best and ctc_share are for the objective mwer; received {', '.join(idle)} for "
            f"{name} with {config.objective}."
        )
    if task != "transcription":
        config = replace(config, silence_share=0.0)  # no class is that of nothing, and silence is no speech
    if classifies:
        found = {answer for spec in specs for answer in answers(spec.load(), target)}
        if init is None and "labels" not in model_config and found != set(chosen.labels):
            model_config["labels"] = tuple(sorted(found))
    asked = {
        "name": name,
        "data": [str(spec) for spec in specs],
        "validation": [str(spec) for spec in held_out],
        "init": str(init) if init else None,
        "teacher": teacher,
        "augmentation": asdict(augmentation) if augmentation else None,
        "model_config": model_config,
        "settings": asdict(config),
        "helpers": _helpers(name, init, teacher, config.language_model),
    }
    noises = _noises(chosen.sample_rate, say) if augmentation else ()
    asked["noises"] = len(noises)  # on another machine there may be none, and the run would be another one
    _check_run(out, asked, resume)

    keras.utils.set_random_seed(config.seed)
    saved = str(init).endswith(".keras") and model_config  # what is set may give the model layers that the file lacks
    if saved or (str(init) in list_models() and str(init) != name):
        model = load(name, weights=None, **model_config)
        say(f"From {init}: {', '.join(transfer(str(init), model))}")
    else:
        model = load(name, weights="bundled" if str(init) == name else init, **model_config)
    if shipped:
        _check_default(name, model.config, out)
    if teacher is not None:
        model.more_loss = _teaching(teacher, model)
    hypotheses = Hypotheses(model, config) if config.objective == "mwer" else None
    rate = model.config.sample_rate

    n_frames = frames_of(model.config)
    corpora = []
    for spec in specs:
        corpus = Corpus(spec.load(), model.labels, rate, target)
        if hasattr(model.config, "max_seconds"):
            _drop_long(corpus, model.config.max_seconds, spec, say)
        if task == "transcription":
            _drop_infeasible(corpus, n_frames, spec, say)
        _check_not_empty(corpus, spec)
        corpora.append((corpus, spec.weight))
        minutes = sum(corpus.lengths) / rate / 60
        say(f"{spec}: {len(corpus)} utterances, {minutes:.1f} minutes")
    if classifies:
        _check_classes(corpora, model.labels)
    checks = {str(spec): Corpus(spec.load(), model.labels, rate, target) for spec in held_out}
    for spec in held_out:
        if hasattr(model.config, "max_seconds"):
            _drop_long(checks[str(spec)], model.config.max_seconds, spec, say)
        _check_not_empty(checks[str(spec)], spec)

    single = _frames_of(model, corpora, config.widths) if config.frames else None

    def batches(epoch):
        if single:
            return FrameBatches(single, epoch, config)
        return EpochBatches(corpora, epoch, config, rate, n_frames, noises, augmentation, task)

    with _begun(out, asked):
        compile_model(model, _optimizer(config, len(batches(0))))
        history = _restore(model, out) if resume else []
        metric = METRIC[model.architecture.task]
        start = clock.start if clock else time.monotonic()
        if clock:
            clock.start -= sum(row["seconds"] for row in history)
        while len(history) < config.epochs if clock is None else clock.gone() < clock.ENOUGH:
            epoch, shown = len(history), batches(len(history))
            if hypotheses:
                loss = float(np.mean([model.train_on_batch(x, hypotheses(x, labels)) for x, labels in _each(shown)]))
            else:
                callbacks = [clock] if clock else []
                loss = model.fit(shown, epochs=1, verbose=0, shuffle=False, callbacks=callbacks).history["loss"][0]
            learnt = time.monotonic()
            row = {"epoch": epoch + 1, "loss": loss}
            for check, corpus in checks.items():
                row[f"{metric} {check}"] = validate(model, corpus, noises, config.widths)
            if checks:
                row[metric] = float(np.mean([row[key] for key in row if key.startswith(f"{metric} ")]))
            shown.end()
            now = time.monotonic()
            row["seconds"], start = now - start, now
            if not np.isfinite(row["loss"]):
                raise ZooError(
                    f"The loss must stay finite; epoch {epoch + 1} gave {row['loss']}: lower the learning rate."
                )
            history.append(row)
            best = min(range(len(history)), key=lambda i: (history[i].get(metric, -i), -i))
            if best == epoch:
                save_weights(model, out / "best.weights.h5")
            _keep(model, out, history)
            say("  ".join(f"{key} {value:.3g}" for key, value in row.items()) + ("  *" if best == epoch else ""))
            if clock:  # the next epoch, if the last one, must leave time for this as well
                clock.reserve = max(clock.reserve, time.monotonic() - learnt)
    try:
        model.load_weights(out / "best.weights.h5")
    except Exception as error:
        raise DataError(
            f"A run keeps its best weights in {out / 'best.weights.h5'}, which is lost or damaged: {first_line(error)}"
        ) from error
    model.more_loss = model.behind_frames = None  # whoever fits it further has a teacher no more
    return model


def ship(out: str | Path) -> None:
    """Put the best weights of a run into the package, and what made them into the model's card.

    The card's commands are those of the runs that these weights started from, oldest first, and this one's.
    """
    out = Path(out)
    asked = read_json(out / "run.json", "A run's settings")
    name = asked["name"]
    _check_default(name, architecture(name).configure(**asked["model_config"]), out)
    model = load(name, weights=out / "best.weights.h5")
    path = WEIGHTS / f"{name}.weights.h5"
    save_weights(model, path)
    about = {"file": path.name, "sha256": sha256(path), "bytes": path.stat().st_size, "commands": commands(out)}
    with open(out / "curves.csv", newline="") as file:
        about["minutes"] = round(sum(float(row["seconds"]) for row in csv.DictReader(file)) / 60, 1)
    update_card(name, weights=about, parameters=int(model.count_params()))


def _check_default(name: str, config, out: Path) -> None:
    usual = architecture(name).config
    if changed := [field.name for field in fields(usual) if getattr(config, field.name) != getattr(usual, field.name)]:
        raise ZooError(f"Bundled weights have the default config; {out} changed {', '.join(changed)}.")


def commands(out: Path) -> list[str]:
    """The command lines that repeat a run, oldest first, from its run.json and those of the runs it started from."""
    asked = read_json(out / "run.json", "A run's settings")
    words = ["zoo", "train", asked["name"]]
    for option in ("data", "validation"):
        words += [word for spec in asked[option] for word in (f"--{option}", spec)]
    writes = architecture(asked["name"]).task == "transcription"
    usual = json.loads(json.dumps(asdict(TrainConfig())))
    for option, value in asked["settings"].items():
        if option == "epochs" and asked["settings"].get("minutes"):
            continue
        if value != usual[option] and (writes or option != "silence_share"):
            words += [f"--{option.replace('_', '-')}", _told(value)]
    if asked.get("teacher"):
        words += ["--teacher", asked["teacher"]]
    if asked["augmentation"] is None:
        words.append("--no-augment")
    for option, value in asked["model_config"].items():
        words += ["--set", f"{option}={value}"]
    before = []
    if asked["init"]:
        start = Path(asked["init"])
        if (start.parent / "run.json").exists():
            before = commands(start.parent)
            start = f"runs/{start.parent.name}/{start.name}"
        words += ["--init", str(start)]
    return [*before, " ".join([*words, "--out", f"runs/{out.name}"])]


def _told(value) -> str:
    """A setting of run.json as the command line takes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(map(_told, value))
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def validate(model: SpeechModel, corpus: Corpus, noises=(), widths: Sequence[float] = WIDTHS) -> float:
    """What a model gets wrong of a Corpus: greedy word error rate or errors in percent, or the error in dB.

    Args: noises: what lies under the clips that are to be denoised. widths: seconds to which batches are padded.
    """
    if METRIC[model.architecture.task] == "dB":
        return math.sqrt(sum(reconstruction_errors(model, corpus, noises, widths)) / len(corpus))
    hypotheses = [""] * len(corpus)
    for group, outputs in _predictions(model, corpus, corpus.audio, widths):
        logits = np.asarray(outputs["logits"])
        if model.architecture.task == "transcription":
            heard = [t.text for t in greedy(logits, np.asarray(outputs["lengths"]), model.labels, 1.0)]
        else:
            heard = [model.labels.class_names[i] for i in logits.argmax(axis=-1)]
        for i, text in zip(group, heard, strict=True):
            hypotheses[i] = text
    if model.architecture.task == "transcription":
        return 100 * wer(corpus.texts, hypotheses).value
    return 100 * (1 - accuracy(corpus.texts, hypotheses).value)


def reconstruction_errors(
    model: SpeechModel, corpus: Corpus, noises=(), widths: Sequence[float] = WIDTHS
) -> list[float]:
    """Mean squared error in dB of each clip of a Corpus, over its real frames and bands.

    A model that denoises hears each clip under a random stretch of a random noise, at 0 to 20 dB SNR, the same each time;
    its error is that against the clean clip.
    """
    errors = [0.0] * len(corpus)
    noisy = model.architecture.task == "denoising"

    def heard(i):
        return under_noise(corpus.audio(i), noises, np.random.default_rng((i, 1))) if noisy else corpus.audio(i)

    for group, found in _predictions(model, corpus, heard, widths):
        if noisy:
            waveform, lengths = pad([corpus.audio(i) for i in group], model.config.sample_rate, widths)
            target = np.asarray(model._target(waveform, lengths, found))
        else:
            target = np.asarray(found["log_mel"])
        squared = np.square(np.asarray(found["reconstruction"]) - target).mean(axis=2)  # (batch, frames)
        ends = np.asarray(found["lengths"]) if "lengths" in found else [squared.shape[1]] * len(group)
        for i, row, end in zip(group, squared, ends, strict=True):
            errors[i] = float(row[:end].mean())
    return errors


def under_noise(samples: np.ndarray, noises, rng: np.random.Generator, snr_db=(0.0, 20.0)) -> np.ndarray:
    """A clip under a random stretch of one of `noises` (white noise where there are none), at a random SNR in dB."""
    if len(noises):
        noise = excerpt(noises[rng.integers(len(noises))], len(samples), rng)
    else:
        noise = rng.standard_normal(len(samples), dtype="float32")
    return add_noise(samples, noise, rng.uniform(*snr_db))


def _predictions(model: SpeechModel, corpus: Corpus, audio, widths: Sequence[float] = WIDTHS):
    """(indices of utterances, what the network gives for `audio(i)` of them), those of like length together."""
    order = np.argsort(corpus.lengths)
    for group in (order[i : i + 32] for i in range(0, len(order), 32)):
        waveform, lengths = pad([audio(i) for i in group], model.config.sample_rate, widths)
        yield group, model.predict_on_batch({"waveform": waveform, "lengths": lengths})


def _optimizer(config: TrainConfig, steps_per_epoch: int):
    kind, usual = OPTIMIZERS[config.optimizer], {"weight_decay": config.weight_decay, "global_clipnorm": 5.0}
    if config.minutes:  # nobody knows how many steps that is
        return kind(config.learning_rate, **usual)
    steps = config.epochs * steps_per_epoch
    warmup = max(1, int(config.warmup * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 100,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=config.learning_rate,
        warmup_steps=warmup,
    )
    return kind(schedule, **usual)


class Clock(keras.callbacks.Callback):
    """The learning rate of a run that goes by the clock: `_optimizer`'s rise and cosine, with minutes in place of steps.

    Nobody knows beforehand how many steps an unknown machine makes in a lesson, or a lent one before it is taken back. The
    last epoch is cut short so that validating and saving it ends with the minutes as well, if an epoch before has shown
    how long that takes. Once a second is often enough: under JAX the model's state must be fetched for it.

    Attributes: start: when the run began, on the monotonic clock. reserve: seconds for what comes after the last batch.
    """

    ENOUGH = 0.98  # of the minutes: what is left then is worth no other epoch
    AT_FIRST = 100  # steps before the rate may be at its peak: compiling takes minutes in which nothing is learnt

    def __init__(self, config: TrainConfig):
        super().__init__()
        self.config, self.start, self.last, self.reserve = config, time.monotonic(), -math.inf, 0.0

    def gone(self) -> float:
        """The share of the minutes that is gone; 1 and more is over."""
        return (time.monotonic() - self.start) / max(1e-9, 60 * self.config.minutes - self.reserve)

    def on_train_batch_begin(self, batch, logs=None):
        now, gone = time.monotonic(), self.gone()
        if now - self.last >= 1 or gone >= 1:
            self.last = now
            optimizer = self.model.optimizer  # under JAX, `self.model` fetches the state first
            ready = (int(optimizer.iterations) + 1) / self.AT_FIRST
            optimizer.learning_rate = min(self.rate(gone), self.config.learning_rate * ready)
            self.model.stop_training = gone >= 1

    def rate(self, gone: float) -> float:
        """The learning rate when a share of the minutes is gone."""
        peak, warmup = self.config.learning_rate, self.config.warmup
        if gone < warmup:
            return peak * (0.01 + 0.99 * gone / warmup)
        along = min(1.0, (gone - warmup) / max(1e-9, 1 - warmup))
        return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2)


class Hypotheses:
    """What a model would write now, and how wrong that is: the y of `losses.minimum_word_error` for a batch.

    Args: model: a recogniser. config: its language_model, n_best and ctc_share; alpha, beta and gamma are those on the model's card.
    """

    def __init__(self, model: SpeechModel, config: TrainConfig):
        if model.architecture.task != "transcription":
            raise ZooError(
                f"Word errors are made by what writes; {model.architecture.name} does {model.architecture.task}."
            )
        self.model, self.config = model, config
        self.options = {}  # as `transcribe` would have them
        if name := config.language_model:
            self.options = model.tuned(name) | {"language_model": language.load(name)}
        self.discount = np.zeros(len(model.labels), "float32")
        if gamma := self.options.get("gamma"):
            self.options["prior"] = model.prior
            self.discount = np.float32(gamma * log_prior(model.prior, len(model.labels)))

    def __call__(self, inputs: dict, labels: np.ndarray) -> dict:
        outputs = self.model.predict_on_batch(inputs)
        n, symbols, width = self.config.n_best, self.model.labels, labels.shape[1]
        y = {
            "hypotheses": np.zeros((len(labels), n, width), "int32"),
            "errors": np.zeros((len(labels), n), "float32"),
            "bonus": np.full((len(labels), n), NEVER, "float32"),
            "discount": self.discount,
            "labels": labels,
            "ctc_share": np.float32(self.config.ctc_share),
        }
        for row, ids in enumerate(labels):
            logits = np.asarray(outputs["logits"])[row, : int(np.asarray(outputs["lengths"])[row])]
            said = symbols.decode([i for i in ids if i])
            found = beam_search(logits, symbols, beam_width=2 * n, n_best=n, **self.options)
            for k, hypothesis in enumerate(one for one in found if len(one.ids) <= width):
                y["hypotheses"][row, k, : len(hypothesis.ids)] = hypothesis.ids
                y["errors"][row, k] = word_errors(said, hypothesis.text)
                y["bonus"][row, k] = hypothesis.score - hypothesis.acoustic
        return y


def _each(batches):
    """The batches of an epoch, one after the other."""
    return (batches[i] for i in range(len(batches)))


def _teaching(teacher: str, model: SpeechModel):
    """The loss (inputs, outputs) -> (batch,) of a model that is to answer as `teacher` does. Raises ZooError."""
    if teacher in language.language_models():
        raise ZooError(f"A teacher is a recogniser; {teacher} is a language model.")
    knows = load(teacher)
    for one in (knows, model):
        if one.architecture.task != "transcription":
            raise ZooError(f"A recogniser teaches a recogniser; {one.architecture.name} does {one.architecture.task}.")
    same = ("sample_rate", "vocabulary", "frame_seconds")
    if any(getattr(knows.config, field) != getattr(model.config, field) for field in same):
        raise ZooError(
            f"A teacher writes the same symbols in the same frames, from sound at the same rate; {teacher} and "
            f"{model.architecture.name} differ."
        )

    def loss(inputs, outputs):
        heard = keras.ops.stop_gradient(knows.network(inputs, training=False)["logits"])
        return distillation(heard, outputs["logits"], outputs["lengths"])

    return loss


def _noises(sample_rate: int, say) -> list[np.ndarray]:
    try:
        return [resample(noise, NOISE_RATE, sample_rate) for noise in load_noise("train")]
    except ZooError as error:
        say(f"White noise takes the place of recorded noise: {error}")
        return []


def _drop_infeasible(corpus: Corpus, n_frames, spec: DataSpec, say) -> None:
    """Leave out utterances that CTC cannot emit in their frames; more than one in fifty is an error in the data."""
    bad = {i for i, ids in enumerate(corpus.ids) if n_frames(corpus.lengths[i]) < frames_needed(ids)}
    if len(bad) > 0.02 * len(corpus):
        raise DataError(
            f"CTC needs at least a frame for each letter; in {spec}, {len(bad)} of {len(corpus)} utterances are too "
            f"short for their transcripts, such as {corpus.texts[min(bad)]!r}."
        )
    if bad:
        say(f"{spec}: left out {len(bad)} utterances too short for their transcripts ({_named(corpus, bad)})")
        corpus.keep([i for i in range(len(corpus)) if i not in bad])


def _named(corpus: Corpus, which: set[int]) -> str:
    """The first few of some utterances, by name."""
    return ", ".join(corpus.names[i] for i in sorted(which)[:5]) + (", ..." if len(which) > 5 else "")


def _drop_long(corpus: Corpus, seconds: float, spec: DataSpec, say) -> None:
    """Leave out clips that are longer than a word may be."""
    long = {i for i, length in enumerate(corpus.lengths) if length > seconds * corpus.sample_rate}
    if long:
        say(f"{spec}: left out {len(long)} clips of more than {seconds:g} s ({_named(corpus, long)})")
        corpus.keep([i for i in range(len(corpus)) if i not in long])


def _check_classes(corpora, classes: LabelEncoder) -> None:
    """Every class must have something to learn it from. Raises DataError."""
    shown = {text for corpus, _ in corpora for text in corpus.texts}
    if missing := [name for name in classes.class_names if name not in shown]:
        raise DataError(
            f"Each class needs clips to learn it from; there are none of {', '.join(missing[:5])} in the data (a fresh model, "
            f"without --init and --set labels=..., has the classes of its data)."
        )


def _check_not_empty(corpus: Corpus, spec: DataSpec) -> None:
    if not len(corpus):
        raise DataError(f"A set to learn from or to choose by must hold utterances; {spec} holds none.")


def _check_run(out: Path, asked: dict, resume: bool) -> None:
    """Check that the folder holds no run, or the one asked for, and nothing that a run would write over."""
    _check_place(out)
    path = out / "run.json"
    if not path.exists():
        if lost := [name for name in WRITTEN if (out / name).exists()]:
            raise ZooError(f"A run's folder must hold nothing that the run would write; {out} holds {', '.join(lost)}.")
        return
    if not resume:
        raise ZooError(f"A run's folder must be new, or resumed with --resume; {out} already holds a run.")
    before = read_json(path, "A run's settings")
    # A run that began before there was a setting had its usual value.
    before = {"teacher": None, "helpers": {}} | before
    before["settings"] = json.loads(json.dumps(asdict(TrainConfig()))) | before.get("settings", {})
    if different := differences(before, json.loads(json.dumps(asked))):
        # The model, which a run has when it is done, knows its settings; its weights alone do not.
        best = out / ("model.keras" if (out / "model.keras").exists() else "best.weights.h5")
        more = f" (for more, start a new run with --init {best})" if "epochs" in different else ""
        raise ZooError(f"A run is resumed with the settings it began with; {out} has {different}{more}.")


@contextmanager
def _begun(out: Path, asked: dict):
    """While training lasts, its run.json. It goes again where training fails before an epoch is whole, so that the mended
    command finds a new folder; Ctrl-C leaves it, for --resume.
    """
    path, began = out / "run.json", (out / "run.json").exists()
    if not began:
        out.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            partial.write_text(json.dumps(asked, indent=2))
    try:
        yield
    except Exception:
        if not began and not (out / "state.npz").exists():
            for name in ("run.json", *WRITTEN):  # none of them was there before (`_check_run`)
                (out / name).unlink(missing_ok=True)
            with suppress(OSError):  # it was there before, with something else in it
                out.rmdir()
        raise


def differences(before: dict, asked: dict) -> str:
    """Which values two descriptions of a run do not share; "" for none.

    >>> differences({"name": "lstm", "settings": {"epochs": 3}}, {"name": "lstm", "settings": {"epochs": 5}})
    'epochs 3, not 5'
    """
    found = []
    for key, value in asked.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            nested = differences(old, {name: value.get(name) for name in {**old, **value}})
            found += [nested] if nested else []
        elif old != value and dict in (type(old), type(value)):
            found.append(f"another {key}")
        elif old != value:
            found.append(f"{key} {old}, not {value}")
    return ", ".join(found)


def _check_place(out: Path) -> None:
    """A folder can be made there and written to; said before the data are loaded. Raises ZooError."""
    place = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        why = "is a file" if not place.is_dir() else "cannot be written to"
        raise ZooError(f"A run needs a folder that can be written to; for {out}, {place} {why}.")


def _helpers(name: str, init, teacher: str | None, language_model: str) -> dict:
    """What else a run hangs on: the sha256 of bundled weights that it starts from or learns with, and how these are decoded."""
    names = {name if str(init) == "bundled" else str(init), str(teacher), *language_model.split("+")}
    found = {one: card(one).weights["sha256"] for one in sorted(names & set(list_models())) if card(one).weights}
    if language_model:
        found["decoding"] = card(name).decoding.get(language_model, {}) | {"prior": list(card(name).prior)}
    return found


def _state(model: SpeechModel) -> list:
    # model.variables holds the weights and the random generators of dropout and SpecAugment.
    return [*model.variables, *model.optimizer.variables]


def _keep(model: SpeechModel, out: Path, history: list[dict]) -> None:
    """Checkpoint and learning curves of the last whole epoch. The state comes last: what it names is then on disk."""
    from zoo.plots import learning_curves

    with whole(out / "curves.csv") as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, history[0])
        writer.writeheader()
        writer.writerows(history)
    columns = {key: [row[key] for row in history] for key in history[0]}
    with whole(out / "curves.png") as partial:
        learning_curves(columns).figure.savefig(partial)
    arrays = {f"v{i}": np.asarray(variable) for i, variable in enumerate(_state(model))}
    with whole(out / "state.npz") as partial:
        np.savez(partial, history=json.dumps(history), **arrays)


def _restore(model: SpeechModel, out: Path) -> list[dict]:
    """Load the last whole epoch, if there was one; returns the history so far."""
    path = out / "state.npz"
    if not path.exists():
        return []
    try:
        with np.load(path, allow_pickle=False) as state:
            for i, variable in enumerate(_state(model)):
                variable.assign(state[f"v{i}"])
            return json.loads(str(state["history"]))
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"A checkpoint must be whole and of the same model; {path} is not: {error}") from error


# --- models of text alone


def train_language_model(
    name: str,
    data: Sequence[str],
    out: str | Path,
    settings: dict | None = None,
    say=print,
    background: Sequence[str] = (),
) -> Path:
    """Train language model `name` on the texts of `data` ("an4:train", ...); returns the file of the model in `out`.

    Args:
        settings: what the model's own `train` takes besides texts, such as order=4. say: called with each line.
        background: sets of texts of another kind, all of each that has such a split, else what is to train on; the model's
            `train` says what it makes of them.
    Raises: ZooError, DataError, UnknownNameError.
    """
    module, out, settings = import_module(f"zoo.language.{name}"), Path(out), settings or {}
    parameters = signature(module.train).parameters
    valid = [parameter for parameter in parameters if parameter not in ("texts", "background", "say")]
    for setting in settings:
        if setting not in valid:
            raise unknown_name(f"setting of {name}", setting, valid)
    _check_place(out)
    if lost := [name for name in ("run.json", module.FILE) if (out / name).exists()]:
        raise ZooError(f"A run's folder must be new; {out} already holds {', '.join(lost)}.")
    its_own = list(parameters)[list(parameters).index("background") :]  # settings that follow it say what is made of it
    if not background and (unused := [setting for setting in settings if setting in its_own]):
        raise ZooError(f"{', '.join(unused)} of {name} are for a background; received none.")
    specs, more = [DataSpec.parse(text, "train") for text in data], [_of_background(text) for text in background]
    for spec in (*specs, *more):
        if spec.weight != 1:
            raise ZooError(f"A language model reads each text once, so its sets have no weights; received {spec}.")
    texts, others = ([utterance.text for spec in which for utterance in spec.load()] for which in (specs, more))
    if more and not others:
        raise DataError(f"A background has texts in it; {', '.join(map(str, more))} has none.")
    told = {"say": say} if "say" in parameters else {}
    model = module.train(texts, background=others, **told, **settings)
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / module.FILE)
    asked = {"name": name, "data": [str(spec) for spec in specs], "background": [str(spec) for spec in more]}
    with whole(out / "run.json") as partial:
        partial.write_text(json.dumps(asked | {"settings": settings}, indent=2))
    return out / module.FILE


def _of_background(text: str) -> DataSpec:
    name = DataSpec.parse(text, "train").name
    return DataSpec.parse(text, "all" if "all" in datasets.describe(name).splits else "train")


def ship_language_model(out: str | Path) -> None:
    """Put the model of a run into the package, and the command that made it on its card."""
    out = Path(out)
    asked = read_json(out / "run.json", "A run's settings")
    name = asked["name"]
    module = import_module(f"zoo.language.{name}")
    file = module.FILE
    path = WEIGHTS / f"{name}{''.join(Path(file).suffixes)}"
    path.write_bytes((out / file).read_bytes())
    words = ["zoo", "train", name, *(word for spec in asked["data"] for word in ("--data", spec))]
    words += [word for spec in asked["background"] for word in ("--background", spec)]
    words += [word for key, value in asked["settings"].items() for word in ("--set", f"{key}={value}")]
    command = shlex.join([*words, "--out", f"runs/{out.name}"])
    about = {"file": path.name, "sha256": sha256(path), "bytes": path.stat().st_size, "commands": [command]}
    update_card(name, weights=about, parameters=module.read(path).parameters)
