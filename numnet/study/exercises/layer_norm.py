"""Give each row mean 0 and variance 1.

x may have more axes before o; n then runs over all of them. O is the number of features
and ϵ = eps.
"""

import numnet


def layer_norm(x, w, b, *, eps):
    m = x.mean(axis=-1, keepdims=True)                           # (layer_norm.1)
    variance = ((x - m) ** 2).mean(axis=-1, keepdims=True)
    r = (variance + eps) ** -0.5                                 # (layer_norm.2)
    u = r * (x - m)                                              # (layer_norm.3)
    y = w * u + b                                                # (layer_norm.4)

    def backward(dy):
        du = dy * w                                              # (layer_norm.5)
        a = du.mean(axis=-1, keepdims=True)                      # (layer_norm.6)
        c = (du * u).mean(axis=-1, keepdims=True)                # (layer_norm.7)
        dx = r * (du - a - u * c)                                # (layer_norm.8)
        before = tuple(range(x.ndim - 1))
        dw = (dy * u).sum(axis=before)                           # (layer_norm.9)
        db = dy.sum(axis=before)                                 # (layer_norm.10)
        return dx, dw, db

    return y, backward


reference = numnet.layer_norm
LESSON = 11
SHAPES = {"x": "n o", "w": "o", "b": "o", "y": "n o"}
CASES = {"one row for each example": {"n": 3, "o": 5, "eps": 0.3},
         "x with one more axis": {"n": (2, 3), "o": 7, "eps": 0.01}}
HINTS = {
    "dx": ("layer_norm.8", "du is dy w. Then three parts: du itself; its mean a, since "
                           "x moves the mean; u times c, the mean of du u, since x "
                           "moves the variance. r multiplies them all."),
    "dw": ("layer_norm.9", "w multiplied u: dy u, summed over all axes but o."),
    "db": ("layer_norm.10", "b was added to every row: dy summed over all axes but o."),
}
PARTS = [
    ("du - a - u * c", {
        "du": "x moves its own u", "-a": "x also moves the mean",
        "-u * c": "x also moves the variance"}),
]
MISTAKES = [
    ("r * (du", "(du", "r is missing: it multiplies all three parts"),
    ("du = dy * w", "du = dy", "w is missing: du is dy w"),
    ("(dy * u).sum", "(dy * x).sum", "it is made of x: w multiplied u, the normed x"),
    ("(dy * u).sum", "(dy * y).sum", "it is made of y: w multiplied u"),
]
