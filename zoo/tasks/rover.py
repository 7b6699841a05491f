"""What ensembles have in common, and the one that is no network: recognizers that vote on each word."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import numpy as np

from zoo import decoding
from zoo.audio import load_audio
from zoo.clips import one_or_many
from zoo.errors import DataError, ZooError
from zoo.metrics import word_errors
from zoo.tasks import doubt

STEPS = 10  # into which `tune_weights` divides 1


class Parts:
    """What all ensembles have: `models` and their `part_weights`."""

    @property
    def display_name(self) -> str:
        return "+".join(model.display_name for model in self.models)

    def tune_weights(self, audio: Sequence, targets: Sequence[str], sample_rate: int | None = None, **options):
        """The same models with the weights, in steps of a tenth, that make the fewest errors; of equal ones the most even.

        Args:
            audio: Clips that none of the models was trained on, as for `classify` or `transcribe`. A model that was looks
                better than it is.
            targets: What is said in each: labels or texts.
            sample_rate: Hz of arrays; files carry their own.
            **options: Of recognizers, what `decoder` takes.

        >>> import zoo
        >>> both = zoo.load("ds_cnn+conv2d_mini").tune_weights([zoo.audio.bundled("seven")], ["seven"])
        >>> both.part_weights
        (0.5, 0.5)
        """
        if len(audio) != len(targets) or not len(audio):
            given = f"{len(targets)} for {len(audio)} clips"
            raise DataError(f"`targets` must be one for each clip, at least one. Received: {given}.")
        errors = self._errors_by_weights(self.load_clips(audio, sample_rate), targets, **options)
        even = np.full(len(self.models), 1 / len(self.models))
        best = min(grid(len(self.models)), key=lambda w: (errors(w), float(np.abs(w - even).max())))
        return self._with_weights(best.tolist())


class Rover(Parts):
    """Recognizers of any vocabulary, frame or sample rate as one, by a vote on each word (`zoo.decoding.rover`).

    They may be of any kind that has `transcribe`, exported ones too. It is no network, so it cannot be trained, saved or exported.

    >>> import zoo
    >>> Rover([zoo.load("lstm_ctc"), zoo.load("lstm_ctc", runtime="litert")]).transcribe(zoo.audio.bundled("woman-us")).text
    'three four zero one two seven one'
    """

    task = "transcription"
    max_seconds = float("inf")  # each of them cuts recordings as it needs to

    def __init__(self, models: Sequence, weights: Sequence[float] | None = None):
        self.models = tuple(models)
        self.part_weights = checked_weights(self.models, weights)
        self.config = max((model.config for model in self.models), key=lambda config: config.sample_rate)

    def decoder(self, **options) -> list[Callable]:
        """The decoders of the models, as `Recognizer.decoder` makes them."""
        return [model.decoder(**options) for model in self.models]

    @one_or_many
    def transcribe(
        self,
        audio,
        sample_rate: int | None = None,
        batch_size: int = 16,
        log: Callable[[str], None] | None = None,
        **decoder,
    ):
        """As `Recognizer.transcribe`; options of the decoder are for all models. Half of the models can make it doubtful."""
        parts = zip(*self._transcripts(audio, sample_rate, batch_size, log, **decoder), strict=True)
        return [doubt.vote(self.display_name, decoding.rover(found, self.part_weights), found) for found in parts]

    def load_clips(self, audio: Sequence, sample_rate: int | None = None) -> list[np.ndarray]:
        """Clips (samples,) at the highest rate of the models. Raises AudioError where one is not audio."""
        return [load_audio(clip, self.config.sample_rate, sample_rate=sample_rate) for clip in audio]

    def _transcripts(self, audio, sample_rate, batch_size=16, log=None, **decoder) -> list[list]:
        clips, rate = self.load_clips(audio, sample_rate), self.config.sample_rate
        return [model.transcribe(clips, rate, batch_size, log, **decoder) for model in self.models]

    def _errors_by_weights(self, clips, targets, **options):
        found = list(zip(*self._transcripts(clips, self.config.sample_rate, **options), strict=True))
        pairs = list(zip(targets, found, strict=True))
        return lambda weights: sum(word_errors(text, decoding.rover(parts, weights).text) for text, parts in pairs)

    def _with_weights(self, weights):
        return Rover(self.models, weights)


def checked_weights(models: tuple, weights: Sequence[float] | None) -> tuple[float, ...]:
    """Weights with sum 1. Raises ZooError."""
    values = np.ones(len(models)) if weights is None else np.asarray(weights, "float64")
    if values.shape != (len(models),) or not (np.isfinite(values).all() and values.min() >= 0 and values.sum() > 0):
        raise ZooError(f"`weights` must be one for each model, none below 0 and one above. Received: {weights}.")
    return tuple((values / values.sum()).tolist())


def grid(n: int) -> Iterator[np.ndarray]:
    """All weights of n models in steps of 1 / STEPS, with sum 1."""
    for bars in combinations(range(STEPS + n - 1), n - 1):
        edges = np.array([-1, *bars, STEPS + n - 1])
        yield (np.diff(edges) - 1) / STEPS
