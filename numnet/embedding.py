"""The embedding: a table of vectors, one for each word, and rows taken from it."""

import numpy as np

from numnet.initialization import normal
from numnet.module import Module, Parameter, apply
from numnet.shapes import expect, expect_ids


def embedding(w, *, ids):
    r"""Take rows of a table by their number.

    (embedding.1)  y_{to} = w_{l_t,\,o}
    (embedding.2)  dw_{vo} = \sum_t [l_t = v]\, dy_{to}

    w (v, o)   l = ids (...)   →   y (..., o); t runs over all axes of ids. A row taken
    twice gets both gradients. Besides words, it hands each question the features of its
    picture: w the features of the distinct pictures, ids each question's picture.
    Raises TypeError for ids that are not integers, ValueError for one outside 0..v-1.
    Source: Bengio et al. 2003, section 2 (as a product with one-hot rows).
    """
    expect("embedding", w=(w, "v o"))
    expect_ids("embedding", "ids", ids, None, len(w))
    y = w[ids]                                                    # (embedding.1)

    def backward(dy):
        dw = np.zeros(w.shape, w.dtype)
        if ids.size:
            order = np.argsort(ids, axis=None, kind="stable")  # equal ids side by side
            rows, starts = np.unique(ids.ravel()[order], return_index=True)
            dy = dy.reshape(-1, w.shape[1])[order]
            dw[rows] = np.add.reduceat(dy, starts)                # (embedding.2)
        return dw

    return y, backward


class Embedding(Module):
    """A table w (v, o) of standard normal vectors; called with ids, it has no dx."""

    def __init__(self, num_embeddings, embedding_dim, rng):
        self.w = Parameter(normal((num_embeddings, embedding_dim), rng, 1.0))

    def __call__(self, ids):
        return apply(embedding, self.w, ids=ids)
