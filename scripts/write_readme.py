"""Writes what is generated in the README, in its translation and in CITATION.cff: the table of models, and the repository's address.

    python scripts/write_readme.py [--check]                 write it again, or say whether it would change
    python scripts/write_readme.py --address URL             a new address, in setup.cfg and wherever it appears (`make address`)

The address stands in setup.cfg (`url`). While it is the placeholder, there are no badges and pictures have relative paths.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from run_notebooks import PLACEHOLDER, ROOT, address
from write_results import table

import zoo

# Preset -> what it does, in both languages; the figure: data, split, metric, decoder; what it was measured on; notebook.
MODELS = {
    "lstm_ctc": ("digits, letters, numbers, dates and commands to text", "数字、字母、日期和命令转文字", "an4", "test", "WER", "", "AN4", "06"),
    "conv_lstm_ctc": ("the same, and everyday sentences", "同上，外加日常句子", "an4", "test", "WER", "", "AN4", "06"),
    "lstm_ctc_stream": ("live captions while somebody speaks", "边说边出字幕", "an4", "test", "WER", "", "AN4", "06"),
    "ngram_lm.sentences": ("which word comes next", "下一个词是什么", "sentences", "test", "perplexity", "", "sentences", "07"),
    "ds_cnn": ("which of ten digits, with 23,690 parameters", "十个数字中的哪一个，23,690 个参数", "fsdd", "leave one speaker out", "accuracy", "", "unseen speakers", "09"),
    "conv2d": ("the same with the network of most tutorials", "同上，教程里最常见的网络", "fsdd", "leave one speaker out", "accuracy", "", "unseen speakers", "02"),
    "attention": ("the same, and which frames counted", "同上，并显示哪些帧重要", "fsdd", "leave one speaker out", "accuracy", "", "unseen speakers", "04"),
    "ds_cnn.commands": ("ten commands, other words and silence", "十个命令词、其他词和静音", "commands", "test", "accuracy", "", "Speech Commands", "02"),
    "word_embedding": ("words of your own from a few recordings", "用几段录音认识你自己的词", "spoken_words", "test", "accuracy", "", "747 words", "11"),
    "conv_autoencoder": ("compresses 320 numbers to 16", "把 320 个数压缩成 16 个", "an4", "test", "dB", "", "AN4", "05"),
}  # fmt: skip
METRICS = {
    "WER": ("WER {:.1f} % ↓", "词错误率 {:.1f} % ↓"),
    "accuracy": ("accuracy {:.1f} % ↑", "准确率 {:.1f} % ↑"),
    "perplexity": ("perplexity {:.1f} ↓", "困惑度 {:.1f} ↓"),
    "dB": ("error {:.2f} dB ↓", "误差 {:.2f} dB ↓"),
}
HEADERS = (
    ("model", "what it does", "weights#", "measured (95 % interval), on", "licence", "notebook"),
    ("模型", "做什么", "权重#", "实测（95 % 区间），数据", "许可", "笔记本"),
)


def models(language: int) -> str:
    """The table of at most ten models, in English (0) or Chinese (1)."""
    rows = []
    for name, (*what, data, split, metric, decoder, on, number) in MODELS.items():
        card = zoo.card(name)
        [found] = [r for r in card.results if (r.data, r.split, r.metric, r.decoder) == (data, split, metric, decoder)]
        notebook = next((ROOT / "notebooks").glob(f"{number}_*.ipynb")).name
        digits = 2 if metric == "dB" else 1
        interval = f" ({found.low:.{digits}f} to {found.high:.{digits}f})" if found.low < found.high else ""
        rows.append(
            {
                "name": name,
                "what": what[language],
                "mb": f"{card.size / 1e6:.2f} MB",
                "figure": f"{METRICS[metric][language].format(found.value)}{interval}, {on}",
                "licence": "BY-SA" if card.licence.startswith("CC BY-SA") else card.licence.partition(";")[0],
                "notebook": f"[{number}](notebooks/{'zh/' * language}{notebook})",
            }
        )
    forms = ("`{name}`", "{what}", "{mb}", "{figure}", "{licence}", "{notebook}")
    return table(rows, dict(zip(HEADERS[language], forms, strict=True)))


def badges(url: str) -> str:
    account, name = url.removeprefix("https://github.com/").split("/")
    site = f"https://{account}.github.io/{name}/"
    first = f"https://colab.research.google.com/github/{account}/{name}/blob/main/notebooks/00_quickstart.ipynb"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({first})\n"
        f"[![Launch Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/{account}/{name}/main?labpath=notebooks)\n"
        f"[![Documentation](https://img.shields.io/badge/documentation-site-blue)]({site})"
    )


def block(text: str, name: str, content: str) -> str:
    """Text with other content between `<!-- name -->` and `<!-- /name -->`."""
    content = f"\n{content}\n" if content else ""
    text, found = re.subn(
        rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
        lambda m: m[1] + (content and content + "\n") + m[2],
        text,
        flags=re.S,
    )
    if found != 1:
        sys.exit(f"A README must have one block {name}; it has {found}.")
    return text


def readme(text: str, url: str, language: int) -> str:
    known = url != PLACEHOLDER
    account = url.removeprefix("https://github.com/")
    pictures = f"https://raw.githubusercontent.com/{account}/main/" if known else ""
    colab = f"https://colab.research.google.com/github/{account}/blob/main/"
    text = block(text, "models", models(language))
    text = block(text, "badges", badges(url) if known else "")
    text = re.sub(
        r"(!\[[^\]]*\]\()(?:https://raw\.githubusercontent\.com/[^/]+/[^/]+/main/)?(docs/)", rf"\g<1>{pictures}\2", text
    )
    text = re.sub(r" \(\[Colab\]\([^)]*\)\)", "", text)
    if known:  # a button for each notebook, in the table of notebooks
        text = re.sub(
            r"^(\| \w\d \| \[[^\]]+\]\()(notebooks/[^)]+)\)", rf"\1\2) ([Colab]({colab}\2))", text, flags=re.M
        )
    return text


def citation(text: str, url: str) -> str:
    text = re.sub(r"^repository-code: .*\n", "", text, flags=re.M)
    text = re.sub(r"^version: .*", f"version: {zoo.__version__}", text, flags=re.M)
    return text if url == PLACEHOLDER else text + f'repository-code: "{url}"\n'


FILES = {
    "README.md": lambda text, url: readme(text, url, 0),
    "README.zh-CN.md": lambda text, url: readme(text, url, 1),
    "CITATION.cff": citation,
}


def change_address(url: str) -> None:
    """Writes a new address into setup.cfg, the pages of docs/ and the notebooks."""
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
        sys.exit(f"URL must be https://github.com/ACCOUNT/NAME. Received: {url!r}.")
    before = address()
    for path in (ROOT / "setup.cfg", *(ROOT / "docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if before in text:
            path.write_text(text.replace(before, url), encoding="utf-8")
    subprocess.run([sys.executable, ROOT / "scripts/run_notebooks.py", "--badges"], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something would change")
    parser.add_argument("--address", metavar="URL", help="where the repository is from now on")
    args = parser.parse_args()
    if args.address:
        change_address(args.address)
    for name, written in FILES.items():
        path: Path = ROOT / name
        before = path.read_text(encoding="utf-8")
        after = written(before, address())
        if args.check and after != before:
            sys.exit(f"{name} is not what scripts/write_readme.py writes: run `make results`.")
        path.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
