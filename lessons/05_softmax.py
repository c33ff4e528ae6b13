# %% [markdown]
# # Softmax and cross-entropy: choosing among classes
#
# A question has one right answer out of several **classes**. A network gives each class
# a **score** (or logit), any number; `softmax` turns scores into shares that add up to
# 1, and `cross_entropy` says how wrong they are. After this lesson you can derive all
# slopes of both, for many classes and for two, and compute them without an overflow.
#
# The question: why is the gradient of so long a formula one plain difference?

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import binary_cross_entropy, cross_entropy, mse, sigmoid, softmax
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.plots import BLUE

np.set_printoptions(precision=4, suppress=True)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Shares
# e to the score is positive, whatever the score is; over the sum of all it is a share,
# (softmax.1). k and m are places in one row of scores:
# $$ y_k = \frac{e^{x_k}}{\sum_m e^{x_m}} $$

# %%
x = np.array([2.0, 1.0, 0.0, -1.0])
total = sum(np.exp(x[m]) for m in range(4))
loop = np.array([np.exp(x[k]) / total for k in range(4)])  # (softmax.1)
y, backward = softmax(x)
print("scores", x, "shares", y, "their sum", y.sum())
assert np.allclose(y, loop) and np.isclose(y.sum(), 1)
assert np.allclose(y[:-1] / y[1:], np.e)          # a score more by 1, a share e times

# %% [markdown]
# ## The Jacobian
# How does share k move with score m? All these slopes together are the **Jacobian**, a
# square of numbers. Let x move at the speed ẋ. Write Z for the sum. It moves at
# $$ \dot{Z} = \sum_m e^{x_m}\, \dot{x}_m $$
# and by the rule for a fraction
# $$ \dot{y}_k = \frac{e^{x_k}\, \dot{x}_k}{Z} - \frac{e^{x_k}}{Z^2}\, \dot{Z} $$
# Now e over Z is a share again:
# $$ \dot{y}_k = y_k\, \dot{x}_k - y_k \sum_m y_m\, \dot{x}_m $$
# With the switch [k = m] of lesson 3 both terms are one sum:
# $$ \dot{y}_k = \sum_m y_k\, ([k = m] - y_m)\, \dot{x}_m $$
# What stands before ẋ is the Jacobian. It is full: every score moves every share. Each
# slope is also measured: nudge a score up and down, and see what y does.

# %%
jacobian = np.array([[y[k] * ((k == m) - y[m]) for m in range(4)] for k in range(4)])
print("the Jacobian", jacobian, sep="\n")
nudges = 1e-6 * np.eye(4)
slopes = [(softmax(x + nudge)[0] - softmax(x - nudge)[0]) / 2e-6 for nudge in nudges]
assert np.allclose(jacobian, np.transpose(slopes), atol=1e-9)
assert np.allclose(jacobian.sum(axis=0), 0)       # what one share wins, others lose
assert np.allclose(jacobian, jacobian.T)

# %%
figure = Figure(figsize=(8, 3.6), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
left.bar(range(4), y, color=BLUE)
for k in range(4):
    left.text(k, y[k] + 0.01, f"{y[k]:.3f}", ha="center", fontsize=12)
left.set_xticks(range(4), [f"k = {k}\nx = {x[k]:g}" for k in range(4)])
left.set(ylabel="share y", ylim=(0, 0.75), title="softmax")
reach = abs(jacobian).max()
right.imshow(jacobian, cmap="PuOr_r", vmin=-1.6 * reach, vmax=1.6 * reach)
for (k, m), slope in np.ndenumerate(jacobian):
    right.text(m, k, f"{slope:+.3f}", ha="center", va="center", fontsize=11)
right.set(xlabel="score m that moves", ylabel="share k that follows",
          xticks=range(4), yticks=range(4), title="its Jacobian")
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/05_softmax.png")

# %% [markdown]
# ![Left, four bars, the shares of four scores, each about a third of the one before.
# Right, the four by four slopes: positive on the diagonal, negative everywhere else,
# largest where the shares are large.](figures/05_softmax.png)
#
# (softmax.1), all its slopes: a score lifts its own share and lowers all others.
#
# ## Backward
# The gradients (lesson 2) are the numbers for which, however x moves,
# $$ \sum_k dy_k\, \dot{y}_k = \sum_k dx_k\, \dot{x}_k $$
# Put ẏ in, in its form of two terms:
# $$ \sum_k dy_k\, y_k\, \dot{x}_k - \sum_k dy_k\, y_k \sum_m y_m\, \dot{x}_m $$
# Swap the names k and m in the second term; now ẋ has the same subscript in both:
# $$ \sum_k \Big(dy_k\, y_k - y_k \sum_m dy_m\, y_m\Big)\, \dot{x}_k $$
# The bracket is dx, (softmax.2). It needs one sum for each row, and no Jacobian.

# %%
dy = rng.normal(size=4)
inner = sum(dy[m] * y[m] for m in range(4))
loop = np.array([y[k] * (dy[k] - inner) for k in range(4)])   # (softmax.2)
assert np.allclose(backward(dy), loop) and np.allclose(backward(dy), dy @ jacobian)
print("dx", backward(dy), "their sum is 0:", np.isclose(backward(dy).sum(), 0))

# %% [markdown]
# ## The loss
# For each example n the loss looks at the share of the right class l, its **label**: 0
# where that is 1, without end as it nears 0. Scores are now z, shares p,
# (cross_entropy.2), and the loss is the mean, (cross_entropy.1):
# $$ L = -\frac{1}{N} \sum_n \log p_{n,l_n} $$
# The logarithm undoes the e:
# $$ \log p_{n,l_n} = z_{n,l_n} - \log \sum_k e^{z_{nk}} $$
# Let z move. A logarithm moves at the speed of what is in it, over what is in it:
# $$ \dot{L} = -\frac{1}{N} \sum_n
#    \Big(\dot{z}_{n,l_n}
#    - \frac{\sum_o e^{z_{no}}\, \dot{z}_{no}}{\sum_k e^{z_{nk}}}\Big) $$
# The fraction is a sum over o of p times ż. Write the first term as a sum over o, too:
# $$ \dot{z}_{n,l_n} = \sum_o [o = l_n]\, \dot{z}_{no} $$
# so that, times dL,
# $$ dL\, \dot{L}
#    = \sum_{no} \Big(\frac{dL}{N}\, (p_{no} - [o = l_n])\Big)\, \dot{z}_{no} $$
# The bracket is dz, (cross_entropy.3). The row of switches, a single 1 at the right
# class, is **one-hot**. So the gradient is what was said, less what should be.

# %%
z, label = rng.normal(size=(2, 3)), np.array([2, 0])
loss, backward = cross_entropy(z, label=label)
p, dz = np.zeros((2, 3)), np.zeros((2, 3))
for n, o in np.ndindex(2, 3):
    p[n, o] = np.exp(z[n, o]) / sum(np.exp(z[n, k]) for k in range(3))
    dz[n, o] = (p[n, o] - (o == label[n])) / 2             # (cross_entropy.3)
print(f"loss {loss:.4f}")
print("p", p, "one-hot", np.eye(3)[label], "dz", backward(), sep="\n")
assert np.isclose(loss, -np.log(p[0, 2] * p[1, 0]) / 2) and np.allclose(backward(), dz)

# %% [markdown]
# ## Yes or no: one score is enough
# Let the score of no be 0. Then the share of yes is the **sigmoid** of its own score,
# (sigmoid.1), in the loss called p (binary_cross_entropy.2):
# $$ y_k = \frac{e^{x_k}}{e^{x_k} + e^0} = \frac{1}{1 + e^{-x_k}} $$
# $$ \dot{y}_k = \frac{e^{-x_k}\, \dot{x}_k}{(1 + e^{-x_k})^2} $$
# One factor is y, and the other is 1 - y. So, times dy, dx is (sigmoid.2):
# $$ dx_k = dy_k\, y_k\, (1 - y_k) $$
# The truth t is 1 for yes, 0 for no, and chooses one of two logarithms:
# $$ L = -\frac{1}{N} \sum_n \big(t_n \log p_n + (1 - t_n) \log (1 - p_n)\big) $$
# That is (binary_cross_entropy.1). Let p move, and then put in how z moves p:
# $$ \dot{L} = -\frac{1}{N} \sum_n \Big(\frac{t_n}{p_n}
#    - \frac{1 - t_n}{1 - p_n}\Big)\, p_n\, (1 - p_n)\, \dot{z}_n $$
# $$ dL\, \dot{L} = \sum_n \Big(\frac{dL}{N}\, (p_n - t_n)\Big)\, \dot{z}_n $$
# The bracket is dz, (binary_cross_entropy.3): the same plain difference.

# %%
x, t, dy = (rng.normal(size=5), np.array([1.0, 0, 0, 1, 1]), rng.normal(size=5))
y, backward = sigmoid(x)
p = np.array([1 / (1 + np.exp(-x[k])) for k in range(5)])          # (sigmoid.1)
assert np.allclose(y, p) and np.allclose(backward(dy), dy * p * (1 - p))
loss, backward = binary_cross_entropy(x, target=t)
print(f"loss {loss:.4f}, p - t {p - t}, dz {backward()}")
assert np.isclose(loss, -np.log([p[k] if t[k] else 1 - p[k] for k in range(5)]).mean())
assert np.allclose(backward(), (p - t) / 5)
for op, z_, options in ((softmax, z, {}), (cross_entropy, z, {"label": label}),
                        (sigmoid, x, {}), (binary_cross_entropy, x, {"target": t})):
    row, = check(op, z_, rng=rng, **options)
    print(f"{op.__name__:<21}d{row.argument} error {row.error:.0e}")
    assert row.passed

# %% [markdown]
# ## Overflow
# e to a large score is more than the computer can write. But the same number c taken
# from all scores changes nothing in (softmax.1), since it leaves the fraction above and
# below:
# $$ \frac{e^{x_k - c}}{\sum_m e^{x_m - c}}
#    = \frac{e^{-c}\, e^{x_k}}{e^{-c} \sum_m e^{x_m}} $$
# So the largest score is taken off first: all powers are then at most 1, one is 1. And
# where p rounds to 0, z - log Σ e^z is computed, not the logarithm of p.

# %%
high = np.array([[1000.0, 999.0, 0.0]])
with np.errstate(over="ignore", invalid="ignore"):
    naive = np.exp(high) / np.exp(high).sum()
print("naive", naive, "shifted", softmax(high)[0])
assert np.isnan(naive).any()
assert np.allclose(softmax(high)[0][0, :2], softmax(np.array([1.0, 0.0]))[0])
assert cross_entropy(high, label=np.array([2]))[0] > 1000  # log(0) would be infinite

# %% [markdown]
# ## What people get wrong
# **A softmax before the loss.** `cross_entropy` takes scores, and has its softmax
# inside. Given shares, it takes softmax of them. The gradient check passes, but
# even a sure and right answer keeps a loss. What catches it is a look at that value.


# %%
def two_softmaxes(z, *, label):
    p, softmax_backward = softmax(z)
    loss, backward = cross_entropy(p, label=label)
    return loss, lambda dloss=1.0: softmax_backward(backward(dloss))


sure = np.array([[20.0, 0.0, 0.0]])
right, _ = cross_entropy(sure, label=np.array([0]))
twice, _ = two_softmaxes(sure, label=np.array([0]))
print(f"sure and right: loss {right:.9f}, with two softmaxes {twice:.3f}")
assert check(two_softmaxes, z, label=label, rng=rng)[0].passed
assert right < 1e-8 and twice > 0.5

# %% [markdown]
# **The squared error for classes.** Its gradient goes through the Jacobian, which is
# nearly 0 when a share is nearly 1: who is sure and wrong learns nothing.

# %%
p, softmax_backward = softmax(sure)
squared = softmax_backward(mse(p, target=np.array([[0.0, 1.0, 0.0]]))[1]())
_, backward = cross_entropy(sure, label=np.array([1]))
print(f"sure and wrong, the largest slope: squared error {abs(squared).max():.0e}, "
      f"cross-entropy {abs(backward()).max():.3f}")
assert abs(squared).max() < 1e-6 and abs(backward()).max() > 0.9

# %% [markdown]
# ## Something to try
# What is the loss when all scores are equal? Derive it, then print it for 13 classes.
# Take a dy of ones in (softmax.2): what is dx, and what would such a test let pass?
