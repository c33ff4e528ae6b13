# %% [markdown]
# # From the article to working code
#
# This package began with an article, 《多模态大模型：整合视觉与文本信息的前沿科技》.
# Its plan is sound: read the picture by a convolution, the text by a recurrent network,
# join both. Its formulas are short-hand, and its listing cannot run. **What does each
# formula say, and what would be right?** After this lesson you can hold a paper against
# working code, piece by piece.
#
# | 中文 | English | here |
# |---|---|---|
# | 卷积, 循环神经网络 | convolutional, recurrent network | `conv2d`, `rnn` |
# | 隐藏状态, 自注意力 | hidden state, self-attention | h, `attention` |
# | 特征融合, 拼接 | fusion of features, concatenation | `concatenate` |
# | 损失函数, 交叉熵 | loss, cross-entropy | `cross_entropy` |
# | 随机梯度下降 | stochastic gradient descent | `SGD` |
# | 准确率, 精确率, 召回率 | accuracy, precision, recall | `metrics.py` |
# | F1 分数, 平均精确率 | F1 score, average precision | `metrics.py` |

# %%
import ast
import contextlib

import numpy as np

from numnet import (MultiHeadAttention, accuracy, attention, average_precision,
                    binary_cross_entropy, concatenate, conv2d, cross_entropy, linear,
                    mean_average_precision, precision_recall_curve,
                    precision_recall_f1, rnn)
from numnet.models import article_model
from numnet.study.stepper import watch

rng = np.random.default_rng(0)

# %% [markdown]
# ## The convolution
# $$ f_{CNN}(x) = \sigma(W_{CNN} \cdot x + b_{CNN}) $$
# That is a dense layer. A convolution (conv2d.1) is linear too, so there is such a W:
# shown each picture of one bright pixel, the convolution names it column by column. But
# the entries of W are not free: most are 0, the others repeat.

# %%
w, b = rng.normal(size=(1, 1, 3, 3)), np.zeros(1)
pixels = np.eye(64).reshape(64, 1, 8, 8)
W = conv2d(pixels, w, b)[0].reshape(64, 36).T
x = rng.normal(size=(1, 1, 8, 8))
assert np.allclose(W @ x.ravel(), conv2d(x, w, b)[0].ravel())
free = len(set(W[W != 0]))
print(f"a dense W has {W.size} free numbers, the convolution's {free}")
assert free == w.size < np.count_nonzero(W) < W.size

# %% [markdown]
# ## The recurrent network
# $$ h_t = \sigma(W_h \cdot [h_{t-1}, x_t] + b_h) $$
# This one is right, and is (rnn.1) with both matrices in one. What it leaves open: the
# first state (ours is zero), and σ (ours is tanh, which may be negative).

# %%
x, wx = rng.normal(size=(2, 5, 3)), rng.normal(size=(3, 4))
wh, b = rng.normal(size=(4, 4)), rng.normal(size=4)
Wh = np.concatenate([wh, wx]).T
h = np.zeros((2, 4))
for t in range(5):
    h = np.tanh(np.concatenate([h, x[:, t]], axis=1) @ Wh.T + b)
assert np.allclose(h, rnn(x, wx, wh, b)[0][:, -1])
print("stacked or apart, the last states are the same")

# %% [markdown]
# ## "MultiHeadAttention"
# $$ \mathrm{softmax}\Big(\frac{Q K^T}{\sqrt{d_k}}\Big) V $$
# This is one head, and it has nothing to learn: (attention.2) and (attention.3). Many
# heads each get a part of the features, by projections that are learned. Take these
# away, and one head is the formula; two are not.

# %%
x = rng.normal(size=(1, 5, 6))
e = np.exp(x @ x.swapaxes(1, 2) / np.sqrt(6))
formula = e / e.sum(axis=-1, keepdims=True) @ x
assert np.allclose(attention(x, x, x)[0], formula)
for heads in (1, 2):
    layer = MultiHeadAttention(6, heads, rng)
    for projection in (layer.q, layer.k, layer.v, layer.o):
        projection.w.value = np.eye(6)
    with watch("attention.2") as steps:
        y, _ = layer(x)
    same = np.allclose(y, formula)
    print(f"heads {heads}, shares {steps[0].arrays['p'].shape}: the formula? {same}")
    assert same == (heads == 1)

# %% [markdown]
# ## The loss
# $$ -\frac{1}{N} \sum_i y_i \log \hat{y}_i $$
# For several classes it lacks the sum over them, unless y is one-hot and "·" means it:
# then it is (cross_entropy.1). For one sigmoid, as in the listing, the second term of
# (binary_cross_entropy.1) is missing: to say yes to everything costs nothing.

# %%
target, always_yes = np.array([1.0, 0.0, 0.0, 1.0]), np.full(4, 20.0)
theirs = -np.mean(target * np.log(1 / (1 + np.exp(-always_yes))))
ours, _ = binary_cross_entropy(always_yes, target=target)
print(f"always yes, half of it wrong: the article's loss {theirs:.4f}, ours {ours:.4f}")
assert theirs < 1e-8 and ours > 9

z, label = rng.normal(size=(4, 3)), np.array([2, 0, 1, 1])
p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
assert np.isclose(-np.mean((np.eye(3)[label] * np.log(p)).sum(axis=1)),
                  cross_entropy(z, label=label)[0])

# %% [markdown]
# The squared error and gradient descent are right: (mse.1), (sgd.3) without momentum.
#
# ## The fused features
# In W · x an example is a column; in the features and in z it is a row: all features of
# a picture, then all of its text. So W must stand on the right, as in (linear.1). (And
# y is first the captions, then the labels.)

# %%
u, v, W = (rng.normal(size=size) for size in [(7, 3), (7, 2), (4, 5)])
z, _ = concatenate(u, v)
print(f"pictures {u.shape}, texts {v.shape}: z {z.shape}, W {W.shape}")
assert z.shape[0] != W.shape[1] and np.allclose(z[2], [*u[2], *v[2]])
assert np.allclose(linear(z, W.T, np.zeros(4))[0].T, W @ z.T)

# %% [markdown]
# ## The measures
# The article takes F1 for the harmonic mean of 准确率 and 召回率, accuracy and recall. It
# is that of 精确率, precision, and recall (precision_recall_f1.3). Nor is average
# precision the mean of the classes' precisions: it asks how scores rank
# (average_precision.1), and models that give the same answers may rank differently.

# %%
label = np.repeat([1, 0], [10, 90])
said = np.repeat([1, 0, 1, 0], [2, 8, 18, 72])
a, each = accuracy(said, label), np.array(precision_recall_f1(said, label, 2))
p, r, f = each[:, 1]
theirs = 2 * a * r / (a + r)
print(f"accuracy {a:.2f}, precision {p:.2f}, recall {r:.2f}; "
      f"F1 {f:.2f}, not {theirs:.2f}")
assert np.isclose(f, 2 * p * r / (p + r)) and theirs > 2 * f

truth = np.array([1, 0, 1, 0])
one, other = np.array([0.9, 0.8, 0.3, 0.2]), np.array([0.8, 0.9, 0.2, 0.3])
first, second = average_precision(one, truth), average_precision(other, truth)
print(f"the same answers, average precision {first:.2f} and {second:.2f}")
assert ((one > 0.5) == (other > 0.5)).all() and first > second

# %% [markdown]
# Where does the ranking come in? Take all that score c or more for the answer yes: T of
# them are right (precision_recall_curve.1), and P and R are their precision
# (precision_recall_curve.2) and recall (precision_recall_curve.3). Average precision is
# the mean of P, each weighed by what R gains there. Its mean over K classes is
# (mean_average_precision.1):
# $$ M = \frac{1}{K} \sum_k A(z_{\cdot k}, [l = k]) $$

# %%
curve, area, before = precision_recall_curve(one, truth), 0.0, 0.0
for P, R, c in zip(*curve):
    T = sum(truth[one >= c])
    print(f"score {c} or more: precision {P:.2f}, recall {R:.2f}")
    assert P == T / sum(one >= c) and R == T / sum(truth)
    area, before = area + P * (R - before), R
assert np.isclose(area, first)
scores, label = rng.normal(size=(6, 3)), np.array([0, 1, 2, 2, 0, 1])
each = [average_precision(scores[:, k], label == k) for k in range(3)]
assert np.isclose(mean_average_precision(scores, label), np.mean(each))

# %% [markdown]
# ## The listing
# One of its lines is not Python. Another gives the name of the captions to a tokenizer,
# and they are lost; `sequences` is read a line before it is set, `vocab_size` is set
# nowhere, and the data is the literal `...`.

# %%
with contextlib.suppress(SyntaxError):
    ast.parse("captions sequences = captions.texts_to_sequences(captions)")
    raise AssertionError("it is Python after all")
for line in ("captions = keras.preprocessing.text.Tokenizer()",
             "max_len = max(len(seq) for seq in sequences)",
             "Embedding(input_dim=vocab_size, output_dim=embedding_size)"):
    names = [node for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Name)]
    sets, reads = (sorted({node.id for node in names if isinstance(node.ctx, kind)})
                   for kind in (ast.Store, ast.Load))
    print("sets", sets, "reads", reads)
assert ast.literal_eval("...") is Ellipsis

# %% [markdown]
# Repaired that far it would run, not learn to see: both encoders only `predict`, the
# gradient ends at z, and they stay as random as they were drawn. What the labels mean
# is not said. And the pins may clash: pip does not install Python, and TensorFlow of
# that time asked for an older NumPy. In numnet the gradient reaches every weight:

# %%
model = article_model(9, 1, rng)
z, backward = model(images=rng.random((2, 3, 64, 64), np.float32),
                    ids=np.arange(8).reshape(2, 4), lengths=np.array([4, 3]),
                    image=np.arange(2), question=np.arange(2))
backward(binary_cross_entropy(z, target=np.array([[1.0], [0.0]]))[1]())
reached = [name for name, p in model.named_parameters().items() if p.grad.any()]
print(f"{len(reached)} arrays of weights, from {reached[0]} to {reached[-1]}")
assert len(reached) == len(model.parameters())

# %% [markdown]
# ## The references
# From memory and catalogues: look them up before you cite them.
#
# - As stated: Vaswani et al. 2017, Goodfellow et al. 2014, the book 《深度学习》.
# - Krizhevsky et al. 2012 is "ImageNet Classification with Deep Convolutional Neural
#   Networks"; the title in the article was that of a course at Stanford.
# - "Multimodal Learning with Deep Boltzmann Machines" is by Srivastava and
#   Salakhutdinov, 2012; "S.zelinsky" is Szeliski.
# - Not verified: Xiao 2018, Mikolov 2013, Xu 2018, Zhang 2017, the links at the end.
#
# ## Train it, and something to try
# `numnet train --model article` trains the listing, repaired. Then write the article's
# loss as an op, derive its gradient, and hold both against
# `numnet.study.gradcheck.check`. Which sign has the gradient, whatever the target?
