"""CTC's loss is the sum over all alignments, and padding is no part of any."""

from itertools import groupby, product

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import ops

from zoo.losses import ERROR_DB, cross_entropy, ctc_loss, distillation, frames_needed, squared_error

SYMBOLS = 3  # the blank and two labels: 3 ** 5 alignments can be counted by hand


def loss(labels, logits, lengths) -> np.ndarray:
    return ops.convert_to_numpy(ctc_loss(np.array(labels, "int32"), logits, np.array(lengths, "int32")))


def logits_of(batch, frames, seed=0, symbols=SYMBOLS):
    return (2 * np.random.default_rng(seed).standard_normal((batch, frames, symbols))).astype("float32")


def by_hand(labels, logits) -> float:
    """-log of the summed probability of every path that collapses to `labels`: repeats merged, blanks dropped."""
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    total = 0.0
    for path in product(range(SYMBOLS), repeat=len(logits)):
        if [symbol for symbol, _ in groupby(path) if symbol] == list(labels):
            total += np.prod(probabilities[np.arange(len(path)), path])
    return -np.log(total)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(1, 5), st.lists(st.integers(1, 2), max_size=3), st.integers(0, 99))
def test_is_the_sum_over_alignments(n_frames, labels, seed):
    assume(frames_needed(labels) <= n_frames)
    logits = logits_of(1, 6, seed)  # the frames after n_frames are padding
    found = loss([labels + [0] * (4 - len(labels))], logits, [n_frames])
    assert found[0] == pytest.approx(by_hand(labels, logits[0, :n_frames]), rel=1e-4, abs=1e-5)


def test_nothing_said_is_all_blanks():
    logits = logits_of(1, 5)
    silence = -np.sum((logits[0] - np.log(np.exp(logits[0]).sum(axis=1, keepdims=True)))[:, 0])
    assert loss([[0, 0]], logits, [5])[0] == pytest.approx(silence, rel=1e-5)


def test_padding_of_frames_and_labels_changes_nothing():
    labels, logits, lengths = [[1, 2, 1], [2, 2, 0]], logits_of(2, 20), [20, 12]
    alone = [loss([[1, 2, 1]], logits[:1], [20])[0], loss([[2, 2]], logits[1:, :12], [12])[0]]
    np.testing.assert_allclose(loss(labels, logits, lengths), alone, rtol=1e-5)
    wide = np.concatenate([logits, 50 * logits_of(2, 30, seed=1)], axis=1)
    wide[1, 12:20] = 1e3
    np.testing.assert_allclose(loss([row + [0] * 5 for row in labels], wide, lengths), alone, rtol=1e-5)


def test_keras_own_loss_is_not_this_one():
    """The reason why this function exists; when it fails, Keras has learnt about lengths."""
    labels, logits = np.array([[1, 2]]), logits_of(1, 40)
    stock = ops.convert_to_numpy(keras.losses.CTC(reduction=None)(labels, logits))
    assert abs(stock[0] - loss(labels, logits, [8])[0]) > 1


def test_long_clips_stay_finite():
    labels = np.tile([1, 2], (1, 30))
    assert np.isfinite(loss(labels, 60 * logits_of(1, 300), [300])).all()


def keras_loss(labels, logits, lengths):
    return ops.ctc_loss(
        labels, logits, ops.sum(ops.cast(ops.not_equal(labels, 0), "int32"), axis=1), lengths, mask_index=0
    )


def gradient_of(labels, logits, lengths, ctc_loss=ctc_loss) -> np.ndarray:
    """d (sum of the losses) / d logits."""
    labels, lengths = np.array(labels, "int32"), np.array(lengths, "int32")
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda x: ops.sum(ctc_loss(labels, x, lengths)))(logits))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        variable = tf.Variable(logits)
        with tf.GradientTape() as tape:
            value = ops.sum(ctc_loss(labels, variable, lengths))
        return tape.gradient(value, variable).numpy()
    pytest.skip("gradients are taken under TensorFlow and JAX")


def test_loss_and_gradient_are_those_of_keras():
    """Keras differentiates its recursion; ours has the sums over paths from both sides."""
    rng = np.random.default_rng(5)
    labels = rng.integers(1, 6, (7, 9)).astype("int32")
    for i, row in enumerate(labels):
        row[i + 2 :] = 0
    logits, lengths = 2 * logits_of(7, 40, symbols=6), rng.integers(20, 41, 7).astype("int32")
    wanted = ops.convert_to_numpy(keras_loss(labels, logits, lengths))
    np.testing.assert_allclose(loss(labels, logits, lengths), wanted, rtol=1e-5)
    found = gradient_of(labels, logits, lengths)
    np.testing.assert_allclose(found, gradient_of(labels, logits, lengths, keras_loss), atol=1e-4)


def test_labels_and_frames_of_any_number():
    """As `fit` sees them under TensorFlow: neither number is known before."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow traces without sizes")
    import tensorflow as tf

    any_size = tf.function(
        ctc_loss,
        input_signature=[
            tf.TensorSpec((None, None), "int32"), tf.TensorSpec((None, None, SYMBOLS)), tf.TensorSpec((None,), "int32")
        ],
    )  # fmt: skip
    for frames, labels in ((5, [[1, 2], [2, 0]]), (9, [[1, 2, 1]])):
        lengths = [frames] * len(labels)
        logits = logits_of(len(labels), frames)
        np.testing.assert_allclose(any_size(labels, logits, lengths).numpy(), loss(labels, logits, lengths), rtol=1e-6)


def test_distillation_is_zero_for_equal_probabilities():
    teacher, student = logits_of(3, 8), logits_of(3, 8, seed=1)
    lengths = np.array([8, 3, 5], "int32")
    alike = ops.convert_to_numpy(distillation(teacher, teacher + 3.0, lengths))
    np.testing.assert_allclose(alike, 0, atol=1e-5)
    found = ops.convert_to_numpy(distillation(teacher, student, lengths))
    assert np.all(found > 0)
    student[1, 3:] = 99.0  # padding
    np.testing.assert_allclose(ops.convert_to_numpy(distillation(teacher, student, lengths)), found, rtol=1e-5)


def test_temperatures_compare_what_is_unlikely_too():
    teacher, student = logits_of(3, 1)[:, 0], logits_of(3, 1, seed=1)[:, 0]  # of whole clips
    one = ops.convert_to_numpy(distillation(teacher[:, None], student[:, None], np.ones(3, "int32")))
    np.testing.assert_allclose(ops.convert_to_numpy(distillation(teacher, student)), one, rtol=1e-5)
    # At a high temperature it is half the squared distance of the centred logits over the classes (Hinton et al., equation 4).
    hot = ops.convert_to_numpy(distillation(teacher, student, temperature=50.0))
    apart = (teacher - student) - (teacher - student).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(hot, np.square(apart).mean(axis=1) / 2, rtol=0.1)


def test_gradient_stops_at_the_true_length():
    gradient = gradient_of([[1, 2]], logits_of(1, 7), [4])
    assert np.abs(gradient[0, :4]).min() > 0
    assert not gradient[0, 4:].any()
    np.testing.assert_allclose(gradient[0, :4].sum(axis=-1), 0, atol=1e-5)  # the softmax does not see a common shift


@given(st.lists(st.integers(1, 3), max_size=12))
def test_frames_needed_is_the_shortest_path(labels):
    path = []
    for label in labels:
        path += [0, label] if path and path[-1] == label else [label]
    assert frames_needed(labels) == len(path)


def test_labels_that_cannot_be_emitted_teach_nothing():
    """Keras' loss of them is finite, and its gradient points nowhere."""
    labels, logits = [[1, 1, 0], [1, 2, 3], [1, 2, 0]], logits_of(3, 6, symbols=4)
    losses = loss(labels, logits, [2, 2, 2])
    assert losses[0] == losses[1] == 0 and losses[2] > 0
    assert loss([[1, 1]], logits[:1], [3])[0] > 0
    gradient = gradient_of(labels, logits, [2, 2, 2])
    assert not gradient[:2].any() and np.abs(gradient[2, :2]).min() > 0 and np.isfinite(gradient).all()


def test_labels_that_are_no_symbols_have_no_loss():
    """Else they cost next to nothing, and a training on them would look excellent."""
    losses = loss([[1, 2], [1, -1], [SYMBOLS, 0]], logits_of(3, 6), [6, 6, 6])
    assert np.isfinite(losses).tolist() == [True, False, False]


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_cross_entropy_is_the_log_of_the_softmax(shape):
    logits, classes = 5 * logits_of(1, 6, symbols=4)[0], np.array([0, 3, 1, 2, 3, 0], "int32")
    found = ops.convert_to_numpy(cross_entropy(classes.reshape(shape), logits))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, -np.log(shares[np.arange(6), classes]), rtol=1e-4, atol=1e-5)


def test_cross_entropy_of_a_sure_mistake_is_finite():
    found = ops.convert_to_numpy(cross_entropy(np.array([1, 0]), np.array([[300.0, 0.0], [300.0, 0.0]], "float32")))
    np.testing.assert_allclose(found, [300, 0], atol=1e-4)


def test_squared_error_is_of_the_real_frames():
    rng = np.random.default_rng(0)
    target, found = rng.standard_normal((2, 2, 9, 5)).astype("float32") * 20
    lengths = np.array([9, 4], "int32")
    wanted = [np.mean((found[i, :n] - target[i, :n]) ** 2) / ERROR_DB**2 / 2 for i, n in enumerate(lengths)]
    loss = squared_error(target, {"reconstruction": ops.convert_to_tensor(found)}, lengths)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), wanted, rtol=1e-5)
    variational = {"reconstruction": ops.convert_to_tensor(found), "divergence": ops.convert_to_tensor([1.0, 3.0])}
    np.testing.assert_allclose(
        ops.convert_to_numpy(squared_error(target, variational, lengths)) - wanted, [1, 3], rtol=1e-4
    )
    whole = ops.convert_to_numpy(squared_error(target, {"reconstruction": ops.convert_to_tensor(found)}))
    np.testing.assert_allclose(whole, np.mean((found - target) ** 2, axis=(1, 2)) / ERROR_DB**2 / 2, rtol=1e-5)


def test_a_margin_makes_the_right_class_harder():
    logits = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    ids = np.array([0, 3, 1, 2, 2])
    harder = logits - 6.0 * np.eye(4, dtype="float32")[ids]
    found = [np.asarray(cross_entropy(ids, *given)) for given in ((logits, 6.0), (harder,))]
    np.testing.assert_allclose(*found, rtol=1e-5)
    assert (found[0] > np.asarray(cross_entropy(ids, logits))).all()
