"""Let each word look at all places of the picture.

text has t words, image u places. What a word finds is added to it, (residual.1) without
the norm, so that its gradient has a way straight past. Each product with a weight is a
linear without a bias, in which n stands for n and t, or n and u.
"""

import numpy as np

from numnet import attention
from numnet.study.trials import by_complex_step


def cross_attention(text, image, wq, wk, wv):
    q, k, v = text @ wq, image @ wk, image @ wv                  # (linear.1)
    found, attention_backward = attention(q, k, v)               # (attention.3)
    y = text + found                                             # (residual.1)

    def backward(dy):
        dq, dk, dv = attention_backward(dy)
        dtext = dy + dq @ wq.T                                   # (residual.2)
        dimage = dk @ wk.T + dv @ wv.T                           # (linear.2) (apply.1)
        dwq = np.einsum("nto,nti->oi", text, dq)                 # (linear.3)
        dwk = np.einsum("nuc,nui->ci", image, dk)
        dwv = np.einsum("nuc,nuo->co", image, dv)
        return dtext, dimage, dwq, dwk, dwv

    return y, backward


LESSON = 13
SHAPES = {"text": "n t o", "image": "n u c", "wq": "o i", "wk": "c i", "wv": "c o",
          "y": "n t o"}
CASES = {"more places than words": {"n": 8, "t": 3, "u": 7, "o": 5, "c": 4, "i": 6},
         "more words than places": {"n": 3, "t": 8, "u": 4, "o": 6, "c": 7, "i": 5}}
HINTS = {
    "dtext": ("residual.2", "The word went two ways: straight on, which gives dy "
                            "itself, and into the query, which gives dq @ wq.T."),
    "dimage": ("apply.1", "Each place was a key and a value: dk @ wk.T and dv @ wv.T, "
                          "added."),
    "dwq": ("linear.3", "text times dq, summed over n and t."),
    "dwk": ("linear.3", "image times dk, summed over n and u."),
    "dwv": ("linear.3", "image times dv, summed over n and u."),
}
PARTS = [
    ("dy + dq @ wq.T", {
        "dy": "the word goes straight on into y",
        "dq @ wq.T": "the word asks, as a query"}),
    ("dk @ wk.T + dv @ wv.T", {
        "dk @ wk.T": "each place is looked at, as a key",
        "dv @ wv.T": "each place is taken from, as a value"}),
]
MISTAKES = [
    ('"nto,nti->oi", text, dq', '"nto,nti->oi", y, dq',
     "it is made of y: text was multiplied by wq"),
]


@by_complex_step
def reference(text, image, wq, wk, wv):
    return text + attention(text @ wq, image @ wk, image @ wv)[0]
