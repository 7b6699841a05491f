"""SpecAugment: augmentation of frames inside the model while it trains."""

import keras
from keras import ops

from zoo.layers._base import FixedLayer, Tensor


class SpecAugment(FixedLayer):
    """Masks random bands and spans of time while training (Park et al. 2019); does nothing otherwise.

    It also stretches or compresses the bins along frequency by a random factor, as a longer or shorter vocal tract
    would (Jaitly & Hinton 2013). Frames should be normalised to mean 0, since masked values become 0.

    Args:
        freq_masks, time_masks: Number of masks.
        freq_width, time_width: Greatest width of a mask in bins, and in frames.
        max_time_share: Greatest share of the clip that one time mask covers.
        warp: Greatest relative change of the frequency axis.
        seed: Seed of the random numbers.
    """

    def __init__(
        self,
        freq_masks: int = 2,
        freq_width: int = 16,
        time_masks: int = 3,
        time_width: int = 25,
        max_time_share: float = 0.12,
        warp: float = 0.1,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.freq_masks, self.freq_width, self.warp = freq_masks, freq_width, warp
        self.time_masks, self.time_width, self.max_time_share = time_masks, time_width, max_time_share
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, frames: Tensor, lengths: Tensor, training: bool = False) -> Tensor:
        if not training:
            return frames
        frames = self._warp(frames)
        batch, n_frames, bins = ops.shape(frames)[0], ops.shape(frames)[1], frames.shape[2]
        length = ops.cast(lengths, "float32")[:, None]
        time_width = ops.minimum(length * self.max_time_share, self.time_width)
        for _ in range(self.freq_masks):
            frames = frames * self._mask(batch, bins, float(bins), float(self.freq_width))[:, None, :]
        for _ in range(self.time_masks):
            frames = frames * self._mask(batch, n_frames, length, time_width)[:, :, None]
        return frames

    def _mask(self, batch, size, length, max_width):
        """(batch, size) of ones with one random run of zeros, at most `max_width` long, within the first `length`."""
        width = keras.random.uniform((batch, 1), seed=self.generator) * max_width
        start = keras.random.uniform((batch, 1), seed=self.generator) * (length - width)
        position = ops.cast(ops.arange(size), "float32")[None, :]
        return ops.cast(ops.logical_or(position < start, position >= start + width), "float32")

    def _warp(self, frames):
        """Linear interpolation along the bins at positions moved by a factor of 1 +- warp."""
        batch, bins = ops.shape(frames)[0], frames.shape[2]
        factor = 1.0 + keras.random.uniform((batch, 1), -self.warp, self.warp, seed=self.generator)
        position = ops.clip(ops.arange(bins, dtype="float32")[None, :] * factor, 0.0, bins - 1.001)
        below = ops.floor(position)
        part = (position - below)[:, None, :]
        index = ops.cast(below, "int32")[:, None, :]
        low = ops.take_along_axis(frames, index, axis=2)
        high = ops.take_along_axis(frames, index + 1, axis=2)
        return low * (1.0 - part) + high * part
