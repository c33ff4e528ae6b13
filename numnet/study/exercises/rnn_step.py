"""Read one step of a sequence into a state.

One step of each of n sequences: in the formulas t is 0, no sequence has ended, so that
[t < l] is 1 and [t ≥ l] is 0, and h[n,-1] is h0. Since dy is all that comes back to the
step, dh is dy.
"""

import numpy as np

from numnet import rnn
from numnet.study.trials import by_complex_step


def rnn_step(x, wx, wh, b, h0):
    a = x @ wx + h0 @ wh + b                         # (rnn.1)
    h = np.tanh(a)                                   # (rnn.2)

    def backward(dh):
        da = (1 - h * h) * dh                        # (rnn.4)
        dx = da @ wx.T                               # (rnn.6)
        dwx = x.T @ da                               # (rnn.7)
        dwh = h0.T @ da                              # (rnn.8)
        db = da.sum(axis=0)                          # (rnn.9)
        dh0 = da @ wh.T                              # (rnn.5) (rnn.10)
        return dx, dwx, dwh, db, dh0

    return h, backward


LESSON = 8
SHAPES = {"x": "n i", "wx": "i o", "wh": "k o", "b": "o", "h0": "n k", "h": "n o"}
CASES = {"three sequences": {"n": 3, "i": 2, "o": 5, "k": 5},
         "more inputs than states": {"n": 5, "i": 7, "o": 4, "k": 4}}
HINTS = {
    "dx": ("rnn.6", "First da: dh times the slope of tanh, 1 - h². Then da times wx "
                    "the other way round, wx.T."),
    "dwx": ("rnn.7", "The rows of x, transposed, times the rows of da, as in linear."),
    "dwh": ("rnn.8", "The same with the state that came in: h0, not h."),
    "db": ("rnn.9", "Add up the rows of da."),
    "dh0": ("rnn.10", "What goes back to the state before: da times wh.T (rnn.5)."),
}
MISTAKES = [
    ("(1 - h * h) * dh", "dh", "da is missing the slope of tanh, 1 - h²"),
    ("(1 - h * h)", "(1 - a * a)", "the slope of tanh is 1 - h², made of h, not of a"),
    ("(1 - h * h)", "(1 - np.tanh(h) ** 2)",
     "tanh is taken twice: h is the tanh already"),
    ("(1 - h * h)", "(1 - h)", "the slope of tanh is 1 - h², with a square"),
    ("(1 - h * h)", "h * (1 - h)",
     "that is the slope of the sigmoid: tanh's is 1 - h²"),
    ("h0.T @ da", "h.T @ da", "it is made of the new state h: the one that came in, "
     "h0, was multiplied by wh"),
    ("da @ wh.T", "da @ wh", "wh is not transposed: o, the columns of wh, are summed"),
]


@by_complex_step
def reference(x, wx, wh, b, h0):
    h, _ = rnn(x[:, None], wx, wh, b, h0)
    return h[:, 0]
