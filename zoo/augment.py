"""Make one recording into many: what a voice, a room, a line and a level may do to the same words.

NumPy functions take (samples,) float32 and a `numpy.random.Generator`, so that a seed repeats them exactly; the
`SpecAugment` layer works on frames inside the model while it trains, and does nothing otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.audio import resample
from zoo.errors import ZooError
from zoo.layers import SpecAugment  # noqa: F401


@dataclass(frozen=True)
class AugmentConfig:
    """How often and how far recordings are changed. Ranges are drawn uniformly, except where noted."""

    speed: tuple[float, float] = (0.85, 1.18)  # factor of tempo, pitch and formants together (Ko et al. 2015)
    speed_chance: float = 0.8
    noise_chance: float = 0.45  # recorded noise, or white noise for one in four of these
    snr_db: tuple[float, float] = (3.0, 30.0)  # speech level over noise level
    telephone_chance: float = 0.3  # nothing kept above half of 8 kHz
    reverb_chance: float = 0.25
    reverb_seconds: tuple[float, float] = (0.1, 0.6)  # time in which the echo decays by 60 dB (T60)
    gain_db: tuple[float, float] = (-25.0, 6.0)
    silence_chance: float = 0.3  # near-silence before and after, as long as the batch has room for
    spare_chance: float = 0.08  # of a batch to have seconds to spare, so that long silence is heard as well
    spare_seconds: tuple[float, float] = (1.0, 5.0)


def speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """Play `factor` times as fast: tempo, pitch and formants all move, as with another, smaller or larger, speaker.

    >>> speed(np.zeros(1000), 1.25).shape
    (800,)
    """
    # A ratio of small integers keeps the resampler quick; 1 % steps are finer than anyone hears.
    return resample(samples, int(round(100 * factor)), 100)


def add_noise(samples: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Noise (same length) mixed in at `snr_db`, the ratio of mean powers over the whole clip in dB.

    >>> tone, noise = np.sin(np.arange(8000) / 5), np.random.default_rng(0).normal(size=8000)
    >>> added = add_noise(tone, noise, snr_db=10) - tone
    >>> round(10 * np.log10(np.mean(tone**2) / np.mean(added**2)))
    10
    """
    speech_power, noise_power = np.mean(np.square(samples)), np.mean(np.square(noise))
    if noise_power <= 1e-12 or speech_power <= 1e-12:
        return samples
    return samples + noise * np.sqrt(speech_power / noise_power / 10 ** (snr_db / 10)).astype("float32")


def excerpt(noise: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """`length` samples of a recording from a random place, repeated from its start where it is too short.

    >>> excerpt(np.arange(5), 7, np.random.default_rng(0)).tolist()
    [4, 0, 1, 2, 3, 4, 0]
    """
    start = rng.integers(len(noise))
    return np.resize(np.roll(noise, -start), length)


def telephone(samples: np.ndarray, sample_rate: int, line_rate: int = 8000) -> np.ndarray:
    """What is left after a line of `line_rate` hertz: nothing above half of it.

    >>> whistle = np.sin(2 * np.pi * 6000 / 16000 * np.arange(16000))  # higher than a line of 8 kHz carries
    >>> bool(np.abs(telephone(whistle, 16000)[2000:-2000]).max() < 0.01)
    True
    """
    through = resample(resample(samples, sample_rate, line_rate), line_rate, sample_rate)
    return np.resize(np.pad(through, (0, max(0, len(samples) - len(through)))), len(samples))


def reverberate(samples: np.ndarray, sample_rate: int, t60: float, rng: np.random.Generator) -> np.ndarray:
    """A small room: the direct sound, then noise that decays by 60 dB in `t60` seconds (Polack 1988).

    >>> reverberate(np.eye(1, 8000)[0], 8000, t60=0.3, rng=np.random.default_rng(0)).shape
    (8000,)
    """
    from scipy.signal import fftconvolve

    if not t60 > 0:
        raise ZooError(f"An echo dies away in a time above 0 s; received t60={t60!r}.")
    time = np.arange(max(1, int(t60 * sample_rate)), dtype="float32") / sample_rate
    echo = rng.standard_normal(len(time), dtype="float32") * 10 ** (-3 * time / t60)
    echo *= rng.uniform(0.2, 0.7) / np.sqrt(np.sum(np.square(echo)) + 1e-9)
    echo[0] = 1.0
    return fftconvolve(samples, echo)[: len(samples)].astype("float32")


def augment(
    samples: np.ndarray,
    sample_rate: int,
    rng: np.random.Generator,
    noises: Sequence[np.ndarray] = (),
    config: AugmentConfig = AugmentConfig(),
    room: int = 0,
    with_clean: bool = False,
):
    """One random variation of a clip: voice, then surroundings, room, line and level, in the order of the real world.

    Args:
        samples: (samples,) float32. sample_rate: hertz.
        noises: recordings at the same rate to draw noise from; white noise alone where there are none.
        room: samples up to which silence may lengthen the clip; in a batch that is padding, and costs nothing.
        with_clean: return a pair: the variation, and the same without the noise.
    Returns: (samples,) float32, or two of one length.

    >>> augment(np.zeros(8000, "float32"), 8000, np.random.default_rng(0)).dtype
    dtype('float32')
    """
    if rng.random() < config.speed_chance:
        samples = speed(samples, rng.uniform(*config.speed))
    if rng.random() < config.silence_chance and room > len(samples):
        spare = int(rng.uniform(0, room - len(samples)))
        before = int(rng.uniform(0, spare)) if spare else 0
        samples = np.pad(samples, (before, spare - before))
        samples = samples + rng.standard_normal(len(samples), dtype="float32") * 10 ** rng.uniform(-4.5, -3)
    if rng.random() < config.reverb_chance:
        samples = reverberate(samples, sample_rate, rng.uniform(*config.reverb_seconds), rng)
    clean = samples
    if rng.random() < config.noise_chance:
        if len(noises) and rng.random() < 0.75:
            noise = excerpt(noises[rng.integers(len(noises))], len(samples), rng)
        else:
            noise = rng.standard_normal(len(samples), dtype="float32")
        samples = add_noise(samples, noise, rng.uniform(*config.snr_db))
    both = [samples, clean] if with_clean else [samples]
    if rng.random() < config.telephone_chance:
        both = [telephone(one, sample_rate) for one in both]
    gain = 10 ** (rng.uniform(*config.gain_db) / 20)
    gain /= max(1.0, float(np.max(np.abs(both[0]))) * gain)
    both = [(one * gain).astype("float32") for one in both]
    return tuple(both) if with_clean else both[0]
