"""Spectral features under the path that older notebooks use; `zoo.layers` has everything."""

from zoo.layers.normalisation import MeanSubtraction, Normalise, PeakNormalise  # noqa: F401
from zoo.layers.shaping import CutFrames, Rescale, Splice, TimeResize, TrimSilence  # noqa: F401
from zoo.layers.spectral import (  # noqa: F401
    MFCC,
    Deltas,
    LogMel,
    PowerSpectrum,
    hz_to_mel,
    mel_filters,
    mel_to_hz,
)
