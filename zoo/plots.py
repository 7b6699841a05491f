"""Pictures of what goes through a model. Each function returns a matplotlib Figure and touches no global state."""

import numpy as np
from matplotlib.figure import Figure

from zoo.text import BLANK, Labels


def learning_curves(columns: dict[str, list[float]]) -> Figure:
    """Loss and word error rates over the epochs.

    Args: columns: "epoch", "loss", and any number of "wer ..." columns in percent.
    """
    rates = {name: values for name, values in columns.items() if name.startswith("wer")}
    figure = Figure(figsize=(8, 3.2 if not rates else 5.5), layout="constrained")
    axes = figure.subplots(1 + bool(rates), 1, sharex=True, squeeze=False)[:, 0]
    axes[0].plot(columns["epoch"], columns["loss"], color="tab:gray", marker=".")
    axes[0].set(ylabel="training loss (nats)", yscale="log")
    for name, values in rates.items():
        axes[-1].plot(columns["epoch"], values, marker=".", label=name, linewidth=2 if name == "wer" else 1)
    if rates:
        axes[-1].set(ylabel="word error rate (%)", ylim=(0, 105))
        axes[-1].legend(fontsize="small")
    axes[-1].set(xlabel="epoch")
    for axis in axes:
        axis.grid(alpha=0.3)
    return figure


def transcription(
    samples: np.ndarray,
    sample_rate: int,
    log_mel: np.ndarray,
    hop_seconds: float,
    transcript,
    probabilities: np.ndarray,
    labels: Labels,
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
    figure = Figure(figsize=(min(16, max(8, 2.2 * seconds)), 7), layout="constrained")
    wave, mel, chart = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1.6, 1.8))
    wave.plot(np.arange(len(samples)) / sample_rate, samples, linewidth=0.4, color="tab:blue")
    wave.set(ylabel="waveform", xlim=(0, seconds))
    bands = log_mel.shape[1]
    mel.imshow(
        log_mel.T, origin="lower", aspect="auto", cmap="magma",
        extent=((-0.5) * hop_seconds, (len(log_mel) - 0.5) * hop_seconds, 0, bands),
    )  # fmt: skip
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


def _peaks(values: np.ndarray, chosen: np.ndarray) -> list[int]:
    """The highest frame of each run of chosen frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    return [int(start + values[start:end].argmax()) for start, end in edges.reshape(-1, 2)]
