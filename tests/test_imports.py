"""Imports run one way, and `import zoo` is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ZOO = Path(__file__).parent.parent / "zoo"
# A module may import those before it, never those after.
ORDER = (
    "errors files text audio layers features augment frontend registry losses decoding streaming reconstruction ensemble card language model "
    "metrics plots pictures notebook baselines fewshot search datasets training crossval compare studies exporting demo "
    "recordings page cli"
).split()
FILES = sorted(path for path in ZOO.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ZOO).as_posix())
def test_imports_run_one_way(path):
    part = path.relative_to(ZOO).parts[0].removesuffix(".py")
    needed = {name.split(".")[1] for name in imported(path) if name.startswith("zoo.")}
    if part == "models":
        assert needed <= {
            "audio",
            "augment",
            "errors",
            "features",
            "frontend",
            "layers",
            "losses",
            "models",
            "registry",
            "text",
        }
    elif part in ORDER:
        assert needed & set(ORDER) <= set(ORDER[: ORDER.index(part) + 1]), f"{part} imports a later stage"
    assert part == "cli" or "cli" not in needed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ZOO).as_posix())
def test_only_export_knows_tensorflow(path):
    if path.name != "exporting.py":
        assert not [name for name in imported(path) if name.split(".")[0] in ("tensorflow", "torch", "jax")]


HEAVY = ("keras", "tensorflow", "jax", "librosa", "numpy", "scipy", "soundfile", "matplotlib", "rich", "click")


def test_import_zoo_is_light():
    code = (
        "import sys, time; start = time.perf_counter(); import zoo; print(time.perf_counter() - start,"
        f" [name for name in {HEAVY} if name in sys.modules])"
    )
    seconds = []
    for _ in range(5):
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        took, loaded = said.split(maxsplit=1)
        assert loaded.strip() == "[]"
        seconds.append(float(took))
    assert min(seconds) < 0.2
