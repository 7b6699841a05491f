"""LibriSpeech: a thousand hours of audiobooks read aloud, 16 kHz, in the seven official subsets.

`train-clean-100` is 6.3 GB and 100 hours, `dev-clean` and `test-clean` 0.3 GB and five hours each; "other" voices are
harder. A subset is a split here: `librispeech:train-clean-100`. Archives are checked against the publisher's MD5 before
they are unpacked; a download that broke off goes on where it stopped.

Source: V. Panayotov, G. Chen, D. Povey, S. Khudanpur, "LibriSpeech: an ASR corpus based on public domain audio books",
ICASSP 2015; https://www.openslr.org/12, CC BY 4.0.
"""

import os
import shutil
import tempfile
from pathlib import Path

from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import cache_folder, data_folders, extract, fetch, md5, sentences, swap
from zoo.errors import DataError, MissingFileError
from zoo.text import normalise

URL = "https://www.openslr.org/resources/12/{}.tar.gz"
LARGEST = 64 * 2**30  # bytes of an unpacked subset
MD5 = {  # the publisher's md5sum.txt
    "train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
    "dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "test-other": "fb5a50374b501bb3bac4815ee91d3135",
}


@register("librispeech", splits=tuple(MD5))
def utterances(split, source=None) -> list[Utterance]:
    """The utterances of a subset, sorted by identifier. Raises DataError where a recording is missing."""
    root = find(split, source)
    found = []
    for transcript in sorted(root.glob("*/*/*.trans.txt")):
        for line in transcript.read_text(encoding="utf-8").splitlines():
            key, _, text = line.partition(" ")
            path = transcript.with_name(f"{key}.flac")
            found.append(Utterance(key, normalise(text), key.split("-")[0], FileRecording(str(path))))
    there = {path.stem for path in root.glob("*/*/*.flac")}
    missing = sorted({utterance.id for utterance in found} - there)
    if missing:
        raise DataError(
            f"Every line of a transcript has a recording; in {root} {len(missing)} of {len(found)} are missing, the "
            f"first is {missing[0]}.flac."
        )
    return found


def find(subset: str, source: str | os.PathLike | None = None) -> Path:
    """The folder of a subset: speaker/chapter/speaker-chapter-number.flac.

    Args: source: the subset's archive, its folder, or a folder that holds either. Without it: ZOO_DATA, the cache, the
        network. Raises: MissingFileError; DataError (not there, damaged, the wrong archive, a full disk).
    """
    if source is not None:
        place = Path(source).expanduser().absolute()
        if not place.exists():
            raise MissingFileError(f"The source of librispeech must be an archive or a folder; there is no {place}.")
        found = _search(place, subset)
        if found is None:
            raise DataError(
                f"The source of librispeech must hold {subset}.tar.gz or LibriSpeech/{subset}; {place} holds neither."
            )
        return found
    for place in (*data_folders(), _cache()):
        if place.is_dir() and (found := _search(place, subset)):
            return found
    return _unpack(_download(subset), subset)


def _cache() -> Path:
    return cache_folder() / "librispeech"


def _search(place: Path, subset: str) -> Path | None:
    if place.is_file():
        return _unpack(place, subset)
    for folder in (place, place / subset, place / "LibriSpeech" / subset, _cache() / "LibriSpeech" / subset):
        if folder.name == subset and next(folder.glob("*/*/*.trans.txt"), None):
            return folder
    for archive in (place / f"{subset}.tar.gz", place / "LibriSpeech" / f"{subset}.tar.gz"):
        if archive.is_file():
            return _unpack(archive, subset)
    return None


def _unpack(archive: Path, subset: str) -> Path:
    """Check an archive and unpack it into the cache; the subset appears there whole or not at all."""
    target = _cache() / "LibriSpeech" / subset
    if next(target.glob("*/*/*.trans.txt"), None):
        return target
    with sentences(f"{archive} could not be unpacked into {target.parent}"):
        if md5(archive) != MD5[subset]:
            if archive.parent == _cache():
                archive.unlink()  # else the next try would find it again
            raise DataError(
                f"An archive must have its publisher's MD5; {archive} is not {subset} whole: fetch it again."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{subset}-", dir=target.parent))
        try:
            extract(archive, temporary, largest=LARGEST)
            swap(temporary / "LibriSpeech" / subset, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        if archive.parent == _cache():  # fetched by `_download`; a subset need not lie there twice
            archive.unlink()
    return target


def _download(subset: str) -> Path:
    """Fetch an archive into the cache, going on with what an earlier try left there."""
    return fetch(URL.format(subset), _cache() / f"{subset}.tar.gz", subset)
