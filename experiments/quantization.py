"""What smaller weights cost: `python -m experiments.quantization [--json FILE]`."""

import json
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import zoo
from experiments._common import main
from zoo.datasets.spec import DataSpec
from zoo.errors import ZooError
from zoo.export import export
from zoo.runtime import METADATA, read_metadata

CALIBRATION = 100  # clips of the training split, for full_int8
NAIVE = "int8, front end too"  # what a converter does that is not told to leave the mel filters in float
KINDS = (None, "float16", "int8", "full_int8", NAIVE)


def quantization(models: tuple[str, ...] = (), fast: bool = False, log: Callable = print) -> list[dict]:
    """Size, error and time of every recognizer and classifier as a LiteRT file: in float32, with 16-bit and 8-bit weights, and convolutional ones
    in 8 bits throughout. The error is that of AN4's test set, or the first data set on the card (100 less accuracy); the time is per clip of it, on
    one thread, features included and decoding too.
    """
    every = [name for task in ("transcription", "classification") for name in zoo.list_models(task=task)]
    rows = []
    for name in models or (every[-3:-2] if fast else every):
        model, results = zoo.load(name), zoo.card(name).results
        result = next((result for result in results if (result.data, result.split) == ("an4", "test")), results[0])
        test = str(DataSpec.parse(result.data, result.split))
        for kind in KINDS[: 2 if fast else None]:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    clips = calibration(model, result.data) if kind == "full_int8" else ()
                    path = export(
                        model, "litert", Path(folder) / "model.tflite", None if kind == NAIVE else kind, clips
                    )
                    if kind == NAIVE:
                        quantize_all(path)
                except ZooError as error:  # loops cannot be in 8 bits throughout
                    log(f"{name}, {kind}: {error}")
                    continue
                start = time.process_time()
                (found, *_) = zoo.evaluate(zoo.load(path), test)
                seconds = time.process_time() - start
                row = {
                    "model": name,
                    "kind": kind or "float32",
                    "data": test,
                    "mb": round(path.stat().st_size / 1e6, 3),
                }
            value = 100 - found.value if found.metric == "accuracy" else found.value
            row |= {"metric": "error" if found.metric == "accuracy" else found.metric, "value": round(value, 2)}
            rows.append(row | {"ms": round(1000 * seconds / found.utterances, 2), "clips": found.utterances})
            log(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    return rows


def quantize_all(path: Path) -> None:
    """Quantizes the weights of a LiteRT file, those of the front end too."""
    from ai_edge_quantizer import quantizer, recipe

    about, made = read_metadata(path), path.with_name("naive.tflite")
    work = quantizer.Quantizer(str(path))
    work.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    work.quantize().export_model(str(made))
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(METADATA, json.dumps(about))
    made.replace(path)


def calibration(model, data: str) -> list:
    """Clips of the training split, evenly from all of it."""
    utterances = DataSpec.parse(data, "train").load()
    return [u.audio(model.config.sample_rate) for u in utterances[:: max(1, len(utterances) // CALIBRATION)]]


if __name__ == "__main__":
    main(quantization)
