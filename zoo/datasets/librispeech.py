"""LibriSpeech: a thousand hours of audiobooks read aloud, 16 kHz, in the seven official subsets.

A subset is a split here. `train-clean-100` is 6.3 GB and 100 hours, `dev-clean` and `test-clean` 0.3 GB and five hours
each; "other" voices are harder.

Source: V. Panayotov, G. Chen, D. Povey, S. Khudanpur, "LibriSpeech: an ASR corpus based on public domain audio books",
ICASSP 2015; https://www.openslr.org/12, CC BY 4.0.
"""

from pathlib import Path

from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source
from zoo.errors import DataError
from zoo.text import normalise

URL = "https://www.openslr.org/resources/12/{}.tar.gz"
MD5 = {  # the publisher's md5sum.txt
    "train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
    "dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "test-other": "fb5a50374b501bb3bac4815ee91d3135",
}


@register("librispeech", splits=tuple(MD5))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """LibriSpeech: a thousand hours of audiobooks read aloud, 16 kHz, in the seven official subsets."""
    subset = Source(
        name=f"librispeech-{split}",
        url=URL.format(split),
        archives=(f"{split}.tar.gz", f"LibriSpeech/{split}.tar.gz"),
        markers=(split,),
        known_hash=f"md5:{MD5[split]}",
        largest=64 * 2**30,
    )
    if source is not None and Path(source).name == split:  # the folder of the subset itself
        source = Path(source).absolute().parent
    root = find(subset, source) / split
    found = []
    for transcript in sorted(root.glob("*/*/*.trans.txt")):
        for line in transcript.read_text(encoding="utf-8").splitlines():
            key, _, text = line.partition(" ")
            path = transcript.with_name(f"{key}.flac")
            found.append(Utterance(key, normalise(text), key.split("-")[0], FileRecording(str(path))))
    there = {path.stem for path in root.glob("*/*/*.flac")}
    missing = sorted({utterance.id for utterance in found} - there)
    if missing or not found:
        lost = f"{len(missing)} of {len(found)} recordings are missing: {', '.join(missing[:3])}"
        raise DataError(f"{root} is not the whole of {split}: {lost}.")
    return found
