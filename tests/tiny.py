"""Twenty pictures to train on and eight to test, as `data.load` gives them."""

import numpy as np

from numnet.data.shapes import generate

TRAIN = generate(np.random.default_rng(2), 20)
TEST = generate(np.random.default_rng(101), 8)


def load_tiny(name, seed=0):
    return TRAIN, TEST
