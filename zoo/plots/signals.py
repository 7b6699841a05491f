"""Plots of what went through a model, by frames and mel bands. Plain arrays in."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from zoo.errors import DataError
from zoo.plots.figure import ACCENT, COLOURS, Drawing, axes_or_new, draw_frames


def saliency(
    log_mel: np.ndarray, weights: np.ndarray, hop_seconds: float, axes: Axes | None = None, title: str = ""
) -> Axes:
    """Draws what a classification depended on: log-mel frames in grey under a colour that fades with the saliency.

    `weights`, as from `model.saliency`, are (frames, bands) in nats, drawn as shares of the largest.

    >>> saliency(np.zeros((30, 40)), np.ones((30, 40)), hop_seconds=0.01).get_xlabel()
    'seconds'
    """
    log_mel, weights = np.asarray(log_mel), np.asarray(weights)
    if weights.shape != log_mel.shape or not (weights >= 0).all():
        shapes = f"shape {weights.shape} for {log_mel.shape}, minimum {weights.min(initial=0):g}"
        raise DataError(f"`weights` must be zero or more for each band of each frame. Received: {shapes}.")
    axes = axes_or_new(axes, (8, 3.4))
    draw_frames(axes, log_mel, hop_seconds, cmap="gray_r")
    highest = weights.max(initial=0)
    strength = weights / (highest or 1)
    # The square root keeps weak saliency visible: a few places hold most of it.
    image = draw_frames(axes, strength, hop_seconds, cmap="plasma", vmin=0, vmax=1, alpha=np.sqrt(strength.T))
    axes.figure.colorbar(image, ax=axes, pad=0.02, label=f"saliency (1 is a fall by {highest:.2g} nats)")
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
    """Draws attention weights as a curve above the log-mel frames.

    `weights` are (frames of the network,), one every `frame_seconds`, and sum to 1.

    >>> attention(np.zeros((30, 40)), np.full(30, 1 / 30), 0.01, 0.01).get_xlabel()
    'seconds'
    """
    log_mel, weights = np.asarray(log_mel), np.asarray(weights)
    if weights.ndim != 1 or not (weights >= 0).all() or not np.isclose(weights.sum(), 1, atol=0.01):
        found = f"shape {weights.shape}, sum {weights.sum():.3g}"
        raise DataError(f"`weights` must be one row of weights, zero or more, that sum to 1. Received: {found}.")
    axes = axes_or_new(axes, (8, 4.2))
    draw_frames(axes, log_mel, hop_seconds, cmap="magma")
    bands, top = log_mel.shape[1], 1.1 * weights.max()
    axes.set(xlabel="seconds", ylim=(0, 1.5 * bands), yticks=np.linspace(0, bands, 3, dtype=int))
    axes.set_ylabel("log-mel band", y=1 / 3)
    axes.set_title(title, parse_math=False)
    curve = axes.twinx()  # its zero is the upper edge of the log-mel
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
    log_mel: np.ndarray,
    reconstruction: np.ndarray,
    hop_seconds: float,
    title: str = "",
    names: tuple[str, str] = ("in", "out"),
) -> Axes:
    """Draws the input of an autoencoder, its output and their difference, one below the other.

    `log_mel` and `reconstruction` have one shape; `names` are what they are called.

    >>> axes = reconstruction(np.zeros((30, 40)), np.ones((30, 40)), hop_seconds=0.01, title="one dB too loud")
    """
    log_mel, reconstruction = np.asarray(log_mel), np.asarray(reconstruction)
    if log_mel.ndim != 2 or log_mel.shape != reconstruction.shape:
        shapes = f"{reconstruction.shape} for {log_mel.shape}"
        raise DataError(f"`reconstruction` must be (frames, bands) as the input. Received: {shapes}.")
    figure = Drawing(figsize=(9, 6.5), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    scale = {"cmap": "magma", "vmin": log_mel.min(), "vmax": log_mel.max()}
    for axes, values in ((top, log_mel), (middle, reconstruction)):
        image = draw_frames(axes, values, hop_seconds, **scale)
    figure.colorbar(image, ax=[top, middle], pad=0.01, label="dB")
    difference = reconstruction - log_mel
    limit = max(1.0, float(np.quantile(np.abs(difference), 0.995)))
    image = draw_frames(bottom, difference, hop_seconds, cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(image, ax=bottom, pad=0.01, label="dB")
    rms = float(np.sqrt(np.mean(np.square(difference))))
    titles = (*names, f"{names[1]} - {names[0]}: root mean square {rms:.2f} dB")
    for axes, text in zip((top, middle, bottom), titles, strict=True):
        axes.set(ylabel="log-mel band")
        axes.set_title(text, fontsize=10, loc="left", parse_math=False)
    bottom.set(xlabel="seconds")
    figure.suptitle(title, parse_math=False)
    return top


def band_errors(errors: Mapping[str, np.ndarray], axes: Axes | None = None) -> Axes:
    """Draws the root mean square error in dB of autoencoders over the mel bands, (bands,) by the name of the model.

    >>> axes = band_errors({"autoencoder": np.ones(40), "pca": np.ones(40)})
    """
    if len({np.shape(values) for values in errors.values()}) != 1:
        raise DataError(f"`errors` must hold lines of one length, at least one. Received: {list(errors)}.")
    axes = axes_or_new(axes, (7, 3.6))
    for i, (name, values) in enumerate(errors.items()):
        axes.plot(values, color=COLOURS[i % len(COLOURS)], marker=".", label=name)
    axes.set(xlabel="mel band", ylabel="error (dB)")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return axes
