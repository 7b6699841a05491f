"""A classifier that starts from an autoencoder's encoder: `python -m experiments.pretraining [--fast] [--json FILE] [--notes FILE]`."""

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np

import zoo
from experiments._common import SHARES, STEPS, Digits, Notes, Trainer, fresh_head, head, main, mean_of_speakers

# architecture -> (autoencoder, layer of the network -> layer of the autoencoder)
ENCODERS = {
    "conv2d": ("conv_autoencoder", {"conv_0": "encoder_0", "conv_1": "encoder_1"}),
    "lstm_ctc": ("denoising_autoencoder", {"stack": "stack", "lstm_0": "lstm_0"}),
}


def pretraining(fast: bool = False, notes: str = "", log: Callable = print, seeds: int = 5) -> list[dict]:
    """conv2d from conv_autoencoder's convolutions and fresh, with few labels and with all: accuracy on a speaker left out.

    The autoencoder has not heard FSDD's speakers. Both starts have the same steps, labels and seeds, and no augmentation. `gain`
    is in points, better is above 0; its interval is over the speakers.
    """
    digits, rows, known = Digits(fast), [], Notes(notes)
    trainer, seeds = Trainer(head(digits.model)), 1 if fast else seeds

    def accuracy(start: str, share: float, speaker: str, seed: int) -> float:
        chosen, out = digits.labelled(speaker, share, seed), digits.speakers == speaker
        weights = fresh_head(seed)
        if start == "pretrained":
            trainer.network.set_weights(weights)
            copy_encoder("conv2d", trainer.network)
            weights = trainer.network.get_weights()
        trainer.fit(weights, digits.images[chosen], digits.ids[chosen], 5 if fast else STEPS[share], seed)
        return trainer.accuracy(digits.images[out], digits.ids[out])

    for share in (0.05,) if fast else SHARES:
        scores = {start: np.zeros((len(digits.left_out), seeds)) for start in ("fresh", "pretrained")}
        for (i, speaker), seed, start in itertools.product(enumerate(digits.left_out), range(seeds), scores):
            run = partial(accuracy, start, share, speaker, seed)
            scores[start][i, seed] = known.score("conv2d", share, speaker, seed, start, run=run)
        labels = len(digits.labelled(digits.left_out[0], share, 0))
        rows.append(gain("conv2d", "accuracy", share, labels, scores, better=1))
        log(summary(rows[-1]))
    return rows


def copy_encoder(name: str, network) -> list[str]:
    """Copies layers of an autoencoder into a network; returns their names."""
    autoencoder, layers = ENCODERS[name]
    source = zoo.load(autoencoder)
    for layer, encoder in layers.items():
        network.get_layer(layer).set_weights(source.get_layer(encoder).get_weights())
    return list(layers)


def gain(model: str, metric: str, share: float, labels: int, scores: dict, better: int) -> dict:
    """Means over speakers and seeds of both starts, each (speakers, seeds), and their difference with its interval."""
    found = mean_of_speakers(better * (scores["pretrained"] - scores["fresh"]).mean(axis=1))
    row = {"model": model, "metric": metric, "share": share, "labels": labels, "runs": int(scores["fresh"].size)}
    row |= {start: float(values.mean()) for start, values in scores.items()}
    spread = {s: float(v.mean(axis=0).std(ddof=1)) if v.shape[1] > 1 else None for s, v in scores.items()}
    row |= {f"{start}_seeds": value for start, value in spread.items()}
    return row | {"gain": found["value"], "low": found["low"], "high": found["high"]}


def summary(row: dict) -> str:
    """A row in words."""
    starts = f"fresh {row['fresh']:.1f}, pretrained {row['pretrained']:.1f}"
    interval = f"{row['gain']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]"
    return f"{row['model']}, {100 * row['share']:g} % of the labels: {starts}, gain {interval}"


if __name__ == "__main__":
    main(pretraining)
