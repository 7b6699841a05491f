"""Run the notebooks, keep what they print and draw, and insist on what every one of them promises.

    python notebooks/run.py                  run all, write their outputs (`make notebooks`)
    python notebooks/run.py 01 06            these only
    ZOO_FAST=1 python notebooks/run.py       run all with short trainings, write nothing (continuous integration)
    python notebooks/run.py --check          run nothing: form, badges, outputs older than their code, translations
    python notebooks/run.py --badges         write badges and set-up cells again, after the address in setup.cfg changed

The English notebooks are run; those of notebooks/zh have the same code cells and are given the same outputs.
"""

import argparse
import base64
import configparser
import hashlib
import io
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import nbformat
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MOST_CELLS = 40
MOST_BYTES = 100_000  # besides pictures and sounds
MOST_LINES = 10  # of the median code cell
NOTEBOOK_SECONDS = {"00": 60.0}  # of a whole notebook on two cores; any other has OTHER_SECONDS
OTHER_SECONDS = 300.0
CELL_SECONDS = 180.0
EXERCISES = 3
MEDIA = re.compile(r"image/|data:audio/[^\"']*")
NOISE = re.compile(
    r"^(INFO: Created TensorFlow Lite|WARNING: All log messages before absl|[IWE]\d{4} |\d{4}-\d\d-\d\d .*: [IWE] |\s*$)"
)
# Between punctuation and a Chinese character Markdown sees no mark of emphasis: the punctuation must stand outside.
MARKED = re.compile(r"(.?)(?<!\*)(\*{1,2})(?![*\s])([^*\n]+)\2(?!\*)(.?)")
FOLDED = re.compile(r"<details>(.*?)</details>", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
SETUP = """\
import sys

if "google.colab" in sys.modules:  # Colab has TensorFlow and Keras; this adds the zoo
    %pip install -q "speech-zoo @ git+{address}"
"""


class Fault(Exception):
    """One sentence about what is wrong with a notebook."""


def address() -> str:
    """Where the project lives: `url` in setup.cfg, and nowhere else."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config["metadata"]["url"]


def badge(path: Path) -> str:
    place = path.relative_to(HERE).as_posix()
    repository = address().removeprefix("https://github.com/")
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{repository}/blob/main/notebooks/{place})"
    )


def read(path: Path):
    return nbformat.read(path, as_version=4)


def write(path: Path, notebook) -> None:
    """Whole or not at all."""
    partial = path.with_suffix(".partial")
    nbformat.write(notebook, partial)
    os.replace(partial, path)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def fingerprint(notebook) -> str:
    """Of all code in order: outputs made with another one are stale."""
    return hashlib.sha256("\0".join(cell.source for cell in code_cells(notebook)).encode()).hexdigest()[:16]


def solutions(notebook) -> list[str]:
    """The code of the folded solutions, in order."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return [code for folded in FOLDED.findall(text) for code in ["\n".join(PYTHON.findall(folded))] if code]


def size(notebook) -> int:
    """Bytes of a notebook, its pictures and sounds left out."""
    total = sum(len(cell.source.encode()) for cell in notebook.cells)
    for cell in code_cells(notebook):
        for output in cell.outputs:
            total += len(output.get("text", "").encode())
            for kind, data in output.get("data", {}).items():
                total += 0 if MEDIA.match(kind) else len(MEDIA.sub("", str(data)).encode())
    return total


def unseen(text: str) -> list[str]:
    """Emphasised text that would be shown with its asterisks."""

    def hidden(inside: str, outside: str) -> bool:
        return not inside.isalnum() and inside not in "`$\\" and "\u4e00" <= outside <= "\u9fff"

    text = re.sub(r"```.*?```|`[^`\n]*`|\$[^$]*\$", "x", text, flags=re.DOTALL)
    return [m[0] for m in MARKED.finditer(text) if hidden(m[3][-1], m[4]) or hidden(m[3][0], m[1])]


def faults(path: Path) -> list[str]:
    """What is wrong with a notebook as it lies there; it is not run."""
    notebook, found = read(path), []
    first, code = notebook.cells[0].source, code_cells(notebook)
    if badge(path) not in first:
        found.append(f"the first cell must have the badge of this notebook: {badge(path)}")
    if code[0].source.strip() != SETUP.format(address=address()).strip():
        found.append("the first code cell must be the set-up cell (write it with --badges)")
    if len(notebook.cells) > MOST_CELLS:
        found.append(f"a notebook has at most {MOST_CELLS} cells; this has {len(notebook.cells)}")
    if size(notebook) > MOST_BYTES:
        found.append(f"a notebook has at most {MOST_BYTES:,} bytes besides pictures; this has {size(notebook):,}")
    lines = median(len(cell.source.splitlines()) for cell in code[1:])
    if lines > MOST_LINES:
        found.append(f"the median code cell has at most {MOST_LINES} lines; here it has {lines:g}")
    if len(solutions(notebook)) < EXERCISES:
        found.append(f"there must be {EXERCISES} folded solutions with code; there are {len(solutions(notebook))}")
    if notebook.metadata.get("zoo", {}).get("code") != fingerprint(notebook):
        found.append("the outputs are stale: the code has changed since (make notebooks)")
    for i, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                found.append(f"cell {i} ended in {output.ename}")
            said = output.get("text", "") + "".join(
                data for kind, data in output.get("data", {}).items() if isinstance(data, str) and not MEDIA.match(kind)
            )
            home = next((place for place in (str(ROOT.parent), str(Path.home())) if place + "/" in said), None)
            if home:
                found.append(f"the output of cell {i} names a folder of the machine it ran on")
        if cell.cell_type == "markdown":
            found += [f"cell {i} has an emphasis that Markdown does not see: {text}" for text in unseen(cell.source)]
    english = HERE / path.name
    if path != english and english.exists():
        theirs = read(english)
        if [c.cell_type for c in theirs.cells] != [c.cell_type for c in notebook.cells]:
            found.append("the cells must be of the same kinds in the same order as in the English notebook")
        for i, (a, b) in enumerate(zip(code_cells(theirs), code, strict=False)):
            if a.source != b.source or a.outputs != b.outputs:
                found.append(f"code cell {i} must be the one of the English notebook, its outputs too")
        if [PYTHON.findall(s) for s in solutions(theirs)] != [PYTHON.findall(s) for s in solutions(notebook)]:
            found.append("the solutions must be those of the English notebook")
    elif not (HERE / "zh" / path.name).exists():
        found.append(f"there is no translation zh/{path.name}")
    return found


def execute(path: Path, limit: float | None = None) -> tuple[object, float, list[tuple[float, int]]]:
    """Run a notebook and then its solutions, which are not kept.

    Returns: (the notebook with its outputs, seconds without the solutions, (seconds, cell) of every code cell).
    Raises: Fault where a cell fails or takes too long, or a solution fails.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook, times = read(path), []
    client = NotebookClient(notebook, timeout=limit or CELL_SECONDS, kernel_name="python3", record_timing=False)
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "ZOO_NO_MICROPHONE": "1"}
    environment.pop("MPLBACKEND", None)  # the kernel's own: pictures go into the notebook
    start = time.perf_counter()
    # What goes to the kernel's own stderr are logs of TensorFlow; errors come with the cells.
    with client.setup_kernel(env=environment, cwd=str(HERE), stderr=subprocess.DEVNULL):
        for i, cell in enumerate(notebook.cells):
            began = time.perf_counter()
            try:
                client.execute_cell(cell, i)
            except CellTimeoutError:
                raise Fault(f"cell {i} takes more than {limit or CELL_SECONDS:g} s") from None
            except DeadKernelError:
                raise Fault(f"Python itself died in cell {i}") from None
            except CellExecutionError as error:
                raise Fault(f"cell {i} failed: {error.ename}: {error.evalue}\n{_tail(str(error))}") from None
            if cell.cell_type == "code":
                times.append((time.perf_counter() - began, i))
        seconds = time.perf_counter() - start
        for i, code in enumerate(solutions(notebook), 1):
            cell = nbformat.v4.new_code_cell(code)
            notebook.cells.append(cell)
            try:
                client.execute_cell(cell, len(notebook.cells) - 1)
            except (CellExecutionError, CellTimeoutError) as error:
                raise Fault(f"the solution of exercise {i} failed: {_tail(str(error))}") from None
            notebook.cells.pop()
    allowed = NOTEBOOK_SECONDS.get(path.name[:2], OTHER_SECONDS)
    if seconds > allowed:
        slow = ", ".join(f"cell {i} {s:.0f} s" for s, i in sorted(times, reverse=True)[:3])
        raise Fault(f"it took {seconds:.0f} s, more than {allowed:g} ({slow})")
    return notebook, seconds, times


def _tail(text: str, lines: int = 12) -> str:
    return "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", text).strip().splitlines()[-lines:])


def smaller(picture: str) -> str:
    """A PNG in base64 with 256 colours, which is less than half of it; the history of the repository counts."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    data = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(data, "PNG", optimize=True)
    small = base64.b64encode(data.getvalue()).decode()
    return small if len(small) < len(picture) else picture


def tidy(notebook) -> None:
    """Leave out what differs from run to run and says nothing: logs of TensorFlow, the machine's kernel, timings."""
    for count, cell in enumerate(code_cells(notebook), 1):
        cell.execution_count = count
        cell.metadata.pop("execution", None)
        kept = []
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                said = [line for line in output.text.splitlines() if not NOISE.match(line)]
                if not said:
                    continue
                output.text = "\n".join(said) + "\n"
            if output.output_type == "execute_result":
                output.execution_count = count
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
            kept.append(output)
        cell.outputs = kept
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "zoo": {"code": fingerprint(notebook)},
        }
    )


def translate(notebook, path: Path) -> None:
    """Give the code cells and outputs of an English notebook to its translation."""
    other = HERE / "zh" / path.name
    if not other.exists():
        return
    theirs = read(other)
    if [c.cell_type for c in theirs.cells] != [c.cell_type for c in notebook.cells]:
        return  # the check says so
    for mine, their in zip(notebook.cells, theirs.cells, strict=True):
        if mine.cell_type == "code":
            their.source, their.outputs, their.execution_count = mine.source, mine.outputs, mine.execution_count
    theirs.metadata = notebook.metadata
    write(other, theirs)


def write_badges(path: Path) -> None:
    """Badge and set-up cell for the address in setup.cfg; nothing else is touched."""
    notebook = read(path)
    first, code = notebook.cells[0], code_cells(notebook)[0]
    stale = notebook.metadata.get("zoo", {}).get("code") != fingerprint(notebook)
    first.source = re.sub(r"\[!\[Open in Colab\]\(.*?\)\]\(.*?\)", lambda _: badge(path), first.source)
    code.source = SETUP.format(address=address()).strip()
    if not stale:  # a new address changes no output
        notebook.metadata["zoo"]["code"] = fingerprint(notebook)
    write(path, notebook)


def missing_data(path: Path) -> str | None:
    """A sentence about a data set that a notebook loads and that is not to be had here, or None."""
    from zoo import datasets
    from zoo.errors import ZooError

    text = "\n".join(cell.source for cell in code_cells(read(path)))
    for name in sorted(set(re.findall(r"datasets\.load\(\s*\"(\w+)\"", text)) - {"folder"}):
        try:
            datasets.load(name, datasets.describe(name).splits[0])
        except (ZooError, OSError) as error:
            return f"it needs the data set {name}: {error}"
    return None


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 01 (default: all)")
    parser.add_argument("--check", action="store_true", help="run nothing, check all")
    parser.add_argument("--badges", action="store_true", help="write badges and set-up cells again")
    parser.add_argument("--jobs", type=int, default=None, help="notebooks at a time (default: 1; with ZOO_FAST=1: 2)")
    given = parser.parse_args(arguments)
    fast = os.environ.get("ZOO_FAST") == "1"
    paths = sorted(path for path in HERE.glob("*.ipynb") if path.name.startswith(tuple(given.names) or ""))
    if not paths:
        names = ", ".join(path.stem for path in sorted(HERE.glob("*.ipynb")))
        print(f"Notebooks are named by how they begin; {' '.join(given.names)} is none of {names}.", file=sys.stderr)
        return 2
    every = [*paths, *(HERE / "zh" / path.name for path in paths if (HERE / "zh" / path.name).exists())]
    if given.badges:
        for path in every:
            write_badges(path)
        return 0
    bad = 0
    if not given.check:

        def run(path: Path) -> str | None:
            """A fault, or None."""
            try:
                lacking = missing_data(path)
                if lacking and fast:
                    print(f"{path.name}: skipped, for {lacking}", flush=True)
                    return None
                notebook, seconds, times = execute(path)
                slowest = max(times)
                print(f"{path.name}: {seconds:.0f} s, the slowest cell ({slowest[1]}) {slowest[0]:.0f} s", flush=True)
                if not fast:
                    tidy(notebook)
                    write(path, notebook)
                    translate(notebook, path)
                return None
            except Fault as fault:
                return str(fault)

        with ThreadPoolExecutor(given.jobs or (2 if fast else 1)) as pool:
            for path, fault in zip(paths, pool.map(run, paths), strict=True):
                if fault:
                    bad += 1
                    print(f"{path.name}: {fault}", file=sys.stderr, flush=True)
    for path in every:
        for fault in faults(path):
            bad += 1
            print(f"{path.relative_to(HERE)}: {fault}", file=sys.stderr)
    print(f"{len(every)} notebooks, {bad} faults." if bad else f"{len(every)} notebooks, all well.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
