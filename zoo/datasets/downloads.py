"""Downloads that continue where an earlier attempt stopped, checked by pooch."""

import os
from pathlib import Path

from zoo.errors import DataError

_PIECE = 2**15  # bytes; the part of a piece that has arrived is lost when a download breaks off


def fetch(url: str, path: Path, name: str, known_hash: str | None = None) -> Path:
    """Downloads an archive to `path`, which it returns; `name` is that of the data set.

    With a hash ("md5:..."), `<path>.partial` keeps what arrived before the connection broke for the next attempt.
    """
    import pooch
    import requests

    def download(url: str, output_file: str, _: object) -> None:
        # without a hash nobody would notice that the rest is of another archive
        partial = path.with_name(f"{path.name}.partial") if known_hash else Path(output_file)
        _resume(url, partial, name)
        os.replace(partial, output_file)

    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(pooch.retrieve(url, known_hash, fname=path.name, path=path.parent, downloader=download))
    except requests.RequestException as error:
        help = f"Try again to continue, or put {path.name} into a folder and name that with source= or ZOO_DATA."
        raise DataError(f"{name} could not be downloaded from {url} ({type(error).__name__}). {help}") from None
    except ValueError:  # pooch's, of a hash
        raise DataError(f"{url} does not have the publisher's {known_hash}. Try again.") from None


def _resume(url: str, partial: Path, name: str) -> None:
    """Downloads what `partial` lacks, with a progress bar on stderr."""
    import requests
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    held = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={held}-"} if held else {}
    with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
        if answer.status_code == 416:  # nothing is left to fetch
            return
        answer.raise_for_status()
        held = held if answer.status_code == 206 else 0  # a host without ranges starts again
        length = int(answer.headers.get("Content-Length", 0))
        columns = (TextColumn(f"Fetching {name}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with (
            Progress(*columns, console=Console(stderr=True), transient=True) as bar,
            open(partial, "ab" if held else "wb") as file,
        ):
            task = bar.add_task(name, total=held + length if length else None, completed=held)
            for piece in answer.iter_content(_PIECE):
                file.write(piece)
                bar.advance(task, len(piece))
