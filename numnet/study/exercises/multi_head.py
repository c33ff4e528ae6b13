"""Let a sequence look at itself with several heads.

Put together from ops that bring their backwards: q_backward takes dq, (n, heads, t, I),
and gives it in the shape of x @ wq. x is used three times, for queries, keys and values
(apply.1 with x for w), and each product with a weight is a linear without a bias, in
which n stands for n and t.
"""

import numpy as np

from numnet import attention, merge_heads, split_heads
from numnet.study.trials import by_complex_step


def multi_head(x, wq, wk, wv, wo, *, heads):
    q, q_backward = split_heads(x @ wq, heads=heads)             # (linear.1)
    k, k_backward = split_heads(x @ wk, heads=heads)             # (split_heads.1)
    v, v_backward = split_heads(x @ wv, heads=heads)
    mixed, attention_backward = attention(q, k, v)               # (attention.3)
    merged, merge_backward = merge_heads(mixed)                  # (merge_heads.1)
    y = merged @ wo

    def backward(dy):
        dmixed = merge_backward(dy @ wo.T)                       # (merge_heads.2)
        dq, dk, dv = attention_backward(dmixed)
        dq, dk = q_backward(dq), k_backward(dk)                  # (split_heads.2)
        dv = v_backward(dv)
        dx = dq @ wq.T + dk @ wk.T + dv @ wv.T                   # (linear.2) (apply.1)
        dwq = np.einsum("nti,nto->io", x, dq)                    # (linear.3)
        dwk = np.einsum("nti,nto->io", x, dk)
        dwv = np.einsum("nti,nto->io", x, dv)
        dwo = np.einsum("nto,ntz->oz", merged, dy)
        return dx, dwq, dwk, dwv, dwo

    return y, backward


LESSON = 11
SHAPES = {"x": "n t i", "wq": "i o", "wk": "i o", "wv": "i o", "wo": "o z",
          "y": "n t z"}
CASES = {"three heads": {"n": 8, "t": 7, "i": 5, "o": 12, "z": 6, "heads": 3},
         "two heads": {"n": 3, "t": 4, "i": 7, "o": 10, "z": 6, "heads": 2}}
HINTS = {
    "dx": ("apply.1", "x went three ways, so three gradients come back and are added: "
                      "dq @ wq.T, dk @ wk.T and dv @ wv.T, after the ops' backwards."),
    "dwq": ("linear.3", "x times dq, as q_backward gives it, summed over n and t."),
    "dwk": ("linear.3", "x times dk, as k_backward gives it, summed over n and t."),
    "dwv": ("linear.3", "x times dv, as v_backward gives it, summed over n and t."),
    "dwo": ("linear.3", "What wo multiplied was merged: merged times dy, summed over n "
                        "and t."),
}
PARTS = [
    ("dq @ wq.T + dk @ wk.T + dv @ wv.T", {
        "dq @ wq.T": "x asks, as queries", "dk @ wk.T": "x is looked at, as keys",
        "dv @ wv.T": "x is taken from, as values"}),
]
MISTAKES = [
    ("dq, dk, dv = attention_backward", "dk, dq, dv = attention_backward",
     "dq and dk are exchanged: attention's backward gives dq, dk, dv"),
    ("merge_backward(dy @ wo.T)", "(dy @ wo.T).reshape(mixed.shape)",
     "the heads are not split as merge_backward does: reshape alone mixes steps and "
     "heads"),
]


@by_complex_step
def reference(x, wq, wk, wv, wo, *, heads):
    q, k, v = [split_heads(x @ w, heads=heads)[0] for w in (wq, wk, wv)]
    return merge_heads(attention(q, k, v)[0])[0] @ wo
