"""Language models: probabilities sum to one, files come back as they went, and what is wrong is a sentence."""

import math
import shutil
import subprocess

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import language
from zoo.errors import DataError, MissingFileError, UnknownNameError, WeightsError
from zoo.language import END, START, UNKNOWN, lstm_lm, ngram_lm

quick = settings(max_examples=20, deadline=None, derandomize=True)
TEXTS = ["one two three", "one two", "two one two", "three", "one three three one", "two two one", "one"]

words = st.sampled_from("abcde")
sentences = st.lists(st.lists(words, max_size=6).map(" ".join), min_size=1, max_size=12).filter(lambda s: any(s))
units = st.sampled_from(language.UNITS)


def total(model, state) -> float:
    """Sum of the probabilities of everything that may follow."""
    return sum(math.exp(model.advance(state, token)[0]) for token in [*model.vocabulary, UNKNOWN]) + math.exp(
        model.end(state)
    )


@quick
@given(sentences, st.integers(1, 5), units, st.lists(st.sampled_from([*"abcdez", " "]), max_size=7))
def test_probabilities_of_every_history_sum_to_one(texts, order, unit, history):
    model = ngram_lm.train(texts, order, unit)
    state = model.start()
    for token in history:
        assert total(model, state) == pytest.approx(1, abs=1e-9)
        _, state = model.advance(state, token)
    assert total(model, state) == pytest.approx(1, abs=1e-9)


@quick
@given(sentences, st.integers(1, 4), units)
def test_files_come_back_as_they_went(tmp_path_factory, texts, order, unit):
    model, path = ngram_lm.train(texts, order, unit), tmp_path_factory.mktemp("lm") / "m.arpa.gz"
    model.save(path)
    again = ngram_lm.read(path, unit)
    assert (
        again.vocabulary == model.vocabulary and again.order == model.order and again.grams.keys() == model.grams.keys()
    )
    for text in [*texts, "a z b"]:
        assert again.log_probability(text) == pytest.approx(model.log_probability(text), rel=1e-5, abs=1e-5)


def test_words_of_one_letter_come_back_as_words(tmp_path):
    for unit in language.UNITS:
        model, path = ngram_lm.train(["a b c", "a c"], 2, unit), tmp_path / f"{unit}.arpa.gz"
        model.save(path)
        again = language.load(path)
        assert again.unit == unit and again.perplexity("a b") == pytest.approx(model.perplexity("a b"), rel=1e-5)


def test_modified_kneser_ney_by_hand():
    """Unigrams after "two"s left: how many different words stand before each, not how often each came."""
    texts = ["san francisco"] * 5 + ["the cat", "a cat", "old cat"]
    model = ngram_lm.train(texts, order=2)
    assert model.score("old", "francisco") < model.score("old", "cat")
    unigrams = {token: math.exp(ngram_lm.LOG_10 * model.grams[(token,)][0]) for token in ("francisco", "cat")}
    # Continuation counts: san, francisco, the, a, old 1 each, cat 3, </s> 2 (after francisco and cat): 10 in all.
    # Counts of counts 5, 1, 1, 0: discounts cannot be estimated, so 0.5, 1, 1.5. Freed: 5 * 0.5 + 1 + 1.5 of 10.
    share = 0.5 / 8  # of what is freed, for each of the 7 tokens and <unk>
    assert unigrams["francisco"] == pytest.approx((1 - 0.5) / 10 + share)
    assert unigrams["cat"] == pytest.approx((3 - 1.5) / 10 + share)
    # After "san": francisco came 5 times, discount 1.5 of 5.
    assert math.exp(model.score("san", "francisco")) == pytest.approx(3.5 / 5 + 0.3 * unigrams["francisco"])


def test_discounts_from_counts_of_counts():
    counts = [1] * 40 + [2] * 10 + [3] * 5 + [4] * 3 + [9] * 7
    y = 40 / (40 + 20)
    assert ngram_lm._discounts(counts) == pytest.approx((1 - 2 * y * 10 / 40, 2 - 3 * y * 5 / 10, 3 - 4 * y * 3 / 5))


@pytest.mark.skipif(not shutil.which("lmplz"), reason="KenLM's lmplz is not installed")
@pytest.mark.parametrize("order", [2, 3])
def test_equals_kenlm(order, tmp_path):
    rng = np.random.default_rng(0)
    texts = [
        " ".join(rng.choice(list("abcdefgh"), p=np.arange(8, 0, -1) / 36, size=rng.integers(1, 9))) for _ in range(300)
    ]
    (tmp_path / "text").write_text("\n".join(texts) + "\n")
    command = ["lmplz", "-o", str(order), "--text", "text", "--arpa", "kenlm.arpa", "--discount_fallback"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    ours, theirs = ngram_lm.train(texts, order), ngram_lm.read(tmp_path / "kenlm.arpa", "word")
    assert ours.grams.keys() == theirs.grams.keys()
    for text in texts[:50]:
        assert ours.log_probability(text) == pytest.approx(theirs.log_probability(text), rel=1e-4, abs=1e-4)


def test_kenlm_reads_what_we_write(tmp_path):
    kenlm = pytest.importorskip("kenlm")
    model = ngram_lm.train(TEXTS * 4 + ["four one", "one four two"], 3)
    model.save(tmp_path / "ours.arpa")
    theirs = kenlm.Model(str(tmp_path / "ours.arpa"))
    for text in [*TEXTS, "one unheard two", "four four"]:
        assert ngram_lm.LOG_10 * theirs.score(text) == pytest.approx(model.log_probability(text), abs=1e-4)


@quick
@given(sentences, units)
def test_score_and_perplexity_agree(texts, unit):
    model = ngram_lm.train(texts, 3, unit)
    text = max(texts, key=len)
    tokens = model.tokens(text)
    steps = [model.score(tokens[:i], token) for i, token in enumerate([*tokens, END])]
    assert sum(steps) == pytest.approx(model.log_probability(text))
    assert model.perplexity(text) == pytest.approx(math.exp(-np.mean(steps)))
    assert model.perplexity([text, text]) == pytest.approx(model.perplexity(text))


@quick
@given(
    sentences,
    sentences,
    st.integers(1, 4),
    st.integers(1, 4),
    st.floats(0.05, 0.95),
    units,
    st.lists(words, max_size=5),
)
def test_interpolated_models_sum_to_one_and_average(one, other, order, its, share, unit, history):
    parts = ngram_lm.train(one, order, unit), ngram_lm.train([text.replace("a", "f") for text in other], its, unit)
    both = ngram_lm.interpolate(parts, [1 - share, share])
    assert both.vocabulary == parts[0].vocabulary | parts[1].vocabulary and both.order == max(
        part.order for part in parts
    )
    state = both.start()
    for token in [*history, "z"]:
        assert total(both, state) == pytest.approx(1, abs=1e-6)
        _, state = both.advance(state, token)
    assert total(both, state) == pytest.approx(1, abs=1e-6)
    for text in (max(one, key=len), max(other, key=len).replace("a", "f")):  # what was seen has the average itself
        tokens = both.tokens(text)
        seen = [*tokens, END][: max(1, both.order - 1)]
        for i, token in enumerate(seen):
            averaged = sum(
                weight * math.exp(part.score(tokens[:i], token)) * (token == END or token in part.vocabulary)
                for weight, part in zip((1 - share, share), parts, strict=True)
            )
            if (START, *tokens[:i], token) in both.grams:
                assert math.exp(both.score(tokens[:i], token)) == pytest.approx(averaged)


def test_out_of_domain_text_helps_with_the_order_of_known_words():
    texts, others = ["you see it", "we have you", "it was good"], ["it was you we see", "was it good", "it was a cat"]
    alone = ngram_lm.train(texts)
    more = ngram_lm.train(texts, out_of_domain=others, interpolation_weight=0.3)
    assert more.vocabulary == alone.vocabulary  # the cat is not taken in
    assert more.perplexity("it was you we see") < alone.perplexity("it was you we see") / 2
    twice = ngram_lm.train(texts, out_of_domain=[*others, others[0]], interpolation_weight=0.3)
    assert more.grams == twice.grams  # each text once
    assert ngram_lm.train(texts, out_of_domain=[]).grams == alone.grams
    fewer = ngram_lm.train(texts, out_of_domain=[*others, "it was you", "so it was you"], min_count=2).grams
    assert ("it", "was", "you") in fewer and ("you", "we", "see") not in fewer and ("you", "we") in fewer
    for weight in (0, 1, -0.1, "half"):
        with refused("interpolation_weight"):
            ngram_lm.train(texts, out_of_domain=others, interpolation_weight=weight)
    with refused("min_count"):
        ngram_lm.train(texts, out_of_domain=others, min_count=0)
    with refused("out_of_domain", DataError):
        ngram_lm.train(texts, out_of_domain=["nothing here is known", ""])


@quick
@given(sentences, sentences, st.integers(1, 3), st.integers(1, 3), units, st.lists(words, max_size=4))
def test_out_of_domain_models_sum_to_one(texts, others, order, min_count, unit, history):
    """Every history sums to 1, and among single words the unknown has its share from the texts alone."""
    others = [text.replace("a", "f").replace("b", "g") for text in others]
    near = ngram_lm.train(texts, order, unit)
    if not any(set(near.tokens(text)) & near.vocabulary for text in others):
        return
    both = ngram_lm.train(texts, order, unit, out_of_domain=others, interpolation_weight=0.4, min_count=min_count)
    assert both.vocabulary == near.vocabulary
    state = both.start()
    for token in history:
        assert total(both, state) == pytest.approx(1, abs=1e-6)
        _, state = both.advance(state, token)
    assert total(both, state) == pytest.approx(1, abs=1e-6)
    assert math.exp(both.advance((), UNKNOWN)[0]) == pytest.approx(0.6 * math.exp(near.advance((), UNKNOWN)[0]))


def test_what_is_no_unknown_shares_its_probability():
    """P(w | h, w is no <unk>) = P(w | h) / (1 - P(<unk> | h)), after every history and for every word."""
    model = ngram_lm.train(["one <unk> two", "two one <unk>", "two two <unk> one", "one two one"] * 2 + ["one one"])
    rest = ngram_lm._without_unknown(model)
    for history in ((), ("one",), ("two", "one"), ("one", "one"), ("<s>", "one"), ("two", "two")):
        left = 1 - 10 ** model._log10(history, UNKNOWN)
        for token in ("one", "two", END):
            assert 10 ** rest._log10(history, token) == pytest.approx(10 ** model._log10(history, token) / left)


def test_models_that_are_read_are_interpolated(tmp_path, network):
    """Files of other programs lack n-grams within longer ones, or hold P that is nothing in floating point."""
    text = ngram_lm.train(TEXTS)
    text.save(tmp_path / "m.arpa")
    lines = (tmp_path / "m.arpa").read_text().splitlines()
    two = next(line for line in lines if "\ttwo three" in line and len(line.split()) < 5)
    lines[lines.index(two)] = two.replace(two.split()[0], "-400")
    (tmp_path / "m.arpa").write_text("\n".join(lines).replace("-400", "-400.0"))
    pruned = ngram_lm.read(tmp_path / "m.arpa")
    del pruned.grams["one", "two"]  # with "one two three" still there
    both = ngram_lm.interpolate([pruned, text], [0.5, 0.5])
    state = both.advance(both.advance(both.start(), "one")[1], "two")[1]
    assert total(both, state) == pytest.approx(1, abs=1e-6) and math.isfinite(both.perplexity(TEXTS))
    with refused("models"):
        ngram_lm.interpolate([text, network], [0.5, 0.5])
    with refused("weights"):
        ngram_lm.interpolate([text, text], [math.nan, 0.5])
    literal = ngram_lm.train(["one two", "two <s> one", "</s>"])
    assert total(literal, literal.advance(literal.start(), "two")[1]) == pytest.approx(1, abs=1e-9)


def test_more_order_fits_the_training_text_better():
    values = [ngram_lm.train(TEXTS * 3, order).perplexity(TEXTS) for order in (1, 2, 3)]
    assert values[0] > values[1] > values[2] > 1


def test_samples():
    model = ngram_lm.train(TEXTS, 3)
    drawn = [model.sample(seed) for seed in range(30)]
    assert drawn == [model.sample(seed) for seed in range(30)] and len(set(drawn)) > 5
    assert {word for text in drawn for word in text.split()} <= model.vocabulary
    assert len({model.sample(seed, temperature=0.01) for seed in range(30)}) < 3  # the likeliest, always
    letters = ngram_lm.train(TEXTS, 4, "character").sample(3)
    assert isinstance(letters, str) and set(letters) <= set("onetwhr ")


# --- the network


def some_texts(count=60, seed=0):
    """After "one" comes a number of words, after "two" a letter: what a network can learn and a test can ask."""
    rng = np.random.default_rng(seed)
    return [rng.choice(["one big house", "one small house", "two a", "two b", "two c"]) for _ in range(count)]


@pytest.fixture(scope="module")
def network():
    return lstm_lm.train(some_texts(), units=12, dropout=0.1, epochs=12, learning_rate=0.02)


def test_the_network_learns_and_sums_to_one(network):
    assert network.perplexity(some_texts(20, seed=1)) < 3.5 < ngram_lm.train(some_texts(), 1).perplexity(some_texts(20))
    assert network.score("one", "small") > network.score("one", "a") + 1
    state = network.start()
    for token in ("one", "unheard", "house"):
        assert total(network, state) == pytest.approx(1, abs=1e-6)
        _, state = network.advance(state, token)
    assert total(network, state) == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_out_of_domain_text_teaches_the_network_the_order_of_known_words():
    lines, others = [], [f"{first} small b" for first in ("two", "a", "b", "c", "big", "small", "house", "cat")]
    settings = {"units": 12, "dropout": 0.0, "epochs": 1, "learning_rate": 0.03, "batch_size": 1}
    more = lstm_lm.train(some_texts(20), **settings, out_of_domain=others, out_of_domain_epochs=10, log=lines.append)
    assert "cat" not in more.vocabulary and len(lines) == 11
    assert more.score("two small", "b") > more.score("two small", "a") + 1
    for wrong in ("cat", "one small house a b c"):  # unknown; longer than any text
        with refused("out_of_domain", DataError):
            lstm_lm.train(some_texts(20), **settings, out_of_domain=[wrong])


@pytest.mark.parametrize("unit", language.UNITS)
def test_numpy_does_what_keras_does(unit):
    net = lstm_lm.network(9, 5, 0.5)
    model = lstm_lm.LSTMModel(unit, [*lstm_lm.SPECIAL, *"abcdef"], lstm_lm._weights(net))
    tokens = list("fabacab")
    ids = np.array([[0, *(model.ids[token] for token in tokens)]], "int32")
    logits = np.array(net(ids))[0].astype("float64")
    logits[:, 0] = -np.inf
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    steps = [model.score(tokens[:i], token) for i, token in enumerate([*tokens, END])]
    np.testing.assert_allclose(steps, expected[np.arange(8), [*ids[0, 1:], 1]], atol=1e-5)


def test_the_network_comes_back_as_it_went(network, tmp_path):
    network.save(tmp_path / "m.weights.h5")
    again = lstm_lm.read(tmp_path / "m.weights.h5")
    assert again.unit == network.unit and again.vocabulary == network.vocabulary
    assert again.log_probability("two b") == pytest.approx(network.log_probability("two b"), abs=0.02)
    assert network.sample(3) == network.sample(3) and set(network.sample(3).split()) <= network.vocabulary
    (tmp_path / "cut.h5").write_bytes((tmp_path / "m.weights.h5").read_bytes()[:900])
    (tmp_path / "text.h5").write_text("no weights")
    for name in ("cut.h5", "text.h5"):
        with refused("path", WeightsError):
            lstm_lm.read(tmp_path / name)
    with refused("path", MissingFileError):
        lstm_lm.read(tmp_path / "none.h5")


def test_what_the_network_cannot_learn_from():
    with refused("texts", DataError):
        lstm_lm.train(TEXTS)
    for argument, value in (
        ("dropout", 1.0),
        ("units", "many"),
        ("units", 0),
        ("epochs", 1.5),
        ("learning_rate", "fast"),
        ("seed", -1),
        ("out_of_domain_epochs", 0),
    ):
        with refused(argument):
            lstm_lm.train(some_texts(), **{argument: value})


@pytest.mark.slow
def test_training_that_diverges_is_refused():
    with refused("learning_rate"):
        lstm_lm.train(some_texts(), units=4, epochs=1, learning_rate=1e38)


def test_mixtures(network):
    grams = ngram_lm.train(some_texts(), 2)
    both = language.Mixture([network, grams], [0.25, 0.75])
    for prefix, token in (("one", "big"), ("two a", END), ("", "two")):
        parts = [math.exp(model.score(prefix, token)) for model in (network, grams)]
        assert math.exp(both.score(prefix, token)) == pytest.approx(0.25 * parts[0] + 0.75 * parts[1])
    assert total(both, both.start()) == pytest.approx(1, abs=1e-6)
    with refused("models"):
        language.Mixture([grams, ngram_lm.train(TEXTS, 2, "character")])
    with refused("models"):
        language.Mixture([])
    with refused("weights"):
        language.Mixture([grams, grams], [0.5, 0.6])
    assert len(language.load("ngram_lm+lstm_lm").models) == 2


# --- what is wrong


@pytest.mark.parametrize(
    ("texts", "settings", "argument"),
    [
        ([], {}, "texts"),
        (["", "  "], {}, "texts"),
        (TEXTS, {"order": 0}, "order"),
        (TEXTS, {"order": 10**9}, "order"),
        (TEXTS, {"order": "3"}, "order"),
        (TEXTS, {"unit": "letter"}, "unit"),
    ],
)
def test_what_cannot_be_learnt_from(texts, settings, argument):
    with refused(argument):
        ngram_lm.train(texts, **settings)


def test_arguments_that_make_no_sense():
    model = ngram_lm.train(TEXTS)
    with refused("texts", DataError):
        model.perplexity([])
    unlikely = ngram_lm.NGramModel("word", {(UNKNOWN,): (-400.0, 0.0), (END,): (-400.0, 0.0)})
    assert unlikely.perplexity("one") == math.inf
    with refused("temperature"):
        model.sample(temperature=0)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[: len(s) // 2],
        lambda s: s.replace("\\end\\", ""),
        lambda s: s.replace("ngram 2=", "ngram 2=1"),
        lambda s: s.replace("ngram 3=", "ngram 4="),
        lambda s: s.replace("\tone two\t", "\tone two three four\t"),
        lambda s: s.replace("-99", "nan"),
        lambda s: s.replace("-99", "99"),
        lambda s: "hello",
        lambda s: "\\data\\\nngram 1=0\n\\1-grams:\n\\end\\\n",
        lambda s: "",
    ],
)
def test_arpa_files_that_are_wrong(change, tmp_path):
    path = tmp_path / "m.arpa"
    ngram_lm.train(TEXTS).save(path)
    path.write_text(change(path.read_text()))
    with refused("", DataError):
        ngram_lm.read(path)


def test_arpa_files_that_are_no_text(tmp_path):
    path = tmp_path / "m.arpa.gz"
    ngram_lm.train(TEXTS).save(path)
    path.write_bytes(path.read_bytes()[:60])
    with refused("", DataError):
        ngram_lm.read(path)
    ngram_lm.train(TEXTS).save(path)
    data = bytearray(path.read_bytes())
    data[40:60] = b"\xff" * 20
    path.write_bytes(data)
    with refused("", DataError):
        ngram_lm.read(path)
    (tmp_path / "b.arpa").write_bytes(bytes(range(128, 256)))
    with refused("", DataError):
        ngram_lm.read(tmp_path / "b.arpa")
    with refused("path", MissingFileError):
        ngram_lm.read(tmp_path / "none.arpa")


def test_arpa_files_of_other_programs(tmp_path):
    """With a byte order mark, and without a line that says the unit."""
    path = tmp_path / "m.arpa"
    ngram_lm.train(TEXTS).save(path)
    path.write_text(path.read_text().removeprefix("# unit=word\n"), encoding="utf-8-sig")
    assert ngram_lm.read(path).unit == "word"


# --- by name


def test_a_file_that_is_no_language_model_is_refused(tmp_path):
    (tmp_path / "clip.wav").touch()
    with refused("name", DataError):
        language.load(str(tmp_path / "clip.wav"))


def test_by_name():
    model = language.load("ngram_lm")
    assert model.unit == "word" and {"a", "seven", "rubout"} <= model.vocabulary
    assert model.perplexity("erase x y z nineteen ninety") < model.perplexity("ninety z erase nineteen y x")
    assert total(model, model.advance(model.start(), "april")[1]) == pytest.approx(1, abs=1e-4)
    for name in ("ngram_ml", "lstm_ctc"):
        with pytest.raises(UnknownNameError):
            language.load(name)


def test_bundled_counts_with_one_byte_changed_are_refused(tmp_path, monkeypatch):
    from zoo import presets

    weights = presets.card("ngram_lm").weights_path
    data = bytearray(weights.read_bytes())
    data[1000] ^= 1
    (tmp_path / weights.name).write_bytes(data)
    monkeypatch.setattr(presets, "WEIGHTS", tmp_path)
    with pytest.raises(WeightsError):
        language.load("ngram_lm")


def test_train_on_data_sets(tmp_path):
    from zoo.training.language import train_language_model

    (tmp_path / "table.csv").write_text("path,text\n" + "".join(f"{i}.wav,{text}\n" for i, text in enumerate(TEXTS)))
    for i in range(len(TEXTS)):
        (tmp_path / f"{i}.wav").touch()
    data = [f"folder:all,source={tmp_path / 'table.csv'}"]
    path = train_language_model("ngram_lm", data, tmp_path / "run", {"order": 2})
    assert ngram_lm.read(path).log_probability("one two") == pytest.approx(
        ngram_lm.train(TEXTS, 2).log_probability("one two"), abs=1e-5
    )
    (tmp_path / "books.txt").write_text("two three one\none two one\n")
    books = f"text,source={tmp_path / 'books.txt'}"
    path = train_language_model("ngram_lm", data, tmp_path / "more", {"interpolation_weight": 0.3}, [books])
    expected = ngram_lm.train(TEXTS, out_of_domain=["two three one", "one two one"], interpolation_weight=0.3)
    assert ngram_lm.read(path).perplexity(TEXTS) == pytest.approx(expected.perplexity(TEXTS), rel=1e-5)
    other = tmp_path / "other"
    with refused("out"):
        train_language_model("ngram_lm", data, tmp_path / "run")
    with refused("data"):
        train_language_model("ngram_lm", ["folder:all=2"], other)
    with refused("interpolation_weight"):
        train_language_model("ngram_lm", data, other, {"interpolation_weight": 0.3})
    with refused("out_of_domain", DataError):
        train_language_model("ngram_lm", data, other, out_of_domain=[books.replace(",", ":test,", 1)])
    with pytest.raises(UnknownNameError, match="order"):
        train_language_model("ngram_lm", data, other, {"ordre": 2})
    assert not other.exists()
