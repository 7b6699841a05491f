"""A panel: a function that draws one state, and controls that change the state."""

import base64
import html
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError, unknown_name
from zoo.words import say

STYLE = {"description_width": "150px"}


@dataclass(frozen=True)
class Slider:
    """A number between two others, or one of `steps`."""

    label: str  # with its unit
    start: float
    low: float = 0.0
    high: float = 1.0
    step: float = 0.1
    steps: Sequence[float] = ()

    def check(self, value: float) -> bool:
        """Whether the slider can be set to the value."""
        return value in self.steps if self.steps else self.low <= value <= self.high

    def build(self, widgets: Any) -> Any:
        """The control of ipywidgets, which acts when it is let go: what it changes may take a second."""
        style = {"description": say(self.label), "continuous_update": False, "style": STYLE}
        style["layout"] = widgets.Layout(width="480px")
        if self.steps:
            return widgets.SelectionSlider(value=self.start, options=list(self.steps), **style)
        kind = widgets.IntSlider if isinstance(self.start, int) and isinstance(self.step, int) else widgets.FloatSlider
        return kind(value=self.start, min=self.low, max=self.high, step=self.step, **style)


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    label: str
    start: str
    options: Sequence[str]

    def check(self, value: str) -> bool:
        """Whether the value is one of the options."""
        return value in self.options

    def build(self, widgets: Any) -> Any:
        """The control of ipywidgets."""
        return widgets.Dropdown(value=self.start, options=list(self.options), description=say(self.label), style=STYLE)


@dataclass(frozen=True)
class Switch:
    """On or off."""

    label: str
    start: bool

    def check(self, value: bool) -> bool:
        """Whether the value is True or False."""
        return isinstance(value, bool)

    def build(self, widgets: Any) -> Any:
        """The control of ipywidgets."""
        return widgets.Checkbox(value=self.start, description=say(self.label), indent=False)


class Panel:
    """Controls and what they change. `draw(**values)` returns pictures, players, tables or texts for one state.

    >>> panel = Panel(lambda number: [f"twice: {2 * number}"], {"number": Slider("number", start=3, high=9)})
    >>> panel.state()
    ['twice: 6']
    >>> panel.set(number=4).state()
    ['twice: 8']
    """

    def __init__(self, draw: Callable[..., list], controls: Mapping[str, Slider | Choice | Switch]):
        self.draw, self.specs = draw, dict(controls)
        self.values = {name: spec.start for name, spec in self.specs.items()}
        self._box, self.controls, self.output = None, {}, None

    def set(self, **values: Any) -> "Panel":
        """Moves controls, as the mouse does.

        Raises:
            UnknownNameError: If there is no such control.
            ZooError: If a control cannot have the value.
        """
        for name, value in values.items():
            if name not in self.specs:
                raise unknown_name("control", name, self.specs)
            if not self.specs[name].check(value):
                raise ZooError(f"`{name}` must be within its control's range. Received: {name}={value!r}.")
            self.values[name] = value
            if name in self.controls:
                self.controls[name].value = value
        return self

    def state(self) -> list:
        """What the panel shows for its controls as they stand."""
        return self.draw(**self.values)

    @property
    def box(self) -> Any:
        """The controls and what they change, as one widget of ipywidgets.

        Raises:
            ZooError: If ipywidgets is not installed.
        """
        if self._box is None:
            try:
                import ipywidgets
            except ImportError:
                raise ZooError('`ipywidgets` must be installed: pip install "speech-zoo[notebooks]".') from None
            self.controls = {name: spec.build(ipywidgets) for name, spec in self.specs.items()}
            for name, control in self.controls.items():
                control.value = self.values[name]
                control.observe(lambda change, name=name: self._turned(name, change["new"]), "value")
            self.output = ipywidgets.Output()
            self._box = ipywidgets.VBox([*self.controls.values(), self.output])
            self._show()
        return self._box

    def _turned(self, name: str, value: Any) -> None:
        self.values[name] = value
        self._show()

    def _show(self) -> None:
        """Puts the state into the output, all at once, so that nothing flickers."""
        shown = [{"output_type": "display_data", "data": bundle(thing), "metadata": {}} for thing in self.state()]
        self.output.outputs = tuple(shown)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if os.environ.get("ZOO_STATIC") == "1":
            for thing in self.state():
                display(bundle(thing), raw=True)
        else:
            display(self.box)


def bundle(thing: Any) -> dict[str, str]:
    """What Jupyter shows for a picture, a player, a table or a text: data by MIME type.

    >>> bundle("twice")["text/plain"]
    'twice'
    """
    if isinstance(thing, str):
        return {"text/plain": thing, "text/html": f'<pre style="margin:0">{html.escape(thing)}</pre>'}
    data = {"text/plain": repr(thing)}
    if hasattr(thing, "_repr_png_"):
        return data | {"image/png": base64.b64encode(thing._repr_png_()).decode()}
    return data | {"text/html": thing._repr_html_()}
