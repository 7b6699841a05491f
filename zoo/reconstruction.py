"""Old path of `zoo.tasks.reconstruction`."""

from zoo.tasks.reconstruction import Frames, Reconstruction, apply_gain, griffin_lim, lerp  # noqa: F401
