# %% [markdown]
# # Attention, one head, by hand
#
# You will be able to compute attention with a pencil, to derive its backward pass, and
# to hide what must not be seen.
#
# In the LSTM of lesson 9, what the first word said must survive every later step.
# **How can a word look at any other word directly?** It asks a *query*. Every word
# shows a *key*, and holds a *value*. Where query and key are alike, much of the value
# is taken. Queries t, keys u:
# $$ s_{tu} = \frac{1}{\sqrt{I}} \sum_i q_{ti}\, k_{ui} $$
# The score (attention.1) says how alike they are; I is the number of features i. A
# bias of each pair may be added to it: lesson 20 does, here it is 0.
# $$ p_{tu} = \frac{a_{tu}\, e^{s_{tu}}}{\sum_m a_{tm}\, e^{s_{tm}}} $$
# The share (attention.2) is the softmax of lesson 5, along the keys. The *mask* a is 1
# where t may look at u, else 0.
# $$ y_{to} = \sum_u p_{tu}\, v_{uo} $$
# The output (attention.3) is a mean of the values, weighed by the shares.

# %%
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import attention, mask_of, softmax
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.stepper import watch

rng = np.random.default_rng(0)

# %% [markdown]
# ## The loops that are the formula
# Two queries, three keys, two features. The first query is like the first key.

# %%
q = np.array([[2.0, 0.0], [0.0, 2.0]])                   # (t, i)
k = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])       # (u, i)
v = np.array([[10.0, 0.0], [0.0, 10.0], [5.0, 5.0]])     # (u, o)


def loops(q, k, v, a):
    p, y = np.zeros((len(q), len(k))), np.zeros((len(q), v.shape[1]))
    for t in range(len(q)):
        s = [sum(q[t, i] * k[u, i] for i in range(q.shape[1])) / math.sqrt(q.shape[1])
             for u in range(len(k))]
        total = sum(a[t, u] * math.exp(s[u]) for u in range(len(k)))
        for u in range(len(k)):
            p[t, u] = a[t, u] * math.exp(s[u]) / total
            y[t] += p[t, u] * v[u]
    return p, y


everything = np.ones((2, 3), bool)
p, y = loops(q, k, v, everything)
print("shares, a row for each query\n", p.round(2), "\noutputs\n", y.round(2))
assert np.allclose(p.sum(axis=1), 1) and p[0].argmax() == 0
assert np.allclose(attention(q, k, v)[0], y)

# %% [markdown]
# ## Backwards, one step a line
# As in lesson 2: a dot is a small change, and what a change does to the loss may be
# said at the output or at the inputs, ⟨dy, ẏ⟩ = Σ⟨dx, ẋ⟩. Begin at the end, with
# (attention.3), where p and v change:
# $$ \dot{y}_{to} = \sum_u \dot{p}_{tu}\, v_{uo} + \sum_u p_{tu}\, \dot{v}_{uo} $$
# Multiply by dy and sum over t and o; sort by what changes:
# $$ \sum_{to} dy_{to}\, \dot{y}_{to}
# = \sum_{tu} \dot{p}_{tu} \Big(\sum_o dy_{to}\, v_{uo}\Big)
# + \sum_{uo} \dot{v}_{uo} \Big(\sum_t p_{tu}\, dy_{to}\Big) $$
# The brackets are dp (attention.4) and dv (attention.8). Next, the softmax. Its
# logarithm is s less one number for the whole row, so
# $$ \dot{p}_{tu} = p_{tu} \Big(\dot{s}_{tu} - \sum_m p_{tm}\, \dot{s}_{tm}\Big) $$
# Multiply by dp, sum, and name u and m the other way round in the second part:
# $$ \sum_{tu} dp_{tu}\, \dot{p}_{tu}
# = \sum_{tu} \dot{s}_{tu}\, p_{tu} \Big(dp_{tu} - \sum_m dp_{tm}\, p_{tm}\Big) $$
# The inner sum needs no p: put (attention.4) in, then (attention.3):
# $$ \sum_m dp_{tm}\, p_{tm} = \sum_o dy_{to} \sum_m p_{tm}\, v_{mo}
# = \sum_o dy_{to}\, y_{to} $$
# That is ds (attention.5). A pair that is forbidden has p = 0, so its ds is 0 too. Last
# the score, in which q and k change:
# $$ \dot{s}_{tu} = \frac{1}{\sqrt{I}} \sum_i \dot{q}_{ti}\, k_{ui}
# + \frac{1}{\sqrt{I}} \sum_i q_{ti}\, \dot{k}_{ui} $$
# $$ \sum_{tu} ds_{tu}\, \dot{s}_{tu}
# = \sum_{ti} \dot{q}_{ti} \Big(\frac{1}{\sqrt{I}} \sum_u ds_{tu}\, k_{ui}\Big)
# + \sum_{ui} \dot{k}_{ui} \Big(\frac{1}{\sqrt{I}} \sum_t ds_{tu}\, q_{ti}\Big) $$
# The brackets are dq (attention.6) and dk (attention.7). The scale stands in both. A
# bias moves s as much as itself, so its gradient is ds (attention.9).

# %%


def by_hand(q, k, v, bias):
    scale = 1 / np.sqrt(q.shape[1])
    e = np.exp(q @ k.T * scale + bias)
    p = e / e.sum(axis=1, keepdims=True)
    y = p @ v

    def backward(dy):
        dp = dy @ v.T
        ds = p * (dp - (dy * y).sum(axis=1, keepdims=True))
        return ds @ k * scale, ds.T @ q * scale, p.T @ dy, ds

    return y, backward


dy, bias = rng.normal(size=y.shape), rng.normal(size=p.shape)
both = zip(*(op(q, k, v, bias)[1](dy) for op in (by_hand, attention)), strict=True)
for row, (ours, theirs) in zip(check(by_hand, q, k, v, bias, rng=rng), both):
    print(f"d{row.argument}, worst error {row.error:.1e}:", ours.round(2).tolist())
    assert row.passed and np.allclose(ours, theirs)

# %% [markdown]
# ## Why the scores are divided
# A sum of I products of standard normal numbers has the variance I. Large scores make
# the softmax choose one key; then ds is nearly 0, and little is learned.

# %%
for I in (4, 64, 1024):
    s = rng.normal(size=(200, I)) @ rng.normal(size=(I, 200))
    print(f"I = {I}: variance {s.var():.1f}, scaled {(s / np.sqrt(I)).var():.2f}")
    assert 0.8 < s.var() / I < 1.2

# %% [markdown]
# ## Masks
# The *padding* of short texts (lesson 8) must not be looked at; `mask_of` says where
# words are. A network that writes must not look ahead: *causal* allows u ≤ t only. Here
# each word has three features (asks, colour, thing), and is query, key and value.

# %%
words = ["what", "colour", "is", "the", "circle", "<pad>"]
x = np.array([[3.0, 2, 0], [1, 3, 0], [1, 0, 1], [0, 0, 1], [0, 1, 3], [2, 2, 2]])
padding = mask_of(np.array([5]), 6)[0, 0]                # (1, 6), True for words
maps = {}
for title, options in (("no mask", {}), ("padding hidden", {"mask": padding}),
                       ("causal too", {"mask": padding, "causal": True})):
    with watch("attention.2") as steps:
        attention(x, x, x, **options)
    maps[title] = steps[0].arrays["p"]
    assert np.allclose(maps[title].sum(axis=1), 1)
assert maps["no mask"][:, 5].all() and not maps["padding hidden"][:, 5].any()
assert not np.triu(maps["causal too"], 1).any()

Path("figures").mkdir(exist_ok=True)
figure = Figure(figsize=(8.4, 3.6), layout="constrained")
for number, (axes, (title, p)) in enumerate(zip(figure.subplots(1, 3), maps.items())):
    axes.imshow(np.ma.masked_equal(p, 0), cmap="Blues", vmin=0, vmax=1)
    axes.set_facecolor("lightgray")
    for (t, u), share in np.ndenumerate(p):
        if share:
            axes.text(u, t, f"{share:.2f}", ha="center", va="center", fontsize=8,
                      color="white" if share > 0.5 else "black")
    axes.set_xticks(range(6), words, rotation=45, ha="right", fontsize=9)
    axes.set_yticks(range(6), words if number == 0 else [""] * 6, fontsize=9)
    axes.set_title(title, fontsize=10)
    axes.set(xlabel="key u", ylabel="" if number else "query t")
plots.save(figure, "figures/10_attention.png")

# %% [markdown]
# ![Three tables of six words by six. Without a mask each row puts weight on <pad>; with
# the padding hidden that column is gray; with causal the upper triangle is gray too,
# and the first row looks only at itself.](figures/10_attention.png)
#
# The shares (attention.2): each row adds up to 1. Gray cells are forbidden.
#
# ## The dead row
# A query that may look at nothing has 0 / 0 in (attention.2). The package says: its
# output is 0, and so is its gradient.

# %%
dead = np.array([[True, True, False], [False, False, False]])
y, backward = attention(q, k, v, mask=dead)
dq, dk, dv = backward(dy)
print("outputs", y.round(2).tolist(), "dq", dq.round(2).tolist())
assert not y[1].any() and not dq[1].any() and np.isfinite([*dk, *dv]).all()
assert np.allclose(y[0], loops(q[:1], k, v, dead[:1])[1][0])

# %% [markdown]
# ## What people get wrong
# **A mask after the softmax**: rows no longer add up to 1. **A large negative number
# instead of -∞**: a dead row looks at all it must not. **-∞ without care**: NaN.

# %%
s = q @ k.T / np.sqrt(2)
with np.errstate(invalid="ignore"):
    wrong = {"after the softmax": softmax(s)[0] * dead,
             "minus 1e9": softmax(np.where(dead, s, -1e9))[0],
             "minus infinity": softmax(np.where(dead, s, -np.inf))[0]}
for name, p in wrong.items():
    print(f"{name}: sums of the rows {p.sum(axis=1).round(2)}")
sums = [p.sum(axis=1) for p in wrong.values()]
assert sums[0][0] < 0.99 and np.isclose(sums[1][1], 1) and np.isnan(sums[2][1])

# %% [markdown]
# **The scale forgotten on the way back.** The values and dv are right, and training
# goes on, with steps too large for q and k. The gradient check is not fooled.

# %%


def unscaled(q, k, v, bias):
    y, backward = by_hand(q, k, v, bias)

    def wrong(dy):
        dq, dk, *others = backward(dy)
        return np.sqrt(2) * dq, np.sqrt(2) * dk, *others

    return y, wrong


rows = {row.argument: row.passed for row in check(unscaled, q, k, v, bias, rng=rng)}
print("passed", rows)
assert rows == {"q": False, "k": False, "v": True, "bias": True}

# %% [markdown]
# ## Something to try
# Shuffle the rows of x: the outputs are shuffled the same way. What does attention not
# know about a sentence, then? And what does the check say when the sum is left out of
# (attention.5)?
