from math import exp

import numpy as np

from numnet.activation import flatten, relu, sigmoid, softmax, tanh
from oracles.literal import frozen, normal, oracle, places, table


def case(rng, op, shape=(2, 3, 4), **options):
    x = rng.normal(size=shape)
    x.flat[::5] = 0                                  # relu's corner
    frozen(x)
    y, backward = op(x, **options)
    dy, = normal(rng, y.shape)
    return x, y, dy, backward(dy)


@oracle("relu.1")
def relu_y(rng):
    x, y, *_ = case(rng, relu)
    return y, table(x.shape, lambda *k: max(x[k], 0))


@oracle("relu.2")
def relu_dx(rng):
    x, _, dy, dx = case(rng, relu)
    return dx, table(x.shape, lambda *k: dy[k] * (x[k] > 0))


@oracle("tanh.1")
def tanh_y(rng):
    x, y, *_ = case(rng, tanh)
    return y, table(x.shape, lambda *k:
                    (exp(x[k]) - exp(-x[k])) / (exp(x[k]) + exp(-x[k])))


@oracle("tanh.2")
def tanh_dx(rng):
    x, _, dy, dx = case(rng, tanh)
    y = table(x.shape, lambda *k:
              (exp(x[k]) - exp(-x[k])) / (exp(x[k]) + exp(-x[k])))
    return dx, table(x.shape, lambda *k: dy[k] * (1 - y[k] ** 2))


@oracle("sigmoid.1")
def sigmoid_y(rng):
    x, y, *_ = case(rng, sigmoid)
    return y, table(x.shape, lambda *k: 1 / (1 + exp(-x[k])))


@oracle("sigmoid.2")
def sigmoid_dx(rng):
    x, _, dy, dx = case(rng, sigmoid)
    y = table(x.shape, lambda *k: 1 / (1 + exp(-x[k])))
    return dx, table(x.shape, lambda *k: dy[k] * y[k] * (1 - y[k]))


def shares(x):
    """(softmax.1) along the middle axis."""
    return table(x.shape, lambda a, k, b:
                 exp(x[a, k, b]) / sum(exp(x[a, m, b]) for m in range(x.shape[1])))


@oracle("softmax.1")
def softmax_y(rng):
    x, y, *_ = case(rng, softmax, axis=1)
    return y, shares(x)


@oracle("softmax.2")
def softmax_dx(rng):
    x, _, dy, dx = case(rng, softmax, axis=1)
    y = shares(x)
    return dx, table(x.shape, lambda a, k, b: y[a, k, b] * (
        dy[a, k, b] - sum(dy[a, m, b] * y[a, m, b] for m in range(x.shape[1]))))


@oracle("flatten.1")
def flatten_y(rng):
    x, y, *_ = case(rng, flatten, (2, 3, 4, 5))
    N, C, H, W = x.shape
    literal = np.full((N, C * H * W), np.nan)
    for n, c, h, w in places(N, C, H, W):
        literal[n, (c * H + h) * W + w] = x[n, c, h, w]
    return y, literal


@oracle("flatten.2")
def flatten_dx(rng):
    x, _, dy, dx = case(rng, flatten, (2, 3, 4, 5))
    _, _, H, W = x.shape
    return dx, table(x.shape, lambda n, c, h, w: dy[n, (c * H + h) * W + w])
