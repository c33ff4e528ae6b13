import sys

import numpy as np
import pytest

from numnet import binary_cross_entropy, cross_entropy, mse

LABEL = np.array([2, 0])
SCORES = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])


def test_cross_entropy_has_its_published_value_and_is_a_mean():
    loss, backward = cross_entropy(SCORES, label=LABEL)
    assert loss == pytest.approx(1.4076059644443804, rel=1e-15)
    p = np.array([0.09003057317038046, 0.24472847105479767, 0.6652409557748219])
    np.testing.assert_allclose(
        backward(), [(p - [0, 0, 1]) / 2, (p - [1, 0, 0]) / 2], rtol=1e-14)


def test_cross_entropy_of_equal_scores_is_the_logarithm_of_the_classes():
    loss, _ = cross_entropy(np.full((2, 3, 5), 7.0), label=np.ones((2, 3), int))
    assert loss == pytest.approx(np.log(5), rel=1e-15)


@pytest.mark.parametrize("steps", [4, 3])            # 3: as many as classes
def test_the_classes_are_on_the_last_axis(steps):
    z = np.zeros((2, steps, 3))
    label = np.array([[0, 1, 2, 0], [1, 1, 0, 2]])[:, :steps]
    np.put_along_axis(z, label[:, :, None], 50.0, axis=2)
    assert cross_entropy(z, label=label)[0] < 1e-20


def test_one_row_alone_needs_no_axis_of_examples():
    loss, backward = cross_entropy(SCORES[0], label=LABEL[:1].reshape(()))
    of_row, row_backward = cross_entropy(SCORES[:1], label=LABEL[:1])
    assert loss == of_row
    np.testing.assert_array_equal(backward(), row_backward()[0])


def test_a_class_that_has_no_other_is_certain():
    label = np.array([0, -1])
    assert cross_entropy(np.ones((2, 1)), label=label, ignore_index=-1)[0] == 0


def test_ignored_positions_count_neither_above_nor_below():
    z = np.array([[1.0, 2.0, 3.0], [9.0, -9.0, 0.0], [1.0, 2.0, 3.0], [4.0, 4.0, 4.0]])
    for ignored in (-1, 1, 100):
        label = np.array([2, ignored, 0, ignored])
        loss, backward = cross_entropy(z, label=label, ignore_index=ignored)
        alone, alone_backward = cross_entropy(SCORES, label=LABEL)
        assert loss == alone
        np.testing.assert_array_equal(backward()[[0, 2]], alone_backward())
        np.testing.assert_array_equal(backward()[[1, 3]], np.zeros((2, 3)))


def test_cross_entropy_of_huge_scores_is_finite_and_exact():
    z = np.array([[1e4, 0.0, -1e4], [-1e4, 1e4, 1e4], [0.0, -1e30, 0.0]])
    loss, backward = cross_entropy(z, label=np.array([2, 1, 0]))
    assert loss == pytest.approx((2e4 + np.log(2) + np.log(2)) / 3, rel=1e-14)
    np.testing.assert_allclose(
        3 * backward(), [[1, 0, -1], [0, -0.5, 0.5], [-0.5, 0, 0.5]], rtol=1e-15)


def test_a_tiny_probability_is_not_blurred_by_an_epsilon():
    z = np.array([[0.0, 60.0], [60.0, 0.0]])
    loss, _ = cross_entropy(z, label=np.array([0, 0]))
    assert loss == pytest.approx(30, rel=1e-15)
    loss, _ = cross_entropy(np.array([[0.0, 30.0]]), label=np.array([1]))
    assert loss == pytest.approx(np.exp(-30), rel=1e-2, abs=0)


def test_scores_that_are_whole_numbers_are_taken_as_floats():
    whole, backward = cross_entropy(SCORES.astype(int), label=LABEL.astype(np.uint8))
    assert whole == cross_entropy(SCORES, label=LABEL)[0]
    assert backward().dtype == np.float64
    target = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    for op in (binary_cross_entropy, mse):
        assert op(SCORES.astype(int), target=target)[0] == op(SCORES, target=target)[0]


def test_a_loss_starts_from_1_and_scales_with_the_gradient_that_comes_back():
    target = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    for _, backward in [cross_entropy(SCORES, label=LABEL), mse(SCORES, target=target),
                        binary_cross_entropy(SCORES, target=target)]:
        np.testing.assert_array_equal(backward(), backward(1.0))
        np.testing.assert_array_equal(backward(-4.0), -4 * backward())


def test_binary_cross_entropy_worked_by_hand_is_a_mean_over_all_entries():
    z = np.log([[1.0, 3.0, 1 / 3], [3.0, 1.0, 3.0]])       # p = 1/2, 3/4, 1/4, ...
    target = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.25]])
    loss, backward = binary_cross_entropy(z, target=target)
    mixed = -0.25 * np.log(3 / 4) - 0.75 * np.log(1 / 4)
    by_hand = np.log([2, 4 / 3, 4, 4, 2]).sum() + mixed
    assert loss == pytest.approx(by_hand / 6, rel=1e-14)
    np.testing.assert_allclose(
        6 * backward(), [[-0.5, -0.25, -0.75], [0.75, 0.5, 0.5]], rtol=1e-14)


def test_binary_cross_entropy_of_huge_scores_is_finite_and_exact():
    z = np.array([[1e4, -1e4], [1e4, -1e4], [40.0, -700.0]])
    target = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    loss, backward = binary_cross_entropy(z, target=target)
    assert loss == pytest.approx(2e4 / 6, rel=1e-14)
    np.testing.assert_allclose(6 * backward(), [[0, 0], [1, -1], [0, 0]], atol=1e-15)
    tail, _ = binary_cross_entropy(np.array([40.0, -40.0]), target=np.array([1.0, 0.0]))
    assert tail == pytest.approx(np.exp(-40), rel=1e-14, abs=0)


def test_binary_cross_entropy_is_cross_entropy_between_a_score_and_0():
    z = np.array([-3.0, 0.5, 2.0])
    two = np.stack([np.zeros(3), z], axis=1)
    binary, _ = binary_cross_entropy(z, target=np.array([1, 0, 1]))
    assert binary == pytest.approx(cross_entropy(two, label=np.array([1, 0, 1]))[0])


def test_mse_worked_by_hand_is_a_mean_over_all_entries():
    loss, backward = mse(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
                         target=np.array([[1, 0, 6], [4, 5, 2]]))
    assert loss == 29 / 6
    np.testing.assert_allclose(backward(), [[0, 2 / 3, -1], [0, 0, 4 / 3]], rtol=1e-15)


def test_an_ignored_position_has_gradient_0_whatever_its_scores():
    z = np.array([[1.0, 2.0, 0.5], [np.nan, np.inf, 0.0]])
    loss, backward = cross_entropy(z, label=np.array([1, -1]), ignore_index=-1)
    with np.errstate(invalid="ignore"):
        assert np.isfinite(loss) and not backward()[1].any()


@pytest.mark.parametrize("room", [1, 12])            # a row at a time; two and one
def test_cross_entropy_in_blocks_of_rows_is_the_same(monkeypatch, room):
    rng = np.random.default_rng(11)
    z, label = rng.normal(size=(5, 6)), rng.integers(0, 6, 5)
    loss, backward = cross_entropy(z, label=label, ignore_index=label[2])
    monkeypatch.setattr(sys.modules["numnet.loss"], "BLOCK", room)
    again, backward_again = cross_entropy(z, label=label, ignore_index=label[2])
    assert again == pytest.approx(loss, rel=1e-14)
    np.testing.assert_allclose(backward_again(), backward(), rtol=1e-14)


def test_cross_entropy_has_a_small_buffer_and_leaves_numpy_s_as_it_was(monkeypatch):
    z, label = np.random.default_rng(12).normal(size=(3, 700)), np.array([5, 0, 699])
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    before, set_size = [], np.setbufsize
    with np.errstate():
        np.setbufsize(4096)
        monkeypatch.setattr(np, "setbufsize", lambda new: before.append(set_size(new)))
        loss, backward = cross_entropy(z, label=label)
        assert np.getbufsize() == 4096
        dz = backward()
        assert np.getbufsize() == 4096 and before == [4096] * 2
    assert loss == pytest.approx(-np.log(p[range(3), label]).mean(), rel=1e-14)
    np.testing.assert_allclose(3 * dz, p - np.eye(700)[label], rtol=1e-13, atol=1e-17)
