# %% [markdown]
# # Convolution: one small filter, slid over the picture
#
# A small grid of weights, the **filter**, is laid on one place of a picture (that
# place is a **window**). The numbers that meet are multiplied and added up: one number
# of the output. Then the filter moves on. After this lesson you can derive all three
# gradients of a convolution, and write it as one matrix product. The question: a pixel
# in the middle is read by many windows. How does the gradient find its way back to it?

# %%
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from numnet import conv2d, linear
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.stepper import watch

rng = np.random.default_rng(0)

# %% [markdown]
# ## The formula
# This is (conv2d.1):
# $$ y_{nopq} = b_o + \sum_{cij} w_{ocij}\, x_{n,\,c,\,sp+ri-m,\,sq+rj-m} $$
# n counts the pictures, c their channels (a colour picture has three: red, green,
# blue), o the filters. i, j is a place inside the filter, p, q a place in the output.
# Three settings move the window: the **stride** s is the step from one window to the
# next, the **dilation** r the step from one weight to the next, the **padding** m a
# margin of zeros around the picture. With s = r = 1 and m = 0 the subscripts are simply
# p + i and q + j.


# %%
def places(x, w, y, s, r, m):
    """Every term of the sum: where it is in y, in w and in x; none in the margin."""
    for n, o, p, q in np.ndindex(y.shape):
        for c, i, j in np.ndindex(w.shape[1:]):
            row, column = s * p + r * i - m, s * q + r * j - m
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                yield (n, o, p, q), (o, c, i, j), (n, c, row, column)


def convolve(x, w, b, s=1, r=1, m=0):
    rows, columns = [(size + 2 * m - r * (k - 1) - 1) // s + 1      # all that fit
                     for size, k in zip(x.shape[2:], w.shape[2:])]
    y = np.zeros((len(x), len(w), rows, columns)) + b[:, None, None]
    for out, weight, pixel in places(x, w, y, s, r, m):
        y[out] += w[weight] * x[pixel]                     # (conv2d.1)
    return y


x = np.arange(16.0).reshape(1, 1, 4, 4)
w = np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]).reshape(1, 1, 3, 3)
b = np.array([0.5])
y, backward = conv2d(x, w, b)
print("x", x[0, 0], "w", w[0, 0], "y", y[0, 0], sep="\n")
assert np.array_equal(y, convolve(x, w, b))

# %% [markdown]
# This filter takes four times a pixel from the sum of its four neighbours. On an even
# slope that is 0: the bias is left.
#
# ## Window to row
# Write each window as one row of a matrix: then all windows meet the filter in one
# matrix product, and a convolution is the `linear` of lesson 4. The step is known as
# im2col, "image to columns".

# %%
rows = np.array([x[0, 0, p:p + 3, q:q + 3].ravel()         # (pq, ij)
                 for p in range(2) for q in range(2)])
assert np.array_equal(linear(rows, w.reshape(1, 9).T, b)[0].ravel(), y.ravel())
counts = conv2d(x, np.ones((1, 1, 3, 3)), b)[1](np.ones((1, 1, 2, 2)))[0][0, 0]
print("how many windows read a pixel", counts, sep="\n")
assert np.array_equal(np.unique(rows, return_counts=True)[1], counts.ravel())

COLORS = "#0072B2", "#E69F00", "#009E73", "#D55E00"        # Okabe and Ito


def grid(axes, numbers, title, rgb):
    axes.pcolormesh(np.broadcast_to(rgb, (*numbers.shape, 3)), edgecolors="#999999")
    for (k, m), number in np.ndenumerate(numbers):
        axes.text(m + 0.5, k + 0.5, f"{number:.0f}", ha="center", va="center", size=13)
    axes.set(title=title, aspect="equal", ylim=(len(numbers) + 0.1, -0.1))
    axes.axis("off")


figure = Figure(figsize=(8, 5.4), layout="constrained")
picture, right, below = figure.subplot_mosaic("ab;cc").values()
grid(picture, x[0, 0], "x, and its four 3×3 windows", 1.0)
grid(right, counts, "how many windows read a pixel", 1 - counts[:, :, None] / 12)
grid(below, rows, "the same windows as rows; each is multiplied by the nine weights",
     0.55 + 0.45 * np.array([to_rgb(color) for color in COLORS])[:, None])
for k, color in enumerate(COLORS):
    inset = 0.05 + 0.05 * k                                # so that no line hides one
    picture.add_patch(Rectangle((k % 2 + inset, k // 2 + inset), 3 - 2 * inset,
                                3 - 2 * inset, fill=False, ec=color, lw=2.5))
    below.text(-0.15, k + 0.5, f"p = {k // 2}, q = {k % 2}", ha="right", va="center")
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/06_convolution.png")

# %% [markdown]
# ![A picture of 4 by 4 numbers with its four windows of 3 by 3 outlined in four
# colours; below, the four windows as rows of nine numbers in the same colours; beside
# it, how many windows read each pixel: 1 in the corners, 2 at the sides, 4 in the
# middle.](figures/06_convolution.png)
#
# The windows of (conv2d.1), as outlines and as rows. A number in the middle of x stands
# in four rows. What those four rows send back must be added: that is all of (conv2d.2).
#
# ## All three gradients
# Let x, w and b move, at the speeds ẋ, ẇ, ḃ. By the product rule y moves at
# $$ \dot{y}_{nopq} = \dot{b}_o
#    + \sum_{cij} \dot{w}_{ocij}\, x_{n,\,c,\,sp+ri-m,\,sq+rj-m}
#    + \sum_{cij} w_{ocij}\, \dot{x}_{n,\,c,\,sp+ri-m,\,sq+rj-m} $$
# The gradients (lesson 2) are the numbers for which, however x, w and b move,
# $$ \langle dy, \dot{y} \rangle = \langle dx, \dot{x} \rangle
#    + \langle dw, \dot{w} \rangle + \langle db, \dot{b} \rangle $$
# So multiply ẏ by dy, add up over n, o, p, q, and sort by what moves.
# **The bias:** what does not depend on n, p, q comes out of their sum:
# $$ \sum_{nopq} dy_{nopq}\, \dot{b}_o
#    = \sum_o \Big(\sum_{npq} dy_{nopq}\Big)\, \dot{b}_o $$
# The bracket is db, (conv2d.4). **The filter:** the same, with c, i, j outside:
# $$ \sum_{nopq} dy_{nopq} \sum_{cij} \dot{w}_{ocij}\, x_{n,\,c,\,sp+ri-m,\,sq+rj-m} $$
# $$ = \sum_{ocij} \Big(\sum_{npq} dy_{nopq}\, x_{n,\,c,\,sp+ri-m,\,sq+rj-m}\Big)
#    \dot{w}_{ocij} $$
# The bracket is dw, (conv2d.3). **The picture:** here the subscript of ẋ is no
# letter of its own, so there is nothing to sort by. Write the one pixel as a sum over
# all pixels with a switch: [ … ] is 1 where it is true, else 0; h, w are row, column.
# $$ \dot{x}_{n,\,c,\,sp+ri-m,\,sq+rj-m}
#    = \sum_{hw} [h = sp+ri-m]\, [w = sq+rj-m]\, \dot{x}_{nchw} $$
# In the margin no h, w fits, and the sum is 0. Now sort by n, c, h, w:
# $$ \sum_{nopq} dy_{nopq} \sum_{cij} w_{ocij}\, \dot{x}_{n,\,c,\,sp+ri-m,\,sq+rj-m} $$
# $$ = \sum_{nchw} \Big(\sum_{opqij} [h = sp+ri-m]\, [w = sq+rj-m]\, dy_{nopq}\,
#    w_{ocij}\Big) \dot{x}_{nchw} $$
# The bracket is dx, (conv2d.2).
#
# In loops the switches vanish. Each product w · x of the forward pass gives its weight
# dy · x and its pixel dy · w: one line each.


# %%
def convolve_backward(dy, x, w, s=1, r=1, m=0):
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for out, weight, pixel in places(x, w, dy, s, r, m):
        dx[pixel] += dy[out] * w[weight]                   # (conv2d.2)
        dw[weight] += dy[out] * x[pixel]                   # (conv2d.3)
    db = dy.sum(axis=(0, 2, 3))                            # (conv2d.4)
    return dx, dw, db


dy = np.array([[1.0, 0], [0, 10]]).reshape(1, 1, 2, 2)
dx, dw, db = backward(dy)
print("dx", dx[0, 0], "dw", dw[0, 0], "db", db, sep="\n")

x, w, b = (rng.normal(size=size) for size in [(2, 3, 7, 6), (4, 3, 3, 2), (4,)])
y, backward = conv2d(x, w, b, stride=2, padding=1, dilation=2)
dy = rng.normal(size=y.shape)
assert np.allclose(y, convolve(x, w, b, s=2, r=2, m=1))
for ours, loops in zip(backward(dy), convolve_backward(dy, x, w, s=2, r=2, m=1)):
    assert np.allclose(ours, loops)

# %% [markdown]
# Each entry of dy laid the filter into dx; where two overlap, they were added. The
# package adds whole views: as many additions as the filter has places, for any picture.
# `watch` counts them: it lists each run of the line that bears a tag, and its arrays.

# %%
with watch("conv2d.2") as steps:
    backward(dy)
print(f"y has {dy.size} numbers, w has 3 × 2 places: {len(steps)} additions")
assert len(steps) == 3 * 2
for row in check(conv2d, x, w, b, rng=rng, stride=(2, 1), padding=1):
    print(f"d{row.argument:<3}{str(row.shape):<14} error {row.error:.0e}")
    assert row.passed

# %% [markdown]
# ## What people get wrong
# **To set where one should add.** `=` for `+=`, and the last window wins. Where windows
# do not overlap it is even right: so a test needs a stride smaller than the filter.


# %%
def last_wins(x, w, b, *, stride):
    y, backward = conv2d(x, w, b, stride=stride)

    def wrong(dy):
        dx = np.zeros(x.shape)
        for n, p, q in np.ndindex(len(x), *y.shape[2:]):
            window = dx[n, :, stride * p:, stride * q:][:, :3, :2]
            window[:] = np.tensordot(dy[n, :, p, q], w, 1)
        return dx, *backward(dy)[1:]
    return y, wrong


for stride in (3, 1):
    row = check(last_wins, x, w, b, rng=rng, stride=stride)[0]
    print(f"stride {stride}: dx is right: {row.passed}, error {row.error:.0e}")
    assert row.passed == (stride == 3)

# %% [markdown]
# **To flip the filter.** In mathematics, and in `np.convolve`, a convolution runs
# through w backwards. Here and in PyTorch it does not: the exact name is
# cross-correlation. A gradient check holds a gradient against its own value, so it says
# nothing about that; the loop of (conv2d.1) does.

# %%
x, w = np.array([1.0, 2, 4, 8]), np.array([1.0, 10])
y, _ = conv2d(x.reshape(1, 1, 1, 4), w.reshape(1, 1, 1, 2), np.zeros(1))
print("conv2d", y.ravel(), "np.convolve", np.convolve(x, w, "valid"))
assert np.array_equal(y.ravel(), np.correlate(x, w, "valid"))

# %% [markdown]
# ## Something to try
# - With stride 3 and a filter of 2 × 2 some pixels get gradient 0. Print `counts`.
# - `counts` came from a backward pass with ones. Say why, by (conv2d.2).
# - Slide the first filter over a picture of `numnet.data.shapes.generate(rng, 1)`.
