"""Many recordings on many machines, by Ray: every file once, whatever stops in between.

    files -> batches -> Ray tasks on the nodes, each with a model of its own -> answers, as they come -> lines of a JSONL file

Only this process writes, so a batch whose node died, and which Ray gives to another, is written once. What is in the file already is
not done again. Ray's tasks serve here better than its data sets: answers are kept one by one, not when all is done.

Source: P. Moritz et al., "Ray: a distributed framework for emerging AI applications", OSDI 2018 (arxiv.org/abs/1712.05889).
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, check_whole, first_line

LOCAL = "local"  # address of a cluster of this machine alone, which lives as long as the call
RETRIES = 5  # times that a batch is given to another node
WAITING = 2  # batches for each core that are handed out before their turn


@dataclass(frozen=True)
class Done:
    """What became of the files."""

    answered: int
    failed: tuple[str, ...]  # files that could not be read
    before: int  # files that were in `out` already


def transcribe(
    files: Iterable[str | os.PathLike],
    out: str | os.PathLike,
    model: str = "lstm_ctc",
    runtime: str | None = None,
    address: str = LOCAL,
    batch: int = 16,
    log: Callable[[str], None] | None = None,
    **decoder: Any,
) -> Done:
    """Transcribe recordings on the nodes of a Ray cluster.

    Args:
        files: Paths that every node can read.
        out: JSONL file: {"file", "text", "words", ...} or {"file", "error"} a line, in the order in which they come. Files in it
            already are left out, so a call that was stopped goes on when it is made again.
        model: Name of a preset.
        runtime: As `zoo.load` takes it.
        address: Of the cluster, "auto" for that of this machine, or "local" for one that lives as long as the call.
        batch: Files of a task.
        log: Called with lines of progress.
        **decoder: As `transcribe` of the model takes it.

    Raises:
        ZooError: Without Ray, or where there is no cluster at the address.

    >>> transcribe(["a.wav", "b.wav"], "words.jsonl", address="10.0.0.1:6379")  # doctest: +SKIP
    Done(answered=2, failed=(), before=0)
    """
    check_whole("batch", batch)
    out, names = Path(out), list(dict.fromkeys(os.path.abspath(file) for file in files))
    known = listed(out)
    todo = [name for name in names if name not in known]
    parts = [todo[i : i + batch] for i in range(0, len(todo), batch)]
    failed, count = [], 0
    with open(out, "a", encoding="utf-8") as file, connected(address):
        for rows in in_any_order(answers, [(part, model, runtime, decoder) for part in parts]):
            file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
            file.flush()
            failed += [row["file"] for row in rows if "error" in row]
            count += len(rows)
            if log:
                log(f"{count} of {len(todo)} recordings" if count < len(todo) else "")
    return Done(count - len(failed), tuple(failed), len(names) - len(todo))


def listed(out: Path) -> set[str]:
    """The files that a JSONL file has answers for; a last line that was cut off is taken away."""
    if not out.exists():
        return set()
    content = out.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(out, len(whole))
    try:
        return {json.loads(line)["file"] for line in whole.splitlines()}
    except (ValueError, KeyError, TypeError):
        raise ZooError(f"`out` must be a file that this wrote before, or a new one. Received: {out}.") from None


def answers(files: Sequence[str], model: str, runtime: str | None, decoder: dict) -> list[dict]:
    """What a node does: a row for each of some files."""
    from zoo.audio import load_audio

    loaded, rows, clips = _loaded(model, runtime), [], {}
    for file in files:
        try:
            clips[file] = load_audio(file, loaded.config.sample_rate)
        except (ZooError, OSError) as error:
            rows.append({"file": file, "error": first_line(error, 300)})
    found = loaded.transcribe([*clips.values()], loaded.config.sample_rate, **decoder) if clips else []
    return rows + [{"file": file, **transcript.to_dict()} for file, transcript in zip(clips, found, strict=True)]


@cache
def _loaded(model: str, runtime: str | None) -> Any:
    """A model, once in each worker process."""
    import zoo

    return zoo.load(model, runtime=runtime)


def in_any_order(function: Callable, calls: Iterable[tuple]) -> Iterator[Any]:
    """Yield what a function returns for each tuple of arguments, as the nodes are ready. What a node that died had is done by another.

    >>> sorted(in_any_order(pow, [(2, 3), (2, 4)]))  # doctest: +SKIP
    [8, 16]
    """
    ray = _ray()
    remote, waiting = ray.remote(num_cpus=1, max_retries=RETRIES)(_call), []
    calls = iter(calls)
    while True:
        most = max(1, WAITING * int(ray.cluster_resources().get("CPU", 1)))
        while len(waiting) < most and (call := next(calls, None)) is not None:
            waiting.append(remote.remote(function, *call))
        if not waiting:
            return
        [ready], waiting = ray.wait(waiting, num_returns=1)
        try:
            found = ray.get(ready)
        except ray.exceptions.RayTaskError as error:  # of the function itself
            raise error.cause if isinstance(error.cause, ZooError) else error from None
        except ray.exceptions.RayError as error:
            raise ZooError(
                f"`cluster` lost its nodes {RETRIES} times; the same call goes on ({first_line(error)})."
            ) from None
        yield found


def _call(function: Callable, *arguments: Any) -> Any:
    return function(*arguments)


@contextmanager
def connected(address: str = LOCAL) -> Iterator[None]:
    """Surround calls with a connection to a cluster, unless there is one already. Raises ZooError."""
    ray = _ray()
    if not re.fullmatch(r"local|auto|(ray://)?[\w.-]+:\d+", address):
        raise ZooError(f"`cluster` must be HOST:PORT, ray://HOST:PORT, auto or local. Received: {address}.")
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=None)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ZooError(
            f"`cluster` must be the address of a Ray cluster. Received: {address} ({first_line(error)})."
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _ray() -> Any:
    if not find_spec("ray"):
        raise ZooError('`cluster` needs Ray: pip install "speech-zoo[cluster]".')
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would send them
    import ray

    return ray
