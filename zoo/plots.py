"""Pictures of what goes through a model and of how good it is. Plain arrays in; no function touches global state.

`transcription` returns a matplotlib Figure. The others return Axes, on `axes` where those are given, or else on a figure
of their own: `axes.figure.savefig("name.png")` keeps the picture, and `axes.figure` ends a notebook's cell.
"""

import io
import warnings
from collections.abc import Sequence
from functools import cache

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text

from zoo.errors import DataError, unknown_name
from zoo.text import BLANK, Vocabulary

# Okabe and Ito (2008): told apart with every kind of colour vision. Their yellow is left out: too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STRONG, ACCENT, PALE = COLOURS[0], COLOURS[1], "0.6"
CHINESE = (  # fonts of Linux, Windows and macOS
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Microsoft YaHei",
    "SimHei", "PingFang SC", "Hiragino Sans GB", "Arial Unicode MS",
)  # fmt: skip
KINDS = {"network": STRONG, "baseline": PALE}


class Drawing(Figure):
    """A figure that Jupyter shows although pyplot has not made it, and that can name a file in Chinese."""

    def savefig(self, *args, **options):
        for text in self.findobj(Text):
            if not (said := text.get_text()).isascii():
                text.set(
                    text=said.encode(errors="replace").decode(), family=_families()
                )  # some files' names are no text
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a machine without such a font shows a box
            super().savefig(*args, **options)

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=90)
        return picture.getvalue()


@cache
def _families() -> list[str]:
    """The usual font, and those of this machine that have Chinese characters."""
    return [*rcParams["font.family"], *(name for name in CHINESE if name in fontManager.get_font_names())]


def learning_curves(columns: dict[str, list[float]]) -> Axes:
    """Loss and, below it, error rates over the epochs.

    Args: columns: "epoch", "loss", and any number of "wer ..." (words) or "error ..." (clips) columns in percent, or "dB ...".
    Returns: the Axes of the loss; those of the error rates, where there are some, are in its figure.

    >>> len(learning_curves({"epoch": [1, 2], "loss": [2.0, 1.0], "error fsdd": [60.0, 30.0]}).figure.axes)
    2
    """
    rates = {name: values for name, values in columns.items() if name.startswith(("wer", "error", "dB"))}
    figure = Drawing(figsize=(8, 3.2 if not rates else 5.5), layout="constrained")
    axes = figure.subplots(1 + bool(rates), 1, sharex=True, squeeze=False)[:, 0]
    axes[0].plot(columns["epoch"], columns["loss"], color="tab:gray", marker=".")
    axes[0].set(ylabel="training loss (nats)", yscale="log")
    for name, values in rates.items():
        axes[-1].plot(columns["epoch"], values, marker=".", label=name, linewidth=1 if " " in name else 2)
    if rates:
        kind = next(iter(rates)).split()[0]
        label = {"wer": "word error rate (%)", "error": "error rate (%)", "dB": "root mean square error (dB)"}[kind]
        axes[-1].set(ylabel=label, ylim=(0, None if kind == "dB" else 105))
        axes[-1].legend(fontsize="small")
    axes[-1].set(xlabel="epoch")
    for axis in axes:
        axis.grid(alpha=0.3)
    return axes[0]


def transcription(
    samples: np.ndarray,
    sample_rate: int,
    log_mel: np.ndarray,
    hop_seconds: float,
    transcript,
    probabilities: np.ndarray,
    labels: Vocabulary,
    frame_seconds: float,
    title: str = "",
) -> Figure:
    """One clip as waveform, as log-mel frames, and as words over the probabilities that spelled them.

    Args:
        samples: (samples,) at sample_rate hertz.
        log_mel: (frames, bands) in dB, one frame every hop_seconds.
        transcript: a Transcript.
        probabilities: (frames, symbols), one frame every frame_seconds; symbol 0 is the blank.
    """
    seconds = len(samples) / sample_rate
    figure = Drawing(figsize=(min(16, max(8, 2.2 * seconds)), 7), layout="constrained")
    wave, mel, chart = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1.6, 1.8))
    wave.plot(np.arange(len(samples)) / sample_rate, samples, linewidth=0.4, color="tab:blue")
    wave.set(ylabel="waveform", xlim=(0, seconds))
    _frames(mel, log_mel, hop_seconds, cmap="magma")
    mel.set(ylabel="log-mel band")

    time = np.arange(len(probabilities)) * frame_seconds
    chart.fill_between(time, probabilities[:, BLANK], color="0.9", label="blank", step="mid")
    spoken = [i for i in np.unique(probabilities.argmax(axis=1)) if i != BLANK]
    for i in spoken:
        name = labels.decode([i])
        (line,) = chart.plot(time, probabilities[:, i], linewidth=1.2, linestyle=":" if name == " " else "-")
        for peak in _peaks(probabilities[:, i], probabilities.argmax(axis=1) == i):
            text = "_" if name == " " else name
            place = (time[peak], probabilities[peak, i])
            chart.annotate(
                text, place, (0, 3), textcoords="offset points", ha="center", fontsize=9, color=line.get_color()
            )
    for word in transcript.words:
        for axis in (wave, mel, chart):
            axis.axvspan(word.start, word.end, color="tab:green", alpha=0.13 if axis is not mel else 0.0)
        middle = (word.start + word.end) / 2
        chart.text(middle, 1.16, word.text, ha="center", va="bottom", fontsize=11, weight="bold", clip_on=False)
    chart.set(ylabel="probability", xlabel="seconds", ylim=(0, 1.38), yticks=(0, 0.5, 1.0))
    chart.text(0.004, 0.06, "grey: blank", transform=chart.transAxes, fontsize=8, color="0.45")
    figure.suptitle(title or (transcript.text or "(nothing heard)"), parse_math=False)  # a $ is a $
    return figure


def confusion(said: Sequence, heard: Sequence, labels: Sequence[str], axes: Axes | None = None) -> Axes:
    """Confusion matrix: how often each word that was said (row) was heard as each word (column).

    Cells hold counts while they have room for them. Colour is the share of the row: what was heard right on a linear
    scale, errors in another colour on a power scale, so that one error in 300 can be seen.

    Args:
        said: (clips,) the true label of each clip.
        heard: (clips,) the label that the classifier chose for it, or what `classify` returned.
        labels: (classes,) every label, in the order of the rows and columns.

    >>> confusion(["yes", "no"], ["yes", "yes"], ["no", "yes"]).get_xlabel()
    'heard'
    """
    said, heard = ([str(answer) for answer in one] for one in (said, heard))
    if len(said) != len(heard) or not said:
        raise DataError(
            f"A confusion matrix needs as many words heard as said, and at least one; got {len(heard)} and {len(said)}."
        )
    for name in {*said, *heard} - set(labels):
        raise unknown_name("label", name, labels)
    size = len(labels)
    place = {name: i for i, name in enumerate(labels)}
    counts = np.zeros((size, size), int)
    np.add.at(counts, ([place[name] for name in said], [place[name] for name in heard]), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(size, dtype=bool)

    side = float(np.clip(0.26 * size + 3, 5, 12))
    axes = _axes(axes, (side + 1.3, side))
    box = axes.bbox
    cell = min(box.width, box.height) / axes.figure.dpi * 72 / size  # points, before the layout is made
    font = min(12, cell / (0.75 * len(str(counts.max()))))  # a digit is about 0.6 of the font's size wide
    bars = (right, "Blues", Normalize(0, 1), "heard right"), (~right, "Oranges", PowerNorm(0.3, 0, 1), "misheard")
    for chosen, colours, norm, name in bars:
        image = axes.imshow(np.ma.masked_where(~chosen | (counts == 0), shares), cmap=colours, norm=norm)
        ticks = (0, 0.25, 0.5, 0.75, 1) if chosen is right else (0, 0.003, 0.03, 0.1, 0.3, 1)
        bar = axes.figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, ticks=ticks)
        bar.ax.set_yticks(ticks, [f"{100 * tick:g}" for tick in ticks], fontsize="small")
        bar.set_label(f"share of the row {name} (%)", fontsize="small")
        for row, column in np.argwhere(chosen & (counts > 0)) if font >= 5 else ():
            shade = "white" if norm(shares[row, column]) > 0.6 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=font, color=shade)
    small = float(np.clip(0.8 * cell, 4, 11))
    wide = 0.65 * small * max(map(len, labels)) > cell
    _names(axes.xaxis, labels, fontsize=small, rotation=90 if wide else 0)
    _names(axes.yaxis, labels, fontsize=small)
    hits = int(counts.trace())
    axes.set(xlabel="heard", ylabel="said", title=f"accuracy {hits / len(said):.1%} ({hits} of {len(said)})")
    return axes


def saliency(
    log_mel: np.ndarray, weights: np.ndarray, hop_seconds: float, axes: Axes | None = None, title: str = ""
) -> Axes:
    """Where in a clip a classifier looked: the log-mel frames in grey, under a colour that fades where it did not.

    Args:
        log_mel: (frames, bands) in dB, one frame every hop_seconds.
        weights: (frames, bands) in nats, zero or more, as `model.saliency` finds them; drawn as shares of the largest, which
            the label of the colours names: also next to nothing has a largest place.

    >>> saliency(np.zeros((30, 40)), np.ones((30, 40)), hop_seconds=0.01).get_xlabel()
    'seconds'
    """
    log_mel, weights = np.asarray(log_mel), np.asarray(weights)
    if weights.shape != log_mel.shape or not (weights >= 0).all():
        raise DataError(
            "Saliency must be zero or more for each band of each frame: "
            f"got shape {weights.shape} for {log_mel.shape}, least {weights.min(initial=0):g}."
        )
    axes = _axes(axes, (8, 3.4))
    _frames(axes, log_mel, hop_seconds, cmap="gray_r")
    most = weights.max(initial=0)
    strength = weights / (most or 1)
    # The square root keeps what is weak in sight: a few places count most.
    image = _frames(axes, strength, hop_seconds, cmap="plasma", vmin=0, vmax=1, alpha=np.sqrt(strength.T))
    axes.figure.colorbar(image, ax=axes, pad=0.02, label=f"saliency (1 is a fall by {most:.2g} nats)")
    axes.set(xlabel="seconds", ylabel="log-mel band")
    axes.set_title(title, parse_math=False)
    return axes


def attention(
    log_mel: np.ndarray,
    weights: np.ndarray,
    hop_seconds: float,
    frame_seconds: float,
    axes: Axes | None = None,
    title: str = "",
) -> Axes:
    """When in a clip a classifier listened: the weight of each frame as a curve above the log-mel frames.

    Args:
        log_mel: (frames, bands) in dB, one frame every hop_seconds.
        weights: (frames of the network,), one every frame_seconds; they sum to 1.

    >>> attention(np.zeros((30, 40)), np.full(30, 1 / 30), 0.01, 0.01).get_xlabel()
    'seconds'
    """
    log_mel, weights = np.asarray(log_mel), np.asarray(weights)
    if weights.ndim != 1 or not (weights >= 0).all() or not np.isclose(weights.sum(), 1, atol=0.01):
        raise DataError(
            "Attention must be one row of weights of zero or more that sum to 1: "
            f"got shape {weights.shape}, sum {weights.sum():.3g}."
        )
    axes = _axes(axes, (8, 4.2))
    _frames(axes, log_mel, hop_seconds, cmap="magma")
    bands, top = log_mel.shape[1], 1.1 * weights.max()
    axes.set(xlabel="seconds", ylim=(0, 1.5 * bands), yticks=np.linspace(0, bands, 3, dtype=int))
    axes.set_ylabel("log-mel band", y=1 / 3)
    axes.set_title(title, parse_math=False)
    curve = axes.twinx()  # its zero is the upper edge of the picture
    time = np.arange(len(weights)) * frame_seconds
    curve.fill_between(time, weights, color=ACCENT, alpha=0.35, linewidth=0)
    curve.plot(time, weights, color=ACCENT)
    even = 1 / len(weights)
    curve.plot(time[[0, -1]], (even, even), color="0.3", linestyle=":", linewidth=1)
    curve.annotate("even", (time[-1], even), (-2, 2), textcoords="offset points", ha="right", fontsize=8, color="0.3")
    curve.set(ylim=(-2 * top, top), yticks=(0, float(f"{weights.max():.1g}")))
    curve.set_ylabel("attention weight", y=5 / 6, color=ACCENT)
    return axes


def reconstruction(
    log_mel: np.ndarray, reconstruction: np.ndarray, hop_seconds: float, title: str = "", names=("in", "out")
) -> Axes:
    """What an autoencoder heard, what it gave back, and the difference, one below the other on one scale of time.

    Args:
        log_mel, reconstruction: (frames, bands) in dB, one frame every hop_seconds. names: of the first two pictures.
    Returns: the Axes of the first picture; the others are in its figure.

    >>> axes = reconstruction(np.zeros((30, 40)), np.ones((30, 40)), hop_seconds=0.01, title="one dB too loud")
    """
    log_mel, reconstruction = np.asarray(log_mel), np.asarray(reconstruction)
    if log_mel.ndim != 2 or log_mel.shape != reconstruction.shape:
        raise DataError(
            f"A reconstruction has the shape (frames, bands) of what went in: got {reconstruction.shape} for {log_mel.shape}."
        )
    figure = Drawing(figsize=(9, 6.5), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    low, high = log_mel.min(), log_mel.max()
    for axes, values, name in ((top, log_mel, names[0]), (middle, reconstruction, names[1])):
        image = _frames(axes, values, hop_seconds, cmap="magma", vmin=low, vmax=high)
        axes.set_title(name, fontsize=10, loc="left", parse_math=False)
    figure.colorbar(image, ax=[top, middle], pad=0.01, label="dB")
    difference = reconstruction - log_mel
    reach = max(1.0, float(np.quantile(np.abs(difference), 0.995)))
    image = _frames(bottom, difference, hop_seconds, cmap="RdBu_r", vmin=-reach, vmax=reach)
    figure.colorbar(image, ax=bottom, pad=0.01, label="dB")
    error = float(np.sqrt(np.mean(np.square(difference))))
    bottom.set_title(
        f"{names[1]} - {names[0]}: root mean square {error:.2f} dB", fontsize=10, loc="left", parse_math=False
    )
    bottom.set(xlabel="seconds")
    for axes in (top, middle, bottom):
        axes.set(ylabel="log-mel band")
    figure.suptitle(title, parse_math=False)
    return top


def band_errors(errors: dict[str, np.ndarray], edges_hz: np.ndarray | None = None, axes: Axes | None = None) -> Axes:
    """Where in frequency autoencoders err: a line for each, root mean square error in dB over the mel bands.

    Args: errors: name -> (bands,). edges_hz: (bands,) frequencies of the bands, for the axis; else they are numbered.

    >>> axes = band_errors({"autoencoder": np.ones(40), "pca": np.ones(40)})
    """
    if not errors or len({np.shape(values) for values in errors.values()}) > 1:
        raise DataError("Errors by band need at least one name, and as many bands for each.")
    axes = _axes(axes, (7, 3.6))
    for i, (name, values) in enumerate(errors.items()):
        x = np.arange(len(values)) if edges_hz is None else np.asarray(edges_hz)
        axes.plot(x, values, color=COLOURS[i % len(COLOURS)], marker=".", label=name)
    axes.set(xlabel="mel band" if edges_hz is None else "centre of the mel band (Hz)", ylabel="error (dB)")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return axes


def latent_map(codes: np.ndarray, groups: dict[str, list[str]], method: str = "tsne", seed: int = 0) -> Axes:
    """Codes of many clips as points of a plane, once for each way of colouring them: near points have like codes.

    Args:
        codes: (clips, n). groups: what to colour by -> the group of each clip, such as {"digit": [...], "speaker": [...]}.
        method: "pca" (the plane in which they vary most) or "tsne" (neighbours stay neighbours, distances mean nothing;
            van der Maaten & Hinton 2008).
    Returns: the first Axes; the others are in its figure.

    >>> codes = np.random.default_rng(0).normal(size=(30, 8))
    >>> axes = latent_map(codes, {"word": ["yes", "no"] * 15}, method="pca")
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    codes = np.asarray(codes, "float64")
    if codes.ndim != 2 or len(codes) < 5 or codes.shape[1] < 2 or not np.isfinite(codes).all():
        raise DataError(
            f"A map needs codes (clips, n) of at least 5 clips and 2 numbers, all finite; got {codes.shape}."
        )
    if not groups:
        raise DataError("A map is coloured by at least one group of labels; got none.")
    for name, labels in groups.items():
        if len(labels) != len(codes):
            raise DataError(f"Each clip has one {name}: got {len(labels)} for {len(codes)} clips.")
    if method == "pca":
        place = PCA(2, random_state=seed).fit_transform(codes)
    elif method == "tsne":
        neighbours = min(30.0, (len(codes) - 1) / 3)
        place = TSNE(2, perplexity=neighbours, init="pca", random_state=seed).fit_transform(codes)
    else:
        raise unknown_name("method of a map", method, ("pca", "tsne"))
    size = min(36.0, max(6.0, 7000 / len(codes)))  # square points: many dots are small
    figure = Drawing(figsize=(6 * len(groups), 5.4), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for axes, (name, labels) in zip(panels, groups.items(), strict=True):
        labels = np.asarray(labels)
        every = sorted(set(labels))
        for i, label in enumerate(every):
            own = place[labels == label]
            colour = _one_of_twenty(i)
            axes.scatter(*own.T, s=size, color=colour, alpha=0.7, linewidths=0, label=str(label))
            if len(every) > 20:  # more than there are colours
                axes.annotate(
                    str(label), np.median(own, axis=0), fontsize=9, weight="bold", ha="center", va="center", parse_math=False,
                    bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colour, "alpha": 0.85},
                )  # fmt: skip
        if len(every) <= 20:
            # Beside the map: a group may lie in many islands, and a name in their middle would cover others.
            legend = axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
            for text in legend.get_texts():
                text.set_parse_math(False)
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"coloured by {name}", parse_math=False)
    return panels[0]


def _one_of_twenty(i: int):
    """The i-th of twenty colours: ten groups are more than Okabe and Ito have."""
    from matplotlib import colormaps

    return colormaps["tab20"](2 * i % 20 + (i // 10) % 2)


def bars(probabilities: dict[str, float], axes: Axes | None = None, top: int = 10) -> Axes:
    """One classification: the `top` most probable labels, best above, the winner in another colour.

    Args: probabilities: label -> probability from 0 to 1.

    >>> bars({"yes": 0.9, "no": 0.1}).get_xlabel()
    'probability (%)'
    """
    if not probabilities:
        raise DataError("A classification needs at least one label with a probability; got none.")
    best = sorted(probabilities.items(), key=lambda item: -item[1])[:top]
    names, values = zip(*best, strict=True)
    axes = _axes(axes, (6, 0.36 * len(best) + 0.9))
    drawn = axes.barh(range(len(best)), [100 * value for value in values], color=[ACCENT, *[STRONG] * (len(best) - 1)])
    axes.bar_label(drawn, [f"{100 * value:.1f} %" for value in values], padding=4)
    _names(axes.yaxis, names)
    axes.set(xlabel="probability (%)", xlim=(0, 115), xticks=range(0, 101, 20))  # the same for every clip
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def comparison(rows: list[dict], axes: Axes | None = None) -> Axes:
    """Accuracy of several models on the official test split and on speakers never heard, best of the latter above.

    Args:
        rows: one dict for each model. "name"; "kind": "network" or "baseline"; "official" and "loso" (leave one speaker
            out): {"value", "low", "high"} in percent, the ends those of the 95 % interval; "speakers": held-out speaker
            -> accuracy in percent; "parameters": their number. All but the name and kind may be missing or None.

    >>> known, unseen = {"value": 98.0, "low": 96.0, "high": 99.0}, {"value": 90.0, "low": 82.0, "high": 95.0}
    >>> axes = comparison([{"name": "conv2d", "kind": "network", "official": known, "loso": unseen}])
    """
    if not rows:
        raise DataError("A comparison needs at least one model; got none.")
    for row in rows:
        if row["kind"] not in KINDS:
            raise unknown_name("kind of model", row["kind"], KINDS)
    rows = sorted(rows, key=lambda row: -_value(row, "loso") if row.get("loso") else 100 - _value(row, "official"))
    axes = _axes(axes, (9, 0.62 * len(rows) + 1.4))
    names = []
    for y, row in enumerate(rows):
        colour = KINDS[row["kind"]]
        for key, marker, at, fill in (("official", "D", y - 0.2, "white"), ("loso", "o", y + 0.08, colour)):
            if found := row.get(key):
                axes.plot((found["low"], found["high"]), (at, at), color=colour, linewidth=2.2, solid_capstyle="butt")
                axes.plot(found["value"], at, marker, color=colour, markerfacecolor=fill, markersize=8, zorder=3)
        speakers = list((row.get("speakers") or {}).values())
        axes.plot(speakers, [y + 0.3] * len(speakers), ".", color=colour, alpha=0.7, markeredgewidth=0, markersize=7)
        notes = ["baseline"] * (row["kind"] == "baseline")
        if row.get("parameters") is not None:
            notes.append(f"{_short(row['parameters'])} parameters")
        names.append("\n".join([row["name"], ", ".join(notes)]).strip())
    _names(axes.yaxis, names)
    axes.set(xlabel="accuracy (%), bars: 95 % interval", ylim=(len(rows) - 0.4, -0.6))
    axes.set_xlim(right=min(100.8, axes.get_xlim()[1]))
    keys = [
        Line2D([], [], color=STRONG, linewidth=2.2, marker="D", markerfacecolor="white", label="official test split"),
        Line2D([], [], color=STRONG, linewidth=2.2, marker="o", label="speakers never heard"),
        Line2D([], [], color=STRONG, linewidth=0, marker=".", alpha=0.7, label="each such speaker"),
    ]
    axes.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return axes


def noise(rows: list[dict], axes=None) -> Axes:
    """Accuracy as noise grows, a line for each model with its name at the end; babble, where measured, in a second panel.

    Args:
        rows: one dict for each model. "name"; "noise" and "babble": level -> accuracy in percent, where the level is
            "clean" or a signal-to-noise ratio in dB such as "20". What is missing or None is left out.
        axes: one Axes, or a pair of them where there is babble.
    Returns: the first Axes; the second is in its figure.

    >>> axes = noise([{"name": "conv2d", "noise": {"clean": 99.0, "20": 97.0, "0": 60.0}}])
    """
    panels = [kind for kind in ("noise", "babble") if any(row.get(kind) for row in rows)]
    if not panels:
        raise DataError("Lines over noise need at least one accuracy under 'noise' or 'babble'; got none.")
    if axes is None:
        figure = Drawing(figsize=(6.5 * len(panels), 4.5), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True)
    axes = np.ravel(axes)
    if len(axes) != len(panels):
        raise DataError(f"There must be one Axes for each of {' and '.join(panels)}; got {len(axes)}.")
    for axis, kind in zip(axes, panels, strict=True):
        lines = [{k: v for k, v in (row.get(kind) or {}).items() if v is not None} for row in rows]
        levels = sorted(
            {level for line in lines for level in line}, key=lambda x: -np.inf if x == "clean" else -float(x)
        )
        drawn = [i for i, line in enumerate(lines) if line]
        ends = []
        for i in drawn:
            at = [x for x, level in enumerate(levels) if level in lines[i]]
            values = [lines[i][levels[x]] for x in at]
            axis.plot(at, values, marker="osD^v"[i // len(COLOURS) % 5], color=COLOURS[i % len(COLOURS)])
            ends.append((at[-1], values[-1]))
        low, high = axis.get_ylim()
        high = min(high, 101)
        row_height = (high - low) * 13 / (axis.bbox.height / axis.figure.dpi * 72)  # 13 points a name
        for i, end, y in zip(drawn, ends, _apart([y for _, y in ends], row_height, low, high), strict=True):
            colour = COLOURS[i % len(COLOURS)]
            axis.annotate(
                rows[i]["name"], end, (len(levels) - 0.8, y), va="center", fontsize=10, color=colour, parse_math=False,
                annotation_clip=False, arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "alpha": 0.6},
            )  # fmt: skip
        _names(axis.xaxis, levels)
        axis.set(xlabel="signal-to-noise ratio (dB)", ylim=(low, high), title=kind if len(panels) > 1 else "")
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("accuracy (%)")
    return axes[0]


def _axes(axes: Axes | None, size: tuple[float, float]) -> Axes:
    """The axes given, or those of a new figure of `size` inches."""
    return Drawing(figsize=size, layout="constrained").subplots() if axes is None else axes


def _frames(axes: Axes, values: np.ndarray, hop_seconds: float, **style) -> AxesImage:
    """(frames, bands) as a picture over seconds; a frame is centred on its time."""
    frames, bands = values.shape
    extent = (-0.5 * hop_seconds, (frames - 0.5) * hop_seconds, 0, bands)
    return axes.imshow(values.T, origin="lower", aspect="auto", extent=extent, **style)


def _names(axis, names, **style) -> None:
    """Write names at 0, 1, 2, ... of a matplotlib axis; a $ is a $."""
    axis.set_ticks(range(len(names)), names, parse_math=False, **style)


def _value(row: dict, key: str) -> float:
    return row[key]["value"] if row.get(key) else 0.0


def _short(number: int) -> str:
    """A number of parameters in three digits: 950, 52.1 k, 1.2 M."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _apart(values: list[float], gap: float, low: float, high: float) -> list[float]:
    """Move values as little as it takes for each to be `gap` from the next, between low and high if there is room."""
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    # Least squares under "at least gap apart" is a running maximum up and a running minimum down, averaged.
    rest = np.asarray(values)[order] - steps
    rest = (np.maximum.accumulate(rest) + np.minimum.accumulate(rest[::-1])[::-1]) / 2
    placed = np.maximum(np.minimum(rest, high - steps[-1]), low) + steps
    return list(placed[np.argsort(order)])


def _peaks(values: np.ndarray, chosen: np.ndarray) -> list[int]:
    """The highest frame of each run of chosen frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    return [int(start + values[start:end].argmax()) for start, end in edges.reshape(-1, 2)]
