# %% [markdown]
# # Why it is fast
#
# After this lesson you can measure code fairly, and turn a formula with many sums into
# one matrix product. The question: loops compute a formula as it stands, the package
# the same numbers in far less time. Where does its speed come from? All times are taken
# while this page is made.
#
# A computer does other things too, and they only ever make a run longer. So run the
# code a few times, and keep the shortest time.

# %%
import timeit
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view

from numnet import conv2d, rnn
from numnet.study.gradcheck import check
from numnet.study.plots import BLUE, GRAY, ORANGE, save

rng = np.random.default_rng(0)


def best(f, runs=7):
    """The shortest of a few runs of f, in seconds."""
    return min(timeit.repeat(f, number=1, repeat=runs))


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


# %% [markdown]
# ## First way: loops
# Formula (conv2d.1), one multiplication and one addition at a time.

# %%
N, C, H, O, K, P = 2, 8, 18, 16, 3, 16
x, w, b = normal(N, C, H, H), normal(O, C, K, K), normal(O)


def loops():
    y = np.empty((N, O, P, P), np.float32)
    for n, o, p, q in np.ndindex(y.shape):
        total = b[o]
        for c, i, j in np.ndindex(C, K, K):
            total += w[o, c, i, j] * x[n, c, p + i, q + j]
        y[n, o, p, q] = total
    return y


# %% [markdown]
# ## Second way: einsum
# `sliding_window_view` shows each window of the picture without a copy. `np.einsum`
# takes the letters of the formula and runs the same loops in compiled code: no name is
# looked up any more, and no number is wrapped in a Python object.


# %%
def einsum():
    windows = sliding_window_view(x, (K, K), axis=(2, 3))           # (n, c, p, q, i, j)
    return np.einsum("ncpqij,ocij->nopq", windows, w) + b[:, None, None]


# %% [markdown]
# ## Third way: one matrix product
# Copy each window into one row of a matrix A: this is called im2col, picture to
# columns. Row r is a place (n, p, q), column k an entry (i, j, c) of the kernel. The
# filters become a matrix G too. Then (conv2d.1) is a matrix product:
# $$ y_{ro} = b_o + \sum_k A_{rk}\, G_{ko} $$
# NumPy hands matrix products to a library, BLAS, written for the processor: it
# multiplies many numbers in one instruction, and uses each number it has fetched from
# memory many times. Its product is called GEMM, general matrix multiply.


# %%
def columns_of(x):
    taps = [x[:, i:i + P, j:j + P] for i, j in np.ndindex(K, K)]    # (n, p, q, c)
    return np.stack(taps, axis=3).reshape(-1, K * K * x.shape[3])


last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))                # (n, h, w, c)
A, G = columns_of(last), w.transpose(2, 3, 1, 0).reshape(-1, O)
print("A", A.shape, "G", G.shape)
ways = {"loops": loops, "einsum": einsum,
        "im2col (conv2d)": lambda: conv2d(last.transpose(0, 3, 1, 2), w, b)[0],
        "its product alone": lambda: np.moveaxis((A @ G + b).reshape(N, P, P, O), 3, 1)}
y = loops()
for way in ways.values():
    assert np.allclose(way(), y, atol=1e-4)

# %% [markdown]
# ## What the machine can do
# A large square product is the best case. Its rate, in multiplications a second (with
# an addition each), is about the most that the ways above can reach.

# %%
square = normal(512, 512)
peak = 512 ** 3 / best(lambda: square @ square)
times = {name: best(way, 2 if way is loops else 50) for name, way in ways.items()}
print(f"the best is {peak / 1e6:.0f} million a second; speed against loops:")
for name, seconds in times.items():
    rate = y.size * C * K * K / seconds
    print(f"{name:18}{1e3 * seconds:8.3f} ms, {times['loops'] / seconds:5.0f} × the "
          f"speed, {rate / 1e6:7.1f} million a second, {rate / peak:7.3%}")
assert times["loops"] > 10 * times["im2col (conv2d)"]

# %%
figure = Figure(figsize=(7, 2.6), layout="constrained")
axes = figure.subplots()
for place, (name, seconds) in enumerate(times.items()):
    axes.plot(1e3 * seconds, place, "o", markersize=10,
              color=GRAY if name == "loops" else ORANGE if name == "einsum" else BLUE)
    axes.annotate(f"{1e3 * seconds:.3g} ms", (1e3 * seconds, place), (9, 0),
                  textcoords="offset points", va="center")
axes.set_yticks(range(len(times)), times)
axes.set(xscale="log", xlabel="milliseconds (each line: 10 times longer)",
         title="The same convolution (conv2d.1)", ylim=(3.5, -0.5),
         xlim=(None, 1e4 * times["loops"]))
axes.grid(alpha=0.3)
Path("figures").mkdir(exist_ok=True)
save(figure, Path("figures/17_fast.png"))

# %% [markdown]
# ![Dots on a log axis of time: loops take longest by far, einsum less, im2col less
# again; its matrix product alone takes the shortest time](figures/17_fast.png)
#
# The time of (conv2d.1), four ways. Beyond its product, im2col copies.
#
# ## The backward pass is two products
# Start from the identity of lesson 2, and let only G move:
# $$ \dot y_{ro} = \sum_k A_{rk}\, \dot G_{ko} $$
# The identity says
# $$ \sum_{ko} dG_{ko}\, \dot G_{ko} = \sum_{ro} dy_{ro}\, \dot y_{ro} $$
# Put in the first line:
# $$ \sum_{ko} dG_{ko}\, \dot G_{ko} = \sum_{ro} dy_{ro} \sum_k A_{rk}\, \dot G_{ko} $$
# Collect what stands at each entry of Ġ:
# $$ \sum_{ko} dG_{ko}\, \dot G_{ko} = \sum_{ko} (\sum_r A_{rk}dy_{ro})\, \dot G_{ko} $$
# This holds for every Ġ. So the gradient is a matrix product again (conv2d.3):
# $$ dG_{ko} = \sum_r A_{rk}\, dy_{ro} $$
# Let only A move, and the same steps give the second product:
# $$ dA_{rk} = \sum_o dy_{ro}\, G_{ko} $$
# Windows overlap, so a pixel was copied into several rows. It gets the sum of their
# gradients (conv2d.2).

# %%
dy = normal(N, O, P, P)
rows = dy.transpose(0, 2, 3, 1).reshape(-1, O)
dA, dG = (rows @ G.T).reshape(N, P, P, K, K, C), A.T @ rows
dlast = np.zeros_like(last)
for i, j in np.ndindex(K, K):
    dlast[:, i:i + P, j:j + P] += dA[:, :, :, i, j]
dx, dw, _ = conv2d(x, w, b)[1](dy)                                  # the package's
assert np.allclose(dG.reshape(K, K, C, O).transpose(3, 2, 0, 1), dw, atol=1e-3)
assert np.allclose(dlast.transpose(0, 3, 1, 2), dx, atol=1e-3)
checked = check(conv2d, normal(2, 3, 5, 4), normal(2, 3, 3, 2), normal(2), rng=rng)
print("gradient check:", {row.argument: f"{row.error:.0e}" for row in checked})
assert all(row.passed for row in checked)

# %% [markdown]
# ## Memory: channels last
# The product is quick, so copying counts. A row of A is made of runs: numbers that lie
# side by side in memory and are copied in one go. If channels lie last in memory, a run
# has at least all channels of a pixel. If they lie first, those are far apart.

# %%
pictures = normal(16, P + 2, P + 2, 32)                             # (n, h, w, c)
first = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
assert np.array_equal(columns_of(first), columns_of(pictures))
for name, each in (("last", pictures), ("first", first)):
    print(f"channels {name}: from one channel to the next {each.strides[3]} bytes, "
          f"A in {1e3 * best(lambda each=each: columns_of(each)):.2f} ms")
ratio = columns_of(pictures).nbytes / pictures.nbytes
print(f"A takes {ratio:.1f} times the memory of the pictures")
assert pictures.strides[3] == 4 < first.strides[3] and ratio > 7

# %% [markdown]
# ## The RNN: one product for all steps
# In (rnn.1) the sum over h needs the step before. The sum over x does not: it can be
# computed for all steps at once. With r for a pair (n, t) it is one product:
# $$ u_{ro} = b_o + \sum_i x_{ri}\, wx_{io} $$
# One large product can beat many small ones: each call costs time by itself, and in a
# large product wx is fetched once and used by all rows.

# %%
x, wx, wh, b = normal(8, 40, 32), normal(32, 32), normal(32, 32) / 10, normal(32)
steps = lambda: [x[:, t] @ wx + b for t in range(40)]
at_once = lambda: (x.reshape(-1, 32) @ wx + b).reshape(8, 40, 32)
u, h = at_once(), np.zeros((8, 32), np.float32)
for t in range(40):
    h = np.tanh(u[:, t] + h @ wh)
assert np.allclose(np.stack(steps(), axis=1), u, atol=1e-4)
assert np.allclose(h, rnn(x, wx, wh, b)[0][:, -1], atol=1e-4)
slower = best(steps, 50) / best(at_once, 50)
print(f"step by step takes {slower:.1f} times as long")

# %% [markdown]
# ## What people get wrong
# Fast, and wrong. The columns of A stand in the order (i, j, c), but w is (o, c, i, j).
# Reshape w without turning its axes: every shape fits, nothing raises, and the numbers
# are others. Only a comparison tells.
#
# And float64 creeps in. `np.sqrt(32)` is a float64 number: what is divided by it has
# float64 from there on, twice the bytes. A Python float leaves an array as it is.

# %%
wrong, right = A @ w.reshape(O, -1).T, A @ G
print(f"unturned: shape {wrong.shape}, largest error {np.abs(wrong - right).max():.1f}")
assert wrong.shape == right.shape and np.abs(wrong - right).max() > 1
crept, kept = u / np.sqrt(32), u / float(np.sqrt(32))
print("divided by np.sqrt(32):", crept.dtype, "- by a Python float:", kept.dtype)
assert crept.dtype == np.float64 and kept.dtype == np.float32

# %% [markdown]
# ## Something to try
# Give `np.einsum` the option `optimize=True`: it looks for a matrix product by itself.
# How close does it come? Then make O or C larger. What share of the best is reached?
