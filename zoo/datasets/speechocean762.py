"""speechocean762: read sentences and digit strings by Mandarin-speaking learners of English, children too, 16 kHz.

2,500 utterances by 125 speakers (the training half). Validation is 12 of them, fixed in the manifest; `train` leaves
them out, `train_all` has all. The digit strings are all by children of 6 to 9 years. The official layout
(WAVE/SPEAKER0001/*.WAV) and a re-encoded one (audio/*.opus) are both read, so there is no checksum of the sound.

Source: J. Zhang et al., "speechocean762: an open-source non-native English speech corpus for pronunciation
assessment", Interspeech 2021; https://github.com/jimbozhang/speechocean762, free for any use.
"""

from pathlib import Path

from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source, manifest, recordings

COMMIT = "613968e3b0b789fc33936fb5eba1973176ba7d11"
SOURCE = Source(
    name="speechocean762",
    url=f"https://github.com/jimbozhang/speechocean762/archive/{COMMIT}.zip",
    archives=("speechocean762-train-opus.zip", "speechocean762-*.zip", "speechocean762*.tar.gz", f"{COMMIT}.zip"),
    markers=("train/spk2gender", "spk2gender"),
    patterns=("audio/*.*", "WAVE/*/*.*"),
)
DIGIT_WORDS = frozenset("oh o zero one two three four five six seven eight nine".split())
_PARTS = {"train": {"train"}, "validation": {"validation"}, "train_all": {"train", "validation"}}


@register("speechocean762", splits=tuple(_PARTS), digits_only="keep only the strings of digits (False)")
def utterances(split: str, source: str | Path | None = None, digits_only: bool = False) -> list[Utterance]:
    """speechocean762: read sentences and digit strings by Mandarin-speaking learners of English, children too, 16 kHz."""
    root = find(SOURCE, source)
    files = recordings(SOURCE, root)
    return [
        Utterance(row["id"], row["text"], row["speaker"], FileRecording(str(files[row["id"]])))
        for row in manifest("speechocean762")
        if row["split"] in _PARTS[split] and (not digits_only or set(row["text"].split()) <= DIGIT_WORDS)
    ]
