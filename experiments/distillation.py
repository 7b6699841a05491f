"""A small network that learns from larger ones: `python -m experiments.distillation [--out runs/distillation] [--json FILE]`.

`ds_cnn` with 40 channels in place of 64, trained with and without a teacher on the same data for the same epochs; what is in `out` is not trained
again. Teacher, temperature and share were chosen on the held-out people of spoken_digits. The tests were scored twice: what ships was
trained on after the first time.
"""

from collections.abc import Callable
from pathlib import Path

import zoo
from experiments._common import main
from zoo.training import train
from zoo.training.callbacks import BEST

TEACHER = "attention+conv_lstm+ds_cnn"
SMALL = {"filters": 40}
DATA = ("fsdd:train", "spoken_digits:train", "synthetic_digits:train=0.25,longest=1,count=4000")
SETTINGS = {"epochs": 28, "batch_size": 64, "learning_rate": 0.003, "temperature": 2.0}
MEASURED = ("spoken_digits:validation", "spoken_digits:test", "fsdd:test")


def distillation(out: str = "runs/distillation", fast: bool = False, log: Callable = print) -> list[dict]:
    """Accuracies in percent of the teacher, of ds_cnn, and of a student of half its size alone and taught: on people whom all of them
    have not heard (spoken_digits), and on known ones (fsdd).
    """
    settings = SETTINGS | ({"epochs": 1} if fast else {})
    students = {"student alone": ("alone", None), "student, taught": ("taught", TEACHER)}
    models = {f"teacher: {TEACHER}": zoo.load(TEACHER), "ds_cnn": zoo.load("ds_cnn")}
    for role, (folder, teacher) in students.items():
        best = Path(out) / folder / BEST
        if not best.exists():
            data, validation = DATA[: 1 if fast else None], MEASURED[:1]
            train(
                "ds_cnn",
                data,
                best.parent,
                validation=validation,
                init="none",
                teacher=teacher,
                model_config=SMALL,
                log=log,
                **settings,
            )
        models[role] = zoo.load("ds_cnn", weights=best, **SMALL)
    models["ds_cnn.small: taught, 24 epochs more"] = zoo.load("ds_cnn.small")
    rows = []
    for role, model in models.items():
        for found in zoo.evaluate(model, *MEASURED[: 1 if fast else None]):
            row = {
                "model": role,
                "parameters": model.count_params(),
                "data": f"{found.data}, {found.split}",
                "clips": found.utterances,
            }
            rows.append(row | {key: round(getattr(found, key), 2) for key in ("value", "low", "high")})
            log(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    return rows


if __name__ == "__main__":
    main(distillation)
