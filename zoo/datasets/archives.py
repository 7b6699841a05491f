"""From an archive or folder to a whole, checked data set: found, downloaded, unpacked safely, or refused.

An unpacked set lies in the cache beside a stamp, a file named after the hashes of its manifest and of its archive.
Stamp and files are put there by one rename, after every file was checked: a set without its stamp is no set.
"""

import csv
import hashlib
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from zoo.errors import DataError, MissingFileError

LARGEST_SET = 8 * 2**30  # bytes; an archive that unpacks to more is no speech corpus of ours
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif")  # of recordings, in any case
_PIECE = 2**20  # bytes read at a time
_PIECE_FETCHED = 2**15  # bytes; what of a piece has come is lost when a download breaks off
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Source:
    """Where a data set comes from and how to know that it is whole."""

    name: str  # of the data set, of its manifest and of its folder in the cache
    url: str  # a zip or tar file
    archives: tuple[str, ...]  # file names (shell patterns) that its archive may have
    markers: tuple[str, ...]  # a folder that has one of these paths is the top folder of the unpacked set
    # where recordings lie (shell patterns), for sets that circulate re-encoded: their manifest gives identifiers,
    # the files' names without suffix; the manifest of any other set gives path and sha256
    patterns: tuple[str, ...] = ()


# --- manifests


def manifest_path(name: str) -> Path:
    """The CSV of a data set: beside the code in a wheel, in data/ in a checkout."""
    for folder in (_PACKAGE / "manifests", _PACKAGE.parent / "data" / "manifests"):
        if (folder / f"{name}.csv").is_file():
            return folder / f"{name}.csv"
    raise MissingFileError(f"The manifest {name}.csv is missing from this installation: install speech-zoo again.")


@cache
def manifest(name: str) -> list[dict[str, str]]:
    """The rows of a manifest."""
    with open(manifest_path(name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def recordings_in(folder: Path) -> list[Path]:
    """The recordings that lie in a folder, in order; hidden files, such as ._name.wav of a Mac, are none."""
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in visible if path.suffix.lower() in SUFFIXES and path.is_file())


def recordings(source: Source, root: Path) -> dict[str, Path]:
    """Identifier -> audio file of every row of the manifest. Raises DataError where one is missing."""
    if source.patterns:
        there = (path for pattern in source.patterns for path in root.glob(pattern))
        stems = {path.stem: path for path in there if path.suffix.lower() in SUFFIXES}
        files = {row["id"]: stems.get(row["id"]) for row in manifest(source.name)}
    else:
        files = {row["id"]: root / row["path"] for row in manifest(source.name)}
        files = {key: path if path.is_file() else None for key, path in files.items()}
    missing = [key for key, path in files.items() if path is None]
    if missing:
        raise DataError(
            f"The folder {root} is not the whole of {source.name}: {len(missing)} of {len(files)} recordings are "
            f"missing, the first is {missing[0]}; unpack the archive again."
        )
    return files


# --- finding


def cache_folder() -> Path:
    """The folder for fetched and made data: the environment variable ZOO_CACHE or the platform's cache folder."""
    import pooch

    return Path(os.environ.get("ZOO_CACHE") or pooch.os_cache("speech-zoo")).expanduser().absolute()


def data_folders() -> list[Path]:
    """The folder that ZOO_DATA names, if it names one. Raises MissingFileError: a slip of the pen should cost no download."""
    if not os.environ.get("ZOO_DATA"):
        return []
    folder = Path(os.environ["ZOO_DATA"]).expanduser().absolute()
    if not folder.is_dir():
        raise MissingFileError(f"ZOO_DATA must name a folder; there is no folder {folder}.")
    return [folder]


def find(source: Source, given: str | os.PathLike | None = None) -> Path:
    """The top folder of a whole, checked data set.

    Args:
        source: which set.
        given: an archive, an unpacked folder (its top folder or one that holds it), or a folder with the
            archive. Without it: the folder ZOO_DATA, the cache, the network.

    Raises:
        MissingFileError: `given` does not exist.
        DataError: it holds no such set, or one that is damaged or not whole, or the cache cannot be written.
    """
    if given is not None:
        given = Path(given).expanduser().absolute()
        if not given.exists():
            raise MissingFileError(f"The source of {source.name} must be an archive or a folder; there is no {given}.")
        found = _search(source, given)
        if found is None:
            raise DataError(
                f"The source of {source.name} must hold {' or '.join(source.archives[:2])} or a folder with "
                f"{source.markers[0]}; {given} holds neither."
            )
        return found
    for folder in data_folders():
        found = _search(source, folder)
        if found is not None:
            return found
    return _in_cache(source) or _download(source)


def _search(source: Source, place: Path) -> Path | None:
    """The set inside an archive or folder (two folders down at most), or None."""
    if place.is_file():
        return _in_cache(source, place) or _unpack(place, source)
    root = _root(place, source)
    if root is not None:
        _check_folder(root, source)
        return root
    for pattern in source.archives:
        for archive in sorted(place.glob(pattern)):
            return _in_cache(source, archive) or _unpack(archive, source)
    return None


def _root(folder: Path, source: Source, depth: int = 2) -> Path | None:
    """The top folder of the set in or under `folder`."""
    try:
        if any((folder / marker).exists() for marker in source.markers):
            return folder
        children = sorted(child for child in folder.iterdir() if child.is_dir()) if depth else []
    except PermissionError:  # someone else's folder is not ours to look into
        return None
    for child in children:
        if not child.name.startswith(".") and (root := _root(child, source, depth - 1)) is not None:
            return root
    return None


@cache  # once per process: a folder of the user's is no place for a stamp of ours
def _check_folder(root: Path, source: Source) -> None:
    """Compare every file with the manifest. Raises DataError."""
    recordings(source, root)
    if not source.patterns:
        for row in manifest(source.name):
            if hashlib.sha256((root / row["path"]).read_bytes()).hexdigest() != row["sha256"]:
                raise DataError(f"{root / row['path']} is not the file in the manifest of {source.name} (sha256).")


# --- the cache


def _stamp(source: Source, archive: Path | None) -> str:
    """Name of the file that says "whole and checked": this manifest, and this archive or (None) any."""
    if archive is None:
        return f".whole-{_hash(manifest_path(source.name))}-*"
    status = archive.stat()
    return f"{_stamp(source, None)[:-1]}{_hash(archive, status.st_size, status.st_mtime_ns)}"


@cache
def _hash(path: Path, *_version) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()[:16]


def _in_cache(source: Source, archive: Path | None = None) -> Path | None:
    """The set in the cache if it is whole, else None."""
    folder = cache_folder() / source.name
    if not folder.is_dir() or not any(folder.glob(_stamp(source, archive))):
        return None
    root = _root(folder, source)
    try:
        return root if root and recordings(source, root) else None
    except DataError:  # someone took files away: as good as nothing
        return None


def _download(source: Source) -> Path:
    """Fetch the archive, unpack it into the cache, discard it."""
    import pooch

    with sentences(f"{source.name} could not be downloaded into {cache_folder()}"):
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=cache_folder()) as folder:
            pooch.get_logger().setLevel("WARNING")
            try:
                # no hash of the archive: its host may pack it anew; its files are checked one by one
                fetched = pooch.retrieve(
                    source.url, None, fname=source.archives[0], path=folder, progressbar=ProgressBar(source.name)
                )
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and error.strerror:  # the disk, not the network
                    raise
                reason = str(error).split("(Caused by")[0].strip()
                raise DataError(
                    f"{source.name} could not be downloaded from {source.url} ({reason}); put {source.archives[0]} "
                    f"into a folder and name that with source= or the environment variable ZOO_DATA."
                ) from None
            return _unpack(Path(fetched), source)


def fetch(url: str, whole: Path, name: str) -> Path:
    """Download one large archive, going on with what an earlier try left beside it; the caller checks its MD5.

    Args:
        url: of the archive. whole: where it shall lie; until all of it is there it has the suffix .partial.
        name: of what is fetched, for the progress bar and the errors.
    Raises: DataError (no network, broken off, a full disk); what came is kept.
    """
    import requests

    partial = whole.with_suffix(".partial")
    with sentences(f"{name} could not be downloaded into {whole.parent}"):
        whole.parent.mkdir(parents=True, exist_ok=True)
        held = partial.stat().st_size if partial.exists() else 0
        try:
            headers = {"Range": f"bytes={held}-"} if held else {}
            with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
                if answer.status_code == 416:  # nothing is left to fetch
                    os.replace(partial, whole)
                    return whole
                answer.raise_for_status()
                held = held if answer.status_code == 206 else 0  # a host that knows no ranges begins anew
                bar = ProgressBar(name)
                bar.total = total = held + int(answer.headers.get("Content-Length", 0))
                bar.update(held)
                try:
                    with open(partial, "ab" if held else "wb") as file:
                        for piece in answer.iter_content(_PIECE_FETCHED):
                            file.write(piece)
                            bar.update(len(piece))
                finally:
                    bar.close()
        except requests.RequestException as error:
            raise DataError(
                f"{name} could not be downloaded from {url} ({type(error).__name__}); what was fetched is kept: try "
                f"again, or put {whole.name} into a folder and name that with source= or ZOO_DATA."
            ) from None
        if total and partial.stat().st_size < total:
            raise DataError(f"{name} broke off at {partial.stat().st_size:,} of {total:,} bytes; try again to go on.")
        os.replace(partial, whole)
    return whole


def md5(path: Path) -> str:
    """MD5 of a file, as publishers of data sets give it."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


class ProgressBar:
    """What pooch wants of a progress bar, drawn by rich on stderr."""

    def __init__(self, name: str):
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (TextColumn(f"Fetching {name}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(name, total=None)
        self.total = 0

    def update(self, count: int) -> None:
        self._bar.start()
        self._bar.update(self._task, advance=count, total=self.total or None)

    def reset(self) -> None:
        self._bar.reset(self._task)

    def close(self) -> None:
        self._bar.stop()


_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError),  # zipfile's, of an unknown compression and of a password
)


@contextmanager
def sentences(what: str):
    """Turn errors of disks and archives into one sentence each."""
    try:
        yield
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(f"{what}: the archive is damaged or not whole ({error}); fetch it again.") from None
    except OSError as error:
        if error.errno is None:  # gzip and bz2 say so of bad data
            raise DataError(f"{what}: the archive is damaged or not whole ({error}); fetch it again.") from None
        raise DataError(
            f"{what}: {error.strerror or error}; free some space, or let the environment variable ZOO_CACHE name a "
            f"folder that can be written."
        ) from None


def _unpack(archive: Path, source: Source) -> Path:
    """Unpack an archive into the cache, checked file by file; the set appears there whole or not at all."""
    target = cache_folder() / source.name
    with sentences(f"{archive} could not be unpacked into {target.parent}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{source.name}-", dir=target.parent))
        try:
            sums = {} if source.patterns else {row["path"]: row["sha256"] for row in manifest(source.name)}
            found = extract(archive, temporary, set(sums))
            root = _root(temporary, source)
            if root is None:
                raise DataError(
                    f"The archive of {source.name} must have {source.markers[0]} in it; {archive} does not."
                )
            inside = root.relative_to(temporary)
            for path, expected in sums.items():
                got = found.get((inside / path).as_posix())
                if got != expected:
                    fault = "holds another" if got else "lacks"
                    raise DataError(
                        f"The archive of {source.name} must hold the files of its manifest; {archive} {fault} {path}: "
                        f"fetch it again."
                    )
            if source.patterns:
                _check_archive(archive, source, root)
            (temporary / _stamp(source, archive)).touch()
            # another process may have been quicker, and may be reading: what is whole stays
            if _in_cache(source, archive) is None:
                swap(temporary, target)
        except OSError:
            if _in_cache(source, archive) is None:
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return target / inside


def _check_archive(archive: Path, source: Source, root: Path) -> None:
    try:
        recordings(source, root)
    except DataError as error:
        raise DataError(str(error).replace(f"The folder {root}", f"The archive {archive}")) from None


def swap(temporary: Path, target: Path) -> None:
    """Put a finished folder in its place, moving what was there out of the way."""
    os.chmod(temporary, 0o755)  # mkdtemp's are for one user only
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        try:
            os.replace(target, old / "set")
            os.replace(temporary, target)
        finally:
            shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(temporary, target)


# --- safe archives


def _members(archive: Path) -> Iterator[tuple[str, bool, BinaryIO | None]]:
    """(name, is a link or device, open file or None for a folder) of each member of a zip or tar file."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                odd = kind not in (0, stat.S_IFREG, stat.S_IFDIR)
                if info.is_dir() or odd:
                    yield info.filename, odd, None
                else:
                    with file.open(info) as member:
                        yield info.filename, False, member
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as file:
            for info in file:
                odd = not (info.isreg() or info.isdir())
                yield info.name, odd, file.extractfile(info) if info.isreg() else None
    else:
        raise DataError(f"A data set must be a zip or tar archive or a folder; {archive} is neither, or damaged.")


def safe_path(name: str, archive: object = "the archive") -> PurePosixPath:
    """A member's path, if it stays inside the folder. Raises DataError for one that climbs out or is absolute."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or any(c in name for c in "\\:\0"):
        raise DataError(f"Paths in an archive must stay inside its folder; {archive} holds {name!r}: refused.")
    return path


def extract(archive: Path, folder: Path, wanted: set[str] | None = None, largest: int | None = None) -> dict[str, str]:
    """Unpack a zip or tar file into an existing folder.

    Args:
        wanted: paths, with or without a top folder before them, to write; others are skipped, but for the notes
            at the top (a licence). Without it everything is written.
        largest: bytes that the archive may unpack to (LARGEST_SET).

    Returns:
        sha256 of each file written, by its path in the archive.

    Raises:
        DataError: a path that climbs out, a link or device, or more than `largest` bytes; the caller discards
            the folder.
    """
    sums: dict[str, str] = {}
    total, largest = 0, largest or LARGEST_SET
    for name, odd, member in _members(archive):
        if member is None and not odd and PurePosixPath(name) == PurePosixPath("."):
            continue  # `tar -C folder .` begins with the folder itself
        path = safe_path(name, archive)
        if odd:
            raise DataError(f"Archives may hold only files and folders; {archive} holds the link or device {name!r}.")
        below = "/".join(path.parts[1:])
        if member is None or (wanted and "/" in below and not {str(path), below} & wanted):
            continue
        destination = folder / path
        if destination.is_dir() or any(parent.is_file() for parent in destination.parents):
            raise DataError(f"A path in an archive is a file or a folder; {archive} holds {name!r} as both.")
        destination.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with open(destination, "wb") as out:
            while piece := member.read(_PIECE):
                total += len(piece)  # what is there, not what the archive promises
                if total > largest:
                    raise DataError(f"{archive} unpacks to more than {largest >> 30} GiB and is refused.")
                digest.update(piece)
                out.write(piece)
        sums[str(path)] = digest.hexdigest()
    return sums
