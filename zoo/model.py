"""SpeechModel: a network with its labels and its decoder. Its methods are thin calls of the stage functions.

audio -> zoo.audio.load_audio -> network (features, layers, logits) -> zoo.decoding.greedy -> Transcript
                                                                    -> zoo.decoding.classify -> Classification
                              -> network (features, code, frames)   -> zoo.reconstruction -> Reconstruction
"""

import json
import os
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from inspect import signature
from numbers import Integral
from pathlib import Path

import keras
import numpy as np

from zoo import decoding, language, streaming
from zoo.audio import check_rate, load_audio
from zoo.card import card, check_weights
from zoo.ensemble import Ensemble
from zoo.errors import AudioError, DataError, MissingFileError, WeightsError, ZooError, first_line, unknown_name
from zoo.losses import cross_entropy, ctc_loss, minimum_word_error, squared_error
from zoo.reconstruction import Frames, Reconstruction, apply_gain, between
from zoo.registry import architecture, language_models, list_models
from zoo.text import LabelEncoder, Vocabulary

# task -> loss(y, outputs of the network), one value for each utterance
LOSSES = {
    "transcription": lambda y, outputs: (minimum_word_error if isinstance(y, dict) else ctc_loss)(
        y, outputs["logits"], outputs["lengths"]
    ),
    "classification": lambda y, outputs: cross_entropy(y, outputs["logits"]),
    "reconstruction": lambda y, outputs: squared_error(outputs["log_mel"], outputs, outputs.get("lengths")),
    "denoising": lambda y, outputs: squared_error(y, outputs, outputs["lengths"]),
}
# What of the outputs has an axis of time, and which other output says where that ends.
FRAMES = {"log_mel": "lengths", "reconstruction": "lengths", "code": "code_lengths"}
TIMED = {
    "transcription": {"logits": "lengths"},
    "classification": {"attention": "lengths"},
    "reconstruction": FRAMES,
    "denoising": FRAMES,
}
NAMES = ("labels", "vocabulary")  # fields of a config that say what the outputs mean; the weights' shapes do not
WITH_LABELS = {
    "transcription": lambda config: Vocabulary(config.vocabulary),
    "classification": lambda config: LabelEncoder(config.labels),
}


@keras.saving.register_keras_serializable("zoo")
class SpeechModel(keras.Model):
    """A registered architecture as a keras.Model: fit, evaluate and save as any, and transcribe or classify.

    Args:
        architecture_name: as registered. config: fields that differ from the architecture's default.

    Call: {"waveform": (batch, samples) float32, "lengths": (batch,) int32 samples} -> for transcription
        {"logits": (batch, frames, symbols), "lengths": (batch,) int32 frames}; `fit` takes such inputs and, as y, label
        ids (batch, label) padded on the right with 0. For classification {"logits": (batch, classes)} and what else
        the model's file names, such as "attention"; y is (batch,) ids of classes. For reconstruction and denoising
        {"log_mel", "reconstruction": (batch, frames, bands) dB below the clip's loudest point, "code", "peak"} and their
        lengths; a reconstruction needs no y, and for denoising y is the clean waveform (batch, samples).

    >>> model = SpeechModel("lstm_ctc", {"units": 8, "layers": 1})
    >>> model.logits([np.zeros(16000)], 16000)[0].shape  # frames of 30 ms, 28 characters and the blank
    (34, 29)
    """

    def __init__(self, architecture_name: str, config: dict | None = None, **kwargs):
        super().__init__(**kwargs)
        self.architecture = architecture(architecture_name)
        self.config = self.architecture.configure(**(config or {}))
        self.network = self.architecture.build(self.config)
        labels = WITH_LABELS.get(self.architecture.task)
        self.labels = labels and labels(self.config)
        self.more_loss = None  # a function (inputs, outputs) -> (batch,) nats to add while training; never saved
        self.behind_frames = None  # a function of log-mel frames -> outputs, to train on single ones; never saved
        self.built = True

    def call(self, inputs, training=False):
        if not isinstance(inputs, dict):
            raise ZooError(
                f"A model is called with {{'waveform': (batch, samples), 'lengths': (batch,)}}, as zoo.model.pad makes them; received "
                f"a {type(inputs).__name__} (classify and transcribe take recordings)."
            )
        if "log_mel" in inputs:
            return self.behind_frames(inputs["log_mel"])
        return self.network(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if self.architecture.task == "denoising":
            if y is None:
                raise ZooError(
                    f"{self.architecture.name} learns from pairs: give the clean waveforms as y; received none."
                )
            y = self._target(y, x["lengths"], y_pred)
        losses = LOSSES[self.architecture.task](y, y_pred)
        if self.more_loss is not None and training:
            losses = losses + self.more_loss(x, y_pred)
        if sample_weight is not None:
            losses = losses * sample_weight
        return keras.ops.mean(losses)

    def _target(self, clean, lengths, outputs):
        """The log-mel of the clean waveforms (batch, samples), below the peak of the noisy ones."""
        frames, lengths = self.network.get_layer("log_mel")(clean, lengths)
        return self.network.get_layer("below_peak").below(frames, lengths, outputs["peak"])

    def load_weights(self, *args, **kwargs):
        with warnings.catch_warnings():
            # Weights travel without the state of the optimizer that made them; there is nothing to miss.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            super().load_weights(*args, **kwargs)

    def get_config(self):
        return super().get_config() | {"architecture_name": self.architecture.name, "config": asdict(self.config)}

    def outputs(self, audio, sample_rate: int | None = None, batch_size: int = 16) -> list[dict[str, np.ndarray]]:
        """All that the network gives for each clip, by name, cut to the clip's true frames.

        A clip's outputs do not depend on the clips beside it. Args: as for `transcribe`; `audio` is a list here.
        """
        if not (isinstance(batch_size, Integral) and batch_size >= 1):
            raise ZooError(f"A batch is a whole number of clips, at least one; received batch_size={batch_size!r}.")
        if not isinstance(audio, list | tuple):
            raise ZooError(
                f"outputs and logits take a list of clips; received a {type(audio).__name__}: put it into [ ]."
            )
        clips = [load_audio(clip, self.config.sample_rate, sample_rate=sample_rate) for clip in audio]
        results: list[dict | None] = [None] * len(clips)
        for group in _batches([len(clip) for clip in clips], batch_size, self.config.sample_rate):
            waveform, lengths = pad([clips[i] for i in group], self.config.sample_rate)
            found = self.predict_on_batch({"waveform": waveform, "lengths": lengths})
            found = {name: np.asarray(value) for name, value in found.items()}
            for row, i in enumerate(group):
                results[i] = {name: value[row] for name, value in found.items()}
                for name, lengths in TIMED[self.architecture.task].items():
                    if name in found and lengths in found:
                        results[i][name] = found[name][row, : int(found[lengths][row])]
        return results

    def logits(self, audio, sample_rate: int | None = None, batch_size: int = 16) -> list[np.ndarray]:
        """Logits of each clip: (frames, symbols) for transcription, (classes,) for classification. See `outputs`."""
        return [found["logits"] for found in self.outputs(audio, sample_rate, batch_size)]

    def transcribe(self, audio, sample_rate: int | None = None, batch_size: int = 16, **decoder):
        """Write down what is said.

        Args:
            audio: a path, a binary file or an array (samples,) or (samples, channels), or a list of such.
            sample_rate: hertz of the arrays; files carry their own.
            batch_size: clips at a time.
            decoder: "greedy" (the default) or "beam", and for a beam search what `decoding.beam_search` takes:
                beam_width, language_model (a registered name or a LanguageModel), alpha, beta, gamma (by default those
                that were tuned for the two models, on the card), prior (the card's), allow (a list of words),
                token_threshold, n_best.
        Returns: a Transcript (.text, .words with start and end in seconds and confidence, .confidence), or a list.
        Raises: AudioError for what is not audio; ZooError where the model writes no text, or for a decoder's options.
        """
        self._must_do("transcription", "transcribe")
        decode, rate, many = self.decoder(**decoder), self.config.sample_rate, isinstance(audio, list | tuple)
        clips = [load_audio(clip, rate, sample_rate=sample_rate) for clip in (audio if many else [audio])]
        # A padded batch is decoded clip by clip, so each has its own true length.
        every = zip(clips, self.logits(clips, rate, batch_size), strict=True)
        found = [decode(logits, len(clip) / rate) for clip, logits in every]
        return found if many else found[0]

    def stream(self, chunks, sample_rate: int = 16000):
        """Write down what is being said, while it is: a generator of `streaming.Heard`.

        Args:
            chunks: arrays (samples,) or (samples, channels), of any lengths, from a file, a socket or
                `zoo.streaming.microphone()`. sample_rate: hertz of the chunks.
        Yields: whenever something changed, the words that are final (nothing changes them any more) and the letters of the
            one that is being said; at the end of the chunks the rest. The words are those that `transcribe` gives.
        Raises: ZooError where the model must hear a recording to its end (lstm_ctc_stream need not); AudioError.
        """
        self._must_do("transcription", "stream")
        check_rate(sample_rate, "rate of the chunks")
        return streaming.listen(self, chunks, sample_rate)

    def classify(self, audio, sample_rate: int | None = None, batch_size: int = 64):
        """Which of the model's classes each clip is.

        Args: as for `transcribe`.
        Returns: a Classification (.label, .probabilities of every class, .confidence), or a list.
        Raises: AudioError for what is not audio or longer than a word; ZooError where the model knows no classes.
        """
        self._must_do("classification", "classify")
        if not isinstance(audio, list | tuple):
            return self.classify([audio], sample_rate, batch_size)[0]
        clips = self._words(audio, sample_rate)
        return [
            decoding.classify(logits, self.labels) for logits in self.logits(clips, self.config.sample_rate, batch_size)
        ]

    def embed(self, audio, sample_rate: int | None = None, batch_size: int = 64) -> np.ndarray:
        """Voiceprints: (units,) of one clip, (clips, units) of a list, each of length 1, so that a dot product is a cosine.

        Args: as for `transcribe`. Raises: AudioError; ZooError where the model has no embedding.
        """
        if "embedding" not in self.network.output:
            raise ZooError(
                f"embed needs a model with an embedding, such as speaker_id; {self.architecture.name} has none."
            )
        if not isinstance(audio, list | tuple):
            return self.embed([audio], sample_rate, batch_size)[0]
        found = self.outputs(self._words(audio, sample_rate), self.config.sample_rate, batch_size)
        return np.reshape([one["embedding"] for one in found], (len(found), self.config.units))

    def reconstruct(self, audio, sample_rate: int | None = None, batch_size: int = 16):
        """Squeeze a clip through the code and give it back.

        Args: as for `transcribe`.
        Returns: a Reconstruction (.log_mel, .reconstruction, .code, .error_db, .sound()), or a list.
        Raises: AudioError for what is not audio; ZooError where the model is no autoencoder.
        """
        self._must_reconstruct("reconstruct")
        if not isinstance(audio, list | tuple):
            return self.reconstruct([audio], sample_rate, batch_size)[0]
        rate = self.config.sample_rate
        if hasattr(self.config, "max_seconds"):
            clips = self._words(audio, sample_rate)
        else:
            clips = [load_audio(clip, rate, sample_rate=sample_rate) for clip in audio]
        framing = Frames.of(self.config)
        return [
            Reconstruction(found["log_mel"], found["reconstruction"], found["code"], float(found["peak"]), framing)
            for found in self.outputs(clips, rate, batch_size)
        ]

    def encode(self, audio, sample_rate: int | None = None, batch_size: int = 16):
        """The code of a clip: (frames of the code, n), or (n,) where one code is of the whole word; or a list of such.

        Args, Raises: as for `reconstruct`.
        """
        self._must_reconstruct("encode")
        found = self.reconstruct(audio, sample_rate, batch_size)
        return [one.code for one in found] if isinstance(found, list) else found.code

    def denoise(self, audio, sample_rate: int | None = None, strength: float | None = None):
        """A clip with its noise turned down, for listening or for a recogniser; it keeps its phase, level and length.

        Args:
            audio, sample_rate: as for `transcribe`.
            strength: factor of what is turned down in dB, 0 to 1; the config's, unless given.
        Returns: (samples,) float32 at the model's rate, or a list.
        Raises: AudioError; ZooError where the model does not denoise.
        """
        self._must_do("denoising", "denoise")
        strength = self.config.strength if strength is None else strength
        if not isinstance(strength, int | float | np.number) or not 0 <= strength <= 1:
            raise ZooError(f"Noise is turned down by a share from 0 to 1; received strength={strength!r}.")
        if not isinstance(audio, list | tuple):
            return self.denoise([audio], sample_rate, strength)[0]
        rate, framing = self.config.sample_rate, Frames.of(self.config)
        clips = [load_audio(clip, rate, sample_rate=sample_rate) for clip in audio]
        return [
            apply_gain(clip, strength * (found.reconstruction - found.log_mel), framing, self.config.n_mels)
            for clip, found in zip(clips, self.reconstruct(clips, rate), strict=True)
        ]

    def sample(self, count: int = 1, seed: int = 0) -> np.ndarray:
        """Words that nobody said: (count, frames, bands) in dB below the peak, decoded from random codes.

        Raises: ZooError where the model has no decoder of its own, as `vae` has.
        """
        for name, value, least in (("count", count, 1), ("seed", seed, 0)):
            if not isinstance(value, int | np.integer) or value < least:
                raise ZooError(f"{name} is a whole number from {least} on; received {value!r}.")
        decoder = self._decoder("sample")
        codes = np.random.default_rng(seed).standard_normal((count, self.config.code)).astype("float32")
        return keras.ops.convert_to_numpy(decoder(codes))

    def interpolate(self, a, b, steps: int = 9, sample_rate: int | None = None) -> np.ndarray:
        """The way from one clip to another through the codes: (steps, frames, bands) in dB below the peak, ends included.

        Args: a, b: clips as for `transcribe`. steps: at least 2. Raises: AudioError, ZooError.
        """
        decoder = self._decoder("interpolate")
        ends = self.encode([a, b], sample_rate)
        return keras.ops.convert_to_numpy(decoder(between(*ends, steps)))

    def _decoder(self, method: str) -> keras.Model:
        if not any(layer.name == "decoder" for layer in self.network.layers):
            raise ZooError(
                f"{method} needs a model whose codes can be chosen freely, such as vae; {self.architecture.name} is none."
            )
        return self.network.get_layer("decoder")

    def _must_reconstruct(self, method: str) -> None:
        if "reconstruction" not in self.network.output:
            raise ZooError(
                f"{method} needs an autoencoder, such as conv_autoencoder; {self.architecture.name} does "
                f"{self.architecture.task}."
            )

    def word_frames(self, audio, sample_rate: int | None = None) -> np.ndarray:
        """The log-mel frames of the word in one clip, silence cut away, (frames, bands) in dB: what a classifier looks at.

        Attention and saliency lie over these frames.
        """
        self._must_do("classification", "word_frames")
        clip = self._words([audio], sample_rate)[0]
        seen = keras.Model(self.network.input, self.network.get_layer("trim").output)
        frames, lengths = seen({"waveform": clip[None], "lengths": np.array([len(clip)], "int32")})
        return keras.ops.convert_to_numpy(frames)[0, : int(lengths[0])]

    def saliency(self, audio, sample_rate: int | None = None, patch: tuple[int, int] = (6, 6)) -> np.ndarray:
        """What a classification depends on, by occlusion (Zeiler & Fergus 2014): hide a patch of the log-mel and look again.

        Gradients say what a tiny change would do, and each backend has its own; hiding is what a student would try first.

        Args: audio, sample_rate: as for `classify`, one clip. patch: frames and bands that are hidden at a time.
        Returns: (frames, bands) over `word_frames`, the mean fall of the label's log probability (nats) where a patch
            lay over that point; 0 for a rise.
        """
        self._must_do("classification", "saliency")
        if not (
            isinstance(patch, tuple | list)
            and len(patch) == 2
            and all(isinstance(n, Integral) and n >= 1 for n in patch)
        ):
            raise ZooError(f"A patch is (frames, bands), at least one of each; received {patch!r}.")
        decibel = self.word_frames(audio, sample_rate)
        (n_frames, bands), (long, wide) = decibel.shape, patch
        # Patches overlap by two thirds, so that the picture is smooth; the last ones reach over the edge.
        places = [(t, b) for t in range(0, n_frames, max(1, long // 3)) for b in range(0, bands, max(1, wide // 3))]
        rest = keras.Model(self.network.get_layer("trim").output, self.network.output["logits"])

        def logits_without(places):
            pictures = np.repeat(decibel[None], len(places), axis=0)
            for picture, (t, b) in zip(pictures, places, strict=True):
                picture[t : t + long, b : b + wide] = decibel[:, b : b + wide].mean(axis=0)
            return keras.ops.convert_to_numpy(rest([pictures, np.full(len(pictures), n_frames, "int32")]))

        # A hundred at a time: all places of a long clip would fill the memory. Nothing is hidden beyond the end.
        every = [*places, (n_frames, 0)]
        logits = np.concatenate([logits_without(every[i : i + 100]) for i in range(0, len(every), 100)])
        scores = decoding.log_softmax(logits)[:, logits[-1].argmax()]
        fall, count = np.zeros(decibel.shape), np.zeros(decibel.shape)
        for score, (t, b) in zip(scores[:-1], places, strict=True):
            fall[t : t + long, b : b + wide] += scores[-1] - score
            count[t : t + long, b : b + wide] += 1
        return np.maximum(fall / count, 0.0)

    def _words(self, audio, sample_rate: int | None) -> list[np.ndarray]:
        """Clips at the model's rate, none longer than a word may be. Raises AudioError."""
        rate, most = self.config.sample_rate, self.config.max_seconds
        clips = [load_audio(clip, rate, sample_rate=sample_rate) for clip in audio]
        for clip, given in zip(clips, audio, strict=True):
            if len(clip) > most * rate:
                name = Path(given).name if isinstance(given, str | os.PathLike) else "a clip"
                raise AudioError(
                    f"{self.architecture.name} hears one word, in clips of at most {most:g} s; {name} has "
                    f"{len(clip) / rate:.1f} s (lstm_ctc writes whole sentences)."
                )
        return clips

    def _must_do(self, task: str, method: str) -> None:
        if self.architecture.task != task:
            raise ZooError(
                f"{method} needs a model for {task}; {self.architecture.name} does {self.architecture.task}."
            )

    def decoder(self, decoder: str | None = None, language_model=None, **options):
        """A function (logits (frames, symbols), seconds) -> Transcript; see `transcribe` for what may be asked of it."""
        decoder = decoder or ("beam" if options or language_model is not None else "greedy")
        seconds = self.config.frame_seconds
        if decoder == "greedy":
            if options or language_model is not None:
                raise ZooError(
                    f"Greedy decoding has no options; for {', '.join(options) or 'a language model'} use decoder='beam'."
                )
            return lambda logits, duration: decoding.greedy(
                logits[None], [len(logits)], self.labels, seconds, [duration]
            )[0]
        if decoder != "beam":
            raise unknown_name("decoder", decoder, ("greedy", "beam"))
        valid = list(signature(decoding.beam_search).parameters)[2:]
        for name in options:
            if name not in valid:
                raise unknown_name("option of beam search", name, valid)
        if isinstance(language_model, str):
            options = self.tuned(language_model) | options
            language_model = language.load(language_model)
        elif not (language_model is None or isinstance(language_model, language.LanguageModel)):
            raise ZooError(f"A language model is a name or a zoo.language.LanguageModel; received {language_model!r}.")

        if isinstance(options.get("allow"), Iterator):  # a generator gives its words once, and there may be many clips
            options["allow"] = list(options["allow"])
        if options.get("gamma"):
            options = {"prior": self.prior or None} | options

        def decode(logits, duration):
            found = decoding.beam_search(logits, self.labels, language_model=language_model, **options)
            transcript = decoding.align(logits, found[0].ids, self.labels, seconds, duration)
            return replace(transcript, alternatives=tuple((other.text, other.score) for other in found[1:]))

        return decode

    def align(self, audio, text: str, sample_rate: int | None = None, name: str = "the clip"):
        """Where in a clip each word of a known text is said: a Transcript of `text`, with times.

        Args: audio, sample_rate: as for `transcribe`, one clip. text: what is said. name: of the clip, for errors.
        Raises: AudioError; DataError where the text has other symbols than the labels or is too long for the clip.
        """
        self._must_do("transcription", "align")
        rate = self.config.sample_rate
        if not (isinstance(text, str) and text.strip()):
            raise DataError(f"A text to align has words in it; received {text!r}.")
        samples = load_audio(audio, rate, sample_rate=sample_rate)
        logits, ids = self.logits([samples], rate)[0], self.labels.encode(text)
        return decoding.align(logits, ids, self.labels, self.config.frame_seconds, len(samples) / rate, name)

    @property
    def prior(self) -> tuple[float, ...]:
        """How likely each symbol is in any frame, as on the card (see `decoding.symbol_prior`).

        () where it was not measured, or where the model writes other symbols than the one that was.
        """
        if getattr(self.config, "vocabulary", None) != getattr(self.architecture.config, "vocabulary", None):
            return ()
        try:
            return card(self.architecture.name).prior
        except DataError:  # no card yet
            return ()

    def tuned(self, language_model: str) -> dict:
        """alpha, beta and, where priors help, gamma for a language model, as on the card; {} where they were not tuned."""
        try:
            found = card(self.architecture.name).decoding.get(language_model, {})
        except DataError:  # no card yet
            return {}
        return {weight: value for weight, value in found.items() if weight != "gamma" or self.prior}


def pad(clips: list[np.ndarray], sample_rate: int, widths=()) -> tuple[np.ndarray, np.ndarray]:
    """Clips side by side, zeros on the right: ((batch, samples) float32, (batch,) int32 lengths).

    The width is rounded up (to the next of `widths` in seconds; beyond them to a whole second, and past ten seconds
    to about a tenth more), so that a compiler which makes one program for each shape, as XLA does, makes few.

    >>> waveform, lengths = pad([np.ones(5000, "float32"), np.ones(9000, "float32")], 8000)
    >>> waveform.shape, lengths.tolist()  # whole seconds
    ((2, 16000), [5000, 9000])
    """
    if not clips:
        raise AudioError("A batch has clips in it; received none.")
    longest = max(len(clip) for clip in clips)
    width = next((int(w * sample_rate) for w in widths if w * sample_rate >= longest), sample_rate)
    while width < longest:
        width += sample_rate * max(1, width // (10 * sample_rate))
    waveform = np.zeros((len(clips), width), "float32")
    for row, clip in zip(waveform, clips, strict=True):
        row[: len(clip)] = clip
    return waveform, np.array([len(clip) for clip in clips], "int32")


def _batches(lengths: list[int], batch_size: int, sample_rate: int, seconds: int = 240):
    """Indices of clips of like length, at most `batch_size` and `seconds` of padded audio together."""
    group: list[int] = []
    for i in np.argsort(lengths, kind="stable")[::-1]:
        if group and (len(group) == batch_size or lengths[group[0]] * (len(group) + 1) > seconds * sample_rate):
            yield group
            group = []
        group.append(int(i))
    if group:
        yield group


def load(name: str, weights: str | Path | None = "bundled", **config):
    """A model by registered name, or one saved by `model.save("mine.keras")`; compiled, to use or to fit further.

    A SpeechModel; for the names of language models a zoo.language.LanguageModel; for several classifiers with + between
    them a zoo.ensemble.Ensemble.

    Args:
        name: a name that `list_models()` shows, or a path that ends in .keras, or "conv2d+lstm".
        weights: "bundled" (checked against the card's sha256), None (fresh), or a .weights.h5 file of one's own.
        config: fields of the architecture's Config to change; bundled weights fit the default config only.
    Raises: UnknownNameError, MissingFileError, WeightsError.

    >>> model = load("conv2d_mini")
    >>> model.count_params()
    16630
    >>> load("lstm", weights=None, units=16).config.units  # untrained, and smaller
    16
    """
    if str(name).endswith(".keras"):
        if config or weights != "bundled":
            raise ZooError(
                f"A .keras file brings its weights and its config; load {Path(name).name} by its path alone."
            )
        return _load_saved(Path(name))
    parts = str(name).split("+")
    for part in parts:
        if part not in list_models():
            raise unknown_name("model", part, list_models())
    if len(parts) > 1 and not set(parts) <= set(language_models()):
        if config or weights != "bundled":
            raise ZooError("An ensemble is of models as they are; make others with zoo.ensemble.Ensemble.")
        if len(set(parts)) < len(parts):
            raise ZooError(f"An ensemble has each model once; received {name}.")
        return Ensemble([load(part) for part in parts])
    if parts[0] in language_models():
        if config or not isinstance(weights, str | os.PathLike):
            received = ", ".join(config) or f"{weights!r}"
            raise ZooError(
                f"{name} is loaded as it is or with weights= of a file; `zoo train` makes others; received {received}."
            )
        return language.load(name, weights)
    if not (weights is None or isinstance(weights, str | os.PathLike)):
        raise ZooError(f"Weights are 'bundled', None or a .weights.h5 or .keras file; received {weights!r}.")
    if str(weights).endswith(".keras"):
        model = load(weights)
        if config or model.architecture.name != name:
            raise WeightsError(
                f"A .keras file brings its architecture and its config; {Path(weights).name} holds {model.architecture.name}, "
                f"not {' with '.join([name, *config])}."
            )
        return model
    if config and weights == "bundled":
        raise WeightsError(
            f"Bundled weights fit the default config only; with {', '.join(config)} changed, pass weights=None or a file."
        )
    if weights == "bundled":
        about = card(name)
        path = about.weights_path
        check_weights(path, about.weights["sha256"])
    elif weights is not None:
        path = Path(weights)
        if not path.is_file():
            raise MissingFileError(f"Weights are 'bundled', None or a .weights.h5 file; there is no file {path}.")
        for field, names in _stored_names(path).items():
            given = config.get(field, names)
            if names != getattr(architecture(name).config, field, names):
                config[field] = names
            if names != (tuple(given) if isinstance(given, list) else given):
                raise WeightsError(
                    f"The {field} are those that the weights were saved with; {path.name} has {names!r:.200}, received {given!r:.200}."
                )
    try:
        model = SpeechModel(name, config, name=name)
    except ZooError:
        raise
    except (TypeError, ValueError) as error:
        raise ZooError(
            f"The config of {name} must fit together; with {config} it cannot be built: {first_line(error)}"
        ) from error
    if weights is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Keras finds odd about a file, the error below says in a sentence
                model.load_weights(path)
            fits = _stored_size(path) == sum(int(np.prod(weight.shape)) for weight in model.weights)
        except Exception:
            fits = False
        if not fits:
            raise WeightsError(
                f"Weights must be a .weights.h5 file of the same architecture and config; {path.name} does not fit {name}."
            )
    compile_model(model)
    return model


def transfer(source: str, model: SpeechModel) -> list[str]:
    """Start a model from the weights of another one: layers of the same name and shapes take them over.

    What a recogniser's last layers know of letters and words is of use behind other first layers too, and what `vae` learnt
    in one look at a word is of use where it takes three.

    Args:
        source: a registered name, whose bundled weights are taken, or a .keras file.
        model: is changed; its other layers stay as they are.
    Returns: the names of the layers that took weights over.
    Raises: ZooError where there is none, or where the same layer has other shapes in both.

    >>> transfer("lstm_ctc", load("conv_lstm_ctc", weights=None))
    ['lstm_0', 'lstm_1', 'lstm_2', 'logits']
    """
    if source in language_models():
        raise ZooError(f"A model starts from one that hears; {source} is a language model.")
    giver = load(source)
    names = {layer.name for layer in giver.network.layers if layer.weights}
    shared = [layer for layer in model.network.layers if layer.weights and layer.name in names]
    if not shared:
        raise ZooError(
            f"A model starts from another one's layers of the same names; {model.architecture.name} shares none with {source}."
        )
    for what in ("vocabulary", "labels"):
        theirs, ours = (getattr(one.config, what, None) for one in (giver, model))
        if theirs != ours and any(layer.name == "logits" for layer in shared):
            raise ZooError(
                f"A model that starts from {source} has the same {what} in the same order; received {ours!r}, valid is "
                f"{theirs!r}."
            )
    for layer in shared:
        weights = giver.network.get_layer(layer.name).get_weights()
        if [w.shape for w in weights] != [tuple(w.shape) for w in layer.weights]:
            raise ZooError(
                f"A layer that starts from another model must have its shapes; {layer.name} of {model.architecture.name} has "
                f"{[tuple(w.shape) for w in layer.weights]}, that of {source} {[w.shape for w in weights]}."
            )
        layer.set_weights(weights)
    return [layer.name for layer in shared]


def _stored_names(path: Path) -> dict:
    """What a weights file of one's own says of the meaning of its outputs: the value of each field of NAMES that it has."""
    import h5py

    try:
        with h5py.File(path) as file:
            found = {field: json.loads(file.attrs[field]) for field in NAMES if field in file.attrs}
    except (OSError, ValueError):  # no such file, which is said later
        return {}
    return {field: tuple(names) if isinstance(names, list) else names for field, names in found.items()}


def _stored_size(path: Path) -> int:
    """Numbers in a weights file, the optimizer's left out. Keras loads what it finds and leaves the rest unread."""
    import h5py

    sizes = []

    def add(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            sizes.append(item.size)

    with h5py.File(path) as file:
        file.visititems(add)
    return sum(sizes)


def compile_model(model: SpeechModel, optimizer: keras.optimizers.Optimizer | None = None) -> None:
    """Compile with the usual optimizer (AdamW, gradients clipped to norm 5), so that `fit` can follow at once.

    >>> model = load("simple_rnn", weights=None)
    >>> compile_model(model, keras.optimizers.SGD(0.1))
    >>> model.optimizer.name
    'sgd'
    """
    optimizer = optimizer or keras.optimizers.AdamW(3e-4, weight_decay=1e-4, global_clipnorm=5.0)
    model.compile(optimizer, jit_compile=_jit())
    # Else the first step makes the optimizer's variables, and TensorFlow traces a step that made some a second time.
    optimizer.build(model.trainable_variables)


def _jit() -> bool:
    """TensorFlow's graph takes any length; XLA under TensorFlow would compile again for each."""
    return keras.backend.backend() == "jax"


def _load_saved(path: Path) -> SpeechModel:
    if not path.is_file():
        raise MissingFileError(f"A saved model is a .keras file that exists; there is no file {path}.")
    if not zipfile.is_zipfile(path):
        raise WeightsError(f"A .keras file is an archive that is whole; {path.name} is damaged or something else.")
    try:
        with warnings.catch_warnings():
            # A model saved before it was fitted has an optimizer without state; there is nothing to miss.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            model = keras.saving.load_model(path, safe_mode=True)
    except Exception as error:
        raise WeightsError(
            f"A .keras file is loaded only if it holds a zoo model without code of its own (no Lambda layers); "
            f"{path.name} was refused: {first_line(error)}"
        ) from error
    if not isinstance(model, SpeechModel):
        raise WeightsError(f"A .keras file must hold a zoo model; {path.name} holds a {type(model).__name__}.")
    model.jit_compile = _jit()  # the file remembers the backend under which it was saved
    return model


def save_weights(model: SpeechModel, path: Path) -> None:
    """Save weights in half precision, compressed: half the size, and no word changes. Written whole or not at all.

    The optimizer's state is left out: it is three times as large and of no use to who transcribes.
    Raises: WeightsError where a weight is not a number that half precision holds.
    """
    import io
    import tempfile

    import h5py

    path = Path(path)
    for variable in model.weights:
        if not np.abs(np.asarray(variable)).max(initial=0) <= np.finfo("float16").max:
            raise WeightsError(
                f"Weights are finite and below 65,504; {variable.path} holds others: nothing was saved (a lower learning rate keeps them small)."
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        # HDF5 crashes the process where a disk is full, so its files are made in memory; zip files and bytes do not.
        whole, made = Path(folder) / "whole.keras", Path(folder) / "half.weights.h5"
        model.save(whole)
        with zipfile.ZipFile(whole) as archive:
            full = io.BytesIO(archive.read("model.weights.h5"))
        half = io.BytesIO()
        with h5py.File(full) as source, h5py.File(half, "w", libver="v110") as target:
            target.attrs.update(source.attrs)
            target.attrs.update({f: json.dumps(getattr(model.config, f)) for f in NAMES if hasattr(model.config, f)})

            def copy(name, item):
                if name.startswith("optimizer"):
                    return
                if isinstance(item, h5py.Group):
                    target.require_group(name).attrs.update(item.attrs)
                elif item.dtype == "float32" and item.ndim:
                    # Shuffled bytes compress better: the exponents come to lie side by side.
                    target.create_dataset(name, data=item[()].astype("float16"), compression=9, shuffle=True)
                else:
                    target.create_dataset(name, data=item[()])

            source.visititems(copy)
        made.write_bytes(half.getvalue())
        os.replace(made, path)
