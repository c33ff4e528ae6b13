r"""Winograd's convolution: the sums of 3 × 3 filters by half of the multiplications.

A filter of three at four places, y_r = \sum_i w_i x_{r+i}, takes 12 multiplications.
Winograd takes six, one for each k:

    y_r = \sum_k A_{kr} (\sum_i G_{ki} w_i) (\sum_l B_{kl} x_l)

which is right because \sum_k A_{kr} G_{ki} B_{kl} = [l = r + i]. G is applied once to
a filter, B once to a picture, and A once to a sum over all channels: so the six are
nearly all that is left to do. Lesson 17 derives a smaller one by hand.

Here the four places are rows of the picture; columns are summed as ever. Tiles of 4 × 4
would save more, but each would have to be turned over in memory on the way.

In memory v and a are (k, s, c): places s are the columns q of all tiles, one after the
other. The taps j of a place then lie side by side, 3c numbers, and the sum over j and c
is a matrix product without a copy of anything. Where a row of tiles ends, taps run over
into the next one: such places have no q, and are left out or meet zeros.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from numnet.shapes import expect, pair
from numnet.windows import blocks

BLOCK = 3 * 2 ** 18    # bytes of v and a at a time: they stay in the processor's cache

# Row k of A and of G: a polynomial's value at 0, 1, -1, 2, -2; its leading coefficient.
A = np.array([[1, 0, 0, 0], [1, 1, 1, 1], [1, -1, 1, -1],
              [1, 2, 4, 8], [1, -2, 4, -8], [0, 0, 0, 1]])
G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4],
              [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
B = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
              [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]])


def winograd(x, w, b, *, padding=0, needs_dx=True):
    r"""Slide o filters of 3 × 3 over c-channel pictures, four rows at a time.

    (winograd.1)  u_{kjco} = \sum_i G_{ki}\, w_{ocij}
    (winograd.2)  v_{kntqc} = \sum_l B_{kl}\, x_{n,\,c,\,4t+l-m,\,q-m}
    (winograd.3)  a_{kntqo} = [k=1] b_o + \sum_{jc} v_{k,\,n,\,t,\,q+j,\,c}\, u_{kjco}
    (winograd.4)  y_{n,\,o,\,4t+r,\,q} = \sum_k A_{kr}\, a_{kntqo}
    (winograd.5)  dx_{nchw} = \sum_{oij} w_{o,c,2-i,2-j}\, dy_{n,o,h+m+i-2,w+m+j-2}
    (winograd.6)  da_{kntqo} = \sum_r A_{kr}\, dy_{n,\,o,\,4t+r,\,q}
    (winograd.7)  du_{kjco} = \sum_{ntq} v_{k,\,n,\,t,\,q+j,\,c}\, da_{kntqo}
    (winograd.8)  dw_{ocij} = \sum_k G_{ki}\, du_{kjco}
    (winograd.9)  db_o = \sum_{ntq} da_{1ntqo}

    x (n, c, h, w)   w (o, c, 3, 3)   b (o)   →   y (n, o, p, q), as by conv2d with
    stride 1 and padding m, of 0, 1 or 2. Tile t makes rows 4t to 4t+3 of y. b goes in
    at k = 1, where A is 1 for every r. dx is a convolution again, of dy, with turned
    filters and padding 2-m: so it is computed in the same way. Rounding errors are some
    times those of conv2d, and a number that is not finite spoils its whole tile.
    Raises ValueError for other filters or padding, or a picture smaller than a filter.
    Source: Lavin and Gray 2016 (arXiv 1509.09308), its F(4, 3) along the rows.
    """
    expect("winograd", x=(x, "n c h w"), w=(w, "o c i j"), b=(b, "o"))
    m, (o, c) = pair("winograd", "padding", padding, 0), w.shape[:2]
    if w.shape[2:] != (3, 3) or 0 in (o, c) or max(m) > 2:
        raise ValueError("winograd: w must be filters (o, c, 3, 3) and padding at most "
                         f"2, got {w.shape} and {padding}")
    if 0 in x.shape[2:] or x.shape[2] + 2 * m[0] < 3 or x.shape[3] + 2 * m[1] < 3:
        raise ValueError(f"winograd: x must hold pictures of 3×3 at least, with their "
                         f"padding, got {x.shape[2:]} and {padding}")
    y = slide(x, w, b, m)

    def backward(dy):
        dx = None
        if needs_dx:
            turned = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
            rest, zeros = (2 - m[0], 2 - m[1]), np.zeros(c, w.dtype)
            dx = slide(dy, turned, zeros, rest)                     # (winograd.5)
        cut, pitch = layout(x, o, m)
        x_tiles = Tiles(B, x, m, cut, pitch)
        dy_tiles = Tiles(A, dy, (0, 0), cut, pitch)
        du, of_b = np.zeros((6, 3 * c, o), w.dtype), np.zeros(pitch * o, b.dtype)
        for block in cut:
            v = x_tiles.points(block)                               # (winograd.2)
            da = dy_tiles.points(block)                             # (winograd.6)
            for r in range(3):
                du += thirds(v, r).swapaxes(1, 2) @ da[:, r:-2:3]   # (winograd.7)
            rows = by_tile(da, block, pitch)[:, :, 1].reshape(-1, pitch * o)
            of_b += np.ones(len(rows), da.dtype) @ rows             # for each column
        dw = G.T.astype(w.dtype) @ du.reshape(6, -1)                # (winograd.8)
        db = of_b.reshape(pitch, o).sum(axis=0)                     # (winograd.9)
        return dx, dw.reshape(3, 3, c, o).transpose(3, 2, 0, 1), db

    return y, backward


def slide(x, w, b, m):
    """(winograd.1) to (winograd.4): y from x, and in the backward dx from dy."""
    (n, c, h, width), o = x.shape, len(w)
    p, q = h + 2 * m[0] - 2, width + 2 * m[1] - 2
    u = G.astype(w.dtype) @ w.transpose(2, 3, 1, 0).reshape(3, -1)  # (winograd.1)
    u = u.reshape(6, 3 * c, o)                                      # (k, jc, o)
    y = np.empty((n, p + -p % 4, q, o), np.result_type(x, w, b))    # whole tiles
    cut, pitch = layout(x, o, m)
    tiles, to_rows = Tiles(B, x, m, cut, pitch), A.T.astype(y.dtype)
    room, bias = np.empty((6, tiles.v.shape[1], o), y.dtype), np.tile(b, pitch)
    for block in cut:
        v = tiles.points(block)                                     # (winograd.2)
        a = room[:, :v.shape[1] - 2]
        for r in range(3):
            a[:, r::3] = np.matmul(thirds(v, r), u, out=a[:, r::3])   # (winograd.3)
        a = by_tile(a, block, pitch)
        a[:, :, 1] += bias                                          # (winograd.3)
        rows = y[block].reshape(*counts(block), 4, q * o)           # a view
        np.matmul(to_rows, a[..., :q * o], out=rows)                # (winograd.4)
    return y[:, :p].transpose(0, 3, 1, 2)


def layout(x, o, m):
    """How the work is cut, in blocks of pictures and rows of y; and the pitch.

    The pitch is how many places a tile has: its columns and the margin on one side,
    for the margin on the right of one tile is that on the left of the next.
    """
    n, c, h, w = x.shape
    pitch, tiles = w + m[1], -(-(h + 2 * m[0] - 2) // 4)
    cut = blocks(n, tiles, 6 * pitch * (c + o) * x.itemsize, BLOCK)
    return [(pictures, slice(4 * t.start, 4 * t.stop)) for pictures, t in cut], pitch


def counts(block):
    """How many pictures there are in a block, and how many tiles in each."""
    pictures, rows = block
    return pictures.stop - pictures.start, (rows.stop - rows.start) // 4


def thirds(v, r):
    """The taps of every third place from r on: (k, s + 2, c)  →  (k, s / 3, jc).

    The taps of neighbours overlap, and for BLAS the rows of a matrix must not.
    """
    k, s, c = v.shape
    return v[:, r:r + s - 2].reshape(k, (s - 2) // 3, 3 * c)


def by_tile(v, block, pitch):
    """(k, s, c) seen as (n, t, k, qc)."""
    (n, t), (k, _, c) = counts(block), v.shape
    return v[:, :n * t * pitch].reshape(k, n, t, pitch * c).transpose(1, 2, 0, 3)


class Tiles:
    """The tiles of pictures, each multiplied by a matrix, block after block.

    A tile begins every four rows, and has as many rows as the matrix has columns. All
    blocks use the same room in memory: one is there until the next.
    """

    def __init__(self, matrix, x, margin, cut, pitch):
        self.matrix, self.x = matrix.astype(x.dtype), x.transpose(0, 2, 3, 1)
        self.margin, self.pitch = margin, pitch
        (n, t), (k, l), c = counts(cut[0]), matrix.shape, x.shape[1]
        rows = np.zeros((n, 4 * t + l - 4, pitch * c), x.dtype)
        picture, row, number = rows.strides
        self.tiles = as_strided(rows, (n, t, l, pitch * c),         # rows overlap
                                (picture, 4 * row, row, number))
        self.rows = rows.reshape(*rows.shape[:2], pitch, c)
        self.v = np.empty((k, n * t * pitch + 4, c), x.dtype)

    def points(self, block):
        """v (k, s + 2, c): the places of the block, and zeros, so that 3 divides s."""
        x, (_, t), l = self.x[block[0]], counts(block), self.matrix.shape[1]
        n, h, w, _ = x.shape
        rows = self.rows[:n, :4 * t + l - 4]
        first, left = block[1].start - self.margin[0], self.margin[1]
        above, below = max(-first, 0), min(h - first, rows.shape[1])
        rows[:, :above], rows[:, below:] = 0, 0
        rows[:, above:below, left:left + w] = x[:, first + above:first + below]
        s = n * t * self.pitch
        v = self.v[:, :s + -s % 3 + 2]
        v[:, s:] = 0
        np.matmul(self.matrix, self.tiles[:n, :t], out=by_tile(v, block, self.pitch))
        return v
