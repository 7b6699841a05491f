"""A map of codes: many clips as points of a plane."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from zoo.errors import DataError, unknown_name
from zoo.plots.figure import Drawing

MOST_COLOURS = 20  # beyond, names stand on the map


def latent_map(codes: np.ndarray, groups: Mapping[str, Sequence[str]], method: str = "tsne", seed: int = 0) -> Axes:
    """Draws codes (clips, n) as points of a plane, once for each way of colouring them: {"digit": [...], "speaker": [...]}.

    The method is "pca" (plane of largest variance) or "tsne" (van der Maaten & Hinton 2008; distances mean nothing).

    >>> codes = np.random.default_rng(0).normal(size=(30, 8))
    >>> axes = latent_map(codes, {"word": ["yes", "no"] * 15}, method="pca")
    """
    codes = np.asarray(codes, "float64")
    if codes.ndim != 2 or len(codes) < 5 or codes.shape[1] < 2 or not np.isfinite(codes).all():
        raise DataError(f"`codes` must be finite (clips, n), at least 5 clips and 2 numbers. Received: {codes.shape}.")
    wrong = {name: len(labels) for name, labels in groups.items() if len(labels) != len(codes)}
    if wrong or not groups:
        raise DataError(f"`groups` must name a group for each of the {len(codes)} clips. Received: {wrong or groups}.")
    points = _project(codes, method, seed)
    figure = Drawing(figsize=(6 * len(groups), 5.4), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for axes, (name, labels) in zip(panels, groups.items(), strict=True):
        _draw_groups(axes, points, np.asarray(labels))
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"coloured by {name}", parse_math=False)
    return panels[0]


def _project(codes: np.ndarray, method: str, seed: int) -> np.ndarray:
    """(clips, n) -> (clips, 2)."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    neighbours = min(30.0, (len(codes) - 1) / 3)
    methods = {"pca": PCA(2, random_state=seed), "tsne": TSNE(2, perplexity=neighbours, init="pca", random_state=seed)}
    if method not in methods:
        raise unknown_name("method of a map", method, methods)
    return methods[method].fit_transform(codes)


def _draw_groups(axes: Axes, points: np.ndarray, labels: np.ndarray) -> None:
    """Draws the points of each group in its colour, with a legend or, where groups are many, with names on the map."""
    size = min(36.0, max(6.0, 7000 / len(points)))  # square points: many dots are small
    names = sorted(set(labels))
    for i, name in enumerate(names):
        own, colour = points[labels == name], colormaps["tab20"](2 * i % 20 + (i // 10) % 2)
        axes.scatter(*own.T, s=size, color=colour, alpha=0.7, linewidths=0, label=str(name))
        if len(names) > MOST_COLOURS:
            axes.annotate(
                str(name), np.median(own, axis=0), fontsize=9, weight="bold", ha="center", va="center", parse_math=False,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colour, "alpha": 0.85},
            )  # fmt: skip
    if len(names) <= MOST_COLOURS:
        # Beside the map: a group may lie in several islands, and a name in their middle would cover others.
        legend = axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
