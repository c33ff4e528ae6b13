import tracemalloc

import numpy as np
import pytest

from numnet import Conv2d, conv2d, windows
from numnet.study.stepper import watch

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


@pytest.mark.parametrize("size, kernel", [(5, 2), (4, 1), (34, 3)])
def test_each_filter_adds_its_own_bias_where_there_are_as_many_columns(size, kernel):
    filters, channels = size - kernel + 1, 9
    b = np.arange(1.0, filters + 1)
    y, backward = conv2d(np.zeros((2, channels, size, size)),
                         np.zeros((filters, channels, kernel, kernel)), b)
    assert y.shape[1:] == (filters,) * 3
    assert np.array_equal(y, np.broadcast_to(b[:, None, None], y.shape))
    dy = np.random.default_rng(0).normal(size=y.shape)
    np.testing.assert_allclose(backward(dy)[2], dy.sum(axis=(0, 2, 3)), rtol=1e-11)


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


def test_a_picture_may_have_a_single_row_or_column():
    row = np.array([[[[1.0, 2, 3]]]])
    assert convolved(row, filters([1, 10])) == [[21, 32]]
    assert convolved(row.transpose(0, 1, 3, 2), filters([1], [10])) == [[21], [32]]
    assert convolved(row, np.ones((1, 1, 3, 3)), padding=1) == [[3, 6, 5]]


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


def results(op, args, dy, **options):
    y, backward = op(*args, **options)
    return [y, *backward(dy)]


CUT = [((7, 3, 9, 8), (4, 3, 3, 2), {"stride": (2, 1), "padding": (1, 0)}),
       ((4, 9, 11, 6), (5, 9, 2, 3), {"padding": (0, 2), "dilation": (3, 1)}),
       ((3, 2, 6, 7), (4, 2, 1, 1), {"stride": (1, 2)})]


@pytest.mark.parametrize("x, w, options", CUT)
@pytest.mark.parametrize("change", [("windows.BLOCK", 1), ("windows.BLOCK", 700),
                                    ("convolution.FEW", 0), ("convolution.FEW", 99)])
def test_cut_in_blocks_or_turned_in_memory_it_is_the_same(
        x, w, options, change, monkeypatch):
    rng = np.random.default_rng(0)
    args = [rng.normal(size=size) for size in (x, w, w[0])]
    dy = rng.normal(size=conv2d(*args, **options)[0].shape)
    expected = results(conv2d, args, dy, **options)
    monkeypatch.setattr(f"numnet.{change[0]}", change[1])
    with watch("conv2d.1") as steps:
        changed = results(conv2d, args, dy, **options)
    assert (len(steps) > 1) == change[0].startswith("windows")
    for ours, plain in zip(changed, expected):
        np.testing.assert_allclose(ours, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n, rows, row_bytes, room", [
    (7, 5, 10, 100), (3, 13, 10, 57), (4, 6, 100, 10), (2, 3, 1, 999), (0, 3, 10, 10)])
def test_blocks_hold_each_row_once_and_are_about_alike(n, rows, row_bytes, room):
    seen = np.zeros((n, rows), int)
    parts = windows.blocks(n, rows, row_bytes, room)
    for part in parts:
        seen[part] += 1
    assert (seen == 1).all()
    sizes = [seen[part].size for part in parts]
    assert max(sizes) == sizes[0] <= max(1, room // row_bytes)
    assert 2 * min(sizes) >= sizes[0]


def test_a_filter_of_one_pixel_is_a_linear_map_of_the_channels():
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=size) for size in [(2, 3, 4, 5), (6, 3, 1, 1), 6])
    dy = rng.normal(size=(2, 6, 4, 5))
    flat = w[:, :, 0, 0]
    expected = [np.einsum("nchw,oc->nohw", x, flat) + b[:, None, None],
                np.einsum("nohw,oc->nchw", dy, flat),
                np.einsum("nohw,nchw->oc", dy, x)[..., None, None],
                np.einsum("nohw->o", dy)]
    with watch("linear.1") as steps:
        given = results(conv2d, (x, w, b), dy)
    assert len(steps) == 1                           # where it can, by linear itself
    for ours, plain in zip(given, expected):
        np.testing.assert_allclose(ours, plain, rtol=1e-12, atol=1e-12)
    _, backward = conv2d(x, w, b, needs_dx=False)
    assert backward(dy)[0] is None


@pytest.mark.parametrize("margin", [(1, 0), (0, 2)])
def test_a_filter_of_one_pixel_has_a_margin_where_one_is_asked_for(margin):
    w, b = np.array([[[[10.0]]]]), np.array([0.5])
    y, backward = conv2d(NINE, w, b, padding=margin)
    rows, columns = ((m, m) for m in margin)
    expected = np.pad(10 * NINE[0, 0], (rows, columns)) + 0.5
    np.testing.assert_array_equal(y[0, 0], expected)
    dx, dw, db = backward(np.ones(y.shape))
    assert (dx == 10).all() and dx.shape == NINE.shape
    assert dw.item() == 45 and db.item() == y.size


@pytest.mark.parametrize("options", [{"padding": 1}, {"padding": 2, "dilation": 2},
                                     {"padding": 1, "needs_dx": False}])
@pytest.mark.parametrize("c, o", [(32, 24), (3, 32)])
def test_the_memory_beyond_input_and_output_is_less_than_twice_theirs(c, o, options):
    """All windows of a picture, side by side, would be 9 times the picture."""
    rng = np.random.default_rng(0)
    x, w, b, dy = (rng.normal(size=size).astype(np.float32) for size in
                   [(24, c, 48, 52), (o, c, 3, 3), o, (24, o, 48, 52)])
    tracemalloc.start()
    try:
        given = results(conv2d, (x, w, b), dy, **options)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    y = given[0]
    extra = peak - sum(array.nbytes for array in given if array is not None)
    assert extra <= 1.5 * (x.nbytes + y.nbytes) + 4e6


def test_a_layer_hands_its_options_on_and_starts_without_bias():
    rng = np.random.default_rng(0)
    layer = Conv2d(3, 4, (2, 5), rng, stride=(1, 2), padding=(0, 2))
    assert layer.w.value.shape == (4, 3, 2, 5) and not layer.b.value.any()
    y, _ = layer(np.ones((2, 3, 6, 7), np.float32))
    assert y.shape == (2, 4, 5, 4) and y.dtype == np.float32
