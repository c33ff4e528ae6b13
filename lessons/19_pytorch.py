# %% [markdown]
# # The same network in PyTorch
#
# After this lesson you can carry weights from numnet to PyTorch and back, and show that
# both compute the same. PyTorch is a package that finds the backward pass by itself: it
# records each step of the forward pass, and walks the record in reverse.
#
# The question: is our network of a CNN, an RNN and linear layers the same function as
# PyTorch's, with the same gradients? If so, what you learned here holds there. Without
# PyTorch the lesson stops before its last comparison, and says so.

# %%
from functools import partial

import numpy as np

from numnet import (Concatenation, Conv2d, Linear, Sequential, cross_entropy, flatten,
                    linear, max_pool2d, relu, rnn)
from numnet.models import FusionClassifier, TextEncoder
from numnet.study.gradcheck import check

try:
    import torch
except ImportError:
    torch = None

rng = np.random.default_rng(0)

# %% [markdown]
# ## Two layouts of one matrix
# Our linear layer keeps w with axes (i, o), as (linear.1) reads from left to right.
# PyTorch keeps W with axes (o, i), the transpose:
# $$ W_{oi} = w_{io} $$
# What is its gradient? Start from the identity of lesson 2. Move w by a little, ẇ. Then
# W moves by the same numbers in other places:
# $$ \dot W_{oi} = \dot w_{io} $$
# The loss moves by one number, whichever layout tells it:
# $$ \sum_{io} dw_{io}\, \dot w_{io} = \sum_{oi} dW_{oi}\, \dot W_{oi} $$
# Put the second line into the third:
# $$ \sum_{io} dw_{io}\, \dot w_{io} = \sum_{io} dW_{oi}\, \dot w_{io} $$
# This holds for every ẇ, so the factors of each entry are equal:
# $$ dW_{oi} = dw_{io} $$
# The gradient is laid out anew exactly as the weight is. Nothing in this used that only
# two axes changed places, so it holds for every reordering of axes.

# %%
x, w, b = rng.normal(size=(3, 2)), rng.normal(size=(2, 4)), rng.normal(size=4)
dy = rng.normal(size=(3, 4))
W, dW = w.T, np.zeros((4, 2))
theirs = np.zeros((3, 4))
for n in range(3):
    for o in range(4):
        theirs[n, o] = b[o] + sum(x[n, i] * W[o, i] for i in range(2))
        for i in range(2):
            dW[o, i] += dy[n, o] * x[n, i]
y, backward = linear(x, w, b)
_, dw, _ = backward(dy)
print("dw (i, o):", dw.round(2), "dW (o, i):", dW.round(2), sep="\n")
assert np.allclose(y, theirs) and np.allclose(dw.T, dW)

# %% [markdown]
# ## One bias or two
# PyTorch's RNN adds two biases at each step, one beside each matrix. Call them u and v.
# In (rnn.1) only their sum is seen:
# $$ b_o = u_o + v_o $$
# Both may move, and their moves add:
# $$ \dot b_o = \dot u_o + \dot v_o $$
# Put this into the move of the loss, and it falls into two sums:
# $$ \sum_o db_o\, \dot b_o = \sum_o db_o\, \dot u_o + \sum_o db_o\, \dot v_o $$
# Each bias gets the whole gradient of the sum:
# $$ du_o = dv_o = db_o $$
# We put our b into u and 0 into v.
#
# ## The map, in one place
# Each line names an array here, its name there, and the order of its axes there. The
# filters of a convolution (conv2d.1) and the table of an embedding (embedding.1) have
# the same layout in both.

# %%
SAME, TRANSPOSED = None, (1, 0)
MAP = [("image_encoder.layers.0.w", "conv.weight", SAME),
       ("image_encoder.layers.0.b", "conv.bias", SAME),
       ("image_encoder.layers.4.w", "picture.weight", TRANSPOSED),
       ("image_encoder.layers.4.b", "picture.bias", SAME),
       ("text_encoder.embedding.w", "words.weight", SAME),
       ("text_encoder.reader.wx", "rnn.weight_ih_l0", TRANSPOSED),
       ("text_encoder.reader.wh", "rnn.weight_hh_l0", TRANSPOSED),
       ("text_encoder.reader.b", "rnn.bias_ih_l0", SAME),
       ("head.w", "head.weight", TRANSPOSED),
       ("head.b", "head.bias", SAME)]


def laid_out(arrays):
    """Arrays under our names, as PyTorch names them and lays them out."""
    return {there: arrays[here] if axes is None else arrays[here].transpose(axes)
            for here, there, axes in MAP}


# %% [markdown]
# ## Our network
# A picture goes through a convolution, relu, max pooling and a linear layer; a question
# through an embedding and an RNN. Both are put side by side (concatenate.1), and one
# more linear layer scores each answer. All is in float64, whose rounding is far below
# any mistake. The questions differ in length, and some examples share a picture.

# %%
model = FusionClassifier(
    Sequential(Conv2d(3, 4, 3, rng, padding=1, needs_dx=False), relu,
               partial(max_pool2d, kernel_size=2), flatten, Linear(4 * 3 * 2, 5, rng)),
    TextEncoder("rnn", 9, 6, 7, rng), Concatenation(5, 7, rng), Linear(12, 8, rng))
for p in model.parameters():                         # biases too: 0 would hide mistakes
    p.value = p.value + 0.1 * rng.normal(size=p.value.shape)
    p.zero_grad()
batch = {"images": rng.random((2, 3, 6, 4)), "ids": rng.integers(9, size=(3, 5)),
         "lengths": np.array([5, 2, 4]), "image": np.array([1, 0, 1, 1]),
         "question": np.array([0, 2, 1, 2])}
label = np.array([3, 0, 7, 3])

z, backward = model(**batch)
loss, loss_backward = cross_entropy(z, label=label)
backward(loss_backward())
ours = model.named_parameters()
assert sorted(ours) == sorted(here for here, _, _ in MAP)
values = laid_out({name: p.value for name, p in ours.items()})
grads = laid_out({name: p.grad for name, p in ours.items()})
print(f"the loss: {loss:.12f}")                       # (cross_entropy.1)
for here, there, _ in MAP:
    print(f"{here:25} {str(ours[here].value.shape):13}"
          f"{there:17} {values[there].shape}")

# %% [markdown]
# Are our gradients those of our network? That is the check of lesson 3.

# %%
rows = check(model, rng=rng, **batch)
print(f"{len(rows)} gradients, the worst error {max(row.error for row in rows):.0e}")
assert len(rows) == len(MAP) and all(row.passed for row in rows)

# %% [markdown]
# ## What people get wrong
# They forget to transpose a square matrix. A wrong wx raises: its shape does not fit.
# But wh has as many rows as columns: nothing raises, and the RNN is another one. Here
# is a state as PyTorch reads W, by rows, with the right matrix and with the wrong one.

# %%
x, wx = rng.normal(size=(3, 5, 6)), ours["text_encoder.reader.wx"].value
wh, b = (ours[f"text_encoder.reader.{name}"].value for name in ("wh", "b"))
state, _ = rnn(x, wx, wh, b)
for name, W_hh in (("transposed", wh.T), ("not transposed", wh)):
    h = np.zeros((3, 7))
    for t in range(5):
        h = np.tanh(x[:, t] @ wx + b + np.einsum("nk,ok->no", h, W_hh))
    error = np.abs(h - state[:, -1]).max()
    print(f"wh {name}: largest difference {error:.0e}")
    assert (error < 1e-12) == (name == "transposed")

# %% [markdown]
# And they train both biases. Each gets the whole gradient, so each takes the whole step
# of (sgd.3), and their sum takes two. The scores are the same; the training is not.

# %%
lr, db = 0.1, grads["rnn.bias_ih_l0"]
step = -lr * db
both = (b - lr * db) + (0 - lr * db) - b
print("both steps over one step:", (both / step).round(6))
assert np.allclose(both, 2 * step)

# %% [markdown]
# ## PyTorch's network
# The parts have the names of the map. PyTorch is told the lengths by packing the
# sequences; then it gives the state after each one's last real step, as (rnn.2) and
# (last_step.1) do. One line, `total.backward()`, is all of the backward pass.


# %%
def in_pytorch():
    """Scores, loss and gradients of PyTorch's network with our weights."""
    nn = torch.nn
    net = nn.ModuleDict({
        "conv": nn.Conv2d(3, 4, 3, padding=1), "picture": nn.Linear(4 * 3 * 2, 5),
        "words": nn.Embedding(9, 6), "rnn": nn.RNN(6, 7, batch_first=True),
        "head": nn.Linear(12, 8)}).double()
    state = {name: torch.tensor(value) for name, value in values.items()}
    net.load_state_dict(state | {"rnn.bias_hh_l0": torch.zeros(7)})
    images, ids, lengths, image, question = map(torch.tensor, batch.values())
    seen = nn.functional.max_pool2d(net["conv"](images).relu(), 2)
    u = net["picture"](seen.flatten(1))
    packed = nn.utils.rnn.pack_padded_sequence(
        net["words"](ids), lengths, batch_first=True, enforce_sorted=False)
    v = net["rnn"](packed)[1][0]
    scores = net["head"](torch.cat([u[image], v[question]], dim=1))
    total = nn.functional.cross_entropy(scores, torch.tensor(label))
    total.backward()
    return scores.detach().numpy(), total.item(), {
        name: p.grad.numpy() for name, p in net.named_parameters()}


if torch is None:
    print("PyTorch is not installed. With it, this cell would show that both networks "
          "give\nthe same scores, the same loss and the same gradient of every weight, "
          "and that\nthe second bias of the RNN gets the gradient of the first.")
else:
    scores, total, found = in_pytorch()
    print(f"largest difference: scores {np.abs(scores - z).max():.0e}, "
          f"loss {abs(total - loss):.0e}")
    assert np.abs(scores - z).max() < 1e-10 and abs(total - loss) < 1e-10
    for name, grad in grads.items():
        print(f"gradient of {name:17} {np.abs(found[name] - grad).max():.0e}")
        assert np.abs(found[name] - grad).max() < 1e-10
    assert np.allclose(found["rnn.bias_ih_l0"], found["rnn.bias_hh_l0"], 0, 1e-10)
    assert found.keys() - grads.keys() == {"rnn.bias_hh_l0"}

# %% [markdown]
# ## Something to try
# In `in_pytorch`, stop v with `net["rnn"].bias_hh_l0.requires_grad_(False)`, train both
# networks for some steps of SGD with the same lr, and compare the weights. Then put an
# LSTM in the place of the RNN: its gates lie in PyTorch's order, so the map stays.
