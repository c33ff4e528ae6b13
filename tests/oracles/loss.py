from math import exp, log

import numpy as np

from numnet.loss import binary_cross_entropy, cross_entropy, mse
from oracles.literal import frozen, normal, oracle, places, table

IGNORED = -7


def cross_entropy_case(rng):
    """The rows whose label is not ignored, after asserting that others get nothing."""
    z, = normal(rng, (2, 3, 4))
    l, = frozen(np.array([[3, IGNORED, 0], [3, 1, IGNORED]]))
    L, backward = cross_entropy(z, label=l, ignore_index=IGNORED)
    dL = rng.normal()
    dz = backward(dL)
    assert not dz[l == IGNORED].any()
    kept = [place for place in places(2, 3) if l[place] != IGNORED]
    z, dz = (np.array([each[place] for place in kept]) for each in (z, dz))
    l = [l[place] for place in kept]
    p = table(z.shape, lambda n, o:
              exp(z[n, o]) / sum(exp(z[n, k]) for k in range(4)))
    return l, L, dL, dz, p, len(l)


@oracle("cross_entropy.1")
def cross_entropy_loss(rng):
    l, L, _, _, p, N = cross_entropy_case(rng)
    return L, -1 / N * sum(log(p[n, l[n]]) for n in range(N))


@oracle("cross_entropy.2")
def cross_entropy_p(rng):
    """p shows in dz, by (cross_entropy.3)."""
    l, _, dL, dz, p, N = cross_entropy_case(rng)
    return table(p.shape, lambda n, o: dz[n, o] * N / dL + (o == l[n])), p


@oracle("cross_entropy.3")
def cross_entropy_dz(rng):
    l, _, dL, dz, p, N = cross_entropy_case(rng)
    return dz, table(p.shape, lambda n, o: dL / N * (p[n, o] - (o == l[n])))


def binary_cross_entropy_case(rng):
    z, = normal(rng, (2, 3))
    t, = frozen(np.array([[0, 1, 0.25], [1, 0, 0.75]]))
    L, backward = binary_cross_entropy(z, target=t)
    dL = rng.normal()
    p = table(z.shape, lambda *n: 1 / (1 + exp(-z[n])))
    return t, L, dL, backward(dL), p, z.size


@oracle("binary_cross_entropy.1")
def binary_cross_entropy_loss(rng):
    t, L, _, _, p, N = binary_cross_entropy_case(rng)
    return L, -1 / N * sum(t[n] * log(p[n]) + (1 - t[n]) * log(1 - p[n])
                           for n in places(2, 3))


@oracle("binary_cross_entropy.2")
def binary_cross_entropy_p(rng):
    """p shows in dz, by (binary_cross_entropy.3)."""
    t, _, dL, dz, p, N = binary_cross_entropy_case(rng)
    return table(p.shape, lambda *n: dz[n] * N / dL + t[n]), p


@oracle("binary_cross_entropy.3")
def binary_cross_entropy_dz(rng):
    t, _, dL, dz, p, N = binary_cross_entropy_case(rng)
    return dz, table(p.shape, lambda *n: dL / N * (p[n] - t[n]))


def mse_case(rng):
    y, t = normal(rng, (2, 3), (2, 3))
    L, backward = mse(y, target=t)
    dL = rng.normal()
    return y, t, L, dL, backward(dL), y.size


@oracle("mse.1")
def mse_loss(rng):
    y, t, L, *_, N = mse_case(rng)
    return L, 1 / N * sum((y[n] - t[n]) ** 2 for n in places(2, 3))


@oracle("mse.2")
def mse_dy(rng):
    y, t, _, dL, dy, N = mse_case(rng)
    return dy, table((2, 3), lambda *n: dL * 2 / N * (y[n] - t[n]))
