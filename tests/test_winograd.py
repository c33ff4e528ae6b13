import sys

import numpy as np
import pytest

from numnet import conv2d, convolution, winograd
from numnet.study.stepper import watch
from numnet.winograd import A, B, G

rng = np.random.default_rng(0)


def arrays(n, c, h, w, o, dtype=np.float64):
    shapes = (n, c, h, w), (o, c, 3, 3), o
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def results(op, args, dy, **options):
    y, backward = op(*args, **options)
    return [y, *backward(dy)]


def test_the_matrices_slide_a_filter_of_three_over_four_places():
    slid = np.einsum("kr,ki,kl->ril", A, np.rint(24 * G), B) / 24
    np.testing.assert_array_equal(slid, [[np.arange(6) == r + i for i in range(3)]
                                         for r in range(4)])


SIZES = [((2, 3, 9, 7, 4), (0, 1)), ((3, 2, 4, 11, 5), (1, 2)),    # n c h w o, padding
         ((5, 4, 1, 3, 2), (1, 0)), ((2, 3, 1, 1, 4), (2, 1)),     # one pixel
         ((2, 5, 3, 3, 3), (0, 0)), ((7, 2, 13, 6, 3), (2, 2)),
         ((2, 3, 8, 10, 4), (2, 0)), ((4, 3, 16, 5, 6), (1, 1))]


@pytest.mark.parametrize("room", [1, 20_000, 2 ** 21])   # a tile, several, all of them
@pytest.mark.parametrize("sizes, padding", SIZES)
def test_it_is_the_convolution_however_it_is_cut(sizes, padding, room, monkeypatch):
    monkeypatch.setattr(sys.modules["numnet.winograd"], "BLOCK", room)
    args = arrays(*sizes)
    y, _ = winograd(*args, padding=padding)
    dy = rng.normal(size=y.shape)
    with watch("conv2d.1") as steps:
        expected = results(conv2d, args, dy, padding=padding)
    assert steps                                     # not by winograd
    for ours, plain in zip(results(winograd, args, dy, padding=padding), expected):
        assert ours.shape == plain.shape
        assert np.abs(ours - plain).max() <= 1e-13 * np.abs(plain).max()


def test_an_array_is_the_same_however_it_lies_in_memory():
    x, w, b = arrays(3, 4, 6, 5, 7)
    dy = rng.normal(size=(3, 7, 6, 5))
    expected = results(winograd, (x, w, b), dy, padding=1)
    for order in [(0, 2, 3, 1), (3, 2, 1, 0), (1, 3, 0, 2)]:
        def turned(array):
            return array.transpose(order).copy().transpose(np.argsort(order))

        changed = turned(x), turned(w), b
        for ours, plain in zip(results(winograd, changed, turned(dy), padding=1),
                               expected):
            np.testing.assert_allclose(ours, plain, rtol=1e-12, atol=1e-12)


def test_each_picture_it_gives_has_its_channels_last_in_memory():
    y, backward = winograd(*arrays(3, 4, 6, 5, 7), padding=1)
    for picture in (*y, *backward(y)[0]):
        assert picture.transpose(1, 2, 0).flags.c_contiguous


def test_without_needs_dx_the_other_gradients_are_the_same():
    args, dy = arrays(3, 4, 6, 5, 7), rng.normal(size=(3, 7, 4, 3))
    _, _, *expected = results(winograd, args, dy)
    _, dx, *same = results(winograd, args, dy, needs_dx=False)
    assert dx is None
    for ours, plain in zip(same, expected):
        np.testing.assert_array_equal(ours, plain)


def test_in_float32_the_error_is_near_a_millionth(monkeypatch):
    """Root mean square, as a share of the result's; a convolution's is lower still."""
    monkeypatch.setattr(convolution, "MANY", np.inf)
    args = arrays(4, 64, 28, 28, 64)
    dy = rng.normal(size=(4, 64, 28, 28))
    exact = results(conv2d, args, dy, padding=1)
    single = [array.astype(np.float32) for array in (*args, dy)]
    for op, bar in ((winograd, 1.2e-6), (conv2d, 4e-7)):
        for ours, right in zip(results(op, single[:3], single[3], padding=1), exact):
            error = np.sqrt(np.mean((ours - right) ** 2) / np.mean(right ** 2))
            assert error < bar, (op, error)


@pytest.mark.parametrize("sizes, options, chosen", [
    ((2, 8, 24, 25, 4), {"padding": 1}, True),
    ((2, 8, 24, 25, 4), {"padding": (2, 0)}, True),
    ((2, 8, 24, 25, 4), {"padding": 3}, False),
    ((2, 8, 24, 25, 4), {"stride": (1, 2)}, False),
    ((2, 8, 24, 25, 4), {"dilation": (2, 1)}, False),
    ((2, 7, 24, 25, 4), {}, False),                  # few channels
    ((2, 8, 24, 24, 4), {}, False),                  # 2 · 22 · 22 places, fewer than
    ((2, 8, 24, 26, 4), {}, True),                   # 1,024
])
def test_conv2d_chooses_it_by_kernel_channels_and_places(sizes, options, chosen):
    args = arrays(*sizes)
    with watch("conv2d.1", "winograd.4") as steps:
        y, backward = conv2d(*args, needs_dx=False, **options)
    assert {step.tag for step in steps} == {"winograd.4" if chosen else "conv2d.1"}
    assert backward(y)[0] is None
    with watch("conv2d.1") as steps:                 # another kernel
        conv2d(args[0], args[1][:, :, :2], args[2], **options)
    assert steps
