"""`zoo transcribe --cluster` with a node that dies in the middle, beside one process.

    python benchmarks/cluster.py [--clips 2000] [--json OUT]

The bundled clips under many names, by hard links; LiteRT; batches of 16; Parquet out. Two nodes of one core each, which are processes of
this machine. Each line does the same work in the same run:

one process    what a node does for a batch, batch after batch, in this process; the mean of before and after the others
two nodes      from the call to the end of the table; the nodes are up, their workers are not
one is killed  the same, and after a third of the answers one node's processes are killed
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pyarrow import parquet
from ray.cluster_utils import Cluster

from zoo import cluster
from zoo.audio import samples_folder

MODEL, RUNTIME, BATCH = "lstm_ctc", "litert", 16


def linked(folder: Path, count: int) -> list[str]:
    """So many names of the bundled clips."""
    clips = sorted(samples_folder().glob("*.wav"))
    for clip in clips:
        (folder / f"clip-{clip.name}").write_bytes(clip.read_bytes())
    names = [folder / f"{i:06}.wav" for i in range(count)]
    for i, name in enumerate(names):
        os.link(folder / f"clip-{clips[i % len(clips)].name}", name)
    return [str(name) for name in names]


def one_process(files: list[str]) -> tuple[dict[str, str], float]:
    """(file -> text, seconds)."""
    cluster.answers(files[:1], MODEL, RUNTIME, {})  # loads the model
    start = time.perf_counter()
    batches = (files[i : i + BATCH] for i in range(0, len(files), BATCH))
    rows = [row for batch in batches for row in cluster.answers(batch, MODEL, RUNTIME, {})]
    return {row["file"]: row["text"] for row in rows}, time.perf_counter() - start


def two_nodes(files: list[str], out: Path, kill: bool) -> tuple[list[dict], float]:
    """(rows of the table, seconds)."""
    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=node)
    second = [made.add_node(num_cpus=1, object_store_memory=80 * 2**20)]
    made.wait_for_nodes()

    def log(line: str) -> None:
        if kill and second and line and int(line.split()[0]) > len(files) / 3:
            made.remove_node(second.pop(), allow_graceful=False)

    try:
        start = time.perf_counter()
        cluster.transcribe(files, out, MODEL, RUNTIME, made.address, BATCH, log)
        took = time.perf_counter() - start
    finally:
        made.shutdown()
    return parquet.read_table(out, columns=["file", "text"]).to_pylist(), took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--json", help="file for the figures")
    args = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        files = linked(Path(folder), args.clips)
        expected, first = one_process(files)
        runs = [two_nodes(files, Path(folder, f"{kill}.parquet"), kill) for kill in (False, True)]
        alone = (first + one_process(files)[1]) / 2
    found = {"clips": args.clips, "one process, s": alone, "one process, first": first}
    for (rows, took), name in zip(runs, ("two nodes", "one of two killed"), strict=True):
        times = Counter(row["file"] for row in rows)
        found[name] = {
            "s": took,
            "times as fast as one process": alone / took,
            "answered once": sum(count == 1 for count in times.values()),
            "lost": len(set(files) - set(times)),
            "twice": sum(count > 1 for count in times.values()),
            "other text": sum(expected[row["file"]] != row["text"] for row in rows),
        }
    found |= {"cores": os.cpu_count(), "load average before": before, "load average after": os.getloadavg()[0]}
    print(json.dumps(found, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=1) + "\n")
    return any(found[name][fault] for name in ("two nodes", "one of two killed") for fault in ("lost", "twice"))


if __name__ == "__main__":
    sys.exit(main())
