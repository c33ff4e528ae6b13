import numpy as np
import pytest

from numnet.activation import softmax
from numnet.models import article_model, fusion_classifier
from numnet.scenes import ConcatenationNetwork, HopNetwork
from numnet.study import inside
from numnet.study.gradcheck import check

SIZES = {"channels": (3, 4), "features": 6, "embedding_dim": 5, "hidden_size": 8,
         "head": 7}
SMALL = {"cells": (2, 3), "channels": (3, 4, 5), "width": 6, "embedding_dim": 4}
NETWORKS = {
    "concatenation, rnn": lambda rng: fusion_classifier(6, 4, rng, **SIZES),
    "shared, lstm": lambda rng: fusion_classifier(
        6, 4, rng, "shared", "lstm", **SIZES | {"features": 8}),
    "attention, attention": lambda rng: fusion_classifier(
        6, 4, rng, "attention", "attention", **SIZES),
    "hops": lambda rng: HopNetwork(6, 4, rng, heads=2, hops=2, **SMALL),
    "scenes": lambda rng: ConcatenationNetwork(6, 4, rng, hidden=9, **SMALL)}
each_network = pytest.mark.parametrize("kind", NETWORKS)


def made(kind):
    """A small network of this kind in float64, and pictures and words for it."""
    rng = np.random.default_rng(3)
    model = NETWORKS[kind](rng)
    for p in model.parameters():
        p.value = p.value + 0.1 * rng.normal(size=p.value.shape)
        p.zero_grad()
    size = (9, 17) if kind in ("hops", "scenes") else (4, 8)
    return model, rng.random((2, 3, *size)), rng.integers(6, size=(2, 3)), rng


# ---- a network as an op -------------------------------------------------------------

@each_network
def test_the_gradients_of_pixels_and_word_vectors_are_those_of_the_network(kind):
    model, x, ids, rng = made(kind)
    rows = check(inside.of_inputs(model), x, inside.word_vectors(model, ids), rng=rng)
    assert [row.argument for row in rows] == ["x", "w"]
    assert all(row.passed for row in rows), rows


@each_network
def test_it_says_what_the_network_says_and_leaves_it_as_it_was(kind):
    model, x, ids, _ = made(kind)
    before = {name: id(item) for name, item in model._walk()}
    options = [dict(item.options) for _, item in model._walk()
               if hasattr(item, "options")]
    z, _ = inside.of_inputs(model)(x, inside.word_vectors(model, ids))
    every = np.arange(2)
    asked = ({"question": every[:, None]} if kind in ("hops", "scenes") else
             {"question": every, "image": every})
    expected, _ = model(images=x, ids=ids, lengths=np.array([3, 3]), **asked)
    assert (z == expected.reshape(2, 4)).all()
    with pytest.raises(ValueError):
        inside.of_inputs(model)(x[:, :2], inside.word_vectors(model, ids))
    assert {name: id(item) for name, item in model._walk()} == before
    assert [item.options for _, item in model._walk()
            if hasattr(item, "options")] == options
    assert options[0]["needs_dx"] is False


def test_the_articles_network_is_an_op_too():
    rng = np.random.default_rng(0)
    model = article_model(6, 1, rng, size=32)
    x, w = rng.random((1, 3, 32, 32), np.float32), inside.word_vectors(
        model, np.array([[2, 4, 3]]))
    z, backward = inside.of_inputs(model)(x, w)
    dx, dw = backward(np.ones_like(z))
    assert dx.shape == x.shape and dw.shape == w.shape and dx.any() and dw.any()


# ---- what a number did --------------------------------------------------------------

def test_the_log_odds_are_those_of_the_softmax_with_their_gradient():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3, 4))
    p, _ = softmax(z)
    e, _ = inside.log_odds(z, answer=2)
    assert np.allclose(e, np.log(p[:, 2] / (1 - p[:, 2])), atol=1e-12)
    for answer in range(4):
        row, = check(inside.log_odds, z, answer=answer, rng=rng)
        assert row.passed
    assert all(row.passed for row in check(
        lambda z: inside.line(z, 2.0, -3.0), z[:, :1], rng=rng))


def test_the_log_odds_of_a_sure_answer_are_a_number():
    z = np.array([[1e4, 0, -1e4], [-1e4, 0, 0]])
    with np.errstate(all="raise", under="ignore"):
        e, backward = inside.log_odds(z, answer=0)
        assert np.allclose(e, [1e4, -1e4 - np.log(2)])
        assert np.allclose(backward(np.ones(2)), [[1, -1, 0], [1, -0.5, -0.5]])
    with pytest.raises(ValueError, match="two answers or more, got 1"):
        inside.log_odds(z[:, :1], answer=0)


def cubic(x):
    """e = x0³ + x0 x1, of which x2 is no part."""
    def backward(de):
        dx = np.stack([3 * x[:, 0] ** 2 + x[:, 1], x[:, 0], 0 * x[:, 0]], axis=1)
        return dx * de[:, None], "the gradient of something else"

    return x[:, 0] ** 3 + x[:, 0] * x[:, 1], backward


def test_the_parts_add_up_to_what_changed_and_one_slope_does_not():
    x, b = np.array([2.0, 3, 7]), np.array([0.5, -1, 2])
    parts = inside.integrated(cubic, x, b, steps=1000)
    (after, before), _ = cubic(np.stack([x, b]))
    assert parts.sum() == pytest.approx(after - before, rel=1e-5)
    way = (x[0] - b[0]) * (x[1] - b[1])
    shared = b[0] * (x[1] - b[1]) + way / 2          # of x0 x1, the part of x1
    assert parts[1] == pytest.approx(shared, rel=1e-5) and parts[2] == 0
    slopes = cubic(x[None])[1](np.ones(1))[0][0] * (x - b)
    assert abs(slopes.sum() - (after - before)) > 5


def test_what_is_as_in_the_blank_one_did_nothing():
    x = np.array([2.0, 3, 7])
    assert inside.integrated(cubic, x, np.array([2.0, 0, 1]))[0] == 0
    assert not inside.integrated(cubic, x, x).any()


# ---- what goes without it -----------------------------------------------------------

def test_a_square_is_painted_in_the_median_colour_of_the_border():
    picture = np.full((8, 8, 3), (200, 210, 220), np.uint8)
    picture[2:6, 3:] = 7                             # less than half of the border
    before = picture.copy()
    for top, left, rows, columns in ((3, 2, slice(3, 6), slice(2, 5)),
                                     (-1, 6, slice(0, 2), slice(6, 8))):
        painted = inside.painted_over(picture, top, left, 3)
        expected = before.copy()
        expected[rows, columns] = (200, 210, 220)
        assert (painted == expected).all() and (picture == before).all()
    blank = inside.painted_over(picture, 0, 0, 8)
    assert (blank == (200, 210, 220)).all()


@pytest.mark.parametrize("size", [64, 75])
def test_a_place_that_matters_is_found_where_it_is(size):
    """What is lost is 1 where the only pixel that counts is painted over, else 0."""
    picture = np.full((size, size, 3), 255, np.uint8)
    picture[20, 41] = 0
    asked = []

    def fall(pictures):
        asked.append(len(pictures))
        return (pictures[:, 20, 41, 0] == 255).astype(float)

    lost = inside.occluded(fall, picture, batch=50)
    assert lost.shape == (size, size) and lost[20, 41] == 1 == lost.max()
    far = np.maximum(*np.abs(np.indices(lost.shape) - [[[20]], [[41]]]))
    assert not lost[far >= size // 4].any() and (lost[far < 2] > 0.5).all()
    assert max(asked) <= 50 and sum(asked) > 100


def test_every_word_is_put_out_once():
    w = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    without = inside.each_put_out(w)
    assert without.shape == (3, 3, 4) and without.dtype == np.float32
    for t in range(3):
        assert not without[t, t].any()
        assert (np.delete(without[t], t, axis=0) == np.delete(w, t, axis=0)).all()
