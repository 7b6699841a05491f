"""The ten digits by 28 synthetic voices, 16 kHz: they come with the package, so no download and no network is needed.

Spoken by Kokoro-82M (hexgrad, Apache-2.0), each voice once or twice a digit. The splits share no voice: 18 voices are
`train`, 4 `validation`, 6 `test`. Enough to try every command; synthetic voices say little about people.
"""

from pathlib import Path

from zoo.audio import samples_folder
from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source, manifest

SOURCE = Source(
    name="bundled_digits",
    url="",
    archives=("bundled_digits.zip",),
    markers=("bundled_digits/0_af_alloy_0.opus",),
    largest=2**24,
)


def archive() -> Path:
    """Returns the archive that comes with the package."""
    return samples_folder() / SOURCE.archives[0]


@register("bundled_digits", splits=("train", "validation", "test", "all"))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """Bundled digits: zero to nine by 28 synthetic voices, 16 kHz; in the package, no download."""
    root = find(SOURCE, source or archive())
    return [
        Utterance(row["id"], row["text"], row["speaker"], FileRecording(str(root / row["path"])))
        for row in manifest("bundled_digits")
        if split in ("all", row["split"])
    ]
