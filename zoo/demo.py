"""The answers behind the page that `zoo demo` opens: hear a clip, see what each model makes of it, look the models up.

    listen      a recording -> transcript, words over the log-mel, each classifier's bars, attention and saliency
    card_text   a model -> its card; look: the same model's picture of a clip
    comparison  the table and the pictures of `zoo compare`

All of these take and return plain values: HTML, or Markdown for a card. What is recorded for a data set is kept by
zoo.recordings, and zoo.page makes a page of both.
"""

import base64
import html
import io
import json
import os
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zoo.audio import duration, load_audio
from zoo.card import card
from zoo.errors import AudioError, DataError, ZooError, first_line
from zoo.registry import architecture, language_models, list_models

RATE = 16000  # hertz of clips in memory and on disk; each model resamples for itself
LONGEST = 60.0  # seconds that the page transcribes: a minute is answered in seconds on two cores, and fits a picture
SILENT_DB = -60.0  # loudest tenth of a second, below full scale: microphones in quiet rooms hiss louder than that
WRITER = "lstm_ctc"
PICTURED = ("attention", "ds_cnn")  # one that has attention, and the best of those that are asked by occlusion
TOP = 5  # labels with a bar
RESULTS = Path(__file__).parent.parent / "data" / "results" / "compare.json"  # zoo.compare keeps it there
NOTHING = "Record something, choose a file, or take one of the clips."

# Networks and matplotlib are not made for several threads at once. One lock is enough for one machine, and since it is
# taken anew for each step, two users advance together.
_lock = threading.RLock()
_loaded: dict = {}


# --- models


def loaded(name: str):
    """A model with its bundled weights: read on first need, kept, shared by all users."""
    with _lock:
        if name not in _loaded:
            from zoo.model import load

            _loaded[name] = load(name)
        return _loaded[name]


def classifiers() -> list[str]:
    """Every classifier: first those of digits, then those that tell other words or people apart."""
    names = [name for name in list_models() if card(name).task == "classification"]
    return sorted(names, key=lambda name: not knows_digits(name))


def knows_digits(name: str) -> bool:
    """Whether the classes of a classifier are the ten digits."""
    from zoo.frontend import DIGITS

    return tuple(architecture(name).config.labels) == tuple(DIGITS)


def longest_word(name: str) -> float:
    """Seconds of the longest clip that a classifier takes."""
    return architecture(name).config.max_seconds


# --- a recording comes in


def hear(path: str | os.PathLike | None, most: float = LONGEST) -> np.ndarray:
    """A recording as (samples,) at RATE.

    Raises: AudioError for what is no audio, is silent, or lasts more than `most` seconds; ZooError where there is none.
    """
    if not path:
        raise ZooError(NOTHING)
    try:
        seconds = duration(path)
    except AudioError:
        seconds = 0.0  # load_audio knows better what is wrong with it
    _check_length(seconds, most)  # before an hour of it is in memory
    with open(path, "rb") as file:  # not its path: what was uploaded lies in a folder of no meaning
        samples = load_audio(file, RATE)
    _check_length(len(samples) / RATE, most)
    if loudest_db(samples) < SILENT_DB:
        raise AudioError(
            f"The clip is silent: it stays {-SILENT_DB:g} dB or more below full scale. Is the right microphone chosen, "
            "and not muted?"
        )
    return samples


def loudest_db(samples: np.ndarray) -> float:
    """Level of the loudest tenth of a second, in dB below full scale; -120 for nothing at all."""
    step = RATE // 10
    powers = [np.mean(np.square(samples[i : i + step])) for i in range(0, len(samples), step)]
    return float(10 * np.log10(max([1e-12, *powers])))


def _check_length(seconds: float, most: float) -> None:
    if most < seconds < 1e8:  # a stream of unknown length declares more
        raise AudioError(
            f"The clip lasts {minutes(seconds)}, and here at most {minutes(most)} are heard: cut it"
            + (", or use `zoo transcribe FILE`, which takes any length." if most == LONGEST else ".")
        )


def minutes(seconds: float) -> str:
    """Seconds as people write them.

    >>> minutes(4.251), minutes(600)
    ('4.25 s', '10 min 0 s')
    """
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


# --- and is answered


def listen(path) -> Iterator[dict[str, str]]:
    """What the models make of a recording, as each of them answers.

    Args: path: of an audio file, or None.
    Yields: HTML by the name of its place: "status", "words", "picture", "bars", "looks"; only what has changed.
    """
    yield {"status": "Listening ...", "words": "", "picture": "", "bars": "", "looks": ""}
    samples = hear(path)
    seconds = len(samples) / RATE
    yield {"status": f"{WRITER} is writing down {minutes(seconds)} ..."}
    transcript = transcribe(samples)
    yield {"words": words_html(transcript)}
    yield {"picture": words_picture(samples, transcript)}
    heard, refused = {}, []
    for name in classifiers():
        if seconds > longest_word(name):
            refused.append(name)
            continue
        yield {"status": f"{name} is listening ..."}
        heard[name] = classify(name, samples)
        yield {"bars": bars_html(heard)}
    if refused:
        most = minutes(longest_word(refused[0]))
        yield {
            "bars": note(
                f"The classifiers hear one word, in clips of at most {most}; this one lasts {minutes(seconds)}, so "
                "they were not asked."
            )
        }
    looks = ""
    for name in (name for name in PICTURED if name in heard):
        yield {"status": f"What did {name} look at?"}
        looks += focus(name, samples)
        yield {"looks": looks}
    yield {"status": summary(transcript, heard)}


def transcribe(samples: np.ndarray):
    """The Transcript of (samples,) at RATE."""
    with _lock:
        return loaded(WRITER).transcribe(samples, RATE)


def classify(name: str, samples: np.ndarray):
    """The Classification by one model of (samples,) at RATE. Raises AudioError for more than a word."""
    with _lock:
        return loaded(name).classify(samples, RATE)


def summary(transcript, heard: dict) -> str:
    """One line on all answers: the transcript, and what most of the word classifiers heard."""
    text = f"Done. {WRITER} wrote: {textwrap.shorten(transcript.text, 120) or '(nothing)'}."
    labels = Counter(found.label for name, found in heard.items() if knows_digits(name))
    if not labels:
        return html.escape(text)
    (label, count), total = labels.most_common(1)[0], sum(labels.values())
    text += f" {count} of {total} classifiers of digits heard: {label}."
    if len(transcript.words) > 1:
        text += " They know one word at a time, so of several words their answers say little."
    return html.escape(text)


def focus(name: str, samples: np.ndarray) -> str:
    """What a classifier's answer depended on, as HTML: its attention over time, or else the saliency of each point."""
    from zoo import pictures, plots

    with _lock:
        axes = plots.Drawing(figsize=(6.4, 3.6), layout="constrained").subplots()
        pictures.focus(loaded(name), samples, RATE, axes)
        axes.set_title(f"{name}: {axes.get_title()}")
        return picture_html(axes.figure, f"{axes.get_title()}, over the log-mel frames of the word.")


def look(name: str, samples: np.ndarray) -> str:
    """A model's picture of (samples,) at RATE, as HTML: words, attention or saliency, what an autoencoder gives back.

    Raises: AudioError where the clip is too long for the model.
    """
    from zoo import pictures, plots

    if name in language_models():
        return note(f"{name} is a model of text: it hears nothing, so there is nothing to draw.")
    task = architecture(name).task
    with _lock:
        model = loaded(name)
        if task == "transcription":
            return words_picture(samples, model.transcribe(samples, RATE), model)
        if task == "classification":
            found = model.classify(samples, RATE)
            title = f"{name} heard {found.label}, {100 * found.confidence:.0f} %"
            figure = pictures.classification(model, samples, RATE, title)
            return picture_html(figure, f"{title}; its bars, and what of the log-mel frames that depended on.")
        found = model.reconstruct(samples, RATE)
        axes = plots.reconstruction(found.log_mel, found.reconstruction, found.framing.hop_seconds, name)
        alt = f"Log-mel frames that {name} was given, what it gave back, and the difference: {found.error_db:.2f} dB."
        return picture_html(axes.figure, alt)


# --- pieces of HTML; whatever comes from outside is escaped


def note(text: str) -> str:
    return f'<p class="zoo-note">{html.escape(text)}</p>'


def problem(text: str) -> str:
    """A sentence that says what is wrong, in the status line, where screen readers find it."""
    return f'<span class="zoo-problem">{html.escape(text)}</span>'


def words_html(transcript) -> str:
    """The text, large, and each word with its times behind a fold."""
    text = html.escape(transcript.text) if transcript.text else "(no words heard)"
    rows = [(w.text, f"{w.start:.2f}", f"{w.end:.2f}", f"{w.confidence:.2f}") for w in transcript.words]
    details = table_html("Words and when they were said", ("word", "from s#", "to s#", "confidence#"), rows)
    fold = f"<details><summary>When each word was said</summary>{details}</details>" if rows else ""
    return f'<p class="zoo-text"><span>{WRITER} wrote</span>{text}</p>{fold}'


def words_picture(samples: np.ndarray, transcript, model=None) -> str:
    """Waveform, log-mel, and words over the probabilities that spelled them, as HTML."""
    from zoo import pictures

    seconds = len(samples) / RATE
    with _lock:
        figure = pictures.transcription(model or loaded(WRITER), samples, RATE, transcript)
        figure.set_size_inches(max(11.0, min(1.6 * seconds, 64.0)), 6.4)  # long clips are scrolled, not squeezed
        spoken = ", ".join(f"{word.text} at {word.start:.1f} s" for word in transcript.words) or "no words"
        return picture_html(figure, f"Waveform, log-mel frames and letters over {minutes(seconds)}: {spoken}.")


def picture_html(figure, alt: str) -> str:
    """A matplotlib figure inside the page; where the screen is narrow it can be moved, by keyboard too."""
    data = io.BytesIO()
    with _lock:
        figure.savefig(data, format="png", dpi=110)
    width, text = int(figure.get_figwidth() * 90), html.escape(alt, quote=True)
    code = base64.b64encode(data.getvalue()).decode()
    # Not below three fifths of its size: letters stay readable on a phone, and the region moves instead of the page.
    size = f"width:{width}px;max-width:{'none' if width > 1300 else '100%'};min-width:{min(int(0.6 * width), 640)}px"
    image = f'<img src="data:image/png;base64,{code}" alt="{text}" style="{size}">'
    return f'<div class="zoo-scroll" role="group" tabindex="0" aria-label="Picture">{image}</div>'


def bars_html(heard: dict) -> str:
    """Classifications side by side, by the name of the model: the likeliest labels with their probabilities."""
    return '<ul class="zoo-grid">' + "".join(map(_bars, heard, heard.values())) + "</ul>"


def _bars(name: str, found) -> str:
    lines = []
    for label, share in sorted(found.probabilities.items(), key=lambda item: -item[1])[:TOP]:
        percent, label = f"{100 * share:.0f} %", html.escape(label)
        bar = f'<span class="zoo-bar"><span style="width:{100 * share:.1f}%"></span></span>'
        lines.append(f"<li><span>{label}</span>{bar}<span>{percent}</span></li>")
    kind = "people" if architecture(name).config.target == "speaker" else "words"
    title = html.escape(name) + ("" if knows_digits(name) else f" <small>{len(found.probabilities)} {kind}</small>")
    return f'<li class="zoo-card"><h3>{title}</h3><ol>{"".join(lines)}</ol></li>'


def table_html(caption: str, columns: tuple[str, ...], rows) -> str:
    """A table with a caption; a column whose name ends in # is one of numbers."""
    kinds = ['class="zoo-number"' if name.endswith("#") else "" for name in columns]
    head = "".join(
        f'<th scope="col" {kind}>{html.escape(c.rstrip("#"))}</th>' for c, kind in zip(columns, kinds, strict=True)
    )
    body = ""
    for row in rows:
        cells = [f"<td {kind}>{html.escape(str(cell))}</td>" for cell, kind in zip(row, kinds, strict=True)]
        body += "<tr>" + "".join(cells) + "</tr>"
    caption, table = html.escape(caption), f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    region = f'<div class="zoo-scroll" role="group" tabindex="0" aria-label="{caption}">{table}</div>'
    return f'<p class="zoo-caption">{caption}</p>{region}'


# --- the models, one by one and side by side


def card_text(name: str) -> str:
    """The card of a model as Markdown. Raises UnknownNameError, DataError."""
    about = card(name)
    size = f"{about.size / 1e6:.2g} MB of weights" if about.weights else "no weights"
    lines = [f"### {name}", about.summary, f"**Task**: {about.task}, {about.parameters:,} parameters, {size}."]
    lines.append(f"**Labels**: {about.labels}")
    lines.append(f"**Limits**: {about.limits}")
    lines.append(f"**Licence of the weights**: {about.licence}.")
    if about.results:
        lines += ["**Measured**:", _figures(about)]
    sources = [f"- [{s['title']}]({s['url']}): {s.get('licence', '')}" for s in about.sources if s.get("url")]
    lines += ["**Sources**:", "\n".join(sources)] if sources else []
    return "\n\n".join([*lines, f"How it was trained: `zoo info {name}`."])


def _figures(about) -> str:
    """The results on a card as a Markdown table."""
    writes = about.task == "transcription"
    heads = ["measured on", *(["decoder"] if writes else []), "figure", "95 % interval", "clips", "note"]
    rows = []
    for r in about.results:
        figure = f"{r.metric} {r.value:.2f}" + (" %" if r.metric in ("WER", "CER", "accuracy", "EER") else "")
        interval = f"{r.low:.2f} to {r.high:.2f}" if r.low < r.high else ""
        decoder = [r.decoder or "greedy"] if writes else []
        rows.append([f"{r.data}, {r.split}", *decoder, figure, interval, f"{r.utterances:,}", r.note])
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def compared() -> tuple[list[dict], str]:
    """(rows as `zoo compare --out` writes them, where they are from): of a checkout, or else from the models' cards."""
    if RESULTS.is_file():
        return json.loads(RESULTS.read_text(encoding="utf-8")), "Measured by zoo compare."
    rows = [_row(name) for name in classifiers() if knows_digits(name)]
    return rows, "From the models' cards; zoo compare, in a checkout, measures noise and baselines too."


def _row(name: str) -> dict:
    """A row of the comparison with what a card knows."""
    about, row = card(name), {"name": name, "kind": "network", "parameters": card(name).parameters}
    places = {("fsdd", "test"): "official", ("fsdd", "leave one speaker out"): "loso"}
    for r in about.results:
        if r.metric == "accuracy" and (r.data, r.split) in places:
            row[places[r.data, r.split]] = {"value": r.value, "low": r.low, "high": r.high}
    return row


def comparison() -> str:
    """The table of `zoo compare` and its pictures, as HTML. Raises DataError where the file of results is damaged."""
    from zoo import compare, plots

    try:
        rows, origin = compared()
        parts = [note(origin), comparison_table(rows)]
        with _lock:
            parts.append(picture_html(plots.comparison(rows).figure, "Accuracy on known and on unseen speakers."))
            if any(row.get("noise") for row in rows):
                alt = "Accuracy as noise and babble grow from none to 0 dB."
                parts.append(picture_html(plots.noise(compare.levels(rows)).figure, alt))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"The results must be those of `zoo compare`; {RESULTS} is not: {first_line(error)}") from error
    return "".join(parts)


def comparison_table(rows: list[dict]) -> str:
    """What `zoo compare` prints, up to the milliseconds for a clip; without kB."""
    from zoo import compare

    cells = compare.cells(rows, "({low:.1f} to {high:.1f})", " / ")
    snrs = " / ".join(map(str, compare.SNR_DB))
    columns = (
        "model",
        "official test %#",
        "unseen speakers %#",
        f"noise {snrs} dB#",
        f"babble {snrs} dB#",
        "parameters#",
        "ms a clip#",
    )
    caption = "Accuracy of the word classifiers, with 95 % intervals"
    return table_html(caption, columns, [(*row[:6], row[7]) for row in cells])
