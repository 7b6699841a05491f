"""What comes in to a model that is in use: measured clip by clip, and compared with what it was trained on.

    samples (n,) -> `measure`, five numbers -> a line of the log of `zoo serve`
    log -> `read_log`, a row for each request -> `drift` from a `Reference`, with an alarm for each feature

NumPy alone: a server measures each request without Keras. Drift is the population stability index of two histograms, the sum of
(p - q) ln(p / q) over their bins. The usual limit of 0.25 is for independent draws. Requests are not: a user brings a voice, a room
and a microphone. So the limit of a feature is the largest index that groups of ten of the training speakers have against the others.

Source: B. Yurdakul, "Statistical properties of population stability index", 2018 (scholarworks.wmich.edu/dissertations/3208).
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from zoo.decoding import pauses
from zoo.errors import DataError, ZooError, check_whole
from zoo.files import atomic_write, read_json
from zoo.presets import CARDS, card

FRAME, HOP = 0.032, 0.016  # seconds
FLOOR_DB, MOST_SNR_DB = -120.0, 60.0  # of what is measured
FLAT = 0.99  # of the highest amplitude: samples above it are clipped, if they are many
ENERGY = 0.99  # share of the energy below the bandwidth
BLOCK = 4096  # frames at a time, so that those of an hour are never in memory together
BINS: Mapping[str, Sequence[float]] = {  # feature -> inner edges of its histogram
    "level": (-60, -55, -50, -45, -40, -35, -30, -25, -20, -15, -10, -5),  # dB of full scale
    "snr": (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55),  # dB
    "seconds": (0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 20, 60),
    "bandwidth": (500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 6000, 7000),  # Hz
    "clipped": (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03),  # share of the samples
    "confidence": (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98),
}
UNITS = {"level": "dB", "snr": "dB", "seconds": "s", "bandwidth": "Hz"}
SHARES = {"doubtful": 0.15, "empty": 0.05}  # of answers: least limit; models let 3 % of right answers be doubted
LEAST_LIMIT = 0.25  # of the stability index
WINDOW = 200  # requests that are compared at a time
FEWEST = 50  # requests that say anything
GROUPS, SPEAKERS = 200, 10  # random groups of so many speakers, by which limits are found
SUFFIX = ".reference.json"


def measure(audio: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Measure a clip.

    Args:
        audio: (samples,) in [-1, 1].
        sample_rate: Hz.

    Returns:
        "level" (dB of full scale, of the frames with speech), "snr" (dB from the quiet frames to those with speech, at most
        60), "seconds", "bandwidth" (Hz below which 99 % of the energy lies), and "clipped" (share of the samples within 1 %
        of the highest amplitude: below 0.001 in speech, far above it where peaks are cut off).

    >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> found = measure(np.concatenate([tone, 0.001 * tone]), 16000)
    >>> round(found["level"]), round(found["snr"]), found["seconds"], round(found["bandwidth"], -2)
    (-9, 60, 2.0, 1000.0)
    """
    samples = np.asarray(audio, "float32").reshape(-1)
    power, spectrum = _frames(samples, sample_rate)
    db = 10 * np.log10(power + 10 ** (FLOOR_DB / 10))
    quiet, loud = np.percentile(db, (10, 95))
    speech = db > quiet + pauses.SHARE * (loud - quiet) if loud > quiet else np.ones(len(db), bool)
    level = 10 * np.log10(power[speech].mean() + 10 ** (FLOOR_DB / 10))
    highest = np.abs(samples).max(initial=0.0)
    below = np.searchsorted(np.cumsum(spectrum), ENERGY * spectrum.sum())
    return {
        "level": float(level),
        "snr": float(np.clip(level - quiet, 0.0, MOST_SNR_DB)),
        "seconds": len(samples) / sample_rate,
        "bandwidth": float(below / max(1, len(spectrum) - 1) * sample_rate / 2) if highest else 0.0,
        "clipped": float(np.mean(np.abs(samples) >= FLAT * highest)) if highest else 0.0,
    }


def _frames(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean square of each frame, (frames,), and the energy in each band of all, (bins,)."""
    size, hop = round(FRAME * sample_rate), round(HOP * sample_rate)
    window = np.hanning(size).astype("float32")
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectrum, power = np.zeros(size // 2 + 1), []
    for first in range(0, len(frames), BLOCK):
        part = frames[first : first + BLOCK]
        power.append(np.square(part).mean(axis=1, dtype="float64"))
        spectrum += np.square(np.abs(np.fft.rfft(part * window))).sum(axis=0)
    return np.concatenate(power), spectrum


@dataclass(frozen=True)
class Usual:
    """A feature of what is usual."""

    counts: tuple[int, ...]  # of each bin
    low: float  # percentiles 5, 50 and 95
    median: float
    high: float
    limit: float  # of the stability index, above which there is an alarm


@dataclass(frozen=True)
class Reference:
    """What is usual: histograms of the features of training data, or of a log of better days."""

    data: str  # what was measured
    clips: int
    features: dict[str, Usual]
    shares: dict[str, float]  # of answers that are doubtful, and empty; {} for data without answers
    command: str = ""  # that made it

    def save(self, path: str | os.PathLike) -> None:
        """Write it as JSON."""
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Reference":
        """Read what `save` wrote. Raises DataError."""
        try:
            values = read_json(path, "A reference")
            features = {name: Usual(**about) for name, about in values.pop("features").items()}
            return cls(features=features, **values)
        except (KeyError, TypeError, AttributeError):
            raise DataError(f"A reference must be what `Reference.save` wrote; {path} is something else.") from None


@dataclass(frozen=True)
class Drift:
    """How far a feature of the latest requests is from what is usual."""

    feature: str
    now: float  # median, or the share of answers
    usual: tuple[float, float]  # percentiles 5 and 95; of a share, 0 and its limit
    drift: float  # stability index; of a share, the lower end of its 95 % interval
    limit: float
    alarm: bool

    def __str__(self) -> str:
        unit = f" {UNITS[self.feature]}" if self.feature in UNITS else ""
        return f"{self.feature} {short(self.now)}{unit}, usually {' to '.join(map(short, self.usual))}{unit}"


def reference(rows: Sequence[Mapping], groups: Sequence, data: str, command: str = "") -> Reference:
    """Find what is usual.

    Args:
        rows: A dict for each clip, of `measure`, or of `read_log`.
        groups: For each row, who or what it is from. A random third of them, ten at most, is compared with the
            others; the limits lie above what they differ by.
        data: What it is, in words.
        command: That made it.
    """
    found, rng, groups = {}, np.random.default_rng(0), np.asarray(groups)
    names = np.unique(groups)
    chosen = [np.isin(groups, rng.choice(names, min(SPEAKERS, max(1, len(names) // 3)), False)) for _ in range(GROUPS)]
    for feature, edges in BINS.items():
        values = np.array([np.nan if row.get(feature) is None else row[feature] for row in rows], "float64")
        known = np.isfinite(values)
        if not known.any():
            continue
        bins = np.where(known, np.searchsorted(edges, values), -1)
        drifts = [stability_index(_counts(bins[some], edges), _counts(bins[~some], edges)) for some in chosen]
        limit = round(max(LEAST_LIMIT, *drifts), 3)
        low, median, high = (float(f"{value:.4g}") for value in np.percentile(values[known], (5, 50, 95)))
        found[feature] = Usual(tuple(_counts(bins, edges).tolist()), low, median, high, limit)
    shares = {name: _share(rows, name) for name in SHARES if any(row.get(name) is not None for row in rows)}
    return Reference(data, len(rows), found, shares, command)


def reference_of_log(rows: Sequence[Mapping], data: str) -> Reference:
    """Take a log of days on which all was well as what is usual; windows of requests are compared as groups of speakers are."""
    count = len(rows) // WINDOW
    if count < 2:
        raise DataError(f"`reference` must hold {2 * WINDOW} answered requests or more. Received: {len(rows)}.")
    return reference(rows, [min(i // WINDOW, count - 1) for i in range(len(rows))], data)


def find_reference(name: str) -> Reference:
    """The reference of a preset. Raises ZooError where its card names none."""
    if not (file := card(name).reference):
        raise ZooError(
            f"`reference` must be given for {name}, whose card has none: a log of days on which all was well."
        )
    return Reference.read(CARDS / file)


def read_log(path: str | os.PathLike, model: str = "") -> list[dict]:
    """Read the answered requests of a log of `zoo serve`, in order.

    Args:
        path: File with a JSON object a line; lines that were cut off are left out.
        model: Only those to this model; "" for the model with most of them.

    Raises:
        DataError: If the file holds no such requests.
    """
    rows = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and row.get("status") == 200 and isinstance(row.get("level"), int | float):
                rows.append(row)
    names = [row.get("model") for row in rows]
    model = model or max(set(names), key=names.count, default="")
    if not (rows := [row for row in rows if row.get("model") == model]):
        raise DataError(
            f"`log` must hold answered requests, a JSON object a line{model and f', to {model}'}. Received: {path}."
        )
    return rows


def drift(rows: Sequence[Mapping], usual: Reference, window: int = WINDOW) -> list[Drift]:
    """Compare the latest requests with what is usual.

    Args:
        rows: A dict for each request, as of `read_log`.
        usual: What it is compared with.
        window: Number of requests that count, the last ones. Fewer than 50 raise no alarm.

    >>> clips = [{"snr": 30 + i % 10} for i in range(400)]
    >>> usual = reference(clips, [i % 20 for i in range(400)], "a test")
    >>> [one.alarm for one in drift(clips, usual)], [one.alarm for one in drift([{"snr": 8}] * 200, usual)]
    ([False], [True])
    """
    check_whole("window", window)
    rows, found = rows[-window:], []
    for feature, about in usual.features.items():
        values = [row[feature] for row in rows if row.get(feature) is not None]
        if values:
            index = stability_index(_counts(np.searchsorted(BINS[feature], values), BINS[feature]), about.counts)
            limit = max(about.limit, _by_chance(len(BINS[feature]), len(values), sum(about.counts)))
            alarm = len(values) >= FEWEST and index > limit
            found.append(Drift(feature, float(np.median(values)), (about.low, about.high), index, limit, alarm))
    for name, least in SHARES.items():
        values = [bool(row[name]) for row in rows if row.get(name) is not None]
        if values:
            limit = max(least, 2 * usual.shares.get(name, 0.0))
            low = _wilson(sum(values), len(values))
            alarm = len(values) >= FEWEST and low > limit
            found.append(Drift(name, float(np.mean(values)), (0.0, limit), low, limit, alarm))
    return found


def short(value: float) -> str:
    """Return a number with at most three digits that mean something.

    >>> short(3312.5), short(0.0000284), short(0.0)
    ('3310', '0.0000284', '0')
    """
    return np.format_float_positional(float(f"{value:.3g}"), trim="-")


def windows(rows: Sequence[Mapping], window: int = WINDOW) -> Iterable[Sequence[Mapping]]:
    """Consecutive windows of a log, of which the last one ends with it.

    >>> [len(part) for part in windows([{}] * 450)]
    [50, 200, 200]
    """
    ends = range(len(rows), 0, -window)
    return [rows[max(0, end - window) : end] for end in reversed(ends)]


def stability_index(counts: Sequence[float], others: Sequence[float]) -> float:
    """The population stability index of two histograms with the same bins; empty bins count as half a clip.

    >>> stability_index([50, 50], [50, 50]), stability_index([100, 0], [0, 100]) > 5
    (0.0, True)
    """
    p, q = (np.asarray(each, "float64") + 0.5 for each in (counts, others))
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())


def _counts(bins: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    return np.bincount(bins[bins >= 0], minlength=len(edges) + 1)


def _by_chance(freedom: int, n: int, usual: float) -> float:
    """The stability index that n of the `usual` clips exceed once in a thousand: it is chi-squared (see the source)."""
    part = 2 / (9 * freedom)  # the quantile is that of Wilson and Hilferty
    return float(freedom * (1 - part + 3.09 * np.sqrt(part)) ** 3 * (1 / n + 1 / usual))


def _share(rows: Iterable[Mapping[str, Any]], name: str) -> float:
    return float(np.mean([bool(row[name]) for row in rows if row.get(name) is not None]))


def _wilson(count: int, n: int) -> float:
    """Lower end of the 95 % interval of a share: 1.96 standard errors."""
    share, more = count / n, 1.96**2 / n
    return float(max(0.0, (share + more / 2 - np.sqrt(share * (1 - share) * more + more**2 / 4)) / (1 + more)))
