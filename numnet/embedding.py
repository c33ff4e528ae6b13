"""The embedding: a table of vectors, one for each word, and rows taken from it."""

import math

import numpy as np

from numnet.initialization import normal
from numnet.module import Module, Parameter, apply
from numnet.shapes import expect, expect_float, expect_ids, whole


def embedding(w, *, ids):
    r"""Take rows of a table by their number.

    (embedding.1)  y_{to} = w_{l_t,\,o}
    (embedding.2)  dw_{vo} = \sum_t [l_t = v]\, dy_{to}

    w (v, ...)   l = ids (...)   →   y (ids' axes, then w's but the first); t runs over
    the axes of ids, o over the rest of w's. A row taken twice gets both gradients.
    Besides words, it hands each question the features of its picture: w those of the
    distinct pictures, ids each question's picture. Raises TypeError for ids that are
    not integers, ValueError for one outside 0..v-1.
    Source: Bengio et al. 2003, section 2 (as a product with one-hot rows).
    """
    expect_float("embedding", "w", w)
    if w.ndim < 2:
        raise ValueError(f"embedding: w must have axes (v, ...), got shape {w.shape}")
    expect_ids("embedding", "ids", ids, None, len(w))
    ids = ids.astype(np.intp, copy=False)
    y = w.take(ids, axis=0)                                       # (embedding.1)

    def backward(dy):
        t, o = ids.size, math.prod(w.shape[1:])
        dy = dy.reshape(t, o)
        if len(w) <= 64:                              # few rows: a product of matrices
            here = np.arange(len(w))[:, None] == ids.ravel()
            dw = here.astype(w.dtype) @ dy                        # (embedding.2)
        else:                      # many: the last use of each is stored, others added
            dw, last = np.zeros((len(w), o), w.dtype), np.empty(len(w), np.intp)
            rows, uses = ids.ravel(), np.arange(t)
            dw[rows], last[rows] = dy, uses
            more = last[rows] != uses
            places = o * rows[more, None] + np.arange(o)
            np.add.at(dw.reshape(-1), places.ravel(), dy[more].ravel())  # (embedding.2)
        return dw.reshape(w.shape)

    return y, backward


class Embedding(Module):
    """A table w (v, o) of standard normal vectors; called with ids, it has no dx."""

    def __init__(self, num_embeddings, embedding_dim, rng):
        self.w = Parameter(normal((num_embeddings, embedding_dim), rng, 1.0))

    def __call__(self, ids):
        return apply(embedding, self.w, ids=ids)


def add_positions(x, w):
    r"""Tell each step of a sequence where it stands, by a row of a table added to it.

    (add_positions.1)  y_{nto} = x_{nto} + w_{to}
    (add_positions.2)  dx_{nto} = dy_{nto}
    (add_positions.3)  dw_{to} = \sum_n dy_{nto}

    x (n, t, o)   w (u, o) with u >= t   →   y (n, t, o); rows of w beyond t get
    gradient 0. Raises ValueError when x has more steps than w has rows.
    Source: Vaswani et al. 2017, section 3.5.
    """
    expect("add_positions", x=(x, "n t o"), w=(w, "u o"))
    t = x.shape[1]
    if t > len(w):
        raise ValueError(f"add_positions: x has {t} steps but w has {len(w)} rows")
    y = x + w[:t]                                    # (add_positions.1)

    def backward(dy):
        dx = dy.copy()                               # (add_positions.2)
        dw = np.zeros(w.shape, w.dtype)
        dw[:t] = dy.sum(axis=0)                      # (add_positions.3)
        return dx, dw

    return y, backward


def sinusoids(steps, features):
    r"""A table of waves, from fast to slow: a row for each position, nothing to learn.

    (sinusoids.1)  w_{t,2k} = \sin \frac{t}{10000^{2k/O}}
    (sinusoids.2)  w_{t,2k+1} = \cos \frac{t}{10000^{2k/O}}

    →   w (steps, features) float32; O = features. Raises ValueError for an odd number
    of features. Source: Vaswani et al. 2017, section 3.5.
    """
    steps = whole("sinusoids", "steps", steps, 0)
    if whole("sinusoids", "features", features, 0) % 2:
        raise ValueError(f"sinusoids: features must be even, got {features}")
    angle = np.arange(steps)[:, None] / 10000 ** (np.arange(0, features, 2) / features)
    w = np.empty((steps, features), np.float32)
    w[:, 0::2] = np.sin(angle)                       # (sinusoids.1)
    w[:, 1::2] = np.cos(angle)                       # (sinusoids.2)
    return w


class Positions(Module):
    """Positions added to a sequence of at most `steps`: learned, or sinusoids.

    A learned table w (steps, features) starts as small normal numbers.
    """

    def __init__(self, steps, features, rng=None):
        learned = rng is not None
        self.w = (Parameter(normal((steps, features), rng, 0.02)) if learned
                  else sinusoids(steps, features))

    def __call__(self, x):
        if isinstance(self.w, Parameter):
            return apply(add_positions, x, self.w)
        y, positions_backward = add_positions(x, self.w.astype(x.dtype))

        def backward(dy):
            dx, _ = positions_backward(dy)
            return dx

        return y, backward
