"""Shared by all tests. Real recordings are used where they are present, and their absence is said, never hidden."""

import gc
import os
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["ZOO_TRACEBACK"] = "1"  # what the command line did not expect fails a test

import numpy as np
import pytest

# Graphs of many models lie about, and to look through them all for garbage again and again took a twentieth of the time.
gc.set_threshold(20_000, 20, 50)

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "data" / "samples"


def _data_folder() -> Path | None:
    """Where the archives of the real data sets lie: ZOO_DATA, or beside the checkout as in continuous integration."""
    for folder in (os.environ.get("ZOO_DATA"), ROOT.parent / "shared" / "data"):
        if folder and Path(folder).is_dir():
            return Path(folder).absolute()
    return None


if _data_folder():
    os.environ["ZOO_DATA"] = str(_data_folder())


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the real archives; tests that need it skip without it."""
    folder = _data_folder()
    if folder is None:
        pytest.skip("real recordings are not here: set ZOO_DATA to a folder with the archives (data/README.md)")
    return folder


@contextmanager
def without_graphs():
    """Operation by operation, under TensorFlow: to trace a network for a single batch takes longer than the batch."""
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def eager():
    """A whole test `without_graphs`."""
    with without_graphs():
        yield


@pytest.fixture
def here(monkeypatch):
    """Exported files are converted in this process: a child of its own takes five seconds to begin."""
    from zoo import export

    def convert(format, source, made, quantize):
        export._convert(format, str(source), str(made), quantize)

    monkeypatch.setattr(export, "_convert_in_child", convert)


@contextmanager
def refused(argument: str, error: type[Exception] | None = None):
    """The block raises a ZooError (or `error`) of one sentence that leads with `argument`; the wording is free."""
    from zoo.errors import ZooError

    with pytest.raises(error or ZooError) as caught:
        yield caught
    assert caught.value.argument == argument, str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def samples() -> list[Path]:
    """The bundled clips."""
    return sorted(SAMPLES.glob("*.wav"))


@pytest.fixture(scope="module")
def small_model():
    """lstm_ctc with few units and fresh weights, the same in every run: quick to build, to fit and to save."""
    import keras

    import zoo

    keras.utils.set_random_seed(0)
    return zoo.load("lstm_ctc", weights=None, units=8, layers=1)


@pytest.fixture(scope="session")
def shipped():
    """lstm_ctc with its bundled weights; do not train it."""
    import zoo

    return zoo.load("lstm_ctc")


@pytest.fixture(scope="session")
def fresh():
    """Each acoustic model in full size with fresh weights, built once; do not train it."""
    import keras

    import zoo

    models = {}

    def get(name):
        if name not in models:
            keras.utils.set_random_seed(0)
            models[name] = zoo.load(name, weights=None)
            for weight in models[name].weights:
                # Batch normalisation that has seen no batch divides by 1, and behind nine of them nothing is left.
                if weight.path.endswith("moving_variance"):
                    weight.assign(np.full(weight.shape, 0.05, "float32"))
        return models[name]

    return get


SMALL = {"units": 16, "filters": 16, "layers": 1, "blocks": 2}  # fields that make a model small, where it has them


def small(name: str, **changes):
    """A model with fresh weights, as small as its Config allows."""
    import keras

    import zoo
    from zoo.registry import architecture

    has = {field.name for field in fields(architecture(name).config)}
    keras.utils.set_random_seed(0)
    return zoo.load(name, weights=None, **({key: n for key, n in SMALL.items() if key in has} | changes))


def clips_of(*seconds: float, rate: int = 16000) -> list[np.ndarray]:
    """Noise that swells and fades; each clip is quieter than the one before."""
    rng = np.random.default_rng(0)
    counts, levels = [int(n * rate) for n in seconds], np.logspace(-1, -3, len(seconds))
    return [
        (level * rng.standard_normal(n) * np.sin(np.arange(n) / 700)).astype("float32")
        for n, level in zip(counts, levels, strict=True)
    ]


def batch_of(model, clips: list[np.ndarray]) -> tuple[dict, np.ndarray | None]:
    """(x, y) to fit: for each clip letters to write, a class, a clean waveform, or nothing."""
    from zoo.tasks import Recognizer, pad

    waveform, lengths = pad(clips, model.config.sample_rate, (0.5,))
    if isinstance(model, Recognizer):
        ids = np.resize([[3, 4, 4], [5, 6, 0]], (len(clips), 3)).astype("int32")
    else:
        ids = np.arange(len(clips), dtype="int32") % len(getattr(model, "labels", [0]))
    clean = (waveform + np.roll(waveform, 1, axis=1)) / 2  # half as loud in the high bands
    return {"waveform": waveform, "lengths": lengths}, model.batch_target(ids, clean)


def outputs(model, x: dict) -> dict[str, np.ndarray]:
    """All that a model gives for a batch."""
    return {name: np.asarray(value) for name, value in model.predict_on_batch(x).items()}


def main_output(found: dict):
    """The output that a model is there for."""
    return found["logits" if "logits" in found else "reconstruction"]
