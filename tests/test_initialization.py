import numpy as np
import pytest

from numnet import he, orthogonal, xavier
from numnet.initialization import fans


def test_one_weight_of_a_matrix_connects_rows_to_columns_and_of_a_kernel_its_windows():
    assert fans((30, 20)) == (30, 20)
    assert fans((64, 3, 5, 7)) == (3 * 5 * 7, 64 * 5 * 7)


@pytest.mark.parametrize("shape, inputs, outputs", [
    ((300, 200), 300, 200), ((60, 40, 5, 3), 600, 900)])
def test_weights_have_the_variance_of_their_rule(shape, inputs, outputs):
    for init, variance in [(he, 2 / inputs), (xavier, 2 / (inputs + outputs))]:
        w = init(shape, np.random.default_rng(0))
        assert w.shape == shape and w.dtype == np.float32
        assert w.var() == pytest.approx(variance, rel=0.03)
        assert abs(w.mean()) < 4 * np.sqrt(variance / w.size)


def test_xavier_is_uniform_and_he_normal():
    rng = np.random.default_rng(0)
    flat, bell = xavier((300, 200), rng), he((300, 200), rng)
    bound = np.sqrt(6 / 500)
    assert 0.99 * bound < abs(flat).max() <= bound
    assert np.mean(abs(bell) < bell.std()) == pytest.approx(0.683, abs=0.01)


def test_he_keeps_the_size_of_signals_through_many_relus():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 200))
    size = np.mean(x * x)
    for _ in range(10):
        x = np.maximum(x @ he((200, 200), rng), 0)
    assert 0.3 < np.mean(x * x) / (size / 2) < 6


@pytest.mark.parametrize("shape", [(7, 7), (9, 4), (4, 9)])
def test_orthogonal_weights_have_the_shorter_sides_vectors_at_right_angles(shape):
    w = orthogonal(shape, np.random.default_rng(0))
    assert w.shape == shape and w.dtype == np.float32 and w.flags.c_contiguous
    product = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-6)


def test_orthogonal_weights_point_everywhere_alike():
    rng = np.random.default_rng(0)
    corners = np.array([orthogonal((3, 3), rng)[0, 0] for _ in range(500)])
    assert abs(corners.mean()) < 4 * np.sqrt(1 / 3 / 500)


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    for init in (he, xavier, orthogonal):
        first, again, other = [init((6, 4), np.random.default_rng(seed))
                               for seed in (5, 5, 6)]
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()
