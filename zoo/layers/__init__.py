"""Keras layers that several models share. All take true lengths; padding never reaches a real frame."""

# ruff: noqa: F401
from zoo.layers._base import FixedLayer, Layer, Tensor
from zoo.layers.convolutional import MaskedConv2D, MaskedConv2DTranspose, StridedConv1D
from zoo.layers.masking import FrameMask, MaskFrames, Positions, frame_mask, reverse_frames
from zoo.layers.normalisation import FrameMeanSubtraction, MeanSubtraction, Normalise, PeakNormalise
from zoo.layers.pooling import CosineLogits, LastFrame, MeanFrames, StatisticsPooling
from zoo.layers.recurrent import BidirectionalLSTM, ForwardLSTM, LookAhead
from zoo.layers.shaping import CutFrames, Rescale, Splice, SumClasses, TimeResize, TrimSilence
from zoo.layers.spec_augment import SpecAugment
from zoo.layers.spectral import MFCC, Deltas, LogMel, PowerSpectrum, hz_to_mel, mel_filters, mel_to_hz
