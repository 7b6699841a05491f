"""Manifests: the published lists of what a data set is made of, and whether a folder holds all of it."""

import csv
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zoo.audio_files import SUFFIXES
from zoo.errors import AudioWarning, DataError, MissingFileError

CLUTTER = ("__MACOSX", "Thumbs.db", "desktop.ini")  # what systems leave in folders, besides hidden files
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Source:
    """Where a data set comes from and how to know that it is whole."""

    name: str  # of the data set, of its manifest and of its folder in the cache
    url: str  # of a zip or tar file
    archives: tuple[str, ...]  # file names (shell patterns) of its archive; the first one is that of a download
    markers: tuple[str, ...]  # a folder with one of these paths in it is the top folder of the unpacked set
    # Where recordings lie (shell patterns), for sets that circulate re-encoded: their manifest lists identifiers,
    # `name` or `folder/name` without suffix. The manifest of any other set lists path and sha256.
    patterns: tuple[str, ...] = ()
    known_hash: str = ""  # of the archive ("md5:..."), for sets that have one in place of a manifest
    largest: int = 8 * 2**30  # bytes that the archive may unpack to


def manifest_path(name: str) -> Path:
    """Returns the CSV of a data set: beside the code in a wheel, in data/ in a checkout."""
    for folder in (_PACKAGE / "manifests", _PACKAGE.parent / "data" / "manifests"):
        if (folder / f"{name}.csv").is_file():
            return folder / f"{name}.csv"
    raise MissingFileError(f"The manifest {name}.csv is missing from this installation: install speech-zoo again.")


@cache
def manifest(name: str) -> list[dict[str, str]]:
    """Returns the rows of a manifest."""
    with open(manifest_path(name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def recordings_in(folder: Path) -> list[Path]:
    """Returns the recordings in a folder and in those below it, sorted; an AudioWarning names other files, if not hidden ones."""
    files = []
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if _is_visible(name)]
        files += [Path(place, name) for name in names if _is_visible(name)]
    _warn_of(folder, "are no recordings", sorted(path.name for path in files if path.suffix.lower() not in SUFFIXES))
    return sorted(path for path in files if path.suffix.lower() in SUFFIXES)


def label_folders(folder: Path) -> dict[Path, list[Path]]:
    """Returns the recordings in each folder of a label; others, as _background_noise_, are named in an AudioWarning."""
    visible = [child for child in sorted(folder.iterdir()) if _is_visible(child.name)]
    loose = [child.name for child in visible if child.is_file() and child.suffix.lower() in SUFFIXES]
    children = [child for child in visible if child.is_dir()]
    found = {child: recordings_in(child) for child in children if not child.name.startswith("_")}
    if any(found.values()):
        _warn_of(folder, "lie in no folder of a label", loose)
        _warn_of(folder, "hold no recordings of a label", [child.name for child in children if not found.get(child)])
    return {child: clips for child, clips in found.items() if clips}


def _is_visible(name: str) -> bool:
    """Whether a file or folder is meant to be seen; `._name.wav` and `__MACOSX` of a Mac are not."""
    return not name.startswith(".") and name not in CLUTTER


def _stem(path: Path, nested: bool) -> str:
    """The name of a recording without suffixes (`.wav.opus` is two), after its folder's where those are `nested`."""
    stem = path.name
    while Path(stem).suffix.lower() in SUFFIXES:
        stem = Path(stem).stem
    return f"{path.parent.name}/{stem}" if nested else stem


def _warn_of(folder: Path, what: str, names: Sequence[str]) -> None:
    """Warns, in one line, of what was left out of a folder; not if that is nothing."""
    if names:
        some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        warnings.warn(f"{folder}: {len(names)} left out, which {what}: {some}", AudioWarning, stacklevel=3)


def _raise(error: OSError) -> None:
    raise error


def recordings(source: Source, root: Path, where: str = "") -> dict[str, Path]:
    """Returns identifier -> audio file for every row of a manifest; an error blames `where` or the folder `root`."""
    rows = manifest(source.name)
    if source.patterns:
        paths = (path for pattern in source.patterns for path in root.glob(pattern))
        stems = {_stem(path, nested="/" in rows[0]["id"]): path for path in paths if path.suffix.lower() in SUFFIXES}
        files = {row["id"]: stems.get(row["id"]) for row in rows}
    else:
        files = {row["id"]: path if (path := root / row["path"]).is_file() else None for row in rows}
    missing = [key for key, path in files.items() if path is None]
    if missing:
        lost = f"{len(missing)} of {len(files)} recordings are missing, the first is {missing[0]}"
        where = where or f"The folder {root}"
        raise DataError(f"{where} does not hold the whole of {source.name}: {lost}. Unpack the archive again.")
    return files
