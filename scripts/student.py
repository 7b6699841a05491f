"""Makes the student edition of the notebooks: `make student`.

    notebooks/NN_name.ipynb  ->  notebooks/student/NN_name.ipynb, without outputs and solutions
    notebooks/zh/...         ->  notebooks/student/zh/...
    functions of FILL_IN     ->  cells to fill in, and zoo/exercises.json, with which `zoo.exercises.check` checks them

Cells have nbgrader's metadata: a filled-in function has a check of one point behind it, an exercise is graded by hand.
"""

import argparse
import ast
import json
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
from run_notebooks import HERE, ROOT, read

OUT = HERE / "student"
CASES = ROOT / "zoo" / "exercises.json"
EMPTY = {"en": "# Your code here.", "zh": "# 在这里写你的代码。"}
NOTE = {
    "en": "**Student edition.** Fill in the cells that say *Your code here*; the cell below each says whether it is right. Solutions are in the teachers' edition.",
    "zh": "**学生版。** 把写着“在这里写你的代码”的单元填好；下面的单元会说对不对。解答在教师版里。",
}
ANSWER = {"en": "Question {}: {}, a number.", "zh": "第 {} 题：{}，一个数。"}
RNG = np.random.default_rng(0)


def some(*shape: int) -> list:
    """Numbers with which a function is tried."""
    return RNG.normal(size=shape).round(2).tolist()


POWERS = [[1.0, 0.01, 3.5], [1e-12, 5.0, 2e-7]]
COSINES, SAME = some(12), (np.arange(12) % 3 == 0).tolist()
# Notebook -> function -> the arguments of each call with which it is checked.
FILL_IN = {
    "01": {"mel_to_hz": [([0.0, 7.5, 15.0, 30.0, 45.2],)], "decibels": [(POWERS,)]},
    "02": {"convolve": [(some(4, 5, 2), some(3, 3, 2, 3), some(3))], "pool": [(some(4, 6, 2),)], "size": [(16, 3, 1, 1), (15, 4, 2, 0)]},
    "03": {
        "rnn": [(some(4, 3), some(3, 2), some(2, 2), some(2))],
        "lstm": [(some(4, 3), some(3, 8), some(2, 8), some(8))],
        "gru": [(some(4, 3), some(3, 6), some(2, 6), some(2, 6))],
    },
    "04": {"softmax": [(some(3, 5),)], "attention": [(some(2, 3), some(4, 3), some(4, 2), [True, True, True, False])]},
    "05": {"squeeze": [(some(5, 4), 2, some(4), some(4, 4))], "rms": [(some(6),)]},
    "06": {"collapse": [("aat--",), ("se-ee",), ("-----",)]},
    "09": {"wilson": [(20, 20), (45, 60)]},
    "10": {"stretched": [(some(5, 2), 8)], "warp": [(some(4, 2), some(6, 2))]},
    "12": {"softmax": [(some(2, 5),)], "silu": [(some(6),)]},
    "13": {"error_rates": [(COSINES, SAME)]},
    "14": {"distance": [(some(8), some(5))]},
    "A1": {"shape": [([110.0, 120.0, 130.0, 125.0, 110.0], 115.0)]},
}  # fmt: skip
# Notebook -> question of the quiz -> its number, and what that is in both languages.
QUIZ = {
    "00": {3: (50, "percent", "百分之几")},
    "01": {1: (301, "frames", "帧数"), 4: (10, "the factor", "倍数")},
    "02": {1: (1024, "what Flatten gives", "Flatten 给出的个数"), 2: (18_496, "weights", "权重数")},
    "04": {4: (4, "times as many weights of self-attention", "自注意力权重的倍数")},
    "06": {2: (6, "frames", "帧数")},
    "07": {5: (4, "perplexity", "困惑度")},
    "08": {5: (0.3125, "share", "份额")},
    "09": {3: (0.03125, "p", "p")},
    "11": {5: (2.0794, "nats", "nat")},
    "12": {2: (0.3325, "seconds", "秒"), 5: (0.75, "expected errors", "期望错误数")},
    "13": {
        1: (0.5, "the cosine", "余弦"),
        3: (400, "trials of one person", "同一个人的试验次数"),
        4: (0.64, "probability", "概率"),
    },
    "A0": {6: (2400, "what Flatten gives", "Flatten 给出的个数")},
    "A1": {1: (200, "hertz", "赫兹")},
    "14": {1: (37_120, "bytes in int8", "int8 的字节数"), 2: (-24, "dB", "dB")},
}


def function_in(source: str, name: str) -> ast.FunctionDef | None:
    """The top-level function of a cell, or None."""
    lines = ["pass" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    nodes = ast.parse("\n".join(lines)).body
    return next((node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == name), None)


def emptied(source: str, node: ast.FunctionDef, comment: str) -> str:
    """The cell with the function's body to fill in; its docstring stays."""
    lines, body = source.splitlines(), node.body
    first = body[1].lineno if ast.get_docstring(node) and len(body) > 1 else body[0].lineno
    empty = [f"    {comment}", f'    raise NotImplementedError("{node.name}")']
    return "\n".join(lines[: first - 1] + empty + lines[node.end_lineno :])


def plain(value):
    """A result as JSON has it."""
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value if isinstance(value, str) else np.round(np.asarray(value, "float64"), 6).tolist()


def expected(notebook, name: str, calls: list) -> list:
    """What the teachers' function gives; functions of other cells that it needs are run before."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    space: dict = {"np": np}
    exec("from itertools import groupby, product", space)
    for source in sources:
        for node in ast.parse("\n".join("pass" if x.startswith(("%", "!")) else x for x in source.splitlines())).body:
            if isinstance(node, ast.FunctionDef):
                exec(compile(ast.Module([node], []), "<notebook>", "exec"), space)
    return [plain(space[name](*[np.array(a) if isinstance(a, list) else a for a in arguments])) for arguments in calls]


def graded(kind: str, name: str, points: int = 0) -> dict:
    """nbgrader's metadata of a cell: "solution" (checked by the next cell), "check" or "manual" (graded by hand) or "locked"."""
    about = {"schema_version": 3, "grade_id": name, "task": False, "locked": kind in ("check", "locked")}
    about |= {"grade": kind in ("check", "manual"), "solution": kind in ("solution", "manual")}
    return {"nbgrader": about | ({"points": points} if about["grade"] else {})}


def code(source: str, name: str, kind: str, points: int = 0):
    cell = nbformat.v4.new_code_cell(source, metadata=graded(kind, name, points))
    cell.id = re.sub(r"[^A-Za-z0-9]+", "-", name)
    return cell


def check_cell(number: str, what: str, answer: str):
    source = f'from zoo.exercises import check\n\nassert check({answer}, "{number}/{what}")'
    return code(source, f"check-{number}-{what}", "check", 1)


def without_solutions(cell, number: str, language: str) -> list:
    """The sections of a cell without what is folded; behind exercises and quiz cells for the answers."""
    cells = []
    for i, section in enumerate(re.split(r"^(?=## )", cell.source, flags=re.M)):
        folded = len(re.findall(r"<details>", section))
        text = re.sub(r"\n*<details>.*?</details>\n*", "\n\n", section, flags=re.S).strip()
        if text:
            part = nbformat.v4.new_markdown_cell(text)
            part.id = f"{cell.id}-{i}"
            cells.append(part)
        for k in range(1, folded + 1) if folded > 1 else ():
            cells.append(code(EMPTY[language], f"exercise-{number}-{k}", "manual", 2))
        for k in QUIZ.get(number, ()) if folded == 1 else ():
            what = QUIZ[number][k][1 if language == "en" else 2]
            about = f"# {ANSWER[language].format(k, what)}\nanswer_{k} = None"
            cells += [code(about, f"quiz-{number}-{k}", "solution"), check_cell(number, f"quiz-{k}", f"answer_{k}")]
    return cells


def linked(text: str, path: Path) -> str:
    """The text with its relative links one folder further up; other notebooks are beside it there too."""
    text = re.sub(r"\]\((\.\./[^)]*|GLOSSARY\.md[^)]*)\)", r"](../\1)", text)
    return text.replace(
        f"/blob/main/notebooks/{path.relative_to(HERE).as_posix()}",
        f"/blob/main/notebooks/student/{path.relative_to(HERE).as_posix()}",
    )


def student(path: Path) -> tuple[nbformat.NotebookNode, dict]:
    """The student's notebook of a teacher's, and the cases of its checks."""
    notebook, number, teachers = read(path), path.name[:2], read(path)
    language = "zh" if path.parent.name == "zh" else "en"
    cells, cases, first_code = [], {}, True
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cells += without_solutions(cell, number, language) if "<details>" in cell.source else [cell]
            continue
        names = [name for name in FILL_IN.get(number, ()) if function_in(cell.source, name)]
        for name in names:
            calls = FILL_IN[number][name]
            cases[f"{number}/{name}"] = {"calls": calls, "expected": expected(teachers, name, calls)}
            cell.source = emptied(cell.source, function_in(cell.source, name), EMPTY[language])
        cell.outputs, cell.execution_count = [], None
        cell.metadata = graded("solution", f"fill-{number}-{'-'.join(names)}") if names else {}
        if first_code:
            cell.metadata, first_code = graded("locked", f"set-up-{number}"), False
        cells += [cell, *(check_cell(number, name, name) for name in names)]
    if missing := set(FILL_IN.get(number, ())) - {case.partition("/")[2] for case in cases}:
        sys.exit(f"{path.name} has no function {' or '.join(sorted(missing))}; change FILL_IN in scripts/student.py.")
    cases |= {f"{number}/quiz-{k}": {"expected": value} for k, (value, *_) in QUIZ.get(number, {}).items()}
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, path)
    title, _, rest = cells[0].source.partition("\n")
    cells[0].source = f"{title}\n{rest.rstrip()}\n\n{NOTE[language]}"
    notebook.cells = cells
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    return notebook, cases


def edition() -> dict[Path, str]:
    """Path -> text of every file of the edition."""
    made, cases = {}, {}
    for path in [*sorted(HERE.glob("*.ipynb")), *sorted((HERE / "zh").glob("*.ipynb"))]:
        notebook, found = student(path)
        cases |= found
        made[OUT / path.relative_to(HERE)] = nbformat.writes(nbformat.from_dict(notebook)) + "\n"
    made[CASES] = json.dumps(cases, indent=None, separators=(",", ":"), sort_keys=True) + "\n"
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; say which files are not as they would be made"
    )
    args = parser.parse_args()
    made, stale = edition(), []
    for path, text in made.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.relative_to(ROOT).as_posix())
            if not args.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    print(*stale, sep="\n")
    print(f"{len(made)} files, {len(stale)} {'differ: make student' if args.check else 'written'}")
    return 1 if args.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
