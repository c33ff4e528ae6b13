# %% [markdown]
# # A pullback and the chain rule
#
# You will be able to derive the backward pass of a step by yourself, to chain such
# passes through a whole computation, and to say what happens where paths meet.
#
# Training asks one question again and again: **if this weight changes a little, what
# happens to the loss?** A *weight* is a number that is learned; the *loss* L is one
# number that says how wrong the network was. The slope of L along a weight w is called
# the *gradient* of w, and written dw. Each entry has a slope: dw has the shape of w.
#
# ## Small changes run forward
# Take y = tanh(x), (tanh.1), which squashes any number into -1 … 1. Let x change at the
# speed ẋ (a dot is a speed, or a small change). The derivative of tanh is 1 - tanh², so
#
# $$ \dot{y}_k = (1 - y_k^2)\, \dot{x}_k $$
# The loss changes too: by each slope times its change, added up. It may be said at y:
# $$ \dot{L} = \sum_k dy_k\, \dot{y}_k $$
# or at x, with the gradient we look for:
# $$ \dot{L} = \sum_k dx_k\, \dot{x}_k $$
# It is one loss and one change, so both must be equal, whatever ẋ is. A sum of products
# of two arrays is written ⟨ , ⟩, and a step with several inputs adds their shares:
# $$ \langle dy, \dot{y} \rangle = \sum \langle dx, \dot{x} \rangle $$
# **Every backward pass in this package is derived from this one line.** The recipe:
# write ẏ; multiply by dy and sum; sort by the dots; what stands beside ẋ is dx.
#
# For tanh it takes two steps:
# $$ \sum_k dy_k\, \dot{y}_k = \sum_k dy_k\, (1 - y_k^2)\, \dot{x}_k $$
# $$ dx_k = dy_k\, (1 - y_k^2) $$
# That is (tanh.2). It *pulls* the gradient of y *back* to x: it is a *pullback*.

# %%
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from numnet import flatten, mse, product, tanh
from numnet.module import Parameter, apply
from numnet.study import plots

rng = np.random.default_rng(0)
RED = "#D55E00"                                          # Okabe and Ito's

# %% [markdown]
# ## The protocol
# In this package a step is called an *op*. It returns its value and its pullback:
# `y, backward = op(x)`, then `dx = backward(dy)`. The inner function may use what the
# outer one computed, here y.

# %%


def by_hand(x):
    y = np.array([math.tanh(number) for number in x])

    def backward(dy):
        return np.array([dy[k] * (1 - y[k] ** 2) for k in range(len(x))])

    return y, backward


x, dy = rng.normal(size=3), rng.normal(size=3)
for op in (by_hand, tanh):
    y, backward = op(x)
    dx = backward(dy)
    print(f"{op.__name__:>8}: y {y.round(3)}  dx {dx.round(3)}")
assert np.allclose(by_hand(x)[0], y) and np.allclose(by_hand(x)[1](dy), dx)

# %% [markdown]
# The identity itself is a check: no loss is needed, any dy and any ẋ will do. ẏ
# (`ydot`) is measured, as the difference of two values over a small step.

# %%


def speed(f, x, xdot, step=1e-6):
    return (f(x + step * xdot) - f(x - step * xdot)) / (2 * step)


xdot = rng.normal(size=3)
ydot = speed(lambda x: tanh(x)[0], x, xdot)
print(f"<dy, ydot> {dy @ ydot:.9f}   <dx, xdot> {dx @ xdot:.9f}")
assert np.isclose(dy @ ydot, dx @ xdot, atol=1e-8)

# %% [markdown]
# ## Two inputs
# y = u v, entry by entry, (product.1). Both may change:
# $$ \dot{y}_{no} = \dot{u}_{no}\, v_{no} + u_{no}\, \dot{v}_{no} $$
# $$ \sum_{no} dy_{no}\, \dot{y}_{no}
# = \sum_{no} \dot{u}_{no} \Big(dy_{no}\, v_{no}\Big)
# + \sum_{no} \dot{v}_{no} \Big(dy_{no}\, u_{no}\Big) $$
# The brackets are du (product.2) and dv (product.3): each input's gradient is dy times
# the *other* input. And a step that only moves numbers, as `flatten` of lesson 1, moves
# ẋ the same way; its backward moves dy to where the numbers came from, (flatten.2).

# %%
u, v, dy = (rng.normal(size=(2, 3)) for _ in range(3))
y, backward = product(u, v)
du, dv = backward(dy)
for n, o in np.ndindex(u.shape):
    assert du[n, o] == dy[n, o] * v[n, o] and dv[n, o] == dy[n, o] * u[n, o]
print("du", du.round(2).tolist(), "dv", dv.round(2).tolist())

pictures, dy = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 60))
dx = flatten(pictures)[1](dy)
for n, c, h, column in np.ndindex(dx.shape):
    assert dx[n, c, h, column] == dy[n, (c * 4 + h) * 5 + column]

# %% [markdown]
# ## The chain rule
# Let y = f(x) and z = g(y). A change runs through f, then g. The identity holds for
# each, and the middle is the same number in both:
# $$ \langle dz, \dot{z} \rangle = \langle dy, \dot{y} \rangle $$
# $$ \langle dy, \dot{y} \rangle = \langle dx, \dot{x} \rangle $$
# So dz is pulled back to dy, and dy to dx: **the backwards of a chain, called in
# reverse**. That is *backpropagation*. The start is the loss itself: dL = 1. Here the
# loss is `mse`, the mean of the squared differences to a target (lesson 4).

# %%
x, target = rng.normal(size=3), rng.normal(size=3)
y, f_backward = tanh(x)
loss, loss_backward = mse(y, target=target)
dx = f_backward(loss_backward())
slopes = [speed(lambda x: mse(tanh(x)[0], target=target)[0], x, along)
          for along in np.eye(3)]
print("pulled back", dx.round(6), " measured", np.round(slopes, 6))
assert np.allclose(dx, slopes, atol=1e-8)

# %% [markdown]
# ## Where paths meet
# A small network that uses one weight twice: y = w tanh(w x), with the loss (mse.1).
# Give each use a name of its own, k = 1, 2. If w changes, all of them change alike:
# $$ \dot{L} = \sum_k \langle dw^{(k)}, \dot{w} \rangle $$
# $$ \dot{L} = \langle dw, \dot{w} \rangle $$
# $$ dw = \sum_k dw^{(k)} $$
# This is (apply.1): **the gradients of all uses are added**. `apply` runs an op on
# arrays and `Parameter`s; a Parameter has a `.value`, and a `.grad` to which every
# backward adds.

# %%
w, x, target = Parameter(np.array([1.5])), np.array([0.5]), np.array([2.0])
a, a_backward = apply(product, w, x)
h, h_backward = apply(tanh, a)
y, y_backward = apply(product, w, h)
loss, loss_backward = mse(y, target=target)
dy = loss_backward()                                     # (mse.2)
dh = y_backward(dy)                                      # (product.3), adds to w.grad
second = w.grad
da = h_backward(dh)                                      # (tanh.2)
dx = a_backward(da)                                      # (product.3), adds again
first = w.grad - second
boxes = {"x": (x, dx), "w": (w.value, w.grad), "a": (a, da), "h": (h, dh),
         "y": (y, dy), "L": (loss, 1.0)}
for name, numbers in boxes.items():
    value, gradient = boxes[name] = [float(np.squeeze(number)) for number in numbers]
    print(f"{name}: value {value:7.4f}   gradient {gradient:7.4f}")
slope = speed(lambda w: mse(w * np.tanh(w * x), target=target)[0], w.value, 1.0)
print(f"dw by use {first[0]:.4f} and {second[0]:.4f}; measured {slope:.4f}")
assert np.isclose(w.grad[0], slope, atol=1e-8)

# %%
figure = Figure(figsize=(8.4, 3.9), layout="constrained")
axes = figure.subplots()
axes.set(xlim=(-0.9, 8.9), ylim=(-0.6, 2.6))
axes.axis("off")
places = {"x": (0, 0), "w": (0, 2), "a": (2, 0), "h": (4, 0), "y": (6, 1), "L": (8, 1)}
labels = {"x": "x", "w": "w", "a": "a = w x", "h": "h = tanh a", "y": "y = w h",
          "L": "L (mse)"}
shares = {"wa": first[0], "wy": second[0]}
for arrow in ("xa", "wa", "ah", "hy", "wy", "yL"):
    (x0, y0), (x1, y1) = places[arrow[0]], places[arrow[1]]
    side = np.sign(x1 - x0) * 0.74
    axes.annotate("", (x1 - side, y1 + 0.2 * np.sign(y0 - y1)), (x0 + side, y0),
                  arrowprops={"arrowstyle": "-|>", "color": plots.GRAY, "lw": 1.6})
    if arrow in shares:
        axes.text((x0 + x1) / 2 + 0.2, (y0 + y1) / 2 + 0.15, f"{shares[arrow]:.3f}",
                  color=RED)
for name, (left, bottom) in places.items():
    value, gradient = boxes[name]
    axes.add_patch(FancyBboxPatch((left - 0.66, bottom - 0.38), 1.32, 0.76,
                                  boxstyle="round,pad=0.05", facecolor="white"))
    for down, text, colour in ((-0.22, labels[name], "black"),
                               (0.02, f"{value:.3f}", plots.BLUE),
                               (0.26, f"{gradient:.3f}", RED)):
        axes.text(left, bottom - down, text, ha="center", va="center", color=colour)
axes.text(6.6, 2.2, "value, computed left to right", color=plots.BLUE, ha="center")
axes.text(6.6, 1.9, "gradient, pulled back right to left", color=RED, ha="center")
for text in axes.texts:
    text.set_fontsize(11)
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/02_graph.png")

# %% [markdown]
# ![Six boxes joined by arrows: x and w lead to a, a to h, h and w to y, y to the loss.
# Each box shows its value in blue above its gradient in orange. Two arrows leave w;
# the numbers on them add up to the gradient in its box.](figures/02_graph.png)
#
# The *computational graph*. Two arrows leave w, so two gradients come back, and its box
# holds their sum (apply.1).
#
# ## What people get wrong
# To write the gradient instead of adding it. The last use to come back wins, and the
# other is lost. Nothing raises, and the loss may even fall.

# %%
a, a_backward = product(w.value, x)
h, h_backward = tanh(a)
y, y_backward = product(w.value, h)
dw, dh = y_backward(mse(y, target=target)[1]())
dw, dx = a_backward(h_backward(dh))                      # wrong: dw is overwritten
print(f"overwritten {dw[0]:.4f}, measured {slope:.4f}")
assert np.isclose(dw[0], first[0]) and not np.isclose(dw[0], slope)

# %% [markdown]
# ## Something to try
# Derive the pullbacks of y = x² and of y = u / v; check them with the identity. Then
# let the network use w a third time. What changes in the figure?
