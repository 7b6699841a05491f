"""Safe unpacking of zip and tar files: nothing outside the folder, no links, no devices, no more than is expected."""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from zoo.errors import DataError

_PIECE = 2**20  # bytes read at a time
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError),  # zipfile's, of an unknown compression and of a password
)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns errors of disks and archives into DataError: `what`, the reason, and what helps."""
    try:
        yield
    except DataError:
        raise
    except (*_DAMAGE, OSError) as error:
        # gzip and bz2 raise OSError without a number for damaged data
        if not isinstance(error, OSError) or error.errno is None:
            reason = f"the archive is damaged or incomplete ({error}). Download it again."
        else:
            reason = f"{error.strerror or error}. Free some space, or set ZOO_CACHE to a folder that can be written."
        raise DataError(f"{what}: {reason}") from None


def extract(archive: Path, folder: Path, wanted: set[str] | None = None, largest: int = 8 * 2**30) -> None:
    """Unpacks a zip or tar file into an existing folder.

    Writes files at the top (a licence) and those `wanted`, with or without a top folder in the path; without it all.
    """
    left = largest
    for name, special, member in _members(archive):
        if member is None and not special and PurePosixPath(name) == PurePosixPath("."):
            continue  # `tar -C folder .` begins with the folder itself
        path = _safe_path(name, archive)
        if special:
            raise DataError(f"{archive} holds the link or device {name!r}; only files and folders are unpacked.")
        below = "/".join(path.parts[1:])
        if member is None or (wanted and "/" in below and not {str(path), below} & wanted):
            continue
        destination = folder / path
        if destination.is_dir() or any(parent.is_file() for parent in destination.parents):
            raise DataError(f"{archive} holds {name!r} both as a file and as a folder.")
        destination.parent.mkdir(parents=True, exist_ok=True)
        with open(destination, "wb") as out:
            while piece := member.read(_PIECE):
                left -= len(piece)  # counted while unpacking: an archive may promise less
                if left < 0:
                    raise DataError(f"{archive} unpacks to more than {largest:,} bytes and is refused.")
                out.write(piece)


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    """Returns a path that stays in the folder; stricter than tarfile's "data" filter, and the same for zip files."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or any(c in name for c in "\\:\0"):
        raise DataError(f"{archive} holds the path {name!r}, which leaves the folder: refused.")
    return path


def _members(archive: Path) -> Iterator[tuple[str, bool, BinaryIO | None]]:
    """Yields (name, whether it is a link or device, open file or None for a folder) of each member."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                special = stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR)
                if info.is_dir() or special:
                    yield info.filename, special, None
                else:
                    with file.open(info) as member:
                        yield info.filename, False, member
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as file:
            for info in file:
                special = not (info.isreg() or info.isdir())
                yield info.name, special, file.extractfile(info) if info.isreg() else None
    else:
        raise DataError(f"{archive} is neither a zip nor a tar archive, or it is damaged.")
