"""Spoken digits, and other single words, cut out of the utterances of AN4 and speechocean762, 16 kHz.

Digits by 156 people who are not in FSDD: adults (AN4), and learners of English, many of them children
(speechocean762). Most were said in running speech ("sixty eight"), so a cut begins and ends as its neighbours left it.
The splits are those of the two corpora; `test` is AN4's official test half.

The cuts are a published list (data/manifests/spoken_digits.csv), made by forced alignment with the shipped `lstm_ctc`
and `cut_times` in scripts/make_manifests.py, and verified by no listener; data/README.md says how exact they are.

`spoken_words` was made in the same way: letters and commands of AN4, short words of speechocean762. Only words of
`synthetic_words` with a confidence of at least 0.1; `lstm_ctc` recognizes few words of sentences, so few are here.

Licences are those of an4 and speechocean762: both free for any use.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from zoo.datasets import CutRecording, Utterance, an4, register, speechocean762
from zoo.datasets.commands import label
from zoo.datasets.manifests import manifest

CORPORA = {"an4": an4, "speechocean762": speechocean762}


@register("spoken_digits", splits=("train", "validation", "test"))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """Spoken digits: the words zero to nine, cut out of the utterances of AN4 and speechocean762, 16 kHz."""
    return _cut_words("spoken_digits", split, source)


@register(
    "spoken_words",
    splits=("train", "validation", "test"),
    task="words; 12 or 35: classes of `commands` (words)",
    words="only these words, joined by + (all)",
)
def spoken_words(
    split: str, source: str | Path | None = None, task: Literal["words", "12", "35"] = "words", words: str = ""
) -> list[Utterance]:
    """Spoken words that are not numbers, cut out of AN4 and speechocean762, 16 kHz."""
    found = [cut for cut in _cut_words("spoken_words", split, source) if not words or cut.text in words.split("+")]
    return found if task == "words" else [replace(word, text=label(word.text, task)) for word in found]


def _cut_words(name: str, split: str, source: str | Path | None) -> list[Utterance]:
    """Returns the words of one split of a published list of cuts; `source` is a folder that holds both corpora."""
    rows = [row for row in manifest(name) if row["split"] == split]
    whole = {
        (corpus, utterance.id): utterance
        for corpus in CORPORA
        if any(row["corpus"] == corpus for row in rows)  # nothing is fetched for a split that has none of it
        for utterance in CORPORA[corpus].utterances(split, source)
    }
    return [
        Utterance(
            f"{row['corpus']}/{row['id']}/{row['word']}",
            row["text"],
            f"{row['corpus']}-{row['speaker']}",
            CutRecording(whole[row["corpus"], row["id"]].recording.path, float(row["start"]), float(row["end"])),
        )
        for row in rows
    ]
