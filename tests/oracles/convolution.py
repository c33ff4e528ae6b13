from numnet.convolution import conv2d
from oracles.literal import normal, oracle, places, table

STRIDE, PADDING, DILATION = (2, 1), (1, 2), (1, 2)
N, C, O, H, W, I, J, P, Q = 7, 8, 9, 4, 10, 3, 5, 2, 6   # a row of x is left over


def case(rng):
    x, w, b = normal(rng, (N, C, H, W), (O, C, I, J), O)
    y, backward = conv2d(x, w, b, stride=STRIDE, padding=PADDING, dilation=DILATION)
    assert y.shape == (N, O, P, Q)
    dy, = normal(rng, y.shape)
    return x, w, b, y, dy, *backward(dy)


def row(p, i):
    """sp + ri - m, the row of the picture under row i of the kernel at place p."""
    return STRIDE[0] * p + DILATION[0] * i - PADDING[0]


def column(q, j):
    return STRIDE[1] * q + DILATION[1] * j - PADDING[1]


def at(x, n, c, h, w):
    """An entry of x, which is 0 outside the picture."""
    return x[n, c, h, w] if 0 <= h < H and 0 <= w < W else 0


@oracle("conv2d.1")
def conv2d_y(rng):
    x, w, b, y, *_ = case(rng)
    return y, table((N, O, P, Q), lambda n, o, p, q: b[o] + sum(
        w[o, c, i, j] * at(x, n, c, row(p, i), column(q, j))
        for c, i, j in places(C, I, J)))


@oracle("conv2d.2")
def conv2d_dx(rng):
    _, w, _, _, dy, dx, _, _ = case(rng)
    return dx, table((N, C, H, W), lambda n, c, h, v: sum(
        dy[n, o, p, q] * w[o, c, i, j]
        for p, i in places(P, I) if h == row(p, i)
        for q, j in places(Q, J) if v == column(q, j)
        for o in range(O)))


@oracle("conv2d.3")
def conv2d_dw(rng):
    x, _, _, _, dy, _, dw, _ = case(rng)
    return dw, table((O, C, I, J), lambda o, c, i, j: sum(
        dy[n, o, p, q] * at(x, n, c, row(p, i), column(q, j))
        for n, p, q in places(N, P, Q)))


@oracle("conv2d.4")
def conv2d_db(rng):
    *_, dy, _, _, db = case(rng)
    return db, table((O,), lambda o: sum(dy[n, o, p, q] for n, p, q in places(N, P, Q)))
