import numpy as np
import pytest

from numnet import accuracy, confusion_matrix, precision_recall_f1, r_squared

LABEL = np.array([0, 0, 0, 1, 1, 2, 0])
PREDICTED = np.array([0, 0, 1, 1, 2, 1, 1])


def test_accuracy_is_a_share_and_not_rounded():
    assert accuracy(PREDICTED, LABEL) == 3 / 7
    assert accuracy(LABEL, LABEL) == 1.0 and accuracy(LABEL, LABEL + 1) == 0.0


def test_rows_of_a_confusion_matrix_are_the_truth_and_columns_the_answers():
    c = confusion_matrix(PREDICTED, LABEL, 4)
    np.testing.assert_array_equal(
        c, [[2, 2, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])


def test_labels_may_be_of_small_integer_types():
    label = np.array([0, 20, 20], np.uint8)
    assert confusion_matrix(label, label, 21)[20, 20] == 2


def test_precision_recall_and_f1_are_those_worked_out_by_hand():
    precision, recall, f1 = precision_recall_f1(PREDICTED, LABEL, 3)
    np.testing.assert_allclose(precision, [1, 1 / 4, 0])
    np.testing.assert_allclose(recall, [1 / 2, 1 / 2, 0])
    np.testing.assert_allclose(f1, [2 / 3, 1 / 3, 0])


def test_0_out_of_0_is_0_unless_asked_otherwise():
    label, predicted = np.array([0, 0, 1]), np.array([0, 2, 2])
    precision, recall, f1 = precision_recall_f1(predicted, label, 4)
    np.testing.assert_array_equal(precision, [1, 0, 0, 0])
    np.testing.assert_array_equal(recall, [0.5, 0, 0, 0])
    np.testing.assert_allclose(f1, [2 / 3, 0, 0, 0])
    precision, recall, f1 = precision_recall_f1(predicted, label, 4, zero_division=1.0)
    np.testing.assert_array_equal(precision, [1, 1, 0, 1])
    np.testing.assert_array_equal(recall, [0.5, 0, 1, 1])
    np.testing.assert_allclose(f1, [2 / 3, 0, 0, 1])


BAD = [
    (PREDICTED[:3], LABEL, ValueError, r"predicted must have shape \(7,\), got \(3,\)"),
    (PREDICTED[:, None], LABEL, ValueError, r"predicted must have shape \(7,\), got"),
    (PREDICTED, LABEL[:, None], ValueError, r"label must have axes \(n\)"),
    (LABEL[:0], LABEL[:0], ValueError, r"label must have axes \(n\) and not be empty"),
    (PREDICTED * 0.5, LABEL, TypeError, "predicted must be an array of integers, got"),
    (PREDICTED, LABEL > 0, TypeError, "label must be an array of integers, got bool"),
    (PREDICTED, LABEL.tolist(), TypeError, "label must be .* of integers, got list"),
    (PREDICTED, LABEL - 1, ValueError, "label must be in .* got -1"),
]


@pytest.mark.parametrize("metric", [
    accuracy, lambda p, t: confusion_matrix(p, t, 3),
    lambda p, t: precision_recall_f1(p, t, 3)])
@pytest.mark.parametrize("predicted, label, error, message", BAD)
def test_a_metric_refuses(metric, predicted, label, error, message):
    with pytest.raises(error, match=message):
        metric(predicted, label)


def test_a_class_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"predicted must be in 0\.\.1, got 2"):
        confusion_matrix(PREDICTED, LABEL % 2, 2)


def test_r_squared_is_1_for_the_truth_0_for_its_mean_and_less_for_worse():
    true = np.array([1.0, 2, 3, 6])                  # mean 3, squares about it 14
    assert r_squared(true, true) == 1
    assert r_squared(np.full(4, 3.0), true) == 0
    assert r_squared(true + 1, true) == pytest.approx(1 - 4 / 14, rel=1e-15)
    assert r_squared(-true, true) == pytest.approx(1 - 200 / 14, rel=1e-15)
    assert type(r_squared(true.astype(np.float32), true)) is float


@pytest.mark.parametrize("said, true, message", [
    (np.ones(3), np.ones((3, 1)), r"said has shape \(3,\) and true \(3, 1\), they"),
    (np.ones(1), np.arange(3.0), r"said has shape \(1,\) and true \(3,\), they must"),
    (np.ones(0), np.ones(0), ".* they must be the same and not empty"),
    (np.arange(3.0), np.ones(3), "true must not be always the same")])
def test_r_squared_refuses(said, true, message):
    with pytest.raises(ValueError, match=f"r_squared: {message}"):
        r_squared(said, true)
