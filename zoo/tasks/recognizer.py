"""Recognizers: what is said, in characters, and where."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import signature

import keras
import numpy as np

from zoo import decoding, language
from zoo.audio import check_rate, load_audio
from zoo.errors import DataError, ZooError, unknown_name
from zoo.losses import ctc_loss, frames_needed
from zoo.metrics import word_errors
from zoo.presets import find_card, resolve
from zoo.tasks import pauses, segments, streaming
from zoo.tasks.base import SpeechModel
from zoo.tasks.batches import one_or_many
from zoo.tasks.targets import label_ids
from zoo.text import Vocabulary

SPANS = 64  # clips, or spans of long ones, that are heard before any is decoded


@keras.saving.register_keras_serializable("zoo")
class Recognizer(SpeechModel):
    """Writes what is said. Trained with CTC.

    Outputs: {"logits": (batch, frames, symbols), "lengths": (batch,) int32 frames}. `fit` takes label ids (batch, label) as y,
    padded on the right with 0.

    >>> import zoo
    >>> zoo.load("lstm_ctc").transcribe(zoo.audio.bundled("woman-us")).text
    'three four zero one two seven one'
    """

    task = "transcription"
    metric = "wer"
    frames = {"logits": "lengths"}
    learns_silence = True

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters that it writes; id 0 is the blank."""
        return Vocabulary(self.config.vocabulary)

    @classmethod
    def check_config(cls, config) -> None:
        if not 0 < len(config.vocabulary) == len(set(config.vocabulary)):
            raise ZooError(f"`vocabulary` must be distinct characters. Received: {config.vocabulary!r:.100}.")

    def utterance_losses(self, x, y, outputs):
        return ctc_loss(y, outputs["logits"], outputs["lengths"])

    def encode_target(self, target: str) -> list[int]:
        return self.vocabulary.encode(target)

    def check_target(self, x, y):
        lengths = x.get("lengths") if isinstance(x, dict) else None
        if lengths is None:
            waveform = x["waveform"] if isinstance(x, dict) else x
            lengths = [np.shape(waveform)[1]] * len(waveform) if len(np.shape(waveform)) == 2 else ()
        return label_ids(y, self.vocabulary, [self.n_frames(int(length)) for length in lengths])

    def min_frames(self, label_ids) -> int:
        return frames_needed(label_ids)

    def utterance_errors(self, outputs, targets, clean) -> list[tuple[int, int]]:
        """(word errors of greedy decoding, words) of each utterance."""
        found = decoding.greedy(outputs["logits"], outputs["lengths"], self.vocabulary, 1.0)
        pairs = zip(targets, (transcript.text for transcript in found), strict=True)
        return [(word_errors(target, text), len(target.split())) for target, text in pairs]

    @staticmethod
    def mean_error(errors) -> float:
        wrong, words = np.sum(errors, axis=0)
        return 100 * float(wrong) / max(1, int(words))

    @one_or_many
    def transcribe(
        self,
        audio,
        sample_rate: int | None = None,
        batch_size: int = 16,
        log: Callable[[str], None] | None = None,
        **decoder,
    ):
        """Writes down what is said: a `Transcript` (.text, .words with seconds and confidence, .confidence), or a list.

        A recording longer than `config.segment_seconds` is cut at pauses (`zoo.tasks.segments` says how) and joined again; it has
        no `alternatives`.

        Args:
            audio: Path, binary file or array (samples,) or (samples, channels); or a list of such.
            sample_rate: Hz of the arrays; files carry their own.
            batch_size: Clips, or spans of a long one, at a time.
            log: Called with lines of progress where there are many spans, and at the end with an empty one.
            **decoder: What `decoder` takes: `decoder="beam"`, `language_model="ngram_lm"`, `beam_width=16`, ...
        """
        decode, clips = self.decoder(**decoder), self.load_clips(audio, sample_rate)
        rate, most = self.config.sample_rate, self.config.segment_seconds
        spans = [(i, span) for i, clip in enumerate(clips) for span in pauses.cut(clip, rate, most)]
        heard = [([], []) for _ in clips]  # transcripts, and where they are
        for start in range(0, len(spans), SPANS):  # so that the logits of an hour are never in memory together
            group = [(i, *place) for i, places in spans[start : start + SPANS] for place in places]
            logits = iter(
                self.logits([clips[i][round(a * rate) : round(b * rate)] for i, a, b in group], rate, batch_size)
            )
            for i, places in spans[start : start + SPANS]:
                # A padded batch is decoded clip by clip, so each has its own true length.
                found = [next(logits) for _ in places]
                best = segments.surest(found)
                heard[i][0].extend(decode(rows, b - a) for rows, (a, b) in zip(found[best], places[best], strict=True))
                heard[i][1].extend(places[best])
            if log and len(spans) > SPANS:
                done = min(start + SPANS, len(spans))
                log(f"{done} of {len(spans)} utterances" if done < len(spans) else "")
        return [segments.join(*found, len(clip) / rate) for found, clip in zip(heard, clips, strict=True)]

    def decoder(self, decoder: str | None = None, language_model=None, **options) -> Callable:
        """A function (logits (frames, symbols), seconds) -> Transcript.

        Args:
            decoder: "greedy" (the default without options) or "beam".
            language_model: Name of a language model ("a+b" is the mixture of two), or a `zoo.language.LanguageModel`.
            **options: What `decoding.beam_search` takes: beam_width, alpha, word_bonus, prior_scale (those tuned for the two
                models, on the card, unless given), prior (the card's), lexicon, token_min_logp, n_best.
        """
        given = [*options, *(["language_model"] if language_model is not None else [])]
        decoder = decoder or ("beam" if given else "greedy")
        if decoder not in ("greedy", "beam"):
            raise unknown_name("decoder", decoder, ("greedy", "beam"))
        if decoder == "greedy" and given:
            raise ZooError(f"`{given[0]}` must be left out of greedy decoding, which has no options.")
        options = self._beam_options(language_model, options) if decoder == "beam" else {}
        seconds, vocabulary = self.config.frame_seconds, self.vocabulary

        def decode(logits, duration):
            if decoder == "greedy":
                return decoding.greedy(logits[None], [len(logits)], vocabulary, seconds, [duration])[0]
            found = decoding.beam_search(logits, vocabulary, **options)
            transcript = decoding.align(logits, found[0].ids, vocabulary, seconds, duration)
            return replace(transcript, alternatives=tuple((other.text, other.score) for other in found[1:]))

        return decode

    def _beam_options(self, language_model, options: dict) -> dict:
        """All arguments of a beam search, with what the card says of the language model. Raises ZooError."""
        valid = list(signature(decoding.beam_search).parameters)[2:]
        for name in options:
            if name not in valid:
                raise unknown_name("option of beam search", name, valid)
        if isinstance(language_model, str):
            options = self.tuned(language_model) | options
            language_model = language.load(language_model)
        elif not (language_model is None or isinstance(language_model, language.LanguageModel)):
            raise ZooError(f"`language_model` must be a name or a LanguageModel. Received: {language_model!r:.100}.")
        if isinstance(options.get("lexicon"), Iterator):  # which gives its words once, and there may be many clips
            options["lexicon"] = list(options["lexicon"])
        if options.get("prior_scale"):
            options = {"prior": self.prior or None} | options
        return options | {"language_model": language_model}

    def frame_logits(self, samples: np.ndarray) -> np.ndarray:
        """Logits (frames, symbols) of a recording (samples,) at the model's rate, of any length.

        A recording longer than `config.segment_seconds` is heard span by span; what lies between spans is blank.
        """
        rate, step = self.config.sample_rate, self.config.hop_length * self.config.stride
        spans = [places[0] for places in pauses.cut(samples, rate, self.config.segment_seconds)]
        starts = [int(start * rate) // step for start, _ in spans]  # where the whole has a frame too
        ends = [round(end * rate) for _, end in spans]
        clips = [samples[start * step : end] for start, end in zip(starts, ends, strict=True)]
        return segments.lay(self.logits(clips, rate), starts, self.n_frames(len(samples)), len(self.vocabulary))

    def align(self, audio, text: str, sample_rate: int | None = None, name: str = "the clip"):
        """Finds where in a clip each word of a known text is said: a `Transcript` of `text`, with times.

        Args:
            audio: One clip, as for `transcribe`.
            text: What is said, in characters of the vocabulary. DataError if it is too long for the clip.
            sample_rate: Hz of an array.
            name: Name of the clip, for errors.
        """
        rate = self.config.sample_rate
        if not (isinstance(text, str) and text.strip()):
            raise DataError(f"`text` must have words in it. Received: text={text!r}.")
        samples = load_audio(audio, rate, sample_rate=sample_rate)
        logits, ids = self.frame_logits(samples), self.encode_target(text)
        return decoding.align(logits, ids, self.vocabulary, self.config.frame_seconds, len(samples) / rate, name)

    @property
    def prior(self) -> tuple[float, ...]:
        """How likely each symbol is in any frame, as on the preset's card (see `decoding.label_prior`); () if not measured."""
        found = self.preset and find_card(self.preset)
        return found.prior if found and len(found.prior) == len(self.vocabulary) else ()

    def tuned(self, language_model: str) -> dict:
        """alpha, word_bonus and, where priors help, prior_scale for a language model, as on the card; {} if never tuned."""
        found = self.preset and find_card(self.preset)
        if not found or language_model.endswith(tuple(language.SUFFIXES)):  # nothing was tuned for a file
            return {}
        weights = found.decoding.get("+".join(resolve(part) for part in language_model.split("+")), {})
        return {weight: value for weight, value in weights.items() if weight != "prior_scale" or self.prior}


@keras.saving.register_keras_serializable("zoo")
class StreamingRecognizer(Recognizer):
    """A recognizer whose logits are final shortly after their sound, so that it can write while somebody speaks."""

    def stream(self, chunks, sample_rate: int = 16000) -> Iterator:
        """Writes down what is being said, while it is.

        Args:
            chunks: Arrays (samples,) or (samples, channels) of any lengths, as `zoo.tasks.streaming.microphone()` yields.
            sample_rate: Hz of the chunks.

        Yields:
            Whenever something changed, a `PartialTranscript`: the words that are final and the letters of the one that is
            being said; at the end of the chunks the rest. The words are those that `transcribe` gives.
        """
        check_rate(sample_rate, "rate of the chunks")
        return streaming.listen(self, chunks, sample_rate)
