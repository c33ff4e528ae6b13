"""A small example of every public op and layer, and the list of what is public.

An example is (op, args, options), to be run as `op(*args, **options)`. Sizes are all
different within an example and greater than one, so that no two axes can be mistaken
for each other; options are off their defaults, windows overlap and leave a remainder,
ids and lengths repeat, masks have gaps. Those of whole networks are in cases_models.
"""

import importlib
import inspect
import pkgutil
from functools import partial
from types import CodeType

import numpy as np

import numnet
from numnet import (LSTM, RNN, Conv2d, Dropout, Embedding, LayerNorm, Linear, Module,
                    MultiHeadAttention, Positions, Sequential, add_positions, attention,
                    average, avg_pool2d, binary_cross_entropy, blend, cells,
                    concatenate, contrastive, conv2d, cross_entropy, dropout, embedding,
                    flatten, global_avg_pool2d, global_max_pool2d, l2_normalize,
                    last_step, layer_norm, linear, lstm, mask_of, max_pool2d, mean_step,
                    merge_heads, mse, product, relu, rnn, sigmoid, softmax, split_heads,
                    tanh, winograd)
from numnet.study.cases_models import MODELS
from numnet.study.spread import SameDraws, example, spread


def conv_example(rng, **options):
    return example(conv2d, spread(rng, 2, 5, 8, 9), spread(rng, 7, 5, 3, 4),
                   spread(rng, 7), **options)


def winograd_example(rng, **options):
    return example(winograd, spread(rng, 2, 5, 9, 6), spread(rng, 7, 5, 3, 3),
                   spread(rng, 7), **options)


def rnn_example(rng, h0=False, lengths=None):
    args = [spread(rng, *shape) for shape in [(3, 4, 2), (2, 5), (5, 5), (5,)]]
    return example(rnn, *args, *[spread(rng, 3, 5)] * h0, lengths=lengths)


def pool_example(op):
    def make(rng, **options):
        return example(op, spread(rng, 2, 3, 8, 7), **options)
    return make


def shared_layer(rng):
    twice = Linear(4, 4, rng)
    return example(Sequential(Linear(3, 4, rng), relu, twice, tanh, twice),
                   spread(rng, 5, 3))


def small_network(rng):
    network = Sequential(Conv2d(3, 4, (2, 3), rng), relu,
                         partial(max_pool2d, kernel_size=2), flatten,
                         Linear(4 * 3 * 2, 5, rng))
    return example(network, spread(rng, 2, 3, 8, 7))


def lstm_example(rng, given=False, lengths=None):
    args = [spread(rng, *shape) for shape in [(3, 4, 2), (2, 20), (5, 20), (20,)]]
    h0_and_c0 = [spread(rng, 3, 5), spread(rng, 3, 5)] * given
    return example(lstm, *args, *h0_and_c0, lengths=lengths)


def attention_example(rng, biased=False, **options):
    """2 × 3 leading axes, 4 queries and 6 keys of 5 features, values of 7."""
    qkv = [spread(rng, 2, 3, *axes) for axes in [(4, 5), (6, 5), (6, 7)]]
    return example(attention, *qkv, *[spread(rng, 2, 3, 4, 6)] * biased, **options)


def look_example(rng, memory=False, **options):
    layer = MultiHeadAttention(6, 2, rng, 8 if memory else None)
    return example(layer, spread(rng, 5, 4, 6), *[spread(rng, 5, 7, 8)] * memory,
                   **options)


max_example, avg_example = pool_example(max_pool2d), pool_example(avg_pool2d)
LENGTHS = np.array([2, 4, 1])
IDS = np.array([[3, 0, 3, 5], [3, 2, 0, 0], [5, 5, 2, 3]])      # of 7; 1, 4, 6 unused
LABELS = np.array([2, 0, 2, 1, 2])
MASKED = np.array([[1, -1, 4], [-1, 1, 3]])
MASK = (np.arange(48) % 5 > 1).reshape(2, 1, 4, 6)
MASK[1, 0, 2] = False                                # this query may look at nothing

# A new op or layer adds its lines here: name -> function of a random generator.
CASES = {
    "linear": lambda rng: example(
        linear, spread(rng, 5, 3), spread(rng, 3, 4), spread(rng, 4)),
    "linear, 3-D": lambda rng: example(
        linear, spread(rng, 2, 5, 3), spread(rng, 3, 4), spread(rng, 4)),
    "Linear": lambda rng: example(Linear(3, 4, rng), spread(rng, 2, 5, 3)),

    "relu": lambda rng: example(relu, spread(rng, 2, 3, 4)),
    "tanh": lambda rng: example(tanh, spread(rng, 2, 3, 4)),
    "sigmoid": lambda rng: example(sigmoid, spread(rng, 2, 3, 4)),
    "softmax": lambda rng: example(softmax, spread(rng, 2, 3, 4)),
    "softmax, axis 1": lambda rng: example(softmax, spread(rng, 2, 4, 3), axis=1),
    "flatten": lambda rng: example(flatten, spread(rng, 2, 3, 5, 4)),

    "conv2d": conv_example,
    "conv2d, stride (2, 1)": partial(conv_example, stride=(2, 1)),
    "conv2d, stride 3, a remainder": partial(conv_example, stride=(3, 2)),
    "conv2d, padding (1, 2)": partial(conv_example, padding=(1, 2)),
    "conv2d, dilation (1, 2)": partial(conv_example, dilation=(1, 2)),
    "conv2d, all three": partial(
        conv_example, stride=(2, 3), padding=(2, 1), dilation=(3, 2)),
    "conv2d, needs_dx=False": partial(conv_example, padding=1, needs_dx=False),
    "conv2d, many channels": lambda rng: example(
        conv2d, spread(rng, 2, 8, 5, 4), spread(rng, 7, 8, 3, 2), spread(rng, 7)),
    "conv2d, one pixel": lambda rng: example(
        conv2d, spread(rng, 2, 5, 4, 3), spread(rng, 7, 5, 1, 1), spread(rng, 7)),
    "Conv2d": lambda rng: example(
        Conv2d(3, 4, (5, 6), rng, stride=(2, 1)), spread(rng, 2, 3, 8, 7)),
    "Conv2d, needs_dx=False": lambda rng: example(
        Conv2d(3, 4, (5, 6), rng, needs_dx=False), x=spread(rng, 2, 3, 8, 7)),

    "winograd": winograd_example,
    "winograd, padding (1, 2)": partial(winograd_example, padding=(1, 2)),
    "winograd, needs_dx=False": partial(winograd_example, padding=2, needs_dx=False),

    "max_pool2d": partial(max_example, kernel_size=(2, 3)),
    "max_pool2d, overlap": partial(max_example, kernel_size=(4, 3), stride=(1, 2)),
    "max_pool2d, padding": partial(max_example, kernel_size=(2, 4), padding=(1, 2)),
    "max_pool2d, a remainder": partial(max_example, kernel_size=2, stride=(5, 4)),
    "avg_pool2d": partial(avg_example, kernel_size=(2, 3)),
    "avg_pool2d, overlap": partial(avg_example, kernel_size=(4, 3), stride=(1, 2)),
    "avg_pool2d, padding": partial(avg_example, kernel_size=(2, 4), padding=(1, 2)),
    "avg_pool2d, padding not counted": partial(
        avg_example, kernel_size=(2, 4), stride=(1, 3), padding=(1, 2),
        count_include_pad=False),
    "global_max_pool2d": pool_example(global_max_pool2d),
    "global_avg_pool2d": pool_example(global_avg_pool2d),
    "cells": pool_example(cells),

    "embedding": lambda rng: example(embedding, spread(rng, 7, 5), ids=IDS),
    "embedding, of rows with axes": lambda rng: example(
        embedding, spread(rng, 7, 2, 5), ids=IDS),
    "Embedding": lambda rng: example(Embedding(7, 5, rng), ids=IDS),
    "add_positions": lambda rng: example(
        add_positions, spread(rng, 2, 4, 3), spread(rng, 5, 3)),
    "Positions": lambda rng: example(Positions(5, 6, rng), spread(rng, 2, 4, 6)),
    "Positions, sinusoids": lambda rng: example(Positions(5, 6), spread(rng, 2, 4, 6)),

    "rnn": rnn_example,
    "rnn, h0": partial(rnn_example, h0=True),
    "rnn, lengths": partial(rnn_example, lengths=LENGTHS),
    "rnn, h0 and lengths": partial(rnn_example, h0=True, lengths=LENGTHS),
    "RNN": lambda rng: example(RNN(2, 5, rng), spread(rng, 3, 4, 2), lengths=LENGTHS),
    "lstm": lstm_example,
    "lstm, h0 and c0": partial(lstm_example, given=True),
    "lstm, lengths": partial(lstm_example, lengths=LENGTHS),
    "lstm, all three": partial(lstm_example, given=True, lengths=LENGTHS),
    "LSTM": lambda rng: example(LSTM(2, 5, rng), spread(rng, 3, 4, 2), lengths=LENGTHS),
    "last_step": lambda rng: example(last_step, spread(rng, 3, 4, 2)),
    "mean_step": lambda rng: example(mean_step, spread(rng, 3, 4, 2), lengths=LENGTHS),

    # Six features: a float32 product of rows of five and a vector reads, in OpenBLAS
    # 0.3.31 with AVX-512, numbers that were never set. It leaves them out, but where
    # such a one is no number NumPy warns of an invalid value.
    "layer_norm": lambda rng: example(
        layer_norm, spread(rng, 2, 3, 6), spread(rng, 6), spread(rng, 6), eps=0.3),
    "LayerNorm": lambda rng: example(LayerNorm(6), spread(rng, 2, 3, 6)),
    "l2_normalize": lambda rng: example(l2_normalize, spread(rng, 2, 3, 5), eps=0.3),
    "dropout": lambda rng: example(
        partial(dropout, rate=0.25, rng=SameDraws()), spread(rng, 2, 3, 5)),
    "Dropout": lambda rng: example(Dropout(0.25, SameDraws()), spread(rng, 2, 3, 5)),

    "attention": attention_example,
    "attention, bias": partial(attention_example, biased=True),
    "attention, mask": partial(attention_example, mask=MASK),
    "attention, causal": partial(attention_example, causal=True),
    "attention, all three": partial(
        attention_example, biased=True, mask=MASK, causal=True),
    "split_heads": lambda rng: example(split_heads, spread(rng, 2, 4, 15), heads=3),
    "merge_heads": lambda rng: example(merge_heads, spread(rng, 2, 3, 4, 5)),
    "MultiHeadAttention": look_example,
    "MultiHeadAttention, causal": partial(
        look_example, mask=mask_of(np.array([4, 2, 1, 3, 2]), 4), causal=True),
    "MultiHeadAttention, memory": partial(
        look_example, memory=True, mask=mask_of(np.array([7, 2, 1, 3, 2]), 7)),

    "concatenate": lambda rng: example(
        concatenate, spread(rng, 2, 5, 3), spread(rng, 2, 5, 4)),
    "average": lambda rng: example(average, spread(rng, 2, 5, 3), spread(rng, 2, 5, 3)),
    "product": lambda rng: example(product, spread(rng, 2, 5, 3), spread(rng, 2, 5, 3)),
    "blend": lambda rng: example(
        blend, spread(rng, 2, 5, 3), spread(rng, 2, 5, 3), spread(rng, 2, 5, 3)),

    "cross_entropy": lambda rng: example(
        cross_entropy, spread(rng, 5, 3), label=LABELS),
    "cross_entropy, 3-D, ignore_index": lambda rng: example(
        cross_entropy, spread(rng, 2, 3, 6), label=MASKED, ignore_index=-1),
    "cross_entropy, a class ignored": lambda rng: example(
        cross_entropy, spread(rng, 5, 3), label=LABELS, ignore_index=2),
    "binary_cross_entropy": lambda rng: example(
        binary_cross_entropy, spread(rng, 4, 3), target=rng.uniform(size=(4, 3))),
    "mse": lambda rng: example(mse, spread(rng, 4, 3), target=spread(rng, 4, 3)),
    "contrastive": lambda rng: example(
        contrastive, spread(rng, 5, 3), spread(rng, 5, 3), spread(rng)),

    "Sequential, a layer used twice": shared_layer,
    "Sequential, a small network": small_network,
} | MODELS


def public_ops():
    """Every public op and layer of the network's files: a dict from name to it.

    An op is a function with an inner function `backward` (all but `apply`, which is
    the protocol itself); a layer is a Module whose class says how it is called.
    """
    found = {}
    for file in pkgutil.iter_modules(numnet.__path__):
        if file.ispkg or file.name == "__main__":
            continue
        module = importlib.import_module(f"numnet.{file.name}")
        for name, thing in vars(module).items():
            if (getattr(thing, "__module__", "") == module.__name__
                    and not name.startswith("_") and thing is not numnet.apply
                    and (_is_op(thing) or _is_layer(thing))):
                found[name] = thing
    return found


def _is_op(thing):
    return inspect.isfunction(thing) and any(
        isinstance(constant, CodeType) and constant.co_name == "backward"
        for constant in thing.__code__.co_consts)


def _is_layer(thing):
    return (inspect.isclass(thing) and issubclass(thing, Module)
            and "__call__" in vars(thing))
