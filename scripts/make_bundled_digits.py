"""Make data/samples/bundled_digits.zip and its manifest: the ten digits by 28 synthetic English voices.

    python scripts/make_bundled_digits.py kokoro_words-opus.zip

The archive given holds words spoken for this project by Kokoro-82M (Apache-2.0), as Opus, with words.csv (path, text,
speaker, speed). Every recording of a digit is taken as it is; the same archive makes the same bytes again.
"""

import csv
import hashlib
import io
import sys
import zipfile
from pathlib import Path

from zoo.datasets.fsdd import DIGITS

DATA = Path(__file__).parent.parent / "data"
NAME = "bundled_digits"
# Voices by part, each with women and men from the United States (a) and Britain (b); all others are in train.
HELD_OUT = {
    "test": ("af_river", "af_sarah", "am_onyx", "am_puck", "bf_lily", "bm_lewis"),
    "validation": ("af_kore", "am_liam", "bf_emma", "bm_daniel"),
}
LICENCE = """\
Ten English digits, spoken for the project speech-zoo by 28 synthetic voices of Kokoro-82M
(hexgrad, https://huggingface.co/hexgrad/Kokoro-82M, Apache License 2.0). No person was recorded.

These recordings are offered under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0
"""


def digits(archive: zipfile.ZipFile) -> tuple[list[dict[str, str]], dict[str, bytes]]:
    """The rows of the manifest, and path -> sound."""
    rows, sounds = [], {}
    for row in csv.DictReader(io.TextIOWrapper(archive.open("words.csv"), "utf-8")):
        if row["text"] not in DIGITS or not row["path"].startswith("english/"):
            continue
        digit, voice = DIGITS.index(row["text"]), row["speaker"]
        take = sum((other["text"], other["speaker"]) == (row["text"], voice) for other in rows)
        key = f"{digit}_{voice}_{take}"
        sounds[path := f"{NAME}/{key}.opus"] = sound = archive.read(row["path"])
        split = next((part for part, voices in HELD_OUT.items() if voice in voices), "train")
        rows.append(
            {"id": key, "split": split, "speaker": voice, "text": row["text"], "take": take, "speed": row["speed"]}
            | {"path": path, "sha256": hashlib.sha256(sound).hexdigest()}
        )
    return sorted(rows, key=lambda row: row["id"]), sounds


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as archive:
        rows, sounds = digits(archive)
    files = {"LICENSE.txt": LICENCE.encode()} | {row["path"]: sounds[row["path"]] for row in rows}
    with zipfile.ZipFile(DATA / "samples" / f"{NAME}.zip", "w") as out:  # stored: Opus does not get smaller
        for path, content in files.items():
            out.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), content)
    with open(DATA / "manifests" / f"{NAME}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} recordings by {len({row['speaker'] for row in rows})} voices")


if __name__ == "__main__":
    main()
