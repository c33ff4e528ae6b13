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

from numnet import Adam, concatenate, cross_entropy, last_step
from numnet.data.examples import Examples
from numnet.data.shapes import generate
from numnet.data.text import Tokenizer, split
from numnet.models import fusion_classifier
from numnet.study import plots
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
# ## The gradient of one score
# Let a be the answer given. Its score is one number. To ask for its slope alone, dy is
# replaced by
# $$ dz_{no} = [o = a] $$
# that is 1 at the answer, 0 elsewhere. The identity of lesson 2 then reads
# $$ \sum_o dz_{no}\, \dot{z}_{no} = \dot{z}_{na} $$
# and on the side of the inputs, with pixels x and word vectors w:
# $$ \dot{z}_{na} = \sum_{chw} dx_{nchw}\, \dot{x}_{nchw}
# + \sum_{to} dw_{nto}\, \dot{w}_{nto} $$
# So dx says how much the score moves with each pixel. dx itself is that of the first
# convolution (conv2d.2). For a map, the strongest of the colour channels is shown:
# $$ g_{hw} = \max_c |dx_{nchw}| $$
# A word is a vector, not a number. Put it out, and its change is -w; to first order the
# score then falls by
# $$ g_t = \sum_o dw_{nto}\, w_{nto} $$
#
# While training nobody wants dx, so the first convolution was told to spare it:
# `needs_dx=False`. Here it is wanted. The layers are called one by one, so that the
# backward ends at the pixels and at the word vectors, before (embedding.2) sums them.

# %%
first = model.image_encoder.layers[0]
assert first.options["needs_dx"] is False
first.options["needs_dx"] = True


def answer(x, words):
    u, see_back = model.image_encoder(x)
    h, read_back = model.text_encoder.reader(words, np.array([words.shape[1]]))
    v, last_back = last_step(h)
    y, fusion_back = concatenate(u, v)
    z, head_back = model.head(y)

    def backward(dz):
        du, dv = fusion_back(head_back(dz))
        return see_back(du), read_back(last_back(dv))

    return z, backward


asked = "what is the color of the triangle?"
number = sorted(set(questions.question)).index(asked)
rows = examples.rows(np.arange(700, 800))
ids = tokenizer.encode([asked])[0]
w = model.text_encoder.embedding.w.value[ids]            # (embedding.1)
for chosen in rows[examples.question[rows] == number]:
    x = examples.images[[examples.image[chosen]]]
    z, backward = answer(x, w)
    if (a := z[0].argmax()) == examples.label[chosen]:
        break
print(asked, "->", answers[a])
assert a == examples.label[chosen]
dz = np.eye(len(answers), dtype=np.float32)[[a]]
dx, dw = backward(dz)
g = np.abs(dx[0]).max(axis=0)
g_words = (dw * w)[0].sum(axis=1)

# %% [markdown]
# A gradient check, on 6 × 6 random pixels and on all words. And the loop that the
# formula means, for the strongest pixels: nudge one number, see how the score moves. A
# plain background has ties, where a maximum has no slope: a little noise breaks them.

# %%
for row in check(answer, rng.random((1, 3, 6, 6)), w, rng=rng):
    print(f"d{row.argument} {row.shape}: worst error {row.error:.1e}")
    assert row.passed
x, w = x + 1e-3 * rng.normal(size=x.shape), w.astype(float)
dx, dw = answer(x, w)[1](dz.astype(float))
for place in np.argsort(-np.abs(dx), axis=None)[:3]:
    nudge = np.zeros(x.size)
    nudge[place] = 1e-6
    slope = (answer(x + nudge.reshape(x.shape), w)[0] - answer(x, w)[0])[0, a] / 1e-6
    print(f"slope {slope:.4f}, dx {dx.ravel()[place]:.4f}")
    assert np.isclose(slope, dx.ravel()[place], atol=1e-3)

# %%
Path("figures").mkdir(exist_ok=True)
figure = Figure(figsize=(8.4, 3), layout="constrained")
figure.suptitle(f"{asked}  {answers[a]}", fontsize=11)
axes, pixels, words = figure.subplots(1, 3)
axes.imshow(questions.images[examples.image[chosen]])
axes.set(title="picture", xticks=[], yticks=[])
shown = pixels.imshow(g, cmap="Blues")
pixels.set(title="saliency of pixels", xticks=[], yticks=[])
figure.colorbar(shown, ax=pixels, shrink=0.8)
names = split(asked)
words.barh(range(len(names)), g_words,
           color=[plots.BLUE if each > 0 else plots.ORANGE for each in g_words])
words.axvline(0, color="black", linewidth=0.8)
words.set_yticks(range(len(names)), names)
words.invert_yaxis()
words.set(title="saliency of words", xlabel="for (blue), against (orange)")
plots.save(figure, "figures/15_looking_inside.png")

seen = questions.images[examples.image[chosen]]
thing = np.abs(seen.astype(int) - seen[0, 0]).max(axis=2) > 60
thing = thing.reshape(32, 2, 32, 2).any(axis=(1, 3))
wide = np.pad(thing, 3)
near = np.any([np.roll(wide, (i, j), (0, 1)) for i in range(-3, 4)
               for j in range(-3, 4)], axis=0)[3:-3, 3:-3]
print(f"on the shape or near it: {near.mean():.2f} of the pixels, "
      f"{g[near].sum() / g.sum():.2f} of the saliency")
assert g[near].sum() / g.sum() > near.mean()

# %% [markdown]
# ![The picture of one shape; beside it a map of its pixels, dark at few places, most of
# them on the shape or at its edge; and a bar for each word of the
# question.](figures/15_looking_inside.png)
#
# The gradient of the answer's score, on its way from (cross_entropy.1)'s z back to the
# pixels (conv2d.2) and to the words. Few pixels are dark, since max pooling sends its
# gradient to the winner alone (global_max_pool2d.2).
#
# A map is a slope at one point: it says what small changes do, not why, and not what
# would happen if the shape were gone. Hold it against the act itself: put each word out
# and run the network again.

# %%
for t, name in enumerate(names):
    without = w.copy()
    without[:, t] = 0
    fall = (answer(x, w)[0] - answer(x, without)[0])[0, a]
    print(f"{name:10} to first order {g_words[t]:6.2f}, in truth {fall:6.2f}")

# %% [markdown]
# ## What people get wrong
# **The slope of the loss.** By (cross_entropy.2) it carries the factor p - 1 for the
# answer: the surer the network, the emptier the map. The map of a sure answer is then
# compared with that of an unsure one, and means nothing.
#
# **One number for a word that comes twice.** The gradient of the table has one row a
# word (embedding.2), the sum over its places. The question has "the" twice.

# %%
loss, loss_back = cross_entropy(z, label=np.array([a]))
pale = np.abs(answer(x, w)[1](loss_back())[0]).max()
print(f"largest |dx|: of the score {g.max():.2e}, of the loss {pale:.2e}")
assert pale < g.max() / 2

model.zero_grad()
_, table_back = model.text_encoder.embedding(ids)
table_back(dw)
row = model.text_encoder.embedding.w.grad[tokenizer.ids["the"]]
places = [t for t, name in enumerate(names) if name == "the"]
print("places of the:", places, "each |dw|", np.abs(dw[0, places]).sum(axis=1).round(2),
      "row of the table", np.abs(row).sum().round(2))
assert np.allclose(row, dw[0, places].sum(axis=0), atol=1e-5)
assert not any(np.allclose(row, dw[0, t]) for t in places)

# %% [markdown]
# ## Something to try
# Draw the map of a network that was never trained. It too may show the edges of the
# shape: what does that say about maps that only look right? Then take the mean of the
# maps of twenty pictures with a little noise added, and see which dark pixels stay.
