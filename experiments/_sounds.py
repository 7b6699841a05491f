"""Clips for `doubt`: speech that the models know, and what none of them can know, in three parts: "fit", "tune" and "report".

No English word or synthetic language of one part is in another, nor a voice in "fit" and "report"; those of espeak-ng's languages in
"tune" speak English in "fit", and two of those in "report" say digits in "tune". What is no data set of the package is read from archives in
ZOO_DATA, where they are there: Speech Commands, kokoro_words, audio-cmn, kathleen, LibriSpeech.
"""

import csv
import io
import os
import re
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo import datasets
from zoo.audio import load_audio
from zoo.datasets.noise import add_noise, excerpt, load_noise
from zoo.errors import AudioError
from zoo.text import normalise

RATE = 16000  # Hz
PARTS = {"fit": "train", "tune": "validation", "report": "test"}  # part -> split of the package's own sets
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COMMANDS = ("speech_commands_v0.01_part-opus.zip", "speech_commands_v0.02_test-opus.zip")
# Words that the digit models never learnt.
WORDS = {
    "fit": ("bed", "bird", "cat", "dog", "happy", "house", "left", "marvin", "right", "sheila", "tree", "up", "wow"),
    "tune": ("backward", "down", "follow", "go", "visual"),
    "report": ("forward", "learn", "no", "off", "on", "stop", "yes"),
}  # fmt: skip
SAME_SOUND = ("ate", "for", "to", "too", "won")  # as a digit
# Everyday words in languages, by espeak-ng's names; no numbers.
LANGUAGES = {
    "fit": {
        "de": "Haus Wasser Freund morgen Straße Kirche Apfel schreiben grün Vogel danke Bahnhof Schule Tisch Fenster",
        "fr": "maison bonjour cheval rouge fenêtre eau merci pomme école chien arbre jamais soleil voiture fromage",
        "it": "casa acqua amico grazie finestra cavallo rosso scuola strada pane albero sempre chiesa gatto buongiorno",
        "pl": "dom woda przyjaciel dziękuję okno koń czerwony szkoła ulica chleb drzewo zawsze kościół kot dobry",
        "fi": "talo vesi ystävä kiitos ikkuna hevonen punainen koulu katu leipä puu aina kirkko kissa huomenta",
        "vi": "nhà nước bạn ngựa đỏ trường đường bánh cây luôn mèo sáng cửa sổ xanh",
        "sw": "nyumba maji rafiki asante dirisha farasi nyekundu shule barabara mkate mti daima kanisa paka asubuhi",
    },
    "tune": {
        "tr": "ev su arkadaş teşekkürler pencere at kırmızı okul sokak ekmek ağaç her kilise kedi günaydın",
        "sv": "hus vatten vän tack fönster häst röd skola gata bröd träd alltid kyrka katt morgon",
    },
    "report": {
        "es": "casa agua amigo gracias ventana caballo rojo escuela calle pan árbol siempre iglesia gato mañana",
        "hi": "घर पानी दोस्त धन्यवाद खिड़की घोड़ा लाल विद्यालय सड़क रोटी पेड़ हमेशा मंदिर बिल्ली सुबह",
        "ru": "дом вода друг спасибо окно лошадь красный школа улица хлеб дерево всегда церковь кошка утро",
        "cmn": "房子 水 朋友 谢谢 窗户 马 红色 学校 街道 面包 树 永远 教堂 猫 早上",
        "nl": "huis water vriend bedankt raam paard rood school straat brood boom altijd kerk kat morgen",
    },
}  # fmt: skip
VARIANTS = {"fit": ("m1", "f3", "m4", "f5", "m2", "f1"), "tune": ("m8", "m6"), "report": ("m3", "f2", "m7", "f4")}


@dataclass(frozen=True)
class Clip:
    """A sound (samples,) at RATE, what it should give ("" where no model knows), and who or what made it."""

    samples: np.ndarray
    text: str = ""
    source: str = ""


def part_of(key: str) -> str:
    """The part to which a speaker or a voice belongs, by a hash."""
    return list(PARTS)[zlib.crc32(key.encode()) % 3]


def spread(items: list, count: int) -> list:
    """At most `count` items, evenly spaced."""
    return [items[i] for i in np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)]


def of_set(name: str, split: str, most: int, **options) -> list[Clip]:
    """Clips of a data set of the package."""
    found = spread(datasets.load(name, split, **options), most)
    return [Clip(np.asarray(u.audio(RATE), "float32"), u.text, f"{name}-{u.speaker}") for u in found]


# --- archives


def archive(name: str) -> zipfile.ZipFile | None:
    """An archive in ZOO_DATA; None where it is not there."""
    path = Path(os.environ.get("ZOO_DATA", ".")) / name
    return zipfile.ZipFile(path) if path.is_file() else None


def read(files: zipfile.ZipFile, names: list[str], count: int, text: str = "", source: str = "") -> list[Clip]:
    """At most `count` recordings of an archive; damaged ones are left out."""
    found = []
    for name in spread(names, count):
        try:
            found.append(Clip(load_audio(io.BytesIO(files.read(name)), RATE), text, source))
        except (zipfile.BadZipFile, AudioError):
            continue
    return found


def commands(words: tuple[str, ...], part: str, each: int) -> list[Clip]:
    """Words of Speech Commands by the speakers of one part, at most 2 * `each` of a word."""
    found = []
    for files in filter(None, map(archive, COMMANDS)):
        for word in words:
            pairs = [(n, re.match(rf"(?:_unknown_/)?{word}[/_](\w+?)_nohash_", n)) for n in sorted(files.namelist())]
            names = [name for name, parts in pairs if parts and part_of(parts[1]) == part]
            found += read(files, names, each, word if word in DIGITS else "", "commands")
    return found


def kokoro(language: str, part: str, words: tuple[str, ...] | None = None) -> list[Clip]:
    """Words of kokoro_words by the voices of one part; of Mandarin all words."""
    found = []
    if files := archive("kokoro_words-opus.zip"):
        rows = list(csv.DictReader(io.TextIOWrapper(files.open("words.csv"), "utf-8")))
        for row in rows:
            right = row["path"].startswith(language) and (words is None or row["text"] in words)
            if right and part_of(row["speaker"]) == part:
                text = row["text"] if row["text"] in DIGITS else ""
                found += read(files, [row["path"]], 1, text, f"kokoro-{row['speaker']}")
    return found


def cmn(part: str, count: int) -> list[Clip]:
    """Mandarin syllables by one speaker (every other one for fit and for tune), words by another (report)."""
    if not (files := archive("audio-cmn-opus.zip")):
        return []
    folder = "words/" if part == "report" else "syllables/"
    names = sorted(n for n in files.namelist() if n.startswith(folder) and n.endswith(".opus"))
    names = names if part == "report" else names[part == "tune" :: 2]
    return read(files, names, count, "", "audio-cmn")


def english(part: str, count: int) -> list[Clip]:
    """Sentences of books: excerpts of LibriSpeech (fit, and other speakers to report), and kathleen to report."""
    rng, found = np.random.default_rng(1), []
    if files := archive("librispeech_speakers-opus.zip"):
        folder = "test-other" if part == "report" else "train-clean-100"
        names = sorted(n for n in files.namelist() if folder in n and n.endswith(".opus"))
        names = names if part == "report" else [n for n in names if (part_of(n) == "tune") == (part == "tune")]
        for clip in read(files, names, count, "", "LibriSpeech"):
            n = int(rng.uniform(1.5, 5) * RATE)
            first = rng.integers(0, max(1, len(clip.samples) - n))
            found.append(Clip(clip.samples[first : first + n], "", clip.source))
    return found


def kathleen(count: int) -> list[Clip]:
    """Sentences of novels, one reading of each."""
    if not (files := archive("kathleen-opus.zip")):
        return []
    names = {n.split("_1")[0]: n for n in sorted(files.namelist()) if n.endswith(".opus")}
    return [
        Clip(clip.samples, normalise(files.read(name[:-4] + "txt").decode()), "kathleen")
        for name in spread(list(names.values()), count)
        for clip in read(files, [name], 1)
    ]


# --- synthetic voices of other languages


def foreign(part: str, words: int, count: int) -> list[Clip]:
    """`count` clips of so many words each, by espeak-ng."""
    rng, found = np.random.default_rng((words, list(PARTS).index(part))), []
    languages = list(LANGUAGES[part])
    for i in range(count):
        language = languages[i % len(languages)]
        known = LANGUAGES[part][language].split()
        said = " ".join(known[j] for j in rng.permutation(len(known))[:words])
        voice = f"{language}+{rng.choice(VARIANTS[part])}"
        found.append(
            Clip(spoken(said, voice, int(rng.integers(130, 200)), int(rng.integers(35, 65))), "", f"espeak-{language}")
        )
    return found


def spoken(text: str, voice: str, words_per_minute: int, pitch: int) -> np.ndarray:
    """A line as espeak-ng says it, (samples,) at RATE."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/said.wav"
        settings = ["-v", voice, "-s", str(words_per_minute), "-p", str(pitch), "-w", path]
        subprocess.run(["espeak-ng", *settings, "--", text], check=True, capture_output=True, timeout=60)
        return load_audio(path, RATE)


# --- what is no speech


def hiss(n: int, rng: np.random.Generator, slope: float) -> np.ndarray:
    """Noise whose amplitude falls with frequency to the power of `slope`: 0 is white, 0.5 pink, 1 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum *= np.maximum(1, np.arange(len(spectrum))) ** -slope
    sound = np.fft.irfft(spectrum, n)
    return sound / np.abs(sound).max()


def tone(n: int, rng: np.random.Generator) -> np.ndarray:
    """A sine, steady, beeping, swelling or sliding."""
    t, hz = np.arange(n) / RATE, float(np.exp(rng.uniform(np.log(100), np.log(3500))))
    kind = rng.integers(4)
    slide = 2 ** (rng.uniform(-1, 1) * t * (kind == 3))
    sound = np.sin(2 * np.pi * np.cumsum(hz * slide) / RATE)
    if kind == 1:
        sound = sound * ((t * rng.uniform(2, 8)) % 1 < 0.5)
    return sound * np.hanning(n) if kind == 2 else sound


def music(n: int, rng: np.random.Generator) -> np.ndarray:
    """Chords or arpeggios of plucked or held notes with overtones."""
    t, sound = np.arange(n) / RATE, np.zeros(n)
    root, step = 110 * 2 ** (rng.integers(24) / 12), rng.uniform(0.15, 0.6)
    held, broken = rng.random() < 0.5, rng.random() < 0.5
    for beat in range(int(len(t) / RATE / step) + 1):
        chord = root * 2 ** (rng.choice((0, 5, 7, 9)) / 12)
        for i, interval in enumerate((0, rng.choice((3, 4)), 7, 12)):
            if broken and i != beat % 4:
                continue
            since = t - beat * step
            shape = (since >= 0) * np.where(held, since < step, np.exp(-np.clip(since, 0, 9) * 6))
            for overtone in range(1, 6):
                sound += shape * np.sin(2 * np.pi * overtone * chord * 2 ** (interval / 12) * t) / overtone**1.5
    return sound / max(1e-9, np.abs(sound).max())


def clicks(n: int, rng: np.random.Generator) -> np.ndarray:
    """One to eight clicks, single samples or short ringing ones."""
    sound = np.zeros(n)
    for start in rng.integers(0, n - 400, rng.integers(1, 9)):
        length = int(rng.choice((1, 8, 80, 300)))
        sound[start : start + length] += rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
    return sound / np.abs(sound).max()


def hum(n: int, rng: np.random.Generator) -> np.ndarray:
    """Mains hum with its harmonics, and a little hiss."""
    t, mains = np.arange(n) / RATE, rng.choice((50, 60))
    partials = [np.sin(2 * np.pi * mains * k * t + rng.uniform(0, 6)) * rng.random() / k for k in range(1, 8)]
    sound = np.sum(partials, axis=0) + np.sin(2 * np.pi * mains * t) + 1e-3 * rng.standard_normal(n)
    return sound / np.abs(sound).max()


def silence(n: int, rng: np.random.Generator) -> np.ndarray:
    """Digital silence, or the hiss of a quiet room."""
    return rng.choice((0, 1e-4, 1e-3)) * rng.standard_normal(n)


def keypad(n: int, rng: np.random.Generator) -> np.ndarray:
    """Pairs of tones of a telephone's keys."""
    t, step = np.arange(n) / RATE, rng.uniform(0.12, 0.3)
    key = (t / step).astype(int)
    low, high = rng.choice((697, 770, 852, 941), 1 + key[-1])[key], rng.choice((1209, 1336, 1477), 1 + key[-1])[key]
    return ((t / step) % 1 < 0.6) * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)) / 2


def buzz(n: int, rng: np.random.Generator) -> np.ndarray:
    """An engine or a buzzer: a train of pulses, its pitch a little unsteady."""
    phase = np.cumsum(np.exp(0.02 * np.cumsum(rng.standard_normal(n)) / 50) * rng.uniform(25, 250)) / RATE
    return (phase % 1 < 0.3) * 1.0 + 0.05 * rng.standard_normal(n)


SYNTHETIC: dict[str, Callable] = {
    "hiss": lambda n, rng: hiss(n, rng, rng.choice((0, 0.5, 1))),
    "tones": tone, "music": music, "clicks": clicks, "hum": hum, "silence": silence, "keypad": keypad, "buzz": buzz,
}  # fmt: skip
ONLY_REPORTED = ("keypad", "buzz")


def synthetic(kind: str, part: str, seconds: tuple[float, float], count: int) -> Iterator[Clip]:
    """Sounds of one kind, of lengths in a range, at levels down to 30 dB below full scale."""
    for i in range(count):
        rng = np.random.default_rng((i, list(PARTS).index(part), zlib.crc32(kind.encode())))
        sound = SYNTHETIC[kind](int(rng.uniform(*seconds) * RATE), rng)
        yield Clip((sound * 10 ** (rng.uniform(-30, -1) / 20)).astype("float32"), "", kind)


def environment(part: str, seconds: tuple[float, float], count: int) -> list[Clip]:
    """Excerpts of ESC-10, none of them silent: of its training folds (every other clip for fit and for tune), or of the held-out one."""
    rng, found, noises = np.random.default_rng(0), [], load_noise("test" if part == "report" else "train")
    noises = noises if part == "report" else noises[part == "tune" :: 2]
    for noise in (noises * (1 + count // len(noises)))[:count]:
        n = int(rng.uniform(*seconds) * RATE)
        first = int(rng.integers(0, max(1, len(noise) - n)))
        if np.abs(noise[first : first + n]).max() < 1e-3:  # a bark is over
            first = max(0, int(np.abs(noise).argmax()) - n // 2)
        found.append(Clip(noise[first : first + n], "", "ESC-10"))
    return found


def sounds(part: str, seconds: tuple[float, float], count: int) -> dict[str, list[Clip]]:
    """Kind -> clips without speech."""
    kinds = [kind for kind in SYNTHETIC if part == "report" or kind not in ONLY_REPORTED]
    return {"ESC-10": environment(part, seconds, count)} | {
        kind: list(synthetic(kind, part, seconds, count // 4)) for kind in kinds
    }


def with_noise(clips: list[Clip], part: str, share: float = 0.3) -> list[Clip]:
    """Adds a share of the clips once more, in noise of ESC-10 at 5 to 20 dB."""
    rng, noises = np.random.default_rng(2), load_noise("test" if part == "report" else "train")
    chosen = spread(clips, round(share * len(clips)))
    return [
        Clip(
            add_noise(c.samples, excerpt(noises[rng.integers(len(noises))], len(c.samples), rng), rng.uniform(5, 20)),
            c.text,
            c.source,
        )
        for c in chosen
    ]


# --- what a model is asked


def words(part: str, count: int = 300) -> dict[str, dict[str, list[Clip]]]:
    """For classifiers of digits: {"known", "words", "languages", "sounds"} -> kind -> clips."""
    split, wide = PARTS[part], 2 if part == "fit" else 1  # twice as much to learn from
    known = {
        "spoken digits": of_set("spoken_digits", split, 1700), "Speech Commands, digits": commands(DIGITS, part, 100 * wide),
        "Kokoro, digits": kokoro("english", part, DIGITS), "synthetic digits": of_set("synthetic_digits", split, count, count=count, longest=1),
    }  # fmt: skip
    known["in noise"] = with_noise([clip for clips in known.values() for clip in clips], part)
    if part != "tune":
        known["FSDD, known speakers"] = of_set("fsdd", split, 2 * count)
    other = {
        "Speech Commands": commands(WORDS[part], part, 80 * wide), "Kokoro": spread(kokoro("english", part, WORDS[part]), count),
        "spoken words": [c for c in of_set("spoken_words", split, count * wide) if c.text not in SAME_SOUND],
    }  # fmt: skip
    if part == "fit":
        other["synthetic words"] = of_set("synthetic_words", split, 2 * count)
    foreigners = {
        "espeak-ng": foreign(part, 1, count * wide), "Kokoro, Mandarin": spread(kokoro("mandarin", part), count),
        "audio-cmn": cmn(part, count * wide),
    }  # fmt: skip
    return {"known": known, "words": other, "languages": foreigners, "sounds": sounds(part, (0.3, 1.6), count * wide)}


def strings(part: str, count: int) -> list[Clip]:
    """Kokoro's digits, two to six of one voice with short gaps between them."""
    rng, voices = np.random.default_rng(list(PARTS).index(part)), {}
    for clip in kokoro("english", part, DIGITS):
        voices.setdefault(clip.source, []).append(clip)
    found = []
    for i in range(count if voices else 0):
        takes = voices[sorted(voices)[i % len(voices)]]
        chosen = [takes[j] for j in rng.integers(0, len(takes), rng.integers(2, 7))]
        pieces = [
            p for c in chosen for p in (c.samples, 1e-3 * rng.standard_normal(int(rng.uniform(0.02, 0.2) * RATE)))
        ]
        found.append(Clip(np.concatenate(pieces).astype("float32"), " ".join(c.text for c in chosen), chosen[0].source))
    return found


def joined(clips: list[Clip], each: int) -> list[Clip]:
    """Clips of single words as lines of `each` words."""
    lines = [clips[i : i + each] for i in range(0, len(clips) - each + 1, each)]
    return [Clip(np.concatenate([c.samples for c in line]), "", line[0].source) for line in lines]


def sentences(part: str, count: int = 120) -> dict[str, dict[str, list[Clip]]]:
    """For recognizers, as `words`. What is known and what is not is decided by what a recognizer writes of it."""
    split, wide = PARTS[part], 3 if part == "fit" else 1
    learners = "train" if part == "fit" else "validation"
    known = {
        "AN4": of_set("an4", split, count * wide), "Kokoro, digit strings": strings(part, count * wide),
        "synthetic, AN4's kind": of_set("synthetic", split, count * wide, count=count * wide),
        "learners, digit strings": of_set("speechocean762", learners, count, digits_only=True) if part != "tune" else [],
        "synthetic sentences": of_set("sentences", split, count * wide),
    }  # fmt: skip
    if part == "fit":
        known["connected digits"] = of_set("connected_digits", split, count * wide)
    known["in noise"] = with_noise([clip for clips in known.values() for clip in clips], part)
    other = {"LibriSpeech": english(part, count * wide)}
    if part != "tune":
        other["learners"] = of_set("speechocean762", learners, count * wide)
    if part == "report":
        other["kathleen"] = kathleen(count)
    mandarin = joined(kokoro("mandarin", part), 3) + joined(cmn(part, count * wide), 3)
    foreigners = {"espeak-ng": foreign(part, 4, count * wide), "Mandarin": mandarin}
    return {"known": known, "words": other, "languages": foreigners, "sounds": sounds(part, (1.0, 4.0), count * wide)}
