import numpy as np

from numnet.embedding import embedding
from oracles.literal import frozen, normal, oracle, table


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
