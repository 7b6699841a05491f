"""A drawing of a network, made from the model itself: every layer, what it gives, and which way the numbers go."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import ZooError
from zoo.plots.figure import Drawing
from zoo.plots.shapes import Canvas

WIDTH, HEIGHT, ROW, COLUMN, LEFT = 3.3, 0.58, 0.82, 4.6, 0.55  # inches: a box, row to row, column to column, margin
ROWS = 14  # of a column, at most where the network can be cut
# Layers that change no shape stand in the box of the layer before them.
FOLLOWERS = ("BatchNormalization", "ReLU", "Activation", "Dropout", "SpatialDropout1D")
WORDS = {  # what a class stands for, by a part of its name; the first that fits
    "Input": "input", "Attention": "attention", "LSTM": "recurrent", "GRU": "recurrent", "RNN": "recurrent",
    "Conv": "convolution", "Embedding": "dense", "Dense": "dense", "Add": "sum", "Multiply": "sum", "Concat": "sum",
    "Pool": "shape", "Flatten": "shape", "Reshape": "shape", "Resize": "shape", "LastFrame": "shape", "MeanFrames": "shape",
}  # fmt: skip


class Network(Canvas):
    """Its words are names of classes and layers, in English in every language."""

    translated = False


@dataclass(eq=False)
class Part:
    """A layer, with those that follow it in its box."""

    operation: Any
    output: Any  # its first tensor
    sources: list["Part"]  # whose numbers go in; lengths and masks are left out
    aside: bool = False  # gives lengths or a mask only
    followers: list[Any] = field(default_factory=list)
    copies: list[Any] = field(default_factory=list)  # layers of the repetitions that are drawn here
    stretch: tuple[int, int] = (0, 1)  # number of the repeated stretch that it belongs to, and how often that is there
    row: int = 0

    @property
    def operations(self) -> list[Any]:
        return [self.operation, *self.followers]

    def signature(self) -> tuple:
        """What two parts have in common where one is the other once more."""
        kinds, shapes = [type(o).__name__ for o in self.operations], [source.output.shape for source in self.sources]
        return kinds, self.output.shape, shapes, _parameters(self), self.stretch


def architecture(model: Any, theme: str | None = None, title: str = "") -> Drawing:
    """Draws every layer of a functional Keras model with its settings, the shape it gives and its parameters.

    A box holds a layer and what follows it without a change of shape, such as a ReLU. A stretch that is there several times is
    drawn once, in a dashed frame. Lines past boxes are residual connections. The batch axis is left out.

    Args:
        model: A functional keras.Model, such as one of zoo.load.
        theme: "light" or "dark"; None takes the colours of matplotlib's rcParams.
        title: Stands above; name and number of parameters by default.

    Raises:
        ZooError: If the model is not a functional one.

    >>> import zoo
    >>> figure = architecture(zoo.load("conv2d_mini"))
    >>> figure.axes[0].texts[0].get_text()
    'conv2d_mini: 16,630 parameters'
    """
    if not hasattr(model, "operations"):
        raise ZooError(f"`model` must be a functional keras.Model. Received: {type(model).__name__}.")
    parts = _merge(list(_parts(model, {})))
    main, aside = _once([part for part in parts if not part.aside]), [part for part in parts if part.aside]
    for part in (*main, *aside):  # lengths and masks stand beside what they are made from
        part.row = max((source.row + (not part.aside) for source in part.sources), default=0)
    return _draw([*main, *aside], theme, title or f"{model.name}: {model.count_params():,} parameters")


# --- from the model to parts


def _flat(tensors: Any) -> list:
    """Tensors, whether they are one, a tuple or a dict."""
    if isinstance(tensors, dict):
        tensors = list(tensors.values())
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _carries(tensor: Any) -> bool:
    """Whether a tensor holds what is heard rather than lengths or a mask."""
    return "float" in str(tensor.dtype)


def _parts(model: Any, makers: dict[int, Part]) -> Iterator[Part]:
    """The layers of a model in their order, those of models in it too. `makers`: tensor -> the part that gives it."""
    for _, nodes in sorted(model._nodes_by_depth.items(), reverse=True):
        for node in nodes:
            inner, outputs, given = node.operation, list(node.output_tensors), list(node.input_tensors)
            if hasattr(inner, "operations"):  # a model within the model
                makers.update((id(a), makers[id(b)]) for a, b in zip(_flat(inner.inputs), given, strict=True))
                yield from _parts(inner, makers)
                makers.update((id(b), makers[id(a)]) for a, b in zip(_flat(inner.outputs), outputs, strict=True))
            elif id(outputs[0]) not in makers:  # else the input of a model within the model
                sources = dict.fromkeys(makers[id(tensor)] for tensor in given if _carries(tensor))
                part = Part(inner, outputs[0], list(sources), aside=not any(map(_carries, outputs)))
                makers.update((id(tensor), part) for tensor in outputs)
                yield part


def _merge(parts: Sequence[Part]) -> list[Part]:
    """Puts layers that change no shape into the box before them, where nothing else starts from there."""
    kept: list[Part] = []
    box: dict[Part, Part] = {}  # a part that was put into another one
    uses = Counter(source for part in parts if not part.aside for source in part.sources)
    for part in parts:
        part.sources = list(dict.fromkeys(box.get(source, source) for source in part.sources))
        before = part.sources[0] if len(part.sources) == 1 else None
        alone = before is not None and uses[before] == 1 and before.sources and part.output.shape == before.output.shape
        if alone and type(part.operation).__name__ in FOLLOWERS:
            before.followers.append(part.operation)
            box[part], uses[before] = before, uses[part]
        else:
            kept.append(part)
    return kept


def _once(parts: list[Part]) -> list[Part]:
    """Draws a stretch once where the same follows it at once; those that save most boxes first."""
    number = 0
    while True:
        found = max(_repeats(parts), default=None)
        if found is None:
            return parts
        number += 1
        _, _, start, length, times = found
        parts = _fold(parts, -start, length, times, number)


def _repeats(parts: Sequence[Part]) -> Iterator[tuple[int, int, int, int, int]]:
    """(boxes saved, minus its unlike numbers, minus the start, length, times) of each stretch that follows itself."""
    signs = [part.signature() for part in parts]
    for length in range(1, len(signs) // 2 + 1):
        for start in range(len(signs) - 2 * length + 1):
            times, stretch = 1, parts[start : start + length]
            while signs[start : start + length] == signs[start + times * length : start + (times + 1) * length]:
                times += 1
            follows = any(source in stretch for source in parts[min(start + length, len(parts) - 1)].sources)
            if times > 1 and follows and not any(part.stretch[0] for part in stretch):
                names = [part.operation.name for part in stretch if _parameters(part)]
                numbers = {digits[0] for name in names if (digits := re.findall(r"\d+", name))}  # block_1_norm: 1
                yield length * (times - 1), -len(numbers), -start, length, times


def _fold(parts: list[Part], start: int, length: int, times: int, number: int) -> list[Part]:
    """Puts the layers of each repetition into the boxes of the first one."""
    first, rest = parts[start : start + length], parts[start + length : start + length * times]
    same = {part: first[i % length] for i, part in enumerate(rest)}
    for part, box in same.items():
        box.copies += part.operations
    for part in first:
        part.stretch = (number, times)
    kept = [part for part in parts if part not in same]
    place = {part: i for i, part in enumerate(kept)}
    for part in kept:  # an edge from the end of a stretch back to its beginning is what the frame stands for
        sources = dict.fromkeys(same.get(source, source) for source in part.sources)
        part.sources = [source for source in sources if place[source] < place[part]]
    return kept


# --- what is written into a box


def _parameters(part: Part) -> int:
    return sum(operation.count_params() for operation in part.operations if hasattr(operation, "count_params"))


def _shape(part: Part) -> str:
    """The shape of an output, the batch left out: "frames × 40"."""
    unknown = "samples" if part.output.ndim == 2 and not part.sources else "frames"
    sizes = [unknown if size is None else f"{size:,}" for size in part.output.shape[1:]]
    return " × ".join(sizes) or "one number"


def _settings(layer: Any) -> str:
    """Kernel, stride and heads of a layer, as far as it has them."""
    words = []
    kernel, strides = getattr(layer, "kernel_size", None), getattr(layer, "strides", getattr(layer, "stride", 1))
    if kernel:
        words.append("kernel " + "×".join(map(str, _flat(kernel))))
        steps = _flat(strides)
        if set(steps) != {1}:
            words.append("stride " + "×".join(map(str, steps if len(set(steps)) > 1 else steps[:1])))
    if heads := getattr(layer, "num_heads", None):
        words.append(f"{heads} heads")
    return ", ".join(words)


def _lines(part: Part) -> list[str]:
    """Class, names, and what comes out."""
    kinds = [type(operation).__name__.replace("BatchNormalization", "BatchNorm") for operation in part.operations]
    kinds = [kind.replace("LayerNormalization", "LayerNorm").replace("InputLayer", "input") for kind in kinds]
    first, *others = (operation.name for operation in part.operations)
    names = ", ".join([first, *(f"…{name.removeprefix(first)}" if name.startswith(first) else name for name in others)])
    out = " ".join(filter(None, [_settings(part.operation), "→", _shape(part)]))
    if count := _parameters(part):
        out += f", {count:,} parameters"
    return [" + ".join(kinds), names, out]


def _kind(part: Part) -> str:
    name = type(part.operation).__name__
    return next((kind for word, kind in WORDS.items() if word in name), "fixed")


# --- layout


def _columns(rows: int, skips: Sequence[tuple[int, int]]) -> list[int]:
    """The first row of each column: cut where no residual connection passes, but one that starts right there."""
    cuts, count = [0], -(-rows // ROWS)
    for i in range(1, count):
        wanted = i * rows / count
        free = [r for r in range(cuts[-1] + 1, rows) if not any(start < r - 1 and r <= end for start, end in skips)]
        cuts.append(min(free or [round(wanted)], key=lambda r: abs(r - wanted)))
    return sorted(set(cuts))


def _draw(parts: Sequence[Part], theme: str | None, title: str) -> Drawing:
    """Draws parts in rows from top to bottom, and in columns where there are many rows."""
    rows = 1 + max(part.row for part in parts)
    edges = [(source, part) for part in parts for source in part.sources if not part.aside]
    skips = [(source.row, part.row) for source, part in edges if part.row > source.row + 1]
    cuts = _columns(rows, skips)
    longest = max(b - a for a, b in zip(cuts, [*cuts[1:], rows], strict=True))
    canvas = Network(COLUMN * len(cuts) + 0.3, ROW * longest + 0.75, theme, title)
    place = {}
    for part in parts:
        column = sum(part.row >= cut for cut in cuts) - 1
        beside = [other for other in parts if other.row == part.row]
        width = (WIDTH - 0.1 * (len(beside) - 1)) / len(beside)
        x = LEFT + COLUMN * column + (width + 0.1) * beside.index(part) + width / 2
        y = canvas.height - 0.45 - ROW * (part.row - cuts[column] + 0.5)
        place[part] = (x, y, width, column)
        lines = _lines(part)
        if len(beside) > 1:
            lines = [*lines[:2], *lines[2].rsplit(", ", 1)]
        names = [operation.name for operation in (*part.operations, *part.copies)]
        canvas.box(x, y, width, HEIGHT, lines, _kind(part), names)
    for source, part in edges:
        _draw_edge(canvas, place[source], place[part], part.row - source.row)
    for number in {part.stretch[0] for part in parts} - {0}:
        _draw_frame(canvas, [(part, place[part]) for part in parts if part.stretch[0] == number])
    return canvas.figure


def _draw_edge(canvas: Canvas, source: tuple, target: tuple, distance: int) -> None:
    """An arrow: down to the next row, past other boxes, or to the next column."""
    (x, y, _, column), (to_x, to_y, width, to_column) = source, target
    bottom, top = y - HEIGHT / 2, to_y + HEIGHT / 2
    if column != to_column and distance > 1:  # from where the line to the first box of the column comes down
        left, above = LEFT + COLUMN * to_column - 0.3, canvas.height - 0.5
        canvas.route(
            [(LEFT + COLUMN * to_column + WIDTH / 2, above), (left, above), (left, to_y), (to_x - width / 2, to_y)]
        )
    elif column != to_column:
        gap = LEFT + COLUMN * to_column - 0.6
        canvas.route(
            [(x, bottom), (x, bottom - 0.14), (gap, bottom - 0.14), (gap, top + 0.25), (to_x, top + 0.25), (to_x, top)]
        )
    elif distance > 1:
        left = LEFT + COLUMN * column - 0.3
        canvas.route([(x, bottom - 0.08), (left, bottom - 0.08), (left, to_y), (to_x - width / 2, to_y)])
    else:
        canvas.arrow((x, bottom), (to_x, top))


def _draw_frame(canvas: Canvas, drawn: Sequence[tuple[Part, tuple]]) -> None:
    """A dashed frame around a repeated stretch, one in each column that it has a part in."""
    for column in sorted({place[3] for _, place in drawn}):
        ys = [place[1] for _, place in drawn if place[3] == column]
        bottom, top = min(ys) - HEIGHT / 2 - 0.1, max(ys) + HEIGHT / 2 + 0.1
        left, width = LEFT + COLUMN * column - 0.38, WIDTH + 0.38 + 0.5
        canvas.frame(left, bottom, width, top - bottom, f"× {drawn[0][0].stretch[1]}")
