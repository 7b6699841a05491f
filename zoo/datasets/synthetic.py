"""Synthetic speech: espeak-ng and flite speak seeded random sentences in many voices, accents, rates and pitches.

It covers voices that a few recorded speakers do not. The sentences come from the small grammar below (digit strings,
spelled letters and names, mixes, numbers, dates, telephone numbers, addresses, commands) and from no test set. Training,
validation and test have neither a voice nor a sentence in common. The files are made once and kept in the cache.

Programs: espeak-ng (https://github.com/espeak-ng/espeak-ng, GPL-3.0; its output is free of that licence) and
flite (A. Black and K. Lenzo, 2001). `sudo apt-get install espeak-ng flite` brings both.
"""

import csv
import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from zoo.audio import load_audio
from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import cache_folder
from zoo.errors import DataError

RATE = 16000  # Hz, of the files in the cache
VERSION = 2  # of grammar, voices and respellings; another one makes other files
MOST = 200_000  # sentences
PROCESSES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
ENDS = (0.05, 0.4)  # seconds of silence at each end; the programs begin and end at once
SECONDS = 60  # longer means that a program hangs

# ------------------------------------------------------------------------------------------------------- voices

ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
ACCENT_WEIGHTS = (0.44, 0.14, 0.07, 0.09, 0.06, 0.06, 0.06, 0.08)
VARIANTS = tuple(
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 adam Alex Alicia Andrea Andy Annie anika antonio aunty belinda benjamin "
    "boris david Denis Diogo ed edward edward2 Gene Gene2 grandma grandpa gustave Henrique Hugo iven iven2 iven3 "
    "iven4 Jacky john kaukovalta klatt klatt2 klatt3 klatt4 klatt5 Lee linda marcelo Marco Mario max Michael "
    "michel miguel Mike Nguyen norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 steph3 travis "
    "victor zac".split()
)
WHISPERS = ("whisper", "whisperf")  # one sentence in a hundred
FLITE = ("kal16", "awb", "rms", "slt")
FLITE_PITCH = {"kal16": 95, "awb": 125, "rms": 100, "slt": 170}  # Hz, each voice's own mean, about
HELD_OUT = {
    "validation": ("f4", "m7", "Andy", "linda", "klatt3", "pablo", "grandma", "awb"),
    "test": ("f2", "m3", "Alicia", "adam", "klatt5", "travis", "max", "Jacky", "rms"),
}
FLITE_SHARE = 0.2  # of the sentences, where both programs are installed

# letters and words as each program must be told to say what we write
ESPEAK_SAYS = {"a": "[['eI]]", "rubout": "rub out"}
FLITE_SAYS = {"a": "eigh"}


# ------------------------------------------------------------------------------------------------------ grammar

DIGITS = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
MONTHS = "january february march april may june july august september october november december".split()
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth".split()
)
COMMANDS = "yes no go stop help enter erase rubout repeat start".split()
STREETS = "street avenue road drive lane court place boulevard".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NAMES = (
    "james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph jessica "
    "thomas sarah charles karen daniel nancy matthew lisa anthony betty mark sandra donald ashley steven kimberly paul "
    "emily andrew donna joshua michelle kenneth carol kevin amanda brian melissa george deborah timothy stephanie ronald "
    "rebecca edward sharon jason laura jeffrey cynthia ryan kathleen jacob amy gary angela nicholas shirley eric anna "
    "jonathan brenda stephen pamela larry emma justin nicole scott helen brandon samantha benjamin katherine samuel "
    "christine gregory rachel frank carolyn alexander janet raymond catherine patrick maria jack heather dennis diane "
    "jerry ruth tyler julie aaron olivia jose joyce adam virginia nathan victoria henry kelly zachary lauren douglas "
    "christina peter joan kyle evelyn walter judith ethan megan jeremy andrea harold cheryl keith hannah christian jacqueline "
    "roger martha noah gloria gerald teresa carl ann terry sara sean madison austin frances arthur kathryn lawrence janice "
    "jesse jean dylan abigail bryan alice joe julia jordan judy billy sophia bruce grace albert denise willie amber gabriel "
    "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez wilson anderson taylor moore "
    "jackson white harris clark lewis robinson walker young allen king wright torres nguyen hill flores green adams nelson "
    "baker hall rivera campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes "
    "stewart morris morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelley howard ramos kim cox "
    "ward richardson watson brooks chavez wood bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers "
    "long ross foster jimenez powell jenkins perry russell sullivan bell coleman butler henderson barnes gonzales fisher "
    "vasquez simmons romero graham murray freeman wells webb simpson stevens tucker porter hunter hicks crawford boyd mason "
    "kennedy warren dixon burns gordon shaw holmes rice hunt black palmer wagner knight ferguson stone hawkins dunn perkins "
    "hudson spencer gardner stephens payne pierce berry arnold willis ray watkins olson carroll duncan snyder hart bradley "
    "boston denver dallas austin chicago seattle phoenix atlanta memphis detroit buffalo oakland houston cleveland tucson "
    "madison lincoln newark tampa toledo orlando raleigh omaha fresno mesa anchorage cincinnati reno albany quebec zurich"
).split()


def digit_words(rng: np.random.Generator, length: int, oh: float = 0.4) -> list[str]:
    """Digit words; one speaker says either zero or oh throughout."""
    zero = "oh" if rng.random() < oh else "zero"
    return [zero if d == 0 else DIGITS[d] for d in rng.integers(0, 10, length)]


def number_words(value: int, joined: bool = False) -> list[str]:
    """A whole number below ten thousand in words; `joined` says "two hundred and five"."""
    words = []
    if value >= 1000:
        words += [DIGITS[value // 1000], "thousand"]
        value %= 1000
    if value >= 100:
        words += [DIGITS[value // 100], "hundred"]
        value %= 100
    if words and value and joined:
        words.append("and")
    if value >= 20:
        words.append(TENS[value // 10 - 2])
        value %= 10
        return words + ([DIGITS[value]] if value else [])
    if value >= 10:
        return [*words, TEENS[value - 10]]
    return words + ([DIGITS[value]] if value or not words else [])


def pair_words(rng: np.random.Generator, pairs: int) -> list[str]:
    """Two-digit numbers said one after the other: sixty two eleven forty."""
    return [word for value in rng.integers(10, 100, pairs) for word in number_words(int(value))]


def spelled(rng: np.random.Generator) -> list[str]:
    """A name or two, or random letters, letter by letter."""
    kind = rng.random()
    if kind < 0.55:
        return list(NAMES[rng.integers(len(NAMES))])
    if kind < 0.65:
        return list(NAMES[rng.integers(len(NAMES))] + NAMES[rng.integers(len(NAMES))])[:14]
    return [LETTERS[i] for i in rng.integers(0, 26, rng.integers(1, 9))]


def mix(rng: np.random.Generator) -> list[str]:
    """An identifier: a command perhaps, letters, a number."""
    words = [COMMANDS[rng.integers(len(COMMANDS))]] if rng.random() < 0.35 else []
    words += [LETTERS[i] for i in rng.integers(0, 26, rng.integers(1, 6))]
    kind = rng.random()
    if kind < 0.45:
        return words + digit_words(rng, int(rng.integers(1, 5)))
    if kind < 0.75:
        return words + pair_words(rng, int(rng.integers(1, 3)))
    return words + number_words(int(rng.integers(0, 1000)), rng.random() < 0.5)


def date(rng: np.random.Generator) -> list[str]:
    """january fifteenth nineteen sixty two."""
    words = [MONTHS[rng.integers(12)]]
    day = int(rng.integers(1, 32))
    if day <= 20:
        words.append(ORDINALS[day - 1])
    elif day == 30:
        words.append("thirtieth")
    else:
        words += [TENS[day // 10 - 2], ORDINALS[day % 10 - 1]]
    if rng.random() < 0.85:
        year = int(rng.integers(1, 100))
        if rng.random() < 0.2:
            return words + ["two", "thousand", *(["and"] if rng.random() < 0.3 else []), *number_words(year % 30 + 1)]
        words += ["nineteen", *(["oh"] if year < 10 else []), *number_words(year)]
    return words


def telephone(rng: np.random.Generator) -> list[str]:
    """Seven or ten digits, some said in pairs, perhaps after `area code`."""
    words = ["area", "code", *digit_words(rng, 3)] if rng.random() < 0.25 else []
    if rng.random() < 0.3:
        return words + digit_words(rng, 3) + pair_words(rng, 2)
    return words + digit_words(rng, 7 if words or rng.random() < 0.6 else 10)


def address(rng: np.random.Generator) -> list[str]:
    """A house number and a spelled street, or a zip code."""
    kind = rng.random()
    if kind < 0.4:
        return (["zip", "code"] if rng.random() < 0.3 else []) + digit_words(rng, 5)
    number = (
        pair_words(rng, int(rng.integers(1, 3))) if rng.random() < 0.5 else number_words(int(rng.integers(1, 10000)))
    )
    street = list(NAMES[rng.integers(len(NAMES))]) if kind < 0.8 else [ORDINALS[rng.integers(20)]]
    return number + street + [STREETS[rng.integers(len(STREETS))]]


def command(rng: np.random.Generator) -> list[str]:
    """A command, alone or with a number."""
    words = [COMMANDS[rng.integers(len(COMMANDS))]]
    return words + (pair_words(rng, int(rng.integers(1, 3))) if rng.random() < 0.4 else [])


def number(rng: np.random.Generator) -> list[str]:
    """A number to ten thousand, or pairs."""
    if rng.random() < 0.35:
        return pair_words(rng, int(rng.integers(1, 4)))
    return number_words(int(rng.integers(0, 10 ** rng.integers(2, 5))), rng.random() < 0.5)


def sentence(rng: np.random.Generator, digits_share: float, letters_share: float) -> str:
    """One random sentence; what is neither digits nor letters is numbers, dates, telephone numbers, ..."""
    kind = rng.random()
    if kind < digits_share:
        return " ".join(digit_words(rng, int(rng.integers(1, 8))))
    if kind < digits_share + letters_share:
        return " ".join(spelled(rng) if rng.random() < 0.6 else mix(rng))
    rest = (number, date, telephone, address, command)
    return " ".join(rest[rng.integers(len(rest))](rng))


def part_of(text: str) -> str:
    """The one split that a sentence may be in; single words are in training only, for there are too few of them."""
    if " " not in text:
        return "train"
    return {0: "validation", 1: "test"}.get(zlib.crc32(text.encode()) % 12, "train")


# ---------------------------------------------------------------------------------------------------- speaking


@dataclass(frozen=True)
class Line:
    """One sentence and how it is said."""

    id: str
    text: str
    program: str
    voice: str
    rate: float  # words per minute (espeak-ng) or stretch of durations (flite)
    pitch: float  # 0-99 (espeak-ng) or mean hertz (flite)
    gap: int  # extra silence between words, units of 10 ms (espeak-ng)
    commas: str  # positions after which the speaker pauses
    lead: float  # seconds of silence before
    trail: float  # and after
    spelled: bool = True  # "a" is the name of a letter; in a sentence it is the article

    @property
    def speaker(self) -> str:
        """The voice without its accent: what the splits hold apart."""
        return f"{self.program}-{self.voice.split('+')[-1]}"

    def spoken(self) -> str:
        """The text as the program must be given it."""
        says = ESPEAK_SAYS if self.program == "espeak-ng" else FLITE_SAYS
        says = {word: said for word, said in says.items() if self.spelled or word != "a"}
        pauses = set(self.commas.split())
        words = self.text.split()
        return " ".join(says.get(w, w) + ("," if str(i) in pauses else "") for i, w in enumerate(words)) + "."

    def command(self, file: str) -> list[str]:
        """The call that writes `file`."""
        if self.program == "espeak-ng":
            settings = ["-v", self.voice, "-s", f"{self.rate:.0f}", "-p", f"{self.pitch:.0f}", "-g", str(self.gap)]
            return ["espeak-ng", *settings, "-w", file, self.spoken()]
        settings = ["--setf", f"duration_stretch={self.rate:.2f}", "--setf", f"int_f0_target_mean={self.pitch:.0f}"]
        return ["flite", "-voice", self.voice, *settings, "-t", self.spoken(), "-o", file]


@cache
def available(program: str) -> tuple[str, ...]:
    """Those of our voices that the installed program has; asked for another, espeak-ng takes its default in silence."""
    call = ["flite", "-lv"] if program == "flite" else ["espeak-ng", "--voices=variant"]
    said = subprocess.run(call, capture_output=True, text=True, timeout=SECONDS, check=False).stdout
    there = {word.removeprefix("!v/") for word in said.split()}
    return tuple(voice for voice in (FLITE if program == "flite" else (*VARIANTS, *WHISPERS)) if voice in there)


def voices(split: str, program: str) -> list[str]:
    """The voices (espeak-ng's variants, flite's voices) that a split may use."""
    every = [voice for voice in available(program) if voice not in WHISPERS]
    if split == "train":
        held_out = {voice for part in HELD_OUT.values() for voice in part}
        return [voice for voice in every if voice not in held_out]
    return [voice for voice in every if voice in HELD_OUT[split]]


def plan(split: str, count: int, seed: int, digits_share: float, letters_share: float, programs) -> list[Line]:
    """What is said by whom: `count` lines drawn from `seed`, alike on every machine with the same programs."""
    rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
    lines = []
    while len(lines) < count:
        text = sentence(rng, digits_share, letters_share)
        if part_of(text) == split:
            # people spell and dictate with pauses, in bursts, or in one breath
            lines.append(line(f"{split}-{seed}-{len(lines):05d}", text, split, rng, programs, [0.4, 0.3, 0.2, 0.1]))
    return lines


def line(
    name: str, text: str, split: str, rng: np.random.Generator, programs, pausing: list[float], spelled: bool = True
) -> Line:
    """One text in a random voice of the split; `pausing` are the chances of no, few, many pauses and one after each word."""
    words = len(text.split())
    program = programs[-1] if rng.random() < FLITE_SHARE else programs[0]
    voice = str(rng.choice(voices(split, program)))
    often = rng.choice([0.0, 0.15, 0.4, 1.0], p=pausing)
    commas = " ".join(str(i) for i in range(words - 1) if rng.random() < often)
    if program == "flite":
        rate, gap = rng.uniform(0.75, 1.45), 0
        pitch = FLITE_PITCH[voice] * 2 ** rng.uniform(-0.35, 0.35)
    else:
        if split == "train" and rng.random() < 0.01 and WHISPERS[0] in available(program):
            voice = str(rng.choice(WHISPERS))
        voice = f"{rng.choice(ACCENTS, p=ACCENT_WEIGHTS)}+{voice}"
        rate, pitch = rng.uniform(110, 220), rng.uniform(20, 80)
        gap = int(rng.choice([0, 0, 0, rng.integers(1, 25)]))
    ends = (round(seconds, 2) for seconds in rng.uniform(*ENDS, 2))
    return Line(name, text, program, voice, round(rate, 2), round(pitch), gap, commas, *ends, spelled)


def speak(line: Line, destination: Path) -> None:
    """Write one line as 16 kHz 16-bit WAV; the file appears whole or not at all. Raises DataError."""
    import soundfile

    temporary = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    try:
        done = subprocess.run(line.command(str(temporary)), capture_output=True, timeout=SECONDS, check=False)
        if done.returncode or not temporary.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise DataError(f"{line.program} could not say {line.text!r} with the voice {line.voice}: {said[-1:]}.")
        samples = load_audio(temporary, RATE)
        peak = float(np.abs(samples).max())
        # espeak-ng is loud enough to clip; every line gets the same headroom, levels are varied in training
        samples = np.pad(samples * (0.5 / max(peak, 1e-3)), (round(line.lead * RATE), round(line.trail * RATE)))
        whole = io.BytesIO()  # libsndfile has no word for a full disk; Python has
        soundfile.write(whole, samples, RATE, subtype="PCM_16", format="WAV")
        temporary.write_bytes(whole.getvalue())
        os.replace(temporary, destination)
    except subprocess.TimeoutExpired:
        raise DataError(f"{line.program} did not finish saying {line.text!r} within {SECONDS} s.") from None
    except OSError as error:
        raise DataError(
            f"Synthetic speech could not be written to {destination.parent}: {error.strerror or error}; free some space "
            f"or let the environment variable ZOO_CACHE name a folder that can be written."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def installed() -> tuple[str, ...]:
    """Which of the two programs there are. Raises DataError without either."""
    found = tuple(program for program in ("espeak-ng", "flite") if shutil.which(program))
    if not found:
        raise DataError(
            "Synthetic speech needs espeak-ng or flite, and neither is installed: sudo apt-get install espeak-ng flite."
        )
    return found


@register(
    "synthetic",
    splits=("train", "validation", "test"),
    count="number of sentences (3000)",
    seed="of sentences and voices (0)",
    digits_share="share of digit strings (0.35)",
    letters_share="share of spelled letters and mixes (0.35)",
)
def utterances(
    split, source=None, count: int = 3000, seed: int = 0, digits_share: float = 0.35, letters_share: float = 0.35
) -> list[Utterance]:
    """Sentences in synthetic voices; what the cache lacks is spoken first (3000 take a minute or two)."""
    if not 0 < count <= MOST or seed < 0:
        raise DataError(f"A synthetic set has 1 to {MOST} sentences and a seed of at least 0; got {count} and {seed}.")
    if min(digits_share, letters_share) < 0 or digits_share + letters_share > 1:
        raise DataError(f"Shares must be at least 0 and at most 1 together; got {digits_share} and {letters_share}.")
    programs = programs_for(split)
    lines = plan(split, count, seed, digits_share, letters_share, programs)
    # count is not in the name: the first 1000 of 3000 lines are the 1000 lines of the same seed
    recipe = f"{VERSION} {split} {seed} {digits_share} {letters_share} {[available(program) for program in programs]}"
    return spoken(lines, Path(source or cache_folder() / "synthetic"), split, recipe)


def programs_for(split: str) -> tuple[str, ...]:
    """The installed programs that have voices of a split. Raises DataError without any."""
    programs = tuple(program for program in installed() if voices(split, program))
    if not programs:
        raise DataError(
            f"The {split} split has voices of its own, and the installed {' and '.join(installed())} has none of them: "
            f"sudo apt-get install espeak-ng flite."
        )
    return programs


def spoken(lines: list[Line], folder: Path, split: str, recipe: str) -> list[Utterance]:
    """Lines as utterances, spoken where the cache lacks them; `recipe` is all that decides what a line's file holds."""
    place = folder / f"{split}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    make(lines, place)
    return [Utterance(line.id, line.text, line.speaker, FileRecording(str(place / f"{line.id}.wav"))) for line in lines]


def make(lines: list[Line], folder: Path) -> None:
    """Speak the lines whose files are not there yet; killed in the middle, the next call goes on."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {entry.name for entry in os.scandir(folder)}
    except OSError as error:
        raise DataError(
            f"Synthetic speech could not be written to {folder}: {error.strerror or error}; let the environment variable "
            f"ZOO_CACHE name a folder that can be written."
        ) from None
    missing = [line for line in lines if f"{line.id}.wav" not in there]
    if not missing:
        return
    with ThreadPoolExecutor(PROCESSES) as pool:  # threads that wait for processes
        for _ in _progress(pool.map(lambda line: speak(line, folder / f"{line.id}.wav"), missing), len(missing)):
            pass
    _write_list(lines, folder / "lines.csv")


def _write_list(lines: list[Line], path: Path) -> None:
    """What each file says and how, for whoever looks into the cache."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".lines-", delete=False, encoding="utf-8", newline=""
    ) as file:
        writer = csv.DictWriter(file, [*asdict(lines[0]), "spoken"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(line) | {"spoken": line.spoken()} for line in lines)
    os.replace(file.name, path)


def _progress(steps, total: int):
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        return steps
    return track(steps, "Speaking", total=total, console=Console(stderr=True), transient=True)
