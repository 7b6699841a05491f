"""Seconds an epoch of `zoo train` by one process and by two, pinned to one core each, with the same global batches.

    python benchmarks/hosts.py [--model lstm_ctc --model attention_ctc] [--epochs 4] [--json data/results/hosts.json]

The data come with the package. The first epoch, which compiles, does not count; the fastest of the others does. Two processes that
shared nothing would take half the time of one; the rest is what the sum of the gradients and the waiting for each other cost.
"""

import argparse
import csv
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import zoo

DATA = "bundled_digits:all"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="may be repeated (lstm_ctc, attention_ctc)")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", help="file for the figures")
    args = parser.parse_args()
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        print("Error: it takes Linux and two cores to pin two processes.", file=sys.stderr)
        return 1
    rows = [measure(model, args) for model in args.model or ("lstm_ctc", "attention_ctc")]
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def measure(model: str, args: argparse.Namespace) -> dict:
    """Seconds an epoch, by the number of processes."""
    weights = zoo.load(model, weights=None).count_params()
    found = {"model": model, "parameters": weights, "batch": args.batch, "data": DATA}
    with tempfile.TemporaryDirectory() as folder:
        for count in (1, 2):
            found[f"seconds_{count}"] = round(train(model, args, count, Path(folder) / str(count)), 2)
            print(f"{model}, {count} x 1 core: {found[f'seconds_{count}']} s an epoch", flush=True)
    return found


def train(model: str, args: argparse.Namespace, count: int, out: Path) -> float:
    """Seconds of the fastest epoch but the first of a run by `count` processes."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "zoo.cli", "train", model, "--init", "none", "--data", DATA,
               "--epochs", args.epochs, "--batch-size", args.batch, "--out", out]  # fmt: skip
    hosts = [
        subprocess.Popen(
            ["taskset", "-c", str(i), *map(str, command), "--hosts", str(count), "--host-index", str(i), "--coordinator", address],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for i in range(count)
    ]  # fmt: skip
    for host in hosts:
        _, errors = host.communicate()
        if host.returncode:
            raise SystemExit(errors[-2000:])
    with open(out / "curves.csv", newline="") as file:
        return min(float(row["seconds"]) for row in list(csv.DictReader(file))[1:])


if __name__ == "__main__":
    sys.exit(main())
