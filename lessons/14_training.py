# %% [markdown]
# # Training and evaluating
#
# You will be able to train a network that answers questions about pictures, to read its
# curves, and to say how good it is, in numbers that do not flatter it.
#
# All parts are there: encoders, fusion, loss, optimiser. **How are they trained on many
# examples, and how do we know what was learned?** We take few pictures, generated as
# those of easy-VQA are, so that it is quick.

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import (Adam, accuracy, clip_grad_norm, confusion_matrix, cosine,
                    cross_entropy, precision_recall_f1)
from numnet.data import shapes, split_by_image
from numnet.data.examples import Examples
from numnet.data.text import Tokenizer
from numnet.models import fusion_classifier
from numnet.study import plots
from numnet.training import evaluate, fit, train_step

rng = np.random.default_rng(0)
data = shapes.generate(rng, 500)
print(len(data.images), "pictures,", len(data), "questions, as", data.question[0],
      data.answer[0])

# %% [markdown]
# ## Split by picture
# What a network has seen it may know by heart. So some examples are set aside, the
# **validation set**, to look at during training, and a **test set**, to look at once.
# Several questions share a picture. If the questions were dealt out, nearly every
# picture would stand on both sides:

# %%
rest, test = split_by_image(data, 0.2, rng)
train, validation = split_by_image(rest, 0.2, rng)
side = rng.random(len(data)) < 0.2                   # wrong: dealt out by question
both = np.isin(np.unique(data.image[side]), data.image[~side]).mean()
print([len(part.images) for part in (train, validation, test)], "pictures a part")
print(f"dealt out by question, {both:.0%} of the test pictures were trained on")
assert both > 0.95
seen = {picture.tobytes() for picture in train.images}
assert not any(picture.tobytes() in seen for picture in test.images)

tokenizer, answers = Tokenizer.fit(train.question), sorted(set(train.answer))
train, validation, test = (Examples.of(part, tokenizer, answers, factor=4)
                           for part in (train, validation, test))

# %% [markdown]
# ## Batches of pictures
# A **batch** is some pictures with all their questions. Each picture is encoded once
# for all of them, and each question once for all pictures. One turn through all batches
# is an **epoch**. The loss of N examples is a mean, and so it is a weighted mean of the
# losses of its parts b, each by its share of examples. A change of w is felt in all:
# $$ \dot{L} = \sum_b \frac{N_b}{N}\, \dot{L}^{(b)} $$
# $$ \langle dw, \dot{w} \rangle
#    = \sum_b \frac{N_b}{N}\, \langle dw^{(b)}, \dot{w} \rangle $$
# $$ dw = \sum_b \frac{N_b}{N}\, dw^{(b)} $$
# So the gradient of a batch is an estimate of that of all examples, for less work.

# %%


def network(seed=0):
    return fusion_classifier(len(tokenizer), len(answers), np.random.default_rng(seed),
                             channels=(8, 16), features=32, hidden_size=32, head=64)


def gradient(images):
    """The gradient of the head's first weights on these pictures, and the examples."""
    model.zero_grad()
    inputs, label = train.batch(images)
    z, model_back = model(**inputs)
    model_back(cross_entropy(z, label=label)[1]())
    return model.head.layers[0].w.grad, len(label)


model = network()
inputs, label = train.batch(np.arange(10))
for name, array in (inputs | {"label": label}).items():
    print(name, array.shape)
whole, N = gradient(np.arange(10))
parts = [gradient(np.arange(3)), gradient(np.arange(3, 10))]
weighted = sum(n / N * dw for dw, n in parts)
plain = sum(dw for dw, _ in parts) / 2
print("examples", N, "in parts of", [n for _, n in parts])
assert np.allclose(whole, weighted, atol=1e-6)
assert not np.allclose(whole, plain, atol=1e-4)

# %% [markdown]
# ## One step
# Forward, loss, backward, then clip and move. To **clip** is to shorten the gradient of
# all parameters together, where it is longer than m, so that one odd batch cannot throw
# the weights far off. Its length is (clip_grad_norm.1), and then (clip_grad_norm.2):
# $$ g = \sqrt{\sum_{wk} dw_k^2} $$
# $$ dw_k \leftarrow dw_k\, \min\Big(1, \frac{m}{g + 10^{-6}}\Big) $$
# All are scaled by one number, so the direction stays. By hand, and by `train_step`:

# %%
by_hand, package = network(), network()
for model in (by_hand, package):
    optimizer = Adam(model.parameters(), lr=0.01)
    if model is package:
        loss, _ = train_step(model, optimizer, inputs, label, max_norm=0.5)
        continue
    z, model_back = model(**inputs)
    loss_by_hand, loss_back = cross_entropy(z, label=label)
    model.zero_grad()                                # or (apply.1) adds to the last one
    model_back(loss_back())
    length = sum(float((p.grad ** 2).sum()) for p in optimizer.parameters) ** 0.5
    assert np.isclose(clip_grad_norm(optimizer.parameters, 0.5), length)
    optimizer.step()
print(f"loss {loss:.4f}, and the gradient's length {length:.2f} is cut to 0.5")
assert length > 0.5 and np.isclose(loss, loss_by_hand)
for name, p in by_hand.named_parameters().items():
    assert np.array_equal(p.value, package.named_parameters()[name].value), name

# %% [markdown]
# ## Many steps: the rate, and the history
# Large steps first, to get near; small ones last, to come to rest. The learning rate
# is multiplied by a factor that rises in the first W steps (cosine.1), and falls along
# half a wave, from step H to the last, K (cosine.2):
# $$ f = \frac{k + 1}{W} \quad (k < W) $$
# $$ f = \frac{1}{2}\Big(1 + \cos \pi \frac{k-H}{K-H}\Big) \quad (k \ge H) $$
# `fit` does it all, and returns the **history**, a row for each epoch.

# %%
assert np.isclose(cosine(30, 50, 5), (1 + np.cos(np.pi * 25 / 45)) / 2)
assert np.isclose(cosine(2, 50, 5), 3 / 5)
model = network()
history = fit(model, Adam(model.parameters(), lr=0.01), train, validation, epochs=18,
              batch_size=16, seed=0, warmup=0.1)
for row in history[::5] + history[-1:]:
    print("epoch {epoch}: loss {loss:.3f}, accuracy {train_rating:.3f}; validation "
          "{validation_loss:.3f}, {validation_rating:.3f}".format(**row))
assert history[-1]["loss"] < history[0]["loss"] / 3
assert history[-1]["loss"] < history[-1]["validation_loss"]

# %%
figure = Figure(figsize=(7, 2.7), layout="constrained")
rate, loss_axes, accuracy_axes = figure.subplots(1, 3)
steps = len(train.batches(16)) * 18
rate.plot([cosine(k, steps, round(0.1 * steps)) for k in range(steps)], plots.BLUE)
rate.set(title="factor of the rate", xlabel="step")
for axes, title, names in ((loss_axes, "loss", ("loss", "validation_loss")),
                           (accuracy_axes, "accuracy",
                            ("train_rating", "validation_rating"))):
    for name, style, color in zip(names, ("-", "--"), (plots.BLUE, plots.ORANGE)):
        axes.plot([row["epoch"] for row in history], [row[name] for row in history],
                  style, color=color, linewidth=2, label="validation"
                  if "validation" in name else "training")
    axes.set(title=title, xlabel="epoch")
    axes.grid(alpha=0.3)
loss_axes.legend()
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/14_training.png")

# %% [markdown]
# ![Three curves over training. The factor rises to 1 and falls to 0 in a half wave. The
# losses fall, that of validation less; the accuracies rise.](figures/14_training.png)
#
# *The rate (cosine.2), the loss (cross_entropy.1), the accuracy (accuracy.1).* Training
# goes on getting better where validation stays behind: part of what is learned there is
# these very pictures. This is **overfitting**.
#
# ## How good is it?
# Now the test pictures, once. The accuracy is the share of right answers (accuracy.1).
# The **confusion matrix** counts which answer was given to which:
# $$ C_{kj} = \sum_n [l_n = k]\, [p_n = j] $$
# A row is a true class, a column an answer (confusion_matrix.1). The **precision** of a
# class: how many of its answers are right. The **recall**: how much of it is found.
# **F1**, their harmonic mean, is high only where both are. As counts they are
# (precision_recall_f1.1), (precision_recall_f1.2), (precision_recall_f1.3).

# %%
loss, said = evaluate(model, test)
matrix = np.zeros((len(answers), len(answers)), int)
for given, true in zip(said, test.label):
    matrix[true, given] += 1
assert (matrix == confusion_matrix(said, test.label, len(answers))).all()
measures = np.array(precision_recall_f1(said, test.label, len(answers))).T
print(f"test loss {loss:.3f}, accuracy {accuracy(said, test.label):.3f}")
assert np.isclose(accuracy(said, test.label), matrix.trace() / matrix.sum())
for k, answer in enumerate(answers):
    right, row, column = matrix[k, k], matrix[k].sum(), matrix[:, k].sum()
    print(f"{answer:<10} precision %.2f, recall %.2f, F1 %.2f" % tuple(measures[k]))
    if right:
        p, r = right / column, right / row
        assert np.allclose(measures[k], [p, r, 2 * p * r / (p + r)])

# %% [markdown]
# ## What people get wrong
# *To trust the accuracy alone.* Most questions want yes or no. A network that says no
# to everything, and has learned nothing, looks like something. The mean of F1 does not:

# %%
always = np.full(len(test.label), answers.index("no"))
_, _, f1 = precision_recall_f1(always, test.label, len(answers))
share = np.isin(test.label, [answers.index("no"), answers.index("yes")]).mean()
print(f"yes or no {share:.0%}; always no: accuracy {accuracy(always, test.label):.2f}, "
      f"mean F1 {f1.mean():.2f}, the network's {measures[:, 2].mean():.2f}")
assert share > 0.5 and accuracy(always, test.label) > 0.3
assert f1.mean() < 0.1 and measures[:, 2].mean() > 0.7

# %% [markdown]
# ## Something to try
# Hide the pictures: train on `train.without("image", rng)`. How far does it come, and
# on which answers? Then train with `train_step` alone, at one rate all the time: which
# curve grows restless?
