"""Read picture and text with one and the same layer.

w and b are used twice, so that each has two gradients, which are added: the sum rule,
(apply.1). u is what becomes of the image, v of the text; each is a linear and a relu.
"""

import numpy as np

from numnet import linear, relu
from numnet.study.trials import by_complex_step


def shared_weights(image, text, w, b):
    u = np.maximum(image @ w + b, 0)                 # (linear.1) (relu.1)
    v = np.maximum(text @ w + b, 0)

    def backward(du, dv):
        du, dv = du * (u > 0), dv * (v > 0)          # (relu.2)
        dimage, dtext = du @ w.T, dv @ w.T           # (linear.2)
        dw = image.T @ du + text.T @ dv              # (linear.3) (apply.1)
        db = du.sum(axis=0) + dv.sum(axis=0)         # (linear.4)
        return dimage, dtext, dw, db

    return (u, v), backward


LESSON = 13
SHAPES = {"image": "n i", "text": "k i", "w": "i o", "b": "o", "u": "n o", "v": "k o"}
CASES = {"more texts than pictures": {"n": 3, "k": 7, "i": 5, "o": 4},
         "more pictures than texts": {"n": 6, "k": 2, "i": 3, "o": 5}}
HINTS = {
    "dimage": ("linear.2", "First back through the relu: du where u is positive. Then "
                           "times w.T."),
    "dtext": ("linear.2", "As dimage, with dv and v."),
    "dw": ("apply.1", "Both uses send a gradient to w: image.T @ du and text.T @ dv, "
                      "after the relu. Add them."),
    "db": ("linear.4", "Add up the rows of both, du and dv, after the relu."),
}
PARTS = [
    ("image.T @ du + text.T @ dv", {
        "image.T @ du": "w is used for the image",
        "text.T @ dv": "w is used for the text"}),
    ("du.sum(axis=0) + dv.sum(axis=0)", {
        "du.sum(axis=0)": "b is used for the image",
        "dv.sum(axis=0)": "b is used for the text"}),
]
MISTAKES = [
    ("du, dv = du * (u > 0), dv * (v > 0)", "du, dv = du, dv",
     "the relu is left out: where u or v is 0, nothing comes back"),
]


@by_complex_step
def reference(image, text, w, b):
    return tuple(relu(linear(x, w, b)[0])[0] for x in (image, text))
