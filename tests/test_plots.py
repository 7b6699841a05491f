"""Plots show what was put in, on the axes that were given, and touch nothing global."""

import io
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import refused
from matplotlib.figure import Figure

from zoo import plots
from zoo.decoding import Transcript, Word
from zoo.errors import DataError, UnknownNameError, ZooError
from zoo.plots import pictures
from zoo.text import Vocabulary

LOG_MEL = np.random.default_rng(0).uniform(-80, 0, (31, 23))
LEVELS = {"0": 60.0, "clean": 99.0, "10": 90.0, "20": 97.0}


def texts(axes) -> str:
    """All text of a figure."""
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


PLOTS = {
    "confusion": lambda axes: plots.confusion(["yes", "no", "no"], ["yes", "no", "yes"], ["yes", "no"], axes),
    "saliency": lambda axes: plots.saliency(LOG_MEL, np.abs(LOG_MEL), 0.01, axes, "a $ is a $"),
    "attention": lambda axes: plots.attention(LOG_MEL, np.full(16, 1 / 16), 0.01, 0.02, axes),
    "bars": lambda axes: plots.bars({"yes": 0.7, "no": 0.3}, axes),
    "band_errors": lambda axes: plots.band_errors({"a": np.ones(23)}, axes),
    "comparison": lambda axes: plots.comparison([row("conv2d"), row("svm", kind="baseline", parameters=None)], axes),
}


@pytest.mark.parametrize("name", PLOTS)
def test_draws_on_the_axes_given_or_its_own(name):
    mine = Figure().subplots()
    assert PLOTS[name](mine) is mine
    assert len(PLOTS[name](None).figure._repr_png_()) > 3000


def test_importing_zoo_draws_nothing_and_importing_plots_touches_nothing_global():
    code = "import sys, zoo; assert 'matplotlib' not in sys.modules\nfrom zoo import plots; plots.bars({'a': 1.0})"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'matplotlib.pyplot' not in sys.modules"], check=True)


def test_transcription_has_a_curve_for_each_token_and_a_name_for_each_word():
    probabilities = np.full((20, 4), 0.01)
    probabilities[:, 0] = 0.97
    for frame, token in ((4, 1), (5, 1), (6, 2), (12, 3)):
        probabilities[frame, [0, token]] = 0.1, 0.88
    said = Transcript("ab c", (Word("ab", 0.1, 0.2, 0.9), Word("c", 0.3, 0.4, 0.9)), 0.9, 1.0)
    config = SimpleNamespace(sample_rate=8000, frame_seconds=0.03)
    logits = {"logits": lambda clips, rate: [np.log(probabilities)]}
    model = SimpleNamespace(config=config, vocabulary=Vocabulary("abc"), **logits)
    figure = pictures.transcription(model, np.zeros(4800), 8000, said)
    both = pictures.transcription(SimpleNamespace(models=[model, model]), np.zeros(4800), 8000, said)
    assert len(both.axes[2].lines) == 3  # of an ensemble, the first network
    wave, mel, chart = figure.axes
    assert len(wave.lines) == 1 and len(mel.images) == 1 and len(chart.lines) == 3
    assert {"a", "b", "c", "ab"} <= {text.get_text() for text in chart.texts}
    assert figure.get_suptitle() == "ab c"


def test_a_classification_is_drawn_by_keras_only():
    with refused("model", ZooError):
        pictures.classification(SimpleNamespace(display_name="ds_cnn"), np.zeros(4800), 8000)


def test_confusion_counts_rows_by_reference():
    axes = plots.confusion(["a"] * 5 + ["b"] * 2, ["a"] * 4 + ["b"] + ["b"] * 2, ["a", "b", "c"])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("hypothesis", "reference")
    assert "85.7%" in axes.get_title() and "6 of 7" in axes.get_title()
    cells = {(t.get_position(), t.get_text()) for t in axes.texts}
    assert cells == {((0, 0), "4"), ((1, 0), "1"), ((1, 1), "2")}  # (column, row)
    with refused("hypotheses", DataError):
        plots.confusion(["a"], [], ["a"])
    with pytest.raises(UnknownNameError):
        plots.confusion(["a"], ["x"], ["a"])


def test_confusion_of_many_labels_leaves_counts_out():
    labels = [f"label number {i}" for i in range(134)]
    axes = plots.confusion(10 * labels, 10 * labels, labels)
    assert not axes.texts and len(axes.get_xticklabels()) == 134


def test_names_of_files_are_drawn_whatever_they_are(tmp_path):
    axes = plots.bars({"yes": 0.6, "no": 0.4})
    axes.set_title("\u4e03 caf\udce9.wav")  # Chinese; and bytes that are no UTF-8, as Python reads them from a disk
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes.figure.savefig(tmp_path / "a.png")
    assert axes.get_title() == "\u4e03 caf?.wav"


def test_attention_and_saliency_refuse_what_they_are_not():
    for weights in (np.full(5, 0.3), np.array([1.5, -0.5]), np.ones((2, 2)) / 4):
        with refused("weights", DataError):
            plots.attention(LOG_MEL, weights, 0.01, 0.02)
    for weights in (LOG_MEL, np.ones((23, 31))):
        with refused("weights", DataError):
            plots.saliency(LOG_MEL, weights, 0.01)


def test_the_colours_of_saliency_name_the_largest():
    axes = plots.saliency(LOG_MEL, 0.04 * np.abs(LOG_MEL) / np.abs(LOG_MEL).max(), 0.01)
    assert any("0.04 nats" in each.get_ylabel() for each in axes.figure.axes)


def test_bars_show_the_best_above():
    axes = plots.bars({"a": 0.1, "b": 0.65, "c": 0.25} | {str(i): 0.0 for i in range(20)})
    assert [label.get_text() for label in axes.get_yticklabels()][:3] == ["b", "c", "a"] and len(axes.patches) == 10
    assert axes.yaxis_inverted()
    with refused("probabilities", DataError):
        plots.bars({})


def test_comparison_is_ordered_and_bears_what_is_missing():
    rows = [
        row("worst", loso=70.0),
        row("best", loso=95.0),
        row("new", loso=None, speakers={}),
        row("b", kind="baseline"),
    ]
    axes = plots.comparison(rows)
    names = [label.get_text().split("\n")[0] for label in axes.get_yticklabels()]
    assert names[0] == "best" and names.index("b") < names.index("worst")
    assert "52.1 k parameters" in texts(axes) and set(names) == {"worst", "best", "new", "b"}
    with refused("rows", DataError):
        plots.comparison([])
    with pytest.raises(UnknownNameError):
        plots.comparison([row("x", kind="networks")])


def test_noise_names_every_line_and_orders_the_levels():
    axes = plots.noise([{"name": f"model {i}", "noise": LEVELS, "babble": LEVELS} for i in range(9)])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["clean", "20", "10", "0"]
    assert len(axes.figure.axes) == 2 and all(f"model {i}" in texts(axes) for i in range(9))
    with refused("rows", DataError):
        plots.noise([{"name": "x"}])


@pytest.mark.parametrize(
    "errors", [{}, {"wer an4:validation": [60.0, 20.0], "wer": [60.0, 20.0]}, {"error fsdd": [9.0, 4.0]}]
)
def test_learning_curves_have_a_line_for_each_column(errors):
    axes = plots.learning_curves({"epoch": [1, 2], "loss": [3.0, 1.0], **errors})
    assert len(axes.figure.axes) == 1 + bool(errors)
    assert len(axes.figure.axes[-1].lines) == (len(errors) or 1)


def test_a_reconstruction_beside_its_input():
    axes = plots.reconstruction(LOG_MEL, LOG_MEL + 2.0, 0.01, "a $ is a $")
    assert len(axes.figure.axes) == 5  # three spectrograms, two colour bars
    assert "2.00 dB" in axes.figure.axes[2].get_title(loc="left")
    axes.figure._repr_png_()
    with refused("reconstruction", DataError):
        plots.reconstruction(LOG_MEL, LOG_MEL[:-1], 0.01)


def test_errors_by_band_have_a_line_each():
    axes = plots.band_errors({"a": np.ones(23), "b": np.full(23, 2.0)})
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    for errors in ({}, {"a": np.ones(3), "b": np.ones(4)}):
        with refused("errors", DataError):
            plots.band_errors(errors)


@pytest.mark.parametrize("method", ["pca", pytest.param("tsne", marks=pytest.mark.slow)])
def test_a_map_keeps_groups_apart(method, rng):
    codes = np.concatenate([rng.standard_normal((20, 6)) + 40 * np.eye(6)[i] for i in range(3)])
    group = [name for name in "abc" for _ in range(20)]
    axes = plots.latent_map(codes, {"digit": group, "speaker": group[::-1]}, method)
    assert "digit" in axes.get_title() and len(axes.figure.axes) == 2
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


def test_maps_of_nothing_are_refused(rng):
    codes = rng.standard_normal((9, 3))
    for wrong in (codes[:4], codes[:, :1], codes * np.nan):
        with refused("codes", DataError):
            plots.latent_map(wrong, {"digit": ["a"] * len(wrong)})
    for groups in ({}, {"digit": ["a"] * 2}):
        with refused("groups", DataError):
            plots.latent_map(codes, groups)
    with pytest.raises(UnknownNameError):
        plots.latent_map(codes, {"digit": ["a"] * 9}, method="t-sne")


@pytest.mark.parametrize("rows", [1, 2])
def test_pictures_of_the_lessons(rows):
    """What the chapters on recognizers, speakers and deployment draw."""
    from zoo.metrics import accuracy
    from zoo.plots import lessons

    words = [Word("one", 0.2, 0.5, 0.9)] * rows
    scores = [accuracy(["a", "b"], ["a", "b"]), accuracy(["a", "b"], ["a", "a"])]
    same = np.arange(20) % 2 == 0
    drawn = [
        lessons.heads({f"head {i}": np.eye(4) for i in range(4 * rows)}, 0.2),
        lessons.captions(words, [0.8] * rows, [1.0] * rows, 1.5),
        lessons.trade_off({"network": ([1, 4], scores)}, "MB", "accuracy in %"),
        lessons.trials(np.linspace(-0.3, 0.9, 20), same, 0.4),
        lessons.det({"network": (np.linspace(0, 1, 20), np.linspace(1, 0, 20))}),
        lessons.cosines(np.eye(4), ["b", "a", "b", "a"]),
        lessons.side_by_side({"float32": np.zeros((9, 40)), "int8": np.ones((9, 40))}),
        lessons.drift([0.1, 0.2], 0.2, {"Tuesday": 0.5}),
        lessons.images({str(i): np.ones((9, 40)) for i in range(5 * rows)}, signed=True),
    ]
    for axes in drawn:
        assert axes.figure._repr_png_().startswith(b"\x89PNG") and (axes.get_title() or axes.get_xlabel())


@pytest.mark.parametrize("labels", ["123456789", ("zero", "one", "seventeen"), [str(i) for i in range(30)]])
def test_the_labels_of_a_confusion_matrix_lie_within_the_picture(labels):
    labels = [*labels]
    axes = plots.confusion(labels, labels, labels)
    axes.figure.savefig(io.BytesIO(), format="png")
    (left, bottom), (right, top) = axes.get_tightbbox().get_points()
    assert left >= 0 and bottom >= 0 and right <= axes.figure.bbox.width and top <= axes.figure.bbox.height
