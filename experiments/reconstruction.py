"""Autoencoders against principal component analysis: `python -m experiments.reconstruction [--fast] [--json FILE]`."""

from collections.abc import Callable

import keras
import numpy as np
from sklearn.decomposition import PCA

import zoo
from experiments._common import bootstrap, main
from zoo import datasets

FRAMES = (("an4:train", "speechocean762:train"), ("an4:test", "speechocean762:validation"))
WORDS = (("spoken_digits:train", "synthetic_digits:train"), ("spoken_digits:test", "fsdd:test"))
# model -> ((training sets, of which PCA learns too), (sets of unseen speakers)), frames of one code
MODELS = {
    "autoencoder": (FRAMES, 1),
    "autoencoder_mini": (FRAMES, 5),
    "conv_autoencoder": (FRAMES, 8),
    "vae": (WORDS, None),
    "autoencoder_mini without ReLU": (FRAMES, 5),
}
PCA_CLIPS = 600  # of each training set: half a million frames


def reconstruction(fast: bool = False, log: Callable = print, seed: int = 0) -> list[dict]:
    """Root mean square error in dB of each autoencoder and of PCA with as many components, on unseen speakers.

    speechocean762's validation speakers chose the epoch of the shipped weights; the other sets chose nothing. `gain_db` is ten
    times the logarithm of the ratio of the two squared errors, with its 95 % interval over clips.
    """
    rows = []
    for name, ((train, unseen), size) in MODELS.items():
        rng = np.random.default_rng(seed)
        model = linear_mini(fast) if "without" in name else zoo.load(name)
        training = np.concatenate([
            blocks(found.log_mel, size) for spec in train for found in reconstructions(model, spec, 20 if fast else PCA_CLIPS, rng)
        ])  # fmt: skip
        pca = PCA(model.config.code, random_state=seed).fit(training)
        for spec in unseen:
            ours, linear = [], []
            for found in reconstructions(model, spec, 8 if fast else 10**9, rng):
                back = pca.inverse_transform(pca.transform(blocks(found.log_mel, size)))
                back = back.reshape(-1, found.log_mel.shape[1])[: len(found.log_mel)]
                ours.append(found.error_db**2)
                linear.append(np.mean(np.square(back - found.log_mel)))
            ours, linear = np.array(ours), np.array(linear)
            gain = bootstrap(lambda a, b: 10 * np.log10(b.mean() / a.mean()), ours, linear)
            rows.append({
                "model": name, "data": spec, "clips": len(ours), "components": model.config.code, "values": training.shape[1],
                "db": float(np.sqrt(ours.mean())), "pca_db": float(np.sqrt(linear.mean())),
                "gain_db": gain["value"], "low": gain["low"], "high": gain["high"],
            })  # fmt: skip
            log(f"{name} on {spec}: {rows[-1]['db']:.2f} dB, PCA {rows[-1]['pca_db']:.2f} dB")
    return rows


def blocks(frames: np.ndarray, size: int | None) -> np.ndarray:
    """(frames, bands) as rows of `size` frames, the last filled up with its last frame; one row of all for None.

    >>> blocks(np.arange(6).reshape(3, 2), 2).tolist()
    [[0, 1, 2, 3], [4, 5, 4, 5]]
    """
    size = size or len(frames)
    padded = np.pad(frames, ((0, -len(frames) % size), (0, 0)), mode="edge")
    return padded.reshape(-1, size * frames.shape[1])


def reconstructions(model, spec: str, most: int, rng: np.random.Generator) -> list:
    """Reconstructions of up to `most` utterances of a set, drawn at random."""
    name, split = spec.split(":")
    options = {"longest": 1, "count": 2000} if name == "synthetic_digits" else {}
    utterances = datasets.load(name, split, **options)
    rate = model.config.sample_rate
    return model.reconstruct([utterances[i].audio(rate) for i in sorted(rng.permutation(len(utterances))[:most])], rate)


def linear_mini(fast: bool):
    """autoencoder_mini without its ReLU, trained here, for it ships no weights."""
    keras.utils.set_random_seed(0)
    model, rng = zoo.load("autoencoder_mini", weights=None, relu=False), np.random.default_rng(0)
    frames = [f for spec in FRAMES[0] for f in reconstructions(model, spec, 20 if fast else PCA_CLIPS, rng)]
    scaled = np.concatenate([blocks(f.log_mel, model.config.splice) for f in frames]) / (model.config.range_db / 4) + 2
    # A linear network's squared error depends on the mean and covariance of its data alone. Two points on each principal axis
    # have the same of both, so they stand for all frames.
    variance, axes = np.linalg.eigh(np.cov(scaled.T))
    offsets = (axes * np.sqrt(len(variance) * np.maximum(variance, 0))).T
    points = np.concatenate([scaled.mean(axis=0) + offsets, scaled.mean(axis=0) - offsets]).astype("float32")
    x = inputs = keras.Input((points.shape[1],))
    for name in ("encoder_0", "encoder_1", "decoder_0", "decoder_1"):
        x = model.get_layer(name)(x)
    network, steps = keras.Model(inputs, x), 500 if fast else 40000
    network.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-3, steps)), "mse")
    repeated = np.tile(points, (500, 1))
    network.fit(repeated, repeated, len(points), steps // 500, shuffle=False, verbose=0)
    return model


if __name__ == "__main__":
    main(reconstruction)
