"""Model cards: what a model is, what it learnt from, how good it was measured to be, and on whom.

A card is zoo/cards/<name>.toml. The texts are written by people; `[weights]` is written by `zoo train --ship` and
every figure under `[[results]]` by `zoo evaluate --write-card`, never by hand.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import DataError, WeightsError, first_line, unknown_name
from zoo.files import whole
from zoo.registry import list_models

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CARDS = Path(__file__).parent / "cards"
WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Result:
    """One measured figure: an error rate in percent with its 95 % interval, and on what it was measured."""

    data: str  # data set
    split: str
    metric: str  # "WER", "CER", "accuracy" or "EER", in %, "dB" (root mean square error), or "perplexity"
    value: float
    low: float  # 95 % interval, bootstrap over utterances
    high: float
    utterances: int
    reference_length: int  # words (WER) or characters (CER)
    note: str = ""
    command: str = ""
    decoder: str = ""  # how logits became text, where it was not greedy: "beam 16, ngram_lm"

    @property
    def what(self) -> tuple[str, ...]:
        """What was measured: of two results that are equal in this, the newer one counts."""
        return self.data, self.split, self.metric, self.decoder


@dataclass(frozen=True)
class ModelCard:
    """A model in words and figures. `weights` is empty for a model that ships none."""

    name: str
    task: str  # "transcription", "classification", ...
    summary: str
    labels: str  # what it can write
    sample_rate: int  # Hz
    parameters: int
    licence: str  # of the weights
    limits: str  # what it cannot do
    training: str  # what helped, in words
    sources: tuple[dict, ...]  # title, url, licence of each source of data and of the architecture
    weights: dict  # file, sha256, bytes, commands
    results: tuple[Result, ...]
    decoding: dict  # language model -> {"alpha", "beta", "gamma"}, tuned on validation utterances
    prior: tuple[float, ...]  # of a recogniser: how likely it holds each symbol in any frame; () if not measured
    prior_data: str  # what that was measured on

    @property
    def size(self) -> int:
        """Bytes of the bundled weights; 0 without any."""
        return self.weights.get("bytes", 0)

    @property
    def data(self) -> tuple[str, ...]:
        """Titles of what the model learnt from and is made after."""
        return tuple(source["title"] for source in self.sources if "title" in source)

    @property
    def weights_path(self) -> Path:
        """The bundled weights. Raises WeightsError where there are none."""
        if not self.weights:
            raise WeightsError(f"{self.name} ships no weights: load it with weights=None and train it.")
        return WEIGHTS / self.weights["file"]


def card(name: str) -> ModelCard:
    """The card of a registered model, read from zoo/cards/<name>.toml. Raises UnknownNameError, DataError.

    >>> card("conv2d").sample_rate
    8000
    """
    if name not in list_models():
        raise unknown_name("model", name, list_models())
    path = CARDS / f"{name}.toml"
    if not path.exists():
        raise DataError(f"Every model has a card at zoo/cards/; {name} has none yet.")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        values["results"] = tuple(Result(**result) for result in values.get("results", ()))
        values["sources"] = tuple(values.get("sources", ()))
        values["prior"] = tuple(values.get("prior", ()))
        return ModelCard(**({"weights": {}, "decoding": {}, "prior_data": ""} | values))
    except (ValueError, TypeError) as error:  # no UTF-8, no TOML, a field too many or too few
        raise DataError(
            f"A card is TOML with the fields of a ModelCard; {path} is damaged: {first_line(error)}."
        ) from None


def update_card(name: str, *, results: list[Result] = (), **changes) -> None:
    """Write measured `results` and other fields. A result replaces that of the same data, split, metric and
    decoder, whose note it keeps if it has none.

    New `weights` make the figures and the prior of the old ones untrue, so those are removed, and gamma, which needs it.
    """
    import tomli_w

    path = CARDS / f"{name}.toml"
    values = tomllib.loads(path.read_text(encoding="utf-8")) | changes
    if "weights" in changes:
        for old in {"results", "prior", "prior_data"} - set(changes):
            values.pop(old, None)
        if "prior" not in changes:
            for tuned in values.get("decoding", {}).values():
                tuned.pop("gamma", None)
    for result in results:
        kept = values.setdefault("results", [])
        place = next((i for i, old in enumerate(kept) if Result(**old).what == result.what), len(kept))
        note = result.note or (kept[place].get("note", "") if place < len(kept) else "")
        kept[place : place + 1] = [vars(result) | {"note": note}]
    with whole(path) as partial:
        partial.write_text(tomli_w.dumps(values, multiline_strings=True), encoding="utf-8")


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with open(path, "rb") as file:
        return (
            hashlib.file_digest(file, "sha256").hexdigest()
            if sys.version_info >= (3, 11)
            else hashlib.sha256(file.read()).hexdigest()
        )


def check_weights(path: Path, expected: str) -> None:
    """Raises WeightsError where the file at `path` does not have the sha256 `expected`."""
    if not path.exists():
        raise WeightsError(f"Weights must be a file that exists; {path.name} is missing from {path.parent}.")
    found = sha256(path)
    if found != expected:
        raise WeightsError(
            f"Weights are loaded only if their sha256 is the card's; {path.name} has {found[:12]}..., "
            f"the card says {expected[:12]}...: reinstall the package."
        )
