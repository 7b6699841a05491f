"""Imports run one way, `import zoo` is light, and the package stands alone."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import refused

from zoo import backend
from zoo.errors import MissingBackendError

ZOO = Path(__file__).parent.parent / "zoo"
# A part may import those before it, never those after.
ORDER = (
    "errors words files backend registry presets recommendation text audio_containers audio_files audio clips layers models losses language decoding subtitles monitoring metrics "
    "baselines tasks weights_files loading runtime exported hub entry cluster plots datasets notebook widgets exercises evaluation training quantization "
    "examples export microcontroller benchmark demo web serve cli"
).split()
# Older paths of what lies elsewhere now: for notebooks, and imported by nothing in the package.
OLD_PATHS = "ensemble features model pictures search".split()
FILES = sorted(ZOO.rglob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ZOO).as_posix())


def imported(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(path: Path) -> str:
    return path.relative_to(ZOO).parts[0].removesuffix(".py")


def test_every_part_has_its_place():
    assert {part_of(path) for path in FILES} - {"__init__", *OLD_PATHS} == set(ORDER)


@every_file
def test_imports_run_one_way(path):
    part = part_of(path)
    known = {path.stem for path in FILES} | {path.parent.name for path in FILES}
    needed = {name.split(".")[1] for name in imported(path) if name.startswith("zoo.")} & known
    if part == "models":  # a model file is short because it knows little
        assert needed <= {"errors", "layers", "losses", "models", "registry", "text"}
    elif part in ORDER:
        assert needed <= set(ORDER[: ORDER.index(part) + 1])


@every_file
def test_the_package_stands_alone(path):
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {"experiments", "scripts", "benchmarks", "tests"}
    assert path.name in ("export.py", "microcontroller.py", "runtime.py", "hosts.py") or not roots & {
        "tensorflow",
        "torch",
        "jax",
    }
    # data/manifests in a checkout is zoo/manifests in a wheel, and data/samples is zoo/samples.
    outside = ("parent.parent", "parents[1]", "parents[2]")
    if path.relative_to(ZOO).as_posix() not in ("datasets/manifests.py", "audio.py"):
        assert not [word for word in outside if word in path.read_text(encoding="utf-8")]


@every_file
def test_no_file_is_longer_than_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


HEAVY = ("keras", "tensorflow", "jax", "librosa", "numpy", "scipy", "soundfile", "matplotlib", "rich", "click")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_zoo_is_light():
    code = (
        "import sys, time; start = time.process_time(); import zoo; zoo.list_models(); zoo.card('lstm_ctc');"
        f"print(time.process_time() - start, [name for name in {HEAVY} if name in sys.modules])"
    )
    found = [run(code).split(maxsplit=1) for _ in range(2)]
    assert {loaded.strip() for _, loaded in found} == {"[]"}
    assert min(float(seconds) for seconds, _ in found) < 0.2


@pytest.mark.parametrize("installed, chosen", [("tensorflow jax", None), ("jax torch", "jax"), ("torch", "torch")])
def test_a_backend_that_is_installed_is_chosen(installed, chosen, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))  # no keras.json
    monkeypatch.setenv("KERAS_BACKEND", "of before")  # so that it is put back
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(backend, "find_spec", lambda name: name in {"keras", *installed.split()} or None)
    backend.choose()
    assert os.environ.get("KERAS_BACKEND") == chosen


def test_without_a_backend_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    with refused("runtime", MissingBackendError):
        backend.choose()
