"""Map the last axis of x from i features to o.

x may have more axes before i; n then runs over all of them.
"""

import numnet


def linear(x, w, b):
    y = x @ w + b                                    # (linear.1)

    def backward(dy):
        rows = dy.reshape(-1, dy.shape[-1])
        dx = dy @ w.T                                # (linear.2)
        dw = x.reshape(-1, x.shape[-1]).T @ rows     # (linear.3)
        db = rows.sum(axis=0)                        # (linear.4)
        return dx, dw, db

    return y, backward


reference = numnet.linear
LESSON = 4
SHAPES = {"x": "n i", "w": "i o", "b": "o", "y": "n o"}
CASES = {"one row for each example": {"n": 5, "i": 3, "o": 4},
         "x with one more axis": {"n": (2, 5), "i": 3, "o": 4}}
HINTS = {
    "dx": ("linear.2", "Each row of dy is multiplied by w the other way round, so "
                       "that o is summed: by w.T."),
    "dw": ("linear.3", "n is summed: the rows of x, transposed, times the rows of dy. "
                       "With more axes than n, reshape both to rows first."),
    "db": ("linear.4", "b was added to every row: add up all the rows of dy."),
}
MISTAKES = [
    ("x.reshape(-1, x.shape[-1]).T @ rows", "x.reshape(-1, x.shape[-1]).T @ y.reshape("
     "-1, y.shape[-1])", "it is made of y where dy belongs"),
    ("rows.sum(axis=0)", "rows[0]", "it takes the first row of dy alone: add up all"),
]
