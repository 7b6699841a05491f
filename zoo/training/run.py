"""The folder of a training run: refused, begun, resumed, and what it ends with."""

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from zoo.errors import DataError, ZooError, first_line
from zoo.files import atomic_write, read_json
from zoo.tasks import SpeechModel
from zoo.training.callbacks import BEST, CURVES, PICTURE, STATE

REQUEST = "run.json"
WRITTEN = (STATE, BEST, CURVES, PICTURE, "model.keras", "tensorboard")  # what a run writes into its folder


class Run:
    """The folder of a run, checked. `with run:` begins or resumes it.

    A run that fails before its first epoch is whole leaves nothing behind, so that the mended command finds a new folder;
    Ctrl-C leaves it to be resumed. Two runs at once in one folder are refused.

    ZooError where the folder `out` cannot be written to, holds a run that is not to be resumed or was asked for differently
    (`request`), or holds a file that the run would write over.
    """

    def __init__(self, out: str | Path, request: dict, resume: bool = False):
        self.out, self.request = Path(out), json.loads(json.dumps(request))
        _check_writable(self.out)
        self.lock = FileLock(self.out / ".lock", blocking=False)
        self.resumed = self._resumes(resume)

    def _resumes(self, resume: bool) -> bool:
        """Whether there is a run to go on with. Raises ZooError where that was not asked for."""
        if not (self.out / REQUEST).exists():
            if existing := [name for name in WRITTEN if (self.out / name).exists()]:
                rule = "must hold nothing that the run would write"
                raise ZooError(f"`out` {rule}. Received: {self.out}, with {', '.join(existing)}.")
            return False
        if not resume:
            rule = "must be a new folder, or a run to go on with by resume=True (--resume)"
            raise ZooError(f"`out` {rule}. Received: {self.out}, a run.")
        if found := differences(self._read(), self.request):
            best = self.out / ("model.keras" if (self.out / "model.keras").exists() else BEST)
            more = f" (for more, start a new run with --init {best})" if "epochs" in found else ""
            raise ZooError(f"`resume` goes on with the settings of the run; {self.out} has {found}{more}.")
        return True

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to resume."""
        return self._read().get("finished", False)

    def finish(self) -> None:
        """Notes that training has ended."""
        self._write(self._read() | {"finished": True})

    def _read(self) -> dict:
        return read_json(self.out / REQUEST, "A run's settings")

    def _write(self, settings: dict) -> None:
        with atomic_write(self.out / REQUEST) as partial:
            partial.write_text(json.dumps(settings, indent=2))

    def __enter__(self) -> "Run":
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            self.lock.acquire()
        except Timeout:
            raise ZooError(f"`out` must be a folder in which no other run goes on. Received: {self.out}.") from None
        if not self.resumed:
            self._resumes(False)  # another run may have begun and ended while the data were loaded
            self._write(self.request | {"argv": sys.argv})
        return self

    def __exit__(self, kind, error, traceback) -> None:
        with suppress(PermissionError):  # Windows, where the lock removes its file itself
            Path(self.lock.lock_file).unlink(missing_ok=True)
        self.lock.release()
        if kind and issubclass(kind, Exception) and not self.resumed and not (self.out / STATE).exists():
            shutil.rmtree(self.out / "tensorboard", ignore_errors=True)
            for name in (REQUEST, *WRITTEN):  # none of them was there before
                with suppress(OSError):
                    (self.out / name).unlink(missing_ok=True)
            with suppress(OSError):  # it was there before, with something else in it
                self.out.rmdir()

    def best(self, model: SpeechModel) -> SpeechModel:
        """The model, with the weights of its best epoch. Raises DataError where the file is lost or damaged."""
        try:
            model.load_weights(self.out / BEST)
        except Exception as error:
            fault = f"{self.out / BEST}, which is lost or damaged: {first_line(error)}"
            raise DataError(f"Best weights must be in {fault}") from error
        return model


class Follower:
    """The folder of a run that another host writes: this one reads it, where it is resumed."""

    def __init__(self, out: str | Path, request: dict, resume: bool = False):
        self.out, self.resumed = Path(out), resume and (Path(out) / STATE).exists()

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to resume."""
        return self.resumed and read_json(self.out / REQUEST, "A run's settings").get("finished", False)

    def finish(self) -> None:
        """Nothing: the other host notes it."""

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *error) -> None:
        pass

    def best(self, model: SpeechModel) -> SpeechModel:
        """The model as it is, after the last epoch."""
        return model


def differences(before: dict, asked: dict) -> str:
    """Says which values two descriptions of a run, `before` and now `asked` for, do not share; "" for none.

    >>> differences({"name": "lstm", "settings": {"epochs": 3}}, {"name": "lstm", "settings": {"epochs": 5}})
    'epochs 3, not 5'
    """
    found = []
    for key, value in asked.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            nested = differences(old, {name: value.get(name) for name in {**old, **value}})
            found += [nested] if nested else []
        elif old != value:
            found.append(f"another {key}" if dict in (type(old), type(value)) else f"{key} {old}, not {value}")
    return ", ".join(found)


def _check_writable(out: Path) -> None:
    """Said before the data are loaded. Raises ZooError."""
    parent = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        why = "is a file" if not parent.is_dir() else "cannot be written to"
        raise ZooError(f"`out` must be a folder that can be written to. Received: {out}; {parent} {why}.")
