"""What `fit` and `evaluate` take as y, and processes in which networks cannot run."""

import copy
import multiprocessing
import pickle
import warnings

import keras
import numpy as np
import pytest
from conftest import refused

import zoo
from zoo.errors import DataError, UnknownNameError, ZooError
from zoo.tasks.processes import check_process
from zoo.tasks.targets import class_ids, label_ids
from zoo.text import LabelEncoder, Vocabulary

WORDS, LETTERS = LabelEncoder(["ja", "nein", "stopp"]), Vocabulary("ab")


@pytest.mark.parametrize(
    "y", [["nein", "ja"], np.array(["nein", "ja"]), [1, 0], [[1], [0]], [[0, 1, 0], [1, 0, 0]], [1.0, 0.0]]
)
def test_names_ids_and_one_hot_rows_are_the_same_classes(y):
    assert class_ids(y, WORDS).tolist() == [1, 0]


@pytest.mark.parametrize("y", [[3], [-1], [0.5], np.zeros((2, 3)), np.zeros((2, 2, 2))])
def test_ids_of_no_class_are_refused(y):
    with refused("y", DataError):
        class_ids(y, WORDS)
    with pytest.raises(UnknownNameError):
        class_ids(["stop"], WORDS)


def test_texts_are_padded_ids():
    assert label_ids(["ab", "b"], LETTERS, [9, 9]).tolist() == [[1, 2], [2, 0]]
    assert label_ids([[1, 2], [2, 0]], LETTERS, ()).tolist() == [[1, 2], [2, 0]]


@pytest.mark.parametrize("y", [[1, 2], [[1, -1]], [[1, 3]], [[1.5, 0]], "ab"])
def test_ids_of_no_symbol_are_refused(y):
    with refused("y", DataError):
        label_ids(y, LETTERS, [9])


def test_labels_that_fit_into_no_utterance_are_refused_and_into_some_are_told():
    with refused("y", DataError):
        label_ids(["aa", "aa"], LETTERS, [2, 2])  # CTC needs a blank between them
    with pytest.warns(UserWarning, match="1 of 2"):
        label_ids(["aa", "a"], LETTERS, [2, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        label_ids(["aa", "a"], LETTERS, [3, 1])


def test_fit_takes_what_ids_stand_for():
    x = np.random.default_rng(0).normal(0, 0.1, (2, 8000)).astype("float32")
    model = zoo.load("simple_rnn", weights=None, units=4)
    ids = model.evaluate(x, np.array([1, 2]), verbose=0)
    assert model.evaluate(x, ["one", "two"], verbose=0) == pytest.approx(ids)
    assert "accuracy" in model.fit(x, ["one", "two"], validation_data=(x, ["two", "one"]), verbose=0).history
    with refused("y", DataError):
        model.fit(x, [1, 10], verbose=0)
    with refused("y", DataError):
        zoo.load("lstm_ctc", weights=None, units=4, layers=1).fit(x, [[1, -1], [2, 3]], verbose=0)


def test_losses_and_metrics_by_the_name_of_the_logits():
    x = np.random.default_rng(0).normal(0, 0.1, (2, 8000)).astype("float32")
    model = zoo.load("attention", weights=None, units=4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss={"logits": loss}, metrics={"logits": ["accuracy"]})
    assert set(model.evaluate(x, np.array([1, 2]), verbose=0, return_dict=True)) == {"loss", "accuracy"}


def test_copies_answer_the_same(tmp_path):
    model, clip = zoo.load("conv2d_mini"), zoo.audio.bundled("seven")
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.logits([clip])[0], model.logits([clip])[0])
    with refused("filepath"):
        model.save(tmp_path / "mine.h5")
    (tmp_path / "mine.h5").touch()
    with refused("name"):
        zoo.load(tmp_path / "mine.h5")


def _forked_child(answers):
    try:
        check_process()
    except ZooError as error:
        answers.put(error.argument)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_a_forked_process_is_told_rather_than_left_to_hang():
    check_process()
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    child = fork.Process(target=_forked_child, args=(answers,))
    child.start()
    assert answers.get(timeout=60) == "start_method"
    child.join(60)
