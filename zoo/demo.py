"""The page that `zoo demo` opens: hear a clip, see what each model makes of it, look the models up, record a data set.

    listen      a recording -> transcript, words over the log-mel, each classifier's bars, attention and saliency
    card_text   a model -> its card; look: the same model's picture of a clip
    comparison  the table and the pictures of `zoo compare`
    save_clip   a recording, a label and a speaker -> a file of the data set `folder`

All of these take and return plain values. Only `page`, which wires them together, and `serve` know gradio, which is
imported there and nowhere else: the rest of the package needs none of it.
"""

import asyncio
import base64
import csv
import html
import importlib.util
import io
import ipaddress
import json
import logging
import os
import re
import shlex
import signal
import socket
import sys
import tempfile
import textwrap
import threading
import webbrowser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from zoo.audio import bundled, duration, load_audio
from zoo.card import card
from zoo.errors import AudioError, DataError, ZooError, first_line
from zoo.registry import architecture, language_models, list_models

HOST, PORT, FOLDER = "127.0.0.1", 7860, "recordings"
RATE = 16000  # hertz of clips in memory and on disk; each model resamples for itself
LONGEST = 60.0  # seconds that the page transcribes: a minute is answered in seconds on two cores, and fits a picture
SILENT_DB = -60.0  # loudest tenth of a second, below full scale: microphones in quiet rooms hiss louder than that
UPLOAD = "200mb"  # ten minutes in stereo, so that they are refused with a sentence on their length, not their size
WRITER = "lstm_ctc"
PICTURED = ("attention", "ds_cnn")  # one that has attention, and the best of those that are asked by occlusion
CLIPS = ("seven", "woman-us", "man-gb", "telephone")  # to try where there is no microphone
TOP = 5  # labels with a bar
RESULTS = Path(__file__).parent.parent / "data" / "results" / "compare.json"  # zoo.compare keeps it there
NOTHING = "Record something, choose a file, or take one of the clips."

log = logging.getLogger(__name__)
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
    samples = load_audio(path, RATE)
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
    from zoo import plots

    with _lock:
        model = loaded(name)
        config, found = model.config, model.classify(samples, RATE)
        decibel, attention = model.word_frames(samples, RATE), model.outputs([samples], RATE)[0].get("attention")
        hop = config.hop_length / config.sample_rate
        axes = plots.Drawing(figsize=(6.4, 3.6), layout="constrained").subplots()
        if attention is not None:
            plots.attention(decibel, attention, hop, config.frame_seconds, axes, f"{name}: how much each frame counted")
        else:
            plots.saliency(
                decibel, model.saliency(samples, RATE), hop, axes, f"{name}: what {found.label!r} depended on"
            )
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
    from zoo import plots

    try:
        rows, origin = compared()
        parts = [note(origin), comparison_table(rows)]
        with _lock:
            parts.append(picture_html(plots.comparison(rows).figure, "Accuracy on known and on unseen speakers."))
            if any(row.get("noise") for row in rows):
                alt = "Accuracy as noise and babble grow from none to 0 dB."
                parts.append(picture_html(plots.noise(levels(rows)).figure, alt))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"The results must be those of `zoo compare`; {RESULTS} is not: {first_line(error)}") from error
    return "".join(parts)


def levels(rows: list[dict]) -> list[dict]:
    """Accuracies under noise and babble as `zoo.plots.noise` takes them."""
    kinds = ("noise", "babble")
    return [
        {"name": row["name"]} | {kind: {snr: v["value"] for snr, v in row.get(kind, {}).items()} for kind in kinds}
        for row in rows
    ]


def comparison_table(rows: list[dict]) -> str:
    """What `zoo compare` prints, best on unseen speakers first."""

    def percent(found):
        return f"{found['value']:.1f} ({found['low']:.1f} to {found['high']:.1f})" if found else ""

    def under(row, kind):
        values = row.get(kind) or {}
        return " / ".join(f"{values[snr]['value']:.0f}" for snr in ("20", "10", "0") if snr in values)

    rows = sorted(rows, key=lambda row: -(row.get("loso") or {"value": 0})["value"])
    cells = [
        (
            row["name"],
            percent(row.get("official")),
            percent(row.get("loso")),
            under(row, "noise"),
            under(row, "babble"),
            f"{row['parameters']:,}" if row.get("parameters") else "",
            f"{row['milliseconds']:.1f}" if row.get("milliseconds") is not None else "",
        )
        for row in rows
    ]
    columns = (
        "model",
        "official test %#",
        "unseen speakers %#",
        "noise 20 / 10 / 0 dB#",
        "babble 20 / 10 / 0 dB#",
        "parameters#",
        "ms a clip#",
    )
    return table_html("Accuracy of the word classifiers, with 95 % intervals", columns, cells)


# --- a data set of one's own: folder/label/speaker_take.wav


def label_name(text: str) -> str:
    """A label as the data set `folder` reads it: small letters a to z, _ between words. Raises ZooError."""
    label = "_".join((text or "").lower().replace("_", " ").split())
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", label) or len(label) > 40:
        raise ZooError(
            "A label is the word that is said, in at most 40 letters a to z, with _ or a space between words (write "
            f"numbers as words); received {(text or '')[:60]!r}."
        )
    return label


def speaker_name(text: str) -> str:
    """Who speaks: letters, digits, - and _. Raises ZooError."""
    name = (text or "").strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise ZooError(
            "A speaker is named by at most 40 letters a to z, digits, - and _, a letter or digit first; received "
            f"{(text or '')[:60]!r}."
        )
    return name


def save_clip(folder: str | Path, label: str, speaker: str, path) -> Path:
    """Keep a recording as folder/label/speaker_take.wav, 16 kHz and 16 bit, under a take that is free.

    Raises: ZooError for names that cannot be; AudioError for what is no audio, silent, or longer than a word may be.
    """
    folder, label, speaker = Path(folder), label_name(label), speaker_name(speaker)
    samples = hear(path, min(map(longest_word, classifiers())))
    with _lock:  # two users may save at once
        place = folder / label
        place.mkdir(parents=True, exist_ok=True)
        try:
            taken = _write_new(place, speaker, samples)
        except BaseException:
            with suppress(OSError):  # an empty folder would be a label without clips, which no training takes
                place.rmdir()
            raise
        _write_list(folder)
    return taken


def _write_new(place: Path, speaker: str, samples: np.ndarray) -> Path:
    """A file under the first free take; whole, or not at all."""
    import soundfile

    made = io.BytesIO()  # libsndfile has no word for a full disk; Python has
    soundfile.write(made, samples, RATE, subtype="PCM_16", format="WAV")
    take = 1 + max((number for name, number in map(_said_by, place.glob("*.wav")) if name == speaker), default=0)
    handle, partial = tempfile.mkstemp(dir=place.parent, prefix=".clip-")  # no .wav: training does not look at it
    try:
        with open(handle, "wb") as file:
            file.write(made.getvalue())
        os.chmod(partial, 0o644)  # as other files are; temporary ones are their owner's alone
        while True:
            path = place / f"{speaker}_{take}.wav"
            with suppress(FileExistsError):  # on disks that tell no capitals apart, or by a second server
                open(path, "xb").close()
                break
            take += 1
        try:
            os.replace(partial, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    finally:
        Path(partial).unlink(missing_ok=True)
    return path


def _said_by(path: Path) -> tuple[str, int]:
    """(speaker, take) of anna_3.wav; ("", 0) of a file that was named in another way."""
    match = re.fullmatch(r"(.+)_(\d{1,9})", path.stem)
    return (match[1], int(match[2])) if match else ("", 0)


def _clips(folder: Path) -> list[tuple[str, str, str]]:
    """(path below the folder, label, speaker) of every clip."""
    paths = sorted(path for path in folder.glob("[!.]*/*.wav") if path.is_file())
    return [(f"{p.parent.name}/{p.name}", p.parent.name, _said_by(p)[0]) for p in paths]


def _write_list(folder: Path) -> None:
    """folder/clips.csv, from which the data set `folder` learns who speaks: a split then shares no speaker."""
    handle, partial = tempfile.mkstemp(dir=folder, prefix=".clips-")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            rows = [(path, label.replace("_", " "), speaker) for path, label, speaker in _clips(folder)]
            csv.writer(file).writerows([("path", "text", "speaker"), *rows])
        os.chmod(partial, 0o644)
        os.replace(partial, folder / "clips.csv")
    finally:
        Path(partial).unlink(missing_ok=True)


def recorded(folder: str | Path) -> str:
    """How many clips there are of each label, by speaker, as an HTML table."""
    counts = Counter((label, speaker or "?") for _, label, speaker in _clips(Path(folder)))
    speakers = sorted({speaker for _, speaker in counts})
    rows = []
    for label in sorted({label for label, _ in counts}):
        by = [counts[label, speaker] for speaker in speakers]
        rows.append((label, sum(by), *by))
    if not rows:
        return note("No clips yet.")
    return table_html("Clips of each label, by speaker", ("label", "clips#", *(f"{s}#" for s in speakers)), rows)


def next_step(folder: str | Path) -> str:
    """What to do with the clips, as Markdown: the command that trains on them, or what is missing for that."""
    folder = Path(folder)
    labels = {label for _, label, _ in _clips(folder)}
    if len(labels) < 2:
        return f"Training needs clips of at least two labels; there are {len(labels)} so far."
    try:
        command = train_command(folder)
    except ZooError as error:  # what somebody else put into the folder
        return f"These clips cannot be trained on: {error}"
    return (
        "Train a classifier on them, in a terminal:\n\n"
        f"```\n{command}\n```\n\n"
        "With few clips of each word, without training, in Python:\n\n"
        "```\n"
        "import zoo\n"
        "from pathlib import Path\n"
        f"folders = [f for f in Path({str(folder)!r}).iterdir() if f.is_dir()]\n"
        'words = zoo.few_shot(zoo.load("word_embedding"), {f.name: sorted(f.glob("*.wav")) for f in folders})\n'
        "```"
    )


def train_command(folder: str | Path) -> str:
    """The `zoo train` line for the clips of a folder; with enough people, some are held out to choose the epoch by."""
    from zoo import datasets

    folder = Path(folder)
    source = f"source={folder / 'clips.csv'}"
    words = ["zoo", "train", "ds_cnn", "--data"]
    said = {
        split: {u.text for u in datasets.load("folder", split, folder / "clips.csv")}
        for split in ("train", "validation")
    }
    if len(said["train"]) > 1 and said["validation"] and said["validation"] <= said["train"]:
        words += [f"folder,{source}", "--validation", f"folder,{source}"]
    else:
        words += [f"folder:all,{source}"]
    return shlex.join([*words, "--out", "runs/mine"])


def check_folder(folder: str | Path) -> Path:
    """Where clips are kept. Raises ZooError where that is a file, or what `--data` cannot name."""
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ZooError(f"Clips are kept in a folder; {folder} is a file.")
    if set(",=") & set(str(folder)):
        raise ZooError(
            f"The folder of clips has no , or = in its name, since --data could not name it; received {folder}."
        )
    return folder


# --- the page; from here on gradio is known

STYLE = """
.gradio-container {max-width: 1120px !important; width: 100% !important; margin: 0 auto !important;}
.html-container {padding: 0 !important;}
@media (max-width: 500px) {.tabs button[role=tab] {padding: 0 6px !important;}}
.tabs button[role=tab].selected {color: var(--body-text-color) !important; font-weight: 600;}
.source-selection {height: auto !important; gap: 16px;}
.source-selection button {display: flex; align-items: center; width: auto !important; gap: 6px; padding: 4px 8px;
  color: var(--body-text-color) !important;}
.source-selection button.selected {text-decoration: underline; text-underline-offset: 4px; font-weight: 600;}
.source-selection button[aria-label="Upload file"]::after {content: "File";}
.source-selection button[aria-label="Record audio"]::after {content: "Microphone";}
.zoo-scroll {overflow-x: auto; margin: 8px 0; background: white; border: 1px solid var(--border-color-primary);
  border-radius: 6px;}
.zoo-scroll:has(table) {background: none;}
.zoo-scroll img {display: block; height: auto; margin: 0 auto;}
.prose.zoo-looks {display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 8px;}
.zoo-looks .zoo-scroll {min-width: 0; margin: 0;}
.zoo-scroll table, .zoo-wide table {border-collapse: collapse; width: 100%; font-size: 0.92em;
  border: none !important; margin: 0 !important;}
.zoo-caption {margin: 8px 0 0; font-weight: 600;}
.zoo-wide :is(thead, tbody, tr), .zoo-scroll :is(thead, tbody, tr) {border: none !important;}
.zoo-wide td:last-child {min-width: 16em;}
.zoo-scroll :is(th, td), .zoo-wide :is(th, td) {padding: 4px 10px !important; text-align: left; vertical-align: top;
  border: none !important; border-top: 1px solid var(--border-color-primary) !important;
  overflow-wrap: normal !important; word-break: normal !important;}
.zoo-scroll :is(th, td), .zoo-wide th {white-space: nowrap;}
.zoo-wide table {display: block; overflow-x: auto;}
.zoo-scroll .zoo-number {text-align: right !important; font-variant-numeric: tabular-nums;}
.zoo-problem {display: block; padding: 8px 12px; border-left: 4px solid #D55E00; background: #D55E0018;}
.zoo-note {margin: 0; opacity: 0.85;}
.zoo-text {font-size: 1.7em; line-height: 1.3; margin: 0 0 4px; overflow-wrap: anywhere;}
.zoo-text span {display: block; font-size: 0.5em; opacity: 0.75;}
summary {cursor: pointer;}
ul.zoo-grid {display: grid; grid-template-columns: repeat(auto-fill, minmax(158px, 1fr)); gap: 8px;
  list-style: none; margin: 0; padding: 0;}
.zoo-card {border: 1px solid var(--border-color-primary); border-radius: 6px; padding: 8px 10px; margin: 0;
  min-width: 0;}
.zoo-card h3 {font-size: 0.95em; margin: 0 0 4px; font-weight: 600;}
.zoo-card small {display: block; font-weight: 400; opacity: 0.75;}
.zoo-card ol {display: grid; grid-template-columns: fit-content(6.5em) 1fr max-content; gap: 1px 6px;
  list-style: none; margin: 0; padding: 0; font-size: 0.86em;}
.zoo-card ol li {display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; align-items: center; margin: 0;}
.zoo-card ol li > span {min-width: 0; overflow-wrap: anywhere;}
.zoo-card ol li > span:last-child {text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums;}
.zoo-card ol li:first-child {font-weight: 600;}
.zoo-bar {display: block; height: 0.8em; background: #8883; border-radius: 2px;}
.zoo-bar span {display: block; height: 100%; background: #0072B2; border-radius: 2px;}
.zoo-card ol li:first-child .zoo-bar span {background: #D55E00;}
.zoo-wide pre, .zoo-wide code {white-space: pre-wrap; overflow-wrap: anywhere;}
:focus-visible {outline: 3px solid #D55E00 !important; outline-offset: 2px;}
"""

# gradio lets STYLE reach only what is inside the page; its margins are not.
MARGINS = "<style>@media (max-width: 500px) {.gradio-container .main.app {padding: 8px 12px !important;}}</style>"

# Status lines are said aloud by screen readers when they change. Those of a tab are made when it is opened.
ALOUD = """() => {
  const unmarked = () => document.querySelectorAll('.block.zoo-status:not([role])');
  const mark = () => unmarked().forEach(line => line.setAttribute('role', 'status'));
  new MutationObserver(mark).observe(document.body, {childList: true, subtree: true});
  mark();
}"""


def check_gradio() -> None:
    """Raises ZooError where gradio is not installed; said before seconds of importing it, and at once."""
    if importlib.util.find_spec("gradio") is None:
        raise ZooError('The page needs gradio, not installed here: pip install "speech-zoo[demo]".')


def _gradio():
    """gradio, told to keep to itself. Raises ZooError where it is not installed."""
    check_gradio()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio

    return gradio


def sentence(error: Exception) -> str:
    """What the page says of an error; what nobody foresaw is written to the terminal in full."""
    if isinstance(error, ZooError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:  # a full disk, a folder without permission
        return f"{error.filename or 'The disk'}: {error.strerror}."
    log.exception("The page met what it did not expect")
    return (
        f"This went wrong in a way that nobody foresaw ({type(error).__name__}: {first_line(error)}). The page goes on."
    )


def guarded(answers: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    """The same answers; an error ends them with a sentence in the status line."""
    try:
        yield from answers
    except Exception as error:  # the server must outlive whatever it is given
        yield {"status": problem(sentence(error))}


def page(folder: str | Path = FOLDER):
    """The page as gradio.Blocks; clips of the tab "Record the class" go to `folder`. Raises ZooError without gradio."""
    gr, folder = _gradio(), check_folder(folder)
    with gr.Blocks(title="speech-zoo", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        gr.Markdown(
            "# speech-zoo\n"
            "Small speech models, and what they make of your voice. Nothing leaves the machine that runs this page."
        )
        with gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Listen", elem_id="listen"):
                audio = _listen_tab(gr)
            with gr.Tab("Models", elem_id="models") as tab:
                _models_tab(gr, tab, audio)
            with gr.Tab("Compare", elem_id="compare") as tab:
                _compare_tab(gr, tab)
            with gr.Tab("Record the class", elem_id="class") as tab:
                _class_tab(gr, tab, folder)
    return blocks.queue(default_concurrency_limit=4)


def _wire(gr, events, answers, inputs, places: dict, mode: str = "always_last") -> None:
    """Let `answers(*inputs)`, an iterator of {place: HTML}, fill the places as it goes.

    Args: mode: of what comes while something else is answered: "always_last" answers it next, "once" forgets it.
    """

    def handler(*values):
        for changed in guarded(answers(*values)):
            yield [changed.get(name, gr.skip()) for name in places]

    outputs = list(places.values())
    gr.on(events, handler, inputs, outputs, trigger_mode=mode, show_progress="hidden", api_visibility="private")


def _places(gr, *names: str) -> dict:
    """Empty HTML by name; the one called status is a line of its own."""
    return {name: gr.HTML(elem_classes=[f"zoo-{name}"]) for name in names}


def _microphone(gr, label: str):
    return gr.Audio(
        sources=["microphone", "upload"], type="filepath", label=label, editable=False, buttons=[],
        waveform_options=gr.WaveformOptions(waveform_color="#0072B2", waveform_progress_color="#D55E00"),
    )  # fmt: skip


def _listen_tab(gr):
    audio = _microphone(gr, f"A recording of at most {LONGEST:g} seconds")
    with gr.Row(elem_classes=["zoo-clips"]):
        for name in CLIPS:
            gr.Button(f"Clip: {name}", size="sm", min_width=120).click(
                lambda name=name: str(bundled(name)), None, audio, show_progress="hidden", api_visibility="private"
            )
    places = _places(gr, "status", "words", "picture", "bars", "looks")

    def answers(path):
        if path is None:
            yield dict.fromkeys(places, "") | {"status": NOTHING}
        else:
            yield from listen(path)

    _wire(gr, [audio.change], answers, [audio], places)
    return audio


def _models_tab(gr, tab, audio) -> None:
    picker = gr.Dropdown(list_models(), value=PICTURED[-1], label="Model", filterable=False)
    places = _places(gr, "status", "picture")
    text = gr.Markdown(card_text(PICTURED[-1]), elem_classes=["zoo-wide"])

    def answers(name, path):
        yield {"status": f"{name} is drawing ...", "picture": ""}
        clip, samples = ("your clip", hear(path)) if path else (f"the clip {CLIPS[0]}", hear(bundled(CLIPS[0])))
        yield {"picture": look(name, samples), "status": f"What {name} makes of {clip}:"}

    picker.change(card_text, picker, text, show_progress="hidden", api_visibility="private")
    _wire(gr, [picker.change, tab.select], answers, [picker, audio], places)


def _compare_tab(gr, tab) -> None:
    places = _places(gr, "status", "comparison")

    def answers():
        yield {"status": "Drawing ..."}
        yield {"comparison": comparison(), "status": ""}

    _wire(gr, [tab.select], answers, None, places)


def _class_tab(gr, tab, folder: Path) -> None:
    gr.Markdown(
        f"Collect clips of single words, a few by each person. They are kept in `{folder.absolute()}` on the machine "
        "that runs this page, as 16 kHz WAV: ask before you record somebody."
    )
    with gr.Row():
        label = gr.Textbox(label="Label: the word that is said", max_length=60)
        speaker = gr.Textbox(label="Speaker: a short name or number", max_length=60)
    audio = _microphone(gr, "The word, once")
    button = gr.Button("Save clip", variant="primary")
    places = _places(gr, "status", "counts") | {"next": gr.Markdown(elem_classes=["zoo-wide"])}

    def show():
        yield {"counts": recorded(folder), "next": next_step(folder)}

    def save(label, speaker, path):
        yield {"status": html.escape(f"Saved {save_clip(folder, label, speaker, path)}."), "audio": None}
        yield from show()

    _wire(gr, [tab.select], show, None, places)
    # A second click while a clip is saved does not save it twice.
    _wire(gr, [button.click], save, [label, speaker, audio], places | {"audio": audio}, mode="once")


# --- and its server


class Policy:
    """ASGI middleware: the browser is told to load nothing from elsewhere, whatever a later gradio may ask for."""

    VALUE = (
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        b"connect-src 'self' data: blob:; worker-src 'self' blob:; form-action 'self'"
    )

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def with_policy(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"content-security-policy", self.VALUE)]
            await send(message)

        await self.app(scope, receive, with_policy if scope["type"] == "http" else send)


def is_local(address: str) -> bool:
    """Whether only programs on this machine reach an address."""
    return ipaddress.ip_address(address.split("%")[0]).is_loopback


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ZooError for a host that is not this machine's, and for a port that is taken."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listener = socket.socket(family, kind)
    except OSError:
        raise ZooError(f"--host is a name or an address of this machine, such as {HOST}; received {host!r}.") from None
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ZooError(
            f"The page cannot listen on {host}, port {port}: {(error.strerror or str(error)).lower()}. Is another "
            "`zoo demo` running? Choose a port with --port, or any free one with --port 0."
        ) from None
    return listener


def _cut_off(record: logging.LogRecord) -> bool:
    """Whether the server's log speaks of a connection that Ctrl-C has cut."""
    cancelled = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
    return bool(cancelled) or "timeout graceful shutdown" in record.getMessage()


@contextmanager
def _uploads():
    """A folder for what users record, which is gone when the server ends."""
    before = os.environ.get("GRADIO_TEMP_DIR")
    with tempfile.TemporaryDirectory(prefix="zoo-demo-", ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            yield
        finally:
            os.environ.pop("GRADIO_TEMP_DIR")
            if before is not None:
                os.environ["GRADIO_TEMP_DIR"] = before


def app(blocks):
    """The page as an ASGI application, with fonts of the system and no request to anywhere else."""
    gr = _gradio()
    from fastapi import FastAPI

    theme = gr.themes.Base(
        primary_hue="blue", font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")
    ).set(button_primary_background_fill="#0072B2", button_primary_background_fill_hover="#005A8C")
    mounted = gr.mount_gradio_app(
        FastAPI(), blocks, "/", theme=theme, css=STYLE, head=MARGINS, js=ALOUD, footer_links=[], run_history=False,
        ssr_mode=False, pwa=False, mcp_server=False, enable_monitoring=False, max_file_size=UPLOAD,
        allowed_paths=[str(bundled(CLIPS[0]).parent)],
    )  # fmt: skip
    return Policy(mounted)


def serve(
    host: str = HOST,
    port: int = PORT,
    folder: str | Path = FOLDER,
    browser: bool = False,
    say=print,
    prepare=lambda: None,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        host: where to listen; other addresses than this machine's own let others in, which is said.
        port: 0 for any that is free. folder: of the clips that are recorded. browser: whether to open one.
        say: called with each line for the user. prepare: called once the port is ours, before the page is.
    Raises: ZooError without gradio, for a port that is taken, a host that is not here, a folder that cannot be.
    """
    check_gradio()
    folder = check_folder(folder)
    logging.getLogger("tensorflow").setLevel("ERROR")  # it counts in warnings how often it compiled
    listener = bind(host, port)
    prepare()
    address, port = listener.getsockname()[:2]
    if threading.current_thread() is threading.main_thread():  # nothing that was recorded stays behind then either
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with listener, _uploads(), suppress(KeyboardInterrupt):
        import uvicorn

        application = app(page(folder))
        local = is_local(address)
        everywhere = ipaddress.ip_address(address).is_unspecified
        name = "localhost" if everywhere else f"[{address}]" if ":" in address else address
        if not local:
            say(
                f"Warning: whoever reaches {socket.gethostname() if everywhere else address}, port {port}, in the network"
                f" can use this page and save clips into {folder}: it has no password and no encryption. Browsers lend"
                " a microphone only to pages from localhost or by https; others can upload files."
            )
        say(f"The page is at http://{name}:{port} (Ctrl-C ends it).")
        if browser:
            webbrowser.open(f"http://{name}:{port}")
        # Pages keep a connection open for as long as they are shown, so it is cut and not waited for; that is no error.
        logging.getLogger("uvicorn.error").addFilter(lambda record: not _cut_off(record))
        config = uvicorn.Config(application, log_level="error", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])
    say("The page is closed.")
