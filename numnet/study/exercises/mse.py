"""Take the mean squared difference from the truth.

t is the target, n stands for all axes of y and of t, N is the number of all entries.
The loss is one number; so is dloss, the gradient that its backward is given.
"""

import numnet


def mse(y, *, target):
    difference = y - target
    loss = (difference * difference).mean()          # (mse.1)

    def backward(dloss=1.0):
        dy = dloss * 2 / y.size * difference         # (mse.2)
        return dy

    return loss, backward


reference = numnet.mse
LESSON = 4
SHAPES = {"y": "n o", "loss": ""}
CASES = {"one row for each example": {"n": 7, "o": 3},
         "one more axis": {"n": (5, 2), "o": 3}}
HINTS = {
    "dy": ("mse.2", "The slope of a square is twice what is squared. It is a mean over "
                    "all entries, y.size of them, and dloss multiplies it all."),
}
MISTAKES = [
    ("2 / y.size * difference", "2 / y.size * np.sign(difference)",
     "only the sign of the difference is in it, as if the loss were a mean of |y - t|"),
    ("/ y.size * difference", "/ y.size * y",
     "it leaves the target out: the slope is that of (y - t)², not of y²"),
]


def extra(rng, sizes):
    return {"target": rng.normal(size=(*sizes["n"], *sizes["o"]))}
