"""What layers have in common. Keras writes their `get_config` itself, from the arguments of the constructor."""

from typing import Any

import keras

from zoo.errors import ZooError

Tensor = Any  # a backend's tensor, a NumPy array, or Keras' symbolic tensor


class FixedLayer(keras.layers.Layer):
    """A layer without weights that computes in float32 even in a half-precision network.

    Speech power spans more decades than float16 can hold.
    """

    def __init__(self, **kwargs):
        super().__init__(**({"trainable": False, "dtype": "float32"} | kwargs))


def check_positive(**arguments: float) -> None:
    """Raises ZooError unless every argument is above 0."""
    for name, value in arguments.items():
        if not value > 0:
            raise ZooError(f"`{name}` must be above 0. Received: {name}={value!r}.")
