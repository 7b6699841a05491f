"""Subtitles: a transcript's words as lines that can be read while they are heard, written as SRT or WebVTT.

    Transcript -> `segments`, of a few seconds and at most two lines each -> `srt` or `vtt`

A segment ends at a pause where there is one: among all ways to divide the words, the one with few segments, of similar
lengths, that end at long pauses is chosen (dynamic programming, as TeX breaks paragraphs).

Sources: SubRip's .srt; WebVTT, W3C (w3.org/TR/webvtt1); the limits are those of public broadcasters.
"""

import html
from collections.abc import Iterator
from dataclasses import dataclass, replace
from textwrap import wrap
from types import MappingProxyType

from zoo.decoding.transcripts import Transcript, Word

WIDTH, LINES = 42, 2  # characters of a line, lines of a segment
MOST_SECONDS = 7.0  # of a segment
LEAST_SECONDS = 1.0  # of a segment, where the next one does not begin before
PAUSE = 1.0  # seconds without a word that always end a segment


@dataclass(frozen=True)
class Segment:
    """A subtitle."""

    start: float  # seconds
    end: float  # seconds, after `start` and not after the start of the next
    text: str  # at most LINES lines, with a line break between


def segments(transcript: Transcript) -> list[Segment]:
    """Divide the words of a transcript into subtitles, in order.

    >>> words = [Word(text, i, i + 0.8, 1.0) for i, text in enumerate("one two three".split())]
    >>> [segment.text for segment in segments(Transcript("one two three", tuple(words), 1.0, 3.0))]
    ['one two three']
    """
    words, found = [piece for word in transcript.words for piece in _pieces(word)], []
    for first, last in _divide(words):
        start = max(words[first].start, found[-1].end if found else 0.0)
        after = words[last].start if last < len(words) else max(transcript.duration, words[-1].end)
        end = min(max(words[last - 1].end, start + LEAST_SECONDS), start + MOST_SECONDS, max(after, start + 0.001))
        found.append(Segment(start, end, _lines(words[first:last])))
    return found


def srt(transcript: Transcript) -> str:
    """Write subtitles in SubRip's format, "" for a transcript without words.

    >>> print(srt(Transcript("hello", (Word("hello", 61.5, 63.0, 1.0),), 1.0, 70.0)))
    1
    00:01:01,500 --> 00:01:03,000
    hello
    <BLANKLINE>
    """
    cues = enumerate(segments(transcript), 1)
    return "\n".join(f"{number}\n{_times(cue).replace('.', ',')}\n{cue.text}\n" for number, cue in cues)


def vtt(transcript: Transcript) -> str:
    r"""Write subtitles in WebVTT, which browsers show under a `<video>` by `<track>`.

    >>> vtt(Transcript("hello", (Word("hello", 61.5, 63.0, 1.0),), 1.0, 70.0))
    'WEBVTT\n\n00:01:01.500 --> 00:01:03.000\nhello\n'
    """
    cues = [f"{_times(cue)}\n{html.escape(cue.text, quote=False)}\n" for cue in segments(transcript)]
    return "\n".join(["WEBVTT\n", *cues])


FORMATS = MappingProxyType({"srt": srt, "vtt": vtt})  # suffix -> what writes it


def _pieces(word: Word) -> Iterator[Word]:
    """A word in pieces that fit a line; most are one piece. Each has its share of the time."""
    each = (word.end - word.start) / max(1, len(word.text))
    for first in range(0, len(word.text), WIDTH):
        text = word.text[first : first + WIDTH]
        start = word.start + first * each
        yield replace(word, text=text, start=start, end=start + len(text) * each)


def _divide(words: list[Word]) -> Iterator[tuple[int, int]]:
    """(first, after the last) word of each segment: the cheapest division."""
    cost, begins = [0.0], []  # of the best division of the first n words, and where its last segment begins
    for last in range(1, len(words) + 1):
        choices = []
        for first in range(last - 1, -1, -1):
            pause = words[first].start - words[first - 1].end if first else PAUSE
            alone = first == last - 1  # one word is a segment, however long it takes
            if not (alone or _fits(words[first:last])):
                break
            full = sum(len(word.text) + 1 for word in words[first:last]) / (WIDTH * LINES)
            choices.append((cost[first] + 1 + full**2 + 1 - min(1.0, max(0.0, pause) / PAUSE), first))
            if pause >= PAUSE:
                break
        best, first = min(choices)
        cost.append(best)
        begins.append(first)
    ends, last = [], len(words)
    while last:
        ends.append((begins[last - 1], last))
        last = begins[last - 1]
    yield from reversed(ends)


def _fits(words: list[Word]) -> bool:
    short = words[-1].end - words[0].start <= MOST_SECONDS
    return short and len(wrap(" ".join(word.text for word in words), WIDTH)) <= LINES


def _lines(words: list[Word]) -> str:
    """The text, of two lines that are as equal as can be where one is too short for it."""
    text = " ".join(word.text for word in words)
    if len(text) <= WIDTH:
        return text
    spaces = [i for i, letter in enumerate(text) if letter == " "]
    place = min(spaces, key=lambda i: max(i, len(text) - i - 1))
    return f"{text[:place]}\n{text[place + 1 :]}"


def _times(cue: Segment) -> str:
    return f"{_clock(cue.start)} --> {_clock(cue.end)}"


def _clock(seconds: float) -> str:
    """Hours, minutes, seconds and thousandths."""
    whole, thousandths = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"
