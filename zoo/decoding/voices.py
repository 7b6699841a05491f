"""Which spans of a long recording have a voice in them: the preset `vad` in NumPy, so that exported files need no Keras either.

Music between two talks is cut into spans as speech is, and a recognizer has only letters for it. So `vad`, which is a
hundredth as large, is asked first. `python benchmarks/subtitles.py` says what that costs and saves.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

import numpy as np

from zoo.presets import card, check_weights

NEEDS = ("h5py", "librosa")  # to read the weights, and for mel filters
TOP_DB = 80.0  # below the loudest band of a span, where its frames are cut off
UNITS = 20.0  # dB of a unit of the network's input
GROUP = 64  # spans at a time
SURE = 0.5  # probability above which a frame is speech
LEAST = 0.1  # share of such frames, below which a span has no voice; 99 of 100 spans of AN4's validation speakers have twice as many


def spoken(clips: Sequence[np.ndarray], sample_rate: int) -> list[bool]:
    """Whether there is a voice in each of some clips (samples,).

    >>> from zoo.audio import bundled, load_audio
    >>> spoken([load_audio(bundled("seven"), 16000), np.sin(np.arange(16000) / 5)], 16000)
    [True, False]
    """
    if not all(map(find_spec, NEEDS)):  # the smallest installation has neither; then every span is transcribed
        return [True] * len(clips)
    return [bool(np.mean(found > SURE) >= LEAST) for found in probabilities(clips, sample_rate)]


def probabilities(clips: Sequence[np.ndarray], sample_rate: int) -> list[np.ndarray]:
    """Probability of speech in each frame of 10 ms of some clips (samples,): (frames,) each."""
    from zoo.audio import resample

    if not clips:  # of short recordings alone nothing is asked, and nothing loaded
        return []
    rate, _, kernel, *_ = _network()
    found = []
    for first in range(0, len(clips), GROUP):
        frames = [_frames(resample(clip, sample_rate, rate)) for clip in clips[first : first + GROUP]]
        lengths = [len(rows) for rows in frames]
        x = np.zeros((len(frames), max(lengths) + len(kernel) - 1, kernel.shape[1]), "float32")
        for row, values in zip(x, frames, strict=True):
            row[len(kernel) // 2 :][: len(values)] = values
        found += [row[:n] for row, n in zip(_speech(x), lengths, strict=True)]
    return found


@cache
def _network() -> tuple:
    """Hertz, filters (bins, bands), kernel and bias of the convolution, those of the GRU, and of the last layer."""
    import h5py
    from librosa.filters import mel

    about = card("vad")
    check_weights(about.weights_path, about.weights["sha256"])
    with h5py.File(about.weights_path) as file:
        names = ("strided_conv1d/conv/vars/0", "strided_conv1d/conv/vars/1", *(f"gru/cell/vars/{i}" for i in range(3)))
        names += ("dense/vars/0", "dense/vars/1")
        arrays = [np.asarray(file[f"layers/{name}"], "float32") for name in names]
    filters = mel(sr=about.sample_rate, n_fft=512, n_mels=arrays[0].shape[1]).T.astype("float32")
    return about.sample_rate, filters, *arrays


def _frames(samples: np.ndarray) -> np.ndarray:
    """What `zoo.models.vad` makes of a clip before its convolution: (frames, bands)."""
    filters, window = _network()[1], 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    padded = np.pad(samples, (200, 400)).astype("float32")
    cut = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160][: 1 + len(samples) // 160]
    power = np.square(np.abs(np.fft.rfft(cut * window.astype("float32"), 512)))
    db = 10 * np.log10(np.maximum(power @ filters, 1e-10))
    db = np.maximum(db, db.max() - TOP_DB)
    return (db - db.mean()) / UNITS / UNITS  # the model divides twice


def _speech(x: np.ndarray) -> np.ndarray:
    """Convolution, GRU and last layer: (clips, frames + size - 1, bands) -> probabilities (clips, frames)."""
    _, _, kernel, bias, into, again, biases, last, last_bias = _network()
    size, frames = len(kernel), x.shape[1] - len(kernel) + 1
    hidden = sum(x[:, i : i + frames] @ kernel[i] for i in range(size)) + bias
    inputs = np.maximum(hidden, 0) @ into + biases[0]  # (clips, frames, 3 units): update, reset, candidate
    units = len(again)
    state, logits = np.zeros((len(x), units), "float32"), np.empty((len(x), frames), "float32")
    for t in range(frames):
        old, new = state @ again + biases[1], inputs[:, t]
        update, reset = np.split(_sigmoid(new[:, : 2 * units] + old[:, : 2 * units]), 2, axis=1)
        candidate = np.tanh(new[:, 2 * units :] + reset * old[:, 2 * units :])
        state = update * state + (1 - update) * candidate
        logits[:, t] = (state @ last + last_bias)[:, 0]
    return _sigmoid(logits)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * x)
