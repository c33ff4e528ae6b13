"""The gradients of all ops and layers; and that the check which says so is no sieve."""

import inspect

import numpy as np
import pytest

from numnet import Linear, Module, Parameter, Sequential, linear, relu
from numnet.study import gradcheck
from numnet.study.cases import CASES, public_ops, spread
from numnet.study.gradcheck import BAR, BackwardError, check


@pytest.mark.parametrize("name", CASES)
def test_every_gradient_agrees_with_the_complex_step(name):
    rng = np.random.default_rng(1)
    op, args, options = CASES[name](rng)
    rows = check(op, *args, rng=rng, **options)
    assert rows
    for row in rows:
        assert row.error <= BAR, row
        assert row.central <= 1e-7, row
        # both errors 0: all of it is 0, behind relus that are shut, and shows nothing
        assert row.central > 0 or (name, row.argument) == ("JointEmbedding", "s"), row


def test_every_public_op_and_layer_has_a_case():
    rng = np.random.default_rng(0)
    ops = [make(rng)[0] for make in CASES.values()]
    ops = [getattr(op, "func", op) for op in ops]    # a partial is of its op
    covered = {op if inspect.isfunction(op) else type(op) for op in ops}
    missing = [name for name, op in public_ops().items() if op not in covered]
    assert not missing, "add cases to numnet/study/cases.py"


def test_public_ops_finds_functions_and_layers_but_not_apply():
    found = public_ops()
    assert found["linear"] is linear and found["Linear"] is Linear
    assert "Sequential" in found and "cross_entropy" in found
    assert not found.keys() & {"apply", "Module", "expect", "accuracy", "SGD", "he"}


def test_spread_keeps_numbers_apart_and_away_from_zero():
    for shape in [(5, 4), (3, 7)]:                   # an even number, and an odd one
        x = np.sort(spread(np.random.default_rng(0), *shape), axis=None)
        assert np.diff(x).min() >= 2 / x.size and abs(x).min() >= 1 / x.size
        assert 1.5 < x.max() < 2.2 and -2.2 < x.min() < -1.5


# Each backward below has one fault: a wrong number (complaint None: the row shows it),
# or a breach of the protocol, which raises.

def spoilt(change):
    """linear, with change(grads, dy, x) made to its gradients."""
    def linear_spoilt(x, w, b):
        y, linear_backward = linear(x, w, b)

        def backward(dy):
            return change(linear_backward(dy), dy, x)
        return y, backward
    return linear_spoilt


def transposed(x, w, b):
    y, linear_backward = linear(x, w, b)
    return y, lambda dy: (dy @ w, *linear_backward(dy)[1:])


def writes_x(x, w, b):
    x *= 2
    return linear(x, w, b)


def keeps_state(x, w, b):
    y, linear_backward = linear(x, w, b)
    total = np.zeros_like(b)

    def backward(dy):
        dx, dw, db = linear_backward(dy)
        total[:] += db
        return dx, dw, total.copy()
    return y, backward


def single_precision_value(x, w, b):
    y, backward = linear(x, w, b)
    return y.astype(np.float32), backward


def scale_in_place(grads, dy, x):
    dy *= 2
    return grads


def scale_x_in_place(grads, dy, x):
    np.multiply(x, 2, out=x)
    return grads


WRONG = {
    "a factor 2": (spoilt(lambda g, dy, x: (2 * g[0], *g[1:])), None),
    "a little": (spoilt(lambda g, dy, x: (g[0], g[1] * (1 + 1e-10), g[2])), None),
    "one entry": (spoilt(lambda g, dy, x: (g[0], g[1], g[2] * [1, 1, 1, 0])), None),
    "no sum over the batch": (spoilt(lambda g, dy, x: (*g[:2], dy[0].copy())), None),
    "averaged": (spoilt(lambda g, dy, x: (*g[:2], g[2] / len(x))), None),
    "transposed square": (transposed, None),
    "zeros": (spoilt(lambda g, dy, x: tuple(0 * d for d in g)), None),
    "NaN": (spoilt(lambda g, dy, x: (g[0], g[1] * np.nan, g[2])), None),
    "writes x": (writes_x, "an argument or dy is written to"),
    "writes x in backward": (spoilt(scale_x_in_place), "an argument or dy is written"),
    "writes dy": (spoilt(scale_in_place), "an argument or dy is written to"),
    "dtype": (spoilt(lambda g, dy, x: (*g[:2], g[2].astype("f4"))),
              r"db is float32 \(4,\), but b is float64 \(4,\)"),
    "dtype of the value": (single_precision_value, "float64 gave float32"),
    "shape": (spoilt(lambda g, dy, x: (*g[:2], g[2][None])), r"db is float64 \(1, 4\)"),
    "keeps state": (keeps_state, "a second backward gives another db"),
    "None": (spoilt(lambda g, dy, x: (None, *g[1:])), "dx is None"),
    "too few": (spoilt(lambda g, dy, x: g[:2]), "3 arguments but 2 gradients"),
    "too many": (spoilt(lambda g, dy, x: g * 2), "3 arguments but 6 gradients"),
    "one for two": (spoilt(lambda g, dy, x: (dy.T @ dy,) * 2 + g[2:]),
                    "dw shares memory with dx"),
    "x itself": (spoilt(lambda g, dy, x: (x, *g[1:])), "dx shares memory with x"),
    "part of dy": (spoilt(lambda g, dy, x: (*g[:2], dy[1])), "db shares memory with"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_backward_is_noticed(name):
    op, complaint = WRONG[name]
    rng = np.random.default_rng(2)
    rows_of_x = 4 if name == "one for two" else 5
    args = spread(rng, rows_of_x, 4), spread(rng, 4, 4), spread(rng, 4)
    assert all(row.passed for row in check(linear, *args, rng=rng))
    if complaint is None:
        assert not all(row.passed for row in check(op, *args, rng=rng))
    else:
        with pytest.raises(BackwardError, match=complaint):
            check(op, *args, rng=rng)


def test_a_loss_that_ignores_its_dloss_is_noticed():
    def half_square(z):
        return (z * z).sum() / 2, lambda dloss=1.0: z.copy()
    row, = check(half_square, spread(np.random.default_rng(0), 3, 4),
                 rng=np.random.default_rng(0))
    assert not row.passed


class Forgetful(Module):
    """Keeps its input on itself, as many packages do: the second call's wins."""

    def __init__(self):
        self.w = Parameter(np.ones((2, 3), np.float32))

    def __call__(self, x):
        self.x = x

        def backward(dy):
            self.w.grad = self.w.grad + self.x.T @ dy
            return dy @ self.w.value.T
        return x @ self.w.value, backward


def test_a_layer_that_keeps_its_input_on_itself_is_noticed():
    rng = np.random.default_rng(0)
    dx, dw = check(Forgetful(), spread(rng, 4, 2), rng=rng)
    assert not dw.passed and not dx.passed


class NoBiasGradient(Linear):
    def __call__(self, x):
        y, backward = linear(x, self.w.value, self.b.value)

        def without_bias(dy):
            dx, dw, _ = backward(dy)
            self.w.grad = self.w.grad + dw
            return dx
        return y, without_bias


class NoInputGradient(Linear):
    def __call__(self, x):
        y, backward = super().__call__(x)

        def without_dx(dy):
            backward(dy)
        return y, without_dx


def test_a_forgotten_parameter_and_a_forgotten_input_are_noticed():
    rng = np.random.default_rng(0)
    rows = check(NoBiasGradient(3, 4, rng), spread(rng, 5, 3), rng=rng)
    assert [(row.argument, row.passed) for row in rows] == [
        ("x", True), ("w", True), ("b", False)]
    with pytest.raises(BackwardError, match="NoInputGradient: dx is None"):
        check(NoInputGradient(3, 4, rng), spread(rng, 5, 3), rng=rng)


def test_a_gradient_that_was_not_wanted_is_noticed():
    def op(x, *, needs_dx=True):
        return 2 * x, lambda dy: 2 * dy
    rng = np.random.default_rng(0)
    check(op, spread(rng, 2, 3), rng=rng)
    with pytest.raises(BackwardError, match="dx must be None"):
        check(op, spread(rng, 2, 3), rng=rng, needs_dx=False)


def test_a_row_names_the_worst_entry_and_both_numbers():
    def tripled(x):
        weight = np.array([[1, 1, 1], [1, 3, 1]])
        return 5 * x, lambda dy: 5 * dy * weight
    rng = np.random.default_rng(3)
    row, = check(tripled, spread(rng, 2, 3), rng=rng)
    assert (row.argument, row.shape, row.index) == ("x", (2, 3), (1, 1))
    np.testing.assert_allclose(row.ours, 3 * row.expected)
    difference = abs(row.ours - row.expected)
    np.testing.assert_allclose(row.error, difference / max(1, abs(row.expected)))
    np.testing.assert_allclose(row.central, row.error, rtol=1e-6)


def test_an_op_that_drops_imaginary_parts_is_told_by_the_difference():
    def modulus(x):
        return np.abs(x), lambda dy: dy * np.sign(x)
    rng = np.random.default_rng(0)
    row, = check(modulus, spread(rng, 2, 3), rng=rng)
    assert row.error > 0.1 and row.central < 1e-8


def test_an_op_with_several_outputs_takes_one_gradient_for_each():
    def sum_and_product(x, w):
        def backward(dsum, dproduct):
            return dsum + dproduct * w, dsum + dproduct * x
        return (x + w, x * w), backward
    rng = np.random.default_rng(0)
    rows = check(sum_and_product, spread(rng, 2, 3), spread(rng, 2, 3), rng=rng)
    assert [row.argument for row in rows] == ["x", "w"]
    assert all(row.passed for row in rows)


def test_a_module_gets_its_values_and_gradients_back():
    rng = np.random.default_rng(0)
    layer = Linear(3, 4, rng)
    values = [p.value for p in layer.parameters()]
    grads = [p.grad for p in layer.parameters()]
    check(layer, spread(rng, 5, 3), rng=rng)
    for p, value, grad in zip(layer.parameters(), values, grads):
        assert p.value is value and p.grad is grad


def test_names_of_a_modules_gradients_are_those_of_its_parameters():
    rng = np.random.default_rng(0)
    network = Sequential(Linear(3, 4, rng), relu)
    rows = check(network, spread(rng, 5, 3), rng=rng)
    assert [row.argument for row in rows] == ["x", "layers.0.w", "layers.0.b"]


def test_main_prints_a_table_and_returns_1_for_a_wrong_gradient(monkeypatch, capsys):
    few = {name: CASES[name] for name in ["relu", "linear, 3-D", "mse"]}
    monkeypatch.setattr(gradcheck, "CASES", few)
    assert gradcheck.main() == 0
    printed = capsys.readouterr().out
    assert "linear, 3-D" in printed
    assert "5 gradients, 0 wrong; worst error" in printed.splitlines()[-1]

    for broken in ["a factor 2", "NaN", "None"]:
        args = [spread(np.random.default_rng(0), *s) for s in [(5, 4), (4, 4), (4,)]]
        few["broken"] = lambda rng, op=WRONG[broken][0], args=args: (op, args, {})
        assert gradcheck.main() == 1
        assert ", 1 wrong; worst error" in capsys.readouterr().out.splitlines()[-1]
