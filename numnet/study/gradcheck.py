r"""The gradient check: every backward against numbers found without one.

For a random dy, f(x) = \sum_k dy_k\, y_k(x) is one number, and its slope along an
entry of x is what the backward must return there. Two ways to find that slope:

    complex step         Im f(x + ih) / h          h = 1e-30, right to the last digits
    central difference   (f(x + h) - f(x - h)) / 2h   h = 1e-5, good to about 1e-10

The first subtracts nothing, so h may be as small as one likes, but it runs the op on
complex numbers: an op that takes a modulus or drops imaginary parts on the way cannot
be checked by it. A comparison (relu, a maximum) looks at real parts first, and so is
right away from ties and kinks: draw inputs with `spread`. A gradient check says that
the gradient is that of the value, never that the value is right.
Source: Squire and Trapp 1998.
"""

import inspect
from typing import NamedTuple

import numpy as np

from numnet.module import Module
from numnet.study.cases import CASES

BAR = 1e-12        # largest error by the complex step
TINY = 1e-30       # complex step
STEP = 1e-5        # central difference


class Row(NamedTuple):
    """One argument's gradient; errors are |ours - expected| / max(1, |expected|)."""

    argument: str
    shape: tuple
    error: float       # the worst entry's, by the complex step
    central: float     # the worst entry's, by the central difference
    index: tuple       # where the worst entry by the complex step is
    ours: float        # the two numbers there
    expected: float

    @property
    def passed(self):
        return bool(self.error <= BAR)                 # NaN is not


class BackwardError(Exception):
    """A backward that does not keep to the protocol, whatever its numbers are."""


def check(op, *args, rng, **options):
    """Check every gradient of an op, a loss or a Module; returns a Row for each.

    args are the positional arguments: floating arrays, one gradient each, and for a
    Module perhaps arrays of integers, which have none. With an option needs_dx=False
    the gradient of x must be None. Of a Module every parameter is checked too. All is
    done in float64, and a Module's values and gradients are put back afterwards.
    Raises BackwardError for what no Row can say: a gradient too many or too few, None,
    of another shape or dtype; an argument or dy written to; a second call that
    differs; a gradient that shares memory with another, an argument or dy.
    """
    parameters = op.named_parameters() if isinstance(op, Module) else {}
    kept = [(p, p.value, p.grad) for p in parameters.values()]
    try:
        return _check(_Call(op, args, options, parameters), rng)
    finally:
        for p, value, grad in kept:
            p.value, p.grad = value, grad


def _check(call, rng):
    y, backward = call.run(call.values)
    parts = y if isinstance(y, tuple) else (y,)
    for part in parts:
        call.require(part.dtype == np.float64, f"float64 gave {part.dtype}")
    dys = [_frozen(rng.normal(size=part.shape)) for part in parts]
    call.run([0.5 * value for value in call.values])   # must not disturb `backward`
    grads = call.gradients(backward, dys)
    again = call.gradients(backward, dys)
    for name, value, grad, second in zip(call.names, call.values, grads, again):
        if name in call.unwanted:
            call.require(grad is None, f"d{name} must be None")
            continue
        call.require(grad is not None, f"d{name} is None")
        call.require(grad.shape == value.shape and grad.dtype == value.dtype,
                     f"d{name} is {grad.dtype} {grad.shape}, "
                     f"but {name} is {value.dtype} {value.shape}")
        call.require(np.array_equal(grad, second, equal_nan=True),
                     f"a second backward gives another d{name}")
    call.require_own_memory(grads, dys)

    def f(values):
        y, _ = call.run(values)
        return sum((dy * part).sum()
                   for dy, part in zip(dys, y if isinstance(y, tuple) else (y,)))

    return [_row(name, grad, _slopes(f, call.values, k))
            for k, (name, grad) in enumerate(zip(call.names, grads))
            if grad is not None]


def _slopes(f, values, k):
    """The slope of f along each entry of values[k], by complex step and difference."""
    complex_values = [value.astype(complex) for value in values]

    def nudged(values, index, by):
        moved = values[k].copy()
        moved[index] += by
        return f(values[:k] + [moved] + values[k + 1:])

    exact, central = np.empty(values[k].shape), np.empty(values[k].shape)
    for index in np.ndindex(values[k].shape):
        exact[index] = nudged(complex_values, index, 1j * TINY).imag / TINY
        rise = nudged(values, index, STEP) - nudged(values, index, -STEP)
        central[index] = rise / (2 * STEP)
    return exact, central


def _row(name, grad, slopes):
    exact, central = [np.abs(grad - slope) / np.maximum(1, np.abs(slope))
                      for slope in slopes]
    index = tuple(int(k) for k in np.unravel_index(exact.argmax(), grad.shape))
    return Row(name, grad.shape, float(exact[index]), float(central.max()), index,
               float(grad[index]), float(slopes[0][index]))


class _Call:
    """An op and its arguments, to be run on any numbers of the same shapes.

    `values` are the numbers that have a gradient, `names` what they are called: the
    floating positional arguments, then a Module's parameters.
    """

    def __init__(self, op, args, options, parameters):
        self.op, self.args = op, args
        self.name = getattr(op, "__name__", type(op).__name__)
        self.options = {name: _frozen(value) if isinstance(value, np.ndarray) else value
                        for name, value in options.items()}
        self.parameters = list(parameters.values())
        self.places = [k for k, arg in enumerate(args) if arg.dtype.kind == "f"]
        positional = _argument_names(op, len(args))
        self.names = [positional[k] for k in self.places] + list(parameters)
        self.values = [_frozen(value.astype(np.float64)) for value in
                       [args[k] for k in self.places]
                       + [p.value for p in self.parameters]]
        self.unwanted = {name for name in self.names
                         if options.get(f"needs_d{name}") is False}

    def run(self, values):
        args = list(self.args)
        for place, value in zip(self.places, values):
            args[place] = value
        for p, value in zip(self.parameters, values[len(self.places):]):
            p.value = value
        return self.guarded(self.op, *args, **self.options)

    def gradients(self, backward, dys):
        """What backward(*dys) returns, then what it adds to each parameter."""
        for p in self.parameters:
            p.zero_grad()
        grads = self.guarded(backward, *dys)
        grads = grads if isinstance(grads, tuple) else (grads,)
        if not self.places and len(grads) == 1 and grads[0] is None:
            grads = ()                                 # nothing asked, nothing given
        self.require(len(grads) == len(self.places),
                     f"{len(self.places)} arguments but {len(grads)} gradients")
        return list(grads) + [p.grad for p in self.parameters]

    def guarded(self, function, *args, **options):
        try:
            return function(*args, **options)
        except ValueError as error:
            self.require("read-only" not in str(error),
                         f"an argument or dy is written to ({error})")
            raise

    def require_own_memory(self, grads, dys):
        named = [(f"d{name}", grad) for name, grad in zip(self.names, grads)
                 if grad is not None]
        others = list(zip(self.names, self.values)) + [("dy", dy) for dy in dys]
        for k, (name, grad) in enumerate(named):
            for other, array in named[:k] + others:
                self.require(not np.shares_memory(grad, array),
                             f"{name} shares memory with {other}")

    def require(self, condition, complaint):
        if not condition:
            raise BackwardError(f"{self.name}: {complaint}")


def _frozen(array):
    """A copy that cannot be written to."""
    array = np.array(array)
    array.flags.writeable = False
    return array


def _argument_names(op, count):
    names = list(inspect.signature(op).parameters)[:count]
    return names + [f"argument {k}" for k in range(len(names), count)]


def table(rng):
    """Check all cases; returns pairs of a case's name and a Row.

    A backward that breaks the protocol has one row, with the complaint as argument.
    """
    rows = []
    for name, make in CASES.items():
        op, args, options = make(rng)
        try:
            rows += [(name, row) for row in check(op, *args, rng=rng, **options)]
        except BackwardError as error:
            rows.append((name, Row(str(error), (), np.inf, np.inf, (), np.nan, np.nan)))
    return rows


def main():
    """Print the table of all ops and layers; returns 1 if a gradient is wrong."""
    print(f"{'op':<34}{'gradient of':<14}{'shape':<16}"
          f"{'complex step':>14}{'central diff.':>15}")
    rows = table(np.random.default_rng(0))
    for name, row in rows:
        print(f"{name:<34}{row.argument:<13} {str(row.shape):<16}"
              f"{row.error:>14.1e}{row.central:>15.1e}")
        if not row.passed:
            print(f"    WRONG at {row.index}: backward gives {row.ours:.15g}, "
                  f"the complex step {row.expected:.15g}")
    name, worst = max(rows, key=lambda pair: np.nan_to_num(pair[1].error, nan=np.inf))
    wrong = sum(not row.passed for _, row in rows)
    print(f"{len(rows)} gradients, {wrong} wrong; worst error {worst.error:.1e} "
          f"({name}, {worst.argument}), the bar is {BAR:.0e}")
    return int(wrong > 0)
