"""Recognizers together: `python -m experiments.ensembles [--json FILE]`.

What could be chosen was chosen on AN4's validation speakers. `conv_lstm_ctc`, `lstm_ctc` and the shipped language models were trained on
them too, so weights tuned there would favour what knows them; the three networks count the same, and the search has the mean of
the settings on their cards. `attention_ctc` and `lstm_ctc_stream` were not, and show what each way of combining is worth, beside
language models that were trained without these speakers. Of those the LSTM made the fewest errors, and was chosen.
"""

from collections.abc import Callable
from itertools import chain

import numpy as np

import zoo
from experiments._common import main, percent
from experiments.tune_decoder import logits_of
from zoo.datasets.spec import DataSpec
from zoo.decoding import log_softmax, rover
from zoo.language import lstm_lm, ngram_lm
from zoo.metrics import wer
from zoo.tasks import Rover

MODELS = ("conv_lstm_ctc", "lstm_ctc", "attention_ctc")
UNSEEN = ("attention_ctc", "lstm_ctc_stream")  # have not heard the validation speakers
LANGUAGE_MODELS = ("", "ngram_lm", "lstm_lm", "ngram_lm+lstm_lm")
FRAMES, MEAN, VOTE = "mean of each frame", "mean of log probabilities", "vote on each word"


def ensembles(fast: bool = False, log: Callable = print) -> dict[str, list[dict]]:
    """Word error rates on AN4 of recognizers alone, by the mean of their log probabilities and by a vote on each word: of two on the
    validation speakers, whom they have not heard, with the mean of their frames as well; and of three on the test set.
    """
    return {"validation": validation(fast, log), "test": [] if fast else test(log)}


def validation(fast: bool, log: Callable) -> list[dict]:
    models, both = [zoo.load(name) for name in UNSEEN], zoo.load("+".join(UNSEEN))
    texts, first = logits_of(models[0], "an4:validation")
    logits = [first, *(logits_of(model, "an4:validation")[1] for model in models[1:])]
    each = [[log_softmax(np.asarray(rows)) for rows in one] for one in logits]
    read = [utterance.text for utterance in DataSpec.parse("an4:train", "train").load()]
    rows = []
    for name in ("none", "n-grams", "LSTM")[: 1 if fast else None]:
        made = {"none": lambda texts: None, "n-grams": ngram_lm.train, "LSTM": lstm_lm.train}[name](read)
        options = {"language_model": made, "alpha": 0.3, "word_bonus": 1.0} if made else {"decoder": "beam"}
        decode, together = models[0].decoder(**options), both.decoder(**options)
        alone = [[decode(rows, 0.0) for rows in one] for one in each]
        found = dict(zip(UNSEEN, alone, strict=True))
        pairs = list(zip(*each, strict=True))
        found[FRAMES] = [decode(np.mean(pair, axis=0), 0.0) for pair in pairs]
        found[MEAN] = [together(np.concatenate(pair, axis=1), 0.0) for pair in pairs]
        found[VOTE] = list(map(rover, zip(*alone, strict=True)))
        for model, transcripts in found.items():
            rows.append({"model": model, "language model": name} | percent(wer(texts, transcripts)))
            log(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    return rows


def test(log: Callable) -> list[dict]:
    models, rows = [zoo.load(name) for name in MODELS], []
    together = {MEAN: zoo.Ensemble(models), VOTE: Rover(models)}
    for name in LANGUAGE_MODELS:
        options = {"language_model": name} if name else {"decoder": "beam"}
        for model, asked in chain(zip(MODELS, models, strict=True), together.items()):
            found = zoo.evaluate(asked, "an4:test", **options)[0]
            rows.append({"model": model, "language model": name or "none"})
            rows[-1] |= {key: round(getattr(found, key), 2) for key in ("value", "low", "high")}
            log(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    return rows


if __name__ == "__main__":
    main(ensembles)
