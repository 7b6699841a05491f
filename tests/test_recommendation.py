"""Recommended presets: ranked by measured figures, within limits, with reasons."""

import pytest
from cli_runner import refusal, run, run_json
from conftest import refused

import zoo
from zoo import recommendation
from zoo.errors import UnknownNameError, ZooError

FIGURES = {
    "ds_cnn": {"ms": 3.0, "seconds": 1.4, "noise": {"data": "fsdd:test", "errors": {"20": 1.0, "10": 3.0, "0": 15.0}}},
    "conv2d": {"ms": 9.0, "seconds": 1.4, "noise": {"data": "fsdd:test", "errors": {"20": 2.0, "10": 2.5, "0": 21.0}}},
    "lstm_ctc": {"ms": 40.0, "seconds": 4.0},
}


@pytest.fixture
def figures(monkeypatch):
    monkeypatch.setattr(recommendation, "_figures", lambda: FIGURES)


@pytest.mark.parametrize("task", recommendation.tasks())
def test_every_task_has_the_best_first(task):
    found = zoo.recommend(task)
    assert found and [one.error for one in found] == sorted(one.error for one in found)
    assert len({(one.data, one.metric) for one in found}) == 1  # figures that can be compared
    assert all(one.name in one.why or one.why.endswith(".") for one in found)


def test_limits_hold(figures):
    found = zoo.recommend("fsdd", max_ms=5)
    assert [one.name for one in found] == [
        "ds_cnn"
    ]  # of the others, one is slow, and the speed of the rest is not known
    assert all(one.mb <= 0.5 for one in zoo.recommend("fsdd", max_mb=0.5))
    assert zoo.recommend("commands", max_mb=1)[0].name == "ds_cnn.commands"


def test_errors_in_noise_are_between_those_measured(figures):
    error = lambda name, snr: next(one.error for one in zoo.recommend("fsdd", noise_db=snr) if one.name == name)  # noqa: E731
    assert error("ds_cnn", 10) == 3.0 and error("ds_cnn", 5) == 9.0 and error("ds_cnn", -10) == 15.0
    clean = next(one.error for one in zoo.recommend("fsdd") if one.name == "ds_cnn")
    assert clean < error("ds_cnn", 30) < 1.0 and error("ds_cnn", 60) == pytest.approx(clean)
    names = [one.name for one in zoo.recommend("fsdd", noise_db=10)]
    assert names[:2] == ["conv2d", "ds_cnn"] and len(names) > 2  # those without figures in noise come last
    assert "not measured in noise" in zoo.recommend("fsdd", noise_db=10)[-1].why


@pytest.mark.parametrize(
    "argument, options",
    [("max_ms", {"max_ms": 0}), ("max_mb", {"max_mb": "1"}), ("noise_db", {"noise_db": float("nan")}), ("max_ms", {"max_ms": 1}), ("max_mb", {"max_mb": 0.001})],
)  # fmt: skip
def test_bad_limits_and_impossible_ones_are_refused(figures, argument, options):
    with refused(argument, ZooError):
        zoo.recommend("fsdd", **options)


def test_an_unknown_task_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="commands"):
        zoo.recommend("comands")


def test_it_shows_as_text_and_in_jupyter():
    found = zoo.recommend("transcription")
    assert len(str(found).splitlines()) == len(found) + 1 and found[0].name in str(found)
    assert found._repr_html_().count("<tr>") == len(found) + 1


def test_the_command():
    names = [one["name"] for one in run_json("list", "--for", "fsdd", "--max-mb", 0.5)]
    assert names == [one.name for one in zoo.recommend("fsdd", max_mb=0.5)]
    assert names[0] in run("list", "--for", "fsdd").stdout
    assert refusal("list", "--max-mb", 0.5).argument == "max_mb"
