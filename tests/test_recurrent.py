import sys
from math import log, tanh

import numpy as np
import pytest

from numnet import LSTM, RNN, concatenate, linear, lstm, rnn
from numnet import tanh as tanh_op
from numnet.study.spread import spread


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


def test_the_single_matrix_form_is_the_same_rnn():
    """h_t = tanh(W [h_{t-1}, x_t] + b), where W is wh and wx side by side."""
    rng = np.random.default_rng(1)
    x, h0, dy = spread(rng, 4, 5, 2), spread(rng, 4, 3), spread(rng, 4, 5, 3)
    wx, wh, b = weights()
    W = np.concatenate([wh.T, wx.T], axis=1)
    y, backward = rnn(x, wx, wh, b, h0)
    h, backs = h0, []
    for t in range(5):
        both, both_backward = concatenate(h, x[:, t])
        a, a_backward = linear(both, W.T, b)
        h, h_backward = tanh_op(a)
        np.testing.assert_allclose(h, y[:, t], rtol=1e-13)
        backs.append((both_backward, a_backward, h_backward))

    dx, dwx, dwh, db, dh0 = backward(dy)
    dh, dW, db_sum = 0, 0, 0
    for t, (both_backward, a_backward, h_backward) in reversed([*enumerate(backs)]):
        dboth, dw, db_t = a_backward(h_backward(dy[:, t] + dh))
        dW, db_sum = dW + dw.T, db_sum + db_t
        dh, dx_t = both_backward(dboth)
        np.testing.assert_allclose(dx_t, dx[:, t], rtol=1e-10)
    np.testing.assert_allclose(dW, np.concatenate([dwh.T, dwx.T], axis=1), rtol=1e-10)
    np.testing.assert_allclose(db_sum, db, rtol=1e-10)
    np.testing.assert_allclose(dh, dh0, rtol=1e-10)


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


def test_the_columns_of_wh_give_the_same_numbers_block_by_block(monkeypatch):
    rng = np.random.default_rng(1)
    args = [spread(rng, *shape) for shape in [(4, 5, 2), (2, 6), (6, 6), (6,), (4, 6)]]
    dy, lengths = spread(rng, 4, 5, 6), np.array([5, 1, 4, 3])

    def results():
        y, backward = rnn(*args, lengths=lengths)
        return y, *backward(dy)

    whole = results()
    monkeypatch.setattr(sys.modules["numnet.recurrent"], "COLUMNS", 2)
    for ours, expected in zip(results(), whole, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_a_layer_starts_orthogonal_and_unbiased_and_hands_lengths_on():
    layer = RNN(3, 6, np.random.default_rng(0))
    wh = layer.wh.value
    np.testing.assert_allclose(wh @ wh.T, np.eye(6), atol=1e-6)
    assert layer.wx.value.shape == (3, 6) and not layer.b.value.any()
    x = np.ones((2, 4, 3), np.float32)
    y, _ = layer(x, np.array([4, 2]))
    np.testing.assert_array_equal(y[1, 3], y[0, 1])
    assert (layer(x)[0][1, 3] != y[1, 3]).any()


def lstm_weights():
    """wx (2, 12), wh (3, 12) and b (12), drawn at random."""
    rng = np.random.default_rng(0)
    return spread(rng, 2, 12), spread(rng, 3, 12), spread(rng, 12)


def test_the_gates_stand_in_the_order_input_forget_cell_output():
    shares = [log(3), log(1 / 3), np.arctanh(0.5), log(4)]      # 3/4, 1/4, 1/2, 4/5
    b = np.array([[share, 0] for share in shares]).ravel()      # the second unit: 0
    h0, c0 = np.zeros((1, 2)), np.array([[2.0, 4.0]])
    (y, c), _ = lstm(np.ones((1, 1, 3)), np.zeros((3, 8)), np.zeros((2, 8)), b, h0, c0)
    np.testing.assert_allclose(c, [[2 / 4 + 3 / 8, 4 / 2]], rtol=1e-15)
    np.testing.assert_allclose(y, [[[0.8 * tanh(7 / 8), tanh(2) / 2]]], rtol=1e-15)


def test_the_state_and_the_word_reach_the_gates_by_the_columns_of_their_weights():
    """One word in, only into the cell; then a state that only opens the forget gate."""
    wx, wh, b = np.zeros((1, 8)), np.zeros((2, 8)), np.zeros(8)
    wx[0, 4:6] = 1.0, 2.0                            # g
    wh[0, 3] = 3.0                                   # the first state, f of the second
    (y, c), _ = lstm(np.array([[[0.5], [0.0]]]), wx, wh, b)
    first = np.tanh([0.5, 1.0]) / 2                  # all gates ½
    h = np.tanh(first) / 2
    np.testing.assert_allclose(y[0, 0], h, rtol=1e-15)
    forget = 1 / (1 + np.exp([0, -3 * h[0]]))
    np.testing.assert_allclose(c[0], forget * first, rtol=1e-15)


def test_an_lstm_reads_in_two_parts_as_in_one_forward_and_backward():
    rng = np.random.default_rng(1)
    x, dy, dc = spread(rng, 4, 5, 2), spread(rng, 4, 5, 3), spread(rng, 4, 3)
    h0, c0 = spread(rng, 4, 3), spread(rng, 4, 3)
    (y, c), backward = lstm(x, *lstm_weights(), h0, c0)
    (first, middle), first_backward = lstm(x[:, :2], *lstm_weights(), h0, c0)
    (second, last), second_backward = lstm(x[:, 2:], *lstm_weights(), first[:, -1],
                                           middle)
    np.testing.assert_allclose(np.concatenate([first, second], 1), y, rtol=1e-14)
    np.testing.assert_allclose(last, c, rtol=1e-14)

    dx2, *dweights2, dh, dmiddle = second_backward(dy[:, 2:], dc)
    dfirst = dy[:, :2].copy()
    dfirst[:, -1] += dh
    dx1, *grads1 = first_backward(dfirst, dmiddle)
    dx, *grads = backward(dy, dc)
    np.testing.assert_allclose(np.concatenate([dx1, dx2], 1), dx, rtol=1e-10)
    for part1, part2, whole in zip(grads1, [*dweights2, 0, 0], grads, strict=True):
        np.testing.assert_allclose(part1 + part2, whole, rtol=1e-10)


def test_an_lstm_from_zeros_is_one_from_nothing_and_nothing_has_no_gradient():
    x = spread(np.random.default_rng(0), 4, 5, 2)
    (y, c), backward = lstm(x, *lstm_weights())
    (same, same_c), zeros_backward = lstm(x, *lstm_weights(), *np.zeros((2, 4, 3)))
    np.testing.assert_array_equal(y, same)
    np.testing.assert_array_equal(c, same_c)
    assert len(backward(y, c)) == 4 and len(zeros_backward(y, c)) == 6


def test_a_sequence_that_has_ended_keeps_its_state_and_its_cell():
    x = spread(np.random.default_rng(0), 4, 5, 2)
    (y, c), _ = lstm(x, *lstm_weights(), lengths=np.array([3, 5, 1, 2]))
    for row, length in enumerate([3, 5, 1, 2]):
        (alone, cell), _ = lstm(x[row:row + 1, :length], *lstm_weights())
        np.testing.assert_allclose(y[row, :length], alone[0], rtol=1e-14)
        np.testing.assert_array_equal(
            y[row, length:], np.broadcast_to(y[row, length - 1], (5 - length, 3)))
        np.testing.assert_allclose(c[row], cell[0], rtol=1e-14)


def test_an_lstm_hears_no_padding_and_passes_gradients_back_through_it():
    x = spread(np.random.default_rng(0), 4, 5, 2)
    lengths = np.array([3, 5, 1, 2])
    padding = np.arange(5) >= lengths[:, None]
    other = np.where(padding[:, :, None], 100.0, x)
    (y, c), backward = lstm(x, *lstm_weights(), lengths=lengths)
    (y_other, c_other), backward_other = lstm(other, *lstm_weights(), lengths=lengths)
    np.testing.assert_array_equal(y, y_other)
    np.testing.assert_array_equal(c, c_other)

    at_the_end, at_the_last_word = np.zeros(y.shape), np.zeros(y.shape)
    at_the_end[:, -1] = at_the_last_word[np.arange(4), lengths - 1] = 1.0
    dc = spread(np.random.default_rng(2), 4, 3)
    grads = backward(at_the_end, dc)
    assert not grads[0][padding].any() and grads[0][~padding].all()
    for same in (backward_other(at_the_end, dc), backward(at_the_last_word, dc)):
        for a, b in zip(grads, same):
            np.testing.assert_allclose(a, b, rtol=1e-13)


def test_lengths_of_all_steps_change_nothing_in_an_lstm_either():
    x = spread(np.random.default_rng(0), 4, 5, 2)
    np.testing.assert_array_equal(
        lstm(x, *lstm_weights())[0][0],
        lstm(x, *lstm_weights(), lengths=np.full(4, 5))[0][0])


def test_an_lstm_layer_starts_orthogonal_gate_by_gate_and_forgets_little():
    layer = LSTM(3, 5, np.random.default_rng(0))
    assert layer.wx.value.shape == (3, 20) and layer.wx.value.dtype == np.float32
    for gate in range(4):
        wh = layer.wh.value[:, 5 * gate:5 * gate + 5]
        np.testing.assert_allclose(wh @ wh.T, np.eye(5), atol=1e-6)
    assert layer.b.value.tolist() == [0] * 5 + [1] * 5 + [0] * 10


def test_an_lstm_layer_gives_states_alone_and_hands_lengths_on():
    layer = LSTM(3, 6, np.random.default_rng(0))
    x, lengths = np.ones((2, 4, 3), np.float32), np.array([4, 2])
    y, backward = layer(x, lengths)
    (h, c), lstm_backward = lstm(x, *[p.value for p in layer.parameters()],
                                 lengths=lengths)
    np.testing.assert_array_equal(y, h)
    np.testing.assert_array_equal(backward(y), lstm_backward(y, np.zeros_like(c))[0])
    assert (layer(x)[0][1, 3] != y[1, 3]).any()


@pytest.mark.parametrize("strange", [np.nan, np.inf])
@pytest.mark.parametrize("op, gates, states", [(rnn, 1, 1), (lstm, 4, 2)])
def test_what_is_not_finite_in_the_padding_spoils_no_value_and_no_gradient(
        op, gates, states, strange):
    rng = np.random.default_rng(0)
    n, t, i, o, lengths = 4, 5, 2, 3, np.array([3, 5, 1, 2])
    x, *rest = (rng.normal(size=size) for size in [
        (n, t, i), (i, gates * o), (o, gates * o), gates * o, *[(n, o)] * states])
    spoilt = np.where((np.arange(t) < lengths[:, None])[:, :, None], x, strange)
    results = []
    for each in (x, spoilt):
        y, backward = op(each, *rest, lengths=lengths)
        y = y if isinstance(y, tuple) else (y,)
        dy = np.random.default_rng(1)
        results.append([*y, *backward(*(dy.normal(size=part.shape) for part in y))])
    for clean, other in zip(*results, strict=True):
        np.testing.assert_array_equal(other, clean)
