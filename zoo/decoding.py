"""Logits to text. NumPy only: nothing here knows which model the logits come from.

    greedy        the best symbol of each frame, repeats merged, blanks removed (Graves et al. 2006, section 3.2)
    beam_search   the best texts, each the sum over its alignments, with a language model if there is one
    align         the other way round: where in the frames a known text lies
    classify      logits of a whole clip to the name of its class

A blank between two equal symbols keeps both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

from zoo.errors import DataError, ZooError
from zoo.text import BLANK, LabelEncoder, Vocabulary

NEVER = -1e30  # log probability of what cannot be: finite, so that differences are


@dataclass(frozen=True)
class Word:
    """A word, where it was heard, and how sure the model was."""

    text: str
    start: float  # seconds
    end: float  # seconds
    confidence: float  # geometric mean of its characters' probabilities, 0 to 1


@dataclass(frozen=True)
class Transcript:
    """What was said. `str(transcript)` is its text."""

    text: str
    words: tuple[Word, ...]
    confidence: float  # geometric mean over all characters; of an empty transcript, over the blanks
    duration: float  # seconds
    alternatives: tuple[tuple[str, float], ...] = ()  # of a beam search, the next best texts and their scores

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Classification:
    """Which of its classes a model took a clip for. `str(classification)` is the label."""

    label: str
    probabilities: dict[str, float]  # class -> probability, in the order of the logits
    confidence: float  # the label's probability

    def __str__(self) -> str:
        return self.label

    def to_dict(self) -> dict:
        """Plain values, ready for JSON."""
        return asdict(self)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log probabilities over the last axis, computed without overflow.

    >>> np.exp(log_softmax(np.array([0.0, 0.0]))).tolist()
    [0.5, 0.5]
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def classify(logits: np.ndarray, classes: LabelEncoder) -> Classification:
    """The most probable class of one clip, of logits (classes,).

    >>> classify(np.array([0.0, 2.0]), LabelEncoder(["no", "yes"])).label
    'yes'
    """
    probabilities = np.exp(log_softmax(np.asarray(logits)))
    best = int(probabilities.argmax())
    named = dict(zip(classes.class_names, map(float, probabilities), strict=True))
    return Classification(classes.class_names[best], named, float(probabilities[best]))


def _of_one(logits, labels: Vocabulary) -> np.ndarray:
    """Logits of one utterance, (frames, symbols), in double precision. Raises ZooError for another shape."""
    logits = np.asarray(logits, "float64")
    if logits.ndim != 2 or logits.shape[1] != len(labels):
        raise ZooError(
            f"Logits of one utterance are (frames, symbols), with {len(labels)} symbols for these labels and the blank; received "
            f"the shape {logits.shape}."
        )
    return logits


def greedy(
    logits: np.ndarray,
    lengths: Sequence[int],
    labels: Vocabulary,
    frame_seconds: float,
    durations: Sequence[float] | None = None,
) -> list[Transcript]:
    """The best path of each utterance.

    Args:
        logits: (batch, frames, symbols). lengths: (batch,) true frames; what lies beyond is not looked at.
        labels: one symbol is a character; words are separated by the label " ".
        frame_seconds: seconds from one frame to the next.
        durations: (batch,) seconds of the clips, which may end within their last frames; no word ends later.
    Returns: a Transcript of each utterance.

    >>> labels = Vocabulary("ab")
    >>> logits = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # columns: blank, a, b
    >>> greedy(logits[None], [4], labels, frame_seconds=0.03)[0].text
    'aab'
    """
    durations = [length * frame_seconds for length in lengths] if durations is None else durations
    return [
        _best_path(log_softmax(_of_one(rows, labels)[:length]), labels, frame_seconds, duration)
        for rows, length, duration in zip(logits, lengths, durations, strict=True)
    ]


def _best_path(log_probabilities: np.ndarray, labels: Vocabulary, frame_seconds: float, duration: float) -> Transcript:
    """(frames, symbols) -> Transcript."""
    n_frames = len(log_probabilities)
    if not n_frames:
        return Transcript("", (), 1.0, duration)
    best = log_probabilities.argmax(axis=1)  # (frames,)
    starts = np.flatnonzero(np.diff(best, prepend=-1))  # where a run of one symbol begins
    ends = np.append(starts[1:], n_frames)
    runs = [(best[a], a, b) for a, b in zip(starts, ends, strict=True) if best[a] != BLANK]
    return _transcript(log_probabilities, runs, labels, frame_seconds, duration)


def _transcript(log_probabilities, runs, labels: Vocabulary, frame_seconds: float, duration: float) -> Transcript:
    """Runs of frames, (label id, first frame, frame after the last) -> Transcript."""
    # Each character: its symbol, its frames, and its best log probability.
    characters = [(labels.decode([i]), a, b, log_probabilities[a:b, i].max()) for i, a, b in runs]
    words, run = [], []
    for character in [*characters, (" ", 0, 0, 0.0)]:
        if character[0] != " ":
            run.append(character)
        elif run:
            # Frame t is centred on t * frame_seconds and stands for half a frame on either side.
            start, end = (run[0][1] - 0.5) * frame_seconds, (run[-1][2] - 0.5) * frame_seconds
            words.append(
                Word(
                    "".join(c[0] for c in run),
                    float(min(max(0.0, start), duration)),
                    float(min(end, duration)),
                    _confidence([c[3] for c in run]),
                )
            )
            run = []
    spoken = [character[3] for character in characters if character[0] != " "]
    confidence = _confidence(spoken or list(log_probabilities.max(axis=1, initial=NEVER)))
    return Transcript(" ".join(word.text for word in words), tuple(words), confidence, duration)


def _confidence(log_probabilities: Sequence[float]) -> float:
    """Geometric mean; 1 of nothing."""
    return float(np.exp(np.mean(log_probabilities))) if len(log_probabilities) else 1.0


# --- beam search


class Hypothesis(NamedTuple):
    """A text that may have been said. Logarithms are natural."""

    text: str  # words with one space between
    ids: tuple[int, ...]  # labels, as they were heard
    score: float  # acoustic + alpha * language + beta * tokens: what hypotheses are ranked by
    acoustic: float  # log P(text | frames), summed over its alignments; with gamma, of the frames without their priors
    language: float  # log P(text) of the language model, its end included; 0 without one


class _Prefix:
    """A beginning of a text: a node of the tree of all that were looked at. What follows from it is worked out once."""

    __slots__ = ("children", "language", "last", "parent", "partial", "place", "state", "tokens")

    def __init__(self, parent, last: int, partial: str, place, state, language: float, tokens: int):
        self.parent, self.last = parent, last  # the prefix without its last label; the label
        self.partial = partial  # the word that is being spelled
        self.place = place  # where in the tree of known words that is; None beside it, or where there is no tree
        self.state, self.language, self.tokens = state, language, tokens  # of the tokens that are complete
        self.children: dict[int, _Prefix | None] = {}

    def ids(self) -> tuple[int, ...]:
        ids, node = [], self
        while node.parent is not None:
            ids.append(node.last)
            node = node.parent
        return tuple(reversed(ids))


class _Grammar:
    """What may follow a prefix, and what the language model makes of it."""

    def __init__(self, labels: Vocabulary, language_model, allow: Iterable[str] | None):
        self.symbols = (None, *labels.tokens)
        self.model = language_model
        self.by_word = language_model is not None and language_model.unit == "word"
        self.closed = allow is not None
        words = allow if self.closed else language_model.vocabulary if self.by_word else None
        self.tree = None if words is None else _tree(words, labels, self.closed)
        # A word that the model does not know is <unk>, and spelled letter by letter, each as likely as any.
        self.letter = -np.log(len(labels.tokens)) if self.by_word else 0.0
        if language_model is not None:
            spelled = [set(token) <= set(labels.tokens) for token in language_model.vocabulary]
            if 2 * sum(spelled) < len(spelled):
                raise ZooError(
                    f"Acoustic and language model must share an alphabet; {len(spelled) - sum(spelled)} of the {len(spelled)} "
                    f"{language_model.unit}s of the language model cannot be written with {''.join(labels.tokens)!r}."
                )

    def root(self) -> _Prefix:
        return _Prefix(None, BLANK, "", self.tree, self.model.start() if self.model else None, 0.0, 0)

    def extend(self, prefix: _Prefix, label: int) -> _Prefix | None:
        """The prefix with one label more; None where no allowed word begins so."""
        if label not in prefix.children:
            prefix.children[label] = self._extend(prefix, label)
        return prefix.children[label]

    def _extend(self, prefix, label):
        symbol, place = self.symbols[label], prefix.place
        state, language, tokens = prefix.state, prefix.language, prefix.tokens
        if symbol != " ":
            partial = prefix.partial + symbol
            if place is not None:
                place = place.get(symbol)
                if place is None and self.closed:
                    return None
                if place is None:
                    language += self.letter * len(prefix.partial)
            if place is None:
                language += self.letter
            if self.model and not self.by_word:
                value, state = self.model.advance(state, symbol)
                language += value
            return _Prefix(prefix, label, partial, place, state, language, tokens)
        finished = self._end_word(prefix)
        if finished is None:
            return None
        state, language, tokens = finished
        if self.model and not self.by_word:
            value, state = self.model.advance(state, symbol)
            language += value
        return _Prefix(prefix, label, "", self.tree, state, language, tokens)

    def _end_word(self, prefix):
        """(state, log P, words) once the word that is being spelled is complete; None where it is not allowed."""
        state, language, tokens = prefix.state, prefix.language, prefix.tokens
        if not prefix.partial:
            return state, language, tokens
        if prefix.place is not None and "" not in prefix.place:
            if self.closed:
                return None
            language += self.letter * len(prefix.partial)
        if self.by_word:
            value, state = self.model.advance(state, prefix.partial)
            language += value
        return state, language, tokens + 1

    def finish(self, prefix: _Prefix) -> tuple[float, int] | None:
        """(log P of the language model, words) of the prefix as a whole text; None where its last word is not allowed."""
        finished = self._end_word(prefix)
        if finished is None:
            return None
        state, language, tokens = finished
        return language + (self.model.end(state) if self.model else 0.0), tokens


def _tree(words: Iterable[str], labels: Vocabulary, strict: bool) -> dict:
    """Words as a tree of letters; the key "" marks the end of one. `strict` refuses what is no word of the labels."""
    root: dict = {}
    if not isinstance(words, Iterable):
        raise ZooError(f"Allowed words are a list of single words; received {words!r}.")
    words = [words] if isinstance(words, str) else list(words)
    if strict and not words:
        raise ZooError("A list of allowed words holds at least one word; received none.")
    for word in words:
        if strict:
            if not isinstance(word, str) or not word or " " in word:
                raise ZooError(f"Allowed words are single words; received {word!r}.")
            labels.encode(word)
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return root


def beam_search(
    logits: np.ndarray,
    labels: Vocabulary,
    *,
    beam_width: int = 16,
    language_model=None,
    alpha: float = 0.5,
    beta: float | None = None,
    gamma: float = 0.0,
    prior: Sequence[float] | None = None,
    allow: Iterable[str] | None = None,
    token_threshold: float = -8.0,
    n_best: int = 1,
) -> list[Hypothesis]:
    """The best texts of one utterance: CTC prefix beam search with shallow fusion.

    A prefix collects the probability of all alignments that spell it, apart for those that end in a blank: only after
    a blank does a repeated symbol begin a new letter. Every frame extends the best `beam_width` prefixes.

    Args:
        logits: (frames, symbols) of one utterance, true frames only.
        labels: one symbol is a character; words are separated by the label " ".
        beam_width: prefixes kept after each frame.
        language_model: a zoo.language.LanguageModel of words or characters, or None. It scores a word when it is
            complete, a character at once, and the end of the text.
        alpha: weight of its log probabilities. beta: reward of a word, for every word costs something in a language model
            and short texts would win; 1 with a language model or a list of words, 0 with neither.
        gamma: weight of the prior probabilities, which the logits are relieved of: see `prior`. prior: (symbols,) how
            likely each symbol is in any frame, the blank first, as `symbol_prior` measures it; needed for gamma.
        allow: the only words that may be written, such as the ten digits; None allows all.
        token_threshold: log probability, after the priors, below which a symbol is not looked at in a frame; -inf looks at all.
        n_best: hypotheses returned, best first.
    Returns: at least one Hypothesis; of texts that differ in spaces alone the best one.
    Raises: ZooError for a beam width or n_best below 1, an empty list of words, a model of other characters, gamma
        without a prior, a prior that is none of these symbols.
    Source: A. Hannun et al., "First-pass large vocabulary continuous speech recognition using bi-directional recurrent
        DNNs", 2014 (arxiv.org/abs/1408.2873), algorithm 1; shallow fusion: C. Gulcehre et al. 2015; priors: see `symbol_prior`.

    >>> labels = Vocabulary("ab")
    >>> logits = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # columns: blank, a, b
    >>> [(found.text, round(found.score, 2)) for found in beam_search(logits, labels, beta=0, n_best=2)]
    [('aab', -0.89), ('ab', -1.42)]
    """
    for name, value in {"beam_width": beam_width, "n_best": n_best}.items():
        if not (isinstance(value, Integral) and value >= 1):
            raise ZooError(f"Beam width and n_best are whole numbers of at least 1; received {name}={value!r}.")
    if beta is None:
        beta = 0.0 if language_model is None and allow is None else 1.0
    if not all(isinstance(weight, Real) and np.isfinite(weight) for weight in (alpha, beta, gamma)):
        raise ZooError(f"alpha, beta and gamma are finite numbers; received {alpha!r}, {beta!r} and {gamma!r}.")
    if not (isinstance(token_threshold, Real) and token_threshold <= 0):  # NaN, too
        raise ZooError(f"A log probability is a number of at most 0; received token_threshold={token_threshold!r}.")
    logits = _of_one(logits, labels)
    if gamma:
        logits = log_softmax(logits) - gamma * log_prior(prior, logits.shape[-1])
    grammar = _Grammar(labels, language_model, allow)
    beam = [grammar.root()]
    blank_ended, symbol_ended = np.array([0.0]), np.array([NEVER])  # log P of the alignments of each prefix
    for frame in log_softmax(logits):
        symbols = np.flatnonzero(frame > token_threshold)
        symbols = symbols[symbols != BLANK]
        last = np.array([prefix.last for prefix in beam])
        total = np.logaddexp(blank_ended, symbol_ended)
        # Longer by one symbol: (beam, symbols). One equal to the last needs a blank before it.
        longer = np.where(last[:, None] == symbols, blank_ended[:, None], total[:, None]) + frame[symbols]
        # As long as before: a blank, or the last symbol once more.
        blank_ended, symbol_ended = total + frame[BLANK], np.where(last == BLANK, NEVER, symbol_ended + frame[last])
        place = {id(prefix): i for i, prefix in enumerate(beam)}
        new, new_ended = [], []
        # What lies so far below the best cannot win by the language model either, unless the beam is never full.
        floor = total.max() + frame.max() - 25.0 if len(beam) >= beam_width else -np.inf
        for i, k in zip(*np.nonzero(longer > max(floor, NEVER / 2)), strict=True):
            prefix = grammar.extend(beam[i], int(symbols[k]))
            if prefix is None:
                continue
            if id(prefix) in place:  # reached from a shorter prefix, and there already
                j = place[id(prefix)]
                symbol_ended[j] = np.logaddexp(symbol_ended[j], longer[i, k])
            else:
                new.append(prefix)
                new_ended.append(longer[i, k])
        beam += new
        blank_ended = np.append(blank_ended, np.full(len(new), NEVER))
        symbol_ended = np.append(symbol_ended, new_ended)
        if len(beam) > beam_width:
            bonus = np.array([alpha * prefix.language + beta * prefix.tokens for prefix in beam])
            kept = np.argpartition(-(np.logaddexp(blank_ended, symbol_ended) + bonus), beam_width - 1)[:beam_width]
            beam, blank_ended, symbol_ended = [beam[i] for i in kept], blank_ended[kept], symbol_ended[kept]
    return _ranked(beam, np.logaddexp(blank_ended, symbol_ended), grammar, alpha, beta)[:n_best]


def symbol_prior(logits: Iterable[np.ndarray]) -> np.ndarray:
    """How likely a recogniser holds each symbol to be, on average over all frames of much speech.

    A recogniser's outputs are posteriors, P(symbol | sound), and hold what it learnt of its transcripts: that an e is
    likelier than a q, whatever is heard. A language model says that too, and better. By Bayes' rule the posterior divided
    by the prior is what the sound alone says, P(sound | symbol), but for a factor that all symbols share; so that no
    evidence counts twice, `beam_search` takes gamma times the logarithm of the prior off the logits. That lifts every letter
    over the blank as well, which has no sound of its own, and so beta is smaller with gamma.

    Args: logits: (frames, symbols) of each utterance, true frames only, of the kind that was trained on.
    Returns: (symbols,) probabilities, none below 1e-5 (what is never written would be worth anything). Raises: ZooError
        where there is no frame.
    Source: H. Bourlard, N. Morgan, "Connectionist speech recognition: a hybrid approach", 1994. With CTC: Y. Miao et al.,
        "EESEN: end-to-end speech recognition using deep RNN models and WFST-based decoding", ASRU 2015
        (arxiv.org/abs/1507.08240), who count the labels of transcripts with blanks between them instead.

    >>> symbol_prior([np.log([[0.8, 0.2], [0.6, 0.4]]), np.log([[0.1, 0.9]])]).round(2).tolist()
    [0.5, 0.5]
    """
    probabilities = [np.exp(log_softmax(np.asarray(one, "float64"))) for one in logits]
    if not sum(map(len, probabilities)):
        raise ZooError("Prior probabilities are a mean over frames of speech; received no frame.")
    return np.maximum(np.concatenate(probabilities).mean(axis=0), 1e-5)


def log_prior(prior: Sequence[float] | None, n_symbols: int) -> np.ndarray:
    """(symbols,) logarithms of a prior that is one. Raises ZooError."""
    if prior is None:
        raise ZooError(
            "gamma divides out the symbols' prior probabilities, so it needs them; received none, and this model's card has none "
            "(measure them with zoo.decoding.symbol_prior)."
        )
    values = np.asarray(prior, "float64")
    if values.shape != (n_symbols,) or not (np.isfinite(values) & (values > 0)).all():
        raise ZooError(
            f"A prior is one probability above 0 for each of the {n_symbols} symbols; received the shape {values.shape}, the "
            f"least {values.min() if values.size else None}."
        )
    return np.log(values)


def _ranked(beam: list[_Prefix], acoustic: np.ndarray, grammar: _Grammar, alpha: float, beta: float):
    """The prefixes of a beam as whole texts, best first, each text once."""
    whole = [(prefix, value) for prefix, value in zip(beam, acoustic, strict=True) if grammar.finish(prefix)]
    if not whole:  # all are in the middle of a word that the list does not hold: back to the word before, of the best
        prefix = beam[int(acoustic.argmax())]
        while not grammar.finish(prefix):
            prefix = prefix.parent
        whole = [(prefix, acoustic.max())]
    found: dict[str, Hypothesis] = {}
    for prefix, value in whole:
        language, tokens = grammar.finish(prefix)
        ids = prefix.ids()
        text = " ".join("".join(grammar.symbols[i] for i in ids).split())
        score = value + alpha * language + beta * tokens
        if text not in found or score > found[text].score:
            found[text] = Hypothesis(text, ids, float(score), float(value), float(language))
    return sorted(found.values(), key=lambda hypothesis: -hypothesis.score)


# --- forced alignment


def align(
    logits: np.ndarray,
    ids: Sequence[int],
    labels: Vocabulary,
    frame_seconds: float,
    duration: float | None = None,
    name: str = "the clip",
) -> Transcript:
    """Where each word of a known text lies: the best single alignment of CTC (Viterbi).

    Args:
        logits: (frames, symbols) of one utterance. ids: labels of its text (`labels.encode(text)`).
        frame_seconds: seconds from one frame to the next. duration: seconds of the clip; no word ends later.
        name: of the clip, for the error.
    Returns: a Transcript of the text; confidences are those of the frames that its letters were given.
    Raises: DataError where the frames are too few for the labels.

    >>> labels = Vocabulary("ab")
    >>> logits = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # columns: blank, a, b
    >>> align(logits, labels.encode("ab"), labels, frame_seconds=0.03).text
    'ab'
    """
    # Probabilities of 0 are allowed, but no path may be worse than one that cannot be.
    log_probabilities = np.maximum(log_softmax(_of_one(logits, labels)), NEVER / 1e6)
    n_frames, ids = len(log_probabilities), list(ids)
    duration = n_frames * frame_seconds if duration is None else duration
    needed = len(ids) + sum(a == b for a, b in zip(ids, ids[1:], strict=False))
    if needed > n_frames:
        raise DataError(
            f"A text needs a frame for each letter and one between equal letters: {name} has {n_frames} frames and the "
            f"text {len(ids)} letters, which need {needed}."
        )
    # States: blank, first label, blank, second label, ..., blank. From each one may stay, go on, or, between two
    # different labels, leave out the blank.
    states = np.full(2 * len(ids) + 1, BLANK)
    states[1::2] = ids
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), NEVER)
    score[:2] = log_probabilities[0, states[:2]] if n_frames else 0.0
    back = np.zeros((n_frames, len(states)), np.int8)  # a byte each: ten minutes of speech have 20,000 x 12,000
    for t in range(1, n_frames):
        from_before = np.concatenate([[NEVER], score[:-1]])
        from_label = np.where(skips, np.concatenate([[NEVER, NEVER], score[:-2]])[: len(states)], NEVER)
        ways = np.stack([score, from_before, from_label])
        back[t] = ways.argmax(axis=0)
        score = ways.max(axis=0) + log_probabilities[t, states]
    state = len(states) - 1 - int(len(states) > 1 and score[-2] > score[-1])
    path = np.zeros(n_frames, int)
    for t in range(n_frames - 1, -1, -1):
        path[t] = state
        state -= int(back[t, state])
    runs = []
    for i, label in enumerate(ids):
        frames = np.flatnonzero(path == 2 * i + 1)
        runs.append((label, int(frames[0]), int(frames[-1]) + 1))
    return _transcript(log_probabilities, runs, labels, frame_seconds, duration)
