"""Data sets in synthetic voices: sentences of the grammar, everyday ones, any text, words, commands, joined digits.

They cover voices that a few recorded speakers do not. In each, training, validation and test have no voice in common,
and drawing is alike on every machine with the same programs. What the cache lacks is spoken first: some hundred
sentences a second by espeak-ng, a quarter of a sentence by Kokoro's neural voices. `source` is a folder to use in place of the cache.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import cycle, islice, repeat
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from zoo.datasets import FileRecording, Utterance, register, speech_commands
from zoo.datasets.archives import cache_folder
from zoo.datasets.commands import Task, label
from zoo.datasets.connected_digits import LONGEST, Count, Seed, draw_strings, joined
from zoo.datasets.manifests import manifest
from zoo.datasets.speech_synthesis import grammar
from zoo.datasets.speech_synthesis.voices import (
    ACCENTS,
    FLITE_PITCH,
    Engine,
    Line,
    draw_line,
    programs_for,
    speak_all,
    voices,
)
from zoo.errors import DataError

SPLITS = ("train", "validation", "test")
ENGINE = "who speaks: espeak-ng (with flite) or kokoro, neural voices at a second of speech a second (espeak-ng)"
SPEAKABLE = re.compile(r"[A-Za-z'\u2019 ,;:.!?()\"\u201c\u201d-]*[A-Za-z]{2}[A-Za-z'\u2019 ,;:.!?()\"\u201c\u201d-]*")
ONE_BREATH = [1.0, 0.0, 0.0, 0.0]
Takes = Annotated[int, Field(ge=0, le=200_000)]  # 0 is each text once
Share = Annotated[float, Field(ge=0, le=1)]


def rng_of(split: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(split.encode())])


def _folder(name: str, split: str, source: str | Path | None) -> Path:
    return Path(source or cache_folder() / name) / split


def _utterances(name: str, split: str, source: str | Path | None, lines: Sequence[Line]) -> list[Utterance]:
    files = map(FileRecording, speak_all(lines, _folder(name, split, source)))
    return [Utterance(line.id, line.text, line.speaker, file) for line, file in zip(lines, files, strict=True)]


def _lines(
    texts: Iterable[str], split: str, seed: int, rng: np.random.Generator, pauses: list[float], engine: Engine
) -> list[Line]:
    programs = programs_for(split, engine)
    return [draw_line(f"{split}-{seed}-{i:05d}", text, split, rng, programs, pauses) for i, text in enumerate(texts)]


def _in_turn(
    texts: Sequence[str], split: str, count: int, seed: int, pauses: list[float], engine: Engine
) -> list[Line]:
    """Returns `count` lines, from the first text again where there are fewer; 0 is each text once."""
    return _lines(islice(cycle(texts), count or len(texts)), split, seed, rng_of(split, seed), pauses, engine)


def plan(
    split: str, count: int, seed: int, digits_share: float, letters_share: float, engine: Engine = "espeak-ng"
) -> list[Line]:
    """Returns `count` lines of `synthetic`; a larger count only adds lines."""
    rng = rng_of(split, seed)
    drawn = (grammar.sentence(rng, digits_share, letters_share) for _ in repeat(None))
    texts = islice((text for text in drawn if grammar.part_of(text) == split), count)
    # people spell and dictate with pauses, in bursts, or in one breath
    return _lines(texts, split, seed, rng, [0.4, 0.3, 0.2, 0.1], engine)


@register(
    "synthetic",
    splits=SPLITS,
    count="number of sentences (3000)",
    seed="of sentences and voices (0)",
    digits_share="share of digit strings (0.35)",
    letters_share="share of spelled letters and mixes (0.35)",
    engine=ENGINE,
)
def synthetic(
    split: str,
    source: str | Path | None = None,
    count: Count = 3000,
    seed: Seed = 0,
    digits_share: Share = 0.35,
    letters_share: Share = 0.35,
    engine: Engine = "espeak-ng",
) -> list[Utterance]:
    """Synthetic speech: digits, spelled names, numbers, dates and commands by espeak-ng and flite in many voices, 16 kHz.

    The splits have no sentence in common.
    """
    if (total := digits_share + letters_share) > 1:
        raise DataError(f"`digits_share` and letters_share must be at most 1 together. Received: {total}.")
    return _utterances("synthetic", split, source, plan(split, count, seed, digits_share, letters_share, engine))


def texts(split: str) -> list[str]:
    """Returns the everyday sentences of a split, in the order of data/manifests/sentences.csv."""
    return [row["text"] for row in manifest("sentences") if row["split"] == split]


@register(
    "sentences",
    splits=SPLITS,
    count="number of utterances (each sentence once)",
    seed="of voices (0)",
    engine=ENGINE,
)
def sentences(
    split: str, source: str | Path | None = None, count: Takes = 0, seed: Seed = 0, engine: Engine = "espeak-ng"
) -> list[Utterance]:
    """Sentences: 4,000 everyday English sentences from a small grammar, spoken by synthetic voices, 16 kHz.

    Some 700 words in a hundred patterns ("the bus leaves at nine in the morning", scripts/make_sentences.py). The
    splits share words and patterns but no sentence.
    """
    lines = _in_turn(
        texts(split), split, count, seed, [0.8, 0.2, 0.0, 0.0], engine
    )  # sentences are said nearly in one breath
    return _utterances("sentences", split, source, lines)


@register(
    "read_aloud",
    splits=SPLITS,
    texts="text file, one sentence a line",
    count="number of utterances (each sentence once)",
    seed="of voices (0)",
    engine=ENGINE,
)
def read_aloud(
    split: str,
    source: str | Path | None = None,
    texts: str = "",
    count: Takes = 0,
    seed: Seed = 0,
    engine: Engine = "espeak-ng",
) -> list[Utterance]:
    """Any text: the sentences of a file, read by synthetic voices, 16 kHz.

    The splits share neither a sentence nor a voice. Lines with symbols other than letters and punctuation are left
    out: how a number is read is not known.
    """
    lines = [" ".join(line.split()).rstrip(" ,;:.") for line in _read_lines(texts)]
    spoken = [
        line for line in dict.fromkeys(lines) if SPEAKABLE.fullmatch(line) and grammar.part_of(_spelled(line)) == split
    ]
    if not spoken:
        raise DataError(f"`texts` must have sentences of letters in the {split} split. Received: {texts}.")
    said = _utterances("read_aloud", split, source, _in_turn(spoken, split, count, seed, ONE_BREATH, engine))
    return [replace(utterance, text=_spelled(utterance.text)) for utterance in said]


def _spelled(sentence: str) -> str:
    """Returns the transcript of a sentence: letters, apostrophes and single spaces."""
    return " ".join(re.sub(r"[^a-z' ]", " ", sentence.lower().replace("\u2019", "'")).split())


def _read_lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"`texts` must be a text file with a sentence a line. Received: {path!r} ({error}).") from None


NUMBERS = {*grammar.DIGITS, *grammar.TEENS, *grammar.TENS, *grammar.ORDINALS}
LIKE_NUMBERS = set("oh o hundred thousand half once twice to too for fore won ate tree free sex fife".split())


@cache
def word_list() -> tuple[str, ...]:
    """Returns the words of `synthetic_words`, sorted: those of the sentences, letters, commands and months.

    No number is among them, and nothing that sounds like one: digits are new words to a model of these.
    """
    words = {word for row in manifest("sentences") for word in row["text"].split()}
    words |= {*grammar.LETTERS, *grammar.COMMANDS, *grammar.MONTHS}
    return tuple(sorted(words - NUMBERS - LIKE_NUMBERS))


@register(
    "synthetic_words", splits=SPLITS, count="number of takes (each word once)", seed="of voices (0)", engine=ENGINE
)
def synthetic_words(
    split: str, source: str | Path | None = None, count: Takes = 0, seed: Seed = 0, engine: Engine = "espeak-ng"
) -> list[Utterance]:
    """Single words that are not numbers (letters, commands, words of `sentences`), by synthetic voices, 16 kHz."""
    lines = _in_turn(word_list(), split, count, seed, ONE_BREATH, engine)
    return _utterances("synthetic_words", split, source, lines)


@register(
    "synthetic_commands",
    splits=SPLITS,
    count="number of takes (5000), half of them commands",
    seed="of words and voices (0)",
    engine=ENGINE,
    task="12 or 35: classes, as of commands (12)",
)
def synthetic_commands(
    split: str,
    source: str | Path | None = None,
    count: Count = 5000,
    seed: Seed = 0,
    engine: Engine = "espeak-ng",
    task: Task = "12",
) -> list[Utterance]:
    """The words of `commands` by synthetic voices, 16 kHz: ten commands, and `unknown`, which is any other word."""
    rng = rng_of(split, seed)
    others = sorted({*speech_commands.OTHERS, *word_list()} - {*speech_commands.COMMANDS})
    # half of the other words are those of Speech Commands
    words = [(speech_commands.COMMANDS, speech_commands.OTHERS, others)[kind] for kind in (0, 1, 0, 2)]
    texts = [str(rng.choice(words[i % 4])) for i in range(count)]
    said = _utterances("synthetic_commands", split, source, _in_turn(texts, split, count, seed, ONE_BREATH, engine))
    return [replace(utterance, text=label(utterance.text, task)) for utterance in said]


TAKES = 2  # of each digit by each speaker
# A voice that says a whole string runs its words together; takes that were cut out and joined sound different. FSDD's
# takes were cut by loudness, which left some speakers only the vowels of "six" and "two"; each speaker has a threshold.
TRIM_DB = (-40, -10)
STRETCH = (0.7, 1.15)  # shortest and longest, of the durations of an unhurried take
PITCH_RANGE = 0.25  # octaves, a flite voice is moved by at most this


def digit_speakers(
    split: str, accents: int, seed: int, engine: Engine = "espeak-ng"
) -> dict[str, tuple[list[Line], float]]:
    """Returns speaker -> (takes in the order of digits, threshold of trimming in dB), `accents` speakers a voice."""
    rng = rng_of(split, seed)
    people = []
    for program in programs_for(split, engine):
        for voice in (voice for voice in voices(split, program) for _ in range(accents)):
            if program == "kokoro":
                people.append((program, voice, 0))
            elif program == "flite":
                people.append((program, voice, FLITE_PITCH[voice] * 2 ** rng.uniform(-PITCH_RANGE, PITCH_RANGE)))
            else:
                people.append((program, f"{rng.choice(ACCENTS)}+{voice}", rng.uniform(20, 80)))
    found = {}
    for number, (program, voice, pitch) in enumerate(people):
        takes = []
        for name, word in ((f"{i}-{take}", word) for i, word in enumerate(grammar.DIGITS) for take in range(TAKES)):
            stretch = rng.uniform(*STRETCH)
            rate = round({"flite": stretch, "kokoro": 1 / stretch}.get(program, 170 / stretch), 2)
            takes.append(Line(f"{number:03d}-{name}", word, program, voice, rate, round(pitch), 0, "", 0.0, 0.0))
        found[f"{number:03d}"] = (takes, round(rng.uniform(*TRIM_DB), 1))
    return found


@register(
    "synthetic_digits",
    splits=SPLITS,
    count="number of strings (2000)",
    seed="of voices and strings (0)",
    accents="speakers made of each voice (4)",
    longest="digits of the longest strings (7); 1 makes single words",
    engine=ENGINE,
)
def synthetic_digits(
    split: str,
    source: str | Path | None = None,
    count: Count = 2000,
    seed: Seed = 0,
    accents: Annotated[int, Field(ge=1, le=20)] = 4,
    longest: Annotated[int, Field(ge=1, le=LONGEST)] = LONGEST,
    engine: Engine = "espeak-ng",
) -> list[Utterance]:
    """Digits of synthetic voices, joined into strings as `connected_digits` joins those of people, 8 kHz."""
    people = digit_speakers(split, accents, seed, engine)
    takes = [line for lines, _ in people.values() for line in lines]
    spoken = speak_all(takes, _folder("synthetic_digits", split, source))
    files = {line.id: file for line, file in zip(takes, spoken, strict=True)}

    def utterance(row: dict[str, str]) -> Utterance:
        (line, *_), trim_db = people[row["speaker"]]
        return joined(row, line.speaker, lambda digit, take: files[f"{row['speaker']}-{digit}-{take}"], trim_db)

    return [utterance(row) for row in draw_strings(f"{split}-{seed}", list(people), range(TAKES), count, seed, longest)]
