"""Commands about models: list, info, export."""

from dataclasses import asdict

import click

import zoo
from zoo.cli import _options as options
from zoo.cli._loading import SOUND
from zoo.cli._output import print_json, print_table
from zoo.errors import ZooError, unknown_name
from zoo.presets import ModelCard, find_card

UNITS = {"dB": "dB", "perplexity": "perplexity"}  # of figures; all others are in %


def about(name: str, card: ModelCard | None) -> dict:
    """Returns what `list --json` and `info --json` print of a preset; a new architecture has no card yet."""
    if card is None:
        return {"name": name, "full_name": name}
    full_name = f"{card.name}.{card.tag}" if card.tag else card.name
    return {"name": name, "full_name": full_name, "size": card.size} | asdict(card)


def main_figure(card: ModelCard) -> str:
    """Returns the first figure on a card, such as "5.3 % WER an4:test"."""
    figures = (f"{r.value:.1f} {UNITS.get(r.metric, '% ' + r.metric)} {r.data}:{r.split}" for r in card.results)
    return next(figures, "")


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--task", type=options.NAME, help="Only models for this task, such as classification.")
@options.json_option
def list_models(pattern, task, as_json):
    """List the presets that match PATTERN, a shell wildcard.

    \b
    Example:
      zoo list
      zoo list '*ctc*' --json
      zoo list --task classification
    """
    tasks = sorted({zoo.card(name).task for name in zoo.list_models() if find_card(name)})
    if task and task not in tasks:
        raise unknown_name("task", task, tasks)
    found = [about(name, find_card(name)) for name in zoo.list_models(pattern, task)]
    if not found:
        raise unknown_name("model", pattern, zoo.list_models())
    if as_json:
        print_json(found)
        return
    cards = [(item["name"], item["full_name"], find_card(item["name"])) for item in found]
    rows = [
        (name, full_name, c.task, f"{c.parameters:,}", f"{c.size / 1e6:.1f} MB", main_figure(c)) if c else (name, "no card yet", *4 * [""])
        for name, full_name, c in cards
    ]  # fmt: skip
    print_table("model", "full name", "task", "parameters#", "size#", "measured", rows=rows)


@click.command()
@click.argument("name", type=options.NAME)
@options.json_option
def info(name, as_json):
    """Show the card of the model NAME: what it does, what it learnt from, how good it was measured to be.

    \b
    Example:
      zoo info lstm_ctc
    """
    card = zoo.card(name)
    if as_json:
        print_json(about(card.name, card))
        return
    sources = ("\n".join(filter(None, (s.get(key) for key in ("title", "url", "licence")))) for s in card.sources)
    tuned = (
        (other, ", ".join(f"{key} {value:g}" for key, value in found.items())) for other, found in card.decoding.items()
    )
    rows = [
        ("full name", about(card.name, card)["full_name"]),
        ("architecture", card.architecture),
        ("task", card.task),
        ("does", card.summary),
        ("cannot", card.limits),
        ("labels", card.labels),
        ("sample rate", f"{card.sample_rate:,} Hz" if card.sample_rate else ""),
        ("parameters", f"{card.parameters:,}"),
        ("weights", f"{card.size / 1e6:.1f} MB, sha256 {card.weights['sha256'][:16]}..." if card.weights else "none"),
        *((f"with {other}", values) for other, values in tuned),
        ("licence", card.licence),
        ("training", card.training),
        *(("source", text) for text in sources),
        *(("trained by", line) for line in card.weights.get("commands", ())),
    ]
    print_table(card.name, "", rows=[(key, value.strip()) for key, value in rows if value.strip()])
    if card.results:
        measured = [
            (
                r.data,
                r.split,
                r.metric,
                f"{r.value:.2f}",
                f"{r.low:.2f} to {r.high:.2f}",
                r.utterances,
                r.decoder,
                r.note,
            )
            for r in card.results
        ]
        columns = ("measured on", "split", "metric", "value#", "95 % interval#", "utterances#", "decoder", "note")
        print_table(*columns, rows=measured)


@click.command()
@options.model_argument(SOUND, "a model of sound")
@click.option("--format", "format", required=True, metavar="FORMAT", help="litert, onnx or savedmodel.")
@options.out_option("PATH", "A .tflite or .onnx file, or a folder.")
@options.json_option
def export(asked, format, out, as_json):
    """Write the model NAME for another runtime.

    The whole model, waveform in and logits out: LiteRT for phones, ONNX for servers and browsers, SavedModel.

    \b
    Example:
      zoo export lstm_ctc --format litert --out lstm_ctc.tflite
      zoo export lstm_ctc --format onnx --out lstm_ctc.onnx
      zoo export lstm_ctc --format savedmodel --out lstm_ctc_saved
    """
    from zoo import exporting

    if format not in exporting.FORMATS:
        raise unknown_name("export format", format, exporting.FORMATS)
    if "+" in asked.name:
        raise ZooError(f"`name` must be one model. Received: {asked.name}, an ensemble.")
    path = exporting.export(asked.model, format, out)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    if as_json:
        print_json({"model": asked.name, "format": format, "path": str(out), "bytes": size})
    else:
        click.echo(f"Wrote {out} ({size / 1e6:.1f} MB).")
