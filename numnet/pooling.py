"""Pooling: one number for each window, or for the whole picture."""

import numpy as np

from numnet.shapes import expect, expect_bool, pair, row_blocks

BLOCK = 2 ** 16        # numbers at a time: they and their pools stay in the cache


def max_pool2d(x, *, kernel_size, stride=None, padding=0):
    r"""Keep the largest number of each window of each channel.

    (max_pool2d.1)  y_{ncpq} = \max_{ij} x_{n,\,c,\,sp+i-m,\,sq+j-m}
    (max_pool2d.2)  dx_{nchw} = \sum_{pq} dy_{ncpq}\, [(h, w) = a_{ncpq}]

    x (n, c, h, w)   →   y (n, c, p, q); a_{ncpq} is the place of the largest number of
    the window, the first in reading order where several are equal: a tie sends the
    whole gradient to one winner. s is the stride (the kernel's size if not given), m
    the padding, which counts as -∞, never as 0. Raises ValueError when the kernel
    exceeds the padded picture or the padding exceeds half the kernel.
    Source: Goodfellow et al. 2016, section 9.3.
    """
    rows, columns = _lines("max_pool2d", x, kernel_size, stride, padding)
    pictures, blocks = x.transpose(0, 2, 3, 1), row_blocks(x, BLOCK)  # (n, h, w, c)
    y, winners = np.empty((len(x), rows.out, columns.out, x.shape[1]), x.dtype), []
    for n in blocks:
        along, j = columns.largest(pictures[n])
        y[n], winner = rows.largest(along, j, columns.size)      # (max_pool2d.1)
        winners.append(winner)

    def backward(dy):
        dy = dy.transpose(0, 2, 3, 1)
        dx = np.empty(pictures.shape, x.dtype)
        corners = _corners(rows, columns, pictures[blocks[0]].shape)
        room = np.empty_like(corners)
        for n, winner in zip(blocks, winners):
            a = np.multiply(winner, x.shape[1], out=room[:len(winner)], dtype=np.intp)
            a += corners[:len(a)]
            dx[n] = 0
            np.add.at(dx[n].reshape(-1), a.ravel(), dy[n].ravel())  # (max_pool2d.2)
        return dx.transpose(0, 3, 1, 2)

    return y.transpose(0, 3, 1, 2), backward


def avg_pool2d(x, *, kernel_size, stride=None, padding=0, count_include_pad=True):
    r"""Take the mean of each window of each channel.

    (avg_pool2d.1)  y_{ncpq} = \frac{1}{k_{pq}} \sum_{ij} x_{n,\,c,\,sp+i-m,\,sq+j-m}
    (avg_pool2d.2)  dx_{nchw} = \sum_{pqij} [h=sp+i-m] [w=sq+j-m] dy_{ncpq} / k_{pq}

    x (n, c, h, w)   →   y (n, c, p, q); s is the stride (the kernel's size if not
    given), m the padding, which counts as 0. k_{pq} is the size of the kernel, or with
    count_include_pad=False the number of its entries that lie on the picture.
    Raises ValueError as max_pool2d does.
    """
    rows, columns = _lines("avg_pool2d", x, kernel_size, stride, padding)
    expect_bool("avg_pool2d", "count_include_pad", count_include_pad)
    pictures = x.transpose(0, 2, 3, 1)                           # (n, h, w, c)
    y = np.empty((len(x), rows.out, columns.out, x.shape[1]), x.dtype)
    k = np.full((rows.out, columns.out, 1), rows.k * columns.k, x.real.dtype)
    if not count_include_pad:
        k[:] = rows.counts()[:, None, None] * columns.counts()[:, None]
    for n in row_blocks(x, BLOCK):
        y[n] = rows.total(columns.total(pictures[n])) / k        # (avg_pool2d.1)

    def backward(dy):
        dy = dy.transpose(0, 2, 3, 1)
        dx = np.zeros(pictures.shape, x.dtype)
        for n in row_blocks(x, BLOCK):
            along = np.zeros((len(dx[n]), rows.size, columns.out, x.shape[1]), x.dtype)
            rows.give(along, dy[n] / k)
            columns.give(dx[n], along)                           # (avg_pool2d.2)
        return dx.transpose(0, 3, 1, 2)

    return y.transpose(0, 3, 1, 2), backward


def global_max_pool2d(x):
    r"""Keep the largest number of each channel: whether a thing is seen, not where.

    (global_max_pool2d.1)  y_{nc} = \max_{hw} x_{nchw}
    (global_max_pool2d.2)  dx_{nchw} = dy_{nc}\, [(h, w) = a_{nc}]

    x (n, c, h, w)   →   y (n, c); a_{nc} is the place of the largest number, the first
    in reading order where several are equal. Raises ValueError for an empty picture.
    """
    rows = _rows("global_max_pool2d", x)
    place = rows.real.argmax(axis=1)[:, None]                    # (n, 1, c)
    y = np.take_along_axis(rows, place, 1)[:, 0]     # (global_max_pool2d.1)

    def backward(dy):
        dx = np.zeros(rows.shape, x.dtype)
        np.put_along_axis(dx, place, dy[:, None], 1)  # (global_max_pool2d.2)
        return _picture(dx, x.shape)

    return y, backward


def global_avg_pool2d(x):
    r"""Take the mean of each channel: how much of a thing is seen.

    (global_avg_pool2d.1)  y_{nc} = \frac{1}{H W} \sum_{hw} x_{nchw}
    (global_avg_pool2d.2)  dx_{nchw} = \frac{dy_{nc}}{H W}

    x (n, c, h, w)   →   y (n, c); H, W are the sizes of h, w.
    Raises ValueError for an empty picture. Source: Lin et al. 2014 (arXiv 1312.4400).
    """
    rows = _rows("global_avg_pool2d", x)
    share = np.full(rows.shape[1], 1 / rows.shape[1], x.dtype)
    y = share @ rows                                 # (global_avg_pool2d.1)

    def backward(dy):
        dx = np.empty(rows.shape, x.dtype)
        dx[:] = dy[:, None] / rows.shape[1]          # (global_avg_pool2d.2)
        return _picture(dx, x.shape)

    return y, backward


def cells(x):
    r"""Lay the places of a picture in a row, each with its channels for features.

    (cells.1)  y_{nuc} = x_{nchw}, \quad u = h W + w
    (cells.2)  dx_{nchw} = dy_{nuc}, \quad u = h W + w

    x (n, c, h, w)   →   y (n, u, c); W is the size of w.
    Raises ValueError for an empty picture.
    """
    y = _rows("cells", x)                            # (cells.1)

    def backward(dy):
        dx = _picture(dy.copy(), x.shape)            # (cells.2)
        return dx

    return y, backward


def _lines(op, x, kernel_size, stride, padding):
    """The windows along the rows' axis of pictures (n, h, w, c), and the columns'."""
    expect(op, x=(x, "n c h w"))
    k = pair(op, "kernel_size", kernel_size, 1)
    s = k if stride is None else pair(op, "stride", stride, 1)
    m = pair(op, "padding", padding, 0)
    if 2 * m[0] > k[0] or 2 * m[1] > k[1]:
        raise ValueError(f"{op}: padding {m} must not exceed half the kernel {k}")
    size, padded = x.shape[2:], [a + 2 * b for a, b in zip(x.shape[2:], m)]
    if 0 in size:
        raise ValueError(f"{op}: the picture {size} must not be empty")
    if k[0] > padded[0] or k[1] > padded[1]:
        raise ValueError(f"{op}: the kernel covers {k[0]}×{k[1]} but the padded "
                         f"picture is {padded[0]}×{padded[1]}")
    return [_Line(axis, *each) for axis, each in enumerate(zip(size, k, s, m), 1)]


class _Line:
    """Windows along one axis: entry i of window p falls on place s p + i - m.

    A window of two axes is one along the rows' of windows along the columns': so its
    largest number and its sum are found along one axis, then along the other.
    entries: for each entry two indices, the windows in which it falls on the picture,
    and the places that it falls on there.
    """

    def __init__(self, axis, size, k, s, m):
        self.axis, self.size, self.k, self.s, self.m = axis, size, k, s, m
        self.out = (size + 2 * m - k) // s + 1
        self.entries = [tuple(map(self._along, _falls(i, s, m, size, self.out)))
                        for i in range(k)]

    def _along(self, some):
        return (slice(None),) * self.axis + (some,)

    def largest(self, x, inner=None, size=1):
        """The largest number of each window, and which entry that is: the first.

        inner: which entry along the other axis each x is itself, of a line of `size`;
        then an entry is numbered as its place in a picture is, i size + inner.
        """
        kind = np.min_scalar_type(self.k * size).type
        if self.m:                                   # the edge again: no larger
            at = np.arange(-self.m, self.size + self.m)
            x = x.take(at, self.axis, mode="clip")
            inner = inner if inner is None else inner.take(at, self.axis, mode="clip")
        taps = [self._along(slice(i, i + self.s * (self.out - 1) + 1, self.s))
                for i in range(self.k)]
        entries = [kind(i * size) if inner is None else kind(i * size) + inner[tap]
                   for i, tap in enumerate(taps)]
        parts = [x[tap].copy() for tap in taps]      # in one run each: sooner compared
        y = parts[0]
        which = np.empty(y.shape, kind)
        which[:] = entries[0]
        if self.m:                                   # nor is what begins in the margin
            first = np.maximum(self.m - self.s * np.arange(self.out), 0).astype(kind)
            which += kind(size) * first.reshape(-1, *[1] * (3 - self.axis))
        for part, entry in zip(parts[1:], entries[1:]):
            before, y = y, np.maximum(y, part)
            np.maximum(which, (before < y) * entry, out=which)
        return y, which

    def give(self, dx, dy):
        """Add to each entry of each window the window's gradient."""
        for at, tap in self.entries:
            if self.k <= self.s:                     # windows that do not overlap
                dx[tap] = dy[at]
            else:
                dx[tap] += dy[at]

    def total(self, x):
        """The sum of each window."""
        shape = [*x.shape]
        shape[self.axis] = self.out
        y = np.zeros(shape, x.dtype)
        for at, tap in self.entries:
            y[at] += x[tap]
        return y

    def counts(self):
        """How many entries of each window lie on the picture."""
        return self.total(np.ones((1,) * self.axis + (self.size,))).ravel()


def _corners(rows, columns, shape):
    """Where in the memory of pictures (n, h, w, c) the windows (n, p, q, c) begin."""
    n, h, w, c = map(np.arange, shape)
    p, q = (line.s * np.arange(line.out) - line.m for line in (rows, columns))
    place = (len(h) * n[:, None, None] + p[:, None]) * len(w) + q
    return len(c) * place[..., None] + c


def _falls(i, s, m, size, out):
    """Along one axis: the places p where 0 <= s p + i - m < size, and s p + i - m."""
    first = max(0, -((i - m) // s))
    last = max(first, min(out, -((i - m - size) // s)))
    start = s * first + i - m
    return slice(first, last), slice(start, start + s * (last - first), s)


def _rows(op, x):
    """Pictures (n, c, h, w) as (n, hw, c)."""
    expect(op, x=(x, "n c h w"))
    n, c, h, w = x.shape
    if h * w == 0:
        raise ValueError(f"{op}: the picture {(h, w)} must not be empty")
    return x.transpose(0, 2, 3, 1).reshape(n, h * w, c)


def _picture(rows, shape):
    """(n, hw, c) back as pictures (n, c, h, w)."""
    n, c, h, w = shape
    return rows.reshape(n, h, w, c).transpose(0, 3, 1, 2)
