from math import exp, log, sqrt
from types import SimpleNamespace

import numpy as np

from numnet.attention import attention, merge_heads, split_heads
from oracles.literal import frozen, normal, oracle, places, table

N, T, U, I, O = 2 * 3, 4, 5, 6, 7                    # n runs over the leading axes


def case(rng, v=None, masked=True):
    """The op's answers in c.y, c.dq, …; in c.s, c.p, … what the formulas give."""
    c = SimpleNamespace()
    q, k, bias = normal(rng, (2, 3, T, I), (2, 3, U, I), (2, 3, T, U))
    v, = normal(rng, (2, 3, U, O)) if v is None else frozen(v)
    mask = rng.random((2, 1, T, U)) < (0.7 if masked else 2)
    mask[0, 0, 2] &= not masked                      # this query may look at nothing
    frozen(mask)
    y, backward = attention(q, k, v, bias, mask=mask, causal=masked)
    dy, = normal(rng, y.shape)
    answers = (q, k, v, bias, y, dy, *backward(dy))
    names = ["q", "k", "v", "bias", "y", "dy", "dq", "dk", "dv", "dbias"]
    for name, array in zip(names, answers):
        setattr(c, name, array.reshape(N, *array.shape[2:]))

    c.a = table((N, T, U), lambda n, t, u:
                mask[n // 3, 0, t, u] * (u <= t if masked else 1))
    c.s = table((N, T, U), lambda n, t, u: 1 / sqrt(I) * sum(
        c.q[n, t, i] * c.k[n, u, i] for i in range(I)) + c.bias[n, t, u])
    c.p = table((N, T, U), lambda n, t, u: c.a[n, t, u] and (
        exp(c.s[n, t, u]) / sum(c.a[n, t, m] * exp(c.s[n, t, m]) for m in range(U))))
    c.dp = table((N, T, U), lambda n, t, u:
                 sum(c.dy[n, t, o] * c.v[n, u, o] for o in range(O)))
    y = table((N, T, O), lambda n, t, o:
              sum(c.p[n, t, u] * c.v[n, u, o] for u in range(U)))
    c.ds = table((N, T, U), lambda n, t, u: c.p[n, t, u] * (
        c.dp[n, t, u] - sum(c.dy[n, t, o] * y[n, t, o] for o in range(O))))
    return c


def case_that_shows_p(rng, **options):
    """With v the first rows of a unit matrix, y begins with p, by (attention.3)."""
    return case(rng, np.broadcast_to(np.eye(U, O), (2, 3, U, O)).copy(), **options)


@oracle("attention.1")
def attention_s(rng):
    """s shows as log p, but for a number that is the same for all keys."""
    c = case_that_shows_p(rng, masked=False)
    return (table((N, T, U), lambda n, t, u: log(c.y[n, t, u]) - log(c.y[n, t, 0])),
            table((N, T, U), lambda n, t, u: c.s[n, t, u] - c.s[n, t, 0]))


@oracle("attention.2")
def attention_p(rng):
    c = case_that_shows_p(rng)
    return c.y[:, :, :U], c.p


@oracle("attention.3")
def attention_y(rng):
    c = case(rng)
    return c.y, table((N, T, O), lambda n, t, o:
                      sum(c.p[n, t, u] * c.v[n, u, o] for u in range(U)))


@oracle("attention.4")
def attention_dp(rng):
    """dp shows in ds, by (attention.5), where the query may look."""
    c = case(rng)
    return tuple(map(np.array, zip(*(
        (c.dbias[n, t, u] / c.p[n, t, u]
         + sum(c.dy[n, t, o] * c.y[n, t, o] for o in range(O)), c.dp[n, t, u])
        for n, t, u in places(N, T, U) if c.a[n, t, u]))))


@oracle("attention.5")
def attention_ds(rng):
    """ds is dbias, by (attention.9)."""
    c = case(rng)
    return c.dbias, c.ds


@oracle("attention.6")
def attention_dq(rng):
    c = case(rng)
    return c.dq, table((N, T, I), lambda n, t, i: 1 / sqrt(I) * sum(
        c.ds[n, t, u] * c.k[n, u, i] for u in range(U)))


@oracle("attention.7")
def attention_dk(rng):
    c = case(rng)
    return c.dk, table((N, U, I), lambda n, u, i: 1 / sqrt(I) * sum(
        c.ds[n, t, u] * c.q[n, t, i] for t in range(T)))


@oracle("attention.8")
def attention_dv(rng):
    c = case(rng)
    return c.dv, table((N, U, O), lambda n, u, o:
                       sum(c.p[n, t, u] * c.dy[n, t, o] for t in range(T)))


@oracle("attention.9")
def attention_dbias(rng):
    c = case(rng)
    return c.dbias, table((N, T, U), lambda n, t, u: c.ds[n, t, u])


APART, TOGETHER = (2, 3, 4, 5), (2, 4, 15)           # (n, m, t, I) and (n, t, m I)


def heads_case(rng, op, shape, **options):
    x, = normal(rng, shape)
    y, backward = op(x, **options)
    dy, = normal(rng, y.shape)
    return x, y, dy, backward(dy)


def apart(together):
    """The array whose entry n, m, t, i is entry n, t, mI + i of this one."""
    return table(APART, lambda n, m, t, i: together[n, t, m * 5 + i])


def together(apart):
    literal = np.full(TOGETHER, np.nan)
    for n, m, t, i in places(*APART):
        literal[n, t, m * 5 + i] = apart[n, m, t, i]
    return literal


@oracle("split_heads.1")
def split_heads_y(rng):
    x, y, *_ = heads_case(rng, split_heads, TOGETHER, heads=3)
    return y, apart(x)


@oracle("split_heads.2")
def split_heads_dx(rng):
    *_, dy, dx = heads_case(rng, split_heads, TOGETHER, heads=3)
    return dx, together(dy)


@oracle("merge_heads.1")
def merge_heads_y(rng):
    x, y, *_ = heads_case(rng, merge_heads, APART)
    return y, together(x)


@oracle("merge_heads.2")
def merge_heads_dx(rng):
    *_, dy, dx = heads_case(rng, merge_heads, APART)
    return dx, apart(dy)
