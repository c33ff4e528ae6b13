"""Sides that take turns: their numbers are compared, then their times are taken.

A side computes what another one computes. It follows the protocol of the ops:
`y, backward = side.run()`, then `gradients = backward()`; `side.read(y, gradients)`
gives all of it as NumPy arrays in numnet's layout. What has no backward pass, as an
optimiser's step, gives None for `backward`.
"""

import time
from dataclasses import dataclass
from statistics import median
from typing import Callable

import numpy as np

PAUSE = 0.03                       # seconds between turns: an idle BLAS worker spins
TURN = 0.02                        # seconds that a turn lasts at least
TOLERANCE = {"float64": 1e-9, "float32": 2e-3}       # of the largest number there is


class Mismatch(Exception):
    """Two sides do not compute the same, so their times would mean nothing."""


def arrays_of(y, gradients):
    """All that numnet gave, in one list: the values, then the gradients there are."""
    values = list(y) if isinstance(y, tuple) else [y]
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return values + [each for each in gradients if each is not None]


@dataclass(frozen=True)
class Side:
    """One way to compute: see above."""

    run: Callable
    read: Callable = arrays_of


def computed(side):
    """All that a side computes, once."""
    y, backward = side.run()
    return side.read(y, backward() if backward else None)


def expect_same(name, sides, dtype):
    """Raise Mismatch unless all sides give the same numbers, of this dtype."""
    (first, *_), kind = sides, np.dtype(dtype).name
    ours = computed(sides[first])
    for array in ours:
        if array.dtype != dtype:
            raise Mismatch(f"{name}: {first} gives {array.dtype}, not {kind}")
    for other in list(sides)[1:]:
        theirs = computed(sides[other])
        if len(ours) != len(theirs):
            raise Mismatch(f"{name}: {first} gives {len(ours)} arrays, "
                           f"{other} {len(theirs)}")
        for k, (a, b) in enumerate(zip(ours, theirs)):
            if np.shape(a) != np.shape(b):
                raise Mismatch(f"{name}: array {k} is {np.shape(a)} of {first}, "
                               f"{np.shape(b)} of {other}")
            error, size = np.abs(a - b).max(), np.abs(b).max()
            if not error <= TOLERANCE[kind] * size:  # a NaN is a mismatch too
                raise Mismatch(f"{name}: array {k} of {first} and {other} differs by "
                               f"{error:.2g} where the largest number is {size:.2g}")


def once(side, clock=time.perf_counter):
    """Seconds of one run: forward, backward, and both with what they leave behind.

    Without a backward pass that is 0.
    """
    start = clock()
    y, backward = side.run()
    middle = clock()
    gradients = backward() if backward else None
    end = clock() if backward else middle
    del y, backward, gradients                       # to give memory back takes time
    return middle - start, end - middle, clock() - start


def turns(sides, repeats, clock=time.perf_counter):
    """Median seconds of each side's (forward, backward, both), in turns.

    Each turn begins with a run that is not counted, unless a run is long: it finds
    the caches cold.
    """
    times = {name: [] for name in sides}
    runs = {name: max(1, round(TURN / once(side)[2])) for name, side in sides.items()}
    for _ in range(repeats):
        for name, side in sides.items():
            time.sleep(PAUSE)
            if runs[name] > 1:
                once(side)
            times[name] += [once(side, clock) for _ in range(runs[name])]
    return {name: tuple(map(median, zip(*rows))) for name, rows in times.items()}
