"""How fast a model answers on this machine, in how much memory and from how large a file, by runtime.

Each runtime has a process of its own on one core: what it costs to import counts as much as what it computes.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from zoo.errors import ZooError, unknown_name


class Runtime(NamedTuple):
    """Something that runs a model."""

    backend: str  # of Keras; "" for an exported file
    format: str = ""  # of that file
    quantize: str | None = None
    package: str = ""  # that must be installed


RUNTIMES = {
    "keras-tensorflow": Runtime("tensorflow", package="tensorflow"),
    "keras-jax": Runtime("jax", package="jax"),
    "litert": Runtime("", "litert", package="ai_edge_litert"),
    "litert-int8": Runtime("", "litert", "int8", "ai_edge_litert"),
    "onnx": Runtime("", "onnx", package="onnxruntime"),
}
BATCHES = (1, 32)  # clips at a time
CHILD = """
import json, os, resource, sys, time
began = time.perf_counter()
source, clip, batches = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
clip = np.load(clip)
if source.endswith((".tflite", ".onnx")):
    from zoo.runtime import Session
    ask = Session(source)
else:
    import zoo
    model = zoo.load(source)
    ask = lambda waveform, lengths: model.predict_on_batch({"waveform": waveform, "lengths": lengths})
found = {}
for batch in batches:
    inputs = np.repeat(clip[None], batch, axis=0), np.full(batch, len(clip), "int32")
    ask(*inputs)
    found.setdefault("cold_s", time.perf_counter() - began)
    times = []
    while len(times) < 5 or sum(times) < 1:
        start = time.perf_counter()
        ask(*inputs)
        times.append(time.perf_counter() - start)
    found[f"ms_{batch}"] = 1000 * float(np.median(times)) / batch
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
if os.path.exists("/proc/self/status"):  # Linux has that of the parent in ru_maxrss
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
found["peak_mb"] = peak / 1024
print(json.dumps(found))
"""


def benchmark(name: str, runtimes: Sequence[str] = (), log: Callable[[str], None] | None = None) -> list[dict]:
    """Measure a preset, or a .keras file of one's own, under each runtime that is installed, on one core.

    Args:
        name: Name of a preset, or a .keras file.
        runtimes: Some of RUNTIMES; () for all that are installed.
        log: Called with a line before each measurement.

    Returns:
        A dict for each runtime: "runtime", "mb" (of the file), "cold_s" (from the start of the process to the first answer),
        "peak_mb" of memory, "ms_1" and "ms_32" (milliseconds a clip, alone and in batches of 32; medians), "seconds" of the
        clip.

    Raises:
        UnknownNameError: For an unknown runtime.
        ZooError: If a named runtime is not installed, or cannot run the model.

    >>> benchmark("ds_cnn", ["litert"])[0]["runtime"]  # doctest: +SKIP
    'litert'
    """
    import numpy as np

    from zoo import audio, loading
    from zoo.export import export

    for runtime in runtimes:
        if runtime not in RUNTIMES:
            raise unknown_name("runtime", runtime, RUNTIMES)
        if not find_spec(RUNTIMES[runtime].package):
            raise ZooError(
                f"`runtimes` must be installed. Received: {runtime}, which needs {RUNTIMES[runtime].package}."
            )
    chosen = runtimes or [name for name, runtime in RUNTIMES.items() if find_spec(runtime.package)]
    model = loading.load(name)
    clip = audio.load_audio(audio.bundled("seven" if model.max_seconds < 10 else "woman-us"), model.config.sample_rate)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "clip.npy", clip)
        model.save(Path(folder) / "model.keras")
        for runtime in chosen:
            backend, format, quantize, _ = RUNTIMES[runtime]
            if log:
                log(f"{name}: {runtime} ...")
            file = Path(folder) / "model.keras"
            if format:
                file = export(
                    model, format, Path(folder) / (f"{runtime}." + {"litert": "tflite"}.get(format, format)), quantize
                )
            about = {
                "runtime": runtime,
                "mb": file.stat().st_size / 1e6,
                "seconds": len(clip) / model.config.sample_rate,
            }
            rows.append(about | _in_child(runtime, file, Path(folder) / "clip.npy", backend))
    return rows


def _in_child(runtime: str, file: Path, clip: Path, backend: str) -> dict:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend:
        environment |= {"KERAS_BACKEND": backend}
    command = [sys.executable, "-c", CHILD, str(file), str(clip), json.dumps(BATCHES)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise ZooError(
            f"`runtimes` must run the model. Received: {runtime} ({(done.stderr.splitlines() or ['?'])[-1]})."
        )
    return json.loads(done.stdout.splitlines()[-1])


def environment() -> dict[str, str]:
    """Return what the figures depend on: processor, system, and the versions of what ran.

    >>> "python" in environment()
    True
    """
    processor = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():  # Linux names the model there alone
        names = [line.partition(":")[2] for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = (names or [processor])[0].strip()
    found = {"processor": processor, "system": platform.platform(terse=True), "python": platform.python_version()}
    for package in ("tensorflow", "keras", "jax", "ai-edge-litert", "onnxruntime"):
        if find_spec(package.replace("-", "_")):
            found[package] = version(package)
    return found
