"""What each model says of a clip, what is on its card, and how the models compare: plain values, which the page shows."""

import io
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import zoo
from zoo.audio import duration, load_audio
from zoo.errors import AudioError, AudioWarning, ZooError
from zoo.presets import LARGER

RATE = 16000  # Hz of clips in memory and on disk; each model resamples for itself
MAX_SECONDS = 600.0  # that the page transcribes: two cores answer ten minutes in less than one
PICTURE_SECONDS = 60.0  # of a recording that are drawn
WORD_SECONDS = 4.0  # of a clip that classifiers are asked about
SILENT_DB = -60.0  # loudest tenth of a second, below full scale: microphones in quiet rooms hiss louder than that
NO_CLIP = "There is no clip: record something, choose a file, or take one of the examples."


class Picture(NamedTuple):
    """An image with a description for those who do not see it."""

    image: Any
    alt: str


class Doubtful(NamedTuple):
    """An answer to a sound that is unlike the training data."""

    value: Any


@cache
def loaded(name: str) -> Any:
    """A model with its bundled weights: read on first need, kept, shared by all users."""
    return zoo.load(name)


def models_for(task: str) -> list[str]:
    """Names of the models with weights for a task, best first by the first figure on their cards."""

    def error(name):
        first = next(iter(zoo.card(name).results), None)
        return np.inf if first is None else 100 - first.value if first.metric in LARGER else first.value

    return sorted((name for name in zoo.list_models(task=task) if zoo.card(name).weights), key=error)


def heading(name: str) -> str:
    """What stands above the labels of a classifier: its name; with many labels also that the answer is the nearest of them.

    >>> heading("word_embedding")
    'word_embedding: the nearest of 747 words'
    """
    many = re.match(r"[\d,]+ \w+", zoo.card(name).labels)  # the card of one with few labels names them
    return f"{name}: the nearest of {many[0]}" if many else name


def hear(path: str | os.PathLike | None, max_seconds: float = MAX_SECONDS) -> np.ndarray:
    """Reads a recording of at most `max_seconds` that is not silent: (samples,) at RATE."""
    if not path:
        raise ZooError(NO_CLIP)
    seconds = duration(path)
    if seconds > max_seconds:  # before an hour of it is in memory
        raise AudioError(f"The clip lasts {seconds:.1f} s; the page takes at most {max_seconds:g} s here. Cut it.")
    samples = load_audio(path, RATE)
    if loudest_db(samples) < SILENT_DB:
        raise AudioError("The clip is silent. Is the right microphone chosen, and not muted?")
    return samples


def loudest_db(samples: np.ndarray) -> float:
    """Level of the loudest tenth of a second, in dB below full scale; -120 for silence."""
    step = RATE // 10
    powers = [np.mean(np.square(samples[i : i + step])) for i in range(0, len(samples), step)]
    return float(10 * np.log10(max([1e-12, *powers])))


def listen(path: str | os.PathLike | None) -> Iterator[dict[str, Any]]:
    """Asks every recognizer and classifier about a recording.

    Yields what has changed: "status" (text), "picture" (of the first recognizer), and by the name of a model its words
    with their doubt (1 - confidence), or its labels with their probabilities; as `Doubtful` where the answer is doubtful.
    """
    recognizers, classifiers = models_for("transcription"), models_for("classification")
    yield dict.fromkeys([*recognizers, *classifiers, "picture"]) | {"status": "Listening ..."}
    with warnings.catch_warnings(record=True) as odd:
        warnings.simplefilter("always", AudioWarning)
        samples = hear(path)
    note = " ".join(str(warning.message) for warning in odd if warning.category is AudioWarning)
    doubt = ""
    for name in recognizers:
        yield {"status": f"{name} is transcribing ..."}
        transcript = loaded(name).transcribe(samples, RATE)
        doubt = doubt or transcript.doubt
        words = [(word.text, 1 - word.confidence) for word in transcript.words] or [("(no words)", None)]
        yield {name: Doubtful(words) if transcript.doubtful else words}
        if name == recognizers[0]:
            yield {"picture": draw(name, samples)}
    if len(samples) > WORD_SECONDS * RATE:
        most = f"Classifiers take one word of at most {WORD_SECONDS:g} s, so they were not asked."
        yield {"status": f"Done. {most} {doubt} {note}"}
        return
    answers = {}
    for name in classifiers:
        yield {"status": f"{name} is listening ..."}
        try:
            answers[name] = loaded(name).classify(samples, RATE)
        except AudioError:  # longer than this model takes
            continue
        found = answers[name].probabilities
        yield {name: Doubtful(found) if answers[name].doubtful else found}
    yield {"status": f"Done. {majority(answers)} {note}"}


def majority(answers: dict[str, Any]) -> str:
    """A sentence on what most classifiers say, of those that have the same labels as most others."""
    if not answers:
        return ""
    known = Counter(frozenset(answer.probabilities) for answer in answers.values()).most_common(1)[0][0]
    labels = Counter(answer.label for answer in answers.values() if set(answer.probabilities) == known)
    label, count = labels.most_common(1)[0]
    doubts = [answer.doubt for answer in answers.values() if answer.doubtful]
    grey = f" {len(doubts)} are in doubt (grey): {doubts[0]}" if doubts else ""
    return f"{count} of {labels.total()} classifiers of the same {len(known)} labels say: {label}.{grey}"


def draw(name: str, samples: np.ndarray) -> Picture | None:
    """Draws what a model makes of a clip: words, what a label depended on, or a reconstruction; None for other models."""
    from zoo import plots
    from zoo.plots import pictures

    model = loaded(name)
    if hasattr(model, "transcribe"):
        samples = samples[: int(PICTURE_SECONDS * RATE)]
        transcript = model.transcribe(samples, RATE)
        figure = pictures.transcription(model, samples, RATE, transcript, f"{name}: {transcript.text}")
        seconds = len(samples) / RATE
        figure.set_size_inches(max(11.0, min(1.6 * seconds, 64.0)), 6.4)  # long clips are scrolled, not squeezed
        return _picture(figure, f"Waveform, log-mel frames and tokens of {figure.get_suptitle()}")
    if hasattr(model, "classify"):
        answer = model.classify(samples, RATE)
        title = f"{heading(name)}: {answer.label}, {answer.confidence:.0%}"
        return _picture(pictures.classification(model, samples, RATE, title), f"{title}, and what it depended on")
    if hasattr(model, "reconstruct"):
        found = model.reconstruct(samples, RATE)
        axes = plots.reconstruction(found.log_mel, found.reconstruction, found.framing.hop_seconds, name)
        return _picture(axes.figure, f"Input, output and difference of {name}: {found.error_db:.2f} dB")
    return None


def _picture(figure: Any, alt: str) -> Picture:
    from PIL import Image

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return Picture(Image.open(png), alt)


def card_text(name: str) -> str:
    """The card of a model as Markdown: summary, labels, limits, licence, measured figures, sources."""
    about = zoo.card(name)
    size = f"{about.size / 1e6:.2g} MB of weights" if about.weights else "no weights"
    lines = [f"### {name}", about.summary, f"**Task**: {about.task}, {about.parameters:,} parameters, {size}."]
    lines += [f"**Labels**: {about.labels}", f"**Limits**: {about.limits}", f"**Licence**: {about.licence}."]
    rows = [["measured on", "figure", "95 % interval", "clips", "note"], ["---"] * 5]
    for r in about.results:
        figure = f"{r.metric} {r.value:.2f}" + (" %" if r.metric in ("WER", "CER", "accuracy", "AUROC", "EER") else "")
        interval = f"{r.low:.2f} to {r.high:.2f}" if r.low < r.high else ""
        measured_on = ", ".join(filter(None, (r.data, r.split, r.decoder)))
        rows.append([measured_on, figure, interval, f"{r.utterances:,}", r.note])
    lines += ["\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)]
    sources = [f"- [{s['title']}]({s['url']}): {s.get('licence', '')}" for s in about.sources if s.get("url")]
    return "\n\n".join([*lines, "\n".join(sources), f"How it was trained: `zoo info {name}`."])


COLUMNS = ("model", "known speakers %", "95 % interval", "unseen speakers %", "95 % interval", "parameters")
MEASURED = {("fsdd", "test"): "official", ("fsdd", "leave one speaker out"): "loso"}


def comparison() -> tuple[list[list], Picture]:
    """Rows under COLUMNS and a picture: the classifiers of digits by their cards, best on unseen speakers first."""
    from zoo import plots

    rows = []
    for name in models_for("classification"):
        about = zoo.card(name)
        found = {MEASURED.get((r.data, r.split)): vars(r) for r in about.results if r.metric == "accuracy"}
        if "official" in found and "loso" in found:
            rows.append({"name": name, "kind": "network", "parameters": about.parameters, **found})
    rows.sort(key=lambda row: -row["loso"]["value"])
    cells = []
    for row in rows:
        spans = [row[key] for key in ("official", "loso")]
        figures = [cell for s in spans for cell in (f"{s['value']:.1f}", f"{s['low']:.1f} to {s['high']:.1f}")]
        cells.append([row["name"], *figures, f"{row['parameters']:,}"])
    return cells, _picture(plots.comparison(rows).figure, "Accuracy on known and on unseen speakers")
