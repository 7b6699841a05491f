"""Decoding equals brute force: greedy the best path, beam search the sum over alignments. NumPy only."""

import itertools
import json
from itertools import groupby

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.decoding import Transcript, align, beam_search, classify, greedy, label_prior, log_softmax
from zoo.errors import DataError
from zoo.language import ngram_lm
from zoo.text import CHARACTERS, Vocabulary

STEP = 0.03  # seconds


def logits_of(text: str, sure: float = 20.0, vocabulary=CHARACTERS) -> np.ndarray:
    """Logits whose best path is `text`, one frame a character; "_" is the blank."""
    ids = [0 if c == "_" else vocabulary.encode(c)[0] for c in text]
    logits = np.zeros((len(ids), len(vocabulary)), "float32")
    logits[np.arange(len(ids)), ids] = sure
    return logits


def decode(path: str, **options) -> Transcript:
    return greedy(logits_of(path, **options)[None], [len(path)], CHARACTERS, STEP)[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("__oo_nn_e__", "one"),
        ("thr_e_ee", "three"),  # a blank between two equal symbols keeps both
        ("three", "thre"),  # without one they are one
        ("a b", "a b"),
        ("a_  _ _b", "a b"),  # spaces in a row are one
        ("  a  ", "a"),
        ("____", ""),
        ("   ", ""),
        ("it's", "it's"),
    ],
)
def test_repeats_and_blanks(path, text):
    found = decode(path)
    assert found.text == str(found) == text
    assert [word.text for word in found.words] == text.split()


def test_no_frames_are_an_empty_transcript():
    assert decode("").text == "" and decode("").words == () and decode("").duration == 0


def test_word_times():
    found = decode("__oo_n__ __twwo_")
    one, two = found.words
    # A frame stands for half a step on either side of its centre.
    assert (one.start, one.end) == pytest.approx((1.5 * STEP, 5.5 * STEP))
    assert (two.start, two.end) == pytest.approx((10.5 * STEP, 14.5 * STEP))
    assert found.duration == pytest.approx(16 * STEP)
    (first,) = decode("a").words
    assert first.start == 0.0  # nothing starts before the clip does


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(0, 2**31), st.floats(0.1, 30))
def test_properties(n_frames, seed, scale):
    vocabulary = Vocabulary(" ab")
    logits = scale * np.random.default_rng(seed).standard_normal((n_frames, 4)).astype("float32")
    (found,) = greedy(logits[None], [n_frames], vocabulary, STEP)
    path = [symbol for symbol, _ in groupby(logits.argmax(axis=1)) if symbol]
    assert found.text.split() == vocabulary.decode(path).split()
    assert found.text == " ".join(word.text for word in found.words)
    assert 0 <= found.confidence <= 1 and found.duration == pytest.approx(n_frames * STEP)
    ends = 0.0
    for word in found.words:
        assert ends <= word.start < word.end <= found.duration + 1e-9
        assert 0 <= word.confidence <= 1 and " " not in word.text and word.text
        ends = word.end
    assert json.loads(json.dumps(found.to_dict()))["text"] == found.text


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 2**31))
def test_a_batch_is_its_clips(lengths, seed):
    rng = np.random.default_rng(seed)
    logits = 5 * rng.standard_normal((len(lengths), max(lengths) + 3, len(CHARACTERS))).astype("float32")
    together = greedy(logits, lengths, CHARACTERS, STEP)
    for row, n, found in zip(logits, lengths, together, strict=True):
        assert found == greedy(row[None, :n], [n], CHARACTERS, STEP)[0]


def test_confidence_is_the_models():
    sure, unsure = decode("__one__", sure=20.0), decode("__one__", sure=1.0)
    assert sure.confidence > 0.99 and sure.words[0].confidence > 0.99
    expected = np.exp(1) / (np.exp(1) + 28)
    assert unsure.confidence == pytest.approx(expected) and unsure.words[0].confidence == pytest.approx(expected)
    # The geometric mean of characters, each as sure as its best frame.
    logits = np.concatenate([logits_of("a", 20.0), logits_of("a", 1.0), logits_of("b", 1.0)])
    (found,) = greedy(logits[None], [3], CHARACTERS, STEP)
    assert found.confidence == pytest.approx(np.sqrt(expected), rel=1e-6)
    assert decode("____", sure=1.0).confidence == pytest.approx(expected)  # how sure it is that nothing was said


def test_logits_need_not_be_normalised():
    logits = logits_of("_one_ two_")
    a, b = greedy(np.stack([logits, logits + 1000]), [10, 10], CHARACTERS, STEP)
    assert a.words == b.words and np.isfinite(a.confidence)
    huge = greedy(logits[None] * 1e4, [10], CHARACTERS, STEP)[0]
    assert huge.text == "one two" and huge.confidence == pytest.approx(1)


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=8))
def test_log_softmax(values):
    found = log_softmax(np.array([values]))
    assert np.exp(found).sum() == pytest.approx(1) and found.max() <= 0
    np.testing.assert_allclose(found[0] - found[0, 0], np.array(values) - values[0], atol=1e-6)


# --- beam search

ABC = Vocabulary("ab ")
exact = {"beam_width": 10**6, "token_min_logp": -np.inf}  # nothing is left out


def by_hand(logits, vocabulary=ABC):
    """log P of every sequence of vocabulary: the sum over all paths that collapse to it."""
    log_probabilities = log_softmax(logits.astype("float64"))
    found = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        ids = tuple(symbol for symbol, _ in groupby(path) if symbol)
        value = log_probabilities[np.arange(len(path)), path].sum()
        found[ids] = np.logaddexp(found.get(ids, -np.inf), value)
    return found


def random_logits(n_frames, seed, symbols=4):
    return 2 * np.random.default_rng(seed).standard_normal((n_frames, symbols))


def text_of(ids, vocabulary=ABC):
    return " ".join(vocabulary.decode(ids).split())


few = settings(max_examples=20, deadline=None, derandomize=True)


@few
@given(st.integers(0, 5), st.integers(0, 999))
def test_beam_search_is_the_sum_over_alignments(n_frames, seed):
    logits = random_logits(n_frames, seed)
    expected = by_hand(logits)
    found = beam_search(logits, ABC, word_bonus=0.0, n_best=10**6, **exact)
    best_of_text = {}
    for ids, value in expected.items():
        best_of_text[text_of(ids)] = max(best_of_text.get(text_of(ids), -np.inf), value)
    assert {h.text for h in found} == set(best_of_text)
    for hypothesis in found:
        assert hypothesis.acoustic == pytest.approx(best_of_text[hypothesis.text], abs=1e-6)
        assert hypothesis.acoustic == pytest.approx(expected[hypothesis.ids], abs=1e-6)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


LANGUAGE = {
    "word": ngram_lm.train(["a b", "ab a", "b b ab", "ab"], 2),
    "character": ngram_lm.train(["a b", "ab a", "b b ab", "ab"], 3, "character"),
}


def spelled(text, model):
    """What words that a model does not know pay for their letters."""
    if model.unit == "character":
        return 0.0
    return -np.log(len(ABC.tokens)) * sum(len(word) for word in text.split() if word not in model.vocabulary)


@few
@given(seed=st.integers(0, 10**6))
def test_a_beam_alone_rewards_no_word(seed):
    """Without a language model no word costs anything, so the default is the most probable text; else it is one for each."""
    logits = random_logits(7, seed)
    [alone] = beam_search(logits, ABC)
    assert alone == beam_search(logits, ABC, word_bonus=0.0)[0]
    assert alone.score == alone.acoustic
    [words] = beam_search(logits, ABC, lexicon=["a", "ab", "b"])
    assert words.score == pytest.approx(words.acoustic + len(words.text.split()))


@few
@given(
    st.integers(1, 5), st.integers(0, 999), st.sampled_from(["word", "character"]), st.floats(0, 2), st.floats(-1, 2)
)
def test_language_models_are_fused_as_brute_force_does_it(n_frames, seed, unit, alpha, word_bonus):
    logits, model = random_logits(n_frames, seed), LANGUAGE[unit]
    scores = {}
    for ids, acoustic in by_hand(logits).items():
        raw = ABC.decode(ids)
        value = model.log_probability(raw.split() if unit == "word" else list(raw)) + spelled(raw, model)
        total = acoustic + alpha * value + word_bonus * len(raw.split())
        scores[text_of(ids)] = max(scores.get(text_of(ids), -np.inf), total)
    found = beam_search(logits, ABC, language_model=model, alpha=alpha, word_bonus=word_bonus, n_best=10**6, **exact)
    assert found[0].text == max(scores, key=scores.get)
    for hypothesis in found:
        assert hypothesis.score == pytest.approx(scores[hypothesis.text], abs=1e-6)


@few
@given(st.integers(1, 5), st.integers(0, 999), st.floats(0.05, 1.5))
def test_priors_are_divided_out_of_every_frame(n_frames, seed, prior_scale):
    logits = random_logits(n_frames, seed)
    prior = np.random.default_rng((seed, 1)).dirichlet(np.full(logits.shape[1], 2.0)) + 1e-3
    divided = np.exp(log_softmax(logits)) / prior**prior_scale
    scores = {}
    for ids, value in by_hand(np.log(divided)).items():
        scores[text_of(ids)] = max(scores.get(text_of(ids), -np.inf), value)
    found = beam_search(logits, ABC, word_bonus=0.0, prior_scale=prior_scale, prior=prior, n_best=10**6, **exact)
    assert found[0].text == max(scores, key=scores.get)
    for hypothesis in found:
        assert hypothesis.score == pytest.approx(scores[hypothesis.text], abs=1e-6)


@few
@given(st.integers(1, 9), st.integers(0, 999), st.floats(-1, 2))
def test_equal_priors_change_nothing(n_frames, seed, prior_scale):
    logits = random_logits(n_frames, seed)
    usual = beam_search(logits, ABC, n_best=5)
    found = beam_search(logits, ABC, prior_scale=prior_scale, prior=np.full(logits.shape[1], 0.2), n_best=5)
    assert [h.text for h in found] == [h.text for h in usual]
    assert [h.score for h in found] == pytest.approx([h.score for h in usual])


def test_a_prior_is_the_mean_over_all_frames():
    logits = [random_logits(n, n) for n in (2, 7)]
    every = np.exp(log_softmax(np.concatenate(logits)))
    assert label_prior(logits) == pytest.approx(every.mean(axis=0))
    assert label_prior([np.zeros((0, 3)), np.zeros((1, 3))]).tolist() == pytest.approx([1 / 3] * 3)
    for nothing in ([], [np.zeros((0, 3))]):
        with refused("logits"):
            label_prior(nothing)


def test_what_is_likely_anyway_needs_better_evidence():
    vocabulary = Vocabulary("eq")
    logits = np.log([[0.2, 0.42, 0.38]])  # e or q, rather e, as nearly always
    prior = [0.5, 0.45, 0.05]
    assert beam_search(logits, vocabulary)[0].text == "e"
    assert beam_search(logits, vocabulary, prior_scale=0.3, prior=prior)[0].text == "q"


@few
@given(st.integers(1, 5), st.integers(0, 999), st.sampled_from([("a",), ("ab", "b"), ("aa", "ab")]))
def test_allowed_words_alone_are_written(n_frames, seed, lexicon):
    logits = random_logits(n_frames, seed)
    allowed = {
        ids: value for ids, value in by_hand(logits).items() if all(word in lexicon for word in text_of(ids).split())
    }
    best = max(allowed, key=allowed.get)
    found = beam_search(logits, ABC, lexicon=lexicon, word_bonus=0.0, n_best=10**6, **exact)
    assert all(set(h.text.split()) <= set(lexicon) for h in found)
    assert found[0].text == text_of(best) and found[0].score == pytest.approx(allowed[best], abs=1e-6)


@few
@given(st.integers(1, 40), st.integers(0, 999))
def test_a_narrow_beam_is_nearly_as_good(n_frames, seed):
    logits = 2 * random_logits(n_frames, seed)
    wide = beam_search(logits, ABC, word_bonus=0.0, beam_width=256, token_min_logp=-np.inf)[0]
    usual = beam_search(logits, ABC, word_bonus=0.0)[0]
    assert wide.score - 1.0 <= usual.score <= wide.score + 1e-6


def test_certain_logits_need_no_search():
    vocabulary = Vocabulary("abc ")
    path = [1, 1, 0, 1, 2, 0, 4, 4, 3, 0]
    logits = np.full((len(path), 5), -20.0)
    logits[np.arange(len(path)), path] = 20.0
    greedily = greedy(logits[None], [len(path)], vocabulary, 0.03)[0]
    for options in ({}, {"beam_width": 1}, {"lexicon": ["aab", "c"]}):
        best = beam_search(logits, vocabulary, **options)[0]
        assert best.text == greedily.text == "aab c"
        assert align(logits, best.ids, vocabulary, 0.03) == greedily


def test_a_language_model_turns_the_scale():
    """Two words sound alike; what came before decides."""
    vocabulary = Vocabulary("abcd ")
    logits = np.full((5, 6), -9.0)
    logits[[0, 1, 2, 3], [1, 0, 5, 0]] = 9.0
    logits[4, [3, 4]] = (5.0, 5.1)  # c or d, rather d
    model = ngram_lm.train(["a c", "a c", "b d", "d", "c"], 2)
    assert beam_search(logits, vocabulary)[0].text == "a d"
    assert beam_search(logits, vocabulary, language_model=model, alpha=0.5)[0].text == "a c"


def test_what_beam_search_refuses():
    logits = random_logits(3, 0)
    foreign = [ngram_lm.train(["один два", "три"], 2), ngram_lm.train(["один два"], 2, "character")]
    for argument, values in {
        "beam_width": (0, 16.0),
        "n_best": (0,),
        "alpha": ("0.5", np.nan),
        "prior_scale": (np.inf,),
        "token_min_logp": (None, 1.0, np.nan),
        "lexicon": ([], ["a b"], [7], 7, ["ax"], [""], ""),
        "language_model": foreign,
    }.items():
        for value in values:
            with refused(argument):
                beam_search(logits, ABC, **{argument: value})
    for prior in (None, [0.5, 0.5], [0.5, 0.5, 0.0, 0.0]):
        with refused("prior"):
            beam_search(logits, ABC, prior_scale=0.2, prior=prior)
    assert beam_search(logits, ABC, beam_width=np.int64(8)) == beam_search(logits, ABC, beam_width=8)


def test_a_lexicon_is_read_as_it_was_meant():
    vocabulary = Vocabulary(" efghinorstuvwxz")
    logits = np.random.default_rng(0).normal(size=(12, len(vocabulary)))
    (expected, *_) = beam_search(logits, vocabulary, lexicon=["six", "nine"])
    for same in ("six nine", "six, nine", "SIX Nine", ["Six", "nine"], [6, 9], ["6", 9], np.array([6, 9])):
        assert beam_search(logits, vocabulary, lexicon=same)[0] == expected


def test_logits_are_those_of_the_labels():
    for wrong in (random_logits(3, 0)[None], random_logits(3, 0)[:, :3]):
        for decode in (beam_search, lambda *given: align(*given[:1], [1], *given[1:], 0.03)):
            with refused("logits"):
                decode(wrong, ABC)
    with refused("logits"):
        greedy(random_logits(3, 0), [3, 3, 3], ABC, 0.03)  # one utterance in place of a batch


# --- forced alignment


@few
@given(st.integers(1, 6), st.lists(st.integers(1, 3), max_size=4), st.integers(0, 999))
def test_alignment_is_the_best_path(n_frames, ids, seed):
    logits = random_logits(n_frames, seed)
    if len(ids) + sum(a == b for a, b in itertools.pairwise(ids)) > n_frames:
        with refused("ids", DataError):
            align(logits, ids, ABC, 0.1, name="clip.wav")
        return
    log_probabilities = log_softmax(logits)
    paths = [
        path
        for path in itertools.product(range(4), repeat=n_frames)
        if [symbol for symbol, _ in groupby(path) if symbol] == ids
    ]
    best = max(paths, key=lambda path: log_probabilities[np.arange(n_frames), path].sum())
    forced = np.full((n_frames, 4), -50.0)
    forced[np.arange(n_frames), best] = 50.0
    found, expected = align(logits, ids, ABC, 0.1), greedy(forced[None], [n_frames], ABC, 0.1)[0]
    assert [(w.text, w.start, w.end) for w in found.words] == [(w.text, w.start, w.end) for w in expected.words]
    assert all(0 < word.confidence <= 1 for word in found.words)


def test_a_path_without_probability_is_an_alignment_still():
    with np.errstate(divide="ignore"):
        logits = np.log(np.eye(4)[[1, 0, 1]])
    assert align(logits, [1, 2], ABC, 0.03).text == "ab"


def test_long_texts_are_aligned_too():
    vocabulary = Vocabulary("abc ")
    ids = np.random.default_rng(0).choice([1, 2, 3, 4], 400)
    path = np.concatenate([[i, 0] for i in ids])
    logits = np.full((len(path), 5), -9.0)
    logits[np.arange(len(path)), path] = 9.0
    assert align(logits, ids, vocabulary, 0.03) == greedy(logits[None], [len(path)], vocabulary, 0.03)[0]


# --- classes


def test_classify():
    found = classify(np.array([0.0, 2.0, 1.0], "float32"), ["no", "yes", "go"])
    assert found.label == str(found) == "yes" and list(found.probabilities) == ["no", "yes", "go"]
    assert found.confidence == found.probabilities["yes"] == pytest.approx(np.exp(2) / (1 + np.exp(2) + np.exp(1)))
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


def test_classify_does_not_overflow():
    found = classify(np.array([-1e4, 1e4], "float32"), ["no", "yes"])
    assert found.probabilities == {"no": 0.0, "yes": 1.0}


def test_classify_wants_a_logit_for_each_class():
    with pytest.raises(ValueError):
        classify(np.zeros(3), ["no", "yes"])
