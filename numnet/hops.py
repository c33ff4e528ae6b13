"""Hops: a question looks at the cells of a picture, again and again.

A convolutional network turns a picture into cells, a grid of feature vectors, each of
which knows where it lies. The question looks at all cells by attention, takes what it
found into its state, and looks again. What lies close to a thing is found from where
the thing lies: a head remembers the place it looked at, and in the next hop may prefer
cells near that place, or far from it, as the state asks.
"""

from functools import partial

import numpy as np

from numnet.attention import attention, merge_heads, split_heads
from numnet.initialization import xavier
from numnet.linear import Linear
from numnet.module import Module, Sequential
from numnet.normalization import LayerNorm
from numnet.shapes import expect, whole
from numnet.transformer import Residual, feedforward

REACH = 12                         # "near" fades to 1/e at a distance of √(1/12) = 0.29


def grid(rows, columns):
    """The places of a picture's cells, x before y, each from -1 to 1: (cells, 2)."""
    rows, columns = whole("grid", "rows", rows, 1), whole("grid", "columns", columns, 1)
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns),
                       indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def cells_of(x):
    r"""Cut a picture's features into cells, and write into each where it lies.

    (cells_of.1)  y_{nuk} = x_{nkhw} \; (k < C), \quad u = h W + w
    (cells_of.2)  y_{n,u,C+k} = g_{uk} \; (k < 2)
    (cells_of.3)  y_{n,u,C+2} = g_{u0}^2 + g_{u1}^2
    (cells_of.4)  dx_{nkhw} = dy_{nuk}

    x (n, c, h, w)   →   y (n, u, c + 3), a row of cells; C, W are the sizes of c, w; g
    is grid(h, w). With the squares a linear map of a cell can prefer any place, by a
    paraboloid, and not only a direction.
    """
    expect("cells_of", x=(x, "n c h w"))
    n, c, h, w = x.shape
    g = grid(h, w)
    y = np.empty((n, h * w, c + 3), x.dtype)
    y[:, :, :c] = x.transpose(0, 2, 3, 1).reshape(n, h * w, c)    # (cells_of.1)
    y[:, :, c:c + 2] = g                                          # (cells_of.2)
    y[:, :, c + 2] = (g * g).sum(axis=1)                          # (cells_of.3)

    def backward(dy):
        dx = dy[:, :, :c].reshape(n, h, w, c).copy()              # (cells_of.4)
        dx = dx.transpose(0, 3, 1, 2)
        return dx

    return y, backward


def add_places(v, g):
    r"""Lay each cell's place beside what every head reads there.

    (add_places.1)  y_{nmuk} = v_{nmuk} \; (k < O), \quad y_{n,m,u,O+k} = g_{nuk}
    (add_places.2)  dv_{nmuk} = dy_{nmuk}
    (add_places.3)  dg_{nuk} = \sum_m dy_{n,m,u,O+k}

    v (n, m, u, o)   g (n, u, i)   →   y (n, m, u, o + i); m is the head, O the size of
    o. The mean of y that attention takes holds, beside the mean of the values, that of
    the places: where each head looked.
    """
    expect("add_places", v=(v, "n m u o"), g=(g, "n u i"))
    o = v.shape[-1]
    y = np.empty((*v.shape[:3], o + g.shape[-1]), v.dtype)
    y[..., :o] = v
    y[..., o:] = g[:, None]                                       # (add_places.1)

    def backward(dy):
        dv = dy[..., :o].copy()                                   # (add_places.2)
        dg = dy[..., o:].sum(axis=1)                              # (add_places.3)
        return dv, dg

    return y, backward


def places_of(x):
    r"""Take the last two features of what the heads found: where they looked.

    (places_of.1)  y_{nmtk} = x_{n,m,t,O-2+k}
    (places_of.2)  dx_{nmto} = [o \ge O - 2]\, dy_{n,m,t,o-O+2}

    x (n, m, t, o)   →   y (n, m, t, 2); m is the head, O the size of o.
    """
    expect("places_of", x=(x, "n m t o"))
    if x.shape[-1] < 2:
        raise ValueError("places_of: x must have 2 features or more, "
                         f"got {x.shape[-1]}")
    y = x[..., -2:]                                               # (places_of.1)

    def backward(dy):
        dx = np.zeros(x.shape, x.dtype)
        dx[..., -2:] = dy                                         # (places_of.2)
        return dx

    return y, backward


def distance_bias(a, g, w):
    r"""Let each head prefer cells that are near, or far from, where it looked before.

    (distance_bias.1)  r_{nmtu} = \sum_k (a_{nmtk} - g_{nuk})^2
    (distance_bias.2)  e_{nmtu} = 4\, e^{-12\, r_{nmtu}}
    (distance_bias.3)  y_{nmtu} = w_{nmt0}\, r_{nmtu} + w_{nmt1}\, e_{nmtu}
    (distance_bias.4)  dr_{nmtu} = dy_{nmtu}\, (w_{nmt0} - 12\, w_{nmt1}\, e_{nmtu})
    (distance_bias.5)  da_{nmtk} = 2 \sum_u dr_{nmtu}\, (a_{nmtk} - g_{nuk})
    (distance_bias.6)  dg_{nuk} = 2 \sum_{mt} dr_{nmtu}\, (g_{nuk} - a_{nmtk})
    (distance_bias.7)  dw_{nmt0} = \sum_u dy_{nmtu}\, r_{nmtu}
    (distance_bias.8)  dw_{nmt1} = \sum_u dy_{nmtu}\, e_{nmtu}

    a (n, m, t, k), where head m of query t looked   g (n, u, k), where the cells lie
    w (n, m, t, 2), what the query wants   →   y (n, m, t, u), a bias for attention. The
    square grows from near to far; the exponential is felt close by only, and tells one
    neighbour from the next. r is computed as |a|² - 2 a g + |g|², in one product, which
    rounding may take below 0. Raises ValueError when axes differ or w has not 2
    weights.
    """
    expect("distance_bias", a=(a, "n m t k"), g=(g, "n u k"), w=(w, "n m t z"))
    if w.shape[-1] != 2:
        raise ValueError(f"distance_bias: w must have 2 weights, got {w.shape[-1]}")
    (n, m, t, k), u = a.shape, g.shape[1]
    rows = a.reshape(n, m * t, k)
    one, square = np.ones_like(rows[..., :1]), (rows * rows).sum(axis=-1, keepdims=True)
    left = np.concatenate([-2 * rows, square, one], axis=-1)
    one, square = np.ones_like(g[..., :1]), (g * g).sum(axis=-1, keepdims=True)
    right = np.concatenate([g, one, square], axis=-1)
    r = np.maximum(left @ right.swapaxes(1, 2), 0)                # (distance_bias.1)
    r = r.reshape(n, m, t, u)
    e = np.exp(-REACH * r)
    e *= 4                                                        # (distance_bias.2)
    y = w[..., :1] * r
    y += w[..., 1:] * e                                           # (distance_bias.3)

    def backward(dy):
        dr = w[..., 1:] * -REACH * e
        dr += w[..., :1]
        dr *= dy                                                  # (distance_bias.4)
        dr = dr.reshape(n, m * t, u)
        da = 2 * (rows * dr.sum(axis=2)[..., None] - dr @ g)      # (distance_bias.5)
        da = da.reshape(a.shape)
        dg = dr.sum(axis=1)[..., None] * g - dr.swapaxes(1, 2) @ rows
        dg = 2 * dg                                               # (distance_bias.6)
        dw = np.empty_like(w)
        dw[..., 0] = np.einsum("nmtu,nmtu->nmt", dy, r)          # (distance_bias.7)
        dw[..., 1] = np.einsum("nmtu,nmtu->nmt", dy, e)          # (distance_bias.8)
        return da, dg, dw

    return y, backward


class Hop(Module):
    """Look at the cells once, and take what was found into the state.

    state (n, t, width), cells (n, u, width), places (n, u, 2), before (n, heads, t, 2):
    where each head looked in the hop before, None in the first hop
    →   state, seen (n, heads, t, 2), where each head looked now. backward takes the
    gradients of both and gives those of the arrays given.
    """

    def __init__(self, width, heads, hidden, rng, first):
        if width % whole("Hop", "heads", heads, 1):
            raise ValueError(f"Hop: heads must divide the width {width}, got {heads}")

        def project(out):
            return Sequential(Linear(width, out, rng, init=xavier),
                              partial(split_heads, heads=heads))

        self.norm = LayerNorm(width)
        self.q, self.k, self.v = project(width), project(width), project(width)
        self.wish = None if first else project(2 * heads)
        self.o = Linear(width + 2 * heads, width, rng, init=xavier)
        self.feedforward = Residual(width, feedforward(width, hidden, rng))

    def __call__(self, state, cells, places, before=None):
        u, norm_back = self.norm(state)
        q, q_back = self.q(u)
        k, k_back = self.k(cells)
        v, v_back = self.v(cells)
        v, places_back = add_places(v, places)
        if before is None:
            found, attention_back = attention(q, k, v)
        else:
            wish, wish_back = self.wish(u)
            bias, bias_back = distance_bias(before, places, wish)
            found, attention_back = attention(q, k, v, bias)
        seen, seen_back = places_of(found)
        merged, merge_back = merge_heads(found)
        step, o_back = self.o(merged)
        y, feedforward_back = self.feedforward(state + step)

        def backward(dy, dseen):
            dstate = feedforward_back(dy)
            dfound = merge_back(o_back(dstate)) + seen_back(dseen)
            dq, dk, dv, *dbias = attention_back(dfound)
            dv, dplaces = places_back(dv)
            du, dcells = q_back(dq), k_back(dk) + v_back(dv)
            if before is None:
                return dstate + norm_back(du), dcells, dplaces
            dbefore, dg, dwish = bias_back(*dbias)
            du = du + wish_back(dwish)
            return dstate + norm_back(du), dcells, dplaces + dg, dbefore

        return (y, seen), backward
