"""Panels of sound: how it is cut into frames and bands, and how it drowns in noise."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.audio import load_audio, resample
from zoo.errors import DataError
from zoo.notebook import play, table
from zoo.plots.figure import STRONG, Drawing, draw_frames
from zoo.widgets.panel import Choice, Panel, Slider
from zoo.words import say

WINDOWS, HOPS, BANDS = (4, 8, 16, 25, 32, 64, 128), (2, 5, 10, 20, 40), (1, 3, 5, 10, 20, 40, 80)
SNRS = (-10, -5, 0, 5, 10, 15, 20, 30)  # dB


def framing(audio: Any, sample_rate: int | None = None, rate: int = 16000) -> Panel:
    """Window, hop and number of mel bands of a clip: its log-mel frames as a picture, and what they keep as sound.

    Args:
        audio: A path or array, as for `zoo.audio.load_audio`; its first two seconds are taken.
        sample_rate: Hz of an array.
        rate: Hz at which it is cut.

    >>> from zoo.audio import bundled
    >>> panel = framing(bundled("seven")).set(window=64, bands=5)
    >>> picture, player = panel.state()  # doctest: +SKIP
    """
    samples = load_audio(audio, rate, sample_rate=sample_rate)[: 2 * rate]
    controls = {
        "window": Slider("window (ms)", 25, steps=WINDOWS),
        "hop": Slider("hop (ms)", 10, steps=HOPS),
        "bands": Slider("mel bands", 80, steps=BANDS),
    }
    return Panel(lambda window, hop, bands: _frames(samples, rate, window, hop, bands), controls)


def _frames(samples: np.ndarray, rate: int, window: int, hop: int, bands: int) -> list:
    """The log-mel frames of one state, and their sound by Griffin and Lim (1984)."""
    from zoo.tasks.reconstruction import griffin_lim

    hop_length, win_length = rate * hop // 1000, rate * window // 1000
    back = max(win_length, 2 * hop_length) if hop > window else win_length  # the way back needs frames that overlap
    n_fft = max(512, 2 ** int(np.ceil(np.log2(back))))
    level = log_mel(samples, rate, n_fft, hop_length, win_length, bands)
    missed = max(0.0, 1 - window / hop)  # of the samples, by every frame
    figure = Drawing(figsize=(8, 3.6), layout="constrained")
    wave, mel = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.4))
    wave.plot(np.arange(len(samples)) / rate, samples, linewidth=0.4, color=STRONG)
    middle = len(samples) / rate / 2
    wave.axvspan(middle - window / 2000, middle + window / 2000, color="tab:orange", alpha=0.4, linewidth=0)
    wave.set(ylabel="amplitude", xlim=(0, len(samples) / rate))
    image = draw_frames(mel, level, hop / 1000, cmap="magma")
    figure.colorbar(image, ax=mel, label="dB", pad=0.01)
    mel.set(xlabel="seconds", ylabel="mel band")
    title = "{frames} frames × {bands} bands; window {window} ms (orange), hop {hop} ms"
    wave.set_title(say(title, frames=len(level), bands=bands, window=window, hop=hop), fontsize=10)
    sound = griffin_lim(level, rate, n_fft, hop_length, back)
    heard = say("what these frames keep")
    if missed:
        heard = say("what these frames keep ({missed:.0%} of the samples are in no frame)", missed=missed)
    return [figure, play(sound, rate, heard)]


def log_mel(samples: np.ndarray, rate: int, n_fft: int, hop: int, window: int, bands: int) -> np.ndarray:
    """(samples,) -> (frames, bands) in dB, by the zoo's layer.

    >>> log_mel(np.zeros(1600, "float32"), 16000, 512, 160, 400, 40).shape
    (11, 40)
    """
    from zoo.layers import LogMel

    frames, _ = LogMel(rate, n_fft, hop, window, bands)(samples[None], np.array([len(samples)]))
    return np.asarray(frames)[0]


def noise(audio: Any, noises: Mapping[str, np.ndarray], models: Mapping[str, Any], rate: int = 8000) -> Panel:
    """A clip under a noise, louder and louder: its sound, its log-mel frames, and what each model makes of it.

    Args:
        audio: A path, or an array at `rate`.
        noises: (samples,) at `rate` by name, each at least as long as the clip.
        models: By name: classifiers, recognizers, or functions of a list of clips that return labels.
        rate: Hz.

    Raises:
        DataError: If there is no noise or no model.

    >>> from zoo.baselines import baseline
    >>> white = {"white": np.random.default_rng(0).normal(size=16000)}
    >>> panel = noise(np.ones(8000) / 9, white, {"always six": lambda clips: ["six"] * len(clips)})
    >>> panel.set(snr=0).state()[-1]
    model       answer  confidence
    always six  six
    """
    if not noises or not models:
        raise DataError("`noises` and `models` must have at least one entry. Received: none.")
    clip = load_audio(audio, rate, sample_rate=None if isinstance(audio, str) or hasattr(audio, "__fspath__") else rate)
    controls = {
        "snr": Slider("speech over noise (dB)", 10, steps=SNRS),
        "kind": Choice("noise", next(iter(noises)), list(noises)),
    }
    return Panel(lambda snr, kind: _heard(clip, noises[kind], kind, snr, models, rate), controls)


def _heard(clip: np.ndarray, sound: np.ndarray, kind: str, snr: float, models: Mapping[str, Any], rate: int) -> list:
    from zoo.datasets.noise import add_noise

    mixed = add_noise(clip, np.resize(sound, len(clip)).astype("float32"), float(snr))
    figure = Drawing(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots()
    level = log_mel(mixed, rate, 256, rate // 100, rate // 40, 40)
    # One scale for every state: what changes is the sound, not the colours.
    image = draw_frames(axes, level - level.max(), 0.01, cmap="magma", vmin=-60, vmax=0)
    figure.colorbar(image, ax=axes, label="dB below the peak", pad=0.01)
    axes.set(xlabel="seconds", ylabel="mel band", title=f"{kind}, {snr} dB")
    rows = [{"model": name} | _answer(model, mixed, rate) for name, model in models.items()]
    return [figure, play(mixed, rate, f"{kind}, {snr} dB"), table(rows)]


def _answer(model: Any, samples: np.ndarray, rate: int) -> dict:
    """What a model, or a function of clips, says to a clip."""
    if hasattr(model, "classify"):
        found = model.classify(samples, rate)
        return {"answer": found.label, "confidence": f"{found.confidence:.0%}"}
    if hasattr(model, "transcribe"):
        found = model.transcribe(resample(samples, rate, model.config.sample_rate), model.config.sample_rate)
        return {"answer": found.text or say("(nothing)"), "confidence": f"{found.confidence:.0%}"}
    return {"answer": model([samples])[0], "confidence": ""}
