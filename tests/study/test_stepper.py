import importlib.util
import sys

import numpy as np
import pytest

from numnet.activation import relu
from numnet.attention import MultiHeadAttention, attention
from numnet.convolution import conv2d
from numnet.linear import Linear, linear
from numnet.loss import contrastive, cross_entropy
from numnet.metrics import accuracy, average_precision
from numnet.module import Sequential
from numnet.optim import SGD
from numnet.pooling import global_max_pool2d, max_pool2d
from numnet.recurrent import rnn
from numnet.study.stepper import watch
from numnet.training import train_step
from numnet.winograd import winograd

ODD = '''
def odd(x):
    r"""Whatever Python allows.

    (odd.1)  y_k = x_k + 1
    (odd.2)  z_k = \\sum_k x_k
    (odd.3)  w_k = 2 x_k
    (odd.4)  a_k = x_k
    (odd.5)  b_k = x_k
    (odd.6)  c_k = x_k
    """
    y = sum(
        value + 1 for value in steps_of(x)
    )                                                # (odd.1)
    z = [k * k for k in Count(3)]                    # (odd.2)
    for value in steps_of(x):
        w = 2 * value                                # (odd.3)
    b = [0, 0]
    a, b[1] = x[:2]                                  # (odd.4)
    try:
        b = x[99]                                    # (odd.5)
    except IndexError:
        pass
    c = "words"                                      # (odd.6)
    return y, z, w


def steps_of(x):
    for value in x:
        yield value
'''


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def the_tracer_is_taken_away():
    before = sys.gettrace()
    yield
    assert sys.gettrace() is before


def values(steps, tag, name):
    return [step.arrays[name] for step in steps if step.tag == tag]


def tags(steps):
    return [step.tag for step in steps]


# ---- the values are the op's own ----------------------------------------------------

def test_the_lines_of_linear_come_in_order_with_what_they_assigned(rng):
    x, w, b, dy = (rng.normal(size=s) for s in [(5, 3), (3, 4), (4,), (5, 4)])
    with watch() as steps:
        y, backward = linear(x, w, b)
        gradients = backward(dy)
    assert tags(steps) == ["linear.1", "linear.2", "linear.3", "linear.4"]
    for step, name, value in zip(steps, ("y", "dx", "dw", "db"), (y, *gradients)):
        assert list(step.arrays) == [name]
        assert (step.arrays[name] == value).all()
        assert step.arrays[name] is not value        # a copy


def test_a_line_in_a_loop_is_a_step_each_time(rng):
    x, w, b = (rng.normal(size=s) for s in [(2, 3, 6, 7), (4, 3, 2, 3), (4,)])
    with watch("conv2d.1", "conv2d.2", "conv2d.4") as steps:
        y, backward = conv2d(x, w, b)
        _, _, db = backward(y)
    assert tags(steps) == ["conv2d.1"] + ["conv2d.2"] * 6 + ["conv2d.4"]
    assert (steps[0].arrays["y"].reshape(2, 5, 5, 4).transpose(0, 3, 1, 2) == y).all()
    assert (steps[-1].arrays["db"] == db).all()
    assert all(tap.shape == (2, 5, 5, 3) for tap in values(steps, "conv2d.2", "tap"))


def test_an_rnn_has_as_many_steps_as_time_and_goes_back_from_the_last(rng):
    sizes = [(2, 5, 3), (3, 4), (4, 4), (4,)]
    with watch("rnn.1", "rnn.2", "rnn.4") as steps:
        h, backward = rnn(*(rng.normal(size=size) for size in sizes))
        backward(rng.normal(size=h.shape))
    assert tags(steps) == ["rnn.1", "rnn.2"] * 5 + ["rnn.4"] * 5
    for t, (a, part) in enumerate(zip(values(steps, "rnn.1", "a"),
                                      values(steps, "rnn.2", "h"), strict=True)):
        assert (part == h[:, t]).all() and (np.tanh(a) == part).all()
    assert {da.shape for da in values(steps, "rnn.4", "da")} == {(2, 4)}


def test_the_shares_of_attention_sum_to_one_in_nested_layers(rng):
    layer = MultiHeadAttention(6, 3, rng)
    x = rng.normal(size=(2, 5, 6))
    with watch("attention.2") as steps:
        y, _ = Sequential(layer, relu, layer)(x)
    first, second = values(steps, "attention.2", "p")
    assert first.shape == second.shape == (2, 3, 5, 5)
    assert np.allclose(first.sum(axis=-1), 1) and not np.allclose(first, second)


def test_values_are_those_when_the_line_ran_though_they_change_later(rng):
    x, w = np.arange(6.0).reshape(1, 1, 2, 3), np.ones((1, 1, 2, 2))
    with watch("conv2d.2") as steps:
        y, backward = conv2d(x, w, np.zeros(1))
        backward(np.ones_like(y))
    sums = [step.arrays["tap"].sum() for step in steps]
    assert sums == [2, 3, 2, 3]                      # each adds 2, some where one did


def test_what_a_line_returns_or_writes_by_a_call_or_to_a_parameter_is_read(rng):
    layer, x = Linear(3, 4, rng), rng.normal(size=(2, 3))
    with watch() as steps:
        share = accuracy(np.array([1, 2, 0]), np.array([1, 1, 0]))
        y, backward = global_max_pool2d(rng.normal(size=(2, 3, 4, 5)))
        dx = backward(y)
        pool, backward = max_pool2d(rng.normal(size=(2, 3, 4, 6)), kernel_size=2)
        spread = backward(pool)
        slid, _ = winograd(rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(4, 3, 3, 3)),
                           rng.normal(size=4))
        y, backward = layer(x)
        backward(y)
        SGD(layer.parameters(), lr=0.1).step()
    returned, = values(steps, "accuracy.1", "return")
    assert returned == share and returned.shape == ()
    written, = values(steps, "global_max_pool2d.2", "dx")
    assert (written.swapaxes(1, 2).reshape(dx.shape) == dx).all()
    added, = values(steps, "max_pool2d.2", "dx")     # dx[n].reshape(-1)
    assert (added.reshape(2, 4, 6, 3).transpose(0, 3, 1, 2) == spread).all()
    made, = values(steps, "winograd.4", "rows")      # out=rows
    assert (made.reshape(2, 4, 3, 4).transpose(0, 3, 1, 2) == slid).all()
    assert (values(steps, "apply.1", "arg.grad")[0] == layer.w.grad).all()
    assert (values(steps, "sgd.3", "p.value")[0] == layer.w.value).all()
    assert tags(steps)[-6:] == ["sgd.1", "sgd.2", "sgd.3"] * 2


def test_a_line_that_calls_another_stands_after_it(rng):
    with watch() as steps:
        contrastive(np.eye(3), np.eye(3), np.array(1.0))
        average_precision(rng.normal(size=4), np.array([0, 1, 1, 0]))
    assert tags(steps) == [
        "contrastive.1", "cross_entropy.1", "contrastive.2", "cross_entropy.1",
        "contrastive.3", "contrastive.4", "precision_recall_curve.1",
        "precision_recall_curve.2", "precision_recall_curve.3", "average_precision.1"]


def test_every_line_of_a_training_step_may_be_watched(rng):
    model, label = Sequential(Linear(3, 4, rng), relu), np.array([0, 3])
    x, alike = rng.normal(size=(2, 3)), Sequential(Linear(3, 4, rng), relu)
    alike.load_state_dict(model.state_dict())
    with watch() as steps:
        train_step(model, SGD(model.parameters(), 0.1), {"x": x}, label)
    train_step(alike, SGD(alike.parameters(), 0.1), {"x": x}, label)
    ours, theirs = model.state_dict(), alike.state_dict()
    assert all((ours[name] == theirs[name]).all() for name in ours)
    loss, = values(steps, "cross_entropy.1", "loss")
    assert loss.shape == () and tags(steps).index("linear.2") > \
        tags(steps).index("cross_entropy.3") > tags(steps).index("cross_entropy.1")


# ---- what Python allows -------------------------------------------------------------

class Count:
    """An iterator that raises StopIteration of its own."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


def test_generators_comprehensions_and_several_targets_do_not_confuse_it(tmp_path):
    odd = load(tmp_path, ODD)
    with watch(folder=tmp_path) as steps:
        y, z, w = odd.odd([1, 2, 3])
    assert tags(steps) == ["odd.1", "odd.2", "odd.3", "odd.3", "odd.3", "odd.4",
                           "odd.6"]
    assert values(steps, "odd.1", "y") == [9] == [y]
    assert values(steps, "odd.2", "z")[0].tolist() == [4, 1, 0] == z
    assert values(steps, "odd.3", "w") == [2, 4, 6]
    assert steps[-2].arrays == {"a": 1, "b": 2}
    assert steps[-1].arrays == {}                    # words are no array


def load(folder, source):
    path = folder / "odd.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("odd", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.Count = Count
    return module


# ---- what was there before is there again -------------------------------------------

def test_a_line_that_raises_is_no_step_and_the_tracer_is_taken_away(rng):
    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError), watch("linear.1") as steps:
        linear(rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), np.zeros(4))
        raise ZeroDivisionError
    assert sys.gettrace() is before and tags(steps) == ["linear.1"]
    with pytest.raises(ValueError), watch() as steps:
        cross_entropy(np.zeros((2, 3)), label=np.array([0, 3]))
    assert sys.gettrace() is before and steps == []


def test_another_tracer_is_back_after_the_block_and_blocks_may_be_nested(rng):
    before, calls = sys.gettrace(), []
    tracer = lambda frame, event, arg: calls.append(frame.f_code.co_name)
    arguments = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), np.zeros(4)
    sys.settrace(tracer)
    try:
        with watch("linear.1") as outer:
            with watch("linear.1") as inner:
                linear(*arguments)
            linear(*arguments)
        restored = sys.gettrace()
        calls.clear()
        linear(*arguments)
    finally:
        sys.settrace(before)
    assert restored is tracer and "linear" in calls
    assert len(inner) == len(outer) == 1


def test_a_frame_that_outlives_the_block_is_left_alone(rng):
    arguments = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), np.zeros(4)
    with watch() as steps:
        _, backward = linear(*arguments)
    backward(np.ones((2, 4)))
    linear(*arguments)
    assert tags(steps) == ["linear.1"]


def test_only_what_is_asked_for_is_recorded_and_must_exist(rng):
    q = rng.normal(size=(4, 3))
    with watch("attention.3") as steps:
        attention(q, q, q)
    assert tags(steps) == ["attention.3"]
    with pytest.raises(ValueError, match="no line is tagged attention.99"):
        with watch("attention.99"):
            pass
