import sys

import numpy as np
import pytest

from numnet import (avg_pool2d, cells, global_avg_pool2d, global_max_pool2d,
                    max_pool2d, relu)

GUIDE = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3],
                  [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]], float)[None, None]


def gradient(op, x, dy, **options):
    y, backward = op(x, **options)
    assert y.shape == np.shape(dy)
    return backward(np.array(dy, float))


def test_the_examples_of_the_guide_to_convolution_arithmetic():
    """Dumoulin and Visin 2016, figures 1.5 and 1.6: averages to one decimal."""
    y, _ = avg_pool2d(GUIDE, kernel_size=3, stride=1)
    np.testing.assert_array_equal(
        np.round(y[0, 0], 1), [[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]])
    y, _ = max_pool2d(GUIDE, kernel_size=3, stride=1)
    np.testing.assert_array_equal(y[0, 0], [[3, 3, 3], [3, 3, 3], [3, 2, 3]])


def test_the_margin_of_a_max_pool_never_wins():
    x = -np.arange(1.0, 31.0).reshape(1, 1, 5, 6)
    y, backward = max_pool2d(x, kernel_size=2, padding=1)
    np.testing.assert_array_equal(
        y[0, 0], [[-1, -2, -4, -6], [-7, -8, -10, -12], [-19, -20, -22, -24]])
    assert backward(np.ones(y.shape)).sum() == y.size


def test_kernel_and_stride_are_rows_then_columns_and_windows_do_not_overlap_unasked():
    x = np.arange(24.0).reshape(1, 1, 4, 6)
    y, _ = max_pool2d(x, kernel_size=(2, 3))
    np.testing.assert_array_equal(y[0, 0], [[8, 11], [20, 23]])
    y, _ = max_pool2d(x, kernel_size=(1, 3), stride=(3, 1))
    np.testing.assert_array_equal(y[0, 0], [[2, 3, 4, 5], [20, 21, 22, 23]])
    y, _ = avg_pool2d(x, kernel_size=(4, 2))
    np.testing.assert_array_equal(y[0, 0], [[9.5, 11.5, 13.5]])


def test_the_picture_may_have_a_remainder_which_gets_gradient_0():
    x = np.arange(70.0).reshape(2, 1, 5, 7)
    for op in (max_pool2d, avg_pool2d):
        dx = gradient(op, x, np.ones((2, 1, 2, 2)), kernel_size=(2, 3))
        assert not dx[:, :, 4].any() and not dx[:, :, :, 6].any()
        assert dx.sum() == pytest.approx(8)


def test_a_tie_sends_the_whole_gradient_to_the_first():
    dx = gradient(max_pool2d, np.full((1, 1, 4, 6), 5.0), [[[[1, 2], [3, 4]]]],
                  kernel_size=(2, 3))
    expected = np.zeros((4, 6))
    expected[0, 0], expected[0, 3], expected[2, 0], expected[2, 3] = 1, 2, 3, 4
    np.testing.assert_array_equal(dx[0, 0], expected)

    x = np.array([[1, 2, 0], [9, 4, 9]], float)[None, None]
    dx = gradient(max_pool2d, x, [[[[7]]]], kernel_size=(2, 3))
    np.testing.assert_array_equal(dx[0, 0], [[0, 0, 0], [7, 0, 0]])
    dx = gradient(global_max_pool2d, x, [[7]])
    np.testing.assert_array_equal(dx[0, 0], [[0, 0, 0], [7, 0, 0]])


def test_a_winner_of_several_windows_gets_the_sum_of_their_gradients():
    x = np.array([[0, 1, 2, 3], [4, 99, 6, 7], [8, 9, 10, 11]], float)[None, None]
    dx = gradient(max_pool2d, x, [[[[1, 20, 300], [4, 50, 600]]]],
                  kernel_size=2, stride=1)
    np.testing.assert_array_equal(
        dx[0, 0], [[0, 0, 0, 0], [0, 75, 0, 300], [0, 0, 0, 600]])


@pytest.mark.parametrize("axis", [2, 3])
def test_windows_that_overlap_along_one_axis_alone_add_their_gradients(axis):
    x = np.zeros((1, 1, 5, 5))
    shared = (0, 0, 2, slice(None)) if axis == 2 else (0, 0, slice(None), 2)
    x[shared] = [1, 2, 0, 5, 4]
    options = {"kernel_size": (3, 2), "stride": (2, 3)}
    if axis == 3:
        options = {key: pair[::-1] for key, pair in options.items()}
    dx = gradient(max_pool2d, x, np.ones((1, 1, 2, 2)), **options)
    np.testing.assert_array_equal(dx[shared], [0, 2, 0, 2, 0])
    assert dx.sum() == 4


@pytest.mark.parametrize("kernel", [(1, 2), (3, 1), 1])
def test_a_kernel_of_one_along_an_axis_pools_along_the_other_alone(kernel):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 6, 4))
    y, backward = max_pool2d(x, kernel_size=kernel)
    i, j = kernel if kernel != 1 else (1, 1)
    assert np.array_equal(y, x.reshape(2, 3, 6 // i, i, 4 // j, j).max(axis=(3, 5)))
    dy = rng.normal(size=y.shape)
    won = x == y.repeat(i, axis=2).repeat(j, axis=3)
    assert np.array_equal(backward(dy), won * dy.repeat(i, axis=2).repeat(j, axis=3))


def test_every_window_sends_its_gradient_to_its_own_winner_over_all_examples():
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(3, 2, 8, 9)), rng.normal(size=(3, 2, 6, 7))
    expected = np.zeros(x.shape)
    for n, c, p, q in np.ndindex(dy.shape):
        i, j = divmod(x[n, c, p:p + 3, q:q + 3].argmax(), 3)
        expected[n, c, p + i, q + j] += dy[n, c, p, q]
    np.testing.assert_allclose(
        gradient(max_pool2d, x, dy, kernel_size=3, stride=1), expected, rtol=1e-13)


def test_winners_in_a_wide_picture_of_many_channels_get_their_gradients():
    """Places there need more than the 8 bits that number a window's entries."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 7, 4, 60))
    y, backward = max_pool2d(x, kernel_size=2)
    dy = rng.normal(size=y.shape)
    won = x == y.repeat(2, axis=2).repeat(2, axis=3)
    assert np.array_equal(backward(dy), won * dy.repeat(2, axis=2).repeat(2, axis=3))


def test_nan_and_minus_infinity_pass_through_a_max_pool():
    x = np.array([[np.nan, 1, -np.inf, -np.inf], [2, 3, -np.inf, -np.inf]])[None, None]
    y, _ = max_pool2d(x, kernel_size=2)
    np.testing.assert_array_equal(y[0, 0], [[np.nan, -np.inf]])


@pytest.mark.parametrize("options", [
    {"kernel_size": (2, 3)}, {"kernel_size": (3, 2), "stride": (1, 2), "padding": 1}])
@pytest.mark.parametrize("strange", [np.nan, -np.inf])
def test_a_window_of_nan_or_minus_infinity_sends_its_gradient_to_one_entry(
        strange, options):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 5, 7))
    x[0, 0, 1, 1:3] = x[0, 1, :4] = x[1, 2] = strange
    y, backward = max_pool2d(x, **options)
    dy, total = rng.integers(1, 9, y.shape), np.zeros(x.shape)
    for place in np.ndindex(y.shape):
        one = np.zeros(y.shape)
        one[place] = 1
        dx = backward(one)
        (*_, h, w), = np.argwhere(dx)                # one entry and no more, its first
        assert dx.sum() == 1
        if y[place] == -np.inf:
            assert (h, w) == tuple(first(i, axis, **options)
                                   for axis, i in enumerate(place[2:]))
        total += dy[place] * dx
    np.testing.assert_array_equal(backward(dy.astype(float)), total)


def first(place, axis, kernel_size, stride=None, padding=0):
    """Along an axis, the first entry of a window that lies on the picture."""
    return max(0, (stride or kernel_size)[axis] * place - padding)


def test_a_window_of_more_than_256_numbers_knows_its_largest():
    x = np.arange(2 * 3 * 2 * 300, dtype=float).reshape(2, 3, 2, 300)
    x[:, :, 0, 280] += 1e4
    dx = gradient(max_pool2d, x, np.full((2, 3, 1, 1), 5), kernel_size=(2, 300))
    np.testing.assert_array_equal(np.argwhere(dx)[:, 2:], [[0, 280]] * 6)
    assert dx.sum() == 30


def test_relu_after_a_max_pool_is_relu_before_it():
    """Ties that relu makes lie at 0, where it lets no gradient through."""
    rng = np.random.default_rng(9)
    x = rng.integers(-3, 3, (3, 2, 6, 5)).astype(float)
    dy = rng.normal(size=(3, 2, 3, 2))
    rectified, relu_backward = relu(x)
    before, pool_backward = max_pool2d(rectified, kernel_size=2)
    dx_before = relu_backward(pool_backward(dy))
    pooled, pool_backward = max_pool2d(x, kernel_size=2)
    after, relu_backward = relu(pooled)
    assert np.array_equal(after, before)
    assert np.array_equal(pool_backward(relu_backward(dy)), dx_before)
    assert (after == 0).any() and dx_before.any()


def test_an_average_over_the_margin_divides_by_the_full_window_unless_asked_otherwise():
    x = np.array([[12, 24, 36], [48, 60, 72]], float)[None, None]
    y, _ = avg_pool2d(x, kernel_size=2, padding=1)
    np.testing.assert_array_equal(y[0, 0], [[3, 15], [12, 33]])
    options = dict(kernel_size=2, padding=1, count_include_pad=False)
    y, _ = avg_pool2d(x, **options)
    np.testing.assert_array_equal(y[0, 0], [[12, 30], [48, 66]])
    dx = gradient(avg_pool2d, x, [[[[1, 2], [3, 4]]]], **options)
    np.testing.assert_array_equal(dx[0, 0], [[1, 1, 1], [3, 2, 2]])


@pytest.mark.parametrize("turned", [False, True])
def test_averages_that_overlap_along_one_axis_alone_add_their_gradients(turned):
    """In a picture that is less wide than the windows are high, or the other way."""
    turn = (lambda a: a.swapaxes(2, 3)) if turned else (lambda a: a)
    kernel, stride = ((2, 3), (2, 2)) if turned else ((3, 2), (2, 2))
    dy = turn(np.array([[6.0], [60]])[None, None])
    dx = gradient(avg_pool2d, turn(np.ones((1, 1, 5, 2))), dy,
                  kernel_size=kernel, stride=stride)
    np.testing.assert_allclose(turn(dx)[0, 0], [[1, 1], [1, 1], [11, 11], [10, 10],
                                                [10, 10]])


def test_global_pools_keep_one_number_for_each_example_and_channel():
    x = np.arange(1.0, 37.0).reshape(2, 3, 3, 2)
    y, _ = global_max_pool2d(x)
    np.testing.assert_array_equal(y, [[6, 12, 18], [24, 30, 36]])
    y, _ = global_avg_pool2d(x)
    np.testing.assert_allclose(y, [[3.5, 9.5, 15.5], [21.5, 27.5, 33.5]], rtol=1e-15)
    dx = gradient(global_avg_pool2d, x, [[6, 12, 18], [24, 30, 36]])
    np.testing.assert_array_equal(dx[1, 2], np.full((3, 2), 6))
    np.testing.assert_array_equal(dx[0, 1], np.full((3, 2), 2))


def test_cells_lie_in_reading_order_each_with_its_channels():
    x = np.arange(12.0).reshape(1, 2, 2, 3)
    y, backward = cells(x)
    np.testing.assert_array_equal(
        y, [[[0, 6], [1, 7], [2, 8], [3, 9], [4, 10], [5, 11]]])
    np.testing.assert_array_equal(backward(y), x)


@pytest.mark.parametrize("op", [max_pool2d, avg_pool2d])
def test_pooling_in_blocks_of_pictures_is_the_same(monkeypatch, op):
    rng = np.random.default_rng(12)
    x, dy = rng.normal(size=(5, 2, 6, 4)), rng.normal(size=(5, 2, 3, 2))
    (y, backward), room = op(x, kernel_size=2), 2 * x[0].size
    monkeypatch.setattr(sys.modules["numnet.pooling"], "BLOCK", room)
    again, backward_again = op(x, kernel_size=2)
    np.testing.assert_array_equal(again, y)
    np.testing.assert_array_equal(backward_again(dy), backward(dy))
