"""Data sets: the published lists keep their promises, and a damaged archive never passes for a set."""

import csv
import errno
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from zoo import datasets
from zoo.datasets import archives, connected_digits, fsdd, noise, synthetic, synthetic_digits
from zoo.errors import AudioError, DataError, MissingFileError, UnknownNameError, ZooError
from zoo.text import CHARACTERS

RATE = 8000


def wav(seconds: float = 0.2, seed: int = 0) -> bytes:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    whole = io.BytesIO()
    soundfile.write(whole, samples, RATE, format="WAV")
    return whole.getvalue()


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A set of three recordings called tiny, with a manifest and a cache of its own."""
    files = {f"rec/{i}.wav": wav(seed=i) for i in range(3)}
    manifests = tmp_path / "package" / "manifests"
    manifests.mkdir(parents=True)
    with open(manifests / "tiny.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "path", "sha256"))
        writer.writerows((Path(p).stem, p, hashlib.sha256(data).hexdigest()) for p, data in files.items())
    monkeypatch.setattr(archives, "_PACKAGE", tmp_path / "package")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    archives.manifest.cache_clear()
    source = archives.Source("tiny", "http://127.0.0.1:9/tiny.zip", ("tiny.zip", "tiny-*.zip"), ("rec/0.wav",))
    yield source, {f"top/{path}": data for path, data in files.items()} | {"top/LICENSE": b"free"}
    archives.manifest.cache_clear()


def nothing_left(folder: Path) -> bool:
    """No set, and no rest of one, in the cache."""
    return not folder.exists() or not list(folder.iterdir())


# --- archives


def test_archive_is_unpacked_once(tiny, tmp_path):
    source, members = tiny
    archive = zipped(tmp_path / "tiny.zip", members | {"top/other/big.bin": b"not in the manifest"})
    root = archives.find(source, archive)
    assert sorted(p.name for p in root.rglob("*") if p.is_file()) == ["0.wav", "1.wav", "2.wav", "LICENSE"]
    before = (root / "rec/0.wav").stat()
    assert archives.find(source, archive) == root == archives.find(source, tmp_path) == archives.find(source)
    assert (root / "rec/0.wav").stat() == before
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["tiny"]  # no rest of the unpacking


def test_tar_archives_are_read(tiny, tmp_path):
    source, members = tiny
    for name in ("a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2"):
        with tarfile.open(tmp_path / name, "w:" + name.removeprefix("a.tar").lstrip(".")) as file:
            for path, data in members.items():
                info = tarfile.TarInfo(path)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
        assert (archives.find(source, tmp_path / name) / "rec/2.wav").read_bytes() == members["top/rec/2.wav"]


def test_folder_is_used_where_it_lies(tiny, tmp_path):
    source, members = tiny
    for path, data in members.items():
        (tmp_path / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / path).write_bytes(data)
    for given in (tmp_path / "mine", tmp_path / "mine" / "top"):
        assert archives.find(source, given) == tmp_path / "mine" / "top"
    assert nothing_left(tmp_path / "cache")


def test_folder_with_a_changed_file_is_refused(tiny, tmp_path):
    source, members = tiny
    for path, data in members.items():
        (tmp_path / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / path).write_bytes(data + b"\0" * path.endswith("1.wav"))
    with pytest.raises(DataError, match=r"1\.wav is not the file in the manifest"):
        archives.find(source, tmp_path / "mine")
    (tmp_path / "mine/top/rec/1.wav").unlink()
    with pytest.raises(DataError, match="1 of 3 recordings are missing"):
        archives.find(source, tmp_path / "mine")


def damaged(kind: str, members: dict, path: Path) -> Path:
    """An archive with one thing wrong."""
    members = dict(members)
    if kind == "lacks a file":
        members.pop("top/rec/1.wav")
    elif kind == "other bytes":
        members["top/rec/1.wav"] = wav(seed=9)
    elif kind == "another set":
        members = {"readme.txt": b"hello"}
    zipped(path, members)
    data = path.read_bytes()
    if kind == "half":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "bit flipped":
        place = data.index(b"top/rec/1.wav") + 200
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_bytes(b"<html>Not found</html>" * 50)
    elif kind in ("half of a tar.gz", "half of a tar.xz", "half of a tar"):
        with tarfile.open(path, "w:" + {"gz": "gz", "xz": "xz"}.get(kind[-2:], "")) as file:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
    return path


DAMAGE = (
    "half", "bit flipped", "empty", "text", "lacks a file", "other bytes", "another set", "half of a tar",
    "half of a tar.gz", "half of a tar.xz",
)  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_archive_is_refused_and_leaves_nothing(kind, tiny, tmp_path):
    source, members = tiny
    archive = damaged(kind, members, tmp_path / "tiny.zip")
    with pytest.raises(DataError) as caught:
        archives.find(source, archive)
    message = str(caught.value)
    assert "\n" not in message and "tiny.zip" in message and "space" not in message
    assert nothing_left(tmp_path / "cache")


@pytest.mark.parametrize("name", ["../evil", "top/../../evil", "/evil", "top/..\\evil", "C:/evil", ".."])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archive_that_climbs_out_is_refused(kind, name, tiny, tmp_path):
    source, members = tiny
    if kind == "zip":
        archive = zipped(tmp_path / "tiny.zip", members | {name: b"evil"})
    else:
        archive = tmp_path / "tiny.tar"
        with tarfile.open(archive, "w") as file:
            for path, data in (members | {name: b"evil"}).items():
                info = tarfile.TarInfo(path)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    with pytest.raises(DataError, match="stay inside"):
        archives.find(source, archive)
    assert nothing_left(tmp_path / "cache")
    assert not list(tmp_path.rglob("*evil*"))


def test_tar_of_the_folder_itself(tiny, tmp_path):
    """`tar -C folder -cf tiny.tar .` begins with the member "."."""
    source, members = tiny
    with tarfile.open(tmp_path / "tiny.tar", "w") as file:
        top = tarfile.TarInfo(".")
        top.type = tarfile.DIRTYPE
        file.addfile(top)
        for path, data in members.items():
            info = tarfile.TarInfo("./" + path)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    root = archives.find(source, tmp_path / "tiny.tar")
    assert (root / "rec" / "1.wav").read_bytes() == members["top/rec/1.wav"]


def test_member_that_is_a_file_and_a_folder_is_refused(tiny, tmp_path):
    source, members = tiny
    archive = zipped(tmp_path / "tiny.zip", {"top/rec": b"a file"} | members)
    with pytest.raises(DataError, match="as both|is a file or a folder"):
        archives.extract(archive, tmp_path)
    assert nothing_left(tmp_path / "cache")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind, tiny, tmp_path):
    source, members = tiny
    with tarfile.open(tmp_path / "tiny.tar", "w") as file:
        info = tarfile.TarInfo("top/rec")
        info.type, info.linkname = kind, "../../.."
        file.addfile(info)
        for path, data in members.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    with pytest.raises(DataError, match="link or device"):
        archives.find(source, tmp_path / "tiny.tar")
    assert nothing_left(tmp_path / "cache")


def test_symbolic_link_in_a_zip_is_refused(tiny, tmp_path):
    source, members = tiny
    archive = zipped(tmp_path / "tiny.zip", members)
    with zipfile.ZipFile(archive, "a") as file:
        link = zipfile.ZipInfo("top/link")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="link or device"):
        archives.find(source, archive)


def test_archive_that_swells_is_refused(tiny, tmp_path, monkeypatch):
    source, members = tiny
    monkeypatch.setattr(archives, "LARGEST_SET", 2**20)
    archive = zipped(tmp_path / "tiny.zip", members | {"top/rec/0.wav": bytes(2**22)})
    with pytest.raises(DataError, match="refused"):
        archives.find(source, archive)
    assert nothing_left(tmp_path / "cache")


def test_full_disk(tiny, tmp_path, monkeypatch):
    source, members = tiny
    archive = zipped(tmp_path / "tiny.zip", members)
    monkeypatch.setattr(archives, "open", full_after(300), raising=False)
    with pytest.raises(DataError, match="No space left on device; free some space") as caught:
        archives.find(source, archive)
    assert "\n" not in str(caught.value)
    assert nothing_left(tmp_path / "cache")
    monkeypatch.undo()
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


def full_after(limit: int):
    """An `open` of a disk on which each new file may have `limit` bytes."""

    class Full(io.FileIO):
        def write(self, data):
            if self.tell() + len(data) > limit:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    return lambda path, mode="r", **kw: Full(path, "w") if "w" in mode else open(path, mode, **kw)


def test_cache_that_cannot_be_written(tiny, tmp_path, monkeypatch):
    """A file where the cache should be stands for a read-only disk, which the superuser could write to."""
    source, members = tiny
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(DataError, match="ZOO_CACHE"):
        archives.find(source, zipped(tmp_path / "tiny.zip", members))
    with pytest.raises(DataError, match="ZOO_CACHE"):
        archives.find(source)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_cache(tiny, tmp_path):
    source, members = tiny
    (tmp_path / "cache").mkdir(mode=0o500)
    with pytest.raises(DataError, match="Permission denied"):
        archives.find(source, zipped(tmp_path / "tiny.zip", members))


def test_set_without_its_stamp_is_no_set(tiny, tmp_path):
    """A process that was killed, or someone who deleted files, leaves no set behind."""
    source, members = tiny
    archive = zipped(tmp_path / "tiny.zip", members)
    root = archives.find(source, archive)
    stamp = next((tmp_path / "cache" / "tiny").glob(".whole-*"))
    stamp.unlink()
    assert archives._in_cache(source) is None
    archives.find(source, archive)
    (root / "rec/1.wav").unlink()
    assert archives._in_cache(source) is None
    assert (archives.find(source, archive) / "rec/1.wav").is_file()


def test_a_quicker_process_is_not_disturbed(tiny, tmp_path, monkeypatch):
    source, members = tiny
    archive = zipped(tmp_path / "tiny.zip", members)
    extract, places = archives.extract, []

    def slow(*arguments):
        if not places:  # while we unpack, another process does so too, and is done before us
            places.append(None)
            places.append((archives.find(source, archive) / "rec/0.wav").stat().st_ino)
        return extract(*arguments)

    monkeypatch.setattr(archives, "extract", slow)
    assert (archives.find(source, archive) / "rec/0.wav").stat().st_ino == places[1]
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["tiny"]


@pytest.fixture
def server():
    """(function that sets what is served and how many bytes are promised, url)"""
    what = {"data": b"", "promised": 0}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if what["data"] else 404)
            self.send_header("Content-Length", str(what["promised"] or len(what["data"])))
            self.end_headers()
            self.wfile.write(what["data"])

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield lambda **kw: what.update(kw), f"http://127.0.0.1:{http.server_port}/tiny.zip"
        http.shutdown()


def test_download(tiny, tmp_path, server, monkeypatch):
    from dataclasses import replace

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    serve, url = server
    source, members = tiny
    source = replace(source, url=url)
    whole = zipped(tmp_path / "made.zip", members).read_bytes()
    cases = {
        "not there": {"data": b""},
        "cut short": {"data": whole[: len(whole) // 2], "promised": len(whole)},
        "half, called whole": {"data": whole[: len(whole) // 2], "promised": 0},
        "a page in place of it": {"data": b"<html>log in</html>", "promised": 0},
    }
    for name, case in cases.items():
        serve(**case)
        with pytest.raises(DataError) as caught:
            archives.find(source)
        assert "\n" not in str(caught.value), name
        assert nothing_left(tmp_path / "cache"), name
    serve(data=whole, promised=0)
    assert (archives.find(source) / "rec/0.wav").read_bytes() == members["top/rec/0.wav"]
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["tiny"]  # the archive itself is not kept
    serve(data=b"")
    archives.find(source)  # from the cache


def test_folders_of_somebody_else_are_passed_over(tiny, tmp_path, monkeypatch):
    """Root, as whom tests may run, can look into every folder."""
    source, members = tiny
    for path, data in members.items():
        (tmp_path / "disk" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "disk" / path).write_bytes(data)
    (tmp_path / "disk" / "lost+found").mkdir()
    exists = Path.exists

    def denied(path, **more):
        if "lost+found" in path.parts:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path, **more)

    monkeypatch.setattr(Path, "exists", denied)
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "disk"))
    assert archives.find(source) == tmp_path / "disk" / "top"


def test_no_network(tiny):
    source, _ = tiny
    with pytest.raises(DataError, match=r"put tiny\.zip into a folder and name that with source= or .* ZOO_DATA"):
        archives.find(source)


def test_wrong_places(tiny, tmp_path, monkeypatch):
    source, _ = tiny
    with pytest.raises(MissingFileError, match="there is no"):
        archives.find(source, tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds neither"):
        archives.find(source, tmp_path / "package")
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(MissingFileError, match="ZOO_DATA must name a folder"):
        archives.find(source)
    for name, split in (("librispeech", "dev-clean"), ("speech_commands", "test")):
        with pytest.raises(MissingFileError, match="ZOO_DATA must name a folder"):
            datasets.load(name, split)


# --- what is published: the manifests


def rows(name):
    return archives.manifest(name)


@pytest.mark.parametrize("name", ["an4", "fsdd", "connected_digits", "noise", "speechocean762"])
def test_manifest_ids_are_unique_and_texts_normal(name):
    assert len({row["id"] for row in rows(name)}) == len(rows(name))
    for row in rows(name):
        assert set(row.get("text", "a")) <= set(CHARACTERS.tokens), row
        assert row.get("text", "a") == " ".join(row.get("text", "a").split()) != ""
        assert len(row.get("sha256", "0" * 64)) == 64


def test_an4_split():
    splits = {part: [row for row in rows("an4") if row["split"] == part] for part in ("train", "validation", "test")}
    assert {part: len(found) for part, found in splits.items()} == {"train": 844, "validation": 104, "test": 130}
    speakers = {part: {row["speaker"] for row in found} for part, found in splits.items()}
    assert {part: len(found) for part, found in speakers.items()} == {"train": 66, "validation": 8, "test": 10}
    assert sum(map(len, speakers.values())) == len(set.union(*speakers.values()))  # no speaker in two
    assert sum(len(row["text"].split()) for row in splits["test"]) == 773  # as in the published figures


def test_fsdd_manifest():
    assert len(rows("fsdd")) == 3000
    assert Counter(row["speaker"] for row in rows("fsdd")) == dict.fromkeys(fsdd.SPEAKERS, 500)


def protocol(name):
    return [row for row in rows("connected_digits") if row["protocol"] == name]


def takes(found):
    return {(row["speaker"], take) for row in found for take in row["takes"].split()}


def test_connected_digits_lists():
    test, validation = protocol("test"), protocol("validation")
    loso = [row for speaker in fsdd.SPEAKERS for row in protocol(f"loso-{speaker}")]
    assert len(test) >= 500 and len(loso) >= 500 and len(validation) == 240
    assert len(test) + len(loso) + len(validation) == len(rows("connected_digits"))
    for found in (test, loso, validation):
        lengths = Counter(len(row["takes"].split()) for row in found)
        assert sorted(lengths) == [1, 2, 3, 4, 5, 6, 7]
        assert max(lengths.values()) - min(lengths.values()) <= len(fsdd.SPEAKERS)
        assert max(Counter(row["speaker"] for row in found).values()) == len(found) / len(fsdd.SPEAKERS)
    assert {int(take.split("_")[1]) for _, take in takes(test)} == set(fsdd.OFFICIAL["test"])
    assert len(takes(test)) == 300  # all of them
    assert not takes(test) & takes(validation)
    for speaker in fsdd.SPEAKERS:
        assert {row["speaker"] for row in protocol(f"loso-{speaker}")} == {speaker}
    for row in rows("connected_digits"):
        assert len(row["gaps_ms"].split()) == len(row["takes"].split()) + 1
        assert len(row["gains_db"].split()) == len(row["takes"].split())


def test_connected_digits_list_follows_from_its_script():
    sys.path.insert(0, str(Path(__file__).parent.parent / "data"))
    try:
        import make_manifests
    finally:
        sys.path.pop(0)
    assert make_manifests.connected_digits_rows() == rows("connected_digits")


def test_training_strings_share_no_take_with_what_scores_them():
    for name, scored in (("train", ("test", "validation")), ("train_all", ("test",))):
        first = (
            connected_digits.VALIDATION_TAKES.start if name == "train_all" else connected_digits.VALIDATION_TAKES.stop
        )
        drawn = connected_digits.draw_strings(name, fsdd.SPEAKERS, range(first, fsdd.TAKES), 2000, seed=0)
        for part in scored:
            assert not takes(drawn) & takes(protocol(part))


# --- the registry


def test_names_and_errors():
    expected = {"an4", "connected_digits", "folder", "fsdd", "speechocean762", "synthetic", "synthetic_digits"}
    assert expected <= set(datasets.names()) and datasets.names() == sorted(datasets.names())
    with pytest.raises(UnknownNameError, match="did you mean an4"):
        datasets.load("an5")
    with pytest.raises(UnknownNameError, match="split of an4.*did you mean test"):
        datasets.load("an4", "tests")
    with pytest.raises(UnknownNameError, match="option of connected_digits.*did you mean count"):
        datasets.load("connected_digits", "train", counts=3)
    with pytest.raises(DataError, match="source of folder must be a path, .*received 5"):
        datasets.load("folder", "all", source=5)
    with pytest.raises(ZooError, match="takes no options"):
        datasets.load("an4", "test", count=3)
    with pytest.raises(ZooError, match="must be a whole number; received 'many'"):
        datasets.load("connected_digits", "train", count="many")
    with pytest.raises(ZooError, match="must be true or false"):
        datasets.load("speechocean762", "train", digits_only="perhaps")
    for wrong in ({"count": 0}, {"seed": -1}, {"count": 10**9}):
        for name in ("connected_digits", "synthetic", "synthetic_digits"):
            with pytest.raises(DataError, match="1 to"):
                datasets.load(name, "train", **wrong)
    with pytest.raises(DataError, match="Shares"):
        datasets.load("synthetic", "train", digits_share=0.9)


# --- text


def test_texts_are_what_a_reader_says(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "b.txt").write_text(
        "\ufeffMr. Lee's dog--a well-known _spaniel_--barked; why?\nIt was 1815, 'they' said.\n\n"
    )
    (tmp_path / "more" / "a.txt").write_text("Na\u00efve \u201cyes\u201d \u2014 \u2018no\u2019, \u4f60\u597d!")
    (tmp_path / "notes.md").write_text("not read")
    found = datasets.load("text", "all", tmp_path)
    assert [u.text for u in found] == [
        "mister lee's dog", "a well known spaniel", "barked", "why", "they said", "naive", "yes", "no",
    ]  # fmt: skip
    assert len({u.id for u in found}) == len(found) and found[-1].id.startswith("more/a.txt/")
    with pytest.raises(DataError, match="has no sound and is for language models"):
        found[0].audio(16000)
    lines = tmp_path / "b.txt"
    lines.write_text("it was\nlate\n\nwe left\n")
    assert [u.text for u in datasets.load("text", "all", lines)] == ["it was", "late", "we left"]
    assert [u.text for u in datasets.load("text", "all", lines, wrapped="true")] == ["it was late", "we left"]


def test_texts_in_a_folder(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "B.TXT").write_text("two")
    (tmp_path / "._a.txt").write_bytes(b"\xff")  # what a Mac leaves beside a.txt
    assert sorted(u.text for u in datasets.load("text", "all", tmp_path)) == ["one", "two"]


def test_texts_that_are_the_same_share_a_split(tmp_path):
    words = [f"{a} {b}" for a in "abcdefghij" for b in "klmnopqrst"]
    (tmp_path / "a.txt").write_text("\n".join(words * 2))
    parts = [[u.text for u in datasets.load("text", part, tmp_path)] for part in ("train", "validation", "test")]
    assert sorted(sum(parts, [])) == sorted(words * 2) and all(parts) and len(parts[0]) > 120
    assert not set(parts[0]) & set(parts[1]) and not set(parts[0]) & set(parts[2]) and not set(parts[1]) & set(parts[2])


def test_texts_that_are_none(tmp_path):
    with pytest.raises(DataError, match="needs source="):
        datasets.load("text", "all")
    with pytest.raises(MissingFileError, match="there is no .*none.txt"):
        datasets.load("text", "all", tmp_path / "none.txt")
    with pytest.raises(DataError, match="has none in 0 .txt files"):
        datasets.load("text", "all", tmp_path)
    (tmp_path / "a.txt").write_text("1815 \u4f60\u597d")
    with pytest.raises(DataError, match="has none in 1 .txt files"):
        datasets.load("text", "all", tmp_path)
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match="in UTF-8; .*a.txt is not"):
        datasets.load("text", "all", tmp_path / "a.txt")
    with pytest.raises(ZooError, match="true or false; received 'maybe'"):
        datasets.load("text", "all", tmp_path, wrapped="maybe")


# --- folders


def test_folder_of_labels(tmp_path):
    for name in ("yes/a.wav", "yes/b.WAV", "no_thanks/a.wav", ".hidden/a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(wav())
    (tmp_path / "yes" / "notes.txt").write_text("not a recording")
    (tmp_path / "yes" / "._a.wav").write_text("what a Mac leaves beside a.wav")
    found = datasets.load("folder", "all", tmp_path)
    assert [(u.id, u.text) for u in found] == [
        ("no_thanks/a.wav", "no thanks"), ("yes/a.wav", "yes"), ("yes/b.WAV", "yes")
    ]  # fmt: skip
    assert found[0].audio(16000).shape == (3200,) and found[0].audio(16000).dtype == np.float32
    parts = [u.id for part in ("train", "validation", "test") for u in datasets.load("folder", part, tmp_path)]
    assert sorted(parts) == [u.id for u in found]  # each in one part


def table(path, text) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_label_folder_is_named(tmp_path):
    for name in ("yes", "no"):
        (tmp_path / name).mkdir()
    (tmp_path / "yes" / "anna.wav").write_bytes(wav())
    with pytest.raises(DataError, match="must hold recordings .*; .*no holds none"):
        datasets.load("folder", "all", tmp_path)


def test_sample_rates_may_differ_within_a_folder(tmp_path):
    (tmp_path / "yes").mkdir()
    for rate in (8000, 22050, 48000):
        soundfile.write(tmp_path / "yes" / f"{rate}.wav", np.sin(np.arange(rate // 2) / 9), rate)
    assert {len(u.audio(8000)) for u in datasets.load("folder", "all", tmp_path)} == {4000}


def test_folder_from_csv(tmp_path):
    (tmp_path / "clips").mkdir()
    for name in "abc":
        (tmp_path / "clips" / f"{name}.wav").write_bytes(wav())
    text = "\ufeffpath,text,speaker\nclips/a.wav, One  TWO ,ann\nclips/b.wav,it's,ben\nclips/c.wav,three,ann\n"
    found = datasets.load("folder", "all", table(tmp_path / "list.csv", text))
    assert [(u.text, u.speaker) for u in found] == [("one two", "ann"), ("it's", "ben"), ("three", "ann")]
    by_part = [
        {u.speaker for u in datasets.load("folder", p, tmp_path / "list.csv")} for p in ("train", "validation", "test")
    ]
    assert sum(map(len, by_part)) == 2  # no speaker in two parts


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no path"),
        ("path,words\na.wav,one\n", "no text"),
        ("path,text\n", "has none"),
        ("path,text\nb.wav,one\n", "line 2 .* 'b.wav', not a file"),
        ('path,text\n\na.wav,"one\ntwo"\nb.wav,one\n', "line 5 .* 'b.wav', not a file"),
        ("path,text\n,one\n", "line 2"),
        ("path,text\na.wav,\n", "it is empty"),
        ("path,text\na.wav\n", "it is empty"),
        ("path,text\na.wav,route 66\n", "has '6'"),
        ("path,text\na.wav,one\na.wav,two\n", "again"),
        ("path,text\na.wav,one\n./a.wav,two\n", "lists ./a.wav again"),
    ],
)
def test_folder_csv_errors(text, message, tmp_path):
    (tmp_path / "a.wav").write_bytes(wav())
    with pytest.raises(ZooError, match=message) as caught:
        datasets.load("folder", "all", table(tmp_path / "list.csv", text))
    assert "\n" not in str(caught.value)


def test_folder_errors(tmp_path):
    with pytest.raises(DataError, match="needs source="):
        datasets.load("folder", "all")
    with pytest.raises(MissingFileError, match="there is no"):
        datasets.load("folder", "all", tmp_path / "nowhere")
    with pytest.raises(DataError, match="has none in it"):
        datasets.load("folder", "all", tmp_path)
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(DataError, match="UTF-8"):
        datasets.load("folder", "all", tmp_path / "list.csv")
    for name in ("Yes", "yes_"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_bytes(wav())
    with pytest.raises(DataError, match="one folder"):
        datasets.load("folder", "all", tmp_path)
    with pytest.raises(DataError, match="'7'"):
        (tmp_path / "yes_").rename(tmp_path / "7")
        datasets.load("folder", "all", tmp_path)


def test_a_recording_that_is_none_is_told_when_read(tmp_path):
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes" / "a.wav").write_text("no sound")
    (found,) = datasets.load("folder", "all", tmp_path)
    with pytest.raises(AudioError, match=r"a\.wav"):
        found.audio(16000)


# --- synthetic voices

speaks = pytest.mark.skipif(
    not (synthetic.shutil.which("espeak-ng") and synthetic.shutil.which("flite")), reason="needs espeak-ng and flite"
)


def test_synthetic_needs_a_program(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match="apt-get install espeak-ng flite"):
        datasets.load("synthetic", "train", count=1)


def test_synthetic_splits_share_no_voice_and_no_sentence(monkeypatch):
    monkeypatch.setattr(synthetic, "available", lambda p: synthetic.FLITE if p == "flite" else synthetic.VARIANTS)
    parts = ("train", "validation", "test")
    plans = {part: synthetic.plan(part, 400, 0, 0.4, 0.3, ("espeak-ng", "flite")) for part in parts}
    for what in ("text", "speaker", "id"):
        found = [{getattr(line, what) for line in plans[part]} for part in parts]
        assert sum(map(len, found)) == len(set.union(*found)), what
    for line in plans["train"]:
        assert set(line.text) <= set(CHARACTERS.tokens)
    assert plans["train"][:50] == synthetic.plan("train", 50, 0, 0.4, 0.3, ("espeak-ng", "flite"))  # count only adds
    assert plans["train"] != synthetic.plan("train", 400, 1, 0.4, 0.3, ("espeak-ng", "flite"))


@speaks
def test_synthetic_is_the_same_twice_and_goes_on(tmp_path):
    first = datasets.load("synthetic", "test", tmp_path / "a", count=4, seed=3)
    clips = [u.audio(16000) for u in first]
    assert all(0.4 < np.abs(clip).max() <= 1 and 0.3 < len(clip) / 16000 < 30 for clip in clips)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*.wav")}
    more = datasets.load("synthetic", "test", tmp_path / "a", count=6, seed=3)
    assert more[:4] == first and all(path.stat().st_mtime_ns == made for path, made in files.items())
    again = datasets.load("synthetic", "test", tmp_path / "b", count=4, seed=3)
    for one, other in zip(clips, again, strict=True):
        np.testing.assert_array_equal(one, other.audio(16000))
    assert not list(tmp_path.rglob("*.part"))


def test_synthetic_digits_splits_share_no_voice(monkeypatch):
    for module in (synthetic, synthetic_digits):
        monkeypatch.setattr(module, "available", lambda p: synthetic.FLITE if p == "flite" else synthetic.VARIANTS)
    voices = []
    for part in ("train", "validation", "test"):
        plan = synthetic_digits.plan(part, ("espeak-ng", "flite"), 3, 0)
        voices.append({line.speaker for takes, _ in plan.values() for line in takes})
        assert len({cut for _, cut in plan.values()}) > len(plan) / 3
        for takes, _ in plan.values():
            assert [line.text for line in takes[:: synthetic_digits.TAKES]] == synthetic.DIGITS
            assert len({(line.speaker, line.voice, line.pitch) for line in takes}) == 1  # one person
            assert len({line.rate for line in takes}) > 10  # who never says a word twice alike
    assert sum(map(len, voices)) == len(set.union(*voices))


@speaks
def test_synthetic_digits_are_cut_and_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_digits, "voices", lambda split, program: [synthetic.voices(split, program)[0]])
    strings = datasets.load("synthetic_digits", "test", tmp_path, count=21, accents=1)
    assert {u.speaker for u in strings} == {f"{p}-{synthetic.voices('test', p)[0]}" for p in ("espeak-ng", "flite")}
    assert {len(u.text.split()) for u in strings} == set(range(1, 8))
    for utterance in strings:
        clip = utterance.audio(8000)
        # The lead and the trail are floor only; words follow one another closely, as in connected_digits.
        assert np.abs(clip[:300]).max() < 0.01 < np.abs(clip).max() <= 1
        assert 0.1 < len(clip) / 8000 / len(utterance.text.split()) < 1.7
    again = datasets.load("synthetic_digits", "test", tmp_path, count=3, accents=1)
    assert again == strings[:3]
    np.testing.assert_array_equal(again[2].audio(16000), strings[2].audio(16000))


@speaks
def test_synthetic_on_a_disk_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="ZOO_CACHE"):
        datasets.load("synthetic", "test", tmp_path / "file", count=1)

    def full(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="No space left"):
        datasets.load("synthetic", "test", tmp_path / "cache", count=1)
    assert not list((tmp_path / "cache").rglob("*.wav*"))


# --- the bundled clips


def test_samples(samples):
    with open(samples[0].parent / "samples.csv", newline="") as file:
        listed = {row["path"]: row["text"] for row in csv.DictReader(file)}
    assert {*listed, "seven.wav"} == {path.name for path in samples} and len(listed) >= 5
    assert sum(path.stat().st_size for path in samples) < 1e6
    rates = set()
    for path in samples:
        if path.name == "seven.wav":  # the one word, for classifiers
            continue
        info = soundfile.info(path)
        rates.add(info.samplerate)
        assert (info.channels, info.subtype) == (1, "PCM_16") and 2 <= info.duration <= 4
        assert set(listed[path.name].split()) <= {*fsdd.DIGITS, "oh"}
    assert rates == {8000, 16000}
    found = datasets.load("folder", "all", samples[0].parent / "samples.csv")
    assert [u.text for u in found] == list(listed.values())


# --- real recordings, where they are


def here(folder, *patterns):
    if not any(list(folder.glob(pattern)) for pattern in patterns):
        pytest.skip(f"{patterns[0]} is not in {folder}")
    return folder


def test_real_an4(data_folder):
    folder = here(data_folder, "an4*")
    sizes = {part: datasets.load("an4", part, folder) for part in ("train", "validation", "train_all", "test")}
    assert [len(found) for found in sizes.values()] == [844, 104, 948, 130]
    seconds = sum(len(u.audio(16000)) for u in sizes["test"]) / 16000
    assert seconds / 60 == pytest.approx(6.0, abs=0.1)


def test_real_fsdd(data_folder):
    folder = here(data_folder, "free-spoken-digit-dataset*", "fsdd*")
    assert len(datasets.load("fsdd", "train", folder)) == 2700
    assert len(datasets.load("fsdd", "test", folder)) == 300
    for speaker in fsdd.SPEAKERS:
        others = datasets.load("fsdd", f"loso-{speaker}-train", folder)
        left_out = datasets.load("fsdd", f"loso-{speaker}-test", folder)
        assert (len(others), len(left_out)) == (2500, 500)
        assert {u.speaker for u in left_out} == {speaker} and speaker not in {u.speaker for u in others}


def test_real_connected_digits(data_folder):
    folder = here(data_folder, "free-spoken-digit-dataset*", "fsdd*")
    found = datasets.load("connected_digits", "test", folder)
    assert len(found) == 504
    for utterance in found[::50]:
        audio = utterance.audio(16000)
        words = utterance.text.split()
        assert audio.dtype == np.float32 and np.abs(audio).max() <= 1
        assert 0.1 * len(words) < len(audio) / 16000 < 0.7 + 1.6 * len(words)
        assert np.abs(audio[:160]).max() > 0  # a gap is no digital zero
        np.testing.assert_array_equal(audio, utterance.audio(16000))
    assert len({json.dumps([u.id, u.text]) for u in found}) == 504
    train = datasets.load("connected_digits", "train", folder, count=30, seed=1)
    assert train == datasets.load("connected_digits", "train", folder, count="30", seed="1")
    assert train != datasets.load("connected_digits", "train", folder, count=30, seed=2)
    fold = datasets.load("connected_digits", "loso-theo-train", folder, count=30)
    assert {u.speaker for u in fold} == set(fsdd.SPEAKERS) - {"theo"}


def test_real_speechocean762(data_folder):
    folder = here(data_folder, "speechocean762*")
    parts = {part: datasets.load("speechocean762", part, folder) for part in ("train", "validation", "train_all")}
    assert [len(found) for found in parts.values()] == [2260, 240, 2500]
    assert not {u.speaker for u in parts["train"]} & {u.speaker for u in parts["validation"]}
    digits = datasets.load("speechocean762", "train_all", folder, digits_only=True)
    assert len(digits) == 77 and len(digits[0].audio(16000)) > 8000


def test_real_noise(data_folder):
    folder = here(data_folder, "esc10*", "ESC-10*")
    held_out = noise.load_noise_by_class("test", folder)
    assert len(held_out) == 10
    clips = noise.load_noise("test", folder)
    assert 60 <= len(clips) <= 80 and all(clip.dtype == np.float32 and len(clip) > RATE for clip in clips)
    with pytest.raises(UnknownNameError, match="split of noise"):
        noise.load_noise("tests", folder)


def test_noise_that_cannot_be_decoded_is_left_out(tmp_path, monkeypatch):
    rows = [{"id": f"1-{i}-A", "class": "rain", "fold": "1"} for i in range(5)]
    for module in (noise, archives):
        monkeypatch.setattr(module, "manifest", lambda name: rows)
    (tmp_path / "rain").mkdir()
    (tmp_path / "dog_bark").mkdir()
    for i in range(5):
        (tmp_path / "rain" / f"1-{i}-A.wav").write_bytes(wav() if i < 3 else b"RIFF, or not")
    assert len(noise.load_noise("train", tmp_path)) == 3
    (tmp_path / "rain" / "1-0-A.wav").write_bytes(b"")
    with pytest.raises(DataError, match="3 of 5 are not"):
        noise.load_noise("train", tmp_path)


@pytest.mark.slow
def test_manifests_are_the_scripts(data_folder, tmp_path):
    """data/make_manifests.py makes the committed bytes again."""
    from zoo.datasets import an4, speechocean762

    for source in (an4.SOURCE, fsdd.SOURCE, noise.SOURCE, speechocean762.SOURCE):
        here(data_folder, *source.archives)
        archive = next(path for pattern in source.archives for path in data_folder.glob(pattern))
        (tmp_path / source.name).mkdir()
        archives.extract(archive, tmp_path / source.name)
    script = Path(__file__).parent.parent / "data" / "make_manifests.py"
    made = tmp_path / "made"
    subprocess.run([sys.executable, script, tmp_path, made], check=True, capture_output=True)
    assert len(list(made.iterdir())) == 5
    for path in made.iterdir():
        assert path.read_bytes() == (script.parent / "manifests" / path.name).read_bytes(), path.name
