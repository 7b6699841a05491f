"""A model's answer to one clip as a picture: what `zoo transcribe --plot` draws, the notebooks and the demo page."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo import decoding, plots
from zoo.audio import load_audio
from zoo.features import LogMel


def transcription(model, audio, sample_rate: int | None = None, transcript=None, title: str | None = None) -> Figure:
    """Waveform, log-mel, and the words over the probabilities that spelled them.

    Args:
        model: for transcription. audio, sample_rate: one clip, as for `model.transcribe`.
        transcript: what is written into the picture, if it is not to be what the model writes by itself.
        title: above the picture; the text, unless given.
    Raises: AudioError; ZooError where the model writes no text.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> transcription(zoo.load("lstm_ctc"), bundled("telephone")).get_suptitle()
    'six one three nine six'
    """
    rate = model.config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    transcript = transcript or model.transcribe(samples, rate)
    # The model's own front end, where it is a LogMel; else the usual one.
    layer = next((layer for layer in model.network.layers if isinstance(layer, LogMel)), None) or LogMel(rate)
    log_mel, frames = layer(samples[None], np.array([len(samples)], "int32"))
    return plots.transcription(
        samples=samples,
        sample_rate=rate,
        log_mel=np.asarray(log_mel)[0, : int(frames[0])],
        hop_seconds=layer.hop_length / rate,
        transcript=transcript,
        probabilities=np.exp(decoding.log_softmax(model.logits([samples], rate)[0])),
        labels=model.labels,
        frame_seconds=model.config.frame_seconds,
        title=transcript.text if title is None else title,
    )


def classification(model, audio, sample_rate: int | None = None, title: str = "") -> Figure:
    """The probabilities of a word, and the log-mel under the attention over time or, without one, the saliency.

    Args: model: for classification. audio, sample_rate: one clip, as for `model.classify`. title: above the picture.
    Raises: AudioError; ZooError where the model knows no classes.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> len(classification(zoo.load("attention"), bundled("seven")).axes) >= 2
    True
    """
    rate = model.config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    found = model.classify(samples, rate)
    figure = plots.Drawing(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 2))
    plots.bars(found.probabilities, left)
    focus(model, samples, rate, right)
    figure.suptitle(title, parse_math=False)
    return figure


def focus(model, audio, sample_rate: int | None = None, axes: Axes | None = None) -> Axes:
    """What a classification depended on, over the log-mel frames: attention over time or, without one, the saliency.

    Args:
        model: for classification. audio, sample_rate: one clip, as for `model.classify`.
        axes: where it is drawn, if not on a figure of its own.
    Raises: AudioError; ZooError where the model knows no classes.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> focus(zoo.load("ds_cnn"), bundled("seven")).get_title()
    "what 'seven' depended on"
    """
    config = model.config
    rate, hop = config.sample_rate, config.hop_length / config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    decibel, attention = model.word_frames(samples, rate), model.outputs([samples], rate)[0].get("attention")
    if attention is not None:
        return plots.attention(decibel, attention, hop, config.frame_seconds, axes, "how much each frame counted")
    label = model.classify(samples, rate).label
    return plots.saliency(decibel, model.saliency(samples, rate), hop, axes, f"what {label!r} depended on")
