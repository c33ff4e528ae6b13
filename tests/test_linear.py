import numpy as np

from numnet import Linear, linear, xavier

X = np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 4.0]])
W = np.array([[0.0, 1.0], [10.0, 100.0]])              # square: a transpose would fit
B = np.array([0.5, -0.5])


def test_linear_is_x_times_w_plus_b_and_not_w_transposed():
    y, _ = linear(X, W, B)
    np.testing.assert_array_equal(y, [[20.5, 200.5], [50.5, 502.5], [40.5, 398.5]])


def test_the_gradients_of_a_square_w_are_those_worked_out_by_hand():
    _, backward = linear(X, W, B)
    dx, dw, db = backward(np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
    np.testing.assert_array_equal(dx, [[0, 10], [2, 200], [1, 110]])
    np.testing.assert_array_equal(dw, [[0, 5], [6, 14]])
    np.testing.assert_array_equal(db, [2, 3])


def test_a_layer_starts_with_the_weights_asked_for_and_no_bias():
    layer = Linear(30, 20, np.random.default_rng(0))
    again = Linear(30, 20, np.random.default_rng(0))
    other = Linear(30, 20, np.random.default_rng(0), init=xavier)
    assert layer.w.value.shape == (30, 20) and layer.w.value.dtype == np.float32
    np.testing.assert_array_equal(layer.w.value, again.w.value)
    np.testing.assert_array_equal(
        other.w.value, xavier((30, 20), np.random.default_rng(0)))
    np.testing.assert_array_equal(layer.b.value, np.zeros(20, np.float32))
