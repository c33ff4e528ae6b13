# %% [markdown]
# # The vanilla RNN and backpropagation through time
#
# How can a network read a question, whose words come in an order, and which may be
# short or long? A linear layer wants all equally long. A **recurrent network** (RNN)
# reads one word after the other with the same weights, and carries a **state** along:
# some numbers that say what it has read so far.
#
# After this lesson you can write its backward pass by hand, read sequences of different
# lengths in one batch, and say why a plain RNN forgets.
#
# ## Forward
# One reading of one word is a **time step**, t. At each, the network adds what the word
# says to what the last state says (rnn.1), and squashes the sum between -1 and 1 with
# tanh. That is the new state (rnn.2):
# $$ a_{nto} = b_o + \sum_i x_{nti}\, wx_{io} + \sum_k h_{n,t-1,k}\, wh_{ko} $$
# $$ h_{nto} = [t < l_n] \tanh a_{nto} + [t \ge l_n]\, h_{n,t-1,o} $$
# n is the sequence, i a feature of the word, o and k are features of the state. The
# state before the first step is h0, or 0. l holds the **lengths**: a batch is one
# array, so short sequences are filled up at their end, which is called **padding**. A
# sequence that has ended keeps its state (the switch); the padding is never read.
#
# Here are both formulas as loops: two sequences, of four words and of two.

# %%
import itertools
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import orthogonal, rnn
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.plots import BLUE, GRAY, ORANGE
from numnet.study.stepper import watch

np.set_printoptions(precision=3, suppress=True)
rng = np.random.default_rng(0)
N, T, I, O = 2, 4, 5, 3
x, lengths = rng.normal(size=(N, T, I)), np.array([4, 2])
wx, wh, b, h0 = (rng.normal(size=size) / 2 for size in [(I, O), (O, O), O, (N, O)])

h = np.zeros((N, T + 1, O))
h[:, -1] = h0                                         # t - 1 is -1 at first: the last
for t, n, o in itertools.product(range(T), range(N), range(O)):
    a = b[o] + sum(x[n, t, i] * wx[i, o] for i in range(I))
    a += sum(h[n, t - 1, k] * wh[k, o] for k in range(O))                   # (rnn.1)
    h[n, t, o] = np.tanh(a) if t < lengths[n] else h[n, t - 1, o]           # (rnn.2)
print("the states, sequence by sequence, a row for each step\n", h[:, :T])

y, backward = rnn(x, wx, wh, b, h0, lengths=lengths)
assert np.allclose(y, h[:, :T])
assert np.array_equal(y[1, 1], y[1, 2])               # it has ended, and is carried on

# %% [markdown]
# ## Backward, one step a line
# Nudge every input a little; a dot is what a number changes by. All starts from
# $$ \langle dy, \dot{h} \rangle = \langle dx, \dot{x} \rangle
#    + \langle dwx, \dot{wx} \rangle + \langle dwh, \dot{wh} \rangle
#    + \langle db, \dot{b} \rangle + \langle dh0, \dot{h0} \rangle $$
# We begin with the last step and clear away one state after the other: the product of a
# change and its gradient is handed on, until only changes of inputs are left.
#
# *What a state gets.* State t is read twice: as output t, and by step t+1. Call what
# step t+1 sends back for it e, at t+1, which is 0 beyond the last step. Both multiply
# the same change, so they add up (rnn.3):
# $$ dy_{nto}\, \dot{h}_{nto} + e_{n,t+1,o}\, \dot{h}_{nto}
#    = dh_{nto}\, \dot{h}_{nto} $$
# $$ dh_{nto} = dy_{nto} + e_{n,t+1,o} $$
# *Through the tanh.* Its slope is one minus its square. So, while the sequence lasts,
# $$ \dot{h}_{nto} = (1 - h_{nto}^2)\, \dot{a}_{nto} $$
# and what multiplies the change of a is (rnn.4). After the end a is not read: da is 0.
# $$ da_{nto} = [t < l_n]\, (1 - h_{nto}^2)\, dh_{nto} $$
# *Through the sum.* Each product of two gives two terms, one for either factor:
# $$ \dot{a}_{nto} = \dot{b}_o
#    + \sum_i (\dot{x}_{nti}\, wx_{io} + x_{nti}\, \dot{wx}_{io})
#    + \sum_k (\dot{h}_{n,t-1,k}\, wh_{ko} + h_{n,t-1,k}\, \dot{wh}_{ko}) $$
# Multiply by da, sum over o, and see what stands beside the change of the state before:
# $$ e_{ntk} = \sum_o da_{nto}\, wh_{ko} $$
# After the end, the state before is simply this state, and all of dh goes on to it.
# Both cases in one line (rnn.5), with o and k renamed:
# $$ e_{nto} = \sum_k da_{ntk}\, wh_{ok} + [t \ge l_n]\, dh_{nto} $$
# Now step t-1 can do the same. This is **backpropagation through time**. What step 0
# sends back is dh0 (rnn.10).
#
# *The inputs.* What stands beside their changes is (rnn.6) to (rnn.9). A weight serves
# every step of every sequence, so its gradient is a sum over all of them:
# $$ dx_{nti} = \sum_o da_{nto}\, wx_{io} $$
# $$ dwx_{io} = \sum_{nt} x_{nti}\, da_{nto} $$
# $$ dwh_{ko} = \sum_{nt} h_{n,t-1,k}\, da_{nto} $$
# $$ db_o = \sum_{nt} da_{nto} $$
# As loops, the last step first:

# %%
dy = rng.normal(size=y.shape)
dx, dwx, dwh, db = (np.zeros_like(array) for array in (x, wx, wh, b))
e = np.zeros((N, O))                                  # beyond the last step
for t in reversed(range(T)):
    for n in range(N):
        dh = dy[n, t] + e[n]                                                # (rnn.3)
        da = (1 - h[n, t] ** 2) * dh if t < lengths[n] else np.zeros(O)     # (rnn.4)
        for o in range(O):
            e[n, o] = sum(da[k] * wh[o, k] for k in range(O))
            e[n, o] += dh[o] if t >= lengths[n] else 0                      # (rnn.5)
            for i in range(I):
                dx[n, t, i] += da[o] * wx[i, o]                             # (rnn.6)
                dwx[i, o] += x[n, t, i] * da[o]                             # (rnn.7)
            for k in range(O):
                dwh[k, o] += h[n, t - 1, k] * da[o]                         # (rnn.8)
            db[o] += da[o]                                                  # (rnn.9)
dh0 = e                                                                     # (rnn.10)
print("dwh\n", dwh)
for ours, theirs in zip((dx, dwx, dwh, db, dh0), backward(dy), strict=True):
    assert np.allclose(ours, theirs)
assert not dx[1, 2:].any()                            # padding has no gradient

rows = check(rnn, x, wx, wh, b, h0, rng=rng, lengths=lengths)
for row in rows:
    print(f"d{row.argument:<3} {row.shape!s:<10} passed: {row.passed}")
assert all(row.passed for row in rows)

# %% [markdown]
# ## How far back does the gradient reach?
# Let only the last state matter: dy is 0 before. Then dh at an early step has come back
# through all the steps between, and at each it was multiplied by wh and by the slope of
# tanh. We take a wh that keeps the length of every vector (an **orthogonal** matrix),
# times a scale. `watch` reads dh off the line (rnn.3) as it runs.

# %%
steps, width = 40, 16
turn = orthogonal((width, width), rng).astype(float)


def norms(scale, size):
    """The length of dh at each step, for words of this size."""
    words = size * rng.normal(size=(1, steps, width))
    y, backward = rnn(words, np.eye(width), scale * turn, np.zeros(width))
    dy = np.zeros_like(y)
    dy[0, -1, 0] = 1
    with watch("rnn.3") as seen:
        backward(dy)
    return np.array([np.linalg.norm(step.arrays["dh"]) for step in reversed(seen)])


figure = Figure(figsize=(7, 3.2), layout="constrained")
panels = figure.subplots(1, 2, sharey=True)
titles = {1e-9: "words near 0: the slope is 1", 1: "words of size 1: the slope is less"}
for axes, (size, title) in zip(panels, titles.items()):
    for scale, color in ((0.8, BLUE), (1.0, GRAY), (1.2, ORANGE)):
        length = norms(scale, size)
        print(f"size {size:<5} scale {scale}: from {length[-1]:.1f} to {length[0]:.1e}")
        assert (length[:-1] <= scale * length[1:] * (1 + 1e-6)).all()
        axes.semilogy(length, color=color, linewidth=2, label=f"scale {scale}")
        if size < 1:                                  # wh alone decides
            assert np.allclose(length, scale ** np.arange(steps - 1, -1, -1.0))
        else:
            assert length[0] < 1e-3                   # tanh only ever shortens
    axes.set(title=title, xlabel="time step t")
    axes.grid(alpha=0.3)
panels[0].set_ylabel("length of dh")
panels[0].legend()
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/08_rnn.png")

# %% [markdown]
# ![Two panels, the length of dh against the time step on a log axis. Left, three
# straight lines meet at 1 at the last step: going back, scale 0.8 falls, 1.0 stays
# level, 1.2 rises. Right, all three fall going back.](figures/08_rnn.png)
#
# *The length of dh (rnn.3), step by step; the loss sees the last step only.* Read it
# from right to left. A factor below 1 at every step makes the gradient **vanish**, one
# above 1 makes it **explode**. With words of real size tanh takes its share too, and
# what the first words did can hardly be learned. The LSTM, next lesson, is built
# against this.
#
# ## What people get wrong
# *To drop e.* Each step then looks only at its own output. All shapes are right. The
# gradient check sees it:

# %%


def shortsighted(x, wx, wh, b):
    y, _ = rnn(x, wx, wh, b)
    before = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)

    def backward(dy):
        da = (1 - y * y) * dy                         # wrong: dy where dh belongs
        return (da @ wx.T, np.einsum("nti,nto->io", x, da),
                np.einsum("ntk,nto->ko", before, da), da.sum(axis=(0, 1)))

    return y, backward


rows = check(shortsighted, x, wx, wh, b, rng=rng)
print({f"d{row.argument}": row.passed for row in rows})
assert not any(row.passed for row in rows)
assert all(row.passed for row in check(shortsighted, x[:, :1], wx, wh, b, rng=rng))

# %% [markdown]
# All four are wrong, yet for a single step all four are right: test with several steps.
#
# *To forget the lengths.* The state then goes on through the padding. A check without
# any gradient: the answer must not depend on what stands behind the end.

# %%
other = x.copy()
other[1, 2:] = 100                                    # behind the end of sequence 1
with_lengths, without = (
    np.array_equal(rnn(x, wx, wh, b, **option)[0][:, -1],
                   rnn(other, wx, wh, b, **option)[0][:, -1])
    for option in ({"lengths": lengths}, {}))
print(f"the same last state? with lengths {with_lengths}, without {without}")
assert with_lengths and not without

# %% [markdown]
# ## Something to try
# Let the last three outputs count in `norms`, not one. Then replace tanh in the loops
# by a itself: which slope stands in (rnn.4) now, and what does the right panel become?
