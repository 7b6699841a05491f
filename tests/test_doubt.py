"""A model says when it does not know what it hears."""

import json
from dataclasses import replace

import numpy as np
import pytest
from cli_runner import run

import zoo
from experiments import doubt as study
from zoo.decoding import Classification, Transcript
from zoo.errors import WeightsError
from zoo.tasks import doubt

RATE = 16000
T = np.arange(RATE) / RATE
CLICKS = np.zeros(RATE)
CLICKS[[3000, 7000, 11000]] = 0.8
NOTHING_SAID = {
    "silence": np.zeros(RATE),
    "white noise": 0.1 * np.random.default_rng(0).standard_normal(RATE),
    "tone": 0.3 * np.sin(2 * np.pi * 440 * T),
    "hum": 0.3 * np.sin(2 * np.pi * 50 * T) + 0.1 * np.sin(2 * np.pi * 150 * T),
    "clicks": CLICKS,
}
SHY = {"lstm_ctc.mandarin"}  # two real people are too few to choose a threshold for
EVERY = [*study.digit_models(), *sorted({*zoo.list_models(task="transcription")} - SHY)]
FAST = ("ds_cnn", "lstm_ctc")


def models():
    return [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in EVERY]


def ask(model, samples):
    return (model.classify if hasattr(model, "classify") else model.transcribe)(samples, sample_rate=RATE)


@pytest.fixture(scope="module")
def ds_cnn():
    return zoo.load("ds_cnn")


@pytest.mark.parametrize("name", models())
def test_sounds_without_speech_are_doubtful_and_speech_is_not(name):
    model = zoo.load(name)
    answers = ask(model, list(NOTHING_SAID.values()))
    marked = {kind for kind, answer in zip(NOTHING_SAID, answers, strict=True) if answer.doubtful}
    assert marked == set(NOTHING_SAID)
    for answer in answers:
        assert answer.doubt.startswith(name) and answer.doubt.endswith(".") and "\n" not in answer.doubt
    clip = zoo.audio.bundled("seven" if hasattr(model, "classify") else "woman-us")
    said = ask(model, zoo.audio.load_audio(clip, RATE))
    assert said.doubtful is False and said.doubt == ""


def test_probabilities_stay_as_they_are(ds_cnn):
    clips = [*NOTHING_SAID.values(), zoo.audio.load_audio(zoo.audio.bundled("seven"), RATE)]
    for answer, logits in zip(ask(ds_cnn, clips), ds_cnn.logits(clips, RATE), strict=True):
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(list(answer.probabilities.values()), expected, atol=1e-5)


def test_doubt_is_in_json(ds_cnn):
    answer = ask(ds_cnn, NOTHING_SAID["tone"])
    found = json.loads(json.dumps(answer.to_dict()))
    assert found["doubtful"] is True and found["doubt"] == "ds_cnn knows ten digits; this sounds like none of them."
    assert str(answer) == answer.label


@pytest.mark.parametrize("change", [{"labels": ["ja", "nein"]}, {"weights": None}])
def test_weights_of_ones_own_cannot_say(change):
    model = zoo.load("conv2d_mini", **change)
    answer = ask(model, NOTHING_SAID["tone"])
    assert answer.doubtful is None and not answer.doubtful and answer.doubt == ""


def test_a_preset_that_was_trained_further_cannot_say():
    model = zoo.load("conv2d_mini")
    assert doubt.of(model) is not None
    kernel = model.get_layer("logits").weights[0]
    kernel.assign(np.asarray(kernel) * 1.01)
    assert doubt.of(model) is None and ask(model, NOTHING_SAID["tone"]).doubtful is None


@pytest.mark.parametrize("name", ["speaker_id", "word_embedding"])
def test_embedders_have_none(name):
    assert zoo.card(name).doubt == {}


@pytest.mark.parametrize("name", EVERY)
def test_cards_have_thresholds(name):
    about = zoo.card(name).doubt
    assert about["knows"] and np.isfinite(about["threshold"])
    if zoo.card(name).task == "classification":
        kernel, bias = doubt.head(about["file"], about["sha256"])
        assert kernel.shape[1] == len(bias) > 10 and (doubt.WEIGHTS / about["file"]).stat().st_size < 100_000
    else:
        assert 0 < about["threshold"] < 1


def test_a_damaged_second_last_layer_is_refused(ds_cnn):
    with pytest.raises(WeightsError):
        doubt.head(zoo.card("ds_cnn").doubt["file"], "0" * 64)


def test_a_recognizer_doubts_by_its_confidence():
    judge = doubt.Doubt("it", 0.8, "digits")
    sure, unsure = Transcript("one", (), 0.8, 1.0), Transcript("one", (), 0.79, 1.0)
    assert judge.of_transcript(sure) == replace(sure, doubtful=False)
    assert judge.of_transcript(unsure).doubt == "it knows digits; this sounds like something else."
    assert "no words" in judge.of_transcript(Transcript("", (), 1.0, 1.0)).doubt


def test_an_ensemble_is_in_doubt_where_half_of_its_parts_are():
    answer = Classification("yes", {"yes": 0.9, "no": 0.1}, 0.9)
    sure, unsure = replace(answer, doubtful=False), replace(answer, doubtful=True)
    assert doubt.vote("a+b", answer, [sure, unsure]).doubtful is True
    assert doubt.vote("a+b+c", answer, [sure, sure, unsure]) == replace(answer, doubtful=False)
    assert doubt.vote("a+b", answer, [sure, answer]).doubtful is None


@pytest.mark.slow
def test_ensembles_doubt_and_answer_as_their_logits_say():
    model = zoo.load("ds_cnn+conv2d_mini")
    seven = zoo.audio.load_audio(zoo.audio.bundled("seven"), RATE)
    tone, said = ask(model, [NOTHING_SAID["tone"], seven])
    assert tone.doubtful and "ds_cnn+conv2d_mini" in tone.doubt and not said.doubtful
    logits = model.logits([seven], RATE)[0]
    np.testing.assert_allclose(list(said.probabilities.values()), np.exp(logits) / np.exp(logits).sum(), atol=1e-5)


def test_the_command_line_says_it_in_a_second_line(tmp_path):
    import soundfile

    path = tmp_path / "tone.wav"
    soundfile.write(path, NOTHING_SAID["tone"], RATE)
    shown = run("classify", str(path))
    assert "ds_cnn knows ten digits; this sounds like none of them." in " ".join(shown.stdout.split())
    assert json.loads(run("classify", str(path), "--json").stdout)[0]["doubtful"] is True
    shown = run("transcribe", str(path))
    assert shown.stdout.strip() == "" or shown.stdout.count("\n") == 1
    assert "lstm_ctc" in shown.stderr


# --- the study


def test_scores_that_tell_everything_apart_have_an_auroc_of_one():
    assert study.auroc(np.arange(10.0, 20), np.arange(10.0))["value"] == 1
    same = study.auroc(np.arange(50.0), np.arange(50.0))
    assert same["value"] == 0.5 and same["low"] < 0.5 < same["high"]


def test_thresholds_leave_room_where_few_answers_chose_them():
    assert study.lowest_safe(np.arange(1000.0)) < 0.03 * 1000
    assert study.lowest_safe(np.arange(30.0)) == 0


def test_calibration_of_who_is_right_as_often_as_it_says():
    confidence = np.repeat([0.25, 0.75], 4)
    assert study.calibration(confidence, np.array([1, 0, 0, 0, 1, 1, 1, 0]))[0] == pytest.approx(0)
    assert study.calibration(np.ones(4), np.array([1, 0, 0, 0]))[0] == pytest.approx(75)


def test_words_are_right_where_they_were_said():
    assert study.right_words("one two three", "one too three") == [True, False, True]
    assert study.right_words("one", "") == []
