"""Turn scores into positive shares that add up to 1.

k and m run along the last axis, each row of scores by itself.
"""

import numpy as np

import numnet


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True)            # (softmax.1)

    def backward(dy):
        inner = (dy * y).sum(axis=-1, keepdims=True)
        dx = y * (dy - inner)                        # (softmax.2)
        return dx

    return y, backward


reference = numnet.softmax
LESSON = 5
SHAPES = {"x": "n o", "y": "n o"}
CASES = {"rows of scores": {"n": 5, "o": 3},
         "one more axis": {"n": (2, 5), "o": 4}}
HINTS = {
    "dx": ("softmax.2", "Multiply dy by y and add up along the last axis, for each row "
                        "by itself (keepdims=True): take that from dy, and multiply "
                        "what is left by y."),
}
PARTS = [
    ("dy - inner", {
        "dy": "a score moves its own share",
        "-inner": "a score that raises its share lowers all of them"}),
]
MISTAKES = [
    ("y * (dy - inner)", "y * (dy - dy * y)",
     "it takes the diagonal of the Jacobian alone, y (1 - y): every score moves every "
     "share, so the sum over m belongs to it"),
    ("(dy * y).sum(axis=-1, keepdims=True)", "(dy * y).sum()",
     "the sum runs over all rows: each row is by itself"),
    ("(dy * y).sum(", "dy.sum(", "the sum over m is that of dy y, not of dy"),
]
