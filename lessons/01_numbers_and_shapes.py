# %% [markdown]
# # Numbers and shapes
#
# You will be able to read a formula with indices as a program, to tell the shape of
# every array in it, and to see when NumPy computes something you did not mean.
#
# A network is a chain of steps, and each step turns arrays of numbers into another
# array. **Which number goes where?** The indices of a formula say it:
#
# $$ y_{no} = b_o + \sum_i x_{ni}\, w_{io} $$
#
# This is (linear.1), the commonest step of all. Every term in it is explained below.

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from numnet import flatten, linear, mse
from numnet.study import plots

rng = np.random.default_rng(0)

# %% [markdown]
# ## Arrays, axes, letters
# An *array* is a block of numbers. Its *shape* says how many there are in each
# direction; each direction is an *axis*. Here every axis has a letter, and keeps it
# from formula to formula: n counts the examples, i the numbers known of each example
# (its *features*), o the numbers that come out.
#
# So x with the axes (n, i) is a table: a row for each example. Feature i of example n
# is written with small indices in a formula and `x[n, i]` in code. Both count from
# zero here.

# %%
x = np.array([[1.0, 2.0, 0.0], [3.0, -1.0, 2.0]])                     # (n, i)
w = np.array([[1.0, 0.0, 2.0, -1.0],
              [0.0, 1.0, 1.0, 3.0],
              [2.0, -2.0, 0.0, 1.0]])                                 # (i, o)
b = np.array([10.0, 20.0, 30.0, 40.0])                                # (o,)
print("x", x.shape, "w", w.shape, "b", b.shape)
assert x[1, 2] == 2.0 and x.shape[1] == w.shape[0] and w.shape[1:] == b.shape

# %% [markdown]
# ## The loops that are the formula
# Read (linear.1) from the outside in. Letters on the left of the equals sign are
# *free*: there is one equation for each n and each o, so a loop over both. A letter
# that stands under the sum sign only is *summed*: a loop that adds up, and the letter
# is gone from the result. So the shape of y can be read off: (n, o).

# %%


def loops(x, w, b):
    y = np.zeros((x.shape[0], w.shape[1]))
    for n in range(x.shape[0]):
        for o in range(w.shape[1]):
            y[n, o] = b[o]
            for i in range(x.shape[1]):
                y[n, o] += x[n, i] * w[i, o]
    return y


y = loops(x, w, b)
print(y, y.shape)
assert y.shape == (2, 4)

# %% [markdown]
# ## The same without loops
# The sum over i is what `@` does, the matrix product. `np.einsum` takes the letters as
# they are. The package has it as `linear`, whose value comes first; what it returns
# besides, `backward`, is the subject of lesson 2.

# %%
by_matrix = x @ w + b
by_letters = np.einsum("ni,io->no", x, w) + b
by_package, _ = linear(x, w, b)
for same in (by_matrix, by_letters, by_package):
    assert np.allclose(same, y)
print("loops, @, einsum and linear agree")

# %%
figure = Figure(figsize=(8.4, 3.3), layout="constrained")
widths = [array.shape[1] for array in (x, w, y)]
panels = figure.subplots(1, 3, width_ratios=widths)
titles = ("x (n, i)", "w (i, o)", "y (n, o) = b + the sums")
N, O = 1, 3
for axes, array, title, marked in zip(
        panels, (x, w, y), titles,
        (lambda n, i: n == N, lambda i, o: o == O, lambda n, o: (n, o) == (N, O))):
    rows, columns = array.shape
    for (row, column), value in np.ndenumerate(array):
        colour = plots.ORANGE if marked(row, column) else "white"
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour,
                                 edgecolor=plots.GRAY))
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=13)
    axes.set(xlim=(-0.55, columns - 0.45), ylim=(rows - 0.45, -0.55), aspect="equal")
    axes.set_title(title, fontsize=12)
    axes.set_xticks(range(columns))
    axes.set_yticks(range(rows))
    axes.set_xlabel(title.split(", ")[1][0], fontsize=12)
    axes.set_ylabel(title[3], fontsize=12, rotation=0, va="center", labelpad=10)
    axes.tick_params(length=0, labelcolor="dimgray")
    for side in axes.spines.values():
        side.set_visible(False)
terms = " + ".join(f"({a:.0f})({c:.0f})" for a, c in zip(x[N], w[:, O]))
figure.supxlabel(f"y[{N}, {O}]  =  {b[O]:.0f} + {terms}  =  {y[N, O]:.0f}",
                 fontsize=13)
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/01_shapes.png")
assert y[N, O] == b[O] + (x[N] * w[:, O]).sum()

# %% [markdown]
# ![Three tables. In x one row is orange, in w one column, in y the one cell where that
# row and that column meet; below, its sum is written out.](figures/01_shapes.png)
#
# One entry of y by (linear.1): a row of x meets a column of w. The summed letter i runs
# along the row and down the column; the free letters n and o say which row and column.
#
# ## Who depends on whom
# The indices also say what a number can reach. `x[n, i]` stands in the equations of its
# own n and of every o: let one entry of x grow by one, and one row of y changes, by the
# entries `w[i, o]`. Let one entry of w grow by one, and one column changes, by the
# entries `x[n, i]`. These are slopes, and slopes are what the next lessons are about.

# %%
more_x, more_w = x.copy(), w.copy()
more_x[1, 0] += 1
more_w[1, 2] += 1
by_x, by_w = loops(more_x, w, b) - y, loops(x, more_w, b) - y
print("one more at x[1, 0]:", by_x.tolist())
print("one more at w[1, 2]:", by_w.tolist())
assert np.allclose(by_x[1], w[0]) and not by_x[0].any()
assert np.allclose(by_w[:, 2], x[:, 1]) and np.count_nonzero(by_w) == len(x)

# %% [markdown]
# ## The same numbers in another shape
# A picture is an array (c, h, w): colour channels, rows, columns. `linear` wants a
# row of features. `flatten` lays the numbers out, the last axis fastest, (flatten.1):
#
# $$ y_{nk} = x_{n,chw}, \quad k = (c H + h) W + w $$
#
# No number changes and none is lost. Capital letters are sizes: H rows, W columns. (As
# an index, w is a column; the weights of (linear.1) are an array of that name.)

# %%
pictures = rng.normal(size=(2, 3, 4, 5))                         # (n, c, h, w)
rows, _ = flatten(pictures)
C, H, W = pictures.shape[1:]
print(pictures.shape, "->", rows.shape)
for n, c, h, column in np.ndindex(pictures.shape):
    assert rows[n, (c * H + h) * W + column] == pictures[n, c, h, column]

# %% [markdown]
# ## Numbers are rounded
# A computer keeps a number to a fixed count of digits. The kind of number is the
# *dtype*: float64 has about twice the digits of float32, and takes twice the memory.
# `eps` is the gap between 1 and the next number. Networks train in float32; gradients
# are checked in float64, and lesson 3 shows why.

# %%
for dtype in (np.float32, np.float64):
    print(np.dtype(dtype).name, "gap next to 1:", np.finfo(dtype).eps,
          "bytes:", np.dtype(dtype).itemsize)
    assert dtype(1) + dtype(np.finfo(dtype).eps / 4) == 1        # too small to be seen
assert 0.1 + 0.2 != 0.3 and np.isclose(0.1 + 0.2, 0.3)
print("0.1 + 0.2 - 0.3 =", 0.1 + 0.2 - 0.3)

# %% [markdown]
# ## What people get wrong
# NumPy stretches an axis of size one to fit another: *broadcasting*. That is how b is
# added to every row of `x @ w`. But it also fits what was never meant to fit. A
# network gave one column, the truth is a plain row of numbers, and their difference is
# a table of every answer against every truth. No error: a mean that means nothing.
# `mse`, the mean of the squared differences, refuses.

# %%
answers, truth = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 3.0])
difference = answers - truth
print("every answer is right; difference has shape", difference.shape,
      "and mean square", round((difference ** 2).mean(), 2))
assert difference.shape == (3, 3) and (difference ** 2).mean() > 1
for name, wrong in (("mse", lambda: mse(answers, target=truth)),
                    ("linear", lambda: linear(x, w, b[:, None])),
                    ("linear", lambda: linear(x, w.T, b))):
    try:
        wrong()
    except ValueError as error:
        print(error)
        assert str(error).startswith(name)
    else:
        raise AssertionError(f"{name} took a wrong shape")
loss, _ = mse(answers, target=truth[:, None])
assert loss == 0

# %% [markdown]
# The package says each array's letters once (`numnet.shapes.expect`) and refuses what
# does not fit, so these mistakes end in a sentence instead of a wrong number.
#
# ## Something to try
# Write `np.einsum` with the letters of your own formula: the sum of each column of x,
# then the product of each row of x with itself. Which letters are free? Then set one
# size in w so that `loops` raises, and see what `linear` says about the same arrays.
