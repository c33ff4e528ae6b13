# %% [markdown]
# # Writing captions
# You will be able to train a network that writes a text about a picture, to search for
# the likeliest text, and to see where the network looks for each word.
#
# A classifier chooses one of a few answers. Of texts there are far too many. **How does
# a network choose among texts, if it can only score words?** One word at a time: what
# comes next, after these words, in sight of this picture?

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import Adam, cross_entropy
from numnet.captions import Captioner, beam_search, captioner
from numnet.data.captions import Captions
from numnet.data.derived import captioned
from numnet.data.images import prepare
from numnet.data.shapes import generate
from numnet.data.text import Tokenizer
from numnet.pooling import cells
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.stepper import watch
from numnet.tasks import Caption
from numnet.training import evaluate, fit

rng = np.random.default_rng(0)
pictures = captioned(generate(rng, 1800))
tokenizer = Tokenizer.fit(pictures.question)
mark = len(tokenizer)                                # the number after the last word
names = tokenizer.words + ["·"]
every = Captions(prepare(pictures.images, 4), pictures.question, tokenizer)
print("read    ", [names[k] for k in every.ids[0]])
print("to write", [names[k] for k in every.label[0]])

# %% [markdown]
# ## One word at a time
# A **mark** (here ·) stands before the first word and after the last. The row to write
# is the row that is read, moved by one. The chance of a whole text is that of its first
# word, times that of its second after the first, and so on. The logarithm makes a sum
# of it, with p_t the softmax of the scores after w_0 to w_{t-1} (beam_search.1):
# $$ S_t = S_{t-1} + \log p_{t,w_t} $$
#
# In training the right words are known, so all are read at once, and each next word
# scored in one pass: **teacher forcing**. The attention among the words is causal
# (attention.2): row s sees the words up to s, not the answer.
#
# The network: convolutions turn the picture into **cells**, places with features; each
# block of the decoder lets the words so far look at each other, then at the cells, then
# changes each by itself (residual.1); a linear map scores all words (linear.1).

# %%


def network(seed):
    return captioner(mark + 1, np.random.default_rng(seed), channels=(16, 32), size=16)


model = network(1)
inputs, label = every.batch(np.arange(3))
z, backward = model(**inputs)
ids = inputs["ids"].copy()
ids[:, 2:] = mark - 1                                # other words from place 2 on
other, _ = model(images=inputs["images"], ids=ids)
assert np.array_equal(z[:, :2], other[:, :2])
assert not np.allclose(z[:, 2:], other[:, 2:])

# %% [markdown]
# ## The loss and its gradient
# The loss of a text is -S: a cross-entropy at each place (cross_entropy.1), as in
# lesson 5, with the places of all texts for rows. Padding after the mark is no word:
# $$ L = -\frac{1}{N} \sum_{nt} [w_{nt} \ne 0] \log p_{n,t,w_{nt}} $$
# where N counts what is no padding. Lesson 5 derived one row. Here
# $$ \langle dL, \dot{L} \rangle = \sum_{nto} dz_{nto}\, \dot{z}_{nto} $$
# $$ \dot{L} = -\frac{1}{N} \sum_{nt} [w_{nt} \ne 0]
#    \Big(\dot{z}_{n,t,w_{nt}} - \sum_o p_{nto}\, \dot{z}_{nto}\Big) $$
# $$ dz_{nto} = \frac{dL}{N}\, [w_{nt} \ne 0]\, (p_{nto} - [o = w_{nt}]) $$
# which is (cross_entropy.3) at every place, and zero at padding. The loop version:

# %%
texts = ["a red circle", "a circle"]                     # the second is one shorter
short = Captions(every.images[:2], texts, tokenizer)
label = short.label
z, _ = model(**short.batch(np.arange(2))[0])
N, L, dz = np.count_nonzero(label), 0.0, np.zeros(z.shape)
for n, t in np.ndindex(label.shape):
    if label[n, t] != 0:
        p = np.exp(z[n, t]) / np.exp(z[n, t]).sum()
        L -= np.log(p[label[n, t]]) / N
        dz[n, t] = p / N
        dz[n, t, label[n, t]] -= 1 / N
loss, loss_back = cross_entropy(z, label=label, ignore_index=0)
print(label, f"\nN = {N}, loss {L:.4f}, the package's {loss:.4f}")
assert np.isclose(L, loss) and np.allclose(loss_back(), dz, atol=1e-6)

# %% [markdown]
# All places look at the same cells, so the gradient of the cells is a sum over places,
# heads and blocks (attention.7), (attention.8). `cells` only lays the places of the
# picture in a row (cells.1), so it lays its gradient back (cells.2):
# $$ y_{nuc} = x_{nchw}, \quad u = h W + w $$
# $$ dx_{nchw} = dy_{nuc} $$
# A small captioner, checked, with the channels of 2 × 3 pixels for features of cells:

# %%
x, dy = rng.random((2, 5, 2, 3)), rng.random((2, 6, 5))
y, backward = cells(x)
for n, c, h, w in np.ndindex(x.shape):
    assert y[n, 3 * h + w, c] == x[n, c, h, w]
    assert backward(dy)[n, c, h, w] == dy[n, 3 * h + w, c]
tiny = Captioner(cells, 6, 5, 7, rng, width=4, heads=2, blocks=1, longest=4)
rows = check(tiny, images=x, ids=np.array([[6, 2], [6, 4]]), rng=rng)
assert all(row.passed for row in rows)

# %% [markdown]
# ## Training

# %%
train, test = (Captions(every.images[part], pictures.question[part], tokenizer)
               for part in (slice(300, None), slice(300)))
optimizer = Adam(model.parameters(), lr=0.005)
history = fit(model, optimizer, train, test, epochs=8, batch_size=16, seed=1,
              task=Caption())
for row in history[1::2]:
    print(f"epoch {row['epoch']:2}  loss {row['loss']:.4f}  "
          f"captions wholly right {row['validation_rating']:.3f}")
assert history[-1]["validation_rating"] > 2 / 3   # the colour alone would give 1 / 3

# %% [markdown]
# ## Writing
# Now nobody gives the right words: each chosen word is read again to choose the next.
# Always the likeliest word is **greedy** writing. A **beam** keeps the K likeliest
# beginnings instead of one (beam_search.2); with K = 1 it is greedy.

# %%
for k in range(3):
    print(repr(pictures.question[k]))
    found = beam_search(model, test.images[k], mark=mark, longest=6, width=3)
    for words, score in found:
        print(f"   {np.exp(score):8.5f}  {' '.join(names[w] for w in words)}")

_, said = evaluate(model, test, Caption())
right = ((said == test.label) | (test.label == 0)).all(axis=1)
for k in range(20):
    (words, _), = beam_search(model, test.images[k], mark=mark, longest=6)
    row = [w for w in test.label[k] if w not in (0, mark)]
    assert right[k] == (words.tolist() == row)

# %% [markdown]
# The last lines hold a claim that saves work: a caption written greedily is wholly
# right *exactly* if every next word is right after the right words before it.
#
# ## Where it looks for each word
# The shares are those of the tagged line (attention.2), where a block looks at cells:

# %%
k = int(np.flatnonzero(right)[0])
with watch("attention.2") as steps:
    model(images=test.images[[k]], ids=test.ids[[k]])
shares = np.mean([step.arrays["p"][0].mean(axis=0) for step in steps
                  if step.arrays["p"].shape[-1] == 16], axis=0)        # (4, 16)
assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
Path("figures").mkdir(exist_ok=True)
figure = Figure(figsize=(8.4, 2.3), layout="constrained")
axes = figure.subplots(1, 5)
axes[0].imshow(pictures.images[k])
axes[0].set(title="picture", xticks=[], yticks=[])
for axis, word, share in zip(axes[1:], test.label[k], shares):
    shown = axis.imshow(share.reshape(4, 4), cmap="Blues", vmin=0, vmax=shares.max())
    axis.set(title=names[word], xticks=[], yticks=[])
figure.colorbar(shown, ax=axes, shrink=0.8, label="share of attention")
plots.save(figure, "figures/16_captions.png")

# %% [markdown]
# ![A picture of a shape and, for each word of its caption, a map of 4 × 4 cells: where
# the attention lies as that word is chosen.](figures/16_captions.png)
#
# (attention.2), the mean over heads and blocks; the last map is that of the mark. Where
# a network looks is not yet why it says what it says.
#
# ## What people get wrong
# **Labels that are not moved by one.** The loss is soon near zero, for the network
# learns to copy; and it cannot write: the mark follows the mark.

# %%


class Unmoved(Captions):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.label = self.ids                            # wrong


copier = network(0)
wrong = Unmoved(every.images[300:900], pictures.question[300:900], tokenizer)
history = fit(copier, Adam(copier.parameters(), lr=0.003), wrong, wrong, epochs=2,
              batch_size=32, seed=0, task=Caption())
(words, _), = beam_search(copier, test.images[k], mark=mark, longest=6)
print(f"loss {history[-1]['loss']:.4f}, and it writes {[names[w] for w in words]}")
assert history[-1]["loss"] < 0.05 and len(words) == 0

# %% [markdown]
# **Padding that counts.** Padding after padding is soon foreseen: the sum then has many
# easy terms, and the loss looks better than it is.

# %%
guess = np.zeros(z.shape)
guess[..., 0] = 4                                        # "padding", everywhere
honest, _ = cross_entropy(guess, label=label, ignore_index=0)
flattering, _ = cross_entropy(guess, label=label)
print(f"loss {honest:.2f}, with padding counted {flattering:.2f}")
assert flattering < honest

# %% [markdown]
# ## Something to try
# `numnet train --data glyphs --out runs/letters` learns the Unicode names of letters
# from pictures of them. Then hide part of a letter, and see which word gives way first.
