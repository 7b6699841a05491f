"""Controls for the notebooks: sliders that change a picture, a sound or a text.

    zoo.widgets.panel   what all share: controls, what they change, a still picture where nothing can be turned
    zoo.widgets.sound   framing: window, hop and bands; noise: speech under more and more noise
    zoo.widgets.inside  attention: temperature and mask; codes: the numbers behind a word of `vae`
    zoo.widgets.search  lattice, beam: CTC and its search, frame by frame; language: alpha, word_bonus and prior_scale

Each returns a Panel. As the last line of a cell it shows controls by ipywidgets (`pip install "speech-zoo[notebooks]"`), and
where ZOO_STATIC is 1 the state that it starts with: that is what a notebook on GitHub shows.
"""

# ruff: noqa: F401
from zoo.widgets.inside import attention, codes
from zoo.widgets.panel import Choice, Panel, Slider, Switch
from zoo.widgets.search import beam, language, lattice
from zoo.widgets.sound import framing, noise
