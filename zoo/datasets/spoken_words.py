"""Spoken words that are no numbers, cut out of the utterances of AN4 and speechocean762, 16 kHz.

Made as `spoken_digits` was, with the same speakers in the same splits, and heard by nobody: letters and commands of AN4,
short words of speechocean762. Only words that `synthetic_words` has, to whose letters the alignment with the shipped
`lstm_ctc` gave at least LEAST_CONFIDENCE; that model hardly knows the words of sentences, so few of these are here.

Licences are those of an4 and speechocean762: both free for any use.
"""

from zoo.datasets import Utterance, register
from zoo.datasets.spoken_digits import cut_words

LEAST_CONFIDENCE = 0.1  # less than for digits: a cut that is a little off teaches still


@register("spoken_words", splits=("train", "validation", "test"))
def utterances(split, source=None) -> list[Utterance]:
    """Single words by the speakers of a split; `source` is a folder that holds both corpora."""
    return cut_words("spoken_words", split, source)
