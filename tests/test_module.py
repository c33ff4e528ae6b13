from functools import partial

import numpy as np
import pytest

from numnet import (Conv2d, Linear, Module, Parameter, Sequential, apply, linear,
                    max_pool2d, product, relu)


class Twins(Module):
    """Two branches that share a layer, a list of layers and a parameter of its own."""

    def __init__(self, rng):
        self.left = self.right = Linear(3, 4, rng)
        self.rest = [Linear(4, 2, rng), Sequential(Linear(2, 5, rng))]
        self.scale = Parameter(np.ones(5, np.float32))
        self.name = "no parameter"


NAMES = ["left.w", "left.b", "rest.0.w", "rest.0.b",
         "rest.1.layers.0.w", "rest.1.layers.0.b", "scale"]


def grads(module):
    return {name: p.grad.copy() for name, p in module.named_parameters().items()}


def test_names_are_dotted_paths_and_a_shared_parameter_comes_once():
    twins = Twins(np.random.default_rng(0))
    assert list(twins.named_parameters()) == NAMES
    assert list(twins.state_dict()) == NAMES
    assert [p for p in twins.parameters()] == list(twins.named_parameters().values())
    assert twins.right.w in twins.parameters()


def test_a_layer_called_twice_adds_both_gradients():
    rng = np.random.default_rng(0)
    layer = Linear(3, 4, rng)
    x1, x2, dy1, dy2 = [rng.normal(size=s) for s in [(2, 3), (5, 3), (2, 4), (5, 4)]]
    _, backward1 = layer(x1)
    _, backward2 = layer(x2)                          # before the first one's backward
    dx1, dx2 = backward1(dy1), backward2(dy2)
    np.testing.assert_allclose(layer.w.grad, x1.T @ dy1 + x2.T @ dy2)
    np.testing.assert_allclose(layer.b.grad, dy1.sum(0) + dy2.sum(0))
    np.testing.assert_allclose(dx1, dy1 @ layer.w.value.T)
    np.testing.assert_allclose(dx2, dy2 @ layer.w.value.T)


def test_a_parameter_given_twice_to_one_op_gets_both_gradients():
    def product(x, w):
        return x * w, lambda dy: (dy * w, dy * x)
    p = Parameter(np.array([1.0, 2.0, 3.0]))
    _, backward = apply(product, p, p)
    assert backward(np.array([1.0, 10.0, 100.0])) is None
    assert p.grad.tolist() == [2, 40, 600]


def test_a_parameter_used_again_further_on_gets_the_gradients_of_both_depths():
    p, a = Parameter(np.array([1.0, 2.0, 3.0])), np.array([3.0, 5.0, 7.0])
    u, u_backward = apply(product, p, a)             # y = x (x a), so dx = 2 x a
    y, y_backward = apply(product, p, u)
    u_backward(y_backward(np.array([1.0, 10.0, 100.0])))
    assert y.tolist() == [3, 20, 63] and p.grad.tolist() == [6, 200, 4200]


def test_gradients_add_up_until_zero_grad():
    layer = Linear(3, 4, np.random.default_rng(0))
    y, backward = layer(np.ones((2, 3), np.float32))
    backward(y)
    once = grads(layer)
    backward(y)
    for name, grad in grads(layer).items():
        np.testing.assert_array_equal(grad, 2 * once[name])
    layer.zero_grad()
    for p in layer.parameters():
        assert not p.grad.any() and p.grad.dtype == np.float32


def test_adding_a_gradient_writes_into_no_array():
    layer = Linear(3, 4, np.random.default_rng(0))
    old = layer.w.grad
    old.flags.writeable = False
    y, backward = layer(np.ones((2, 3), np.float32))
    backward(y)
    assert layer.w.grad is not old and not old.any()


def test_apply_returns_the_gradients_of_plain_arrays_in_their_order():
    x, w, b = np.ones((2, 3)), np.ones((3, 4)), np.ones(4)
    dy = np.ones((2, 4))
    dx, dw, db = linear(x, w, b)[1](dy)
    p = Parameter(b)
    both = apply(linear, x, w, p)[1](dy)
    assert isinstance(both, tuple) and len(both) == 2
    np.testing.assert_array_equal(both[0], dx)
    np.testing.assert_array_equal(both[1], dw)
    np.testing.assert_array_equal(p.grad, db)
    one = apply(linear, x, Parameter(w), Parameter(b))[1](dy)
    np.testing.assert_array_equal(one, dx)
    assert apply(linear, *map(Parameter, (x, w, b)))[1](dy) is None


def test_apply_takes_the_bare_gradient_of_an_op_of_one_array():
    x, dy = np.array([[1.0, -2, 3], [-4, 5, 6]]), np.array([[2.0, 3, 4], [5, 6, 7]])
    expected = relu(x)[1](dy)
    p = Parameter(x)
    np.testing.assert_array_equal(apply(relu, x)[1](dy), expected)
    assert apply(relu, p)[1](dy) is None
    np.testing.assert_array_equal(p.grad, expected)


def test_a_network_is_in_training_until_told_otherwise_with_every_module_within():
    def said():
        return [module.training for module in
                (twins, twins.left, *twins.rest, twins.rest[1].layers[0])]

    twins = Twins(np.random.default_rng(0))
    assert said() == 5 * [True]
    twins.train(False)
    assert said() == 5 * [False]
    twins.rest[1].train()
    assert said() == [False, False, False, True, True]
    assert Linear(3, 4, np.random.default_rng(0)).training


def test_apply_refuses_an_op_that_forgets_a_gradient():
    def forgetful(x, w, b):
        return x @ w + b, lambda dy: (dy @ w.T, x.T @ dy)
    layer = [Parameter(np.ones((3, 4))), Parameter(np.ones(4))]
    _, backward = apply(forgetful, np.ones((2, 3)), *layer)
    with pytest.raises(ValueError, match="shorter"):
        backward(np.ones((2, 4)))


def test_sequential_calls_in_order_and_goes_back_in_reverse():
    rng = np.random.default_rng(0)
    first, second = Conv2d(2, 3, (2, 3), rng), Conv2d(3, 5, 2, rng)
    pool = partial(max_pool2d, kernel_size=(2, 1))
    network = Sequential(first, relu, pool, second)
    x = rng.normal(size=(4, 2, 7, 6)).astype(np.float32)
    y, backward = network(x)
    dy = rng.normal(size=y.shape).astype(np.float32)
    dx, together = backward(dy), grads(network)

    network.zero_grad()
    h, first_backward = first(x)
    h, relu_backward = relu(h)
    h, pool_backward = pool(h)
    by_hand, second_backward = second(h)
    np.testing.assert_array_equal(y, by_hand)
    np.testing.assert_array_equal(
        dx, first_backward(relu_backward(pool_backward(second_backward(dy)))))
    for name, grad in grads(network).items():
        np.testing.assert_array_equal(grad, together[name])


def test_state_dict_is_a_copy_and_load_state_dict_takes_one():
    rng = np.random.default_rng(0)
    here, there = Twins(rng), Twins(rng)
    state = here.state_dict()
    there.load_state_dict(state)
    for array in state.values():
        array += 1
    for mine, theirs, changed in zip(here.parameters(), there.parameters(),
                                     state.values()):
        np.testing.assert_array_equal(mine.value, theirs.value)
        assert (mine.value != changed).all()
    assert there.left.w is there.right.w


BAD = [
    (lambda s: s.pop("rest.0.b"), r"missing \['rest.0.b'\], not expected \[\]"),
    (lambda s: s.update(extra=s["scale"]), r"missing \[\], not expected \['extra'\]"),
    (lambda s: s.update(scale=s["scale"][:4]),
     r"scale is float32 \(5,\) in the model but float32 \(4,\) in the weights"),
    (lambda s: s.update(scale=s["scale"].astype("f8")), "but float64 .* the weights"),
]


@pytest.mark.parametrize("spoil, message", BAD)
def test_weights_of_another_model_change_nothing(spoil, message):
    twins = Twins(np.random.default_rng(0))
    before = twins.state_dict()
    state = {name: value + 1 for name, value in before.items()}
    spoil(state)
    with pytest.raises(ValueError, match=f"load_state_dict: .*{message}"):
        twins.load_state_dict(state)
    for name, value in twins.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
