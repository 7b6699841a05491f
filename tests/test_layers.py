"""Shared layers: what lies in the padding never reaches a valid frame."""

import keras
import numpy as np
import pytest
from keras import ops

from zoo.layers import (
    BidirectionalLSTM,
    CosineLogits,
    LastFrame,
    MaskedConv2D,
    MaskedConv2DTranspose,
    MaskFrames,
    Positions,
    Rescale,
    StatisticsPooling,
    StridedConv1D,
    frame_mask,
    reverse_frames,
)
from zoo.models.attention import AttentionPooling
from zoo.models.peephole_lstm import PeepholeCell
from zoo.models.vae import KLDivergence, Sampling

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
        ahead, behind = numpy(layer.forwards(alone)), numpy(layer.backwards(alone[:, ::-1]))[:, ::-1]
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
        monkeypatch.setattr("zoo.layers.recurrent._has_fast_lstm", lambda fast=fast: fast)
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


def test_masked_frames_are_zero_and_the_rest_is_as_it_was():
    frames = frames_of(LENGTHS)
    found = numpy(MaskFrames()(frames, np.array(LENGTHS, "int32")))
    np.testing.assert_array_equal(found, zeroed(frames, LENGTHS))


def test_the_last_frame_is_the_last_real_one():
    frames = frames_of(LENGTHS, width=12)
    found = numpy(LastFrame()(frames, np.array(LENGTHS, "int32")))
    np.testing.assert_array_equal(found, [row[n - 1] for row, n in zip(frames, LENGTHS, strict=True)])
    np.testing.assert_array_equal(numpy(LastFrame()(frames, np.zeros(4, "int32"))), frames[:, 0])


# --- parts of one model


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def peephole(seed=0, units=5, bins=3) -> PeepholeCell:
    """A cell whose weights are all random."""
    cell, rng = PeepholeCell(units), np.random.default_rng(seed)
    cell.build((None, bins))
    cell.set_weights([rng.standard_normal(weight.shape).astype("float32") for weight in cell.weights])
    return cell


def test_a_peephole_cell_follows_its_equations():
    cell, x = peephole(), frames_of([6, 6])
    w_x, w_h = (np.split(numpy(w), 4, axis=1) for w in (cell.w_x, cell.w_h))
    b, (p_i, p_f, p_o) = numpy(cell.bias), numpy(cell.peep)
    h = c = np.zeros((2, 5))
    for t in range(6):
        i, f, g, o = (x[:, t] @ w_x[k] + h @ w_h[k] + b[k] for k in range(4))
        i, f = sigmoid(i + p_i * c), sigmoid(f + p_f * c)
        c = f * c + i * np.tanh(g)
        h = sigmoid(o + p_o * c) * np.tanh(c)
    found, final_h, final_c = keras.layers.RNN(cell, return_state=True)(x)
    np.testing.assert_allclose(numpy(found), h, atol=1e-5)
    np.testing.assert_allclose(numpy(final_h), h, atol=1e-5)
    np.testing.assert_allclose(numpy(final_c), c, atol=1e-5)


def test_without_peepholes_it_is_kerass_lstm():
    cell, theirs, x = peephole(), keras.layers.LSTM(5, return_sequences=True), frames_of([7, 7])
    theirs.build(x.shape)
    theirs.set_weights([numpy(cell.w_x), numpy(cell.w_h), numpy(cell.bias).ravel()])
    ours = keras.layers.RNN(cell, return_sequences=True)
    assert np.abs(numpy(ours(x)) - numpy(theirs(x))).max() > 1e-3
    cell.peep.assign(np.zeros((3, 5)))
    np.testing.assert_allclose(numpy(ours(x)), numpy(theirs(x)), atol=1e-5)


def test_a_new_peephole_cell_forgets_little_and_has_no_peepholes():
    cell = PeepholeCell(4)
    cell.build((None, 3))
    np.testing.assert_array_equal(numpy(cell.bias), [[0.0] * 4, [1.0] * 4, [0.0] * 4, [0.0] * 4])
    assert not numpy(cell.peep).any()


def test_attention_is_a_mean_of_the_real_frames():
    layer, frames = AttentionPooling(6), frames_of(LENGTHS, width=15) * 3
    total, weights = (numpy(value) for value in layer(frames, np.array(LENGTHS, "int32")))
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    for row, n in enumerate(LENGTHS):
        assert (weights[row, :n] > 0).all() and not weights[row, n:].any()
        np.testing.assert_allclose(total[row], weights[row, :n] @ frames[row, :n], atol=1e-5)
        alone, _ = layer(frames[row : row + 1, :n], np.array([n], "int32"))
        np.testing.assert_allclose(total[row], numpy(alone)[0], atol=1e-5)


@pytest.mark.parametrize("bins", [6, 7])
def test_positions_tell_frames_apart_and_do_not_see_the_padded_length(bins):
    short, long = (numpy(Positions()(np.zeros((1, n, bins), "float32")))[0] for n in (20, 50))
    np.testing.assert_allclose(short, long[:20], atol=1e-6)
    distances = np.abs(long[:, None] - long[None]).max(axis=-1)
    assert distances[~np.eye(50, dtype=bool)].min() > 1e-3 and np.abs(long).max() <= 1


def test_statistics_are_of_the_real_frames():
    frames = frames_of(LENGTHS)
    found = numpy(StatisticsPooling()(frames, np.array(LENGTHS, "int32")))
    for row, n in enumerate(LENGTHS):
        real = frames[row, :n]
        wanted = np.concatenate([real.mean(axis=0), np.sqrt(real.var(axis=0) + 1e-5)])
        np.testing.assert_allclose(found[row], wanted, atol=1e-5)


def test_cosine_logits_do_not_depend_on_how_long_the_directions_are():
    layer, x = CosineLogits(4, 16.0), frames_of([1, 1])[:, 0]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = numpy(layer(x))
    assert np.abs(found).max() <= 16.0 + 1e-4
    layer.directions.assign(layer.directions * 7.0)
    np.testing.assert_allclose(numpy(layer(x)), found, rtol=1e-4, atol=1e-5)
    along = numpy(layer.directions).T
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    np.testing.assert_allclose(np.diag(numpy(layer(along))), 16, rtol=1e-5)


def test_sampling_draws_from_the_gaussian_while_training_and_takes_its_mean_otherwise():
    mean, log_variance = np.full((4000, 2), [1.0, -2.0], "float32"), np.full((4000, 2), [0.0, -4.0], "float32")
    np.testing.assert_array_equal(numpy(Sampling()(mean, log_variance)), mean)
    drawn = numpy(Sampling()(mean, log_variance, training=True))
    np.testing.assert_allclose(drawn.mean(axis=0), [1, -2], atol=0.06)
    np.testing.assert_allclose(drawn.std(axis=0), np.exp([0.0, -2.0]), rtol=0.05)


def test_kl_divergence_is_zero_for_the_standard_normal_and_positive_elsewhere():
    mean, log_variance = frames_of([1, 1], bins=5)[:, 0], frames_of([1, 1], bins=5, seed=1)[:, 0]
    assert not numpy(KLDivergence(1.0)(0 * mean, 0 * mean)).any()
    found = numpy(KLDivergence(0.5)(mean, log_variance))
    assert (found > 0).all()
    # The integral itself, over samples of the Gaussian: E[log q - log p].
    noise = np.random.default_rng(0).standard_normal((50_000, 2, 5))
    x = mean + np.exp(0.5 * log_variance) * noise
    wanted = 0.5 * np.mean(np.sum(0.5 * (x**2 - noise**2 - log_variance), axis=-1), axis=0)
    np.testing.assert_allclose(found, wanted, rtol=0.05)


@pytest.mark.parametrize(
    "layer",
    [BidirectionalLSTM(4), StridedConv1D(4, 5, 2), MaskFrames(), LastFrame(), AttentionPooling(4), StatisticsPooling()],
    ids=lambda layer: type(layer).__name__,
)
def test_saved_and_loaded(layer, tmp_path):
    frames, lengths = keras.Input((None, 3)), keras.Input((), dtype="int32")
    model = keras.Model([frames, lengths], layer(frames, lengths))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras", safe_mode=True)
    x = [zeroed(frames_of(LENGTHS), LENGTHS), np.array(LENGTHS, "int32")]
    for a, b in zip(keras.tree.flatten(model(x)), keras.tree.flatten(loaded(x)), strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_masked_convolution_does_not_see_the_padded_length(stride):
    layer, lengths = MaskedConv2D(3, (5, 3), (stride, 2)), np.array([11, 4], "int32")
    pictures = np.random.default_rng(0).standard_normal((2, 17, 6, 2)).astype("float32")
    wide, ends = layer(pictures, lengths)
    for row, n in enumerate(lengths):
        alone, (end,) = layer(pictures[row : row + 1, :n], lengths[row : row + 1])
        assert int(ends[row]) == int(end) == -(-n // stride) and alone.shape[2] == 3
        np.testing.assert_allclose(numpy(wide)[row, : int(end)], numpy(alone)[0], atol=1e-5)


def test_a_masked_transposed_convolution_doubles_and_does_not_see_the_padded_length():
    layer, lengths = MaskedConv2DTranspose(3), np.array([9, 4], "int32")
    pictures = np.random.default_rng(0).standard_normal((2, 12, 5, 2)).astype("float32")
    wide, ends = layer(pictures, lengths)
    assert wide.shape == (2, 24, 10, 3) and [int(end) for end in ends] == [18, 8]
    for row, n in enumerate(lengths):
        alone, _ = layer(pictures[row : row + 1, :n], lengths[row : row + 1])
        np.testing.assert_allclose(numpy(wide)[row, : 2 * n], numpy(alone)[0], atol=1e-5)


def test_rescaled():
    layer = Rescale(0.05, 2.0)
    np.testing.assert_allclose(numpy(layer(np.array([-80.0, 0.0], "float32"))), [-2, 2], atol=1e-6)
    assert Rescale.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("layer", [MaskedConv2D(4, (3, 5), (2, 1)), MaskedConv2DTranspose(2, 2)])
def test_layers_of_pictures_are_saved_and_loaded(layer, tmp_path):
    pictures, lengths = keras.Input((None, 6, 2)), keras.Input((), dtype="int32")
    model = keras.Model([pictures, lengths], layer(pictures, lengths))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras", safe_mode=True)
    x = [np.random.default_rng(0).standard_normal((2, 8, 6, 2)).astype("float32"), np.array([8, 5], "int32")]
    for a, b in zip(keras.tree.flatten(model(x)), keras.tree.flatten(loaded(x)), strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
