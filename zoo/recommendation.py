"""Which preset for a task, a machine and a place? By measured figures, each with its data.

zoo/cards/*.toml      errors on data sets, size
zoo/cards/figures.json   milliseconds, and errors in noise (`python -m experiments.costs`)
"""

import html
from collections import Counter
from dataclasses import dataclass
from functools import cache
from numbers import Real

from zoo.errors import ZooError, unknown_name
from zoo.files import read_json
from zoo.presets import CARDS, LARGER, ModelCard, Result, card, list_models

FIGURES = "figures.json"
CLEAN_DB = 40.0  # SNR of the recordings as they are, of which there is a figure for every preset


@dataclass(frozen=True)
class Recommendation:
    """A preset that fits, and why."""

    name: str
    error: float  # in `metric`; of accuracy and AUROC, 100 minus it
    metric: str
    data: str  # what it was measured on
    ms: float | None  # of one core for a clip; None if not measured
    mb: float  # of the weights
    noisy: bool  # whether the error is that in noise
    why: str  # in a sentence


class Recommendations(tuple):
    """Presets, the best first. A table in Jupyter and as text."""

    columns = ("model", "error", "measured on", "ms", "MB", "why")

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """Cells as text."""
        return [
            (
                one.name,
                f"{one.error:.1f}",
                one.data,
                "" if one.ms is None else f"{one.ms:.1f}",
                f"{one.mb:.2f}",
                one.why,
            )
            for one in self
        ]

    def __str__(self) -> str:
        table = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip() for row in table
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = [(self.columns, "th"), *((row, "td") for row in self.rows)]
        cells = ("".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) for row, tag in lines)
        return f"<table>{''.join(f'<tr>{line}</tr>' for line in cells)}</table>"


def recommend(
    task: str, max_ms: float | None = None, max_mb: float | None = None, noise_db: float | None = None
) -> Recommendations:
    """Rank the presets for a task by their measured errors.

    Args:
        task: What is to be done: a task of cards, such as "transcription", or a data set of their results, such as "commands",
            "an4" (spelled names, numbers, dates) or "sentences".
        max_ms: Most milliseconds of one core for a clip: a word for classifiers, four seconds for others. Another machine is
            faster or slower; the ratios stay.
        max_mb: Most megabytes of the weights.
        noise_db: SNR where it will be used, in dB. Errors between two measured levels are interpolated; presets that were not
            measured in noise come last.

    Returns:
        Presets that keep to the limits, the best first.

    Raises:
        UnknownNameError: For a task that no preset has figures for.
        ZooError: If no preset keeps to the limits.

    >>> recommend("commands", max_mb=1)[0].name
    'ds_cnn.commands'
    """
    for name, limit in {"max_ms": max_ms, "max_mb": max_mb}.items():
        if limit is not None and not (isinstance(limit, Real) and limit > 0):
            raise ZooError(f"`{name}` must be above 0. Received: {name}={limit!r}.")
    if noise_db is not None and not (isinstance(noise_db, Real) and -20 <= noise_db <= 100):
        raise ZooError(f"`noise_db` must lie between -20 and 100 dB. Received: noise_db={noise_db!r}.")
    measured = _measured(task)
    found = [_recommendation(about, result, noise_db) for about, result in measured]
    slow = [one for one in found if max_ms is not None and (one.ms is None or one.ms > max_ms)]
    large = [one for one in found if max_mb is not None and one.mb > max_mb]
    fits = [one for one in found if one not in slow and one not in large]
    if not fits:
        raise _nothing(found, max_ms, max_mb, slow, large)
    return Recommendations(sorted(fits, key=lambda one: (noise_db is not None and not one.noisy, one.error, one.mb)))


def tasks() -> list[str]:
    """Return what `recommend` takes.

    >>> {"commands", "transcription"} <= set(tasks())
    True
    """
    cards = _cards()
    return sorted({about.task for about in cards} | {_set(r) for about in cards for r in about.results})


def _cards() -> list[ModelCard]:
    """Cards of models of sound that have figures."""
    cards = [card(name) for name in list_models() if (CARDS / f"{name}.toml").exists()]
    return [about for about in cards if about.results and about.sample_rate]


def _set(result: Result) -> str:
    """The data set of a result, without its options."""
    return result.data.partition(",")[0]


def _measured(task: str) -> list[tuple[ModelCard, Result]]:
    """Presets for a task, with the one figure by which all of them can be compared."""
    pairs = [
        (about, result)
        for about in _cards()
        for result in about.results
        if not result.decoder and task in (about.task, _set(result))
    ]
    if not pairs:
        raise unknown_name("task", task, tasks())
    labels = lambda about: about.labels if about.task == "classification" else ""  # noqa: E731
    kinds = [(labels(about), result.data, result.split, result.metric) for about, result in pairs]
    [(most, _)] = Counter(kinds).most_common(1)  # of one data set, some models tell words apart and some speakers
    return [pair for pair, kind in zip(pairs, kinds, strict=True) if kind == most]


@cache
def _figures() -> dict:
    return read_json(CARDS / FIGURES, "The figures of presets")


def _recommendation(about: ModelCard, result: Result, noise_db: float | None) -> Recommendation:
    figures = _figures().get(about.name, {})
    error = 100 - result.value if result.metric in LARGER else result.value
    data, noise, noisy = f"{result.data}:{result.split}", figures.get("noise", {}), False
    if noise_db is not None and (noisy := noise_db < CLEAN_DB and bool(noise)):
        data, levels = noise["data"], {float(snr): value for snr, value in noise["errors"].items()}
        error = _at(noise_db, levels | ({CLEAN_DB: error} if data == f"{result.data}:{result.split}" else {}))
    ms, mb = figures.get("ms"), about.size / 1e6
    unit = "dB" if result.metric == "dB" else "% errors"
    place = f" at {noise_db:g} dB SNR" if noisy else ""
    speed = "speed not measured" if ms is None else f"{ms:.1f} ms for {figures['seconds']:g} s"
    unknown = "; not measured in noise" if noise_db is not None and not noisy else ""
    why = f"{error:.1f} {unit} on {data}{place}, {speed}, {mb:.2f} MB{unknown}."
    return Recommendation(about.name, error, result.metric, data, ms, mb, noisy, why)


def _at(snr: float, levels: dict[float, float]) -> float:
    """The error at an SNR in dB, on the line between the two nearest levels that were measured; beyond the last, that at the last."""
    known = sorted(levels)
    below, above = (
        max((k for k in known if k <= snr), default=known[0]),
        min((k for k in known if k >= snr), default=known[-1]),
    )
    share = (snr - below) / (above - below) if above > below else 0.0
    return levels[below] + share * (levels[above] - levels[below])


def _nothing(found: list[Recommendation], max_ms, max_mb, slow: list, large: list) -> ZooError:
    """The error where nothing fits, which names what comes nearest."""
    if max_mb is not None and len(large) == len(found):
        least = min(found, key=lambda one: one.mb)
        return ZooError(
            f"`max_mb` must be at least {least.mb:.2f}, the size of {least.name}. Received: max_mb={max_mb}."
        )
    times = [one for one in found if one.ms is not None and one not in large]
    if not times:
        return ZooError(f"`max_ms` must be left out: the speed was not measured. Received: max_ms={max_ms}.")
    least = min(times, key=lambda one: one.ms)
    return ZooError(f"`max_ms` must be at least {least.ms:.2f}, which {least.name} takes. Received: max_ms={max_ms}.")
