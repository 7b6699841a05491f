"""Checks for the student edition of the notebooks: is an answer right, and if not, what is wrong with it?

    check(rnn, "03/rnn")        a function: called with small arrays, its result compared
    check(0.33, "12/quiz-2")    a number

What is expected lies in exercises.json, which `scripts/student.py` computes from the teachers' solutions; it has no code.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from zoo.errors import unknown_name

CLOSE = 1e-3  # relative; answers are rounded
FACTORS = {
    -1: "it has the wrong sign",
    100: "it is 100 times too large (a share is wanted, not percent)",
    0.01: "it is 100 times too small (percent is wanted, not a share)",
    1000: "it is 1,000 times too large (check the unit)",
    0.001: "it is 1,000 times too small (check the unit)",
    2: "it is twice too large",
    0.5: "it is half of what is wanted",
}


@cache
def _cases() -> dict[str, dict]:
    return json.loads((files("zoo") / "exercises.json").read_text(encoding="utf-8"))


def check(answer: Any, name: str) -> bool:
    """Say whether an answer is right, in one sentence, and return it.

    Args:
        answer: The function or the number that an exercise asks for.
        name: Of the exercise, such as "03/rnn"; the cell has it.

    >>> check(None, "12/quiz-2")
    12/quiz-2: there is no answer yet.
    False
    """
    if name not in _cases():
        raise unknown_name("exercise", name, _cases())
    case = _cases()[name]
    wrong = _fault(answer, case, name.partition("/")[2])
    print(f"{name}: {wrong}" if wrong else f"{name}: right.")
    return not wrong


def _fault(answer: Any, case: dict, name: str) -> str | None:
    if answer is None or answer is ...:
        return "there is no answer yet."
    if "calls" not in case:
        return _difference(answer, case["expected"], "the answer")
    if not callable(answer):
        return f"`{name}` must be a function. Received: a {type(answer).__name__}."
    for arguments, expected in zip(case["calls"], case["expected"], strict=True):
        try:
            found = answer(*[np.array(a) if isinstance(a, list) else a for a in arguments])
        except NotImplementedError:
            return "there is no answer yet."
        except Exception as error:
            return f"`{name}` ended in {type(error).__name__}: {str(error)[:200]}"
        if wrong := _difference(found, expected, f"`{name}`"):
            shapes = ", ".join(str(np.shape(a)) if isinstance(a, list) else repr(a) for a in arguments)
            return f"{wrong} (Called with: {shapes}.)"
    return None


def _difference(found: Any, expected: Any, what: str) -> str | None:
    """What tells the two apart, as a sentence; None where they agree."""
    if found is None:
        return f"{what} returns nothing: is there a `return`?"
    if isinstance(expected, str):
        return None if found == expected else f"{what} must be {expected!r}. Received: {found!r:.60}."
    if isinstance(expected, list) and expected and isinstance(found, tuple) and len(found) == len(expected):
        parts = (_difference(f, e, f"result {i + 1} of {what}") for i, (f, e) in enumerate(zip(found, expected)))  # noqa: B905
        return next((part for part in parts if part), None)
    try:
        found, expected = np.asarray(found, "float64"), np.asarray(expected, "float64")
    except (TypeError, ValueError):
        return f"{what} must be numbers. Received: {found!r:.60}."
    if found.shape != expected.shape:
        turned = " Is it transposed?" if found.shape == expected.shape[::-1] else ""
        return f"{what} must have the shape {expected.shape}. Received: {found.shape}.{turned}"
    if not np.isfinite(found).all():
        return f"{what} has {np.sum(~np.isfinite(found))} values that are not finite: a division by 0, or a large exponent?"
    return _values(found, expected, what)


def _values(found: np.ndarray, expected: np.ndarray, what: str) -> str | None:
    def near(a, b):
        return np.allclose(a, b, rtol=CLOSE, atol=CLOSE * np.abs(b).mean() + 1e-9)

    if near(found, expected):
        return None
    for factor, reason in FACTORS.items():
        if near(found, factor * expected):
            return f"{what} is nearly right: {reason}."
    if found.size > 1 and near(found - found.mean(), expected - expected.mean()):
        return f"{what} is right but for a constant: {found.mean() - expected.mean():.3g} is added to every value."
    if not found.ndim:
        return f"{what} is not right: {'too large' if found > expected else 'too small'}. Received: {found:.4g}."
    place = tuple(int(i) for i in np.argwhere(~np.isclose(found, expected, rtol=CLOSE, atol=1e-6))[0])
    right = "nothing before it" if not any(place) else "what comes before it is right"
    return f"{what} differs first at index {place}: {found[place]:.4g} ({right})."
