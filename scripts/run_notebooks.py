"""Runs the notebooks, keeps what they print and draw, and checks their form.

    python scripts/run_notebooks.py              run all, write their outputs (`make notebooks`)
    python scripts/run_notebooks.py 01 06        these only
    ZOO_FAST=1 python scripts/run_notebooks.py   run all with short trainings, write nothing (continuous integration)
    python scripts/run_notebooks.py --check      run nothing: form, badges, outputs older than their code, translations
    python scripts/run_notebooks.py --chinese 01 run notebooks/zh/01* with labels in Chinese, write their own outputs
    python scripts/run_notebooks.py --lines      run nothing: write printed lines and tables of notebooks/zh in Chinese again
    python scripts/run_notebooks.py --badges     write badges and set-up cells again, after the address in setup.cfg changed

The English notebooks are run; those of notebooks/zh have the same code cells and are given the same outputs, with printed
lines and tables in Chinese (zoo/lines_zh.json), unless --chinese has run them themselves (that needs a font with Chinese
characters for the pictures).
"""

import argparse
import base64
import configparser
import copy
import hashlib
import html
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

import zoo
from zoo.notebook import aligned
from zoo.words import translated, translated_html, translated_print

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "notebooks"
MAX_CELLS = 44
MAX_BYTES = 100_000  # besides pictures and sounds
MAX_LINES = 10  # of the median code cell
MIN_EXERCISES = 3
CELL_SECONDS = 180
NOTEBOOK_SECONDS = 300  # on two cores, the solutions too
MEDIA = re.compile(r"image/|data:audio/[^\"']*")
# Of a copy of ESC-10 with a damaged file, the warning and the line of code below it are noise too.
NOISE = re.compile(
    r"^(.*AudioWarning: .* is cut short|  classes\.setdefault|  return load_audio|  samples = load_audio|.*\d+%\|.*it/s|INFO: Created TensorFlow Lite|WARNING: All log messages before absl|[IWE]\d{4} |\d{4}-\d\d-\d\d .*: [IWE] |\s*$)"
)
SOLUTION = re.compile(r"<details>(.*?)</details>", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
PLACEHOLDER = "https://github.com/YOUR_ACCOUNT/speech-zoo"
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{}/blob/main/notebooks/{})"
# The line below the title: the badge, where the address is known, and the glossary.
HEADER = re.compile(r"^(\[!\[Open in Colab\]\(.*?\)\]\(.*?\) ?)?\[(Glossary|词汇表)\]\(.*?\)", re.MULTILINE)
SETUP = """\
# Colab and Kaggle: installs the zoo. Where it is installed already, this cell does nothing.
import importlib.util
import subprocess
import sys

WHEEL = "{wheel}"
if importlib.util.find_spec("zoo") is None:
    if subprocess.run([sys.executable, "-m", "pip", "install", "-qqq", WHEEL]).returncode:
        sys.exit("The zoo could not be installed: is the internet reachable? (Kaggle: Settings, Internet on.)")
    importlib.invalidate_caches()
    if "keras" in sys.modules:
        sys.exit("Installed. Keras was loaded before, so restart the session, then run all cells from the top.")

_ = importlib.import_module("zoo.notebook")  # first, so that TensorFlow starts without log lines"""


class Fault(Exception):
    """What is wrong with a notebook."""


def address() -> str:
    """Where the project lives: `url` in setup.cfg, and nowhere else."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config["metadata"]["url"]


def header(path: Path) -> str:
    """The line below the title of a notebook."""
    chinese, url = path.parent.name == "zh", address()
    name = "词汇表" if chinese else "Glossary"
    if url == PLACEHOLDER:  # no badge that leads nowhere
        return f"[{name}]({'../' * chinese}GLOSSARY.md)"
    badge = BADGE.format(url.removeprefix("https://github.com/"), path.relative_to(HERE).as_posix())
    return f"{badge} [{name}]({url}/blob/main/notebooks/GLOSSARY.md)"


def setup() -> str:
    """The first code cell. The wheel lies beside the documentation site (.github/workflows/pages.yml)."""
    account, name = address().removeprefix("https://github.com/").split("/")
    return SETUP.format(wheel=f"https://{account}.github.io/{name}/speech_zoo-{zoo.__version__}-py3-none-any.whl")


def read(path: Path):
    return nbformat.read(path, as_version=4)


def write(path: Path, notebook) -> None:
    """Writes a notebook whole or not at all."""
    partial = path.with_suffix(".partial")
    nbformat.write(notebook, partial)
    os.replace(partial, path)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def fingerprint(notebook) -> str:
    """Hash of all code: outputs made with another one are stale."""
    return hashlib.sha256("\0".join(cell.source for cell in code_cells(notebook)).encode()).hexdigest()[:16]


def is_stale(notebook) -> bool:
    return notebook.metadata.get("zoo", {}).get("code") != fingerprint(notebook)


def solutions(notebook) -> list[str]:
    """The code of the folded solutions, in order."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return [code for folded in SOLUTION.findall(text) if (code := "\n".join(PYTHON.findall(folded)))]


def texts(output) -> str:
    """What an output says, pictures and sounds left out."""
    data = output.get("data", {}).items()
    return output.get("text", "") + "".join(MEDIA.sub("", str(value)) for kind, value in data if not MEDIA.match(kind))


def size(notebook) -> int:
    """Bytes of a notebook, its pictures and sounds left out."""
    outputs = [texts(output) for cell in code_cells(notebook) for output in cell.outputs]
    return sum(len(text.encode()) for text in [*(cell.source for cell in notebook.cells), *outputs])


# --- checks


def faults(path: Path) -> list[str]:
    """What is wrong with a notebook as it lies there; it is not run."""
    notebook = read(path)
    code, solved = code_cells(notebook), len(solutions(notebook))
    lines = median(len(cell.source.splitlines()) for cell in code[1:])
    outputs = [(i, output) for i, cell in enumerate(notebook.cells) for output in cell.get("outputs", ())]
    homes = (f"{ROOT.parent}/", f"{Path.home()}/")
    checks = {
        f"the first cell must have this line: {header(path)}": header(path) in notebook.cells[0].source.splitlines(),
        "the first code cell must be the set-up cell (write it with --badges)": code[0].source == setup(),
        f"a notebook has at most {MAX_CELLS} cells; this has {len(notebook.cells)}": len(notebook.cells) <= MAX_CELLS,
        f"a notebook has at most {MAX_BYTES:,} bytes besides pictures; this has {size(notebook):,}": size(notebook)
        <= MAX_BYTES,
        f"the median code cell has at most {MAX_LINES} lines; here it has {lines:g}": lines <= MAX_LINES,
        f"there must be {MIN_EXERCISES} folded solutions with code; there are {solved}": solved >= MIN_EXERCISES,
        "the outputs are stale: the code has changed since (make notebooks)": not is_stale(notebook),
    }
    found = [fault for fault, well in checks.items() if not well]
    found += [f"cell {i} ended in {output.ename}" for i, output in outputs if output.output_type == "error"]
    folders = {i for i, output in outputs if any(home in texts(output) for home in homes)}
    found += [f"the output of cell {i} names a folder of the machine it ran on" for i in sorted(folders)]
    return found + translation_faults(path, notebook)


def translation_faults(path: Path, notebook) -> list[str]:
    """Where a translation differs from the English notebook in more than its text."""
    english = HERE / path.name
    if path == english:
        return [] if (HERE / "zh" / path.name).exists() else [f"there is no translation zh/{path.name}"]
    theirs, found = read(english), []
    if [c.cell_type for c in theirs.cells] != [c.cell_type for c in notebook.cells]:
        found.append("the cells must be of the same kinds in the same order as in the English notebook")
    own = notebook.metadata.get("zoo", {}).get("language") == "zh"  # outputs of its own: of the same kinds
    for i, (a, b) in enumerate(zip(code_cells(theirs), code_cells(notebook), strict=False)):
        same = (
            [o.output_type for o in a.outputs] == [o.output_type for o in b.outputs]
            if own
            else in_chinese(a.outputs) == b.outputs
        )
        if a.source != b.source or not same:
            found.append(f"code cell {i} must be the one of the English notebook, its outputs too")
    if solutions(theirs) != solutions(notebook):
        found.append("the solutions must be those of the English notebook")
    return found


# --- runs


def execute(path: Path) -> tuple[object, float]:
    """Runs a notebook and after it its solutions, which are not kept: (the notebook with its outputs, seconds).

    Raises:
        Fault: If a cell or a solution fails, or takes too long.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook, start = read(path), time.perf_counter()
    count = len(notebook.cells)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in solutions(notebook)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "ZOO_NO_MICROPHONE": "1", "ZOO_STATIC": "1"}
    environment["ZOO_LANGUAGE"] = "zh" if path.parent.name == "zh" else "en"
    environment.pop("MPLBACKEND", None)  # the kernel's own: pictures go into the notebook
    folder = {"metadata": {"path": str(HERE)}}
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name="python3", record_timing=False, resources=folder
    )
    try:
        # What goes to the kernel's own stderr are logs of TensorFlow; errors come with the cells.
        client.execute(env=environment, stderr=subprocess.DEVNULL)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise Fault("\n".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()[-20:])) from None
    del notebook.cells[count:]
    seconds = time.perf_counter() - start
    if seconds > NOTEBOOK_SECONDS:
        raise Fault(f"it took {seconds:.0f} s, more than {NOTEBOOK_SECONDS:g}")
    return notebook, seconds


def compressed(picture: str) -> str:
    """A PNG in base64 with 256 colours, less than half of it, for the sake of the repository's history."""
    data, image = io.BytesIO(), Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(data, "PNG", optimize=True)
    return min(picture, base64.b64encode(data.getvalue()).decode(), key=len)


def joined(outputs: list) -> list:
    """The outputs with the pieces of a stream, which arrive as chance will have it, put together."""
    found = []
    for output in outputs:
        if found and "name" in output and found[-1].get("name") == output.name:
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def in_chinese(outputs: list) -> list:
    """The outputs for a translation: printed lines, tables and titles of players in Chinese, pictures as they are."""
    found = copy.deepcopy(outputs)
    for output in found:
        data = output.get("data", {})
        if "text" in output:
            output.text = translated_print(output.text)
        elif "text/html" in data:
            page = data["text/html"] = translated_html(data["text/html"])
            rows = [re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]
            cells = [[html.unescape(re.sub("<.*?>", "", cell)) for cell in row] for row in rows]
            data["text/plain"] = aligned(cells) if cells else translated(data["text/plain"])
    return found


def tidy(notebook) -> None:
    """Leaves out what differs from run to run and says nothing: logs of TensorFlow, the machine's kernel, timings."""
    for count, cell in enumerate(code_cells(notebook), 1):
        cell.execution_count = count
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            if output.get("name") == "stderr":
                output.text = "".join(f"{line}\n" for line in output.text.splitlines() if not NOISE.match(line))
            if output.output_type == "execute_result":
                output.execution_count = count
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = compressed(output.data["image/png"])
        cell.outputs = joined([output for output in cell.outputs if output.get("text") != ""])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}, "zoo": {"code": fingerprint(notebook)}}
    notebook.metadata = nbformat.from_dict(about)


def keep(notebook, path: Path) -> None:
    """Writes a notebook, and its code cells and outputs into its translation."""
    tidy(notebook)
    if path.parent.name == "zh":
        notebook.metadata["zoo"]["language"] = "zh"
    write(path, notebook)
    translation = HERE / "zh" / path.name
    theirs = read(translation) if translation.exists() and path.parent == HERE else None
    if theirs and [c.cell_type for c in theirs.cells] == [c.cell_type for c in notebook.cells]:
        for ours, cell in zip(notebook.cells, theirs.cells, strict=True):
            if ours.cell_type == "code":
                cell.source, cell.outputs, cell.execution_count = (
                    ours.source,
                    in_chinese(ours.outputs),
                    ours.execution_count,
                )
        theirs.metadata = notebook.metadata
        write(translation, theirs)


def write_badges(path: Path) -> None:
    """Writes badge and set-up cell for the address in setup.cfg, and nothing else."""
    notebook = read(path)
    stale, first = is_stale(notebook), notebook.cells[0]
    first.source = HEADER.sub(lambda _: header(path), first.source)
    code_cells(notebook)[0].source = setup()
    if not stale:  # a new address changes no output
        notebook.metadata["zoo"]["code"] = fingerprint(notebook)
    write(path, notebook)


def write_lines(path: Path) -> None:
    """Gives a translation without outputs of its own those of the English notebook again, after lines_zh.json changed."""
    notebook, english = read(path), read(HERE / path.name)
    for ours, cell in zip(code_cells(english), code_cells(notebook), strict=True):
        if notebook.metadata.get("zoo", {}).get("language") != "zh":
            cell.outputs = in_chinese(ours.outputs)
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


def run(path: Path) -> str | None:
    """Runs a notebook and keeps its outputs, unless ZOO_FAST is 1; returns a fault or None."""
    fast = os.environ.get("ZOO_FAST") == "1"
    if fast and (lacking := missing_data(path)):
        print(f"{path.name}: skipped, for {lacking}", flush=True)
        return None
    try:
        notebook, seconds = execute(path)
    except Fault as fault:
        return str(fault)
    print(f"{path.name}: {seconds:.0f} s", flush=True)
    if not fast:
        keep(notebook, path)
    return None


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 01 (default: all)")
    parser.add_argument("--check", action="store_true", help="run nothing, check all")
    parser.add_argument("--chinese", action="store_true", help="run the Chinese notebooks, with their own outputs")
    parser.add_argument("--lines", action="store_true", help="translate printed lines and tables again")
    parser.add_argument("--badges", action="store_true", help="write badges and set-up cells again")
    parser.add_argument("--jobs", type=int, help="notebooks at a time (default: 1; with ZOO_FAST=1: 2)")
    args = parser.parse_args(arguments)
    paths = sorted(path for path in HERE.glob("*.ipynb") if path.name.startswith(tuple(args.names) or ""))
    if not paths:
        parser.error(f"no notebook begins with {' '.join(args.names)}")
    every = [*paths, *(path for path in (HERE / "zh" / path.name for path in paths) if path.exists())]
    if args.badges:
        for path in every:
            write_badges(path)
        return 0
    if args.lines:
        for path in every[len(paths) :]:
            write_lines(path)
        return 0
    bad = []
    if not args.check:
        jobs = args.jobs or (2 if os.environ.get("ZOO_FAST") == "1" else 1)
        with ThreadPoolExecutor(jobs) as pool:
            chosen = [HERE / "zh" / path.name for path in paths] if args.chinese else paths
            bad += [f"{path.name}: {fault}" for path, fault in zip(chosen, pool.map(run, chosen), strict=True) if fault]
    bad += [f"{path.relative_to(HERE)}: {fault}" for path in every for fault in faults(path)]
    for fault in bad:
        print(fault, file=sys.stderr)
    print(f"{len(every)} notebooks, {len(bad)} faults." if bad else f"{len(every)} notebooks, all well.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
