"""One function measures all models, in one form."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from conftest import refused

import zoo
from zoo.audio import bundled
from zoo.errors import DataError, UnknownNameError
from zoo.evaluation import clip_errors, confusions, evaluate

SENTENCES = f"folder:all,source={bundled('seven').parent / 'samples.csv'}"


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> str:
    """Clips of which the bundled one is a word, the others noise that is called by it."""
    import soundfile

    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    clip = zoo.audio.load_audio(bundled("seven"), 8000)
    rows = ["path,text,speaker"]
    for i, (samples, text) in enumerate(
        [(clip, "seven"), (clip[::-1], "nine"), (rng.normal(size=4000) / 9, "one"), (0.5 * clip, "seven")]
    ):
        soundfile.write(folder / f"{i}.wav", samples, 8000)
        rows.append(f"{i}.wav,{text},{'ann' if i % 3 else 'ben'}")
    (folder / "clips.csv").write_text("\n".join(rows))
    return f"folder:all,source={folder / 'clips.csv'}"


def test_a_recognizer_has_two_error_rates(samples, shipped):
    rates = evaluate(shipped, SENTENCES)
    assert [result.metric for result in rates] == ["WER", "CER"]
    for result in rates:
        assert result.low <= result.value <= result.high and result.split == "all" and result.decoder == ""
        errors = sum(result.counts[kind] for kind in ("substitutions", "deletions", "insertions"))
        assert result.value == pytest.approx(100 * errors / result.reference_length, abs=1e-3)
        json.dumps(asdict(result))


def test_decoders_have_names_and_options(shipped):
    (wer, _) = evaluate(shipped, SENTENCES, language_model="ngram_lm", beam_width=4, lexicon=["one", "two"])
    assert wer.decoder == "beam 4, ngram_lm, 2 words only"
    as_text, _ = evaluate(shipped, SENTENCES, language_model="ngram_lm", beam_width=4, lexicon="one, two")
    assert as_text == wer
    assert evaluate(shipped, SENTENCES, lexicon=None)[0].decoder == "beam 16"
    with pytest.raises(UnknownNameError):
        evaluate(shipped, SENTENCES, beams=4)


def test_a_classifier_has_an_accuracy(words):
    model = zoo.load("conv2d_mini")
    (result,) = evaluate(model, words)
    references, hypotheses = confusions(model, words)
    correct = sum(a == b for a, b in zip(references, hypotheses, strict=True))
    assert result.metric == "accuracy" and result.counts == {"correct": correct, "clips": 4}
    assert result.value == 25 * correct and hypotheses[0] == hypotheses[3] == "seven"
    with refused("verify"):
        evaluate(model, words, verify=True)


def test_an_embedder_can_be_asked_about_pairs(words):
    (result,) = evaluate("speaker_id", words, verify=True)
    assert result.metric == "EER" and 0 <= result.value <= 100 and result.counts == {"same": 2, "different": 4}
    with pytest.raises(DataError):  # ann is not among its speakers
        evaluate("speaker_id", words)


def test_an_autoencoder_has_an_error_in_db(words):
    model = zoo.load("conv_autoencoder")
    (result,) = evaluate(model, words)
    assert result.metric == "dB" and result.low <= result.value <= result.high
    one = zoo.datasets.load("folder", "all", source=words.partition("source=")[2])[0].audio(model.config.sample_rate)
    assert model.mean_error(clip_errors(model, [one], [len(one)], [""])) == pytest.approx(
        model.reconstruct(one, model.config.sample_rate).error_db, abs=1e-3
    )


def test_a_denoiser_is_measured_in_noise(words, monkeypatch):
    monkeypatch.setattr("zoo.datasets.noise.load_noise", lambda split: [np.ones(16000, "float32")])
    first, second = (evaluate("denoising_autoencoder", words)[0] for _ in range(2))
    assert first == second and first.note


def test_a_language_model_has_a_perplexity():
    (result,) = evaluate("ngram_lm", SENTENCES)
    assert result.metric == "perplexity" and result.value > 1 and result.reference_length > 20


def test_baselines_few_shot_and_ensembles_are_classifiers_too(words):
    from zoo.baselines import baseline

    guess = baseline("majority").fit([np.ones(4000)] * 2, ["seven", "seven"])
    few = zoo.few_shot(
        zoo.load("word_embedding"),
        {"seven": [bundled("seven")], "one": [np.random.default_rng(0).normal(size=4000)]},
        sample_rate=8000,
    )
    for model in (guess, few, zoo.load("conv2d_mini+ds_cnn")):
        (result,) = evaluate(model, words)
        assert result.metric == "accuracy" and result.value >= 50


@pytest.mark.parametrize("data", [(), ("folder:all=2,source=a",), ("an4:tset",), ("an5",)])
def test_data_that_cannot_be_measured(data, shipped):
    with pytest.raises((DataError, UnknownNameError)):
        evaluate(shipped, *data)


def test_what_is_no_model():
    with refused("model"):
        evaluate(3, SENTENCES)
