import numpy as np
import pytest

from numnet import RNN, rnn
from numnet.recurrent import last_step
from numnet.study.cases import spread


def weights(rng=None):
    """wx (2, 3), wh (3, 3) and b (3), drawn at random."""
    rng = rng or np.random.default_rng(0)
    return spread(rng, 2, 3), spread(rng, 3, 3), spread(rng, 3)


def test_the_state_is_carried_and_wh_maps_its_rows_to_its_columns():
    x = np.array([[[0.5, 2.0], [0.0, 0.0], [0.0, 0.0]]])
    wx = np.array([[1.0, 0.0], [0.0, 1.0]])
    wh = np.array([[0.0, 3.0], [0.0, 0.0]])            # second reads first
    y, _ = rnn(x, wx, wh, np.zeros(2))
    first = np.tanh([0.5, 2.0])
    np.testing.assert_allclose(
        y[0], [first, [0, np.tanh(3 * first[0])], [0, 0]], rtol=1e-15)


def test_the_bias_is_added_once_at_each_step():
    y, _ = rnn(np.zeros((2, 4, 3)), np.ones((3, 5)), np.zeros((5, 5)), np.full(5, 0.5))
    np.testing.assert_allclose(y, np.full((2, 4, 5), 0.46211715726000973), rtol=1e-15)


def test_reading_in_two_parts_is_reading_in_one_forward_and_backward():
    rng = np.random.default_rng(1)
    x, h0, dy = spread(rng, 4, 5, 2), spread(rng, 4, 3), spread(rng, 4, 5, 3)
    y, backward = rnn(x, *weights(), h0)
    first, first_backward = rnn(x[:, :2], *weights(), h0)
    second, second_backward = rnn(x[:, 2:], *weights(), first[:, -1])
    np.testing.assert_allclose(np.concatenate([first, second], 1), y, rtol=1e-14)

    dx2, *dweights2, dh = second_backward(dy[:, 2:])
    dfirst = dy[:, :2].copy()
    dfirst[:, -1] += dh
    dx1, *dweights1, dh0 = first_backward(dfirst)
    dx, *dweights, dh0_at_once = backward(dy)
    np.testing.assert_allclose(np.concatenate([dx1, dx2], 1), dx, rtol=1e-10)
    np.testing.assert_allclose(dh0, dh0_at_once, rtol=1e-10)
    for part1, part2, whole in zip(dweights1, dweights2, dweights):
        np.testing.assert_allclose(part1 + part2, whole, rtol=1e-10)


def test_a_state_of_zeros_is_the_same_as_none_and_none_has_no_gradient():
    x = spread(np.random.default_rng(0), 4, 5, 2)
    y, backward = rnn(x, *weights())
    zeros, zeros_backward = rnn(x, *weights(), np.zeros((4, 3)))
    np.testing.assert_array_equal(y, zeros)
    assert len(backward(y)) == 4 and len(zeros_backward(y)) == 5


def test_a_sequence_that_has_ended_carries_its_state_on():
    x = spread(np.random.default_rng(0), 4, 5, 2)
    y, _ = rnn(x, *weights(), lengths=np.array([3, 5, 1, 2]))
    for row, length in enumerate([3, 5, 1, 2]):
        alone, _ = rnn(x[row:row + 1, :length], *weights())
        np.testing.assert_allclose(y[row, :length], alone[0], rtol=1e-14)
        np.testing.assert_array_equal(
            y[row, length:], np.broadcast_to(y[row, length - 1], (5 - length, 3)))


def test_padding_has_no_say_and_no_gradient_but_passes_gradients_back():
    x = spread(np.random.default_rng(0), 4, 5, 2)
    lengths = np.array([3, 5, 1, 2])
    padding = np.arange(5) >= lengths[:, None]
    other = np.where(padding[:, :, None], 100.0, x)
    y, backward = rnn(x, *weights(), lengths=lengths)
    y_other, backward_other = rnn(other, *weights(), lengths=lengths)
    np.testing.assert_array_equal(y, y_other)

    at_the_end = np.zeros(y.shape)
    at_the_end[:, -1] = 1.0
    at_the_last_word = np.zeros(y.shape)
    at_the_last_word[np.arange(4), lengths - 1] = 1.0
    grads = backward(at_the_end)
    assert not grads[0][padding].any() and grads[0][~padding].all()
    for same in (backward_other(at_the_end), backward(at_the_last_word)):
        for a, b in zip(grads, same):
            np.testing.assert_allclose(a, b, rtol=1e-13)


def test_lengths_of_all_steps_change_nothing():
    x = spread(np.random.default_rng(0), 4, 5, 2)
    np.testing.assert_array_equal(rnn(x, *weights())[0],
                                  rnn(x, *weights(), lengths=np.full(4, 5))[0])


def test_last_step_keeps_the_last_state_alone():
    h = np.arange(24.0).reshape(2, 4, 3)
    y, backward = last_step(h)
    np.testing.assert_array_equal(y, [[9, 10, 11], [21, 22, 23]])
    dh = backward(y)
    assert not dh[:, :3].any()
    np.testing.assert_array_equal(dh[:, 3], y)


def test_a_layer_starts_orthogonal_and_unbiased_and_hands_lengths_on():
    layer = RNN(3, 6, np.random.default_rng(0))
    wh = layer.wh.value
    np.testing.assert_allclose(wh @ wh.T, np.eye(6), atol=1e-6)
    assert layer.wx.value.shape == (3, 6) and not layer.b.value.any()
    x = np.ones((2, 4, 3), np.float32)
    y, _ = layer(x, np.array([4, 2]))
    np.testing.assert_array_equal(y[1, 3], y[0, 1])
    assert (layer(x)[0][1, 3] != y[1, 3]).any()


X = np.ones((4, 5, 2))
WX, WH, B = weights()
BAD = [
    ((X[0], WX, WH, B), {}, ValueError, r"rnn: x must have axes \(n, t, i\), got"),
    ((X, WX.T, WH, B), {}, ValueError, r"rnn: wx has 3 input features \(i\) but x"),
    ((X, WX, WH[:2], B), {}, ValueError, r"rnn: wh has 2 output features \(o\) but wx"),
    ((X, WX, WH[:, :2], B), {}, ValueError, r"rnn: wh has 2 output features \(o\) but"),
    ((X, WX, WH, B[:1]), {}, ValueError, r"rnn: b has 1 output features \(o\) but wx"),
    ((X, WX, WH, B, np.ones((1, 3))), {}, ValueError, r"rnn: h0 has 1 examples \(n\)"),
    ((X, WX, WH, B, np.ones((4, 1))), {}, ValueError, r"rnn: h0 has 1 output features"),
    ((X[:, :0], WX, WH, B), {}, ValueError, "rnn: x must have at least one time step"),
    ((X, WX, WH, B), [3, 6, 1, 2], ValueError, "rnn: lengths must be in .*5, got 6"),
    ((X, WX, WH, B), [3, 0, 1, 2], ValueError, r"lengths must be in 1\.\.5, got 0"),
    ((X, WX, WH, B), [3, -1, 1, 2], ValueError, "rnn: lengths must be in .*5, got -1"),
    ((X, WX, WH, B), [5], ValueError, r"lengths must have shape \(4,\), got \(1,\)"),
    ((X, WX, WH, B), [[3], [5], [1], [2]], ValueError, r"shape \(4,\), got \(4, 1\)"),
    ((X, WX, WH, B), [3.0, 5.0, 1.0, 2.0], TypeError, "lengths must be an array of"),
    ((X, WX, WH, B), [True] * 4, TypeError, "rnn: lengths must be .* got bool"),
    ((X.astype(int), WX, WH, B), {}, TypeError, "rnn: x must hold .* got int64"),
]


@pytest.mark.parametrize("args, lengths, error, message", BAD)
def test_rnn_refuses(args, lengths, error, message):
    with pytest.raises(error, match=message):
        rnn(*args, lengths=np.array(lengths) if lengths else None)


def test_last_step_refuses_what_has_no_step():
    with pytest.raises(ValueError, match="last_step: h must have at least one"):
        last_step(X[:, :0])
