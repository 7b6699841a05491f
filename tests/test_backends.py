"""JAX does what TensorFlow does, and needs no TensorFlow: the stage tests again, and all models under both.

Each test is a process of its own, since Keras chooses its backend when it is imported. TensorFlow is absent there:
importing it fails as it does where it is not installed.
"""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

import zoo
from zoo.registry import language_models

pytest.importorskip("jax")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() == "jax", reason="these tests start JAX themselves"),
]

TESTS = Path(__file__).parent
MODELS = [name for name in zoo.list_models() if name not in language_models()]
NO_TENSORFLOW = "import sys; sys.modules['tensorflow'] = None\n"


def under_jax(code: str, *arguments, cache: Path | None = None) -> str:
    """The output of `code` under JAX, without TensorFlow. In `cache` lie programs that need not be compiled again."""
    path = [str(TESTS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(path)}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = (
        "1"  # most of the time goes into compiling, a third of that into these
    )
    if cache:
        environment |= {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    command = [sys.executable, "-c", NO_TENSORFLOW + textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TESTS.parent)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


# What hangs on the backend, and once: each test is ten compilations. That padding changes nothing is seen below, where every
# model hears clips together and alone; here one of each kind learns, and a classifier is evaluated, saved and goes on as well.
OF_FEATURES = "librosas and not filters and not scale or single_calls"
KINDS = (
    "conv_lstm_ctc or stream or conv2d or peephole or attention_ctc or ds_cnn or vae or conv_autoencoder or denoising"
)
OF_MODELS = f"not mini and every_weight_learns and ({KINDS}) or fit_evaluate and ds_cnn"


@pytest.mark.parametrize(
    ("stages", "chosen"),
    [
        (["features.py"], OF_FEATURES),
        # Several in one process: to start JAX takes longer than most of these tests.
        (
            ["layers.py", "losses.py", "augment.py", "language.py::test_the_network_learns_and_sums_to_one"],
            "not long_clips and not keras_own_loss and not sum_over",  # which are about Keras, and arithmetic
        ),
        (["models.py"], OF_MODELS),
    ],
    ids=["features", "layers, losses, augmentation, language", "models"],
)
def test_stages_under_jax(stages, chosen, tmp_path):
    code = """
        import pytest
        status = pytest.main(["-q", "-p", "no:cacheprovider", "-m", "not slow", "-k", *sys.argv[1:]])
        assert sys.modules["tensorflow"] is None
        sys.exit(status)
    """
    # A model that was saved and loaded is compiled no second time.
    cache = tmp_path if stages == ["models.py"] else None
    assert " passed" in under_jax(code, chosen, *(f"{TESTS}/test_{stage}" for stage in stages), cache=cache)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for name, seconds in (("a", 1.3), ("b", 0.4), ("c", 1.9)):
        samples = 0.1 * rng.standard_normal(int(16000 * seconds)) * np.sin(np.arange(int(16000 * seconds)) / 900)
        soundfile.write(folder / f"{name}.wav", samples, 16000, subtype="FLOAT")
    return folder


def files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.glob("*.wav"))


HEAR = """
    from pathlib import Path
    import keras
    import numpy as np
    import zoo
    *models, folder, out = sys.argv[1:]
    paths = sorted(map(str, Path(folder).glob("*.wav")))
    for name in models:
        model = zoo.load(name)
        found = model.outputs(paths)
        for path, one in zip(paths, found):
            for key, value in model.outputs([path])[0].items():
                assert np.abs(value - one[key]).max() < 1e-4 * max(1, np.abs(value).max()), (name, path, key)
        if model.architecture.task == "transcription":
            assert [t.text for t in model.transcribe(paths)] == [model.transcribe(path).text for path in paths]
        arrays = {f"{key} {i}": value for i, one in enumerate(found) for key, value in one.items()}
        np.savez(Path(out) / f"{Path(name).stem}.npz", **arrays)
    print(keras.backend.backend(), sys.modules["tensorflow"])
"""


def assert_same_outputs(model, folder, found: Path):
    with np.load(found) as arrays:
        for i, ours in enumerate(model.outputs(files(folder))):
            assert {f"{key} {i}" for key in ours} == {key for key in arrays if key.endswith(f" {i}")}
            for key, value in ours.items():
                assert value.shape == arrays[f"{key} {i}"].shape
                assert np.abs(value - arrays[f"{key} {i}"]).max() < 1e-4 * max(1, np.abs(value).max()), (
                    model.name,
                    key,
                )


def test_saved_and_shipped_models_are_the_same_under_jax(samples, fresh, tmp_path):
    """All in one process, since JAX takes longer to start than to hear a few clips. Each is saved here, with its shipped weights
    where it has some, and loaded there; one of each task is loaded by its name as well."""
    folder, by_name = tmp_path / "said", ["lstm_ctc", "conv2d", "conv_autoencoder", "denoising_autoencoder"]
    folder.mkdir()
    for sample in samples[::4]:  # two: each length is compiled for each model
        shutil.copy(sample, folder)
    ours = {name: zoo.load(name) if zoo.card(name).weights else fresh(name) for name in MODELS}
    saved = [tmp_path / f"saved-{name}.keras" for name in MODELS]
    for model, path in zip(ours.values(), saved, strict=True):
        model.save(path)
    assert "jax None" in under_jax(HEAR, *saved, *by_name, folder, tmp_path, cache=tmp_path / "programs")
    for name, model in ours.items():
        assert_same_outputs(model, folder, tmp_path / f"saved-{name}.npz")
    for name in by_name:
        assert_same_outputs(ours[name], folder, tmp_path / f"{name}.npz")


def test_trains_and_saves_under_jax_for_tensorflow(clips, tmp_path):
    """Learnt under JAX, saved as .keras and .weights.h5, loaded here."""
    code = """
        import keras
        import numpy as np
        import zoo
        from zoo.model import save_weights
        keras.utils.set_random_seed(0)
        model = zoo.load("lstm_ctc", weights=None, units=8, layers=1)
        x = {"waveform": np.random.default_rng(0).standard_normal((2, 16000)).astype("float32"), "lengths": np.array([16000, 9000], "int32")}
        y = np.array([[3, 4], [5, 0]], "int32")
        losses = [model.fit(x, y, verbose=0).history["loss"][0] for _ in range(10)]
        assert losses[-1] < losses[0]
        model.save(sys.argv[1])
        save_weights(model, sys.argv[2])
        found = model.outputs(sorted(map(str, __import__("pathlib").Path(sys.argv[3]).glob("*.wav"))))
        np.savez(sys.argv[4], **{f"{key} {i}": value for i, one in enumerate(found) for key, value in one.items()})
    """
    under_jax(code, tmp_path / "m.keras", tmp_path / "m.weights.h5", clips, tmp_path / "found.npz")
    assert_same_outputs(zoo.load(tmp_path / "m.keras"), clips, tmp_path / "found.npz")
    zoo.load("lstm_ctc", weights=tmp_path / "m.weights.h5", units=8, layers=1)


def test_the_whole_training_runs_under_jax(tmp_path):
    """`zoo.training.train` with augmentation, a checkpoint and a resumed run: bit for bit, as under TensorFlow."""
    rng = np.random.default_rng(0)
    for word, hertz in (("yes", 300), ("no", 800)):
        (tmp_path / "words" / word).mkdir(parents=True)
        for take in range(3):
            tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(9000) / 16000) + 0.01 * rng.standard_normal(9000)
            soundfile.write(tmp_path / "words" / word / f"{take}.wav", tone, 16000)
    code = """
        import numpy as np
        from zoo import training
        training.load_noise = lambda split: []
        spec, folder = f"folder:all,source={sys.argv[1]}/words", sys.argv[1]
        keep = training._keep

        def stop(model, out, history):
            keep(model, out, history)
            if len(history) == 1 and out.name == "stopped":
                raise KeyboardInterrupt

        def run(name):
            training.train("lstm_ctc", [spec], f"{folder}/{name}", validation=[spec], resume=True, epochs=2, batch_size=3,
                           model_config={"units": 8, "layers": 1})
        run("whole")
        training._keep = stop
        try:
            run("stopped")
        except KeyboardInterrupt:
            run("stopped")
        with np.load(f"{folder}/whole/state.npz") as a, np.load(f"{folder}/stopped/state.npz") as b:
            assert all(np.array_equal(a[key], b[key]) for key in a.files if key != "history")
        training.train("autoencoder", [spec], f"{folder}/frames", validation=[spec], frames=16, epochs=3,
                       learning_rate=3e-3, optimizer="soap")
        errors = [float(line.split(",")[-2]) for line in open(f"{folder}/frames/curves.csv").readlines()[1:]]
        assert errors[2] < errors[0], errors
    """
    under_jax(code, tmp_path)


def test_the_clock_s_rate_is_the_one_that_steps_use_under_jax():
    """A step at the rate 0 changes nothing; under JAX a rate that is not fetched into its state stays what it was."""
    code = """
        import keras
        import numpy as np
        from zoo.training import Clock, TrainConfig

        class Stepwise(Clock):
            AT_FIRST, rates = 1, iter([0.0, 0.0, 1e-2, 1e-2, 0.0, 0.0])

            def gone(self):
                self.last = -np.inf  # each step, not each second
                return 0.5

            def rate(self, gone):
                weights.append(np.array(self.model.trainable_weights[0]))  # after the step before
                return next(self.rates)

        weights = []
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.compile(keras.optimizers.AdamW(1e-3, weight_decay=1e-4), "mse")
        x, y = np.ones((12, 3), "float32"), np.ones((12, 2), "float32")
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[Stepwise(TrainConfig(minutes=1))])
        weights.append(np.array(model.trainable_weights[0]))
        print([bool((a != b).any()) for a, b in zip(weights, weights[1:])])
    """
    assert "[False, False, True, True, False, False]" in under_jax(code)
