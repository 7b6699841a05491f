"""What every registered architecture must do. A new model file is tested by being there.

Cheap properties are tried with all of them; dear ones with `REPRESENTATIVES`, and with the others in `make test-all`.
"""

import json
from dataclasses import asdict, is_dataclass
from functools import cache

import keras
import numpy as np
import pytest
from conftest import SMALL, batch_of, clips_of, main_output, outputs, refused, small

import zoo
from zoo import tasks
from zoo.errors import UnknownNameError, WeightsError
from zoo.loading import save_weights
from zoo.registry import architecture, architectures
from zoo.tasks import Autoencoder, Classifier, Recognizer, SpeechDetector, compile_model, pad

# A recognizer with LSTMs, convolutions with batch normalisation, attention, a model within a model, a y of waveforms.
REPRESENTATIVES = ("lstm_ctc", "ds_cnn", "attention", "vae", "denoising_autoencoder")
TWO = REPRESENTATIVES[:2]
every_model = pytest.mark.parametrize("name", architectures())


def chosen(fast: tuple[str, ...]):
    """All architectures, those not in `fast` marked slow."""
    marked = [pytest.param(name, marks=() if name in fast else pytest.mark.slow) for name in architectures()]
    return pytest.mark.parametrize("name", marked)


chosen_models, two_models = chosen(REPRESENTATIVES), chosen(TWO)
eager = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def answers(fresh):
    """(clips, outputs of their batch) of each model, computed once."""
    found = {}

    def get(name):
        if name not in found:
            model = fresh(name)
            clips = clips_of(0.5, 0.2, rate=model.config.sample_rate)
            found[name] = clips, outputs(model, batch_of(model, clips)[0])
        return found[name]

    return get


@pytest.fixture(scope="module")
def tiny():
    """Each model in small, built once; do not train it."""
    return cache(small)


def cut(model, found: dict, row: int) -> dict:
    """What was found for one clip of a batch, cut to its true frames."""
    ends = {key: int(found[of][row]) for key, of in model.frames.items() if key in found and of in found}
    return {key: value[row][: ends[key]] if key in ends else value[row] for key, value in found.items()}


def assert_same(found: dict, wanted: dict, atol: float = 1e-4):
    assert found.keys() == wanted.keys()
    for key, value in found.items():
        assert np.shape(value) == np.shape(wanted[key]), key
        np.testing.assert_allclose(value, wanted[key], rtol=1e-5, atol=atol, err_msg=key)


# --- all architectures


@every_model
def test_builds_and_has_a_card(name, fresh):
    model, card = fresh(name), zoo.card(name)
    assert type(model) is getattr(tasks, model.architecture.task) and model.architecture.name == model.name == name
    assert is_dataclass(model.config) and model.config.__dataclass_params__.frozen
    assert (card.architecture, card.task, card.sample_rate) == (name, model.task, model.config.sample_rate)
    assert card.sources and all(source.get("url") for source in card.sources) and card.licence and card.limits
    json.dumps(asdict(model.config))  # what a .keras file and run.json must hold


@every_model
def test_hasattr_tells_what_a_model_can_do(name, fresh):
    model = fresh(name)
    able = [hasattr(model, method) for method in ("transcribe", "classify", "reconstruct", "detect")]
    has = [hasattr(model, "vocabulary"), hasattr(model, "labels"), "code" in model.output]
    assert able == [*has, not any(has)] and sum(able) == 1
    assert [hasattr(model, method) for method in ("align", "saliency", "encode", "probabilities")] == able
    assert hasattr(model, "embed") == hasattr(model, "verify") == ("embedding" in model.output)
    assert hasattr(model, "sample") == hasattr(model, "interpolate") == ("divergence" in model.output)
    assert hasattr(model, "stream") == hasattr(model.config, "latency_seconds")
    assert hasattr(model, "denoise") == hasattr(model.config, "strength")


@eager
@every_model
def test_outputs(name, fresh, answers):
    model, (clips, found) = fresh(name), answers(name)
    assert all(np.isfinite(value).all() for value in found.values()) and main_output(found).dtype == "float32"
    for key, lengths in model.frames.items():
        if key in found and lengths in found:
            assert found[lengths].shape == (2,) and 1 <= found[lengths].min()
            assert found[lengths].max() <= found[key].shape[1]
    if isinstance(model, Autoencoder):
        assert found["log_mel"].shape == found["reconstruction"].shape == (2, *found["log_mel"].shape[1:])
        assert found["log_mel"].shape[2] == model.config.n_mels
        assert -model.config.range_db <= found["log_mel"].min() and -5 < found["log_mel"].max() <= 0
    if isinstance(model, Classifier):
        assert found["logits"].shape == (2, len(model.labels))
    if isinstance(model, Recognizer):
        assert found["logits"].shape[::2] == (2, len(model.vocabulary))
        seconds = np.array([len(clip) / model.config.sample_rate for clip in clips])
        off = found["lengths"] * model.config.frame_seconds - seconds
        assert np.abs(off).max() <= 1.5 * model.config.frame_seconds
    if "attention" in found:
        for weights, n in zip(found["attention"], found["lengths"], strict=True):
            assert weights.min() >= 0 and not weights[n:].any() and weights.sum() == pytest.approx(1, abs=1e-5)
    if "embedding" in found:
        np.testing.assert_allclose(np.linalg.norm(found["embedding"], axis=1), 1, rtol=1e-5)


@eager
@every_model
def test_neither_the_batch_nor_padding_matters(name, fresh, answers):
    model, (clips, together) = fresh(name), answers(name)
    alone = model.infer(clips[1:], model.config.sample_rate)[0]  # padded to a second, not to half a one
    assert_same(cut(model, together, 1), alone)


@eager
@every_model
def test_the_level_of_a_recording_does_not_matter(name, fresh, answers):
    model, (clips, _) = fresh(name), answers(name)
    if hasattr(model, "stream"):
        pytest.skip("a stream cannot know how loud the rest of the recording will be")
    found = outputs(model, batch_of(model, [clips[0], 0.03 * clips[0]])[0])
    loud, quiet = cut(model, found, 0), cut(model, found, 1)
    assert loud.pop("peak", 0) == pytest.approx(quiet.pop("peak", 0) + 30.46, abs=0.1) or "log_mel" not in loud
    assert_same(loud, quiet, atol=2e-2)


@eager
@every_model
def test_silence_and_clips_shorter_than_a_window(name, fresh):
    model, c = fresh(name), fresh(name).config
    clips = [np.ones(n, "float32") for n in (1, c.hop_length - 1, c.hop_length, c.win_length, c.n_fft - 1)]
    found = outputs(model, batch_of(model, [*clips, np.zeros(3000, "float32")])[0])
    assert all(np.isfinite(value).all() for value in found.values())
    assert "lengths" not in found or found["lengths"].min() >= 1


@every_model
def test_config_changes(name):
    with pytest.raises(UnknownNameError, match="n_mels"):
        zoo.load(name, weights=None, n_mel=1)
    with refused("n_mels", WeightsError):  # with bundled weights
        zoo.load(name, n_mels=41)


# --- learning


@eager
@chosen_models
def test_fit_evaluate_save_and_go_on(name, tmp_path):
    model = small(name)
    x, y = batch_of(model, clips_of(0.5, 0.4, 0.3, 0.35, rate=model.config.sample_rate))
    before = [np.array(weight) for weight in model.trainable_weights]
    compile_model(model, keras.optimizers.Adam(5e-3))
    losses = model.fit(x, y, verbose=0, epochs=2).history["loss"]
    assert np.isfinite(losses).all()
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(np.array(weight) - old).max() > 0, f"{weight.path} got no gradient"

    model.save(tmp_path / "mine.keras")
    loaded = zoo.load(tmp_path / "mine.keras")
    assert type(loaded) is type(model) and loaded.architecture is model.architecture
    assert loaded.config == model.config and int(loaded.optimizer.iterations) == 2
    wanted, found = outputs(model, x), outputs(loaded, x)
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        np.testing.assert_array_equal(value, found[key])

    # A clip of weight 0 has no part in the loss, and a class may have an axis of its own.
    whole = float(loaded.compute_loss(x, y, found))
    assert loaded.test_on_batch(x, y, return_dict=True)["loss"] == pytest.approx(whole, rel=1e-4)
    assert float(loaded.compute_loss(x, y, found, sample_weight=np.float32([2, 0, 0, 0]))) != pytest.approx(whole)
    if isinstance(model, Classifier):
        assert float(loaded.compute_loss(x, y[:, None], found)) == pytest.approx(whole)
    loaded.train_on_batch(x, y)
    assert int(loaded.optimizer.iterations) == 3


@eager
@chosen_models
def test_dropout_and_augmentation_only_while_training(name, tiny):
    model = tiny(name)
    x, _ = batch_of(model, clips_of(0.5, 0.4, rate=model.config.sample_rate))
    one, same = (main_output(model.predict_on_batch(x)) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    noisy = [keras.ops.convert_to_numpy(main_output(model(x, training=True))) for _ in range(2)]
    random = any(hasattr(layer, "seed_generator") or hasattr(layer, "generator") for layer in model.layers)
    assert (np.abs(noisy[0] - noisy[1]).max() > 1e-3) == random
    assert random or isinstance(model, Autoencoder)  # which may have no need of it


@eager
@chosen_models
def test_padding_is_no_part_of_the_loss(name, tiny):
    model = tiny(name)
    losses = []
    for width in (0, 4000):
        x, y = batch_of(model, clips_of(0.5, 0.3, rate=model.config.sample_rate))
        x["waveform"] = np.pad(x["waveform"], ((0, 0), (0, width)))
        y = np.pad(y, ((0, 0), (0, width))) if hasattr(model, "denoise") else y
        y = np.pad(y, ((0, 0), (0, width // model.config.hop_length))) if hasattr(model, "detect") else y
        losses.append(float(model.compute_loss(x, y, model(x))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@eager
@pytest.mark.parametrize("policy", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)])
@two_models
def test_half_precision(name, policy):
    """The features and the logits stay single, so loud and quiet clips are told apart and the loss is finite."""
    single = small(name)
    attends = any(isinstance(layer, keras.layers.MultiHeadAttention) for layer in single.layers)
    if attends and policy == "mixed_float16" and keras.backend.backend() == "jax":
        pytest.skip("JAX on a CPU has no attention in float16")
    x, y = batch_of(single, clips_of(0.5, 0.4, rate=single.config.sample_rate))
    whole = main_output(outputs(single, x))
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        model = small(name)
        half = main_output(outputs(model, x))
        loss = model.train_on_batch(x, y, return_dict=True)["loss"]
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert half.dtype == "float32" and np.isfinite(loss)
    # bfloat16 has eight bits; speaker_id's logits are thirty times a cosine.
    np.testing.assert_allclose(half, whole, atol=max(0.05, 0.02 * np.abs(whole).max()))


# --- files


@two_models
def test_weights_in_half_precision(name, tmp_path, fresh):
    model, path = fresh(name), tmp_path / "half.weights.h5"  # a small one's file is all headings
    model.save_weights(tmp_path / "full.weights.h5")
    save_weights(model, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full.weights.h5", "half.weights.h5"]
    assert path.stat().st_size < 0.6 * (tmp_path / "full.weights.h5").stat().st_size
    loaded = zoo.load(name, weights=path)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-3, atol=1e-6)


@two_models
def test_weights_that_do_not_fit_are_refused(name, tmp_path, tiny):
    path = tmp_path / "small.weights.h5"
    save_weights(tiny(name), path)
    with refused("weights", WeightsError):
        zoo.load(name, weights=path)


@pytest.mark.parametrize("name", ["lstm_ctc", "attention_ctc"])
def test_weights_of_a_deeper_model_are_refused(name, tmp_path):
    """Keras would load what it knows and leave the rest unread."""
    path = tmp_path / "deep.weights.h5"
    save_weights(small(name, layers=2), path)
    with refused("weights", WeightsError):
        zoo.load(
            name,
            weights=path,
            **{key: value for key, value in SMALL.items() if hasattr(architecture(name).config, key)},
        )


# --- learning by heart


def spelled(text: str, rate: int) -> np.ndarray:
    """Each letter a tone of its own, 0.12 s long."""
    time = np.arange(int(0.12 * rate)) / rate
    tones = [np.hanning(len(time)) * np.sin(2 * np.pi * (300 + 110 * (ord(letter) - 97)) * time) for letter in text]
    return (0.3 * np.concatenate(tones)).astype("float32")


def understood(model, clips) -> list[str]:
    say = model.transcribe if isinstance(model, Recognizer) else model.classify
    return [str(found) for found in say(clips, sample_rate=model.config.sample_rate)]


# The minis are their full versions in small, as all are here; test_training trains lstm_ctc until it has learnt by heart.
LEARN = [name for name in architectures() if not name.endswith("_mini") and name != "lstm_ctc"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARN)
def test_can_learn_a_few_clips_by_heart(name):
    """Until each text's tones are heard as that text, or given back far better than before."""
    kind = getattr(tasks, architecture(name).task)
    # Two of the words are the same tones in another order.
    texts = ["aku", "uka", "kkk", "auu"] if issubclass(kind, Classifier) else ["abc", "beef", "cd", "face"]
    larger = {"units": 48} if hasattr(architecture(name).config, "units") else {}
    model = small(name, **({"labels": texts} if issubclass(kind, Classifier) else larger))
    rate = model.config.sample_rate
    clips = [spelled(text, rate) for text in texts]
    waveform, lengths = pad(clips, rate)
    x = {"waveform": waveform, "lengths": lengths}
    if isinstance(model, Autoencoder | SpeechDetector):
        noise = 0.05 * np.random.default_rng(0).standard_normal(waveform.shape).astype("float32")
        y = model.batch_target(None, waveform)
        x = x if y is None else x | {"waveform": waveform + noise}
        compile_model(model, keras.optimizers.Adam(5e-3, global_clipnorm=5.0))
        losses = []
        while len(losses) < 120 and (not losses or losses[-1] >= 0.5 * losses[0]):
            losses += model.fit(x, y, epochs=10, batch_size=4, verbose=0).history["loss"]
        assert losses[-1] < 0.5 * losses[0]
        return
    ids = [model.encode_target(text) for text in texts]
    y = np.array([row + [0] * (max(map(len, ids)) - len(row)) for row in ids], "int32")
    x, y = {key: np.repeat(value, 30, axis=0) for key, value in x.items()}, np.repeat(y, 30, axis=0)
    # Batch normalisation wants more than four clips at a time.
    batch_size, rate_of_learning = (12, 4e-3) if isinstance(model, Classifier) else (4, 1e-2)
    compile_model(model, keras.optimizers.Adam(rate_of_learning, global_clipnorm=5.0))
    for _ in range(40):
        model.fit(x, y, batch_size=batch_size, verbose=0)
        if understood(model, clips) == texts:
            break
    assert understood(model, clips) == texts
    if isinstance(model, Recognizer):  # the tones' places are known: word times must lie on the clip
        (word,) = model.transcribe(clips[1], sample_rate=rate).words
        assert 0 <= word.start < word.end <= len(clips[1]) / rate + 0.1 and word.confidence > 0.3


@pytest.mark.slow
def test_a_linear_autoencoder_is_no_better_than_principal_components_and_nearly_as_good(rng):
    """Baldi and Hornik 1989, on frames that lie near a plane."""
    from sklearn.decomposition import PCA

    model = small("autoencoder_mini", relu=False, code=4, units=32)
    frames = (rng.standard_normal((4000, 6)) * [6, 5, 4, 3, 1, 1]) @ rng.standard_normal((6, 100)) / 10
    frames = frames.astype("float32")
    x = given = keras.Input((100,))
    for name in ("encoder_0", "encoder_1", "decoder_0", "decoder_1"):
        x = model.get_layer(name)(x)
    inner = keras.Model(given, x)
    inner.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, 1000)), "mse")
    inner.fit(frames, frames, batch_size=200, epochs=50, verbose=0)
    pca = PCA(4).fit(frames)
    wanted = np.mean(np.square(pca.inverse_transform(pca.transform(frames)) - frames))
    found = np.mean(np.square(inner.predict(frames, verbose=0) - frames))
    assert 0.999 * wanted < found < 1.05 * wanted  # 0.2 dB is 4.7 %


def test_the_divergence_is_that_of_two_normal_distributions(rng):
    """Against its definition, E[log q - log p], by sampling."""
    from zoo.models.vae import KLDivergence

    mean, log_variance = rng.standard_normal((2, 1, 5)).astype("float32")
    found = float(keras.ops.convert_to_numpy(KLDivergence(1.0)(mean, log_variance))[0])
    deviation = np.exp(log_variance / 2)
    points = mean + deviation * rng.standard_normal((400_000, 5))
    log_q = -0.5 * ((points - mean) / deviation) ** 2 - np.log(deviation)
    assert found == pytest.approx(np.mean(np.sum(log_q + 0.5 * points**2, axis=1)), rel=0.02)
