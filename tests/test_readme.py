"""What README.md shows works: its Python runs and prints what it says, its commands parse, its figures are the cards'."""

import io
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "data/README.md", "CHANGELOG.md")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.slow
def test_snippets_run_and_print_what_they_say(tmp_path, monkeypatch):
    """One after the other, as a reader would type them; `# -> text` is what a line prints."""
    (tmp_path / "data").symlink_to(ROOT / "data", target_is_directory=True)
    monkeypatch.chdir(tmp_path)  # they write files
    names, said = {}, 0
    for block in blocks("README.md", "python"):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(block, "README.md", "exec"), names)
        lines = printed.getvalue().splitlines()
        for expected in re.findall(r"# -> (.*)$", block, re.M):
            assert expected in lines, block
            said += 1
    assert said > 5


def commands(page: str) -> list[list[str]]:
    text = "".join(blocks(page, "sh")).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip().startswith("zoo ")]


@pytest.mark.parametrize("words", [w for page in PAGES for w in commands(page)], ids=" ".join)
def test_commands_parse(words):
    from zoo.cli import main

    command = main.commands[words[1]]
    command.make_context(words[1], words[2:])


def test_figures_are_the_cards():
    done = subprocess.run([sys.executable, ROOT / "data/write_readme.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert not [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make (\w+)", (ROOT / page).read_text(encoding="utf-8"), re.M):
            assert re.search(rf"^{target}:", makefile, re.M), f"{page} names `make {target}`"
