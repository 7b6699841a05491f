"""What the server shows of itself: figures for Prometheus, and a log with a line of JSON for each request.

Neither has sound in it, and the log has text only where it was asked for.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest

from zoo.monitoring import BINS

LATENCY_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
BATCH_CLIPS = (1, 2, 4, 8, 16, 32)


@dataclass
class Record:
    """A request, as the log has it. None stands for what is not known."""

    model: str | None = None
    job: str = "transcribe"
    seconds: float | None = None  # of sound
    milliseconds: float | None = None  # from the last byte to the answer; None for a stream
    batch: int | None = None  # clips that were answered together
    level: float | None = None  # dB of full scale, of the speech
    snr: float | None = None  # dB
    confidence: float | None = None
    empty: bool | None = None  # whether no words were found
    doubtful: bool | None = None
    bandwidth: float | None = None  # Hz below which 99 % of the energy lies
    clipped: float | None = None  # share of the samples
    status: int = 200
    text: str | None = None

    def hears(self, seconds: float, measured: Mapping[str, float]) -> None:
        """Take the length of a recording, and what `zoo.monitoring.measure` found in it."""
        self.seconds = seconds
        for name in ("level", "snr", "bandwidth", "clipped"):
            setattr(self, name, measured[name])

    def answers(self, answer: Any) -> None:
        """Take confidence and doubt of a Transcript or Classification, as far as it has some."""
        self.confidence, self.doubtful = getattr(answer, "confidence", None), getattr(answer, "doubtful", None)
        self.text = getattr(answer, "text", getattr(answer, "label", None))
        self.empty = not answer.text if hasattr(answer, "text") else None


class Watch:
    """Counts requests, and writes them down.

    Args:
        log: File to which a line is added for each request; None for none.
        keep: Whether the log has the text of the answers.
        replica: Where there are several servers behind one address, which this is; a label of all its figures.

    >>> watch = Watch()
    >>> watch.record(Record(model="lstm_ctc", seconds=2.0, confidence=0.9, empty=False))
    >>> [line for line in watch.metrics().decode().splitlines() if line.startswith("zoo_audio_seconds_total")]
    ['zoo_audio_seconds_total{job="transcribe",model="lstm_ctc"} 2.0']
    """

    def __init__(self, log: str | os.PathLike | None = None, keep: bool = False, replica: str = ""):
        self.keep, self.replica = keep, replica
        self.file = open(log, "a", encoding="utf-8", buffering=1) if log else None
        self.registry = registry = CollectorRegistry()
        about = ["model", "job"]
        counter = lambda name, what, labels=about: Counter(f"zoo_{name}", what, labels, registry=registry)  # noqa: E731
        histogram = lambda name, what, ends: Histogram(f"zoo_{name}", what, about, buckets=ends, registry=registry)  # noqa: E731
        self.requests = counter("requests", "Requests by status", [*about, "status"])
        self.audio = counter("audio_seconds", "Seconds of sound that were answered")
        self.empty = counter("empty_answers", "Answers without words")
        self.doubtful = counter("doubtful_answers", "Answers that are marked as doubtful")
        self.answered = counter("answers", "Answers, of which empty and doubtful ones are a share")
        self.histograms = {
            "latency": histogram("latency_seconds", "Seconds from a request to its answer", LATENCY_SECONDS),
            "batch": histogram("batch_clips", "Clips that were answered together", BATCH_CLIPS),
            "confidence": histogram("confidence", "Confidence of the answers", BINS["confidence"]),
            "seconds": histogram("clip_seconds", "Length of what came in", BINS["seconds"]),
            "level": histogram("speech_level_dbfs", "Level of the speech that came in", BINS["level"]),
            "snr": histogram("snr_db", "Signal-to-noise ratio of what came in", BINS["snr"]),
        }
        gauge = lambda name, what: Gauge(f"zoo_{name}", what, registry=registry)  # noqa: E731
        self.inside = gauge("requests_in_progress", "Requests that are being answered")
        self.streams = gauge("streams", "Streams that are open")
        self.queue = gauge("queue_clips", "Clips that wait for a model")
        self.queue_seconds = gauge("queue_seconds", "Seconds of sound that wait for a model")

    def record(self, record: Record) -> None:
        """Count a request and write it down."""
        about = record.model or "", record.job
        self.requests.labels(*about, str(record.status)).inc()
        if record.status == 200:
            self.answered.labels(*about).inc()
            self.audio.labels(*about).inc(record.seconds or 0.0)
            self.empty.labels(*about).inc(bool(record.empty))
            self.doubtful.labels(*about).inc(bool(record.doubtful))
            values = asdict(record)
            if record.milliseconds is not None:
                values["latency"] = record.milliseconds / 1000
            for name, histogram in self.histograms.items():
                if values.get(name) is not None:
                    histogram.labels(*about).observe(values[name])
        if self.file:
            self.file.write(f"{json.dumps(self._line(record), ensure_ascii=False)}\n")

    def _line(self, record: Record) -> dict:
        values = {"time": datetime.now(timezone.utc).isoformat(timespec="milliseconds")} | asdict(record)
        if not self.keep:
            del values["text"]
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}

    def metrics(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """All figures, as prometheus_client reads them."""
        for metric in self.registry.collect():
            if self.replica:
                metric.samples = [one._replace(labels=one.labels | {"replica": self.replica}) for one in metric.samples]
            yield metric

    def close(self) -> None:
        """Close the log."""
        if self.file:
            self.file.close()
