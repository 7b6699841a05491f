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
from zoo.datasets.manifests import Source, manifest, recordings

SOURCE = Source(
    name="librispeech_speakers",
    url="https://github.com/resemble-ai/Resemblyzer/archive/refs/heads/master.zip",
    archives=("librispeech_speakers-opus.zip", "Resemblyzer-*.zip"),
    markers=("librispeech_train-clean-100",),
    patterns=("librispeech_*/*", "librispeech_*/*/*"),
)


@register("librispeech_speakers", splits=("train", "test"), seconds="of a piece (3)")
def utterances(
    split: str, source: str | Path | None = None, seconds: Annotated[float, Field(gt=0.5, le=30)] = 3.0
) -> list[Utterance]:
    """Voices of LibriSpeech, without transcripts: pieces of readings by 251 people, and by ten others, 16 kHz."""
    files, found = recordings(SOURCE, find(SOURCE, source)), []
    for row in (row for row in manifest(SOURCE.name) if row["split"] == split):
        path = files[row["id"]]
        for i in range(int(duration(path) // seconds)):
            piece = CutRecording(str(path), i * seconds, (i + 1) * seconds)
            found.append(Utterance(f"{row['id']}/{i}", "", f"librispeech-{row['speaker']}", piece))
    return found
