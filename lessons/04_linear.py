# %% [markdown]
# # Fitting a line: linear, mse and SGD
#
# Some points lie near a line, and a program is to find that line by itself. It takes
# three parts: a **model** with numbers that can be turned (`linear`), a **loss**, one
# number that says how wrong the model is (`mse`), and an **optimiser**, a rule that
# turns the numbers so that the loss sinks (`SGD`). After this lesson you can derive the
# gradients of the first two, train a model, and read the path that training takes.
#
# The question: the gradient says which way is down. Why is it not enough to go there?

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import SGD, Adam, Linear, linear, mse, r_squared
from numnet.module import Parameter
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.plots import BLUE, ORANGE

rng = np.random.default_rng(0)

# %% [markdown]
# ## The affine map
# Each output is a bias and a weighted sum of the inputs, (linear.1):
# $$ y_{no} = b_o + \sum_i x_{ni}\, w_{io} $$
# n counts the **examples**: many are computed at once, a **batch**. i counts the
# inputs of one example, its **features**, o its outputs. Lesson 1 wrote it in loops.

# %%
x = np.array([[1.0, 2, 3], [4, 5, 6]])                     # 2 examples, 3 features
w = np.array([[1.0, 0, 2, 0], [0, 1, 0, 2], [1, 1, 0, 0]])  # to 4 outputs
b = np.array([0.0, 10, 20, 30])
y, backward = linear(x, w, b)
print("y", y, sep="\n")
assert y[1, 2] == b[2] + sum(x[1, i] * w[i, 2] for i in range(3))  # (linear.1)

# %% [markdown]
# Let x, w and b move, at the speeds ẋ, ẇ, ḃ. By the product rule y moves at
# $$ \dot{y}_{no} = \dot{b}_o + \sum_i \dot{x}_{ni}\, w_{io}
#    + \sum_i x_{ni}\, \dot{w}_{io} $$
# The gradients (lesson 2) are the numbers for which, however x, w and b move,
# $$ \langle dy, \dot{y} \rangle = \langle dx, \dot{x} \rangle
#    + \langle dw, \dot{w} \rangle + \langle db, \dot{b} \rangle $$
# Multiply ẏ by dy, add up over n and o, and sort by what moves. The bias:
# $$ \sum_{no} dy_{no}\, \dot{b}_o = \sum_o \Big(\sum_n dy_{no}\Big)\, \dot{b}_o $$
# The bracket is db, (linear.4). The weights:
# $$ \sum_{no} dy_{no} \sum_i x_{ni}\, \dot{w}_{io}
#    = \sum_{io} \Big(\sum_n x_{ni}\, dy_{no}\Big)\, \dot{w}_{io} $$
# The bracket is dw, (linear.3). And the input:
# $$ \sum_{no} dy_{no} \sum_i \dot{x}_{ni}\, w_{io}
#    = \sum_{ni} \Big(\sum_o dy_{no}\, w_{io}\Big)\, \dot{x}_{ni} $$
# The bracket is dx, (linear.2). Which letters are summed says where a gradient comes
# from: db and dw from all examples, dx from its own example alone.

# %%
dy = np.array([[1.0, 0, 0, 0], [0, 0, 10, 100]])
dx, dw, db = np.zeros((2, 3)), np.zeros((3, 4)), np.zeros(4)
for n, o in np.ndindex(dy.shape):
    db[o] += dy[n, o]                                      # (linear.4)
    for i in range(3):
        dw[i, o] += x[n, i] * dy[n, o]                     # (linear.3)
        dx[n, i] += dy[n, o] * w[i, o]                     # (linear.2)
print("dx", dx, "dw", dw, "db", db, sep="\n")
for ours, loops in zip(backward(dy), (dx, dw, db)):
    assert np.array_equal(ours, loops)

# %% [markdown]
# ## The loss
# The mean of the squared differences from the truth t, (mse.1), where n now runs over
# all N entries:
# $$ L = \frac{1}{N} \sum_n (y_n - t_n)^2 $$
# A square grows by twice its root times the speed of the root:
# $$ \dot{L} = \frac{1}{N} \sum_n 2\, (y_n - t_n)\, \dot{y}_n $$
# L is one number, so on the side of the output there is one product:
# $$ dL\, \dot{L} = \sum_n \Big(dL\, \frac{2}{N}\, (y_n - t_n)\Big)\, \dot{y}_n $$
# The bracket is dy, (mse.2). Here every backward pass begins, with dL = 1.

# %%
y, t = np.array([1.0, 2, 4]), np.array([1.0, 0, 5])
loss, backward = mse(y, target=t)
print(f"loss {loss:.4f}, dy {backward().round(4)}")
assert np.isclose(loss, sum((y[n] - t[n]) ** 2 for n in range(3)) / 3)
assert np.allclose(backward(), [2 / 3 * (y[n] - t[n]) for n in range(3)])
for op, args, options in ((linear, (x, w, b), {}), (mse, (y,), {"target": t})):
    for row in check(op, *args, rng=rng, **options):
        print(f"{op.__name__:<7}d{row.argument} error {row.error:.0e}")
        assert row.passed

# %% [markdown]
# ## Down the slope
# If the weights move against their gradient, ẇ = -dw, the loss moves at
# $$ \dot{L} = \langle dw, \dot{w} \rangle = -\sum_{io} dw_{io}^2 $$
# That is never positive: a step that is short enough leads down. **Gradient descent**
# repeats it. It is **stochastic** (SGD) when each step looks at a few examples, drawn
# at random, instead of all: cheaper, and right on average. The step is (sgd.3), with
# v = dw at first:
# $$ w \leftarrow w - \alpha\, v $$
# α is the **learning rate**. It must be small where the slope changes fast; then it is
# too small where the slope is gentle, and a valley is both: steep across, gentle along.
# So v is given **momentum**, as a ball has: it keeps a share μ of what it was, (sgd.2):
# $$ v \leftarrow \mu\, v + g $$
# Across the valley the gradients g change sign, and cancel; along it they add up. (g is
# dw, or more where the weights are to stay small, (sgd.1): that share λ is 0 here.)
#
# `Linear` is `linear` as a **layer**: it owns its w and b, and its backward adds to
# their `.grad` and returns dx alone. `SGD` does (sgd.1) to (sgd.3) for each of them.


# %%
x = rng.uniform(0, 3, size=(64, 1)).astype(np.float32)
t = 2 * x - 1 + rng.normal(0, 0.3, size=x.shape).astype(np.float32)
best = np.linalg.lstsq(np.hstack([x, np.ones_like(x)]), t, rcond=None)[0].ravel()


def train(momentum, lr=0.02, steps=60, forget=True):
    """The path of (w, b), a row for each step, from (-1, 3)."""
    rng, layer = np.random.default_rng(1), Linear(1, 1, np.random.default_rng(1))
    layer.w.value, layer.b.value = np.float32([[-1]]), np.float32([3])
    optimiser, path = SGD(layer.parameters(), lr=lr, momentum=momentum), []
    for _ in range(steps):
        path.append((layer.w.value.item(), layer.b.value.item()))
        few = rng.choice(len(x), size=16, replace=False)
        y, backward = layer(x[few])
        _, loss_backward = mse(y, target=t[few])
        if forget:
            layer.zero_grad()
        backward(loss_backward())                          # adds to w.grad and b.grad
        optimiser.step()
    return np.array(path)


def loss_at(w, b):
    return ((x * w + b - t) ** 2).mean()


paths = {"without momentum": train(0.0), "with momentum 0.9": train(0.9)}
for name, path in paths.items():
    print(f"{name}: loss {loss_at(*path[0]):.2f} -> {loss_at(*path[-1]):.3f}, "
          f"(w, b) = ({path[-1][0]:.2f}, {path[-1][1]:.2f})")
said = (x * best[0] + best[1]).ravel()
R = 1 - loss_at(*best) / ((t - t.mean()) ** 2).mean()
print(f"the best line has loss {loss_at(*best):.3f}, (w, b) = "
      f"({best[0]:.2f}, {best[1]:.2f}), R² {R:.3f}")
assert np.isclose(R, r_squared(said, t.ravel()), atol=1e-5)
gap = [loss_at(*path[-1]) - loss_at(*best) for path in paths.values()]
assert gap[1] < gap[0] / 10

# %%
figure = Figure(figsize=(8, 5), layout="constrained")
axes = figure.subplots()
ws, bs = np.meshgrid(np.linspace(-1.6, 4.2, 120), np.linspace(-3, 3.5, 120))
surface = (((x[:, :, None] * ws + bs) - t[:, :, None]) ** 2).mean(axis=0)
lines = axes.contour(ws, bs, surface, np.geomspace(0.15, 40, 10), colors="#999999",
                     linewidths=0.8)
axes.clabel(lines, fmt="%.2g", fontsize=8)
for (name, path), color, sign in zip(paths.items(), (BLUE, ORANGE), "os"):
    axes.plot(*path.T, sign + "-", color=color, ms=4, lw=1.2, label=name)
axes.plot(*best, "k*", ms=14, label="the least loss")
axes.set(xlabel="w", ylabel="b", title="the loss, and two paths of SGD on it")
axes.legend()
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/04_linear.png")

# %% [markdown]
# ![The lines of equal loss are long ellipses, a valley from upper left to lower right.
# SGD without momentum falls to the floor of the valley and then creeps along it;
# with momentum it swings past the floor, comes back, and ends near the
# minimum.](figures/04_linear.png)
#
# A mark for each step (sgd.3), over the loss (mse.1). More of w can be paid for by less
# of b: that makes the valley. R² is 1 less the loss over that of the best flat line, so
# 1 is all and 0 is nothing (r_squared.1).
#
# ## Adam
# One α for all weights is too large for some, too small for others. **Adam** divides
# each weight's gradient by its own usual size. m is a running mean of the gradient
# (adam.1), v of its square (adam.2); both are 0 at first:
# $$ m \leftarrow \beta_1\, m + (1 - \beta_1)\, dw $$
# $$ v \leftarrow \beta_2\, v + (1 - \beta_2)\, dw^2 $$
# At step k the gradients seen have weights that add up to 1 - β to the power k, less
# than 1; (adam.3) makes up for it. Then the step is (adam.4), with ε against 0 / 0:
# $$ u = \frac{m / (1 - \beta_1^k)}{\sqrt{v / (1 - \beta_2^k)} + \epsilon} $$
# $$ w \leftarrow w - \alpha\, (u + \lambda\, w) $$
# Two steps on one number, and the package's. The first is α long, however large dw is:

# %%
w, m, v, p = 1.0, 0.0, 0.0, Parameter(np.array([1.0]))
adam = Adam([p], lr=0.1, betas=(0.9, 0.999), eps=1e-8)    # λ is 0
for k, dw in enumerate((500.0, 20.0), 1):
    m = 0.9 * m + 0.1 * dw                                 # (adam.1)
    v = 0.999 * v + 0.001 * dw ** 2                        # (adam.2)
    u = m / (1 - 0.9 ** k) / ((v / (1 - 0.999 ** k)) ** 0.5 + 1e-8)   # (adam.3)
    w = w - 0.1 * u                                        # (adam.4)
    p.grad = np.array([dw])
    adam.step()
    print(f"step {k}: m {m:.1f}, v {v:.1f}, u {u:.3f}, w {w:.4f}")
    assert np.isclose(p.value[0], w) and (k > 1 or np.isclose(w, 0.9))

# %% [markdown]
# ## What people get wrong
# **To keep old gradients.** A backward adds to `.grad`, (apply.1). Without `zero_grad`
# each step repeats all gradients before it: (sgd.2) with μ = 1, a ball without
# friction, which swings from side to side and does not come to rest.

# %%
kept = train(0.0, forget=False)
late = [loss_at(*place) for place in kept[-30:]]
print(f"in the second half the loss goes from {min(late):.2f} to {max(late):.2f}")
assert max(late) > 10 * min(late) and max(late) > loss_at(*kept[0]) / 2

# %% [markdown]
# ## Something to try
# - Find by halving the largest learning rate that does not explode, with and without
#   momentum.
# - Subtract the mean of x from x before training. What becomes of the valley, and why?
