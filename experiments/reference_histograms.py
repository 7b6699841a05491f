"""Histograms of training data, with which `zoo monitor` compares what comes in: `python -m experiments.reference_histograms`.

Each reference has real recordings of the preset's training data at the preset's rate, each clip once. Telephone-band and synthetic
sets are left out: of what users send, they say nothing. Limits are between groups of ten speakers (see zoo/monitoring.py).
"""

from collections.abc import Callable

from experiments._common import main
from experiments._sounds import spread
from experiments.ship import update_card
from zoo import datasets, monitoring
from zoo.presets import CARDS, card

MOST = 900  # clips of a data set
REFERENCES = {  # name of the file -> data, presets
    "an4": (("an4:train",), ("lstm_ctc", "lstm_ctc_stream")),
    "an4-speechocean762": (("an4:train", "speechocean762:train"), ("conv_lstm_ctc",)),
    "digits": (("spoken_digits:train",), ("ds_cnn",)),
}


def reference_histograms(names: tuple = (), log: Callable = print) -> None:
    """Measure training data, write zoo/cards/NAME.reference.json, and name the file on the cards of its presets."""
    for name in names or REFERENCES:
        specs, presets = REFERENCES[name]
        rate, rows, speakers = card(presets[0]).sample_rate, [], []
        for spec in specs:
            utterances = spread(datasets.load(*spec.split(":")), MOST)
            rows += [monitoring.measure(utterance.audio(rate), rate) for utterance in utterances]
            speakers += [f"{spec} {utterance.speaker}" for utterance in utterances]
        found = monitoring.reference(rows, speakers, " + ".join(specs), "python -m experiments.reference_histograms")
        found.save(CARDS / f"{name}{monitoring.SUFFIX}")
        for preset in presets:
            update_card(preset, reference=f"{name}{monitoring.SUFFIX}")
        log(
            f"{name}: {found.clips} clips of {len(set(speakers))} speakers;",
            *(f"{k} below {v.limit}" for k, v in found.features.items()),
        )


if __name__ == "__main__":
    main(reference_histograms)
