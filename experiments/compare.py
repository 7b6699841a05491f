"""Every classifier of the ten digits on the same clips: `python -m experiments.compare [--names NAME ...] [--json FILE] [--plot FILE]`.

    official   FSDD's test takes, by speakers who were heard in training
    loso       speakers who were not, as `python -m experiments.crossval NAME --keep` left it
    noise      the official clips under recorded noise (ESC-10's test fold) and under babble (four utterances of AN4's test
               speakers at once) at 20, 10 and 0 dB

Nothing is trained here but the baselines, which ship no weights and fit in seconds. On an idle machine, for it takes times.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import zoo
from experiments._common import RESULTS, main, noisy, percent
from experiments.crossval import scores
from zoo import baselines, datasets, plots
from zoo.audio import resample
from zoo.datasets.fsdd import DIGITS
from zoo.datasets.noise import RATE as NOISE_RATE
from zoo.datasets.noise import load_noise
from zoo.datasets.spec import DataSpec
from zoo.files import read_json
from zoo.metrics import accuracy

ENSEMBLE = "attention+ds_cnn+lstm"  # one of each kind: frames weighed, an image, frames read
RATE = baselines.RATE
SNR_DB = (20, 10, 0)  # mean power of speech over that of noise
VOICES = 4  # of a babble


def classifiers() -> list[str]:
    """Presets that tell the ten digits apart, their ensemble, and the baselines."""
    cards = [zoo.card(name) for name in zoo.list_models(task="classification")]
    return [*(c.name for c in cards if c.weights and c.labels == " ".join(DIGITS)), ENSEMBLE, *baselines.BASELINES]


def babble(count: int = 40, seed: int = 0) -> list[np.ndarray]:
    """Utterances of AN4's test speakers at once, equally loud, three seconds long."""
    rng = np.random.default_rng(seed)
    spoken = [u.audio(RATE) for u in datasets.load("an4", "test")]
    spoken = [np.resize(samples / np.sqrt(np.mean(np.square(samples))), 3 * RATE) for samples in spoken]
    return [
        sum(spoken[i] for i in rng.choice(len(spoken), VOICES, replace=False)).astype("float32") for _ in range(count)
    ]


def compare(names: Sequence[str] = (), plot: str = "", log: Callable = print) -> list[dict]:
    """Accuracies in percent with 95 % intervals, sizes and times of classifiers of the ten digits, all unless some are named.

    `plot` is a picture of the table; that of the noise goes beside it, as NAME-noise.png.
    """
    test = datasets.load("fsdd", "test")
    references, clips = [u.text for u in test], [u.audio(RATE) for u in test]
    noises = {"noise": [resample(noise, NOISE_RATE, RATE) for noise in load_noise("test")], "babble": babble()}
    rows = []
    for name in names or classifiers():
        kept = folds(name)
        about, classify = fit_baseline(name, kept) if name in baselines.BASELINES else load(name)
        row = {"name": name} | about | times(classify, clips)
        row["official"] = percent(accuracy(references, classify(clips)))
        for kind, recordings in noises.items():
            heard = {str(snr): classify(noisy(clips, recordings, snr)) for snr in SNR_DB}
            row[kind] = {"clean": row["official"]} | {snr: percent(accuracy(references, h)) for snr, h in heard.items()}
        each, row["loso"] = scores(kept["folds"]) if kept else ({}, None)
        row["speakers"] = {speaker: round(value, 1) for speaker, value in each.items()}
        rows.append(row)
        log(f"{name}: {row['official']['value']:.2f} % of the official test, {row['loso'] or 'no cross-validation'}")
    if plot:
        draw(rows, plot)
    return rows


def draw(rows: Sequence[dict], plot: str) -> None:
    """Draws both pictures. `majority` is left out of the first: at 10 % it would press all others into the right fifth."""
    plots.comparison([row for row in rows if row["name"] != "majority"]).figure.savefig(plot)
    levels = [
        {"name": r["name"]} | {k: {s: v["value"] for s, v in r[k].items()} for k in ("noise", "babble")} for r in rows
    ]
    plots.noise(levels).figure.savefig(Path(plot).with_stem(f"{Path(plot).stem}-noise"))


def folds(name: str) -> dict | None:
    """What `crossval --keep` wrote of a classifier."""
    path = RESULTS / "crossval" / f"{name}.json"
    if not path.exists():
        return None
    kept = read_json(path, "A cross-validation")
    unpacked = {group: {key: text.split() for key, text in fold.items()} for group, fold in kept["folds"].items()}
    return kept | {"folds": unpacked}


def load(name: str) -> tuple[dict, Callable]:
    """Sizes of a preset or an ensemble, and a function from clips to labels."""
    model, cards = zoo.load(name), [zoo.card(part) for part in name.split("+")]
    minutes = [card.weights.get("minutes") for card in cards]
    sizes = {"parameters": sum(card.parameters for card in cards), "bytes": sum(card.size for card in cards)}
    about = {"kind": "network", **sizes, "minutes": None if None in minutes else round(sum(minutes), 1)}
    return about, lambda clips: [found.label for found in model.classify(clips, RATE)]


def fit_baseline(name: str, kept: dict | None) -> tuple[dict, Callable]:
    """The same of a baseline, fitted to FSDD's training takes and what it had besides in its cross-validation."""
    specs = ["fsdd:train", *(kept["also"] if kept else ())]
    train = [u for spec in specs for u in DataSpec.parse(spec, "train").load()]
    start = time.perf_counter()
    model = baselines.baseline(name).fit([u.audio(RATE) for u in train], [u.text for u in train])
    return {"kind": "baseline", "minutes": round((time.perf_counter() - start) / 60, 2)}, model.predict


def times(classify: Callable, clips: list[np.ndarray]) -> dict[str, float]:
    """Milliseconds of one clip alone (median of 20), and clips a second in batches of 64."""

    def seconds(batch):
        start = time.perf_counter()
        classify(batch)
        return time.perf_counter() - start

    seconds(clips[:64]), seconds(clips[:1])  # the first call compiles
    single = statistics.median(seconds([clip]) for clip in clips[:20])
    return {"milliseconds": round(1000 * single, 2), "clips_per_second": round(64 / seconds(clips[:64]))}


if __name__ == "__main__":
    main(compare)
