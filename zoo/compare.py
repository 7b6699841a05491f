"""Every word classifier on the same clips: one table, one picture. Nothing learns here but the baselines, which have no
weights to ship and fit in seconds.

    official   FSDD's test takes, by speakers who were heard in training
    loso       speakers who were not, as `zoo crossval` left it in data/results/crossval/
    noise      the official clips under recorded noise (ESC-10's test fold, never heard in training) and under babble
               (four utterances of AN4's test speakers at once), at 20, 10 and 0 dB
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo import baselines, datasets
from zoo.audio import resample
from zoo.augment import add_noise, excerpt
from zoo.card import card
from zoo.crossval import scores
from zoo.datasets.noise import RATE as NOISE_RATE
from zoo.datasets.noise import load_noise
from zoo.files import read_json
from zoo.frontend import DIGITS
from zoo.metrics import Accuracy, accuracy
from zoo.model import load
from zoo.registry import architecture, language_models, list_models
from zoo.training import DataSpec

ENSEMBLE = "attention+ds_cnn+lstm"  # one of each kind: frames weighed, a picture, frames read
SNR_DB = (20, 10, 0)  # mean power of speech over that of noise
VOICES = 4  # of a babble
RESULTS = Path(__file__).parent.parent / "data" / "results"


def classifiers() -> list[str]:
    """The registered models that tell the ten digits apart and ship weights, and the baselines."""
    every = [name for name in list_models() if name not in language_models()]
    words = [n for n in every if architecture(n).task == "classification" and architecture(n).config.labels == DIGITS]
    shipped = [name for name in words if card(name).weights]
    return [*shipped, *([ENSEMBLE] if set(ENSEMBLE.split("+")) <= set(shipped) else []), *baselines.BASELINES]


def noisy(clips: Sequence[np.ndarray], noises: Sequence[np.ndarray], snr_db: float, seed: int = 0) -> list[np.ndarray]:
    """Each clip under a random stretch of a random noise (all at one rate), the same for every model.

    >>> rng = np.random.default_rng(0)
    >>> [len(clip) for clip in noisy([rng.normal(size=300), rng.normal(size=500)], [rng.normal(size=900)], snr_db=10)]
    [300, 500]
    """
    rng = np.random.default_rng(seed)
    return [add_noise(c, excerpt(noises[rng.integers(len(noises))], len(c), rng), snr_db) for c in clips]


def babble(sample_rate: int, count: int = 40, seed: int = 0) -> list[np.ndarray]:
    """VOICES utterances of AN4's test speakers at once, equally loud, `count` times."""
    rng = np.random.default_rng(seed)
    spoken = [u.audio(sample_rate) for u in datasets.load("an4", "test")]
    spoken = [samples / np.sqrt(np.mean(np.square(samples))) for samples in spoken]
    longest = 3 * sample_rate
    return [
        sum(np.resize(spoken[i], longest) for i in rng.choice(len(spoken), VOICES, replace=False)).astype("float32")
        for _ in range(count)
    ]


def compare(names: Sequence[str], say=print) -> list[dict]:
    """One row for each of `names`: accuracies in percent with 95 % intervals, sizes and times. See `classifiers`.

    Raises: UnknownNameError, DataError where the recordings are not there.
    """
    test = datasets.load("fsdd", "test")
    said, rate = [u.text for u in test], baselines.RATE
    clips = [u.audio(rate) for u in test]
    noises = [resample(noise, NOISE_RATE, rate) for noise in load_noise("test")]
    conditions = {"clean": {"noise": clips, "babble": clips}}
    voices = babble(rate)
    for snr in SNR_DB:
        conditions[str(snr)] = {"noise": noisy(clips, noises, snr), "babble": noisy(clips, voices, snr)}
    rows = []
    for name in names:
        row = {"name": name, "kind": "baseline" if name in baselines.BASELINES else "network"}
        if row["kind"] == "baseline":
            # From what it learnt in cross-validation, so that its two accuracies belong together.
            specs = (_crossval(name) or {"data": ["fsdd"]})["data"]
            train = [u for spec in specs for u in DataSpec.parse(spec, "train").load()]
            start = time.perf_counter()
            model = baselines.baseline(name).fit([u.audio(rate) for u in train], [u.text for u in train])
            row["minutes"] = round((time.perf_counter() - start) / 60, 2)
            hear = model.predict
        else:
            model, cards = load(name), [card(part) for part in name.split("+")]
            minutes = [about.weights.get("minutes") for about in cards]
            row["parameters"], row["bytes"] = (
                sum(about.parameters for about in cards),
                sum(about.size for about in cards),
            )
            row["minutes"] = None if None in minutes else round(sum(minutes), 1)

            def hear(clips, model=model):
                return [found.label for found in model.classify(clips, rate)]

        row |= _times(hear, clips)
        for kind in ("noise", "babble"):
            row[kind] = {}
            for snr, sounds in conditions.items():
                if snr == "clean" and kind == "babble":
                    row[kind][snr] = row["noise"][snr]
                else:
                    row[kind][snr] = _percent(accuracy(said, hear(sounds[kind])))
        row["official"] = row["noise"]["clean"]
        row |= _loso(name)
        rows.append(row)
        say(f"{name}: {row['official']['value']:.2f} % of the official test")
    return rows


def levels(rows: Sequence[dict]) -> list[dict]:
    """Accuracies under noise and babble as `zoo.plots.noise` takes them.

    >>> levels([{"name": "svm", "noise": {"20": {"value": 91.0, "low": 86.6, "high": 94.1}}}])
    [{'name': 'svm', 'noise': {'20': 91.0}, 'babble': {}}]
    """
    kinds = ("noise", "babble")
    return [
        {"name": row["name"]} | {kind: {snr: v["value"] for snr, v in row.get(kind, {}).items()} for kind in kinds}
        for row in rows
    ]


def cells(rows: Sequence[dict], interval: str = "[{low:.1f}, {high:.1f}]", between: str = " ") -> list[tuple[str, ...]]:
    """The table as text, best on unseen speakers first.

    Args:
        rows: of `compare`; what is missing but the name leaves its cell empty.
        interval: how the ends of a 95 % interval are written. between: what is written between levels of noise.
    Returns: of each row: name; percent of the official test, and of unseen speakers; percent under noise, and under
        babble, at SNR_DB; parameters; kB; milliseconds for a clip; clips a second; minutes of training.

    >>> cells([{"name": "svm", "official": {"value": 95.333, "low": 92.3, "high": 97.2}, "milliseconds": 3}])
    [('svm', '95.3 [92.3, 97.2]', '', '', '', '', '', '3.0', '', '')]
    """

    def percent(found):
        return f"{found['value']:.1f} {interval.format(**found)}" if found else ""

    def under(found):
        return between.join(f"{found[str(snr)]['value']:.0f}" for snr in SNR_DB if str(snr) in found)

    return [
        (
            row["name"],
            percent(row.get("official")),
            percent(row.get("loso")),
            under(row.get("noise") or {}),
            under(row.get("babble") or {}),
            f"{row['parameters']:,}" if row.get("parameters") else "",
            f"{row['bytes'] / 1000:.0f}" if row.get("bytes") else "",
            f"{row['milliseconds']:.1f}" if row.get("milliseconds") is not None else "",
            str(row.get("clips_per_second", "")),
            str(row["minutes"]) if row.get("minutes") is not None else "",
        )
        for row in sorted(rows, key=lambda row: -(row.get("loso") or {"value": 0})["value"])
    ]


def _percent(score: Accuracy) -> dict[str, float]:
    return {key: round(100 * getattr(score, key), 2) for key in ("value", "low", "high")}


def _crossval(name: str) -> dict | None:
    """What `zoo crossval` kept of a model: its data, and what was heard of each speaker."""
    path = RESULTS / "crossval" / f"{name}.json"
    return read_json(path, "What `zoo crossval --keep` kept") if path.exists() else None


def _loso(name: str) -> dict:
    kept = _crossval(name)
    if kept is None:
        return {"loso": None, "speakers": {}}
    found = scores({speaker: words.split() for speaker, words in kept["heard"].items()})
    speakers = {speaker: round(100 * score.value, 1) for speaker, score in found.items() if speaker != "mean"}
    return {"loso": _percent(found["mean"]), "speakers": speakers}


def _times(hear, clips) -> dict[str, float]:
    """Milliseconds for one clip alone (median of 20), clips a second in batches of 64."""
    hear(clips[:64])
    hear(clips[:1])  # the first call compiles
    single = []
    for clip in clips[:20]:
        start = time.perf_counter()
        hear([clip])
        single.append(time.perf_counter() - start)
    start = time.perf_counter()
    hear(clips[:64])
    return {
        "milliseconds": round(1000 * statistics.median(single), 2),
        "clips_per_second": round(64 / (time.perf_counter() - start)),
    }
