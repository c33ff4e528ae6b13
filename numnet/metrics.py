"""Metrics: how good the answers are, counted from integer labels, or from scores.

`label` is the truth, `predicted` the answer, both (n) integers in 0 … classes - 1.
Where the order of the scores counts, equal scores count as equal: the order in which
examples happen to stand changes nothing.
"""

import numpy as np

from numnet.shapes import expect_ids, expect_real, whole


def accuracy(predicted, label):
    r"""The share of right answers.

    (accuracy.1)  A = \frac{1}{N} \sum_n [p_n = l_n]

    p = predicted (n)   l = label (n)   →   A, a float.
    Raises ValueError for different lengths or none at all.
    """
    _expect_answers("accuracy", predicted, label)
    return float(np.mean(predicted == label))                    # (accuracy.1)


def r_squared(said, true):
    r"""The share of the variance of the truth that the answers explain.

    (r_squared.1)  R = 1 - \frac{\sum_n (y_n - t_n)^2}{\sum_n (t_n - \bar{t})^2}

    y = said (n)   t = true (n), real numbers   →   R, a float: 1 for right answers, 0
    for answers that are always the mean. Raises TypeError for what are no real numbers;
    ValueError for different shapes, none at all, a number that is not finite, or a
    truth that is always the same.
    """
    for name, numbers in ("said", said), ("true", true):
        _expect_real_array("r_squared", name, numbers)
        if not np.isfinite(numbers).all():
            raise ValueError(f"r_squared: {name} must be finite, got "
                             f"{numbers[~np.isfinite(numbers)][0]}")
    if said.shape != true.shape or true.size == 0:
        raise ValueError(f"r_squared: said has shape {said.shape} and true "
                         f"{true.shape}, they must be the same and not empty")
    said, true = said.astype(np.float64), true.astype(np.float64)
    spread = ((true - true.mean()) ** 2).sum()
    if spread == 0:
        raise ValueError("r_squared: true must not be always the same")
    return float(1 - ((said - true) ** 2).sum() / spread)        # (r_squared.1)


def confusion_matrix(predicted, label, classes):
    r"""Count how often each class was answered with each class.

    (confusion_matrix.1)  C_{kj} = \sum_n [l_n = k]\, [p_n = j]

    p = predicted (n)   l = label (n)   →   C (classes, classes) of whole numbers; a row
    is a true class, a column an answer. Raises ValueError as accuracy, and for a class
    out of range.
    """
    classes = whole("confusion_matrix", "classes", classes, 1)
    _expect_answers("confusion_matrix", predicted, label, classes)
    pairs = label.astype(np.int64) * classes + predicted.astype(np.int64)
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
    expect_real("precision_recall_f1", "zero_division", zero_division)
    if not 0 <= zero_division <= 1:
        raise ValueError("precision_recall_f1: zero_division must be in 0..1, "
                         f"got {zero_division}")
    c = confusion_matrix(predicted, label, classes)
    right, answered, true = np.diagonal(c), c.sum(axis=0), c.sum(axis=1)

    def ratio(above, below):
        empty = below == 0
        return np.where(empty, zero_division, above / np.where(empty, 1, below))

    precision = ratio(right, answered)              # (precision_recall_f1.1)
    recall = ratio(right, true)                     # (precision_recall_f1.2)
    f1 = ratio(2 * right, answered + true)          # (precision_recall_f1.3)
    return precision, recall, f1


def mean_precision_recall_f1(predicted, label, classes, kind="macro",
                             zero_division=0.0):
    r"""Average precision, recall and F1 over the classes, in one of three ways.

    (mean_precision_recall_f1.1)  \bar X = \frac{1}{K} \sum_k X_k
    (mean_precision_recall_f1.2)  \bar X = \frac{1}{N} \sum_k N_k\, X_k
    (mean_precision_recall_f1.3)  \bar X = \frac{1}{N} \sum_k C_{kk}

    X is P, R and F of precision_recall_f1 in turn   →   the three averages, floats.
    N_k = \sum_j C_{kj} examples are of class k, N of all K classes. "macro" (.1) gives
    each class the same weight, "weighted" (.2) each example. "micro" (.3) counts all
    classes together before it divides: where each example has one label and one answer
    the three are equal, and are the accuracy. Macro F1 is the mean of the F1s, not the
    F1 of the mean precision and recall, which is never smaller. A class that is neither
    true nor answered counts in "macro", with zero_division.
    Raises ValueError as confusion_matrix does, and for another kind.
    Source: Manning et al. 2008, section 13.6; Opitz and Burst 2019 (arXiv 1911.03347).
    """
    c = confusion_matrix(predicted, label, classes)
    true = c.sum(axis=1)
    each = precision_recall_f1(predicted, label, classes, zero_division)
    if kind == "macro":
        means = [x.mean() for x in each]              # (mean_precision_recall_f1.1)
    elif kind == "weighted":
        means = [true @ x / true.sum() for x in each]  # (mean_precision_recall_f1.2)
    elif kind == "micro":
        means = [c.trace() / c.sum()] * 3             # (mean_precision_recall_f1.3)
    else:
        raise ValueError("mean_precision_recall_f1: kind must be macro, weighted or "
                         f"micro, got {kind!r}")
    return tuple(float(mean) for mean in means)


def precision_recall_curve(score, relevant):
    r"""Precision and recall of all that scores c or more, for every score c there is.

    (precision_recall_curve.1)  T_k = \sum_n [s_n \ge c_k]\, r_n
    (precision_recall_curve.2)  P_k = \frac{T_k}{\sum_n [s_n \ge c_k]}
    (precision_recall_curve.3)  R_k = \frac{T_k}{\sum_n r_n}

    s = score (n)   r = relevant (n), booleans or 0 and 1   →   P, R, c (k): c are the
    different scores, the highest first, so that R rises. R is 0 where nothing is
    relevant. scikit-learn gives the lowest score first, and then one point more,
    precision 1 at recall 0, which belongs to no score.
    Raises ValueError for different lengths, none at all, a score that is NaN or a truth
    that is not 0 or 1; TypeError for scores that are not real numbers.
    Source: Manning et al. 2008, section 8.4.
    """
    _expect_scores("precision_recall_curve", "score", score, "n")
    relevant = _expect_relevant("precision_recall_curve", relevant, score.shape)
    c, group = np.unique(score, return_inverse=True)    # equal scores, one threshold
    found = np.cumsum(np.bincount(group, relevant)[::-1])  # (precision_recall_curve.1)
    answered = np.cumsum(np.bincount(group)[::-1])
    precision = found / answered                        # (precision_recall_curve.2)
    recall = found / max(1, relevant.sum())             # (precision_recall_curve.3)
    return precision, recall, c[::-1]


def average_precision(score, relevant):
    r"""Tell how far up the relevant ones stand when all are sorted by score.

    (average_precision.1)  A = \sum_k (R_k - R_{k-1})\, P_k

    P, R (k) by precision_recall_curve, R_0 = 0   →   A, a float: 1 when every relevant
    one scores above every other, about their share when the scores are drawn blindly,
    0.0 where nothing is relevant. It is a sum of steps: straight lines from point to
    point (the trapezoidal rule) would promise what no threshold gives.
    Raises ValueError and TypeError as precision_recall_curve does.
    Source: Manning et al. 2008, section 8.4; Davis and Goadrich 2006 on the lines.
    """
    precision, recall, _ = precision_recall_curve(score, relevant)
    return float(np.diff(recall, prepend=0) @ precision)         # (average_precision.1)


def mean_average_precision(scores, label):
    r"""Average the average precisions of the classes, each found by its own scores.

    (mean_average_precision.1)  M = \frac{1}{K} \sum_k A(z_{\cdot k}, [l = k])

    z = scores (n, classes)   l = label (n)   A by average_precision   →   M, a float.
    A class that is never the label counts too, with 0. Softmax changes M: it keeps the
    order within a row, not within a column.
    Raises ValueError and TypeError as average_precision, and for a label out of range.
    """
    _expect_scores("mean_average_precision", "scores", scores, "n, classes")
    n, classes = scores.shape
    expect_ids("mean_average_precision", "label", label, (n,), classes)
    each = [average_precision(scores[:, k], label == k) for k in range(classes)]
    return float(np.mean(each))                             # (mean_average_precision.1)


def recall_at(scores, k, label=None):
    r"""The share of queries whose right candidate is among the k best.

    (recall_at.1)  b_n = \sum_{j \ne l_n} [z_{nj} \ge z_{n,l_n}]
    (recall_at.2)  A = \frac{1}{N} \sum_n [b_n < k]

    z = scores (n, candidates)   l = label (n), the right candidate of each query: where
    not given, candidate n of query n   →   A, a float. What scores the same stands
    before the right one, or a model that scores all alike would be perfect. So make a
    caption that several pictures share one candidate, and name it in label.
    Raises ValueError for no scores, one that is NaN, k < 1, or a label out of range.
    """
    _expect_scores("recall_at", "scores", scores, "n, candidates")
    n, candidates = scores.shape
    label = np.arange(n) if label is None else label
    expect_ids("recall_at", "label", label, (n,), candidates)
    k = whole("recall_at", "k", k, 1)
    right = scores[np.arange(n), label][:, None]
    before = (scores >= right).sum(axis=1) - 1       # (recall_at.1)
    return float(np.mean(before < k))                # (recall_at.2)


def _expect_real_array(op, name, array):
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        kind = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"{op}: {name} must be an array of real numbers, got {kind}")


def _expect_scores(op, name, scores, axes):
    _expect_real_array(op, name, scores)
    if scores.ndim != len(axes.split()) or scores.size == 0:
        raise ValueError(f"{op}: {name} must have axes ({axes}) and not be empty, "
                         f"got shape {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(f"{op}: {name} must not be NaN")


def _expect_relevant(op, relevant, shape):
    """The truth as integers 0 and 1, from these or from booleans."""
    if isinstance(relevant, np.ndarray) and relevant.dtype == bool:
        relevant = relevant.astype(np.int64)
    expect_ids(op, "relevant", relevant, shape, 2)
    return relevant


def _expect_answers(op, predicted, label, classes=np.inf):
    if np.ndim(label) != 1 or len(label) == 0:
        raise ValueError(f"{op}: label must have axes (n) and not be empty, "
                         f"got shape {np.shape(label)}")
    expect_ids(op, "label", label, None, classes)
    expect_ids(op, "predicted", predicted, label.shape, classes)
