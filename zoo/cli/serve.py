"""The command serve: models behind HTTP."""

import importlib.util

import click

from zoo.cli import _options as options
from zoo.cli._loading import importing
from zoo.errors import ZooError

PACKAGES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "websockets")


@click.command()
@click.option("--model", "models", multiple=True, metavar="NAME", help="A model to serve; may be repeated (a recognizer, a streaming one, a classifier and an embedder).")  # fmt: skip
@options.RUNTIME
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address of the page; any other lets other machines connect."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 chooses a free one.")  # fmt: skip
@click.option("--token", default="", envvar="ZOO_TOKEN", metavar="TEXT", help="What clients must send (or in ZOO_TOKEN, where `ps` does not show it).")  # fmt: skip
@click.option("--open", "for_all", is_flag=True, help="Serve other machines without a token.")
@click.option("--max-mb", type=options.POSITIVE, default=25.0, show_default=True, help="Largest request.")
@click.option("--max-seconds", type=options.POSITIVE, default=600.0, show_default=True, help="Longest recording.")
@click.option("--clients", type=options.COUNT, default=128, show_default=True, help="Requests and streams at a time.")
@click.option("--queue", type=options.POSITIVE, default=3600.0, show_default=True, help="Seconds of sound that may wait.")  # fmt: skip
@click.option("--log", type=options.PATH, metavar="FILE", help="Add a line of JSON for each request.")
@click.option("--keep", "keep_text", is_flag=True, help="Write the text of the answers into the log.")
@click.option("--cluster", metavar="[ADDRESS]", is_flag=False, flag_value="local", help="Run as --replicas on a Ray cluster; limits, queue and log are of each.")  # fmt: skip
@click.option("--replicas", type=options.COUNT, help="Servers on the cluster, each with models of its own and a core (1).")  # fmt: skip
def serve(models, runtime, host, port, token, for_all, max_mb, max_seconds, clients, queue, log, keep_text, cluster, replicas):  # fmt: skip
    """Serve models over HTTP, as OpenAI's API has it, until Ctrl-C.

    POST /v1/audio/transcriptions, /classify and /embed take recordings, the WebSocket /v1/stream takes sound while it is spoken; the
    page at / describes all of it. It needs pip install "speech-zoo[serve]".

    \b
    Example:
      zoo serve
      curl http://localhost:8000/v1/audio/transcriptions -F file=@clip.wav
      ZOO_TOKEN=secret zoo serve --model lstm_ctc --host 0.0.0.0 --log requests.jsonl
      ZOO_TOKEN=secret zoo serve --host 0.0.0.0 --cluster 10.0.0.1:6379 --replicas 8
    """
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise ZooError(f'`zoo serve` needs {", ".join(missing)}: pip install "speech-zoo[serve]".')
    from zoo.serve.limits import Limits
    from zoo.serve.models import DEFAULT, LIGHT
    from zoo.serve.run import check_open, serve

    check_open(host, token, for_all)
    if replicas and not cluster:
        raise ZooError(f"`replicas` must be given with --cluster, or not at all. Received: {replicas}.")
    if runtime != "litert" and not cluster:
        with importing():
            import zoo.loading  # noqa: F401
    limits = Limits(max_mb=max_mb, max_seconds=max_seconds, clients=clients, queue=queue)
    say = lambda line: click.echo(line, err=not line.startswith("The server"))  # noqa: E731
    models = models or (LIGHT if runtime == "litert" else DEFAULT)
    if cluster:
        from zoo.serve.replicas import serve_replicas

        serve_replicas(models, replicas or 1, cluster, host, port, token, for_all, limits, runtime, log, keep_text, say)
    else:
        serve(models, host, port, token, for_all, limits, runtime, log, keep_text, say)
