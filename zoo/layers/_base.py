"""What layers have in common."""

from typing import Any

import keras

from zoo.errors import ZooError

Tensor = Any  # a backend's tensor, a NumPy array, or Keras' symbolic tensor


class Layer(keras.layers.Layer):
    """A layer that Keras finds by its name in a saved model, and whose `get_config` it writes from the constructor."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable("zoo")(cls)


class FixedLayer(Layer):
    """A layer without weights, in float32 even in a half-precision network: speech power spans too many decades."""

    def __init__(self, **kwargs):
        super().__init__(**({"trainable": False, "dtype": "float32"} | kwargs))


def check_positive(**arguments: float) -> None:
    """Raises ZooError unless every argument is above 0."""
    for name, value in arguments.items():
        if not value > 0:
            raise ZooError(f"`{name}` must be above 0. Received: {name}={value!r}.")
