# %% [markdown]
# # Pooling, and a small CNN
#
# A convolution says at every place how much it found there. Often we only want to know
# whether it found something, about there. **Pooling** answers that: it replaces each
# **window**, a small rectangle of numbers, by one number. The picture gets smaller, and
# the next convolution sees more of it at once.
#
# After this lesson you can put convolutions and pools together into a network (a
# **CNN**) that tells shapes apart. The question: a window's numbers are gone, all but
# one. Where does its gradient go?
#
# ## The largest of each window
# Max pooling keeps the largest number (max_pool2d.1), here without padding:
# $$ y_{ncpq} = \max_{ij} x_{n,\,c,\,sp+i,\,sq+j} $$
# (p, q) is the window, (i, j) a place inside it, and s the **stride**, the way from one
# window to the next. With a stride of the window's size the windows lie side by side.
# Each picture n and each channel c is pooled by itself. As a loop:

# %%
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from numnet import (Adam, Conv2d, Linear, Sequential, accuracy, avg_pool2d,
                    cross_entropy, global_avg_pool2d, global_max_pool2d, max_pool2d,
                    relu)
from numnet.data.shapes import COLORS, SHAPES, cover, paint
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.plots import BLUE, GRAY

rng = np.random.default_rng(7)
x = rng.permutation(36).reshape(1, 1, 6, 6).astype(float)
x[0, 0, 0, :2] = x[0, 0, :2, :2].max()                # a tie, on purpose
s, y, winner = 2, np.empty((1, 1, 3, 3)), {}
for p in range(3):
    for q in range(3):
        places = [(s * p + i, s * q + j) for i in range(s) for j in range(s)]
        winner[p, q] = max(places, key=lambda place: x[0, 0][place])
        y[0, 0, p, q] = x[0, 0][winner[p, q]]                        # (max_pool2d.1)
print(x[0, 0].astype(int))
print("becomes\n", y[0, 0].astype(int), sep="")
pooled, backward = max_pool2d(x, kernel_size=2)
assert np.array_equal(y, pooled)

# %% [markdown]
# ## Backward: the winner takes it all
# Call the winner's place a. Nudge every number by so little that no other one wins.
# Then the output changes by what its winner changes by:
# $$ \dot{y}_{ncpq} = \dot{x}_{n,\,c,\,a_{ncpq}} $$
# Into the identity, left side:
# $$ \langle dy, \dot{y} \rangle = \sum_{ncpq} dy_{ncpq}\, \dot{x}_{n,\,c,\,a_{ncpq}} $$
# Write that as a sum over all places of x, with a switch (lesson 6):
# $$ \langle dy, \dot{y} \rangle
#    = \sum_{nchw} \Big( \sum_{pq} dy_{ncpq}\, [(h, w) = a_{ncpq}] \Big)\,
#    \dot{x}_{nchw} $$
# The right side of the identity is the sum of dx times the change of x. What stands in
# that place is dx (max_pool2d.2):
# $$ dx_{nchw} = \sum_{pq} dy_{ncpq}\, [(h, w) = a_{ncpq}] $$
# In words: each window sends its gradient to its winner, and the others get nothing. In
# a tie the first one, in reading order, wins alone.

# %%
dy = np.arange(1.0, 10).reshape(1, 1, 3, 3)
dx = np.zeros_like(x)
for (p, q), (h, w) in winner.items():
    dx[0, 0, h, w] += dy[0, 0, p, q]                                 # (max_pool2d.2)
assert np.array_equal(dx, backward(dy))
assert dx.sum() == dy.sum()                           # handed on, nothing made or lost


def draw(axes, numbers, title, window, colours):
    """A table of numbers with lines between the windows, and fields in colour."""
    size = len(numbers)
    for (row, column), number in np.ndenumerate(numbers):
        color = colours.get((row, column), "white")
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=color, edgecolor=GRAY))
        axes.text(column + 0.5, row + 0.5, f"{number:.0f}", ha="center", va="center",
                  color="black" if color == "white" else "white", fontsize=11)
    for k in range(0, size + 1, window):
        axes.plot([k, k], [0, size], color="black", linewidth=2)
        axes.plot([0, size], [k, k], color="black", linewidth=2)
    axes.set(title=title, xlim=(-0.05, size + 0.05), ylim=(size + 0.05, -0.05),
             aspect="equal")
    axes.set_axis_off()


figure = Figure(figsize=(7, 3.3), layout="constrained")
panels = figure.subplots(1, 3, width_ratios=[6, 3.3, 6])
won = dict.fromkeys(winner.values(), BLUE)
draw(panels[0], x[0, 0], "x, winners in blue", 2, won)
draw(panels[1], y[0, 0], "y", 1, dict.fromkeys(winner, BLUE))
draw(panels[2], dx[0, 0], "dx, for dy = 1 … 9", 2, won)
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/07_pooling.png")

# %% [markdown]
# ![Three tables of numbers. Left x, six by six in nine windows, with the largest number
# of each window in blue. Middle y, those nine numbers. Right dx, with 1 to 9 at the
# blue places and 0 at all others.](figures/07_pooling.png)
#
# *Which number won each window (max_pool2d.1), and where the gradient goes
# (max_pool2d.2).* In the first window two numbers are equal: only the first is blue.
#
# ## The mean instead
# Average pooling shares: each number of a window of k numbers has the slope 1/k, so it
# gets that part of dy (avg_pool2d.2). Without padding:
# $$ \dot{y}_{ncpq} = \frac{1}{k} \sum_{ij} \dot{x}_{n,\,c,\,sp+i,\,sq+j} $$
# $$ dx_{nchw} = \sum_{pqij} [h=sp+i] [w=sq+j] \frac{dy_{ncpq}}{k} $$
# A window may also be the whole picture. The largest number of a channel
# (global_max_pool2d.1) then says whether a thing is seen, not where, and its winner
# gets dy (global_max_pool2d.2). The mean (global_avg_pool2d.1) says how much of it, and
# each pixel gets the same part, (global_avg_pool2d.2):
# $$ dx_{nchw} = \frac{dy_{nc}}{H W} $$

# %%
shared = avg_pool2d(x, kernel_size=2)[1](dy)
assert np.array_equal(shared, dy.repeat(2, axis=2).repeat(2, axis=3) / 4)
print("the first window gets", shared[0, 0, :2, :2].tolist())
assert (global_avg_pool2d(x)[1](np.array([[9.0]])) == 9 / 36).all()

speck, moved = np.zeros((2, 1, 1, 8, 8))
speck[0, 0, 1, 1], moved[0, 0, 5, 6] = 1, 1
for pool in (global_max_pool2d, global_avg_pool2d):
    assert np.array_equal(pool(speck)[0], pool(moved)[0])

numbers = rng.normal(size=(2, 3, 6, 7))               # no ties
for pool, options in ((max_pool2d, {"kernel_size": 3, "stride": 2, "padding": 1}),
                      (avg_pool2d, {"kernel_size": 3, "stride": 2}),
                      (global_max_pool2d, {}), (global_avg_pool2d, {})):
    row, = check(pool, numbers, rng=rng, **options)
    print(f"{pool.__name__:<18} passed: {row.passed}")
    assert row.passed

# %% [markdown]
# ## A small CNN
# Convolution, relu (lesson 3), pool, and again: a **CNN**, a convolutional neural
# network. It sees pictures of one shape each, in gray and half their size, and says
# which shape. At the end each channel keeps its largest number, and a linear layer
# turns these into three scores. `Sequential` calls layers one after the other, and
# their backwards in reverse; the first convolution need not compute the gradient of the
# pixels. One pass over all training pictures is an **epoch**. The accuracy is the share
# of right answers, on pictures never trained on.

# %%


def pictures(n):
    shape, color = rng.integers(len(SHAPES), size=n), rng.integers(len(COLORS), size=n)
    gray = paint(cover(shape, rng), color, rng).mean(axis=3, dtype=np.float32)
    dark = 1 - gray[:, None] / 255                                   # (n, 1, 64, 64)
    return avg_pool2d(dark, kernel_size=2)[0], shape


halve = partial(max_pool2d, kernel_size=2)
model = Sequential(Conv2d(1, 8, 3, rng, padding=1, needs_dx=False), relu, halve,
                   Conv2d(8, 16, 3, rng, padding=1), relu, halve,
                   Conv2d(16, 32, 3, rng), relu, global_max_pool2d,
                   Linear(32, len(SHAPES), rng))
(x, label), (new, new_label) = pictures(1200), pictures(400)
optimiser = Adam(model.parameters(), lr=3e-3)
for epoch in range(7):
    for batch in np.split(rng.permutation(len(x)), 24):
        model.zero_grad()
        z, backward = model(x[batch])
        loss, loss_backward = cross_entropy(z, label=label[batch])
        backward(loss_backward())
        optimiser.step()
    said = model(new)[0].argmax(axis=1)
    print(f"epoch {epoch + 1}: accuracy {accuracy(said, new_label):.3f}")
assert accuracy(said, new_label) > 0.95
for k in range(4):
    print(f"a {SHAPES[new_label[k]]}: it says {SHAPES[said[k]]}")

# %% [markdown]
# ## What people get wrong
# *To send the gradient to every number that equals the largest.* With random numbers
# there are no ties, and the gradient check passes. But relu puts 0 in whole windows. A
# second check sees it: each window hands on what it got, so both sums are equal.

# %%


def generous(x):
    y, _ = max_pool2d(x, kernel_size=2)
    won = x == y.repeat(2, axis=2).repeat(2, axis=3)

    def backward(dy):
        return dy.repeat(2, axis=2).repeat(2, axis=3) * won

    return y, backward


numbers = rng.normal(size=(2, 3, 4, 6))
assert check(generous, numbers, rng=rng)[0].passed    # and yet:
x, dy = relu(numbers - 1)[0], rng.random((2, 3, 2, 3))
wrong, right = generous(x)[1](dy), max_pool2d(x, kernel_size=2)[1](dy)
print(f"sum of dy {dy.sum():.2f}, of dx {right.sum():.2f}, wrong {wrong.sum():.2f}")
assert np.isclose(right.sum(), dy.sum()) and wrong.sum() > 1.5 * dy.sum()

# %% [markdown]
# ## Something to try
# Put global_avg_pool2d at the end: does the network learn as fast? Then let windows
# overlap (`kernel_size=3, stride=2`) in the loop above. How often can one number win?
