"""Pictures say what was put in, on the axes that were given, and touch nothing global."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from zoo import plots
from zoo.errors import DataError, UnknownNameError

LOG_MEL = np.random.default_rng(0).uniform(-80, 0, (31, 23))


def words(axes) -> str:
    """All text of a picture."""
    axes.figure.canvas.draw()
    return " ".join(
        t.get_text() for a in axes.figure.axes for t in [*a.texts, a.title, *a.get_xticklabels(), *a.get_yticklabels()]
    )


def row(name, official=97.0, loso=90.0, kind="network", **more):
    spans = {
        key: value and {"value": value, "low": value - 2, "high": value + 1}
        for key, value in (("official", official), ("loso", loso))
    }
    return {"name": name, "kind": kind, **spans, "speakers": {"anna": 88.0, "ben": 92.0}, "parameters": 52_100, **more}


PICTURES = {
    "confusion": lambda axes: plots.confusion(["yes", "no", "no"], ["yes", "no", "yes"], ["yes", "no"], axes),
    "saliency": lambda axes: plots.saliency(LOG_MEL, np.abs(LOG_MEL), 0.01, axes, "a $ is a $"),
    "attention": lambda axes: plots.attention(LOG_MEL, np.full(16, 1 / 16), 0.01, 0.02, axes),
    "bars": lambda axes: plots.bars({"yes": 0.7, "no": 0.3}, axes),
    "comparison": lambda axes: plots.comparison([row("conv2d"), row("svm", kind="baseline", parameters=None)], axes),
    "noise": lambda axes: plots.noise([{"name": "conv2d", "noise": {"clean": 99.0, "20": 98.0, "0": 70.0}}], axes),
}


@pytest.mark.parametrize("name", PICTURES)
def test_draws_on_the_axes_given_or_its_own(name, tmp_path):
    mine = Figure().subplots()
    assert PICTURES[name](mine) is mine
    PICTURES[name](None).figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 3000


def test_confusion_counts_rows_as_said():
    axes = plots.confusion(["a"] * 5 + ["b"] * 2, ["a"] * 4 + ["b"] + ["b"] * 2, ["a", "b", "c"])
    said = words(axes)
    assert "85.7%" in said and "6 of 7" in said
    cells = {(t.get_position(), t.get_text()) for t in axes.texts}
    assert cells == {((0, 0), "4"), ((1, 0), "1"), ((1, 1), "2")}  # (column heard, row said)


def test_names_of_files_are_drawn_whatever_they_are(tmp_path):
    axes = plots.bars({"yes": 0.6, "no": 0.4})
    axes.set_title("\u4e03 caf\udce9.wav")  # Chinese; and bytes that are no UTF-8, as Python reads them from a disk
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes.figure.savefig(tmp_path / "a.png")
    assert axes.get_title() == "\u4e03 caf?.wav"


def test_confusion_of_many_labels_leaves_counts_out():
    labels = [f"label number {i}" for i in range(134)]
    axes = plots.confusion(10 * labels, 10 * labels, labels)
    assert not axes.texts and len(axes.get_xticklabels()) == 134


def test_attention_and_saliency_refuse_what_they_are_not():
    for weights in (np.full(5, 0.3), np.array([1.5, -0.5]), np.ones((2, 2)) / 4):
        with pytest.raises(DataError, match="sum to 1"):
            plots.attention(LOG_MEL, weights, 0.01, 0.02)
    for weights in (LOG_MEL, np.ones((23, 31))):
        with pytest.raises(DataError, match="zero or more"):
            plots.saliency(LOG_MEL, weights, 0.01)


def test_bars_show_the_best_above():
    said = words(plots.bars({"a": 0.1, "b": 0.65, "c": 0.25}, top=2))
    assert "65.0 %" in said and "25.0 %" in said and "10.0 %" not in said
    with pytest.raises(DataError, match="got none"):
        plots.bars({})


def test_comparison_is_ordered_and_bears_what_is_missing():
    rows = [
        row("worst", loso=70.0),
        row("best", loso=95.0),
        row("unknown", loso=None, speakers={}),
        row("b", kind="baseline"),
    ]
    names = [label.get_text().split("\n")[0] for label in plots.comparison(rows).get_yticklabels()]
    assert names[0] == "best" and names.index("b") < names.index("worst")
    assert "52.1 k parameters" in words(plots.comparison(rows)) and set(names) == {"worst", "best", "unknown", "b"}
    with pytest.raises(DataError, match="at least one model"):
        plots.comparison([])
    with pytest.raises(UnknownNameError, match="did you mean network"):
        plots.comparison([row("x", kind="networks")])


def test_noise_names_every_line_and_orders_the_levels():
    levels = {"0": 60.0, "clean": 99.0, "10": 90.0, "20": 97.0}
    axes = plots.noise([{"name": f"model {i}", "noise": levels, "babble": levels} for i in range(9)])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["clean", "20", "10", "0"]
    assert len(axes.figure.axes) == 2 and all(f"model {i}" in words(axes) for i in range(9))
    with pytest.raises(DataError, match="got none"):
        plots.noise([{"name": "x"}])


@pytest.mark.parametrize(
    "rates", [{}, {"wer an4:validation": [60.0, 20.0], "wer": [60.0, 20.0]}, {"error fsdd": [9.0, 4.0]}]
)
def test_learning_curves(rates):
    axes = plots.learning_curves({"epoch": [1, 2], "loss": [3.0, 1.0], **rates})
    drawn = [line.get_label() for line in axes.figure.axes[-1].lines]
    assert len(axes.figure.axes) == 1 + bool(rates) and set(rates) <= {*drawn, "wer"}


def test_nothing_global():
    code = "import sys; from zoo import plots; plots.bars({'a': 1.0}); assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_reconstruction_beside_what_went_in(tmp_path):
    axes = plots.reconstruction(LOG_MEL, LOG_MEL + 2.0, 0.01, "a $ is a $")
    assert (
        "2.00 dB" in axes.figure.axes[2].get_title(loc="left") and len(axes.figure.axes) == 5
    )  # three pictures, two scales
    axes.figure.savefig(tmp_path / "picture.png")
    with pytest.raises(DataError, match=r"got \(30, 23\) for \(31, 23\)"):
        plots.reconstruction(LOG_MEL, LOG_MEL[:-1], 0.01)


def test_errors_by_band_have_a_line_each():
    axes = plots.band_errors({"a": np.ones(23), "b": np.full(23, 2.0)}, np.linspace(50, 3900, 23))
    assert [line.get_label() for line in axes.lines] == ["a", "b"] and "Hz" in axes.get_xlabel()
    for errors in ({}, {"a": np.ones(3), "b": np.ones(4)}):
        with pytest.raises(DataError, match="Errors by band"):
            plots.band_errors(errors)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_keeps_groups_apart(method, rng):
    codes = np.concatenate([rng.standard_normal((20, 6)) + 40 * np.eye(6)[i] for i in range(3)])
    group = [name for name in "abc" for _ in range(20)]
    axes = plots.latent_map(codes, {"digit": group, "speaker": group[::-1]}, method)
    assert "coloured by digit" in words(axes) and len(axes.figure.axes) == 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"] and not axes.texts
    places = [np.asarray(dots.get_offsets()) for dots in axes.collections]
    middles = [place.mean(axis=0) for place in places]
    for place, middle in zip(places, middles, strict=True):
        own = np.linalg.norm(place - middle, axis=1).mean()
        assert all(np.linalg.norm(other - middle) > 2 * own for other in middles if other is not middle)


def test_more_groups_than_colours_are_named_on_the_map(rng):
    names = [f"${i}" for i in range(21)] * 2
    axes = plots.latent_map(rng.standard_normal((42, 3)), {"speaker": names}, "pca")
    assert axes.get_legend() is None and sorted(text.get_text() for text in axes.texts) == sorted(set(names))


def test_the_colours_of_saliency_say_how_much_their_largest_is():
    axes = plots.saliency(LOG_MEL, 0.04 * np.abs(LOG_MEL) / np.abs(LOG_MEL).max(), 0.01)
    assert any("0.04 nats" in each.get_ylabel() for each in axes.figure.axes)


def test_maps_of_nothing_are_a_sentence(rng):
    codes = rng.standard_normal((9, 3))
    with pytest.raises(DataError, match=r"got \(4, 3\)"):
        plots.latent_map(codes[:4], {"digit": ["a"] * 4})
    with pytest.raises(DataError, match=r"2 numbers, all finite; got \(9, 1\)"):
        plots.latent_map(codes[:, :1], {"digit": ["a"] * 9})
    with pytest.raises(DataError, match="at least one group"):
        plots.latent_map(codes, {})
    with pytest.raises(DataError, match="one digit: got 2 for 9"):
        plots.latent_map(codes, {"digit": ["a"] * 2})
    with pytest.raises(UnknownNameError, match="did you mean tsne"):
        plots.latent_map(codes, {"digit": ["a"] * 9}, method="t-sne")
