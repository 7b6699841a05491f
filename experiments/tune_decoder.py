"""Finds the weights of a beam search for the [decoding] table of a recognizer's card, and measures its prior.

    python -m experiments.tune_decoder --weights runs/base3/best.weights.h5 --text an4:train --data an4:validation
    python -m experiments.tune_decoder --model conv_lstm_ctc --data sentences:validation,count=150 \\
        speechocean762:validation --language-models ngram_lm.sentences
    python -m experiments.tune_decoder --model conv_lstm_ctc --data speechocean762:train --prior

Use utterances that neither the acoustic weights nor the text of the language model know. alpha, word_bonus and, for bundled
weights whose card has a prior, prior_scale take turns, each at the best value of its grid while the others stay, until none
moves. Of several sets of data the mean error rate counts. `--prior` writes the mean posterior of each symbol to the card instead.
"""

from collections.abc import Callable, Sequence
from functools import partial

import zoo
from experiments._common import main
from experiments.ship import update_card
from zoo.datasets.spec import DataSpec
from zoo.decoding import beam_search, label_prior
from zoo.language import Mixture, load, lstm_lm, ngram_lm
from zoo.metrics import wer

GRIDS = {
    "prior_scale": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    "word_bonus": (0.0, 0.5, 1.0, 2.0, 3.0),
    "alpha": (0.2, 0.3, 0.4, 0.5, 0.7, 1.0),
}
START = {"alpha": 0.5, "word_bonus": 1.0, "prior_scale": 0.0}  # where the card says nothing
NGRAMS = (("word", 2), ("word", 3), ("word", 4), ("character", 4), ("character", 6))


def tune_decoder(
    model: str = "lstm_ctc",
    weights: str = "bundled",
    data: Sequence[str] = ("an4:validation",),
    text: str = "an4:train",
    language_models: Sequence[str] = (),
    prior: bool = False,
) -> None:
    """Prints the best weights of a beam search on `data` with each of some `language_models`, or else with several kinds of them
    trained on `text`; or writes a recognizer's `prior` to its card.
    """
    recognizer = zoo.load(model, weights=weights)
    sets = {spec: logits_of(recognizer, spec) for spec in data or ("an4:validation",)}
    if prior:
        values = label_prior([logits for _, found in sets.values() for logits in found])
        print(
            {
                symbol: round(float(value), 5)
                for symbol, value in zip(("blank", *recognizer.vocabulary.tokens), values, strict=True)
            }
        )
        update_card(model, prior=[float(f"{value:.3g}") for value in values], prior_data=", ".join(sets))
        return
    greedy = recognizer.decoder("greedy")
    print(f"WER %, greedy: {error_rates(sets, lambda x: greedy(x, 0.0).text)}", flush=True)
    for name, language_model in ({name: load(name) for name in language_models} or trained_on(text)).items():
        start = START | (recognizer.tuned(name) if language_models else {})
        best, error = tune(recognizer, sets, language_model, start)
        print(
            f"{name}: {', '.join(f'{weight} {value:g}' for weight, value in best.items())}, {error:.2f} % on average",
            flush=True,
        )


def logits_of(model, data: str) -> tuple[list[str], list]:
    """(texts, logits) of a set."""
    utterances = DataSpec.parse(data, "validation").load()
    return [u.text for u in utterances], model.logits(
        [u.audio(model.config.sample_rate) for u in utterances], model.config.sample_rate
    )


def trained_on(text: str) -> dict:
    """Language models of several kinds, trained on the texts of a set."""
    texts = [utterance.text for utterance in DataSpec.parse(text, "train").load()]
    found = {f"{unit} {order}-grams": ngram_lm.train(texts, order, unit) for unit, order in NGRAMS}
    found["lstm_lm"] = lstm_lm.train(texts)
    return found | {"word 3-grams + lstm_lm": Mixture([found["word 3-grams"], found["lstm_lm"]])}


def error_rates(sets: dict, decode: Callable) -> dict[str, float]:
    """Word error rate in percent of each set."""
    return {data: round(100 * wer(texts, list(map(decode, logits))).value, 2) for data, (texts, logits) in sets.items()}


def tune(model, sets: dict, language_model, start: dict) -> tuple[dict, float]:
    """(the best weights, their mean word error rate in percent)."""
    prior = model.prior or None
    search = partial(beam_search, vocabulary=model.vocabulary, language_model=language_model, prior=prior)
    known, best, before = {}, start, None
    while best != before:
        before = best
        for weight, grid in GRIDS.items():
            for value in grid if weight != "prior_scale" or prior else (0.0,):
                weights = best | {weight: value}
                if (key := tuple(weights.values())) not in known:
                    rates = error_rates(sets, lambda x, weights=weights: search(x, **weights)[0].text)
                    known[key] = sum(rates.values()) / len(rates)
                    print(f"  {weights} {rates}", flush=True)
            best = dict(zip(START, min(known, key=known.get), strict=True))
    return best, min(known.values())


if __name__ == "__main__":
    main(tune_decoder)
