from math import tanh
from types import SimpleNamespace

import numpy as np

from numnet.recurrent import rnn
from numnet.states import last_step, mean_step
from oracles.literal import frozen, normal, oracle, places, table

N, T, I, O = 4, 5, 6, 3


def case(rng, wx=None):
    """The op's answers in c.y, c.dx, …; in c.a, c.h, c.dh, c.da, c.e what (rnn.1) to
    (rnn.5) give, keyed by their subscripts, c.h[n, -1, o] being h0."""
    c = SimpleNamespace()
    c.x, wx_drawn, c.wh, c.b = frozen(*(rng.normal(size=shape) / 2  # tanh far from 1
                                        for shape in ((N, T, I), (I, O), (O, O), O)))
    c.wx, = frozen(wx_drawn if wx is None else wx)
    c.h0, = normal(rng, (N, O))
    c.l, = frozen(np.array([2, 1, 5, 4]))
    c.y, backward = rnn(c.x, c.wx, c.wh, c.b, c.h0, lengths=c.l)
    c.dy, = normal(rng, c.y.shape)
    c.dx, c.dwx, c.dwh, c.db, c.dh0 = backward(c.dy)

    c.a, c.h = {}, {(n, -1, o): c.h0[n, o] for n, o in places(N, O)}
    for t, n, o in places(T, N, O):
        c.a[n, t, o] = (c.b[o] + sum(c.x[n, t, i] * c.wx[i, o] for i in range(I))
                        + sum(c.h[n, t - 1, k] * c.wh[k, o] for k in range(O)))
        c.h[n, t, o] = ((t < c.l[n]) * tanh(c.a[n, t, o])
                        + (t >= c.l[n]) * c.h[n, t - 1, o])

    c.dh, c.da, c.e = {}, {}, {(n, T, o): 0 for n, o in places(N, O)}
    for t in reversed(range(T)):
        for n, o in places(N, O):
            c.dh[n, t, o] = c.dy[n, t, o] + c.e[n, t + 1, o]
            c.da[n, t, o] = (t < c.l[n]) * (1 - c.h[n, t, o] ** 2) * c.dh[n, t, o]
        for n, o in places(N, O):
            c.e[n, t, o] = (sum(c.da[n, t, k] * c.wh[o, k] for k in range(O))
                            + (t >= c.l[n]) * c.dh[n, t, o])
    c.alive = [(n, t, o) for n, t, o in places(N, T, O) if t < c.l[n]]
    return c


def case_that_shows_da(rng):
    """With wx the first columns of a unit matrix, dx begins with da, by (rnn.6)."""
    c = case(rng, np.eye(I, O))
    c.our_da = c.dx[:, :, :O]
    c.our_dh = {place: c.our_da[place] / (1 - c.y[place] ** 2) for place in c.alive}
    return c


def listed(values, where):
    return np.array([values[place] for place in where])


@oracle("rnn.1")
def rnn_a(rng):
    c = case(rng)
    return np.arctanh(listed(c.y, c.alive)), listed(c.a, c.alive)


@oracle("rnn.2")
def rnn_y(rng):
    c = case(rng)
    return c.y, table((N, T, O), lambda *nto: c.h[nto])


@oracle("rnn.3")
def rnn_dh(rng):
    c = case_that_shows_da(rng)
    return listed(c.our_dh, c.alive), listed(c.dh, c.alive)


@oracle("rnn.4")
def rnn_da(rng):
    c = case_that_shows_da(rng)
    return c.our_da, table((N, T, O), lambda *nto: c.da[nto])


@oracle("rnn.5")
def rnn_e(rng):
    """e shows in dh0, and in dh - dy of the step before, where that one is real."""
    c = case_that_shows_da(rng)
    ours = {(n, 0, o): c.dh0[n, o] for n, o in places(N, O)}
    for n, t, o in c.alive:
        ours[n, t + 1, o] = c.our_dh[n, t, o] - c.dy[n, t, o]
    return listed(ours, ours), listed(c.e, ours)


@oracle("rnn.6")
def rnn_dx(rng):
    c = case(rng)
    return c.dx, table((N, T, I), lambda n, t, i:
                       sum(c.da[n, t, o] * c.wx[i, o] for o in range(O)))


@oracle("rnn.7")
def rnn_dwx(rng):
    c = case(rng)
    return c.dwx, table((I, O), lambda i, o:
                        sum(c.x[n, t, i] * c.da[n, t, o] for n, t in places(N, T)))


@oracle("rnn.8")
def rnn_dwh(rng):
    c = case(rng)
    return c.dwh, table((O, O), lambda k, o:
                        sum(c.h[n, t - 1, k] * c.da[n, t, o] for n, t in places(N, T)))


@oracle("rnn.9")
def rnn_db(rng):
    c = case(rng)
    return c.db, table((O,), lambda o: sum(c.da[n, t, o] for n, t in places(N, T)))


@oracle("rnn.10")
def rnn_dh0(rng):
    c = case(rng)
    return c.dh0, table((N, O), lambda n, o: c.e[n, 0, o])


def last_step_case(rng):
    h, dy = normal(rng, (N, T, O), (N, O))
    y, backward = last_step(h)
    return h, y, dy, backward(dy)


@oracle("last_step.1")
def last_step_y(rng):
    h, y, *_ = last_step_case(rng)
    return y, table((N, O), lambda n, o: h[n, T - 1, o])


@oracle("last_step.2")
def last_step_dh(rng):
    *_, dy, dh = last_step_case(rng)
    return dh, table((N, T, O), lambda n, t, o: (t == T - 1) * dy[n, o])


def mean_step_case(rng):
    h, dy = normal(rng, (N, T, O), (N, O))
    l, = frozen(np.array([2, 1, 5, 4]))
    y, backward = mean_step(h, lengths=l)
    return h, l, y, dy, backward(dy)


@oracle("mean_step.1")
def mean_step_y(rng):
    h, l, y, *_ = mean_step_case(rng)
    return y, table((N, O), lambda n, o:
                    1 / l[n] * sum((t < l[n]) * h[n, t, o] for t in range(T)))


@oracle("mean_step.2")
def mean_step_dh(rng):
    _, l, _, dy, dh = mean_step_case(rng)
    return dh, table((N, T, O), lambda n, t, o: 1 / l[n] * (t < l[n]) * dy[n, o])
