"""The recipe: data sets in, a trained model and its folder out."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path

import keras

from zoo.datasets.spec import DataSpec
from zoo.errors import DataError, ZooError, unknown_name
from zoo.loading import class_and_config
from zoo.presets import card, list_models
from zoo.tasks import SpeechModel, compile_model
from zoo.training.batches import EpochBatches
from zoo.training.callbacks import Checkpoint, LearningCurves, TimeBudget, Validation, rise_and_fall
from zoo.training.config import AugmentConfig, TrainConfig
from zoo.training.corpus import Corpus, load_corpora, load_noises
from zoo.training.hosts import ONE, Hosts
from zoo.training.run import Follower, Run
from zoo.training.teacher import Distiller
from zoo.training.warm_start import default_init, starting_model


def train(
    name: str,
    data: Sequence[str],
    out: str | Path,
    *,
    validation: Sequence[str] = (),
    init: str | Path | None = None,
    freeze: bool = False,
    teacher: str | None = None,
    augmentation: AugmentConfig | None | str = "default",
    model_config: dict | None = None,
    resume: bool = False,
    tensorboard: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    log: Callable[[str], None] = print,
    hosts: Hosts = ONE,
    **settings,
) -> SpeechModel:
    """Trains a model and returns it with the weights of its best epoch.

    Args:
        name: Name of a preset or an architecture.
        data: Data sets to learn from, `name[:split][=weight]` (split "train" unless given).
        out: Folder of the run.
        validation: Data sets to choose the best epoch by (split "validation" unless given); without any, the last is kept.
        init: What it starts from: "bundled" (the default where the preset ships weights that fit), "none", the name of another
            preset whose layers of the same names are taken over, or a .weights.h5 or .keras file.
        freeze: If True, only the last layer is trained.
        teacher: Name of a trained model, or of several ("a+b"), whose probabilities are a second target (`Distiller`).
        augmentation: "default" is what suits the task; None trains on the recordings as they are.
        model_config: Fields of the architecture's Config to change. A classifier has the labels of the data, unless they are
            named here.
        resume: If True, goes on with the run in `out` where there is one.
        tensorboard: If True, writes logs for TensorBoard to out/tensorboard.
        callbacks: Of one's own, which see the validation figures in the logs of an epoch.
        log: Called with each line of progress.
        hosts: Which of several hosts this is. All make the same call with the same data, and share `out`, to which host 0 writes.
        **settings: Fields of TrainConfig, such as epochs=20.

    Raises:
        ZooError: For a setting that cannot be, or a folder that holds another run.
        DataError: For data that are empty or do not fit the model.

    >>> model = train("lstm_ctc", ["an4:train"], "runs/an4", validation=["an4:validation"], epochs=5)  # doctest: +SKIP
    """
    began = time.monotonic()
    if tensorboard and not find_spec("tensorboard"):
        raise ZooError("`tensorboard` needs a package that is not installed: pip install tensorboard.")
    request = Request.parse(name, data, validation, init, teacher, augmentation, freeze, model_config, settings)
    config = request.settings
    hosts.check(config, teacher)
    keras.utils.set_random_seed(config.seed)
    with hosts.joined():
        model = starting_model(name, request.init, request.targets(), request.model_config, freeze, log)
        noises = load_noises(model.config.sample_rate, log) if request.augmentation else []
        run = (Run if hosts.leads else Follower)(out, request.describe(model, len(noises)), resume)

        learner = Distiller(model, teacher, config.temperature, config.teacher_share) if teacher else model
        corpora = load_corpora(model, request.data, log=log)
        _check_classes(model, corpora)
        held_out = load_corpora(model, request.validation, log=log)
        _say_what_is_known(request, corpora, held_out, log)
        shown = [(corpora[str(spec)], spec.weight) for spec in request.data]
        with run, closing(EpochBatches(model, shown, config, request.augmentation, noises, hosts)) as batches:
            compile_model(learner, make_optimizer(config, len(batches)))
            checkpoint = Checkpoint(out, log, hosts)
            batches.start(checkpoint.restore(learner) if run.resumed else 0)
            written = [LearningCurves(out, began), checkpoint] if hosts.leads else []
            if tensorboard and hosts.leads:
                written.append(keras.callbacks.TensorBoard(Path(out) / "tensorboard"))
            callbacks = [Validation(held_out, noises, hosts), *written, *callbacks]
            epochs = config.epochs
            if config.minutes:
                spent = sum(row["seconds"] for row in checkpoint.history) + time.monotonic() - began
                callbacks.append(TimeBudget(config.minutes, config.learning_rate, config.warmup, spent))
                epochs = 1_000_000
            if not run.finished:
                learner.fit(
                    batches, epochs=epochs, initial_epoch=batches.epoch, callbacks=callbacks, verbose=0, shuffle=False
                )
                run.finish()
        with hosts.own(model) as own:
            return run.best(own)


@dataclass(frozen=True)
class Request:
    """The arguments of `train`, checked as far as that needs neither sound nor weights."""

    name: str
    data: tuple[DataSpec, ...]
    validation: tuple[DataSpec, ...]
    init: str
    teacher: str | None
    augmentation: AugmentConfig | None
    freeze: bool
    model_config: dict
    settings: TrainConfig

    @classmethod
    def parse(cls, name, data, validation, init, teacher, augmentation, freeze, model_config, settings) -> "Request":
        """Checks the arguments of `train`. Raises ZooError, DataError."""
        for setting in settings:
            if setting not in (known := [field.name for field in fields(TrainConfig)]):
                raise unknown_name("setting of a run", setting, known)
        config = TrainConfig(**settings)
        if config.minutes and "epochs" in settings:
            raise ZooError("`minutes` must be left out where `epochs` is given. Received both.")
        if not data:
            raise DataError("`data` must name at least one data set, such as 'an4'. Received none.")
        model_config = dict(model_config or {})
        task, fields_of_model = class_and_config(name, **model_config)
        if not task.learns_silence:
            if settings.get("silence_prob"):
                raise ZooError(f"`silence_prob` must be left out for {name}, which has no answer for silence.")
            config = replace(config, silence_prob=0.0)
        if augmentation == "default":
            augmentation = AugmentConfig(**task.default_augmentation(fields_of_model))
        data = tuple(DataSpec.parse(text, "train") for text in data)
        validation = tuple(DataSpec.parse(text, "validation") for text in validation)
        init = str(init or default_init(name, model_config))
        return cls(name, data, validation, init, teacher, augmentation, freeze, model_config, config)

    def targets(self) -> list[str]:
        """What the model should say of the data to learn from."""
        task, config = class_and_config(self.name, **self.model_config)
        return [target for spec in self.data for target in task.targets(spec.load(), config)]

    def describe(self, model: SpeechModel, noises: int) -> dict:
        """The request as run.json keeps it, with the labels that the model has from the data.

        `noises` counts the recordings of noise: on another machine there may be none, and the run would be another one.
        """
        _, usual = class_and_config(self.name, **self.model_config)
        changes = dict(self.model_config)
        if (labels := getattr(model.config, "labels", None)) != getattr(usual, "labels", None):
            changes["labels"] = labels
        sets = {"data": [str(spec) for spec in self.data], "validation": [str(spec) for spec in self.validation]}
        return asdict(self) | sets | {"model_config": changes, "bundled": self._bundled(), "noises": noises}

    def _bundled(self) -> dict[str, str]:
        """Preset -> sha256 of the bundled weights that the run starts from or learns with."""
        names = {self.name if self.init == "bundled" else self.init, *(self.teacher or "").split("+")}
        return {name: card(name).weights["sha256"] for name in sorted(names & set(list_models())) if card(name).weights}


def make_optimizer(config: TrainConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """AdamW; with `minutes`, `TimeBudget` sets its learning rate."""
    schedule = rise_and_fall(config.learning_rate, config.warmup, config.epochs * steps_per_epoch)
    rate = config.learning_rate if config.minutes else schedule
    return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, global_clipnorm=5.0)


def _say_what_is_known(
    request: Request, corpora: dict[str, Corpus], held_out: dict[str, Corpus], log: Callable
) -> None:
    """Logs how many clips of the validation data are training data too."""
    for spec in request.validation:
        alike = [str(other) for other in request.data if (other.name, other.options) == (spec.name, spec.options)]
        known = {name for other in alike for name in corpora[other].names} & set(held_out[str(spec)].names)
        if known:
            log(f"{spec}: {len(known)} of its clips are in the training data too, so its figure is too good")


def _check_classes(model: SpeechModel, corpora: dict[str, Corpus]) -> None:
    """Every class must have something to learn it from. Raises DataError."""
    shown = {target for corpus in corpora.values() for target in corpus.targets}
    if missing := [label for label in getattr(model, "labels", ()) if label not in shown]:
        raise DataError(f"`data` must have clips of each class. Received: none of {', '.join(missing[:5])}.")
