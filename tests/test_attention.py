from importlib import import_module
from math import log

import numpy as np
import pytest

from numnet import MultiHeadAttention, attention, mask_of, merge_heads, split_heads
from numnet.study.spread import shaken, spread
from numnet.study.stepper import watch

N, T, U, I, O = 3, 4, 6, 5, 7


def arrays(dtype=np.float64):
    """q (n, t, i), k (n, u, i), v (n, u, o), bias (n, t, u) and dy (n, t, o)."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=axes).astype(dtype) for axes in
            [(N, T, I), (N, U, I), (N, U, O), (N, T, U), (N, T, O)]]


def answers(*args, **options):
    """The value and the gradients, by a dy that is always the same."""
    y, backward = attention(*args, **options)
    return [y, *backward(arrays(y.dtype)[4])]


def assert_same(ours, expected, rtol=1e-12):
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-14)


def test_a_query_takes_from_each_key_the_share_worked_out_by_hand():
    q = np.array([[2 * log(2), 0, 2 * log(5), 0], [0, 2 * log(3), 0, 9]])
    v = np.array([[8.0, 0], [0, 8], [80, 0]])
    y, _ = attention(q, np.eye(3, 4), v)             # √4 is 2: scores log 2, 0, log 5
    np.testing.assert_allclose(y, [[52, 1], [17.6, 4.8]], rtol=1e-14)


def test_a_bias_is_added_to_the_scores():
    q, k, v = np.zeros((2, 5)), np.zeros((3, 5)), np.array([[8.0], [16], [80]])
    y, _ = attention(q, k, v, np.log([[2.0, 1, 5], [1, 2, 1]]))
    np.testing.assert_allclose(y, [[54], [30]], rtol=1e-14)


def test_a_mask_is_true_where_a_query_may_look():
    q, k, v, *_ = arrays()
    one = np.arange(U) == np.array([4, 0, 5, 1])[:, None]
    y, _ = attention(q, k, v, mask=one)
    np.testing.assert_allclose(y, v[:, [4, 0, 5, 1]], rtol=1e-14)


def test_a_masked_key_is_as_if_it_were_not_there():
    q, k, v, *_ = arrays()
    left = [0, 2, 3, 5]
    y, dq, dk, dv = answers(q, k, v, mask=np.isin(np.arange(U), left)[None])
    few, few_dq, few_dk, few_dv = answers(q, k[:, left], v[:, left])
    assert_same([y, dq, dk[:, left], dv[:, left]], [few, few_dq, few_dk, few_dv])
    assert not dk[:, [1, 4]].any() and not dv[:, [1, 4]].any()


def test_a_causal_query_sees_its_own_step_and_those_before_it_and_no_other():
    q, k, v, *_ = arrays()
    y, dq, dk, dv = answers(q, k, v, causal=True)
    np.testing.assert_allclose(y[:, 0], v[:, 0], rtol=1e-14)
    for t in range(T):
        alone, _ = attention(q[:, t:t + 1], k[:, :t + 1], v[:, :t + 1])
        np.testing.assert_allclose(y[:, t:t + 1], alone, rtol=1e-13)
    assert not dk[:, T:].any() and not dv[:, T:].any()
    assert_same([y, dq, dk, dv], answers(q, k, v, mask=np.tri(T, U, dtype=bool)))


def test_a_mask_and_causal_both_hold():
    q, k, v, *_ = arrays()
    mask = np.arange(T * U).reshape(T, U) % 3 != 0
    assert_same(answers(q, k, v, mask=mask, causal=True),
                answers(q, k, v, mask=mask & np.tri(T, U, dtype=bool)))


def test_a_bias_of_minus_infinity_is_a_mask():
    q, k, v, bias, _ = arrays()
    mask = np.arange(N * T * U).reshape(N, T, U) % 4 != 1
    masked = answers(q, k, v, bias, mask=mask)
    assert_same(answers(q, k, v, np.where(mask, bias, -np.inf)), masked)
    assert not masked[-1][~mask].any()


def test_a_mask_of_fewer_axes_holds_for_all_and_one_of_true_changes_nothing():
    q, k, v, *_ = arrays()
    mask = np.arange(U) > 2
    assert_same(answers(q, k, v, mask=mask),
                answers(q, k, v, mask=np.broadcast_to(mask, (N, T, U)).copy()))
    assert_same(answers(q, k, v, mask=np.array(True)), answers(q, k, v))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", ["mask", "bias", "both"])
def test_a_query_that_may_look_at_nothing_gets_zeros_and_a_zero_gradient(dtype, how):
    q, k, v, bias, dy = arrays(dtype)
    may = np.ones((N, T, U), bool)
    may[1, 2] = False
    mask = None if how == "bias" else may
    bias = bias if how == "mask" else np.where(may, bias, dtype(-np.inf))
    with np.errstate(all="raise", under="ignore"):
        y, backward = attention(q, k, v, bias, mask=mask)
        grads = backward(dy)
    assert not y[1, 2].any() and not grads[0][1, 2].any() and not grads[3][1, 2].any()
    for array in (y, *grads):
        assert np.isfinite(array).all() and array.dtype == dtype and array.any()

    others = [0, 1, 3]                               # and has no say for the keys
    _, backward = attention(q[:, others], k, v, bias[:, others])
    dq, dk, dv, _ = backward(dy[:, others])
    np.testing.assert_allclose(grads[1][1], dk[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(grads[2][1], dv[1], rtol=1e-5, atol=1e-6)


def test_queries_without_any_key_get_zeros():
    q, k, v, _, dy = arrays()
    y, backward = attention(q, k[:, :0], v[:, :0])
    assert y.shape == (N, T, O) and not y.any()
    assert not backward(dy)[0].any()


def test_scores_that_are_huge_or_far_apart_neither_overflow_nor_vanish():
    q, k, v, *_ = arrays()
    k[0] *= 1e6
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        y, *grads = answers(q, k, v)
    best = (q @ k.swapaxes(1, 2)).argmax(axis=2)
    np.testing.assert_allclose(y[0], v[0][best[0]])
    assert_same([y[1:]], [attention(q[1:], k[1:], v[1:])[0]])
    assert all(np.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize("chunk", [100, 48, 30, 13, 1])       # of scores (3, 2, 4, 6)
@pytest.mark.parametrize("kept", [0, 1000])
def test_cut_in_pieces_and_with_shares_made_again_it_is_the_same(
        chunk, kept, monkeypatch):
    rng = np.random.default_rng(0)
    q, k, v, bias, dy = (rng.normal(size=(3, 2, *size)) for size in (
        (T, I), (U, I), (U, O), (T, U), (T, O)))
    options = {"mask": rng.random((3, 1, T, U)) < 0.7, "causal": True}

    def results():
        y, backward = attention(q, k, v, bias, **options)
        return y, *backward(dy)

    whole = results()
    module = import_module("numnet.attention")
    monkeypatch.setattr(module, "CHUNK", chunk)
    monkeypatch.setattr(module, "KEPT", kept)
    with watch("attention.1", "attention.3") as steps:
        pieces = results()
    tags, count = [step.tag for step in steps], {100: 2, 48: 3, 30: 6, 13: 12, 1: 24}
    assert tags.count("attention.3") == count[chunk]
    assert tags.count("attention.1") == count[chunk] * (1 if kept else 2)
    for ours, plain in zip(pieces, whole, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-12, atol=1e-12)


def test_split_heads_gives_each_head_neighbouring_features():
    x = np.arange(24.0).reshape(2, 2, 6)
    y, _ = split_heads(x, heads=3)
    np.testing.assert_array_equal(y[1], [[[12, 13], [18, 19]], [[14, 15], [20, 21]],
                                         [[16, 17], [22, 23]]])
    np.testing.assert_array_equal(merge_heads(y)[0], x)


def look(width=6, heads=2, memory_width=None):
    rng = np.random.default_rng(1)
    layer = shaken(MultiHeadAttention(width, heads, rng, memory_width), rng)
    return layer, spread(rng, N, T, width), spread(rng, N, U, memory_width or width)


def test_heads_are_attentions_over_columns_of_their_own_side_by_side():
    layer, x, memory = look(memory_width=5)
    w = layer.state_dict()
    q = x @ w["q.w"] + w["q.b"]
    k, v = (memory @ w[f"{name}.w"] + w[f"{name}.b"] for name in "kv")
    heads = [attention(q[..., s], k[..., s], v[..., s])[0]
             for s in (slice(0, 3), slice(3, 6))]
    y, _ = layer(x, memory)
    np.testing.assert_allclose(
        y, np.concatenate(heads, axis=-1) @ w["o.w"] + w["o.b"], rtol=1e-12, atol=1e-13)


def test_looking_at_oneself_is_looking_at_a_memory_that_is_oneself():
    layer, x, _ = look()
    (y, backward), (same, memory_backward) = layer(x), layer(x, x)
    dx, dmemory = memory_backward(x)
    np.testing.assert_array_equal(y, same)
    np.testing.assert_allclose(backward(x), dx + dmemory, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_hidden_by_mask_of_is_as_if_it_were_not_there(causal):
    layer, x, _ = look()
    lengths = np.array([3, 4, 1])
    y, backward = layer(x, mask=mask_of(lengths, T), causal=causal)
    dy = np.where(np.arange(T) < lengths[:, None], 1.0, 0)[:, :, None] * x
    dx = backward(dy)
    for n, length in enumerate(lengths):
        alone, alone_backward = layer(x[n:n + 1, :length], causal=causal)
        np.testing.assert_allclose(y[n, :length], alone[0], rtol=1e-12)
        np.testing.assert_allclose(dx[n, :length],
                                   alone_backward(dy[n:n + 1, :length])[0], rtol=1e-10)
        assert not dx[n, length:].any()


def test_a_mask_hides_a_step_from_those_after_it_when_causal_too():
    layer, x, _ = look()
    other, mask = x.copy(), np.arange(T) != 1
    other[:, 1] = 9
    (y, backward), (same, _) = (layer(each, mask=mask, causal=True)
                                for each in (x, other))
    np.testing.assert_array_equal(y[:, mask], same[:, mask])
    assert not backward(x * mask[:, None])[:, 1].any()
    assert (layer(x, causal=True)[0][:, 2:] != y[:, 2:]).any(axis=2).all()


def test_mask_of_says_which_words_are_there():
    mask = mask_of(np.array([2, 3, 1]), 3)
    assert mask.shape == (3, 1, 1, 3) and mask.dtype == bool
    assert mask[:, 0, 0].tolist() == [[1, 1, 0], [1, 1, 1], [1, 0, 0]]
    assert mask_of(np.array([0, 2]), 2)[:, 0, 0].tolist() == [[0, 0], [1, 1]]
    assert mask_of(np.array([0, 0]), 0).shape == (2, 1, 1, 0)


def test_a_layer_starts_unbiased_with_weights_of_both_widths():
    layer = MultiHeadAttention(6, 3, np.random.default_rng(0), memory_width=4)
    shapes = {name: p.value.shape for name, p in layer.named_parameters().items()}
    assert shapes == {"q.w": (6, 6), "q.b": (6,), "k.w": (4, 6), "k.b": (6,),
                      "v.w": (4, 6), "v.b": (6,), "o.w": (6, 6), "o.b": (6,)}
    assert not any(p.value.any() for name, p in layer.named_parameters().items()
                   if name.endswith("b"))
