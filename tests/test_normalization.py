import sys

import numpy as np
import pytest

from numnet import Dropout, LayerNorm, Linear, Sequential, dropout, layer_norm
from numnet.study.spread import spread

ONE, ZERO = np.ones(4), np.zeros(4)
ROW = np.array([[1.0, 3, 5, 7]])                     # mean 4, variance 5


def test_a_row_is_centred_and_divided_by_its_deviation():
    y, _ = layer_norm(ROW, ONE, ZERO, eps=0)
    np.testing.assert_allclose(y, np.array([[-3, -1, 1, 3]]) / np.sqrt(5), rtol=1e-15)


def test_eps_is_added_to_the_variance_and_each_feature_has_a_scale_and_a_shift():
    y, _ = layer_norm(ROW, np.array([1.0, 3, 6, 2]), np.array([0.0, 1, 2, 3]), eps=4)
    np.testing.assert_allclose(y, [[-1, 0, 4, 5]], atol=1e-15)


def test_the_gradient_has_no_part_that_a_shift_or_a_stretch_would_undo():
    x = spread(np.random.default_rng(0), 2, 3, 4)
    _, backward = layer_norm(x, np.array([1.0, -2, 3, 0.5]), ONE, eps=0)
    dx, *_ = backward(spread(np.random.default_rng(1), 2, 3, 4))
    np.testing.assert_allclose(dx.sum(axis=-1), 0, atol=1e-13)
    np.testing.assert_allclose((dx * x).sum(axis=-1), 0, atol=1e-13)


def test_a_row_of_equal_numbers_gives_the_shift_and_a_finite_gradient():
    with np.errstate(all="raise"):
        y, backward = layer_norm(np.full((2, 4), 7.0), ONE, np.arange(4.0))
        dx, dw, _ = backward(ROW - [[4], [0]])
    np.testing.assert_array_equal(y, [[0, 1, 2, 3]] * 2)
    assert np.isfinite(dx).all() and not dw.any()


def test_a_large_number_added_to_a_row_does_not_hide_its_variance():
    """As the mean of squares less the square of the mean would, in float32."""
    x = (ROW + 2 ** 20).astype(np.float32)
    y, backward = layer_norm(x, *np.float32([ONE, ZERO]), eps=0)
    expected, expected_backward = layer_norm(ROW, ONE, ZERO, eps=0)
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    dy = np.array([[1.0, 0, 2, 0]])
    np.testing.assert_allclose(
        backward(dy.astype(np.float32))[0], expected_backward(dy)[0], atol=1e-6)


@pytest.mark.parametrize("room", [1, 12])            # a row at a time; three and two
def test_layer_norm_in_blocks_of_rows_is_the_same(monkeypatch, room):
    rng = np.random.default_rng(2)
    x, dy = rng.normal(size=(2, 5, 4))
    w, b = rng.normal(size=(2, 4))
    y, backward = layer_norm(x, w, b)
    monkeypatch.setattr(sys.modules["numnet.normalization"], "BLOCK", room)
    again, backward_again = layer_norm(x, w, b)
    np.testing.assert_allclose(again, y, rtol=1e-14)
    for ours, whole in zip(backward_again(dy), backward(dy), strict=True):
        np.testing.assert_allclose(ours, whole, rtol=1e-13)


def test_a_norm_layer_starts_without_scale_and_shift():
    layer = LayerNorm(4)
    assert layer.w.value.dtype == layer.b.value.dtype == np.float32
    assert layer.w.value.tolist() == [1] * 4 and layer.b.value.tolist() == [0] * 4
    np.testing.assert_array_equal(layer(ROW)[0], layer_norm(ROW, ONE, ZERO)[0])


X = np.full((50, 40, 3), 2.0)


def test_dropout_puts_zero_for_its_share_and_the_rest_make_up_for_it():
    y, backward = dropout(X, rate=0.75, rng=np.random.default_rng(0))
    assert set(np.unique(y)) == {0, 8}
    assert abs((y == 0).mean() - 0.75) < 0.02
    dx = backward(3 * np.ones(X.shape))
    np.testing.assert_array_equal(dx, y * 3 / 2)
    np.testing.assert_array_equal(backward(3 * np.ones(X.shape)), dx)


def test_dropout_draws_each_number_by_itself_and_anew_at_every_call():
    rng = np.random.default_rng(0)
    first, second = (dropout(X, rate=0.5, rng=rng)[0] == 0 for _ in range(2))
    assert abs((first == second).mean() - 0.5) < 0.03
    for axis in range(3):
        assert not (first == first.take([0], axis)).all()


def test_without_a_generator_or_a_rate_everything_is_kept():
    for options in ({"rate": 0.5, "rng": None},
                    {"rate": 0, "rng": np.random.default_rng(0)}):
        y, backward = dropout(X, **options)
        np.testing.assert_array_equal(y, X)
        np.testing.assert_array_equal(backward(X), X)


def test_a_dropout_layer_drops_while_the_model_is_training_alone():
    rng = np.random.default_rng(0)
    model = Sequential(Linear(3, 4, rng), Sequential(Dropout(0.5, rng)))
    model.layers[0].b.value = np.ones(4, np.float32)
    zeros = lambda: (model(X)[0] == 0).mean()
    assert 0.4 < zeros() < 0.6
    model.train(False)
    assert zeros() == 0
    model.train()
    assert zeros() > 0.4
