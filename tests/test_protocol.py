"""The manners that every op and layer has with arrays, shown on every case.

That it writes to no argument, answers twice alike and shares no memory is a part of
the gradient check.
"""

import numpy as np
import pytest

from numnet import Module
from numnet.study.cases import CASES


def run(name, dtype=np.float64, change=lambda array: array):
    """A case's outputs and gradients, from arrays of this dtype, changed beforehand."""
    def cast(array):
        return change(array.astype(dtype))

    rng = np.random.default_rng(7)
    op, args, options = CASES[name](rng)
    args = [cast(arg) if arg.dtype.kind == "f" else arg for arg in args]
    real = np.zeros((), dtype).real.dtype             # what a target stays
    options = {key: change(value.astype(real))
               if getattr(value, "dtype", None) == np.float64 else value
               for key, value in options.items()}
    parameters = op.parameters() if isinstance(op, Module) else []
    for p in parameters:
        p.value = cast(p.value)
        p.zero_grad()
    y, backward = op(*args, **options)
    outputs = y if isinstance(y, tuple) else (y,)
    grads = backward(*[cast(rng.normal(size=part.shape)) for part in outputs])
    grads = grads if isinstance(grads, tuple) else (grads,)
    return list(outputs) + [grad for grad in grads if grad is not None] + [
        p.grad for p in parameters]


def locked(array):
    """The same numbers, read-only, and not side by side in memory along any axis."""
    for axis in range(array.ndim):
        array = np.repeat(array, 2, axis)
    array = array.T.copy().T[(..., *[slice(None, None, 2)] * array.ndim)]
    array.flags.writeable = False
    return array


def scaled(factor):
    return lambda array: (factor * array).astype(array.dtype)


@pytest.mark.parametrize("name", CASES)
def test_read_only_and_scattered_arrays_give_the_same(name):
    for result, expected in zip(run(name, change=locked), run(name), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.complex128])
def test_the_dtype_is_kept_in_values_and_gradients(name, dtype):
    for result, expected in zip(run(name, dtype), run(name), strict=True):
        assert result.dtype == dtype
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4)


LARGEST = {"binary_cross_entropy": 1,                # its target is a probability
           "contrastive": 1,                         # it takes e^s
           "HopNetwork": 30,                         # in these every layer multiplies
           "FusionClassifier, attention": 30}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1e4, 1e-30, 0.0])
def test_huge_tiny_and_zero_numbers_bring_no_warning_and_no_nan(name, dtype, factor):
    factor = min(factor, LARGEST.get(name, factor))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for result in run(name, dtype, scaled(factor)):
            assert np.isfinite(result).all()


BATCHES = {                              # and how many arguments have the batch's axis
    "linear": 1, "Linear": 1, "relu": 1, "tanh": 1, "sigmoid": 1, "softmax": 1,
    "flatten": 1, "conv2d": 1, "Conv2d": 1, "max_pool2d": 1, "avg_pool2d": 1,
    "winograd": 1,
    "global_max_pool2d": 1, "global_avg_pool2d": 1, "cells": 1, "add_positions": 1,
    "Positions": 1, "rnn": 1, "RNN": 1, "lstm": 1, "lstm, lengths": 1, "LSTM": 1,
    "last_step": 1, "mean_step": 1, "layer_norm": 1, "LayerNorm": 1, "l2_normalize": 1,
    "dropout": 1, "attention": 3, "attention, all three": 4, "split_heads": 1,
    "merge_heads": 1, "MultiHeadAttention": 1, "MultiHeadAttention, memory": 2,
    "Residual": 1, "EncoderBlock": 1, "DecoderBlock": 2, "concatenate": 2, "average": 2,
    "product": 2, "blend": 3, "GatedSum": 2, "CrossAttention": 2, "cells_of": 1,
    "places_of": 1, "distance_bias": 3, "Hop, later": 4,
    "Sequential, a small network": 1,
}


@pytest.mark.parametrize("name", BATCHES)
def test_an_empty_batch_gives_an_empty_result_and_gradients_of_0(name):
    op, args, options = CASES[name](np.random.default_rng(0))
    batch = BATCHES[name]
    inputs = [arg[:0] for arg in args[:batch]]
    options = {key: value[:0] if isinstance(value, np.ndarray) else value
               for key, value in options.items()}
    y, backward = op(*inputs, *args[batch:], **options)
    outputs = y if isinstance(y, tuple) else (y,)
    assert not any(part.size for part in outputs)
    grads = backward(*outputs)
    grads = grads if isinstance(grads, tuple) else (grads,)
    assert [grad.shape for grad in grads[:batch]] == [x.shape for x in inputs]
    assert not any(grad.any() for grad in grads[batch:])
