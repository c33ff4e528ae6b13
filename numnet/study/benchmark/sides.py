"""How each op is called here and in PyTorch, with the same numbers.

Every function takes a Generator, a dtype, PyTorch or None, and sizes, and gives a dict
from name to Side. PyTorch is used as it usually is. Convolution and pooling have their
channels first there, which is its default, and in another side last, as here.
"""

from functools import partial

import numpy as np

from numnet import (SGD, Adam, MultiHeadAttention, Parameter, avg_pool2d, conv2d,
                    cross_entropy, embedding, layer_norm, lstm, max_pool2d, rnn)
from numnet.study.benchmark.timing import Side


def normal(rng, dtype, *shape):
    return rng.standard_normal(shape, np.float32).astype(dtype, copy=False)


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


def conv2d_sides(needs_dx, rng, dtype, torch, *sizes):
    x, filters, b, dy, options = conv2d_arrays(rng, dtype, *sizes)
    sides = {"numnet": numnet_op(conv2d, (x, filters, b), dy, needs_dx=needs_dx,
                                 **options)}
    if torch:
        sides |= both_layouts(torch, partial(torch.nn.functional.conv2d, **options),
                              (x, filters, b), dy, () if needs_dx else (0,))
    return sides


def conv2d_arrays(rng, dtype, n, c, h, w, o, k, s, m):
    """x, w, b, dy, the pictures channels last behind their views; the options."""
    p, q = (h + 2 * m - k) // s + 1, (w + 2 * m - k) // s + 1
    x, dy = (normal(rng, dtype, *shape).transpose(0, 3, 1, 2)
             for shape in [(n, h, w, c), (n, p, q, o)])
    return (x, normal(rng, dtype, o, c, k, k), normal(rng, dtype, o), dy,
            {"stride": s, "padding": m})


def both_layouts(torch, f, arrays, dy, fixed=()):
    return {"PyTorch": in_torch(torch, f, arrays, dy, fixed=fixed),
            "PyTorch, channels last": in_torch(torch, f, arrays, dy, fixed=fixed,
                                               channels_last=True)}


def pooling_sides(op, rng, dtype, torch, n, c, h, w, k, s):
    x = normal(rng, dtype, n, h, w, c).transpose(0, 3, 1, 2)
    p, q = (h - k) // s + 1, (w - k) // s + 1
    dy = normal(rng, dtype, n, p, q, c).transpose(0, 3, 1, 2)
    sides = {"numnet": numnet_op(op, (x,), dy, kernel_size=k, stride=s)}
    if torch:
        f = getattr(torch.nn.functional, op.__name__)
        sides |= both_layouts(torch, lambda x: f(x, k, s), (x,), dy)
    return sides


max_pool2d_sides = partial(pooling_sides, max_pool2d)
avg_pool2d_sides = partial(pooling_sides, avg_pool2d)


def recurrent_sides(kind, rng, dtype, torch, n, t, i, o):
    gates = 4 if kind == "lstm" else 1
    x, wx, wh, b, dy = sequence_arrays(rng, dtype, n, t, i, o, gates)
    if kind == "lstm":
        dy = dy, normal(rng, dtype, n, o)
    sides = {"numnet": numnet_op(lstm if kind == "lstm" else rnn, (x, wx, wh, b), dy)}
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


def sequence_arrays(rng, dtype, n, t, i, o, gates):
    x, dy = normal(rng, dtype, n, t, i), normal(rng, dtype, n, t, o)
    wx = normal(rng, dtype, i, gates * o) / i ** 0.5
    wh = normal(rng, dtype, o, gates * o) / o ** 0.5
    return x, wx, wh, normal(rng, dtype, gates * o), dy


def attention_sides(rng, dtype, torch, n, t, width, heads):
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
        sides["PyTorch"] = attention_in_torch(torch, layer, x, dy)
    return sides


def attention_in_torch(torch, layer, x, dy):
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


def embedding_sides(rng, dtype, torch, n, t, words, features):
    w, ids = normal(rng, dtype, words, features), rng.integers(words, size=(n, t))
    dy = normal(rng, dtype, n, t, features)
    sides = {"numnet": numnet_op(embedding, (w,), dy, ids=ids)}
    if torch:
        there = torch.tensor(ids)
        sides["PyTorch"] = in_torch(
            torch, lambda w: torch.nn.functional.embedding(there, w), (w,), dy)
    return sides


def layer_norm_sides(rng, dtype, torch, n, t, features):
    x, dy = (normal(rng, dtype, n, t, features) for _ in range(2))
    w, b = normal(rng, dtype, features), normal(rng, dtype, features)
    sides = {"numnet": numnet_op(layer_norm, (x, w, b), dy)}
    if torch:
        sides["PyTorch"] = in_torch(torch, lambda x, w, b: torch.nn.functional.
                                    layer_norm(x, (features,), w, b), (x, w, b), dy)
    return sides


def cross_entropy_sides(rng, dtype, torch, n, classes):
    z, label = normal(rng, dtype, n, classes), rng.integers(classes, size=n)
    dy = np.ones((), dtype)
    sides = {"numnet": numnet_op(cross_entropy, (z,), dy, label=label)}
    if torch:
        there = torch.tensor(label)
        sides["PyTorch"] = in_torch(
            torch, lambda z: torch.nn.functional.cross_entropy(z, there), (z,), dy)
    return sides


def optimizer_sides(kind, rng, dtype, torch, count, rows, columns):
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
