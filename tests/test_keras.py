"""A zoo model is a Keras model: what a reader of Keras' guides tries, works, or is refused in a sentence."""

import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import batch_of, clips_of, outputs, refused, small

import zoo
from zoo.errors import ZooError

LABELS = ("a", "b", "c", "d")
eager = pytest.mark.usefixtures("eager")


@pytest.fixture
def model():
    return small("conv2d_mini", filters=4, labels=LABELS)


@pytest.fixture(scope="module")
def batch():
    """Four clips that fill their batch, and their classes."""
    return np.stack(clips_of(0.5, 0.5, 0.5, 0.5, rate=8000)), np.arange(4, dtype="int32")


def full(waveform: np.ndarray) -> dict:
    return {"waveform": waveform, "lengths": np.full(len(waveform), waveform.shape[1], "int32")}


# --- a functional model


def test_summary_lists_every_layer_and_counts_the_weights_alone():
    model, lines = zoo.load("conv2d_mini"), []
    model.summary(print_fn=lines.append, line_length=150)
    text = "\n".join(lines)
    assert all(layer.name in text for layer in model.layers) and len(model.layers) > 8
    assert f"Total params: {model.count_params():,}" in text and "Optimizer" not in text


@eager
def test_layers_inputs_and_shapes(model, batch):
    assert sorted(tensor.name for tensor in model.inputs) == ["lengths", "waveform"]
    assert model.output_shape == (None, 4)  # Keras leaves the name of a single output out
    assert model.get_layer("logits").units == 4
    with pytest.raises(ValueError, match="No such layer"):
        model.get_layer("no_such_layer")
    before = model.get_layer("logits").input
    for inputs in (model.inputs, model.input):  # a list of tensors, or a dict
        part = keras.Model(inputs, before)
        found = np.asarray(part(full(batch[0])))
        logits = found @ model.get_layer("logits").get_weights()[0] + model.get_layer("logits").get_weights()[1]
        np.testing.assert_allclose(logits, outputs(model, full(batch[0]))["logits"], atol=1e-5)


@eager
def test_an_array_alone_is_clips_of_full_length(model, batch):
    waveform, y = batch
    wanted = outputs(model, full(waveform))["logits"]
    for x in (waveform, {"waveform": waveform}):
        np.testing.assert_allclose(np.asarray(model(x)["logits"]), wanted, atol=1e-6)
    np.testing.assert_allclose(model.predict(waveform, verbose=0)["logits"], wanted, atol=1e-6)
    scores = [model.evaluate(x, y, verbose=0, return_dict=True) for x in (waveform, full(waveform))]
    assert scores[0] == pytest.approx(scores[1]) and scores[0]["loss"] > 0
    assert np.isfinite(model.fit(waveform, y, verbose=0).history["loss"]).all()


@eager
def test_clone(model, batch):
    """Keras clones a subclass as a plain functional model."""
    clone = keras.models.clone_model(model)
    assert clone.count_params() == model.count_params()
    clone.set_weights(model.get_weights())
    found = np.asarray(clone(full(batch[0]))["logits"])
    np.testing.assert_allclose(found, outputs(model, full(batch[0]))["logits"], atol=1e-6)


@pytest.mark.slow
def test_export_of_keras_gives_equal_outputs(model, batch, tmp_path):
    tensorflow = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a SavedModel of TensorFlow")
    model.export(tmp_path / "exported", verbose=False)
    exported = tensorflow.saved_model.load(str(tmp_path / "exported"))  # holds the variables
    served = exported.serve(full(batch[0]))["logits"].numpy()
    np.testing.assert_allclose(served, outputs(model, full(batch[0]))["logits"], atol=1e-5)


@pytest.mark.skipif(not shutil.which("dot"), reason="needs graphviz")
def test_plot_model(model, tmp_path):
    pytest.importorskip("pydot")
    keras.utils.plot_model(model, tmp_path / "model.png")
    assert (tmp_path / "model.png").stat().st_size > 1000


# --- losses and metrics


@eager
def test_a_loss_given_to_compile_is_used(model, batch):
    waveform, y = batch
    model.compile("sgd", loss="mse")
    logits, one_hot = outputs(model, full(waveform))["logits"], keras.utils.to_categorical(y, 4)
    found = model.evaluate(waveform, one_hot, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(np.mean((logits - one_hot) ** 2), rel=1e-4) and "accuracy" in found
    assert np.isfinite(model.fit(waveform, one_hot, verbose=0).history["loss"]).all()


@eager
def test_the_usual_loss_and_accuracy_are_those_of_keras(model, batch):
    waveform, y = batch
    weights = np.float32([1, 2, 0, 1])
    own = [model.evaluate(waveform, y, sample_weight=w, verbose=0, return_dict=True) for w in (None, weights)]
    right = outputs(model, full(waveform))["logits"].argmax(axis=1) == y
    assert own[0]["accuracy"] == pytest.approx(right.mean())
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    keras_own = [model.evaluate(waveform, y, sample_weight=w, verbose=0, return_dict=True) for w in (None, weights)]
    assert own[0] == pytest.approx(keras_own[0], rel=1e-5) and own[1] == pytest.approx(keras_own[1], rel=1e-5)
    model.compile(metrics=[keras.metrics.SparseTopKCategoricalAccuracy(4, name="top")])
    assert model.evaluate(waveform, y, verbose=0, return_dict=True)["top"] == 1.0


@eager
def test_regularizers_and_added_losses_count(model, batch):
    waveform, y = batch
    plain = model.evaluate(waveform, y, verbose=0, return_dict=True)["loss"]
    head = model.get_layer("logits")
    head.kernel.regularizer = keras.regularizers.L2(0.5)
    more = 0.5 * float(np.square(head.get_weights()[0]).sum())
    assert model.evaluate(waveform, y, verbose=0, return_dict=True)["loss"] == pytest.approx(plain + more, rel=1e-4)
    for loss in (None, keras.losses.SparseCategoricalCrossentropy(from_logits=True)):
        model.compile("sgd", loss=loss)
        assert model.evaluate(waveform, y, verbose=0, return_dict=True)["loss"] == pytest.approx(plain + more, rel=1e-4)


@eager
def test_a_loss_that_a_layer_adds_counts(batch):
    @keras.saving.register_keras_serializable("test")
    class Adds(keras.layers.Dense):
        def call(self, inputs, training=None):
            self.add_loss(keras.ops.convert_to_tensor(7.0))
            return super().call(inputs)

    model = small("conv2d_mini", filters=4, labels=LABELS)
    plain = model.evaluate(*batch, verbose=0, return_dict=True)["loss"]
    model.get_layer("logits").__class__ = Adds
    assert model.evaluate(*batch, verbose=0, return_dict=True)["loss"] == pytest.approx(plain + 7, rel=1e-4)


@pytest.mark.parametrize("name", ["lstm_ctc", "conv_autoencoder"])
def test_a_loss_or_metric_that_cannot_be_used_is_refused(name):
    model = small(name)
    with refused("loss"):
        model.compile("adam", loss="mse")
    with refused("metrics"):
        model.compile("adam", metrics=["accuracy"])
    with refused("metrics"):
        model.compile("adam", weighted_metrics=["accuracy"])
    model.compile("sgd")


@eager
def test_sample_weights(model, batch):
    waveform, y = batch
    one = model.evaluate(waveform[:1], y[:1], verbose=0, return_dict=True)["loss"]
    both = model.evaluate(waveform[:2], y[:2], sample_weight=np.float32([2, 0]), verbose=0, return_dict=True)["loss"]
    assert both == pytest.approx(one, rel=1e-4)


# --- saving


@eager
def test_freezing_survives_saving_and_loading(model, batch, tmp_path):
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile("sgd")
    model.fit(*batch, verbose=0)
    model.save(tmp_path / "frozen.keras")
    loaded = zoo.load(tmp_path / "frozen.keras")
    assert [weight.path for weight in loaded.trainable_weights] == [weight.path for weight in model.trainable_weights]
    assert {weight.path.split("/")[0] for weight in loaded.trainable_weights} == {"logits"}
    assert int(loaded.optimizer.iterations) == 1 and isinstance(loaded.optimizer, keras.optimizers.SGD)
    assert loaded.fit(*batch, verbose=0).history["loss"]


@eager
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.parametrize("name", ["conv2d_mini", pytest.param("lstm_ctc", marks=pytest.mark.slow)])
def test_quantize_save_and_load(name, tmp_path):
    model = small(name)
    x, _ = batch_of(model, clips_of(0.5, rate=model.config.sample_rate))
    whole = outputs(model, x)["logits"]
    model.quantize("int8")
    wanted = outputs(model, x)["logits"]
    assert 0 < np.abs(wanted - whole).max() < 0.1 * np.abs(whole).max() + 0.1
    model.save(tmp_path / "int8.keras")
    loaded = zoo.load(tmp_path / "int8.keras")
    assert loaded.get_layer("logits").quantization_mode == "int8"
    np.testing.assert_allclose(outputs(loaded, x)["logits"], wanted, atol=1e-6)


@eager
def test_keras_loads_what_was_saved(model, batch, tmp_path):
    model.save(tmp_path / "mine.keras")
    loaded = keras.models.load_model(tmp_path / "mine.keras")
    assert type(loaded) is type(model) and loaded.labels == LABELS
    wanted = outputs(model, full(batch[0]))["logits"]
    np.testing.assert_array_equal(outputs(loaded, full(batch[0]))["logits"], wanted)


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import keras, zoo", "import zoo, keras, zoo.tasks"])
def test_keras_loads_it_in_another_process(model, imports, tmp_path):
    model.save(tmp_path / "mine.keras")
    code = f"{imports}; print(keras.models.load_model({str(tmp_path / 'mine.keras')!r}).labels)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.strip() == str(LABELS), done.stderr[-2000:]


def test_weights_of_keras_own_format(model, tmp_path):
    model.save_weights(tmp_path / "mine.weights.h5")
    other = small("conv2d_mini", filters=4, labels=LABELS)
    other.get_layer("logits").kernel.assign(np.zeros(other.get_layer("logits").kernel.shape))
    other.load_weights(tmp_path / "mine.weights.h5")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_without_y_is_told_what_it_needs():
    model = small("denoising_autoencoder")
    with refused("y", ZooError):
        model.compute_loss({"waveform": np.zeros((1, 9)), "lengths": np.array([9])}, None, {})
