"""What examples are drawn with: numbers that keep apart, and draws that come again."""

import numpy as np


def example(op, *args, **options):
    return op, args, options


def spread(rng, *shape):
    """Numbers from -2 to 2 that keep away from each other and from 0.

    A maximum of two equal numbers, and relu at 0, have no slope: no gradient is right
    there. So: a shuffled grid of n steps of 4 / n, none at 0, each point shaken by a
    quarter of a step. Any two are 2 / n apart at least, and 1 / n from 0.
    """
    n = int(np.prod(shape))
    grid = np.arange(n) - n // 2 + 0.5 + rng.uniform(-0.25, 0.25, n)
    return (rng.permutation(grid) * 4 / max(n, 1)).reshape(shape)


def shaken(module, rng):
    """The module, none of its weights 0 any more, so that every gradient shows."""
    for p in module.parameters():
        p.value = p.value + 0.3 * rng.normal(size=p.value.shape)
    return module


class SameDraws:
    """A generator that draws the same at every call: dropout as one fixed function."""

    def random(self, shape):
        return np.random.default_rng(0).random(shape)
