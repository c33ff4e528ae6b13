import numpy as np
import pytest

from numnet.loss import cross_entropy
from numnet.models import TextEncoder, fusion_classifier

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


def test_the_order_of_the_words_counts_and_what_follows_the_last_does_not():
    encoder = TextEncoder(7, 3, 4, np.random.default_rng(0))
    ids = np.array([[2, 3, 0], [3, 2, 0], [2, 3, 6]])
    y, _ = encoder(ids, np.array([2, 2, 2]))
    assert np.abs(y[0] - y[1]).max() > 0.01 and (y[0] == y[2]).all()


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
    ("lengths", np.array([2, 6, 3, 1]), "in 0..5, got 6"),
    ("lengths", np.array([2, 0, 3, 1]), "in 1..5, got 0"),
    ("images", np.zeros((3, 4, 8, 12)), "w has 3 input channels \\(c\\) but x has 4"),
    ("images", np.zeros((3, 3, 3, 12)), "kernel covers 2×2 but the padded picture")])
def test_what_does_not_fit_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        small()(**{**INPUTS, name: value})
