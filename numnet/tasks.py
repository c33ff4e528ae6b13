"""What is asked of a network: its loss, how its scores are read, what counts as good.

A task has `loss(z, label)`, an op; `count(label)`, over how many examples the loss is
a mean; `read(z)`, what the network says; `rate(said, label)`, how good that is; and
`rating`, the name of this measure.
"""

import numpy as np

from numnet.loss import binary_cross_entropy, cross_entropy, mse
from numnet.metrics import accuracy, r_squared


PADDING = 0                            # the label of no word


class Answer:
    """Choose one of several answers: z (..., answers), label (...) of integers."""

    rating = "accuracy"

    def loss(self, z, label):
        return cross_entropy(z, label=label)

    def count(self, label):
        return label.size

    def read(self, z):
        return z.argmax(axis=-1)

    def rate(self, said, label):
        return accuracy(said.ravel(), label.ravel())


ANSWER = Answer()


class Binary:
    """Say no or yes by one score: z (n, 1), label (n) of 0 and 1."""

    rating = "accuracy"

    def loss(self, z, label):
        return binary_cross_entropy(z, target=_column("Binary", label))

    def count(self, label):
        return len(label)

    def read(self, z):
        return (z[:, 0] > 0).astype(np.int64)

    def rate(self, said, label):
        return accuracy(said, label)


class Measure:
    """Say a number: z (n, 1), label (n) of real numbers."""

    rating = "R²"

    def loss(self, z, label):
        return mse(z, target=_column("Measure", label))

    def count(self, label):
        return len(label)

    def read(self, z):
        return z[:, 0]

    def rate(self, said, label):
        return r_squared(said, label)


class Match:
    """Find each picture's text in the batch: (u, v) of a JointEmbedding, rows in pairs.

    It says 1 where a picture's nearest text is its own and 0 otherwise; label (n) is 1.
    The loss weighs all pairs of a batch against each other: the count is that of the
    pairs, but parts of a batch have other losses, of which the whole's is no mean.
    """

    rating = "accuracy"

    def __init__(self, model):
        self.model = model

    def loss(self, z, label):
        return self.model.loss(*z)

    def count(self, label):
        return len(label)

    def read(self, z):
        u, v = z
        return ((u @ v.T).argmax(axis=1) == np.arange(len(u))).astype(np.int64)

    def rate(self, said, label):
        return accuracy(said, label)


class Caption:
    """Say each next word: z (n, t, words), label (n, t) of word numbers, or PADDING.

    The rating is the share of pictures all of whose words are right, where each is
    chosen after the right ones before it. Those are just the pictures whose caption is
    right when every word is chosen after the chosen ones: up to a first wrong word,
    there is no difference.
    """

    rating = "exact"

    def loss(self, z, label):
        return cross_entropy(z, label=label, ignore_index=PADDING)

    def count(self, label):
        return np.count_nonzero(label != PADDING)

    def read(self, z):
        return z.argmax(axis=-1)

    def rate(self, said, label):
        return float(((said == label) | (label == PADDING)).all(axis=1).mean())


def _column(task, label):
    """Labels (n) as a column (n, 1), beside one score for each."""
    if not isinstance(label, np.ndarray):
        raise TypeError(f"{task}: label must be an array, got {type(label).__name__}")
    if label.ndim != 1:
        raise ValueError(f"{task}: label must have axes (n), got shape {label.shape}")
    return label[:, None]
