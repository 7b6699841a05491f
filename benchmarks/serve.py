"""`zoo serve` under load: errors, answers to the wrong client, latency and throughput beside `model.transcribe`, memory, SIGTERM, streams.

    python benchmarks/serve.py [--clients 64] [--minutes 2] [--requests 20000] [--streams 32] [--json OUT]

Each client sends one clip after the other, of 1 to 20 s (bundled speech, cut and joined), 5 % of them bad: no sound, cut off, too long, a
wrong form. A bare loop of `model.transcribe` gives the text that each clip must get. What is measured, in one run on one machine:

load      the time from a request to its answer (p50, p95), beside the same of the bare loop, which has one clip at a time; seconds of
          sound a second, beside the best of `model.transcribe` with all good clips in batches, before and after (mean)
memory    of the server after a tenth of the requests for short clips, and after all
stop      SIGTERM while all clients wait: how many of the requests that were sent whole got their answer
streams   speech in chunks of 0.1 s, at the pace at which it is spoken, in all streams at once: how late the last words come
"""

import argparse
import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import soundfile

import zoo
from zoo.audio import load_audio, samples_folder

RATE, MODEL, STREAMING = 16000, "lstm_ctc", "lstm_ctc_stream"
PATH = "/v1/audio/transcriptions"
PARTS = ("load", "memory", "stop", "streams")
BAD = 0.05  # share of the requests
BATCHES = (16, 32, 64)
BARS = {"throughput of the best batches": 0.9, "memory growth, MB": 30.0, "streams, seconds late": 1.0}


# --- clips


def speech(rng: np.random.Generator) -> np.ndarray:
    """Bundled clips one after the other, in an order of its own."""
    clips = [load_audio(path, RATE) for path in sorted(samples_folder().glob("*.wav"))]
    return np.concatenate([clips[i] for i in rng.permutation(len(clips))])


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV")
    return file.getvalue()


def good_clips(count: int, longest: float, rng: np.random.Generator) -> list[bytes]:
    """WAV files of 1 s to `longest`, all different."""
    sound = np.concatenate([speech(rng) for _ in range(3)])
    lengths = (rng.uniform(1, longest, count) * RATE).astype(int)
    starts = [int(rng.integers(0, len(sound) - length)) for length in lengths]
    return [wav(sound[start : start + length]) for start, length in zip(starts, lengths, strict=True)]


def bad_requests() -> list[tuple[bytes, int]]:
    """(a request's body, the status that it must get)."""
    clip = wav(np.zeros(RATE))
    return [
        (form(b"This is no sound."), 415),
        (form(clip[:44]), 415),
        (form(wav(np.zeros(700 * RATE, "int16"))), 413),
        (form(clip, model="whisper-1"), 404),
        (form(clip, response_format="docx"), 400),
        (b"--b\r\nno form", 400),
    ]


def form(data: bytes, **fields: str) -> bytes:
    """The body of a request."""
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
        for k, v in ({"model": MODEL} | fields).items()
    ]
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return b"".join(parts) + head + data + b"\r\n--b--\r\n"


# --- a server, and those who ask


class Server:
    """`zoo serve` in a process of its own."""

    def __init__(self, *models: str):
        named = [word for model in models for word in ("--model", model)]
        command = [sys.executable, "-m", "zoo.cli", "serve", "--port", "0", *named]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[4].rsplit(":", 1)[1])

    def memory_mb(self) -> float:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


class Client:
    """A connection that is kept, with no more than HTTP needs: what a client costs is taken from the server, on two cores."""

    def __init__(self, port: int):
        self.port, self.streams = port, None

    async def ask(self, body: bytes) -> tuple[int, dict]:
        """(status, answer) of a request for a transcript."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        answer = json.loads(await reader.readexactly(length))
        if "connection: close" in head:
            self.close()
        return int(head.split()[1]), answer

    def close(self) -> None:
        if self.streams:
            self.streams[1].close()
            self.streams = None


async def load(port: int, clients: int, seconds: float, good: list[tuple[bytes, str, float]], rng) -> dict:
    """All clients at once, for some seconds."""
    bad = bad_requests()
    found = {"requests": 0, "bad requests": 0, "errors of the server": 0, "answers to the wrong client": 0}
    latencies, heard, start = [], 0.0, time.perf_counter()

    async def one(number: int) -> None:
        nonlocal heard
        client, order = Client(port), np.random.default_rng(number)
        while time.perf_counter() - start < seconds:
            is_bad = order.random() < BAD
            body, expected, length = (
                (*bad[order.integers(len(bad))], 0.0) if is_bad else good[order.integers(len(good))]
            )
            asked = time.perf_counter()
            found["requests"] += 1
            found["bad requests"] += is_bad
            try:
                status, answer = await client.ask(body)
            except (OSError, asyncio.IncompleteReadError):
                found["errors of the server"] += 1
                client.close()
                continue
            if is_bad:
                found["errors of the server"] += status != expected
                continue
            latencies.append(time.perf_counter() - asked)
            heard += length
            found["errors of the server"] += status != 200
            found["answers to the wrong client"] += status == 200 and answer["text"] != expected
        client.close()

    await asyncio.gather(*(one(int(number)) for number in rng.integers(2**31, size=clients)))
    took = time.perf_counter() - start
    p50, p95 = np.quantile(latencies, (0.5, 0.95))
    return found | {"p50, s": p50, "p95, s": p95, "seconds of sound a second": heard / took}


async def many(port: int, clients: int, requests: int, bodies: list[bytes], at: dict[int, list], memory) -> None:
    """So many requests by all clients; `at` gets the memory after as many as its keys."""
    done = 0

    async def one(number: int) -> None:
        nonlocal done
        client = Client(port)
        for i in range(number, requests, clients):
            await client.ask(bodies[i % len(bodies)])
            done += 1
            if done in at:
                at[done].append(memory())
        client.close()

    await asyncio.gather(*(one(number) for number in range(clients)))


async def stopped(server: Server, clients: int, good: list[tuple[bytes, str, float]]) -> dict:
    """SIGTERM while all wait."""

    async def one(body: bytes, text: str) -> bool:
        status, answer = await Client(server.port).ask(body)
        return status == 200 and answer["text"] == text

    asked = [asyncio.ensure_future(one(*good[i % len(good)][:2])) for i in range(clients)]
    await asyncio.sleep(0.5)
    waited = sum(not task.done() for task in asked)
    server.process.send_signal(signal.SIGTERM)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    code = await asyncio.to_thread(server.process.wait, 90)
    return {
        "accepted": clients,
        "not answered at SIGTERM": waited,
        "lost": sum(answer is not True for answer in answers),
        "exit code": code,
    }


async def streams(port: int, count: int, seconds: float, rng) -> dict:
    """All streams at once, as fast as one speaks."""
    import websockets

    sound = np.concatenate([speech(rng), speech(rng)])[: round(seconds * RATE)]
    chunks = [(32767 * sound[i : i + RATE // 10]).astype("<i2").tobytes() for i in range(0, len(sound), RATE // 10)]

    async def one(wait: float) -> tuple[float, str]:
        await asyncio.sleep(wait)
        async with websockets.connect(f"ws://127.0.0.1:{port}/v1/stream", compression=None) as socket:
            start = time.perf_counter()
            for number, chunk in enumerate(chunks):
                await asyncio.sleep(
                    max(0.0, start + 0.1 * (number + 1) - time.perf_counter())
                )  # a chunk is there once it is spoken
                await socket.send(chunk)
            await socket.send("end")
            spoken = time.perf_counter()
            async for message in socket:
                if (last := json.loads(message))["last"]:
                    return time.perf_counter() - spoken, last["text"]

    found = await asyncio.gather(*(one(wait) for wait in rng.uniform(0, 1, count)))
    late = [seconds for seconds, _ in found]
    same = max(sum(text == other for _, other in found) for _, text in found)
    return {
        "streams": count, "seconds each": len(sound) / RATE, "late, p50 s": float(np.median(late)), "late, worst s": max(late),
        "same words": same, "real-time factor": 1 + max(late) / (len(sound) / RATE),
    }  # fmt: skip


# --- beside the server


def bare_loop(model, clips: list[bytes]) -> tuple[list[str], list[float]]:
    """(texts, seconds of each) of clips one after the other."""
    texts, times = [], []
    for clip in clips:
        start = time.perf_counter()
        texts.append(model.transcribe(io.BytesIO(clip)).text)
        times.append(time.perf_counter() - start)
    return texts, times


def batch_rate(model, clips: list[bytes], seconds: float) -> float:
    """Seconds of sound a second, of the best batch size."""
    found = []
    for size in BATCHES:
        start = time.perf_counter()
        model.transcribe([io.BytesIO(clip) for clip in clips], batch_size=size)
        found.append(seconds / (time.perf_counter() - start))
    return max(found)


def measure_load(args, clips, good, times, lengths, model, server, rng) -> dict:
    """Latency and throughput beside the model's own."""
    rates = [batch_rate(model, clips, sum(lengths))]
    found = asyncio.run(load(server.port, args.clients, 60 * args.minutes, good, rng))
    best = float(np.mean([*rates, batch_rate(model, clips, sum(lengths))]))
    return found | {
        "minutes": args.minutes,
        "bare loop p50, s": float(np.quantile(times, 0.5)), "bare loop p95, s": float(np.quantile(times, 0.95)),
        "best batches, seconds of sound a second": best,
        "throughput of the best batches": found["seconds of sound a second"] / best,
    }  # fmt: skip


def measure_memory(args, server, rng) -> dict:
    """Growth over many requests for half a second."""
    short = [form(wav(speech(rng)[: RATE // 2])) for _ in range(16)]
    at = {args.requests // 10: [], args.requests: []}
    start = time.perf_counter()
    asyncio.run(many(server.port, args.clients, args.requests, short, at, server.memory_mb))
    (first,), (last,) = at.values()
    took = time.perf_counter() - start
    return {
        "requests": args.requests,
        "requests a second": args.requests / took,
        "after a tenth, MB": first,
        "memory growth, MB": last - first,
    }


def missed(found: dict) -> list[str]:
    """The bars that were not reached, of what was measured."""
    load, memory, stop, streams = (found.get(part, {}) for part in PARTS)
    wrong = {
        "errors": load.get("errors of the server"), "wrong answers": load.get("answers to the wrong client"),
        "throughput": load.get("throughput of the best batches", 1) < BARS["throughput of the best batches"],
        "memory": memory.get("memory growth, MB", 0) > BARS["memory growth, MB"],
        "lost": stop.get("lost"), "late": streams.get("late, worst s", 0) > BARS["streams, seconds late"],
    }  # fmt: skip
    return [name for name, is_wrong in wrong.items() if is_wrong]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="what to measure; may be repeated (all)")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=2.0, help="of load")
    parser.add_argument(
        "--requests", type=int, default=20_000, help="for short clips, between which memory is compared"
    )
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--stream-seconds", type=float, default=30.0)
    parser.add_argument("--clips", type=int, default=128, help="different ones")
    parser.add_argument("--json", help="file for the figures; other parts that are in it stay")
    args = parser.parse_args()
    parts, rng, before = args.part or PARTS, np.random.default_rng(0), os.getloadavg()
    found = {}
    if {"load", "stop"} & set(parts):
        clips = good_clips(args.clips, 20, rng)
        lengths = [soundfile.info(io.BytesIO(clip)).duration for clip in clips]
        model = zoo.load(MODEL)
        bare_loop(model, clips[:8])
        texts, times = bare_loop(model, clips)
        good = [(form(clip), text, length) for clip, text, length in zip(clips, texts, lengths, strict=True)]
    server = Server(MODEL) if set(parts) - {"streams"} else None
    if "load" in parts:
        found["load"] = measure_load(args, clips, good, times, lengths, model, server, rng)
    if "memory" in parts:
        found["memory"] = measure_memory(args, server, rng)
    if "stop" in parts:
        found["stop"] = asyncio.run(stopped(server, args.clients, good))
    elif server:
        server.stop()
    if "streams" in parts:
        server = Server(STREAMING)
        found["streams"] = asyncio.run(streams(server.port, args.streams, args.stream_seconds, rng))
        server.stop()
    about = {
        "clients": args.clients,
        "cores": os.cpu_count(),
        "load average before": before[0],
        "load average after": os.getloadavg()[0],
    }
    found = {part: about | figures for part, figures in found.items()}
    print(json.dumps(found, indent=1, default=float))
    wrong = missed(found)
    print(
        f"{'MISSES ' + ', '.join(wrong) if wrong else 'Reaches'} the bars: {BARS}, no errors, no wrong answers, none lost."
    )
    if args.json:
        path = Path(args.json)
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps(kept | found, indent=1, default=float) + "\n", encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
