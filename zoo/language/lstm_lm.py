"""`lstm_lm`: an LSTM that reads a text token by token and says what may come next.

    token -> embedding (192) -> LSTM (192) -> dense -> P(next token)

An n-gram model forgets what lies n tokens back, and knows nothing of a token that it did not see in the very same
company. The LSTM keeps what it finds useful, and learns which tokens are alike. It is not better for that on little text:
mixed with n-grams it is better than either.

Source: M. Sundermeyer, R. Schlueter, H. Ney, "LSTM neural networks for language modeling", Interspeech 2012. Keras trains it;
decoding asks it for one token at a time, which NumPy does in less time than Keras needs to begin.
"""

import io
import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.errors import DataError, MissingFileError, WeightsError, ZooError
from zoo.language import END, START, UNKNOWN, LanguageModel

FILE = "model.weights.h5"  # of a run
WEIGHTS = ("embedding", "kernel", "recurrent_kernel", "bias", "dense", "dense_bias")
SPECIAL = (START, END, UNKNOWN)  # ids 0, 1, 2
HELD_OUT = 10  # every tenth text chooses the epoch


class State(NamedTuple):
    """What the model remembers: the LSTM's hidden and cell values, and what it expects next."""

    hidden: np.ndarray  # (units,)
    cell: np.ndarray  # (units,)
    log_probabilities: np.ndarray  # (tokens,)


class LSTMModel(LanguageModel):
    """Args: unit: "word" or "character". tokens: <s>, </s>, <unk> and the vocabulary. weights: arrays named as WEIGHTS."""

    def __init__(self, unit: str, tokens: Iterable[str], weights: dict[str, np.ndarray]):
        tokens = tuple(tokens)
        super().__init__(unit, tokens[len(SPECIAL) :])
        self.ids = {token: i for i, token in enumerate(tokens)}
        self.tokens_by_id, self.weights = tokens, weights

    @property
    def parameters(self) -> int:
        return sum(array.size for array in self.weights.values())

    def start(self) -> State:
        zeros = np.zeros(len(self.weights["recurrent_kernel"]), "float32")
        return self._read(zeros, zeros, START)

    def advance(self, state: State, token: str) -> tuple[float, State]:
        known = token if token in self.ids else UNKNOWN
        return float(state.log_probabilities[self.ids[known]]), self._read(state.hidden, state.cell, known)

    def end(self, state: State) -> float:
        return float(state.log_probabilities[self.ids[END]])

    def _read(self, hidden, cell, token: str) -> State:
        """One step of the LSTM (gates in Keras' order: input, forget, candidate, output), then the softmax."""
        w = self.weights
        z = w["embedding"][self.ids[token]] @ w["kernel"] + hidden @ w["recurrent_kernel"] + w["bias"]
        i, f, g, o = np.split(z, 4)
        cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(g)
        hidden = _sigmoid(o) * np.tanh(cell)
        logits = (hidden @ w["dense"] + w["dense_bias"]).astype("float64")
        logits[self.ids[START]] = -np.inf  # never follows anything
        return State(hidden, cell, logits - logits.max() - np.log(np.exp(logits - logits.max()).sum()))

    def save(self, path: str | os.PathLike) -> None:
        """Write the arrays, the unit and the tokens as one HDF5 file; whole or not at all."""
        import h5py

        data = io.BytesIO()
        with h5py.File(data, "w") as file:
            file.attrs["about"] = json.dumps({"unit": self.unit, "tokens": self.tokens_by_id})
            for name in WEIGHTS:
                file.create_dataset(name, data=self.weights[name].astype("float16"), compression=9, shuffle=True)
        path = Path(path)
        partial = path.with_name("partial-" + path.name)
        try:
            partial.write_bytes(data.getvalue())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def _sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # no overflow


def read(path: str | os.PathLike) -> LSTMModel:
    """What `LSTMModel.save` wrote. Raises MissingFileError, WeightsError."""
    import h5py

    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"Weights of a language model are a file that exists; there is none at {path}.")
    try:
        with h5py.File(path) as file:
            about = json.loads(file.attrs["about"])
            weights = {name: file[name][()].astype("float32") for name in WEIGHTS}
        model = LSTMModel(about["unit"], about["tokens"], weights)
        model.end(model.start())
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise WeightsError(
            f"Weights of lstm_lm are a file that it saved; {path.name} is not: {str(error)[:100]}"
        ) from None
    return model


def network(n_tokens: int, units: int, dropout: float):
    """The Keras network: token ids (batch, tokens) -> logits of the next token (batch, tokens, n_tokens)."""
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
    background: Iterable[str] = (),
    background_epochs: int = 8,
    say=lambda line: None,
) -> LSTMModel:
    """A model of texts; every tenth is held out, and the epoch that predicts those best is kept.

    Args:
        unit: "word" or "character". units: of embedding and LSTM. dropout: share of both that is hidden in training.
        background: texts of another kind, of which there are more. Those whose every token `texts` have as well, each once and
            as long as the longest of `texts` at most, are learnt together with `texts` first, for `background_epochs` of
            four times the batch size and with a learning rate that falls; the epochs that follow are of `texts` alone, with
            a third of the learning rate.
        say: called with a line for each epoch.
    Raises: ZooError (settings), DataError where there are fewer than ten texts with words, or a background of which none counts.
    """
    import keras

    whole = all(type(number) is int for number in (units, epochs, batch_size, seed, background_epochs))
    numbers = whole and all(isinstance(number, int | float) for number in (dropout, learning_rate))
    least = min(units, epochs, batch_size, background_epochs) if numbers else 0
    if not (least >= 1 and 0 <= dropout < 1 and learning_rate > 0 and seed >= 0):
        raise ZooError(
            f"units, epochs, batch_size and background_epochs are whole numbers above 0, learning_rate is above 0, dropout "
            f"below 1, seed at least 0; received {units!r}, {epochs!r}, {batch_size!r}, {background_epochs!r}, "
            f"{learning_rate!r}, {dropout!r} and {seed!r}."
        )
    cut = LSTMModel(unit, SPECIAL, {}).tokens
    sentences = [tokens for tokens in map(cut, texts) if tokens]
    if len(sentences) < HELD_OUT:
        raise DataError(f"A neural language model learns from ten texts or more; received {len(sentences)}.")
    counts = Counter(token for tokens in sentences for token in tokens)
    model = LSTMModel(unit, [*SPECIAL, *sorted(counts)], {})
    keras.utils.set_random_seed(seed)
    net = network(len(model.ids), units, dropout)
    rng = np.random.default_rng(seed)
    held_out, learnt = sentences[::HELD_OUT], [s for i, s in enumerate(sentences) if i % HELD_OUT]
    background = [cut(text) for text in dict.fromkeys(background)]
    # All are padded to the longest of the texts: a few longer ones would cost more than they teach.
    longest = max(map(len, sentences))
    hidden = {tuple(tokens) for tokens in held_out}
    known = [t for t in background if 0 < len(t) <= longest and counts.keys() >= set(t) and tuple(t) not in hidden]
    if background and not known:
        raise DataError(
            f"Of a background those texts count whose {unit}s are all among the other texts', {longest} at most, and which are "
            f"not held out; of {len(background)} none is such."
        )

    def compile_net(learning_rate) -> None:
        optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=1e-3, global_clipnorm=1.0)
        net.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"))

    def epoch(more: list[list[str]], batch_size: int) -> float:
        """One pass over what is learnt and more; the perplexity of what is held out."""
        # Tokens seen once are <unk> now and then, so that the model has seen what it does not know.
        masked = [[UNKNOWN if counts[t] == 1 and rng.random() < 0.5 else t for t in tokens] for tokens in learnt]
        inputs, targets, weights = _arrays(masked + more, model.ids)
        order = rng.permutation(len(inputs))
        net.fit(inputs[order], targets[order], batch_size, sample_weight=weights[order], verbose=0, shuffle=False)
        model.weights = _weights(net)
        perplexity = model.perplexity([" ".join(t) if unit == "word" else "".join(t) for t in held_out])
        if not np.isfinite(perplexity):
            raise ZooError(f"The perplexity must stay finite; an epoch gave {perplexity}: lower the learning rate.")
        return perplexity

    if known:
        steps = background_epochs * -(-(len(learnt) + len(known)) // (4 * batch_size))
        compile_net(keras.optimizers.schedules.PolynomialDecay(learning_rate, steps, learning_rate / 30))
        for i in range(background_epochs):
            say(
                f"epoch {i + 1} with {len(known)} texts of the background  perplexity {epoch(known, 4 * batch_size):.2f}"
            )
    compile_net(learning_rate / 3 if known else learning_rate)
    best = np.inf
    for i in range(epochs):
        perplexity = epoch([], batch_size)
        if perplexity < best:
            best, kept = perplexity, model.weights
        say(f"epoch {i + 1}  perplexity {perplexity:.2f}{'  *' if kept is model.weights else ''}")
    model.weights = kept
    return model


def _arrays(sentences: list[list[str]], ids: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(texts, tokens) each: what is read, what comes next, and 1 where that is a token and 0 where it is padding."""
    width = 1 + max(map(len, sentences))
    inputs, targets = (np.full((len(sentences), width), ids[END], "int32") for _ in range(2))
    weights = np.zeros((len(sentences), width), "float32")
    for row, tokens in enumerate(sentences):
        n = len(tokens)
        inputs[row, 0], inputs[row, 1 : n + 1] = ids[START], [ids[token] for token in tokens]
        targets[row, :n] = inputs[row, 1 : n + 1]
        weights[row, : n + 1] = 1.0
    return inputs, targets, weights


def _weights(net) -> dict[str, np.ndarray]:
    arrays = [np.asarray(v) for name in ("embedding", "lstm", "dense") for v in net.get_layer(name).trainable_variables]
    return dict(zip(WEIGHTS, arrays, strict=True))
