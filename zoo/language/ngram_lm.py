"""`ngram_lm`: counts of n tokens in a row, smoothed; what recognisers used for forty years and still use beside a network.

    P(w | u v) = max(c(u v w) - D, 0) / c(u v .) + gamma(u v) P(w | v),   and so on down to single words

Every count c gives away a discount D (one for counts of 1, of 2, and of 3 or more), and the shorter history shares out
what was given away. A shorter history does not count how often a word came but after how many different words
(Kneser-Ney): "francisco" is frequent, but only after "san".

Source: S. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling", Harvard TR-10-98, 1998,
section 4.1 (interpolated modified Kneser-Ney); files in the ARPA format, as SRILM (Stolcke 2002) and KenLM (Heafield et
al. 2013) read and write it. As in KenLM, single words are mixed with the uniform distribution, of which <unk> has a part.
"""

import gzip
import math
import os
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from zoo.errors import DataError, MissingFileError, ZooError
from zoo.language import END, START, UNITS, UNKNOWN, LanguageModel, Mixture

LOG_10 = math.log(10)
NEVER = -99.0  # the log10 probability that ARPA files give <s>, which never follows anything
SPACE = "<space>"  # a space as a token of an ARPA file, in which spaces part the tokens
TINY = 1e-12  # of probability: what is left where all that can follow has been seen, but for rounding
FALLBACK = (0.5, 1.0, 1.5)  # discounts where there are too few counts to estimate them; KenLM's

UNIT = "# unit="  # begins the first line of our files
FILE = "model.arpa.gz"  # of a run
MOST_ORDER = 100  # beyond that an n-gram is a text

NGram = tuple[str, ...]


class NGramModel(LanguageModel):
    """A back-off n-gram model.

    Args:
        unit: "word" or "character".
        grams: n-gram -> (log10 P(last token | those before), log10 back-off weight of the n-gram as a history).

    >>> train(["one two", "one three"], order=2).score("one", "two") > -2
    True
    """

    def __init__(self, unit: str, grams: dict[NGram, tuple[float, float]]):
        super().__init__(unit, (gram[0] for gram in grams if len(gram) == 1 and gram[0] not in (START, END, UNKNOWN)))
        self.grams = grams
        self.order = max(map(len, grams))
        self._memory: dict[tuple[NGram, str], tuple[float, NGram]] = {}

    @property
    def parameters(self) -> int:
        """Numbers that the model consists of: n-grams."""
        return len(self.grams)

    def start(self) -> NGram:
        return (START,)[: self.order - 1]

    def advance(self, state: NGram, token: str) -> tuple[float, NGram]:
        key = (state, token)
        if key not in self._memory:
            known = token if (token,) in self.grams else UNKNOWN
            history = (*state, known)[1 - self.order :] if self.order > 1 else ()
            while history and history not in self.grams:  # what no longer history can be seen of is not kept
                history = history[1:]
            self._memory[key] = LOG_10 * self._log10(state, known), history
        return self._memory[key]

    def end(self, state: NGram) -> float:
        return LOG_10 * self._log10(state, END)

    def _log10(self, history: NGram, token: str) -> float:
        """Katz' recursion: the longest n-gram that was seen, and the weights of the histories that were not."""
        weight = 0.0
        while True:
            found = self.grams.get((*history, token))
            if found:
                return weight + found[0]
            if not history:
                return weight + self.grams.get((UNKNOWN,), (NEVER, 0.0))[0]
            weight += self.grams.get(history, (0.0, 0.0))[1]
            history = history[1:]

    def save(self, path: str | os.PathLike) -> None:
        """Write ARPA text, as `write` does."""
        write(self, path)


def train(
    texts: Iterable[str],
    order: int = 3,
    unit: str = "word",
    background: Iterable[str] = (),
    share: float = 0.4,
    minimum: int = 1,
) -> NGramModel:
    """An n-gram model of texts, interpolated modified Kneser-Ney.

    Args:
        texts: one utterance each. order: tokens in the longest n-gram, 1 or more. unit: "word" or "character".
        background: texts of another kind, of which there are more, each counted once. A token that `texts` do not have is
            <unk> there and gets no probability in the end: there is nothing more to confuse.
        share: of the background in every probability, between 0 and 1 (see `interpolate`).
        minimum: how often the longest n-grams of the background came, to be kept.
    Raises: ZooError (order, unit, share, minimum), DataError where texts or background hold no token that counts.

    >>> model = train(["one two", "one three", "two three"], order=2)
    >>> model.score("one", "two") > model.score("one", "one")  # seen, and never seen
    True
    """
    if not (type(order) is type(minimum) is int and min(order, minimum) >= 1 and order <= MOST_ORDER):
        raise ZooError(
            f"The order of an n-gram model and the minimum of a background are whole numbers of at least 1, the order at most "
            f"{MOST_ORDER}; received {order!r} and {minimum!r}."
        )
    if not (isinstance(share, int | float) and 0 < share < 1):
        raise ZooError(f"The share of the background is above 0 and below 1; received {share!r}.")
    near = _train(texts, order, unit)
    background = [near.tokens(text) for text in dict.fromkeys(background)]
    if not background:
        return near
    known = [[token if token in near.vocabulary else UNKNOWN for token in tokens] for tokens in background]
    known = [tokens for tokens in known if set(tokens) - {UNKNOWN}]
    if not known:
        raise DataError(f"A background has {unit}s of the other texts in it; in {len(background)} texts there is none.")
    return interpolate([near, _without_unknown(_train(known, order, unit, minimum))], [1 - share, share])


def interpolate(models: Sequence[NGramModel], shares: Sequence[float]) -> NGramModel:
    """One model with the averaged probabilities of several: `Mixture` worked out beforehand, so that it is one file.

    What any of them holds has the average itself, to which a model that does not know a token adds nothing (`Mixture` takes its
    <unk>, so that probabilities may sum to more than 1 where vocabularies differ). Where none has seen a history with what
    follows, the new model backs off as each of its kind does, with weights by which every history sums to 1 (SRILM calls this
    static interpolation: A. Stolcke, "SRILM - an extensible language modeling toolkit", ICSLP 2002).

    Args: models: of words or of characters. shares: their weights, which sum to 1.
    Raises: ZooError for models of different units or other kinds, or shares that are none.

    >>> both = interpolate([train(["one two"] * 3), train(["one three"] * 3)], [0.75, 0.25])
    >>> both.score("one", "two") > both.score("one", "three") > both.score("one", "one")
    True
    """
    Mixture(models, shares)  # raises where they do not go together
    for model in models:
        if not isinstance(model, NGramModel):
            raise ZooError(f"N-gram models are worked out into one; received {type(model).__name__} among them.")

    def average(gram: NGram) -> float:
        # To a model that does not know a token it is not one among many that are unknown: it never comes.
        return sum(
            share * 10 ** model._log10(gram[:-1], gram[-1])
            for model, share in zip(models, shares, strict=True)
            if gram[-1:] in model.grams
        )

    # With each n-gram those within it, which files of pruned models may lack.
    seen = {gram[i:j] for model in models for gram in model.grams for j in range(len(gram) + 1) for i in range(j)}
    seen = {gram for gram in seen if gram[-1] != START}
    return _backing_off(models[0].unit, {gram: average(gram) for gram in seen})


def _without_unknown(model: NGramModel) -> NGramModel:
    """The model where what follows is known to be no <unk>, so that the others share its probability."""
    seen = {gram for gram in model.grams if UNKNOWN not in gram} - {(START,)}

    def rest(history: NGram) -> float:
        return 1 - 10 ** model._log10(history, UNKNOWN)

    histories = {history: rest(history) for history in {gram[:-1] for gram in seen}}
    return _backing_off(
        model.unit, {gram: 10 ** model._log10(gram[:-1], gram[-1]) / histories[gram[:-1]] for gram in seen}
    )


def _backing_off(unit: str, probability: dict[NGram, float]) -> NGramModel:
    """The model of P(last token | those before), with back-off weights by which every history sums to 1.

    Args: probability: of all n-grams seen; with each, also of those without its first tokens.
    """
    here: dict[NGram, float] = defaultdict(float)  # history -> P of all that was seen after it
    shorter: dict[NGram, float] = defaultdict(float)  # and P of the same after the history without its first token
    for gram, value in probability.items():
        if len(gram) > 1:
            here[gram[:-1]] += value
            shorter[gram[:-1]] += probability[gram[1:]]
    grams = {gram: (math.log10(max(value, 10**NEVER)), 0.0) for gram, value in probability.items()}
    grams[(START,)] = NEVER, 0.0
    for history in here:
        left = max(1 - here[history], TINY) / max(1 - shorter[history], TINY)
        grams[history] = grams[history][0], math.log10(left)
    return NGramModel(unit, grams)


def _train(texts: Iterable[str | list[str]], order: int, unit: str, minimum: int = 1) -> NGramModel:
    """`train` without a background. Longest n-grams that came less often than `minimum` give all that they have away."""
    cut = NGramModel(unit, {(UNKNOWN,): (0.0, 0.0)}).tokens
    # What looks like a text's beginning or end within it is none.
    sentences = [[START, *(UNKNOWN if t in (START, END) else t for t in cut(text)), END] for text in texts]
    if not any(len(sentence) > 2 for sentence in sentences):
        raise DataError("A language model learns from texts with words in them; received none.")
    counts = _counts(sentences, order)
    vocabulary = [gram[0] for gram in counts[0]]
    # From the shortest to the longest: P of a shorter history is needed by the longer ones.
    probability: dict[NGram, float] = {(UNKNOWN,): 0.0} | {(token,): 0.0 for token in vocabulary}
    uniform = 1 / len(probability)
    backoff: dict[NGram, float] = {}
    for level in counts:
        discounts = _discounts(level.values())
        least = minimum if level is counts[-1] else 1
        totals: dict[NGram, int] = defaultdict(int)
        freed: dict[NGram, float] = defaultdict(float)
        for gram, count in level.items():
            totals[gram[:-1]] += count
            freed[gram[:-1]] += discounts[min(count, 3) - 1] if count >= least else count
        gamma = {history: freed[history] / totals[history] for history in totals}
        if () in gamma:
            probability = {gram: gamma[()] * uniform for gram in probability}
        for gram, count in level.items():
            if count < least:
                continue
            shorter = probability[gram] if len(gram) == 1 else gamma[gram[:-1]] * probability[gram[1:]]
            probability[gram] = (count - discounts[min(count, 3) - 1]) / totals[gram[:-1]] + shorter
        backoff |= {history: value for history, value in gamma.items() if history}
    grams = {(START,): (NEVER, math.log10(backoff.get((START,), 1.0)))}
    for gram, value in probability.items():
        grams[gram] = math.log10(value), math.log10(backoff.get(gram, 1.0))
    return NGramModel(unit, grams)


def _counts(sentences: list[list[str]], order: int) -> list[Counter]:
    """Counts of the n-grams of each length: how often they came; shorter ones, after how many different tokens."""
    longest: Counter = Counter()
    opening = [Counter() for _ in range(order)]  # nothing comes before <s>, so n-grams with it count as they came
    for sentence in sentences:
        for n in range(2, min(order, len(sentence)) + 1):
            opening[n - 1][tuple(sentence[:n])] += 1
        for i in range(len(sentence) - order + 1):
            longest[tuple(sentence[i : i + order])] += 1
    if order == 1:
        del longest[(START,)]
        return [longest]
    levels = [longest]
    seen: Iterable[NGram] = longest
    for n in range(order - 1, 0, -1):
        level = Counter(gram[1:] for gram in seen)
        level.update(opening[n - 1])
        levels.append(level)
        seen = level
    return levels[::-1]


def _discounts(counts: Iterable[int]) -> tuple[float, float, float]:
    """D1, D2, D3+ (Chen & Goodman, equation 26) from how many n-grams were counted once, twice, ..., four times."""
    of = Counter(count for count in counts if count <= 4)
    if not all(of[k] for k in (1, 2, 3, 4)):
        return FALLBACK
    y = of[1] / (of[1] + 2 * of[2])
    found = tuple(k - (k + 1) * y * of[k + 1] / of[k] for k in (1, 2, 3))
    return found if all(0 <= d <= k for k, d in enumerate(found, start=1)) else FALLBACK


# --- files


def write(model: NGramModel, path: str | os.PathLike) -> None:
    """Write a model as ARPA text (gzipped where `path` ends in .gz), which KenLM and SRILM read; whole or not at all.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.arpa"
    >>> write(train(["one two", "one three"], order=2), path)
    >>> path.read_text().splitlines()[:3]
    ['# unit=word', '\\\\data\\\\', 'ngram 1=6']
    """
    levels: list[list[str]] = [[] for _ in range(model.order)]
    for gram, (value, backoff) in sorted(model.grams.items()):
        line = f"{value:.7g}\t{' '.join(SPACE if token == ' ' else token for token in gram)}"
        levels[len(gram) - 1].append(line + (f"\t{backoff:.7g}" if backoff and len(gram) < model.order else ""))
    # What stands before \data\ is a comment, for KenLM if it begins with #; words of one letter look like characters.
    lines = [UNIT + model.unit, "\\data\\", *(f"ngram {n}={len(level)}" for n, level in enumerate(levels, start=1))]
    for n, level in enumerate(levels, start=1):
        lines += ["", f"\\{n}-grams:", *level]
    data = "\n".join([*lines, "", "\\end\\", ""]).encode()
    path = Path(path)
    partial = path.with_name("partial-" + path.name)
    try:
        partial.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: str | os.PathLike, unit: str | None = None) -> NGramModel:
    """Read ARPA text, gzipped or not.

    Args: unit: "word" or "character"; by default, what the file says, else characters where no token is longer than one.
    Raises: MissingFileError; DataError for a file that is cut short, or whose counts or numbers are wrong.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.arpa"
    >>> write(train(["one two", "one three"], order=2), path)
    >>> round(read(path).perplexity("one two"), 3) == round(train(["one two", "one three"], 2).perplexity("one two"), 3)
    True
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"An ARPA file is a file that exists; there is none at {path}.")
    try:
        data = path.read_bytes()
        lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig").splitlines()
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"An ARPA file is UTF-8 text, gzipped or not; {path.name} is not ({error}).") from None
    grams: dict[NGram, tuple[float, float]] = {}
    for gram, value, backoff in _parse(lines, path.name):
        grams[gram] = value, backoff
    if not grams:
        raise DataError(f"An ARPA file holds n-grams; {path.name} holds none.")
    unit = unit or next((one for one in UNITS if lines[0] == UNIT + one), None)
    unit = unit or ("word" if any(len(token) > 1 for token in _words(grams)) else "character")
    return NGramModel(unit, grams)


def _words(grams) -> Iterator[str]:
    return (gram[0] for gram in grams if len(gram) == 1 and gram[0] not in (START, END, UNKNOWN))


def _parse(lines: list[str], name: str) -> Iterator[tuple[NGram, float, float]]:
    """(n-gram, log10 probability, log10 back-off) of each line of the sections; raises DataError."""

    def fault(what: str) -> DataError:
        return DataError(f"An ARPA file holds as many n-grams as it says and ends with \\end\\; {name} {what}.")

    promised: dict[int, int] = {}
    held: Counter = Counter()
    section = None  # None before \data\, 0 within it, n within the n-grams
    for number, line in enumerate(map(str.strip, lines), start=1):
        try:
            if not line or (section is None and line != "\\data\\"):
                continue
            if line == "\\end\\":
                break
            if line == "\\data\\":
                section = 0
            elif line.startswith("\\") and line.endswith("-grams:"):
                section = int(line[1 : -len("-grams:")])
            elif section == 0:
                n, count = line.removeprefix("ngram ").split("=")
                promised[int(n)] = int(count)
            else:
                value, *words = line.split()
                backoff = float(words.pop()) if len(words) == section + 1 else 0.0
                if len(words) != section or not math.isfinite(float(value) + backoff) or float(value) > 0:
                    raise ValueError
                held[section] += 1
                yield tuple(" " if word == SPACE else word for word in words), float(value), backoff
        except ValueError:
            raise fault(f"has {line[:60]!r} in line {number}") from None
    else:
        raise fault("does not")
    if not promised or any(held[n] != count for n, count in promised.items()) or set(held) - set(promised):
        raise fault(f"promises {dict(sorted(promised.items()))} and holds {dict(sorted(held.items()))} of each length")
