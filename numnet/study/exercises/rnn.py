"""Read whole sequences, and go back through time.

No sequence ends early here: in the formulas [t < l] is 1 and [t ≥ l] is 0. e[t] is what
step t sends back to the step before it; beyond the last step it is 0. states holds h0
and then each step's state, so that before[:, t] is h[:, t-1].
"""

import numpy as np

import numnet


def rnn(x, wx, wh, b, h0):
    n, steps, _ = x.shape
    states = np.empty((n, steps + 1, len(b)), x.dtype)
    states[:, 0] = h0
    h, before = states[:, 1:], states[:, :-1]
    for t in range(steps):
        a = x[:, t] @ wx + before[:, t] @ wh + b     # (rnn.1)
        h[:, t] = np.tanh(a)                         # (rnn.2)

    def backward(dy):
        da, e = np.empty_like(h), np.zeros_like(h0)
        for t in reversed(range(steps)):
            dh = dy[:, t] + e                        # (rnn.3)
            da[:, t] = (1 - h[:, t] ** 2) * dh       # (rnn.4)
            e = da[:, t] @ wh.T                      # (rnn.5)
        dx = da @ wx.T                               # (rnn.6)
        dwx = np.einsum("nti,nto->io", x, da)        # (rnn.7)
        dwh = np.einsum("ntk,nto->ko", before, da)   # (rnn.8)
        db = da.sum(axis=(0, 1))                     # (rnn.9)
        dh0 = e                                      # (rnn.10)
        return dx, dwx, dwh, db, dh0

    return h, backward


reference = numnet.rnn
LESSON = 8
SHAPES = {"x": "n t i", "wx": "i o", "wh": "k o", "b": "o", "h0": "n k", "y": "n t o"}
CASES = {"four steps": {"n": 3, "t": 4, "i": 2, "o": 5, "k": 5},
         "seven steps": {"n": 2, "t": 7, "i": 6, "o": 3, "k": 3}}
HINTS = {
    "dx": ("rnn.6", "First a loop from the last step to the first: dh is dy[:, t] and "
                    "the e of the step after; da[:, t] is dh times 1 - h²; e is da[:, "
                    "t] times wh.T. Then dx is da times wx.T, for all steps at once."),
    "dwx": ("rnn.7", "Every step used wx: x times da, summed over n and t."),
    "dwh": ("rnn.8", "The state before each step times da, summed over n and t."),
    "db": ("rnn.9", "Add up da over n and t."),
    "dh0": ("rnn.10", "What the first step sends back: the last e of the loop."),
}
MISTAKES = [
    ("dh = dy[:, t] + e", "dh = dy[:, t]", "what the later steps send back, e, is "
     "missing: each state also moved all the states after it"),
    ("dh = dy[:, t] + e", "dh = e if e.any() else dy[:, t]",
     "the steps' own dy is missing: only the last one starts the chain"),
    ("(1 - h[:, t] ** 2) * dh", "dh", "da is missing the slope of tanh, 1 - h²"),
    ("dh0 = e  ", "dh0 = da[:, 0]", "it is da of the first step: h0 was multiplied by "
     "wh, so go on through it"),
    ("h[:, t] ** 2", "np.tanh(h[:, t]) ** 2",
     "tanh is taken twice: h is the tanh already"),
    ("da[:, t] @ wh.T", "da[:, t] @ wh", "e is made with wh where wh.T belongs"),
    ("da[:, t] @ wh.T", "dh @ wh.T", "e is made of dh: the slope of tanh, which is in "
     "da, is missing on the way back"),
    ("before, da)", "h, da)", "it is made of each step's own state: the one before it "
     "was multiplied by wh"),
    ("reversed(range(steps))", "range(steps)", "the loop runs forward in time: begin "
     "with the last step"),
]
