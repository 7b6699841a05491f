"""What all drawings share: two themes, boxes, arrows and notes in one visual language."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path

from zoo.errors import unknown_name
from zoo.plots.figure import COLOURS, Drawing, can_show_chinese
from zoo.words import say

# What a box is filled with, by what it stands for.
KINDS = {
    "input": "#7F7F7F", "fixed": "#A6A6A6", "convolution": COLOURS[0], "recurrent": COLOURS[1], "attention": COLOURS[3],
    "dense": COLOURS[2], "shape": COLOURS[5], "sum": COLOURS[4],
}  # fmt: skip


@dataclass(frozen=True)
class Theme:
    """Colours of a drawing: what is written, what it is written on, and how strongly boxes are filled."""

    ink: str
    paper: str
    fill: float  # share of the box's own colour, the rest is paper

    def tint(self, colour: str, share: float | None = None) -> tuple[float, ...]:
        """A colour mixed with the paper."""
        share = self.fill if share is None else share
        return tuple(share * a + (1 - share) * b for a, b in zip(to_rgb(colour), to_rgb(self.paper), strict=True))


THEMES = {"light": Theme("#1a1a1a", "#ffffff", 0.26), "dark": Theme("#f2f2f2", "#15181c", 0.5)}


def find_theme(name: str | None) -> Theme:
    """Returns a theme by its name; None takes text and background of matplotlib's rcParams."""
    if name is None:
        ink, paper = rcParams["text.color"], rcParams["figure.facecolor"]
        return Theme(ink, paper, 0.26 if sum(to_rgb(paper)) > 1.5 else 0.5)
    if name not in THEMES:
        raise unknown_name("theme", name, THEMES)
    return THEMES[name]


class Canvas:
    """Axes without ticks, in inches from the lower left, and the shapes on them."""

    translated = True  # into the reader's language; names of layers are not

    def __init__(self, width: float, height: float, theme: str | None = None, title: str = ""):
        self.theme, self.width, self.height = find_theme(theme), width, height
        self.figure = Drawing(figsize=(width, height), facecolor=self.theme.paper)
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(0, height))
        self.axes.set_axis_off()
        if title:
            self.note(width / 2, height - 0.2, title, size=12, weight="bold")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        lines: Sequence[str],
        kind: str,
        names: Sequence[str] = (),
    ) -> FancyBboxPatch:
        """Draws a box centred on (x, y): the first line bold, the others small. `names` are the layers it stands for."""
        colour = KINDS[kind]
        patch = FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.07", zorder=3,
            facecolor=self.theme.tint(colour), edgecolor=self.theme.tint(colour, 0.9), linewidth=1.2,
        )  # fmt: skip
        patch.set_gid("box " + " ".join(names or lines[:1]))
        self.axes.add_patch(patch)
        step = height / (len(lines) + 0.25)
        for i, line in enumerate(lines):
            style = {"size": 9.5, "weight": "bold"} if i == 0 else {"size": 7.5}
            wide = 0.7 if i == 0 else 0.58  # of a letter, as a share of its size
            style["size"] = min(style["size"], 72 * width / (wide * max(1, len(line))))
            self.note(x, y + step * ((len(lines) - 1) / 2 - i), line, **style)
        return patch

    def note(self, x: float, y: float, text: str, **style: Any) -> None:
        """Writes text, centred unless said otherwise; a dollar sign stays one."""
        math = style.pop("math", False)
        text = say(text) if self.translated and can_show_chinese() else text
        style = {"ha": "center", "va": "center", "size": 8, "color": self.theme.ink, "zorder": 4} | style
        self.axes.text(x, y, text, parse_math=math, **style)

    def arrow(self, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
        """Draws a straight arrow."""
        style = {
            "color": self.theme.ink,
            "linewidth": 1.1,
            "arrowstyle": "-|>",
            "mutation_scale": 9,
            "zorder": 2,
        } | style
        self.axes.add_patch(FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **style))

    def route(self, points: Sequence[tuple[float, float]], **style: Any) -> None:
        """Draws an arrow along corners."""
        style = {"color": self.theme.ink, "linewidth": 1.1, "linestyle": "-"} | style
        line = PathPatch(Path(points), fill=False, zorder=2, capstyle="butt", joinstyle="round", edgecolor=style["color"],
                         linewidth=style["linewidth"], linestyle=style["linestyle"])  # fmt: skip
        self.axes.add_patch(line)
        self.arrow(points[-2], points[-1], color=style["color"], linewidth=style["linewidth"])

    def frame(self, left: float, bottom: float, width: float, height: float, text: str = "") -> None:
        """Draws a dashed frame around boxes, with a word such as "× 3" at its upper right."""
        patch = FancyBboxPatch(
            (left, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.1", fill=False, linestyle=(0, (4, 3)),
            edgecolor=self.theme.tint(self.theme.ink, 0.6), linewidth=1.0, zorder=1,
        )  # fmt: skip
        self.axes.add_patch(patch)
        if text:
            self.note(left + width - 0.06, bottom + height - 0.13, text, ha="right", size=10, weight="bold")
