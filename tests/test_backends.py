"""JAX and PyTorch do what TensorFlow does, and JAX needs no TensorFlow.

Each test is a process of its own, since Keras chooses its backend when it is imported. TensorFlow is absent there: importing it
fails as it does where it is not installed.
"""

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

import zoo

pytest.importorskip("jax")
pytestmark = pytest.mark.skipif(keras.backend.backend() == "jax", reason="these tests start JAX themselves")

TESTS = Path(__file__).parent
TORCH = os.environ.get("ZOO_TORCH", "")  # folder into which .ci/run installs it, out of the way of all other tests
KINDS = "ds_cnn or stream or attention_ctc or vae or denoising or speaker_id"  # a model of each
PYTEST = """
    import sys
    import pytest
    sys.modules["tensorflow"] = None
    status = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]])
    assert sys.modules["tensorflow"] is None
    sys.exit(status)
"""


@pytest.mark.slow
def test_stages_under_torch():
    """The pinned answers of a model of each kind; one of each loss is fitted, evaluated and saved."""
    if not (importlib.util.find_spec("torch") or os.path.isdir(f"{TORCH}/torch")):
        pytest.skip("torch is not installed (speech-zoo[torch])")
    learning = "fit_evaluate and (ds_cnn or attention_ctc or vae or denoising)"
    path = os.pathsep.join([str(TESTS.parent), os.environ.get("PYTHONPATH", ""), TORCH])
    environment = os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": path}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{TESTS}/test_reference.py"]
    command += [f"{TESTS}/test_models.py", "-k", f"pinned and ({KINDS}) or {learning}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TESTS.parent)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]


def under_jax(code: str, *arguments, cache: Path | None = None) -> str:
    """The output of `code` under JAX, without TensorFlow. In `cache` lie programs that need not be compiled again."""
    environment = os.environ | {
        "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), os.environ.get("PYTHONPATH", "")]),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # a third of the time that compiling takes, which is most of it
    }  # fmt: skip
    if cache:
        environment |= {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TESTS.parent)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Programs that one process has compiled, the next need not."""
    return tmp_path_factory.mktemp("jax")


def test_pinned_answers_under_jax():
    """One model in the fast set; one of each kind in the slow one."""
    assert "1 passed" in under_jax(PYTEST, f"{TESTS}/test_reference.py", "-k", "ds_cnn")


# What hangs on the backend, once. Several files in one process: to start JAX takes longer than most of these tests.
PINNED = f"pinned and ({KINDS} or lstm_lm and not sentences) and not ds_cnn"
LEARNING = "fit_evaluate and ds_cnn"
FEATURES = "librosas and not filters and not scale or single_calls"
# Without what is about Keras, and arithmetic: each number of frames and labels is compiled for seconds.
LAYERS = " and ".join(
    f"not {name}" for name in ("long_clips", "keras_own_loss", "sum_over", "padding_of", "nothing_said", "no_symbols")
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["features.py"], FEATURES),
        (["layers.py", "losses.py", "language.py::test_the_network_learns_and_sums_to_one"], LAYERS),
        (["models.py", "reference.py"], f"{PINNED} or {LEARNING}"),
    ],
    ids=["features", "layers, losses, language", "models"],
)
def test_stages_under_jax(files, chosen, cache):
    paths = [f"{TESTS}/test_{name}" for name in files]
    assert " passed" in under_jax(PYTEST, "-k", chosen, *paths, cache=cache)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for name, seconds in (("a", 1.3), ("b", 0.4), ("c", 1.9)):
        samples = 0.1 * rng.standard_normal(int(16000 * seconds)) * np.sin(np.arange(int(16000 * seconds)) / 900)
        soundfile.write(folder / f"{name}.wav", samples, 16000, subtype="FLOAT")
    return folder


@pytest.mark.slow
def test_trains_and_saves_under_jax_for_tensorflow(clips, tmp_path, cache):
    """Learnt under JAX, saved as .keras and .weights.h5, loaded here."""
    code = """
        import sys
        sys.modules["tensorflow"] = None
        from pathlib import Path
        import keras
        import numpy as np
        import zoo
        from zoo.loading import save_weights
        keras.utils.set_random_seed(0)
        model = zoo.load("lstm_ctc", weights=None, units=8, layers=1)
        waveform = np.random.default_rng(0).standard_normal((2, 16000)).astype("float32")
        x, y = {"waveform": waveform, "lengths": np.array([16000, 9000], "int32")}, np.array([[3, 4], [5, 0]], "int32")
        losses = [model.fit(x, y, verbose=0).history["loss"][0] for _ in range(10)]
        assert losses[-1] < losses[0]
        model.save(sys.argv[1])
        save_weights(model, sys.argv[2])
        np.savez(sys.argv[4], *model.logits(sorted(map(str, Path(sys.argv[3]).glob("*.wav")))))
    """
    under_jax(code, tmp_path / "m.keras", tmp_path / "m.weights.h5", clips, tmp_path / "found.npz", cache=cache)
    logits = zoo.load(tmp_path / "m.keras").logits(sorted(map(str, clips.glob("*.wav"))))
    with np.load(tmp_path / "found.npz") as found:
        for ours, name in zip(logits, found.files, strict=True):
            np.testing.assert_allclose(ours, found[name], atol=1e-4)
    zoo.load("lstm_ctc", weights=tmp_path / "m.weights.h5", units=8, layers=1)


@pytest.mark.slow
def test_a_run_goes_on_bit_for_bit_under_jax(tmp_path, cache):
    rng = np.random.default_rng(0)
    for word, hertz in (("yes", 300), ("no", 800)):
        (tmp_path / "words" / word).mkdir(parents=True)
        for take in range(3):
            tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(9000) / 16000) + 0.01 * rng.standard_normal(9000)
            soundfile.write(tmp_path / "words" / word / f"{take}.wav", tone, 16000)
    code = """
        import sys
        sys.modules["tensorflow"] = None
        import keras
        import numpy as np
        from zoo.training import train
        folder = sys.argv[1]
        spec = f"folder:all,source={folder}/words"

        def run(name, log=lambda line: None):
            train("lstm_ctc", [spec], f"{folder}/{name}", validation=[spec], init=None, resume=name == "again",
                  epochs=2, batch_size=3, log=log, model_config={"units": 8, "layers": 1})

        run("whole")
        begin = keras.callbacks.CallbackList.on_epoch_begin

        def stop(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt
            return begin(self, epoch, logs)

        keras.callbacks.CallbackList.on_epoch_begin = stop
        try:
            run("stopped")
        except KeyboardInterrupt:
            pass
        keras.callbacks.CallbackList.on_epoch_begin = begin
        import os
        os.rename(f"{folder}/stopped", f"{folder}/again")
        run("again")
        with np.load(f"{folder}/whole/state.npz") as a, np.load(f"{folder}/again/state.npz") as b:
            assert all(np.array_equal(a[key], b[key]) for key in a.files if key != "history")
    """
    under_jax(code, tmp_path, cache=cache)
