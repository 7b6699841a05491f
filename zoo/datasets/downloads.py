"""Downloads that continue where an earlier attempt stopped, checked by pooch."""

import os
from pathlib import Path

from zoo.errors import DataError

_PIECE = 2**15  # bytes; the part of a piece that has arrived is lost when a download breaks off


def fetch(url: str, path: Path, name: str, known_hash: str | None = None) -> Path:
    """Downloads an archive.

    With a known hash, what has arrived when the connection breaks is kept in `<path>.partial` for the next attempt.

    Args:
        url: Address of the archive.
        path: Where it will lie.
        name: Name of the data set, for the progress bar and the errors.
        known_hash: "md5:..." or "sha256:..." of the archive; without one it is not checked.

    Returns:
        `path`.

    Raises:
        DataError: There is no network, the connection broke, or the archive has another hash.
        OSError: The disk is full or cannot be written.
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
        raise DataError(
            f"{name} could not be downloaded from {url} ({type(error).__name__}). Try again to continue, or put "
            f"{path.name} into a folder and name that with source= or the environment variable ZOO_DATA."
        ) from None
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
