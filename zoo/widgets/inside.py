"""Panels of numbers inside a network: attention's weights, and the code of a word."""

from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.errors import DataError, check_whole
from zoo.notebook import play
from zoo.plots.figure import ACCENT, PALE, STRONG, Drawing
from zoo.widgets.panel import Panel, Slider, Switch
from zoo.words import say

TEMPERATURES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def attention(scores: np.ndarray, real: int, frame_seconds: float = 0.02, log_mel: np.ndarray | None = None) -> Panel:
    """Temperature and mask of a softmax over frames, with the weights drawn.

    Args:
        scores: (frames,) of attention, before the softmax.
        real: How many of the frames are no padding.
        frame_seconds: Seconds from one score to the next.
        log_mel: (frames, bands) of the clip in dB, drawn below where given.

    Raises:
        DataError: If there is no score, or fewer than `real`.

    >>> panel = attention(np.array([1.0, 3.0, 2.0, 0.0]), real=3)
    >>> panel.set(temperature=10.0, mask=False).state()[1]
    'half of the weight lies on 2 of 4 frames; 21 % lies on padding'
    """
    scores = np.asarray(scores, "float64")
    if scores.ndim != 1 or not 1 <= real <= len(scores):
        raise DataError(f"`scores` must be one row, at least `real` long. Received: shape {scores.shape}, real={real}.")
    controls = {
        "temperature": Slider("temperature", 1.0, steps=TEMPERATURES),
        "mask": Switch("mask: padding gets no weight", True),
    }

    def draw(temperature: float, mask: bool) -> list:
        weights = softmax_weights(scores, real, temperature, mask)
        return [_weights(weights, real, frame_seconds, log_mel, temperature), _share(weights, real)]

    return Panel(draw, controls)


def softmax_weights(scores: np.ndarray, real: int, temperature: float = 1.0, mask: bool = True) -> np.ndarray:
    """(frames,) scores -> (frames,) weights with the sum 1; with the mask, none after the first `real`.

    >>> softmax_weights(np.array([0.0, 0.0, 9.0]), real=2)
    array([0.5, 0.5, 0. ])
    """
    shown = np.where((np.arange(len(scores)) < real) | (not mask), scores, -np.inf)
    powers = np.exp((shown - shown.max()) / temperature)
    return powers / powers.sum()


def _share(weights: np.ndarray, real: int) -> str:
    half = int(np.searchsorted(np.cumsum(np.sort(weights)[::-1]), 0.5)) + 1
    padding = 100 * weights[real:].sum()
    words = "half of the weight lies on {half} of {n} frames; {padding:.0f} % lies on padding"
    return say(words, half=half, n=len(weights), padding=padding)


def _weights(weights: np.ndarray, real: int, step: float, log_mel: np.ndarray | None, temperature: float) -> Drawing:
    figure = Drawing(figsize=(8, 3.4 if log_mel is not None else 2.2), layout="constrained")
    panels = figure.subplots(1 + (log_mel is not None), 1, sharex=True, squeeze=False)[:, 0]
    time = np.arange(len(weights)) * step
    panels[0].bar(time, weights, 0.8 * step, color=[STRONG if i < real else ACCENT for i in range(len(weights))])
    panels[0].axhline(1 / real, color="0.3", linestyle=":", linewidth=1)
    panels[0].axvspan((real - 0.5) * step, (len(weights) - 0.5) * step, color=PALE, alpha=0.2, linewidth=0)
    panels[0].set(ylabel="weight", ylim=(0, 1.1 * max(weights.max(), 1 / real)))
    title = "temperature {temperature:g}; grey: padding; dotted: the mean's weights"
    panels[0].set_title(say(title, temperature=temperature), fontsize=10)
    if log_mel is not None:
        end = real * step
        panels[1].imshow(
            np.asarray(log_mel).T, origin="lower", aspect="auto", cmap="magma", extent=(0, end, 0, log_mel.shape[1])
        )
        panels[1].set(ylabel="log-mel band")
    panels[-1].set(xlabel="seconds", xlim=(-step, len(weights) * step))
    return figure


def codes(
    model: Any, audio: Any, sample_rate: int | None = None, count: int = 6, reader: Callable | None = None
) -> Panel:
    """The code of a word of a variational autoencoder: a slider for each of the numbers that change it most, and its sound.

    Args:
        model: A VariationalAutoencoder, such as `zoo.load("vae")`.
        audio: A clip, as for `model.encode`.
        sample_rate: Hz of an array.
        count: Sliders.
        reader: Reads pictures (n, frames, bands) and returns a label for each; its answer stands above the picture.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> panel = codes(zoo.load("vae"), bundled("seven"), count=2)
    >>> len(panel.values)
    2
    """
    check_whole("count", count)
    start = np.asarray(model.encode([audio], sample_rate)[0], "float32")  # (n,)
    moved = np.concatenate([start + 1.5 * sign * np.eye(len(start), dtype="float32") for sign in (-1, 1)])
    change = np.square(model.decode(moved) - model.decode(start[None])).mean(axis=(1, 2)).reshape(2, -1).sum(axis=0)
    chosen = np.sort(np.argsort(-change)[:count])
    controls = {
        f"number_{i}": Slider(say("number {i}", i=i), round(float(np.clip(start[i], -3, 3)), 1), -3.0, 3.0)
        for i in chosen
    }

    def draw(**values: float) -> list:
        code = start.copy()
        code[chosen] = list(values.values())
        return _decoded(model, code, start, reader)

    return Panel(draw, controls)


def _decoded(model: Any, code: np.ndarray, start: np.ndarray, reader: Callable | None) -> list:
    """The picture of a code beside that of the word, and its sound."""
    from zoo.tasks.reconstruction import griffin_lim

    before, now = model.decode(np.stack([start, code]))
    figure = Drawing(figsize=(8, 2.7), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    names = [say("the word's own code"), say("your code")]
    if reader is not None:
        read = reader(np.stack([before, now]))
        names = [
            say("{name}, read as {label}", name=name, label=label) for name, label in zip(names, read, strict=True)
        ]
    for axes, picture, name in zip(panels, (before, now), names, strict=True):
        image = axes.imshow(picture.T, origin="lower", aspect="auto", cmap="magma", vmin=-60, vmax=0)
        axes.set(xlabel="frame")
        axes.set_title(name, fontsize=10)
    panels[0].set_ylabel("log-mel band")
    figure.colorbar(image, ax=panels, label="dB below the peak", pad=0.01)
    config = model.config
    sound = griffin_lim(now + 10, config.sample_rate, config.n_fft, config.hop_length, config.win_length)  # 10: louder
    return [figure, play(sound, config.sample_rate, say("your code, by Griffin-Lim"))]
