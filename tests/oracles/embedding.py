from math import cos, sin

import numpy as np

from numnet.embedding import add_positions, embedding, sinusoids
from oracles.literal import frozen, normal, oracle, places, table


def case(rng):
    w, = normal(rng, (5, 4))
    ids, = frozen(np.array([[3, 0, 3], [4, 3, 0]]))      # repeats; 1 and 2 not at all
    y, backward = embedding(w, ids=ids)
    dy, = normal(rng, y.shape)
    return w, ids.ravel(), y.reshape(6, 4), dy.reshape(6, 4), backward(dy)


@oracle("embedding.1")
def embedding_y(rng):
    w, l, y, *_ = case(rng)
    return y, table((6, 4), lambda t, o: w[l[t], o])


@oracle("embedding.2")
def embedding_dw(rng):
    _, l, _, dy, dw = case(rng)
    return dw, table((5, 4), lambda v, o: sum((l[t] == v) * dy[t, o] for t in range(6)))


N, T, U, O = 2, 3, 5, 4                              # two rows are beyond the last step


def positions_case(rng):
    x, w = normal(rng, (N, T, O), (U, O))
    y, backward = add_positions(x, w)
    dy, = normal(rng, y.shape)
    return x, w, y, dy, *backward(dy)


@oracle("add_positions.1")
def add_positions_y(rng):
    x, w, y, *_ = positions_case(rng)
    return y, table((N, T, O), lambda n, t, o: x[n, t, o] + w[t, o])


@oracle("add_positions.2")
def add_positions_dx(rng):
    *_, dy, dx, _ = positions_case(rng)
    return dx, table((N, T, O), lambda n, t, o: dy[n, t, o])


@oracle("add_positions.3")
def add_positions_dw(rng):
    *_, dy, _, dw = positions_case(rng)
    literal = np.zeros((U, O))
    for n, t, o in places(N, T, O):
        literal[t, o] += dy[n, t, o]
    return dw, literal


def waves(wave):
    return table((7, 3), lambda t, k: np.float32(wave(t / 10000 ** (2 * k / 6))))


@oracle("sinusoids.1")
def sinusoids_even(rng):
    return sinusoids(7, 6)[:, 0::2], waves(sin)


@oracle("sinusoids.2")
def sinusoids_odd(rng):
    return sinusoids(7, 6)[:, 1::2], waves(cos)
