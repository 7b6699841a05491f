"""Words from a few examples."""

import time

import numpy as np
import pytest
import soundfile
from conftest import refused

import zoo
from zoo.baselines import DTW
from zoo.datasets import load as load_data
from zoo.errors import AudioError, DataError, MissingFileError
from zoo.tasks.few_shot import FewShot, few_shot, resample_frames, vectors

RATE = 8000


def tone(hertz, seconds=0.5):
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time) * np.hanning(len(time))).astype("float32")


@pytest.fixture(scope="module")
def embedder():
    return zoo.load("word_embedding")


@pytest.fixture(scope="module", params=["word_embedding", "vae", "autoencoder_mini"])
def model(request):
    """One with an embedding, one with a code of the whole word, one with a code of each group of frames."""
    return zoo.load(request.param)


def test_tones_are_told_apart(model):
    examples = {"low": [tone(300), tone(330, 0.4)], "high": [tone(1500), tone(1400, 0.6)], "mid": [tone(800)]}
    words = zoo.few_shot(model, examples, sample_rate=RATE)
    assert isinstance(words, FewShot) and words.labels == ("low", "high", "mid") and words.shots == (2, 2, 1)
    assert words.prototypes.shape[0] == 3
    found = words.classify([tone(310), tone(1450), tone(820)], RATE)
    assert [one.label for one in found] == ["low", "high", "mid"]
    for one in found:
        assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-6)
        assert one.confidence == max(one.probabilities.values()) > 1 / 3
    alone = words.classify(tone(310), RATE)
    assert alone.label == "low" and alone.confidence == pytest.approx(found[0].confidence, abs=1e-4)
    assert words.classify([], RATE) == []


def test_a_prototype_is_the_mean_of_its_examples(embedder):
    clips = [tone(300), tone(500, 0.7), tone(900)]
    words = few_shot(embedder, [("a", clips), ("b", [tone(1500)])], RATE)
    np.testing.assert_allclose(words.prototypes[0], vectors(embedder, clips, RATE).mean(axis=0), atol=1e-5)


def test_level_length_and_silence_around_do_not_matter(model):
    words = few_shot(model, {"low": [tone(300)], "high": [tone(1500)]}, RATE)
    rng = np.random.default_rng(0)
    quiet = 1e-4 * rng.standard_normal(RATE // 2).astype("float32")
    for clip in (0.01 * tone(320), tone(320, 0.9), np.concatenate([quiet, tone(320), quiet])):
        assert words.classify(clip, RATE).label == "low"


def test_files_and_any_rate(embedder, tmp_path):
    for name, hertz in (("a", 300), ("b", 1500)):
        soundfile.write(tmp_path / f"{name}.wav", np.repeat(tone(hertz), 2), 2 * RATE)
    words = few_shot(embedder, {name: [tmp_path / f"{name}.wav"] for name in "ab"})
    assert words.classify(tone(1480), RATE).label == "b"


@pytest.mark.parametrize(
    ("examples", "argument", "error"),
    [
        ({}, "examples", DataError),
        (7, "examples", DataError),
        (["ab", 3], "examples", DataError),
        ({"a": [tone(300)]}, "examples", DataError),
        ({"a": [tone(300)], "b": []}, "examples", DataError),
        ({"a": [tone(300)], " a ": [tone(500)]}, "examples", DataError),
        ([("a", [tone(300)]), ("a", [tone(500)])], "examples", DataError),
        ({"a": [tone(300)], "": [tone(500)]}, "examples", DataError),
        ({"a": tone(300), "b": [tone(500)]}, "examples", DataError),
        ({"a": "clip.wav", "b": [tone(500)]}, "examples", DataError),
        ({"a": b"RIFF", "b": [tone(500)]}, "examples", DataError),
        ({"a": (RATE, tone(300)), "b": [tone(500)]}, "examples", DataError),
        ({"a": [tone(300), np.zeros(4000)], "b": [tone(500)]}, "", AudioError),
        ({"a": ["nowhere.wav"], "b": [tone(500)]}, "audio", MissingFileError),
        ({"a": [tone(300)[:5]], "b": [tone(500)]}, "audio", AudioError),
    ],
)
def test_bad_examples(embedder, examples, argument, error):
    with refused(argument, error):
        few_shot(embedder, examples, RATE)


def test_examples_longer_than_a_word(embedder):
    with pytest.raises(AudioError):
        few_shot(embedder, {"a": [np.tile(tone(300), 12)], "b": [tone(500)]}, RATE)


def test_a_model_without_codes_is_refused():
    for model in (zoo.load("conv2d_mini"), zoo.load("ngram_lm"), "vae", None):
        with refused("model"):
            few_shot(model, {"a": [tone(300)], "b": [tone(500)]}, RATE)


def test_very_short_clips_have_a_vector(model):
    short = tone(440, 0.012)
    assert np.isfinite(vectors(model, [short, tone(300)], RATE)).all()


def test_resample_frames():
    frames = np.arange(12.0).reshape(6, 2)
    np.testing.assert_allclose(resample_frames(frames, 6), frames)
    np.testing.assert_allclose(resample_frames(frames, 3), [[1, 2], [5, 6], [9, 10]])
    assert resample_frames(frames[:1], 4).tolist() == [[0, 1]] * 4


@pytest.mark.slow
def test_real_words_never_heard_by_voices_never_heard(embedder, data_folder):
    """FSDD's digits: word_embedding knows no number and none of these people. Five examples of each digit, of three voices."""
    utterances = load_data("fsdd", "train")
    shown, asked = {}, []
    for utterance in utterances:
        if utterance.speaker in ("jackson", "lucas", "theo") and utterance.id.endswith(("_10", "_11")):
            shown.setdefault(utterance.text, []).append(utterance.audio(RATE))
        elif utterance.speaker in ("george", "yweweler") and utterance.id.endswith(("_10", "_11", "_12")):
            asked.append(utterance)
    begin = time.perf_counter()
    words = few_shot(embedder, {word: clips[:5] for word, clips in shown.items()}, RATE)
    assert time.perf_counter() - begin < 5  # under a second once compiled
    clips, said = [u.audio(RATE) for u in asked], [u.text for u in asked]
    right = np.mean([found.label == word for found, word in zip(words.classify(clips, RATE), said, strict=True)])
    dtw = DTW(templates=5).fit(
        [clip for clips in shown.values() for clip in clips[:5]], [word for word in shown for _ in range(5)]
    )
    assert right > 0.6 and right > np.mean([a == b for a, b in zip(dtw.predict(clips), said, strict=True)])
