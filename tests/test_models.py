"""What every registered architecture must do. A new model file is tested by being there."""

import json
import shutil
import sys
from dataclasses import asdict, fields, is_dataclass

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import DataError, MissingFileError, UnknownNameError, WeightsError, ZooError
from zoo.model import SpeechModel, _batches, pad, save_weights
from zoo.registry import architecture, language_models

NAMES = [name for name in zoo.list_models() if name not in language_models()]
WRITERS = [name for name in NAMES if architecture(name).task == "transcription"]
SMALL = {"units": 16, "filters": 16, "layers": 1}  # fields that make a model small, where it has them
every_model = pytest.mark.parametrize("name", NAMES)
every_writer = pytest.mark.parametrize("name", WRITERS)


def small(name, **changes) -> SpeechModel:
    has = [field.name for field in fields(architecture(name).config)]
    keras.utils.set_random_seed(0)
    return zoo.load(name, weights=None, **({key: n for key, n in SMALL.items() if key in has} | changes))


@pytest.fixture(scope="module")
def fresh():
    """Each model in full size with fresh weights, built once; do not train it."""
    models = {}

    def get(name):
        if name not in models:
            keras.utils.set_random_seed(0)
            models[name] = zoo.load(name, weights=None)
        return models[name]

    return get


def clips_of(*seconds, rate=16000, seed=0):
    rng = np.random.default_rng(seed)
    levels = np.logspace(-0.5, -3, len(seconds))
    return [
        (level * rng.standard_normal(int(n * rate)) * np.sin(np.arange(int(n * rate)) / 700)).astype("float32")
        for n, level in zip(seconds, levels, strict=True)
    ]


def outputs(model, *clips, width=0):
    """Everything the model gives for clips in one batch, as arrays; the padding is zeros."""
    waveform, lengths = pad(list(clips), model.config.sample_rate)
    waveform = np.pad(waveform, ((0, 0), (0, width)))
    found = model.predict_on_batch({"waveform": waveform, "lengths": lengths})
    return {key: np.asarray(value) for key, value in found.items()}


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
    json.dumps(asdict(model.config))  # what a .keras file and run.json must hold


@every_writer
def test_shapes(name, fresh):
    model = fresh(name)
    clips = clips_of(1.0, 0.4)
    found = outputs(model, *clips)
    assert found["logits"].shape[0] == 2 and found["logits"].shape[2] == len(model.labels)
    assert found["logits"].dtype == "float32" and found["lengths"].shape == (2,)
    assert found["lengths"].max() <= found["logits"].shape[1]
    for clip, n in zip(clips, found["lengths"], strict=True):
        seconds = len(clip) / model.config.sample_rate
        assert abs(n * model.config.frame_seconds - seconds) <= 1.5 * model.config.frame_seconds
    assert np.isfinite(found["logits"]).all()


@every_writer
def test_a_batch_equals_single_calls(name, fresh):
    model = fresh(name)
    clips = clips_of(0.9, 2.3, 0.35, 1.4)
    together, alone = model.logits(clips, 16000), [model.logits([clip], 16000)[0] for clip in clips]
    for a, b in zip(together, alone, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert [t.text for t in model.transcribe(clips, 16000)] == [model.transcribe(c, 16000).text for c in clips]


@every_writer
def test_more_padding_changes_nothing(name, fresh):
    model, clips = fresh(name), clips_of(0.5, 1.1)
    narrow, wide = outputs(model, *clips), outputs(model, *clips, width=30000)
    np.testing.assert_array_equal(narrow["lengths"], wide["lengths"])
    for row, n in enumerate(narrow["lengths"]):
        np.testing.assert_allclose(narrow["logits"][row, :n], wide["logits"][row, :n], atol=1e-4)


@every_writer
def test_the_level_of_a_recording_does_not_matter(name, fresh):
    model, (clip,) = fresh(name), clips_of(1.0)
    loud, quiet = model.logits([clip], 16000)[0], model.logits([clip * 10 ** (-30 / 20)], 16000)[0]
    np.testing.assert_allclose(loud, quiet, atol=2e-2)


@every_writer
@pytest.mark.parametrize("samples", [1, 159, 160, 400, 511])
def test_clips_shorter_than_a_window(name, samples, fresh):
    found = outputs(fresh(name), *clips_of(samples / 16000, 0.5))
    assert found["lengths"][0] >= 1 and np.isfinite(found["logits"]).all()


@every_writer
def test_every_weight_learns(name):
    model, clips = small(name), clips_of(0.8, 1.2)
    waveform, lengths = pad(clips, 16000)
    before = [np.array(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    model.train_on_batch({"waveform": waveform, "lengths": lengths}, np.array([[3, 4, 4], [5, 6, 0]], "int32"))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(np.array(weight) - old).max() > 0, f"{weight.path} got no gradient"


def spelled(text: str, rate: int = 16000) -> np.ndarray:
    """Each letter a tone of its own, 0.12 s long."""
    time = np.arange(int(0.12 * rate)) / rate
    tones = [np.hanning(len(time)) * np.sin(2 * np.pi * (300 + 110 * (ord(letter) - 97)) * time) for letter in text]
    return (0.3 * np.concatenate(tones)).astype("float32")


@pytest.mark.slow
@every_writer
def test_can_learn_a_few_clips_by_heart(name):
    model, texts = small(name, units=48), ["abc", "beef", "cd", "face"]
    clips = [spelled(text) for text in texts]
    waveform, lengths = pad(clips, 16000)
    labels = np.zeros((4, 4), "int32")
    for row, text in zip(labels, texts, strict=True):
        row[: len(text)] = model.labels.encode(text)
    model.compile(keras.optimizers.Adam(1e-2, global_clipnorm=5.0), jit_compile=False)
    for _ in range(10):
        inputs = {"waveform": np.repeat(waveform, 30, axis=0), "lengths": np.repeat(lengths, 30)}
        log = model.fit(inputs, np.repeat(labels, 30, axis=0), batch_size=4, verbose=0)
        if [t.text for t in model.transcribe(clips, 16000)] == texts:
            break
    assert [t.text for t in model.transcribe(clips, 16000)] == texts, log.history
    # The tones' places are known: word times must lie on the clip.
    (word,) = model.transcribe(clips[1], 16000).words
    assert 0 <= word.start < word.end <= len(clips[1]) / 16000 + 0.1 and word.confidence > 0.3


@every_writer
def test_fit_evaluate_predict(name):
    model, clips = small(name), clips_of(0.6, 0.9)
    waveform, lengths = pad(clips, 16000)
    x, y = {"waveform": waveform, "lengths": lengths}, np.array([[3, 4], [5, 0]], "int32")
    losses = [model.fit(x, y, verbose=0).history["loss"][0] for _ in range(6)]
    assert losses[-1] < losses[0] and np.isfinite(losses).all()
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    assert model.predict(x, verbose=0)["logits"].shape[2] == len(model.labels)


@every_writer
def test_dropout_and_augmentation_only_while_training(name):
    model, clips = small(name), clips_of(0.7)
    np.testing.assert_array_equal(model.logits(clips, 16000)[0], model.logits(clips, 16000)[0])
    waveform, lengths = pad(clips, 16000)
    x = {"waveform": waveform, "lengths": lengths}
    quiet, noisy = (keras.ops.convert_to_numpy(model(x, training=t)["logits"]) for t in (False, True))
    assert np.abs(quiet - noisy).max() > 1e-3


# --- saving and loading


@every_model
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(name, policy, monkeypatch):
    """The features and the logits stay single, so loud and quiet clips are still told apart and the loss is finite."""
    clips = clips_of(0.7, 0.5)
    whole = outputs(small(name), *clips)["logits"]
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        model = small(name)
        half = outputs(model, *clips)["logits"]
        waveform, lengths = pad(clips, model.config.sample_rate)
        loss = model.train_on_batch({"waveform": waveform, "lengths": lengths}, np.array([[1, 2], [3, 0]], "int32"))
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert half.dtype == "float32" and np.isfinite(loss)
    np.testing.assert_allclose(half, whole, atol=0.05)


@every_model
def test_saved_and_loaded(name, tmp_path):
    model = small(name)
    model.save(tmp_path / "mine.keras")
    loaded = zoo.load(tmp_path / "mine.keras")
    assert loaded.config == model.config and loaded.architecture is model.architecture
    clips = clips_of(0.5, 1.2)
    for key, value in outputs(model, *clips).items():
        np.testing.assert_array_equal(value, outputs(loaded, *clips)[key])


@every_writer
def test_a_saved_model_goes_on_learning(name, tmp_path):
    model = small(name)
    waveform, lengths = pad(clips_of(0.6, 0.9), 16000)
    x, y = {"waveform": waveform, "lengths": lengths}, np.array([[3, 4], [5, 0]], "int32")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "mine.keras")
    loaded = zoo.load(str(tmp_path / "mine.keras"))
    assert int(loaded.optimizer.iterations) == 1
    assert np.isfinite(loaded.fit(x, y, verbose=0).history["loss"]).all()


@every_model
def test_shipped_weights_are_half_as_large_and_nearly_equal(name, tmp_path):
    # Not so small that the file is all headings.
    model, path = small(name, units=64), tmp_path / "half.weights.h5"
    model.save_weights(tmp_path / "full.weights.h5")
    save_weights(model, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full.weights.h5", "half.weights.h5"]
    assert path.stat().st_size < 0.6 * (tmp_path / "full.weights.h5").stat().st_size
    loaded = zoo.load(name, weights=path, **_changes(model))
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-3, atol=1e-6)


def _changes(model) -> dict:
    default = asdict(model.architecture.config)
    return {key: value for key, value in asdict(model.config).items() if value != default[key]}


@every_model
def test_bundled_weights_with_one_byte_changed_are_refused(name, tmp_path, monkeypatch):
    card = sys.modules["zoo.card"]  # `zoo.card` is the function
    monkeypatch.setattr(card, "WEIGHTS", tmp_path)
    model = zoo.load(name, weights=None)
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


@every_model
def test_weights_that_do_not_fit_are_refused(name, tmp_path):
    model, path = small(name), tmp_path / "small.weights.h5"
    save_weights(model, path)
    with pytest.raises(WeightsError, match=f"does not fit {name}"):
        zoo.load(name, weights=path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WeightsError, match="does not fit"):
        zoo.load(name, weights=path, **_changes(model))
    path.write_text("no weights")
    with pytest.raises(WeightsError, match="does not fit"):
        zoo.load(name, weights=path, **_changes(model))
    with pytest.raises(MissingFileError, match="there is no file"):
        zoo.load(name, weights=tmp_path / "none.weights.h5")


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
    "config", [{"dropout": 2.0}, {"symbols": "aa"}, {"symbols": ""}, {"win_length": 600}, {"n_mels": 0}]
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


def test_no_word_ends_after_its_clip():
    transcript = zoo.load("lstm_ctc", weights=None).transcribe(np.ones(1000, "float32"), sample_rate=16000)
    assert transcript.duration == 1000 / 16000
    with pytest.raises(ZooError, match="batch_size=0"):
        small("lstm_ctc").transcribe(np.zeros(1600), sample_rate=16000, batch_size=0)


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
        with pytest.raises(WeightsError, match=f"{name} was refused"):
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


@every_writer
def test_silence_is_no_error(name, fresh):
    transcript = fresh(name).transcribe(np.zeros(16000), sample_rate=16000)
    assert np.isfinite(transcript.confidence)


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
