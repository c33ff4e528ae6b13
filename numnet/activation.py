"""Functions of each number by itself, and softmax, which ties a row together."""

import math

import numpy as np

from numnet.shapes import expect_float, whole


def relu(x):
    r"""Keep what is positive, put zero for the rest.

    (relu.1)  y_k = \max(x_k, 0)
    (relu.2)  dx_k = dy_k\, [x_k > 0]

    x, y of any shape; k runs over all entries. At 0 the slope is 0.
    Source: Nair and Hinton 2010.
    """
    expect_float("relu", "x", x)
    y = np.maximum(x, np.zeros((), x.dtype))         # (relu.1)

    def backward(dy):
        dx = dy * (x.real > 0)                       # (relu.2)
        return dx

    return y, backward


def tanh(x):
    r"""Squash each number into -1 … 1.

    (tanh.1)  y_k = \frac{e^{x_k} - e^{-x_k}}{e^{x_k} + e^{-x_k}}
    (tanh.2)  dx_k = dy_k\, (1 - y_k^2)

    x, y of any shape; k runs over all entries.
    """
    expect_float("tanh", "x", x)
    y = np.tanh(x)                                   # (tanh.1)

    def backward(dy):
        dx = dy * (1 - y * y)                        # (tanh.2)
        return dx

    return y, backward


def sigmoid(x):
    r"""Squash each number into 0 … 1, as a probability.

    (sigmoid.1)  y_k = \frac{1}{1 + e^{-x_k}}
    (sigmoid.2)  dx_k = dy_k\, y_k\, (1 - y_k)

    x, y of any shape; k runs over all entries. Computed as ½ + ½ tanh(x/2), the same
    function, since e^{-x} overflows where x is far below 0.
    """
    expect_float("sigmoid", "x", x)
    y = 0.5 + 0.5 * np.tanh(0.5 * x)                 # (sigmoid.1)

    def backward(dy):
        dx = dy * y * (1 - y)                        # (sigmoid.2)
        return dx

    return y, backward


def softmax(x, *, axis=-1):
    r"""Turn scores into positive shares that add up to 1 along an axis.

    (softmax.1)  y_k = \frac{e^{x_k}}{\sum_m e^{x_m}}
    (softmax.2)  dx_k = y_k \Big(dy_k - \sum_m dy_m\, y_m\Big)

    x, y of any shape; k and m run along `axis`, each line of numbers by itself. The
    line's largest score is subtracted first, which changes nothing in (softmax.1) and
    keeps e^x from overflowing. The Jacobian is not diagonal: every score moves every
    share. Raises ValueError for an axis x does not have, or an empty one.
    Source: Goodfellow et al. 2016, section 6.2.2.3.
    """
    expect_float("softmax", "x", x)
    axis = whole("softmax", "axis", axis, -np.inf)
    if not -x.ndim <= axis < x.ndim or x.shape[axis] == 0:
        raise ValueError(f"softmax: axis {axis} must be one of x's and not empty, "
                         f"got shape {x.shape}")
    e = np.exp(x - x.real.max(axis=axis, keepdims=True))
    y = e / e.sum(axis=axis, keepdims=True)          # (softmax.1)

    def backward(dy):
        inner = (dy * y).sum(axis=axis, keepdims=True)
        dx = y * (dy - inner)                        # (softmax.2)
        return dx

    return y, backward


def flatten(x):
    r"""Lay each example's numbers in one row.

    (flatten.1)  y_{nk} = x_{n,chw}, \quad k = (c H + h) W + w
    (flatten.2)  dx_{n,chw} = dy_{nk}

    x (n, ...)   →   y (n, k), the last axis fastest; H, W are the sizes of h, w.
    Raises ValueError for an array without axes.
    """
    expect_float("flatten", "x", x)
    if x.ndim < 2:
        raise ValueError(f"flatten: x must have axes (n, ...), got shape {x.shape}")
    y = x.reshape(len(x), math.prod(x.shape[1:]))    # (flatten.1)

    def backward(dy):
        dx = dy.reshape(x.shape).copy()              # (flatten.2)
        return dx

    return y, backward
