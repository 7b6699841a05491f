"""Recognisers in noise, with and without the denoiser: `python -m experiments.denoising [--fast] [--json FILE]`."""

from collections.abc import Callable

import keras
import numpy as np

import zoo
from experiments._common import Trainer, bootstrap, fresh_head, head, images, main, noisy, percent
from zoo import baselines, datasets
from zoo.audio import resample
from zoo.datasets.noise import load_noise
from zoo.metrics import accuracy, si_sdr, wer
from zoo.tasks import pad

RATE = 16000  # Hz of the denoiser and the noise; FSDD's 8 kHz go there and back, with and without it
SNR_DB = (20, 10, 5, 0)  # mean power of speech over that of noise
SHIPPED = ("conv2d", "ds_cnn", "simple_rnn")  # classifiers that learnt with noise


def denoising(fast: bool = False, log: Callable = print) -> list[dict]:
    """Accuracy and word error rate in recorded noise, with `denoising_autoencoder` before the recogniser and without.

    The noise is ESC-10's test fold, which no model has heard. Three recognisers of FSDD's test learnt from clean recordings
    (`conv2d`, trained here, SVM and DTW), three are shipped and learnt with noise; lstm_ctc writes AN4's test and strings of
    digits. `strength` 0 is without the denoiser. Log-spectral distance and SI-SDR, in dB, say how near the sound itself comes.
    """
    denoiser, noises, rows = zoo.load("denoising_autoencoder"), load_noise("test"), []

    def add(recogniser: str, data: str, snr: str, strength: float, metric: str, found: dict, clips: int) -> None:
        rows.append({
            "recogniser": recogniser, "data": data, "snr": snr, "strength": strength, "metric": metric, **found, "clips": clips
        })  # fmt: skip

    def conditions(clips: list[np.ndarray]):
        """(SNR, strength, clips) of each condition."""
        for snr in ("clean", *SNR_DB[:: 2 if fast else 1]):
            changed = (
                clips if snr == "clean" else [c / max(1.0, float(np.abs(c).max())) for c in noisy(clips, noises, snr)]
            )
            yield str(snr), 0.0, changed
            yield str(snr), denoiser.config.strength, denoiser.denoise(list(changed), RATE)

    words = datasets.load("fsdd", "test")[:: 25 if fast else 1]
    sounds = list(conditions([u.audio(RATE) for u in words]))
    classifiers = clean_classifiers(fast) | {name: shipped(name) for name in SHIPPED[: 1 if fast else None]}
    for name, classify in classifiers.items():
        for snr, strength, clips in sounds:
            found = percent(accuracy([u.text for u in words], classify(clips)))
            add(name, "fsdd:test", snr, strength, "accuracy", found, len(words))
        log(f"{name}: " + ", ".join(f"{r['snr']} {r['value']:.1f}" for r in rows if r["recogniser"] == name))
    lstm_ctc = zoo.load("lstm_ctc")
    for data, every in (("an4:test", 1), ("connected_digits:test", 5)):  # the speakers of the strings take turns
        utterances = datasets.load(*data.split(":"))[:: 31 * every if fast else every]
        clean, texts = [u.audio(RATE) for u in utterances], [u.text for u in utterances]
        measures = {"log-spectral distance": spectral_distance(denoiser), "SI-SDR": si_sdr}
        for snr, strength, clips in conditions(clean):
            found = percent(wer(texts, lstm_ctc.transcribe(clips, RATE)))
            add("lstm_ctc", data, snr, strength, "WER", found, len(texts))
            for metric, measure in measures.items():
                if (snr, metric) != ("clean", "SI-SDR"):  # which has no bound without noise
                    values = np.array([measure(a, b) for a, b in zip(clean, clips, strict=True)])
                    add("", data, snr, strength, metric, bootstrap(np.mean, values), len(values))
        log(
            f"lstm_ctc on {data}: "
            + ", ".join(f"{r['value']:.1f}" for r in rows if (r["data"], r["metric"]) == (data, "WER"))
        )
    return rows


def shipped(name: str) -> Callable:
    """The shipped classifier as a function of clips."""
    model = zoo.load(name)
    return lambda clips: [found.label for found in model.classify(clips, RATE)]


def clean_classifiers(fast: bool) -> dict[str, Callable]:
    """Classifiers that have heard no noise, by name, as functions of clips."""
    train = datasets.load("fsdd", "train")[:: 20 if fast else 1]
    clips, labels = [u.audio(baselines.RATE) for u in train], [u.text for u in train]
    model = zoo.load("conv2d", weights=None)
    ids = np.array([model.labels.index(label) for label in labels])
    Trainer(head(model)).fit(fresh_head(0), images(model, clips), ids, steps=10 if fast else 1200, seed=0)
    found = {"conv2d, trained without noise": lambda clips: [c.label for c in model.classify(clips, RATE)]}
    for name in ("svm", "dtw"):
        fitted = baselines.baseline(name).fit(clips, labels)
        found[name] = lambda clips, fitted=fitted: fitted.predict([resample(c, RATE, baselines.RATE) for c in clips])
    return found


def spectral_distance(model) -> Callable:
    """A function of two sounds: the root mean square difference of their log-mel frames in dB, within the denoiser's range."""
    log_mel, below_peak = model.get_layer("log_mel"), model.get_layer("below_peak")

    def distance(clean: np.ndarray, other: np.ndarray) -> float:
        frames, lengths = log_mel(*pad([clean, other], model.config.sample_rate))
        peak = below_peak(frames, lengths)[1]
        levels = keras.ops.convert_to_numpy(below_peak.below(frames, lengths, keras.ops.stack([peak[0], peak[0]])))
        a, b = levels[:, : int(lengths[0])]
        return float(np.sqrt(np.mean(np.square(a - b))))

    return distance


if __name__ == "__main__":
    main(denoising)
