"""Data sets: the published lists keep their promises, options are typed, folders and texts are read or refused."""

import csv
import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import refused

from scripts import make_manifests
from zoo import datasets
from zoo.datasets import connected_digits, extraction, fsdd, manifests, noise, stand_in
from zoo.datasets.spec import DataSpec
from zoo.errors import AudioError, AudioWarning, DataError, DownloadError, MissingFileError, UnknownNameError
from zoo.notebook import recordings
from zoo.text import CHARACTERS

RATE = 8000
SCRIPTS = Path(__file__).parent.parent / "scripts"


def wav(seconds: float = 0.2, seed: int = 0) -> bytes:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    encoded = io.BytesIO()
    soundfile.write(encoded, samples, RATE, format="WAV")
    return encoded.getvalue()


# --- what comes with the package


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No ZOO_DATA, an empty cache, and no connection: what a fresh machine without a network has."""
    import requests

    def no_connection(*_, **__):
        raise requests.ConnectionError("Max retries exceeded with url")

    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(requests, "get", no_connection)


def test_bundled_digits(offline):
    parts = {split: datasets.load("bundled_digits", split) for split in ("train", "validation", "test")}
    voices = {split: {clip.speaker for clip in clips} for split, clips in parts.items()}
    assert {split: len(found) for split, found in voices.items()} == {"train": 18, "validation": 4, "test": 6}
    assert len(set.union(*voices.values())) == 28  # no voice is in two splits
    for clips in parts.values():
        assert {clip.text for clip in clips} == set(fsdd.DIGITS)
    samples = parts["test"][0].audio(8000)
    assert 0.3 < len(samples) / 8000 < 3 and 0.05 < np.abs(samples).max() <= 1


def test_stand_ins_have_the_splits_of_the_real_sets(offline):
    train, test = (stand_in.load("fsdd", f"loso-theo-{part}") for part in ("train", "test"))
    assert (len(train), len(test)) == (2500, 500)
    assert {clip.speaker for clip in test} == {"theo"} and "theo" not in {clip.speaker for clip in train}
    some = [clip.audio(8000) for clip in test[:50]]  # fifty takes of zero, no two alike
    assert len({samples.tobytes() for samples in some}) == 50
    assert np.array_equal(some[7], test[7].audio(8000))
    assert [len(clip.text.split()) for clip in stand_in.load("connected_digits", "validation")[:3]] == [1, 1, 1]
    assert len(stand_in.load("an4", "train_all")) > len(stand_in.load("an4", "train")) > 0
    short, long = (stand_in.load("librispeech_speakers", "test", seconds=seconds) for seconds in (1, 3))
    assert len({clip.speaker for clip in short}) == 10 and len(long) < len(short)
    assert len(short[0].audio(8000)) < len(long[0].audio(8000))
    train = stand_in.load("librispeech_speakers", "train")
    assert not {clip.speaker for clip in train} & {clip.speaker for clip in short}


def test_without_a_connection_the_sentence_says_so(offline):
    with refused("", DownloadError) as caught:
        datasets.load("fsdd", "test")
    assert str(caught.value).startswith("No connection to github.com") and "Max retries" not in str(caught.value)


def test_notebooks_say_which_data_they_use(offline, capsys, monkeypatch, tmp_path):
    corpora = recordings("fsdd")
    assert capsys.readouterr().out.startswith("Data: bundled digits") and len(corpora.load("fsdd", "test")) == 300
    assert datasets.load(*corpora.spec("fsdd", "validation").split(":"))
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "typing-error"))  # no reason to use other data in silence
    with refused("ZOO_DATA", MissingFileError):
        recordings("fsdd")


# --- what is published: the manifests


def rows(name):
    return manifests.manifest(name)


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
    assert make_manifests.connected_digits_rows() == rows("connected_digits")


def test_training_strings_share_no_take_with_what_scores_them():
    for name, scored in (("train", ("test", "validation")), ("train_all", ("test",))):
        first = (
            connected_digits.VALIDATION_TAKES.start if name == "train_all" else connected_digits.VALIDATION_TAKES.stop
        )
        drawn = connected_digits.draw_strings(name, fsdd.SPEAKERS, range(first, fsdd.TAKES), 2000, seed=0)
        for part in scored:
            assert not takes(drawn) & takes(protocol(part))


# --- names and options


def test_names():
    expected = {
        "an4",
        "audio_cmn",
        "background",
        "bundled_digits",
        "commands",
        "connected_digits",
        "folder",
        "fsdd",
        "kathleen",
        "kokoro_words",
        "librispeech",
        "librispeech_speakers",
        "mandarin_digits",
        "read_aloud",
        "running_speech",
        "sentences",
        "speech_commands",
        "spoken_digits",
    }
    expected |= {"speechocean762", "spoken_words", "synthetic", "synthetic_commands", "synthetic_digits"}
    expected |= {"synthetic_mandarin", "synthetic_words", "text"}
    assert set(datasets.names()) == expected and datasets.names() == sorted(datasets.names())
    assert all(datasets.describe(name).about for name in expected)


def test_unknown_names():
    for name, split, options in (
        ("an5", "test", {}),
        ("an4", "tests", {}),
        ("connected_digits", "train", {"counts": 3}),
    ):
        with refused("", UnknownNameError):
            datasets.load(name, split, **options)


@pytest.mark.parametrize(
    "name, option, wrong",
    [
        ("an4", "count", [3]),
        ("connected_digits", "count", [0, 10**9, "many", "1.5", "", True]),
        ("connected_digits", "seed", [-1]),
        ("sentences", "count", [-1, 10**9]),
        ("speech_commands", "task", ["all"]),
        ("speechocean762", "digits_only", ["perhaps"]),
        ("synthetic", "count", [0]),
        ("synthetic", "digits_share", [-0.1, 0.9, "nan", "inf"]),
        ("synthetic_digits", "accents", [0, 21]),
        ("synthetic_digits", "longest", [8]),
    ],
)
def test_options_of_the_wrong_type_or_out_of_range(name, option, wrong):
    for value in wrong:
        with refused(option):
            datasets.load(name, "train", **{option: value})


def test_source_must_be_a_path():
    with refused("source", DataError):
        datasets.load("folder", "all", source=5)


def test_data_spec():
    spec = DataSpec.parse("synthetic:test=.5,count=20,seed=1", "train")
    assert (spec.name, spec.split, spec.weight, dict(spec.options)) == (
        "synthetic",
        "test",
        0.5,
        {"count": "20", "seed": "1"},
    )
    assert str(spec) == "synthetic:test=0.5,count=20,seed=1" and DataSpec.parse(str(spec), "train") == spec
    assert DataSpec.parse("an4", "validation") == DataSpec("an4", "validation")
    for wrong in ("", "an4=0", "an4=101", "an4=-1", "an4:", "an4,count", "an4,split=test", "an4,name=fsdd", "a=b=c"):
        with refused("data", DataError):
            DataSpec.parse(wrong, "train")


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
    with refused("", DataError):
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
    with refused("source", DataError):
        datasets.load("text", "all")
    with refused("source", MissingFileError):
        datasets.load("text", "all", tmp_path / "none.txt")
    with refused("source", DataError):
        datasets.load("text", "all", tmp_path)
    (tmp_path / "a.txt").write_text("1815 \u4f60\u597d")
    with refused("source", DataError):
        datasets.load("text", "all", tmp_path)
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with refused("", DataError):
        datasets.load("text", "all", tmp_path / "a.txt")


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


def test_what_is_left_out_of_a_folder_is_said(tmp_path):
    """As archives of all systems unpack: folders in folders, those of a Mac, noise, empty ones, and every suffix."""
    heard = ("yes/anna/1.wav", "yes/anna/2.M4A", "yes/ben.webm", "no/a.mp3", "no/deep/er/b.opus")
    others = (
        "__MACOSX/yes/._1.wav",
        "_background_noise_/hum.wav",
        "yes/notes.txt",
        "yes/.DS_Store",
        "yes/Thumbs.db",
        "loose.wav",
    )
    for name in heard + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(wav())
    (tmp_path / "empty").mkdir()
    with pytest.warns(AudioWarning) as said:
        found = datasets.load("folder", "all", tmp_path)
    assert sorted(u.id for u in found) == sorted(heard)
    assert {u.text for u in found} == {"yes", "no"} and found[0].audio(16000).shape == (3200,)  # whatever its suffix
    said = [str(warning.message) for warning in said]
    assert len(said) == 3 and not any("\n" in line or "MACOSX" in line or "Thumbs" in line for line in said)
    for name in ("notes.txt", "loose.wav", "empty", "_background_noise_"):
        assert sum(name in line for line in said) == 1


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
    "text, named",
    [
        ("", "path"),
        ("path,words\na.wav,one\n", "text"),
        ("path,text\nb.wav,one\n", "'b.wav' in line 2"),
        ('path,text\n\na.wav,"one\ntwo"\nb.wav,one\n', "'b.wav' in line 5"),
        ("path,text\n,one\n", "line 2"),
        ("path,text\na.wav,\n", "line 2"),
        ("path,text\na.wav\n", "line 2"),
        ("path,text\na.wav,route 66\n", "'6'"),
        ("path,text\na.wav,one\n./a.wav,two\n", "'./a.wav' in line 3"),
    ],
)
def test_a_csv_with_a_fault_is_told_where(text, named, tmp_path):
    (tmp_path / "a.wav").write_bytes(wav())
    with refused("") as caught:
        datasets.load("folder", "all", table(tmp_path / "list.csv", text))
    assert named in str(caught.value) and "list.csv" in str(caught.value)


def test_folders_that_are_none(tmp_path):
    with refused("source", DataError):
        datasets.load("folder", "all")
    with refused("source", MissingFileError):
        datasets.load("folder", "all", tmp_path / "nowhere")
    with refused("source", DataError):
        datasets.load("folder", "all", tmp_path)
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00binary")
    with refused("source", DataError):
        datasets.load("folder", "all", tmp_path / "list.csv")
    with refused("source", DataError):  # no rows
        datasets.load("folder", "all", table(tmp_path / "list.csv", "path,text\n"))
    for name in ("Yes", "yes_"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_bytes(wav())
    with refused("", DataError):  # two folders of one label
        datasets.load("folder", "all", tmp_path)
    (tmp_path / "yes_").rename(tmp_path / "7")
    with refused("", DataError):
        datasets.load("folder", "all", tmp_path)


def test_a_recording_that_is_none_is_told_when_read(tmp_path):
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes" / "a.wav").write_text("no sound")
    (found,) = datasets.load("folder", "all", tmp_path)
    with pytest.raises(AudioError):
        found.audio(16000)


# --- noise


def test_noise_that_cannot_be_decoded_is_left_out(tmp_path, monkeypatch):
    rows = [{"id": f"1-{i}-A", "class": "rain", "fold": "1"} for i in range(5)]
    for module in (noise, manifests):
        monkeypatch.setattr(module, "manifest", lambda name: rows)
    (tmp_path / "rain").mkdir()
    (tmp_path / "dog_bark").mkdir()
    for i in range(5):
        (tmp_path / "rain" / f"1-{i}-A.wav").write_bytes(wav() if i < 3 else b"RIFF, or not")
    assert len(noise.load_noise("train", tmp_path)) == 3
    (tmp_path / "rain" / "1-0-A.wav").write_bytes(b"")
    with refused("", DataError):
        noise.load_noise("train", tmp_path)
    with refused("", UnknownNameError):
        noise.load_noise("trains", tmp_path)


# --- the bundled clips


def test_samples(samples):
    with open(samples[0].parent / "samples.csv", newline="") as file:
        listed = {row["path"]: row["text"] for row in csv.DictReader(file)}
    alone = {"seven.wav", "chocolate.wav"}  # one word, for classifiers, and one sentence
    assert {*listed} | alone == {path.name for path in samples} and len(listed) >= 5
    assert sum(path.stat().st_size for path in samples) < 1e6
    rates = set()
    for path in samples:
        if path.name in alone:
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


@pytest.mark.slow
def test_real_an4(data_folder):
    folder = here(data_folder, "an4*")
    sizes = {part: datasets.load("an4", part, folder) for part in ("train", "validation", "train_all", "test")}
    assert [len(found) for found in sizes.values()] == [844, 104, 948, 130]
    seconds = sum(len(u.audio(16000)) for u in sizes["test"]) / 16000
    assert seconds / 60 == pytest.approx(6.0, abs=0.1)


@pytest.mark.slow
def test_real_fsdd(data_folder):
    folder = here(data_folder, "free-spoken-digit-dataset*", "fsdd*")
    assert len(datasets.load("fsdd", "train", folder)) == 2700
    assert len(datasets.load("fsdd", "test", folder)) == 300
    for speaker in fsdd.SPEAKERS:
        others = datasets.load("fsdd", f"loso-{speaker}-train", folder)
        left_out = datasets.load("fsdd", f"loso-{speaker}-test", folder)
        assert (len(others), len(left_out)) == (2500, 500)
        assert {u.speaker for u in left_out} == {speaker} and speaker not in {u.speaker for u in others}


@pytest.mark.slow
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
    train = datasets.load("connected_digits", "train", folder, count=30, seed=1)
    assert train == datasets.load("connected_digits", "train", folder, count="30", seed="1")
    assert train != datasets.load("connected_digits", "train", folder, count=30, seed=2)
    fold = datasets.load("connected_digits", "loso-theo-train", folder, count=30)
    assert {u.speaker for u in fold} == set(fsdd.SPEAKERS) - {"theo"}


@pytest.mark.slow
def test_real_speechocean762(data_folder):
    folder = here(data_folder, "speechocean762*")
    parts = {part: datasets.load("speechocean762", part, folder) for part in ("train", "validation", "train_all")}
    assert [len(found) for found in parts.values()] == [2260, 240, 2500]
    assert not {u.speaker for u in parts["train"]} & {u.speaker for u in parts["validation"]}
    digits = datasets.load("speechocean762", "train_all", folder, digits_only=True)
    assert len(digits) == 77 and len(digits[0].audio(16000)) > 8000


@pytest.mark.slow
def test_a_prompt_of_kathleen_is_in_one_split(data_folder):
    folder = here(data_folder, "kathleen*", "dataset-voice-kathleen*")
    parts = [datasets.load("kathleen", part, folder) for part in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [1269, 156, 195]
    prompts = [{clip.id.split("_")[1] for clip in part} for part in parts]
    assert sum(map(len, prompts)) == len(set.union(*prompts)) == 1132
    assert any(clip.text == "author of the danger trail philip steels etc" for clip in parts[1])
    assert 8000 < len(parts[2][0].audio(16000)) < 160_000


@pytest.mark.slow
def test_real_noise(data_folder):
    folder = here(data_folder, "esc10*", "ESC-10*")
    held_out = noise.load_noise_by_class("test", folder)
    assert len(held_out) == 10
    clips = noise.load_noise("test", folder)
    assert 60 <= len(clips) <= 80 and all(clip.dtype == np.float32 and len(clip) > RATE for clip in clips)


@pytest.mark.slow
def test_manifests_are_the_scripts(data_folder, tmp_path):
    """scripts/make_manifests.py makes the committed bytes again."""
    from zoo.datasets import an4, audio_cmn, kathleen, speechocean762

    for source in (x.SOURCE for x in (an4, audio_cmn, fsdd, kathleen, noise, speechocean762)):
        here(data_folder, *source.archives)
        archive = next(path for pattern in source.archives for path in data_folder.glob(pattern))
        (tmp_path / source.name).mkdir()
        extraction.extract(archive, tmp_path / source.name)
    made = tmp_path / "made"
    script = SCRIPTS / "make_manifests.py"
    subprocess.run(
        [sys.executable, script, tmp_path, made],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS.parent)},
    )
    assert len(list(made.iterdir())) == 7
    for path in made.iterdir():
        assert path.read_bytes() == manifests.manifest_path(path.stem).read_bytes(), path.name
