# %% [markdown]
# # Preparing images and text
#
# You will be able to turn a picture and a question into the arrays a network reads,
# and to tell what each step keeps and what it loses.
#
# A picture comes as bytes, a question as letters. **What must happen before the first
# layer?** Little is learned here, but whatever is lost here, no layer brings back.

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import conv2d, embedding, last_step, mean_step, rnn
from numnet.data import shapes
from numnet.data.denoise import (gaussian_filter, gaussian_noise, median_filter,
                                 salt_and_pepper)
from numnet.data.images import downsample, prepare, standardize, to_float
from numnet.data.text import Tokenizer, split
from numnet.study import plots
from numnet.study.gradcheck import check

rng = np.random.default_rng(4)
data = shapes.generate(rng, 60)
images = data.images
print("pictures", images.dtype, images.shape, "from", images.min(), "to", images.max())
assert images.dtype == np.uint8 and images.shape[1:] == (64, 64, 3)

# %% [markdown]
# ## Scaling
# A byte goes from 0 to 255. The axes are (n, h, w, c): pictures, rows, columns, and
# three channels, red, green and blue. A weight's gradient is its input times what comes
# back, (linear.3), so inputs a hundred times larger make steps as much larger. Divide:
# $$ x_{nhwc} = \frac{1}{255}\, b_{nhwc} $$
# Another way is to shift and scale each channel to mean 0 and standard deviation 1,
# both taken from the training pictures, also for the test.

# %%
x = to_float(images)
print("floats", x.dtype, "from", x.min(), "to", x.max())
z, mean, std = standardize(x[:40])
test, _, _ = standardize(x[40:], mean, std)
print("training mean", np.abs(z.mean(axis=(0, 1, 2))).max().round(3),
      "test mean", test.mean(axis=(0, 1, 2)).round(3))
assert x.max() <= 1 and np.allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-4)

# %% [markdown]
# ## Downsampling
# Half as many rows and columns are a quarter of the work. Each block of f × f pixels
# becomes its mean:
# $$ y_{npqc} = \frac{1}{f^2} \sum_{ij} x_{n,\,fp+i,\,fq+j,\,c} $$
# That is average pooling (avg_pool2d.1). To keep every second pixel would cost less,
# but a line one pixel wide may vanish.

# %%
small = downsample(images, 2)
p, q = 5, 9
loops = sum(images[0, 2 * p + i, 2 * q + j, 0] / 4 for i in range(2) for j in range(2))
assert np.isclose(small[0, p, q, 0], loops)
line = np.zeros((1, 8, 8, 3), np.uint8)
line[:, :, 3] = 255
print("a line: by means", downsample(line, 2).max(), "by skipping",
      line[:, ::2, ::2].max())
assert downsample(line, 2).max() > 0 == line[:, ::2, ::2].max()

# %% [markdown]
# ## Inversion
# Most of each picture is pale background, near 1. A convolution answers to it
# everywhere. And it fills its border with 0, which is black: an edge that is not in the
# picture. So `prepare` turns light round, to 1 less the share of light, and blank is
# nothing. It also puts the channels second, (n, c, h, w), as (conv2d.1) wants them.

# %%
ready = prepare(images)
assert np.allclose(ready, 1 - downsample(images, 2).transpose(0, 3, 1, 2) / 255)
w, b = rng.normal(size=(4, 3, 3, 3)), np.zeros(4)
blank = np.full((1, 64, 64, 3), 245, np.uint8)
answer = {}
for name, picture in (("as it is", 1 - prepare(blank)), ("inverted", prepare(blank))):
    answer[name] = np.abs(conv2d(picture, w, b, padding=1)[0]).max()
    print(f"the largest answer to a blank picture, {name}: {answer[name]:.2f}")
assert answer["inverted"] < answer["as it is"] / 10

# %% [markdown]
# ## Noise, and two filters
# Cameras spoil pictures. *Salt and pepper* makes a share of the pixels white or black;
# *Gaussian noise* adds a random number to each. A filter looks at the pixels around:
# the **Gaussian filter** takes their mean, the nearer the weightier; the **median
# filter** sorts them and takes the middle one. One wild pixel moves the mean, but when
# sorted stands at an end, and the middle stays.

# %%
square = np.array([240, 242, 239, 241, 0, 240, 243, 241, 240])
print(f"a black pixel in a square: mean {square.mean():.0f}, "
      f"median {np.median(square):.0f}")


def error(one):
    """The root of the mean squared difference to the clean pictures, in bytes."""
    return np.sqrt(np.mean((one.astype(float) - images) ** 2))


errors = {}
noisy = {"salt": salt_and_pepper(images, 0.08, rng),
         "gauss": gaussian_noise(images, 25, rng)}
for noise, spoilt in noisy.items():
    errors[noise] = [error(spoilt), error(median_filter(spoilt)),
                     error(gaussian_filter(spoilt, 1.0))]
    print(f"{noise}: spoilt %.1f, median %.1f, Gaussian %.1f" % tuple(errors[noise]))
assert errors["salt"][1] < errors["salt"][2] < errors["salt"][0]
assert max(errors["gauss"][1:]) < errors["gauss"][0]

# %%
one = slice(0, 1)
panels = {"bytes": images[one], "salt and pepper": noisy["salt"][one],
          "Gaussian filter": gaussian_filter(noisy["salt"][one], 1.0),
          "median filter": median_filter(noisy["salt"][one])}
clean = panels["median filter"]
panels |= {"means of 2 × 2": downsample(clean, 2) / 255,
           "prepared: inverted": prepare(clean).transpose(0, 2, 3, 1)}
figure = Figure(figsize=(7, 1.75), layout="constrained")
for axes, (title, picture) in zip(figure.subplots(1, 6), panels.items()):
    axes.imshow(picture[0], interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8)
    axes.set_xlabel(f"{picture.shape[1]} × {picture.shape[2]}", fontsize=8)
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/12_preparing.png")

# %% [markdown]
# ![One picture six times: clean; with white and black dots; blurred with smeared dots;
# by the median clean again; half as large; inverted.](figures/12_preparing.png)
#
# *A picture through the steps, to what (conv2d.1) reads.* The mean spreads each dot,
# the median removes it.
#
# ## Words become numbers
# `split` makes words in lower case without punctuation. The **tokenizer** numbers those
# of the training questions from 2, the commonest first. 0 is padding, and 1 is any
# word it has never seen. Look out: two unknown words are one and the same number.

# %%
tokenizer = Tokenizer.fit(data.question)
text = "Is there a CRIMSON circle?!"
ids, lengths = tokenizer.encode([text, "What shape?", "is there a mauve circle"])
print(split(text), "of", len(tokenizer), "ids")
print(ids, "lengths", lengths)
print("read back:", tokenizer.decode(ids), "unknown:", tokenizer.unknown(text))
assert ids[0, 3] == 1 and (ids[0] == ids[2]).all() and (ids[1, 2:] == 0).all()

# %% [markdown]
# ## Padding, and lengths, on either side
# Rows of an array have one length, so short texts are filled up, on the right or on the
# left. Then a table has a vector for every number l, also for 0. (embedding.1) takes
# row l, so its dy goes back to that row, summed over all places t (embedding.2):
# $$ y_{to} = w_{l_t, o} $$
# $$ dw_{vo} = \sum_t [l_t = v]\, dy_{to} $$
# On the right, an RNN would go on over the padding; with the lengths it stops, and its
# state is carried on unchanged (rnn.2). On the left, the padding comes first, and the
# state is no longer zero when the first word is read. What is kept is the last state,
# (last_step.1), so to it alone its gradient goes (last_step.2).

# %%
table = rng.normal(size=(len(tokenizer), 3))
wx, wh, b = rng.normal(size=(3, 4)), 0.5 * rng.normal(size=(4, 4)), rng.normal(size=4)


def last(width, side, **option):
    ids, lengths = tokenizer.encode(["is there a circle"], width, side)
    words, _ = embedding(table, ids=ids)
    h, _ = rnn(words, wx, wh, b, **({"lengths": lengths} if option else {}))
    return last_step(h)[0][0]


alone = last(4, "right")
for side, option in (("right", {"lengths": True}), ("right", {}), ("left", {})):
    same = np.allclose(last(7, side, **option), alone)
    print(f"padding {side}, {'with' if option else 'no'} lengths: as alone? {same}")
    assert same == bool(option)

ids, dy, dw = np.array([3, 2, 3]), rng.normal(size=(3, 3)), np.zeros(table.shape)
for t, o in np.ndindex(3, 3):
    dw[ids[t], o] += dy[t, o]                            # (embedding.2)
assert np.allclose(embedding(table, ids=ids)[1](dy), dw)
dh = last_step(rng.normal(size=(2, 4, 3)))[1](dy[:2])
assert np.array_equal(dh[:, 3], dy[:2]) and not dh[:, :3].any()      # (last_step.2)

# %% [markdown]
# ## What people get wrong
# *To take the mean over the padding too.* The answer then depends on the longest text
# of the batch. (mean_step.1) adds up to the length l only, and divides by it:
# $$ \dot{y}_{no} = \frac{1}{l_n} \sum_t [t < l_n]\, \dot{h}_{nto} $$
# Multiply by dy and sum. What stands beside the change of h is (mean_step.2), and 0
# behind the end:

# %%
words = rng.normal(size=(1, 4, 3))
for filled in (0, 3):
    x = np.concatenate([words, np.zeros((1, filled, 3))], axis=1)
    right, _ = mean_step(x, lengths=np.array([4]))
    wrong = x.mean(axis=1)
    print(f"{filled} filled: right {right[0].round(2)}, wrong {wrong[0].round(2)}")
    assert np.allclose(right, words.mean(axis=1))
    assert np.allclose(right, wrong) == (filled == 0)
assert all(row.passed for row in check(mean_step, x, lengths=np.array([4]), rng=rng))

# %% [markdown]
# *To divide whole numbers without leaving bytes.* Bytes wrap round at 256:

# %%
pair = np.array([200, 100], np.uint8)
print("mean of 200 and 100 in bytes:", (pair[0:1] + pair[1:2])[0] // 2)
assert (pair[0:1] + pair[1:2])[0] // 2 != 150 == pair.mean()

# %% [markdown]
# ## Something to try
# Filter the pictures spoilt by Gaussian noise with sigma from 0.3 to 3. Where is the
# error least? Then `Tokenizer.fit` with min_count=20: what can no longer be told apart?
