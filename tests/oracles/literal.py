"""What oracles are written with: a place for each subscript, and plain sums.

An oracle takes a Generator, makes a small case of its op and returns two arrays: what
the op gives, and what the formula gives when each of its subscripts is a loop.
"""

import itertools

import numpy as np

ORACLES = {}                                         # tag -> oracle


def oracle(tag):
    """Register the function that follows as the oracle of a tag."""
    def register(function):
        assert tag not in ORACLES, f"two oracles for {tag}"
        ORACLES[tag] = function
        return function
    return register


def places(*sizes):
    """Every place of an array of these sizes, as a tuple of subscripts."""
    return itertools.product(*map(range, sizes))


def table(sizes, formula):
    """The array whose entry at each place is formula(*place)."""
    return np.array([formula(*place) for place in places(*sizes)]).reshape(sizes)


def frozen(*arrays):
    """The arrays, no longer to be written to: an op that does so raises."""
    for array in arrays:
        array.flags.writeable = False
    return arrays


def normal(rng, *shapes):
    """Arrays of these shapes, frozen."""
    return frozen(*(rng.normal(size=shape) for shape in shapes))


def rows(*arrays):
    """The arrays with their leading axes as one, where "n runs over all of them"."""
    return [array.reshape(-1, array.shape[-1]) for array in arrays]
