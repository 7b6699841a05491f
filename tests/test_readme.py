"""What the pages show works: README's Python runs and prints what it says, commands parse, links lead somewhere, figures are current."""

import io
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "data/README.md", "docs/results.md", "experiments/README.md")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", read(page), re.M | re.S)


@pytest.mark.slow
def test_snippets_run_and_print_what_they_say(tmp_path, monkeypatch):
    """One after the other, as a reader would type them; `# -> text` is what a line prints."""
    (tmp_path / "data").symlink_to(ROOT / "data", target_is_directory=True)
    monkeypatch.chdir(tmp_path)  # they write files
    names = {}
    for block in blocks("README.md", "python"):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(block, "README.md", "exec"), names)
        assert set(re.findall(r"# -> (.*)$", block, re.M)) <= set(printed.getvalue().splitlines()), block


def commands(page: str) -> list[list[str]]:
    text = "".join(blocks(page, "sh")).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip().startswith("zoo ")]


@pytest.mark.parametrize("words", [words for page in PAGES for words in commands(page)], ids=" ".join)
def test_commands_parse(words):
    import click

    from zoo.cli import main

    command = main.get_command(click.Context(main), words[1])
    command.make_context(words[1], words[2:])


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", read(page))
    assert not [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_programs_and_targets_exist(page):
    for target in re.findall(r"(?:^|`)make ([\w-]+)", read(page), re.M):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), target
    for name in re.findall(r"python -m experiments\.(\w+)", read(page)):
        assert (ROOT / "experiments" / f"{name}.py").exists(), name
    for path in re.findall(r"(?:scripts|benchmarks)/\w+\.py", read(page)):
        assert (ROOT / path).exists(), path


def test_results_are_those_that_were_measured():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/write_results.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
