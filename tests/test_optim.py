import numpy as np
import pytest

from numnet import SGD, Adam, Linear, Parameter, clip_grad_norm, cosine

OTHER = "^{}: the saved state is of another model$"


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


@pytest.mark.parametrize("make", [lambda p: SGD(p, lr=0.5), lambda p: Adam(p, lr=0.5)])
def test_an_optimiser_keeps_its_parameters_when_the_list_it_was_given_changes(make):
    p, q = parameter([1, 2, 3], [4, 5, 6]), parameter([[7], [8]], [[1], [1]])
    given = [p]
    optimizer = make(given)
    given[0] = q
    optimizer.step()
    assert (p.value < [1, 2, 3]).all() and q.value.tolist() == [[7], [8]]


def test_a_change_of_lr_leaves_the_velocity_as_it_was():
    p = parameter([0, 0, 0], [1, 2, 4])
    optimizer = SGD([p], lr=1.0, momentum=0.5)
    optimizer.step()
    optimizer.lr = 0.5
    optimizer.step()
    assert p.value.tolist() == [-1.75, -3.5, -7]


def test_two_steps_of_adam_are_those_worked_out_by_hand():
    """m is 0.1 and 0.04, v 0.001 and 0.001249, each over 1 less the power of β."""
    p = Parameter(np.zeros(2))
    optimizer = Adam([p], lr=0.1)
    weights = []
    for grad in (1.0, -0.5):
        p.grad = np.array([grad, 2 * grad])          # its size makes no difference
        optimizer.step()
        weights.append(p.value.tolist())
    second = -0.1 - 0.1 * (0.04 / 0.19) / np.sqrt(0.001249 / 0.001999)
    assert second == pytest.approx(-0.1266, abs=5e-5)
    np.testing.assert_allclose(weights, [[-0.1, -0.1], [second, second]], rtol=1e-7)


def test_the_first_step_of_adam_is_a_thousandth_unless_asked_otherwise():
    p = Parameter(np.zeros(2))
    p.grad = np.array([3.0, -0.1])
    Adam([p]).step()
    np.testing.assert_allclose(p.value, [-1e-3, 1e-3], rtol=1e-6)
    p = Parameter(np.zeros(2))
    p.grad = np.array([1e-8, -3e-8])                 # as small as ε, and three times it
    Adam([p]).step()
    np.testing.assert_allclose(p.value, [-0.5e-3, 0.75e-3], rtol=1e-6)


def test_betas_and_eps_are_where_the_formula_has_them():
    p = Parameter(np.array([0.0, 0, 0]))
    optimizer = Adam([p], lr=1.0, betas=(0.5, 0.75), eps=0.5)
    p.grad = np.array([4.0, 0, -1])
    optimizer.step()                                 # u = dw / (|dw| + ε)
    np.testing.assert_allclose(p.value, [-4 / 4.5, 0, 1 / 1.5], rtol=1e-15)
    before, p.grad = p.value, np.array([0.0, 0, -1])
    optimizer.step()                                 # m: 1, -3/4; v: 12 / 4, 7/16
    u = [1 / 0.75 / (np.sqrt(3 / (7 / 16)) + 0.5), 0, -1 / 1.5]
    np.testing.assert_allclose(p.value - before, np.negative(u), rtol=1e-14)


def test_the_decay_of_adam_acts_on_the_weight_and_not_through_its_gradient():
    p = parameter([2, -4, 8], [0, 0, 0])
    optimizer = Adam([p], lr=0.5, weight_decay=0.25)
    optimizer.step()
    np.testing.assert_allclose(p.value, [1.75, -3.5, 7], rtol=1e-6)
    assert not optimizer.m[0].any() and not optimizer.v[0].any()
    q, r = parameter([2, -4, 8], [1, 2, 3]), parameter([2, -4, 8], [1, 2, 3])
    Adam([q], lr=0.5, weight_decay=0.25).step()
    Adam([r], lr=0.5).step()
    np.testing.assert_allclose(q.value, r.value - [0.25, -0.5, 1], rtol=1e-6)


def test_every_step_of_adam_has_its_own_number():
    """With one gradient for ever, m / (1 - β1^k) is that gradient at each step."""
    p = parameter([0, 0, 0], [3, -0.5, 0])
    optimizer = Adam([p], lr=0.25)
    for k in range(1, 8):
        optimizer.step()
        np.testing.assert_allclose(p.value, [-0.25 * k, 0.25 * k, 0], rtol=1e-4)
    assert optimizer.steps == 7


def test_a_zero_gradient_moves_nothing_and_brings_no_warning():
    p = parameter([1, 2, 3], [0, 0, 0])
    with np.errstate(all="raise"):
        Adam([p]).step()
    assert p.value.tolist() == [1, 2, 3]


def test_adam_takes_a_parameter_without_axes():
    p = Parameter(np.array(1.0, np.float32))
    optimizer = Adam([p], lr=0.5)
    for _ in range(2):
        p.grad = np.float32(2)
        optimizer.step()
    assert p.value == pytest.approx(0, abs=1e-6) and p.value.dtype == np.float32
    optimizer.load_state_dict(optimizer.state_dict())


def test_settings_from_numpy_do_not_turn_float32_weights_into_float64():
    p, q = parameter([1, 2, 3], [4, 5, 6]), parameter([1, 2, 3], [4, 5, 6])
    sgd = SGD([p], *np.array([0.1, 0.9, 0.01]))
    adam = Adam([q], np.float64(0.1), np.array([0.9, 0.99]), *np.array([1e-8, 0.01]))
    for optimizer in (sgd, adam):
        optimizer.lr = np.float64(0.2)
        clip_grad_norm(optimizer.parameters, np.float64(0.5))
        optimizer.step()
    for array in (p.value, p.grad, sgd.velocity[0], q.value, q.grad, adam.m[0],
                  adam.v[0]):
        assert array.dtype == np.float32


@pytest.mark.parametrize("make", [lambda p: SGD(p, lr=0.1, momentum=0.9), Adam])
def test_a_step_writes_into_no_array(make):
    p = parameter([1, 2, 3], [4, 5, 6])
    value, grad = p.value, p.grad
    optimizer = make([p])
    for array in (value, grad, *optimizer.state_dict().values()):
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


@pytest.mark.parametrize("make", [lambda p: SGD(p, lr=0.1, momentum=0.9), Adam])
def test_a_saved_state_continues_as_if_nothing_had_happened(make):
    def steps(p, optimizer, count):
        for k in range(count):
            p.grad = np.array([k, 1, -k], np.float32)
            optimizer.step()
        return p.value.tolist()
    p, q = parameter([1, 2, 3], [0, 0, 0]), parameter([1, 2, 3], [0, 0, 0])
    first, second = make([p]), make([q])
    steps(p, first, 3)
    q.value = p.value
    second.load_state_dict(first.state_dict())
    assert steps(q, second, 2) == steps(p, first, 2)


@pytest.mark.parametrize("make", [lambda p: SGD(p, lr=0.1, momentum=0.9), Adam])
def test_later_steps_change_no_state_that_was_saved(make):
    layer = Linear(3, 4, np.random.default_rng(0))
    optimizer = make(layer.parameters())
    y, backward = layer(np.ones((2, 3), np.float32))
    backward(y)

    def states():
        return [layer.state_dict(), optimizer.state_dict()]

    optimizer.step()
    saved, written = states(), [{k: v.tolist() for k, v in s.items()} for s in states()]
    for _ in range(2):
        optimizer.step()
    for state, before, now in zip(saved, written, states()):
        for name, array in state.items():
            assert array.tolist() == before[name] != now[name].tolist()


def test_a_state_of_another_model_changes_nothing():
    optimizer = SGD([parameter([1, 2], [0, 0]), parameter([3], [0])], 0.1)
    before = list(optimizer.velocity)
    for state in [{}, {"velocity.0": np.ones(2, "f4")},
                  {"velocity.0": np.ones(2, "f4"), "velocity.1": np.ones(2, "f4")},
                  {"velocity.0": np.ones(2, "f4"), "velocity.1": np.ones(1, "f8")},
                  {f"velocity.{k}": np.ones(2, "f4") for k in range(3)}]:
        with pytest.raises(ValueError, match=OTHER.format("SGD")):
            optimizer.load_state_dict(state)
        assert all(a is b for a, b in zip(before, optimizer.velocity))


def test_a_state_of_adam_counts_its_steps_and_is_taken_over_all_or_none():
    optimizer = Adam([parameter([1, 2], [3, 4])])
    optimizer.step()
    state = optimizer.state_dict()
    assert state.keys() == {"steps", "m.0", "v.0"} and state["steps"] == 1
    for wrong in [{}, {**state, "m.1": state["m.0"]}, {**state, "v.0": np.ones(2)},
                  {**state, "steps": np.array(1.0)}]:
        with pytest.raises(ValueError, match=OTHER.format("Adam")):
            optimizer.load_state_dict(wrong)
    assert np.array_equal(optimizer.m[0], state["m.0"]) and optimizer.steps == 1


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


def test_cosine_rises_over_the_warmup_then_holds_then_falls():
    factors = [cosine(k, 10, warmup=3, hold=6) for k in range(11)]
    fall = [(1 + np.cos(np.pi * k / 4)) / 2 for k in range(5)]
    assert factors == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1, *fall])
    assert factors[-1] == 0


def test_without_a_hold_the_fall_begins_where_the_warmup_ends():
    factors = [cosine(k, 6, warmup=2) for k in range(7)]
    assert factors == pytest.approx([cosine(k, 6, warmup=2, hold=1) for k in range(7)])
    assert factors == pytest.approx([0.5, 1, *[cosine(k, 4) for k in range(5)]])
