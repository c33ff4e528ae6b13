import numpy as np
import pytest

from numnet import Conv2d, conv2d

NINE = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)        # 1 2 3 / 4 5 6 / 7 8 9
NO_BIAS = np.zeros(1)


def filters(*rows):
    return np.array(rows, float)[None, None]


def convolved(x, w, **options):
    y, _ = conv2d(x, w, NO_BIAS, **options)
    return y[0, 0].tolist()


def test_a_filter_is_not_flipped():
    assert convolved(NINE, filters([1, 10], [100, 0])) == [[421, 532], [754, 865]]


def test_the_example_of_the_guide_to_convolution_arithmetic():
    """Dumoulin and Visin 2016, figure 1.1."""
    x = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3],
                  [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]], float)[None, None]
    w = filters([0, 1, 2], [2, 2, 0], [0, 1, 2])
    assert convolved(x, w) == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]


def test_stride_is_rows_then_columns():
    one = filters([1])
    assert convolved(NINE, one, stride=(2, 1)) == [[1, 2, 3], [7, 8, 9]]
    assert convolved(NINE, one, stride=(1, 2)) == [[1, 3], [4, 6], [7, 9]]
    assert convolved(NINE, one, stride=2) == [[1, 3], [7, 9]]


def test_padding_is_rows_then_columns_of_zeros():
    both = filters([1], [10])
    assert convolved(NINE, both, padding=(1, 0)) == [
        [10, 20, 30], [41, 52, 63], [74, 85, 96], [7, 8, 9]]
    assert convolved(NINE, both, padding=(0, 1)) == [
        [0, 41, 52, 63, 0], [0, 74, 85, 96, 0]]


def test_dilation_is_rows_then_columns():
    w = filters([1, 2], [3, 4])
    assert convolved(NINE, w, dilation=(1, 2)) == [[43], [73]]
    assert convolved(NINE, w, dilation=(2, 1)) == [[58, 68]]
    assert convolved(NINE, w, dilation=2) == [[1 + 6 + 21 + 36]]


def test_channels_are_summed_and_each_filter_has_its_own_bias():
    x = np.stack([NINE[0, 0], 100 * NINE[0, 0]])[None]           # 2 channels
    w = np.array([[1, 1], [1, 0], [0, 2]], float)[:, :, None, None]
    y, _ = conv2d(x, w, np.array([0.0, 0.25, 0.5]), stride=2)
    np.testing.assert_array_equal(y[0], [
        [[101, 303], [707, 909]],
        [[1.25, 3.25], [7.25, 9.25]],
        [[200.5, 600.5], [1400.5, 1800.5]]])


def test_rows_and_columns_that_no_window_reaches_have_gradient_0():
    x = np.ones((2, 3, 6, 8))
    _, backward = conv2d(x, np.ones((5, 3, 2, 3)), np.zeros(5), stride=(3, 4))
    dx, _, _ = backward(np.ones((2, 5, 2, 2)))
    reached = np.zeros((6, 8))
    reached[np.ix_([0, 1, 3, 4], [0, 1, 2, 4, 5, 6])] = 5
    np.testing.assert_array_equal(dx, np.broadcast_to(reached, x.shape))


def test_windows_that_overlap_add_their_gradients():
    _, backward = conv2d(NINE, filters([1, 10]), NO_BIAS)
    dx, dw, db = backward(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])[None, None])
    np.testing.assert_array_equal(dx[0, 0], [[1, 12, 20], [3, 34, 40], [5, 56, 60]])
    np.testing.assert_array_equal(
        dw[0, 0], [[1 + 4 + 12 + 20 + 35 + 48, 2 + 6 + 15 + 24 + 40 + 54]])
    np.testing.assert_array_equal(db, [21])


def test_the_gradient_has_the_pictures_size_where_the_stride_leaves_a_remainder():
    for size, kernel, stride, padding in [(16, 7, 3, 2), (32, 5, 2, 0)]:
        x, w = np.ones((2, 3, size, size)), np.ones((4, 3, kernel, kernel))
        y, backward = conv2d(x, w, np.zeros(4), stride=stride, padding=padding)
        assert backward(y)[0].shape == x.shape


def test_without_needs_dx_the_other_gradients_are_the_same():
    w = filters([1, 2], [3, 4])
    y, backward = conv2d(NINE, w, NO_BIAS)
    _, same = conv2d(NINE, w, NO_BIAS, needs_dx=False)
    dx, dw, db = same(y)
    assert dx is None
    np.testing.assert_array_equal(dw, backward(y)[1])
    np.testing.assert_array_equal(db, backward(y)[2])


def test_a_layer_hands_its_options_on_and_starts_without_bias():
    rng = np.random.default_rng(0)
    layer = Conv2d(3, 4, (2, 5), rng, stride=(1, 2), padding=(0, 2))
    assert layer.w.value.shape == (4, 3, 2, 5) and not layer.b.value.any()
    y, _ = layer(np.ones((2, 3, 6, 7), np.float32))
    assert y.shape == (2, 4, 5, 4) and y.dtype == np.float32


X, W, B = np.ones((2, 3, 6, 5)), np.ones((4, 3, 3, 2)), np.ones(4)
BAD = [
    ((X.transpose(0, 2, 3, 1), W, B), {}, ValueError,
     r"conv2d: w has 3 input channels \(c\) but x has 6"),
    ((X[0], W, B), {}, ValueError, r"conv2d: x must have axes \(n, c, h, w\), got"),
    ((X, W[0], B), {}, ValueError, r"conv2d: w must have axes \(o, c, i, j\)"),
    ((X, W, B[:1]), {}, ValueError, r"conv2d: b has 1 output features \(o\) but w has"),
    ((X[:, :0], W[:, :0], B), {}, ValueError, "conv2d: w must have filters and"),
    ((X[:, :, :2], W, B), {}, ValueError, "the kernel covers 3×2 .* picture is 2×5"),
    ((X, W, B), {"dilation": (3, 1)}, ValueError, "covers 7×2 .* picture is 6×5"),
    ((X, W[:, :, :0], B), {}, ValueError, r"kernel \(0, 2\) .* must not be empty"),
    ((X[:, :, :0], W, B), {"padding": 3}, ValueError, "must not be empty"),
    ((X, W, B), {"stride": 0}, ValueError, "conv2d: stride must be at least 1, got 0"),
    ((X, W, B), {"stride": (1, -2)}, ValueError, "stride must be at least 1"),
    ((X, W, B), {"dilation": 0}, ValueError, "conv2d: dilation must be at least 1"),
    ((X, W, B), {"padding": -1}, ValueError, "conv2d: padding must be at least 0"),
    ((X, W, B), {"stride": 1.0}, TypeError, "conv2d: stride must be a whole number"),
    ((X, W, B), {"padding": (1, 1, 1)}, TypeError, "padding must be a whole number"),
    ((X.astype(np.uint8), W, B), {}, TypeError, "conv2d: x must hold .* got uint8"),
]


@pytest.mark.parametrize("args, options, error, message", BAD)
def test_conv2d_refuses(args, options, error, message):
    with pytest.raises(error, match=message):
        conv2d(*args, **options)


def test_a_layer_refuses_a_kernel_that_is_no_size():
    with pytest.raises(ValueError, match="Conv2d: kernel_size must be at least 1"):
        Conv2d(3, 4, 0, np.random.default_rng(0))
