"""The notebooks keep what they promise in form; `notebooks/run.py` runs them, and here it is shown to notice what is wrong.

That they run is tested by `make notebooks` and by continuous integration.
"""

import ast
import doctest
import importlib
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))

import run  # noqa: E402

EVERY = sorted((ROOT / "notebooks").glob("*.ipynb")) + sorted((ROOT / "notebooks" / "zh").glob("*.ipynb"))


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.relative_to(run.HERE).as_posix())
def test_form_badge_outputs_and_translation(path):
    assert run.faults(path) == []


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.relative_to(run.HERE).as_posix())
def test_every_code_cell_has_been_run(path):
    assert all(cell.execution_count for cell in run.code_cells(run.read(path)))


def test_the_glossary_sends_to_notebooks_that_have_the_word():
    lines = (run.HERE / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")][2:]
    words = [row[0] for row in rows]
    assert len(words) > 30 and words == sorted(words, key=str.lower) and len(set(words)) == len(words)
    texts = {p: "\n".join(c.source for c in run.read(p).cells if c.cell_type == "markdown").lower() for p in EVERY}
    for english, chinese, meaning, translated, number in rows:
        assert meaning.strip() and re.search("[\u4e00-\u9fff]", translated), english
        for path, text in texts.items():
            if path.name.startswith(number):
                word = chinese if path.parent.name == "zh" else re.sub(r" \(.*", "", english)
                assert word.lower() in text, f"{path} has no {word!r}"
    for path, text in texts.items():
        assert "](../glossary.md)" in text if path.parent.name == "zh" else "](glossary.md)" in text, path


def test_the_figures_from_a_gpu_are_those_that_were_measured():
    steps = json.loads((ROOT / "data" / "results" / "gpu.json").read_text())["steps"]
    for path in (path for path in EVERY if path.name == "08_gpu_training.ipynb"):
        [text] = [cell.source for cell in run.read(path).cells if "benchmarks/gpu.py" in cell.source]
        assert sorted(re.findall(r"[\d.]+ ms", text)) == sorted(f"{step['ms']:.1f} ms" for step in steps)


def calls(source: str) -> set[tuple[str, str]]:
    """(module, name) of what a cell takes out of zoo by name: imports, and zoo.x.y."""
    lines = ["pass" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    found = set()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "zoo":
            found |= {(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("zoo."):
            found.add(("zoo", ast.unparse(node).removeprefix("zoo.")))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add((f"zoo.{node.value.id}", node.attr))  # plots.bars, after `from zoo import plots`
    return found


def public(module: str, name: str):
    """A function or class of zoo, or None for what is something else, such as a method of an object."""
    try:
        thing = importlib.import_module(module)
    except ModuleNotFoundError:
        return None
    for part in name.split("."):
        thing = getattr(thing, part, None)
    if isinstance(thing, type) and issubclass(thing, Exception):
        return None
    return thing if callable(thing) and (getattr(thing, "__module__", "") or "").startswith("zoo") else None


@pytest.mark.slow
def test_every_function_that_a_notebook_uses_has_an_example():
    """test_doctests runs the examples."""
    found = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = run.read(path)
        for source in [cell.source for cell in run.code_cells(notebook)[1:]] + run.solutions(notebook):
            found |= calls(source)
    things = {f"{thing.__module__}.{thing.__qualname__}": thing for thing in (public(*one) for one in found) if thing}
    assert "zoo.model.load" in things and len(things) > 5
    examples = doctest.DocTestParser().get_examples
    assert [name for name, thing in sorted(things.items()) if not examples(thing.__doc__ or "")] == []


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with one good miniature notebook and its translation."""
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.delenv("ZOO_FAST", raising=False)
    fold = "<details><summary>Solution</summary>\n\n```python\nassert x == 2\n```\n</details>\n"

    def make(path, title, code="x = 1 + 1\nprint(x)", folded=fold):
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [
            nbformat.v4.new_markdown_cell(f"# {title}\n\n{run.badge(path)}"),
            nbformat.v4.new_code_cell(run.SETUP.format(address=run.address()).strip()),
            nbformat.v4.new_code_cell(code),
            nbformat.v4.new_markdown_cell(folded * 3),
        ]
        for i, cell in enumerate(notebook.cells):
            cell.id = f"cell-{i}"
        path.parent.mkdir(exist_ok=True)
        run.write(path, notebook)

    make(tmp_path / "01_small.ipynb", "Small")
    make(tmp_path / "zh" / "01_small.ipynb", "小")
    make.path, make.chinese = tmp_path / "01_small.ipynb", tmp_path / "zh" / "01_small.ipynb"
    return make


@pytest.mark.slow
def test_a_notebook_is_run_and_kept_with_its_translation(desk, capsys):
    assert run.main(["--check"]) == 1
    assert "the outputs are stale" in capsys.readouterr().err
    assert run.main([]) == 0, capsys.readouterr().err
    assert "2 notebooks, all well" in capsys.readouterr().out
    for path in (desk.path, desk.chinese):
        code = run.code_cells(run.read(path))[1]
        assert code.outputs[0].text == "2\n" and code.execution_count == 2
    first = desk.path.read_bytes()
    assert run.main([]) == 0 and desk.path.read_bytes() == first  # nothing but a change of outputs makes a difference

    notebook = run.read(desk.path)
    run.code_cells(notebook)[1].source = "x = 2\nprint('two')"
    run.write(desk.path, notebook)
    capsys.readouterr()
    assert run.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "01_small.ipynb: the outputs are stale" in said
    assert "zh/01_small.ipynb: code cell 1 must be the one of the English notebook" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "code, said",
    [
        ("x = 2\nraise ValueError('on purpose')", "cell 2 failed: ValueError: on purpose"),
        ("import time\nx = 2\ntime.sleep(60)", "cell 2 takes more than 2 s"),
        ("import os\nos._exit(3)", "Python itself died in cell 2"),
        ("x = 3", "the solution of exercise 1 failed"),
        ("import pathlib\nx = 2\nprint(pathlib.Path.home() / 'me')", "names a folder of the machine"),
    ],
)
def test_what_goes_wrong_in_a_run_is_said(desk, code, said, monkeypatch, capsys):
    monkeypatch.setattr(run, "CELL_SECONDS", 2.0)
    desk(desk.path, "Small", code)
    before = desk.path.read_bytes()
    assert run.main(["01"]) == 1
    assert said in capsys.readouterr().err
    ran = "names a folder" in said  # what fails on its way leaves the notebook as it was
    assert (desk.path.read_bytes() != before) == ran


def test_form_is_checked_without_running(desk, capsys, monkeypatch):
    desk(desk.path, "Small", "\n".join(["x = 2"] * 11), folded="no solutions")
    notebook = run.read(desk.path)
    notebook.cells[0].source = "# No badge"
    notebook.cells[1].source = "import sys"
    notebook.cells += [nbformat.v4.new_markdown_cell("more" * 1000) for _ in range(40)]
    run.write(desk.path, notebook)
    desk.chinese.unlink()
    said = " ".join(run.faults(desk.path))
    for fault in (
        "must have the badge",
        "must be the set-up cell",
        "at most 40 cells; this has 44",
        "at most 100,000 bytes",
        "at most 10 lines; here it has 11",
        "there must be 3 folded solutions with code; there are 0",
        "stale",
        "there is no translation",
    ):
        assert fault in said
    assert run.main(["99"]) == 2
    assert "99 is none of 01_small" in capsys.readouterr().err


def test_a_new_address_changes_badges_and_nothing_else(desk, monkeypatch):
    for path in (desk.path, desk.chinese):
        notebook = run.read(path)
        run.tidy(notebook)
        run.write(path, notebook)
    assert run.faults(desk.path) == run.faults(desk.chinese) == []
    monkeypatch.setattr(run, "address", lambda: "https://github.com/somebody/else")
    assert len(run.faults(desk.path)) == 2
    assert run.main(["--badges"]) == 0
    assert run.faults(desk.path) == run.faults(desk.chinese) == []
    assert "github/somebody/else/blob/main/notebooks/zh/01_small.ipynb" in run.read(desk.chinese).cells[0].source
