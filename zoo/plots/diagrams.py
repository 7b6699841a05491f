"""Drawings of ideas: an LSTM's cell, attention, the lattice of CTC, the beam of a search, a variational autoencoder."""

from collections.abc import Sequence

import numpy as np

from zoo.errors import DataError
from zoo.plots.figure import ACCENT, STRONG, Drawing
from zoo.plots.shapes import Canvas
from zoo.words import say


def lstm_cell(theme: str | None = None) -> Drawing:
    """Draws one step of a long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    >>> figure = lstm_cell(theme="dark")
    """
    canvas = Canvas(8.2, 4.9, theme, "LSTM: one frame")
    canvas.frame(1.25, 0.75, 5.7, 3.65)
    gates = (("forget gate", "f = σ(W x + U h + b)", 2.1), ("input gate", "i = σ(…)", 3.4),
             ("candidate", "g = tanh(…)", 4.5), ("output gate", "o = σ(…)", 5.9))  # fmt: skip
    for name, formula, x in gates:
        canvas.box(
            x, 1.75, 1.32 if x < 3 else 1.02, 0.56, (name, formula), "dense" if name == "candidate" else "recurrent"
        )
        canvas.route([(x, 1.15), (x, 1.47)])
    canvas.route([(1.1, 1.15), (5.9, 1.15), (5.9, 1.47)])
    top, signs = 3.95, {"×f": (2.1, 3.95), "+": (3.95, 3.95), "×i": (3.95, 2.85), "×o": (5.9, 2.85)}
    for name, (x, y) in signs.items():
        canvas.box(x, y, 0.34, 0.34, (name[0],), "sum", (f"sign {name}",))
    canvas.box(5.35, 3.4, 0.62, 0.34, ("tanh",), "dense", ("tanh of the cell",))
    canvas.arrow((1.05, top), (1.93, top))
    canvas.arrow((2.27, top), (3.78, top))
    canvas.arrow((4.12, top), (7.4, top))
    canvas.arrow((2.1, 2.03), (2.1, 3.78))
    canvas.route([(3.4, 2.03), (3.4, 2.85), (3.78, 2.85)])
    canvas.route([(4.5, 2.03), (4.5, 2.85), (4.12, 2.85)])
    canvas.arrow((3.95, 3.02), (3.95, 3.78))
    canvas.arrow((5.35, top), (5.35, 3.57))
    canvas.route([(5.35, 3.23), (5.35, 2.85), (5.73, 2.85)])
    canvas.arrow((5.9, 2.03), (5.9, 2.68))
    canvas.route([(6.07, 2.85), (7.4, 2.85)])
    for x, y, text in ((0.62, top, "cell before\n$c_{t-1}$"), (7.75, top, "cell\n$c_t$"), (7.75, 2.85, "output\n$h_t$"),
                       (0.6, 1.15, "frame $x_t$,\noutput $h_{t-1}$")):  # fmt: skip
        canvas.note(x, y, text, math=True, size=9)
    canvas.note(2.9, 4.2, "what is kept", size=8)
    canvas.note(4.55, 3.4, "what is new", size=8)
    canvas.note(
        4.1, 0.4, "c = f · c + i · g        h = o · tanh(c)        σ lies between 0 (closed) and 1 (open)", size=9
    )
    return canvas.figure


def query_key_value(weights: Sequence[float] = (0.05, 0.6, 0.25, 0.1), theme: str | None = None) -> Drawing:
    """Draws attention over a few frames: scores, softmax, weights, weighted sum. The darker a line, the larger its weight.

    Raises:
        DataError: If the weights are not 2 to 8 numbers, zero or more, that sum to 1.

    >>> figure = query_key_value([0.2, 0.8])
    """
    weights = np.asarray(weights, "float64")
    if not (weights.ndim == 1 and 2 <= len(weights) <= 8 and (weights >= 0).all() and np.isclose(weights.sum(), 1)):
        raise DataError(f"`weights` must be 2 to 8 numbers, zero or more, that sum to 1. Received: {weights!r}.")
    n, step = len(weights), 1.45
    canvas = Canvas(1.6 + n * step, 5.85, theme, "Attention")
    middle, right = 1.8 + (n - 1) * step / 2, 1.8 + (n - 1) * step
    canvas.box(0.62, 2.55, 0.9, 0.5, ("query", "q"), "attention")
    canvas.box(middle, 3.35, right - 1.8 + 1.2, 0.4, ("softmax over the frames",), "fixed")
    canvas.box(middle, 5.12, 2.6, 0.5, ("answer", "w₁ v₁ + w₂ v₂ + …"), "attention")
    for i, weight in enumerate(weights):
        x, t = 1.8 + i * step, "₁₂₃₄₅₆₇₈"[i]
        canvas.box(x, 0.5, 1.2, 0.46, (f"frame x{t}",), "input")
        canvas.box(x - 0.32, 1.5, 0.54, 0.46, ("key", f"k{t}"), "dense", (f"key {i}",))
        canvas.box(x + 0.32, 1.5, 0.54, 0.46, ("value", f"v{t}"), "convolution", (f"value {i}",))
        canvas.box(x - 0.2, 2.55, 0.8, 0.46, ("score", f"q · k{t} / √d"), "sum", (f"score {i}",))
        canvas.arrow((x - 0.2, 0.73), (x - 0.32, 1.27))
        canvas.arrow((x + 0.2, 0.73), (x + 0.32, 1.27))
        canvas.arrow((x - 0.32, 1.73), (x - 0.2, 2.32))
        canvas.arrow((x - 0.2, 2.78), (x - 0.2, 3.15))
        strong = {"color": canvas.theme.tint(ACCENT, 0.25 + 0.75 * weight / weights.max())}
        # The value goes past score and softmax, behind its box: it is weighted, not asked.
        canvas.route([(x + 0.42, 1.73), (x + 0.42, 3.98)])
        canvas.box(x + 0.42, 4.12, 0.28, 0.28, ("×",), "sum", (f"product {i}",))
        canvas.route([(x - 0.2, 3.55), (x - 0.2, 4.12), (x + 0.28, 4.12)])
        canvas.note(x - 0.24, 3.84, f"w{t} = {weight:.2f}", ha="right")
        canvas.arrow((x + 0.42, 4.26), (middle + (x + 0.42 - middle) * 0.4, 4.87), linewidth=0.8 + 4 * weight, **strong)
    canvas.arrow((1.07, 2.55), (1.8 - 0.6, 2.55))
    canvas.note(0.62, 2.1, "asks every key", size=7.5)
    return canvas.figure


def ctc_lattice(
    text: str, n_frames: int, weights: np.ndarray | None = None, frame: int | None = None, theme: str | None = None
) -> Drawing:
    """Draws the lattice of CTC: a column for each frame, a row for each letter and the blanks between, every allowed step.

    Args:
        text: At most 12 characters.
        n_frames: Columns, at most 24.
        weights: (frames, 2 * characters + 1) in [0, 1], such as the share of each state in its frame; they fill the circles.
        frame: Steps after this frame are pale; all are drawn strongly by default.
        theme: "light" or "dark"; None takes the colours of matplotlib's rcParams.

    Raises:
        DataError: If the text is empty or too long, or the weights have another shape.

    >>> figure = ctc_lattice("see", 5)
    """
    states = [symbol for letter in text for symbol in ("-", letter)] + ["-"]
    if not 1 <= len(text) <= 12 or not 1 <= n_frames <= 24:
        raise DataError(
            f"`text` must have 1 to 12 characters, on 1 to 24 frames. Received: {text!r}, {n_frames} frames."
        )
    if weights is not None and np.shape(weights) != (n_frames, len(states)):
        raise DataError(f"`weights` must be {(n_frames, len(states))}. Received: {np.shape(weights)}.")
    step_x, step_y, size = 0.62, 0.44, 0.26
    canvas = Canvas(
        1.3 + step_x * n_frames, 1.15 + step_y * len(states), theme, say("CTC: every path of {text!r}", text=text)
    )
    x, y = (lambda t: 1.05 + step_x * t), (lambda s: canvas.height - 0.65 - step_y * s)  # noqa: E731
    shown = n_frames - 1 if frame is None else frame
    for t in range(n_frames):
        canvas.note(x(t), y(len(states) - 1) - 0.36, str(t))
        for s, symbol in enumerate(states):
            kind = "fixed" if symbol == "-" else "convolution"
            patch = canvas.box(
                x(t), y(s), size, size, (symbol if symbol != " " else "␣",), kind, (f"state {s} frame {t}",)
            )
            reached = s <= 2 * t + 1 and (weights is None or weights[t, s] > 0)
            if weights is not None:
                patch.set_facecolor(canvas.theme.tint(ACCENT, 0.9 * float(weights[t, s]) * (t <= shown)))
            patch.set_alpha(1.0 if reached and t <= shown else 0.35)
            for before in _before(states, s) if t else ():
                own = "0.5" if t > shown else canvas.theme.ink
                strong = {"alpha": 0.18 if t > shown else 0.75, "linewidth": 0.8, "mutation_scale": 5, "color": own}
                if before <= 2 * t - 1:  # a path begins with the first blank or the first letter
                    canvas.arrow((x(t - 1) + size / 2, y(before)), (x(t) - size / 2, y(s)), **strong)
    for s, symbol in enumerate(states):
        canvas.note(
            0.72, y(s), "blank" if symbol == "-" else "space" if symbol == " " else symbol, ha="right", size=8.5
        )
    canvas.note(x((n_frames - 1) / 2), 0.14, "frame", size=9)
    return canvas.figure


def _before(states: Sequence[str], s: int) -> list[int]:
    """The states from which one may come to state s: itself, the one before, past a blank between unlike letters."""
    skip = s >= 2 and states[s] != "-" and states[s] != states[s - 2]
    return [s] + [s - 1] * (s >= 1) + [s - 2] * skip


def beam(steps: Sequence[Sequence[tuple[str, float]]], frame: int | None = None, theme: str | None = None) -> Drawing:
    """Draws the beam of a search: in a column for each frame the texts that were kept, best above, and where each came from.

    Args:
        steps: For each frame the kept (text, probability), best first, at most 16 frames of 8.
        frame: The last frame that is drawn; all by default.
        theme: "light" or "dark"; None takes the colours of matplotlib's rcParams.

    Raises:
        DataError: If there are no or too many of them.

    >>> figure = beam([[("", 0.6), ("a", 0.4)], [("a", 0.5), ("ab", 0.3)]])
    """
    if not 1 <= len(steps) <= 16 or not all(1 <= len(kept) <= 8 for kept in steps):
        raise DataError(
            f"`steps` must hold 1 to 8 texts for each of 1 to 16 frames. Received: {[len(k) for k in steps]}."
        )
    shown = len(steps) - 1 if frame is None else frame
    letters = max(len(text) for kept in steps for text, _ in kept)
    width, deep = max(0.62, 0.1 * letters + 0.25), max(map(len, steps))
    step = width + 0.38
    canvas = Canvas(0.45 + step * len(steps), 1.0 + 0.6 * deep, theme, "Beam search, frame by frame")
    x, y = (lambda t: 0.4 + width / 2 + step * t), (lambda i: canvas.height - 0.8 - 0.6 * i)  # noqa: E731
    for t, kept in enumerate(steps):
        canvas.note(x(t), 0.2, say("frame {t}", t=t) if len(steps) < 9 else str(t))
        places = {text: i for i, (text, _) in enumerate(steps[t - 1])} if t else {}
        for i, (text, chance) in enumerate(kept):
            if t > shown:
                continue
            patch = canvas.box(x(t), y(i), width, 0.44, (text.replace(" ", "␣") or "(empty)", f"{chance:.2g}"), "dense",
                               (f"kept {t} {i}",))  # fmt: skip
            if i == 0:
                patch.set(facecolor=canvas.theme.tint(STRONG, 0.45), edgecolor=canvas.theme.tint(STRONG, 1.0))
            for before in {text, text[:-1]} & set(places):  # as it was, or without its last letter
                ends = (x(t - 1) + width / 2, y(places[before])), (x(t) - width / 2, y(i))
                canvas.arrow(*ends, linewidth=0.9, mutation_scale=6, alpha=0.7)
    return canvas.figure


def vae(theme: str | None = None) -> Drawing:
    """Draws a variational autoencoder (Kingma and Welling 2014) and the two parts of its loss.

    >>> figure = vae()
    """
    canvas = Canvas(9.6, 3.6, theme, "Variational autoencoder")
    canvas.box(0.75, 1.9, 1.1, 0.6, ("word x", "frames × bands"), "input")
    canvas.box(2.35, 1.9, 1.3, 0.9, ("encoder", "convolutions", "and a dense layer"), "convolution")
    canvas.box(4.15, 2.5, 1.3, 0.55, ("mean μ", "24 numbers"), "dense")
    canvas.box(4.15, 1.3, 1.3, 0.55, ("log variance", "24 numbers, log σ²"), "dense")
    canvas.box(5.9, 1.9, 1.4, 0.6, ("code z", "z = μ + σ · ε"), "sum")
    canvas.box(5.9, 2.95, 1.4, 0.45, ("noise ε", "normal, not learned"), "fixed")
    canvas.box(7.55, 1.9, 1.3, 0.9, ("decoder", "transposed", "convolutions"), "convolution")
    canvas.box(8.95, 1.9, 1.0, 0.6, ("word x̂", "frames × bands"), "input")
    for start, end in (((1.3, 1.9), (1.7, 1.9)), ((3.0, 2.0), (3.5, 2.45)), ((3.0, 1.8), (3.5, 1.35)),
                       ((4.8, 2.45), (5.2, 2.0)), ((4.8, 1.35), (5.2, 1.8)), ((5.9, 2.72), (5.9, 2.2)),
                       ((6.6, 1.9), (6.9, 1.9)), ((8.2, 1.9), (8.45, 1.9))):  # fmt: skip
        canvas.arrow(start, end)
    canvas.box(4.15, 0.42, 2.7, 0.5, ("divergence", "½ Σ (μ² + σ² − 1 − log σ²)"), "recurrent")
    canvas.box(8.1, 0.42, 2.7, 0.5, ("error of the reconstruction", "squared, per point"), "recurrent")
    canvas.arrow((4.15, 1.02), (4.15, 0.67), linestyle="--")
    canvas.arrow((8.95, 1.6), (8.95, 0.67), linestyle="--")
    canvas.note(6.12, 0.42, "+", size=14)
    canvas.note(1.6, 0.42, "loss = β ·", size=11)
    canvas.note(5.9, 1.42, "while training; later z = μ", size=7.5)
    return canvas.figure
