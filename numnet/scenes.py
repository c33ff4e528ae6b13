"""Networks that answer many questions about each picture: by hops, or all at once."""

import numpy as np

from numnet.activation import flatten, relu
from numnet.convolution import Conv2d
from numnet.embedding import Embedding, Positions, add_positions, embedding
from numnet.fusion import concatenate
from numnet.hops import Hop, cells_of, grid
from numnet.initialization import xavier
from numnet.linear import Linear
from numnet.module import Module, Sequential
from numnet.normalization import LayerNorm
from numnet.recurrent import LSTM
from numnet.shapes import pair, whole
from numnet.states import last_step


class QuestionEncoder(Module):
    """Read words one by one into a state: ids (k, t), lengths (k)  →  (k, width)."""

    def __init__(self, words, embedding_dim, width, rng):
        self.embedding = Embedding(words, embedding_dim, rng)
        self.lstm, self.norm = LSTM(embedding_dim, width, rng), LayerNorm(width)

    def __call__(self, ids, lengths):
        x, embedding_back = self.embedding(ids)
        h, lstm_back = self.lstm(x, lengths)
        last, last_back = last_step(h)
        y, norm_back = self.norm(last)

        def backward(dy):
            embedding_back(lstm_back(last_back(norm_back(dy))))

        return y, backward


def convolutions(channels, rng):
    """Three convolutions that halve the picture: (n, 3, h, w)  →  (n, c, h/8, w/8)."""
    layers, options = [], {"stride": 2, "padding": 1, "needs_dx": False}
    for c, o in zip((3, *channels), channels):
        layers += [Conv2d(c, o, 3, rng, **options), relu]
        options = options | {"needs_dx": True}       # all but the picture itself
    return Sequential(*layers)


class HopNetwork(Module):
    """Answer several questions about each picture by hops over its cells.

    images (n, c, h, w)   ids (k, w) and lengths (k): the words of the questions
    question (n, t): the questions 0..k-1 that are asked about each picture
    →   z (n, t, answers). All questions about a picture share its cells, in rows and
    columns `cells`; each cell may shift its place a little from the grid's. Raises
    ValueError for pictures that give another number of cells.
    """

    def __init__(self, words, answers, rng, cells=(10, 10), channels=(16, 32, 64),
                 width=64, heads=4, hops=3, embedding_dim=32):
        hops = whole("HopNetwork", "hops", hops, 1)
        self.grid = grid(*pair("HopNetwork", "cells", cells, 1))
        self.image = Sequential(convolutions(channels, rng), cells_of,
                                Linear(channels[-1] + 3, width, rng, init=xavier),
                                Positions(len(self.grid), width, rng),
                                LayerNorm(width))
        self.text = QuestionEncoder(words, embedding_dim, width, rng)
        still = lambda shape, rng: np.zeros(shape, np.float32)
        self.offset = Linear(width, 2, rng, init=still)
        self.hops = [Hop(width, heads, 2 * width, rng, first=k == 0)
                     for k in range(hops)]
        self.head = Sequential(LayerNorm(width),
                               Linear(width, answers, rng, init=xavier))

    def __call__(self, *, images, ids, lengths, question):
        cells, image_back = self.image(images)
        if cells.shape[1] != len(self.grid):
            raise ValueError(f"HopNetwork: images must give {len(self.grid)} cells, "
                             f"got {cells.shape[1]}")
        texts, text_back = self.text(ids, lengths)
        state, gather_back = embedding(texts, ids=question)
        offset, offset_back = self.offset(cells)
        places, places_back = add_positions(offset, self.grid.astype(cells.dtype))
        seen, backs = None, []
        for hop in self.hops:
            (state, seen), hop_back = hop(state, cells, places, seen)
            backs.append(hop_back)
        z, head_back = self.head(state)

        def backward(dz):
            dstate, dseen = head_back(dz), [np.zeros_like(seen)]
            dcells, dplaces = 0, 0                   # every hop uses both: a sum
            for hop_back in reversed(backs):
                dstate, dc, dp, *dseen = hop_back(dstate, *dseen)
                dcells, dplaces = dcells + dc, dplaces + dp
            doffset, _ = places_back(dplaces)
            text_back(gather_back(dstate))
            image_back(dcells + offset_back(doffset))

        return z, backward


class ConcatenationNetwork(Module):
    """Answer several questions about each picture from both, laid side by side.

    Called as HopNetwork is. The picture becomes one vector, which has to hold whatever
    may be asked; beside the question's vector it goes through four linear layers.
    Source: Santoro et al. 2017, section 5.1 (their CNN + MLP).
    """

    def __init__(self, words, answers, rng, cells=(10, 10), channels=(16, 32, 64),
                 width=64, hidden=256, embedding_dim=32):
        pixels = cells[0] * cells[1] * channels[-1]
        self.image = Sequential(convolutions(channels, rng), flatten,
                                Linear(pixels, hidden, rng), relu)
        self.text = QuestionEncoder(words, embedding_dim, width, rng)
        self.head = Sequential(Linear(hidden + width, hidden, rng), relu,
                               Linear(hidden, hidden, rng), relu,
                               Linear(hidden, hidden, rng), relu,
                               Linear(hidden, answers, rng, init=xavier))

    def __call__(self, *, images, ids, lengths, question):
        pictures, image_back = self.image(images)
        texts, text_back = self.text(ids, lengths)
        image = np.broadcast_to(np.arange(len(images))[:, None], question.shape)
        u, u_back = embedding(pictures, ids=image)
        v, v_back = embedding(texts, ids=question)
        y, join_back = concatenate(u, v)
        z, head_back = self.head(y)

        def backward(dz):
            du, dv = join_back(head_back(dz))
            text_back(v_back(dv))
            image_back(u_back(du))

        return z, backward
