"""What the pages show works: Python runs and prints what it says, shell lines run or parse, links lead somewhere, figures are current."""

import ast
import configparser
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SITE = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
READMES = ("README.md", "README.zh-CN.md")
PAGES = (*READMES, "CONTRIBUTING.md", "data/README.md", "experiments/README.md", *SITE)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", read(page), re.M | re.S)


def test_readmes_are_short():
    for page in READMES:
        text = read(page)
        assert len(text.splitlines()) <= 150 and len(text.encode()) <= 10_000, page


def test_translations_have_the_same_code():
    for page in ("README.zh-CN.md", "docs/zh/index.md"):
        code = {ast.dump(ast.parse(block)) for block in blocks(page, "python")}
        assert code and code <= {ast.dump(ast.parse(block)) for block in blocks("README.md", "python")}


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", ["README.md", *(page for page in SITE if blocks(page, "python") and "/zh/" not in page)]
)
def test_snippets_run_and_print_what_they_say(page, tmp_path, monkeypatch):
    """One after the other, as a reader would type them; `# -> text` is what a line prints."""
    monkeypatch.chdir(tmp_path)  # they write files
    names = {}
    for block in blocks(page, "python"):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(block, page, "exec"), names)
        assert set(re.findall(r"# -> (.*)$", block, re.M)) <= set(printed.getvalue().splitlines()), block


def shell_lines(page: str) -> list[list[str]]:
    text = "".join(blocks(page, "sh")).replace("\\\n", " ")
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


def extras() -> set[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return set(config["options.extras_require"])


def run_as_written(words: list[str], folder: Path) -> None:
    """Runs a line of a README in a folder with clip.wav; of what installs or stays open, a part that ends."""
    program, *rest = words
    if program == "pip":  # `pip install ".[a,b]"`
        wanted = {extra for word in rest for found in re.findall(r"\[(.*?)\]", word) for extra in found.split(",")}
        assert wanted <= extras(), words
    elif program == "jupyter":  # what it opens is there, and it starts
        assert (ROOT / rest[-1]).is_dir()
        subprocess.run([sys.executable, "-m", "jupyterlab", "--version"], check=True, stdout=subprocess.DEVNULL)
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.M)
    elif program == "zoo":
        environment = os.environ | {"PYTHONPATH": str(ROOT), "ZOO_NO_MICROPHONE": "1"}
        stays_open = rest[0] in ("demo", "listen", "web", "serve")  # tests of their own run these
        command = [sys.executable, "-m", "zoo.cli", *rest, *(["--help"] if stays_open else [])]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and done.stdout, done.stderr
    else:
        raise AssertionError(f"nothing here knows how to run {words}")


@pytest.mark.slow
@pytest.mark.parametrize("page", READMES)
def test_shell_lines_run(page, tmp_path):
    shutil.copy(ROOT / "data" / "samples" / "seven.wav", tmp_path / "clip.wav")
    lines = shell_lines(page)
    assert len(lines) >= 3
    for words in lines:
        run_as_written(words, tmp_path)


def commands(page: str) -> list[list[str]]:
    """What a page says to `zoo`, `KERAS_BACKEND=jax zoo` and the like too."""
    lines = (words[words.index("zoo") :] for words in shell_lines(page) if "zoo" in words and words[0] != "docker")
    return [words for words in lines if len(words) > 1]


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


@pytest.mark.parametrize("program", ["write_results.py", "write_readme.py"])
def test_figures_are_those_that_were_measured(program):
    done = subprocess.run([sys.executable, ROOT / "scripts" / program, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_new_address_changes_pictures_and_badges_and_can_change_again(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import write_readme

    here, there = "https://github.com/somebody/zoo", "https://github.com/else/zoo"
    for language, page in enumerate(READMES):
        text = write_readme.readme(read(page), here, language)
        assert not re.findall(
            r"!\[[^]]*\]\((?!https:)", text
        )  # a package index shows pictures by absolute address only
        assert text.count("colab.research.google.com/github/somebody/zoo") == 18  # a badge, and each notebook
        assert len(text.encode()) <= 10_000
        assert write_readme.readme(text, there, language) == write_readme.readme(read(page), there, language)
        assert write_readme.readme(text, write_readme.PLACEHOLDER, language) == read(page)
    assert "YOUR_ACCOUNT" not in "".join(map(read, (*READMES, "CITATION.cff")))
