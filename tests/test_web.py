"""The page of `zoo web` computes what Python computes, on the device alone, and says in a sentence what it cannot do."""

import json
import os
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from cli_runner import refusal
from conftest import refused
from filelock import FileLock

import zoo
from zoo.audio import bundled, load_audio
from zoo.decoding import greedy
from zoo.errors import MissingFileError, UnknownNameError
from zoo.tasks import doubt
from zoo.web import engine, folder, server, write

CLIPS = ("seven", "woman-us", "telephone", "chocolate")
LABELS = ("да", "नहीं", "はい")


@pytest.fixture
def runtime(tmp_path):
    """A folder that looks like the npm package."""
    place = tmp_path / "npm" / "dist"
    place.mkdir(parents=True)
    for name in engine.FILES:
        (place / name).write_bytes(b"runtime")
    return place.parent


@pytest.fixture
def converted(monkeypatch):
    """Models are not converted, which takes half a minute."""

    def export(model, format, path, **how):
        path.write_bytes(f"{model.display_name} {format} {how}".encode())
        return path

    monkeypatch.setattr("zoo.export.export", export)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A student's model, with a head of its own."""
    path = tmp_path_factory.mktemp("own") / "my words" / "model.keras"  # as of `zoo train`
    path.parent.mkdir()
    keras.utils.set_random_seed(0)  # the same head in each of xdist's processes, which share a page
    zoo.load("ds_cnn", labels=LABELS).save(path)
    return path


def test_a_folder_has_all_that_the_page_needs(runtime, converted, own, tmp_path):
    lines = []
    out = write(tmp_path / "page", ["ds_cnn", str(own)], runtime, title="Our words", log=lines.append)
    assert len(lines) == 4 and not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    listed = json.loads((out / "models.json").read_text(encoding="utf-8"))
    first, mine = listed["models"]
    assert listed["title"] == "Our words" and (first["name"], mine["name"]) == ("ds_cnn", "my words")
    assert tuple(mine["labels"]) == LABELS and "doubt" not in mine and "card" not in mine and not mine.get("example")
    assert first["card"]["licence"] == zoo.card("ds_cnn").licence and len(first["results"]) == len(
        zoo.card("ds_cnn").results
    )
    assert first["doubt"]["threshold"] == zoo.card("ds_cnn").doubt["threshold"]
    for about in (first, mine):
        assert (out / about["file"]).stat().st_size == about["bytes"] and about["file"].isascii()
    assert (out / first["example"]).read_bytes() == Path(bundled("seven")).read_bytes()
    manifest = json.loads((out / "app.webmanifest").read_text())
    assert manifest["name"] == "Our words" and all((out / icon["src"]).is_file() for icon in manifest["icons"])
    worker = (out / "sw.js").read_text()
    assert all((out / name).exists() and json.dumps(name) in worker for name in folder.SHELL)
    assert "MIT" in (out / "runtime" / "LICENSE.txt").read_text()
    html = (out / "index.html").read_text() + (out / "app.js").read_text() + (out / "style.css").read_text()
    assert "http://" not in html and "https://" not in html  # nothing comes from elsewhere

    other = write(tmp_path / "other", ["ds_cnn"], runtime, title="Our words")
    assert (other / "sw.js").read_text() != worker  # another version, so browsers fetch it anew


def test_what_has_no_place_on_the_page(runtime, converted, own, tmp_path):
    out = tmp_path / "page"
    for wrong in (
        "ngram_lm",
        "vae",
        "denoising_autoencoder",
        "ds_cnn+conv2d",
        "mine.tflite",
        zoo.load("vae", weights=None),
    ):
        with refused("model"):
            write(out, [wrong], runtime)
    with refused("model", MissingFileError):
        write(out, ["none.keras"], runtime)
    with pytest.raises(UnknownNameError):
        write(out, ["ds_cn"], runtime)
    zoo.load("autoencoder_mini").save(tmp_path / "codes.keras")
    for wrong in ([tmp_path / "codes.keras"], [own, own]):
        with refused("model"):
            write(out, wrong, runtime)
    with refused("models"):
        write(out, [], runtime)
    assert not out.exists() and not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    out.mkdir()
    (out / "diary.txt").write_text("dear diary")
    with refused("out"):
        write(out, ["ds_cnn"], runtime)
    assert os.listdir(out) == ["diary.txt"]


def test_a_model_that_fails_to_convert_leaves_nothing(runtime, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.export.CHILD", "import sys; sys.exit('no such operation')")
    with refused("") as caught:
        write(tmp_path / "page", ["conv2d_mini"], runtime)
    assert "no such operation" in str(caught.value) and os.listdir(tmp_path) == ["npm"]


def test_where_the_runtime_comes_from(runtime, tmp_path, monkeypatch):
    assert engine.find_runtime(runtime) == engine.find_runtime(runtime / "dist") == runtime / "dist"
    with refused("wasm", MissingFileError):
        engine.find_runtime(tmp_path)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(engine.shutil, "which", lambda name: None)
    with refused("wasm"):
        engine.find_runtime()
    (tmp_path / "npm.sh").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    (tmp_path / "npm.sh").chmod(0o755)
    monkeypatch.setattr(engine.shutil, "which", lambda name: str(tmp_path / "npm.sh"))
    with refused("wasm") as caught:
        engine.find_runtime()
    assert "no network" in str(caught.value) and os.listdir(tmp_path / "cache") == []


def test_the_command_refuses(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("dear diary")
    assert refusal("web", tmp_path / "page").argument == "--model"
    assert refusal("web", tmp_path / "page", "--model", "ngram_lm").argument == "model"
    assert refusal("web", tmp_path / "full", "--model", "ds_cnn").argument == "out"
    assert refusal("web", tmp_path / "page", "--model", "ds_cnn", "--wasm", tmp_path).argument == "wasm"
    assert refusal("web", tmp_path / "full", "--serve").argument == "out"


def test_a_port_that_is_taken(tmp_path):
    (tmp_path / "models.json").write_text("{}")
    with server.make_server(tmp_path, 0) as first, refused("port"):
        server.make_server(tmp_path, first.server_port)


# --- in Chromium

FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --use-fake-device-for-media-stream "
    "--use-fake-ui-for-media-stream"
).split()
PATIENCE = 300_000  # milliseconds
MOST = 16e6  # bytes until a first answer


@pytest.fixture(scope="module")
def page(own, tmp_path_factory):
    """A page of each kind of model, and its server, which counts the bytes that it sends."""
    for package in ("tensorflow", "tf2onnx", "onnx"):
        pytest.importorskip(package, reason='onnx is not installed: pip install "speech-zoo[export]"')
    try:
        source = engine.find_runtime()
    except zoo.errors.ZooError as error:
        pytest.skip(str(error))
    from zoo import export

    # Half a minute of conversions: the first of xdist's processes makes the folder, the others wait and take it.
    base = tmp_path_factory.getbasetemp()
    out = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "zoo-web" / "page"
    out.parent.mkdir(exist_ok=True)
    with FileLock(out.parent / "lock"), pytest.MonkeyPatch.context() as patch:
        if not out.exists():
            patch.setattr(export, "_convert_in_child", lambda *args: export._convert(*map(str, args)))
            write(out, ["ds_cnn", "lstm_ctc_stream", "lstm_ctc", own], source, title="Our words")
    sent = []

    class Counting(server._Handler):
        def copyfile(self, source, outputfile):
            sent.append(os.fstat(source.fileno()).st_size)
            super().copyfile(source, outputfile)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_Handler", Counting)
        running = server.make_server(out, 0)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield SimpleNamespace(folder=out, address=f"http://localhost:{running.server_port}/", sent=sent, server=running)
    running.shutdown()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (chromium := shutil.which("chromium")):
        pytest.skip("chromium is not installed")
    microphone = f"--use-file-for-fake-audio-capture={bundled('woman-us')}%noloop"
    elsewhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"
    with playwright.sync_playwright() as play:
        program = play.chromium.launch(executable_path=chromium, args=[*FLAGS, microphone, elsewhere])
        yield program
        program.close()


@pytest.fixture
def visit(browser, page):
    """Opens the page for a new user; afterwards nothing was asked of, or sent to, any other machine."""
    contexts, outside = [], []

    def open_page(width: int = 1280, height: int = 900, script: str = ""):
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        if script:
            context.add_init_script(script)
        own = (page.address, f"blob:{page.address}", "data:")
        context.on(
            "request", lambda r: (r.url.startswith(own) and r.method == "GET") or outside.append((r.method, r.url))
        )
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE)
        tab.on("pageerror", lambda error: outside.append(error))
        tab.goto(page.address)
        tab.evaluate("zoo.ready")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not outside


def wait_for(tab, condition: str) -> None:
    """Waits until a JavaScript expression holds; Playwright's own way is not allowed by the page's policy."""
    end = time.monotonic() + PATIENCE / 1000
    while not tab.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.05)


READY = "!document.getElementById('record').disabled && document.querySelector('#models :checked').value"


def choose(tab, name: str) -> None:
    tab.locator(f"#models input[value='{name}']").check()
    wait_for(tab, f"{READY} === {name!r}")


def hear(tab, path) -> str:
    """Uploads a file, and gives what the status line says at last."""
    tab.evaluate("document.getElementById('status').textContent = ''")
    tab.set_input_files("#file", path)
    wait_for(tab, "!['', 'One moment ...'].includes(document.getElementById('status').textContent)")
    return tab.inner_text("#status")


def last(tab):
    """What the page heard and computed."""
    found = tab.evaluate(
        "() => ({...zoo.last, samples: [...zoo.last.samples], logits: [...zoo.last.logits], logMel: null, known: null})"
    )
    found["logits"] = np.reshape(found["logits"], found["shape"])
    return SimpleNamespace(**found | {"samples": np.array(found["samples"], "float32")})


def assert_python_agrees(heard, model) -> None:
    assert heard.rate == model.config.sample_rate
    wanted = model.logits([heard.samples], heard.rate)[0]
    assert heard.logits.shape == wanted.shape
    np.testing.assert_allclose(heard.logits, wanted, atol=1e-3)
    if hasattr(model, "transcribe"):  # which also tries a recording cut at its pauses
        seconds = len(heard.samples) / heard.rate
        [answer] = greedy(wanted[None], [len(wanted)], model.vocabulary, model.config.frame_seconds, [seconds])
        answer = doubt.of(model).of_transcript(answer)
    else:
        answer = model.classify(heard.samples, heard.rate)
    said = heard.answer.get("text", heard.answer.get("label"))
    assert said == str(answer) and bool(heard.answer["doubt"]) == bool(answer.doubtful)
    assert heard.answer["confidence"] == pytest.approx(answer.confidence, abs=1e-3)
    for ours, python_s in zip(heard.answer.get("words", ()), getattr(answer, "words", ()), strict=True):
        assert (ours["text"], ours["start"]) == (python_s.text, pytest.approx(python_s.start, abs=0.01))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ds_cnn", "lstm_ctc_stream", "lstm_ctc", "my words"])
def test_uploads_are_answered_as_in_python(name, visit, own):
    tab, model = visit(), zoo.load(own if name == "my words" else name)
    choose(tab, name)
    for clip in CLIPS:
        assert "Answered" in hear(tab, bundled(clip))
        heard = last(tab)
        assert_python_agrees(heard, model)
        sound = load_audio(bundled(clip), heard.rate)
        assert abs(len(heard.samples) - len(sound)) <= 2
        if clip != "telephone" and heard.rate == 16000:  # not resampled
            np.testing.assert_allclose(heard.samples, sound, atol=1e-4)
    shown = tab.inner_text("#answer")
    assert heard.answer["text" if "text" in heard.answer else "label"] in shown
    # The hook that the documentation names, at another rate.
    answer = tab.evaluate("zoo.run(new Float32Array(24000).fill(0.01), 24000).then(found => found.samples.length)")
    assert answer == pytest.approx(heard.rate, abs=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ds_cnn", "lstm_ctc_stream", "lstm_ctc"])
def test_the_microphone_is_heard_as_in_python(name, visit):
    tab = visit()
    choose(tab, name)
    tab.get_by_role("button", name="Record").click()
    if name == "lstm_ctc_stream":  # words appear before the end
        wait_for(tab, "document.querySelectorAll('.word').length > 2")
        assert tab.get_by_role("button", name="Stop").is_visible()
    if name != "ds_cnn":  # which stops itself after four seconds
        time.sleep(2)
        tab.get_by_role("button", name="Stop").click()
    wait_for(tab, "/^(Answered|Done)/.test(document.getElementById('status').textContent)")
    heard = last(tab)
    assert np.abs(heard.samples).max() > 0.1
    assert_python_agrees(heard, zoo.load(name))
    if name != "ds_cnn":
        assert heard.answer["text"].startswith("three four")


@pytest.mark.slow
def test_little_is_loaded_and_an_answer_comes_soon(page, browser):
    shell = sum((page.folder / name).stat().st_size for name in (*folder.SHELL[1:], "sw.js"))
    runtime = sum(path.stat().st_size for path in (page.folder / "runtime").iterdir())
    listed = json.loads((page.folder / "models.json").read_text())["models"]
    for about in listed:  # any of them as the only one
        assert 2 * shell + runtime + about["bytes"] < MOST
    seconds = []
    for _ in range(3):  # the machine may be at work
        page.sent.clear()
        context = browser.new_context()
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE)
        tab.add_init_script("window.addEventListener('load', () => { window.fetchRest = () => Promise.resolve(); });")
        tab.goto(page.address)
        tab.evaluate("zoo.ready")
        sent = sum(page.sent)
        assert "Answered" in hear(tab, bundled("seven"))
        seconds.append(float(tab.inner_text("#status").split()[2]))
        context.close()
    assert sent < 2 * shell + runtime + listed[0]["bytes"] + 1000 < MOST
    assert min(seconds) < 3


@pytest.mark.slow
def test_it_works_offline_after_the_first_visit(visit, page):
    tab = visit()
    tab.get_by_text("it works without internet").wait_for()
    tab.context.set_offline(True)
    page.sent.clear()
    tab.reload()
    tab.evaluate("zoo.ready")
    for name in ("my words", "lstm_ctc_stream"):
        choose(tab, name)
        assert "Answered" in hear(tab, bundled("woman-us"))
    assert tab.inner_text("#answer").startswith("three four zero") and not page.sent


@pytest.mark.slow
def test_the_keyboard_is_enough_and_everything_has_a_name(visit):
    tab = visit()
    names, keys = [], 12
    for _ in range(keys):
        tab.keyboard.press("Tab")
        names.append(tab.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"))
    order = ["ds_cnn", "Record", "Open a file", "Try an example"]
    assert [next((n for n in names if n.startswith(wanted)), None) is not None for wanted in order] == [True] * 4
    assert [n for n in names if n.split("\n")[0] in order][0].startswith("ds_cnn")
    tab.get_by_role("radio", name="ds_cnn").focus()
    tab.keyboard.press("ArrowDown")
    wait_for(tab, f"{READY} !== 'ds_cnn'")
    tab.get_by_role("button", name="Try an example").focus()
    tab.keyboard.press("Enter")
    tab.get_by_text("Answered in").wait_for()
    assert tab.get_by_role("log", name="Transcript").inner_text().startswith("three four")
    assert "three" in tab.get_by_role("img").last.get_attribute("aria-label")  # the spectrogram says what it shows
    assert tab.get_by_role("group", name="Model").count() == 1 and tab.get_by_role("heading").count() >= 3
    assert not tab.evaluate(
        "[...document.querySelectorAll('button, input')].filter(e => !e.hidden && !(e.labels?.[0] ?? e).innerText.trim()).length"
    )


@pytest.mark.slow
def test_a_phone_shows_it_without_sideways_scrolling(visit):
    tab = visit(width=390, height=844)
    for name in ("lstm_ctc", "my words", "ds_cnn"):
        choose(tab, name)
        hear(tab, bundled("seven"))
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.get_by_role("button", name="Record").bounding_box()["width"] >= 44  # for a thumb


@pytest.mark.slow
def test_what_is_no_recording_is_said_in_a_sentence(visit, tmp_path):
    refuse = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'));"
    tab = visit(script=refuse)
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    zoo.files.write_wav(tmp_path / "long.wav", np.zeros(5 * 8000, "float32"), 8000)
    for file in ("text.wav", "empty.wav"):
        assert hear(tab, tmp_path / file).startswith(file)
    assert "at most 4 s" in hear(tab, tmp_path / "long.wav")
    tab.get_by_role("button", name="Record").click()
    tab.get_by_text("did not lend its microphone").wait_for()
    assert "Answered" in hear(tab, bundled("seven"))  # and it goes on


@pytest.mark.slow
def test_doubtful_answers_are_said(visit):
    tab = visit()
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal(8000)).tolist()
    assert tab.evaluate("noise => zoo.run(noise, 8000).then(found => found.answer.doubt)", noise).startswith(
        "ds_cnn knows ten digits"
    )
    assert tab.locator(".doubtful").count() == 1 and "ten digits" in tab.inner_text("#doubt")


@pytest.mark.slow
def test_a_page_from_a_file_says_how_to_serve_it(browser, page):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto((page.folder / "index.html").as_uri())
    tab.get_by_role("alert").wait_for()
    assert "zoo web" in tab.inner_text("#problem") and "http.server" in tab.inner_text("#problem")
    context.close()
