"""The report of `zoo monitor`: what comes in beside what is usual, and drift over time."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo import monitoring
from zoo.plots.figure import ACCENT, COLOURS, PALE, STRONG, Drawing

COLUMNS = 3


def report(rows: Sequence[Mapping], usual: monitoring.Reference, window: int = monitoring.WINDOW) -> Figure:
    """Draws a histogram of each feature, of the latest requests and of what is usual, and drift over all windows of a log.

    Args:
        rows: A dict for each request, as `zoo.monitoring.read_log` gives them.
        usual: What they are compared with.
        window: Number of requests that are compared at a time.

    >>> clips = [{"snr": 30 + i % 10} for i in range(400)]
    >>> usual = monitoring.reference(clips, [i % 20 for i in range(400)], "a test")
    >>> len(report(clips, usual).axes)
    2
    """
    parts = [monitoring.drift(part, usual, window) for part in monitoring.windows(rows, window)]
    latest = {one.feature: one for one in parts[-1]}
    shown = [name for name in usual.features if name in latest]
    lines = -(-(len(shown) + 1) // COLUMNS)
    figure = Drawing(figsize=(4 * COLUMNS, 2.8 * lines), layout="constrained")
    axes = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
    for ax, name in zip(axes, shown, strict=False):
        values = [row[name] for row in rows[-window:] if row.get(name) is not None]
        _histograms(ax, values, usual.features[name], latest[name])
    _over_time(axes[len(shown)], parts)
    for ax in axes[len(shown) + 1 :]:
        ax.remove()
    return figure


def _histograms(axes: Axes, values: Sequence[float], usual: monitoring.Usual, one: monitoring.Drift) -> None:
    edges = monitoring.BINS[one.feature]
    bins = np.arange(len(edges) + 1)
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(bins))
    colour = ACCENT if one.alarm else STRONG
    axes.bar(bins, 100 * np.array(usual.counts) / max(1, sum(usual.counts)), width=1, color=PALE, label="usually")
    axes.step(bins, 100 * counts / max(1, len(values)), where="mid", color=colour, linewidth=2, label="now")
    axes.set_xticks(bins[:-1] + 0.5, [f"{edge:g}" for edge in edges], rotation=45, fontsize="x-small")
    unit = f" ({monitoring.UNITS[one.feature]})" if one.feature in monitoring.UNITS else ""
    title = f"{one.feature}{unit}: drift {one.drift:.2f}, limit {one.limit:.2f}"
    axes.set_title(title, fontsize="small", color=colour if one.alarm else "black")
    axes.set_ylabel("requests (%)", fontsize="small")
    axes.legend(fontsize="x-small")


def _over_time(axes: Axes, parts: Sequence[Sequence[monitoring.Drift]]) -> None:
    for i, name in enumerate(one.feature for one in parts[-1]):
        found = [next((one.drift / one.limit for one in part if one.feature == name), np.nan) for part in parts]
        axes.plot(range(1 - len(parts), 1), found, marker=".", label=name, color=COLOURS[i % len(COLOURS)])
    axes.axhline(1, color=ACCENT, linestyle="--", linewidth=1)
    axes.set(xlabel="window, the latest is 0", ylabel="drift / limit")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylim(0, max(2, axes.get_ylim()[1]))
    axes.legend(fontsize="x-small", ncols=2)
