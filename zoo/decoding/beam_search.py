"""CTC prefix beam search with a lexicon, a language model and label priors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from zoo.decoding.priors import log_prior
from zoo.decoding.transcripts import log_softmax, utterance_logits
from zoo.errors import ZooError, check_whole
from zoo.language import LanguageModel
from zoo.text import BLANK, LOG_ZERO, Vocabulary

DIGITS = dict(zip("0123456789", "zero one two three four five six seven eight nine".split(), strict=True))
PRUNE = 25.0  # nats below the best prefix: no language model makes up for that


class Hypothesis(NamedTuple):
    """A candidate text. Logarithms are natural."""

    text: str  # words with one space between
    ids: tuple[int, ...]  # label ids, before spaces are tidied
    score: float  # acoustic + alpha * language + word_bonus * words: what hypotheses are ranked by
    acoustic: float  # log P(text | frames), summed over its alignments; priors divided out
    language: float  # log P(text) of the language model, its end included; 0 without one


@dataclass(eq=False, slots=True)
class _Prefix:
    """A node in the tree of all prefixes looked at. What follows from it is worked out once."""

    parent: "_Prefix | None"  # the prefix without its last label
    last: int  # that label
    partial: str  # the word that is being spelled
    node: dict | None  # its node in the lexicon's trie; None where the lexicon has no such word, or there is none
    state: Any  # of the language model, after the complete tokens
    language: float  # log P of those
    n_words: int
    children: dict = field(default_factory=dict)  # label -> prefix, or None where the lexicon has none

    def ids(self) -> tuple[int, ...]:
        ids, prefix = [], self
        while prefix.parent is not None:
            ids.append(prefix.last)
            prefix = prefix.parent
        return tuple(reversed(ids))


class LexiconFusion:
    """Extends prefixes by the words of a lexicon and scores them by a language model (shallow fusion)."""

    def __init__(self, vocabulary: Vocabulary, language_model: LanguageModel | None, lexicon: Iterable[str] | None):
        self.symbols, self.letters, self.model = (None, *vocabulary.tokens), "".join(vocabulary.tokens), language_model
        self.by_word, self.closed = language_model is not None and language_model.unit == "word", lexicon is not None
        self.trie = None
        if self.closed:
            self.trie = _trie(_check_lexicon(lexicon, self.letters))
        elif self.by_word:
            self.trie = _trie(language_model.vocabulary)
        # A word that the model does not know is <unk>, and spelled letter by letter, each as likely as any.
        self.letter = -np.log(len(vocabulary.tokens)) if self.by_word else 0.0
        if language_model is not None:
            known = set(vocabulary.tokens)
            foreign = sum(not set(token) <= known for token in language_model.vocabulary)
            if 2 * foreign > len(language_model.vocabulary):
                share = f"{foreign} of {len(language_model.vocabulary)} {language_model.unit}s in other letters"
                raise ZooError(f"`language_model` must share the model's alphabet {self.letters!r}. Received: {share}.")

    def root(self) -> _Prefix:
        """Return the empty prefix."""
        return _Prefix(None, BLANK, "", self.trie, self.model.start() if self.model else None, 0.0, 0)

    def extend(self, prefix: _Prefix, label: int) -> _Prefix | None:
        """Return the prefix with one more label; None where no word of the lexicon begins so."""
        if label not in prefix.children:
            symbol = self.symbols[label]
            made = self._end_word(prefix) if symbol == " " else self._spell(prefix, symbol)
            if made is not None:
                partial, node, state, language, n_words = made
                if self.model and not self.by_word:
                    value, state = self.model.advance(state, symbol)
                    language += value
                made = _Prefix(prefix, label, partial, node, state, language, n_words)
            prefix.children[label] = made
        return prefix.children[label]

    def _spell(self, prefix: _Prefix, symbol: str):
        """(partial, node, state, log P, words) with one more letter of a word; None where the lexicon has none."""
        node, language = prefix.node, prefix.language
        if node is not None:
            node = node.get(symbol)
            if node is None:
                if self.closed:
                    return None
                language += self.letter * len(prefix.partial)
        if node is None:
            language += self.letter
        return prefix.partial + symbol, node, prefix.state, language, prefix.n_words

    def _end_word(self, prefix: _Prefix):
        """(partial, node, state, log P, words) once the spelled word is complete; None where it is not in the lexicon."""
        state, language = prefix.state, prefix.language
        if not prefix.partial:
            return "", self.trie, state, language, prefix.n_words
        if prefix.node is not None and "" not in prefix.node:
            if self.closed:
                return None
            language += self.letter * len(prefix.partial)
        if self.by_word:
            value, state = self.model.advance(state, prefix.partial)
            language += value
        return "", self.trie, state, language, prefix.n_words + 1

    def finish(self, prefix: _Prefix) -> tuple[float, int] | None:
        """Return (log P, words) of the prefix as a whole text; None where its last word is not in the lexicon."""
        if ended := self._end_word(prefix):
            _, _, state, language, n_words = ended
            return language + (self.model.end(state) if self.model else 0.0), n_words
        return None


def _check_lexicon(lexicon: Iterable[str | int], letters: str) -> list[str]:
    """The words of a list or of one text; digits as words, and capitals as the vocabulary has them."""
    words = lexicon.replace(",", " ").split() if isinstance(lexicon, str) else lexicon
    words = list(words) if isinstance(words, Iterable) else []
    words = [DIGITS.get(str(word), word) for word in words]
    if letters == letters.lower():
        words = [word.lower() if isinstance(word, str) else word for word in words]
    if not words:
        raise ZooError(f"`lexicon` must be a list of words, at least one. Received: lexicon={lexicon!r}.")
    for word in words:
        if not (isinstance(word, str) and word) or set(word) - (set(letters) - {" "}):
            raise ZooError(f"`lexicon` must hold single words in the letters {letters!r}. Received: {word!r}.")
    return words


def _trie(words: Iterable[str]) -> dict:
    """Words as a tree of letters; the key "" marks the end of one."""
    root: dict = {}
    for word in words:
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return root


def beam_search(
    logits: np.ndarray,
    vocabulary: Vocabulary,
    *,
    beam_width: int = 16,
    language_model: LanguageModel | None = None,
    alpha: float = 0.5,
    word_bonus: float | None = None,
    prior_scale: float = 0.0,
    prior: Sequence[float] | None = None,
    lexicon: Iterable[str] | None = None,
    token_min_logp: float = -8.0,
    n_best: int = 1,
) -> list[Hypothesis]:
    """Find the most probable texts of one utterance: CTC prefix beam search with shallow fusion.

    A prefix collects the probability of all alignments that spell it, apart for those that end in a blank: only after
    a blank does a repeated symbol begin a new letter. Every frame extends the best `beam_width` prefixes.

    Args:
        logits: (frames, symbols) of one utterance, true frames only.
        vocabulary: Characters that the model writes; " " separates words.
        beam_width: Prefixes kept after each frame.
        language_model: A zoo.language.LanguageModel of words or characters, or None.
        alpha: Weight of the language model's log probabilities.
        word_bonus: Reward of each word, since every word costs something in a language model, and short texts would win.
            By default 1 with a language model or a lexicon, 0 with neither.
        prior_scale: Weight of the labels' log priors, which are subtracted from the logits; see `label_prior`.
        prior: (symbols,) probability of each symbol in any frame, the blank first; needed for `prior_scale`.
        lexicon: The only words that may be written, such as the ten digits; None allows all.
        token_min_logp: Log probability, after the priors, below which a symbol is skipped in a frame; -inf skips none.
        n_best: Most hypotheses returned, best first; of texts that differ in spaces alone the best one.

    Source: A. Hannun et al., "First-pass large vocabulary continuous speech recognition using bi-directional recurrent
    DNNs", 2014 (arxiv.org/abs/1408.2873), algorithm 1; shallow fusion: C. Gulcehre et al. 2015.

    >>> vocabulary = Vocabulary("ab")
    >>> logits = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # columns: blank, a, b
    >>> [(found.text, round(found.score, 2)) for found in beam_search(logits, vocabulary, word_bonus=0, n_best=2)]
    [('aab', -0.89), ('ab', -1.42)]
    """
    if word_bonus is None:
        word_bonus = 0.0 if language_model is None and lexicon is None else 1.0
    weights = {"alpha": alpha, "word_bonus": word_bonus, "prior_scale": prior_scale}
    check_whole("beam_width", beam_width)
    check_whole("n_best", n_best)
    _check_settings(weights, token_min_logp)
    logits = utterance_logits(logits, vocabulary)
    if prior_scale:
        logits = log_softmax(logits) - prior_scale * log_prior(prior, logits.shape[-1])
    fusion = LexiconFusion(vocabulary, language_model, lexicon)
    beam = [fusion.root()]
    ended = np.array([0.0]), np.array([LOG_ZERO])  # log P of each prefix's alignments that end in a blank, in a symbol
    for frame in log_softmax(logits):
        beam, ended = _step(frame, beam, ended, fusion, beam_width, token_min_logp)
        if len(beam) > beam_width:
            bonus = np.array([alpha * prefix.language + word_bonus * prefix.n_words for prefix in beam])
            kept = np.argpartition(-(np.logaddexp(*ended) + bonus), beam_width - 1)[:beam_width]
            beam, ended = [beam[i] for i in kept], (ended[0][kept], ended[1][kept])
    return _ranked(beam, np.logaddexp(*ended), fusion, alpha, word_bonus)[:n_best]


def _check_settings(weights: dict[str, float], token_min_logp: float) -> None:
    for name, value in weights.items():
        if not (isinstance(value, Real) and np.isfinite(value)):
            raise ZooError(f"`{name}` must be a finite number. Received: {name}={value!r}.")
    if not (isinstance(token_min_logp, Real) and token_min_logp <= 0):  # NaN, too
        raise ZooError(f"`token_min_logp` must be a log probability, at most 0. Received: {token_min_logp!r}.")


def _step(frame, beam: list[_Prefix], ended, fusion: LexiconFusion, beam_width: int, token_min_logp: float):
    """One frame of log probabilities (symbols,): the prefixes as they are, then those with one more symbol."""
    blank_ended, symbol_ended = ended
    symbols = np.flatnonzero(frame > token_min_logp)
    symbols = symbols[symbols != BLANK]
    last = np.array([prefix.last for prefix in beam])
    total = np.logaddexp(blank_ended, symbol_ended)
    # Longer by one symbol: (beam, symbols). One equal to the last needs a blank before it.
    longer = np.where(last[:, None] == symbols, blank_ended[:, None], total[:, None]) + frame[symbols]
    # As long as before: a blank, or the last symbol once more.
    blank_ended, symbol_ended = total + frame[BLANK], np.where(last == BLANK, LOG_ZERO, symbol_ended + frame[last])
    index = {id(prefix): i for i, prefix in enumerate(beam)}
    new, new_ended = [], []
    # Skip what lies so far below the best that it cannot win, unless the beam is never full.
    floor = total.max() + frame.max() - PRUNE if len(beam) >= beam_width else -np.inf
    for i, k in zip(*np.nonzero(longer > max(floor, LOG_ZERO / 2)), strict=True):
        prefix = fusion.extend(beam[i], int(symbols[k]))
        if prefix is None:
            continue
        if id(prefix) in index:  # reached from a shorter prefix, and in the beam already
            j = index[id(prefix)]
            symbol_ended[j] = np.logaddexp(symbol_ended[j], longer[i, k])
        else:
            new.append(prefix)
            new_ended.append(longer[i, k])
    blank_ended = np.append(blank_ended, np.full(len(new), LOG_ZERO))
    return beam + new, (blank_ended, np.append(symbol_ended, new_ended))


def _ranked(beam: list[_Prefix], acoustic, fusion: LexiconFusion, alpha: float, word_bonus: float) -> list[Hypothesis]:
    """The prefixes of a beam as whole texts, best first, each text once."""
    whole = [(prefix, value) for prefix, value in zip(beam, acoustic, strict=True) if fusion.finish(prefix)]
    if not whole:  # all are within a word that the lexicon does not have: back to the word before, of the best
        prefix = beam[int(acoustic.argmax())]
        while not fusion.finish(prefix):
            prefix = prefix.parent
        whole = [(prefix, acoustic.max())]
    found: dict[str, Hypothesis] = {}
    for prefix, value in whole:
        (language, n_words), ids = fusion.finish(prefix), prefix.ids()
        text = " ".join("".join(fusion.symbols[i] for i in ids).split())
        score = value + alpha * language + word_bonus * n_words
        if text not in found or score > found[text].score:
            found[text] = Hypothesis(text, ids, float(score), float(value), float(language))
    return sorted(found.values(), key=lambda hypothesis: -hypothesis.score)
