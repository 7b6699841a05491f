"""What mkdocs cannot know: pages made from cards, notebooks, modules and the pages of the repository; links that lead out of docs/.

A link is written as it works in the repository. Here it leads to the page of the site that shows the file, or else to the
repository, or becomes plain text while the address in setup.cfg is the placeholder.
"""

import base64
import configparser
import html
import inspect
import json
import posixpath
import re
from functools import cache
from pathlib import Path

import click
from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

import zoo
from zoo.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PLACEHOLDER = "https://github.com/YOUR_ACCOUNT/speech-zoo"
BETTER = {
    "accuracy": "larger",
    "AUROC": "larger",
    "SI-SDR": "larger",
}  # of all other metrics, the smaller value is better
UNITS = {"accuracy": " %", "WER": " %", "CER": " %", "EER": " %", "AUROC": " %", "dB": " dB"}
TASKS = {
    "transcription": "Recognizers",
    "classification": "Classifiers",
    "reconstruction": "Autoencoders",
    "denoising": "Autoencoders",
    "detection": "Detectors of speech",
    "language": "Language models",
}
CALLS = {
    "transcription": "model.transcribe(zoo.audio.bundled('woman-us')).text",
    "classification": "model.classify(zoo.audio.bundled('seven')).label",
    "reconstruction": "model.reconstruct(zoo.audio.bundled('seven')).code.shape",
    "denoising": "model.denoise(zoo.audio.bundled('seven')).shape",
    "detection": "model.detect(zoo.audio.bundled('woman-us'))",
    "language": "model.perplexity('one two three')",
}
BLOCK = ' tabindex="0" role="group" aria-label="formula"'  # wide ones scroll by keyboard, as tables do
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Pages of the site that are files elsewhere in the repository.
ELSEWHERE = {
    "data/README.md": "data.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "notebooks/GLOSSARY.md": "glossary.md",
}
INDEXES = {
    "notebooks": "tutorials/index.md",
    "notebooks/zh": "zh/index.md",
    "zoo/cards": "models/index.md",
    "zoo": "reference/index.md",
}
sources: dict[str, str] = {}  # page of the site -> file of the repository
outputs: dict[str, str] = {}  # marker in Markdown -> HTML that Markdown must not touch


def address() -> str:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config["metadata"]["url"]


def on_config(config):
    modules.cache_clear()  # between the builds of `mkdocs serve`
    if (url := address()) != PLACEHOLDER:
        account, name = url.removeprefix("https://github.com/").split("/")
        config.repo_url, config.repo_name = url, f"{account}/{name}"
        config.site_url = f"https://{account}.github.io/{name}/"
    sections = {"Models": model_nav(), "Tutorials": tutorial_nav(), "API reference": reference_nav()}
    for item in config.nav:
        [title] = item
        item[title] = sections.get(title, item[title])
    config.nav[-1]["中文"] += [{notebook_title(path): f"zh/tutorials/{path.stem}.md"} for path in notebooks("zh/")]
    return config


def on_files(files: Files, config) -> Files:
    def add(page: str, content: str | bytes, source: str = "") -> None:
        files.append(File.generated(config, page, content=content))
        sources[page] = source or f"docs/{page}"

    for source, page in ELSEWHERE.items():
        add(page, (ROOT / source).read_text(encoding="utf-8"), source)
    add("models/index.md", models_page())
    for name in zoo.list_models():
        add(f"models/{name}.md", model_page(zoo.card(name)))
    add("tutorials/index.md", tutorials_page())
    for folder in ("", "zh/"):
        for path in notebooks(folder):
            text, pictures = rendered(path)
            add(f"{folder}tutorials/{path.stem}.md", text, path.relative_to(ROOT).as_posix())
            for name, data in pictures.items():
                if not folder:
                    add(f"tutorials/{name}", data)
    for page, text in reference_pages().items():
        add(f"reference/{page}.md", text)
    return files


# --- links


def on_page_markdown(markdown: str, page, config, files) -> str:
    here = page.file.src_uri
    source = sources.get(here, f"docs/{here}")
    shown = {repository: site for site, repository in sources.items()} | INDEXES
    shown |= {f"zoo/{name}{end}": f"reference/{name}.md" for name in modules() for end in (".py", "/__init__.py")}

    def link(match: re.Match) -> str:
        bang, text, target = match.groups()
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:|/|#|$", target) or not path:
            return match[0]
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        site = shown.get(wanted) or (wanted.removeprefix("docs/") if wanted.startswith("docs/") else None)
        if site:
            path = posixpath.relpath(site, posixpath.dirname(here) or ".")
            return f"{bang}[{text}]({path}{'#' * bool(anchor)}{anchor})"
        if address() == PLACEHOLDER:
            return text
        return f"{bang}[{text}]({address()}/blob/main/{wanted})"

    parts = re.split(r"(^ *```.*?^ *```)", markdown, flags=re.M | re.S)  # not in code
    parts[::2] = [re.sub(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)", link, part) for part in parts[::2]]
    markdown = "".join(parts)
    if here == "glossary.md":  # the last column is a notebook's number
        stems = {path.stem[:2]: path.stem for path in notebooks("")}
        markdown = re.sub(r"\|(\w\d)\|$", lambda m: f"|[{m[1]}](tutorials/{stems[m[1]]}.md)|", markdown, flags=re.M)
    return markdown


def on_page_content(html_text: str, page, config, files) -> str:
    html_text = re.sub(r"(?:<p>)?(zoo-output-\d+)(?:</p>)?", lambda m: outputs[m[1]], html_text)
    # Formulas become MathML, which browsers draw without a script.
    for delimiters, display in ((r"\\\((.*?)\\\)", "inline"), (r"\\\[(.*?)\\\]", "block")):
        pattern = rf'<(span|div) class="arithmatex">{delimiters}</\1>'
        html_text = re.sub(
            pattern,
            lambda m, d=display: (
                f'<{m[1]} class="zoo-{d}"{BLOCK if d == "block" else ""}>'
                f"{convert(html.unescape(m[2]).strip(), display=d)}</{m[1]}>"
            ),
            html_text,
            flags=re.S,
        )
    return html_text.replace("<table>", '<table tabindex="0">')  # wide tables scroll by keyboard, too


def on_post_page(output: str, page, config) -> str:
    output = output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)
    return output.replace('lang="en"', 'lang="zh"', 1) if page.file.src_uri.startswith("zh/") else output


# --- models


def model_nav() -> list:
    found = {}
    for name in zoo.list_models():
        found.setdefault(TASKS[zoo.card(name).task], []).append({name: f"models/{name}.md"})
    return ["models/index.md", *({title: pages} for title, pages in found.items())]


def models_page() -> str:
    lines = [
        "# Models",
        "",
        "Each has a page made from its card; `zoo.card(NAME)` and `zoo info NAME` show the same.",
        "",
    ]
    for title in dict.fromkeys(TASKS.values()):
        lines += [f"## {title}", "", "| model | what it is | parameters | weights |", "|---|---|---:|---:|"]
        for name in zoo.list_models():
            card = zoo.card(name)
            if TASKS[card.task] == title:
                weights = f"{card.size / 1e6:.2f} MB"
                lines.append(f"| [`{name}`]({name}.md) | {cell(card.summary)} | {card.parameters:,} | {weights} |")
        lines.append("")
    return "\n".join(lines)


def cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def model_page(card) -> str:
    lines = [f"# {card.name}", "", card.summary, "", "```python", "import zoo", ""]
    lines += [
        f'model = zoo.load("{card.name}")',
        f"print({CALLS[card.task]})",
        "```",
        "",
        "| of the card | |",
        "|---|---|",
    ]
    size = f"{card.parameters:,} parameters, {card.size / 1e6:.2f} MB"
    facts = {"Task": card.task, "Answers": card.labels, "Size": size, "Weights' licence": card.licence}
    facts |= {"Sample rate": f"{card.sample_rate:,} Hz"} if card.sample_rate else {}
    lines += [f"| {name} | {cell(value)} |" for name, value in facts.items()]
    lines += ["", "## What it cannot do", "", card.limits.strip(), ""]
    lines += ["## How good it is", "", "With 95 % intervals. *Decoder*: how logits became text, if not greedily.", ""]
    lines += [
        "| data | metric | value | 95 % interval | better is | utterances | decoder | note |",
        "|---|---|---:|---:|---|---:|---|---|",
    ]
    for r in card.results:
        interval = f"{r.low:.2f} to {r.high:.2f}" if r.low < r.high else ""
        figures = f"| {r.value:.2f}{UNITS.get(r.metric, '')} | {interval} | {BETTER.get(r.metric, 'smaller')} |"
        lines.append(f"| {r.data}, {r.split} | {r.metric} {figures} {r.utterances:,} | {r.decoder} | {cell(r.note)} |")
    lines += ["", "## How it was trained", "", card.training.strip(), ""]
    if commands := card.weights.get("commands"):
        lines += ["```sh", *commands, "```", ""]
    lines += ["## Sources", ""]
    for source in card.sources:
        name = f"[{source['title']}]({source['url']})" if source.get("url") else source["title"]
        lines.append(f"- {name}: {source['licence']}")
    folder = "language" if card.task == "language" else "models"
    lines += ["", "## The network", "", f"::: zoo.{folder}.{card.architecture}", "    options: {heading_level: 3}", ""]
    return "\n".join(lines)


# --- notebooks


def notebooks(folder: str) -> list[Path]:
    return sorted((ROOT / "notebooks" / folder).glob("*.ipynb"))


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def notebook_title(path: Path) -> str:
    first = "".join(cells(path)[0]["source"])
    return f"{path.stem[:2]} {re.search(r'^# (.+)$', first, re.M)[1]}"


def tutorial_nav() -> list:
    return ["tutorials/index.md", *({notebook_title(path): f"tutorials/{path.stem}.md"} for path in notebooks(""))]


def tutorials_page() -> str:
    """The notebooks' table of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"## Notebooks\n(.*?)\n## ", readme, re.S)[1]
    section = re.sub(r" \(\[Colab\]\([^)]*\)\)", "", section)
    return "# Tutorials\n" + section.replace("](notebooks/", "](../../notebooks/")


def rendered(path: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and its pictures by name."""
    parts, pictures = [], {}
    for i, item in enumerate(cells(path)):
        source = "".join(item["source"])
        if item["cell_type"] == "markdown":
            # Markdown inside of <details> has to be asked for.
            parts.append(
                re.sub(r"<details>", '<details markdown="1">', re.sub(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)", "", source))
            )
            continue
        if "importlib.util.find_spec" in source:  # the set-up cell
            continue
        parts.append(f"```python\n{source}\n```")
        for j, output in enumerate(item["outputs"]):
            data = {kind: "".join(value) for kind, value in output.get("data", {}).items()}
            if "text/html" in data:
                marker = f"zoo-output-{len(outputs)}"
                outputs[marker] = f'<div class="zoo-output">{data["text/html"]}</div>'
                parts.append(marker)
            elif "image/png" in data:
                name = f"{path.stem}-{i}-{j}.png"
                pictures[name] = base64.b64decode(data["image/png"])
                folder = "../../tutorials/" if path.parent.name == "zh" else ""
                parts.append(f"![Picture that the code above draws]({folder}{name})")
            elif "text/markdown" in data:
                parts.append(data["text/markdown"])
            else:
                text = ANSI.sub("", "".join(output.get("text", "")) or data.get("text/plain", ""))
                parts.append(f"```text\n{text.rstrip()}\n```")
    return "\n\n".join(parts) + "\n", pictures


# --- reference


@cache  # every page asks, and to read all modules took most of the time of a build
def modules() -> dict[str, list[str]]:
    """Page -> public modules on it, in the order of zoo's docstring."""
    order = "audio layers models tasks decoding language metrics evaluation losses text datasets training".split()
    found: dict[str, list[str]] = {name: [] for name in order}
    for path in sorted((ROOT / "zoo").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if len(parts) < 2 or parts[1] == "cli" or any(part.startswith("_") for part in parts):
            continue
        if not re.search(r"\b[Oo]ld(er)? ", docstring(".".join(parts)).split("\n")[0]):  # those are for older notebooks
            found.setdefault(parts[1], []).append(".".join(parts))
    return found


def reference_nav() -> list:
    return [
        "reference/index.md",
        {"Command line": "reference/cli.md"},
        *({f"zoo.{name}": f"reference/{name}.md"} for name in modules()),
    ]


def reference_pages() -> dict[str, str]:
    pages = {"cli": command_line()}
    first = ["# API reference", "", "What `import zoo` gives at once. Every module has a page of its own.", ""]
    first += ["| module | |", "|---|---|"]
    for name, members in modules().items():
        about = (inspect.cleandoc(docstring(members[0])).splitlines() or [""])[0]
        first.append(f"| [`zoo.{name}`]({name}.md) | {cell(about)} |")
        lines = [f"# zoo.{name}", ""]
        for module in sorted(members, key=lambda module: module.count(".")):
            lines += [f"::: {module}", ""]
        pages[name] = "\n".join(lines)
    names = ("loading.load", "presets.list_models", "presets.card", "evaluation.evaluate", "training.train.train")
    for name in (*names, "tasks.few_shot.few_shot", "notebook.play", "notebook.record"):
        short = name.split(".")[-1]
        first += ["", f"`zoo.{short}`: [zoo.{name}][]", ""]
    pages["index"] = "\n".join(first)
    return pages


def docstring(module: str) -> str:
    import ast

    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def command_line() -> str:
    lines = [
        "# Command line",
        "",
        "Each command prints JSON with `--json`, and ends with one sentence and a non-zero exit code on bad input.",
        "",
    ]
    for name in sorted(COMMANDS):
        command = COMMANDS[name]
        with click.Context(
            command, info_name=f"zoo {command.name}", max_content_width=100, terminal_width=100
        ) as context:
            lines += [f"## zoo {command.name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)
