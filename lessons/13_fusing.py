# %% [markdown]
# # Fusing: features, representations, interaction
# You will be able to join what is seen with what is read in several ways, to derive
# their backward passes, and to say which questions a way can never answer.
#
# A convolution gives a picture's features u, a recurrent network a text's features v.
# **How do two vectors become one answer?** Such a joint is called a **fusion**. On the
# *feature level* the finished vectors are put together:
# $$ y_{nk} = u_{nk} \; (k < U), \quad y_{nk} = v_{n,k-U} \; (k \ge U) $$
# Side by side (concatenate.1), U features of u first.
# $$ y_{no} = \frac{1}{2} (u_{no} + v_{no}) $$
# $$ y_{no} = u_{no}\, v_{no} $$
# $$ y_{no} = g_{no}\, u_{no} + (1 - g_{no})\, v_{no} $$
# The mean (average.1); the product (product.1), where one scales the other; the blend
# (blend.1): a *gate* g, between 0 and 1, sets each feature's proportion.

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import (Adam, Average, Concatenation, CrossAttention, GatedSum, Linear,
                    Product, Sequential, SharedEncoder, average, blend, concatenate,
                    contrastive, l2_normalize, product, recall_at, sigmoid)
from numnet.models import FusionClassifier, JointEmbedding, TextEncoder
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.spread import shaken
from numnet.study.stepper import watch
from numnet.tasks import ANSWER, Binary, Match
from numnet.training import train_step

rng = np.random.default_rng(0)


def learn(model, task, inputs, label, steps, lr=0.03):
    adam = Adam(model.parameters(), lr=lr)
    return [train_step(model, adam, inputs, label, task=task)[0] for _ in range(steps)]


u, v, g = (np.array([row]) for row in ([1.0, 2.0], [3.0, -4.0], [0.25, 0.75]))
y = {concatenate: [u[0, k] if k < 2 else v[0, k - 2] for k in range(4)],
     average: [(u[0, o] + v[0, o]) / 2 for o in range(2)],
     product: [u[0, o] * v[0, o] for o in range(2)],
     blend: [g[0, o] * u[0, o] + (1 - g[0, o]) * v[0, o] for o in range(2)]}
for op, loops in y.items():
    args = (u, v, g) if op is blend else (u, v)
    print(f"{op.__name__}: {[float(each) for each in loops]}")
    assert np.allclose(op(*args)[0], [loops])
    assert all(row.passed for row in check(op, *args, rng=rng))

# %% [markdown]
# ## Backwards, one step a line
# ⟨dy, ẏ⟩ = Σ⟨dx, ẋ⟩, as in lesson 2. In (concatenate.1) each entry of y is one entry of
# u or v, so its gradient is that entry's: (concatenate.2), (concatenate.3). In
# (average.1) each has half of it: (average.2), (average.3). In a product each has dy
# times the other, (product.2), (product.3), as lesson 2 derived. In the blend three
# change, and the gate stands in two places:
# $$ \dot{y}_{no} = g_{no}\, \dot{u}_{no} + (1 - g_{no})\, \dot{v}_{no}
#    + (u_{no} - v_{no})\, \dot{g}_{no} $$
# Multiplied by dy, the three terms are (blend.2), (blend.3) and (blend.4).
#
# ## What a sum can never say
# A picture has one of four colours, and a question names one: is it there? Yes on the
# diagonal of the table of all pairs. Behind each fusion stands one linear score, which
# says yes above 0. After concatenation the score is a part from the picture i plus a
# part from the text j. So, whatever the weights are,
# $$ s_{ii} + s_{jj} = s_{ij} + s_{ji} $$
# The left should be above 0 and the right below: no training can get there. The
# average is such a sum too. We train all four on all 16 pairs; `GatedSum` is a blend
# whose gate both set. A `FusionClassifier` is two encoders, a fusion, a score; `Binary`
# is the loss (binary_cross_entropy.1); `train_step` goes forward, backward, a step.

# %%
colours, tables = ["red", "blue", "teal", "gray"], {}
words = {"ids": np.arange(4)[:, None], "lengths": np.ones(4, int)}      # one a text
pairs = words | {"images": np.eye(4), "image": np.repeat(np.arange(4), 4),
                 "question": np.tile(np.arange(4), 4)}
for kind in (Concatenation, Average, Product, GatedSum):
    fusion = kind(8, 8, rng)
    model = FusionClassifier(Linear(4, 8, rng), TextEncoder("rnn", 4, 4, 8, rng),
                             fusion, Linear(fusion.width, 1, rng))
    losses = learn(model, Binary(), pairs, np.eye(4).ravel(), 400)
    s = model(**pairs)[0].reshape(4, 4)
    tables[kind.__name__], right = sigmoid(s)[0], int(((s > 0) == np.eye(4)).sum())
    print(f"{kind.__name__}: loss {losses[-1]:.3f}, {right} of 16 right")
    additive = np.allclose(s[0, 0] + s[1, 1], s[0, 1] + s[1, 0], atol=1e-4)
    assert additive == (kind in (Concatenation, Average)) == (right < 16)

# %%
figure = Figure(figsize=(7, 2.5), layout="constrained")
for axes, (name, p) in zip(figure.subplots(1, 4, sharey=True), tables.items()):
    axes.imshow(p, cmap="Blues", vmin=0, vmax=1)
    for (i, j), share in np.ndenumerate(p):
        axes.text(j, i, f"{share:.2f}", ha="center", va="center", fontsize=8,
                  color="white" if share > 0.5 else "black")
    axes.set(title=name, xticks=range(4), xticklabels=colours,
             yticks=range(4), yticklabels=colours)
figure.supxlabel("the question names (column), the picture shows (row)", fontsize=9)
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/13_fusing.png")

# %% [markdown]
# ![Four tables of chances of yes. Concatenation and Average say the same everywhere;
# Product and GatedSum are dark on the diagonal, pale elsewhere.](figures/13_fusing.png)
#
# *The chance of yes after (concatenate.1), (average.1), (product.1) and (blend.1).* So
# concatenation wants a hidden layer behind it, as the networks of this package have.
#
# ## Representation level: one network reads both
# `SharedEncoder` sends both through the same weights w, which get the gradients of both
# uses, added (apply.1). Or each keeps its own network, and the loss demands one **joint
# embedding**: of n pairs, the picture must be closest to its own text. Directions are
# compared: each row is divided by its length, (l2_normalize.1) and (l2_normalize.2):
# $$ r_n = \Big(\epsilon + \sum_o x_{no}^2\Big)^{-1/2} $$
# $$ y_{no} = r_n\, x_{no} $$
# r is a power -1/2; write y for r x, twice:
# $$ \dot{r}_n = -r_n^3 \sum_k x_{nk}\, \dot{x}_{nk} $$
# $$ \dot{y}_{no} = r_n\, \dot{x}_{no} - r_n\, y_{no} \sum_k y_{nk}\, \dot{x}_{nk} $$
# Multiply by dy, sum, swap the names o and k in the double sum. So (l2_normalize.3) and
# (l2_normalize.4), where what lies along y is out: a longer row is the same y.
# $$ c_n = \sum_o dy_{no}\, y_{no} $$
# $$ dx_{no} = r_n\, (dy_{no} - c_n\, y_{no}) $$
# The scores are (contrastive.1), with a learned s:
# $$ z_{nk} = e^s \sum_o u_{no}\, v_{ko} $$
# With shares p along rows and q down columns, the right answer of each is the diagonal.
# The loss (contrastive.4) is the mean of two cross-entropies, (contrastive.2) and
# (contrastive.3). Each gives share minus one-hot (lesson 5), halved: (contrastive.5).
# $$ L = -\frac{1}{2N} \sum_n (\log p_{nn} + \log q_{nn}) $$
# $$ dz_{nk} = \frac{1}{2N}\, (p_{nk} + q_{nk} - 2\, [n = k]) $$
# In the scores three change:
# $$ \dot{z}_{nk} = e^s \sum_o (\dot{u}_{no}\, v_{ko} + u_{no}\, \dot{v}_{ko})
#    + z_{nk}\, \dot{s} $$
# Multiply by dz, sum over n and k, and sort: (contrastive.6) to (contrastive.8).

# %%
(x, v), s, N = rng.normal(size=(2, 4, 3)), np.array(0.7), 4
(u, u_back), e = l2_normalize(x), np.exp(s)
z = np.array([[e * sum(u[n] * v[k]) for k in range(N)] for n in range(N)])
p, q = (np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True) for axis in (1, 0))
loss, backward = contrastive(u, v, s)
assert np.isclose(loss, -sum(np.log(p[n, n] * q[n, n]) for n in range(N)) / (2 * N))
(du, dv, ds), dz = backward(), (p + q - 2 * np.eye(N)) / (2 * N)       # (contrastive.5)
for n, o in np.ndindex(x.shape):
    assert np.isclose(du[n, o], e * sum(dz[n] * v[:, o]))              # (contrastive.6)
    assert np.isclose(dv[n, o], e * sum(dz[:, n] * u[:, o]))           # (contrastive.7)
    r, c = sum(x[n] ** 2) ** -0.5, sum(du[n] * u[n])
    assert np.isclose(u_back(du)[n, o], r * (du[n, o] - c * u[n, o]))
assert np.isclose(ds, (dz * z).sum()) and np.allclose((u * u).sum(axis=1), 1)
for op, args in ((l2_normalize, (x,)), (contrastive, (u, v, s))):
    assert all(row.passed for row in check(op, *args, rng=rng))

# %% [markdown]
# How good is it? b counts the texts that score no less than the right one
# (recall_at.1), and **recall at k** is the share of pictures with fewer than k of these
# (recall_at.2).

# %%
model = JointEmbedding(Linear(6, 3, rng), TextEncoder("rnn", 4, 4, 3, rng))
four = words | {"images": rng.normal(size=(4, 6))}
for steps in (0, 150):
    losses = learn(model, Match(model), four, np.arange(4), steps)
    (u, v), _ = model(**four)
    z = u @ v.T
    b = [sum(int(z[n, j] >= z[n, n]) for j in range(4) if j != n) for n in range(4)]
    print(f"after {steps} steps: b {b}, recall at 1 {recall_at(z, 1):.2f}")
    assert recall_at(z, 2) == np.mean([each < 2 for each in b])
print(f"loss {losses[0]:.2f}, then {losses[-1]:.4f}; blind {np.log(4):.2f}, log 4")
assert losses[-1] < 0.1 < losses[0] and recall_at(z, 1) == 1

# %% [markdown]
# ## Interaction level: each word looks at the places
# `CrossAttention` asks earlier: queries from the words, keys and values from the places
# (attention.1). Backwards, dk and dv go to the picture, dq to the text. We train it on
# three places of one coloured shape each; the word names a shape, the answer is its
# colour.

# %%
n, asked = np.arange(600), rng.integers(3, size=600)
shape = rng.permuted(np.tile(np.arange(3), (600, 1)), axis=1)    # one at each place
colour = rng.integers(4, size=(600, 3))
where = (shape == asked[:, None]).argmax(axis=1)
data = words | {"images": concatenate(np.eye(3)[shape], np.eye(4)[colour])[0],
                "image": n, "question": asked}
train = data | {"image": n[:300], "question": asked[:300]}
model = FusionClassifier(Sequential(), TextEncoder("rnn", 4, 8, 8, rng, pooled=False),
                         CrossAttention(7, 8, rng, heads=1), Linear(8, 4, rng))
learn(model, ANSWER, train, colour[n, where][:300], 200, lr=0.02)
with watch("attention.2") as steps:
    z, _ = model(**data)
right = np.mean((z.argmax(axis=1) == colour[n, where])[300:])
share = steps[0].arrays["p"][n, 0, 0, where][300:].mean()
print(f"new ones right {right:.3f}; share of the right place {share:.2f}")
assert right > 0.95 and share > 0.5

# %% [markdown]
# ## What people get wrong
# *The last branch wins.* Shared weights get the gradient of one use, written over the
# other's. The gradient check sees it, and passes `SharedEncoder`:

# %%


def wrong(u, v, w):
    return concatenate(u @ w, v @ w)[0], lambda dy: (
        dy[:, :2] @ w.T, dy[:, 2:] @ w.T, v.T @ dy[:, 2:])      # w also serves u


args = [rng.normal(size=size) for size in ((4, 3), (4, 3), (3, 2))]
passed = {f"d{row.argument}": row.passed for row in check(wrong, *args, rng=rng)}
print(passed)
assert passed == {"du": True, "dv": True, "dw": False}
shared = shaken(SharedEncoder(3, 3, rng), rng)       # no sum at 0, where relu bends
assert all(row.passed for row in check(shared, *args[:2], rng=rng))

# %% [markdown]
# ## Something to try
# Put a `relu` and a second `Linear` behind the concatenation: how narrow may it be?
# Then add `SharedEncoder` to the four. Is it a sum, or not? Say first, then train.
