"""Drawings hold what they are made from: each layer in a box, no box over another, words inside, both themes."""

from itertools import combinations

import keras
import numpy as np
import pytest
from conftest import refused
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch

import zoo
from zoo.errors import DataError, UnknownNameError, ZooError
from zoo.plots import architecture, diagrams
from zoo.plots.shapes import THEMES, Canvas

DRAWINGS = {
    "lstm_cell": diagrams.lstm_cell,
    "query_key_value": diagrams.query_key_value,
    "ctc_lattice": lambda **options: diagrams.ctc_lattice("see", 6, **options),
    "beam": lambda **options: diagrams.beam([[("", 0.6), ("a", 0.4)], [("a", 0.5), ("ab", 0.3)]], **options),
    "vae": diagrams.vae,
}


def boxes(figure) -> dict:
    """(left, bottom, right, top) of each box by what it stands for."""
    patches = [p for p in figure.axes[0].patches if isinstance(p, FancyBboxPatch) and p.get_gid()]
    return {p.get_gid(): (p.get_x(), p.get_y(), p.get_x() + p.get_width(), p.get_y() + p.get_height()) for p in patches}


def check_layout(figure):
    """No box over another or outside the picture, and the words of each box inside it."""
    width, height = figure.get_size_inches()
    places = list(boxes(figure).values())
    assert places and all(0 <= a and 0 <= b and c <= width and d <= height for a, b, c, d in places)
    for (a, b, c, d), (e, f, g, h) in combinations(places, 2):
        assert c <= e or g <= a or d <= f or h <= b
    renderer = FigureCanvasAgg(figure).get_renderer()
    for text in figure.axes[0].texts:
        span = text.get_window_extent(renderer)
        left, right, middle = span.x0 / figure.dpi, span.x1 / figure.dpi, (span.y0 + span.y1) / 2 / figure.dpi
        for a, b, c, d in places:
            if a < (left + right) / 2 < c and b < middle < d:
                assert a - 0.02 <= left and right <= c + 0.02, text.get_text()


def layer_names(model) -> set[str]:
    inner = [layer for layer in model.layers if hasattr(layer, "layers")]
    own = {operation.name for operation in model.operations} - {layer.name for layer in inner}
    return own.union(*(layer_names(layer) - {"code"} for layer in inner))


def check_architecture(name):
    model = zoo.load(name, weights=None)
    figure = architecture(model)
    drawn = {word for gid in boxes(figure) for word in gid.split()[1:]}
    assert layer_names(model) <= drawn
    check_layout(figure)


@pytest.mark.parametrize("name", ["conv2d_mini", "attention", "vae"])
def test_every_layer_is_drawn(name):
    check_architecture(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in zoo.list_models() if "." not in name and not name.endswith("_lm")])
def test_every_layer_of_every_architecture_is_drawn(name):
    check_architecture(name)


def test_a_repeated_stretch_is_drawn_once_and_branches_stand_side_by_side():
    inputs = x = keras.Input((8,))
    for i in range(3):
        y = keras.layers.Dense(8, name=f"wide_{i}")(x)
        x = x + keras.layers.ReLU(name=f"relu_{i}")(y)
    a, b = (keras.layers.Dense(2, name=name)(x) for name in "ab")
    figure = architecture(keras.Model(inputs, [a, b]), title="mine")
    found = boxes(figure)
    stretch = next(gid for gid in found if "wide_0" in gid)
    assert "relu_2" in stretch and "wide_2" in stretch
    assert "× 3" in [text.get_text() for text in figure.axes[0].texts]
    left, right = sorted(found[f"box {name}"] for name in "ab")
    assert left[1] == right[1] and left[2] < right[0]
    check_layout(figure)
    with refused("model", ZooError):
        architecture("conv2d")


@pytest.mark.parametrize("theme", [None, *THEMES])
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_keeps_its_words_in_its_boxes(name, theme):
    figure = DRAWINGS[name](theme=theme)
    check_layout(figure)
    if theme:
        assert to_rgb(figure.get_facecolor()) == to_rgb(THEMES[theme].paper)


def test_without_a_theme_a_drawing_follows_matplotlib():
    with rc_context({"figure.facecolor": "black", "text.color": "white"}):
        figure = Canvas(1, 1, title="x").figure
    assert to_rgb(figure.get_facecolor()) == (0, 0, 0) and figure.axes[0].texts[0].get_color() == "white"
    with pytest.raises(UnknownNameError):
        diagrams.vae(theme="drak")


def test_the_lattice_has_the_steps_that_ctc_allows():
    assert [diagrams._before(list("-s-e-e-"), s) for s in range(7)] == [
        [0],
        [1, 0],
        [2, 1],
        [3, 2, 1],
        [4, 3],
        [5, 4],
        [6, 5],
    ]
    assert len(boxes(diagrams.ctc_lattice("see", 6))) == 7 * 6
    later, all_of_it = (diagrams.ctc_lattice("see", 6, frame=frame) for frame in (2, None))
    pale = [sum((patch.get_alpha() or 1) < 1 for patch in figure.axes[0].patches) for figure in (later, all_of_it)]
    assert pale[0] > pale[1]
    for text, frames in (("", 4), ("a" * 13, 20), ("a", 25)):
        with refused("text", DataError):
            diagrams.ctc_lattice(text, frames)
    with refused("weights", DataError):
        diagrams.ctc_lattice("a", 4, np.ones((4, 2)))


def test_a_beam_grows_frame_by_frame_and_attention_takes_weights():
    steps = [[("a", 0.4)], [("ab", 0.5), ("a", 0.3)], [("ab", 0.6)]]
    assert [len(boxes(diagrams.beam(steps, frame=frame))) for frame in range(3)] == [1, 3, 4]
    with refused("steps", DataError):
        diagrams.beam([])
    with refused("weights", DataError):
        diagrams.query_key_value([0.5, 0.6])
    words = " ".join(text.get_text() for text in diagrams.query_key_value([0.25, 0.75]).axes[0].texts)
    assert "0.75" in words and "softmax" in words
