"""Recognizers together: the mean of log probabilities of a text, the vote on each word, and their weights."""

import numpy as np
import pytest
from conftest import clips_of, refused, small
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.decoding import Transcript, Word, beam_search, joint_search, rover, text_log_probabilities
from zoo.losses import ctc_loss
from zoo.tasks import Ensemble, Recognizer, RecognizerEnsemble, Rover
from zoo.text import Vocabulary

AB = Vocabulary("ab ")
pytestmark = pytest.mark.usefixtures("eager")


def logits_of(frames: int, seed: int) -> np.ndarray:
    return 3 * np.random.default_rng(seed).standard_normal((frames, len(AB)))


def said(text: str, confidence: float = 0.9) -> Transcript:
    words = tuple(Word(word, i, i + 0.5, confidence) for i, word in enumerate(text.split()))
    return Transcript(text, words, confidence, 9.0)


@pytest.fixture(scope="module")
def parts():
    return [small("lstm_ctc"), small("conv_lstm_ctc"), small("lstm_ctc", layers=2)]


# --- the mean of log probabilities


def test_log_probabilities_of_texts_are_the_negative_ctc_loss():
    logits, texts = logits_of(9, 0), [[], [1], [1, 1], [1, 2, 2, 3], [3, 2, 1], [2, 2, 2, 2]]
    labels = np.zeros((len(texts), 4), "int32")
    for row, ids in zip(labels, texts, strict=True):
        row[: len(ids)] = ids
    same = np.repeat(logits[None], len(texts), axis=0).astype("float32")
    losses = np.asarray(ctc_loss(labels, same, np.full(len(texts), 9)))
    np.testing.assert_allclose(text_log_probabilities(logits, texts), -losses, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(text_log_probabilities(logits, [[]]), -losses[:1], rtol=1e-4)
    assert text_log_probabilities(logits[:2], [[1, 1]])[0] < -1e20  # two equal letters need three frames


def test_of_one_network_it_is_a_beam_search():
    logits = logits_of(12, 0)
    alone, found = beam_search(logits, AB, n_best=3), joint_search([logits], AB, [1.0], n_best=3)
    assert [one.text for one in found] == [one.text for one in alone]
    for one, other in zip(alone, found, strict=True):
        assert other.score == pytest.approx(one.score, abs=0.1)  # the search drops the least likely alignments


def test_a_network_without_weight_has_no_say():
    one, two = logits_of(12, 0), logits_of(12, 1)
    assert joint_search([one, two], AB, [1.0, 0.0])[0].text == joint_search([one], AB, [1.0])[0].text


def test_letters_in_different_frames_are_one_letter():
    early = np.log(np.tile([0.97, 0.01, 0.01, 0.01], (6, 1)))
    late = early.copy()
    early[1] = late[4] = np.log([0.28, 0.7, 0.01, 0.01])
    assert joint_search([early, late], AB, [0.5, 0.5])[0].text == "a"
    assert beam_search((early + late) / 2, AB)[0].text != "a"  # the mean of frames loses it


def test_it_transcribes_as_its_networks_together_would(parts):
    both, clips = Ensemble(parts[:2], weights=[1, 3]), clips_of(0.3, 0.2)
    assert isinstance(both, RecognizerEnsemble) and isinstance(both, Recognizer)
    assert both.part_weights == (0.25, 0.75) and both.display_name == "lstm_ctc+conv_lstm_ctc"
    logits = both.logits(clips, 16000)
    assert [x.shape[1] for x in logits] == [58, 58]
    found = both.transcribe(clips, 16000, beam_width=2)
    for clip, one, side_by_side in zip(clips, found, logits, strict=True):
        alone = [part.logits([clip], 16000)[0] for part in parts[:2]]
        assert one.text == joint_search(alone, both.vocabulary, both.part_weights, beam_width=2)[0].text
        assert both.decoder(beam_width=2)(side_by_side, one.duration).text == one.text and one.doubtful is None
        assert all(0 <= word.start < word.end <= one.duration and 0 < word.confidence <= 1 for word in one.words)
    assert both.transcribe(clips[0], 16000, beam_width=2).text == found[0].text
    assert set(both.transcribe(clips[0], 16000, lexicon=["yes", "no"], beam_width=2).text.split()) <= {"yes", "no"}
    assert both.align(clips[0], "no", 16000).text == "no"
    with refused("decoder"):
        both.transcribe(clips, 16000, decoder="greedy")


def test_it_is_saved_and_fitted(parts, tmp_path):
    both, clips = Ensemble(parts[:2], weights=[1, 3], decoding={"ngram_lm": {"alpha": 0.4}}), clips_of(0.5, 0.3)
    both.save(tmp_path / "both.keras")
    loaded = zoo.load(tmp_path / "both.keras")
    assert loaded.part_weights == (0.25, 0.75) and loaded.tuned("ngram_lm") == {"alpha": 0.4}
    for ours, theirs in zip(both.logits(clips, 16000), loaded.logits(clips, 16000), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    loaded.compile("sgd")
    waveform, lengths = zoo.tasks.pad(clips, 16000)
    history = loaded.fit({"waveform": waveform, "lengths": lengths}, ["no", "yes"], verbose=0).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.slow
def test_shipped_ones_write_what_was_said_and_doubt_together():
    both = zoo.load("lstm_ctc+conv_lstm_ctc")
    assert both.tuned("ngram_lm") == {"alpha": pytest.approx(0.3), "word_bonus": pytest.approx(2.0)}
    found = both.transcribe(zoo.audio.bundled("woman-us"), language_model="ngram_lm")
    assert found.text == "three four zero one two seven one" and found.doubtful is False and len(found.words) == 7
    assert both.transcribe(np.zeros(16000, "float32"), 16000).doubtful is True
    source = zoo.audio.bundled("seven").parent / "samples.csv"
    assert zoo.evaluate(both, f"folder:all,source={source}")[0].value < 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["both.tflite", "both.onnx"])
def test_one_file_holds_all_networks(name, parts, tmp_path, here):
    pytest.importorskip("tf2onnx" if name.endswith("onnx") else "ai_edge_litert")
    classifiers = [small("ds_cnn", blocks=1), small("simple_rnn")]
    for both, rate in ((Ensemble(classifiers, [3, 1]), 8000), (Ensemble(parts[:2], [3, 1]), 16000)):
        clips = clips_of(0.4, 0.3, rate=rate)
        path = zoo.export.export(both, "onnx" if name.endswith("onnx") else "litert", tmp_path / name)
        exported = zoo.load(path)
        for ours, theirs in zip(both.logits(clips, rate), exported.logits(clips, rate), strict=True):
            np.testing.assert_allclose(theirs, ours, atol=1e-3)
    alone, found = (model.transcribe(clips[1], 16000, beam_width=2) for model in (both, exported))
    assert found.text == alone.text and exported.about["networks"] == [0.75, 0.25]


# --- the vote


def test_the_majority_writes_each_word():
    found = rover([said("go to nine"), said("go two nine"), said("no to nine now")])
    assert found.text == "go to nine" and [word.text for word in found.words] == ["go", "to", "nine"]
    assert found.words[2].confidence == pytest.approx(0.9) and found.words[0].confidence == pytest.approx(0.6)
    assert rover([said("one two")]).text == "one two" and rover([said(""), said("")]).text == ""


def test_confidence_and_weights_decide_where_heads_do_not():
    unsure, sure = said("nine", 0.2), said("five", 0.95)
    assert rover([unsure, sure]).text == "five"
    assert rover([unsure, sure], alpha=1.0).text == "nine"  # heads alone: the first wins a tie
    assert rover([unsure, sure], weights=[0.9, 0.1]).text == "nine"
    assert rover([said("a b"), said("a", 0.3), said("a b")]).text == "a b"  # a word that one has not heard


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=5).map(" ".join), min_size=1, max_size=4))
@settings(deadline=None)
def test_what_all_say_stays(texts):
    assert rover([said(texts[0])] * len(texts)).text == texts[0]
    found = rover(list(map(said, texts)))
    assert set(found.text.split()) <= {word for text in texts for word in text.split()}
    assert len(found.words) <= sum(len(text.split()) for text in texts)


def test_recognizers_that_differ_vote(parts, tmp_path):
    other = small("lstm_ctc", vocabulary="abc ")
    voters, clips = zoo.Ensemble([parts[0], other, small("lstm_ctc", stride=4)]), clips_of(0.3, 0.2)
    assert isinstance(voters, Rover) and voters.display_name == "lstm_ctc+lstm_ctc+lstm_ctc"
    alone = [model.transcribe(clips, 16000) for model in voters.models]
    for found, *each in zip(voters.transcribe(clips, 16000), *alone, strict=True):
        assert found.text == rover(each).text and found.duration == each[0].duration
    with refused("model"):
        zoo.export.export(voters, "onnx", tmp_path / "voters.onnx")
    with refused("weights"):
        Rover(voters.models, [1, 2])


# --- weights


def test_weights_go_to_the_model_that_is_right(parts):
    clips = clips_of(0.3, 0.2)
    targets = [parts[1].transcribe(clip, 16000, beam_width=2).text or "x" for clip in clips]
    for both in (Ensemble(parts[:2]), Rover(parts[:2])):
        tuned = both.tune_weights(clips, targets, 16000, beam_width=2)
        assert type(tuned) is type(both) and sum(tuned.part_weights) == pytest.approx(1)
        wrong = [
            sum(m.transcribe(c, 16000).text != t for c, t in zip(clips, targets, strict=True)) for m in (both, tuned)
        ]
        assert wrong[1] <= wrong[0] and tuned.part_weights[1] >= 0.5
    with refused("targets"):
        both.tune_weights(clips, ["one"], 16000)
