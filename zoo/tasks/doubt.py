"""Whether a model knows what it hears: each answer says so in `.doubtful`, and why in `.doubt`.

Softmax shares all probability among the classes, whatever is heard, so a classifier of ten digits is sure of a click. Two remedies:

- A classifier has a second output layer beside its own, on the same numbers, with its labels and some classes of other things: other
  words, other languages, noises. Its score is the log odds of the label against all of these. The network stays as it is.
- A recognizer chooses among 29 symbols in every frame. Letters of what it never learnt are improbable one by one, so its own
  confidence will do.

An answer is doubtful below the threshold on the preset's card, chosen on people whom the network has not heard: at most 3 % of the right
answers to such people should be marked (`python -m experiments.doubt --fit`). Weights of one's own have no threshold, and
their answers `.doubtful=None`.

Sources: D. Hendrycks, K. Gimpel, ICLR 2017 (arxiv.org/abs/1610.02136), the confidence; D. Hendrycks, M. Mazeika, T. Dietterich, "Deep
anomaly detection with outlier exposure", ICLR 2019 (arxiv.org/abs/1812.04606), learning from things that are not asked for.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from weakref import WeakKeyDictionary

import keras
import numpy as np

from zoo.decoding import Classification, Transcript, log_softmax, with_doubt
from zoo.presets import WEIGHTS, check_weights, find_card

HEARD = "heard"  # output with what the last layer sees
_NETWORKS: WeakKeyDictionary = WeakKeyDictionary()  # model -> the same with that output


@dataclass(frozen=True)
class Doubt:
    """What a preset's card says of its doubt."""

    name: str  # of the model
    threshold: float  # least score of an answer that is not doubtful
    knows: str  # what the model has learnt, in words
    file: str = ""  # the second output layer, in zoo/weights/
    sha256: str = ""

    def of_transcript(self, transcript: Transcript) -> Transcript:
        """A recognizer's answer with its doubt."""
        return with_doubt(transcript, self.name, self.threshold, self.knows)

    def of_classification(self, answer: Classification, heard: np.ndarray) -> Classification:
        """A classifier's answer with its doubt; `heard` (units,) is what its last layer saw."""
        labels = list(answer.probabilities)
        layer, label = head(self.file, self.sha256), labels.index(answer.label)
        score = scores(heard[None], *layer, [label], len(labels))[0]
        return with_doubt(answer, self.name, self.threshold, self.knows, score)


def of(model) -> Doubt | None:
    """The doubt of a model with the weights of its preset; None if it has other weights, or a card without."""
    found = model.preset and find_card(model.preset)
    about = dict(found.doubt) if found else {}
    if not about or about.pop("last_layer") != fingerprint(model):
        return None
    return Doubt(model.display_name, **about)


def fingerprint(model) -> int:
    """A number that changes when the model is trained further."""
    return zlib.crc32(np.asarray(model.get_layer("logits").weights[0], "float16").tobytes())


def network(model) -> keras.Model:
    """The model with what its last layer sees as a further output, HEARD."""
    if model not in _NETWORKS:
        outputs = model.output | {HEARD: model.get_layer("logits").input}
        made = keras.Model(model.input, outputs, name=f"{model.name}_{HEARD}")
        made.compile(jit_compile=keras.backend.backend() == "jax")  # as `SpeechModel.compile`
        _NETWORKS[model] = made
    return _NETWORKS[model]


@lru_cache(maxsize=64)
def head(file: str, sha256: str) -> tuple[np.ndarray, np.ndarray]:
    """The second output layer: kernel (units, labels and other things) and bias. Raises WeightsError."""
    check_weights(WEIGHTS / file, sha256)
    with np.load(WEIGHTS / file, allow_pickle=False) as arrays:
        return arrays["kernel"].astype("float32"), arrays["bias"].astype("float32")


def scores(heard: np.ndarray, kernel: np.ndarray, bias: np.ndarray, ids: Sequence[int], labels: int) -> np.ndarray:
    """Log odds (clips,) of each clip's label against all other things.

    Args:
        heard: (clips, units).
        kernel: (units, classes), those of the labels first.
        bias: (classes,).
        ids: Label of each clip.
        labels: Number of labels.

    >>> heard, kernel = np.eye(2), np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]])  # two labels and one other thing
    >>> scores(heard, kernel, np.zeros(3), [0, 0], labels=2).tolist()
    [4.0, -4.0]
    """
    logits = log_softmax(heard @ kernel + bias)
    return logits[np.arange(len(heard)), ids] - np.log(np.exp(logits[:, labels:]).sum(axis=1) + 1e-30)


def vote(name: str, answer: Classification, parts: Sequence[Classification]) -> Classification:
    """An ensemble's answer, doubtful where at least half of its parts doubt theirs; None if one of them cannot say."""
    doubts = [part.doubtful for part in parts]
    if None in doubts:
        return answer
    doubtful = 2 * sum(doubts) >= len(doubts)
    reason = f"{sum(doubts)} of the {len(doubts)} models of {name} do not know this." if doubtful else ""
    return replace(answer, doubtful=doubtful, doubt=reason)
