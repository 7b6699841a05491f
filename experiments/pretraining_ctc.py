"""A recognizer that starts from a denoiser's encoder: `python -m experiments.pretraining_ctc [--fast] [--json FILE] [--notes FILE]`.

240 runs of a minute or two of a core. data/results/runs_pretraining_ctc.json has the notes of those behind docs/results.md.
"""

import itertools
import tempfile
from collections.abc import Callable
from functools import partial

import keras
import numpy as np

import zoo
from experiments._common import SHARES, Notes, main
from experiments.pretraining import copy_encoder, gain, summary
from zoo import datasets
from zoo.datasets.fsdd import SPEAKERS
from zoo.metrics import wer
from zoo.training import train

STRINGS = 2000  # labelled strings of digits are all of the labels
STEPS = 500  # of each run, whatever the share of the labels
BATCH_SIZE = 16  # utterances


def pretraining_ctc(fast: bool = False, notes: str = "", log: Callable = print, seeds: int = 5) -> list[dict]:
    """lstm_ctc with one LSTM layer from denoising_autoencoder's convolution and LSTM, and fresh: word error rate in strings of
    digits by a speaker left out.

    As `pretraining`, but with the usual augmentation.
    """
    rows, known, seeds = [], Notes(notes), 1 if fast else seeds
    speakers, steps = SPEAKERS[: 2 if fast else None], 5 if fast else STEPS
    for share in (0.05,) if fast else SHARES:
        scores = {start: np.zeros((len(speakers), seeds)) for start in ("fresh", "pretrained")}
        count = max(8, round(share * STRINGS))
        for (i, speaker), seed, start in itertools.product(enumerate(speakers), range(seeds), scores):
            run = partial(word_error_rate, speaker, count, start, steps, seed)
            scores[start][i, seed] = known.score("lstm_ctc", count, speaker, seed, start, run=run)
            log(f"lstm_ctc, {count} strings, {start}, without {speaker}: {scores[start][i, seed]:.1f} % WER")
        rows.append(gain("lstm_ctc, one layer", "WER", share, count, scores, better=-1))
        log(summary(rows[-1]))
    return rows


def word_error_rate(speaker: str, count: int, start: str, steps: int, seed: int) -> float:
    """Word error rate in percent of a small lstm_ctc on strings by a speaker whom it has not heard."""
    with tempfile.TemporaryDirectory() as folder:
        keras.utils.set_random_seed(seed)
        model = zoo.load("lstm_ctc", weights=None, layers=1)
        if start == "pretrained":
            copy_encoder("lstm_ctc", model)
        model.save(f"{folder}/start.keras")
        # One epoch is all the steps, so the weight says how often each string is seen.
        weight, options = steps * BATCH_SIZE / count, f"count={count},seed={seed}"
        model = train(
            "lstm_ctc", [f"connected_digits:loso-{speaker}-train={weight:g},{options}"], f"{folder}/run",
            init=f"{folder}/start.keras", model_config={"layers": 1}, log=lambda line: None,
            epochs=1, batch_size=BATCH_SIZE, learning_rate=2e-3, silence_prob=0.0, seed=seed,
        )  # fmt: skip
    test = datasets.load("connected_digits", f"loso-{speaker}-test")
    found = model.transcribe([u.audio(model.config.sample_rate) for u in test], model.config.sample_rate)
    return 100 * wer([u.text for u in test], found).value


if __name__ == "__main__":
    main(pretraining_ctc)
