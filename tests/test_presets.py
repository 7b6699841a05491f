"""Presets: a card and a weights file. Cards are read whole or refused."""

import shutil

import pytest
from conftest import refused, small

import zoo
from zoo import loading, presets
from zoo.errors import DataError, UnknownNameError, WeightsError
from zoo.registry import architectures, language_models

NAMES = zoo.list_models()
SHIPPED = [name for name in NAMES if zoo.card(name).weights]
CARD = """
task = "classification"
summary = "s"
labels = "l"
sample_rate = 8000
parameters = 0
licence = "x"
limits = "none"
training = ""
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Cards and weights of the test's own."""
    monkeypatch.setattr(presets, "CARDS", tmp_path)
    monkeypatch.setattr(presets, "WEIGHTS", tmp_path)
    (tmp_path / "conv2d_mini.toml").write_text('name = "conv2d_mini"' + CARD)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_every_card_is_whole(name):
    card = zoo.card(name)
    assert card.name == name and card.summary and card.limits and card.licence
    assert card.architecture in architectures() + language_models()
    assert ("." in name) != bool(card.tag)  # the full name is architecture.tag
    for source in card.sources:
        assert source["title"] and source["url"].startswith("https://") and source["licence"]
    for result in card.results:
        assert result.metric in ("WER", "CER", "accuracy", "EER", "AUROC", "perplexity", "dB")
        assert result.utterances > 0 and result.reference_length > 0 and 0 <= result.low <= result.value <= result.high
    assert len({result.key for result in card.results}) == len(card.results)
    assert card.data == tuple(source["title"] for source in card.sources) and card.size == card.weights.get("bytes", 0)
    shown = card._repr_html_()
    assert shown.count("larger is better") == sum(r.metric in ("accuracy", "AUROC") for r in card.results)
    assert ">parameters</th>" in shown and all(f"{result.value:.2f}" in shown for result in card.results)
    assert all(set(tuned) <= {"alpha", "word_bonus", "prior_scale"} for tuned in card.decoding.values())
    if card.prior or any("prior_scale" in tuned for tuned in card.decoding.values()):
        assert min(card.prior) > 0 and sum(card.prior) == pytest.approx(1, abs=0.01) and card.prior_data
    if card.weights:
        assert card.weights["commands"] and card.weights_path.stat().st_size == card.weights["bytes"] == card.size
        presets.check_weights(card.weights_path, card.weights["sha256"])
    if card.litert:
        path = presets.WEIGHTS / card.litert["file"]
        assert card.litert["command"] and path.stat().st_size == card.litert["bytes"] < 5e6
        presets.check_weights(path, card.litert["sha256"])


@pytest.mark.parametrize("name", SHIPPED)
def test_bundled_weights_with_one_byte_changed_are_refused(name, tmp_path, monkeypatch):
    card = zoo.card(name)
    for file in filter(None, (card.weights["file"], card.labels_file)):
        shutil.copy(presets.WEIGHTS / file, tmp_path)
    monkeypatch.setattr(presets, "WEIGHTS", tmp_path)
    whole = bytearray(card.weights_path.read_bytes())
    whole[len(whole) // 2] ^= 1
    card.weights_path.write_bytes(whole)
    with pytest.raises(WeightsError, match="sha256"):
        zoo.load(name)
    card.weights_path.unlink()
    with pytest.raises(WeightsError, match="missing"):
        zoo.load(name)


def test_names_are_listed_by_wildcard_and_task():
    assert set(NAMES) >= set(architectures()) | set(language_models()) and NAMES == sorted(NAMES)
    assert "lstm_ctc" in zoo.list_models("*ctc") and "lstm_ctc" in zoo.list_models("lstm_???")
    assert zoo.list_models("no such*") == []
    assert "ngram_lm" in zoo.list_models(task="language") and "conv2d" not in zoo.list_models(task="language")
    assert zoo.list_models("*.fsdd", task="classification")  # by their full names


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_has_a_full_name_and_older_ones(name):
    card = zoo.card(name)
    for other in (*([f"{name}.{card.tag}"] if card.tag else []), *card.aliases):
        assert presets.resolve(other) == name and zoo.card(other) is card
    if name == card.architecture:
        assert card.tag, "a default preset has a tag for its full name"


def test_unknown_names_offer_the_nearest():
    for name in ("lstm_ct", "conv2d.fsd", ""):
        with pytest.raises(UnknownNameError):
            zoo.card(name)
    with pytest.raises(UnknownNameError, match="lstm_ctc"):
        zoo.card("lstm_ct")


def test_a_further_preset_is_a_card_and_a_weights_file(folder):
    words = ("ja", "nein", "стоп")
    model = small("conv2d_mini", labels=words, filters=4)
    loading.save_weights(model, folder / "mine.weights.h5")
    (folder / "mine.labels.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    weights = {"file": "mine.weights.h5", "sha256": presets.sha256(folder / "mine.weights.h5"), "bytes": 1}
    text = 'name = "conv2d_mini.mine"\narchitecture = "conv2d_mini"\naliases = ["my_words"]' + CARD
    text += 'labels_file = "mine.labels.txt"\nconfig = { filters = 4 }\n[weights]\n'
    text += "".join(f"{key} = {value!r}\n" for key, value in weights.items())
    (folder / "conv2d_mini.mine.toml").write_text(text, encoding="utf-8")
    assert "conv2d_mini.mine" in zoo.list_models("conv2d_mini*", task="classification")
    for name in ("conv2d_mini.mine", "my_words"):
        loaded = zoo.load(name)
        assert loaded.labels == words and loaded.config == model.config
        assert loaded.preset == loaded.display_name == "conv2d_mini.mine"
    assert zoo.load("conv2d_mini.mine", weights=None).labels == words
    assert zoo.load("my_words", labels=["a", "b"]).config.filters == 4
    assert zoo.load("conv2d_mini", weights=None).labels != words


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:9],
        lambda text: "colour = 3\n" + text,
        lambda text: text.replace("name =", "nome ="),
        lambda text: text + "[[results]]\nvalue = 1\n",
    ],
)
def test_a_damaged_card_is_a_sentence(change, folder):
    path = folder / "conv2d_mini.toml"
    path.write_text(change(path.read_text()))
    with refused("", DataError):
        zoo.card("conv2d_mini")
    path.write_bytes(b"\xff\xfe")
    with refused("", DataError):
        zoo.card("conv2d_mini")


def test_a_model_without_card_or_weights(folder):
    with refused("weights", WeightsError):
        _ = zoo.card("conv2d_mini").weights_path
    with refused("weights", WeightsError):
        zoo.load("conv2d_mini")
    (folder / "conv2d_mini.toml").unlink()  # as a new model file has none
    with pytest.raises(DataError):
        zoo.card("conv2d_mini")
    assert presets.find_card("conv2d_mini") is None and "conv2d_mini" in zoo.list_models("conv2d*")
    assert zoo.load("conv2d_mini", weights=None).preset == ""


def test_checksums(tmp_path):
    path = tmp_path / "a.weights.h5"
    path.write_bytes(b"abc")
    good = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, example B.1
    assert presets.sha256(path) == good
    presets.check_weights(path, good)
    path.write_bytes(b"abd")
    with pytest.raises(WeightsError, match=path.name):
        presets.check_weights(path, good)
