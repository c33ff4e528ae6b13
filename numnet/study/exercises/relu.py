"""Keep what is positive, put zero for the rest.

k runs over all entries of x. At 0 the slope is 0.
"""

import numpy as np

import numnet


def relu(x):
    y = np.maximum(x, 0)                             # (relu.1)

    def backward(dy):
        dx = dy * (x > 0)                            # (relu.2)
        return dx

    return y, backward


reference = numnet.relu
LESSON = 3
SHAPES = {"x": "n o", "y": "n o"}
CASES = {"numbers below and above 0": {"n": 5, "o": 3},
         "some numbers that are 0": {"n": (4, 2), "o": 5, "rounded": True}}
HINTS = {
    "dx": ("relu.2", "Where x is positive, dy passes as it is; elsewhere nothing does. "
                     "x > 0 is an array of True and False, which count as 1 and 0."),
}
MISTAKES = [
    ("dy * (x > 0)", "dy * (dy > 0)",
     "it asks for the sign of dy: the forward asked for that of x"),
    ("(x > 0)", "(x < 0)", "it lets dy through where x is below 0: the forward put 0"),
    ("(x > 0)", "(x >= 0)", "it lets dy through where x is 0: there the slope is 0"),
]
