# %% [markdown]
# # Why it is fast
#
# After this lesson you can measure code fairly, and say what it waits for: Python,
# memory, or multiplications. The question: loops compute (conv2d.1) as it stands, the
# package the same numbers thousands of times sooner. Where does its speed come from?
# All times are taken while this page is made.
#
# A computer does other things too, and they only ever make a run longer. So count the
# time the processor works on this program alone (`process_time`, all cores together),
# do it a few times, and keep the shortest.

# %%
import time
import timeit
import tracemalloc
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view

from numnet import winograd
from numnet.models import image_encoder
from numnet.study.gradcheck import check
from numnet.study.plots import BLUE, GRAY, save

rng = np.random.default_rng(0)
normal = lambda *shape: rng.normal(size=shape).astype(np.float32)
best = lambda f, runs=10: min(timeit.repeat(f, timer=time.process_time, number=runs,
                                            repeat=3)) / runs       # seconds a run


def extra(f):
    """The bytes f needs beside those of what it gives."""
    tracemalloc.start()
    y = f()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most - y.nbytes


# %% [markdown]
# ## Loops, and einsum
# One multiplication and one addition at a time: for one row of one picture, or it takes
# minutes. Each time, Python looks up what `*` means for these two things, and wraps the
# result. `np.einsum` takes the letters of the formula, and runs the same loops in
# compiled code: here for one picture.

# %%
N, C, O, P = 16, 32, 32, 48
x, w, b = normal(N, C, P + 2, P + 2), normal(O, C, 3, 3), normal(O)


def loops():
    row = np.empty((O, P), np.float32)
    for o, q in np.ndindex(O, P):
        total = b[o]
        for c, i, j in np.ndindex(C, 3, 3):
            total += w[o, c, i, j] * x[0, c, i, q + j]
        row[o, q] = total
    return row


windows = sliding_window_view(x[0], (3, 3), axis=(1, 2))            # (c, p, q, i, j)
einsum = lambda: np.einsum("cpqij,ocij->opq", windows, w) + b[:, None, None]
assert np.allclose(einsum()[:, 0], loops(), atol=1e-3)

# %% [markdown]
# ## One matrix product
# Copy each window into one row of a matrix A: this is called im2col, picture to
# columns. Row r is a place (n, p, q), column k an entry (i, j, c) of the kernel. The
# filters become a matrix G too. Then (conv2d.1) is a matrix product:
# $$ y_{ro} = b_o + \sum_k A_{rk}\, G_{ko} $$
# NumPy hands matrix products to a library, BLAS, written for the processor: it
# multiplies many numbers in one instruction, and uses each number it has fetched from
# memory many times.


# %%
def columns_of(x):
    p, q = x.shape[1] - 2, x.shape[2] - 2
    taps = [x[:, i:i + p, j:j + q] for i, j in np.ndindex(3, 3)]
    return np.stack(taps, axis=3).reshape(-1, 9 * C)


last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))                # (n, h, w, c)
G = w.transpose(2, 3, 1, 0).reshape(-1, O)
im2col = lambda: (columns_of(last) @ G + b).reshape(N, P, P, O)
y = im2col()
assert np.allclose(y[0].transpose(2, 0, 1), einsum(), atol=1e-3)

# %% [markdown]
# ## In blocks
# A has nine times the numbers of the pictures. They go out to memory, and come back for
# the product. But near the processor there is a small and quick memory, the **cache**,
# and a block of A that fits in it is still there when it is multiplied. So: make a few
# rows of A, multiply, forget them. `conv2d` does so, forward and backward.


# %%
def blocks():
    y = np.empty((N, P, P, O), np.float32)
    for n, p in np.ndindex(N, P // 8):
        A = columns_of(last[n:n + 1, 8 * p:8 * p + 10])             # for 8 rows of y
        y[n, 8 * p:8 * p + 8] = (A @ G + b).reshape(8, P, O)
    return y


assert np.allclose(blocks(), y, atol=1e-4)
assert extra(blocks) < extra(im2col) / 10

# %% [markdown]
# ## Fewer multiplications
# Take a filter of three at two places. Are six multiplications the least?
# $$ y_0 = w_0 x_0 + w_1 x_1 + w_2 x_2 \qquad y_1 = w_0 x_1 + w_1 x_2 + w_2 x_3 $$
# Both have x₁ and x₂. With s = w₀ + w₂, multiply their sum, and their difference:
# $$ m_1 = (x_1 + x_2)\,(s + w_1) / 2 \qquad m_2 = (x_2 - x_1)\,(s - w_1) / 2 $$
# Multiply out, and add:
# $$ m_1 + m_2 = s x_2 + w_1 x_1 = w_0 x_2 + w_1 x_1 + w_2 x_2 $$
# This is y₀, but for w₀, which has met x₂ in place of x₀. Subtract in place of adding:
# $$ m_1 - m_2 = s x_1 + w_1 x_2 = w_0 x_1 + w_1 x_2 + w_2 x_1 $$
# This is y₁, but for w₂, which has met x₁ in place of x₃. Two more products mend both:
# $$ y_0 = m_1 + m_2 + (x_0 - x_2)\, w_0 \qquad y_1 = m_1 - m_2 - (x_1 - x_3)\, w_2 $$
# Four, not six: Winograd's F(2, 3), for two places and a filter of three.

# %%
x0, x1, x2, x3 = 3, 1, 4, 2
w0, w1, w2 = 2, 5, -1
m1, m2 = (x1 + x2) * (w0 + w1 + w2) / 2, (x2 - x1) * (w0 - w1 + w2) / 2
y0, y1 = m1 + m2 + (x0 - x2) * w0, m1 - m2 - (x1 - x3) * w2
print(f"m1 {m1:.0f}, m2 {m2:.0f}, y0 {y0:.0f}, y1 {y1:.0f}")
assert [y0, y1] == np.correlate([x0, x1, x2, x3], [w0, w1, w2]).tolist()

# %% [markdown]
# The sums of w are made once for each filter, those of x once for each picture, however
# many filters it meets. So products are what counts. `winograd` takes four rows at a
# time, twelve products by six: sums of w by (winograd.1), of x by (winograd.2), and of
# products by (winograd.4). The price is in the last digits: there are more roundings.

# %%
by_winograd = lambda: winograd(last.transpose(0, 3, 1, 2), w, b)[0]
assert np.allclose(by_winograd().transpose(0, 2, 3, 1), y, atol=1e-3)
exact = winograd(*(each.astype(float) for each in (x, w, b)))[0]
errors = [np.abs(z - exact).max() for z in (y.transpose(0, 3, 1, 2), by_winograd())]
print("largest rounding error: one product {:.0e}, Winograd {:.0e}".format(*errors))
small = normal(2, 3, 7, 5), normal(4, 3, 3, 3), normal(4)
assert all(row.passed for row in check(winograd, *small, rng=rng, padding=1))

# %% [markdown]
# ## What each way waits for
# A large square product is the best case for multiplications: so many, with as many
# additions, can be done in a second. Loops wait for Python, im2col for memory, blocks
# for the product, nearly. Winograd does half of the multiplications of the formula, and
# they are counted here as if it did them all.

# %%
square, count = normal(768, 768), N * P * P * O * C * 9
peak = 768 ** 3 / best(lambda: square @ square)
ways = {"loops": (loops, count / N / P, 1), "einsum": (einsum, count / N, 3),
        "im2col": (im2col, count, 5), "in blocks": (blocks, count, 5),
        "Winograd": (by_winograd, count, 10)}
rates = {name: share / best(f, runs) for name, (f, share, runs) in ways.items()}
print(f"the best product: {peak / 1e6:.0f} million multiplications a second")
for name, rate in rates.items():
    print(f"{name:9}{rate / 1e6:9.1f} million a second, {rate / peak:8.3%} of the best"
          f"{'' if name == 'loops' else f', {extra(ways[name][0]) / 1e6:5.1f} MB'}")
assert rates["Winograd"] > 1000 * rates["loops"]
figure = Figure(figsize=(7, 2.8), layout="constrained")
axes = figure.subplots()
axes.axvline(peak, color=GRAY, linestyle="--", zorder=1)
for place, rate in enumerate(rates.values()):
    axes.plot(rate, place, "o", markersize=10, color=BLUE)
    axes.annotate(f"{rate / rates['loops']:,.0f} ×", (rate, place), (-10, 0),
                  textcoords="offset points", va="center", ha="right",
                  bbox={"fc": "white", "ec": "white", "pad": 1})
axes.set(xscale="log", xlim=(rates["loops"] / 30, None), ylim=(4.5, -0.5),
         xlabel="multiplications of (conv2d.1) a second; dashed: the best product")
axes.set_yticks(range(len(rates)), rates)
axes.grid(alpha=0.3)
Path("figures").mkdir(exist_ok=True)
save(figure, Path("figures/17_fast.png"))

# %% [markdown]
# ![Five dots on a log axis of speed: loops by far the slowest, then einsum, im2col,
# blocks and Winograd; a dashed line at the best product](figures/17_fast.png)
#
# ## On many processors
# N processes can share a batch: each takes some of the pictures, and the sum of all
# their gradients is the gradient of the batch. Work is divided by N, but the sum has to
# get to everyone. In a ring, each passes on 2 (N - 1) pieces, of 1/N of the bytes:
# $$ T(N) = \frac{T(1)}{N} + 2\,(N - 1)\,
#    \Big(\text{latency} + \frac{\text{bytes}}{N\, \text{bandwidth}}\Big) $$
# The step is measured here, of one process; the rest is on paper, for a network as it
# is between machines.

# %%
LATENCY, BANDWIDTH = 5e-6, 12.5e9           # assumed: seconds a piece, bytes a second
model = image_encoder((16, 32), 64, rng, pool="flatten")
images, dy = normal(64, 3, 32, 32), normal(64, 64)
step = 16e3 * best(lambda: model(images)[1](dy))            # as for 1,024, in ms
size = 4 * sum(p.value.size for p in model.parameters())
print(f"1,024 pictures take {step:.0f} ms, their gradients {size / 1e6:.2f} MB")
for ranks in (1, 10, 100, 1000):
    work, pieces = step / ranks, 2 * (ranks - 1)
    waits, moves = 1e3 * pieces * LATENCY, 1e3 * pieces * size / ranks / BANDWIDTH
    faster = step / (work + waits + moves)
    print(f"{ranks:4} processes: work {work:6.2f} ms, latency {waits:5.2f}, "
          f"bytes {moves:4.2f}: {faster:5.1f} × as fast")
assert waits > moves and faster < ranks

# %% [markdown]
# With few processes the work counts, with many the messages: bytes hardly grow with N,
# but latency does. What helps is more work for each message: a larger batch.
#
# ## Something to try
# - Make blocks of 1, 4 or 24 rows. Where is it fastest? Then make C larger.
# - Give `np.einsum` the pictures with their channels last, or `optimize=True`. Why is
#   it so much faster?
# - Give each process 1,024 pictures. With 1,000 of them, how long do they wait?
