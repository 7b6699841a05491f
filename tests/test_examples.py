"""The page beside an exported file gives the model's answer in a browser, and says what it lacks."""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

import zoo
from zoo.audio import bundled
from zoo.examples import write_example
from zoo.web import engine


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, *args):
        pass


@pytest.fixture
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (chromium := shutil.which("chromium")):
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as play:
        program = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield program
        program.close()


@pytest.mark.slow
@pytest.mark.parametrize("name, clip", [("conv2d_mini", "seven"), ("lstm_ctc_stream", "telephone")])
def test_the_page_answers_as_python(name, clip, browser, tmp_path):
    for package in ("tensorflow", "tf2onnx", "onnx"):
        pytest.importorskip(package, reason='onnx is not installed: pip install "speech-zoo[export]"')
    try:
        runtime = engine.find_runtime()
    except zoo.ZooError as error:
        pytest.skip(str(error))
    model = zoo.load(name)
    path = zoo.export.export(model, "onnx", tmp_path / f"{name} 1.onnx")
    write_example(path, "onnx", zoo.runtime.read_metadata(path))
    tab = browser.new_page()
    status = tab.locator("[role=status]")
    tab.goto((tmp_path / f"{name} 1.example.html").as_uri())
    status.filter(has_text="server").wait_for()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{name} 1.example.html"
        tab.goto(address)
        status.filter(has_text="package/").wait_for()
        shutil.copytree(runtime, tmp_path / "package" / "dist")
        tab.goto(address)
        status.filter(has_text="Choose").wait_for()
        (tmp_path / "notes.txt").write_text("no sound")
        tab.set_input_files("input", tmp_path / "notes.txt")
        status.filter(has_text="no sound").wait_for()
        tab.set_input_files("input", bundled(clip))
        said = "seven" if clip == "seven" else model.transcribe(bundled(clip)).text
        status.filter(has_text=said).wait_for()
        server.shutdown()
