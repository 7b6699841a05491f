"""Reconstructed and interpolated words as training data: `python -m experiments.augmentation [--fast] [--json FILE] [--notes FILE]`."""

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np

import zoo
from experiments._common import STEPS, Digits, Notes, Trainer, fresh_head, head, images, main, mean_of_speakers
from zoo.audio import resample
from zoo.datasets.noise import RATE as NOISE_RATE
from zoo.datasets.noise import load_noise
from zoo.training import AugmentConfig
from zoo.training.augment import augment

VARIATIONS = 8  # of each labelled clip
RECIPES = {  # what is learnt from besides the labelled clips
    "nothing else": (),
    "plain variations": ("plain",),
    "reconstructions": ("reconstructed",),
    "interpolations": ("interpolated",),
    "plain variations and interpolations": ("plain", "interpolated"),
}


def augmentation(fast: bool = False, notes: str = "", log: Callable = print, seeds: int = 2) -> list[dict]:
    """conv2d on a speaker left out, from few labelled clips and eight variations of each.

    Variations are plain (speed, noise, echo, line), reconstructions by `vae`, or points between the codes of two clips of the
    same digit. `vae` has not heard FSDD. All learn for as many steps. `gain` is that over nothing else, in points, with its
    interval over the speakers.
    """
    digits, rows, known = Digits(fast), [], Notes(notes)
    trainer, variations, seeds = Trainer(head(digits.model)), Variations(digits), 1 if fast else seeds
    names = list(RECIPES)[:: 2 if fast else 1]

    def accuracy(kinds: tuple[str, ...], share: float, speaker: str, seed: int) -> float:
        chosen, out = digits.labelled(speaker, share, seed), digits.speakers == speaker
        more = [
            variations.of(kind, chosen, np.random.default_rng((seed, digits.left_out.index(speaker)))) for kind in kinds
        ]
        x = np.concatenate([digits.images[chosen], *more])
        ids = np.concatenate([digits.ids[chosen], *(np.repeat(digits.ids[chosen], VARIATIONS) for _ in kinds)])
        trainer.fit(fresh_head(seed), x, ids, 5 if fast else STEPS[share], seed)
        return trainer.accuracy(digits.images[out], digits.ids[out])

    for share in (0.05,) if fast else (0.05, 0.2):
        scores = {name: np.zeros((len(digits.left_out), seeds)) for name in names}
        for (i, speaker), seed, name in itertools.product(enumerate(digits.left_out), range(seeds), names):
            run = partial(accuracy, RECIPES[name], share, speaker, seed)
            scores[name][i, seed] = known.score("conv2d", share, speaker, seed, name, run=run)
        for name, values in scores.items():
            gain = mean_of_speakers((values - scores["nothing else"]).mean(axis=1))
            rows.append({
                "learnt besides": name, "share": share, "labels": len(digits.labelled(digits.left_out[0], share, 0)),
                "value": float(values.mean()), "gain": gain["value"], "low": gain["low"], "high": gain["high"],
                "runs": int(values.size),
            })  # fmt: skip
            log(f"{100 * share:g} % of the labels and {name}: {rows[-1]['value']:.1f} % ({rows[-1]['gain']:+.1f})")
    return rows


class Variations:
    """Makes variations of FSDD's clips as images for conv2d."""

    def __init__(self, digits: Digits):
        self.digits, self.rate, self.vae = digits, digits.model.config.sample_rate, zoo.load("vae")
        self.noises = [resample(noise, NOISE_RATE, self.rate) for noise in load_noise("train")]
        self.config = AugmentConfig(**type(digits.model).default_augmentation(digits.model.config))
        self.codes = np.stack(self.vae.encode(digits.clips, self.rate))

    def of(self, kind: str, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(VARIATIONS * clips, width, bands, 1), all variations of the first clip first."""
        if kind == "plain":
            clips = [self.digits.clips[i] for i in chosen for _ in range(VARIATIONS)]
            return images(
                self.digits.model, [augment(clip, self.rate, rng, self.noises, self.config) for clip in clips]
            )
        if kind == "reconstructed":
            return np.repeat(self.decode(self.codes[chosen]), VARIATIONS, axis=0)
        ids = self.digits.ids
        partners = np.array([rng.choice(chosen[ids[chosen] == ids[i]], VARIATIONS) for i in chosen])
        share = rng.uniform(0.2, 0.8, (len(chosen), VARIATIONS, 1))
        points = (1 - share) * self.codes[chosen][:, None] + share * self.codes[partners]
        return self.decode(points.reshape(-1, self.codes.shape[1]))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Codes as images of conv2d, whose MeanSubtraction is done here."""
        levels = self.vae.decode(codes)  # (n, width, bands) in dB
        return ((levels - levels.mean(axis=(1, 2), keepdims=True)) / 20.0)[..., None]


if __name__ == "__main__":
    main(augmentation)
