"""Metrics: how good the answers are, counted from integer labels.

`label` is the truth, `predicted` the answer, both (n) integers in 0 … classes - 1.
"""

import numpy as np

from numnet.shapes import expect_ids


def accuracy(predicted, label):
    r"""The share of right answers.

    (accuracy.1)  A = \frac{1}{N} \sum_n [p_n = l_n]

    p = predicted (n)   l = label (n)   →   A, a float.
    Raises ValueError for different lengths or none at all.
    """
    _expect_answers("accuracy", predicted, label)
    return float(np.mean(predicted == label))                    # (accuracy.1)


def confusion_matrix(predicted, label, classes):
    r"""Count how often each class was answered with each class.

    (confusion_matrix.1)  C_{kj} = \sum_n [l_n = k]\, [p_n = j]

    p = predicted (n)   l = label (n)   →   C (classes, classes) of whole numbers; a row
    is a true class, a column an answer. Raises ValueError as accuracy, and for a class
    out of range.
    """
    _expect_answers("confusion_matrix", predicted, label, classes)
    pairs = label.astype(np.int64) * classes + predicted
    c = np.bincount(pairs, minlength=classes * classes)          # (confusion_matrix.1)
    return c.reshape(classes, classes)


def precision_recall_f1(predicted, label, classes, zero_division=0.0):
    r"""For each class: how many of its answers are right, how much of it is found.

    (precision_recall_f1.1)  P_k = \frac{C_{kk}}{\sum_j C_{jk}}
    (precision_recall_f1.2)  R_k = \frac{C_{kk}}{\sum_j C_{kj}}
    (precision_recall_f1.3)  F_k = \frac{2 C_{kk}}{\sum_j C_{jk} + \sum_j C_{kj}}

    C is the confusion matrix   →   P, R, F (classes): precision, recall, and F1, their
    harmonic mean. 0/0 is zero_division. F1 is not a mean of accuracy and recall.
    Raises ValueError as confusion_matrix does. Source: van Rijsbergen 1979, chapter 7.
    """
    c = confusion_matrix(predicted, label, classes)
    right, answered, true = np.diagonal(c), c.sum(axis=0), c.sum(axis=1)

    def ratio(above, below):
        empty = below == 0
        return np.where(empty, zero_division, above / np.where(empty, 1, below))

    precision = ratio(right, answered)              # (precision_recall_f1.1)
    recall = ratio(right, true)                     # (precision_recall_f1.2)
    f1 = ratio(2 * right, answered + true)          # (precision_recall_f1.3)
    return precision, recall, f1


def _expect_answers(op, predicted, label, classes=np.inf):
    if np.ndim(label) != 1 or len(label) == 0:
        raise ValueError(f"{op}: label must have axes (n) and not be empty, "
                         f"got shape {np.shape(label)}")
    expect_ids(op, "label", label, None, classes)
    expect_ids(op, "predicted", predicted, label.shape, classes)
