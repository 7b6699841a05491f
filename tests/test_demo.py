"""The demo: its plain functions, and the page itself in a real Chromium with a microphone that plays a WAV."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from conftest import refused

import zoo
from zoo import datasets
from zoo.audio import bundled, load_audio
from zoo.decoding import Classification, Transcript, Word
from zoo.demo import answers, page, recordings
from zoo.errors import AudioError, ZooError

RATE = answers.RATE
TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)


def wav(path: Path, samples, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate)
    return path


@pytest.fixture
def tone(tmp_path) -> Path:
    """A second of a tone."""
    return wav(tmp_path / "tone.wav", TONE)


# --- a recording comes in


def test_a_recording_comes_in_at_one_rate(tmp_path):
    samples = answers.hear(wav(tmp_path / "stereo.wav", np.stack([TONE, TONE], 1), 44100))
    assert samples.dtype == np.float32 and samples.shape == (round(RATE * RATE / 44100),)
    assert answers.hear(wav(tmp_path / "soft.wav", 0.01 * TONE)).any()


def test_what_is_no_recording_is_refused(tmp_path, monkeypatch):
    (tmp_path / "notes.wav").write_bytes(b"%PDF-1.7\n" + bytes(2000))
    with pytest.raises(ZooError):
        answers.hear(None)
    hiss = np.random.default_rng(0).normal(0, 3e-4, RATE)
    for path in (tmp_path / "notes.wav", wav(tmp_path / "silence.wav", 0 * TONE), wav(tmp_path / "hiss.wav", hiss)):
        with pytest.raises(AudioError):
            answers.hear(path)
    monkeypatch.setattr(answers, "load_audio", lambda *_: pytest.fail("a long recording was read"))
    with pytest.raises(AudioError):
        answers.hear(wav(tmp_path / "ten.wav", np.zeros(8000 * 601), 8000))


def test_level_is_that_of_the_loudest_moment():
    assert answers.loudest_db(np.zeros(0)) == answers.loudest_db(np.zeros(RATE)) == -120
    mean = 10 * np.log10(0.3**2 / 2)
    assert answers.loudest_db(TONE) == pytest.approx(mean, abs=0.05)
    assert answers.loudest_db(np.concatenate([np.zeros(5 * RATE), TONE])) == pytest.approx(mean, abs=0.05)


# --- and is answered


@pytest.fixture
def asked(monkeypatch):
    """Models that answer at once, people as "anna" and words as "yes"; the names of those asked."""
    names = []

    def load(name):
        def transcribe(samples, rate):
            names.append(name)
            return Transcript("one", (Word("one", 0.1, 0.4, 0.9),), 0.9, 1.0)

        def classify(samples, rate):
            names.append(name)
            labels = ("anna", "ben") if name == "speaker_id" else ("yes", "no")
            return Classification(labels[0], dict(zip(labels, (0.9, 0.1), strict=True)), 0.9)

        task = zoo.card(name).task
        return SimpleNamespace(**({"transcribe": transcribe} if task == "transcription" else {"classify": classify}))

    monkeypatch.setattr(answers, "loaded", load)
    monkeypatch.setattr(answers, "draw", lambda name, samples: answers.Picture(None, name))
    return names


def test_every_model_answers(tone, asked):
    first, *rest = answers.listen(tone)
    values = first.copy()
    for changed in rest:
        values |= changed
    recognizers, classifiers = answers.models_for("transcription"), answers.models_for("classification")
    assert asked == [*recognizers, *classifiers] and set(values) == {"status", "picture", *asked} == set(first)
    assert all(values[name] == [("one", pytest.approx(0.1))] for name in recognizers)
    assert all(sum(values[name].values()) == pytest.approx(1) for name in classifiers)
    assert values["picture"].alt == recognizers[0]
    assert f"{len(classifiers) - 1} of {len(classifiers) - 1}" in values["status"] and "yes" in values["status"]


def test_with_many_labels_an_answer_is_the_nearest_of_them():
    assert answers.heading("speaker_id") == "speaker_id: the nearest of 1,881 speakers"
    assert answers.heading("ds_cnn") == "ds_cnn"


def test_doubtful_answers_are_grey(tone, monkeypatch):
    doubt = "ds_cnn knows ten digits; this sounds like none of them."
    unsure = Classification("two", {"two": 0.8, "six": 0.2}, 0.8, doubtful=True, doubt=doubt)
    nothing = Transcript("", (), 0.9, 1.0, doubtful=True, doubt="It hears no words in this.")
    model = SimpleNamespace(classify=lambda *_: unsure, transcribe=lambda *_: nothing)
    monkeypatch.setattr(answers, "loaded", lambda name: model)
    monkeypatch.setattr(answers, "draw", lambda name, samples: None)
    values = {}
    for changed in answers.listen(tone):
        values |= changed
    assert values["ds_cnn"] == answers.Doubtful(unsure.probabilities) and doubt in values["status"]
    assert isinstance(values["lstm_ctc"], answers.Doubtful)


def test_classifiers_are_not_asked_of_a_sentence(tmp_path, asked):
    list(answers.listen(wav(tmp_path / "five.wav", np.tile(TONE, 5))))
    assert asked == answers.models_for("transcription")


def test_what_is_missing_is_on_the_page(tmp_path, asked):
    path = Path(wav(tmp_path / "cut.wav", TONE))
    path.write_bytes(path.read_bytes()[:-4000])
    assert "missing" in list(answers.listen(path))[-1]["status"]


def test_errors_end_as_a_sentence_in_the_status_line():
    def broken(error):
        yield {"next": "kept"}
        raise error

    for error in (ZooError("two\nlines"), OSError(28, "No space left on device", "/data/x.wav")):
        first, last = page.guarded(broken(error))
        assert first == {"next": "kept"} and set(last) == {"status"} and "\n" not in last["status"]
    assert "<" not in page._status("**Error**: <script>").removeprefix('<p class="zoo-error">').removesuffix("</p>")


# --- models


@pytest.mark.parametrize("name", zoo.list_models())
def test_cards_say_what_is_on_them(name):
    about, text = zoo.card(name), answers.card_text(name)
    assert all(part.strip() in text for part in (about.summary, about.limits, about.labels, about.licence))
    assert all(f"{result.metric} {result.value:.2f}" in text and result.data in text for result in about.results)
    assert all(source["url"] in text for source in about.sources if "url" in source)


def test_comparison_is_that_of_the_cards():
    rows, picture = answers.comparison()
    assert {row[0] for row in rows} <= set(answers.models_for("classification")) and len(rows) >= 8
    assert all(len(row) == len(answers.COLUMNS) for row in rows) and picture.image.width > 500
    unseen = [float(row[3]) for row in rows]
    assert unseen == sorted(unseen, reverse=True)


@pytest.mark.slow
def test_pictures_of_every_kind_of_model():
    samples = load_audio(bundled("seven"), RATE)
    for name in ("lstm_ctc", "attention", "conv2d_mini", "autoencoder_mini"):
        picture = answers.draw(name, samples)
        assert picture.image.width > 500 and name in picture.alt
        assert ("seven" in picture.alt) == (name != "autoencoder_mini")
    assert answers.draw("ngram_lm", samples) is None
    with pytest.raises(AudioError):
        answers.draw("conv2d_mini", np.tile(samples, 5))


# --- a data set of one's own


def test_names_of_labels_and_speakers():
    for text, label in (("Yes", "yes"), (" good  Morning ", "good_morning"), ("turn_left", "turn_left")):
        assert recordings.label_name(text) == label
    for text in ("", None, "7", "../up", "a/b", "a\\b", ".", "é", "x" * 41, "con.", "yes\0", "<b>", "a-b"):
        with refused("label"):
            recordings.label_name(text)
    for text in ("", None, "../up", "a/b", "a b", "-x", "_x", ".x", "é", "x" * 41, "a\nb", "a.b"):
        with refused("speaker"):
            recordings.speaker_name(text)


def test_clips_are_kept_as_a_data_set(tone, tmp_path):
    folder = tmp_path / "words"
    first = recordings.save_clip(folder, "Good morning", "Anna-2", tone)
    assert first == folder / "good_morning" / "Anna-2_1.wav"
    about = soundfile.info(str(first))
    assert (about.samplerate, about.channels, about.subtype, about.frames) == (RATE, 1, "PCM_16", RATE)
    recordings.save_clip(folder, "good_morning", "Anna-2", tone)
    recordings.save_clip(folder, "yes", "ben", tone)
    for source in (folder, folder / "clips.csv"):
        found = datasets.load("folder", "all", source)
        assert sorted(u.text for u in found) == ["good morning", "good morning", "yes"]
    assert {u.speaker for u in found} == {"Anna-2", "ben"}
    (folder / "yes" / "._ben_1.wav").touch()  # what a Mac leaves beside a file
    headers, rows = recordings.counts(folder)
    assert headers == ["label", "clips", "Anna-2", "ben"] and rows == [["good_morning", 2, 2, 0], ["yes", 1, 0, 1]]


def test_takes_count_up_and_overwrite_nothing(tone, tmp_path, monkeypatch):
    recordings.save_clip(tmp_path, "yes", "ben", tone)
    (tmp_path / "yes" / "ben_1.wav").rename(tmp_path / "yes" / "ben_7.wav")
    (tmp_path / "yes" / "ben-jr_30.wav").write_bytes(b"of somebody else")
    assert recordings.save_clip(tmp_path, "yes", "ben", tone).name == "ben_8.wav"
    (tmp_path / "yes" / "ben_1.wav").write_bytes(b"theirs")  # appeared meanwhile, by another server
    monkeypatch.setattr(recordings, "_speaker_of", lambda path: ("", 0))
    assert recordings.save_clip(tmp_path, "yes", "ben", tone).name == "ben_2.wav"
    assert (tmp_path / "yes" / "ben_1.wav").read_bytes() == b"theirs"


def test_many_at_once_keep_a_file_each(tone, tmp_path):
    folder = tmp_path / "words"
    threads = [threading.Thread(target=recordings.save_clip, args=(folder, "yes", "ben", tone)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.name for path in (folder / "yes").iterdir()} == {f"ben_{take}.wav" for take in range(1, 9)}
    assert len((folder / "clips.csv").read_text().splitlines()) == 9


def test_a_full_disk_and_a_long_clip_leave_nothing_behind(tone, tmp_path, monkeypatch):
    folder = tmp_path / "words"
    for path in (wav(tmp_path / "long.wav", np.tile(TONE, 5)), None):
        with pytest.raises(ZooError):
            recordings.save_clip(folder, "yes", "ben", path)
    assert not folder.exists()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError):
        recordings.save_clip(folder, "yes", "ben", tone)
    assert not list(folder.iterdir())


def test_the_next_step_is_a_command_that_trains(tone, tmp_path):
    folder = tmp_path / "two words"
    assert "zoo train" not in recordings.next_step(folder)
    for label in ("yes", "no"):
        recordings.save_clip(folder, label, "ben", tone)
    assert "zoo train ds_cnn --data 'folder:all,source=" in recordings.next_step(folder)
    for speaker in range(30):  # with enough of them, some are held out to choose the epoch by
        for label in ("yes", "no"):
            recordings.save_clip(folder, label, f"s{speaker}", tone)
    assert "--validation" in recordings.train_command(folder)
    shutil.copytree(folder / "yes", folder / "7")  # somebody else's, and no label
    recordings.save_clip(folder, "no", "ben", tone)
    assert "zoo train" not in recordings.next_step(folder)


def test_folders_that_cannot_be(tone, tmp_path):
    assert recordings.check_folder(str(tmp_path / "new")) == tmp_path / "new"
    for folder in (tone, tmp_path / "a,b", tmp_path / "a=b"):
        with refused("folder"):
            recordings.check_folder(folder)


# --- the page, in Chromium


def test_without_gradio_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    for call in (page.build_page, page.serve):
        with pytest.raises(ZooError):
            call()


def test_a_port_that_is_taken_and_a_host_that_is_not_here():
    page.check_address(page.HOST, 0).close()
    with socket.socket() as taken:
        taken.bind((page.HOST, 0))
        taken.listen()
        for host, port in ((page.HOST, taken.getsockname()[1]), ("203.0.113.7", 0)):
            with refused("port"):
                page.check_address(host, port)


HERE = "127.0.0.1:7860"


@pytest.mark.parametrize(
    ("headers", "answered"),
    [
        ({"host": HERE}, True),
        ({"host": "[::1]:7860", "origin": "http://[::1]:7860"}, True),
        ({"host": HERE, "origin": f"http://{HERE}"}, True),
        ({"host": HERE, "origin": "http://evil.example"}, False),
        ({"host": HERE, "origin": "http://127.0.0.1:8888"}, False),  # another page of this machine
        ({"host": HERE, "origin": "null"}, False),
        ({"host": "127.0.0.1.evil.example:7860"}, False),
        ({"host": "[::1", "origin": "http://[::1"}, False),
        ({"host": HERE, "origin": "http://["}, False),
        ({"host": HERE, "x-forwarded-host": "evil.example"}, False),
    ],
)
def test_nobody_but_the_page_is_answered(headers, answered):
    guard = pytest.importorskip("zoo.demo.guard")
    found = guard.Guard(None, local=True).fault(guard.Headers(headers))
    assert (found == "") == answered


def test_a_page_for_others_has_any_name_but_no_foreign_scripts():
    guard = pytest.importorskip("zoo.demo.guard")
    open_to_all = guard.Guard(None, local=False)
    assert not open_to_all.fault(guard.Headers({"host": "lab:7860", "origin": "http://lab:7860"}))
    assert open_to_all.fault(guard.Headers({"host": "lab:7860", "origin": "http://evil.example"}))


FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync "
    "--disable-component-update --use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
).split()
PATIENCE = 180_000  # milliseconds: models load and compile while a clip waits


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The page, served by a process of its own."""
    pytest.importorskip("gradio", reason="gradio is not installed (speech-zoo[demo])")
    place = tmp_path_factory.mktemp("demo")
    folder, errors = place / "recordings", open(place / "stderr.txt", "w+")
    code = f"from zoo.demo import serve; serve(port=0, folder={str(folder)!r})"
    process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=errors, text=True)
    found = re.search(r"http://127.0.0.1:\d+", process.stdout.readline())
    assert found, Path(errors.name).read_text()
    yield SimpleNamespace(address=found[0], folder=folder)
    assert urllib.request.urlopen(found[0]).status == 200  # it has outlived all that was done to it
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0 and "The page is closed." in process.stdout.read()
    assert "Traceback" not in Path(errors.name).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_other_sites_get_no_permission(server, method):
    foreign = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    request = urllib.request.Request(f"{server.address}/gradio_api/info", headers=foreign, method=method)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert error.value.code in (400, 403)
    assert not [name for name in error.value.headers if name.lower() == "access-control-allow-origin"]


@pytest.fixture(scope="module")
def browser():
    """Chromium with a microphone that plays a WAV over and over."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (chromium := shutil.which("chromium")):
        pytest.skip("chromium is not installed")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={bundled('telephone')}"]
    # Were the page to ask anything of another machine, it would not even find its address.
    flags.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    with playwright.sync_playwright() as play:
        program = play.chromium.launch(executable_path=chromium, args=flags)
        yield program
        program.close()


@pytest.fixture
def visit(browser, server):
    """Opens the page for a new user; afterwards, whatever the test did, nothing was asked of any other machine."""
    contexts, outside = [], []

    def open_page(width: int = 1280, height: int = 900):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(PATIENCE)
        local = (server.address, f"blob:{server.address}", "data:")
        tab.on("request", lambda request: request.url.startswith(local) or outside.append(request.url))
        tab.goto(server.address)
        tab.get_by_role("tab", name="Listen").wait_for()
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not outside


def upload(tab, path: Path, where: str = "listen") -> None:
    tab.locator(f"#{where}").get_by_role("button", name="Upload file").click()
    tab.set_input_files(f"#{where} input[type=file]", path)


def wait_for(tab, text: str, where: str = "listen") -> None:
    tab.locator(f"#{where} .block.zoo-status[role=status]").filter(has_text=text).wait_for()


@pytest.mark.slow
def test_an_uploaded_word_is_answered_by_all(visit):
    tab = visit()
    upload(tab, bundled("seven"))
    wait_for(tab, "Done.")
    text = tab.locator("#listen").inner_text()
    assert all(name in text for name in answers.models_for("classification") + answers.models_for("transcription"))
    image = tab.locator("#listen .zoo-image img")
    assert "seven" in image.get_attribute("alt") and image.evaluate("e => e.naturalWidth") > 500
    tab.get_by_role("tab", name="Models").click()
    wait_for(tab, "on your clip", "models")
    tab.get_by_role("combobox", name="Model").click()
    tab.get_by_role("option", name="ngram_lm", exact=True).click()
    wait_for(tab, "ngram_lm has no picture", "models")
    tab.get_by_role("tab", name="Compare").click()
    tab.locator("#compare .zoo-image img").wait_for()


@pytest.mark.slow
def test_the_microphone_is_heard(visit):
    tab = visit()
    tab.get_by_role("button", name="Record", exact=True).click()
    tab.wait_for_timeout(4500)  # the clip has three seconds and is played over and over
    tab.get_by_role("button", name="Stop", exact=True).click()
    wait_for(tab, "Done.")
    assert "one three nine six" in tab.locator("#listen .zoo-image img").get_attribute("alt")


@pytest.mark.slow
def test_what_is_no_recording_is_said_on_the_page(visit, tmp_path):
    tab = visit()
    (tmp_path / "${6*7}<b>.wav").write_bytes(b"%PDF-1.7\n" + bytes(2000))
    for path in (tmp_path / "${6*7}<b>.wav", wav(tmp_path / "silence.wav", np.zeros(RATE))):
        upload(tab, path)
        tab.locator("#listen .zoo-error").wait_for()
        tab.locator("#listen").get_by_role("button", name="Clear").click()
        wait_for(tab, "There is no clip")
    tab.get_by_text("Clip: seven").click()  # and the page goes on
    wait_for(tab, "Done.")


@pytest.mark.slow
def test_a_class_is_recorded_and_a_slow_network_loses_nothing(visit, server):
    tab, held = visit(), []
    tab.get_by_role("tab", name="Record the class").click()
    save = tab.get_by_role("button", name="Save clip")
    for label in ("../up", "yes", "no"):
        tab.get_by_label("Label: the word").fill(label)
        tab.get_by_label("Speaker: a short name").fill("ann")
        if label != "../up":
            upload(tab, bundled("seven"), "class")
            wait_for(tab, "s is here", "class")
        save.click()
        wait_for(tab, "`label`" if label == "../up" else f"{label}/ann_1.wav", "class")
    tab.locator("#class code").filter(has_text="zoo train ds_cnn --data folder:all,source=").wait_for()
    assert np.abs(soundfile.read(server.folder / "yes/ann_1.wav")[0]).max() > 0.03
    tab.route("**/upload*", lambda route: held.append(route))
    place = tab.locator("#class")
    place.get_by_role("button", name="Record audio").click()
    place.get_by_role("button", name="Record", exact=True).click()
    tab.wait_for_timeout(1500)
    place.get_by_role("button", name="Stop", exact=True).click()
    place.get_by_role("button", name="Play", exact=True).wait_for()  # the browser has it, the server does not
    save.click()
    wait_for(tab, "no clip yet", "class")
    for route in held:
        route.continue_()
    wait_for(tab, "s is here", "class")
    save.click()
    wait_for(tab, "no/ann_2.wav", "class")


@pytest.mark.slow
def test_the_keyboard_is_enough_and_every_field_has_a_name(visit):
    tab = visit()
    name = "(document.activeElement.getAttribute('aria-label') || document.activeElement.innerText).trim()"
    for goal, key in (("Clip: seven", "Space"), ("Models", "Enter"), ("Model", "ArrowDown"), ("Compare", "Space")):
        for _ in range(60):
            if tab.evaluate(name) == goal:
                break
            tab.keyboard.press("Tab")
        assert tab.evaluate(name) == goal
        tab.keyboard.press(key)
        if goal == "Clip: seven":
            wait_for(tab, "Done.")
    tab.locator("#compare .zoo-image img").wait_for()
    for place in ("Listen", "Models", "Record the class"):
        tab.get_by_role("tab", name=place).click()
        nameless = tab.evaluate(
            """Array.from(document.querySelectorAll('button, input, textarea, select'))
            .filter(e => e.offsetParent && !e.closest('[aria-hidden=true]'))
            .filter(e => !e.getAttribute('aria-label') && !e.title && !e.innerText.trim() && !e.labels?.length
                && !e.querySelector('img[alt]'))
            .map(e => e.outerHTML)"""
        )
        assert nameless == []


@pytest.mark.slow
def test_a_phone_shows_it_without_sideways_scrolling(visit):
    tab = visit(390, 844)
    tab.get_by_text("Clip: seven").click()
    wait_for(tab, "Done.")
    for place in ("Listen", "Models", "Compare", "Record the class"):
        tab.get_by_role("tab", name=place).click()
        tab.wait_for_timeout(400)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_files_of_the_machine_are_not_served(server):
    for path in ("/etc/passwd", Path(__file__), server.folder):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{server.address}/gradio_api/file={path}", timeout=20)
