"""Old path of `zoo.tasks.reconstruction`."""

from zoo.tasks.reconstruction import Frames, Reconstruction, apply_gain, griffin_lim, lerp  # noqa: F401

between = lerp  # zoo.model asks for it until zoo.tasks takes its place
