"""Windows: where a kernel lies on a picture, and the windows as rows of a matrix."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

BLOCK = 2 ** 18        # bytes of windows at a time: they stay in the processor's cache


def blocks(n, rows, row_bytes, block_bytes):
    """Cut n pictures into blocks of whole pictures, or a large picture into some rows.

    Returns pairs of slices, of the pictures and of the rows; the first is a largest.
    """
    most = max(1, block_bytes // row_bytes)
    return [(pictures, some) for pictures in _cut(n, max(1, most // rows))
            for some in _cut(rows, most)]


def _cut(size, most):
    """Slices of 0 … size, about alike, none longer than `most`."""
    count = max(1, -(-size // most))
    edges = [-(-size * k // count) for k in range(count + 1)]
    return [slice(start, stop) for start, stop in zip(edges, edges[1:])]


class Windows:
    """Where a kernel's entries fall on a picture, for every place of the kernel.

    Entry (i, j) of the kernel, at place (p, q), falls on row s p + r i and column
    s q + r j of the padded picture: for one entry and all places that is a strided
    view. Pictures are channels-last, (n, h, w, c).
    """

    def __init__(self, op, size, kernel, stride, padding, dilation):
        reach = tuple(r * (k - 1) + 1 for r, k in zip(dilation, kernel))
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
        self.size, self.margin, self.reach = size, padding, reach

    def pad(self, x, planes):
        """x with a margin of zeros; with `planes` each channel lies in one piece."""
        (top, left), (n, h, w, c) = self.margin, x.shape
        if not (top or left or planes):
            return x
        size = n, h + 2 * top, w + 2 * left
        padded = (np.zeros((c, *size), x.dtype).transpose(1, 2, 3, 0) if planes
                  else np.zeros((*size, c), x.dtype))
        padded[:, top:top + h, left:left + w] = x
        return padded

    def crop(self, padded):
        """The picture inside the margin."""
        (top, left), (h, w) = self.margin, self.size
        return padded[:, top:top + h, left:left + w]

    def of(self, padded, block=()):
        """For each kernel entry k = i J + j, its view (n, p, q, c) of the picture.

        block: slices of n and p, for the view of some places alone.
        """
        (s, t), (p, q) = self.stride, self.out
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                top, left = i * self.dilation[0], j * self.dilation[1]
                yield (i * self.kernel[1] + j,
                       padded[:, top:top + s * p:s, left:left + t * q:t][block])

    def columns(self, padded, planes):
        """The windows as rows of a matrix, a block at a time: pairs (block, matrix).

        A row is a place (n, p, q), a column an entry (i, j, c), and after these comes
        a column of ones, for the bias. In memory a row's numbers lie side by side, or
        with `planes` a column's. Each matrix lies where the one before lay, so it is
        there until the next.
        """
        (s, t), (r, d) = self.stride, self.dilation
        windows = sliding_window_view(padded, self.reach, axis=(1, 2))
        windows = windows[:, ::s, ::t, :, ::r, ::d].transpose(0, 1, 2, 4, 5, 3)
        n, p, q, *entry = windows.shape                             # (i, j, c)
        k, room = int(np.prod(entry)), None
        for block in blocks(n, p, q * (k + 1) * padded.itemsize, BLOCK):
            some = windows[block]
            size = some.size // k * (k + 1)
            room = np.empty(size, padded.dtype) if room is None else room
            flat = room[:size]
            matrix = flat.reshape(k + 1, -1).T if planes else flat.reshape(-1, k + 1)
            matrix[:, :k].reshape(some.shape)[:] = some
            matrix[:, k] = 1
            yield block, matrix
