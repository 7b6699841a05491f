"""Utterances ready to learn from or to validate on: targets, label ids, and the sound, in memory as far as it fits."""

from collections.abc import Callable, Sequence

import numpy as np

from zoo.audio import resample
from zoo.datasets import Utterance, noise
from zoo.datasets.spec import DataSpec
from zoo.errors import DataError, ZooError
from zoo.tasks import SpeechModel

# Seconds of a set that are kept in memory, 2.3 GB at 16 kHz; what is more is read from disk when a batch needs it.
IN_MEMORY = 20 * 3600


class Corpus:
    """Utterances, as `zoo.datasets.load` gives them, with what a model learns of each.

    `corpus[i]` is the sound of utterance i, (samples,) float32. DataError for a target that the model cannot say.

    >>> import zoo
    >>> clips = zoo.datasets.load("folder", "all", source=zoo.audio.bundled("seven").parent / "samples.csv")
    >>> Corpus(clips, zoo.load("lstm_ctc", weights=None)).targets[0]
    'three four zero one two seven one'
    """

    def __init__(self, utterances: Sequence[Utterance], model: SpeechModel):
        self.sample_rate = model.config.sample_rate
        self.names = [utterance.id for utterance in utterances]
        self.targets = model.targets(utterances, model.config)  # what the model should say: the text, or who speaks
        self.ids = [model.encode_target(target) for target in self.targets]  # [] where the sound is the target
        self.lengths, self._sounds, held = [], [], 0  # in samples at the model's rate
        for utterance in utterances:
            seconds = getattr(utterance.recording, "seconds", None)
            if seconds is None or held < IN_MEMORY * self.sample_rate:
                # A quarter of the memory of double precision.
                sound = np.round(utterance.audio(self.sample_rate) * 32767).astype("int16")
                length = len(sound)
                held += length
            else:
                sound, length = utterance, int(seconds() * self.sample_rate)
            self.lengths.append(length)
            self._sounds.append(sound)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, i: int) -> np.ndarray:
        sound = self._sounds[i]
        if isinstance(sound, np.ndarray):
            return sound.astype("float32") / 32767
        return sound.audio(self.sample_rate)[: self.lengths[i]]  # not longer than the batch was made for

    def drop(self, indices: Sequence[int]) -> None:
        """Forgets some utterances."""
        for field in ("names", "targets", "ids", "lengths", "_sounds"):
            setattr(self, field, [value for i, value in enumerate(getattr(self, field)) if i not in indices])


def load_corpora(
    model: SpeechModel, data: Sequence[str | DataSpec], split: str = "train", log: Callable[[str], None] = print
) -> dict[str, Corpus]:
    """Loads data sets such as "an4:train" for a model: name of the set -> Corpus. `split` is that of those that name none.

    Clips longer than the model takes are left out, as are a few too short for their transcripts; `log` is called with a line
    about that and about each set. DataError for a set that is empty or does not fit the model.
    """
    corpora = {}
    for spec in data:
        spec = DataSpec.parse(spec, split) if isinstance(spec, str) else spec
        corpus = Corpus(spec.load(), model)
        longest = model.max_seconds * corpus.sample_rate
        too_long = [i for i, length in enumerate(corpus.lengths) if length > longest]
        _leave_out(corpus, too_long, f"{spec}: left out clips too long", log)
        pairs = zip(corpus.lengths, corpus.ids, strict=True)
        hurried = [i for i, (length, ids) in enumerate(pairs) if model.n_frames(length) < model.min_frames(ids)]
        if len(hurried) > 0.02 * len(corpus):  # more than a few are an error in the data
            found = f"in {spec}, {len(hurried)} of {len(corpus)} utterances are too short for their transcripts"
            raise DataError(f"`data` must have at least one frame for each letter, as CTC needs; {found}.")
        _leave_out(corpus, hurried, f"{spec}: left out clips too short", log)
        if not len(corpus):
            rule = f"utterances that {model.display_name} takes"
            raise DataError(f"`data` must hold {rule}. Received: {spec}, without any.")
        log(f"{spec}: {len(corpus)} utterances, {sum(corpus.lengths) / corpus.sample_rate / 60:.1f} minutes")
        corpora[str(spec)] = corpus
    return corpora


def _leave_out(corpus: Corpus, unfit: Sequence[int], what: str, log: Callable[[str], None]) -> None:
    """Drops the utterances that are unfit, and says so."""
    if unfit:
        names = ", ".join(corpus.names[i] for i in unfit[:5])
        log(f"{what}, {len(unfit)} of {len(corpus)} ({names}{', ...' if len(unfit) > 5 else ''})")
        corpus.drop(unfit)


def load_noises(sample_rate: int, log: Callable[[str], None] = print) -> list[np.ndarray]:
    """Loads recorded noise for augmentation at a rate in hertz; [] where it is not at hand, for white noise."""
    try:
        return [resample(clip, noise.RATE, sample_rate) for clip in noise.load_noise("train")]
    except ZooError as error:
        log(f"White noise takes the place of recorded noise: {error}")
        return []
