"""Every metric that scikit-learn has too, beside scikit-learn's."""

import numpy as np
import pytest

from numnet import (accuracy, average_precision, confusion_matrix,
                    mean_average_precision, mean_precision_recall_f1,
                    precision_recall_curve, precision_recall_f1, r_squared, recall_at)

metrics = pytest.importorskip("sklearn.metrics", reason=(
    "scikit-learn is not installed: no metric was compared with its"))


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def answers(seed, n=40, classes=5, unseen=()):
    """Labels and answers; the unseen classes are neither."""
    seen = np.setdiff1d(np.arange(classes), unseen)
    rng = np.random.default_rng(seed)
    label = rng.choice(seen, n)
    return np.where(rng.random(n) < 0.6, label, rng.choice(seen, n)), label


CASES = [answers(0), answers(1, n=7, classes=4), answers(2, unseen=(1, 4)),
         (np.array([0, 0, 0, 0]), np.array([0, 1, 1, 4])),       # one answer for all
         (np.array([2, 2]), np.array([1, 3])),                   # nothing is right
         (np.uint8([3, 1, 1]), np.array([3, 1, 0]))]


@pytest.mark.parametrize("predicted, label", CASES)
def test_accuracy_and_the_confusion_matrix_are_sklearns(predicted, label):
    same(accuracy(predicted, label), metrics.accuracy_score(label, predicted))
    np.testing.assert_array_equal(
        confusion_matrix(predicted, label, 5),
        metrics.confusion_matrix(label, predicted, labels=range(5)))


@pytest.mark.parametrize("zero_division", [0.0, 1.0])
@pytest.mark.parametrize("predicted, label", CASES)
def test_precision_recall_and_f1_are_sklearns(predicted, label, zero_division):
    options = {"labels": range(5), "zero_division": zero_division}
    theirs = metrics.precision_recall_fscore_support(label, predicted, **options)
    for one, other in zip(precision_recall_f1(predicted, label, 5, zero_division),
                          theirs):
        same(one, other)
    for kind in ("macro", "weighted", "micro"):
        theirs = metrics.precision_recall_fscore_support(label, predicted, average=kind,
                                                         **options)
        same(mean_precision_recall_f1(predicted, label, 5, kind, zero_division),
             theirs[:3])


@pytest.mark.parametrize("decimals", [0, 1, 15])     # many ties, some, none
@pytest.mark.parametrize("seed", range(3))
def test_precision_and_recall_by_score_are_sklearns_with_ties_too(seed, decimals):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=30).round(decimals)
    relevant = score + rng.normal(size=30) > 0.5
    precision, recall, c = precision_recall_curve(score, relevant)
    theirs = metrics.precision_recall_curve(relevant, score)
    same(np.append(precision[::-1], 1), theirs[0])   # and the point of no score
    same(np.append(recall[::-1], 0), theirs[1])
    same(c[::-1], theirs[2])
    same(average_precision(score, relevant),
         metrics.average_precision_score(relevant, score))


@pytest.mark.parametrize("decimals", [0, 15])
def test_mean_average_precision_is_sklearns_macro_average(decimals):
    rng = np.random.default_rng(4)
    scores, label = rng.normal(size=(30, 4)).round(decimals), rng.integers(4, size=30)
    same(mean_average_precision(scores, label), metrics.average_precision_score(
        np.eye(4)[label], scores, average="macro"))


def test_r_squared_is_sklearns():
    rng = np.random.default_rng(5)
    for size in (0.1, 1.0, 10.0):
        true = rng.normal(3, 2, size=20)
        said = true + size * rng.normal(size=20)
        same(r_squared(said, true), metrics.r2_score(true, said))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_recall_at_k_is_sklearns_top_k_accuracy_where_nothing_is_tied(k):
    rng = np.random.default_rng(6)
    scores, label = rng.normal(size=(30, 5)), rng.integers(5, size=30)
    same(recall_at(scores, k, label), metrics.top_k_accuracy_score(
        label, scores, k=k, labels=range(5)))
