# %% [markdown]
# # Training and evaluating
#
# You will be able to train a network that answers questions about pictures, and to say
# how good it is, in numbers that do not flatter it.
#
# All parts are there: encoders, fusion, loss, optimiser. **How are they trained on many
# examples, and how do we know what was learned?** To be quick, few pictures are drawn,
# like those of easy-VQA, a public set of questions about shapes.

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import (Adam, accuracy, clip_grad_norm, confusion_matrix, cosine, dropout,
                    cross_entropy, mean_precision_recall_f1, precision_recall_f1)
from numnet.data import shapes, split_by_image
from numnet.data.examples import Examples
from numnet.data.text import Tokenizer
from numnet.models import fusion_classifier
from numnet.study import plots
from numnet.training import evaluate, fit, train_step

rng = np.random.default_rng(0)
data = shapes.generate(rng, 500)
print(len(data.images), "pictures,", len(data), "questions, as", data.question[0])

# %% [markdown]
# ## Split by picture
# What a network has seen it may know by heart. So a **validation set** is set aside, to
# look at during training, and a **test set**, to look at once. Several questions share
# a picture: deal out questions, and nearly every picture stands on both sides.

# %%
rest, test = split_by_image(data, 0.2, rng)
train, validation = split_by_image(rest, 0.2, rng)
side = rng.random(len(data)) < 0.2                   # wrong: dealt out by question
both = np.isin(np.unique(data.image[side]), data.image[~side]).mean()
print([len(part.images) for part in (train, validation, test)], "pictures a part")
print(f"dealt out by question, {both:.0%} of the test pictures were trained on")
assert both > 0.95

tokenizer, answers = Tokenizer.fit(train.question), sorted(set(train.answer))
train, validation, test = (Examples.of(part, tokenizer, answers, factor=4)
                           for part in (train, validation, test))

# %% [markdown]
# ## Batches of pictures
# A **batch** is some pictures with all their questions; each is encoded once. One turn
# through all batches is an **epoch**. The loss of N examples is a mean of the losses of
# its parts b, each weighed by its share of examples. A change of w is felt in all:
# $$ \dot{L} = \sum_b \frac{N_b}{N}\, \langle dw^{(b)}, \dot{w} \rangle $$
# $$ dw = \sum_b \frac{N_b}{N}\, dw^{(b)} $$
# So the gradient of a batch is an estimate of that of all examples, for less work. By
# the same sums processes that share a batch join theirs (join.1), (join.2), (join.3).

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
print({name: array.shape for name, array in inputs.items()}, label.shape)
whole, N = gradient(np.arange(10))
parts = [gradient(np.arange(3)), gradient(np.arange(3, 10))]
weighted = sum(n / N * dw for dw, n in parts)
assert np.allclose(whole, weighted, atol=1e-6)

# %% [markdown]
# ## One step
# Forward, loss, backward, then clip and move. To **clip** is to shorten the gradient of
# all parameters together, where it is longer than m, so that one odd batch cannot throw
# the weights far off. Its length is (clip_grad_norm.1), and then (clip_grad_norm.2):
# $$ g = \sqrt{\sum_{wk} dw_k^2} $$
# $$ dw_k \leftarrow dw_k\, \min\Big(1, \frac{m}{g + 10^{-6}}\Big) $$
# All are scaled by one number; the direction stays. By hand, and by `train_step`:

# %%
by_hand, package = network(), network()
hand, theirs = (Adam(model.parameters(), lr=0.01) for model in (by_hand, package))
z, model_back = by_hand(**inputs)
loss_by_hand, loss_back = cross_entropy(z, label=label)
by_hand.zero_grad()                                  # or (apply.1) adds to the last one
model_back(loss_back())
length = sum(float((p.grad ** 2).sum()) for p in hand.parameters) ** 0.5
assert np.isclose(clip_grad_norm(hand.parameters, 0.5), length)
hand.step()
loss, _ = train_step(package, theirs, inputs, label, max_norm=0.5)
print(f"loss {loss:.4f}, and the gradient's length {length:.2f} is cut to 0.5")
assert length > 0.5 and np.isclose(loss, loss_by_hand)
for name, p in by_hand.named_parameters().items():
    assert np.array_equal(p.value, package.named_parameters()[name].value), name

# %% [markdown]
# ## Many steps: the rate, and the history
# Large steps first, small ones last, to come to rest. The learning rate is multiplied
# by a factor that rises in the first W steps (cosine.1), and falls along half a wave,
# from step H to the last, K (cosine.2):
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
assert 3 * history[-1]["loss"] < history[0]["loss"]
assert history[-1]["loss"] < history[-1]["validation_loss"]

# %% [markdown]
# Training goes on getting better where validation stays behind: part of what is learned
# there is these very pictures. This is **overfitting**. One remedy is **dropout**: in
# training, each number is put out with the chance r; a is then 0, else 1. What stays is
# made larger, so that the mean is kept. So a number is multiplied by a constant
# (dropout.1), and its gradient by the same (dropout.2):
# $$ y_k = \frac{a_k}{1 - r}\, x_k, \quad dx_k = \frac{a_k}{1 - r}\, dy_k $$

# %%
x, dy = rng.normal(size=(2, 5))
y, backward = dropout(x, rate=0.25, rng=rng)
a = y != 0
print("stays", a, "y / x", (y / x).round(3))
assert np.allclose(y, a / 0.75 * x) and np.allclose(backward(dy), a / 0.75 * dy)

# %% [markdown]
# ## How good is it?
# Now the test pictures, once. The accuracy is the share of right answers (accuracy.1).
# The **confusion matrix** counts which answer was given to which:
# $$ C_{kj} = \sum_n [l_n = k]\, [p_n = j] $$
# A row is a true class, a column an answer (confusion_matrix.1). The **precision** of a
# class: how many of its answers are right. The **recall**: how much of it is found.
# **F1**, their harmonic mean, is high only where both are. As counts they are
# (precision_recall_f1.1), (precision_recall_f1.2), (precision_recall_f1.3). Their mean
# over classes gives the same weight to each of the K (mean_precision_recall_f1.1), or
# to each of the N examples, N_k of class k (mean_precision_recall_f1.2). All counted
# together (mean_precision_recall_f1.3), it is the accuracy.

# %%
loss, said = evaluate(model, test)
matrix = np.zeros((len(answers), len(answers)), int)
for given, true in zip(said, test.label):
    matrix[true, given] += 1
assert (matrix == confusion_matrix(said, test.label, len(answers))).all()
measures = np.array(precision_recall_f1(said, test.label, len(answers))).T
print(f"test loss {loss:.3f}, accuracy {accuracy(said, test.label):.3f}")
for k, answer in enumerate(answers):
    right, row, column = matrix[k, k], matrix[k].sum(), matrix[:, k].sum()
    print(f"{answer:<10} precision %.2f, recall %.2f, F1 %.2f" % tuple(measures[k]))
    if right:
        p, r = right / column, right / row
        assert np.allclose(measures[k], [p, r, 2 * p * r / (p + r)])
N = matrix.sum(axis=1)
for kind, mean in (("macro", measures.mean(axis=0)),
                   ("weighted", N @ measures / N.sum()),
                   ("micro", matrix.trace() / N.sum())):
    means = mean_precision_recall_f1(said, test.label, len(answers), kind)
    print(f"{kind:8} %.2f, %.2f, %.2f" % means)
    assert np.allclose(means, mean)

# %%
figure = Figure(figsize=(9.6, 3.4), layout="constrained")
*curves, table = figure.subplots(1, 3, width_ratios=(1, 1, 1.3))
for axes, title, names in zip(curves, ("loss", "accuracy"), (
        ("loss", "validation_loss"), ("train_rating", "validation_rating"))):
    for name, label, style in zip(names, ("training", "validation"), ("-", "--")):
        axes.plot(range(1, 19), [row[name] for row in history], style, label=label,
                  color=plots.BLUE if label == "training" else plots.ORANGE)
    axes.set(title=title, xlabel="epoch")
curves[0].legend()
table.imshow(matrix / np.maximum(1, N[:, None]), cmap="Blues", vmin=0, vmax=1)
table.set(title="answers to each true class", xlabel="answer given", ylabel="true")
table.set_yticks(range(len(N)), answers, fontsize=8)
table.set_xticks(range(len(N)), answers, fontsize=8, rotation=90)
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/14_training.png")

# %% [markdown]
# ![Two curves over training: the losses fall, that of validation less; the accuracies
# rise. And the confusion matrix, darkest on its diagonal.](figures/14_training.png)
#
# *(cross_entropy.1), (accuracy.1), and (confusion_matrix.1), each row over its sum.*
#
# ## What people get wrong
# *To trust the accuracy alone.* Most questions want yes or no. A network that has only
# learned to say no looks like something. Its mean F1 does not:

# %%
always = np.full(len(test.label), answers.index("no"))
_, _, f1 = precision_recall_f1(always, test.label, len(answers))
share = np.isin(test.label, [answers.index("no"), answers.index("yes")]).mean()
print(f"yes or no {share:.0%}; always no: accuracy {accuracy(always, test.label):.2f}, "
      f"mean F1 {f1.mean():.2f}, the network's {measures[:, 2].mean():.2f}")
assert accuracy(always, test.label) > 0.3 and f1.mean() < 0.1
assert measures[:, 2].mean() > 0.7

# %% [markdown]
# ## Something to try
# Hide the pictures: train on `train.without("image", rng)`. On which answers is it
# still right? Then train with `train_step`, at one rate all the time: which curve is
# restless?
