"""A model's answer to one clip as a picture: what `zoo transcribe --plot`, the notebooks and the demo page draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
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
    title: str = "",
) -> Figure:
    """Draws waveform, log-mel, and the words over the probabilities that spelled them.

    The clip is one as for `model.transcribe`, and what that writes is drawn unless a `transcript` is given.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> transcription(zoo.load("lstm_ctc"), bundled("telephone")).get_suptitle()
    'six one three nine six'
    """
    from zoo.layers import LogMel

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
        title=title,
    )


def classification(model: Classifier, audio: Any, sample_rate: int | None = None, title: str = "") -> Figure:
    """Draws the probabilities of a word beside what they depended on: attention over time or, without one, saliency.

    The clip is one as for `model.classify`.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> len(classification(zoo.load("attention"), bundled("seven")).axes) >= 2
    True
    """
    config = model.config
    rate, hop_seconds = config.sample_rate, config.hop_length / config.sample_rate
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    answer, log_mel = model.classify(samples, rate), model.word_frames(samples, rate)
    figure = plots.Drawing(figsize=(10, 4), layout="constrained")
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
