"""A model's answer to one clip as a picture: what `zoo transcribe --plot`, the notebooks and the demo page draw."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo import decoding, plots
from zoo.audio import load_audio
from zoo.errors import ZooError
from zoo.layers import LogMel
from zoo.plots.figure import Drawing, draw_frames
from zoo.tasks import Classifier, Recognizer
from zoo.text import BLANK, Vocabulary


def transcription(
    model: Recognizer,
    audio: Any,
    sample_rate: int | None = None,
    transcript: decoding.Transcript | None = None,
    title: str = "",
) -> Figure:
    """Draws a clip as waveform, as log-mel frames, and as words over the probabilities that spelled them.

    The clip is one as for `model.transcribe`, and what that writes is drawn unless a `transcript` is given. Without a title,
    the transcript stands above.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> transcription(zoo.load("lstm_ctc"), bundled("telephone")).get_suptitle()
    'six one three nine six'
    """
    drawn = getattr(model, "models", (model,))[0]  # of an ensemble, its first network
    rate = drawn.config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    transcript = transcript or model.transcribe(samples, rate)
    # The front end of the network, where it is a LogMel; else the default one.
    layers = getattr(drawn, "layers", ())  # an exported network shows none
    layer = next((layer for layer in layers if isinstance(layer, LogMel)), None) or LogMel(rate)
    log_mel, n_frames = layer(samples[None], np.array([len(samples)], "int32"))
    seconds = len(samples) / rate
    figure = Drawing(figsize=(min(16, max(8, 2.2 * seconds)), 7), layout="constrained")
    wave, mel, chart = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1.6, 1.8))
    wave.plot(np.arange(len(samples)) / rate, samples, linewidth=0.4, color="tab:blue")
    wave.set(ylabel="waveform", xlim=(0, seconds))
    draw_frames(mel, np.asarray(log_mel)[0, : int(n_frames[0])], layer.hop_length / rate, cmap="magma")
    mel.set(ylabel="log-mel band")
    probabilities = np.exp(decoding.log_softmax(drawn.logits([samples], rate)[0]))
    _draw_tokens(chart, probabilities, drawn.vocabulary, drawn.config.frame_seconds)
    for word in transcript.words:
        for axes in (wave, chart):
            axes.axvspan(word.start, word.end, color="tab:green", alpha=0.13)
        middle = (word.start + word.end) / 2
        chart.text(middle, 1.16, word.text, ha="center", va="bottom", fontsize=11, weight="bold", clip_on=False)
    figure.suptitle(title or (transcript.text or "(no words recognized)"), parse_math=False)
    return figure


def _draw_tokens(axes: Axes, probabilities: np.ndarray, vocabulary: Vocabulary, frame_seconds: float) -> None:
    """Draws a curve for each token that wins a frame, its name at each peak."""
    time, winners = np.arange(len(probabilities)) * frame_seconds, probabilities.argmax(axis=1)
    axes.fill_between(time, probabilities[:, BLANK], color="0.9", label="blank", step="mid")
    for i in np.unique(winners[winners != BLANK]):
        name = vocabulary.decode([i])
        (line,) = axes.plot(time, probabilities[:, i], linewidth=1.2, linestyle=":" if name == " " else "-")
        style = {"textcoords": "offset points", "ha": "center", "fontsize": 9, "color": line.get_color()}
        for peak in _peaks(probabilities[:, i], winners == i):
            axes.annotate("_" if name == " " else name, (time[peak], probabilities[peak, i]), (0, 3), **style)
    axes.set(ylabel="probability", xlabel="seconds", ylim=(0, 1.38), yticks=(0, 0.5, 1.0))
    axes.text(0.004, 0.06, "grey: blank", transform=axes.transAxes, fontsize=8, color="0.45")


def _peaks(values: np.ndarray, chosen: np.ndarray) -> list[int]:
    """The highest frame of each run of chosen frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    return [int(start + values[start:end].argmax()) for start, end in edges.reshape(-1, 2)]


def classification(model: Classifier, audio: Any, sample_rate: int | None = None, title: str = "") -> Figure:
    """Draws the probabilities of a word beside what they depended on: attention over time or, without one, saliency.

    The clip is one as for `model.classify`. ZooError for an exported model or an ensemble, which have no saliency.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> len(classification(zoo.load("attention"), bundled("seven")).axes) >= 2
    True
    """
    if not hasattr(model, "saliency"):
        raise ZooError(f"`model` must be a Keras model to be drawn. Received: {model.display_name}.")
    config = model.config
    rate, hop_seconds = config.sample_rate, config.hop_length / config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    answer, log_mel = model.classify(samples, rate), model.word_frames(samples, rate)
    figure = Drawing(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 2))
    plots.bars(answer.probabilities, left)
    weights = model.infer([samples], rate)[0].get("attention")
    if weights is not None:
        plots.attention(log_mel, weights, hop_seconds, config.frame_seconds, right, "attention to each frame")
    else:
        name = f"what {answer.label!r} depended on"
        plots.saliency(log_mel, model.saliency(samples, rate), hop_seconds, right, name)
    figure.suptitle(title, parse_math=False)
    return figure
