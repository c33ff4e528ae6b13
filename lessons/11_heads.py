# %% [markdown]
# # Many heads, and a transformer block
# You will be able to build a transformer block from its parts, to derive the backward
# of layer norm, and to see what each head looks at.
#
# In lesson 10 each word took *one* mean. **How can a word look at two places for two
# reasons?** By several *heads*: each is an attention of its own, on a part of the
# features. A block adds *layer norm*, which keeps numbers in size, and the *residual*,
# a straight way past each layer.
#
# ## Heads are parts of the features
# $$ y_{nmti} = x_{n,\,t,\,mI+i} $$
# Head m gets the features from m I on (split_heads.1); afterwards they are laid side by
# side again (merge_heads.1). Each number goes to one place, so ẏ is ẋ moved, and dx is
# dy moved back (split_heads.2), (merge_heads.2).

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import (Adam, Embedding, EncoderBlock, Linear, MultiHeadAttention,
                    Positions, Residual, Sequential, add_positions, attention,
                    cross_entropy, layer_norm, mask_of, sinusoids, split_heads, tanh)
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.stepper import watch

rng = np.random.default_rng(0)
x = np.arange(12.0).reshape(1, 3, 4)                     # one text, 3 words, 4 features
split, _ = split_heads(x, heads=2)
print(x[0], "\nhead 0\n", split[0, 0], "\nhead 1\n", split[0, 1])
for m, t, i in np.ndindex(2, 3, 2):
    assert split[0, m, t, i] == x[0, t, 2 * m + i]

# %% [markdown]
# The whole layer: queries, keys and values are linear maps (linear.1) of x; each head
# attends (attention.3); a last linear map mixes the heads.

# %%
x = rng.normal(size=(2, 5, 6))
layer = MultiHeadAttention(6, 3, rng)
q, k, v = (x @ each.w.value + each.b.value for each in (layer.q, layer.k, layer.v))
heads = [attention(*(each[..., 2 * m:2 * m + 2] for each in (q, k, v)))[0]
         for m in range(3)]
by_hand = np.concatenate(heads, axis=-1) @ layer.o.w.value + layer.o.b.value
y, backward = layer(x)
assert np.allclose(y, by_hand)
rows = check(layer, x, rng=rng)
assert all(row.passed for row in rows), rows

# %% [markdown]
# Here x is used three times, as query, key and value. So its gradient is the sum of
# three, as for a weight that is used twice (apply.1).
#
# ## Layer norm
# Each row gets mean 0 (layer_norm.1) and variance about 1 (layer_norm.2, layer_norm.3);
# then each feature its own scale and shift (layer_norm.4):
# $$ m_n = \frac{1}{O} \sum_o x_{no} $$
# $$ r_n = \Big(\epsilon + \frac{1}{O} \sum_o (x_{no} - m_n)^2\Big)^{-1/2} $$
# $$ u_{no} = r_n\, (x_{no} - m_n) $$
# $$ y_{no} = u_{no}\, w_o + b_o $$
# The last line is linear's, entry by entry: du (layer_norm.5), dw (layer_norm.9) and db
# (layer_norm.10) are dy times w, the sum of dy times u, the sum of dy. In u, x moves
# three things, since m and r move too:
# $$ \dot{u}_{no} = \dot{r}_n\, (x_{no} - m_n) + r_n\, (\dot{x}_{no} - \dot{m}_n) $$
# The mean is linear:
# $$ \dot{m}_n = \frac{1}{O} \sum_k \dot{x}_{nk} $$
# r is a power -1/2; the rows of x - m add up to 0, so the mean's own change drops out:
# $$ \dot{r}_n = -r_n^3\, \frac{1}{O} \sum_k (x_{nk} - m_n)\, \dot{x}_{nk} $$
# Write u for r (x - m), twice:
# $$ \dot{r}_n\, (x_{no} - m_n)
# = -r_n\, u_{no}\, \frac{1}{O} \sum_k u_{nk}\, \dot{x}_{nk} $$
# Put both in, multiply by du, sum, and swap the names o and k in the double sums:
# $$ \sum_{no} du_{no}\, \dot{u}_{no} = \sum_{no} \dot{x}_{no}\, r_n
# \Big(du_{no} - \frac{1}{O} \sum_k du_{nk}
# - u_{no}\, \frac{1}{O} \sum_k du_{nk}\, u_{nk}\Big) $$
# What stands at x is dx (layer_norm.8); the two means are a (layer_norm.6) and c
# (layer_norm.7).

# %%
x, w, b = rng.normal(size=(2, 4)), rng.normal(size=4), rng.normal(size=4)
dy, eps = rng.normal(size=(2, 4)), 1e-5
dx, dw, db = np.zeros((2, 4)), np.zeros(4), np.zeros(4)
for n in range(2):
    m = sum(x[n]) / 4
    r = (eps + sum((x[n, o] - m) ** 2 for o in range(4)) / 4) ** -0.5
    u = [r * (x[n, o] - m) for o in range(4)]
    du = [dy[n, o] * w[o] for o in range(4)]             # (layer_norm.5)
    a, c = sum(du) / 4, sum(du[o] * u[o] for o in range(4)) / 4
    for o in range(4):
        dx[n, o] = r * (du[o] - a - u[o] * c)            # (layer_norm.8)
        dw[o] += dy[n, o] * u[o]                         # (layer_norm.9)
        db[o] += dy[n, o]                                # (layer_norm.10)
y, backward = layer_norm(x, w, b)
print("dx\n", dx.round(3), "\nits rows add up to", np.abs(dx.sum(axis=1)).round(12))
assert all(np.allclose(*each) for each in zip((dx, dw, db), backward(dy), strict=True))
assert np.allclose(dx.sum(axis=1), 0)
assert all(row.passed for row in check(layer_norm, x, w, b, rng=rng))

# %% [markdown]
# A shift of a whole row changes nothing in y: so the rows of dx add up to 0.
#
# ## The residual
# $$ y_{nto} = x_{nto} + f_{nto}(\mathrm{norm}(x)) $$
# By (residual.1) dx is dy itself, and what comes back through f (residual.2). However
# deep, dy arrives whole. Sixteen layers of small weights, without and with it:

# %%
layers = [Sequential(Linear(8, 8, rng), tanh) for _ in range(16)]
for each in layers:
    each.layers[0].w.value = each.layers[0].w.value / 4
size, x, dy = {}, rng.normal(size=(1, 5, 8)), rng.normal(size=(1, 5, 8))
for name, tower in (("plain", Sequential(*layers)),
                    ("residual", Sequential(*(Residual(8, f) for f in layers)))):
    size[name] = np.abs(tower(x)[1](dy)).mean()
    print(f"{name}: mean |dy| {np.abs(dy).mean():.2f}, mean |dx| {size[name]:.1e}")
assert size["plain"] < 1e-4 and size["residual"] > 0.1

# %% [markdown]
# ## The block
# Attention in a residual, then two linear maps with a relu in another: `EncoderBlock`.
# The mask of lesson 10 hides padding: what stands there must not reach a word.

# %%
block, lengths = EncoderBlock(4, 2, 6, rng), np.array([3, 5])
x = rng.normal(size=(2, 5, 4))
mask = mask_of(lengths, 5)
other = np.where(np.arange(5)[:, None] < lengths[:, None, None], x, 9.0)
assert np.allclose(block(x, mask=mask)[0][0, :3], block(other, mask=mask)[0][0, :3])
assert not np.allclose(block(x)[0][0, :3], block(other)[0][0, :3])
assert all(row.passed for row in check(block, x, rng=rng, mask=mask))

# %% [markdown]
# ## What two heads look at
# A task for two reasons: at each of six letters, name the letter *before* (before the
# first: the last) and the *first* letter. A letter is a number, for which `Embedding`
# looks up a learned vector (lesson 12). Attention does not know about order, so each
# place gets a vector w of its own, that is added (add_positions.1):
# $$ y_{nto} = x_{nto} + w_{to} $$
# So dx is dy (add_positions.2), and dw its sum over the texts n (add_positions.3). They
# are learned, or they are waves, from fast to slow, (sinusoids.1) and (sinusoids.2):
# $$ w_{t,2k} = \sin \frac{t}{10000^{2k/O}} $$
# $$ w_{t,2k+1} = \cos \frac{t}{10000^{2k/O}} $$
# One layer of attention on learned positions, with one head, then with two:

# %%
waves, x, dy = sinusoids(7, 4), *rng.normal(size=(2, 3, 5, 4))
for t, k in np.ndindex(7, 2):
    angle = t / 10000 ** (2 * k / 4)
    assert np.allclose(waves[t, 2 * k:2 * k + 2], [np.sin(angle), np.cos(angle)])
dx, dw = add_positions(x, waves)[1](dy)
assert np.array_equal(dx, dy) and np.allclose(dw[:5], sum(dy)) and not dw[5:].any()

maps, losses = [], {}
for heads in (1, 2):
    model = Sequential(Embedding(6, 32, rng), Positions(6, 32, rng),
                       MultiHeadAttention(32, heads, rng), Linear(32, 12, rng))
    optimizer = Adam(model.parameters(), lr=0.01)
    for _ in range(400):
        ids = rng.integers(6, size=(32, 6))
        first = np.broadcast_to(ids[:, :1], ids.shape)
        label = np.stack([np.roll(ids, 1, axis=1), first], axis=2).ravel()
        z, backward = model(ids)
        losses[heads], loss_back = cross_entropy(z.reshape(-1, 6), label=label)
        model.zero_grad()
        backward(loss_back().reshape(z.shape))
        optimizer.step()
    with watch("attention.2") as steps:
        model(np.arange(6)[None])
    maps += list(steps[0].arrays["p"][0])
print("loss with one head and with two:", {k: f"{v:.5f}" for k, v in losses.items()})
assert losses[2] < losses[1] / 100
before = [p[np.arange(1, 6), np.arange(5)].mean() for p in maps[1:]]
first = [p[1:, 0].mean() for p in maps[1:]]
print("the letter before gets", np.round(before, 2), "the first", np.round(first, 2))
assert np.argmax(before) != np.argmax(first) and min(max(before), max(first)) > 0.6

# %%
Path("figures").mkdir(exist_ok=True)
figure = Figure(figsize=(8.4, 3.4), layout="constrained")
titles = ("one head", "two heads: head 0", "two heads: head 1")
for axes, p, title in zip(figure.subplots(1, 3), maps, titles):
    axes.imshow(p, cmap="Blues", vmin=0, vmax=1)
    for (t, u), share in np.ndenumerate(p):
        axes.text(u, t, f"{share:.2f}", ha="center", va="center", fontsize=8,
                  color="white" if share > 0.5 else "black")
    axes.set(xlabel="key u", ylabel="query t", title=title, xticks=range(6),
             xticklabels="abcdef", yticks=range(6), yticklabels="abcdef")
plots.save(figure, "figures/11_heads.png")

# %% [markdown]
# ![Three tables of six letters by six. The one head is dark left of the diagonal, but
# puts some of each row elsewhere; of the two heads one is dark in the first column, the
# other left of the diagonal.](figures/11_heads.png)
#
# The shares (attention.2), read by `watch`. One head takes one mean, so it must mix
# both reasons. Two heads share the work, and nobody told them how.
#
# ## What people get wrong
# **Heads cut by a reshape alone.** Shape and gradient are right, but words are mixed.
# The value must be held against the formula (split_heads.1).

# %%


def mixed(x, *, heads):
    n, t, o = x.shape
    return x.reshape(n, heads, t, o // heads).copy(), lambda dy: dy.reshape(x.shape)


wrong, _ = mixed(np.arange(12.0).reshape(1, 3, 4), heads=2)
print("head 0 is now\n", wrong[0, 0])
assert wrong.shape == split.shape and not np.array_equal(wrong, split)

# %% [markdown]
# ## Something to try
# Take the positions away: how small does the loss become, and why not smaller? Then
# take m and r for constants, dx = r du, and read what `check` says.
