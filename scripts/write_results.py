"""Writes the tables of docs/results.md from the models' cards and data/results/: `python scripts/write_results.py [--check]`.

What lies between `<!-- NAME -->` and `<!-- /NAME -->` is replaced; `--check` only says whether it would be.
"""

import json
import re
import sys
from pathlib import Path

import zoo

PAGE = Path(__file__).parent.parent / "docs" / "results.md"
RESULTS = Path(__file__).parent.parent / "data" / "results"
INTERVAL = "**{value:.1f}** ({low:.1f} to {high:.1f})"
ENSEMBLE = "**{value:.2f}** ({low:.1f} to {high:.1f})"
SOUNDS = {"noise": "speech in noise"}
GAIN = "**{gain:+.1f}** ({low:+.1f} to {high:+.1f})"


def read(name: str):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def flat(row: dict, prefix: str = "") -> dict:
    """Nested values by joined keys: {"noise": {"20": 98}} -> {"noise_20": 98}."""
    found = {}
    for key, value in row.items():
        name = f"{prefix}{key}".replace(" ", "_")
        found |= flat(value, f"{name}_") if isinstance(value, dict) else {name: value}
    return found


def cell(form: str, row: dict) -> str:
    """A row in a format string; empty where a value is missing or None."""
    try:
        return form.format_map(row).replace("|", "\\|")
    except (KeyError, TypeError, ValueError):
        return ""


def table(rows: list[dict], columns: dict[str, str], by: str = "", across: str = "") -> str:
    """Rows as a Markdown table.

    Args:
        rows: What was measured.
        columns: Header -> format string; a header that ends in # is of numbers, on the right.
        by: Key whose values are further columns, one for each value, so that rows that differ in nothing else become one.
        across: Format string of the cells in these columns.
    """
    rows, lines = [flat(row) for row in rows], {}
    values = list(dict.fromkeys(row[by] for row in rows)) if by else []
    for i, row in enumerate(rows):
        fixed = tuple(cell(form, row) for form in columns.values())
        key = fixed if by else i
        fixed, others = lines.setdefault(key, (fixed, {}))
        if by:
            others[row[by]] = cell(across, row)
    headers = [*columns, *(f"{value}#" for value in values)]
    body = [[*fixed, *(others.get(value, "") for value in values)] for fixed, others in lines.values()]
    rule = ["---:" if header.endswith("#") else "---" for header in headers]
    return "\n".join(f"|{'|'.join(line)}|" for line in ([header.rstrip("#") for header in headers], rule, *body))


# --- rows that need more than a file


COMMANDS = ("ds_cnn.commands", "attention.commands", "ds_cnn.mandarin")
DECODERS = {"": "greedy", "10 words only": "ten words only", "ngram_lm": "n-grams", "lstm_lm": "LSTM"}


def decoder(name: str) -> str:
    """The column of a decoder: "beam 16, sentences_ngram_lm" is with n-grams."""
    parts = {next((v for k, v in DECODERS.items() if k and k in part), "greedy") for part in name.split("+")}
    return "both" if len(parts) > 1 else parts.pop()


def card_results(tasks: tuple[str, ...]) -> list[dict]:
    """The results on the cards of some tasks."""
    cards = [zoo.card(name) for name in zoo.list_models()]
    pairs = [(card, result) for card in cards if card.task in tasks for result in card.results]
    return [
        vars(r) | {"model": card.name, "on": f"{r.data}, {r.split}" + (f": {r.note.split(': mean of')[0]}" if r.note else "")}
        for card, r in pairs
    ]  # fmt: skip


def recognizers() -> list[dict]:
    rows = [
        row | {"column": decoder(row["decoder"])} for row in card_results(("transcription",)) if row["metric"] == "WER"
    ]
    order = [*DECODERS.values(), "both"]
    return sorted(rows, key=lambda row: (order.index(row["column"]), row["on"], row["model"]))


def models() -> list[dict]:
    return [vars(card) | {"mb": card.size / 1e6 if card.weights else None} for card in map(zoo.card, zoo.list_models())]


def words() -> list[dict]:
    rows = sorted(read("compare"), key=lambda row: -(row["loso"] or {"value": 0})["value"])
    return [row | {"worst": min(row["speakers"].values(), default=None)} for row in rows]


def denoising() -> list[dict]:
    """One row for each condition, without the denoiser and with it."""
    keys, found = ("recogniser", "data", "metric", "snr", "clips"), {}
    for row in read("study_denoising"):
        found.setdefault(tuple(row[key] for key in keys), {})["with" if row["strength"] else "without"] = row["value"]
    rows = [dict(zip(keys, key, strict=True)) | values for key, values in found.items()]
    return [
        row | {
            "recogniser": row["recogniser"] or "the sound itself", "unit": "%" if row["recogniser"] else "dB",
            "level": row["snr"] if row["snr"] == "clean" else f"{row['snr']} dB",
        } for row in rows
    ]  # fmt: skip


def real_takes() -> list[dict]:
    """What takes of the word by real people are worth, for each word."""
    names = {0: "synthetic voices only", 10: "and ten real takes", -1: "and all real takes"}
    return [row | {"real takes": f"{names[row['real']]}, % ↑"} for row in read("commands")]


def speed() -> list[dict]:
    start, step = read("speed"), read("training_step")["medians"]
    rows = [
        ("`zoo transcribe`, one clip, cold", f"{start['zoo transcribe, one clip, cold']:.1f} s", ""),
        ("a clip of 3 s, warm", f"{start['3-second clip, warm']:.0f} ms", ""),
        ("two minutes in one file", f"{start['two minutes in one file']:.1f} s", ""),
    ]
    for backend, compiled, file in (
        ("TensorFlow with XLA", "zoo (XLA)", "features"),
        ("JAX", "zoo (jax.jit)", "features_jax"),
    ):
        for job, what in zip(read(file)["results"][1:3], ("a short", "a 10-s"), strict=True):
            ours, theirs = (f"{1000 * job['seconds'][key] / job['clips']:.2f} ms" for key in (compiled, "librosa"))
            rows.append((f"{what} clip's log-mel, in batches, {backend}", ours, f"librosa {theirs}"))
    for backend in ("TensorFlow", "JAX"):
        what = f"a training step, 32 clips of 3 s, {backend}"
        rows.append((what, f"{step[backend.lower()]:.2f} s", f"PyTorch {step['torch']:.2f} s"))
    for row in read("decoding")["rows"]:
        if row["beam_width"] in (0, 16, 128):
            how = f"beam {row['beam_width']}, trigrams" if row["beam_width"] else "greedy"
            rows.append(
                (f"a second of audio decoded on one core, {how}", f"{1000 / row['times_real_time']:.2g} ms", "")
            )
    return [{"what": what, "ours": ours, "theirs": theirs} for what, ours, theirs in rows]


def serving() -> list[dict]:
    """What `zoo serve` did under load, a line each."""
    found = read("serve")
    load, memory, stop, streams = (found[part] for part in ("load", "memory", "stop", "streams"))
    return [
        {"what": what, "value": value} for what, value in (
            (f"requests of {load['clients']} clients at once in {load['minutes']:g} minutes, {load['bad requests']} of them bad", f"{load['requests']:,}"),
            ("errors that are not the client's, answers to the wrong client ↓", f"{load['errors of the server']}, {load['answers to the wrong client']}"),
            ("from a request to its answer, p50 and p95 ↓", f"{load['p50, s']:.2f} and {load['p95, s']:.2f} s"),
            ("the same of a bare loop of `model.transcribe`, one clip at a time", f"{load['bare loop p50, s']:.2f} and {load['bare loop p95, s']:.2f} s"),
            ("throughput, of the best batches of `model.transcribe` ↑", f"{100 * load['throughput of the best batches']:.0f} %"),
            ("load average of the machine before and after", f"{load['load average before']:.1f} and {load['load average after']:.1f}"),
            (f"memory after {memory['requests']:,} requests, beyond that after a tenth of them ↓", f"{memory['memory growth, MB']:+.1f} MB"),
            (f"lost of {stop['accepted']} requests in progress at SIGTERM ↓", f"{stop['lost']}"),
            (f"last words of {streams['streams']} streams at once, p50 and worst ↓", f"{streams['late, p50 s']:.2f} and {streams['late, worst s']:.2f} s late"),
        )
    ]  # fmt: skip


def on_cluster() -> list[dict]:
    """What benchmarks/cluster.py measured, beside one process."""
    found = read("cluster")
    alone = {"what": "one process", "s": found["one process, s"], "times as fast as one process": 1.0}
    return [alone] + [{"what": name, **found[name]} for name in ("two nodes", "one of two killed")]


def hosts() -> list[dict]:
    """What benchmarks/hosts.py measured."""
    return [row | {"times": row["seconds_1"] / row["seconds_2"]} for row in read("hosts")]


def robustness(changed: bool) -> list[dict]:
    """The sets whose recordings are changed, or the other ones."""
    rows = [row for row in read("robustness") if "condition" in row]
    sets = {row["data"] for row in rows if row["condition"] != "as recorded"}
    percent = [
        row | {key: 100 * row[key] for key in ("value", "low", "high")}
        for row in rows
        if (row["data"] in sets) == changed
    ]
    return [row | {"set": f"`{row['data']}`, {row['utterances']} clips"} for row in percent]


def long_costs() -> list[dict]:
    rows = read("long_recordings")["costs"]
    return [
        row | {"length": f"{row['minutes']} min of {row['sound']}" if row["minutes"] else "one clip"} for row in rows
    ]


def silence() -> str:
    """A sentence about clips in which nothing is said."""
    empty = {row["data"]: f"{row['empty']} of {row['clips']}" for row in read("robustness") if "empty" in row}
    return f"No text where nothing is said: {empty['silence']} clips of silence and white noise, {empty['esc10:test']} other sounds (ESC-10)."


def doubt() -> list[dict]:
    """One row for each model: groups by name, the right answers that are marked, and calibration."""
    found: dict[str, dict] = {}
    for row in read("doubt"):
        if not row["kind"]:
            found.setdefault(row["model"], {"model": row["model"]})[row["group"]] = row
    return list(found.values())


def doubt_kinds(task: str) -> list[dict]:
    """Percent that are marked of each kind of right answers, and of each kind of other things."""
    rows = [row for row in read("doubt") if row["task"] == task and row["kind"]]
    return [
        row | {"percent": row["marked"]["value"] if row["group"] == "known" else 100 - row["missed"]["value"]}
        for row in rows
    ]


def drift() -> list[dict]:
    """Rows of experiments/drift.py, with the features whose drift is the largest."""
    rows = []
    for row in read("drift"):
        largest = sorted(row["drifts"], key=row["drifts"].get, reverse=True)[:3]
        rows.append(row | {"largest": ", ".join(f"{name} {row['drifts'][name]:.1f}" for name in largest)})
        if row["after"] is None:
            rows[-1]["first"] = (
                f"none in {row['orders'] - row['alarmed']} of {row['orders']} orders" if "orders" in row else "none"
            )
        else:
            rows[-1]["first"] = f"after {row['after']}: {', '.join(row['features'])}"
    return rows


def subtitles() -> list[dict]:
    """Rows of benchmarks/subtitles.py, each beside what it is without vad."""
    rows = []
    for row in read("subtitles"):
        both = {key: (row.get(key), row["without_vad"].get(key)) for key in ("times_real_time", "words", "wer")}
        shown = {key: "" if a is None else f"{a:g} / {b:g}" for key, (a, b) in both.items()}
        off = f"{row['off_50_s']:.2f} s / {row['off_95_s']:.2f} s" if "off_50_s" in row else ""
        rows.append(
            {"heard": f"{row['minutes']:g} min of {SOUNDS.get(row['sound'], row['sound'])}", "off": off} | shown
        )
    return rows


def blocks() -> dict[str, str]:
    """Name -> table."""
    joint = [
        {"training": row["training"], "minutes": row["minutes"], "column": f"{key}, WER % ↓", **{k: 100 * v for k, v in value.items()}}
        for row in read("joint")["rows"] for key, value in row.items() if isinstance(value, dict)
    ]  # fmt: skip
    stream = [{"what": key, "value": f"{v:.3g}" if isinstance(v, float) else v} for key, v in read("streaming").items()]
    noise = {
        f"{kind} 20 / 10 / 0 dB ↑#": " / ".join(f"{{{kind}_{snr}_value:.0f}}" for snr in (20, 10, 0))
        for kind in ("noise", "babble")
    }
    gpu = read("gpu")
    figures = {
        "model": "`{model}`",
        "measured on": "{on}",
        "figure#": "{metric} **{value:.2f}**",
        "95 % interval#": "{low:.2f} to {high:.2f}",
    }
    return {
        "models": table(models(), {
            "model": "`{name}`", "what it does": "{summary}", "parameters#": "{parameters:,}", "weights#": "{mb:.2f} MB",
            "licence of the weights": "{licence}",
        }),
        "figures": table(card_results(("reconstruction", "denoising", "language")), figures | {"utterances#": "{utterances:,}"}),
        "recognizers": table(
            recognizers(), {"WER % ↓ on (utterances)": "{on} ({utterances})", "model": "`{model}`"},
            "column", "**{value:.2f}** ({low:.1f} to {high:.1f})",
        ),
        "stream": table(stream, {"`lstm_ctc_stream`, one core": "{what}", "#": "{value}"}),
        "ensembles": table(read("ensembles")["test"], {"WER % ↓ on an4, test (130)": "{model}"}, "language_model", ENSEMBLE),
        "ensembles_validation": table(read("ensembles")["validation"], {"WER % ↓": "{model}"}, "language_model", ENSEMBLE),
        "distillation": table(read("distillation"), {"model": "{model}", "parameters#": "{parameters:,}"}, "data", INTERVAL),
        "microcontroller": table(read("microcontroller"), {
            "model": "`{model}`", "interpreter": "{runtime}", "flash, kB ↓#": "{flash_kb:.1f}", "RAM, kB ↓#": "{ram_kb:.1f}",
            "right, 8 bits / float#": "{right} / {right_float} of {clips}", "same answer as float#": "{as_float}", "as LiteRT#": "{as_litert}",
        }),
        "joint": table(joint, {"trained": "{training}", "minutes more#": "{minutes:.0f}"}, "column", INTERVAL),
        "words": table(words(), {
            "model": "{name}", "official % ↑#": "**{official_value:.1f}** ({official_low:.1f} to {official_high:.1f})",
            "unseen speakers % ↑#": "**{loso_value:.1f}** ({loso_low:.1f} to {loso_high:.1f})", "worst of them ↑#": "{worst:.0f}",
            **noise, "parameters#": "{parameters:,}", "ms a clip ↓#": "{milliseconds:.1f}", "minutes to train ↓#": "{minutes:.1f}",
        }),
        "commands": table([row for row in card_results(("classification",)) if row["model"] in COMMANDS], figures | {"clips#": "{utterances:,}"}),
        "real_takes": table(real_takes(), {"word": "{word}", "clips#": "{clips}"}, "real_takes", INTERVAL),
        "spotting": table(read("spotting")["rows"], {
            "threshold": "{threshold:g}", "words missed, % ↓#": "{missed:.1f}", "another word reported, % ↓#": "{another_word:.1f}",
            "false accepts an hour ↓#": "{an_hour:.1f}", "in 50 min of speech#": "{speech}", "in 10 min of noise#": "{noise}",
        }),
        "voice_activity": table(read("voice_activity"), {
            "detector": "{detector}", "AUROC % at 20 / 10 / 5 / 0 dB SNR ↑#": "{auroc_20:.1f} / {auroc_10:.1f} / {auroc_5:.1f} / {auroc_0:.1f}",
            "utterances missed, % ↓#": "{missed_20:.1f} / {missed_10:.1f} / {missed_5:.1f} / {missed_0:.1f}",
            "seconds of an hour without speech ↓#": "{false_seconds:.0f}",
        }),
        "speakers": table([row for row in card_results(("classification",)) if row["model"] == "speaker_id"], figures),
        "reconstruction": table(read("study_reconstruction"), {
            "model": "{model}", "unseen speakers": "{data}, {clips} clips", "numbers": "{values} to {components}",
            "error dB ↓#": "{db:.2f}", "PCA dB ↓#": "{pca_db:.2f}", "better by dB ↑#": "**{gain_db:+.2f}** ({low:+.2f} to {high:+.2f})",
        }),
        "denoising": table(denoising(), {
            "recognizer": "{recogniser}", "data": "{data}, {clips} clips", "": "{metric} {unit}"
        }, "level", "{without:.1f} -> **{with:.1f}**"),
        "own_words": table([row | {"column": f"{row['shots']} of each, % ↑"} for row in read("own_words")], {"model": "{model}"}, "column", INTERVAL),
        "few_shot": table([row | {"column": f"{row['shots']} of each, % ↑"} for row in read("study_few_shot")], {"examples by": "{voices}", "model": "{model}"}, "column", INTERVAL),
        "search": table(read("study_search"), {
            "searched": "{data}: {words} words in {recordings} recordings", "frames or embeddings of": "{model}",
            "precision at half recall, % ↑#": "**{precision:.1f}** ({low:.1f} to {high:.1f})",
            "average precision, % ↑#": "{average_precision:.1f}", "recordings that hold the word, %#": "{hold_word:.1f}",
        }),
        "pretraining": table(read("study_pretraining") + read("study_pretraining_ctc"), {
            "network": "{model}, {metric} %", "labels": "{share:.0%} ({labels})", "fresh#": "{fresh:.1f}",
            "from an encoder#": "{pretrained:.1f}", "better by, points ↑#": GAIN, "runs each#": "{runs}",
        }),
        "augmentation": table(read("study_augmentation"), {
            "labels": "{share:.0%} ({labels})", "learnt besides the clips": "{learnt_besides}", "accuracy % ↑#": "{value:.1f}",
            "better by, points ↑#": GAIN, "runs#": "{runs}",
        }),
        "robustness": table(robustness(True), {"the same recordings, changed": "{condition}"}, "set", "{value:.1f} ({low:.1f} to {high:.1f})"),
        "voices": table(robustness(False), {"other voices": "{data}", "clips#": "{utterances}", "WER % ↓#": INTERVAL}),
        "silence": silence(),
        "doubt": table(doubt(), {"model": "`{model}`", **{
            f"{group}: AUROC, missed#": f"**{{{group}_auroc_value:.3f}}** ({{{group}_auroc_low:.2f}} to {{{group}_auroc_high:.2f}}), {{{group}_missed_value:.0f}} %"
            for group in ("words", "languages", "sounds")
        }, "right answers marked#": "**{known_marked_value:.1f} %** ({known_marked_low:.1f} to {known_marked_high:.1f})",
           "largest logit alone: AUROC#": "{words_simple_value:.2f} / {languages_simple_value:.2f} / {sounds_simple_value:.2f}",
           "ECE %#": "{calibration_before:.1f} -> {calibration_after:.1f}", "temperature#": "{calibration_temperature:.2f}",
        }),
        **{f"doubt_{task}": table(doubt_kinds(task), {"": "{group}", "marked of, %": "{kind}"}, "model", "{percent:.0f}")
           for task in ("classification", "transcription")},
        "long": table(read("long_recordings")["errors"], {
            "WER %": "`{model}`, {condition}", "clip by clip#": "{single_value:.1f} ({single_low:.1f} to {single_high:.1f})",
            "joined, heard whole#": "{whole_value:.1f} ({whole_low:.1f} to {whole_high:.1f})",
            "joined, cut at pauses#": "**{cut_value:.1f}** ({cut_low:.1f} to {cut_high:.1f})",
        }),
        "long_cost": table(long_costs(), {
            "recognizer": "`{model}`, {decoder}", "recording": "{length}", "time#": "{seconds:.1f} s",
            "times real time#": "{times_real_time}", "peak memory of the process#": "{gb:.1f} GB", "words#": "{words:,}",
        }),
        "subtitles": table(subtitles(), {
            "with / without `vad`": "{heard}", "times real time ↑#": "{times_real_time}", "words#": "{words}", "WER % ↓#": "{wer}",
            "first words off, median / 95 % ↓#": "{off}",
        }),
        "drift": table(drift(), {"model": "`{model}`", "what changes": "{condition}", "first alarm": "{first}", "largest drifts / limits": "{largest}"}),
        "quantization": table(read("quantization"), {"WER ↓, size ↓": "`{model}`, {data}"}, "kind", "{value:.2f} %, {mb:.2f} MB"),
        "speed": table(speed(), {"on two cores": "{what}", "time ↓#": "{ours}", "the same elsewhere ↓#": "{theirs}"}),
        "serve": table(serving(), {"`zoo serve`, `lstm_ctc`, clips of 1 to 20 s": "{what}", "#": "{value}"}),
        "cluster": table(on_cluster(), {
            f"{read('cluster')['clips']:,} clips": "{what}", "s ↓#": "{s:.0f}", "times one process ↑#": "{times_as_fast_as_one_process:.2f}",
            "answered once#": "{answered_once:,}", "lost ↓#": "{lost}", "twice ↓#": "{twice}", "other text ↓#": "{other_text}",
        }),
        "hosts": table(hosts(), {
            "an epoch of words, batches of 32": "`{model}`", "one process ↓#": "{seconds_1:.1f} s", "two processes ↓#": "{seconds_2:.1f} s", "times one process ↑#": "{times:.2f}",
        }),
        "gpu": table(gpu["steps"], {
            f"{gpu['device']}, {gpu['backend'].upper()}": "`{model}`, {lstm}", "clips#": "{batch}",
            "a training step ↓#": "{ms:.1f} ms", "clips a second ↑#": "{clips_per_second:,.0f}",
        }),
    }  # fmt: skip


def written(text: str) -> str:
    """The page with its tables as they should be."""
    for name, content in blocks().items():
        text, found = re.subn(
            rf"(<!-- {name} -->).*?(<!-- /{name} -->)",
            lambda m, c=content: f"{m[1]}\n\n{c}\n\n{m[2]}",
            text,
            flags=re.DOTALL,
        )
        if found != 1:
            sys.exit(f"docs/results.md must have one block {name}; it has {found}.")
    return text


if __name__ == "__main__":
    before = PAGE.read_text(encoding="utf-8")
    after = written(before)
    if "--check" in sys.argv[1:]:
        sys.exit(
            after != before and "docs/results.md does not show the figures that were measured: run `make results`."
        )
    PAGE.write_text(after, encoding="utf-8")
