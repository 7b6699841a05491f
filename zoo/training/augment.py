"""Make one recording into many: what a voice, a room, a line and a level may do to the same words.

The functions take (samples,) float32 and a `numpy.random.Generator`, so that a seed repeats them exactly. The layer
`zoo.layers.SpecAugment` varies frames inside the model.
"""

from collections.abc import Sequence

import numpy as np

from zoo.audio import resample
from zoo.datasets.noise import add_noise, random_noise
from zoo.errors import ZooError
from zoo.training.config import AugmentConfig


def speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """Plays a clip `factor` times as fast: tempo, pitch and formants all move, as with a smaller or larger speaker.

    >>> speed(np.zeros(1000), 1.25).shape
    (800,)
    """
    # A ratio of small integers keeps the resampler quick; 1 % steps are finer than anyone hears.
    return resample(samples, int(round(100 * factor)), 100)


def telephone(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Removes what a phone line of 8 kHz does not carry: frequencies above half of it.

    >>> whistle = np.sin(2 * np.pi * 6000 / 16000 * np.arange(16000))  # higher than a line of 8 kHz carries
    >>> bool(np.abs(telephone(whistle, 16000)[2000:-2000]).max() < 0.01)
    True
    """
    through = resample(resample(samples, sample_rate, 8000), 8000, sample_rate)
    return np.resize(np.pad(through, (0, max(0, len(samples) - len(through)))), len(samples))


def reverberate(samples: np.ndarray, sample_rate: int, t60: float, rng: np.random.Generator) -> np.ndarray:
    """Adds the echo of a small room, which decays by 60 dB in `t60` seconds: noise after the direct sound (Polack 1988).

    >>> reverberate(np.eye(1, 8000)[0], 8000, t60=0.3, rng=np.random.default_rng(0)).shape
    (8000,)
    """
    from scipy.signal import fftconvolve

    if not t60 > 0:
        raise ZooError(f"`t60` must be above 0 s. Received: t60={t60!r}.")
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
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Makes one random variation of a clip: voice, surroundings, room, line and level, in the order of the real world.

    Args:
        samples: (samples,) float32.
        sample_rate: Hz.
        rng: Random generator.
        noises: Recordings at the same rate to draw noise from; without any, noise is white.
        config: How often and how far clips are varied.
        room: Samples up to which silence may lengthen the clip; in a batch that is padding, and costs nothing.
        with_clean: If True, returns a pair of one length: the variation, and the same without the noise.

    >>> augment(np.zeros(8000, "float32"), 8000, np.random.default_rng(0)).dtype
    dtype('float32')
    """
    if rng.random() < config.speed_prob:
        samples = speed(samples, rng.uniform(*config.speed))
    if rng.random() < config.silence_prob and room > len(samples):
        spare = int(rng.uniform(0, room - len(samples)))
        before = int(rng.uniform(0, spare)) if spare else 0
        samples = np.pad(samples, (before, spare - before))
        samples = samples + rng.standard_normal(len(samples), dtype="float32") * 10 ** rng.uniform(-4.5, -3)
    if rng.random() < config.reverb_prob:
        samples = reverberate(samples, sample_rate, rng.uniform(*config.reverb_seconds), rng)
    clean = samples
    if rng.random() < config.noise_prob:
        recorded = noises if len(noises) and rng.random() < 0.75 else ()
        noise = random_noise(recorded, len(samples), rng)
        samples = add_noise(samples, noise, rng.uniform(*config.snr_db))
    both = [samples, clean] if with_clean else [samples]
    if rng.random() < config.telephone_prob:
        both = [telephone(one, sample_rate) for one in both]
    gain = 10 ** (rng.uniform(*config.gain_db) / 20)
    gain /= max(1.0, float(np.max(np.abs(both[0]))) * gain)
    both = [(one * gain).astype("float32") for one in both]
    return tuple(both) if with_clean else both[0]
