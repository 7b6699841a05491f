"""From an archive or folder to a whole, checked data set: found, downloaded, unpacked safely, or refused.

An unpacked set lies in the cache beside a stamp, a file named after the hashes of its manifest and of its archive.
Both appear by one rename, after every file was checked: a folder without its stamp is not a data set.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from zoo.datasets.extraction import explained, extract
from zoo.datasets.manifests import Source, manifest, manifest_path, recordings
from zoo.errors import DataError, DownloadError, MissingFileError

PIECE = 2**15  # bytes; the part of a piece that has arrived is lost when a download breaks off


def cache_folder() -> Path:
    """Returns the folder for fetched and made data: ZOO_CACHE, or the platform's cache folder."""
    import pooch

    return Path(os.environ.get("ZOO_CACHE") or pooch.os_cache("speech-zoo")).expanduser().absolute()


def find(source: Source, given: str | os.PathLike | None = None) -> Path:
    """Finds the top folder of a data set, unpacking or downloading it; `given` is `source` of `zoo.datasets.load`."""
    argument, place = ("source", given) if given else ("ZOO_DATA", os.environ.get("ZOO_DATA"))
    if place:
        place = Path(place).expanduser().absolute()
        if not place.exists():  # a typing error in ZOO_DATA should not cause a download
            raise MissingFileError(f"`{argument}` must be an archive or a folder that exists. Received: {place}.")
        if (found := _search(source, place)) is not None:
            return found
        if given:
            wanted = f"{' or '.join(source.archives[:2])} or a folder with {source.markers[0]}"
            raise DataError(f"`source` must hold {wanted}. Received: {place}, which holds neither.")
    return _in_cache(source) or _download(source)


def _search(source: Source, place: Path) -> Path | None:
    """Returns the set in an archive or folder, or None."""
    archive = place
    if place.is_dir():
        if (root := top_folder(place, source)) is not None:
            _check_files(root, source, f"The folder {root}")
            return root
        archive = next((found for pattern in source.archives for found in sorted(place.glob(pattern))), None)
    return archive and (_in_cache(source, archive) or _unpack(archive, source))


def top_folder(folder: Path, source: Source, depth: int = 2) -> Path | None:
    """Returns the top folder of the set in or under `folder` (`depth` folders down at most), or None."""
    try:
        if any((folder / marker).exists() for marker in source.markers):
            return folder
        children = sorted(child for child in folder.iterdir() if child.is_dir()) if depth else []
    except PermissionError:  # another user's folder
        return None
    for child in children:
        if not child.name.startswith(".") and (root := top_folder(child, source, depth - 1)) is not None:
            return root
    return None


@cache  # once per process: no stamp is written into a user's folder
def _check_files(root: Path, source: Source, where: str) -> None:
    """Compares every file with the manifest, if there is one; an error blames `where`."""
    import pooch

    if source.known_hash:
        return
    recordings(source, root, where)
    for row in [] if source.patterns else manifest(source.name):
        if pooch.file_hash(str(root / row["path"])) != row["sha256"]:
            raise DataError(f"{where} is not the whole of {source.name}: {row['path']} has another sha256.")


def _stamp(source: Source, archive: Path | None) -> str:
    """Returns the name (a pattern without `archive`) of the file that marks a set as whole and checked."""
    if source.known_hash:
        return f".whole-{source.known_hash.partition(':')[2]}"
    listed = _hash(manifest_path(source.name))
    if archive is None:
        return f".whole-{listed}-*"
    status = archive.stat()
    return f".whole-{listed}-{_hash(archive, status.st_size, status.st_mtime_ns)}"


@cache
def _hash(path: Path, *_version) -> str:
    import pooch

    return pooch.file_hash(str(path))[:16]


def _in_cache(source: Source, archive: Path | None = None) -> Path | None:
    """Returns the set in the cache if it is whole, else None."""
    folder = cache_folder() / source.name
    if not folder.is_dir() or not any(folder.glob(_stamp(source, archive))):
        return None
    root = top_folder(folder, source)
    try:
        return root if root and (source.known_hash or recordings(source, root)) else None
    except DataError:  # somebody deleted files: the same as nothing
        return None


def _download(source: Source) -> Path:
    """Fetches the archive, unpacks it into the cache and deletes it."""
    if not source.url:
        raise MissingFileError(f"`source` or ZOO_DATA must hold {source.archives[0]}, which is not on the network.")
    archive = cache_folder() / source.archives[0]
    with explained(f"{source.name} could not be downloaded into {archive.parent}"):
        archive.parent.mkdir(parents=True, exist_ok=True)
        lock = archive.parent / f".{source.name}.lock"
        with FileLock(lock):  # of two that need the set, one fetches it
            try:
                # without a known hash the host may pack its files anew; they are checked one by one
                return _in_cache(source) or _unpack(
                    fetch(source.url, archive, source.name, source.known_hash or None), source
                )
            finally:
                archive.unlink(missing_ok=True)
                with suppress(PermissionError):  # Windows, where the lock removes its file itself
                    lock.unlink(missing_ok=True)


def _unpack(archive: Path, source: Source) -> Path:
    """Unpacks an archive into the cache, checked file by file; the set appears there whole or not at all."""
    target = cache_folder() / source.name
    with explained(f"{archive} could not be unpacked into {target.parent}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{source.name}-", dir=target.parent))
        try:
            inside = _extract_checked(archive, source, temporary)
            (temporary / _stamp(source, archive)).touch()
            # another process may have been quicker, and may be reading: a whole set stays
            if _in_cache(source, archive) is None:
                os.chmod(temporary, 0o755)  # mkdtemp's are for one user only
                shutil.rmtree(target, ignore_errors=True)
                os.replace(temporary, target)
        except OSError:
            if _in_cache(source, archive) is None:
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return target / inside


def _extract_checked(archive: Path, source: Source, folder: Path) -> Path:
    """Extracts an archive and checks what it holds. Returns the set's top folder inside `folder`."""
    import pooch

    algorithm, _, expected = source.known_hash.partition(":")
    if algorithm and pooch.file_hash(str(archive), algorithm) != expected:
        raise DataError(f"{archive} does not have the publisher's {source.known_hash}. Download it again.")
    listed = not source.known_hash and not source.patterns
    extract(archive, folder, {row["path"] for row in manifest(source.name)} if listed else set(), source.largest)
    root = top_folder(folder, source)
    if root is None:
        raise DataError(f"{archive} is not an archive of {source.name}: it has no {source.markers[0]}.")
    _check_files(root, source, f"The archive {archive}")
    return root.relative_to(folder)


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
        raise DownloadError(_refusal(error, url, path, name)) from None
    except ValueError:  # pooch's, of a hash
        raise DataError(f"{url} does not have the publisher's {known_hash}. Try again.") from None


def _refusal(error: Exception, url: str, path: Path, name: str) -> str:
    """What went wrong with a download, and what helps; the errors of requests quote whole stacks of others."""
    answer, host = getattr(error, "response", None), urlsplit(url).netloc
    start = f"No connection to {host}" if answer is None else f"{host} answered {answer.status_code} {answer.reason}"
    return (
        f"{start}: {name} could not be downloaded. Try again to continue, or fetch {url} elsewhere, put it into a "
        f"folder as {path.name} and name that folder with source= or ZOO_DATA."
    )


def _resume(url: str, partial: Path, name: str) -> None:
    """Downloads what `partial` lacks, with a progress bar on stderr."""
    import requests
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    held = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={held}-"} if held else {}
    with requests.get(url, headers=headers, stream=True, timeout=(10, 60)) as answer:
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
            for piece in answer.iter_content(PIECE):
                file.write(piece)
                bar.advance(task, len(piece))
