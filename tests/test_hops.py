"""What hops compute, and networks of them; their gradients: study/test_gradcheck."""

import numpy as np
import pytest

from numnet.hops import Hop, cells_of, distance_bias, grid, places_of
from numnet.scenes import ConcatenationNetwork, HopNetwork
from numnet.study.spread import shaken

N, M, T, U, WIDTH = 2, 3, 4, 5, 6


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def arrays(rng, *shapes):
    return [rng.normal(size=shape) for shape in shapes]


def asked(rng):
    """Two pictures of 17 × 24 pixels, so 3 × 3 cells, and five questions about each."""
    return {"images": rng.normal(size=(2, 3, 17, 24)),
            "ids": np.array([[1, 2, 3, 4], [5, 6, 0, 0], [3, 2, 1, 0]]),
            "lengths": np.array([4, 2, 3]),
            "question": np.array([[0, 1, 2, 1, 0], [2, 2, 1, 0, 0]])}


SMALL = {"cells": (3, 3), "channels": (2, 3, 2), "width": 4, "embedding_dim": 3}


def hop_network(rng, hops=3):
    return HopNetwork(7, 8, rng, heads=2, hops=hops, **SMALL)


def concatenation_network(rng):
    return ConcatenationNetwork(7, 8, rng, hidden=9, **SMALL)


def test_a_cell_knows_where_it_lies():
    y, _ = cells_of(np.zeros((1, 1, 2, 3)))
    np.testing.assert_array_equal(y[0, :, 1:], [
        [-1, -1, 2], [0, -1, 1], [1, -1, 2], [-1, 1, 2], [0, 1, 1], [1, 1, 2]])


def test_positive_weights_of_the_bias_prefer_far_and_then_near_cells():
    a, g = np.zeros((1, 1, 1, 2)), grid(1, 5)[None].astype(float) + [0, 1]
    far, _ = distance_bias(a, g, np.array([[[[1.0, 0]]]]))
    near, _ = distance_bias(a, g, np.array([[[[0, 1.0]]]]))
    np.testing.assert_allclose(far[0, 0, 0], [1, 0.25, 0, 0.25, 1])
    np.testing.assert_allclose(
        near[0, 0, 0], 4 * np.exp([-12, -3, 0, -3, -12]))


def test_a_distance_is_never_below_0_and_its_exponential_never_overflows():
    a = np.full((1, 1, 1, 2), 1e4, np.float32) * np.float32([1 / 3, 1])
    with np.errstate(over="raise"):
        y, _ = distance_bias(a, a[0], np.float32([[[[0, 1]]]]))
    assert y <= 4


def test_places_may_be_all_that_the_heads_found(rng):
    seen, dy = arrays(rng, (N, M, T, 2), (N, M, T, 2))
    y, backward = places_of(seen)
    np.testing.assert_array_equal(y, seen)
    np.testing.assert_array_equal(backward(dy), dy)


def test_a_hop_may_have_a_single_head(rng):
    state, cells, places = arrays(rng, (N, T, WIDTH), (N, U, WIDTH), (N, U, 2))
    hop = Hop(WIDTH, 1, 9, rng, first=False)
    (y, seen), _ = hop(state, cells, places, rng.normal(size=(N, 1, T, 2)))
    assert y.shape == state.shape and seen.shape == (N, 1, T, 2)


def test_a_hop_tells_where_each_head_looked(rng):
    """With queries of zero all cells are looked at alike."""
    hop = Hop(WIDTH, 2, 9, rng, first=True)
    hop.q.layers[0].w.value *= 0
    inputs = arrays(rng, (N, T, WIDTH), (N, U, WIDTH), (N, U, 2))
    (y, seen), _ = hop(*inputs)
    assert y.shape == (N, T, WIDTH) and seen.shape == (N, 2, T, 2)
    mean = inputs[2].mean(axis=1)[:, None, None]
    np.testing.assert_allclose(seen, np.broadcast_to(mean, seen.shape))


@pytest.mark.parametrize("make", [hop_network, concatenation_network])
def test_float32_stays_float32_in_answers_and_gradients(make, rng):
    network, inputs = make(rng), asked(rng)
    z, backward = network(**{**inputs, "images": inputs["images"].astype(np.float32)})
    assert z.shape == (2, 5, 8) and z.dtype == np.float32
    assert backward(np.ones_like(z)) is None
    assert {p.grad.dtype for p in network.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("make", [hop_network, concatenation_network])
def test_the_answer_to_a_question_does_not_depend_on_the_others(make, rng):
    network, inputs = shaken(make(rng), rng), asked(rng)
    z, _ = network(**inputs)
    swapped, _ = network(**{**inputs, "question": inputs["question"][:, ::-1]})
    np.testing.assert_allclose(swapped, z[:, ::-1], atol=1e-12)
    one, _ = network(**{**inputs, "images": inputs["images"][1:],
                        "question": inputs["question"][1:, 2:3]})
    np.testing.assert_allclose(one, z[1:, 2:3], atol=1e-12)


def test_a_network_of_one_hop_needs_no_distances(rng):
    network = hop_network(rng, hops=1)
    assert not any("wish" in name for name in network.named_parameters())
    assert network(**asked(rng))[0].shape == (2, 5, 8)


def test_the_networks_of_the_lessons_are_as_large_as_they_say(rng):
    sizes = [sum(p.value.size for p in network(24, 16, rng).parameters())
             for network in (HopNetwork, ConcatenationNetwork)]
    assert sizes[0] < 170_000 < 10 * sizes[0] < sizes[1]


def test_the_networks_refuse(rng):
    network, inputs = hop_network(rng), asked(rng)
    with pytest.raises(ValueError, match="images must give 9 cells, got 4"):
        network(**{**inputs, "images": inputs["images"][:, :, :16, :16]})
    with pytest.raises(ValueError, match=r"ids must be in 0\.\.2, got 3"):
        network(**{**inputs, "question": inputs["question"] + 1})
