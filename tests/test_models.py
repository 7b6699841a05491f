"""What every registered architecture must do. A new model file is tested by being there."""

import json
import shutil
import sys
from dataclasses import asdict, fields, is_dataclass
from functools import partial

import keras
import numpy as np
import pytest
import soundfile
from conftest import without_graphs

import zoo
from zoo.decoding import beam_search
from zoo.errors import AudioError, DataError, MissingFileError, UnknownNameError, WeightsError, ZooError
from zoo.model import TIMED, SpeechModel, _batches, compile_model, pad, save_weights
from zoo.registry import architecture, language_models

NAMES = [name for name in zoo.list_models() if name not in language_models()]
WRITERS = [name for name in NAMES if architecture(name).task == "transcription"]
CLASSIFIERS = [name for name in NAMES if architecture(name).task == "classification"]
AUTOENCODERS = [name for name in NAMES if architecture(name).task in ("reconstruction", "denoising")]
SMALL = {"units": 16, "filters": 16, "layers": 1, "blocks": 2}  # fields that make a model small, where it has them
MAIN = {
    "transcription": "logits",
    "classification": "logits",
    "reconstruction": "reconstruction",
    "denoising": "reconstruction",
}
every_model = pytest.mark.parametrize("name", NAMES)
every_writer = pytest.mark.parametrize("name", WRITERS)
every_classifier = pytest.mark.parametrize("name", CLASSIFIERS)
every_autoencoder = pytest.mark.parametrize("name", AUTOENCODERS)


def small(name, sizes=SMALL, **changes) -> SpeechModel:
    """A model with fresh weights and those of `sizes` that it has."""
    has = [field.name for field in fields(architecture(name).config)]
    keras.utils.set_random_seed(0)
    return zoo.load(name, weights=None, **({key: n for key, n in sizes.items() if key in has} | changes))


def clips_of(*seconds, rate=16000, seed=0):
    rng = np.random.default_rng(seed)
    levels = np.logspace(-0.5, -3, len(seconds))
    return [
        (level * rng.standard_normal(int(n * rate)) * np.sin(np.arange(int(n * rate)) / 700)).astype("float32")
        for n, level in zip(seconds, levels, strict=True)
    ]


def batch_of(model, clips):
    """(x, y) to fit: for each clip letters to write, a class, the clip itself half as loud in the high bands, or nothing."""
    waveform, lengths = pad(list(clips), model.config.sample_rate)
    y = {
        "transcription": lambda: np.resize([[3, 4, 4], [5, 6, 0]], (len(clips), 3)).astype("int32"),
        "classification": lambda: (np.arange(len(clips)) % len(model.labels)).astype("int32"),
        "denoising": lambda: (waveform + np.roll(waveform, 1, axis=1)) / 2,
        "reconstruction": lambda: None,
    }[model.architecture.task]()
    return {"waveform": waveform, "lengths": lengths}, y


def main(model, found):
    """The output that a model is there for."""
    return found[MAIN[model.architecture.task]]


def rows_of(model, found) -> list[dict]:
    """What was found for each clip, cut to its true frames."""
    cut = []
    for row in range(len(main(model, found))):
        one = {key: value[row] for key, value in found.items()}
        ends = {key: int(one[of]) for key, of in TIMED[model.architecture.task].items() if key in one and of in one}
        cut.append(one | {key: one[key][:end] for key, end in ends.items()})
    return cut


def outputs(model, *clips, width=0):
    """Everything the model gives for clips in one batch, as arrays; the padding is zeros."""
    x, _ = batch_of(model, clips)
    found = model.predict_on_batch(x | {"waveform": np.pad(x["waveform"], ((0, 0), (0, width)))})
    return {key: np.asarray(value) for key, value in found.items()}


def heard(model, clips) -> list[str]:
    """What the model writes, takes each clip for, or gives back to a tenth of a decibel."""
    rate = model.config.sample_rate
    if model.name in AUTOENCODERS:
        return [f"{found.error_db:.1f}" for found in model.reconstruct(clips, rate)]
    say = model.transcribe if model.architecture.task == "transcription" else model.classify
    return [str(found) for found in say(clips, sample_rate=rate)]


def assert_same(found, wanted, atol=1e-4):
    """Two sets of outputs of the same clip, cut to its true frames."""
    assert found.keys() == wanted.keys()
    for key, value in found.items():
        assert value.shape == wanted[key].shape
        np.testing.assert_allclose(value, wanted[key], rtol=1e-5, atol=atol, err_msg=key)


# --- every architecture


@every_model
def test_builds_and_has_a_card(name, fresh):
    model, card = fresh(name), zoo.card(name)
    assert model.name == name and model.architecture.name == name
    assert is_dataclass(model.config) and model.config.__dataclass_params__.frozen
    assert (card.name, card.task, card.sample_rate) == (name, model.architecture.task, model.config.sample_rate)
    assert card.sources and all(source.get("url") for source in card.sources) and card.licence and card.limits
    if card.weights:
        assert card.parameters == model.count_params()
    if card.prior or any("gamma" in weights for weights in card.decoding.values()):
        assert (
            len(card.prior) == len(model.labels)
            and min(card.prior) > 0
            and sum(card.prior) == pytest.approx(1, abs=0.01)
        )
    json.dumps(asdict(model.config))  # what a .keras file and run.json must hold


@every_model
def test_shapes(name, fresh):
    model = fresh(name)
    clips = clips_of(0.9, 0.4, rate=model.config.sample_rate)
    found = outputs(model, *clips)
    if name in AUTOENCODERS:
        assert (
            found["log_mel"].shape
            == found["reconstruction"].shape
            == (2, found["log_mel"].shape[1], model.config.n_mels)
        )
        assert -model.config.range_db <= found["log_mel"].min() and -5 < found["log_mel"].max() <= 0
        assert found["code"].shape[0] == 2 and found["reconstruction"].dtype == "float32"
    else:
        assert found["logits"].shape == (2, *found["logits"].shape[1:-1], len(model.labels))
        assert found["logits"].ndim == (3 if name in WRITERS else 2) and found["logits"].dtype == "float32"
    assert all(np.isfinite(value).all() for value in found.values())
    for key, lengths in TIMED[model.architecture.task].items():
        if key in found and lengths in found:
            assert found[lengths].shape == (2,) and 1 <= found[lengths].min()
            assert found[lengths].max() <= found[key].shape[1]
    if name in WRITERS:
        for clip, n in zip(clips, found["lengths"], strict=True):
            seconds = len(clip) / model.config.sample_rate
            assert abs(n * model.config.frame_seconds - seconds) <= 1.5 * model.config.frame_seconds
    if "attention" in found:
        for weights, n in zip(found["attention"], found["lengths"], strict=True):
            assert weights.min() >= 0 and not weights[n:].any() and weights.sum() == pytest.approx(1, abs=1e-5)
    if "embedding" in found:
        assert found["embedding"].shape == (2, model.config.units)
        np.testing.assert_allclose(np.linalg.norm(found["embedding"], axis=1), 1, rtol=1e-5)


@every_model
def test_a_batch_equals_single_calls(name, fresh):
    model = fresh(name)
    rate = model.config.sample_rate
    clips = clips_of(0.9, 1.7, 0.35, 1.4, rate=rate)
    for clip, together in zip(clips, model.outputs(clips, rate), strict=True):
        assert_same(together, model.outputs([clip], rate)[0])
    assert heard(model, clips) == [heard(model, [clip])[0] for clip in clips]


@every_model
def test_more_padding_changes_nothing(name, fresh):
    model = fresh(name)
    clips = clips_of(0.5, 0.9, rate=model.config.sample_rate)
    narrow, wide = outputs(model, *clips), outputs(model, *clips, width=model.config.sample_rate)
    for cut in zip(rows_of(model, narrow), rows_of(model, wide), strict=True):
        assert_same(*cut)


@every_model
def test_the_level_of_a_recording_does_not_matter(name, fresh):
    model = fresh(name)
    if hasattr(model.config, "latency_seconds"):
        pytest.skip("a stream cannot know how loud the rest of the recording will be")
    rate = model.config.sample_rate
    (clip,) = clips_of(0.9, rate=rate)
    loud, quiet = (model.outputs([clip * 10 ** (level / 20)], rate)[0] for level in (0, -30))
    for found in (loud, quiet):
        found.pop("peak", None)  # which is the level
    assert_same(loud, quiet, atol=2e-2)


@every_model
def test_clips_shorter_than_a_window(name, fresh):
    config = fresh(name).config
    samples = (1, config.hop_length - 1, config.hop_length, config.win_length, config.n_fft - 1)
    found = outputs(
        fresh(name), *clips_of(*(n / config.sample_rate for n in (*samples, 5000)), rate=config.sample_rate)
    )
    assert all(np.isfinite(value).all() for value in found.values())
    assert "lengths" not in found or found["lengths"].min() >= 1


@pytest.mark.usefixtures("eager")
@every_model
def test_every_weight_learns(name):
    model = small(name)
    x, y = batch_of(model, clips_of(0.8, 0.9, 0.6, 0.7, rate=model.config.sample_rate))
    before = [np.array(weight) for weight in model.trainable_weights]
    compile_model(model, keras.optimizers.SGD(0.1))
    # Twice: a last layer of zeros, as that of vae's correction, lets nothing before it learn in the first step.
    for _ in range(2):
        model.train_on_batch(x, y)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(np.array(weight) - old).max() > 0, f"{weight.path} got no gradient"


def spelled(text: str, rate: int) -> np.ndarray:
    """Each letter a tone of its own, 0.12 s long."""
    time = np.arange(int(0.12 * rate)) / rate
    tones = [np.hanning(len(time)) * np.sin(2 * np.pi * (300 + 110 * (ord(letter) - 97)) * time) for letter in text]
    return (0.3 * np.concatenate(tones)).astype("float32")


def learn_by_heart(model, texts, labels, epochs: int, rate_of_learning: float = 1e-2, batch_size: int = 4):
    """Fit until each text's tones are heard as that text; returns the tones."""
    rate = model.config.sample_rate
    clips = [spelled(text, rate) for text in texts]
    x, _ = batch_of(model, clips)
    x = {key: np.repeat(value, 30, axis=0) for key, value in x.items()}
    compile_model(model, keras.optimizers.Adam(rate_of_learning, global_clipnorm=5.0))
    for _ in range(epochs):
        log = model.fit(x, np.repeat(labels, 30, axis=0), batch_size=batch_size, verbose=0)
        if heard(model, clips) == texts:
            break
    assert heard(model, clips) == texts, log.history
    return clips


@pytest.mark.slow
@every_writer
def test_can_learn_a_few_clips_by_heart(name):
    model, texts = small(name, SMALL | {"units": 48}), ["abc", "beef", "cd", "face"]
    labels = np.zeros((4, 4), "int32")
    for row, text in zip(labels, texts, strict=True):
        row[: len(text)] = model.labels.encode(text)
    clips = learn_by_heart(model, texts, labels, epochs=25)
    # The tones' places are known: word times must lie on the clip.
    (word,) = model.transcribe(clips[1], sample_rate=model.config.sample_rate).words
    assert 0 <= word.start < word.end <= len(clips[1]) / model.config.sample_rate + 0.1 and word.confidence > 0.3


@pytest.mark.slow
@every_classifier
def test_can_learn_a_few_words_by_heart(name):
    """Two of the words are the same tones in another order."""
    texts = ["aku", "uka", "kkk", "auu"]
    # Batch normalisation wants more than four clips at a time.
    learn_by_heart(small(name, labels=tuple(texts)), texts, np.arange(4, dtype="int32"), 40, 4e-3, batch_size=12)


@every_model
def test_fit_evaluate_predict_save_and_go_on(name, tmp_path):
    model = small(name)
    x, y = batch_of(model, clips_of(0.6, 0.9, rate=model.config.sample_rate))
    compile_model(model, keras.optimizers.Adam(1e-2))
    losses = model.fit(x, y, verbose=0, epochs=12).history["loss"]
    assert np.mean(losses[-3:]) < np.mean(losses[:3]) and np.isfinite(losses).all()
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    assert len(main(model, model.predict(x, verbose=0))) == 2
    # A class may have an axis of its own; a clip of weight 0 has no part in the loss.
    found = model(x)
    both, first = (
        float(model.compute_loss(x, y, found, sample_weight=weight)) for weight in (None, np.array([2, 0], "float32"))
    )
    assert both != pytest.approx(first)
    if name in CLASSIFIERS:
        assert float(model.compute_loss(x, y[:, None], found)) == pytest.approx(both)
    model.save(tmp_path / "mine.keras")
    loaded = zoo.load(str(tmp_path / "mine.keras"))
    assert int(loaded.optimizer.iterations) == 12
    with without_graphs():
        assert np.isfinite(loaded.fit(x, y, verbose=0).history["loss"]).all()


@pytest.mark.usefixtures("eager")
@every_model
def test_dropout_and_augmentation_only_while_training(name):
    model = small(name)
    x, _ = batch_of(model, clips_of(0.7, rate=model.config.sample_rate))
    one, same = (main(model, model.predict_on_batch(x)) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    noisy = [keras.ops.convert_to_numpy(main(model, model(x, training=True))) for _ in range(2)]
    random = any(hasattr(layer, "seed_generator") or hasattr(layer, "generator") for layer in model.network.layers)
    assert (np.abs(noisy[0] - noisy[1]).max() > 1e-3) == random
    assert random or name in AUTOENCODERS  # which may have no need of it


# --- saving and loading


@pytest.mark.parametrize(
    ("name", "policy"),
    [(name, "mixed_float16") for name in NAMES]
    + [(name, "mixed_bfloat16") for name in ("attention", "lstm_ctc", "vae")],
)
def test_half_precision(name, policy, request):
    """The features and the logits stay single, so loud and quiet clips are still told apart and the loss is finite."""
    if name not in ("lstm_ctc", "attention", "ds_cnn"):  # some as they are trained, in a graph
        request.getfixturevalue("eager")
    # An untrained decoder of vae moves by less than eight bits show; test_reconstruction.py tries the shipped one.
    make = partial(small, name, newton_steps=0) if name == "vae" else partial(small, name)
    clips, single = clips_of(0.7, 0.5, rate=architecture(name).config.sample_rate), make()
    attends = any(isinstance(layer, keras.layers.MultiHeadAttention) for layer in single.network.layers)
    if attends and policy == "mixed_float16" and keras.backend.backend() == "jax":
        pytest.skip("JAX on a CPU has no attention in float16")
    whole = main(single, outputs(single, *clips))
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        model = make()
        half = main(model, outputs(model, *clips))
        loss = model.train_on_batch(*batch_of(model, clips))
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert half.dtype == "float32" and np.isfinite(loss)
    # bfloat16 has eight bits; speaker_id's logits are sixteen times a cosine.
    np.testing.assert_allclose(half, whole, atol=max(0.05, 0.02 * np.abs(whole).max()))


@pytest.mark.usefixtures("eager")
@every_model
def test_saved_and_loaded(name, tmp_path):
    model = small(name)
    model.save(tmp_path / "mine.keras")
    loaded = zoo.load(tmp_path / "mine.keras")
    assert loaded.config == model.config and loaded.architecture is model.architecture
    clips = clips_of(0.5, 0.9, rate=model.config.sample_rate)
    wanted, found = outputs(model, *clips), outputs(loaded, *clips)
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        np.testing.assert_array_equal(value, found[key])


@every_model
def test_shipped_weights_are_half_as_large_and_nearly_equal(name, tmp_path, fresh):
    model, path = fresh(name), tmp_path / "half.weights.h5"  # a small one's file is all headings
    model.save_weights(tmp_path / "full.weights.h5")
    save_weights(model, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full.weights.h5", "half.weights.h5"]
    assert path.stat().st_size < 0.6 * (tmp_path / "full.weights.h5").stat().st_size
    loaded = zoo.load(name, weights=path)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-3, atol=1e-6)


def _changes(model) -> dict:
    default = asdict(model.architecture.config)
    return {key: value for key, value in asdict(model.config).items() if value != default[key]}


@every_model
def test_bundled_weights_with_one_byte_changed_are_refused(name, tmp_path, monkeypatch, fresh):
    card, model = sys.modules["zoo.card"], fresh(name)  # `zoo.card` is the function
    monkeypatch.setattr(card, "WEIGHTS", tmp_path)
    path = tmp_path / f"{name}.weights.h5"
    save_weights(model, path)
    about = {"file": path.name, "sha256": card.sha256(path), "bytes": path.stat().st_size, "commands": []}
    shutil.copytree(card.CARDS, tmp_path / "cards")
    monkeypatch.setattr(card, "CARDS", tmp_path / "cards")
    text = (tmp_path / "cards" / f"{name}.toml").read_text(encoding="utf-8")
    text = text.split("[weights]")[0] + "\n[weights]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in about.items())
    (tmp_path / "cards" / f"{name}.toml").write_text(text, encoding="utf-8")
    assert zoo.load(name).count_params() == model.count_params()

    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(WeightsError, match="sha256 is the card's"):
        zoo.load(name)
    path.unlink()
    with pytest.raises(WeightsError, match="is missing"):
        zoo.load(name)


@pytest.mark.usefixtures("eager")
@every_model
def test_weights_that_do_not_fit_are_refused(name, tmp_path):
    model, path = small(name), tmp_path / "small.weights.h5"
    save_weights(model, path)
    with pytest.raises(WeightsError, match=f"does not fit {name}"):
        zoo.load(name, weights=path)


def test_damaged_weights_are_refused(tmp_path):
    name, model, path = "ds_cnn", small("ds_cnn"), tmp_path / "small.weights.h5"
    save_weights(model, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WeightsError, match="does not fit"):
        zoo.load(name, weights=path, **_changes(model))
    path.write_text("no weights")
    with pytest.raises(WeightsError, match="does not fit"):
        zoo.load(name, weights=path, **_changes(model))
    with pytest.raises(MissingFileError, match="there is no file"):
        zoo.load(name, weights=tmp_path / "none.weights.h5")


def test_weights_bring_their_labels(tmp_path):
    """Ten words of one's own have the shapes of the ten digits, and must not be called so."""
    path, words = tmp_path / "mine.weights.h5", tuple("abcdefghij")
    save_weights(zoo.load("conv2d_mini", weights=None, labels=words), path)
    assert zoo.load("conv2d_mini", weights=path).labels.class_names == words
    assert zoo.load("conv2d_mini", weights=path, labels=list(words)).labels.class_names == words
    with pytest.raises(
        WeightsError, match="labels are those that the weights were saved with; mine.weights.h5 has .'a'"
    ):
        zoo.load("conv2d_mini", weights=path, labels=words[::-1])
    save_weights(zoo.load("conv2d_mini", weights=None), path)
    with pytest.raises(WeightsError, match="labels are those that the weights were saved with"):
        zoo.load("conv2d_mini", weights=path, labels=words)


def test_called_with_an_array_it_says_what_it_takes():
    for call in (small("ds_cnn"), partial(small("ds_cnn").predict, verbose=0)):
        with pytest.raises(
            ZooError, match="A model is called with .'waveform': .batch, samples.*classify and transcribe"
        ):
            call(np.zeros((1, 8000), "float32"))


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(architecture(name).config, "layers")])
def test_weights_of_a_deeper_model_are_refused(name, tmp_path):
    save_weights(small(name, layers=2), tmp_path / "deep.weights.h5")
    with pytest.raises(WeightsError, match="does not fit"):
        zoo.load(name, weights=tmp_path / "deep.weights.h5", **_changes(small(name)))


@every_model
def test_config_changes(name):
    model = small(name)
    assert model.count_params() < 100_000
    valid = fields(model.config)[0].name
    with pytest.raises(UnknownNameError, match=f"no config field of {name} named '{valid}s': did you mean .*{valid}"):
        zoo.load(name, weights=None, **{valid + "s": 1})
    with pytest.raises(WeightsError, match="pass weights=None"):
        zoo.load(name, **{valid: 1})


@pytest.mark.parametrize(
    "config", [{"dropout": 2.0}, {"vocabulary": "aa"}, {"vocabulary": ""}, {"win_length": 600}, {"n_mels": 0}]
)
def test_a_config_that_cannot_be_built_is_a_sentence(config):
    with pytest.raises(ZooError) as caught:
        zoo.load("lstm_ctc", weights=None, **config)
    assert "\n" not in str(caught.value)


def test_a_keras_file_brings_all_it_needs(tmp_path):
    model, path = small("lstm_ctc"), tmp_path / "mine.keras"
    model.save(path)
    loaded = zoo.load("lstm_ctc", weights=path)  # as `zoo transcribe --weights` has it
    assert loaded.config == model.config
    assert loaded.jit_compile == (keras.backend.backend() == "jax")
    for arguments in ({"weights": None}, {"units": 5}):
        with pytest.raises(ZooError, match="load mine.keras by its path alone"):
            zoo.load(path, **arguments)
    with pytest.raises(WeightsError, match="holds lstm_ctc, not lstm_ctc with units"):
        zoo.load("lstm_ctc", weights=path, units=5)
    with pytest.raises(ZooError, match="received True"):
        zoo.load("lstm_ctc", weights=True)


def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    model = small("lstm_ctc")
    variable = model.trainable_variables[0]
    variable.assign(np.full(variable.shape, 1e6))
    with pytest.raises(WeightsError, match="nothing was saved"):
        save_weights(model, tmp_path / "m.weights.h5")
    assert not list(tmp_path.iterdir())


def test_no_word_ends_after_its_clip(fresh):
    transcript = fresh("lstm_ctc").transcribe(np.ones(1000, "float32"), sample_rate=16000)
    assert transcript.duration == 1000 / 16000
    for size in (0, 2.5, "a"):
        with pytest.raises(ZooError, match=f"batch_size={size!r}"):
            fresh("lstm_ctc").transcribe(np.zeros(1600), sample_rate=16000, batch_size=size)


def test_a_keras_file_with_code_in_it_is_refused(tmp_path):
    layer = keras.layers.Lambda(lambda x: x * 2)
    keras.Sequential([keras.Input((3,)), layer]).save(tmp_path / "code.keras")
    with pytest.raises(WeightsError, match=r"no Lambda layers\); code.keras was refused"):
        zoo.load(tmp_path / "code.keras")


def test_keras_files_that_hold_no_zoo_model_are_refused(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    with pytest.raises(WeightsError, match="holds a Sequential"):
        zoo.load(tmp_path / "other.keras")
    whole = (tmp_path / "other.keras").read_bytes()
    for name, data in (("half.keras", whole[: len(whole) // 2]), ("empty.keras", b""), ("text.keras", b"hello")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(WeightsError, match=f"{name} is damaged"):
            zoo.load(tmp_path / name)
    with pytest.raises(MissingFileError, match="there is no file"):
        zoo.load(tmp_path / "none.keras")


def test_unknown_models_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean lstm_"):
        zoo.load("lstm-ctc")


# --- transcribe


@every_writer
def test_transcribe_takes_one_or_many(name):
    model, clips = small(name), clips_of(0.8, 0.3)
    one, many = model.transcribe(clips[0], sample_rate=16000), model.transcribe(clips, sample_rate=16000)
    assert one.text == many[0].text and len(many) == 2
    assert model.transcribe([], sample_rate=16000) == []
    assert one.duration == pytest.approx(0.8, abs=2 * model.config.frame_seconds)
    # 8 kHz is resampled; what is said does not depend on the order of the batch.
    assert model.transcribe(clips[0][::2], sample_rate=8000).duration == pytest.approx(one.duration, abs=0.1)
    assert model.transcribe(clips[::-1], 16000)[1].text == one.text
    with pytest.raises(ZooError, match="needs its sample rate"):
        model.transcribe(clips)


@every_writer
def test_beam_search_by_name(name):
    model, clips = small(name), clips_of(0.9, 0.4)
    assert model.transcribe(clips, sample_rate=16000) == model.transcribe(clips, sample_rate=16000, decoder="greedy")
    allowed = model.transcribe(clips, sample_rate=16000, allow=["yes", "no"], n_best=3)
    again = model.transcribe(clips, sample_rate=16000, allow=(word for word in ("yes", "no")), n_best=3)
    assert again == allowed  # a generator gives its words once
    for transcript, clip in zip(allowed, clips, strict=True):
        assert set(transcript.text.split()) <= {"yes", "no"} and transcript.duration == len(clip) / 16000
        assert len(transcript.alternatives) <= 2 and json.dumps(transcript.to_dict())
    by_name = model.transcribe(clips[0], sample_rate=16000, language_model="ngram_lm", alpha=0.4)
    by_object = model.transcribe(
        clips[0],
        sample_rate=16000,
        decoder="beam",
        **(model.tuned("ngram_lm") | {"alpha": 0.4}),
        language_model=zoo.load("ngram_lm"),
    )
    assert by_name == by_object
    [logits] = model.logits([clips[0]], 16000)
    found = [beam_search(logits, model.labels, gamma=gamma, prior=model.prior)[0].text for gamma in (0.0, 0.7)]
    assert found[0] != found[1]
    for gamma, text in zip((0.0, 0.7), found, strict=True):
        assert model.transcribe(clips[0], sample_rate=16000, decoder="beam", gamma=gamma).text == text
    for options, match in (
        ({"decoder": "bean"}, "did you mean beam"),
        ({"decoder": "greedy", "beam_width": 3}, "Greedy decoding has no options; for beam_width use"),
        ({"beam_with": 3}, "did you mean beam_width"),
        ({"language_model": "ngram"}, "did you mean ngram_lm"),
        ({"language_model": 5}, "received 5"),
        ({"beam_width": 0}, "received beam_width=0"),
    ):
        with pytest.raises(ZooError, match=match):
            model.transcribe(clips, sample_rate=16000, **options)


@every_writer
def test_align(name):
    model, (clip,) = small(name), clips_of(1.2)
    found = model.align(clip, "one two", sample_rate=16000)
    assert found.text == "one two" and 0 <= found.words[0].start < found.words[0].end <= found.words[1].start <= 1.2
    with pytest.raises(DataError, match="the clip has .* frames and the text 60 letters"):
        model.align(clip, "ab" * 30, sample_rate=16000)
    with pytest.raises(DataError, match="'7', number 7 in 'route 7'"):
        model.align(clip, "route 7", sample_rate=16000)
    for text in (None, " "):
        with pytest.raises(DataError, match=f"has words in it; received {text!r}"):
            model.align(clip, text, sample_rate=16000)


# --- reconstruct


@every_autoencoder
def test_reconstruct_takes_one_or_many(name):
    model, clips = small(name), clips_of(0.8, 0.3, rate=8000)
    one, many = model.reconstruct(clips[0], sample_rate=8000), model.reconstruct(clips, sample_rate=8000)
    assert len(many) == 2 and many[0].error_db == pytest.approx(one.error_db, abs=1e-3)
    assert one.log_mel.shape == one.reconstruction.shape and one.band_error_db.shape == (model.config.n_mels,)
    assert np.sqrt(np.mean(np.square(one.band_error_db))) == pytest.approx(one.error_db, rel=1e-5)
    for code, found in zip(model.encode(clips, 8000), many, strict=True):
        np.testing.assert_allclose(code, found.code, atol=1e-5)
    np.testing.assert_allclose(
        model.encode(clips[1], 8000), many[1].code, atol=1e-3
    )  # it is one of least squares in vae
    assert model.reconstruct([], sample_rate=8000) == []
    samples, rate = one.sound(iterations=2)
    assert rate == model.config.sample_rate and np.isfinite(samples).all()
    assert abs(len(samples) - (len(one.log_mel) - 1) * model.config.hop_length) <= model.config.hop_length
    with pytest.raises(ZooError, match=f"classify needs a model for classification; {name} does "):
        model.classify(clips, sample_rate=8000)


@pytest.mark.slow
@every_autoencoder
def test_can_learn_a_clip_by_heart(name):
    """A handful of tones is given back much better than the mean of their frames would be, which is what no code can do."""
    model = small(name, SMALL | {"units": 48})
    rate = model.config.sample_rate
    clips = [spelled(text, rate) for text in ("abc", "beef")]
    x, _ = batch_of(model, clips)
    noisy = x["waveform"] + 0.05 * np.random.default_rng(0).standard_normal(x["waveform"].shape).astype("float32")
    y = x["waveform"] if name == "denoising_autoencoder" else None
    x = x | {"waveform": noisy} if y is not None else x

    def loss():
        found = model.predict_on_batch(x)
        return float(
            model.compute_loss(x, y, {key: keras.ops.convert_to_tensor(value) for key, value in found.items()})
        )

    before = loss()
    compile_model(model, keras.optimizers.Adam(5e-3, global_clipnorm=5.0))
    for _ in range(120):
        model.train_on_batch(x, y)
    assert loss() < 0.4 * before


def test_a_linear_autoencoder_is_no_better_than_principal_components_and_nearly_as_good(rng):
    """Baldi and Hornik 1989, on frames that lie near a plane."""
    from sklearn.decomposition import PCA

    model = small("autoencoder_mini", relu=False, code=4, units=32)
    frames = (rng.standard_normal((4000, 6)) * [6, 5, 4, 3, 1, 1]) @ rng.standard_normal((6, 100)) / 10
    frames = frames.astype("float32")
    x = given = keras.Input((100,))
    for name in ("encoder_0", "encoder_1", "decoder_0", "decoder_1"):
        x = model.network.get_layer(name)(x)
    inner = keras.Model(given, x)
    inner.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, 1000)), "mse")
    inner.fit(frames, frames, batch_size=200, epochs=50, verbose=0)
    pca = PCA(4).fit(frames)
    wanted = np.mean(np.square(pca.inverse_transform(pca.transform(frames)) - frames))
    found = np.mean(np.square(inner.predict(frames, verbose=0) - frames))
    assert 0.999 * wanted < found < 1.05 * wanted  # 0.2 dB is 4.7 %


@every_autoencoder
def test_frames_beyond_a_clip_are_no_part_of_the_loss(name):
    model = small(name)
    clips = clips_of(0.8, 0.4, rate=model.config.sample_rate)
    losses = []
    for width in (0, 4000):
        x, y = batch_of(model, clips)
        x["waveform"] = np.pad(x["waveform"], ((0, 0), (0, width)))
        y = None if y is None else np.pad(y, ((0, 0), (0, width)))
        losses.append(float(model.compute_loss(x, y, model(x))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_sample_and_interpolate():
    model, (a, b) = small("vae"), clips_of(0.5, 0.7, rate=8000)
    width, bands = model.config.width, model.config.n_mels
    assert model.sample(3, seed=1).shape == (3, width, bands)
    np.testing.assert_allclose(model.sample(2, seed=1), model.sample(3, seed=1)[:2], rtol=1e-5)
    assert np.abs(model.sample(1, seed=1) - model.sample(1, seed=2)).max() > 0
    way = model.interpolate(a, b, steps=5, sample_rate=8000)
    assert way.shape == (5, width, bands)
    for end, clip in ((way[0], a), (way[-1], b)):
        np.testing.assert_allclose(end, model.reconstruct(clip, 8000).reconstruction, atol=1e-3)
    with pytest.raises(ZooError, match="received steps=1"):
        model.interpolate(a, b, steps=1, sample_rate=8000)
    with pytest.raises(ZooError, match="count is a whole number from 1 on; received 0"):
        model.sample(0)
    for wrong in ({"count": 2.0}, {"seed": -1}, {"seed": "a"}):
        with pytest.raises(ZooError, match="is a whole number from"):
            model.sample(**wrong)
    assert len(model.sample(np.int64(2))) == 2
    with pytest.raises(ZooError, match="sample needs a model .* such as vae; autoencoder is none"):
        small("autoencoder").sample()
    with pytest.raises(ZooError, match="reconstruct needs an autoencoder, such as conv_autoencoder; conv2d_mini does"):
        small("conv2d_mini").reconstruct(a, 8000)


def test_the_divergence_is_that_of_two_normal_distributions(rng):
    """Against its definition, E[log q - log p], by sampling."""
    from zoo.models.vae import Divergence

    mean, log_variance = rng.standard_normal((2, 1, 5)).astype("float32")
    found = float(keras.ops.convert_to_numpy(Divergence(1.0)(mean, log_variance))[0])
    deviation = np.exp(log_variance / 2)
    points = mean + deviation * rng.standard_normal((400_000, 5))
    log_q = -0.5 * ((points - mean) / deviation) ** 2 - np.log(deviation)
    assert found == pytest.approx(np.mean(np.sum(log_q + 0.5 * points**2, axis=1)), rel=0.02)


def test_denoise_turns_down_by_what_the_network_says(rng):
    model = small("denoising_autoencoder")
    rate = model.config.sample_rate
    clip = clips_of(0.7, rate=rate)[0]
    clip = clip / np.abs(clip).max()
    clean = model.denoise(clip, rate, strength=1.0)
    assert clean.shape == clip.shape and clean.dtype == "float32"
    np.testing.assert_allclose(model.denoise(clip, rate, strength=0.0), clip, atol=1e-4)
    # Untrained it takes half a decibel from everything.
    down = 20 * np.log10(np.linalg.norm(clean) / np.linalg.norm(clip))
    assert -1.0 < down < -0.2
    half = 20 * np.log10(np.linalg.norm(model.denoise(clip, rate, strength=0.5)) / np.linalg.norm(clip))
    assert half == pytest.approx(down / 2, abs=0.05)
    many = model.denoise([clip, clip[:3000], clip[:170]], rate)
    assert [len(one) for one in many] == [len(clip), 3000, 170]
    with pytest.raises(ZooError, match="give the clean waveforms as y; received none"):
        model.compute_loss({"waveform": clip[None], "lengths": np.array([len(clip)])}, None, {})
    with pytest.raises(ZooError, match="received strength=2"):
        model.denoise(clip, rate, strength=2)
    with pytest.raises(ZooError, match="denoise needs a model for denoising; vae does reconstruction"):
        small("vae").denoise(clip, rate)


@every_model
def test_silence_is_no_error(name, fresh):
    model = fresh(name)
    (found,) = model.outputs([np.zeros(8000)], 8000)
    assert all(np.isfinite(value).all() for value in found.values()) and len(heard(model, [np.zeros(8000)])) == 1


# --- classify


@every_classifier
def test_classify_takes_one_or_many(name):
    model = small(name, labels=("yes", "no"))
    rate = model.config.sample_rate
    clips = clips_of(0.8, 0.3, rate=rate)
    one, many = model.classify(clips[0], sample_rate=rate), model.classify(clips, sample_rate=rate)
    assert len(many) == 2 and many[0].label == one.label == str(one)
    assert list(one.probabilities) == ["yes", "no"] and sum(one.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert one.confidence == max(one.probabilities.values()) == one.probabilities[one.label]
    assert json.dumps(one.to_dict())
    assert model.classify([], sample_rate=rate) == []
    assert [found.label for found in model.classify(clips[::-1], rate)] == [found.label for found in many[::-1]]
    # Any rate is resampled.
    twice = model.classify(np.repeat(clips[0], 2), sample_rate=2 * rate)
    assert twice.probabilities.keys() == one.probabilities.keys()
    with pytest.raises(ZooError, match="needs its sample rate"):
        model.classify(clips)
    with pytest.raises(ZooError, match=f"transcribe needs a model for transcription; {name} does classification"):
        model.transcribe(clips, sample_rate=rate)


@every_classifier
def test_clips_longer_than_a_word_are_refused(name, fresh, tmp_path):
    model = fresh(name)
    longest = int(model.config.max_seconds * model.config.sample_rate)
    soundfile.write(tmp_path / "speech.wav", np.full(longest + 8, 0.1), model.config.sample_rate)
    with pytest.raises(AudioError, match=f"{name} hears one word, .* at most 4 s; speech.wav has 4.0 s"):
        model.classify([tmp_path / "speech.wav"])
    with pytest.raises(AudioError, match="a clip has 5.0 s"):
        model.classify(np.ones(5 * 8000), sample_rate=8000)


@every_classifier
def test_saliency(name):
    model = small(name)
    (clip,) = clips_of(0.3, rate=model.config.sample_rate)
    fall = model.saliency(clip, model.config.sample_rate, patch=[np.int64(8), 10])
    frames = model.word_frames(clip, model.config.sample_rate)
    assert fall.shape == frames.shape == (len(frames), model.config.n_mels) and 0 < len(frames) <= 31
    assert np.isfinite(fall).all() and np.abs(fall).max() > 0


@every_classifier
def test_embed(name):
    model = small(name)
    rate = model.config.sample_rate
    clips = clips_of(0.5, 0.8, rate=rate)
    if "embedding" not in model.network.output:
        with pytest.raises(
            ZooError, match=f"embed needs a model with an embedding, such as speaker_id; {name} has none"
        ):
            model.embed(clips, rate)
        return
    prints = model.embed(clips, rate)
    assert prints.shape == (2, model.config.units)
    np.testing.assert_allclose(model.embed(clips[1], rate), prints[1], atol=1e-5)
    with pytest.raises(AudioError, match="hears one word"):
        model.embed(np.ones(5 * 8000), sample_rate=8000)


@pytest.mark.parametrize("labels", [(), ("yes",), ("yes", "yes"), "yes"])
def test_labels_are_at_least_two_distinct_names(labels):
    with pytest.raises(ZooError):
        zoo.load("conv2d_mini", weights=None, labels=labels)


def test_a_writer_does_not_classify():
    for method in ("classify", "saliency"):
        with pytest.raises(ZooError, match=f"{method} needs a model for classification; lstm_ctc does transcription"):
            getattr(small("lstm_ctc"), method)(np.ones(8000), sample_rate=8000)


# --- batches


def test_pad():
    waveform, lengths = pad([np.ones(5, "float32"), np.ones(17000, "float32")], 16000)
    assert waveform.shape == (2, 32000) and waveform.dtype == "float32"
    assert list(lengths) == [5, 17000] and lengths.dtype == "int32"
    assert waveform.sum() == 17005 and waveform[0, 5:].sum() == 0
    assert pad([np.ones(17000)], 16000, (0.5, 1.25, 3.0))[0].shape == (1, 20000)
    assert pad([np.ones(16000)], 16000)[0].shape == (1, 16000)
    widths = {pad([np.ones(n * 1000)], 1000)[0].shape[1] for n in range(1, 121)}
    assert len(widths) < 50  # few shapes, few compilations
    assert all(pad([np.ones(n)], 1000)[0].shape[1] < 1.25 * n + 1000 for n in (1, 999, 5001, 40001, 119999))


def test_batches_hold_each_clip_once_and_are_no_longer_than_they_may_be():
    lengths = list(np.random.default_rng(0).integers(1, 100, size=50) * 1000)
    groups = list(_batches(lengths, 8, 1000, seconds=300))
    assert sorted(i for group in groups for i in group) == list(range(50))
    for group in groups:
        assert len(group) <= 8
        assert len(group) == 1 or max(lengths[i] for i in group) * len(group) <= 300 * 1000
