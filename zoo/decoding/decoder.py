"""Which decoder, with which settings: a function from the logits of an utterance to its Transcript."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature

from zoo import language
from zoo.decoding.alignment import align
from zoo.decoding.beam_search import beam_search
from zoo.decoding.combination import joint_decoder
from zoo.decoding.greedy import greedy
from zoo.decoding.transcripts import Transcript
from zoo.errors import ZooError, unknown_name
from zoo.presets import resolve
from zoo.text import Vocabulary


def make_decoder(
    vocabulary: Vocabulary,
    frame_seconds: float,
    decoder: str | None = None,
    language_model: "str | language.LanguageModel | None" = None,
    prior: Sequence[float] = (),
    tuned: Mapping[str, Mapping[str, float]] | None = None,
    networks: Sequence[float] = (),
    **options,
) -> Callable[..., Transcript]:
    """Make a function (logits (frames, symbols), seconds) -> Transcript.

    Args:
        vocabulary: Characters that the model writes.
        frame_seconds: Seconds from one frame of the logits to the next.
        decoder: "greedy" (the default without options) or "beam".
        language_model: Name of a language model ("a+b" is the mixture of two), or a LanguageModel.
        prior: (symbols,) probability of each symbol in any frame; () if it was not measured.
        tuned: Name of a language model -> weights of the search that were tuned for it, as on a card.
        networks: Weights of the networks of an ensemble, whose logits lie side by side; they are always searched.
        **options: What `beam_search` takes; they count more than what was tuned.

    Raises:
        UnknownNameError: For an unknown decoder or option.
        ZooError: For options of greedy decoding, which has none, or a language model that is none.

    >>> import numpy as np
    >>> decode = make_decoder(Vocabulary("ab"), 0.03)
    >>> decode(np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]), 0.09).text
    'ab'
    """
    given = [*options, *(["language_model"] if language_model is not None else [])]
    decoder = decoder or ("beam" if given or len(networks) else "greedy")
    if decoder not in ("greedy", "beam"):
        raise unknown_name("decoder", decoder, ("greedy", "beam"))
    if decoder == "greedy":
        if given:
            raise ZooError(f"`{given[0]}` must be left out of greedy decoding, which has no options.")
        if len(networks):
            raise ZooError("`decoder` must be 'beam' for an ensemble of recognizers. Received: greedy.")
        return lambda logits, seconds: greedy(logits[None], [len(logits)], vocabulary, frame_seconds, [seconds])[0]
    search = search_options(language_model, prior, tuned or {}, **options)
    if len(networks):
        return joint_decoder(vocabulary, frame_seconds, networks, search)

    def decode(logits, seconds):
        found = beam_search(logits, vocabulary, **search)
        transcript = align(logits, found[0].ids, vocabulary, frame_seconds, seconds)
        return replace(transcript, alternatives=tuple((other.text, other.score) for other in found[1:]))

    return decode


def tuned_weights(language_model: str, tuned: Mapping[str, Mapping[str, float]], prior: Sequence[float]) -> dict:
    """Return alpha, word_bonus and, where priors were measured, prior_scale as tuned for a language model; {} if never."""
    if language_model.endswith(tuple(language.SUFFIXES)):  # nothing was tuned for a file
        return {}
    weights = tuned.get("+".join(resolve(part) for part in language_model.split("+")), {})
    return {weight: value for weight, value in weights.items() if weight != "prior_scale" or len(prior)}


def search_options(language_model=None, prior: Sequence[float] = (), tuned: Mapping | None = None, **options) -> dict:
    """Return all arguments of a beam search; those of this function are as for `make_decoder`."""
    valid = list(signature(beam_search).parameters)[2:]
    for name in options:
        if name not in valid:
            raise unknown_name("option of beam search", name, valid)
    if isinstance(language_model, str):
        options = tuned_weights(language_model, tuned or {}, prior) | options
        language_model = language.load(language_model)
    elif not (language_model is None or isinstance(language_model, language.LanguageModel)):
        raise ZooError(f"`language_model` must be a name or a LanguageModel. Received: {language_model!r:.100}.")
    if isinstance(options.get("lexicon"), Iterator):  # which gives its words once, and there may be many clips
        options["lexicon"] = list(options["lexicon"])
    if options.get("prior_scale"):
        options = {"prior": prior or None} | options
    return options | {"language_model": language_model}
