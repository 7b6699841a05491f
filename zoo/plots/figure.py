"""Helpers that all plots share: figures, colours, fonts, and axes of frames or names."""

import io
import warnings
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.image import AxesImage
from matplotlib.text import Text

from zoo.words import language, shown

# Okabe and Ito (2008): told apart with every kind of colour vision. Their yellow is left out: too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STRONG, ACCENT, PALE = COLOURS[0], COLOURS[1], "0.6"
CHINESE_FONTS = (  # of Linux, Windows and macOS
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Microsoft YaHei",
    "SimHei", "PingFang SC", "Hiragino Sans GB", "Arial Unicode MS",
)  # fmt: skip


class Drawing(Figure):
    """A figure that Jupyter shows although pyplot has not made it, and that can write file names in Chinese."""

    def draw(self, renderer: Any) -> None:
        """Draws the figure as matplotlib does, with labels in the reader's language and fonts for their characters."""
        for text in self._labels() if can_show_chinese() else ():
            text.set_text(shown(text.get_text()))
        for text in self.findobj(Text):
            if not (label := text.get_text()).isascii():
                # The names of some files are not valid text.
                text.set(text=label.encode(errors="replace").decode(), family=_font_families())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a machine without such a font shows a box
            super().draw(renderer)

    def savefig(self, *args: Any, **options: Any) -> None:
        """Saves the figure as matplotlib does."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")
            super().savefig(*args, **options)

    def _labels(self) -> list[Text]:
        """What stands beside axes: titles, labels and legends, not the names of words or layers."""
        parts = [self, *self.subfigs]
        found = [text for part in parts for text in (part._suptitle, part._supxlabel, part._supylabel) if text]
        for axes in self.axes:
            found += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
            found += axes.get_legend().get_texts() if axes.get_legend() else []
        return found

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png", dpi=90)
        return png.getvalue()


def follow(figure: Figure) -> None:
    """Makes a figure of pyplot a `Drawing` for readers of Chinese; `zoo.words.translate_outputs` has it called."""
    if language() == "zh":
        figure.__class__ = Drawing


@cache
def can_show_chinese() -> bool:
    """Whether this machine has a font with Chinese characters; without one, labels stay English."""
    return any(name in fontManager.get_font_names() for name in CHINESE_FONTS)


@cache
def _font_families() -> list[str]:
    """The default font, and the fonts of this machine that have Chinese characters."""
    return [*rcParams["font.family"], *(name for name in CHINESE_FONTS if name in fontManager.get_font_names())]


def axes_or_new(axes: Axes | None, size: tuple[float, float]) -> Axes:
    """Returns `axes` or, where it is None, the axes of a new figure of `size` inches."""
    return Drawing(figsize=size, layout="constrained").subplots() if axes is None else axes


def draw_frames(axes: Axes, values: np.ndarray, hop_seconds: float, **style: Any) -> AxesImage:
    """Draws (frames, bands) as an image over seconds; each frame is centred on its time."""
    n_frames, bands = values.shape
    extent = (-0.5 * hop_seconds, (n_frames - 0.5) * hop_seconds, 0, bands)
    return axes.imshow(values.T, origin="lower", aspect="auto", extent=extent, **style)


def set_names(axis: Axis, names: Iterable[str], **style: Any) -> None:
    """Writes names at 0, 1, 2, ... of an axis; a dollar sign stays a dollar sign."""
    names = list(names)
    axis.set_ticks(range(len(names)), names, parse_math=False, **style)
