from types import SimpleNamespace

import numpy as np

from numnet.normalization import dropout, layer_norm
from oracles.literal import normal, oracle, rows, table

N, O, EPS, RATE = 2 * 3, 4, 0.3, 0.25                # n runs over the leading axes


def case(rng):
    """The op's answers in c.y, c.dx, …; in c.m, c.r, … what the formulas give."""
    c = SimpleNamespace()
    x, c.w, c.b = normal(rng, (2, 3, O), O, O)
    y, backward = layer_norm(x, c.w, c.b, eps=EPS)
    dy, = normal(rng, y.shape)
    dx, c.dw, c.db = backward(dy)
    c.x, c.y, c.dy, c.dx = rows(x, y, dy, dx)

    c.m = [1 / O * sum(c.x[n, o] for o in range(O)) for n in range(N)]
    c.r = [(1 / O * sum((c.x[n, o] - c.m[n]) ** 2 for o in range(O)) + EPS) ** (-1 / 2)
           for n in range(N)]
    c.u = table((N, O), lambda n, o: c.r[n] * (c.x[n, o] - c.m[n]))
    c.our_u = table((N, O), lambda n, o: (c.y[n, o] - c.b[o]) / c.w[o])
    return c


@oracle("layer_norm.1")
def layer_norm_m(rng):
    """m shows in u, by (layer_norm.3), for every o the same."""
    c = case(rng)
    return (table((N, O), lambda n, o: c.x[n, o] - c.our_u[n, o] / c.r[n]),
            table((N, O), lambda n, o: c.m[n]))


@oracle("layer_norm.2")
def layer_norm_r(rng):
    """r shows in u: it is how much further apart two numbers are than in x."""
    c = case(rng)
    low, high = c.x.argmin(axis=1), c.x.argmax(axis=1)
    return table((N,), lambda n: (c.our_u[n, high[n]] - c.our_u[n, low[n]])
                 / (c.x[n, high[n]] - c.x[n, low[n]])), np.array(c.r)


@oracle("layer_norm.3")
def layer_norm_u(rng):
    """u shows in y, by (layer_norm.4)."""
    c = case(rng)
    return c.our_u, c.u


@oracle("layer_norm.4")
def layer_norm_y(rng):
    c = case(rng)
    return c.y, table((N, O), lambda n, o: c.w[o] * c.u[n, o] + c.b[o])


@oracle("layer_norm.5")
@oracle("layer_norm.6")
@oracle("layer_norm.7")
@oracle("layer_norm.8")
def layer_norm_dx(rng):
    """du, a and c show only in dx."""
    c = case(rng)
    du = table((N, O), lambda n, o: c.dy[n, o] * c.w[o])
    a = table((N,), lambda n: 1 / O * sum(du[n, o] for o in range(O)))
    m = table((N,), lambda n: 1 / O * sum(du[n, o] * c.u[n, o] for o in range(O)))
    return c.dx, table((N, O), lambda n, o:
                       c.r[n] * (du[n, o] - a[n] - c.u[n, o] * m[n]))


@oracle("layer_norm.9")
def layer_norm_dw(rng):
    c = case(rng)
    return c.dw, table((O,), lambda o: sum(c.dy[n, o] * c.u[n, o] for n in range(N)))


@oracle("layer_norm.10")
def layer_norm_db(rng):
    c = case(rng)
    return c.db, table((O,), lambda o: sum(c.dy[n, o] for n in range(N)))


def dropout_case(rng):
    x, = normal(rng, (2, 3, 4))
    y, backward = dropout(x, rate=RATE, rng=rng)
    dy, = normal(rng, y.shape)
    a = y != 0                                       # what was drawn
    assert a.any() and not a.all()
    return x, y, dy, backward(dy), a


@oracle("dropout.1")
def dropout_y(rng):
    x, y, *_, a = dropout_case(rng)
    return y, table(x.shape, lambda *k: a[k] / (1 - RATE) * x[k])


@oracle("dropout.2")
def dropout_dx(rng):
    *_, dy, dx, a = dropout_case(rng)
    return dx, table(dy.shape, lambda *k: a[k] / (1 - RATE) * dy[k])
