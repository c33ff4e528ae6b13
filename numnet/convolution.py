"""The convolution: one small filter, slid over every place of the picture."""

import numpy as np

from numnet.initialization import he
from numnet.module import Module, Parameter, apply
from numnet.shapes import expect, pair


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
    In memory x and y are best channels-last, behind their (n, c, h, w) view.
    Raises ValueError when the channels differ or the kernel exceeds the padded picture.
    Source: Dumoulin and Visin 2016 (arXiv 1603.07285).
    """
    expect("conv2d", x=(x, "n c h w"), w=(w, "o c i j"), b=(b, "o"))
    if 0 in w.shape[:2]:
        raise ValueError(f"conv2d: w must have filters and channels, got {w.shape}")
    s, r = pair("conv2d", "stride", stride, 1), pair("conv2d", "dilation", dilation, 1)
    m = pair("conv2d", "padding", padding, 0)
    taps = Windows("conv2d", x.shape[2:], w.shape[2:], s, m, r)
    n, c, o = x.shape[0], x.shape[1], w.shape[0]

    padded = taps.pad(x.transpose(0, 2, 3, 1), 0)                   # (n, h, w, c)
    columns = np.stack([tap for _, tap in taps.of(padded)], axis=3)
    columns = columns.reshape(-1, taps.count * c)                   # (npq, ijc)
    kernel = w.transpose(2, 3, 1, 0).reshape(-1, o)                 # (ijc, o)
    y = columns @ kernel + b                                        # (conv2d.1)
    y = y.reshape(n, *taps.out, o).transpose(0, 3, 1, 2)

    def backward(dy):
        rows = dy.transpose(0, 2, 3, 1).reshape(-1, o)              # (npq, o)
        dx = None
        if needs_dx:
            dcolumns = (rows @ kernel.T).reshape(n, *taps.out, taps.count, c)
            dpadded = np.zeros(padded.shape, x.dtype)
            for k, tap in taps.of(dpadded):
                tap += dcolumns[:, :, :, k]                         # (conv2d.2)
            dx = taps.crop(dpadded).transpose(0, 3, 1, 2)
        dw = columns.T @ rows                                       # (conv2d.3)
        dw = dw.reshape(*w.shape[2:], c, o).transpose(3, 2, 0, 1)
        db = rows.sum(axis=0)                                       # (conv2d.4)
        return dx, dw, db

    return y, backward


class Windows:
    """Where a kernel's entries fall on a picture, for every place of the kernel.

    Entry (i, j) of the kernel, at place (p, q), falls on row s p + r i and column
    s q + r j of the padded picture: for one entry and all places that is a strided
    view. Pictures are channels-last, (n, h, w, c).
    """

    def __init__(self, op, size, kernel, stride, padding, dilation=(1, 1)):
        reach = [r * (k - 1) + 1 for r, k in zip(dilation, kernel)]
        padded = [a + 2 * m for a, m in zip(size, padding)]
        if min(kernel) < 1 or min(size) < 1:
            raise ValueError(f"{op}: the kernel {tuple(kernel)} and the picture "
                             f"{tuple(size)} must not be empty")
        if reach[0] > padded[0] or reach[1] > padded[1]:
            raise ValueError(f"{op}: the kernel covers {reach[0]}×{reach[1]} "
                             f"but the padded picture is {padded[0]}×{padded[1]}")
        self.out = tuple((a - k) // s + 1 for a, k, s in zip(padded, reach, stride))
        self.count = kernel[0] * kernel[1]
        self.kernel, self.stride, self.dilation = kernel, stride, dilation
        self.size, self.margin = size, padding

    def pad(self, x, value):
        """x with a margin of this value."""
        (top, left) = self.margin
        if not top and not left:
            return x
        n, h, w, c = x.shape
        padded = np.full((n, h + 2 * top, w + 2 * left, c), value, x.dtype)
        padded[:, top:top + h, left:left + w] = x
        return padded

    def crop(self, padded):
        """The picture inside the margin."""
        (top, left), (h, w) = self.margin, self.size
        return padded[:, top:top + h, left:left + w]

    def of(self, padded):
        """For each kernel entry k = i J + j, its view (n, p, q, c) of the picture."""
        (s, t), (p, q) = self.stride, self.out
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                top, left = i * self.dilation[0], j * self.dilation[1]
                yield (i * self.kernel[1] + j,
                       padded[:, top:top + s * p:s, left:left + t * q:t])


class Conv2d(Module):
    """The convolution with its own filters w (o, c, i, j), by He's rule, and b (o).

    Options are those of conv2d.
    """

    def __init__(self, in_channels, out_channels, kernel_size, rng, **options):
        kernel = pair("Conv2d", "kernel_size", kernel_size, 1)
        self.w = Parameter(he((out_channels, in_channels, *kernel), rng))
        self.b = Parameter(np.zeros(out_channels, np.float32))
        self.options = options

    def __call__(self, x):
        return apply(conv2d, x, self.w, self.b, **self.options)
