"""spoken_digits: the published cuts keep their promises, with and without the recordings."""

import numpy as np
import pytest
import soundfile
from conftest import refused

from scripts import make_manifests
from zoo import datasets
from zoo.datasets import fsdd, spoken_digits
from zoo.datasets.manifests import manifest
from zoo.decoding import Word
from zoo.errors import DataError, MissingFileError

SPLITS = ("train", "validation", "test")
RATE = make_manifests.RATE


def rows(split=None):
    return [row for row in manifest("spoken_digits") if split in (None, row["split"])]


@pytest.fixture(scope="module")
def folder(data_folder):
    for pattern in ("an4*", "speechocean762*"):
        if not list(data_folder.glob(pattern)):
            pytest.skip(f"{pattern} is not in {data_folder}")
    return data_folder


# --- the list


def test_splits_share_no_speaker_and_have_every_digit():
    speakers = [{(row["corpus"], row["speaker"]) for row in rows(split)} for split in SPLITS]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 156
    assert sum(len(rows(split)) for split in SPLITS) == len(rows()) > 2000
    for split in SPLITS:
        assert {row["text"] for row in rows(split)} == set(fsdd.DIGITS)


def test_cuts_name_words_of_the_corpora():
    known = {(corpus, row["id"]): row for corpus in spoken_digits.CORPORA for row in manifest(corpus)}
    for row in rows():
        utterance = known[row["corpus"], row["id"]]
        assert utterance["text"].split()[int(row["word"])] == row["text"]
        assert (utterance["split"], utterance["speaker"]) == (row["split"], row["speaker"])
    assert len({(row["corpus"], row["id"], row["word"]) for row in rows()}) == len(rows())


def test_cuts_are_as_long_as_words_and_overlap_little():
    before = {}
    for row in rows():
        start, end = float(row["start"]), float(row["end"])
        assert make_manifests.SHORTEST <= round(end - start, 2) <= make_manifests.LONGEST and start >= 0
        utterance = row["corpus"], row["id"]
        # the frame in which one word ends and the next begins may be in both
        assert start >= before.get(utterance, 0) - 0.015, row
        before[utterance] = end


# --- cutting


def test_cut_follows_the_sound_not_the_spikes():
    """Two bursts with a pause between them; the spikes begin late and end early, as those of CTC do."""
    rng = np.random.default_rng(0)
    samples = (1e-4 * rng.standard_normal(2 * RATE)).astype("float32")
    truth = [(0.4, 0.75), (0.95, 1.4)]
    for start, end in truth:
        samples[int(start * RATE) : int(end * RATE)] += 0.1 * rng.standard_normal(int(end * RATE) - int(start * RATE))
    words = [Word("one", 0.48, 0.6, 1.0), Word("two", 1.0, 1.15, 1.0)]
    for number, (start, end) in enumerate(truth):
        cut = make_manifests.cut_times(samples, words, number)
        assert cut == pytest.approx((start - make_manifests.MARGIN, end + make_manifests.MARGIN), abs=0.011)


def test_cut_stays_inside_the_utterance():
    samples = 0.1 * np.ones(RATE // 2, "float32")  # ends in the middle of a word that fills it
    assert make_manifests.cut_times(samples, [Word("six", 0.0, 0.49, 1.0)], 0) == (0.0, 0.5)
    silent = np.zeros(RATE // 2, "float32")
    start, end = make_manifests.cut_times(silent, [Word("six", 0.1, 0.3, 1.0)], 0)
    assert 0 <= start < end <= 0.5


@pytest.mark.parametrize("rate", [8000, 16000])
def test_cut_recording(tmp_path, rate):
    samples = np.linspace(0, 0.8, RATE) * np.sin(np.arange(RATE) * np.pi / 8)  # how loud it is tells the place
    soundfile.write(tmp_path / "ramp.wav", samples, RATE)
    cut = spoken_digits.CutRecording(str(tmp_path / "ramp.wav"), 0.25, 0.5)
    piece = cut.read(rate)
    assert piece.dtype == np.float32 and len(piece) == 0.25 * rate
    assert [np.abs(part).max() for part in (piece[:80], piece[-80:])] == pytest.approx([0.2, 0.4], abs=0.01)
    with refused("", DataError):
        spoken_digits.CutRecording(str(tmp_path / "ramp.wav"), 0.9, 1.5).read(rate)


def test_a_missing_corpus(tmp_path):
    for source, error in ((tmp_path / "nowhere", MissingFileError), (tmp_path, DataError)):
        with refused("source", error):
            datasets.load("spoken_digits", "test", source)


# --- real recordings, where they are


@pytest.mark.slow
def test_real_spoken_digits(folder):
    everything = {split: datasets.load("spoken_digits", split, folder) for split in SPLITS}
    for split, found in everything.items():
        assert len(found) == len(rows(split)) == len({utterance.id for utterance in found})
        assert datasets.load("spoken_digits", split) == found  # by ZOO_DATA
        for utterance in found:
            cut = utterance.recording
            assert cut.end <= soundfile.info(cut.path).duration, utterance.id
    assert everything["train"][0].speaker == "an4-fash" and everything["train"][0].id == "an4/an255-fash-b/5"
    for utterance in everything["test"] + everything["validation"][::5] + everything["train"][::20]:
        piece, cut = utterance.audio(16000), utterance.recording
        assert abs(len(piece) / 16000 - (cut.end - cut.start)) < 1e-3
        # frames of 10 ms: something in the piece is said, it is no recorder's hum
        loudest = np.sqrt(np.square(piece[: len(piece) // 160 * 160]).reshape(-1, 160).mean(axis=1).max())
        assert np.isfinite(piece).all() and loudest > 0.003, utterance.id


@pytest.mark.slow
def test_list_is_the_scripts(folder, monkeypatch):
    """scripts/make_manifests.py finds the words again, nearly all within 50 ms: the list was made with earlier weights.

    Of every eighth utterance, since each is listened to.
    """
    load, heard = datasets.load, set()

    def some(name, split):
        utterances = load(name, split)[::8]
        heard.update((name, utterance.id) for utterance in utterances)
        return utterances

    monkeypatch.setattr(make_manifests.datasets, "load", some)

    def cuts(found):
        return {(row["corpus"], row["id"], str(row["word"])): (float(row["start"]), float(row["end"])) for row in found}

    made = cuts(make_manifests.spoken_digits_rows())
    published = {key: times for key, times in cuts(rows()).items() if key[:2] in heard}
    assert len(published) > 50
    both = made.keys() & published.keys()
    assert len(both) > 0.95 * len(made.keys() | published.keys())
    apart = np.abs([np.subtract(made[key], published[key]) for key in both])  # seconds
    assert np.mean(apart.max(axis=1) <= 0.05) > 0.95 and np.median(apart) == 0
