"""`zoo serve`: the routes with a model that answers at once; the threats of docs/how-to/serve.md; the real server and OpenAI's client."""

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from cli_runner import refusal
from conftest import refused

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("python_multipart")
pytest.importorskip("websockets")
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

import zoo
from zoo.audio import bundled
from zoo.decoding import Classification, Transcript, Word
from zoo.decoding.live import Listener
from zoo.errors import TooLongError, ZooError
from zoo.serve import Limits, Refusal
from zoo.serve.app import application
from zoo.serve.batching import Batcher
from zoo.serve.models import Models, Served, open_models
from zoo.serve.run import check_open
from zoo.serve.sound import hear
from zoo.serve.watch import Watch
from zoo.text import Vocabulary

RATE = 16000
PATH = "/v1/audio/transcriptions"
KEYS = {"time", "model", "job", "seconds", "milliseconds", "batch", "level", "snr", "confidence", "empty", "doubtful", "bandwidth", "clipped", "status"}  # fmt: skip


class Stub:
    """A recognizer, classifier and embedder in one: it writes how many tenths of a second it gets."""

    config, max_seconds = SimpleNamespace(sample_rate=RATE), float("inf")

    def __init__(self):
        self.taken, self.batches, self.wait = 0, [], threading.Event()
        self.wait.set()

    def transcribe(self, clips, rate, batch_size):
        self.taken += len(clips)
        self.wait.wait(10)
        self.batches.append(len(clips))
        return [self.answer(len(clip) / rate) for clip in clips]

    def answer(self, seconds):
        if seconds > 50:
            raise ZooError("`audio` must be shorter.")
        text = str(round(10 * seconds))
        return Transcript(text, (Word(text, 0.1, 0.4, 0.9),), 0.9, seconds, doubtful=seconds < 0.2)

    def classify(self, clips, rate, batch_size):
        return [Classification("yes", {"yes": 0.8, "no": 0.2}, 0.8, doubtful=False) for _ in clips]

    def embed(self, clips, rate, batch_size):
        return np.eye(len(clips), 3)

    def listener(self, sample_rate):
        """Hears an "a" and a space in every chunk."""
        logits = np.log([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
        return Listener(
            lambda samples, last: logits[: 2 * bool(len(samples))], Vocabulary("a "), 0.03, RATE, sample_rate
        )

    stream = listener


def clip(seconds: float = 1.0, rate: int = RATE, format: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(np.arange(round(seconds * rate)) / 5), rate, format=format)
    return file.getvalue()


def client(stub=None, limits=None, watch=None, **how):
    """(client, model) of a server in this process."""
    stub, limits = stub or Stub(), limits or Limits()
    app = application(Models([Served("stub", stub, limits)]), limits, watch, **how)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def server():
    with client() as made:
        yield made


def post(server, data=None, path=PATH, name="clip.wav", headers=None, **fields):
    return server.post(path, files={"file": (name, clip() if data is None else data)}, data=fields, headers=headers)


def connect(server, query: str = "", **how):
    return server.websocket_connect(f"ws://localhost/v1/stream{query}", **how)


def fault(answer, status: int, param: str | None = None) -> str:
    """The code of an answer that is an error of one sentence, as OpenAI's clients read it."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and "\n" not in error["message"] and error["message"]
    assert error["param"] == param
    return error["code"]


# --- what it answers


def test_formats_are_openais(server):
    assert post(server).json()["text"] == "10"
    assert post(server, response_format="text").text == "10\n"
    assert post(server, response_format="srt").text.startswith("1\n00:00:00,100 --> ")
    assert post(server, response_format="vtt").text.startswith("WEBVTT\n\n00:00:00.100 --> ")
    about = post(server, response_format="verbose_json", **{"timestamp_granularities[]": ["word", "segment"]}).json()
    assert about["duration"] == 1.0 and about["task"] == "transcribe" and about["language"] == "english"
    assert about["words"] == [{"word": "10", "start": 0.1, "end": 0.4, "confidence": 0.9}]
    [segment] = about["segments"]
    assert segment["text"] == "10" and segment["avg_logprob"] == pytest.approx(np.log(0.9))
    assert "words" not in post(server, response_format="verbose_json").json()


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_files_of_many_kinds_and_rates(server, format):
    answer = post(server, clip(1.0, 44100, format)).json()
    assert int(answer["text"]) == pytest.approx(10, abs=1)


def test_a_file_that_is_cut_is_answered_with_a_warning(server):
    assert "missing" in post(server, clip(2.0)[:40000]).json()["warning"]


def test_classes_and_embeddings(server):
    answer = post(server, path="/classify").json()
    assert answer["label"] == "yes" and answer["model"] == "stub" and answer["doubtful"] is False
    assert post(server, path="/embed").json() == {"embedding": [1.0, 0.0, 0.0], "model": "stub"}


def test_models(server):
    [about] = server.get("/v1/models").json()["data"]
    assert (
        about["id"] == "stub"
        and about["object"] == "model"
        and about["does"] == ["transcribe", "stream", "classify", "embed"]
    )
    assert server.get("/v1/models/stub").json() == about
    assert fault(server.get("/v1/models/whisper-1"), 404, "model") == "model_not_found"
    assert fault(post(server, model="whisper-1"), 404, "model") == "model_not_found"


def test_auto_is_the_best_of_those_that_were_measured_on_the_same(monkeypatch):
    served = [Served(name, Stub(), Limits(), zoo.card(name)) for name in ("lstm_ctc", "attention_ctc")]
    models, asked = Models(served), []
    assert models.find("attention_ctc", "transcribe").name == "attention_ctc"

    def recommend(data):
        asked.append(data)
        return [SimpleNamespace(name=name) for name in ("conv_lstm_ctc", "attention_ctc", "lstm_ctc")]

    monkeypatch.setattr(zoo, "recommend", recommend, raising=False)
    assert models.find("auto", "transcribe").name == "attention_ctc"
    assert asked == [zoo.card("lstm_ctc").results[0].data]
    assert "digits" in served[0].about()["summary"]
    models.close()


def test_auto_of_a_single_model_asks_for_no_figures():
    models = Models([Served("ds_cnn.mandarin", Stub(), Limits(), zoo.card("ds_cnn.mandarin"))])
    assert models.find("auto", "transcribe").name == "ds_cnn.mandarin"  # its data has options: audio_cmn,words=digits
    models.close()


def test_what_cannot_be_served_is_refused_before_it_is():
    with refused("model", ZooError):
        open_models(["ngram_lm"], Limits())


def test_wrong_values_are_said(server):
    assert fault(server.post(PATH), 400, "file")
    assert fault(post(server, response_format="docx"), 400, "response_format")
    assert fault(post(server, stream="true"), 400, "stream")
    assert fault(server.get("/v2"), 404) == "not_found"
    assert fault(server.get(PATH), 405) == "method_not_allowed"


def test_state_and_description(server):
    assert server.get("/healthz").json() == {"status": "ok"}
    assert server.get("/readyz").json()["models"] == ["stub"]
    assert {PATH, "/classify", "/embed", "/v1/models"} <= set(server.get("/openapi.json").json()["paths"])
    page = server.get("/docs")
    assert "http:" not in page.text and "https:" not in page.text  # nothing from elsewhere
    assert page.headers["content-security-policy"] == "default-src 'self'"
    assert all(
        server.get(f"/static/{name}").status_code == 200
        for name in ("page.js", "page.css", "microphone.js", "icon.svg")
    )


# --- batches


def test_clips_that_wait_become_a_batch_and_each_gets_its_own_answer():
    stub = Stub()
    with client(stub) as server:
        stub.wait.clear()
        found = {}
        threads = [
            threading.Thread(target=lambda n=n: found.update({n: post(server, clip(n / 10)).json()["text"]}))
            for n in range(1, 13)
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while stub.taken + len(batchers(server)[0].waiting) < 12 and time.monotonic() < deadline:
            time.sleep(0.01)
        stub.wait.set()
        for thread in threads:
            thread.join()
    assert found == {n: str(n) for n in range(1, 13)} and sum(stub.batches) == 12 and len(stub.batches) < 12


def batchers(server):
    return [batcher for model in server.app.state.service.models.served.values() for batcher in model.batchers.values()]


def test_one_clips_fault_is_not_anothers():
    async def three():
        batcher = Batcher([Stub().transcribe_all], RATE)
        try:
            return await asyncio.gather(*(batcher.ask(np.zeros(n * RATE)) for n in (1, 60, 2)), return_exceptions=True)
        finally:
            batcher.close()

    Stub.transcribe_all = lambda self, clips: self.transcribe(clips, RATE, 16)
    (first, _), second, (third, _) = asyncio.run(three())
    assert (first.text, third.text) == ("10", "20") and isinstance(second, ZooError)


def test_a_batcher_that_closes_answers_what_waits():
    async def many():
        batcher = Batcher([lambda clips: [time.sleep(0.05)] * len(clips)], RATE)
        asked = [asyncio.ensure_future(batcher.ask(np.zeros(9))) for _ in range(100)]
        await asyncio.sleep(0.01)
        await asyncio.to_thread(batcher.close)
        with pytest.raises(Refusal):
            await batcher.ask(np.zeros(9))
        return await asyncio.gather(*asked)

    assert len(asyncio.run(many())) == 100


# --- a stream


def test_a_stream_says_words_as_they_come(server):
    with connect(server) as stream:
        stream.send_bytes(bytes(3201))  # half a sample is kept
        assert [word["word"] for word in stream.receive_json()["words"]] == ["a"]
        stream.send_bytes(bytes(3199))
        assert stream.receive_json()["seconds"] == 0.2
        stream.send_text("end")
        last = stream.receive_json()
        assert last["last"] and last["text"] == "a a"
        with pytest.raises(WebSocketDisconnect) as closed:
            stream.receive_json()
        assert closed.value.code == 1000


@pytest.mark.parametrize(
    "query, status, param",
    [
        ("?model=whisper-1", 404, "model"),
        ("?sample_rate=3", 400, "sample_rate"),
        ("?sample_rate=fast", 400, "sample_rate"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(server, query, status, param):
    with pytest.raises(WebSocketDenialResponse) as caught, connect(server, query):
        pass
    fault(caught.value, status, param)


def test_a_stream_of_something_else_or_of_nothing_ends():
    with client(limits=Limits(silent_seconds=0.2)) as server:
        for send, code in ((lambda stream: stream.send_text("hello"), 1008), (lambda stream: None, 1001)):
            with connect(server) as stream:
                send(stream)
                assert stream.receive_json()["last"]
                with pytest.raises(WebSocketDisconnect) as closed:
                    stream.receive_json()
                assert closed.value.code == code


# --- watched


def test_the_log_has_a_line_for_each_request_without_sound_or_text(tmp_path):
    log = tmp_path / "log.jsonl"
    with client(watch=Watch(log), limits=Limits(max_seconds=5)) as server:
        post(server)
        post(server, clip(0.1))
        post(server, b"no sound")
        post(server, clip(9))
        server.post(PATH)
        with connect(server) as stream:
            stream.send_bytes(bytes(3200))
            stream.send_text("end")
            while not stream.receive_json()["last"]:
                pass
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert all(set(line) == KEYS for line in lines)
    assert [line["status"] for line in lines] == [200, 200, 415, 413, 400, 200]
    first = lines[0]
    assert first["model"] == "stub" and first["seconds"] == 1.0 and first["batch"] == 1 and first["milliseconds"] > 0
    assert first["level"] == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.5) and first["confidence"] == 0.9
    assert [line["doubtful"] for line in lines[:2]] == [False, True]


def test_text_is_logged_only_where_it_is_kept(tmp_path):
    with client(watch=Watch(tmp_path / "log", keep=True)) as server:
        post(server)
    assert json.loads((tmp_path / "log").read_text())["text"] == "10"


def test_metrics(server):
    post(server)
    post(server, clip(0.1))
    post(server, b"no sound")
    lines = dict(line.rsplit(" ", 1) for line in server.get("/metrics").text.splitlines() if not line.startswith("#"))
    about = 'job="transcribe",model="stub"'
    assert lines[f'zoo_requests_total{{{about},status="200"}}'] == "2.0"
    assert lines[f'zoo_requests_total{{{about},status="415"}}'] == "1.0"
    assert float(lines[f"zoo_audio_seconds_total{{{about}}}"]) == pytest.approx(1.1)
    assert (
        lines[f"zoo_doubtful_answers_total{{{about}}}"] == "1.0"
        and lines[f"zoo_empty_answers_total{{{about}}}"] == "0.0"
    )
    for name in ("latency_seconds", "batch_clips", "confidence", "clip_seconds", "speech_level_dbfs", "snr_db"):
        assert lines[f"zoo_{name}_count{{{about}}}"] == "2.0"
    assert lines["zoo_queue_clips"] == lines["zoo_streams"] == "0.0"


# --- the threats: uploads that are too much


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server):
    limits = Limits(max_mb=0.1)
    with client(limits=limits) as server:
        assert fault(post(server, clip(10)), 413, "file") == "file_too_large"
        for length in ("99999999999", "9" * 400):  # declared, and never sent
            answer = server.post(PATH, content=b"x", headers={"content-length": length})
            assert fault(answer, 413, "file") == "file_too_large"

        def chunks():  # without a length
            yield from [bytes(20_000)] * 20

        form = {"content-type": "multipart/form-data; boundary=b"}
        assert fault(server.post(PATH, content=chunks(), headers=form), 413, "file") == "file_too_large"


def test_a_recording_that_is_too_long_is_not_decoded_to_its_end():
    silence = io.BytesIO()  # an hour in few bytes
    soundfile.write(silence, np.zeros(8000 * 3600, "int16"), 8000, format="FLAC")
    fast = io.BytesIO()  # five seconds, but as many samples as of eighty
    soundfile.write(fast, np.zeros(768_000 * 5, "int16"), 768_000, format="WAV")
    for data in (clip(61, 8000, "FLAC"), silence.getvalue(), fast.getvalue()):
        with pytest.raises(Refusal) as caught:
            hear(data, RATE, 60)
        assert caught.value.status_code == 413
    assert hear(clip(59), RATE, 60).seconds == pytest.approx(59)


def test_what_a_header_promises_is_not_allocated(server):
    import tracemalloc

    data = bytearray(clip(1.0))
    data[4:8] = data[40:44] = (0xFFFFFFF0).to_bytes(4, "little")  # four gigabytes, it says
    tracemalloc.start()
    try:
        post(server, bytes(data))
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_what_is_no_sound_is_refused(server):
    for data in (
        b"",
        b"hello",
        b"%PDF-1.7\n" + bytes(3000),
        b"PK\x03\x04" + bytes(3000),
        os.urandom(5000),
        b"\x1f\x8b\x08" + bytes(99),
    ):
        assert fault(post(server, data), 415, "file") == "unsupported_audio"
    playlist = b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\nhttp://localhost/\n"  # FFmpeg would open what it names
    assert fault(post(server, playlist, name="list.m3u8"), 415, "file")


def test_one_clip_of_many_channels_or_rates(server):
    wide = io.BytesIO()
    soundfile.write(wide, np.zeros((100, 200), "int16"), RATE, format="WAV")
    assert fault(post(server, wide.getvalue()), 415, "file")
    assert int(post(server, clip(1.0, 8000, "OGG") + clip(1.0, 48000, "OGG")).json()["text"]) == pytest.approx(
        20, abs=1
    )


# --- the threats: too many, too slow


def test_more_clients_than_may_be_are_sent_away():
    stub = Stub()
    with client(stub, Limits(clients=1)) as server:
        stub.wait.clear()
        first = threading.Thread(target=post, args=(server,))
        first.start()
        while (
            not batchers(server)[0].seconds
            and not stub.batches
            and not server.app.state.service.watch.inside._value.get()
        ):
            time.sleep(0.01)
        answer = post(server)
        assert fault(answer, 429) == "too_many_requests" and answer.headers["retry-after"] == "1"
        assert server.get("/healthz").status_code == server.get("/metrics").status_code == 200  # told all the same
        stub.wait.set()
        first.join()
        assert post(server).status_code == 200


def test_a_full_queue_sends_away():
    async def three():
        wait = threading.Event()
        batcher = Batcher([lambda clips: [wait.wait(10)] * len(clips)], RATE, most_waiting=10)
        asked = [asyncio.ensure_future(batcher.ask(np.zeros(9 * RATE)))]
        await asyncio.sleep(0.1)  # it is being answered
        asked += [asyncio.ensure_future(batcher.ask(np.zeros(99 * RATE)))]  # nothing waits, so it may
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as caught:
            await batcher.ask(np.zeros(RATE))
        wait.set()
        assert caught.value.status_code == 503
        await asyncio.gather(*asked)
        batcher.close()

    asyncio.run(three())


def test_an_upload_that_takes_too_long_ends():
    async def slow():
        with client(limits=Limits(upload_seconds=0.2)) as server:
            sent, parts = [], iter([{"type": "http.request", "body": b"--b\r\n", "more_body": True}])

            async def receive():
                if (part := next(parts, None)) is not None:
                    return part
                await asyncio.sleep(60)

            async def send(message):
                sent.append(message)

            headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=b")]
            scope = {"type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"", "headers": headers,
                     "http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "client": ("localhost", 1), "root_path": ""}  # fmt: skip
            await server.app(scope, receive, send)
            return sent

    start, body = asyncio.run(slow())
    assert start["status"] == 408 and json.loads(body["body"])["error"]["code"] == "upload_too_slow"


# --- the threats: names and headers


def test_names_of_clients_name_nothing_here(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("../../etc/passwd", "/etc/passwd", "a\x00b.wav", "con.wav", "%2e%2e%2fclip.wav"):
        assert post(server, name=name).json()["text"] == "10"
    assert fault(post(server, name="c" * 100_000), 400)
    assert list(tmp_path.iterdir()) == []
    for model in ("../../etc/passwd", "/etc/passwd", "stub.keras", "hf://user/name", "a" * 5000):
        assert fault(post(server, model=model), 404, "model") == "model_not_found"
        assert len(post(server, model=model).json()["error"]["message"]) < 300
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"):
        assert server.get(path).status_code == 404


def test_other_sites_may_not_ask(server):
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"x-forwarded-host": "evil.example"}):
        assert fault(post(server, headers=headers), 403) == "forbidden"
        assert server.get("/", headers=headers).status_code == 403
    assert post(server, headers={"origin": "http://localhost"}).status_code == 200
    with pytest.raises(WebSocketDenialResponse) as caught, connect(server, headers={"origin": "http://evil.example"}):
        pass
    fault(caught.value, 403)


def test_a_token_is_asked_for():
    with client(token="secret") as server:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": "secret"},
            {"authorization": "Bearer sécret".encode()},
        ):
            assert fault(post(server, headers=headers), 401) == "invalid_api_key"
            assert server.get("/metrics", headers=headers).status_code == 401
        good = {"authorization": "Bearer secret"}
        assert post(server, headers=good).status_code == server.get("/metrics", headers=good).status_code == 200
        assert all(server.get(path).status_code == 200 for path in ("/healthz", "/readyz", "/openapi.json", "/docs"))
        with pytest.raises(WebSocketDenialResponse) as caught, connect(server):
            pass
        fault(caught.value, 401)
        with connect(server, subprotocols=["zoo", "token.secret"]) as stream:
            assert stream.accepted_subprotocol == "zoo"


def test_forms_that_are_no_forms(server):
    form = {"content-type": "multipart/form-data; boundary=b"}
    for body in (
        b"--b",
        b"x" * 1000,
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        b"--b\r\n" + b"a: b\r\n" * 10_000,
    ):
        assert server.post(PATH, content=body, headers=form).status_code == 400
    assert fault(server.post(PATH, content=b"{}", headers={"content-type": "application/json"}), 400, "file")
    many = b"".join(b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % n for n in range(5000))
    assert server.post(PATH, content=many + b"--b--", headers=form).status_code == 400


# --- the command


def test_other_machines_are_let_in_only_when_asked():
    with refused("token"):
        check_open("0.0.0.0", "", False)
    check_open("0.0.0.0", "secret", False)
    check_open("0.0.0.0", "", True)
    check_open("localhost", "", False)
    with refused("token"):
        check_open("localhost", "two words", False)
    assert refusal("serve", "--host", "0.0.0.0").argument == "token"


def test_a_recording_is_read_no_further_than_asked():
    from zoo import audio_files

    for format in ("WAV", "OGG", "FLAC"):
        with pytest.raises(TooLongError):
            audio_files.read(io.BytesIO(clip(3.0, format=format)), "`file`", lambda block: block[:, 0], 2.0)


# --- the real server


SERVE = [sys.executable, "-m", "zoo.cli", "serve", "--runtime", "litert", "--port", "0"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where a server of bundled models is, and its process."""
    log = tmp_path_factory.mktemp("serve") / "log.jsonl"
    command = [*SERVE, "--token", "secret", "--log", log]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        yield line.split()[4], process, log
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0 and "stopped" in process.stdout.read()


@pytest.mark.slow
def test_openais_client(address):
    openai = pytest.importorskip("openai")
    asked = openai.OpenAI(base_url=f"{address[0]}/v1", api_key="secret")
    assert {model.id for model in asked.models.list()} == {"lstm_ctc", "lstm_ctc_stream", "ds_cnn"}
    assert asked.models.retrieve("lstm_ctc").owned_by == "speech-zoo"
    with open(bundled("woman-us"), "rb") as file:
        assert (
            asked.audio.transcriptions.create(model="lstm_ctc", file=file).text == "three four zero one two seven one"
        )
        file.seek(0)
        found = asked.audio.transcriptions.create(
            model="lstm_ctc", file=file, response_format="verbose_json", timestamp_granularities=["word", "segment"],
            language="en", prompt="digits", temperature=0.0,
        )  # fmt: skip
        assert [word.word for word in found.words] == found.text.split() and found.segments[0].start < found.segments[
            0
        ].end
        file.seek(0)
        assert asked.audio.transcriptions.create(model="lstm_ctc", file=file, response_format="srt").startswith("1\n")
    for error, key, model, data in (
        (openai.AuthenticationError, "wrong", "lstm_ctc", clip()),
        (openai.NotFoundError, "secret", "whisper-1", clip()),
        (openai.APIStatusError, "secret", "lstm_ctc", b"no sound"),
    ):
        other = openai.OpenAI(base_url=f"{address[0]}/v1", api_key=key)
        with pytest.raises(error) as caught:
            other.audio.transcriptions.create(model=model, file=("clip.wav", data))
        assert caught.value.body["message"]


@pytest.mark.slow
def test_the_default_models_answer_many_at_once():
    """Under Keras, with two threads each."""
    from concurrent.futures import ThreadPoolExecutor

    import httpx

    command = [sys.executable, "-m", "zoo.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url, data = process.stdout.readline().split()[4], bundled("seven").read_bytes()
        ask = lambda path: httpx.post(url + path, files={"file": ("a.wav", data)}, timeout=120).json()  # noqa: E731
        with ThreadPoolExecutor(12) as threads:
            classes, points, texts = (list(threads.map(ask, [path] * 12)) for path in ("/classify", "/embed", PATH))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert {answer["label"] for answer in classes} == {answer["text"] for answer in texts} == {"seven"}
    assert all(answer["doubtful"] is False for answer in [*classes, *texts])
    assert np.ptp([answer["embedding"] for answer in points], axis=0).max() < 1e-4


@pytest.mark.slow
def test_a_real_stream(address):
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    samples, rate = soundfile.read(bundled("woman-us"), dtype="int16")
    url = f"{address[0].replace('http', 'ws')}/v1/stream?sample_rate={rate}"
    with connect(url, additional_headers={"Authorization": "Bearer secret"}) as stream:
        for i in range(0, len(samples), rate // 10):
            stream.send(samples[i : i + rate // 10].tobytes())
        stream.send("end")
        heard = [json.loads(message) for message in stream]
    words = [word["word"] for message in heard for word in message["words"]]
    assert heard[-1]["last"] and heard[-1]["text"].split() == words and len(words) >= 6
    with connect(url, additional_headers={"Authorization": "Bearer secret"}) as stream:
        assert not stream.protocol.extensions  # nothing is compressed
        stream.send(bytes(2**21))
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(10)
        assert closed.value.rcvd.code == 1009  # a message that is too large


@pytest.mark.slow
def test_the_page_in_a_browser(address):
    """It describes what the server answers, and asks it, from the microphone too."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (chromium := shutil.which("chromium")):
        pytest.skip("chromium is not installed")
    flags = [
        "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={bundled('woman-us')}%noloop",
    ]  # fmt: skip
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=flags)
        page, faults, asked = browser.new_page(), [], []
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: faults.append(error))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address[0])
        page.fill("#token", "secret")
        page.wait_for_selector("#paths table")
        assert all(word in page.inner_text("#paths") for word in (PATH, "response_format", "/v1/stream"))
        page.set_input_files("#file", bundled("woman-us"))
        page.wait_for_selector("#answer:has-text('seven')")
        page.click("#microphone")
        page.wait_for_selector("#answer:has-text('three four zero')")
        page.click("#microphone")
        page.wait_for_selector("#microphone:has-text('Speak')")
        browser.close()
    assert not faults and all(url.startswith((address[0], "blob:")) for url in asked)


def talk(url: str, data: bytes, seconds: float) -> bytes:
    """What a server says to bytes, until it closes the connection or `seconds` are over."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(data)
        found = b""
        try:
            while part := connection.recv(65536):
                found += part
        except TimeoutError:
            return found + b"(open)"
        except ConnectionError:
            pass
        return found


@pytest.mark.slow
def test_headers_that_play_tricks(address):
    url, head = address[0], f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n".encode()
    for tricks in (
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"Content-Length: 5x\r\n\r\nhello",
        b"Transfer-Encoding: chunked, chunked\r\n\r\n",
        b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        b"".join(b"X%d: a\r\n" % n for n in range(20_000)),
        b"bad header\r\n\r\n",
    ):
        assert talk(url, head + tricks, 5).startswith(b"HTTP/1.1 4")
    assert talk(url, b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 1).startswith(b"HTTP/1.1 403")
    assert talk(url, b"GET http://evil.example/v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", 1).startswith(
        b"HTTP/1.1 403"
    )


@pytest.mark.slow
def test_clients_who_send_half_a_header_are_not_waited_for(address):
    from zoo.serve.run import HEADER_SECONDS, REST_SECONDS

    halves = (b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /heal")
    endless = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n".encode()
    found = {}
    threads = [
        threading.Thread(target=lambda d=d: found.update({d: talk(address[0], d, HEADER_SECONDS + REST_SECONDS)}))
        for d in (*halves, endless)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [data for data, answer in found.items() if answer.endswith(b"(open)")]
    assert found[endless].startswith(b"HTTP/1.1 401")


@pytest.mark.slow
def test_sigterm_finishes_what_was_accepted():
    command = [*SERVE, "--model", "lstm_ctc_stream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[4]
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + clip(15) + b"\r\n--b--\r\n"
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(talk(url, head.encode() + body, 60))) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        from websockets.sync.client import connect

        with connect(f"{url.replace('http', 'ws')}/v1/stream") as stream:
            stream.send(clip(1.0)[44:])
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            while not json.loads(stream.recv(30))["last"]:  # the stream has its last words, too
                pass
        for thread in threads:
            thread.join()
        assert process.wait(60) == 0
    assert len(found) == 12 and all(answer.startswith(b"HTTP/1.1 200") for answer in found)
