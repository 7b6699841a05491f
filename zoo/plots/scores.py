"""Plots of how good models are: learning curves, one answer, confusions, comparisons. Plain numbers in."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from zoo.errors import DataError, unknown_name
from zoo.plots.figure import ACCENT, COLOURS, PALE, STRONG, Drawing, axes_or_new, set_names

KINDS = {"network": STRONG, "baseline": PALE}
METRICS = {"wer": "word error rate (%)", "error": "error rate (%)", "dB": "root mean square error (dB)"}


def learning_curves(columns: Mapping[str, Sequence[float]]) -> Axes:
    """Draws the loss and, below it, validation errors over the epochs.

    `columns` are "epoch", "loss", and any that start with "wer" (of words, in percent), "error" (of clips), or "dB".

    >>> len(learning_curves({"epoch": [1, 2], "loss": [2.0, 1.0], "error fsdd": [60.0, 30.0]}).figure.axes)
    2
    """
    errors = {name: values for name, values in columns.items() if name.startswith(tuple(METRICS))}
    figure = Drawing(figsize=(8, 5.5 if errors else 3.2), layout="constrained")
    panels = figure.subplots(1 + bool(errors), 1, sharex=True, squeeze=False)[:, 0]
    panels[0].plot(columns["epoch"], columns["loss"], color="tab:gray", marker=".")
    panels[0].set(ylabel="training loss (nats)", yscale="log")
    for name, values in errors.items():
        panels[-1].plot(columns["epoch"], values, marker=".", label=name, linewidth=1 if " " in name else 2)
    if errors:
        metric = next(iter(errors)).split()[0]
        panels[-1].set(ylabel=METRICS[metric], ylim=(0, None if metric == "dB" else 105))
        panels[-1].legend(fontsize="small")
    panels[-1].set(xlabel="epoch")
    for axes in panels:
        axes.grid(alpha=0.3)
    return panels[0]


def bars(probabilities: Mapping[str, float], axes: Axes | None = None) -> Axes:
    """Draws one classification: the ten most probable labels, best above, the winner in another colour.

    >>> bars({"yes": 0.9, "no": 0.1}).get_xlabel()
    'probability (%)'
    """
    if not probabilities:
        raise DataError("`probabilities` must hold at least one label. Received: none.")
    best = sorted(probabilities.items(), key=lambda item: -item[1])[:10]
    names, values = zip(*best, strict=True)
    axes = axes_or_new(axes, (6, 0.36 * len(best) + 0.9))
    drawn = axes.barh(range(len(best)), [100 * value for value in values], color=[ACCENT, *[STRONG] * (len(best) - 1)])
    axes.bar_label(drawn, [f"{100 * value:.1f} %" for value in values], padding=4)
    set_names(axes.yaxis, names)
    axes.set(xlabel="probability (%)", xlim=(0, 115), xticks=range(0, 101, 20))  # the same for every clip
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def confusion(references: Sequence, hypotheses: Sequence, labels: Sequence[str], axes: Axes | None = None) -> Axes:
    """Draws a confusion matrix: rows are references, columns are hypotheses.

    Cells hold counts while there is room for them. Colour is the share of the row: correct clips on a linear scale,
    errors in another colour on a power scale, so that one error in 300 is visible. Rows and columns are in the order of
    `labels`; a hypothesis is a label, or what `classify` returned.

    >>> confusion(["yes", "no"], ["yes", "yes"], ["no", "yes"]).get_xlabel()
    'hypothesis'
    """
    counts = _confusion_counts(references, hypotheses, labels)
    side = float(np.clip(0.26 * len(labels) + 3, 5, 12))
    own = axes is None
    axes = axes_or_new(axes, (side + 1.3, side))
    if own:
        axes.figure.set_layout_engine(
            "compressed"
        )  # cells are square, and the usual layout would cut off the label of the rows
    # Width of a cell in points, before the layout is made.
    cell = min(axes.bbox.width, axes.bbox.height) / axes.figure.dpi * 72 / len(labels)
    diagonal = np.eye(len(labels), dtype=bool)
    _draw_shares(axes, counts, diagonal, cell, "Blues", Normalize(0, 1), (0, 0.25, 0.5, 0.75, 1), "correct")
    _draw_shares(axes, counts, ~diagonal, cell, "Oranges", PowerNorm(0.3, 0, 1), (0, 0.003, 0.03, 0.1, 0.3, 1), "wrong")
    font = float(np.clip(0.8 * cell, 4, 11))
    set_names(axes.xaxis, labels, fontsize=font, rotation=90 if 0.65 * font * max(map(len, labels)) > cell else 0)
    set_names(axes.yaxis, labels, fontsize=font)
    hits, n = int(counts.trace()), int(counts.sum())
    axes.set(xlabel="hypothesis", ylabel="reference", title=f"accuracy {hits / n:.1%} ({hits} of {n})")
    return axes


def _confusion_counts(references: Sequence, hypotheses: Sequence, labels: Sequence[str]) -> np.ndarray:
    """(labels, labels): clips by reference and hypothesis."""
    from sklearn.metrics import confusion_matrix

    references, hypotheses = [str(label) for label in references], [str(label) for label in hypotheses]
    if len(references) != len(hypotheses) or not references:
        n = f"{len(hypotheses)} for {len(references)}"
        raise DataError(f"`hypotheses` must be one for each reference, at least one. Received: {n}.")
    for label in {*references, *hypotheses} - set(labels):
        raise unknown_name("label", label, labels)
    return confusion_matrix(references, hypotheses, labels=labels)


def _draw_shares(axes: Axes, counts: np.ndarray, cells: np.ndarray, cell: float, colours, norm, ticks, name) -> None:
    """Draws some cells of a confusion matrix with a colour bar, and counts where a cell is wide enough."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(np.ma.masked_where(~cells | (counts == 0), shares), cmap=colours, norm=norm)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, ticks=ticks)
    bar.ax.set_yticks(ticks, [f"{100 * tick:g}" for tick in ticks], fontsize="small")
    bar.set_label(f"share of the row {name} (%)", fontsize="small")
    font = min(12, cell / (0.75 * len(str(counts.max()))))  # a digit is about 0.6 of the font's size wide
    for row, column in np.argwhere(cells & (counts > 0)) if font >= 5 else ():
        style = {"fontsize": font, "color": "white" if norm(shares[row, column]) > 0.6 else "black"}
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", **style)


def comparison(rows: Sequence[Mapping], axes: Axes | None = None) -> Axes:
    """Draws the accuracy of several models on known and on unseen speakers, best of the latter above.

    A row has "name"; "kind" ("network" or "baseline"); "official" (official test split) and "loso" (leave one speaker out),
    each {"value", "low", "high"} in percent with a 95 % interval; "speakers", accuracy in percent by held-out speaker;
    "parameters". All but name and kind may be missing or None.

    >>> known, unseen = {"value": 98.0, "low": 96.0, "high": 99.0}, {"value": 90.0, "low": 82.0, "high": 95.0}
    >>> axes = comparison([{"name": "conv2d", "kind": "network", "official": known, "loso": unseen}])
    """
    if not rows:
        raise DataError("`rows` must hold at least one model. Received: none.")
    for row in rows:
        if row["kind"] not in KINDS:
            raise unknown_name("kind of model", row["kind"], KINDS)
    rows = sorted(rows, key=_rank, reverse=True)
    axes = axes_or_new(axes, (9, 0.62 * len(rows) + 1.4))
    for y, row in enumerate(rows):
        _draw_row(axes, y, row)
    set_names(axes.yaxis, [_row_name(row) for row in rows])
    axes.set(xlabel="accuracy (%), bars: 95 % interval", ylim=(len(rows) - 0.4, -0.6))
    axes.set_xlim(right=min(100.8, axes.get_xlim()[1]))
    keys = [
        Line2D([], [], color=STRONG, linewidth=2.2, marker="D", markerfacecolor="white", label="official test split"),
        Line2D([], [], color=STRONG, linewidth=2.2, marker="o", label="unseen speakers"),
    ]
    if any(row.get("speakers") for row in rows):
        keys.append(Line2D([], [], color=STRONG, linewidth=0, marker=".", alpha=0.7, label="each unseen speaker"))
    axes.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return axes


def _rank(row: Mapping) -> tuple[bool, float]:
    """Accuracy on unseen speakers; models without it, by that on known ones, come after the others."""
    best = row.get("loso") or row.get("official") or {"value": 0.0}
    return bool(row.get("loso")), best["value"]


def _draw_row(axes: Axes, y: int, row: Mapping) -> None:
    """Draws the intervals and speakers of one model at height y."""
    colour = KINDS[row["kind"]]
    for key, marker, at, fill in (("official", "D", y - 0.2, "white"), ("loso", "o", y + 0.08, colour)):
        if found := row.get(key):
            axes.plot((found["low"], found["high"]), (at, at), color=colour, linewidth=2.2, solid_capstyle="butt")
            axes.plot(found["value"], at, marker, color=colour, markerfacecolor=fill, markersize=8, zorder=3)
    speakers = list((row.get("speakers") or {}).values())
    axes.plot(speakers, [y + 0.3] * len(speakers), ".", color=colour, alpha=0.7, markeredgewidth=0, markersize=7)


def _row_name(row: Mapping) -> str:
    """Name of a model and, below it, what it is."""
    notes = ["baseline"] * (row["kind"] == "baseline")
    if row.get("parameters") is not None:
        notes.append(f"{EngFormatter()(float(format(row['parameters'], '.3g')))} parameters")
    return "\n".join([row["name"], ", ".join(notes)]).strip()


def noise(rows: Sequence[Mapping]) -> Axes:
    """Draws accuracy as noise grows, a line for each model with its name at the end.

    A row has "name"; "noise" and "babble", each accuracy in percent by level, where a level is "clean" or a signal-to-noise
    ratio in dB such as "20". What is missing or None is left out.

    >>> axes = noise([{"name": "conv2d", "noise": {"clean": 99.0, "20": 97.0, "0": 60.0}}])
    """
    kinds = [kind for kind in ("noise", "babble") if any(row.get(kind) for row in rows)]
    if not kinds:
        raise DataError("`rows` must hold an accuracy under 'noise' or 'babble'. Received: none.")
    figure = Drawing(figsize=(6.5 * len(kinds), 4.5), layout="constrained")
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for panel, kind in zip(panels, kinds, strict=True):
        _draw_levels(panel, rows, kind)
        panel.set(title=kind if len(kinds) > 1 else "")
    panels[0].set_ylabel("accuracy (%)")
    return panels[0]


def _draw_levels(axes: Axes, rows: Sequence[Mapping], kind: str) -> None:
    """Draws accuracy over one kind of noise."""
    lines = [{k: v for k, v in (row.get(kind) or {}).items() if v is not None} for row in rows]
    levels = sorted({level for line in lines for level in line}, key=lambda x: -np.inf if x == "clean" else -float(x))
    drawn = [i for i, line in enumerate(lines) if line]  # a model keeps its colour in both panels
    ends = []
    for i in drawn:
        x = [at for at, level in enumerate(levels) if level in lines[i]]
        y = [lines[i][levels[at]] for at in x]
        axes.plot(x, y, marker="osD^v"[i // len(COLOURS) % 5], color=COLOURS[i % len(COLOURS)])
        ends.append((x[-1], y[-1]))
    low, high = axes.get_ylim()
    high = min(high, 101)
    row_height = (high - low) * 13 / (axes.bbox.height / axes.figure.dpi * 72)  # 13 points a name
    for i, end, y in zip(drawn, ends, _spread([y for _, y in ends], row_height, low, high), strict=True):
        colour = COLOURS[i % len(COLOURS)]
        axes.annotate(
            rows[i]["name"], end, (len(levels) - 0.8, y), va="center", fontsize=10, color=colour, parse_math=False,
            annotation_clip=False, arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "alpha": 0.6},
        )  # fmt: skip
    set_names(axes.xaxis, levels)
    axes.set(xlabel="signal-to-noise ratio (dB)", ylim=(low, high))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Moves values as little as it takes for each to be `gap` from the next, between low and high if there is room."""
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    # Least squares under "at least gap apart" is a running maximum up and a running minimum down, averaged.
    rest = np.asarray(values)[order] - steps
    rest = (np.maximum.accumulate(rest) + np.minimum.accumulate(rest[::-1])[::-1]) / 2
    placed = np.maximum(np.minimum(rest, high - steps[-1]), low) + steps
    return list(placed[np.argsort(order)])
