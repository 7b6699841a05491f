"""Archives: found, downloaded, unpacked safely; a damaged one never passes for a data set."""

import csv
import errno
import hashlib
import io
import os
import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import refused

from zoo import datasets
from zoo.datasets import archives, extraction, manifests
from zoo.errors import DataError, MissingFileError

FILES = {f"rec/{i}.wav": bytes([i]) * 1000 for i in range(3)}
MEMBERS = {f"top/{path}": data for path, data in FILES.items()} | {"top/LICENSE": b"free"}
NOWHERE = "http://127.0.0.1:9/tiny.zip"


def write_zip(path: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def write_tar(path: Path, members: dict[str, bytes] = MEMBERS, first: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, "w:" + path.suffix.lstrip(".").replace("tar", "")) as file:
        if first is not None:
            file.addfile(first)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def write_folder(path: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    for name, data in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    """A set of three recordings called tiny, with a manifest and a cache of its own."""
    folder = tmp_path / "package" / "manifests"
    folder.mkdir(parents=True)
    with open(folder / "tiny.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "path", "sha256"))
        writer.writerows((Path(p).stem, p, hashlib.sha256(data).hexdigest()) for p, data in FILES.items())
    monkeypatch.setattr(manifests, "_PACKAGE", tmp_path / "package")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    for name in ("ZOO_DATA", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    manifests.manifest.cache_clear()
    yield manifests.Source("tiny", NOWHERE, ("tiny.zip", "tiny-*.zip"), ("rec/0.wav",))
    manifests.manifest.cache_clear()


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def is_empty(folder: Path) -> bool:
    return not folder.exists() or not list(folder.iterdir())


# --- whole


def test_an_archive_is_unpacked_once(tiny, tmp_path, cache):
    archive = write_zip(tmp_path / "tiny.zip", MEMBERS | {"top/other/big.bin": b"not in the manifest"})
    root = archives.find(tiny, archive)
    assert sorted(p.name for p in root.rglob("*") if p.is_file()) == ["0.wav", "1.wav", "2.wav", "LICENSE"]
    before = (root / "rec/0.wav").stat()
    assert archives.find(tiny, archive) == root == archives.find(tiny, tmp_path) == archives.find(tiny)
    assert (root / "rec/0.wav").stat() == before
    assert [p.name for p in cache.iterdir()] == ["tiny"]  # no temporary folder is left


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2"])
def test_tar_archives_are_read(name, tiny, tmp_path):
    root = archives.find(tiny, write_tar(tmp_path / name))
    assert (root / "rec/2.wav").read_bytes() == FILES["rec/2.wav"]


def test_a_tar_of_the_folder_itself(tiny, tmp_path):
    """`tar -C folder -cf tiny.tar .` begins with the member "."."""
    top = tarfile.TarInfo(".")
    top.type = tarfile.DIRTYPE
    archive = write_tar(tmp_path / "tiny.tar", {"./" + path: data for path, data in MEMBERS.items()}, top)
    assert (archives.find(tiny, archive) / "rec/1.wav").read_bytes() == FILES["rec/1.wav"]


def test_a_folder_is_used_where_it_lies(tiny, tmp_path, cache, monkeypatch):
    write_folder(tmp_path / "mine")
    for given in (tmp_path / "mine", tmp_path / "mine" / "top"):
        assert archives.find(tiny, given) == tmp_path / "mine" / "top"
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "mine"))
    assert archives.find(tiny) == tmp_path / "mine" / "top"
    assert is_empty(cache)


def test_a_changed_or_incomplete_folder_is_refused(tiny, tmp_path):
    root = write_folder(tmp_path / "mine") / "top"
    (root / "rec/1.wav").write_bytes(b"other")
    with refused("", DataError) as caught:
        archives.find(tiny, tmp_path / "mine")
    assert "1.wav" in str(caught.value)
    (root / "rec/1.wav").unlink()
    with refused("", DataError):
        archives.find(tiny, tmp_path / "mine")


def test_another_user_s_folders_are_skipped(tiny, tmp_path, monkeypatch):
    """Root, as whom tests may run, can look into every folder."""
    write_folder(tmp_path / "disk")
    (tmp_path / "disk" / "lost+found").mkdir()
    exists = Path.exists

    def denied(path, **more):
        if "lost+found" in path.parts:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path, **more)

    monkeypatch.setattr(Path, "exists", denied)
    assert archives.find(tiny, tmp_path / "disk") == tmp_path / "disk" / "top"


def test_wrong_places(tiny, tmp_path, monkeypatch):
    with refused("source", MissingFileError):
        archives.find(tiny, tmp_path / "nowhere")
    with refused("source", DataError):
        archives.find(tiny, tmp_path / "package")
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "nowhere"))
    with refused("ZOO_DATA", MissingFileError):
        archives.find(tiny)
    for name, split in (("librispeech", "dev-clean"), ("speech_commands", "test")):
        with refused("ZOO_DATA", MissingFileError):
            datasets.load(name, split)


# --- or refused


def damage(kind: str, path: Path) -> Path:
    """Writes an archive with one fault."""
    if kind.startswith("half of"):
        whole = (write_tar if ".tar" in kind else write_zip)(path.with_name(kind.removeprefix("half of ")))
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        whole.unlink()
        return path
    others = {"lacks a file": {}, "other bytes": {"top/rec/1.wav": b"other"}, "another set": {"readme.txt": b""}}
    if kind in others:
        kept = {} if kind == "another set" else {k: v for k, v in MEMBERS.items() if k != "top/rec/1.wav"}
        return write_zip(path, kept | others[kind])
    data = bytearray(write_zip(path).read_bytes())
    data[data.index(b"top/rec/1.wav") + 16] ^= 1
    path.write_bytes({"bit flipped": data, "empty": b"", "text": b"<html>Not found</html>" * 50}[kind])
    return path


FAULTS = (
    *("half of a.zip", "half of a.tar", "half of a.tar.gz", "half of a.tar.xz"),
    *("bit flipped", "empty", "text", "lacks a file", "other bytes", "another set"),
)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_damaged_archive_is_refused_and_leaves_nothing(kind, tiny, tmp_path, cache):
    archive = damage(kind, tmp_path / "tiny.zip")
    with refused("", DataError) as caught:
        archives.find(tiny, archive)
    assert "tiny.zip" in str(caught.value)
    assert is_empty(cache)


@pytest.mark.parametrize("name", ["../evil", "top/../../evil", "/evil", "top/..\\evil", "C:/evil", ".."])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_a_path_that_leaves_the_folder_is_refused(write, name, tiny, tmp_path, cache):
    archive = write(tmp_path / ("tiny.zip" if write is write_zip else "tiny.tar"), MEMBERS | {name: b"evil"})
    with refused("", DataError):
        archives.find(tiny, archive)
    assert is_empty(cache) and not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind, tiny, tmp_path, cache):
    info = tarfile.TarInfo("top/rec")
    info.type, info.linkname = kind, "../../.."
    with refused("", DataError):
        archives.find(tiny, write_tar(tmp_path / "tiny.tar", first=info))
    assert is_empty(cache)


def test_a_link_in_a_zip_is_refused(tiny, tmp_path):
    archive = write_zip(tmp_path / "tiny.zip")
    with zipfile.ZipFile(archive, "a") as file:
        link = zipfile.ZipInfo("top/link")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    with refused("", DataError):
        archives.find(tiny, archive)


def test_a_member_that_is_a_file_and_a_folder_is_refused(tmp_path):
    with refused("", DataError):
        extraction.extract(write_zip(tmp_path / "a.zip", {"top/rec": b"a file"} | MEMBERS), tmp_path)


def test_an_archive_that_swells_is_refused(tiny, tmp_path, cache):
    archive = write_zip(tmp_path / "tiny.zip", MEMBERS | {"top/rec/0.wav": bytes(2**22)})
    with refused("", DataError):
        archives.find(replace(tiny, largest=2**20), archive)
    assert is_empty(cache)


def test_a_full_disk(tiny, tmp_path, cache, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    archive = write_zip(tmp_path / "tiny.zip")
    monkeypatch.setattr(extraction, "open", lambda path, mode: Full(path, "w"), raising=False)
    with refused("", DataError) as caught:
        archives.find(tiny, archive)
    assert os.strerror(errno.ENOSPC) in str(caught.value)
    assert is_empty(cache)


def test_a_cache_that_cannot_be_written(tiny, tmp_path, cache):
    """A file where the cache should be stands for a read-only disk, which the superuser could write to."""
    cache.write_bytes(b"")
    for given in (write_zip(tmp_path / "tiny.zip"), None):
        with refused("", DataError) as caught:
            archives.find(tiny, given)
        assert "ZOO_CACHE" in str(caught.value)


def test_a_set_without_its_stamp_is_none(tiny, tmp_path, cache):
    """A process that was killed, or somebody who deleted files, leaves no set behind."""
    archive = write_zip(tmp_path / "tiny.zip")
    root = archives.find(tiny, archive)
    next((cache / "tiny").glob(".whole-*")).unlink()
    assert archives._in_cache(tiny) is None
    archives.find(tiny, archive)
    (root / "rec/1.wav").unlink()
    assert archives._in_cache(tiny) is None
    assert (archives.find(tiny, archive) / "rec/1.wav").is_file()


def test_a_quicker_process_is_not_disturbed(tiny, tmp_path, cache, monkeypatch):
    archive = write_zip(tmp_path / "tiny.zip")
    extract, inodes = archives.extract, []

    def slow(*arguments):
        if not inodes:  # while this process unpacks, another one does so too, and finishes first
            inodes.append(None)
            inodes.append((archives.find(tiny, archive) / "rec/0.wav").stat().st_ino)
        return extract(*arguments)

    monkeypatch.setattr(archives, "extract", slow)
    assert (archives.find(tiny, archive) / "rec/0.wav").stat().st_ino == inodes[1]
    assert [p.name for p in cache.iterdir()] == ["tiny"]


# --- sets with a known hash in place of a manifest


@pytest.fixture
def hashed(tiny, tmp_path):
    """The same set, known by the MD5 of its archive."""
    archive = write_tar(tmp_path / "tiny.tar.gz", MEMBERS | {"top/rec/more.bin": os.urandom(200_000)})
    known = "md5:" + hashlib.md5(archive.read_bytes()).hexdigest()
    return replace(tiny, name="hashed", archives=("tiny.tar.gz",), known_hash=known), archive


def test_a_known_hash_is_checked_once(hashed, tmp_path, cache, monkeypatch):
    source, archive = hashed
    root = archives.find(source, archive)
    assert (root / "rec/1.wav").read_bytes() == FILES["rec/1.wav"] and archive.exists()
    monkeypatch.setattr(archives, "extract", None)
    assert archives.find(source, archive) == archives.find(source) == archives.find(source, tmp_path) == root


@pytest.mark.parametrize("kind", ["half", "a byte", "another"])
def test_an_archive_with_another_hash_is_refused(kind, hashed, cache):
    source, archive = hashed
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes({"half": data[: len(data) // 2], "a byte": data, "another": b"hello"}[kind])
    with refused("", DataError):
        archives.find(source, archive)
    assert is_empty(cache)


# --- downloads


class Host(BaseHTTPRequestHandler):
    """Serves `data`, hangs up after `patience` bytes, and notes which offsets were asked for."""

    data, promised, patience, ranges, asked = b"", 0, 10**9, True, []

    def do_GET(self):
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        Host.asked.append(start)
        start = start if Host.ranges else 0
        self.send_response((206 if start else 200) if Host.data else 404)
        self.send_header("Content-Length", str((Host.promised or len(Host.data)) - start))
        self.end_headers()
        self.wfile.write(Host.data[start : start + Host.patience])

    def log_message(self, *_):
        pass


@pytest.fixture
def host(monkeypatch):
    """(Host, its address)"""
    for name, value in {"data": b"", "promised": 0, "patience": 10**9, "ranges": True, "asked": []}.items():
        monkeypatch.setattr(Host, name, value)
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Host, f"http://127.0.0.1:{server.server_port}/tiny.zip"
        server.shutdown()


def test_download(tiny, tmp_path, cache, host):
    Host, url = host
    source, whole = replace(tiny, url=url), write_zip(tmp_path / "made.zip").read_bytes()
    half = whole[: len(whole) // 2]
    for data, promised in ((b"", 0), (half, len(whole)), (half, 0), (b"<html>log in</html>", 0)):
        Host.data, Host.promised = data, promised
        with refused("", DataError):
            archives.find(source)
        assert is_empty(cache)
    Host.data, Host.promised = whole, 0
    assert (archives.find(source) / "rec/0.wav").read_bytes() == FILES["rec/0.wav"]
    assert [p.name for p in cache.iterdir()] == ["tiny"]  # the archive itself is not kept
    Host.data = b""
    archives.find(source)  # from the cache


def test_two_that_need_a_set_at_once_fetch_it_once(tiny, tmp_path, cache, host):
    Host, url = host
    Host.data = write_zip(tmp_path / "made.zip").read_bytes()
    with ThreadPoolExecutor(2) as pool:
        found = [*pool.map(archives.find, [replace(tiny, url=url)] * 2)]
    assert found[0] == found[1] and len(Host.asked) == 1 and [p.name for p in cache.iterdir()] == ["tiny"]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_continues(ranges, hashed, cache, host):
    (source, archive), (Host, url) = hashed, host
    source = replace(source, url=url)
    Host.data, Host.ranges = archive.read_bytes(), ranges
    Host.patience = len(Host.data) // 3
    with refused("", DataError):
        archives.find(source)
    kept = (cache / "tiny.tar.gz.partial").stat().st_size
    assert 0 < kept <= Host.patience
    Host.patience = 10**9
    assert (archives.find(source) / "rec/0.wav").read_bytes() == FILES["rec/0.wav"]
    assert Host.asked == [0, kept] and [p.name for p in cache.iterdir()] == ["hashed"]


def test_a_host_that_serves_something_else(hashed, cache, host):
    (source, _), (Host, url) = hashed, host
    Host.data = b"<html>log in</html>"
    with refused("", DataError):
        archives.find(replace(source, url=url))
    assert is_empty(cache)


def test_no_network(tiny):
    with refused("", DataError) as caught:
        archives.find(tiny)
    assert "tiny.zip" in str(caught.value) and "ZOO_DATA" in str(caught.value)
