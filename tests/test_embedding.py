import numpy as np
import pytest

from numnet import Embedding, embedding

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


IDS = np.array([[3, 0, 3], [1, 1, 0]])
BAD = [
    (TABLE, IDS + 1, ValueError, r"embedding: ids must be in 0\.\.3, got 4"),
    (TABLE, IDS - 1, ValueError, r"embedding: ids must be in 0\.\.3, got -1"),
    (TABLE, IDS * 1.0, TypeError, "ids must be an array of integers, got float64"),
    (TABLE, IDS > 0, TypeError, "ids must be an array of integers, got bool"),
    (TABLE, IDS.tolist(), TypeError, "ids must be an array of integers, got list"),
    (TABLE, 2, TypeError, "ids must be an array of integers, got int"),
    (TABLE[0], IDS, ValueError, r"embedding: w must have axes \(v, o\), got"),
    (TABLE.astype(int), IDS, TypeError, "embedding: w must hold .* got int64"),
]


@pytest.mark.parametrize("table, ids, error, message", BAD)
def test_embedding_refuses(table, ids, error, message):
    with pytest.raises(error, match=message):
        embedding(table, ids=ids)
