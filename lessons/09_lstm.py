# %% [markdown]
# # The LSTM
#
# The gradient of a vanilla RNN vanishes on its way back through many steps. How must a
# network be built so that it does not? The **LSTM** (long short-term memory) has a
# second line of numbers, the **cell**, on which nothing is squashed and no matrix
# stands.
#
# After this lesson you can derive the LSTM's backward pass, and show on which line, and
# on what condition, its gradient comes back.
#
# ## Forward
# A **gate** is a number between 0 and 1 that says how much of something passes. σ, the
# sigmoid of lesson 5, makes one of any number (sigmoid.1). At each step, all gates read
# the word and the last state, as a vanilla RNN would (lstm.1). z counts the columns of
# four blocks side by side; a prime is the step before, at first h0 and c0, or 0:
# $$ a_{ntz} = b_z + \sum_i x_{nti}\, wx_{iz} + \sum_k h'_{ntk}\, wh_{kz} $$
# The first block is the input gate i, then the forget gate f, what may be written g,
# and the output gate o (lstm.2):
# $$ i = \sigma(a^i), \; f = \sigma(a^f), \; g = \tanh(a^g), \; o = \sigma(a^o) $$
# The cell keeps f of itself and takes in i of g (lstm.3). The state shows o of the cell
# (lstm.4). Without padding:
# $$ c_{nto} = f_{nto}\, c'_{nto} + i_{nto}\, g_{nto} $$
# $$ h_{nto} = o_{nto} \tanh c_{nto} $$
# (As an index, i is a feature of the word and o one of the state.) As a loop:

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import LSTM, RNN, lstm, sigmoid
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.plots import BLUE, GRAY, ORANGE
from numnet.study.stepper import watch

np.set_printoptions(precision=3, suppress=True)
rng = np.random.default_rng(0)


def read(x, wx, wh, b, h0, c0):
    """States and cells (n, t + 1, o), those before the first step last, and gates."""
    (N, T, I), O = x.shape, len(wh)
    h, c = np.zeros((2, N, T + 1, O), x.dtype)
    h[:, -1], c[:, -1] = h0, c0
    gates = np.zeros((N, T, 4, O), x.dtype)
    for t in range(T):
        for n in range(N):
            a = (b + sum(x[n, t, i] * wx[i] for i in range(I))
                 + sum(h[n, t - 1, k] * wh[k] for k in range(O)))           # (lstm.1)
            a_i, a_f, a_g, a_o = a.reshape(4, O)
            i, f, o = (sigmoid(each)[0] for each in (a_i, a_f, a_o))
            g = np.tanh(a_g)                                                # (lstm.2)
            c[n, t] = f * c[n, t - 1] + i * g                               # (lstm.3)
            h[n, t] = o * np.tanh(c[n, t])                                  # (lstm.4)
            gates[n, t] = i, f, g, o
    return h, c, gates


N, T, I, O = 2, 4, 5, 3
x = rng.normal(size=(N, T, I))
wx, wh, b, h0, c0 = (rng.normal(size=size) / 2 for size in (
    (I, 4 * O), (O, 4 * O), 4 * O, (N, O), (N, O)))
h, c, gates = read(x, wx, wh, b, h0, c0)
print("first sequence, forget gates, a row for each step\n", gates[0, :, 1])
print("its cells\n", c[0, :T])
(y, last), _ = lstm(x, wx, wh, b, h0, c0)
assert np.allclose(y, h[:, :T]) and np.allclose(last, c[:, T - 1])

alone, padded = lstm(x[1:, :2], wx, wh, b), lstm(x, wx, wh, b, lengths=np.array([4, 2]))
assert np.allclose(alone[0][1], padded[0][1][1:])     # ended: state and cell are kept

# %% [markdown]
# ## Backward, one step a line
# A dot is what a number changes by. There are two outputs, all states and the last
# cell, so the identity begins with two gradients:
# $$ \langle dy, \dot{h} \rangle + \langle dlast, \dot{c}_{last} \rangle
#    = \langle dx, \dot{x} \rangle + \langle dwx, \dot{wx} \rangle
#    + \langle dwh, \dot{wh} \rangle + \langle db, \dot{b} \rangle
#    + \langle dh0, \dot{h0} \rangle + \langle dc0, \dot{c0} \rangle $$
# The last step comes first again. Each step sends two things back: e to the state
# before, m to the cell before. Beyond the last step, e is 0 and m is dlast.
#
# *The state* gets what its output gets, and what the next step sends back (lstm.5):
# $$ dh_{nto} = dy_{nto} + e_{n,t+1,o} $$
# *The output.* A product changes by either factor, and tanh by one minus its square:
# $$ \dot{h}_{nto} = \dot{o}_{nto} \tanh c_{nto}
#    + o_{nto} (1 - \tanh^2 c_{nto})\, \dot{c}_{nto} $$
# *The cell.* What stands beside its change here, and what the next step sends (lstm.6):
# $$ dc_{nto} = m_{n,t+1,o} + o_{nto} (1 - \tanh^2 c_{nto})\, dh_{nto} $$
# *Through the cell.* Two products, so four terms:
# $$ \dot{c}_{nto} = \dot{f}_{nto} c'_{nto} + f_{nto} \dot{c}'_{nto}
#    + \dot{i}_{nto} g_{nto} + i_{nto} \dot{g}_{nto} $$
# The second belongs to the cell before (lstm.11). This is the line that matters: no
# matrix, no slope of tanh. Where f is near 1, the gradient comes back whole.
# $$ m_{nto} = f_{nto}\, dc_{nto} $$
# *Through the gates,* by (sigmoid.2) and (tanh.2): (lstm.7) to (lstm.10), by blocks:
# $$ da^i_{nto} = g_{nto}\, i_{nto} (1 - i_{nto})\, dc_{nto} $$
# $$ da^f_{nto} = c'_{nto}\, f_{nto} (1 - f_{nto})\, dc_{nto} $$
# $$ da^g_{nto} = i_{nto} (1 - g_{nto}^2)\, dc_{nto} $$
# $$ da^o_{nto} = \tanh(c_{nto})\, o_{nto} (1 - o_{nto})\, dh_{nto} $$
# *Through the sum,* as in the vanilla RNN, over all four blocks (lstm.12). The
# gradients of x, wx, wh and b are as there, from da: (lstm.13) to (lstm.16).
# $$ e_{ntk} = \sum_z da_{ntz}\, wh_{kz} $$
# What step 0 sends back is dh0 (lstm.17) and dc0 (lstm.18). After its end, a sequence
# hands dh and dc on as they are. The loop, without padding:

# %%


def by_hand(x, wx, wh, b, h0, c0, *, keep_m=True):
    h, c, gates = read(x, wx, wh, b, h0, c0)
    N, T, _ = x.shape

    def backward(dy, dlast):
        dx, dwx, dwh, db, dh0, dc0 = map(np.zeros_like, (x, wx, wh, b, h0, c0))
        for n in range(N):
            e, m = np.zeros(len(wh)), dlast[n]
            for t in reversed(range(T)):
                (i, f, g, o), tanh_c = gates[n, t], np.tanh(c[n, t])
                dh = dy[n, t] + e                                           # (lstm.5)
                dc = m + o * (1 - tanh_c ** 2) * dh                         # (lstm.6)
                da = np.concatenate([
                    g * i * (1 - i) * dc,                                   # (lstm.7)
                    c[n, t - 1] * f * (1 - f) * dc,                         # (lstm.8)
                    i * (1 - g * g) * dc,                                   # (lstm.9)
                    tanh_c * o * (1 - o) * dh])                             # (lstm.10)
                m = f * dc if keep_m else 0 * dc                            # (lstm.11)
                e = np.array([sum(da * row) for row in wh])                 # (lstm.12)
                dx[n, t] = [sum(da * row) for row in wx]                    # (lstm.13)
                dwx += np.outer(x[n, t], da)                                # (lstm.14)
                dwh += np.outer(h[n, t - 1], da)                            # (lstm.15)
                db += da                                                    # (lstm.16)
            dh0[n], dc0[n] = e, m                             # (lstm.17), (lstm.18)
        return dx, dwx, dwh, db, dh0, dc0

    return (h[:, :T].copy(), c[:, T - 1].copy()), backward


backward, backward_by_hand = (op(x, wx, wh, b, h0, c0)[1] for op in (lstm, by_hand))
dy, dlast = rng.normal(size=y.shape), rng.normal(size=last.shape)
for ours, theirs in zip(backward_by_hand(dy, dlast), backward(dy, dlast), strict=True):
    assert np.allclose(ours, theirs)
for row in check(lstm, x, wx, wh, b, h0, c0, rng=rng):
    print(f"d{row.argument:<3} {row.shape!s:<10} passed: {row.passed}")
    assert row.passed

# %% [markdown]
# ## What comes back
# Both networks read the same words, with fresh weights, and only the last state counts.
# `watch` reads the gradient at each step off the lines: dh of the vanilla RNN (rnn.3),
# dc of the LSTM (lstm.6). The forget gate's b decides how near to 1 it is.

# %%
steps, width, rng = 40, 16, np.random.default_rng(0)  # weights and words drawn anew
words = rng.normal(size=(1, steps, width)).astype(np.float32)


def lengths_of(layer, tag, name):
    y, backward = layer(words)
    dy = np.zeros_like(y)
    dy[0, -1, 0] = 1
    with watch(tag) as seen:
        backward(dy)
    return np.array([np.linalg.norm(step.arrays[name]) for step in reversed(seen)])


vanilla = RNN(width, width, rng)
curves = {"vanilla RNN, dh": (lengths_of(vanilla, "rnn.3", "dh"), ORANGE)}
for bias, color in ((0, GRAY), (1, "black"), (5, BLUE)):
    layer = LSTM(width, width, rng)
    layer.b.value = np.repeat(np.float32([0, bias, 0, 0]), width)
    curves[f"LSTM, dc, b = {bias}"] = lengths_of(layer, "lstm.6", "dc"), color

figure, share = Figure(figsize=(7, 3.6), layout="constrained"), {}
axes = figure.subplots()
for name, (length, color) in curves.items():
    share[name] = length[0] / length[-1]
    factor = share[name] ** (1 / (steps - 1))
    print(f"{name:<17} first / last {share[name]:.0e}, a factor {factor:.2f} a step")
    axes.semilogy(length, color=color, linewidth=2, label=name,
                  linestyle="--" if "RNN" in name else "-")
axes.set(xlabel="time step t", ylabel="length of the gradient")
axes.grid(alpha=0.3)
axes.legend()
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/09_lstm.png")
assert share["vanilla RNN, dh"] < 1e-5 and share["LSTM, dc, b = 0"] < 1e-5
assert share["LSTM, dc, b = 1"] > 1000 * share["vanilla RNN, dh"]
assert share["LSTM, dc, b = 5"] > 0.1

# %% [markdown]
# ![The length of the gradient against the time step on a log axis. Going back from the
# last step, the dashed line of the vanilla RNN and the LSTM with b = 0 fall steeply,
# the LSTM with b = 1 falls slowly, with b = 5 it does not fall.](figures/09_lstm.png)
#
# *What comes back to each step: dh (rnn.3) of the vanilla RNN, dc (lstm.6) of LSTMs.*
# An LSTM does not cure vanishing by its shape alone. With b = 0 the forget gates lie
# around one half, and it is no better than the RNN. With a larger b they are near 1,
# and dc comes back; where it grows, e has added to it. numnet's LSTM starts with b = 1.
#
# ## What people get wrong
# *To lose m.* If the gradient goes back by the state alone, all shapes are right, and
# the LSTM has lost what it was built for. The gradient check sees it. For a single step
# only dc0 is wrong: there is nothing else to hand back to.

# %%
for keep in (True, False):
    rows = check(by_hand, x, wx, wh, b, h0, c0, rng=rng, keep_m=keep)
    print(f"m kept {keep!s:<5}", {f"d{row.argument}": row.passed for row in rows})
    assert all(row.passed == keep for row in rows)
rows = check(by_hand, x[:, :1], wx, wh, b, h0, c0, rng=rng, keep_m=False)
assert [row.argument for row in rows if not row.passed] == ["c0"]

# %% [markdown]
# ## Something to try
# Put b = -5 into the figure: what does the cell keep then? After that, give `by_hand`
# lengths: what must happen to e and m where a sequence has ended?
