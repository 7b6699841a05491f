"""`zoo serve --cluster`: the same server as replicas of Ray Serve. Two nodes are two sets of processes on this machine, one is killed."""

import importlib.util
import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
from cli_runner import refusal
from test_cluster import made_of_two

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("python_multipart")
pytest.importorskip("websockets")
PACKAGES = ("ray", "aiohttp", "opencensus", "httpx", "ai_edge_litert")
needs_ray_serve = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, PACKAGES)), reason='needs pip install "speech-zoo[serve,cluster]"'
)
PATH = "/v1/audio/transcriptions"
TOKEN = {"Authorization": "Bearer secret"}
CLIPS = ("seven", "woman-us", "man-gb", "telephone")
OPTIONS = ("--model", "lstm_ctc_stream", "--runtime", "litert", "--port", "0", "--token", "secret", "--max-mb", "1")


def test_watch_names_the_replica_in_each_figure():
    from zoo.serve.watch import Record, Watch

    watch = Watch(replica="r1")
    for _ in range(2):
        watch.record(Record(model="m", seconds=1.0))
        lines = [line for line in watch.metrics().decode().splitlines() if not line.startswith("#")]
        assert lines and all(line.count('replica="r1"') == 1 for line in lines)


def test_replicas_need_a_cluster():
    assert refusal("serve", "--replicas", "2").argument == "replicas"


@needs_ray_serve
def test_what_cannot_be_is_refused_before_ray_starts():
    from conftest import refused

    from zoo.serve.replicas import serve_replicas

    for argument, how in (
        ("replicas", {"replicas": 0}),
        ("token", {"host": "0.0.0.0"}),
        ("cluster", {"address": "nowhere"}),
        ("cluster", {"address": "127.0.0.1:1"}),
    ):
        with refused(argument):
            serve_replicas(["lstm_ctc"], port=0, **how)


@pytest.fixture(scope="module")
def nodes():
    """(cluster of two nodes, the second of them)."""
    with made_of_two() as made:
        yield made


@pytest.fixture(scope="module")
def server(nodes, tmp_path_factory):
    """(URL, log) of a server of two replicas on two nodes."""
    log = tmp_path_factory.mktemp("serve") / "log.jsonl"
    where = ("--cluster", nodes[0].address, "--replicas", "2", "--log", log)
    command = [sys.executable, "-m", "zoo.cli", "serve", *OPTIONS, *map(str, where)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        yield served.stdout.readline().split()[4], log
        served.send_signal(signal.SIGTERM)
        assert served.wait(60) == 0 and "stopped" in served.stdout.read()


@pytest.fixture(scope="module")
def expected():
    """Clip -> (bytes, the text that it must get)."""
    import zoo

    model = zoo.load("lstm_ctc_stream", runtime="litert")
    clips = {name: zoo.audio.bundled(name) for name in CLIPS}
    return {name: (path.read_bytes(), model.transcribe(path).text) for name, path in clips.items()}


def ask(url: str, data: bytes, headers=TOKEN, path: str = PATH, **fields):
    import httpx

    return httpx.post(url + path, files={"file": ("a.wav", data)}, data=fields, headers=headers, timeout=60)


def fault(answer, status: int) -> str:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]["code"]


@needs_ray_serve
@pytest.mark.slow
def test_it_answers_and_refuses_as_without_ray(server, expected):
    import httpx

    url, _ = server
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{url}/readyz").json()["models"] == ["lstm_ctc_stream"]
    for data, text in expected.values():
        assert ask(url, data).json()["text"] == text
    assert ask(url, expected["seven"][0], response_format="srt").text.startswith("1\n00:00:0")
    assert fault(ask(url, b"no sound"), 415) == "unsupported_audio"
    assert fault(ask(url, bytes(2**21)), 413) == "file_too_large"
    assert fault(ask(url, b"", model="whisper-1"), 404) == "model_not_found"
    assert fault(ask(url, b"", headers={}), 401) == "invalid_api_key"
    assert fault(ask(url, b"", headers=TOKEN | {"origin": "http://evil.example"}), 403) == "forbidden"
    assert httpx.get(f"{url}/metrics").status_code == 401


@needs_ray_serve
@pytest.mark.slow
def test_a_stream_passes_through(server):
    from websockets.sync.client import connect

    import zoo

    samples, rate = soundfile.read(zoo.audio.bundled("woman-us"), dtype="int16")
    with connect(f"{server[0].replace('http', 'ws')}/v1/stream?sample_rate={rate}", additional_headers=TOKEN) as stream:
        for i in range(0, len(samples), rate // 4):
            stream.send(samples[i : i + rate // 4].tobytes())
        stream.send("end")
        heard = [json.loads(message) for message in stream]
    assert heard[-1]["last"] and len(heard[-1]["text"].split()) >= 6


@needs_ray_serve
@pytest.mark.slow
def test_a_node_dies_and_every_request_is_answered_in_the_end(server, nodes, expected):
    """Clients send again what ended in a broken connection or a 5xx, as OpenAI's client does by itself."""
    import httpx

    (url, log), (made, second) = server, nodes
    stop, retried, wrong, count = threading.Event(), [], [], []

    def client(number: int) -> None:
        order = np.random.default_rng(number)
        while not stop.is_set():
            data, text = expected[CLIPS[order.integers(len(CLIPS))]]
            count.append(1)
            for _ in range(60):
                try:
                    answer = ask(url, data)
                    if answer.status_code < 500:
                        break
                except httpx.TransportError:
                    pass
                retried.append(number)
                time.sleep(0.5)
            if answer.status_code != 200 or answer.json()["text"] != text:
                wrong.append((text, answer.text))

    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(client, number) for number in range(6)]
        time.sleep(2)
        before = len(count)
        logs = list(log.parent.glob("log-*.jsonl"))
        made.remove_node(second, allow_graceful=False)
        time.sleep(4)
        stop.set()
    assert not wrong and not [one.result() for one in asked if one.exception()]
    assert before > 12 and len(count) > before + 12, (before, len(count))
    assert len(logs) == 2 and all(path.stat().st_size for path in logs)  # both replicas had answered
