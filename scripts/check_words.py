"""Finds words that CONTRIBUTING.md's rules of English rule out: `python scripts/check_words.py` (part of `make lint`).

Pages, cards and docstrings are read; notebooks are not, until they have been rewritten.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CHANGELOG.md", "docs/*.md", "docs/start/*.md", "docs/how-to/*.md")
CARDS = "zoo/cards/*.toml"
# These texts are inside of .tflite files too, and change with them.
EMBEDDED = {
    f"{name}.toml": ("summary", "labels", "limits", "licence") for name in ("ds_cnn", "lstm_ctc", "lstm_ctc_stream")
}
# Pattern -> what to write.
WORDS = {
    r"recogni[sz]ers? (?:hear|know)s? better": "plain verbs for networks",
    r"(?<!\.)recognis(?:e|er|ers|es|ed|ing)\b": "recognize",
    r"learnt (?:from|by|for|on)\b": "trained on",
    r"\bby heart\b": "overfit, memorize",
    r"\btelephones?'s\b": "phone",
    r"\bis glad\b": "plain verbs for networks",
    r"\bone would (?:wish|say)\b": "say it",
    r"\bshall\b": "must, will",
    r"\bis no (?:number|picture|remedy|rumour|speech|verdict|word)s?\b": "is not",
    r"derivative of the \w+ by\b": "with respect to",
    r"\bof whom the (?:model|network)\b|\bwhom the (?:model|network)\b": "unseen speakers",
    r"\bspeakers? (?:never heard|not heard)\b": "unseen speakers",
    r"\bunheard\b": "unseen",
    r"\b(?:it|has|had|have|not|never|which|that) (?:learnt|heard)\b(?! (?:from|by|for|on)\b)": "trained on, unseen",
    r"\bwhat (?:it|the network|the model) (?:hears|knows|learnt)\b": "its input, its training data",
    r"\bwhatever it hears\b": "for any input",
    r"\bgives? (?:it )?back\b": "reconstruct, return",
    r"\bsqueez": "encode, compress",
    r"\bnobody said\b": "new",
    r"\bturn(?:ed|s)? (?:it )?down\b": "attenuate",
    r"\bwhat is shipped\b": "the shipped weights",
    r"\b(?:machine|GPU) (?:was|is) lent\b": "a time limit",
    r"\bso far fails?\b": "does not",
    r"\b(?:simply|obviously|of course|just)\b": "leave it out",
    r"\butilize|\bleverag|\bseamless|\brobustly\b": "a plain verb",
}


def faults(text: str) -> list[tuple[int, str, str]]:
    """(line, what was written, what to write instead) of a page; code between fences and in backticks is left out."""
    text = re.sub(r"^ *```.*?^ *```", lambda m: "\n" * m[0].count("\n"), text, flags=re.M | re.S)
    text = re.sub(r"`[^`\n]*`|<!-- (\w+) -->.*?<!-- /\1 -->", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    found = [(m, advice) for pattern, advice in WORDS.items() for m in re.finditer(pattern, text, re.I)]
    return sorted((text.count("\n", 0, m.start()) + 1, m[0], advice) for m, advice in found)


def texts() -> Iterator[tuple[Path, int, str]]:
    """(path, first line, text) of all that is read."""
    for path in (path for page in (*PAGES, CARDS) for path in sorted(ROOT.glob(page))):
        lines = path.read_text(encoding="utf-8").splitlines()
        held = tuple(f"{field} = " for field in EMBEDDED.get(path.name, ()))
        yield path, 0, "\n".join("" if held and line.startswith(held) else line for line in lines)
    for path in sorted(path for path in ROOT.glob("zoo/**/*.py") if path.name != "doubt.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
                text := ast.get_docstring(node, clean=False)
            ):
                yield path, node.body[0].lineno - 1, re.sub(r"^ *(?:>>>|\.\.\.).*$", "", text, flags=re.M)


def main() -> int:
    count = 0
    for path, first, text in texts():
        for line, written, advice in faults(text):
            print(f"{path.relative_to(ROOT)}:{first + line}: {written!r}: {advice}", file=sys.stderr)
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
