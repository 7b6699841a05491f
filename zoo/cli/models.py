"""Commands about models and data sets: list, info, export, benchmark, data."""

import sys
from dataclasses import asdict
from typing import Any

import click

import zoo
from zoo.cli import _options as options
from zoo.cli._loading import SOUND
from zoo.cli._output import print_json, print_results, print_table, tell
from zoo.errors import ZooError, unknown_name
from zoo.presets import ModelCard, find_card

CALIBRATION = 100  # clips, evenly from all of a data set


def about(name: str) -> dict:
    """Returns what `list --json` and `info --json` print of a preset; a new architecture has no card yet."""
    card = find_card(name)
    if card is None:
        return {"name": name, "full_name": name}
    full_name = f"{card.name}.{card.tag}" if card.tag else card.name
    return {"name": card.name, "full_name": full_name, "size": card.size} | asdict(card)


def figures(card: ModelCard) -> list[str]:
    """Returns what `list` shows of a card, its first figure last, such as "5.3 % WER an4:test"."""
    units = {"dB": "dB", "perplexity": "perplexity"}  # all others are in %
    measured = [f"{r.value:.1f} {units.get(r.metric, '% ' + r.metric)} {r.data}:{r.split}" for r in card.results]
    return [card.task, f"{card.parameters:,}", f"{card.size / 1e6:.1f} MB", *(measured[:1] or [""])]


def lines(value: Any) -> str:
    """Returns a field of a card as text, an item a line."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {lines(item)}" for key, item in value.items())
    return "\n".join(map(lines, value)) if isinstance(value, list | tuple) else str(value).strip()


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--task", type=click.Choice((*SOUND, "language")), help="Only models for this task.")
@click.option(
    "--for", "purpose", metavar="TASK", help="The best first: by errors on a data set, such as commands, or a task."
)
@click.option("--max-ms", type=options.POSITIVE, help="With --for: most milliseconds of one core for a clip.")
@click.option("--max-mb", type=options.POSITIVE, help="With --for: most megabytes of weights.")
@click.option("--noise-db", type=options.Real(), help="With --for: signal-to-noise ratio where it will be used, in dB.")
@options.json_option
def list_models(pattern, task, purpose, as_json, **limits):
    """List the presets that match PATTERN, a shell wildcard; with --for those for a purpose, the best first, and why.

    \b
    Example:
      zoo list '*ctc*' --json
      zoo list --task classification
      zoo list --for commands --max-mb 1
      zoo list --for fsdd --max-ms 5 --noise-db 5
    """
    if purpose is not None:
        found = zoo.recommend(purpose, **limits)
        if as_json:
            print_json([vars(one) for one in found])
        else:
            print_table("model", "error#", "measured on", "ms#", "MB#", "why", rows=found.rows)
        return
    if given := [name for name, value in limits.items() if value is not None]:
        raise ZooError(f"`{given[0]}` must be given with --for.")
    names = zoo.list_models(pattern, task)
    if not names:
        raise unknown_name("model", pattern, zoo.list_models())
    if as_json:
        print_json([about(name) for name in names])
        return
    cards = {name: find_card(name) for name in names}
    rows = [(name, about(name)["full_name"], *(figures(card) if card else 4 * [""])) for name, card in cards.items()]
    print_table("model", "full name", "task", "parameters#", "size#", "measured", rows=rows)


UNITS = {"size": "bytes", "parameters": "", "sample_rate": "Hz"}


@click.command()
@click.argument("name")
@options.json_option
def info(name, as_json):
    """Show the card of the model NAME: what it does, its training data, its measured figures.

    \b
    Example:
      zoo info lstm_ctc
    """
    card = zoo.card(name)
    if as_json:
        print_json(about(name))
        return
    shown = {key: value for key, value in about(name).items() if value and key not in ("name", "results", "prior")}
    shown |= {key: f"{shown[key]:,} {unit}".strip() for key, unit in UNITS.items() if key in shown}
    print_table(card.name, "", rows=[(key.replace("_", " "), lines(value)) for key, value in shown.items()])
    if card.results:
        print_results(card.results)


@click.command("export")
@options.model(SOUND, "a model of sound")
@click.option("--format", type=click.Choice(["litert", "onnx", "savedmodel", "c"]), required=True, help="Kind of file.")
@options.out_option("PATH", "A .tflite, .onnx or .h file, or a folder.")
@click.option("--quantize", type=click.Choice(["float16", "int8", "full_int8"]), help="Smaller weights, of LiteRT.")
@click.option("--calibration", metavar="SPEC", help="Data set of which 100 clips show full_int8 its ranges.")
@click.option("--stream", is_flag=True, help="A file that hears sound chunk by chunk, of a recognizer that can stream.")
@click.option(
    "--example",
    is_flag=True,
    help="Also write a Python script, and for ONNX a web page, that run the file without the zoo.",
)
@options.json_option
def export_model(asked, format, out, quantize, calibration, stream, example, as_json):
    """Write the model NAME for another runtime.

    The whole model, waveform in and logits out: LiteRT for phones, ONNX for servers and browsers, SavedModel. --quantize int8
    makes a quarter of the size: 8-bit weights; full_int8 is for convolutional models, and computes in 8 bits too. c is a header
    for microcontrollers: such a network in 8 bits, without its front end.

    \b
    Example:
      zoo export lstm_ctc --format onnx --out lstm_ctc.onnx --example
      zoo export lstm_ctc --format litert --quantize int8 --out lstm_ctc.tflite
      zoo export ds_cnn --format litert --quantize full_int8 --calibration fsdd:train --out ds_cnn.tflite
      zoo export lstm_ctc_stream --format onnx --stream --out stream.onnx
      zoo export ds_cnn --format c --calibration fsdd:train --out ds_cnn.h
    """
    if example:
        from zoo.examples import check_example, write_example

        check_example(format, asked.model.task)
    clips = []
    if calibration:
        from zoo.datasets.spec import DataSpec

        utterances = DataSpec.parse(calibration, "train").load()
        clips = [u.audio(asked.sample_rate) for u in utterances[:: -(-len(utterances) // CALIBRATION)]]
    if format == "c":
        path = zoo.microcontroller.export_c(asked.model, out, clips)
    else:
        path = zoo.export.export(asked.model, format, out, quantize, clips, stream)
    size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
    about = {"model": asked.name, "format": format, "path": str(out), "bytes": size}
    if example:
        about["example"] = str(write_example(path, format, zoo.runtime.read_metadata(path)))
    tell(about, f"Wrote {out} ({size / 1e6:.1f} MB).", as_json)


@click.command()
@options.model(SOUND, "a model of sound")
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    metavar="NAME",
    help="A runtime to measure; may be repeated (all that are installed).",
)
@options.json_option
def benchmark(asked, runtimes, as_json):
    """Measure how fast the model NAME answers on one core of this machine, in how much memory, by runtime.

    The runtimes are Keras under TensorFlow and JAX, LiteRT (float and int8) and ONNX. Times are of one short clip: cold, from the
    start of the process, and warm, alone and in batches of 32. Compare the rows of one table, not of two machines.

    \b
    Example:
      zoo benchmark ds_cnn
      zoo benchmark lstm_ctc --runtime litert --runtime keras-tensorflow --json
    """
    from zoo.benchmark import benchmark as measure
    from zoo.benchmark import environment

    log = (lambda line: click.echo(line, err=True)) if sys.stderr.isatty() else None
    rows = measure(asked.weights or asked.name, runtimes, log)
    if as_json:
        print_json({"model": asked.name, "environment": environment(), "runtimes": rows})
        return
    cells = [
        (
            r["runtime"],
            f"{r['mb']:.2f}",
            f"{r['cold_s']:.2f}",
            f"{r['peak_mb']:.0f}",
            f"{r['ms_1']:.2f}",
            f"{r['ms_32']:.2f}",
        )
        for r in rows
    ]
    print_table("runtime", "file MB#", "cold s#", "memory MB#", "ms a clip#", "in batches of 32#", rows=cells)
    click.echo(", ".join(f"{name} {value}" for name, value in environment().items()))


@click.command()
@click.argument("spec", required=False)
@options.json_option
def data(spec, as_json):
    """List the data sets, or the utterances of one.

    SPEC is NAME[:SPLIT][,OPTION=VALUE...]; the split is the first of the set unless given. A set that is not on this
    machine is downloaded.

    \b
    Example:
      zoo data
      zoo data an4:test
      zoo data folder:all,source=recordings/
    """
    from zoo import datasets
    from zoo.datasets.spec import DataSpec

    if spec is None:
        sets = [datasets.describe(name) for name in datasets.names()]
        if as_json:
            print_json([{"name": s.name, "splits": s.splits, "options": s.options, "about": s.about} for s in sets])
            return
        rows = [(s.name, s.about, ", ".join(s.splits), lines(s.options)) for s in sets]
        print_table("data set", "what", "splits", "options", rows=rows)
        return
    splits = datasets.describe(DataSpec.parse(spec, "train").name).splits
    chosen = DataSpec.parse(spec, splits[0])
    utterances = chosen.load()
    about = {"name": chosen.name, "split": chosen.split, "utterances": len(utterances)}
    about["speakers"] = len({utterance.speaker for utterance in utterances if utterance.speaker})
    about["words"] = sum(len(utterance.text.split()) for utterance in utterances)
    first = [{"id": u.id, "speaker": u.speaker, "text": u.text} for u in utterances[:5]]
    if as_json:
        print_json(about | {"first": first})
        return
    print_table(*about, rows=[about.values()])
    print_table("the first of them", "speaker", "text", rows=[row.values() for row in first])
