"""The ops that are timed, with sizes as they occur, here and in PyTorch.

Each has its usual form in PyTorch: convolutions and pooling with channels first, which
is the default there, and beside it with channels last, which is the faster.
"""

from dataclasses import dataclass
from functools import partial
from typing import Callable

import numpy as np

from numnet import (SGD, Adam, MultiHeadAttention, Parameter, avg_pool2d, conv2d,
                    cross_entropy, embedding, layer_norm, lstm, max_pool2d, rnn)
from numnet.study.benchmark.timing import Side

CONVOLUTIONS = (                   # n, c, h, w, o, kernel, stride, padding
    (32, 3, 64, 64, 16, 3, 1, 1), (32, 16, 32, 32, 32, 3, 1, 1),
    (32, 32, 16, 16, 64, 3, 1, 1), (8, 64, 56, 56, 64, 3, 1, 1),
    (32, 3, 128, 128, 32, 3, 1, 0), (32, 32, 63, 63, 64, 3, 1, 0),
    (32, 64, 30, 30, 128, 3, 1, 0), (32, 16, 32, 32, 32, 3, 2, 1),
    (32, 64, 16, 16, 64, 1, 1, 0), (64, 1, 28, 28, 8, 5, 1, 0))
SEQUENCES = (                      # n, t, i, o
    (64, 9, 32, 64), (64, 50, 64, 128), (32, 128, 256, 256))
ATTENTIONS = (                     # n, t, width, heads
    (64, 9, 64, 4), (32, 64, 128, 8), (8, 256, 256, 8), (4, 512, 512, 8))
POOLINGS = (                       # n, c, h, w, kernel, stride
    (32, 16, 64, 64, 2, 2), (64, 32, 16, 16, 2, 2), (32, 64, 28, 28, 3, 2))
EMBEDDINGS = (                     # n, t, words, features
    (64, 9, 30, 16), (32, 128, 10_000, 128))
NORMS = (                          # n, t, features
    (64, 9, 64), (32, 128, 256))
SCORES = (                         # n, classes
    (77, 13), (4096, 1000))
WEIGHTS = (                        # number of weight matrices, rows, columns
    (13, 48, 50), (8, 256, 512))


@dataclass(frozen=True)
class Case:
    """One thing that is timed: sides(rng, dtype, torch) makes it, anew each time.

    group: what is judged together. products: multiplications with an addition each,
    of forward and backward, where nearly all of the work is products of matrices.
    images: its input is a picture from the data, of which no gradient is taken.
    """

    group: str
    sizes: tuple
    make: Callable
    products: int = 0
    images: bool = False

    @property
    def name(self):
        sizes = ", ".join(map(str, self.sizes))
        return self.group + (f" ({sizes})" if sizes else "")

    def sides(self, rng, dtype, torch=None):
        return self.make(rng, dtype, torch, *self.sizes)


def every():
    """All cases: the ops, then the training steps."""
    from numnet.study.benchmark.steps import STEPS
    return [*(convolution(*sizes) for sizes in CONVOLUTIONS),
            *(recurrent("rnn", *sizes) for sizes in SEQUENCES),
            *(recurrent("lstm", *sizes) for sizes in SEQUENCES),
            *(looking(*sizes) for sizes in ATTENTIONS),
            *(Case("max_pool2d", sizes, partial(pooling, max_pool2d))
              for sizes in POOLINGS),
            Case("avg_pool2d", POOLINGS[0], partial(pooling, avg_pool2d)),
            *(Case("embedding", sizes, taking) for sizes in EMBEDDINGS),
            *(Case("layer_norm", sizes, norming) for sizes in NORMS),
            *(Case("cross_entropy", sizes, losing) for sizes in SCORES),
            *(Case(name, sizes, partial(optimizing, name))
              for name in ("SGD", "Adam") for sizes in WEIGHTS),
            *STEPS]


def normal(rng, dtype, *shape):
    return rng.standard_normal(shape, np.float32).astype(dtype)


def in_torch(torch, f, arrays, dy, axes=(), fixed=(), channels_last=False):
    """f in PyTorch, with the gradients of all arrays but those that are fixed.

    axes: for each array, the order of its axes there if it is another one.
    """
    axes = [*axes, *[None] * (len(arrays) - len(axes))]

    def tensor(array, order=None):
        there = array if order is None else array.transpose(order)
        there = torch.tensor(np.array(there, order="C"))
        return (there.contiguous(memory_format=torch.channels_last)
                if channels_last and there.ndim == 4 else there)

    inputs = [tensor(array, order).requires_grad_(k not in fixed)
              for k, (array, order) in enumerate(zip(arrays, axes))]
    wanted = [each for each in inputs if each.requires_grad]
    dy = tuple(map(tensor, dy)) if isinstance(dy, tuple) else tensor(dy)
    orders = [order for k, order in enumerate(axes) if k not in fixed]

    def run():
        y = f(*inputs)
        return y, lambda: torch.autograd.grad(y, wanted, dy)

    def read(y, gradients):
        values = [each.detach().numpy() for each in (y if type(y) is tuple else [y])]
        return values + [g.numpy() if order is None else
                         g.numpy().transpose(np.argsort(order))
                         for g, order in zip(gradients, orders, strict=True)]

    return Side(run, read)


def numnet_op(op, arrays, dy, **options):
    """An op of numnet, called with what belongs to it."""
    upstream = dy if isinstance(dy, tuple) else (dy,)

    def run():
        y, backward = op(*arrays, **options)
        return y, lambda: backward(*upstream)

    return Side(run)


def convolution(n, c, h, w, o, k, s, m):
    p, q = (h + 2 * m - k) // s + 1, (w + 2 * m - k) // s + 1
    images = c <= 3
    like = "conv2d 3×3" if k == 3 and s == 1 and not images else "conv2d"
    return Case(like, (n, c, h, w, o, k, s, m), convolving,
                (2 if images else 3) * n * o * p * q * c * k * k, images)


def convolving(rng, dtype, torch, n, c, h, w, o, k, s, m):
    x = normal(rng, dtype, n, h, w, c).transpose(0, 3, 1, 2)
    filters, b = normal(rng, dtype, o, c, k, k), normal(rng, dtype, o)
    p, q = (h + 2 * m - k) // s + 1, (w + 2 * m - k) // s + 1
    dy = normal(rng, dtype, n, p, q, o).transpose(0, 3, 1, 2)
    sides = {"numnet": numnet_op(conv2d, (x, filters, b), dy, stride=s, padding=m,
                                 needs_dx=c > 3)}
    if torch:
        f = partial(torch.nn.functional.conv2d, stride=s, padding=m)
        sides |= both_layouts(torch, f, (x, filters, b), dy, () if c > 3 else (0,))
    return sides


def both_layouts(torch, f, arrays, dy, fixed=()):
    return {"PyTorch": in_torch(torch, f, arrays, dy, fixed=fixed),
            "PyTorch, channels last": in_torch(torch, f, arrays, dy, fixed=fixed,
                                               channels_last=True)}


def pooling(op, rng, dtype, torch, n, c, h, w, k, s):
    x = normal(rng, dtype, n, h, w, c).transpose(0, 3, 1, 2)
    p, q = (h - k) // s + 1, (w - k) // s + 1
    dy = normal(rng, dtype, n, p, q, c).transpose(0, 3, 1, 2)
    sides = {"numnet": numnet_op(op, (x,), dy, kernel_size=k, stride=s)}
    if torch:
        f = getattr(torch.nn.functional, op.__name__)
        sides |= both_layouts(torch, lambda x: f(x, k, s), (x,), dy)
    return sides


def recurrent(kind, n, t, i, o):
    gates = 4 if kind == "lstm" else 1
    return Case(kind, (n, t, i, o), partial(reading, kind),
                3 * n * t * (i + o) * gates * o)


def reading(kind, rng, dtype, torch, n, t, i, o):
    op, gates = (lstm, 4) if kind == "lstm" else (rnn, 1)
    x = normal(rng, dtype, n, t, i)
    wx = normal(rng, dtype, i, gates * o) / i ** 0.5
    wh = normal(rng, dtype, o, gates * o) / o ** 0.5
    b, dy = normal(rng, dtype, gates * o), normal(rng, dtype, n, t, o)
    if kind == "lstm":
        dy = dy, normal(rng, dtype, n, o)
    sides = {"numnet": numnet_op(op, (x, wx, wh, b), dy)}
    if torch:
        layer = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[kind](
            i, o, batch_first=True, dtype=getattr(torch, np.dtype(dtype).name))
        zero = torch.zeros(gates * o, dtype=layer.bias_hh_l0.dtype)

        def f(x, wx, wh, b):
            h, last = torch.func.functional_call(layer, {
                "weight_ih_l0": wx, "weight_hh_l0": wh, "bias_ih_l0": b,
                "bias_hh_l0": zero}, (x,))
            return (h, last[1][0]) if kind == "lstm" else h

        sides["PyTorch"] = in_torch(torch, f, (x, wx, wh, b), dy,
                                    (None, (1, 0), (1, 0)))
    return sides


def looking(n, t, width, heads):
    return Case("attention", (n, t, width, heads), attending,
                3 * (4 * n * t * width * width + 2 * n * t * t * width))


def attending(rng, dtype, torch, n, t, width, heads):
    """Multi-head self-attention: both layers add to the gradients of their weights."""
    layer = MultiHeadAttention(width, heads, rng)
    for p in layer.parameters():
        p.value = p.value.astype(dtype)
    x, dy = normal(rng, dtype, n, t, width), normal(rng, dtype, n, t, width)

    def run():
        layer.zero_grad()
        y, backward = layer(x)
        return y, lambda: backward(dy)

    def read(y, dx):
        grads = {name: p.grad for name, p in layer.named_parameters().items()}
        w, b = (np.concatenate([grads[f"{part}.{name}"] for part in "qkv"], axis=-1)
                for name in "wb")
        return [y, dx, w, b, grads["o.w"], grads["o.b"]]

    sides = {"numnet": Side(run, read)}
    if torch:
        sides["PyTorch"] = attending_in_torch(torch, layer, x, dy)
    return sides


def attending_in_torch(torch, layer, x, dy):
    values = layer.state_dict()
    dtype = getattr(torch, x.dtype.name)
    there = torch.nn.MultiheadAttention(x.shape[-1], layer.heads, batch_first=True,
                                        dtype=dtype)
    w, b = (np.concatenate([values[f"{part}.{name}"] for part in "qkv"], axis=-1)
            for name in "wb")
    with torch.no_grad():
        there.in_proj_weight.copy_(torch.tensor(w.T))
        there.in_proj_bias.copy_(torch.tensor(b))
        there.out_proj.weight.copy_(torch.tensor(values["o.w"].T))
        there.out_proj.bias.copy_(torch.tensor(values["o.b"]))
    x, dy = torch.tensor(x).requires_grad_(), torch.tensor(dy)

    def run():
        there.zero_grad()
        x.grad = None
        y, _ = there(x, x, x, need_weights=False)
        return y, lambda: y.backward(dy)

    def read(y, _):
        grads = (x, there.in_proj_weight, there.in_proj_bias, there.out_proj.weight,
                 there.out_proj.bias)
        y, dx, w, b, ow, ob = (each.detach().numpy()
                               for each in (y, *(each.grad for each in grads)))
        return [y, dx, w.T, b, ow.T, ob]

    return Side(run, read)


def taking(rng, dtype, torch, n, t, words, features):
    w, ids = normal(rng, dtype, words, features), rng.integers(words, size=(n, t))
    dy = normal(rng, dtype, n, t, features)
    sides = {"numnet": numnet_op(embedding, (w,), dy, ids=ids)}
    if torch:
        there = torch.tensor(ids)
        sides["PyTorch"] = in_torch(
            torch, lambda w: torch.nn.functional.embedding(there, w), (w,), dy)
    return sides


def norming(rng, dtype, torch, n, t, features):
    x, dy = (normal(rng, dtype, n, t, features) for _ in range(2))
    w, b = normal(rng, dtype, features), normal(rng, dtype, features)
    sides = {"numnet": numnet_op(layer_norm, (x, w, b), dy)}
    if torch:
        sides["PyTorch"] = in_torch(torch, lambda x, w, b: torch.nn.functional.
                                    layer_norm(x, (features,), w, b), (x, w, b), dy)
    return sides


def losing(rng, dtype, torch, n, classes):
    z, label = normal(rng, dtype, n, classes), rng.integers(classes, size=n)
    dy = np.ones((), dtype)
    sides = {"numnet": numnet_op(cross_entropy, (z,), dy, label=label)}
    if torch:
        there = torch.tensor(label)
        sides["PyTorch"] = in_torch(
            torch, lambda z: torch.nn.functional.cross_entropy(z, there), (z,), dy)
    return sides


def optimizing(kind, rng, dtype, torch, count, rows, columns):
    """One step; what is compared is the weights after it."""
    weights = [Parameter(normal(rng, dtype, rows, columns)) for _ in range(count)]
    for p in weights:
        p.grad = normal(rng, dtype, rows, columns)
    ours = {"SGD": SGD, "Adam": Adam}[kind](weights, 0.001, **(
        {"momentum": 0.9} if kind == "SGD" else {}))

    def stepping(optimizer, read):
        return Side(lambda: (optimizer.step(), None), lambda y, _: read())

    sides = {"numnet": stepping(ours, lambda: [p.value for p in weights])}
    if torch:
        there = [torch.nn.Parameter(torch.tensor(p.value)) for p in weights]
        for p, mine in zip(there, weights):
            p.grad = torch.tensor(mine.grad)
        theirs = getattr(torch.optim, kind)(there, lr=0.001, **(
            {"momentum": 0.9} if kind == "SGD" else {}))
        sides["PyTorch"] = stepping(
            theirs, lambda: [p.detach().numpy() for p in there])
    return sides
