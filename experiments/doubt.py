"""Does a model know when it does not know? Doubt of every classifier of digits and every recognizer.

    python -m experiments.doubt [--models ds_cnn lstm_ctc] [--fit] [--cache FOLDER] [--json FILE]

Speech that a model knows, by people whom it has not heard, against other words, other languages and sounds without speech
(experiments/_sounds.py): how well its score tells them apart (AUROC), how many right answers are marked as doubtful, and how many of
the others are not. `--fit` first learns the second output layers of the classifiers (zoo/tasks/doubt.py), chooses all thresholds on
voices, words and languages that are not reported, and writes them to zoo/weights/ and to the cards. Then calibration: how far
confidence is from the share of right answers (ECE), as it is and with a temperature chosen on other speakers.
"""

from collections.abc import Callable
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

import keras
import numpy as np
from scipy import optimize, stats

import zoo
from experiments import _sounds
from experiments._common import main
from experiments.ship import update_card
from zoo.decoding import log_softmax
from zoo.metrics import word_errors
from zoo.presets import WEIGHTS, card, sha256
from zoo.tasks import doubt as doubts

PICTURE = Path(__file__).parents[1] / "docs" / "reliability.png"
MOST_MARKED = 0.03  # share of right answers to people whom the model has not heard
GROUPS = ("words", "languages", "sounds")
SHARES = {"known": 3.0, "words": 1.0, "languages": 1.0, "sounds": 1.0}  # of what the second output layers learn from
KNOWS = {"classification": "ten digits", "transcription": "English digits, letters, numbers, dates and commands"}
BINS = 10  # of calibration
LONGEST = {"classification": 4, "transcription": 30}  # seconds that a model of a task is asked about


def digit_models() -> list[str]:
    return [name for name in zoo.list_models(task="classification") if card(name).labels == " ".join(_sounds.DIGITS)]


@cache
def clips(task: str, part: str) -> list[tuple[str, str, _sounds.Clip]]:
    """(group, kind, clip) of all that models of a task are asked about."""
    kinds = (_sounds.words if task == "classification" else _sounds.sentences)(part)
    found = [(group, kind, clip) for group, each in kinds.items() for kind, some in each.items() for clip in some]
    return [item for item in found if len(item[2].samples) < LONGEST[task] * _sounds.RATE]


# --- what models answer


def answers(name: str, part: str, folder: str) -> dict[str, np.ndarray]:
    """What a model makes of each clip of a part, as arrays by name; kept in a folder, if one is given."""
    model, task = zoo.load(name), card(name).task
    path = Path(folder) / f"{name}_{part}_{doubts.fingerprint(model)}.npz"  # other weights answer otherwise
    if folder and path.exists():
        with np.load(path) as found:
            return dict(found)
    items = clips(task, part)
    groups, kinds, sounds = zip(*items, strict=True)
    about = {"group": np.array(groups), "kind": np.array(kinds), "text": np.array([clip.text for clip in sounds])}
    samples = [clip.samples for clip in sounds]
    if task == "classification":
        outputs = model.infer(samples, _sounds.RATE, 64, doubts.network(model))
        logits = np.stack([o["logits"] for o in outputs])
        labels = np.array(model.labels)
        found = {
            "logits": logits, "heard": np.stack([o[doubts.HEARD] for o in outputs]), "label": logits.argmax(axis=1),
            "wrong": (labels[logits.argmax(axis=1)] != about["text"]) * 1.0, "confidence": np.exp(log_softmax(logits)).max(axis=1),
        }  # fmt: skip
    else:
        said = model.transcribe(samples, _sounds.RATE)
        pairs = list(zip(about["text"], said, strict=True))
        heard = [
            (word.confidence, right, i)
            for i, (text, t) in enumerate(pairs)
            if text
            for word, right in zip(t.words, right_words(text, t.text), strict=True)
        ]
        found = {
            "wrong": np.array([word_errors(text, t.text) / len(text.split()) if text else 1.0 for text, t in pairs]),
            "confidence": np.array([t.confidence if t.text else 0.0 for t in said]),
            "words": np.array(heard), "empty": np.array([not t.text for t in said]),
        }  # fmt: skip
    if folder:
        np.savez(path, **about, **found)
    return about | found


def right_words(reference: str, hypothesis: str) -> list[bool]:
    """For each word that was written, whether it was said."""
    said, written = reference.split(), hypothesis.split()
    right = [False] * len(written)
    for match in SequenceMatcher(None, said, written, autojunk=False).get_matching_blocks():
        right[match.b : match.b + match.size] = [True] * match.size
    return right


def selected(found: dict, group: str, kind: str = "") -> np.ndarray:
    """Right answers to what is known; of anything else, answers of which at least half is wrong."""
    right = found["wrong"] == 0 if group == "known" else found["wrong"] >= 0.5
    return (found["group"] == group) & right & ((found["kind"] == kind) | (kind == ""))


# --- learning


def fitted_head(found: dict) -> tuple[np.ndarray, np.ndarray]:
    """A second output layer: kernel and bias for the labels, then for one class of each kind of other things."""
    from sklearn.linear_model import LogisticRegression

    known, x = found["group"] == "known", found["heard"].astype("float64")
    labels = {text: i for i, text in enumerate(_sounds.DIGITS)}
    kinds = {
        kind: len(labels) + i
        for i, kind in enumerate(dict.fromkeys(zip(found["group"][~known], found["kind"][~known], strict=True)))
    }
    y = np.array(
        [
            labels[t] if k else kinds[g, s]
            for t, k, g, s in zip(found["text"], known, found["group"], found["kind"], strict=True)
        ]
    )
    weights = np.zeros(len(y))
    for group, share in SHARES.items():
        of_group = found["group"] == group
        for kind in np.unique(found["kind"][of_group]):
            of_kind = of_group & (found["kind"] == kind)
            weights[of_kind] = of_kind.sum() ** -0.5  # kinds of many clips count for more, but not by as much
        weights[of_group] *= 1000 * share / weights[of_group].sum()
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    model = LogisticRegression(C=0.3, tol=1e-3, max_iter=400).fit((x - mean) / scale, y, weights)
    kernel = (model.coef_ / scale).T
    return kernel.astype("float16"), (model.intercept_ - mean @ kernel).astype("float32")


def learn(name: str, folder: str) -> None:
    """Learns a model's second output layer, if it is a classifier, and its threshold; both go to its card."""
    model, about, tuning = zoo.load(name), card(name), answers(name, "tune", folder)
    written = {}
    if about.task == "classification":
        path = WEIGHTS / f"{name}.doubt.npz"
        kernel, bias = fitted_head(answers(name, "fit", folder))
        np.savez_compressed(path, kernel=kernel, bias=bias)
        written = {"file": path.name, "sha256": sha256(path)}
    threshold = lowest_safe(score(tuning, written)[selected(tuning, "known")])
    knows = about.doubt.get("knows", KNOWS[about.task])
    values = {"threshold": round(threshold, 4), "knows": knows, "last_layer": doubts.fingerprint(model)}
    update_card(name, doubt=values | written)


def lowest_safe(scores: np.ndarray) -> float:
    """The threshold below which so few right answers lie that of all such answers, 39 times in 40, at most MOST_MARKED do."""
    below = int(stats.binom.ppf(0.025, len(scores), MOST_MARKED)) - 1
    return float(np.sort(scores)[max(0, below)])


def score(found: dict, about: dict) -> np.ndarray:
    """A model's scores by what its card says of doubt; 0, the least, for an empty transcript."""
    if "file" not in about:
        return found["confidence"]
    labels = found["logits"].shape[1]
    return doubts.scores(found["heard"], *doubts.head(about["file"], about["sha256"]), found["label"], labels)


# --- figures


def auroc(known: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """How often what is known scores higher than something else, its 95 % interval by Hanley and McNeil (1982)."""
    known, other = np.asarray(known, "float64"), np.asarray(other, "float64")
    n, m = len(known), len(other)
    a = stats.mannwhitneyu(known, other).statistic / (n * m)
    spread = a * (1 - a) + (n - 1) * (a / (2 - a) - a**2) + (m - 1) * (2 * a**2 / (1 + a) - a**2)
    half = 1.96 * np.sqrt(max(0.0, spread) / (n * m))
    return {"value": round(a, 4), "low": round(max(0.0, a - half), 4), "high": round(min(1.0, a + half), 4)}


def share(marked: np.ndarray) -> dict[str, float]:
    """A share in percent, its 95 % interval by Wilson."""
    interval = stats.binomtest(int(marked.sum()), len(marked)).proportion_ci(method="wilson")
    return {
        "value": round(100 * marked.mean(), 2),
        "low": round(100 * interval.low, 2),
        "high": round(100 * interval.high, 2),
    }


def calibration(confidence: np.ndarray, right: np.ndarray) -> tuple[float, np.ndarray]:
    """The expected calibration error in percent, and (confidence, share of right answers, clips) of each bin that has some."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows = [(confidence[bins == b].mean(), right[bins == b].mean(), (bins == b).sum()) for b in np.unique(bins)]
    rows = np.array(rows)
    return 100 * float(np.abs(rows[:, 0] - rows[:, 1]) @ rows[:, 2] / len(right)), rows


def tempered(found: dict, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """(confidence, whether it was right) of known clips, or of a recognizer's words, with logits divided by a temperature."""
    if "words" in found:  # whose confidence is a probability's mean logarithm
        # AN4's kind of models know no everyday sentences: kinds of which nearly nothing is right do not count.
        shares = {kind: (found["wrong"][found["kind"] == kind] == 0).mean() for kind in np.unique(found["kind"])}
        known = (found["group"] == "known") & np.array([shares[kind] >= 0.1 for kind in found["kind"]])
        words = found["words"][known[found["words"][:, 2].astype(int)]]
        return words[:, 0] ** (1 / temperature), words[:, 1]
    known = found["group"] == "known"
    return np.exp(log_softmax(found["logits"][known] / temperature)).max(axis=1), found["wrong"][known] == 0


def best_temperature(found: dict) -> float:
    """The temperature under which right and wrong answers are the most probable."""

    def loss(log_temperature):
        confidence, right = tempered(found, np.exp(log_temperature))
        confidence = np.clip(confidence, 1e-6, 1 - 1e-6)
        return -np.mean(np.where(right, np.log(confidence), np.log(1 - confidence)))

    return float(np.exp(optimize.minimize_scalar(loss, bounds=(-1.5, 2.0), method="bounded").x))


def measured(name: str, folder: str) -> list[dict]:
    """Rows of one model: "known", each group of other things, each of their kinds, and "calibration"."""
    about, found = card(name), answers(name, "report", folder)
    scored, known = score(found, about.doubt), selected(found, "known")
    simple = found["logits"].max(axis=1) if "logits" in found else None
    unheard = known & ~np.char.startswith(found["kind"], "FSDD")  # the bar is for people whom it has not heard
    rows = []
    for group in ("known", *GROUPS):
        kinds = np.unique(found["kind"][found["group"] == group])
        for kind in ("", *kinds):
            chosen = unheard if (group, kind) == ("known", "") else selected(found, group, kind)
            if not chosen.any():
                continue
            marked = scored[chosen] < about.doubt["threshold"]
            row = {"model": name, "task": about.task, "group": group, "kind": kind, "clips": int(chosen.sum())}
            if group == "known":
                row["marked"] = share(marked)
            else:
                row |= {"missed": share(~marked), "auroc": auroc(scored[unheard], scored[chosen])}
                if "logits" in found:
                    row["simple"] = auroc(simple[unheard], simple[chosen])
            rows.append(row)
    temperature = best_temperature(answers(name, "tune", folder))
    before, after = (calibration(*tempered(found, t)) for t in (1.0, temperature))
    rows.append({
        "model": name, "task": about.task, "group": "calibration", "kind": "", "clips": len(tempered(found, 1.0)[0]),
        "temperature": round(temperature, 2), "before": round(before[0], 2), "after": round(after[0], 2),
        "bins": [[round(float(value), 4) for value in row] for row in before[1]],
        "bins_after": [[round(float(value), 4) for value in row] for row in after[1]],
    })  # fmt: skip
    return rows


def reliability(rows: list[dict]):
    """Draws confidence against the share of right answers, before and after a temperature."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True, layout="constrained")
    found = [row for row in rows if row["group"] == "calibration"]
    for axis, key, error, title in zip(
        axes, ("bins", "bins_after"), ("before", "after"), ("as they are", "with a temperature"), strict=True
    ):
        axis.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for row in found:
            confidence, right, clips = np.array([each for each in row[key] if each[2] >= 20]).T
            style = "-" if row["task"] == "classification" else "--"
            axis.plot(confidence, right, style, marker=".", label=f"{row['model']}: {row[error]:.1f} %")
        axis.set(title=f"Probabilities {title}", xlabel="confidence", xlim=(0, 1), ylim=(0, 1))
        axis.legend(fontsize=7, title="mean distance (ECE)", title_fontsize=7)
    axes[0].set_ylabel("share of right answers")
    return figure


def doubt(models: tuple = (), fit: bool = False, cache: str = "", log: Callable = print) -> list[dict]:
    """Does a model know when it does not know? AUROC, right answers marked, others missed, and calibration.

    `--fit` learns second output layers and thresholds first; `--cache FOLDER` keeps what models answer.
    """
    names = list(models) or [*digit_models(), *zoo.list_models(task="transcription")]
    if cache:
        Path(cache).mkdir(parents=True, exist_ok=True)
    rows = []
    for name in names:
        keras.backend.clear_session()
        if fit:
            learn(name, cache)
        found = measured(name, cache)
        rows += found
        for row in found:
            figures = {key: row[key]["value"] for key in ("marked", "missed", "auroc", "simple") if key in row}
            figures |= {key: row[key] for key in ("temperature", "before", "after") if key in row}
            log(
                f"{name:<16} {row['group']:<12} {row['kind'] or 'all':<26} {row['clips']:>5} ",
                *(f"{k} {v:.4g}" for k, v in figures.items()),
            )
    if not models:
        reliability(rows).savefig(PICTURE, dpi=100)
    return rows


if __name__ == "__main__":
    main(doubt)
