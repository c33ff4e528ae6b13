import numpy as np
import pytest

from numnet.fusion import FUSIONS
from numnet.loss import contrastive, cross_entropy
from numnet.models import (AttentionReader, TextEncoder, article_model,
                           fusion_classifier, image_encoder, joint_embedding)

RNG = np.random.default_rng(5)
IDS = np.array([[2, 3, 0, 0, 0], [4, 2, 5, 6, 3], [6, 6, 4, 0, 0], [5, 0, 0, 0, 0]])
INPUTS = {"images": RNG.normal(size=(3, 3, 8, 12)), "ids": IDS,
          "lengths": np.array([2, 5, 3, 1]), "image": np.array([0, 2, 0, 1, 2, 1, 0]),
          "question": np.array([1, 3, 2, 0, 0, 1, 1])}
LABEL = np.array([4, 0, 3, 1, 2, 2, 0])


def small(seed=0, dtype=np.float64):
    """A classifier of 7 words and 5 answers, of other sizes everywhere."""
    model = fusion_classifier(7, 5, np.random.default_rng(seed), channels=(4, 6),
                              features=8, embedding_dim=3, hidden_size=9, head=10)
    for p in model.parameters():
        p.value = p.value.astype(dtype)
        p.zero_grad()
    return model


def only(n):
    """The inputs of example n by itself: one picture, one question."""
    image, question = INPUTS["image"][n], INPUTS["question"][n]
    length = INPUTS["lengths"][question]
    zero = np.zeros(1, int)
    return {"images": INPUTS["images"][[image]], "ids": IDS[[question], :length],
            "lengths": np.array([length]), "image": zero, "question": zero}


def grads(model):
    return {name: p.grad for name, p in model.named_parameters().items()}


def test_encoding_each_thing_once_is_encoding_it_for_each_question():
    once, each = small(), small()
    z, backward = once(**INPUTS)
    dz = np.random.default_rng(1).normal(size=z.shape)
    assert backward(dz) is None
    for n in range(len(z)):
        z_n, backward = each(**only(n))
        np.testing.assert_allclose(z_n[0], z[n], rtol=0, atol=1e-13)
        backward(dz[[n]])
    for name, grad in grads(each).items():
        assert np.abs(grad).max() > 0, name
        np.testing.assert_allclose(grads(once)[name], grad, rtol=0, atol=1e-12,
                                   err_msg=name)


@pytest.mark.parametrize("name", small().named_parameters())
def test_the_gradient_of_every_weight_is_the_slope_of_the_loss(name):
    model = small()
    p = model.named_parameters()[name]

    def loss():
        z, backward = model(**INPUTS)
        loss, dloss = cross_entropy(z, label=LABEL)
        return loss, lambda: backward(dloss())

    loss()[1]()
    step = 1e-6 * np.random.default_rng(2).normal(size=p.value.shape)
    value, p.value = p.value, p.value + step
    above, _ = loss()
    p.value = value - step
    below, _ = loss()
    assert (above - below) / 2 == pytest.approx((p.grad * step).sum(), rel=1e-6)


def test_a_second_call_before_the_first_backward_changes_nothing():
    alone, between = small(), small()
    z, backward = alone(**INPUTS)
    backward(z)
    z, backward = between(**INPUTS)
    between(**only(0))
    backward(z)
    for name, grad in grads(alone).items():
        assert (grads(between)[name] == grad).all(), name


READERS = ["rnn", "lstm", "attention"]


def of_each_kind(fusion, text, dtype=np.float64):
    """A classifier by this fusion and reader, small, its weights in dtype."""
    model = fusion_classifier(7, 5, np.random.default_rng(0), fusion, text,
                              channels=(4, 6), features=8, embedding_dim=3,
                              hidden_size=8, head=9)
    for p in model.parameters():
        p.value = p.value.astype(dtype)
        p.zero_grad()
    return model


@pytest.mark.parametrize("text", READERS)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_fusion_with_every_reader_answers_and_learns_with_every_weight(
        fusion, text):
    """The slope of the loss along one direction of all weights is their gradients'."""
    model = of_each_kind(fusion, text)
    direction = np.random.default_rng(3)
    steps = {p: 1e-6 * direction.normal(size=p.value.shape)
             for p in model.parameters()}

    def loss(by):
        for p, step in steps.items():
            p.value = p.value + by * step
        z, backward = model(**INPUTS)
        assert z.shape == (7, 5)
        loss, dloss = cross_entropy(z, label=LABEL)
        return loss, lambda: backward(dloss())

    assert loss(0)[1]() is None
    for name, p in model.named_parameters().items():
        # a bias of all keys moves every score of a query alike: softmax does not see it
        assert p.grad.any() or name.endswith(".k.b"), name
    (above, _), (below, _) = loss(1), loss(-2)
    assert (above - below) / 2 == pytest.approx(
        sum((p.grad * step).sum() for p, step in steps.items()), rel=1e-6)


@pytest.mark.parametrize("text", READERS)
@pytest.mark.parametrize("fusion", ["concatenation", "attention"])
def test_an_example_in_a_batch_is_answered_as_by_itself(fusion, text):
    model = of_each_kind(fusion, text)
    z, _ = model(**INPUTS)
    for n in range(len(z)):
        np.testing.assert_allclose(model(**only(n))[0][0], z[n], rtol=0, atol=1e-12)


@pytest.mark.parametrize("fusion", ["concatenation", "attention"])
def test_a_classifier_has_as_many_convolutions_as_it_is_asked_for(fusion):
    model = fusion_classifier(7, 5, np.random.default_rng(0), fusion, "lstm",
                              channels=(3, 4, 6), features=8, hidden_size=8)
    kernels = [p.value.shape for p in model.parameters() if p.value.ndim == 4]
    assert kernels == [(3, 3, 3, 3), (4, 3, 3, 3), (6, 4, 3, 3)]
    assert model(**INPUTS)[0].shape == (7, 5)


@pytest.mark.parametrize("text", READERS)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_model_in_single_precision_stays_there(fusion, text):
    model = of_each_kind(fusion, text, np.float32)
    z, backward = model(**{**INPUTS, "images": INPUTS["images"].astype(np.float32)})
    backward(z)
    assert z.dtype == np.float32
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("reader", READERS)
def test_the_order_of_the_words_counts_and_what_follows_the_last_does_not(reader):
    encoder = TextEncoder(reader, 7, 3, 8, np.random.default_rng(0))
    ids, lengths = np.array([[2, 3, 0], [3, 2, 0]]), np.array([2, 2])
    y, _ = encoder(ids, lengths)
    ids[:, 2] = 6, 5
    after, _ = encoder(ids, lengths)
    assert y.shape == (2, 8)
    assert np.abs(y[0] - y[1]).max() > 0.01 and (y == after).all()


@pytest.mark.parametrize("reader", READERS)
def test_an_unpooled_reader_tells_what_it_has_read_at_every_word(reader):
    encoder = TextEncoder(reader, 7, 3, 8, np.random.default_rng(0), pooled=False)
    y, _ = encoder(IDS, INPUTS["lengths"])
    assert y.shape == (4, 5, 8)
    words = np.arange(5) < INPUTS["lengths"][:, None]
    assert len(np.unique(y[words], axis=0)) == words.sum()


def test_an_attention_reader_is_as_large_as_it_says_unless_asked_otherwise():
    reader = AttentionReader(8, np.random.default_rng(0))
    shapes = {name: p.value.shape for name, p in reader.named_parameters().items()}
    assert shapes["positions.w"] == (64, 8)
    assert [shape for name, shape in shapes.items() if "feedforward.layer" in name] == [
        (8, 16), (16,), (16, 8), (8,)]


def test_a_flattened_picture_knows_where_a_thing_is_and_a_pooled_one_does_not():
    x = np.random.default_rng(0).normal(size=(3, 3, 16, 16))
    moved = np.zeros((2, 3, 16, 16))
    moved[0, :, 3:5, 3:5] = moved[1, :, 7:9, 11:13] = x[0, :, :2, :2]
    for pool, same in [("max", True), ("flatten", False)]:
        encoder = image_encoder((4, 6), 8, np.random.default_rng(0), pool, size=16)
        assert encoder(x)[0].shape == (3, 8)
        y, _ = encoder(moved)
        assert np.allclose(*y, rtol=0, atol=1e-12) == same
    y, _ = image_encoder((4, 6), 8, np.random.default_rng(0), "cells")(x)
    assert y.shape == (3, 4 * 4, 6)


def test_the_network_of_the_article_has_the_layers_of_its_listing():
    model = article_model(words=30, answers=1, rng=np.random.default_rng(0))
    shapes = {name: p.value.shape for name, p in model.named_parameters().items()}
    assert list(shapes.values()) == [
        (32, 3, 3, 3), (32,), (64, 32, 3, 3), (64,), (128, 64, 3, 3), (128,),
        (30, 64), (64, 512), (128, 512), (512,),     # an LSTM of 128, four gates
        (128 * 6 * 6 + 128, 512), (512,), (512, 256), (256,), (256, 128), (128,),
        (128, 64), (64,), (64, 1), (1,)]
    z, backward = model(**INPUTS | {"images": np.ones((3, 3, 64, 64), np.float32)})
    assert z.shape == (7, 1) and z.dtype == np.float32
    wanted = [layer.options["needs_dx"] for layer in model.image_encoder.layers
              if hasattr(layer, "options")]
    assert wanted == [False, True, True]             # the picture needs no gradient
    assert backward(np.ones_like(z)) is None
    assert all(p.grad.any() for p in model.parameters())


PAIRS = {"images": INPUTS["images"], "ids": IDS[:3], "lengths": INPUTS["lengths"][:3]}


def test_a_joint_embedding_puts_pictures_and_texts_on_one_sphere():
    model = joint_embedding(7, np.random.default_rng(0), channels=(4, 6), width=8)
    (u, v), backward = model(**PAIRS)
    assert u.shape == v.shape == (3, 8)
    for rows in (u, v):
        np.testing.assert_allclose((rows * rows).sum(axis=1), 1, rtol=1e-5)
    assert (u < 0).any() and (v < 0).any()           # no relu is last
    assert np.exp(model.s.value) == pytest.approx(10)

    loss, loss_backward = model.loss(u, v)
    assert loss == contrastive(u, v, model.s.value)[0]
    assert backward(*loss_backward()) is None
    assert all(np.any(p.grad) for p in model.parameters())
    assert "s" in model.state_dict()


def test_a_joint_embedding_is_as_large_as_it_says_unless_asked_otherwise():
    model = joint_embedding(30, np.random.default_rng(0))
    weights = [p.value.shape for p in model.parameters() if p.value.ndim > 1]
    assert weights == [(16, 3, 3, 3), (32, 16, 3, 3), (32, 64), (64, 64),
                       (30, 16), (16, 64), (64, 64)]


def test_answers_depend_on_the_picture_and_on_the_question():
    z, _ = small()(**INPUTS)
    same = [(n, k) for n in range(7) for k in range(n) if np.allclose(z[n], z[k])]
    assert same == [(6, 0)]                          # the one pair that is asked twice


def test_the_same_seed_makes_the_same_weights_and_another_seed_others():
    a, b, c = (small(seed, np.float32).state_dict() for seed in (0, 0, 1))
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)
    assert not any((a[name] == c[name]).all() for name in a if not name.endswith(".b"))


def test_the_classifier_of_the_readme_has_so_many_weights_in_single_precision():
    model = fusion_classifier(17, 13, np.random.default_rng(0))
    values = [p.value for p in model.parameters()]
    conv, text = 3 * 9 * 16 + 16 + 16 * 9 * 32 + 32, 17 * 16 + (16 + 64) * 64 + 64
    assert sum(x.size for x in values) == (
        conv + 32 * 64 + 64 + text + 128 * 128 + 128 + 128 * 13 + 13)
    assert {x.dtype for x in values} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name, value, message", [
    ("image", np.array([0, 3, 0, 1, 2, 1, 0]), "in 0..2, got 3"),
    ("question", np.array([0, -1, 0, 1, 2, 1, 0]), "in 0..3, got -1"),
    ("ids", IDS + 1, "in 0..6, got 7"),
    ("lengths", np.array([2, 6, 3, 1]), "in 1..5, got 6"),
    ("lengths", np.array([2, 0, 3, 1]), "in 1..5, got 0"),
    ("images", np.zeros((3, 4, 8, 12)), "w has 3 input channels \\(c\\) but x has 4"),
    ("images", np.zeros((3, 3, 3, 12)), "kernel covers 2×2 but the padded picture")])
def test_what_does_not_fit_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        small()(**{**INPUTS, name: value})
