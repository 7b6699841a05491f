"""The command that shares a model: push."""

from pathlib import Path

import click

from zoo.cli import _options as options
from zoo.cli._loading import importing
from zoo.cli._output import tell


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("repository", metavar="USER/NAME")
@click.option("--private", is_flag=True, help="A new repository is for you alone.")
@options.json_option
def push(path, repository, private, as_json):
    """Put the model in the .keras file PATH on the Hugging Face Hub, with its card and its sha256.

    The token is that of the environment variable HF_TOKEN, or of `hf auth login`. Others then write
    zoo.load("hf://USER/NAME"), or --model hf://USER/NAME.

    \b
    Example:
      zoo push runs/mine/model.keras somebody/four-words
    """
    with importing():
        from zoo.hub import push as share
    address = share(path, repository, private)
    about = {"repository": repository, "address": address, "load": f"hf://{repository}"}
    tell(about, f"{address}: zoo classify clip.wav --model hf://{repository}", as_json)
