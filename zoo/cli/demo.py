"""The command demo: a page in the browser, or the bundled clips transcribed and one of them drawn."""

import csv
import os
import sys

import click
from click.core import ParameterSource

from zoo.cli import _options as options
from zoo.cli._loading import Asked, importing
from zoo.cli._recordings import Recordings
from zoo.cli.recognise import draw_transcript

PAGE_OPTIONS = ("port", "host", "browser", "data_folder")
MODEL = "lstm_ctc"


@click.command()
@click.argument("paths", metavar="[FILE_OR_FOLDER]...", nargs=-1, type=options.PATH)
@options.plot_option
@options.json_option
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="Port of the page; 0 is any free one.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the page; another one lets others in.")
@click.option("--browser/--no-browser", default=None, help="Open a browser (by default where there is a screen).")
@click.option("--data-folder", type=options.PATH, default="recordings", show_default=True, help="Where the page keeps recorded clips.")  # fmt: skip
@click.pass_context
def demo(ctx, paths, plot, as_json, port, host, browser, data_folder):
    """Open a page in the browser, or transcribe the bundled clips.

    The page takes a microphone or a file and shows what every model makes of it, the cards, and a tab that records a data
    set. It needs gradio (pip install "speech-zoo[demo]") and no internet, and nobody but this machine reaches it.

    With recordings, --plot or --json there is no page: the bundled clips and the recordings are transcribed, and --plot
    draws the first of the recordings, or else of the clips.

    \b
    Example:
      zoo demo
      zoo demo --port 8000 --data-folder words --no-browser
      zoo demo mine.wav --plot mine.png
    """
    if not (paths or plot or as_json):
        _open_page(host, port, data_folder, browser)
        return
    for option in PAGE_OPTIONS:
        if ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"`{option}` is for the page, which recordings, --plot and --json replace.")
    references = _references()
    asked, recordings, results = Asked(MODEL), Recordings((*references, *paths)), []
    drawn = len(references) if paths else 0
    rate = asked.sample_rate
    for path, samples, found in recordings.answers(rate, lambda samples: asked.model.transcribe(samples, rate)):
        results.append({"file": str(path), "reference": references.get(path, ""), **found.to_dict()})
        if plot and len(results) == drawn + 1:
            draw_transcript(asked.model, samples, rate, found, plot, f"{path.name}: {found.text}")
    rows = [(r["file"], r["reference"], r["text"], f"{r['confidence']:.2f}") for r in results]
    recordings.finish(results, as_json, "recording", "reference", MODEL, "confidence#", rows=rows)


def _references() -> dict:
    """What is said in the bundled clips, by path."""
    from zoo.audio import bundled

    folder = bundled("seven").parent
    with open(folder / "samples.csv", encoding="utf-8", newline="") as file:
        return {folder / row["path"]: row["text"] for row in csv.DictReader(file)}


def _open_page(host: str, port: int, folder, browser: bool | None) -> None:
    """Serves the page until Ctrl-C; a browser comes up where somebody sits in front of a screen."""
    from zoo.demo.page import check_address, check_gradio, serve
    from zoo.demo.recordings import check_folder

    check_gradio()
    check_address(host, port)
    check_folder(folder)
    click.echo("One moment: Keras is loading ...", err=True)
    with importing():
        import zoo.loading  # noqa: F401
    if browser is None:
        screen = sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        browser = bool(screen) and sys.stdout.isatty()
    serve(host, port, folder, browser, say=lambda line: click.echo(line, err=line.startswith("Warning")))
