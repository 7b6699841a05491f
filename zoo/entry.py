"""`zoo.load`: from a name to a model, under Keras or, for exported files, without it."""

import os
from collections.abc import Sequence
from pathlib import Path

from zoo.errors import ZooError

SUFFIXES = (".tflite", ".onnx")  # of exported files
HUB = "hf://"  # before the name of a repository


def called(path: Path) -> str:
    """What others call a model in a file: the file by its name, or that of its folder where `zoo train` named it."""
    return path.stem if path.stem != "model" else path.absolute().parent.name


def load(
    name: str | os.PathLike,
    weights: str | os.PathLike | None = "bundled",
    labels: Sequence[str] | None = None,
    freeze: bool = False,
    runtime: str | None = None,
    **config,
):
    """A model by the name of a preset, or one saved by `model.save("mine.keras")`; compiled, to use or to fit further.

    With other `labels` than those that the weights were trained for, every layer but the last keeps its weights, and the last
    one is new: the model is ready for `fit`.

    Args:
        name: A name that `list_models()` shows ("conv2d", "conv2d.fsdd"), a path that ends in .keras, or several names with +
            between them, for an ensemble or a mixture of language models; an exported file (.tflite, .onnx); or a
            repository of the Hugging Face Hub, "hf://user/name" or "hf://user/name@revision" (`zoo.hub`).
        weights: "bundled" (checked against the card's sha256), None (fresh), or a .weights.h5 or .keras file of one's own.
        labels: Class names of a classifier, in any script.
        freeze: If True, only the last layer is trained.
        runtime: "litert" loads the preset's exported file, which transcribes or classifies without Keras and TensorFlow, in a
            tenth of the time and memory that they take to start; it cannot be trained. None and "keras" load the Keras model.
        **config: Fields of the architecture's Config to change; with weights only `labels` or `vocabulary`.

    Returns:
        One of the classes in `zoo.tasks`, a `zoo.language.LanguageModel`, or an `ExportedModel`.

    >>> from zoo.audio import bundled
    >>> load("conv2d_mini").count_params()
    16630
    >>> load("lstm", weights=None, units=16).config.units  # untrained, and smaller
    16
    >>> load("ds_cnn", runtime="litert").classify(bundled("seven")).label
    'seven'
    """
    if str(name).startswith(HUB) and runtime in (None, "keras"):
        from zoo.hub import download

        name = download(str(name))
    if runtime not in (None, "keras") or Path(name).suffix in SUFFIXES:
        given = {"weights": weights != "bundled", "labels": labels is not None, "freeze": freeze} | dict.fromkeys(
            config, True
        )
        if wrong := [argument for argument, is_given in given.items() if is_given]:
            raise ZooError(f"`{wrong[0]}` must be left out for an exported model, which is as it is. Received: {name}.")
        from zoo.exported import load_exported

        return load_exported(name, runtime)
    from zoo.loading import load as load_keras

    return load_keras(name, weights, labels, freeze, **config)
