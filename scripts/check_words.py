"""Finds words that CONTRIBUTING.md's rules of English rule out: `python scripts/check_words.py` (part of `make lint`).

Pages, docstrings, comments and errors are read; cards and notebooks are not, until they have been rewritten.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CHANGELOG.md", "docs/*.md", "docs/start/*.md", "docs/how-to/*.md")
# Pattern -> what to write.
WORDS = {
    r"recogni[sz]ers? (?:hear|know)s? better": "plain verbs for networks",
    r"recognis(?:e|er|ers|es|ed|ing)\b": "recognize",
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


def main() -> int:
    count = 0
    for path in (path for page in PAGES for path in sorted(ROOT.glob(page))):
        for line, written, advice in faults(path.read_text(encoding="utf-8")):
            print(f"{path.relative_to(ROOT)}:{line}: {written!r}: {advice}", file=sys.stderr)
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
