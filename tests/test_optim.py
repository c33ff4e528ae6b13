import numpy as np
import pytest

from numnet import SGD, Linear, Parameter, clip_grad_norm, cosine


def parameter(value, grad):
    p = Parameter(np.array(value, np.float32))
    p.grad = np.array(grad, np.float32)
    return p


def test_three_steps_with_momentum_and_weight_decay_are_those_worked_out_by_hand():
    p = parameter([1, -2], [0, 0])
    optimizer = SGD([p], lr=0.5, momentum=0.5, weight_decay=0.25)
    weights = []
    for grad in [[1, 0], [-1, 2], [0, 0]]:
        p.grad = np.array(grad, np.float32)
        optimizer.step()
        weights.append(p.value.tolist())
    assert weights == [[0.375, -1.75],
                       [0.515625, -2.40625],
                       [0.521484375, -2.43359375]]
    assert p.value.dtype == np.float32


def test_plain_steps_are_lr_times_the_gradient_for_each_parameter():
    p, q = parameter([1, 2, 3], [4, 0, -4]), parameter([[8], [6]], [[2], [4]])
    SGD([p, q], lr=0.25).step()
    assert p.value.tolist() == [0, 2, 4] and q.value.tolist() == [[7.5], [5]]


def test_a_change_of_lr_leaves_the_velocity_as_it_was():
    p = parameter([0, 0, 0], [1, 2, 4])
    optimizer = SGD([p], lr=1.0, momentum=0.5)
    optimizer.step()
    optimizer.lr = 0.5
    optimizer.step()
    assert p.value.tolist() == [-1.75, -3.5, -7]


def test_settings_from_numpy_do_not_turn_float32_weights_into_float64():
    p = parameter([1, 2, 3], [4, 5, 6])
    optimizer = SGD([p], *np.array([0.1, 0.9, 0.01]))
    optimizer.lr = np.float64(0.2)
    clip_grad_norm([p], np.float64(0.5))
    optimizer.step()
    assert p.value.dtype == p.grad.dtype == optimizer.velocity[0].dtype == np.float32


def test_a_step_writes_into_no_array():
    p = parameter([1, 2, 3], [4, 5, 6])
    value, grad = p.value, p.grad
    optimizer = SGD([p], lr=0.1, momentum=0.9)
    velocity = optimizer.velocity[0]
    for array in (value, grad, velocity):
        array.flags.writeable = False
    optimizer.step()
    clip_grad_norm([p], 0.5)
    assert p.value is not value and grad.tolist() == [4, 5, 6]


def test_an_old_backward_keeps_the_weights_it_was_made_with():
    layer = Linear(3, 4, np.random.default_rng(0))
    w = layer.w.value.copy()
    x, dy = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)
    _, backward = layer(x)
    backward(dy)
    SGD(layer.parameters(), lr=0.5).step()
    assert (layer.w.value != w).all()
    np.testing.assert_array_equal(backward(dy), dy @ w.T)


def test_a_saved_state_continues_as_if_nothing_had_happened():
    def steps(p, optimizer, count):
        for k in range(count):
            p.grad = np.array([k, 1, -k], np.float32)
            optimizer.step()
        return p.value.tolist()
    p, q = parameter([1, 2, 3], [0, 0, 0]), parameter([1, 2, 3], [0, 0, 0])
    first, second = SGD([p], 0.1, momentum=0.9), SGD([q], 0.1, momentum=0.9)
    steps(p, first, 3)
    q.value = p.value
    second.load_state_dict(first.state_dict())
    assert steps(q, second, 2) == steps(p, first, 2)


def test_a_state_of_another_model_changes_nothing():
    optimizer = SGD([parameter([1, 2], [0, 0]), parameter([3], [0])], 0.1)
    before = list(optimizer.velocity)
    for state in [{}, {"velocity.0": np.ones(2, "f4")},
                  {"velocity.0": np.ones(2, "f4"), "velocity.1": np.ones(2, "f4")},
                  {"velocity.0": np.ones(2, "f4"), "velocity.1": np.ones(1, "f8")},
                  {f"velocity.{k}": np.ones(2, "f4") for k in range(3)}]:
        with pytest.raises(ValueError, match="SGD: the saved state is of another"):
            optimizer.load_state_dict(state)
        assert all(a is b for a, b in zip(before, optimizer.velocity))


def test_gradients_are_clipped_by_their_norm_together():
    p, q = parameter([0, 0], [3, 0]), parameter([[0], [0], [0]], [[0], [4], [0]])
    assert clip_grad_norm([p, q], 10.0) == 5.0
    assert p.grad.tolist() == [3, 0]
    assert clip_grad_norm([p, q], 2.5) == 5.0
    np.testing.assert_allclose(p.grad, [1.5, 0], rtol=1e-6)
    np.testing.assert_allclose(q.grad, [[0], [2], [0]], rtol=1e-6)


def test_a_zero_gradient_stays_zero():
    p = parameter([1, 2, 3], [0, 0, 0])
    assert clip_grad_norm([p], 1.0) == 0.0
    assert p.grad.tolist() == [0, 0, 0]


def test_a_norm_that_is_not_finite_is_told_and_changes_nothing():
    p, q = parameter([1, 2], [3, 4]), parameter([1, 2, 3], [5, np.nan, 6])
    assert np.isnan(clip_grad_norm([p, q], 1.0))
    q.grad = np.array([5, np.inf, 6], np.float32)
    assert clip_grad_norm([p, q], 1.0) == np.inf
    assert p.grad.tolist() == [3, 4] and q.grad.tolist() == [5, np.inf, 6]


def test_cosine_falls_from_1_over_a_half_to_0():
    factors = [cosine(k, 6) for k in (0, 2, 3, 4, 6)]
    assert factors == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert type(cosine(np.int64(2), 6)) is float


P = parameter([1, 2], [3, 4])
BAD = [
    (lambda: SGD([], 0.1), "SGD: parameters must be at least one, each given once"),
    (lambda: SGD([P, P], 0.1), "SGD: parameters must be at least one, each given once"),
    (lambda: SGD([P], -0.1), "SGD: lr must be 0 or more, got -0.1"),
    (lambda: SGD([P], np.nan), "SGD: lr must be 0 or more, got nan"),
    (lambda: SGD([P], np.inf), "SGD: lr must be 0 or more, got inf"),
    (lambda: SGD([P], 0.1, 1.0), "SGD: momentum must be 0 or more and less than 1"),
    (lambda: SGD([P], 0.1, -0.5), "SGD: momentum must be 0 or more and less than 1"),
    (lambda: SGD([P], 0.1, 0, -1), "SGD: weight_decay must be 0 or more, got -1"),
    (lambda: clip_grad_norm([P], 0), "clip_grad_norm: max_norm must be more than 0"),
    (lambda: clip_grad_norm([P], np.nan), "max_norm must be more than 0, got nan"),
    (lambda: clip_grad_norm([P, P], 1), "clip_grad_norm: parameters must be at least"),
    (lambda: SGD([parameter([1, 2], [3])], 0.1).step(), r"\(2,\) has .* shape \(1,\)"),
]


@pytest.mark.parametrize("call, message", BAD)
def test_an_optimizer_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert P.value.tolist() == [1, 2] and P.grad.tolist() == [3, 4]
