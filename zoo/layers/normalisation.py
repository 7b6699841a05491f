"""Layers that remove what a recording adds to speech: its level, its microphone, its line."""

from keras import ops

from zoo.layers._base import FixedLayer, Tensor, check_positive
from zoo.layers.masking import frame_mask


class Normalise(FixedLayer):
    """Normalises mean and variance of each bin over the real frames of each clip; padded frames become 0.

    This removes whatever is constant in a recording: level, microphone, phone line (Viikki & Laurila 1998).
    Silence is normalised but not counted, since seconds of it before the first word would move every mean: frames whose
    loudest bin is `silence_db` below the clip's loudest frame.

    Call:
        (frames (batch, frames, n) in dB, lengths) -> (frames (batch, frames, n), lengths).

    >>> import numpy as np
    >>> frames = np.random.default_rng(0).normal(5, 2, (1, 50, 3)).astype("float32")
    >>> normalised, _ = Normalise()(frames, np.array([50]))
    >>> bool(np.allclose(np.mean(normalised, axis=1), 0, atol=1e-3))
    True
    """

    # dB, added to the deviation in quadrature: less than speech moves any bin. The rounding errors of a bin that hardly
    # moves, such as one above a telephone's band, are not scaled up to the size of speech.
    EPSILON = 4.0

    def __init__(self, silence_db: float = 60.0, **kwargs):
        super().__init__(**kwargs)
        check_positive(silence_db=silence_db)
        self.silence_db = silence_db

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        valid = frame_mask(lengths, ops.shape(frames)[1])[:, :, None]
        loudness = ops.max(ops.where(valid, frames, -1e9), axis=2, keepdims=True)  # (batch, frames, 1)
        speech = loudness > ops.max(loudness, axis=1, keepdims=True) - self.silence_db
        counted = ops.cast(ops.logical_and(valid, speech), frames.dtype)
        count = ops.maximum(ops.sum(counted, axis=1, keepdims=True), 1.0)
        centred = (frames - ops.sum(frames * counted, axis=1, keepdims=True) / count) * ops.cast(valid, frames.dtype)
        variance = ops.sum(ops.square(centred) * counted, axis=1, keepdims=True) / count
        return centred / ops.sqrt(variance + self.EPSILON**2), lengths


class MeanSubtraction(FixedLayer):
    """Subtracts the clip's mean level, one number over all frames and bands; the result is in units of 20 dB.

    `Normalise` removes the mean of every band, which in a short word is half of the word and of the voice.

    Call:
        (frames (batch, frames, n) in dB, lengths) -> frames of the same shape, 0 in the padding.

    >>> import numpy as np
    >>> np.asarray(MeanSubtraction()(np.array([[[-40.0], [0.0]]], "float32"), np.array([2]))).ravel().tolist()
    [-1.0, 1.0]
    """

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        valid = ops.cast(frame_mask(lengths, ops.shape(frames)[1]), frames.dtype)[:, :, None]
        count = ops.cast(lengths, frames.dtype)[:, None, None] * frames.shape[2]
        mean = ops.sum(frames * valid, axis=(1, 2), keepdims=True) / count
        return (frames - mean) * valid / 20.0


class FrameMeanSubtraction(FixedLayer):
    """Subtracts from every frame its mean over the bands: how loud a sound is does not say whose it is. In units of 20 dB.

    Call:
        (frames (batch, frames, n) in dB, lengths) -> frames of the same shape, 0 in the padding.

    >>> import numpy as np
    >>> np.asarray(FrameMeanSubtraction()(np.array([[[-40.0, 0.0]]], "float32"), np.array([1]))).ravel().tolist()
    [-1.0, 1.0]
    """

    def call(self, frames: Tensor, lengths: Tensor) -> Tensor:
        valid = ops.cast(frame_mask(lengths, ops.shape(frames)[1]), frames.dtype)[:, :, None]
        return (frames - ops.mean(frames, axis=2, keepdims=True)) * valid / 20.0


class PeakNormalise(FixedLayer):
    """Measures levels in dB below the clip's peak, from -range_db to 0, so that recording level does not matter.

    Call:
        (frames (batch, frames, n) in dB, lengths) ->
        (frames of the same shape, -range_db in the padding; peak (batch,) in dB).
    """

    def __init__(self, range_db: float = 80.0, **kwargs):
        super().__init__(**kwargs)
        check_positive(range_db=range_db)
        self.range_db = range_db

    def call(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        valid = frame_mask(lengths, ops.shape(frames)[1])[:, :, None]
        peak = ops.max(ops.where(valid, frames, -1e9), axis=(1, 2))
        return self.below(frames, lengths, peak), peak

    def below(self, frames: Tensor, lengths: Tensor, peak: Tensor) -> Tensor:
        """Measures frames against the peak (batch,) of other clips, as clean speech against that of its noisy copy."""
        valid = frame_mask(lengths, ops.shape(frames)[1])[:, :, None]
        return ops.where(valid, ops.clip(frames - peak[:, None, None], -self.range_db, 0.0), -self.range_db)
