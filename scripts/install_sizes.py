"""Measures how much disk space the package and each of its extras take, and writes the table of docs/start/index.md.

    python scripts/install_sizes.py

Sizes are of the files that are installed in this environment, which must have all extras (`make test` makes it).
"""

import configparser
import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "start" / "index.md"
EXTRAS = {
    "": "load, transcribe, train, evaluate, the command `zoo`",
    "demo": "the demo page",
    "notebooks": "JupyterLab and a microphone",
    "demo,notebooks": "both, as above",
    "export": "export to LiteRT and ONNX, and their runtimes",
    "jax": "training under JAX",
    "baselines": "hidden Markov models",
}


def closure(name: str, extras: frozenset[str], seen: set) -> set[str]:
    """Names of all distributions that one needs, itself included."""
    if (name, extras) in seen:
        return set()
    seen.add((name, extras))
    found = {name}
    for line in requirements(name):
        needed = Requirement(line)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            found |= closure(needed.name.lower().replace("_", "-"), frozenset(needed.extras), seen)
    return found


def requirements(name: str) -> list[str]:
    """Of this project as setup.cfg has them, whatever is installed."""
    if name != "speech-zoo":
        return metadata.requires(name) or []
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = {"": config["options"]["install_requires"], **config["options.extras_require"]}
    found = []
    for extra, text in lines.items():
        for line in text.splitlines():
            needed, _, marker = line.partition(";")
            if needed.strip() and not needed.startswith("#"):
                own = f"({marker.strip()}) and " if marker else ""
                found.append(f'{needed}; {own}extra == "{extra}"')
    return found


def size(name: str) -> int:
    """Bytes of a distribution; of this one, those of its sources, whatever is installed."""
    if name == "speech-zoo":
        files = [
            *(ROOT / "zoo").rglob("*"),
            *(ROOT / "data" / "manifests").iterdir(),
            *(ROOT / "data" / "samples").iterdir(),
        ]
    else:
        files = [file.locate() for file in metadata.files(name) or ()]
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc")


def main() -> None:
    lines = ["| install | for | packages | size |", "|---|---|---:|---:|"]
    for extra, purpose in EXTRAS.items():
        names = closure("speech-zoo", frozenset(extra.split(",")), set())
        title = f'`pip install ".[{extra}]"`' if extra else "`pip install .`"
        lines.append(f"| {title} | {purpose} | {len(names)} | {sum(map(size, names)) / 1e9:.2f} GB |")
    text = PAGE.read_text(encoding="utf-8")
    content = "\n".join(lines)
    text = re.sub(r"(<!-- sizes -->\n).*?(<!-- /sizes -->)", lambda m: f"{m[1]}\n{content}\n\n{m[2]}", text, flags=re.S)
    PAGE.write_text(text, encoding="utf-8")
    print(content)


if __name__ == "__main__":
    main()
