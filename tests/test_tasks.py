"""What models do with recordings: transcribe, align, classify, embed, reconstruct, denoise, and several as one."""

import json

import numpy as np
import pytest
import soundfile
from conftest import clips_of, refused, small

import zoo
from zoo import tasks
from zoo.clips import batches
from zoo.decoding import beam_search
from zoo.errors import AudioError, DataError, UnknownNameError, ZooError
from zoo.registry import architecture, architectures
from zoo.tasks import Classifier, Ensemble, pad

WORDS = ("yes", "no", "maybe")
pytestmark = pytest.mark.usefixtures("eager")


def names_with(method: str, fast: tuple[str, ...]) -> list:
    """All architectures whose class has a method; those not in `fast` are slow."""
    names = [name for name in architectures() if hasattr(getattr(tasks, architecture(name).task), method)]
    return [pytest.param(name, marks=() if name in fast else pytest.mark.slow) for name in names]


@pytest.fixture(scope="module")
def recognizer():
    return small("lstm_ctc")


@pytest.fixture(scope="module")
def parts():
    """Three classifiers of the same words."""
    return [
        small("conv2d_mini", filters=4, labels=WORDS),
        small("simple_rnn", labels=WORDS),
        small("conv2d_mini", labels=WORDS),
    ]


@pytest.fixture(scope="module")
def vae():
    return small("vae")


# --- recognizers


@pytest.mark.parametrize("name", names_with("transcribe", ("lstm_ctc",)))
def test_transcribe_takes_one_or_many(name):
    model, clips = small(name), clips_of(0.5, 0.3)
    one, many = model.transcribe(clips[0], sample_rate=16000), model.transcribe(clips, sample_rate=16000)
    assert one.text == many[0].text and len(many) == 2 and one.duration == 0.5
    assert model.transcribe(clips[::-1], 16000)[1].text == one.text  # whatever the order of the batch
    assert all(0 <= word.start < word.end <= one.duration and 0 < word.confidence <= 1 for word in one.words)
    assert json.dumps(one.to_dict())
    # 8 kHz is resampled.
    assert model.transcribe(clips[0][::2], sample_rate=8000).duration == pytest.approx(one.duration, abs=0.1)


def test_clips_are_checked(recognizer):
    clip = clips_of(0.1)[0]
    assert recognizer.transcribe([], 16000) == []
    assert recognizer.transcribe(np.ones(1000, "float32"), sample_rate=16000).duration == 1000 / 16000
    with pytest.raises(AudioError):  # an array has no rate of its own
        recognizer.transcribe([clip])
    for size in (0, 2.5, "a"):
        with refused("batch_size"):
            recognizer.transcribe(clip, sample_rate=16000, batch_size=size)
    with refused("audio"):
        recognizer.infer(clip, 16000)
    for clips in ([("a", "b")], [()], [None]):
        with pytest.raises(AudioError):
            recognizer.transcribe(clips)


def test_beam_search_by_name(recognizer):
    model, clips = recognizer, clips_of(0.5, 0.3)
    assert model.transcribe(clips, 16000) == model.transcribe(clips, 16000, decoder="greedy")
    allowed = model.transcribe(clips, 16000, lexicon=["yes", "no"], n_best=3)
    again = model.transcribe(clips, 16000, lexicon=(word for word in ("yes", "no")), n_best=3)
    assert again == allowed  # a generator gives its words once
    for transcript, clip in zip(allowed, clips, strict=True):
        assert set(transcript.text.split()) <= {"yes", "no"} and transcript.duration == len(clip) / 16000
        assert len(transcript.alternatives) <= 2 and json.dumps(transcript.to_dict())
    language_model = zoo.load("ngram_lm")
    found = [
        model.transcribe(clips[0], 16000, language_model=given, alpha=0.4, beam_width=4)
        for given in ("ngram_lm", language_model)
    ]
    assert found[0] == found[1]  # nothing was tuned for fresh weights


def test_the_card_tunes_a_beam_search(shipped):
    clip = zoo.audio.bundled("seven")
    tuned = shipped.tuned("ngram_lm")
    assert {"alpha", "word_bonus"} <= set(tuned) and len(shipped.prior) == len(shipped.vocabulary)
    assert shipped.tuned("no.arpa") == {} and small("lstm_ctc").tuned("ngram_lm") == {} == small("lstm_ctc").tuned(
        "lstm_lm"
    )
    by_name = shipped.transcribe(clip, language_model="ngram_lm", alpha=0.4, beam_width=4)
    by_hand = shipped.transcribe(
        clip, decoder="beam", beam_width=4, language_model=zoo.load("ngram_lm"), **(tuned | {"alpha": 0.4})
    )
    assert by_name == by_hand
    [logits] = shipped.logits([clip])
    [best, *_] = beam_search(logits, shipped.vocabulary, prior_scale=0.7, prior=shipped.prior, beam_width=4)
    assert shipped.transcribe(clip, prior_scale=0.7, beam_width=4).text == best.text


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"decoder": "bean"}, UnknownNameError, "beam"),
        ({"beam_with": 3}, UnknownNameError, "beam_width"),
        ({"language_model": "ngram"}, UnknownNameError, "ngram_lm"),
        ({"decoder": "greedy", "beam_width": 3}, ZooError, "`beam_width`"),
        ({"decoder": "greedy", "language_model": "ngram_lm"}, ZooError, "`language_model`"),
        ({"language_model": 5}, ZooError, "`language_model`"),
        ({"beam_width": 0}, ZooError, "`beam_width`"),
    ],
)
def test_wrong_options_of_decoders_are_refused(recognizer, options, error, named):
    with pytest.raises(error, match=named):
        recognizer.transcribe(clips_of(0.1), sample_rate=16000, **options)


def test_align(recognizer):
    (clip,) = clips_of(0.6)
    found = recognizer.align(clip, "one two", sample_rate=16000)
    assert found.text == "one two" and 0 <= found.words[0].start < found.words[0].end <= found.words[1].start <= 0.6
    for text in (None, " ", "route 7", 5):
        with refused("text", DataError):
            recognizer.align(clip, text, sample_rate=16000)
    with pytest.raises(DataError):  # more letters than frames
        recognizer.align(clip, "ab" * 30, sample_rate=16000)


def test_a_stream_writes_what_the_whole_recording_gives():
    model, (clip,) = small("lstm_ctc_stream"), clips_of(0.5)
    *_, last = model.stream([clip[:3000], clip[3000:]], 16000)
    assert last.last and last.text == model.transcribe(clip, 16000).text


@pytest.mark.parametrize("task", ["transcribe", "classify", "embed", "reconstruct", "denoise"])
def test_one_clip_in_every_form_and_a_list_of_all(task, tmp_path):
    """A pair and a dict are one clip; a list is many, of any forms."""
    name = {
        "transcribe": "lstm_ctc",
        "classify": "ds_cnn",
        "embed": "speaker_id",
        "reconstruct": "vae",
        "denoise": "denoising_autoencoder",
    }
    answer, (clip,) = getattr(small(name[task]), task), clips_of(0.5, rate=8000)
    soundfile.write(tmp_path / "clip.wav", clip, 8000, subtype="FLOAT")
    data = (tmp_path / "clip.wav").read_bytes()
    forms = [
        (8000, clip),
        (clip, 8000),
        {"array": clip, "sampling_rate": 8000},
        data,
        tmp_path / "clip.wav",
        (8000, clip[None, :, None]),
    ]
    many = answer(forms)
    assert len(many) == len(forms)
    for alone in (answer(form) for form in forms[:4]):
        assert type(alone) is type(many[0])
        np.testing.assert_array_equal(as_array(alone), as_array(many[0]))


def as_array(answer) -> np.ndarray:
    found = answer if isinstance(answer, np.ndarray) else getattr(answer, "reconstruction", None)
    return np.array(list(answer.to_dict())) if found is None else np.round(found, 4)


# --- classifiers


@pytest.mark.parametrize("name", names_with("classify", ("ds_cnn",)))
def test_classify_takes_one_or_many(name):
    model, clips = small(name, labels=WORDS), clips_of(0.5, 0.3, rate=8000)
    one, many = model.classify(clips[0], sample_rate=8000), model.classify(clips, sample_rate=8000)
    assert len(many) == 2 and many[0].label == one.label == str(one)
    assert tuple(one.probabilities) == WORDS and sum(one.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert one.confidence == max(one.probabilities.values()) == one.probabilities[one.label]
    assert json.dumps(one.to_dict()) and model.classify([], sample_rate=8000) == []
    assert [found.label for found in model.classify(clips[::-1], 8000)] == [found.label for found in many[::-1]]
    twice = model.classify(np.repeat(clips[0], 2), sample_rate=16000)  # any rate is resampled
    assert twice.probabilities.keys() == one.probabilities.keys()


def test_clips_longer_than_a_word_are_refused(parts, vae, tmp_path):
    longest = int(parts[0].config.max_seconds * 8000)
    soundfile.write(tmp_path / "speech.wav", np.full(longest + 8, 0.1), 8000)
    for answer in (parts[0].classify, Ensemble(parts[:2]).classify, vae.encode):
        with refused("audio", AudioError) as caught:
            answer([tmp_path / "speech.wav"])
        assert "speech.wav" in str(caught.value)
        with refused("audio", AudioError):
            answer(np.ones(5 * 8000), sample_rate=8000)


@pytest.mark.parametrize("name", names_with("saliency", ("ds_cnn",)))
def test_saliency(name):
    model, (clip,) = small(name), clips_of(0.3, rate=8000)
    fall = model.saliency(clip, 8000, patch=[np.int64(8), 10])
    frames = model.word_frames(clip, 8000)
    assert fall.shape == frames.shape == (len(frames), model.config.n_mels) and 0 < len(frames) <= 31
    assert np.isfinite(fall).all() and fall.min() >= 0 and fall.max() > 0
    whole = model.log_probabilities_of_frames(frames[None])[0]
    np.testing.assert_allclose(whole, np.log(list(model.classify(clip, 8000).probabilities.values())), atol=1e-3)
    for patch in ((0, 1), 3, (1, 2, 3), (1.5, 2)):
        with refused("patch"):
            model.saliency(clip, 8000, patch=patch)


@pytest.mark.parametrize("name", names_with("embed", ("speaker_id",)))
def test_embed_and_verify(name):
    model, clips = small(name), clips_of(0.5, 0.3, rate=8000)
    points = model.embed(clips, 8000)
    assert points.shape == (2, model.config.units) and model.embed([], 8000).shape == (0, model.config.units)
    np.testing.assert_allclose(model.embed(clips[1], 8000), points[1], atol=1e-5)
    assert model.verify(*clips, 8000) == pytest.approx(points[0] @ points[1], abs=1e-5)
    assert model.verify(clips[0], clips[0], 8000) == pytest.approx(1, abs=1e-5)


# --- several as one


def test_an_ensemble_answers_with_the_mean_of_probabilities(parts):
    both, clips = Ensemble(parts), clips_of(0.5, 0.3, 0.2, rate=8000)
    assert both.display_name == "conv2d_mini+simple_rnn+conv2d_mini" and both.labels == WORDS
    assert isinstance(both, Classifier) and not hasattr(both, "embed")
    assert both.count_params() == sum(part.count_params() for part in parts)
    alone = [part.classify(clips, 8000) for part in parts]
    for i, found in enumerate(both.classify(clips, 8000)):
        for label, probability in found.probabilities.items():
            mean = np.mean([answers[i].probabilities[label] for answers in alone])
            assert probability == pytest.approx(mean, abs=1e-5)
    assert both.classify(clips[0], 8000).label == both.classify(clips, 8000)[0].label
    uneven = Ensemble(parts[:2], weights=[3, 1])
    found, (one, two) = uneven.classify(clips[0], 8000), (answers[0] for answers in alone[:2])
    mean = [0.75 * one.probabilities[label] + 0.25 * two.probabilities[label] for label in WORDS]
    np.testing.assert_allclose(list(found.probabilities.values()), mean, atol=1e-5)
    np.testing.assert_allclose(np.exp(uneven.logits(clips[:1], 8000)[0]), mean, atol=1e-5)
    same = Ensemble(parts[::2])
    assert same.saliency(clips[0], 8000).shape == same.word_frames(clips[0], 8000).shape
    with refused(""):  # which of the two pictures?
        both.saliency(clips[0], 8000)


def test_an_ensemble_is_saved_and_loaded_and_learns(parts, tmp_path):
    both, clips = Ensemble(parts), clips_of(0.5, 0.3, rate=8000)
    both.save(tmp_path / "both.keras")
    loaded = zoo.load(tmp_path / "both.keras")
    assert isinstance(loaded, Ensemble) and loaded.display_name == both.display_name and loaded.labels == WORDS
    np.testing.assert_array_equal(loaded.logits(clips, 8000), both.logits(clips, 8000))
    loaded.compile("sgd")
    waveform, lengths = pad(clips, 8000)
    history = loaded.fit({"waveform": waveform, "lengths": lengths}, np.array([0, 1]), verbose=0).history
    assert np.isfinite(history["loss"]).all() and "accuracy" in history


def test_the_parts_of_an_ensemble_belong_together(parts, recognizer):
    language_model = zoo.load("ngram_lm")
    wrong = (
        [],
        parts[:1],
        [parts[0], parts[0]],
        [parts[0], recognizer],
        [recognizer, parts[0]],
        [language_model, parts[0]],
    )
    for models in (*wrong, [parts[0], small("simple_rnn")]):  # of other words
        with refused("models"):
            Ensemble(models)
    for weights in ([1], [1, -1], [0, 0], [1, np.nan]):
        with refused("weights"):
            Ensemble(parts[:2], weights)


def test_ensembles_are_loaded_by_names_with_a_plus():
    both = zoo.load("conv2d_mini+ds_cnn.fsdd")
    assert both.display_name == "conv2d_mini+ds_cnn"
    with open(zoo.audio.bundled("seven"), "rb") as file:  # is read once, for both
        assert both.classify(file) == both.classify(zoo.audio.bundled("seven"))
    with refused("weights"):
        zoo.load("lstm+conv2d", weights=None)
    with refused("labels"):
        zoo.load("lstm+conv2d", labels=["a", "b"])


# --- autoencoders


@pytest.mark.parametrize("name", names_with("reconstruct", ("conv_autoencoder", "vae")))
def test_reconstruct_takes_one_or_many(name):
    model, clips = small(name), clips_of(0.5, 0.3, rate=8000)
    one, many = model.reconstruct(clips[0], sample_rate=8000), model.reconstruct(clips, sample_rate=8000)
    assert len(many) == 2 and many[0].error_db == pytest.approx(one.error_db, abs=1e-3)
    assert one.log_mel.shape == one.reconstruction.shape and one.band_error_db.shape == (model.config.n_mels,)
    assert np.sqrt(np.mean(np.square(one.band_error_db))) == pytest.approx(one.error_db, rel=1e-5)
    for code, found in zip(model.encode(clips, 8000), many, strict=True):
        np.testing.assert_allclose(code, found.code, atol=1e-5)
    np.testing.assert_allclose(model.encode(clips[1], 8000), many[1].code, atol=1e-4)
    assert model.reconstruct([], sample_rate=8000) == []
    samples, rate = one.sound(iterations=1)
    assert rate == model.config.sample_rate and np.isfinite(samples).all()
    assert abs(len(samples) - (len(one.log_mel) - 1) * model.config.hop_length) <= model.config.hop_length


def test_sample_and_interpolate(vae):
    (a, b), size = clips_of(0.5, 0.4, rate=8000), (vae.config.width, vae.config.n_mels)
    assert vae.sample(np.int64(3), seed=1).shape == (3, *size)
    np.testing.assert_allclose(vae.sample(2, seed=1), vae.sample(3, seed=1)[:2], rtol=1e-5)
    assert np.abs(vae.sample(1, seed=1) - vae.sample(1, seed=2)).max() > 0
    way = vae.interpolate(a, b, steps=5, sample_rate=8000)
    assert way.shape == (5, *size)
    for end, clip in ((way[0], a), (way[-1], b)):
        np.testing.assert_allclose(end, vae.reconstruct(clip, 8000).reconstruction, atol=1e-3)
    with refused("steps"):
        vae.interpolate(a, b, steps=1, sample_rate=8000)
    for argument, value in (("count", 0), ("count", 2.0), ("seed", -1), ("seed", "a")):
        with refused(argument):
            vae.sample(**{argument: value})


def test_denoise_turns_down_by_what_the_network_says():
    model, rate = small("denoising_autoencoder"), 16000
    (clip,) = clips_of(0.5, rate=rate)
    clean = model.denoise(clip, rate, strength=1.0)
    assert clean.shape == clip.shape and clean.dtype == "float32"
    np.testing.assert_allclose(model.denoise(clip, rate, strength=0.0), clip, atol=1e-4)
    # Untrained it takes half a decibel from everything.
    down = 20 * np.log10(np.linalg.norm(clean) / np.linalg.norm(clip))
    assert -1.0 < down < -0.2
    half = 20 * np.log10(np.linalg.norm(model.denoise(clip, rate, strength=0.5)) / np.linalg.norm(clip))
    assert half == pytest.approx(down / 2, abs=0.05)
    assert [len(one) for one in model.denoise([clip, clip[:3000], clip[:170]], rate)] == [len(clip), 3000, 170]
    for strength in (2, -0.1, "a", np.nan):
        with refused("strength"):
            model.denoise(clip, rate, strength=strength)


# --- what training and evaluation ask of a class


@pytest.mark.parametrize("name", ["lstm_ctc", "ds_cnn", "vae", "denoising_autoencoder"])
def test_what_is_learnt_and_how_it_is_validated(name):
    model, clips = small(name), clips_of(0.5, 0.3, rate=architecture(name).config.sample_rate)
    waveform, lengths = pad(clips, model.config.sample_rate)
    found = {
        key: np.asarray(value)
        for key, value in model.predict_on_batch({"waveform": waveform, "lengths": lengths}).items()
    }
    targets = ["zero", "one"] if name != "lstm_ctc" else ["a b", "one two three"]
    ids = [model.encode_target(target) for target in targets]
    assert all(isinstance(i, int) for row in ids for i in row)
    assert any(ids) == hasattr(model, "labels") or hasattr(model, "vocabulary")
    errors = model.utterance_errors(found, targets, (waveform, lengths))
    assert len(errors) == 2 and np.isfinite(model.mean_error(errors)) and model.mean_error(errors) >= 0
    assert model.metric in ("wer", "error", "dB")
    assert isinstance(model.default_augmentation(model.config), dict)


def test_errors_of_classifiers_and_recognizers(parts, recognizer):
    logits = np.eye(3)[[0, 1, 1, 2]]
    errors = parts[0].utterance_errors({"logits": logits}, ["yes", "no", "yes", "yes"], None)
    assert parts[0].mean_error(errors) == 50.0
    ids = recognizer.encode_target("a b")
    logits = 9 * np.eye(len(recognizer.vocabulary))[[ids]]
    errors = recognizer.utterance_errors({"logits": logits, "lengths": np.array([3])}, ["a c"], None)
    assert errors == [(1, 2)] and recognizer.mean_error(errors) == 50.0


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
    with refused("clips", AudioError):
        pad([], 16000)


def test_batches_hold_each_clip_once_and_are_no_longer_than_they_may_be():
    lengths = list(np.random.default_rng(0).integers(1, 100, size=50) * 1000)
    groups = list(batches(lengths, 8, 1000, seconds=300))
    assert sorted(i for group in groups for i in group) == list(range(50))
    for group in groups:
        assert len(group) <= 8
        assert len(group) == 1 or max(lengths[i] for i in group) * len(group) <= 300 * 1000
