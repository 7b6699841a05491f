"""Shared by all tests. Real recordings are used where they are present, and their absence is said, never hidden."""

import gc
import os
from contextlib import contextmanager
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

    def convert(format, source, made):
        export._convert(format, str(source), str(made))

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
    """Each acoustic model in full size with fresh weights, built once; do not train it.

    `vae` has its bundled ones: to a decoder that knows no words all codes are about as good, and which one least squares
    finds is a matter of rounding.
    """
    import keras

    import zoo

    models = {}

    def get(name):
        if name not in models:
            keras.utils.set_random_seed(0)
            models[name] = zoo.load(name, weights="bundled" if name == "vae" else None)
            for weight in models[name].weights:
                # Batch normalisation that has seen no batch divides by 1, and behind nine of them nothing is left.
                if weight.path.endswith("moving_variance"):
                    weight.assign(np.full(weight.shape, 0.05, "float32"))
        return models[name]

    return get
