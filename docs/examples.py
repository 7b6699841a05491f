"""What mkdocstrings shows of docstrings: examples as code, and columns of a module's docstring as they were typed."""

import re
import textwrap

import griffe


class Examples(griffe.Extension):
    """Puts `>>>` examples, and paragraphs in columns, between fences."""

    def on_instance(self, *, obj: griffe.Object, **_) -> None:
        if obj.is_alias or not obj.docstring:
            return
        paragraphs = re.split(r"\n{2,}", obj.docstring.value)
        obj.docstring.value = "\n\n".join(map(fenced, paragraphs))


def fenced(paragraph: str) -> str:
    lines = paragraph.splitlines()
    if lines and lines[0].startswith(">>> "):
        return f"```pycon\n{paragraph}\n```"
    if len(lines) > 1 and all(re.match(r"\s*\S+( \S+)* {2,}\S", line) for line in lines):
        return f"```text\n{textwrap.dedent(paragraph)}\n```"
    return paragraph
