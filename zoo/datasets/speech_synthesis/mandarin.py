"""Mandarin in synthetic voices: words, and strings of digits joined as `connected_digits` joins those of people.

espeak-ng has a hundred voices for Mandarin; it is given pinyin, since it has characters but not their tones. Kokoro's eight voices are
the clips of `kokoro_words`. Training and validation have no voice in common; the test of the strings has the takes of two
people (`audio_cmn`), one of each digit, joined in many ways.
"""

from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from zoo.datasets import FileRecording, Recording, Utterance, audio_cmn, kokoro_words, register
from zoo.datasets.archives import cache_folder
from zoo.datasets.connected_digits import LONGEST, Count, Seed, draw_strings, joined
from zoo.datasets.speech_synthesis.synthetic import STRETCH, TAKES, rng_of
from zoo.datasets.speech_synthesis.voices import Line, programs_for, speak_all, voices
from zoo.errors import DataError

VOICE, PACE = "cmn-latn-pinyin", 170  # of espeak-ng; words a minute
# Ends of takes below the loudest 10 ms are cut; where more is, as of English digits, si and shi lose their consonant.
TRIM_DB = (-45, -30)
DIGITS = tuple("零一二三四五六七八九")
WORDS = audio_cmn.SYLLABLES | {
    "不是": "bu2 shi4", "你好": "ni3 hao3", "红色": "hong2 se4", "绿色": "lü4 se4", "开灯": "kai1 deng1", "关灯": "guan1 deng1",
    "打开": "da3 kai1", "关闭": "guan1 bi4", "向前": "xiang4 qian2", "后退": "hou4 tui4",
}  # fmt: skip
Takes = dict[str, Callable[[str, str], Recording]]  # speaker -> (digit, number of the take) -> recording


def _line(name: str, word: str, voice: str, rng: np.random.Generator) -> Line:
    """A word in a voice of espeak-ng, at a random pace and pitch."""
    pace, pitch = round(PACE / rng.uniform(*STRETCH), 2), round(rng.uniform(20, 80))
    return Line(name, WORDS[word], "espeak-ng", f"{VOICE}+{voice}", pace, pitch, 0, "", 0.05, 0.05)


def _voices(split: str) -> list[str]:
    """espeak-ng's voices of a split. Raises DataError without the program, which flite cannot stand in for."""
    programs_for(split)
    if found := voices(split, "espeak-ng"):
        return found
    raise DataError(f"No Mandarin voices of the {split} split are installed: sudo apt-get install espeak-ng.")


def _spoken(split: str, source: str | Path | None, lines: list[Line]) -> list[str]:
    return speak_all(lines, Path(source or cache_folder() / "mandarin") / split)


@register(
    "synthetic_mandarin",
    splits=("train", "validation"),
    count="number of takes (3000)",
    seed="of voices (0)",
)
def words(split: str, source: str | Path | None = None, count: Count = 3000, seed: Seed = 0) -> list[Utterance]:
    """The 30 Mandarin words of `kokoro_words` by espeak-ng's voices, 16 kHz."""
    rng, there = rng_of(split, seed), _voices(split)
    said = list(islice(cycle(WORDS), count))
    lines = [_line(f"{split}-{seed}-{i:05d}", word, str(rng.choice(there)), rng) for i, word in enumerate(said)]
    files = _spoken(split, source, lines)
    return [
        Utterance(line.id, word, line.speaker, FileRecording(file))
        for line, word, file in zip(lines, said, files, strict=True)
    ]


def _people(split: str, source: str | Path | None) -> tuple[Takes, int]:
    """The real or Kokoro's speakers of a split, and how many takes of each digit each has."""
    clips = (audio_cmn.utterances(split, source) if split == "test"
             else kokoro_words.utterances(split, source, language="mandarin"))  # fmt: skip
    takes: dict[str, dict[str, list]] = {}
    for clip in clips:
        if clip.text in DIGITS:
            takes.setdefault(clip.speaker, {}).setdefault(clip.text, []).append(clip.recording)
    found = {
        speaker: lambda digit, take, mine=mine: mine[DIGITS[int(digit)]][int(take)] for speaker, mine in takes.items()
    }
    return found, min(len(recordings) for mine in takes.values() for recordings in mine.values())


def _robots(split: str, seed: int) -> tuple[Takes, int]:
    """espeak-ng's speakers of a split, and how many takes of each digit each has."""
    rng, lines = rng_of(split, seed), {}
    for voice in _voices(split):
        for digit, take in ((digit, take) for digit in range(10) for take in range(TAKES)):
            lines[voice, str(digit), str(take)] = _line(f"{voice}-{digit}-{take}", DIGITS[digit], voice, rng)
    files = dict(zip(lines, map(FileRecording, _spoken(split, None, list(lines.values()))), strict=True))
    return {
        voice: lambda digit, take, voice=voice: files[voice, digit, take] for voice in {key[0]: None for key in lines}
    }, TAKES


@register(
    "mandarin_digits",
    splits=("train", "validation", "test"),
    count="number of strings (2000; of the test 200)",
    seed="of voices and strings (0)",
)
def digits(split: str, source: str | Path | None = None, count: Count = 0, seed: Seed = 0) -> list[Utterance]:
    """Strings of 1 to 7 Mandarin digits, joined: two people's takes in the test, else half Kokoro, half espeak-ng, 8 kHz."""
    sources = [_people(split, source), *([] if split == "test" else [_robots(split, seed)])]
    number, made = (count or (200 if split == "test" else 2000)) // len(sources), []
    for takes, each in sources:
        rng = rng_of(split, seed)
        trims = {speaker: None if split == "test" else round(rng.uniform(*TRIM_DB), 1) for speaker in takes}
        rows = draw_strings(f"{split}-{seed}", [*takes], range(each), number, seed, LONGEST)
        made += [joined(row, who := row["speaker"], takes[who], trims[who], DIGITS) for row in rows]
    return made
