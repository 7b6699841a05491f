"""What comes in to a model that is in use: measured clip by clip, and compared with what it was trained on.

    samples (n,) -> `measure`, five numbers

NumPy alone: a server measures each request without Keras.
"""

import numpy as np

from zoo.decoding import pauses

FRAME, HOP = 0.032, 0.016  # seconds
FLOOR_DB, MOST_SNR_DB = -100.0, 60.0  # of what is measured
FLAT = 0.99  # of the highest amplitude: samples above it are clipped, if they are many
ENERGY = 0.99  # share of the energy below the bandwidth
BLOCK = 4096  # frames at a time, so that those of an hour are never in memory together


def measure(audio: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Measure a clip.

    Args:
        audio: (samples,) in [-1, 1].
        sample_rate: Hz.

    Returns:
        "level" (dB of full scale, of the frames with speech), "snr" (dB from the quiet frames to those with speech, at most
        60), "seconds", "bandwidth" (Hz below which 99 % of the energy lies), and "clipped" (share of the samples within 1 %
        of the highest amplitude: below 0.001 in speech, far above it where peaks are cut off).

    >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> found = measure(np.concatenate([tone, 0.001 * tone]), 16000)
    >>> round(found["level"]), round(found["snr"]), found["seconds"], round(found["bandwidth"], -2)
    (-9, 60, 2.0, 1000.0)
    """
    samples = np.asarray(audio, "float32").reshape(-1)
    power, spectrum = _frames(samples, sample_rate)
    db = 10 * np.log10(power + 10 ** (FLOOR_DB / 10))
    quiet, loud = np.percentile(db, (10, 95))
    speech = db > quiet + pauses.SHARE * (loud - quiet) if loud > quiet else np.ones(len(db), bool)
    level = 10 * np.log10(power[speech].mean() + 10 ** (FLOOR_DB / 10))
    highest = np.abs(samples).max(initial=0.0)
    below = np.searchsorted(np.cumsum(spectrum), ENERGY * spectrum.sum())
    return {
        "level": float(level),
        "snr": float(np.clip(level - quiet, 0.0, MOST_SNR_DB)),
        "seconds": len(samples) / sample_rate,
        "bandwidth": float(below / max(1, len(spectrum) - 1) * sample_rate / 2) if highest else 0.0,
        "clipped": float(np.mean(np.abs(samples) >= FLAT * highest)) if highest else 0.0,
    }


def _frames(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean square of each frame, (frames,), and the energy in each band of all, (bins,)."""
    size, hop = round(FRAME * sample_rate), round(HOP * sample_rate)
    window = np.hanning(size).astype("float32")
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectrum, power = np.zeros(size // 2 + 1), []
    for first in range(0, len(frames), BLOCK):
        part = frames[first : first + BLOCK]
        power.append(np.square(part).mean(axis=1, dtype="float64"))
        spectrum += np.square(np.abs(np.fft.rfft(part * window))).sum(axis=0)
    return np.concatenate(power), spectrum
