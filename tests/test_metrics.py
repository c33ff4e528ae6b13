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


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, ">i4"])
def test_labels_may_be_of_any_integer_type(kind):
    label = np.array([0, 20, 20], kind)
    for other in (label, label.astype(np.int64)):
        assert confusion_matrix(label, other, 21)[20, 20] == 2
        assert accuracy(label, other) == 1


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


def test_r_squared_is_1_for_the_truth_0_for_its_mean_and_less_for_worse():
    true = np.array([1.0, 2, 3, 6])                  # mean 3, squares about it 14
    assert r_squared(true, true) == 1
    assert r_squared(np.full(4, 3.0), true) == 0
    assert r_squared(true + 1, true) == pytest.approx(1 - 4 / 14, rel=1e-15)
    assert r_squared(-true, true) == pytest.approx(1 - 200 / 14, rel=1e-15)
    assert type(r_squared(true.astype(np.float32), true)) is float


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64, np.float16])
def test_r_squared_is_computed_in_float64_whatever_the_numbers_are(kind):
    true, said = np.array([1, 2, 3, 6], kind), np.array([2, 1, 120, 0], kind)
    assert r_squared(said, true) == r_squared(said.astype(float), true.astype(float))
