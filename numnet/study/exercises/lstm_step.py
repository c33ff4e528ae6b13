"""Read one step into a state and a cell.

One step of each of n sequences: in the formulas r is 1, h' is h0 and c' is c0. z runs
over the gates side by side: input, forget, cell, output, o columns each. dh and dc are
what comes back to the new state and the new cell; m beyond the step is that dc.
"""

import numpy as np

from numnet import lstm
from numnet.study.trials import by_complex_step


def lstm_step(x, wx, wh, b, h0, c0):
    a = x @ wx + h0 @ wh + b                         # (lstm.1)
    ai, af, ag, ao = np.split(a, 4, axis=1)
    i, f, o = [1 / (1 + np.exp(-gate)) for gate in (ai, af, ao)]
    g = np.tanh(ag)                                  # (lstm.2)
    c = f * c0 + i * g                               # (lstm.3)
    h = o * np.tanh(c)                               # (lstm.4)

    def backward(dh, dc):
        tanh_c = np.tanh(c)
        dc = dc + o * (1 - tanh_c ** 2) * dh         # (lstm.6)
        dai = g * i * (1 - i) * dc                   # (lstm.7)
        daf = c0 * f * (1 - f) * dc                  # (lstm.8)
        dag = i * (1 - g ** 2) * dc                  # (lstm.9)
        dao = tanh_c * o * (1 - o) * dh              # (lstm.10)
        da = np.concatenate([dai, daf, dag, dao], axis=1)
        dx = da @ wx.T                               # (lstm.13)
        dwx = x.T @ da                               # (lstm.14)
        dwh = h0.T @ da                              # (lstm.15)
        db = da.sum(axis=0)                          # (lstm.16)
        dh0 = da @ wh.T                              # (lstm.12) (lstm.17)
        dc0 = f * dc                                 # (lstm.11) (lstm.18)
        return dx, dwx, dwh, db, dh0, dc0

    return (h, c), backward


LESSON = 9
SHAPES = {"x": "n i", "wx": "i z", "wh": "o z", "b": "z", "h0": "n o", "c0": "n o",
          "h": "n o", "c": "n o"}
CASES = {"three sequences": {"n": 3, "i": 2, "o": 5, "z": 20},
         "more inputs than states": {"n": 4, "i": 7, "o": 3, "z": 12}}
HINTS = {
    "dx": ("lstm.13", "First all of dc: what comes to the cell, and what comes through "
                      "h. Then da, a quarter for each gate, side by side; dx is da "
                      "times wx.T."),
    "dwx": ("lstm.14", "The rows of x, transposed, times the rows of da."),
    "dwh": ("lstm.15", "The same with the state that came in, h0."),
    "db": ("lstm.16", "Add up the rows of da."),
    "dh0": ("lstm.17", "What goes back to the state before: da times wh.T (lstm.12)."),
    "dc0": ("lstm.18", "The forget gate says how much of the old cell was kept: the "
                       "same share of dc goes back (lstm.11)."),
}
MISTAKES = [
    ("dc = dc + o * (1 - tanh_c ** 2) * dh", "dc = dc",
     "what comes to the cell through h is missing: h is o tanh c"),
    ("dc + o * (1 - tanh_c ** 2) * dh", "o * (1 - tanh_c ** 2) * dh",
     "the dc that the step is given is missing: the cell goes on to the next step"),
    ("o * (1 - tanh_c ** 2) * dh", "o * (1 - c ** 2) * dh",
     "the slope of tanh c is 1 - tanh² c, made of tanh c, not of c"),
    ("c0 * f * (1 - f)", "c * f * (1 - f)",
     "the forget gate multiplied the old cell, c0, not the new one"),
    ("[dai, daf, dag, dao]", "[daf, dai, dag, dao]",
     "the gates are in another order: input, forget, cell, output"),
    ("[dai, daf, dag, dao]", "[dai, daf, dao, dag]",
     "the gates are in another order: input, forget, cell, output"),
    ("i * (1 - g ** 2)", "i * g * (1 - g)",
     "g is a tanh: its slope is 1 - g², not g (1 - g)"),
    ("f * dc  ", "f * c0", "it is what the cell kept, not its slope: dc is missing"),
    ("f * dc  ", "dc  ", "f is missing: the forget gate let only a share of c0 on"),
    ("h0.T @ da", "h.T @ da", "it is made of the new state h: the one that came in, "
     "h0, was multiplied by wh"),
]


@by_complex_step
def reference(x, wx, wh, b, h0, c0):
    (h, c), _ = lstm(x[:, None], wx, wh, b, h0, c0)
    return h[:, 0], c
