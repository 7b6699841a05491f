"""Speech Commands on a miniature in the official layout: split, drawn, found, fetched in pieces, checked, refused."""

import hashlib
import io
import os
import shutil
import tarfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile

from zoo import datasets, training
from zoo.datasets import speech_commands
from zoo.errors import DataError, MissingFileError, UnknownNameError
from zoo.training import DataSpec

SPLITS = ("train", "validation", "test")
PUBLISHED = speech_commands.COUNTS  # before a test puts the miniature's in their place
SPEAKERS = {
    "train": ("0a7c2a8d", "0b40aa8e", "1a2b3c4d"),
    "validation": ("c0ffee00",),
    "test": ("deadbeef", "feedface"),
}
NOISES = ("doing_the_dishes", "dude_miaowing", "exercise_bike", "pink_noise", "running_tap", "white_noise")
NOISE_SECONDS = 12


def wav(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The archive's files: one take of each word by each of six speakers, the lists, the noises, the notes."""
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("made")
    clips = {speaker: wav(0.1 * rng.standard_normal(8000)) for part in SPEAKERS.values() for speaker in part}
    lists = {"validation": [], "test": []}
    for word in speech_commands.WORDS:
        (root / word).mkdir()
        for split, speakers in SPEAKERS.items():
            for speaker in speakers:
                (root / word / f"{speaker}_nohash_0.wav").write_bytes(clips[speaker])
                lists.get(split, []).append(f"{word}/{speaker}_nohash_0.wav\n")
    for split, lines in lists.items():
        (root / speech_commands.LISTS[split]).write_text("".join(lines))
    (root / "_background_noise_").mkdir()
    for name in NOISES:
        ramp = np.linspace(-1, 1, NOISE_SECONDS * 16000) * 0.5  # its value tells where a piece was cut
        (root / "_background_noise_" / f"{name}.wav").write_bytes(wav(ramp))
    for note in ("README.md", "LICENSE", "_background_noise_/README.md"):
        (root / note).write_text("A note.\n")
    (root / "yes" / "._0a7c2a8d_nohash_0.wav").write_bytes(b"of a Macintosh")
    return root


def pack(folder, path, extra=None):
    """A folder as the publisher packs it, `tar -C folder .`, and its MD5."""
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz", compresslevel=1) as file:
        file.add(folder, ".")
        if extra is not None:
            file.addfile(extra, io.BytesIO(b"\0" * extra.size))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """The miniature's size is the expected one; the cache is empty."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setattr(speech_commands, "COUNTS", {split: 35 * len(SPEAKERS[split]) for split in SPLITS})
    monkeypatch.setattr(speech_commands, "URL", "http://127.0.0.1:9/none.tar.gz")


@pytest.fixture
def folder(made, tmp_path):
    """An unpacked copy that a test may change."""
    shutil.copytree(made, tmp_path / "speech_commands_v0.02", copy_function=os.link)
    return tmp_path / "speech_commands_v0.02"


@pytest.fixture
def archive(made, tmp_path, monkeypatch):
    path = tmp_path / "there" / speech_commands.ARCHIVE
    monkeypatch.setattr(speech_commands, "MD5", pack(made, path))
    return path


def load(split="train", source=None, **options):
    return datasets.load("speech_commands", split, source, **options)


def cached(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


# --- the splits and tasks


def test_splits_are_disjoint_and_complete(made):
    found = {split: load(split, made) for split in SPLITS}
    ids = [u.id for split in SPLITS for u in found[split]]
    assert len(ids) == len(set(ids)) == 35 * 6
    for split in SPLITS:
        assert {u.speaker for u in found[split]} == set(SPEAKERS[split])
        assert Counter(u.text for u in found[split]) == dict.fromkeys(speech_commands.WORDS, len(SPEAKERS[split]))
        assert [u.id for u in found[split]] == sorted(u.id for u in found[split])
        assert all(u.id == f"{u.text}/{u.speaker}_nohash_0" for u in found[split])
    assert found["test"][0].audio(16000).shape == (8000,) and found["test"][0].audio(8000).shape == (4000,)
    assert len(speech_commands.WORDS) == len(set(speech_commands.WORDS)) == 35


@pytest.mark.parametrize("split", SPLITS)
def test_twelve_classes_have_equal_shares(split, made):
    found = load(split, made, task="12")
    each = len(SPEAKERS[split])
    assert Counter(u.text for u in found) == dict.fromkeys(speech_commands.TASKS["12"], each)
    assert len({u.id for u in found}) == len(found)
    unknown = [u for u in found if u.text == "unknown"]
    assert all(u.id.split("/")[0] in speech_commands.OTHERS and u.speaker in SPEAKERS[split] for u in unknown)
    silence = [u for u in found if u.text == "silence"]
    assert all(u.speaker == "" and u.recording.seconds() == 1 for u in silence)
    assert all(u.audio(rate).shape == (rate,) for u in silence for rate in (8000, 16000, 44100))
    assert [u.text for u in found if u.id.split("/")[0] in speech_commands.COMMANDS] == [
        u.id.split("/")[0] for u in found if u.id.split("/")[0] in speech_commands.COMMANDS
    ]


def test_draws_are_the_same_everywhere(made, folder):
    here, there = load("train", made, task="12"), load("train", folder, task=12)
    assert here == load("train", made, task="12")
    assert [(u.id, u.text, u.speaker) for u in here] == [(u.id, u.text, u.speaker) for u in there]
    assert [u.recording.start for u in here[-3:]] == [u.recording.start for u in there[-3:]]
    # pinned: a figure of next year is measured on the same items
    digest = hashlib.sha256(" ".join(u.id for u in here).encode()).hexdigest()
    assert digest[:8] == "26941973"
    assert [u.recording.start for u in here[-3:]] == [129019, 115447, 98484]


def test_no_piece_of_noise_is_learned_from_and_scored(made):
    """The miniature's noise is a ramp, so that a sample says when it was recorded."""
    edges = {"train": (0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1)}
    for split in SPLITS:
        first, end = edges[split]
        for silence in speech_commands._silences(made, split, 60):
            when = silence.audio() + 0.5  # share of the file
            assert first - 1e-3 <= when.min() and when.max() <= end + 1e-3
        clips = speech_commands.background_noise(split, made)
        assert len(clips) == 6 and all(clip.dtype == np.float32 for clip in clips)
        assert {len(clip) for clip in clips} == {round((end - first) * NOISE_SECONDS * 16000)}
    cut = speech_commands._silences(made, "train", 1)[0]
    cut.audio()[:] = 0  # what a caller does to his copy stays there
    assert cut.audio().any()
    with pytest.raises(UnknownNameError, match="split of speech_commands"):
        speech_commands.background_noise("trains", made)


def test_no_audio_is_read_to_make_utterances(made, monkeypatch):
    monkeypatch.setattr(soundfile.SoundFile, "read", None)
    start = time.perf_counter()
    assert len(load("train", made)) == 105 and len(load("train", made, task="12")) == 36
    assert time.perf_counter() - start < 5


def test_as_the_command_line_names_it(made):
    assert len(DataSpec.parse(f"speech_commands:test,task=12,source={made}", "train").load()) == 24
    assert len(DataSpec.parse(f"speech_commands,source={made}", "validation").load()) == 35


# --- found, checked, unpacked


def test_an_unpacked_folder_is_used_where_it_lies(folder, tmp_path, monkeypatch):
    expected = load("test", folder)
    assert load("test", tmp_path) == expected
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    assert load("test") == expected
    assert not (tmp_path / "cache").exists()
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "none"))
    with pytest.raises(MissingFileError, match="ZOO_DATA must name a folder"):
        load("test")


def test_archive_and_folder_give_the_same(archive, made, tmp_path, monkeypatch):
    for split in SPLITS:
        for task in ("12", "35"):
            packed, unpacked = load(split, archive, task=task), load(split, made, task=task)
            assert [(u.id, u.text, u.speaker) for u in packed] == [(u.id, u.text, u.speaker) for u in unpacked]
            for a, b in zip(packed[-3:], unpacked[-3:], strict=True):
                np.testing.assert_array_equal(a.audio(), b.audio())
    assert archive.exists()  # it is the user's
    assert (tmp_path / "cache" / "speech_commands" / "speech_commands_v0.02" / "LICENSE").exists()
    monkeypatch.setattr(speech_commands, "extract", None)
    monkeypatch.setattr(speech_commands, "md5", None)  # nor is it hashed again
    assert load("test") == load("test", archive) == load("test", archive.parent)  # from the cache


@pytest.mark.parametrize("damage", ["half", "a byte", "another"])
@pytest.mark.parametrize("there", [False, True], ids=["cache empty", "cache whole"])
def test_a_damaged_archive_is_refused_and_leaves_nothing(there, damage, archive, tmp_path):
    if there:
        load("test", archive)
    before = cached(tmp_path)
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes({"half": data[: len(data) // 2], "a byte": data, "another": b"hello"}[damage])
    with pytest.raises(DataError, match="publisher's MD5"):
        load("test", archive)
    assert cached(tmp_path) == before


@pytest.mark.parametrize("name", ["../escaped.wav", "/escaped.wav", "./yes/../../escaped.wav", "link"])
def test_an_archive_that_climbs_out_is_refused(name, made, tmp_path, monkeypatch):
    """Even one whose MD5 were right."""
    extra = tarfile.TarInfo(name)
    extra.size = 4
    if name == "link":
        extra.size, extra.type, extra.linkname = 0, tarfile.SYMTYPE, "/etc/passwd"
    path = tmp_path / "there" / "evil.tar.gz"
    monkeypatch.setattr(speech_commands, "MD5", pack(made, path, extra))
    with pytest.raises(DataError, match="holds"):
        load("test", path)
    assert not cached(tmp_path) and not list(tmp_path.rglob("escaped.wav"))


def test_a_truncated_archive_is_damaged_even_with_its_md5(archive, tmp_path, monkeypatch):
    archive.write_bytes(archive.read_bytes()[:-5000])
    monkeypatch.setattr(speech_commands, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    with pytest.raises(DataError, match="damaged or not whole"):
        load("test", archive)
    assert not cached(tmp_path)


def test_unpacking_that_was_killed_is_no_set(archive, tmp_path, monkeypatch):
    def killed(path, folder, *_):
        (folder / "yes").mkdir()
        (folder / "testing_list.txt").write_text("yes/deadbeef_nohash_0.wav\n")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(speech_commands, "extract", killed)
        patched.setattr(speech_commands.shutil, "rmtree", lambda *_, **__: None)  # the power failed: nothing is tidied
        with pytest.raises(KeyboardInterrupt):
            load("test", archive)
    assert cached(tmp_path)
    with pytest.raises(DataError, match="could not be downloaded"):  # what lies in the cache is not taken for the set
        load("test")
    assert len(load("test", archive)) == 70


# --- bad input


def refused(match, source, error=DataError, **options):
    with pytest.raises(error, match=match) as caught:
        load("train", source, **options)
    assert "\n" not in str(caught.value)


def test_what_is_not_there(tmp_path, made):
    refused("there is no", tmp_path / "none", MissingFileError)
    refused("holds neither", tmp_path)
    refused("no task of speech_commands named 'all': valid are 12, 35", made, UnknownNameError, task="all")
    refused("did you mean task", made, UnknownNameError, tasks="12")
    with pytest.raises(UnknownNameError, match="did you mean validation"):
        load("valid", made)


def test_a_folder_without_its_lists(folder):
    (folder / "testing_list.txt").unlink()
    refused("there is no .*testing_list.txt", folder)
    (folder / "validation_list.txt").unlink()
    refused("validation_list.txt and testing_list.txt; .* holds neither", folder)


def test_a_class_without_recordings_is_named(folder):
    for file in (folder / "marvin").iterdir():
        file.unlink()
    refused("marvin has none", folder)
    (folder / "marvin").rmdir()
    refused("marvin has none", folder, task="12")


def test_lists_that_are_not_of_this_folder(folder):
    (folder / "up" / "deadbeef_nohash_0.wav").unlink()
    refused("1 of 70 in .*testing_list.txt are not there, the first is up/deadbeef_nohash_0.wav", folder)
    path = folder / "testing_list.txt"
    path.unlink()  # linked to the shared one
    path.write_text("../../etc/passwd\n")
    refused("the first is ../../etc/passwd", folder)
    path.write_bytes(b"\xff\xfe\x00")
    refused("are not there", folder)
    path.write_text("up/c0ffee00_nohash_0.wav")
    refused("both in validation and in test", folder)


def test_a_folder_that_was_half_unpacked(folder):
    """The lists name no training recordings; their number does."""
    (folder / "up" / "0a7c2a8d_nohash_0.wav").unlink()
    refused("has 105 recordings in train; .* has 104", folder)


def test_noise_that_is_missing_or_short(folder):
    path = folder / "_background_noise_" / "pink_noise.wav"
    path.unlink()
    path.write_bytes(wav(np.zeros(9 * 16000)))
    with pytest.raises(DataError, match="must last ten seconds.*pink_noise.wav is shorter"):
        load("test", folder, task="12")
    shutil.rmtree(folder / "_background_noise_")
    refused("_background_noise_; .* has none", folder, task="12")
    with pytest.raises(DataError, match="has none"):
        speech_commands.background_noise(source=folder)
    assert len(load("train", folder)) == 105  # the words need no noise


# --- the network


@pytest.fixture
def host(archive, monkeypatch):
    """A host that gives the archive, by ranges, and hangs up after `patience` bytes; what was asked is kept."""
    data = archive.read_bytes()

    class Host(BaseHTTPRequestHandler):
        patience, ranges, asked, size = len(data), True, [], len(data)

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
    monkeypatch.setattr(speech_commands, "URL", f"http://127.0.0.1:{server.server_port}/{speech_commands.ARCHIVE}")
    yield Host
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_broke_off_goes_on(ranges, host, tmp_path):
    host.patience, host.ranges = host.size // 3, ranges
    with pytest.raises(DataError, match="try again"):
        load("test")
    cache = tmp_path / "cache" / "speech_commands"
    kept = (cache / "speech_commands_v0.02.tar.partial").stat().st_size
    assert 0 < kept <= host.size // 3
    host.patience = host.size
    assert len(load("test")) == 70
    assert host.asked == [0, kept]
    assert len(load("test", task="12")) == 24  # now from the cache, the archive itself is gone
    assert host.asked == [0, kept] and not list(cache.glob("*.tar*"))


def test_a_host_that_gives_something_else(host, tmp_path, monkeypatch):
    monkeypatch.setattr(speech_commands, "MD5", "0" * 32)
    with pytest.raises(DataError, match="publisher's MD5"):
        load("test")
    assert not cached(tmp_path)


def test_no_network():
    refused("could not be downloaded from .*name that with source= or ZOO_DATA", None)


def test_the_publishers_figures():
    assert PUBLISHED == {"train": 84_843, "validation": 9_981, "test": 11_005} and sum(PUBLISHED.values()) == 105_829


@pytest.mark.slow
def test_a_classifier_learns_its_twelve_classes(folder, tmp_path, monkeypatch):
    """`zoo train ds_cnn --data speech_commands:train,task=12`: the classes come from the data."""
    monkeypatch.setenv("ZOO_DATA", str(folder.parent))
    out, lines = tmp_path / "run", []
    model = training.train(
        "ds_cnn", ["speech_commands:train,task=12"], out, validation=["speech_commands:validation,task=12"],
        model_config={"filters": 8, "blocks": 1}, epochs=1, batch_size=8, say=lines.append,
    )  # fmt: skip
    assert model.labels.class_names == tuple(sorted(speech_commands.TASKS["12"]))
    assert any("error speech_commands:validation,task=12" in line for line in lines)
    clip = datasets.load("speech_commands", "test", task="12")[0].audio(model.config.sample_rate)
    assert model.classify(clip, model.config.sample_rate).label in speech_commands.TASKS["12"]
