"""The command web: a page that runs models in the browser."""

import click

from zoo.cli import _options as options
from zoo.cli._loading import importing
from zoo.cli._output import tell
from zoo.errors import ZooError


@click.command()
@click.argument("out", type=options.PATH)
@click.option("--model", "models", multiple=True, metavar="NAME", help="A classifier or recognizer, or a .keras file; may be repeated.")  # fmt: skip
@click.option("--wasm", type=options.PATH, metavar="DIR", help="Folder of the npm package onnxruntime-web (fetched with npm).")  # fmt: skip
@click.option("--title", default="speech-zoo", show_default=True, help="Title of the page.")
@click.option("--serve", is_flag=True, help="Serve the folder on this machine, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port of --serve; 0 is any free one.")  # fmt: skip
@options.json_option
def web(out, models, wasm, title, serve, port, as_json):
    """Write a page that runs models in the browser into the folder OUT.

    The folder is static: put it on any web server with https, such as GitHub Pages, open it on a phone and install it. It then works
    offline; what is said never leaves the device. --serve shows a folder on this machine.

    \b
    Example:
      zoo web page --model ds_cnn --model lstm_ctc_stream --serve
      zoo web page --model runs/mine/model.keras --title "Our words"
      zoo web page --serve
    """
    from zoo.web import folder, server

    if models:
        with importing():
            import zoo.loading  # noqa: F401
        path = folder.write(out, models, wasm, title, log=lambda line: click.echo(line, err=True))
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        tell({"path": str(out), "bytes": size}, f"Wrote {out} ({size / 1e6:.1f} MB).", as_json)
    elif not serve:
        raise ZooError("`--model` must name at least one classifier or recognizer, such as ds_cnn. Received none.")
    if serve:
        server.serve(out, port, say=click.echo)
