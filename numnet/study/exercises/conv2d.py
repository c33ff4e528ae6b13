"""Slide o filters over c-channel pictures.

s is the stride and m the padding, whole numbers; the dilation r is 1. `window` gives
what entry (i, j) of the filters sees, at all places (p, q): a view, so that what is
written into it is written into the picture.
"""

import numpy as np

import numnet


def conv2d(x, w, b, *, stride, padding):
    (height, width), s, m = x.shape[2:], stride, padding
    padded = np.pad(x, ((0, 0), (0, 0), (m, m), (m, m)))
    p = (height + 2 * m - w.shape[2]) // s + 1
    q = (width + 2 * m - w.shape[3]) // s + 1

    def window(picture, i, j):                       # (n, c, p, q)
        return picture[:, :, i:i + s * p:s, j:j + s * q:s]

    y = b[:, None, None] + sum(
        np.einsum("ncpq,oc->nopq", window(padded, i, j), w[:, :, i, j])
        for i, j in np.ndindex(w.shape[2:]))         # (conv2d.1)

    def backward(dy):
        dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
        for i, j in np.ndindex(w.shape[2:]):
            dwindow = np.einsum("nopq,oc->ncpq", dy, w[:, :, i, j])
            window(dpadded, i, j)[...] += dwindow    # (conv2d.2)
            dw[:, :, i, j] = np.einsum(
                "nopq,ncpq->oc", dy, window(padded, i, j))  # (conv2d.3)
        dx = dpadded[:, :, m:m + height, m:m + width]
        db = dy.sum(axis=(0, 2, 3))                  # (conv2d.4)
        return dx, dw, db

    return y, backward


reference = numnet.conv2d
LESSON = 6
SHAPES = {"x": "n c h w", "w": "o c i j", "b": "o", "y": "n o p q"}
CASES = {"stride 1, no padding": {
             "n": 5, "c": 4, "h": 7, "w": 10, "o": 9, "i": 2, "j": 3,
             "stride": 1, "padding": 0},
         "stride 2, rows left over": {
             "n": 2, "c": 7, "h": 9, "w": 16, "o": 8, "i": 4, "j": 5,
             "stride": 2, "padding": 0},
         "stride 2 and padding 1": {
             "n": 2, "c": 3, "h": 10, "w": 16, "o": 9, "i": 4, "j": 6,
             "stride": 2, "padding": 1}}
HINTS = {
    "dx": ("conv2d.2", "For each (i, j), what dy and w[:, :, i, j] give (o is summed) "
                       "is added into that window of a picture of zeros, as large as "
                       "the padded one; windows overlap, so add. At last cut off the "
                       "margin."),
    "dw": ("conv2d.3", "For each (i, j), multiply dy by that window of the padded "
                       "picture, and sum over n, p and q."),
    "db": ("conv2d.4", "b[o] was added at every place of every picture: sum dy over "
                       "all axes but o."),
}
MISTAKES = [
    ("window(dpadded, i, j)[...] += dwindow", "window(dpadded, i, j)[...] = dwindow",
     "windows overlap: what they send to one pixel is to be added, not overwritten"),
    ("dpadded[:, :, m:m + height, m:m + width]", "dpadded[:, :, :height, :width]",
     "it is cut from the corner of the padded picture: the margin is on all sides"),
    ('"nopq,ncpq->oc", dy, window(padded, i, j)',
     '"opq,cpq->oc", dy[0], window(padded, i, j)[0]',
     "it takes the first picture alone: sum over n"),
    ("dy, w[:, :, i, j])\n            window", "dy, w[:, :, -1 - i, -1 - j])\n"
     "            window", "the filters are flipped: here they are not"),
]
