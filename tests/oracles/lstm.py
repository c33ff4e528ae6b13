from math import exp, tanh
from types import SimpleNamespace

import numpy as np

from numnet.recurrent import lstm
from oracles.literal import frozen, normal, oracle, places, table

N, T, I, O = 4, 5, 13, 3
Z = 4 * O                                            # four gates side by side
ALL = list(places(N, T, O))


def sigma(a):
    return 1 / (1 + exp(-a))


def case(rng, wx=None):
    """The op's answers in our; in c.a, c.i, … what the formulas give, keyed n, t, o.

    With c.h[n, -1, o] and c.c[n, -1, o] h0 and c0. Of what the op does not return, the
    cell of every step is the last one of a shorter sequence.
    """
    c, our = SimpleNamespace(), SimpleNamespace()
    x, wx_drawn, wh, b = frozen(*(rng.normal(size=shape) / 2  # gates far from 0 and 1
                                  for shape in ((N, T, I), (I, Z), (O, Z), Z)))
    wx, = frozen(wx_drawn if wx is None else wx)
    h0, c0, dy, dc = normal(rng, (N, O), (N, O), (N, T, O), (N, O))
    l, = frozen(np.array([2, 1, 5, 4]))
    (our.y, _), backward = lstm(x, wx, wh, b, h0, c0, lengths=l)
    our.dx, our.dwx, our.dwh, our.db, our.dh0, our.dc0 = backward(dy, dc)
    our.c = np.stack([
        lstm(x[:, :t + 1], wx, wh, b, h0, c0, lengths=np.minimum(l, t + 1))[0][1]
        for t in range(T)], axis=1)
    c.x, c.wx, c.wh, c.dy, c.our = x, wx, wh, dy, our
    forward(c, b, h0, c0, l)
    through_time(c, dc)
    c.alive = [nto for nto in ALL if c.r[nto[:2]]]
    return c


def forward(c, b, h0, c0, l):
    """(lstm.1) to (lstm.4)"""
    c.r = {(n, t): int(t < l[n]) for n, t in places(N, T)}
    c.a, c.i, c.f, c.g, c.o = {}, {}, {}, {}, {}
    c.c = {(n, -1, o): c0[n, o] for n, o in places(N, O)}
    c.h = {(n, -1, o): h0[n, o] for n, o in places(N, O)}
    for t, n in places(T, N):
        r = c.r[n, t]
        for z in range(Z):
            c.a[n, t, z] = (b[z] + sum(c.x[n, t, i] * c.wx[i, z] for i in range(I))
                            + sum(c.h[n, t - 1, k] * c.wh[k, z] for k in range(O)))
        for o in range(O):
            nto, last = (n, t, o), (n, t - 1, o)
            c.i[nto] = sigma(c.a[n, t, 0 * O + o])
            c.f[nto] = sigma(c.a[n, t, 1 * O + o])
            c.g[nto] = tanh(c.a[n, t, 2 * O + o])
            c.o[nto] = sigma(c.a[n, t, 3 * O + o])
            c.c[nto] = (r * (c.f[nto] * c.c[last] + c.i[nto] * c.g[nto])
                        + (1 - r) * c.c[last])
            c.h[nto] = r * c.o[nto] * tanh(c.c[nto]) + (1 - r) * c.h[last]


def through_time(c, dc):
    """(lstm.5) to (lstm.12)"""
    c.dh, c.dc, c.da = {}, {}, {}
    c.e = {(n, T, o): 0 for n, o in places(N, O)}
    c.m = {(n, T, o): dc[n, o] for n, o in places(N, O)}
    for t, n in places(T, N):
        t = T - 1 - t
        r = c.r[n, t]
        for o in range(O):
            nto, i, f, g = (n, t, o), c.i[n, t, o], c.f[n, t, o], c.g[n, t, o]
            c.dh[nto] = c.dy[nto] + c.e[n, t + 1, o]
            c.dc[nto] = (c.m[n, t + 1, o]
                         + r * c.o[nto] * (1 - tanh(c.c[nto]) ** 2) * c.dh[nto])
            c.da[n, t, 0 * O + o] = r * g * i * (1 - i) * c.dc[nto]
            c.da[n, t, 1 * O + o] = r * c.c[n, t - 1, o] * f * (1 - f) * c.dc[nto]
            c.da[n, t, 2 * O + o] = r * i * (1 - g ** 2) * c.dc[nto]
            c.da[n, t, 3 * O + o] = (r * tanh(c.c[nto]) * c.o[nto] * (1 - c.o[nto])
                                     * c.dh[nto])
            c.m[nto] = r * f * c.dc[nto] + (1 - r) * c.dc[nto]
        for k in range(O):
            c.e[n, t, k] = (sum(c.da[n, t, z] * c.wh[k, z] for z in range(Z))
                            + (1 - r) * c.dh[n, t, k])


def case_that_shows_da(rng):
    """With wx the first columns of a unit matrix, dx begins with da, by (lstm.13).

    Where a step is real, dh and dc show in da, by (lstm.10) and (lstm.9).
    """
    c = case(rng, np.eye(I, Z))
    our, c.our.da = c.our, c.our.dx[:, :, :Z]
    our.dh, our.dc = {}, {}
    for n, t, o in c.alive:
        nto = n, t, o
        our.dh[nto] = our.da[n, t, 3 * O + o] / (
            tanh(c.c[nto]) * c.o[nto] * (1 - c.o[nto]))
        our.dc[nto] = our.da[n, t, 2 * O + o] / (c.i[nto] * (1 - c.g[nto] ** 2))
    return c


def listed(values, where):
    return np.array([values[place] for place in where])


def state_and_cell(c):
    return (np.stack([c.our.y, c.our.c]).ravel(),
            np.append(listed(c.h, ALL), listed(c.c, ALL)))


@oracle("lstm.1")
def lstm_a(rng):
    """a shows in the state and the cell of each step."""
    return state_and_cell(case(rng))


@oracle("lstm.2")
def lstm_gates(rng):
    """So do the gates."""
    return state_and_cell(case(rng))


@oracle("lstm.3")
def lstm_c(rng):
    c = case(rng)
    return c.our.c.ravel(), listed(c.c, ALL)


@oracle("lstm.4")
def lstm_y(rng):
    c = case(rng)
    return c.our.y.ravel(), listed(c.h, ALL)


@oracle("lstm.5")
def lstm_dh(rng):
    c = case_that_shows_da(rng)
    return listed(c.our.dh, c.alive), listed(c.dh, c.alive)


@oracle("lstm.6")
def lstm_dc(rng):
    c = case_that_shows_da(rng)
    return listed(c.our.dc, c.alive), listed(c.dc, c.alive)


def da_of_gate(rng, gate):
    c = case_that_shows_da(rng)
    return (c.our.da[:, :, gate * O:(gate + 1) * O],
            table((N, T, O), lambda n, t, o: c.da[n, t, gate * O + o]))


@oracle("lstm.7")
def lstm_da_i(rng):
    return da_of_gate(rng, 0)


@oracle("lstm.8")
def lstm_da_f(rng):
    return da_of_gate(rng, 1)


@oracle("lstm.9")
def lstm_da_g(rng):
    return da_of_gate(rng, 2)


@oracle("lstm.10")
def lstm_da_o(rng):
    return da_of_gate(rng, 3)


@oracle("lstm.11")
def lstm_m(rng):
    """m shows in dc0, and by (lstm.6) in dc of the step before, where that is real."""
    c = case_that_shows_da(rng)
    ours = {(n, 0, o): c.our.dc0[n, o] for n, o in places(N, O)}
    for n, t, o in c.alive:
        slope = c.o[n, t, o] * (1 - tanh(c.c[n, t, o]) ** 2)
        ours[n, t + 1, o] = c.our.dc[n, t, o] - slope * c.our.dh[n, t, o]
    return listed(ours, ours), listed(c.m, ours)


@oracle("lstm.12")
def lstm_e(rng):
    """e shows in dh0, and by (lstm.5) in dh of the step before, where that is real."""
    c = case_that_shows_da(rng)
    ours = {(n, 0, o): c.our.dh0[n, o] for n, o in places(N, O)}
    for n, t, o in c.alive:
        ours[n, t + 1, o] = c.our.dh[n, t, o] - c.dy[n, t, o]
    return listed(ours, ours), listed(c.e, ours)


@oracle("lstm.13")
def lstm_dx(rng):
    c = case(rng)
    return c.our.dx, table((N, T, I), lambda n, t, i:
                           sum(c.da[n, t, z] * c.wx[i, z] for z in range(Z)))


@oracle("lstm.14")
def lstm_dwx(rng):
    c = case(rng)
    return c.our.dwx, table((I, Z), lambda i, z: sum(
        c.x[n, t, i] * c.da[n, t, z] for n, t in places(N, T)))


@oracle("lstm.15")
def lstm_dwh(rng):
    c = case(rng)
    return c.our.dwh, table((O, Z), lambda k, z: sum(
        c.h[n, t - 1, k] * c.da[n, t, z] for n, t in places(N, T)))


@oracle("lstm.16")
def lstm_db(rng):
    c = case(rng)
    return c.our.db, table((Z,), lambda z:
                           sum(c.da[n, t, z] for n, t in places(N, T)))


@oracle("lstm.17")
def lstm_dh0(rng):
    c = case(rng)
    return c.our.dh0, table((N, O), lambda n, o: c.e[n, 0, o])


@oracle("lstm.18")
def lstm_dc0(rng):
    c = case(rng)
    return c.our.dc0, table((N, O), lambda n, o: c.m[n, 0, o])
