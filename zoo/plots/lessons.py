"""Pictures of the chapters on recognizers, speakers and deployment: delays, attention of many heads, trials, trade-offs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from zoo.plots.figure import COLOURS, Drawing, axes_or_new, set_names


def heads(weights: Mapping[str, np.ndarray], seconds: float) -> Axes:
    """Draw attention weights (frames, frames) of several heads, by their titles, over the seconds of a clip.

    >>> heads({"head 1": np.eye(3), "head 2": np.ones((3, 3)) / 3}, seconds=0.1).get_title()
    'head 1'
    """
    columns = min(4, len(weights))
    figure = Drawing(figsize=(2.5 * columns, 2.5 * -(-len(weights) // columns)), layout="constrained")
    most = float(np.sqrt(max(shares.max() for shares in weights.values())))
    grid = figure.subplots(-(-len(weights) // columns), columns, sharex=True, sharey=True, squeeze=False)
    for axes, (title, shares) in zip(grid.flat, weights.items(), strict=False):
        extent = (0, seconds, seconds, 0)
        picture = axes.imshow(np.sqrt(shares), cmap="magma", vmin=0, vmax=most, extent=extent)
        axes.set_title(title, fontsize=9)
    figure.colorbar(picture, ax=grid, label="square root of the attention weight")
    figure.supxlabel("seconds, attended to", fontsize=10)
    figure.supylabel("seconds, attending", fontsize=10)
    return grid[0, 0]


def captions(words: Sequence, shown: Sequence[float], final: Sequence[float], end: float) -> Axes:
    """Draw when each word was spoken, shown and final, in seconds; `words` are those of a transcript, `end` that of the clip.

    >>> from zoo.decoding.transcripts import Word
    >>> captions([Word("one", 0.2, 0.5, 0.9)], shown=[0.8], final=[1.1], end=1.5).get_xlabel()
    'seconds'
    """
    axes, rows = axes_or_new(None, (9, 0.8 + 0.32 * len(words))), range(len(words))
    for row, word in zip(rows, words, strict=True):
        axes.plot([word.start, word.end], [row, row], color="0.6", lw=7, solid_capstyle="butt")
    axes.plot(shown, rows, "o", color=COLOURS[0], label="shown")
    axes.plot(final, rows, "s", color=COLOURS[1], label="final")
    axes.axvline(end, color="0.2", ls="--", label="the recording ends")
    set_names(axes.yaxis, [word.text for word in words])
    axes.invert_yaxis()
    axes.set(xlabel="seconds", title="Captions: the letters of a word (grey), first shown, final")
    axes.legend(loc="lower left")
    return axes


def trade_off(curves: Mapping[str, tuple[Sequence[float], Sequence]], cost: str, figure: str, title: str = "") -> Axes:
    """Draw figures with their intervals over what they cost, on a logarithmic axis.

    Args:
        curves: Name -> (costs, figures as `zoo.metrics` returns them, in shares of 1).
        cost: Label of the axis of costs.
        figure: Label of the axis of figures, which is in percent.
        title: Title.

    >>> from zoo.metrics import accuracy
    >>> scores = [accuracy(["a", "b"], ["a", "b"]), accuracy(["a", "b"], ["a", "a"])]
    >>> trade_off({"network": ([1, 10], scores)}, "MB", "accuracy in %").get_xscale()
    'log'
    """
    axes = axes_or_new(None, (7, 3.4))
    for i, (name, (costs, scores)) in enumerate(curves.items()):
        value, low, high = (100 * np.array([getattr(s, part) for s in scores]) for part in ("value", "low", "high"))
        reach = np.maximum(0, [value - low, high - value])
        axes.errorbar(costs, value, reach, marker="o", capsize=3, color=COLOURS[i % len(COLOURS)], label=name)
    ticks = sorted({cost for costs, _ in curves.values() for cost in costs})
    axes.set(xscale="log", xlabel=cost, ylabel=figure, title=title)
    axes.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks], rotation=45)
    axes.minorticks_off()
    axes.legend()
    return axes


def trials(cosines: np.ndarray, same: np.ndarray, threshold: float | None = None) -> Axes:
    """Draw the cosines of verification trials, those of one speaker and those of two, and a threshold.

    >>> trials(np.array([0.9, 0.1, 0.2]), np.array([True, False, False]), 0.5).get_xlabel()
    "cosine of two clips' embeddings"
    """
    axes, bins = axes_or_new(None, (7, 3)), np.linspace(min(-0.4, cosines.min()), 1, 57)
    for i, (label, chosen) in enumerate((("two speakers", ~same), ("one speaker", same))):
        axes.hist(cosines[chosen], bins, density=True, alpha=0.6, color=COLOURS[i], label=label)
    if threshold is not None:
        axes.axvline(threshold, color="0.2", ls="--", label=f"threshold {threshold:.2f}")
    axes.set(xlabel="cosine of two clips' embeddings", ylabel="density", title="Verification trials")
    axes.legend()
    return axes


def det(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Axes:
    """Draw detection error trade-offs: name -> (false accepts, false rejects), shares of 1, one of each threshold.

    Both axes are normal deviates, on which the errors of two normal distributions make a straight line
    (A. Martin et al., Eurospeech 1997). The equal error rate is where a curve crosses the diagonal.

    >>> rates = np.linspace(0.01, 0.5, 9)
    >>> det({"network": (rates, rates[::-1])}).get_xlabel()
    'false accepts in %'
    """
    from scipy.stats import norm

    axes, ticks = axes_or_new(None, (4.6, 4.4)), np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6])
    for i, (name, (accepts, rejects)) in enumerate(curves.items()):
        inside = (accepts > 0) & (accepts < 1) & (rejects > 0) & (rejects < 1)
        axes.plot(norm.ppf(accepts[inside]), norm.ppf(rejects[inside]), color=COLOURS[i % len(COLOURS)], label=name)
    ends = norm.ppf([0.005, 0.7])
    axes.plot(ends, ends, color="0.6", ls=":", label="equal errors")
    axes.set_xticks(norm.ppf(ticks), [f"{100 * tick:g}" for tick in ticks])
    axes.set_yticks(norm.ppf(ticks), [f"{100 * tick:g}" for tick in ticks])
    axes.set(xlim=ends, ylim=ends, xlabel="false accepts in %", ylabel="false rejects in %")
    axes.set_title("Down and to the left is better")
    axes.legend()
    return axes


def cosines(embeddings: np.ndarray, names: Sequence[str]) -> Axes:
    """Draw the cosines of all pairs of embeddings (clips, units) of length 1, sorted by the names of their speakers.

    >>> cosines(np.eye(3), ["b", "a", "b"]).get_title()
    'Cosines of all pairs of clips'
    """
    order, names = np.argsort(names, kind="stable"), np.asarray(names)
    axes = axes_or_new(None, (5.4, 4.6))
    picture = axes.imshow(embeddings[order] @ embeddings[order].T, cmap="RdBu_r", vmin=-1, vmax=1)
    starts = [int(np.searchsorted(names[order], name)) for name in sorted(set(names))]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(starts, [str(i + 1) for i in range(len(starts))])
    axes.set(xlabel="clips, by person", ylabel="clips, by person", title="Cosines of all pairs of clips")
    axes.figure.colorbar(picture, label="cosine")
    return axes


def side_by_side(pictures: Mapping[str, np.ndarray]) -> Axes:
    """Draw several log-mels (frames, bands) in dB beside each other, by their titles, with one scale of colours.

    >>> side_by_side({"float32": np.zeros((9, 40)), "int8": np.ones((9, 40))}).get_title()
    'float32'
    """
    figure = Drawing(figsize=(4.5 * len(pictures), 3), layout="constrained")
    grid = figure.subplots(1, len(pictures), sharey=True, squeeze=False)[0]
    top = max(float(db.max()) for db in pictures.values())
    for axes, (title, db) in zip(grid, pictures.items(), strict=True):
        picture = axes.imshow(db.T, origin="lower", aspect="auto", cmap="magma", vmin=top - 80, vmax=top)
        axes.set(xlabel="frame", title=title)
    grid[0].set_ylabel("mel band")
    figure.colorbar(picture, ax=grid, label="dB")
    return grid[0]


def drift(by_chance: Sequence[float], limit: float, found: Mapping[str, float], distance: str = "distance") -> Axes:
    """Draw the distances that chance makes, the limit of an alarm, and distances that were found, by their names.

    >>> drift([0.1, 0.2], limit=0.2, found={"Tuesday": 0.5}).get_xlabel()
    'distance'
    """
    axes = axes_or_new(None, (6.5, 2.8))
    axes.hist(by_chance, 20, color="0.6", label="by chance")
    axes.axvline(limit, color="0.2", ls="--", label=f"alarm above {limit:.2f}")
    for i, (name, value) in enumerate(found.items()):
        axes.axvline(value, color=COLOURS[i], label=name)
    axes.set(xlabel=distance, ylabel="pairs of samples", title="Is the input still the same?")
    axes.legend()
    return axes


def images(views: Mapping[str, np.ndarray], signed: bool = False, unit: str = "dB", columns: int = 5) -> Axes:
    """Draw pictures (frames, bands) beside each other, each with its own colours; `signed` ones red above 0 and blue below.

    >>> images({"the clip": np.zeros((9, 40)), "the word": np.ones((5, 40))}).get_title()
    'the clip'
    """
    rows, columns = -(-len(views) // columns), min(columns, len(views))
    figure = Drawing(figsize=(10, max(2.0 * rows, 3.0)), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, (title, values) in zip(grid.flat, views.items(), strict=False):
        reach = float(np.abs(values).max())
        style = dict(cmap="RdBu_r", vmin=-reach, vmax=reach) if signed else dict(cmap="magma")
        picture = axes.imshow(values.T, origin="lower", aspect="auto", **style)
        axes.set_title(title)
        if len(views) < 4:
            figure.colorbar(picture, ax=axes, label=unit)
    figure.supxlabel("frame", fontsize=10)
    figure.supylabel("mel band", fontsize=10)
    return grid[0, 0]
