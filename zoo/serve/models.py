"""The models of a server: loaded once, each with what answers its clips."""

import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

import zoo
from zoo.entry import SUFFIXES, called, load
from zoo.errors import ZooError
from zoo.presets import ModelCard, find_card, resolve
from zoo.serve.batching import Batcher
from zoo.serve.limits import Limits, Refusal

DEFAULT = ("lstm_ctc", "lstm_ctc_stream", "ds_cnn", "speaker_id")
LIGHT = DEFAULT[:3]  # those that LiteRT runs, without Keras
AUTO = "auto"
BATCH = 16  # utterances at a time
WORKERS = 2  # threads of a model: one decodes while the other computes
WARM_UP = ((1, 1.0), (1, 2.0), (3, 3.0), (2, 1.0))  # clips, seconds of each
JOBS = ("transcribe", "stream", "classify", "embed")  # what a model may do, a method each


class Served:
    """A model that answers.

    Args:
        name: What clients call it.
        model: A recognizer, classifier or embedder, under Keras or exported.
        limits: How much may wait.
        card: Of a preset.
    """

    def __init__(self, name: str, model, limits: Limits, card: ModelCard | None = None):
        self.name, self.model, self.card, self.loaded = name, model, card, int(time.time())
        self.rate, self.max_seconds = model.config.sample_rate, min(limits.max_seconds, model.max_seconds)
        self.jobs = [job for job in JOBS if hasattr(model, job)]
        self.batchers = {
            job: Batcher([partial(self._answer, job, twin) for twin in twins(model)], self.rate, limits.queue)
            for job in self.jobs
            if job != "stream"
        }
        self.streamer = twins(model, 1)[0] if "stream" in self.jobs else None
        self.stream_thread = ThreadPoolExecutor(1, f"stream-{name}")

    def _answer(self, job: str, model, clips: Sequence[np.ndarray]) -> Sequence:
        return getattr(model, job)(clips, self.rate, batch_size=BATCH)

    def warm_up(self) -> None:
        """Have what is compiled for the first batches compiled now; after two sizes TensorFlow compiles for all."""
        for job in self.batchers:
            for clips, seconds in WARM_UP:
                self._answer(
                    job, self.model, [np.zeros(round(min(seconds, self.max_seconds) * self.rate), "float32")] * clips
                )

    def close(self) -> None:
        """Answer what waits, and end the threads."""
        for batcher in self.batchers.values():
            batcher.close()
        self.stream_thread.shutdown()

    def about(self) -> dict:
        """As OpenAI's API shows a model, and what its card says."""
        shown = {"id": self.name, "object": "model", "created": self.loaded, "owned_by": "speech-zoo"}
        shown |= {"does": self.jobs, "sample_rate": self.rate}
        for fact in ("summary", "labels", "limits", "licence", "parameters") if self.card else ():
            shown[fact] = getattr(self.card, fact)
        return shown


def twins(model, count: int = WORKERS) -> list:
    """What so many threads may ask at a time: a Keras model itself, an interpreter for each of an exported one."""
    return [type(model)(model.session.path) if hasattr(model, "session") else model for _ in range(count)]


class Models:
    """Models by name.

    Args:
        served: Those that answer. The first of those that do a job is the default for it.
    """

    def __init__(self, served: Sequence[Served]):
        self.served = {model.name: model for model in served}

    def find(self, name: str, job: str) -> Served:
        """The model of a name, or for AUTO the best that does a job. Refusal where there is none."""
        able = {known: model for known, model in self.served.items() if job in model.jobs}
        if name == AUTO and able:
            return _best([*able.values()])
        if name in able:
            return able[name]
        names = ", ".join([AUTO, *able]) if able else "none; start the server with one"
        message = f"`model` must be one of the server's that can {job}: {names}. Received: {name[:100]}."
        raise Refusal(404, message, "model_not_found", "model")

    def close(self) -> None:
        """Answer what waits, and end all threads."""
        for model in self.served.values():
            model.close()


def open_models(
    names: Sequence[str], limits: Limits, runtime: str | None = None, log: Callable[[str], None] | None = None
) -> Models:
    """Load models and try each once.

    Recognizers run under Keras, which computes a batch at once; the streaming one, which gets a tenth of a second at a time, under LiteRT.

    Args:
        names: Presets, .keras files, exported files or repositories of the Hub.
        limits: How much may wait.
        runtime: "litert" or "keras" for all presets; None for the faster one.
        log: Called with a line before each.
    """
    served = []
    for name in names:
        if log:
            log(f"Loading {name} ...")
        about = find_card(name) if _is_preset(name) else None
        model = load(name, runtime=runtime or (_faster(about) if about else None))
        if not any(hasattr(model, job) for job in JOBS):
            raise ZooError(f"`model` must be a recognizer, a classifier or an embedder. Received: {name}.")
        served.append(Served(_called(name), model, limits, about))
        served[-1].warm_up()
    return Models(served)


def _faster(about: ModelCard) -> str | None:
    here = importlib.util.find_spec("ai_edge_litert") is not None
    return "litert" if here and "--stream" in about.litert.get("command", "") else None


def _is_preset(name: str) -> bool:
    try:
        return bool(resolve(name))
    except ZooError:
        return False


def _called(name: str | os.PathLike) -> str:
    """What clients call a model."""
    path = Path(name)
    return called(path) if path.suffix in (".keras", *SUFFIXES) else str(name)


def _best(served: Sequence[Served]) -> Served:
    """The one that `zoo.recommend` ranks first, by the data that the first was measured on; without such data, the first."""
    results = served[0].card.results if served[0].card else ()
    ranked = zoo.recommend(results[0].data.partition(",")[0]) if results and len(served) > 1 else ()
    by_preset = {model.card.name: model for model in served if model.card}
    return next((by_preset[one.name] for one in ranked if one.name in by_preset), served[0])
