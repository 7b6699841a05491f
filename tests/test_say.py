"""Phrases are in the reader's language where they are known, and pictures where the machine has a font for it."""

import re
from string import Formatter

import pytest
from matplotlib.figure import Figure

from zoo.notebook import table
from zoo.plots import bars, diagrams, figure
from zoo.words import _chinese, language, say, speaking


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
        return sorted(filter(None, (name for _, name, _, _ in Formatter().parse(phrase))))

    for english, chinese in _chinese().items():
        assert values(english) == values(chinese), english
        names = re.sub(r"\{.*?\}", "", chinese)
        assert re.search("[\u4e00-\u9fff]", names) or english == chinese or names in ("word_bonus（β）",), english


def test_what_is_known_is_said_in_chinese_and_the_rest_in_english():
    assert say("{n} wrong", n=2) == "2 wrong"
    with speaking("zh"):
        assert say("{n} wrong", n=2) == "错 2 词" and say("no such phrase") == "no such phrase"
        assert repr(table([{"model": "conv2d", "score": 0.5}])).splitlines() == ["模型      分数", "conv2d  0.5"]
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
