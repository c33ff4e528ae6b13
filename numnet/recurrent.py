"""Recurrent networks: a state that is carried from word to word."""

import numpy as np

from numnet.initialization import orthogonal, xavier
from numnet.module import Module, Parameter, apply
from numnet.shapes import expect, expect_ids


def rnn(x, wx, wh, b, h0=None, *, lengths=None):
    r"""Read sequences step by step into a state.

    (rnn.1)  a_{nto} = b_o + \sum_i x_{nti}\, wx_{io} + \sum_k h_{n,t-1,k}\, wh_{ko}
    (rnn.2)  h_{nto} = [t < l_n] \tanh a_{nto} + [t \ge l_n]\, h_{n,t-1,o}
    (rnn.3)  dh_{nto} = dy_{nto} + e_{n,t+1,o}
    (rnn.4)  da_{nto} = [t < l_n]\, (1 - h_{nto}^2)\, dh_{nto}
    (rnn.5)  e_{nto} = \sum_k da_{ntk}\, wh_{ok} + [t \ge l_n]\, dh_{nto}
    (rnn.6)  dx_{nti} = \sum_o da_{nto}\, wx_{io}
    (rnn.7)  dwx_{io} = \sum_{nt} x_{nti}\, da_{nto}
    (rnn.8)  dwh_{ko} = \sum_{nt} h_{n,t-1,k}\, da_{nto}
    (rnn.9)  db_o = \sum_{nt} da_{nto}
    (rnn.10)  dh0_{no} = e_{n0o}

    x (n, t, i)   wx (i, o)   wh (o, o)   b (o)   h0 (n, o)   l = lengths (n)
    →   y = h (n, t, o). h_{n,-1} is h0: zeros if not given, and then its gradient is
    not returned. A sequence that has ended carries its state on, so y[:, -1] is the
    state after each one's last real step. e is what a step sends back to the one before
    it, 0 beyond the last. Backpropagation through time is (rnn.3) to (rnn.5), the last
    step first.
    Raises ValueError when axes differ or a length is outside 1..t.
    Source: Elman 1990; Goodfellow et al. 2016, equations 10.8 and 10.18 to 10.28.
    """
    expect("rnn", x=(x, "n t i"), wx=(wx, "i o"), wh=(wh, "o o"), b=(b, "o"),
           **({} if h0 is None else {"h0": (h0, "n o")}))
    n, t, _ = x.shape
    alive = expect_lengths("rnn", lengths, n, t)
    states = np.empty((n, t + 1, wh.shape[0]), x.dtype)  # h0, then each step's h
    states[:, 0] = 0 if h0 is None else h0
    h, before = states[:, 1:], states[:, :-1]
    from_x = x @ wx + b
    for step in range(t):
        last = before[:, step]
        a = from_x[:, step] + last @ wh                      # (rnn.1)
        h[:, step] = np.where(alive[:, step], np.tanh(a), last)  # (rnn.2)

    def backward(dy):
        slope = (1 - h * h) * alive
        da = np.empty_like(slope)
        e = np.zeros((n, wh.shape[0]), x.dtype)
        for step in reversed(range(t)):
            dh = dy[:, step] + e                             # (rnn.3)
            da[:, step] = slope[:, step] * dh                # (rnn.4)
            e = da[:, step] @ wh.T + dh * ~alive[:, step]    # (rnn.5)
        rows = da.reshape(-1, da.shape[-1])
        dx = da @ wx.T                                       # (rnn.6)
        dwx = x.reshape(-1, x.shape[-1]).T @ rows            # (rnn.7)
        dwh = before.reshape(rows.shape).T @ rows            # (rnn.8)
        db = rows.sum(axis=0)                                # (rnn.9)
        dh0 = e                                              # (rnn.10)
        return (dx, dwx, dwh, db) if h0 is None else (dx, dwx, dwh, db, dh0)

    return h, backward


def last_step(h):
    r"""Keep the state after the last step, which has read the whole sequence.

    (last_step.1)  y_{no} = h_{n,T-1,o}
    (last_step.2)  dh_{nto} = [t = T - 1]\, dy_{no}

    h (n, t, o)   →   y (n, o); T is the number of steps. Since rnn carries the state of
    a sequence that has ended, this is the state after each one's own last step.
    """
    expect("last_step", h=(h, "n t o"))
    if h.shape[1] == 0:
        raise ValueError("last_step: h must have at least one time step, got 0")
    y = h[:, -1]                                     # (last_step.1)

    def backward(dy):
        dh = np.zeros(h.shape, h.dtype)
        dh[:, -1] = dy                               # (last_step.2)
        return dh

    return y, backward


def expect_lengths(op, lengths, n, t):
    """Check the lengths of n sequences of at most t steps; say which steps are real.

    Returns booleans (n, t, 1). Raises ValueError when t is 0 or a length is outside
    1..t, TypeError when lengths are not integers.
    """
    if t == 0:
        raise ValueError(f"{op}: x must have at least one time step, got 0")
    if lengths is None:
        lengths = np.full(n, t)
    expect_ids(op, "lengths", lengths, (n,), t + 1)
    if lengths.size and lengths.min() < 1:
        raise ValueError(f"{op}: lengths must be in 1..{t}, got {lengths.min()}")
    return (np.arange(t) < lengths[:, None])[:, :, None]


class RNN(Module):
    """The vanilla RNN with its own weights; the state starts at zero.

    wx (i, o) by Xavier's rule, wh (o, o) orthogonal, b (o) zero.
    """

    def __init__(self, input_size, hidden_size, rng):
        self.wx = Parameter(xavier((input_size, hidden_size), rng))
        self.wh = Parameter(orthogonal((hidden_size, hidden_size), rng))
        self.b = Parameter(np.zeros(hidden_size, np.float32))

    def __call__(self, x, lengths=None):
        return apply(rnn, x, self.wx, self.wh, self.b, lengths=lengths)
