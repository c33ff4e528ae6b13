"""Every op that PyTorch has too, beside PyTorch's: values and gradients, in float64.

The numbers are drawn, and so is the gradient that comes back; sizes are all different.
Where numnet lays out otherwise (weights are transposed, classes stand on the last
axis, an ended sequence keeps its state) PyTorch's function is told so here.
"""

import numpy as np
import pytest
from beside_pytorch import compare, draw

import numnet

torch = pytest.importorskip("torch", reason=(
    "PyTorch is not installed: no value or gradient of an op was compared with its"))
torch.set_num_threads(1)
F = torch.nn.functional


# ---- ops of one line ----------------------------------------------------------------

ROWS = (2, 3, 5, 4)
IDS = np.array([[3, 0, 3, 5], [3, 2, 0, 0], [5, 5, 2, 3]])       # of 7; 1, 4, 6 unused
LENGTHS = np.array([4, 2, 1])


def mean_of_steps(h):
    return torch.stack([each[:length].mean(dim=0) for each, length in zip(h, LENGTHS)])


OPS = {
    "linear": (lambda x, w, b: F.linear(x, w.T, b), [(5, 3), (3, 4), 4], {}),
    "linear, 3-D": (lambda x, w, b: F.linear(x, w.T, b), [(2, 5, 3), (3, 4), 4], {}),
    "relu": (F.relu, [ROWS], {}),
    "tanh": (torch.tanh, [ROWS], {}),
    "sigmoid": (torch.sigmoid, [ROWS], {}),
    "softmax": (lambda x: F.softmax(x, dim=-1), [ROWS], {}),
    "softmax, axis 1": (lambda x: F.softmax(x, dim=1), [ROWS], {"axis": 1}),
    "softmax, axis -4": (lambda x: F.softmax(x, dim=0), [ROWS], {"axis": -4}),
    "flatten": (torch.nn.Flatten(), [ROWS], {}),
    "global_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, 1)[..., 0, 0], [ROWS], {}),
    "global_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 1)[..., 0, 0], [ROWS], {}),
    "cells": (lambda x: x.flatten(2).transpose(1, 2), [ROWS], {}),
    "embedding": (lambda w: F.embedding(torch.tensor(IDS), w), [(7, 5)], {"ids": IDS}),
    "embedding, of rows with axes": (
        lambda w: w[torch.tensor(IDS)], [(7, 2, 5)], {"ids": IDS}),
    "add_positions": (lambda x, w: x + w[:4], [(2, 4, 3), (5, 3)], {}),
    "last_step": (lambda h: h[:, -1], [(3, 4, 2)], {}),
    "mean_step": (mean_of_steps, [(3, 4, 2)], {"lengths": LENGTHS}),
    "layer_norm": (
        lambda x, w, b: F.layer_norm(x, (5,), w, b), [(2, 3, 5), 5, 5], {}),
    "layer_norm, eps": (
        lambda x, w, b: F.layer_norm(x, (5,), w, b, 0.3), [(2, 3, 5), 5, 5],
        {"eps": 0.3}),
    "l2_normalize": (                                # a mean inside, and not a sum
        lambda x: F.rms_norm(x, (5,), eps=0.3 / 5) / 5 ** 0.5, [(2, 3, 5)],
        {"eps": 0.3}),
    "split_heads": (
        lambda x: x.unflatten(2, (3, 5)).transpose(1, 2), [(2, 4, 15)], {"heads": 3}),
    "merge_heads": (lambda x: x.transpose(1, 2).flatten(2), [(2, 3, 4, 5)], {}),
    "concatenate": (
        lambda u, v: torch.cat([u, v], dim=-1), [(2, 5, 3), (2, 5, 4)], {}),
    "average": (lambda u, v: (u + v) / 2, [(2, 5, 3)] * 2, {}),
    "product": (torch.mul, [(2, 5, 3)] * 2, {}),
    "blend": (lambda u, v, g: torch.lerp(v, u, g), [(2, 5, 3)] * 3, {}),
}


@pytest.mark.parametrize("name", OPS)
def test_an_op_is_pytorchs(name):
    theirs, shapes, options = OPS[name]
    compare(getattr(numnet, name.split(",")[0]), theirs, *draw(0, *shapes), **options)


# ---- pictures -----------------------------------------------------------------------

PICTURE, KERNEL = (2, 5, 9, 8), (7, 5, 3, 4)
CONVOLUTIONS = [
    (PICTURE, KERNEL, {}),
    (PICTURE, KERNEL, {"stride": (2, 1)}), (PICTURE, KERNEL, {"stride": (1, 3)}),
    (PICTURE, KERNEL, {"stride": 3}), (PICTURE, KERNEL, {"stride": (4, 5)}),
    (PICTURE, KERNEL, {"padding": (1, 2)}), (PICTURE, KERNEL, {"padding": (4, 0)}),
    (PICTURE, KERNEL, {"dilation": (1, 2)}), (PICTURE, KERNEL, {"dilation": (3, 1)}),
    (PICTURE, KERNEL, {"stride": (2, 3), "padding": (2, 1), "dilation": (3, 2)}),
    (PICTURE, KERNEL, {"stride": (3, 2), "padding": (1, 4), "dilation": (2, 3)}),
    ((3, 5, 9, 8), (7, 5, 1, 1), {}), (PICTURE, (7, 5, 1, 1), {"stride": (2, 3)}),
    (PICTURE, (7, 5, 1, 1), {"padding": (1, 2)}), (PICTURE, (7, 5, 9, 8), {}),
    (PICTURE, (7, 5, 1, 6), {}), (PICTURE, (7, 5, 6, 1), {"padding": (0, 1)}),
    ((2, 3, 16, 15), (4, 3, 7, 7), {"stride": 3, "padding": 2}),      # a remainder
    ((2, 3, 32, 33), (4, 3, 5, 5), {"stride": 2}),
    ((3, 2, 4, 5), (6, 2, 3, 3), {"padding": 1}), ((2, 4, 3, 3), (5, 4, 3, 3), {}),
]
WIDE = [                               # 3 × 3 with stride 1, and enough for winograd
    ((5, 16, 17, 19), (32, 16, 3, 3), {"padding": padding})
    for padding in (0, 1, (0, 1), (2, 0), (1, 2))] + [
    ((9, 8, 14, 12), (5, 8, 3, 3), {"padding": 1}),
    ((8, 24, 4, 33), (16, 24, 3, 3), {"padding": 1}),
    ((2, 16, 17, 19), (32, 16, 3, 3), {}),                            # too few places
    ((5, 16, 17, 19), (32, 16, 3, 3), {"padding": 3}),
    ((5, 16, 17, 19), (32, 16, 3, 3), {"padding": 1, "stride": (1, 2)}),
    ((5, 16, 17, 19), (32, 16, 3, 3), {"padding": 1, "dilation": (2, 1)})]


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("x, w, options", CONVOLUTIONS + WIDE, ids=str)
def test_conv2d_is_pytorchs(x, w, options, channels_last):
    x, w, b = draw(1, x, w, w[0])
    if channels_last:                                # in memory, as a network has it
        x = x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    compare(numnet.conv2d, lambda x, w, b: F.conv2d(x, w, b, **options), x, w, b,
            **options)


@pytest.mark.parametrize("padding", [0, 1, 2, (0, 1), (1, 2), (2, 0)])
@pytest.mark.parametrize("rows", [3, 4, 5, 6, 8])    # four at a time, and a remainder
def test_winograd_is_pytorchs_convolution(rows, padding):
    compare(numnet.winograd, lambda x, w, b: F.conv2d(x, w, b, padding=padding),
            *draw(1, (2, 5, rows, 7), (6, 5, 3, 3), 6), padding=padding)


POOLS = [
    {"kernel_size": (2, 3)}, {"kernel_size": 2}, {"kernel_size": (4, 3)},
    {"kernel_size": 3, "stride": 1}, {"kernel_size": (4, 3), "stride": (1, 2)},
    {"kernel_size": 2, "stride": (5, 4)}, {"kernel_size": (3, 2), "stride": (2, 3)},
    {"kernel_size": (2, 4), "padding": (1, 2)}, {"kernel_size": 3, "padding": (0, 1)},
    {"kernel_size": (4, 2), "stride": (1, 3), "padding": (2, 1)},
    {"kernel_size": 1}, {"kernel_size": (9, 8)}]


@pytest.mark.parametrize("options", POOLS, ids=str)
@pytest.mark.parametrize("numbers", ["drawn", "tied", "negative"])
def test_max_pool2d_is_pytorchs_ties_and_margins_too(options, numbers):
    x, = draw(2, PICTURE)
    x = {"drawn": x, "tied": np.round(x), "negative": -1 - np.abs(x)}[numbers]
    compare(numnet.max_pool2d, lambda x: F.max_pool2d(x, **options), x, **options)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("options", POOLS, ids=str)
def test_avg_pool2d_is_pytorchs(options, counted):
    options = {**options, "count_include_pad": counted}
    compare(numnet.avg_pool2d, lambda x: F.avg_pool2d(x, **options), *draw(3, PICTURE),
            **options)


# ---- losses -------------------------------------------------------------------------

LABELS = np.array([[1, -1, 4], [-1, 1, 3]])


@pytest.mark.parametrize("label, options", [
    (np.array([2, 0, 2, 1, 2]), {}), (np.array([2, 0, 2, 1, 2]), {"ignore_index": 2}),
    (LABELS, {"ignore_index": -1}), (LABELS % 5, {"ignore_index": 100}),
    (LABELS % 5, {})])
def test_cross_entropy_is_pytorchs(label, options):
    classes = 3 if label.ndim == 1 else 5
    compare(numnet.cross_entropy, lambda z: F.cross_entropy(
        z.movedim(-1, 1), torch.tensor(label), **options),
        *draw(4, (*label.shape, classes)), label=label, **options)


@pytest.mark.parametrize("shape", [(4, 3), (7,), (2, 5, 3)])
def test_binary_cross_entropy_and_mse_are_pytorchs(shape):
    z, target = draw(5, shape, shape)
    compare(numnet.mse, lambda z: F.mse_loss(z, torch.tensor(target)), z, target=target)
    share = 1 / (1 + np.exp(-3 * target))
    for target in (share, share.round()):
        compare(numnet.binary_cross_entropy,
                lambda z, t=torch.tensor(target): F.binary_cross_entropy_with_logits(
                    z, t), 4 * z, target=target)


def clip_loss(u, v, s):
    z, k = s.exp() * u @ v.T, torch.arange(len(u))
    return (F.cross_entropy(z, k) + F.cross_entropy(z.T, k)) / 2


def test_contrastive_is_the_mean_of_pytorchs_cross_entropies_both_ways():
    compare(numnet.contrastive, clip_loss, *draw(6, (5, 3), (5, 3), ()))
