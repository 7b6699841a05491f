"""Write the measured figures in README.md: from the models' cards, and from what benchmarks/ left in data/results/.

    python data/write_readme.py [--check]

What lies between `<!-- NAME -->` and `<!-- /NAME -->` is replaced; `--check` only says whether it would be.
"""

import json
import sys
from pathlib import Path

import zoo

README = Path(__file__).parent.parent / "README.md"
RESULTS = Path(__file__).parent / "results"


def table(header: str, rows: list[tuple]) -> list[str]:
    """A Markdown table; columns whose name ends in # are aligned to the right."""
    names = header.split("|")
    rule = "|".join("---:" if name.endswith("#") else "---" for name in names)
    lines = ["|".join(str(cell).replace("|", "\\|") for cell in row) for row in rows]
    return [f"|{line}|" for line in ("|".join(name.rstrip("#") for name in names), rule, *lines)]


def results() -> str:
    """The models, and the figures on their cards."""
    cards = [zoo.card(name) for name in zoo.list_models()]
    models = [
        (
            f"`{card.name}`",
            card.summary,
            f"{card.parameters:,}" if card.parameters else "",
            f"{card.size / 1e6:.{1 if card.size > 1e6 else 2}f} MB" if card.weights else "not yet",
            card.licence,
        )
        for card in cards
    ]
    # Characters are on the cards. One set after the other, and for each the decoders.
    rest = [
        card for card in cards if card.task not in ("classification", "transcription")
    ]  # which have tables of their own
    results = [(card, result) for card in rest for result in card.results]
    results.sort(key=lambda pair: (pair[0].name, pair[1].data, pair[1].split, -pair[1].value))
    figures = [
        (
            f"`{card.name}`",
            f"{result.data}, {result.split}" + (f": {result.note}" if result.note else ""),
            f"{result.metric} **{result.value:.2f}**",
            f"{result.low:.2f} to {result.high:.2f}" if result.low < result.high else "",
            f"{result.utterances:,}",
        )
        for card, result in results
    ]
    lines = table("model|what it does|parameters#|weights#|licence of the weights", models)
    if figures:
        lines += ["", *table("model|measured on|#|95 % interval#|utterances#", figures)]
    return "\n".join(lines)


DECODERS = {  # what stands on the cards -> column
    "": "greedy",
    "beam 16, 10 words only": "ten words only",
    "beam 16, ngram_lm": "n-grams",
    "beam 16, sentences_ngram_lm": "n-grams",
    "beam 16, lstm_lm": "LSTM",
    "beam 16, sentences_lstm_lm": "LSTM",
    "beam 16, ngram_lm+lstm_lm": "both",
    "beam 16, sentences_ngram_lm+sentences_lstm_lm": "both",
}


def recognisers() -> str:
    """Word error rates of all that write: a row for each model and set, a column for each decoder."""
    cells: dict[tuple, dict] = {}
    for card in map(zoo.card, zoo.list_models()):
        for result in card.results:
            if card.task == "transcription" and result.metric == "WER":
                note = result.note.split(": mean of")[0]
                what = f"{result.data}, {result.split}" + (f": {note}" if note else "") + f" ({result.utterances})"
                shown = f"**{result.value:.2f}** ({result.low:.1f} to {result.high:.1f})"
                cells.setdefault((what, card.name), {})[DECODERS[result.decoder]] = shown
    columns = list(dict.fromkeys(DECODERS.values()))
    rows = [
        (what, f"`{name}`", *(found.get(column, "") for column in columns))
        for (what, name), found in sorted(cells.items())
    ]
    return "\n".join(table("WER % on (utterances)|model|" + "|".join(f"{column}#" for column in columns), rows))


def stream() -> str:
    """What benchmarks/streaming.py printed."""
    found = json.loads((RESULTS / "streaming.json").read_text(encoding="utf-8"))
    rows = [(name, value if isinstance(value, str | int) else f"{value:.3g}") for name, value in found.items()]
    return "\n".join(table("`lstm_ctc_stream`, one core|#", rows))


def joint() -> str:
    """What benchmarks/joint.py printed."""
    found = json.loads((RESULTS / "joint.json").read_text(encoding="utf-8"))
    decoders = [key for key in found["rows"][0] if key not in ("training", "minutes")]
    rows = [
        (
            row["training"],
            f"{row['minutes']:.0f}",
            *(
                f"**{100 * row[d]['value']:.2f}** ({100 * row[d]['low']:.1f} to {100 * row[d]['high']:.1f})"
                for d in decoders
            ),
        )
        for row in found["rows"]
    ]
    return "\n".join(table("trained|minutes more#|" + "|".join(f"{d}, WER %#" for d in decoders), rows))


def robustness() -> str:
    """Clips that the model was not made for: one row for each change, one column for each set."""
    rows = json.loads((RESULTS / "robustness.json").read_text(encoding="utf-8"))
    rates = {(row["condition"], row["data"]): row for row in rows if "condition" in row}
    changed = list(dict.fromkeys(data for condition, data in rates if condition != "as recorded"))

    def cell(condition, data):
        rate = rates[condition, data]
        return f"{100 * rate['value']:.1f} ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"

    conditions = dict.fromkeys(condition for condition, data in rates if data in changed)
    lines = table(
        "the same recordings, changed|" + "|".join(f"`{data}`, {rates['as recorded', data]['utterances']} clips#" for data in changed),
        [(condition, *(cell(condition, data) for data in changed)) for condition in conditions],
    )  # fmt: skip
    others = [data for condition, data in rates if condition == "as recorded" and data not in changed]
    lines += ["", *table(
        "other voices|clips#|WER % (95 % interval)#",
        [(data, rates["as recorded", data]["utterances"], cell("as recorded", data)) for data in others],
    )]  # fmt: skip
    empty = {row["data"]: f"{row['empty']} of {row['clips']}" for row in rows if "empty" in row}
    lines += ["", f"Nothing said, nothing written: {empty['silence']} clips of silence and white noise, {empty['esc10:test']} of "
        "sounds that are no speech (ESC-10, held out)."]  # fmt: skip
    return "\n".join(lines)


def words() -> str:
    """The classifiers side by side, as `zoo compare --out data/results/compare.json` left them."""
    rows = json.loads((RESULTS / "compare.json").read_text(encoding="utf-8"))

    def percent(value, places=1):
        return f"**{value['value']:.{places}f}** ({value['low']:.1f} to {value['high']:.1f})" if value else ""

    def under(row, kind):
        return " / ".join(f"{row[kind][snr]['value']:.0f}" for snr in ("20", "10", "0"))

    cells = [
        (
            f"`{row['name']}`" if row["kind"] == "network" else row["name"],
            percent(row["official"]),
            percent(row["loso"]),
            f"{min(row['speakers'].values()):.0f}" if row["speakers"] else "",
            under(row, "noise"),
            under(row, "babble"),
            f"{row['parameters']:,}" if row.get("parameters") else "",
            f"{row['milliseconds']:.1f}",
            f"{row['minutes']:.1f}" if row["minutes"] is not None else "",
        )
        for row in sorted(rows, key=lambda row: -(row["loso"] or {"value": 0})["value"])
    ]
    columns = "official %#|unseen speakers %#|worst of them#|noise 20 / 10 / 0 dB#|babble 20 / 10 / 0 dB#"
    lines = table(f"model|{columns}|parameters#|ms a clip#|minutes to train#", cells)
    speaker = [
        f"{r.metric} **{r.value:.2f}** % ({r.low:.2f} to {r.high:.2f}) on {r.data}:{r.split}"
        for r in zoo.card("speaker_id").results
    ]
    return "\n".join([*lines, "", f"`speaker_id`, whose classes are 134 people: {'; '.join(speaker)}."])


def study(name: str) -> list[dict]:
    """What `zoo study NAME --keep` left."""
    return json.loads((RESULTS / f"study_{name}.json").read_text(encoding="utf-8"))


def interval(row: dict, key: str, sign: str = "") -> str:
    return f"**{row[key]:{sign}.1f}** ({row['low']:{sign}.1f} to {row['high']:{sign}.1f})"


def reconstruction() -> str:
    rows = [
        (
            f"`{row['model']}`" if " " not in row["model"] else row["model"],
            f"{row['data']}, {row['clips']} clips",
            f"{row['values']} to {row['components']}",
            f"{row['db']:.2f}",
            f"{row['pca_db']:.2f}",
            f"**{row['gain_db']:+.2f}** ({row['low']:+.2f} to {row['high']:+.2f})",
        )
        for row in study("reconstruction")
    ]
    return "\n".join(table("model|unseen speakers|numbers|error dB#|PCA dB#|better by dB#", rows))


def denoising() -> str:
    """A row for each recogniser, without and with; a column for each level of noise."""
    every = study("denoising")
    levels = list(dict.fromkeys(row["snr"] for row in every))
    rows = []
    for name, data, metric in dict.fromkeys((row["recogniser"], row["data"], row["metric"]) for row in every):
        cells = {(row["snr"], row["strength"] > 0): row for row in every if (row["recogniser"], row["data"], row["metric"]) == (name, data, metric)}  # fmt: skip

        def pair(snr, cells=cells):
            if (snr, False) not in cells:
                return ""
            return f"{cells[snr, False]['value']:.1f} -> **{cells[snr, True]['value']:.1f}**"

        what = f"{metric} {'%' if name else 'dB'}"
        shown = f"`{name}`" if name and " " not in name and name not in ("svm", "dtw") else name or "the sound itself"
        clips = next(iter(cells.values()))["clips"]
        rows.append((shown, f"{data}, {clips} clips", what, *(pair(snr) for snr in levels)))
    columns = "|".join(f"{level} dB#" if level != "clean" else "clean#" for level in levels)
    return "\n".join(table(f"recogniser|data||{columns}", rows))


def few_shot() -> str:
    every = study("few-shot")
    shots = list(dict.fromkeys(row["shots"] for row in every))
    rows = []
    for voices, name in dict.fromkeys((row["voices"], row["model"]) for row in every):
        cells = {row["shots"]: row for row in every if (row["voices"], row["model"]) == (voices, name)}
        shown = "MFCC and DTW" if name == "mfcc+dtw" else f"`{name}`"
        rows.append((voices, shown, *(interval(cells[n], "value") for n in shots)))
    return "\n".join(table("examples by|model|" + "|".join(f"{n} of each, %#" for n in shots), rows))


def search() -> str:
    rows = [
        (
            f"{row['data']}: {row['words']} words in {row['recordings']} recordings",
            "MFCC" if row["model"] == "mfcc" else f"`{row['model']}`",
            interval(row, "precision"),
            f"{row['average_precision']:.1f}",
            f"{row['hold_word']:.1f}",
        )
        for row in study("search")
    ]
    columns = "precision at half recall, %#|average precision, %#|recordings that hold the word, %#"
    return "\n".join(table(f"searched|frames or embeddings of|{columns}", rows))


def pretraining() -> str:
    rows = [
        (
            f"{row['model']}, {row['metric']} %",
            f"{100 * row['share']:g} % ({row['labels']})",
            f"{row['fresh']:.1f}",
            f"{row['pretrained']:.1f}",
            interval(row, "gain", "+"),
            row["runs"],
        )
        for row in study("pretraining") + study("pretraining-ctc")
    ]
    return "\n".join(table("network|labels|fresh#|from an encoder#|better by, points#|runs each#", rows))


def augmentation() -> str:
    rows = [
        (
            f"{100 * row['share']:g} % ({row['labels']})",
            row["learnt besides"],
            f"{row['value']:.1f}",
            interval(row, "gain", "+") if row["gain"] or row["low"] else "",
            row["runs"],
        )
        for row in study("augmentation")
    ]
    return "\n".join(table("labels|learnt besides the clips|accuracy %#|better by, points#|runs#", rows))


def speed() -> str:
    """What benchmarks/ printed, each figure beside its peer's."""
    start, step = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("speed", "training_step")
    )
    seconds = step["medians"]
    rows = [
        ("`zoo transcribe`, one clip, cold", f"{start['zoo transcribe, one clip, cold']:.1f} s", ""),
        ("a clip of 3 s, warm", f"{start['3-second clip, warm']:.0f} ms", ""),
        ("two minutes in one file", f"{start['two minutes in one file']:.1f} s", ""),
    ]
    for backend, compiled, file in (
        ("TensorFlow with XLA", "zoo (XLA)", "features"),
        ("JAX", "zoo (jax.jit)", "features_jax"),
    ):
        jobs = json.loads((RESULTS / f"{file}.json").read_text(encoding="utf-8"))["results"]
        for job, what in (
            (jobs[1], "a short clip's log-mel, in batches"),
            (jobs[2], "a 10-s clip's log-mel, in batches"),
        ):
            ours, theirs = job["seconds"][compiled], job["seconds"]["librosa"]
            rows.append((
                f"{what}, {backend}", f"{1000 * ours / job['clips']:.2f} ms", f"librosa {1000 * theirs / job['clips']:.2f} ms"
            ))  # fmt: skip
    for backend, name in (("TensorFlow", "tensorflow"), ("JAX", "jax")):
        rows.append(
            (
                f"a training step, 32 clips of 3 s, {backend}",
                f"{seconds[name]:.2f} s",
                f"PyTorch {seconds['torch']:.2f} s",
            )
        )
    for row in json.loads((RESULTS / "decoding.json").read_text(encoding="utf-8"))["rows"]:
        if row["beam_width"] in (0, 16, 128):
            how = f"beam {row['beam_width']}, trigrams" if row["beam_width"] else "greedy"
            rows.append(
                (f"a second of audio decoded on one core, {how}", f"{1000 / row['times_real_time']:.2g} ms", "")
            )
    return "\n".join(table("on two cores|time#|the same elsewhere#", rows))


def gpu() -> str:
    """What benchmarks/gpu.py printed on an accelerator."""
    found = json.loads((RESULTS / "gpu.json").read_text(encoding="utf-8"))
    rows = [
        (
            f"`{row['model']}`" + (f", {row['lstm']}" if row["model"] == "lstm_ctc" else ""),
            row["batch"],
            f"{row['ms']:.1f} ms",
            f"{row['clips_per_second']:,.0f}",
        )
        for row in found["steps"]
    ]
    return "\n".join(
        table(f"{found['device']}, {found['backend'].upper()}|clips#|a training step#|clips a second#", rows)
    )


STUDIES = (reconstruction, denoising, few_shot, search, pretraining, augmentation)
BLOCKS = {
    "results": results,
    "recognisers": recognisers,
    "stream": stream,
    "joint": joint,
    "words": words,
    "robustness": robustness,
    "speed": speed,
    "gpu": gpu,
} | {s.__name__: s for s in STUDIES}


def written(text: str) -> str:
    """`text`, the README, with the blocks as they should be."""
    for name, block in BLOCKS.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{block()}\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    now = README.read_text(encoding="utf-8")
    then = written(now)
    if "--check" in sys.argv[1:]:
        sys.exit(then != now and "README.md does not show the figures that were measured: run `make readme`.")
    README.write_text(then, encoding="utf-8")
