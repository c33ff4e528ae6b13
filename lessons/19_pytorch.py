# %% [markdown]
# # The same network in PyTorch
#
# After this lesson you can take a trained network from numnet to PyTorch, weights and
# all, and show that both compute the same. PyTorch is a package that finds the backward
# pass by itself: it records each step of the forward pass, and walks the record in
# reverse. It runs on machines made for many numbers at once.
#
# The question: is our network the same function there, with the same gradients? If so,
# what you learned here holds there. Without PyTorch the lesson stops before its last
# comparison, and says so.

# %%
import json
import runpy
import shutil
import tempfile
from pathlib import Path

import numpy as np

from numnet import cross_entropy, linear, recipes, rnn, safetensors
from numnet.data.shapes import generate
from numnet.data.text import Tokenizer
from numnet.study import export
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
# ## A file of numbers
# The weights travel in a file that both read. The format *safetensors* is simple enough
# to write by hand: the size of a header in 8 bytes; the header, which says in text what
# each array is called, its kind, its shape and where it begins and ends; the numbers.

# %%
w = np.arange(6, dtype="<f4").reshape(2, 3)
text = json.dumps({"head.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets":
                                   [0, w.nbytes]}}, separators=(",", ":"))
text += " " * (-len(text) % 8)                       # the numbers begin at an eighth
by_hand = len(text).to_bytes(8, "little") + text.encode() + w.tobytes()
print(by_hand)
folder = Path(tempfile.mkdtemp())
(folder / "hand.safetensors").write_bytes(by_hand)
assert (safetensors.load(folder / "hand.safetensors")["head.weight"] == w).all()
safetensors.save(folder / "ours.safetensors", {"head.weight": w})
assert (folder / "ours.safetensors").read_bytes() == by_hand

# %% [markdown]
# Nothing in such a file can be run. Files that *pickle* Python's objects, as PyTorch's
# own did for long, run what they hold when they are opened.
#
# ## Our network, written out
# Here is the network of `numnet train`: a picture goes through two convolutions
# (conv2d.1) and the largest number of each channel (global_max_pool2d.1); a question
# through an embedding (embedding.1) and an RNN (rnn.1); side by side (concatenate.1)
# they go through two linear maps (linear.1). It was not trained: to compare two
# networks, any weights will do, if none is 0, which would hide mistakes.
# `export.write` does what `numnet export RUN -o DIR` does for a run of yours.

# %%
asked = generate(rng, 20)
config = recipes.Config("shapes", words=tuple(Tokenizer.fit(asked.question).words[2:]),
                        answers=tuple(sorted(set(asked.answer))))
model, task = recipes.build(config)
for p in model.parameters():
    p.value = p.value + 0.1 * rng.normal(size=p.value.shape).astype(np.float32)
export.write(folder, config, model)
code = (folder / "model_torch.py").read_text(encoding="utf-8")
print("def network" + code.partition("def network")[2].partition("\n\n\n")[0], "\n")

stored = safetensors.load(folder / "weights.safetensors")
for here, there in zip(model.state_dict(), export.laid_out(model, model.state_dict())):
    shape = model.named_parameters()[here].value.shape
    print(f"{here:26} {str(shape):14} {there:33} {stored[there].shape}")

# %% [markdown]
# The linear and the recurrent weights have their axes turned about; the filters and the
# table have not. What else stands in the file is the RNN's second bias, 0. Of each
# layer that PyTorch does not have, `model_torch.py` holds a class, in PyTorch's words.
#
# ## What people get wrong
# They forget to transpose a square matrix. A wrong wx raises: its shape does not fit.
# But wh has as many rows as columns: nothing raises, and the RNN is another one. Here
# is a state as PyTorch reads W, by rows, with the right matrix and with the wrong one.

# %%
reader = model.text_encoder.reader
wx, wh, b = (each.value.astype(float) for each in (reader.wx, reader.wh, reader.b))
x = rng.normal(size=(3, 5, len(wx)))
state, _ = rnn(x, wx, wh, b)
for name, W_hh in (("transposed", wh.T), ("not transposed", wh)):
    h = np.zeros((3, len(wh)))
    for t in range(5):
        h = np.tanh(x[:, t] @ wx + b + np.einsum("nk,ok->no", h, W_hh))
    error = np.abs(h - state[:, -1]).max()
    print(f"wh {name}: largest difference {error:.0e}")
    assert (error < 1e-12) == (name == "transposed")

# %% [markdown]
# And they train both biases. Each gets the whole gradient, so each takes the whole step
# of (sgd.3), and their sum takes two. The scores are the same; the training is not. So
# `model_torch.py` lets the second one stay 0: `requires_grad_(False)`.
#
# ## Our numbers
# All in float64, whose rounding is far below any mistake: scores of random questions
# about random pictures, the loss (cross_entropy.1), and its gradient for every weight.
# The gradients are laid out as the weights are. First, are they those of our network?
# That is the check of lesson 3, here on two layers.

# %%
for p in model.parameters():
    p.value = p.value.astype(float)
    p.zero_grad()
inputs, label = export.sample(config, rng)
z, backward = model(**inputs)
loss, loss_backward = cross_entropy(z, label=label)
backward(loss_backward())
ours = export.laid_out(model, {name: p.grad
                               for name, p in model.named_parameters().items()})
print(f"{len(ours)} gradients, the loss {loss:.12f}")
rows = check(model.head, rng.normal(size=(2, 128)), rng=rng)
print(f"the head: worst error {max(row.error for row in rows):.0e}")
assert all(row.passed for row in rows) and loss > 0

# %% [markdown]
# ## PyTorch's numbers
# `load` puts the network together and reads the file. Then one line, `backward()`, is
# all of the backward pass.

# %%
if torch is None:
    print("PyTorch is not installed. With it, this cell would show that both networks "
          "give\nthe same scores, the same loss and the same gradient of every weight.")
else:
    module = runpy.run_path(str(folder / "model_torch.py"))
    network = module["load"]().double()
    scores = network(**{name: torch.tensor(array) for name, array in inputs.items()})
    total = torch.nn.functional.cross_entropy(scores, torch.tensor(label))
    total.backward()
    found = {name: p.grad for name, p in network.named_parameters()}
    assert found.pop("text_encoder.reader.bias_hh_l0") is None
    difference = {"scores": np.abs(scores.detach().numpy() - z).max(),
                  "loss": abs(total.item() - loss)}
    for name, grad in found.items():
        difference[name] = np.abs(grad.numpy() - ours[name]).max()
    for name, largest in difference.items():
        print(f"{name:34} {largest:.0e}")
        assert largest < 1e-10
    assert found.keys() == ours.keys()
    said = module["answers"](module["load"](), asked.images[0], asked.question[0])
    print(asked.question[0], {name: round(share, 4) for name, share in said.items()})
shutil.rmtree(folder)

# %% [markdown]
# ## Something to try
# Export a run that you have trained: `numnet export RUN -o DIR --verify`. Go into DIR
# and train on with `torch.optim.SGD(network.parameters(), lr=0.01)`, and the loss that
# the file names. Then change one sign in `model_torch.py`, and compare again with
# `export.compare`: which rows tell you where it was?
