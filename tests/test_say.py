"""Phrases and printed lines are in the reader's language where they are known, and pictures where the machine has a font for it."""

import ast
import io
import json
import re
from pathlib import Path
from string import Formatter

import pytest
from matplotlib.figure import Figure

from zoo import words
from zoo.notebook import table
from zoo.plots import bars, diagrams, figure
from zoo.words import (
    VALUE,
    Lines,
    _chinese,
    language,
    say,
    shown,
    speaking,
    translated,
    translated_html,
    translated_print,
)

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
NAMES = {"keras", "zoo", "prior_scale", "table"}  # are so in Chinese too


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, "en"),
        ({"JPY_SESSION_NAME": "/home/me/notebooks/zh/01_sound.ipynb"}, "zh"),
        ({"JPY_SESSION_NAME": "/home/zhang/notebooks/01_sound.ipynb"}, "en"),
        ({"JPY_SESSION_NAME": "/n/zh/01.ipynb", "ZOO_LANGUAGE": "en"}, "en"),
        ({"ZOO_LANGUAGE": "zh"}, "zh"),
        ({"ZOO_LANGUAGE": "klingon"}, "en"),
    ],
)
def test_the_language_is_that_of_the_notebook_or_of_the_switch(settings, expected, monkeypatch):
    for name in ("JPY_SESSION_NAME", "ZOO_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_every_phrase_is_translated_with_the_same_values():
    def values(phrase):
        names = [name for _, name, _, _ in Formatter().parse(phrase) if name is not None]
        return [str(i) for i in range(len(names))] if set(names) == {""} else sorted(names)

    for english, chinese in _chinese().items():
        assert values(english) == values(chinese), english
        names = re.sub(r"\{.*?\}", "", chinese)
        chinese_there = re.search("[\u4e00-\u9fff\uff00-\uffef]", names) or not re.search("[a-z]{4}", names)
        assert chinese_there or english == chinese, english


def test_no_phrase_is_translated_twice():
    folder = Path(words.__file__).parent
    texts = [(folder / f"{name}_zh.json").read_text(encoding="utf-8") for name in ("words", "lines")]
    phrases = [phrase for text in texts for phrase, _ in json.loads(text, object_pairs_hook=list)]
    assert len(phrases) == len(set(phrases))


def template(node):
    """What an argument of `print` writes, with {} for what is not known before it runs."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(template, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return template(node.left) + template(node.right)
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".format"):
        return VALUE.sub("{}", template(node.func.value))
    return "{}"


def prints(source):
    """The lines that the calls of `print` in a cell write, as templates."""
    lines = ["pass" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    nodes = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Call)]
    calls = [node for node in nodes if isinstance(node.func, ast.Name) and node.func.id == "print"]
    text = ""
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        options = {option.arg: template(option.value) for option in call.keywords}
        text += options.get("sep", " ").join(map(template, call.args)) + options.get("end", "\n")
    return text.splitlines()


def sources(notebook):
    """The code of a notebook's cells and solutions."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            yield source
        else:
            folded = re.findall(r"<details>(.*?)</details>", source, re.S)
            yield from ("\n".join(re.findall(r"```python\n(.*?)```", text, re.S)) for text in folded)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_printed_line_of_a_notebook_is_translated_and_keeps_its_figures(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    found = [line.strip() for source in sources(notebook) for line in prints(source)]
    found = [line for line in found if set(re.findall("[A-Za-z_]{3,}", line)) - NAMES]
    assert found
    for line in found:
        filled = line.replace("{}", "7")
        chinese = translated_print(filled)
        assert re.search("[\u4e00-\u9fff\uff00-\uffef]", chinese), f"zoo/lines_zh.json has no translation of {line!r}"
        assert sorted(re.findall(r"\d", chinese)) == sorted(re.findall(r"\d", filled)), line


def test_lines_that_are_not_known_and_errors_stay_as_they_are():
    for line in ("three clips", "  [1, 2]", "ValueError: 3 clips to learn from", "3 clips to learn from " * 40, ""):
        assert translated(line) == line
    assert translated("a\n\n3 clips to learn from\n") == "a\n\n训练录音 3 段\n"
    page = "<table><tr><th style='x'>model</th><td>noise</td><td>seven</td></tr></table>"
    assert translated_html(page) == "<table><tr><th style='x'>模型</th><td>噪声</td><td>seven</td></tr></table>"


def test_a_stream_translates_whole_lines_and_what_is_flushed():
    plain = io.StringIO()
    stream = Lines(plain)
    with speaking("zh"):
        print(3, "clips to learn from", end="", file=stream)
        assert plain.getvalue() == ""
        print("\nand this stays\nnoise", file=stream)
        print("loss 0.1 -> ", end="", file=stream)
        stream.flush()
        assert shown("5 clips to learn from") == "训练录音 5 段"
    print(5, end=" ", file=stream)
    assert plain.getvalue().endswith("-> 5 ")  # nothing is held back in English
    print("clips to learn from", file=stream)
    assert plain.getvalue() == "训练录音 3 段\nand this stays\nnoise\nloss 0.1 -> 5 clips to learn from\n"


def test_what_is_known_is_said_in_chinese_and_the_rest_in_english():
    assert say("{n} wrong", n=2) == "2 wrong"
    with speaking("zh"):
        assert say("{n} wrong", n=2) == "错 2 词" and say("no such phrase") == "no such phrase"
        assert repr(table([{"model": "conv2d", "score": 0.5}])).splitlines() == ["模型    分数", "conv2d  0.5"]
    assert language() == "en"


def test_labels_of_pictures_follow_where_there_is_a_font(monkeypatch):
    for module in ("zoo.plots.figure.can_show_chinese", "zoo.plots.shapes.can_show_chinese"):
        monkeypatch.setattr(module, lambda: True)
    with speaking("zh"):
        axes = bars({"noise": 0.5, "frame": 0.5})
        axes.figure._repr_png_()
        assert axes.get_xlabel() == "概率（%）" and {t.get_text() for t in axes.get_yticklabels()} == {"noise", "frame"}
        assert "编码器" in {text.get_text() for text in diagrams.vae().axes[0].texts}
        monkeypatch.setattr("zoo.plots.shapes.can_show_chinese", lambda: False)
        assert "encoder" in {text.get_text() for text in diagrams.vae().axes[0].texts}
    assert isinstance(figure.Drawing(), Figure)


def test_a_figure_of_pyplot_follows(monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setattr("zoo.plots.figure.can_show_chinese", lambda: True)
    drawing, axes = plt.subplots()
    figure.follow(drawing)
    assert type(drawing) is Figure
    with speaking("zh"):
        figure.follow(drawing)
    axes.plot([1, 2], label="no window")
    axes.legend()
    axes.set(title="frame 7", xlabel="time (s)", ylabel="no such label")
    with speaking("zh"):
        drawing.canvas.draw()
    texts = [axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), axes.get_legend().get_texts()[0].get_text()]
    assert texts == ["第 7 帧", "时间（秒）", "no such label", "不加窗"]
    plt.close(drawing)
