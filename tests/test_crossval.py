"""Leaving a speaker out: each once, a run that goes on, and a folder that holds another run is refused. Cards are written whole."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from conftest import refused

pytest.importorskip("zoo.training.augment")
from experiments import crossval, ship  # noqa: E402
from zoo import presets  # noqa: E402
from zoo.errors import DataError  # noqa: E402
from zoo.presets import Result  # noqa: E402


@pytest.fixture
def words(tmp_path) -> list[str]:
    """Two words by three speakers, as a set."""
    rows = ["path,text,speaker"]
    for speaker in ("anna", "ben", "cleo"):
        for take, (word, hertz) in enumerate((("yes", 300), ("no", 800), ("yes", 320))):
            path = tmp_path / f"{speaker}{take}.wav"
            soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000), 8000)
            rows.append(f"{path.name},{word},{speaker}")
    (tmp_path / "words.csv").write_text("\n".join(rows) + "\n")
    return [f"folder:all,source={tmp_path}/words.csv"]


def test_each_speaker_is_left_out_once_and_what_is_done_is_not_done_again(words, tmp_path, monkeypatch):
    out = tmp_path / "folds"
    folds = crossval.crossval("majority", out, words, log=lambda line: None)
    assert list(folds) == ["anna", "ben", "cleo"]
    assert all(fold == {"references": ["yes", "no", "yes"], "hypotheses": ["yes"] * 3} for fold in folds.values())
    each, mean = crossval.scores(folds)
    assert each["ben"] == pytest.approx(200 / 3) and mean["value"] == pytest.approx(200 / 3) == pytest.approx(
        mean["low"]
    )

    monkeypatch.setattr(crossval, "run", None)
    assert crossval.crossval("majority", out, words, log=lambda line: None) == folds
    with refused("out"):
        crossval.crossval("svm", out, words)
    (out / "crossval.json").write_text("{")
    with pytest.raises(DataError):
        crossval.crossval("majority", out, words)


def test_what_cannot_be_left_out_makes_no_folder(words, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with refused("out"):
        crossval.crossval("majority", tmp_path / "other", words)
    table = tmp_path / "words.csv"
    table.write_text(
        "\n".join(line for line in table.read_text().splitlines() if "ben" not in line and "cleo" not in line)
    )
    with refused("group"):
        crossval.crossval("majority", tmp_path / "folds", words)
    assert not (tmp_path / "folds").exists()


@pytest.mark.slow
def test_a_network_learns_each_fold_from_nothing(words, tmp_path, eager):
    table = tmp_path / "words.csv"
    table.write_text("\n".join(line for line in table.read_text().splitlines() if "cleo" not in line))
    folds = crossval.crossval("conv2d_mini", tmp_path / "folds", words, log=lambda line: None, epochs=1, batch_size=4)
    assert {len(fold["hypotheses"]) for fold in folds.values()} == {3}
    assert json.loads((tmp_path / "folds" / "anna" / "run.json").read_text())["init"] == "none"


@pytest.fixture
def cards(tmp_path, monkeypatch):
    """A copy of the cards that may be written."""
    shutil.copytree(presets.CARDS, tmp_path / "cards")
    for module in (presets, ship):
        monkeypatch.setattr(module, "CARDS", tmp_path / "cards")
    return tmp_path / "cards"


def test_a_measured_result_replaces_its_predecessor_and_keeps_its_note(cards):
    before = presets.card("conv2d").results
    old = before[0]
    new = Result(**(vars(old) | {"value": 12.5, "note": ""}))
    other = Result("mine", "test", "accuracy", 1.0, 0.0, 2.0, 10, 10)
    ship.update_card("conv2d", results=[new, other])
    after = presets.card("conv2d").results
    assert len(after) == len(before) + 1 and after[0].value == 12.5 and after[0].note == old.note
    assert after[-1].data == "mine"


def test_new_weights_take_the_old_figures_away(cards):
    ship.update_card("conv_lstm_ctc", weights={"file": "x", "sha256": "y", "bytes": 1, "commands": []})
    card = presets.card("conv_lstm_ctc")
    assert not card.results and not card.prior and card.decoding
    assert all("prior_scale" not in tuned for tuned in card.decoding.values())


def test_commands_of_a_run_come_after_those_it_started_from(tmp_path):
    for name, init in (("first", None), ("second", tmp_path / "first" / "best.weights.h5")):
        (tmp_path / name).mkdir()
        request = {"init": init and str(init), "argv": ["/venv/bin/zoo", "train", "conv2d", "--out", f"runs/{name}"]}
        (tmp_path / name / "run.json").write_text(json.dumps(request))
    assert ship.commands(tmp_path / "second") == [f"zoo train conv2d --out runs/{name}" for name in ("first", "second")]
