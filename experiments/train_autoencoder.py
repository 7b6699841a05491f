"""Train `autoencoder` on single frames with a plain Keras optimizer, the recipe of notebook 05.

    KERAS_BACKEND=jax python -m experiments.train_autoencoder runs/autoencoder

No frame knows its neighbours, so the network learns from frames of all recordings, shuffled: of 512 frames from 512 places it
learns more than of 512 neighbours, which are nearly the same. Writes best.weights.h5 (the last epoch: nothing is chosen).
"""

from pathlib import Path

import keras
import numpy as np

import zoo
from experiments._common import main
from zoo.loading import save_weights

DATA = (("an4", "train"), ("speechocean762", "train"))


def frames_of(model, utterances) -> np.ndarray:
    """Log-mel frames (frames, 1, bands) of all utterances."""
    clips = [utterance.audio(model.config.sample_rate) for utterance in utterances]
    return np.concatenate([found["log_mel"] for found in model.infer(clips, model.config.sample_rate, 32)])[:, None]


def fit(model, frames: np.ndarray, epochs: int, batch_size: int = 512, learning_rate: float = 4e-3) -> list[float]:
    """Fit the layers behind the front end to give frames back; returns the loss of each epoch in dB^2."""
    inner = keras.Model(model.get_layer("below_peak").output[0], model.output["reconstruction"])
    steps = epochs * (len(frames) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 100, steps - steps // 20, alpha=0.01, warmup_target=learning_rate, warmup_steps=steps // 20
    )
    inner.compile(keras.optimizers.Adam(schedule, global_clipnorm=5.0), "mse", steps_per_execution=32)
    return inner.fit(frames, frames, batch_size=batch_size, epochs=epochs, verbose=2).history["loss"]


def train_autoencoder(out: str, epochs: int = 240) -> list[float]:
    """Trains `autoencoder` on the training speech of AN4 and speechocean762 and returns the loss of each epoch in dB^2.

    Args:
        out: Folder that receives best.weights.h5.
        epochs: Times through all frames.
    """
    keras.utils.set_random_seed(0)
    model = zoo.load("autoencoder", weights=None)
    frames = np.concatenate([frames_of(model, zoo.datasets.load(name, split=split)) for name, split in DATA])
    print(f"{len(frames):,} frames")
    losses = fit(model, frames, epochs)
    save_weights(model, Path(out) / "best.weights.h5")
    return losses


if __name__ == "__main__":
    main(train_autoencoder)
