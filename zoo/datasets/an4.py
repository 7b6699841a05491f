"""CMU AN4, the census database (1991): spelled names, digits, numbers, dates and commands, 16 kHz.

948 training utterances by 74 speakers and 130 test utterances by 10 others. Validation is 8 of the training
speakers (4 women, 4 men), fixed in the manifest; `train` leaves them out, `train_all` has them.

Source: A. Acero and R. Stern, "Environmental robustness in automatic speech recognition", ICASSP 1990;
https://github.com/cmusphinx/an4. Free for any purpose with its notice kept (LICENSE in the archive).
"""

from pathlib import Path

from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source, manifest

COMMIT = "b567d132f43304e70a2b2eca6077f22255311812"
SOURCE = Source(
    name="an4",
    url=f"https://github.com/cmusphinx/an4/archive/{COMMIT}.zip",
    archives=("an4.zip", "an4-*.zip", f"{COMMIT}.zip"),
    markers=("wav/an4_clstk", "wav/an4test_clstk"),
)
_PARTS = {"train": {"train"}, "validation": {"validation"}, "train_all": {"train", "validation"}, "test": {"test"}}


@register("an4", splits=tuple(_PARTS))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """CMU AN4, the census database (1991): spelled names, digits, numbers, dates and commands, 16 kHz."""
    root = find(SOURCE, source)
    return [
        Utterance(row["id"], row["text"], row["speaker"], FileRecording(str(root / row["path"])))
        for row in manifest("an4")
        if row["split"] in _PARTS[split]
    ]
