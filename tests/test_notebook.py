"""What the notebooks share works without a microphone, in a browser that is not there, and in a plain terminal."""

import base64
import io
import os
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from conftest import refused

import zoo
from zoo.audio import bundled, load_audio
from zoo.notebook import JAVASCRIPT, caught, full_or_fast, play, record, table


@pytest.fixture
def colab(monkeypatch):
    """A Colab whose browser answers what a test says."""
    page = SimpleNamespace(answer=None, asked=[])

    def eval_js(code):
        page.asked.append(code)
        if isinstance(page.answer, Exception):
            raise page.answer
        return page.answer

    output = ModuleType("google.colab.output")
    output.eval_js = eval_js
    module = ModuleType("google.colab")
    module.output = output
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    return page


def test_without_a_microphone_a_bundled_clip_is_heard(monkeypatch, capsys):
    monkeypatch.setenv("ZOO_NO_MICROPHONE", "1")
    heard = zoo.record(seconds=2, sample_rate=8000)
    np.testing.assert_array_equal(heard, load_audio(bundled("seven"), 8000))
    assert "No microphone was found: this is the bundled clip seven.wav" in capsys.readouterr().out


def test_a_device_is_recorded_at_its_own_rate(monkeypatch):
    monkeypatch.delenv("ZOO_NO_MICROPHONE", raising=False)
    device = ModuleType("sounddevice")
    device.query_devices = lambda kind: {"default_samplerate": 48000.0}
    device.rec = lambda count, samplerate, channels, dtype, blocking: np.full((count, channels), 0.25, dtype)
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    heard = record(0.5, 16000)
    assert heard.shape == (8000,) and heard.dtype == np.float32
    assert heard[4000] == pytest.approx(0.25, abs=1e-3)

    def broken(**about):
        raise OSError("PortAudio library not found")

    device.query_devices = broken
    assert len(record(0.5, 16000)) == len(load_audio(bundled("seven"), 16000))


def test_colab_gives_the_sound_of_the_browser(colab, capsys):
    words = np.array([0, 16384, -32768, 32767], "<i2")
    colab.answer = base64.b64encode(words.tobytes()).decode()
    np.testing.assert_allclose(record(1.5, 22050), [0, 0.5, -1, 32767 / 32768])
    assert colab.asked[0].endswith(")(1.5, 22050, 60)") and "getUserMedia" in colab.asked[0]
    for answer in (None, "", RuntimeError("the page was closed")):
        colab.answer = answer
        assert len(record(1, 16000)) == len(load_audio(bundled("seven"), 16000))
    assert "The browser gave no sound: the page was closed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "seconds, rate, argument",
    [
        (0, 16000, "seconds"),
        (61, 16000, "seconds"),
        ("3", 16000, "seconds"),
        (1, 500, "sample_rate"),
        (1, 16000.5, "sample_rate"),
    ],
)
def test_recording_insists_on_a_time_and_a_rate(seconds, rate, argument):
    with refused(argument):
        record(seconds, rate)


def test_a_player_is_small_and_plays_the_sound():
    player = play(bundled("woman-us"), title="<seven> digits")
    page = player._repr_html_()
    assert "&lt;seven&gt; digits" in page and "<audio controls" in page and len(page) < 50_000
    sound = base64.b64decode(page.split("base64,")[1].split('"')[0])
    heard = load_audio(io.BytesIO(sound), 16000)
    assert len(heard) / 16000 == pytest.approx(len(player.samples) / 16000, abs=0.15)  # MP3 has frames of its own
    assert repr(play(np.zeros(900), 9000, title=None)) == "sound: 0.10 s at 9000 Hz"
    with refused("sample_rate"):
        play(np.zeros(900))


def test_what_is_to_fail_must_fail(capsys):
    with caught(ValueError, lines=2):
        raise ValueError("one\n\ntwo\nthree")
    assert capsys.readouterr().out == "ValueError: one\ntwo ...\n"
    with caught():
        raise KeyError("x")
    with pytest.raises(AssertionError), caught(ValueError):
        pass
    with pytest.raises(TypeError), caught(ValueError):
        raise TypeError("another kind is an error")


def test_tables_are_text_and_html():
    shown = table([{"a": 1, "b": "<x>"}, {"a": 0.123456, "c": None}])
    assert repr(shown).splitlines() == ["a       b    c", "1       <x>", "0.1235       None"]
    assert "<th" in shown._repr_html_() and "&lt;x&gt;" in shown._repr_html_()
    assert repr(table([])) == ""


def test_short_runs_are_for_tests(monkeypatch):
    monkeypatch.setenv("ZOO_FAST", "1")
    assert full_or_fast(5, fast=1) == 1
    monkeypatch.setenv("ZOO_FAST", "0")
    assert full_or_fast(5, fast=1) == 5


FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
FAKE = "--use-fake-ui-for-media-stream --use-fake-device-for-media-stream --use-file-for-fake-audio-capture="


@pytest.fixture
def browser(tmp_path):
    """`open(*flags)` gives a page on localhost, where a browser lets scripts ask for the microphone."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("chromium is not installed")
    (tmp_path / "index.html").write_text("<title>a cell</title><div id=output-area></div>")
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, playwright.sync_playwright() as play:
        Thread(target=server.serve_forever, daemon=True).start()
        opened = []

        def open_page(*flags):
            opened.append(play.chromium.launch(executable_path=chromium, args=[*FLAGS.split(), *flags]))
            page = opened[-1].new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            return page

        yield open_page
        for one in opened:
            one.close()
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *about):
        pass


def heard_by(answer: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer), "<i2").astype("float32") / 32768


@pytest.mark.slow
def test_the_browser_records(browser):
    page = browser(*(FAKE + str(bundled("woman-us"))).split())
    heard = heard_by(page.evaluate(f"({JAVASCRIPT})(5, 16000, 20)"))
    assert 4.5 < len(heard) / 16000 < 6 and np.abs(heard).max() > 0.1
    text = zoo.load("lstm_ctc").transcribe(heard, sample_rate=16000).text
    assert "zero one two seven" in text


@pytest.mark.slow
def test_without_a_microphone_the_page_takes_a_file_or_goes_on(browser):
    page = browser()

    def ask(wait):
        page.evaluate(f"() => {{ window.answer = 0; ({JAVASCRIPT})(1, 8000, {wait}).then(a => window.answer = a) }}")

    ask(20)
    page.locator("input[type=file]").set_input_files(bundled("seven"))
    page.wait_for_function("window.answer !== 0")
    there = load_audio(bundled("seven"), 8000)
    assert len(heard_by(page.evaluate("window.answer"))) == pytest.approx(len(there), abs=10)
    ask(20)
    page.get_by_role("button", name="Use the bundled clip").click()
    page.wait_for_function("window.answer === null")
    ask(0.2)  # nobody answers
    page.wait_for_function("window.answer === null")
    ask(20)
    page.locator("input[type=file]").set_input_files(
        {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"not a sound"}
    )
    page.wait_for_function("window.answer === null")


@pytest.mark.slow
@pytest.mark.parametrize("first", ["zoo.load('conv2d_mini')", "import keras", "from zoo.tasks import pad"])
def test_the_first_import_in_a_notebook_prints_nothing(first):
    code = f"import sys; sys.modules['ipykernel'] = sys; import zoo; {first}; zoo.load('conv2d_mini')"
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
