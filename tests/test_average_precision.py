import itertools

import numpy as np
import pytest

from numnet.metrics import (average_precision, mean_average_precision,
                            mean_precision_recall_f1, precision_recall_curve, recall_at)

SCORE = np.array([0.1, 0.4, 0.35, 0.8])              # scikit-learn's own example
RELEVANT = np.array([0, 0, 1, 1])
P = np.array([0, 1, 1, 0, 1, 2, 2])
L = np.array([0, 0, 0, 0, 1, 1, 2])                  # C = 2 2 0 | 0 1 1 | 0 0 1


def test_precision_and_recall_at_each_score_have_their_published_values():
    precision, recall, c = precision_recall_curve(SCORE, RELEVANT)
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3, 1 / 2], rtol=1e-15)
    np.testing.assert_array_equal(recall, [1 / 2, 1 / 2, 1, 1])
    np.testing.assert_array_equal(c, [0.8, 0.4, 0.35, 0.1])


def test_average_precision_has_its_published_value_and_not_the_trapezoidal_one():
    assert average_precision(SCORE, RELEVANT) == pytest.approx(5 / 6, rel=1e-15)


def test_the_order_of_equal_scores_does_not_matter():
    score = np.array([0.5, 0.5, 0.5, 0.2, 0.2])
    for first, last in itertools.product(
            itertools.permutations([1, 0, 0]), [(0, 1), (1, 0)]):
        precision, recall, c = precision_recall_curve(score, np.array(first + last))
        np.testing.assert_allclose(precision, [1 / 3, 2 / 5], rtol=1e-15)
        np.testing.assert_array_equal(recall, [1 / 2, 1])
        np.testing.assert_array_equal(c, [0.5, 0.2])
        assert average_precision(score, np.array(first + last)) == pytest.approx(
            1 / 2 * 1 / 3 + 1 / 2 * 2 / 5, rel=1e-15)


def test_scores_that_are_all_alike_have_the_relevant_share_as_precision():
    for relevant in ([1, 0, 0], [0, 0, 1]):
        assert average_precision(np.zeros(3), np.array(relevant)) == 1 / 3


def test_where_nothing_is_relevant_average_precision_is_0_and_no_warning():
    precision, recall, _ = precision_recall_curve(SCORE, np.zeros(4, bool))
    assert not precision.any() and not recall.any()
    assert average_precision(SCORE, np.zeros(4, bool)) == 0.0


def test_average_precision_is_1_exactly_when_all_relevant_ones_come_first():
    assert average_precision(np.array([3, -np.inf, 2, 1]), np.array([1, 0, 1, 0])) == 1
    assert average_precision(np.array([3, -np.inf, 2, 2]), np.array([1, 0, 1, 0])) < 1
    assert average_precision(SCORE, np.ones(4, bool)) == 1


def test_booleans_and_0_and_1_are_the_same_truth():
    assert average_precision(SCORE, RELEVANT > 0) == average_precision(SCORE, RELEVANT)


def test_average_precision_depends_on_the_order_alone():
    rng = np.random.default_rng(0)
    score, relevant = rng.normal(size=50).round(1), rng.random(50) < 0.3
    assert average_precision(score, relevant) == average_precision(
        np.exp(5 * score), relevant)
    order = rng.permutation(50)
    assert average_precision(score[order], relevant[order]) == average_precision(
        score, relevant)


def test_mean_average_precision_reads_a_class_from_its_own_column():
    scores = np.array([[0.1, 9], [0.4, 8], [0.35, 7], [0.8, 6]])
    assert mean_average_precision(scores, 1 - RELEVANT) == pytest.approx(
        (5 / 6 + 1) / 2, rel=1e-15)


def test_a_class_that_is_never_the_label_counts_0_in_mean_average_precision():
    scores = np.array([[3.0, 1, 5], [2, 4, 6], [1, 0, 7], [0, 3, 0]])
    label = np.array([0, 1, 0, 1])
    assert mean_average_precision(scores, label) == pytest.approx(
        (5 / 6 + 1 + 0) / 3, rel=1e-15)


@pytest.mark.parametrize("kind, expected", [
    ("macro", (11 / 18, 2 / 3, 26 / 45)),            # the F1 of the first two: 0.638
    ("weighted", (31 / 42, 4 / 7, 62 / 105)),
    ("micro", (4 / 7, 4 / 7, 4 / 7)),
])
def test_averages_over_classes_are_those_worked_out_by_hand(kind, expected):
    assert mean_precision_recall_f1(P, L, 3, kind) == pytest.approx(expected, rel=1e-15)


def test_the_macro_average_counts_a_class_nobody_saw_with_zero_division():
    assert mean_precision_recall_f1(P, L, 4) == pytest.approx(
        (11 / 24, 1 / 2, 13 / 30), rel=1e-15)
    assert mean_precision_recall_f1(P, L, 4, zero_division=1.0) == pytest.approx(
        (17 / 24, 3 / 4, 41 / 60), rel=1e-15)
    for kind in ("weighted", "micro"):
        assert mean_precision_recall_f1(P, L, 4, kind) == pytest.approx(
            mean_precision_recall_f1(P, L, 3, kind), rel=1e-15)


def test_a_class_that_is_never_answered_has_precision_0_and_no_warning():
    means = mean_precision_recall_f1(np.array([0, 0, 0]), np.array([0, 1, 1]), 2)
    assert means == pytest.approx((1 / 6, 1 / 2, 1 / 4), rel=1e-15)


def test_macro_f1_is_never_above_the_f1_of_mean_precision_and_recall():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p, r, f = mean_precision_recall_f1(*rng.integers(0, 4, (2, 30)), 4)
        assert f <= 2 * p * r / (p + r) + 1e-15


def test_recall_at_k_counts_the_right_candidate_among_the_k_best():
    scores = np.array([[5.0, 1, 2, 3], [4, 3, 9, 1], [0, 7, 6, 8]])
    assert [recall_at(scores, k) for k in (1, 2, 3, 4)] == [1 / 3, 1 / 3, 1, 1]
    label = np.array([3, 2, 3])
    assert [recall_at(scores, k, label) for k in (1, 2, 3)] == [2 / 3, 1, 1]


def test_scores_that_are_all_alike_find_nothing():
    assert [recall_at(np.ones((3, 4)), k) for k in (1, 3, 4)] == [0, 0, 1]
