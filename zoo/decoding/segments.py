"""Long recordings: heard span by span, and joined again.

A network that was trained on utterances of a few seconds misses words in recordings of minutes, and its memory grows with their length.

    samples (n,) -> `pauses.cut`, spans of some seconds and their parts
                 -> `voices.spoken`, those with a voice in them
                 -> network -> `surest`, a span or its parts -> decoder -> `join`, one Transcript

The length of a pause does not tell whether it ends an utterance or lies within one. So the network gets each span twice, whole and
cut at its short pauses, and the version with the more probable best path counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from zoo.decoding import voices
from zoo.decoding.pauses import Span, cut
from zoo.decoding.transcripts import Transcript, Word, log_softmax
from zoo.text import BLANK

SPANS = 64  # clips, or spans of long ones, between two lines of progress
CUT_COST = 1.0  # nats by which the parts must be more probable than the whole, for each cut
BLANK_LOGIT = 20.0  # logit of the blank where nobody speaks, above 0 of all others


def transcribe(
    clips: Sequence[np.ndarray],
    sample_rate: int,
    most: float,
    logits_of: Callable[[list[np.ndarray]], list[np.ndarray]],
    decode: Callable[[np.ndarray, float], Transcript],
    log: Callable[[str], None] | None = None,
) -> list[Transcript]:
    """Transcribe clips of any length span by span.

    Args:
        clips: (samples,) each.
        sample_rate: Hz.
        most: Seconds of the longest span.
        logits_of: Clips -> logits (frames, symbols) of each.
        decode: (logits, seconds) -> Transcript.
        log: Called with lines of progress where there are many spans, and at the end with an empty one.
    """
    spans = [(i, span) for i, clip in enumerate(clips) for span in cut(clip, sample_rate, most)]
    heard = [([], []) for _ in clips]  # transcripts, and where they are
    for start in range(0, len(spans), SPANS):  # so that the logits of an hour are never in memory together
        group = _voiced(spans[start : start + SPANS], clips, sample_rate)
        parts = [clips[i][round(a * sample_rate) : round(b * sample_rate)] for i, places in group for a, b in places]
        logits = iter(logits_of(parts) if parts else ())
        for i, places in group:
            # A padded batch is decoded clip by clip, so each has its own true length.
            found = [next(logits) for _ in places]
            best = surest(found)
            heard[i][0].extend(decode(rows, b - a) for rows, (a, b) in zip(found[best], places[best], strict=True))
            heard[i][1].extend(places[best])
        if log and len(spans) > SPANS:
            done = min(start + SPANS, len(spans))
            log(f"{done} of {len(spans)} utterances" if done < len(spans) else "")
    return [join(*found, len(clip) / sample_rate) for found, clip in zip(heard, clips, strict=True)]


def _voiced(group: list, clips: Sequence[np.ndarray], sample_rate: int) -> list:
    """Those spans of long recordings that have a voice in them, and all short recordings."""
    places = [spans[0] for _, spans in group]
    long = [n for n, (i, _) in enumerate(group) if places[n] != (0.0, len(clips[i]) / sample_rate)]
    sounds = [clips[group[n][0]][round(places[n][0] * sample_rate) : round(places[n][1] * sample_rate)] for n in long]
    silent = {n for n, voice in zip(long, voices.spoken(sounds, sample_rate), strict=True) if not voice}
    return [item for n, item in enumerate(group) if n not in silent]


def surest(logits: Sequence[np.ndarray]) -> slice:
    """Choose between a span and its parts: where they are in a list of logits (frames, symbols) that begins with the span's.

    The parts are chosen where their best paths together are more probable than that of the whole, by CUT_COST for each cut.

    >>> sure, unsure = np.log([[0.9, 0.1]] * 4), np.log([[0.6, 0.4]] * 4)
    >>> surest([sure, unsure[:2], unsure[:2]]), surest([unsure, sure[:2], sure[:2]])
    (slice(0, 1, None), slice(1, None, None))
    """
    best = [float(log_softmax(np.asarray(rows, "float64")).max(axis=1).sum()) for rows in logits]
    return slice(1, None) if len(best) > 1 and sum(best[1:]) > best[0] + CUT_COST * (len(best) - 2) else slice(0, 1)


def lay(logits: Sequence[np.ndarray], starts: Sequence[int], n_frames: int, symbols: int) -> np.ndarray:
    """Lay the logits of spans side by side as those of the whole, (n_frames, symbols); what lies in none is blank.

    Args:
        logits: (frames, symbols) of each span, in order. Of what two share, each gives the half that is farther from its end.
        starts: Frame of the whole at which each begins.
        n_frames: Frames of the whole.
        symbols: Characters and the blank.

    >>> lay([np.ones((2, 3)), np.full((2, 3), 2.0)], [0, 1], 4, 3).tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [20.0, 0.0, 0.0]]
    """
    whole, end = np.zeros((n_frames, symbols), "float32"), 0
    whole[:, BLANK] = BLANK_LOGIT
    for rows, start in zip(logits, starts, strict=True):
        shared = max(0, end - start) // 2
        end = min(n_frames, start + len(rows))
        whole[start + shared : end] = rows[shared : end - start]
    return whole


def join(transcripts: Sequence[Transcript], spans: Sequence[Span], duration: float) -> Transcript:
    """Join the transcripts of the spans of a recording: its words, in seconds of the whole.

    Where two spans overlap, the words of one are taken up to a gap between words, and from there those of the other.

    >>> one, two = Word("one", 0.2, 0.6, 0.9), Word("two", 0.4, 0.8, 0.9)
    >>> found = join([Transcript("one", (one,), 0.9, 1.0), Transcript("two", (two,), 0.9, 1.0)], [(0, 1), (5, 6)], 8.0)
    >>> found.text, found.words[1].start, round(found.confidence, 3)
    ('one two', 5.4, 0.9)
    """
    if len(spans) == 1 and tuple(spans[0]) == (0.0, duration):
        return transcripts[0]
    words, heard = [], 0.0
    for transcript, (start, end) in zip(transcripts, spans, strict=True):
        new = [replace(word, start=word.start + start, end=word.end + start) for word in transcript.words]
        if start < heard:
            place = _gap([*words[-20:], *new], start, heard)
            while words and _middle(words[-1]) >= place:
                words.pop()
            new = [word for word in new if _middle(word) >= place]
        words, heard = words + new, end
    weights = [len(word.text) for word in words] or [end - start for start, end in spans]
    sure = [word.confidence for word in words] or [transcript.confidence for transcript in transcripts]
    confidence = float(np.exp(np.average(np.log(np.maximum(sure, 1e-300)), weights=weights))) if sure else 1.0
    return Transcript(" ".join(word.text for word in words), tuple(words), confidence, duration)


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2


def _gap(words: Sequence[Word], start: float, end: float) -> float:
    """The time between two that is farthest from all words. It is not near the two, where words are cut off."""
    times = np.linspace(start, end, 41)[10:-10]
    clear = [min([max(word.start - time, time - word.end) for word in words], default=0.0) for time in times]
    best = np.flatnonzero(np.isclose(clear, max(clear)))
    return float(times[best[len(best) // 2]])
