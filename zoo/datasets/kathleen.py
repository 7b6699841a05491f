"""kathleen: 1,620 sentences of CMU Arctic's prompts read by one woman from the United States, 1.4 hours, 16 kHz.

A prompt that was read several times lies in one split. The official layout (data/*.wav) and a re-encoded one
(data/*.opus) are both read, so there is no checksum of the sound.

Source: https://github.com/rhasspy/dataset-voice-kathleen, CC0 1.0; the prompts of J. Kominek and A. Black, "The CMU
Arctic speech databases", SSW5 2004.
"""

from pathlib import Path

from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source, manifest, recordings

SOURCE = Source(
    name="kathleen",
    url="https://github.com/rhasspy/dataset-voice-kathleen/archive/refs/heads/master.zip",
    archives=("kathleen-opus.zip", "dataset-voice-kathleen-*.zip"),
    markers=("data/arctic_a0001_1592748574.txt",),
    patterns=("data/*.*",),
)


@register("kathleen", splits=("train", "validation", "test"))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """Kathleen: sentences of novels (CMU Arctic's prompts) read by one woman from the United States, 16 kHz."""
    files = recordings(SOURCE, find(SOURCE, source))
    return [
        Utterance(row["id"], row["text"], "kathleen", FileRecording(str(files[row["id"]])))
        for row in manifest(SOURCE.name)
        if row["split"] == split
    ]
