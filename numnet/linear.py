"""The affine map: every output feature is a weighted sum of the input features."""

import math

import numpy as np

from numnet.initialization import he
from numnet.module import Module, Parameter, apply
from numnet.shapes import expect


def linear(x, w, b):
    r"""Map the last axis of x from i features to o.

    (linear.1)  y_{no} = b_o + \sum_i x_{ni}\, w_{io}
    (linear.2)  dx_{ni} = \sum_o dy_{no}\, w_{io}
    (linear.3)  dw_{io} = \sum_n x_{ni}\, dy_{no}
    (linear.4)  db_o = \sum_n dy_{no}

    x (..., i)   w (i, o)   b (o)   →   y (..., o); n runs over all leading axes.
    w is PyTorch's transposed, because the formula reads y = x w + b.
    Raises ValueError when the feature axes differ.
    Source: Goodfellow et al. 2016, section 6.5.
    """
    expect("linear", x=(x, "... i"), w=(w, "i o"), b=(b, "o"))
    n = math.prod(x.shape[:-1])
    rows = x.reshape(n, len(w))
    y = rows @ w
    y += b                                           # (linear.1)

    def backward(dy):
        dy = dy.reshape(n, len(b))
        dx = (dy @ w.T).reshape(x.shape)             # (linear.2)
        dw = rows.T @ dy                             # (linear.3)
        db = np.ones(n, dy.dtype) @ dy               # (linear.4)
        return dx, dw, db

    return y.reshape(*x.shape[:-1], len(b)), backward


class Linear(Module):
    """The affine map with its own w (i, o) and b (o); w is drawn by `init`."""

    def __init__(self, in_features, out_features, rng, init=he):
        if not callable(init):
            raise TypeError("Linear: init must be a function, such as he or xavier, "
                            f"got {init!r}")
        self.w = Parameter(init((in_features, out_features), rng))
        self.b = Parameter(np.zeros(out_features, np.float32))

    def __call__(self, x):
        return apply(linear, x, self.w, self.b)
