"""The convolution: one small filter, slid over every place of the picture."""

import numpy as np

from numnet.initialization import he
from numnet.linear import linear
from numnet.module import Module, Parameter, apply
from numnet.shapes import expect, expect_bool, pair
from numnet.windows import Windows
from numnet.winograd import winograd

FEW = 8                # channels: below, numbers are best side by side along columns
MANY = 1024            # places: below, taking the filters to the points costs too much


def conv2d(x, w, b, *, stride=1, padding=0, dilation=1, needs_dx=True):
    r"""Slide o filters over c-channel pictures.

    (conv2d.1)  y_{nopq} = b_o + \sum_{cij} w_{ocij}\, x_{n,\,c,\,sp+ri-m,\,sq+rj-m}
    (conv2d.2)  dx_{nchw} = \sum_{opqij} [h=sp+ri-m] [w=sq+rj-m] dy_{nopq}\, w_{ocij}
    (conv2d.3)  dw_{ocij} = \sum_{npq} dy_{nopq}\, x_{n,\,c,\,sp+ri-m,\,sq+rj-m}
    (conv2d.4)  db_o = \sum_{npq} dy_{nopq}

    x (n, c, h, w)   w (o, c, i, j)   b (o)   →   y (n, o, p, q); s is the stride, r the
    dilation (rate), m the padding (margin), each a whole number or a pair (rows,
    columns); x is 0 outside the picture. Filters are not flipped: this is
    cross-correlation, as in PyTorch. Rows that no window reaches get gradient 0.
    With needs_dx=False, as for a picture from the data, the backward gives None for dx.
    In memory x and y are best channels-last, behind their (n, c, h, w) view. Filters of
    3 × 3 with stride 1 go by `winograd` where that is faster: the same numbers, rounded
    in another way.
    Raises ValueError when the channels differ or the kernel exceeds the padded picture.
    Source: Dumoulin and Visin 2016 (arXiv 1603.07285).
    """
    expect("conv2d", x=(x, "n c h w"), w=(w, "o c i j"), b=(b, "o"))
    if 0 in w.shape[:2]:
        raise ValueError(f"conv2d: w must have filters and channels, got {w.shape}")
    s, r = pair("conv2d", "stride", stride, 1), pair("conv2d", "dilation", dilation, 1)
    m = pair("conv2d", "padding", padding, 0)
    expect_bool("conv2d", "needs_dx", needs_dx)
    taps = Windows("conv2d", x.shape[2:], w.shape[2:], s, m, r)
    n, c, o, (p, q) = x.shape[0], x.shape[1], w.shape[0], taps.out
    if s == r == (1, 1) and w.shape[2:] == (1, 1) and m == (0, 0):
        return _pointwise(x, w, b, needs_dx)
    if (s == r == (1, 1) and w.shape[2:] == (3, 3) and max(m) <= 2
            and c >= FEW and n * p * q >= MANY):
        return winograd(x, w, b, padding=m, needs_dx=needs_dx)

    planes = c < FEW
    padded = taps.pad(x.transpose(0, 2, 3, 1), planes)              # (n, h, w, c)
    # b is one weight more, of an entry that is always 1
    kernel = np.vstack([w.transpose(2, 3, 1, 0).reshape(-1, o), b])  # (ijc + 1, o)
    y = np.empty((n, p, q, o), np.result_type(x, kernel))
    for block, columns in taps.columns(padded, planes):             # (npq, ijc + 1)
        # into y itself: the rows are those of whole pictures, or some of one
        np.matmul(columns, kernel, out=y[block].reshape(-1, o))         # (conv2d.1)

    def backward(dy):
        dy = dy.transpose(0, 2, 3, 1)                               # (n, p, q, o)
        dpadded = np.zeros_like(padded) if needs_dx else None
        dkernel = np.zeros(kernel.shape, kernel.dtype)
        of_taps = kernel[:-1].reshape(taps.count, c, o).swapaxes(1, 2)  # (ij, o, c)
        for block, columns in taps.columns(padded, planes):
            rows = dy[block].reshape(-1, o)                         # (npq, o)
            if needs_dx:
                if planes:                          # in one product, of so few channels
                    dwindows = (kernel[:-1] @ rows.T).reshape(taps.count, c, len(rows))
                    dwindows = dwindows.swapaxes(1, 2)
                else:
                    dwindows = rows @ of_taps                       # (ij, npq, c)
                for k, tap in taps.of(dpadded, block):
                    tap += dwindows[k].reshape(tap.shape)           # (conv2d.2)
            dkernel += columns.T @ rows                             # (conv2d.3)
        dx = taps.crop(dpadded).transpose(0, 3, 1, 2) if needs_dx else None
        dw = dkernel[:-1].reshape(*w.shape[2:], c, o).transpose(3, 2, 0, 1)
        db = dkernel[-1]                                            # (conv2d.4)
        return dx, dw, db

    return y.transpose(0, 3, 1, 2), backward


def _pointwise(x, w, b, needs_dx):
    """With filters of 1 × 1: `linear`, from the c channels of a pixel to o."""
    (n, c, h, width), o = x.shape, len(w)
    rows = x.transpose(0, 2, 3, 1).reshape(-1, c)                   # (nhw, c)
    y, linear_backward = linear(rows, w[:, :, 0, 0].T, b)

    def backward(dy):
        rows = dy.transpose(0, 2, 3, 1).reshape(-1, o)
        of_rows, of_w, of_b = linear_backward(rows)
        of_x = of_rows.reshape(n, h, width, c).transpose(0, 3, 1, 2)
        return of_x if needs_dx else None, of_w.T[:, :, None, None], of_b

    return y.reshape(n, h, width, o).transpose(0, 3, 1, 2), backward


class Conv2d(Module):
    """The convolution with its own filters w (o, c, i, j), by He's rule, and b (o).

    Options are those of conv2d.
    """

    def __init__(self, in_channels, out_channels, kernel_size, rng, **options):
        if strange := sorted(options - conv2d.__kwdefaults__.keys()):
            raise TypeError(f"Conv2d: conv2d has no option {', '.join(strange)}")
        kernel = pair("Conv2d", "kernel_size", kernel_size, 1)
        self.w = Parameter(he((out_channels, in_channels, *kernel), rng))
        self.b = Parameter(np.zeros(out_channels, np.float32))
        self.options = options

    def __call__(self, x):
        return apply(conv2d, x, self.w, self.b, **self.options)
