"""Cards: read whole, written by measurement only."""

import sys

import pytest

import zoo
from zoo.errors import DataError, UnknownNameError, WeightsError

module = sys.modules["zoo.card"]  # `zoo.card` is the function
CARD = """
name = "lstm_ctc"
task = "transcription"
summary = "s"
labels = "l"
sample_rate = 16000
parameters = 0
licence = "x"
limits = "none"
training = ""
[[sources]]
title = "t"
url = "u"
licence = "v"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Cards and weights of the test's own."""
    monkeypatch.setattr(module, "CARDS", tmp_path)
    monkeypatch.setattr(module, "WEIGHTS", tmp_path)
    (tmp_path / "lstm_ctc.toml").write_text(CARD)
    return tmp_path


def result(value=1.0, **changes):
    fields = {"data": "an4", "split": "test", "metric": "WER", "low": 0.5, "high": 1.5, "utterances": 130, "reference_length": 773}  # fmt: skip
    return module.Result(**(fields | {"value": value} | changes))


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_card_is_whole(name):
    card = zoo.card(name)
    assert card.name == name and card.summary and card.limits and card.licence
    for source in card.sources:
        assert source["title"] and source["url"].startswith("https://") and source["licence"]
    for figure in card.results:
        assert (
            figure.metric in ("WER", "CER", "accuracy", "EER", "perplexity", "dB")
            and figure.utterances > 0
            and figure.reference_length > 0
        )
        assert 0 <= figure.low <= figure.value <= figure.high
    assert card.data == tuple(source["title"] for source in card.sources) and card.size == card.weights.get("bytes", 0)
    if card.weights:
        assert card.weights["commands"] and card.weights_path.stat().st_size == card.weights["bytes"]
        module.check_weights(card.weights_path, card.weights["sha256"])


def test_unknown_model():
    with pytest.raises(UnknownNameError, match="did you mean lstm_"):
        zoo.card("lstm_ct")


@pytest.mark.parametrize(
    "change", [lambda t: t[:9], lambda t: "colour = 3\n" + t, lambda t: t.replace("name =", "nome =")]
)
def test_a_damaged_card_is_a_sentence(change, folder):
    (folder / "lstm_ctc.toml").write_text(change(CARD))
    with pytest.raises(DataError, match="lstm_ctc.toml is damaged"):
        zoo.card("lstm_ctc")
    (folder / "lstm_ctc.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="lstm_ctc.toml is damaged"):
        zoo.card("lstm_ctc")


def test_a_model_without_card_or_weights(folder):
    with pytest.raises(WeightsError, match="ships no weights"):
        _ = zoo.card("lstm_ctc").weights_path
    with pytest.raises(WeightsError, match="weights=None"):
        zoo.load("lstm_ctc")
    (folder / "lstm_ctc.toml").unlink()
    with pytest.raises(DataError, match="has none yet"):
        zoo.card("lstm_ctc")


def test_figures_replace_those_of_the_same_data(folder):
    pytest.importorskip("tomli_w")
    module.update_card("lstm_ctc", results=[result(5.0), result(2.0, metric="CER")])
    module.update_card("lstm_ctc", results=[result(1.0, note="new")])
    module.update_card("lstm_ctc", results=[result(3.0, split="validation")])
    assert [(r.split, r.metric, r.value) for r in zoo.card("lstm_ctc").results] == [
        ("test", "WER", 1.0), ("test", "CER", 2.0), ("validation", "WER", 3.0)
    ]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["lstm_ctc.toml"]


def test_new_weights_drop_the_figures_of_the_old(folder):
    pytest.importorskip("tomli_w")
    tuned = {"ngram_lm": {"alpha": 0.5, "gamma": 0.4}}
    module.update_card("lstm_ctc", results=[result()], prior=[0.75, 0.25], prior_data="an4:train", decoding=tuned)
    assert zoo.card("lstm_ctc").prior == (0.75, 0.25) and zoo.card("lstm_ctc").decoding == tuned
    module.update_card(
        "lstm_ctc", weights={"file": "a.h5", "sha256": "0", "bytes": 1, "commands": ["zoo train"]}, parameters=9
    )
    card = zoo.card("lstm_ctc")
    assert (
        card.results == card.prior == ()
        and card.prior_data == ""
        and card.parameters == 9
        and card.weights["commands"] == ["zoo train"]
    )
    assert card.weights_path == folder / "a.h5" and card.decoding == {
        "ngram_lm": {"alpha": 0.5}
    }  # gamma needs the prior


def test_checksums(tmp_path):
    path = tmp_path / "a.weights.h5"
    path.write_bytes(b"abc")
    good = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, example B.1
    assert module.sha256(path) == good
    module.check_weights(path, good)
    path.write_bytes(b"abd")
    with pytest.raises(WeightsError, match=f"the card says {good[:12]}"):
        module.check_weights(path, good)
