import numpy as np

from numnet import flatten, relu, sigmoid, softmax, tanh


def test_relu_has_slope_0_at_0():
    y, backward = relu(np.array([[-2.0, 0.0, 3.0], [1.0, -0.0, -5.0]]))
    np.testing.assert_array_equal(y, [[0, 0, 3], [1, 0, 0]])
    dx = backward(np.array([[7.0, 8.0, -9.0], [4.0, 5.0, 6.0]]))
    np.testing.assert_array_equal(dx, [[0, 0, -9], [4, 0, 0]])


def test_relu_of_minus_infinity_is_0_and_of_nan_is_nan():
    y, _ = relu(np.array([-np.inf, np.nan, np.inf]))
    np.testing.assert_array_equal(y, [0, np.nan, np.inf])


def test_tanh_and_sigmoid_have_their_published_values():
    x = np.array([0.0, 1.0, -1.0, 0.5])
    np.testing.assert_allclose(
        tanh(x)[0], [0, 0.7615941559557649, -0.7615941559557649, 0.46211715726000973],
        rtol=1e-15)
    np.testing.assert_allclose(
        sigmoid(x)[0],
        [0.5, 0.7310585786300049, 0.2689414213699951, 0.6224593312018546], rtol=1e-15)


def test_the_slopes_of_tanh_and_sigmoid_at_0_are_1_and_a_quarter():
    for op, slope in [(tanh, 1.0), (sigmoid, 0.25)]:
        _, backward = op(np.zeros((2, 3)))
        np.testing.assert_array_equal(backward(np.full((2, 3), 8.0)), 8 * slope)


def test_sigmoid_reaches_0_and_1_far_out_without_an_overflow():
    for dtype in (np.float32, np.float64):
        y, backward = sigmoid(np.array([-1e30, -1000, 1000, 1e30], dtype))
        np.testing.assert_array_equal(y, [0, 0, 1, 1])
        np.testing.assert_array_equal(backward(np.ones(4, dtype)), [0, 0, 0, 0])


def test_softmax_of_1_2_3_has_its_published_value():
    y, _ = softmax(np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]]))
    a, b, c = 0.09003057317038046, 0.24472847105479767, 0.6652409557748219
    np.testing.assert_allclose(y, [[a, b, c], [c, a, b]], rtol=1e-15)


def test_the_gradient_of_softmax_is_not_its_diagonal_alone():
    _, backward = softmax(np.log([[1.0, 3.0], [2.0, 2.0], [1.0, 1.0]]))
    dx = backward(np.array([[1.0, 0.0], [4.0, 0.0], [3.0, 3.0]]))
    np.testing.assert_allclose(
        dx, [[3 / 16, -3 / 16], [1, -1], [0, 0]], rtol=1e-14, atol=1e-15)


def test_softmax_adds_up_to_1_along_the_axis_asked_for():
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    for axis in (0, 1, 2, -1, -2, -3):
        y, _ = softmax(x, axis=axis)
        np.testing.assert_allclose(y.sum(axis=axis), 1, rtol=1e-14)
        moved, _ = softmax(np.moveaxis(x, axis, -1))
        np.testing.assert_allclose(np.moveaxis(moved, -1, axis), y, rtol=1e-14)


def test_softmax_of_huge_scores_is_that_of_their_differences():
    y, _ = softmax(np.array([[1e5, 1e5 + 1, 1e5 + 2]]))
    np.testing.assert_allclose(y, softmax(np.array([[0.0, 1.0, 2.0]]))[0], rtol=1e-10)


def test_softmax_stands_a_row_far_below_the_others():
    y, backward = softmax(np.array([[1e4, 1e4], [-1e4, -1e4], [0.0, -1e30]]))
    np.testing.assert_array_equal(y, [[0.5, 0.5], [0.5, 0.5], [1, 0]])
    assert np.isfinite(backward(np.ones((3, 2)))).all()


def test_flatten_lays_columns_fastest_then_rows_then_channels():
    x = np.arange(48.0).reshape(2, 3, 4, 2)
    y, backward = flatten(x)
    assert y.shape == (2, 24)
    assert y[1, (2 * 4 + 3) * 2 + 1] == x[1, 2, 3, 1]
    np.testing.assert_array_equal(backward(y + 1), x + 1)
    np.testing.assert_array_equal(flatten(y)[0], y)
