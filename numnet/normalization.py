"""Normalisation, which keeps signals in size; dropout, which makes them doubt."""

import numpy as np

from numnet.module import Module, Parameter, apply
from numnet.shapes import expect, expect_float, expect_real, row_blocks, whole

BLOCK = 2 ** 17        # numbers at a time: all passes over them stay in the cache


def layer_norm(x, w, b, *, eps=1e-5):
    r"""Give each row mean 0 and variance 1, then a scale and a shift for each feature.

    (layer_norm.1)  m_n = \frac{1}{O} \sum_o x_{no}
    (layer_norm.2)  r_n = \Big(\epsilon + \frac{1}{O}\sum_o (x_{no}-m_n)^2\Big)^{-1/2}
    (layer_norm.3)  u_{no} = r_n\, (x_{no} - m_n)
    (layer_norm.4)  y_{no} = w_o\, u_{no} + b_o
    (layer_norm.5)  du_{no} = dy_{no}\, w_o
    (layer_norm.6)  a_n = \frac{1}{O} \sum_o du_{no}
    (layer_norm.7)  c_n = \frac{1}{O} \sum_o du_{no}\, u_{no}
    (layer_norm.8)  dx_{no} = r_n\, (du_{no} - a_n - u_{no}\, c_n)
    (layer_norm.9)  dw_o = \sum_n dy_{no}\, u_{no}
    (layer_norm.10)  db_o = \sum_n dy_{no}

    x (..., o)   w (o)   b (o)   →   y (..., o); n runs over all leading axes, O is the
    size of o. The variance divides by O, not O - 1. A row of equal numbers gives b.
    In dx, a comes through the mean, and c through the variance.
    Raises ValueError when the features differ, for no features or a negative eps.
    Source: Ba et al. 2016, equation 4 (arXiv 1607.06450).
    """
    expect("layer_norm", x=(x, "... o"), w=(w, "o"), b=(b, "o"))
    expect_real("layer_norm", "eps", eps)
    if not eps >= 0 or x.shape[-1] == 0:
        raise ValueError("layer_norm: eps must be 0 or more and x have features, "
                         f"got {eps} and shape {x.shape}")
    mean, rows = np.full(len(w), 1 / len(w), x.dtype), x.reshape(-1, len(w))
    u, blocks = np.empty_like(rows), row_blocks(rows, BLOCK)
    y = np.empty(rows.shape, np.result_type(x, w, b))
    r = np.empty((len(rows), 1), x.dtype)
    for n in blocks:
        centred = u[n]
        centred[:] = rows[n]                         # copied, then changed in the cache
        m = centred @ mean                                        # (layer_norm.1)
        centred -= m[:, None]
        square = np.vecdot(centred.conj(), centred) / len(w)  # vecdot conjugates one
        r[n, 0] = 1 / np.sqrt(square + float(eps))                # (layer_norm.2)
        centred *= r[n]                                           # (layer_norm.3)
        scaled = np.multiply(w, u[n], out=y[n])
        scaled += b                                               # (layer_norm.4)

    def backward(dy):
        dy = dy.reshape(rows.shape)
        dx, dw, db = np.empty_like(y), np.zeros_like(w), np.zeros_like(b)
        room, w_mean = np.empty_like(y[blocks[0]]), w * mean
        w_row = w.astype(y.dtype)[None]
        for n in blocks:
            shares = np.multiply(dy[n], u[n], out=room[:len(dy[n])])  # of each n in dw
            a = dy[n] @ w_mean                                    # (layer_norm.6)
            c = shares @ w_mean                                   # (layer_norm.7)
            ones = np.ones(len(a), dy.dtype)
            dw += ones @ shares                                   # (layer_norm.9)
            db += ones @ dy[n]                                    # (layer_norm.10)
            scale = np.dot(r[n], w_row, out=shares)  # r w; np.multiply takes longer
            r_du = np.multiply(dy[n], scale, out=dx[n])   # r times (layer_norm.5)
            r_du -= r[n] * a[:, None]
            r_du -= np.multiply(u[n], r[n] * c[:, None], out=scale)  # (layer_norm.8)
        return dx.reshape(x.shape), dw, db

    return y.reshape(x.shape), backward


class LayerNorm(Module):
    """Layer normalisation with its own scale w (o), 1 at first, and shift b (o), 0."""

    def __init__(self, features):
        whole("LayerNorm", "features", features, 1)
        self.w = Parameter(np.ones(features, np.float32))
        self.b = Parameter(np.zeros(features, np.float32))

    def __call__(self, x):
        return apply(layer_norm, x, self.w, self.b)


def l2_normalize(x, *, eps=1e-8):
    r"""Divide each row by its length, so that only its direction is left.

    (l2_normalize.1)  r_n = \Big(\epsilon + \sum_o x_{no}^2\Big)^{-1/2}
    (l2_normalize.2)  y_{no} = r_n\, x_{no}
    (l2_normalize.3)  c_n = \sum_o dy_{no}\, y_{no}
    (l2_normalize.4)  dx_{no} = r_n\, (dy_{no} - c_n\, y_{no})

    x (..., o)   →   y (..., o), rows of length 1; n runs over all leading axes. A row
    of zeros, which has no direction, stays zero, and its dx is dy / sqrt(eps); others
    come out shorter than 1 by a share of eps / 2 over their squared length. dx leaves
    out what lies along y, since a longer x has the same y.
    Raises ValueError for an eps that is not above 0.
    """
    expect("l2_normalize", x=(x, "... o"))
    expect_real("l2_normalize", "eps", eps)
    if not eps > 0:
        raise ValueError(f"l2_normalize: eps must be above 0, got {eps}")
    r = ((x * x).sum(axis=-1, keepdims=True) + eps) ** -0.5      # (l2_normalize.1)
    y = r * x                                                    # (l2_normalize.2)

    def backward(dy):
        c = (dy * y).sum(axis=-1, keepdims=True)                 # (l2_normalize.3)
        dx = r * (dy - c * y)                                    # (l2_normalize.4)
        return dx

    return y, backward


def dropout(x, *, rate, rng):
    r"""Put zero for a random share of the numbers, and make the others up for it.

    (dropout.1)  y_k = \frac{a_k}{1 - r}\, x_k
    (dropout.2)  dx_k = \frac{a_k}{1 - r}\, dy_k

    x, y of any shape; k runs over all entries; r = rate, and a_k is 0 with probability
    r, else 1, drawn from rng, so that y is x on average. With rng None, as when a model
    is evaluated, y is x. Raises ValueError for a rate outside 0 … 1 (1 itself too).
    Source: Srivastava et al. 2014, section 10 (the inverted form).
    """
    expect_float("dropout", "x", x)
    _expect_rate(rate)
    if rng is not None and not hasattr(rng, "random"):
        raise TypeError("dropout: rng must be a NumPy Generator or None, got "
                        f"{type(rng).__name__}")
    if rng is None:
        kept = np.ones((), x.real.dtype)
    else:
        kept = (rng.random(x.shape) >= rate) / x.real.dtype.type(1 - rate)
    y = kept * x                                     # (dropout.1)

    def backward(dy):
        dx = kept * dy                               # (dropout.2)
        return dx

    return y, backward


def _expect_rate(rate):
    expect_real("dropout", "rate", rate)
    if not 0 <= rate < 1:
        raise ValueError(f"dropout: rate must be 0 or more and less than 1, got {rate}")


class Dropout(Module):
    """Dropout while the model is training, nothing when it is evaluated."""

    def __init__(self, rate, rng):
        _expect_rate(rate)
        self.rate, self.rng = rate, rng

    def __call__(self, x):
        return dropout(x, rate=self.rate, rng=self.rng if self.training else None)
