"""FSDD, the Free Spoken Digit Dataset: ten digits, six speakers, fifty takes of each, 8 kHz.

The official split (takes 0-4 test, 5-49 train) shares its speakers; the honest, hard one is leave-one-speaker-out:
`loso-george-train` is the five others, `loso-george-test` all of george. To choose settings without a look at the test,
`fit` and `validation` are the training takes 10-49 and 5-9.

Source: Z. Jackson et al., https://github.com/Jakobovski/free-spoken-digit-dataset (2018), CC BY-SA 4.0.
"""

from pathlib import Path

from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source, manifest

COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
SOURCE = Source(
    name="fsdd",
    url=f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{COMMIT}.zip",
    archives=("free-spoken-digit-dataset.zip", "free-spoken-digit-dataset-*.zip", "fsdd.zip", f"{COMMIT}.zip"),
    markers=("recordings/0_george_0.wav", "recordings/9_yweweler_49.wav"),
)
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TAKES = 50  # of each digit by each speaker
OFFICIAL = {"train": range(5, 50), "test": range(0, 5), "fit": range(10, 50), "validation": range(5, 10)}  # takes
LOSO_SPLITS = tuple(f"loso-{speaker}-{part}" for speaker in SPEAKERS for part in ("train", "test"))


def loso(split: str) -> tuple[str, ...]:
    """Returns the speakers of a split such as `loso-george-train` (the five others) or `loso-george-test`."""
    _, held_out, part = split.split("-")
    return tuple(speaker for speaker in SPEAKERS if (speaker == held_out) == (part == "test"))


def recording_path(root: Path, digit: int | str, speaker: str, take: int | str) -> str:
    """Returns the file of one take, as FSDD names it."""
    return str(root / "recordings" / f"{digit}_{speaker}_{take}.wav")


def rows(split: str) -> list[dict[str, str]]:
    """Returns the rows of the manifest that are in a split."""
    speakers = loso(split) if split in LOSO_SPLITS else SPEAKERS
    takes = OFFICIAL.get(split, range(TAKES))
    return [row for row in manifest("fsdd") if row["speaker"] in speakers and int(row["take"]) in takes]


@register("fsdd", splits=(*OFFICIAL, *LOSO_SPLITS))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """FSDD, the Free Spoken Digit Dataset: ten digits, six speakers, fifty takes of each, 8 kHz."""
    root = find(SOURCE, source)
    return [
        Utterance(row["id"], row["text"], row["speaker"], FileRecording(str(root / row["path"]))) for row in rows(split)
    ]
