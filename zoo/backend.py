"""Before Keras is first imported: a backend that is installed is chosen, and what TensorFlow writes meanwhile is hidden.

`import zoo` installs a finder that the first `import keras` finds, wherever that stands.
"""

import logging
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from zoo.errors import MissingBackendError
from zoo.files import quiet_stderr

BACKENDS = ("tensorflow", "jax", "torch")


def choose() -> None:
    """Set KERAS_BACKEND to the first backend that is installed, unless the user has chosen one.

    Raises:
        MissingBackendError: None is installed, or the chosen one is not, or Keras is not.
    """
    installed = [name for name in BACKENDS if find_spec(name)]
    chosen = os.environ.get("KERAS_BACKEND")
    if chosen in ("numpy", "openvino"):  # of Keras, for other models than the zoo's
        return
    if chosen and chosen not in installed:
        raise MissingBackendError(
            f"`KERAS_BACKEND` must be {' or '.join(BACKENDS)}, and installed. Received: {chosen}, of {installed}."
        )
    if not installed or not find_spec("keras"):
        raise MissingBackendError(
            "`runtime` must be 'litert' where Keras with TensorFlow, JAX or PyTorch is not installed. To install them: "
            'pip install "keras>=3.15.1" tensorflow (or jax).'
        )
    settings = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    if not chosen and not settings.exists() and installed[0] != "tensorflow":
        os.environ["KERAS_BACKEND"] = installed[0]


class _First:
    """Finds Keras and TensorFlow when they are imported first. To look for them, as `choose` does, is not to import them.

    Under JAX, Keras imports TensorFlow later, if it is installed.
    """

    looking = False

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        if name not in ("keras", "tensorflow") or self.looking:
            return None
        self.looking = True
        try:
            if name == "keras":
                choose()
            spec = find_spec(name)
        finally:
            self.looking = False
        if spec is None:
            return None
        execute = spec.loader.exec_module

        def quietly(module):
            with quiet_stderr():
                execute(module)

        spec.loader.exec_module = quietly
        return spec


def _not_retracing(record: logging.LogRecord) -> bool:
    return "retracing" not in record.getMessage()


def watch() -> None:
    """Install the finder, unless Keras is there already, and hide a warning."""
    # TensorFlow warns whenever it compiles again for clips of another length, as it should. A filter stays where the
    # level would be reset when TensorFlow is imported later.
    logging.getLogger("tensorflow").addFilter(_not_retracing)
    if "keras" not in sys.modules and not any(isinstance(finder, _First) for finder in sys.meta_path):
        sys.meta_path.insert(0, _First())
