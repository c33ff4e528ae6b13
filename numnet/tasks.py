"""What is asked of a network: its loss, how its scores are read, what counts as good.

A task has `loss(z, label)`, an op; `read(z)`, what the network says; `rate(said,
label)`, how good that is; and `rating`, the name of this measure.
"""

import numpy as np

from numnet.loss import binary_cross_entropy, cross_entropy, mse
from numnet.metrics import accuracy, r_squared


class Answer:
    """Choose one of several answers: z (..., answers), label (...) of integers."""

    rating = "accuracy"

    def loss(self, z, label):
        return cross_entropy(z, label=label)

    def read(self, z):
        return z.argmax(axis=-1)

    def rate(self, said, label):
        return accuracy(said.ravel(), label.ravel())


ANSWER = Answer()


class Binary:
    """Say no or yes by one score: z (n, 1), label (n) of 0 and 1."""

    rating = "accuracy"

    def loss(self, z, label):
        return binary_cross_entropy(z, target=label[:, None])

    def read(self, z):
        return (z[:, 0] > 0).astype(np.int64)

    def rate(self, said, label):
        return accuracy(said, label)


class Measure:
    """Say a number: z (n, 1), label (n) of real numbers."""

    rating = "R²"

    def loss(self, z, label):
        return mse(z, target=label[:, None])

    def read(self, z):
        return z[:, 0]

    def rate(self, said, label):
        return r_squared(said, label)


class Match:
    """Find each picture's text in the batch: (u, v) of a JointEmbedding, rows in pairs.

    label (n) is 0, 1, …: the text of picture n is text n.
    """

    rating = "accuracy"

    def __init__(self, model):
        self.model = model

    def loss(self, z, label):
        return self.model.loss(*z)

    def read(self, z):
        u, v = z
        return (u @ v.T).argmax(axis=1)

    def rate(self, said, label):
        return accuracy(said, label)
