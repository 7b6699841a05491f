"""Many recordings on many machines, by Ray: every file once, whatever stops in between.

    files -> batches -> Ray tasks on the nodes, each with a model of its own -> answers, as they come -> JSONL, or parts of a Parquet table

Only this process writes, so a batch whose node died, and which Ray gives to another, is written once. What is written already is not
done again. Ray's tasks serve here better than Ray Data, which tries a file that kills the process that reads it without end, and keeps
what is done in a second table of checkpoints: here the answers themselves say it, and such a file becomes a row with an error.

Source: P. Moritz et al., "Ray: a distributed framework for emerging AI applications", OSDI 2018 (arxiv.org/abs/1712.05889).
"""

import json
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.errors import AudioError, ZooError, check_whole, first_line

LOCAL = "local"  # address of a cluster of this machine alone, which lives as long as the call
RETRIES = 5  # times that a batch is given to another node
WAITING = 2  # batches for each core that are handed out before their turn
ROWS = 1000  # of a part of a Parquet table


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
        out: JSONL file: {"file", "text", "words", ...} or {"file", "error"} a line, in the order in which they come; or, where it
            ends in .parquet, a folder of parts that Parquet readers take as one table with these columns. Files in it already are
            left out, so a call that was stopped goes on when it is made again.
        model: Name of a preset.
        runtime: As `zoo.load` takes it.
        address: Of the cluster, "auto" for that of this machine, or "local" for one that lives as long as the call.
        batch: Files of a task.
        log: Called with lines of progress.
        **decoder: As `transcribe` of the model takes it.

    Raises:
        ZooError: Without Ray, where there is no cluster at the address, or `out` is something else.

    >>> transcribe(["a.wav", "b.wav"], "words.jsonl", address="10.0.0.1:6379")  # doctest: +SKIP
    Done(answered=2, failed=(), before=0)
    """
    check_whole("batch", batch)
    out, names = Path(out), list(dict.fromkeys(os.path.abspath(file) for file in files))
    failed, count = [], 0
    with closing(Parts(out) if out.suffix == ".parquet" else Lines(out)) as table, connected(address):
        todo = [name for name in names if name not in table.known]
        calls = [(todo[i : i + batch], model, runtime, decoder) for i in range(0, len(todo), batch)]
        for rows in _answered(calls):
            table.add(rows)
            failed += [row["file"] for row in rows if "error" in row]
            count += len(rows)
            if log:
                log(f"{count} of {len(todo)} recordings" if count < len(todo) else "")
    return Done(count - len(failed), tuple(failed), len(names) - len(todo))


# --- what is written


class Lines:
    """Rows as lines of JSON, on the disk as soon as they are there. A last line that was cut off is taken away.

    Args:
        out: The file; what it has already stays. `known` is the files that have a row.
    """

    def __init__(self, out: Path):
        content = out.read_bytes() if out.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        try:
            self.known = {json.loads(line)["file"] for line in whole.splitlines()}
        except (ValueError, KeyError, TypeError):
            raise _not_ours(out) from None
        if len(whole) < len(content):
            os.truncate(out, len(whole))
        self.file = open(out, "a", encoding="utf-8", errors="backslashreplace")  # of a name that is no UTF-8

    def add(self, rows: Sequence[dict]) -> None:
        """Write rows."""
        self.file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        self.file.flush()

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class Parts:
    """Rows as a folder of part-NUMBER.parquet, ROWS in each and in the last what is left. A process that is killed loses less than a part.

    Args:
        out: The folder; what it has already stays. `known` is the files that have a row.
    """

    def __init__(self, out: Path):
        if not find_spec("pyarrow"):
            raise ZooError('`out` needs pyarrow to end in .parquet: pip install "speech-zoo[cluster]".')
        import pyarrow as pa
        from pyarrow import parquet

        word = pa.struct({"text": pa.string(), "start": pa.float64(), "end": pa.float64(), "confidence": pa.float64()})
        names = {"file": pa.string(), "text": pa.string(), "words": pa.list_(word), "confidence": pa.float64()}
        names |= {"duration": pa.float64(), "doubtful": pa.bool_(), "doubt": pa.string(), "error": pa.string()}
        self.out, self.schema, self.rows = out, pa.schema(names), []
        try:
            out.mkdir(parents=True, exist_ok=True)
            parts = [path for path in out.iterdir() if not path.name.startswith(("_", "."))]
            read = [parquet.read_table(path, columns=["file"])["file"] for path in parts]
            self.number = 1 + max((int(path.stem.removeprefix("part-")) for path in parts), default=-1)  # of the next
        except (OSError, KeyError, ValueError, pa.ArrowException):  # a file that is no folder, or no table of ours
            raise _not_ours(out) from None
        self.known = {name for column in read for name in column.to_pylist()}

    def add(self, rows: Sequence[dict]) -> None:
        """Take rows, and write a part where there are enough."""
        self.rows += rows
        if len(self.rows) >= ROWS:
            self.close()

    def close(self) -> None:
        """Write a part of the rows that are left, whole or not at all."""
        import pyarrow as pa
        from pyarrow import parquet

        if self.rows:
            partial = self.out / "_partial"  # which readers pass over
            parquet.write_table(pa.Table.from_pylist(self.rows, self.schema), partial)
            os.replace(partial, self.out / f"part-{self.number:05}.parquet")
            self.rows, self.number = [], self.number + 1


def _not_ours(out: Path) -> ZooError:
    return ZooError(f"`out` must be what this wrote before, or a new path. Received: {out}.")


# --- what the nodes do


def answers(files: Sequence[str], model: str, runtime: str | None, decoder: dict) -> list[dict]:
    """What a node does: a row for each of some files."""
    from zoo.audio import load_audio

    loaded, rows, clips = _loaded(model, runtime), [], {}
    for file in files:
        try:
            clips[file] = load_audio(file, loaded.config.sample_rate)
        except (ZooError, OSError) as error:
            rows.append({"file": file, "error": first_line(error, 300)})
    try:
        found = loaded.transcribe([*clips.values()], loaded.config.sample_rate, **decoder) if clips else []
    except AudioError as error:  # of one of them, such as one that is too long
        if len(files) == 1:
            return [{"file": files[0], "error": first_line(error, 300)}]
        return [row for file in files for row in answers([file], model, runtime, decoder)]
    return rows + [{"file": file, **transcript.to_dict()} for file, transcript in zip(clips, found, strict=True)]


def _answered(calls: Sequence[tuple]) -> Iterator[list[dict]]:
    """Rows of batches. One whose process dies with it again and again is done file by file, to find the file that does it."""
    lost = []
    yield from in_any_order(answers, calls, lost)
    for files, *how in lost:
        if len(files) > 1:
            yield from _answered([([file], *how) for file in files])
        else:
            yield [{"file": files[0], "error": f"`audio` ended the process that read it {RETRIES + 1} times."}]


@cache
def _loaded(model: str, runtime: str | None) -> Any:
    """A model, once in each worker process."""
    import zoo

    return zoo.load(model, runtime=runtime)


def in_any_order(
    function: Callable, calls: Iterable[tuple], lost: list | None = None, ahead: int = WAITING
) -> Iterator[Any]:
    """Yield what a function returns for each tuple of arguments, as the nodes are ready. What a node that died had is done by another.

    Args:
        function: Called on the nodes.
        calls: Its arguments.
        lost: Gets those with which a process, and not its node, died again and again; None for an error.
        ahead: Calls for each core that are handed out at a time.

    >>> sorted(in_any_order(pow, [(2, 3), (2, 4)]))  # doctest: +SKIP
    [8, 16]
    """
    ray = _ray()
    remote, waiting = ray.remote(num_cpus=1, max_retries=RETRIES)(_call), {}
    calls = iter(calls)
    while True:
        most = max(1, ahead * int(ray.cluster_resources().get("CPU", 1)))
        while len(waiting) < most and (call := next(calls, None)) is not None:
            waiting[remote.remote(function, *call)] = call
        if not waiting:
            return
        [ready], _ = ray.wait([*waiting], num_returns=1)
        call = waiting.pop(ready)
        try:
            found = ray.get(ready)
        except ray.exceptions.RayTaskError as error:  # of the function itself
            raise error.cause if isinstance(error.cause, ZooError) else error from None
        except ray.exceptions.RayError as error:
            if lost is not None and isinstance(error, ray.exceptions.WorkerCrashedError):
                lost.append(call)
                continue
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
    # A cluster of our own has no dashboard, through which whoever reaches its port runs programs.
    dashboard = False if address == LOCAL else None
    try:
        if address not in (LOCAL, "auto"):  # Ray would try for many minutes
            host, port = address.removeprefix("ray://").split(":")
            socket.create_connection((host, int(port)), 5).close()
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=dashboard)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise ZooError(
            f"`cluster` must be the address of a Ray cluster. Received: {address} ({first_line(error)})."
        ) from None
    ray._private.worker._worker_logs_enabled = False  # what becomes of its processes, on stdout among our JSON
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
