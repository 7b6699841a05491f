"""Labels and ids. This stage needs no Keras."""

import pytest
from conftest import refused
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError, UnknownNameError
from zoo.text import BLANK, CHARACTERS, LabelEncoder, Vocabulary, normalise


@given(st.text(alphabet=CHARACTERS.tokens))
def test_decode_inverts_encode(text):
    ids = CHARACTERS.encode(text)
    assert CHARACTERS.decode(ids) == text
    assert all(0 < i < len(CHARACTERS) for i in ids)


def test_blank_is_0_and_says_nothing():
    assert BLANK == 0
    assert len(CHARACTERS) == 29
    assert CHARACTERS.decode([0, 3, 0, 0, 4, 0]) == "ab"
    assert CHARACTERS.encode(" 'az") == [1, 2, 3, 28] == CHARACTERS.encode(" 'AZ")
    assert Vocabulary("aA").encode("Aa") == [2, 1]  # whose capitals are symbols of their own


def test_labels_may_be_words():
    labels = Vocabulary(["no", "yes"])
    assert labels.encode(["yes", "no"]) == [2, 1]
    assert labels.decode([2, 0, 1]) == "yesno"


@pytest.mark.parametrize("symbols", ["", "aba", ["yes", "yes"]])
def test_labels_are_distinct(symbols):
    with refused("tokens", DataError):
        Vocabulary(symbols)


@pytest.mark.parametrize("text", ["route 66", "naïve", "a-b"])
def test_what_is_no_label_is_a_sentence(text):
    with refused("text", DataError):
        CHARACTERS.encode(text)


@given(st.text(alphabet=" \t\n\u3000aAbÄß'"))
def test_normalise_is_idempotent(text):
    once = normalise(text)
    assert normalise(once) == once
    assert once == once.strip() and "  " not in once


def test_normalise():
    assert normalise("  Hello\n WORLD\t") == "hello world"


def test_classes_have_no_blank():
    classes = LabelEncoder(["no", "yes", "go"])
    assert len(classes) == 3 and classes.class_names == ("no", "yes", "go")
    assert [classes.encode(name) for name in classes.class_names] == [[0], [1], [2]]


@pytest.mark.parametrize("names", [[], ["yes"], ["yes", "no", "yes"]])
def test_classes_are_distinct_and_at_least_two(names):
    with refused("class_names", DataError):
        LabelEncoder(names)


def test_an_unknown_class_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="seven"):
        LabelEncoder(["six", "seven"]).encode("sevn")
