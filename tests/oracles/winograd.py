"""What (winograd.1) to (winograd.9) say, and what the tagged lines have computed.

In memory the places (n, t, q) of v, a and da are one axis, with room for W + m columns
in each row of tiles; `places_of` takes them apart again.
"""

from types import SimpleNamespace

import numpy as np

from numnet.study.stepper import watch
from numnet.winograd import A, B, G, winograd
from oracles.literal import normal, oracle, places, table

PADDING = (2, 0)
N, C, O, H, W, P, Q, T = 2, 5, 7, 11, 10, 13, 8, 4          # a tile has a row left over


def case(rng):
    """Inputs and gradients, and in `line` the arrays of each tag, in their order."""
    c = SimpleNamespace(line={})
    c.x, c.w, c.b = normal(rng, (N, C, H, W), (O, C, 3, 3), O)
    c.dy, = normal(rng, (N, O, P, Q))
    with watch(*(f"winograd.{k}" for k in range(1, 10))) as steps:
        c.y, backward = winograd(c.x, c.w, c.b, padding=PADDING)
        forward = len(steps)
        c.dx, c.dw, c.db = backward(c.dy)
    dx = [step.tag for step in steps].index("winograd.5")    # before it, what made dx
    for step in steps[:forward] + steps[dx:]:
        c.line.setdefault(step.tag, []).extend(step.arrays.values())
    return c


def places_of(array, columns):
    """(k, s, c) as (k, n, t, q, c), of q that many."""
    array = array[:, :N * T * W].reshape(6, N, T, W, -1)
    return array[:, :, :, :columns]


def at(x, n, c, h, w):
    """An entry of x or dy, which is 0 outside."""
    return x[n, c, h, w] if 0 <= h < x.shape[2] and 0 <= w < x.shape[3] else 0


def u_of(c):
    return table((6, 3, C, O), lambda k, j, i, o: sum(
        G[k, row] * c.w[o, i, row, j] for row in range(3)))


def v_of(c):
    return table((6, N, T, W, C), lambda k, n, t, q, i: sum(
        B[k, row] * at(c.x, n, i, 4 * t + row - PADDING[0], q - PADDING[1])
        for row in range(6)))


def a_of(c):
    u, v = u_of(c), v_of(c)
    return table((6, N, T, Q, O), lambda k, n, t, q, o: (k == 1) * c.b[o] + sum(
        v[k, n, t, q + j, i] * u[k, j, i, o] for j, i in places(3, C)))


def da_of(c):
    return table((6, N, T, Q, O), lambda k, n, t, q, o: sum(
        A[k, r] * at(c.dy, n, o, 4 * t + r, q) for r in range(4)))


def du_of(c):
    v, da = v_of(c), da_of(c)
    return table((6, 3, C, O), lambda k, j, i, o: sum(
        v[k, n, t, q + j, i] * da[k, n, t, q, o] for n, t, q in places(N, T, Q)))


@oracle("winograd.1")
def winograd_u(rng):
    c = case(rng)
    return c.line["winograd.1"][0].reshape(6, 3, C, O), u_of(c)


@oracle("winograd.2")
def winograd_v(rng):
    c = case(rng)
    forward, backward = c.line["winograd.2"]
    assert np.array_equal(forward, backward)
    return places_of(forward, W), v_of(c)


@oracle("winograd.3")
def winograd_a(rng):
    """Every third column at a time, and then b in all of k = 1."""
    c = case(rng)
    *thirds, with_b = c.line["winograd.3"]
    a = places_of(np.stack(thirds, axis=2).reshape(6, -1, O), W)
    a[1] = with_b.reshape(N, T, W, O)
    return a[:, :, :, :Q], a_of(c)


@oracle("winograd.4")
def winograd_y(rng):
    c = case(rng)
    a = a_of(c)
    return c.y, table((N, O, P, Q), lambda n, o, p, q: sum(
        A[k, p % 4] * a[k, n, p // 4, q, o] for k in range(6)))


@oracle("winograd.5")
def winograd_dx(rng):
    c = case(rng)
    (m, v) = PADDING
    return c.dx, table((N, C, H, W), lambda n, i, h, w: sum(
        c.w[o, i, 2 - row, 2 - j] * at(c.dy, n, o, h + m + row - 2, w + v + j - 2)
        for o, row, j in places(O, 3, 3)))


@oracle("winograd.6")
def winograd_da(rng):
    c = case(rng)
    da, = c.line["winograd.6"]
    assert not places_of(da, W)[:, :, :, Q:].any()
    return places_of(da, Q), da_of(c)


@oracle("winograd.7")
def winograd_du(rng):
    c = case(rng)
    return c.line["winograd.7"][-1].reshape(6, 3, C, O), du_of(c)


@oracle("winograd.8")
def winograd_dw(rng):
    c = case(rng)
    du = du_of(c)
    return c.dw, table((O, C, 3, 3), lambda o, i, row, j: sum(
        G[k, row] * du[k, j, i, o] for k in range(6)))


@oracle("winograd.9")
def winograd_db(rng):
    c = case(rng)
    da = da_of(c)
    return c.db, table((O,), lambda o: sum(
        da[1, n, t, q, o] for n, t, q in places(N, T, Q)))
