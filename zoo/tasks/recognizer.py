"""Recognizers: what is said, in characters, and where."""

from collections.abc import Callable, Iterator

import keras
import numpy as np

from zoo import decoding
from zoo.audio import load_audio
from zoo.clips import one_or_many
from zoo.decoding import live, pauses, segments
from zoo.errors import DataError, ZooError
from zoo.losses import ctc_loss, frames_needed
from zoo.metrics import word_errors
from zoo.presets import find_card
from zoo.tasks import doubt, streaming
from zoo.tasks.base import SpeechModel
from zoo.tasks.targets import label_ids
from zoo.text import Vocabulary


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
        """Writes down what is said: a `Transcript` (.text, .words with seconds and confidence, .doubtful), or a list.

        A recording longer than `config.segment_seconds` is cut at pauses (see `zoo.decoding.segments`) and joined again; it has
        no `alternatives`.

        Args:
            audio: Path, binary file or array (samples,) or (samples, channels); or a list of such.
            sample_rate: Hz of the arrays; files carry their own.
            batch_size: Clips, or spans of a long one, at a time.
            log: Called with lines of progress where there are many spans, and at the end with an empty one.
            **decoder: What `decoder` takes: `decoder="beam"`, `language_model="ngram_lm"`, `beam_width=16`, ...
        """
        decode, clips, rate = self.decoder(**decoder), self.load_clips(audio, sample_rate), self.config.sample_rate
        most, judge = self.config.segment_seconds, doubt.of(self)
        found = segments.transcribe(clips, rate, most, lambda parts: self.logits(parts, rate, batch_size), decode, log)
        return [judge.of_transcript(transcript) for transcript in found] if judge else found

    def decoder(self, decoder: str | None = None, language_model=None, **options) -> Callable:
        """A function (logits (frames, symbols), seconds) -> Transcript.

        Args:
            decoder: "greedy" (the default without options) or "beam".
            language_model: Name of a language model ("a+b" is the mixture of two), or a `zoo.language.LanguageModel`.
            **options: What `decoding.beam_search` takes: beam_width, alpha, word_bonus, prior_scale (those tuned for the two
                models, on the card, unless given), prior (the card's), lexicon, token_min_logp, n_best.
        """
        prior, tuned = self.prior, self.card_decoding
        seconds = self.config.frame_seconds
        return decoding.make_decoder(self.vocabulary, seconds, decoder, language_model, prior, tuned, **options)

    @property
    def card_decoding(self) -> dict[str, dict[str, float]]:
        """Name of a language model -> weights of the search that were tuned for it, as on the card; {} without one."""
        found = self.preset and find_card(self.preset)
        return found.decoding if found else {}

    def frame_logits(self, samples: np.ndarray) -> np.ndarray:
        """Logits (frames, symbols) of a recording (samples,) at the model's rate, of any length.

        A recording longer than `config.segment_seconds` is recognized span by span; between spans the output is blank.
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
        return decoding.tuned_weights(language_model, self.card_decoding, self.prior)


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
            being said; at the end of the chunks the rest. The words are those that `transcribe` gives, which cuts what is longer than
            `config.segment_seconds`; a stream is never cut.
        """
        return live.listen(self.listener(sample_rate), chunks)

    def listener(self, sample_rate: int = 16000) -> live.Listener:
        """What `stream` asks chunk by chunk, for a program that is handed them one at a time."""
        stream, config = streaming.Stream(self), self.config
        return live.Listener(stream.advance, self.vocabulary, config.frame_seconds, config.sample_rate, sample_rate)
