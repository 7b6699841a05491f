"""Error rates against edits counted by hand."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo.metrics import cer, wer

WORDS = st.lists(st.sampled_from(["one", "two", "three", "oh"]), max_size=6).map(" ".join)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "counts"),  # substitutions, deletions, insertions, hits
    [
        ("one two three", "one two three", (0, 0, 0, 3)),
        ("one two three", "one too three", (1, 0, 0, 2)),
        ("one two three", "one three", (0, 1, 0, 2)),
        ("one two three", "one two two three", (0, 0, 1, 3)),
        ("one two three", "", (0, 3, 0, 0)),
        ("one", "two three four", (1, 0, 2, 0)),
        ("one two", "two one", None),  # one edit of each of two kinds, or two of one
    ],
)
def test_wer_by_hand(reference, hypothesis, counts):
    found = wer([reference], [hypothesis])
    if counts:
        assert (found.substitutions, found.deletions, found.insertions, found.hits) == counts
        assert found.value == sum(counts[:3]) / len(reference.split())
    assert found.reference_length == len(reference.split()) and found.utterances == 1
    assert found.low == found.high == found.value  # of one utterance, each resample is the same


def test_cer_by_hand():
    found = cer(["one two"], ["on twos"])  # e is gone, s is added
    assert (found.substitutions, found.deletions, found.insertions, found.hits) == (0, 1, 1, 6)
    assert found.reference_length == 7 and found.value == pytest.approx(2 / 7)
    assert cer(["a b"], ["ab"]).deletions == 1  # the space counts


def test_is_over_all_words_not_a_mean_of_utterances():
    found = wer(
        ["one", "one two three four five six seven eight nine"], ["", "one two three four five six seven eight nine"]
    )
    assert found.value == pytest.approx(1 / 10) and found.utterances == 2


def test_an_utterance_of_nothing_said_counts_what_was_written():
    found = wer(["", "one two"], ["oh", "one two"])
    assert found.insertions == 1 and found.value == pytest.approx(0.5)
    with pytest.raises(DataError, match="references that hold words; all 2 are empty"):
        wer(["", ""], ["a", ""])


def edit_distance(a, b) -> int:
    row = np.arange(len(b) + 1)
    for i, x in enumerate(a, start=1):
        before, row = row, np.full(len(b) + 1, i)
        for j, y in enumerate(b, start=1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
    return int(row[-1])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_properties(pairs):
    references, hypotheses = zip(*pairs, strict=True)
    assume(any(references))
    for rate, split in ((wer, str.split), (cer, list)):
        found = rate(references, hypotheses)
        errors = found.substitutions + found.deletions + found.insertions
        assert errors == sum(edit_distance(split(r), split(h)) for r, h in pairs)
        assert found.reference_length == found.hits + found.substitutions + found.deletions
        assert found.value == pytest.approx(errors / found.reference_length)
        assert found.low <= found.high
        assert rate(references, references).value == 0


def test_the_interval_holds_the_value_and_narrows():
    rng = np.random.default_rng(0)
    references = ["one two three four five"] * 400
    hypotheses = [" ".join(w if rng.random() > 0.1 else "oh" for w in r.split()) for r in references]
    few, many = wer(references[:40], hypotheses[:40]), wer(references, hypotheses)
    for found in (few, many):
        assert 0 <= found.low < found.value < found.high
    assert many.high - many.low < 0.5 * (few.high - few.low)
    # Of 2,000 words a tenth is wrong: the binomial interval is +- 1.96 * sqrt(0.1 * 0.9 / 2000).
    assert many.high - many.low == pytest.approx(2 * 1.96 * np.sqrt(0.1 * 0.9 / 2000), rel=0.2)


def test_is_seeded():
    references, hypotheses = ["one two", "three", "oh oh oh"], ["one", "three", "oh two oh"]
    assert wer(references, hypotheses) == wer(references, hypotheses)
    assert wer(references, hypotheses, seed=1).value == wer(references, hypotheses).value


def test_pairs_must_match():
    with pytest.raises(DataError, match="received 2 references and 1 hypotheses"):
        wer(["a", "b"], ["a"])
    with pytest.raises(DataError):
        wer([], [])


def test_prints_in_percent():
    assert str(wer(["one two three four"], ["one two three oh"])) == "25.00 % [25.00, 25.00]"
