"""Error rates against edits counted by hand."""

import numpy as np
import pytest
from conftest import refused
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zoo.decoding import Classification, Transcript
from zoo.errors import DataError
from zoo.metrics import accuracy, cer, equal_error_rate, mcnemar, si_sdr, wer

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
    with refused("references", DataError):
        wer(["", ""], ["a", ""])


def edit_distance(a, b) -> int:
    row = np.arange(len(b) + 1)
    for i, x in enumerate(a, start=1):
        before, row = row, np.full(len(b) + 1, i)
        for j, y in enumerate(b, start=1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
    return int(row[-1])


@settings(deadline=None, max_examples=25)
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
    for references, hypotheses in ((["a", "b"], ["a"]), ([], [])):
        with refused("hypotheses", DataError):
            wer(references, hypotheses)


def test_prints_in_percent():
    assert str(wer(["one two three four"], ["one two three oh"])) == "25.00 % [25.00, 25.00]"


# --- classes


@pytest.mark.parametrize(
    ("correct", "clips", "low", "high"),  # Wilson 1927; Newcombe 1998, table I
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (5, 5, 0.5655, 1)],
)  # fmt: skip
def test_accuracy_has_wilsons_interval(correct, clips, low, high):
    found = accuracy(["a"] * clips, ["a"] * correct + ["b"] * (clips - correct))
    assert (found.correct, found.clips, found.value) == (correct, clips, correct / clips)
    assert found.low == pytest.approx(low, abs=1e-4) and found.high == pytest.approx(high, abs=1e-4)


def test_accuracy_prints_in_percent_and_needs_pairs():
    assert str(accuracy(["a", "b"], ["a", "a"])) == "50.00 % [9.45, 90.55]"
    for references, hypotheses in (([], []), (["a"], []), (["a"], ["a", "b"])):
        with refused("hypotheses", DataError):
            accuracy(references, hypotheses)


# --- two classifiers on the same clips


def pairs(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[str], list[str], list[str]]:
    """(references, first, second) with so many clips of each kind."""
    kinds = [("a", "a")] * both + [("a", "b")] * only_first + [("b", "a")] * only_second + [("b", "b")] * neither
    return ["a"] * len(kinds), [first for first, _ in kinds], [second for _, second in kinds]


@pytest.mark.parametrize(
    ("counts", "p"),  # twice the smaller tail of the binomial distribution, by hand
    [
        ((0, 1, 0, 0), 1.0),
        ((5, 5, 0, 3), 2 / 32),
        ((9, 1, 8, 1), 2 * (1 + 9) / 512),
        ((0, 4, 4, 0), 1.0),
        ((7, 0, 0, 2), 1.0),
        ((794, 150, 86, 570), 3.7e-5),  # Agresti, Categorical Data Analysis, 2002, table 10.1: z^2 = 17.36
    ],
)
def test_mcnemar_by_hand(counts, p):
    found = mcnemar(*pairs(*counts))
    assert (found.only_first, found.only_second, found.clips) == (counts[1], counts[2], sum(counts))
    assert found.difference == (counts[1] - counts[2]) / sum(counts) and found.p == pytest.approx(p, rel=0.02)
    references, first, second = pairs(*counts)
    turned = mcnemar(references, second, first)
    assert (turned.difference, turned.low, turned.high) == (-found.difference, -found.high, -found.low)
    assert turned.p == found.p and found.low <= found.difference <= found.high


def test_the_interval_of_a_difference_holds_the_truth():
    """Drawn 200 times: the interval holds the true difference in 95 of 100, and p is below 0.05 seldom where there is none."""
    rng = np.random.default_rng(0)
    for shares, truth in (((0.8, 0.08, 0.04, 0.08), 0.04), ((0.85, 0.05, 0.05, 0.05), 0.0)):
        drawn = [mcnemar(*pairs(*rng.multinomial(120, shares))) for _ in range(200)]
        assert 0.91 <= np.mean([found.low <= truth <= found.high for found in drawn]) <= 0.99
        if truth == 0:
            assert np.mean([found.p < 0.05 for found in drawn]) <= 0.05


def test_mcnemar_prints_in_points_and_needs_the_same_clips():
    # By hand: (6 +- 1.96 * sqrt(7 - 36 / 12)) / 12.
    assert str(mcnemar(*pairs(4, 6, 0, 0))) == "+60.00 points [+17.33, +82.67], p = 0.031"
    for references, first, second in (([], [], []), (["a"], ["a"], []), (["a"], ["a", "b"], ["a"])):
        with refused("hypotheses", DataError):
            mcnemar(references, first, second)


def voices(speakers: int, recordings: int, spread: float, seed: int = 0):
    """Embeddings, speakers and recordings of voices that differ by 1 and whose recordings differ by `spread`."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.standard_normal((speakers, 40)), recordings, axis=0)
    found = centres + spread * rng.standard_normal(centres.shape)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    names = [f"speaker {i // recordings}" for i in range(len(found))]
    return found, names, [f"{i}.wav" for i in range(len(found))]


def test_equal_error_rate_of_voices_far_apart_is_0():
    found = equal_error_rate(*voices(6, 4, spread=0.01))
    assert (found.value, found.low, found.high) == (0, 0, 0) and str(found) == "0.00 % [0.00, 0.00]"
    assert found.same == 6 * 4 * 3 / 2 and found.different == 6 * 5 / 2 * 16
    assert 0.5 < found.threshold < 1


def test_equal_error_rate_of_chance_is_half():
    embeddings, speakers, recordings = voices(12, 6, spread=1000)
    found = equal_error_rate(embeddings, speakers, recordings)
    assert found.value == pytest.approx(0.5, abs=0.08) and found.low <= found.value <= found.high
    assert found == equal_error_rate(embeddings, speakers, recordings)
    order = np.random.default_rng(1).permutation(len(speakers))
    moved = equal_error_rate(embeddings[order], [speakers[i] for i in order], [recordings[i] for i in order])
    assert moved.value == pytest.approx(found.value, abs=1e-3)


def test_equal_error_rate_is_where_both_errors_are_equal():
    embeddings, speakers, recordings = voices(12, 6, spread=1.2)
    found = equal_error_rate(embeddings, speakers, recordings)
    first, second = np.triu_indices(len(speakers), 1)
    same = np.array([speakers[a] == speakers[b] for a, b in zip(first, second, strict=True)])
    cosine = (embeddings[first] * embeddings[second]).sum(axis=1)
    rejected, accepted = (cosine[same] < found.threshold).mean(), (cosine[~same] >= found.threshold).mean()
    assert 0.02 < found.value < 0.4
    assert rejected == pytest.approx(found.value, abs=0.01) and accepted == pytest.approx(found.value, abs=0.01)


def test_two_clips_of_one_recording_are_no_pair():
    embeddings, speakers, recordings = voices(4, 4, spread=1.0)
    shared = [f"{i // 2}.wav" for i in range(16)]  # two clips are cut from each
    found = equal_error_rate(embeddings, speakers, shared)
    assert found.same == 4 * (6 - 2) and found.different == equal_error_rate(embeddings, speakers, recordings).different
    # What such pairs look like does not matter.
    twins = np.concatenate([embeddings, embeddings])
    doubled = equal_error_rate(twins, speakers * 2, recordings * 2)
    assert doubled.value == pytest.approx(equal_error_rate(embeddings, speakers, recordings).value, abs=0.02)


@pytest.mark.parametrize(
    ("speakers", "recordings"), [("aaa", "123"), ("abc", "123"), ("aab", "112"), ("a", "1"), ("", "")]
)
def test_equal_error_rate_needs_both_kinds_of_pairs(speakers, recordings):
    embeddings = np.eye(4, dtype="float32")[: len(speakers)]
    with refused("speakers", DataError):
        equal_error_rate(embeddings, list(speakers), list(recordings))


def test_what_models_return_is_scored_by_its_text():
    heard = [Classification("yes", {"yes": 1.0, "no": 0.0}, 1.0), Classification("no", {"yes": 0.0, "no": 1.0}, 1.0)]
    assert accuracy(np.array(["yes", "yes"]), heard).correct == 1
    assert mcnemar(["yes", "yes"], heard, ["no", "no"]).only_first == 1
    written = Transcript("one two", (), 1.0, 1.0)
    assert wer(["one two three"], [written]).value == wer("one two three", written).value == pytest.approx(1 / 3)
    assert cer("one", "won").value == cer(["one"], ["won"]).value


def test_a_string_is_no_list_of_letters():
    with refused("references", DataError):
        accuracy("yes", "yea")
    with refused("hypotheses", DataError):
        mcnemar(["a"], ["a"], "a")
    assert wer("one two three", "one too three").utterances == 1


def test_si_sdr_does_not_depend_on_level():
    clean, noise = np.array([1.0, -1.0, 1.0, -1.0]), 0.1 * np.array([1.0, 1.0, -1.0, -1.0])
    for level in (0.01, 1.0, -7.0):
        assert si_sdr(clean, level * (clean + noise)) == pytest.approx(20, abs=1e-4)
