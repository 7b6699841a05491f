"""Training: what is asked for, batches that follow from a seed, callbacks for any `fit`, and a run that survives SIGKILL."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import weakref
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile
from conftest import ROOT, refused, without_graphs

import zoo
from zoo import datasets
from zoo.errors import DataError, MissingFileError, UnknownNameError, ZooError
from zoo.losses import distillation, frames_needed
from zoo.tasks import compile_model
from zoo.training import (
    AugmentConfig,
    Checkpoint,
    Corpus,
    Distiller,
    EpochBatches,
    LearningCurves,
    TimeBudget,
    TrainConfig,
    Validation,
    load_corpora,
    train,
)
from zoo.training.callbacks import read_curves
from zoo.training.run import Run, differences
from zoo.training.train import make_optimizer
from zoo.training.warm_start import default_init, starting_model

RATE = 16000
SMALL = {"units": 4, "layers": 1}  # of lstm_ctc
TINY = {"filters": 4, "units": 8}  # of conv2d


def quiet(line: str) -> None:
    pass


@pytest.fixture(autouse=True)
def no_recorded_noise(monkeypatch):
    """White noise alone: no test waits for an archive."""
    monkeypatch.setattr("zoo.datasets.noise.load_noise", lambda split: [])


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


@pytest.fixture(scope="module")
def spec(words) -> str:
    return f"folder:all,source={words}"


@pytest.fixture(scope="module")
def recognizer():
    return zoo.load("lstm_ctc", weights=None, **SMALL)


@pytest.fixture(scope="module")
def corpus(words, recognizer) -> Corpus:
    return Corpus(datasets.load("folder", "all", source=words), recognizer)


# --- settings


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 0}, {"epochs": "a"}, {"epochs": True}, {"epochs": 10**30}, {"batch_size": 0}, {"seed": -1}, {"seed": 2**32},
        {"learning_rate": -1.0}, {"learning_rate": float("nan")}, {"warmup": 2}, {"minutes": float("inf")},
        {"weight_decay": -1}, {"silence_prob": 1.5}, {"bucket_boundaries": ()}, {"bucket_boundaries": (2, 1)},
        {"bucket_boundaries": (1, 1)}, {"bucket_boundaries": (0, 1)}, {"bucket_boundaries": (float("nan"),)},
        {"bucket_boundaries": "3 s"}, {"bucket_boundaries": 3},
    ],
)  # fmt: skip
def test_settings_that_cannot_be(settings):
    with refused(*settings):
        TrainConfig(**settings)


def test_settings_may_come_from_json():
    config = TrainConfig(bucket_boundaries=[1, 2.5], learning_rate=1)
    assert config.bucket_boundaries == (1.0, 2.5)
    assert replace(config, epochs=3).epochs == 3
    with refused("speed"):
        AugmentConfig(speed=1.0)


@pytest.mark.parametrize("name", ["lstm_ctc", "conv2d", "speaker_id", "vae", "denoising_autoencoder"])
def test_each_task_has_an_augmentation(name):
    from zoo.loading import class_and_config

    task, config = class_and_config(name)
    AugmentConfig(**task.default_augmentation(config))


@pytest.mark.parametrize(
    ("arguments", "error", "argument"),
    [
        ({"data": []}, DataError, "data"),
        ({"data": ["an5"]}, UnknownNameError, ""),
        ({"name": "lstn_ctc"}, UnknownNameError, ""),
        ({"model_config": {"unit": 3}}, UnknownNameError, ""),
        ({"epoch": 3}, UnknownNameError, ""),
        ({"init": "none.weights.h5"}, MissingFileError, "weights"),
        ({"epochs": 3, "minutes": 1}, ZooError, "minutes"),
        ({"name": "conv2d_mini", "silence_prob": 0.1, "model_config": {}}, ZooError, "silence_prob"),
        ({"freeze": True}, ZooError, "freeze"),
        ({"init": "ngram_lm"}, ZooError, "init"),
        ({"teacher": "ngram_lm"}, ZooError, "teacher"),
    ],
)
def test_what_cannot_be_trained(arguments, error, argument, spec, tmp_path):
    asked = {"name": "lstm_ctc", "data": [spec], "model_config": SMALL, "log": quiet} | arguments
    with refused(argument, error):
        train(**asked, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()  # so the mended command may use the same folder


# --- data


def test_what_does_not_fit_into_memory_is_read_when_it_is_needed(words, corpus, recognizer, monkeypatch):
    monkeypatch.setattr("zoo.training.corpus.IN_MEMORY", 2.5 * corpus.lengths[0] / RATE)
    partly = Corpus(datasets.load("folder", "all", source=words), recognizer)
    assert sum(isinstance(sound, np.ndarray) for sound in partly._sounds) == 3
    assert partly.lengths == corpus.lengths and partly.ids == corpus.ids
    for i in range(len(partly)):
        np.testing.assert_allclose(partly[i], corpus[i], atol=1 / 32767)


def test_transcripts_longer_than_their_audio_are_refused(recognizer, tmp_path):
    (tmp_path / "supercalifragilistic").mkdir()
    soundfile.write(tmp_path / "supercalifragilistic" / "0.wav", np.full(1600, 0.1), RATE)
    with refused("data", DataError):
        load_corpora(recognizer, [f"folder:all,source={tmp_path}"], log=quiet)


def test_clips_longer_than_a_word_are_left_out_and_counted(words, tmp_path):
    shutil.copytree(words, tmp_path / "words")
    soundfile.write(tmp_path / "words" / "yes" / "speech.wav", np.full(5 * RATE, 0.1), RATE)
    said, model = [], zoo.load("conv2d_mini", weights=None, labels=("no", "oh", "yes"))
    (found,) = load_corpora(model, [f"folder:all,source={tmp_path / 'words'}"], log=said.append).values()
    assert len(found) == 12 and "yes/speech.wav" in said[0]


def batches_of(model, corpora, augmentation=None, noises=(), **settings):
    config = TrainConfig(**({"batch_size": 4} | settings))
    return EpochBatches(model, corpora, config, augmentation, noises)


def test_an_epoch_shows_every_utterance_once(recognizer, corpus):
    epoch = batches_of(recognizer, [(corpus, 1.0)])
    assert len(epoch) == 3
    assert sorted(i for batch in epoch.plan for _, i in batch) == list(range(12))
    for inputs, labels in (epoch[i] for i in range(len(epoch))):
        assert inputs["waveform"].dtype == "float32" and inputs["lengths"].dtype == labels.dtype == "int32"
        for row, n, ids in zip(inputs["waveform"], inputs["lengths"], labels, strict=True):
            assert not row[n:].any() and row[:n].any()
            (known,) = [k for k in range(12) if corpus.lengths[k] == n]
            assert list(ids[ids > 0]) == corpus.ids[known]
            np.testing.assert_allclose(row[:n], corpus[known], atol=1e-6)


def test_weights_show_sets_more_or_less_often(recognizer, corpus):
    epoch = batches_of(recognizer, [(corpus, 2.5)])
    times = np.bincount([i for batch in epoch.plan for _, i in batch], minlength=12)
    assert set(times) <= {1, 2, 3, 4} and len(epoch) == round(2.5 * 12 / 4)
    epoch.start(1)
    assert len(epoch) == len(epoch.plan) == round(2.5 * 12 / 4)
    with refused("data", DataError):
        batches_of(recognizer, [])


def test_batches_follow_from_seed_epoch_and_index_alone(recognizer, corpus):
    one, same, other, later = (
        batches_of(recognizer, [(corpus, 1.0)], AugmentConfig(), seed=seed) for seed in (0, 0, 1, 0)
    )
    for epoch in (one, same, other):
        epoch.start(3)
    for i in reversed(range(len(one))):  # the order in which workers ask does not matter
        for a, b in zip((*one[i][0].values(), one[i][1]), (*same[i][0].values(), same[i][1]), strict=True):
            np.testing.assert_array_equal(a, b)
    for different in (other, later):
        assert any(one[i][0]["waveform"].tobytes() != different[i][0]["waveform"].tobytes() for i in range(len(one)))


def test_fit_goes_through_the_epochs_in_order(recognizer, corpus, monkeypatch):
    """Each batch of each epoch once, though Keras calls `on_epoch_end` before the first one and fetches batches to look at."""
    shown, batches = [], batches_of(recognizer, [(corpus, 1.0)])
    batches.start(2)
    train_step = type(recognizer).utterance_losses
    with without_graphs():
        compile_model(recognizer)
        monkeypatch.setattr(
            type(recognizer),
            "utterance_losses",
            lambda self, x, y, outputs: (
                shown.append(np.array(x["lengths"]).tolist()) or train_step(self, x, y, outputs)
            ),
        )
        recognizer.fit(batches, epochs=4, initial_epoch=2, verbose=0, shuffle=False)
    expected = []
    for epoch in (2, 3):
        batches.start(epoch)
        expected += [[corpus.lengths[i] for _, i in batch] for batch in batches.plan]
    assert shown == expected


def test_augmented_batches_stay_feasible(recognizer, corpus):
    fast = AugmentConfig(speed=(1.1, 1.18), speed_prob=1.0)
    epoch = batches_of(recognizer, [(corpus, 1.0)], fast, silence_prob=0.3)
    for number in range(3):
        epoch.start(number)
        for inputs, labels in (epoch[i] for i in range(len(epoch))):
            assert np.abs(inputs["waveform"]).max() <= 1.00001 and np.isfinite(inputs["waveform"]).all()
            for n, ids in zip(inputs["lengths"], labels, strict=True):
                assert recognizer.n_frames(n) >= frames_needed(ids[ids > 0])


def test_batches_have_the_widths_that_were_asked_for(recognizer, corpus):
    epoch = batches_of(recognizer, [(corpus, 1.0)], bucket_boundaries=(1.5, 4), batch_size=2)
    assert {epoch[i][0]["waveform"].shape[1] for i in range(1, len(epoch))} == {24000}
    if keras.backend.backend() == "tensorflow":  # else Keras takes the width of the first two for that of all
        assert epoch[0][0]["waveform"].shape[1] == 24001


@pytest.mark.parametrize(("name", "size"), [("conv_autoencoder", 1), ("denoising_autoencoder", 2)])
def test_what_autoencoders_learn_from(name, size, words):
    model = zoo.load(name, weights=None)
    corpus = Corpus(datasets.load("folder", "all", source=words), model)
    assert len(batches_of(model, [(corpus, 1.0)])[0]) == size


def test_what_is_denoised_has_its_clean_recording_beside_it(words):
    model = zoo.load("denoising_autoencoder", weights=None)
    corpus = Corpus(datasets.load("folder", "all", source=words), model)
    loud = AugmentConfig(noise_prob=1.0, snr_db=(0.0, 0.0), telephone_prob=0.0, reverb_prob=0.0, silence_prob=0.0)
    inputs, clean = batches_of(model, [(corpus, 1.0)], loud, silence_prob=0.0)[0]
    assert clean.shape == inputs["waveform"].shape and clean.dtype == "float32"
    for noisy, quiet, n in zip(inputs["waveform"], clean, inputs["lengths"], strict=True):
        noise = (noisy - quiet)[:n]
        assert not quiet[n:].any() and np.mean(noise**2) == pytest.approx(np.mean(quiet[:n] ** 2), rel=0.05)  # 0 dB
    inputs, clean = batches_of(model, [(corpus, 1.0)])[0]  # without augmentation there is no noise
    np.testing.assert_array_equal(inputs["waveform"], clean)


def test_closed_batches_release_the_sound(words, recognizer):
    """TensorFlow keeps all batches that a model was fitted on; a study of a hundred trainings ran out of memory."""
    corpus = Corpus(datasets.load("folder", "all", source=words), recognizer)
    batches, gone = batches_of(recognizer, [(corpus, 1.0)], batch_size=6), weakref.ref(corpus)
    with without_graphs():
        compile_model(recognizer)
        recognizer.fit(batches, verbose=0, shuffle=False)
    batches.close()
    assert batches[0] is None and len(batches) == 2
    del corpus
    gc.collect()
    assert gone() is None


# --- callbacks


def test_callbacks_work_in_ones_own_fit(words, spec, tmp_path, eager):
    model = zoo.load("conv2d_mini", weights=None, labels=("no", "oh", "yes"))
    held_out = load_corpora(model, [spec], log=quiet)
    clips = np.stack([np.resize(next(iter(held_out.values()))[i], 4000) for i in (0, 4, 8)])
    checkpoint = Checkpoint(tmp_path)
    callbacks = [Validation(held_out), LearningCurves(tmp_path), checkpoint]
    history = model.fit(clips, np.array([0, 1, 2]), epochs=2, callbacks=callbacks, verbose=0).history
    assert len(history["error"]) == 2 and all(0 <= error <= 100 for error in history["error"])
    assert [row["epoch"] for row in read_curves(tmp_path)] == [1, 2]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")

    again = zoo.load("conv2d_mini", weights=None, labels=("no", "oh", "yes"))
    restored = Checkpoint(tmp_path)
    assert restored.restore(again) == 2 and restored.history == checkpoint.history
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    (tmp_path / "state.npz").write_bytes((tmp_path / "state.npz").read_bytes()[:1000])
    with pytest.raises(DataError):
        Checkpoint(tmp_path).restore(again)


def test_the_best_epoch_is_that_of_the_lowest_figure(tmp_path, monkeypatch, eager):
    model, saved = zoo.load("conv2d_mini", weights=None), []
    monkeypatch.setattr(
        "zoo.training.callbacks.save_weights", lambda model, path: saved.append(len(checkpoint.history))
    )
    checkpoint = Checkpoint(tmp_path)
    checkpoint.set_model(model)
    for epoch, error in enumerate((50.0, 60.0, 40.0, 40.0, 45.0)):
        checkpoint.on_epoch_end(epoch, {"loss": 1.0, "error": error})
    assert saved == [1, 3, 4]
    saved.clear()
    checkpoint = Checkpoint(tmp_path / "without")
    checkpoint.set_model(model)
    for epoch in range(3):
        checkpoint.on_epoch_end(epoch, {"loss": 1.0})
    assert saved == [1, 2, 3]


def test_a_loss_that_is_not_finite_ends_fit_and_is_not_kept(tmp_path):
    with refused("learning_rate"):
        Checkpoint(tmp_path).on_epoch_end(0, {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_run_ends_where_its_lock_cannot_be_deleted(tmp_path, monkeypatch):
    unlink = Path.unlink

    def windows(path, **options):
        if path.name == ".lock":
            raise PermissionError
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", windows)
    with Run(tmp_path / "run", {}) as run:
        pass
    assert not run.lock.is_locked


def test_a_run_that_fails_at_once_leaves_no_folder_of_tensorboard(tmp_path):
    with pytest.raises(KeyError), Run(tmp_path / "run", {}):
        (tmp_path / "run" / "tensorboard" / "train").mkdir(parents=True)
        raise KeyError
    assert not (tmp_path / "run").exists()


def test_curves_go_on_where_a_run_was_killed(tmp_path):
    for epochs in ((0, 1, 2), (1, 2)):  # the second and third epoch came twice
        curves = LearningCurves(tmp_path)
        curves.on_train_begin()
        for epoch in epochs:
            curves.on_epoch_end(epoch, {"loss": 3.0 - epoch})
    assert [(row["epoch"], row["loss"]) for row in read_curves(tmp_path)] == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_the_time_budget_plans_the_rise_and_the_cosine_of_the_epochs():
    config = TrainConfig(epochs=10, learning_rate=1e-3, warmup=0.1)
    schedule, budget = make_optimizer(config, 100)._learning_rate, TimeBudget(10, 1e-3, 0.1)
    for gone in (0.0, 0.05, 0.1, 0.3, 0.77, 1.0):
        assert budget.rate(gone) == pytest.approx(float(schedule(int(gone * 1000))), rel=1e-3)
    assert budget.rate(1.2) == budget.rate(1.0)
    for warmup in (0.0, 1.0):
        edge = TimeBudget(10, 1e-3, warmup)
        assert all(0 < edge.rate(gone) < 1.000001e-3 for gone in np.linspace(0, 1.5, 31))
    assert TimeBudget(1, spent=59).gone > TimeBudget.ENOUGH > TimeBudget(1, spent=30).gone


class Seconds:
    """A clock that goes on by so many seconds whenever it is looked at."""

    def __init__(self, step: float):
        self.step, self.now = step, 0.0

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


def test_a_time_budget_ends_in_mid_epoch_at_the_lowest_rate(monkeypatch):
    monkeypatch.setattr("zoo.training.callbacks.time", Seconds(7.0))
    monkeypatch.setattr(TimeBudget, "AT_FIRST", 3)
    rates = []

    class Noted(TimeBudget):
        def on_train_batch_begin(self, batch, logs=None):
            super().on_train_batch_begin(batch, logs)
            rates.append(float(self.model.optimizer.learning_rate))

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.AdamW(1e-3), "mse")
    x, y = np.ones((200, 3), "float32"), np.ones((200, 2), "float32")
    model.fit(x, y, batch_size=2, epochs=1000, verbose=0, callbacks=[Noted(6, warmup=0.1)])
    assert 10 < len(rates) < 40
    top = int(np.argmax(rates))
    assert 1 <= top <= 5 and rates[0] < 0.5 * rates[top]
    assert (np.diff(rates[top:]) < 0).all() and rates[-1] == pytest.approx(1e-5, rel=0.3)


# --- runs


def run(name: str, spec: str, out: Path, **changes):
    asked = {"validation": [spec], "model_config": {"filters": 4}, "epochs": 3, "batch_size": 4, "log": quiet} | changes
    return train(name, [spec], out, **asked)


def state(out: Path) -> dict:
    with np.load(out / "state.npz", allow_pickle=False) as file:
        found = dict(file)
    history = json.loads(str(found.pop("history")))
    return found | {"history": [{k: v for k, v in row.items() if k != "seconds"} for row in history]}


def assert_same_state(one: Path, other: Path) -> None:
    one, other = state(one), state(other)
    assert one.pop("history") == other.pop("history")
    assert one.keys() == other.keys() and len(one) > 10
    for key, value in one.items():
        np.testing.assert_array_equal(value, other[key])


@pytest.fixture(scope="module")
def finished(spec, tmp_path_factory) -> Path:
    """A run of three epochs; the labels are those of the data."""
    out = tmp_path_factory.mktemp("runs") / "small"
    with pytest.MonkeyPatch.context() as patch, without_graphs():
        patch.setattr("zoo.datasets.noise.load_noise", lambda split: [])
        run("conv2d_mini", spec, out)
    return out


def test_a_run_leaves_what_it_promises(finished):
    names = {path.name for path in finished.iterdir()}
    assert names == {"run.json", "state.npz", "best.weights.h5", "curves.csv", "curves.png"}
    rows, asked = read_curves(finished), json.loads((finished / "run.json").read_text())
    assert [row["epoch"] for row in rows] == [1, 2, 3] and {"loss", "error", "seconds"} < set(rows[0])
    assert asked["model_config"] == {"filters": 4, "labels": ["no", "oh", "yes"]}
    assert asked["init"] == "none" and asked["settings"]["silence_prob"] == 0 and asked["argv"]
    model = zoo.load("conv2d_mini", weights=finished / "best.weights.h5", filters=4)
    assert model.labels == ("no", "oh", "yes")


def test_a_stopped_run_goes_on_bit_for_bit(finished, spec, tmp_path, eager):
    def stop(line):
        if line.startswith("epoch 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("conv2d_mini", spec, tmp_path / "run", log=stop)
    assert len(state(tmp_path / "run")["history"]) == 1
    run("conv2d_mini", spec, tmp_path / "run", resume=True)
    assert_same_state(tmp_path / "run", finished)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    run("conv2d_mini", spec, tmp_path / "run", resume=True)  # it is done
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    (tmp_path / "run" / "best.weights.h5").unlink()
    with pytest.raises(DataError):
        run("conv2d_mini", spec, tmp_path / "run", resume=True)


def test_a_folder_that_holds_a_run_is_not_taken(finished, tmp_path):
    asked = {
        key: value
        for key, value in json.loads((finished / "run.json").read_text()).items()
        if key not in ("argv", "finished")
    }
    with refused("out"):
        Run(finished, asked)
    Run(finished, asked, resume=True)
    for change in (
        {"settings": asked["settings"] | {"epochs": 4}},
        {"noises": 1},
        {"init": "a"},
        {"augmentation": None},
    ):
        with refused("resume"):
            Run(finished, asked | change, resume=True)
    assert differences(asked, asked) == ""
    (tmp_path / "model.keras").write_text("precious")
    with refused("out"):
        Run(tmp_path, asked)
    with refused("out"):
        Run(tmp_path / "model.keras" / "run", asked)


@pytest.mark.parametrize("text", ["", "[]", '{"a":', "{}"])
def test_damaged_settings_of_a_run(text, tmp_path):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ZooError):
        Run(tmp_path, {"name": "lstm"}, resume=True)


def test_a_run_that_fails_at_once_leaves_its_place_free(tmp_path):
    with pytest.raises(OSError), Run(tmp_path / "run", {}):
        (tmp_path / "run" / "curves.csv").write_text("epoch")
        raise OSError(28, "No space left on device")
    assert not (tmp_path / "run").exists()
    with pytest.raises(KeyboardInterrupt), Run(tmp_path / "run", {}):
        raise KeyboardInterrupt
    assert (tmp_path / "run" / "run.json").exists()


def test_two_runs_in_one_folder_are_refused_and_the_first_goes_on(tmp_path):
    first, second = Run(tmp_path / "run", {}), Run(tmp_path / "run", {})  # both find a new folder
    with first:
        with refused("out"), second:
            pass
        assert (tmp_path / "run" / "run.json").exists()
        with refused("out"), Run(tmp_path / "run", {}, resume=True):
            pass
    with Run(tmp_path / "run", {}, resume=True):
        pass
    with refused("out"), second:  # it would write over what has ended by now
        pass


RUN = """
    import sys
    from zoo.datasets import noise
    from zoo import training
    noise.load_noise = lambda split: []
    spec, out = sys.argv[1:]
    training.train("lstm_ctc", [spec], out, validation=[spec], model_config={"units": 4, "layers": 1}, epochs=5,
                   batch_size=4, learning_rate=3e-3, resume=True, log=lambda line: print(line, flush=True))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_killed_and_resumed_ends_with_the_same_weights(spec, tmp_path):
    """Killed within an epoch, and with half a file as from a kill while it wrote; augmentation, dropout and all."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def run_until(out, line_start: str) -> int:
        command = [sys.executable, "-c", textwrap.dedent(RUN), spec, str(out)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            for line in running.stdout:
                if line.startswith(line_start):
                    running.send_signal(signal.SIGKILL)
            return running.wait(timeout=300)
        finally:
            running.kill()

    assert run_until(tmp_path / "killed", "epoch 2") == -signal.SIGKILL
    assert 2 <= len(state(tmp_path / "killed")["history"]) < 5
    # In the middle of an epoch: state.npz is older than what the process had reached.
    (tmp_path / "killed" / "partial-state.npz").write_bytes(b"half a file")
    assert run_until(tmp_path / "killed", "never") == 0
    settings = {"epochs": 5, "batch_size": 4, "learning_rate": 3e-3, "model_config": SMALL, "log": quiet}
    train("lstm_ctc", [spec], tmp_path / "whole", validation=[spec], **settings)
    assert_same_state(tmp_path / "whole", tmp_path / "killed")
    assert [row["epoch"] for row in read_curves(tmp_path / "killed")] == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_a_run_by_the_minutes_ends_with_them(spec, tmp_path, eager):
    began = time.monotonic()
    run("conv2d_mini", spec, tmp_path / "run", epochs=1)  # what starting takes
    took = time.monotonic() - began
    asked = {"minutes": (took + 3) / 60, "model_config": {"filters": 4}, "batch_size": 4, "log": quiet}
    train("conv2d_mini", [spec], tmp_path / "minutes", **asked)
    assert sum(row["seconds"] for row in read_curves(tmp_path / "minutes")) < 60 * asked["minutes"] + 5
    before = (tmp_path / "minutes" / "state.npz").read_bytes()
    train("conv2d_mini", [spec], tmp_path / "minutes", resume=True, **asked)
    assert (tmp_path / "minutes" / "state.npz").read_bytes() == before


# --- what a run starts from


def test_a_shipped_classifier_is_taught_new_words():
    said = []
    assert default_init("ds_cnn", {}) == default_init("ds_cnn.fsdd", {"labels": ("ja", "nein")}) == "bundled"
    model = starting_model("ds_cnn", "bundled", ["ja", "nein", "ja"], freeze=True, log=said.append)
    assert model.labels == ("ja", "nein") and len(said) == 1
    shipped = zoo.load("ds_cnn")
    for layer in model.layers:
        same = all(
            np.array_equal(a, b)
            for a, b in zip(layer.get_weights(), shipped.get_layer(layer.name).get_weights(), strict=True)
        )
        assert same == (layer.name != "logits")
        assert not layer.weights or layer.trainable == (layer.name == "logits")


def test_the_same_labels_keep_the_head():
    digits = zoo.load("conv2d_mini").labels
    model = starting_model("conv2d_mini", "bundled", digits[::-1], log=quiet)
    assert model.labels == digits
    np.testing.assert_array_equal(
        model.get_layer("logits").get_weights()[0], zoo.load("conv2d_mini").get_layer("logits").get_weights()[0]
    )


def test_a_file_brings_its_labels(finished):
    model = starting_model(
        "conv2d_mini", str(finished / "best.weights.h5"), ["yes", "oh", "no"], {"filters": 4}, log=quiet
    )
    assert model.labels == ("no", "oh", "yes")
    given = zoo.load("conv2d_mini", weights=finished / "best.weights.h5", filters=4)
    for a, b in zip(model.get_weights(), given.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_layers_of_another_model_are_taken_over():
    said = []
    model = starting_model("conv_lstm_ctc", "lstm_ctc", [], log=said.append)
    given = zoo.load("lstm_ctc")
    for name in ("lstm_0", "lstm_1", "lstm_2", "logits"):
        for a, b in zip(model.get_layer(name).get_weights(), given.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert "conv_0" in said[0]
    with refused("source"):
        starting_model("conv_lstm_ctc", "lstm_ctc", [], {"units": 8}, log=quiet)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv_autoencoder", "denoising_autoencoder", "vae"])
def test_autoencoders_learn_from_any_recordings(name, spec, tmp_path, eager):
    small = {"filters": 4, "units": 8} if name == "vae" else {}
    model = run(name, spec, tmp_path, model_config=small, epochs=2)
    assert "dB" in read_curves(tmp_path)[1]
    assert np.isfinite(model.reconstruct(0.1 * np.sin(np.arange(4000.0)), 8000).reconstruction).all()


@pytest.mark.slow
def test_speakers_are_classes_too(tmp_path, eager):
    rows = ["path,text,speaker"]
    for speaker, hertz in (("ann", 200), ("ben", 900)):
        for take in range(2):
            soundfile.write(tmp_path / f"{speaker}{take}.wav", 0.3 * np.sin(np.arange(8000) * hertz / 1300), RATE)
            rows.append(f"{speaker}{take}.wav,yes,{speaker}")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    spec = f"folder:all,source={tmp_path / 'clips.csv'}"
    model = run("speaker_id", spec, tmp_path / "run", model_config=TINY, epochs=1)
    assert model.labels == ("ann", "ben")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["augmentation"]["speed_prob"] == 0


@pytest.mark.slow
def test_classes_and_clips_must_match(spec, tmp_path):
    for labels, argument in ((["no", "oh", "yes", "maybe"], "data"), (["no", "ohh", "yes"], "")):
        with refused(argument, DataError if argument else UnknownNameError):
            run("conv2d_mini", spec, tmp_path / "run", model_config={"labels": labels})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_learns_by_heart(words, spec, tmp_path):
    asked = {"augmentation": None, "model_config": {"units": 32, "layers": 1}, "epochs": 12, "learning_rate": 1e-2}
    model = train(
        "lstm_ctc", [f"folder:all=8,source={words}"], tmp_path, validation=[spec], batch_size=4, log=quiet, **asked
    )
    assert not [path for path in words.rglob("*.wav") if model.transcribe(path).text != path.parent.name]


# --- teachers


def test_a_teacher_has_the_same_vocabulary_and_frames(recognizer):
    with refused("teacher"):
        Distiller(recognizer, zoo.load("lstm_ctc", weights=None, stride=4, units=4))
    with refused("teacher"):
        Distiller(recognizer, zoo.load("conv2d_mini", weights=None))
    with refused("teacher"):  # each writes a letter in a frame of its own
        Distiller(recognizer, zoo.Ensemble([recognizer, zoo.load("lstm_ctc", weights=None, units=4)]))
    with refused("teacher"):
        Distiller(zoo.load("conv2d_mini", weights=None), zoo.load("ds_cnn", weights=None, labels=["yes", "no"]))
    with refused("student"):
        Distiller(zoo.load("autoencoder_mini", weights=None), "lstm_ctc")
    learner = Distiller(recognizer, "lstm_ctc")
    assert [weight.path for weight in learner.weights] == [weight.path for weight in recognizer.weights]


def test_several_classifiers_teach_one(eager):
    student, teacher = (zoo.load("conv2d_mini", weights=None, filters=4), zoo.load("simple_rnn+conv2d_mini"))
    x = {"waveform": np.random.default_rng(0).standard_normal((4, 4000)).astype("float32"), "lengths": np.full(4, 4000)}
    losses, labels = {}, np.array([1, 2, 3, 4])
    for share in (0.0, 0.5, 1.0):
        learner = Distiller(student, teacher, temperature=2.0, share=share)
        assert isinstance(learner, type(student)) and len(learner.weights) == len(student.weights)
        losses[share] = np.asarray(learner.utterance_losses(x, labels, student(x)))
    own = np.asarray(student.utterance_losses(x, labels, student(x)))
    np.testing.assert_allclose(losses[0.0], own, rtol=1e-4)
    apart = np.asarray(distillation(teacher(x)["logits"], student(x)["logits"], temperature=2.0))
    np.testing.assert_allclose(losses[1.0], apart, rtol=1e-4)
    np.testing.assert_allclose(losses[0.5], (own + apart) / 2, rtol=1e-4)
    learner.compile("sgd")
    before = [[np.asarray(weight).copy() for weight in model.weights] for model in (teacher, student)]
    assert np.isfinite(learner.fit(x, labels, verbose=0).history["loss"]).all()
    after = [[np.asarray(weight) for weight in model.weights] for model in (teacher, student)]
    same = [all(map(np.array_equal, *pair)) for pair in zip(before, after, strict=True)]
    assert same == [True, False]


@pytest.mark.slow
def test_a_student_comes_to_answer_as_its_teacher(words, corpus, tmp_path):
    """Tones that mean nothing: the teacher's opinion of them differs from what CTC alone teaches."""
    teacher, apart = zoo.load("lstm_ctc"), {}
    for name in (None, "lstm_ctc"):
        student = train(
            "lstm_ctc", [f"folder:all=3,source={words}"], tmp_path / str(name), model_config=SMALL, teacher=name, epochs=3,
            batch_size=4, learning_rate=1e-2, silence_prob=0.0, augmentation=None, log=quiet,
        )  # fmt: skip
        clips = [corpus[0], corpus[5]]
        pairs = zip(teacher.logits(clips, RATE), student.logits(clips, RATE), strict=True)
        apart[name] = sum(float(distillation(a[None], b[None], [len(a)])[0]) for a, b in pairs)
    assert apart["lstm_ctc"] < apart[None]
