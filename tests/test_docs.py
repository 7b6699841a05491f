"""The documentation site without building it: every page is in its navigation, links and anchors lead somewhere, every public name is shown.

`make docs` builds it and takes a warning for an error; that is the slow test here.
"""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BUILT = ("mkdocs", "material", "mkdocstrings", "latex2mathml")  # packages of the extra `docs`
needs_docs = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, BUILT)), reason='the site needs pip install -e ".[docs]"'
)


def anchors(path: Path) -> set[str]:
    """Those of a page: of its headings, as Python-Markdown makes them, or as `{#name}` names them."""
    found = set()
    for line in re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M):
        named = re.search(r"\{#([\w-]+)\}", line)
        text = re.sub(r"[^\w\s-]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line)).strip().lower()
        found.add(named[1] if named else re.sub(r"[-\s]+", "-", text))
    return found


def links(path: Path) -> list[tuple[str, str]]:
    """(file, anchor) of the links of a page that stay in the repository."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", text)
    return [(file, anchor) for file, _, anchor in (target.partition("#") for target in targets)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_anchors_exist(page):
    for file, anchor in links(page):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), file
        if anchor:
            assert anchor in anchors(target), f"{file}#{anchor}"


def test_the_rules_of_english_are_kept(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import check_words

    assert [written for _, written, _ in check_words.faults("It learnt from AN4.\n`learnt from` is code.")] == [
        "learnt from"
    ]
    assert check_words.main() == 0


def navigation() -> set[str]:
    def flat(item):
        if isinstance(item, dict):
            item = [*item.values()]
        return [page for part in item for page in flat(part)] if isinstance(item, list) else [item]

    config = re.sub(r"!!\S+", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return set(flat(yaml.safe_load(config)["nav"]))


def test_every_page_is_in_the_navigation():
    made = {"data.md", "contributing.md", "changelog.md", "glossary.md"}  # from files elsewhere, see docs/hooks.py
    assert navigation() == made | {path.relative_to(DOCS).as_posix() for path in PAGES}


def test_twenty_questions_are_two_clicks_from_the_start():
    assert ("how-to/index.md", "") in links(DOCS / "index.md")
    rows = re.findall(r"^\| (?!\*\*|How |-)(.+?\?) \| (.*) \|$", (DOCS / "how-to/index.md").read_text(), re.M)
    assert len(rows) >= 20 and len({question for question, _ in rows}) == len(rows)
    assert all(re.search(r"\[.+\]\(.+\)", answer) for _, answer in rows)


@needs_docs
def test_every_public_name_is_on_a_page_of_the_reference():
    """Of the modules that are shown, all public names are; what a module leaves out of it is for older notebooks."""
    hooks = load_hooks()
    shown = {module for members in hooks.modules().values() for module in members}
    for path in (ROOT / "zoo").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        if (
            name in shown
            or name == "zoo"
            or parts[1] == "cli"
            or any(p.startswith("_") for p in parts if p != "__init__")
        ):
            continue
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert re.search(r"\b[Oo]ld", text), f"{name} is not in the reference"


def load_hooks():
    spec = importlib.util.spec_from_file_location("hooks", DOCS / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_docs
def test_each_model_has_a_page_with_all_its_figures():
    import zoo

    hooks = load_hooks()
    for name in zoo.list_models():
        card = zoo.card(name)
        text = hooks.model_page(card)
        assert all(f"{result.value:.2f}" in text for result in card.results) and card.limits.strip() in text


@needs_docs
def test_notebooks_become_pages_with_their_pictures():
    hooks = load_hooks()
    text, pictures = hooks.rendered(ROOT / "notebooks" / "06_ctc.ipynb")
    assert pictures and all(data.startswith(b"\x89PNG") and f"]({name})" in text for name, data in pictures.items())
    assert "data:image" not in text and "find_spec" not in text


@needs_docs
@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert len(pages) > 80
    for page, link in (
        ("models", "ds_cnn/"),
        ("reference", "decoding/"),
        ("tutorials", "06_ctc/"),
        ("how-to", "../glossary/"),
    ):
        assert f'href="{link}"' in (tmp_path / "site" / page / "index.html").read_text(encoding="utf-8")
    # Nothing is loaded from elsewhere: no font, script, style or picture.
    assert not [
        page
        for page in pages
        if re.search(r'<(script|img|iframe)[^>]*src="https?:|<link[^>]*rel="stylesheet"[^>]*href="https?:', page)
    ]
    assert not [page for page in pages if "YOUR_ACCOUNT" in re.sub(r"<(code|pre).*?</\1>", "", page, flags=re.S)]
