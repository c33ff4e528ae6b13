"""Recurrent networks: a state that is carried from word to word."""

import numpy as np

from numnet.initialization import orthogonal, xavier
from numnet.module import Module, Parameter, apply
from numnet.shapes import expect, expect_lengths

COLUMNS = 64           # of wh at a time: so few need no copy in a product


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
    n, t, i = x.shape
    alive = _alive("rnn", lengths, n, t)
    rows = _by_step(x, alive)                                # (t n, i)
    states = np.empty((t + 1, n, len(wh)), x.dtype)          # h0, then each step's h
    states[0] = 0 if h0 is None else h0
    h, before = states[1:], states[:-1]
    np.matmul(rows, wx, out=h.reshape(t * n, len(wh)))       # x's part of all a
    from_h = np.empty_like(states[0])
    columns, into = _columns(wh).copy(), _columns(from_h)
    for step in range(t):
        a = h[step]
        np.matmul(before[step], columns, out=into)
        a += from_h
        a += b                                               # (rnn.1)
        h[step] = _either(alive[step], np.tanh(a, out=a), before[step])  # (rnn.2)

    def backward(dy):
        da = h * h
        np.subtract(1, da, out=da)                           # tanh's slopes
        e, from_a = np.zeros_like(from_h), np.empty_like(from_h)
        columns, into = _columns(wh.T).copy(), _columns(from_a)
        for step in reversed(range(t)):
            now = alive[step]
            dh = dy[:, step] + e                             # (rnn.3)
            da[step] *= _either(now, dh, 0)                  # (rnn.4)
            np.matmul(da[step], columns, out=into)
            e = from_a if now is None else from_a + np.where(now, 0, dh)  # (rnn.5)
        da = da.reshape(t * n, len(wh))
        dx = (da @ wx.T).reshape(t, n, i).swapaxes(0, 1)     # (rnn.6)
        dwx = rows.T @ da                                    # (rnn.7)
        dwh = before.reshape(da.shape).T @ da                # (rnn.8)
        db = np.ones(t * n, x.dtype) @ da                    # (rnn.9)
        dh0 = e                                              # (rnn.10)
        return (dx, dwx, dwh, db) if h0 is None else (dx, dwx, dwh, db, dh0)

    return h.swapaxes(0, 1), backward


def lstm(x, wx, wh, b, h0=None, c0=None, *, lengths=None):
    r"""Read sequences step by step into a state, beside a cell that keeps for long.

    (lstm.1)  a_{ntz} = b_z + \sum_i x_{nti}\, wx_{iz} + \sum_k h'_{ntk}\, wh_{kz}
    (lstm.2)  i = \sigma(a^i), \; f = \sigma(a^f), \; g = \tanh(a^g), \; o = \sigma(a^o)
    (lstm.3)  c_{nto} = r_{nt}(f_{nto} c'_{nto} + i_{nto} g_{nto}) + (1-r_{nt})c'_{nto}
    (lstm.4)  h_{nto} = r_{nt}\, o_{nto} \tanh c_{nto} + (1 - r_{nt})\, h'_{nto}
    (lstm.5)  dh_{nto} = dy_{nto} + e_{n,t+1,o}
    (lstm.6)  dc_{nto} = m_{n,t+1,o} + r_{nt}\, o_{nto} (1 - \tanh^2 c_{nto})\, dh_{nto}
    (lstm.7)  da^i_{nto} = r_{nt}\, g_{nto}\, i_{nto} (1 - i_{nto})\, dc_{nto}
    (lstm.8)  da^f_{nto} = r_{nt}\, c'_{nto}\, f_{nto} (1 - f_{nto})\, dc_{nto}
    (lstm.9)  da^g_{nto} = r_{nt}\, i_{nto} (1 - g_{nto}^2)\, dc_{nto}
    (lstm.10)  da^o_{nto} = r_{nt} \tanh(c_{nto})\, o_{nto} (1 - o_{nto})\, dh_{nto}
    (lstm.11)  m_{nto} = r_{nt}\, f_{nto}\, dc_{nto} + (1 - r_{nt})\, dc_{nto}
    (lstm.12)  e_{ntk} = \sum_z da_{ntz}\, wh_{kz} + (1 - r_{nt})\, dh_{ntk}
    (lstm.13)  dx_{nti} = \sum_z da_{ntz}\, wx_{iz}
    (lstm.14)  dwx_{iz} = \sum_{nt} x_{nti}\, da_{ntz}
    (lstm.15)  dwh_{kz} = \sum_{nt} h'_{ntk}\, da_{ntz}
    (lstm.16)  db_z = \sum_{nt} da_{ntz}
    (lstm.17)  dh0_{no} = e_{n0o}
    (lstm.18)  dc0_{no} = m_{n0o}

    x (n, t, i)   wx (i, 4 o)   wh (o, 4 o)   b (4 o)   h0, c0 (n, o)   lengths (n)
    →   (y, c): y = h (n, t, o), and c (n, o), the cell after the last step; its
    backward takes dy and dc. z runs over the gates side by side in PyTorch's order:
    input i, forget f, cell g, output o; a^i is the first quarter of a's columns, and
    so on. h'_{nto} = h_{n,t-1,o} and c' likewise, at first h0 and c0, given both or
    neither: then they are zeros, and their gradients are not returned. r_{nt} is
    [t < l_n]: a sequence that has ended keeps its state and its cell. e and m are what
    a step sends back to the one before it; beyond the last, e is 0 and m is dc.
    Raises ValueError when axes differ or a length is outside 1..t.
    Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000 (the forget gate).
    """
    given = {} if h0 is None and c0 is None else {
        "h0": (h0, "n o"), "c0": (c0, "n o")}
    expect("lstm", x=(x, "n t i"), wx=(wx, "i z"), wh=(wh, "o z"), b=(b, "z"), **given)
    n, t, k = x.shape
    width = len(wh)
    if width == 0 or len(b) != 4 * width:
        raise ValueError("lstm: wh must have rows and b four times as many columns, "
                         f"a quarter for each gate, got {width} and {len(b)}")
    alive = _alive("lstm", lengths, n, t)
    rows = _by_step(x, alive)                                       # (t n, i)
    states, cells = np.empty((2, t + 1, n, width), x.dtype)
    states[0], cells[0] = (h0, c0) if given else (0, 0)
    h, h_before = states[1:], states[:-1]
    c, c_before = cells[1:], cells[:-1]
    wx4, wh4, b4 = (w.reshape(-1, 4, width).swapaxes(0, 1) for w in (wx, wh, b))
    half = np.array([0.5, 0.5, 1, 0.5], x.real.dtype)[:, None, None]
    rest = 1 - half                                  # σ(a) = ½ + ½ tanh(½ a)
    gates = (rows @ wx4).reshape(4, t, n, width)     # what x adds to a, then the gates
    for step in range(t):
        a = gates[:, step]
        a += b4
        a += h_before[step] @ wh4                                   # (lstm.1)
        gates[:, step] = rest + half * np.tanh(half * a)            # (lstm.2)
        i, f, g, o = gates[:, step]
        new = f * c_before[step] + i * g
        c[step] = _either(alive[step], new, c_before[step])         # (lstm.3)
        new = o * np.tanh(new)
        h[step] = _either(alive[step], new, h_before[step])         # (lstm.4)

    def backward(dy, dc):
        da = np.empty((t, n, 4, width), x.dtype)
        e, m, wh_t = np.zeros((n, width), x.dtype), dc, wh.T.copy()  # a copy is faster
        for step in reversed(range(t)):
            i, f, g, o = gates[:, step]
            tanh_c = np.tanh(c[step])
            dh = dy[:, step] + e                                    # (lstm.5)
            rdh = _either(alive[step], dh, 0)
            dc = m + o * (1 - tanh_c * tanh_c) * rdh                # (lstm.6)
            rdc = _either(alive[step], dc, 0)
            da[step, :, 0] = g * i * (1 - i) * rdc                  # (lstm.7)
            da[step, :, 1] = c_before[step] * f * (1 - f) * rdc     # (lstm.8)
            da[step, :, 2] = i * (1 - g * g) * rdc                  # (lstm.9)
            da[step, :, 3] = tanh_c * o * (1 - o) * rdh             # (lstm.10)
            m = f * rdc + _either(alive[step], 0, dc)               # (lstm.11)
            from_a = da[step].reshape(n, len(b)) @ wh_t
            e = from_a + _either(alive[step], 0, dh)                # (lstm.12)
        da = da.reshape(t * n, len(b))
        dx = (da @ wx.T).reshape(t, n, k).swapaxes(0, 1)            # (lstm.13)
        dwx = rows.T @ da                                           # (lstm.14)
        dwh = h_before.reshape(t * n, width).T @ da                 # (lstm.15)
        db = np.ones(t * n, x.dtype) @ da                           # (lstm.16)
        dh0 = e                                                     # (lstm.17)
        dc0 = m                                                     # (lstm.18)
        return (dx, dwx, dwh, db, dh0, dc0) if given else (dx, dwx, dwh, db)

    return (h.swapaxes(0, 1), c[-1]), backward


def _alive(op, lengths, n, t):
    """For each step which sequences last, (n, 1); None where it is all of them."""
    alive = expect_lengths(op, lengths, n, t)
    return [None if all_ else now
            for all_, now in zip(alive.all(axis=(0, 2)), alive.swapaxes(0, 1))]


def _either(alive, new, old):
    """[t < l] new + [t >= l] old."""
    return new if alive is None else np.where(alive, new, old)


def _by_step(x, alive):
    """Sequences (n, t, i) as rows (t n, i), so that a step's rows lie side by side.

    Padding becomes 0, whatever it was: 0 times NaN is NaN.
    """
    n, t, i = x.shape
    steps = x.swapaxes(0, 1).copy()
    for step, now in zip(steps, alive):
        if now is not None:
            step[~now[:, 0]] = 0
    return steps.reshape(t * n, i)


def _columns(m):
    """View a matrix (n, o) as blocks of columns (o / 64, n, 64), where 64 divides o.

    With AVX-512, few rows by one block after the other are up to a quarter faster than
    by the whole matrix, which OpenBLAS copies into an order of its own first.
    """
    n, o = m.shape
    if o % COLUMNS or o <= COLUMNS:
        return m
    return m.reshape(n, -1, COLUMNS).swapaxes(0, 1)


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


class LSTM(Module):
    """The LSTM with its own weights; state and cell start at zero.

    wx (i, 4 o) by Xavier's rule for each gate, wh (o, 4 o) four orthogonal matrices,
    b (4 o) zero but for the forget gate, 1, so that the cell keeps at first.
    Source of the 1: Jozefowicz et al. 2015.
    """

    def __init__(self, input_size, hidden_size, rng):
        def four(init, rows):
            gates = [init((rows, hidden_size), rng) for _ in range(4)]
            return Parameter(np.concatenate(gates, axis=1))

        self.wx, self.wh = four(xavier, input_size), four(orthogonal, hidden_size)
        self.b = Parameter(np.repeat(np.float32([0, 1, 0, 0]), hidden_size))

    def __call__(self, x, lengths=None):
        (y, c), lstm_backward = apply(lstm, x, self.wx, self.wh, self.b,
                                      lengths=lengths)

        def backward(dy):
            return lstm_backward(dy, np.zeros_like(c))

        return y, backward
