"""Classifiers on microcontrollers: `python -m experiments.microcontroller [--models ds_cnn] [--json FILE]`.

The C header of each, run by the interpreter of TensorFlow Lite for Microcontrollers on this machine (pip install tflite-micro; no real
device is at hand), or by LiteRT's reference kernels without it. Features are computed here. Flash is the array; RAM the smallest arena
in which the interpreter starts, without its code.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import zoo
from experiments._common import main
from experiments.quantization import calibration
from zoo import microcontroller
from zoo.datasets.spec import DataSpec

MODELS = ("ds_cnn", "ds_cnn.small")
CLIPS = 200


def microcontrollers(models: tuple[str, ...] = (), fast: bool = False, log: Callable = print) -> list[dict]:
    """Flash and RAM in kB of classifiers as C arrays, and how many of 200 clips of FSDD's test they answer as the float network does and as
    LiteRT does with the same integers."""
    rows = []
    for name in models or MODELS[: 1 if fast else None]:
        model = zoo.load(name)
        utterances = DataSpec.parse("fsdd:test", "test").load()
        utterances = [utterances[i] for i in np.linspace(0, len(utterances) - 1, 20 if fast else CLIPS).astype(int)]
        clips = [utterance.audio(model.config.sample_rate) for utterance in utterances]
        with tempfile.TemporaryDirectory() as folder:
            path = microcontroller.export_c(model, Path(folder) / "model.h", calibration(model, "fsdd"))
            content = microcontroller.array_in(path)
        pictures = microcontroller.pictures(model, clips, model.config.sample_rate)
        runtime, logits, arena = on_device(content, pictures)
        reference = by_litert(content, pictures)
        whole, texts = np.array(model.logits(clips, model.config.sample_rate)), [u.text for u in utterances]
        found = logits.argmax(axis=1)
        rows.append({
            "model": name, "runtime": runtime, "clips": len(clips), "flash_kb": round(len(content) / 1e3, 1), "ram_kb": arena and round(arena / 1e3, 1),
            "as_float": int((found == whole.argmax(axis=1)).sum()), "as_litert": int((found == reference.argmax(axis=1)).sum()),
            "right": int(sum(model.labels[i] == text for i, text in zip(found, texts, strict=True))),
            "right_float": int(sum(model.labels[i] == text for i, text in zip(whole.argmax(axis=1), texts, strict=True))),
            "largest_difference": int(np.abs(logits.astype(int) - reference).max()),
        })  # fmt: skip
        log(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    return rows


def quantized(pictures: np.ndarray, details: dict) -> np.ndarray:
    """Pictures as the integers of an interpreter's input."""
    scale, zero = details["scale"], details["zero"]
    return np.clip(np.round(pictures / scale) + zero, -128, 127).astype("int8")


def on_device(content: bytes, pictures: np.ndarray) -> tuple[str, np.ndarray, int | None]:
    """(name of the interpreter, int8 logits (clips, classes), bytes of its arena)."""
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        return "LiteRT, reference kernels", by_litert(content, pictures, reference=True), None

    def interpreter(arena):
        return runtime.Interpreter.from_bytes(content, arena_size=arena)

    low, high = 1000, 400_000  # one that is too small raises
    while high - low > 100:
        middle = (low + high) // 2
        try:
            interpreter(middle)
            high = middle
        except Exception:
            low = middle
    made, logits = interpreter(high), []
    about = made.get_input_details(0)["quantization_parameters"]
    details = {"scale": about["scales"][0], "zero": about["zero_points"][0]}
    for picture in quantized(pictures, details):
        made.set_input(picture[None], 0)
        made.invoke()
        logits.append(made.get_output(0)[0])
    return "tflite-micro", np.array(logits), high


def by_litert(content: bytes, pictures: np.ndarray, reference: bool = False) -> np.ndarray:
    """int8 logits (clips, classes) by LiteRT."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    made, logits = Interpreter(model_content=content, experimental_op_resolver_type=kind), []
    made.allocate_tensors()
    (given,), (out,) = made.get_input_details(), made.get_output_details()
    scale, zero = given["quantization"]
    for picture in quantized(pictures, {"scale": scale, "zero": zero}):
        made.set_tensor(given["index"], picture[None])
        made.invoke()
        logits.append(made.get_tensor(out["index"])[0])
    return np.array(logits)


if __name__ == "__main__":
    main(microcontrollers)
