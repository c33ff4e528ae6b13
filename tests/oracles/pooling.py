import numpy as np

from numnet.pooling import (avg_pool2d, cells, global_avg_pool2d, global_max_pool2d,
                            max_pool2d)
from oracles.literal import frozen, normal, oracle, places, table

STRIDE, PADDING, KERNEL = (2, 1), (1, 2), (5, 4)         # windows overlap
N, C, H, W, I, J, P, Q = 3, 9, 6, 7, *KERNEL, 2, 8       # a row of x is left over


def case(rng, op, **options):
    x, = frozen(rng.integers(-5, 0, (N, C, H, W)) / 2)   # ties; 0 would always win
    y, backward = op(x, **options)
    dy, = normal(rng, y.shape)
    return x, y, dy, backward(dy)


def windows_case(rng, op, **options):
    x, y, dy, dx = case(rng, op, kernel_size=KERNEL, stride=STRIDE, padding=PADDING,
                        **options)
    assert y.shape == (N, C, P, Q)
    return x, y, dy, dx


def row(p, i):
    """sp + i - m, the row of the picture under row i of the window at place p."""
    return STRIDE[0] * p + i - PADDING[0]


def column(q, j):
    return STRIDE[1] * q + j - PADDING[1]


def inside(p, q):
    """The places of the picture in a window, in reading order."""
    return [(row(p, i), column(q, j)) for i, j in places(I, J)
            if 0 <= row(p, i) < H and 0 <= column(q, j) < W]


def first_largest(x, n, c, window):
    """The place a of the largest number; of equal ones the first."""
    a = window[0]
    for h, w in window:
        if x[n, c, h, w] > x[(n, c, *a)]:
            a = h, w
    return a


@oracle("max_pool2d.1")
def max_pool2d_y(rng):
    x, y, *_ = windows_case(rng, max_pool2d)
    return y, table((N, C, P, Q), lambda n, c, p, q:
                    max(x[n, c, h, w] for h, w in inside(p, q)))


@oracle("max_pool2d.2")
def max_pool2d_dx(rng):
    x, _, dy, dx = windows_case(rng, max_pool2d)
    a = {(n, c, p, q): first_largest(x, n, c, inside(p, q))
         for n, c, p, q in places(N, C, P, Q)}
    return dx, table((N, C, H, W), lambda n, c, h, w:
                     sum(dy[n, c, p, q] * ((h, w) == a[n, c, p, q])
                         for p, q in places(P, Q)))


def kernel_entries(p, q, count_include_pad):
    """k_{pq}"""
    return I * J if count_include_pad else len(inside(p, q))


def with_and_without_padding(formula):
    """Try both values of count_include_pad."""
    def both(rng):
        pairs = [formula(rng, include) for include in (False, True)]
        return [np.stack(each) for each in zip(*pairs)]
    return both


@oracle("avg_pool2d.1")
@with_and_without_padding
def avg_pool2d_y(rng, include):
    x, y, *_ = windows_case(rng, avg_pool2d, count_include_pad=include)
    return y, table((N, C, P, Q), lambda n, c, p, q:
                    1 / kernel_entries(p, q, include)
                    * sum(x[n, c, h, w] for h, w in inside(p, q)))


@oracle("avg_pool2d.2")
@with_and_without_padding
def avg_pool2d_dx(rng, include):
    *_, dy, dx = windows_case(rng, avg_pool2d, count_include_pad=include)
    return dx, table((N, C, H, W), lambda n, c, h, w: sum(
        dy[n, c, p, q] / kernel_entries(p, q, include)
        for p, i in places(P, I) if h == row(p, i)
        for q, j in places(Q, J) if w == column(q, j)))


@oracle("global_max_pool2d.1")
def global_max_pool2d_y(rng):
    x, y, *_ = case(rng, global_max_pool2d)
    return y, table((N, C), lambda n, c: max(x[n, c, h, w] for h, w in places(H, W)))


@oracle("global_max_pool2d.2")
def global_max_pool2d_dx(rng):
    x, _, dy, dx = case(rng, global_max_pool2d)
    return dx, table((N, C, H, W), lambda n, c, h, w: dy[n, c] * (
        (h, w) == first_largest(x, n, c, list(places(H, W)))))


@oracle("global_avg_pool2d.1")
def global_avg_pool2d_y(rng):
    x, y, *_ = case(rng, global_avg_pool2d)
    return y, table((N, C), lambda n, c:
                    1 / (H * W) * sum(x[n, c, h, w] for h, w in places(H, W)))


@oracle("global_avg_pool2d.2")
def global_avg_pool2d_dx(rng):
    *_, dy, dx = case(rng, global_avg_pool2d)
    return dx, table((N, C, H, W), lambda n, c, h, w: dy[n, c] / (H * W))


@oracle("cells.1")
def cells_y(rng):
    x, y, *_ = case(rng, cells)
    literal = np.full((N, H * W, C), np.nan)
    for n, c, h, w in places(N, C, H, W):
        literal[n, h * W + w, c] = x[n, c, h, w]
    return y, literal


@oracle("cells.2")
def cells_dx(rng):
    *_, dy, dx = case(rng, cells)
    return dx, table((N, C, H, W), lambda n, c, h, w: dy[n, h * W + w, c])
