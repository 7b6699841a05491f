"""Spoken words that are not numbers, cut out of the utterances of AN4 and speechocean762, 16 kHz.

Made as `spoken_digits` was, with the same speakers in the same splits, and verified by no listener: letters and
commands of AN4, short words of speechocean762. Only words of `synthetic_words` to whose letters the alignment with the
shipped `lstm_ctc` gave a confidence of at least 0.1; that model hardly knows the words of sentences, so few are here.

Licences are those of an4 and speechocean762: both free for any use.
"""

from pathlib import Path

from zoo.datasets import Utterance, register
from zoo.datasets.spoken_digits import cut_words


@register("spoken_words", splits=("train", "validation", "test"))
def utterances(split: str, source: str | Path | None = None) -> list[Utterance]:
    """Spoken words that are not numbers, cut out of AN4 and speechocean762, 16 kHz.

    `source` is a folder that holds both corpora.
    """
    return cut_words("spoken_words", split, source)
