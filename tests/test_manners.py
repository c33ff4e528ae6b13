"""The manners that every op and layer has with arrays, shown on every case.

Who owns which memory: an op writes to nothing it was given. A gradient is an array of
its own, which whoever gets it may write to: it shares memory with no other gradient,
no argument, option or weight and not with dy, and no entry of it stands for two. A
value may be a view of its argument, as NumPy's reshape is: flatten's is.
"""

from functools import lru_cache
from itertools import combinations, product
from types import SimpleNamespace

import numpy as np
import pytest

from numnet import Module, attention, cross_entropy, softmax
from numnet.study.cases import CASES

RNG = np.random.default_rng(7)
OPS = [name for name in CASES if not isinstance(CASES[name](RNG)[0], Module)]
LOSSES = ("cross_entropy", "binary_cross_entropy", "mse", "contrastive")


def same(array):
    return array


def run(name, dtype=np.float64, scale=same, lay=same):
    """A case run forward, backward, and backward again, on arrays of this dtype.

    scale makes other numbers of the arguments and weights, lay another layout in memory
    of everything. Returns all that was given, the values, and both times' gradients.
    """
    rng = np.random.default_rng(7)
    op, args, options = CASES[name](rng)
    real = np.zeros((), dtype).real.dtype            # what a target stays

    def made(array, dtype, scale=same):
        floating = array.dtype.kind == "f"
        return lay(scale(array).astype(dtype) if floating else array)

    args = [made(arg, dtype, scale) for arg in args]
    options = {key: made(value, real) if isinstance(value, np.ndarray) else value
               for key, value in options.items()}
    parameters = op.parameters() if isinstance(op, Module) else []
    for p in parameters:
        p.value = made(p.value, dtype, scale)
    given = [*args, *options.values(), *[p.value for p in parameters]]
    given = [array for array in given if isinstance(array, np.ndarray)]
    before = [array.tobytes() for array in given]

    y, backward = op(*args, **options)
    values = y if isinstance(y, tuple) else (y,)
    dys = [made(rng.normal(size=value.shape), dtype) for value in values]
    before += [dy.tobytes() for dy in dys]

    def gradients():
        for p in parameters:
            p.zero_grad()
        grads = backward(*dys)
        grads = grads if isinstance(grads, tuple) else (grads,)
        return [grad for grad in (*grads, *[p.grad for p in parameters])
                if grad is not None]

    return SimpleNamespace(values=list(values), grads=gradients(), again=gradients(),
                           given=given + dys, before=before)


@lru_cache(maxsize=None)
def plain(name):
    """The values and gradients of a case in float64, computed once."""
    done = run(name)
    return done.values + done.grads


def locked(array):
    """The same numbers, read-only, and not side by side in memory along any axis."""
    for axis in range(array.ndim):
        array = np.repeat(array, 2, axis)
    array = array.T.copy().T[(..., *[slice(None, None, 2)] * array.ndim)]
    array.flags.writeable = False
    return array


def swapped(array):
    """The same numbers, each with its bytes in the other order."""
    return array.astype(array.dtype.newbyteorder("S"))


# ---- what comes in ------------------------------------------------------------------

@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("lay", [locked, swapped])
def test_read_only_scattered_and_swapped_arrays_give_the_same(name, lay):
    done = run(name, lay=lay)
    for result, expected in zip(done.values + done.grads, plain(name), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_nothing_given_is_written_to_and_a_second_backward_is_the_same(name):
    done = run(name, np.float32)
    assert [array.tobytes() for array in done.given] == done.before
    for first, second in zip(done.grads, done.again, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("lay", [same, locked])
def test_a_gradient_shares_memory_with_nothing_and_may_be_written_to(name, lay):
    done = run(name, lay=lay)
    grads = [grad for grad in done.grads if isinstance(grad, np.ndarray)]
    for grad, other in [*product(grads, done.given), *combinations(grads, 2)]:
        assert not np.shares_memory(grad, other)
    for grad in grads:
        assert grad.flags.writeable or not grad.any()    # zeros of what had no part
        assert all(stride for stride, n in zip(grad.strides, grad.shape) if n > 1)


# ---- dtypes -------------------------------------------------------------------------

@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.complex128])
def test_the_dtype_is_kept_in_values_and_gradients(name, dtype):
    done = run(name, dtype)
    for result, expected in zip(done.values + done.grads, plain(name), strict=True):
        assert result.dtype == dtype and expected.dtype == np.float64
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4)


# ---- extreme numbers ----------------------------------------------------------------

LARGEST = {"contrastive": 1,                         # it takes e^s
           "HopNetwork": 30,                         # in these every layer multiplies
           "FusionClassifier, attention": 30}


def assert_finite(results):
    for result in results:
        assert np.isfinite(result).all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1e4, 1e-30, 0.0])
def test_huge_tiny_and_zero_numbers_bring_no_warning_and_no_nan(name, dtype, factor):
    factor = min(factor, LARGEST.get(name, factor))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        done = run(name, dtype, lambda array: (factor * array).astype(dtype))
        assert_finite(done.values + done.grads)


@pytest.mark.parametrize("name", CASES)
def test_numbers_that_are_all_equal_bring_no_warning_and_no_nan(name):
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        done = run(name, np.float32, lambda array: np.full_like(array, 0.7))
        assert_finite(done.values + done.grads)


MINUS = np.array([[-np.inf, 1e4, 0, -np.inf], [3, -np.inf, 3, 3]])
BARRED = np.where(np.arange(15).reshape(3, 5) // 5 == 1, -np.inf, 0)   # all of a row


@pytest.mark.parametrize("call", [
    lambda minus, _: softmax(minus),
    lambda minus, _: cross_entropy(minus, label=np.array([1, 3])),
    lambda _, barred: attention(
        *[np.ones((n, 5), barred.dtype) for n in (3, 5, 5)], barred)],
    ids=["softmax", "cross_entropy", "attention"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_score_of_minus_infinity_brings_no_warning_and_no_nan(call, dtype):
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        y, backward = call(MINUS.astype(dtype), BARRED.astype(dtype))
        grads = backward(np.ones_like(y))
        assert_finite([y, *(grads if isinstance(grads, tuple) else (grads,))])


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_come_out_where_they_can_be_seen(name, bad):
    op, args, options = CASES[name](np.random.default_rng(0))
    with np.errstate(all="ignore"):
        y, _ = op(np.full_like(args[0], bad), *args[1:], **options)
    shown = [np.isfinite(part).all() for part in (y if isinstance(y, tuple) else (y,))]
    squashes = name.split(",")[0] in ("tanh", "sigmoid", "rnn", "lstm")
    assert not any(shown) or (bad == np.inf and squashes)


# ---- few numbers --------------------------------------------------------------------

def emptied(name):
    """A case of no examples: what has the length of its first argument has none.

    Of a table it is the ids that are examples, and not the rows.
    """
    op, args, options = CASES[name](np.random.default_rng(0))
    n = len(args[0]) if args else None
    batch = [np.ndim(arg) and len(arg) == n and "embedding" not in name for arg in args]
    options = {key: value[:0] if isinstance(value, np.ndarray) else value
               for key, value in options.items()}
    args = [arg[:0] if cut else arg for arg, cut in zip(args, batch)]
    return op, args, options


@pytest.mark.parametrize("name", [n for n in CASES if not n.startswith(LOSSES)])
def test_an_empty_batch_gives_an_empty_result_and_gradients_of_0(name):
    op, args, options = emptied(name)
    y, backward = op(*args, **options)
    values = y if isinstance(y, tuple) else (y,)
    assert not any(value.size for value in values)
    grads = backward(*values)
    grads = grads if isinstance(grads, tuple) else (grads,)
    floating = [arg for arg in args if arg.dtype.kind == "f"]
    for grad, arg in zip(grads, floating):
        assert grad is None or grad.shape == arg.shape and not grad.any()
    assert not isinstance(op, Module) or not any(
        np.any(p.grad) for p in op.parameters())


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith(LOSSES)])
def test_a_loss_of_an_empty_batch_is_refused_by_name(name):
    op, args, options = emptied(name)
    with pytest.raises(ValueError, match=f"^{op.__name__}: "):
        op(*args, **options)


POINTWISE = ("relu", "tanh", "sigmoid", "dropout", "binary_cross_entropy", "mse")


@pytest.mark.parametrize("name", OPS)
def test_an_array_without_axes_is_one_number_or_refused_by_name(name):
    op, args, options = CASES[name](np.random.default_rng(0))
    target = {"target": np.array(0.25)} if "target" in options else {}
    alone = [np.array(0.5), *args[1:]]
    if name in POINTWISE:
        y, backward = op(*alone, **target)
        target = {key: value[None] for key, value in target.items()}
        one, one_backward = op(np.array([0.5]), **target)
        assert np.shape(y) == np.shape(backward(y)) == ()
        assert y == np.ravel(one)[0] and backward(y) == one_backward(one)[0]
    else:
        with pytest.raises(ValueError, match=f"^{op.__name__}: "):
            op(*alone, **options)
