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


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1e4, 1e-30, 0.0])
def test_huge_tiny_and_zero_numbers_bring_no_warning_and_no_nan(name, dtype, factor):
    if "binary" in name:
        factor = min(factor, 1)                     # its target is a probability
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for result in run(name, dtype, scaled(factor)):
            assert np.isfinite(result).all()


BATCHES = [
    "linear", "Linear", "relu", "tanh", "sigmoid", "softmax", "flatten", "conv2d",
    "Conv2d", "max_pool2d", "avg_pool2d", "global_max_pool2d", "global_avg_pool2d",
    "rnn", "RNN", "last_step", "Sequential, a small network",
]


@pytest.mark.parametrize("name", BATCHES)
def test_an_empty_batch_gives_an_empty_result_and_gradients_of_0(name):
    op, (x, *rest), options = CASES[name](np.random.default_rng(0))
    options = {key: value[:0] if isinstance(value, np.ndarray) else value
               for key, value in options.items()}
    y, backward = op(x[:0], *rest, **options)
    assert y.shape[0] == 0
    grads = backward(y)
    dx, *rest = grads if isinstance(grads, tuple) else (grads,)
    assert dx.shape == x[:0].shape
    assert not any(grad.any() for grad in rest)
