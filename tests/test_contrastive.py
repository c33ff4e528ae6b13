from math import e, log

import numpy as np
import pytest

from numnet.loss import contrastive
from numnet.module import Parameter, apply
from numnet.normalization import l2_normalize
from numnet.optim import SGD
from numnet.study.gradcheck import check


def unit_rows(rng, *shape):
    return l2_normalize(rng.normal(size=shape))[0]


def test_every_gradient_of_contrastive_is_right():
    rng = np.random.default_rng(0)
    rows = check(contrastive, unit_rows(rng, 5, 3), unit_rows(rng, 5, 3), np.array(0.7),
                 rng=rng)
    assert [(row.argument, row.shape) for row in rows] == [
        ("u", (5, 3)), ("v", (5, 3)), ("s", ())]
    assert all(row.passed and row.central < 1e-8 for row in rows)


def test_three_pairs_at_right_angles_have_the_numbers_worked_out_by_hand():
    u = np.eye(3, 4)
    loss, backward = contrastive(u, u, np.array(log(log(2))))   # p is 1/2, 1/4, 1/4
    assert loss == pytest.approx(log(2), rel=1e-15)
    du, dv, ds = backward()
    expected = log(2) / 12 * (1 - 3 * np.eye(3)) @ u
    np.testing.assert_allclose(du, expected, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(dv, expected, rtol=1e-14, atol=1e-16)
    assert ds == pytest.approx(-log(2) / 2, rel=1e-14)


def test_both_directions_count_the_same():
    u, v = np.eye(2)[[0, 0]], np.eye(2)              # both u belong to the first v
    for pair in [(u, v), (v, u)]:
        loss, _ = contrastive(*pair, np.array(0.0))
        assert loss == pytest.approx((log(e + 1) - 1 / 2 + log(2)) / 2, rel=1e-15)


def test_swapping_u_and_v_swaps_their_gradients():
    rng = np.random.default_rng(0)
    u, v, s = unit_rows(rng, 4, 3), unit_rows(rng, 4, 3), np.array(1.5)
    du, dv, ds = contrastive(u, v, s)[1](0.3)
    dv_too, du_too, ds_too = contrastive(v, u, s)[1](0.3)
    for one, other in [(du, du_too), (dv, dv_too), (ds, ds_too)]:
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_rows_that_are_all_alike_give_log_n_and_one_pair_gives_0():
    same = np.ones((5, 2))
    assert contrastive(same, same, np.array(0.5))[0] == pytest.approx(log(5), rel=1e-15)
    loss, backward = contrastive(same[:1], same[:1], np.array(0.5))
    assert loss == 0
    assert not any(grad.any() for grad in backward())


def test_the_lowest_temperature_in_use_overflows_nothing_in_float32():
    u = unit_rows(np.random.default_rng(0), 6, 4).astype(np.float32)
    loss, backward = contrastive(u, -u, np.array(log(100), np.float32))
    assert loss.dtype == np.float32 and 100 < loss < 300
    for grad in backward():
        assert grad.dtype == np.float32 and np.isfinite(grad).all()


def test_s_can_be_learned_though_a_step_makes_it_a_scalar():
    u = unit_rows(np.random.default_rng(0), 4, 3)
    s = Parameter(np.array(0.0))
    optimizer, losses = SGD([s], lr=1.0), []
    for _ in range(3):
        loss, backward = apply(contrastive, u, u, s)
        losses.append(loss)
        s.zero_grad()
        backward()
        optimizer.step()
    assert losses[0] > losses[1] > losses[2]
    assert s.value > 0 and np.shape(s.value) == ()


def test_l2_normalize_leaves_the_direction():
    x = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, -20.0], [0.0, 0.0, 0.0]])
    y, backward = l2_normalize(x)
    np.testing.assert_allclose(y, [[0.6, 0.8, 0], [0, 0, -1], [0, 0, 0]], atol=1e-9)
    dx = backward(np.array([[5.0, 0.0, 1.0], [1.0, 2.0, 3.0], [2.0, 0.0, 0.0]]))
    np.testing.assert_allclose(
        dx, [[0.64, -0.48, 0.2], [0.05, 0.1, 0], [2e4, 0, 0]], atol=1e-8)


def test_every_gradient_of_l2_normalize_is_right():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 4, 3))
    x[1, 2] = 0                                      # eps is all there is
    for options in ({}, {"eps": 0.3}):
        row, = check(l2_normalize, x, rng=rng, **options)
        assert row.passed


def test_a_longer_row_has_the_same_direction_and_a_smaller_gradient():
    x = unit_rows(np.random.default_rng(0), 4, 3)
    (y, backward), (y_too, backward_too) = l2_normalize(x), l2_normalize(8 * x)
    np.testing.assert_allclose(y, y_too, rtol=1e-8)
    dy = np.arange(12.0).reshape(4, 3)
    np.testing.assert_allclose(backward(dy), 8 * backward_too(dy), rtol=1e-6)
    np.testing.assert_allclose((backward(dy) * y).sum(axis=1), 0, atol=1e-6)


def test_l2_normalize_keeps_float32():
    y, backward = l2_normalize(np.ones((2, 3), np.float32))
    assert y.dtype == backward(y).dtype == np.float32
