"""The command demo: a page in the browser."""

import os
import sys

import click

from zoo.cli import _options as options
from zoo.cli._loading import importing


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="Port of the page; 0 chooses a free one.")  # fmt: skip
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address of the page; any other lets other machines connect."
)
@click.option("--browser/--no-browser", default=None, help="Open a browser (by default if there is a display).")
@click.option("--data-folder", type=options.PATH, default="recordings", show_default=True, help="Where the page keeps recorded clips.")  # fmt: skip
def demo(port, host, browser, data_folder):
    """Open a page in the browser, until Ctrl-C.

    The page takes a microphone or a file and shows what every model makes of it, the cards, and a tab that records a data
    set. It needs gradio (pip install "speech-zoo[demo]") and no internet, and only this machine can reach it.

    \b
    Example:
      zoo demo
      zoo demo --port 8000 --data-folder words --no-browser
    """
    from zoo.demo.page import check_address, check_gradio, serve
    from zoo.demo.recordings import check_folder

    check_gradio()
    check_address(host, port).close()
    check_folder(data_folder)
    click.echo("One moment: Keras is loading ...", err=True)
    with importing():
        import zoo.loading  # noqa: F401
    if browser is None:
        screen = sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        browser = bool(screen) and sys.stdout.isatty()
    serve(host, port, data_folder, browser, say=lambda line: click.echo(line, err=line.startswith("Warning")))
