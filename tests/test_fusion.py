import numpy as np
import pytest

from numnet import (Concatenation, CrossAttention, GatedSum, SharedEncoder, average,
                    blend, concatenate, product)
from numnet.fusion import FUSIONS
from numnet.study.spread import shaken, spread

U, V = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([[7.0, 9], [-1, 2], [3, 0]])


def rng():
    return np.random.default_rng(0)


def test_the_image_stands_before_the_text():
    y, backward = concatenate(U, V[:, :1])
    assert y.tolist() == [[1, 2, 7], [3, 4, -1], [5, 6, 3]]
    du, dv = backward(y)
    assert du.tolist() == U.tolist() and dv.tolist() == V[:, :1].tolist()


def test_average_and_product_go_feature_by_feature():
    assert average(U, V)[0].tolist() == [[4, 5.5], [1, 3], [4, 3]]
    assert product(U, V)[0].tolist() == [[7, 18], [-3, 8], [15, 0]]


def test_a_blend_of_1_is_the_first_and_of_0_the_second_for_each_feature():
    y, backward = blend(U, V, np.array([[1.0, 0], [0, 1], [0.5, 0.25]]))
    assert y.tolist() == [[1, 9], [-1, 4], [4, 1.5]]
    du, dv, dg = backward(np.array([[2.0, 4], [8, 16], [32, 64]]))
    assert du.tolist() == [[2, 0], [0, 16], [16, 16]]
    assert dv.tolist() == [[0, 4], [8, 0], [16, 48]]
    assert dg.tolist() == [[-12, -28], [32, 32], [64, 384]]


@pytest.mark.parametrize("name", FUSIONS)
def test_a_fusion_says_how_wide_its_result_is(name):
    fusion = FUSIONS[name](8, 8, rng())
    if getattr(fusion, "sequences", False):
        y, _ = fusion(spread(rng(), 3, 6, 8), spread(rng(), 3, 4, 8),
                      lengths=np.array([4, 1, 2]))
    else:
        y, _ = fusion(spread(rng(), 3, 8), spread(rng(), 3, 8))
    assert y.shape == (3, fusion.width)


def test_sources_of_different_widths_can_stand_side_by_side_or_look():
    assert Concatenation(3, 4, rng()).width == 7
    look = CrossAttention(3, 8, rng())
    assert look.width == 8
    hidden, _, result = look.feedforward.layer.layers
    assert hidden.w.value.shape == (8, 16) and result.w.value.shape == (16, 8)


def test_an_undecided_gate_takes_the_mean():
    fusion = GatedSum(2, 2, rng())
    fusion.gate.w.value = np.zeros_like(fusion.gate.w.value)
    np.testing.assert_array_equal(fusion(U, V)[0], average(U, V)[0])
    fusion.gate.b.value = np.float32([100, -100])
    np.testing.assert_array_equal(fusion(U, V)[0], [[1, 9], [3, 2], [5, 0]])


def test_a_shared_encoder_reads_both_with_the_same_weights_and_adds_the_gradients():
    fusion = shaken(SharedEncoder(2, 2, rng()), rng())
    y, backward = fusion(U, V)
    for source, part in ((U, y[:, :2]), (V, y[:, 2:])):
        np.testing.assert_array_equal(fusion.encoder(source)[0], part)
    dy = spread(rng(), 3, 4)
    grads = []
    for left, right in ((1, 1), (1, 0), (0, 1)):     # both, the image's, the text's
        fusion.zero_grad()
        backward(dy * [left, left, right, right])
        grads.append([p.grad for p in fusion.parameters()])
    for both, image, text in zip(*grads):
        np.testing.assert_allclose(both, image + text, rtol=1e-12)
    assert all(grad.any() for grad in grads[1] + grads[2])


PLACES, WORDS = spread(rng(), 3, 7, 5), spread(rng(), 3, 4, 6)
LENGTHS = np.array([4, 1, 2])


def cross():
    return shaken(CrossAttention(5, 6, rng(), heads=2), rng())


def test_what_follows_the_last_word_has_no_say_in_cross_attention():
    padding = np.arange(4) >= LENGTHS[:, None]
    other = np.where(padding[:, :, None], 100.0, WORDS)
    y, backward = cross()(PLACES, WORDS, lengths=LENGTHS)
    np.testing.assert_array_equal(cross()(PLACES, other, lengths=LENGTHS)[0], y)
    dimage, dtext = backward(np.ones_like(y) * [1, -1, 2, 3, -2, 1])
    assert not dtext[padding].any() and dtext[~padding].all() and dimage.all()


def test_cross_attention_sees_every_place_and_knows_no_order_of_them():
    y, _ = cross()(PLACES, WORDS, lengths=LENGTHS)
    np.testing.assert_allclose(cross()(PLACES[:, ::-1], WORDS, lengths=LENGTHS)[0], y,
                               rtol=1e-11)
    for place in range(7):
        other = PLACES.copy()
        other[:, place] += 1
        assert (cross()(other, WORDS, lengths=LENGTHS)[0] != y).any(axis=1).all()
