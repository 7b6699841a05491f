"""Shared layers: what lies in the padding never reaches a valid frame."""

import keras
import numpy as np
import pytest
from keras import ops

from zoo.layers import BidirectionalLSTM, StridedConv1D, frame_mask, reverse_frames

LENGTHS = [9, 1, 4, 7]


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def frames_of(lengths, bins=3, seed=0, width=None):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((len(lengths), width or max(lengths), bins)).astype("float32")


def zeroed(frames, lengths):
    return frames * (np.arange(frames.shape[1])[None, :] < np.array(lengths)[:, None])[:, :, None]


def test_frame_mask():
    np.testing.assert_array_equal(
        numpy(frame_mask(np.array([0, 2, 3]), 3)), [[False] * 3, [True, True, False], [True] * 3]
    )


def test_reverse_frames_within_each_length():
    frames, lengths = frames_of(LENGTHS), np.array(LENGTHS, "int32")
    backwards = numpy(reverse_frames(frames, lengths))
    for row, n in enumerate(LENGTHS):
        np.testing.assert_array_equal(backwards[row, :n], frames[row, :n][::-1])
        np.testing.assert_array_equal(backwards[row, n:], frames[row, n:])
    np.testing.assert_array_equal(numpy(reverse_frames(backwards, lengths)), frames)


def test_bidirectional_lstm_is_two_lstms():
    layer = BidirectionalLSTM(5)
    frames, lengths = frames_of(LENGTHS), np.array(LENGTHS, "int32")
    both = numpy(layer(frames, lengths))
    assert both.shape == (4, 9, 10)
    for row, n in enumerate(LENGTHS):
        alone = frames[row : row + 1, :n]
        ahead, behind = numpy(layer.forward(alone)), numpy(layer.backward(alone[:, ::-1]))[:, ::-1]
        np.testing.assert_allclose(both[row, :n], np.concatenate([ahead, behind], axis=-1)[0], atol=1e-6)


def test_bidirectional_lstm_is_kerass_where_there_is_no_padding():
    ours = BidirectionalLSTM(5)
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(5, return_sequences=True))
    frames = frames_of([6, 6])
    expected = theirs(frames)
    ours.build(frames.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(numpy(ours(frames, np.array([6, 6]))), numpy(expected), atol=1e-6)


def test_bidirectional_lstm_is_the_same_with_and_without_cudnn(monkeypatch):
    layer, frames, lengths = BidirectionalLSTM(5), frames_of(LENGTHS), np.array(LENGTHS, "int32")
    results = []
    for fast in (False, True):
        monkeypatch.setattr("zoo.layers._has_fast_lstm", lambda fast=fast: fast)
        results.append(numpy(layer(frames, lengths)))
    np.testing.assert_allclose(*results, atol=1e-6)
    assert len(layer.trainable_variables) == 6  # the loop owns no weights


def test_bidirectional_lstm_ignores_padding():
    layer, lengths = BidirectionalLSTM(5), np.array(LENGTHS, "int32")
    one, other = frames_of(LENGTHS), frames_of(LENGTHS, seed=1) * 100
    for row, n in enumerate(LENGTHS):
        other[row, :n] = one[row, :n]
    a, b = numpy(layer(one, lengths)), numpy(layer(other, lengths))
    for row, n in enumerate(LENGTHS):
        np.testing.assert_allclose(a[row, :n], b[row, :n], atol=1e-6)


@pytest.mark.parametrize(("kernel", "stride"), [(9, 3), (5, 2), (4, 3), (3, 1), (1, 4)])
def test_strided_convolution_does_not_see_the_padded_length(kernel, stride):
    layer, lengths = StridedConv1D(6, kernel, stride), np.array(LENGTHS, "int32")
    frames = zeroed(frames_of(LENGTHS), LENGTHS)
    narrow, n_narrow = layer(frames, lengths)
    wide, n_wide = layer(np.pad(frames, ((0, 0), (0, 8), (0, 0))), lengths)
    np.testing.assert_array_equal(numpy(n_narrow), [-(-n // stride) for n in LENGTHS])
    np.testing.assert_array_equal(numpy(n_narrow), numpy(n_wide))
    assert narrow.shape[1] == max(numpy(n_narrow))
    for row, n in enumerate(numpy(n_narrow)):
        alone, _ = layer(frames[row : row + 1, : LENGTHS[row]], lengths[row : row + 1])
        np.testing.assert_allclose(numpy(narrow)[row, :n], numpy(alone)[0], atol=1e-5)
        np.testing.assert_allclose(numpy(wide)[row, :n], numpy(alone)[0], atol=1e-5)


def test_strided_convolution_is_centred():
    layer = StridedConv1D(1, 5, 3)
    frames = np.zeros((1, 10, 1), "float32")
    frames[0, 6] = 1.0
    out, _ = layer(frames, np.array([10], "int32"))
    # Frame 6 is the middle of the third output's kernel: frame 2 * stride.
    assert numpy(out)[0, 2, 0] == pytest.approx(numpy(layer.conv.kernel)[2, 0, 0])


@pytest.mark.parametrize("layer", [BidirectionalLSTM(4), StridedConv1D(4, 5, 2)], ids=lambda layer: layer.name)
def test_saved_and_loaded(layer, tmp_path):
    frames, lengths = keras.Input((None, 3)), keras.Input((), dtype="int32")
    model = keras.Model([frames, lengths], layer(frames, lengths))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras", safe_mode=True)
    x = [zeroed(frames_of(LENGTHS), LENGTHS), np.array(LENGTHS, "int32")]
    for a, b in zip(keras.tree.flatten(model(x)), keras.tree.flatten(loaded(x)), strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
