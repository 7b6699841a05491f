"""Write the tables of models and measured figures in README.md from the models' cards.

    python data/write_readme.py [--check]

What lies between `<!-- results -->` and `<!-- /results -->` is replaced; `--check` only says whether it would be.
"""

import sys
from pathlib import Path

import zoo

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- results -->", "<!-- /results -->"


def table(header: str, rows: list[tuple]) -> list[str]:
    """A Markdown table; columns whose name ends in # are aligned to the right."""
    names = header.split("|")
    rule = "|".join("---:" if name.endswith("#") else "---" for name in names)
    lines = ["|".join(str(cell).replace("|", "\\|") for cell in row) for row in rows]
    return [f"|{line}|" for line in ("|".join(name.rstrip("#") for name in names), rule, *lines)]


def results() -> str:
    """The block between the markers."""
    cards = [zoo.card(name) for name in zoo.list_models()]
    models = [
        (
            f"`{card.name}`",
            card.summary,
            f"{card.parameters:,}" if card.parameters else "",
            f"{card.weights['bytes'] / 1e6:.1f} MB" if card.weights else "not yet",
            card.licence,
        )
        for card in cards
    ]
    figures = [
        (
            f"`{card.name}`",
            f"{result.data}, {result.split}" + (f": {result.note}" if result.note else ""),
            result.metric,
            f"**{result.value:.2f}**",
            f"{result.low:.2f} to {result.high:.2f}",
            f"{result.utterances:,}",
        )
        for card in cards
        for result in card.results
    ]
    lines = table("model|what it does|parameters#|weights#|licence of the weights", models)
    if figures:
        lines += ["", *table("model|measured on||%#|95 % interval#|utterances#", figures)]
    return "\n".join([BEGIN, *lines, END])


def written(text: str) -> str:
    """`text`, the README, with the block as it should be."""
    before, rest = text.split(BEGIN)
    return before + results() + rest.split(END)[1]


if __name__ == "__main__":
    now = README.read_text(encoding="utf-8")
    then = written(now)
    if "--check" in sys.argv[1:]:
        sys.exit(then != now and "README.md does not show the figures of the cards: run `make readme`.")
    README.write_text(then, encoding="utf-8")
