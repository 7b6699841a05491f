"""Training: what is asked for, batches that follow from a seed, and a run that survives SIGKILL."""

import csv
import gc
import json
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import weakref
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

import zoo
from zoo import datasets, training
from zoo.augment import AugmentConfig
from zoo.decoding import beam_search
from zoo.errors import DataError, MissingFileError, UnknownNameError, WeightsError, ZooError
from zoo.losses import NEVER, ctc_loss, distillation, frames_needed, minimum_word_error
from zoo.metrics import word_errors
from zoo.model import compile_model, pad, save_weights, transfer
from zoo.text import CHARACTERS, LabelEncoder
from zoo.training import Corpus, DataSpec, EpochBatches, FrameBatches, Hypotheses, TrainConfig, commands, train

RATE = 16000
SMALL = {"units": 8, "layers": 1}


@pytest.fixture(autouse=True)
def no_recorded_noise(monkeypatch):
    """White noise alone: no test waits for an archive."""
    monkeypatch.setattr(training, "load_noise", lambda split: [])


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """A data set of one's own: three words, each a tone, four takes of different lengths."""
    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    for word, hertz in (("yes", 300), ("no", 800), ("oh", 1500)):
        (folder / word).mkdir()
        for take in range(4):
            time = np.arange(int(RATE * rng.uniform(0.4, 0.8))) / RATE
            tone = 0.3 * np.hanning(len(time)) * np.sin(2 * np.pi * hertz * rng.uniform(0.97, 1.03) * time)
            soundfile.write(folder / word / f"{take}.wav", tone + 0.003 * rng.standard_normal(len(time)), RATE)
    return folder


# --- what is asked for


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("an4", DataSpec("an4", "train")),
        ("an4:validation", DataSpec("an4", "validation")),
        ("an4=2", DataSpec("an4", "train", 2.0)),
        ("fsdd:loso-theo-train=0.25", DataSpec("fsdd", "loso-theo-train", 0.25)),
        ("synthetic=0.5,count=6000,seed=1", DataSpec("synthetic", "train", 0.5, (("count", "6000"), ("seed", "1")))),
        ("folder:all,source=words/a b.csv", DataSpec("folder", "all", 1.0, (("source", "words/a b.csv"),))),
    ],
)
def test_data_specs(text, expected):
    spec = DataSpec.parse(text, "train")
    assert spec == expected
    assert DataSpec.parse(str(spec), "other") == spec  # its name says all


@pytest.mark.parametrize(
    "text", ["", ":", "an4:", "an4=", "an4=0", "an4=-1", "an4=101", "an4=x", "an4,count", "an4,count=", "an4:a b", "=2"]
)
def test_data_specs_that_say_nothing(text):
    with pytest.raises(DataError, match="NAME"):
        DataSpec.parse(text, "train")


def test_the_split_has_its_place():
    with pytest.raises(DataError, match="after a colon, as in an4:test"):
        DataSpec.parse("an4,split=test", "train")


@pytest.mark.parametrize("text", ["an4=.", "an4=1.2.3"])
def test_weights_that_are_no_numbers(text):
    with pytest.raises(ValueError) as caught:
        DataSpec.parse(text, "train")
    assert isinstance(caught.value, DataError)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"data": []}, DataError, "needs at least one data set"),
        ({"data": ["an5"]}, UnknownNameError, "did you mean an4"),
        ({"data": ["an4:tset"]}, UnknownNameError, "did you mean test"),
        ({"name": "lstn_ctc"}, UnknownNameError, "did you mean lstm_"),
        ({"model_config": {"unit": 3}}, UnknownNameError, "did you mean units"),
        ({"init": "none.weights.h5"}, MissingFileError, "there is no file"),
        ({"n_best": 3, "ctc_share": 0.1}, ZooError, "received ctc_share, n_best for lstm_ctc with ctc"),
        ({"name": "conv2d", "silence_share": 0.1, "model_config": {}}, ZooError, "received silence_share for conv2d"),
        (
            {"learning_rate": float("nan")},
            ZooError,
            "learning_rate of a run is a number from 1e-12 to 1,000; received nan",
        ),
    ],
)
def test_what_cannot_be_trained_is_a_sentence(arguments, error, match, words, tmp_path):
    asked = {"name": "lstm_ctc", "data": [f"folder:all,source={words}"], "model_config": SMALL} | arguments
    with pytest.raises(error, match=match):
        train(**asked, out=tmp_path / "run", say=lambda line: None)
    assert not (tmp_path / "run").exists()  # so the corrected command may use the same folder


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 0}, "epochs of a run is a whole number from 1"), ({"epochs": "a"}, "received 'a'"),
        ({"epochs": 10**30}, "to 1,000,000"), ({"batch_size": 0}, "batch_size"), ({"batch_size": 10**12}, "batch_size"),
        ({"seed": -1}, "seed"), ({"seed": 2**32}, "seed"), ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": 0}, "learning_rate"), ({"warmup": 2}, "warmup"), ({"minutes": float("inf")}, "minutes"),
        ({"weight_decay": -1}, "weight_decay"), ({"silence_share": 1.5}, "silence_share"), ({"epochs": True}, "received True"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(settings, said):
    with pytest.raises(ZooError, match=said):
        TrainConfig(**settings)


def test_an_unknown_setting_suggests_the_nearest(words, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean epochs"):
        train("lstm_ctc", [f"folder:all,source={words}"], tmp_path / "run", epoch=3)


def test_training_writes_over_nothing_of_somebody_elses(words, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.keras").write_text("precious")
    (tmp_path / "mine" / "run.log").write_text("what the shell put there")
    asked = {"data": [f"folder:all,source={words}"], "out": tmp_path / "mine", "say": lambda line: None}
    with pytest.raises(ZooError, match="holds model.keras"):
        train("lstm_ctc", **asked, model_config=SMALL, augmentation=None, epochs=1)
    assert (tmp_path / "mine" / "model.keras").read_text() == "precious" and len(
        list((tmp_path / "mine").iterdir())
    ) == 2
    (tmp_path / "mine" / "model.keras").rename(tmp_path / "mine" / "model.arpa.gz")
    with pytest.raises(ZooError, match="holds model.arpa.gz"):
        training.train_language_model("ngram_lm", **asked)


def test_a_run_that_fails_at_once_leaves_its_place_free(words, tmp_path):
    asked = {"model_config": SMALL, "augmentation": None, "epochs": 1, "batch_size": 4, "say": lambda line: None}
    with pytest.raises(ZooError, match="lower the learning rate|a lower learning rate"):
        train(
            "lstm_ctc", [f"folder:all,source={words}"], tmp_path / "run", learning_rate=900.0, weight_decay=500, **asked
        )
    assert not (tmp_path / "run").exists()
    with pytest.raises(KeyboardInterrupt):
        train("lstm_ctc", [f"folder:all,source={words}"], tmp_path / "run", **asked | {"say": _stop})
    assert not (tmp_path / "run").exists()  # the first line comes before there is anything to go on with


def test_a_disk_that_is_full_in_the_first_epoch_leaves_the_place_free(words, tmp_path, monkeypatch):
    def savez(*arguments, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training.np, "savez", savez)
    asked = {"model_config": SMALL, "augmentation": None, "epochs": 1, "batch_size": 4, "say": lambda line: None}
    with pytest.raises(OSError, match="No space"):
        train("lstm_ctc", [f"folder:all,source={words}"], tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def _stop(line):
    raise KeyboardInterrupt


@pytest.mark.parametrize("text", ["", "[]", '{"a":', "{}"])
def test_damaged_settings_of_a_run_are_a_sentence(text, words, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(text)
    with pytest.raises(ZooError, match="A run's settings must be|A run is resumed with the settings"):
        train("lstm_ctc", [f"folder:all,source={words}"], tmp_path / "run", model_config=SMALL, resume=True)


def test_best_weights_that_are_lost_are_a_sentence(finished, words, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "best.weights.h5").unlink()
    spec = f"folder:all,source={words}"
    with pytest.raises(DataError, match="keeps its best weights in .* lost or damaged"):
        train("lstm_ctc", [spec], tmp_path / "run", validation=[spec], model_config=SMALL, augmentation=None, epochs=3, batch_size=4, resume=True, say=lambda line: None)  # fmt: skip


def test_a_run_without_its_noises_is_another_one(words, tmp_path, monkeypatch):
    asked = {"data": [f"folder:all,source={words}"], "model_config": SMALL, "epochs": 1, "batch_size": 4}
    monkeypatch.setattr("zoo.training.load_noise", lambda split: [np.zeros(RATE, "float32")])
    train("lstm_ctc", **asked, out=tmp_path / "run", say=lambda line: None)
    monkeypatch.setattr("zoo.training.load_noise", lambda split: [])
    with pytest.raises(ZooError, match="run has noises 1, not 0"):
        train("lstm_ctc", **asked, out=tmp_path / "run", resume=True, say=lambda line: None)


def test_transcripts_longer_than_their_audio_are_refused(tmp_path):
    (tmp_path / "supercalifragilistic").mkdir()
    for take in range(3):
        soundfile.write(tmp_path / "supercalifragilistic" / f"{take}.wav", np.full(1600, 0.1), RATE)
    with pytest.raises(DataError, match="3 of 3 utterances are too short for their transcripts"):
        train(
            "lstm_ctc", [f"folder:all,source={tmp_path}"], tmp_path / "run", model_config=SMALL, say=lambda line: None
        )


# --- batches


def corpus_of(n=20, seed=0) -> Corpus:
    rng = np.random.default_rng(seed)

    class Clip:
        def __init__(self, i):
            self.id, self.recording = str(i), None
            self.text, self.samples = "abc"[: 1 + i % 3], rng.uniform(-0.5, 0.5, 3000 + 800 * i).astype("float32")

        def audio(self, rate):
            return self.samples

    return Corpus([Clip(i) for i in range(n)], CHARACTERS, RATE)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras infers widths under TensorFlow only")
def test_the_first_two_batches_differ_in_width():
    """Else Keras takes their width for that of all batches, and stops at the first other one."""
    corpus = corpus_of(8)
    same = corpus.audio(0)
    corpus.audio = lambda i: same
    corpus.lengths = [corpus.lengths[0]] * 8
    widths = [inputs["waveform"].shape[1] for inputs, _ in (epoch_of([(corpus, 1)])[i] for i in range(2))]
    assert widths[0] == widths[1] + 1


def test_what_does_not_fit_into_memory_is_read_when_it_is_needed(words, monkeypatch):
    utterances = datasets.load("folder", "all", source=words)
    in_memory = Corpus(utterances, CHARACTERS, RATE)
    monkeypatch.setattr(training, "IN_MEMORY", 2.5 * in_memory.lengths[0] / RATE)
    partly = Corpus(utterances, CHARACTERS, RATE)
    assert sum(isinstance(sound, np.ndarray) for sound in partly._sounds) == 3
    assert partly.lengths == in_memory.lengths and partly.ids == in_memory.ids
    for i in range(len(partly)):
        np.testing.assert_allclose(partly.audio(i), in_memory.audio(i), atol=1 / 32767)
    a, b = epoch_of([(in_memory, 1)])[1], epoch_of([(partly, 1)])[1]
    np.testing.assert_allclose(a[0]["waveform"], b[0]["waveform"], atol=1 / 32767)


def epoch_of(corpora, epoch=0, augmentation=None, task="transcription", **options):
    config = TrainConfig(**({"batch_size": 4} | options))
    return EpochBatches(corpora, epoch, config, RATE, lambda n: -(-(1 + n // 160) // 3), (), augmentation, task)


def test_an_epoch_shows_every_utterance_once():
    corpus = corpus_of(20)
    epoch = epoch_of([(corpus, 1.0)])
    assert len(epoch) == 5
    shown = sorted(i for batch in epoch.batches for _, i in batch)
    assert shown == list(range(20))
    for inputs, labels in (epoch[i] for i in range(len(epoch))):
        assert inputs["waveform"].shape[0] == inputs["lengths"].shape[0] == labels.shape[0] == 4
        assert inputs["waveform"].dtype == "float32" and inputs["lengths"].dtype == labels.dtype == "int32"
        for row, n, ids in zip(inputs["waveform"], inputs["lengths"], labels, strict=True):
            assert not row[n:].any() and row[n - 1]
            (known,) = [k for k in range(20) if corpus.lengths[k] == n]
            assert list(ids[ids > 0]) == corpus.ids[known]
            np.testing.assert_allclose(row[:n], corpus.audio(known), atol=1e-6)


def test_an_autoencoder_needs_no_answers():
    ((inputs,),) = [epoch_of([(corpus_of(4), 1.0)], task="reconstruction")[0]]
    assert set(inputs) == {"waveform", "lengths"}


def test_what_is_denoised_has_its_clean_recording_beside_it():
    loud = replace(training.NOISES, noise_chance=1.0, snr_db=(0.0, 0.0), telephone_chance=0.0)
    inputs, clean = epoch_of([(corpus_of(4), 1.0)], augmentation=loud, task="denoising", silence_share=0.0)[0]
    assert clean.shape == inputs["waveform"].shape and clean.dtype == "float32"
    for noisy, quiet, n in zip(inputs["waveform"], clean, inputs["lengths"], strict=True):
        assert not quiet[n:].any()
        noise = (noisy - quiet)[:n]
        assert np.mean(noise**2) == pytest.approx(np.mean(quiet[:n] ** 2), rel=0.05)  # 0 dB
        assert abs(np.corrcoef(noise, quiet[:n])[0, 1]) < 0.1
    inputs, clean = epoch_of([(corpus_of(4), 1.0)], task="denoising")[0]  # without augmentation there is no noise
    np.testing.assert_array_equal(inputs["waveform"], clean)


@pytest.mark.parametrize("name", ["conv_autoencoder", "denoising_autoencoder", "vae"])
def test_autoencoders_learn_from_any_recordings(name, words, tmp_path):
    model = train(
        name, [f"folder,source={words}"], tmp_path / "run", validation=[f"folder:all,source={words}"], epochs=2,
        batch_size=4, say=lambda line: None, model_config={"filters": 4, "units": 8} if name == "vae" else {},
    )  # fmt: skip
    history = (tmp_path / "run" / "curves.csv").read_text().splitlines()
    assert "dB folder:all" in history[0] and len(history) == 3
    found = model.reconstruct(0.1 * np.sin(np.arange(4000.0)), 8000)
    assert np.isfinite(found.reconstruction).all() and (tmp_path / "run" / "curves.png").stat().st_size > 3000


def test_single_frames_of_all_recordings_are_mixed():
    corpora = [
        (np.full((100, 3), 1, "int16") * np.arange(100, dtype="int16")[:, None], 2.0),
        (np.full((40, 3), -1, "int16"), 0.5),
    ]
    one, same, other = (FrameBatches(corpora, epoch, TrainConfig(frames=16)) for epoch in (1, 1, 2))
    assert len(one) == pytest.approx(14, abs=1) and all(
        batch["log_mel"].shape == (16, 1, 3) for (batch,) in (one[i] for i in range(len(one)))
    )
    shown, again, later = (
        np.concatenate([e[i][0]["log_mel"] for i in range(len(e))])[:, 0, 0] for e in (one, same, other)
    )
    assert shown.dtype == np.int16 and np.array_equal(shown, again) and not np.array_equal(shown[:200], later[:200])
    assert np.sum(shown == -1) == pytest.approx(20, abs=10)
    assert set(np.unique(shown[shown >= 0], return_counts=True)[1]) <= {1, 2, 3}  # twice, but for the remainder
    assert np.abs(np.diff(shown[:100])).mean() > 10  # neighbours are strangers
    with pytest.raises(DataError, match="at least one frame"):
        FrameBatches([(corpora[1][0], 0.0)], 0, TrainConfig(frames=16))


def test_an_autoencoder_learns_from_single_frames(words, tmp_path):
    spec, said = f"folder:all,source={words}", []
    asked = {"validation": [spec], "frames": 32, "learning_rate": 3e-3, "say": said.append}
    model = train("autoencoder", [spec], tmp_path / "run", epochs=4, **asked)
    rows = list(csv.DictReader((tmp_path / "run" / "curves.csv").open()))
    assert len(rows) == 4 and float(rows[-1]["dB"]) < 0.8 * float(rows[0]["dB"])
    assert "--frames 32" in commands(tmp_path / "run")[0] and "--no-augment" in commands(tmp_path / "run")[0]
    assert model.behind_frames is None

    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")  # which keeps three digits of an input
    try:
        train("autoencoder", [spec], tmp_path / "half", epochs=1, **asked)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    half = list(csv.DictReader((tmp_path / "half" / "curves.csv").open()))
    assert float(half[0]["dB"]) == pytest.approx(float(rows[0]["dB"]), rel=0.3)

    # What it learns by is what the whole network gives.
    corpus = Corpus(datasets.load("folder", "all", source=str(words)), None, RATE)
    [(frames, weight)] = training._frames_of(model, [(corpus, 0.5)], TrainConfig().widths)
    assert weight == 0.5 and len(frames) == sum(1 + length // 160 for length in corpus.lengths)
    found = model({"log_mel": frames[:, None]})
    whole = model.reconstruct(corpus.audio(11), RATE).reconstruction  # clips are as long as each other, and in order
    last = np.asarray(found["reconstruction"])[-len(whole) :, 0]
    assert np.abs(last - whole).max() < 0.1

    for name, options, match in (
        ("conv_autoencoder", {}, "knows no neighbours of a frame, such as autoencoder; conv_autoencoder knows them"),
        ("lstm_ctc", {}, "lstm_ctc knows them"),
        ("autoencoder", {"augmentation": AugmentConfig(noise_chance=0.5)}, "received frames=32 and an augmentation"),
        ("autoencoder", {"frames": -1}, "received frames=-1"),
        ("autoencoder", {"frames": 1.5}, "received frames=1.5"),
    ):
        with pytest.raises(ZooError, match=match):
            train(name, [spec], tmp_path / "x", **(asked | options))
        assert not (tmp_path / "x").exists()


def test_weights_show_sets_more_or_less_often():
    often, seldom = corpus_of(100, 1), corpus_of(100, 2)
    batches = epoch_of([(often, 2.5), (seldom, 0.3)]).batches
    shown = [corpus for batch in batches for corpus, _ in batch]
    assert sum(corpus is often for corpus in shown) == pytest.approx(250, abs=20)
    assert sum(corpus is seldom for corpus in shown) == pytest.approx(30, abs=15)


def test_batches_follow_from_seed_epoch_and_number_alone():
    corpora = [(corpus_of(), 1.0)]
    one, same = (epoch_of(corpora, 3, AugmentConfig()) for _ in range(2))
    for i in reversed(range(len(one))):  # the order in which workers ask does not matter
        for a, b in zip((*one[i][0].values(), one[i][1]), (*same[i][0].values(), same[i][1]), strict=True):
            np.testing.assert_array_equal(a, b)
    for other in (epoch_of(corpora, 4, AugmentConfig()), epoch_of(corpora, 3, AugmentConfig(), seed=1)):
        assert any(one[i][0]["waveform"].tobytes() != other[i][0]["waveform"].tobytes() for i in range(len(one)))


def test_augmented_batches_stay_feasible():
    corpora = [(corpus_of(), 1.0)]
    for number in range(5):
        epoch = epoch_of(corpora, number, AugmentConfig(speed=(1.1, 1.18), speed_chance=1.0), silence_share=0.3)
        for inputs, labels in (epoch[i] for i in range(len(epoch))):
            assert np.abs(inputs["waveform"]).max() <= 1.00001 and np.isfinite(inputs["waveform"]).all()
            for n, ids in zip(inputs["lengths"], labels, strict=True):
                assert epoch.n_frames(n) >= frames_needed(ids[ids > 0])
                assert n <= inputs["waveform"].shape[1]


# --- runs


@pytest.fixture(scope="module")
def finished(words, tmp_path_factory) -> Path:
    """A run of three epochs."""
    out = tmp_path_factory.mktemp("runs") / "small"
    spec = f"folder:all,source={words}"
    train("lstm_ctc", [spec], out, validation=[spec], model_config=SMALL, augmentation=None, epochs=3, batch_size=4, say=lambda line: None)  # fmt: skip
    return out


def test_a_run_leaves_what_it_promises(finished):
    assert {path.name for path in finished.iterdir()} == {"run.json", "state.npz", "best.weights.h5", "curves.csv", "curves.png"}  # fmt: skip
    with open(finished / "curves.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] and {"loss", "wer", "seconds"} < set(rows[0])
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert (finished / "curves.png").read_bytes().startswith(b"\x89PNG")
    model = zoo.load("lstm_ctc", weights=finished / "best.weights.h5", **SMALL)
    assert model.count_params() > 0


def test_a_run_names_the_command_that_repeats_it(finished, words):
    (command,) = commands(finished)
    spec = f"folder:all,source={words}"
    assert command.startswith(f"zoo train lstm_ctc --data {spec} --validation {spec} --epochs 3 --batch-size 4")
    assert command.endswith("--out runs/small")


def test_the_clock_plans_the_rise_and_the_cosine_of_the_epochs():
    config = TrainConfig(minutes=10, epochs=10, learning_rate=1e-3, warmup=0.1)
    schedule, clock = training._optimizer(replace(config, minutes=0), 100)._learning_rate, training.Clock(config)
    for gone in (0.0, 0.05, 0.1, 0.3, 0.77, 1.0):
        assert clock.rate(gone) == pytest.approx(float(schedule(int(gone * 1000))), rel=1e-3)
    assert clock.rate(1.2) == clock.rate(1.0)
    for warmup in (0.0, 1.0):
        edge = training.Clock(replace(config, warmup=warmup))
        assert all(0 < edge.rate(gone) <= 1e-3 for gone in np.linspace(0, 1.5, 31))


class Seconds:
    """A clock that goes on by so many seconds whenever it is looked at."""

    def __init__(self, step: float):
        self.step, self.now = step, 0.0

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


def test_a_run_by_the_clock_ends_in_mid_epoch_at_the_lowest_rate(words, tmp_path, monkeypatch):
    """Six minutes of a clock that goes seven seconds at each look; an epoch alone would have a hundred batches."""
    spec, rates = f"folder:all=17,source={words}", []
    monkeypatch.setattr(training, "time", Seconds(7.0))
    monkeypatch.setattr(training.Clock, "AT_FIRST", 3)
    begin = training.Clock.on_train_batch_begin

    def noted(self, batch, logs=None):
        begin(self, batch, logs)
        rates.append(float(self.model.optimizer.learning_rate))

    monkeypatch.setattr(training.Clock, "on_train_batch_begin", noted)
    asked = {
        "model_config": SMALL,
        "augmentation": None,
        "minutes": 6,
        "widths": (1.3, 2),
        "batch_size": 2,
        "warmup": 0.1,
    }
    train("lstm_ctc", [spec], tmp_path / "clock", **asked, say=lambda line: None)
    with open(tmp_path / "clock" / "curves.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert 360 <= float(row["seconds"]) < 360 + 5 * 7
    assert 20 < len(rates) < 40
    top = int(np.argmax(rates))
    assert 1 <= top <= 5 and rates[0] < 0.5 * rates[top] and rates[top] > 0.9e-3
    assert (np.diff(rates[top:]) < 0).all() and rates[-1] == pytest.approx(1e-5, rel=0.2)
    (command,) = commands(tmp_path / "clock")
    assert "--minutes 6 --batch-size 2 --warmup 0.1 --widths 1.3,2 " in command and "--epochs" not in command
    before = (tmp_path / "clock" / "state.npz").read_bytes()
    train("lstm_ctc", [spec], tmp_path / "clock", resume=True, **asked, say=lambda line: None)
    assert (tmp_path / "clock" / "state.npz").read_bytes() == before


def test_the_last_epoch_leaves_time_to_validate_it_and_a_resumed_run_has_the_rest(words, tmp_path, monkeypatch):
    spec = f"folder:all,source={words}"
    asked = {"model_config": SMALL, "augmentation": None, "minutes": 8, "batch_size": 4, "say": lambda line: None}
    clock, rows = Seconds(1.0), []
    monkeypatch.setattr(training, "time", clock)

    def slow(*args, **kwargs):
        clock.now += 100.0
        rows.append(clock.now)
        if len(rows) == 2:
            raise KeyboardInterrupt
        return 50.0

    monkeypatch.setattr(training, "validate", slow)
    with pytest.raises(KeyboardInterrupt):
        train("lstm_ctc", [spec], tmp_path / "run", validation=[spec], **asked)
    clock.now += 5000.0  # the machine was off
    train("lstm_ctc", [spec], tmp_path / "run", validation=[spec], resume=True, **asked)
    with open(tmp_path / "run" / "curves.csv", newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert 2 < len(seconds) < 5 and 480 - 110 < sum(seconds) < 480 + 20


def test_a_run_has_epochs_or_minutes(tmp_path):
    with pytest.raises(ZooError, match="not both"):
        train("lstm_ctc", ["an4"], tmp_path / "run", epochs=3, minutes=1)
    assert not (tmp_path / "run").exists()


def test_what_is_over_makes_no_more_batches(words):
    corpus = Corpus(datasets.load("folder", "all", source=words), CHARACTERS, 8000)
    batches = EpochBatches([(corpus, 1.0)], 0, TrainConfig(batch_size=2), 8000, lambda samples: samples // 80)
    assert batches[0] is not None
    count = len(batches)
    batches.end()
    assert batches[0] is None and len(batches) == count


def test_what_is_over_is_let_go_of(words):
    """TensorFlow keeps every set of batches that a model was fitted on; a study of a hundred trainings ran out of memory."""
    corpus, model = Corpus(datasets.load("folder", "all", source=words), CHARACTERS, 16000), zoo.load("lstm_ctc", weights=None, **SMALL)  # fmt: skip
    batches = EpochBatches([(corpus, 1.0)], 0, TrainConfig(batch_size=6), 16000, lambda samples: samples // 80)
    compile_model(model)
    model.fit(batches, verbose=0, shuffle=False)
    batches.end()
    frames = np.zeros((40, 80), "int16")
    single = FrameBatches([(frames, 1.0)], 0, TrainConfig(frames=8))
    assert single[0][0]["log_mel"].shape == (8, 1, 80)
    single.end()
    assert single[0] is None and len(single) == 5
    gone = weakref.ref(corpus)
    del corpus
    gc.collect()
    assert gone() is None and sys.getrefcount(frames) == 2


def test_batches_and_validation_have_the_widths_that_were_asked_for(words, monkeypatch):
    model = zoo.load("lstm_ctc", weights=None, **SMALL)
    corpus = Corpus(datasets.load("folder", "all", source=words), model.labels, 16000)
    config = TrainConfig(batch_size=2, widths=(1.5, 4))
    epoch, longest = EpochBatches([(corpus, 1.0)], 0, config, 16000, lambda samples: samples // 80), max(corpus.lengths)
    expected = {24000} if longest <= 24000 else {24000, 64000}
    assert {epoch[i][0]["waveform"].shape[1] for i in range(1, len(epoch))} <= expected
    seen, predict = [], model.predict_on_batch
    monkeypatch.setattr(model, "predict_on_batch", lambda x: seen.append(x["waveform"].shape[1]) or predict(x))
    training.validate(model, corpus, widths=config.widths)
    assert seen and set(seen) <= expected


@pytest.mark.parametrize("widths", [(), (2, 1), (1, 1), (0, 1), (float("nan"),), "3 s", 3])
def test_widths_that_are_none(widths):
    with pytest.raises(ZooError, match="Widths are seconds"):
        training.TrainConfig(widths=widths)


def test_a_folder_that_holds_a_run_is_not_taken(finished, words):
    spec = f"folder:all,source={words}"
    asked = {"validation": [spec], "model_config": SMALL, "augmentation": None, "epochs": 3, "batch_size": 4}
    before = (finished / "state.npz").read_bytes()
    with pytest.raises(ZooError, match="already holds a run"):
        train("lstm_ctc", [spec], finished, **asked)
    for change, part in (
        ({"epochs": 4}, "has epochs 3, not 4 .*--init"), ({"seed": 1}, "has seed 0, not 1"),
        ({"model_config": {"units": 8}}, "has layers 1, not None"), ({"validation": []}, "has validation"),
        ({"augmentation": AugmentConfig()}, "has another augmentation"), ({"init": "a"}, "has init None, not a"),
    ):  # fmt: skip
        with pytest.raises(ZooError, match=f"the settings it began with; .*{part}"):
            train("lstm_ctc", [spec], finished, resume=True, **(asked | change))
    assert (finished / "state.npz").read_bytes() == before


def test_a_finished_run_is_resumed_to_what_it_was(finished, words):
    spec = f"folder:all,source={words}"
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    said = []
    train("lstm_ctc", [spec], finished, validation=[spec], model_config=SMALL, augmentation=None, epochs=3, batch_size=4, resume=True, say=said.append)  # fmt: skip
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before
    assert not any(line.startswith("epoch") for line in said)


def test_a_run_chooses_its_optimizer_and_is_resumed_with_it(words, tmp_path):
    asked = {"frames": 16, "epochs": 3, "learning_rate": 3e-3, "optimizer": "soap", "say": lambda line: None}
    spec, said = f"folder:all,source={words}", []

    def stop(line):
        said.append(line)
        if line.startswith("epoch 2"):
            raise KeyboardInterrupt

    whole = train("autoencoder", [spec], tmp_path / "whole", **asked)
    with pytest.raises(KeyboardInterrupt):
        train("autoencoder", [spec], tmp_path / "stopped", **{**asked, "say": stop})
    resumed = train("autoencoder", [spec], tmp_path / "stopped", resume=True, **asked)
    for a, b in zip(whole.network.get_weights(), resumed.network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    other = train("autoencoder", [spec], tmp_path / "other", **{**asked, "optimizer": "adamw"})
    assert any((a != b).any() for a, b in zip(whole.network.get_weights(), other.network.get_weights(), strict=True))
    assert "--optimizer soap" in commands(tmp_path / "whole")[0] and "optimizer" not in commands(tmp_path / "other")[0]
    with pytest.raises(ZooError, match="has optimizer soap, not adamw"):
        train("autoencoder", [spec], tmp_path / "whole", resume=True, **{**asked, "optimizer": "adamw"})


def test_a_checkpoint_that_is_cut_short_is_a_sentence(words, tmp_path):
    asked = {"model_config": SMALL, "augmentation": None, "epochs": 2, "batch_size": 4, "say": lambda line: None}
    spec = f"folder:all,source={words}"
    train("lstm_ctc", [spec], tmp_path, **asked)
    whole = (tmp_path / "state.npz").read_bytes()
    (tmp_path / "state.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ZooError, match="checkpoint must be whole"):
        train("lstm_ctc", [spec], tmp_path, resume=True, **asked)


def test_a_loss_that_is_not_finite_ends_the_run(words, tmp_path, monkeypatch):
    monkeypatch.setattr(
        training.SpeechModel, "fit", lambda self, *args, **kw: type("H", (), {"history": {"loss": [np.nan]}})
    )
    with pytest.raises(ZooError, match="loss must stay finite"):
        train("lstm_ctc", [f"folder:all,source={words}"], tmp_path, model_config=SMALL, augmentation=None, say=lambda line: None)  # fmt: skip
    assert not (tmp_path / "state.npz").exists()


@pytest.mark.slow
def test_learns_by_heart(words, tmp_path):
    spec = f"folder:all,source={words}"
    model = train("lstm_ctc", [f"folder:all=8,source={words}"], tmp_path, validation=[spec], model_config={"units": 32, "layers": 1}, augmentation=None, epochs=12, batch_size=4, learning_rate=1e-2, say=lambda line: None)  # fmt: skip
    wrong = [path for path in words.rglob("*.wav") if model.transcribe(path).text != path.parent.name]
    assert not wrong


RUN = """
    import json, sys
    from zoo import datasets, training
    training.load_noise = lambda split: []
    spec, out = sys.argv[1:]
    training.train("lstm_ctc", [spec], out, validation=[spec], model_config={"units": 8, "layers": 1}, epochs=5,
                   batch_size=4, learning_rate=3e-3, resume=True, say=lambda line: print(line, flush=True))
"""


def arrays(path: Path) -> dict:
    with np.load(path, allow_pickle=False) as state:
        found = dict(state)
    history = json.loads(str(found.pop("history")))
    return found | {"history": [{k: v for k, v in row.items() if k != "seconds"} for row in history]}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_killed_and_resumed_ends_with_the_same_weights(words, tmp_path, monkeypatch):
    """Killed twice, once right after an epoch and once within one; augmentation, dropout and all."""
    monkeypatch.setattr(training, "load_noise", lambda split: [])

    def run(out):
        with monkeypatch.context() as context:
            context.setattr(sys, "argv", ["-c", f"folder:all,source={words}", str(out)])
            exec(textwrap.dedent(RUN), {})

    def run_until(out, line_start: str) -> int:
        command = [sys.executable, "-c", textwrap.dedent(RUN), f"folder:all,source={words}", str(out)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            for line in running.stdout:
                if line.startswith(line_start):
                    running.send_signal(signal.SIGKILL)
            return running.wait(timeout=120)
        finally:
            running.kill()

    run(tmp_path / "whole")
    assert run_until(tmp_path / "killed", "epoch 2") == -signal.SIGKILL
    assert 2 <= len(arrays(tmp_path / "killed" / "state.npz")["history"]) < 5
    # In the middle of an epoch: state.npz is older than what the process had reached.
    (tmp_path / "killed" / "partial-state.npz").write_bytes(b"half a file")
    assert run_until(tmp_path / "killed", "epoch 3") == -signal.SIGKILL
    run(tmp_path / "killed")

    whole, resumed = arrays(tmp_path / "whole" / "state.npz"), arrays(tmp_path / "killed" / "state.npz")
    assert whole.pop("history") == resumed.pop("history")
    assert whole.keys() == resumed.keys() and len(whole) > 10
    for key, value in whole.items():
        np.testing.assert_array_equal(value, resumed[key])
    a, b = (zoo.load("lstm_ctc", weights=tmp_path / run / "best.weights.h5", **SMALL) for run in ("whole", "killed"))
    for one, other in zip(a.weights, b.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


# --- classes

TINY = {"filters": 4, "units": 8}


@pytest.fixture(scope="module")
def classified(words, tmp_path_factory) -> tuple[Path, list[str]]:
    """A run of a classifier on the three words, and what it said."""
    out, said, spec = tmp_path_factory.mktemp("runs") / "words", [], f"folder:all,source={words}"
    train("conv2d", [spec], out, validation=[spec], model_config=TINY, epochs=3, batch_size=4, learning_rate=3e-3, say=said.append)  # fmt: skip
    return out, said


def test_a_fresh_classifier_takes_the_labels_of_the_data(classified):
    out, said = classified
    asked = json.loads((out / "run.json").read_text())
    assert asked["model_config"] == TINY | {"labels": ["no", "oh", "yes"]}
    assert asked["settings"]["silence_share"] == 0 and asked["augmentation"]["speed"] == list(training.WORDS.speed)
    model = zoo.load("conv2d", weights=out / "best.weights.h5", **asked["model_config"])
    assert model.labels.class_names == ("no", "oh", "yes")
    with open(out / "curves.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    (column,) = (key for key in rows[0] if key.startswith("error folder:all"))
    for row in rows:
        assert 0 <= float(row[column]) == float(row["error"]) <= 100
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]) and (out / "curves.png").stat().st_size > 5000
    assert sum(line.startswith("epoch") and f"{column} " in line for line in said) == 3


def test_a_classifier_s_command_has_its_labels_and_no_silence(classified):
    (command,) = commands(classified[0])
    assert "--silence-share" not in command and "--learning-rate 0.003" in command
    words = shlex.split(command)
    assert [words[i + 1] for i, word in enumerate(words) if word == "--set"][:2] == ["filters=4", "units=8"]


def test_classes_that_a_model_does_not_know_are_refused(classified, words, tmp_path):
    """With weights to start from, or labels set by hand."""
    spec = f"folder:all,source={words}"
    trained = {"init": classified[0] / "best.weights.h5", "model_config": TINY | {"labels": ["no", "ohh", "yes"]}}
    with pytest.raises(WeightsError, match="The labels are those that the weights were saved with; .* received .*ohh"):
        train("conv2d", [spec], tmp_path / "run", **trained, say=lambda line: None)
    with pytest.raises(UnknownNameError, match="no class of this model named 'oh': did you mean ohh"):
        train("conv2d", [spec], tmp_path / "run", model_config=trained["model_config"], say=lambda line: None)
    fresh = zoo.load("conv2d", weights=None)
    save_weights(fresh, tmp_path / "digits.weights.h5")
    with pytest.raises(UnknownNameError, match="no class of this model named"):
        train("conv2d", [spec], tmp_path / "run", init=tmp_path / "digits.weights.h5", say=lambda line: None)
    assert not (tmp_path / "run").exists()


def test_a_class_without_clips_is_refused(words, tmp_path):
    changes = TINY | {"labels": ["no", "oh", "yes", "maybe", "never"]}
    with pytest.raises(DataError, match=r"there are none of maybe, never in the data .*--set labels="):
        train("conv2d", [f"folder:all,source={words}"], tmp_path / "run", model_config=changes, say=lambda line: None)
    assert not (tmp_path / "run").exists()


def test_clips_longer_than_a_word_are_left_out_and_counted(words, tmp_path):
    shutil.copytree(words, tmp_path / "words")
    soundfile.write(tmp_path / "words" / "yes" / "speech.wav", np.full(5 * RATE, 0.1), RATE)
    said, spec = [], f"folder:all,source={tmp_path / 'words'}"
    train("conv2d", [spec], tmp_path / "run", model_config=TINY, augmentation=None, epochs=1, say=said.append)
    assert (
        f"{spec}: left out 1 clips of more than 4 s (yes/speech.wav)" in said[0] and f"{spec}: 12 utterances" in said[1]
    )
    shutil.rmtree(tmp_path / "words" / "yes")
    shutil.rmtree(tmp_path / "words" / "no")
    for path in (tmp_path / "words" / "oh").iterdir():
        soundfile.write(path, np.full(5 * RATE, 0.1), RATE)
    with pytest.raises(DataError, match="must hold utterances; .* holds none"):
        train("conv2d", [spec], tmp_path / "other", model_config=TINY | {"labels": ["oh", "no"]}, say=lambda line: None)


def test_a_classifier_s_run_goes_on_bit_for_bit(words, tmp_path, monkeypatch):
    spec, keep = f"folder:all,source={words}", training._keep

    def run(name):
        train("conv2d", [spec], tmp_path / name, validation=[spec], model_config=TINY, epochs=2, batch_size=6, resume=True, say=lambda line: None)  # fmt: skip

    def stop(model, out, history):
        keep(model, out, history)
        if len(history) == 1:
            raise KeyboardInterrupt

    run("whole")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training, "_keep", stop)
        run("stopped")
    run("stopped")
    whole, resumed = arrays(tmp_path / "whole" / "state.npz"), arrays(tmp_path / "stopped" / "state.npz")
    assert whole.pop("history") == resumed.pop("history") and whole.keys() == resumed.keys()
    for key, value in whole.items():
        np.testing.assert_array_equal(value, resumed[key])


def test_silence_is_no_class(words):
    """Whatever its share: an epoch of a classifier shows each clip as what it is."""
    corpus = Corpus(datasets.load("folder", "all", source=words), LabelEncoder(["no", "oh", "yes"]), RATE)
    epoch = epoch_of([(corpus, 1)], augmentation=training.WORDS, silence_share=0.0)
    shown = [labels for _, labels in (epoch[i] for i in range(len(epoch)))]
    assert all(labels.shape == (4, 1) for labels in shown)
    assert sorted(np.concatenate(shown).ravel()) == [0] * 4 + [1] * 4 + [2] * 4


def test_speakers_are_classes_too(tmp_path):
    """Speakers are told apart by their names in a CSV, and no voice is played faster."""
    rows = ["path,text,speaker"]
    for speaker, hertz in (("ann", 200), ("ben", 900)):
        for take in range(2):
            soundfile.write(tmp_path / f"{speaker}{take}.wav", 0.3 * np.sin(np.arange(8000) * hertz / 1300), RATE)
            rows.append(f"{speaker}{take}.wav,yes,{speaker}")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    spec, out = f"folder:all,source={tmp_path / 'clips.csv'}", tmp_path / "run"
    model = train("speaker_id", [spec], out, validation=[spec], model_config=TINY, epochs=1, batch_size=2, say=lambda line: None)  # fmt: skip
    assert model.labels.class_names == ("ann", "ben")
    assert json.loads((out / "run.json").read_text())["augmentation"]["speed_chance"] == 0
    (tmp_path / "clips.csv").write_text("\n".join([*rows[:-1], "ben1.wav,yes,"]))
    with pytest.raises(DataError, match="needs to know who speaks; of ben1.wav that is not said"):
        train("speaker_id", [spec], tmp_path / "other", model_config=TINY, epochs=1, say=lambda line: None)


@pytest.mark.slow
def test_a_classifier_learns_by_heart(words, tmp_path):
    spec = f"folder:all,source={words}"
    model = train("conv2d", [f"folder:all=8,source={words}"], tmp_path, validation=[spec], model_config={"filters": 8}, epochs=6, batch_size=4, say=lambda line: None)  # fmt: skip
    wrong = [path for path in words.rglob("*.wav") if model.classify(path).label != path.parent.name]
    assert not wrong


# --- from other models


def test_layers_of_the_same_name_and_shapes_are_taken_over():
    model = zoo.load("conv_lstm_ctc", weights=None)
    before = model.network.get_layer("conv_0").get_weights()
    taken = transfer("lstm_ctc", model)
    assert taken == ["lstm_0", "lstm_1", "lstm_2", "logits"]
    given = zoo.load("lstm_ctc").network
    for name in taken:
        for a, b in zip(model.network.get_layer(name).get_weights(), given.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(model.network.get_layer("conv_0").get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_saved_model_begins_one_that_is_set_to_more(words, tmp_path):
    """vae that looks once begins one that looks twice; the second look corrects nothing yet."""
    small, spec, said = {"filters": 4, "units": 8, "newton_steps": 0}, f"folder:all,source={words}", []
    once = zoo.load("vae", weights=None, looks=1, **small)
    once.save(tmp_path / "once.keras")
    model = train(
        "vae", [spec], tmp_path / "run", init=tmp_path / "once.keras", model_config={"looks": 2, **small}, epochs=1,
        learning_rate=1e-12, batch_size=4, say=said.append,
    )  # fmt: skip
    assert any(line.startswith("From ") and "decoder" in line and "correction" not in line for line in said)
    clip = np.random.default_rng(0).standard_normal(4000).astype("float32") / 10
    a, b = (one.reconstruct(clip, 8000).reconstruction for one in (once, model))
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_what_cannot_be_taken_over_is_a_sentence(tmp_path):
    with pytest.raises(ZooError, match="lstm_0 of conv_lstm_ctc has"):
        transfer("lstm_ctc", zoo.load("conv_lstm_ctc", weights=None, units=8))
    with pytest.raises(ZooError, match="conv_autoencoder shares none with simple_rnn"):
        transfer("simple_rnn", zoo.load("conv_autoencoder", weights=None))
    zoo.load("conv2d_mini", weights=None, labels=["yes", "no"]).save(tmp_path / "words.keras")
    with pytest.raises(
        ZooError, match=r"has the same labels in the same order; received .'no', 'yes'.*valid is .'yes', 'no'"
    ):
        transfer(tmp_path / "words.keras", zoo.load("conv2d_mini", weights=None, labels=["no", "yes"]))


def test_a_teacher_writes_the_same_symbols_in_the_same_frames(words, tmp_path):
    with pytest.raises(ZooError, match="teacher writes the same symbols in the same frames"):
        train(
            "lstm_ctc", [f"folder:all,source={words}"], tmp_path / "run", teacher="lstm_ctc", model_config={"stride": 4}
        )
    assert not (tmp_path / "run").exists()


def test_a_pupil_comes_to_answer_as_its_teacher(words, tmp_path):
    """Tones that mean nothing: the teacher's opinion of them differs from what CTC alone teaches."""
    clips = [datasets.load("folder", "all", source=str(words))[i].audio(RATE) for i in (0, 5)]
    teacher = zoo.load("lstm_ctc")
    apart = {}
    for name in (None, "lstm_ctc"):
        pupil = train("lstm_ctc", [f"folder:all=3,source={words}"], tmp_path / str(name), model_config=SMALL, teacher=name,
                      epochs=3, batch_size=4, learning_rate=1e-2, silence_share=0.0, augmentation=None,
                      say=lambda line: None)  # fmt: skip
        pairs = zip(teacher.logits(clips, RATE), pupil.logits(clips, RATE), strict=True)
        apart[name] = sum(float(distillation(a[None], b[None], [len(a)])[0]) for a, b in pairs)
    assert apart["lstm_ctc"] < apart[None]
    assert "--teacher lstm_ctc" in commands(tmp_path / "lstm_ctc")[0]
    assert pupil.more_loss is None and all("teacher" not in weight.path for weight in pupil.weights)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"teacher": "ngram_lm"}, "ngram_lm is a language model"),
        ({"init": "ngram_lm"}, "ngram_lm is a language model"),
        ({"teacher": "ds_cnn"}, "ds_cnn does classification"),
        ({"init": "conv_lstm_ctc", "model_config": {"vocabulary": "abc xyz"}}, "same symbols in the same order"),
    ],
)
def test_models_that_cannot_help(arguments, match, words, tmp_path):
    with pytest.raises(ZooError, match=match):
        train("lstm_ctc", [f"folder:all,source={words}"], tmp_path / "run", say=lambda line: None, **arguments)
    assert not (tmp_path / "run").exists()


# --- minimum word error


def test_likelier_hypotheses_are_those_with_fewer_errors(words):
    model = zoo.load("lstm_ctc", weights=None, **SMALL)
    hypotheses = Hypotheses(model, TrainConfig(objective="mwer", n_best=3, ctc_share=0.0))
    clips = [utterance.audio(RATE) for utterance in datasets.load("folder", "all", source=str(words))[:2]]
    waveform, lengths = pad(clips, RATE)
    x = {"waveform": waveform, "lengths": lengths}
    labels = np.zeros((2, 16), "int32")
    y = hypotheses(x, labels) | {
        "hypotheses": np.array([[[3, 0], [4, 0], [0, 0]]] * 2, "int32"),
        "errors": np.array([[0, 1, 0], [1, 0, 0]], "float32"),
        "bonus": np.array([[0.0, 0.0, NEVER]] * 2, "float32"),
    }

    def expected() -> np.ndarray:
        found = model.predict_on_batch(x)
        return np.asarray(minimum_word_error(y, found["logits"], found["lengths"]))

    before = expected()
    model.compile(keras.optimizers.Adam(3e-3))
    for _ in range(20):
        model.train_on_batch(x, y)
    assert np.all(np.abs(before) <= 0.5) and expected().sum() < before.sum() - 0.01


def test_hypotheses_are_those_of_the_beam_search(shipped, samples):
    hypotheses = Hypotheses(shipped, TrainConfig(objective="mwer", language_model="ngram_lm", n_best=3))
    clip = zoo.audio.load_audio(samples[-1], RATE)
    waveform, lengths = pad([clip], RATE)
    said = "three four zero one two seven two"
    ids = shipped.labels.encode(said)
    y = hypotheses({"waveform": waveform, "lengths": lengths}, np.array([ids + [0] * 20], "int32"))
    found = shipped.transcribe(clip, RATE, language_model="ngram_lm", beam_width=6, n_best=3)
    best = shipped.labels.decode([i for i in y["hypotheses"][0, 0] if i])
    assert " ".join(best.split()) == found.text and y["errors"][0, 0] == word_errors(said, found.text)


def test_hypotheses_know_priors_as_the_beam_search_does(samples):
    model = zoo.load("conv_lstm_ctc")
    hypotheses = Hypotheses(model, TrainConfig(objective="mwer", language_model="sentences_ngram_lm", n_best=2))
    assert hypotheses.options["gamma"] > 0
    clip = zoo.audio.load_audio(samples[0], RATE)
    clip = clip + np.float32(0.3 * clip.std()) * np.random.default_rng(0).standard_normal(
        len(clip), "float32"
    )  # unsure
    x = dict(zip(("waveform", "lengths"), pad([clip], RATE), strict=True))
    y = hypotheses(x, np.ones((1, 60), "int32"))
    logits = model.logits([clip], RATE)[0]
    best = beam_search(logits, model.labels, beam_width=64, **hypotheses.options)[0]
    ids = np.array([best.ids], "int32")

    def off(logits) -> float:  # from what the search made of the acoustics
        return abs(float(-ctc_loss(ids, logits[None], np.array([len(logits)]))[0]) - best.acoustic)

    assert off(logits - y["discount"]) < 0.05 < 0.2 < off(logits)  # a beam leaves a little out


@pytest.mark.slow
def test_a_run_of_minimum_word_error(words, tmp_path):
    spec = f"folder:all,source={words}"
    asked = {"model_config": SMALL, "augmentation": None, "epochs": 1, "batch_size": 4, "say": lambda line: None}
    train("lstm_ctc", [spec], tmp_path / "errors", objective="mwer", language_model="ngram_lm", **asked)
    assert "--objective mwer --language-model ngram_lm" in commands(tmp_path / "errors")[0]
    with pytest.raises(ZooError, match="goes with --objective mwer"):
        train("lstm_ctc", [spec], tmp_path / "x", language_model="ngram_lm", **asked)
    with pytest.raises(UnknownNameError, match="objective named 'mwr'"):
        train("lstm_ctc", [spec], tmp_path / "x", objective="mwr", **asked)
    with pytest.raises(ZooError, match="made by what writes"):
        train("conv2d_mini", [spec], tmp_path / "x", objective="mwer", **{**asked, "model_config": {}})
