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
    """Utterances as a model learns them. `corpus[i]` is the sound of utterance i, (samples,) float32.

    Args:
        utterances: What `zoo.datasets.load` gives.
        model: The model, which knows what it should say of each utterance.

    Attributes:
        names: Identifiers.
        targets: What the model should say of each utterance: its text, or who speaks.
        ids: Label ids of the targets; [] where the sound itself is what is learnt.
        lengths: Samples at the model's rate.

    Raises:
        DataError: If a target is not known, or not in the model's vocabulary.

    >>> import zoo
    >>> clips = zoo.datasets.load("folder", "all", source=zoo.audio.bundled("seven").parent / "samples.csv")
    >>> Corpus(clips, zoo.load("lstm_ctc", weights=None)).targets[0]
    'three four zero one two seven one'
    """

    def __init__(self, utterances: Sequence[Utterance], model: SpeechModel):
        self.sample_rate = model.config.sample_rate
        self.targets = model.targets(utterances, model.config)
        self.ids = [model.encode_target(target) for target in self.targets]
        self.names = [utterance.id for utterance in utterances]
        self.lengths, self._sounds, held = [], [], 0
        for utterance in utterances:
            seconds = getattr(utterance.recording, "seconds", None)
            if seconds is None or held < IN_MEMORY * self.sample_rate:
                sound = to_int16(utterance.audio(self.sample_rate))
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
            return to_float(sound)
        return sound.audio(self.sample_rate)[: self.lengths[i]]  # not longer than the batch was made for

    @property
    def minutes(self) -> float:
        """Duration of all utterances."""
        return sum(self.lengths) / self.sample_rate / 60

    def drop(self, indices: set[int]) -> None:
        """Forgets some utterances."""
        for field in ("names", "targets", "ids", "lengths", "_sounds"):
            setattr(self, field, [value for i, value in enumerate(getattr(self, field)) if i not in indices])


def load_corpora(
    model: SpeechModel, data: Sequence[str | DataSpec], split: str = "train", log: Callable[[str], None] = print
) -> dict[str, Corpus]:
    """Loads data sets for a model.

    Clips longer than the model takes are left out, as are those too short for their transcripts.

    Args:
        model: The model.
        data: Data sets, such as "an4:train".
        split: Split of those that name none.
        log: Called with a line about each set, and about what was left out.

    Returns:
        Name of the set -> Corpus.

    Raises:
        DataError: If a set is empty or does not fit the model.
    """
    corpora = {}
    for spec in data:
        spec = DataSpec.parse(spec, split) if isinstance(spec, str) else spec
        corpus = Corpus(spec.load(), model)
        longest = model.max_seconds * corpus.sample_rate
        _leave_out(corpus, lambda i, c=corpus, n=longest: c.lengths[i] > n, f"{spec}: left out clips too long", log)
        hurried = _leave_out(
            corpus, lambda i, c=corpus: not _fits(model, c, i), f"{spec}: left out clips too short", log
        )
        if hurried > 0.02 * (len(corpus) + hurried):  # more than a few are an error in the data
            raise DataError(
                f"`data` must have at least one frame for each letter, as CTC needs; in {spec}, {hurried} of "
                f"{len(corpus) + hurried} utterances are too short for their transcripts."
            )
        if not len(corpus):
            raise DataError(
                f"`data` must hold utterances that {model.display_name} takes. Received: {spec}, without any."
            )
        log(f"{spec}: {len(corpus)} utterances, {corpus.minutes:.1f} minutes")
        corpora[str(spec)] = corpus
    return corpora


def _fits(model: SpeechModel, corpus: Corpus, i: int) -> bool:
    return model.n_frames(corpus.lengths[i]) >= model.min_frames(corpus.ids[i])


def _leave_out(corpus: Corpus, unfit: Callable[[int], bool], what: str, log: Callable[[str], None]) -> int:
    """Drops the utterances that are unfit, says so, and returns their number."""
    found = [i for i in range(len(corpus)) if unfit(i)]
    if found:
        names = ", ".join(corpus.names[i] for i in found[:5])
        log(f"{what}, {len(found)} of {len(corpus)} ({names}{', ...' if len(found) > 5 else ''})")
        corpus.drop(set(found))
    return len(found)


def load_noises(sample_rate: int, log: Callable[[str], None] = print) -> list[np.ndarray]:
    """Loads recorded noise for augmentation at a rate in hertz; [] where it is not at hand, for white noise."""
    try:
        return [resample(clip, noise.RATE, sample_rate) for clip in noise.load_noise("train")]
    except ZooError as error:
        log(f"White noise takes the place of recorded noise: {error}")
        return []


def to_int16(samples: np.ndarray) -> np.ndarray:
    """A clip in a quarter of the memory of double precision."""
    return np.round(samples * 32767).astype("int16")


def to_float(sound: np.ndarray) -> np.ndarray:
    """(samples,) float32 of what `to_int16` gave."""
    return sound.astype("float32") / 32767
