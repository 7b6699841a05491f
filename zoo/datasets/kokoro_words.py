"""Words by neural voices: 36 English words by 28 voices of Kokoro-82M, 30 Mandarin words by 8 voices, one take each, 16 kHz.

The archive was made for this project and is not on the network; `synthetic_commands` with `engine=kokoro` makes more
of the English ones. No voice is in two splits.

Source: Kokoro-82M (see `zoo.datasets.speech_synthesis.kokoro`), Apache-2.0.
"""

import csv
from pathlib import Path
from typing import Literal

from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.commands import label
from zoo.datasets.manifests import Source
from zoo.datasets.speech_synthesis.kokoro import HELD_OUT

SOURCE = Source(
    name="kokoro_words",
    url="",
    archives=("kokoro_words-opus.zip",),
    markers=("words.csv",),
    known_hash="sha256:94725317f676553a05075b23242b170b2d85042bd4196ebb90ed1118f67bf389",
)
MANDARIN = {"validation": ("zf_xiaoyi",), "test": ("zm_yunyang",)}  # voices


@register(
    "kokoro_words",
    splits=("train", "validation", "test"),
    language="english or mandarin (english)",
    task="words; 12 or 35: classes of `commands` (words)",
)
def utterances(
    split: str,
    source: str | Path | None = None,
    language: Literal["english", "mandarin"] = "english",
    task: Literal["words", "12", "35"] = "words",
) -> list[Utterance]:
    """Words by neural voices: 36 English ones by 28 voices, 30 Mandarin ones by 8, 16 kHz."""
    root = find(SOURCE, source)
    held_out = HELD_OUT if language == "english" else MANDARIN
    voice_of = {voice: part for part, voices in held_out.items() for voice in voices}
    with open(root / "words.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith(language)]
    return [
        Utterance(
            Path(row["path"]).stem,
            row["text"] if task == "words" else label(row["text"], task),
            row["speaker"],
            FileRecording(str(root / row["path"])),
        )
        for row in rows
        if voice_of.get(row["speaker"], "train") == split
    ]
