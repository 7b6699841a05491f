"""Search for the settings of a training run by Optuna: tree-structured Parzen estimators, and bad trials pruned early.

    trial --> settings drawn from the space --> `train` --> its best validation figure --> next trial
                                                  epoch by epoch: is it worse than the median? then it ends

Trials are kept in out/trials.log, so that a search that was stopped goes on, and several processes may work on one.

Source: T. Akiba et al., "Optuna: A next-generation hyperparameter optimization framework", KDD 2019
(https://arxiv.org/abs/1907.10902).
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras

from zoo.cluster import connected, in_any_order
from zoo.errors import DivergedError, ZooError, check_whole
from zoo.files import atomic_write, read_json
from zoo.loading import class_and_config
from zoo.training.callbacks import read_curves
from zoo.training.run import differences
from zoo.training.train import train

# What suits every model of sound: the two settings of AdamW that matter most, and the size of a batch.
SPACE = {
    "training.learning_rate": (3e-4, 1e-2),
    "training.weight_decay": (1e-5, 1e-2),
    "training.batch_size": [16, 32, 64],
}
LOG_RATIO = 10  # a range whose ends differ by this factor is searched on a logarithmic scale
FIRST = 5  # trials before any is pruned


def tune(
    name: str,
    data: Sequence[str],
    out: str | Path,
    *,
    validation: Sequence[str],
    trials: int = 30,
    space: Mapping[str, Any] | None = None,
    seed: int = 0,
    cluster: str | None = None,
    log: Callable[[str], None] = print,
    **settings,
) -> dict[str, Any]:
    """Search for the settings with which a model does best on held-out data, and return them.

    `out` receives trials.log, trials.csv, importance.png (what mattered), and in best/ the run of the best trial. A search that
    is there goes on until there are `trials` trials.

    Args:
        name: Name of a preset or an architecture.
        data: Data sets to learn from.
        out: Folder of the search.
        validation: Data sets by which trials are judged. Never the test set: the best of 30 draws is too good by chance.
        trials: Trials in all, pruned ones included.
        space: Field -> (low, high) or a list of choices. A field is one of the model's Config or, after "training.", of
            TrainConfig. Defaults to SPACE.
        seed: Seed of the search; each trial has the seed of its settings.
        cluster: Address of a Ray cluster, as `zoo.cluster.transcribe` takes it, whose nodes run trials at the same time. They
            share `out`. None ends early there.
        log: Called with each line of progress.
        **settings: Arguments of `train` that all trials share, such as epochs=10. `init` is "none", random weights, unless given:
            bundled ones may know the validation data.

    Returns:
        {"value": the best validation figure, "settings": field -> value, "trial": its number}.

    Raises:
        ZooError: If Optuna is not installed, or for a space or number of trials that cannot be.

    >>> tune("ds_cnn", ["fsdd:fit"], "tuned", validation=["fsdd:validation"], trials=20, epochs=5)  # doctest: +SKIP
    """
    if not find_spec("optuna"):
        raise ZooError('`tune` needs optuna, which is not installed: pip install "speech-zoo[tune]".')
    import optuna

    check_whole("trials", trials)
    if not validation:
        raise ZooError("`validation` must name the data by which trials are judged. Received none.")
    out, space, settings = Path(out), dict(space or SPACE), {"init": "none"} | settings
    task, _ = class_and_config(name, **(settings.get("model_config") or {}))
    _check_space(name, space)
    out.mkdir(parents=True, exist_ok=True)
    _note(out, {"name": name, "data": [*data], "validation": [*validation], "space": space, "settings": settings})
    study = _study(out, name, seed, cluster is not None)
    ended, mine = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED), set()

    shared = {"name": name, "data": data, "validation": validation, **settings}

    def begin(trial) -> tuple[Path, str, dict]:
        mine.add(folder := out.absolute() / f"trial-{trial.number}")
        return folder, task.metric, _arguments(trial, space, shared)

    def objective(trial) -> float:
        folder, metric, chosen = begin(trial)
        value = _trial(folder, metric, chosen | {"callbacks": [_Report(trial, metric)]})
        if value is None:
            raise optuna.TrialPruned
        return value

    def done(study, trial) -> None:
        folder, best = out / f"trial-{trial.number}", _best(study)
        state = f"{trial.value:.2f} {task.metric}" if trial.value is not None else trial.state.name.lower()
        shown = ", ".join(f"{field}={_short(value)}" for field, value in trial.params.items())
        log(f"trial {trial.number + 1} of {trials}: {state}; {shown}" + (f" (best {best.value:.2f})" if best else ""))
        if best and best.number == trial.number:
            shutil.rmtree(out / "best", ignore_errors=True)
            folder.rename(out / "best")
        shutil.rmtree(folder, ignore_errors=True)

    try:
        if (left := trials - len(study.get_trials(states=ended))) > 0:
            if cluster is None:
                enough = optuna.study.MaxTrialsCallback(trials, states=ended)
                study.optimize(objective, n_trials=left, callbacks=[done, enough])
            else:
                _on_cluster(study, begin, left, cluster, done)
    finally:
        for folder in mine:  # of a trial that was interrupted; another process may be at others
            shutil.rmtree(folder, ignore_errors=True)
    _write(study, out)
    best = _best(study)
    if best is None:
        raise ZooError(f"`trials` must leave one that ends; all of {trials} were pruned or failed.")
    return {"value": best.value, "settings": dict(best.params), "trial": best.number}


def _study(out: Path, name: str, seed: int, together: bool):
    """Begins a search, or goes on with the one in `out`."""
    import optuna
    from optuna.storages import JournalStorage, journal

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(journal.JournalFileBackend(str(out / "trials.log")))
    pruner = optuna.pruners.MedianPruner(FIRST, n_warmup_steps=1)
    study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True, pruner=pruner)
    # A search that goes on, or on which another process works too, must not draw what was drawn before.
    seed = (seed + len(study.trials)) % 2**32
    study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=together)
    return study


def _arguments(trial, space: Mapping[str, Any], shared: dict) -> dict:
    """The arguments of `train` for a trial: what all share, and values drawn from the space."""
    found, config = dict(shared), dict(shared.get("model_config") or {})
    for field, among in space.items():
        place = found if field.startswith("training.") else config
        place[field.removeprefix("training.")] = _suggest(trial, field, among)
    return found | {"model_config": config}


def _trial(folder: Path, metric: str, arguments: dict) -> float | None:
    """Trains once, and returns the best validation figure; None where the loss did not stay finite."""
    try:
        train(out=folder, resume=True, log=lambda line: None, **arguments)  # a node that died may have begun
    except DivergedError:
        return None
    return min(row[metric] for row in read_curves(folder))


def _numbered(number: int, *given) -> tuple[int, float | None]:
    return number, _trial(*given)


def _on_cluster(study, begin: Callable, left: int, address: str, done: Callable) -> None:
    """Runs trials on the nodes of a cluster; each is chosen when a node has room, by the results so far."""
    from optuna.trial import TrialState

    def calls():
        for _ in range(left):
            trial = study.ask()
            yield trial.number, *begin(trial)

    with connected(address):
        for number, value in in_any_order(_numbered, calls(), ahead=1):
            study.tell(number, value, state=TrialState.PRUNED if value is None else None)
            done(study, study.trials[number])


def _note(out: Path, request: dict) -> None:
    """Keeps what a search is for in its folder. Raises ZooError where the folder holds another one."""
    request = json.loads(json.dumps(request, default=str))
    path = out / "tune.json"
    if path.exists() and (found := differences(read_json(path, "A search's request"), request)):
        raise ZooError(f"`out` must be a new folder or hold the same search; {out} holds one with {found}.")
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(request, indent=2), encoding="utf-8")


class _Report(keras.callbacks.Callback):
    """Tells a trial the figure of each epoch, and ends it where the others were better."""

    def __init__(self, trial, metric: str):
        super().__init__()
        self.trial, self.metric = trial, metric

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        import optuna

        self.trial.report(logs[self.metric], epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def _check_space(name: str, space: Mapping[str, Any]) -> None:
    """Raises ZooError for a field that is neither a range nor a list, or that `train` would refuse."""
    from zoo.training.config import TrainConfig

    for field, among in space.items():
        if isinstance(among, tuple) and len(among) == 2 and among[0] < among[1]:
            ends = among
        elif isinstance(among, list) and among:
            ends = tuple(among)
        else:
            raise ZooError(
                f"`space` must be a range (low, high) or a list of choices for {field}. Received: {among!r}."
            )
        for value in ends:
            if field.startswith("training."):
                with suppress(TypeError):  # of an unknown field, which train names
                    TrainConfig(**{field.removeprefix("training."): value})
            else:
                class_and_config(name, **{field: value})


def _suggest(trial, field: str, among: Any) -> Any:
    if isinstance(among, list):
        return trial.suggest_categorical(field, among)
    low, high = among
    logarithmic = low > 0 and high / low >= LOG_RATIO
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(field, low, high, log=logarithmic)
    return trial.suggest_float(field, low, high, log=logarithmic)


def _best(study):
    """The best trial that ended; None without one."""
    with suppress(ValueError):
        return study.best_trial
    return None


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _write(study, out: Path) -> None:
    """The trials as a table, and a picture of how much each setting mattered (fANOVA, Hutter et al. 2014)."""
    import warnings

    with atomic_write(out / "trials.csv") as partial:
        study.trials_dataframe(("number", "value", "state", "params")).to_csv(partial, index=False)
    ended = [trial for trial in study.trials if trial.value is not None]
    if len(ended) > 3 and len({trial.value for trial in ended}) > 1:
        from optuna.visualization.matplotlib import plot_param_importances

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that these pictures are experimental
            figure = plot_param_importances(study).figure
        with atomic_write(out / "importance.png") as partial:
            figure.savefig(partial, bbox_inches="tight", dpi=120)


def command(
    name: str, data: Sequence[str], validation: Sequence[str], found: dict, more: Sequence[str] = ()
) -> list[str]:
    """The words of the `zoo train` command with the settings that a search found.

    >>> " ".join(command("ds_cnn", ["fsdd"], ["fsdd:validation"], {"settings": {"training.learning_rate": 0.002}}))
    'zoo train ds_cnn --data fsdd --validation fsdd:validation --set training.learning_rate=0.002 --out runs/tuned'
    """
    words = ["zoo", "train", name, *(w for spec in data for w in ("--data", spec))]
    words += [w for spec in validation for w in ("--validation", spec)]
    words += [w for field, value in found["settings"].items() for w in ("--set", f"{field}={value}")]
    return [*words, *more, "--out", "runs/tuned"]
