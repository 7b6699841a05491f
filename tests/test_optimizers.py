"""SOAP: what it is without axes, along axes, and where it pays."""

from functools import partial

import keras
import numpy as np
import pytest

from zoo.errors import UnknownNameError
from zoo.optimizers import SOAP
from zoo.training import TrainConfig

RNG = np.random.default_rng(0)


def stepped(optimizer, start: np.ndarray, gradients) -> np.ndarray:
    """A weight after a step along each gradient, a function of the weight or an array."""
    weight = keras.Variable(start.astype("float32"))
    for gradient in gradients:
        now = gradient(np.array(weight)) if callable(gradient) else gradient
        optimizer.apply([keras.ops.convert_to_tensor(now.astype("float32"))], [weight])
    return np.array(weight)


def test_with_the_weights_own_axes_it_is_adam():
    """Before the first orthogonal iteration, on sides that are too large, and for whatever is no matrix."""
    betas = {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-7}
    for shape, changes in (((5, 3), {"every": 99}), ((5, 3), {"largest": 2}), ((7,), {}), ((3, 2, 4), {}), ((), {})):
        gradients = RNG.standard_normal((12, *shape))
        start = RNG.standard_normal(shape)
        adam = stepped(keras.optimizers.Adam(0.1, **betas), start, gradients)
        np.testing.assert_allclose(stepped(SOAP(0.1, **betas, **changes), start, gradients), adam, rtol=1e-4, atol=1e-5)
    gradients = RNG.standard_normal((12, 5, 3))
    moved = stepped(SOAP(0.1, every=2, **betas), np.zeros((5, 3)), gradients)
    assert np.abs(moved - stepped(keras.optimizers.Adam(0.1, **betas), np.zeros((5, 3)), gradients)).max() > 0.01


def test_its_axes_are_the_eigenvectors_of_what_gradients_have_in_common():
    rows, columns = (np.linalg.qr(RNG.standard_normal((n, n)))[0] for n in (6, 4))
    sizes = np.geomspace(1, 0.01, 6)[:, None] * np.geomspace(1, 0.03, 4)
    optimizer = SOAP(0.0, every=3, shampoo_beta=0.99)
    stepped(optimizer, np.zeros((6, 4)), [rows @ (sizes * RNG.standard_normal((6, 4))) @ columns.T for _ in range(600)])
    for (outer, axes), true in zip(optimizer._sides[0], (rows, columns), strict=True):
        outer, axes = np.array(outer), np.array(axes)
        np.testing.assert_allclose(axes.T @ axes, np.eye(len(axes)), atol=1e-5)
        inner = axes.T @ outer @ axes
        np.testing.assert_allclose(inner - np.diag(np.diag(inner)), 0, atol=1e-3 * inner.max())
        assert np.abs(axes[:, 0] @ true[:, 0]) > 0.99 and np.abs(axes[:, -1] @ true[:, -1]) > 0.9


def test_a_valley_across_the_weights_axes_is_no_harder_than_one_along_them():
    """Of ||A (W - W0) B||^2 with A and B of condition 10: Adam is slow where they are turned, and SOAP is not."""
    goal, steps = RNG.standard_normal((12, 9)), 300

    def left(kind, turned: bool) -> float:
        turns = [np.linalg.qr(RNG.standard_normal((n, n)))[0] if turned else np.eye(n) for n in goal.shape]
        a, b = (turn @ np.diag(np.geomspace(1, 0.1, len(turn))) @ turn.T for turn in turns)
        optimizer = kind(keras.optimizers.schedules.CosineDecay(0.1, steps), beta_1=0.95, beta_2=0.95, epsilon=1e-12)
        final = stepped(optimizer, np.zeros_like(goal), [lambda w: 2 * a @ a @ (w - goal) @ b @ b] * steps)
        return np.linalg.norm(final - goal) / np.linalg.norm(goal)

    along, across = (left(keras.optimizers.Adam, turned) for turned in (False, True))
    assert along < 0.01 and across > 0.05, (along, across)  # turning is what makes it hard
    along, across = (left(partial(SOAP, every=1), turned) for turned in (False, True))
    assert along < 0.01 and across < 0.01, (along, across)


def test_config_and_state_come_back(tmp_path):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    network.compile(SOAP(0.02, every=2, largest=3, weight_decay=0.1, global_clipnorm=2.0), "mse")
    x, y = RNG.standard_normal((10, 4)), RNG.standard_normal((10, 2))
    network.fit(x, y, epochs=5, batch_size=2, verbose=0)
    network.save(tmp_path / "n.keras")
    again = keras.saving.load_model(tmp_path / "n.keras")
    assert again.optimizer.get_config() == network.optimizer.get_config()
    for one in (network, again):
        one.fit(x, y, epochs=2, batch_size=2, shuffle=False, verbose=0)
    for a, b in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_another_name_is_refused():
    with pytest.raises(UnknownNameError, match="soap"):
        TrainConfig(optimizer="soup")
