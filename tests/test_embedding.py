import numpy as np
import pytest

from numnet import Embedding, Parameter, Positions, add_positions, embedding, sinusoids

TABLE = np.arange(8.0).reshape(4, 2)


def test_rows_come_in_the_order_of_the_ids_and_in_their_shape():
    y, _ = embedding(TABLE, ids=np.array([[3, 0, 3], [1, 1, 0]]))
    np.testing.assert_array_equal(
        y, [[[6, 7], [0, 1], [6, 7]], [[2, 3], [2, 3], [0, 1]]])


def test_a_row_taken_twice_gets_both_gradients_and_one_not_taken_gets_0():
    _, backward = embedding(TABLE, ids=np.array([[3, 0, 3], [1, 1, 0]]))
    dy = np.array([[[1, 10], [2, 20], [4, 40]], [[8, 80], [16, 160], [32, 320]]], float)
    np.testing.assert_array_equal(
        backward(dy), [[34, 340], [24, 240], [0, 0], [5, 50]])


@pytest.mark.parametrize("rows", [5, 64, 65, 300])
def test_gradients_add_up_row_by_row_in_small_tables_and_in_large_ones(rows):
    rng = np.random.default_rng(0)
    ids = rng.choice([rows - 1, 0, 3], size=(4, 6))
    dy = rng.normal(size=(4, 6, 2, 3))
    dw = np.zeros((rows, 2, 3))
    for place, row in np.ndenumerate(ids):
        dw[row] += dy[place]
    _, backward = embedding(np.ones(dw.shape), ids=ids)
    np.testing.assert_allclose(backward(dy), dw, rtol=1e-14, atol=1e-14)


def test_ids_may_be_of_any_integer_type_and_of_any_number():
    for dtype in (np.uint8, np.int32, np.uint64):
        _, backward = embedding(TABLE, ids=np.array([3, 3, 0], dtype))
        np.testing.assert_array_equal(
            backward(np.ones((3, 2))), [[1, 1], [0, 0], [0, 0], [2, 2]])
    y, backward = embedding(TABLE, ids=np.zeros((0, 5), int))
    assert y.shape == (0, 5, 2)
    np.testing.assert_array_equal(backward(y), np.zeros((4, 2)))


def test_a_layer_adds_to_its_table_and_has_no_gradient_for_ids():
    layer = Embedding(50, 40, np.random.default_rng(0))
    assert layer.w.value.dtype == np.float32
    assert abs(layer.w.value.std() - 1) < 0.05 and abs(layer.w.value.mean()) < 0.05
    y, backward = layer(np.array([7, 7, 2]))
    assert backward(np.ones_like(y)) is None
    np.testing.assert_array_equal(layer.w.grad.sum(axis=1)[[2, 3, 7]], [40, 0, 80])


def test_a_row_may_itself_have_axes():
    """A picture's cells, gathered for each question."""
    w, ids = np.arange(24.0).reshape(4, 2, 3), np.array([2, 0, 2])
    y, backward = embedding(w, ids=ids)
    np.testing.assert_array_equal(y, [w[2], w[0], w[2]])
    dw = backward(np.array([w[1], w[0], w[3]]))
    np.testing.assert_array_equal(dw, [w[0], 0 * w[1], w[1] + w[3], 0 * w[3]])


def test_the_same_positions_are_added_to_every_sequence():
    x, w = np.ones((2, 3, 4)), np.arange(20.0).reshape(5, 4)
    y, backward = add_positions(x, w)
    np.testing.assert_array_equal(y, [w[:3] + 1] * 2)
    dx, dw = backward(y)
    np.testing.assert_array_equal(dx, y)
    np.testing.assert_array_equal(dw, [*(y[0] + y[1]), [0] * 4, [0] * 4])


def test_a_sequence_may_be_as_long_as_there_are_positions():
    y, _ = add_positions(np.ones((1, *TABLE.shape)), TABLE)
    np.testing.assert_array_equal(y[0], TABLE + 1)


def test_sinusoids_are_sines_and_cosines_in_turn_from_fast_to_slow():
    w = sinusoids(101, 4)
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w[0], [0, 1, 0, 1])
    np.testing.assert_allclose(w[100], np.array(
        [np.sin(100), np.cos(100), np.sin(1), np.cos(1)]), rtol=1e-6)
    np.testing.assert_allclose((w ** 2).sum(axis=1), 2, rtol=1e-6)


def test_positions_are_learned_with_a_generator_and_sinusoids_without():
    learned, fixed = Positions(9, 6, np.random.default_rng(0)), Positions(9, 6)
    assert isinstance(learned.w, Parameter) and abs(learned.w.value).max() < 0.1
    assert learned.w.value.dtype == np.float32
    assert fixed.parameters() == []
    x = np.ones((2, 5, 6), np.float32)
    y, backward = fixed(x)
    np.testing.assert_array_equal(y, [sinusoids(5, 6) + 1] * 2)
    np.testing.assert_array_equal(backward(y), y)
    y, backward = learned(x)
    np.testing.assert_array_equal(y, [learned.w.value[:5] + 1] * 2)
    np.testing.assert_array_equal(backward(x), x)
    assert learned.w.grad.sum(axis=1).tolist() == [12] * 5 + [0] * 4
