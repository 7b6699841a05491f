"""The student edition is what its script makes, holds no solution, and its checks say what is wrong."""

import json
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import refused

from zoo import exercises
from zoo.errors import UnknownNameError
from zoo.exercises import FACTORS, check
from zoo.words import translated

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import student  # noqa: E402

PATHS = [path for path in student.edition() if path.suffix == ".ipynb"]
every_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(student.OUT).as_posix())


def test_the_edition_is_the_one_that_the_script_makes():
    stale = [path.name for path, text in student.edition().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "make student"


@every_notebook
def test_there_is_no_solution_in_it(path):
    text = path.read_text(encoding="utf-8")
    assert "<details>" not in text and '"outputs": [],' in text and "image/png" not in text
    for name in student.FILL_IN.get(path.name[:2], ()):
        assert f'raise NotImplementedError(\\"{name}\\")' in text


@every_notebook
def test_nbgrader_can_take_it(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    about = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    names = [one.grade_id for one in about]
    assert len(set(names)) == len(names) and sum(one.grade for one in about) >= 3
    assert all("points" in one for one in about if one.grade)
    validator = pytest.importorskip("nbgrader.nbgraderformat.v3").MetadataValidatorV3()
    for cell in notebook.cells:
        validator.validate_cell(cell)


def returned(answer):
    """What a function returns, of JSON: a text, an array, or a tuple of arrays of unlike shapes."""
    if isinstance(answer, str):
        return answer
    try:
        return np.array(answer)
    except ValueError:
        return tuple(np.array(part) for part in answer)


@pytest.mark.parametrize("name", sorted(json.loads(student.CASES.read_text())))
def test_what_is_expected_is_right_and_nothing_is_not(name, capsys):
    case = json.loads(student.CASES.read_text())[name]
    if "calls" in case:
        answers = iter(case["expected"])
        assert check(lambda *_: returned(next(answers)), name)
        assert not check(lambda *_: None, name)
    else:
        assert check(case["expected"], name) and not check(3 * case["expected"], name)
    assert not check(None, name)
    assert capsys.readouterr().out.rstrip().endswith(f"{name}: there is no answer yet.")


def rnn(frames, W, U, b):
    h, states = np.zeros(len(U)), []
    for x in frames:
        h = np.tanh(x @ W + h @ U + b)
        states.append(h)
    return np.array(states)


def unwritten(*_):
    raise NotImplementedError


@pytest.mark.parametrize(
    "answer, said",
    [
        (rnn, "right"),
        (unwritten, "no answer yet"),
        (lambda *a: rnn(*a).T, "transposed"),
        (lambda *a: -rnn(*a), "sign"),
        (lambda *a: 2 * rnn(*a), "twice"),
        (lambda *a: rnn(*a) + 1, "constant"),
        (lambda *a: rnn(*a)[-1], "shape"),
        (lambda *a: rnn(*a) / 0, "finite"),
        (lambda *a: rnn(a[0] * (np.arange(4) < 2)[:, None], *a[1:]), "index (2, 0)"),
        (lambda *a: a[9], "IndexError"),
        (3, "function"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_a_check_says_what_is_wrong(answer, said, capsys):
    assert check(answer, "03/rnn") == (said == "right")
    line = capsys.readouterr().out.strip()
    assert said in line and "：" in translated(line) and "03/rnn: " not in translated(line)
    assert sorted(filter(str.isdigit, translated(line))) == sorted(filter(str.isdigit, line))


def test_numbers_are_checked_for_units_and_sign(capsys):
    assert not check(40_000, "13/quiz-3") and not check(-400, "13/quiz-3") and check(400.1, "13/quiz-3")
    first, second, _ = capsys.readouterr().out.splitlines()
    assert all(translated(reason) != reason for reason in FACTORS.values())
    assert "percent" in first and "sign" in second
    assert not check(0.0, "13/quiz-3") and "nearly" not in capsys.readouterr().out
    with refused("", UnknownNameError):
        check(1, "13/quiz-33")
    assert exercises._difference("x", [1.0], "the answer").startswith("the answer must be numbers")
