"""Voices: espeak-ng and flite speak lines of text in many voices, accents, rates and pitches; each file is kept in a cache.

Training, validation and test have no voice in common.

Programs: espeak-ng (https://github.com/espeak-ng/espeak-ng, GPL-3.0; its output is free of that licence) and
flite (A. Black and K. Lenzo, 2001). `sudo apt-get install espeak-ng flite` brings both.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from zoo.audio import load_audio, resample
from zoo.datasets.extraction import explained
from zoo.datasets.speech_synthesis import kokoro
from zoo.errors import DataError
from zoo.files import write_wav

RATE = 16000  # Hz, of the files in the cache
PROCESSES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
ENDS = (0.05, 0.4)  # seconds of silence at each end; the programs begin and end at once
TIMEOUT = 60  # seconds after which a program counts as hanging

ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
ACCENT_WEIGHTS = (0.44, 0.14, 0.07, 0.09, 0.06, 0.06, 0.06, 0.08)
VARIANTS = tuple(
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 adam Alex Alicia Andrea Andy Annie anika antonio aunty belinda benjamin "
    "boris david Denis Diogo ed edward edward2 Gene Gene2 grandma grandpa gustave Henrique Hugo iven iven2 iven3 "
    "iven4 Jacky john kaukovalta klatt klatt2 klatt3 klatt4 klatt5 Lee linda marcelo Marco Mario max Michael "
    "michel miguel Mike Nguyen norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 steph3 travis "
    "victor zac".split()
)
WHISPERS = ("whisper", "whisperf")  # one line in a hundred
FLITE = ("kal16", "awb", "rms", "slt")
FLITE_PITCH = {"kal16": 95, "awb": 125, "rms": 100, "slt": 170}  # Hz, each voice's own mean, about
HELD_OUT = {
    "validation": ("f4", "m7", "Andy", "linda", "klatt3", "pablo", "grandma", "awb"),
    "test": ("f2", "m3", "Alicia", "adam", "klatt5", "travis", "max", "Jacky", "rms"),
}
Engine = Literal["espeak-ng", "kokoro"]  # formant and diphone synthesis, 100 voices; or a neural network, 28 voices
SPEEDS = (0.8, 1.25)  # of kokoro
FLITE_SHARE = 0.2  # of the lines, where both programs are installed
# letters and words that a program would misread
RESPELLED = {"espeak-ng": {"a": "[['eI]]", "rubout": "rub out"}, "flite": {"a": "eigh"}}


@dataclass(frozen=True)
class Line:
    """One text and how it is said."""

    id: str  # start of the file's name
    text: str
    program: str  # "espeak-ng", "flite" or "kokoro"
    voice: str
    rate: float  # words per minute (espeak-ng), stretch of durations (flite) or speed (kokoro)
    pitch: float  # 0 to 99 (espeak-ng) or mean hertz (flite)
    gap: int  # extra silence between words in units of 10 ms (espeak-ng)
    commas: str  # indices of the words that a pause follows
    lead: float  # seconds of silence before the text
    trail: float  # seconds of silence after it

    @property
    def speaker(self) -> str:
        """The voice without its accent: what no two splits share."""
        return f"{self.program}-{self.voice.split('+')[-1]}"

    @property
    def file(self) -> str:
        """Name of its file in the cache; a line that is said differently has another one."""
        return f"{self.id}-{hashlib.sha256(repr(self).encode()).hexdigest()[:12]}.wav"

    def spoken(self) -> str:
        """Returns the text as the program must be given it."""
        respelled, pauses = RESPELLED.get(self.program, {}), set(self.commas.split())
        words = enumerate(self.text.split())
        return " ".join(respelled.get(word, word) + ("," if str(i) in pauses else "") for i, word in words) + "."

    def command(self, file: str) -> list[str]:
        """Returns the call that writes `file`."""
        if self.program == "espeak-ng":
            settings = ["-v", self.voice, "-s", f"{self.rate:.0f}", "-p", f"{self.pitch:.0f}", "-g", str(self.gap)]
            return ["espeak-ng", *settings, "-w", file, "--", self.spoken()]  # a text may begin with a dash
        settings = ["--setf", f"duration_stretch={self.rate:.2f}", "--setf", f"int_f0_target_mean={self.pitch:.0f}"]
        return ["flite", "-voice", self.voice, *settings, "-t", self.spoken(), "-o", file]


def installed() -> tuple[str, ...]:
    """Returns the installed ones of the two programs."""
    return tuple(program for program in ("espeak-ng", "flite") if shutil.which(program))


@cache
def available(program: str) -> tuple[str, ...]:
    """Returns our voices that the installed program has; for an unknown one espeak-ng silently takes its default."""
    if program == "kokoro":
        return tuple(kokoro.voices())
    call = ["flite", "-lv"] if program == "flite" else ["espeak-ng", "--voices=variant"]
    listed = subprocess.run(call, capture_output=True, text=True, timeout=TIMEOUT, check=False).stdout
    there = {word.removeprefix("!v/") for word in listed.split()}
    return tuple(voice for voice in (FLITE if program == "flite" else (*VARIANTS, *WHISPERS)) if voice in there)


def voices(split: str, program: str) -> list[str]:
    """Returns the voices (espeak-ng's variants, flite's and kokoro's voices) that a split may use."""
    held_out = kokoro.HELD_OUT if program == "kokoro" else HELD_OUT
    if split != "train":
        return [voice for voice in available(program) if voice in held_out[split]]
    others = {*WHISPERS, *(voice for part in held_out.values() for voice in part)}
    return [voice for voice in available(program) if voice not in others]


def programs_for(split: str, engine: Engine = "espeak-ng") -> tuple[str, ...]:
    """Returns the installed programs that have voices of a split."""
    if engine == "kokoro":
        kokoro.check()
        return ("kokoro",)
    programs = tuple(program for program in installed() if voices(split, program))
    if not programs:
        raise DataError(f"No voices of the {split} split are installed: sudo apt-get install espeak-ng flite.")
    return programs


def draw_line(
    name: str, text: str, split: str, rng: np.random.Generator, programs: Sequence[str], pauses: Sequence[float]
) -> Line:
    """Returns a text in a random voice of a split; `pauses` are probabilities of no pauses, few, many, and all."""
    words = len(text.split())
    program = programs[-1] if rng.random() < FLITE_SHARE else programs[0]
    voice = str(rng.choice(voices(split, program)))
    pause_prob = rng.choice([0.0, 0.15, 0.4, 1.0], p=pauses)
    commas = " ".join(str(i) for i in range(words - 1) if rng.random() < pause_prob)
    if program == "kokoro":
        rate, gap, pitch = rng.uniform(*SPEEDS), 0, 0
    elif program == "flite":
        rate, gap = rng.uniform(0.75, 1.45), 0
        pitch = FLITE_PITCH[voice] * 2 ** rng.uniform(-0.35, 0.35)
    else:
        if split == "train" and rng.random() < 0.01 and WHISPERS[0] in available(program):
            voice = str(rng.choice(WHISPERS))
        voice = f"{rng.choice(ACCENTS, p=ACCENT_WEIGHTS)}+{voice}"
        rate, pitch = rng.uniform(110, 220), rng.uniform(20, 80)
        gap = int(rng.choice([0, 0, 0, rng.integers(1, 25)]))
    ends = (round(seconds, 2) for seconds in rng.uniform(*ENDS, 2))
    return Line(name, text, program, voice, round(rate, 2), round(pitch), gap, commas, *ends)


def _by_program(line: Line, temporary: Path) -> np.ndarray:
    """Returns what espeak-ng or flite says, at `RATE` Hz."""
    done = subprocess.run(line.command(str(temporary)), capture_output=True, timeout=TIMEOUT, check=False)
    if done.returncode or not temporary.is_file():
        message = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise DataError(f"{line.program} failed to say {line.text!r} with the voice {line.voice}: {message}.")
    return load_audio(temporary, RATE)


def speak(line: Line, destination: Path) -> None:
    """Writes one line as 16 kHz 16-bit WAV; the file appears whole or not at all."""
    temporary = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    try:
        if line.program == "kokoro":
            samples = resample(kokoro.say(line.spoken(), line.voice, line.rate), kokoro.RATE, RATE)
        else:
            samples = _by_program(line, temporary)
        peak = float(np.abs(samples).max())
        # espeak-ng is loud enough to clip; every line gets the same headroom, levels are varied in training
        samples = np.pad(samples * (0.5 / max(peak, 1e-3)), (round(line.lead * RATE), round(line.trail * RATE)))
        write_wav(temporary, samples, RATE)
        os.replace(temporary, destination)
    except subprocess.TimeoutExpired:
        raise DataError(f"{line.program} did not finish saying {line.text!r} within {TIMEOUT} s.") from None
    finally:
        temporary.unlink(missing_ok=True)


def speak_all(lines: Sequence[Line], folder: Path) -> list[str]:
    """Speaks the lines whose files a folder lacks, and returns all files; after an interruption it continues."""
    from rich.console import Console
    from rich.progress import track

    with explained(f"Synthetic speech could not be written to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        there = {entry.name for entry in os.scandir(folder)}
        if missing := [line for line in lines if line.file not in there]:
            with ThreadPoolExecutor(PROCESSES) as pool:  # threads that wait for processes
                steps = pool.map(lambda line: speak(line, folder / line.file), missing)
                bar = track(steps, "Speaking", len(missing), console=Console(stderr=True), transient=True)
                for _ in bar:
                    pass
    return [str(folder / line.file) for line in lines]
