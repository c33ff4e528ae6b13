# %% [markdown]
# # Looking inside
# You will be able to ask a network what it looked at, in the picture and in the
# question, and to tell what such a map says from what it does not.
#
# A network that answers rightly may do so for a wrong reason: it may guess from the
# question alone. **Which pixels and which words move the answer?** The backward pass
# already knows: until now it stopped at the weights, now it goes on to the inputs.
#
# First a network to look into: that of lesson 13, trained for a few seconds on
# generated shapes.

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import Adam, cross_entropy, softmax
from numnet.data.examples import Examples
from numnet.data.images import prepare
from numnet.data.shapes import generate
from numnet.data.text import Tokenizer, split
from numnet.models import fusion_classifier
from numnet.study import inside, plots
from numnet.study.gradcheck import check
from numnet.training import train_step

rng = np.random.default_rng(0)
questions = generate(rng, 800)
tokenizer, answers = Tokenizer.fit(questions.question), sorted(set(questions.answer))
examples = Examples.of(questions, tokenizer, answers)
model = fusion_classifier(len(tokenizer), len(answers), rng, channels=(8, 16))
optimizer = Adam(model.parameters(), lr=3e-3)
for _ in range(12):
    order = rng.permutation(700)                         # the others are for the test
    for start in range(0, 700, 32):
        train_step(model, optimizer, *examples.batch(order[start:start + 32]))


def accuracy(examples):
    inputs, label = examples.batch(np.arange(700, 800))
    return (model(**inputs)[0].argmax(axis=1) == label).mean()


# %% [markdown]
# ## The ablation
# The plainest question first: what is left of the accuracy when one input is taken
# away? The picture is made blank; or the question is one unknown word; or each picture
# gets the question of another.

# %%
rating = {"fused": accuracy(examples)}
for what in ("image", "question", "pairing"):
    rating["without " + what] = accuracy(examples.without(what, rng))
for name, value in rating.items():
    print(f"{name:17} {value:.2f}")
assert rating["fused"] > 0.75 and max(list(rating.values())[1:]) < rating["fused"] - 0.1

# %% [markdown]
# So both are used. (A network trained on one input alone may do better than one that
# loses an input after training: that would be the fairer test, and takes longer.)
#
# ## How far ahead an answer is
# Let a be the answer given. Its share p, by (softmax.1), cannot rise above 1: where the
# network is sure, nothing seems to move it. Its **log-odds** have room on both sides:
# $$ e = \log \frac{p_a}{1 - p_a} $$
# Put in the shares. Their common denominator falls out:
# $$ e = z_a - \log \sum_{o \ne a} e^{z_o} $$
# Move the scores a little:
# $$ \dot{e} = \dot{z}_a - \sum_{o \ne a} q_o\, \dot{z}_o $$
# where q is the softmax of the others alone, the slope of a logarithm of a sum, as in
# lesson 5. So dz is 1 at the answer and -q elsewhere.
#
# ## On to the inputs
# From z the backward pass goes on as in training. There it stops at the weights; nobody
# wants the gradient of the pixels, so the first convolution was told to spare it, and
# the word vectors' is summed into a table (embedding.2). `of_inputs` makes a network an
# op of both: pixels x and word vectors w. A gradient check, on random pixels; then
# the first picture with a right answer, its plain areas a little rough, since where
# numbers are equal a maximum has no slope:

# %%
for parameter in model.parameters():
    parameter.value = parameter.value.astype(float)      # to compare to the last digit
network = inside.of_inputs(model)
asked = "what is the color of the triangle?"
number = sorted(set(questions.question)).index(asked)
w = inside.word_vectors(model, tokenizer.encode([asked])[0])     # (embedding.1)
for row in check(network, rng.random((1, 3, 6, 6)), w, rng=rng):
    print(f"d{row.argument} {row.shape}: worst error {row.error:.1e}")
    assert row.passed

rows = examples.rows(np.arange(700, 800))
noise = 1e-3 * rng.normal(size=(1, 3, 32, 32))
for chosen in rows[examples.question[rows] == number]:
    seen = questions.images[examples.image[chosen]]
    x = prepare(seen[None]) + noise
    z, _ = network(x, w)
    if (a := z[0].argmax()) == examples.label[chosen]:
        break
p = softmax(z)[0][0, a]
print(f"{asked} -> {answers[a]}, {100 * p:.2f} %")
assert a == examples.label[chosen]


def e(x, w):
    n = max(len(x), len(w))
    z, network_back = network(*(np.repeat(each, n // len(each), axis=0)
                                for each in (x, w)))
    e, e_back = inside.log_odds(z, answer=a)
    return e, lambda de: network_back(e_back(de))


(here,), back = e(x, w)
dx, dw = back(np.ones(1))
print(f"log-odds {here:.3f}")
assert np.isclose(here, np.log(p / (1 - p)))

# %% [markdown]
# ## From a slope to a part
# dx says how much e moves with each pixel, for small moves. What did the pixel do in
# all? Take a picture b that says nothing, blank in the colour of the border, and walk
# from it straight to x. At the share s of the way stands
# $$ x_k(s) = b_k + s\,(x_k - b_k) $$
# k runs over all numbers of the picture. By the chain rule e grows on the way by
# $$ \frac{de}{ds} = \sum_k \frac{de}{dx_k}\, (x_k - b_k) $$
# Add up all of the way:
# $$ e(x) - e(b) = \sum_k (x_k - b_k) \int_0^1 \frac{de}{dx_k}(x(s))\, ds $$
# Each term of this sum is the part of one pixel, its **integrated gradient**. The
# integral is a mean of the slopes at many s: one batch of pictures, one backward pass.

# %%
b = prepare(inside.painted_over(seen, 0, 0, 64)[None]) + noise
parts = inside.integrated(lambda path: e(path, w), x[0], b[0])
truth = here - e(b, w)[0][0]
print(f"e(x) - e(b) {truth:.3f}, the parts together {parts.sum():.3f}")
assert np.isclose(parts.sum(), truth, rtol=0.05)
assert not parts[x[0] == b[0]].any()                 # the ground did nothing

mean = 0                                             # the formula, as a loop
for s in (np.arange(64) + 0.5) / 64:
    mean = mean + e(b + s * (x - b), w)[1](np.ones(1))[0][0] / 64
assert np.allclose((x - b)[0] * mean, parts, atol=1e-10)

# %% [markdown]
# ## The act itself
# A part is still arithmetic. Hold it against the act: paint a square over, put a word
# out, run the network again. For a word, what its vector's slope says is
# $$ g_t = \sum_o dw_{to}\, w_{to} $$
# the first-order fall of e when the vector becomes 0. (There is no walk here: a
# question without words is none, and the way there leads past questions nobody asks.)

# %%
painted = inside.occluded(lambda some: here - e(prepare(some) + noise, w)[0], seen)
erased = here - e(x, inside.each_put_out(w[0]))[0]
slopes = (dw * w)[0].sum(axis=1)
names = split(asked)
for name, slope, fall in zip(names, slopes, erased):
    print(f"{name:10} to first order {slope:6.2f}, in truth {fall:6.2f}")

Path("figures").mkdir(exist_ok=True)
figure = Figure(figsize=(7.2, 6.4), layout="constrained")
figure.suptitle(f"{asked}  {answers[a]}", fontsize=12)
(axes, pixels), (places, words) = figure.subplots(2, 2)
axes.imshow(seen)
axes.set_title("picture")
for panel, values, title in ((pixels, parts.sum(axis=0), "what each pixel did"),
                             (places, painted, "lost where painted over")):
    most = np.abs(values).max()
    shown = panel.imshow(values, cmap=plots.AGAINST_FOR, vmin=-most, vmax=most)
    panel.set_title(title)
    figure.colorbar(shown, ax=panel, shrink=0.8)
for panel in (axes, pixels, places):
    panel.set(xticks=[], yticks=[])
words.barh(names_at := np.arange(len(names)), erased,
           color=[plots.BLUE if fall > 0 else plots.ORANGE for fall in erased])
words.plot(slopes, names_at, "kD", markersize=4, label="to first order")
words.axvline(0, color="black", linewidth=0.8)
words.set_yticks(names_at, names)
words.invert_yaxis()
words.set(title="lost without the word", xlabel="log-odds")
words.legend()
plots.save(figure, "figures/15_looking_inside.png")

# %% [markdown]
# ![The picture of one shape; a map of its pixels, coloured on the shape alone; a map of
# what is lost when a square is painted over; and a bar for each word, what is lost
# without it.](figures/15_looking_inside.png)
#
# Blue speaks for the answer, orange against it. Few pixels are coloured, since max
# pooling sends its gradient to the winner alone (global_max_pool2d.2). A map says what
# moved this answer. It does not say that the answer is right, or why.
#
# ## What people get wrong
# **One slope for the whole way.** The gradient at x times (x - b) is quick, and shown
# as if it added up. It holds for small steps; the way to a blank picture is long.
#
# **The slope of the loss.** By (cross_entropy.2) it carries the factor 1 - p: the
# surer the network, the emptier the map. Maps of two pictures cannot be compared then.

# %%
once = (dx * (x - b)).sum()
print(f"e(x) - e(b) {truth:.2f}: one slope says {once:.2f}, "
      f"the parts {parts.sum():.2f}")
assert abs(once - truth) > 3 * abs(parts.sum() - truth)

z, network_back = network(x, w)
loss, loss_back = cross_entropy(z, label=np.array([a]))
pale, _ = network_back(loss_back())
print(f"largest |dx|: of the log-odds {np.abs(dx).max():.2e}, "
      f"of the loss {np.abs(pale).max():.2e}")
assert np.allclose(-pale, (1 - p) * dx)

# %% [markdown]
# ## Something to try
# Ask a run of your own about a picture of your own: `numnet explain RUN --image FILE
# --question "…"` draws these four panels, and where the heads look if it has any. Then
# paint the shape over in the file and ask again. And draw the maps of a network that
# was never trained: what does it say about maps if they, too, look right?
