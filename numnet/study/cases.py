"""A small example of every public op and layer, and the list of what is public.

An example is (op, args, options), to be run as `op(*args, **options)`. Sizes are all
different within an example and greater than one, so that no two axes can be mistaken
for each other; options are off their defaults, windows overlap and leave a remainder,
ids and lengths repeat.
"""

import importlib
import inspect
import pkgutil
from functools import partial
from types import CodeType

import numpy as np

import numnet
from numnet import (RNN, Conv2d, Embedding, Linear, Module, Sequential, avg_pool2d,
                    binary_cross_entropy, conv2d, cross_entropy, embedding, flatten,
                    global_avg_pool2d, global_max_pool2d, linear, max_pool2d, mse, relu,
                    rnn, sigmoid, softmax, tanh)
from numnet.fusion import concatenate
from numnet.models import TextEncoder, fusion_classifier
from numnet.recurrent import last_step


def spread(rng, *shape):
    """Numbers from -2 to 2 that keep away from each other and from 0.

    A maximum of two equal numbers, and relu at 0, have no slope: no gradient is right
    there. So: a shuffled grid of n steps of 4 / n, none at 0, each point shaken by a
    quarter of a step. Any two are 2 / n apart at least, and 1 / n from 0.
    """
    n = int(np.prod(shape))
    grid = np.arange(n) - n // 2 + 0.5 + rng.uniform(-0.25, 0.25, n)
    return (rng.permutation(grid) * 4 / max(n, 1)).reshape(shape)


def example(op, *args, **options):
    return op, args, options


def conv_example(rng, **options):
    return example(conv2d, spread(rng, 2, 5, 8, 9), spread(rng, 7, 5, 3, 4),
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


def fusion_example(rng):
    model = fusion_classifier(6, 5, rng, channels=(2, 4), features=3,
                              embedding_dim=2, hidden_size=5, head=7)
    return example(model, images=spread(rng, 2, 3, 8, 9), ids=WORDS,
                   lengths=WORDS_LENGTHS, image=np.array([1, 0, 1, 1, 0]),
                   question=np.array([2, 0, 1, 2, 2]))


max_example, avg_example = pool_example(max_pool2d), pool_example(avg_pool2d)
LENGTHS = np.array([2, 4, 1])
IDS = np.array([[3, 0, 3, 5], [3, 2, 0, 0], [5, 5, 2, 3]])      # of 7; 1, 4, 6 unused
WORDS = np.array([[1, 0, 5, 2], [3, 5, 5, 0], [1, 1, 0, 0]])
WORDS_LENGTHS = np.array([4, 2, 1])
LABELS = np.array([2, 0, 2, 1, 2])
MASKED = np.array([[1, -1, 4], [-1, 1, 3]])

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
    "Conv2d": lambda rng: example(
        Conv2d(3, 4, (5, 6), rng, stride=(2, 1)), spread(rng, 2, 3, 8, 7)),
    "Conv2d, needs_dx=False": lambda rng: example(
        Conv2d(3, 4, (5, 6), rng, needs_dx=False), x=spread(rng, 2, 3, 8, 7)),

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

    "embedding": lambda rng: example(embedding, spread(rng, 7, 5), ids=IDS),
    "Embedding": lambda rng: example(Embedding(7, 5, rng), ids=IDS),

    "rnn": rnn_example,
    "rnn, h0": partial(rnn_example, h0=True),
    "rnn, lengths": partial(rnn_example, lengths=LENGTHS),
    "rnn, h0 and lengths": partial(rnn_example, h0=True, lengths=LENGTHS),
    "RNN": lambda rng: example(RNN(2, 5, rng), spread(rng, 3, 4, 2), lengths=LENGTHS),
    "last_step": lambda rng: example(last_step, spread(rng, 3, 4, 2)),

    "concatenate": lambda rng: example(
        concatenate, spread(rng, 2, 5, 3), spread(rng, 2, 5, 4)),

    "cross_entropy": lambda rng: example(
        cross_entropy, spread(rng, 5, 3), label=LABELS),
    "cross_entropy, 3-D, ignore_index": lambda rng: example(
        cross_entropy, spread(rng, 2, 3, 5), label=MASKED, ignore_index=-1),
    "cross_entropy, a class ignored": lambda rng: example(
        cross_entropy, spread(rng, 5, 3), label=LABELS, ignore_index=2),
    "binary_cross_entropy": lambda rng: example(
        binary_cross_entropy, spread(rng, 4, 3), target=rng.uniform(size=(4, 3))),
    "mse": lambda rng: example(mse, spread(rng, 4, 3), target=spread(rng, 4, 3)),

    "Sequential, a layer used twice": shared_layer,
    "Sequential, a small network": small_network,
    "TextEncoder": lambda rng: example(TextEncoder(6, 2, 5, rng), WORDS, WORDS_LENGTHS),
    "FusionClassifier": fusion_example,
}


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
