"""Pooling: one number for each window, or for the whole picture."""

import numpy as np

from numnet.shapes import expect, pair

BLOCK = 2 ** 18        # numbers at a time: they and their pools stay in the cache


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
    windows = _Windows("max_pool2d", x, kernel_size, stride, padding)
    y = windows.empty(x)
    for n in _blocks(x):
        y[n] = -np.inf
        for at, tap in windows.entries:
            np.maximum(y[n][at], x[n][tap], out=y[n][at])        # (max_pool2d.1)

    def backward(dy):
        dx = np.empty_like(x)
        for n in _blocks(x):
            dx[n] = 0
            left = np.empty_like(y[n])
            left[...] = dy[n]                        # what no entry has won yet
            for at, tap in windows.entries:
                won = left[at] * ~(x[n][tap] < y[n][at])
                left[at] -= won
                if windows.apart:
                    dx[n][tap] = won                             # (max_pool2d.2)
                else:
                    dx[n][tap] += won                            # (max_pool2d.2)
        return dx

    return y, backward


def avg_pool2d(x, *, kernel_size, stride=None, padding=0, count_include_pad=True):
    r"""Take the mean of each window of each channel.

    (avg_pool2d.1)  y_{ncpq} = \frac{1}{k_{pq}} \sum_{ij} x_{n,\,c,\,sp+i-m,\,sq+j-m}
    (avg_pool2d.2)  dx_{nchw} = \sum_{pqij} [h=sp+i-m] [w=sq+j-m] dy_{ncpq} / k_{pq}

    x (n, c, h, w)   →   y (n, c, p, q); s is the stride (the kernel's size if not
    given), m the padding, which counts as 0. k_{pq} is the size of the kernel, or with
    count_include_pad=False the number of its entries that lie on the picture.
    Raises ValueError as max_pool2d does.
    """
    windows = _Windows("avg_pool2d", x, kernel_size, stride, padding)
    k = np.zeros(windows.out, x.real.dtype)
    for at, _ in windows.entries:
        k[at] += 1
    if count_include_pad:
        k[:] = len(windows.entries)
    y = windows.empty(x)
    for n in _blocks(x):
        y[n] = 0
        for at, tap in windows.entries:
            y[n][at] += x[n][tap]
        y[n] /= k                                                # (avg_pool2d.1)

    def backward(dy):
        dx = np.empty_like(x)
        for n in _blocks(x):
            dx[n] = 0
            share = np.divide(dy[n], k, out=np.empty_like(y[n]))
            for at, tap in windows.entries:
                dx[n][tap] += share[at]                          # (avg_pool2d.2)
        return dx

    return y, backward


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


def _blocks(x):
    """Slices of pictures with BLOCK numbers or fewer, or of one picture."""
    step = max(1, BLOCK // max(1, x[:1].size))
    return [slice(start, start + step) for start in range(0, len(x), step)]


class _Windows:
    """Where each entry of a kernel falls on pictures, for all places of the kernel.

    entries: for each entry in reading order two indices of the last two axes, the
    places (p, q) of the kernel at which it falls on the picture, not on the margin, and
    the numbers of the picture that it falls on there.
    """

    def __init__(self, op, x, kernel_size, stride, padding):
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
        self.apart = k[0] <= s[0] and k[1] <= s[1]
        self.out = tuple((a - b) // c + 1 for a, b, c in zip(padded, k, s))
        rows, columns = ([_falls(i, s[axis], m[axis], size[axis], self.out[axis])
                          for i in range(k[axis])] for axis in (0, 1))
        self.entries = [((..., p, q), (..., h, w))
                        for p, h in rows for q, w in columns]

    def empty(self, x):
        """Room for a number for each place, laid out in memory as x is."""
        return np.empty_like(x, shape=(*x.shape[:2], *self.out))


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
