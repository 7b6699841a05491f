"""Panels draw each of their states without a browser; one is turned in JupyterLab's own, in a real browser."""

import json
import shutil
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from conftest import refused

import zoo
from zoo import widgets
from zoo.audio import bundled
from zoo.errors import DataError, UnknownNameError, ZooError
from zoo.plots.figure import Drawing
from zoo.text import Vocabulary
from zoo.widgets import Choice, Panel, Slider, Switch
from zoo.widgets.inside import softmax_weights
from zoo.widgets.panel import bundle
from zoo.widgets.search import Texts, forward

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=12)
LOGITS = RNG.normal(size=(8, 4))
ABC = Vocabulary("abc")


def made(name: str) -> Panel:
    return {
        "attention": lambda: widgets.attention(SCORES, 9),
        "lattice": lambda: widgets.lattice("abc", LOGITS, ABC),
        "beam": lambda: widgets.beam(LOGITS, ABC, 3),
        "noise": lambda: widgets.noise(
            RNG.normal(size=4000).astype("float32"), {"hiss": np.ones(9), "hum": RNG.normal(size=8000)},
            {"same": lambda clips: [f"{np.std(clips[0]):.3f}"]},
        ),
    }[name]()  # fmt: skip


TURNS = {"attention": {"temperature": 10.0}, "lattice": {"frame": 7}, "beam": {"width": 1}, "noise": {"snr": -10}}


@pytest.mark.parametrize("name", TURNS)
def test_a_slider_changes_what_is_shown(name):
    ipywidgets = pytest.importorskip("ipywidgets")
    panel = made(name)
    assert isinstance(panel.box, ipywidgets.VBox) and set(panel.controls) == set(panel.values)
    before = panel.output.outputs
    assert all(control.description for control in panel.controls.values())
    assert any("image/png" in shown["data"] for shown in before)
    assert all(isinstance(value, str) for shown in before for value in shown["data"].values())  # what Jupyter takes
    ((control, value),) = TURNS[name].items()
    panel.controls[control].value = value  # as the mouse does
    assert panel.values[control] == value and panel.output.outputs != before
    now = panel.output.outputs
    panel.set(**{control: panel.specs[control].start})
    assert panel.output.outputs == before != now


def test_without_ipywidgets_the_picture_is_shown_and_the_box_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    panel = made("attention")
    with refused("ipywidgets", ZooError):
        panel.box  # noqa: B018
    monkeypatch.setenv("ZOO_STATIC", "1")
    panel._ipython_display_()
    figure, words = panel.state()
    assert isinstance(figure, Drawing) and "image/png" in bundle(figure)
    assert bundle(words)["text/plain"] == words and "<pre" in bundle(words)["text/html"]


def test_a_control_takes_what_it_can_be_set_to():
    panel = Panel(
        lambda **values: [str(values)],
        {"level": Slider("level", 3, high=9), "name": Choice("name", "a", ["a", "b"]), "on": Switch("on", True)},
    )
    assert panel.set(level=9, name="b", on=False).state() == ["{'level': 9, 'name': 'b', 'on': False}"]
    for name, value in (("level", 10), ("name", "c"), ("on", "yes")):
        with refused(name, ZooError):
            panel.set(**{name: value})
    with pytest.raises(UnknownNameError):
        panel.set(levl=3)


def test_temperature_and_mask_do_what_softmax_does():
    powers = np.exp(SCORES[:9] / 2)
    np.testing.assert_allclose(softmax_weights(SCORES, 9, 2.0), np.append(powers / powers.sum(), [0] * 3))
    np.testing.assert_allclose(softmax_weights(SCORES, 9, 1e9, mask=False), 1 / 12, rtol=1e-6)
    assert softmax_weights(np.array([0.0, 0.0, 1e6]), 2).tolist() == [0.5, 0.5, 0.0]
    with refused("scores", DataError):
        widgets.attention(SCORES, 13)


def test_the_lattice_ends_in_the_probability_of_the_text():
    log_p = LOGITS - np.logaddexp.reduce(LOGITS, axis=1, keepdims=True)
    total = sum(np.exp(np.logaddexp.reduce(forward(log_p[:3], list(ids))[-1, -2:])) for ids in every(3))
    assert total == pytest.approx(1)
    with refused("text", DataError):
        widgets.lattice("aa", LOGITS[:2], ABC)


def every(longest: int) -> list[tuple]:
    """All texts of at most so many labels that fit into as many frames."""
    texts = [()]
    for text in texts:
        texts += [(*text, label) for label in (1, 2, 3)] if len(text) < longest else []
    return [t for t in texts if len(t) + sum(a == b for a, b in zip(t, t[1:], strict=False)) <= longest]


def test_texts_mark_what_is_wrong_without_colour():
    shown = Texts("a cat sat", {"greedy": "a <hat> sat", "beam": "a sat"})
    assert repr(shown).splitlines()[1:] == ["greedy  a <hat> sat  (1 word wrong)", "beam    a sat  (1 word wrong)"]
    page = shown._repr_html_()
    assert "&lt;hat&gt;</b>" in page and "[cat]" in page and "<hat>" not in page


def test_noise_needs_noises_and_models():
    with refused("noises", DataError):
        widgets.noise(np.ones(80), {}, {"x": len})


@pytest.mark.slow
def test_frames_codes_and_a_language_model_can_be_turned():
    framing = widgets.framing(bundled("seven"))
    shapes = [framing.set(hop=hop, window=64).state()[0].axes[0].get_title() for hop in (5, 40)]
    assert "bands; window 64 ms" in shapes[0] and int(shapes[0].split()[0]) > 7 * int(shapes[1].split()[0])
    assert "in no frame" in framing.set(window=8).state()[1].title

    codes = widgets.codes(zoo.load("vae"), bundled("seven"), count=3, reader=lambda pictures: ["x"] * len(pictures))
    still = codes.state()[0]._repr_png_()
    name = next(iter(codes.values))
    assert codes.set(**{name: 3.0 if codes.values[name] < 0 else -3.0}).state()[0]._repr_png_() != still

    model = zoo.load("lstm_ctc")
    said = "six one three nine six"
    language = widgets.language(model, bundled("telephone"), said, zoo.load("ngram_lm"), model.tuned("ngram_lm"))
    text, words = language.state()
    assert text.lines["greedy"] == said and words.startswith("score ")
    assert language.set(alpha=3.0, word_bonus=-2.0).state()[0].lines != text.lines

    noise = widgets.noise(
        bundled("seven"), {"hiss": RNG.normal(size=16000)}, {"net": zoo.load("ds_cnn"), "words": model}
    )
    assert noise.set(snr=30).state()[2].rows[0][:2] == ["net", "seven"]


NOTEBOOK = """\
import numpy as np
from zoo import widgets
widgets.attention(np.random.default_rng(0).normal(size=12), 9)"""


@pytest.fixture
def lab(tmp_path):
    """The address of a notebook in a JupyterLab of its own."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("jupyterlab")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, tmp_path / "panel.ipynb")
    log = tmp_path / "lab.log"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0", "--IdentityProvider.token=",
               f"--ServerApp.root_dir={tmp_path}", "--LabApp.news_url=", f"--LabApp.workspaces_dir={tmp_path}/spaces"]  # fmt: skip
    with open(log, "w") as out, subprocess.Popen(command, stdout=out, stderr=out, cwd=tmp_path) as server:
        try:
            yield f"{address(log)}lab/tree/panel.ipynb"
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def address(log, patience: float = 60) -> str:
    end = time.time() + patience
    while time.time() < end:
        for word in log.read_text().split():
            if word.startswith("http://127.0.0.1") or word.startswith("http://localhost"):
                place = word.split("lab")[0] if "/lab" in word else word
                try:
                    with urllib.request.urlopen(f"{place}api") as answer:
                        assert json.load(answer)["version"]
                    return place
                except OSError:
                    pass
        time.sleep(0.5)
    raise AssertionError(log.read_text())


@pytest.mark.slow
def test_a_panel_is_turned_in_jupyterlab_in_a_real_browser(lab):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (chromium := shutil.which("chromium")):
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(90_000)
        page.goto(lab)
        page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea-editor").first.click()
        page.wait_for_timeout(3000)  # the kernel starts
        page.keyboard.press("Shift+Enter")
        words = page.locator(".jp-OutputArea pre", has_text="lies on padding")
        words.wait_for()
        assert "; 0 % lies on padding" in words.inner_text()
        page.locator(".widget-checkbox input").wait_for()  # controls are drawn after the output
        assert page.locator(".jp-OutputArea img").count() == 1
        page.locator(".widget-checkbox input").click()
        page.locator(".jp-OutputArea pre", has_not_text="; 0 % lies", has_text="lies on padding").wait_for()
        browser.close()
