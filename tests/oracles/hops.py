from math import exp

import numpy as np

from numnet.hops import add_places, cells_of, distance_bias, places_of
from oracles.literal import normal, oracle, table

N, M, T, U, O, I = 2, 3, 4, 5, 6, 7
C, H, W = 3, 4, 5                                    # of a picture's features


def cells_of_case(rng):
    x, = normal(rng, (N, C, H, W))
    y, backward = cells_of(x)
    dy, = normal(rng, y.shape)
    return x, y, dy, backward(dy)


@oracle("cells_of.1")
def cells_of_features(rng):
    x, y, *_ = cells_of_case(rng)
    return y[:, :, :C], table((N, H * W, C), lambda n, u, k: x[n, k, u // W, u % W])


def g(u):
    """The place of a cell: x, then y, from -1 to 1."""
    return np.float32(2 * (u % W) / (W - 1) - 1), np.float32(2 * (u // W) / (H - 1) - 1)


@oracle("cells_of.2")
def cells_of_places(rng):
    _, y, *_ = cells_of_case(rng)
    return y[:, :, C:C + 2], table((N, H * W, 2), lambda n, u, k: g(u)[k])


@oracle("cells_of.3")
def cells_of_square(rng):
    _, y, *_ = cells_of_case(rng)
    return y[:, :, C + 2], table((N, H * W), lambda n, u: g(u)[0] ** 2 + g(u)[1] ** 2)


@oracle("cells_of.4")
def cells_of_dx(rng):
    _, _, dy, dx = cells_of_case(rng)
    return dx, table((N, C, H, W), lambda n, k, h, w: dy[n, h * W + w, k])


def add_places_case(rng):
    v, g = normal(rng, (N, M, U, O), (N, U, I))
    y, backward = add_places(v, g)
    dy, = normal(rng, y.shape)
    return v, g, y, dy, *backward(dy)


@oracle("add_places.1")
def add_places_y(rng):
    v, g, y, *_ = add_places_case(rng)
    return y, table((N, M, U, O + I), lambda n, m, u, k:
                    v[n, m, u, k] if k < O else g[n, u, k - O])


@oracle("add_places.2")
def add_places_dv(rng):
    *_, dy, dv, _ = add_places_case(rng)
    return dv, table((N, M, U, O), lambda n, m, u, k: dy[n, m, u, k])


@oracle("add_places.3")
def add_places_dg(rng):
    *_, dy, _, dg = add_places_case(rng)
    return dg, table((N, U, I), lambda n, u, k:
                     sum(dy[n, m, u, O + k] for m in range(M)))


def places_of_case(rng):
    x, = normal(rng, (N, M, T, O))
    y, backward = places_of(x)
    dy, = normal(rng, y.shape)
    return x, y, dy, backward(dy)


@oracle("places_of.1")
def places_of_y(rng):
    x, y, *_ = places_of_case(rng)
    return y, table((N, M, T, 2), lambda n, m, t, k: x[n, m, t, O - 2 + k])


@oracle("places_of.2")
def places_of_dx(rng):
    *_, dy, dx = places_of_case(rng)
    return dx, table((N, M, T, O), lambda n, m, t, o:
                     (o >= O - 2) * dy[n, m, t, o - O + 2 if o >= O - 2 else 0])


class DistanceBias:
    """A case: the arrays, our answers, and r, e, dr by their formulas."""

    def __init__(self, rng, w=None):
        K = 2
        self.a, self.g, drawn = normal(rng, (N, M, T, K), (N, U, K), (N, M, T, 2))
        self.w = w = drawn if w is None else np.broadcast_to(w, drawn.shape).copy()
        self.y, backward = distance_bias(self.a, self.g, w)
        self.dy, = normal(rng, self.y.shape)
        self.da, self.dg, self.dw = backward(self.dy)
        self.sizes = N, M, T, U
        self.r = table(self.sizes, lambda n, m, t, u: sum(
            (self.a[n, m, t, k] - self.g[n, u, k]) ** 2 for k in range(K)))
        self.e = table(self.sizes, lambda *place: 4 * exp(-12 * self.r[place]))
        self.dr = table(self.sizes, lambda n, m, t, u: self.dy[n, m, t, u] * (
            w[n, m, t, 0] - 12 * w[n, m, t, 1] * self.e[n, m, t, u]))


@oracle("distance_bias.1")
def distance_bias_r(rng):
    """With w = (1, 0), y is r, by (distance_bias.3)."""
    c = DistanceBias(rng, w=[1.0, 0.0])
    return c.y, c.r


@oracle("distance_bias.2")
def distance_bias_e(rng):
    """With w = (0, 1), y is e, by (distance_bias.3)."""
    c = DistanceBias(rng, w=[0.0, 1.0])
    return c.y, c.e


@oracle("distance_bias.3")
def distance_bias_y(rng):
    c = DistanceBias(rng)
    return c.y, table(c.sizes, lambda n, m, t, u: c.w[n, m, t, 0] * c.r[n, m, t, u]
                      + c.w[n, m, t, 1] * c.e[n, m, t, u])


@oracle("distance_bias.4")
def distance_bias_dr(rng):
    """dr shows in its sum over heads and queries, by (distance_bias.6): with a = 0 for
    all of them, dg is 2 g times that sum."""
    c = DistanceBias(rng)
    a = np.zeros_like(c.a)
    _, backward = distance_bias(a, c.g, c.w)
    _, dg, _ = backward(c.dy)
    r = table((N, U), lambda n, u: sum(c.g[n, u, k] ** 2 for k in range(2)))
    return dg[:, :, 0] / (2 * c.g[:, :, 0]), table((N, U), lambda n, u: sum(
        c.dy[n, m, t, u] * (c.w[n, m, t, 0]
                            - 12 * c.w[n, m, t, 1] * 4 * exp(-12 * r[n, u]))
        for m in range(M) for t in range(T)))


@oracle("distance_bias.5")
def distance_bias_da(rng):
    c = DistanceBias(rng)
    return c.da, table(c.a.shape, lambda n, m, t, k: 2 * sum(
        c.dr[n, m, t, u] * (c.a[n, m, t, k] - c.g[n, u, k]) for u in range(U)))


@oracle("distance_bias.6")
def distance_bias_dg(rng):
    c = DistanceBias(rng)
    return c.dg, table(c.g.shape, lambda n, u, k: 2 * sum(
        c.dr[n, m, t, u] * (c.g[n, u, k] - c.a[n, m, t, k])
        for m in range(M) for t in range(T)))


@oracle("distance_bias.7")
def distance_bias_dw0(rng):
    c = DistanceBias(rng)
    return c.dw[..., 0], table((N, M, T), lambda n, m, t: sum(
        c.dy[n, m, t, u] * c.r[n, m, t, u] for u in range(U)))


@oracle("distance_bias.8")
def distance_bias_dw1(rng):
    c = DistanceBias(rng)
    return c.dw[..., 1], table((N, M, T), lambda n, m, t: sum(
        c.dy[n, m, t, u] * c.e[n, m, t, u] for u in range(U)))
