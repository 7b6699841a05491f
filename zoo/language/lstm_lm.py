"""`lstm_lm`: an LSTM that reads a text token by token and says what may come next.

    token -> embedding (192) -> LSTM (192) -> dense -> P(next token)

An n-gram model forgets what lies n tokens back, and has no counts for contexts that are not in its texts. The LSTM keeps what it
finds useful, and learns which tokens are alike. On little text the mixture of both is better than either.

Source: M. Sundermeyer, R. Schlueter, H. Ney, "LSTM neural networks for language modeling", Interspeech 2012. Keras trains it;
decoding asks it for one token at a time, which NumPy does in less time than Keras needs to begin.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoo.errors import DataError, MissingFileError, WeightsError, ZooError
from zoo.files import atomic_write
from zoo.language.base import END, START, UNKNOWN, LanguageModel

if TYPE_CHECKING:
    import keras

FILE = "model.weights.h5"  # of a run
WEIGHTS = ("embedding", "kernel", "recurrent_kernel", "bias", "dense", "dense_bias")
SPECIAL = (START, END, UNKNOWN)  # ids 0, 1, 2
HELD_OUT = 10  # every tenth text chooses the epoch
RANGES = dict.fromkeys(("units", "epochs", "batch_size", "out_of_domain_epochs"), (int, 1, 1_000_000)) | {
    "dropout": (int | float, 0, 0.99), "learning_rate": (int | float, 1e-12, 1e40), "seed": (int, 0, 2**32 - 1),
}  # fmt: skip
OUT_OF_DOMAIN_SETTINGS = ("out_of_domain_epochs",)  # of `train`


class State(NamedTuple):
    hidden: np.ndarray  # (units,) values of the LSTM
    cell: np.ndarray  # (units,)
    log_probabilities: np.ndarray  # (tokens,) of the next token


class LSTMModel(LanguageModel):
    """An LSTM language model that runs in NumPy; `weights` are arrays named as in WEIGHTS."""

    def __init__(self, unit: str, tokens: Iterable[str], weights: dict[str, np.ndarray]):
        tokens = tuple(tokens)  # SPECIAL and the vocabulary
        super().__init__(unit, tokens[len(SPECIAL) :])
        self.ids = {token: i for i, token in enumerate(tokens)}
        self.weights = weights

    def start(self) -> State:
        zeros = np.zeros(len(self.weights["recurrent_kernel"]), "float32")
        return self._read(zeros, zeros, self.ids[START])

    def advance(self, state: State, token: str) -> tuple[float, State]:
        i = self.ids.get(token, self.ids[UNKNOWN])
        return float(state.log_probabilities[i]), self._read(state.hidden, state.cell, i)

    def end(self, state: State) -> float:
        return float(state.log_probabilities[self.ids[END]])

    def _read(self, hidden, cell, token_id: int) -> State:
        """One step of the LSTM (gates in Keras' order: input, forget, candidate, output), then the softmax."""
        w = self.weights
        z = w["embedding"][token_id] @ w["kernel"] + hidden @ w["recurrent_kernel"] + w["bias"]
        i, f, g, o = np.split(z, 4)
        cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(g)
        hidden = _sigmoid(o) * np.tanh(cell)
        logits = (hidden @ w["dense"] + w["dense_bias"]).astype("float64")
        logits[self.ids[START]] = -np.inf  # never follows anything
        return State(hidden, cell, logits - logits.max() - np.log(np.exp(logits - logits.max()).sum()))

    def save(self, path: str | os.PathLike) -> None:
        """Write the arrays, the unit and the tokens as one HDF5 file; whole or not at all."""
        import h5py

        with atomic_write(path) as partial, h5py.File(partial, "w") as file:
            file.attrs["about"] = json.dumps({"unit": self.unit, "tokens": list(self.ids)})
            for name in WEIGHTS:
                file.create_dataset(name, data=self.weights[name].astype("float16"), compression=9, shuffle=True)


def _sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # no overflow


def read(path: str | os.PathLike) -> LSTMModel:
    """Read the HDF5 file that `LSTMModel.save` wrote."""
    import h5py

    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"`path` must be a weights file that exists. Received: {path}.")
    try:
        with h5py.File(path) as file:
            about = json.loads(file.attrs["about"])
            weights = {name: file[name][()].astype("float32") for name in WEIGHTS}
        model = LSTMModel(about["unit"], about["tokens"], weights)
        model.end(model.start())
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"`path` must be what lstm_lm saved; {path.name} is not: {str(error)[:100]}") from None
    return model


def network(n_tokens: int, units: int, dropout: float) -> "keras.Model":
    """Build the Keras network: token ids (batch, tokens) -> logits of the next token (batch, tokens, n_tokens)."""
    import keras
    from keras import layers

    ids = keras.Input((None,), dtype="int32", name="ids")  # (batch, tokens)
    x = layers.Embedding(n_tokens, units, name="embedding")(ids)  # (batch, tokens, units)
    x = layers.Dropout(dropout, seed=0)(x)
    # Padding follows the text, and an LSTM looks back only: no mask is needed.
    x = layers.LSTM(units, return_sequences=True, name="lstm")(x)
    x = layers.Dropout(dropout, seed=1)(x)
    return keras.Model(ids, layers.Dense(n_tokens, name="dense")(x))  # (batch, tokens, n_tokens)


def train(
    texts: Iterable[str],
    unit: str = "word",
    units: int = 192,
    dropout: float = 0.6,
    epochs: int = 30,
    batch_size: int = 16,
    learning_rate: float = 3e-3,
    seed: int = 0,
    out_of_domain: Iterable[str] = (),
    out_of_domain_epochs: int = 8,
    log: Callable[[str], None] = lambda line: None,
) -> LSTMModel:
    """Train an LSTM; every tenth text is held out, and the epoch with the lowest perplexity on those is kept.

    Out-of-domain texts come first, together with `texts`, in batches four times as large and at a falling learning rate;
    then `texts` alone at a third of the learning rate.

    Args:
        texts: One utterance each, at least ten.
        unit: "word" or "character".
        units: Of embedding and LSTM.
        dropout: Share of both that is dropped in training.
        epochs: Passes over `texts`.
        batch_size: Texts in a batch.
        learning_rate: Step size of AdamW.
        seed: Seed of weights, dropout and order.
        out_of_domain: Texts of another kind; those count that are no longer and whose every token `texts` have.
        out_of_domain_epochs: Passes over both.
        log: Called with a line for each epoch.
    """
    import keras

    _check(units=units, epochs=epochs, batch_size=batch_size, out_of_domain_epochs=out_of_domain_epochs)
    _check(dropout=dropout, learning_rate=learning_rate, seed=seed)
    cut = LSTMModel(unit, SPECIAL, {}).tokens
    sentences = [tokens for tokens in map(cut, texts) if tokens]
    if len(sentences) < HELD_OUT:
        raise DataError(f"`texts` must be at least {HELD_OUT} texts with {unit}s. Received: {len(sentences)}.")
    others = [cut(text) for text in dict.fromkeys(out_of_domain)]
    known = _known(others, sentences)
    if others and not known:
        raise DataError(f"`out_of_domain` must share {unit}s with `texts`. Received: {len(others)} texts to leave out.")
    keras.utils.set_random_seed(seed)
    trainer = _Trainer(sentences, unit, units, dropout, seed)
    if known:
        steps = out_of_domain_epochs * -(-(len(trainer.learnt) + len(known)) // (4 * batch_size))
        trainer.compile(keras.optimizers.schedules.PolynomialDecay(learning_rate, steps, learning_rate / 30))
        for i in range(out_of_domain_epochs):
            perplexity = trainer.epoch(4 * batch_size, known)
            log(f"epoch {i + 1} with {len(known)} out-of-domain texts  perplexity {perplexity:.2f}")
    trainer.compile(learning_rate / 3 if known else learning_rate)
    best, model = np.inf, trainer.model
    for i in range(epochs):
        perplexity = trainer.epoch(batch_size)
        if perplexity < best:
            best, kept = perplexity, model.weights
        log(f"epoch {i + 1}  perplexity {perplexity:.2f}{'  *' if kept is model.weights else ''}")
    model.weights = kept
    return model


def _check(**settings: float) -> None:
    for name, value in settings.items():
        kind, low, high = RANGES[name]
        if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
            raise ZooError(f"`{name}` must be a number from {low} to {high}. Received: {name}={value!r}.")


def _known(others: list[list[str]], sentences: list[list[str]]) -> list[list[str]]:
    """The others of known tokens that are not too long (all are padded alike) and not held out."""
    vocabulary, longest = {t for tokens in sentences for t in tokens}, max(map(len, sentences))
    held_out = {tuple(tokens) for tokens in sentences[::HELD_OUT]}
    return [t for t in others if 0 < len(t) <= longest and vocabulary >= set(t) and tuple(t) not in held_out]


class _Trainer:
    """A Keras network, the model that it becomes, and the texts that it learns."""

    def __init__(self, sentences: list[list[str]], unit: str, units: int, dropout: float, seed: int):
        self.counts = Counter(token for tokens in sentences for token in tokens)
        self.model = LSTMModel(unit, [*SPECIAL, *sorted(self.counts)], {})
        self.network = network(len(self.model.ids), units, dropout)
        self.rng = np.random.default_rng(seed)
        self.held_out = sentences[::HELD_OUT]
        self.learnt = [tokens for i, tokens in enumerate(sentences) if i % HELD_OUT]

    def compile(self, learning_rate) -> None:
        import keras

        optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=1e-3, global_clipnorm=1.0)
        self.network.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"))

    def epoch(self, batch_size: int, others: Iterable[list[str]] = ()) -> float:
        """One pass over `learnt` and others; returns the perplexity of what is held out."""
        # Tokens seen once are <unk> now and then, so that the model has seen what it does not know.
        rare = {token for token, count in self.counts.items() if count == 1}
        masked = [[UNKNOWN if t in rare and self.rng.random() < 0.5 else t for t in tokens] for tokens in self.learnt]
        inputs, targets, weights = _arrays([*masked, *others], self.model.ids)
        order = self.rng.permutation(len(inputs))
        inputs, targets, weights = inputs[order], targets[order], weights[order]
        self.network.fit(inputs, targets, batch_size, sample_weight=weights, verbose=0, shuffle=False)
        self.model.weights = _weights(self.network)
        perplexity = self.model.perplexity(self.held_out)
        if not np.isfinite(perplexity):
            raise ZooError(f"`learning_rate` must be lower: the perplexity of an epoch was {perplexity}.")
        return perplexity


def _arrays(sentences: list[list[str]], ids: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(texts, tokens) each: inputs, targets, and weights, which are 0 for padding."""
    from keras.utils import pad_sequences

    rows = [[ids[token] for token in tokens] for tokens in sentences]
    inputs = pad_sequences([[ids[START], *row] for row in rows], padding="post", value=ids[END])
    targets = pad_sequences([[*row, ids[END]] for row in rows], padding="post", value=ids[END])
    weights = pad_sequences([[1.0] * (len(row) + 1) for row in rows], dtype="float32", padding="post")
    return inputs, targets, weights


def _weights(net) -> dict[str, np.ndarray]:
    arrays = [np.asarray(v) for name in ("embedding", "lstm", "dense") for v in net.get_layer(name).trainable_variables]
    return dict(zip(WEIGHTS, arrays, strict=True))
