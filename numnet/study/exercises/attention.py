"""Let t queries look at u keys and take their values.

No mask and no bias here: in the formulas a is 1 and bias 0. n is one leading axis or
several, each index by itself; I is the number of features i.
"""

import numpy as np

import numnet


def attention(q, k, v):
    scale = q.shape[-1] ** -0.5
    s = q @ k.swapaxes(-1, -2) * scale                           # (attention.1)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)                        # (attention.2)
    y = p @ v                                                    # (attention.3)

    def backward(dy):
        dp = dy @ v.swapaxes(-1, -2)                             # (attention.4)
        ds = p * (dp - (dy * y).sum(axis=-1, keepdims=True))     # (attention.5)
        dq = ds @ k * scale                                      # (attention.6)
        dk = ds.swapaxes(-1, -2) @ q * scale                     # (attention.7)
        dv = p.swapaxes(-1, -2) @ dy                             # (attention.8)
        return dq, dk, dv

    return y, backward


reference = numnet.attention
LESSON = 10
SHAPES = {"q": "n t i", "k": "n u i", "v": "n u o", "y": "n t o"}
CASES = {"three sequences": {"n": 3, "t": 4, "u": 6, "i": 5, "o": 7},
         "two leading axes": {"n": (2, 3), "t": 7, "u": 4, "i": 6, "o": 5}}
HINTS = {
    "dq": ("attention.6", "dp is dy against the values; ds the softmax's backward, row "
                          "by row over u; dq is ds times k, and the scale again."),
    "dk": ("attention.7", "As dq, but summed over the queries t: ds the other way "
                          "round, times q, and the scale."),
    "dv": ("attention.8", "Value u was taken by every query t with share p[t,u]: p "
                          "the other way round, times dy."),
}
PARTS = [
    ("dp - (dy * y).sum(axis=-1, keepdims=True)", {
        "dp": "a score moves its own share",
        "-(dy * y).sum(axis=-1, keepdims=True)":
            "a score that raises its share lowers all of them"}),
]
MISTAKES = [
    ("p * (dp - (dy * y).sum(axis=-1, keepdims=True))", "dp * p * (1 - p)",
     "ds takes the softmax's diagonal alone, p (1 - p): every score moves every share"),
    ("p * (dp - (dy * y).sum(axis=-1, keepdims=True))", "dp",
     "it goes on from dp: the softmax between scores and shares is left out"),
    ("p * (dp - (dy * y).sum(axis=-1, keepdims=True))",
     "p * (dp - (dp * p).sum(axis=-2, keepdims=True))",
     "the sum in ds runs over the queries t: it is over the keys u"),
    ("p.swapaxes(-1, -2) @ dy", "s.swapaxes(-1, -2) @ dy",
     "it is made of the scores s: the values were mixed with the shares p"),
]
