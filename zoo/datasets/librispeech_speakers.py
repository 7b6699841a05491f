"""Voices of LibriSpeech: a reading of some twelve seconds by each of 251 people, and ten by each of ten others, 16 kHz.

Small enough for a class, and without transcripts: for models of voices. Readings are cut into pieces of `seconds`.

Source: the examples of https://github.com/resemble-ai/Resemblyzer, from LibriSpeech (Panayotov et al. 2015), CC BY 4.0.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from zoo.audio import duration
from zoo.datasets import CutRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source, recordings_in
from zoo.errors import DataError

FOLDERS = {"train": "librispeech_train-clean-100", "test": "librispeech_test-other"}
COUNTS = {"train": 251, "test": 100}  # recordings
SOURCE = Source(
    name="librispeech_speakers",
    url="https://github.com/resemble-ai/Resemblyzer/archive/refs/heads/master.zip",
    archives=("librispeech_speakers-opus.zip", "Resemblyzer-*.zip"),
    markers=tuple(FOLDERS.values()),
    known_hash="sha256:860ba310b8936638172d509b4b0aefc23520da816943eba6d149bad7f4d0ecce",
)


@register("librispeech_speakers", splits=tuple(FOLDERS), seconds="of a piece (3)")
def utterances(
    split: str, source: str | Path | None = None, seconds: Annotated[float, Field(gt=0.5, le=30)] = 3.0
) -> list[Utterance]:
    """Voices of LibriSpeech, without transcripts: pieces of readings by 251 people, and by ten others, 16 kHz."""
    folder = find(SOURCE, source) / FOLDERS[split]
    paths = recordings_in(folder)
    if len(paths) != COUNTS[split]:
        raise DataError(f"{folder} must have {COUNTS[split]} recordings. Received: {len(paths)}. Unpack it again.")
    found = []
    for path in paths:
        for i in range(int(duration(path) // seconds)):
            piece = CutRecording(str(path), i * seconds, (i + 1) * seconds)
            found.append(Utterance(f"{path.stem}/{i}", "", f"librispeech-{path.stem.split('-')[0]}", piece))
    return found
