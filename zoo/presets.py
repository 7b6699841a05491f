"""Presets: an architecture with a config, labels, trained weights, and a card with its measured figures and the data they were measured on.

A preset is zoo/cards/<name>.toml and a weights file. `conv2d.toml` is the default preset of the architecture `conv2d`, and
has a tag, such as "fsdd", so that `conv2d.fsdd` is its full name; `lstm_lm.sentences.toml` is a further one. The texts of a
card are written by people; `[weights]` and every figure under `[[results]]` are written by commands, never by hand.
"""

import hashlib
import html
import sys
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from zoo.errors import DataError, WeightsError, first_line, unknown_name
from zoo.registry import architectures, language_models

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CARDS = Path(__file__).parent / "cards"
WEIGHTS = Path(__file__).parent / "weights"
LARGER = ("accuracy", "AUROC")  # metrics of which the larger value is better


@dataclass(frozen=True)
class Result:
    """One measured figure with its 95 % interval, and what it was measured on."""

    data: str  # data set
    split: str
    metric: str  # "WER", "CER", "accuracy", "AUROC" or "EER" in %, "dB" (root mean square error), or "perplexity"
    value: float
    low: float  # ends of the 95 % interval, bootstrap over utterances (accuracy: Wilson)
    high: float
    utterances: int
    reference_length: int  # words (WER) or characters (CER) of the references
    note: str = ""  # what else there is to say of the figure
    command: str = ""  # that measured it
    decoder: str = ""  # how logits became text, where that was not greedy: "beam 16, ngram_lm"
    counts: dict = field(default_factory=dict, hash=False)  # substitutions, deletions, ..., or correct and clips

    @property
    def key(self) -> tuple[str, ...]:
        """What was measured: of two results with the same key, the newer one counts."""
        return self.data, self.split, self.metric, self.decoder


@dataclass(frozen=True)
class ModelCard:
    """A preset in words and figures."""

    name: str
    architecture: str  # name of the file in zoo/models/ or zoo/language/
    task: str  # "transcription", "classification", "detection", "reconstruction", "denoising" or "language"
    summary: str  # what it is, in a sentence
    labels: str  # what it can write or tell apart, in words
    sample_rate: int  # Hz; 0 for models of text
    parameters: int  # number of weights
    licence: str  # of the weights
    limits: str  # what it cannot do
    training: str  # how it was trained and what helped
    tag: str = ""  # second part of the full name of a default preset
    aliases: tuple[str, ...] = ()  # other names that go on working
    config: dict = field(default_factory=dict)  # fields of the architecture's Config as this preset has them
    labels_file: str = ""  # file beside the weights with one class a line; "" for the architecture's default labels
    sources: tuple[dict, ...] = ()  # title, url and licence of each source of data and of the architecture
    weights: dict = field(default_factory=dict)  # file, sha256, bytes, commands; {} for a model that ships none
    litert: dict = field(
        default_factory=dict
    )  # file, sha256, bytes and command of the bundled LiteRT file; {} for none
    results: tuple[Result, ...] = ()
    decoding: dict = field(default_factory=dict)  # language model -> {"alpha", "word_bonus", "prior_scale"}, as tuned
    prior: tuple[float, ...] = ()  # how likely a recognizer holds each symbol in any frame; () if not measured
    prior_data: str = ""  # what the prior was measured on
    same_above: float | None = (
        None  # cosine of two clips of one voice, at least: where both errors are equal on other people
    )
    doubt: dict = field(default_factory=dict)  # when an answer is doubtful (see `zoo.tasks.doubt`); {} for never
    reference: str = ""  # file beside the card with histograms of the training data (see `zoo.monitoring`); "" for none

    @property
    def size(self) -> int:
        """Bytes of the bundled weights; 0 without any."""
        return self.weights.get("bytes", 0)

    @property
    def data(self) -> tuple[str, ...]:
        """Titles of the training data and of the papers that the model follows."""
        return tuple(source["title"] for source in self.sources if "title" in source)

    @property
    def changes(self) -> dict:
        """Fields of the architecture's Config in which this preset differs, its class labels among them."""
        if not self.labels_file:
            return dict(self.config)
        labels = (WEIGHTS / self.labels_file).read_text(encoding="utf-8").split("\n")
        return self.config | {"labels": tuple(label for label in labels if label)}

    @property
    def weights_path(self) -> Path:
        """The bundled weights. Raises WeightsError where the preset ships none."""
        if not self.weights:
            raise WeightsError(f"`weights` must be None for {self.name}, which ships none: load it fresh and train it.")
        return WEIGHTS / self.weights["file"]

    def _repr_html_(self) -> str:
        """A table in Jupyter."""
        names = ("task", "labels", "parameters", "licence", "limits")
        rows = [(name, f"{value:,}" if isinstance(value := getattr(self, name), int) else value) for name in names]
        for r in self.results:
            better = "larger" if r.metric in LARGER else "smaller"
            interval = f", 95 % interval {r.low:.2f} to {r.high:.2f}" if r.low < r.high else ""
            rows.append(
                (f"{r.metric}, {r.data}:{r.split}", f"{r.value:.2f} ({better} is better{interval}) {r.decoder}")
            )
        left = ' style="text-align: left; vertical-align: top"'  # Jupyter's cells are on the right
        cells = "".join(f"<tr><th{left}>{html.escape(k)}</th><td{left}>{html.escape(v)}</td></tr>" for k, v in rows)
        return f"<p><b>{self.name}</b>: {html.escape(self.summary)}</p><table>{cells}</table>"


def list_models(pattern: str = "*", task: str | None = None) -> list[str]:
    """Names of all presets that match a shell wildcard, sorted. Reads no model file, so it is quick.

    Args:
        pattern: Shell wildcard; a preset matches by its name, its full name or an older name.
        task: If given, only presets whose card has this task.

    >>> list_models("*ctc")
    ['attention_ctc', 'conv_lstm_ctc', 'lstm_ctc']
    """
    names = sorted({path.stem for path in CARDS.glob("*.toml")} | set(architectures()) | set(language_models()))
    found = [name for name in names if any(fnmatchcase(known, pattern) for known in (name, *_other_names(name)))]
    return [name for name in found if task is None or (_has_card(name) and card(name).task == task)]


def resolve(name: str) -> str:
    """The name of a preset's card, given that name, its full name (`conv2d.fsdd`) or an older one.

    >>> resolve("conv2d.fsdd"), resolve("sentences_lstm_lm")
    ('conv2d', 'lstm_lm.sentences')
    """
    name, names = str(name), list_models()
    if name in names:
        return name
    for known in names:
        if name in _other_names(known):
            return known
    raise unknown_name("model", name, names)


def card(name: str) -> ModelCard:
    """The card of a preset, such as "conv2d" or "conv2d.fsdd", read from zoo/cards/<name>.toml.

    >>> card("conv2d").sample_rate
    8000
    """
    name = resolve(name)
    if not _has_card(name):
        raise DataError(f"Every model has a card at zoo/cards/; {name} has none yet.")
    return _card_of_file(name)


def find_card(name: str) -> ModelCard | None:
    """The card of a preset, or None for a new architecture that has none yet. Raises as `card`."""
    return card(name) if _has_card(resolve(name)) else None


def is_language_model(name: str) -> bool:
    """Whether a preset is a model of text alone."""
    found = find_card(name)
    return (found.architecture if found else name) in language_models()


@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> ModelCard:
    """The card in a file, read again once the file has `changed`."""
    values = read_toml(path)
    try:
        values["results"] = tuple(Result(**result) for result in values.get("results", ()))
        tuples = {item.name for item in fields(ModelCard) if str(item.type).startswith("tuple")} & set(values)
        return ModelCard(**{"architecture": path.stem} | values | {name: tuple(values[name]) for name in tuples})
    except TypeError as error:  # a field too many or too few
        raise DataError(f"A card has the fields of a ModelCard; {path} is damaged: {first_line(error)}.") from None


def read_toml(path: Path) -> dict:
    """The values of a card. Raises DataError where the file is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no UTF-8, no TOML
        raise DataError(f"A card is a TOML file; {path} is damaged: {first_line(error)}.") from None


def _has_card(name: str) -> bool:
    return (CARDS / f"{name}.toml").exists()


def _other_names(name: str) -> tuple[str, ...]:
    """The full name of a default preset and the older names of a preset."""
    if not _has_card(name):
        return ()
    found = _card_of_file(name)
    return (*([f"{name}.{found.tag}"] if found.tag else []), *found.aliases)


def _card_of_file(name: str) -> ModelCard:
    path = CARDS / f"{name}.toml"
    return _read(path, path.stat().st_mtime_ns)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_weights(path: Path, expected: str) -> None:
    """Checks a weights file against the sha256 on its card. Raises WeightsError."""
    if not path.exists():
        raise WeightsError(f"Weights must be a file that exists; {path.name} is missing from {path.parent}.")
    if (found := sha256(path)) != expected:
        raise WeightsError(f"Weights must have the sha256 of their card; {path.name} has {found[:12]}...: reinstall.")
