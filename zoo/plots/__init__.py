"""Pictures of what goes through a model and of how good it is. Plain arrays in; no function touches global state.

    zoo.plots.signals   frames and bands: saliency, attention, reconstruction, band_errors
    zoo.plots.scores    figures: learning_curves, bars, confusion, comparison, noise
    zoo.plots.drift     what comes in to a service, beside what is usual: report
    zoo.plots.maps      codes as points of a plane: latent_map
    zoo.plots.networks  a model in, a drawing of its layers out: architecture
    zoo.plots.lessons   chapters on recognizers, speakers, deployment: delays, heads, trials, trade-offs
    zoo.plots.diagrams  drawings of ideas: lstm_cell, query_key_value, ctc_lattice, beam, vae
    zoo.plots.pictures  a model and a clip in, its answer as one of these: transcription, classification
    zoo.plots.figure    what they share; zoo.plots.shapes what drawings share

Pictures are matplotlib's Figures. The others return Axes (the first, where there are several): those given as `axes`, or
else of a figure of their own. `axes.figure.savefig("name.png")` keeps it, `axes.figure` ends a notebook's cell.
A `log_mel` is (frames, bands) in dB, one frame every `hop_seconds`; a `title` stands above.
"""

# ruff: noqa: F401
from zoo.plots import diagrams
from zoo.plots.figure import ACCENT, COLOURS, PALE, STRONG, Drawing
from zoo.plots.maps import latent_map
from zoo.plots.networks import architecture
from zoo.plots.scores import bars, comparison, confusion, learning_curves, noise
from zoo.plots.signals import attention, band_errors, reconstruction, saliency
