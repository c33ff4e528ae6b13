"""Compare scores of o classes with the right class.

z are the scores (logits), l[n] is the label of row n, N the number of rows. The loss is
one number; so is dloss, the gradient that its backward is given.
"""

import numpy as np

import numnet


def cross_entropy(z, *, label):
    rows = np.arange(len(z))
    shifted = z - z.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    p = e / total                                    # (cross_entropy.2)
    log_p = shifted - np.log(total)
    loss = -log_p[rows, label].mean()                # (cross_entropy.1)

    def backward(dloss=1.0):
        right = np.zeros_like(p)
        right[rows, label] = 1
        dz = dloss / len(z) * (p - right)            # (cross_entropy.3)
        return dz

    return loss, backward


reference = numnet.cross_entropy
LESSON = 5
SHAPES = {"z": "n o", "loss": ""}
CASES = {"three classes": {"n": 7, "o": 3}, "more classes than rows": {"n": 5, "o": 8}}
HINTS = {
    "dz": ("cross_entropy.3", "From the shares p take 1 where the right class is, in a "
                              "copy, since a second call needs p again. Then it is a "
                              "mean over the rows, and dloss multiplies it all."),
}
PARTS = [
    ("p - right", {
        "p": "every score has a share in the sum",
        "-right": "1 is taken from the share of the right class"}),
]
MISTAKES = [
    ("(p - right)", "(z - right)", "it is made of the scores z: softmax is inside, so "
     "the shares p belong there"),
    ("(p - right)", "-right / p", "that is the gradient with respect to the shares p: "
     "go on through the softmax"),
    ("right[rows, label]", "right[:, label]",
     "each row has a 1 for the labels of all rows: [rows, label] takes pairs"),
]


def extra(rng, sizes):
    return {"label": rng.integers(*sizes["o"], size=sizes["n"])}
