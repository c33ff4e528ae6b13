from math import cos, pi, sqrt

import numpy as np

from numnet.module import Parameter
from numnet.optim import SGD, Adam, clip_grad_norm, cosine
from oracles.literal import normal, oracle, table

SHAPES = [(2, 3), (4,)]                              # of two parameters
ALPHA, MU, LAMBDA = 0.3, 0.9, 0.2


def flat(arrays):
    """All entries of several arrays in one row."""
    return np.concatenate([np.ravel(array) for array in arrays])


def sgd_run(rng, steps):
    """After some steps: the optimiser, and w, v, g by loops over steps and entries."""
    parameters = [Parameter(value) for value in normal(rng, *SHAPES)]
    optimiser = SGD(parameters, lr=ALPHA, momentum=MU, weight_decay=LAMBDA)
    w = flat(p.value for p in parameters).tolist()
    v, g = [0] * len(w), [0] * len(w)
    for _ in range(steps):
        for p in parameters:
            p.grad, = normal(rng, p.value.shape)
        dw = flat(p.grad for p in parameters)
        optimiser.step()
        for k in range(len(w)):
            g[k] = dw[k] + LAMBDA * w[k]
            v[k] = MU * v[k] + g[k]
            w[k] = w[k] - ALPHA * v[k]
    return optimiser, np.array(w), np.array(v), np.array(g)


@oracle("sgd.1")
def sgd_g(rng):
    """The velocity is 0 at first, so it is g after one step, by (sgd.2)."""
    optimiser, _, _, g = sgd_run(rng, steps=1)
    return flat(optimiser.velocity), g


@oracle("sgd.2")
def sgd_v(rng):
    optimiser, _, v, _ = sgd_run(rng, steps=3)
    return flat(optimiser.velocity), v


@oracle("sgd.3")
def sgd_w(rng):
    optimiser, w, *_ = sgd_run(rng, steps=3)
    return flat(p.value for p in optimiser.parameters), w


BETAS, EPS = (0.7, 0.8), 0.3


def adam_run(rng, decay=LAMBDA):
    """After 4 steps: the optimiser, how far w moved in the last; m, v, u, w by loops.
    """
    parameters = [Parameter(value) for value in normal(rng, *SHAPES)]
    optimiser = Adam(parameters, ALPHA, BETAS, EPS, decay)
    w = flat(p.value for p in parameters)
    m, v, u = np.zeros((3, len(w)))
    for k in range(1, 5):
        for p in parameters:
            p.grad, = normal(rng, p.value.shape)
        dw, before = (flat(getattr(p, name) for p in parameters)
                      for name in ("grad", "value"))
        optimiser.step()
        for j in range(len(w)):
            m[j] = BETAS[0] * m[j] + (1 - BETAS[0]) * dw[j]
            v[j] = BETAS[1] * v[j] + (1 - BETAS[1]) * dw[j] ** 2
            u[j] = (m[j] / (1 - BETAS[0] ** k)
                    / (sqrt(v[j] / (1 - BETAS[1] ** k)) + EPS))
            w[j] = w[j] - ALPHA * (u[j] + decay * w[j])
    moved = flat(p.value for p in parameters) - before
    return optimiser, moved, m, v, u, w


@oracle("adam.1")
def adam_m(rng):
    optimiser, _, m, *_ = adam_run(rng)
    return flat(optimiser.m), m


@oracle("adam.2")
def adam_v(rng):
    optimiser, _, _, v, *_ = adam_run(rng)
    return flat(optimiser.v), v


@oracle("adam.3")
def adam_u(rng):
    """u shows in how far w moves, by (adam.4) without decay."""
    _, moved, _, _, u, _ = adam_run(rng, decay=0)
    return -moved / ALPHA, u


@oracle("adam.4")
def adam_w(rng):
    optimiser, *_, w = adam_run(rng)
    return flat(p.value for p in optimiser.parameters), w


def clipped(rng, m):
    """The gradients before, what clip_grad_norm returns, and the gradients after."""
    parameters = [Parameter(value) for value in normal(rng, *SHAPES)]
    for p in parameters:
        p.grad, = normal(rng, p.value.shape)
    before = [p.grad for p in parameters]
    return before, clip_grad_norm(parameters, m), [p.grad for p in parameters]


def norm(dw):
    return sqrt(sum(entry ** 2 for each in dw for entry in each.flat))


@oracle("clip_grad_norm.1")
def clip_grad_norm_g(rng):
    dw, g, _ = clipped(rng, 0.5)
    return g, norm(dw)


@oracle("clip_grad_norm.2")
def clip_grad_norm_dw(rng):
    ours, literal = [], []
    for m in (0.5, 50):                              # too long, and short enough
        before, _, after = clipped(rng, m)
        ours += after
        literal += [entry * min(1, m / (norm(before) + 1e-6))
                    for dw in before for entry in dw.flat]
    return flat(ours), np.array(literal)


K, W, H = 11, 3, 5                                   # steps, warmup, hold


@oracle("cosine.1")
def cosine_rise(rng):
    return (table((W,), lambda k: cosine(k, K, warmup=W, hold=H)),
            table((W,), lambda k: (k + 1) / W))


@oracle("cosine.2")
def cosine_fall(rng):
    return (table((K + 1 - H,), lambda k: cosine(H + k, K, warmup=W, hold=H)),
            table((K + 1 - H,), lambda k: 1 / 2 * (1 + cos(pi * k / (K - H)))))
