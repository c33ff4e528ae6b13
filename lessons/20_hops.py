# %% [markdown]
# # Looking again: hops
#
# You will be able to say how a network finds what stands *next to* a thing, to derive
# the backward pass of a distance, and to follow where a head looks, hop by hop.
#
# What shape is next to the circle? **How can a network look near a place that it must
# first find?** It looks twice. Each look is a **hop**: attention (lesson 10) of the
# question on the cells of the picture (lesson 16). Each cell knows where it lies, so a
# head can remember the place it looked at, and prefer cells near it, or far from it.

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import attention
from numnet.hops import Hop, add_places, cells_of, distance_bias, grid, places_of
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.spread import shaken
from numnet.study.stepper import watch

rng = np.random.default_rng(0)

# %% [markdown]
# ## Cells that know where they lie
# The C features of a place come first, then its place g, x before y, from -1 to 1, then
# the square of its distance from the middle. Cell u is row h, column w:
# $$ y_{nuk} = x_{nkhw} \; (k < C), \quad u = h W + w $$
# $$ y_{n,u,C+k} = g_{uk} \; (k < 2) $$
# $$ y_{n,u,C+2} = g_{u0}^2 + g_{u1}^2 $$
# These are (cells_of.1), (cells_of.2) and (cells_of.3). Only the features can move, and
# they are only laid elsewhere; so is their gradient, (cells_of.4):
# $$ dx_{nkhw} = dy_{nuk} $$

# %%
x, dy = rng.normal(size=(2, 4, 2, 3)), rng.normal(size=(2, 6, 7))
y, backward = cells_of(x)
for n, k, h, w in np.ndindex(x.shape):
    u, place = 3 * h + w, (w - 1, 2 * h - 1)                  # 3 columns, 2 rows
    assert y[n, u, k] == x[n, k, h, w] and backward(dy)[n, k, h, w] == dy[n, u, k]
    assert tuple(y[n, u, 4:]) == (*place, place[0] ** 2 + place[1] ** 2)
print("places", grid(2, 3).tolist())

# %% [markdown]
# ## Where did a head look?
# Attention takes a mean of values. Lay each cell's place g beside the values v that
# each head m reads there, (add_places.1), and the mean holds the place too: its last
# two features of O are where the head looked, (places_of.1).
# $$ y_{nmuk} = v_{nmuk} \; (k < O), \quad y_{n,m,u,O+k} = g_{nuk} $$
# $$ y_{nmtk} = x_{n,m,t,O-2+k} $$
# All heads read one g, so its gradient is a sum over m (add_places.3); v has its own
# (add_places.2). And what is taken out gives its gradient to these two features alone
# (places_of.2):
# $$ dv_{nmuk} = dy_{nmuk} $$
# $$ dg_{nuk} = \sum_m dy_{n,m,u,O+k} $$
# $$ dx_{nmto} = [o \ge O - 2]\, dy_{n,m,t,o-O+2} $$

# %%
v, g = rng.normal(size=(2, 3, 6, 4)), rng.normal(size=(2, 6, 2))
both, backward = add_places(v, g)
dy = rng.normal(size=both.shape)
dv, dg = backward(dy)
seen, seen_back = places_of(both)
dx = seen_back(dy[..., 4:])
for n, m, u in np.ndindex(2, 3, 6):
    assert np.array_equal(both[n, m, u], [*v[n, m, u], *g[n, u]])
    assert np.array_equal(seen[n, m, u], g[n, u])
    assert np.array_equal(dx[n, m, u], [0, 0, 0, 0, *dy[n, m, u, 4:]])
    assert np.allclose(dg[n, u], sum(dy[n, each, u, 4:] for each in range(3)))
assert np.array_equal(dv, dy[..., :4])
for op, args in ((cells_of, (x,)), (add_places, (v, g)), (places_of, (both,))):
    assert all(row.passed for row in check(op, *args, rng=rng))

# %% [markdown]
# ## Near, or far
# The place a where head m of query t looked becomes a bias of its next scores. The
# query says by two numbers w what it wishes:
# $$ r_{nmtu} = \sum_k (a_{nmtk} - g_{nuk})^2 $$
# $$ e_{nmtu} = 4\, e^{-12\, r_{nmtu}} $$
# $$ y_{nmtu} = w_{nmt0}\, r_{nmtu} + w_{nmt1}\, e_{nmtu} $$
# The squared distance (distance_bias.1), a bell felt close by only (distance_bias.2),
# the bias (distance_bias.3). Backwards: r, e and w change, and e changes with r:
# $$ \dot{e}_{nmtu} = -12\, e_{nmtu}\, \dot{r}_{nmtu} $$
# $$ \dot{y}_{nmtu} = (w_{nmt0} - 12\, w_{nmt1}\, e_{nmtu})\, \dot{r}_{nmtu}
#    + r_{nmtu}\, \dot{w}_{nmt0} + e_{nmtu}\, \dot{w}_{nmt1} $$
# Multiply by dy. Beside the change of r stands (distance_bias.4):
# $$ dr_{nmtu} = dy_{nmtu}\, (w_{nmt0} - 12\, w_{nmt1}\, e_{nmtu}) $$
# w serves all cells, so beside it stand sums over u, (distance_bias.7),
# (distance_bias.8):
# $$ dw_{nmt0} = \sum_u dy_{nmtu}\, r_{nmtu} $$
# $$ dw_{nmt1} = \sum_u dy_{nmtu}\, e_{nmtu} $$
# In the square, both places change:
# $$ \dot{r}_{nmtu} = 2 \sum_k (a_{nmtk} - g_{nuk}) (\dot{a}_{nmtk} - \dot{g}_{nuk}) $$
# Multiply by dr, and sum over what a does not have (u), or g does not have (m and t):
# $$ da_{nmtk} = 2 \sum_u dr_{nmtu}\, (a_{nmtk} - g_{nuk}) $$
# $$ dg_{nuk} = 2 \sum_{mt} dr_{nmtu}\, (g_{nuk} - a_{nmtk}) $$
# These are (distance_bias.5) and (distance_bias.6). In loops:

# %%
a, g, w = (rng.normal(size=size) for size in ((2, 3, 4, 2), (2, 5, 2), (2, 3, 4, 2)))
y, backward = distance_bias(a, g, w)
dy, da, dg, dw = rng.normal(size=y.shape), *(np.zeros_like(each) for each in (a, g, w))
for n, m, t, u in np.ndindex(y.shape):
    r = sum((a[n, m, t, k] - g[n, u, k]) ** 2 for k in range(2))   # (distance_bias.1)
    e = 4 * np.exp(-12 * r)                                        # (distance_bias.2)
    assert np.isclose(y[n, m, t, u], w[n, m, t, 0] * r + w[n, m, t, 1] * e)
    dr = dy[n, m, t, u] * (w[n, m, t, 0] - 12 * w[n, m, t, 1] * e)  # (distance_bias.4)
    da[n, m, t] += 2 * dr * (a[n, m, t] - g[n, u])                 # (distance_bias.5)
    dg[n, u] += 2 * dr * (g[n, u] - a[n, m, t])                    # (distance_bias.6)
    dw[n, m, t, 0] += dy[n, m, t, u] * r                           # (distance_bias.7)
    dw[n, m, t, 1] += dy[n, m, t, u] * e                           # (distance_bias.8)
for ours, theirs in zip((da, dg, dw), backward(dy), strict=True):
    assert np.allclose(ours, theirs)
for row in check(distance_bias, a, g, w, rng=rng):
    print(f"d{row.argument} {row.shape}: error {row.error:.0e}")
    assert row.passed

# %% [markdown]
# ## Three wishes
# A head looked at one cell of 5 × 5. Where does it look next, if its query asks nothing
# else? `watch` reads the shares (attention.2):

# %%
g = grid(5, 5)[None].astype(float)
a = g[:, [11]][:, None]                                       # row 2, column 1
q, k = np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 25, 2))        # the bias alone decides
maps = {}
wishes = {"near": (-4.0, 0.0), "far": (2.0, 0.0), "next to it": (-4.0, -1.0)}
for wish, w in wishes.items():
    bias, _ = distance_bias(a, g, np.array([[[w]]]))
    with watch("attention.2") as steps:
        attention(q, k, k, bias)
    p = maps[wish] = steps[0].arrays["p"].reshape(5, 5)
    print(f"{wish}: at the place itself {p[2, 1]:.3f}, the most {p.max():.3f} at "
          f"{[int(each) for each in np.unravel_index(p.argmax(), p.shape)]}")
assert maps["near"].argmax() == 11 == maps["far"].argmin()
assert np.isclose(maps["next to it"].max(), maps["next to it"][2, 2])
assert maps["next to it"][2, 1] < maps["next to it"].max() / 2

# %%
figure = Figure(figsize=(8.4, 3.1), layout="constrained")
for axes, (wish, p) in zip(figure.subplots(1, 3), maps.items()):
    axes.imshow(p, cmap="Blues", vmin=0, vmax=p.max())
    for (row, column), share in np.ndenumerate(p):
        axes.text(column, row, f"{share:.2f}", ha="center", va="center", fontsize=8,
                  color="white" if share > p.max() / 2 else "black")
    axes.plot(1, 2, "s", markersize=26, fillstyle="none", color=plots.ORANGE)
    axes.set(title=wish, xlabel="column", ylabel="row", xticks=range(5),
             yticks=range(5))
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/20_hops.png")

# %% [markdown]
# ![Three tables of five by five shares; the cell that was seen before is framed. Near:
# dark there, pale around it. Far: dark in the two farthest corners. Next to it: pale
# there, dark at its four neighbours.](figures/20_hops.png)
#
# The shares (attention.2) under the bias (distance_bias.3). The square alone cannot say
# "next to it, but not there"; the bell can, since it is felt close by only.
#
# ## A whole hop
# `Hop` does it all: it normalises the state, asks, adds the bias, takes what was found
# into the state (residual.1), and hands on where it looked. Two outputs, so two
# gradients come back. Two hops in a row, checked as one op:


# %%
first, second = (shaken(Hop(4, 2, 5, rng, first=each), rng) for each in (True, False))


def two_hops(state, cells, places):
    one, one_back = first(state, cells, places)
    (y, seen), two_back = second(one[0], cells, places, one[1])

    def backward(dy):
        dstate, dcells, dplaces, dbefore = two_back(dy, np.zeros_like(seen))
        dstate, *others = one_back(dstate, dbefore)
        return dstate, dcells + others[0], dplaces + others[1]

    return y, backward


def forgets(state, cells, places):
    y, _ = two_hops(state, cells, places)

    def backward(dy):
        one, one_back = first(state, cells, places)
        (_, seen), two_back = second(one[0], cells, places, one[1])
        dstate, dcells, dplaces, dbefore = two_back(dy, np.zeros_like(seen))
        dstate, *others = one_back(dstate, np.zeros_like(dbefore))     # wrong
        return dstate, dcells + others[0], dplaces + others[1]

    return y, backward


# %% [markdown]
# ## What people get wrong
# *To let the place go.* It comes out of attention beside the values, and looks like a
# note, not like a number that was computed. Yet the second look depends on it, so its
# gradient must go back into the first, to state, cells and places:

# %%
args = [rng.normal(size=size) for size in ((2, 3, 4), (2, 5, 4), (2, 5, 2))]
for op in (two_hops, forgets):
    rows = check(op, *args, rng=rng)
    print(op.__name__, {f"d{row.argument}": row.passed for row in rows})
    assert all(row.passed == (op is two_hops) for row in rows)

# %% [markdown]
# ## Something to try
# `numnet train --data sort-of-clevr` trains three such hops on six coloured shapes. In
# the figure, put the wish (0, -1): which cells does it still tell apart, and why?
