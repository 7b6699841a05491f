"""Does `zoo monitor` notice what goes wrong, and nothing else? `python -m experiments.drift [--models lstm_ctc ds_cnn] [--json FILE]`.

A log begins with clean speech of AN4's test speakers, who are unseen: utterances for a recognizer, single digits for a classifier. Then one thing changes: noise, a telephone line,
another language, a broken microphone. Counted are the changed requests until the first alarm, while the last 200 requests are
compared with the training data. Of clean speech, each of 20 random orders of requests should raise none, from the 50th request on.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import zoo
from experiments import _sounds
from experiments._common import main
from zoo import datasets, monitoring
from zoo.audio import resample
from zoo.datasets.noise import add_noise, excerpt, load_noise
from zoo.training.augment import telephone

RATE = 16000  # Hz
MODELS = {
    "lstm_ctc": "litert",
    "lstm_ctc_stream": "litert",
    "ds_cnn": None,
}  # preset -> runtime; without Keras, no classifier doubts
MOST = 130  # clips of each condition
STEP = 10  # requests between two looks
ORDERS = 20  # of clean requests
SNR_DB = 10
GAIN_DB = 20  # of a microphone's amplifier that clips


def clipped(samples: np.ndarray) -> np.ndarray:
    """Cut off 20 dB below the peak, at the power of before: the level tells nothing."""
    top = np.abs(samples).max() * 10 ** (-GAIN_DB / 20)
    cut = np.clip(samples, -top, top)
    return cut * np.sqrt(np.mean(np.square(samples)) / np.mean(np.square(cut)))


def dropouts(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Eighty milliseconds are lost in four of ten quarters of a second, as of a loose plug."""
    found = samples.copy()
    for start in range(0, len(found), RATE // 4):
        if rng.random() < 0.4:
            first = start + int(rng.integers(0, RATE // 8))
            found[first : first + RATE * 80 // 1000] = 0
    return found


def hum(samples: np.ndarray) -> np.ndarray:
    """Mains hum with three harmonics, 10 dB below the speech."""
    phases = 2 * np.pi * 50 * np.arange(len(samples)) / RATE
    return add_noise(samples, sum(np.sin(k * phases) / k for k in (1, 2, 3, 5)).astype("float32"), SNR_DB)


def conditions(task: str) -> Iterator[tuple[str, list[np.ndarray]]]:
    """(name, clips) of clean speech for models of a task, and of each thing that changes."""
    utterances = datasets.load("spoken_digits" if task == "classification" else "an4", "test")
    clean = [u.audio(RATE) for u in _sounds.spread([u for u in utterances if not u.speaker.startswith("speech")], MOST)]
    noises, rngs = load_noise("test"), [np.random.default_rng(i) for i in range(len(clean))]
    yield "clean speech of new speakers", clean
    pairs = list(zip(clean, rngs, strict=True))
    sounds = [excerpt(noises[rng.integers(len(noises))], len(clip), rng) for clip, rng in pairs]
    yield (
        f"sounds of ESC-10 at {SNR_DB} dB",
        [add_noise(clip, sound, SNR_DB) for clip, sound in zip(clean, sounds, strict=True)],
    )
    if task != "classification":  # models of digits are given 8 kHz, the telephone band, in any case
        yield "telephone band", [telephone(clip, RATE) for clip in clean]
    yield "Mandarin", [clip.samples for clip in _sounds.cmn("report", len(clean))]
    yield "clipping", [clipped(clip) for clip in clean]
    yield "dropouts", [dropouts(clip, rng) for clip, rng in pairs]
    yield f"hum at {SNR_DB} dB", [hum(clip) for clip in clean]


def requests(name: str, model, clips: list[np.ndarray], log: Path | None) -> list[dict]:
    """What the server would write into its log; kept in a file, if one is given."""
    if log and log.exists():
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    answers, rate = (
        getattr(model, "transcribe", getattr(model, "classify", None))(clips, RATE),
        model.config.sample_rate,
    )
    rows = [
        {"model": name, "status": 200, **monitoring.measure(resample(clip, RATE, rate), rate)}
        | {"confidence": answer.confidence, "empty": not str(answer), "doubtful": answer.doubtful}
        for clip, answer in zip(clips, answers, strict=True)
    ]
    if log:
        log.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return rows


def alarms(rows: list[dict], usual: monitoring.Reference) -> list[str]:
    return [one.feature for one in monitoring.drift(rows, usual) if one.alarm]


def drift(models: tuple = (), cache: str = "", log: Callable = print) -> list[dict]:
    """Requests until the first alarm, by what changed. `--cache FOLDER` keeps the logs."""
    found = []
    for name in models or MODELS:
        usual, model, clean = monitoring.find_reference(name), zoo.load(name, runtime=MODELS[name]), []
        rng = np.random.default_rng(0)
        for condition, clips in conditions(zoo.card(name).task):
            path = Path(cache) / f"{name}-{condition.replace(' ', '-')}.jsonl" if cache else None
            rows = requests(name, model, clips, path)
            row = {"model": name, "condition": condition, "requests": len(rows)}
            if not clean:
                clean = [rows[i] for i in rng.permutation(len(rows))]
                row |= orders(rows, usual, rng)
            else:
                rows = [rows[i] for i in rng.permutation(len(rows))]
                counts = range(STEP, len(rows) + 1, STEP)
                after = next((n for n in counts if alarms(clean + rows[:n], usual)), None)
                row |= {"after": after, "features": alarms(clean + rows[: after or len(rows)], usual)}
            row["drifts"] = {one.feature: round(one.drift / one.limit, 2) for one in monitoring.drift(rows, usual)}
            found.append(row)
            log(row)
    return found


def orders(rows: list[dict], usual: monitoring.Reference, rng: np.random.Generator) -> dict:
    """In how many random orders of clean requests there was an alarm."""
    ends = range(monitoring.FEWEST, len(rows) + 1, STEP)
    shuffled = [[rows[i] for i in rng.permutation(len(rows))] for _ in range(ORDERS)]
    alarmed = [{name for end in ends for name in alarms(order[:end], usual)} for order in shuffled]
    return {
        "after": None,
        "features": sorted(set.union(*alarmed)),
        "orders": ORDERS,
        "alarmed": sum(map(bool, alarmed)),
    }


if __name__ == "__main__":
    main(drift)
