"""Models from exported files: the answers of the Keras model, without Keras.

zoo.load("lstm_ctc", runtime="litert")     a file that comes with the package
zoo.load("mine.tflite")                    one that `zoo export` wrote, its labels and rate inside
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from zoo import decoding
from zoo.clips import load_clips, one_or_many, outputs_of
from zoo.decoding import live, segments
from zoo.decoding.combination import in_a_row
from zoo.errors import WeightsError, ZooError, check_whole, unknown_name
from zoo.presets import WEIGHTS, card, check_weights, list_models
from zoo.runtime import Session, read_metadata
from zoo.text import Vocabulary


class ExportedModel:
    """What all models from exported files have: `infer`, `logits`, and what the file says of itself.

    Args:
        path: File or folder that `zoo.export.export` wrote.
    """

    def __init__(self, path: str | os.PathLike):
        self.session = Session(path)
        self.about = self.session.about
        self.config, self.display_name = SimpleNamespace(**self.about), self.about["name"]  # as of the Keras model

    @property
    def max_seconds(self) -> float:
        """Longest clip that the model takes, or infinity."""
        return self.about.get("max_seconds", float("inf"))

    def infer(
        self, audio: Sequence, sample_rate: int | None = None, batch_size: int = 16
    ) -> list[dict[str, np.ndarray]]:
        """All that the model gives for each clip, by name, cut to the clip's true frames.

        Args:
            audio: List of what `zoo.audio.load_audio` takes.
            sample_rate: Hz of arrays; files carry their own.
            batch_size: Clips at a time; LiteRT takes them one by one.
        """
        check_whole("batch_size", batch_size)
        clips = load_clips(audio, self.config.sample_rate, self.max_seconds, self.display_name, sample_rate)
        return outputs_of(clips, self.config.sample_rate, batch_size, self.session, self.about["frames"])

    def logits(self, audio: Sequence, sample_rate: int | None = None, batch_size: int = 16) -> list[np.ndarray]:
        """Logits of each clip: (frames, symbols) of a recognizer, (classes,) of a classifier. Arguments as for `infer`."""
        return [outputs["logits"] for outputs in self.infer(audio, sample_rate, batch_size)]


class ExportedClassifier(ExportedModel):
    """Tells apart the classes in `labels`.

    >>> ExportedClassifier("ds_cnn.tflite").classify("clip.wav").label  # doctest: +SKIP
    'seven'
    """

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the logits."""
        return tuple(self.about["labels"])

    @one_or_many
    def classify(self, audio, sample_rate: int | None = None, batch_size: int = 64):
        """Says which of the classes a clip is: a `Classification`, or a list. Arguments as for `zoo.tasks.Classifier`."""
        return [self._answer(outputs) for outputs in self.infer(audio, sample_rate, batch_size)]

    def _answer(self, outputs: dict[str, np.ndarray]) -> decoding.Classification:
        answer, about = decoding.classify(outputs["logits"], self.labels), self.about.get("doubt")
        if not about or "known" not in outputs:
            return answer
        score = outputs["known"][self.labels.index(answer.label)]
        return decoding.with_doubt(answer, self.display_name, **about, score=score)


class ExportedRecognizer(ExportedModel):
    """Writes what is said.

    >>> ExportedRecognizer("lstm_ctc.tflite").transcribe("clip.wav").text  # doctest: +SKIP
    'three four zero one two seven one'
    """

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters that it writes; id 0 is the blank."""
        return Vocabulary(self.about["vocabulary"])

    def decoder(self, decoder: str | None = None, language_model=None, **options) -> Callable:
        """A function (logits (frames, symbols), seconds) -> Transcript. Arguments as for `zoo.tasks.Recognizer`."""
        prior, tuned = self.about.get("prior", ()), self.about.get("decoding", {})
        seconds, networks = self.about["frame_seconds"], self.about.get("networks", ())
        return decoding.make_decoder(
            self.vocabulary, seconds, decoder, language_model, prior, tuned, networks, **options
        )

    @one_or_many
    def transcribe(
        self, audio, sample_rate: int | None = None, batch_size: int = 16, log: Callable | None = None, **decoder
    ):
        """Writes down what is said: a `Transcript`, or a list. Arguments as for `zoo.tasks.Recognizer`."""
        rate, most = self.config.sample_rate, self.config.segment_seconds
        decode = self.decoder(**decoder)
        clips = load_clips(audio, rate, self.max_seconds, self.display_name, sample_rate)
        logits_of = lambda parts: self.logits(parts, rate, batch_size)  # noqa: E731
        if networks := self.about.get("networks"):
            logits_of, decode = in_a_row(logits_of, decode, len(networks))
        answers = segments.transcribe(clips, rate, most, logits_of, decode, log)
        known = self.about.get("doubt")
        return [decoding.with_doubt(one, self.display_name, **known) for one in answers] if known else answers


class ExportedStreamingRecognizer(ExportedRecognizer):
    """Writes while somebody speaks: a file of `zoo export --stream`.

    >>> for partial in ExportedStreamingRecognizer("stream.tflite").stream(chunks, 16000):  # doctest: +SKIP
    ...     print(partial)
    """

    def stream(self, chunks, sample_rate: int = 16000) -> Iterator:
        """Writes down what is being said, while it is. Arguments and what it yields as for `zoo.tasks.StreamingRecognizer`."""
        return live.listen(self.listener(sample_rate), chunks)

    def listener(self, sample_rate: int = 16000) -> live.Listener:
        """What `stream` asks chunk by chunk, for a program that is handed them one at a time."""
        stream, about = self.session.stream(), self.about
        return live.Listener(stream.advance, self.vocabulary, about["frame_seconds"], about["sample_rate"], sample_rate)


TASKS = {"classification": ExportedClassifier, "transcription": ExportedRecognizer}


def load_exported(name: str | os.PathLike, runtime: str | None = None) -> ExportedModel:
    """Load a model that was exported: a preset whose file comes with the package, or a file of one's own.

    Args:
        name: Name of a preset, or a .tflite or .onnx file or a SavedModel folder.
        runtime: "litert" for presets; for a file it follows from the suffix.

    Raises:
        UnknownNameError: For an unknown runtime.
        ZooError: For a preset that comes in no such file, or a task that has no class here.
        WeightsError: For a file that does not say what it is.
    """
    if runtime not in (None, "litert"):
        raise unknown_name("runtime", runtime, ["keras", "litert"])
    path = Path(name)
    if runtime and not path.exists():
        path = _bundled(str(name))
    about = read_metadata(path)
    if "sample_rate" not in about:
        raise WeightsError(f"`name` must be a file that says what it is, as `zoo export` writes it. Received: {name}.")
    if about["task"] not in TASKS:
        raise ZooError(f"`name` must be a recognizer or classifier. Received: {name}, for {about['task']}.")
    return (ExportedStreamingRecognizer if "stream" in about else TASKS[about["task"]])(path)


def _bundled(name: str) -> Path:
    """The LiteRT file of a preset, checked against its card. Raises ZooError where the preset has none."""
    about = card(name).litert
    if not about:
        there = ", ".join(known for known in list_models() if card(known).litert)
        how = f"zoo export {name} --format litert --quantize int8 --out {name}.tflite"
        raise ZooError(f"`name` must be one of {there} for runtime='litert', or a file: {how}. Received: {name}.")
    check_weights(WEIGHTS / about["file"], about["sha256"])
    return WEIGHTS / about["file"]
