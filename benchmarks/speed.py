"""What a user waits for, and the memory it takes, each against its bar.

    python benchmarks/speed.py [--model lstm_ctc] [--weights FILE] [--backend tensorflow|jax] [--json OUT]

Start-up is timed on fresh processes, the median of several. Two minutes of speech are bundled clips joined: what counts
is how far the process grows beyond what it took for a clip of three seconds.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

RATE = 16000  # Hz
CLIP = Path(__file__).parents[1] / "data" / "samples" / "woman-us.wav"
BARS = {  # name -> (most, unit)
    "import zoo": (0.2, "s"),
    "zoo list": (0.5, "s"),
    "zoo transcribe, one clip, cold": (8.0, "s"),
    "3-second clip, warm": (50.0, "ms"),
    "two minutes in one file": (12.0, "s"),
    "memory beyond a 3-second clip's": (1000.0, "MB"),
}


def processes(command: list[str], times: int) -> list[subprocess.CompletedProcess]:
    """Run a command several times; `.seconds` of each says how long it took."""
    runs = []
    for _ in range(times):
        start = time.perf_counter()
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        run.seconds = time.perf_counter() - start
        runs.append(run)
    return runs


def start_up(weights: list[str]) -> dict[str, float]:
    """Seconds, of fresh processes."""
    timed = "import time; start = time.perf_counter(); import zoo; print(time.perf_counter() - start)"
    command = [sys.executable, "-m", "zoo.cli"]
    return {
        "import zoo": statistics.median(float(run.stdout) for run in processes([sys.executable, "-c", timed], 7)),
        "zoo list": statistics.median(run.seconds for run in processes([*command, "list"], 7)),
        "zoo transcribe, one clip, cold": statistics.median(
            run.seconds for run in processes([*command, "transcribe", str(CLIP), *weights], 3)
        ),
    }


def peak_mb() -> float:
    """The most memory this process has held so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def warm(model_name: str, weights) -> dict[str, float]:
    """A loaded model: milliseconds for a short clip, seconds and megabytes for a long one."""
    import numpy as np

    import zoo
    from zoo.audio import load_audio

    model = zoo.load(model_name, weights=weights or "bundled")
    speech = np.concatenate([load_audio(path, RATE) for path in sorted(CLIP.parent.glob("*.wav"))])
    short, long = np.resize(speech, 3 * RATE), np.resize(speech, 120 * RATE)
    for _ in range(3):
        model.transcribe(short, sample_rate=RATE)
    seconds = []
    for _ in range(30):
        start = time.perf_counter()
        model.transcribe(short, sample_rate=RATE)
        seconds.append(time.perf_counter() - start)
    before = peak_mb()
    start = time.perf_counter()
    model.transcribe(long, sample_rate=RATE)
    return {
        "3-second clip, warm": 1000 * statistics.median(seconds),
        "two minutes in one file": time.perf_counter() - start,
        "memory beyond a 3-second clip's": peak_mb() - before,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lstm_ctc")
    parser.add_argument("--weights", help="a .weights.h5 file (default: the bundled one)")
    parser.add_argument("--backend", choices=["tensorflow", "jax"], default="tensorflow")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    # Keras reads its backend when it is imported.
    os.environ["KERAS_BACKEND"] = args.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    figures = start_up(["--weights", args.weights] if args.weights else []) | warm(args.model, args.weights)
    for name, value in figures.items():
        most, unit = BARS[name]
        print(f"{name:<34} {value:9.3f} {unit:<3} (bar: {most:g} {unit}) {'' if value <= most else '  MISSED'}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"backend": args.backend, **figures}, indent=1) + "\n")
    return int(any(value > BARS[name][0] for name, value in figures.items()))


if __name__ == "__main__":
    sys.exit(main())
