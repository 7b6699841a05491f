"""Measures what each way of installing takes on disk, and writes the table of docs/start/index.md.

    python scripts/install_sizes.py            all, each into a fresh environment that is deleted again: half an hour
    python scripts/install_sizes.py litert cpu    these only; their rows are written, the others stay

Sizes are of all files in site-packages, without pip and setuptools, with the versions in constraints.txt.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "start" / "index.md"
WAYS = {  # name of a row -> what it is for; an extra, or a file in requirements/
    "": "load, transcribe, train, evaluate, the command `zoo`; GPU or not",
    "demo": "the demo page",
    "notebooks": "JupyterLab and a microphone",
    "demo,notebooks": "both, as above",
    "export": "export to LiteRT and ONNX, and their runtimes",
    "cpu": "everything, TensorFlow without GPU support",
    "jax": "everything but the export, under JAX instead of TensorFlow",
    "litert": 'only `runtime="litert"`: transcribe and classify without TensorFlow and Keras',
}


def title(way: str) -> str:
    """What a user types."""
    if (ROOT / "requirements" / f"{way}.txt").exists():
        return f"`pip install -r requirements/{way}.txt`, then `pip install --no-deps .`"
    return f'`pip install ".[{way}]"`' if way else "`pip install .`"


def measure(way: str, folder: Path) -> tuple[int, float]:
    """Installs into a fresh environment: (packages, GB)."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt"]
    file = ROOT / "requirements" / f"{way}.txt"
    if file.exists():
        subprocess.run([*pip, "-r", file], check=True)
        subprocess.run([*pip, "--no-deps", ROOT], check=True)
    else:
        subprocess.run([*pip, f"{ROOT}[{way}]" if way else ROOT], check=True)
    (packages,) = folder.glob("lib/*/site-packages")
    own = [path for path in packages.iterdir() if not re.match(r"pip|setuptools|pkg_resources|_distutils", path.name)]
    files = [file for path in own for file in (path.rglob("*") if path.is_dir() else [path])]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return sum(path.suffix == ".dist-info" for path in own), size / 1e9


def write(row: str) -> None:
    """Puts the row of a way into the table, in the place of an older one."""
    text = PAGE.read_text(encoding="utf-8")
    start, end = text.index("<!-- sizes -->"), text.index("<!-- /sizes -->")
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in text[start:end].splitlines() if "`pip" in line}
    rows[row.split(" | ")[0].removeprefix("| ")] = row
    lines = ["<!-- sizes -->\n", "| install | for | packages | size |", "|---|---|---:|---:|"]
    lines += [rows[title(way)] for way in WAYS if title(way) in rows]
    PAGE.write_text(text[:start] + "\n".join(lines) + "\n\n" + text[end:], encoding="utf-8")


def main() -> None:
    for way in sys.argv[1:] or WAYS:
        with tempfile.TemporaryDirectory() as folder:
            count, size = measure(way, Path(folder))
        row = f"| {title(way)} | {WAYS[way]} | {count} | {size:.2f} GB |"
        print(row, flush=True)
        write(row)


if __name__ == "__main__":
    main()
