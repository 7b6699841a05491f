"""LibriSpeech on a miniature in the official layout: found, fetched in pieces, checked, refused."""

import hashlib
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile

from zoo import datasets
from zoo.datasets import librispeech
from zoo.errors import DataError, MissingFileError, UnknownNameError
from zoo.training import train

SUBSET = "dev-clean"
TEXTS = {"84-121-0000": "GO DO YOU HEAR", "84-121-0001": "IT'S A TEST", "84-122-0000": "YES", "97-5-0000": "NO NO"}


def miniature(folder):
    """LibriSpeech/dev-clean with four recordings by two speakers."""
    rng = np.random.default_rng(0)
    for key, text in TEXTS.items():
        speaker, chapter, _ = key.split("-")
        place = folder / "LibriSpeech" / SUBSET / speaker / chapter
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{key}.flac", 0.1 * rng.standard_normal(9000 + 1000 * len(text)), 16000)
        with open(place / f"{speaker}-{chapter}.trans.txt", "a") as file:
            file.write(f"{key} {text}\n")
    return folder / "LibriSpeech" / SUBSET


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The miniature as the publisher's archive, whose MD5 is then the expected one; the cache is empty."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    miniature(tmp_path / "made")
    path = tmp_path / "there" / f"{SUBSET}.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as file:
        file.add(tmp_path / "made" / "LibriSpeech", "LibriSpeech")
    monkeypatch.setitem(librispeech.MD5, SUBSET, hashlib.md5(path.read_bytes()).hexdigest())
    return path


def check(utterances):
    assert [u.id for u in utterances] == sorted(TEXTS)
    assert {u.id: u.text.upper() for u in utterances} == TEXTS
    assert {u.speaker for u in utterances} == {"84", "97"}
    assert utterances[2].audio(16000).shape == (9000 + 1000 * len("YES"),)


def test_an_unpacked_folder_is_used_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    root = miniature(tmp_path)
    for source in (root, root.parent, tmp_path):
        check(datasets.load("librispeech", SUBSET, source))
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    check(datasets.load("librispeech", SUBSET))
    assert not (tmp_path / "cache").exists()


def test_an_archive_is_checked_and_unpacked_once(archive, tmp_path, monkeypatch):
    check(datasets.load("librispeech", SUBSET, archive))
    assert archive.exists()  # it is the user's
    check(datasets.load("librispeech", SUBSET))  # from the cache
    monkeypatch.setattr(librispeech, "extract", None)
    check(datasets.load("librispeech", SUBSET, archive.parent))


@pytest.mark.parametrize("damage", ["half", "a byte", "another"])
def test_a_damaged_archive_is_refused_and_leaves_nothing(damage, archive, tmp_path):
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes({"half": data[: len(data) // 2], "a byte": data, "another": b"hello"}[damage])
    with pytest.raises(DataError, match="publisher's MD5"):
        datasets.load("librispeech", SUBSET, archive)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_recording_that_is_missing_is_named(tmp_path):
    root = miniature(tmp_path)
    (root / "84" / "122" / "84-122-0000.flac").unlink()
    with pytest.raises(DataError, match="1 of 4 are missing, the first is 84-122-0000.flac"):
        datasets.load("librispeech", SUBSET, root)


def test_what_is_not_there(tmp_path):
    with pytest.raises(MissingFileError, match="there is no"):
        datasets.load("librispeech", SUBSET, tmp_path / "none")
    with pytest.raises(DataError, match="holds neither"):
        datasets.load("librispeech", SUBSET, tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean train-clean-100"):
        datasets.load("librispeech", "train-clean-10")


@pytest.fixture
def host(archive, monkeypatch):
    """A host that gives the archive, by ranges, and hangs up after `patience` bytes; what was asked is kept."""
    data = archive.read_bytes()

    class Host(BaseHTTPRequestHandler):
        patience, ranges, asked = len(data), True, []

        def do_GET(self):
            start = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-")
            Host.asked.append(int(start))
            start = int(start) if Host.ranges else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start : start + Host.patience])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(librispeech, "URL", f"http://127.0.0.1:{server.server_port}/{{}}.tar.gz")
    Host.size = len(data)
    yield Host
    server.shutdown()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_broke_off_goes_on(ranges, host, tmp_path):
    host.patience, host.ranges = host.size // 3, ranges
    with pytest.raises(DataError, match="try again"):
        datasets.load("librispeech", SUBSET)
    kept = (tmp_path / "cache" / "librispeech" / f"{SUBSET}.tar.partial").stat().st_size
    assert 0 < kept <= host.size // 3
    host.patience = host.size
    check(datasets.load("librispeech", SUBSET))
    assert host.asked == [0, kept]
    check(datasets.load("librispeech", SUBSET))  # now from the cache, the archive itself is gone
    assert host.asked == [0, kept] and not list((tmp_path / "cache" / "librispeech").glob("*.tar*"))


def test_no_network(archive, monkeypatch):
    monkeypatch.setattr(librispeech, "URL", "http://127.0.0.1:9/{}.tar.gz")
    with pytest.raises(DataError, match="could not be downloaded from .*name that with source= or ZOO_DATA") as caught:
        datasets.load("librispeech", SUBSET)
    assert "\n" not in str(caught.value)


def test_a_dry_run_of_the_recipe(archive, tmp_path):
    """What a Colab user would type, with a model and a subset that are small."""
    data = f"librispeech:{SUBSET},source={archive}"
    lines = []
    train(
        "conv_lstm_ctc", [data], tmp_path / "run", validation=[data], epochs=1, batch_size=2,
        model_config={"units": 4, "layers": 1}, augmentation=None, say=lines.append,
    )  # fmt: skip
    assert (tmp_path / "run" / "best.weights.h5").exists() and "4 utterances" in lines[0]
