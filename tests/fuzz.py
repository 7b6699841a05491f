"""Reads mutated recordings in child processes: `make fuzz`, or `python tests/fuzz.py --mutations 20000 --out runs/fuzz.json`.

Each mutation may be heard or refused with an AudioError, within 5 s and 1 GB, and nothing is printed: all else is a finding. A
seed makes each again: `python tests/fuzz.py --again m4a 1234`. A run that was stopped goes on where it was.
"""

import argparse
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
KINDS = ("wav", "flac", "ogg", "opus", "mp3", "m4a", "webm", "aiff", "caf", "aac", "wma", "gsm")
BATCH = 250  # mutations that a child reads
SECONDS, MEMORY = 5, 2**30  # of each mutation
EDGES = [0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 8]
MARKS = [
    b"RIFF",
    b"data",
    b"fmt ",
    b"OggS",
    b"fLaC",
    b"moov",
    b"stsz",
    b"stts",
    b"stsc",
    b"stco",
    b"esds",
    b"COMM",
    b"SSND",
    b"ID3",
]


def seeds() -> dict[str, list[bytes]]:
    """Small whole files of each kind."""
    from corpus import make

    short = make.SPEECH[8000:20000]
    sndfile = {
        "wav": [(f, s) for f in ("WAV", "RF64", "W64") for s in ("PCM_16", "FLOAT")] + [("WAV", s) for s in ("PCM_U8", "ULAW", "IMA_ADPCM", "MS_ADPCM", "G721_32", "NMS_ADPCM_32")],
        "gsm": [("WAV", "GSM610"), ("AU", "G721_32"), ("AU", "PCM_16")], "flac": [("FLAC", "PCM_16"), ("FLAC", "PCM_24")],
        "aiff": [("AIFF", "PCM_16"), ("AIFF", "FLOAT"), ("AIFF", "GSM610")],
        "caf": [("CAF", "PCM_16"), ("CAF", "ALAC_16")],
    }  # fmt: skip
    found = {kind: [make.sndfile(f, s, samples=short) for f, s in formats] for kind, formats in sndfile.items()}
    found["mp3"] = [
        make.mp3(samples=short),
        make.no_xing(samples=short),
        make.ffmpeg("wav", "libmp3lame", samples=short),
    ]
    found |= {"ogg": [make.sndfile("OGG", "VORBIS")], "opus": [make.sndfile("OGG", "OPUS")]}  # of several pages
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    found["m4a"] = [
        make.m4a(samples=short),
        make.m4a(samples=short, container=fragments, pipe=True),
        make.ffmpeg("mov", "pcm_s16le", samples=short),
        make.ffmpeg("ipod", "alac", samples=short),
    ]
    found["webm"] = [
        make.webm(samples=short),
        make.webm(samples=short, pipe=True),
        make.ffmpeg("matroska", "pcm_s16le", samples=short),
    ]
    found["aac"] = [make.ffmpeg("adts", "aac", samples=short), make.ffmpeg("latm", "aac", samples=short)]
    found["wma"] = [make.ffmpeg("asf", "wmav2", 44100, samples=short)]
    return found


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to eight changes: bits, numbers at their edges, pieces cut out, doubled or moved; half of them in the head."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        if len(data) < 16:
            break
        head = min(len(data), 600) if rng.random() < 0.5 else len(data)
        place, size = int(rng.integers(head - 8)), int(rng.integers(1, 200))
        if rng.random() < 0.3 and (marks := [data.find(mark) for mark in MARKS if mark in data]):
            place = min(len(data) - 8, int(rng.choice(marks)) + int(rng.integers(0, 40)))
        match rng.integers(7):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place : place + 4] = struct.pack(rng.choice(["<I", ">I"]), int(rng.choice(EDGES)))
            case 2:
                data[place : place + 2] = struct.pack(rng.choice(["<H", ">H"]), int(rng.choice(EDGES)) & 0xFFFF)
            case 3:
                del data[place : place + size]
            case 4:
                data[place:place] = data[place : place + size]
            case 5:
                data[place : place + size] = rng.bytes(size)
            case 6:
                data = data[: max(16, int(rng.integers(len(data))))]
    return bytes(data)


def mended(data: bytes, kind: str) -> bytes:
    """An Ogg whose pages have true checksums again, so that what is in them is read."""
    from zoo.audio_containers import _crc

    data, place = bytearray(data), 0
    while kind in ("ogg", "opus") and (place := data.find(b"OggS", place)) >= 0 and place + 27 < len(data):
        count = data[place + 26]
        size = 27 + count + sum(data[place + 27 : place + 27 + count])
        page = bytes(data[place : place + size])
        data[place + 22 : place + 26] = _crc(page).to_bytes(4, "little")
        place += max(27, len(page))
    return bytes(data)


def mutation(kind: str, number: int, files: dict) -> bytes:
    """The same bytes for a kind and a number in every run."""
    rng = np.random.default_rng([KINDS.index(kind), number])
    data = mutated(files[kind][number % len(files[kind])], rng)
    return mended(data, kind) if rng.random() < 0.7 else data


def judge(data: bytes) -> str:
    """What `load_audio` makes of a file: "heard", "warned", "refused", or a fault."""
    from zoo.audio import load_audio
    from zoo.errors import AudioError

    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            samples = load_audio(data, 16000)
        others = [w for w in said if w.category.__name__ != "AudioWarning"]
        if others:
            return f"fault: {others[0].category.__name__}: {str(others[0].message)[:80]}"
        if (
            samples.dtype != np.float32
            or samples.ndim != 1
            or not np.isfinite(samples).all()
            or np.abs(samples).max() > 1
        ):
            return "fault: no proper samples"
        return "warned" if said else "heard"
    except AudioError as error:
        message = str(error)
        return "refused" if "\n" not in message and len(message) < 300 else f"fault: message {message[:100]!r}"
    except BaseException as error:
        return f"fault: {type(error).__name__}: {str(error)[:80]}"


def child(kind: str, start: int, count: int) -> None:
    """Judges mutations and prints one JSON line before each, one for each fault, and at last the counts."""
    files, counts, slowest = seeds(), Counter(), 0.0
    judge(files["m4a"][0])
    judge(files["ogg"][0])  # what is imported on first need is no mutation's fault
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY, 4 * MEMORY))
    for number in range(start, start + count):
        data = mutation(kind, number, files)
        print(json.dumps({"at": number}), flush=True)
        signal.alarm(SECONDS)  # the default action ends the process
        began = time.perf_counter()
        answer = judge(data)
        slowest = max(slowest, time.perf_counter() - began)
        signal.alarm(0)
        if peak() > MEMORY and not answer.startswith("fault"):
            answer = f"fault: memory: {peak() >> 20} MB"
        counts[answer.split(":")[0]] += 1
        if answer.startswith("fault"):
            print(json.dumps({"number": number, "answer": answer}), flush=True)
    print(json.dumps({"counts": counts, "slowest": slowest, "peak_mb": peak() >> 20}), flush=True)


def peak() -> int:
    """The most bytes of memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_batch(kind: str, start: int, count: int) -> dict:
    """Runs a child; one that dies is told apart by where it was, and another goes on behind."""
    found = {"counts": Counter(), "findings": [], "slowest": 0.0, "peak_mb": 0}
    end = start + count
    while start < end:
        command = [sys.executable, __file__, "--child", kind, str(start), str(end - start)]
        ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONFAULTHANDLER": "1"})
        lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
        last = max((line["at"] for line in lines if "at" in line), default=start)
        for line in lines:
            if "number" in line:
                found["findings"].append([kind, line["number"], line["answer"]])
            found["counts"].update(line.get("counts", {}))
            for name in ("slowest", "peak_mb"):
                found[name] = max(found[name], line.get(name, 0))
        if ran.stderr.strip():
            found["findings"].append([kind, f"{start}-{last}", f"printed: {ran.stderr.strip()[:300]}"])
        if ran.returncode == 0:
            break
        reason = "hang" if ran.returncode == -signal.SIGALRM else f"crash {ran.returncode}"
        found["findings"].append([kind, last, reason])
        found["counts"].update({reason: 1})
        start = last + 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "fuzz.json")
    parser.add_argument("--child", nargs=3)
    parser.add_argument("--again", nargs=2, metavar=("KIND", "NUMBER"), help="Judge one mutation and keep it in runs/.")
    asked = parser.parse_args()
    if asked.child:
        child(asked.child[0], int(asked.child[1]), int(asked.child[2]))
        return
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    if asked.again:
        kind, number = asked.again[0], int(asked.again[1])
        data = mutation(kind, number, seeds())
        path = asked.out.parent / f"{kind}-{number}.bin"
        path.write_bytes(data)
        print(path, len(data), judge(data))
        return
    kinds = asked.kinds.split(",")
    done = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    batches = -(-asked.mutations // (BATCH * len(kinds)))
    for number in range(batches):
        for kind in kinds:
            if (key := f"{kind}-{number}") not in done:
                done[key] = run_batch(kind, number * BATCH, BATCH)
                asked.out.write_text(json.dumps(done))
                for finding in done[key]["findings"]:
                    print(*finding, flush=True)
    findings = 0
    print(f"{'kind':6}{'heard':>8}{'warned':>8}{'refused':>8}{'faults':>8}{'slowest s':>11}{'peak MB':>9}")
    for kind in kinds:
        batches = [batch for key, batch in done.items() if key.split("-")[0] == kind]
        counts = sum((Counter(batch["counts"]) for batch in batches), Counter())
        faults = sum(len(batch["findings"]) for batch in batches)
        findings += faults
        slowest, peak = (max(batch[name] for batch in batches) for name in ("slowest", "peak_mb"))
        print(f"{kind:6}{counts['heard']:8}{counts['warned']:8}{counts['refused']:8}{faults:8}{slowest:11.2f}{peak:9}")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
