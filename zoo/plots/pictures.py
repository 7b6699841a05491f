"""A model's answer to one clip as a picture: what `zoo transcribe --plot`, the notebooks and the demo page draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo import decoding, plots
from zoo.audio import load_audio

if TYPE_CHECKING:
    from zoo.tasks import Classifier, Recognizer


def transcription(
    model: Recognizer,
    audio: Any,
    sample_rate: int | None = None,
    transcript: decoding.Transcript | None = None,
    title: str | None = None,
) -> Figure:
    """Draws waveform, log-mel, and the words over the probabilities that spelled them.

    Args:
        model: A recognizer.
        audio: One clip, as for `model.transcribe`.
        sample_rate: Hertz of the clip, where it is an array.
        transcript: Transcript to draw; what the model writes by default.
        title: Text above the figure; the transcript by default.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> transcription(zoo.load("lstm_ctc"), bundled("telephone")).get_suptitle()
    'six one three nine six'
    """
    from zoo.features import LogMel

    rate = model.config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    transcript = transcript or model.transcribe(samples, rate)
    # The front end of the model, where it is a LogMel; else the default one.
    layer = next((layer for layer in model.network.layers if isinstance(layer, LogMel)), None) or LogMel(rate)
    log_mel, n_frames = layer(samples[None], np.array([len(samples)], "int32"))
    return plots.transcription(
        samples=samples,
        sample_rate=rate,
        log_mel=np.asarray(log_mel)[0, : int(n_frames[0])],
        hop_seconds=layer.hop_length / rate,
        transcript=transcript,
        probabilities=np.exp(decoding.log_softmax(model.logits([samples], rate)[0])),
        vocabulary=model.vocabulary,
        frame_seconds=model.config.frame_seconds,
        title=transcript.text if title is None else title,
    )


def classification(model: Classifier, audio: Any, sample_rate: int | None = None, title: str = "") -> Figure:
    """Draws the probabilities of a word beside what they depended on, as `focus` draws it.

    Args:
        model: A classifier.
        audio: One clip, as for `model.classify`.
        sample_rate: Hertz of the clip, where it is an array.
        title: Text above the figure.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> len(classification(zoo.load("attention"), bundled("seven")).axes) >= 2
    True
    """
    rate = model.config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    figure = plots.Drawing(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 2))
    plots.bars(model.classify(samples, rate).probabilities, left)
    focus(model, samples, rate, right)
    figure.suptitle(title, parse_math=False)
    return figure


def focus(model: Classifier, audio: Any, sample_rate: int | None = None, axes: Axes | None = None) -> Axes:
    """Draws what a classification depended on: attention over time or, without one, saliency over the log-mel frames.

    Args:
        model: A classifier.
        audio: One clip, as for `model.classify`.
        sample_rate: Hertz of the clip, where it is an array.
        axes: Axes to draw on; a new figure by default.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> focus(zoo.load("ds_cnn"), bundled("seven")).get_title()
    "what 'seven' depended on"
    """
    config = model.config
    rate, hop_seconds = config.sample_rate, config.hop_length / config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    log_mel, weights = model.word_frames(samples, rate), model.infer([samples], rate)[0].get("attention")
    if weights is not None:
        return plots.attention(log_mel, weights, hop_seconds, config.frame_seconds, axes, "attention to each frame")
    label = model.classify(samples, rate).label
    return plots.saliency(log_mel, model.saliency(samples, rate), hop_seconds, axes, f"what {label!r} depended on")
