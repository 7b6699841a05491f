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
    >>> trade_off({"network": ([1, 10], [accuracy("ab", "ab"), accuracy("ab", "aa")])}, "MB", "accuracy in %").get_xscale()
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
