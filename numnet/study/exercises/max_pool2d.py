"""Keep the largest number of each window of each channel.

kernel_size and stride are pairs, (rows, columns); there is no padding, m is 0. Of equal
numbers in a window the first in reading order wins, and it alone. `window` gives entry
(i, j) of all windows: a view, so that what is written into it is written into the
picture.
"""

import numpy as np

import numnet


def max_pool2d(x, *, kernel_size, stride):
    (height, width), (s, t) = x.shape[2:], stride
    p = (height - kernel_size[0]) // s + 1
    q = (width - kernel_size[1]) // t + 1

    def window(picture, i, j):                       # (n, c, p, q)
        return picture[:, :, i:i + s * p:s, j:j + t * q:t]

    entries = np.stack([window(x, i, j) for i, j in np.ndindex(kernel_size)])
    y = entries.max(axis=0)                          # (max_pool2d.1)

    def backward(dy):
        dx = np.zeros_like(x)
        winner = entries.argmax(axis=0)
        for k, (i, j) in enumerate(np.ndindex(kernel_size)):
            window(dx, i, j)[...] += dy * (winner == k)  # (max_pool2d.2)
        return dx

    return y, backward


reference = numnet.max_pool2d
LESSON = 7
SHAPES = {"x": "n c h w", "y": "n c p q"}
CASES = {"windows side by side": {
             "n": 2, "c": 5, "h": 9, "w": 14, "kernel_size": (3, 2), "stride": (3, 2)},
         "windows that overlap": {
             "n": 2, "c": 3, "h": 7, "w": 9, "kernel_size": (3, 4), "stride": (1, 1)},
         "equal numbers in a window": {
             "n": 3, "c": 2, "h": 9, "w": 14, "rounded": True, "kernel_size": (2, 3),
             "stride": (2, 2)}}
HINTS = {
    "dx": ("max_pool2d.2", "entries.argmax(axis=0) says which entry of each window has "
                           "won, the first one of equals. For each entry (i, j), add "
                           "dy into that window of a picture of zeros, where it has "
                           "won."),
}
MISTAKES = [
    ("window(dx, i, j)[...] += dy * (winner == k)",
     "window(dx, i, j)[winner == k] = dy[winner == k]",
     "one pixel can win several windows: add what they send, do not overwrite"),
    ("(winner == k)", "(entries[k] == y)",
     "where numbers are equal, each of them gets all of dy: one alone may win"),
    ("dy * (winner == k)", "1.0 * (winner == k)",
     "dy is missing: the winner gets dy, not 1"),
    ("dy * (winner == k)", "dy", "all of the window get dy: the winner alone may"),
    ("argmax", "argmin", "it goes to the smallest of the window: the largest has won"),
    ("dy * (winner == k)", "dy / len(entries)",
     "dy is shared out evenly, as an average pool does: the winner gets it all"),
]
