"""The demo page: its plain functions, and the page itself in a real Chromium with a microphone that plays a WAV.

python tests/test_demo.py docs/    draws docs/demo-desktop.png and docs/demo-phone.png anew
"""

import importlib.util
import io
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

import zoo
import zoo.page
from zoo import datasets, demo, recordings
from zoo.audio import bundled, load_audio
from zoo.decoding import Classification, Transcript, Word
from zoo.errors import AudioError, DataError, ZooError

RATE = demo.RATE
TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
DIGITS = "zero one two three four five six seven eight nine".split()


def wav(path: Path, samples, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate)
    return path


@pytest.fixture
def tone(tmp_path) -> Path:
    """A second of a tone."""
    return wav(tmp_path / "tone.wav", TONE)


# --- a recording comes in


def test_a_recording_comes_in_at_one_rate(tmp_path):
    samples = demo.hear(wav(tmp_path / "stereo.wav", np.stack([TONE, TONE], 1), 44100))
    assert samples.dtype == np.float32 and samples.shape == (round(RATE * RATE / 44100),)


def test_what_is_no_recording_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "notes.wav").write_bytes(b"%PDF-1.7\n" + bytes(2000))
    refused = {
        None: "Record something",
        tmp_path / "notes.wav": "notes.wav is not readable",
        tmp_path / "none.wav": "there is none at",
        wav(tmp_path / "silence.wav", np.zeros(RATE)): "The clip is silent",
        wav(tmp_path / "hiss.wav", np.random.default_rng(0).normal(0, 3e-4, RATE)): "The clip is silent",
        wav(tmp_path / "long.wav", np.tile(TONE, 61)): "lasts 61 s, and here at most 60 s",
    }
    for path, said in refused.items():
        with pytest.raises(ZooError, match=re.escape(said)):
            demo.hear(path)


def test_ten_minutes_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = wav(tmp_path / "ten.wav", np.zeros(8000 * 600), 8000)
    monkeypatch.setattr(demo, "load_audio", lambda *_: pytest.fail("it was read"))
    with pytest.raises(AudioError, match="lasts 10 min 0 s, .* `zoo transcribe FILE`"):
        demo.hear(path)


def test_a_minute_and_soft_speech_are_taken(tmp_path):
    assert len(demo.hear(wav(tmp_path / "minute.wav", np.tile(TONE, 60)))) == 60 * RATE
    assert demo.hear(wav(tmp_path / "soft.wav", 0.01 * TONE)).any()


def test_level_is_that_of_the_loudest_moment():
    assert demo.loudest_db(np.zeros(0)) == demo.loudest_db(np.zeros(RATE)) == -120
    mean = 10 * np.log10(0.3**2 / 2)
    assert demo.loudest_db(TONE) == pytest.approx(mean, abs=0.05)
    assert demo.loudest_db(np.concatenate([np.zeros(5 * RATE), TONE])) == pytest.approx(mean, abs=0.05)


# --- and is answered

TRANSCRIPT = Transcript("one <two>", (Word("one", 0.1, 0.4, 0.9), Word("<two>", 0.5, 0.8, 0.7)), 0.8, 1.0)


@pytest.fixture
def answered(monkeypatch):
    """Models that answer at once: digits "seven", others "<b>"; the names of those asked."""
    asked = []

    def classify(name, samples):
        asked.append(name)
        label = "seven" if demo.knows_digits(name) else "<b>"
        return Classification(label, {label: 0.9, "other": 0.1}, 0.9)

    monkeypatch.setattr(demo, "transcribe", lambda samples: TRANSCRIPT)
    monkeypatch.setattr(demo, "words_picture", lambda samples, transcript: "picture of words")
    monkeypatch.setattr(demo, "classify", classify)
    monkeypatch.setattr(demo, "focus", lambda name, samples: f"[{name}]")
    return asked


def test_every_model_answers(tone, answered):
    places = {}
    for changed in demo.listen(tone):
        assert set(changed) <= {"status", "words", "picture", "bars", "looks"}
        places |= changed
    classifiers = [name for name in zoo.list_models() if zoo.card(name).task == "classification"]
    assert sorted(answered) == sorted(classifiers) == sorted(demo.classifiers())
    assert all(name in places["bars"] for name in classifiers) and places["picture"] == "picture of words"
    assert places["looks"] == "[attention][ds_cnn]"
    count = sum(map(demo.knows_digits, classifiers))
    assert f"{count} of {count} classifiers of digits heard: seven" in places["status"]
    assert "one word at a time" in places["status"]  # since two were written


def test_classifiers_are_not_asked_of_a_sentence(tmp_path, answered):
    places = {}
    for changed in demo.listen(wav(tmp_path / "five.wav", np.tile(TONE, 5))):
        places |= changed
    assert not answered and places["looks"] == ""
    assert "clips of at most 4 s; this one lasts 5 s" in places["bars"] and places["status"].startswith("Done")


def test_a_new_clip_clears_what_the_last_one_left(tone, answered):
    assert set(next(demo.listen(tone))) == {"status", "words", "picture", "bars", "looks"}


def test_errors_end_as_a_sentence_in_the_status_line(tone, caplog):
    def broken():
        yield {"words": "kept"}
        raise KeyError("<script>")

    *before, last = zoo.page.guarded(broken())
    assert before == [{"words": "kept"}] and "&lt;script&gt;" in last["status"] and "<script>" not in last["status"]
    assert "Traceback" in caplog.text  # for whoever runs the server
    caplog.clear()
    (_, last) = zoo.page.guarded(demo.listen(None))
    assert "Record something" in last["status"] and not caplog.text
    assert (
        zoo.page.sentence(OSError(28, "No space left on device", "/data/x.wav"))
        == "/data/x.wav: No space left on device."
    )


# --- pieces of HTML


def test_html_says_what_it_was_given_and_nothing_more():
    words = demo.words_html(TRANSCRIPT)
    assert "one &lt;two&gt;" in words and "<two>" not in words and "0.50" in words
    assert "(no words heard)" in demo.words_html(Transcript("", (), 0.9, 1.0))
    table = demo.table_html("a & b", ("name", "count#"), [("<i>", 3)])
    assert "a &amp; b" in table and "&lt;i&gt;" in table and '<th scope="col" class="zoo-number">count</th>' in table
    assert "<b>" not in demo.problem("<b>") + demo.note("<b>")


def test_bars_are_the_likeliest_labels_in_order():
    shares = dict(zip(DIGITS, np.arange(1, 11) / 55, strict=True))
    found = demo.bars_html(
        {"ds_cnn": Classification("nine", shares, 10 / 55), "lstm": Classification("nine", shares, 10 / 55)}
    )
    assert found.count("<h3>") == 2
    first = found.split("</ol>")[0]
    assert re.findall(r"<span>([a-z]+)</span>", first) == ["nine", "eight", "seven", "six", "five"]
    assert "width:18.2%" in first and "18 %" in first


# --- models


@pytest.mark.parametrize("name", zoo.list_models())
def test_cards_say_what_is_on_them(name):
    about, text = zoo.card(name), demo.card_text(name)
    for part in (about.summary, about.limits, about.labels, about.licence):
        assert part.strip() in text
    for result in about.results:
        assert f"{result.metric} {result.value:.2f}" in text and result.data in text
    assert all(source["url"] in text for source in about.sources if "url" in source)


def test_comparison_is_that_of_zoo_compare():
    from zoo import compare

    assert demo.RESULTS == compare.RESULTS / "compare.json"
    rows, origin = demo.compared()
    found = demo.comparison()
    assert found.count("<img") == 2 and found.count("<tr>") == 1 + len(rows)
    for row in rows:
        assert f"<td >{row['name']}</td>" in found and f"{row['official']['value']:.1f} (" in found
    order = [found.index(f"<td >{name}</td>") for name in ("ds_cnn", "svm", "majority")]
    assert order == sorted(order)


def test_comparison_without_a_checkout_is_that_of_the_cards(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "RESULTS", tmp_path / "none.json")
    rows, origin = demo.compared()
    assert {row["name"] for row in rows} == {name for name in demo.classifiers() if demo.knows_digits(name)}
    assert all(row["official"]["value"] > 90 and row["loso"]["value"] > 80 for row in rows) and "cards" in origin
    assert demo.comparison().count("<img") == 1  # noise is on no card


@pytest.mark.parametrize("content", ("[{", "[]", '[{"name": "x"}]', '{"a": 1}'))
def test_damaged_results_are_refused_in_a_sentence(tmp_path, monkeypatch, content):
    (tmp_path / "compare.json").write_text(content)
    monkeypatch.setattr(demo, "RESULTS", tmp_path / "compare.json")
    with pytest.raises(DataError):
        demo.comparison()


@pytest.mark.slow
def test_pictures_of_every_kind_of_model():
    samples = load_audio(bundled("seven"), RATE)
    for name in ("lstm_ctc", "attention", "conv2d_mini", "autoencoder_mini"):
        picture = demo.look(name, samples)
        assert picture.startswith('<div class="zoo-scroll" role="group" tabindex="0"') and 'alt="' in picture
        assert ("seven" in picture) == (name != "autoencoder_mini")
    assert "model of text" in demo.look("ngram_lm", samples)
    assert "what &#x27;seven&#x27; depended on" in demo.focus("conv2d_mini", samples)
    with pytest.raises(AudioError, match="at most 4 s"):
        demo.look("conv2d_mini", np.tile(samples, 5))


# --- a data set of one's own


@pytest.mark.parametrize(
    "text, label", (("Yes", "yes"), (" good  Morning ", "good_morning"), ("turn_left", "turn_left"))
)
def test_labels(text, label):
    assert recordings.label_name(text) == label


@pytest.mark.parametrize(
    "text", ("", None, "7", "../up", "a/b", "a\\b", ".", "é", "x" * 41, "con.", "yes\0", "<b>", "a-b")
)
def test_what_is_no_label(text):
    with pytest.raises(ZooError, match="A label is the word that is said"):
        recordings.label_name(text)


@pytest.mark.parametrize("text", ("", None, "../up", "a/b", "a b", "-x", "_x", ".x", "é", "x" * 41, "a\nb", "a.b"))
def test_what_is_no_speaker(text):
    with pytest.raises(ZooError, match="A speaker is named by"):
        recordings.speaker_name(text)


def test_clips_are_kept_as_a_data_set(tone, tmp_path):
    folder = tmp_path / "words"
    first = recordings.save_clip(folder, "Good morning", "Anna-2", tone)
    assert first == folder / "good_morning" / "Anna-2_1.wav"
    about = soundfile.info(str(first))
    assert (about.samplerate, about.channels, about.subtype, about.frames) == (RATE, 1, "PCM_16", RATE)
    recordings.save_clip(folder, "good_morning", "Anna-2", tone)
    recordings.save_clip(folder, "yes", "ben", tone)
    expected = {"Anna-2_1.wav", "Anna-2_2.wav", "ben_1.wav"}
    assert {path.name for path in folder.rglob("*.wav")} == expected
    for source in (folder, folder / "clips.csv"):
        found = datasets.load("folder", "all", source)
        assert sorted(u.text for u in found) == ["good morning", "good morning", "yes"]
        assert len(found[0].audio(RATE)) == RATE
    assert {u.speaker for u in found} == {"Anna-2", "ben"}
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    (folder / "yes" / "._ben_1.wav").touch()  # what a Mac leaves beside a file
    table = recordings.recorded(folder)
    assert "._ben" not in table and "good_morning" in table and "ben" in table and "Anna-2" in table


def test_takes_count_up_and_overwrite_nothing(tone, tmp_path):
    recordings.save_clip(tmp_path, "yes", "ben", tone)
    (tmp_path / "yes" / "ben_1.wav").rename(tmp_path / "yes" / "ben_7.wav")
    (tmp_path / "yes" / "ben-jr_30.wav").write_bytes(b"of somebody else")
    assert recordings.save_clip(tmp_path, "yes", "ben", tone).name == "ben_8.wav"


def test_a_take_that_appears_meanwhile_is_not_overwritten(tone, tmp_path, monkeypatch):
    """By another server on the same folder, or since the disk does not tell Ben from ben."""
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes" / "ben_1.wav").write_bytes(b"theirs")
    monkeypatch.setattr(recordings, "_said_by", lambda path: ("", 0))
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


def test_a_full_disk_leaves_nothing_behind(tone, tmp_path, monkeypatch):
    folder = tmp_path / "words"

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recordings.os, "replace", full)
    with pytest.raises(OSError):
        recordings.save_clip(folder, "yes", "ben", tone)
    assert not list(folder.iterdir())


def test_only_words_are_kept(tmp_path):
    with pytest.raises(AudioError, match="lasts 5 s, and here at most 4 s"):
        recordings.save_clip(tmp_path / "words", "yes", "ben", wav(tmp_path / "long.wav", np.tile(TONE, 5)))
    with pytest.raises(ZooError, match="no clip yet"):
        recordings.save_clip(tmp_path / "words", "yes", "ben", None)
    assert not (tmp_path / "words").exists()


def parsed(command: str) -> dict:
    """The options of a `zoo train` line as the command line itself understands them."""
    import shlex

    from zoo.cli import main

    words = shlex.split(command)
    assert words[:2] == ["zoo", "train"]
    return main.commands["train"].make_context("train", words[2:]).params


def test_the_command_to_train_with_is_one(tone, tmp_path):
    from zoo.training import DataSpec

    folder = tmp_path / "two words"
    assert "at least two labels; there are 0" in recordings.next_step(folder)
    for label in ("yes", "no"):
        recordings.save_clip(folder, label, "ben", tone)
    assert recordings.train_command(folder) in recordings.next_step(folder)
    command = parsed(recordings.train_command(folder))
    (spec,) = command["data"]
    assert len(DataSpec.parse(spec, "train").load()) == 2 and not command["validation"]
    # With enough people, some are held out to choose the epoch by.
    for speaker in range(30):
        for label in ("yes", "no"):
            recordings.save_clip(folder, label, f"s{speaker}", tone)
    command = parsed(recordings.train_command(folder))
    people = []
    for spec, split in ((command["data"][0], "train"), (command["validation"][0], "validation")):
        people.append({utterance.speaker for utterance in DataSpec.parse(spec, split).load()})
    assert all(people) and not people[0] & people[1]


def test_what_others_put_into_the_folder_is_said_where_it_cannot_be_trained_on(tone, tmp_path):
    for label in ("yes", "no"):
        recordings.save_clip(tmp_path, label, "ben", tone)
    shutil.copytree(tmp_path / "yes", tmp_path / "7")
    recordings.save_clip(tmp_path, "no", "ben", tone)
    assert "cannot be trained on: A transcript may hold only letters" in recordings.next_step(tmp_path)


def test_folders_that_cannot_be(tone, tmp_path):
    assert recordings.check_folder(str(tmp_path / "new")) == tmp_path / "new"
    for folder in (tone, tmp_path / "a,b", tmp_path / "a=b"):
        with pytest.raises(ZooError):
            recordings.check_folder(folder)


# --- the server


def test_without_gradio_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr(zoo.page.importlib.util, "find_spec", lambda name: None)
    for call in (zoo.page.page, zoo.page.serve):
        with pytest.raises(ZooError, match=re.escape('not installed here: pip install "speech-zoo[demo]"')):
            call()


def test_a_port_that_is_taken_and_a_host_that_is_not_here():
    with zoo.page.bind(zoo.page.HOST, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ZooError, match=f"port {port}: .*Choose a port with --port"):
            zoo.page.bind(zoo.page.HOST, port)
    zoo.page.bind(zoo.page.HOST, port).close()
    for host in ("nowhere.invalid", "203.0.113.7"):
        with pytest.raises(ZooError, match=re.escape(host)):
            zoo.page.bind(host, 0)


def test_who_is_local():
    assert zoo.page.is_local("127.0.0.1") and zoo.page.is_local("127.3.2.1") and zoo.page.is_local("::1")
    assert not any(map(zoo.page.is_local, ("0.0.0.0", "::", "192.168.1.5", "fe80::1%eth0")))


def test_what_ctrl_c_cuts_off_is_no_error_in_the_log():
    import asyncio
    import logging

    def record(text, error=None):
        return logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, text, (), error and (type(error), error, None))

    assert zoo.page._cut_off(record("Exception in ASGI application", asyncio.CancelledError("cut")))
    assert zoo.page._cut_off(record("Cancel 2 running task(s), timeout graceful shutdown exceeded"))
    assert not zoo.page._cut_off(record("Exception in ASGI application", ValueError("a bug")))


# --- the page, in Chromium

HOME = "http://127.0.0.1"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync "
    "--disable-component-update --use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
).split()
PATIENCE = 90_000  # milliseconds: models load and compile while a clip waits
SAID = {"woman-us": "three four zero one two seven one", "man-gb": "nine eight four four four zero"}


class Server:
    """`zoo demo` in a process of its own."""

    def __init__(self, folder: Path):
        self.folder = folder / "recordings"
        command = [sys.executable, "-m", "zoo.cli", "demo", "--port", "0", "--no-browser", "--data-folder", self.folder]
        self.errors = open(folder / "stderr.txt", "w+")
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=self.errors, text=True, cwd=folder
        )
        found = re.search(rf"{HOME}:\d+", self.process.stdout.readline())
        assert found, self.said()
        self.address = found[0]

    def said(self) -> str:
        self.errors.seek(0)
        return self.errors.read()

    def status(self, path: str = "/") -> int:
        try:
            return urllib.request.urlopen(self.address + path, timeout=20).status
        except urllib.error.HTTPError as error:
            return error.code

    def stop(self, how=signal.SIGINT) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def chromium(sound: Path):
    """A browser whose microphone plays a WAV over and over."""
    from playwright.sync_api import sync_playwright

    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={sound}"]
    # Were the page to ask anything of another machine, it would not even find its address.
    flags.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield program
        program.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("gradio is not installed (speech-zoo[demo])")
    running = Server(tmp_path_factory.mktemp("demo"))
    yield running
    assert running.process.poll() is None and running.status() == 200  # it has outlived all that was done to it
    assert running.stop() == 0
    assert running.process.stdout.read() == "The page is closed.\n"
    assert "Traceback" not in running.said()


@pytest.fixture(scope="module")
def browser():
    if importlib.util.find_spec("playwright") is None or not shutil.which("chromium"):
        pytest.skip("the page is tested in Chromium, driven by playwright; one of them is not installed")
    with chromium(bundled("telephone")) as program:
        yield program


@pytest.fixture
def visit(browser, server):
    """Opens the page for a new user; afterwards, whatever the test did, nothing was asked of any other machine."""
    contexts, outside = [], []

    def open_page(width: int = 1280, height: int = 900):
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        local = (server.address, f"blob:{server.address}", "data:")
        page.on("request", lambda request: request.url.startswith(local) or outside.append(request.url))
        page.on("console", lambda line: "Content Security Policy" in line.text and outside.append(line.text))
        page.goto(server.address)
        page.get_by_role("tab", name="Listen").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not outside


def upload(page, path: Path, tab: str = "listen") -> None:
    page.locator(f"#{tab}").get_by_role("button", name="Upload file").click()
    page.set_input_files(f"#{tab} input[type=file]", path)


def wait_for(page, text: str, tab: str = "listen") -> None:
    page.locator(f"#{tab} .prose.zoo-status").filter(has_text=text).wait_for()


def heard(page) -> str:
    """What the page says that lstm_ctc wrote, as soon as it says it."""
    return page.locator("#listen .zoo-text").inner_text().split("wrote\n")[-1].strip()


@pytest.fixture(scope="module")
def sentence(tmp_path_factory):
    """A bundled clip and a second of silence: too long for the classifiers, so that only words are written."""

    def make(name: str) -> Path:
        samples = np.concatenate([load_audio(bundled(name), RATE), np.zeros(RATE)])
        return wav(tmp_path_factory.mktemp("clips") / f"{name}.wav", samples)

    return make


@pytest.mark.slow
def test_an_uploaded_word_is_answered_by_all(visit):
    page = visit()
    upload(page, bundled("seven"))
    wait_for(page, "Done. lstm_ctc wrote: seven.")
    assert heard(page) == "seven"
    names = page.locator("#listen .zoo-card h3").all_inner_texts()
    assert sorted(name.split("\n")[0] for name in names) == sorted(demo.classifiers())
    assert (
        page.locator("#listen .zoo-card").filter(has_text="ds_cnn").locator("li").first.inner_text().startswith("seven")
    )
    for picture in page.locator("#listen img").all():
        assert picture.get_attribute("alt") and picture.evaluate("e => e.naturalWidth") > 500
    assert page.locator("#listen img").count() == 3  # words over time, attention, saliency
    page.get_by_role("tab", name="Models").click()
    wait_for(page, "What ds_cnn makes of your clip", "models")
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="ngram_lm", exact=True).click()
    page.locator("#models").get_by_text("a model of text").wait_for()
    page.locator("#models h3").filter(has_text="ngram_lm").wait_for()


@pytest.mark.slow
def test_the_microphone_is_heard(visit):
    page = visit()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(4500)  # the clip has three seconds and is played over and over
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for(page, "Done.")
    assert re.search("one three nine six", heard(page))


@pytest.mark.slow
def test_two_users_at_once_get_an_answer_each(visit, sentence):
    pages = {name: visit() for name in SAID}
    for name, page in pages.items():
        upload(page, sentence(name))
    for name, page in pages.items():
        assert heard(page) == SAID[name]


@pytest.mark.slow
def test_what_is_no_recording_is_said_on_the_page(visit, tmp_path):
    page = visit()
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.7\n" + bytes(2000))
    upload(page, tmp_path / "notes.pdf")
    page.get_by_text("Invalid file type: notes.pdf").wait_for()  # gradio's own, before anything is sent
    shutil.copy(tmp_path / "notes.pdf", tmp_path / "${6*7}<b>.wav")
    wrong = {
        tmp_path / "${6*7}<b>.wav": "is not readable as such",
        wav(tmp_path / "silence.wav", np.zeros(RATE)): "The clip is silent",
        wav(tmp_path / "ten.wav", np.zeros(8000 * 600, "int16"), 8000): "lasts 10 min 0 s",
    }
    for path, said in wrong.items():
        upload(page, path)
        wait_for(page, said)
        assert page.locator("#listen .zoo-problem").count() == 1 and not page.locator("#listen .zoo-text").count()
        assert page.locator("#listen .block.zoo-status").get_attribute("role") == "status"
        page.locator("#listen").get_by_role("button", name="Clear").click()
        wait_for(page, "Record something")
    page.get_by_role("button", name="Clip: woman-us").click()  # and the page goes on
    assert heard(page) == SAID["woman-us"]


@pytest.mark.slow
def test_the_class_is_recorded(visit, server):
    page = visit()
    page.get_by_role("tab", name="Record the class").click()
    save = page.get_by_role("button", name="Save clip")
    # Two requests within a tenth of a second can lose an answer in gradio; people are slower.
    page.locator("#class .zoo-counts").filter(has_text="clips").first.wait_for()
    for label, speaker, said in (
        ("../up", "ann", "A label is"),
        ("yes", "a/b", "A speaker is"),
        ("yes", "ann", "no clip yet"),
    ):
        page.get_by_label("Label: the word").fill(label)
        page.get_by_label("Speaker: a short name").fill(speaker)
        save.click()
        wait_for(page, said, "class")
    for label in ("yes", "no"):
        page.get_by_label("Label: the word").fill(label)
        upload(page, bundled("seven"), "class")
        wait_for(page, "s is here", "class")
        save.click()
        wait_for(page, f"{label}/ann_1.wav", "class")
        page.locator("#class input[type=file]").wait_for(state="attached")  # ready for the next
    page.locator("#class code").filter(has_text="zoo train ds_cnn --data folder:all,source=").wait_for()
    assert page.locator("#class tbody tr").all_inner_texts() == ["no\t1\t1", "yes\t1\t1"]
    kept = sorted(path.relative_to(server.folder).as_posix() for path in server.folder.rglob("ann_*.wav"))
    assert kept == ["no/ann_1.wav", "yes/ann_1.wav"]
    samples, rate = soundfile.read(server.folder / kept[0], dtype="int16")
    assert rate == RATE and np.abs(samples).max() > 1000


@pytest.mark.slow
def test_a_slow_network_loses_no_recording(visit, server):
    page, held = visit(), []
    page.route("**/upload*", lambda route: held.append(route))
    page.get_by_role("tab", name="Record the class").click()
    page.get_by_label("Label: the word").fill("slow")
    page.get_by_label("Speaker: a short name").fill("net")
    tab = page.locator("#class")
    tab.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(1500)
    tab.get_by_role("button", name="Stop", exact=True).click()
    tab.get_by_role("button", name="Play", exact=True).wait_for()  # the browser has it, the server does not
    tab.get_by_role("button", name="Save clip").click()
    wait_for(page, "no clip yet", "class")
    for route in held:
        route.continue_()
    wait_for(page, "s is here", "class")
    tab.get_by_role("button", name="Save clip").click()
    wait_for(page, "slow/net_1.wav", "class")
    assert soundfile.info(str(server.folder / "slow" / "net_1.wav")).duration > 0.5


@pytest.mark.slow
def test_the_comparison_is_drawn(visit):
    page = visit()
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare img").nth(1).wait_for()
    assert page.locator("#compare tbody tr").count() == len(demo.compared()[0])


def focused(page) -> str:
    return page.evaluate(
        "(document.activeElement.getAttribute('aria-label') || document.activeElement.innerText).trim()"
    )


def tab_to(page, name: str) -> None:
    """Press Tab until the thing of that name has the focus."""
    for _ in range(40):
        if focused(page) == name:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not lead to {name!r}")


@pytest.mark.slow
def test_the_keyboard_is_enough(visit, server):
    page = visit()
    tab_to(page, "Clip: man-gb")
    page.keyboard.press("Space")
    assert heard(page) == SAID["man-gb"]
    tab_to(page, "Models")
    page.keyboard.press("Enter")
    tab_to(page, "Model")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#models h3").filter(has_not_text="ds_cnn").wait_for()
    tab_to(page, "Compare")
    page.keyboard.press("Space")
    page.locator("#compare img").nth(1).wait_for()
    tab_to(page, "Record the class")
    page.keyboard.press("Enter")
    page.get_by_label("Label: the word").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.type("six")
    page.keyboard.press("Tab")
    page.keyboard.type("keys")
    tab_to(page, "Record")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    tab_to(page, "Stop")
    page.keyboard.press("Enter")
    wait_for(page, "s is here", "class")
    tab_to(page, "Save clip")
    page.keyboard.press("Enter")
    wait_for(page, "six/keys_1.wav", "class")
    assert soundfile.info(str(server.folder / "six" / "keys_1.wav")).duration > 0.5


@pytest.mark.slow
def test_a_phone_shows_it_without_sideways_scrolling(visit):
    page = visit(390, 844)

    def fits():
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        reach = "Array.from(document.querySelectorAll('button, input, textarea, h1, h3, p'))"
        inside = "e.closest('.zoo-scroll') === null && e.offsetParent && e.getBoundingClientRect().right > 391"
        assert (
            page.evaluate(f"{reach}.filter(e => {inside} && !e.closest('[aria-hidden]')).map(e => e.outerHTML)") == []
        )

    fits()
    page.get_by_role("button", name="Clip: woman-us").click()
    wait_for(page, "Done.")
    fits()
    for tab, what in (
        ("Models", "#models img"),
        ("Compare", "#compare img"),
        ("Record the class", "#class .zoo-counts"),
    ):
        page.get_by_role("tab", name=tab).click()
        page.locator(what).first.wait_for(state="attached")
        fits()


@pytest.mark.slow
def test_every_field_has_a_name(visit):
    page = visit()
    for tab in ("Listen", "Models", "Compare", "Record the class"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
        nameless = page.evaluate(
            """Array.from(document.querySelectorAll('button, input, textarea, select'))
            .filter(e => e.offsetParent && !e.closest('[aria-hidden=true]'))
            .filter(e => !e.getAttribute('aria-label') && !e.title && !e.innerText.trim() && !e.labels?.length)
            .map(e => e.outerHTML)"""
        )
        assert nameless == []


@pytest.mark.slow
def test_files_of_the_machine_are_not_served(server):
    for path in ("/etc/passwd", Path(__file__), server.folder):
        assert server.status(f"/gradio_api/file={path}") in (403, 404)


# --- pictures for the documentation


def draw(folder: Path) -> None:
    """The page on a desktop and on a phone, with the word seven."""
    import tempfile

    from PIL import Image

    with tempfile.TemporaryDirectory() as place, chromium(bundled("telephone")) as program:
        server = Server(Path(place))
        for name, width, height in (("desktop", 1280, 900), ("phone", 390, 844)):
            page = program.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE)
            page.goto(server.address)
            page.get_by_role("button", name="Clip: seven").click()
            wait_for(page, "Done.")
            time.sleep(1)  # the player draws its waveform
            shot = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
            path = folder / f"demo-{name}.png"
            shot.quantize(256, Image.Quantize.FASTOCTREE).save(path, optimize=True)  # a third of the size
            print(f"Drawn: {path}, {path.stat().st_size / 1000:.0f} kB")
        server.stop()


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
