"""Panels of CTC and its search: the lattice and the beam frame by frame, and the weights of a language model."""

import html
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from zoo.decoding import beam_search, greedy, log_softmax
from zoo.errors import DataError
from zoo.plots import diagrams
from zoo.text import BLANK, Vocabulary
from zoo.widgets.panel import Panel, Slider
from zoo.words import say


def lattice(text: str, logits: np.ndarray, vocabulary: Vocabulary) -> Panel:
    """CTC's lattice, frame by frame: in which states the beginnings of all paths of a text are.

    Args:
        text: At most 12 characters.
        logits: (frames, symbols), at most 24 frames.
        vocabulary: Of the symbols.

    Raises:
        DataError: If the text does not fit into the frames.

    >>> panel = lattice("at", np.zeros((4, 3)), Vocabulary("at"))
    >>> panel.set(frame=1).state()[1]
    "after frame 1: beginnings of paths of 'at' have 56 % of the probability; the text itself has 11 %"
    """
    ids, log_p = vocabulary.encode(text), log_softmax(np.asarray(logits, "float64"))
    needed = len(ids) + sum(a == b for a, b in zip(ids, ids[1:], strict=False))
    if len(log_p) < needed:
        raise DataError(f"`text` must fit into {len(log_p)} frames. Received: {text!r}, which needs {needed}.")
    alpha = forward(log_p, ids)
    total = np.logaddexp.reduce(alpha, axis=1)
    share = np.exp(alpha - total[:, None])

    def draw(frame: int) -> list:
        begun, whole = (100 * np.exp(np.logaddexp.reduce(alpha[frame, part:])) for part in (0, -2))
        words = "after frame {frame}: beginnings of paths of {text!r} have {begun:.2g} % of the probability; "
        words += "the text itself has {whole:.2g} %"
        words = say(words, frame=frame, text=text, begun=begun, whole=whole)
        return [diagrams.ctc_lattice(text, len(log_p), share, frame), words]

    return Panel(draw, {"frame": Slider("frame", len(log_p) // 2, 0, len(log_p) - 1, 1)})


def forward(log_p: np.ndarray, ids: list[int]) -> np.ndarray:
    """(frames, symbols) log probabilities -> (frames, 2 * labels + 1) log alpha (Graves et al. 2006, section 4.1).

    >>> np.exp(forward(np.log([[0.5, 0.5], [0.5, 0.5]]), [1])).sum(axis=1)
    array([1., 1.])
    """
    states = np.full(2 * len(ids) + 1, BLANK)
    states[1::2] = ids
    skips = np.zeros(len(states), bool)
    skips[2:] = (states[2:] != BLANK) & (states[2:] != states[:-2])
    alpha = np.full((len(log_p), len(states)), -np.inf)
    alpha[0, :2] = log_p[0, states[:2]]
    for t in range(1, len(log_p)):
        on = np.append(-np.inf, alpha[t - 1, :-1])
        skip = np.where(skips, np.append([-np.inf] * 2, alpha[t - 1])[: len(states)], -np.inf)
        alpha[t] = np.logaddexp.reduce([alpha[t - 1], on, skip]) + log_p[t, states]
    return alpha


def beam(logits: np.ndarray, vocabulary: Vocabulary, width: int = 4) -> Panel:
    """The beam of a search without a language model, frame by frame and at several widths.

    Args:
        logits: (frames, symbols), at most 16 frames.
        vocabulary: Of the symbols.
        width: To start with, 1 to 8.

    >>> panel = beam(np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]]), Vocabulary("ab"))
    >>> panel.set(frame=0, width=1).state()[1]
    "after frame 0 the best text is 'a', with a probability of 0.8 in the beam"
    """
    logits = np.asarray(logits, "float64")

    def draw(frame: int, width: int) -> list:
        options = {"beam_width": width, "n_best": width, "token_min_logp": -np.inf}
        found = [beam_search(logits[: t + 1], vocabulary, **options) for t in range(len(logits))]
        steps = [[(kept.text, float(np.exp(kept.acoustic))) for kept in kept_here] for kept_here in found]
        best, chance = steps[frame][0]
        words = "after frame {frame} the best text is {best!r}, with a probability of {chance:.2g} in the beam"
        words = say(words, frame=frame, best=best, chance=chance)
        return [diagrams.beam(steps, frame), words]

    controls = {
        "frame": Slider("frame", len(logits) - 1, 0, len(logits) - 1, 1),
        "width": Slider("width of the beam", width, 1, 8, 1),
    }
    return Panel(draw, controls)


class Texts:
    """Lines of text by name, beside what was said: words that differ are struck out, missing ones bracketed.

    >>> Texts("a cat sat", {"greedy": "a hat sat"})
    said    a cat sat
    greedy  a hat sat  (1 word wrong)
    """

    def __init__(self, said: str, lines: dict[str, str]):
        self.said, self.lines = said, lines

    def _wrong(self, text: str) -> int:
        from zoo.metrics import word_errors

        return word_errors(self.said, text)

    def __repr__(self) -> str:
        width = max(map(len, ("said", *self.lines)))
        rows = [f"{'said':<{width}}  {self.said}"]
        for name, text in self.lines.items():
            wrong = self._wrong(text)
            rows.append(f"{name:<{width}}  {text}  ({wrong} word{'s' * (wrong != 1)} wrong)")
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        rows = [f"<tr><th>{say('said')}</th><td style='text-align:left'>{html.escape(self.said)}</td><td></td></tr>"]
        for name, text in self.lines.items():
            marked = _marked(self.said.split(), text.split())
            rows.append(
                f"<tr><th>{html.escape(say(name))}</th><td style='text-align:left'>{marked}</td>"
                f"<td style='text-align:right'>{say('{n} wrong', n=self._wrong(text))}</td></tr>"
            )
        return f"<table>{''.join(rows)}</table>"


def _marked(said: list[str], heard: list[str]) -> str:
    """Words of `heard` as HTML; those that were not said are bold and underlined, so that no colour is needed."""
    parts = []
    for kind, a, b, i, j in SequenceMatcher(None, said, heard, autojunk=False).get_opcodes():
        words = html.escape(" ".join(heard[i:j]))
        if kind == "equal":
            parts.append(words)
        elif words:
            parts.append(f"<b style='text-decoration:underline wavy'>{words}</b>")
        else:
            parts.append(f"[{html.escape(' '.join(said[a:b]))}]")
    return " ".join(parts)


def language(
    model: Any, audio: Any, said: str, language_model: Any, tuned: dict[str, float], sample_rate: int | None = None
) -> Panel:
    """alpha, word_bonus and prior_scale of a beam search with a language model, with the text that comes out.

    Args:
        model: A Recognizer.
        audio: One clip, as for `model.transcribe`.
        said: What is said in it.
        language_model: A zoo.language.LanguageModel.
        tuned: Where the sliders start, such as `model.tuned("sentences_ngram_lm")`.
        sample_rate: Hz of an array.

    >>> import zoo
    >>> from zoo.audio import bundled
    >>> lm = zoo.load("ngram_lm")
    >>> model = zoo.load("lstm_ctc")
    >>> panel = language(model, bundled("telephone"), "six one three nine six", lm, model.tuned("ngram_lm"))
    >>> panel.set(alpha=0.0).state()[0].lines["greedy"]
    'six one three nine six'
    """
    logits = model.logits([audio], sample_rate)[0]
    plain = {"greedy": greedy(logits[None], [len(logits)], model.vocabulary, model.config.frame_seconds)[0].text}
    plain["beam"] = beam_search(logits, model.vocabulary)[0].text
    prior = {"prior": model.prior} if model.prior else {}

    def draw(alpha: float, word_bonus: float, prior_scale: float) -> list:
        options = {"alpha": alpha, "word_bonus": word_bonus, "prior_scale": prior_scale if prior else 0.0}
        found = beam_search(logits, model.vocabulary, language_model=language_model, **options, **prior)[0]
        name = f"beam, alpha {alpha:g}, word_bonus {word_bonus:g}, prior_scale {prior_scale:g}"
        score = "score {score:.1f} = {sound:.1f} (sound) + {alpha:g} × {words:.1f} (language) + {bonus:g} × {n} (words)"
        parts = {"score": found.score, "sound": found.acoustic, "words": found.language, "n": len(found.text.split())}
        score = say(score, alpha=alpha, bonus=word_bonus, **parts)
        return [Texts(said, plain | {name: found.text}), score]

    controls = {
        "alpha": Slider("alpha", float(tuned.get("alpha", 0.5)), 0.0, 3.0, 0.1),
        "word_bonus": Slider("word_bonus (β)", float(tuned.get("word_bonus", 1.0)), -2.0, 4.0, 0.5),
        "prior_scale": Slider("prior_scale", float(tuned.get("prior_scale", 0.0)), 0.0, 1.0, 0.1),
    }
    return Panel(draw, controls)
