"""Clips that come one by one, answered many at a time.

    ask ---> waiting ---> a worker thread: all that came within a few milliseconds, or while it computed ---> answers
    ask -/                                                                                              \\--> answers

While a batch is computed the next one gathers, so batches grow with the load by themselves.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.serve.limits import Refusal

WINDOW = 0.004  # seconds for which a worker that was idle waits for more clips
CLIPS, SECONDS = 32, 240.0  # of a batch, at most; a longer clip is a batch of its own


@dataclass(eq=False)
class Job:
    """A clip that waits."""

    samples: np.ndarray
    seconds: float
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future

    def done(self, value: Any, batch: int) -> None:
        """Hand an answer, or an error, to whoever waits for it."""

        def settle() -> None:
            if self.future.cancelled():
                return
            if isinstance(value, Exception):
                self.future.set_exception(value)
            else:
                self.future.set_result((value, batch))

        self.loop.call_soon_threadsafe(settle)


class Batcher:
    """Answers clips in batches, on worker threads.

    Args:
        answers: Functions that map clips (samples,) to one answer each. Every one has a thread of its own.
        sample_rate: Hz of the clips.
        most_waiting: Seconds of sound that may wait.

    >>> async def two():
    ...     batcher = Batcher([lambda clips: [len(clip) for clip in clips]], 16000)
    ...     try:
    ...         return await asyncio.gather(batcher.ask(np.zeros(3)), batcher.ask(np.zeros(5)))
    ...     finally:
    ...         batcher.close()
    >>> asyncio.run(two())
    [(3, 2), (5, 2)]
    """

    def __init__(self, answers: Sequence[Callable], sample_rate: int, most_waiting: float = float("inf")):
        self.sample_rate, self.most_waiting = sample_rate, most_waiting
        self.waiting: deque[Job] = deque()
        self.seconds = 0.0  # of sound that waits
        self.closed, self.changed = False, threading.Condition()
        self.threads = [threading.Thread(target=self._work, args=(answer,), daemon=True) for answer in answers]
        for thread in self.threads:
            thread.start()

    async def ask(self, samples: np.ndarray) -> tuple[Any, int]:
        """Return the answer to a clip (samples,), and how many clips were answered with it. Refusal where too much waits."""
        loop = asyncio.get_running_loop()
        job = Job(samples, len(samples) / self.sample_rate, loop, loop.create_future())
        with self.changed:
            if self.closed or (self.waiting and self.seconds + job.seconds > self.most_waiting):
                raise Refusal(503, "Too much sound waits to be answered; try again later.", "queue_full")
            self.waiting.append(job)
            self.seconds += job.seconds
            self.changed.notify()
        return await job.future

    def close(self) -> None:
        """Answer what waits, and end the threads."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()

    def _work(self, answer: Callable) -> None:
        while jobs := self._next():
            try:
                values = list(answer([job.samples for job in jobs]))
            except Exception as error:  # one clip's fault must not be another's
                values = [error] if len(jobs) == 1 else [_alone(answer, job) for job in jobs]
            for job, value in zip(jobs, values, strict=True):
                job.done(value, len(jobs))

    def _next(self) -> list[Job]:
        """The next batch, in the order in which its clips came; [] when there are no more."""
        with self.changed:
            if not self.waiting and not self.closed:
                self.changed.wait_for(lambda: self.waiting or self.closed)
                self.changed.wait_for(lambda: len(self.waiting) >= CLIPS or self.closed, WINDOW)  # for more clips
            jobs: list[Job] = []
            seconds = 0.0
            while self.waiting and len(jobs) < CLIPS and (not jobs or seconds + self.waiting[0].seconds <= SECONDS):
                jobs.append(self.waiting.popleft())
                seconds += jobs[-1].seconds
            self.seconds -= seconds
            return jobs


def _alone(answer: Callable, job: Job) -> Any:
    """The answer to one clip, or the error that it causes."""
    try:
        return answer([job.samples])[0]
    except Exception as error:
        return error
