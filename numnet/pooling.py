"""Pooling: one number for each window, or for the whole picture."""

import numpy as np

from numnet.convolution import Windows
from numnet.shapes import expect, pair


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
    taps = _windows("max_pool2d", x, kernel_size, stride, padding)
    padded = taps.pad(x.transpose(0, 2, 3, 1), -np.inf)
    y = None
    for _, tap in taps.of(padded):
        y = tap.copy() if y is None else np.maximum(y, tap)      # (max_pool2d.1)

    def backward(dy):
        dy = dy.transpose(0, 2, 3, 1)
        dpadded = np.zeros(padded.shape, x.dtype)
        open_ = np.ones(y.shape, bool)               # windows still without a winner
        for (_, tap), (_, dtap) in zip(taps.of(padded), taps.of(dpadded)):
            won = open_ & (tap == y)
            dtap += dy * won                                     # (max_pool2d.2)
            open_ = open_ & ~won
        dx = taps.crop(dpadded).transpose(0, 3, 1, 2)
        return dx

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
    taps = _windows("avg_pool2d", x, kernel_size, stride, padding)
    padded = taps.pad(x.transpose(0, 2, 3, 1), 0)
    on_picture = taps.pad(np.ones((1, *x.shape[2:], 1), x.real.dtype),
                          1 if count_include_pad else 0)
    k = sum(tap for _, tap in taps.of(on_picture))
    y = sum(tap for _, tap in taps.of(padded)) / k               # (avg_pool2d.1)

    def backward(dy):
        share = dy.transpose(0, 2, 3, 1) / k
        dpadded = np.zeros(padded.shape, x.dtype)
        for _, dtap in taps.of(dpadded):
            dtap += share                                        # (avg_pool2d.2)
        dx = taps.crop(dpadded).transpose(0, 3, 1, 2)
        return dx

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
    y = rows.sum(axis=1) / rows.shape[1]             # (global_avg_pool2d.1)

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


def _windows(op, x, kernel_size, stride, padding):
    expect(op, x=(x, "n c h w"))
    kernel = pair(op, "kernel_size", kernel_size, 1)
    stride = kernel if stride is None else pair(op, "stride", stride, 1)
    m = pair(op, "padding", padding, 0)
    if 2 * m[0] > kernel[0] or 2 * m[1] > kernel[1]:
        raise ValueError(f"{op}: padding {m} must not exceed half the kernel {kernel}")
    return Windows(op, x.shape[2:], kernel, stride, m)


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
