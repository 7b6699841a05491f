"""The notebooks keep what they promise in form; `scripts/run_notebooks.py` runs them, and here it is shown to notice what is wrong.

That they run is tested by `make notebooks` and by continuous integration.
"""

import ast
import doctest
import importlib
import json
import re
import symtable
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import run_notebooks as runner  # noqa: E402

PATHS = sorted((ROOT / "notebooks").glob("*.ipynb")) + sorted((ROOT / "notebooks" / "zh").glob("*.ipynb"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(runner.HERE).as_posix())
def test_form_badge_outputs_and_translation(path):
    assert runner.faults(path) == []
    assert all(cell.execution_count for cell in runner.code_cells(runner.read(path)))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(runner.HERE).as_posix())
def test_cells_have_no_marks_for_linters_and_formatters(path):
    notebook = runner.read(path)
    code = [cell.source for cell in runner.code_cells(notebook)] + runner.solutions(notebook)
    assert [source for source in code if re.search(r"#\s*(noqa|fmt:|type:\s*ignore|pylint:|ruff:)", source)] == []


@pytest.mark.slow
@pytest.mark.parametrize("number", ["01"])
def test_runs_without_recordings_and_network(number, monkeypatch, tmp_path):
    monkeypatch.delenv("ZOO_DATA", raising=False)
    settings = {
        "ZOO_CACHE": str(tmp_path),
        "ZOO_FAST": "1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }  # nobody answers there
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    (path,) = runner.HERE.glob(f"{number}_*.ipynb")
    notebook, _ = runner.execute(path)
    said = "".join(runner.texts(output) for output in runner.code_cells(notebook)[1].outputs)
    assert said.startswith("Data: bundled digits by synthetic voices stand in for fsdd (No connection to github.com).")


def test_the_glossary_points_to_notebooks_that_have_the_word():
    lines = (runner.HERE / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")][2:]
    words = [row[0] for row in rows]
    assert len(words) > 30 and words == sorted(words, key=str.lower) and len(set(words)) == len(words)
    texts = {p: "\n".join(c.source for c in runner.read(p).cells if c.cell_type == "markdown").lower() for p in PATHS}
    for english, chinese, _, translated, number in rows:
        assert re.search("[\u4e00-\u9fff]", translated), english
        for path, text in texts.items():
            if path.name.startswith(number):
                word = chinese if path.parent.name == "zh" else re.sub(r" \(.*", "", english)
                assert word.lower() in text, f"{path} has no {word!r}"


def test_the_figures_from_a_gpu_are_those_that_were_measured():
    steps = json.loads((ROOT / "data" / "results" / "gpu.json").read_text())["steps"]
    for path in (path for path in PATHS if path.name == "08_gpu_training.ipynb"):
        [text] = [cell.source for cell in runner.read(path).cells if "benchmarks/gpu.py" in cell.source]
        assert sorted(re.findall(r"[\d.]+ ms", text)) == sorted(f"{step['ms']:.1f} ms" for step in steps)


def names_used(source: str) -> set[tuple[str, str]]:
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


@pytest.mark.parametrize(
    "installed, code, loaded, ends",
    [(True, 1, True, None), (False, 0, False, None), (False, 1, False, "internet"), (False, 0, True, "restart")],
    ids=["there already", "installed", "no network", "Keras was loaded"],
)
def test_the_set_up_cell_installs_or_ends_in_one_sentence(installed, code, loaded, ends, monkeypatch):
    import importlib.util
    import subprocess
    from types import SimpleNamespace

    calls = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: installed or None)
    monkeypatch.setattr(subprocess, "run", lambda *words: calls.append(words) or SimpleNamespace(returncode=code))
    monkeypatch.setitem(sys.modules, "keras", sys)
    if not loaded:
        monkeypatch.delitem(sys.modules, "keras")
    if ends:
        with pytest.raises(SystemExit, match=ends):
            exec(runner.setup(), {})
    else:
        exec(runner.setup(), {})
    assert len(calls) == (0 if installed else 1)


@pytest.mark.slow
def test_every_function_that_a_notebook_uses_has_an_example():
    """test_doctests runs the examples."""
    found = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = runner.read(path)
        for source in [cell.source for cell in runner.code_cells(notebook)[1:]] + runner.solutions(notebook):
            found |= names_used(source)
    things = {f"{thing.__module__}.{thing.__qualname__}": thing for thing in (public(*one) for one in found) if thing}
    assert "zoo.entry.load" in things and len(things) > 5
    examples = doctest.DocTestParser().get_examples
    assert [name for name, thing in sorted(things.items()) if not examples(thing.__doc__ or "")] == []


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with one good miniature notebook and its translation."""
    monkeypatch.setattr(runner, "HERE", tmp_path)
    monkeypatch.delenv("ZOO_FAST", raising=False)
    fold = "<details><summary>Solution</summary>\n\n```python\nassert x == 2\n```\n</details>\n"

    def make(path, title, code="x = 1 + 1\nprint(x)", folded=fold):
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [
            nbformat.v4.new_markdown_cell(f"# {title}\n\n{runner.header(path)}"),
            nbformat.v4.new_code_cell(runner.setup()),
            nbformat.v4.new_code_cell(code),
            nbformat.v4.new_markdown_cell(folded * 3),
        ]
        for i, cell in enumerate(notebook.cells):
            cell.id = f"cell-{i}"
        path.parent.mkdir(exist_ok=True)
        runner.write(path, notebook)

    make(tmp_path / "01_small.ipynb", "Small")
    make(tmp_path / "zh" / "01_small.ipynb", "小")
    make.path, make.chinese = tmp_path / "01_small.ipynb", tmp_path / "zh" / "01_small.ipynb"
    return make


@pytest.mark.slow
def test_a_notebook_is_run_and_kept_with_its_translation(desk, monkeypatch):
    assert runner.main(["--check"]) == 1  # the outputs are stale
    monkeypatch.setenv("ZOO_FAST", "1")
    before = desk.path.read_bytes()
    runner.main([])
    assert desk.path.read_bytes() == before
    monkeypatch.delenv("ZOO_FAST")
    assert runner.main([]) == 0
    for path in (desk.path, desk.chinese):
        code = runner.code_cells(runner.read(path))[1]
        assert code.outputs[0].text == "2\n" and code.execution_count == 2
    first = desk.path.read_bytes()
    assert (
        runner.main([]) == 0 and desk.path.read_bytes() == first
    )  # nothing but a change of outputs makes a difference

    notebook = runner.read(desk.path)
    runner.code_cells(notebook)[1].source = "x = 2\nprint('two')"
    runner.write(desk.path, notebook)
    assert len(runner.faults(desk.path)) == 1  # stale
    assert len(runner.faults(desk.chinese)) == 1  # other code than the English one


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    ["x = 2\nraise ValueError", "import time\nx = 2\ntime.sleep(60)", "import os\nos._exit(3)", "x = 3"],
    ids=["an error", "too slow", "Python dies", "a solution fails"],
)
def test_what_fails_is_noticed_and_leaves_the_notebook_as_it_was(desk, code, monkeypatch):
    monkeypatch.setattr(runner, "CELL_SECONDS", 2)
    desk(desk.path, "Small", code)
    before = desk.path.read_bytes()
    assert runner.main(["01"]) == 1
    assert desk.path.read_bytes() == before


@pytest.mark.slow
def test_a_translation_may_have_outputs_of_its_own(desk):
    code = "from zoo.words import language\nx = 2\nprint(language())\nprint(3, 'clips to learn from')"
    for path, title in ((desk.path, "Small"), (desk.chinese, "小")):
        desk(path, title, code)
    assert runner.main([]) == 0 and runner.main(["--chinese"]) == 0
    said = [runner.code_cells(runner.read(path))[1].outputs[0].text for path in (desk.path, desk.chinese)]
    assert said == ["en\n3 clips to learn from\n", "zh\n训练录音 3 段\n"]
    assert runner.main([]) == 0  # the English outputs again, in both; their lines in Chinese
    assert runner.code_cells(runner.read(desk.chinese))[1].outputs[0].text == "en\n训练录音 3 段\n"


def test_form_is_checked_without_running(desk):
    desk(desk.path, "Small", "\n".join(["x = 2"] * 11), folded="no solutions")
    notebook = runner.read(desk.path)
    notebook.cells[0].source = "# No badge"
    notebook.cells[1].source = "import sys"
    notebook.cells += [nbformat.v4.new_markdown_cell("more" * 1000) for _ in range(44)]
    home = nbformat.v4.new_output("stream", name="stdout", text=f"{Path.home()}/me\n")
    notebook.cells[2].outputs = [home]
    runner.write(desk.path, notebook)
    desk.chinese.unlink()
    # Badge, set-up cell, cells, bytes, lines, solutions, stale, folder of the machine, translation.
    assert len(runner.faults(desk.path)) == 9
    with pytest.raises(SystemExit):
        runner.main(["99"])


def test_a_new_address_changes_badges_and_nothing_else(desk, monkeypatch):
    for path in (desk.path, desk.chinese):
        notebook = runner.read(path)
        runner.tidy(notebook)
        runner.write(path, notebook)
    assert runner.faults(desk.path) == runner.faults(desk.chinese) == []
    monkeypatch.setattr(runner, "address", lambda: "https://github.com/somebody/else")
    assert len(runner.faults(desk.path)) == 2
    assert runner.main(["--badges"]) == 0
    assert runner.faults(desk.path) == runner.faults(desk.chinese) == []
    assert "github/somebody/else/blob/main/notebooks/zh/01_small.ipynb" in runner.read(desk.chinese).cells[0].source


def names_of(source: str) -> tuple[set[str], set[str]]:
    """(names that a cell binds, names that it takes from other cells), functions in it included."""
    lines = ["pass" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    table = symtable.symtable("\n".join(lines), "cell", "exec")
    bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used, scopes = set(), [table]
    for scope in scopes:
        scopes += scope.get_children()
        used |= {s.get_name() for s in scope.get_symbols() if s.is_referenced() and (s.is_global() or scope is table)}
    return bound, used - bound


# Others may follow: a cell of these can be run again after any later one.
@pytest.mark.parametrize("number", ["01", "04", "05", "06", "07", "09"])
def test_a_name_that_later_cells_use_is_not_bound_again_after_them(number):
    (path,) = runner.HERE.glob(f"{number}_*.ipynb")
    cells = [names_of(cell.source) for cell in runner.code_cells(runner.read(path))]
    for i, (_, used) in enumerate(cells):
        for name in used:
            makers = [j for j, (bound, _) in enumerate(cells) if name in bound]
            before = [j for j in makers if j < i]
            assert not before or makers[-1] == before[-1], f"code cell {i} of {number} uses {name!r} of another cell"


@pytest.mark.parametrize("number", ["01", "04", "05", "06", "07", "09"])
def test_every_picture_has_alternative_text_in_the_language_of_the_notebook(number):
    for path in (path for path in PATHS if path.name.startswith(number)):
        for cell in runner.code_cells(runner.read(path)):
            if any("image/png" in output.get("data", {}) for output in cell.outputs):
                chinese = bool(re.search("[\u4e00-\u9fff]", cell.metadata["alt"]))
                assert chinese == (path.parent.name == "zh")


@pytest.mark.parametrize("number", ["01", "04", "05", "06", "07", "09"])
def test_something_can_be_turned(number):
    (path,) = runner.HERE.glob(f"{number}_*.ipynb")
    assert any("widgets." in cell.source for cell in runner.code_cells(runner.read(path)))
