"""Pauses of a recording, and the spans between them.

    samples (n,) -> `levels` (frames,) dB -> `speech` (frames,) bool -> `cut`, spans of some seconds and their parts

A pause is as quiet as the surroundings get, however loud that is. Where nobody pauses, spans overlap.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

STEP = 0.01  # seconds from one frame to the next
BAND = 200.0, 4000.0  # Hz, where voices are; hum and wind lie below
AROUND = 10.0  # seconds on either side, from which the levels of noise and of speech are taken
SHARE = 0.45  # of the way from the noise's level to that of speech: louder frames are loud
SOFT, SOFT_SECONDS = 0.25, 0.3  # a smaller share, enough for so many seconds of sound with nothing louder in them
LEAST_DB = 3.0  # above the noise, which loud frames are at least
ONSET_DB = 3.0  # above the level of loud frames, which a run of them reaches at least once
SHORTEST = 0.06  # seconds: a shorter sound is a click
PAUSE, SHORT_PAUSE = 0.45, 0.25  # seconds of quiet at which spans end, and parts of them
LEAD, TAIL = 0.4, 0.3  # seconds of a pause that are heard before and after speech, as far as it is so long
SMOOTH = 0.3  # seconds whose mean level counts where a span must be cut without such a pause
GAP = 0.1  # seconds of quiet without which that is a cut through speech
OVERLAP = 1.0  # seconds that two spans share there

Span = tuple[float, float]  # seconds


def cut(samples: np.ndarray, sample_rate: int, most: float) -> list[list[Span]]:
    """Find the spans of a recording, in order, each followed by its parts if it has several; what lies in none is quiet.

    Args:
        samples: (samples,) of the recording.
        sample_rate: Hz.
        most: Seconds of the longest span, above 2 * OVERLAP. A recording that is no longer is one span, without parts.

    >>> tone = np.sin(np.arange(16000) / 5)
    >>> spans = cut(np.concatenate([tone, 0 * tone, tone]), 16000, most=2.5)
    >>> [[(round(start, 2), round(end, 2)) for start, end in span] for span in spans]
    [[(0.0, 1.32)], [(1.59, 3.0)]]
    """
    end = len(samples) / sample_rate
    if end <= most:
        return [[(0.0, end)]]
    db = levels(samples, sample_rate)
    loud, smooth = speech(db), _around(db, round(SMOOTH / STEP)).mean(axis=1)
    pieces, spans = _pieces(loud, smooth, 0, len(db), PAUSE, most - OVERLAP), []
    for before, piece, after in _neighbours(pieces, 0, len(db)):
        parts = _pieces(loud, smooth, *piece, SHORT_PAUSE, most / 2)
        both = [_heard(before, piece, after)], [_heard(*three) for three in _neighbours(parts, before[1], after[0])]
        found = [(max(0.0, a * STEP), min(end, b * STEP)) for heard in both for a, b in heard]
        spans.append(found if len(parts) > 1 else found[:1])
    return spans


def levels(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Compute the level within BAND of every frame: (frames,) dB."""
    hop, size = round(STEP * sample_rate), round(0.032 * sample_rate)
    low, high = (round(hz * size / sample_rate) for hz in BAND)
    window, found, block = np.hanning(size).astype("float32"), [], 4096 * hop
    for first in range(0, len(samples), block):  # so that the frames of an hour are never in memory together
        part = samples[max(0, first - size // 2) : first + block + size]
        part = np.pad(part, (max(0, size // 2 - first), size))
        count = len(range(first, min(len(samples), first + block), hop))
        frames = sliding_window_view(part, size)[::hop][:count] * window
        found.append(np.square(np.abs(np.fft.rfft(frames)[:, low:high])).mean(axis=1))
    return 10 * np.log10(np.concatenate(found) / size + 1e-9)


def speech(db: np.ndarray) -> np.ndarray:
    """Find the loud frames among levels in dB: (frames,) bool."""
    every = round(0.1 / STEP)
    nearby = np.sort(_around(db[::every], int(2 * AROUND / STEP / every) + 1), axis=1)
    noise, voice = (nearby[:, int(share * nearby.shape[1])] for share in (0.1, 0.95))
    noise, voice = (np.repeat(level, every)[: len(db)] for level in (noise, voice))
    above = {share: db - noise - np.maximum(LEAST_DB, share * (voice - noise)) for share in (SHARE, SOFT)}
    loud = above[SHARE] > 0
    for first, last in _runs(loud):
        loud[first:last] = (above[SHARE][first:last] > ONSET_DB).any()
    for first, last in _runs(above[SOFT] > 0):  # somebody who speaks more softly than those before and after
        if last - first >= SOFT_SECONDS / STEP and not loud[first:last].any():
            loud[first:last] = (above[SOFT][first:last] > ONSET_DB).any()
    return loud


def _around(values: np.ndarray, size: int) -> np.ndarray:
    """The `size` values around each, mirrored at the ends: (values, size)."""
    return sliding_window_view(np.pad(values, (size // 2, (size - 1) // 2), "symmetric"), size)


def _runs(mask: np.ndarray) -> np.ndarray:
    """(first, after the last) of every run of True: (runs, 2)."""
    return np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))).reshape(-1, 2)


def _pieces(loud: np.ndarray, smooth: np.ndarray, first: int, last: int, pause: float, most: float) -> list:
    """(first, after the last) loud frames of pieces of at most `most` seconds, between pauses of `pause` seconds."""
    runs = _runs(loud[first:last]) + first
    ends = runs[1:, 0] - runs[:-1, 1] >= pause / STEP
    starts, ends = np.concatenate([[True], ends])[: len(runs)], np.concatenate([ends, [True]])[: len(runs)]
    whole = zip(runs[starts, 0].tolist(), runs[ends, 1].tolist(), strict=True)
    return [piece for a, b in whole if b - a > SHORTEST / STEP for piece in _split(loud, smooth, a, b, most / STEP)]


def _split(loud: np.ndarray, smooth: np.ndarray, first: int, last: int, most: float) -> Iterator[tuple[int, int]]:
    """Frames of pieces of at most `most` frames, cut where it is quietest. The first and the last frame are loud."""
    if last - first <= most:
        yield first, last
        return
    quarter = (last - first) // 4  # of the middle half, so that the recursion is never deep
    place = first + quarter + int(smooth[first + quarter : last - quarter].argmin())
    before = first + 1 + int(np.flatnonzero(loud[first:place])[-1])
    after = place + int(loud[place:last].argmax())
    yield from _split(loud, smooth, first, before, most)
    yield from _split(loud, smooth, after, last, most)


def _neighbours(pieces: list, first: int, last: int) -> Iterator[tuple]:
    """Each piece between the one before and the one after; sound begins after `first` and ends before `last`."""
    around = [(first, first), *pieces, (last, last)]
    return zip(around, pieces, around[2:], strict=False)


def _heard(before: tuple, piece: tuple, after: tuple) -> Span:
    """Frames that are heard of a piece: with quiet around it, or with speech of its neighbours where it is cut off."""
    gaps, cut_off = (piece[0] - before[1], after[0] - piece[1]), OVERLAP / 2 / STEP
    lead, tail = (
        min(most / STEP, n) if n >= GAP / STEP else cut_off for most, n in zip((LEAD, TAIL), gaps, strict=True)
    )
    return piece[0] - lead, piece[1] + tail
